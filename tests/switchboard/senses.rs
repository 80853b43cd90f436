//! What desks see of their parties: who hears and sees the operator, how all do, and how watched terminals stand.

use super::play;

#[test]
fn a_desk_hears_who_hears_and_sees_its_operator_in_every_phase() {
    play(
        "
        0s   media are measured
        0s   op1 talks to ada
        1s   ada hears 3001 sees nobody
                 op1: senses r1 heard by caller
        1s   3001 hears ada sees ada
                 op1: senses r1 heard by caller, hears caller, sees caller
        1s   ada hears 3001 sees 3001
                 op1: senses r1 heard by caller, hears caller, seen by caller, sees caller
        1s   ada hears 3001 sees 3001
        2s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        2s   ada hears nobody sees nobody
                 op1: senses r1 hears caller, sees caller
        2s   3001 hears nobody sees nobody
                 op1: senses r1, nobody
        3s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        3s   3001 hears 3002 sees 3002
                 op1: senses r1 hears callee, sees callee
        3s   3002 hears 3001 sees nobody
                 op1: senses r1 heard by callee, hears callee, sees callee
        4s   op1: connect
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: ok
                 op1: call r1 connected
        4s   ada hears 3002 sees 3002
                 op1: senses r1 heard by callee, hears callee, sees callee
        4s   3002 hears ada sees ada
                 op1: senses r1 hears callee, sees callee
        4s   3001 hears nobody sees nobody
                 op1: senses r1, nobody
        5s   op1: release force
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        6s   ada hears nobody sees nobody
    ",
    );
}

#[test]
fn whom_an_operator_leaves_in_its_hand_hears_it_no_longer() {
    play(
        "
        0s   media are measured
        0s   op1 may have 3 calls
        1s   op1 talks to ada
        2s   ada hears 3001 sees 3001
                 op1: senses r1 heard by caller, seen by caller
        3s   bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: offer r2, 1 of 1
        4s   op1: take r2
                 bob <- key frame?
                 3001 <- key frame?
                 op1: ok
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: call r1 in-hand
                 op1: call r2 with-caller
                 op1: senses r1, nobody
        5s   bob hears 3001 sees nobody
                 op1: senses r2 heard by caller
        6s   3001 is lost
                 bob gets hold
                 call 3001 as bob
                 op1: call r2 ringing-you
                 op1: senses r2, nobody
        7s   3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r2 with-caller
        8s   op1: hello
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

/// Its own phone calls, or is called: no operator call, and the same question.
#[test]
fn a_desk_hears_who_hears_and_sees_its_operator_in_an_ordinary_call() {
    play(
        "
        0s   media are measured
        0s   op1 logs in
        1s   3001 calls 3002
                 call 3002 as 3001
                 op1: state busy, phone ok
        2s   3002 answers
                 3001 <- 200
                 3001 gets 3002, 3002 gets 3001
        2s   3001 hears 3002 sees 3002
                 op1: senses with 3002 hears callee, sees callee
        3s   3002 hears 3001 sees nobody
                 op1: senses with 3002 heard by callee, hears callee, sees callee
        3s   3002 hears 3001 sees nobody
        4s   3002 hears 3001 sees 3001
                 op1: senses with 3002 heard by callee, hears callee, seen by callee, sees callee
        5s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: snapshot-end
                 op1: senses with 3002 heard by callee, hears callee, seen by callee, sees callee
        6s   3001 hears nobody sees nobody
                 op1: senses with 3002 heard by callee, seen by callee
        7s   3001 hangs up
                 end 3002, normal-clearing
                 op1: senses with nobody, nobody
                 op1: state idle, phone ok
        8s   3002 calls 3001
                 call 3001 as 3002
        9s   3001 answers
                 3002 <- 200
                 3002 gets 3001, 3001 gets 3002
                 op1: state busy, phone ok
        9s   3002 hears 3001 sees 3001
                 op1: senses with 3002 heard by caller, seen by caller
        10s  3002 hangs up
                 end 3001, normal-clearing
                 op1: senses with nobody, nobody
                 op1: state idle, phone ok
        11s  all is quiet
    ",
    );
}

#[test]
fn two_operators_in_an_ordinary_call_are_told_each_of_the_other() {
    play(
        "
        0s   media are measured
        0s   op1 logs in
        0s   op2 logs in
        1s   3001 calls 3011
                 call 3011 as 3001
                 op1: state busy, phone ok
        2s   3011 answers
                 3001 <- 200
                 3001 gets 3011, 3011 gets 3001
                 op2: state busy, phone ok
        3s   3011 hears 3001 sees nobody
                 op1: senses with 3011 heard by callee
                 op2: senses with 3001 hears caller
        4s   3001 hears 3011 sees nobody
                 op1: senses with 3011 heard by callee, hears callee
                 op2: senses with 3001 heard by caller, hears caller
        5s   op2: logout
                 op2: ok
                 end op2, normal-clearing
        6s   3001 hears nobody sees nobody
                 op1: senses with 3011 heard by callee
        7s   3001 hangs up
                 end 3011, normal-clearing
                 op1: senses with nobody, nobody
                 op1: state idle, phone ok
    ",
    );
}

/// Whom one operator hands a caller over to may be another.
#[test]
fn who_is_handed_over_to_an_operator_is_an_ordinary_call_of_its_phone() {
    play(
        "
        0s   media are measured
        0s   op1 talks to ada
        1s   op2 logs in
        2s   op1: consult 3011
                 ada gets asking, 3001 gets ring-back
                 call 3011 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3011 trying
        3s   3011 answers
                 ada gets asking, 3001 gets 3011, 3011 gets 3001
                 op2: state busy, phone ok
                 op1: callee 3011 answered
                 op1: call r1 talking-to-callee
        4s   op1: release force
                 ada gets 3011, 3001 gets connected in silence, 3011 gets ada
                 op1: call r1 connected
                 end 3001, normal-clearing
                 ada gets 3011, 3011 gets ada
                 3011 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        5s   ada hears 3011 sees nobody
                 op2: senses with ada@elsewhere.example heard by caller
        6s   ada hangs up
                 end 3011, normal-clearing
                 op2: senses with nobody, nobody
                 op2: state idle, phone ok
    ",
    );
}

#[test]
fn a_desk_hears_how_all_parties_do_in_every_phase() {
    play(
        "
        0s   media are measured
        0s   op1 talks to ada
        1s   3001 healthy
        1s   ada healthy
                 op1: healthy
        2s   ada unhealthy
                 op1: blocked by caller.audio
        3s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        3s   ada healthy
                 op1: healthy
        4s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        5s   3001 healthy
        5s   ada healthy
        5s   3002 unhealthy
                 op1: blocked by callee.audio
        6s   3001 is lost
                 ada gets hold, 3002 gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
        7s   ada healthy
        8s   3001 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: call r1 talking-to-callee
        9s   3001 healthy
        9s   ada healthy
        9s   3002 healthy
                 op1: healthy
    ",
    );
}

#[test]
fn a_desk_watches_terminals() {
    play(
        "
        0s   op1 logs in
        1s   op1: watch 3002 3003 3009
                 op1: ok
                 op1: terminal 3002 free
                 op1: terminal 3003 free
                 op1: terminal 3009 away
        2s   3002 calls 3003
                 call 3003 as 3002
                 op1: terminal 3002 talking
                 op1: terminal 3003 ringing
        3s   3003 answers
                 3002 <- 200
                 3002 gets 3003, 3003 gets 3002
                 op1: terminal 3003 talking
        4s   3002 hangs up
                 end 3003, normal-clearing
                 op1: terminal 3002 free
                 op1: terminal 3003 free
        5s   3009 registers at 3009a
                 op1: terminal 3009 free
        6s   op1: watch 3001 3002
                 op1: ok
                 op1: terminal 3001 free
                 op1: terminal 3002 free
        7s   3003 calls 3002
                 call 3002 as 3003
                 op1: terminal 3002 ringing
        8s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
                 op1: terminal 3002 talking
        9s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        10s  op1: take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
                 op1: terminal 3001 ringing
        11s  3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
                 op1: terminal 3001 talking
        12s  3001 is lost
                 ada gets hold
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: terminal 3001 ringing
        13s  3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
                 op1: terminal 3001 talking
        14s  ada hangs up
                 end 3001, normal-clearing
                 op1: call r1 ended, caller-hung-up
                 op1: state idle, phone ok
                 op1: terminal 3001 free
        15s  op1: watch
                 op1: ok
        16s  3003 hangs up
                 end 3002, normal-clearing
    ",
    );
}

#[test]
fn a_desk_that_says_hello_or_is_gone_watches_nothing() {
    play(
        "
        0s   op1 logs in
        1s   op1: watch 3002
                 op1: ok
                 op1: terminal 3002 free
        2s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state idle, phone ok
                 op1: snapshot-end
        3s   3002 calls 3003
                 call 3003 as 3002
        4s   op1: watch 3002
                 op1: ok
                 op1: terminal 3002 talking
        5s   op1: logout
                 op1: ok
                 end op1, normal-clearing
        6s   3002 hangs up
                 end 3003, abandoned
    ",
    );
}

#[test]
fn what_is_urgent_overtakes_what_stands_for_itself() {
    play(
        "
        0s   media are measured
        0s   op1 talks to ada
        1s   op1: watch 3002
                 op1: ok
                 op1: terminal 3002 free
        2s   desks fall silent
        3s   op1: ping
                 op1: ok
        3s   ada healthy
        3s   3002 calls 3003
                 call 3003 as 3002
        3s   ada hears 3001 sees 3001
        3s   3001 hears ada sees nobody
        3s   op1: dnd
        3s   op1: consult 3003
                 ada gets asking, 3001 gets ring-back
                 call 3003 as 3001
        3s   ada healthy
        4s   desks speak again
                 op1: ok
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3003 trying
                 op1: senses r1 heard by caller, hears caller, seen by caller
                 op1: state busy, phone ok
                 op1: terminal 3002 talking
                 op1: healthy
    ",
    );
}
