//! What a phone sends: the party's tone in G.711, its colour in H.264, each a real RTP stream.

use super::party::DemoParty;
use crate::codec::Codec;
use crate::codec::audio::{AudioEncoder, PAYLOAD_MAX};
use crate::codec::tone::Sound;
use crate::codec::video::{Mosaic, MosaicStream};
use crate::random::Random;
use crate::rtp::RtpHeader;
use crate::rtp::h264::{PacketizationMode, packetise};

/// A packet of sound each 20 ms.
const SAMPLES: usize = 160;
/// Pictures come with every fifth packet of sound: 10 a second.
const TICKS_PER_PICTURE: u64 = 5;
/// Twice a second a picture stands for itself, so that each can be told from the others.
const PICTURES_PER_KEY_FRAME: u64 = 5;
/// 90 kHz (RFC 6184 §8.2.1).
const PICTURE_TIME: u32 = 9000;
const PICTURE_BYTES_MAX: usize = 1200;

/// One party's microphone and camera.
pub struct PartyMedia {
    tone: Vec<i16>,
    at: usize,
    encoder: AudioEncoder,
    camera: MosaicStream,
    audio: RtpHeader,
    video: RtpHeader,
    ticks: u64,
    key_frame_wanted: bool,
}

impl PartyMedia {
    /// The voice and the face of `party`.
    pub fn new(party: DemoParty, random: &mut Random) -> Self {
        let mut header = || RtpHeader {
            payload_type: 0,
            marker: true,
            sequence: random.u32() as u16,
            timestamp: random.u32(),
            ssrc: random.u32(),
        };
        Self {
            tone: Sound::Sine { hz: party.tone() }.samples(8000),
            at: 0,
            encoder: AudioEncoder::new(&Codec::Pcmu, 8000).expect("G.711 can always be encoded"),
            camera: MosaicStream::new(Mosaic::plain(11, 9, party.colour())),
            audio: header(),
            video: header(),
            ticks: 0,
            key_frame_wanted: false,
        }
    }

    /// A receiver wants a picture that stands for itself.
    pub fn want_key_frame(&mut self) {
        self.key_frame_wanted = true;
    }

    /// The next 20 ms of sound.
    pub fn next_sound(&mut self, payload_type: u8) -> Vec<u8> {
        let pcm: Vec<i16> =
            (0..SAMPLES).map(|n| self.tone[(self.at + n) % self.tone.len()]).collect();
        self.at = (self.at + SAMPLES) % self.tone.len();
        let mut payload = [0; PAYLOAD_MAX];
        let len = self.encoder.encode(&pcm, &mut payload).unwrap_or(0);
        let mut packet = RtpHeader { payload_type, ..self.audio }.to_bytes().to_vec();
        packet.extend_from_slice(&payload[..len]);
        self.audio.marker = false;
        self.audio.sequence = self.audio.sequence.wrapping_add(1);
        self.audio.timestamp = self.audio.timestamp.wrapping_add(SAMPLES as u32);
        packet
    }

    /// The packets of the next picture, when one is due with this packet of sound.
    pub fn next_frame(&mut self, payload_type: u8) -> Vec<Vec<u8>> {
        self.ticks += 1;
        if !self.ticks.is_multiple_of(TICKS_PER_PICTURE) {
            return Vec::new();
        }
        let count = self.ticks / TICKS_PER_PICTURE;
        if count.is_multiple_of(PICTURES_PER_KEY_FRAME) || self.key_frame_wanted {
            self.key_frame_wanted = false;
            self.camera.request_key_frame();
        }
        let nals = self.camera.next_frame();
        let mut packets = Vec::new();
        for (n, nal) in nals.iter().enumerate() {
            let mut pieces =
                packetise(nal, PacketizationMode::NonInterleaved, PICTURE_BYTES_MAX).peekable();
            while let Some(piece) = pieces.next() {
                // The marker ends the picture (RFC 6184 §5.1).
                let marker = n + 1 == nals.len() && pieces.peek().is_none();
                let mut packet =
                    RtpHeader { payload_type, marker, ..self.video }.to_bytes().to_vec();
                piece.write(&mut packet);
                packets.push(packet);
                self.video.sequence = self.video.sequence.wrapping_add(1);
            }
        }
        self.video.timestamp = self.video.timestamp.wrapping_add(PICTURE_TIME);
        packets
    }
}
