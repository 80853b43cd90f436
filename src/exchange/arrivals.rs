//! What the exchange does with a message before anybody reads it, and how it is read.

use super::api::{Complaint, Effect};
use super::intake::{IntakeVerdict, WaitingMessage};
use super::rooms::{Machine, send};
use crate::ids::CallId;
use crate::sip::{self, Destination, Flow, HeaderName, Message, Method, RequestSummary, SipFault};
use crate::time::Now;
use crate::transaction::{self, SourceTrust};

/// Who gets a 503 unread comes again after at most so many seconds.
const RETRY_AFTER_MAX: u64 = 10;

/// What a message belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum MessageOwner {
    /// It answers what we have asked.
    Answer,
    /// It is a request within a dialog, or ends an INVITE that came.
    Dialog,
    Nothing,
}

impl Machine {
    /// Takes a message in: what belongs to a dialog or a transaction of ours is read at once, all else
    /// when [`serve`](Self::serve) comes to it, or never.
    #[must_use]
    pub fn arrive(&mut self, now: Now, flow: Flow, bytes: &[u8]) -> Vec<Effect> {
        let mut out = Vec::new();
        self.next_hops.heard(flow);
        let summary = sip::summarize(bytes);
        let standing = self.standing(now, flow);
        let verdict = match summary.map_or(MessageOwner::Nothing, |summary| self.claim(&summary)) {
            // As many as we have asked for.
            MessageOwner::Answer => IntakeVerdict::Now,
            MessageOwner::Dialog => {
                self.intake.judge(now.instant, flow.remote.ip(), standing, true)
            }
            MessageOwner::Nothing => {
                self.intake.judge(now.instant, flow.remote.ip(), standing, false)
            }
        };
        match verdict {
            IntakeVerdict::Now => {
                let standing = match standing {
                    SourceTrust::Unauthenticated | SourceTrust::Guest => SourceTrust::Guest,
                    SourceTrust::Trunk | SourceTrust::Registered | SourceTrust::Dialog => {
                        SourceTrust::Dialog
                    }
                };
                self.receive(now, flow, standing, bytes, &mut out);
            }
            IntakeVerdict::Waits => {
                let message =
                    WaitingMessage { flow, standing, since: now.instant, bytes: bytes.into() };
                for (lost, verdict) in self.intake.wait(now.instant, message) {
                    if verdict == IntakeVerdict::Refused {
                        out.extend(self.refuse_unread(lost.flow, &lost.bytes));
                    }
                }
            }
            IntakeVerdict::Refused => out.extend(self.refuse_unread(flow, bytes)),
            IntakeVerdict::Dropped => {}
        }
        out
    }

    /// Reads one of those that wait, or refuses it when it is too late; `None` when none waits.
    #[must_use]
    pub fn serve(&mut self, now: Now) -> Option<Vec<Effect>> {
        let (WaitingMessage { flow, standing, bytes, .. }, verdict) =
            self.intake.next(now.instant)?;
        let mut out = Vec::new();
        match verdict {
            IntakeVerdict::Now | IntakeVerdict::Waits => {
                self.receive(now, flow, standing, &bytes, &mut out);
            }
            IntakeVerdict::Refused => out.extend(self.refuse_unread(flow, &bytes)),
            IntakeVerdict::Dropped => {}
        }
        Some(out)
    }

    /// Takes a message in and reads all that waits.
    #[must_use]
    pub fn hear(&mut self, now: Now, flow: Flow, bytes: &[u8]) -> Vec<Effect> {
        let mut out = self.arrive(now, flow, bytes);
        while let Some(effects) = self.serve(now) {
            out.extend(effects);
        }
        out
    }

    /// Reads a message: a whole step, with all that follows.
    fn receive(
        &mut self,
        now: Now,
        flow: Flow,
        standing: SourceTrust,
        bytes: &[u8],
        out: &mut Vec<Effect>,
    ) {
        self.read(now, flow, standing, bytes, out);
        self.work(now, out);
        self.conclude(now, out);
    }

    fn read(
        &mut self,
        now: Now,
        flow: Flow,
        standing: SourceTrust,
        bytes: &[u8],
        out: &mut Vec<Effect>,
    ) {
        self.received = bytes.len();
        self.credit.received(now.instant, flow, bytes.len());
        match sip::parse(bytes) {
            Ok(Message::Response(response)) if !self.may_answer(&flow, &response) => {
                let what = format!("{} from elsewhere than its request went", response.status);
                out.push(Effect::Complaint { flow, about: Complaint::Elsewhere, what });
            }
            Ok(message) => {
                if let Message::Response(response) = &message {
                    self.note_answer(now, flow, response);
                    if self.end_unremembered(now, flow, standing, response, out) {
                        return;
                    }
                }
                self.transact(now, transaction::Input::Received { flow, standing, message });
            }
            Err(error) if error.what == SipFault::KeepAlive => {}
            Err(error) => {
                if let Some(response) = sip::parse_failure_response(bytes, &error) {
                    out.push(send(Destination::Flow(flow), &Message::Response(response)));
                }
                let (about, what) = (Complaint::Malformed, error.to_string());
                out.push(Effect::Complaint { flow, about, what });
            }
        }
    }

    /// The call that a message is about, by its tags alone: where reading it ends the process, that is the call in
    /// hand.
    #[must_use]
    pub fn concerns(&self, bytes: &[u8]) -> Option<CallId> {
        let summary = sip::summarize(bytes)?;
        let ours = summary.method.map_or(Some(summary.from_tag), |_| summary.to_tag)?;
        self.switchboard.in_call(self.legs.leg_of(ours)?)?
    }

    /// Whether [`serve`](Self::serve) has something to do.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        !self.intake.is_empty()
    }

    /// What speaks for a message by where it comes from alone.
    fn standing(&self, now: Now, flow: Flow) -> SourceTrust {
        if self.intake.knows(now.instant, flow.remote.ip()) {
            SourceTrust::Registered
        } else if self.directory.plan().trunk_from(flow.remote, flow.transport).is_some() {
            SourceTrust::Trunk
        } else {
            SourceTrust::Unauthenticated
        }
    }

    /// Only who has seen our tags and branches can claim what belongs to them.
    fn claim(&self, summary: &RequestSummary<'_>) -> MessageOwner {
        let Some(method) = summary.method else {
            let awaited =
                summary.branch().is_some_and(|branch| self.transactions.is_awaited(branch));
            return if awaited { MessageOwner::Answer } else { MessageOwner::Nothing };
        };
        let in_dialog = |ours| self.legs.knows(summary.call_id, ours, summary.from_tag);
        let ends_invite = method == Method::ACK.as_str() || method == Method::CANCEL.as_str();
        let has_invite = |via| self.transactions.has_invite(&via);
        let is_ours = summary.to_tag.is_some_and(in_dialog)
            || ends_invite && summary.topmost_via().is_some_and(has_invite);
        if is_ours { MessageOwner::Dialog } else { MessageOwner::Nothing }
    }

    /// The cheapest answer: made of what can be copied.
    fn refuse_unread(&mut self, flow: Flow, bytes: &[u8]) -> Option<Effect> {
        let mut response = sip::busy_response(bytes)?;
        response.headers.set_to_tag(&self.tags.of(&response.headers));
        let seconds = 1 + self.random.below(RETRY_AFTER_MAX);
        response.headers.push(HeaderName::RetryAfter, seconds);
        Some(send(Destination::Flow(flow), &Message::Response(response)))
    }
}
