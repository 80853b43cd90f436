//! What those see who look at a camera.

use crate::relay::*;
use cordboard::codec::video::{Colour, Image, Settings, VideoDecoder, VideoEncoder};
use cordboard::codec::{Codec, Kind};
use cordboard::ids::{CameraId, PortId};
use cordboard::media::{
    CameraState, Command, Job, Source, UNIT_MAX, VideoCodec, WorkerConversions,
};
use cordboard::rtp::h264::PacketizationMode;
use cordboard::rtp::video::{AccessUnit, Depacketiser, PictureFormat};

const GATE: CameraId = CameraId(0);
/// What a camera sends in front of a key frame: constrained baseline, level 3.1.
const SETS: &[u8] = &[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 9, 0, 0, 0, 1, 0x68, 0xce, 9];

/// A relay whose phones have pictures, and which sees the gate where the test says so.
struct Gate {
    relay: Relay,
    timestamp: u32,
}

impl Gate {
    fn open(ports: &[PortId]) -> Self {
        let mut relay = Relay::new();
        for port in ports {
            relay.open(
                *port,
                Kind::Video,
                vec![h264("packetization-mode=1;profile-level-id=42e01f")],
            );
        }
        Self { relay, timestamp: 5_000 }
    }

    fn look(&mut self, port: PortId) {
        self.relay.patch(&[(port, Source::Camera(GATE))]);
        self.relay.pass(40);
    }

    fn tell(&mut self, what: CameraState<'_>) {
        let Relay { machine, wire, now, .. } = &mut self.relay;
        wire.now = now.instant;
        machine.camera(*now, GATE, what, wire);
    }

    fn up(&mut self) {
        self.tell(CameraState::Up { codec: VideoCodec::H264 });
    }

    /// A key frame, or another picture, with this byte in it; the next is 100 ms later.
    fn picture(&mut self, key: bool, mark: u8, length: usize) {
        let mut bytes = if key { SETS.to_vec() } else { vec![] };
        bytes.extend([0, 0, 0, 1, if key { 0x65 } else { 0x41 }, 0xaa]);
        bytes.extend(std::iter::repeat_n(mark, length));
        self.tell(CameraState::Unit { timestamp: self.timestamp, key, bytes: &bytes });
        self.relay.pass(100);
        self.timestamp = self.timestamp.wrapping_add(9_000);
    }

    /// The marks of the pictures that a phone got, in order; `0` for those that the relay drew.
    fn seen(&self, port: PortId) -> Vec<u8> {
        let slices = self.relay.rtp_to(port).into_iter().filter_map(|sent| {
            match (sent.payload().first()? & 0x1f, sent.payload()) {
                (1 | 5, [_, 0xaa, mark, ..]) => Some(*mark),
                (1 | 5, _) => Some(0),
                (28, [_, start, .., mark]) if start & 0x80 != 0 => Some(*mark),
                _others => None,
            }
        });
        let mut marks: Vec<u8> = slices.collect();
        marks.dedup();
        marks
    }

    fn watched(&mut self) -> Vec<bool> {
        self.relay.machine.watched_cameras().map(|(_, watched)| watched).collect()
    }

    fn asks_for_a_key_frame(&mut self, port: PortId) {
        let media = self.relay.rtp_to(port).last().unwrap().header().ssrc;
        self.relay.report_arrives(port, |writer| {
            writer.receiver_report(7, &[]).cname(7, "phone").picture_loss(7, media);
        });
    }
}

fn h264(fmtp: &str) -> cordboard::media::PayloadFormat {
    format(Codec::H264, 97, 97, fmtp)
}

#[test]
fn everybody_who_looks_sees_the_camera_in_one_seamless_stream() {
    let mut gate = Gate::open(&[C, O, U]);
    gate.look(C);
    gate.look(O);
    gate.up();
    gate.picture(true, 1, 10);
    gate.picture(false, 2, 4_000);
    for port in [C, O] {
        assert_eq!(gate.seen(port), [0, 1, 2]);
        let sent = gate.relay.rtp_to(port);
        assert!(sent.iter().all(|packet| packet.bytes.len() <= 1_300), "within a packet");
        assert_continuous(&sent);
        for pair in sent.windows(2) {
            let (one, next) = (pair[0].header(), pair[1].header());
            assert_eq!(next.timestamp != one.timestamp, one.marker, "a marker ends a picture");
        }
    }
    assert!(gate.seen(U).is_empty());
}

#[test]
fn a_camera_is_wanted_while_somebody_looks() {
    let mut gate = Gate::open(&[C, O]);
    assert!(gate.watched().is_empty());
    gate.look(C);
    assert_eq!(gate.watched(), [true]);
    gate.look(O);
    gate.relay.patch(&[(C, HOLD)]);
    assert!(gate.watched().is_empty());
    gate.relay.command(Command::Close { port: O });
    assert_eq!(gate.watched(), [false]);
}

/// The picture in between would need one that this viewer never got.
#[test]
fn who_comes_later_sees_the_last_key_frame_at_once_and_goes_on_from_the_next() {
    let mut gate = Gate::open(&[C, O]);
    gate.look(C);
    gate.up();
    gate.picture(true, 1, 10);
    gate.picture(false, 2, 10);
    gate.look(O);
    assert_eq!(gate.seen(O), [1]);
    gate.picture(false, 3, 10);
    gate.picture(true, 4, 10);
    gate.picture(false, 5, 10);
    assert_eq!(gate.seen(O), [1, 4, 5]);
    assert_eq!(gate.seen(C), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn who_has_lost_packets_gets_the_last_key_frame_once() {
    let mut gate = Gate::open(&[C]);
    gate.look(C);
    gate.up();
    gate.picture(true, 1, 10);
    gate.picture(false, 2, 10);
    gate.asks_for_a_key_frame(C);
    gate.asks_for_a_key_frame(C);
    gate.picture(false, 3, 10);
    gate.picture(true, 4, 10);
    assert_eq!(gate.seen(C), [0, 1, 2, 1, 4]);
    let keys =
        gate.relay.rtp_to(C).iter().filter(|sent| sent.payload()[..2] == [0x65, 0xaa]).count();
    assert_eq!(keys, 3);
}

#[test]
fn a_lost_camera_makes_way_for_a_picture_of_ours_until_it_is_back() {
    let mut gate = Gate::open(&[C]);
    gate.look(C);
    gate.up();
    gate.picture(true, 1, 10);
    gate.tell(CameraState::Lost);
    gate.picture(false, 2, 10);
    gate.relay.pass(500);
    assert_eq!(gate.seen(C), [0, 1, 0]);
    gate.up();
    gate.picture(false, 3, 10);
    gate.picture(true, 4, 10);
    assert_eq!(gate.seen(C), [0, 1, 0, 4]);
}

#[test]
fn a_picture_without_bounds_is_left_out_with_all_that_need_it() {
    let mut gate = Gate::open(&[C]);
    gate.look(C);
    gate.up();
    gate.picture(true, 1, 10);
    gate.picture(false, 2, UNIT_MAX);
    gate.picture(false, 3, 10);
    gate.picture(true, 4, UNIT_MAX);
    gate.picture(false, 5, 10);
    gate.picture(true, 6, 10);
    assert_eq!(gate.seen(C), [0, 1, 6]);
}

#[test]
fn rubbish_of_a_camera_goes_nowhere() {
    let mut gate = Gate::open(&[C]);
    gate.look(C);
    for bytes in [&[][..], &[0, 0, 1], &[0, 0, 0, 1, 0x67], &[0; 64], &[0, 0, 1, 0, 0, 1, 0, 0, 1]]
    {
        gate.tell(CameraState::Unit { timestamp: 0, key: true, bytes });
        gate.up();
        gate.tell(CameraState::Unit { timestamp: u32::MAX, key: true, bytes });
    }
    gate.tell(CameraState::Lost);
    gate.tell(CameraState::Lost);
    gate.up();
    gate.picture(true, 1, 10);
    assert_eq!(gate.seen(C).last(), Some(&1));
}

#[test]
fn a_receiver_of_whole_units_only_gets_them() {
    let mut gate = Gate::open(&[]);
    gate.relay.open(C, Kind::Video, vec![h264("packetization-mode=0;profile-level-id=42e01f")]);
    gate.look(C);
    gate.up();
    gate.picture(true, 1, 4_000);
    let sent = gate.relay.rtp_to(C);
    assert!(sent.iter().all(|packet| packet.payload()[0] & 0x1f != 28), "no fragments");
    assert_eq!(gate.seen(C).last(), Some(&1));
}

// ---- converted once for all that take the same ----

/// What the gate looks like.
const RED: Colour = Colour { y: 80, cb: 90, cr: 240 };
/// A receiver that takes QCIF only, and one that takes what the camera sends.
const SMALL: &str = "packetization-mode=1;profile-level-id=42e00a";
const SMALL_WHOLE: &str = "packetization-mode=0;profile-level-id=42e00a";

/// A camera with real pictures, and a worker that does its jobs when told to.
struct Studio {
    gate: Gate,
    encoder: VideoEncoder,
    image: Image,
    workshop: WorkerConversions,
    jobs: Vec<Job>,
}

impl Studio {
    fn open(receivers: &[(PortId, &str)]) -> Self {
        let mut gate = Gate::open(&[]);
        for (port, fmtp) in receivers {
            gate.relay.open(*port, Kind::Video, vec![h264(fmtp)]);
        }
        let settings =
            Settings { width: 352, height: 288, frame_rate: 10, bitrate: 200_000, slice_max: None };
        let mut image = Image::new(352, 288);
        image.fill(RED);
        let encoder = VideoEncoder::new(&Codec::H264, &settings).unwrap();
        Self { gate, encoder, image, workshop: WorkerConversions::default(), jobs: Vec::new() }
    }

    /// One picture of the camera, and what the worker makes of it.
    fn send_frame(&mut self, key: bool) {
        self.shoot(key);
        self.work();
    }

    fn shoot(&mut self, key: bool) {
        let mut coded = Vec::new();
        self.encoder.encode(&self.image, key, &mut coded).unwrap();
        let timestamp = self.gate.timestamp;
        self.gate.tell(CameraState::Unit { timestamp, key, bytes: &coded });
        self.gate.relay.pass(100);
        self.gate.timestamp = timestamp.wrapping_add(9_000);
        self.jobs.append(&mut self.gate.relay.wire.jobs);
    }

    fn work(&mut self) {
        self.jobs.append(&mut self.gate.relay.wire.jobs);
        for job in std::mem::take(&mut self.jobs) {
            if let Some(done) = self.workshop.perform(job) {
                let Relay { machine, wire, now, .. } = &mut self.gate.relay;
                machine.done(*now, done, wire);
            }
        }
    }

    /// The sizes in which a phone has seen the gate, decoded.
    fn seen(&self, port: PortId, mode: PacketizationMode) -> Vec<(usize, usize)> {
        let sent = self.gate.relay.rtp_to(port);
        assert_continuous(&sent);
        let mut depacketiser = Depacketiser::new(PictureFormat::H264 { mode });
        let mut decoder = VideoDecoder::new(&Codec::H264).unwrap();
        let (mut image, mut sizes) = (Image::new(2, 2), Vec::new());
        for sent in sent {
            let header = sent.header();
            let mut show = |unit: AccessUnit<'_>| {
                let shown = decoder.decode(unit.bytes, &mut image).is_ok_and(|shown| shown);
                if shown && image.at(image.width() / 2, image.height() / 2).cr.abs_diff(RED.cr) < 16
                {
                    sizes.push((image.width(), image.height()));
                }
            };
            let (sequence, timestamp) = (header.sequence, header.timestamp);
            depacketiser.take(sequence, timestamp, header.marker, sent.payload(), &mut show);
        }
        sizes
    }

    fn orders(&self, what: fn(&Job) -> bool) -> usize {
        self.jobs.iter().filter(|job| what(job)).count()
    }
}

fn opens(job: &Job) -> bool {
    matches!(job, Job::Open { .. })
}

fn pictures(job: &Job) -> bool {
    matches!(job, Job::Frame { .. })
}

fn closes(job: &Job) -> bool {
    matches!(job, Job::Close { .. })
}

#[test]
fn what_several_take_is_converted_once() {
    let mut studio = Studio::open(&[(C, SMALL), (O, SMALL), (U, SMALL_WHOLE)]);
    for port in [C, O, U] {
        studio.gate.look(port);
    }
    studio.gate.up();
    studio.shoot(true);
    assert_eq!(studio.orders(opens), 2, "one for each packetization mode");
    assert_eq!(studio.orders(pictures), 2);
    studio.work();
    for _ in 0..4 {
        studio.send_frame(false);
    }
    for (port, mode) in [
        (C, PacketizationMode::NonInterleaved),
        (O, PacketizationMode::NonInterleaved),
        (U, PacketizationMode::Single),
    ] {
        assert_eq!(studio.seen(port, mode).len(), 5, "{port}");
    }
}

#[test]
fn who_comes_later_sees_the_last_key_frame_of_a_conversion_and_one_is_made_for_it() {
    let mut studio = Studio::open(&[(C, SMALL), (O, SMALL)]);
    studio.gate.look(C);
    studio.gate.up();
    studio.send_frame(true);
    studio.send_frame(false);
    studio.gate.look(O);
    assert_eq!(studio.seen(O, PacketizationMode::NonInterleaved).len(), 1);
    studio.jobs.append(&mut studio.gate.relay.wire.jobs);
    assert!(matches!(studio.jobs[..], [Job::KeyFrame { .. }]), "{:?}", studio.jobs);
    studio.send_frame(false);
    studio.send_frame(false);
    assert_eq!(studio.seen(O, PacketizationMode::NonInterleaved).len(), 3);
    assert_eq!(studio.seen(C, PacketizationMode::NonInterleaved).len(), 4);
}

#[test]
fn a_conversion_that_nobody_sees_ends() {
    let mut studio = Studio::open(&[(C, SMALL), (O, SMALL)]);
    studio.gate.look(C);
    studio.gate.look(O);
    studio.gate.up();
    studio.send_frame(true);
    studio.gate.relay.patch(&[(C, HOLD)]);
    studio.shoot(false);
    assert_eq!(studio.orders(closes), 0);
    studio.gate.relay.command(Command::Close { port: O });
    studio.jobs.append(&mut studio.gate.relay.wire.jobs);
    assert_eq!(studio.orders(closes), 1);
    studio.work();
    studio.gate.look(C);
    studio.send_frame(true);
    assert_eq!(studio.seen(C, PacketizationMode::NonInterleaved).len(), 3, "begun anew");
}

#[test]
fn a_lost_camera_ends_its_conversions_and_begins_them_anew() {
    let mut studio = Studio::open(&[(C, SMALL)]);
    studio.gate.look(C);
    studio.gate.up();
    studio.send_frame(true);
    studio.gate.tell(CameraState::Lost);
    studio.jobs.append(&mut studio.gate.relay.wire.jobs);
    assert_eq!(studio.orders(closes), 1);
    studio.work();
    studio.gate.up();
    studio.send_frame(true);
    studio.send_frame(false);
    assert_eq!(studio.seen(C, PacketizationMode::NonInterleaved).len(), 3);
}

/// A worker that has fallen behind gets no more before the next key frame.
#[test]
fn pictures_do_not_pile_up_before_a_slow_worker() {
    let mut studio = Studio::open(&[(C, SMALL)]);
    studio.gate.look(C);
    studio.gate.up();
    studio.shoot(true);
    for _ in 0..100 {
        studio.shoot(false);
    }
    assert_eq!(studio.orders(pictures), 8);
    studio.work();
    studio.send_frame(false);
    let before = studio.seen(C, PacketizationMode::NonInterleaved).len();
    studio.send_frame(true);
    assert_eq!(studio.seen(C, PacketizationMode::NonInterleaved).len(), before + 1);
}

#[test]
fn a_conversion_of_a_camera_that_breaks_down_is_begun_anew_from_the_last_key_frame() {
    let mut studio = Studio::open(&[(C, SMALL), (O, SMALL)]);
    studio.gate.look(C);
    studio.gate.look(O);
    studio.gate.up();
    studio.send_frame(true);
    studio.send_frame(false);
    studio.workshop = WorkerConversions::default();
    studio.shoot(false);
    studio.work();
    studio.jobs.append(&mut studio.gate.relay.wire.jobs);
    assert_eq!(studio.orders(opens), 1, "at once, and not with the next picture");
    studio.work();
    studio.send_frame(true);
    studio.send_frame(false);
    for port in [C, O] {
        let seen = studio.seen(port, PacketizationMode::NonInterleaved).len();
        assert!(seen >= 4, "{port} sees {seen}");
    }
    studio.gate.relay.patch(&[(C, HOLD), (O, HOLD)]);
    studio.jobs.append(&mut studio.gate.relay.wire.jobs);
    assert_eq!(studio.orders(closes), 1, "of the one that is left");
}

#[test]
fn a_conversion_of_a_camera_is_given_up_after_three_breakdowns() {
    let mut studio = Studio::open(&[(C, SMALL)]);
    studio.gate.look(C);
    studio.gate.up();
    let mut opened = 0;
    for n in 0..40 {
        studio.shoot(n % 5 == 0);
        opened += studio.orders(opens);
        for job in std::mem::take(&mut studio.jobs) {
            if let Some(done) = job.forfeit() {
                let Relay { machine, wire, now, .. } = &mut studio.gate.relay;
                machine.done(*now, done, wire);
            }
        }
    }
    assert_eq!(opened, 3);
}
