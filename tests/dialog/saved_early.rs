//! An INVITE that is open when its process ends, and goes on in another. That nobody notices where no time
//! passes, the ladders show; these are about the time between.

use super::ladder;
use super::testbed::{TALKING, Testbed, settings};
use cordboard::dialog::{
    ClientTx, Command, Effect, Event, Input, Machine, SavedDialog, SavedPhase, ServerTx,
};
use cordboard::ids::LegId;
use cordboard::random::Random;
use cordboard::sip::{HeaderName, Method, Request, Response};
use cordboard::time::{Duration, Instant, Now, UnixTime};

const LEG: LegId = LegId(1);

fn at(ms: u64) -> Now {
    let since = Duration::from_millis(ms);
    Now { instant: Instant::START + since, unix: UnixTime::from_secs(1_700_000_000) + since }
}

/// What another process has of what this ladder leaves, which is saved when it ends; a new process begins to
/// count its own time.
fn resumed(script: &str, after_ms: u64) -> (Machine, Instant, SavedDialog) {
    let mut testbed = Testbed::new();
    ladder::play(&mut testbed, script);
    let saved = testbed.machine.save(at(0), LEG).expect("nothing else is under way");
    let mut later = Machine::new(settings(), Random::from_number(9));
    let now = Now { instant: Instant::START, unix: at(after_ms).unix };
    later.restore(now, saved.clone(), None);
    (later, now.instant, saved)
}

/// What was answered before is not done twice, though nobody knows any more what its answer was.
#[test]
fn a_copy_of_a_request_that_the_process_before_has_answered_does_no_harm() {
    for method in ["INFO", "BYE"] {
        let mut testbed = Testbed::new();
        ladder::play(&mut testbed, TALKING);
        ladder::play(
            &mut testbed,
            "peer -> us INFO\n us -> user info\n user -> us respond 200\n us -> peer 200 for INFO",
        );
        let saved = testbed.machine.save(at(0), LEG).expect("it is answered");
        let mut copy = testbed.last_served().clone();
        let mut later = Machine::new(settings(), Random::from_number(9));
        // A BYE ends its dialog: nothing of that is left.
        if method == "BYE" {
            copy = retold(copy, Method::BYE);
        } else {
            later.restore(at(300), saved, None);
        }
        let (transaction, flow) = (ServerTx(77), testbed.flow());
        let effects =
            later.handle(at(300).instant, Input::Request { transaction, flow, request: copy });
        let said = responses(effects);
        let expected = if method == "BYE" { 481 } else { 500 };
        assert_eq!((said.len(), said[0].1.status.as_u16()), (1, expected), "{method}");
    }
}

fn retold(mut request: Request, method: Method) -> Request {
    let (seq, _) = request.headers.cseq().unwrap();
    request.headers.set(HeaderName::CSeq, format_args!("{seq} {method}"));
    Request { method, ..request }
}

fn responses(effects: Vec<Effect>) -> Vec<(ServerTx, Response)> {
    let respond = |effect| match effect {
        Effect::Respond { transaction, response } => (transaction, response),
        other => panic!("{other:?}"),
    };
    effects.into_iter().map(respond).collect()
}

const RINGS_RELIABLY: &str = "
    peer -> us    INVITE sdp:a 100rel
    us -> user    invited sdp:a
    user -> us    183 sdp:b
    us -> peer    183 sdp:b reliable
";

#[test]
fn a_reliable_1xx_that_fell_due_meanwhile_goes_out_at_once_and_doubles_on() {
    let (mut later, now, saved) = resumed(RINGS_RELIABLY, 1_000);
    let SavedPhase::Ringing(ringing) = saved.phase else { panic!("it rings") };
    let (said, _) = ringing.unacknowledged.expect("its PRACK has not come");
    assert_eq!(responses(later.tick(now)), [(ringing.invite, said)]);
    assert_eq!(later.deadline(), Some(now + Duration::from_secs(1)));
}

#[test]
fn a_1xx_that_nobody_acknowledges_is_given_up_when_it_would_have_been() {
    let (mut later, now, _) = resumed(RINGS_RELIABLY, 32_000);
    let effects = later.tick(now);
    let [Effect::Respond { response, .. }, Effect::Event { event, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(response.status.as_u16(), 500);
    assert!(matches!(event, Event::Ended { .. }), "{event:?}");
}

#[test]
fn who_rings_is_cancelled_and_answered_in_the_process_that_follows() {
    let (mut later, now, saved) = resumed(RINGS_RELIABLY, 300);
    let SavedPhase::Ringing(ringing) = saved.phase else { panic!("it rings") };
    let cancelled = Input::Cancelled { transaction: ringing.invite, reason: None };
    let effects = later.handle(now, cancelled);
    let [Effect::Respond { transaction, response }, Effect::Event { .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((*transaction, response.status.as_u16()), (ringing.invite, 487));

    let script = RINGS_RELIABLY.replace(" 100rel", "").replace(" reliable", "");
    let (mut later, now, _) = resumed(&script, 300);
    let (body, headers) = (None, vec![]);
    let command = Command::Accept { body, headers };
    let said = responses(later.handle(now, Input::Command { leg: LEG, command }));
    assert_eq!(said[0].1.status.as_u16(), 200);
}

#[test]
fn a_200_without_its_ack_is_said_again_at_once_and_until_the_ack() {
    let script = "
        peer -> us    INVITE sdp:a
        us -> user    invited sdp:a
        user -> us    accept sdp:b
        us -> peer    200 sdp:b
    ";
    let (mut later, now, saved) = resumed(script, 700);
    let SavedPhase::Answered(answer) = saved.phase else { panic!("it was answered") };
    assert_eq!(responses(later.tick(now)), [(answer.invite, answer.response)]);
    let until = now + Duration::from_millis(31_300);
    let (mut count, mut at) = (0, now);
    while let Some(due) = later.deadline().filter(|due| *due < until) {
        count += responses(later.tick(due)).len();
        at = due;
    }
    assert!((7..=9).contains(&count) && at > now, "doubling up to 4 s: {count}");
    let effects = later.tick(until);
    let bye = |effect: &Effect| match effect {
        Effect::Request { request, .. } => request.method == Method::BYE,
        _ => false,
    };
    assert!(effects.iter().any(bye), "without the ACK it is given up: {effects:?}");
}

const CALLS_TWO: &str = "
    user -> us    call sdp:a
    us -> peer    INVITE sdp:a
    peer -> us    180
    us -> user    180
    peer -> us    183 sdp:b rseq=7 tag=other
    us -> peer    PRACK rack=7 to other
    us -> user    183 sdp:b fork 1
    peer -> us    200 for PRACK
";

#[test]
fn a_call_of_ours_that_rings_is_answered_by_any_branch_in_the_process_that_follows() {
    for (tag, fork) in [("peer", 0), ("other", 1), ("third", 2)] {
        let (mut later, now, saved) = resumed(CALLS_TWO, 300);
        let SavedPhase::Calling(calling) = saved.phase else { panic!("we call") };
        let mut response = calling.request.response(cordboard::sip::StatusCode::OK);
        response.headers.set_to_tag(tag);
        response.headers.push(HeaderName::Contact, "<sip:peer@192.0.2.7:5062>");
        let transaction = calling.invite;
        let effects = later.handle(now, Input::Response { transaction, response });
        let [Effect::Forward { request, .. }, Effect::Event { event, .. }] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!((request.method.clone(), request.headers.to_tag()), (Method::ACK, Some(tag)));
        assert!(matches!(event, Event::Answered { fork: told, .. } if *told == fork), "{event:?}");
    }
}

#[test]
fn a_call_of_ours_that_rings_is_cancelled_by_the_name_it_had() {
    let (mut later, now, saved) = resumed(CALLS_TWO, 300);
    let SavedPhase::Calling(calling) = saved.phase else { panic!("we call") };
    let command = Command::End { reason: None };
    let effects = later.handle(now, Input::Command { leg: LEG, command });
    let cancels = |effect: &Effect| match effect {
        Effect::Cancel { transaction, .. } => *transaction == calling.invite,
        _ => false,
    };
    assert!(effects.iter().any(cancels), "{effects:?}");
    let command = Command::Call(Box::new(Testbed::new().target()));
    let effects = later.handle(now, Input::Command { leg: LegId(2), command });
    let [Effect::Request { transaction: ClientTx(next), .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert!(*next > calling.invite.0, "a name of its own");
}
