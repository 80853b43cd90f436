//! DTLS on a transport: who may speak it, where it goes, and how long a peer agrees to hear us.

use super::checks::{USE_CANDIDATE, check_for};
use super::relay::*;
use super::{format, plan, with};
use cordboard::codec::Codec;
use cordboard::media::{Command, Event, Protection, Source, SrtpKeys};
use cordboard::srtp::{MasterKey, ProtectContext, Seed, Suite};
use cordboard::stun::IceCredentials;
use std::net::SocketAddr;

const RECORD: [u8; 14] = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];

fn ours() -> IceCredentials {
    IceCredentials::fresh(&[7; 46])
}

fn key(byte: u8) -> MasterKey {
    MasterKey::fresh(Suite::AesCm128Sha1_80, Seed([byte; 46]))
}

fn plan_of(protection: Protection) -> cordboard::media::Plan {
    with(plan(C, vec![format(Codec::Pcmu, 0, 0, "")]), |plan| {
        plan.transport.remote = None;
        plan.transport.ice = Some(ours());
        plan.transport.mux = true;
        plan.transport.handshake = true;
        plan.transport.protection = protection;
    })
}

fn browser() -> Relay {
    let mut relay = Relay::with_three_phones();
    let plan = plan_of(Protection::Awaited);
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[O], 100);
    relay
}

fn keyed(relay: &mut Relay) {
    let keys = SrtpKeys { sends: key(1), receives: key(2) };
    let plan = plan_of(Protection::Keyed(Box::new(keys)));
    relay.command(Command::Update { port: C, plan });
}

fn checks(relay: &mut Relay, from: SocketAddr) {
    let ours = ours();
    relay.arrives_from(C, from, &check_for(&ours.ufrag, &ours.password, &[USE_CANDIDATE]));
}

fn flight(relay: &mut Relay, datagrams: &[&[u8]]) {
    let datagrams = datagrams.iter().map(|datagram| datagram.to_vec()).collect();
    relay.machine.flight(C, datagrams, &mut relay.wire);
}

/// DTLS that was sent since this was last asked, and where to.
fn sent(relay: &mut Relay) -> Vec<(SocketAddr, Vec<u8>)> {
    let all = std::mem::take(&mut relay.wire.sent);
    let dtls = all.into_iter().filter(|sent| (20..=63).contains(&sent.bytes[0]));
    dtls.map(|sent| (sent.to, sent.bytes)).collect()
}

fn places() -> [SocketAddr; 3] {
    ["192.0.2.200:61000", "203.0.113.7:3000", "198.51.100.9:9"].map(|text| text.parse().unwrap())
}

#[test]
fn records_are_heard_from_where_a_check_was_and_from_nowhere_else() {
    let [one, other, elsewhere] = places();
    let mut relay = browser();
    relay.arrives_from(C, one, &RECORD);
    assert_eq!(relay.wire.handshakes, [], "nothing was proven");
    checks(&mut relay, one);
    checks(&mut relay, other);
    for from in [one, other, elsewhere] {
        relay.arrives_from(C, from, &RECORD);
    }
    let heard = vec![(C, RECORD.to_vec()); 2];
    assert_eq!(relay.wire.handshakes, heard, "of all its ways to us");
    // On the port of reports nobody makes handshakes.
    relay.report_of_bytes_arrives(C, &RECORD);
    assert_eq!(relay.wire.handshakes, heard);
    relay.pass(6_000);
    let dropped = relay.dropped(C);
    assert_eq!((dropped.wrong_source, dropped.malformed), (2, 1));
}

#[test]
fn records_of_a_transport_without_a_handshake_are_counted() {
    let mut relay = Relay::with_three_phones();
    relay.speak(&[C], 100);
    relay.arrives(C, &RECORD);
    flight(&mut relay, &[&RECORD]);
    assert_eq!(relay.wire.handshakes, []);
    assert_eq!(sent(&mut relay), []);
    relay.pass(6_000);
    assert_eq!(relay.dropped(C).malformed, 1);
}

#[test]
fn a_flight_waits_for_an_address_and_the_newest_goes() {
    let [one, other, _] = places();
    let mut relay = browser();
    flight(&mut relay, &[b"\x16old"]);
    let newest: Vec<&[u8]> =
        [&b"\x16new 1"[..]].into_iter().chain([&b"\x16new 2"[..]; 9]).collect();
    flight(&mut relay, &newest);
    assert_eq!(sent(&mut relay), [], "nobody has said where it may go");
    checks(&mut relay, one);
    let went = sent(&mut relay);
    assert_eq!(went.len(), 8, "no more are kept");
    assert_eq!(went[0], (one, b"\x16new 1".to_vec()));
    assert!(went[1..].iter().all(|sent| *sent == (one, b"\x16new 2".to_vec())));
    checks(&mut relay, one);
    assert_eq!(sent(&mut relay), [], "it went once");
    flight(&mut relay, &[b"\x16next"]);
    assert_eq!(sent(&mut relay), [(one, b"\x16next".to_vec())]);
    checks(&mut relay, other);
    flight(&mut relay, &[b"\x16next"]);
    assert_eq!(sent(&mut relay), [(other, b"\x16next".to_vec())]);
}

#[test]
fn nothing_passes_before_the_keys_and_all_of_it_under_them() {
    let [one, ..] = places();
    let mut relay = browser();
    checks(&mut relay, one);
    relay.phone(C).address = one;
    relay.pass(2_000);
    relay.wire.sent.clear();
    relay.speak(&[C, O], 200);
    assert!(relay.rtp_to(C).is_empty(), "it is sent nothing in clear");
    assert!(relay.rtp_to(O).iter().all(|sent| sent.payload() != [voice(C); 160]), "nor heard");
    keyed(&mut relay);
    relay.wire.sent.clear();
    relay.speak(&[O], 100);
    assert_eq!(
        relay.rtp_to(C).len(),
        5,
        "what a check has proven holds, wherever its SIP comes from"
    );
    relay.wire.sent.clear();
    let mut seal = ProtectContext::new(&key(2));
    for _ in 0..10 {
        let mut packet = relay.phone(C).packet(&[0x55; 160]);
        seal.protect_rtp(&mut packet);
        relay.arrives(C, &packet);
        relay.speak(&[O], 20);
    }
    assert_eq!(relay.rtp_to(O).len(), 10, "each is heard");
    let to_browser = relay.rtp_to(C);
    assert!(to_browser.len() >= 9 && to_browser.iter().all(|sent| sent.to == one));
    assert!(to_browser.iter().all(|sent| sent.bytes.len() == 12 + 160 + 10), "and sealed");
}

/// How often the relay has said that the browser agrees no longer.
fn lost(relay: &Relay) -> usize {
    let is_it = |event: &&Event| matches!(event, Event::ConsentLost { port } if *port == C);
    relay.wire.events.iter().filter(is_it).count()
}

#[test]
fn a_flood_of_checks_from_elsewhere_costs_the_peer_none_of_its_own() {
    let [one, _, elsewhere] = places();
    let mut relay = browser();
    checks(&mut relay, one);
    keyed(&mut relay);
    let forged = check_for("nobody", "knows the password of", &[USE_CANDIDATE]);
    for _ in 0..20 {
        for _ in 0..200 {
            relay.arrives_from(C, elsewhere, &forged);
        }
        checks(&mut relay, one);
        relay.speak(&[O], 2_500);
    }
    assert_eq!(lost(&relay), 0);
}

#[test]
fn a_check_that_somebody_has_seen_go_by_and_sends_again_moves_nothing() {
    let [one, thief, _] = places();
    let mut relay = browser();
    let seen = check_for(&ours().ufrag, &ours().password, &[USE_CANDIDATE]);
    relay.arrives_from(C, one, &seen);
    keyed(&mut relay);
    relay.wire.sent.clear();
    for _ in 0..10 {
        relay.arrives_from(C, thief, &seen);
        relay.arrives_from(C, thief, &RECORD);
        relay.speak(&[O], 20);
    }
    assert!(relay.wire.sent.iter().all(|sent| sent.to != thief), "neither sound nor an answer");
    assert!(relay.rtp_to(C).iter().all(|sent| sent.to == one) && !relay.rtp_to(C).is_empty());
    assert_eq!(relay.wire.handshakes, []);
    // Its sender has heard no answer.
    relay.wire.sent.clear();
    relay.arrives_from(C, one, &seen);
    assert_eq!(relay.wire.sent.len(), 1);
    relay.pass(6_000);
    assert_eq!(relay.dropped(C).stun, 10);
}

/// Under its keys a peer is heard from anywhere; whom it has us send to has agreed to it.
#[test]
fn what_is_sent_goes_where_a_check_was_and_only_as_long_as_that_holds() {
    let [one, victim, elsewhere] = places();
    let mut relay = browser();
    checks(&mut relay, one);
    keyed(&mut relay);
    let mut seal = ProtectContext::new(&key(2));
    let mut heard = 0;
    for _ in 0..5 {
        let mut packet = relay.phone(C).packet(&[0x55; 160]);
        seal.protect_rtp(&mut packet);
        relay.wire.sent.clear();
        relay.arrives_from(C, elsewhere, &packet);
        heard += relay.rtp_to(O).len();
        relay.speak(&[O], 20);
        assert!(relay.rtp_to(C).iter().all(|sent| sent.to == one), "no check came from there");
    }
    assert_eq!(heard, 5, "it is the peer's by its seal");
    // A single check under a false address.
    checks(&mut relay, victim);
    let plain = check_for(&ours().ufrag, &ours().password, &[]);
    for _ in 0..11 {
        relay.speak(&[O], 2_500);
        relay.arrives_from(C, one, &plain);
    }
    relay.wire.sent.clear();
    relay.speak(&[O], 100);
    assert!(relay.rtp_to(C).iter().all(|sent| sent.to == victim), "it was chosen");
    relay.speak(&[O], 2_500);
    relay.arrives_from(C, one, &plain);
    relay.wire.sent.clear();
    relay.speak(&[O], 100);
    assert!(relay.rtp_to(C).iter().all(|sent| sent.to == one), "nobody there has agreed since");
    assert!(!relay.rtp_to(C).is_empty() && lost(&relay) == 0);
}

#[test]
fn a_call_that_goes_on_without_handshakes_needs_no_consent() {
    let [one, ..] = places();
    let mut relay = browser();
    checks(&mut relay, one);
    keyed(&mut relay);
    let keys = SrtpKeys { sends: key(3), receives: key(4) };
    let mut plan = plan_of(Protection::Keyed(Box::new(keys)));
    (plan.transport.handshake, plan.transport.remote) = (false, Some(one));
    relay.command(Command::Update { port: C, plan });
    relay.speak(&[O], 60_000);
    assert_eq!(lost(&relay), 0);
    relay.wire.sent.clear();
    relay.speak(&[O], 100);
    assert!(!relay.rtp_to(C).is_empty());
}

#[test]
fn a_peer_that_checks_no_more_is_sent_nothing_more() {
    let [one, ..] = places();
    let mut relay = browser();
    relay.pass(60_000);
    assert_eq!(lost(&relay), 0, "it has not begun: it may still ring");
    checks(&mut relay, one);
    keyed(&mut relay);
    for _ in 0..4 {
        relay.speak(&[O], 20_000);
        checks(&mut relay, one);
    }
    relay.speak(&[O], 29_900);
    assert_eq!(lost(&relay), 0);
    relay.wire.sent.clear();
    relay.speak(&[O], 60);
    assert!(!relay.rtp_to(C).is_empty());
    relay.speak(&[O], 100);
    assert_eq!(lost(&relay), 1);
    relay.wire.sent.clear();
    relay.speak(&[O], 60_000);
    flight(&mut relay, &[&RECORD]);
    relay.arrives_from(C, one, &RECORD);
    assert_eq!(lost(&relay), 1, "it is said once");
    assert!(relay.wire.sent.iter().all(|sent| sent.port != C), "no sound, no report, no record");
    checks(&mut relay, one);
    relay.wire.sent.clear();
    relay.speak(&[O], 100);
    assert!(!relay.rtp_to(C).is_empty(), "it agrees again");
}

#[test]
fn a_phone_with_ice_and_keys_of_its_description_is_asked_for_no_consent() {
    let [one, ..] = places();
    let mut relay = Relay::with_three_phones();
    let mut plan = plan_of(Protection::Clear);
    plan.transport.handshake = false;
    relay.command(Command::Update { port: C, plan });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    checks(&mut relay, one);
    relay.speak(&[O], 100_000);
    assert!(!relay.wire.events.contains(&Event::ConsentLost { port: C }));
    assert_eq!(relay.rtp_to(C).last().unwrap().to, one);
}
