//! The operator call with real phones: who hears whom and who sees whom, at every phase.
//!
//! ```text
//!   phase                C gets    O gets      U gets        (requirements R5, the table)
//!   waiting              hold      –           –
//!   with-caller          O         C           –
//!   consulting, ringing  hold      ring-back   –
//!   talking-to-callee    hold      U           O
//!   alternated           O         C           hold
//!   connected            U         nothing     C
//!   handed over          U         –           C
//! ```

mod crashes;
mod cut_connections;
mod h263_plus;
mod padded_sender;
mod several_calls;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::{self, Desk};
use crate::eavesdropper::{Attacker, Overheard, Router};
use crate::encrypted;
use crate::phone::{Account, Answer, CALLER, Codecs, OPERATOR, PLAIN, Party, Phone, USER};
use crate::picture::difference;
use crate::playback::Playback;
use crate::sip::Wire;
use crate::stage::{Stage, terminal};
use crate::switchboard::Switchboard;
use crate::wait;
use crate::witness::{Gets, judge, mark};

/// Within this time a picture of the wait shows what has changed.
const SETTLE: Duration = Duration::from_secs(15);

#[test]
fn the_whole_operator_call_with_picture() {
    let mut stage = Stage::open([PLAIN; 3]);
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.alternate();
    stage.connect();
    stage.hand_over();
}

/// The desk speaks by WebSocket under TLS, as that of a page does; the phones as ever.
#[test]
fn the_whole_operator_call_by_a_desk_under_wss() {
    let board = encrypted::open("");
    let operator = Codecs { audio: "G722", ..PLAIN };
    let operator = board.phone(OPERATOR, operator, Answer::AtOnce, &terminal("3001"));
    let user = board.phone(USER, PLAIN, Answer::WhenTold, &terminal("3002"));
    let guest = Account::Guest { name: "guest" };
    let caller = board.phone(CALLER, PLAIN, Answer::WhenTold, &guest);
    let desk = encrypted::desk_by_wss(&board, "op1");
    let caller = (caller, "guest@elsewhere.example");
    let mut stage = Stage::begin_at(desk, board, caller, operator, user, [true; 3]);
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.alternate();
    stage.connect();
    stage.hand_over();
}

#[test]
fn a_caller_without_a_camera_is_heard_and_the_others_see_each_other() {
    let blind = Codecs { video: "", ..PLAIN };
    let mut stage = Stage::open([blind, PLAIN, PLAIN]);
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.connect();
    stage.hand_over();
}

#[test]
fn three_g722_phones_hear_each_other() {
    whole_call_by_ear([Codecs { audio: "G722", ..PLAIN }; 3]);
}

#[test]
fn three_opus_phones_hear_each_other() {
    whole_call_by_ear([Codecs { audio: "opus", ..PLAIN }; 3]);
}

#[test]
fn three_vp8_phones_see_each_other() {
    let vp8 = Codecs { video: "VP8", ..PLAIN };
    let mut stage = Stage::open([vp8; 3]);
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.connect();
    stage.hand_over();
}

/// No two have a codec in common, neither of sound nor of pictures.
#[test]
fn three_phones_without_a_common_codec_hear_and_see_each_other() {
    let mut stage = Stage::open([
        Codecs { audio: "PCMU", video: "VP8", ..PLAIN },
        Codecs { audio: "G722", video: "H264", ..PLAIN },
        Codecs { audio: "opus", video: "H263", ..PLAIN },
    ]);
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.alternate();
    stage.connect();
    stage.hand_over();
}

#[test]
fn phones_with_other_codecs_and_one_without_a_camera_hear_each_other() {
    let mut stage = Stage::open([
        Codecs { audio: "PCMA", video: "VP8", ..PLAIN },
        Codecs { audio: "G722", video: "H264", ..PLAIN },
        Codecs { audio: "opus", video: "", ..PLAIN },
    ]);
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.connect();
    stage.hand_over();
}

/// The caller and the user speak under SRTP only, the operator in clear; no key stands in the log.
#[test]
fn sealed_phones_and_one_in_clear_hear_and_see_each_other() {
    let sealed = Codecs { sealed: true, ..PLAIN };
    let mut stage =
        Stage::launch("", &["terminal set 3002 --srtp required"], [sealed, PLAIN, sealed]);
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.connect();
    stage.hand_over();
    let spoken = stage.caller.trace() + &stage.user.trace();
    let keys: Vec<&str> =
        spoken.split("inline:").skip(1).filter_map(|rest| rest.get(..40)).collect();
    assert!(keys.len() >= 4, "both sides of both phones name keys");
    let log = stage.board.log();
    assert!(keys.iter().all(|key| !log.contains(key)), "a key stands in the log");
}

/// Caller on the left, operator and then user on the right; the consultation is not in the file.
#[test]
fn a_recording_plays_each_party_on_its_side() {
    let mut stage = Stage::launch(
        "[queue.main]\nrecord = \"always\"\n",
        &[],
        [
            Codecs { audio: "PCMU", video: "VP8", ..PLAIN },
            Codecs { audio: "G722", video: "H264", ..PLAIN },
            Codecs { audio: "opus", video: "H263", ..PLAIN },
        ],
    );
    stage.take();
    let is_told = |said: &Value| said["phase"] == "with-caller" && said["recording"] == true;
    assert!(stage.desk.messages().iter().any(is_told), "the desk is told of the recording");
    stage.with_caller();
    stage.consult();
    stage.connect();
    stage.hand_over();
    let records = stage.board.records(1);
    let path =
        PathBuf::from(records[0]["recordings"][0].as_str().expect("the record names the file"));
    let played =
        wait::until("the end of the recording", Duration::from_secs(10), || Playback::of(&path));
    let length = played.seconds();
    let shows = |second: f64, partner: Party| {
        let [left, right] = played.colours(second);
        left.looks_like(CALLER.colour) && right.looks_like(partner.colour)
    };
    // The caller's picture begins with its next key frame, and is in the file before the operator asks for the user, who
    // has had the word for a while at the end.
    let begins = (2..40).map(|quarter| f64::from(quarter) * 0.25);
    let first = begins.take_while(|at| *at < length - 2.5).find(|at| shows(*at, OPERATOR));
    let first = first.expect("the caller is seen on the left, and the operator on the right");
    for (second, partner, others) in [(first, OPERATOR, USER), (length - 2.5, USER, OPERATOR)] {
        let [left, right] = played.sounds(second);
        let heard = [left.share_of(CALLER.tone), right.share_of(partner.tone)];
        let wrong = [right.share_of(CALLER.tone), left.share_of(partner.tone)];
        let absent = [left.share_of(others.tone), right.share_of(others.tone)];
        println!("at {second:.1} of {length:.1} s: {heard:.2?}, {wrong:.2?}, {absent:.2?}");
        assert!(heard.iter().all(|share| *share > 0.9), "at {second} s: {heard:?}");
        assert!(wrong.iter().chain(&absent).all(|share| *share < 0.1), "{wrong:?} {absent:?}");
        assert!(shows(second, partner), "at {second} s: {:?}", played.colours(second));
    }
    for second in 0..length as usize {
        let [left, right] = played.sounds(second as f64);
        let consulted = left.share_of(OPERATOR.tone).max(left.share_of(USER.tone));
        assert!(consulted < 0.1, "at {second} s the caller's side has the others' voices");
        let both = right.share_of(OPERATOR.tone) > 0.2 && right.share_of(USER.tone) > 0.2;
        assert!(!both || second > 0, "at {second} s the two talk to each other");
    }
}

/// What waiting parties see is the picture of their position, in whatever codec they see it.
#[test]
fn the_number_on_the_picture_is_that_of_the_position() {
    let board = Switchboard::open();
    let _phone = board.phone(OPERATOR, PLAIN, Answer::WhenTold, &terminal("3001"));
    let _desk = board.desk("op1");
    let by_vp8 = Codecs { video: "VP8", ..PLAIN };
    let mut first = board.phone(CALLER, PLAIN, Answer::WhenTold, &Account::Guest { name: "one" });
    first.dial("sip:9000@cordboard.test");
    first.await_event("CALL_ESTABLISHED");
    let mut second = board.phone(USER, by_vp8, Answer::WhenTold, &Account::Guest { name: "two" });
    second.dial("sip:9000@cordboard.test");
    second.await_event("CALL_ESTABLISHED");
    // The first pictures may be those of a wait without a position: until both stay as they are.
    let mut pictures = (first.photograph(), second.photograph());
    let differ = wait::within(SETTLE, || {
        let before = std::mem::replace(&mut pictures, (first.photograph(), second.photograph()));
        let still = |(one, other)| difference(one, other) < 0.2;
        let stay = still((&before.0, &pictures.0)) && still((&before.1, &pictures.1));
        (stay && difference(&pictures.0, &pictures.1) > 0.5).then_some(())
    });
    let (one, two) = pictures;
    assert!(differ.is_some(), "1 and 2 differ: {:.2} %", difference(&one, &two));
    first.hang_up();
    first.await_event("CALL_CLOSED");
    let mut moved_up = second.photograph();
    let same = wait::within(SETTLE, || {
        moved_up = second.photograph();
        (difference(&one, &moved_up) < 0.2).then_some(())
    });
    let (same_now, other) = (difference(&one, &moved_up), difference(&two, &moved_up));
    assert!(same.is_some(), "who moved up sees what the first one saw: {same_now:.2} % differ");
    assert!(other > 0.5, "and not what it saw before: {other:.2} % differ");
}

/// Each conversation in turn, pictures wherever the two share a codec.
fn whole_call_by_ear(codecs: [Codecs; 3]) {
    let mut stage = Stage::open(codecs);
    stage.take();
    stage.with_caller();
    stage.consult();
    stage.connect();
    stage.hand_over();
}

#[test]
fn a_direct_call_inside_is_heard_and_seen_and_one_from_outside_is_refused() {
    let board = Switchboard::open();
    let mut inside = board.phone(OPERATOR, PLAIN, Answer::WhenTold, &terminal("3001"));
    let mut user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    let mut outside = board.phone(CALLER, PLAIN, Answer::WhenTold, &terminal("4001"));

    outside.dial("3002");
    let closed = outside.await_event("CALL_CLOSED");
    assert!(closed.to_string().contains("403"), "refused by level: {closed}");
    assert!(!user.has_reported("CALL_INCOMING"), "the callee of a refused call must not ring");

    inside.dial("3002");
    inside.await_event("CALL_ESTABLISHED");
    let start = mark(&mut [&mut inside, &mut user]);
    judge(
        "direct",
        &start,
        &mut [&mut inside, &mut user],
        &[Gets::Party(USER), Gets::Party(OPERATOR)],
    );
    user.hang_up();
    inside.await_event("CALL_CLOSED");
}

/// An operator without a desk: answering takes, keys consult, connect and release.
#[test]
fn an_operator_with_only_a_phone_hands_a_caller_over_by_keys() {
    let board = Switchboard::open();
    board.cli("operator set op1 --mode phone");
    let mut operator = board.phone(OPERATOR, PLAIN, Answer::AtOnce, &terminal("3001"));
    let mut user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    operator.dial("*50");
    operator.await_event("CALL_CLOSED");
    let mut caller =
        board.phone(CALLER, PLAIN, Answer::WhenTold, &Account::Guest { name: "guest" });
    caller.dial("sip:9000@cordboard.test");
    operator.await_event("CALL_ESTABLISHED");
    operator.press("*23002#");
    user.await_event("CALL_ESTABLISHED");
    operator.press("*5");
    operator.await_event("CALL_CLOSED");
    let start = mark(&mut [&mut caller, &mut user]);
    let gets = [Gets::Party(USER), Gets::Party(CALLER)];
    judge("handed over", &start, &mut [&mut caller, &mut user], &gets);
}

/// Whoever has seen the packets of a call and of a desk go by does nothing with them.
#[test]
fn nobody_else_ends_bends_or_commands_a_call() {
    let mut stage = Stage::open([PLAIN; 3]);
    stage.take();
    let mut attacker = Attacker::at(&stage.board.place);
    let from = attacker.local();
    let caller = Overheard::in_trace(&stage.caller.trace(), true);
    let phone = Overheard::in_trace(&stage.operator.trace(), false);
    let evil = format!(
        "v=0\r\no=- 1 9 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n",
        ip = from.ip()
    );
    // The caller is a guest and has no password, the operator's phone has one.
    for (dialog, status) in [(&caller, 403), (&phone, 401)] {
        let offer = dialog.request("INVITE", from).with_body("application/sdp", evil.clone());
        assert_eq!(attacker.forges(&offer), status, "it moves the sound to itself");
        let refer = dialog.request("REFER", from).with("Refer-To", "<sip:4001@cordboard.test>");
        assert_eq!(attacker.forges(&refer), status, "it transfers the call");
        assert_eq!(attacker.forges(&dialog.request("BYE", from)), status, "it hangs up");
    }
    let command = |desk: &mut Desk, id: &str, verb: &str| {
        let body = json!({ "id": id, "do": verb, "number": "3002" }).to_string();
        desk.request("INFO").with("Info-Package", desk::PACKAGE).with_body(desk::JSON, body)
    };
    for verb in ["consult", "hangup", "logout"] {
        let forged = command(&mut stage.desk, "forged", verb);
        assert_eq!(attacker.forges(&forged), 401, "it commands {verb}");
    }
    stage.with_caller();
    // The desk itself may move: it is asked once, and commands on.
    let place = &stage.board.place;
    stage.desk.moves(Wire::udp(place.next_address(), place.switchboard()));
    stage.consult();
    stage.connect();
    stage.hand_over();
    let results = stage.desk.messages();
    assert!(results.iter().all(|said| said["re"] != "forged"), "{results:?}");
}

/// The phone's INVITE comes through the router, its BYE past it.
#[test]
fn a_phone_whose_address_changes_in_a_call_proves_itself_and_goes_on() {
    let board = Switchboard::open();
    let mut user = board.phone(USER, PLAIN, Answer::AtOnce, &terminal("3002"));
    let router = Router::before(&board.place);
    let (place, inner) = (&board.place, router.inner);
    let mut moved =
        Phone::start(place, OPERATOR, PLAIN, Answer::WhenTold, &terminal("3001"), inner);
    moved.dial("3002");
    moved.await_event("CALL_ESTABLISHED");
    let start = mark(&mut [&mut moved, &mut user]);
    let gets = [Gets::Party(USER), Gets::Party(OPERATOR)];
    judge("through a router", &start, &mut [&mut moved, &mut user], &gets);
    moved.hang_up();
    user.await_event("CALL_CLOSED");
    let trace = moved.trace();
    let refused = trace.rfind("SIP/2.0 401").expect("it was challenged");
    let bye = trace.rfind("BYE sip:").expect("it hung up");
    assert!(bye > refused && trace[bye..].contains("Authorization: Digest"), "{trace}");
}

/// baresip 1.0 gives up at a challenge in SHA-256, be it the first or the second: nobody has told the house
/// so, nor its name, and it registers with its second attempt; after a restart with the first, and calls.
#[test]
fn a_phone_of_an_unknown_name_that_knows_md5_alone_is_found_out() {
    let mut board = Switchboard::open_with("[sip]\ndigest = \"auto\"\n");
    let router = Router::that_renames(&board.place, b"User-Agent: baresip", b"User-Agent: unknown");
    let start = |board: &Switchboard, party| {
        let account = terminal("3002");
        Phone::start(&board.place, party, PLAIN, Answer::WhenTold, &account, router.inner)
    };
    let first = start(&board, CALLER);
    let trace = first.trace();
    assert!(trace.contains("algorithm=SHA-256"), "it is asked for that first: {trace}");
    drop(first);
    board.crash_and_restart();
    let mut again = start(&board, CALLER);
    let listed = board.cli("registrations 3002");
    assert!(listed.contains("unknown") && !listed.contains("baresip"), "its name: {listed}");
    let _desk = board.desk("op1");
    again.dial("9000");
    again.await_event("CALL_ESTABLISHED");
    let start = mark(&mut [&mut again]);
    judge("waiting", &start, &mut [&mut again], &[Gets::Hold]);
    let trace = again.trace();
    assert!(!trace.contains("algorithm=SHA-256"), "it is known: {trace}");
}
