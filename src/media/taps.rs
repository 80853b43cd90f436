//! The recordings that go on: what they have gathered, and when it is given to the recorder.

use super::frame::{FrameContents, ParameterSets};
use super::outgoing::Outgoing;
use super::peer_packet::{PacketKind, PeerPacket};
use super::tap::{LOT_BYTES, LOT_ENTRIES, RecordingTap, Side, TapEntry, TappedPacket};
use crate::codec::Codec;
use crate::ids::{CallId, PortId};
use crate::rtp::HEADER_LEN;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// A lot is given away, full or not, when so much time has passed since its first entry.
const LOT_TIME: Duration = Duration::from_millis(200);

/// A packet as it came to a port.
#[derive(Clone, Copy, Debug)]
pub struct TapInput<'a> {
    /// Where it came.
    pub source: PortId,
    /// What it is.
    pub arrived: &'a PeerPacket,
    /// With its header.
    pub packet: &'a [u8],
    /// What its source's pictures need to be decoded.
    pub sets: &'a ParameterSets,
}

/// All recordings that go on.
#[derive(Debug, Default)]
pub struct RecordingTaps(BTreeMap<CallId, CallTap>);

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
    pub fn attach(
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

    /// Copies a packet of a source to one side of a recording, while it runs.
    pub fn copy(
        &mut self,
        now: Instant,
        (call, side): (CallId, Side),
        (heard, codec): (&TapInput<'_>, &Codec),
        out: &mut impl Outgoing,
    ) {
        let TapInput { arrived, packet, sets, .. } = *heard;
        let Some(call_tap) = self.0.get_mut(&call).filter(|call_tap| call_tap.running) else {
            return;
        };
        let header = &arrived.header;
        match arrived.what {
            PacketKind::Key { .. } | PacketKind::Withheld => return,
            PacketKind::Picture(FrameContents::H264(_)) => {
                let told = &mut call_tap.sets_of[side as usize];
                if told.replace(header.ssrc) != Some(header.ssrc) {
                    let sets = sets.stream();
                    let entry = TapEntry::ParameterSets { side, len: sets.len() };
                    call_tap.write(now, entry, &sets, out);
                }
            }
            PacketKind::Sound if arrived.is_empty() => return,
            PacketKind::Sound | PacketKind::Picture(_) => {}
        }
        let payload = packet.get(HEADER_LEN..).unwrap_or_default();
        let piece = TappedPacket {
            at: now,
            side,
            codec: codec.clone(),
            ssrc: header.ssrc,
            sequence: header.sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            len: payload.len(),
        };
        call_tap.write(now, TapEntry::Packet(piece), payload, out);
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
