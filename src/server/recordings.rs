//! The threads that make files of recorded calls, so that neither a codec nor a disk holds up the
//! event loop or a conversion.
//!
//! ```text
//!   event loop ── begin, tap, end ──▶ a recorder thread ──▶ files
//!              ◀─────────────── Report: what went wrong ─────┘
//! ```
//!
//! What waits for a thread is bounded: beyond it, parts of the recording are left out and the log says
//! so, rather than that memory grows while a disk hangs.

use super::breakdown::caught;
use super::reserve::{Reserve, Watch};
use crate::ids::CallId;
use crate::media::{RecordingTap, TapEntry};
use crate::recording::{FileWrite, Recorder};
use crate::time::Duration;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as queue;
use std::thread::{self, JoinHandle};
use tokio::sync::mpsc;

/// The most that waits for one thread, in bytes: a minute of ten calls with pictures.
pub const WAITING_BYTES_MAX: usize = 64 << 20;
/// More threads than this help no switchboard.
const RECORDERS_MAX: usize = 8;
/// Between two looks whether the threads have ended.
const GLANCE: Duration = Duration::from_millis(10);
/// Only the switchboard's user reads what people said.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// What has to be known of the recorders and their disk.
#[derive(Debug)]
pub enum RecorderReport {
    /// A recording is not what it should be, and over.
    Failed {
        /// Whose.
        call: CallId,
        /// What is wrong, for people.
        text: String,
    },
    /// Whether the disk has room for recordings; it has until this is said.
    Room(bool),
}

/// The recorder threads.
#[derive(Debug)]
pub struct Recordings {
    threads: Vec<RecorderThread>,
    reports: mpsc::UnboundedReceiver<RecorderReport>,
    /// Calls of which a part was left out, so that it is said once.
    gaps: BTreeMap<CallId, u64>,
    /// Looks after the disk.
    watch: Option<Watch>,
}

#[derive(Debug)]
struct RecorderThread {
    queue: queue::Sender<RecorderOrder>,
    waiting: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
enum RecorderOrder {
    Begin(CallId, PathBuf),
    Tap(RecordingTap),
    End(CallId),
}

impl Recordings {
    /// As many threads as there are processors beside the event loop's, at least one, and one more that
    /// looks whether the disk of `directory` has the reserve.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(directory: PathBuf, reserve: Reserve) -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let (reporter, reports) = mpsc::unbounded_channel();
        let count = processors.saturating_sub(1).clamp(1, RECORDERS_MAX);
        let threads = (0..count).map(|number| {
            let (queue, orders) = queue::channel();
            let waiting = Arc::new(AtomicUsize::new(0));
            let (taken, reporter) = (Arc::clone(&waiting), reporter.clone());
            let name = format!("recorder-{number}");
            let work = move || work(&orders, &taken, &reporter);
            let thread = thread::Builder::new().name(name).spawn(work)?;
            Ok(RecorderThread { queue, waiting, thread })
        });
        let threads = threads.collect::<io::Result<_>>()?;
        // The event loop may have gone.
        let report = move |room| drop(reporter.send(RecorderReport::Room(room)));
        let watch = Some(Watch::start(directory, reserve, report)?);
        Ok(Self { threads, reports, gaps: BTreeMap::new(), watch })
    }

    /// Begins the file of a call.
    pub fn begin(&self, call: CallId, path: PathBuf) {
        self.order(call, RecorderOrder::Begin(call, path));
    }

    /// Records more of a call, as far as there is room.
    pub fn tap(&mut self, tap: RecordingTap) {
        let (call, len) = (tap.call, weight(&tap));
        let Some(RecorderThread { waiting, .. }) = self.thread(call) else { return };
        let waiting = Arc::clone(waiting);
        if waiting.load(Ordering::Relaxed) + len > WAITING_BYTES_MAX {
            let lost = self.gaps.entry(call).or_default();
            if *lost == 0 {
                tracing::warn!(%call, "the recording has gaps: the disk or the processor is too slow");
            }
            *lost += len as u64;
            return;
        }
        waiting.fetch_add(len, Ordering::Relaxed);
        self.order(call, RecorderOrder::Tap(tap));
    }

    /// Ends the file of a call.
    pub fn end(&mut self, call: CallId) {
        if let Some(lost) = self.gaps.remove(&call) {
            tracing::warn!(%call, lost, "the recording lacks so many bytes");
        }
        self.order(call, RecorderOrder::End(call));
    }

    /// What has gone wrong; waits for it.
    pub async fn next(&mut self) -> Option<RecorderReport> {
        self.reports.recv().await
    }

    /// Ends all files, and waits for that at most so long: a disk that hangs may hang alone.
    pub fn finish(&mut self, patience: Duration) {
        self.watch = None;
        let (queues, threads): (Vec<_>, Vec<_>) =
            self.threads.drain(..).map(|thread| (thread.queue, thread.thread)).unzip();
        drop(queues);
        for _ in 0..patience.as_millis() / GLANCE.as_millis() {
            if threads.iter().all(JoinHandle::is_finished) {
                return;
            }
            thread::sleep(GLANCE);
        }
        tracing::error!("a recording could not be ended in time: it lacks its index");
    }

    /// The thread that has a call; none once they were ended.
    fn thread(&self, call: CallId) -> Option<&RecorderThread> {
        let at = call.0.checked_rem(self.threads.len() as u64)?;
        // The remainder is below a usize.
        self.threads.get(at as usize)
    }

    fn order(&self, call: CallId, order: RecorderOrder) {
        if let Some(thread) = self.thread(call) {
            // A thread that has gone has ended with the process.
            let _ = thread.queue.send(order);
        }
    }
}

/// The bytes that a lot takes up. Its entries count: payloads may be empty.
fn weight(tap: &RecordingTap) -> usize {
    tap.bytes.len() + tap.entries.len() * size_of::<TapEntry>()
}

/// A recording and its file.
#[derive(Debug)]
struct Open {
    recorder: Recorder,
    file: File,
    path: PathBuf,
    /// The length of the file.
    len: u64,
}

fn work(
    orders: &queue::Receiver<RecorderOrder>,
    waiting: &AtomicUsize,
    reports: &mpsc::UnboundedSender<RecorderReport>,
) {
    let mut open = BTreeMap::new();
    for order in orders {
        if let RecorderOrder::Tap(tap) = &order {
            waiting.fetch_sub(weight(tap), Ordering::Relaxed);
        }
        let call = order.call();
        if let Err(text) = attempt(&mut open, order) {
            // The event loop may have gone.
            let _ = reports.send(RecorderReport::Failed { call, text });
        }
    }
    for call in open.keys().copied().collect::<Vec<_>>() {
        // It is logged, and nobody is left to be told.
        let _ = attempt(&mut open, RecorderOrder::End(call));
    }
}

/// Obeys one order. A decoder that a peer's stream brings down costs its own recording only.
fn attempt(open: &mut BTreeMap<CallId, Open>, order: RecorderOrder) -> Result<(), String> {
    let call = order.call();
    let done = caught(|| perform(open, order));
    let done = done.unwrap_or_else(|said| Err(format!("the recorder broke down: {said}")));
    done.inspect_err(|text| {
        open.remove(&call);
        tracing::error!(%call, "{text}");
    })
}

fn perform(open: &mut BTreeMap<CallId, Open>, order: RecorderOrder) -> Result<(), String> {
    match order {
        RecorderOrder::Begin(call, path) => {
            open.insert(call, Open::begin(call, path)?);
            Ok(())
        }
        RecorderOrder::Tap(tap) => open.get_mut(&tap.call).map_or(Ok(()), |open| open.take(&tap)),
        RecorderOrder::End(call) => open.remove(&call).map_or(Ok(()), Open::finish),
    }
}

impl RecorderOrder {
    fn call(&self) -> CallId {
        match self {
            Self::Begin(call, _) | Self::End(call) => *call,
            Self::Tap(tap) => tap.call,
        }
    }
}

impl Open {
    fn begin(call: CallId, path: PathBuf) -> Result<Self, String> {
        let (recorder, head) = Recorder::new(&call.to_string());
        let file = create(&path).map_err(|error| refused("create", &path, &error))?;
        let mut open = Self { recorder, file, path, len: 0 };
        open.write(vec![head])?;
        Ok(open)
    }

    fn take(&mut self, tap: &RecordingTap) -> Result<(), String> {
        let mut ink = Vec::new();
        self.recorder.take(tap, &mut ink);
        self.write(ink)
    }

    fn finish(self) -> Result<(), String> {
        let Self { recorder, file, path, len } = self;
        let mut ink = Vec::new();
        recorder.finish(&mut ink);
        write(&file, len, ink).map(drop).map_err(|error| refused("write", &path, &error))
    }

    fn write(&mut self, ink: Vec<FileWrite>) -> Result<(), String> {
        let written = write(&self.file, self.len, ink);
        self.len = written.map_err(|error| refused("write", &self.path, &error))?;
        Ok(())
    }
}

/// Writes to a file of this length, and returns its length afterwards.
fn write(mut file: &File, mut len: u64, ink: Vec<FileWrite>) -> io::Result<u64> {
    for ink in ink {
        match ink {
            FileWrite::Append(bytes) => {
                file.write_all(&bytes)?;
                len += bytes.len() as u64;
            }
            FileWrite::Patch { at, bytes } => file.write_all_at(&bytes, at)?,
        }
    }
    Ok(len)
}

/// A new file, and the directories on the way to it; one that is there is never written over.
fn create(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

fn refused(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} the recording {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_disk_that_hangs_is_bounded_and_the_end_still_comes() {
        let (queue, orders) = queue::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let thread = thread::spawn(|| ());
        let threads = vec![RecorderThread { queue, waiting, thread }];
        let (_reporter, reports) = mpsc::unbounded_channel();
        let mut recordings = Recordings { threads, reports, gaps: BTreeMap::new(), watch: None };
        let call = CallId(17);
        let lot = 1 << 20;
        for _ in 0..100 {
            recordings.tap(RecordingTap { call, entries: Vec::new(), bytes: vec![0; lot] });
        }
        assert_eq!(recordings.gaps[&call], (100 * lot - WAITING_BYTES_MAX) as u64);
        recordings.end(call);
        assert!(recordings.gaps.is_empty());
        let orders: Vec<RecorderOrder> = orders.try_iter().collect();
        assert_eq!(orders.len(), WAITING_BYTES_MAX / lot + 1);
        assert!(matches!(orders.last(), Some(RecorderOrder::End(_))));
    }

    #[test]
    fn entries_without_payload_weigh_something() {
        let entries = vec![TapEntry::Pause(crate::time::Instant::START); 1000];
        assert!(weight(&RecordingTap { call: CallId(17), entries, bytes: Vec::new() }) >= 1000);
    }
}
