//! Consultation and hand-over: the third party, and every way in which it can go (R5).

use serde_json::json;

use super::Sipp;
use crate::desk::Desk;
use crate::switchboard::Switchboard;

/// An operator talks with a caller; 3002's phone plays `user`.
struct Talk {
    desk: Desk,
    caller: Sipp,
    phone: Sipp,
    user: Sipp,
    board: Switchboard,
}

fn talk(caller: &str, phone: &str, user: &str) -> Talk {
    let board = Switchboard::open();
    let phone = board.phone_at("3001", phone);
    let user = board.phone_at("3002", user);
    let mut desk = board.desk("op1");
    let caller = board.guest(caller, "9000");
    let request = desk.event("offer")["request"].clone();
    desk.does("take", json!({ "request": request }));
    desk.phase("with-caller");
    Talk { desk, caller, phone, user, board }
}

impl Talk {
    fn consult(&mut self) {
        self.desk.does("consult", json!({ "number": "3002" }));
        self.desk.phase("consulting");
    }

    fn reach_user(&mut self) {
        self.consult();
        self.desk.phase("talking-to-callee");
        self.desk.callee("answered");
    }

    fn assert_back_with_the_caller(&mut self) {
        self.desk.phase("with-caller");
        assert!(!self.caller.has("<- BYE"), "the caller stays:\n{}", self.caller.ladder());
        assert!(!self.phone.has("<- BYE"), "the operator stays:\n{}", self.phone.ladder());
    }
}

#[test]
fn the_caller_is_handed_over_and_talks_on_until_the_user_hangs_up() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-answers-and-hangs-up");
    talk.reach_user();
    talk.desk.does("connect", json!({}));
    talk.desk.phase("connected");
    let health = talk.desk.healthy();
    assert_eq!(health["caller"]["audio"], "ok", "{health}");
    assert_eq!(health["callee"]["audio"], "ok", "{health}");
    talk.desk.does("release", json!({}));
    talk.phone.ends_well();
    talk.desk.event_where("state", |s| s["state"] == "idle");
    assert!(!talk.caller.has("<- BYE") && !talk.user.has("<- BYE"), "the two talk on");
    assert!(!talk.caller.has("<- INVITE"), "R6.1: a phone that knows UPDATE gets no re-INVITE");
    talk.user.nudge();
    talk.user.ends_well();
    talk.caller.ends_well();
    let records = talk.board.records(1);
    assert_eq!(records.len(), 1, "a transfer does not split the call: {records:?}");
}

#[test]
fn release_straight_from_the_consultation_connects_first() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-answers-and-hangs-up");
    talk.reach_user();
    talk.desk.does("release", json!({}));
    talk.phone.ends_well();
    talk.user.nudge();
    talk.caller.ends_well();
}

#[test]
fn an_unhealthy_hand_over_is_refused_with_the_figures_and_may_be_forced() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-answers-in-silence");
    talk.reach_user();
    let result = talk.desk.is_refused("release", json!({}), "unhealthy");
    assert!(result["blocking"].to_string().contains("callee"), "the figures say why: {result}");
    assert!(!talk.phone.has("<- BYE"), "the operator stays connected");
    talk.desk.does("release", json!({ "force": true }));
    talk.phone.ends_well();
}

#[test]
fn the_operator_alternates_and_retrieves() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-answers");
    talk.reach_user();
    talk.desk.does("alternate", json!({ "party": "caller" }));
    talk.desk.phase("alternated");
    talk.desk.does("alternate", json!({ "party": "caller" }));
    talk.desk.does("connect", json!({}));
    talk.desk.phase("connected");
    talk.desk.does("retrieve", json!({ "party": "caller" }));
    talk.desk.phase("alternated");
    talk.desk.does("connect", json!({}));
    talk.desk.does("retrieve", json!({ "party": "callee" }));
    talk.desk.phase("talking-to-callee");
    talk.desk.does("hangup", json!({}));
    talk.caller.ends_well();
    talk.phone.ends_well();
    talk.user.ends_well();
}

#[test]
fn a_busy_user_brings_the_operator_back_and_another_may_be_consulted() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-is-busy");
    talk.consult();
    talk.desk.callee("busy");
    talk.assert_back_with_the_caller();
    let mut other = talk.board.phone_at("4001", "phone-answers");
    talk.desk.does("consult", json!({ "number": "4001" }));
    talk.desk.phase("talking-to-callee");
    talk.desk.does("hangup", json!({}));
    other.ends_well();
}

#[test]
fn a_declining_user_brings_the_operator_back() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-declines");
    talk.consult();
    talk.desk.callee("refused");
    talk.assert_back_with_the_caller();
}

/// It rings for 30 s: the longest test.
#[test]
fn a_user_that_does_not_answer_is_cancelled() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-is-not-answered");
    talk.consult();
    talk.user.awaits("<- CANCEL");
    talk.user.ends_well();
    talk.desk.callee("no-answer");
    talk.assert_back_with_the_caller();
}

#[test]
fn a_consultation_called_off_cancels_the_user() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-is-not-answered");
    talk.consult();
    talk.desk.callee("ringing");
    talk.desk.does("cancel", json!({}));
    talk.user.ends_well();
    talk.assert_back_with_the_caller();
}

#[test]
fn a_user_dropped_after_the_answer_gets_bye() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-answers");
    talk.reach_user();
    talk.desk.does("cancel", json!({}));
    talk.user.ends_well();
    talk.assert_back_with_the_caller();
}

#[test]
fn a_user_that_hangs_up_leaves_the_operator_with_the_caller() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-answers-and-hangs-up");
    talk.reach_user();
    talk.user.nudge();
    talk.desk.callee("hung-up");
    talk.assert_back_with_the_caller();
    talk.user.ends_well();
}

#[test]
fn a_caller_that_leaves_during_the_consultation_ends_everything() {
    let mut talk = talk("caller-hangs-up", "phone-answers", "phone-is-not-answered");
    talk.consult();
    talk.desk.callee("ringing");
    talk.caller.nudge();
    talk.caller.ends_well();
    talk.user.ends_well();
    talk.phone.ends_well();
    talk.desk.phase("ended");
}

#[test]
fn the_operators_phone_hangs_up_while_talking_to_the_user_and_the_hand_over_completes() {
    let mut talk = talk("caller-hangs-up", "phone-answers-and-hangs-up", "phone-answers");
    talk.reach_user();
    talk.phone.nudge();
    talk.phone.ends_well();
    talk.desk.event_where("state", |s| s["state"] == "idle");
    assert!(!talk.caller.has("<- BYE") && !talk.user.has("<- BYE"), "the two talk on");
    talk.caller.nudge();
    talk.caller.ends_well();
    talk.user.ends_well();
}

/// RFC 3515: the operator's phone transfers by itself; it maps to consult and release.
#[test]
fn the_operators_phone_transfers_the_caller_blindly() {
    let mut talk = talk("caller-waits-and-talks", "phone-transfers", "phone-answers-and-hangs-up");
    talk.phone.nudge_with("<sip:3002@cordboard.test>");
    talk.user.awaits("<- ACK");
    talk.phone.ends_well();
    talk.desk.event_where("state", |s| s["state"] == "idle");
    talk.user.nudge();
    talk.user.ends_well();
    talk.caller.ends_well();
}

/// RFC 3891: the phone has called the user itself and joins the two.
#[test]
fn the_operators_phone_transfers_the_caller_to_a_call_of_its_own() {
    let mut talk = talk("caller-waits-and-talks", "phone-transfers", "phone-answers-and-hangs-up");
    let mut own_call = talk.board.terminal("terminal-calls-and-is-hung-up", "3001", "3002");
    own_call.awaits_conversation();
    let answer = own_call.message("<- 200");
    let tag = |name: &str| {
        let value = answer.header(name).unwrap_or_default();
        value.split(";tag=").nth(1).unwrap_or_default().to_owned()
    };
    let call_id = answer.header("Call-ID").unwrap_or_default().replace('@', "%40");
    talk.phone.nudge_with(&format!(
        "<sip:3002@cordboard.test?Replaces={call_id}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>",
        tag("To"),
        tag("From")
    ));
    talk.phone.ends_well();
    own_call.ends_well();
    assert!(!talk.caller.has("<- BYE") && !talk.user.has("<- BYE"), "the two talk on");
    talk.user.nudge();
    talk.user.ends_well();
    talk.caller.ends_well();
}

#[test]
fn a_number_that_cannot_be_consulted_is_refused_before_the_caller_is_put_on_hold() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-answers");
    for (number, error) in [
        ("7777", "no-such-number"),
        ("3003", "unreachable"),
        ("3001", "refused"),
        ("9000", "refused"),
        ("*50", "refused"),
    ] {
        talk.desk.is_refused("consult", json!({ "number": number }), error);
    }
    talk.board.cli("terminal set 3001 --level B");
    talk.desk.is_refused("consult", json!({ "number": "3002" }), "refused-by-level");
    let phases = talk.desk.messages();
    assert!(!phases.iter().any(|m| m["phase"] == "consulting"), "{phases:?}");
    assert!(talk.user.ladder().is_empty(), "nobody was called");
}

#[test]
fn with_the_caller_only_what_makes_sense_is_allowed() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-answers");
    for (verb, fields) in [
        ("alternate", json!({ "party": "caller" })),
        ("cancel", json!({})),
        ("connect", json!({})),
        ("release", json!({})),
        ("retrieve", json!({ "party": "caller" })),
    ] {
        let result = talk.desk.is_refused(verb, fields, "wrong-phase");
        assert_eq!(result["phase"], "with-caller", "{result}");
    }
}

#[test]
fn while_the_user_rings_nothing_can_be_connected() {
    let mut talk = talk("caller-waits-and-talks", "phone-answers", "phone-is-not-answered");
    talk.consult();
    for (verb, fields) in [
        ("connect", json!({})),
        ("release", json!({})),
        ("alternate", json!({ "party": "caller" })),
    ] {
        talk.desk.is_refused(verb, fields, "wrong-phase");
    }
    talk.desk.does("cancel", json!({}));
    talk.user.ends_well();
}
