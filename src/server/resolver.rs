//! Host names of fixed contacts: looked up beside the loop, and again from time to time.

use std::net::IpAddr;
use tokio::sync::mpsc;

/// An answer: the name and its first address, if it has one.
pub type Answer = (String, Option<IpAddr>);
/// Answers that may wait for the loop.
const ANSWERS_MAX: usize = 256;

/// The way to the system's resolver.
#[derive(Debug)]
pub struct Resolver {
    answers: mpsc::Sender<Answer>,
    incoming: mpsc::Receiver<Answer>,
}

impl Resolver {
    /// Nothing is being looked up.
    #[must_use]
    pub fn new() -> Self {
        let (answers, incoming) = mpsc::channel(ANSWERS_MAX);
        Self { answers, incoming }
    }

    /// Looks a name up, in its own time.
    pub fn look_up(&self, host: String) {
        let answers = self.answers.clone();
        tokio::spawn(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let address = found.ok().and_then(|mut found| found.next()).map(|found| found.ip());
            let _ = answers.send((host, address)).await;
        });
    }

    /// The next answer.
    pub async fn next(&mut self) -> Option<Answer> {
        self.incoming.recv().await
    }
}
