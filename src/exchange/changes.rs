//! Changes of the directory: one after the other, each in the journal before it holds.
//!
//! ```text
//!   waiting ──▶ being written ── committed ──▶ holds: Done
//!      │             │ ├─ unwritten ──▶ Unwritten
//!      │             │ └─ late ──▶ Unwritten, in doubt ── unwritten ──▶ nothing was
//!      └─ late ──▶ Unwritten              └─ committed ──▶ taken back in the journal, until it is
//! ```
//!
//! As nothing else is changed meanwhile, what the directory has is what a change in doubt is taken
//! back to.

use super::admin_request::Reply;
use super::api::Effect;
use super::awaiting::{Current, WantedChange};
use super::journal::{Audited, JournalEntry};
use super::ledger::COMMIT_MAX;
use super::rooms::Machine;
use crate::directory::{self, DirectoryChange};
use crate::ids::Ticket;
use crate::registrar;
use crate::sip::Uri;
use crate::switchboard;
use crate::time::{Duration, Now};

/// So many changes wait for the one that is being written; more are refused at once.
pub const CHANGES_WAITING_MAX: usize = 64;

/// Taking back is tried again after so long.
const PAUSE: Duration = Duration::from_secs(1);
/// Who takes back what an administrator was told does not hold.
const TAKER_BACK: &str = "cordboard";

/// Whether and where a terminal can be rung.
#[derive(Debug, Eq, PartialEq)]
struct Reach {
    is_reachable: bool,
    fixed: Option<Uri>,
}

impl Machine {
    pub(super) fn change(
        &mut self,
        now: Now,
        id: Option<u64>,
        by: String,
        change: DirectoryChange,
        out: &mut Vec<Effect>,
    ) {
        if self.changes.waiting.len() >= CHANGES_WAITING_MAX {
            return self.refuse_change(id, out);
        }
        let until = now.instant + COMMIT_MAX;
        self.changes.waiting.push_back(WantedChange { id, by, change, until });
        self.next_change(now, out);
    }

    /// The next change that breaks no rule is written, when none is.
    fn next_change(&mut self, now: Now, out: &mut Vec<Effect>) {
        while self.changes.current.is_none()
            && let Some(WantedChange { id, by, change, until }) = self.changes.waiting.pop_front()
        {
            match self.directory.consider(&change) {
                Ok(effects) => {
                    let audited = Audited { at: now.unix, by, what: change.to_string(), effects };
                    let ticket = self.write_change(now, audited.clone(), out);
                    self.changes.current = Some(Current::Written { id, ticket, audited, until });
                }
                Err(refusal) => out.extend(reply(id, Reply::Refused(refusal))),
            }
        }
    }

    fn write_change(&mut self, now: Now, audited: Audited, out: &mut Vec<Effect>) -> Ticket {
        self.entries.push(JournalEntry::Directory(audited));
        self.write(now, true, out)
    }

    fn refuse_change(&mut self, id: Option<u64>, out: &mut Vec<Effect>) {
        self.ledger.refused();
        out.extend(reply(id, Reply::Unwritten));
    }

    /// The journal has a batch that may be a change.
    pub(super) fn change_written(&mut self, now: Now, written: Ticket, out: &mut Vec<Effect>) {
        match self.changes.current.take() {
            Some(Current::Written { id, ticket, audited, .. }) if ticket == written => {
                self.adopt(now, audited.effects, out);
                out.extend(reply(id, Reply::Done));
            }
            Some(Current::InDoubt { ticket, audited }) if ticket == written => {
                let what = format!("taken back: {}", audited.what);
                let effects = self.directory.opposite(&audited.effects);
                let back = Audited { at: now.unix, by: TAKER_BACK.into(), what, effects };
                let ticket = Some(self.write_change(now, back.clone(), out));
                let again = now.instant + PAUSE;
                self.changes.current = Some(Current::TakenBack { ticket, audited: back, again });
            }
            Some(Current::TakenBack { ticket, .. }) if ticket == Some(written) => {}
            other => self.changes.current = other,
        }
        self.next_change(now, out);
    }

    /// The journal does not have a batch that may be a change.
    pub(super) fn change_unwritten(&mut self, now: Now, failed: Ticket, out: &mut Vec<Effect>) {
        match self.changes.current.take() {
            Some(Current::Written { id, ticket, .. }) if ticket == failed => {
                self.refuse_change(id, out);
            }
            Some(Current::InDoubt { ticket, .. }) if ticket == failed => {}
            Some(Current::TakenBack { ticket, audited, .. }) if ticket == Some(failed) => {
                let again = now.instant + PAUSE;
                self.changes.current = Some(Current::TakenBack { ticket: None, audited, again });
            }
            other => self.changes.current = other,
        }
        self.next_change(now, out);
    }

    /// Refuses what waits for too long, and takes back what is still to be taken back.
    pub(super) fn tick_changes(&mut self, now: Now, out: &mut Vec<Effect>) {
        // The time that it waited for its turn counts.
        match self.changes.current.take() {
            Some(Current::Written { id, ticket, audited, until }) if until <= now.instant => {
                self.refuse_change(id, out);
                self.changes.current = Some(Current::InDoubt { ticket, audited });
            }
            other => self.changes.current = other,
        }
        while let Some(wanted) = self.changes.waiting.pop_front_if(|w| w.until <= now.instant) {
            self.refuse_change(wanted.id, out);
        }
        if let Some(Current::TakenBack { ticket: None, audited, again }) = &self.changes.current
            && *again <= now.instant
        {
            let (audited, again) = (audited.clone(), now.instant + PAUSE);
            let ticket = Some(self.write_change(now, audited.clone(), out));
            self.changes.current = Some(Current::TakenBack { ticket, audited, again });
        }
    }

    /// A change holds from here on.
    fn adopt(&mut self, now: Now, effects: Vec<directory::Effect>, out: &mut Vec<Effect>) {
        let before: Vec<Reach> = effects.iter().map(|effect| self.reach(effect)).collect();
        let is_of_operator = effects.iter().any(|effect| {
            matches!(effect, directory::Effect::PutOperator(_) | directory::Effect::DropOperator(_))
        });
        self.directory.adopt(&effects);
        for (effect, before) in effects.into_iter().zip(before) {
            let reach = self.reach(&effect);
            match effect {
                // Another name is no news of a phone: one that refuses is not forgiven for it.
                directory::Effect::PutTerminal(_) if reach == before => {}
                directory::Effect::PutTerminal(terminal) => {
                    let input = match reach.is_reachable {
                        true => switchboard::Input::Registered(terminal.number),
                        false => switchboard::Input::Unregistered(terminal.number),
                    };
                    self.tell(now, input);
                }
                directory::Effect::DropTerminal(number) => {
                    self.register(now, registrar::Input::Removed(number));
                }
                directory::Effect::PutLevel(_)
                | directory::Effect::DropLevel(_)
                | directory::Effect::PutPermit(_)
                | directory::Effect::DropPermit(_)
                | directory::Effect::PutOperator(_)
                | directory::Effect::DropOperator(_)
                | directory::Effect::PutNight(..) => {}
            }
        }
        self.tell(now, switchboard::Input::DirectoryChanged);
        self.seek_names(now);
        if is_of_operator {
            self.sweep_sessions(now, out);
        }
    }

    /// As it is now for the terminal that an effect puts.
    fn reach(&self, effect: &directory::Effect) -> Reach {
        let directory::Effect::PutTerminal(terminal) = effect else {
            return Reach { is_reachable: false, fixed: None };
        };
        let number = &terminal.number;
        Reach {
            is_reachable: self.registrar.is_reachable(&self.directory, number),
            fixed: self.directory.terminal(number).and_then(|known| known.contact.clone()),
        }
    }
}

/// For whoever waits.
fn reply(id: Option<u64>, reply: Reply) -> Option<Effect> {
    id.map(|id| Effect::Reply { id, reply })
}
