//! Who still gets a place among the requests that are being answered when places run short.
//!
//! ```text
//!   0 %                     50            75       90    100
//!   ├── anybody ─────────────┼── trunks ───┼─ phones ┼ dialogs ┤
//! ```

use crate::random::{KeyedMap, Random, take_out};
use std::collections::HashMap;
use std::net::IpAddr;

/// What speaks for a request before anybody has looked into it; the later, the more.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SourceTrust {
    /// Nothing.
    Unauthenticated,
    /// A trunk's address.
    Trunk,
    /// It comes from where an account has proved its password.
    Registered,
    /// It belongs to a dialog or a transaction of ours, and nothing else speaks for it.
    Guest,
    /// It belongs to a dialog or a transaction of ours, and comes from one of those above.
    Dialog,
}

impl SourceTrust {
    /// So full, in percent, may the table be for one more request: each leaves the rest to those
    /// above it.
    #[must_use]
    pub fn level(self) -> usize {
        match self {
            Self::Unauthenticated => 50,
            Self::Trunk => 75,
            Self::Registered => 90,
            Self::Guest | Self::Dialog => 100,
        }
    }

    /// So much of the table, in percent, may be one source's for one more request.
    #[must_use]
    pub fn share(self) -> usize {
        match self {
            Self::Unauthenticated => 1,
            // What its neighbours ask of us leaves a guest as much again to end its call with.
            Self::Guest => 2,
            Self::Registered => 25,
            // A trunk carries the calls of many.
            Self::Trunk => 75,
            Self::Dialog => 100,
        }
    }
}

/// The places that are taken.
#[derive(Debug)]
pub(super) struct TransactionShares {
    limit: usize,
    taken: usize,
    by_source: KeyedMap<IpAddr, usize>,
}

impl TransactionShares {
    /// None of `limit` places is taken.
    pub fn new(limit: usize, random: &mut Random) -> Self {
        Self { limit, taken: 0, by_source: HashMap::with_hasher(random.map_keys()) }
    }

    /// Whether there is a place for one more request of this source.
    pub fn has_room(&self, standing: SourceTrust, source: IpAddr) -> bool {
        let part = |percent: usize| (self.limit * percent).div_ceil(100);
        let own = self.by_source.get(&source).copied().unwrap_or(0);
        self.taken < part(standing.level()) && own < part(standing.share())
    }

    /// This source has one place more.
    pub fn take(&mut self, source: IpAddr) {
        self.taken += 1;
        *self.by_source.entry(source).or_default() += 1;
    }

    /// This source has one place less.
    pub fn give_back(&mut self, source: IpAddr) {
        self.taken = self.taken.saturating_sub(1);
        if let Some(own) = self.by_source.get_mut(&source) {
            *own -= 1;
            if *own == 0 {
                take_out(&mut self.by_source, &source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1_000;

    fn source(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    fn shares() -> TransactionShares {
        TransactionShares::new(LIMIT, &mut Random::from_number(1))
    }

    #[test]
    fn each_standing_leaves_room_for_those_above() {
        let (mut shares, new) = (shares(), source(u32::MAX));
        let mut last = [0; 5];
        let all = [
            SourceTrust::Unauthenticated,
            SourceTrust::Trunk,
            SourceTrust::Registered,
            SourceTrust::Guest,
            SourceTrust::Dialog,
        ];
        for place in 0..LIMIT {
            for (standing, last) in all.into_iter().zip(&mut last) {
                if shares.has_room(standing, new) {
                    *last = place + 1;
                }
            }
            shares.take(source(place as u32));
        }
        assert_eq!(last, [500, 750, 900, 1_000, 1_000]);
        assert!(!shares.has_room(SourceTrust::Dialog, new), "full is full");
    }

    #[test]
    fn no_source_takes_more_than_its_share() {
        for (standing, most) in [
            (SourceTrust::Unauthenticated, 10),
            (SourceTrust::Guest, 20),
            (SourceTrust::Registered, 250),
        ] {
            let mut shares = shares();
            while shares.has_room(standing, source(1)) {
                shares.take(source(1));
            }
            assert_eq!(shares.taken, most, "{standing:?}");
            assert!(shares.has_room(standing, source(2)), "its neighbour has his own");
            shares.give_back(source(1));
            assert!(shares.has_room(standing, source(1)));
        }
    }

    #[test]
    fn nothing_is_left_of_who_is_gone() {
        let mut shares = shares();
        shares.take(source(1));
        shares.give_back(source(1));
        shares.give_back(source(1));
        assert_eq!((shares.taken, shares.by_source.len()), (0, 0));
    }
}
