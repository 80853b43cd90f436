//! Ports that go on in another process, half a second later. That nobody notices where none of it is lost, all
//! tests here show: their relays are changed at many moments.

use crate::relay::*;
use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{Announcement, Machine, Settings, Source, WaitingProfileId};
use cordboard::random::Random;
use cordboard::time::{Duration, Instant, Now};
use std::collections::BTreeSet;

const GAP_MS: u64 = 500;

/// Another process, which has just begun, goes on with all that was saved.
fn restart(relay: &mut Relay, ports: &[PortId]) {
    let save = |port: &PortId| relay.machine.save(relay.now, *port).expect("no key is down");
    let saved: Vec<_> = ports.iter().map(save).collect();
    let row = |port: &PortId| (*port, relay.machine.patchbay().source(*port));
    let rows: Vec<_> = ports.iter().map(row).collect();
    let unix = relay.now.unix + Duration::from_millis(GAP_MS);
    relay.now = Now { instant: Instant::from_micros(40_000), unix };
    relay.wire.now = relay.now.instant;
    relay.machine = Machine::new(Settings::default(), Random::from_number(9));
    relay.machine.restore(relay.now, saved, &rows, &mut relay.wire);
    relay.make();
}

/// Sequence number and timestamp of each packet behind the first, as far as they are ahead of it.
fn steps(sent: &[Sent]) -> Vec<(u16, u32)> {
    let first = sent[0].header();
    assert!(sent.iter().all(|sent| sent.header().ssrc == first.ssrc), "one stream");
    let step = |sent: &Sent| {
        let header = sent.header();
        let ahead = header.sequence.wrapping_sub(first.sequence);
        (ahead, header.timestamp.wrapping_sub(first.timestamp))
    };
    sent.iter().map(step).collect()
}

#[test]
fn the_relays_of_these_tests_are_changed_in_the_middle_of_everything() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[C, O], 1000);
    assert!(relay.put_back > 20, "{}", relay.put_back);
    assert_continuous(&relay.rtp_to(O));
}

#[test]
fn a_conversation_goes_on_and_what_was_said_meanwhile_counts_as_lost() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[C, O], 400);
    restart(&mut relay, &[C, O, U]);
    for port in [C, O] {
        // What came into the gap reaches nobody.
        (0..GAP_MS / 20).for_each(|_| drop(relay.phone(port).packet(&[0; 160])));
    }
    relay.speak(&[C, O], 400);
    for (port, other) in [(C, "O"), (O, "C")] {
        let wanted: Vec<_> = (0..20).chain(45..65).map(|n| (n, u32::from(n) * 160)).collect();
        assert_eq!(steps(&relay.rtp_to(port)), wanted);
        assert_eq!(relay.heard(port), BTreeSet::from([other.to_owned()]));
    }
}

#[test]
fn who_waits_gets_the_music_anew_in_the_same_stream() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, HOLD)]);
    relay.pass(1000);
    let before = relay.rtp_to(C);
    restart(&mut relay, &[C, O, U]);
    relay.pass(1000);
    let sent = relay.rtp_to(C);
    assert!(sent.len() >= 99, "{}", sent.len());
    let after: Vec<_> = sent[before.len()..].iter().map(Sent::payload).collect();
    let beginning: Vec<_> = before.iter().map(Sent::payload).collect();
    assert_eq!(after[..40], beginning[..40]);
    assert_continuous(&sent);
}

#[test]
fn what_is_said_once_is_not_said_again() {
    let profile = WaitingProfileId::DEFAULT;
    let heard = |source| {
        let mut relay = Relay::with_three_phones();
        relay.patch(&[(C, source)]);
        relay.pass(200);
        restart(&mut relay, &[C, O, U]);
        relay.wire.sent.clear();
        relay.pass(400);
        relay.rtp_to(C).iter().map(|sent| sent.payload().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(heard(Source::Greeting(profile, Announcement::Busy)), heard(HOLD));
    assert_eq!(heard(Source::Farewell(profile, Announcement::Nobody)), heard(Source::Silence));
}

#[test]
fn a_voice_that_is_converted_goes_on_in_the_same_stream() {
    let mut relay = Relay::new();
    relay.open(C, Kind::Audio, vec![format(Codec::Pcmu, 0, 0, "")]);
    relay.open(O, Kind::Audio, vec![format(Codec::G722, 9, 9, "")]);
    relay.patch(&[(O, Source::Port(C))]);
    relay.speak(&[C], 1000);
    restart(&mut relay, &[C, O]);
    relay.speak(&[C], 1000);
    let sent = relay.rtp_to(O);
    assert!(sent.len() >= 90, "{}", sent.len());
    assert_continuous(&sent);
    assert!(sent.iter().all(|sent| sent.header().payload_type == 9));
}
