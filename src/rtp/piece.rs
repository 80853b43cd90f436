//! Pieces of a bit stream: the codecs before H.264 do not end at whole bytes, so that two payloads
//! may share one (SBIT and EBIT of RFC 2190 §5.1 and RFC 4587 §4.1).

/// What a piece begins with; what comes later here is the better place to begin after a loss.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Start {
    /// The middle of something: of no use without what is in front of it.
    Middle,
    /// A group of blocks or a slice: a decoder finds its way again.
    Segment,
    /// A picture.
    Picture,
}

/// A piece of a picture. Its first and last bytes may be shared with its neighbours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FramePiece<'a> {
    /// What it begins with.
    pub start: Start,
    /// What was left out in front of the bytes, since everybody knows it.
    pub unsent: &'static [u8],
    /// Bits of the first byte that belong to the piece before, 0 to 7.
    pub skip_bits: u8,
    /// Bits of the last byte that belong to the piece after, 0 to 7.
    pub spare_bits: u8,
    /// The bytes; at least one.
    pub bytes: &'a [u8],
}

impl FramePiece<'_> {
    /// Whether a picture begins with it.
    #[must_use]
    pub fn begins_picture(&self) -> bool {
        self.start == Start::Picture
    }

    /// Appends it to the pieces before, of which the last one left `spare_bits`. What the neighbours
    /// have in the bytes at its ends is left out.
    pub(super) fn join(&self, unit: &mut Vec<u8>, spare_bits: u8) {
        let [first, rest @ ..] = self.bytes else { return };
        let first = first & 0xff >> self.skip_bits;
        unit.extend_from_slice(self.unsent);
        match unit.last_mut() {
            Some(last) if self.skip_bits > 0 && spare_bits == 8 - self.skip_bits => *last |= first,
            Some(_) | None => unit.push(first),
        }
        unit.extend_from_slice(rest);
        if let Some(last) = unit.last_mut() {
            *last &= 0xff << self.spare_bits;
        }
    }
}

/// `count` bits, at most 24, from the bit `at` on; none beyond the end.
pub(super) fn bits(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    let end = at + count;
    let touched = bytes.get(at / 8..end.div_ceil(8))?;
    let value = touched.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let spare = end.next_multiple_of(8) - end;
    Some((value >> spare) as u32 & ((1 << count) - 1))
}

/// The bits at which a start code begins: this many zeros, at least 15, and a one. Codecs take care
/// that nothing else looks like it.
pub(super) fn start_codes(bytes: &[u8], zeros: usize) -> impl Iterator<Item = usize> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            // So many zeros fill at least one byte.
            let zero = from + memchr::memchr(0, &bytes[from..])?;
            let before = zero.checked_sub(1).map_or(0, |at| bytes[at].trailing_zeros() as usize);
            let end = zero + bytes[zero..].iter().position(|byte| *byte != 0)?;
            from = end;
            let one = end * 8 + bytes[end].leading_zeros() as usize;
            if one + before - zero * 8 >= zeros {
                return Some(one - zeros);
            }
        }
    })
}

/// Cuts a picture at start codes only, so that as many bytes as there is `room` for lie between two
/// cuts; more where two start codes are further apart. Gives the first bit and the one behind the
/// last.
pub(super) struct Cuts<I: Iterator<Item = usize>> {
    starts: std::iter::Peekable<I>,
    at: usize,
    end: usize,
    room: usize,
}

impl<I: Iterator<Item = usize>> Cuts<I> {
    /// `starts` are bits, in order; `end` is the number of bits of the picture.
    pub(super) fn new(starts: I, end: usize, room: usize) -> Self {
        Self { starts: starts.peekable(), at: 0, end, room }
    }
}

impl<I: Iterator<Item = usize>> Iterator for Cuts<I> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let from = self.at;
        while self.at < self.end {
            let to = self.starts.peek().copied().unwrap_or(self.end);
            if self.at > from && to.div_ceil(8) - from / 8 > self.room {
                break;
            }
            self.starts.next();
            self.at = to;
        }
        (from < self.at).then_some((from, self.at))
    }
}

/// The bytes that hold the bits from one to the other, and how many bits at their ends are strange.
pub(super) fn span(bytes: &[u8], (from, to): (usize, usize)) -> (&[u8], u8, u8) {
    let spare = to.next_multiple_of(8) - to;
    (&bytes[from / 8..to.div_ceil(8)], (from % 8) as u8, spare as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(skip_bits: u8, bytes: &[u8], spare_bits: u8) -> FramePiece<'_> {
        FramePiece { start: Start::Middle, unsent: &[], skip_bits, spare_bits, bytes }
    }

    #[test]
    fn a_shared_byte_is_put_together_of_both_pieces() {
        let mut unit = Vec::new();
        piece(0, &[0xff, 0b1011_1111], 5).join(&mut unit, 0);
        assert_eq!(unit, [0xff, 0b1010_0000], "what is not its own is left out");
        piece(3, &[0b1110_0110, 7], 0).join(&mut unit, 5);
        assert_eq!(unit, [0xff, 0b1010_0110, 7]);
    }

    #[test]
    fn pieces_that_share_no_byte_are_not_mixed() {
        let mut unit = Vec::new();
        piece(0, &[0xff], 0).join(&mut unit, 0);
        piece(3, &[0xff], 0).join(&mut unit, 0);
        assert_eq!(unit, [0xff, 0x1f], "nobody left bits open");
        piece(0, &[0xff], 0).join(&mut unit, 4);
        assert_eq!(unit, [0xff, 0x1f, 0xff], "nobody fills the open bits");
    }

    #[test]
    fn start_codes_are_found_at_every_bit() {
        for shift in 0..8 {
            // 15 zeros and a one, from this bit of the second byte on.
            let code = !(0xfffe_u64 << (32 - shift));
            let bytes = &code.to_be_bytes()[1..];
            assert_eq!(start_codes(bytes, 15).collect::<Vec<_>>(), [8 + shift]);
            assert!(start_codes(bytes, 16).next().is_none(), "{shift}");
        }
        assert_eq!(start_codes(&[0, 0, 0, 0x80, 0, 1], 16).collect::<Vec<_>>(), [8, 31]);
        assert_eq!(start_codes(&[0; 9], 15).next(), None);
    }

    proptest! {
        #[test]
        fn cuts_leave_nothing_out_and_keep_to_the_room_where_they_can(
            gaps in prop::collection::vec(1_usize..2000, 0..20), room in 1_usize..100,
        ) {
            let starts: Vec<_> =
                gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let end = starts.last().map_or(9, |last| last + 9);
            let mut at = 0;
            for (from, to) in Cuts::new(starts.iter().copied(), end, room) {
                prop_assert_eq!(from, at);
                prop_assert!(from < to && (to == end || starts.contains(&to)));
                let alone = starts.iter().all(|start| *start <= from || *start >= to);
                prop_assert!(alone || to.div_ceil(8) - from / 8 <= room);
                at = to;
            }
            prop_assert_eq!(at, end);
        }

        #[test]
        fn bits_and_start_codes_are_those_that_a_slow_search_finds(
            bytes in prop::collection::vec(prop::sample::select(&[0_u8, 0, 0, 1, 0x80, 0x40, 3][..]), 0..30),
            zeros in 15_usize..17,
        ) {
            let slow: Vec<_> = (0..bytes.len() * 8)
                .filter(|at| bits(&bytes, *at, zeros + 1) == Some(1))
                .collect();
            prop_assert_eq!(start_codes(&bytes, zeros).collect::<Vec<_>>(), slow);
            for at in 0..bytes.len() * 8 {
                let bit = bytes[at / 8] >> (7 - at % 8) & 1;
                prop_assert_eq!(bits(&bytes, at, 1), Some(u32::from(bit)));
            }
        }
    }
}
