//! The threads that code pictures, so that the event loop never waits for a codec.
//!
//! ```text
//!   submit ──▶ queue of one worker ──▶ workshop.perform ── done ──────────────▶ next
//!                                         └ panics: logged, its conversion is let go,
//!                                           forfeit ──────────────────────────▶ next
//! ```
//!
//! A conversion stays with one worker, so that its pictures stay in order. The queues need no limit
//! of their own: the relay counts what is under way (`media::work`). A codec that panics costs its own
//! conversion, which the relay begins anew; the others of that worker live on.

use super::breakdown::caught;
use crate::media::{ConversionId, Done, Job, WorkerConversions};
use std::io;
use std::sync::mpsc as queue;
use std::thread;
use tokio::sync::mpsc;

/// More workers than this help no switchboard.
const WORKERS_MAX: usize = 32;

/// The workers.
#[derive(Debug)]
pub struct CodecWorkers {
    queues: Vec<queue::Sender<Job>>,
    done: mpsc::UnboundedReceiver<Done>,
}

impl CodecWorkers {
    /// As many workers as there are processors beside the event loop's, at least one. They end with
    /// this value.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let workers = processors.saturating_sub(1).clamp(1, WORKERS_MAX);
        Self::staff(workers, WorkerConversions::default)
    }

    fn staff<C: JobRunner>(workers: usize, craft: fn() -> C) -> io::Result<Self> {
        let (finished, done) = mpsc::unbounded_channel();
        let queues = (0..workers).map(|number| {
            let (queue, jobs) = queue::channel();
            let finished = finished.clone();
            let name = format!("codec-{number}");
            thread::Builder::new().name(name).spawn(move || work(craft(), &jobs, &finished))?;
            Ok(queue)
        });
        Ok(Self { queues: queues.collect::<io::Result<_>>()?, done })
    }

    /// Gives a job to its worker.
    pub fn submit(&self, job: Job) {
        // The remainder is below a usize.
        let at = (job.worker() % self.queues.len() as u64) as usize;
        // A worker that has gone has ended with the process.
        let _ = self.queues[at].send(job);
    }

    /// What has been done; waits for it.
    pub async fn next(&mut self) -> Option<Done> {
        self.done.recv().await
    }

    /// What has been done by now.
    pub fn try_next(&mut self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}

/// What a worker can do.
trait JobRunner: 'static {
    fn perform(&mut self, job: Job) -> Option<Done>;
    fn abandon(&mut self, conversion: ConversionId);
}

impl JobRunner for WorkerConversions {
    fn perform(&mut self, job: Job) -> Option<Done> {
        Self::perform(self, job)
    }

    fn abandon(&mut self, conversion: ConversionId) {
        Self::abandon(self, conversion);
    }
}

fn work(
    mut craft: impl JobRunner,
    jobs: &queue::Receiver<Job>,
    finished: &mpsc::UnboundedSender<Done>,
) {
    for job in jobs {
        if let Some(done) = perform(&mut craft, job)
            && finished.send(done).is_err()
        {
            return;
        }
    }
}

/// Does one job; one that breaks down is answered all the same.
fn perform(craft: &mut impl JobRunner, job: Job) -> Option<Done> {
    let (what, conversion, forfeit) = (job.what(), job.conversion(), job.forfeit());
    // A half-changed converter is the only thing that a panic leaves behind, and it is let go.
    let said = match caught(|| craft.perform(job)) {
        Ok(done) => return done,
        Err(said) => said,
    };
    match conversion {
        Some(conversion) => {
            tracing::error!("{conversion} broke down at {what}: {said}");
            if let Err(said) = caught(|| craft.abandon(conversion)) {
                tracing::error!("{conversion} cannot be let go: {said}");
            }
        }
        None => tracing::error!("a codec broke down at {what}: {said}"),
    }
    forfeit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::codec::video::VideoTarget;
    use crate::ids::PortId;
    use crate::media::CodingOutcome;

    /// A picture of which the codec dies.
    const POISON: &[u8] = b"poison";

    #[derive(Default)]
    struct Fragile(WorkerConversions);

    impl JobRunner for Fragile {
        fn perform(&mut self, job: Job) -> Option<Done> {
            match &job {
                Job::Frame { coded, .. } if coded == POISON => panic!("the codec is dead"),
                Job::KeyFrame { conversion } if conversion.serial == 3 => panic!("{conversion}"),
                _others => self.0.perform(job),
            }
        }

        fn abandon(&mut self, conversion: ConversionId) {
            self.0.abandon(conversion);
            assert_ne!(conversion.serial, 4, "what is broken may break once more");
        }
    }

    fn conversion(serial: u64) -> ConversionId {
        ConversionId { port: PortId(16_000), serial }
    }

    fn open(serial: u64) -> Job {
        let (from, to) = (Codec::H264, Codec::H264);
        Job::Open { conversion: conversion(serial), from, to, target: VideoTarget::any() }
    }

    fn picture(serial: u64, coded: &[u8]) -> Job {
        let coded = coded.to_vec();
        Job::Frame { conversion: conversion(serial), timestamp: 0, coded, wanted: true }
    }

    fn outcomes(workers: &mut CodecWorkers, count: usize) -> Vec<(u64, CodingOutcome)> {
        let outcome = |done| match done {
            Some(Done::Frame { conversion, outcome }) => (conversion.serial, outcome),
            other => panic!("{other:?}"),
        };
        (0..count).map(|_| outcome(workers.done.blocking_recv())).collect()
    }

    #[test]
    fn a_codec_that_panics_costs_its_own_conversion_and_no_other() {
        let mut workers = CodecWorkers::staff(1, Fragile::default).unwrap();
        [open(1), open(2), picture(1, POISON), picture(1, b""), picture(2, b"rubbish")]
            .into_iter()
            .for_each(|job| workers.submit(job));
        let seen = outcomes(&mut workers, 3);
        assert_eq!(seen[..2], [(1, CodingOutcome::Gone), (1, CodingOutcome::Gone)]);
        assert!(
            matches!(seen[2], (2, CodingOutcome::Broken | CodingOutcome::Nothing)),
            "{:?}",
            seen[2]
        );
    }

    #[test]
    fn a_panic_of_which_nobody_waits_shows_itself_at_the_next_picture() {
        let mut workers = CodecWorkers::staff(1, Fragile::default).unwrap();
        let poison = Job::KeyFrame { conversion: conversion(3) };
        [open(3), poison, picture(3, b""), picture(4, POISON), picture(4, b"")]
            .into_iter()
            .for_each(|job| workers.submit(job));
        let gone = |serial| (serial, CodingOutcome::Gone);
        assert_eq!(outcomes(&mut workers, 3), [gone(3), gone(4), gone(4)]);
    }
}
