//! Handshakes that are under way: some, for a while. Of too many, the oldest of whoever has most under way gives up: who
//! begins many and ends none pushes out its own.

use crate::sip::network;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// So many may be under way.
pub const HANDSHAKES_MAX: usize = 256;
/// One that takes longer has failed.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Why a handshake has come to nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OpeningFault {
    /// It took too long.
    Late,
    /// It was the oldest of too many.
    Displaced,
    /// What the peer sent, in words.
    Failed(String),
}

impl fmt::Display for OpeningFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("the handshake took too long"),
            Self::Displaced => {
                f.write_str("too many handshakes at once, most of them from this source")
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
    open: BTreeMap<u64, (IpAddr, oneshot::Sender<()>)>,
    begun: u64,
    failed: usize,
    /// Why the last one failed.
    last: Option<String>,
}

impl Underway {
    /// Ends the oldest of the source that has most.
    fn displace(&mut self) {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for (source, _) in self.open.values() {
            *counts.entry(*source).or_default() += 1;
        }
        let most = counts.values().copied().max();
        let oldest = self.open.iter().find(|(_, (source, _))| counts.get(source).copied() == most);
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.open.remove(&id);
        }
    }
}

impl Handshakes {
    /// None yet; each has to end within so long.
    pub fn new(within: Duration) -> Self {
        Self { all: Mutex::default(), within }
    }

    /// Goes through one handshake with somebody at this address.
    ///
    /// # Errors
    /// Why it has failed; that is counted.
    pub async fn run<T>(
        &self,
        peer: IpAddr,
        handshake: impl Future<Output = Result<T, String>>,
    ) -> Result<T, OpeningFault> {
        let (id, displaced) = self.begin(network(peer));
        let ended = tokio::select! {
            ended = tokio::time::timeout(self.within, handshake) => match ended {
                Ok(ended) => ended.map_err(OpeningFault::Failed),
                Err(_) => Err(OpeningFault::Late),
            },
            _ = displaced => Err(OpeningFault::Displaced),
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

    fn begin(&self, source: IpAddr) -> (u64, oneshot::Receiver<()>) {
        let mut all = self.all();
        if all.open.len() >= HANDSHAKES_MAX {
            all.displace();
        }
        let (displace, displaced) = oneshot::channel();
        all.begun += 1;
        let id = all.begun;
        all.open.insert(id, (source, displace));
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
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    const HONEST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const GREEDY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3));

    #[tokio::test]
    async fn of_too_many_the_oldest_of_who_has_most_gives_up() {
        let handshakes = Arc::new(Handshakes::new(HANDSHAKE_MAX));
        let mut waiting = Vec::new();
        for number in 0..HANDSHAKES_MAX {
            let handshakes = Arc::clone(&handshakes);
            let peer = if number == 0 { HONEST } else { GREEDY };
            waiting.push(tokio::spawn(async move {
                handshakes.run(peer, std::future::pending::<Result<(), String>>()).await
            }));
            tokio::task::yield_now().await;
        }
        assert_eq!(handshakes.run(OTHER, async { Ok(7) }).await, Ok(7));
        let second = waiting.remove(1).await.unwrap();
        assert_eq!(second, Err(OpeningFault::Displaced));
        assert_eq!(handshakes.failed().0, 1);
        // There is room again for one.
        assert_eq!(handshakes.run(OTHER, async { Ok(8) }).await, Ok(8));
        assert!(!waiting[0].is_finished() && !waiting[1].is_finished());
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn one_that_takes_too_long_has_failed() {
        let handshakes = Handshakes::new(Duration::from_millis(20));
        let never = std::future::pending::<Result<(), String>>();
        assert_eq!(handshakes.run(OTHER, never).await, Err(OpeningFault::Late));
        let bad = handshakes.run(OTHER, async { Err::<(), _>("no TLS".to_owned()) }).await;
        assert_eq!(bad, Err(OpeningFault::Failed("no TLS".to_owned())));
        assert_eq!(handshakes.failed(), (2, Some("no TLS".to_owned())));
        assert!(handshakes.all.lock().unwrap().open.is_empty());
    }
}
