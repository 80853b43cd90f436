//! Registration and direct calls: levels, permits, forks, refusals (R1, R2).

use super::{Role, Who};
use crate::switchboard::Switchboard;

#[test]
fn a_phone_registers_and_unregisters() {
    let board = Switchboard::open();
    board.terminal("phone-registers", "3002", "3002").ends_well();
    board.terminal("phone-unregisters", "3002", "3002").ends_well();
    let mut caller = board.terminal("terminal-is-refused", "3001", "3002");
    caller.ends_well();
    assert!(caller.has("<- 480"), "no contact left:\n{}", caller.ladder());
}

#[test]
fn a_wrong_password_does_not_register() {
    let board = Switchboard::open();
    let role = Role {
        scenario: "phone-registers-wrongly",
        who: Who::Account { name: "3002", password: "wrong" },
        number: "3002",
        extra: "",
        tcp: false,
    };
    board.play(&role).ends_well();
}

#[test]
fn inside_calls_inside() {
    let board = Switchboard::open();
    let mut user = board.phone_at("3002", "phone-answers");
    let mut caller = board.terminal("terminal-calls", "3001", "3002");
    caller.awaits_conversation();
    caller.nudge();
    caller.ends_well();
    user.ends_well();
    let invite = user.message("<- INVITE");
    assert!(!format!("{invite:?}").contains("Authorization"), "no credentials pass through");
}

#[test]
fn outside_may_not_call_inside_and_nothing_rings() {
    let board = Switchboard::open();
    let user = board.phone_at("3002", "phone-answers");
    let mut caller = board.terminal("terminal-is-refused", "4001", "3002");
    caller.ends_well();
    let refusal = caller.message("<- 403");
    assert!(refusal.header("Reason").is_some(), "a refusal says why: {refusal:?}");
    assert!(user.ladder().is_empty(), "R2.4: no alerting of the callee");
}

#[test]
fn a_permit_lets_one_outside_caller_in() {
    let board = Switchboard::open();
    let mut user = board.phone_at("3002", "phone-answers");
    board.cli("permit add 3002 4001");
    let mut caller = board.terminal("terminal-calls", "4001", "3002");
    caller.awaits_conversation();
    caller.nudge();
    caller.ends_well();
    user.ends_well();
    board.cli("permit remove 3002 4001");
    let mut again = board.terminal("terminal-is-refused", "4001", "3002");
    again.ends_well();
    assert!(again.has("<- 403"), "a change holds for the next call:\n{}", again.ladder());
}

#[test]
fn a_guest_is_outside_and_may_be_shut_out_altogether() {
    let board = Switchboard::open();
    let _user = board.phone_at("3002", "phone-answers");
    let mut guest = board.guest("guest-is-refused", "3002");
    guest.ends_well();
    assert!(guest.has("<- 403"), "{}", guest.ladder());

    let closed = Switchboard::open_with("[sip]\nguests = false\n");
    let _phone = closed.phone_at("3001", "phone-answers");
    let _desk = closed.desk("op1");
    let mut guest = closed.guest("guest-is-refused", "9000");
    guest.ends_well();
    assert!(guest.has("<- 403"), "{}", guest.ladder());
}

#[test]
fn a_refused_call_may_go_to_the_operator_instead() {
    let board = Switchboard::open_with("[levels]\nexternal = \"B\"\non_refusal = \"operator\"\n");
    let _phone = board.phone_at("3001", "phone-answers");
    let user = board.phone_at("3002", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-hangs-up", "3002");
    desk.event("offer");
    assert!(user.ladder().is_empty(), "the refused number does not ring");
    caller.awaits_conversation();
    caller.nudge();
    caller.ends_well();
}

#[test]
fn an_unknown_number_an_absent_phone_and_a_busy_phone_have_their_own_answers() {
    let board = Switchboard::open();
    let _busy = board.phone_at("3003", "phone-is-busy");
    for (number, status) in [("7777", "<- 404"), ("3002", "<- 480"), ("3003", "<- 486")] {
        let mut caller = board.terminal("terminal-is-refused", "3001", number);
        caller.ends_well();
        assert!(caller.has(status), "{number}: {status} expected:\n{}", caller.ladder());
    }
}

/// R1.3: whoever may call nobody learns nothing about which numbers exist.
#[test]
fn to_one_who_may_call_nobody_unknown_numbers_look_refused() {
    let board = Switchboard::open();
    let mut caller = board.terminal("terminal-is-refused", "4001", "7777");
    caller.ends_well();
    assert!(caller.has("<- 403"), "{}", caller.ladder());
}

#[test]
fn a_wrong_password_calls_nobody() {
    let board = Switchboard::open();
    let user = board.phone_at("3002", "phone-answers");
    let role = Role {
        scenario: "terminal-is-refused",
        who: Who::Account { name: "3001", password: "wrong" },
        number: "3002",
        extra: "",
        tcp: false,
    };
    board.play(&role).ends_well();
    assert!(user.ladder().is_empty());
}

#[test]
fn a_caller_that_cancels_stops_the_ringing() {
    let board = Switchboard::open();
    let mut user = board.phone_at("3002", "phone-is-not-answered");
    let mut caller = board.terminal("terminal-cancels", "3001", "3002");
    caller.awaits("<- 180");
    caller.nudge();
    caller.ends_well();
    user.ends_well();
}

#[test]
fn the_called_party_hangs_up() {
    let board = Switchboard::open();
    let mut user = board.phone_at("3002", "phone-answers-and-hangs-up");
    let mut caller = board.terminal("terminal-calls-and-is-hung-up", "3001", "3002");
    user.awaits("<- ACK");
    user.nudge();
    user.ends_well();
    caller.ends_well();
}

/// R1.2: all contacts ring at once, the first answer wins, the others are told where the call went.
#[test]
fn a_call_forks_to_every_contact_and_one_answers() {
    let board = Switchboard::open();
    let mut phones =
        ["phone-answers", "phone-loses-the-race"].map(|scenario| board.phone_at("3002", scenario));
    let mut caller = board.terminal("terminal-calls", "3001", "3002");
    caller.awaits_conversation();
    for phone in &mut phones {
        phone.awaits("<- ");
    }
    caller.nudge();
    caller.ends_well();
    for phone in &mut phones {
        phone.ends_well();
    }
}

#[test]
fn explain_tells_the_rule_and_the_verdict_by_its_exit_status() {
    let board = Switchboard::open();
    assert!(board.cli("explain 3001 3002").contains('A'), "the level decides");
    let (status, text) = board.try_cli("explain 4001 3002");
    assert_eq!(status, Some(1), "a refused call ends explain with status 1: {text}");
}
