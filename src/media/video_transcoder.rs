//! The pictures of one source in another codec: put together here, coded by a worker, taken apart
//! again for the receiver.
//!
//! ```text
//!   packets ──▶ assembler ── Job ──▶ worker ── Done ──▶ packetiser ──▶ packets
//!
//!   Shut ── key frame, or 3 s without one ──▶ Open ── a worker that falls behind ──▶ Shut
//! ```

use super::frame::KEY_FRAME_WAIT;
use super::frame_assembler::FrameAssembler;
use super::jitter_buffer::JitterOutput;
use super::packing::{PAYLOAD_MAX, picture_format, target};
use super::plan::StreamPlan;
use super::route::Conversion;
use super::work::{BEHIND, ConversionId, Job, UNDER_WAY_MAX};
use crate::rtp::video::{AccessUnit, Packetiser};
use crate::time::Instant;
use std::sync::Arc;

/// The most that one picture takes of the receiver's clock, at 90 kHz: a source that paused longer
/// was cut.
const STEP_MAX: u32 = 5 * 90_000;
/// The least: 60 pictures a second.
const STEP_MIN: u32 = 1500;

/// The conversion of one source's pictures for one receiver.
#[derive(Debug)]
pub struct VideoTranscoder {
    id: ConversionId,
    formats: Arc<Conversion>,
    assembler: FrameAssembler,
    packetiser: Packetiser,
    gate: DecoderKeyFrameGate,
    under_way: usize,
    /// The source's timestamp of the last picture that was sent.
    sent: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
enum DecoderKeyFrameGate {
    /// No picture has come yet.
    Waiting,
    Shut {
        since: Instant,
    },
    Open,
}

/// What taking in a packet leads to.
#[derive(Debug, Default)]
pub struct TranscoderDemand {
    /// For a worker.
    pub jobs: Vec<Job>,
    /// The source has to send a key frame.
    pub key_frame: bool,
}

impl VideoTranscoder {
    /// The conversion, and the job that begins it; none where one of the formats cannot be coded
    /// here.
    #[must_use]
    pub fn new(
        id: ConversionId,
        formats: &Arc<Conversion>,
        plan: &StreamPlan,
    ) -> Option<(Self, Job)> {
        let (from, to) = (picture_format(&formats.from)?, picture_format(&formats.to)?);
        let open = Job::Open {
            conversion: id,
            from: formats.from.codec.clone(),
            to: formats.to.codec.clone(),
            target: target(&formats.to, plan),
        };
        let transcoder = Self {
            id,
            formats: Arc::clone(formats),
            assembler: FrameAssembler::new(from),
            packetiser: Packetiser::new(to, PAYLOAD_MAX),
            gate: DecoderKeyFrameGate::Waiting,
            under_way: 0,
            sent: None,
        };
        Some((transcoder, open))
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> ConversionId {
        self.id
    }

    /// From which format to which.
    #[must_use]
    pub fn formats(&self) -> &Arc<Conversion> {
        &self.formats
    }

    /// Takes in a packet of the source.
    pub fn take(&mut self, now: Instant, packet: JitterOutput<'_>, wanted: &mut TranscoderDemand) {
        let Self { id, assembler, gate, under_way, .. } = self;
        assembler.take(now, packet, |unit| gate.pass(now, (*id, under_way), unit, wanted));
    }

    /// Whether [`tick`](Self::tick) has to be called every 20 ms.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.assembler.is_waiting()
    }

    /// Takes what has waited long enough.
    pub fn tick(&mut self, now: Instant, wanted: &mut TranscoderDemand) {
        let Self { id, assembler, gate, under_way, .. } = self;
        assembler.tick(now, |unit| gate.pass(now, (*id, under_way), unit, wanted));
    }

    /// A worker has done with one picture.
    pub fn done(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// By how much the receiver's clock goes on with the picture of this timestamp.
    pub fn step_to(&mut self, timestamp: u32) -> u32 {
        let last = self.sent.replace(timestamp);
        let step = last.map_or(0, |last| timestamp.wrapping_sub(last));
        if step > STEP_MAX { STEP_MIN } else { step.max(STEP_MIN) }
    }

    /// Takes a coded picture apart; the last payload is named so.
    pub fn packetise(&mut self, coded: &[u8], mut each: impl FnMut(&[u8], bool)) {
        self.packetiser.packetise(coded, &mut each);
    }
}

impl DecoderKeyFrameGate {
    /// Decides on one picture.
    fn pass(
        &mut self,
        now: Instant,
        (conversion, under_way): (ConversionId, &mut usize),
        unit: AccessUnit<'_>,
        wanted: &mut TranscoderDemand,
    ) {
        // What is missing spoils all pictures up to the next key frame.
        wanted.key_frame |= !unit.intact;
        let open = match *self {
            Self::Open => true,
            Self::Waiting => {
                wanted.key_frame |= !unit.key_frame;
                unit.key_frame
            }
            Self::Shut { since } => unit.key_frame || now.since(since) >= KEY_FRAME_WAIT,
        };
        *self = match (*self, open) {
            (_, true) => Self::Open,
            (Self::Waiting, false) => Self::Shut { since: now },
            (shut, false) => shut,
        };
        if !open {
            return;
        }
        if *under_way >= UNDER_WAY_MAX {
            *self = Self::Shut { since: now };
            wanted.key_frame = true;
            return;
        }
        wanted.jobs.push(Job::Frame {
            conversion,
            timestamp: unit.timestamp,
            coded: unit.bytes.to_vec(),
            wanted: *under_way < BEHIND,
        });
        *under_way += 1;
    }
}
