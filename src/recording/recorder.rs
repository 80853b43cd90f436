//! One recording: its time, its two sides, and what becomes of them.
//!
//! ```text
//!   Paused ── Resume ──▶ Running ── Pause ──▶ Paused        time stands still while Paused
//!                           └─ a minute without a packet ─▶ Paused ─▶ Running
//! ```

use super::matroska::{FileWrite, Muxer, SoundTrack};
use super::track::RecordingTrack;
use super::view::RecordedView;
use super::voice::{RATE, RecordedVoice};
use crate::codec::Codec;
use crate::codec::Kind;
use crate::codec::audio::{PAYLOAD_MAX, StereoEncoder};
use crate::codec::video::{Image, Settings, VideoEncoder};
use crate::media::{RecordingTap, TapEntry, TappedPacket};
use crate::time::{Duration, Instant};

/// Points of each half, wide and high.
pub const SIDE: (usize, usize) = (352, 288);
/// Pictures a second, at most.
pub const FRAME_RATE: u32 = 10;
/// So long a packet may be on its way behind those that were sent after it.
pub const HORIZON: Duration = Duration::from_millis(100);
/// A silence without any packet that lasts longer is cut out: both phones are gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// One step: a frame of sound.
const FRAME_MS: u64 = 20;
const FRAME: usize = RATE as usize * FRAME_MS as usize / 1000;
const PICTURE_MS: u64 = 1000 / FRAME_RATE as u64;
/// A picture that stands still is told again after this, so that a player can go to any second.
const STILL_MS: u64 = 1000;
/// Between key frames.
const KEY_FRAME_MS: u64 = 2000;
/// bit/s of each.
const SOUND_BITRATE: u32 = 64_000;
const PICTURE_BITRATE: u32 = 500_000;

/// One recording.
#[derive(Debug)]
pub struct Recorder {
    time: Time,
    /// When the last entry came.
    latest: Instant,
    sides: [RecordedParty; 2],
    muxer: Muxer,
    sound: StereoSound,
    pictures: Option<Pictures>,
    /// What has been worked through, in ms of the recording.
    done_ms: u64,
}

/// The time of a recording.
#[derive(Clone, Copy, Debug)]
enum Time {
    /// The recording would have begun at this moment, had there been no pauses.
    Running(Instant),
    /// It stands still.
    Paused,
}

/// One side.
#[derive(Debug)]
struct RecordedParty {
    voices: RecordingTrack,
    voice: RecordedVoice,
    views: RecordingTrack,
    view: RecordedView,
    /// Parameter sets for the next packet of its pictures.
    sets: Box<[u8]>,
}

#[derive(Debug)]
struct StereoSound {
    encoder: StereoEncoder,
    /// What has been coded, in ms.
    done_ms: u64,
    sides: [Box<[i16]>; 2],
    both: Box<[i16]>,
    packet: Box<[u8]>,
}

#[derive(Debug)]
struct Pictures {
    encoder: VideoEncoder,
    canvas: Image,
    coded: Vec<u8>,
    /// When the last picture and the last key frame were, in ms.
    last: Option<(u64, u64)>,
}

impl Recorder {
    /// A recording that has not begun, and the head of its file.
    #[must_use]
    pub fn new(title: &str) -> (Self, FileWrite) {
        let mut encoder = StereoEncoder::new(RATE, SOUND_BITRATE);
        let track = SoundTrack { sample_rate: RATE, pre_skip: encoder.pre_skip() };
        let size = (SIDE.0 * 2, SIDE.1);
        let (muxer, head) = Muxer::new(title, track, size);
        let settings = Settings {
            width: size.0,
            height: size.1,
            frame_rate: FRAME_RATE,
            bitrate: PICTURE_BITRATE,
            slice_max: None,
        };
        let pictures = VideoEncoder::new(&Codec::H264, &settings).map(|encoder| Pictures {
            encoder,
            canvas: Image::new(size.0, size.1),
            coded: Vec::new(),
            last: None,
        });
        let frame = || vec![0; FRAME].into_boxed_slice();
        let recorder = Self {
            time: Time::Paused,
            latest: Instant::START,
            sides: [RecordedParty::new(), RecordedParty::new()],
            muxer,
            sound: StereoSound {
                encoder,
                done_ms: 0,
                sides: [frame(), frame()],
                both: vec![0; FRAME * 2].into(),
                packet: vec![0; PAYLOAD_MAX].into(),
            },
            pictures,
            done_ms: 0,
        };
        (recorder, head)
    }

    /// Takes a lot; appends what is to be written to `ink`.
    pub fn take(&mut self, tap: &RecordingTap, ink: &mut Vec<FileWrite>) {
        let mut bytes = &tap.bytes[..];
        let mut next = |len: usize| {
            let (payload, rest) = bytes.split_at(len.min(bytes.len()));
            bytes = rest;
            payload
        };
        for entry in &tap.entries {
            match entry {
                TapEntry::Resume(at) => self.resume(*at, ink),
                TapEntry::Pause(at) => {
                    self.pause(*at, ink);
                }
                TapEntry::Packet(piece) => self.packet(piece, next(piece.len), ink),
                TapEntry::ParameterSets { side, len } => {
                    self.sides[*side as usize].sets = next(*len).into();
                }
            }
        }
        if let Some(at) = self.elapsed(self.latest) {
            let until = at.as_millis().saturating_sub(HORIZON.as_millis()) as u64;
            self.advance(until, ink);
        }
    }

    /// The recording is over.
    pub fn finish(mut self, ink: &mut Vec<FileWrite>) {
        self.pause(self.latest, ink);
        self.muxer.finish(ink);
    }

    fn resume(&mut self, at: Instant, ink: &mut Vec<FileWrite>) {
        let elapsed = self.pause(at, ink);
        let began = at.as_micros().saturating_sub(elapsed.as_micros() as u64);
        self.time = Time::Running(Instant::from_micros(began));
        self.latest = at;
        self.sides.iter_mut().for_each(RecordedParty::cut);
    }

    /// Stops the time, and returns where it stands.
    fn pause(&mut self, at: Instant, ink: &mut Vec<FileWrite>) -> Duration {
        if let Some(elapsed) = self.elapsed(at.max(self.latest)) {
            let until = elapsed.as_millis() as u64;
            self.advance(until, ink);
            self.code_sound(until, ink);
            self.done_ms = self.sound.done_ms;
        }
        // Whole frames only, so that the next one begins where this one ended.
        let elapsed = Duration::from_millis(self.done_ms);
        self.time = Time::Paused;
        elapsed
    }

    /// The time of the recording, while it runs.
    fn elapsed(&self, at: Instant) -> Option<Duration> {
        match self.time {
            Time::Running(since) => Some(at.since(since)),
            Time::Paused => None,
        }
    }

    fn packet(&mut self, piece: &TappedPacket, payload: &[u8], ink: &mut Vec<FileWrite>) {
        if piece.at.since(self.latest) > SILENCE_MAX && self.elapsed(piece.at).is_some() {
            self.pause(self.latest, ink);
            self.resume(piece.at, ink);
        }
        self.latest = self.latest.max(piece.at);
        let party = &mut self.sides[piece.side as usize];
        match piece.kind() {
            Kind::Audio => party.voices.push(piece, payload, Box::default()),
            Kind::Video => party.views.push(piece, payload, std::mem::take(&mut party.sets)),
        }
    }

    /// Works through what had come by then.
    fn advance(&mut self, until_ms: u64, ink: &mut Vec<FileWrite>) {
        let Time::Running(since) = self.time else { return };
        while self.done_ms + FRAME_MS <= until_ms {
            self.done_ms += FRAME_MS;
            let until = since + Duration::from_millis(self.done_ms);
            for party in &mut self.sides {
                party.advance(since, until);
            }
            if self.done_ms.is_multiple_of(PICTURE_MS) {
                self.encode_frame(ink);
            }
            // A voice that jitters may still come to lie here.
            let sound_until = self.done_ms.saturating_sub(HORIZON.as_millis() as u64);
            self.code_sound(sound_until, ink);
        }
    }

    fn code_sound(&mut self, until_ms: u64, ink: &mut Vec<FileWrite>) {
        let StereoSound { encoder, done_ms, sides, both, packet } = &mut self.sound;
        while *done_ms + FRAME_MS <= until_ms {
            for (party, samples) in self.sides.iter_mut().zip(sides.iter_mut()) {
                party.voice.play(samples);
            }
            let [left, right] = sides;
            for (pair, (left, right)) in both.chunks_exact_mut(2).zip(left.iter().zip(&**right)) {
                pair.copy_from_slice(&[*left, *right]);
            }
            if let Some(len) = encoder.encode(both, packet) {
                self.muxer.sound((*done_ms, FRAME_MS), &packet[..len], ink);
            }
            *done_ms += FRAME_MS;
        }
    }

    /// A picture of both, when one of them has changed, or now and then.
    fn encode_frame(&mut self, ink: &mut Vec<FileWrite>) {
        let Some(pictures) = &mut self.pictures else { return };
        let fresh = self.sides.iter_mut().fold(false, |any, party| party.view.fit() | any);
        let (now_ms, last) = (self.done_ms, pictures.last);
        let due = match last {
            // A call without pictures has none in its file.
            None => fresh,
            Some((last, _)) => fresh || now_ms - last >= STILL_MS,
        };
        if !due {
            return;
        }
        for (at, party) in self.sides.iter().enumerate() {
            lay(party.view.half(), at * SIDE.0, &mut pictures.canvas);
        }
        let key_frame = last.is_none_or(|(_, key)| now_ms - key >= KEY_FRAME_MS);
        pictures.coded.clear();
        let coded = pictures.encoder.encode(&pictures.canvas, key_frame, &mut pictures.coded);
        if let Ok(is_key_frame) = coded
            && !pictures.coded.is_empty()
        {
            let key_ms = if is_key_frame { now_ms } else { last.map_or(now_ms, |(_, key)| key) };
            pictures.last = Some((now_ms, key_ms));
            self.muxer.video_frame(now_ms, is_key_frame, &pictures.coded, ink);
        }
    }
}

impl RecordedParty {
    fn new() -> Self {
        Self {
            voices: RecordingTrack::default(),
            voice: RecordedVoice::default(),
            views: RecordingTrack::default(),
            view: RecordedView::new(SIDE.0, SIDE.1),
            sets: Box::default(),
        }
    }

    /// Whoever it was, it may be another one now.
    fn cut(&mut self) {
        (self.voices, self.views) = (RecordingTrack::default(), RecordingTrack::default());
        self.voice.cut();
        self.view.cut();
        self.sets = Box::default();
    }

    fn advance(&mut self, since: Instant, until: Instant) {
        while let Some(packet) = self.voices.pop(until) {
            let arrived = packet.at.since(since).as_micros() as u64 * u64::from(RATE) / 1_000_000;
            self.voice.take(arrived, &packet);
        }
        while let Some(packet) = self.views.pop(until) {
            self.view.take(&packet);
        }
    }
}

/// Lays one half into the whole.
fn lay(half: &Image, column: usize, whole: &mut Image) {
    let (half_width, whole_width) = (half.width(), whole.width());
    for (n, (from, to)) in half.planes().into_iter().zip(whole.planes_mut()).enumerate() {
        let part = if n == 0 { 1 } else { 2 };
        let rows =
            from.chunks_exact(half_width / part).zip(to.chunks_exact_mut(whole_width / part));
        for (from, to) in rows {
            to[column / part..][..from.len()].copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::video::Colour;
    use crate::ids::CallId;
    use crate::media::Side;
    use crate::rtp::h264::PacketizationMode;
    use crate::rtp::video::{Packetiser, PictureFormat, nal_units};

    /// Packets of a tap, as the relay would write them.
    struct Relay {
        tap: RecordingTap,
        sequence: u16,
        /// Streams that phones have begun anew.
        restarts: u32,
    }

    impl Relay {
        fn new() -> Self {
            Self { tap: empty(), sequence: 0, restarts: 0 }
        }

        fn entry(&mut self, entry: TapEntry) {
            self.tap.entries.push(entry);
        }

        fn packet(&mut self, ms: u64, side: Side, codec: Codec, marker: bool, payload: &[u8]) {
            let ticks = ms as u32 * (codec.clock_rate() / 1000);
            self.sequence += 1;
            let (ssrc, sequence) = (side as u32 + 2 * self.restarts, self.sequence);
            let len = payload.len();
            let (at, timestamp) = (at(ms), ticks);
            let piece = TappedPacket { at, side, codec, ssrc, sequence, timestamp, marker, len };
            self.entry(TapEntry::Packet(piece));
            self.tap.bytes.extend_from_slice(payload);
        }

        fn voice(&mut self, side: Side, from: u64, to: u64) {
            for ms in (from..to).step_by(20) {
                self.packet(ms, side, Codec::Pcmu, false, &[0x10; 160]);
            }
        }

        fn picture(&mut self, ms: u64, side: Side, colour: Colour) {
            self.coded(ms, side, &coded(colour));
        }

        fn coded(&mut self, ms: u64, side: Side, coded: &[u8]) {
            let format = PictureFormat::H264 { mode: PacketizationMode::NonInterleaved };
            Packetiser::new(format, 1200).packetise(coded, &mut |payload, last| {
                self.packet(ms, side, Codec::H264, last, payload);
            });
        }

        fn restart(&mut self) {
            self.restarts += 1;
        }

        fn rewind(&mut self) -> RecordingTap {
            std::mem::replace(&mut self.tap, empty())
        }
    }

    /// A key frame of one colour.
    fn coded(colour: Colour) -> Vec<u8> {
        let (width, height) = (176, 144);
        let settings =
            Settings { width, height, frame_rate: 15, bitrate: 200_000, slice_max: None };
        let mut encoder = VideoEncoder::new(&Codec::H264, &settings).unwrap();
        let (mut image, mut coded) = (Image::new(width, height), Vec::new());
        image.fill(colour);
        encoder.encode(&image, true, &mut coded).unwrap();
        coded
    }

    fn empty() -> RecordingTap {
        RecordingTap { call: CallId(1), entries: Vec::new(), bytes: Vec::new() }
    }

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    /// The blocks of all clusters: track, ms, payload.
    fn blocks(ink: &[FileWrite]) -> Vec<(u8, u64, Vec<u8>)> {
        let appended = ink.iter().filter_map(|ink| match ink {
            FileWrite::Append(bytes) if bytes.starts_with(&[0x1f, 0x43, 0xb6, 0x75]) => Some(bytes),
            FileWrite::Append(_) | FileWrite::Patch { .. } => None,
        });
        let mut all = Vec::new();
        for cluster in appended {
            let mut rest = element(&cluster[4..]).0;
            let mut begins = 0;
            while !rest.is_empty() {
                let (contents, behind) = element(&rest[1..]);
                match rest[0] {
                    0xe7 => begins = contents.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)),
                    _block => {
                        let relative = i16::from_be_bytes([contents[1], contents[2]]);
                        let ms = begins.saturating_add_signed(relative.into());
                        all.push((contents[0] & 0x7f, ms, contents[4..].to_vec()));
                    }
                }
                rest = behind;
            }
        }
        all
    }

    /// What is in an element behind its identifier, and what is behind it.
    fn element(bytes: &[u8]) -> (&[u8], &[u8]) {
        let width = bytes[0].leading_zeros() as usize + 1;
        let first = usize::from(bytes[0]) & ((1 << (8 - width)) - 1);
        let len = bytes[1..width].iter().fold(first, |sum, b| sum << 8 | usize::from(*b));
        bytes[width..].split_at(len)
    }

    fn sound(blocks: &[(u8, u64, Vec<u8>)]) -> Vec<u64> {
        blocks.iter().filter(|(track, ..)| *track == 1).map(|(_, ms, _)| *ms).collect()
    }

    #[test]
    fn a_pause_takes_no_time_and_sound_goes_on_without_a_hole() {
        let (mut relay, mut ink) = (Relay::new(), Vec::new());
        let (mut recorder, _) = Recorder::new("call-1");
        relay.entry(TapEntry::Resume(at(500)));
        relay.voice(Side::Left, 500, 1500);
        relay.entry(TapEntry::Pause(at(1507)));
        relay.voice(Side::Left, 3000, 3100);
        relay.entry(TapEntry::Resume(at(9000)));
        relay.voice(Side::Right, 9000, 10_000);
        recorder.take(&relay.rewind(), &mut ink);
        recorder.finish(&mut ink);
        let times = sound(&blocks(&ink));
        let expected: Vec<u64> = (0..times.len() as u64).map(|n| n * 20).collect();
        assert_eq!(times, expected);
        assert!((1940..=2000).contains(times.last().unwrap()), "{:?} ms", times.last());
    }

    #[test]
    fn who_falls_silent_for_long_costs_no_time_either() {
        let (mut relay, mut ink) = (Relay::new(), Vec::new());
        let (mut recorder, _) = Recorder::new("call-1");
        relay.entry(TapEntry::Resume(at(0)));
        relay.voice(Side::Left, 0, 1000);
        relay.voice(Side::Left, 30_000_000, 30_001_000);
        recorder.take(&relay.rewind(), &mut ink);
        recorder.finish(&mut ink);
        assert!(sound(&blocks(&ink)).len() <= 100);
    }

    #[test]
    fn a_call_without_cameras_has_no_pictures() {
        let (mut relay, mut ink) = (Relay::new(), Vec::new());
        let (mut recorder, _) = Recorder::new("call-1");
        relay.entry(TapEntry::Resume(at(0)));
        relay.voice(Side::Left, 0, 3000);
        relay.entry(TapEntry::Resume(at(3000)));
        relay.voice(Side::Right, 3000, 4000);
        recorder.take(&relay.rewind(), &mut ink);
        recorder.finish(&mut ink);
        assert!(blocks(&ink).iter().all(|(track, ..)| *track == 1));
    }

    #[test]
    fn pictures_come_when_they_change_and_once_a_second() {
        let (mut relay, mut ink) = (Relay::new(), Vec::new());
        let (mut recorder, _) = Recorder::new("call-1");
        relay.entry(TapEntry::Resume(at(0)));
        relay.picture(450, Side::Left, Colour::from_rgb(200, 0, 0));
        relay.voice(Side::Left, 460, 5000);
        recorder.take(&relay.rewind(), &mut ink);
        recorder.finish(&mut ink);
        let blocks = blocks(&ink);
        let pictures: Vec<u64> =
            blocks.iter().filter(|(track, ..)| *track == 2).map(|(_, ms, _)| *ms).collect();
        assert_eq!(pictures, [500, 1500, 2500, 3500, 4500]);
        assert!(
            ink.iter().any(|ink| matches!(ink, FileWrite::Patch { .. })),
            "the track was entered"
        );
    }

    #[test]
    fn the_picture_of_whoever_was_there_before_is_gone_after_a_pause() {
        let (mut relay, mut ink) = (Relay::new(), Vec::new());
        let (mut recorder, _) = Recorder::new("call-1");
        relay.entry(TapEntry::Resume(at(0)));
        relay.picture(50, Side::Right, Colour::from_rgb(200, 0, 0));
        relay.voice(Side::Left, 60, 1000);
        recorder.take(&relay.rewind(), &mut ink);
        let red = recorder.sides[1].view.half().at(176, 144);
        relay.entry(TapEntry::Resume(at(1000)));
        relay.voice(Side::Left, 1000, 1500);
        recorder.take(&relay.rewind(), &mut ink);
        let ground = recorder.sides[1].view.half().at(176, 144);
        assert!(red.cr > 180 && ground.cr.abs_diff(128) < 8, "{red:?} and then {ground:?}");
    }

    /// A phone that begins anew in the middle, with its parameter sets in the SDP alone, while packets of
    /// its old stream still wait.
    #[test]
    fn parameter_sets_are_those_of_the_packets_behind_them() {
        let (mut relay, mut ink) = (Relay::new(), Vec::new());
        let (mut recorder, _) = Recorder::new("call-1");
        let blue = coded(Colour::from_rgb(0, 0, 200));
        let (sets, pictures): (Vec<&[u8]>, Vec<&[u8]>) =
            nal_units(&blue).partition(|nal| matches!(nal[0] & 0x1f, 7 | 8));
        let stream = |nals: &[&[u8]]| -> Vec<u8> {
            nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
        };
        relay.entry(TapEntry::Resume(at(0)));
        relay.picture(50, Side::Left, Colour::from_rgb(200, 0, 0));
        let sets = stream(&sets);
        relay.entry(TapEntry::ParameterSets { side: Side::Left, len: sets.len() });
        relay.tap.bytes.extend_from_slice(&sets);
        relay.restart();
        relay.coded(60, Side::Left, &stream(&pictures));
        relay.voice(Side::Left, 60, 1000);
        recorder.take(&relay.rewind(), &mut ink);
        let seen = recorder.sides[0].view.half().at(176, 144);
        assert!(seen.cb > 180, "{seen:?}");
    }

    #[test]
    fn a_tap_that_contradicts_itself_breaks_nothing() {
        let mut ink = Vec::new();
        let (mut recorder, _) = Recorder::new("call-1");
        let mut relay = Relay::new();
        relay.voice(Side::Left, 0, 100);
        relay.entry(TapEntry::Pause(at(50)));
        relay.entry(TapEntry::ParameterSets { side: Side::Right, len: 9000 });
        relay.entry(TapEntry::Resume(at(20)));
        relay.packet(10, Side::Right, Codec::H264, true, &[0x7c, 0x85]);
        relay.packet(10, Side::Right, Codec::Vp9, true, &[1, 2, 3]);
        relay.entry(TapEntry::Resume(at(5)));
        relay.packet(1, Side::Right, Codec::Opus, true, &[]);
        relay.tap.bytes.truncate(100);
        recorder.take(&relay.rewind(), &mut ink);
        recorder.finish(&mut ink);
    }
}
