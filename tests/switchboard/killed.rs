//! The process is killed, and the next goes on with the calls that the journal has.

use super::day;
use super::testbed::Testbed;
use super::{play, play_after};
use cordboard::call::{AnsweredBy, Recorded};
use cordboard::time::{Duration, Instant};

/// Each keeps its place and its wait; music and picture begin anew.
#[test]
fn waiting_callers_keep_their_places_and_their_longest_wait() {
    let longest = Some(Duration::from_secs(10));
    day::day(
        &mut Testbed::with(AnsweredBy::Queue, 100, longest, Some("3003")),
        "
        0s   op1 logs in
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        3s   bob calls 9000
                 bob gets hold
                 bob gets position 2
                 bob <- 182 Queued, position 2
                 bob <- 200
                 op1: offer r2, 2 of 2
        6s   the switchboard is killed
                 ada gets position 1
                 bob gets position 2
        11s  alarm
                 call 3003 as ada
                 ada gets ring-back
                 bob gets position 1
        12s  bob hangs up
        12s  ada hangs up
                 end 3003, abandoned
        12s  all is quiet
    ",
    );
}

/// RFC 3261 §13.3.1.1
#[test]
fn a_caller_that_waits_unanswered_hears_at_once_that_it_does() {
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
        31s  the switchboard is killed
                 4001 gets position 1
                 4001 <- 182 Queued, position 1 with media
        31s  op1 desk up
        32s  op1: hello
                 op1: ok
                 op1: welcome
                 op1: state idle, phone ok
                 op1: offer r1, 1 of 1
                 op1: snapshot-end
        91s  alarm
                 4001 <- 182 Queued, position 1 with media
    ",
    );
}

#[test]
fn an_operator_and_its_caller_talk_on_and_the_desk_comes_back() {
    play(
        "
        0s   op1 talks to ada
        5s   the switchboard is killed
                 ada gets 3001, 3001 gets ada
                 3001 <- key frame?
                 ada <- key frame?
        6s   op1 desk up
        6s   op1: hello
                 probe 3001
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 with-caller
                 op1: snapshot-end
                 op1: senses r1, nobody
        7s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        8s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 op1: callee 3002 answered
                 op1: call r1 talking-to-callee
        9s   the switchboard is killed
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
                 3002 <- key frame?
                 3001 <- key frame?
        10s  3002 hangs up
                 ada gets 3001, 3001 gets ada
        11s  ada hangs up
                 end 3001, normal-clearing
        11s  all is quiet
    ",
    );
}

const TAKES: &str = "
        0s   op1 logs in
        0s   journal waits
        1s   ada calls 9000
                 ada gets hold
                 ada gets position 1
                 ada <- 182 Queued, position 1
                 ada <- 200
                 op1: offer r1, 1 of 1
        2s   op1 repeats t1 take r1
    ";

/// Of a phone that rang the next process may know nothing: the operator's and the wanted person's are called
/// anew.
#[test]
fn phones_that_rang_and_are_not_known_are_called_anew() {
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
        3s   the switchboard is killed
                 ada gets position 1
        3s   3001 was not saved
                 ada gets position 1
                 call 3001 as ada
        4s   3001 answers
                 ada gets 3001, 3001 gets ada
        5s   op1 desk up
        5s   op1: hello
                 probe 3001
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 with-caller
                 op1: snapshot-end
                 op1: senses r1, nobody
        6s   op1: consult 3002
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
                 op1: ok
                 op1: call r1 consulting
                 op1: callee 3002 trying
        7s   the switchboard is killed
                 ada gets asking, 3001 gets ring-back
        7s   3002 was not saved
                 ada gets asking, 3001 gets ring-back
                 call 3002 as 3001
        8s   3002 answers
                 ada gets asking, 3001 gets 3002, 3002 gets 3001
        9s   ada hangs up
                 end 3002, normal-clearing
                 end 3001, normal-clearing
        9s   all is quiet
    ",
    );
}

/// R4.2
#[test]
fn a_take_that_is_not_written_was_none_and_the_desk_takes_again() {
    play_after(
        TAKES,
        "
        3s   the switchboard is killed
                 ada gets position 1
        4s   op1 desk up
        4s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state idle, phone ok
                 op1: offer r1, 1 of 1
                 op1: snapshot-end
        5s   op1 repeats t1 take r1
                 op1: ok
                 ada gets position 1
                 call 3001 as ada
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        6s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
    ",
    );
}

/// R4.2
#[test]
fn a_take_that_is_written_is_carried_out_once() {
    play_after(
        TAKES,
        "
        3s   the journal has it and the switchboard is killed
                 ada gets position 1
                 ada gets position 1
                 call 3001 as ada
        4s   op1 desk up
        4s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 ringing-you
                 op1: snapshot-end
        5s   op1 repeats t1 take r1
                 op1: ok, again
        6s   3001 answers
                 ada gets 3001, 3001 gets ada
                 op1: call r1 with-caller
    ",
    );
}

#[test]
fn a_release_that_is_written_completes_and_one_that_waits_for_health_was_none() {
    const CONNECTED: &str = "
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
        3s   journal waits
        4s   op1 repeats z1 release
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 op1: call r1 connected
    ";
    play_after(
        CONNECTED,
        "
        5s   the switchboard is killed
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 3002 <- key frame?
                 ada <- key frame?
        6s   op1 desk up
        6s   op1: hello
                 probe 3001
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 connected
                 op1: snapshot-end
                 op1: senses r1, nobody
        7s   op1 repeats z1 release
        8s   ada healthy
        8s   3002 healthy
                 op1: healthy
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
                 op1: ok
                 op1: call r1 ended, handed-over
                 op1: state idle, phone ok
        9s   op1 repeats z1 release
                 op1: ok, again
    ",
    );
    play_after(
        CONNECTED,
        "
        5s   ada healthy
        5s   3002 healthy
                 op1: healthy
        6s   the journal has it and the switchboard is killed
                 ada gets 3002, 3001 gets connected in silence, 3002 gets ada
                 3002 <- key frame?
                 ada <- key frame?
                 end 3001, normal-clearing
                 ada gets 3002, 3002 gets ada
                 3002 shows ada
        7s   ada hangs up
                 end 3002, normal-clearing
        7s   all is quiet
    ",
    );
}

#[test]
fn what_is_in_hand_and_parked_is_there_and_is_recalled_at_its_time() {
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
        4s   op1: park of r2
                 bob gets hold
                 3001 gets inhand { number: 1 } in silence
                 op1: ok
                 op1: call r2 parked
                 op1: parked r2 by op1
        5s   the switchboard is killed
                 bob gets hold
                 ada gets hold
                 3001 gets inhand { number: 1 } in silence
        6s   op1 desk up
        6s   op1: hello
                 probe 3001
                 op1: ok
                 op1: welcome
                 op1: state busy, phone ok
                 op1: call r1 in-hand
                 op1: parked r2 by op1
                 op1: snapshot-end
        7s   op1: swap r1
                 ada gets 3001, 3001 gets ada
                 op1: ok
                 op1: call r1 with-caller
        64s  alarm
                 op1: recall r2 after 60 s
                 op1: notice
        65s  op1: pick r2
                 bob <- key frame?
                 3001 <- key frame?
                 op1: ok
                 3001 gets nothing
                 ada gets hold
                 bob gets 3001, 3001 gets bob
                 op1: call r1 in-hand
                 op1: call r2 with-caller
    ",
    );
}

#[test]
fn a_transfer_is_reported_as_failed_and_the_two_talk_on() {
    play(
        "
        1s   3002 calls 3003
                 call 3003 as 3002
        2s   3003 answers
                 3002 <- 200
                 3002 gets 3003, 3003 gets 3002
        3s   3003 refers to 3011
                 3003 <- 202
                 3003 <- NOTIFY 100
                 3003 gets nothing, 3002 gets ring-back
                 call 3011 as 3002
        4s   the switchboard is killed
                 end 3011, interrupted
                 3003 <- NOTIFY 503
                 3002 gets 3003, 3003 gets 3002
                 3002 gets 3003, 3003 gets 3002
                 3003 <- key frame?
                 3002 <- key frame?
        5s   3002 hangs up
                 end 3003, normal-clearing
        5s   all is quiet
    ",
    );
}

#[test]
fn a_recording_goes_on_in_a_further_file() {
    let mut testbed = Testbed::that_records(Recorded::Always, true);
    day::day(
        &mut testbed,
        "
        0s   op1 talks to ada
        5s   the switchboard is killed
                 file recordings/2026-11-18/110645-call-1.mkv
                 record ada
                 ada gets 3001, 3001 gets ada
                 3001 <- key frame?
                 ada <- key frame?
        6s   ada hangs up
                 end 3001, normal-clearing
                 end of the file of call-1
        6s   all is quiet
    ",
    );
    assert_eq!(testbed.kept.last().unwrap().recordings.len(), 2);
}

#[test]
fn without_its_operator_or_its_queue_a_call_goes_on_as_well_as_it_can() {
    play(
        "
        0s   op2 logs in
        0s   op1 talks to ada
        5s   op1 is gone
        5s   the switchboard is killed
                 end 3001, administrative
                 ada gets position 1
        6s   op2 desk up
        6s   op2: hello
                 op2: ok
                 op2: welcome
                 op2: state idle, phone ok
                 op2: offer r1, 1 of 1
                 op2: snapshot-end
        7s   ada hangs up
                 op2: withdrawn r1, abandoned
        7s   all is quiet
    ",
    );
    play(
        "
        0s   op1 talks to ada
        1s   bob calls 9000
                 bob gets hold after busy
                 bob gets position 1 after busy
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: waiting r2, 1 of 1
        2s   the queue is gone
        2s   the switchboard is killed
                 bob gets position 1 after busy
                 bob gets sorry, nobody
                 ada gets 3001, 3001 gets ada
                 3001 <- key frame?
                 ada <- key frame?
        3s   3001 is lost
                 ada gets hold
                 call 3001 as ada
        6.5s alarm
                 end bob, no-operator
        22s  alarm
                 end 3001, abandoned
                 ada gets position 1
                 ada gets sorry, nobody
        26.5s alarm
                 end ada, no-operator
        27s  all is quiet
    ",
    );
}

#[test]
fn no_text_of_a_call_harms_the_switchboard() {
    let scripts = [
        "op1 may have 3 calls; op1 hands ada over to 3002; bob calls 9000; op1: take r2; 3001 answers; \
         eve calls 9000; op1: take r3; op1: consult 3003 of r3; 3003 answers; 4001 calls 9000",
        "op1 may have 3 calls; op2 may have 3 calls; op1 talks to ada; op1: serial; op1: consult 3002; \
         bob calls 9000; eve calls 9000; op2 logs in; op2: take r2; 3011 answers; op2: park of r2; \
         3003 calls 4001; 4001 answers; 4001 refers to 3005; ada hangs up",
        "op3 works by phone; 3021 calls *50; ada calls 9000; 3021 answers; bob calls 9000; \
         3002 calls 7001; 3003 calls 3002",
    ];
    for script in scripts {
        let mut testbed = Testbed::new(AnsweredBy::Queue);
        for (at, line) in script.split(';').enumerate() {
            let now = Instant::START + Duration::from_secs(at as u64);
            let words: Vec<&str> = line.split_whitespace().collect();
            let _ = day::Machine::play(&mut testbed, now, &words);
            for seed in 0..100 {
                testbed.garbles(now, seed);
            }
        }
    }
}
