//! A dialog in the midst of something when its process ends: the next goes on with what is settled of it, asks once
//! more what was open, and takes what comes again.

use super::ladder;
use super::testbed::{TALKING, Testbed, body_in, settings};
use cordboard::dialog::{Effect, Event, Input, Machine, ServerTx};
use cordboard::ids::LegId;
use cordboard::random::Random;
use cordboard::sip::{HeaderName, Method, Request, Response, StatusCode};
use cordboard::time::{Duration, Instant, Now, UnixTime};

const LEG: LegId = LegId(1);

fn at(instant: u64, unix: u64) -> Now {
    let instant = Instant::START + Duration::from_secs(instant);
    Now { instant, unix: UnixTime::from_secs(unix) }
}

/// The peer's answer to this.
fn answer(request: &Request, status: StatusCode, words: &str) -> Response {
    let mut response = request.response(status);
    response.headers.set_to_tag("peer");
    response.headers.push(HeaderName::Contact, "<sip:peer@192.0.2.7:5062>");
    if let Some(body) = body_in(&[words]) {
        response.headers.push(HeaderName::ContentType, &body.content_type);
        response.body = body.bytes;
    }
    response
}

/// What another process has of what this ladder leaves, whatever is under way; and what is left there.
fn settled_after(script: &str) -> (Machine, Instant, Testbed) {
    let mut testbed = Testbed::new();
    ladder::play(&mut testbed, script);
    let saved = testbed.machine.save_settled(at(0, 1_000_000), LEG).expect("there is a dialog");
    let mut later = Machine::new(settings(), Random::from_number(9));
    let now = at(1, 1_000_000);
    later.restore(now, saved.clone(), None);
    assert_eq!(later.save_settled(now, LEG), Some(saved), "{script}");
    (later, now.instant, testbed)
}

fn asked(effects: &[Effect]) -> Vec<(Method, u32, bool)> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Request { request, .. } | Effect::Forward { request, .. } => {
            let (seq, _) = request.headers.cseq().unwrap();
            Some((request.method.clone(), seq, request.body.is_empty()))
        }
        _ => None,
    });
    asked.collect()
}

fn told(effects: Vec<Effect>) -> Vec<Event> {
    let told = effects.into_iter().filter_map(|effect| match effect {
        Effect::Event { event, .. } => Some(event),
        _ => None,
    });
    told.collect()
}

const REOFFERS: &str = "user -> us reoffer sdp:c\n us -> peer INVITE sdp:c";

#[test]
fn a_change_of_ours_that_was_open_is_asked_for_once_more_and_not_before_its_answer_could_come() {
    let (mut later, now, before) = settled_after(&format!("{TALKING}{REOFFERS}"));
    let (_, first) = before.asked.last().unwrap();
    assert_eq!(asked(&later.tick(now + Duration::from_millis(3_999))), []);
    let effects = later.tick(now + Duration::from_secs(4));
    let [Effect::Request { request, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((&request.method, &request.body), (&Method::INVITE, &first.body));
    assert!(request.headers.cseq().unwrap().0 > first.headers.cseq().unwrap().0);

    let told_who = "user -> us tell\n us -> peer UPDATE with identity";
    let (mut later, now, _) = settled_after(&format!("{TALKING}{told_who}"));
    let effects = later.tick(now);
    assert_eq!(asked(&effects).len(), 1, "an UPDATE has no answer that comes again: {effects:?}");
}

/// The phone has agreed, and says so until the ACK.
#[test]
fn the_200_to_a_change_of_the_process_before_is_its_answer() {
    let (mut later, now, before) = settled_after(&format!("{TALKING}{REOFFERS}"));
    let (_, first) = before.asked.last().unwrap();
    let response = answer(first, StatusCode::OK, "sdp:d");
    let (flow, reason) = (before.flow(), String::new());
    let copy = Input::Unremembered { response, flow, reason };
    let effects = later.handle(now, copy.clone());
    let seq = first.headers.cseq().unwrap().0;
    assert_eq!(asked(&effects), [(Method::ACK, seq, true)]);
    let told = told(effects);
    assert!(matches!(&told[..], [Event::ReofferAnswered { .. }]), "{told:?}");
    assert_eq!(asked(&later.handle(now, copy)), [(Method::ACK, seq, true)], "again");
    assert_eq!(asked(&later.tick(now + Duration::from_secs(10))), [], "it is answered");
}

/// It was asked in the last milliseconds, and nobody knows what: without an ACK the phone would hang up.
#[test]
fn a_200_to_a_change_that_nobody_remembers_gets_its_ack_and_what_holds_is_said_once_more() {
    let (mut later, now, before) = settled_after(TALKING);
    let (_, invite) = before.asked.last().unwrap();
    let mut response = answer(invite, StatusCode::OK, "sdp:d");
    response.headers.set(HeaderName::CSeq, "77 INVITE");
    let flow = before.flow();
    let copy = Input::Unremembered { response, flow, reason: String::new() };
    let effects = later.handle(now, copy.clone());
    let [(Method::ACK, 77, true), (Method::INVITE, next, false)] = asked(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_ne!(next, 77);
    assert_eq!(asked(&later.handle(now, copy)), [(Method::ACK, 77, true)]);
}

#[test]
fn what_the_peer_had_asked_is_answered_when_its_copy_comes() {
    for script in [
        "peer -> us INFO\n us -> user info",
        "peer -> us INVITE sdp:c\n us -> user reoffered sdp:c",
    ] {
        let (mut later, now, before) = settled_after(&format!("{TALKING}{script}"));
        let request = before.last_served().clone();
        let (transaction, flow) = (ServerTx(9), before.flow());
        let input = || Input::Request { transaction, flow, request: request.clone() };
        let told = told(later.handle(now, input()));
        assert!(matches!(told[..], [Event::Info { .. } | Event::Reoffered { .. }]), "{told:?}");
    }
}

#[test]
fn a_1xx_whose_prack_was_not_answered_is_acknowledged_again() {
    let script = "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    183 sdp:b rseq=7
        us -> peer    PRACK rack=7
        us -> user    183 sdp:b
    ";
    let (mut later, now, before) = settled_after(script);
    let (transaction, invite) = before.asked.first().unwrap();
    let mut response = answer(invite, StatusCode::SESSION_PROGRESS, "sdp:b");
    response.headers.push(HeaderName::Require, "100rel");
    response.headers.push(HeaderName::RSeq, 7);
    let input = Input::Response { transaction: *transaction, response };
    let effects = later.handle(now, input.clone());
    assert!(matches!(asked(&effects)[..], [(Method::PRACK, ..)]), "{effects:?}");
    assert_eq!(asked(&later.handle(now, input)), [], "this one is open");
}

/// Their offer in a 2xx or a 1xx comes again: what was saved before it holds.
#[test]
fn while_an_offer_in_a_response_waits_nothing_newer_is_saved() {
    for script in [
        "user -> us call\n us -> peer INVITE\n peer -> us 183 sdp:b rseq=7\n us -> user 183 sdp:b wants answer",
        "user -> us call\n us -> peer INVITE\n peer -> us 200 sdp:b\n us -> user answered sdp:b wants answer",
    ] {
        let mut testbed = Testbed::new();
        ladder::play(&mut testbed, script);
        assert_eq!(testbed.machine.save_settled(at(0, 1_000_000), LEG), None, "{script}");
    }
}
