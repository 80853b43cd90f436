//! What waits for a commit, and what becomes of it when there is none (R4.2, R8.1).
//!
//! Nobody waits for longer than [`COMMIT_MAX`](super::COMMIT_MAX). A batch may be committed after
//! those who waited for it were refused; what was said of its rows since follows it in the journal, so
//! that it is undone there by the next commit.

use super::api::Effect;
use super::awaiting::Awaiting;
use super::journal::{Batch, WriteFault};
use super::rooms::Machine;
use crate::ids::Ticket;
use crate::registrar;
use crate::sip::{HeaderName, StatusCode};
use crate::switchboard;
use crate::time::Now;

/// A phone whose registration could not be written tries again after so many seconds.
pub const RETRY_AFTER_UNWRITTEN: u32 = 10;

impl Machine {
    /// Sends all that is to be written on its way; `awaiting` hears of its outcome.
    pub(super) fn promise(&mut self, now: Now, awaiting: Awaiting, out: &mut Vec<Effect>) {
        if let Awaiting::Switchboard(_) = &awaiting {
            self.join_live(now);
        }
        let ticket = self.write(now, true, out);
        self.promises.insert(ticket, awaiting);
    }

    /// Sends all that is to be written on its way, as one batch.
    pub(super) fn write(&mut self, now: Now, awaited: bool, out: &mut Vec<Effect>) -> Ticket {
        self.end_live();
        let (ticket, entries) = (self.ledger.ticket(), std::mem::take(&mut self.entries));
        out.push(Effect::Write(self.ledger.submit(now, ticket, entries, awaited)));
        ticket
    }

    /// The end of every step: what nobody waits for is written, too, and the log is told.
    pub(super) fn conclude(&mut self, now: Now, out: &mut Vec<Effect>) {
        if !self.entries.is_empty() {
            self.write(now, false, out);
        }
        self.note_live(now.instant);
        out.extend(self.ledger.news(now.instant).map(Effect::Journal));
    }

    pub(super) fn committed(&mut self, now: Now, batch: &Batch, out: &mut Vec<Effect>) {
        self.ledger.committed(batch);
        match self.promises.remove(&batch.ticket) {
            Some(Awaiting::Switchboard(ticket)) => {
                self.tell(now, switchboard::Input::Committed(ticket));
            }
            Some(Awaiting::Response(id, response)) => {
                self.registrar.committed(id.0);
                self.respond(now, id, *response);
            }
            Some(Awaiting::Page(id, reply)) => out.push(Effect::WebReply { id, reply: *reply }),
            None => self.change_written(now, batch.ticket, out),
        }
    }

    pub(super) fn unwritten(
        &mut self,
        now: Now,
        batch: Batch,
        fault: WriteFault,
        out: &mut Vec<Effect>,
    ) {
        self.break_promise(now, batch.ticket, out);
        self.change_unwritten(now, batch.ticket, out);
        // What follows from the refusal is said of the same rows, and takes their place.
        self.work(now, out);
        if !self.entries.is_empty() {
            self.write(now, false, out);
        }
        self.ledger.unwritten(now, batch, fault);
    }

    pub(super) fn tick_journal(&mut self, now: Now, out: &mut Vec<Effect>) {
        let due = self.ledger.tick(now);
        for ticket in due.late {
            self.break_promise(now, ticket, out);
        }
        self.tick_changes(now, out);
        self.work(now, out);
        out.extend(due.tries.into_iter().map(Effect::Write));
    }

    /// What waited for this batch is not to be. A registration is taken back: what is not in the
    /// journal is not to be seen, either (RFC 3261 §10.3, step 7).
    fn break_promise(&mut self, now: Now, ticket: Ticket, out: &mut Vec<Effect>) {
        let Some(awaiting) = self.promises.remove(&ticket) else { return };
        self.ledger.refused();
        match awaiting {
            Awaiting::Switchboard(ticket) => {
                self.tell(now, switchboard::Input::Unwritten(ticket));
            }
            Awaiting::Response(id, mut response) => {
                self.register(now, registrar::Input::Unwritten { transaction: id.0 });
                response.status = StatusCode::SERVER_INTERNAL_ERROR;
                *response = response.with_reason("Could not be written down");
                response.headers.remove(HeaderName::Contact);
                response.headers.push(HeaderName::RetryAfter, RETRY_AFTER_UNWRITTEN);
                self.respond(now, id, *response);
            }
            Awaiting::Page(id, reply) => self.take_back_page(id, &reply, out),
        }
    }
}
