//! Where one coded frame ends and the next begins in an RTP payload: RFC 3551 for GSM and G.723.1,
//! RFC 5574 for Speex, whose frames join bit by bit.

use std::ops::Range;

/// The most frames that one payload is taken apart into: 120 ms of the shortest.
const FRAMES_MAX: usize = 12;

/// GSM full rate, RFC 3551 §4.5.8: 260 bits behind a signature of four.
const GSM_FRAME: usize = 33;
/// G.723.1, RFC 3551 §4.5.3, by the two low bits of the first byte: 6.3 kbit/s, 5.3 kbit/s, comfort
/// noise, and a frame that was not sent.
const G723_FRAMES: [usize; 4] = [24, 20, 4, 1];
/// Bits of a narrow-band frame of Speex by its mode, all five bits of the head included; none for
/// modes that carry no sound, or are reserved.
const SPEEX_NARROW: [Option<usize>; 16] = [
    Some(5),
    Some(43),
    Some(119),
    Some(160),
    Some(220),
    Some(300),
    Some(364),
    Some(492),
    Some(79),
    None,
    None,
    None,
    None,
    None,
    None,
    None,
];
/// Bits of what a frame of Speex adds for each octave above, head included.
const SPEEX_HIGH: [Option<usize>; 8] =
    [Some(4), Some(36), Some(112), Some(192), Some(352), None, None, None];

/// The whole frames of GSM in a payload; a torn one at its end is left out.
pub(super) fn gsm(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    payload.chunks_exact(GSM_FRAME).take(FRAMES_MAX)
}

/// The whole frames of G.723.1 in a payload.
pub(super) fn g723(mut payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let next = move || {
        let len = G723_FRAMES[usize::from(payload.first()? & 3)];
        let (frame, rest) = payload.split_at_checked(len)?;
        payload = rest;
        Some(frame)
    };
    std::iter::from_fn(next).take(FRAMES_MAX)
}

/// How many octaves a frame of Speex has above the narrow band: 0 at 8 kHz, 1 at 16, 2 at 32.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Octaves(pub(super) usize);

/// The bits of each whole frame of Speex in a payload. The last bits of a payload that are no frame are
/// its terminator: a zero and then ones (RFC 5574 §3.3).
pub(super) fn speex(payload: &[u8], octaves: Octaves) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    let next = move || {
        let end = at + speex_frame_bits(payload, at, octaves)?;
        let frame = at..end;
        at = end;
        (end <= payload.len() * 8).then_some(frame)
    };
    std::iter::from_fn(next).take(FRAMES_MAX)
}

/// Bits of the frame that begins at a bit.
fn speex_frame_bits(payload: &[u8], start: usize, octaves: Octaves) -> Option<usize> {
    // A frame begins with the narrow band: a zero and four bits of mode. Mode 15, the terminator, has
    // no length.
    let mode = bits(payload, start, 5).filter(|head| *head < 16)?;
    let mut len = SPEEX_NARROW[mode]?;
    for _ in 0..octaves.0 {
        match bits(payload, start + len, 4) {
            Some(head) if head >= 8 => len += SPEEX_HIGH[head & 7]?,
            Some(_) | None => break,
        }
    }
    Some(len)
}

/// Joins frames of Speex, each coded for itself, to one payload.
#[derive(Debug)]
pub(super) struct SpeexJoiner<'a> {
    out: &'a mut [u8],
    /// Bits that are filled.
    at: usize,
}

impl<'a> SpeexJoiner<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0 }
    }

    /// Appends these bits of `coded`; none when there is no room, or there are none.
    pub(super) fn push(&mut self, coded: &[u8], frame: Range<usize>) -> Option<()> {
        if (self.at + frame.len()).div_ceil(8) > self.out.len() {
            return None;
        }
        for at in frame {
            self.put(bits(coded, at, 1)? == 1);
        }
        Some(())
    }

    /// Fills the last byte up, and returns the number of bytes.
    pub(super) fn finish(mut self) -> usize {
        let mut bit = false;
        while !self.at.is_multiple_of(8) {
            self.put(bit);
            bit = true;
        }
        self.at / 8
    }

    fn put(&mut self, bit: bool) {
        let (byte, mask) = (self.at / 8, 0x80 >> (self.at % 8));
        let old = self.out[byte] & !mask;
        self.out[byte] = if bit { old | mask } else { old };
        self.at += 1;
    }
}

/// So many bits from a place on, at most 16; none beyond the end.
fn bits(bytes: &[u8], start: usize, count: usize) -> Option<usize> {
    let bit = |at: usize| Some(usize::from(bytes.get(at / 8)? >> (7 - at % 8) & 1));
    (start..start + count).try_fold(0, |sum, at| Some(sum << 1 | bit(at)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_of_g723_tell_their_length() {
        let payload = [[0_u8; 24].as_slice(), &[1; 20], &[2; 4], &[3]].concat();
        assert_eq!(g723(&payload).map(<[u8]>::len).collect::<Vec<_>>(), [24, 20, 4, 1]);
        assert_eq!(g723(&payload[..23]).count(), 0, "torn");
        assert_eq!(g723(&[3; 100]).count(), FRAMES_MAX);
        assert_eq!(g723(&[]).count(), 0);
    }

    #[test]
    fn frames_of_gsm_have_one_length() {
        assert_eq!(gsm(&[0; 66]).count(), 2);
        assert_eq!(gsm(&[0; 65]).count(), 1, "torn");
        assert_eq!(gsm(&[0; 1500]).count(), FRAMES_MAX);
    }

    #[test]
    fn frames_of_speex_join_bit_by_bit_and_end_with_a_terminator() {
        // Mode 8 has 79 bits, mode 1 has 43: 122 and six more.
        let (mut out, mut first, mut second) = ([0xaa; 20], [0; 10], [0xff; 6]);
        (first[0], second[0]) = (0b0100_0000, 0b0000_1111);
        let mut joiner = SpeexJoiner::new(&mut out);
        assert_eq!(joiner.push(&first, 0..79), Some(()));
        assert_eq!(joiner.push(&second, 0..43), Some(()));
        let len = joiner.finish();
        assert_eq!(len, 16);
        let frames: Vec<_> = speex(&out[..len], Octaves(0)).collect();
        assert_eq!(frames, [0..79, 79..122]);
        assert_eq!(bits(&out, 79, 5), Some(1));
        assert_eq!(bits(&out, 122, 6), Some(0b01_1111));
        let mut room = [0; 9];
        assert_eq!(SpeexJoiner::new(&mut room).push(&first, 0..79), None, "no room");
        assert_eq!(speex(&out[..15], Octaves(0)).count(), 1, "torn");
    }

    #[test]
    fn a_frame_of_speex_may_come_without_its_upper_octaves() {
        // Mode 1 of the narrow band, then 1 and submode 1: 36 bits more.
        let mut wide = [0_u8; 10];
        wide[0] = 0b0000_1000;
        wide[5] = 0b0001_0010; // bits 43 to 46: 1001
        assert_eq!(speex_frame_bits(&wide, 0, Octaves(1)), Some(79));
        assert_eq!(speex_frame_bits(&wide, 0, Octaves(0)), Some(43));
        assert_eq!(speex_frame_bits(&[0b0000_1000; 6], 0, Octaves(1)), Some(43));
    }

    proptest! {
        #[test]
        fn no_payload_makes_the_packing_panic(
            payload in prop::collection::vec(any::<u8>(), 0..300), octaves in 0..3_usize,
        ) {
            prop_assert!(g723(&payload).map(<[u8]>::len).sum::<usize>() <= payload.len());
            let mut room = [0; 40];
            let mut joiner = SpeexJoiner::new(&mut room);
            for frame in speex(&payload, Octaves(octaves)) {
                prop_assert!(frame.end <= payload.len() * 8);
                let _ = joiner.push(&payload, frame);
            }
            prop_assert!(joiner.finish() <= 40);
        }
    }
}
