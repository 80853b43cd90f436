//! What is seen between two pictures: the wait until the first of a source, and a source that sends none.

use super::relay::*;
use super::{VP8_DELTA, VP8_KEY};
use cordboard::codec::Codec;
use cordboard::ids::PortId;
use cordboard::media::{BitrateFeedback, Channel, Command, Event, Source};
use cordboard::rtp::rtcp::{self, RtcpPacket};
use cordboard::sdp::Direction;

const FPS_CLOCK: u32 = 3000;

/// Three phones with VP8, the key frames and other pictures of a phone being these few bytes.
fn cameras() -> Relay {
    Relay::with_three_cameras(&Codec::Vp8, "")
}

impl Relay {
    /// One picture of a phone, and so many ms.
    fn shoot(&mut self, port: PortId, payload: &[u8], ms: u64) {
        self.phone(port).step = FPS_CLOCK;
        let packet = self.phone(port).packet(payload);
        self.arrives(port, &packet);
        self.pass(ms);
        self.make();
    }

    /// When a phone was told how much it may send, in ms, and how much.
    fn limits_told(&mut self, port: PortId) -> Vec<(u64, u64)> {
        let mut told = Vec::new();
        let reports = |sent: &&Sent| sent.port == port && sent.channel == Channel::Rtcp;
        for sent in self.wire.sent.iter().filter(reports) {
            for message in rtcp::parse(&sent.bytes).unwrap() {
                if let RtcpPacket::MaxBitrate { bitrate, .. } = message {
                    told.push((sent.at.as_micros() / 1000, bitrate));
                }
            }
        }
        self.wire.sent.clear();
        told
    }

    /// What a phone is shown since it was last asked for: of the other phones, and of the relay's own.
    fn pictures_at(&mut self, port: PortId) -> (usize, usize) {
        let sent = self.rtp_to(port);
        self.wire.sent.retain(|sent| sent.port != port);
        let theirs = sent.iter().filter(|sent| sent.payload().len() <= VP8_KEY.len() + 3).count();
        (theirs, sent.len() - theirs)
    }
}

#[test]
fn the_picture_of_the_wait_stays_until_the_first_of_the_source_comes() {
    if !Codec::Vp8.can_transcode() {
        return;
    }
    let mut relay = cameras();
    relay.shoot(O, &VP8_KEY, 20);
    relay.patch(&[(C, position(1))]);
    relay.pass(1000);
    relay.patch(&[(C, Source::Port(O))]);
    let all = relay.rtp_to(C).len();
    for _ in 0..20 {
        relay.shoot(O, &VP8_DELTA, 40);
    }
    let (theirs, ours) = relay.pictures_at(C);
    assert_eq!(theirs, 0, "no picture that leans on what was before the switch");
    assert!(ours > all + 3, "{ours} after {all}");
    relay.shoot(O, &VP8_KEY, 40);
    for _ in 0..50 {
        relay.shoot(O, &VP8_DELTA, 40);
    }
    assert_eq!(relay.pictures_at(C), (51, 0), "from its first picture on nothing else");
}

#[test]
fn a_source_without_pictures_is_shown_as_such_after_two_seconds_and_comes_back_with_a_key_frame() {
    if !Codec::Vp8.can_transcode() {
        return;
    }
    let mut relay = cameras();
    relay.patch(&[(C, Source::Port(O))]);
    relay.shoot(O, &VP8_KEY, 40);
    relay.shoot(O, &VP8_DELTA, 40);
    relay.pass(1900);
    relay.make();
    assert_eq!(relay.pictures_at(C), (2, 0));
    relay.pass(100);
    relay.make();
    relay.pass(1000);
    let (theirs, ours) = relay.pictures_at(C);
    assert!(theirs == 0 && ours > 3, "{ours}");
    relay.wire.sent.clear();
    relay.shoot(O, &VP8_DELTA, 40);
    assert_eq!(relay.key_frame_requests().len(), 1);
    assert_eq!(relay.pictures_at(C).0, 0);
    relay.shoot(O, &VP8_KEY, 40);
    relay.shoot(O, &VP8_DELTA, 40);
    assert_eq!(relay.pictures_at(C).0, 2);
}

#[test]
fn nobodys_numbers_break_while_pictures_of_ours_and_of_a_phone_take_turns() {
    if !Codec::Vp8.can_transcode() {
        return;
    }
    let mut relay = cameras();
    relay.patch(&[(C, position(1))]);
    relay.pass(700);
    relay.patch(&[(C, Source::Port(O))]);
    for _ in 0..4 {
        relay.shoot(O, &VP8_DELTA, 40);
        relay.shoot(O, &VP8_KEY, 40);
        relay.shoot(O, &VP8_DELTA, 40);
        relay.phone(O).timestamp += 4000 * 90;
        for _ in 0..200 {
            relay.pass(20);
            relay.make();
        }
    }
    let sent = relay.rtp_to(C);
    assert_continuous(&sent);
    let clock = |sent: &Sent| (sent.at, sent.header().timestamp);
    let (first, last) = (clock(&sent[0]), clock(sent.last().unwrap()));
    let ticks = last.0.since(first.0).as_millis() as u32 * 90;
    assert!(last.1.wrapping_sub(first.1).abs_diff(ticks) < 30_000, "the clock goes on");
}

#[test]
fn a_camera_that_sends_a_picture_now_and_then_is_given_more_time_each_time() {
    if !Codec::Vp8.can_transcode() {
        return;
    }
    let mut relay = cameras();
    relay.patch(&[(C, Source::Port(O))]);
    let mut shown = Vec::new();
    for _ in 0..6 {
        relay.shoot(O, &VP8_KEY, 20);
        for _ in 0..150 {
            relay.pass(20);
            relay.make();
        }
        shown.push(relay.pictures_at(C).1 > 0);
    }
    assert_eq!(shown, [true, false, false, false, false, false], "one every 3 s");
}

#[test]
fn who_holds_sees_the_other_again_afterwards_and_no_word_of_ours() {
    if !Codec::Vp8.can_transcode() {
        return;
    }
    let mut relay = cameras();
    relay.patch(&[(C, Source::Port(O))]);
    relay.shoot(O, &VP8_KEY, 40);
    let formats = || vec![format(Codec::Vp8, 96, 99, "")];
    let held = directed(Direction::RecvOnly, plan(C, formats()));
    relay.command(Command::Update { port: C, plan: held });
    for _ in 0..250 {
        relay.shoot(O, &VP8_DELTA, 40);
    }
    relay.command(Command::Update { port: C, plan: plan(C, formats()) });
    relay.shoot(O, &VP8_DELTA, 40);
    relay.shoot(O, &VP8_KEY, 40);
    assert_eq!(relay.pictures_at(C), (2, 0));
}

/// What a phone takes to answer a request.
const ANSWER_MS: u64 = 40;

/// A phone that makes at most one key frame a second, and forgets what it is asked before.
#[derive(Default)]
struct Sluggish {
    made: Option<u64>,
    due: Option<u64>,
}

impl Sluggish {
    fn next(&mut self, ms: u64, asked: bool) -> &'static [u8] {
        let may = self.made.is_none_or(|made| ms >= made + 1000);
        if may && asked {
            self.due.get_or_insert(ms + ANSWER_MS);
        }
        match self.due.take_if(|due| *due <= ms) {
            Some(_) => {
                self.made = Some(ms);
                &VP8_KEY
            }
            None => &VP8_DELTA,
        }
    }
}

/// From one to the other and back again, so that the first has just made one.
#[test]
fn a_picture_is_there_within_a_second_of_every_switch_also_with_phones_that_answer_once_a_second() {
    for back_at in (2040..3000).step_by(20) {
        let mut relay = cameras();
        let mut phones = [(O, Sluggish::default()), (U, Sluggish::default())];
        let mut seen_after = None;
        for ms in (0..6000_u64).step_by(20) {
            match ms {
                2000 => relay.patch(&[(C, Source::Port(O))]),
                2020 => relay.patch(&[(C, Source::Port(U))]),
                _ if ms == back_at => relay.patch(&[(C, Source::Port(O))]),
                _ => {}
            }
            let asked = relay.key_frame_requests();
            relay.wire.sent.clear();
            for (port, phone) in &mut phones {
                let is_asked = asked.iter().any(|(_, asked, _)| asked == port);
                relay.send_pieces(*port, &[phone.next(ms, is_asked)]);
            }
            if ms >= back_at && relay.pictures_at(C).0 > 0 {
                seen_after.get_or_insert(ms - back_at);
            }
            relay.pass(20);
        }
        let in_time = seen_after.is_some_and(|ms| ms <= 1000 + ANSWER_MS);
        assert!(in_time, "{seen_after:?} ms, back at {back_at}");
    }
}

#[test]
fn the_first_word_about_a_picture_counts_those_since_it_was_asked_for() {
    let mut relay = cameras();
    relay.patch(&[(C, Source::Port(O))]);
    for _ in 0..100 {
        relay.shoot(O, &VP8_KEY, 40);
    }
    relay.command(Command::Watch { port: O, on: true });
    for _ in 0..26 {
        relay.shoot(O, &VP8_DELTA, 40);
    }
    let told = relay.wire.events.iter().find_map(|event| match event {
        Event::Health { health, .. } => Some((health.ok, health.frames_per_second)),
        _ => None,
    });
    let (ok, rate) = told.unwrap();
    assert!(ok && (24..=26).contains(&rate), "{rate} pictures a second");
}

/// Without it Chromium sends less and less. What the partner can take bounds it, and what is seen by nobody is small.
#[test]
fn a_browser_is_told_again_and_again_how_much_it_may_send() {
    let mut relay = cameras();
    let browser = plan(O, vec![format(Codec::Vp8, 97, 99, "")]);
    let browser = with(browser, |plan| plan.stream.bitrate_feedback = BitrateFeedback::Remb);
    relay.command(Command::Update { port: O, plan: browser });
    let start = relay.now.instant.as_micros() / 1000;
    relay.shoot(O, &VP8_KEY, 20);
    relay.pass(3000);
    let unseen = relay.limits_told(O);
    let times: Vec<u64> = unseen.iter().map(|(at, _)| at - start).collect();
    assert!(times[0].abs_diff(100) <= 20 && times[1].abs_diff(1100) <= 20, "{times:?}");
    assert_eq!((times.len(), unseen[0].1), (3, 256_000));
    relay.patch(&[(C, Source::Port(O))]);
    relay.pass(60);
    let seen: Vec<u64> = relay.limits_told(O).iter().map(|(_, bitrate)| *bitrate).collect();
    assert_eq!(seen, [1_500_000], "at once");
    let narrow = plan(C, vec![format(Codec::Vp8, 96, 99, "")]);
    let narrow = with(narrow, |plan| plan.stream.picture.bitrate_max = Some(400_000));
    relay.command(Command::Update { port: C, plan: narrow });
    relay.pass(2000);
    let bounded: Vec<u64> = relay.limits_told(O).iter().map(|(_, bitrate)| *bitrate).collect();
    assert_eq!(bounded, [400_000; 2]);
}
