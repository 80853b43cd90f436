//! Session keys and what is done with them: the key stream and the tag (RFC 3711 §4).

use super::keys::{MasterKey, SALT_LEN};
use aes::{Aes128, Aes256};
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::fmt;
use subtle::ConstantTimeEq;

/// Bytes of the tag of RTCP, whatever the suite (RFC 4568 §6.2.2).
pub(super) const RTCP_TAG_LEN: usize = 10;
/// RFC 3711 §5.2.
const AUTH_KEY_LEN: usize = 20;

/// Which of the two is sealed. The labels are those of RFC 3711 §4.3.2.
#[derive(Clone, Copy, Debug)]
pub(super) enum SrtpKind {
    Rtp,
    Rtcp,
}

/// The session keys of one direction, for RTP or for RTCP.
#[derive(Clone)]
pub(super) struct SessionKeys {
    key: [u8; 32],
    key_len: usize,
    salt: [u8; SALT_LEN],
    /// Keyed once; a packet costs a copy of its state.
    mac: Hmac<Sha1>,
    pub tag_len: usize,
}

impl SessionKeys {
    pub fn new(keys: &MasterKey, kind: SrtpKind) -> Self {
        let (first_label, tag_len) = match kind {
            SrtpKind::Rtp => (0, keys.suite().tag_len()),
            SrtpKind::Rtcp => (3, RTCP_TAG_LEN),
        };
        let key_len = keys.suite().key_len();
        let (mut key, mut auth, mut salt) = ([0; 32], [0; AUTH_KEY_LEN], [0; SALT_LEN]);
        derive(keys, first_label, &mut key[..key_len]);
        derive(keys, first_label + 1, &mut auth);
        derive(keys, first_label + 2, &mut salt);
        let mac = Hmac::new_from_slice(&auth).expect("HMAC takes keys of every length");
        Self { key, key_len, salt, mac, tag_len }
    }

    /// Adds the key stream of this packet to its payload: seals what is open, opens what is sealed.
    pub fn crypt(&self, ssrc: u32, index: u64, payload: &mut [u8]) {
        // §4.1.1: salt · 2^16 xor SSRC · 2^64 xor index · 2^16.
        let mut iv = [0; 16];
        iv[..SALT_LEN].copy_from_slice(&self.salt);
        iv[4..8].iter_mut().zip(ssrc.to_be_bytes()).for_each(|(byte, part)| *byte ^= part);
        let index = index.to_be_bytes();
        iv[8..14].iter_mut().zip(&index[2..]).for_each(|(byte, part)| *byte ^= part);
        stream(&self.key[..self.key_len], iv, payload);
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

/// §4.3.1 with a key derivation rate of 0: the key stream under the master key that begins at the
/// label.
fn derive(keys: &MasterKey, label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv[..SALT_LEN].copy_from_slice(keys.salt());
    iv[7] ^= label;
    out.fill(0);
    stream(keys.key(), iv, out);
}

fn stream(key: &[u8], iv: [u8; 16], bytes: &mut [u8]) {
    const FITS: &str = "a suite has keys of 16 or 32 bytes";
    match key.len() {
        16 => Ctr128BE::<Aes128>::new_from_slices(key, &iv).expect(FITS).apply_keystream(bytes),
        _long => Ctr128BE::<Aes256>::new_from_slices(key, &iv).expect(FITS).apply_keystream(bytes),
    }
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

#[cfg(test)]
mod tests {
    use super::super::Suite;
    use super::*;
    use base64::Engine as _;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    fn keys(suite: Suite, key: &str, salt: &str) -> MasterKey {
        let bytes = [hex(key), hex(salt)].concat();
        MasterKey::parse(suite, &base64::engine::general_purpose::STANDARD.encode(bytes)).unwrap()
    }

    /// RFC 3711, B.3.
    #[test]
    fn session_keys_are_those_of_the_rfc() {
        let master = keys(
            Suite::AesCm128Sha1_80,
            "E1F97A0D3E018BE0D64FA32C06DE4139",
            "0EC675AD498AFEEBB6960B3AABE6",
        );
        let (mut key, mut salt, mut auth) = ([0; 16], [0; 14], [0; 16]);
        derive(&master, 0, &mut key);
        derive(&master, 2, &mut salt);
        derive(&master, 1, &mut auth);
        assert_eq!(key[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(auth[..], hex("CEBE321F6FF7716B6FD4AB49AF256A15"));
    }

    /// RFC 3711, B.2, and RFC 6188, §7.1.
    #[test]
    fn the_key_streams_are_those_of_the_rfcs() {
        let iv = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000");
        let mut block = [0; 32];
        stream(
            &hex("2B7E151628AED2A6ABF7158809CF4F3C"),
            iv.clone().try_into().unwrap(),
            &mut block,
        );
        assert_eq!(
            block[..],
            hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB")
        );
        let long = hex("57F82FE3613FD170A85EC93C40B1F0922EC4CB0DC025B58272147CC438944A98");
        let mut block = [0; 16];
        stream(&long, iv.try_into().unwrap(), &mut block);
        assert_eq!(block[..], hex("92BDD28A93C3F52511C677D08B5515A4"));
    }
}
