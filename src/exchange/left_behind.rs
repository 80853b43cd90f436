//! What the last process has left of what went on in it, read and not yet gone on with.

use super::journal::{LiveRow, StoredState};
use crate::call::SavedCall;
use crate::call::call_record::CallRecord;
use crate::ids::{CallId, LegId, PortId};
use crate::live::{self, SavedParty};
use crate::media::LedgerSlot;
use crate::time::{Duration, Now};
use std::collections::{BTreeMap, BTreeSet};

/// How long ago that was which was written last, where no clock says so.
const WRITTEN_BEFORE: Duration = Duration::from_secs(1);

/// What the last process has left.
#[derive(Debug, Default)]
pub struct LeftBehind {
    /// The calls, each with its text.
    pub(super) calls: Vec<(SavedCall, String)>,
    /// Their parties.
    pub(super) parties: BTreeMap<LegId, (SavedParty, String)>,
    /// Their records, which have no end yet.
    pub(super) records: BTreeMap<CallId, CallRecord>,
    /// Rows that nobody can go on with.
    pub(super) useless: Vec<LiveRow>,
    /// What is wrong with them, for people.
    pub(super) faults: Vec<String>,
    /// So far the clock by which they were written is ahead of ours, which has been set back since.
    pub(super) clock_ahead: Duration,
}

impl LeftBehind {
    /// Takes it out of what the journal holds, and out of the relay's ledger; what stays in the journal of calls
    /// has been cut. Where the clock was set back since, moments are read by a clock that was not: an hour in which
    /// nothing is refreshed, repeated or missed would end calls.
    #[must_use]
    pub fn take_from(
        now: Now,
        state: &mut StoredState,
        slots: &BTreeMap<PortId, LedgerSlot>,
    ) -> Self {
        let texts = std::mem::take(&mut state.live);
        let mut left = Self::default();
        let mut latest = slots.values().map(|slot| slot.written).max();
        for (id, text) in texts.calls {
            match live::parse_call(&text) {
                Ok(call) if call.id() == id => {
                    if slots.is_empty() {
                        latest = latest.max(Some(call.record.began));
                    }
                    left.calls.push((call, text));
                }
                Ok(call) => {
                    left.is_useless(LiveRow::Call(id), format!("{id} says it is {}", call.id()))
                }
                Err(fault) => left.is_useless(LiveRow::Call(id), format!("{id}: {fault}")),
            }
        }
        if let Some(latest) = latest.filter(|latest| *latest > now.unix) {
            left.clock_ahead = latest.since(now.unix) + WRITTEN_BEFORE;
        }
        let now = left.then(now);
        for (id, text) in texts.parties {
            match live::parse(&text, now, |port| slots.get(&port).copied()) {
                Ok(party) if party.leg.dialog.leg == id => {
                    drop(left.parties.insert(id, (party, text)))
                }
                Ok(party) => {
                    left.is_useless(
                        LiveRow::Party(id),
                        format!("{id} says it is {}", party.leg.dialog.leg),
                    );
                }
                Err(fault) => left.is_useless(LiveRow::Party(id), format!("{id}: {fault}")),
            }
        }
        let calls: BTreeSet<CallId> = left.calls.iter().map(|(call, _)| call.id()).collect();
        let records = state.calls.extract_if(.., |record| calls.contains(&record.call));
        left.records = records.map(|record| (record.call, record)).collect();
        left
    }

    /// This moment by the clock by which they were written.
    pub(super) fn then(&self, now: Now) -> Now {
        Now { instant: now.instant, unix: now.unix + self.clock_ahead }
    }

    /// The relay's ports that the parties have: to be had before all others.
    #[must_use]
    pub fn ports(&self) -> Vec<PortId> {
        self.parties.values().flat_map(|(party, _)| ports_of(party)).collect()
    }

    fn is_useless(&mut self, row: LiveRow, fault: String) {
        self.useless.push(row);
        self.faults.push(fault);
    }
}

/// The ports of the relay that a party has, whether they are open or not.
pub(super) fn ports_of(party: &SavedParty) -> impl Iterator<Item = PortId> {
    party.leg.ports()
}
