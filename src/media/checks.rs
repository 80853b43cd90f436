//! How many connectivity checks of one transport are looked at: to prove one costs as much as four packets.

use crate::time::{Duration, Instant};

/// Checks that are looked at within [`SPAN`]; an agent sends one in 50 ms for each pair of addresses, and later one in
/// seconds (RFC 8445 §14).
const CHECKS_MAX: u32 = 100;
const SPAN: Duration = Duration::from_secs(1);

/// The checks of a transport lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckLimiter {
    since: Instant,
    count: u32,
}

impl CheckLimiter {
    /// Whether one more is looked at.
    pub fn admits(&mut self, now: Instant) -> bool {
        if now.since(self.since) >= SPAN {
            (self.since, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count <= CHECKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_are_looked_at_in_each_second() {
        let mut limiter = CheckLimiter::default();
        for second in 0..3 {
            let now = Instant::START + Duration::from_secs(second);
            assert_eq!((0..500).filter(|_| limiter.admits(now)).count(), 100);
        }
    }
}
