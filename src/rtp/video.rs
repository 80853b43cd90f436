//! Coded pictures out of packets and into packets, in every payload format that is converted.
//!
//! ```text
//!   packets in order ──▶ Depacketiser ──▶ AccessUnit, one picture      what is missing is said, and
//!   coded picture ─────▶ Packetiser ────▶ payloads, the last one named  nothing is ever glued
//! ```
//!
//! A coded picture is a byte stream with start codes for H.264 and H.265 (annex B), for all others the
//! codec's own bit stream.

use super::h264::Mode;
use super::{h261, h263, h264, h265, is_later, vp8};

/// The longest coded picture that is put together, in bytes.
pub const UNIT_MAX: usize = 1 << 20;
/// What stands in front of every unit of a byte stream.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// How pictures are packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PictureFormat {
    /// RFC 6184; the mode is that of the receiver.
    H264 {
        /// What the receiver understands.
        mode: Mode,
    },
    /// RFC 7798.
    H265,
    /// RFC 2190.
    H263,
    /// RFC 4629.
    H263Plus,
    /// RFC 4587.
    H261,
    /// RFC 7741.
    Vp8,
}

/// One coded picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AccessUnit<'a> {
    /// Of its packets.
    pub timestamp: u32,
    /// Whether a decoder can begin here.
    pub key_frame: bool,
    /// Whether nothing is missing in front of it or in it.
    pub intact: bool,
    /// The picture.
    pub bytes: &'a [u8],
}

/// Puts pictures together. Its memory is that of one picture.
#[derive(Debug)]
pub struct Depacketiser {
    format: PictureFormat,
    unit: Vec<u8>,
    timestamp: u32,
    key_frame: bool,
    intact: bool,
    /// VP8: what follows belongs to a picture that lost its beginning.
    headless: bool,
    next: Option<u16>,
    h264: h264::Reassembly,
    h265: h265::Reassembly,
    /// H.263 and H.261: bits of the last byte that the next payload completes.
    open_bits: u8,
}

impl Depacketiser {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(format: PictureFormat) -> Self {
        Self {
            format,
            unit: Vec::new(),
            timestamp: 0,
            key_frame: false,
            intact: true,
            headless: false,
            next: None,
            h264: h264::Reassembly::default(),
            h265: h265::Reassembly::default(),
            open_bits: 0,
        }
    }

    /// Takes the packets in the order of their numbers and hands out each picture that is now
    /// complete: at its marker, or, where that was lost, when the next picture begins.
    pub fn take(
        &mut self,
        sequence: u16,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
        whole: &mut dyn FnMut(AccessUnit<'_>),
    ) {
        let gap = match self.next {
            Some(next) if next == sequence => false,
            // A late one is of a picture that went out.
            Some(next) if is_later(next, sequence) => return,
            other => other.is_some(),
        };
        self.next = Some(sequence.wrapping_add(1));
        if timestamp != self.timestamp {
            self.hand_out(whole);
        }
        self.timestamp = timestamp;
        self.intact &= !gap;
        self.add(sequence, gap, payload);
        if marker {
            self.hand_out(whole);
        }
    }

    fn add(&mut self, sequence: u16, gap: bool, payload: &[u8]) {
        match self.format {
            PictureFormat::H264 { .. } => {
                let (unit, key_frame) = (&mut self.unit, &mut self.key_frame);
                self.h264.take(sequence, payload, |nal| {
                    let kind = nal.first().map_or(0, |header| header & 0x1f);
                    *key_frame |= matches!(kind, h264::IDR_SLICE | h264::SEQUENCE_PARAMETERS);
                    append(unit, nal);
                });
            }
            PictureFormat::H265 => {
                let (unit, key_frame) = (&mut self.unit, &mut self.key_frame);
                self.h265.take(sequence, payload, |nal| {
                    *key_frame |= h265::begins_key_frame(nal);
                    append(unit, nal);
                });
            }
            PictureFormat::Vp8 => self.add_vp8(gap, payload),
            PictureFormat::H263 => {
                self.key_frame |= h263::begins_key_frame(payload);
                if let Some(piece) = h263::read(payload) {
                    self.join(piece.bytes, piece.skip_bits, piece.spare_bits);
                }
            }
            PictureFormat::H263Plus => {
                self.key_frame |= h263::begins_key_frame_plus(payload);
                if let Some((zeros, bytes)) = h263::read_plus(payload) {
                    self.unit.extend_from_slice(zeros);
                    self.unit.extend_from_slice(bytes);
                }
            }
            PictureFormat::H261 => {
                if let Some(piece) = h261::read(payload) {
                    // Its pictures are renewed block by block: a decoder can begin anywhere.
                    self.key_frame = true;
                    self.join(piece.bytes, piece.skip_bits, piece.spare_bits);
                }
            }
        }
        if self.unit.len() > UNIT_MAX {
            self.unit.clear();
            self.intact = false;
        }
    }

    /// A picture of VP8 that lacks a packet is of no use to a decoder.
    fn add_vp8(&mut self, gap: bool, payload: &[u8]) {
        let Some(descriptor) = vp8::Descriptor::read(payload) else {
            self.intact = false;
            return;
        };
        if descriptor.begins_frame() {
            self.unit.clear();
            self.headless = false;
            self.key_frame = vp8::begins_key_frame(payload);
        } else if gap || self.unit.is_empty() {
            self.unit.clear();
            self.headless = true;
        }
        if !self.headless {
            self.unit.extend_from_slice(&payload[descriptor.len..]);
        }
    }

    /// Appends a piece whose first byte may share its bits with the last byte so far.
    fn join(&mut self, bytes: &[u8], skip_bits: u8, spare_bits: u8) {
        let [first, rest @ ..] = bytes else { return };
        match self.unit.last_mut() {
            Some(last) if skip_bits > 0 && self.open_bits == 8 - skip_bits => {
                *last = *last & !(0xff >> skip_bits) | first & (0xff >> skip_bits);
            }
            Some(_) | None => self.unit.push(first & (0xff >> skip_bits)),
        }
        self.unit.extend_from_slice(rest);
        self.open_bits = spare_bits;
    }

    fn hand_out(&mut self, whole: &mut dyn FnMut(AccessUnit<'_>)) {
        if !self.unit.is_empty() {
            whole(AccessUnit {
                timestamp: self.timestamp,
                key_frame: self.key_frame,
                intact: self.intact,
                bytes: &self.unit,
            });
            self.intact = true;
        }
        self.unit.clear();
        self.key_frame = false;
        self.open_bits = 0;
    }
}

fn append(unit: &mut Vec<u8>, nal: &[u8]) {
    unit.extend_from_slice(&START_CODE);
    unit.extend_from_slice(nal);
}

/// Takes pictures apart.
#[derive(Debug)]
pub struct Packetiser {
    format: PictureFormat,
    payload_max: usize,
    payload: Vec<u8>,
    /// VP8: the number of the next picture, 15 bits.
    picture: u16,
}

impl Packetiser {
    /// Payloads of at most so many bytes, where the format can cut: what stands in one piece in
    /// packetization-mode 0 of H.264 or between two start codes of H.263 is left to IP to cut.
    #[must_use]
    pub fn new(format: PictureFormat, payload_max: usize) -> Self {
        Self { format, payload_max: payload_max.max(64), payload: Vec::new(), picture: 0 }
    }

    /// Hands out the payloads of one coded picture; the last one is named so, for the marker.
    pub fn packetise(&mut self, coded: &[u8], each: &mut dyn FnMut(&[u8], bool)) {
        let (payload, max) = (&mut self.payload, self.payload_max);
        match self.format {
            PictureFormat::H264 { mode } => {
                let mut nals = nal_units(coded).peekable();
                while let Some(nal) = nals.next() {
                    let mut pieces = h264::packetise(nal, mode, max).peekable();
                    while let Some(piece) = pieces.next() {
                        payload.clear();
                        piece.write(payload);
                        each(payload, pieces.peek().is_none() && nals.peek().is_none());
                    }
                }
            }
            PictureFormat::H265 => {
                let mut nals = nal_units(coded).peekable();
                while let Some(nal) = nals.next() {
                    let last = nals.peek().is_none();
                    h265::packetise(nal, max, payload, &mut |payload, end| {
                        each(payload, end && last)
                    });
                }
            }
            PictureFormat::Vp8 => {
                vp8::packetise(coded, self.picture, max, payload, each);
                self.picture = self.picture.wrapping_add(1) & 0x7fff;
            }
            PictureFormat::H263 => h263::packetise(coded, max, payload, each),
            PictureFormat::H263Plus => h263::packetise_plus(coded, max, payload, each),
            PictureFormat::H261 => h261::packetise(coded, max, payload, each),
        }
    }
}

/// The NAL units of a byte stream (annex B), without their start codes and the zeros between them.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        loop {
            let current = rest?;
            let end = start_code(current);
            rest = end.map(|at| &current[at + 3..]);
            let nal = &current[..end.unwrap_or(current.len())];
            let len = nal.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
            if len > 0 {
                return Some(&nal[..len]);
            }
        }
    })
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    start_code(stream).map(|at| &stream[at + 3..])
}

/// Where the next 00 00 01 begins.
fn start_code(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, &START_CODE[1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MODE_0: PictureFormat = PictureFormat::H264 { mode: Mode::Single };
    const MODE_1: PictureFormat = PictureFormat::H264 { mode: Mode::NonInterleaved };
    const ALL: [PictureFormat; 7] = [
        MODE_0,
        MODE_1,
        PictureFormat::H265,
        PictureFormat::H263,
        PictureFormat::H263Plus,
        PictureFormat::H261,
        PictureFormat::Vp8,
    ];

    /// A picture of this shape: start codes where the format has them, else as it comes.
    fn picture(format: PictureFormat, bytes: &[u8]) -> Vec<u8> {
        let filled = bytes.iter().map(|byte| byte | 1);
        match format {
            PictureFormat::H264 { .. } => [0, 0, 0, 1, 0x65].into_iter().chain(filled).collect(),
            PictureFormat::H265 => [0, 0, 0, 1, 19 << 1, 1].into_iter().chain(filled).collect(),
            PictureFormat::H263 | PictureFormat::H263Plus => {
                [0, 0, 0x80, 2, 8].into_iter().chain(filled).collect()
            }
            PictureFormat::H261 => [0, 1, 0].into_iter().chain(filled).collect(),
            PictureFormat::Vp8 => [0x10, 2, 0].into_iter().chain(filled).collect(),
        }
    }

    fn packets(format: PictureFormat, pictures: &[Vec<u8>]) -> Vec<(u16, u32, bool, Vec<u8>)> {
        let (mut packetiser, mut packets) = (Packetiser::new(format, 100), Vec::new());
        for (at, coded) in (1..).zip(pictures) {
            packetiser.packetise(coded, &mut |payload, last| {
                let sequence = (packets.len() as u16).wrapping_add(65_530);
                packets.push((sequence, at * 3000, last, payload.to_vec()));
            });
        }
        packets
    }

    fn units(
        format: PictureFormat,
        packets: &[(u16, u32, bool, Vec<u8>)],
    ) -> Vec<(bool, bool, Vec<u8>)> {
        let (mut depacketiser, mut units) = (Depacketiser::new(format), Vec::new());
        for (sequence, timestamp, marker, payload) in packets {
            depacketiser.take(*sequence, *timestamp, *marker, payload, &mut |unit| {
                units.push((unit.key_frame, unit.intact, unit.bytes.to_vec()));
            });
        }
        units
    }

    #[test]
    fn a_lost_marker_ends_its_picture_when_the_next_one_begins() {
        for format in ALL {
            let pictures = [picture(format, &[3; 500]), picture(format, &[5; 500])];
            let mut packets = packets(format, &pictures);
            packets.iter_mut().filter(|p| p.1 == 3000).for_each(|packet| packet.2 = false);
            let units = units(format, &packets);
            assert_eq!(
                units.iter().map(|u| &u.2).collect::<Vec<_>>(),
                pictures.each_ref(),
                "{format:?}"
            );
            assert!(units.iter().all(|unit| unit.0 && unit.1), "{format:?}");
        }
    }

    #[test]
    fn a_lost_packet_is_said_and_the_next_picture_is_whole_again() {
        for format in ALL {
            let pictures: Vec<_> = (1..4).map(|n| picture(format, &[n * 2; 500])).collect();
            let mut packets = packets(format, &pictures);
            let Some(lost) = packets.iter().position(|packet| packet.1 == 6000) else { panic!() };
            packets.remove(lost);
            let units = units(format, &packets);
            assert_eq!(
                units.last().unwrap(),
                &(true, units.len() == 3, pictures[2].clone()),
                "{format:?}"
            );
            assert!(units.iter().filter(|unit| !unit.1).count() == 1, "{format:?}");
        }
    }

    #[test]
    fn whole_units_stay_whole_and_vp8_counts_its_pictures() {
        let long = picture(MODE_0, &[9; 5000]);
        assert_eq!(packets(MODE_0, std::slice::from_ref(&long)).len(), 1);
        let pictures = vec![picture(PictureFormat::Vp8, &[9; 10]); 3];
        let numbers: Vec<_> = packets(PictureFormat::Vp8, &pictures)
            .iter()
            .map(|packet| vp8::Descriptor::read(&packet.3).unwrap().picture_id.unwrap().value)
            .collect();
        assert_eq!(numbers, [0, 1, 2]);
    }

    #[test]
    fn units_of_a_byte_stream_are_found_by_either_start_code() {
        let stream = [&[0, 0, 1, 0x67, 1][..], &[0, 0, 0, 1, 0x68, 2, 0, 0], &[0, 0, 1, 0x65, 3]];
        let nals: Vec<_> = nal_units(&stream.concat()).map(<[u8]>::to_vec).collect();
        assert_eq!(nals, [vec![0x67, 1], vec![0x68, 2], vec![0x65, 3]]);
        assert_eq!(nal_units(&[1, 2, 3]).count(), 0);
    }

    proptest! {
        #[test]
        fn whatever_is_taken_apart_is_put_together_again(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 3..700), 1..6),
        ) {
            for format in ALL {
                let pictures: Vec<_> = bodies.iter().map(|body| picture(format, body)).collect();
                let units = units(format, &packets(format, &pictures));
                let bytes: Vec<_> = units.into_iter().map(|unit| unit.2).collect();
                prop_assert_eq!(&bytes, &pictures, "{:?}", format);
            }
        }

        #[test]
        fn no_packets_make_it_panic(
            packets in prop::collection::vec(
                (0_u16..6, 0_u32..3, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..30),
        ) {
            for format in ALL {
                let mut packetiser = Packetiser::new(format, 0);
                for (_, _, bytes) in units(format, &packets) {
                    packetiser.packetise(&bytes, &mut |payload, _| assert!(!payload.is_empty()));
                }
            }
        }
    }
}
