//! Which rows of what goes on are to be written anew, and when: a call outlives the process as it was a few
//! milliseconds before its end.
//!
//! ```text
//!   a leg or call may have changed ──▶ due, 5 ms later; a call that is new 40 ms
//!     ── due ──▶ quiet? ── no ──▶ its last row stands, until it changes again
//!                  └─ yes ──▶ the same text as before? ── no ──▶ written
//!   gone ── due ──▶ its row goes, if it has one
//! ```
//!
//! So what begins and ends within one wait never reaches the disk, and a change that changes nothing costs no
//! more than the text.

use super::journal::LiveRow;
use crate::ids::CallId;
use crate::random::{KeyedState, Random};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// What has changed is written so much later, with all else that has changed meanwhile.
pub const WRITTEN_WITHIN: Duration = Duration::from_millis(5);
/// A call that is so young has no row.
pub const CALL_UNWRITTEN_MAX: Duration = Duration::from_millis(40);

/// The rows of what goes on.
#[derive(Debug)]
pub(super) struct LiveRows {
    keys: KeyedState,
    /// What stands in each row.
    written: BTreeMap<LiveRow, u128>,
    /// What may have changed.
    changed: BTreeMap<LiveRow, Instant>,
    due: BTreeSet<(Instant, LiveRow)>,
}

impl LiveRows {
    pub fn new(random: &mut Random) -> Self {
        Self {
            keys: random.map_keys(),
            written: BTreeMap::new(),
            changed: BTreeMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// A row that may have to be written; `of` a call that has none yet it can wait.
    pub fn mark(&mut self, now: Instant, row: LiveRow, of: Option<LiveRow>) {
        if self.changed.contains_key(&row) {
            return;
        }
        let is_new = of.is_some_and(|call| !self.written.contains_key(&call));
        let at = now + if is_new { CALL_UNWRITTEN_MAX } else { WRITTEN_WITHIN };
        self.changed.insert(row, at);
        self.due.insert((at, row));
    }

    /// When the first is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// All that is due, and by it no longer.
    pub fn take_due(&mut self, now: Instant) -> Vec<LiveRow> {
        let mut rows = Vec::new();
        while let Some((at, row)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, row));
            self.changed.remove(&row);
            rows.push(row);
        }
        rows
    }

    /// The calls among what may have changed, which by it have no longer.
    pub fn take_calls(&mut self) -> Vec<CallId> {
        let mut calls = Vec::new();
        // Calls stand before parties.
        while let Some((LiveRow::Call(call), at)) = self.changed.first_key_value() {
            let (call, at) = (*call, *at);
            self.due.remove(&(at, LiveRow::Call(call)));
            self.changed.remove(&LiveRow::Call(call));
            calls.push(call);
        }
        calls
    }

    /// Whether this text is another than that in its row, which it is from now on.
    pub fn is_news(&mut self, row: LiveRow, text: &str) -> bool {
        let print = self.keys.fingerprint(text);
        self.written.insert(row, print) != Some(print)
    }

    /// Whether a row is there that has to go.
    pub fn drop(&mut self, row: LiveRow) -> bool {
        self.written.remove(&row).is_some()
    }

    /// Whether it has a row.
    pub fn has(&self, row: LiveRow) -> bool {
        self.written.contains_key(&row)
    }

    /// A row that the last process has written. It is looked at once more: what was written ahead, such as sequence
    /// numbers, is used up.
    pub fn found(&mut self, now: Instant, row: LiveRow, text: &str) {
        self.written.insert(row, self.keys.fingerprint(text));
        self.mark(now, row, None);
    }
}
