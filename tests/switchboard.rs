//! Calls through an operator, as days in their life: every pair of state and event.

#![allow(clippy::unwrap_used)] // A test may panic.

mod day;
mod hands;
#[path = "switchboard/killed.rs"]
mod killed;
#[path = "switchboard/leaving.rs"]
mod leaving;
#[path = "switchboard/night.rs"]
mod night;
#[path = "switchboard/rejoining.rs"]
mod rejoining;
#[path = "switchboard/senses.rs"]
mod senses;
#[path = "switchboard/stills.rs"]
mod stills;
mod testbed;

use cordboard::call::call_record::EndedBy;
use cordboard::call::{AnsweredBy, Recorded};
use cordboard::cause::Cause;
use cordboard::ids::Number;
use cordboard::time::{Duration, Instant};
use testbed::Testbed;

#[track_caller]
fn play(script: &str) {
    day::day(&mut Testbed::new(AnsweredBy::Queue), script);
}

/// What follows when this has happened.
#[track_caller]
fn play_after(before: &str, script: &str) {
    play(&[before.trim_end(), script].concat());
}

/// R3.6
#[test]
fn after_the_longest_wait_the_caller_overflows_to_another_number() {
    let mut testbed =
        Testbed::with(AnsweredBy::Queue, 100, Some(Duration::from_secs(10)), Some("3003"));
    day::day(
        &mut testbed,
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        11s  alarm
                 call 3003 as ada
                 ada gets ring-back
                 op1: withdrawn r1, overflow
        12s  3003 answers
                 ada gets 3003, 3003 gets ada
        13s  ada hangs up
                 end 3003, normal-clearing
        13s  all is quiet
    ",
    );
}

/// R3.5, `answer = "operator"`: early media in a 183 and in each 182, the 200 from the operator.
#[test]
fn a_caller_that_is_answered_by_the_operator_waits_with_early_media() {
    day::day(
        &mut Testbed::new(AnsweredBy::Operator),
        "
        0s   op1 logs in
        1s   4001 calls 9000
                 4001 gets hold
                 4001 gets position 1
                 4001 <- 183 with media
                 4001 <- 182 Queued, position 1 with media
                 op1: offer r1, 1 of 1
        2s   3003 calls 9000
                 3003 gets hold
                 3003 gets position 2
                 3003 <- 183 with media
                 3003 <- 182 Queued, position 2 with media
                 op1: offer r2, 2 of 2
        61s  alarm
                 4001 <- 182 Queued, position 1 with media
        61.5s op1: take r1
                 3003 gets position 1
                 3003 <- 182 Queued, position 1 with media
                 op1: ok
                 4001 gets position 1
                 call 3001 as 4001
                 op1: waiting r2, 1 of 1
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        62s  3001 answers
                 4001 <- 200
                 4001 gets 3001, 3001 gets 4001
                 op1: call r1 with-caller
    ",
    );
}

/// Only its ACK shows that a guest is there: one that is half open holds no place.
#[test]
fn a_guest_is_answered_at_once_where_the_operator_answers_others() {
    day::day(
        &mut Testbed::new(AnsweredBy::Operator),
        "
        0s   op1 logs in
        0s   ACKs are lost
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
        2s   ada acknowledges
                 op1: offer r1, 1 of 1
    ",
    );
}

/// R3 to R5: the patent's call from end to end, and who hears whom in each phase.
#[test]
fn an_operator_brings_caller_and_callee_together() {
    play(
        "
        0s   op1 desk up
        0s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state idle, phone ok
                 op1: snapshot-end
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   3001 rings
        4s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        5s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        6s   3002 rings
                 op1: callee 3002 ringing
        7s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        8s   op1: alternate caller
                 ada gets 3001, 3001 gets ada, 3002 gets hold
                 op1: ok
                 op1: call r1 alternated
        9s   op1: alternate callee
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: ok
                 op1: call r1 talking-to-callee
        10s  op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected
        11s  ada healthy
        11s  3002 healthy
                 op1: healthy
        12s  op1: release
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        60s  ada hangs up
                 end 3002, normal-clearing
        60s  all is quiet
    ",
    );
}

/// R4.1, R4.2: durable record, confirmation, withdrawal, desk phone.
#[test]
fn of_two_takes_the_first_wins_and_is_told_before_the_other_desk() {
    play(
        "
        0s   op1 logs in
        0s   op2 logs in
        0s   journal waits
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
                 op2: offer r1, 1 of 1
        2s   op2: take r1
        2s   op1: take r1
                 op1: no, already-taken
        2s   journal commits
                 op2: ok
                 op1: withdrawn r1, taken
                 ada gets position 1
                 call 3011 as ada
                 op2: call r1 ringing-you
                 op2: state busy, phone ok
        3s   op1: take r1
                 op1: no, already-taken
    ",
    );
}

/// Keys of a phone that has just answered count, though the disk is slow.
#[test]
fn a_code_may_begin_before_the_caller_is_the_operators_in_the_journal() {
    play(
        "
        0s   op3 works by phone
        1s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        2s   3021 hangs up
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        3s   journal waits
        4s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
        4s   3021 keys *
        4.1s 3021 keys 23002
        4.2s journal commits
                 ada gets 3021, 3021 gets ada
        4.3s 3021 keys h
                 ada gets asking, 3021 gets ring-back
                 call 3002 as 3021
    ",
    );
}

/// R4.2: what is not in the journal is not to be; the caller keeps its place and is offered again.
#[test]
fn a_take_that_cannot_be_written_is_refused_and_the_caller_offered_again() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        0s   op1 logs in
        0s   op2 logs in
        0s   journal waits
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
                 op2: offer r1, 1 of 1
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
                 op1: offer r2, 2 of 2
                 op2: offer r2, 2 of 2
        3s   op1: take r1
                 bob gets position 1
                 op2: offer r2, 1 of 1
        8s   journal fails
                 ada gets position 1
                 op1: no, internal
                 op2: withdrawn r1, taken
                 op1: withdrawn r2, not-eligible
                 op1: offer r2, 1 of 1
                 op1: offer r1, 1 of 2
                 op1: state idle, phone ok
                 op2: offer r1, 1 of 2
        9s   op1: take r1
        9s   journal commits
                 op1: ok
                 op2: withdrawn r1, taken
                 ada gets position 1
                 call 3001 as ada
                 op1: withdrawn r2, not-eligible
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        10s  3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
    ",
    );
    let record = testbed.kept.iter().find(|record| record.call.0 == 1).unwrap();
    let operators: Vec<_> = record.operators.iter().map(|operator| operator.as_str()).collect();
    assert_eq!(operators, ["op1"], "once, for it had the call once");
}

#[test]
fn a_caller_that_has_gone_before_its_take_could_not_be_written_is_gone() {
    play(
        "
        0s   op1 logs in
        0s   journal waits
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
        2s   ada hangs up
        2s   journal fails
                 op1: no, internal
                 op1: state idle, phone ok
        3s   all is quiet
    ",
    );
}

/// R5.4: the operator stays until its release is in the journal.
#[test]
fn a_release_that_cannot_be_written_is_refused_and_the_operator_stays() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        6s   journal waits
        7s   op1: release force
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
        8s   journal fails
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: no, internal
                 op1: call r1 connected
        9s   op1: retrieve caller
                 ada gets 3001, 3001 gets ada, 3002 gets hold
                 op1: ok
                 op1: call r1 alternated
        10s  op1: release force
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
        11s  journal commits
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn an_operator_whose_phone_hung_up_before_its_release_could_not_be_written_has_left() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        6s   journal waits
        7s   op1: release force
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
        7s   3001 hangs up
        8s   journal fails
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: no, internal
                 op1: call r1 connected
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
    ",
    );
    let handover = testbed.kept.last().unwrap().handover;
    assert_eq!(handover.map(|handover| handover.word()), Some("unchecked"));
}

/// R6.2: the two see each other once the take is in the journal, and their cameras are asked before; nobody
/// is shown what they send meanwhile.
#[test]
fn who_is_seen_after_a_commit_is_asked_for_a_key_frame_before_it() {
    play(
        "
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        3s   journal waits
        4s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
        5s   journal commits
                 ada gets 3021, 3021 gets ada
    ",
    );
}

/// R7.1: a phone-only operator has answered already; its phone rests, or it would ring again at once.
#[test]
fn a_take_by_phone_that_cannot_be_written_ends_at_the_phone_only() {
    play(
        "
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        3s   journal waits
        4s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
        4s   journal fails
                 end 3021, internal
                 ada gets position 1
        64s  alarm
                 call 3021 as ada
    ",
    );
}

#[test]
fn a_caller_that_hangs_up_leaves_every_desk() {
    play(
        "
        0s   op1 logs in
        0s   op2 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
                 op2: offer r1, 1 of 1
        2s   ada hangs up
                 op1: withdrawn r1, abandoned
                 op2: withdrawn r1, abandoned
        2s   op1: take r1
                 op1: no, no-such-request
        2s   all is quiet
    ",
    );
}

#[test]
fn a_take_that_was_recorded_is_confirmed_although_the_caller_is_gone() {
    play(
        "
        0s   op1 logs in
        0s   journal waits
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
        2s   ada hangs up
        2s   journal commits
                 op1: ok
                 op1: call r1 ended, abandoned
                 op1: state idle, phone ok
        3s   all is quiet
    ",
    );
}

/// R4.4
#[test]
fn a_desk_phone_that_fails_gives_the_caller_its_place_back() {
    play(
        "
        0s   op1 logs in
        0s   op2 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
                 op2: offer r1, 1 of 1
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
                 op1: offer r2, 2 of 2
                 op2: offer r2, 2 of 2
        3s   op1: take r1
                 bob gets position 1
                 op2: offer r2, 1 of 1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: withdrawn r2, not-eligible
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
                 op2: withdrawn r1, taken
        4s   3001 refuses 486
                 ada gets position 1
                 op1: call r1 ended, phone-busy
                 op2: offer r1, 1 of 2
                 op1: state idle, phone refusing
        5s   op2: take r1
                 op2: ok
                 ada gets position 1
                 call 3011 as ada
                 op2: waiting r2, 1 of 1
                 op2: call r1 ringing-you
                 op2: state busy, phone ok
        25s  alarm
                 end 3011, no-answer
                 ada gets position 1
                 op2: call r1 ended, phone-no-answer
                 op2: withdrawn r2, not-eligible
                 op2: state idle, phone unreachable
        26s  op1: ready
                 op1: ok
                 op1: offer r1, 1 of 2
                 op1: offer r2, 2 of 2
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_desk_phone_that_rings_in_vain() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        22s  alarm
                 end 3001, no-answer
                 ada gets position 1
                 op1: call r1 ended, phone-no-answer
                 op1: state idle, phone unreachable
        82s  alarm
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn cancel_while_the_desk_phone_rings_does_not_mark_the_phone() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   op1: cancel
                 end 3001, abandoned
                 ada gets position 1
                 op1: ok
                 op1: call r1 ended, cancelled
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_caller_gone_while_the_desk_phone_rings() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   ada hangs up
                 end 3001, abandoned
                 op1: call r1 ended, abandoned
                 op1: state idle, phone ok
        3s   all is quiet
    ",
    );
}

/// R5.1
#[test]
fn what_cannot_be_consulted_fails_before_the_caller_is_on_hold() {
    play(
        "
        0s   op1 logs in
        1s   4001 calls 9000
                 4001 gets hold
                 4001 gets position 1
                 4001 <- 182 Queued, position 1
                 4001 <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 4001 gets position 1
                 call 3001 as 4001
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   3001 answers
                 4001 gets 3001, 3001 gets 4001
                 op1: call r1 with-caller
        4s   op1: consult 7777
                 op1: no, no-such-number
        4s   op1: consult 9000
                 op1: no, refused
        4s   op1: consult 3001
                 op1: no, refused
        4s   op1: consult 4001
                 op1: no, refused
        4s   op1: consult *50
                 op1: no, refused
        4s   op1: consult 3009
                 op1: no, unreachable
        4s   op1: alternate caller
                 op1: no, wrong-phase
        4s   op1: cancel
                 op1: no, wrong-phase
        4s   op1: connect
                 op1: no, wrong-phase
        4s   op1: release
                 op1: no, wrong-phase
        4s   op1: retrieve caller
                 op1: no, wrong-phase
    ",
    );
}

#[test]
fn the_level_of_the_desk_phone_applies_to_consultation() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 4001
                 ada gets asking, 3001 gets ring-back
                 call 4001 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 4001 trying
        5s   4001 answers
                 ada gets asking, 3001 gets 4001, 4001 gets 3001
                 op1: callee 4001 answered
                 op1: call r1 talking-to-callee
    ",
    );
}

/// R5.5
#[test]
fn a_callee_that_is_busy_silent_or_refusing_brings_the_operator_back() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 refuses 486
                 ada gets 3001, 3001 gets ada
                 op1: callee 3002 busy
                 op1: call r1 with-caller
        6s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        36s  alarm
                 end 3002, no-answer
                 ada gets 3001, 3001 gets ada
                 op1: callee 3002 no-answer
                 op1: call r1 with-caller
        37s  op1: consult 3003
                 ada gets asking, 3001 gets ring-back
                 call 3003 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3003 trying
        38s  3003 refuses 603
                 end 3003, declined
                 ada gets 3001, 3001 gets ada
                 op1: callee 3003 refused
                 op1: call r1 with-caller
        39s  op1: consult 3003
                 ada gets asking, 3001 gets ring-back
                 call 3003 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3003 trying
        40s  op1: connect
                 op1: no, wrong-phase
        40s  op1: cancel
                 end 3003, normal-clearing
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r1 with-caller
    ",
    );
}

#[test]
fn early_media_of_the_callee_is_heard_by_the_operator_alone() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 plays
                 ada gets asking, 3001 gets 3002
        6s   op1: release
                 op1: no, wrong-phase
    ",
    );
}

/// Media-rules 14: of several phones the one that began last is heard.
#[test]
fn a_phone_that_fails_gives_its_early_media_way_to_the_next_and_to_ring_back() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3005
                 ada gets asking, 3001 gets ring-back
                 call 3005 as 3001
                 call 3005 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3005 trying
        5s   3005 plays
                 ada gets asking, 3001 gets 3005
        6s   3005b plays
                 ada gets asking, 3001 gets 3005b
        7s   3005b refuses 486
                 ada gets asking, 3001 gets 3005
        8s   op1: cancel
                 end 3005, normal-clearing
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r1 with-caller
        9s   op1: consult 3005
                 ada gets asking, 3001 gets ring-back
                 call 3005 as 3001
                 call 3005 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3005 trying
        10s  3005b plays
                 ada gets asking, 3001 gets 3005b
        11s  3005 refuses 480
        12s  op1: cancel
                 end 3005b, normal-clearing
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r1 with-caller
    ",
    );
}

#[test]
fn a_caller_is_told_once_of_early_media_and_hears_ring_back_when_they_are_gone() {
    play(
        "
        1s   3003 calls 3005
                 call 3005 as 3003
                 call 3005 as 3003
        2s   3005 plays
                 3003 <- 183 with media
                 3003 gets 3005
        3s   3005 refuses 486
                 3003 gets ring-back
        4s   3005b plays
                 3003 gets 3005b
        5s   3005b plays no more
                 3003 gets ring-back
        6s   3005b answers
                 3003 <- 200
                 3003 gets 3005b, 3005b gets 3003
    ",
    );
}

#[test]
fn a_caller_gone_during_consultation_ends_everything() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   ada hangs up
                 end 3002, normal-clearing
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        5s   all is quiet
    ",
    );
}

#[test]
fn a_callee_gone_brings_the_operator_back_in_every_phase() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        6s   3002 hangs up
                 ada gets 3001, 3001 gets ada
                 op1: callee 3002 hung-up
                 op1: call r1 with-caller
        7s   op1: consult 3003
                 ada gets asking, 3001 gets ring-back
                 call 3003 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3003 trying
        8s   3003 answers
                 ada gets asking, 3001 gets 3003, 3003 gets 3001
                 op1: callee 3003 answered
                 op1: call r1 talking-to-callee
        9s   op1: alternate caller
                 ada gets 3001, 3001 gets ada, 3003 gets hold
                 op1: ok
                 op1: call r1 alternated
        10s  3003 hangs up
                 ada gets 3001, 3001 gets ada
                 op1: callee 3003 hung-up
                 op1: call r1 with-caller
        11s  op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        12s  3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        13s  op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected
        14s  3002 hangs up
                 ada gets 3001, 3001 gets ada
                 op1: callee 3002 hung-up
                 op1: call r1 with-caller
    ",
    );
}

#[test]
fn the_operators_phone_hangs_up_in_each_phase_with_the_caller() {
    play(
        "
        3s   op1 talks to ada
        4s   3001 hangs up
                 end ada, normal-clearing
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
        5s   all is quiet
    ",
    );
}

#[test]
fn the_operators_phone_hangs_up_while_the_callee_rings() {
    play(
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
        3s   op1: take r2
                 op1: ok
                 bob gets position 2
                 call 3001 as bob
                 op1: waiting r1, 1 of 1
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        4s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        5s   op1: consult 3002
                 bob gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r2 consulting
                 op1: callee 3002 trying
        6s   3001 hangs up
                 end 3002, abandoned
                 bob gets position 2
                 bob gets position 1
                 op1: call r2 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: offer r2, 1 of 2
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn the_operators_lost_phone_returns_the_caller_to_the_front() {
    play(
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
        3s   op1: take r2
                 op1: ok
                 bob gets position 2
                 call 3001 as bob
                 op1: waiting r1, 1 of 1
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        4s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        5s   3001 falls silent
                 probe 3001
        5s   3001 is lost
                 bob gets hold
                 call 3001 as bob
                 op1: call r2 ringing-you
        25s  alarm
                 end 3001, abandoned
                 bob gets position 2
                 bob gets position 1
                 op1: call r2 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: offer r2, 1 of 2
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_caller_whose_media_stopped_leaves_the_queue_and_the_record_says_why() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   ada sends nothing
                 op1: withdrawn r1, abandoned
        2s   all is quiet
    ",
    );
    let ended = testbed.kept[0].ended.unwrap();
    assert_eq!((ended.cause, ended.by), (Cause::MediaStopped, EndedBy::Caller));
}

#[test]
fn an_operators_phone_whose_media_stopped_is_lost_and_its_caller_comes_first() {
    play(
        "
        1s   op1 talks to ada
        2s   3001 sends nothing
                 ada gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
        22s  alarm
                 end 3001, abandoned
                 ada gets position 1
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn hanging_up_with_an_answered_callee_completes_the_hand_over_unchecked() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        6s   3001 hangs up
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        7s   3002 hangs up
                 end ada, normal-clearing
        7s   all is quiet
    ",
    );
}

/// R5.4
#[test]
fn release_is_refused_while_one_party_is_unhealthy() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        6s   op1: release
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
        7s   ada healthy
        7s   3002 unhealthy
                 op1: blocked by callee.audio
        8s   op1: alternate caller
                 op1: no, wrong-phase
        11s  alarm
                 op1: no, unhealthy
        12s  op1: retrieve caller
                 ada gets 3001, 3001 gets ada, 3002 gets hold
                 op1: ok
                 op1: call r1 alternated
        13s  op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected
        14s  op1: release force
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn release_waits_for_health_and_then_goes_through() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        6s   op1: release
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
        7s   ada healthy
        7s   3002 healthy
                 op1: healthy
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        8s   ada hangs up
                 end 3002, normal-clearing
        8s   all is quiet
    ",
    );
}

#[test]
fn a_party_that_hangs_up_while_release_waits() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        6s   op1: release
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
        7s   3002 hangs up
                 ada gets 3001, 3001 gets ada
                 op1: no, wrong-phase
                 op1: callee 3002 hung-up
                 op1: call r1 with-caller
    ",
    );
}

/// R3.2
#[test]
fn nobody_at_a_desk_is_told_to_the_caller_and_ends_with_480() {
    play(
        "
        1s   ada calls 9000
                 ada gets hold
                 ada <- 183 No operator present with media
                 ada gets sorry, nobody
        5s   alarm
                 ada <- 480 No operator present
        6s   all is quiet
    ",
    );
}

#[test]
fn all_on_do_not_disturb_is_as_good_as_nobody() {
    play(
        "
        0s   op1 logs in
        0s   op1: dnd
                 op1: ok
                 op1: state dnd, phone ok
        1s   ada calls 9000
                 ada gets hold
                 ada <- 183 No operator present with media
                 ada gets sorry, nobody
        5s   alarm
                 ada <- 480 No operator present
    ",
    );
}

/// R3.3
#[test]
fn a_waiting_caller_for_whom_nobody_is_left_is_told_after_the_grace() {
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
        16s  alarm
                 end ada, no-operator
    ",
    );
}

#[test]
fn ready_within_the_grace_brings_the_offer_back() {
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
        5s   op1: ready
                 op1: ok
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
        60s  all is well
    ",
    );
}

/// R7.2
#[test]
fn do_not_disturb_in_a_call_is_kept_over_its_end() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: dnd
                 op1: ok
                 op1: state busy, phone ok
        5s   op1: hangup
                 end 3001, normal-clearing
                 end ada, normal-clearing
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: state dnd, phone ok
    ",
    );
}

/// R7.3
#[test]
fn a_lost_desk_keeps_its_call_and_comes_back_to_a_snapshot() {
    play(
        "
        3s   op1 talks to ada
        4s   op1 hangs up
        5s   op1 desk up
        5s   op1: hello
                 probe 3001
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 with-caller
                 op1: snapshot-end
                 op1: senses r1, nobody
    ",
    );
}

#[test]
fn a_lease_that_ends_cancels_a_ringing_consultation() {
    play(
        "
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   op1 hangs up
        25s  alarm
                 end 3002, lost
                 ada gets 3001, 3001 gets ada
        36s  ada hangs up
                 end 3001, normal-clearing
        36s  all is quiet
    ",
    );
}

#[test]
fn a_second_desk_takes_over_and_the_first_is_evicted() {
    play(
        "
        0s   op1 desk up
        0s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state idle, phone ok
                 op1: snapshot-end
        1s   op1 desk up
                 op1: evicted
                 end op1, transferred
        1s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state idle, phone ok
                 op1: snapshot-end
    ",
    );
}

#[test]
fn an_evicted_desk_that_listens_no_more_is_waited_for_in_one_sleep() {
    play(
        "
        0s   op1 logs in
        0s   desks fall silent
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        5s   op1 desk up            # 4 s after the message that the old desk has not answered
        7s   alarm                  # and none at 6 s, when it would be called unresponsive
                 end op1, transferred
    ",
    );
}

#[test]
fn a_desk_that_never_says_hello_is_sent_away() {
    play(
        "
        0s   op1 desk up
        1s   op1: take r1
                 op1: no, wrong-phase
        10s  alarm
                 end op1, lost
    ",
    );
}

#[test]
fn a_repeated_command_has_no_second_effect() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1 repeats x1 take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   op1 repeats x1 take r1
                 op1: ok, again
        4s   op1 repeats x1 decline r1
                 op1 <- 400 This id was another command
    ",
    );
}

#[test]
fn declined_is_offered_again_after_thirty_seconds() {
    play(
        "
        0s   op1 logs in
        0s   op2 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
                 op2: offer r1, 1 of 1
        2s   op1: decline r1
                 op1: ok
        32s  alarm
                 op1: offer r1, 1 of 1
    ",
    );
}

/// R1.2
#[test]
fn a_direct_call_rings_and_talks() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 rings
                 3003 <- 180
        3s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        4s   3003 hangs up
                 end 3002, normal-clearing
        4s   all is quiet
    ",
    );
}

#[test]
fn a_direct_call_is_refused_by_level_unknown_number_or_missing_phone() {
    play(
        "
        1s   ada calls 3002
                 ada <- 403 Not permitted
        2s   3003 calls 7777
                 3003 <- 404 No such number
        3s   ada calls 7777
                 ada <- 403 Not permitted
        4s   3003 calls 3009
                 3003 <- 480 Not reachable
        5s   3003 calls 3002
                 call 3002 as 3003
        6s   3002 refuses 486
                 3003 <- 486 Busy
        6s   all is quiet
    ",
    );
}

#[test]
fn a_direct_call_that_nobody_answers() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        31s  alarm
                 end 3002, no-answer
                 3003 <- 480 No answer
        31s  all is quiet
    ",
    );
}

#[test]
fn a_redirected_call_is_followed_under_admission() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 redirects to 3001
                 call 3001 as 3003
        3s   3001 answers
                 3003 <- 200
                 3003 gets 3001, 3001 gets 3003
    ",
    );
}

/// R1.6: 4001 is of level B, which may call nobody; 3003 of level A may call all.
#[test]
fn who_may_not_call_a_number_may_not_send_others_there() {
    play(
        "
        1s   3003 calls 4001
                 call 4001 as 3003
        2s   4001 redirects to 3001
                 3003 <- 603 Declined
        3s   3003 calls 4001
                 call 4001 as 3003
        4s   4001 answers
                 3003 <- 200
                 3003 gets 4001, 4001 gets 3003
        5s   4001 refers to 3001
                 4001 <- 403
        6s   3003 refers to 3001
                 3003 <- 403
    ",
    );
}

/// R1.6: what stands before another host is none of our numbers.
#[test]
fn a_number_of_another_domain_is_none_of_ours() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 redirects to 3001@evil.example
                 3003 <- 603 Declined
        3s   3003 calls 3002
                 call 3002 as 3003
        4s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        5s   3002 refers to 3001@cordboard.local.evil.example
                 3002 <- 603
        6s   3002 refers to 3001@CordBoard.local.
                 3002 <- 202
                 3002 <- NOTIFY 100
                 3002 gets nothing, 3003 gets ring-back
                 call 3001 as 3003
    ",
    );
}

/// RFC 3891: from the desk phone to the cordless one of the same terminal.
#[test]
fn a_person_goes_on_at_another_phone_of_the_same_terminal() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        3s   3002' replaces 3002
                 3002' <- 200
                 3003 gets 3002', 3002' gets 3003
                 end 3002, transferred
        4s   3003' replaces 3003
                 3003' <- 200
                 3003' gets 3002', 3002' gets 3003'
                 end 3003, transferred
        5s   3002' hangs up
                 end 3003', normal-clearing
        5s   all is quiet
    ",
    );
}

#[test]
fn a_call_that_rings_is_picked_up_where_the_levels_admit() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 rings
                 3003 <- 180
        3s   3001 replaces 3003
                 3001 <- 481 No such call
        3s   4001 replaces 3002
                 4001 <- 403 Not permitted
        4s   3001 replaces 3002
                 end 3002, answered-elsewhere
                 3001 <- 200
                 3003 <- 200
                 3003 gets 3001, 3001 gets 3003
                 3003 shows 3001
                 3001 shows 3003
        5s   3001 hangs up
                 end 3003, normal-clearing
        5s   all is quiet
    ",
    );
}

/// RFC 3891 §10: knowing a dialog's name is not enough.
#[test]
fn nobody_takes_the_place_of_another_in_a_call() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        3s   3001 replaces 3002
                 3001 <- 603 Declined
        3s   eve replaces 3002
                 eve <- 603 Declined
        3s   op1 talks to ada
        4s   3001' replaces 3001
                 3001' <- 603 Declined
    ",
    );
}

#[test]
fn the_record_says_who_moved_a_call() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 redirects to 3011
                 call 3011 as 3003
        3s   3011 answers
                 3003 <- 200
                 3003 gets 3011, 3011 gets 3003
        4s   3011 refers to 3001
                 3011 <- 202
                 3011 <- NOTIFY 100
                 3011 gets nothing, 3003 gets ring-back
                 call 3001 as 3003
        5s   3001 answers
                 3011 <- NOTIFY 200
                 end 3011, transferred
                 3003 gets 3001, 3001 gets 3003
                 3003 shows 3001
                 3001 shows 3003
        6s   3001 hangs up
                 end 3003, normal-clearing
    ",
    );
    let phases = testbed.kept[0].phases.iter().map(|phase| format!("{} {}", phase.word, phase.who));
    assert_eq!(
        phases.collect::<Vec<_>>(),
        [
            "direct-ringing 3002",
            "moved-by 3002",
            "direct-ringing 3011",
            "talking 3011",
            "moved-by 3011",
            "transferring 3001",
            "talking 3001",
        ]
    );
}

/// R4.5
#[test]
fn a_desk_phone_in_an_operator_call_is_busy_to_others() {
    play(
        "
        3s   op1 talks to ada
        4s   3003 calls 3001
                 3003 <- 486 Busy
    ",
    );
}

#[test]
fn nor_is_such_a_phone_reached_by_transfer_redirection_or_consultation() {
    play(
        "
        3s   op1 talks to ada
        4s   3003 calls 3002
                 call 3002 as 3003
        5s   3002 redirects to 3001
                 3003 <- 486 Busy
        6s   3003 calls 3002
                 call 3002 as 3003
        7s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        8s   3002 refers to 3001
                 3002 <- 486
        9s   op2 logs in
        10s  bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op2: offer r2, 1 of 1
        11s  op2: take r2
                 op2: ok
                 bob gets position 1
                 call 3011 as bob
                 op2: call r2 ringing-you
                 op2: state busy, phone ok
        12s  3011 answers
                 bob gets 3011, 3011 gets bob
                 op2: call r2 with-caller
        13s  op2: consult 3001
                 op2: no, refused
    ",
    );
}

#[test]
fn an_ordinary_call_makes_the_operator_busy_and_withdraws_its_offers() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   3001 calls 3002
                 call 3002 as 3001
                 op1: waiting r1, 1 of 1
                 op1: state busy, phone ok
        3s   bob calls 9000
                 bob gets hold after busy
                 bob gets position 2 after busy
                 bob <- 182 Queued, position 2
                 bob <- 200
                 op1: waiting r2, 2 of 2
        4s   3002 answers
                 3001 <- 200
                 3001 gets 3002, 3002 gets 3001
        5s   3002 hangs up
                 end 3001, normal-clearing
                 op1: offer r1, 1 of 2
                 op1: offer r2, 2 of 2
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn an_operator_is_never_offered_its_own_request() {
    play(
        "
        0s   op1 logs in
        0s   op2 logs in
        1s   3001 calls 9000
                 3001 gets hold
                 3001 gets position 1
                 3001 <- 182 Queued, position 1
                 3001 <- 200
                 op1: state busy, phone ok
                 op2: offer r1, 1 of 1
    ",
    );
}

#[test]
fn a_blind_transfer_goes_where_the_transferred_may_call() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        3s   3002 refers to 3001
                 3002 <- 202
                 3002 <- NOTIFY 100
                 3002 gets nothing, 3003 gets ring-back
                 call 3001 as 3003
        4s   3001 rings
                 3002 <- NOTIFY 180
        5s   3001 answers
                 3002 <- NOTIFY 200
                 end 3002, transferred
                 3003 gets 3001, 3001 gets 3003
                 3003 shows 3001
                 3001 shows 3003
        6s   3003 hangs up
                 end 3001, normal-clearing
        6s   all is quiet
    ",
    );
}

#[test]
fn a_transfer_that_fails_leaves_the_pair_together() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        3s   3002 refers to 7777
                 3002 <- 404
        4s   3002 refers to 3001
                 3002 <- 202
                 3002 <- NOTIFY 100
                 3002 gets nothing, 3003 gets ring-back
                 call 3001 as 3003
        5s   3001 refuses 486
                 3002 <- NOTIFY 486
                 3003 gets 3002, 3002 gets 3003
    ",
    );
}

#[test]
fn a_caller_is_transferred_back_to_the_operators() {
    play(
        "
        0s   op1 logs in
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        3s   3002 refers to 9000
                 3002 <- 202
                 3002 <- NOTIFY 200
                 end 3002, transferred
                 3003 gets hold
                 3003 gets position 1
                 op1: offer r1, 1 of 1
    ",
    );
}

#[test]
fn an_attended_transfer_joins_the_other_two() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        3s   3002' calls 3011
                 call 3011 as 3002
        4s   3011 answers
                 3002' <- 200
                 3002' gets 3011, 3011 gets 3002'
        5s   3002 joins 3002'
                 3002 <- 202
                 end 3002', transferred
                 3002 <- NOTIFY 200
                 end 3002, transferred
                 3003 gets 3011, 3011 gets 3003
                 3003 shows 3011
                 3011 shows 3003
        6s   3011 hangs up
                 end 3003, normal-clearing
        6s   all is quiet
    ",
    );
}

/// R7.1
#[test]
fn a_phone_only_operator_takes_by_answering() {
    play(
        "
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        4s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
                 ada gets 3021, 3021 gets ada
        5s   3021 keys *23002h
                 ada gets asking, 3021 gets ring-back
                 call 3002 as 3021
        6s   3002 answers
                 ada gets asking, 3021 gets 3002, 3002 gets 3021
        7s   3021 keys *3
                 ada gets 3021, 3021 gets ada, 3002 gets hold
        8s   3021 keys 5
                 ada <- key 5
        9s   3021 keys *4
                 ada gets 3002, 3021 gets connected in silence, 3002 gets ada
        10s  3021 keys *5
        15s  alarm
                 3021 gets warning
        16.2s alarm
                 ada gets 3002, 3021 gets connected in silence, 3002 gets ada
        18s  3021 keys *5
                 end 3021, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
        19s  ada hangs up
                 end 3002, normal-clearing
        19s  all is quiet
    ",
    );
}

/// No operator who never rings: who works otherwise from now on logs in anew, and is rung then.
#[test]
fn an_operator_who_works_by_phone_from_now_on_is_out_until_its_phone_logs_in() {
    play(
        "
        0s   op1 logs in
        1s   op1 works by phone
                 end op1, administrative
        3s   op1 is set ready
        4s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3001 as ada
        5s   3001 answers
                 ada <- key frame?
                 3001 <- key frame?
                 ada gets 3001, 3001 gets ada
    ",
    );
}

#[test]
fn an_administrator_logs_in_who_works_by_phone_and_nobody_else() {
    play(
        "
        0s   op3 is set ready
        0s   op1 is set ready
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        2s   op3 is set out
                 end 3021, abandoned
        3s   op3 is set ready
                 call 3021 as ada
    ",
    );
}

/// `ring`, with one operator at a desk.
const OFFERED_AT_ONE_PHONE: &str = "
    0s   offers ring at phones too
    0s   op1 logs in
    1s   ada calls 9000
             ada gets hold
             ada gets position 1
             ada <- 182 Queued, position 1
             ada <- 200
             call 3001 as ada
             op1: offer r1, 1 of 1
";
/// With two.
const OFFERED_AT_TWO_PHONES: &str = "
    0s   offers ring at phones too
    0s   op1 logs in
    0s   op2 logs in
    1s   ada calls 9000
             ada gets hold
             ada gets position 1
             ada <- 182 Queued, position 1
             ada <- 200
             call 3001 as ada
             call 3011 as ada
             op1: offer r1, 1 of 1
             op2: offer r1, 1 of 1
";

/// `ring`: whoever picks up has taken, the desk goes on from there, and the keys are the caller's.
#[test]
fn an_offer_that_rings_at_the_phone_is_taken_by_picking_up() {
    play_after(
        OFFERED_AT_TWO_PHONES,
        "
        2s   3001 answers
                 ada <- key frame?
                 3001 <- key frame?
                 op1: state busy, phone ok
                 end 3011, answered-elsewhere
                 op2: withdrawn r1, taken
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        2s   op1: take r1
                 op1: no, wrong-phase
        2s   op2: take r1
                 op2: no, already-taken
        3s   3001 keys *4
        4s   op1: hangup
                 end 3001, normal-clearing
                 end ada, normal-clearing
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
        4s   all is quiet
    ",
    );
}

/// The phone that rings is called anew, to pick up by itself; the others are left alone.
#[test]
fn an_offer_that_rings_at_the_phone_is_taken_at_the_desk_as_ever() {
    play_after(
        OFFERED_AT_TWO_PHONES,
        "
        2s   journal waits
        2s   op1: take r1
                 end 3001, answered-elsewhere
        3s   journal commits
                 end 3011, answered-elsewhere
                 op1: ok
                 op2: withdrawn r1, taken
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        4s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
    ",
    );
}

/// Only one has it when both pick up before the journal has the first.
#[test]
fn of_two_who_pick_up_the_first_has_the_call() {
    play(
        "
        0s   offers ring at phones too
        0s   op1 logs in
        0s   op2 logs in
        0s   journal waits
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3001 as ada
                 call 3011 as ada
                 op1: offer r1, 1 of 1
                 op2: offer r1, 1 of 1
        2s   3011 answers
                 ada <- key frame?
                 3011 <- key frame?
                 op2: state busy, phone ok
        2s   3001 answers
                 end 3001, answered-elsewhere
        2s   journal commits
                 op1: withdrawn r1, taken
                 ada gets 3011, 3011 gets ada
                 op2: call r1 with-caller
    ",
    );
}

/// A refusal at the phone is one at the desk, which says so; the next caller rings.
#[test]
fn an_offer_refused_at_the_phone_is_left_to_the_others() {
    play_after(
        OFFERED_AT_ONE_PHONE,
        "
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
                 op1: offer r2, 2 of 2
        3s   3001 refuses 603
                 end 3001, declined
                 call 3001 as bob
                 op1: notice
        4s   op1: decline r2
                 end 3001, declined
                 op1: ok
        33s  alarm
                 call 3001 as ada
                 op1: offer r1, 1 of 2
    ",
    );
}

/// The bell is a hint: a phone that cannot ring takes no operator from the desk.
#[test]
fn a_phone_that_does_not_ring_leaves_the_offer_at_the_desk() {
    play_after(
        OFFERED_AT_ONE_PHONE,
        "
        2s   3001 refuses 503
                 op1: notice
        3s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
                 call 3001 as bob
                 op1: offer r2, 2 of 2
        23s  alarm
                 end 3001, no-answer
        24s  op1: take r1
                 bob gets position 1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: waiting r2, 1 of 1
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
    ",
    );
}

/// It stops when the operator wants no calls, and when the caller is gone.
#[test]
fn a_phone_stops_ringing_with_the_offer() {
    play_after(
        OFFERED_AT_ONE_PHONE,
        "
        2s   op1: dnd
                 end 3001, abandoned
                 op1: ok
                 op1: withdrawn r1, not-eligible
                 op1: state dnd, phone ok
        3s   op1: ready
                 call 3001 as ada
                 op1: ok
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
        4s   ada hangs up
                 end 3001, abandoned
                 op1: withdrawn r1, abandoned
        4s   all is quiet
    ",
    );
}

#[test]
fn phones_ring_as_long_as_is_configured_for_their_kind_of_call() {
    play(
        "
        0s   12s to ring for phones and 5s for consulted
        3s   op1 talks to ada
        4s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        9s   alarm
                 end 3002, no-answer
                 ada gets 3001, 3001 gets ada
                 op1: callee 3002 no-answer
                 op1: call r1 with-caller
        10s  3003 calls 3002
                 call 3002 as 3003
        22s  alarm
                 end 3002, no-answer
                 3003 <- 480 No answer
    ",
    );
}

/// R8.1: by its session other systems tell a call from all others, those of other houses, too.
#[test]
fn the_log_and_the_record_name_a_call_by_the_same_session() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        1s   3003 calls 3009
                 3003 <- 480 Not reachable
        2s   3003 calls 3009
                 3003 <- 480 Not reachable
        ",
    );
    let sessions: Vec<_> = testbed.kept.iter().map(|record| record.session.clone()).collect();
    let is_id = |text: &String| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(sessions.len() == 2 && sessions.iter().all(is_id), "{sessions:?}");
    assert_ne!(sessions[0], sessions[1]);
    for session in sessions {
        let logged = format!(", session {session}");
        assert!(testbed.told.iter().any(|told| told.ends_with(&logged)), "{:?}", testbed.told);
    }
}

/// Of a new configuration the waiting places and the ring time hold from the next call on.
#[test]
fn a_queue_is_adjusted_while_calls_go_on() {
    play(
        "
        0s   op3 is set ready
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        2s   one place and 5s to ring
        3s   bob calls 9000
                 bob gets hold
                 bob <- 183 Queue full with media
                 bob gets sorry, full
        7.5s alarm
                 bob <- 480 Queue full
        21s  alarm
                 end 3021, no-answer
        51s  alarm
                 call 3021 as ada
        56s  alarm
                 end 3021, no-answer
    ",
    );
}

#[test]
fn a_phone_that_rings_in_vain_rests_for_thirty_seconds() {
    play(
        "
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        23s  alarm
                 end 3021, no-answer
        53s  alarm
                 call 3021 as ada
    ",
    );
}

#[test]
fn an_operator_who_answers_is_not_rung_for_the_others_that_wait() {
    play(
        "
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        4s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
        5s   eve calls 9000
                 eve gets hold
                 eve gets position 3
                 eve <- 182 Queued, position 3
                 eve <- 200
        6s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
                 bob gets position 1
                 eve gets position 2
                 ada gets 3021, 3021 gets ada
        7s   3021 hangs up
                 end ada, normal-clearing
                 call 3021 as bob
    ",
    );
}

#[test]
fn feature_codes_are_for_phone_only_operators() {
    play(
        "
        0s   3001 calls *50
                 3001 <- 403 Not permitted
        0s   ada calls *50
                 ada <- 403 Not permitted
        0s   3021 calls *51
                 3021 <- 200
                 3021 gets refused
        1.2s alarm
                 end 3021, normal-clearing
    ",
    );
}

#[test]
fn of_a_desk_and_a_phone_the_phone_answers_first() {
    play(
        "
        0s   op1 logs in
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
                 op1: offer r1, 1 of 1
        4s   op1: take r1
                 end 3021, answered-elsewhere
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        5s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
    ",
    );
}

/// RFC 4916, RFC 3325: terminals are told with whom they talk; other domains' phones are not.
#[test]
fn after_a_hand_over_both_terminals_show_each_other() {
    play(
        "
        0s   op1 logs in
        1s   4001 calls 9000
                 4001 gets hold
                 4001 gets position 1
                 4001 <- 182 Queued, position 1
                 4001 <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 4001 gets position 1
                 call 3001 as 4001
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   3001 answers
                 4001 gets 3001, 3001 gets 4001
                 op1: call r1 with-caller
        4s   op1: consult 3002
                 4001 gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 4001 gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        6s   3001 hangs up
                 4001 gets 3002, 3002 gets 4001
                 4001 shows 3002
                 3002 shows 4001
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
    ",
    );
}

/// A phone that was started anew answers 481: it has not hung up.
#[test]
fn a_phone_that_forgets_the_call_returns_the_caller_to_the_front() {
    play(
        "
        3s   op1 talks to ada
        4s   3001 forgets the call
                 ada gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
        24s  alarm
                 end 3001, abandoned
                 ada gets position 1
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_phone_that_takes_and_hangs_up_before_the_commit_gives_the_caller_back() {
    play(
        "
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        3s   journal waits
        4s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
        4s   3021 hangs up
        4s   journal commits
                 ada gets position 1
                 call 3021 as ada
    ",
    );
}

/// RFC 3515: a blind transfer is consult, connect and release in one.
#[test]
fn a_refer_from_the_operators_phone_consults_and_hands_over() {
    play(
        "
        3s   op1 talks to ada
        4s   3001 refers to 3002
                 3001 <- 202
                 3001 <- NOTIFY 100
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: call r1 consulting
                 op1: callee 3002 trying
        5s   op1: consult 3003
                 op1: no, wrong-phase
        6s   3002 rings
                 3001 <- NOTIFY 180
                 op1: callee 3002 ringing
        7s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
                 op1: call r1 connected
        8s   ada healthy
        8s   3002 healthy
                 op1: healthy
                 3001 <- NOTIFY 200
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        9s   ada hangs up
                 end 3002, normal-clearing
        9s   all is quiet
    ",
    );
}

/// The operator talks to ada and asks its phone to leave her to 3002.
const REFERS: &str = "
        3s   op1 talks to ada
        4s   3001 refers to 3002
                 3001 <- 202
                 3001 <- NOTIFY 100
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: call r1 consulting
                 op1: callee 3002 trying
";

/// It does not wait for what comes of it.
const HANGS_UP: &str = "
        5s   3001 hangs up
                 ada gets ring-back
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
";

/// RFC 5589 §6: a phone that is told 202 may hang up; the caller is not to suffer from it.
#[test]
fn a_phone_that_hangs_up_after_its_refer_leaves_the_caller_to_the_wanted_phone() {
    play(&format!(
        "{REFERS}{HANGS_UP}
        6s   3002 rings
        7s   3002 plays
                 ada gets 3002
        8s   3002 answers
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
        9s   ada hangs up
                 end 3002, normal-clearing
        9s   all is quiet
    "
    ));
}

#[test]
fn a_caller_that_was_left_to_a_phone_that_is_busy_is_the_next_in_the_queue() {
    play(&format!(
        "{REFERS}{HANGS_UP}
        6s   3002 refuses 486
                 ada gets position 1
                 op1: offer r1, 1 of 1
    "
    ));
}

#[test]
fn a_caller_that_was_left_to_a_phone_that_nobody_answers_is_the_next_in_the_queue() {
    play(&format!(
        "{REFERS}{HANGS_UP}
        34s  alarm
                 end 3002, no-answer
                 ada gets position 1
                 op1: offer r1, 1 of 1
    "
    ));
}

#[test]
fn a_caller_gone_while_it_is_left_to_a_phone_ends_everything() {
    play(&format!(
        "{REFERS}{HANGS_UP}
        6s   ada hangs up
                 end 3002, normal-clearing
        6s   all is quiet
    "
    ));
}

/// RFC 3515 §2.4.5: the last NOTIFY goes before the BYE, whatever becomes of the transfer.
#[test]
fn a_phone_hears_what_became_of_its_refer_before_its_call_ends() {
    play(&format!(
        "{REFERS}
        5s   ada hangs up
                 end 3002, normal-clearing
                 3001 <- NOTIFY 487
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
    "
    ));
}

#[test]
fn a_refer_that_fails_brings_the_operator_back() {
    play(
        "
        3s   op1 talks to ada
        4s   3001 refers to 9000
                 3001 <- 603
        4s   3001 refers to 7777
                 3001 <- 404
        4s   3001 refers to 3002
                 3001 <- 202
                 3001 <- NOTIFY 100
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: call r1 consulting
                 op1: callee 3002 trying
        4s   3001 refers to 3003
                 3001 <- 603
        5s   3002 refuses 486
                 3001 <- NOTIFY 486
                 ada gets 3001, 3001 gets ada
                 op1: callee 3002 busy
                 op1: call r1 with-caller
        6s   ada refers to 3002
                 ada <- 603
    ",
    );
}

/// RFC 5589 §7: the operator has called the wanted person from its phone.
#[test]
fn an_operators_phone_joins_the_caller_and_its_own_call() {
    play(
        "
        3s   op1 talks to ada
        4s   3001' calls 3002
                 call 3002 as 3001
        5s   3002 answers
                 3001' <- 200
                 3001' gets 3002, 3002 gets 3001'
        6s   3001 joins 3001'
                 3001 <- 202
                 end 3001', transferred
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 talking-to-callee
                 op1: call r1 connected
        7s   ada healthy
        7s   3002 healthy
                 op1: healthy
                 3001 <- NOTIFY 200
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        8s   3002 hangs up
                 end ada, normal-clearing
        8s   all is quiet
    ",
    );
}

#[test]
fn nobody_else_joins_a_call_through_an_operator() {
    play(
        "
        3s   op1 talks to ada
        4s   3003 calls 3002
                 call 3002 as 3003
        5s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        6s   3003 joins 3001
                 3003 <- 603
        6s   ada joins 3003
                 ada <- 603
    ",
    );
}

/// Media rule 1: a phone that knows none of the other's codecs is called once more, with all.
#[test]
fn phones_without_a_common_codec_are_called_with_all_and_the_others_follow() {
    play(
        "
        0s   phones are called once more
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   3001 refuses 488
                 call 3001 as ada
        4s   3001 answers
                 ada gets 3001, 3001 gets ada
                 align ada to 3001
                 op1: call r1 with-caller
        5s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        6s   3002 refuses 488
                 call 3002 as 3001
        6s   3002 refuses 488
                 ada gets 3001, 3001 gets ada
                 op1: callee 3002 refused
                 op1: call r1 with-caller
        7s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        8s   3002 refuses 488
                 call 3002 as 3001
        9s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 align ada to 3002
                 align 3001 to 3002
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
    ",
    );
}

/// Media rule 1: the caller is answered in what the idle operator's phone used last; what a busy
/// one speaks, or one who is out, is of no use to it.
#[test]
fn the_next_caller_is_answered_in_what_the_idle_operators_phone_used_last() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   3001 answers in G722
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        4s   bob calls 9000                       # op1 is busy
                 bob gets hold after busy
                 bob gets position 1 after busy
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: waiting r2, 1 of 1
        5s   bob hangs up
                 op1: withdrawn r2, abandoned
        6s   ada hangs up
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        7s   eve calls 9000
                 eve gets hold
                 eve gets position 1
                 eve <- 182 Queued, position 1
                 eve <- 200, if it can in G722
                 op1: offer r3, 1 of 1
    ",
    );
}

#[test]
fn a_desk_phone_that_knows_no_codec_of_ours_fails() {
    play(
        "
        0s   phones are called once more
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   3001 refuses 488
                 call 3001 as ada
        4s   3001 refuses 488
                 ada gets position 1
                 op1: call r1 ended, phone-no-common-codec
                 op1: state idle, phone unreachable
    ",
    );
}

#[test]
fn a_take_wins_while_the_caller_hears_that_nobody_is_there() {
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
        13s  op1: ready
                 op1: ok
                 op1: state idle, phone ok
        14s  op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        15s  3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
    ",
    );
}

#[test]
fn a_call_that_was_never_shown_cannot_be_taken() {
    play(
        "
        0s   op1 logs in
        0s   op2 logs in
        0s   op2: dnd
                 op2: ok
                 op2: state dnd, phone ok
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op2: take r1
                 op2: no, not-offered
        3s   op2: take r-0000000000000000
                 op2: no, no-such-request
    ",
    );
}

#[test]
fn a_desk_cannot_sit_down_at_any_phone() {
    play(
        "
        0s   op1 desk up
        1s   op1: hello 7777
                 op1: no, no-such-number
        2s   op1: hello 3002
                 op1: no, refused
        3s   op1: hello 9000
                 op1: no, no-such-number
        4s   op1: hello 3001
                 op1: ok
                 op1: welcome
                 op1: state idle, phone ok
                 op1: snapshot-end
    ",
    );
}

#[test]
fn a_number_shows_a_camera_until_the_caller_hangs_up() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        1s   3003 calls 7001
                 3003 <- 200
                 3003 gets camera-0
        1s   3003 acknowledges with video
        9s   3003 hangs up
        9s   all is quiet
    ",
    );
    let [record] = &testbed.kept[..] else { panic!("one call, one record: {:?}", testbed.kept) };
    assert_eq!(record.callee, Some(Number::from("7001")));
    assert_eq!(record.phases.iter().map(|phase| &*phase.word).collect::<Vec<_>>(), ["watching"]);
    assert_eq!(record.ended.map(|ended| ended.by), Some(EndedBy::Caller));
}

#[test]
fn a_camera_is_shown_to_those_whom_its_level_admits() {
    play(
        "
        1s   ada calls 7001
                 ada <- 403 Not permitted
        2s   4001 calls 7001
                 4001 <- 403 Not permitted
        3s   4001 calls 7001 without video
                 4001 <- 403 Not permitted
        3s   all is quiet
    ",
    );
}

#[test]
fn a_caller_that_cannot_see_is_told_so() {
    play(
        "
        1s   3003 calls 7001 without video
                 3003 <- 488 This number is a picture: call it with video
        2s   3002 calls 7001
                 3002 <- 200
                 3002 gets camera-0
        3s   3002 acknowledges without video
                 end 3002, no-picture
        3s   all is quiet
    ",
    );
}

/// Two may look at the gate.
#[test]
fn a_camera_has_a_limited_audience() {
    play(
        "
        1s   3001 calls 7001
                 3001 <- 200
                 3001 gets camera-0
        2s   3002 calls 7001
                 3002 <- 200
                 3002 gets camera-0
        3s   3003 calls 7001
                 3003 <- 486 Busy
        4s   3001 hangs up
        5s   3003 calls 7001
                 3003 <- 200
                 3003 gets camera-0
        6s   3002 hangs up
        6s   3003 hangs up
        6s   all is quiet
    ",
    );
}

#[test]
fn nobody_looks_for_ever() {
    play(
        "
        1s     3003 calls 7001
                   3003 <- 200
                   3003 gets camera-0
        7201s  alarm
                   end 3003, normal-clearing
        7201s  all is quiet
    ",
    );
}

#[test]
fn a_camera_is_reached_by_no_way_round() {
    play(
        "
        0s   op1 talks to ada
        1s   op1: consult 7001
                 op1: no, refused
        2s   3003 calls 3002
                 call 3002 as 3003
        3s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        4s   3002 refers to 7001
                 3002 <- 480
        5s   3003 hangs up
                 end 3002, normal-clearing
        6s   4001 calls 3002
                 4001 <- 403 Not permitted
    ",
    );
}

#[test]
fn a_redirection_to_a_camera_shows_it_to_a_caller_who_may() {
    play(
        "
        1s   3003 calls 3002
                 call 3002 as 3003
        2s   3002 redirects to 7001
                 3003 <- 200
                 3003 gets camera-0
        3s   3003 calls 3002 without video
                 call 3002 as 3003
        4s   3002 redirects to 7001
                 3003 <- 488 This number is a picture: call it with video
    ",
    );
}

/// The music stays, and so does the picture when the position changes or the operator is away.
#[test]
fn who_waits_sees_the_camera_of_the_queue() {
    day::day(
        &mut Testbed::with_a_camera_for_the_queue(),
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold and camera-0
                 ada gets hold and camera-0
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets hold and camera-0
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        3s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        4s   op1: consult 3002
                 ada gets hold and camera-0, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
    ",
    );
}

/// R6, recording: all calls of the queue, behind the hand-over too.
#[test]
fn a_queue_that_records_all_calls_does_so_to_their_end() {
    day::day(
        &mut Testbed::that_records(Recorded::Always, true),
        "
        1s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        4s   3001 answers
                 file recordings/2026-11-18/110644-call-1.mkv
                 record ada
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller, recorded
        5s   op1: record off
                 op1: no, refused
        5s   op1: record on
                 op1: ok
        6s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting, recorded
                 op1: callee 3002 trying
        7s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee, recorded
        10s  op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected, recorded
        11s  ada healthy
        11s  3002 healthy
                 op1: healthy
        12s  op1: release
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        60s  ada hangs up
                 end 3002, normal-clearing
                 end of the file of call-1
        60s  all is quiet
    ",
    );
}

/// Without pauses the operator is the subject while the caller waits.
#[test]
fn a_queue_without_pauses_records_the_consultation_too() {
    day::day(
        &mut Testbed::that_records(Recorded::OnDemand, false),
        "
        1s   op1 talks to ada
        5s   op1: record on
                 file recordings/2026-11-18/110645-call-1.mkv
                 record ada
                 op1: ok
                 op1: call r1 with-caller, recorded
        6s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 record 3001
                 no longer record ada
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting, recorded
                 op1: callee 3002 trying
        7s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee, recorded
        8s   op1: alternate caller
                 ada gets 3001, 3001 gets ada, 3002 gets hold
                 record ada
                 no longer record 3001
                 op1: ok
                 op1: call r1 alternated, recorded
    ",
    );
}

/// What an operator asked for ends with the operator; the file is one.
#[test]
fn a_recording_on_demand_can_be_stopped_and_ends_at_the_release() {
    let mut testbed = Testbed::that_records(Recorded::OnDemand, true);
    day::day(
        &mut testbed,
        "
        1s   op1 talks to ada
        5s   op1: record on
                 file recordings/2026-11-18/110645-call-1.mkv
                 record ada
                 op1: ok
                 op1: call r1 with-caller, recorded
        6s   op1: record off
                 no longer record ada
                 op1: ok
                 op1: call r1 with-caller
        7s   op1: record on
                 record ada
                 op1: ok
                 op1: call r1 with-caller, recorded
        8s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting, recorded
                 op1: callee 3002 trying
        9s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee, recorded
        10s  op1: release force
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected, recorded
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 no longer record ada
                 end of the file of call-1
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        60s  ada hangs up
                 end 3002, normal-clearing
        60s  all is quiet
    ",
    );
    let path = "recordings/2026-11-18/110645-call-1.mkv";
    assert_eq!(testbed.kept[0].recordings, [path]);
}

#[test]
fn a_queue_that_is_not_recorded_says_so_and_a_waiting_call_has_nothing_to_record() {
    play(
        "
        1s   op1 talks to ada
        5s   op1: record on
                 op1: no, refused
        6s   op1: record
                 op1: no, bad-field
        7s   op1: hangup
                 end 3001, normal-clearing
                 end ada, normal-clearing
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
        8s   op1: record on
                 op1: no, wrong-phase
    ",
    );
}

/// A caller that is back in the queue is recorded again with the next operator, in the same file.
#[test]
fn a_phone_that_is_lost_leaves_one_file() {
    day::day(
        &mut Testbed::that_records(Recorded::OnDemand, true),
        "
        1s   op1 talks to ada
        5s   op1: record on
                 file recordings/2026-11-18/110645-call-1.mkv
                 record ada
                 op1: ok
                 op1: call r1 with-caller, recorded
        6s   3001 is lost
                 ada gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you, recorded
        7s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller, recorded
        8s   3001 is lost
                 ada gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you, recorded
        28s  alarm
                 end 3001, abandoned
                 ada gets position 1
                 no longer record ada
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
        29s  ada hangs up
                 end of the file of call-1
                 op1: withdrawn r1, abandoned
        29s  all is quiet
    ",
    );
}

/// The call goes on without its recording.
#[test]
fn a_disk_that_says_no_costs_the_recording_and_not_the_call() {
    day::day(
        &mut Testbed::that_records(Recorded::OnDemand, true),
        "
        1s   op1 talks to ada
        5s   op1: record on
                 file recordings/2026-11-18/110645-call-1.mkv
                 record ada
                 op1: ok
                 op1: call r1 with-caller, recorded
        6s   disk full
                 no longer record ada
                 end of the file of call-1
                 op1: notice
                 op1: call r1 with-caller
        6s   disk full
        7s   op1: record on
                 file recordings/2026-11-18/110647-call-1.mkv
                 record ada
                 op1: ok
                 op1: call r1 with-caller, recorded
        8s   op1: hangup
                 end 3001, normal-clearing
                 end ada, normal-clearing
                 end of the file of call-1
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
        9s   all is quiet
    ",
    );
}

/// It stops while there is room for all else; the calls go on.
#[test]
fn a_disk_that_is_nearly_full_ends_all_recordings_and_refuses_new_ones() {
    day::day(
        &mut Testbed::that_records(Recorded::OnDemand, true),
        "
        1s   op1 talks to ada
        5s   op1: record on
                 file recordings/2026-11-18/110645-call-1.mkv
                 record ada
                 op1: ok
                 op1: call r1 with-caller, recorded
        6s   disk nearly full
                 no longer record ada
                 end of the file of call-1
                 op1: notice
                 op1: call r1 with-caller
        6s   disk nearly full
        7s   op1: record on
                 op1: no, refused
        7s   op1: record off
                 op1: ok
        8s   disk has room
        9s   op1: record on
                 file recordings/2026-11-18/110649-call-1.mkv
                 record ada
                 op1: ok
                 op1: call r1 with-caller, recorded
    ",
    );
}

/// Where all calls are recorded the operator has to know of one that is not.
#[test]
fn an_operator_is_told_that_a_call_is_not_recorded_for_want_of_room() {
    day::day(
        &mut Testbed::that_records(Recorded::Always, true),
        "
        0s   disk nearly full
        1s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        4s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: notice
                 op1: call r1 with-caller
        5s   op1: record on
                 op1: no, refused
    ",
    );
}

/// Keys are enough: `*7` once and once more; the other party hears none of them.
#[test]
fn a_phone_only_operator_records_by_keys() {
    day::day(
        &mut Testbed::that_records(Recorded::OnDemand, true),
        "
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        3s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        4s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
                 ada gets 3021, 3021 gets ada
        5s   3021 keys *7
                 file recordings/2026-11-18/110645-call-2.mkv
                 record ada
                 3021 gets done
        6.2s alarm
                 ada gets 3021, 3021 gets ada
        7s   3021 keys *7
                 no longer record ada
                 3021 gets done
        8s   ada hangs up
                 end 3021, normal-clearing
                 end of the file of call-2
        9s   all is quiet
    ",
    );
}

/// What phones send that nobody can use is shown with their call, and gone with it.
#[test]
fn what_was_dropped_is_shown_with_the_call() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        1s   op1 talks to ada
        2s   ada sends rubbish
        3s   3001 sends rubbish
    ",
    );
    let views: Vec<_> = testbed.views().collect();
    assert_eq!(views.len(), 1);
    assert_eq!((views[0].dropped.malformed, views[0].dropped.total()), (2, 2));
}

/// A call that comes to the operators once more has a second file; the first is closed by then.
#[test]
fn a_recorded_call_that_is_transferred_back_has_two_files() {
    let mut testbed = Testbed::that_records(Recorded::Always, true);
    day::day(
        &mut testbed,
        "
        4s   op1 hands ada over to 3002
        5s   3002 refers to 9000
                 3002 <- 202
                 3002 <- NOTIFY 200
                 end 3002, transferred
                 no longer record ada
                 ada gets hold
                 ada gets position 1
                 end of the file of call-1
                 op1: offer r2, 1 of 1
        6s   op1: take r2
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        7s   3001 answers
                 file recordings/2026-11-18/110647-call-1.mkv
                 record ada
                 ada gets 3001, 3001 gets ada
                 op1: call r2 with-caller, recorded
        8s   ada hangs up
                 end 3001, normal-clearing
                 end of the file of call-1
                 op1: call r2 ended, caller-hung-up
                 op1: state idle, phone ok
        9s   all is quiet
    ",
    );
    assert_eq!(testbed.kept[0].recordings.len(), 2);
}

/// The two talk on among themselves; nothing more is carried to a recorder that has no file.
#[test]
fn a_disk_that_says_no_behind_the_hand_over_ends_the_recording() {
    day::day(
        &mut Testbed::that_records(Recorded::Always, true),
        "
        4s   op1 hands ada over to 3002
        5s   disk full
                 no longer record ada
                 end of the file of call-1
        6s   ada hangs up
                 end 3002, normal-clearing
        6s   all is quiet
    ",
    );
}

/// Whose INVITE each of our calls carries on (Max-Forwards): however it comes about, it begins where the
/// party's own has come to, so that no circle is endless.
#[test]
fn every_call_of_ours_goes_on_from_a_partys_own() {
    let overflowing =
        || Testbed::with(AnsweredBy::Queue, 100, Some(Duration::from_secs(5)), Some("3003"));
    let calm = || Testbed::new(AnsweredBy::Queue);
    for (mut testbed, script, behalves) in [
        (calm(), "3003 calls 3002", vec![("3002", "3003")]),
        (
            calm(),
            "3003 calls 3002; 3002 redirects to 3011",
            vec![("3002", "3003"), ("3011", "3003")],
        ),
        (
            calm(),
            "3003 calls 3002; 3002 answers; 3002 refers to 3011",
            vec![("3002", "3003"), ("3011", "3003")],
        ),
        (
            calm(),
            "3003 calls 3002; 3002 answers; 3003 refers to 3011",
            vec![("3002", "3003"), ("3011", "3002")],
        ),
        (
            calm(),
            "op1 logs in; ada calls 9000; op1: take r1; 3001 answers; op1: consult 3002",
            vec![("3001", "ada"), ("3002", "3001")],
        ),
        (calm(), "3021 calls *50; ada calls 9000", vec![("3021", "ada")]),
        (overflowing(), "op1 logs in; ada calls 9000; alarm", vec![("3003", "ada")]),
    ] {
        for (second, line) in (0..).zip(script.split("; ")) {
            let now = Instant::START + Duration::from_secs(second * 7);
            if let Some(at) = day::Machine::deadline(&testbed).filter(|at| *at <= now) {
                day::Machine::tick(&mut testbed, at);
            }
            if line != "alarm" {
                day::Machine::play(&mut testbed, now, &line.split(' ').collect::<Vec<_>>());
            }
        }
        let called: Vec<_> =
            testbed.behalves.iter().map(|(to, of)| (to.as_str(), of.as_str())).collect();
        assert_eq!(called, behalves, "{script}");
    }
}

// ---- callers that do not prove themselves ----

/// An answered caller is nobody's before its ACK: anybody may have written its address.
#[test]
fn no_operator_hears_of_a_caller_before_its_ack() {
    play(
        "
        0s   op1 logs in
        0s   ACKs are lost
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
        3s   bob acknowledges
                 op1: offer r1, 1 of 1
        4s   ada acknowledges
                 op1: offer r2, 2 of 2
        5s   ada acknowledges
        6s   ada hangs up
                 op1: withdrawn r2, abandoned
        7s   bob hangs up
                 op1: withdrawn r1, abandoned
        7s   all is quiet
    ",
    );
}

#[test]
fn a_caller_that_never_acknowledges_is_sent_away_unseen() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        0s   op1 logs in
        0s   ACKs are lost
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
        3s   bob hangs up
        9s   alarm
                 end ada, unacknowledged
        9s   all is quiet
    ",
    );
    assert_eq!(testbed.turned_away, [Cause::Abandoned, Cause::Unacknowledged]);
    assert!(testbed.kept.is_empty(), "strangers fill no disk: {:?}", testbed.kept);
    let calls = testbed.told.iter().filter(|told| told.contains("call-")).count();
    assert_eq!(calls, 0, "nor the log: {:?}", testbed.told);
}

#[test]
fn a_caller_that_finds_everybody_gone_at_its_ack_is_told_so() {
    play(
        "
        0s   op1 logs in
        0s   ACKs are lost
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
        2s   op1: dnd
                 op1: ok
                 op1: state dnd, phone ok
        3s   ada acknowledges
                 ada gets sorry, nobody
        7s   alarm
                 end ada, no-operator
        7s   all is quiet
    ",
    );
}

/// As many may arrive as may wait; the oldest gives way to newcomers, unless it is younger than any
/// honest ACK is slow.
#[test]
fn callers_that_never_acknowledge_do_not_keep_others_out() {
    let mut testbed = Testbed::with_shares(AnsweredBy::Queue);
    let arrives = |who: &str| {
        format!(
            "{who} gets hold\n{who} gets position 1\n{who} <- 182 Queued, position 1\n{who} <- 200\n"
        )
    };
    let mut script = "0s op1 logs in\n0s ACKs are lost\n".to_owned();
    for who in ["eve", "mallory", "trudy"] {
        script += &format!("1s {who} calls 9000\n{}", arrives(who));
    }
    script += "1.5s ada calls 9000\nada <- 503 Overloaded\n";
    script += &format!("2s ada calls 9000\nend eve, unacknowledged\n{}", arrives("ada"));
    script += "2.1s ada acknowledges\nop1: offer r1, 1 of 1\n";
    // Terminals are not asked to wait for the unauthenticated.
    script +=
        &format!("2.2s 4001 calls 9000\n{}", arrives("4001").replace("position 1", "position 2"));
    script += "2.3s 4001 acknowledges\nop1: offer r2, 2 of 2\n";
    day::day(&mut testbed, &script);
}

/// Each that is told has relay ports, and whoever forges addresses would take them all at night.
#[test]
fn so_many_are_told_that_nobody_is_there_as_their_kind_has_places() {
    let mut testbed = Testbed::with_shares(AnsweredBy::Queue);
    let told = |who: &str| {
        format!(
            "{who} gets hold\n{who} <- 183 No operator present with media\n{who} gets sorry, nobody\n"
        )
    };
    let mut script = String::new();
    for who in ["eve", "mallory", "trudy"] {
        script += &format!("1s {who} calls 9000\n{}", told(who));
    }
    script += "1s ada calls 9000\nada gets hold\nada <- 480 No operator present\n";
    script += &format!("1s 4001 calls 9000\n{}", told("4001"));
    script += "2s trudy hangs up\n";
    script += &format!("2s bob calls 9000\n{}", told("bob"));
    day::day(&mut testbed, &script);
    assert_eq!(testbed.turned_away, [Cause::NoOperator, Cause::Abandoned]);
}

/// R3.6 and the shares: refused by status, and what waits is left alone.
#[test]
fn nobody_fills_the_queue_for_himself() {
    let mut testbed = Testbed::with_shares(AnsweredBy::Queue);
    let waits = |who: &str, place: u32| {
        format!(
            "{who} gets hold\n{who} gets position {place}\n{who} <- 182 Queued, position {place}\n\
             {who} <- 200\nop1: offer r{place}, {place} of {place}\n"
        )
    };
    let mut script = "0s op1 logs in\n".to_owned();
    for (who, place) in [("eve", 1), ("mallory", 2), ("trudy", 3), ("3002", 4), ("3002'", 5)] {
        script += &format!("1s {who} calls 9000\n{}", waits(who, place));
    }
    script += "2s ada calls 9000\nada gets hold\nada <- 480 Too many calls of other domains are waiting\n";
    script += "2s 3002'' calls 9000\n3002'' gets hold\n3002'' <- 486 Your other calls are waiting already\n";
    script += &format!("3s 4001 calls 9000\n{}", waits("4001", 6));
    day::day(&mut testbed, &script);
    assert_eq!(testbed.turned_away, [Cause::TooManyGuests]);
    let own = testbed.kept.iter().filter_map(|record| Some(record.ended?.cause));
    assert_eq!(
        own.collect::<Vec<_>>(),
        [Cause::TooManyOwn],
        "a terminal's refusal is written down"
    );
}

/// What is refused to a guest is counted; what a terminal is refused is written down, too.
#[test]
fn refusals_of_guests_are_counted_and_not_written_down() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        1s   ada calls 3002
                 ada <- 403 Not permitted
        1s   bob calls 7777
                 bob <- 403 Not permitted
        1s   eve calls 7001 without video
                 eve <- 403 Not permitted
        2s   ada calls 9000
                 ada gets hold
                 ada <- 183 No operator present with media
                 ada gets sorry, nobody
        6s   alarm
                 ada <- 480 No operator present
        7s   4001 calls 3002
                 4001 <- 403 Not permitted
        7s   all is quiet
    ",
    );
    use Cause::{NoOperator, NotPermitted};
    assert_eq!(testbed.turned_away, [NotPermitted, NotPermitted, NotPermitted, NoOperator]);
    let kept: Vec<_> = testbed.kept.iter().map(|record| record.caller.as_str()).collect();
    assert_eq!(kept, ["4001"]);
}

/// Once it is let in, a guest's call is told and kept as any other, from its arrival on.
#[test]
fn a_guest_that_is_let_in_has_its_record_and_its_log() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    day::day(
        &mut testbed,
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        3s   ada hangs up
                 op1: withdrawn r1, abandoned
    ",
    );
    assert!(testbed.turned_away.is_empty());
    let [record] = &testbed.kept[..] else { panic!("one record: {:?}", testbed.kept) };
    let phases: Vec<_> = record.phases.iter().map(|phase| phase.word.as_ref()).collect();
    assert_eq!(phases, ["arriving", "queued"]);
    assert_eq!(record.ended.unwrap().cause, Cause::Abandoned);
    let log_lines: Vec<_> = testbed.told.iter().filter(|told| told.contains("call-")).collect();
    assert_eq!(log_lines.len(), 3, "{log_lines:?}");
    assert!(log_lines[0].contains("from guest ada@elsewhere.example to 9000"), "{log_lines:?}");
    assert!(log_lines[1].contains("waits") && log_lines[2].contains("ended"), "{log_lines:?}");
}

/// What the scripts above and below say holds also where calls are put back between their lines.
#[test]
fn calls_are_put_back_and_go_on_elsewhere_between_the_lines() {
    let mut testbed = Testbed::new(AnsweredBy::Queue);
    let script = "
        0s   op1 may have 3 calls
        1s   op1 hands ada over to 3002
        2s   bob calls 9000
        2s   eve calls 9000
    ";
    for line in script.trim().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        day::Machine::play(&mut testbed, Instant::START, &words[1..]);
    }
    let (put_back, elsewhere) = testbed.put_back;
    assert!(put_back > 8 && elsewhere > 8, "put back {put_back} times, elsewhere {elsewhere}");
}
