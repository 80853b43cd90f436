//! What a phone hears and sees, judged by nothing but the packets that arrived.

use super::party::Party;
use crate::codec::audio::{AudioDecoder, SAMPLES_MAX};
use crate::codec::video::read_plain_colour;
use crate::codec::{Codec, goertzel};
use crate::rtp::{Packet, h264};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The rate of the recordings.
const RATE: u32 = 8000;
/// Packets that were on their way when a phase began still belong to the one before.
const IN_FLIGHT: Duration = Duration::from_millis(60);
/// The latest sound tells what is heard now.
const NOW: usize = RATE as usize * 4 / 10;
/// The shortest stretch that a voice is looked for in.
const WINDOW: usize = RATE as usize / 10;
/// A picture older than this is no longer seen.
const SEEN_FOR: Duration = Duration::from_millis(1500);
/// The power above which sound is no silence: an average of 30 of 32767.
const AUDIBLE: f64 = 30.0 * 30.0;
/// A stretch carries a voice that has this share of its power.
const VOICE: f64 = 0.3;
/// What is nothing but one voice has this share.
const PURE: f64 = 0.9;

/// Ear and eye of one phone, since the present phase began.
pub struct Senses {
    since: Instant,
    decoder: AudioDecoder,
    sound: Vec<i16>,
    packets: usize,
    reassembly: h264::Reassembly,
    /// What the last key frame showed, of whatever phase: the pictures after it only change it.
    shown: Option<Shown>,
    seen: BTreeSet<Party>,
    last_picture: Option<Instant>,
    pictures: usize,
}

/// A key frame.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Face(Party),
    Drawing,
}

/// What is heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sound {
    /// No packet at all.
    None,
    /// Packets of silence.
    Silence,
    /// This voice and nothing else.
    Voice(Party),
    /// Something that is nobody's voice.
    Melody,
    /// A voice, but not alone, or not all the time.
    Mixed,
}

/// What is seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sight {
    /// No picture, or none any more.
    None,
    /// This face.
    Face(Party),
    /// Something that is nobody's face.
    Drawing,
}

/// What one phone got since the phase began.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Measured {
    /// Heard now.
    pub sound: Sound,
    /// Seen now.
    pub sight: Sight,
    /// Whoever was heard at any moment of the phase.
    pub heard: BTreeSet<Party>,
    /// Whoever was seen at any moment of the phase.
    pub seen: BTreeSet<Party>,
    /// Packets of sound and pictures that arrived.
    pub packets: usize,
    /// How long the sound was that arrived, in ms.
    pub sound_ms: usize,
    /// Pictures that arrived.
    pub pictures: usize,
    /// The share of the voice that is heard now, in percent.
    pub purity: u32,
}

impl Senses {
    /// Ear and eye that have heard and seen nothing.
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            decoder: AudioDecoder::new(&Codec::Pcmu, RATE).expect("G.711 can always be decoded"),
            sound: Vec::new(),
            packets: 0,
            reassembly: h264::Reassembly::default(),
            shown: None,
            seen: BTreeSet::new(),
            last_picture: None,
            pictures: 0,
        }
    }

    /// A new phase begins: all but what the screen shows is forgotten.
    pub fn begin(&mut self) {
        let reassembly = std::mem::take(&mut self.reassembly);
        *self = Self { reassembly, shown: self.shown, ..Self::new() };
    }

    /// A packet on the port of sound, whose payload type for G.711 is `payload_type`.
    pub fn hear(&mut self, bytes: &[u8], payload_type: u8) {
        let Some(packet) = packet(bytes, payload_type) else { return };
        if self.since.elapsed() < IN_FLIGHT {
            return;
        }
        self.packets += 1;
        let mut samples = [0; SAMPLES_MAX];
        if let Ok(len) = self.decoder.decode(packet.payload(), &mut samples) {
            self.sound.extend_from_slice(&samples[..len]);
        }
    }

    /// A packet on the port of pictures, whose payload type for H.264 is `payload_type`.
    pub fn see(&mut self, bytes: &[u8], payload_type: u8) {
        let Some(packet) = packet(bytes, payload_type) else { return };
        let (mut shown, mut drawn) = (self.shown, false);
        self.reassembly.take(packet.sequence(), packet.payload(), |nal| {
            match nal.first().map(|header| header & 0x1f) {
                Some(h264::IDR_SLICE) => {
                    let face = read_plain_colour(nal).and_then(Party::of_colour);
                    shown = Some(face.map_or(Shown::Drawing, Shown::Face));
                    drawn = true;
                }
                // It changes what is shown already, which may be a face that should be gone.
                Some(h264::SLICE) => drawn = true,
                Some(_) | None => {}
            }
        });
        self.shown = shown;
        if self.since.elapsed() < IN_FLIGHT {
            return;
        }
        self.packets += 1;
        if let (Some(Shown::Face(party)), true) = (shown, drawn) {
            self.seen.insert(party);
        }
        if packet.marker() {
            self.pictures += 1;
            self.last_picture = Some(Instant::now());
        }
    }

    /// What it comes to.
    pub fn measure(&self) -> Measured {
        let now = &self.sound[self.sound.len().saturating_sub(NOW)..];
        let shares = Party::ALL.map(|party| (party, goertzel::share(now, RATE, party.tone())));
        let voice = shares.into_iter().find(|(_, share)| *share >= PURE);
        let heard = self.heard();
        let sound = match voice {
            _ if self.sound.is_empty() => Sound::None,
            Some((party, _)) if now.len() == NOW => Sound::Voice(party),
            _ if !self.sound.chunks(WINDOW).any(is_audible) => Sound::Silence,
            _ if heard.is_empty() => Sound::Melody,
            _ => Sound::Mixed,
        };
        let current = self.last_picture.is_some_and(|at| at.elapsed() < SEEN_FOR);
        let sight = match self.shown.filter(|_| current) {
            Some(Shown::Face(party)) => Sight::Face(party),
            Some(Shown::Drawing) => Sight::Drawing,
            None => Sight::None,
        };
        Measured {
            sound,
            sight,
            heard,
            seen: self.seen.clone(),
            packets: self.packets,
            sound_ms: self.sound.len() * 1000 / RATE as usize,
            pictures: self.pictures,
            purity: voice.map_or(0, |(_, share)| (share * 100.0) as u32),
        }
    }

    fn heard(&self) -> BTreeSet<Party> {
        let carries = |party: Party| {
            let carries = |window| goertzel::share(window, RATE, party.tone()) >= VOICE;
            self.sound.chunks_exact(WINDOW).any(|window| is_audible(window) && carries(window))
        };
        Party::ALL.into_iter().filter(|party| carries(*party)).collect()
    }
}

fn packet(bytes: &[u8], payload_type: u8) -> Option<Packet<'_>> {
    Packet::parse(bytes).ok().filter(|packet| packet.payload_type() == payload_type)
}

fn is_audible(window: &[i16]) -> bool {
    let power: f64 = window.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    power > AUDIBLE * window.len() as f64
}
