//! SRTP on one leg: whoever has the keys is heard, and nobody else.

use crate::relay::*;
use cordboard::codec::{Codec, Kind};
use cordboard::media::{Channel, Command, Dropped, Event, MediaPath, Protection, Source, SrtpKeys};
use cordboard::rtp::rtcp::{self, RtcpPacket};
use cordboard::srtp::{MasterKey, ProtectContext, Seed, Suite, UnprotectContext};
use std::net::SocketAddr;

const SUITES: [Suite; 3] = [Suite::AesCm128Sha1_80, Suite::AesCm128Sha1_32, Suite::AesCm256Sha1_80];

fn keys(suite: Suite, byte: u8) -> MasterKey {
    MasterKey::fresh(suite, Seed([byte; 46]))
}

fn protection(suite: Suite, theirs: u8) -> Protection {
    Protection::Keyed(Box::new(SrtpKeys { sends: keys(suite, 1), receives: keys(suite, theirs) }))
}

/// C speaks under SRTP, O and U in clear.
fn relay(suite: Suite) -> Relay {
    let mut relay = Relay::with_three_phones();
    let mut plan = plan(C, vec![format(Codec::Pcmu, 0, 0, ""), format(EVENTS, 101, 101, "0-15")]);
    plan.transport.protection = protection(suite, 2);
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay
}

/// The caller says so many packets under its keys.
fn speak(relay: &mut Relay, protect: &mut ProtectContext, packets: usize) {
    for _ in 0..packets {
        let mut packet = relay.phone(C).packet(&[voice(C); 160]);
        protect.protect_rtp(&mut packet);
        relay.arrives(C, &packet);
        relay.pass(20);
    }
}

#[test]
fn a_sealed_phone_and_one_in_clear_hear_each_other_and_nothing_leaves_open() {
    for suite in SUITES {
        let mut relay = relay(suite);
        let (mut protect, mut unprotect) =
            (ProtectContext::new(&keys(suite, 2)), UnprotectContext::new(&keys(suite, 1)));
        for _ in 0..40 {
            speak(&mut relay, &mut protect, 1);
            let packet = relay.phone(O).packet(&[voice(O); 160]);
            relay.arrives(O, &packet);
        }
        assert!(relay.rtp_to(O).iter().any(|sent| sent.payload() == [voice(C); 160]));
        let sent = relay.rtp_to(C);
        let mut heard = 0;
        for packet in &sent {
            assert!(
                !packet.bytes.windows(20).any(|part| part == [voice(O); 20]),
                "{suite}: in clear"
            );
            let mut bytes = packet.bytes.clone();
            let len = unprotect.unprotect_rtp(&mut bytes).expect("sealed under our key");
            heard += usize::from(bytes[12..len] == [voice(O); 160]);
        }
        assert!(heard >= 38, "{suite}: {heard} packets of {}", sent.len());
        assert_continuous(&sent);
    }
}

#[test]
fn what_is_not_under_the_keys_is_not_heard_and_neither_is_a_repetition() {
    let suite = SUITES[0];
    let mut relay = relay(suite);
    let mut protect = ProtectContext::new(&keys(suite, 2));
    speak(&mut relay, &mut protect, 5);
    relay.wire.sent.clear();
    for _ in 0..5 {
        let clear = relay.phone(C).packet(&[voice(C); 160]);
        relay.arrives(C, &clear);
        let mut strange = relay.phone(C).packet(&[voice(C); 160]);
        ProtectContext::new(&keys(suite, 9)).protect_rtp(&mut strange);
        relay.arrives(C, &strange);
    }
    assert_eq!(relay.rtp_to(O).len(), 0, "no stranger is heard");
    let mut sealed = relay.phone(C).packet(&[voice(C); 160]);
    protect.protect_rtp(&mut sealed);
    for _ in 0..3 {
        relay.arrives(C, &sealed);
    }
    assert_eq!(relay.rtp_to(O).len(), 1, "once");
}

#[test]
fn an_unchanged_key_goes_on_and_a_new_one_begins_anew() {
    let suite = SUITES[0];
    let mut relay = relay(suite);
    let mut protect = ProtectContext::new(&keys(suite, 2));
    let mut unprotect = UnprotectContext::new(&keys(suite, 1));
    relay.phone(C).sequence = 65_530;
    speak(&mut relay, &mut protect, 20);
    let mut again = plan(C, vec![format(Codec::Pcmu, 0, 0, "")]);
    again.transport.protection = protection(suite, 2);
    relay.command(Command::Update { port: C, plan: again.clone() });
    relay.wire.sent.clear();
    speak(&mut relay, &mut protect, 5);
    assert_eq!(relay.rtp_to(O).len(), 5, "the rollover counter was kept");
    again.transport.protection = protection(suite, 7);
    relay.command(Command::Update { port: C, plan: again });
    relay.wire.sent.clear();
    speak(&mut relay, &mut protect, 5);
    assert_eq!(relay.rtp_to(O).len(), 0, "the old key is no longer good");
    speak(&mut relay, &mut ProtectContext::new(&keys(suite, 7)), 5);
    assert_eq!(relay.rtp_to(O).len(), 5);
    // What we send goes on under the one key that did not change.
    let packet = relay.phone(O).packet(&[voice(O); 160]);
    relay.arrives(O, &packet);
    for sent in relay.rtp_to(C) {
        assert!(unprotect.unprotect_rtp(&mut sent.bytes.clone()).is_some());
    }
}

/// Media rule 13: authenticated packets may always move the latch, but not one alone, which may be a
/// captured one; nor does that say which address of ours the phone speaks to.
#[test]
fn a_sealed_phone_is_answered_wherever_it_speaks_from() {
    let suite = SUITES[0];
    let mut relay = relay(suite);
    let mut protect = ProtectContext::new(&keys(suite, 2));
    speak(&mut relay, &mut protect, 5);
    let elsewhere = SocketAddr::from(([203, 0, 113, 9], 7777));
    let there = MediaPath { local: Some([192, 0, 2, 2].into()), remote: elsewhere };
    for is_there in [false, true] {
        let mut packet = relay.phone(C).packet(&[voice(C); 160]);
        protect.protect_rtp(&mut packet);
        relay.arrives_by(C, there, &packet);
        relay.wire.sent.clear();
        let packet = relay.phone(O).packet(&[voice(O); 160]);
        relay.arrives(O, &packet);
        let sent = relay.rtp_to(C);
        assert!(sent.iter().all(|sent| (sent.to == elsewhere) == is_there));
        assert!(sent.iter().all(|sent| (sent.local == there.local) == is_there));
    }
    assert!(relay.wire.events.contains(&Event::Latched { port: C, remote: elsewhere }));
}

/// Keys that are agreed on the transport itself come when the stream has long been planned.
#[test]
fn until_the_keys_are_there_nothing_is_sent_and_nothing_is_heard() {
    let suite = SUITES[0];
    let mut relay = Relay::with_three_phones();
    let keyed = |protection| {
        let formats = vec![format(Codec::Pcmu, 0, 0, "")];
        let plan = with(plan(C, formats), |plan| plan.transport.protection = protection);
        Command::Update { port: C, plan }
    };
    relay.command(keyed(Protection::Awaited));
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.wire.sent.clear();
    let mut protect = ProtectContext::new(&keys(suite, 2));
    speak(&mut relay, &mut protect, 5);
    relay.speak(&[C, O], 200);
    relay.pass(6000);
    assert!(relay.wire.sent.iter().all(|sent| sent.port != C), "no report and no music either");
    assert!(relay.heard(O).iter().all(|name| name != "C"));
    let dropped: u64 = relay
        .wire
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Dropped { port: C, dropped } => Some(dropped.unsealed),
            _others => None,
        })
        .sum();
    assert_eq!(dropped, 15, "5 under its keys, 10 in clear");

    relay.command(keyed(protection(suite, 2)));
    relay.wire.sent.clear();
    speak(&mut relay, &mut protect, 5);
    relay.speak(&[O], 100);
    assert_eq!(relay.rtp_to(O).len(), 5);
    let mut unprotect = UnprotectContext::new(&keys(suite, 1));
    let mut heard = 0;
    for mut sent in relay.rtp_to(C) {
        let len = unprotect.unprotect_rtp(&mut sent.bytes).unwrap();
        heard += usize::from(sent.bytes[len - 1] == voice(O));
    }
    assert_eq!(heard, 5, "beside silence of our own, all sealed");
}

#[test]
fn reports_are_sealed_too_and_those_in_clear_are_not_believed() {
    let suite = SUITES[0];
    let mut relay = Relay::new();
    let mut plan = plan(C, vec![format(Codec::Vp8, 96, 96, "")]);
    plan.transport.protection = protection(suite, 2);
    relay.open(C, Kind::Video, plan.stream.formats.clone());
    relay.open(O, Kind::Video, vec![format(Codec::Vp8, 97, 97, "")]);
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    let mut unprotect = UnprotectContext::new(&keys(suite, 1));
    relay.pass(2000);
    let reports: Vec<_> =
        relay.wire.sent.iter().filter(|s| s.port == C && s.channel == Channel::Rtcp).collect();
    assert!(!reports.is_empty());
    for sent in &reports {
        let mut bytes = sent.bytes.clone();
        let len = unprotect.unprotect_rtcp(&mut bytes).expect("sealed under our key");
        assert!(rtcp::parse(&bytes[..len]).unwrap().any(|m| matches!(m, RtcpPacket::Cname(..))));
    }
    // A request for a key frame reaches O's camera only under the keys.
    relay.phone(O).payload_type = 97;
    let packet = relay.phone(O).packet(&[0x10, 0, 1]);
    relay.arrives(O, &packet);
    let media = cordboard::rtp::Packet::parse(&relay.rtp_to(C)[0].bytes).unwrap().header().ssrc;
    relay.pass(2000);
    relay.wire.sent.clear();
    let request = |relay: &mut Relay, protect: Option<&mut ProtectContext>| {
        let mut bytes = Vec::new();
        rtcp::RtcpWriter::new(&mut bytes).receiver_report(7, &[]).picture_loss(7, media);
        if let Some(protect) = protect {
            protect.protect_rtcp(&mut bytes);
        }
        let rtp = relay.phone(C).address;
        let from = SocketAddr::new(rtp.ip(), rtp.port() + 1);
        relay.machine.rtcp(relay.now, C, from, &mut bytes, &mut relay.wire);
    };
    request(&mut relay, None);
    assert_eq!(relay.key_frame_requests().len(), 0);
    request(&mut relay, Some(&mut ProtectContext::new(&keys(suite, 2))));
    let asked = relay.wire.sent.iter().filter(|s| s.port == O && s.channel == Channel::Rtcp);
    assert_eq!(asked.count(), 1);
}

#[test]
fn what_is_not_under_the_phones_keys_is_counted() {
    let mut relay = relay(SUITES[0]);
    let mut protect = ProtectContext::new(&keys(SUITES[0], 2));
    speak(&mut relay, &mut protect, 10);
    let packet = relay.phone(C).packet(&[voice(C); 160]);
    relay.arrives(C, &packet);
    relay.report_arrives(C, |writer| {
        writer.receiver_report(C.0 as u32, &[]);
    });
    relay.pass(10_000);
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    relay.arrives(C, &stun);
    relay.pass(10_000);
    let dropped = Dropped { stun: 1, ..Dropped::default() };
    assert!(relay.wire.events.contains(&Event::Dropped { port: C, dropped }));
    let dropped = Dropped { unsealed: 2, ..Dropped::default() };
    assert!(relay.wire.events.contains(&Event::Dropped { port: C, dropped }));
}
