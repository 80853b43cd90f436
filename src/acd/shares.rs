//! How much of a queue each kind of caller may take, so that nobody fills it for himself.

use crate::ids::Number;
use std::collections::BTreeMap;

/// Whose part of the queue a request takes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Share {
    /// One terminal's.
    Terminal(Number),
    /// One trunk's, by its name.
    Trunk(String),
    /// That of all guests together.
    Guests,
}

/// How many requests each may have waiting in one queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QueueShares {
    /// One terminal.
    pub terminal: usize,
    /// One trunk.
    pub trunk: usize,
    /// All guests together.
    pub guests: usize,
    /// Places that only terminals get.
    pub reserve: usize,
}

impl QueueShares {
    /// Everybody may take all.
    pub const ALL: Self =
        Self { terminal: usize::MAX, trunk: usize::MAX, guests: usize::MAX, reserve: 0 };

    /// How many requests may have this share.
    #[must_use]
    pub fn of(&self, share: &Share) -> usize {
        match share {
            Share::Terminal(_) => self.terminal,
            Share::Trunk(_) => self.trunk,
            Share::Guests => self.guests,
        }
    }
}

/// What is taken of a queue.
#[derive(Debug, Default)]
pub(super) struct Taken {
    counts: BTreeMap<Share, usize>,
    /// By trunks and guests.
    outside: usize,
}

impl Taken {
    pub fn take(&mut self, share: &Share) {
        *self.counts.entry(share.clone()).or_default() += 1;
        self.outside += usize::from(share.is_outside());
    }

    pub fn give_back(&mut self, share: &Share) {
        let Some(count) = self.counts.get_mut(share) else { return };
        *count -= 1;
        self.outside -= usize::from(share.is_outside());
        if *count == 0 {
            self.counts.remove(share);
        }
    }

    /// Whether one more of this share fits, in a queue with so many places.
    pub fn has_room(&self, share: &Share, shares: &QueueShares, places: usize) -> bool {
        let taken = self.counts.get(share).copied().unwrap_or_default();
        let open = places.saturating_sub(shares.reserve);
        taken < shares.of(share) && (!share.is_outside() || self.outside < open)
    }
}

impl Share {
    fn is_outside(&self) -> bool {
        match self {
            Self::Terminal(_) => false,
            Self::Trunk(_) | Self::Guests => true,
        }
    }
}
