//! Pages that are phones: browsers register, call and are called, and hear and see whom they should.
//!
//! ```text
//!   Chromium ─┐  SIP by WebSocket, ICE, DTLS, SRTP                    ┌─ baresip: in clear, SDES, DTLS
//!   Firefox  ─┤                                                       │
//!   JsSIP    ─┴──────────────────── cordboard serve ──────────────────┘
//! ```

use serde_json::{Value, json};

use crate::browser::Kind;
use crate::browser::pages::Pages;
use crate::browser::phone::BrowserPhone;
use crate::phone::{Answer, CALLER, Codecs, OPERATOR, PLAIN, Party, USER};
use crate::stage::{Stage, terminal};
use crate::switchboard::Switchboard;
use crate::witness::{Gets, Telephone, judge, mark};

/// The number of a browser that calls.
const OUTSIDE: &str = "4001";

/// A switchboard that browsers reach, too: in clear at 15062, sealed at 15063.
#[track_caller]
fn open(more: &str) -> Switchboard {
    let origin = Pages::get().origin();
    Switchboard::open_with(&format!(
        "[sip]\nlisten = [\"udp:NETWORK.1:15060\", \"tcp:NETWORK.1:15060\", \"ws:NETWORK.1:15062\", \
         \"wss:NETWORK.1:15063\"]\n{more}[web]\norigins = [\"{origin}\"]\n"
    ))
}

fn url(board: &Switchboard, scheme: &str) -> String {
    let port = if scheme == "wss" { 15063 } else { 15062 };
    format!("{scheme}://{}:{port}", board.place.switchboard().ip())
}

/// A browser's phone at this number, sealed; other settings of its page in `more`.
#[track_caller]
fn page(board: &Switchboard, kind: Kind, party: Party, number: &str, more: &Value) -> BrowserPhone {
    BrowserPhone::start(kind, &board.place, party, number, &url(board, "wss"), more)
}

/// Two that talk to each other hear and see each other.
#[track_caller]
fn talk(phase: &str, one: &mut dyn Telephone, other: &mut dyn Telephone) {
    let mut both = [one.observer(), other.observer()];
    let start = mark(&mut both);
    let gets = [Gets::Party(both[1].party()), Gets::Party(both[0].party())];
    judge(phase, &start, &mut both, &gets);
}

/// No two have a codec in common; the caller's keys are a handshake's, the user's are in its SDP, the operator has none.
/// The caller takes one transport for both streams, or none, and has it at its picture, which it names first.
#[test]
fn the_whole_operator_call_with_chromium_as_the_caller() {
    let board = open("");
    let settings = json!({ "audio": ["opus"], "codecs": ["VP8"], "bundle": "max-bundle",
        "pictureFirst": true });
    let caller = page(&board, Kind::Chromium, CALLER, OUTSIDE, &settings);
    let operator = Codecs { audio: "G722", video: "H264", ..PLAIN };
    let operator = board.phone(OPERATOR, operator, Answer::AtOnce, &terminal("3001"));
    board.cli("terminal set 3002 --srtp required");
    let user = Codecs { audio: "PCMU", video: "H263", sealed: true, ..PLAIN };
    let user = board.phone(USER, user, Answer::WhenTold, &terminal("3002"));
    let mut stage = Stage::begin(board, (caller, OUTSIDE), operator, user, [true; 3]);
    let said = stage.caller.statistics();
    let transports = said["transports"].as_array().map(Vec::len);
    assert_eq!(transports, Some(1), "{said}");
    assert_eq!(said["transports"][0]["dtls"], "connected", "{said}");
    let said = stage.caller.does("phone.descriptions()");
    let sections = said["remote"].as_str().unwrap_or_default().lines();
    let kinds: Vec<_> = sections.filter(|line| line.starts_with("m=")).map(|m| &m[..7]).collect();
    assert_eq!(kinds, ["m=video", "m=audio"], "{said}");
    whole_call(stage);
}

#[test]
fn the_whole_operator_call_with_firefox_as_the_operators_phone() {
    let board = open("");
    let caller = Codecs { audio: "PCMU", video: "H264", ..PLAIN };
    let caller = board.phone(CALLER, caller, Answer::WhenTold, &terminal(OUTSIDE));
    let operator = page(&board, Kind::Firefox, OPERATOR, "3001", &json!({ "atOnce": true }));
    let user = Codecs { audio: "G722", video: "H263", ..PLAIN };
    let user = board.phone(USER, user, Answer::WhenTold, &terminal("3002"));
    whole_call(Stage::begin(board, (caller, OUTSIDE), operator, user, [true; 3]));
}

/// JsSIP calls, by the door of the pages, and Chromium is the operator's phone.
#[test]
fn the_whole_operator_call_with_browsers_alone() {
    let board = open("");
    let door = format!("ws://{}:8080/sip", board.place.switchboard().ip());
    let jssip = json!({ "page": "jssip.html", "url": door });
    let caller = page(&board, Kind::Chromium, CALLER, OUTSIDE, &jssip);
    let operator = page(&board, Kind::Chromium, OPERATOR, "3001", &json!({ "atOnce": true }));
    let user = page(&board, Kind::Firefox, USER, "3002", &json!({}));
    whole_call(Stage::begin(board, (caller, OUTSIDE), operator, user, [true; 3]));
}

fn whole_call<C: Telephone, O: Telephone, U: Telephone>(mut stage: Stage<C, O, U>) {
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.alternate();
    stage.connect();
    stage.hand_over();
}

/// JsSIP registers in clear, is called, and calls. It knows MD5 alone, and of several challenges the last.
#[test]
fn jssip_calls_and_is_called() {
    let board = open("digest = \"auto\"\n");
    let settings = json!({ "page": "jssip.html", "atOnce": true });
    let ws = url(&board, "ws");
    let mut jssip =
        BrowserPhone::start(Kind::Firefox, &board.place, CALLER, "3003", &ws, &settings);
    let rows = board.cli("registrations 3003");
    assert!(rows.contains(" WS "), "{rows}");
    let mut user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    for jssip_calls in [true, false] {
        match jssip_calls {
            true => jssip.dial("3002"),
            false => user.dial("3003"),
        }
        user.await_event("CALL_ESTABLISHED");
        jssip.await_event("CALL_ESTABLISHED");
        talk("with JsSIP", &mut jssip, &mut user);
        user.hang_up();
        jssip.await_event("CALL_CLOSED");
    }
}

/// baresip 1.0 shows a certificate of RSA, which no browser has and our handshakes do not know: it is told so.
#[test]
fn baresips_handshake_ends_with_a_reason() {
    let board = open("");
    let handshakes = Codecs { handshakes: true, ..PLAIN };
    let mut sealed = board.phone(CALLER, handshakes, Answer::AtOnce, &terminal("3003"));
    let user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    sealed.dial("3002");
    // It may hang up as soon as its handshake ends; one of the two is told in any case.
    let mut phones = [sealed, user];
    phones.iter_mut().for_each(|phone| drop(phone.await_event("CALL_CLOSED")));
    let said = phones.map(|phone| phone.trace()).concat();
    let mut reasons = said.lines().filter(|line| line.starts_with("Reason: "));
    assert!(reasons.any(|reason| reason.contains("DTLS handshake")), "{said}");
}

/// Whose certificate is not that of its SDP is not listened to: it is told why.
#[test]
fn a_wrong_fingerprint_ends_the_call_and_says_why() {
    let board = open("");
    let mut user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    let wrong = json!({ "mangle": [["(a=fingerprint:sha-256 )..:..:..", "$100:11:22"]] });
    let mut browser = page(&board, Kind::Chromium, CALLER, "3003", &wrong);
    browser.dial("3002");
    browser.await_event("CALL_ESTABLISHED");
    let end = browser.await_event("CALL_CLOSED");
    let reason = end["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("fingerprint"), "{end}");
    user.await_event("CALL_CLOSED");
}

/// Its picture comes first and is refused, since its partner has none: its one transport stays there all the same, also
/// when it offers the picture anew. Then its connection is closed without a BYE: what it says of that by DTLS is enough.
#[test]
fn a_browser_whose_picture_is_refused_is_heard_until_its_connection_is_closed() {
    let board = open("");
    let sound = Codecs { video: "", ..PLAIN };
    let mut user = board.phone(USER, sound, Answer::AtOnce, &terminal("3002"));
    let first = json!({ "bundle": "max-bundle", "pictureFirst": true });
    let mut browser = page(&board, Kind::Chromium, CALLER, "3003", &first);
    browser.dial("3002");
    user.await_event("CALL_ESTABLISHED");
    browser.await_event("CALL_ESTABLISHED");
    let directions = "phone.call.peer.getTransceivers().map(one => one.currentDirection).join()";
    for (phase, expected) in
        [("its picture is refused", "inactive,sendrecv"), ("it is taken", "sendrecv,sendrecv")]
    {
        assert_eq!(browser.does(directions), expected, "{phase}");
        let mut both = [browser.observer(), user.observer()];
        let start = mark(&mut both);
        judge(phase, &start, &mut both, &[Gets::Voice(USER), Gets::Voice(CALLER)]);
        assert_eq!(browser.does("phone.reoffer({})"), 200);
    }
    browser.does("phone.call.peer.close()");
    user.await_event("CALL_CLOSED");
    browser.await_event("CALL_CLOSED");
}

/// An operator without a desk, whose phone is a page: its keys consult and connect.
#[test]
fn keys_of_a_browser_are_understood() {
    let board = open("");
    board.cli("operator set op1 --mode phone");
    let mut operator = page(&board, Kind::Firefox, OPERATOR, "3001", &json!({ "atOnce": true }));
    let mut user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    operator.dial("*50");
    operator.await_event("CALL_CLOSED");
    let mut caller = board.phone(CALLER, PLAIN, Answer::WhenTold, &terminal(OUTSIDE));
    caller.dial("9000");
    operator.await_event("CALL_ESTABLISHED");
    talk("with the caller", &mut caller, &mut operator);
    operator.press("*23002#");
    user.await_event("CALL_ESTABLISHED");
    operator.press("*5");
    operator.await_event("CALL_CLOSED");
    talk("handed over", &mut caller, &mut user);
}

/// New credentials of ICE, the same keys; and an offer that changes nothing.
#[test]
fn an_ice_restart_goes_on_with_the_same_keys() {
    let board = open("");
    let mut user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    let one = json!({ "bundle": "max-bundle" });
    let mut browser = page(&board, Kind::Chromium, CALLER, "3003", &one);
    browser.dial("3002");
    user.await_event("CALL_ESTABLISHED");
    browser.await_event("CALL_ESTABLISHED");
    talk("before", &mut browser, &mut user);
    let before = browser.does("phone.descriptions()");
    assert_eq!(browser.does("phone.reoffer({})"), 200);
    talk("after an offer that changes nothing", &mut browser, &mut user);
    assert_eq!(browser.does("phone.reoffer({ iceRestart: true })"), 200);
    talk("after a restart", &mut browser, &mut user);
    let after = browser.does("phone.descriptions()");
    let line = |said: &Value, side: &str, name: &str| -> String {
        let sdp = said[side].as_str().expect("it has descriptions");
        sdp.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
    };
    for side in ["local", "remote"] {
        assert_ne!(line(&before, side, "a=ice-ufrag"), line(&after, side, "a=ice-ufrag"));
        assert_eq!(line(&before, side, "a=fingerprint"), line(&after, side, "a=fingerprint"));
    }
    browser.hang_up();
    user.await_event("CALL_CLOSED");
}

/// The process is gone for a moment: the page finds its way back, and nobody has to call again.
#[test]
fn a_call_goes_on_after_the_server_was_killed() {
    let mut board = open("");
    let mut user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    let first = json!({ "bundle": "max-bundle", "pictureFirst": true });
    let mut browser = page(&board, Kind::Firefox, CALLER, "3003", &first);
    browser.dial("3002");
    user.await_event("CALL_ESTABLISHED");
    browser.await_event("CALL_ESTABLISHED");
    talk("before", &mut browser, &mut user);
    board.await_written();
    board.crash_and_restart();
    browser.await_event("REGISTER_OK");
    talk("after", &mut browser, &mut user);
    browser.hang_up();
    user.await_event("CALL_CLOSED");
    assert_eq!(board.records(1).len(), 1);
}
