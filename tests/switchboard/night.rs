//! Night service: who calls a queue that is closed, and who sees that it is.

use super::day;
use super::testbed::Testbed;
use cordboard::acd::{NightRules, OpenSpan, OpeningHours};
use cordboard::call::AnsweredBy;
use cordboard::ids::{CallId, Number};
use cordboard::zone::TimeZone;
use std::collections::BTreeMap;

/// Open from 20 s to 80 s after the start, which is at 11:06:40 of a Wednesday; at night calls go to `to`.
fn open_for_a_minute(to: Option<&str>) -> Testbed {
    let mut week: [Vec<OpenSpan>; 7] = Default::default();
    week[2] = vec![OpenSpan::new(11 * 60 + 7, 11 * 60 + 8).unwrap()];
    let (holidays, yearly) = (BTreeMap::new(), BTreeMap::new());
    let hours = Some(OpeningHours { zone: TimeZone::utc(), week, holidays, yearly });
    Testbed::with_rules(AnsweredBy::Queue, |queue| {
        queue.night = NightRules { hours, to: to.map(Number::from) }
    })
}

/// Always open, unless somebody says otherwise.
fn without_hours(to: Option<&str>) -> Testbed {
    Testbed::with_rules(AnsweredBy::Queue, |queue| {
        queue.night = NightRules { hours: None, to: to.map(Number::from) };
    })
}

#[test]
fn at_night_new_callers_go_to_the_night_number_and_by_day_they_wait() {
    let mut testbed = open_for_a_minute(Some("3002"));
    day::day(
        &mut testbed,
        "
        0s   op1 desk up
        0s   op1: hello
                 op1: ok
                 op1: welcome
                 op1: state idle, phone ok
                 op1: queue main night
                 op1: snapshot-end
        1s   4001 calls 9000
                 call 3002 as 4001
        2s   3002 answers
                 4001 <- 200
                 4001 gets 3002, 3002 gets 4001
        3s   4001 hangs up
                 end 3002, normal-clearing
        20s  alarm
                 op1: queue main day
        21s  bob calls 9000
                 bob gets hold
                 bob gets position 1
                 bob <- 182 Queued, position 1
                 bob <- 200
                 op1: offer r1, 1 of 1
        80s  alarm                          # who waits waits on
                 op1: queue main night
        81s  op1: take r1
                 op1: ok
                 bob gets position 1
                 call 3001 as bob
                 op1: call r1 ringing-you
                 op1: state busy, phone ok
        82s  3001 answers
                 bob gets 3001, 3001 gets bob
                 op1: call r1 with-caller
    ",
    );
    let first = testbed.kept.iter().find(|record| record.call == CallId(1)).unwrap();
    let phases: Vec<_> = first.phases.iter().map(|p| (&*p.word, p.who.as_str())).collect();
    assert_eq!(phases[..2], [("moved-by", "night service"), ("direct-ringing", "3002")]);
    for line in ["call-1 goes on to 3002: night service", "queue main: day"] {
        assert!(testbed.told.iter().any(|told| told == line), "{:?}", testbed.told);
    }
}

#[test]
fn without_a_night_number_callers_are_told_and_ended() {
    let mut testbed = open_for_a_minute(None);
    day::day(
        &mut testbed,
        "
        0s   op1 logs in
        1s   4001 calls 9000
                 4001 <- 183 Closed at this hour with media
                 4001 gets sorry, closed
        5.5s alarm
                 4001 <- 480 Closed at this hour
        6s   all is quiet
    ",
    );
    assert_eq!(testbed.kept[0].ended.unwrap().cause.word(), "closed");
}

/// Whoever was answered already, such as a caller that is transferred, hears it in its call.
#[test]
fn a_caller_that_talks_already_is_told_at_night_too() {
    let mut testbed = without_hours(None);
    day::day(
        &mut testbed,
        "
        0s   3003 calls 3002
                 call 3002 as 3003
        1s   3002 answers
                 3003 <- 200
                 3003 gets 3002, 3002 gets 3003
        2s   night is switched on
        3s   3002 refers to 9000
                 3002 <- 202
                 3002 <- NOTIFY 200
                 end 3002, transferred
                 3003 gets sorry, closed
        7.5s alarm
                 end 3003, closed
        8s   all is quiet
    ",
    );
}

#[test]
fn the_switch_turns_day_to_night_and_back() {
    day::day(
        &mut without_hours(Some("3002")),
        "
        0s   op1 logs in
        1s   night is switched on
                 op1: queue main night
        1s   night is switched on
        2s   4001 calls 9000
                 call 3002 as 4001
        3s   4001 hangs up
                 end 3002, abandoned
        4s   night is switched auto         # without hours it is day
                 op1: queue main day
        5s   4001 calls 9000
                 4001 gets hold
                 4001 gets position 1
                 4001 <- 182 Queued, position 1
                 4001 <- 200
                 op1: offer r1, 1 of 1
    ",
    );
}

/// `*54`, from the phone of an operator at a desk and of one without.
#[test]
fn an_operators_phone_turns_day_to_night_and_back() {
    day::day(
        &mut open_for_a_minute(None),
        "
        30s  op1 logs in
        31s  3001 calls *54
                 operator op1 at phone 3001: queue set main --night on
                 3001 <- 200
                 3001 gets done
                 op1: queue main night
        32.2s alarm
                 end 3001, normal-clearing
        40s  3021 calls *54                 # the hours say day, too
                 operator op3 at phone 3021: queue set main --night auto
                 3021 <- 200
                 3021 gets done
                 op1: queue main day
        41.2s alarm
                 end 3021, normal-clearing
        80s  alarm
                 op1: queue main night
        90s  3001 calls *54
                 operator op1 at phone 3001: queue set main --night off
                 3001 <- 200
                 3001 gets done
                 op1: queue main day
    ",
    );
}

#[test]
fn nobody_else_switches_the_night() {
    day::day(
        &mut without_hours(None),
        "
        0s   op1 logs in
        1s   3002 calls *54
                 3002 <- 403 Not permitted
        1s   ada calls *54
                 ada <- 403 Not permitted
        2s   4001 calls *54
                 4001 <- 403 Not permitted
        3s   4001 calls 9000
                 4001 gets hold
                 4001 gets position 1
                 4001 <- 182 Queued, position 1
                 4001 <- 200
                 op1: offer r1, 1 of 1
    ",
    );
}

/// A night number that is an operator number of a queue that is closed, too, leads nowhere for ever.
#[test]
fn queues_that_send_their_callers_to_each_other_do_not_go_in_circles() {
    day::day(
        &mut without_hours(Some("9000")),
        "
        0s   night is switched on
        1s   4001 calls 9000
                 4001 <- 404 No such number
        1s   all is quiet
    ",
    );
}
