//! The two payload formats of H.263: RFC 2190 (1996) and RFC 4629 (1998 and later).

use super::piece::{Cuts, FramePiece, Start, bits, span, start_codes};

/// Zeros in front of the one of a start code (ITU-T H.263 §5.1.1).
const ZEROS: usize = 16;

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

/// Reads a payload after RFC 2190 §5, in each of its three modes; none when it is cut off.
#[must_use]
pub fn read(payload: &[u8]) -> Option<FramePiece<'_>> {
    let first = *payload.first()?;
    let len = match first >> 6 {
        0 | 1 => 4,
        2 => 8,
        _mode_c => 12,
    };
    let bytes = payload.get(len..).filter(|bytes| !bytes.is_empty())?;
    let skip_bits = first >> 3 & 7;
    let start = start(bits(bytes, skip_bits.into(), 22));
    Some(FramePiece { start, unsent: &[], skip_bits, spare_bits: first & 7, bytes })
}

/// Reads a payload after RFC 4629 §5.1; none when it is cut off.
#[must_use]
pub fn read_plus(payload: &[u8]) -> Option<FramePiece<'_>> {
    let [first, second, ..] = *payload else { return None };
    let starts = first & 4 != 0;
    let redundancy = usize::from(first & 2 != 0);
    let header_copy = usize::from(u16::from_be_bytes([first & 1, second]) >> 3);
    let bytes = payload.get(2 + redundancy + header_copy..).filter(|bytes| !bytes.is_empty())?;
    let (start, unsent): (_, &[u8]) = match bits(bytes, 0, 6) {
        // The sixteen zeros of the start code are not sent.
        code if starts => (start(code), &[0, 0]),
        _the_middle => (Start::Middle, &[]),
    };
    Some(FramePiece { start, unsent, skip_bits: 0, spare_bits: 0, bytes })
}

/// What begins with these bits, of which those up to the sixteenth are zeros: a one, and the number
/// of a group of blocks, which for a picture is 0 (ITU-T H.263 §5.1.1, §5.2.3).
fn start(code: Option<u32>) -> Start {
    match code {
        Some(0b10_0000) => Start::Picture,
        Some(0b10_0001..0b100_0000) => Start::Segment,
        Some(_) | None => Start::Middle,
    }
}

/// Cuts a picture into payloads after RFC 2190, all of mode A: each begins with the picture or with a
/// group of blocks. A group that is longer than `payload_max` stays whole, and IP has to cut it.
/// The last one is named so; `payload` is reused.
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
    let room = payload_max.saturating_sub(HEADER_LEN).max(1);
    let end = picture.len() * 8;
    let starts = start_codes(picture, ZEROS).filter(|at| *at > 0);
    for (from, to) in Cuts::new(starts, end, room) {
        let (piece, skip_bits, spare_bits) = span(picture, (from, to));
        payload.clear();
        payload.extend_from_slice(&[skip_bits << 3 | spare_bits, source << 5 | flags << 1, 0, 0]);
        payload.extend_from_slice(piece);
        each(payload, to == end);
    }
}

/// Cuts a picture into payloads after RFC 4629 §6: at groups of blocks, and anywhere where one is
/// longer than a payload. The last one is named so; `payload` is reused.
pub fn packetise_plus(
    picture: &[u8],
    payload_max: usize,
    payload: &mut Vec<u8>,
    each: &mut dyn FnMut(&[u8], bool),
) {
    const HEADER_LEN: usize = 2;
    let room = payload_max.saturating_sub(HEADER_LEN).max(4);
    let end = picture.len() * 8;
    // Only a start code that stands in whole bytes can leave its zeros out.
    let starts = start_codes(picture, ZEROS).filter(|at| *at > 0 && at % 8 == 0);
    for (from, to) in Cuts::new(starts, end, room) {
        let (mut rest, _, _) = span(picture, (from, to));
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            rest = behind;
            payload.clear();
            match piece.strip_prefix(&[0, 0]) {
                Some(short) if short.first().is_some_and(|byte| byte & 0x80 != 0) => {
                    payload.extend_from_slice(&[4, 0]);
                    payload.extend_from_slice(short);
                }
                Some(_) | None => {
                    payload.extend_from_slice(&[0, 0]);
                    payload.extend_from_slice(piece);
                }
            }
            each(payload, to == end && rest.is_empty());
        }
    }
}

/// Reads a picture header (ITU-T H.263 §5.1) from behind the zeros of its start code.
fn picture_is_intra(picture: &[u8]) -> Option<bool> {
    let mut bits = HeaderBits { bytes: picture, at: 0 };
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

struct HeaderBits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl HeaderBits<'_> {
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
