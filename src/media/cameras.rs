//! Who sees which camera, and what the cameras send: the book that [`camera`](super::camera) keeps.

use super::camera_frames::{CameraFrames, PAYLOAD_TYPE, Packets, VideoCodec};
use super::patchbay::Source;
use super::plan::{BitrateFeedback, KeyFrameFeedback, PayloadFormat, PictureLimits, StreamPlan};
use super::rendition::{Rendition, RenditionFormat};
use super::route::{PayloadMapping, route_of_camera};
use super::work::{CodingOutcome, ConversionId, Job};
use crate::codec::Codec;
use crate::ids::{CameraId, PortId};
use crate::random::Random;
use crate::rtp::h264::SEQUENCE_PARAMETERS;
use crate::rtp::video::{self, nal_units};
use crate::sdp::Direction;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// The longest coded picture, in bytes; a longer one is left out, and all up to the next key frame.
pub const UNIT_MAX: usize = video::UNIT_MAX;

/// All cameras that somebody sees or that send.
#[derive(Debug, Default)]
pub struct CameraStreams {
    viewers: BTreeMap<CameraId, Vec<Viewer>>,
    feeds: BTreeMap<CameraId, CameraFeed>,
    /// Cameras that have got their first viewer or lost their last one.
    changed: BTreeSet<CameraId>,
    /// Conversions so far.
    serial: u64,
    /// For the workers.
    pub jobs: Vec<Job>,
}

/// Who sees a camera.
#[derive(Clone, Copy, Debug)]
struct Viewer {
    port: PortId,
    sequence: u16,
    gate: ViewerKeyFrameGate,
    /// What it sees: a conversion, or the camera's own pictures.
    rendition: Option<ConversionId>,
}

/// What the next picture of a viewer may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ViewerKeyFrameGate {
    /// Any.
    Open,
    /// A key frame.
    Shut,
}

/// What a camera sends.
#[derive(Debug)]
struct CameraFeed {
    plan: StreamPlan,
    camera_frames: CameraFrames,
    renditions: Vec<Rendition>,
    /// A unit was left out.
    broken: bool,
}

impl CameraStreams {
    /// Enters a viewer.
    pub fn enter(&mut self, camera: CameraId, port: PortId, sequence: u16) {
        let viewers = self.viewers.entry(camera).or_default();
        if viewers.is_empty() {
            self.changed.insert(camera);
        }
        viewers.push(Viewer { port, sequence, gate: ViewerKeyFrameGate::Shut, rendition: None });
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
        self.tidy(camera);
    }

    /// Cameras that somebody sees since, or nobody any more.
    pub fn changes(&mut self) -> impl Iterator<Item = (CameraId, bool)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|camera| (camera, self.viewers.contains_key(&camera)))
    }

    /// The receivers of a camera.
    #[must_use]
    pub fn receivers(&self, camera: CameraId) -> Vec<PortId> {
        self.viewers_of(camera).map(|viewer| viewer.port).collect()
    }

    /// The way of a camera's pictures to a receiver; none while it is gone, or where the source is no
    /// camera. What has to be converted is converted once for all that take the same.
    pub fn route(
        &mut self,
        source: Source,
        (port, receiver): (PortId, &StreamPlan),
        random: &mut Random,
    ) -> Option<Vec<PayloadMapping>> {
        let Source::Camera(camera) = source else { return None };
        let feed = self.feeds.get_mut(&camera)?;
        let mut ways = route_of_camera(&feed.plan, receiver);
        let mut rendition = None;
        for way in &mut ways {
            let PayloadMapping::Converted(conversion) = way else { continue };
            let Some(mould) = RenditionFormat::of(conversion, receiver) else { continue };
            let known = feed.renditions.iter().find(|known| known.is_of(&mould));
            let id = known.map(Rendition::id).unwrap_or_else(|| {
                self.serial += 1;
                let id = ConversionId::of_camera(camera, self.serial);
                let from = (&conversion.from.codec, &feed.camera_frames);
                feed.renditions.push(Rendition::open(
                    id,
                    from,
                    mould,
                    random.u32(),
                    &mut self.jobs,
                ));
                id
            });
            rendition = Some(id);
            *way = PayloadMapping::Same(conversion.to.send_pt & 0x7f);
        }
        let viewer = self.viewer(camera, port)?;
        if viewer.rendition != rendition {
            viewer.rendition = rendition;
            viewer.gate = ViewerKeyFrameGate::Shut;
        }
        self.tidy(camera);
        Some(ways)
    }

    /// Ends conversions that nobody sees.
    fn tidy(&mut self, camera: CameraId) {
        let Self { viewers, feeds, jobs, .. } = self;
        let Some(feed) = feeds.get_mut(&camera) else { return };
        let viewers = viewers.get(&camera).map_or(&[][..], Vec::as_slice);
        feed.renditions.retain(|rendition| {
            let seen = viewers.iter().any(|viewer| viewer.rendition == Some(rendition.id()));
            if !seen {
                jobs.push(Job::Close { conversion: rendition.id() });
            }
            seen
        });
    }

    /// A camera sends from now on.
    pub fn up(&mut self, camera: CameraId, codec: VideoCodec, ssrc: u32) {
        self.lose(camera);
        let plan = plan(codec);
        let camera_frames = CameraFrames::new(ssrc, codec.codec(), codec.format());
        let feed = CameraFeed { plan, camera_frames, renditions: Vec::new(), broken: false };
        self.feeds.insert(camera, feed);
    }

    /// A camera is gone; false when it was before.
    pub fn lose(&mut self, camera: CameraId) -> bool {
        for viewer in self.viewers.get_mut(&camera).into_iter().flatten() {
            viewer.gate = ViewerKeyFrameGate::Shut;
            viewer.rendition = None;
        }
        self.tidy(camera);
        self.feeds.remove(&camera).is_some()
    }

    /// Takes in a picture and packs it for those that see the camera's own; true when its plan is
    /// another since. What cannot be used leaves no packets.
    pub fn take(
        &mut self,
        camera: CameraId,
        (timestamp, key, bytes): (u32, bool, &[u8]),
        packets: &mut Packets,
    ) -> bool {
        packets.clear();
        let Self { feeds, viewers, jobs, .. } = self;
        let Some(feed) = feeds.get_mut(&camera) else { return false };
        let too_long = bytes.len() > UNIT_MAX;
        feed.broken = too_long || feed.broken && !key;
        if feed.broken {
            feed.renditions.iter_mut().for_each(Rendition::shut);
            let viewers = viewers.get_mut(&camera).into_iter().flatten();
            let own = viewers.filter(|viewer| viewer.rendition.is_none());
            own.for_each(|viewer| viewer.gate = ViewerKeyFrameGate::Shut);
            return false;
        }
        feed.camera_frames.timestamp = timestamp;
        let changed = key && feed.learn(bytes);
        for rendition in &mut feed.renditions {
            rendition.take((timestamp, key, bytes), jobs);
        }
        feed.camera_frames.pack(bytes, packets);
        changed
    }

    /// Takes back a picture that was converted, and packs it; true when it is a key frame.
    pub fn done(
        &mut self,
        camera: CameraId,
        (conversion, outcome): (ConversionId, CodingOutcome),
        packets: &mut Packets,
    ) -> bool {
        packets.clear();
        if outcome == CodingOutcome::Gone {
            self.reopen(camera, conversion);
            return false;
        }
        let Some(rendition) = self.rendition(camera, conversion) else { return false };
        let Some(coded) = rendition.done(outcome) else { return false };
        rendition.camera_frames().pack(&coded, packets);
        let key = packets.begin_key_frame();
        if key {
            rendition.camera_frames().keep(&coded);
        }
        key
    }

    /// Begins a conversion anew whose codec has broken down; its viewers go with it.
    fn reopen(&mut self, camera: CameraId, broken: ConversionId) {
        let Self { viewers, feeds, jobs, serial, .. } = self;
        let Some(feed) = feeds.get_mut(&camera) else { return };
        let Some(rendition) = feed.renditions.iter_mut().find(|known| known.id() == broken) else {
            return;
        };
        *serial += 1;
        let id = ConversionId::of_camera(camera, *serial);
        let Some(from) = feed.plan.formats.first() else { return };
        if rendition.reopen(id, (&from.codec, &feed.camera_frames), jobs) {
            let viewers = viewers.get_mut(&camera).into_iter().flatten();
            for viewer in viewers.filter(|viewer| viewer.rendition == Some(broken)) {
                viewer.rendition = Some(id);
                viewer.gate = ViewerKeyFrameGate::Shut;
            }
        }
    }

    /// Packs the last key frame of what a viewer sees, for one that has nothing better; it gets all
    /// else from the next one on, which is asked for where that can be done.
    pub fn still(&mut self, now: Instant, camera: CameraId, port: PortId, packets: &mut Packets) {
        packets.clear();
        let Some(viewer) = self.viewer(camera, port) else { return };
        viewer.gate = ViewerKeyFrameGate::Shut;
        let rendition = viewer.rendition;
        let Self { feeds, jobs, .. } = self;
        let Some(feed) = feeds.get_mut(&camera) else { return };
        match feed.renditions.iter_mut().find(|known| Some(known.id()) == rendition) {
            Some(rendition) => {
                rendition.want_key_frame(now, jobs);
                rendition.camera_frames().pack_key(packets);
            }
            None => feed.camera_frames.pack_key(packets),
        }
    }

    /// Whether this viewer waits for a key frame.
    #[must_use]
    pub fn is_waiting(&self, camera: CameraId, port: PortId) -> bool {
        self.viewers_of(camera)
            .any(|viewer| viewer.port == port && viewer.gate == ViewerKeyFrameGate::Shut)
    }

    /// The viewers that the next picture is for: of a conversion, or of the camera's own.
    pub fn admit(
        &mut self,
        camera: CameraId,
        rendition: Option<ConversionId>,
        key: bool,
    ) -> Vec<PortId> {
        let mut admitted = Vec::new();
        for viewer in self.viewers.get_mut(&camera).into_iter().flatten() {
            if viewer.rendition != rendition {
                continue;
            }
            if key {
                viewer.gate = ViewerKeyFrameGate::Open;
            }
            if viewer.gate == ViewerKeyFrameGate::Open {
                admitted.push(viewer.port);
            }
        }
        admitted
    }

    /// The numbers of a viewer's next packets: the first of so many.
    pub fn numbers(&mut self, camera: CameraId, port: PortId, count: usize) -> u16 {
        let Some(viewer) = self.viewer(camera, port) else { return 0 };
        let first = viewer.sequence;
        viewer.sequence = first.wrapping_add(count as u16);
        first
    }

    fn viewers_of(&self, camera: CameraId) -> impl Iterator<Item = &Viewer> {
        self.viewers.get(&camera).into_iter().flatten()
    }

    fn viewer(&mut self, camera: CameraId, port: PortId) -> Option<&mut Viewer> {
        self.viewers.get_mut(&camera)?.iter_mut().find(|viewer| viewer.port == port)
    }

    fn rendition(&mut self, camera: CameraId, id: ConversionId) -> Option<&mut Rendition> {
        self.feeds.get_mut(&camera)?.renditions.iter_mut().find(|known| known.id() == id)
    }
}

impl CameraFeed {
    /// Keeps a key frame; true when its profile is another than the last one's.
    fn learn(&mut self, bytes: &[u8]) -> bool {
        self.camera_frames.keep(bytes);
        let Some(format) = self.plan.formats.first_mut() else { return false };
        if format.codec != Codec::H264 {
            return false;
        }
        let is_set =
            |nal: &&[u8]| nal.first().is_some_and(|first| first & 0x1f == SEQUENCE_PARAMETERS);
        let Some([_, profile, constraints, level, ..]) = nal_units(bytes).find(is_set) else {
            return false;
        };
        let fmtp = format!(
            "packetization-mode=1;profile-level-id={profile:02x}{constraints:02x}{level:02x}"
        );
        let changed = format.fmtp != fmtp;
        format.fmtp = fmtp;
        changed
    }
}

/// What a camera sends, as a phone would have negotiated it.
fn plan(codec: VideoCodec) -> StreamPlan {
    let fmtp = match codec {
        VideoCodec::H264 => "packetization-mode=1",
        VideoCodec::H265 => "",
    };
    let format = PayloadFormat {
        codec: codec.codec(),
        send_pt: PAYLOAD_TYPE,
        recv_pt: PAYLOAD_TYPE,
        fmtp: fmtp.to_owned(),
    };
    StreamPlan {
        formats: vec![format],
        direction: Direction::RecvOnly,
        packet_ms: 0,
        feedback: KeyFrameFeedback::None,
        bitrate_feedback: BitrateFeedback::None,
        picture: PictureLimits::default(),
        cname: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::packing::PAYLOAD_MAX;
    use super::*;
    use crate::rtp::HEADER_LEN;
    use proptest::prelude::*;

    const GATE: CameraId = CameraId(1);

    #[test]
    fn the_profile_is_that_of_the_parameter_set() {
        let mut cameras = CameraStreams::default();
        let key = [0, 0, 1, 0x67, 0x64, 0x00, 0x28, 5, 0, 0, 1, 0x65, 1];
        cameras.up(GATE, VideoCodec::H264, 7);
        let packets = &mut Packets::default();
        assert!(cameras.take(GATE, (0, true, &key), packets), "the plan is another");
        assert!(!cameras.take(GATE, (3_000, true, &key), packets), "and stays so");
        let format = &cameras.feeds[&GATE].plan.formats[0];
        assert_eq!(format.fmtp, "packetization-mode=1;profile-level-id=640028");
    }

    proptest! {
        #[test]
        fn whatever_a_camera_sends_fits_packets(
            units in prop::collection::vec((any::<bool>(), prop::collection::vec(0..4_u8, 0..4_000)), 1..8),
            codec in prop::sample::select(vec![VideoCodec::H264, VideoCodec::H265]),
        ) {
            let mut cameras = CameraStreams::default();
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
                cameras.still(Instant::START, GATE, PortId(16_000), &mut packets);
            }
        }
    }
}
