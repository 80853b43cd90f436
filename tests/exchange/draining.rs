//! A server that is to stop: no new calls, and those that are there go on.

use super::third_parties::*;
use super::*;

fn refusals(effects: &[Effect]) -> Vec<(u16, Option<String>)> {
    let refusal = |(_, message): (Destination, Message)| match message {
        Message::Response(response) => {
            let after = response.headers.get(HeaderName::RetryAfter).map(str::to_owned);
            Some((response.status.as_u16(), after))
        }
        Message::Request(_) => None,
    };
    sent(effects).into_iter().filter_map(refusal).collect()
}

#[test]
fn a_call_that_is_there_goes_on_and_no_other_begins() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    assert!(!testbed.machine.has_calls() && !testbed.machine.status().draining);
    let (caller, callee) = talking(&mut testbed);
    assert!(testbed.machine.has_calls());
    assert_eq!(sent(&testbed.give(Input::Drain)), [], "nobody is told");
    assert!(testbed.machine.status().draining);

    let busy = [(503, Some("30".to_owned()))];
    assert_eq!(refusals(&testbed.hears("198.51.100.7:5060", &invite_with_sound(1))), busy);
    let terminal = invite_with_sound(2).replace("eve@elsewhere.example", "3001@cordboard.local");
    assert_eq!(refusals(&testbed.hears("198.51.100.8:5060", &terminal)), busy);
    let written = registered(&mut testbed);
    assert_eq!(status(&testbed.commits(awaited(&written))), Some(200), "phones are served");
    assert_eq!(status(&testbed.told(CALLER, &caller.asks("OPTIONS", 10, "", ""))), Some(200));

    let effects = testbed.told(CALLER, &caller.asks("BYE", 11, "", ""));
    assert_eq!(status(&effects), Some(200));
    let (_, bye) = request(&effects, cordboard::sip::Method::BYE).expect("the other is told");
    testbed.told(DOOR, &answers(&bye, &callee, DOOR, 200, ""));
    assert!(!testbed.machine.has_calls());
}

#[test]
fn who_asks_to_take_the_place_of_a_party_is_no_new_call() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    testbed.give(Input::Drain);
    let replaces = "Replaces: nobody;to-tag=a;from-tag=b\n";
    let text = invite_with_sound(1).replace("Content-Type", &format!("{replaces}Content-Type"));
    let answers = refusals(&testbed.hears("198.51.100.7:5060", &text));
    assert!(answers.iter().all(|(status, _)| *status != 503), "{answers:?}");
    assert!(!answers.is_empty());
}

#[test]
fn who_leaves_has_all_written_and_tells_nobody() {
    let (mut testbed, first) =
        Testbed::new(StoredState { calls: vec![open_record(7)], ..StoredState::default() });
    let _ = testbed.fails(batches(&first)[0].clone());
    let _ = talking(&mut testbed);
    let effects = testbed.machine.leave(testbed.now);
    assert_eq!(sent(&effects), [], "the next process goes on with the call");
    let is_owed =
        |entry: &JournalEntry| matches!(entry, JournalEntry::Call(record) if record.call.0 == 7);
    assert!(entries(&effects).any(is_owed), "{effects:?}");
    assert!(!testbed.machine.is_written());
}

/// RFC 3261 §15: no BYE goes to a caller before its ACK, which may be on its way when the server is told to end.
#[test]
fn who_was_answered_a_moment_ago_is_waited_for() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    begins(&mut testbed, CALLER, ANNA, "4001", |testbed, effects| {
        let (_callee, effects) = picks_up(testbed, DOOR, &effects);
        let farewell = testbed.machine.shut_down(testbed.now);
        assert_eq!(sent(&farewell).len(), 1, "BYE to the callee alone: {farewell:?}");
        assert!(!testbed.machine.is_quiet(), "the caller is not told yet");
        effects
    });
    assert!(testbed.machine.is_quiet());
}
