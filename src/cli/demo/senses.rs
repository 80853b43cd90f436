//! What a phone hears and sees, judged by nothing but the packets that arrived.

use super::party::DemoParty;
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
    reassembly: h264::H264Reassembly,
    /// What the last key frame showed, of whatever phase: the pictures after it only change it.
    shown: Option<Shown>,
    seen: BTreeSet<DemoParty>,
    last_picture: Option<Instant>,
    pictures: usize,
}

/// A key frame.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Face(DemoParty),
    Drawing,
}

/// What is heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeardSound {
    /// No packet at all.
    None,
    /// Packets of silence.
    Silence,
    /// This voice and nothing else.
    Voice(DemoParty),
    /// Something that is nobody's voice.
    Melody,
    /// A voice, but not alone, or not all the time.
    Mixed,
}

/// What is seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SeenVideo {
    /// No picture, or none any more.
    None,
    /// This face.
    Face(DemoParty),
    /// Something that is nobody's face.
    Drawing,
}

/// What one phone got since the phase began.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Measured {
    /// Heard now.
    pub sound: HeardSound,
    /// Seen now.
    pub sight: SeenVideo,
    /// Whoever was heard at any moment of the phase.
    pub heard: BTreeSet<DemoParty>,
    /// Whoever was seen at any moment of the phase.
    pub seen: BTreeSet<DemoParty>,
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
    /// Ear and eye that have heard and seen nothing before `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            decoder: AudioDecoder::new(&Codec::Pcmu, RATE).expect("G.711 can always be decoded"),
            sound: Vec::new(),
            packets: 0,
            reassembly: h264::H264Reassembly::default(),
            shown: None,
            seen: BTreeSet::new(),
            last_picture: None,
            pictures: 0,
        }
    }

    /// A new phase begins: all but what the screen shows is forgotten.
    pub fn begin(&mut self, now: Instant) {
        let reassembly = std::mem::take(&mut self.reassembly);
        *self = Self { reassembly, shown: self.shown, ..Self::new(now) };
    }

    /// A packet on the port of sound, whose payload type for G.711 is `payload_type`.
    pub fn hear(&mut self, now: Instant, bytes: &[u8], payload_type: u8) {
        let Some(packet) = packet(bytes, payload_type) else { return };
        if now.duration_since(self.since) < IN_FLIGHT {
            return;
        }
        self.packets += 1;
        let mut samples = [0; SAMPLES_MAX];
        if let Ok(len) = self.decoder.decode(packet.payload(), &mut samples) {
            self.sound.extend_from_slice(&samples[..len]);
        }
    }

    /// A packet on the port of pictures, whose payload type for H.264 is `payload_type`.
    pub fn see(&mut self, now: Instant, bytes: &[u8], payload_type: u8) {
        let Some(packet) = packet(bytes, payload_type) else { return };
        let (mut shown, mut drawn) = (self.shown, false);
        self.reassembly.take(packet.sequence(), packet.payload(), |nal| {
            match nal.first().map(|header| header & 0x1f) {
                Some(h264::IDR_SLICE) => {
                    let face = read_plain_colour(nal).and_then(DemoParty::of_colour);
                    shown = Some(face.map_or(Shown::Drawing, Shown::Face));
                    drawn = true;
                }
                // It changes what is shown already, which may be a face that should be gone.
                Some(h264::SLICE) => drawn = true,
                Some(_) | None => {}
            }
        });
        self.shown = shown;
        if now.duration_since(self.since) < IN_FLIGHT {
            return;
        }
        self.packets += 1;
        if let (Some(Shown::Face(party)), true) = (shown, drawn) {
            self.seen.insert(party);
        }
        if packet.marker() {
            self.pictures += 1;
            self.last_picture = Some(now);
        }
    }

    /// A packet that belongs to no stream of ours: it should not have come.
    pub fn wonder(&mut self, now: Instant) {
        if now.duration_since(self.since) >= IN_FLIGHT {
            self.packets += 1;
        }
    }

    /// What it comes to.
    pub fn measure(&self, now: Instant) -> Measured {
        let latest = &self.sound[self.sound.len().saturating_sub(NOW)..];
        let shares =
            DemoParty::ALL.map(|party| (party, goertzel::share(latest, RATE, party.tone())));
        let voice = shares.into_iter().find(|(_, share)| *share >= PURE);
        let heard = self.heard();
        let sound = match voice {
            _ if self.sound.is_empty() => HeardSound::None,
            Some((party, _)) if latest.len() == NOW => HeardSound::Voice(party),
            _ if !self.sound.chunks(WINDOW).any(is_audible) => HeardSound::Silence,
            _ if heard.is_empty() => HeardSound::Melody,
            _ => HeardSound::Mixed,
        };
        let current = self.last_picture.is_some_and(|at| now.duration_since(at) < SEEN_FOR);
        let sight = match self.shown.filter(|_| current) {
            Some(Shown::Face(party)) => SeenVideo::Face(party),
            Some(Shown::Drawing) => SeenVideo::Drawing,
            None => SeenVideo::None,
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

    fn heard(&self) -> BTreeSet<DemoParty> {
        let carries = |party: DemoParty| {
            let carries = |window| goertzel::share(window, RATE, party.tone()) >= VOICE;
            self.sound.chunks_exact(WINDOW).any(|window| is_audible(window) && carries(window))
        };
        DemoParty::ALL.into_iter().filter(|party| carries(*party)).collect()
    }
}

fn packet(bytes: &[u8], payload_type: u8) -> Option<Packet<'_>> {
    Packet::parse(bytes).ok().filter(|packet| packet.payload_type() == payload_type)
}

fn is_audible(window: &[i16]) -> bool {
    let power: f64 = window.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    power > AUDIBLE * window.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::voice::PartyMedia;
    use crate::random::Random;

    const AUDIO: u8 = 0;
    const VIDEO: u8 = 96;
    const TICK: Duration = Duration::from_millis(20);

    /// Plays `party` to the phone for so many packets of sound, as its own phone would.
    fn play(senses: &mut Senses, start: Instant, party: DemoParty, ticks: u32) -> Instant {
        let mut voice = PartyMedia::new(party, &mut Random::from_number(7));
        let mut now = start;
        for _ in 0..ticks {
            senses.hear(now, &voice.next_sound(AUDIO), AUDIO);
            for packet in voice.next_frame(VIDEO) {
                senses.see(now, &packet, VIDEO);
            }
            now += TICK;
        }
        now
    }

    #[test]
    fn each_party_is_told_by_its_voice_and_its_face() {
        for party in DemoParty::ALL {
            let start = Instant::now();
            let mut senses = Senses::new(start);
            let now = play(&mut senses, start, party, 60);
            let measured = senses.measure(now);
            assert_eq!(measured.sound, HeardSound::Voice(party));
            assert_eq!(measured.sight, SeenVideo::Face(party));
            assert_eq!((measured.heard, measured.seen), ([party].into(), [party].into()));
        }
    }

    #[test]
    fn who_was_there_for_a_moment_is_not_forgotten() {
        let start = Instant::now();
        let mut senses = Senses::new(start);
        let now = play(&mut senses, start, DemoParty::User, 40);
        let now = play(&mut senses, now, DemoParty::Caller, 60);
        let measured = senses.measure(now);
        assert_eq!(measured.sound, HeardSound::Voice(DemoParty::Caller));
        assert_eq!(measured.heard, [DemoParty::Caller, DemoParty::User].into());
        assert_eq!(measured.seen, [DemoParty::Caller, DemoParty::User].into());
    }

    #[test]
    fn a_face_that_goes_on_without_a_key_frame_is_still_seen() {
        let start = Instant::now();
        let mut senses = Senses::new(start);
        let mut voice = PartyMedia::new(DemoParty::User, &mut Random::from_number(7));
        let mut pictures = (0..45).flat_map(|_| voice.next_frame(VIDEO));
        // Three packets of a key frame; what follows only says that nothing has changed.
        for packet in pictures.by_ref().take(3) {
            senses.see(start, &packet, VIDEO);
        }
        senses.begin(start);
        let now = start + IN_FLIGHT;
        senses.see(now, &pictures.next().unwrap(), VIDEO);
        let measured = senses.measure(now);
        assert_eq!(measured.sight, SeenVideo::Face(DemoParty::User));
        assert_eq!(measured.seen, [DemoParty::User].into());
    }

    #[test]
    fn nothing_is_nothing_and_what_should_not_come_is_counted() {
        let start = Instant::now();
        let mut senses = Senses::new(start);
        let now = start + IN_FLIGHT;
        let measured = senses.measure(now);
        assert_eq!((measured.sound, measured.sight), (HeardSound::None, SeenVideo::None));
        assert_eq!(measured.packets, 0);
        senses.wonder(now);
        assert_eq!(senses.measure(now).packets, 1);
    }

    #[test]
    fn a_melody_is_nobodys_and_a_picture_that_stops_is_gone() {
        use crate::codec::audio::encode_loop;
        use crate::codec::tone;
        let start = Instant::now();
        let mut senses = Senses::new(start);
        let now = play(&mut senses, start, DemoParty::Caller, 60);
        senses.begin(now);
        let melody = encode_loop(&Codec::Pcmu, tone::Sound::HoldMelody, 20).unwrap();
        let mut header = crate::rtp::RtpHeader {
            payload_type: AUDIO,
            marker: false,
            sequence: 0,
            timestamp: 0,
            ssrc: 1,
        };
        let mut later = now + IN_FLIGHT;
        for frame in 0..melody.len() as u64 {
            let packet = [&header.to_bytes()[..], melody.frame(frame)].concat();
            senses.hear(later, &packet, AUDIO);
            header.sequence += 1;
            later += TICK;
        }
        let measured = senses.measure(later);
        assert_eq!((measured.sound, measured.sight), (HeardSound::Melody, SeenVideo::None));
        assert!(measured.heard.is_empty());
    }
}
