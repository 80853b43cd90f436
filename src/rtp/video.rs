//! Coded pictures out of packets and into packets, in every payload format that is converted.
//!
//! ```text
//!   packets in order ──▶ Depacketiser ──▶ AccessUnit, one picture      what is missing is said, and
//!   coded picture ─────▶ Packetiser ────▶ payloads, the last one named  nothing is ever glued
//! ```
//!
//! A coded picture is a byte stream with start codes for H.264 and H.265 (annex B), for all others the
//! codec's own bit stream.

use super::h264::PacketizationMode;
use super::piece::{FramePiece, Start};
use super::{h261, h263, h264, h265, later_by, vp8};

/// The longest coded picture that is put together, in bytes.
pub const UNIT_MAX: usize = 1 << 20;
/// A packet that is less far behind the others is late; further behind begins a new count
/// (RFC 3550 A.1).
const LATE_MAX: i16 = 100;
/// What stands in front of every unit of a byte stream.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// How pictures are packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PictureFormat {
    /// RFC 6184; the mode is that of the receiver.
    H264 {
        /// What the receiver understands.
        mode: PacketizationMode,
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
    unpacking: Unpacking,
    unit: Vec<u8>,
    timestamp: u32,
    key_frame: bool,
    intact: bool,
    /// What a payload has to begin with, so that it is of use.
    wanted: Start,
    next: Option<u16>,
    /// Counts the payloads, and rises by one more where something is missing between two.
    count: u16,
}

/// What a format needs to remember from payload to payload.
#[derive(Debug)]
enum Unpacking {
    H264(h264::H264Reassembly),
    H265(h265::H265Reassembly),
    Vp8,
    Bits {
        read: fn(&[u8]) -> Option<FramePiece<'_>>,
        begins_key_frame: fn(&[u8]) -> bool,
        /// Of the last byte, which the next payload completes.
        spare_bits: u8,
    },
}

impl Depacketiser {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(format: PictureFormat) -> Self {
        let unpacking = Unpacking::of(format);
        let wanted = unpacking.first_start();
        Self {
            unpacking,
            unit: Vec::new(),
            timestamp: 0,
            key_frame: false,
            intact: true,
            wanted,
            next: None,
            count: 0,
        }
    }

    /// Takes the packets in the order of their numbers and hands out each picture that is now
    /// complete: at its marker, or, where that was lost, when the next picture begins. A packet that
    /// comes late is left out; far behind all others it begins anew. One without a payload is padding
    /// alone: nothing is missing in its place.
    pub fn take(
        &mut self,
        sequence: u16,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
        whole: &mut dyn FnMut(AccessUnit<'_>),
    ) {
        let gap = match self.next.map(|next| later_by(sequence, next)) {
            Some(0) | None => false,
            // It is of a picture that went out.
            Some(behind) if (-LATE_MAX..0).contains(&behind) => return,
            Some(_) => true,
        };
        if payload.is_empty() {
            // Behind a gap the next payload shows what is missing.
            self.next = self.next.filter(|_| gap).or(Some(sequence.wrapping_add(1)));
            return;
        }
        self.next = Some(sequence.wrapping_add(1));
        self.count = self.count.wrapping_add(1 + u16::from(gap));
        if timestamp != self.timestamp {
            if gap {
                self.miss();
            }
            self.hand_out(whole);
        }
        self.timestamp = timestamp;
        if gap {
            self.miss();
        }
        self.add(payload);
        if marker {
            self.hand_out(whole);
        }
    }

    /// Something is missing in front of what comes now.
    fn miss(&mut self) {
        self.intact = false;
        match &mut self.unpacking {
            // They give up the units that miss a piece by themselves.
            Unpacking::H264(_) | Unpacking::H265(_) => {}
            // A picture of VP8 that lacks a packet is of no use to a decoder.
            Unpacking::Vp8 => self.give_up(),
            Unpacking::Bits { spare_bits, .. } => {
                *spare_bits = 0;
                let begun = !self.unit.is_empty();
                self.wanted = if begun { Start::Segment } else { Start::Picture };
            }
        }
    }

    /// Nothing more of this picture.
    fn give_up(&mut self) {
        self.unit.clear();
        self.key_frame = false;
        self.intact = false;
        self.wanted = Start::Picture;
    }

    fn add(&mut self, payload: &[u8]) {
        let Self { unit, key_frame, wanted, intact, count, .. } = self;
        match &mut self.unpacking {
            Unpacking::H264(_) | Unpacking::H265(_) if *wanted != Start::Middle => {}
            Unpacking::H264(reassembly) => reassembly.take(*count, payload, |nal| {
                *key_frame |= h264::Contents::of(nal).begins_key_frame();
                append(unit, nal);
            }),
            Unpacking::H265(reassembly) => reassembly.take(*count, payload, |nal| {
                *key_frame |= h265::begins_key_frame(nal);
                append(unit, nal);
            }),
            Unpacking::Vp8 => match vp8::Descriptor::read(payload) {
                Some(descriptor) if descriptor.begins_frame() => {
                    unit.clear();
                    unit.extend_from_slice(&payload[descriptor.len..]);
                    *key_frame = vp8::begins_key_frame(payload);
                    *wanted = Start::Middle;
                }
                Some(descriptor) if *wanted == Start::Middle => {
                    unit.extend_from_slice(&payload[descriptor.len..]);
                }
                Some(_) | None => return self.give_up(),
            },
            Unpacking::Bits { read, begins_key_frame, spare_bits } => match read(payload) {
                Some(piece) if piece.start >= *wanted => {
                    piece.join(unit, *spare_bits);
                    *spare_bits = piece.spare_bits;
                    *key_frame |= begins_key_frame(payload);
                    *wanted = Start::Middle;
                }
                Some(_) | None => *intact = false,
            },
        }
        if self.unit.len() > UNIT_MAX {
            self.give_up();
        }
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
        self.wanted = self.unpacking.first_start();
        if let Unpacking::Bits { spare_bits, .. } = &mut self.unpacking {
            *spare_bits = 0;
        }
    }
}

impl Unpacking {
    fn of(format: PictureFormat) -> Self {
        let bits = |read, begins_key_frame| Self::Bits { read, begins_key_frame, spare_bits: 0 };
        match format {
            PictureFormat::H264 { .. } => Self::H264(h264::H264Reassembly::default()),
            PictureFormat::H265 => Self::H265(h265::H265Reassembly::default()),
            PictureFormat::Vp8 => Self::Vp8,
            PictureFormat::H263 => bits(h263::read, h263::begins_key_frame),
            PictureFormat::H263Plus => bits(h263::read_plus, h263::begins_key_frame_plus),
            // Its pictures are renewed block by block: a decoder can begin anywhere.
            PictureFormat::H261 => bits(h261::read, |_| true),
        }
    }

    /// What the first payload of a picture has to begin with.
    fn first_start(&self) -> Start {
        match self {
            // Each unit says what it is; a decoder may well do with some of them.
            Self::H264(_) | Self::H265(_) => Start::Middle,
            Self::Vp8 | Self::Bits { .. } => Start::Picture,
        }
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

    const MODE_0: PictureFormat = PictureFormat::H264 { mode: PacketizationMode::Single };
    const MODE_1: PictureFormat = PictureFormat::H264 { mode: PacketizationMode::NonInterleaved };
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
        // Nothing in it looks like a start code.
        let filled = bytes.iter().map(|byte| byte | 0x41);
        match format {
            PictureFormat::H264 { .. } => {
                [0, 0, 0, 1, 0x65, 0x88].into_iter().chain(filled).collect()
            }
            PictureFormat::H265 => {
                [0, 0, 0, 1, 19 << 1, 1, 0x80].into_iter().chain(filled).collect()
            }
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
    fn padding_alone_is_missing_nowhere_and_hides_no_loss() {
        for format in ALL {
            let pictures: Vec<_> = (1..4).map(|n| picture(format, &[n * 2; 500])).collect();
            let sent = packets(format, &pictures);
            let mut padded: Vec<_> =
                sent.iter().flat_map(|p| [p.clone(), (0, p.1, false, vec![])]).collect();
            (65_000..).zip(&mut padded).for_each(|(n, packet): (u32, _)| packet.0 = n as u16);
            assert_eq!(units(format, &padded), units(format, &sent), "{format:?}");
            padded.remove(2);
            assert!(units(format, &padded).iter().any(|unit| !unit.1), "{format:?}");
        }
    }

    #[test]
    fn a_lost_packet_is_said_and_the_next_picture_is_whole_again() {
        for format in ALL {
            let pictures: Vec<_> = (1..4).map(|n| picture(format, &[n * 2; 500])).collect();
            let packets = packets(format, &pictures);
            for lost in (0..packets.len()).filter(|at| packets[*at].1 == 6000) {
                let mut packets = packets.clone();
                packets.remove(lost);
                let units = units(format, &packets);
                let whole = |unit: &(bool, bool, Vec<u8>), at: usize| unit.2 == pictures[at];
                let says = format!("{format:?} without packet {lost}: {units:?}");
                assert!(units[0].1 && whole(&units[0], 0), "{says}");
                assert!(whole(units.last().unwrap(), 2), "{says}");
                assert!(units[1..].iter().any(|unit| !unit.1), "{says}");
                // What is left of the second one is what the format allows.
                for unit in &units[1..units.len() - 1] {
                    assert!(!unit.1 && pictures[1].starts_with(&unit.2), "{says}");
                    assert!(unit.2.len() < pictures[1].len(), "{says}");
                    assert_ne!(format, PictureFormat::Vp8, "{says}");
                }
            }
        }
    }

    #[test]
    fn after_a_loss_a_bit_stream_goes_on_at_the_next_group_of_blocks() {
        let body = [&[0xff; 80][..], &[0, 0, 0x84], &[0xee; 80], &[0, 0, 0x88], &[0xdd; 80]];
        let body = body.concat();
        for format in [PictureFormat::H263, PictureFormat::H263Plus] {
            let picture = [&[0, 0, 0x80, 2, 8][..], &body].concat();
            let packets = packets(format, std::slice::from_ref(&picture));
            assert_eq!(packets.len(), 3, "{format:?}");
            let without = |lost: usize| {
                let mut packets = packets.clone();
                packets.remove(lost);
                units(format, &packets)
            };
            let rest = [&picture[..85], &picture[168..]].concat();
            assert_eq!(without(1), [(true, false, rest)], "{format:?}");
            assert_eq!(without(0), [], "{format:?}: no picture without its header");
        }
    }

    #[test]
    fn groups_of_blocks_of_h261_are_cut_at_their_bits_and_skipped_to_after_a_loss() {
        // Start codes of the groups 1 and 2, at the bits 4 of two bytes.
        let group = |number: u8, fill: u8| [&[0xf0, 0, number][..], &[fill; 60], &[0xff]].concat();
        let picture = [&[0, 1, 0, 0x55][..], &[0x55; 60], &group(0x11, 0x77), &group(0x12, 0x33)];
        let picture = picture.concat();
        let packets = packets(PictureFormat::H261, std::slice::from_ref(&picture));
        let heads: Vec<_> = packets.iter().map(|packet| packet.3[0]).collect();
        assert_eq!(heads, [4 << 2 | 1, 4 << 5 | 4 << 2 | 1, 4 << 5 | 1]);
        let mut lossy = packets.clone();
        lossy.remove(1);
        let units = units(PictureFormat::H261, &lossy);
        let rest = [&picture[..64], &[0xf0, 0, 0, 0x12], &picture[131..]].concat();
        assert_eq!(units, [(true, false, rest)]);
    }

    #[test]
    fn a_picture_that_is_too_long_is_given_up() {
        for format in ALL {
            let mut depacketiser = Depacketiser::new(format);
            let mut units = Vec::new();
            let mut take = |sequence, timestamp, marker, payload: &[u8]| {
                depacketiser.take(sequence, timestamp, marker, payload, &mut |unit| {
                    units.push((unit.timestamp, unit.intact, unit.bytes.len()));
                });
            };
            let payloads = |coded: &[u8]| {
                let mut payloads = Vec::new();
                Packetiser::new(format, 65_000)
                    .packetise(coded, &mut |payload, _| payloads.push(payload.to_vec()));
                payloads
            };
            let endless = payloads(&picture(format, &[9; 60_000]));
            assert_eq!(endless.len(), 1, "{format:?}");
            (0..40).for_each(|sequence| take(sequence, 1, false, &endless[0]));
            let short = picture(format, &[9; 10]);
            take(40, 2, true, &payloads(&short)[0]);
            assert_eq!(units.last().map(|unit| (unit.0, unit.2)), Some((2, short.len())));
            // What begins a picture begins it anew, also under the same timestamp.
            let begun = units.iter().filter(|unit| unit.0 == 1);
            assert!(begun.clone().all(|unit| unit.2 <= UNIT_MAX), "{format:?}");
            let in_units = matches!(format, PictureFormat::H264 { .. } | PictureFormat::H265);
            assert!(!in_units || begun.count() == 0, "{format:?}");
            assert!(depacketiser.unit.capacity() <= 4 * UNIT_MAX);
        }
    }

    #[test]
    fn late_packets_are_left_out_and_a_new_count_is_followed() {
        let format = PictureFormat::Vp8;
        let pictures: Vec<_> = (1..3).map(|n| picture(format, &[n * 2; 10])).collect();
        let mut packets = packets(format, &pictures);
        packets.push(packets[0].clone());
        assert_eq!(units(format, &packets).len(), 2, "doubled");
        packets[2].0 = packets[0].0.wrapping_sub(1000);
        let last = units(format, &packets);
        assert_eq!(last[2], (true, false, pictures[0].clone()), "begun anew");
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
