//! Of whom stills are made, and who may see them.

use super::day;
use super::testbed::Testbed;

#[track_caller]
fn play(script: &str) -> Testbed {
    let mut testbed = Testbed::that_shows_stills();
    day::day(&mut testbed, script);
    testbed
}

#[test]
fn stills_are_made_of_a_caller_while_it_waits_and_no_longer() {
    play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 stills of ada
                 op1: offer r1, 1 of 1
        2s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
                 stills of bob
                 op1: offer r2, 2 of 2
        3s   ada keys 0                     # she goes on elsewhere
                 no more stills of ada
                 call 3003 as ada
                 ada gets ring-back
                 bob gets position 1
                 op1: withdrawn r1, overflow
                 op1: offer r2, 1 of 1
        4s   op1: take r2
                 no more stills of bob
                 op1: ok
                 bob gets position 1
                 call 3001 as bob
                 op1: call r2 ringing-you
                 op1: state busy, phone ok
    ",
    );
}

#[test]
fn whose_desk_has_a_caller_in_its_list_may_see_it_and_nobody_else() {
    let testbed = play(
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 stills of ada
                 op1: offer r1, 1 of 1
    ",
    );
    assert!(testbed.is_shown("r1", "op1"));
    assert!(!testbed.is_shown("r1", "op2"), "it is not logged in");
    assert!(!testbed.is_shown("r1", "nobody"));
}
