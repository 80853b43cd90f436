//! Stills of a caller that waits: of which of its key frames they are made, and when there are none.

use crate::relay::*;
use cordboard::codec::video::{Colour, Image, Settings, VideoEncoder};
use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{Command, Job, Source, WorkerConversions};
use cordboard::rtp::h264::PacketizationMode;
use cordboard::rtp::video::{Packetiser, PictureFormat};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

const FMTP: &str = "packetization-mode=1";
const RED: [u8; 3] = [200, 30, 40];
const BLUE: [u8; 3] = [40, 60, 190];

/// A camera that shows one colour.
struct Camera {
    port: PortId,
    image: Image,
    encoder: VideoEncoder,
    packetiser: Packetiser,
}

impl Camera {
    fn of(port: PortId, [red, green, blue]: [u8; 3]) -> Self {
        let settings =
            Settings { width: 640, height: 480, frame_rate: 25, bitrate: 900_000, slice_max: None };
        let mode = PacketizationMode::NonInterleaved;
        let mut image = Image::new(640, 480);
        image.fill(Colour::from_rgb(red, green, blue));
        // Something to be cut into packets.
        let (len, [y, ..]) = (640 * 200, image.planes_mut());
        y[..len].iter_mut().enumerate().for_each(|(n, point)| *point = (n * 7919 % 251) as u8);
        let encoder = VideoEncoder::new(&Codec::H264, &settings).unwrap();
        Self {
            port,
            image,
            encoder,
            packetiser: Packetiser::new(PictureFormat::H264 { mode }, 1200),
        }
    }

    /// The packets of its next picture.
    fn picture(&mut self, relay: &mut Relay, key_frame: bool) -> Vec<Vec<u8>> {
        let (mut coded, mut packets) = (Vec::new(), Vec::new());
        self.encoder.encode(&self.image, key_frame, &mut coded).unwrap();
        let phone = relay.phone(self.port);
        let timestamp = phone.timestamp;
        self.packetiser.packetise(&coded, &mut |payload, last| {
            let mut packet = phone.packet_of(phone.payload_type, timestamp, payload);
            packet[1] |= if last { 0x80 } else { 0 };
            packets.push(packet);
        });
        phone.timestamp = timestamp.wrapping_add(3600);
        packets
    }

    /// Shoots for so long, with a key frame now and then, or none.
    fn shoot(&mut self, relay: &mut Relay, ms: u64, key_frame_ms: Option<u64>) {
        for at in (0..ms).step_by(40) {
            let key_frame = key_frame_ms.is_some_and(|each| at % each == 0);
            let packets = self.picture(relay, key_frame);
            packets.iter().for_each(|packet| relay.arrives(self.port, packet));
            relay.pass(40);
        }
    }
}

impl Relay {
    fn preview(&mut self, port: PortId, on: bool) {
        self.command(Command::Preview { port, on });
    }

    /// What the workers are to do.
    fn still_orders(&mut self) -> Vec<Job> {
        self.wire.jobs.extract_if(.., |job| matches!(job, Job::Still(_))).collect()
    }

    /// A worker does that.
    fn draw(&mut self, orders: Vec<Job>) {
        for order in orders {
            let done = WorkerConversions::default().perform(order).unwrap();
            self.machine.done(self.now, done, &mut self.wire);
        }
    }

    /// The colour below the middle of the last still, if there is one.
    fn colour_of(&mut self, port: PortId) -> Option<[u8; 3]> {
        let orders = self.still_orders();
        self.draw(orders);
        let still = self.machine.still(self.now.instant, port)?;
        let mut decoder = JpegDecoder::new(ZCursor::new(&still.jpeg[..]));
        let points = decoder.decode().unwrap();
        assert_eq!(decoder.dimensions(), Some((160, 120)));
        let at = (100 * 160 + 80) * 3;
        Some([points[at], points[at + 1], points[at + 2]])
    }
}

fn is_like(seen: Option<[u8; 3]>, colour: [u8; 3]) -> bool {
    seen.is_some_and(|seen| seen.iter().zip(colour).all(|(one, other)| one.abs_diff(other) < 16))
}

/// Three phones with H.264; stills are made of C.
fn waiting() -> (Relay, Camera) {
    let mut relay = Relay::with_three_cameras(&Codec::H264, FMTP);
    relay.preview(C, true);
    (relay, Camera::of(C, RED))
}

#[test]
fn a_key_frame_of_whoever_waits_becomes_a_still_every_two_seconds_at_most() {
    let (mut relay, mut caller) = waiting();
    let mut made = Vec::new();
    for at in (0..10_000).step_by(40) {
        caller.shoot(&mut relay, 40, (at % 480 == 0).then_some(40));
        let orders = relay.still_orders();
        if !orders.is_empty() {
            made.push(at);
        }
        relay.draw(orders);
    }
    assert_eq!(made, [0, 1920, 3840, 5760, 7680, 9600]);
    assert!(is_like(relay.colour_of(C), RED));
    assert_eq!(relay.key_frame_requests(), [], "enough come by themselves");
    assert_eq!(relay.machine.still(relay.now.instant, O), None);
}

#[test]
fn whoever_sends_none_by_itself_is_asked_every_two_seconds_and_not_more() {
    let (mut relay, mut caller) = waiting();
    relay.pass(5000);
    assert_eq!(relay.key_frame_requests(), [], "no picture costs nothing");
    caller.shoot(&mut relay, 40, Some(40));
    caller.shoot(&mut relay, 7000, None);
    let asked: Vec<_> = relay.key_frame_requests().iter().map(|(at, ..)| *at).collect();
    assert_eq!(asked, [7000, 9000, 11_000], "from two seconds after its first");
    relay.wire.sent.clear();
    relay.pass(9000);
    assert_eq!(relay.key_frame_requests().len(), 1, "it sends nothing any more");
    relay.wire.sent.clear();
    relay.preview(C, false);
    caller.shoot(&mut relay, 5000, None);
    assert_eq!(relay.key_frame_requests(), []);
}

#[test]
fn a_still_is_taken_away_when_it_is_old_and_when_the_wait_is_over() {
    let (mut relay, mut caller) = waiting();
    caller.shoot(&mut relay, 40, Some(40));
    assert!(is_like(relay.colour_of(C), RED));
    relay.pass(5900);
    assert!(relay.machine.still(relay.now.instant, C).is_some());
    relay.pass(200);
    assert_eq!(relay.machine.still(relay.now.instant, C), None);
    caller.shoot(&mut relay, 40, Some(40));
    assert!(relay.colour_of(C).is_some());
    relay.preview(C, false);
    assert_eq!(relay.colour_of(C), None);
    caller.shoot(&mut relay, 4000, Some(400));
    assert_eq!((relay.still_orders(), relay.colour_of(C)), (vec![], None));
}

#[test]
fn nothing_is_made_without_a_wish_nor_of_a_voice() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, FMTP);
    Camera::of(C, RED).shoot(&mut relay, 4000, Some(400));
    assert_eq!(relay.still_orders(), []);
    let mut relay = Relay::with_three_phones();
    relay.preview(C, true);
    relay.speak(&[C], 4000);
    assert_eq!((relay.still_orders(), relay.key_frame_requests()), (vec![], vec![]));
}

#[test]
fn a_key_frame_of_which_a_piece_is_missing_gives_none_and_one_out_of_order_does() {
    let (mut relay, mut caller) = waiting();
    caller.shoot(&mut relay, 400, None);
    let orders = relay.still_orders();
    relay.draw(orders);
    relay.pass(7000);
    let pieces = caller.picture(&mut relay, true).len();
    assert!(pieces > 5, "{pieces}");
    for lost in 0..pieces {
        let packets = caller.picture(&mut relay, true);
        let there = packets.iter().enumerate().filter(|(at, _)| *at != lost % packets.len());
        there.for_each(|(_, packet)| relay.arrives(C, packet));
        caller.shoot(&mut relay, 80, None);
        assert_eq!(relay.still_orders(), [], "without piece {lost} of {pieces}");
    }
    let mut packets = caller.picture(&mut relay, true);
    packets.swap(1, 3);
    packets.iter().for_each(|packet| relay.arrives(C, packet));
    assert!(is_like(relay.colour_of(C), RED));
}

#[test]
fn what_begins_in_the_midst_of_a_picture_gives_none_before_the_next() {
    let (mut relay, mut caller) = waiting();
    let packets = caller.picture(&mut relay, true);
    packets[4..].iter().for_each(|packet| relay.arrives(C, packet));
    relay.pass(40);
    assert_eq!(relay.still_orders(), []);
    caller.shoot(&mut relay, 40, Some(40));
    assert!(is_like(relay.colour_of(C), RED));
}

#[test]
fn a_still_is_of_what_the_phone_sends_also_while_it_is_shown_another() {
    let (mut relay, mut caller) = waiting();
    let mut other = Camera::of(U, BLUE);
    relay.patch(&[(C, Source::Port(U)), (O, Source::Port(C))]);
    for _ in 0..5 {
        caller.shoot(&mut relay, 40, Some(40));
        other.shoot(&mut relay, 40, Some(40));
    }
    assert!(is_like(relay.colour_of(C), RED));
    assert!(!relay.rtp_to(C).is_empty() && !relay.rtp_to(O).is_empty());
}

#[test]
fn nobody_is_seen_at_a_port_that_another_had() {
    let (mut relay, mut caller) = waiting();
    caller.shoot(&mut relay, 40, Some(40));
    let orders = relay.still_orders();
    assert_eq!(orders.len(), 1);
    relay.command(Command::Close { port: C });
    let plan = plan(C, vec![format(Codec::H264, 96, 99, FMTP)]);
    relay.command(Command::Open { port: C, kind: Kind::Video, plan });
    relay.preview(C, true);
    relay.draw(orders);
    assert_eq!(relay.machine.still(relay.now.instant, C), None);
    caller.shoot(&mut relay, 40, Some(40));
    assert!(is_like(relay.colour_of(C), RED));
}

#[test]
fn parameter_sets_that_stand_in_the_sdp_alone_are_enough() {
    let (mut relay, mut caller) = waiting();
    // A stream without them: they come from what the same encoder said before.
    caller.shoot(&mut relay, 40, Some(40));
    let orders = relay.still_orders();
    relay.draw(orders);
    relay.pass(3000);
    let bare = |packet: &&Vec<u8>| !matches!(packet[12] & 0x1f, 7 | 8);
    let packets = caller.picture(&mut relay, true);
    // In its own numbers, so that nothing is missing.
    let first = relay.phone(C).sequence.wrapping_sub(packets.len() as u16);
    for (at, packet) in (first..).zip(packets.iter().filter(bare)) {
        let packet = [&packet[..2], &at.to_be_bytes(), &packet[4..]].concat();
        relay.arrives(C, &packet);
    }
    assert_eq!(relay.still_orders().len(), 1);
}

#[test]
fn the_workers_have_few_at_a_time_and_all_have_their_turn() {
    let mut relay = Relay::new();
    let ports: Vec<_> = (0..10).map(|n| PortId(20_000 + 2 * n)).collect();
    for port in &ports {
        relay.open(*port, Kind::Video, vec![format(Codec::H264, 96, 99, FMTP)]);
        (relay.phone(*port).payload_type, relay.phone(*port).step) = (99, 3600);
        relay.preview(*port, true);
        Camera::of(*port, RED).shoot(&mut relay, 40, Some(40));
    }
    let mut done = 0;
    loop {
        let orders = relay.still_orders();
        assert!(orders.len() <= 2);
        if orders.is_empty() {
            break;
        }
        done += orders.len();
        relay.draw(orders);
    }
    assert_eq!(done, 10);
    assert!(ports.iter().all(|port| relay.machine.still(relay.now.instant, *port).is_some()));
}
