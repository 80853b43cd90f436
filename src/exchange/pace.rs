//! How many calls anybody may begin in a second: a bounded count for each who does.

use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};

const SECOND: Duration = Duration::from_secs(1);

/// Calls begun in the current second, by whoever begins them.
#[derive(Debug)]
pub(super) struct CallRate<K> {
    /// So many are counted at a time; beyond, the oldest count gives way.
    counts_max: usize,
    counts: BTreeMap<K, u32>,
    /// When each count began, the oldest first.
    begun: VecDeque<(Instant, K)>,
}

impl<K: Ord + Clone> CallRate<K> {
    pub fn new(counts_max: usize) -> Self {
        Self { counts_max, counts: BTreeMap::new(), begun: VecDeque::new() }
    }

    /// Whether this one may begin one more, of `max` in a second; the asking counts.
    pub fn admit(&mut self, now: Instant, who: &K, max: u32) -> bool {
        while self.begun.front().is_some_and(|(begun, _)| now.since(*begun) >= SECOND) {
            self.drop_oldest();
        }
        if let Some(calls) = self.counts.get_mut(who) {
            *calls = calls.saturating_add(1);
            return *calls <= max;
        }
        if self.counts.len() >= self.counts_max {
            self.drop_oldest();
        }
        self.counts.insert(who.clone(), 1);
        self.begun.push_back((now, who.clone()));
        max > 0
    }

    fn drop_oldest(&mut self) {
        if let Some((_, who)) = self.begun.pop_front() {
            self.counts.remove(&who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::START + Duration::from_millis(ms)
    }

    #[test]
    fn who_is_in_a_hurry_waits_for_the_next_second() {
        let mut pace = CallRate::new(10);
        assert!((0..20).all(|_| pace.admit(at(0), &"a", 20)));
        assert!(!pace.admit(at(999), &"a", 20));
        assert!(pace.admit(at(999), &"b", 20));
        assert!(pace.admit(at(1_000), &"a", 20));
    }

    #[test]
    fn memory_is_bounded() {
        let mut pace = CallRate::new(100);
        for who in 0..200 {
            pace.admit(at(0), &who, 1);
        }
        assert_eq!((pace.counts.len(), pace.begun.len()), (100, 100));
        pace.admit(at(1_000), &7, 1);
        assert_eq!((pace.counts.len(), pace.begun.len()), (1, 1));
    }
}
