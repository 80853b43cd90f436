//! The pictures of one camera in one codec: packed, and the last key frame kept.

use super::continuity::Numbers;
use super::frame::FrameContents;
use super::packing::PAYLOAD_MAX;
use super::peer_packet::{PacketKind, PeerPacket};
use crate::codec::Codec;
use crate::rtp::h264::PacketizationMode;
use crate::rtp::video::{Packetiser, PictureFormat};
use crate::rtp::{HEADER_LEN, RtpHeader};

/// Our own payload type; viewers get theirs.
pub const PAYLOAD_TYPE: u8 = 96;
const CLOCK_RATE: u32 = 90_000;
/// Ticks of one picture, 30 a second: what a switch adds at least.
const FRAME: u32 = CLOCK_RATE / 30;

/// The codecs of cameras.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VideoCodec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
}

impl VideoCodec {
    /// The same among all codecs.
    #[must_use]
    pub fn codec(self) -> Codec {
        match self {
            Self::H264 => Codec::H264,
            Self::H265 => Codec::H265,
        }
    }

    /// How its pictures are packed for routes that pass them on.
    pub fn format(self) -> PictureFormat {
        match self {
            Self::H264 => PictureFormat::H264 { mode: PacketizationMode::NonInterleaved },
            Self::H265 => PictureFormat::H265,
        }
    }
}

/// Pictures of one stream, as they come.
#[derive(Debug)]
pub struct CameraFrames {
    ssrc: u32,
    codec: Codec,
    packetiser: Packetiser,
    /// Of the last picture.
    pub timestamp: u32,
    /// The last key frame; empty before the first.
    pub key: Vec<u8>,
    /// Of that one.
    key_timestamp: u32,
}

/// The packets of one picture, in one reused buffer.
#[derive(Debug, Default)]
pub struct Packets {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    timestamp: u32,
    ssrc: u32,
    codec: Option<Codec>,
}

impl CameraFrames {
    /// No picture yet.
    #[must_use]
    pub fn new(ssrc: u32, codec: Codec, format: PictureFormat) -> Self {
        let packetiser = Packetiser::new(format, PAYLOAD_MAX);
        Self { ssrc, codec, packetiser, timestamp: 0, key: Vec::new(), key_timestamp: 0 }
    }

    /// Keeps the last picture, which is a key frame.
    pub fn keep(&mut self, key: &[u8]) {
        self.key_timestamp = self.timestamp;
        self.key.clear();
        self.key.extend_from_slice(key);
    }

    /// Whether nothing has come since the last key frame.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.key_timestamp == self.timestamp
    }

    /// Packs a picture.
    pub fn pack(&mut self, unit: &[u8], packets: &mut Packets) {
        packets.clear();
        packets.timestamp = self.timestamp;
        packets.ssrc = self.ssrc;
        packets.codec = Some(self.codec.clone());
        let Packets { bytes, ends, .. } = packets;
        self.packetiser.packetise(unit, &mut |payload, _last| {
            bytes.extend_from_slice(&[0; HEADER_LEN]);
            bytes.extend_from_slice(payload);
            ends.push(bytes.len());
        });
    }

    /// Packs the last key frame; no packets where there is none.
    pub fn pack_key(&mut self, packets: &mut Packets) {
        let key = std::mem::take(&mut self.key);
        self.pack(&key, packets);
        self.key = key;
    }
}

impl Packets {
    /// Forgets them.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether a decoder can begin with this picture, as far as its packets show it.
    #[must_use]
    pub fn begin_key_frame(&self) -> bool {
        let Some(codec) = &self.codec else { return false };
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut packets = starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end]);
        packets.any(|packet| FrameContents::of(codec, &packet[HEADER_LEN..]).begins_key_frame())
    }

    /// One packet under this number: what it is, and its bytes.
    pub fn get(&mut self, at: usize, sequence: u16) -> Option<(PeerPacket, &mut [u8])> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        let marker = at + 1 == self.ends.len();
        let (timestamp, ssrc) = (self.timestamp, self.ssrc);
        let header = RtpHeader { payload_type: PAYLOAD_TYPE, marker, sequence, timestamp, ssrc };
        let bytes = &mut self.bytes[start..end];
        bytes[..HEADER_LEN].copy_from_slice(&header.to_bytes());
        let picture = FrameContents::of(self.codec.as_ref()?, &bytes[HEADER_LEN..]);
        let numbers = Numbers {
            ssrc,
            sequence,
            timestamp,
            clock_rate: CLOCK_RATE,
            frame: FRAME,
            event: false,
        };
        let what = PacketKind::Picture(picture);
        Some((PeerPacket { header, len: bytes.len(), numbers, format: 0, what }, bytes))
    }
}
