//! What was asked of the journal, and what it still owes.
//!
//! ```text
//!   submit ──▶ under way ── committed ──▶ forgotten
//!                 │ ├─ late: whoever waits is refused; the outcome still comes
//!                 │ └─ unwritten ─┬─ a later batch has the row ──▶ forgotten
//!                 │               └─ else owed ──▶ tried again, each row for itself ──▶ under way
//! ```
//!
//! A row that is owed stands here as it was last said; what is submitted about it later takes its
//! place. So what is written in the end is what is true then, and nothing of what was refused.

use super::journal::{Batch, Health, JournalEntry, JournalNotice, JournalRow, WriteFault};
use crate::ids::{BootNumber, Ticket, Tickets};
use crate::time::{Duration, Instant, Now, UnixTime, earliest};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

/// Whoever waits for a commit is refused when it takes longer.
pub const COMMIT_MAX: Duration = Duration::from_secs(5);

/// More rows than this are not owed at once: the oldest is given up. An hour of a busy house, some
/// 20 MB.
pub const OWED_MAX: usize = 20_000;

/// So many rows that are owed are tried at a time.
const PORTION: usize = 100;
/// After a try in vain the next one comes so much later.
const PAUSE: Duration = Duration::from_secs(1);
/// The log is told of a journal that fails once in so long.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The ledger.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Theirs who wait for a commit, and those of the batches.
    tickets: Tickets,
    /// Since when each batch is under way.
    under_way: BTreeMap<Ticket, Instant>,
    /// Those up to this one are late.
    late: u64,
    /// The last batch under way that has each row.
    newest: BTreeMap<JournalRow, Ticket>,
    /// What could not be written, the oldest first.
    owed: BTreeMap<u64, (JournalRow, JournalEntry)>,
    turns: BTreeMap<JournalRow, u64>,
    last_turn: u64,
    trouble: Option<WriteTrouble>,
    /// When the log was last told that the journal fails.
    told: Option<Instant>,
    /// It has not been told since that all is well.
    told_failing: bool,
    refused: u64,
    lost: u64,
}

/// Something cannot be written.
#[derive(Debug)]
struct WriteTrouble {
    since: UnixTime,
    why: String,
    /// The batches that try whether it can be written now, and how many rows each has.
    tries: BTreeMap<Ticket, usize>,
    again: Instant,
}

/// What is due.
#[derive(Debug, Default)]
pub(super) struct LedgerDue {
    /// Batches that take too long; they are not given up, but those who wait are refused.
    pub late: Vec<Ticket>,
    /// What is tried again.
    pub tries: Vec<Batch>,
}

impl Ledger {
    /// That of this start.
    pub fn new(boot: BootNumber) -> Self {
        Self { tickets: Tickets::new(boot), ..Self::default() }
    }

    /// For whoever else waits for a commit.
    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// The name of the next batch.
    pub fn ticket(&self) -> Ticket {
        self.tickets.mint()
    }

    /// Notes a batch that goes to the journal now; what was owed of its rows is so no more.
    pub fn submit(
        &mut self,
        now: Now,
        ticket: Ticket,
        entries: Vec<JournalEntry>,
        awaited: bool,
    ) -> Batch {
        for row in entries.iter().filter_map(JournalEntry::row) {
            if let Some(turn) = self.turns.remove(&row) {
                self.owed.remove(&turn);
            }
            self.newest.insert(row, ticket);
        }
        self.under_way.insert(ticket, now.instant);
        Batch { ticket, entries, awaited }
    }

    /// The journal has a batch.
    pub fn committed(&mut self, batch: &Batch) {
        self.under_way.remove(&batch.ticket);
        for row in batch.entries.iter().filter_map(JournalEntry::row) {
            self.is_last_word(&row, batch.ticket);
        }
        let is_late = self.under_way.range(..=Ticket(self.late)).next().is_some();
        if let Some(trouble) = &mut self.trouble {
            trouble.tries.remove(&batch.ticket);
            if trouble.tries.is_empty() && self.owed.is_empty() && !is_late {
                self.trouble = None;
            }
        }
    }

    /// The journal could not write a batch. What is still the last word about its row is owed, unless
    /// the batch itself is at fault.
    pub fn unwritten(&mut self, now: Now, batch: Batch, fault: WriteFault) {
        let Batch { ticket, entries, .. } = batch;
        self.under_way.remove(&ticket);
        let (why, may_be_owed) = match fault {
            WriteFault::OfBatch(why) => (why, false),
            WriteFault::OfJournal(why) => (why, true),
        };
        let mut left = Vec::new();
        // From the end: of two entries about one row the later is the last word.
        for entry in entries.into_iter().rev() {
            if let Some(row) = entry.row()
                && self.is_last_word(&row, ticket)
            {
                left.push((row, entry));
            }
        }
        match may_be_owed {
            true => left.into_iter().rev().for_each(|(row, entry)| self.owe(row, entry)),
            false => self.lost += left.len() as u64,
        }
        let trouble = self.trouble(now, why);
        if trouble.tries.remove(&ticket).is_some() {
            trouble.again = now.instant + PAUSE;
        }
    }

    /// Somebody who waited was refused.
    pub fn refused(&mut self) {
        self.refused += 1;
    }

    /// The next moment at which [`tick`](Self::tick) or [`news`](Self::news) has something.
    pub fn deadline(&self) -> Option<Instant> {
        let next = self.under_way.range((Excluded(Ticket(self.late)), Unbounded)).next();
        let late = next.map(|(_, since)| *since + COMMIT_MAX);
        let trouble = self.trouble.as_ref();
        let again = trouble.filter(|trouble| trouble.tries.is_empty()).map(|trouble| trouble.again);
        let told = self.told.filter(|_| trouble.is_some()).map(|told| told + TOLD_EVERY);
        earliest(late, earliest(again, told))
    }

    /// Returns what is late, and what is to be tried again.
    pub fn tick(&mut self, now: Now) -> LedgerDue {
        let mut due = LedgerDue::default();
        let not_yet_late = self.under_way.range((Excluded(Ticket(self.late)), Unbounded));
        let is_late = |since: &Instant| *since + COMMIT_MAX <= now.instant;
        due.late.extend(not_yet_late.take_while(|(_, since)| is_late(since)).map(|(t, _)| *t));
        if let Some(last) = due.late.last() {
            self.late = last.0;
            self.trouble(now, format!("it takes longer than {} s", COMMIT_MAX.as_secs()));
        }
        let is_due =
            |trouble: &WriteTrouble| trouble.tries.is_empty() && trouble.again <= now.instant;
        if self.trouble.as_ref().is_some_and(is_due) {
            due.tries = self.tries(now);
        }
        due
    }

    /// All that is owed, for a last try before the end.
    pub fn last_words(&mut self, now: Now) -> Vec<Batch> {
        let owed: Vec<JournalEntry> = self.owed.values().map(|(_, entry)| entry.clone()).collect();
        let portions = owed.chunks(PORTION).map(<[JournalEntry]>::to_vec).collect::<Vec<_>>();
        let submit = |entries| {
            let ticket = self.ticket();
            self.submit(now, ticket, entries, false)
        };
        portions.into_iter().map(submit).collect()
    }

    /// Whether the journal has been heard of all that it was asked.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// What the log has to hear now.
    pub fn news(&mut self, now: Instant) -> Option<JournalNotice> {
        if self.trouble.is_none() {
            return std::mem::take(&mut self.told_failing)
                .then(|| JournalNotice::Mended(self.health()));
        }
        if self.told.is_some_and(|told| now < told + TOLD_EVERY) {
            return None;
        }
        self.told = Some(now);
        self.told_failing = true;
        Some(JournalNotice::Failing(self.health()))
    }

    /// How the journal fares.
    pub fn health(&self) -> Health {
        let trouble = self.trouble.as_ref();
        let tried = trouble.map_or(0, |trouble| trouble.tries.values().sum());
        Health {
            trouble: trouble.map(|trouble| (trouble.since, trouble.why.clone())),
            under_way: self.under_way.len(),
            owed: self.owed.len() + tried,
            refused: self.refused,
            lost: self.lost,
        }
    }

    /// Whether no later batch has this row; the batch is under way no more.
    fn is_last_word(&mut self, row: &JournalRow, ticket: Ticket) -> bool {
        let is_last = self.newest.get(row) == Some(&ticket);
        if is_last {
            self.newest.remove(row);
        }
        is_last
    }

    fn owe(&mut self, row: JournalRow, entry: JournalEntry) {
        self.last_turn += 1;
        self.turns.insert(row.clone(), self.last_turn);
        self.owed.insert(self.last_turn, (row, entry));
        if self.owed.len() > OWED_MAX
            && let Some((_, (oldest, _))) = self.owed.pop_first()
        {
            self.turns.remove(&oldest);
            self.lost += 1;
        }
    }

    fn trouble(&mut self, now: Now, why: String) -> &mut WriteTrouble {
        let trouble = self.trouble.get_or_insert_with(|| WriteTrouble {
            since: now.unix,
            why: String::new(),
            tries: BTreeMap::new(),
            again: now.instant + PAUSE,
        });
        trouble.why = why;
        trouble
    }

    /// The oldest rows that are owed, each in a batch of its own so that one costs itself only; an
    /// empty batch where none is, to see whether the journal can be written at all.
    fn tries(&mut self, now: Now) -> Vec<Batch> {
        let portion: Vec<JournalEntry> =
            self.owed.values().take(PORTION).map(|(_, entry)| entry.clone()).collect();
        let mut tries: Vec<Vec<JournalEntry>> =
            portion.into_iter().map(|entry| vec![entry]).collect();
        if tries.is_empty() {
            tries.push(vec![]);
        }
        let mut batches = Vec::with_capacity(tries.len());
        for entries in tries {
            let ticket = self.ticket();
            if let Some(trouble) = &mut self.trouble {
                trouble.tries.insert(ticket, entries.len());
            }
            batches.push(self.submit(now, ticket, entries, false));
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OperatorId;
    use crate::presence::Stored;

    fn at(secs: u64) -> Now {
        let after = Duration::from_secs(secs);
        Now { instant: Instant::START + after, unix: UnixTime::from_secs(1_795_000_000) + after }
    }

    /// An operator's state: `dnd` tells the earlier from the later.
    fn state(operator: &str, dnd: bool) -> JournalEntry {
        let operator = OperatorId::from(operator);
        JournalEntry::Operator(Stored { operator, logged_in: true, dnd, phone: None })
    }

    fn submit(ledger: &mut Ledger, secs: u64, entries: Vec<JournalEntry>) -> Batch {
        let ticket = ledger.ticket();
        ledger.submit(at(secs), ticket, entries, false)
    }

    fn full() -> WriteFault {
        WriteFault::OfJournal("database or disk is full".into())
    }

    fn said(batch: &Batch) -> Vec<(String, bool)> {
        let states = batch.entries.iter().map(|entry| match entry {
            JournalEntry::Operator(stored) => (stored.operator.to_string(), stored.dnd),
            other => panic!("no operator's state: {other:?}"),
        });
        states.collect()
    }

    fn op(name: &str, dnd: bool) -> Vec<(String, bool)> {
        vec![(name.to_owned(), dnd)]
    }

    #[test]
    fn what_could_not_be_written_is_tried_again_until_it_can() {
        let mut ledger = Ledger::default();
        let batch = submit(&mut ledger, 0, vec![state("op1", false), state("op2", false)]);
        ledger.unwritten(at(0), batch, full());
        assert_eq!(ledger.health().owed, 2);
        assert_eq!(ledger.deadline(), Some(at(1).instant));
        let tries = ledger.tick(at(1)).tries;
        let each: Vec<_> = tries.iter().map(said).collect();
        assert_eq!(each, [op("op1", false), op("op2", false)], "each for itself");
        assert_eq!(ledger.health().owed, 2, "it is owed while it is tried");
        assert!(ledger.tick(at(3)).tries.is_empty(), "one try at a time");
        for batch in tries {
            ledger.unwritten(at(3), batch, full());
        }
        let mut tries = ledger.tick(at(4)).tries;
        ledger.committed(&tries.remove(0));
        ledger.unwritten(at(4), tries.remove(0), full());
        let mut tries = ledger.tick(at(5)).tries;
        assert_eq!(said(&tries[0]), op("op2", false));
        ledger.committed(&tries.remove(0));
        assert_eq!(ledger.health(), Health::default());
        assert_eq!(ledger.deadline(), None);
    }

    #[test]
    fn what_was_said_later_is_written_in_place_of_what_is_owed() {
        let mut ledger = Ledger::default();
        let first = submit(&mut ledger, 0, vec![state("op1", false)]);
        ledger.unwritten(at(0), first, full());
        let second = submit(&mut ledger, 0, vec![state("op1", true)]);
        assert_eq!(ledger.health().owed, 0);
        ledger.unwritten(at(0), second, full());
        let tries = ledger.tick(at(1)).tries;
        assert_eq!(tries.iter().map(said).collect::<Vec<_>>(), [op("op1", true)]);
    }

    #[test]
    fn of_two_under_way_the_earlier_is_never_written_after_the_later() {
        let mut ledger = Ledger::default();
        let first = submit(&mut ledger, 0, vec![state("op1", false)]);
        let second = submit(&mut ledger, 0, vec![state("op1", true)]);
        ledger.unwritten(at(0), first, full());
        assert_eq!(ledger.health().owed, 0);
        ledger.committed(&second);
        assert_eq!(ledger.health(), Health::default());
    }

    #[test]
    fn of_two_in_one_batch_the_later_is_owed() {
        let mut ledger = Ledger::default();
        let batch = submit(&mut ledger, 0, vec![state("op1", false), state("op1", true)]);
        ledger.unwritten(at(0), batch, full());
        let tries = ledger.tick(at(1)).tries;
        assert_eq!(tries.iter().map(said).collect::<Vec<_>>(), [op("op1", true)]);
    }

    #[test]
    fn a_batch_that_is_itself_at_fault_is_given_up_and_counted() {
        let mut ledger = Ledger::default();
        let batch = submit(&mut ledger, 0, vec![state("op1", false)]);
        ledger.unwritten(at(0), batch, WriteFault::OfBatch("constraint".into()));
        assert_eq!((ledger.health().owed, ledger.health().lost), (0, 1));
        // Whether the journal can be written at all is seen without it.
        let tries = ledger.tick(at(1)).tries;
        assert_eq!(tries.iter().map(said).collect::<Vec<_>>(), [vec![]]);
        ledger.committed(&tries[0]);
        assert_eq!(ledger.health().trouble, None);
    }

    #[test]
    fn no_more_than_so_many_rows_are_owed() {
        let mut ledger = Ledger::default();
        for n in 0..=OWED_MAX {
            let batch = submit(&mut ledger, 0, vec![state(&format!("op{n}"), false)]);
            ledger.unwritten(at(0), batch, full());
        }
        assert_eq!((ledger.health().owed, ledger.health().lost), (OWED_MAX, 1));
        let tries = ledger.tick(at(1)).tries;
        assert_eq!(said(&tries[0]), op("op1", false), "the oldest was given up");
        assert_eq!(tries.len(), PORTION);
    }

    #[test]
    fn a_batch_that_takes_too_long_is_late_once_and_then_trouble_until_its_outcome() {
        let mut ledger = Ledger::default();
        let batch = submit(&mut ledger, 0, vec![state("op1", false)]);
        assert_eq!(ledger.deadline(), Some(Instant::START + COMMIT_MAX));
        assert_eq!(ledger.tick(at(5)).late, [batch.ticket]);
        let tries = ledger.tick(at(6));
        assert_eq!(tries.late, []);
        assert!(ledger.health().trouble.is_some());
        ledger.committed(&batch);
        assert!(ledger.health().trouble.is_some(), "the try is still under way");
        ledger.committed(&tries.tries[0]);
        assert_eq!(ledger.health(), Health::default());
    }

    #[test]
    fn the_log_hears_of_it_at_once_then_once_a_minute_and_when_it_is_over() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.news(at(0).instant), None);
        let batch = submit(&mut ledger, 0, vec![state("op1", false)]);
        ledger.unwritten(at(0), batch, full());
        assert!(matches!(ledger.news(at(0).instant), Some(JournalNotice::Failing(_))));
        assert_eq!(ledger.news(at(59).instant), None);
        assert!(matches!(ledger.news(at(60).instant), Some(JournalNotice::Failing(_))));
        for batch in ledger.tick(at(61)).tries {
            ledger.committed(&batch);
        }
        assert!(matches!(ledger.news(at(61).instant), Some(JournalNotice::Mended(_))));
        assert_eq!(ledger.news(at(62).instant), None);
    }

    #[test]
    fn at_the_end_all_that_is_owed_is_tried_once_more() {
        let mut ledger = Ledger::default();
        for n in 0..=PORTION {
            let batch = submit(&mut ledger, 0, vec![state(&format!("op{n}"), false)]);
            ledger.unwritten(at(0), batch, full());
        }
        let batches = ledger.last_words(at(1));
        let rows: usize = batches.iter().map(|batch| batch.entries.len()).sum();
        assert_eq!((batches.len(), rows), (2, PORTION + 1));
    }
}
