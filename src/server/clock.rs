//! The one clock of the house.

use crate::time::{Instant, Now, UnixTime};
use std::time::SystemTime;

/// Reads both clocks; moments are counted from its making.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> Now {
        let since = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let unix = u64::try_from(unix.as_micros()).unwrap_or(u64::MAX);
        Now { instant: Instant::from_micros(since), unix: UnixTime::from_micros(unix) }
    }

    /// A moment as the runtime's timers know it.
    #[must_use]
    pub fn real(&self, at: Instant) -> std::time::Instant {
        self.start + std::time::Duration::from_micros(at.as_micros())
    }

    /// Waits for a moment; for none, for ever.
    pub async fn sleep_until(self, at: Option<Instant>) {
        match at {
            Some(at) => tokio::time::sleep_until(self.real(at).into()).await,
            None => std::future::pending().await,
        }
    }
}
