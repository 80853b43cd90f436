//! What the relay says itself: the hold melody, ring-back, tones, and silence, coded once; and the
//! pace of all that it makes.

use super::hold_picture::Films;
use super::patchbay::{Source, Tone};
use super::plan::{PayloadFormat, Plan};
use crate::codec::Codec;
use crate::codec::audio::{EncodedLoop, encode_loop};
use crate::codec::tone::Sound;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// The packet time of what cannot be coded at the one that a peer wants, in ms.
const PACKET_MS: u32 = 20;
/// After a pause of the event loop longer than this, what was missed is left out.
const LATE_MAX: Duration = Duration::from_millis(200);

/// Every sound in every codec in which somebody has heard it; their number is that of the codecs,
/// sounds and packet times together.
#[derive(Debug, Default)]
pub struct Sounds(BTreeMap<(Codec, Sound, u32), Option<EncodedLoop>>);

impl Sounds {
    /// Codes the sounds of the usual codecs ahead, which takes a tenth of a second.
    pub fn prepare(&mut self) {
        for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus] {
            for sound in [
                Sound::Silence,
                Sound::HoldMelody,
                Sound::RingBack,
                Sound::Confirmed,
                Sound::Refused,
            ] {
                self.get(&codec, sound, PACKET_MS);
            }
        }
    }

    fn get(&mut self, codec: &Codec, sound: Sound, packet_ms: u32) -> Option<EncodedLoop> {
        let key = (codec.clone(), sound, packet_ms);
        self.0.entry(key).or_insert_with(|| encode_loop(codec, sound, packet_ms)).clone()
    }
}

/// All that the relay can give of its own.
#[derive(Debug, Default)]
pub struct Repertoire {
    /// To hear.
    pub sounds: Sounds,
    /// To see.
    pub films: Films,
}

/// When the next packet or picture of our own is due; the first one sets the pace.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    due: Instant,
    started: bool,
}

/// What the pace says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Beat {
    /// It is not time yet.
    Early,
    /// It is time.
    Now,
    /// It is long past; what was missed is left out.
    Late,
}

impl Pace {
    /// Begins at `due`.
    #[must_use]
    pub fn new(interval: Duration, due: Instant) -> Self {
        Self { interval, due, started: false }
    }

    /// Whether it is time now; once it was, the next one is awaited.
    pub fn beat(&mut self, now: Instant) -> Beat {
        if now < self.due {
            return Beat::Early;
        }
        let late = self.started && now.since(self.due) > LATE_MAX;
        self.due = if late || !self.started { now } else { self.due } + self.interval;
        self.started = true;
        if late { Beat::Late } else { Beat::Now }
    }
}

/// A sound on its way to one receiver.
#[derive(Debug)]
pub struct Player {
    payload_type: u8,
    clock_rate: u32,
    pace: Pace,
    /// Comes once, before `sound`.
    prelude: Option<EncodedLoop>,
    sound: EncodedLoop,
    next: u64,
}

/// One packet of a sound.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The receiver's number.
    pub payload_type: u8,
    /// Ticks in a second.
    pub clock_rate: u32,
    /// Ticks of the packet.
    pub step: u32,
    /// The coded sound.
    pub payload: &'a [u8],
    /// Whether packets before it were left out.
    pub late: bool,
}

impl Player {
    /// What a receiver with this plan is to hear of this source before, or instead of, live packets;
    /// none when it has no codec that we can code.
    #[must_use]
    pub fn new(sounds: &mut Sounds, plan: &Plan, source: Source, due: Instant) -> Option<Self> {
        let (prelude, sound) = match source {
            Source::Hold | Source::Position(_) => (None, Sound::HoldMelody),
            Source::RingBack => (None, Sound::RingBack),
            Source::Tone(Tone::Done) => (Some(Sound::Confirmed), Sound::Silence),
            Source::Tone(Tone::Refused) => (Some(Sound::Refused), Sound::Silence),
            Source::Tone(Tone::Warning) => (Some(Sound::Busy), Sound::Silence),
            Source::Port(_) | Source::Camera(_) | Source::Silence | Source::Nothing => {
                (None, Sound::Silence)
            }
        };
        let wanted_ms = plan.own_packet_ms();
        let mut load = |format: &PayloadFormat, sound| {
            [wanted_ms, PACKET_MS]
                .into_iter()
                .find_map(|ms| Some((ms, sounds.get(&format.codec, sound, ms)?)))
        };
        let mut formats = plan.formats().filter(|format| format.codec.is_primary());
        let (format, (packet_ms, sound)) =
            formats.find_map(|format| Some((format, load(format, sound)?)))?;
        let prelude = prelude.and_then(|prelude| load(format, prelude)).map(|(_, sound)| sound);
        Some(Self {
            payload_type: format.send_pt & 0x7f,
            clock_rate: format.codec.clock_rate(),
            pace: Pace::new(Duration::from_millis(packet_ms.into()), due),
            prelude,
            sound,
            next: 0,
        })
    }

    /// The next packet, when it is time for it.
    pub fn next(&mut self, now: Instant) -> Option<Frame<'_>> {
        let beat = self.pace.beat(now);
        if beat == Beat::Early {
            return None;
        }
        if self.prelude.as_ref().is_some_and(|prelude| self.next >= prelude.len() as u64) {
            self.prelude = None;
            self.next = 0;
        }
        let sound = self.prelude.as_ref().unwrap_or(&self.sound);
        let frame = Frame {
            payload_type: self.payload_type,
            clock_rate: self.clock_rate,
            step: sound.timestamp_step(),
            payload: sound.frame(self.next),
            late: beat == Beat::Late,
        };
        self.next += 1;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{BitrateFeedback, Feedback, PictureLimits};
    use crate::sdp::Direction;

    fn plan(codecs: &[Codec], packet_ms: u32) -> Plan {
        let number = |codec: &Codec| codec.facts().static_payload_type.unwrap_or(96);
        let format = |codec: &Codec| PayloadFormat {
            codec: codec.clone(),
            send_pt: number(codec),
            recv_pt: number(codec),
            fmtp: String::new(),
        };
        Plan {
            remote: None,
            remote_rtcp: None,
            latched: None,
            signalling_ip: [192, 0, 2, 1].into(),
            formats: codecs.iter().map(format).collect(),
            direction: Direction::SendRecv,
            mux: false,
            packet_ms,
            feedback: Feedback::None,
            bitrate_feedback: BitrateFeedback::None,
            picture: PictureLimits::default(),
            protection: None,
            cname: "leg".into(),
        }
    }

    fn player(codecs: &[Codec], packet_ms: u32, source: Source) -> Option<Player> {
        Player::new(&mut Sounds::default(), &plan(codecs, packet_ms), source, Instant::START)
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn silence_is_in_the_first_codec_that_we_can_code() {
        let mut player = player(&[Codec::Ilbc, Codec::Pcma], 20, Source::Silence).unwrap();
        let frame = player.next(ms(0)).unwrap();
        assert_eq!((frame.payload_type, frame.step, frame.payload.len()), (8, 160, 160));
        assert!(self::player(&[Codec::Ilbc], 20, Source::Silence).is_none());
    }

    #[test]
    fn the_packet_time_is_the_peers_where_it_can_be_coded() {
        for (packet_ms, step) in [(40, 320), (30, 240), (7, 80), (1000, 480)] {
            let mut player = player(&[Codec::Pcmu], packet_ms, Source::Silence).unwrap();
            assert_eq!(player.next(ms(0)).unwrap().step, step, "{packet_ms} ms");
        }
    }

    #[test]
    fn a_tone_comes_once_and_silence_after_it() {
        let mut player = player(&[Codec::Pcmu], 20, Source::Tone(Tone::Done)).unwrap();
        let loud: Vec<_> = (0..200)
            .map(|n| player.next(ms(n * 20)).unwrap().payload.iter().any(|byte| *byte != 0xff))
            .collect();
        assert!(loud[0]);
        assert!(loud[60..].iter().all(|loud| !loud));
    }

    #[test]
    fn what_a_pause_of_ours_has_missed_is_left_out() {
        let mut player = player(&[Codec::Pcmu], 20, Source::Silence).unwrap();
        assert!(player.next(ms(5)).is_some());
        assert!(player.next(ms(24)).is_none());
        assert!(!player.next(ms(60)).unwrap().late);
        assert!(player.next(ms(60)).is_some_and(|frame| !frame.late), "caught up");
        assert!(player.next(ms(60)).is_none());
        assert!(player.next(ms(5000)).unwrap().late);
        assert!(player.next(ms(5000)).is_none());
    }
}
