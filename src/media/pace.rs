//! The pace of all that the relay makes: when the next packet or picture of our own is due.

use crate::time::{Duration, Instant};

/// After a pause of the event loop longer than this, what was missed is left out.
const LATE_MAX: Duration = Duration::from_millis(200);

/// When the next packet or picture of our own is due; the first one sets the pace.
#[derive(Debug)]
pub struct PacketPace {
    interval: Duration,
    due: Instant,
    started: bool,
}

/// What the pace says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Beat {
    /// It is not time yet.
    Early,
    /// It is time.
    Now,
    /// It is long past; what was missed is left out.
    Late,
}

impl PacketPace {
    /// Begins at `due`.
    #[must_use]
    pub fn new(interval: Duration, due: Instant) -> Self {
        Self { interval, due, started: false }
    }

    /// Whether it is time now; once it was, the next one is awaited.
    pub fn beat(&mut self, now: Instant) -> Beat {
        if now < self.due {
            return Beat::Early;
        }
        let late = self.started && now.since(self.due) > LATE_MAX;
        self.due = if late || !self.started { now } else { self.due } + self.interval;
        self.started = true;
        if late { Beat::Late } else { Beat::Now }
    }
}
