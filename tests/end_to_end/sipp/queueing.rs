//! Waiting: 182 with the position, hold media, and every way out of the queue (requirements R3).

use serde_json::json;

use super::{Role, Sipp, TRUNK, TRUNK_HOST, Who, assert_ladder};
use crate::switchboard::Switchboard;
use crate::wait;
use std::time::Duration;

/// ```text
///   caller -> 9000   INVITE             -> both desks   offer
///   caller <- 9000   200
///   caller -> 9000   BYE                -> both desks   withdrawn abandoned
/// ```
#[test]
fn a_caller_waits_is_offered_to_every_idle_desk_and_hangs_up() {
    let board = Switchboard::open();
    let phones = [board.phone_at("3001", "phone-answers"), board.phone_at("3003", "phone-answers")];
    let (mut first, mut second) = (board.desk("op1"), board.desk("op2"));
    let mut caller = board.guest("caller-hangs-up", "9000");
    let offer = first.event("offer");
    assert_eq!(offer["caller"]["number"], "guest@elsewhere.example", "{offer}");
    assert_eq!(offer["caller"]["origin"], "guest", "{offer}");
    assert_eq!(offer["queue"], "main", "{offer}");
    assert_eq!(offer["position"], 1, "{offer}");
    assert_eq!(second.event("offer")["request"], offer["request"], "one request, one id");
    caller.awaits_conversation();
    caller.nudge();
    assert_ladder(
        &caller.ends_well(),
        "
        -> INVITE
        <- 200
        -> ACK
        <- MESSAGE
        -> BYE
        <- 200",
    );
    for desk in [&mut first, &mut second] {
        let withdrawn = desk.event("withdrawn");
        assert_eq!(withdrawn["request"], offer["request"]);
        assert_eq!(withdrawn["reason"], "abandoned");
    }
    assert!(phones.iter().all(|p| p.ladder().is_empty(),), "no phone rings before a take");
}

#[test]
fn the_second_caller_hears_that_it_is_second() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut first = board.guest("caller-hangs-up", "9000");
    desk.event("offer");
    // Over TCP, where its address is proven: by UDP the 182 waits for a repeated INVITE.
    let mut second = board.play(&Role {
        scenario: "caller-hangs-up",
        who: Who::Guest("guest"),
        number: "9000",
        extra: "",
        tcp: true,
    });
    let offer = desk.event("offer");
    assert_eq!((&offer["position"], &offer["waiting"]), (&json!(2), &json!(2)), "{offer}");
    second.awaits_conversation();
    let queued = second.message("<- 182").start;
    assert!(queued.contains('2'), "the reason tells the position: {queued}");
    first.nudge();
    first.ends_well();
}

#[test]
fn with_every_operator_on_do_not_disturb_the_caller_is_told_and_ended() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    desk.does("dnd", json!({}));
    let mut caller = board.guest("guest-is-refused", "9000");
    caller.ends_well();
    assert!(!caller.has("<- 200"), "never answered:\n{}", caller.ladder());
    let refusal = caller.message("<- 480");
    assert!(refusal.header("Reason").is_some(), "a refusal says why: {refusal:?}");
}

#[test]
fn without_any_operator_the_caller_is_told_and_ended() {
    let board = Switchboard::open();
    let mut caller = board.guest("guest-is-refused", "9000");
    caller.ends_well();
    let refusal = caller.message("<- 480");
    assert!(refusal.header("Reason").is_some(), "a refusal says why: {refusal:?}");
}

#[test]
fn a_full_queue_refuses_the_next_caller() {
    let board = Switchboard::open_with("[queue.main]\nwaiting_max = 1\n");
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut first = board.guest("caller-hangs-up", "9000");
    desk.event("offer");
    let mut second = board.guest("guest-is-refused", "9000");
    second.ends_well();
    let offers = desk.messages().iter().filter(|m| m["event"] == "offer").count();
    assert_eq!(offers, 1, "the refused caller was never offered");
    first.awaits_conversation();
    first.nudge();
    first.ends_well();
}

#[test]
fn after_the_maximum_wait_the_caller_is_told_and_ended() {
    let board = Switchboard::open_with("[queue.main]\nwait_max = \"1s\"\n");
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-waits-and-talks", "9000");
    desk.event("offer");
    assert_eq!(desk.event("withdrawn")["reason"], "timeout");
    caller.ends_well();
    assert!(caller.message("<- BYE").header("Reason").is_some(), "the BYE says why");
}

#[test]
fn after_the_maximum_wait_the_caller_overflows_to_another_number() {
    let board = Switchboard::open_with("[queue.main]\nwait_max = \"1s\"\noverflow = \"3002\"\n");
    let _phone = board.phone_at("3001", "phone-answers");
    let mut user = board.phone_at("3002", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-hangs-up", "9000");
    desk.event("offer");
    assert_eq!(desk.event("withdrawn")["reason"], "overflow");
    user.awaits("<- ACK");
    caller.nudge();
    caller.ends_well();
    user.ends_well();
}

/// By INFO: whoever does not want to wait goes to the other number at once.
#[test]
fn a_waiting_caller_leaves_by_the_key_for_the_overflow() {
    let board = Switchboard::open_with("[queue.main]\noverflow = \"3002\"\nexit_key = \"0\"\n");
    let _phone = board.phone_at("3001", "phone-answers");
    let mut user = board.phone_at("3002", "phone-answers-and-hangs-up");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-presses-a-key", "9000");
    desk.event("offer");
    caller.nudge();
    assert_eq!(desk.event("withdrawn")["reason"], "overflow");
    user.awaits("<- ACK");
    user.nudge();
    user.ends_well();
    caller.ends_well();
    let ended = || board.records(1).remove(0);
    let ended = || Some(ended()).filter(|record| !record["ended"].is_null());
    let record = wait::until("the end of the record", Duration::from_secs(8), ended);
    let phases = record["phases"].to_string();
    assert!(phases.contains("moved-by key 0") && phases.contains("talking 3002"), "{phases}");
}

/// Whoever has priority goes before those who came first, and everybody sees it.
#[test]
fn a_caller_of_higher_priority_goes_before_one_that_came_first() {
    let tables = format!("{TRUNK}level = \"A\"\n[queue.main.priority]\ntrunk.carrier = 4\n");
    let board = Switchboard::open_with(&tables);
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut first = board.guest("caller-hangs-up", "9000");
    let of_first = desk.event("offer");
    assert!(of_first["priority"].is_null(), "{of_first}");
    let role = Role {
        scenario: "gateway-calls",
        who: Who::Guest("gateway"),
        number: "9000",
        extra: "sip:0551234@carrier.example",
        tcp: false,
    };
    let trunk = board.place.host(TRUNK_HOST);
    let mut second = Sipp::start(&board.place, trunk, board.place.switchboard(), &role);
    let of_second = desk.event("offer");
    let expected = (&json!(1), &json!(2), &json!(4));
    let told = (&of_second["position"], &of_second["waiting"], &of_second["priority"]);
    assert_eq!(told, expected, "{of_second}");
    let moved = desk.event("offer");
    assert_eq!((&moved["request"], &moved["position"]), (&of_first["request"], &json!(2)));
    let queue: serde_json::Value =
        serde_json::from_str(&board.cli("queue --format json")).expect("listings come as JSON");
    let line =
        |n: usize| (queue[n]["caller"].as_str().unwrap_or(""), queue[n]["priority"].as_u64());
    assert_eq!(line(0), ("0551234", Some(4)));
    assert_eq!(line(1), ("guest@elsewhere.example", Some(0)));
    for caller in [&mut first, &mut second] {
        caller.nudge();
        caller.ends_well();
    }
}

fn nights(board: &Switchboard) -> String {
    let queues: serde_json::Value =
        serde_json::from_str(&board.cli("queues --format json")).expect("listings come as JSON");
    format!("{} {}", queues[0]["switch"].as_str().unwrap_or(""), queues[0]["night"])
}

/// Switched by hand, over a crash, and by an operator's phone; seen at the desk and in the record.
#[test]
fn at_night_callers_go_to_the_night_number() {
    let mut board = Switchboard::open_with("[queue.main]\nnight = \"3002\"\n");
    assert_eq!(nights(&board), "auto false");
    board.cli("queue set main --night on");
    assert_eq!(nights(&board), "on true");
    board.crash_and_restart();
    assert_eq!(nights(&board), "on true", "the journal has it");
    let _phone = board.phone_at("3001", "phone-answers");
    let mut user = board.phone_at("3002", "phone-answers");
    let mut desk = board.desk("op1");
    let is_night = |event: &serde_json::Value| event["event"] == "queue" && event["night"] == true;
    assert!(desk.messages().iter().any(is_night), "{:?}", desk.messages());
    let mut caller = board.terminal("terminal-calls", "4001", "9000");
    user.awaits("<- ACK");
    caller.awaits_conversation();
    caller.nudge();
    caller.ends_well();
    user.ends_well();
    let phases = board.records(1)[0]["phases"].to_string();
    assert!(phases.contains("moved-by night service"), "{phases}");
    board.terminal("phone-dials-a-feature-code", "3001", "*54").ends_well();
    let day = desk.event("queue");
    assert_eq!((&day["queue"], &day["night"]), (&json!("main"), &json!(false)));
    assert_eq!(nights(&board), "auto false", "by day it is left to the hours");
    let (status, said) = board.try_cli("queue set nowhere --night on");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("queue nowhere: there is none of that name"), "{said}");
}

/// R3.3: the last operator leaves; after the grace time the waiting caller is told and ended.
#[test]
fn when_the_last_operator_leaves_the_waiting_caller_is_ended_after_the_grace_time() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-waits-and-talks", "9000");
    desk.event("offer");
    desk.does("dnd", json!({}));
    assert_eq!(desk.event("withdrawn")["reason"], "not-eligible");
    caller.ends_well();
}

#[test]
fn the_last_operator_comes_back_within_the_grace_time_and_the_caller_is_offered_again() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-hangs-up", "9000");
    let offer = desk.event("offer");
    desk.does("dnd", json!({}));
    desk.event("withdrawn");
    desk.does("ready", json!({}));
    assert_eq!(desk.event("offer")["request"], offer["request"]);
    caller.nudge();
    caller.ends_well();
}

/// A trunk whose callers an operator answers: guests are answered at once.
fn where_the_operator_answers() -> Switchboard {
    let queue = "[queue.main]\nanswer = \"operator\"\n";
    Switchboard::open_with(&format!("{TRUNK}level = \"A\"\n{queue}"))
}

fn over_the_trunk(board: &Switchboard, scenario: &str) -> Sipp {
    let who = Who::Guest("gateway");
    let role = Role { scenario, who, number: "9000", extra: "", tcp: false };
    Sipp::start(&board.place, board.place.host(TRUNK_HOST), board.place.switchboard(), &role)
}

#[test]
fn a_caller_not_yet_answered_cancels() {
    let board = where_the_operator_answers();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = over_the_trunk(&board, "caller-cancels");
    desk.event("offer");
    caller.awaits("<- 182");
    caller.nudge();
    let ladder = caller.ends_well();
    assert!(!ladder.contains("200 OK\n<- 200"), "not answered before an operator: {ladder}");
    assert_eq!(desk.event("withdrawn")["reason"], "abandoned");
}

/// RFC 3262: early hold media in a reliable 183.
#[test]
fn a_caller_that_requires_reliable_provisionals_gets_one() {
    let board = where_the_operator_answers();
    let _phone = board.phone_at("3001", "phone-answers");
    let _desk = board.desk("op1");
    let mut caller = over_the_trunk(&board, "caller-asks-for-reliability");
    caller.awaits("<- 200");
    caller.nudge();
    caller.ends_well();
}

#[test]
fn a_caller_without_sdp_gets_our_offer_in_the_200() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let _desk = board.desk("op1");
    let mut caller = board.guest("caller-offers-late", "9000");
    caller.awaits_conversation();
    caller.nudge();
    caller.ends_well();
}

#[test]
fn a_session_timer_is_agreed_and_refreshed_by_update() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let _desk = board.desk("op1");
    board.guest("caller-refreshes-its-session", "9000").ends_well();
}

#[test]
fn a_session_interval_below_the_minimum_is_refused() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let _desk = board.desk("op1");
    let mut caller = board.play(&Role {
        scenario: "guest-is-refused",
        who: Who::Guest("guest"),
        number: "9000",
        extra: "Session-Expires: 30",
        tcp: false,
    });
    caller.ends_well();
    assert_eq!(caller.message("<- 422").header("Min-SE"), Some("90"));
}

#[test]
fn a_caller_over_tcp_waits_and_hangs_up() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.play(&Role {
        scenario: "caller-waits-and-talks",
        who: Who::Guest("guest"),
        number: "9000",
        extra: "",
        tcp: true,
    });
    let offer = desk.event("offer");
    desk.does("take", json!({ "request": offer["request"] }));
    desk.phase("with-caller");
    desk.does("hangup", json!({}));
    caller.ends_well();
}

/// R8.1: a crash leaves one record of the call, not none and not two; the call itself goes on.
#[test]
fn a_call_that_outlives_a_crash_has_one_record() {
    let mut board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-hangs-up", "9000");
    desk.event("offer");
    caller.awaits_conversation();
    board.records(1);
    board.await_written();
    board.crash_and_restart();
    caller.nudge();
    caller.ends_well();
    let records = wait::until("the end of the record", Duration::from_secs(8), || {
        Some(board.records(1)).filter(|records| !records[0]["cause"].is_null())
    });
    assert_eq!((records.len(), &records[0]["cause"]), (1, &json!("abandoned")), "{records:?}");
}
