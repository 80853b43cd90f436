//! The payload format of H.261 (RFC 4587).
//!
//! ```text
//!   SBIT 3  EBIT 3  I  V    GOBN 4  MBAP 5  QUANT 5  HMVD 5  VMVD 5       four bytes
//! ```

const HEADER_LEN: usize = 4;
/// V: motion vectors may be used.
const MOTION: u8 = 1;

/// A piece of the bit stream. Its first and last bytes may be shared with its neighbours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Piece<'a> {
    /// Bits of the first byte that belong to the piece before.
    pub skip_bits: u8,
    /// Bits of the last byte that belong to the piece after.
    pub spare_bits: u8,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Reads a payload; none when it is cut off.
#[must_use]
pub fn read(payload: &[u8]) -> Option<Piece<'_>> {
    let first = *payload.first()?;
    let bytes = payload.get(HEADER_LEN..).filter(|bytes| !bytes.is_empty())?;
    Some(Piece { skip_bits: first >> 5, spare_bits: first >> 2 & 7, bytes })
}

/// Cuts a picture into payloads of at most `payload_max` bytes; the last one is named so. `payload`
/// is reused.
///
/// The cuts lie at whole bytes and not at macroblocks, as RFC 4587 §4.2 would have it: receivers that
/// join the pieces see no difference, and after a loss all decode from the next start code on.
pub fn packetise(
    picture: &[u8],
    payload_max: usize,
    payload: &mut Vec<u8>,
    each: &mut dyn FnMut(&[u8], bool),
) {
    let mut pieces = picture.chunks(payload_max - HEADER_LEN).peekable();
    while let Some(piece) = pieces.next() {
        payload.clear();
        payload.extend_from_slice(&[MOTION, 0, 0, 0]);
        payload.extend_from_slice(piece);
        each(payload, pieces.peek().is_none());
    }
}
