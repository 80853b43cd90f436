//! The one thread that writes: it gathers what waits into one transaction, commits, and reports.

use super::database::Database;
use super::error::StoreError;
use super::write;
use crate::exchange::journal::Entry;
use crate::ids::Ticket;
use rusqlite::Result;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many batches may wait for the thread; beyond, the caller is refused.
pub const WAITING_MAX: usize = 10_000;

/// How many batches one transaction gathers at most, so that nobody waits long for its commit.
pub const GROUP_MAX: usize = 500;

/// How long entries that nobody waits for may wait for others. A crash loses no more than this of
/// them.
const PATIENCE: Duration = Duration::from_millis(20);

/// What has to be true together, and who waits for it.
#[derive(Debug)]
pub struct Batch {
    /// Written wholly or not at all, in this order.
    pub entries: Vec<Entry>,
    /// Reported once the entries are on the disk; `None` when nobody waits.
    pub ticket: Option<Ticket>,
}

/// What came of a batch.
#[derive(Debug)]
pub enum Outcome {
    /// It outlives a crash.
    Committed(Option<Ticket>),
    /// Nothing of it is written.
    Failed {
        /// Who waited for it.
        ticket: Option<Ticket>,
        /// What the disk or the database said.
        error: StoreError,
    },
}

/// The writer takes nothing more.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WriteRefused {
    /// [`WAITING_MAX`] batches wait already: the disk is too slow.
    #[error("the journal is behind: {WAITING_MAX} batches wait for the disk")]
    Full,
    /// The thread has ended.
    #[error("the journal's thread has ended")]
    Stopped,
}

/// The way to the thread. Dropping it writes what waits, then ends the thread.
#[derive(Debug)]
pub struct Writer {
    batches: Option<SyncSender<Batch>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `report` is called there for each batch, in their order.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        database: Database,
        report: impl FnMut(Outcome) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (batches, waiting) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || work(database, &waiting, report))?;
        Ok(Self { batches: Some(batches), thread: Some(thread) })
    }

    /// Hands a batch over; never waits.
    ///
    /// # Errors
    /// When too many batches wait already, or the thread has ended.
    pub fn write(&self, batch: Batch) -> std::result::Result<(), WriteRefused> {
        let batches = self.batches.as_ref().ok_or(WriteRefused::Stopped)?;
        batches.try_send(batch).map_err(|refused| match refused {
            TrySendError::Full(_) => WriteRefused::Full,
            TrySendError::Disconnected(_) => WriteRefused::Stopped,
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.batches.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed there; there is nothing left to do about it here.
            let _ = thread.join();
        }
    }
}

fn work(mut database: Database, waiting: &Receiver<Batch>, mut report: impl FnMut(Outcome)) {
    while let Ok(first) = waiting.recv() {
        let group = gather(first, waiting);
        if database.write(&group).is_ok() {
            group.iter().for_each(|batch| report(Outcome::Committed(batch.ticket)));
            continue;
        }
        // One batch may have spoilt it for the others: each for itself.
        for batch in &group {
            let ticket = batch.ticket;
            report(match database.write(std::slice::from_ref(batch)) {
                Ok(()) => Outcome::Committed(ticket),
                Err(error) => Outcome::Failed { ticket, error: database.fault(error) },
            });
        }
    }
}

/// What goes into one transaction: all that waits and, while nobody waits for its commit, what comes
/// within [`PATIENCE`]. Each commit costs a flush of the disk.
fn gather(first: Batch, waiting: &Receiver<Batch>) -> Vec<Batch> {
    let until = Instant::now() + PATIENCE;
    let mut group = vec![first];
    while group.len() < GROUP_MAX {
        let awaited = group.iter().any(|batch| batch.ticket.is_some());
        let patience =
            if awaited { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
        match waiting.recv_timeout(patience) {
            Ok(batch) => group.push(batch),
            Err(_) => break,
        }
    }
    group
}

impl Database {
    /// Writes all batches in one transaction.
    fn write(&mut self, batches: &[Batch]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for entry in batches.iter().flat_map(|batch| &batch.entries) {
            write::put(&transaction, entry)?;
        }
        transaction.commit()
    }
}
