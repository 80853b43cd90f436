//! How much unauthenticated sources may ask of us before any phone rings (RFC 5039 §4): guests, whom neither a
//! password nor a trunk vouches for, by the address they send from.

use super::pace::CallRate;
use crate::ids::LegId;
use crate::sip::network;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One source may begin so many calls in a second: another domain's server may speak for many.
pub const CALLS_PER_SECOND_MAX: u32 = 20;
/// So many sources are counted at a time; beyond, the oldest count gives way.
pub const SOURCES_MAX: usize = 10_000;
/// Whoever is over the limit may try again after so many seconds.
pub const RETRY_AFTER: u32 = 5;

/// What each source asks at the moment.
#[derive(Debug)]
pub(super) struct UnauthenticatedSources {
    /// One source may have so many calls open at a time.
    pub open_max: usize,
    pace: CallRate<IpAddr>,
    open: BTreeMap<LegId, IpAddr>,
    /// How many calls each source has in `open`.
    counts: BTreeMap<IpAddr, usize>,
}

impl UnauthenticatedSources {
    pub fn new(open_max: usize) -> Self {
        let pace = CallRate::new(SOURCES_MAX);
        Self { open_max, pace, open: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// Whether this source may make one more call now; the asking counts.
    pub fn admit(&mut self, now: Instant, source: IpAddr) -> bool {
        let source = network(source);
        let open = self.counts.get(&source).copied().unwrap_or_default();
        self.pace.admit(now, &source, CALLS_PER_SECOND_MAX) && open < self.open_max
    }

    /// A call of this source goes on.
    pub fn opened(&mut self, leg: LegId, source: IpAddr) {
        let source = network(source);
        if self.open.insert(leg, source).is_none() {
            *self.counts.entry(source).or_default() += 1;
        }
    }

    /// The call of this leg is over, if it was unauthenticated.
    pub fn closed(&mut self, leg: LegId) {
        let Some(source) = self.open.remove(&leg) else { return };
        if let Some(open) = self.counts.get_mut(&source) {
            *open -= 1;
            if *open == 0 {
                self.counts.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    #[test]
    fn a_source_with_many_calls_open_gets_no_more_until_one_ends() {
        let now = Instant::START;
        let mut unauthenticated = UnauthenticatedSources::new(5);
        for leg in 0..5 {
            assert!(unauthenticated.admit(now, SOURCE));
            unauthenticated.opened(LegId(leg), SOURCE);
        }
        assert!(!unauthenticated.admit(now, SOURCE));
        assert!(unauthenticated.admit(now, IpAddr::from([198, 51, 100, 8])), "its neighbour");
        unauthenticated.closed(LegId(3));
        unauthenticated.closed(LegId(3));
        assert!(unauthenticated.admit(now, SOURCE));
    }

    #[test]
    fn nothing_is_left_of_calls_that_are_over() {
        let mut unauthenticated = UnauthenticatedSources::new(5);
        unauthenticated.opened(LegId(2), SOURCE);
        unauthenticated.closed(LegId(2));
        assert!(unauthenticated.open.is_empty() && unauthenticated.counts.is_empty());
    }
}
