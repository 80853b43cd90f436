//! The control dialog: SIPp as a desk, and what a desk may and may not do (operator-desk).

use serde_json::json;

use super::{Role, Who};
use crate::desk::{Desk, JSON, PACKAGE};
use crate::sip::{Message, Wire};
use crate::switchboard::{PASSWORD, Switchboard};

#[test]
fn a_desk_written_in_sipp_runs_the_whole_call() {
    let board = Switchboard::open();
    let mut phone = board.phone_at("3001", "phone-answers");
    let mut user = board.phone_at("3002", "phone-answers-and-hangs-up");
    let mut desk = board.terminal("desk-runs-the-whole-call", "op1", "3002");
    desk.awaits_conversation();
    let mut caller = board.guest("caller-waits-and-talks", "9000");
    desk.ends_well();
    phone.ends_well();
    user.nudge();
    user.ends_well();
    caller.ends_well();
}

#[test]
fn a_desk_written_in_sipp_declines_and_the_caller_waits_on() {
    let board = Switchboard::open();
    let _phones =
        [board.phone_at("3001", "phone-answers"), board.phone_at("3003", "phone-answers")];
    let other = board.desk("op2");
    let mut desk = board.terminal("desk-declines", "op1", "");
    desk.awaits("<- INFO");
    let mut caller = board.guest("caller-hangs-up", "9000");
    desk.ends_well();
    caller.awaits_conversation();
    let seen = other.messages();
    assert!(
        !seen.iter().any(|m| m["event"] == "withdrawn"),
        "a refusal is one desk's own: {seen:?}"
    );
    caller.nudge();
    caller.ends_well();
}

#[test]
fn every_kind_of_nonsense_gets_its_own_answer() {
    let board = Switchboard::open();
    board.terminal("desk-talks-nonsense", "op1", "").ends_well();
}

#[test]
fn a_desk_that_does_not_ask_for_the_package_is_refused() {
    let board = Switchboard::open();
    board.terminal("desk-without-the-package", "op1", "").ends_well();
}

#[test]
fn a_terminal_and_a_wrong_password_get_no_desk() {
    let board = Switchboard::open();
    let mut terminal = board.terminal("desk-without-the-right", "3001", "");
    terminal.ends_well();
    assert!(terminal.has("<- 403"), "{}", terminal.ladder());
    let mut intruder = board.play(&Role {
        scenario: "desk-without-the-right",
        who: Who::Account { name: "op1", password: "wrong" },
        number: "",
        extra: "",
        tcp: false,
    });
    intruder.ends_well();
}

#[test]
fn an_operator_may_call_nothing_but_its_desk() {
    let board = Switchboard::open();
    let mut operator = board.terminal("terminal-is-refused", "op1", "3002");
    operator.ends_well();
    assert!(operator.has("<- 403"), "{}", operator.ladder());
}

#[test]
fn a_second_desk_of_an_operator_takes_over() {
    let board = Switchboard::open();
    let mut old = board.desk("op1");
    let mut new = board.desk("op1");
    old.event("evicted");
    old.receives("BYE");
    new.does("ping", json!({}));
}

#[test]
fn a_desk_works_over_tcp() {
    let board = Switchboard::open();
    let mut desk = Desk::open("op1", PASSWORD, Wire::tcp(board.place.switchboard()));
    desk.does("ping", json!({}));
    assert_eq!(desk.hang_up().status(), Some(200));
}

#[test]
fn before_hello_everything_but_ping_is_too_early() {
    let board = Switchboard::open();
    let wire = Wire::udp(board.place.next_address(), board.place.switchboard());
    let mut desk = Desk::closed("op1", PASSWORD, wire);
    assert_eq!(desk.call().status(), Some(200));
    desk.does("ping", json!({}));
    desk.is_refused("ready", json!({}), "wrong-phase");
    desk.does("hello", json!({}));
    desk.does("ready", json!({}));
}

#[test]
fn a_repeated_id_has_the_same_result_and_no_second_effect() {
    let board = Switchboard::open();
    let mut desk = board.desk("op1");
    let first = desk.command_as("x-1", "dnd", json!({}));
    assert_eq!(first["ok"], true, "{first}");
    let again = desk.command_as("x-1", "dnd", json!({}));
    assert_eq!((&again["ok"], &again["repeat"]), (&json!(true), &json!(true)), "{again}");
    let answer = desk.info("{\"id\":\"x-1\",\"do\":\"ready\"}");
    assert_eq!(answer.status(), Some(400), "the same id with other content: {answer:?}");
}

#[test]
fn events_are_numbered_from_one_without_a_gap() {
    let board = Switchboard::open();
    let mut desk = board.desk("op1");
    desk.does("dnd", json!({}));
    desk.event_where("state", |s| s["dnd"] == true);
    let numbers: Vec<u64> = desk.messages().iter().filter_map(|m| m["seq"].as_u64()).collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn a_message_that_is_too_long_is_refused() {
    let board = Switchboard::open();
    let mut desk = Desk::open("op1", PASSWORD, Wire::tcp(board.place.switchboard()));
    let text = "x".repeat(17_000);
    let answer = desk.info(&json!({ "id": "long", "do": "find", "text": text }).to_string());
    assert_eq!(answer.status(), Some(413), "{answer:?}");
}

#[test]
fn more_than_twenty_commands_a_second_are_refused_for_a_while() {
    let board = Switchboard::open();
    let mut desk = board.desk("op1");
    let answers: Vec<Message> =
        (0..60).map(|n| desk.info(&format!("{{\"id\":\"p{n}\",\"do\":\"ping\"}}"))).collect();
    let refused = answers.iter().find(|a| a.status() == Some(503));
    let refused = refused.expect("sixty commands in a row are too many");
    assert!(refused.header("Retry-After").is_some(), "{refused:?}");
}

#[test]
fn an_info_of_an_unknown_dialog_is_answered_481() {
    let board = Switchboard::open();
    let wire = Wire::udp(board.place.next_address(), board.place.switchboard());
    let mut nobody = Desk::closed("op1", PASSWORD, wire);
    let mut request = nobody
        .request("INFO")
        .with("Info-Package", PACKAGE)
        .with_body(JSON, "{\"id\":\"1\",\"do\":\"ping\"}");
    for (name, value) in &mut request.headers {
        if name == "To" {
            value.push_str(";tag=gone");
        }
    }
    assert_eq!(nobody.exchange(request).status(), Some(481));
}

/// The lease is 3 s in the tests: within it everything continues.
#[test]
fn a_desk_that_comes_back_within_the_lease_finds_its_call() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-waits-and-talks", "9000");
    let request = desk.event("offer")["request"].clone();
    desk.does("take", json!({ "request": request }));
    desk.phase("with-caller");
    assert_eq!(desk.hang_up().status(), Some(200));
    let mut again = board.desk("op1");
    let snapshot = again.messages();
    let call = snapshot.iter().find(|m| m["event"] == "call");
    assert_eq!(call.map(|c| &c["phase"]), Some(&json!("with-caller")), "{snapshot:?}");
    again.does("hangup", json!({}));
    caller.ends_well();
}

/// After the lease the operator is out; a waiting caller for whom nobody is left is ended.
#[test]
fn a_desk_that_stays_away_is_logged_out_after_its_lease() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-waits-and-talks", "9000");
    desk.event("offer");
    desk.hang_up();
    caller.ends_well();
}

#[test]
fn a_desk_that_logs_out_is_hung_up_on_and_gets_no_more_offers() {
    let board = Switchboard::open();
    let mut desk = board.desk("op1");
    desk.does("logout", json!({}));
    desk.receives("BYE");
    let mut caller = board.guest("guest-is-refused", "9000");
    caller.ends_well();
    assert!(caller.has("<- 480"), "{}", caller.ladder());
}

#[test]
fn terminals_are_found_by_number_and_by_name() {
    let board = Switchboard::open();
    let mut desk = board.desk("op1");
    let by_number = desk.does("find", json!({ "text": "3002" }));
    assert!(by_number["found"].to_string().contains("User"), "{by_number}");
    let by_name = desk.does("find", json!({ "text": "outs" }));
    assert!(by_name["found"].to_string().contains("4001"), "{by_name}");
}
