//! Sealing what one leg sends.

use super::key_stream::{PacketNonce, SrtpKind};
use super::keys::MasterKey;
use super::mki::Mki;
use super::session::{ENCRYPTED, RTCP_OPEN, SessionKeys, index_of, numbers, payload_at};

/// The sending side of one stream, under one SSRC after another. No index is used twice under one: it goes
/// on as long as the value lives, no SSRC comes back, and other keys are another value.
#[derive(Clone, Debug)]
pub struct ProtectContext {
    rtp: SessionKeys,
    rtcp: SessionKeys,
    mki: Mki,
    /// The highest index sent, sequence number and rollovers, and under which SSRC: another one counts its
    /// rollovers from nothing (RFC 3711 §3.2.3).
    highest: Option<(u32, u64)>,
    rtcp_index: u32,
    bound: IndexBound,
    /// The bound once that is written which was noted.
    noted: IndexBound,
    mark: u32,
}

/// Indices that may be used beyond those of which another process knows.
pub const INDICES_AHEAD: u32 = 512;
/// Beyond so many it is time to let it know.
const INDICES_NEAR: u32 = INDICES_AHEAD / 2;

/// Sequence numbers of first packets, at most.
const FIRST_MAX: u16 = 0x7fff;

/// What has been sent under keys that another process goes on with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SavedProtect {
    /// SSRC and highest index of RTP, rollovers and sequence number.
    pub highest: Option<(u32, u64)>,
    /// The last index of RTCP.
    pub rtcp_index: u32,
    /// How far it may go.
    pub bound: IndexBound,
}

/// How far indices may go, so that a process which goes on from what is written uses none of them again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IndexBound {
    /// Without end: nothing is written from which anybody would go on under these keys.
    #[default]
    None,
    /// At most [`INDICES_AHEAD`] beyond what is written.
    Written {
        /// The one SSRC of which that is known.
        ssrc: u32,
        /// The highest index of RTP.
        index: u64,
        /// The last index of RTCP.
        rtcp_index: u32,
    },
    /// Nowhere: nobody knows how far they were used.
    Spent,
}

impl SavedProtect {
    /// The highest index of RTP under this SSRC, whose highest sequence number is this one. Before its first packet
    /// that is the one before, unless the numbers would soon go round: a receiver that has heard none takes its first
    /// for one of the first round (RFC 3711 §3.3.1).
    #[must_use]
    pub fn highest_of(&self, ssrc: u32, sequence: u16) -> Option<u64> {
        match self.highest {
            Some((of, index)) if of == ssrc => Some(index),
            Some(_) | None => (sequence <= FIRST_MAX).then_some(sequence.into()),
        }
    }
}

impl ProtectContext {
    /// What has been sent so far.
    #[must_use]
    pub fn saved(&self) -> SavedProtect {
        let Self { highest, rtcp_index, bound, .. } = *self;
        SavedProtect { highest, rtcp_index, bound }
    }

    /// Goes on behind what has been sent under these keys.
    #[must_use]
    pub fn restored(keys: &MasterKey, saved: SavedProtect) -> Self {
        let SavedProtect { highest, rtcp_index, bound } = saved;
        Self { highest, rtcp_index, bound, noted: bound, ..Self::new(keys) }
    }

    /// Nothing has been sent under these keys.
    #[must_use]
    pub fn new(keys: &MasterKey) -> Self {
        Self {
            rtp: SessionKeys::new(keys, SrtpKind::Rtp),
            rtcp: SessionKeys::new(keys, SrtpKind::Rtcp),
            mki: keys.mki(),
            highest: None,
            rtcp_index: 0,
            bound: IndexBound::None,
            noted: IndexBound::None,
            mark: keys.mark(),
        }
    }

    /// The mark of its keys.
    #[must_use]
    pub fn mark(&self) -> u32 {
        self.mark
    }

    /// Notes what is about to be written of it: under this SSRC, whose highest sequence number is this one. Of one
    /// that has sent nothing it is the one before its first.
    pub fn note(&mut self, ssrc: u32, sequence: u16) {
        self.noted = match self.bound {
            IndexBound::Spent => IndexBound::Spent,
            IndexBound::None | IndexBound::Written { .. } => {
                let written =
                    |index| IndexBound::Written { ssrc, index, rtcp_index: self.rtcp_index };
                self.saved().highest_of(ssrc, sequence).map_or(IndexBound::None, written)
            }
        };
    }

    /// What was noted is written.
    pub fn is_written(&mut self) {
        self.bound = self.noted;
    }

    /// Nothing is written of it any more.
    pub fn is_unwritten(&mut self) {
        if self.bound != IndexBound::Spent {
            self.bound = IndexBound::None;
        }
    }

    /// Whether so much has been sent since it was written that this should be done again.
    #[must_use]
    pub fn is_far_ahead(&self) -> bool {
        let IndexBound::Written { ssrc, index, rtcp_index } = self.bound else { return false };
        let is_far =
            |(of, highest)| of == ssrc && highest > index.saturating_add(INDICES_NEAR.into());
        self.highest.is_some_and(is_far)
            || self.rtcp_index > rtcp_index.saturating_add(INDICES_NEAR)
    }

    /// Seals a packet of RTP; it grows by name and tag. What is no packet, or would go beyond its bound,
    /// becomes empty.
    pub fn protect_rtp(&mut self, packet: &mut Vec<u8>) {
        let Some(at) = payload_at(packet).filter(|_| packet.len() >= 12) else {
            return packet.clear();
        };
        let (sequence, ssrc) = numbers(packet);
        // The first number may be followed by one before it.
        let highest = self.highest.filter(|(of, _)| *of == ssrc).map(|(_, highest)| highest);
        let index = match highest {
            Some(highest) => index_of(sequence, highest),
            None => u64::from(sequence),
        };
        if !self.bound.admits(ssrc, index) {
            return packet.clear();
        }
        self.highest = Some((ssrc, highest.map_or(index, |highest| highest.max(index))));
        self.rtp.seal_rtp(packet, at, PacketNonce { ssrc, index }, self.mki);
    }

    /// Seals a packet of RTCP; it grows by index, name and tag. What is no packet, or would go beyond its
    /// bound, becomes empty.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) {
        let Some(ssrc) = packet.get(4..RTCP_OPEN).and_then(|bytes| bytes.try_into().ok()) else {
            return packet.clear();
        };
        let ssrc = u32::from_be_bytes(ssrc);
        if !self.bound.admits_report(self.rtcp_index) {
            return packet.clear();
        }
        // 31 bits, which at one report a second last for 68 years.
        self.rtcp_index = (self.rtcp_index + 1) & !ENCRYPTED;
        self.rtcp.seal_rtcp(packet, PacketNonce { ssrc, index: self.rtcp_index.into() }, self.mki);
    }
}

impl IndexBound {
    fn admits(self, ssrc: u32, index: u64) -> bool {
        match self {
            Self::None => true,
            Self::Written { ssrc: of, index: written, .. } => {
                of == ssrc && index <= written.saturating_add(INDICES_AHEAD.into())
            }
            Self::Spent => false,
        }
    }

    fn admits_report(self, last: u32) -> bool {
        match self {
            Self::None => true,
            Self::Written { rtcp_index, .. } => last < rtcp_index.saturating_add(INDICES_AHEAD),
            Self::Spent => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Seed, Suite};
    use super::*;

    fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        let head = [&[0x80, 0, high, low, 0, 0, 0, 9][..], &ssrc.to_be_bytes()].concat();
        [&head[..], b"the voice of somebody"].concat()
    }

    fn keys() -> MasterKey {
        MasterKey::fresh(Suite::AesCm128Sha1_80, Seed([5; 46]))
    }

    /// Whether a packet of each kind may go out.
    fn goes(protect: &mut ProtectContext, ssrc: u32, sequence: u16) -> (bool, bool) {
        let (mut voice, mut report) = (packet(ssrc, sequence), vec![0x80, 201, 0, 1, 0, 0, 0, 7]);
        protect.protect_rtp(&mut voice);
        protect.protect_rtcp(&mut report);
        (!voice.is_empty(), !report.is_empty())
    }

    #[test]
    fn nothing_goes_further_beyond_what_is_written_than_may_be() {
        let mut protect = ProtectContext::new(&keys());
        assert!((0..2000).all(|n| goes(&mut protect, 7, n) == (true, true)), "nobody goes on");
        protect.note(7, 1999);
        assert!((2000..2010).all(|n| goes(&mut protect, 7, n) == (true, true)), "not yet");
        protect.is_written();
        assert!(!protect.is_far_ahead());
        let far = (2010..3000).find(|n| {
            assert_eq!(goes(&mut protect, 7, *n), (true, true));
            protect.is_far_ahead()
        });
        assert_eq!(far, Some(1999 + 257));
        let end = (2257..4000).find(|n| goes(&mut protect, 7, *n) == (false, false));
        assert_eq!(end, Some(1999 + 513));
        assert_eq!(goes(&mut protect, 8, 5), (false, false), "another SSRC is not written of");
        protect.note(7, 2511);
        protect.is_written();
        assert_eq!(goes(&mut protect, 7, 2512), (true, true));
        protect.note(8, 4);
        protect.is_written();
        assert!(!protect.is_far_ahead(), "nothing was sent of it");
        assert_eq!(goes(&mut protect, 8, 5), (true, true));
        let end = (6..4000).find(|n| goes(&mut protect, 8, *n) == (false, false));
        assert_eq!(end, Some(4 + 513), "from the first packet on");
    }

    #[test]
    fn what_is_written_before_the_first_packet_bounds_it_too() {
        let mut protect = ProtectContext::new(&keys());
        protect.note(7, 99);
        protect.is_written();
        let written = IndexBound::Written { ssrc: 7, index: 99, rtcp_index: 0 };
        assert_eq!(protect.saved().bound, written);
        let end = (100..4000).find(|n| goes(&mut protect, 7, *n) == (false, false));
        assert_eq!(end, Some(99 + 513));
        let mut protect = ProtectContext::new(&keys());
        protect.note(7, 0x8000);
        protect.is_written();
        assert_eq!(protect.saved().bound, IndexBound::None, "nobody would go on with it");
    }

    #[test]
    fn keys_that_are_spent_seal_nothing_until_there_are_others() {
        let spent = SavedProtect { bound: IndexBound::Spent, ..SavedProtect::default() };
        let mut protect = ProtectContext::restored(&keys(), spent);
        for _ in 0..2 {
            assert_eq!(goes(&mut protect, 7, 5), (false, false));
            protect.note(7, 4);
            protect.is_written();
            protect.is_unwritten();
        }
        assert_eq!(protect.saved(), spent);
    }
}
