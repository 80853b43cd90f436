//! H.264 of [mosaics](Mosaic) without a codec library: constrained baseline, for hold pictures and
//! for demonstrations.
//!
//! A macroblock says by how much its colour differs from that of the macroblock above or to the left: one
//! coefficient each of luma and the two differences, and none where they are equal, in 8 bits. A
//! picture like the one before costs six bytes: skip all. Slices are short enough for a packet, so
//! that packetization mode 0 needs no fragments.
//!
//! The quantisers are such that a coefficient of 1 is a difference of 1 in every point (§8.5.10,
//! §8.5.11): at QP 28 the scale is 16 · 16 / 4 = 64, which the final rounding by 64 undoes, and so
//! it is for the colour differences at QP 22, whose transform is half as deep.

use super::bits::{BitReader, BitWriter};
use super::mosaic::{Colour, Mosaic};

/// The longest slice in bytes: one packet with all headers.
pub const SLICE_MAX: usize = 1100;

const SEQUENCE_PARAMETERS: u8 = 0x67;
const PICTURE_PARAMETERS: u8 = 0x68;
const IDR_SLICE: u8 = 0x65;
const SKIPPING_SLICE: u8 = 0x41;
/// `log2_max_frame_num`.
const FRAME_NUMBER_BITS: u32 = 8;
/// `slice_qp_delta`, as `se(v)` maps it: QP 26 + 2.
const QUANTISER: u32 = 3;
/// `chroma_qp_index_offset`, as `se(v)` maps it: -6.
const CHROMA_QUANTISER: u32 = 12;
/// More than one macroblock, its stop bit and the escapes of its slice need.
const SQUARE_MAX: usize = 40;
/// What a macroblock differs from that has no neighbour.
const GREY: Colour = Colour { y: 128, cb: 128, cr: 128 };

/// Pictures one after another: what an encoder would be.
#[derive(Clone, Debug)]
pub struct MosaicStream {
    mosaic: Mosaic,
    frame_number: u32,
    key_frames: u32,
    key_frame_due: bool,
}

impl MosaicStream {
    /// A stream that begins with a key frame of this picture.
    #[must_use]
    pub fn new(mosaic: Mosaic) -> Self {
        Self { mosaic, frame_number: 0, key_frames: 0, key_frame_due: true }
    }

    /// Shows another picture from the next one on, beginning with a key frame.
    pub fn show(&mut self, mosaic: Mosaic) {
        if mosaic != self.mosaic {
            self.mosaic = mosaic;
            self.key_frame_due = true;
        }
    }

    /// Makes the next picture a key frame, as a receiver asked.
    pub fn request_key_frame(&mut self) {
        self.key_frame_due = true;
    }

    /// The NAL units of the next picture, for one RTP timestamp; a key frame with its parameter sets.
    #[must_use]
    pub fn next_frame(&mut self) -> Vec<Vec<u8>> {
        if self.key_frame_due {
            self.key_frame_due = false;
            self.frame_number = 0;
            self.key_frames = self.key_frames.wrapping_add(1);
            let mut nals = parameter_sets(&self.mosaic);
            slices(&self.mosaic, self.key_frames & 1, &mut nals);
            return nals;
        }
        self.frame_number = (self.frame_number + 1) % (1 << FRAME_NUMBER_BITS);
        vec![skipping_slice(&self.mosaic, self.frame_number)]
    }
}

/// The colour of the upper left macroblock in a key frame that [`MosaicStream`] made; none for all else, be it
/// another slice, another encoder's picture, or noise.
#[must_use]
pub fn read_plain_colour(nal: &[u8]) -> Option<Colour> {
    if nal.first() != Some(&IDR_SLICE) {
        return None;
    }
    let mut bits = BitReader::new(nal, SQUARE_MAX);
    let mut fields = || Some([bits.take_ue()?, bits.take_ue()?, bits.take_ue()?]);
    let start = fields()?;
    let frame_number = bits.take(FRAME_NUMBER_BITS)?;
    let _key_frame = bits.take_ue()?;
    let marking = bits.take(2)?;
    let mut fields = || Some([bits.take_ue()?, bits.take_ue()?]);
    let (quantiser, macroblock) = (fields()?, fields()?);
    let square_quantiser = bits.take_ue()?;
    let header = (start, frame_number, marking, quantiser, square_quantiser);
    if header != ([0, 7, 0], 0, 0, [QUANTISER, 1], 0) {
        return None;
    }
    // Leaning on nothing (mode 2), with or without coefficients of the colour differences.
    let coloured = match macroblock {
        [3, 0] => false,
        [7, 0] => true,
        _another_kind => return None,
    };
    let part = |difference: i32| u8::try_from(128 + difference).ok();
    let y = part(take_level(&mut bits, DcBlock::Luma)?)?;
    let mut chroma =
        || if coloured { part(take_level(&mut bits, DcBlock::Chroma)?) } else { Some(128) };
    Some(Colour { y, cb: chroma()?, cr: chroma()? })
}

/// Ten times the lowest level that allows pictures of this size 15 times a second (table A-1).
fn level(macroblocks: usize) -> u32 {
    match macroblocks {
        0..=99 => 10,
        100..=396 => 12,
        397.. => 31,
    }
}

/// §7.3.2.1 and §7.3.2.2.
fn parameter_sets(mosaic: &Mosaic) -> Vec<Vec<u8>> {
    let mut sps = BitWriter::default();
    // Profile 66 with constraints 0 and 1: constrained baseline.
    sps.put(66, 8);
    sps.put(0b1100_0000, 8);
    sps.put(level(mosaic.width() * mosaic.height()), 8);
    sps.put_ue(0);
    sps.put_ue(FRAME_NUMBER_BITS - 4);
    // Pictures come in the order in which they are shown; one is kept to refer to; no gaps.
    sps.put_ue(2);
    sps.put_ue(1);
    sps.put(0, 1);
    sps.put_ue(mosaic.width() as u32 - 1);
    sps.put_ue(mosaic.height() as u32 - 1);
    // Frames, no fields; 8x8 inference; no cropping; no VUI.
    sps.put(0b1100, 4);

    let mut pps = BitWriter::default();
    pps.put_ue(0);
    pps.put_ue(0);
    // CAVLC; no order for fields; one slice group; one reference in each list.
    pps.put(0b00, 2);
    pps.put_ue(0);
    pps.put_ue(0);
    pps.put_ue(0);
    // No weights; quantisers begin at 26.
    pps.put(0b000, 3);
    pps.put_ue(0);
    pps.put_ue(0);
    pps.put_ue(CHROMA_QUANTISER);
    // Slices tell how they are filtered; intra may lean on inter; no redundant pictures.
    pps.put(0b100, 3);
    vec![sps.into_nal(SEQUENCE_PARAMETERS), pps.into_nal(PICTURE_PARAMETERS)]
}

/// The key frame, cut where a slice grows too long.
fn slices(mosaic: &Mosaic, key_frame: u32, nals: &mut Vec<Vec<u8>>) {
    let total = mosaic.width() * mosaic.height();
    let mut first = 0;
    while first < total {
        let mut bits = slice_header(first as u32, key_frame);
        let mut at = first;
        while at < total && bits.len() + SQUARE_MAX < SLICE_MAX {
            put_square(&mut bits, mosaic, first, at);
            at += 1;
        }
        nals.push(bits.into_nal(IDR_SLICE));
        first = at;
    }
}

/// §7.3.3, for an I slice of an IDR picture.
fn slice_header(first_square: u32, key_frame: u32) -> BitWriter {
    let mut bits = BitWriter::default();
    bits.put_ue(first_square);
    bits.put_ue(7);
    bits.put_ue(0);
    bits.put(0, FRAME_NUMBER_BITS);
    bits.put_ue(key_frame);
    bits.put(0b00, 2);
    bits.put_ue(QUANTISER);
    // No filter: the edges of macroblocks stay sharp.
    bits.put_ue(1);
    bits
}

/// §7.3.5: one macroblock, Intra 16x16 with DC coefficients only.
fn put_square(bits: &mut BitWriter, mosaic: &Mosaic, first: usize, at: usize) {
    let width = mosaic.width();
    let colour_at = |at: usize| mosaic.at(at % width, at / width);
    let colour = colour_at(at);
    // Only macroblocks of the same slice can be leant on (§6.4.9).
    let above = (at >= first + width).then(|| colour_at(at - width));
    let left = (at > first && !at.is_multiple_of(width)).then(|| colour_at(at - 1));
    // The modes of luma and of the colour differences count differently (§8.3.3, §8.3.4).
    let (luma_mode, chroma_mode, base) = match (above, left) {
        (Some(above), left) if above == colour || left != Some(colour) => (0, 2, above),
        (_, Some(left)) => (1, 1, left),
        (_, None) => (2, 0, GREY),
    };
    let difference = |new: u8, old: u8| i32::from(new) - i32::from(old);
    let (cb, cr) = (difference(colour.cb, base.cb), difference(colour.cr, base.cr));
    let coloured = (cb, cr) != (0, 0);
    bits.put_ue(1 + luma_mode + if coloured { 4 } else { 0 });
    bits.put_ue(chroma_mode);
    // The quantiser stays.
    bits.put_ue(0);
    put_level(bits, DcBlock::Luma, difference(colour.y, base.y));
    if coloured {
        put_level(bits, DcBlock::Chroma, cb);
        put_level(bits, DcBlock::Chroma, cr);
    }
}

/// A block of DC coefficients, of which only the first may differ from 0.
#[derive(Clone, Copy, Debug)]
enum DcBlock {
    /// 16 of them. The neighbours of a macroblock here never have AC coefficients, so nC is 0.
    Luma,
    /// 4 of them; nC is -1.
    Chroma,
}

impl DcBlock {
    /// Codes and their lengths for no coefficient, one of ±1, and another one (table 9-5).
    fn tokens(self) -> [(u32, u32); 3] {
        match self {
            Self::Luma => [(0b1, 1), (0b01, 2), (0b00_0101, 6)],
            Self::Chroma => [(0b01, 2), (0b1, 1), (0b00_0111, 6)],
        }
    }
}

/// §9.2: the level, and that no zeros stand before it.
fn put_level(bits: &mut BitWriter, block: DcBlock, level: i32) {
    let [none, one, other] = block.tokens();
    let (code, len) = match level {
        0 => return bits.put(none.0, none.1),
        1 | -1 => one,
        _larger => other,
    };
    bits.put(code, len);
    if level.abs() == 1 {
        bits.put(u32::from(level < 0), 1);
    } else {
        // §9.2.2.1; ±1 are not among these levels, so that they count from ±2.
        let code = 2 * level.unsigned_abs() - 4 + u32::from(level < 0);
        match code {
            0..14 => bits.put(1, code + 1),
            14..30 => bits.put(1 << 4 | (code - 14), 15 + 4),
            30.. => bits.put(1 << 12 | (code - 30), 16 + 12),
        }
    }
    bits.put(1, 1);
}

/// Reads what [`put_level`] wrote.
fn take_level(bits: &mut BitReader, block: DcBlock) -> Option<i32> {
    let (mut code, mut len) = (0, 0);
    let token = loop {
        code = code << 1 | bits.take(1)?;
        len += 1;
        if let Some(token) = block.tokens().iter().position(|token| *token == (code, len)) {
            break token;
        }
        if len == 6 {
            return None;
        }
    };
    let level = match token {
        0 => return Some(0),
        1 => 1 - 2 * bits.take(1)?.cast_signed(),
        _larger => {
            let mut prefix = 0;
            while bits.take(1)? == 0 {
                prefix += 1;
            }
            let code = match prefix {
                0..14 => prefix,
                14 => 14 + bits.take(4)?,
                15 => 30 + bits.take(12)?,
                16.. => return None,
            };
            let size = (code / 2 + 2).cast_signed();
            if code & 1 == 1 { -size } else { size }
        }
    };
    (bits.take(1)? == 1).then_some(level)
}

/// A P slice in which every macroblock is as it was.
fn skipping_slice(mosaic: &Mosaic, frame_number: u32) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.put_ue(0);
    bits.put_ue(5);
    bits.put_ue(0);
    bits.put(frame_number, FRAME_NUMBER_BITS);
    // References neither counted anew nor reordered; no marking.
    bits.put(0b000, 3);
    bits.put_ue(QUANTISER);
    bits.put_ue(1);
    bits.put_ue((mosaic.width() * mosaic.height()) as u32);
    bits.into_nal(SKIPPING_SLICE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RED: Colour = Colour { y: 82, cb: 90, cr: 240 };
    const BLUE: Colour = Colour { y: 41, cb: 240, cr: 110 };

    #[test]
    fn a_plain_picture_is_one_packet_and_its_colour_reads_back() {
        let mut stream = MosaicStream::new(Mosaic::plain(22, 18, RED));
        let nals = stream.next_frame();
        assert_eq!(nals.iter().map(|nal| nal[0]).collect::<Vec<_>>(), [0x67, 0x68, 0x65]);
        assert!(nals[2].len() < 500, "{}", nals[2].len());
        assert_eq!(read_plain_colour(&nals[2]), Some(RED));
        assert_eq!(read_plain_colour(&nals[0]), None);
    }

    #[test]
    fn pictures_between_key_frames_cost_next_to_nothing() {
        let mut stream = MosaicStream::new(Mosaic::plain(11, 9, RED));
        let _ = stream.next_frame();
        for _ in 0..300 {
            let nals = stream.next_frame();
            assert!(nals.len() == 1 && nals[0].len() < 10);
            assert_eq!(read_plain_colour(&nals[0]), None);
        }
        stream.request_key_frame();
        assert_eq!(stream.next_frame().len(), 3);
        stream.show(Mosaic::plain(11, 9, RED));
        assert_eq!(stream.next_frame().len(), 1, "the same picture needs no key frame");
        stream.show(Mosaic::plain(11, 9, BLUE));
        assert_eq!(stream.next_frame().last().and_then(|nal| read_plain_colour(nal)), Some(BLUE));
    }

    #[test]
    fn two_key_frames_in_a_row_are_numbered_apart() {
        let mut stream = MosaicStream::new(Mosaic::plain(11, 9, RED));
        let first = stream.next_frame();
        stream.request_key_frame();
        assert_ne!(first[2], stream.next_frame()[2]);
    }

    #[test]
    fn no_slice_of_a_number_is_longer_than_a_packet() {
        for number in [0, 1, 42, 888] {
            let mosaic = Mosaic::plain(22, 18, BLUE).with_number(number, RED);
            let nals = MosaicStream::new(mosaic).next_frame();
            assert!(nals.iter().all(|nal| nal.len() <= SLICE_MAX), "{number}");
            assert!(nals.iter().map(Vec::len).sum::<usize>() < 2500, "{number}");
        }
    }

    #[test]
    fn another_encoders_picture_has_no_plain_colour() {
        for nal in [&[][..], &[0x65], &[0x65, 0x88, 0x84, 0, 0x33, 0xff], &[0x65; 700]] {
            assert_eq!(read_plain_colour(nal), None);
        }
    }

    proptest! {
        #[test]
        fn every_colour_reads_back(y in 1_u8..=254, cb in 1_u8..=254, cr in 1_u8..=254) {
            let colour = Colour { y, cb, cr };
            let nals = MosaicStream::new(Mosaic::plain(3, 2, colour)).next_frame();
            prop_assert_eq!(read_plain_colour(&nals[2]), Some(colour));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(rest in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read_plain_colour(&[&[0x65], &rest[..]].concat());
        }
    }
}
