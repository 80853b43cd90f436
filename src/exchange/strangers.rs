//! How much strangers may ask of us before any phone rings (RFC 5039 §4): guests, whom neither a
//! password nor a trunk vouches for, by the address they send from.

use crate::ids::LegId;
use crate::registrar::network;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// One source may begin so many calls in a second: another domain's server may speak for many.
pub const CALLS_PER_SECOND_MAX: u32 = 20;
/// One source may have so many calls open at a time.
pub const OPEN_CALLS_MAX: usize = 100;
/// So many sources are counted at a time; beyond, the oldest count gives way.
pub const SOURCES_MAX: usize = 10_000;
/// Whoever is over the limit may try again after so many seconds.
pub const RETRY_AFTER: u32 = 5;

const SECOND: Duration = Duration::from_secs(1);

/// What each source asks at the moment.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// Calls begun since the count began.
    pace: BTreeMap<IpAddr, u32>,
    /// When each count began, the oldest first.
    begun: VecDeque<(Instant, IpAddr)>,
    open: BTreeMap<LegId, IpAddr>,
    /// How many calls each source has in `open`.
    counts: BTreeMap<IpAddr, usize>,
}

impl Strangers {
    /// Whether this source may make one more call now; the asking counts.
    pub fn admit(&mut self, now: Instant, source: IpAddr) -> bool {
        let source = network(source);
        while self.begun.front().is_some_and(|(begun, _)| now.since(*begun) >= SECOND) {
            self.drop_oldest();
        }
        if self.counts.get(&source).is_some_and(|open| *open >= OPEN_CALLS_MAX) {
            return false;
        }
        if let Some(calls) = self.pace.get_mut(&source) {
            *calls = calls.saturating_add(1);
            return *calls <= CALLS_PER_SECOND_MAX;
        }
        if self.pace.len() >= SOURCES_MAX {
            self.drop_oldest();
        }
        self.pace.insert(source, 1);
        self.begun.push_back((now, source));
        true
    }

    /// A call of this source goes on.
    pub fn opened(&mut self, leg: LegId, source: IpAddr) {
        let source = network(source);
        if self.open.insert(leg, source).is_none() {
            *self.counts.entry(source).or_default() += 1;
        }
    }

    /// The call of this leg is over, if a stranger's it was.
    pub fn closed(&mut self, leg: LegId) {
        let Some(source) = self.open.remove(&leg) else { return };
        if let Some(open) = self.counts.get_mut(&source) {
            *open -= 1;
            if *open == 0 {
                self.counts.remove(&source);
            }
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, source)) = self.begun.pop_front() {
            self.pace.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    fn at(ms: u64) -> Instant {
        Instant::START + Duration::from_millis(ms)
    }

    #[test]
    fn a_source_in_a_hurry_waits_for_the_next_second() {
        let mut strangers = Strangers::default();
        for _ in 0..CALLS_PER_SECOND_MAX {
            assert!(strangers.admit(at(0), SOURCE));
        }
        assert!(!strangers.admit(at(999), SOURCE));
        assert!(strangers.admit(at(999), "198.51.100.8".parse().expect("an address")));
        assert!(strangers.admit(at(1_000), SOURCE));
    }

    #[test]
    fn a_source_with_many_calls_open_gets_no_more_until_one_ends() {
        let mut strangers = Strangers::default();
        for leg in 0..OPEN_CALLS_MAX as u64 {
            strangers.opened(LegId(leg), SOURCE);
        }
        assert!(!strangers.admit(at(0), SOURCE));
        strangers.closed(LegId(3));
        strangers.closed(LegId(3));
        assert!(strangers.admit(at(0), SOURCE));
    }

    #[test]
    fn memory_is_bounded() {
        let mut strangers = Strangers::default();
        for source in 0..2 * SOURCES_MAX as u32 {
            strangers.admit(at(0), IpAddr::V4(source.into()));
        }
        assert_eq!((strangers.pace.len(), strangers.begun.len()), (SOURCES_MAX, SOURCES_MAX));
        strangers.admit(at(1_000), SOURCE);
        assert_eq!((strangers.pace.len(), strangers.begun.len()), (1, 1));
        strangers.opened(LegId(2), SOURCE);
        strangers.closed(LegId(2));
        assert!(strangers.open.is_empty() && strangers.counts.is_empty());
    }
}
