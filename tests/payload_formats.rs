//! Pictures that another encoder packed: what is put together is what it wrote to its file, and what
//! we pack of it is put together again. How the streams were made: `media/streams/README.md`.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::rtp::h264::PacketizationMode;
use cordboard::rtp::video::{Depacketiser, Packetiser, PictureFormat, nal_units};
use cordboard::rtp::{Packet, later_by};

const MODE_0: PictureFormat = PictureFormat::H264 { mode: PacketizationMode::Single };
const MODE_1: PictureFormat = PictureFormat::H264 { mode: PacketizationMode::NonInterleaved };

struct Stream {
    name: &'static str,
    format: PictureFormat,
    packets: &'static [u8],
    bits: &'static [u8],
}

macro_rules! stream {
    ($name:literal, $format:expr) => {
        Stream {
            name: $name,
            format: $format,
            packets: include_bytes!(concat!("media/streams/", $name, ".rtp")),
            bits: include_bytes!(concat!("media/streams/", $name, ".bits")),
        }
    };
}

const STREAMS: [Stream; 7] = [
    stream!("h264_mode1", MODE_1),
    stream!("h264_mode0", MODE_0),
    stream!("h265", PictureFormat::H265),
    stream!("vp8", PictureFormat::Vp8),
    stream!("h263_rfc2190", PictureFormat::H263),
    stream!("h263_rfc4629", PictureFormat::H263Plus),
    stream!("h261", PictureFormat::H261),
];

#[derive(Clone, Debug, Eq, PartialEq)]
struct Picture {
    key_frame: bool,
    intact: bool,
    bytes: Vec<u8>,
}

impl Stream {
    fn packets(&self) -> Vec<Packet<'static>> {
        let (mut rest, mut packets) = (self.packets, Vec::new());
        while let Some((len, more)) = rest.split_first_chunk() {
            let (packet, behind) = more.split_at(u16::from_be_bytes(*len).into());
            packets.push(Packet::parse(packet).unwrap());
            rest = behind;
        }
        packets
    }

    fn pictures(&self, lost: impl Fn(usize) -> bool) -> Vec<Picture> {
        let (mut depacketiser, mut pictures) = (Depacketiser::new(self.format), Vec::new());
        let packets = self.packets();
        for (_, packet) in packets.iter().enumerate().filter(|(at, _)| !lost(*at)) {
            let (sequence, timestamp) = (packet.sequence(), packet.timestamp());
            depacketiser.take(
                sequence,
                timestamp,
                packet.marker(),
                packet.payload(),
                &mut |unit| {
                    let (key_frame, intact) = (unit.key_frame, unit.intact);
                    pictures.push(Picture { key_frame, intact, bytes: unit.bytes.to_vec() });
                },
            );
        }
        pictures
    }

    /// What the file has of these pictures, in the form in which they are put together.
    fn expected(&self) -> Vec<u8> {
        match self.format {
            PictureFormat::H264 { .. } | PictureFormat::H265 => {
                nal_units(self.bits).flat_map(|nal| [&[0, 0, 0, 1], nal].concat()).collect()
            }
            PictureFormat::Vp8 => {
                // IVF: a header of 32 bytes, then each frame behind its length and its time.
                let (mut rest, mut frames) = (&self.bits[32..], Vec::new());
                while let Some((len, more)) = rest.split_first_chunk() {
                    let (frame, behind) = more[8..].split_at(u32::from_le_bytes(*len) as usize);
                    frames.extend_from_slice(frame);
                    rest = behind;
                }
                frames
            }
            PictureFormat::H263 | PictureFormat::H263Plus | PictureFormat::H261 => {
                self.bits.to_vec()
            }
        }
    }
}

fn joined(pictures: &[Picture]) -> Vec<u8> {
    pictures.iter().flat_map(|picture| picture.bytes.clone()).collect()
}

#[test]
fn another_encoders_packets_become_just_what_it_wrote() {
    for stream in STREAMS {
        let pictures = stream.pictures(|_| false);
        assert_eq!(pictures.len(), 4, "{}", stream.name);
        assert!(pictures.iter().all(|picture| picture.intact), "{}", stream.name);
        assert!(joined(&pictures) == stream.expected(), "{}: other bytes", stream.name);
        let keys: Vec<_> = pictures.iter().map(|picture| picture.key_frame).collect();
        let all = stream.format == PictureFormat::H261;
        assert_eq!(keys, [true, all, all, true], "{}", stream.name);
    }
}

#[test]
fn real_pictures_survive_our_own_packing_at_every_size_of_payload() {
    for stream in STREAMS {
        let pictures = stream.pictures(|_| false);
        for payload_max in [64, 65, 100, 301, 1200, 9000] {
            let mut packetiser = Packetiser::new(stream.format, payload_max);
            let (mut depacketiser, mut sequence) = (Depacketiser::new(stream.format), 65_500_u16);
            let (mut timestamp, mut again) = (0, Vec::new());
            for picture in &pictures {
                timestamp += 6000;
                packetiser.packetise(&picture.bytes, &mut |payload, last| {
                    // Whole units and groups of blocks that are longer go as they are.
                    let cuts = !matches!(stream.format, MODE_0 | PictureFormat::H263);
                    assert!(payload.len() <= payload_max || !cuts, "{}", stream.name);
                    depacketiser.take(sequence, timestamp, last, payload, &mut |unit| {
                        let (key_frame, intact) = (unit.key_frame, unit.intact);
                        again.push(Picture { key_frame, intact, bytes: unit.bytes.to_vec() });
                    });
                    sequence = sequence.wrapping_add(1);
                });
            }
            assert!(again == pictures, "{} in {payload_max} bytes", stream.name);
        }
    }
}

#[test]
fn whichever_packet_is_lost_only_its_own_picture_suffers() {
    for stream in STREAMS {
        let whole = stream.pictures(|_| false);
        let packets = stream.packets();
        for lost in 1..packets.len() - 1 {
            let pictures = stream.pictures(|at| at == lost);
            let says = format!("{} without packet {lost}", stream.name);
            let timestamp = packets[lost].timestamp();
            let before = packets.iter().filter(|p| p.marker()).filter(|p| {
                p.timestamp() != timestamp && later_by(p.sequence(), packets[lost].sequence()) < 0
            });
            let before = before.count();
            assert_eq!(pictures[..before], whole[..before], "{says}");
            let after = whole.len() - before - 1;
            let rest = &pictures[pictures.len() - after..];
            for (left, right) in rest.iter().zip(&whole[before + 1..]) {
                assert!(left.bytes == right.bytes, "{says}");
            }
            // Nothing can be said of a last picture of which nothing is left.
            let rest = &pictures[before..];
            assert!(rest.is_empty() || rest.iter().any(|picture| !picture.intact), "{says}");
            for picture in &pictures[before..pictures.len() - after] {
                assert!(!picture.intact, "{says}");
                assert!(picture.bytes.len() < whole[before].bytes.len(), "{says}");
                assert_ne!(stream.format, PictureFormat::Vp8, "{says}");
            }
        }
    }
}
