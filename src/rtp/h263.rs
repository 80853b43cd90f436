//! The two payload formats of H.263: RFC 2190 (1996) and RFC 4629 (1998 and later).

/// Whether a payload after RFC 2190 begins a picture that needs no other.
#[must_use]
pub fn begins_key_frame(payload: &[u8]) -> bool {
    let [first, second, ..] = *payload else { return false };
    // The bit I: 0 is intra. Mode A has it in its second byte, B and C in their fifth (§5).
    let (inter, len) = match first >> 6 {
        0 | 1 => (second & 0x10, 4),
        2 => (payload.get(4).map_or(0x80, |byte| byte & 0x80), 8),
        _mode_c => (payload.get(4).map_or(0x80, |byte| byte & 0x80), 12),
    };
    let starts = matches!(payload.get(len..), Some([0, 0, third, ..]) if third & 0xfc == 0x80);
    inter == 0 && starts
}

/// Whether a payload after RFC 4629 begins a picture that needs no other.
#[must_use]
pub fn begins_key_frame_plus(payload: &[u8]) -> bool {
    let [first, second, ..] = *payload else { return false };
    // P: the two zeros of a start code are left out; V: one byte of redundancy; PLEN: a copy of a
    // picture header (§5.1).
    let starts = first & 4 != 0;
    let redundancy = usize::from(first & 2 != 0);
    let header_copy = usize::from(u16::from_be_bytes([first & 1, second]) >> 3);
    let picture = payload.get(2 + redundancy + header_copy..).unwrap_or(&[]);
    starts && picture_is_intra(picture).unwrap_or(false)
}

/// A piece of a picture. Its first and last bytes may be shared with its neighbours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Piece<'a> {
    /// Bits of the first byte that belong to the piece before.
    pub skip_bits: u8,
    /// Bits of the last byte that belong to the piece after.
    pub spare_bits: u8,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Reads a payload after RFC 2190 §5, in each of its three modes; none when it is cut off.
#[must_use]
pub fn read(payload: &[u8]) -> Option<Piece<'_>> {
    let first = *payload.first()?;
    let len = match first >> 6 {
        0 | 1 => 4,
        2 => 8,
        _mode_c => 12,
    };
    let bytes = payload.get(len..).filter(|bytes| !bytes.is_empty())?;
    Some(Piece { skip_bits: first >> 3 & 7, spare_bits: first & 7, bytes })
}

/// Reads a payload after RFC 4629 §5.1: the zeros that were left out, and the bytes; none when it is
/// cut off.
#[must_use]
pub fn read_plus(payload: &[u8]) -> Option<(&'static [u8], &[u8])> {
    let [first, second, ..] = *payload else { return None };
    let zeros: &[u8] = if first & 4 != 0 { &[0, 0] } else { &[] };
    let redundancy = usize::from(first & 2 != 0);
    let header_copy = usize::from(u16::from_be_bytes([first & 1, second]) >> 3);
    let bytes = payload.get(2 + redundancy + header_copy..).filter(|bytes| !bytes.is_empty())?;
    Some((zeros, bytes))
}

/// Cuts a picture into payloads after RFC 2190, mode A: each begins with the picture or with a group
/// of blocks, whose header has to stand in whole bytes. `payload` is reused.
pub fn packetise(
    picture: &[u8],
    payload_max: usize,
    payload: &mut Vec<u8>,
    each: &mut dyn FnMut(&[u8], bool),
) {
    const HEADER_LEN: usize = 4;
    // PTYPE (ITU-T H.263 §5.1.3): the source format, then the flags I, UMV, SAC and AP.
    let [type_high, type_low] = [4, 5].map(|at| picture.get(at).copied().unwrap_or(0));
    let source = type_high >> 2 & 7;
    let flags = (type_high & 3) << 2 | type_low >> 6 & 3;
    let mut rest = picture;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(cut(rest, payload_max - HEADER_LEN));
        rest = behind;
        payload.clear();
        payload.extend_from_slice(&[0, source << 5 | flags << 1, 0, 0]);
        payload.extend_from_slice(piece);
        each(payload, rest.is_empty());
    }
}

/// Cuts a picture into payloads after RFC 4629 §6: at groups of blocks, and anywhere where one is
/// longer than a payload. `payload` is reused.
pub fn packetise_plus(
    picture: &[u8],
    payload_max: usize,
    payload: &mut Vec<u8>,
    each: &mut dyn FnMut(&[u8], bool),
) {
    const HEADER_LEN: usize = 2;
    let room = payload_max - HEADER_LEN;
    let mut rest = picture;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(cut(rest, room).min(room));
        rest = behind;
        let starts = piece.starts_with(&[0, 0]);
        payload.clear();
        payload.extend_from_slice(&[if starts { 4 } else { 0 }, 0]);
        payload.extend_from_slice(if starts { &piece[2..] } else { piece });
        each(payload, rest.is_empty());
    }
}

/// How much of a picture goes into one payload: up to the last start code that leaves it short
/// enough, else up to the first.
fn cut(bytes: &[u8], room: usize) -> usize {
    if bytes.len() <= room {
        return bytes.len();
    }
    // 17 bits: sixteen zeros and a one.
    let starts = (1..bytes.len().saturating_sub(2))
        .filter(|at| bytes[*at] == 0 && bytes[at + 1] == 0 && bytes[at + 2] & 0x80 != 0);
    let mut found = None;
    for at in starts {
        if at > room {
            return found.unwrap_or(at);
        }
        found = Some(at);
    }
    found.unwrap_or(bytes.len())
}

/// Reads a picture header (ITU-T H.263 §5.1) from behind the zeros of its start code.
fn picture_is_intra(picture: &[u8]) -> Option<bool> {
    let mut bits = Bits { bytes: picture, at: 0 };
    // The rest of the start code and the temporal reference; then PTYPE.
    if bits.take(6)? != 0b10_0000 {
        return None;
    }
    bits.take(8)?;
    bits.take(5)?;
    if bits.take(3)? != 0b111 {
        return Some(bits.take(1)? == 0);
    }
    // PLUSPTYPE: UFEP says whether the 18 optional bits are there; the mandatory part opens with
    // the type of the picture.
    match bits.take(3)? {
        0 => {}
        1 => {
            bits.take(18)?;
        }
        _reserved => return None,
    }
    Some(bits.take(3)? == 0)
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A picture header: start code without its zeros, reference 0, then these bits.
    fn picture(bits: &str) -> Vec<u8> {
        let bits = format!("10000000000000{bits}000000000000");
        let byte = |eight: &[u8]| eight.iter().fold(0, |byte, bit| byte << 1 | (bit & 1));
        bits.as_bytes().chunks_exact(8).map(byte).collect()
    }

    fn old(head: &[u8]) -> bool {
        begins_key_frame(&[head, &[0, 0, 0x80, 2, 8]].concat())
    }

    fn plus(head: &[u8], bits: &str) -> bool {
        begins_key_frame_plus(&[head, &picture(bits)].concat())
    }

    #[test]
    fn the_old_format_says_so_in_its_own_header() {
        assert!(old(&[0, 0x40, 0, 0]) && !old(&[0, 0x50, 0, 0]));
        assert!(old(&[0x80, 0, 0, 0, 0, 0, 0, 0]) && !old(&[0x80, 0, 0, 0, 0x80, 0, 0, 0]));
        assert!(old(&[0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!begins_key_frame(&[0, 0x40, 0, 0, 1, 2, 3]), "the middle of a picture");
        assert!(!begins_key_frame(&[0, 0x40, 0, 0, 0, 0]) && !begins_key_frame(&[]));
    }

    #[test]
    fn the_new_format_says_so_in_the_picture_header() {
        assert!(plus(&[4, 0], "100000100"), "CIF, intra");
        assert!(!plus(&[4, 0], "100000111"), "CIF, inter");
        assert!(plus(&[4, 0], "10000111000000"), "extended type, intra");
        assert!(!plus(&[4, 0], "10000111000001"), "extended type, inter");
        assert!(plus(&[4, 0], &format!("10000111001{}000", "0".repeat(18))), "with options");
        assert!(plus(&[6, 0, 9], "100000100"), "with redundancy");
        assert!(plus(&[4, 16, 9, 9], "100000100"), "with a copy of a header");
        assert!(!plus(&[0, 0], "100000100"), "the middle of a picture");
        assert!(!begins_key_frame_plus(&[4, 0]) && !begins_key_frame_plus(&[4]));
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(payload in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = begins_key_frame(&payload);
            let _ = begins_key_frame_plus(&payload);
        }
    }
}
