//! Taking a call: one winner, the desk phone, and every way in which the phone can fail (R4).

use serde_json::{Value, json};

use super::Sipp;
use crate::desk::Desk;
use crate::switchboard::Switchboard;

/// A caller waits and the desk of op1 has been offered it.
fn waiting(phone: &str) -> (Switchboard, Sipp, Desk, Sipp, Value) {
    let board = Switchboard::open();
    let phone = board.phone_at("3001", phone);
    let mut desk = board.desk("op1");
    let caller = board.guest("caller-waits-and-talks", "9000");
    let offer = desk.event("offer");
    (board, phone, desk, caller, offer["request"].clone())
}

/// ```text
///   desk -> take      desk <- ok      phone <- INVITE      phone -> 200      desk <- with-caller
///   desk -> hangup    caller <- BYE   phone <- BYE         desk <- ended, idle
/// ```
#[test]
fn a_taken_call_rings_the_desk_phone_and_ends_for_all() {
    let (board, mut phone, mut desk, mut caller, request) = waiting("phone-answers");
    desk.does("take", json!({ "request": request }));
    desk.phase("ringing-you");
    desk.phase("with-caller");
    let invite = phone.message("<- INVITE");
    assert_eq!(
        invite.header("Answer-Mode"),
        Some("Auto"),
        "RFC 5373: the phone picks up by itself"
    );
    let hint = invite.header("Call-Info").unwrap_or_default();
    assert!(hint.contains("answer-after=0"), "{invite:?}");
    desk.does("hangup", json!({}));
    desk.phase("ended");
    desk.event_where("state", |s| s["state"] == "idle");
    caller.ends_well();
    phone.ends_well();
    assert_eq!(board.records(1).len(), 1, "one call, one record");
}

#[test]
fn of_two_desks_the_second_is_told_already_taken() {
    let (board, _phone, mut desk, mut caller, request) = waiting("phone-answers");
    let _second_phone = board.phone_at("3003", "phone-answers");
    let mut second = board.desk("op2");
    desk.does("take", json!({ "request": request }));
    second.is_refused("take", json!({ "request": request }), "already-taken");
    let withdrawn = second.messages();
    assert!(withdrawn.iter().any(|m| m["reason"] == "taken"), "{withdrawn:?}");
    desk.phase("with-caller");
    desk.does("hangup", json!({}));
    caller.ends_well();
}

#[test]
fn a_declined_call_stays_with_the_other_desk_and_may_still_be_taken() {
    let (board, _phone, mut desk, mut caller, request) = waiting("phone-answers");
    let _second_phone = board.phone_at("3003", "phone-answers");
    let second = board.desk("op2");
    desk.does("decline", json!({ "request": request }));
    let seen = second.messages();
    assert!(
        !seen.iter().any(|m| m["event"] == "withdrawn"),
        "a refusal is one desk's own: {seen:?}"
    );
    desk.does("take", json!({ "request": request }));
    desk.phase("with-caller");
    desk.does("hangup", json!({}));
    caller.ends_well();
}

/// R4.4: back at its original place under the same id, offered to the others.
#[test]
fn a_busy_desk_phone_gives_the_call_back_to_the_others() {
    the_phone_fails("phone-is-busy", "refusing");
}

#[test]
fn a_declining_desk_phone_gives_the_call_back_to_the_others() {
    the_phone_fails("phone-declines", "refusing");
}

#[test]
fn an_unanswered_desk_phone_is_cancelled_and_gives_the_call_back() {
    the_phone_fails("phone-is-not-answered", "unreachable");
}

#[test]
fn a_redirecting_desk_phone_is_not_followed() {
    let (desk, _board) = the_phone_fails("phone-has-moved", "");
    let ended = desk.messages().into_iter().find(|m| m["phase"] == "ended");
    assert!(ended.is_some(), "the call ended for this operator");
}

fn the_phone_fails(scenario: &str, state: &str) -> (Desk, Switchboard) {
    let (board, mut phone, mut desk, caller, request) = waiting(scenario);
    let _second_phone = board.phone_at("3003", "phone-answers");
    let mut second = board.desk("op2");
    desk.does("take", json!({ "request": request }));
    let ended = desk.phase("ended");
    let reason = ended["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("phone-"), "{ended}");
    phone.ends_well();
    let offer = second.event("offer");
    assert_eq!(offer["request"], request, "the same request");
    assert_eq!(offer["position"], 1, "at its original place");
    if !state.is_empty() {
        desk.event_where("state", |s| s["phone"] == state);
    }
    assert!(!caller.has("<- BYE"), "the caller notices nothing:\n{}", caller.ladder());
    (desk, board)
}

#[test]
fn without_a_registered_phone_a_take_is_refused_and_the_request_stays() {
    let board = Switchboard::open();
    let mut desk = board.desk("op1");
    let _second_phone = board.phone_at("3003", "phone-answers");
    let mut second = board.desk("op2");
    let mut caller = board.guest("caller-hangs-up", "9000");
    let request = second.event("offer")["request"].clone();
    let result = desk.command("take", json!({ "request": request }));
    assert_eq!(result["ok"], false, "{result}");
    let seen = second.messages();
    assert!(!seen.iter().any(|m| m["event"] == "withdrawn"), "never withdrawn: {seen:?}");
    caller.awaits_conversation();
    caller.nudge();
    caller.ends_well();
}

#[test]
fn a_take_called_off_while_the_phone_rings_puts_the_caller_back() {
    let (_board, mut phone, mut desk, caller, request) = waiting("phone-is-not-answered");
    desk.does("take", json!({ "request": request }));
    desk.phase("ringing-you");
    phone.awaits("-> 180");
    desk.does("cancel", json!({}));
    phone.ends_well();
    assert_eq!(desk.event("offer")["request"], request);
    assert!(!caller.has("<- BYE"), "the caller still waits");
}

#[test]
fn a_caller_that_leaves_while_the_desk_phone_rings_stops_it() {
    let board = Switchboard::open();
    let mut phone = board.phone_at("3001", "phone-is-not-answered");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-hangs-up", "9000");
    let request = desk.event("offer")["request"].clone();
    desk.does("take", json!({ "request": request }));
    phone.awaits("-> 180");
    caller.nudge();
    caller.ends_well();
    phone.ends_well();
    assert_eq!(desk.phase("ended")["reason"], "abandoned");
    desk.event_where("state", |s| s["state"] == "idle");
}

#[test]
fn the_operators_phone_hangs_up_and_the_call_ends() {
    let (_board, mut phone, mut desk, mut caller, request) = waiting("phone-answers-and-hangs-up");
    desk.does("take", json!({ "request": request }));
    desk.phase("with-caller");
    phone.awaits("<- ACK");
    phone.nudge();
    phone.ends_well();
    caller.ends_well();
    desk.phase("ended");
}

#[test]
fn do_not_disturb_withdraws_offers_and_leaves_the_call_in_hand() {
    let (board, _phone, mut desk, caller, request) = waiting("phone-answers");
    desk.does("take", json!({ "request": request }));
    desk.phase("with-caller");
    desk.does("dnd", json!({}));
    desk.event_where("state", |s| s["state"] == "busy" && s["dnd"] == true);
    assert!(!caller.has("<- BYE"), "the call goes on");
    desk.does("hangup", json!({}));
    desk.event_where("state", |s| s["state"] == "dnd");
    drop(board);
}

#[test]
fn a_busy_desk_sees_the_next_caller_as_waiting_and_is_offered_it_when_idle() {
    let (board, _phone, mut desk, _caller, request) = waiting("phone-answers");
    desk.does("take", json!({ "request": request }));
    desk.phase("with-caller");
    let mut next = board.guest("caller-hangs-up", "9000");
    let waiting = desk.event("waiting")["request"].clone();
    desk.is_refused("take", json!({ "request": waiting }), "wrong-phase");
    desk.does("hangup", json!({}));
    assert_eq!(desk.event("offer")["request"], waiting);
    next.awaits_conversation();
    next.nudge();
    next.ends_well();
}
