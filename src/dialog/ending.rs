//! How a session ends: by CANCEL, refusal or BYE, as its state demands.

use super::context::DialogContext;
use super::effect::{Effect, EndingSide, Event};
use super::handshake::Handshake;
use super::message::HeaderLines;
use super::session::{InviteSession, SessionState};
use crate::cause::Cause;
use crate::sip::HeaderName;

impl InviteSession {
    /// Ends the leg, whatever its state demands.
    pub(super) fn end(&mut self, cx: &mut DialogContext<'_>, reason: Option<String>) {
        match &self.state {
            SessionState::Calling(calling) => {
                let invite = calling.invite();
                cx.out.push(Effect::Cancel { transaction: invite, reason });
                self.finish(cx, Cause::NormalClearing, EndingSide::Us, None);
                self.state = SessionState::Over { invite: Some(invite), bye: None };
            }
            SessionState::Ringing(_) => {
                let headers = reason.map(|reason| (HeaderName::Reason, reason));
                self.reject(cx, Cause::NormalClearing.status(), "", &headers.into_iter().collect());
            }
            SessionState::Established => {
                self.hang_up(cx, reason);
                self.finish(cx, Cause::NormalClearing, EndingSide::Us, None);
            }
            SessionState::Over { .. } => {}
        }
    }

    /// BYE, now or after the ACK; the caller of this finishes.
    fn hang_up(&mut self, cx: &mut DialogContext<'_>, reason: Option<String>) {
        let headers: HeaderLines =
            reason.map(|reason| (HeaderName::Reason, reason)).into_iter().collect();
        self.drop_changes(cx);
        // §13.2.2.4: a 2xx gets its ACK even when the session is unwanted.
        self.answer_due(cx, None);
        match &self.handshake {
            Handshake::AckDue(due) if due.first => {
                self.state = SessionState::Over { invite: None, bye: Some(headers) };
            }
            Handshake::AckDue(_) | Handshake::Done | Handshake::AnswerDue { .. } => {
                self.handshake = Handshake::Done;
                self.send_bye(cx, &headers);
            }
        }
    }

    /// The session ends by a timer, or because the peer does not know it: BYE in any case (RFC
    /// 3261 §12.2.1.2, RFC 4028 §10).
    pub(super) fn give_up(&mut self, cx: &mut DialogContext<'_>, cause: Cause, by: EndingSide) {
        if matches!(self.state, SessionState::Established) {
            self.handshake = Handshake::Done;
            let headers = vec![(HeaderName::Reason, cause.reason())];
            self.send_bye(cx, &headers);
            self.finish(cx, cause, by, None);
        }
    }

    /// Tells the floor above, refuses what is unanswered, and stops all that only a living session
    /// needs.
    pub(super) fn finish(
        &mut self,
        cx: &mut DialogContext<'_>,
        cause: Cause,
        by: EndingSide,
        reason: Option<String>,
    ) {
        for (transaction, request) in std::mem::take(&mut self.served) {
            self.reply(cx, transaction, &request, 481);
        }
        self.drop_changes(cx);
        self.timer.stop();
        if !self.is_over() {
            self.state = SessionState::Over { invite: None, bye: None };
        }
        cx.tell(Event::Ended { cause, by, reason });
    }
}
