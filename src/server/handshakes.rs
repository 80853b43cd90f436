//! Handshakes that are under way: some, for a while, and the newest rather than the oldest.
//!
//! Who begins many and ends none pushes out its own first, since those are the oldest.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// So many may be under way.
pub const HANDSHAKES_MAX: usize = 256;
/// One that takes longer has failed.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Why a handshake has come to nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HandshakeFault {
    /// It took too long.
    Late,
    /// It was the oldest of too many.
    Displaced,
    /// What the peer sent, in words.
    Failed(String),
}

impl fmt::Display for HandshakeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("the handshake took too long"),
            Self::Displaced => {
                f.write_str("too many handshakes at once, of which it was the oldest")
            }
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// All that are under way.
#[derive(Debug)]
pub(super) struct Handshakes {
    all: Mutex<Underway>,
    within: Duration,
}

#[derive(Debug, Default)]
struct Underway {
    /// In their order; whoever is sent something, or forgotten, gives up.
    open: BTreeMap<u64, oneshot::Sender<()>>,
    begun: u64,
    failed: usize,
    /// Why the last one failed.
    last: Option<String>,
}

impl Handshakes {
    /// None yet; each has to end within so long.
    pub fn new(within: Duration) -> Self {
        Self { all: Mutex::default(), within }
    }

    /// Goes through one handshake.
    ///
    /// # Errors
    /// Why it has failed; that is counted.
    pub async fn run<T>(
        &self,
        handshake: impl Future<Output = Result<T, String>>,
    ) -> Result<T, HandshakeFault> {
        let (id, displaced) = self.begin();
        let ended = tokio::select! {
            ended = tokio::time::timeout(self.within, handshake) => match ended {
                Ok(ended) => ended.map_err(HandshakeFault::Failed),
                Err(_) => Err(HandshakeFault::Late),
            },
            _ = displaced => Err(HandshakeFault::Displaced),
        };
        let mut all = self.all();
        all.open.remove(&id);
        if let Err(fault) = &ended {
            all.failed += 1;
            all.last = Some(fault.to_string());
        }
        ended
    }

    /// How many have failed since the start, and why the last one did.
    pub fn failed(&self) -> (usize, Option<String>) {
        let all = self.all();
        (all.failed, all.last.clone())
    }

    fn begin(&self) -> (u64, oneshot::Receiver<()>) {
        let mut all = self.all();
        if all.open.len() >= HANDSHAKES_MAX {
            all.open.pop_first();
        }
        let (displace, displaced) = oneshot::channel();
        all.begun += 1;
        let id = all.begun;
        all.open.insert(id, displace);
        (id, displaced)
    }

    fn all(&self) -> MutexGuard<'_, Underway> {
        // It is whole whoever has let go of it.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn of_too_many_the_oldest_gives_up() {
        let handshakes = Arc::new(Handshakes::new(HANDSHAKE_MAX));
        let mut waiting = Vec::new();
        for _ in 0..HANDSHAKES_MAX {
            let handshakes = Arc::clone(&handshakes);
            waiting.push(tokio::spawn(async move {
                handshakes.run(std::future::pending::<Result<(), String>>()).await
            }));
            tokio::task::yield_now().await;
        }
        assert_eq!(handshakes.run(async { Ok(7) }).await, Ok(7));
        let first = waiting.remove(0).await.unwrap();
        assert_eq!(first, Err(HandshakeFault::Displaced));
        assert_eq!(handshakes.failed().0, 1);
        // There is room again for one.
        assert_eq!(handshakes.run(async { Ok(8) }).await, Ok(8));
        assert!(!waiting[0].is_finished());
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn one_that_takes_too_long_has_failed() {
        let handshakes = Handshakes::new(Duration::from_millis(20));
        let never = std::future::pending::<Result<(), String>>();
        assert_eq!(handshakes.run(never).await, Err(HandshakeFault::Late));
        let bad = handshakes.run(async { Err::<(), _>("no TLS".to_owned()) }).await;
        assert_eq!(bad, Err(HandshakeFault::Failed("no TLS".to_owned())));
        assert_eq!(handshakes.failed(), (2, Some("no TLS".to_owned())));
        assert!(handshakes.all.lock().unwrap().open.is_empty());
    }
}
