//! The 80 bits of a frame of speech (§3, table 8) and the 15 of a frame of comfort noise (B.4.3), the
//! highest bit of each number first.

use super::{FRAME_BYTES, NOISE_BYTES};

/// A frame of speech.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Speech {
    pub(super) lsp: LspCode,
    pub(super) halves: [HalfCode; 2],
    /// Whether the parity bit P0 fits the first pitch code.
    pub(super) pitch_intact: bool,
}

/// The spectrum of a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct LspCode {
    /// L0, 1 bit: which predictor.
    pub(super) predictor: u8,
    /// L1, 7 bits.
    pub(super) first: u8,
    /// L2, 5 bits.
    pub(super) low: u8,
    /// L3, 5 bits.
    pub(super) high: u8,
}

/// The excitation of half a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct HalfCode {
    /// P1 of 8 bits, or P2 of 5.
    pub(super) pitch: u8,
    /// C, 13 bits: where the pulses are.
    pub(super) places: u16,
    /// S, 4 bits: which of them are positive.
    pub(super) signs: u8,
    /// GA, 3 bits.
    pub(super) gain_first: u8,
    /// GB, 4 bits.
    pub(super) gain_second: u8,
}

/// A frame of comfort noise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NoiseFrame {
    /// 1 bit: which predictor.
    pub(super) predictor: u8,
    /// 5 bits.
    pub(super) first: u8,
    /// 4 bits.
    pub(super) second: u8,
    /// 5 bits.
    pub(super) gain: u8,
}

impl Speech {
    /// Every pattern of bits is a frame.
    pub(super) fn unpack(bytes: [u8; FRAME_BYTES]) -> Self {
        let mut bits = FrameBits::of(&bytes);
        let lsp = LspCode {
            predictor: bits.take(1),
            first: bits.take(7),
            low: bits.take(5),
            high: bits.take(5),
        };
        let pitch = bits.take(8);
        let pitch_intact = bits.take(1) == parity(pitch);
        let first = HalfCode::unpack(pitch, &mut bits);
        let pitch = bits.take(5);
        let second = HalfCode::unpack(pitch, &mut bits);
        Self { lsp, halves: [first, second], pitch_intact }
    }

    /// The parity bit comes out right, whatever `pitch_intact` says.
    pub(super) fn pack(&self) -> [u8; FRAME_BYTES] {
        let (lsp, [first, second]) = (&self.lsp, &self.halves);
        let mut bits = FrameBits::default();
        for (value, len) in [(lsp.predictor, 1), (lsp.first, 7), (lsp.low, 5), (lsp.high, 5)] {
            bits.put(value.into(), len);
        }
        bits.put(first.pitch.into(), 8);
        bits.put(parity(first.pitch).into(), 1);
        first.pack(&mut bits);
        bits.put(second.pitch.into(), 5);
        second.pack(&mut bits);
        bits.bytes()
    }
}

impl HalfCode {
    fn unpack(pitch: u8, bits: &mut FrameBits) -> Self {
        Self {
            pitch,
            places: u16::from(bits.take(5)) << 8 | u16::from(bits.take(8)),
            signs: bits.take(4),
            gain_first: bits.take(3),
            gain_second: bits.take(4),
        }
    }

    fn pack(&self, bits: &mut FrameBits) {
        bits.put(self.places, 13);
        for (value, len) in [(self.signs, 4), (self.gain_first, 3), (self.gain_second, 4)] {
            bits.put(value.into(), len);
        }
    }
}

impl NoiseFrame {
    pub(super) fn unpack(bytes: [u8; NOISE_BYTES]) -> Self {
        let mut bits = FrameBits::of(&bytes);
        Self {
            predictor: bits.take(1),
            first: bits.take(5),
            second: bits.take(4),
            gain: bits.take(5),
        }
    }
}

/// The bits to come, or those so far, from the top down.
#[derive(Default)]
struct FrameBits {
    word: u128,
    len: u32,
}

impl FrameBits {
    fn of(bytes: &[u8]) -> Self {
        let word = bytes.iter().fold(0, |word, byte| word << 8 | u128::from(*byte));
        Self { word, len: bytes.len() as u32 * 8 }
    }

    /// The next `len` bits, 8 at most.
    fn take(&mut self, len: u32) -> u8 {
        self.len -= len;
        (self.word >> self.len) as u8 & (0xff >> (8 - len))
    }

    fn put(&mut self, value: u16, len: u32) {
        self.word = self.word << len | u128::from(value);
    }

    fn bytes(&self) -> [u8; FRAME_BYTES] {
        let all = self.word.to_be_bytes();
        std::array::from_fn(|at| all[all.len() - FRAME_BYTES + at])
    }
}

/// P0: makes the number of ones among the six highest bits and itself odd (§3.7.2).
fn parity(pitch: u8) -> u8 {
    ((pitch >> 2).count_ones() as u8 & 1) ^ 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_frame_is_packed_as_it_was_unpacked(bytes: [u8; FRAME_BYTES]) {
            let speech = Speech::unpack(bytes);
            let packed = speech.pack();
            if speech.pitch_intact {
                prop_assert_eq!(packed, bytes);
            } else {
                let mut corrected = bytes;
                corrected[3] ^= 0x20;
                prop_assert_eq!(packed, corrected, "only P0, the 27th bit, differs");
            }
        }
    }

    #[test]
    fn each_number_lies_at_its_bits() {
        let frame = Speech::unpack([
            0b1000_0001,
            0b0000_1000,
            0b0100_0000,
            0b1100_0000,
            1,
            0,
            0,
            0,
            0,
            0x8f,
        ]);
        assert_eq!(frame.lsp, LspCode { predictor: 1, first: 1, low: 1, high: 1 });
        assert_eq!((frame.halves[0].pitch, frame.halves[0].places), (3, 1));
        assert_eq!((frame.halves[1].gain_first, frame.halves[1].gain_second), (0, 15));
        assert!(!frame.pitch_intact, "no ones and P0 is 0");
        let noise = NoiseFrame::unpack([0b1000_0100, 0b0100_0010]);
        assert_eq!(noise, NoiseFrame { predictor: 1, first: 1, second: 1, gain: 1 });
    }
}
