//! Session keys of one direction (RFC 3711 §4.3), and where in a packet what stands.
//!
//! ```text
//!   RTP    counter mode:  header · sealed · name of the key · tag
//!          GCM:           header · sealed · tag · name of the key
//!   RTCP   counter mode:  8 bytes · sealed · index · name of the key · tag
//!          GCM:           8 bytes · sealed · tag · index · name of the key
//! ```

use super::counter_mode::CounterMode;
use super::gcm::{self, Gcm};
use super::key_stream::{PacketNonce, SrtpKind};
use super::keys::MasterKey;
use super::mki::Mki;
use super::suite::Mode;
use std::fmt;

/// Set in the index of RTCP: the packet is encrypted (RFC 3711 §3.4).
pub(super) const ENCRYPTED: u32 = 1 << 31;
/// The bytes of RTCP that stay open: the first header and the SSRC.
pub(super) const RTCP_OPEN: usize = 8;
const INDEX_LEN: usize = 4;

/// The session keys of one direction, for RTP or for RTCP.
#[derive(Clone)]
pub(super) enum SessionKeys {
    CounterMode(Box<CounterMode>),
    Gcm(Gcm),
}

/// How a received packet is divided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Division {
    /// The length of what will be the open packet.
    pub body: usize,
    /// Where the index of RTCP stands.
    index: usize,
    tag: usize,
}

impl SessionKeys {
    pub fn new(keys: &MasterKey, kind: SrtpKind) -> Self {
        // RFC 3711 §4.3.2.
        let first_label = match kind {
            SrtpKind::Rtp => 0,
            SrtpKind::Rtcp => 3,
        };
        match keys.suite().mode() {
            Mode::Counter => Self::CounterMode(Box::new(CounterMode::new(keys, first_label, kind))),
            Mode::Gcm => Self::Gcm(Gcm::new(keys, first_label)),
        }
    }

    fn tag_len(&self) -> usize {
        match self {
            Self::CounterMode(keys) => keys.tag_len,
            Self::Gcm(_) => gcm::TAG_LEN,
        }
    }

    // ---- what is sent ----

    /// Seals a packet of RTP from its payload on.
    pub fn seal_rtp(&self, packet: &mut Vec<u8>, payload: usize, nonce: PacketNonce, mki: Mki) {
        match self {
            Self::CounterMode(keys) => {
                keys.crypt(nonce, &mut packet[payload..]);
                let tag = keys.tag(packet, Some(rollover(nonce.index)));
                packet.extend_from_slice(mki.as_bytes());
                packet.extend_from_slice(&tag[..keys.tag_len]);
            }
            Self::Gcm(keys) => {
                let (header, payload) = packet.split_at_mut(payload);
                let tag = keys.seal(nonce, header, payload);
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(mki.as_bytes());
            }
        }
    }

    /// Seals a packet of RTCP, which is as long as its open part at least.
    pub fn seal_rtcp(&self, packet: &mut Vec<u8>, nonce: PacketNonce, mki: Mki) {
        let word = index_word(nonce);
        match self {
            Self::CounterMode(keys) => {
                keys.crypt(nonce, &mut packet[RTCP_OPEN..]);
                packet.extend_from_slice(&word);
                let tag = keys.tag(packet, None);
                packet.extend_from_slice(mki.as_bytes());
                packet.extend_from_slice(&tag[..keys.tag_len]);
            }
            Self::Gcm(keys) => {
                let (open, sealed) = packet.split_at_mut(RTCP_OPEN);
                let tag = keys.seal(nonce, &with_index(open, word), sealed);
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&word);
                packet.extend_from_slice(mki.as_bytes());
            }
        }
    }

    // ---- what comes ----

    /// How a packet of RTP is divided; none where it is too short, or under a key of another name, which no tag proves
    /// (RFC 3711 §3.1).
    pub fn divide_rtp(&self, packet: &[u8], mki: Mki) -> Option<Division> {
        self.divide(packet, mki, 0)
    }

    /// The same for a packet of RTCP, with its index and whether it is encrypted.
    pub fn divide_rtcp(&self, packet: &[u8], mki: Mki) -> Option<(Division, u32, bool)> {
        let parts = self.divide(packet, mki, INDEX_LEN)?;
        let word = packet.get(parts.index..)?.first_chunk::<INDEX_LEN>()?;
        let word = u32::from_be_bytes(*word);
        (parts.body >= RTCP_OPEN).then_some((parts, word & !ENCRYPTED, word & ENCRYPTED != 0))
    }

    fn divide(&self, packet: &[u8], mki: Mki, index_len: usize) -> Option<Division> {
        let (tag_len, name) = (self.tag_len(), mki.as_bytes());
        let body = packet.len().checked_sub(tag_len + name.len() + index_len)?;
        let (index, named, tag) = match self {
            Self::CounterMode(_) => (body, body + index_len, body + index_len + name.len()),
            Self::Gcm(_) => (body + tag_len, body + tag_len + index_len, body),
        };
        packet[named..].starts_with(name).then_some(Division { body, index, tag })
    }

    /// Opens a packet of RTP in its place from its payload on; whether its tag is right.
    pub fn open_rtp(
        &self,
        packet: &mut [u8],
        parts: Division,
        payload: usize,
        nonce: PacketNonce,
    ) -> bool {
        let (body, rest) = packet.split_at_mut(parts.body);
        let tag = &rest[parts.tag - parts.body..][..self.tag_len()];
        match self {
            Self::CounterMode(keys) => {
                let is_theirs = keys.is_tag(tag, body, Some(rollover(nonce.index)));
                if is_theirs {
                    keys.crypt(nonce, &mut body[payload..]);
                }
                is_theirs
            }
            Self::Gcm(keys) => {
                let (header, payload) = body.split_at_mut(payload);
                keys.open(nonce, header, payload, tag)
            }
        }
    }

    /// Opens a packet of RTCP in its place; whether its tag is right.
    pub fn open_rtcp(
        &self,
        packet: &mut [u8],
        parts: Division,
        nonce: PacketNonce,
        is_encrypted: bool,
    ) -> bool {
        match self {
            Self::CounterMode(keys) => {
                let (proven, rest) = packet.split_at_mut(parts.index + INDEX_LEN);
                let tag = &rest[parts.tag - proven.len()..][..keys.tag_len];
                let is_theirs = keys.is_tag(tag, proven, None);
                if is_theirs && is_encrypted {
                    keys.crypt(nonce, &mut proven[RTCP_OPEN..parts.body]);
                }
                is_theirs
            }
            // What is in clear has to be agreed (UNENCRYPTED_SRTCP), and nobody does.
            Self::Gcm(_) if !is_encrypted => false,
            Self::Gcm(keys) => {
                let (body, rest) = packet.split_at_mut(parts.body);
                let tag = &rest[parts.tag - parts.body..][..gcm::TAG_LEN];
                let (open, sealed) = body.split_at_mut(RTCP_OPEN);
                keys.open(nonce, &with_index(open, index_word(nonce)), sealed, tag)
            }
        }
    }
}

/// The rollover counter of an index.
fn rollover(index: u64) -> u32 {
    (index >> 16) as u32
}

/// The index of an encrypted packet of RTCP, as the packet has it.
fn index_word(nonce: PacketNonce) -> [u8; INDEX_LEN] {
    (nonce.index as u32 | ENCRYPTED).to_be_bytes()
}

/// What of a packet of RTCP is proven and open under GCM (RFC 7714 §9.2).
fn with_index(open: &[u8], word: [u8; INDEX_LEN]) -> [u8; RTCP_OPEN + INDEX_LEN] {
    let mut all = [0; RTCP_OPEN + INDEX_LEN];
    all[..RTCP_OPEN].copy_from_slice(open);
    all[RTCP_OPEN..].copy_from_slice(&word);
    all
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}

/// Where the sealed part of a packet of RTP begins: behind header, sources and extension; none when
/// it is cut off.
pub(super) fn payload_at(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let at = 12 + 4 * usize::from(first & 0xf);
    let extension = if first & 0x10 != 0 {
        let words = packet.get(at + 2..at + 4)?;
        4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]))
    } else {
        0
    };
    Some(at + extension).filter(|at| *at <= packet.len())
}

/// Sequence number and SSRC of a packet that has a whole header.
pub(super) fn numbers(packet: &[u8]) -> (u16, u32) {
    let sequence = u16::from_be_bytes([packet[2], packet[3]]);
    (sequence, u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]))
}

/// §3.3.1: the index nearest to the highest so far that has this sequence number.
pub(super) fn index_of(sequence: u16, highest: u64) -> u64 {
    let ahead = i64::from(sequence.wrapping_sub(highest as u16).cast_signed());
    highest.checked_add_signed(ahead).unwrap_or(u64::from(sequence))
}
