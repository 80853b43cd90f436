//! Callers who are left to a phone that rings, and come back; and those who come back each time.

use crate::{play, play_after};

/// The caller is left to 3002, and op1 is free.
const LEFT_TO_A_PHONE: &str = "
        0s   op1 may have 3 calls
        0s   op2 logs in
        1s   op1 talks to ada
        2s   op1: transfer 3002
                 ada gets ring-back
                 end 3001, normal-clearing
                 call 3002 as ada
                 op1: ok
                 op1: call r1 handing-over
                 op1: callee 3002 trying
                 op1: state idle, phone ok
";

#[test]
fn a_transferred_caller_comes_back_when_nobody_answers_and_a_serial_one_when_the_callee_has_hung_up()
 {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        3s   op1 takes bob too
        4s   op1: transfer 3002 of r1
                 ada gets ring-back
                 call 3002 as ada
                 op1: ok
                 op1: call r1 handing-over
                 op1: callee 3002 trying
        5s   3002 rings
                 op1: callee 3002 ringing
        6s   3002 refuses 486
                 ada gets hold
                 op1: callee 3002 busy
                 op1: call r1 in-hand
                 op1: recall r1 after 0 s
                 op1: notice
        7s   op1: transfer 3002 of r2
                 bob gets ring-back
                 call 3002 as bob
                 3001 gets inhand { number: 1 } in silence
                 op1: ok
                 op1: call r2 handing-over
                 op1: callee 3002 trying
        8s   3002 answers
                 bob gets 3002, 3002 gets bob
                 op1: callee 3002 answered
                 op1: call r2 handing-over
        9s   bob healthy
        9s   3002 healthy
                 bob gets 3002, 3002 gets bob
                 3002 shows bob
                 op1: call r2 ended, handed-over
        10s  op1: swap
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r1 with-caller
        11s  op1: serial
                 op1: ok
                 op1: call r1 with-caller, serial
        12s  op1: transfer 3003
                 ada gets ring-back
                 end 3001, normal-clearing
                 call 3003 as ada
                 op1: ok
                 op1: call r1 handing-over, serial
                 op1: callee 3003 trying
                 op1: state idle, phone ok
        13s  3003 answers
                 ada gets 3003, 3003 gets ada
                 op1: callee 3003 answered
                 op1: call r1 handing-over, serial
        14s  ada healthy
        14s  3003 healthy
                 ada gets 3003, 3003 gets ada
                 3003 shows ada
                 op1: call r1 ended, handed-over
        20s  3003 hangs up
                 ada gets hold
                 call 3001 as ada
                 op1: callee 3003 hung-up
                 op1: call r1 ringing-you, serial
                 op1: state busy, phone ok
        21s  3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller, serial
        22s  3001 hangs up
                 end ada, normal-clearing
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_transfer_whose_operator_is_gone_ends_in_the_queue() {
    play_after(
        LEFT_TO_A_PHONE,
        "
        3s   op1: logout
                 op1: ok
                 end op1, normal-clearing
        4s   3002 refuses 486
                 ada gets hold
                 ada gets position 1
                 op2: offer r1, 1 of 1
    ",
    );
}

#[test]
fn a_transfer_that_cannot_be_made_leaves_the_caller_where_it_was() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1: transfer 3009
                 op1: no, unreachable
        2s   op1: transfer 7777
                 op1: no, no-such-number
        2s   op1: transfer 9000
                 op1: no, refused
        2s   op1: transfer 3001
                 op1: no, refused
        3s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        4s   op1: transfer 3003
                 op1: no, wrong-phase
        4s   op1: park
                 op1: no, wrong-phase
    ",
    );
}

#[test]
fn a_transfer_is_taken_back_or_looked_after() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1: transfer 3002
                 ada gets ring-back
                 end 3001, normal-clearing
                 call 3002 as ada
                 op1: ok
                 op1: call r1 handing-over
                 op1: callee 3002 trying
                 op1: state idle, phone ok
        3s   op1: cancel of r1
                 end 3002, abandoned
                 ada gets hold
                 call 3001 as ada
                 op1: ok
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        4s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        5s   op1: transfer 3002
                 ada gets ring-back
                 end 3001, normal-clearing
                 call 3002 as ada
                 op1: ok
                 op1: call r1 handing-over
                 op1: callee 3002 trying
                 op1: state idle, phone ok
        6s   3002 answers
                 ada gets 3002, 3002 gets ada
                 op1: callee 3002 answered
                 op1: call r1 handing-over
        7s   ada healthy
        7s   3002 unhealthy
                 op1: blocked by callee.audio
        11s  alarm
                 op1: notice
        12s  op1: release of r1
                 op1: no, wrong-phase
        13s  op1: release force of r1
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
    ",
    );
}

#[test]
fn a_transfer_whose_callee_hangs_up_before_it_counts_comes_back() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: offer r2, 1 of 1
        3s   op1: transfer 3002 of r1
                 ada gets ring-back
                 end 3001, normal-clearing
                 call 3002 as ada
                 op1: ok
                 op1: call r1 handing-over
                 op1: callee 3002 trying
                 op1: state idle, phone ok
        4s   3002 answers
                 ada gets 3002, 3002 gets ada
                 op1: callee 3002 answered
                 op1: call r1 handing-over
        5s   op1: take r2
                 op1: ok
                 bob gets position 1
                 call 3001 as bob
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        6s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        7s   3002 hangs up
                 ada gets hold
                 op1: callee 3002 hung-up
                 op1: call r1 in-hand
                 op1: recall r1 after 0 s
                 op1: notice
        8s   op1: swap
                 3001 gets nothing
                 bob gets hold
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 with-caller
        9s   ada hangs up
                 3001 gets inhand { number: 1 } in silence
                 op1: call r1 ended, caller-hung-up
        10s  bob hangs up
                 end 3001, normal-clearing
                 op1: call r2 ended, caller-hung-up
                 op1: state idle, phone ok
        11s  all is quiet
    ",
    );
}

#[test]
fn a_serial_call_comes_back_until_it_is_one_no_longer() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1: serial
                 op1: ok
                 op1: call r1 with-caller, serial
        3s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting, serial
                 op1: callee 3002 trying
        4s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee, serial
        5s   op1: release force
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected, serial
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        6s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: offer r2, 1 of 1
        7s   op1: take r2
                 op1: ok
                 bob gets position 1
                 call 3001 as bob
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        8s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        9s   3002 hangs up
                 ada gets hold
                 op1: callee 3002 hung-up
                 op1: call r1 in-hand, serial
                 op1: recall r1 after 0 s
                 op1: notice
        10s  op1: swap
                 3001 gets nothing
                 bob gets hold
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 with-caller, serial
        11s  op1: consult 3003 of r1
                 ada gets asking, 3001 gets ring-back
                 call 3003 as 3001
                 op1: ok
                 op1: call r1 consulting, serial
                 op1: callee 3003 trying
        12s  3003 answers
                 ada gets asking, 3001 gets 3003, 3003 gets 3001
                 op1: callee 3003 answered
                 op1: call r1 talking-to-callee, serial
        13s  op1: release force of r1
                 ada gets 3003, 3001 gets connected in silence, 3003 gets ada
                 op1: call r1 connected, serial
                 3001 gets inhand { number: 1 } in silence
                 ada gets 3003, 3003 gets ada
                 3003 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
        14s  op1: serial off of r1
                 op1: ok
                 op1: call r1 serial
        15s  3003 hangs up
                 end ada, normal-clearing
    ",
    );
}

/// The operator's phone rings for bob when ada comes back to it.
const AN_OFFER_RINGS: &str = "
        0s   offers ring at phones too
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1: transfer 3002
                 ada gets ring-back
                 end 3001, normal-clearing
                 call 3002 as ada
                 op1: ok
                 op1: call r1 handing-over
                 op1: callee 3002 trying
                 op1: state idle, phone ok
        3s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 call 3001 as bob
                 op1: offer r2, 1 of 1
";

#[test]
fn a_call_that_comes_back_rings_in_place_of_the_offer() {
    play_after(
        AN_OFFER_RINGS,
        "
        4s   3002 refuses 486
                 end 3001, abandoned
                 ada gets hold
                 call 3001 as ada
                 op1: callee 3002 busy
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        5s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        6s   op1: take r2
                 bob <- key frame?
                 3001 <- key frame?
                 op1: ok
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: call r1 in-hand
                 op1: call r2 with-caller
        7s   3001 hangs up
                 end bob, normal-clearing
                 ada gets hold
                 ada gets position 1
                 call 3001 as ada
                 op1: call r2 ended, operator-hung-up
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_call_that_comes_back_to_who_has_one_at_a_time_ends_the_offer() {
    play_after(
        &AN_OFFER_RINGS.replace("3 calls", "1 call"),
        "
        4s   3002 refuses 486
                 end 3001, abandoned
                 ada gets hold
                 call 3001 as ada
                 op1: callee 3002 busy
                 op1: waiting r2, 1 of 1
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        5s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
        6s   ada hangs up
                 end 3001, normal-clearing
                 call 3001 as bob
                 op1: call r1 ended, caller-hung-up
                 op1: offer r2, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_phone_that_refuses_the_call_that_comes_back_leaves_both_callers_in_the_queue() {
    play_after(
        AN_OFFER_RINGS,
        "
        4s   3002 refuses 486
                 end 3001, abandoned
                 ada gets hold
                 call 3001 as ada
                 op1: callee 3002 busy
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        5s   3001 refuses 486
                 ada gets hold
                 ada gets position 1
                 op1: call r1 ended, phone-busy
                 op1: withdrawn r2, not-eligible
                 op1: state idle, phone refusing
        6s   op1: ready
                 call 3001 as ada
                 op1: ok
                 op1: offer r1, 1 of 2
                 op1: offer r2, 2 of 2
                 op1: state idle, phone ok
        7s   ada hangs up
                 end 3001, abandoned
                 call 3001 as bob
                 op1: withdrawn r1, abandoned
        7s   bob hangs up
                 end 3001, abandoned
                 op1: withdrawn r2, abandoned
        7s   all is quiet
    ",
    );
}

/// Picked up for bob, who is not yet the operator's when ada comes back.
const PICKED_UP_FOR_BOB: &str = "
        4s   journal waits
        4s   3001 answers
                 bob <- key frame?
                 3001 <- key frame?
                 op1: state busy, phone ok
        5s   3002 refuses 486
                 ada gets hold
                 op1: callee 3002 busy
                 op1: call r1 in-hand
                 op1: recall r1 after 0 s
                 op1: notice
";

#[test]
fn a_call_that_comes_back_while_an_offer_is_picked_up_waits_in_hand() {
    play_after(
        &[AN_OFFER_RINGS, PICKED_UP_FOR_BOB].concat(),
        "
        6s   journal commits
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        7s   op1: swap
                 3001 gets nothing
                 bob gets hold
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 with-caller
    ",
    );
}

#[test]
fn a_call_that_comes_back_while_an_offer_is_picked_up_in_vain_is_the_next_in_the_queue() {
    play_after(
        &[AN_OFFER_RINGS, PICKED_UP_FOR_BOB].concat(),
        "
        6s   journal fails
                 end 3001, internal
                 ada gets hold
                 ada gets position 1
                 bob gets position 1          # as he was told before
                 op1: call r1 ended, phone-gone
                 op1: state idle, phone unreachable
        7s   op1: ready
                 call 3001 as ada
                 op1: ok
                 op1: offer r1, 1 of 2
                 op1: offer r2, 2 of 2
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_call_does_not_come_back_to_who_is_in_a_call_of_its_own() {
    play_after(
        LEFT_TO_A_PHONE,
        "
        3s   3001 calls 3003
                 call 3003 as 3001
                 op1: state busy, phone ok
        4s   3003 answers
                 3001 <- 200
                 3001 gets 3003, 3003 gets 3001
        5s   3002 refuses 486
                 ada gets hold
                 ada gets position 1
                 op1: callee 3002 busy
                 op2: offer r1, 1 of 1
                 op1: call r1 ended, busy
        6s   3003 hangs up
                 end 3001, normal-clearing
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_call_does_not_come_back_to_a_desk_that_is_lost() {
    play_after(
        LEFT_TO_A_PHONE,
        "
        3s   op1 hangs up
        4s   3002 refuses 486
                 ada gets hold
                 ada gets position 1
                 op2: offer r1, 1 of 1
        5s   op1 logs in
        6s   op1: take r1                     # as one that waits
                 op1: ok
                 op2: withdrawn r1, taken
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
    ",
    );
}

#[test]
fn a_call_comes_back_to_who_wants_no_others_for_now() {
    play_after(
        LEFT_TO_A_PHONE,
        "
        3s   op1: dnd
                 op1: ok
                 op1: state dnd, phone ok
        4s   3002 refuses 486
                 ada gets hold
                 call 3001 as ada
                 op1: callee 3002 busy
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        5s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
    ",
    );
}
