//! Where pictures begin and end at a receiver: with a whole one, whatever a switch or a pause falls into.

use super::relay::*;
use super::{IDR, SECOND_IDR_SLICE, SLICE, VP8_DELTA, VP8_KEY};
use cordboard::codec::Codec;
use cordboard::ids::PortId;
use cordboard::media::{Command, Source};
use cordboard::time::Duration;

const MODE_1: &str = "packetization-mode=1";
/// A later piece of a picture that leans on others.
const SECOND_SLICE: [u8; 3] = [0x41, 0x42, 0x02];
/// The middle of a VP8 frame, as a payload.
const VP8_MIDDLE: [u8; 5] = [0x80, 0x80, 0x80, 1, 0];

impl Relay {
    /// The payloads that a phone has got.
    fn payloads_to(&self, port: PortId) -> Vec<Vec<u8>> {
        self.rtp_to(port).iter().map(|sent| sent.payload().to_vec()).collect()
    }
}

/// The event loop was held up while the answer to a switch lay in the socket: it came, and nobody saw it.
#[test]
fn a_key_frame_that_waited_too_long_is_asked_for_again() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_picture(U, &[&VP8_DELTA]);
    let (from, mut packet) = (relay.phone(U).address, relay.phone(U).packet(&VP8_KEY));
    let age = Duration::from_millis(150);
    relay.machine.rtp_of_age(relay.now, age, U, from.into(), &mut packet, &mut relay.wire);
    relay.wire.sent.clear();
    (0..25).for_each(|_| relay.send_picture(U, &[&VP8_DELTA]));
    assert!(!relay.key_frame_requests().is_empty());
    relay.send_picture(U, &[&VP8_KEY]);
    assert_eq!(relay.payloads_to(C).len(), 1);
    relay.pass(1000);
}

/// A phone on a busy machine, or behind a thin line: its first picture takes longer than a camera may be silent.
#[test]
fn a_key_frame_that_takes_its_time_is_not_cut() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, MODE_1);
    relay.patch(&[(C, Source::Port(U))]);
    let slices: Vec<&[u8]> =
        (0..30).map(|n| if n == 0 { &IDR[..] } else { &SECOND_IDR_SLICE }).collect();
    let timestamp = relay.phone(U).timestamp;
    for slice in &slices {
        let number = relay.phone(U).payload_type;
        let packet = relay.phone(U).packet_of(number, timestamp, slice);
        relay.arrives(U, &packet);
        relay.pass(100);
    }
    assert_eq!(relay.payloads_to(C), slices, "nothing else, and all of it");
    assert_eq!(relay.key_frame_requests(), []);
}

/// Such a camera's pictures stand under its own sets, not under those of the picture that was shown while it was waited for.
#[test]
fn a_camera_without_key_frames_is_shown_under_its_own_sets() {
    let sets = "packetization-mode=1;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==";
    let mut relay = Relay::with_three_cameras(&Codec::H264, MODE_1);
    let told = plan(U, vec![format(Codec::H264, 96, 99, sets)]);
    relay.command(Command::Update { port: U, plan: told });
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&SLICE[..]; 90]);
    let kinds: Vec<u8> = relay.payloads_to(C).iter().map(|payload| payload[0] & 0x1f).collect();
    assert_eq!(kinds[..4], [7, 8, 1, 1], "once, in front of the first");
    assert!(kinds[4..].iter().all(|kind| *kind == 1));
    assert_continuous(&relay.rtp_to(C));
}

/// It forgets what it is asked while it codes a picture, which takes a phone on a busy machine most of the time; and its
/// pictures go in step with half a second.
#[test]
fn a_camera_that_forgets_what_it_is_asked_while_it_codes_is_asked_in_between() {
    for phase in 0..5 {
        let mut relay = Relay::with_three_cameras(&Codec::H264, MODE_1);
        relay.send_picture(U, &[&IDR]);
        relay.pass(2000);
        let mut asked = relay.key_frame_requests().len();
        let (mut is_asked, mut shown_after) = (false, None);
        for step in 0..150 {
            if step == 50 + phase {
                relay.patch(&[(C, Source::Port(U))]);
            }
            // A picture in 100 ms, of which it codes the last 80.
            let codes = step % 5 != 0;
            if !codes {
                relay.phone(U).timestamp += 6000;
                let picture: &[u8] = if std::mem::take(&mut is_asked) { &IDR } else { &SLICE };
                relay.send_pieces(U, &[picture]);
            }
            let requests = relay.key_frame_requests().len();
            is_asked |= requests > asked && !codes;
            asked = requests;
            let is_shown = !relay.payloads_to(C).is_empty();
            shown_after = shown_after.or_else(|| is_shown.then_some((step - 50 - phase) * 20));
            relay.pass(20);
        }
        assert!(shown_after.is_some_and(|after| after <= 800), "{phase}: after {shown_after:?} ms");
    }
}

/// What an encoder that refreshes by and by sends is passed after a while, from the beginning of a picture.
#[test]
fn a_camera_without_key_frames_is_not_begun_in_the_middle_of_a_picture() {
    for (codec, fmtp, first, later) in [
        (Codec::H264, MODE_1, &SLICE[..], &SECOND_SLICE[..]),
        (Codec::Vp8, "", &VP8_DELTA, &VP8_MIDDLE),
    ] {
        let mut relay = Relay::with_three_cameras(&codec, fmtp);
        relay.patch(&[(C, Source::Port(U))]);
        relay.send_picture(U, &[first]);
        relay.pass(2950);
        // Its first packet comes before the wait is over, the others after it.
        relay.phone(U).step = 0;
        let packet = relay.phone(U).packet(first);
        relay.arrives(U, &packet);
        relay.pass(20);
        relay.phone(U).step = 3000;
        relay.send_picture(U, &[later, later]);
        assert_eq!(relay.payloads_to(C), [] as [Vec<u8>; 0], "{codec}");
        relay.send_picture(U, &[first, later]);
        assert_eq!(relay.payloads_to(C), [first, later], "{codec}");
    }
}

/// Some decoders gather packets up to the marker alone, and would mix two parties' pictures.
#[test]
fn a_picture_in_whole_units_that_a_switch_cuts_is_ended_by_a_marker_of_its_own() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, MODE_1);
    let whole = plan(C, vec![format(Codec::H264, 96, 99, "packetization-mode=0")]);
    relay.command(Command::Update { port: C, plan: whole });
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_picture(U, &[&IDR, &SECOND_IDR_SLICE]);
    relay.send_frames(U, &[&SLICE]);
    relay.patch(&[(C, Source::Port(O))]);
    relay.send_picture(O, &[&IDR]);
    let sent = relay.rtp_to(C);
    let [.., cut, end, key] = &sent[..] else { panic!("{} packets", sent.len()) };
    assert_eq!((cut.payload(), key.payload()), (&SLICE[..], &IDR[..]));
    assert_eq!(end.payload(), [0x0c, 0x80], "filler data, which changes no picture");
    assert!(end.header().marker && !cut.header().marker);
    assert_eq!(end.header().timestamp, cut.header().timestamp);
    assert_continuous(&sent);
}

/// A re-INVITE ends a conversion: what passes from then on leans on pictures that the screen never saw.
#[test]
fn pictures_that_pass_after_a_conversion_begin_with_a_key_frame() {
    if !Codec::Vp8.can_transcode() {
        return;
    }
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&VP8_KEY, &VP8_DELTA]);
    for codec in [Codec::H264, Codec::Vp8] {
        assert_eq!(relay.payloads_to(C).len(), 2, "nothing is coded here");
        let plan = plan(C, vec![format(codec, 96, 99, "")]);
        relay.command(Command::Update { port: C, plan });
        relay.send_frames(U, &[&VP8_DELTA[..]; 20]);
    }
    assert_eq!(relay.payloads_to(C).len(), 2);
    assert!(!relay.key_frame_requests().is_empty());
    relay.send_frames(U, &[&VP8_KEY, &VP8_DELTA]);
    assert_eq!(relay.payloads_to(C).len(), 4);
    assert_continuous(&relay.rtp_to(C));
}

/// H.265 and VP9 are known as well as those that are coded here; H.261 has no key frames, but beginnings.
#[test]
fn pictures_of_every_codec_begin_with_a_whole_one() {
    for (codec, rest, key) in [
        (Codec::H265, &[19 << 1, 1, 0x40][..], &[19 << 1, 1, 0xaf][..]),
        (Codec::H265, &[1 << 1, 1, 0xd0], &[49 << 1, 1, 0x80 | 19, 0xaf]),
        (Codec::Vp9, &[0x00, 1], &[0x08, 1]),
        (Codec::Vp9, &[0x48, 1], &[0x88, 5, 1]),
        (Codec::H261, &[0x01, 0, 0, 0, 0, 1, 0x10], &[0x01, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let mut relay = Relay::with_three_cameras(&codec, "");
        relay.patch(&[(C, Source::Port(U))]);
        relay.send_frames(U, &[rest]);
        assert_eq!(relay.payloads_to(C), [] as [Vec<u8>; 0], "{codec}");
        relay.send_frames(U, &[rest; 20]);
        assert_eq!(relay.key_frame_requests().len(), 2, "{codec}: again after half a second");
        relay.send_frames(U, &[key, rest]);
        assert_eq!(relay.payloads_to(C), [key, rest], "{codec}");
    }
}

/// Sets in front of the second slice would take the place of the first, which it has overtaken.
#[test]
fn a_slice_that_was_overtaken_keeps_its_place() {
    let fmtp = "packetization-mode=1;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==";
    let mut relay = Relay::with_three_cameras(&Codec::H264, fmtp);
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_picture(U, &[&IDR, &SECOND_IDR_SLICE]);
    relay.wire.sent.clear();
    let timestamp = relay.phone(U).timestamp;
    let mut slices = [&IDR, &SECOND_IDR_SLICE].map(|s| relay.phone(U).packet_of(99, timestamp, s));
    slices.reverse();
    slices.iter().for_each(|packet| relay.arrives(U, packet));
    let sent = relay.rtp_to(C);
    let sequence = |n: usize| sent[n].header().sequence;
    assert_eq!(relay.payloads_to(C), [SECOND_IDR_SLICE, IDR]);
    assert_eq!(sequence(0), sequence(1).wrapping_add(1));
}
