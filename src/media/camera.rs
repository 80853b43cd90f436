//! Cameras as sources: pictures that the server brings, packed as if a phone had sent them.
//!
//! ```text
//!   Gone ── up ──▶ Live: unit ──▶ packets ──▶ each viewer's route: pass, repack or convert
//!     ▲             │ a viewer comes, or asks for a key frame:
//!     └─── lost ────┘ the last key frame at once, all else from the next one on
//! ```
//!
//! A camera cannot be asked for a key frame, so the last one is kept. Packets are numbered apart for
//! each viewer: what one does not get leaves no gap in what it does get. While a camera is gone its
//! viewers see the picture that the relay makes for [`Source::Camera`](super::Source::Camera).

use super::continuity::Numbers;
use super::inbound::{Arrived, What};
use super::machine::{Exit, Machine, Outgoing};
use super::patchbay::{Change, Source};
use super::picture::{ParameterSets, Picture};
use super::plan::{BitrateFeedback, Feedback, PayloadFormat, Plan};
use super::port::Follows;
use super::route::{Way, route_of_camera};
use crate::codec::Codec;
use crate::ids::{CameraId, PortId};
use crate::rtp::h264::{Mode, SEQUENCE_PARAMETERS};
use crate::rtp::video::{self, Packetiser, PictureFormat, nal_units};
use crate::rtp::{HEADER_LEN, Header};
use crate::sdp::Direction;
use crate::time::Now;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// The longest coded picture, in bytes; a longer one is left out, and all up to the next key frame.
pub const UNIT_MAX: usize = video::UNIT_MAX;
/// The longest payload: with all headers within one packet of every network.
const PAYLOAD_MAX: usize = 1200;
const CLOCK_RATE: u32 = 90_000;
/// Ticks of one picture, 30 a second: what a switch adds at least.
const FRAME: u32 = CLOCK_RATE / 30;
/// Our own payload type; viewers get theirs.
const PAYLOAD_TYPE: u8 = 96;

/// What the server says of a camera.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Camera<'a> {
    /// It sends pictures in this codec from now on.
    Up {
        /// H.264 or H.265.
        codec: VideoCodec,
    },
    /// One picture.
    Unit {
        /// At 90 kHz.
        timestamp: u32,
        /// It needs none before it, and brings its parameter sets.
        key: bool,
        /// An access unit as a byte stream (Annex B), at most [`UNIT_MAX`].
        bytes: &'a [u8],
    },
    /// It is gone.
    Lost,
}

/// The codecs of cameras.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VideoCodec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
}

/// All cameras that somebody sees or that send.
#[derive(Debug, Default)]
pub struct Cameras {
    viewers: BTreeMap<CameraId, Vec<Viewer>>,
    films: BTreeMap<CameraId, Film>,
    /// Cameras that have got their first viewer or lost their last one.
    changed: BTreeSet<CameraId>,
}

/// Who sees a camera.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// The receiver.
    pub port: PortId,
    sequence: u16,
    /// What the next picture may be.
    gate: Gate,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Gate {
    /// Any.
    Open,
    /// A key frame.
    Shut,
}

/// What a camera sends.
#[derive(Debug)]
struct Film {
    ssrc: u32,
    plan: Plan,
    packetiser: Packetiser,
    timestamp: u32,
    /// The last key frame; empty before the first.
    key: Vec<u8>,
    /// A unit was left out.
    broken: bool,
}

/// The packets of one picture, in one reused buffer.
#[derive(Debug, Default)]
pub struct Packets {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    timestamp: u32,
    ssrc: u32,
    codec: Option<Codec>,
}

impl VideoCodec {
    fn format(self) -> PictureFormat {
        match self {
            Self::H264 => PictureFormat::H264 { mode: Mode::NonInterleaved },
            Self::H265 => PictureFormat::H265,
        }
    }
}

impl Cameras {
    /// Enters a viewer.
    pub fn enter(&mut self, camera: CameraId, port: PortId, sequence: u16) {
        let viewers = self.viewers.entry(camera).or_default();
        if viewers.is_empty() {
            self.changed.insert(camera);
        }
        viewers.push(Viewer { port, sequence, gate: Gate::Shut });
    }

    /// Takes a viewer out, if its source was a camera.
    pub fn leave(&mut self, source: Source, port: PortId) {
        let Source::Camera(camera) = source else { return };
        let Some(viewers) = self.viewers.get_mut(&camera) else { return };
        viewers.retain(|viewer| viewer.port != port);
        if viewers.is_empty() {
            self.viewers.remove(&camera);
            self.changed.insert(camera);
        }
    }

    /// Cameras that somebody sees since, or nobody any more.
    pub fn changes(&mut self) -> impl Iterator<Item = (CameraId, bool)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|camera| (camera, self.viewers.contains_key(&camera)))
    }

    /// The receivers of a camera.
    pub fn receivers(&self, camera: CameraId) -> Vec<PortId> {
        let viewers = self.viewers.get(&camera);
        viewers.into_iter().flatten().map(|viewer| viewer.port).collect()
    }

    /// The way of a camera's pictures to a receiver; none while it is gone, or where the source is no
    /// camera.
    pub fn route(&self, source: Source, receiver: &Plan) -> Option<Vec<Way>> {
        let Source::Camera(camera) = source else { return None };
        self.films.get(&camera).map(|film| route_of_camera(&film.plan, receiver))
    }

    /// A camera sends from now on.
    pub fn up(&mut self, camera: CameraId, codec: VideoCodec, ssrc: u32) {
        let film = Film {
            ssrc,
            plan: plan(codec),
            packetiser: Packetiser::new(codec.format(), PAYLOAD_MAX),
            timestamp: 0,
            key: Vec::new(),
            broken: false,
        };
        self.films.insert(camera, film);
        self.shut(camera);
    }

    /// A camera is gone; false when it was before.
    pub fn lose(&mut self, camera: CameraId) -> bool {
        self.shut(camera);
        self.films.remove(&camera).is_some()
    }

    fn shut(&mut self, camera: CameraId) {
        for viewer in self.viewers.get_mut(&camera).into_iter().flatten() {
            viewer.gate = Gate::Shut;
        }
    }

    /// Takes in a picture and packs it; true when the plan is another since. What cannot be used
    /// leaves no packets.
    pub fn take(
        &mut self,
        camera: CameraId,
        (timestamp, key, bytes): (u32, bool, &[u8]),
        packets: &mut Packets,
    ) -> bool {
        packets.clear();
        let Some(film) = self.films.get_mut(&camera) else { return false };
        film.broken |= bytes.len() > UNIT_MAX;
        film.broken &= !(key && bytes.len() <= UNIT_MAX);
        if film.broken {
            self.shut(camera);
            return false;
        }
        film.timestamp = timestamp;
        let changed = key && film.learn(bytes);
        packets.pack(film, bytes);
        changed
    }

    /// The last key frame of a camera, packed, for a viewer that has nothing better; it gets all
    /// else from the next one on. Nothing while it waits for that one already.
    pub fn still(&mut self, camera: CameraId, port: PortId, packets: &mut Packets) {
        packets.clear();
        let Some(film) = self.films.get_mut(&camera).filter(|film| !film.key.is_empty()) else {
            return;
        };
        let viewers = self.viewers.get_mut(&camera).into_iter().flatten();
        if let Some(viewer) = viewers.into_iter().find(|viewer| viewer.port == port) {
            viewer.gate = Gate::Shut;
            let key = std::mem::take(&mut film.key);
            packets.pack(film, &key);
            film.key = key;
        }
    }

    /// Whether this viewer waits for a key frame.
    pub fn is_waiting(&self, camera: CameraId, port: PortId) -> bool {
        let mut viewers = self.viewers.get(&camera).into_iter().flatten();
        viewers.any(|viewer| viewer.port == port && viewer.gate == Gate::Shut)
    }

    /// The viewers that this picture is for.
    pub fn admit(&mut self, camera: CameraId, key: bool) -> Vec<PortId> {
        let mut admitted = Vec::new();
        for viewer in self.viewers.get_mut(&camera).into_iter().flatten() {
            if key {
                viewer.gate = Gate::Open;
            }
            if viewer.gate == Gate::Open {
                admitted.push(viewer.port);
            }
        }
        admitted
    }

    /// The next number for a viewer.
    pub fn number(&mut self, camera: CameraId, port: PortId) -> u16 {
        let mut viewers = self.viewers.get_mut(&camera).into_iter().flatten();
        let Some(viewer) = viewers.find(|viewer| viewer.port == port) else { return 0 };
        viewer.sequence = viewer.sequence.wrapping_add(1);
        viewer.sequence
    }
}

impl Film {
    /// Keeps a key frame; true when its profile is another than the last one's.
    fn learn(&mut self, bytes: &[u8]) -> bool {
        self.key.clear();
        self.key.extend_from_slice(bytes);
        let Some(format) = self.plan.formats.first_mut() else { return false };
        if format.codec != Codec::H264 {
            return false;
        }
        let set = nal_units(bytes)
            .find(|nal| nal.first().is_some_and(|first| first & 0x1f == SEQUENCE_PARAMETERS));
        let Some([_, profile, constraints, level, ..]) = set else { return false };
        let fmtp = format!(
            "packetization-mode=1;profile-level-id={profile:02x}{constraints:02x}{level:02x}"
        );
        let changed = format.fmtp != fmtp;
        format.fmtp = fmtp;
        changed
    }
}

impl Packets {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn pack(&mut self, film: &mut Film, unit: &[u8]) {
        self.timestamp = film.timestamp;
        self.ssrc = film.ssrc;
        self.codec = film.plan.formats.first().map(|format| format.codec.clone());
        let Self { bytes, ends, .. } = self;
        film.packetiser.packetise(unit, &mut |payload, _last| {
            bytes.extend_from_slice(&[0; HEADER_LEN]);
            bytes.extend_from_slice(payload);
            ends.push(bytes.len());
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// One packet under this number: what it is, and its bytes.
    pub fn get(&mut self, at: usize, sequence: u16) -> Option<(Arrived, &mut [u8])> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        let marker = at + 1 == self.ends.len();
        let (timestamp, ssrc) = (self.timestamp, self.ssrc);
        let header = Header { payload_type: PAYLOAD_TYPE, marker, sequence, timestamp, ssrc };
        let bytes = &mut self.bytes[start..end];
        bytes[..HEADER_LEN].copy_from_slice(&header.to_bytes());
        let picture = Picture::of(self.codec.as_ref()?, &bytes[HEADER_LEN..]);
        let numbers = Numbers {
            ssrc,
            sequence,
            timestamp,
            clock_rate: CLOCK_RATE,
            frame: FRAME,
            event: false,
        };
        let what = What::Picture(picture);
        Some((Arrived { header, len: bytes.len(), numbers, format: 0, what }, bytes))
    }
}

impl Machine {
    /// Cameras that somebody sees since the last call, and those that nobody sees any more.
    pub fn watched_cameras(&mut self) -> impl Iterator<Item = (CameraId, bool)> {
        self.cameras.changes()
    }

    /// Takes in what the server says of a camera, and gives its picture to all that see it.
    pub fn camera(
        &mut self,
        now: Now,
        camera: CameraId,
        what: Camera<'_>,
        out: &mut impl Outgoing,
    ) {
        match what {
            Camera::Up { codec } => {
                self.cameras.up(camera, codec, self.random.u32());
                self.reroute_viewers(camera, out);
            }
            Camera::Unit { timestamp, key, bytes } => {
                let unit = (timestamp, key, bytes);
                if self.cameras.take(camera, unit, &mut self.packets) {
                    self.reroute_viewers(camera, out);
                }
                if self.packets.len() > 0 {
                    let viewers = self.cameras.admit(camera, key);
                    self.show(now, camera, &viewers, out);
                }
            }
            Camera::Lost => {
                if self.cameras.lose(camera) {
                    let source = Source::Camera(camera);
                    let viewers = self.cameras.receivers(camera).into_iter();
                    let again = |receiver| Change { receiver, from: source, to: source };
                    self.change_feeds(now, &viewers.map(again).collect::<Vec<_>>(), out);
                }
            }
        }
    }

    /// Enters those who look at a camera from now on, and takes out those who do no longer.
    pub(super) fn seat_viewers(&mut self, changes: &[Change]) {
        for Change { receiver, from, to } in changes {
            self.cameras.leave(*from, *receiver);
            if let Source::Camera(camera) = to {
                self.cameras.enter(*camera, *receiver, self.random.u32() as u16);
            }
        }
    }

    /// Shows a new viewer what there is.
    pub(super) fn welcome(&mut self, now: Now, change: Change, out: &mut impl Outgoing) {
        if let Source::Camera(camera) = change.to {
            self.show_still(now, camera, change.receiver, out);
        }
    }

    /// A receiver cannot decode what it gets: its source begins anew, as far as it can.
    pub(super) fn want_picture(&mut self, now: Now, receiver: PortId, out: &mut impl Outgoing) {
        match self.patchbay.source(receiver) {
            Source::Port(source) => self.want_key_frame(now, source, out),
            Source::Camera(camera) if !self.cameras.is_waiting(camera, receiver) => {
                self.show_still(now, camera, receiver, out);
            }
            _ours => {}
        }
    }

    fn reroute_viewers(&mut self, camera: CameraId, out: &mut impl Outgoing) {
        for viewer in self.cameras.receivers(camera) {
            self.reroute(viewer, out);
        }
    }

    /// Gives the packets of a picture to these viewers.
    fn show(&mut self, now: Now, camera: CameraId, viewers: &[PortId], out: &mut impl Outgoing) {
        // A camera's parameter sets travel with its key frames.
        let sets = ParameterSets::default();
        // What follows may need the place of these packets.
        let mut done = Vec::with_capacity(viewers.len());
        for viewer in viewers {
            let Some(open) = self.ports.get_mut(*viewer) else { continue };
            let mut follows = Follows::default();
            for at in 0..self.packets.len() {
                let sequence = self.cameras.number(camera, *viewer);
                let Some((arrived, bytes)) = self.packets.get(at, sequence) else { continue };
                let mut exit = Exit { scratch: &mut self.scratch, out };
                let more = open.forward(now.instant, &arrived, bytes, &sets, &mut exit);
                follows.settle |= more.settle;
                follows.key_frame |= more.key_frame;
            }
            done.push((*viewer, follows));
        }
        for (viewer, follows) in done {
            self.follow(now, viewer, follows, out);
        }
    }

    /// Shows one viewer the last key frame; nothing else before the next one.
    fn show_still(&mut self, now: Now, camera: CameraId, viewer: PortId, out: &mut impl Outgoing) {
        self.cameras.still(camera, viewer, &mut self.packets);
        self.show(now, camera, &[viewer], out);
    }
}

fn plan(codec: VideoCodec) -> Plan {
    let (codec, fmtp) = match codec {
        VideoCodec::H264 => (Codec::H264, "packetization-mode=1"),
        VideoCodec::H265 => (Codec::H265, ""),
    };
    let format = PayloadFormat {
        codec,
        send_pt: PAYLOAD_TYPE,
        recv_pt: PAYLOAD_TYPE,
        fmtp: fmtp.to_owned(),
    };
    Plan {
        remote: None,
        remote_rtcp: None,
        latched: None,
        signalling_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        formats: vec![format],
        direction: Direction::RecvOnly,
        mux: false,
        packet_ms: 0,
        feedback: Feedback::None,
        bitrate_feedback: BitrateFeedback::None,
        cname: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GATE: CameraId = CameraId(1);

    #[test]
    fn the_profile_is_that_of_the_parameter_set() {
        let mut cameras = Cameras::default();
        let key = [0, 0, 1, 0x67, 0x64, 0x00, 0x28, 5, 0, 0, 1, 0x65, 1];
        cameras.up(GATE, VideoCodec::H264, 7);
        let packets = &mut Packets::default();
        assert!(cameras.take(GATE, (0, true, &key), packets), "the plan is another");
        assert!(!cameras.take(GATE, (3_000, true, &key), packets), "and stays so");
        let format = &cameras.films[&GATE].plan.formats[0];
        assert_eq!(format.fmtp, "packetization-mode=1;profile-level-id=640028");
    }

    proptest! {
        #[test]
        fn whatever_a_camera_sends_fits_packets(
            units in prop::collection::vec((any::<bool>(), prop::collection::vec(0..4_u8, 0..4_000)), 1..8),
            codec in prop::sample::select(vec![VideoCodec::H264, VideoCodec::H265]),
        ) {
            let mut cameras = Cameras::default();
            let mut packets = Packets::default();
            cameras.enter(GATE, PortId(16_000), 9);
            cameras.up(GATE, codec, 7);
            for (key, bytes) in units {
                cameras.take(GATE, (0, key, &bytes), &mut packets);
                for at in 0..packets.len() {
                    let (arrived, bytes) = packets.get(at, 1).unwrap();
                    prop_assert!(bytes.len() > HEADER_LEN && bytes.len() <= HEADER_LEN + PAYLOAD_MAX);
                    prop_assert_eq!(arrived.len, bytes.len());
                }
                cameras.still(GATE, PortId(16_000), &mut packets);
            }
        }
    }
}
