//! The form of a message (RFC 8489 §5 and §14).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Of a header: kind, length, cookie, transaction.
pub(super) const HEADER_LEN: usize = 20;
/// Where the transaction stands in it.
pub(super) const TRANSACTION_AT: usize = 8;
pub(super) const COOKIE: u32 = 0x2112_a442;
/// Of an attribute: kind and length.
const HEAD_LEN: usize = 4;
pub(super) const INTEGRITY_LEN: usize = 20;
pub(super) const FINGERPRINT_LEN: usize = 4;
/// What a fingerprint is crossed with (§14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// Kinds of messages: a method with its class (§5).
pub(super) mod kind {
    pub const BINDING_REQUEST: u16 = 0x0001;
    pub const BINDING_SUCCESS: u16 = 0x0101;
    pub const BINDING_ERROR: u16 = 0x0111;
}

/// Kinds of attributes (§18.3, RFC 8445 §20.1).
pub(super) mod attribute {
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const PRIORITY: u16 = 0x0024;
    pub const USE_CANDIDATE: u16 = 0x0025;
    pub const FINGERPRINT: u16 = 0x8028;
    pub const ICE_CONTROLLED: u16 = 0x8029;
    /// From here on who does not know one may pass it over (§14).
    pub const OPTIONAL: u16 = 0x8000;
}

/// The attributes of a message in their order, each with where it begins; ends at one that is cut off.
pub(super) struct Attributes<'a> {
    pub message: &'a [u8],
    pub at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Option<(usize, u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.message.get(self.at..).filter(|rest| !rest.is_empty())?;
        let at = self.at;
        let whole = rest.split_at_checked(HEAD_LEN).and_then(|(head, rest)| {
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let padded = len.next_multiple_of(4);
            let value = rest.get(..padded)?.get(..len)?;
            self.at = at + HEAD_LEN + padded;
            Some((at, u16::from_be_bytes([head[0], head[1]]), value))
        });
        if whole.is_none() {
            self.at = self.message.len();
        }
        Some(whole)
    }
}

/// The proof over a message up to the attribute that will hold it, as if that were the last (§14.5).
pub(super) fn integrity(before: &[u8], password: &str) -> [u8; INTEGRITY_LEN] {
    let mac = Hmac::<Sha1>::new_from_slice(password.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of every length");
    update(before, HEAD_LEN + INTEGRITY_LEN, |bytes| mac.update(bytes));
    mac.finalize().into_bytes().into()
}

/// The checksum over a message up to the attribute that will hold it (§14.7).
pub(super) fn fingerprint(before: &[u8]) -> [u8; FINGERPRINT_LEN] {
    let mut sum = crc32fast::Hasher::new();
    update(before, HEAD_LEN + FINGERPRINT_LEN, |bytes| sum.update(bytes));
    (sum.finalize() ^ FINGERPRINT_MASK).to_be_bytes()
}

/// The bytes with the length that the message has once it is longer by `more`.
fn update(before: &[u8], more: usize, mut update: impl FnMut(&[u8])) {
    let len = (before.len() + more).saturating_sub(HEADER_LEN);
    update(&before[..2]);
    update(&u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes());
    update(&before[4..]);
}

/// Adds an attribute with its padding.
pub(super) fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}
