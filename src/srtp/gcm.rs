//! AES in Galois/counter mode (RFC 7714): sealed and proven in one.

use super::key_stream::{PacketNonce, derive};
use super::keys::MasterKey;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};

/// Bytes of the tag, of RTP and of RTCP (RFC 7714 §13.2).
pub(super) const TAG_LEN: usize = 16;
const IV_LEN: usize = 12;

/// The keys of one direction, for RTP or for RTCP.
#[derive(Clone)]
pub(super) struct Gcm {
    /// Expanded once for all packets, and large. The library does not look at whether a nonce comes again; the indices of
    /// packets do not (RFC 7714 §8.1).
    cipher: Box<LessSafeKey>,
    salt: [u8; IV_LEN],
}

impl Gcm {
    pub fn new(keys: &MasterKey, first_label: u8) -> Self {
        let (mut key, mut salt) = ([0; 32], [0; IV_LEN]);
        let key = &mut key[..keys.suite().key_len()];
        derive(keys, first_label, key);
        derive(keys, first_label + 2, &mut salt);
        Self::of(key, salt)
    }

    fn of(key: &[u8], salt: [u8; IV_LEN]) -> Self {
        let algorithm =
            if key.len() == AES_128_GCM.key_len() { &AES_128_GCM } else { &AES_256_GCM };
        let key = UnboundKey::new(algorithm, key).expect("a suite has keys of 16 or 32 bytes");
        Self { cipher: Box::new(LessSafeKey::new(key)), salt }
    }

    /// Seals in place, and proves `open` as well; returns the tag.
    pub fn seal(&self, nonce: PacketNonce, open: &[u8], sealed: &mut [u8]) -> Tag {
        const SHORT: &str = "a datagram is shorter than 64 GiB";
        let iv = Nonce::assume_unique_for_key(self.iv(nonce));
        self.cipher.seal_in_place_separate_tag(iv, Aad::from(open), sealed).expect(SHORT)
    }

    /// Opens in place; whether the tag is right, else nothing is left of what was sealed.
    pub fn open(&self, nonce: PacketNonce, open: &[u8], sealed: &mut [u8], tag: &[u8]) -> bool {
        let Ok(tag) = Tag::try_from(tag) else { return false };
        let iv = Nonce::assume_unique_for_key(self.iv(nonce));
        self.cipher.open_in_place_separate_tag(iv, Aad::from(open), tag, sealed, 0..).is_ok()
    }

    /// RFC 7714 §8.1 and §9.1: two zeros, SSRC and an index of 48 bits, which RTCP has 31 of; xor the salt.
    fn iv(&self, nonce: PacketNonce) -> [u8; IV_LEN] {
        let mut iv = self.salt;
        iv[2..6].iter_mut().zip(nonce.ssrc.to_be_bytes()).for_each(|(byte, part)| *byte ^= part);
        let index = nonce.index.to_be_bytes();
        iv[6..].iter_mut().zip(&index[2..]).for_each(|(byte, part)| *byte ^= part);
        iv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let bytes = (0..text.len()).step_by(2);
        bytes.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 7714 §16.1.1 and §16.2.1.
    #[test]
    fn a_packet_is_sealed_as_in_the_rfc() {
        let sealed = [
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
             899d7f27beb16a9152cf765ee4390cce",
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b\
             7aa3db36dfffd6b0f9bb7878d7a76c13",
        ];
        for (key_len, sealed) in [16_u8, 32].into_iter().zip(sealed) {
            let gcm = Gcm::of(&(0..key_len).collect::<Vec<_>>(), *b"Quid pro quo");
            let nonce = PacketNonce { ssrc: 0x5501_a0b2, index: 0xf17b };
            let header = hex("8040f17b8041f8d35501a0b2");
            let voice = b"Gallia est omnis divisa in partes tres";
            let mut payload = voice.to_vec();
            let tag = gcm.seal(nonce, &header, &mut payload);
            assert_eq!([&payload[..], tag.as_ref()].concat(), hex(sealed));
            assert!(!gcm.open(nonce, &header, &mut payload, &tag.as_ref()[1..]));
            assert!(gcm.open(nonce, &header, &mut payload.clone(), tag.as_ref()));
            assert!(!gcm.open(nonce, &header[1..], &mut payload, tag.as_ref()));
            assert_eq!(payload, [0; 38], "what nobody has proven is heard by nobody");
        }
    }
}
