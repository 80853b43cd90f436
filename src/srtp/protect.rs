//! Sealing what one leg sends.

use super::keys::MasterKey;
use super::mki::Mki;
use super::session::{SessionKeys, SrtpKind, index_of, numbers, payload_at};

/// Set in the index of RTCP: the packet is encrypted (RFC 3711 §3.4).
pub(super) const ENCRYPTED: u32 = 1 << 31;
/// The bytes of RTCP that stay open: the first header and the SSRC.
pub(super) const RTCP_OPEN: usize = 8;

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
}

/// What has been sent under keys that another process goes on with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SavedProtect {
    /// SSRC and highest index of RTP, rollovers and sequence number.
    pub highest: Option<(u32, u64)>,
    /// The last index of RTCP.
    pub rtcp_index: u32,
}

impl ProtectContext {
    /// What has been sent so far.
    #[must_use]
    pub fn saved(&self) -> SavedProtect {
        SavedProtect { highest: self.highest, rtcp_index: self.rtcp_index }
    }

    /// Goes on behind what has been sent under these keys.
    #[must_use]
    pub fn restored(keys: &MasterKey, saved: SavedProtect) -> Self {
        let SavedProtect { highest, rtcp_index } = saved;
        Self { highest, rtcp_index, ..Self::new(keys) }
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
        }
    }

    /// Seals a packet of RTP; it grows by name and tag. What is no packet becomes empty.
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
        self.highest = Some((ssrc, highest.map_or(index, |highest| highest.max(index))));
        self.rtp.crypt(ssrc, index, &mut packet[at..]);
        let tag = self.rtp.tag(packet, Some((index >> 16) as u32));
        packet.extend_from_slice(self.mki.as_bytes());
        packet.extend_from_slice(&tag[..self.rtp.tag_len]);
    }

    /// Seals a packet of RTCP; it grows by index, name and tag. What is no packet becomes empty.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) {
        let Some(ssrc) = packet.get(4..8).and_then(|bytes| bytes.try_into().ok()) else {
            return packet.clear();
        };
        let ssrc = u32::from_be_bytes(ssrc);
        // 31 bits, which at one report a second last for 68 years.
        self.rtcp_index = (self.rtcp_index + 1) & !ENCRYPTED;
        self.rtcp.crypt(ssrc, self.rtcp_index.into(), &mut packet[RTCP_OPEN..]);
        packet.extend_from_slice(&(self.rtcp_index | ENCRYPTED).to_be_bytes());
        let tag = self.rtcp.tag(packet, None);
        packet.extend_from_slice(self.mki.as_bytes());
        packet.extend_from_slice(&tag[..self.rtcp.tag_len]);
    }
}
