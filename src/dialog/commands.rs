//! What the floor above, and the clock, want of a session.

use super::context::DialogContext;
use super::effect::{EndingSide, Event};
use super::handshake::Handshake;
use super::input::Command;
use super::sent::Purpose;
use super::session::{InviteSession, SessionState};
use super::session_timer::TimerDue;
use crate::cause::Cause;
use crate::sip::{HeaderName, Method};
use crate::time::{Instant, earliest};

impl InviteSession {
    /// What the floor above wants; after the end nothing, for its wish crossed our event.
    pub fn command(&mut self, cx: &mut DialogContext<'_>, command: Command) {
        if self.is_over() {
            return;
        }
        match command {
            // A call has a session of its own: Machine::command.
            Command::Call(_) => {}
            Command::Provisional { status, reason, body, headers } => {
                self.provisional(cx, status, &reason, body.as_ref(), &headers);
            }
            Command::Accept { body, headers } => self.accept(cx, body, headers),
            Command::Reject { status, reason, headers } => {
                self.reject(cx, status, &reason, &headers);
            }
            Command::Ack { body } => self.answer_due(cx, Some(body)),
            Command::AnswerPrack { body } => self.answer_prack(cx, body),
            Command::End { reason } => self.end(cx, reason),
            Command::Reoffer { body } => self.reoffer(cx, body),
            Command::Update { body, headers } => self.update(cx, body, headers),
            Command::Answer { body } => self.answer_change(cx, body),
            Command::Refuse { status } => self.refuse_change(cx, status),
            Command::Info { tag, headers, body } => {
                let purpose = Purpose::Info { tag };
                if !self.send(cx, Method::INFO, &headers, body.as_ref(), purpose) {
                    cx.tell(Event::InfoAnswered { tag, status: 481 });
                }
            }
            Command::Notify { event, state, body } => {
                let headers =
                    vec![(HeaderName::Event, event), (HeaderName::SubscriptionState, state)];
                self.send(cx, Method::NOTIFY, &headers, body.as_ref(), Purpose::Nothing);
            }
            Command::Refer { refer_to, headers } => self.refer(cx, &refer_to, headers),
            Command::Respond { transaction, status, reason, headers } => {
                self.respond_served(cx, transaction, status, &reason, &headers);
            }
        }
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    pub fn deadline(&self) -> Option<Instant> {
        let changes = self.changes.deadline();
        let state = match &self.state {
            SessionState::Ringing(ringing) => earliest(ringing.deadline(), changes),
            SessionState::Established => earliest(self.timer.deadline(), changes),
            SessionState::Calling(calling) => earliest(calling.deadline(), changes),
            SessionState::Over { .. } => None,
        };
        let handshake = match &self.handshake {
            Handshake::AckDue(due) => Some(due.repeat.at().min(due.give_up)),
            Handshake::Done | Handshake::AnswerDue { .. } => None,
        };
        let acked = self.acks.deadline();
        earliest(earliest(state, handshake), acked)
    }

    /// Does what is due.
    pub fn tick(&mut self, cx: &mut DialogContext<'_>) {
        self.acks.tick(cx);
        self.tick_handshake(cx);
        match &self.state {
            SessionState::Ringing(_) => {
                self.tick_ringing(cx);
                self.tick_changes(cx);
            }
            SessionState::Established => {
                match self.timer.tick(cx.now) {
                    Some(TimerDue::Refresh) => self.refresh(cx),
                    Some(TimerDue::Expired) => self.give_up(cx, Cause::Lost, EndingSide::Timer),
                    None => {}
                }
                self.tick_changes(cx);
            }
            SessionState::Calling(_) => {
                self.tick_calling(cx);
                self.tick_changes(cx);
            }
            SessionState::Over { .. } => {}
        }
    }
}
