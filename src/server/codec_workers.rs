//! The threads that code pictures, so that the event loop never waits for a codec.
//!
//! A conversion stays with one worker, so that its pictures stay in order. The queues need no limit
//! of their own: the relay counts what is under way (`media::work`).

use crate::media::{Done, Job, Workshop};
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
        let (finished, done) = mpsc::unbounded_channel();
        let workers = processors.saturating_sub(1).clamp(1, WORKERS_MAX);
        let queues = (0..workers).map(|number| {
            let (queue, jobs) = queue::channel();
            let finished = finished.clone();
            let name = format!("codec-{number}");
            thread::Builder::new().name(name).spawn(move || work(&jobs, &finished))?;
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

fn work(jobs: &queue::Receiver<Job>, finished: &mpsc::UnboundedSender<Done>) {
    let mut workshop = Workshop::default();
    for job in jobs {
        if let Some(done) = workshop.perform(job)
            && finished.send(done).is_err()
        {
            return;
        }
    }
}
