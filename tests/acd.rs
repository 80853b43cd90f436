//! The queue, as days in its life: `call-states` rows that the queue alone decides, and their twins.

#![allow(clippy::unwrap_used)] // A test may panic.

mod day;

use cordboard::acd::{
    AgentState, Arrival, Denial, Effect, Ending, Input, Machine, NightRules, QueuePlace,
    QueuePriorities, QueueRefusal, QueueRules, QueueShares, Settings, Share, Telling,
    WithdrawalReason,
};
use cordboard::ids::{Number, OperatorId, QueueId, RequestId};
use cordboard::time::{Duration, Instant};

/// R3.2: every idle desk and no other.
#[test]
fn a_call_is_offered_to_the_idle_and_the_first_take_wins() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        0s   op3 busy
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        2s   op2 takes r1
                 taken r1 by op2
                 withdraw r1 from op1, taken
        2s   op1 takes r1
                 refuse r1 to op1, already taken by op2
        2s   op2 takes r1
                 refuse r1 to op2, already taken by op2
        3s   r2 arrives
                 queued r2, 1 of 1
                 offer r2 to op1, 1 of 1     # op2 and op3 are busy: not told while anyone is idle
    ",
    );
}

#[test]
fn where_none_is_idle_every_busy_desk_sees_the_list() {
    play(
        "
        0s   op1 busy
        0s   op2 busy
        0s   op3 dnd
        0s   op4 away
        1s   r1 arrives
                 queued r1, 1 of 1
                 show r1 to op1, 1 of 1
                 show r1 to op2, 1 of 1
        2s   r2 arrives
                 queued r2, 2 of 2
                 show r2 to op1, 2 of 2
                 show r2 to op2, 2 of 2
        3s   op1 takes r1                    # shown is not offered: it has a call in hand
                 refuse r1 to op1, busy
        4s   op1 idle                        # stays in the list of op2
                 offer r1 to op1, 1 of 2
                 offer r2 to op1, 2 of 2
        4s   op1 list
                 r1 offered, 1 of 2
                 r2 offered, 2 of 2
        4s   op2 list
                 r1 shown, 1 of 2
                 r2 shown, 2 of 2
        5s   op1 takes r2                    # not only the first
                 taken r2 by op1
                 withdraw r2 from op2, taken
                 show r1 to op1, 1 of 1      # no idle desk remains: the offer becomes waiting
        6s   r1 leaves
                 withdraw r1 from op1, abandoned
                 withdraw r1 from op2, abandoned
    ",
    );
}

/// offered × that operator takes another, loses its phone or desk, sets dnd.
#[test]
fn offers_end_with_the_eligibility_of_their_desk() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        1s   r2 arrives
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
                 offer r2 to op2, 2 of 2
        2s   op1 takes r1
                 taken r1 by op1
                 withdraw r1 from op2, taken
                 withdraw r2 from op1, not eligible     # op2 is idle
                 position r2, 1
        3s   op2 away
                 show r2 to op1, 1 of 1                 # now none is idle
                 withdraw r2 from op2, not eligible
        4s   op2 idle
                 offer r2 to op2, 1 of 1
        5s   op2 dnd
                 withdraw r2 from op2, not eligible
        6s   op1 dnd
                 withdraw r2 from op1, not eligible
        7s   op1 dnd                                    # said twice, changes nothing
        16s  alarm
                 end r2, nobody present
    ",
    );
}

#[test]
fn a_desk_that_was_never_told_takes_nothing() {
    play(
        "
        0s   op1 idle
        0s   op2 dnd
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   op2 takes r1
                 refuse r1 to op2, not offered
        2s   op9 takes r1
                 refuse r1 to op9, not offered
        2s   op1 takes r7
                 refuse r7 to op1, no such request
        2s   op2 declines r1
                 keep r1 at op2, not offered
        2s   op1 declines r7
                 keep r7 at op1, no such request
    ",
    );
}

/// The human saw the offer and pressed; the withdrawal crossed it.
#[test]
fn a_take_that_crosses_its_withdrawal_still_wins() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        2s   op1 away
                 withdraw r1 from op1, not eligible
        2s   op1 takes r1
                 taken r1 by op1
                 withdraw r1 from op2, taken
        3s   r2 arrives
                 queued r2, 1 of 1
                 offer r2 to op2, 1 of 1
        4s   op1 takes r2
                 refuse r2 to op1, not offered
    ",
    );
}

#[test]
fn nobody_takes_two_calls_though_its_desk_is_away() {
    play(
        "
        0s   op1 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   r2 arrives
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
        2s   op1 away
                 withdraw r1 from op1, not eligible
                 withdraw r2 from op1, not eligible
        2s   op1 takes r1
                 taken r1 by op1
                 position r2, 1
        2s   op1 takes r2
                 refuse r2 to op1, busy
    ",
    );
}

/// queued × all declined.
#[test]
fn a_declined_offer_comes_again_after_its_pause() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        0s   op3 busy
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        2s   op1 declines r1
                 declined r1 by op1
        5s   op2 declines r1
                 declined r1 by op2                      # op1 and op2 are idle: op3 is not told
        6s   op2 declines r1
                 keep r1 at op2, not offered
        32s  alarm
                 offer r1 to op1, 1 of 1
        33s  op2 takes r1                                # a take after a decline is allowed
                 taken r1 by op2
                 withdraw r1 from op1, taken
        35s  op1 declines r1
                 keep r1 at op1, already taken by op2
    ",
    );
}

#[test]
fn a_decline_outlives_a_call_in_between_but_not_a_new_login() {
    play(
        "
        0s   op1 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   op1 declines r1
                 declined r1 by op1
        3s   op1 busy
                 show r1 to op1, 1 of 1
        4s   op1 idle                                    # it keeps what it was shown
        5s   op1 out
                 withdraw r1 from op1, not eligible
        6s   op1 idle
                 offer r1 to op1, 1 of 1
        7s   op1 declines r1
                 declined r1 by op1
        8s   r1 leaves                                   # no withdrawal: it is told of nothing
    ",
    );
}

/// R3.2: told so at once, and never let in.
#[test]
fn with_nobody_present_a_call_is_refused() {
    play(
        "
        0s   r1 arrives
                 refuse r1, nobody present
        1s   op1 dnd
        2s   r2 arrives
                 refuse r2, nobody present
        3s   op1 away                                    # within its lease: present
        4s   r3 arrives
                 queued r3, 1 of 1
        5s   op1 takes r2
                 refuse r2 to op1, no such request
    ",
    );
}

/// queued × nobody present, then `ready` within the grace.
#[test]
fn who_comes_back_within_the_grace_gets_the_call() {
    play(
        "
        0s   op1 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   op1 dnd
                 withdraw r1 from op1, not eligible
        11s  op1 idle
                 offer r1 to op1, 1 of 1
        30s  op1 out
                 withdraw r1 from op1, not eligible
        35s  op2 dnd                                     # logged in, but no hope: the grace runs on
        40s  alarm
                 end r1, nobody present
        41s  op1 idle                                    # the announcement plays: no new offer
        42s  r1 leaves
        43s  op1 takes r1
                 refuse r1 to op1, no such request
    ",
    );
}

/// queued × maximum wait, with and without a number for overflow.
#[test]
fn the_longest_wait_ends_a_call() {
    play(
        "
        0s   op1 idle
        0s   op2 busy
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   r2 arrives
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
        301s alarm
                 end r1, waited too long
                 withdraw r1 from op1, timeout
                 position r2, 1
        302s alarm
                 end r2, waited too long
                 withdraw r2 from op1, timeout
        303s op1 takes r1                                # the take wins until the final response
                 taken r1 by op1
        304s r2 leaves
        305s op1 takes r2
                 refuse r2 to op1, no such request
    ",
    );
    play(
        "
        0s   op1 idle in sales
        1s   r1 arrives in sales
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        61s  alarm
                 end r1, overflow to 3009
                 withdraw r1 from op1, overflow
    ",
    );
}

#[test]
fn a_full_queue_refuses_or_sends_away() {
    play(
        "
        0s   op1 busy in main sales
        1s   r1 arrives in sales
                 queued r1, 1 of 1
                 show r1 to op1, 1 of 1
        1s   r2 arrives in sales
                 refuse r2, overflow to 3009
        2s   r3 arrives
                 queued r3, 1 of 1
                 show r3 to op1, 1 of 1
        2s   r4 arrives
                 queued r4, 2 of 2
                 show r4 to op1, 2 of 2
        2s   r5 arrives
                 queued r5, 3 of 3
                 show r5 to op1, 3 of 3
        2s   r6 arrives
                 refuse r6, queue full
        3s   r3 leaves
                 withdraw r3 from op1, abandoned
                 position r4, 1
                 position r5, 2
        3s   r6 arrives
                 queued r6, 3 of 3
                 show r6 to op1, 3 of 3
    ",
    );
}

/// queued × minutes pass unanswered.
#[test]
fn an_unanswered_caller_hears_every_minute_that_it_waits() {
    play(
        "
        0s   op1 idle
        0s   r1 arrives unanswered
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   r2 arrives unanswered
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
        1s   r3 arrives                                  # answered: it has its picture
                 queued r3, 3 of 3
                 offer r3 to op1, 3 of 3
        30s  r1 leaves
                 withdraw r1 from op1, abandoned
                 position r2, 1                          # this, too, was a 182
                 position r3, 2
        90s  alarm
                 repeat r2
        150s alarm
                 repeat r2
    ",
    );
}

/// ringing-you × phone fails: the original place, under the same id.
#[test]
fn a_failed_phone_puts_the_call_back_in_its_place() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        1s   r2 arrives
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
                 offer r2 to op2, 2 of 2
        2s   op1 takes r1
                 taken r1 by op1
                 withdraw r1 from op2, taken
                 withdraw r2 from op1, not eligible
                 position r2, 1
        22s  r1 returns
                 queued r1, 1 of 2                       # and r2 keeps the 1 that it heard
                 offer r1 to op2, 1 of 2
        22s  op1 away                                    # phone refusing
        23s  op1 takes r2
                 taken r2 by op1
                 withdraw r2 from op2, taken
        24s  r2 returns
                 queued r2, 1 of 2
                 offer r2 to op2, 2 of 2
        25s  r1 leaves
                 withdraw r1 from op2, abandoned
    ",
    );
}

/// consulting × O's phone gone: the front of the queue, but not before a higher priority.
#[test]
fn a_lost_leg_puts_the_call_to_the_front() {
    play(
        "
        0s   op1 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   op1 takes r1
                 taken r1 by op1
        3s   r2 arrives unanswered
                 queued r2, 1 of 1
                 show r2 to op1, 1 of 1
        4s   r3 arrives priority 5
                 queued r3, 1 of 2
                 show r3 to op1, 1 of 2
                 position r2, 2
        5s   r1 returns to the front
                 queued r1, 1 of 3                       # it never hears worse than it heard
                 show r1 to op1, 2 of 3
        6s   op1 list
                 r3 shown, 1 of 3
                 r1 shown, 2 of 3
                 r2 shown, 3 of 3
        7s   r3 leaves
                 withdraw r3 from op1, abandoned
        8s   r1 leaves
                 withdraw r1 from op1, abandoned
                 position r2, 1
    ",
    );
}

/// an answered C back in the queue × nobody left.
#[test]
fn a_call_that_returns_to_an_empty_house_has_the_grace() {
    play(
        "
        0s   op1 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   op1 takes r1
                 taken r1 by op1
        3s   op1 out
        9s   r1 returns to the front
                 queued r1, 1 of 1
        19s  alarm
                 end r1, nobody present
    ",
    );
}

#[test]
fn time_at_an_operator_does_not_count_as_waiting() {
    play(
        "
        0s   op1 idle
        0s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        290s op1 takes r1
                 taken r1 by op1
        310s r1 returns
                 queued r1, 1 of 1
                 show r1 to op1, 1 of 1
        320s alarm
                 end r1, waited too long
                 withdraw r1 from op1, timeout
        320s op1 idle
        320s op1 takes r1
                 taken r1 by op1
        400s r1 returns to the front                     # served once: a fresh wait
                 queued r1, 1 of 1
                 show r1 to op1, 1 of 1
        700s alarm
                 end r1, waited too long
                 withdraw r1 from op1, timeout
    ",
    );
}

#[test]
fn what_is_not_taken_cannot_come_back() {
    play(
        "
        0s   op1 idle
        0s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   r1 returns
        1s   r9 returns to the front
        1s   r9 leaves
    ",
    );
}

/// ended × take, and R4.5: the queue reports the release.
#[test]
fn a_taken_call_is_remembered_for_ten_minutes() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        0s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        1s   op1 takes r1
                 taken r1 by op1
                 withdraw r1 from op2, taken
        9s   r1 leaves
                 released r1 by op1
        608s op2 takes r1
                 refuse r1 to op2, already taken by op1
        609s op2 takes r1
                 refuse r1 to op2, no such request
    ",
    );
}

/// The operator has left the caller to a phone that rings, and takes another; should that phone not
/// answer, the caller is the next.
#[test]
fn an_operator_may_be_free_before_its_caller_is_gone_for_good() {
    play(
        "
        0s   op1 idle
        0s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   op1 takes r1
                 taken r1 by op1
        2s   r1 frees its operator
                 released r1 by op1
        2s   r1 frees its operator
        2s   op1 idle
        3s   r2 arrives
                 queued r2, 1 of 1
                 offer r2 to op1, 1 of 1
        4s   op1 takes r1
                 refuse r1 to op1, already taken by op1
        5s   r1 returns to the front
                 queued r1, 1 of 2
                 offer r1 to op1, 1 of 2
        6s   op1 takes r1
                 taken r1 by op1
                 show r2 to op1, 1 of 1
        7s   r1 frees its operator
                 released r1 by op1
        8s   r1 leaves
    ",
    );
}

/// queued × CANCEL crossing a take: the first processed wins.
#[test]
fn a_caller_who_is_gone_first_cannot_be_taken() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        2s   r1 leaves
                 withdraw r1 from op1, abandoned
                 withdraw r1 from op2, abandoned
        2s   op1 takes r1
                 refuse r1 to op1, no such request
    ",
    );
}

#[test]
fn priority_goes_first() {
    play(
        "
        0s   op1 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   r2 arrives
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
        1s   r3 arrives priority 1
                 queued r3, 1 of 3
                 offer r3 to op1, 1 of 3
                 position r1, 2
                 position r2, 3
    ",
    );
}

/// operator calls the operator number from its own phone: never offered to itself.
#[test]
fn an_operator_is_never_offered_its_own_call() {
    play(
        "
        0s   op1 idle
        0s   op2 busy
        1s   r1 arrives from op1                         # op1 alone is idle, but barred
                 queued r1, 1 of 1
                 show r1 to op2, 1 of 1
        2s   op1 takes r1
                 refuse r1 to op1, not offered
        3s   op2 out
                 withdraw r1 from op2, not eligible
        13s  alarm
                 end r1, nobody present                  # for this caller nobody is
        14s  r2 arrives from op1
                 refuse r2, nobody present
    ",
    );
}

#[test]
fn an_operator_serves_several_queues_and_may_change_them() {
    play(
        "
        0s   op1 idle in main sales
        1s   r1 arrives in sales
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   r2 arrives
                 queued r2, 1 of 1
                 offer r2 to op1, 1 of 1
        2s   op1 takes r2
                 taken r2 by op1
                 show r1 to op1, 1 of 1
        3s   op1 busy in main
                 withdraw r1 from op1, not eligible
        4s   op1 idle in main nowhere                    # a queue that is not configured
        13s  alarm
                 end r1, nobody present
    ",
    );
}

#[test]
fn a_seat_that_was_left_does_not_pass_on_its_memory() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        2s   op1 out
                 withdraw r1 from op1, not eligible
        3s   op3 dnd                                     # sits down where op1 sat
        4s   op3 takes r1
                 refuse r1 to op3, not offered
        4s   op1 takes r1
                 refuse r1 to op1, not offered
        5s   op1 out
        6s   op2 takes r1
                 taken r1 by op2
        7s   op1 idle
        8s   op2 out
        9s   op4 dnd                                     # and this one where op2 sat
        10s  r1 returns
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        11s  op4 takes r1
                 refuse r1 to op4, not offered
    ",
    );
}

/// A queue of ten: a terminal gets two places, a trunk six, all guests two, and two are the terminals'.
#[track_caller]
fn play_with_shares(overflow: Option<&str>, script: &str) {
    let mut settings = settings();
    let main = &mut settings.queues[0];
    main.waiting_max = 10;
    main.shares = QueueShares { terminal: 2, trunk: 6, guests: 2, reserve: 2 };
    main.overflow = overflow.map(Number::from);
    day::day(&mut Testbed(Machine::new(settings)), script);
}

#[test]
fn nobody_fills_the_queue_for_himself() {
    play_with_shares(
        None,
        "
        0s   op1 busy
        1s   r1 arrives of guests
                 queued r1, 1 of 1
                 show r1 to op1, 1 of 1
        1s   r2 arrives of guests
                 queued r2, 2 of 2
                 show r2 to op1, 2 of 2
        1s   r3 arrives of guests
                 refuse r3, share full
        1s   r4 arrives of 4001
                 queued r4, 3 of 3
                 show r4 to op1, 3 of 3
        1s   r5 arrives of 4001
                 queued r5, 4 of 4
                 show r5 to op1, 4 of 4
        1s   r6 arrives of 4001
                 refuse r6, share full
        1s   r7 arrives of 4002
                 queued r7, 5 of 5
                 show r7 to op1, 5 of 5
        2s   r2 leaves
                 withdraw r2 from op1, abandoned
                 position r4, 2
                 position r5, 3
                 position r7, 4
        2s   r8 arrives of guests
                 queued r8, 5 of 5
                 show r8 to op1, 5 of 5
    ",
    );
}

#[test]
fn two_trunks_leave_terminals_their_reserve() {
    for (overflow, refused) in [(None, "queue full"), (Some("3009"), "overflow to 3009")] {
        let mut script = "0s op1 busy\n".to_owned();
        for n in 1..=10 {
            let (trunk, place) = (if n <= 6 { "t1" } else { "t2" }, n);
            script += &format!("1s r{n} arrives of {trunk}\n");
            script += &match n {
                1..=8 => format!(
                    " queued r{n}, {place} of {place}\n show r{n} to op1, {place} of {place}\n"
                ),
                _ => format!(" refuse r{n}, {refused}\n"),
            };
        }
        script += "1s r11 arrives of t1\n";
        script += &format!(" refuse r11, {refused}\n");
        script += "1s r12 arrives of guests\n refuse r12, share full\n";
        script += "1s r13 arrives of 4001\n queued r13, 9 of 9\n show r13 to op1, 9 of 9\n";
        play_with_shares(overflow, &script);
    }
}

/// R3.4: what a caller was told on its way here does not rise; the desk sees where it stands.
#[test]
fn a_position_that_was_told_on_the_way_does_not_rise() {
    play(
        "
        0s   op1 busy
        1s   r1 arrives told 1
                 queued r1, 1 of 1
                 show r1 to op1, 1 of 1
        2s   r2 arrives told 1
                 queued r2, 1 of 2
                 show r2 to op1, 2 of 2
        3s   r3 arrives told 7
                 queued r3, 3 of 3
                 show r3 to op1, 3 of 3
        4s   r1 leaves
                 withdraw r1 from op1, abandoned
                 position r3, 2
    ",
    );
}

/// The place of a request that was taken is free, and it comes back beyond its share.
#[test]
fn what_comes_back_from_an_operator_is_let_in_beyond_its_share() {
    play_with_shares(
        None,
        "
        0s   op1 idle
        1s   r1 arrives of 4001
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   op1 takes r1
                 taken r1 by op1
        2s   r2 arrives of 4001
                 queued r2, 1 of 1
                 show r2 to op1, 1 of 1
        2s   r3 arrives of 4001
                 queued r3, 2 of 2
                 show r3 to op1, 2 of 2
        3s   r1 returns
                 queued r1, 1 of 3
                 show r1 to op1, 1 of 3
        3s   r4 arrives of 4001
                 refuse r4, share full
    ",
    );
}

/// queued × the key with which callers leave.
#[test]
fn a_waiting_caller_leaves_by_a_key_for_the_overflow() {
    let mut settings = settings();
    settings.queues[1].waiting_max = 5;
    day::day(
        &mut Testbed(Machine::new(settings)),
        "
        0s   op1 idle in sales
        0s   op2 dnd in sales
        1s   r1 arrives in sales
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   r2 arrives in sales
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
        2s   r1 presses 5                            # no key of this queue
        3s   r1 presses 0
                 end r1, key 0 to 3009
                 withdraw r1 from op1, overflow
                 position r2, 1
        3s   r1 presses 0                            # it is on its way
        3s   r1 leaves
        4s   r1 presses 0
        4s   r9 presses 0
        61s  alarm                                   # the other waits out its time
                 end r2, overflow to 3009
                 withdraw r2 from op1, overflow
    ",
    );
}

/// The key of a caller who talks is none of the queue's; nor is one where there is no other number.
#[test]
fn a_key_of_one_that_does_not_wait_does_nothing() {
    play(
        "
        0s   op1 idle in main sales
        1s   r1 arrives in sales
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   op1 takes r1
                 taken r1 by op1
        3s   r1 presses 0
        4s   r1 frees its operator
                 released r1 by op1
        4s   r1 presses 0
        5s   r1 returns                              # it waits again
                 queued r1, 1 of 1
                 show r1 to op1, 1 of 1
        6s   r1 presses 0
                 end r1, key 0 to 3009
                 withdraw r1 from op1, overflow
        7s   r1 leaves
        8s   r2 arrives
                 queued r2, 1 of 1
                 show r2 to op1, 1 of 1
        9s   r2 presses 0                            # this queue has no overflow
        10s  r2 leaves
                 withdraw r2 from op1, abandoned
    ",
    );
}

/// A take that crosses the key wins until the caller is gone.
#[test]
fn a_take_that_crosses_the_key_wins() {
    play(
        "
        0s   op1 idle in sales
        1s   r1 arrives in sales
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   r1 presses 0
                 end r1, key 0 to 3009
                 withdraw r1 from op1, overflow
        2s   op1 takes r1
                 taken r1 by op1
        2s   r1 leaves
                 released r1 by op1
    ",
    );
}

/// R3.4: whoever was told that it is the first hears that it is the third when two go before it, and
/// never rises by those that go back.
#[test]
fn only_priority_moves_a_caller_back() {
    let mut settings = settings();
    settings.queues[0].waiting_max = 9;
    day::day(
        &mut Testbed(Machine::new(settings)),
        "
        0s   op1 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        2s   r2 arrives priority 9
                 queued r2, 1 of 2
                 offer r2 to op1, 1 of 2
                 position r1, 2
        3s   r3 arrives priority 5
                 queued r3, 2 of 3
                 offer r3 to op1, 2 of 3
                 position r1, 3
        4s   r4 arrives priority 5
                 queued r4, 3 of 4
                 offer r4 to op1, 3 of 4
                 position r1, 4
        5s   op1 takes r2
                 taken r2 by op1
                 show r3 to op1, 1 of 3
                 show r4 to op1, 2 of 3
                 show r1 to op1, 3 of 3
                 position r3, 1
                 position r4, 2
                 position r1, 3
        6s   r2 returns                              # the others have been told better
                 queued r2, 1 of 4
                 show r2 to op1, 1 of 4
        7s   r2 leaves
                 withdraw r2 from op1, abandoned
        8s   r3 leaves
                 withdraw r3 from op1, abandoned
                 position r4, 1
                 position r1, 2
    ",
    );
}

/// Of two calls, as one who may have two.
#[test]
fn who_may_have_one_more_is_offered_the_next_and_after_the_last_no_other() {
    play(
        "
        0s   op1 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
        1s   r2 arrives
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
        2s   op1 takes r1 beside another
                 taken r1 by op1
                 position r2, 1
        2s   op1 list
                 r2 offered, 1 of 1
        3s   op1 takes r2
                 taken r2 by op1
        4s   r3 arrives
                 queued r3, 1 of 1
                 show r3 to op1, 1 of 1
        4s   op1 takes r3 beside another
                 refuse r3 to op1, busy
        5s   r1 leaves
                 released r1 by op1
        5s   op1 idle
                 offer r3 to op1, 1 of 1
        5s   op1 takes r2 beside another     # its own
                 refuse r2 to op1, already taken by op1
        6s   op1 takes r3 beside another
                 taken r3 by op1
        7s   r2 returns to the front         # the other stays
                 queued r2, 1 of 1
                 offer r2 to op1, 1 of 1
        8s   r3 leaves
                 released r3 by op1
    ",
    );
}

/// Each is taken by one, however many calls they may have, and is refused to who is not there.
#[test]
fn a_take_beside_another_is_a_take() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        1s   r2 arrives
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
                 offer r2 to op2, 2 of 2
        2s   op1 takes r1 beside another
                 taken r1 by op1
                 withdraw r1 from op2, taken
                 position r2, 1
        2s   op2 takes r1 beside another
                 refuse r1 to op2, already taken by op1
        2s   op3 takes r2 beside another
                 refuse r2 to op3, not offered
        2s   op1 takes r9 beside another
                 refuse r9 to op1, no such request
        3s   op1 away
                 withdraw r2 from op1, not eligible
        3s   op1 takes r2 beside another     # its desk is away, and it holds a call
                 refuse r2 to op1, busy
        4s   op2 takes r2 beside another
                 taken r2 by op2
    ",
    );
}

#[test]
fn a_call_that_goes_on_to_an_operator_is_its_own_and_is_free_once_more() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        1s   r1 goes on to op2               # it waits: it is nobody's
        2s   op1 takes r1
                 taken r1 by op1
                 withdraw r1 from op2, taken
        3s   r1 frees its operator
                 released r1 by op1
        4s   r1 goes on to op2
        4s   op1 takes r1
                 refuse r1 to op1, already taken by op2
        5s   r1 frees its operator
                 released r1 by op2
        5s   r1 frees its operator           # once each time
        6s   r1 goes on to op1
        7s   r1 leaves
                 released r1 by op1
        8s   op2 takes r1                    # as it is remembered
                 refuse r1 to op2, already taken by op1
        8s   r1 goes on to op2               # it is gone
        8s   op2 takes r1
                 refuse r1 to op2, already taken by op1
        9s   r9 goes on to op1
        9s   op1 takes r9
                 refuse r9 to op1, no such request
    ",
    );
}

/// Who has got a call handed on holds it as one that it took.
#[test]
fn a_call_that_was_handed_on_returns_to_its_place_or_to_the_front() {
    play(
        "
        0s   op1 idle
        0s   op2 idle
        1s   r1 arrives
                 queued r1, 1 of 1
                 offer r1 to op1, 1 of 1
                 offer r1 to op2, 1 of 1
        1s   r2 arrives
                 queued r2, 2 of 2
                 offer r2 to op1, 2 of 2
                 offer r2 to op2, 2 of 2
        2s   op1 takes r2
                 taken r2 by op1
                 withdraw r2 from op2, taken
                 withdraw r1 from op1, not eligible
        3s   r2 frees its operator
                 released r2 by op1
        3s   r2 goes on to op2
        3s   op2 away
                 show r1 to op1, 1 of 1
                 withdraw r1 from op2, not eligible
        4s   op2 takes r1                    # it has r2, as if it had taken it
                 refuse r1 to op2, busy
        5s   r2 returns to the front
                 queued r2, 1 of 2
                 show r2 to op1, 1 of 2
    ",
    );
}

/// From whichever end it is counted.
#[test]
fn of_a_thousand_that_wait_each_has_its_place() {
    let mut settings = settings();
    settings.queues[0].waiting_max = 1_000;
    let mut machine = Machine::new(settings);
    let now = Instant::START;
    let idle = Input::AgentState {
        operator: OperatorId::from("op1"),
        queues: vec![QueueId::from("main")],
        agent_state: AgentState::Idle,
    };
    let _ = machine.handle(now, idle);
    let arrival = |n: u64| Arrival {
        request: RequestId(n),
        share: Share::Guests,
        queue: QueueId::from("main"),
        never_to: None,
        priority: (n % 10) as u8,
        answered: true,
        told: None,
    };
    for n in 0..1_000 {
        let effects = machine.handle(now, Input::Arrive(arrival(n)));
        let before = (0..=n).filter(|m| m % 10 > n % 10 || m % 10 == n % 10 && m < &n).count();
        let told = effects.iter().find_map(|effect| match effect {
            Effect::Queued { position, .. } => Some(*position),
            _ => None,
        });
        assert_eq!(told, Some(before + 1), "{n}");
        assert_eq!(machine.priority(RequestId(n)), (n % 10) as u8);
    }
}

#[track_caller]
fn play(script: &str) {
    day::day(&mut Testbed(Machine::new(settings())), script);
}

fn settings() -> Settings {
    let queue = |id: &str, waiting_max, wait_max, overflow: Option<&str>| QueueRules {
        id: QueueId::from(id),
        waiting_max,
        shares: QueueShares::ALL,
        wait_max: Some(Duration::from_secs(wait_max)),
        grace: Duration::from_secs(10),
        overflow: overflow.map(Number::from),
        exit_key: Some('0'),
        priorities: QueuePriorities::default(),
        night: NightRules::default(),
    };
    let queues = vec![queue("main", 3, 300, None), queue("sales", 1, 60, Some("3009"))];
    Settings { queues, decline_pause: Duration::from_secs(30) }
}

struct Testbed(Machine);

impl day::Machine for Testbed {
    fn play(&mut self, now: Instant, words: &[&str]) -> Vec<String> {
        if let [operator, "list"] = words {
            let list = self.0.list(&OperatorId::from(*operator));
            let line = |l: &cordboard::acd::Listed| {
                let telling = match l.telling {
                    Telling::Offered => "offered",
                    Telling::Shown => "shown",
                };
                format!("r{} {telling}, {} of {}", l.request.0, l.position, l.waiting)
            };
            return list.iter().map(line).collect();
        }
        self.0.handle(now, input(words)).iter().map(print).collect()
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn tick(&mut self, now: Instant) -> Vec<String> {
        self.0.tick(now).iter().map(print).collect()
    }
}

fn input(words: &[&str]) -> Input {
    let after = |word: &str| words.iter().position(|w| *w == word).map(|at| words[at + 1]);
    let request = |word: &str| RequestId(word[1..].parse().unwrap());
    let operator = |word: &str| OperatorId::from(word);
    let share = || match after("of") {
        None | Some("guests") => Share::Guests,
        Some(trunk) if trunk.starts_with('t') => Share::Trunk(trunk.into()),
        Some(number) => Share::Terminal(Number::from(number)),
    };
    let arrival = || Arrival {
        request: request(words[0]),
        share: share(),
        queue: QueueId::from(after("in").unwrap_or("main")),
        never_to: after("from").map(operator),
        priority: after("priority").map_or(0, |p| p.parse().unwrap()),
        answered: !words.contains(&"unanswered"),
        told: after("told").map(|position| position.parse().unwrap()),
    };
    let agent_state = |word: &str| match word {
        "idle" => AgentState::Idle,
        "busy" => AgentState::Busy,
        "away" => AgentState::Away,
        "dnd" => AgentState::DoNotDisturb,
        "out" => AgentState::Absent,
        _ => panic!("no such standing: {word}"),
    };
    match words {
        [_, "arrives", ..] => Input::Arrive(arrival()),
        [who, "takes", what, "beside", "another"] => {
            Input::TakeOneMore { request: request(what), operator: operator(who) }
        }
        [what, "goes", "on", "to", who] => {
            Input::HandOn { request: request(what), operator: operator(who) }
        }
        [who, "takes", what] => Input::Take { request: request(what), operator: operator(who) },
        [who, "declines", what] => {
            Input::Decline { request: request(what), operator: operator(who) }
        }
        [what, "returns"] => Input::PutBack { request: request(what), place: QueuePlace::Original },
        [what, "returns", "to", "the", "front"] => {
            Input::PutBack { request: request(what), place: QueuePlace::Front }
        }
        [what, "presses", key] => {
            Input::Key { request: request(what), key: key.chars().next().unwrap() }
        }
        [what, "leaves"] => Input::Leave { request: request(what) },
        [what, "frees", "its", "operator"] => Input::Free { request: request(what) },
        [who, how, queues @ ..] => Input::AgentState {
            operator: operator(who),
            queues: match queues {
                [] => vec![QueueId::from("main")],
                ["in", queues @ ..] => queues.iter().map(|q| QueueId::from(*q)).collect(),
                _ => panic!("no such line: {words:?}"),
            },
            agent_state: agent_state(how),
        },
        _ => panic!("no such line: {words:?}"),
    }
}

fn print(effect: &Effect) -> String {
    match effect {
        Effect::Queued { request, position, waiting } => {
            format!("queued r{}, {position} of {waiting}", request.0)
        }
        Effect::Position { request, position, .. } => {
            format!("position r{}, {position}", request.0)
        }
        Effect::Repeat { request } => format!("repeat r{}", request.0),
        Effect::Refused { request, why } => {
            let why = match why {
                QueueRefusal::QueueFull => "queue full".to_owned(),
                QueueRefusal::Overflow { to } => format!("overflow to {to}"),
                QueueRefusal::ShareFull(_) => "share full".to_owned(),
                QueueRefusal::NobodyPresent => "nobody present".to_owned(),
            };
            format!("refuse r{}, {why}", request.0)
        }
        Effect::Ended { request, why } => {
            let why = match why {
                Ending::NobodyPresent => "nobody present".to_owned(),
                Ending::WaitedTooLong => "waited too long".to_owned(),
                Ending::Overflow { to } => format!("overflow to {to}"),
                Ending::Exit { key, to } => format!("key {key} to {to}"),
            };
            format!("end r{}, {why}", request.0)
        }
        Effect::Offer { operator, request, position, waiting } => {
            format!("offer r{} to {operator}, {position} of {waiting}", request.0)
        }
        Effect::Show { operator, request, position, waiting } => {
            format!("show r{} to {operator}, {position} of {waiting}", request.0)
        }
        Effect::Withdraw { operator, request, reason } => {
            let reason = match reason {
                WithdrawalReason::Taken => "taken",
                WithdrawalReason::Abandoned => "abandoned",
                WithdrawalReason::Timeout => "timeout",
                WithdrawalReason::Overflow => "overflow",
                WithdrawalReason::NotEligible => "not eligible",
            };
            format!("withdraw r{} from {operator}, {reason}", request.0)
        }
        Effect::Taken { request, operator } => format!("taken r{} by {operator}", request.0),
        Effect::TakeRefused { request, operator, why } => {
            format!("refuse r{} to {operator}, {}", request.0, denial(why))
        }
        Effect::Declined { request, operator } => format!("declined r{} by {operator}", request.0),
        Effect::DeclineRefused { request, operator, why } => {
            format!("keep r{} at {operator}, {}", request.0, denial(why))
        }
        Effect::Released { request, operator } => format!("released r{} by {operator}", request.0),
    }
}

fn denial(why: &Denial) -> String {
    match why {
        Denial::AlreadyTaken { by } => format!("already taken by {by}"),
        Denial::NoSuchRequest => "no such request".to_owned(),
        Denial::NotOffered => "not offered".to_owned(),
        Denial::Busy => "busy".to_owned(),
    }
}
