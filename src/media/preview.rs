//! Stills of one peer: which of its key frames become one, and the last that has.
//!
//! ```text
//!   packets ── whole key frame, 2 s after the last ──▶ waits ── worker ──▶ latest ── 6 s ──▶ gone
//!                 └ a piece is missing: none of it
//! ```

use super::frame::{FrameContents, ParameterSets};
use super::frame_assembler::FrameAssembler;
use super::packing::packing;
use super::peer_packet::{PacketKind, PeerPacket};
use crate::codec::Codec;
use crate::ids::PortId;
use crate::rtp::h264::{self, PacketizationMode};
use crate::rtp::video::{AccessUnit, nal_units};
use crate::time::{Duration, Instant, Now};
use std::collections::VecDeque;
use std::sync::Arc;

/// Between two stills of one peer, and between two requests for a key frame of which one is made.
pub const STILL_INTERVAL: Duration = Duration::from_secs(2);
/// A phone that sends a key frame every two seconds by itself is not exact.
const EARLY: Duration = Duration::from_millis(100);
/// An older still shows what is not there any more.
const STILL_AGE_MAX: Duration = Duration::from_secs(6);
/// The largest key frame that is made one of, in bytes.
const KEY_FRAME_MAX: usize = 256 * 1024;
/// So many stills are with the workers at a time, who have conversions to do,
const AT_WORK_MAX: usize = 2;
/// and so many key frames may wait to be; others come in two seconds.
const WAITING_MAX: usize = 64;

/// A still of what a peer sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Still {
    /// When its key frame was whole. No two of one peer have the same time, before a restart and after it.
    pub taken: Now,
    /// JPEG, 160 points wide.
    pub jpeg: Arc<[u8]>,
}

/// What stills of one peer are made of.
#[derive(Debug, Default)]
pub struct Preview {
    assembly: Option<Assembly>,
    /// When the last key frame was whole that became one, or is to.
    last: Option<Instant>,
    /// Waits for a worker.
    waiting: Option<KeyFrame>,
    /// With a worker: under which number, and when it was whole.
    at_work: Option<(u64, Now)>,
    latest: Option<Still>,
}

/// The pictures of one stream of the peer.
#[derive(Debug)]
struct Assembly {
    ssrc: u32,
    codec: Codec,
    /// None where its codec has no key frames that can be told.
    assembler: Option<FrameAssembler>,
    /// The timestamp of the first picture, where its beginning may have been missed.
    cut: Option<u32>,
}

/// A whole key frame, with all that a decoder needs.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyFrame {
    taken: Now,
    /// Of what.
    pub codec: Codec,
    /// As the codec room takes it.
    pub coded: Vec<u8>,
}

/// The ports whose key frames wait for a worker, first come first served.
#[derive(Debug, Default)]
pub struct StillQueue {
    waiting: VecDeque<PortId>,
    at_work: usize,
    last: u64,
}

impl Preview {
    /// Takes in a packet of the peer; true when a key frame waits by it, and none did.
    pub fn take(
        &mut self,
        now: Now,
        (arrived, packet): (&PeerPacket, &[u8]),
        (codec, sets): (&Codec, &ParameterSets),
    ) -> bool {
        let is_it = |of: &Assembly| of.ssrc == arrived.header.ssrc && of.codec == *codec;
        if !self.assembly.as_ref().is_some_and(is_it) {
            self.assembly = Some(Assembly::of(arrived, codec));
        }
        let Self { assembly: Some(Assembly { assembler: Some(assembler), cut, .. }), .. } = self
        else {
            return false;
        };
        let payload = match arrived.what {
            PacketKind::Picture(_) => packet,
            PacketKind::Sound | PacketKind::Key { .. } | PacketKind::Withheld => &[],
        };
        let (last, waiting) = (&mut self.last, &mut self.waiting);
        let waited = waiting.is_some();
        let mut see = |unit: AccessUnit<'_>| {
            let is_whole = unit.intact && *cut != Some(unit.timestamp);
            let is_due = last.is_none_or(|at| now.instant.since(at) + EARLY >= STILL_INTERVAL);
            if is_whole && is_due && is_key_frame(codec, &unit) {
                *last = Some(now.instant);
                let coded = [&sets.stream()[..], unit.bytes].concat();
                *waiting = Some(KeyFrame { taken: now, codec: codec.clone(), coded });
            }
        };
        // Nobody waits for a still: what is late is given up when the next packet comes.
        assembler.tick(now.instant, &mut see);
        assembler.take(now.instant, arrived.turn(payload), see);
        !waited && self.waiting.is_some()
    }

    /// Gives away what waits, for this number.
    fn give(&mut self, number: u64) -> Option<KeyFrame> {
        let key_frame = self.waiting.take()?;
        self.at_work = Some((number, key_frame.taken));
        Some(key_frame)
    }

    /// Too many wait.
    pub fn forgo(&mut self) {
        self.waiting = None;
    }

    /// A worker has done what it got under this number; none where the picture is broken.
    pub fn done(&mut self, number: u64, jpeg: Option<Vec<u8>>) {
        let Some((_, taken)) = self.at_work.take_if(|(at_work, _)| *at_work == number) else {
            return;
        };
        if let Some(jpeg) = jpeg {
            self.latest = Some(Still { taken, jpeg: jpeg.into() });
        }
    }

    /// The last still, while it shows what is there.
    #[must_use]
    pub fn latest(&self, now: Instant) -> Option<&Still> {
        self.latest.as_ref().filter(|still| now.since(still.taken.instant) <= STILL_AGE_MAX)
    }
}

impl Assembly {
    fn of(arrived: &PeerPacket, codec: &Codec) -> Self {
        // H.261 renews its pictures piece by piece, and names none a key frame.
        let format = packing(codec, PacketizationMode::NonInterleaved);
        let format = format.filter(|_| *codec != Codec::H261);
        let is_cut = match arrived.what {
            PacketKind::Picture(contents) => {
                contents == FrameContents::Opaque || !contents.begins_picture()
            }
            PacketKind::Sound | PacketKind::Key { .. } | PacketKind::Withheld => true,
        };
        let (ssrc, codec) = (arrived.header.ssrc, codec.clone());
        let cut = is_cut.then_some(arrived.header.timestamp);
        Self { ssrc, codec, assembler: format.map(FrameAssembler::new), cut }
    }
}

/// Whether a picture can be seen by itself: parameter sets alone do not make it so.
fn is_key_frame(codec: &Codec, unit: &AccessUnit<'_>) -> bool {
    let is_idr = |nal: &[u8]| nal.first().is_some_and(|head| head & 0x1f == h264::IDR_SLICE);
    unit.key_frame
        && unit.bytes.len() <= KEY_FRAME_MAX
        && (*codec != Codec::H264 || nal_units(unit.bytes).any(is_idr))
}

impl StillQueue {
    /// Lines a port up; false when too many wait.
    #[must_use]
    pub fn join(&mut self, port: PortId) -> bool {
        let has_room = self.waiting.len() < WAITING_MAX;
        self.waiting.extend(has_room.then_some(port));
        has_room
    }

    /// The next port whose turn it is, while a worker may have one more.
    pub fn turn(&mut self) -> Option<PortId> {
        if self.at_work < AT_WORK_MAX { self.waiting.pop_front() } else { None }
    }

    /// Takes what waits at a port whose turn it is, and the number under which a worker gets it.
    pub fn take(&mut self, preview: &mut Preview) -> Option<(u64, KeyFrame)> {
        let key_frame = preview.give(self.last + 1)?;
        self.last += 1;
        self.at_work += 1;
        Some((self.last, key_frame))
    }

    /// A worker has done with one.
    pub fn done(&mut self) {
        self.at_work = self.at_work.saturating_sub(1);
    }
}
