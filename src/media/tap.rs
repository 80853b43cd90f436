//! What is recorded of a call: the packets of its two sides, gathered here and carried to a recorder
//! in lots, so that the path of a packet copies bytes and does nothing else.
//!
//! ```text
//!   subject's port ─ what its peer says ────────────▶ Left  ┐
//!   its source     ─ what its peer is given of a port ▶ Right ┴─▶ RecordingTap ── 200 ms or 16 kB ──▶ recorder
//!
//!   Paused ── the subject's row names a port ──▶ Running ── music, silence, nothing ──▶ Paused
//! ```
//!
//! Keys are not recorded: a card number that is keyed in belongs into no file.

use super::frame::{FrameContents, ParameterSets};
use super::inbound::{PacketKind, PeerPacket};
use super::machine::{Machine, Outgoing};
use super::patchbay::{PatchChange, Source};
use crate::codec::{Codec, Kind};
use crate::ids::{CallId, PortId};
use crate::rtp::HEADER_LEN;
use crate::time::{Duration, Instant, Now};
use std::collections::BTreeMap;

/// A lot is given away when it has so many bytes of payload.
pub const LOT_BYTES: usize = 16 * 1024;
/// Or so many entries.
pub const LOT_ENTRIES: usize = 256;
/// Or when so much time has passed since its first entry.
pub const LOT_TIME: Duration = Duration::from_millis(200);

/// Which of the two sides of a recording.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// The subject: who called.
    Left,
    /// Whom it hears and sees.
    Right,
}

/// A lot of what is recorded of one call, in the order in which it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordingTap {
    /// Whose.
    pub call: CallId,
    /// What came.
    pub entries: Vec<TapEntry>,
    /// The payloads of the entries, one after another.
    pub bytes: Vec<u8>,
}

/// One thing that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TapEntry {
    /// From here on the two talk; whoever was seen before may be another one now.
    Resume(Instant),
    /// From here on nothing is recorded.
    Pause(Instant),
    /// A packet, whose payload comes next in [`RecordingTap::bytes`].
    Packet(TappedPacket),
    /// H.264 parameter sets, which its source may send in its SDP alone: a byte stream with start codes,
    /// next in [`RecordingTap::bytes`].
    ParameterSets {
        /// Whose.
        side: Side,
        /// Its length.
        len: usize,
    },
}

/// One packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TappedPacket {
    /// When it came.
    pub at: Instant,
    /// From whom.
    pub side: Side,
    /// Of what.
    pub codec: Codec,
    /// As in its header.
    pub ssrc: u32,
    /// As in its header.
    pub sequence: u16,
    /// As in its header.
    pub timestamp: u32,
    /// As in its header.
    pub marker: bool,
    /// The length of its payload.
    pub len: usize,
}

/// A packet as it came to a port.
#[derive(Clone, Copy, Debug)]
pub(super) struct TapInput<'a> {
    pub source: PortId,
    pub arrived: &'a PeerPacket,
    /// With its header.
    pub packet: &'a [u8],
    /// What its source's pictures need to be decoded.
    pub sets: &'a ParameterSets,
}

/// All recordings that go on.
#[derive(Debug, Default)]
pub(super) struct RecordingTaps(BTreeMap<CallId, CallTap>);

#[derive(Debug)]
struct CallTap {
    /// The subject's ports, and whether each is given what comes from a port.
    ports: BTreeMap<PortId, bool>,
    running: bool,
    tap: RecordingTap,
    since: Option<Instant>,
    /// By side, the SSRC whose parameter sets were recorded.
    sets_of: [Option<u32>; 2],
}

impl RecordingTaps {
    /// Begins to record a port, or another source for one that is recorded.
    fn attach(
        &mut self,
        now: Instant,
        call: CallId,
        (port, given): (PortId, bool),
        out: &mut impl Outgoing,
    ) {
        let call_tap = self.0.entry(call).or_insert_with(|| CallTap::new(call));
        call_tap.ports.insert(port, given);
        call_tap.settle(now, out);
    }

    /// Ends to record a port; a recording without ports is over until one is attached again.
    pub fn detach(&mut self, now: Instant, call: CallId, port: PortId, out: &mut impl Outgoing) {
        let Some(call_tap) = self.0.get_mut(&call) else { return };
        call_tap.ports.remove(&port);
        call_tap.settle(now, out);
        if call_tap.ports.is_empty() {
            call_tap.give(out);
            self.0.remove(&call);
        }
    }
}

impl CallTap {
    fn new(call: CallId) -> Self {
        Self {
            ports: BTreeMap::new(),
            running: false,
            tap: RecordingTap { call, entries: Vec::new(), bytes: Vec::new() },
            since: None,
            sets_of: [None; 2],
        }
    }

    /// Who is recorded has changed: it goes on, pauses, or goes on with others.
    fn settle(&mut self, now: Instant, out: &mut impl Outgoing) {
        let running = self.ports.values().any(|given| *given);
        if running {
            self.sets_of = [None; 2];
            self.write(now, TapEntry::Resume(now), &[], out);
        } else if self.running {
            self.write(now, TapEntry::Pause(now), &[], out);
            self.give(out);
        }
        self.running = running;
    }

    fn write(&mut self, now: Instant, entry: TapEntry, bytes: &[u8], out: &mut impl Outgoing) {
        self.tap.entries.push(entry);
        self.tap.bytes.extend_from_slice(bytes);
        let since = *self.since.get_or_insert(now);
        let is_full = self.tap.bytes.len() >= LOT_BYTES || self.tap.entries.len() >= LOT_ENTRIES;
        if is_full || now.since(since) >= LOT_TIME {
            self.give(out);
        }
    }

    fn give(&mut self, out: &mut impl Outgoing) {
        self.since = None;
        if !self.tap.entries.is_empty() {
            let empty =
                RecordingTap { call: self.tap.call, entries: Vec::new(), bytes: Vec::new() };
            out.tap(std::mem::replace(&mut self.tap, empty));
        }
    }
}

impl Machine {
    /// Begins or ends to record what a port's peer says and is given.
    pub(super) fn record(
        &mut self,
        now: Now,
        port: PortId,
        recording: Option<CallId>,
        out: &mut impl Outgoing,
    ) {
        let Some(open) = self.ports.get_mut(port) else { return };
        let before = std::mem::replace(&mut open.recording, recording);
        if let Some(call) = before.filter(|_| before != recording) {
            self.taps.detach(now.instant, call, port, out);
        }
        let Some(call) = recording.filter(|_| before != recording) else { return };
        let source = self.patchbay.source(port);
        let given = matches!(source, Source::Port(_));
        self.taps.attach(now.instant, call, (port, given), out);
        self.refresh(now, port, source, out);
    }

    /// Rows have changed: what is recorded pauses, goes on, or is of another party now.
    pub(super) fn recut(&mut self, now: Now, changes: &[PatchChange], out: &mut impl Outgoing) {
        for PatchChange { receiver, to, .. } in changes {
            let recording = self.ports.get(*receiver).and_then(|open| open.recording);
            if let Some(call) = recording {
                let given = matches!(to, Source::Port(_));
                self.taps.attach(now.instant, call, (*receiver, given), out);
                self.refresh(now, *receiver, *to, out);
            }
        }
    }

    /// A recorder can begin with a key frame only, from either side.
    fn refresh(&mut self, now: Now, port: PortId, source: Source, out: &mut impl Outgoing) {
        if let Source::Port(source) = source {
            self.want_key_frame(now, port, out);
            self.want_key_frame(now, source, out);
        }
    }

    /// Copies a packet of `source` to a recording, while it runs.
    pub(super) fn tap(
        &mut self,
        now: Now,
        (call, side): (CallId, Side),
        heard: &TapInput<'_>,
        out: &mut impl Outgoing,
    ) {
        let TapInput { source, arrived, packet, sets } = *heard;
        let Some(open) = self.ports.get(source) else { return };
        let Some(call_tap) = self.taps.0.get_mut(&call).filter(|call_tap| call_tap.running) else {
            return;
        };
        let Some(format) = open.plan.formats.get(arrived.format) else { return };
        let header = &arrived.header;
        match arrived.what {
            PacketKind::Key { .. } | PacketKind::Withheld => return,
            PacketKind::Picture(FrameContents::H264(_)) => {
                let told = &mut call_tap.sets_of[side as usize];
                if told.replace(header.ssrc) != Some(header.ssrc) {
                    let sets = sets.stream();
                    let entry = TapEntry::ParameterSets { side, len: sets.len() };
                    call_tap.write(now.instant, entry, &sets, out);
                }
            }
            PacketKind::Sound if arrived.is_empty() => return,
            PacketKind::Sound | PacketKind::Picture(_) => {}
        }
        let payload = packet.get(HEADER_LEN..).unwrap_or_default();
        let piece = TappedPacket {
            at: now.instant,
            side,
            codec: format.codec.clone(),
            ssrc: header.ssrc,
            sequence: header.sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            len: payload.len(),
        };
        call_tap.write(now.instant, TapEntry::Packet(piece), payload, out);
    }

    /// The recording in which a port's peer, and whom it is given, are heard.
    pub(super) fn recording_of(&self, port: PortId) -> Option<CallId> {
        self.ports.get(port).and_then(|open| open.recording)
    }
}

impl TappedPacket {
    /// Sound or pictures.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.codec.kind()
    }
}
