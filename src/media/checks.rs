//! The connectivity checks of one transport: how many are looked at, since to prove one costs as much as four packets, and
//! which have come before.

use crate::time::{Duration, Instant};
use std::collections::VecDeque;

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

/// As many as a browser sends in an hour; each is eight bytes.
const REMEMBERED_MAX: usize = 1_440;

/// The checks that were proven. Who has seen one go by can send it again from another address, and would have our packets go
/// there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProvenChecks(VecDeque<u64>);

impl ProvenChecks {
    /// Whether the check of this transaction comes for the first time; it is remembered then.
    pub fn is_first(&mut self, [a, b, c, d, e, f, g, h, ..]: [u8; 12]) -> bool {
        // Of 96 random bits 64 tell as much.
        let id = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        if self.0.contains(&id) {
            return false;
        }
        if self.0.len() >= REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(id);
        true
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

    #[test]
    fn what_has_come_is_remembered_for_a_while() {
        let mut proven = ProvenChecks::default();
        let id = |number: u64| {
            let mut id = [0; 12];
            id[..8].copy_from_slice(&number.to_be_bytes());
            id
        };
        assert!((0..2_000).all(|number| proven.is_first(id(number))));
        assert!(!proven.is_first(id(1_999)) && !proven.is_first(id(561)), "within an hour");
        assert!(proven.is_first(id(0)), "longer ago");
        assert_eq!(proven.0.len(), REMEMBERED_MAX);
    }
}
