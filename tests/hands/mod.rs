//! Several calls in one operator's hand, as days in their life.

mod pairs;
mod parked;
mod transfers;

use super::play;

#[test]
fn an_operator_goes_from_one_call_in_hand_to_another_and_neither_hears_the_other() {
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
        3s   op1: take r2
                 bob <- key frame?
                 3001 <- key frame?
                 op1: ok
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: call r1 in-hand
                 op1: call r2 with-caller
        4s   op1: swap
                 3001 gets nothing
                 bob gets hold
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 with-caller
        5s   op1: swap r2
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: ok
                 op1: call r1 in-hand
                 op1: call r2 with-caller
        6s   op1: consult 3002
                 op1: no, bad-field
        6s   op1: consult 3002 of r2
                 bob gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r2 consulting
                 op1: callee 3002 trying
        6s   op1: take r1
                 op1: no, wrong-phase
        7s   3002 answers
                 bob gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r2 talking-to-callee
        8s   op1: swap
                 3001 gets nothing
                 bob gets hold, 3002 gets hold
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 with-caller
        9s   op1: swap
                 3001 gets nothing
                 ada gets hold
                 bob gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: ok
                 op1: call r1 in-hand
                 op1: call r2 talking-to-callee
        10s  op1: release force of r2
                 bob gets 3002, 3001 gets connected in silence, 3002 gets bob
                 op1: call r2 connected
                 3001 gets inhand { number: 1 } in silence
                 bob gets 3002, 3002 gets bob
                 3002 shows bob
                 op1: ok
                 op1: call r2 ended, handed-over
        10.5s op1: hangup
                 end ada, normal-clearing
                 end 3001, normal-clearing
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
        11s  op1: swap
                 op1: no, wrong-phase
        12s  op1: hangup
                 op1: no, wrong-phase
    ",
    );
}

#[test]
fn what_waits_in_hand_goes_to_the_front_of_the_queue_when_the_phone_hangs_up() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        3s   op1 takes bob too
        4s   op1 takes eve too
        5s   3002 calls 9000
                 3002 gets hold after busy
                 3002 gets position 1, 1 min after busy
                 3002 <- 182 Queued, position 1
                 3002 <- 200
                 op1: waiting r4, 1 of 1
        6s   3001 hangs up
                 end eve, normal-clearing
                 bob gets hold
                 bob gets position 1, 1 min
                 ada gets hold
                 ada gets position 1, 1 min
                 op1: call r3 ended, operator-hung-up
                 op1: call r2 ended, phone-gone
                 op1: waiting r2, 1 of 2
                 op1: call r1 ended, phone-gone
                 op1: offer r2, 1 of 2
                 op1: offer r4, 2 of 2
                 op1: offer r1, 1 of 3
                 op1: state idle, phone ok
    ",
    );
}

/// `max_calls` of one: as ever, and a transfer comes back to the phone.
#[test]
fn who_may_have_one_call_has_one_and_is_told_so() {
    play(
        "
        1s   op1 talks to ada
        2s   op1: park
                 op1: no, refused
        2s   op1: swap
                 op1: no, refused
        2s   op1: serial
                 op1: no, refused
        2s   op1: pick r1
                 op1: no, refused
        3s   bob calls 9000
                 bob gets hold after busy
                 bob gets position 1 after busy
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: waiting r2, 1 of 1
        3s   op1: take r2
                 op1: no, wrong-phase
        4s   op1: transfer 3002
                 ada gets ring-back
                 end 3001, normal-clearing
                 call 3002 as ada
                 op1: ok
                 op1: call r1 handing-over
                 op1: callee 3002 trying
                 op1: offer r2, 1 of 1
                 op1: state idle, phone ok
        5s   op1: take r2
                 op1: ok
                 bob gets position 1 after busy
                 call 3001 as bob
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        6s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        34s  alarm
                 end 3002, no-answer
                 ada gets hold
                 op1: callee 3002 no-answer
                 op1: call r1 in-hand
                 op1: recall r1 after 0 s
                 op1: notice
        35s  op1: swap
                 3001 gets nothing
                 bob gets hold
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 with-caller
        36s  op1: hangup of r1
                 end ada, normal-clearing
                 3001 gets inhand { number: 1 } in silence
                 op1: ok
                 op1: call r1 ended, operator-hung-up
        37s  op1: hangup
                 end bob, normal-clearing
                 end 3001, normal-clearing
                 op1: ok
                 op1: call r2 ended, operator-hung-up
                 op1: state idle, phone ok
        38s  op1: transfer 3002
                 op1: no, wrong-phase
    ",
    );
}

#[test]
fn a_call_that_is_anothers_is_left_alone() {
    play(
        "
        0s   op1 may have 3 calls
        0s   op2 may have 3 calls
        0s   op2 logs in
        1s   op1 talks to ada
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op2: offer r2, 1 of 1
                 op1: offer r2, 1 of 1
        2s   eve calls 9000
                 eve gets hold
                 eve gets position 2
                 eve <- 182 Queued, position 2
                 eve <- 200
                 op2: offer r3, 2 of 2
                 op1: offer r3, 2 of 2
        2s   op2: hangup of r1
                 op2: no, already-taken
        2s   op2: swap r1
                 op2: no, already-taken
        2s   op2: park of r1
                 op2: no, already-taken
        2s   op2: consult 3002 of r2
                 op2: no, wrong-phase
        2s   op2: pick r2
                 op2: no, not-offered
        2s   op2: pick r99
                 op2: no, no-such-request
        3s   op1: take r2
                 bob <- key frame?
                 3001 <- key frame?
                 eve gets position 1
                 op2: offer r3, 1 of 1
                 op1: ok
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: call r1 in-hand
                 op1: call r2 with-caller
                 op1: offer r3, 1 of 1
                 op2: withdrawn r2, taken
        3s   op1: take r3
                 eve <- key frame?
                 3001 <- key frame?
                 op1: ok
                 op2: withdrawn r3, taken
                 3001 gets nothing
                 bob gets hold
                 eve gets 3001, 3001 gets eve
                 op1: call r2 in-hand
                 op1: call r3 with-caller
        4s   bob calls 9000
                 bob gets hold
                 bob gets position 1, 1 min
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op2: offer r4, 1 of 1
        4s   op1: take r4
                 op1: no, wrong-phase
    ",
    );
}

#[test]
fn a_caller_that_hangs_up_leaves_the_hand_and_the_list() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1 takes bob too
        3s   ada hangs up
                 op1: call r1 ended, caller-hung-up
        4s   op1 takes eve too
        5s   eve hangs up
                 3001 gets inhand { number: 1 } in silence
                 op1: call r3 ended, caller-hung-up
        6s   op1: park of r2
                 bob gets hold
                 end 3001, normal-clearing
                 op1: ok
                 op1: call r2 parked
                 op1: parked r2 by op1
                 op1: state idle, phone ok
        7s   bob hangs up
                 op1: withdrawn r2, abandoned
        8s   all is quiet
    ",
    );
}

#[test]
fn a_recall_disturbs_no_conversation_and_sounds_where_nobody_talks() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1 takes bob too
        62s  alarm
                 op1: recall r1 after 60 s
                 op1: notice
        70s  bob hangs up
                 3001 gets inhand { number: 1 } in silence
                 op1: call r2 ended, caller-hung-up
        122s alarm
                 3001 gets warning
                 op1: recall r1 after 120 s
                 op1: notice
        123.2s alarm
                 3001 gets inhand { number: 1 } in silence
        130s op1: swap
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r1 with-caller
        131s op1: hangup
                 end 3001, normal-clearing
                 end ada, normal-clearing
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
        132s all is quiet
    ",
    );
}

#[test]
fn with_fewer_calls_allowed_than_are_in_hand_nothing_is_cut_and_nothing_is_offered() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1 takes bob too
        3s   eve calls 9000
                 eve gets hold
                 eve gets position 1
                 eve <- 182 Queued, position 1
                 eve <- 200
                 op1: offer r3, 1 of 1
        4s   op1 may have 1 call
                 op1: waiting r3, 1 of 1
        5s   op1: take r3
                 op1: no, wrong-phase
        6s   op1: swap
                 3001 gets nothing
                 bob gets hold
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 with-caller
        7s   op1: hangup of r1
                 end ada, normal-clearing
                 3001 gets inhand { number: 1 } in silence
                 op1: ok
                 op1: call r1 ended, operator-hung-up
        8s   op1: take r3
                 op1: no, wrong-phase
        9s   op1: swap
                 bob gets 3001, 3001 gets bob
                 op1: ok
                 op1: call r2 with-caller
        10s  op1: hangup
                 end 3001, normal-clearing
                 end bob, normal-clearing
                 op1: ok
                 op1: call r2 ended, operator-hung-up
                 op1: offer r3, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_phone_that_is_lost_while_three_wait_loses_nobody() {
    play(
        "
        0s   op1 may have 4 calls
        1s   op1 talks to ada
        2s   op1 takes bob too
        3s   op1 takes eve too
        4s   op1: consult 3002 of r3
                 eve gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r3 consulting
                 op1: callee 3002 trying
        5s   3002 answers
                 eve gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r3 talking-to-callee
        6s   op1 takes 4001 too
        7s   3001 is lost
                 4001 gets hold
                 call 3001 as 4001
                 op1: call r4 ringing-you
        27s  alarm
                 end 3001, abandoned
                 4001 gets position 1, 1 min
                 eve gets 3002, 3002 gets eve
                 3002 shows eve
                 bob gets hold
                 bob gets position 1, 1 min
                 ada gets hold
                 ada gets position 1, 1 min
                 op1: call r4 ended, phone-gone
                 op1: waiting r4, 1 of 1
                 op1: call r3 ended, handed-over
                 op1: call r2 ended, phone-gone
                 op1: waiting r2, 1 of 2
                 op1: call r1 ended, phone-gone
                 op1: offer r2, 1 of 2
                 op1: offer r4, 2 of 2
                 op1: offer r1, 1 of 3
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn who_logs_out_keeps_the_call_at_the_ear_and_no_other() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1 takes bob too
        3s   op1: logout
                 ada gets hold
                 ada gets position 1
                 op1: ok
                 end op1, normal-clearing
        4s   op1 logs in
        5s   op1: swap
                 op1: no, wrong-phase
        6s   op1: take r1
                 ada <- key frame?
                 3001 <- key frame?
                 op1: ok
                 3001 gets nothing
                 bob gets hold
                 ada gets 3001, 3001 gets ada
                 op1: call r2 in-hand
                 op1: call r1 with-caller
        7s   op1: hangup of r2
                 end bob, normal-clearing
                 op1: ok
                 op1: call r2 ended, operator-hung-up
        8s   op1: hangup
                 end 3001, normal-clearing
                 end ada, normal-clearing
                 op1: ok
                 op1: call r1 ended, operator-hung-up
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_lease_that_is_over_sends_what_waits_in_hand_to_the_queue() {
    play(
        "
        0s   op1 may have 3 calls
        0s   op2 logs in
        1s   op1 talks to ada
        2s   op1 takes bob too
        3s   op1 hangs up
        23s  alarm
                 ada gets hold
                 ada gets position 1
                 op2: offer r1, 1 of 1
    ",
    );
}

/// The relay's table has no news of an operator who comes back to two who talk: the desk is told all the same.
#[test]
fn who_comes_back_to_two_who_talk_is_told_that_nobody_hears_it() {
    play(
        "
        0s   op1 may have 2 calls
        1s   op1 talks to ada
        2s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        3s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        4s   op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected
        5s   op1 takes bob too
        6s   op1: swap r1
                 3001 gets nothing
                 bob gets hold
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 connected
                 op1: senses r1, nobody
    ",
    );
}

#[test]
fn callees_wait_in_hand_with_their_callers() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        3s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        4s   op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected
        5s   op1 takes bob too
        6s   3002 hangs up
                 ada gets hold
                 op1: callee 3002 hung-up
                 op1: call r1 in-hand
                 op1: recall r1 after 1 s
                 op1: notice
        7s   op1: consult 3003 of r2
                 bob gets asking, 3001 gets ring-back
                 call 3003 as 3001
                 op1: ok
                 op1: call r2 consulting
                 op1: callee 3003 trying
        8s   op1: swap
                 op1: no, wrong-phase
        9s   3003 answers
                 bob gets asking, 3001 gets 3003, 3003 gets 3001
                 op1: callee 3003 answered
                 op1: call r2 talking-to-callee
        10s  op1: alternate caller of r2
                 bob gets 3001, 3001 gets bob, 3003 gets hold
                 op1: ok
                 op1: call r2 alternated
        11s  op1: swap
                 3001 gets nothing
                 bob gets hold, 3003 gets hold
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r2 in-hand
                 op1: call r1 with-caller
        12s  op1: swap r2
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob, 3003 gets hold
                 op1: ok
                 op1: call r1 in-hand
                 op1: call r2 alternated
        13s  3001 hangs up
                 ada gets hold
                 ada gets position 1
                 bob gets 3003, 3003 gets bob
                 3003 shows bob
                 op1: call r2 ended, handed-over
                 op1: call r1 ended, phone-gone
                 op1: offer r1, 1 of 1
                 op1: state idle, phone ok
    ",
    );
}

#[test]
fn a_phone_alone_parks_and_swaps_by_keys() {
    play(
        "
        0s   op3 works by phone
        0s   op3 may have 2 calls
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
        4s   3021 answers
                 ada <- key frame?
                 3021 <- key frame?
                 ada gets 3021, 3021 gets ada
        5s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 3021 gets warning
        6s   3021 keys *9
                 bob <- key frame?
                 3021 <- key frame?
                 3021 gets nothing
                 ada gets hold
                 bob gets 3021, 3021 gets bob
        6.2s alarm
                 bob gets 3021, 3021 gets bob
        7s   3021 keys *9
                 3021 gets nothing
                 bob gets hold
                 ada gets 3021, 3021 gets ada
        8s   3021 keys *8
                 ada gets hold
                 3021 gets inhand { number: 1 } in silence
        9s   3021 keys *8
                 3021 gets refused
        9s   3021 keys 5
                 3021 gets refused
        10.2s alarm
                 3021 gets inhand { number: 1 } in silence
        11s  3021 keys *9
                 bob gets 3021, 3021 gets bob
        12s  3021 hangs up
                 end bob, normal-clearing
    ",
    );
}
