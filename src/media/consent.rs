//! Where the peer has agreed to get packets, and until when (RFC 7675): each of its checks says so anew.
//!
//! ```text
//!   Unasked ── check ──▶ Given ── 30 s without ──▶ Lost ── check ──▶ Given
//! ```

use crate::time::{Duration, Instant, Now, UnixTime};
use std::net::SocketAddr;

/// For so long a check holds (RFC 7675 §5.1).
const CONSENT_TIME: Duration = Duration::from_secs(30);
/// Addresses of the peer that are remembered; an agent in two networks of both families has as many.
const WAYS_MAX: usize = 4;

/// What a peer has agreed to on one transport.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Consent<At = Instant> {
    /// Where checks have come from, and when the last.
    ways: [Option<(SocketAddr, At)>; WAYS_MAX],
    is_lost: bool,
}

impl<At> Default for Consent<At> {
    fn default() -> Self {
        Self { ways: [const { None }; WAYS_MAX], is_lost: false }
    }
}

impl<At: Copy> Consent<At> {
    /// The same by another clock.
    fn by<To>(self, clock: impl Fn(At) -> To) -> Consent<To> {
        let Self { ways, is_lost } = self;
        Consent { ways: ways.map(|way| way.map(|(from, at)| (from, clock(at)))), is_lost }
    }
}

impl Consent {
    /// A check has come from here.
    pub fn renew(&mut self, now: Instant, from: SocketAddr) {
        self.is_lost = false;
        let known = self.ways.iter().position(|way| way.is_some_and(|(known, _)| known == from));
        let at_of = |way: &Option<(SocketAddr, Instant)>| way.map(|(_, at)| at);
        let oldest = || (0..WAYS_MAX).min_by_key(|at| at_of(&self.ways[*at])).unwrap_or(0);
        let place = known.unwrap_or_else(oldest);
        self.ways[place] = Some((from, now));
    }

    /// Whether a check from here holds.
    #[must_use]
    pub fn covers(&self, now: Instant, from: SocketAddr) -> bool {
        let holds =
            |(known, at): (SocketAddr, Instant)| known == from && now.since(at) < CONSENT_TIME;
        self.ways.iter().flatten().copied().any(holds)
    }

    /// Whether it was given and holds no longer.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// When it ends without a further check.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let last = self.ways.iter().flatten().map(|(_, at)| *at).max()?;
        Some(last + CONSENT_TIME)
    }

    /// Whether it has ended now; said once.
    pub fn lapse(&mut self, now: Instant) -> bool {
        let is_over = self.due().is_some_and(|due| due <= now);
        if is_over {
            *self = Self { is_lost: true, ..Self::default() };
        }
        is_over
    }

    /// As a value.
    #[must_use]
    pub fn saved(&self, now: Now) -> Consent<UnixTime> {
        self.by(|at| now.unix_of(at))
    }

    /// The one that was saved.
    #[must_use]
    pub fn restored(now: Now, saved: Consent<UnixTime>) -> Self {
        saved.by(|at| now.instant_of(at))
    }
}

impl Consent<UnixTime> {
    /// As if a check had come from here just now: nobody has answered any for a while.
    #[must_use]
    pub fn resumed(now: Now, latched: Option<SocketAddr>) -> Self {
        let mut consent = Self::default();
        consent.ways[0] = latched.map(|from| (from, now.unix));
        consent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::START + Duration::from_millis(ms)
    }

    fn place(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn it_holds_for_half_a_minute_after_each_check_and_ends_once() {
        let mut consent = Consent::default();
        assert_eq!(consent.due(), None);
        assert!(!consent.lapse(at(100_000)) && !consent.is_lost(), "nobody was asked");
        consent.renew(at(0), place(1));
        consent.renew(at(5_000), place(2));
        assert_eq!(consent.due(), Some(at(35_000)));
        assert!(consent.covers(at(29_999), place(1)) && !consent.covers(at(30_000), place(1)));
        assert!(consent.covers(at(30_000), place(2)) && !consent.covers(at(1), place(3)));
        assert!(!consent.lapse(at(34_999)));
        assert!(consent.lapse(at(35_000)) && consent.is_lost());
        assert!(!consent.lapse(at(35_001)), "it is said once");
        consent.renew(at(40_000), place(1));
        assert!(!consent.is_lost() && consent.covers(at(40_001), place(1)));
    }

    #[test]
    fn of_many_addresses_those_are_known_that_were_checked_last() {
        let mut consent = Consent::default();
        (1..=10).for_each(|port| consent.renew(at(u64::from(port)), place(port)));
        consent.renew(at(20), place(7));
        consent.renew(at(21), place(11));
        let known: Vec<_> = (1..=11).filter(|port| consent.covers(at(22), place(*port))).collect();
        assert_eq!(known, [7, 9, 10, 11]);
    }

    #[test]
    fn it_comes_back_from_its_value() {
        let now = Now { instant: at(60_000), unix: UnixTime::from_secs(1_000) };
        let mut consent = Consent::default();
        consent.renew(at(50_000), place(1));
        let later = Now { instant: at(1_000_000), unix: UnixTime::from_secs(1_005) };
        let restored = Consent::restored(later, consent.saved(now));
        assert_eq!(restored.due(), Some(at(1_015_000)));
        let resumed = Consent::restored(later, Consent::resumed(later, Some(place(2))));
        assert_eq!(resumed.due(), Some(at(1_030_000)));
        assert_eq!(Consent::restored(later, Consent::resumed(later, None)), Consent::default());
    }
}
