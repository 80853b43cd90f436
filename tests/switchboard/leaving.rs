//! Who does not want to wait: the key with which a caller leaves its queue.

use super::day::{self, Machine as _};
use super::testbed::Testbed;
use cordboard::acd::QueuePriorities;
use cordboard::call::AnsweredBy;
use cordboard::ids::{CallId, LevelId, Number};
use cordboard::time::{Duration, Instant};

/// `0` leads to 3003.
#[track_caller]
fn play(script: &str) -> Testbed {
    let mut testbed = Testbed::with_rules(AnsweredBy::Queue, |queue| queue.exit_key = Some('0'));
    day::day(&mut testbed, script);
    testbed
}

#[test]
fn a_waiting_caller_leaves_by_the_key() {
    let testbed = play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
                 op1: offer r2, 2 of 2
        3s   ada keys 15                    # no keys of this queue
        4s   ada keys 0
                 call 3003 as ada
                 ada gets ring-back
                 bob gets position 1
                 op1: withdrawn r1, overflow
                 op1: offer r2, 1 of 1
        5s   ada keys 0                     # twice: it is in no queue any more
        6s   3003 answers
                 ada gets 3003, 3003 gets ada
        7s   ada keys 0
        8s   ada hangs up
                 end 3003, normal-clearing
    ",
    );
    let record = testbed.kept.iter().find(|record| record.call == CallId(1)).unwrap();
    let phases: Vec<_> = record.phases.iter().map(|p| (&*p.word, p.who.as_str())).collect();
    let went =
        [("queued", ""), ("moved-by", "key 0"), ("direct-ringing", "3003"), ("talking", "3003")];
    assert_eq!(phases[1..], went, "{record:?}");
    assert!(testbed.told.iter().any(|told| told == "call-1 goes on to 3003: key 0"));
}

/// Whoever is not answered yet is not answered for that.
#[test]
fn a_caller_that_is_not_answered_leaves_unanswered() {
    let mut testbed = Testbed::with_rules(AnsweredBy::Operator, |queue| queue.exit_key = Some('0'));
    day::day(
        &mut testbed,
        "
        0s   op1 logs in
        1s   4001 calls 9000
                 4001 gets hold
                 4001 gets position 1
                 4001 <- 183 with media
                 4001 <- 182 Queued, position 1 with media
                 op1: offer r1, 1 of 1
        2s   4001 keys 0
                 call 3003 as 4001
                 op1: withdrawn r1, overflow
        3s   3003 answers
                 4001 <- 200
                 4001 gets 3003, 3003 gets 4001
    ",
    );
}

/// Before its ACK a caller may be anybody, and waits in no queue.
#[test]
fn a_key_before_the_ack_does_nothing() {
    play(
        "
        0s   op1 logs in
        0s   ACKs are lost
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
        2s   ada keys 0
        3s   ada acknowledges
                 op1: offer r1, 1 of 1
        4s   ada keys 0
                 call 3003 as ada
                 ada gets ring-back
                 op1: withdrawn r1, overflow
    ",
    );
}

/// Whoever an operator has taken is called soon, and its keys belong to its conversation.
#[test]
fn a_key_of_a_caller_that_is_taken_does_nothing() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   journal waits
        2s   op1: take r1
        2s   ada keys 0                     # taken
        3s   journal commits
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        4s   ada keys 0                     # ringing-you
        5s   3001 refuses 486
                 ada gets position 1
                 op1: call r1 ended, phone-busy
                 op1: state idle, phone refusing
        6s   ada keys 0                     # it waits again
                 call 3003 as ada
                 ada gets ring-back
    ",
    );
}

#[test]
fn keys_of_a_conversation_are_nobody_elses() {
    play(
        "
        0s   op1 talks to ada
        5s   ada keys 0
        5s   3001 keys 0
        6s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        7s   ada keys 0                     # it waits for the operator, and in no queue
        8s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        9s   3002 keys 0
        9s   ada keys 0
    ",
    );
}

/// Who is told why nobody comes is about to be ended.
#[test]
fn a_key_during_the_announcement_does_nothing() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: dnd
                 op1: ok
                 op1: withdrawn r1, not-eligible
                 op1: state dnd, phone ok
        12s  alarm
                 ada gets sorry, nobody
        13s  ada keys 0
        16s  alarm
                 end ada, no-operator
    ",
    );
}

/// An operator's offers say who goes before others, and the caller that is passed hears it.
#[test]
fn callers_of_higher_priority_go_first_and_the_desk_sees_why() {
    let levels = [(LevelId::from("A"), 4)].into();
    let numbers = [(Number::from("4001"), 9)].into();
    let mut testbed = Testbed::with_rules(AnsweredBy::Queue, |queue| {
        queue.priorities = QueuePriorities { levels, numbers, ..QueuePriorities::default() };
    });
    day::day(
        &mut testbed,
        "
        0s   op1 logs in
        1s   ada calls 9000                 # a guest may call itself what it likes
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   3003 calls 9000
                 3003 gets hold
                 3003 gets position 1
                 3003 <- 182 Queued, position 1
                 3003 <- 200
                 ada gets position 2
                 op1: offer r2, 1 of 2, priority 4
                 op1: offer r1, 2 of 2
        3s   4001 calls 9000
                 4001 gets hold
                 4001 gets position 1
                 4001 <- 182 Queued, position 1
                 4001 <- 200
                 3003 gets position 2
                 ada gets position 3
                 op1: offer r3, 1 of 3, priority 9
                 op1: offer r1, 3 of 3
                 op1: offer r2, 2 of 3, priority 4
        4s   3002 calls 9000                # of one priority, who came first
                 3002 gets hold
                 3002 gets position 3
                 3002 <- 182 Queued, position 3
                 3002 <- 200
                 ada gets position 4
                 op1: offer r4, 3 of 4, priority 4
                 op1: offer r1, 4 of 4
    ",
    );
    let waiting: Vec<_> = testbed.waiting().map(|view| (view.caller, view.priority)).collect();
    let expected = [("4001", 9), ("3003", 4), ("3002", 4), ("ada@elsewhere.example", 0)];
    assert_eq!(waiting, expected.map(|(caller, priority)| (caller.to_owned(), priority)));
}

/// That two had to be served before one who had come first is no sign that the queue moves slowly.
#[test]
fn an_estimate_counts_those_who_went_first() {
    let numbers = [(Number::from("4001"), 9)].into();
    let mut testbed = Testbed::with_rules(AnsweredBy::Queue, |queue| {
        queue.priorities = QueuePriorities { numbers, ..QueuePriorities::default() };
    });
    let mut does = |secs: u64, line: &str| {
        let now = Instant::START + Duration::from_secs(secs);
        let words: Vec<&str> = line.split(' ').collect();
        testbed.play(now, &words)
    };
    does(0, "op1 logs in");
    for round in 0..2 {
        let begin = 1 + round * 200;
        does(begin, "eve calls 9000");
        does(begin, "4001 calls 9000");
        for (after, caller, request) in [(60, "4001", 2 * round + 2), (120, "eve", 2 * round + 1)] {
            does(begin + after, &format!("op1: take r{request}"));
            does(begin + after, "3001 answers");
            does(begin + after, &format!("{caller} hangs up"));
        }
    }
    let waits = does(500, "bob calls 9000");
    assert!(waits.iter().any(|line| line == "bob gets position 1, 1 min"), "{waits:#?}");
}
