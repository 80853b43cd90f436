//! A phone of an operator that is lost, not hung up, is called again and put in its old place; whatever happens meanwhile
//! (R5.5 holds when the lease is over).

use super::{play, play_after};

/// Caller and callee are there, and the operator talks to the callee.
const TALKING_TO_CALLEE: &str = "
        0s   op1 talks to ada
        1s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        2s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
";

/// The phone is lost while the operator is with the caller, and is being called.
const REJOINING: &str = "
        0s   op1 talks to ada
        1s   3001 is lost
                 ada gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
";

/// Caller and callee are connected, and the operator's phone is lost.
const REJOINING_CONNECTED: &str = "
        0s   op1 talks to ada
        1s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        2s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        3s   op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected
        4s   3001 is lost
                 ada gets 3002, 3002 gets ada
                 call 3001 as ada
                 op1: call r1 ringing-you
";

#[test]
fn with_the_caller_it_hears_the_caller_again() {
    play_after(
        REJOINING,
        "
        2s   3001 rings
        3s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
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

/// Called again it would answer again, and the caller would never come to anybody.
#[test]
fn one_that_answers_and_cannot_be_spoken_with_is_not_called_again() {
    play(
        "
        0s   op1 talks to ada
        30s  3001 has no keys
                 ada gets position 1
                 op1: call r1 ended, phone-gone
                 op1: state idle, phone refusing
        31s  ada hangs up
        31s  all is quiet
    ",
    );
}

/// Who was with it comes before all that wait, and is offered to the others, not there.
#[test]
fn a_caller_that_was_taken_at_a_phone_that_cannot_be_spoken_with_comes_first() {
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
        3s   op1: take r2
                 op1: ok
                 op2: withdrawn r2, taken
                 bob gets position 2
                 call 3001 as bob
                 op1: withdrawn r1, not-eligible
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        4s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        34s  3001 has no keys
                 bob gets position 2
                 bob gets position 1
                 op1: call r2 ended, phone-gone
                 op2: offer r2, 1 of 2
                 op1: state idle, phone refusing
        35s  op2: take r2
                 op2: ok
                 bob gets position 1
                 call 3011 as bob
                 op2: waiting r1, 1 of 1
                 op2: call r2 ringing-you
                 op2: state busy, phone ok
    ",
    );
}

/// Nobody knows yet that the phone is dead, at which the second is taken; when it is given up, both come before whoever
/// waits, in their order.
#[test]
fn whom_an_operator_takes_at_a_dead_phone_comes_first_when_it_is_given_up() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   eve calls 9000
                 eve gets hold
                 eve gets position 1
                 eve <- 182 Queued, position 1
                 eve <- 200
                 op1: offer r2, 1 of 1
        3s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
                 op1: offer r3, 2 of 2
        3s   op1: take r3
                 bob <- key frame?
                 3001 <- key frame?
                 op1: ok
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: call r1 in-hand
                 op1: call r3 with-caller
        4s   3001 sends nothing
                 bob gets hold
                 call 3001 as bob
                 op1: call r3 ringing-you
        24s  alarm
                 end 3001, abandoned
                 bob gets position 2
                 bob gets position 1
                 ada gets hold
                 ada gets position 1
                 op1: call r3 ended, phone-gone
                 op1: offer r3, 1 of 2
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 3
                 op1: state idle, phone ok
    ",
    );
}

/// It is found out while the take is being written: who was at the phone comes first, who was on its way there has its
/// place back.
#[test]
fn a_call_that_is_being_taken_at_a_phone_that_cannot_be_spoken_with_has_its_place_back() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        1s   op2 logs in
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: offer r2, 1 of 1
                 op2: offer r2, 1 of 1
        3s   journal waits
        4s   op1: take r2
                 bob <- key frame?
                 3001 <- key frame?
        5s   3001 has no keys
                 ada gets position 1
                 op2: offer r1, 1 of 1
        6s   journal commits
                 op1: ok
                 op2: withdrawn r2, taken
                 bob gets position 1
                 op1: call r1 ended, phone-gone
                 op1: call r2 ended, phone-gone
                 op1: withdrawn r1, not-eligible
                 op1: state idle, phone refusing
                 op2: offer r2, 2 of 2
        7s   op1: ready
                 op1: ok
                 op1: offer r1, 1 of 2
                 op1: offer r2, 2 of 2
                 op1: state idle, phone ok
    ",
    );
}

/// The phone is lost while the wanted person's rings, and is being called.
const CONSULTED_MEANWHILE: &str = "
        0s   op1 talks to ada
        1s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        2s   3002 rings
                 op1: callee 3002 ringing
        3s   3001 is lost
                 ada gets asking
                 call 3001 as ada
                 op1: call r1 ringing-you
";

#[test]
fn whom_it_consults_rings_on() {
    play_after(
        CONSULTED_MEANWHILE,
        "
        4s   3001 answers
                 ada gets asking, 3001 gets ring-back
                 op1: call r1 consulting
                 op1: senses r1, nobody
        5s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        ",
    );
}

/// Nobody hears or sees it before the operator is back.
#[test]
fn whom_it_consults_answers_before_it_is_back() {
    play_after(
        CONSULTED_MEANWHILE,
        "
        4s   3002 answers
                 ada gets hold, 3002 gets hold
                 op1: callee 3002 answered
        5s   3001 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: call r1 talking-to-callee
        ",
    );
}

#[test]
fn whom_it_consults_is_busy_before_it_is_back() {
    play_after(
        CONSULTED_MEANWHILE,
        "
        4s   3002 refuses 486
                 ada gets hold
                 op1: callee 3002 busy
                 op1: call r1 ringing-you
        5s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        ",
    );
}

/// A page that was loaded anew knows nothing of whom it consults.
#[test]
fn a_new_desk_is_told_that_the_wanted_person_rings() {
    play_after(
        CONSULTED_MEANWHILE,
        "
        4s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 ringing-you
                 op1: callee 3002 ringing
                 op1: snapshot-end
        5s   3001 answers
                 ada gets asking, 3001 gets ring-back
                 op1: call r1 consulting
                 op1: senses r1, nobody
        6s   op1: hello
                 probe 3001
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 consulting
                 op1: callee 3002 ringing
                 op1: snapshot-end
                 op1: senses r1, nobody
        ",
    );
}

/// Whoever gives up waiting for the phone lets the wanted person go, too.
#[test]
fn whom_it_consults_rings_no_more_when_the_lease_is_over() {
    play_after(
        CONSULTED_MEANWHILE,
        "
        23s  alarm
                 end 3001, abandoned
                 end 3002, abandoned
                 ada gets position 1
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
        ",
    );
}

#[test]
fn the_caller_is_gone_while_both_ring() {
    play_after(
        CONSULTED_MEANWHILE,
        "
        4s   ada hangs up
                 end 3001, normal-clearing
                 end 3002, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        4s   all is quiet
        ",
    );
}

/// The wanted person rings no longer than it would have, and the operator's phone is waited for as long as ever.
#[test]
fn whom_it_consults_does_not_answer_before_it_is_back() {
    play(
        "
        0s   op1 talks to ada
        1s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        20s  3001 is lost
                 ada gets asking
                 call 3001 as ada
                 op1: call r1 ringing-you
        31s  alarm
                 end 3002, no-answer
                 ada gets hold
                 op1: callee 3002 no-answer
                 op1: call r1 ringing-you
        32s  3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        ",
    );
}

#[test]
fn in_a_consultation_it_talks_to_whom_it_talked_before() {
    play_after(
        TALKING_TO_CALLEE,
        "
        3s   3001 is lost
                 ada gets hold, 3002 gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
        4s   3001 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: call r1 talking-to-callee
        5s   op1: alternate caller
                 ada gets 3001, 3001 gets ada, 3002 gets hold
                 op1: ok
                 op1: call r1 alternated
        6s   3001 forgets the call
                 ada gets hold, 3002 gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
        7s   3001 answers
                 ada gets 3001, 3001 gets ada, 3002 gets hold
                 op1: call r1 alternated
        8s   op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected
        9s   3001 sends nothing
                 ada gets 3002, 3002 gets ada
                 call 3001 as ada
                 op1: call r1 ringing-you
        10s  3001 answers
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
                 op1: senses r1, nobody
        11s  op1: release force
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        12s  ada hangs up
                 end 3002, normal-clearing
        12s  all is quiet
    ",
    );
}

#[test]
fn connected_parties_hear_nothing_of_it_and_who_stays_alone_waits() {
    play_after(
        REJOINING_CONNECTED,
        "
        5s   3002 hangs up
                 ada gets hold
                 op1: callee 3002 hung-up
                 op1: call r1 ringing-you
        6s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        7s   ada hangs up
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        7s   all is quiet
    ",
    );
}

#[test]
fn when_the_lease_is_over_connected_parties_are_handed_over_unchecked() {
    play_after(
        REJOINING_CONNECTED,
        "
        24s  alarm
                 end 3001, abandoned
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        25s  ada hangs up
                 end 3002, normal-clearing
        25s  all is quiet
    ",
    );
}

#[test]
fn a_party_that_waited_for_it_is_with_the_other_when_the_lease_is_over() {
    play_after(
        TALKING_TO_CALLEE,
        "
        3s   3001 is lost
                 ada gets hold, 3002 gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
        23s  alarm
                 end 3001, abandoned
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        24s  3002 hangs up
                 end ada, normal-clearing
        24s  all is quiet
    ",
    );
}

#[test]
fn its_operator_may_give_it_up_at_once() {
    play_after(
        REJOINING,
        "
        2s   op1: cancel
                 end 3001, abandoned
                 ada gets position 1
                 op1: ok
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
        3s   ada hangs up
                 op1: withdrawn r1, abandoned
        3s   all is quiet
    ",
    );
    play_after(
        REJOINING_CONNECTED,
        "
        5s   op1: cancel
                 end 3001, abandoned
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        6s   ada hangs up
                 end 3002, normal-clearing
        6s   all is quiet
    ",
    );
}

#[test]
fn its_operator_may_end_the_call() {
    play_after(
        REJOINING_CONNECTED,
        "
        5s   op1: hangup
                 end 3001, normal-clearing
                 end 3002, normal-clearing
                 end ada, normal-clearing
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
        5s   all is quiet
    ",
    );
}

#[test]
fn other_commands_wait_until_the_phone_is_back() {
    play_after(
        REJOINING,
        "
        2s   op1: consult 3002
                 op1: no, wrong-phase
        2s   op1: connect
                 op1: no, wrong-phase
        2s   op1: release
                 op1: no, wrong-phase
        2s   op1: alternate callee
                 op1: no, wrong-phase
        2s   op1: retrieve caller
                 op1: no, wrong-phase
        2s   op1: transfer 3002
                 op1: no, wrong-phase
        2s   op1: record on
                 op1: no, wrong-phase
        2s   bob calls 9000
                 bob gets hold after busy
                 bob gets position 1 after busy
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: waiting r2, 1 of 1
        3s   op1: take r2
                 op1: no, wrong-phase
        4s   op1: dnd
                 op1: ok
                 op1: withdrawn r2, not-eligible
                 op1: state busy, phone ok
        5s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        6s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
    ",
    );
}

#[test]
fn a_caller_that_hangs_up_meanwhile_ends_it() {
    play_after(
        REJOINING,
        "
        2s   ada hangs up
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        2s   all is quiet
    ",
    );
    play_after(
        REJOINING_CONNECTED,
        "
        5s   ada is lost
                 end 3001, lost
                 end 3002, lost
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        5s   all is quiet
    ",
    );
}

#[test]
fn who_logs_out_or_is_sent_away_meanwhile_is_not_waited_for() {
    for away in ["op1: logout", "op1 is set out", "op1 is removed", "op1 works by phone"] {
        let mut testbed = super::Testbed::new(super::AnsweredBy::Queue);
        let script = [REJOINING.trim_end(), &format!("\n        2s   {away}\n")].concat();
        let happened = super::day::happened(&mut testbed, &script);
        for line in ["end 3001, abandoned", "ada gets position 1"] {
            assert!(happened.contains(line), "{away}: {happened}");
        }
        assert!(testbed.waiting().count() == 1, "{away}: {happened}");
    }
}

/// Somebody who leaves when the call is over has no phone called again.
#[test]
fn who_is_about_to_leave_is_not_waited_for() {
    play(
        "
        0s   op1 talks to ada
        1s   op1 is set out
                 op1: state busy, phone ok
        2s   3001 is lost
                 ada gets position 1
                 op1: call r1 ended, phone-gone
                 end op1, administrative
    ",
    );
}

#[test]
fn a_desk_that_is_lost_as_well_may_come_back_within_its_lease() {
    play(
        "
        0s   op1 talks to ada
        1s   op1 hangs up
        2s   3001 is lost
                 ada gets hold
                 call 3001 as ada
        3s   3001 refuses 480
        4s   op1 desk up
        4s   op1: hello
                 call 3001 as ada
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 ringing-you
                 op1: snapshot-end
        5s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        6s   ada hangs up
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        6s   all is quiet
    ",
    );
    play(
        "
        0s   op1 talks to ada
        1s   op1 hangs up
        2s   3001 is lost
                 ada gets hold
                 call 3001 as ada
        21s  alarm
                 end 3001, abandoned
                 ada gets position 1
        22s  ada hangs up
        22s  all is quiet
    ",
    );
}

/// Its lease is over, the phone was there still: nobody is left for whom it could be called.
#[test]
fn without_a_desk_the_old_rule_holds() {
    play(
        "
        0s   op1 talks to ada
        1s   op1 hangs up
        22s  3001 is lost
                 ada gets position 1
        23s  ada hangs up
        23s  all is quiet
    ",
    );
    play(
        "
        0s   3021 calls *50
                 3021 <- 200
                 3021 gets done
        1.2s alarm
                 end 3021, normal-clearing
        2s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 call 3021 as ada
        3s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
                 ada gets 3021, 3021 gets ada
        4s   3021 is lost
                 ada gets position 1
                 call 3021 as ada
    ",
    );
}

#[test]
fn a_phone_that_fails_is_called_when_it_registers() {
    play_after(
        REJOINING,
        "
        2s   3001 refuses 486
        3s   3001 registers
                 call 3001 as ada
        4s   3001 refuses 503
        5s   3001 registers
                 call 3001 as ada
        6s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        7s   3001 registers
        8s   ada hangs up
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        8s   all is quiet
    ",
    );
}

#[test]
fn who_declines_at_the_phone_is_not_waited_for() {
    play_after(
        REJOINING,
        "
        2s   3001 refuses 603
                 end 3001, declined
                 ada gets position 1
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_phone_is_called_where_it_registers_meanwhile() {
    play(
        "
        0s   phones are called once more
        0s   op1 has phone 3009
        0s   3009 registers at 3009a
        0s   op1 logs in
        0s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        0s   op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3009 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        0s   3009a answers
                 ada gets 3009a, 3009a gets ada
                 op1: call r1 with-caller
        1s   3009a is lost
                 ada gets hold
                 call 3009 as ada
                 op1: call r1 ringing-you
        2s   3009 registers
        3s   3009 registers at 3009b
                 call 3009 as ada
        4s   3009b answers
                 end 3009a, answered-elsewhere
                 ada gets 3009b, 3009b gets ada
                 op1: call r1 with-caller
        5s   ada hangs up
                 end 3009b, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        5s   all is quiet
    ",
    );
}

#[test]
fn of_two_phones_that_answer_the_first_has_it() {
    play(
        "
        0s   op1 has phone 3005
        0s   op1 talks to ada
        1s   3005 is lost
                 ada gets hold
                 call 3005 as ada
                 call 3005 as ada
                 op1: call r1 ringing-you
        2s   3005b answers
                 end 3005, answered-elsewhere
                 ada gets 3005b, 3005b gets ada
                 op1: call r1 with-caller
        2s   3005 answers
        3s   ada hangs up
                 end 3005b, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        3s   all is quiet
    ",
    );
}

#[test]
fn what_waits_in_hand_waits_for_it_as_well() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1 takes bob too
        3s   3001 is lost
                 bob gets hold
                 call 3001 as bob
                 op1: call r2 ringing-you
        4s   op1: swap
                 op1: no, wrong-phase
        4s   op1: swap r1
                 op1: no, wrong-phase
        4s   op1: hangup of r1
                 end ada, normal-clearing
                 op1: ok
                 op1: call r1 ended, operator-hung-up
        5s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        6s   bob hangs up
                 end 3001, normal-clearing
                 op1: call r2 ended, caller-hung-up
                 op1: state idle, phone ok
        6s   all is quiet
    ",
    );
}

/// The call for which it is called is over: it is called for the next, which stays in hand.
#[test]
fn one_call_of_a_hand_rejoins_for_all() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1 takes bob too
        3s   op1 takes eve too
        4s   3001 is lost
                 eve gets hold
                 call 3001 as eve
                 op1: call r3 ringing-you
        5s   eve hangs up
                 end 3001, normal-clearing
                 ada gets hold
                 call 3001 as ada
                 op1: call r3 ended, caller-hung-up
                 op1: call r1 ringing-you
        6s   op1: hangup of r1
                 end 3001, normal-clearing
                 end ada, normal-clearing
                 bob gets hold
                 call 3001 as bob
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: call r2 ringing-you
        7s   3001 answers
                 bob gets hold
                 3001 gets inhand { number: 1 } in silence
                 op1: call r2 in-hand
        8s   op1: swap
                 bob gets 3001, 3001 gets bob
                 op1: ok
                 op1: call r2 with-caller
        9s   bob hangs up
                 end 3001, normal-clearing
                 op1: call r2 ended, caller-hung-up
                 op1: state idle, phone ok
        9s   all is quiet
    ",
    );
}

#[test]
fn a_phone_whose_calls_all_wait_is_called_and_they_wait_on() {
    const ALL_WAIT: &str = "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1 takes bob too
        3s   op1: park of r2
                 bob gets hold
                 3001 gets inhand { number: 1 } in silence
                 op1: ok
                 op1: call r2 parked
                 op1: parked r2 by op1
    ";
    play_after(
        ALL_WAIT,
        "
        4s   3001 is lost
                 ada gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
        5s   op1: pick r2
                 op1: no, wrong-phase
        6s   3001 answers
                 ada gets hold
                 3001 gets inhand { number: 1 } in silence
                 op1: call r1 in-hand
        7s   op1: swap r1
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r1 with-caller
        8s   op1: pick r2
                 bob <- key frame?
                 3001 <- key frame?
                 op1: ok
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: call r1 in-hand
                 op1: call r2 with-caller
        9s   bob hangs up
                 3001 gets inhand { number: 1 } in silence
                 op1: call r2 ended, caller-hung-up
        10s  ada hangs up
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
        10s  all is quiet
    ",
    );
    play_after(
        ALL_WAIT,
        "
        4s   3001 hangs up
                 ada gets hold
                 ada gets position 1
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_call_that_is_being_taken_while_it_is_lost_waits_in_hand() {
    const TAKING: &str = "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: offer r2, 1 of 1
        3s   journal waits
        4s   op1: take r2
                 bob <- key frame?
                 3001 <- key frame?
        5s   3001 is lost
                 ada gets hold
                 call 3001 as ada
    ";
    play_after(
        TAKING,
        "
        6s   journal commits
                 op1: ok
                 bob gets hold
                 op1: call r1 ringing-you
                 op1: call r2 in-hand
        7s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        8s   op1: swap
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: ok
                 op1: call r1 in-hand
                 op1: call r2 with-caller
        9s   ada hangs up
                 op1: call r1 ended, caller-hung-up
        10s  bob hangs up
                 end 3001, normal-clearing
                 op1: call r2 ended, caller-hung-up
                 op1: state idle, phone ok
        10s  all is quiet
    ",
    );
    play_after(
        TAKING,
        "
        6s   journal fails
                 bob gets position 1
                 op1: no, internal
                 op1: call r1 ringing-you
                 op1: offer r2, 1 of 1
        7s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
    ",
    );
    play_after(
        TAKING,
        "
        6s   the journal has it and the switchboard is killed
                 ada gets hold
                 bob gets position 1
                 bob gets hold
        6s   3001 was not saved
                 call 3001 as ada
        7s   3001 answers
                 ada gets 3001, 3001 gets ada
    ",
    );
}

#[test]
fn who_was_leaving_has_left() {
    play_after(
        TALKING_TO_CALLEE,
        "
        3s   op1: release
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
        4s   3001 is lost
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        5s   ada hangs up
                 end 3002, normal-clearing
        5s   all is quiet
    ",
    );
    play_after(
        TALKING_TO_CALLEE,
        "
        3s   journal waits
        4s   op1: release force
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
        5s   3001 is lost
        6s   journal fails
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: no, internal
                 op1: call r1 connected
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        7s   ada hangs up
                 end 3002, normal-clearing
        7s   all is quiet
    ",
    );
}

#[test]
fn it_goes_on_in_the_next_process() {
    play_after(
        REJOINING,
        "
        2s   the switchboard is killed
                 ada gets hold
        2s   3001 was not saved
                 call 3001 as ada
        3s   3001 answers
                 ada gets 3001, 3001 gets ada
        4s   ada hangs up
                 end 3001, normal-clearing
        4s   all is quiet
    ",
    );
    play_after(
        REJOINING_CONNECTED,
        "
        5s   3001 refuses 480
        6s   the switchboard is killed
                 ada gets 3002, 3002 gets ada
                 3002 <- key frame?
                 ada <- key frame?
        7s   3001 registers
                 call 3001 as ada
        8s   the switchboard is killed
                 ada gets 3002, 3002 gets ada
                 3002 <- key frame?
                 ada <- key frame?
        8s   3001 was not saved
                 call 3001 as ada
        24s  alarm
                 end 3001, abandoned
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
        27s  ada hangs up
                 end 3002, normal-clearing
        27s  all is quiet
    ",
    );
}

#[test]
fn a_phone_that_was_not_saved_is_called_again() {
    play(
        "
        0s   op1 may have 3 calls
        0s   op1 talks to ada
        1s   op1 takes bob too
        2s   the switchboard is killed
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 3001 <- key frame?
                 bob <- key frame?
        2s   3001 was not saved
                 bob gets hold
                 call 3001 as bob
        3s   the switchboard is killed
                 ada gets hold
                 bob gets hold
        3s   3001 was not saved
                 call 3001 as bob
        4s   3001 answers
                 bob gets 3001, 3001 gets bob
        5s   op1 desk up
        5s   op1: hello
                 probe 3001
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 in-hand
                 op1: call r2 with-caller
                 op1: snapshot-end
                 op1: senses r2, nobody
    ",
    );
}
