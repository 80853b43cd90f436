//! How often a stream may open a conversion: a decoder and an encoder are dear to make, and whoever sends
//! decides which codec each packet is in.
//!
//! ```text
//!   BURST at once after a switch ── one less with each opening, one more each second ──▶ none: left out
//! ```

use crate::time::{Duration, Instant};

/// So many at once: a phone that tries its codecs at the beginning of a call.
const BURST: u8 = 4;
/// After so long there is room for one more.
const INTERVAL: Duration = Duration::from_secs(1);

/// The conversions that may be opened for one source on its way to one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Openings {
    left: u8,
    /// Since when less than [`BURST`] are left, or when one came back last.
    since: Instant,
}

impl Default for Openings {
    fn default() -> Self {
        Self { left: BURST, since: Instant::START }
    }
}

impl Openings {
    /// Takes one, if one is left.
    pub fn take(&mut self, now: Instant) -> bool {
        while self.left < BURST && now.since(self.since) >= INTERVAL {
            self.left += 1;
            self.since = self.since + INTERVAL;
        }
        if self.left == BURST {
            self.since = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_there_is_one_a_second() {
        let mut openings = Openings::default();
        let times = (0..10_000).step_by(20).map(|ms| Instant::START + Duration::from_millis(ms));
        let opened = times.filter(|now| openings.take(*now)).count();
        assert_eq!(opened, usize::from(BURST) + 9);
    }

    #[test]
    fn whoever_was_quiet_has_a_burst_again_and_no_more() {
        let mut openings = Openings::default();
        let late = Instant::START + Duration::from_secs(3600);
        for now in [Instant::START, late] {
            let opened = (0..100).filter(|_| openings.take(now)).count();
            assert_eq!(opened, usize::from(BURST));
        }
    }
}
