//! The relay in pure packets: who gets what, and that nobody notices a switch.

#![allow(clippy::unwrap_used)] // A test may panic.

mod beginnings;
mod bundles;
mod cameras;
#[path = "../checks/mod.rs"]
mod checks;
mod clocks;
mod conversion;
mod handshakes;
mod ledger;
mod pictures;
mod recording;
mod relay;
mod saved;
mod srtp;
mod stills;
mod switches;

use checks::{USE_CANDIDATE, check_for};
use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{
    Announcement, Channel, CodingOutcome, Command, ConversionId, Done, Dropped, Event,
    KeyFrameFeedback, MediaPath, Source, Tone, TransportPlan, Trust, Voices, WaitingProfileId,
};
use cordboard::rtp::TelephoneEvent;
use cordboard::rtp::rtcp::{self, ReportBlock, RtcpPacket, RtcpWriter, SenderReport};
use cordboard::rtp::vp8;
use cordboard::sdp::Direction;
use cordboard::stun::IceCredentials;
use cordboard::time::{Duration, Instant};
use proptest::prelude::*;
use relay::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[test]
fn everybody_hears_exactly_whom_the_state_of_the_call_gives_them() {
    let (to_c, to_o, to_u) = (Source::Port(C), Source::Port(O), Source::Port(U));
    let table: [(&str, [Source; 3], [&str; 3]); 8] = [
        ("waiting", [HOLD, Source::Nothing, Source::Nothing], ["melody", "silence", "silence"]),
        ("with operator", [to_o, to_c, Source::Nothing], ["O", "C", "silence"]),
        (
            "consulting, unanswered",
            [HOLD, Source::RingBack, Source::Nothing],
            ["melody", "melody", "silence"],
        ),
        ("consulting", [HOLD, to_u, to_o], ["melody", "U", "O"]),
        ("alternated", [to_o, to_c, HOLD], ["O", "C", "melody"]),
        ("consulting again", [HOLD, to_u, to_o], ["melody", "U", "O"]),
        ("connected", [to_u, Source::Nothing, to_c], ["U", "silence", "C"]),
        ("operator told", [to_u, Source::Tone(Tone::Done), to_c], ["U", "melody", "C"]),
    ];
    let mut relay = Relay::with_three_phones();
    for (state, [c, o, u], expected) in table {
        relay.patch(&[(C, c), (O, o), (U, u)]);
        relay.wire.sent.clear();
        // Below the length of a short tone, so that it has not yet made way for silence.
        relay.speak(&[C, O, U], 240);
        for (port, expected) in [C, O, U].into_iter().zip(expected) {
            let mut heard = relay.heard(port);
            if expected == "melody" {
                heard.remove("silence"); // a rest in the music
            }
            assert_eq!(heard, BTreeSet::from([expected.to_owned()]), "{port} when {state}");
        }
    }
}

#[test]
fn the_receiver_gets_its_own_payload_type_and_never_another_legs_address_or_ssrc() {
    let mut relay = Relay::new();
    relay.open(C, Kind::Audio, vec![format(Codec::Opus, 96, 107, "")]);
    relay.open(O, Kind::Audio, vec![format(Codec::Opus, 120, 111, "")]);
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.phone(C).payload_type = 107;
    let own_ssrc = relay.phone(C).ssrc;
    relay.speak(&[C], 100);
    let sent = relay.rtp_to(O);
    assert_eq!(sent.len(), 5);
    for packet in &sent {
        assert_eq!(packet.header().payload_type, 120);
        assert_ne!(packet.header().ssrc, own_ssrc);
        assert_eq!(packet.to, plan(O, vec![]).transport.remote.unwrap());
    }
}

#[test]
fn an_unknown_payload_type_goes_nowhere() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    relay.phone(C).payload_type = 77;
    relay.speak(&[C], 200);
    assert_eq!(relay.heard(O), BTreeSet::from(["silence".to_owned()]));
}

#[test]
fn what_is_no_payload_goes_to_nobody_and_impossible_padding_is_counted() {
    let mut relay = Relay::with_three_phones();
    relay.open(PortId(16_012), Kind::Audio, vec![format(Codec::Pcma, 8, 8, "")]);
    relay.patch(&[(O, Source::Port(C)), (PortId(16_012), Source::Port(C))]);
    for dressed in relay::dressed_packets() {
        let packet = dressed(&relay.phone(C).packet(&[voice(C); 160]));
        relay.arrives(C, &packet);
        relay.pass(20);
    }
    for port in [O, PortId(16_012)] {
        let sent = relay.rtp_to(port);
        assert_eq!(sent.len(), relay::dressed_packets().len());
        assert!(sent.iter().all(|sent| sent.bytes.len() == 172 && sent.bytes[0] == 0x80));
        assert_continuous(&sent);
    }
    relay.wire.sent.clear();
    let mut packet = relay.phone(C).packet(&[255; 160]);
    packet[0] |= 0x20;
    relay.arrives(C, &packet);
    assert!(relay.rtp_to(O).is_empty());
    relay.pass(10_000);
    let dropped = Dropped { malformed: 1, ..Dropped::default() };
    assert!(relay.wire.events.contains(&Event::Dropped { port: C, dropped }));
}

#[test]
fn padding_alone_is_not_sent_on_and_leaves_no_gap() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    for _ in 0..5 {
        relay.speak(&[C], 40);
        let mut padding = relay.phone(C).packet(&[200; 200]);
        padding[0] |= 0x20;
        relay.arrives(C, &padding);
    }
    let sent = relay.rtp_to(O);
    assert_eq!(sent.len(), 10);
    for pair in sent.windows(2) {
        assert_eq!(pair[1].header().sequence, pair[0].header().sequence.wrapping_add(1));
    }
}

#[test]
fn a_padded_key_is_the_key() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    let at = relay.phone(C).timestamp;
    for dressed in relay::dressed_packets() {
        let packet = dressed(&relay.phone(C).packet_of(101, at, &key(5, 160, false)));
        relay.arrives(C, &packet);
    }
    let told = relay.wire.events.iter().filter(|e| matches!(e, Event::Dtmf { .. }));
    assert_eq!(told.collect::<Vec<_>>(), [&Event::Dtmf { port: C, digit: '5' }]);
    assert!(relay.rtp_to(O).iter().all(|sent| sent.payload() == key(5, 160, false)));
}

#[test]
fn silence_comes_until_the_first_packet_and_the_marker_ends_it() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    relay.pass(100);
    relay.speak(&[C], 40);
    let sent = relay.rtp_to(O);
    let names: Vec<_> = sent.iter().map(|packet| name_of(packet.payload())).collect();
    assert_eq!(names, ["silence", "silence", "silence", "silence", "silence", "C", "C"]);
    let markers: Vec<_> = sent.iter().map(|packet| packet.header().marker).collect();
    assert_eq!(markers, [true, false, false, false, false, true, false]);
}

#[test]
fn a_source_that_falls_silent_is_replaced_by_silence_and_comes_back() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    relay.speak(&[C], 100);
    relay.pass(12_000);
    relay.wire.sent.clear();
    relay.pass(100);
    assert_eq!(relay.heard(O), BTreeSet::from(["silence".to_owned()]));
    relay.speak(&[C], 100);
    assert_eq!(relay.heard(O), BTreeSet::from(["C".to_owned()]));
}

#[test]
fn hold_music_keeps_its_pace_of_20_ms() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, HOLD)]);
    relay.pass(10_000);
    let sent = relay.rtp_to(C);
    assert_eq!(sent.len(), 500);
    for pair in sent.windows(2) {
        assert_eq!(pair[1].at.since(pair[0].at), Duration::from_millis(20));
        assert_eq!(pair[1].header().timestamp.wrapping_sub(pair[0].header().timestamp), 160);
        assert_eq!(pair[1].header().sequence.wrapping_sub(pair[0].header().sequence), 1);
    }
}

#[test]
fn the_relay_sleeps_while_nobody_needs_it() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.command(Command::Close { port: U });
    relay.speak(&[C, O], 2000);
    let (mut wakes, end) = (0, relay.now.instant + Duration::from_secs(4));
    while relay.now.instant < end {
        let deadline = relay.machine.deadline().unwrap();
        relay.now = relay.now + deadline.since(relay.now.instant);
        relay.machine.tick(relay.now, &mut relay.wire);
        wakes += 1;
    }
    assert!(wakes <= 3, "{wakes} wakes in 4 s for two reports");
    relay.command(Command::Close { port: C });
    relay.command(Command::Close { port: O });
    assert_eq!(relay.machine.deadline(), None);
}

#[test]
fn a_peer_that_wants_nothing_gets_nothing() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, HOLD), (O, Source::Port(C)), (U, Source::Port(C))]);
    for (port, direction) in [(C, Direction::RecvOnly), (U, Direction::Inactive)] {
        let formats = vec![format(Codec::Pcmu, 0, 0, "")];
        relay.command(Command::Update { port, plan: directed(direction, plan(port, formats)) });
    }
    relay.speak(&[C], 200);
    assert!(relay.heard(C).is_empty());
    assert!(relay.heard(U).is_empty());
    assert_eq!(relay.heard(O), BTreeSet::from(["C".to_owned()]));
}

#[test]
fn nothing_is_sent_before_sdp_says_where() {
    let mut relay = Relay::new();
    let formats = vec![format(Codec::Pcmu, 0, 0, "")];
    let blind = with(plan(C, formats.clone()), |plan| plan.transport.remote = None);
    relay.command(Command::Open { port: C, kind: Kind::Audio, plan: blind });
    relay.pass(6000);
    assert!(relay.wire.sent.is_empty());
    relay.command(Command::Update { port: C, plan: plan(C, formats) });
    relay.pass(100);
    assert_eq!(relay.rtp_to(C).len(), 5);
}

#[test]
fn a_third_party_can_neither_listen_nor_speak() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[C, O], 100);
    relay.wire.sent.clear();
    let thief = "198.51.100.66:4000".parse().unwrap();
    let mut forged = relay.phone(C).clone();
    for _ in 0..300 {
        let packet = forged.packet(&[0x55; 160]);
        relay.arrives_from(C, thief, &packet);
        relay.speak(&[C, O], 20);
    }
    assert!(relay.wire.sent.iter().all(|sent| sent.to != thief));
    assert_eq!(relay.heard(O), BTreeSet::from(["C".to_owned()]));
}

#[test]
fn a_neighbour_at_the_phones_own_address_can_neither_listen_nor_speak() {
    for behind_nat in [false, true] {
        let mut relay = Relay::with_three_phones();
        let formats = || vec![format(Codec::Pcmu, 0, 0, "")];
        for port in [C, O] {
            let plan = with(plan(port, formats()), |plan| plan.transport.behind_nat = behind_nat);
            relay.command(Command::Update { port, plan });
        }
        relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
        let neighbour = SocketAddr::new(relay.phone(C).address.ip(), 31_337);
        // It knows the phone's SSRC and numbers, and sends before the phone and faster.
        let mut forged = relay.phone(C).clone();
        // Before the second report of ours, whenever chance has it.
        for _ in 0..240 {
            for _ in 0..3 {
                let packet = forged.packet(&[0x55; 160]);
                relay.arrives_from(C, neighbour, &packet);
            }
            let mut report = Vec::new();
            RtcpWriter::new(&mut report).receiver_report(forged.ssrc, &[]).cname(forged.ssrc, "x");
            let to = SocketAddr::new(neighbour.ip(), 31_338);
            relay.machine.rtcp(relay.now, C, to, &mut report, &mut relay.wire);
            relay.speak(&[C, O], 20);
        }
        let is_phones = |sent: &Sent| sent.to.port() == 4000 || sent.to.port() == 4001;
        assert!(relay.wire.sent.iter().all(is_phones));
        assert_eq!(relay.heard(O), BTreeSet::from(["C".to_owned()]));
        assert_eq!(relay.heard(C), BTreeSet::from(["O".to_owned()]));
    }
}

/// What went to C while O spoke and music played: packets of RTP and of RTCP.
fn sent_on(trust: Trust, kind: Kind, ms: u64) -> (Relay, usize, usize) {
    let mut relay = Relay::new();
    let codec = if kind == Kind::Audio { Codec::Pcmu } else { Codec::Vp8 };
    for port in [C, O] {
        relay.open(port, kind, vec![format(codec.clone(), 0, 0, "")]);
    }
    let formats = vec![format(codec, 0, 0, "")];
    let plan = with(relay::plan(C, formats), |plan| plan.transport.trust = trust);
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O))]);
    relay.speak(&[O], ms / 2);
    relay.patch(&[(C, if kind == Kind::Audio { HOLD } else { position(1) })]);
    relay.pass(ms / 2);
    let all = relay.wire.sent.iter().filter(|sent| sent.port == C).count();
    let rtp = relay.rtp_to(C).len();
    (relay, rtp, all - rtp)
}

#[test]
fn an_address_that_has_proved_nothing_gets_nothing() {
    for kind in [Kind::Audio, Kind::Video] {
        let (mut relay, rtp, rtcp) = sent_on(Trust::None, kind, 12_000);
        assert_eq!((rtp, rtcp), (0, 0));
        // One packet from there, be it a report, and it gets what is its own.
        relay.report_arrives(C, |writer| {
            writer.receiver_report(7, &[]).cname(7, "c");
        });
        relay.pass(1_000);
        assert!(relay.rtp_to(C).len() >= if kind == Kind::Audio { 50 } else { 5 });
    }
}

#[test]
fn an_address_that_is_not_the_callers_own_gets_a_few_packets_of_sound_and_no_picture() {
    let (mut relay, rtp, _) = sent_on(Trust::Sparing, Kind::Audio, 12_000);
    assert!((24..=36).contains(&rtp), "{rtp} packets in 12 s");
    relay.wire.sent.clear();
    relay.speak(&[C], 1_000);
    assert!(relay.rtp_to(C).len() >= 49, "it has spoken");
    let (mut relay, rtp, _) = sent_on(Trust::Sparing, Kind::Video, 12_000);
    assert_eq!(rtp, 0);
    let packet = relay.phone(C).packet(&[0x10, 0, 1]);
    relay.arrives(C, &packet);
    relay.pass(1_000);
    assert!(!relay.rtp_to(C).is_empty(), "it has shown something");
}

#[test]
fn a_phone_behind_a_nat_is_answered_where_it_sends_from() {
    let mut relay = Relay::with_three_phones();
    let natted: SocketAddr = "192.0.2.200:61000".parse().unwrap();
    let mut plan = plan(C, vec![format(Codec::Pcmu, 0, 0, "")]);
    plan.transport = TransportPlan {
        remote: Some("10.0.0.9:4000".parse().unwrap()),
        signalling_ip: natted.ip(),
        behind_nat: true,
        ..plan.transport
    };
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.phone(C).address = natted;
    relay.speak(&[C, O], 200);
    assert!(relay.wire.events.contains(&Event::Latched { port: C, remote: natted }));
    assert_eq!(relay.rtp_to(C).last().unwrap().to, natted);
}

#[test]
fn a_check_under_our_name_is_answered_and_proves_an_address() {
    let ours = IceCredentials::fresh(&[7; 46]);
    let other = IceCredentials::fresh(&[8; 46]);
    let check =
        |of: &IceCredentials, more: &[(u16, &[u8])]| check_for(&of.ufrag, &of.password, more);
    let [natted, chosen]: [SocketAddr; 2] =
        ["192.0.2.200:61000", "203.0.113.7:3000"].map(|text| text.parse().unwrap());
    let mut relay = Relay::with_three_phones();
    let plan = with(plan(C, vec![format(Codec::Pcmu, 0, 0, "")]), |plan| {
        // A browser, or a phone that does not wait for its addresses: it names none.
        plan.transport.remote = None;
        plan.transport.ice = Some(ours.clone());
    });
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[O], 100);
    let answers = |relay: &mut Relay| -> Vec<SocketAddr> {
        let sent = std::mem::take(&mut relay.wire.sent);
        sent.into_iter().filter(|sent| sent.bytes[..2] == [1, 1]).map(|sent| sent.to).collect()
    };
    let goes_to = |relay: &mut Relay| {
        relay.wire.sent.clear();
        relay.speak(&[O], 100);
        relay.rtp_to(C).last().map(|sent| sent.to)
    };
    assert_eq!(goes_to(&mut relay), None, "nobody knows where it is");

    relay.arrives_from(C, natted, &check(&other, &[USE_CANDIDATE]));
    relay.arrives_from(C, natted, &check_for(&ours.ufrag, &other.password, &[USE_CANDIDATE]));
    assert_eq!(answers(&mut relay), [], "not under our name and password");
    assert_eq!(goes_to(&mut relay), None);

    relay.arrives_from(C, natted, &check(&ours, &[]));
    assert_eq!(answers(&mut relay), [natted]);
    assert_eq!(goes_to(&mut relay), Some(natted), "one will do as long as none is chosen");
    relay.arrives_from(C, chosen, &check(&ours, &[]));
    assert_eq!(answers(&mut relay), [chosen]);
    assert_eq!(goes_to(&mut relay), Some(natted), "it was looked at, and not chosen");
    relay.arrives_from(C, chosen, &check(&ours, &[USE_CANDIDATE]));
    assert_eq!(goes_to(&mut relay), Some(chosen));
    relay.phone(C).address = chosen;
    relay.wire.sent.clear();
    relay.speak(&[C], 100);
    assert_eq!(relay.rtp_to(O).len(), 5, "it is heard from there");

    let flood = check(&ours, &[]);
    (0..1_000).for_each(|_| relay.arrives_from(C, natted, &flood));
    assert!(answers(&mut relay).len() <= 100, "a hundred a second are looked at");
}

/// Two addresses of ours on one network: the one that the SDP names, and another.
const OURS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2))];

/// Which of our addresses the last packet to a peer left from, its sound and its reports.
fn left_from(relay: &mut Relay, port: PortId) -> [Option<IpAddr>; 2] {
    relay.wire.sent.clear();
    relay.speak(&[O], 6_000);
    [Channel::Rtp, Channel::Rtcp].map(|channel| {
        let mut sent = relay.wire.sent.iter().rev();
        sent.find(|sent| sent.port == port && sent.channel == channel).unwrap().local
    })
}

#[test]
fn packets_leave_from_where_the_peers_come_to() {
    let mut relay = Relay::with_three_phones();
    let [told, other] = OURS.map(Some);
    let told_plan = with(plan(C, vec![format(Codec::Pcmu, 0, 0, "")]), |plan| {
        plan.transport.local = told;
    });
    relay.command(Command::Update { port: C, plan: told_plan.clone() });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    assert_eq!(left_from(&mut relay, C), [told; 2], "as long as nothing has come");
    assert_eq!(left_from(&mut relay, O), [None; 2], "its socket has but one address");

    let phone = relay.phone(C).address;
    let elsewhere = SocketAddr::from(([192, 0, 2, 200], 4000));
    let says = |relay: &mut Relay, local, remote| {
        let packet = relay.phone(C).packet(&[0xff; 160]);
        relay.arrives_by(C, MediaPath { local, remote }, &packet);
        left_from(relay, C)
    };
    assert_eq!(says(&mut relay, other, elsewhere), [told; 2], "it is not the peer's");
    assert_eq!(says(&mut relay, other, phone), [other; 2]);
    assert_eq!(says(&mut relay, None, phone), [other; 2], "the kernel has not said");
    relay.command(Command::Update { port: C, plan: told_plan });
    assert_eq!(left_from(&mut relay, C), [other; 2], "the same again");
    assert_eq!(says(&mut relay, told, phone), [told; 2]);
    let report = |local| {
        let mut bytes = Vec::new();
        RtcpWriter::new(&mut bytes).receiver_report(7, &[]).cname(7, "c");
        (MediaPath { local, remote: SocketAddr::new(phone.ip(), phone.port() + 1) }, bytes)
    };
    // A phone that only listens sends no sound.
    let (path, mut bytes) = report(other);
    relay.machine.rtcp(relay.now, C, path, &mut bytes, &mut relay.wire);
    assert_eq!(left_from(&mut relay, C), [other; 2]);
}

#[test]
fn a_check_is_answered_from_where_it_came_to_and_the_chosen_way_is_taken() {
    let ours = IceCredentials::fresh(&[7; 46]);
    let mut relay = Relay::with_three_phones();
    let plan = with(plan(C, vec![format(Codec::Pcmu, 0, 0, "")]), |plan| {
        plan.transport.remote = None;
        plan.transport.mux = true;
        plan.transport.ice = Some(ours.clone());
    });
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    let check = |more: &[(u16, &[u8])]| check_for(&ours.ufrag, &ours.password, more);
    let [one, other] = OURS.map(Some);
    let remote = relay.phone(C).address;
    let answered = |relay: &mut Relay, local, check: &[u8]| {
        relay.wire.sent.clear();
        relay.arrives_by(C, MediaPath { local, remote }, check);
        let by = relay.wire.sent.last().unwrap().local;
        relay.wire.sent.clear();
        relay.speak(&[O], 100);
        (by, relay.rtp_to(C).last().unwrap().local)
    };
    assert_eq!(answered(&mut relay, one, &check(&[])), (one, one), "as long as none is chosen");
    assert_eq!(answered(&mut relay, other, &check(&[])), (other, one), "it was looked at");
    assert_eq!(answered(&mut relay, other, &check(&[USE_CANDIDATE])), (other, other));
}

#[test]
fn a_check_of_the_port_of_reports_proves_where_reports_go() {
    let ours = IceCredentials::fresh(&[7; 46]);
    let mut relay = Relay::with_three_phones();
    let plan = with(plan(C, vec![format(Codec::Pcmu, 0, 0, "")]), |plan| {
        plan.transport.remote = None;
        plan.transport.ice = Some(ours.clone());
    });
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    let check = || check_for(&ours.ufrag, &ours.password, &[USE_CANDIDATE]);
    relay.arrives(C, &check());
    relay.report_of_bytes_arrives(C, &check());
    relay.speak(&[C, O], 10_000);
    let own = relay.phone(C).address;
    let own = SocketAddr::new(own.ip(), own.port() + 1);
    let is_report = |sent: &&Sent| sent.port == C && sent.channel == Channel::Rtcp;
    let reports: Vec<_> = relay.wire.sent.iter().filter(is_report).map(|sent| sent.to).collect();
    assert!(reports.len() >= 2 && reports.iter().all(|to| *to == own), "{reports:?}");
}

/// The legs know by it that another branch of a fork is heard.
#[test]
fn a_stream_that_is_said_to_come_from_elsewhere_is_latched_there() {
    let mut relay = Relay::with_three_phones();
    relay.speak(&[C], 100);
    let elsewhere: SocketAddr = "192.0.2.201:5000".parse().unwrap();
    let formats = vec![format(Codec::Pcmu, 0, 0, "")];
    let [nowhere, there] = [(None, Direction::Inactive), (Some(elsewhere), Direction::SendRecv)]
        .map(|(remote, direction)| {
            let plan = directed(direction, plan(C, formats.clone()));
            with(plan, |plan| plan.transport.remote = remote)
        });
    for plan in [nowhere, there] {
        relay.command(Command::Update { port: C, plan });
        relay.speak(&[C], 100);
    }
    relay.wire.events.clear();
    relay.phone(C).address = elsewhere;
    relay.speak(&[C], 100);
    assert_eq!(relay.wire.events, [Event::Latched { port: C, remote: elsewhere }]);
}

#[test]
fn a_latched_address_survives_a_restart() {
    let mut relay = Relay::new();
    let natted: SocketAddr = "192.0.2.200:61000".parse().unwrap();
    let mut plan = plan(C, vec![format(Codec::Pcmu, 0, 0, "")]);
    plan.transport = TransportPlan {
        latched: Some(natted),
        signalling_ip: natted.ip(),
        behind_nat: true,
        ..plan.transport
    };
    relay.command(Command::Open { port: C, kind: Kind::Audio, plan });
    relay.patch(&[(C, HOLD)]);
    relay.pass(40);
    assert_eq!(relay.rtp_to(C).last().unwrap().to, natted);
}

#[test]
fn the_first_packet_is_told_once_and_silence_as_it_lasts() {
    let mut relay = Relay::with_three_phones();
    relay.speak(&[C], 100);
    relay.pass(30_000);
    relay.speak(&[C], 100);
    let told: Vec<_> = relay
        .wire
        .events
        .iter()
        .filter(|event| !matches!(event, Event::Latched { .. }))
        .map(|event| match event {
            Event::FirstPacket { .. } => "first packet",
            Event::Silent { span, .. } if *span >= Duration::from_secs(10) => "silent",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["first packet", "silent", "silent", "silent", "first packet"]);
}

#[test]
fn a_silent_phone_that_reports_is_not_lifeless() {
    let mut relay = Relay::with_three_phones();
    relay.speak(&[C, O], 100);
    for _ in 0..14 {
        relay.report_arrives(O, |writer| {
            writer.receiver_report(7, &[]).cname(7, "o");
        });
        relay.pass(5_000);
    }
    let last = |port| {
        let mut spans = relay.wire.events.iter().filter_map(|event| match event {
            Event::Silent { port: of, span, lifeless } if *of == port => Some((*span, *lifeless)),
            _ => None,
        });
        spans.next_back().unwrap()
    };
    let (minute, report) = (Duration::from_secs(60), Duration::from_secs(6));
    assert!(last(C).0 >= minute && last(C).1 == last(C).0);
    assert!(last(O).0 >= minute && last(O).1 < report);
}

#[test]
fn a_codec_changed_by_a_re_invite_is_heard_under_its_new_number() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    let both = vec![format(Codec::Pcma, 8, 8, ""), format(Codec::Pcmu, 0, 0, "")];
    relay.command(Command::Update { port: C, plan: plan(C, both.clone()) });
    relay.command(Command::Update { port: O, plan: plan(O, both) });
    relay.phone(C).payload_type = 8;
    relay.speak(&[C], 60);
    assert!(relay.rtp_to(O).iter().all(|packet| packet.header().payload_type == 8));
}

fn key(event: u8, duration: u16, end: bool) -> [u8; 4] {
    TelephoneEvent { event, end, volume: 10, duration }.to_bytes()
}

impl Relay {
    fn presses(&mut self, port: PortId, timestamp: u32, payload: [u8; 4]) {
        let packet = self.phone(port).packet_of(101, timestamp, &payload);
        self.arrives(port, &packet);
        self.pass(20);
    }
}

fn keys(sent: &[Sent]) -> Vec<(u8, TelephoneEvent)> {
    let of = |packet: &Sent| {
        let payload_type = packet.header().payload_type;
        (payload_type != 0)
            .then(|| (payload_type, TelephoneEvent::parse(packet.payload()).unwrap()))
    };
    sent.iter().filter_map(of).collect()
}

#[test]
fn a_key_is_carried_under_the_receivers_number_and_told() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    relay.speak(&[C], 40);
    let timestamp = relay.phone(C).timestamp;
    for duration in [0, 160, 320] {
        relay.presses(C, timestamp, key(5, duration, false));
    }
    for _ in 0..3 {
        relay.presses(C, timestamp, key(5, 480, true));
    }
    let sent = keys(&relay.rtp_to(O));
    assert_eq!(sent.len(), 6);
    assert!(sent.iter().all(|(payload_type, event)| *payload_type == 96 && event.event == 5));
    let told = Event::Dtmf { port: C, digit: '5' };
    assert_eq!(relay.wire.events.iter().filter(|event| **event == told).count(), 1);
}

#[test]
fn a_key_that_is_down_at_a_switch_ends_at_the_old_receiver_and_does_not_begin_at_the_new_one() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    relay.speak(&[C], 40);
    let timestamp = relay.phone(C).timestamp;
    relay.presses(C, timestamp, key(5, 0, false));
    relay.presses(C, timestamp, key(5, 160, false));
    relay.patch(&[(O, HOLD), (U, Source::Port(C))]);
    relay.presses(C, timestamp, key(5, 320, false));
    relay.presses(C, timestamp, key(5, 480, true));
    relay.speak(&[C], 40);

    let to_o = relay.rtp_to(O);
    let ends: Vec<_> = keys(&to_o).into_iter().map(|(_, event)| event.end).collect();
    assert_eq!(ends, [false, false, true, true, true]);
    for pair in to_o.windows(2) {
        assert_eq!(pair[1].header().sequence, pair[0].header().sequence.wrapping_add(1));
    }
    assert_eq!(keys(&relay.rtp_to(U)), []);
    assert!(relay.heard(U).contains("C"));
}

#[test]
fn an_intercepted_key_is_told_but_not_carried_and_leaves_no_gap() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    relay.speak(&[C], 40);
    relay.command(Command::Intercept { port: C, on: true });
    let timestamp = relay.phone(C).timestamp;
    relay.presses(C, timestamp, key(10, 0, false));
    relay.presses(C, timestamp, key(10, 160, true));
    relay.speak(&[C], 40);
    assert!(relay.wire.events.contains(&Event::Dtmf { port: C, digit: '*' }));
    let sent = relay.rtp_to(O);
    assert_eq!(keys(&sent), []);
    for pair in sent.windows(2) {
        assert_eq!(pair[1].header().sequence, pair[0].header().sequence.wrapping_add(1));
    }
}

/// R6.4: the INFO was first, and the key went to the other phone because of it.
#[test]
fn a_key_that_comes_by_info_and_then_as_packets_is_pressed_once() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    relay.speak(&[C], 40);
    relay.command(Command::Pressed { port: C, digit: '5' });
    relay.command(Command::Dtmf { port: O, digit: '5' });
    relay.speak(&[C], 200);
    let timestamp = relay.phone(C).timestamp;
    relay.presses(C, timestamp, key(5, 0, false));
    relay.presses(C, timestamp, key(5, 160, true));
    let sent = relay.rtp_to(O);
    let mut presses: Vec<u32> = sent
        .iter()
        .filter(|p| p.header().payload_type == 96)
        .map(|p| p.header().timestamp)
        .collect();
    presses.dedup();
    assert_eq!(presses.len(), 1, "one timestamp names one press");
    assert_continuous(&sent);

    relay.wire.sent.clear();
    let timestamp = timestamp.wrapping_add(4000);
    relay.presses(C, timestamp, key(5, 0, false));
    relay.presses(C, timestamp, key(5, 160, true));
    assert_eq!(keys(&relay.rtp_to(O)).len(), 2, "the next press passes as ever");
}

#[test]
fn a_key_is_pressed_at_a_peer_in_the_middle_of_its_stream() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    relay.speak(&[C], 40);
    relay.command(Command::Dtmf { port: O, digit: '#' });
    relay.command(Command::Dtmf { port: O, digit: '?' });
    relay.speak(&[C], 400);
    let sent = relay.rtp_to(O);
    let pressed = keys(&sent);
    assert_eq!(pressed.len(), 5 + 3);
    assert!(pressed.iter().all(|(payload_type, event)| *payload_type == 96 && event.event == 11));
    assert_eq!(pressed.iter().filter(|(_, event)| event.end).count(), 3);
    assert_continuous(&sent);
    assert_eq!(name_of(sent.last().unwrap().payload()), "C");
}

/// 96 is H.264 and 97 VP8 at C, and the other way round at O.
#[test]
fn payload_types_that_two_phones_use_for_each_others_codecs_are_not_mixed_up() {
    let mut relay = Relay::new();
    let formats =
        |h264, vp8| vec![format(Codec::H264, h264, h264, ""), format(Codec::Vp8, vp8, vp8, "")];
    relay.open(C, Kind::Video, formats(96, 97));
    relay.open(O, Kind::Video, formats(97, 96));
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    let number = |port: PortId, payload: &[u8]| {
        if (port == C) == (payload == IDR) { 96 } else { 97 }
    };
    let payloads: [&[u8]; 2] = [&IDR, &VP8_KEY];
    for port in [C, O, C, O] {
        for payload in payloads {
            let timestamp = relay.phone(port).timestamp;
            let packet = relay.phone(port).packet_of(number(port, payload), timestamp, payload);
            relay.arrives(port, &packet);
            relay.pass(20);
        }
    }
    for port in [C, O] {
        let sent = relay.rtp_to(port);
        assert_eq!(sent.len(), 4, "to {port}");
        for packet in sent {
            assert_eq!(packet.header().payload_type, number(port, packet.payload()));
        }
    }
}

const VP8_KEY: [u8; 5] = [0x90, 0x80, 0x80, 1, 0];
const VP8_DELTA: [u8; 5] = [0x90, 0x80, 0x80, 1, 1];
const IDR: [u8; 3] = [0x65, 0x88, 0x84];
/// `first_mb_in_slice` is not 0.
const SECOND_IDR_SLICE: [u8; 3] = [0x65, 0x42, 0x21];
const SLICE: [u8; 3] = [0x41, 0x9a, 0x02];

impl Relay {
    /// A camera sends frames of one packet each, 25 a second.
    fn send_frames(&mut self, port: PortId, frames: &[&[u8]]) {
        for payload in frames {
            let packet = self.phone(port).packet(payload);
            self.arrives(port, &packet);
            self.pass(40);
        }
    }
}

#[test]
fn a_key_frame_is_asked_for_at_a_switch_and_a_second_after_the_last_and_then_every_half_second() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.send_frames(U, &[&VP8_KEY, &VP8_DELTA]);
    relay.patch(&[(C, Source::Port(U))]);
    let start = relay.now.instant.as_micros() / 1000;
    (0..40).for_each(|_| relay.send_picture(U, &[&VP8_DELTA]));
    assert!(relay.rtp_to(C).is_empty(), "pictures without a key frame");
    relay.send_frames(U, &[&VP8_KEY, &VP8_DELTA, &VP8_DELTA]);
    relay.send_frames(U, &[&VP8_DELTA[..]; 30]);
    let asked: Vec<_> = relay.key_frame_requests();
    assert_eq!(asked, [start, 1000, 1520].map(|ms| (ms, U, "PLI")));
    assert_eq!(relay.rtp_to(C).len(), 33);
    assert_continuous(&relay.rtp_to(C));
}

#[test]
fn each_peer_is_asked_in_the_way_it_understands() {
    for (feedback, expected) in [(KeyFrameFeedback::Fir, 1), (KeyFrameFeedback::None, 0)] {
        let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
        let formats = vec![format(Codec::Vp8, 98, 99, "")];
        let plan = with(plan(U, formats), |plan| plan.stream.feedback = feedback);
        relay.command(Command::Update { port: U, plan });
        relay.send_frames(U, &[&VP8_DELTA]);
        relay.patch(&[(C, Source::Port(U))]);
        assert_eq!(relay.key_frame_requests().len(), expected);
        let told = relay.wire.events.contains(&Event::KeyFrameWanted { port: U });
        assert_eq!(told, feedback == KeyFrameFeedback::None);
    }
}

#[test]
fn a_camera_that_has_not_begun_is_asked_when_it_begins_without_a_key_frame() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(C, Source::Port(U)), (O, Source::Port(C))]);
    relay.pass(2000);
    assert_eq!(relay.key_frame_requests(), []);
    relay.send_frames(U, &[&VP8_DELTA]);
    relay.send_frames(C, &[&VP8_KEY]);
    relay.pass(40);
    let asked: BTreeSet<_> =
        relay.key_frame_requests().into_iter().map(|(_, port, _)| port).collect();
    assert_eq!(asked, BTreeSet::from([U]));
}

#[test]
fn a_camera_that_never_sends_a_key_frame_is_seen_after_three_seconds() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&VP8_DELTA[..]; 75]);
    assert!(relay.rtp_to(C).is_empty());
    relay.send_frames(U, &[&VP8_DELTA]);
    assert_eq!(relay.rtp_to(C).len(), 1);
}

#[test]
fn a_receiver_that_lost_its_picture_has_the_camera_asked_but_not_without_end() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&VP8_KEY, &VP8_DELTA]);
    relay.pass(1000);
    relay.wire.sent.clear();
    let ssrc = {
        relay.send_frames(U, &[&VP8_DELTA]);
        relay.rtp_to(C)[0].header().ssrc
    };
    for number in 0..50 {
        relay.report_arrives(C, |writer| {
            writer.receiver_report(9, &[]).full_intra(9, ssrc, number);
        });
        relay.report_arrives(C, |writer| {
            writer.receiver_report(9, &[]).picture_loss(9, ssrc ^ 1);
        });
        relay.pass(20);
    }
    let asked = relay.key_frame_requests();
    assert!((2..=3).contains(&asked.len()), "{asked:?}");
    assert!(asked.iter().all(|(_, port, how)| (*port, *how) == (U, "PLI")));
}

#[test]
fn parameter_sets_from_sdp_stand_in_front_of_a_key_frame_that_comes_without() {
    let fmtp = "packetization-mode=1;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==";
    let mut relay = Relay::with_three_cameras(&Codec::H264, fmtp);
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&SLICE, &IDR, &SLICE, &[0x67, 1, 2], &[0x68, 3], &IDR]);
    let sent = relay.rtp_to(C);
    let kinds: Vec<_> = sent.iter().map(|packet| packet.payload()[0] & 0x1f).collect();
    // The last one's sets came under other timestamps, so they are repeated as it last sent them.
    assert_eq!(kinds, [7, 8, 5, 1, 7, 8, 7, 8, 5]);
    assert_eq!(sent[0].header().timestamp, sent[2].header().timestamp);
    assert_eq!(sent[6].payload(), [0x67, 1, 2]);
    assert_continuous(&sent);
}

/// A decoder takes what follows a hole for whole when no number is missing, and shows the hole until the next key frame.
#[test]
fn a_switch_between_two_slices_of_a_key_frame_waits_for_the_next() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, "packetization-mode=1");
    relay.send_frames(U, &[&IDR]);
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&SECOND_IDR_SLICE, &SLICE]);
    assert!(relay.rtp_to(C).is_empty());
    relay.pass(1000);
    relay.send_picture(U, &[&SLICE]);
    assert_eq!(relay.key_frame_requests().len(), 2, "at the switch, and a second later");
    relay.send_frames(U, &[&IDR, &SECOND_IDR_SLICE, &SLICE]);
    let sent: Vec<_> = relay.rtp_to(C).iter().map(|packet| packet.payload().to_vec()).collect();
    assert_eq!(sent, [&IDR, &SECOND_IDR_SLICE, &SLICE]);
}

/// Some decoders gather packets up to the marker alone, and would mix two parties' pictures.
#[test]
fn a_picture_that_a_switch_cuts_is_ended_by_a_marker_of_its_own() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, "packetization-mode=1");
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&IDR, &SLICE]);
    relay.patch(&[(C, Source::Port(O))]);
    relay.send_frames(O, &[&IDR]);
    let sent = relay.rtp_to(C);
    let [.., cut, end, key] = &sent[..] else { panic!("{} packets", sent.len()) };
    assert_eq!(end.payload(), [0x0c, 0x80], "filler data, which changes no picture");
    assert!(end.header().marker && !cut.header().marker);
    assert_eq!(end.header().timestamp, cut.header().timestamp);
    assert_eq!(key.payload(), IDR);
    assert_continuous(&sent);
}

#[test]
fn vp8_picture_numbers_go_on_across_a_switch() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    let frame = |number: u8, first: u8| [0x90, 0x80, 0x80, number, first];
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&frame(7, 0), &frame(8, 1)]);
    relay.patch(&[(C, Source::Port(O))]);
    relay.send_frames(O, &[&frame(200, 1), &frame(201, 0), &frame(202, 1)]);
    let numbers: Vec<_> = relay.rtp_to(C).iter().map(|packet| packet.payload()[3]).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

/// Sees by H.264 under its number 97.
const SEES: &str = "profile-level-id=42e01f;packetization-mode=0";

impl Relay {
    /// The NAL units that a phone has seen since it was last asked, as `key`, `same`, or
    /// `camera`.
    fn seen(&mut self, port: PortId) -> Vec<&'static str> {
        let sent = self.rtp_to(port);
        self.wire.sent.retain(|sent| sent.port != port);
        assert!(sent.iter().all(|packet| packet.bytes.len() <= 1212), "packets without fragments");
        let name = |packet: &Sent| match packet.payload() {
            payload if payload == IDR => Some("camera"),
            [header, ..] if header & 0x1f == 5 => Some("key"),
            [header, ..] if header & 0x1f == 1 => Some("same"),
            [0x67 | 0x68, ..] | [0x0c, 0x80] => None,
            other => panic!("{other:?}"),
        };
        let slices = sent.iter().filter_map(|sent| Some((sent.header().timestamp, name(sent)?)));
        let mut pictures: Vec<_> = slices.collect();
        pictures.dedup();
        pictures.into_iter().map(|(_, name)| name).collect()
    }

    /// The key frames that a phone has seen.
    fn key_frames(&self, port: PortId) -> BTreeSet<Vec<u8>> {
        let mut pictures: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for packet in self.rtp_to(port) {
            if packet.payload()[0] & 0x1f == 5 {
                pictures.entry(packet.header().timestamp).or_default().extend(packet.payload());
            }
        }
        pictures.into_values().collect()
    }

    fn picture_lost(&mut self, port: PortId) {
        let ssrc = self.rtp_to(port)[0].header().ssrc;
        self.report_arrives(port, |writer| {
            writer.receiver_report(9, &[]).picture_loss(9, ssrc);
        });
    }
}

#[test]
fn whoever_waits_sees_a_key_frame_at_once_and_every_two_seconds_and_pictures_between() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, SEES);
    relay.patch(&[(C, position(2))]);
    relay.pass(4000);
    let sent = relay.rtp_to(C);
    assert_continuous(&sent);
    assert!(sent[0].at <= Instant::START + Duration::from_millis(20));
    assert!(sent.iter().all(|packet| packet.header().payload_type == 96));
    let pictures: BTreeSet<u32> = sent.iter().map(|packet| packet.header().timestamp).collect();
    let marked = sent.iter().filter(|packet| packet.header().marker);
    assert_eq!((pictures.len(), marked.count()), (20, 20));
    let seen = relay.seen(C);
    let keys = seen.iter().enumerate().filter(|(_, what)| **what == "key");
    assert_eq!(keys.map(|(n, _)| n).collect::<Vec<_>>(), [0, 10]);
}

#[test]
fn pictures_of_our_own_and_of_a_camera_are_one_stream() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, SEES);
    relay.patch(&[(C, position(1))]);
    relay.pass(500);
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_frames(U, &[&IDR[..]; 5]);
    relay.patch(&[(C, HOLD)]);
    relay.send_frames(U, &[&IDR[..]; 10]);
    relay.patch(&[(C, Source::Nothing)]);
    relay.pass(1000);
    assert_continuous(&relay.rtp_to(C));
    let expected = [&["key", "same", "same"][..], &["camera"; 5], &["key", "same"]].concat();
    assert_eq!(relay.seen(C), expected);
}

#[test]
fn a_new_position_is_seen_at_once() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, SEES);
    relay.patch(&[(O, position(2)), (U, position(1))]);
    relay.pass(4000);
    let (second, first) = (relay.key_frames(O), relay.key_frames(U));
    assert!(first.is_disjoint(&second));
    relay.patch(&[(C, position(2))]);
    relay.pass(300);
    assert!(relay.key_frames(C).is_subset(&second));
    let before = relay.wire.sent.len();
    relay.patch(&[(C, position(1))]);
    relay.pass(20);
    assert_continuous(&relay.rtp_to(C));
    relay.wire.sent.drain(..before);
    assert_eq!(relay.key_frames(C).len(), 1);
    assert!(relay.key_frames(C).is_subset(&first));
}

#[test]
fn a_waiting_phone_that_lost_its_picture_gets_a_key_frame_next_but_no_more_pictures() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, SEES);
    relay.patch(&[(C, HOLD), (O, HOLD)]);
    relay.pass(500);
    relay.picture_lost(C);
    relay.pass(200);
    assert_eq!(relay.seen(C), ["key", "same", "same", "key"]);
    assert_eq!(relay.seen(O), ["key", "same", "same", "same"]);
    relay.pass(200);
    for _ in 0..50 {
        relay.picture_lost(C);
        relay.pass(20);
    }
    assert_eq!(relay.seen(C).len(), 6, "a receiver that asks without end gets five a second");
    assert_eq!(relay.key_frame_requests(), [], "no camera is asked");
}

#[test]
fn a_phone_that_sees_by_vp8_alone_sees_the_same_where_we_can_code_it() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(C, position(1)), (O, HOLD)]);
    relay.pass(9000);
    let sent = relay.rtp_to(C);
    if !Codec::Vp8.can_transcode() {
        return assert!(sent.is_empty());
    }
    assert_continuous(&sent);
    let numbers = sent.iter().map(|packet| {
        let number = vp8::Descriptor::read(packet.payload()).unwrap().picture_id;
        (packet.header().timestamp, number.unwrap().value)
    });
    let mut numbers: Vec<_> = numbers.collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 45);
    assert!(numbers.windows(2).all(|two| two[1].1 == two[0].1 + 1), "also where a film repeats");
}

#[test]
fn a_prompt_that_is_not_there_yet_leaves_the_picture_before_it() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, SEES);
    relay.patch(&[(C, position(2))]);
    relay.pass(1000);
    let changes = Command::Patch(vec![(C, position(1))]);
    relay.machine.handle(relay.now, changes, &mut relay.wire);
    let second = relay.key_frames(C);
    relay.pass(4000);
    assert_eq!(relay.wire.orders.len(), 1);
    assert_eq!(relay.seen(C).len(), 25, "no picture is left out");
    relay.make();
    relay.pass(400);
    assert!(relay.key_frames(C).is_disjoint(&second));
    assert_eq!(relay.seen(C), ["key", "same"]);
}

#[test]
fn equal_pictures_are_coded_once_for_all() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, SEES);
    let all = [C, O, U].map(|port| (port, position(7)));
    relay.machine.handle(relay.now, Command::Patch(all.to_vec()), &mut relay.wire);
    assert_eq!(relay.wire.orders.len(), 1);
    relay.make();
    relay.pass(200);
    let prompts = [C, O, U].map(|port| relay.key_frames(port));
    assert!(prompts.iter().all(|prompt| prompt.len() == 1 && *prompt == prompts[0]));
}

#[test]
fn an_announcement_is_heard_once_and_then_the_music_or_silence() {
    let mut relay = Relay::with_three_phones();
    let (waiting_profile, busy, nobody) =
        (WaitingProfileId::DEFAULT, Announcement::Busy, Announcement::Nobody);
    relay.patch(&[
        (C, Source::Greeting(waiting_profile, busy)),
        (O, Source::Farewell(waiting_profile, nobody)),
    ]);
    relay.pass(5000);
    let quiet = |packet: &Sent| packet.payload().iter().all(|byte| *byte == SILENCE);
    let (c, o) = (relay.rtp_to(C), relay.rtp_to(O));
    let length = Voices::default().length(nobody).as_millis() as usize;
    assert!(o[..length / 20].iter().filter(|packet| !quiet(packet)).count() > length / 40);
    assert!(o[length / 20 + 1..].iter().all(quiet));
    assert!(!c[200..].iter().all(quiet), "the music goes on");
    relay.wire.sent.clear();
    relay.patch(&[(U, Source::Greeting(waiting_profile, busy))]);
    relay.pass(3000);
    assert_eq!(relay.rtp_to(U)[5].payload(), c[5].payload(), "coded once");
}

#[test]
fn a_phone_that_does_not_want_to_see_is_shown_nothing_until_it_does() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, SEES);
    let plan = plan(C, vec![format(Codec::H264, 96, 99, SEES)]);
    let shut = directed(Direction::RecvOnly, plan.clone());
    relay.command(Command::Update { port: C, plan: shut });
    relay.patch(&[(C, position(1))]);
    relay.pass(1000);
    assert!(relay.rtp_to(C).is_empty());
    relay.command(Command::Update { port: C, plan });
    relay.pass(400);
    assert_eq!(relay.seen(C)[..2], ["key", "same"]);
}

#[test]
fn reports_tell_of_pictures_of_our_own() {
    let mut relay = Relay::with_three_cameras(&Codec::H264, SEES);
    relay.patch(&[(C, position(1))]);
    relay.pass(8000);
    let reports = relay.wire.sent.iter().filter(|s| s.channel == Channel::Rtcp && s.port == C);
    let packets = reports.flat_map(|report| {
        rtcp::parse(&report.bytes).unwrap().filter_map(|message| match message {
            RtcpPacket::SenderReport(report, _) => Some(report.packets),
            _ => None,
        })
    });
    assert!(packets.max().unwrap() > 30);
}

#[test]
fn reports_end_here_and_carry_our_own_names() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[C, O], 1600);
    relay.report_arrives(C, |writer| {
        writer.sender_report(&SenderReport { ssrc: C.0 as u32, ..SenderReport::default() }, &[]);
        writer.cname(C.0 as u32, "secret@10.0.0.9").bye(C.0 as u32);
    });
    relay.speak(&[C, O], 12_000);
    let own = |port| relay.rtp_to(port)[0].header().ssrc;
    let reports: Vec<_> =
        relay.wire.sent.iter().filter(|s| s.channel == Channel::Rtcp && s.port == O).collect();
    assert!((2..=4).contains(&reports.len()), "{}", reports.len());
    for report in reports {
        let rtp = relay.phones.iter().find(|phone| phone.port == O).unwrap().address;
        assert_eq!(report.to, SocketAddr::new(rtp.ip(), rtp.port() + 1));
        for message in rtcp::parse(&report.bytes).unwrap() {
            match message {
                RtcpPacket::SenderReport(report, mut blocks) => {
                    assert_eq!(report.ssrc, own(O));
                    assert_eq!(blocks.next().unwrap().ssrc, O.0 as u32);
                    assert!(report.packets > 0);
                }
                RtcpPacket::Cname(_, cname) => assert_eq!(cname, O.to_string().as_bytes()),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn muxed_reports_go_and_come_on_the_rtp_port() {
    let mut relay = Relay::with_three_phones();
    let formats = vec![format(Codec::Pcmu, 0, 0, "")];
    let plan = with(plan(C, formats), |plan| plan.transport.mux = true);
    relay.command(Command::Update { port: C, plan });
    relay.pass(6000);
    assert!(relay.wire.sent.iter().all(|sent| sent.port != C || sent.channel == Channel::Rtp));
    assert!(
        relay.wire.sent.iter().any(|sent| sent.port == C && cordboard::rtp::is_rtcp(&sent.bytes))
    );
}

#[test]
fn health_says_what_arrives_and_what_the_far_end_reports() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.command(Command::Watch { port: C, on: true });
    relay.speak(&[C, O], 1500);
    let sent = relay.rtp_to(C)[0].header().ssrc;
    relay.report_arrives(C, |writer| {
        let block =
            ReportBlock { ssrc: sent, fraction_lost: 26, jitter: 80, ..ReportBlock::default() };
        writer.receiver_report(C.0 as u32, &[block]);
    });
    relay.speak(&[O], 5000);
    let healths: Vec<_> = relay
        .wire
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Health { port: C, health } => Some(health.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(healths.len(), 6);
    assert!(healths[0].ok);
    assert_eq!((healths[0].codec.clone(), healths[0].loss_percent), (Some(Codec::Pcmu), None));
    let last = healths.last().unwrap();
    assert!(!last.ok);
    assert_eq!((last.loss_percent, last.jitter_ms), (Some(10), Some(10)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn a_hundred_random_switches_leave_no_seam_and_leak_nothing(
        switches in prop::collection::vec((0..3_usize, 0..7_u8, 1..8_u64), 100),
    ) {
        let mut relay = Relay::with_three_phones();
        let ports = [C, O, U];
        for (receiver, source, packets) in switches {
            let source = match source {
                0 => HOLD,
                1 => Source::Silence,
                2 => Source::RingBack,
                3 => Source::Tone(Tone::Refused),
                n => Source::Port(ports[usize::from(n - 4)]),
            };
            relay.patch(&[(ports[receiver], source)]);
            let before = relay.wire.sent.len();
            relay.speak(&ports, packets * 20);
            for packet in &relay.wire.sent[before..] {
                let name = match packet.channel { Channel::Rtp => name_of(packet.payload()), Channel::Rtcp => continue };
                let allowed = match relay.machine.patchbay().source(packet.port) {
                    Source::Port(port) => name == name_of(&[voice(port); 160]) || name == "silence",
                    _ => name == "melody" || name == "silence",
                };
                prop_assert!(allowed, "{} hears {name}", packet.port);
            }
        }
        for port in ports {
            let sent = relay.rtp_to(port);
            prop_assert!(sent.len() > 100);
            assert_continuous(&sent);
        }
    }

    #[test]
    fn hostile_packets_and_commands_do_no_harm(
        steps in prop::collection::vec((any::<u8>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..100),
    ) {
        let mut relay = Relay::with_three_phones();
        relay.open(PortId(16_012), Kind::Video, vec![format(Codec::H264, 96, 96, ""), format(Codec::Vp8, 97, 97, "")]);
        relay.open(PortId(16_016), Kind::Video, vec![format(Codec::H264, 96, 96, ""), format(Codec::Vp8, 97, 97, "")]);
        relay.patch(&[(O, Source::Port(C)), (PortId(16_016), Source::Port(PortId(16_012)))]);
        for (what, well_formed, mut bytes) in steps {
            let port = [C, PortId(16_012), PortId(16_014)][usize::from(what) % 3];
            if well_formed && bytes.len() > 12 {
                bytes[0] = 0x80;
                bytes[1] = [0, 101, 96, 97][usize::from(what) % 4];
                bytes[2..4].copy_from_slice(&u16::from(what).to_be_bytes());
                bytes[8..12].fill(1);
            }
            let from = plan(port, vec![]).transport.remote.unwrap();
            relay.arrives_from(port, from, &bytes);
            relay.machine.rtcp(relay.now, port, from, &mut bytes.clone(), &mut relay.wire);
            if what > 200 {
                relay.command(Command::Close { port });
                relay.command(Command::Dtmf { port, digit: char::from(what) });
                relay.command(Command::Watch { port, on: true });
            }
            relay.pass(u64::from(what));
        }
    }
}

/// A phone that sends from another port than its SDP names is not heard; it has to be seen why.
#[test]
fn packets_from_where_nobody_is_expected_are_counted_before_the_peer_is_heard_too() {
    let mut relay = Relay::with_three_phones();
    let packet = relay.phone(C).packet(&[0; 160]);
    relay.arrives_from(C, "203.0.113.9:4000".parse().unwrap(), &packet);
    relay.pass(10_000);
    let dropped = Dropped { wrong_source: 1, ..Dropped::default() };
    assert!(relay.wire.events.contains(&Event::Dropped { port: C, dropped }));
}

#[test]
fn what_is_not_taken_is_counted_by_reason_and_reported_once() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[C, O], 200);
    relay.pass(10_000);
    assert!(!relay.wire.events.iter().any(|e| matches!(e, Event::Dropped { .. })), "all is well");
    for junk in [&b"x"[..], &[0x40; 20], &[0xff; 3]] {
        relay.arrives(C, junk);
    }
    // A binding request of a phone that looks for its own address, also on the port of reports.
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    relay.arrives(C, &stun);
    relay.report_of_bytes_arrives(C, &stun);
    let packet = relay.phone(C).packet_of(77, 0, &[0; 160]);
    relay.arrives(C, &packet);
    let packet = relay.phone(C).packet(&[0; 160]);
    relay.arrives_from(C, "203.0.113.9:4000".parse().unwrap(), &packet);
    let packet = relay.phone(C).packet_of(101, 9, &[5]);
    relay.arrives(C, &packet);
    // What C sent O could not be decoded.
    let conversion = ConversionId { port: O, serial: 1 };
    let done = Done::Frame { conversion, outcome: CodingOutcome::Broken };
    relay.machine.done(relay.now, done, &mut relay.wire);
    relay.pass(10_000);
    let dropped = Dropped {
        malformed: 4,
        unknown_type: 1,
        wrong_source: 1,
        unsealed: 0,
        undecodable: 1,
        stun: 2,
        held_back: 0,
    };
    assert_eq!(dropped.total(), 7, "STUN is no fault");
    let told = relay.wire.events.iter().filter(|event| matches!(event, Event::Dropped { .. }));
    assert_eq!(told.collect::<Vec<_>>(), [&Event::Dropped { port: C, dropped }]);
}

/// R6.1, R6.11: what is not sent on while somebody holds is no loss to anybody.
#[test]
fn a_hold_leaves_no_hole_in_the_numbers() {
    for direction in [Direction::RecvOnly, Direction::Inactive] {
        let mut relay = Relay::with_three_phones();
        relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
        relay.speak(&[C, O], 200);
        for _ in 0..3 {
            let formats = || vec![format(Codec::Pcmu, 0, 0, ""), format(EVENTS, 101, 101, "")];
            let held = directed(direction, plan(C, formats()));
            relay.command(Command::Update { port: C, plan: held });
            relay.speak(&[C, O], 3_000);
            relay.command(Command::Update { port: C, plan: plan(C, formats()) });
            relay.speak(&[C, O], 200);
        }
        assert_continuous(&relay.rtp_to(C));
        let time = |sent: &Sent| (sent.at, sent.header().timestamp);
        let sent = relay.rtp_to(C);
        let (first, last) = (time(sent.first().unwrap()), time(sent.last().unwrap()));
        let ticks = last.0.since(first.0).as_millis() as u32 * 8;
        assert!(last.1.wrapping_sub(first.1).abs_diff(ticks) <= 800, "the clock went on");
        assert_continuous(&relay.rtp_to(O));
        relay.pass(6_000);
        assert_eq!(relay.lost(C), 0, "{direction:?}: we tell the phone of no loss");
    }
}

#[test]
fn what_was_not_agreed_on_is_no_loss_to_whoever_does_not_get_it() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(O, Source::Port(C))]);
    for _ in 0..5 {
        relay.speak(&[C], 40);
        let at = relay.phone(C).timestamp;
        let strange = relay.phone(C).packet_of(77, at, &[1; 20]);
        relay.arrives(C, &strange);
        let broken = relay.phone(C).packet_of(101, at, &[1]);
        relay.arrives(C, &broken);
    }
    let sent = relay.rtp_to(O);
    assert_eq!(sent.len(), 10);
    for pair in sent.windows(2) {
        assert_eq!(pair[1].header().sequence, pair[0].header().sequence.wrapping_add(1));
    }
    relay.pass(6_000);
    assert_eq!(relay.lost(C), 0);
}

#[test]
fn a_picture_that_was_withheld_comes_back_with_a_key_frame() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(O, Source::Port(C))]);
    relay.send_frames(C, &[&VP8_KEY, &VP8_DELTA, &VP8_DELTA]);
    let formats = || vec![format(Codec::Vp8, 97, 99, "")];
    let held = directed(Direction::RecvOnly, plan(O, formats()));
    relay.command(Command::Update { port: O, plan: held });
    relay.send_frames(C, &[&VP8_DELTA[..]; 30]);
    relay.command(Command::Update { port: O, plan: plan(O, formats()) });
    relay.wire.sent.retain(|sent| sent.channel == Channel::Rtp);
    relay.send_frames(C, &[&VP8_DELTA]);
    assert_eq!(relay.key_frame_requests().len(), 1);
    relay.send_frames(C, &[&VP8_DELTA, &VP8_KEY, &VP8_DELTA]);
    let sent = relay.rtp_to(O);
    assert_eq!(sent.len(), 5, "nothing that leans on what was not seen");
    assert_continuous(&sent);
}

impl Relay {
    /// What the last report to a phone says of its lost packets.
    fn lost(&self, port: PortId) -> i32 {
        let reports =
            self.wire.sent.iter().filter(|s| s.port == port && s.channel == Channel::Rtcp);
        let mut lost = None;
        for sent in reports {
            for message in rtcp::parse(&sent.bytes).unwrap() {
                if let RtcpPacket::SenderReport(_, mut blocks)
                | RtcpPacket::ReceiverReport(_, mut blocks) = message
                {
                    lost = blocks.next().map(|block| block.cumulative_lost).or(lost);
                }
            }
        }
        lost.expect("a report")
    }
}
