//! The journal, as a disk and others on it make it: late, full, held, or failing for a while; and
//! what stands in it.

use super::journal_model::JournalModel;
use super::network::Event;
use super::world::World;
use cordboard::exchange::Input;
use cordboard::exchange::journal::{Batch, WriteFault};
use cordboard::ids::Ticket;
use cordboard::random::Random;
use cordboard::time::{Duration, Instant};
use std::collections::BTreeMap;

/// Between two troubles, in milliseconds.
const PEACE: (u64, u64) = (1_000, 60_000);

/// After so long a batch stands in the file, whenever that is flushed.
const UNWRITTEN: Duration = Duration::from_millis(20);
/// What nobody waits for and needs no flush takes so long at most.
const UNFLUSHED: Duration = Duration::from_millis(2);

/// What is wrong with it until when.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trouble {
    None,
    /// Nothing can be written.
    Failing(Instant),
    /// Nothing is written, and then all.
    Held(Instant),
    /// Each commit takes seconds.
    Slow(Instant),
    /// It takes nothing more.
    Full(Instant),
}

#[derive(Debug)]
pub struct Journal {
    trouble: Trouble,
    /// The outcomes come in the order of the batches.
    last: Instant,
    under_way: BTreeMap<Ticket, Batch>,
    /// When each was given to it.
    given: BTreeMap<Ticket, Instant>,
    /// What stands in it.
    pub held: JournalModel,
    pub troubles: u64,
    pub failed: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            trouble: Trouble::None,
            last: Instant::START,
            under_way: BTreeMap::new(),
            given: BTreeMap::new(),
            held: JournalModel::default(),
            troubles: 0,
            failed: 0,
        }
    }
}

impl Journal {
    pub fn has_contact(&self, number: &str) -> bool {
        self.held.bindings.keys().any(|(of, _)| of.as_str() == number)
    }

    /// The process ends: what is older stands in the file, flushed or not; of the rest some has come there, in its
    /// order, and the others never will.
    pub fn is_cut(&mut self, now: Instant, chance: &mut Random) {
        let under_way = std::mem::take(&mut self.under_way);
        let given = std::mem::take(&mut self.given);
        let is_old = |ticket: &Ticket| given.get(ticket).is_some_and(|at| *at + UNWRITTEN <= now);
        let old = under_way.keys().filter(|ticket| is_old(ticket)).count();
        let came = old + chance.below((under_way.len() - old) as u64 + 1) as usize;
        for batch in under_way.into_values().take(came) {
            batch.entries.iter().for_each(|entry| self.held.keep(entry));
        }
    }
}

impl World {
    /// The house wants something written.
    pub fn write_down(&mut self, batch: Batch) {
        let now = self.now.instant;
        let is_durable = batch.is_durable();
        let took = if is_durable { self.commit_time() } else { UNFLUSHED };
        let journal = &mut self.journal;
        let (ticket, is_full) = (batch.ticket, matches!(journal.trouble, Trouble::Full(_)));
        journal.under_way.insert(ticket, batch);
        journal.given.insert(ticket, now);
        if is_full {
            // Refused at the door: its outcome overtakes those of all that got in.
            return self.fail_to_write(ticket);
        }
        let until = match journal.trouble {
            Trouble::Held(until) => until,
            // It is the flush that takes so long.
            Trouble::Slow(_) if is_durable => journal.last + Duration::from_millis(700),
            Trouble::Slow(_) | Trouble::None | Trouble::Failing(_) | Trouble::Full(_) => now,
        };
        journal.last = journal.last.max(now + took).max(until);
        self.agenda.add(journal.last, Event::Journal(ticket));
    }

    /// The journal has come to a batch.
    pub fn journal_acts(&mut self, ticket: Ticket) {
        if let Trouble::Failing(_) = self.journal.trouble {
            return self.fail_to_write(ticket);
        }
        // Unless the process that wanted it is no more.
        let Some(batch) = self.journal.under_way.remove(&ticket) else { return };
        self.journal.given.remove(&ticket);
        batch.entries.iter().for_each(|entry| self.journal.held.keep(entry));
        let effects = self.testbed.exchange.handle(self.now, Input::Committed(batch));
        self.perform(effects);
    }

    fn fail_to_write(&mut self, ticket: Ticket) {
        let Some(batch) = self.journal.under_way.remove(&ticket) else { return };
        self.journal.failed += 1;
        let fault = WriteFault::OfJournal("the simulation says so".into());
        let effects = self.testbed.exchange.handle(self.now, Input::Unwritten { batch, fault });
        self.perform(effects);
    }

    /// The journal begins to fail, or is well again.
    pub fn journal_turns(&mut self) {
        let now = self.now.instant;
        let lasts = Duration::from_millis(100 + self.chance.below(20_000));
        let until = now + lasts;
        let closing = self.closing.is_some();
        let is_well = self.journal.trouble == Trouble::None;
        self.journal.trouble = match self.chance.below(4) {
            _ if !is_well || closing => Trouble::None,
            0 => Trouble::Failing(until),
            1 => Trouble::Held(until),
            2 => Trouble::Slow(until),
            _ => Trouble::Full(until),
        };
        self.note(format!("the journal: {:?}", self.journal.trouble));
        if self.journal.trouble != Trouble::None {
            self.journal.troubles += 1;
            self.agenda.add(until, Event::Trouble);
        } else if !closing {
            self.after(PEACE.0, PEACE.1, Event::Trouble);
        }
    }

    /// At once, as a journal does, or late, as a slow disk does.
    fn commit_time(&mut self) -> Duration {
        let micros = match self.chance.below(10) {
            0..3 => 0,
            3..9 => self.chance.below(8_000),
            _ => self.chance.below(1_500_000),
        };
        Duration::from_micros(micros)
    }

    /// What was confirmed is there, what ended has its end, and nothing is owed any more.
    pub fn judge_journal(&mut self) {
        // The day may have ended on the way to the disk.
        while let Some((ticket, _)) = self.journal.under_way.first_key_value() {
            self.journal_acts(*ticket);
        }
        let health = self.testbed.exchange.status().journal;
        if health.trouble.is_some() || health.owed + health.under_way > 0 || health.lost > 0 {
            return self.fail(format!("the journal is well, and still: {health:?}"), &[]);
        }
        let unended = self.journal.held.calls.values().find(|record| record.ended.is_none());
        if let Some(record) = unended {
            return self.fail(format!("{} has no end in the journal", record.call), &[]);
        }
        let missing = self.judge.confirmed_takes().find(|(call, operator)| {
            let record = self.journal.held.calls.get(call);
            !record.is_some_and(|record| record.operators.iter().any(|by| by.as_str() == *operator))
        });
        if let Some((call, operator)) = missing {
            self.fail(format!("the journal does not know that {operator} took {call}"), &[]);
        }
    }
}
