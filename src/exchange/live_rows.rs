//! Which rows of what goes on are to be written anew, and when: a call outlives the process as it was a few
//! milliseconds before its end.
//!
//! ```text
//!   a leg or call may have changed ──▶ due, 5 ms later; a call that is new 40 ms
//!     ── due ──▶ settled? ── no ──▶ its last row stands, until it changes again
//!                  └─ yes ──▶ the same text as before? ── no ──▶ written
//!   gone ── due ──▶ its row goes, if it has one
//! ```
//!
//! So what begins and ends within one wait never reaches the disk, and a change that changes nothing costs no
//! more than the text.

use super::journal::LiveRow;
use crate::ids::CallId;
use crate::random::{KeyedState, Random};
use crate::time::{Duration, Instant, Now};
use std::collections::{BTreeMap, BTreeSet};

/// What has changed is written so much later, with all else that has changed meanwhile.
pub const WRITTEN_WITHIN: Duration = Duration::from_millis(5);
/// A civil clock that is further from where it was is another one.
const WAVERS_MAX: Duration = Duration::from_millis(5);
/// One that is so far from where it was was set.
const CLOCK_SET: Duration = Duration::from_secs(1);
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
    /// A moment by both clocks.
    anchor: Option<Now>,
}

impl LiveRows {
    pub fn new(random: &mut Random) -> Self {
        Self {
            keys: random.map_keys(),
            written: BTreeMap::new(),
            changed: BTreeMap::new(),
            due: BTreeSet::new(),
            anchor: None,
        }
    }

    /// This moment, on a civil clock that does not waver: a text is not another one because two clocks were not read
    /// at once.
    pub fn steady(&mut self, now: Now) -> Now {
        let apart = |anchor: Now| {
            let civil = anchor.unix_of(now.instant);
            (civil, civil.as_micros().abs_diff(now.unix.as_micros()))
        };
        match self.anchor.map(apart) {
            Some((unix, wavers)) if Duration::from_micros(wavers) <= WAVERS_MAX => {
                Now { instant: now.instant, unix }
            }
            Some((_, wavers)) => {
                self.anchor = Some(now);
                // All moments in writing are of another clock.
                if Duration::from_micros(wavers) >= CLOCK_SET {
                    let all: Vec<LiveRow> = self.written.keys().copied().collect();
                    all.into_iter().for_each(|row| self.mark(now.instant, row, None));
                }
                now
            }
            None => {
                self.anchor = Some(now);
                now
            }
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

    /// All that may have changed, and by it has no longer.
    pub fn take_all(&mut self) -> Vec<LiveRow> {
        self.due.clear();
        std::mem::take(&mut self.changed).into_keys().collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LegId;
    use crate::time::UnixTime;

    const CALL: LiveRow = LiveRow::Call(CallId(1));
    const PARTY: LiveRow = LiveRow::Party(LegId(1));

    fn at(ms: u64) -> Instant {
        Instant::START + Duration::from_millis(ms)
    }

    fn rows() -> LiveRows {
        LiveRows::new(&mut Random::from_number(7))
    }

    #[test]
    fn a_call_that_is_over_soon_never_has_a_row() {
        let mut rows = rows();
        rows.mark(at(0), CALL, Some(CALL));
        rows.mark(at(1), PARTY, Some(CALL));
        rows.mark(at(20), CALL, Some(CALL));
        assert_eq!(rows.deadline(), Some(at(0) + CALL_UNWRITTEN_MAX));
        assert_eq!(rows.take_due(at(39)), []);
        assert_eq!(rows.take_due(at(41)), [CALL, PARTY]);
        assert!(!rows.drop(CALL), "it was never written");
    }

    #[test]
    fn what_has_changed_in_a_call_that_has_a_row_is_written_soon_and_only_if_it_is_news() {
        let mut rows = rows();
        assert!(rows.is_news(CALL, "one"));
        rows.mark(at(50), PARTY, Some(CALL));
        assert_eq!(rows.take_due(at(54)), []);
        assert_eq!(rows.take_due(at(55)), [PARTY]);
        assert!(!rows.is_news(CALL, "one") && rows.is_news(CALL, "other"));
        assert!(rows.drop(CALL) && !rows.drop(CALL));
        assert!(rows.is_news(CALL, "other"), "its row was gone");
    }

    #[test]
    fn calls_that_are_to_be_confirmed_do_not_wait_and_nothing_does_at_the_end() {
        let mut rows = rows();
        rows.mark(at(0), PARTY, None);
        rows.mark(at(0), CALL, None);
        assert_eq!(rows.take_calls(), [CallId(1)]);
        assert_eq!((rows.take_due(at(5)), rows.deadline()), (vec![PARTY], None));
        rows.mark(at(9), PARTY, None);
        assert_eq!((rows.take_all(), rows.deadline()), (vec![PARTY], None));
    }

    #[test]
    fn moments_are_written_as_before_unless_the_clock_was_set() {
        let mut rows = rows();
        let now = |ms: u64, wavers: i64| Now {
            instant: at(ms),
            unix: UnixTime::from_micros(
                (1_000_000_000_000 + ms * 1_000).saturating_add_signed(wavers),
            ),
        };
        let said = |now: Now| now.unix_of(at(60_000)).as_micros();
        let first = said(rows.steady(now(0, 0)));
        for (ms, wavers) in [(10, 3), (500, -400), (9_000, 4_900)] {
            assert_eq!(said(rows.steady(now(ms, wavers))), first, "{wavers}");
        }
        assert_eq!(said(rows.steady(now(9_001, 5_100))), first + 5_100);
        assert_eq!(said(rows.steady(now(9_002, 5_000))), first + 5_100);
        assert!(rows.is_news(CALL, "one") && rows.take_due(at(100_000)).is_empty());
        assert_eq!(said(rows.steady(now(9_003, -3_600_000_000))), first - 3_600_000_000);
        assert_eq!(rows.take_due(at(9_008)), [CALL], "what is written is of another clock");
    }

    #[test]
    fn what_another_process_has_written_is_looked_at_once_more() {
        let mut rows = rows();
        rows.found(at(0), CALL, "one");
        assert_eq!(rows.take_due(at(5)), [CALL]);
        assert!(!rows.is_news(CALL, "one"));
    }
}
