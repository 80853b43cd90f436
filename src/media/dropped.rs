//! What a port was sent and did not take, by reason: a phone that is set up wrong shows in it, and
//! so does whoever tries to break in.

use std::ops::{AddAssign, Sub};

/// Packets, or pictures, that went nowhere. Doubles and late packets are not among them: networks make
/// those.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Dropped {
    /// No RTP (RFC 3550 §5.1), or a key that is none.
    pub malformed: u64,
    /// Of a payload type that was not negotiated.
    pub unknown_type: u64,
    /// From an address that is not the peer's.
    pub stranger: u64,
    /// Not sealed with the peer's key, or sent twice (RFC 3711).
    pub unsealed: u64,
    /// Pictures that no decoder could make anything of.
    pub undecodable: u64,
}

impl Dropped {
    /// All reasons together.
    #[must_use]
    pub fn total(self) -> u64 {
        let Self { malformed, unknown_type, stranger, unsealed, undecodable } = self;
        [malformed, unknown_type, stranger, unsealed, undecodable]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    fn each(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            malformed: with(self.malformed, other.malformed),
            unknown_type: with(self.unknown_type, other.unknown_type),
            stranger: with(self.stranger, other.stranger),
            unsealed: with(self.unsealed, other.unsealed),
            undecodable: with(self.undecodable, other.undecodable),
        }
    }
}

impl AddAssign for Dropped {
    fn add_assign(&mut self, more: Self) {
        *self = self.each(more, u64::saturating_add);
    }
}

impl Sub for Dropped {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        self.each(before, u64::saturating_sub)
    }
}
