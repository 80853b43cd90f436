//! What those see who look at a camera.

use crate::relay::*;
use cordboard::codec::{Codec, Kind};
use cordboard::ids::{CameraId, PortId};
use cordboard::media::{Camera, Command, Source, UNIT_MAX, VideoCodec};

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

    fn tell(&mut self, what: Camera<'_>) {
        let Relay { machine, wire, now, .. } = &mut self.relay;
        wire.now = now.instant;
        machine.camera(*now, GATE, what, wire);
    }

    fn up(&mut self) {
        self.tell(Camera::Up { codec: VideoCodec::H264 });
    }

    /// A key frame, or another picture, with this byte in it; the next is 100 ms later.
    fn picture(&mut self, key: bool, mark: u8, length: usize) {
        let mut bytes = if key { SETS.to_vec() } else { vec![] };
        bytes.extend([0, 0, 0, 1, if key { 0x65 } else { 0x41 }, 0xaa]);
        bytes.extend(std::iter::repeat_n(mark, length));
        self.tell(Camera::Unit { timestamp: self.timestamp, key, bytes: &bytes });
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
    gate.relay.patch(&[(C, Source::Hold)]);
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
    gate.tell(Camera::Lost);
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
        gate.tell(Camera::Unit { timestamp: 0, key: true, bytes });
        gate.up();
        gate.tell(Camera::Unit { timestamp: u32::MAX, key: true, bytes });
    }
    gate.tell(Camera::Lost);
    gate.tell(Camera::Lost);
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
