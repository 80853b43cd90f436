//! The pictures that waiting parties see: drawn, coded and packed once for all who see the same.
//!
//! ```text
//!   key ── 9 that change little ── key ── 9 that change little ──▶ from the start    5 a second
//!    ▲                              │
//!    └── the receiver asks: leap to the next key frame ──┘
//! ```
//!
//! An encoded prompt is a value that workers make ([`PromptOrder::code`]); a receiver whose encoded prompt is not there yet
//! sees on what it saw before.

use super::pace::{Beat, PacketPace};
use super::packing::{PAYLOAD_MAX, packing, picture_format, target};
use super::plan::StreamPlan;
use super::prompt::{VideoPrompt, WaitingProfile};
use super::stock::SharedMedia;
use super::wait_picture::{LIGHT_PLACES, draw, draw_light};
use crate::codec::Codec;
use crate::codec::video::{H264Level, H264Parameters, Image, Settings, VideoEncoder};
use crate::rtp::h264::PacketizationMode;
use crate::rtp::video::Packetiser;
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// As many as most receivers get; fewer where one declares so.
const PICTURES_PER_SECOND: u32 = 5;
/// Pictures from one key frame to the next, 2 s.
const KEY_FRAME_EVERY: usize = 10;
/// Two key frames in a row are numbered apart, so that an encoded prompt has two.
const PROMPT_LEN: usize = 2 * KEY_FRAME_EVERY;
/// How many pictures the light stays in one place.
const LIGHT_STAYS: usize = KEY_FRAME_EVERY / LIGHT_PLACES;
const CLOCK_RATE: u32 = 90_000;
/// What a picture is drawn in, from the largest down.
const SIZES: [(usize, usize); 4] = [(640, 480), (352, 288), QCIF, (128, 96)];
/// What every old videophone shows.
const QCIF: (usize, usize) = (176, 144);

/// What makes two encoded prompts the same.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PromptKey {
    /// What is seen.
    pub prompt: VideoPrompt,
    codec: Codec,
    /// Columns and rows.
    size: (usize, usize),
    /// Pictures a second.
    rate: u32,
    /// bit/s.
    bitrate: u32,
}

/// What a worker needs to know to make an encoded prompt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PromptOrder {
    /// Which.
    pub key: PromptKey,
    /// What the prompt looks like.
    pub waiting_profile: Arc<WaitingProfile>,
}

/// The payloads of one picture.
type Payloads = Vec<Box<[u8]>>;

/// The pictures of one loop, packed. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncodedPrompt(Arc<[Payloads]>);

impl SharedMedia for EncodedPrompt {
    fn is_used(&self) -> bool {
        self.0.is_used()
    }
}

impl PromptKey {
    /// The encoded prompt of a video prompt for a receiver with this plan, and its payload type; none when it has no
    /// codec that we can code.
    #[must_use]
    pub fn of(prompt: VideoPrompt, plan: &StreamPlan) -> Option<(Self, u8)> {
        let mut formats = plan
            .formats()
            .filter(|format| format.codec.can_transcode() && picture_format(format).is_some());
        let format = formats.next()?;
        let mut target = target(format, plan);
        if format.codec == Codec::H264 {
            let level = H264Parameters::parse(&format.fmtp).level;
            target.macroblocks_max = target.macroblocks_max.min(macroblocks_max(level));
        }
        if target.sizes.is_empty() && matches!(format.codec, Codec::H261 | Codec::H263) {
            target.sizes.push(QCIF);
        }
        let fits = |size: &(usize, usize)| target.size_for(*size) == *size;
        let size = SIZES.into_iter().find(fits).unwrap_or_else(|| target.size_for(SIZES[1]));
        let usual = bitrate(size);
        let bitrate = target.bitrate_max.map_or(usual, |max| usual.min(max));
        let rate = target.frame_rate_max.clamp(1, PICTURES_PER_SECOND);
        let key = Self { prompt, codec: format.codec.clone(), size, rate, bitrate };
        Some((key, format.send_pt & 0x7f))
    }
}

/// The largest picture of a level (ITU-T H.264, table A-1).
fn macroblocks_max(level: H264Level) -> usize {
    match level {
        _ if level < H264Level::of(12) => 99,
        _ if level < H264Level::of(21) => 396,
        _ if level < H264Level::of(22) => 792,
        _larger => 1620,
    }
}

/// Letters on a plain ground need little; their edges are to be sharp at once.
fn bitrate((width, height): (usize, usize)) -> u32 {
    // At most IMAGE_SIDE_MAX a side.
    (width * height) as u32 * 2
}

impl PromptOrder {
    /// Draws, codes and packs the encoded prompt, which takes some ms; none when there is no encoder for it.
    #[must_use]
    pub fn code(&self) -> Option<EncodedPrompt> {
        let PromptKey { prompt, codec, size: (width, height), rate, bitrate } = &self.key;
        let settings = Settings {
            width: *width,
            height: *height,
            frame_rate: *rate,
            bitrate: *bitrate,
            // Slices that fit a packet suit the receivers of both packetization modes.
            slice_max: (*codec == Codec::H264).then_some(PAYLOAD_MAX),
        };
        let mut encoder = VideoEncoder::new(codec, &settings)?;
        let mut packetiser =
            Packetiser::new(packing(codec, PacketizationMode::Single)?, PAYLOAD_MAX);
        let mut image = Image::new(*width, *height);
        draw(&mut image, &self.waiting_profile, prompt.message);
        let mut encoded_prompt = Vec::with_capacity(PROMPT_LEN);
        let mut coded = Vec::new();
        for at in 0..PROMPT_LEN {
            draw_light(&mut image, at / LIGHT_STAYS);
            coded.clear();
            encoder.encode(&image, at.is_multiple_of(KEY_FRAME_EVERY), &mut coded).ok()?;
            let mut payloads = Payloads::new();
            packetiser.packetise(&coded, &mut |payload, _last| payloads.push(payload.into()));
            encoded_prompt.push(payloads);
        }
        Some(EncodedPrompt(encoded_prompt.into()))
    }
}

/// An encoded prompt on its way to one receiver.
#[derive(Debug)]
pub struct PromptPlayer {
    payload_type: u8,
    codec: Codec,
    encoded_prompt: EncodedPrompt,
    next: usize,
    /// Ticks between two pictures.
    step: u32,
    pace: PacketPace,
}

/// One picture of an encoded prompt.
#[derive(Clone, Copy, Debug)]
pub struct PromptFrame<'a> {
    /// Ticks in a second.
    pub clock_rate: u32,
    /// Ticks since the picture before.
    pub step: u32,
    /// One packet each, all of one timestamp.
    pub payloads: &'a [Box<[u8]>],
    /// Whether pictures before it were left out.
    pub late: bool,
}

impl PromptPlayer {
    /// Begins an encoded prompt with a key frame. Where another one ran before, its first key frame is not
    /// numbered like the last one of that.
    #[must_use]
    pub fn new(
        encoded_prompt: EncodedPrompt,
        key: &PromptKey,
        payload_type: u8,
        due: Instant,
        before: Option<Self>,
    ) -> Self {
        let next = before.map_or(0, |mut before| {
            before.leap();
            before.next
        });
        let interval = Duration::from_micros(1_000_000 / u64::from(key.rate));
        let (pace, step) = (PacketPace::new(interval, due), CLOCK_RATE / key.rate);
        Self { payload_type, codec: key.codec.clone(), encoded_prompt, next, step, pace }
    }

    /// Whether the receiver still takes this encoded prompt.
    #[must_use]
    pub fn suits(&self, key: &PromptKey, payload_type: u8) -> bool {
        self.codec == key.codec && self.payload_type == payload_type
    }

    /// The receiver's number.
    #[must_use]
    pub fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// Whether its pictures have numbers of their own (RFC 7741).
    #[must_use]
    pub fn is_vp8(&self) -> bool {
        self.codec == Codec::Vp8
    }

    /// The next picture is a key frame.
    pub fn leap(&mut self) {
        self.next = self.next.next_multiple_of(KEY_FRAME_EVERY) % PROMPT_LEN;
    }

    /// The next picture, when it is time for it.
    pub fn next(&mut self, now: Instant) -> Option<PromptFrame<'_>> {
        let beat = self.pace.beat(now);
        match beat {
            Beat::Early => return None,
            Beat::Now => {}
            Beat::Late => self.leap(),
        }
        let at = self.next;
        self.next = (at + 1) % PROMPT_LEN;
        let payloads = self.encoded_prompt.0.get(at)?;
        Some(PromptFrame {
            clock_rate: CLOCK_RATE,
            step: self.step,
            payloads,
            late: beat == Beat::Late,
        })
    }
}
