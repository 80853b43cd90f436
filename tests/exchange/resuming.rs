//! What another process does with what the one before it has left: goes on, or ends it in words.

use super::open_invites::{GATEWAY, callee_of, cancel, of_gateway, rings};
use super::third_parties::{DOOR, GUEST, Side, answers, ip_of, request, response, sdp, talking};
use super::*;
use cordboard::exchange::journal::{LiveRow, Resume};
use cordboard::exchange::{CALL_UNWRITTEN_MAX, LeftBehind, ResumeReport, Resumption};
use cordboard::sip::Method;
use std::collections::BTreeSet;

/// The process is killed once all is written: what the next one does before anything comes.
fn next(
    testbed: &mut Testbed,
    which: Resume,
    bend: impl Fn(&mut StoredState),
) -> (Testbed, Vec<Effect>) {
    next_by(testbed, which, Duration::ZERO, bend)
}

/// The same, by a clock that was set back by so much meanwhile.
fn next_by(
    testbed: &mut Testbed,
    which: Resume,
    back: Duration,
    bend: impl Fn(&mut StoredState),
) -> (Testbed, Vec<Effect>) {
    testbed.now = testbed.now + CALL_UNWRITTEN_MAX;
    for effect in testbed.machine.write_live(testbed.now, &testbed.relay) {
        let Effect::Write(batch) = effect else { panic!("{effect:?}") };
        let _ = testbed.commits(batch);
    }
    let mut state = testbed.journal.state(2);
    bend(&mut state);
    let now = testbed.now + Duration::from_millis(300);
    let now = Now { unix: now.unix - back, ..now };
    let ports = (20_000..21_000).step_by(2).map(PortId);
    let slots = ports.filter_map(|port| testbed.relay.slot(testbed.now, port));
    let slots = slots.map(|slot| (slot.port, slot)).collect();
    let left = LeftBehind::take_from(now, &mut state, &slots);
    let bound: BTreeSet<PortId> = left.ports().into_iter().collect();
    let (mut other, _) = Testbed::new(state);
    other.now = now;
    other.journal = testbed.journal.clone();
    let resumption = Resumption { which, bound: &bound };
    let Testbed { machine, relay, .. } = &mut other;
    let effects = machine.resume(now, relay, left, resumption, &mut Nowhere);
    let effects = other.kept(effects);
    (other, effects)
}

fn report(effects: &[Effect]) -> &ResumeReport {
    let report = effects.iter().find_map(|effect| match effect {
        Effect::Resumed(report) => Some(report),
        _ => None,
    });
    report.unwrap_or_else(|| panic!("no report: {effects:?}"))
}

/// To whom these are sent, and what.
fn asked(effects: &[Effect]) -> Vec<(String, Method)> {
    let sent = sent(effects).into_iter().filter_map(|(to, message)| match message {
        Message::Request(request) => Some((to.remote().to_string(), request.method)),
        Message::Response(_) => None,
    });
    sent.collect()
}

fn talk() -> (Testbed, Side, Side) {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let (caller, callee) = talking(&mut testbed);
    (testbed, caller, callee)
}

#[test]
fn a_call_goes_on_in_silence_and_ends_with_one_record_and_no_row() {
    let (mut testbed, caller, _) = talk();
    let (mut later, effects) = next(&mut testbed, Resume::All, |_| {});
    let ResumeReport { calls, parties, given_up, faults, .. } = report(&effects);
    assert_eq!((*calls, *parties, *given_up, &faults[..]), (1, 2, 0, &[][..]));
    assert_eq!(sent(&effects), [], "nobody is told");
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Log(told) => Some(told.to_string()),
        _ => None,
    });
    assert!(told.unwrap().starts_with("call-1 goes on: talking, from "));
    let effects = later.told(caller.at, &caller.asks("BYE", caller.seq + 1, "", ""));
    assert_eq!(status(&effects), Some(200));
    let (to, bye) = request(&effects, Method::BYE).expect("the other is told");
    assert_eq!((to.remote(), bye.headers.to_tag()), (address(DOOR), Some("callee")));
    let [record] = &later.journal.calls.values().collect::<Vec<_>>()[..] else { panic!("one") };
    assert!(record.ended.is_some(), "{record:?}");
    let calls = later.journal.live.keys().filter(|row| matches!(row, LiveRow::Call(_)));
    assert_eq!(calls.count(), 0, "its row goes with the end of its record");
}

/// The next process is killed in turn, before anything has come: our numbers rise all the same.
#[test]
fn a_second_kill_in_silence_finds_the_same_and_uses_no_sequence_number_twice() {
    let (mut testbed, caller, _) = talk();
    let numbers = [1, 2].map(|_| {
        let (mut later, effects) = next(&mut testbed, Resume::All, |_| {});
        assert_eq!(report(&effects).parties, 2);
        let seq = caller.seq + 1;
        let (mut end, _) = next(&mut later, Resume::All, |_| {});
        let effects = end.told(caller.at, &caller.asks("BYE", seq, "", ""));
        let (_, bye) = request(&effects, Method::BYE).expect("the other is told");
        testbed = later;
        bye.headers.cseq().unwrap().0
    });
    assert!(numbers[0] < numbers[1], "{numbers:?}");
}

#[test]
fn after_another_boot_both_are_told_and_on_another_machine_nobody_is() {
    for (which, told) in [
        (Resume::None, 2),
        (Resume::AfterBoot, 2),
        (Resume::Without(CallId(1)), 2),
        (Resume::Without(CallId(2)), 0),
        (Resume::OfOtherMachine, 0),
    ] {
        let (mut testbed, _, _) = talk();
        let (later, effects) = next(&mut testbed, which, |_| {});
        let byes = asked(&effects).into_iter().filter(|(_, method)| *method == Method::BYE);
        assert_eq!(byes.count(), told, "{which:?}");
        let goes_on = which == Resume::Without(CallId(2));
        assert_eq!(report(&effects).calls, usize::from(goes_on), "{which:?}");
        assert_eq!(later.journal.live.is_empty(), !goes_on, "{which:?}");
        let ended = later.journal.calls.values().all(|record| record.ended.is_some());
        assert_eq!(ended, !goes_on, "{which:?}");
    }
}

/// Both go on as if the other had hung up, or are told that it is over; each row that is of no use is named.
#[test]
fn what_cannot_be_read_is_named_and_its_call_is_ended() {
    let (mut testbed, _, _) = talk();
    let (later, effects) = next(&mut testbed, Resume::All, |state| {
        state.live.parties[0].1.truncate(100);
        let twice = state.live.calls[0].1.clone();
        state.live.calls.push((CallId(77), twice));
    });
    let faults = &report(&effects).faults;
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("call-77 says it is call-1")), "{faults:?}");
    assert_eq!(asked(&effects).len(), 1, "the party that is known: {:?}", asked(&effects));
    assert_eq!(later.machine.status().calls, 0);
    assert!(later.journal.calls.values().all(|record| record.ended.is_some()));
}

#[test]
fn two_parties_of_one_port_are_not_both_put_back() {
    let (mut testbed, _, _) = talk();
    let (_, effects) = next(&mut testbed, Resume::All, |state| {
        let port = |text: &str| {
            let rest = text.split("m=audio ").nth(1).unwrap();
            rest.split(' ').next().unwrap().to_owned()
        };
        let [one, other] = [0, 1].map(|at| port(&state.live.parties[at].1));
        let text = &mut state.live.parties[1].1;
        *text = text.replace(&other, &one);
    });
    assert_eq!(report(&effects).parties, 1, "{:?}", report(&effects));
}

#[test]
fn what_a_message_is_about_is_known_before_it_is_read() {
    let (testbed, caller, callee) = talk();
    let of = |text: String| testbed.machine.concerns(text.replace('\n', "\r\n").as_bytes());
    assert_eq!(of(caller.asks("BYE", 9, "", "")), Some(CallId(1)));
    assert_eq!(of(callee.asks("INFO", 9, "", "")), Some(CallId(1)));
    let elsewhere = Side { other: "<sip:x@y>;tag=unknown".to_owned(), ..caller };
    assert_eq!(of(elsewhere.asks("BYE", 9, "", "")), None);
    assert_eq!(of("no message at all".to_owned()), None);
}

/// The gateway calls the door station, and its INVITE is all that there is of the call; it is killed when all that is
/// written, and the phone hears the INVITE again.
#[test]
fn a_phone_that_has_said_nothing_yet_is_called_by_the_same_invite_and_rings_once() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = testbed.told(GATEWAY, &of_gateway());
    let (to, asked) = request(&effects, Method::INVITE).expect("the callee is called");
    let (mut later, effects) = next(&mut testbed, Resume::All, |_| {});
    assert_eq!((report(&effects).calls, report(&effects).parties), (1, 2));
    let [again] = &sent(&effects)[..] else { panic!("it may not have left: {effects:?}") };
    assert_eq!(*again, (to, asked.clone().into()));
    later.now = later.now + Duration::from_secs(1);
    let effects = later.machine.tick(later.now);
    assert_eq!(request(&effects, Method::INVITE), Some((to, asked.clone())), "nor arrived");
    let callee = callee_of(&asked);
    let effects = later.told(DOOR, &answers(&asked, &callee, DOOR, 180, ""));
    assert_eq!(status(&effects), Some(180));
    let effects = later.told(DOOR, &answers(&asked, &callee, DOOR, 200, &sdp(ip_of(DOOR))));
    assert!(request(&effects, Method::ACK).is_some() && status(&effects) == Some(200));
}

#[test]
fn a_phone_that_has_said_nothing_yet_is_cancelled_by_the_process_that_follows() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = testbed.told(GATEWAY, &of_gateway());
    let (_, asked) = request(&effects, Method::INVITE).expect("the callee is called");
    let (mut later, _) = next(&mut testbed, Resume::All, |_| {});
    let effects = later.told(GATEWAY, &cancel());
    assert_eq!(status(&effects), Some(200));
    // A CANCEL that came before the INVITE would do nothing (RFC 3261 §9.1).
    assert_eq!(request(&effects, Method::CANCEL), None);
    let effects = later.told(DOOR, &answers(&asked, &callee_of(&asked), DOOR, 180, ""));
    let (to, cancel) = request(&effects, Method::CANCEL).expect("nobody wants it");
    assert_eq!((to.remote(), cancel.headers.branch()), (address(DOOR), asked.headers.branch()));
}

/// Who rings has no dialog to say BYE in.
#[test]
fn who_rings_when_calls_do_not_go_on_gets_a_final_answer_or_a_cancel() {
    for which in [Resume::AfterBoot, Resume::None, Resume::Without(CallId(1))] {
        let (mut testbed, _) = Testbed::new(StoredState::default());
        let (callee, asked) = rings(&mut testbed);
        let (mut later, effects) = next(&mut testbed, which, |_| {});
        let refusal = response(&effects);
        assert_eq!(refusal.status.as_u16(), 503);
        assert!(refusal.headers.retry_after().unwrap().is_some(), "{refusal:?}");
        let (to, cancel) = request(&effects, Method::CANCEL).expect("nobody wants it");
        assert_eq!((to.remote(), cancel.headers.branch()), (address(DOOR), asked.headers.branch()));
        let ended = answers(&asked, &callee, DOOR, 487, "");
        let effects = later.told(DOOR, &ended);
        assert!(request(&effects, Method::ACK).is_some(), "{effects:?}");
        assert!(later.journal.calls.values().all(|record| record.ended.is_some()));
        assert!(later.journal.live.is_empty());
    }
}

/// Its row was copied by somebody, under another number.
#[test]
fn a_call_that_is_doubled_is_named_and_its_record_ends() {
    let (mut testbed, _, _) = talk();
    let (later, effects) = next(&mut testbed, Resume::All, |state| {
        let text = state.live.calls[0].1.replace("\"call\":1,", "\"call\":77,");
        state.live.calls.push((CallId(77), text));
        let record = state.calls[0].clone();
        state.calls.push(CallRecord { call: CallId(77), ..record });
    });
    let ResumeReport { calls, parties, faults, .. } = report(&effects);
    assert_eq!((*calls, *parties, faults.len()), (1, 2, 1), "{faults:?}");
    assert_eq!(later.machine.status().calls, 1);
    let record = &later.journal.calls[&CallId(77)];
    assert!(record.ended.is_some(), "{record:?}");
}

/// Sessions are refreshed, and waits are over, when they would have been.
#[test]
fn a_clock_that_was_set_back_ends_no_call_and_delays_nothing() {
    let due = |back: Duration| {
        let (mut testbed, caller, _) = talk();
        let (mut later, effects) = next_by(&mut testbed, Resume::All, back, |_| {});
        assert_eq!((report(&effects).calls, report(&effects).parties), (1, 2));
        let text = report(&effects).to_string();
        assert_eq!(text.contains("ahead of this one"), !back.is_zero(), "{text}");
        let _rested = later.later(1);
        let mut due = Vec::new();
        for _ in 0..40 {
            let Some(at) = later.machine.deadline() else { break };
            later.now = later.now + at.since(later.now.instant);
            let effects = later.machine.tick(later.now);
            let refreshed = asked(&effects)
                .into_iter()
                .filter(|(_, method)| [Method::INVITE, Method::UPDATE].contains(method));
            due.extend(refreshed.map(|_| later.now.instant.since(testbed.now.instant).as_secs()));
            let _kept = later.kept(effects);
            if !due.is_empty() {
                break;
            }
        }
        let effects = later.told(caller.at, &caller.asks("BYE", caller.seq + 1, "", ""));
        assert_eq!(status(&effects), Some(200));
        due
    };
    let before = due(Duration::ZERO);
    assert!(!before.is_empty(), "a session is refreshed");
    let after = due(Duration::from_secs(3_600));
    assert!(before.iter().zip(&after).all(|(a, b)| a.abs_diff(*b) <= 2), "{before:?} {after:?}");
    assert_eq!(before.len(), after.len());
}

/// Refusals of INVITEs among the effects.
fn refused_since(effects: &[Effect]) -> Vec<u16> {
    let refusals = sent(effects).into_iter().filter_map(|(_, message)| match message {
        Message::Response(response) => Some(response.status.as_u16()).filter(|said| *said >= 300),
        Message::Request(_) => None,
    });
    refusals.collect()
}

/// Nobody is there, and it is being told so: of the call nothing is written down, but of its INVITE.
#[test]
fn a_guest_that_is_not_let_in_gets_its_final_answer_from_the_process_that_follows() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = testbed.told(GUEST, &invite_with(1, "9000", SDP));
    assert!(refused_since(&effects).is_empty(), "{effects:?}");
    assert_eq!(testbed.machine.status().calls, 1);
    let (later, effects) = next(&mut testbed, Resume::All, |_| {});
    let refusal = response(&effects);
    assert_eq!(refusal.status.as_u16(), 503);
    assert!(refusal.headers.retry_after().unwrap().is_some(), "{refusal:?}");
    assert!(later.journal.live.is_empty() && later.journal.calls.is_empty());
}
