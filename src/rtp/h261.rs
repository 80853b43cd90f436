//! The payload format of H.261 (RFC 4587).
//!
//! ```text
//!   SBIT 3  EBIT 3  I  V    GOBN 4  MBAP 5  QUANT 5  HMVD 5  VMVD 5       four bytes
//! ```

use super::piece::{Cuts, FramePiece, Start, bits, span, start_codes};

const HEADER_LEN: usize = 4;
/// V: motion vectors may be used.
const MOTION: u8 = 1;
/// Zeros in front of the one of a start code (ITU-T H.261 §4.2.1.1, §4.2.2.1).
const ZEROS: usize = 15;

/// Reads a payload; none when it is cut off.
#[must_use]
pub fn read(payload: &[u8]) -> Option<FramePiece<'_>> {
    let first = *payload.first()?;
    let bytes = payload.get(HEADER_LEN..).filter(|bytes| !bytes.is_empty())?;
    let (skip_bits, spare_bits) = (first >> 5, first >> 2 & 7);
    // GOBN says it too, but not all senders know (§4.1); the start code itself cannot err: a one, and
    // the number of the group of blocks, which for a picture is 0.
    let start = match bits(bytes, skip_bits.into(), 20) {
        Some(0b1_0000) => Start::Picture,
        Some(0b1_0001..0b10_0000) => Start::Segment,
        Some(_) | None => Start::Middle,
    };
    Some(FramePiece { start, unsent: &[], skip_bits, spare_bits, bytes })
}

/// Cuts a picture into payloads of at most `payload_max` bytes, at groups of blocks; the last one is
/// named so. `payload` is reused.
///
/// A longer group is cut at whole bytes and not at macroblocks, as RFC 4587 §4.2 would have it:
/// receivers that join the pieces see no difference, and after a loss all decode from the next start
/// code on.
pub fn packetise(
    picture: &[u8],
    payload_max: usize,
    payload: &mut Vec<u8>,
    each: &mut dyn FnMut(&[u8], bool),
) {
    let room = payload_max.saturating_sub(HEADER_LEN).max(1);
    let end = picture.len() * 8;
    let starts = start_codes(picture, ZEROS).filter(|at| *at > 0);
    for (from, to) in Cuts::new(starts, end, room) {
        let (group, skip_bits, spare_bits) = span(picture, (from, to));
        let mut pieces = group.chunks(room).enumerate().peekable();
        while let Some((at, piece)) = pieces.next() {
            let ends = pieces.peek().is_none();
            let skip_bits = if at == 0 { skip_bits } else { 0 };
            let spare_bits = if ends { spare_bits } else { 0 };
            payload.clear();
            payload.extend_from_slice(&[skip_bits << 5 | spare_bits << 2 | MOTION, 0, 0, 0]);
            payload.extend_from_slice(piece);
            each(payload, ends && to == end);
        }
    }
}
