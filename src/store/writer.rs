//! The one thread that writes: it gathers what waits into one transaction, commits, and reports; and one beside it that
//! flushes, so that a slow disk does not keep what goes on from outliving the process.
//!
//! ```text
//!   gather ──▶ commit: outlives the process ──┬─ what goes on ───────────────────────────────▶ reported
//!                                             └─ all else ══▶ flush: outlives the power ─────▶ reported
//!                                                             at once where somebody waits
//! ```
//!
//! Nothing that a disk, a file or another process does ends it, and nothing makes it wait for long
//! with one batch while others wait: what failed comes back, and whether it is tried again is decided
//! where it came from.

use super::database::Database;
use super::error::StoreError;
use super::write;
use crate::exchange::journal::{Batch, WriteFault};
use rusqlite::TransactionBehavior;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SendError, SyncSender, TrySendError, sync_channel,
};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many batches may wait for the thread; beyond, the caller is refused.
pub const WAITING_MAX: usize = 10_000;

/// How many batches one transaction gathers at most, so that nobody waits long for its commit.
pub const GROUP_MAX: usize = 500;

/// How long entries that nobody waits for may wait for others, and then for a flush. A crash of the process loses
/// no more than this of them, one of the machine twice as much.
const PATIENCE: Duration = Duration::from_millis(20);

/// What is to outlive the process alone waits no longer for others: it costs no flush.
const PATIENCE_LIVE: Duration = Duration::from_millis(2);

/// When a group could not be written, its batches are tried each for itself for no longer than this.
const APART_MAX: Duration = Duration::from_secs(1);

/// So many groups wait for a flush; beyond, no other is committed.
const FLUSHES_MAX: usize = 64;

/// At the end the thread gets so long for what still waits.
const FAREWELL_MAX: Duration = Duration::from_secs(10);

/// Where batches are written: the database, or in tests something that fails.
pub trait Journal: Send + 'static {
    /// Writes all batches in one transaction, or nothing of them. Before a [flush](Self::flusher) they outlive the
    /// process alone.
    ///
    /// # Errors
    /// What the disk or the database says.
    fn write(&mut self, batches: &[Batch]) -> Result<(), StoreError>;

    /// What has all that was written before it is called outlive the power, or says what the disk says; called by
    /// another thread, while this one goes on writing.
    fn flusher(&self) -> impl FnMut() -> Result<(), StoreError> + Send + 'static;
}

impl Journal for Database {
    fn write(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let written = (|| {
            self.flush_commits(false)?;
            // Whoever else writes is waited for here, once, and not in the midst of it.
            let immediate = TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(immediate)?;
            if batches.iter().all(|batch| batch.entries.is_empty()) {
                write::try_out(&transaction)?;
            }
            for entry in batches.iter().flat_map(|batch| &batch.entries) {
                write::put(&transaction, entry)?;
            }
            transaction.commit()
        })();
        written.map_err(|error| self.fault(error))
    }

    fn flusher(&self) -> impl FnMut() -> Result<(), StoreError> + Send + 'static {
        let path = self.path().to_owned();
        move || super::database::sync_log(&path)
    }
}

/// What came of a batch.
#[derive(Debug)]
pub enum BatchOutcome {
    /// It outlives a crash: of the machine or, [where no more is needed](Batch::is_durable), of the process.
    Committed(Batch),
    /// Nothing of it is written.
    Failed {
        /// As it came.
        batch: Batch,
        /// Why.
        fault: WriteFault,
    },
}

/// Why the writer takes nothing more.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WriteRefused {
    /// [`WAITING_MAX`] batches wait already: the disk is too slow.
    #[error("{WAITING_MAX} batches wait for the disk")]
    Full,
    /// The thread has ended.
    #[error("the journal's thread has ended")]
    Stopped,
}

/// The way to the thread. Dropping it writes what waits, unless that takes too long, then ends the
/// thread.
#[derive(Debug)]
pub struct StoreWriter {
    batches: Option<SyncSender<Batch>>,
    thread: Option<JoinHandle<()>>,
    /// What cannot be written at the end is not waited for.
    closing: Arc<AtomicBool>,
}

impl StoreWriter {
    /// Starts the threads. `report` is called there for each batch; for those that are durable in their order, and for
    /// the others in theirs.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        journal: impl Journal,
        report: impl FnMut(BatchOutcome) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let (batches, waiting) = sync_channel(WAITING_MAX);
        let closing = Arc::new(AtomicBool::new(false));
        let closing_too = Arc::clone(&closing);
        let (flushes, written) = sync_channel(FLUSHES_MAX);
        let (flush, flushed) = (journal.flusher(), report.clone());
        let flusher = std::thread::Builder::new()
            .name("journal flush".to_owned())
            .spawn(move || flush_all(flush, flushed, &written))?;
        let work = Work {
            journal,
            report,
            closing: closing_too,
            unflushed: vec![],
            flush_at: None,
            flushes,
        };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            work.work(&waiting);
            // Nothing comes to it any more; a panic of its own is of whom it reports to.
            let _ = flusher.join();
        })?;
        Ok(Self { batches: Some(batches), thread: Some(thread), closing })
    }

    /// Hands a batch over; never waits.
    ///
    /// # Errors
    /// The batch, when too many wait already, or the thread has ended.
    pub fn write(&self, batch: Batch) -> Result<(), (Batch, WriteRefused)> {
        let Some(batches) = &self.batches else { return Err((batch, WriteRefused::Stopped)) };
        batches.try_send(batch).map_err(|refused| match refused {
            TrySendError::Full(batch) => (batch, WriteRefused::Full),
            TrySendError::Disconnected(batch) => (batch, WriteRefused::Stopped),
        })
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        drop(self.batches.take());
        let Some(thread) = self.thread.take() else { return };
        let until = Instant::now() + FAREWELL_MAX;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        // A flush that does not return is left to itself: the process ends all the same.
        if thread.is_finished() {
            let _ = thread.join();
        }
    }
}

struct Work<J, R> {
    journal: J,
    report: R,
    closing: Arc<AtomicBool>,
    /// What is written and has to be flushed before it is reported.
    unflushed: Vec<Batch>,
    /// When, at the latest.
    flush_at: Option<Instant>,
    /// To the thread that flushes.
    flushes: SyncSender<Vec<Batch>>,
}

impl<J: Journal, R: FnMut(BatchOutcome)> Work<J, R> {
    fn work(mut self, waiting: &Receiver<Batch>) {
        loop {
            let patience = self.flush_at.map(|at| at.saturating_duration_since(Instant::now()));
            let first = match patience {
                None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(patience) => waiting.recv_timeout(patience),
            };
            let first = match first {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.flush();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return self.flush(),
            };
            let group = gather(first, waiting);
            match self.attempt(&group) {
                Ok(()) => self.written(group),
                Err(error) => {
                    let give_up = self.closing.load(Ordering::Relaxed) && error.is_held();
                    self.apart(group, &error);
                    if give_up {
                        return self.flush();
                    }
                }
            }
        }
    }

    /// A group could not be written. One batch may have spoilt it for the others, or is small enough
    /// for what is left of the disk: each for itself, as far as that is to any purpose.
    fn apart(&mut self, group: Vec<Batch>, error: &StoreError) {
        if let [_] = group[..] {
            return group.into_iter().for_each(|batch| self.failed(batch, error.fault()));
        }
        let until = Instant::now() + APART_MAX;
        // Whom a lock holds up once it would hold up with every batch.
        let mut hopeless = error.is_held().then(|| error.to_string());
        for batch in group {
            if hopeless.is_none() && Instant::now() >= until {
                hopeless = Some(error.to_string());
            }
            match hopeless.clone() {
                Some(why) => self.failed(batch, WriteFault::OfJournal(why)),
                None => match self.attempt(std::slice::from_ref(&batch)) {
                    Ok(()) => self.written(vec![batch]),
                    Err(error) => {
                        hopeless = error.is_held().then(|| error.to_string());
                        self.failed(batch, error.fault());
                    }
                },
            }
        }
    }

    fn attempt(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        // A panic of a library must not end the journal for all who come later.
        let attempt = AssertUnwindSafe(|| self.journal.write(batches));
        catch_unwind(attempt).unwrap_or(Err(StoreError::Panicked))
    }

    fn written(&mut self, group: Vec<Batch>) {
        let is_awaited = group.iter().any(|batch| batch.awaited);
        for batch in group {
            match batch.is_durable() {
                true => self.unflushed.push(batch),
                false => (self.report)(BatchOutcome::Committed(batch)),
            }
        }
        if is_awaited {
            self.flush();
        } else if !self.unflushed.is_empty() {
            self.flush_at.get_or_insert(Instant::now() + PATIENCE);
        }
    }

    /// Has what is written flushed, and does not wait for it.
    fn flush(&mut self) {
        self.flush_at = None;
        let unflushed = std::mem::take(&mut self.unflushed);
        if unflushed.is_empty() {
            return;
        }
        // It ends with this thread alone, or by a panic of whom it reports to.
        if let Err(SendError(batches)) = self.flushes.send(unflushed) {
            let ended = || WriteFault::OfJournal(StoreError::Panicked.to_string());
            batches.into_iter().for_each(|batch| self.failed(batch, ended()));
        }
    }

    fn failed(&mut self, batch: Batch, fault: WriteFault) {
        (self.report)(BatchOutcome::Failed { batch, fault });
    }
}

/// The thread that flushes: all that has been written meanwhile by one flush.
fn flush_all(
    mut flush: impl FnMut() -> Result<(), StoreError>,
    mut report: impl FnMut(BatchOutcome),
    written: &Receiver<Vec<Batch>>,
) {
    while let Ok(first) = written.recv() {
        let batches = first.into_iter().chain(written.try_iter().flatten()).collect::<Vec<_>>();
        let flushed = catch_unwind(AssertUnwindSafe(&mut flush));
        let flushed = flushed.unwrap_or(Err(StoreError::Panicked));
        for batch in batches {
            report(match &flushed {
                Ok(()) => BatchOutcome::Committed(batch),
                Err(error) => BatchOutcome::Failed { batch, fault: error.fault() },
            });
        }
    }
}

/// What goes into one transaction: all that waits and, while nobody waits for its commit, what comes
/// within [`PATIENCE`], or within [`PATIENCE_LIVE`] once there is something that goes on.
fn gather(first: Batch, waiting: &Receiver<Batch>) -> Vec<Batch> {
    let patience_of = |batch: &Batch| match (batch.awaited, batch.is_durable()) {
        (true, _) => Duration::ZERO,
        (false, true) => PATIENCE,
        (false, false) => PATIENCE_LIVE,
    };
    let mut until = Instant::now() + patience_of(&first);
    let mut group = vec![first];
    while group.len() < GROUP_MAX {
        match waiting.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(batch) => {
                until = until.min(Instant::now() + patience_of(&batch));
                group.push(batch);
            }
            Err(_) => break,
        }
    }
    group
}
