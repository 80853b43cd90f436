//! Several calls in one operator's hand (R4.5, R5.6): park, pick, swap, transfer with recall, serial.

use std::time::Duration;

use serde_json::{Value, json};

use super::Sipp;
use crate::desk::Desk;
use crate::switchboard::Switchboard;
use crate::wait;

const CALLER: &str = "caller-waits-and-talks";

/// Takes the next that is offered, and returns its request.
fn take(desk: &mut Desk) -> Value {
    let request = desk.event("offer")["request"].clone();
    desk.does("take", json!({ "request": request }));
    request
}

fn awaits(desk: &mut Desk, request: &Value, phase: &str) {
    desk.event_where("call", |call| call["request"] == *request && call["phase"] == phase);
}

fn caller_at_desk(board: &Switchboard, desk: &mut Desk) -> (Sipp, Value) {
    let caller = board.guest(CALLER, "9000");
    let request = take(desk);
    awaits(desk, &request, "with-caller");
    (caller, request)
}

#[test]
fn an_operator_has_several_calls_in_hand_and_loses_none() {
    let board = Switchboard::open_with("[desk]\nrecall = \"5s\"\n");
    board.cli("operator set op1 --max-calls 3");
    let mut phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let (mut first, one) = caller_at_desk(&board, &mut desk);
    let mut second = board.guest(CALLER, "9000");
    let two = take(&mut desk);
    awaits(&mut desk, &one, "in-hand");
    awaits(&mut desk, &two, "with-caller");

    // Which one?
    let refusal = desk.is_refused("consult", json!({ "number": "3002" }), "bad-field");
    assert_eq!(refusal["field"], "request", "{refusal}");
    desk.does("swap", json!({}));
    awaits(&mut desk, &two, "in-hand");
    awaits(&mut desk, &one, "with-caller");
    let recall = desk.event("recall");
    assert_eq!((&recall["request"], &recall["seconds"]), (&two, &json!(5)), "{recall}");

    desk.does("park", json!({ "request": two, "number": "3002" }));
    let parked = desk.event("parked");
    assert_eq!((&parked["request"], &parked["number"]), (&two, &json!("3002")), "{parked}");
    desk.does("pick", json!({ "request": two }));
    awaits(&mut desk, &one, "in-hand");
    awaits(&mut desk, &two, "with-caller");

    // Nobody there: it comes back, and is recalled at once.
    let busy = board.phone_at("4001", "phone-is-busy");
    desk.does("transfer", json!({ "request": one, "number": "4001" }));
    desk.callee("busy");
    awaits(&mut desk, &one, "in-hand");
    desk.event_where("recall", |recall| recall["request"] == one && recall["seconds"] == 0);
    drop(busy);

    // Somebody there: handed over when both are heard; and back when that one has hung up.
    let mut user = board.phone_at("3002", "phone-answers-and-hangs-up");
    desk.does("serial", json!({ "request": two }));
    desk.does("transfer", json!({ "request": two, "number": "3002" }));
    desk.callee("answered");
    let ended = desk.event_where("call", |call| call["request"] == two && call["phase"] == "ended");
    assert_eq!(ended["reason"], "handed-over", "{ended}");
    user.nudge();
    user.ends_well();
    desk.callee("hung-up");
    desk.event_where("call", |call| call["phase"] == "in-hand" && call["serial"] == true);

    for request in [&one, &two] {
        desk.does("hangup", json!({ "request": request }));
    }
    first.ends_well();
    second.ends_well();
    phone.ends_well();
    let told = wait::until("the records of both calls", Duration::from_secs(8), || {
        let records = board.records(2);
        records.iter().all(|record| !record["ended"].is_null()).then(|| json!(records).to_string())
    });
    for phase in ["in-hand", "parked", "handing-over", "handed-over"] {
        assert!(told.contains(phase), "{phase} is not in {told}");
    }
}

#[test]
fn a_phone_that_hangs_up_sends_what_waits_in_hand_to_the_front_of_the_queue() {
    let board = Switchboard::open();
    board.cli("operator set op1 --max-calls 2");
    let mut phone = board.phone_at("3001", "phone-answers-and-hangs-up");
    let mut desk = board.desk("op1");
    let (first, one) = caller_at_desk(&board, &mut desk);
    let (mut second, two) = caller_at_desk(&board, &mut desk);
    phone.nudge();
    phone.ends_well();
    awaits(&mut desk, &two, "ended");
    second.ends_well();
    let offer = desk.event_where("offer", |offer| offer["request"] == one);
    assert_eq!(offer["position"], 1, "{offer}");
    assert!(!first.has("<- BYE"), "it waits:\n{}", first.ladder());
}
