//! What goes on, in writing, and how a process goes on with what the one before it has left (R8).
//!
//! ```text
//!   every step ──▶ what may have changed ──▶ live_rows ── due ──▶ save ──▶ live: text ──▶ the journal
//!   at start   the journal ──▶ live: values ──▶ parties put back, then calls ──▶ nobody has noticed
//!                                      └── what cannot be: BYE to its legs, and its record ends
//! ```

use super::api::Effect;
use super::journal::{JournalEntry, LiveRow, Resume};
use super::left_behind::{LeftBehind, ports_of};
use super::resuming::{ResumeReport, Resumption};
use super::rooms::{Machine, RoomEvent, world};
use crate::call::SavedCall;
use crate::call::call_record::CallRecord;
use crate::cause::Cause;
use crate::dialog::{self, SavedPhase};
use crate::ids::{CallId, LegId, PortId};
use crate::leg::{self, EndingSide, SavedLeg};
use crate::live::{self, SavedInvite, SavedParty};
use crate::media::{self, SavedPort};
use crate::sip::HeaderName;
use crate::switchboard;
use crate::time::{Instant, Now};
use crate::transaction::{self, ClientId};
use std::collections::{BTreeMap, BTreeSet};

/// After so many seconds a caller may try again whose call does not go on.
const RETRY_AFTER_FAREWELL: u32 = 5;

/// What is due to parties of the process before.
#[derive(Default)]
struct DueToParties {
    /// They do not go on.
    farewells: Vec<SavedParty>,
    /// Nobody knows how far their keys were used.
    unkeyed: Vec<LegId>,
    /// INVITEs to which nothing was said.
    invites: Vec<ClientId>,
}

impl DueToParties {
    /// One goes on.
    fn note(&mut self, party: &SavedParty) {
        if party.ports.iter().any(SavedPort::needs_new_key) {
            self.unkeyed.push(party.leg.dialog.leg);
        }
        self.invites.extend(party.invite.as_ref().and_then(SavedInvite::unheard));
    }
}

impl Machine {
    /// The end of every step: what may have changed is to be written.
    pub(super) fn note_live(&mut self, now: Instant) {
        for call in self.switchboard.take_touched() {
            let row = LiveRow::Call(call);
            self.live.mark(now, row, Some(row));
        }
        for leg in self.legs.take_changed() {
            let row = LiveRow::Party(leg);
            match self.switchboard.in_call(leg) {
                Some(of) => self.live.mark(now, row, of.map(LiveRow::Call)),
                None if self.live.has(row) => self.live.mark(now, row, None),
                None => {}
            }
        }
    }

    /// Whether a port of the relay belongs to somebody.
    #[must_use]
    pub fn uses(&self, port: PortId) -> bool {
        self.legs.uses(port)
    }

    /// When [`write_live`](Self::write_live) has work to do.
    #[must_use]
    pub fn live_deadline(&self) -> Option<Instant> {
        self.live.deadline()
    }

    /// Writes what has changed of what goes on.
    #[must_use]
    pub fn write_live(&mut self, now: Now, relay: &media::Machine) -> Vec<Effect> {
        let due = self.live.take_due(now.instant);
        self.write_rows(now, relay, due)
    }

    /// Writes all that has changed of what goes on, due or not: the process is about to end, and another goes on.
    #[must_use]
    pub fn write_all_live(&mut self, now: Now, relay: &media::Machine) -> Vec<Effect> {
        let all = self.live.take_all();
        self.write_rows(now, relay, all)
    }

    fn write_rows(&mut self, now: Now, relay: &media::Machine, rows: Vec<LiveRow>) -> Vec<Effect> {
        let now = self.live.steady(now);
        let mut entries = Vec::new();
        for row in rows {
            match row {
                LiveRow::Call(call) => {
                    for leg in self.write_call(now, call, &mut entries) {
                        if !self.live.has(LiveRow::Party(leg)) {
                            self.write_party(now, relay, leg, &mut entries);
                        }
                    }
                }
                LiveRow::Party(leg) if self.switchboard.in_call(leg).is_some() => {
                    self.write_party(now, relay, leg, &mut entries);
                }
                LiveRow::Party(_) => self.drop_live(row, &mut entries),
            }
        }
        let mut out = Vec::new();
        if !entries.is_empty() {
            let ticket = self.ledger.ticket();
            out.push(Effect::Write(self.ledger.submit(now, ticket, entries, false)));
        }
        out
    }

    /// Has what is about to be confirmed to people in the row of its call as well: the two are written
    /// together.
    pub(super) fn join_live(&mut self, now: Now) {
        self.note_live(now.instant);
        let now = self.live.steady(now);
        let mut entries = Vec::new();
        for call in self.live.take_calls() {
            for leg in self.write_call(now, call, &mut entries) {
                // A phone that has rung for whoever would be offered is in a call from now on.
                if !self.live.has(LiveRow::Party(leg)) {
                    let saved = self.save_unproven(now, leg);
                    self.put_party(leg, saved.as_ref(), &mut entries);
                }
            }
        }
        self.entries.extend(entries);
    }

    /// A call whose record ends has no row any more: the two are written together.
    pub(super) fn end_live(&mut self) {
        let mut over = Vec::new();
        for entry in &self.entries {
            if let JournalEntry::Call(record) = entry
                && record.ended.is_some()
                && self.live.drop(LiveRow::Call(record.call))
            {
                over.push(JournalEntry::DropLive(LiveRow::Call(record.call)));
            }
        }
        self.entries.extend(over);
    }

    fn write_call(
        &mut self,
        now: Now,
        call: CallId,
        entries: &mut Vec<JournalEntry>,
    ) -> Vec<LegId> {
        let row = LiveRow::Call(call);
        let Some(saved) = self.switchboard.save_call(now, call) else {
            self.drop_live(row, entries);
            return Vec::new();
        };
        self.put_live(row, live::print_call(&saved), entries);
        saved.legs()
    }

    /// What is settled of a party; where nothing is, the row that it has holds.
    fn write_party(
        &mut self,
        now: Now,
        relay: &media::Machine,
        leg: LegId,
        entries: &mut Vec<JournalEntry>,
    ) {
        let saved = self.save_settled(now, relay, leg);
        self.put_party(leg, saved.as_ref(), entries);
    }

    fn put_party(
        &mut self,
        leg: LegId,
        saved: Option<&SavedParty>,
        entries: &mut Vec<JournalEntry>,
    ) {
        if let Some(saved) = saved {
            self.put_live(LiveRow::Party(leg), live::print(saved), entries);
        }
    }

    fn put_live(&mut self, row: LiveRow, text: String, entries: &mut Vec<JournalEntry>) {
        if self.live.is_news(row, &text) {
            entries.push(JournalEntry::PutLive { row, text });
        }
    }

    fn drop_live(&mut self, row: LiveRow, entries: &mut Vec<JournalEntry>) {
        if self.live.drop(row) {
            entries.push(JournalEntry::DropLive(row));
        }
    }

    // ---- at start ----

    /// Goes on with what the last process has left, before anything else comes. Parties are put back with all
    /// that they had, then the calls; nothing is said to anybody, but to phones that have said nothing yet: those
    /// are called again, by the same INVITE. What cannot go on is ended, as far as its legs are known.
    #[must_use]
    pub fn resume(
        &mut self,
        now: Now,
        relay: &mut media::Machine,
        mut left: LeftBehind,
        resumption: Resumption<'_>,
        media_out: &mut impl media::Outgoing,
    ) -> Vec<Effect> {
        let then = left.then(now);
        let (faults, clock_ahead) = (std::mem::take(&mut left.faults), left.clock_ahead);
        let mut report = ResumeReport { faults, clock_ahead, ..Default::default() };
        self.entries.extend(left.useless.drain(..).map(JournalEntry::DropLive));
        let calls: Vec<_> = std::mem::take(&mut left.calls);
        let (going_on, given_up): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|(call, _)| resumption.which.includes(call.id()));
        for (call, _) in given_up {
            self.entries.push(JournalEntry::DropLive(LiveRow::Call(call.id())));
            report.given_up += 1;
        }
        let mut wanted: BTreeSet<LegId> =
            going_on.iter().flat_map(|(call, _)| call.legs()).collect();
        let parties = std::mem::take(&mut left.parties);
        let mut due = DueToParties::default();
        for (leg, (party, text)) in parties {
            let is_free = |port| resumption.bound.contains(&port) && !self.legs.uses(port);
            let has_ports = ports_of(&party).all(is_free);
            if has_ports && wanted.remove(&leg) {
                due.note(&party);
                self.restore(then, relay, party, media_out);
                self.live.found(now.instant, LiveRow::Party(leg), &text);
                report.parties += 1;
                continue;
            }
            if !has_ports {
                report.faults.push(format!("{leg}: its ports of the relay cannot be had"));
            }
            self.entries.push(JournalEntry::DropLive(LiveRow::Party(leg)));
            if resumption.which != Resume::OfOtherMachine {
                due.farewells.push(party);
            }
        }
        // Nothing is asked before all that was asked is known again.
        self.do_what_is_due(then, due);
        for (call, text) in &going_on {
            self.live.found(now.instant, LiveRow::Call(call.id()), text);
        }
        let going_on: Vec<_> = going_on.into_iter().map(|(call, _)| call).collect();
        self.put_calls_back(then, &going_on, &mut left.records, &mut report);
        self.close_orphaned_records(now, left.records.into_values().collect());
        for leg in wanted {
            let (cause, by) = (Cause::Interrupted, EndingSide::Us);
            self.tell(now, switchboard::Input::Leg(leg::Event::Ended { leg, cause, by }));
        }
        let mut out = Vec::new();
        self.work(now, &mut out);
        self.conclude(now, &mut out);
        out.push(Effect::Resumed(report));
        out
    }

    fn do_what_is_due(&mut self, now: Now, due: DueToParties) {
        for party in due.farewells {
            self.say_farewell(now, party);
        }
        for invite in due.invites {
            self.transact(now, transaction::Input::Repeat(invite));
        }
        for leg in due.unkeyed {
            self.leg(now, leg::Input::Command(leg::Command::Rekey { leg }));
        }
    }

    /// Calls whose parties are back; what stays in `records` is of calls that are not.
    fn put_calls_back(
        &mut self,
        now: Now,
        going_on: &[SavedCall],
        records: &mut BTreeMap<CallId, CallRecord>,
        report: &mut ResumeReport,
    ) {
        let world = world(&self.directory, &self.registrar, &self.locator, self.ledger.tickets());
        let (effects, left_out) = self.switchboard.restore_calls(now, world, going_on);
        self.event_queue.extend(effects.into_iter().map(RoomEvent::Switchboard));
        report.calls = going_on.len() - left_out.len();
        for call in going_on {
            let id = call.id();
            if !left_out.contains(&id) {
                records.remove(&id);
                continue;
            }
            report
                .faults
                .push(format!("{id}: another has its legs or its request, or it has none"));
            self.entries.push(JournalEntry::DropLive(LiveRow::Call(id)));
            self.live.drop(LiveRow::Call(id));
            self.end_without_call(now, call.legs());
        }
    }

    /// Parties that were put back, and whose call was not.
    fn end_without_call(&mut self, now: Now, legs: Vec<LegId>) {
        for leg in legs {
            if self.switchboard.in_call(leg).is_none() {
                let cause = Cause::Interrupted;
                self.leg(now, leg::Input::Command(leg::Command::End { leg, cause }));
            }
        }
    }

    /// A party does not go on: its INVITE gets its final response, ours to it a CANCEL, and what was established ends
    /// with BYE.
    fn say_farewell(&mut self, now: Now, party: SavedParty) {
        let SavedParty { leg: SavedLeg { dialog, .. }, invite, credit, .. } = party;
        let (leg, reason) = (dialog.leg, Cause::Interrupted.reason());
        let command = match &dialog.phase {
            SavedPhase::Established | SavedPhase::Answered(_) => {
                let dialog = Box::new(dialog.dialog);
                let input = dialog::Input::Farewell { dialog, reason };
                return self.leg(now, leg::Input::Dialog(input));
            }
            SavedPhase::Ringing(_) => dialog::Command::Reject {
                status: Cause::Interrupted.status(),
                reason: String::new(),
                headers: vec![
                    (HeaderName::Reason, reason),
                    (HeaderName::RetryAfter, RETRY_AFTER_FAREWELL.to_string()),
                ],
            },
            SavedPhase::Calling(_) => dialog::Command::End { reason: Some(reason) },
        };
        if let Some(invite) = invite {
            self.restore_invite(now, invite, &dialog.phase);
        }
        if let Some(credit) = credit {
            self.credit.restore(now, credit);
        }
        self.legs.restore_dialog(now, dialog);
        self.leg(now, leg::Input::Dialog(dialog::Input::Command { leg, command }));
    }
}
