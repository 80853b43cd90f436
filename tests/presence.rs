//! Presence, as days in its life: what an operator is to the queue, and what a restart keeps.

#![allow(clippy::unwrap_used)] // A test may panic.

mod day;

use cordboard::ids::{Number, OperatorId};
use cordboard::presence::{
    AgentAvailability, ControlDialogState, DeskPhone, Effect, Input, LoginRefusal, LogoutCause,
    Machine, OperatorState, PhoneFailure, PhoneState, PresenceView, Settings, WorkMode,
};
use cordboard::time::{Duration, Instant};

#[test]
fn an_operator_logs_in_works_and_logs_out() {
    play(
        "
        0s   op1 added
        1s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        2s   op1 engaged at 3001
                 op1 busy at 3001, stands busy
        9s   op1 disengaged
                 op1 idle at 3001, stands idle
        10s  op1 logs out
                 op1 logged out, command
                 store op1 out
                 op1 out, stands absent
        11s  op1 logs out                                # said twice
        12s  op1 dnd                                     # nobody is there to be disturbed
    ",
    );
}

/// R7.2: set at any time, effective at once, kept over the end of a call.
#[test]
fn do_not_disturb_is_kept_over_the_end_of_a_call() {
    play(
        "
        0s   op1 added
        1s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        2s   op1 engaged at 3001
                 op1 busy at 3001, stands busy
        3s   op1 dnd
                 store op1 in dnd at 3001
                 op1 busy dnd at 3001, stands dnd
        4s   op1 disengaged
                 op1 idle dnd at 3001, stands dnd
        5s   op1 logs in at 3001                         # a second hello keeps the state
        6s   op1 ready
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        7s   op1 dnd
                 store op1 in dnd at 3001
                 op1 idle dnd at 3001, stands dnd
        8s   op1 logs out
                 op1 logged out, command
                 store op1 out
                 op1 out, stands absent
        9s   op1 logs in at 3001                         # a new login is idle
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
    ",
    );
}

/// R7.3: the lease.
#[test]
fn a_lost_desk_may_come_back_within_its_lease() {
    play(
        "
        0s   op1 added
        0s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        1s   op1 engaged at 3001
                 op1 busy at 3001, stands busy
        2s   op1 desk lost
                 op1 busy at 3001 desk lost, stands away
        20s  op1 desk lost                               # the lease does not begin again
        21s  op1 desk answers                            # a late response of a dead dialog
        31s  op1 logs in at 3001
                 op1 busy at 3001, stands busy
        40s  op1 desk lost
                 op1 busy at 3001 desk lost, stands away
        70s  alarm
                 op1 logged out, lease
                 store op1 out
                 op1 out, stands absent
        80s  op2 added
        80s  op2 logs in at 3001                         # op1's call goes on at that phone
                 refuse op2, phone in use by op1
        80s  op1 logs in at 3002
                 refuse op1, in call
        81s  op1 logs in at 3001
                 store op1 in at 3001
                 op1 busy at 3001, stands busy
        82s  op1 logs out
                 op1 logged out, command
                 store op1 out
                 op1 out, stands absent
        83s  op1 disengaged                              # now it is free
        83s  op2 logs in at 3001
                 store op2 in at 3001
                 op2 idle at 3001, stands idle
    ",
    );
}

#[test]
fn a_silent_desk_gets_no_offers_until_it_answers() {
    play(
        "
        0s   op1 added
        0s   op1 desk silent
        0s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        5s   op1 desk silent
                 op1 idle at 3001 desk silent, stands away
        6s   op1 desk answers
                 op1 idle at 3001, stands idle
    ",
    );
}

/// R4.4: until it registers again, the operator says ready, or the pause is over.
#[test]
fn a_failed_phone_is_forgiven_in_three_ways() {
    play(
        "
        0s   op1 added
        0s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        1s   op1 phone refuses
                 op1 idle at 3001 refusing, stands away
        2s   3001 registers
                 op1 idle at 3001, stands idle
        3s   op1 phone unreachable
                 op1 idle at 3001 unreachable, stands away
        4s   op1 ready
                 op1 idle at 3001, stands idle
        5s   op1 phone refuses
                 op1 idle at 3001 refusing, stands away
        10s  op1 phone refuses                           # and again: the pause begins anew
        70s  alarm
                 op1 idle at 3001, stands idle
    ",
    );
}

#[test]
fn a_phone_without_a_binding_is_no_failure_that_time_heals() {
    play(
        "
        0s   op1 added
        0s   op1 logs in at 3001 unregistered
                 store op1 in at 3001
                 op1 idle at 3001 unregistered, stands away
        1s   op1 ready
        2s   3001 registers
                 op1 idle at 3001, stands idle
        3s   op1 phone unreachable
                 op1 idle at 3001 unreachable, stands away
        4s   3001 expires
                 op1 idle at 3001 unregistered, stands away
        64s  op1 ready                                   # forgiven meanwhile, but not registered
        65s  3001 registers
                 op1 idle at 3001, stands idle
        66s  3777 registers                              # nobody sits there
        66s  3777 call begins
        66s  3777 expires
    ",
    );
}

/// desk phone makes or gets an ordinary call while idle; ending one engagement does not end the other.
#[test]
fn an_ordinary_call_and_an_operator_call_engage_separately() {
    play(
        "
        0s   op1 added
        0s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        1s   3001 call begins
                 op1 busy at 3001, stands busy
        2s   3001 call begins                            # a second line
        3s   op1 engaged at 3001
        4s   3001 call ends
        5s   op1 disengaged
        6s   3001 call ends
                 op1 idle at 3001, stands idle
        7s   3001 call ends                              # one too many changes nothing
        8s   3001 call begins
                 op1 busy at 3001, stands busy
    ",
    );
}

#[test]
fn who_sits_down_at_a_phone_in_a_call_is_busy() {
    play(
        "
        0s   op1 added
        0s   op1 logs in at 3001 calls 1
                 store op1 in at 3001
                 op1 busy at 3001, stands busy
        1s   3001 call ends
                 op1 idle at 3001, stands idle
    ",
    );
}

/// Hot desking: one phone, one operator; in a call nobody moves.
#[test]
fn a_phone_has_one_operator() {
    play("
        0s   op1 added
        0s   op2 added
        0s   op3 logs in at 3001
                 refuse op3, no such operator
        0s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        1s   op2 logs in at 3001
                 refuse op2, phone in use by op1
        2s   op1 phone refuses
                 op1 idle at 3001 refusing, stands away
        3s   op1 logs in at 3002                         # the trouble stays with the old phone
                 store op1 in at 3002
                 op1 idle at 3002, stands idle
        4s   op2 logs in at 3001
                 store op2 in at 3001
                 op2 idle at 3001, stands idle
        5s   3002 call begins
                 op1 busy at 3002, stands busy
        6s   op1 logs in at 3003
                 refuse op1, in call
        7s   op1 logs in at 3002                         # the same phone: its calls are counted anew
                 op1 idle at 3002, stands idle
    ");
}

#[test]
fn an_operator_with_only_a_phone_has_no_desk_to_lose() {
    play(
        "
        0s   op1 added phone
        0s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001 no desk, stands idle
        1s   op1 desk lost
        1s   op1 desk silent
        2s   op1 logs out
                 op1 logged out, command
                 store op1 out
                 op1 out, stands absent
    ",
    );
}

/// administrator removes an operator in a call, or sets `out`: the call finishes first.
#[test]
fn an_administrator_waits_for_the_end_of_the_call() {
    play(
        "
        0s   op1 added
        0s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        1s   op1 engaged at 3001
                 op1 busy at 3001, stands busy
        2s   op1 dismissed
                 op1 busy at 3001, stands absent
        3s   op1 disengaged
                 op1 logged out, dismissed
                 store op1 out
                 op1 out, stands absent
        4s   op1 logs in at 3001                         # out is no ban
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        5s   op1 dismissed
                 op1 logged out, dismissed
                 store op1 out
                 op1 out, stands absent
        6s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        6s   op1 engaged at 3001
                 op1 busy at 3001, stands busy
        7s   op1 removed
                 op1 busy at 3001, stands absent
        8s   op1 dismissed                               # it is removed all the same
        8s   op1 logs in at 3001
                 refuse op1, no such operator
        9s   op1 desk lost                               # no lease
                 op1 logged out, removed
                 store op1 out
                 op1 out, stands absent
        10s  op1 disengaged
        11s  op2 added
        11s  op2 logs in at 3001
                 store op2 in at 3001
                 op2 idle at 3001, stands idle
        12s  op2 removed
                 op2 logged out, removed
                 store op2 out
                 op2 out, stands absent
        13s  op2 ready                                   # no such account any more
    ",
    );
}

#[test]
fn an_account_that_is_added_again_during_its_last_call_stays() {
    play(
        "
        0s   op1 added
        0s   op1 logs in at 3001
                 store op1 in at 3001
                 op1 idle at 3001, stands idle
        1s   op1 engaged at 3001
                 op1 busy at 3001, stands busy
        2s   op1 removed
                 op1 busy at 3001, stands absent
        3s   op1 added
                 op1 busy at 3001, stands busy
        4s   op1 disengaged
                 op1 idle at 3001, stands idle
    ",
    );
}

/// R3.3: a restart starts every lease afresh; R8.1: operators keep their state.
#[test]
fn a_restart_begins_with_leases() {
    play(
        "
        0s   op1 added
        0s   op2 added
        0s   op3 added phone
        0s   op1 restored at 3001
                 store op1 in at 3001
                 op1 idle at 3001 desk lost, stands away
        0s   op2 restored at 3002 dnd
                 store op2 in dnd at 3002
                 op2 idle dnd at 3002 desk lost, stands dnd
        0s   op3 restored at 3003 dnd
                 store op3 in dnd at 3003
                 op3 idle dnd at 3003 no desk, stands dnd
        1s   op1 engaged at 3001
                 op1 busy at 3001 desk lost, stands away
        2s   op2 logs in at 3002
                 op2 idle dnd at 3002, stands dnd
        30s  alarm
                 op1 logged out, lease
                 store op1 out
                 op1 out, stands absent
    ",
    );
}

#[track_caller]
fn play(script: &str) {
    let settings =
        Settings { lease: Duration::from_secs(30), phone_pause: Duration::from_secs(60) };
    day::day(&mut Testbed(Machine::new(settings)), script);
}

struct Testbed(Machine);

impl day::Machine for Testbed {
    fn play(&mut self, now: Instant, words: &[&str]) -> Vec<String> {
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
    let operator = OperatorId::from(words[0]);
    let phone = Number::from(words[0]);
    let after = |word: &str| words.iter().position(|w| *w == word).map(|at| words[at + 1]);
    let desk_phone = || DeskPhone {
        number: Number::from(after("at").unwrap()),
        registered: !words.contains(&"unregistered"),
        calls: after("calls").map_or(0, |calls| calls.parse().unwrap()),
    };
    match words[1..] {
        ["added"] => Input::Add { operator, mode: WorkMode::Desk },
        ["added", "phone"] => Input::Add { operator, mode: WorkMode::Phone },
        ["removed"] => Input::Remove { operator },
        ["restored", ..] => {
            Input::Restore { operator, dnd: words.contains(&"dnd"), phone: desk_phone() }
        }
        ["logs", "in", ..] => Input::Login { operator, phone: desk_phone() },
        ["logs", "out"] => Input::Logout { operator },
        ["dismissed"] => Input::Dismiss { operator },
        ["desk", "lost"] => Input::DeskLost { operator },
        ["desk", "silent"] => Input::DeskUnresponsive { operator },
        ["desk", "answers"] => Input::DeskResponsive { operator },
        ["dnd"] => Input::Dnd { operator },
        ["ready"] => Input::Ready { operator },
        ["engaged", "at", phone] => Input::Engage { operator, phone: Number::from(phone) },
        ["disengaged"] => Input::Disengage { operator },
        ["call", "begins"] => Input::CallBegun { phone },
        ["call", "ends"] => Input::CallOver { phone },
        ["registers"] => Input::PhoneRegistered { phone },
        ["expires"] => Input::PhoneUnregistered { phone },
        ["phone", "refuses"] => Input::PhoneFailed { operator, failure: PhoneFailure::Refusing },
        ["phone", "unreachable"] => {
            Input::PhoneFailed { operator, failure: PhoneFailure::Unreachable }
        }
        _ => panic!("no such line: {words:?}"),
    }
}

fn print(effect: &Effect) -> String {
    match effect {
        Effect::Store(stored) => {
            let session = if stored.logged_in { " in" } else { " out" };
            let dnd = if stored.dnd { " dnd" } else { "" };
            let phone = stored.phone.as_ref().map(|p| format!(" at {p}")).unwrap_or_default();
            format!("store {}{session}{dnd}{phone}", stored.operator)
        }
        Effect::LoggedOut { operator, why } => {
            let why = match why {
                LogoutCause::Command => "command",
                LogoutCause::Lease => "lease",
                LogoutCause::Dismissed => "dismissed",
                LogoutCause::Removed => "removed",
            };
            format!("{operator} logged out, {why}")
        }
        Effect::LoginRefused { operator, why } => {
            let why = match why {
                LoginRefusal::NoSuchOperator => "no such operator".to_owned(),
                LoginRefusal::PhoneInUse { by } => format!("phone in use by {by}"),
                LoginRefusal::InCall => "in call".to_owned(),
            };
            format!("refuse {operator}, {why}")
        }
        Effect::Changed { operator, view } => format!("{operator} {}", print_view(view)),
    }
}

fn print_view(view: &PresenceView) -> String {
    let state = match view.state {
        OperatorState::Out => "out",
        OperatorState::Idle => "idle",
        OperatorState::Busy => "busy",
    };
    let dnd = if view.dnd { " dnd" } else { "" };
    let phone = view.phone.as_ref().map(|p| format!(" at {p}")).unwrap_or_default();
    let phone_state = match view.phone_state {
        PhoneState::Ok => "",
        PhoneState::Unregistered => " unregistered",
        PhoneState::Unreachable => " unreachable",
        PhoneState::Refusing => " refusing",
    };
    let desk = match view.desk {
        ControlDialogState::Up => "",
        ControlDialogState::None if view.state == OperatorState::Out => "",
        ControlDialogState::None => " no desk",
        ControlDialogState::Unresponsive => " desk silent",
        ControlDialogState::Lost { .. } => " desk lost",
    };
    let availability = match view.availability {
        AgentAvailability::Idle => "idle",
        AgentAvailability::Busy => "busy",
        AgentAvailability::Away => "away",
        AgentAvailability::DoNotDisturb => "dnd",
        AgentAvailability::Absent => "absent",
    };
    format!("{state}{dnd}{phone}{phone_state}{desk}, stands {availability}")
}
