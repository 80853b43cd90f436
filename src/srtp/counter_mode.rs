//! AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1 and §4.2, RFC 6188).

use super::key_stream::{self, BlockKey, PacketNonce, SrtpKind};
use super::keys::{MasterKey, SALT_MAX};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Bytes of the tag of RTCP, whatever the suite (RFC 4568 §6.2.2).
const RTCP_TAG_LEN: usize = 10;
/// RFC 3711 §5.2.
const AUTH_KEY_LEN: usize = 20;

/// The keys of one direction, for RTP or for RTCP.
#[derive(Clone)]
pub(super) struct CounterMode {
    key: BlockKey,
    salt: [u8; SALT_MAX],
    /// Keyed once; a packet costs a copy of its state.
    mac: Hmac<Sha1>,
    pub tag_len: usize,
}

impl CounterMode {
    pub fn new(keys: &MasterKey, first_label: u8, kind: SrtpKind) -> Self {
        let tag_len = match kind {
            SrtpKind::Rtp => keys.suite().tag_len(),
            SrtpKind::Rtcp => RTCP_TAG_LEN,
        };
        let key_len = keys.suite().key_len();
        let (mut key, mut auth, mut salt) = ([0; 32], [0; AUTH_KEY_LEN], [0; SALT_MAX]);
        key_stream::derive(keys, first_label, &mut key[..key_len]);
        key_stream::derive(keys, first_label + 1, &mut auth);
        key_stream::derive(keys, first_label + 2, &mut salt);
        let mac = Hmac::new_from_slice(&auth).expect("HMAC takes keys of every length");
        Self { key: BlockKey::new(&key[..key_len]), salt, mac, tag_len }
    }

    /// Adds the key stream of this packet to its payload: seals what is open, opens what is sealed.
    pub fn crypt(&self, nonce: PacketNonce, payload: &mut [u8]) {
        // §4.1.1: salt · 2^16 xor SSRC · 2^64 xor index · 2^16.
        let mut iv = [0; 16];
        iv[..SALT_MAX].copy_from_slice(&self.salt);
        iv[4..8].iter_mut().zip(nonce.ssrc.to_be_bytes()).for_each(|(byte, part)| *byte ^= part);
        let index = nonce.index.to_be_bytes();
        iv[8..14].iter_mut().zip(&index[2..]).for_each(|(byte, part)| *byte ^= part);
        self.key.add(iv, payload);
    }

    /// The tag of these bytes; as much of it counts as the suite says.
    pub fn tag(&self, bytes: &[u8], rollover: Option<u32>) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(bytes);
        if let Some(rollover) = rollover {
            mac.update(&rollover.to_be_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether this is the tag, in a time that tells nothing.
    pub fn is_tag(&self, tag: &[u8], bytes: &[u8], rollover: Option<u32>) -> bool {
        self.tag(bytes, rollover)[..self.tag_len].ct_eq(tag).into()
    }
}
