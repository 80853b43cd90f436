//! The key stream of AES in counter mode, of which the session keys of every suite come, too (RFC 3711 §4.3).

use super::keys::MasterKey;
use aes::cipher::{BlockCipherEncrypt, KeyInit, consts::U16};
use aes::{Aes128Enc, Aes256Enc, Block};

const BLOCK_LEN: usize = 16;
/// Blocks of key stream that are made at a time: as many as the widest units of a processor are given at once.
const BLOCKS: usize = 64;

/// A key of AES with what each block needs of it, worked out once.
#[derive(Clone)]
pub(super) enum BlockKey {
    Short(Aes128Enc),
    Long(Aes256Enc),
}

/// Which of the two is sealed.
#[derive(Clone, Copy, Debug)]
pub(super) enum SrtpKind {
    Rtp,
    Rtcp,
}

/// What no two packets under one key may share.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketNonce {
    pub ssrc: u32,
    pub index: u64,
}

/// Session keys of every suite (§4.3.1 with a key derivation rate of 0): the key stream under the master key that begins
/// at the label. A shorter salt is followed by zeros (RFC 7714 §11).
pub(super) fn derive(keys: &MasterKey, label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv[..keys.salt().len()].copy_from_slice(keys.salt());
    iv[7] ^= label;
    out.fill(0);
    BlockKey::new(keys.key()).add(iv, out);
}

impl BlockKey {
    /// # Panics
    /// When the key has neither 16 nor 32 bytes.
    pub fn new(key: &[u8]) -> Self {
        const FITS: &str = "a suite has keys of 16 or 32 bytes";
        match key.len() {
            16 => Self::Short(Aes128Enc::new_from_slice(key).expect(FITS)),
            _long => Self::Long(Aes256Enc::new_from_slice(key).expect(FITS)),
        }
    }

    /// Adds the key stream that begins at `iv`.
    pub fn add(&self, iv: [u8; 16], bytes: &mut [u8]) {
        match self {
            Self::Short(cipher) => add(cipher, iv, bytes),
            Self::Long(cipher) => add(cipher, iv, bytes),
        }
    }
}

/// Counter mode. The crate `ctr` 0.10 copies its blocks about, and takes four times as long for a packet.
fn add(cipher: &impl BlockCipherEncrypt<BlockSize = U16>, iv: [u8; BLOCK_LEN], bytes: &mut [u8]) {
    let mut counter = u128::from_be_bytes(iv);
    let mut blocks = [Block::default(); BLOCKS];
    for part in bytes.chunks_mut(BLOCKS * BLOCK_LEN) {
        let blocks = &mut blocks[..part.len().div_ceil(BLOCK_LEN)];
        for block in &mut *blocks {
            block.0 = counter.to_be_bytes();
            counter = counter.wrapping_add(1);
        }
        cipher.encrypt_blocks(blocks);
        let (whole, rest) = part.as_chunks_mut::<BLOCK_LEN>();
        let at = whole.len();
        for (bytes, block) in whole.iter_mut().zip(&*blocks) {
            let sum = u128::from_ne_bytes(*bytes) ^ u128::from_ne_bytes(block.0);
            *bytes = sum.to_ne_bytes();
        }
        let last = blocks[at..].iter().flat_map(|block| block.0);
        rest.iter_mut().zip(last).for_each(|(byte, part)| *byte ^= part);
    }
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

    /// Each block counts on from the one before it, whatever is made at a time.
    #[test]
    fn a_key_stream_of_any_length_is_one() {
        let key = BlockKey::new(&[7; 16]);
        let first = u128::MAX - 3;
        for len in [0, 1, 15, 16, 17, 1_023, 1_024, 1_025, 1_188, 2_100] {
            let mut whole = vec![0x55; len];
            key.add(first.to_be_bytes(), &mut whole);
            let mut pieces = vec![0x55; len];
            for (n, piece) in (0..).zip(pieces.chunks_mut(BLOCK_LEN)) {
                key.add(first.wrapping_add(n).to_be_bytes(), piece);
            }
            assert_eq!(whole, pieces, "{len} bytes");
        }
    }

    /// RFC 3711, B.2, and RFC 6188, §7.1.
    #[test]
    fn the_key_streams_are_those_of_the_rfcs() {
        let iv = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000");
        let mut block = [0; 32];
        let short = BlockKey::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C"));
        short.add(iv.clone().try_into().unwrap(), &mut block);
        assert_eq!(
            block[..],
            hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB")
        );
        let long = hex("57F82FE3613FD170A85EC93C40B1F0922EC4CB0DC025B58272147CC438944A98");
        let mut block = [0; 16];
        BlockKey::new(&long).add(iv.try_into().unwrap(), &mut block);
        assert_eq!(block[..], hex("92BDD28A93C3F52511C677D08B5515A4"));
    }
}
