//! What the relay says itself: the hold music, announcements, ring-back, tones, and silence, coded
//! once.
//!
//! Coding takes from a millisecond to seconds, so a worker does it beside the event loop: until it has,
//! a port sends silence, which alone is coded on the spot.

use super::encoded_prompts::{EncodedPrompt, PromptKey, PromptOrder};
use super::pace::{Beat, PacketPace};
use super::patchbay::{Source, Tone};
use super::plan::{PayloadFormat, StreamPlan};
use super::prompt::{Announcement, VideoPrompt, WaitingProfile, WaitingProfileId};
use super::sounds::{SoundKey, SoundOrder, Tune};
use super::stock::{Stock, Stocked};
use super::work::Job;
use crate::codec::Codec;
use crate::codec::audio::{EncodedLoop, encode_loop};
use crate::codec::tone::Sound;
use crate::ids::PortId;
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// The packet time of what cannot be coded at the one that a peer wants, in ms.
const PACKET_MS: u32 = 20;
/// The codecs that are coded ahead of the first call.
const USUAL: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];

/// All that the relay can give of its own.
#[derive(Debug)]
pub struct Repertoire {
    waiting_profiles: Vec<Arc<WaitingProfile>>,
    /// To hear.
    sounds: Stock<SoundKey, EncodedLoop>,
    /// To see.
    pub encoded_prompts: Stock<PromptKey, EncodedPrompt>,
}

impl Repertoire {
    /// With these waiting profiles, the house's own first; one as built in where there is none.
    #[must_use]
    pub fn new(mut waiting_profiles: Vec<Arc<WaitingProfile>>) -> Self {
        if waiting_profiles.is_empty() {
            waiting_profiles.push(Arc::default());
        }
        Self { waiting_profiles, sounds: Stock::default(), encoded_prompts: Stock::default() }
    }

    /// Foresees tones, melody and the files of the usual codecs, what comes first in a call first.
    pub fn prepare(&mut self) {
        let built_in = [
            Sound::Silence,
            Sound::HoldMelody,
            Sound::RingBack,
            Sound::Confirmed,
            Sound::Refused,
            Sound::Busy,
        ];
        for tune in built_in.map(Tune::BuiltIn) {
            for codec in USUAL {
                self.sounds.foresee(SoundKey { codec, tune, packet_ms: PACKET_MS });
            }
        }
        for codec in USUAL {
            for waiting_profile in (0..self.waiting_profiles.len())
                .filter_map(|at| u16::try_from(at).ok())
                .map(WaitingProfileId)
            {
                let voices =
                    Announcement::ALL.map(|announcement| self.voice(waiting_profile, announcement));
                for tune in voices.into_iter().chain([self.music(waiting_profile)]) {
                    let (codec, packet_ms) = (codec.clone(), PACKET_MS);
                    self.sounds.foresee(SoundKey { codec, tune, packet_ms });
                }
            }
        }
    }

    /// What the workers are to do next.
    pub fn jobs(&mut self) -> impl Iterator<Item = Job> + use<> {
        let encoded_prompt = self.encoded_prompts.order().map(|key| {
            let waiting_profile = Arc::clone(self.waiting_profile(key.prompt.waiting_profile));
            Job::Prompt(Box::new(PromptOrder { key, waiting_profile }))
        });
        let sound = self.sounds.order().map(|key| {
            let wave = match key.tune {
                Tune::BuiltIn(_) => None,
                Tune::Music(waiting_profile) => self.waiting_profile(waiting_profile).music.clone(),
                Tune::Voice(waiting_profile, announcement) => {
                    self.waiting_profile(waiting_profile).voices.own(announcement).cloned()
                }
            };
            Job::Sound(Box::new(SoundOrder { key, wave }))
        });
        encoded_prompt.into_iter().chain(sound)
    }

    /// Takes a coded sound, and names the ports that waited for it.
    pub fn take_sound(&mut self, key: SoundKey, sound: Option<EncodedLoop>) -> Vec<PortId> {
        self.sounds.take(key, sound)
    }

    /// A port that needs nothing any more.
    pub fn leave(&mut self, port: PortId) {
        self.encoded_prompts.leave(port);
        self.sounds.leave(port);
    }

    fn waiting_profile(&self, id: WaitingProfileId) -> &Arc<WaitingProfile> {
        self.waiting_profiles.get(usize::from(id.0)).unwrap_or(&self.waiting_profiles[0])
    }

    /// The music of a waiting profile; the same for all that have the same.
    fn music(&self, waiting_profile: WaitingProfileId) -> Tune {
        match &self.waiting_profile(waiting_profile).music {
            Some(music) => Tune::Music(self.first(|other| other.music.as_ref() == Some(music))),
            None => Tune::BuiltIn(Sound::HoldMelody),
        }
    }

    fn voice(&self, waiting_profile: WaitingProfileId, announcement: Announcement) -> Tune {
        let own = self.waiting_profile(waiting_profile).voices.own(announcement);
        let same = |other: &WaitingProfile| other.voices.own(announcement) == own;
        Tune::Voice(self.first(same), announcement)
    }

    fn first(&self, fits: impl Fn(&WaitingProfile) -> bool) -> WaitingProfileId {
        let at = self
            .waiting_profiles
            .iter()
            .position(|waiting_profile| fits(waiting_profile))
            .unwrap_or(0);
        WaitingProfileId(u16::try_from(at).unwrap_or(0))
    }

    /// Silence, coded on the spot where a worker has not done it.
    fn silence(&mut self, codec: &Codec, packet_ms: u32) -> Option<EncodedLoop> {
        let tune = Tune::BuiltIn(Sound::Silence);
        let key = SoundKey { codec: codec.clone(), tune, packet_ms };
        self.sounds.get_or_make(key, || encode_loop(codec, Sound::Silence, packet_ms))
    }

    /// A tune for a port; what a worker still codes is waited for.
    fn tune(
        &mut self,
        port: PortId,
        codec: &Codec,
        tune: Tune,
        packet_ms: u32,
    ) -> Stocked<EncodedLoop> {
        self.sounds.want(port, SoundKey { codec: codec.clone(), tune, packet_ms })
    }
}

/// A sound on its way to one receiver.
#[derive(Debug)]
pub struct Player {
    payload_type: u8,
    clock_rate: u32,
    pace: PacketPace,
    /// Comes once, before `sound`.
    prelude: Option<EncodedLoop>,
    sound: EncodedLoop,
    next: u64,
}

/// One packet of a sound.
#[derive(Clone, Copy, Debug)]
pub struct SoundPacket<'a> {
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
    /// What a port with this plan is to hear of this source before, or instead of, live packets; none
    /// when it has no codec that we can code. Until a worker has coded what it wants, it is silence.
    #[must_use]
    pub fn new(
        repertoire: &mut Repertoire,
        port: PortId,
        plan: &StreamPlan,
        source: Source,
        due: Instant,
    ) -> Option<Self> {
        repertoire.sounds.leave(port);
        let wanted_ms = plan.own_packet_ms();
        let mut formats = plan.formats().filter(|format| format.codec.is_primary());
        let (format, packet_ms, silence) = formats.find_map(|format: &PayloadFormat| {
            [wanted_ms, PACKET_MS].into_iter().find_map(|ms| {
                let silence = repertoire.silence(&format.codec, ms)?;
                Some((format, ms, silence))
            })
        })?;
        let (prelude, sound) = tunes(repertoire, source);
        let mut load = |tune| match repertoire.tune(port, &format.codec, tune, packet_ms) {
            Stocked::Ready(sound) => Ok(Some(sound)),
            Stocked::Never => Ok(None),
            Stocked::Wanted => Err(()),
        };
        let loaded =
            prelude.map_or(Ok(None), &mut load).and_then(|prelude| Ok((prelude, load(sound)?)));
        let (prelude, sound) = loaded.unwrap_or_default();
        Some(Self {
            payload_type: format.send_pt & 0x7f,
            clock_rate: format.codec.clock_rate(),
            pace: PacketPace::new(Duration::from_millis(packet_ms.into()), due),
            prelude,
            sound: sound.unwrap_or(silence),
            next: 0,
        })
    }

    /// The next packet, when it is time for it.
    pub fn next(&mut self, now: Instant) -> Option<SoundPacket<'_>> {
        let beat = self.pace.beat(now);
        if beat == Beat::Early {
            return None;
        }
        if self.prelude.as_ref().is_some_and(|prelude| self.next >= prelude.len() as u64) {
            self.prelude = None;
            self.next = 0;
        }
        let sound = self.prelude.as_ref().unwrap_or(&self.sound);
        let frame = SoundPacket {
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

/// What is heard of a source: once, and then on and on.
fn tunes(repertoire: &Repertoire, source: Source) -> (Option<Tune>, Tune) {
    let silence = Tune::BuiltIn(Sound::Silence);
    let tone = |sound| (Some(Tune::BuiltIn(sound)), silence);
    match source {
        Source::Hold(waiting_profile) | Source::Prompt(VideoPrompt { waiting_profile, .. }) => {
            (None, repertoire.music(waiting_profile))
        }
        Source::Greeting(waiting_profile, announcement) => (
            Some(repertoire.voice(waiting_profile, announcement)),
            repertoire.music(waiting_profile),
        ),
        Source::Farewell(waiting_profile, announcement) => {
            (Some(repertoire.voice(waiting_profile, announcement)), silence)
        }
        Source::RingBack => (None, Tune::BuiltIn(Sound::RingBack)),
        Source::Tone(Tone::Done) => tone(Sound::Confirmed),
        Source::Tone(Tone::Refused) => tone(Sound::Refused),
        Source::Tone(Tone::Warning) => tone(Sound::Busy),
        Source::Port(_) | Source::Camera(_) | Source::Silence | Source::Nothing => (None, silence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{BitrateFeedback, KeyFrameFeedback, PictureLimits};
    use crate::sdp::Direction;

    fn plan(codecs: &[Codec], packet_ms: u32) -> StreamPlan {
        let number = |codec: &Codec| codec.facts().static_payload_type.unwrap_or(96);
        let format = |codec: &Codec| PayloadFormat {
            codec: codec.clone(),
            send_pt: number(codec),
            recv_pt: number(codec),
            fmtp: String::new(),
        };
        StreamPlan {
            formats: codecs.iter().map(format).collect(),
            direction: Direction::SendRecv,
            packet_ms,
            feedback: KeyFrameFeedback::None,
            bitrate_feedback: BitrateFeedback::None,
            picture: PictureLimits::default(),
            cname: "leg".into(),
        }
    }

    fn player(codecs: &[Codec], packet_ms: u32, source: Source) -> Option<Player> {
        let mut repertoire = Repertoire::new(vec![]);
        let plan = plan(codecs, packet_ms);
        let first = Player::new(&mut repertoire, PortId(2), &plan, source, Instant::START)?;
        if work(&mut repertoire).is_empty() {
            return Some(first);
        }
        Player::new(&mut repertoire, PortId(2), &plan, source, Instant::START)
    }

    /// Lets a worker do all that is ordered, and names the ports that waited for it.
    fn work(repertoire: &mut Repertoire) -> Vec<PortId> {
        let mut waited = Vec::new();
        while let Some(Job::Sound(order)) = repertoire.jobs().next() {
            waited.extend(repertoire.take_sound(order.key.clone(), order.code()));
        }
        waited
    }

    fn is_loud(player: &mut Player) -> bool {
        (0..50).any(|n| player.next(ms(n * 20)).unwrap().payload.iter().any(|byte| *byte != 0xff))
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
    fn nothing_but_silence_is_coded_on_the_spot_and_whoever_waits_is_named() {
        let busy = Source::Farewell(WaitingProfileId::DEFAULT, Announcement::Busy);
        let music = Source::Hold(WaitingProfileId::DEFAULT);
        for source in [music, busy, Source::RingBack, Source::Tone(Tone::Warning)] {
            let mut repertoire = Repertoire::new(vec![]);
            let plan = plan(&[Codec::Pcmu], 20);
            let mut player =
                Player::new(&mut repertoire, PortId(2), &plan, source, Instant::START).unwrap();
            assert!(!is_loud(&mut player), "{source:?}");
            assert_eq!(work(&mut repertoire), [PortId(2)], "{source:?}");
            let mut player =
                Player::new(&mut repertoire, PortId(2), &plan, source, Instant::START).unwrap();
            assert!(is_loud(&mut player), "{source:?}");
        }
    }

    #[test]
    fn what_is_prepared_codes_nothing_by_itself_and_nobody_waits_for_it_later() {
        let mut repertoire = Repertoire::new(vec![]);
        repertoire.prepare();
        assert_eq!(repertoire.sounds.len(), 0);
        assert_eq!(work(&mut repertoire), []);
        for codec in USUAL {
            let plan = plan(&[codec], 20);
            for source in [Source::Hold(WaitingProfileId::DEFAULT), Source::Tone(Tone::Warning)] {
                Player::new(&mut repertoire, PortId(2), &plan, source, Instant::START).unwrap();
                assert!(repertoire.jobs().next().is_none(), "{source:?}");
            }
        }
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
