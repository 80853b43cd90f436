//! What the exchange does with a message before anybody reads it.

use super::doorway::Effect;
use super::intake::{Verdict, Waiting};
use super::machine::{Machine, send};
use crate::sip::{self, Destination, Flow, Glance, HeaderName, Message, Method};
use crate::time::Now;
use crate::transaction::Standing;

/// Who gets a 503 unread comes again after at most so many seconds.
const RETRY_AFTER_MAX: u64 = 10;

/// What a message belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Claim {
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
        self.ways.heard(flow);
        let glance = sip::glance(bytes);
        let standing = self.standing(now, flow);
        let verdict = match glance.map_or(Claim::Nothing, |glance| self.claim(&glance)) {
            // As many as we have asked for.
            Claim::Answer => Verdict::Now,
            Claim::Dialog => self.intake.judge(now.instant, flow.remote.ip(), standing, true),
            Claim::Nothing => self.intake.judge(now.instant, flow.remote.ip(), standing, false),
        };
        match verdict {
            Verdict::Now => {
                let standing = match standing {
                    Standing::Stranger | Standing::Guest => Standing::Guest,
                    Standing::Trunk | Standing::Registered | Standing::Dialog => Standing::Dialog,
                };
                self.receive(now, flow, standing, bytes, &mut out);
                self.work(now, &mut out);
            }
            Verdict::Waits => {
                let message = Waiting { flow, standing, since: now.instant, bytes: bytes.into() };
                for (lost, verdict) in self.intake.wait(now.instant, message) {
                    if verdict == Verdict::Refused {
                        out.extend(self.refuse_unread(lost.flow, &lost.bytes));
                    }
                }
            }
            Verdict::Refused => out.extend(self.refuse_unread(flow, bytes)),
            Verdict::Dropped => {}
        }
        out
    }

    /// Reads one of those that wait, or refuses it when it is too late; `None` when none waits.
    #[must_use]
    pub fn serve(&mut self, now: Now) -> Option<Vec<Effect>> {
        let (Waiting { flow, standing, bytes, .. }, verdict) = self.intake.next(now.instant)?;
        let mut out = Vec::new();
        match verdict {
            Verdict::Now | Verdict::Waits => {
                self.receive(now, flow, standing, &bytes, &mut out);
                self.work(now, &mut out);
            }
            Verdict::Refused => out.extend(self.refuse_unread(flow, &bytes)),
            Verdict::Dropped => {}
        }
        Some(out)
    }

    /// Whether [`serve`](Self::serve) has something to do.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        !self.intake.is_empty()
    }

    /// What speaks for a message by where it comes from alone.
    fn standing(&self, now: Now, flow: Flow) -> Standing {
        if self.intake.knows(now.instant, flow.remote.ip()) {
            Standing::Registered
        } else if self.directory.plan().trunk_from(flow.remote).is_some() {
            Standing::Trunk
        } else {
            Standing::Stranger
        }
    }

    /// Only who has seen our tags and branches can claim what belongs to them.
    fn claim(&self, glance: &Glance<'_>) -> Claim {
        let Some(method) = glance.method else {
            let awaited =
                glance.topmost_via().is_some_and(|via| self.transactions.is_awaited(&via));
            return if awaited { Claim::Answer } else { Claim::Nothing };
        };
        let in_dialog = glance
            .to_tag
            .is_some_and(|ours| self.legs.knows(glance.call_id, ours, glance.from_tag));
        let ends_invite = method == Method::ACK.as_str() || method == Method::CANCEL.as_str();
        let invite = ends_invite
            && glance.topmost_via().is_some_and(|via| self.transactions.has_invite(&via));
        if in_dialog || invite { Claim::Dialog } else { Claim::Nothing }
    }

    /// The cheapest answer: made of what can be copied.
    fn refuse_unread(&mut self, flow: Flow, bytes: &[u8]) -> Option<Effect> {
        let mut response = sip::busy_response(bytes)?;
        response.headers.set_to_tag(&self.tags.of(&response.headers));
        let seconds = 1 + self.random.below(RETRY_AFTER_MAX);
        response.headers.push(HeaderName::RetryAfter, &seconds.to_string());
        Some(send(Destination::Flow(flow), &Message::Response(response)))
    }
}
