//! What a port was sent and did not take, by reason: a phone that is set up wrong shows in it, and
//! so does whoever tries to break in.

use std::ops::AddAssign;

/// Packets, or pictures, that went nowhere. Doubles and late packets are not among them: networks make
/// those.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Dropped {
    /// No RTP or RTCP (RFC 3550 §5.1 and §6), or a key that is none.
    pub malformed: u64,
    /// Of a payload type that was not negotiated.
    pub unknown_type: u64,
    /// From an address that is not the peer's.
    pub wrong_source: u64,
    /// Not sealed with the peer's key, or sent twice (RFC 3711).
    pub unsealed: u64,
    /// Pictures of which a decoder here could make nothing; those that pass are not looked into.
    pub undecodable: u64,
    /// STUN (RFC 8489) that is no check of a peer with whom ICE is agreed: a phone looks for its own address, or keeps
    /// its way through a NAT open. No fault, and nothing that is answered here.
    pub stun: u64,
    /// Of ours, under its keys: held back while nobody could have gone on behind them (`media/ledger.rs`).
    pub held_back: u64,
}

impl Dropped {
    /// All that should not have come: STUN may, and what is held back is ours.
    #[must_use]
    pub fn total(self) -> u64 {
        let Self { malformed, unknown_type, wrong_source, unsealed, undecodable, .. } = self;
        [malformed, unknown_type, wrong_source, unsealed, undecodable]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

impl AddAssign for Dropped {
    fn add_assign(&mut self, more: Self) {
        let add = |count: &mut u64, more| *count = count.saturating_add(more);
        add(&mut self.malformed, more.malformed);
        add(&mut self.unknown_type, more.unknown_type);
        add(&mut self.wrong_source, more.wrong_source);
        add(&mut self.unsealed, more.unsealed);
        add(&mut self.undecodable, more.undecodable);
        add(&mut self.stun, more.stun);
        add(&mut self.held_back, more.held_back);
    }
}
