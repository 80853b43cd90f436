//! Calls on the list that every operator sees who may have several.

use crate::play;

#[test]
fn a_parked_call_is_picked_by_whom_it_concerns_or_is_recalled_and_then_in_the_queue() {
    play(
        "
        0s   op1 may have 3 calls
        0s   op2 may have 2 calls
        0s   op2 logs in
        1s   op1 talks to ada
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op2: offer r2, 1 of 1
                 op1: offer r2, 1 of 1
        3s   op1: take r2
                 bob <- key frame?
                 3001 <- key frame?
                 op1: ok
                 op2: withdrawn r2, taken
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: call r1 in-hand
                 op1: call r2 with-caller
        4s   op1: park 3002 of r1
                 ada gets hold
                 op1: ok
                 op2: parked r1 by op1, wants 3002
                 op1: call r1 parked
                 op1: parked r1 by op1, wants 3002
        5s   op1: park 3002 of r2
                 bob gets hold
                 end 3001, normal-clearing
                 op1: ok
                 op2: parked r2 by op1, wants 3002
                 op1: call r2 parked
                 op1: parked r2 by op1, wants 3002
                 op1: state idle, phone ok
        6s   op2: pick r1
                 op2: ok
                 op1: withdrawn r1, taken
                 ada gets hold
                 call 3011 as ada
                 op2: call r1 ringing-you
                 op2: state busy, phone ok
        6s   op1: pick r1
                 op1: no, already-taken
        7s   3011 answers
                 ada gets 3011, 3011 gets ada
                 op2: call r1 with-caller
        8s   op1: pick r2
                 op1: ok
                 op2: withdrawn r2, taken
                 bob gets hold
                 call 3001 as bob
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        9s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        100s op1: park
                 bob gets hold
                 end 3001, normal-clearing
                 op1: ok
                 op2: parked r2 by op1
                 op1: call r2 parked
                 op1: parked r2 by op1
                 op1: state idle, phone ok
        160s alarm
                 op1: recall r2 after 60 s
                 op1: notice
        220s alarm
                 bob gets hold
                 bob gets position 1
                 op1: withdrawn r2, timeout
                 op2: withdrawn r2, timeout
                 op1: offer r2, 1 of 1
                 op2: offer r2, 1 of 1
    ",
    );
}

#[test]
fn of_two_who_pick_the_first_wins_and_one_that_cannot_be_written_is_parked_again() {
    play(
        "
        0s   op1 may have 3 calls
        0s   op2 may have 3 calls
        0s   op2 logs in
        1s   op1 talks to ada
        2s   op1: park 3002
                 ada gets hold
                 end 3001, normal-clearing
                 op1: ok
                 op2: parked r1 by op1, wants 3002
                 op1: call r1 parked
                 op1: parked r1 by op1, wants 3002
                 op1: state idle, phone ok
        2s   op1: park of r1
                 op1: no, wrong-phase
        3s   journal waits
        3s   op2: pick r1
        3s   op1: pick r1
                 op1: no, already-taken
        4s   journal fails
                 ada gets hold
                 op2: no, internal
                 op2: state idle, phone ok
        5s   op1: pick r1
        5s   op2: pick r1
                 op2: no, already-taken
        6s   journal commits
                 op1: ok
                 op2: withdrawn r1, taken
                 ada gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        7s   3001 refuses 486
                 ada gets hold
                 ada gets position 1
                 op1: call r1 ended, phone-busy
                 op2: offer r1, 1 of 1
                 op1: state idle, phone refusing
        8s   ada hangs up
                 op2: withdrawn r1, abandoned
    ",
    );
}

#[test]
fn a_desk_that_comes_back_hears_of_all_in_hand_and_all_parked() {
    play(
        "
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   op1: park 3002
                 ada gets hold
                 end 3001, normal-clearing
                 op1: ok
                 op1: call r1 parked
                 op1: parked r1 by op1, wants 3002
                 op1: state idle, phone ok
        3s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: offer r2, 1 of 1
        3s   op1: take r2
                 op1: ok
                 bob gets position 1
                 call 3001 as bob
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
        4s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        5s   op1 takes eve too
        6s   op1: hello
                 probe 3001
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r2 in-hand
                 op1: call r3 with-caller
                 op1: parked r1 by op1, wants 3002
                 op1: snapshot-end
                 op1: senses r3, nobody
    ",
    );
}
