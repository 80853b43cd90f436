//! An old videophone: H.263 after RFC 2190 as another encoder has packed it, played by SIPp.
//!
//! What it sends was recorded, see `sipp-scenarios/README.md`; who sees it is a real phone.

use std::time::Duration;

use serde_json::json;

use crate::phone::{Account, Answer, CALLER, Codecs, OPERATOR, PLAIN, Phone};
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;
use crate::witness::{Gets, judge, mark};

/// ```text
///   SIPp: H.263, PCMU -> 9000      desk -> take      phone: VP8, G.722
/// ```
#[test]
fn an_operator_with_other_codecs_sees_and_hears_a_caller_with_h263() {
    let codecs = Codecs { audio: "G722", video: "VP8", ..PLAIN };
    let board = Switchboard::open();
    let account = Account::Terminal { number: "3001", password: PASSWORD };
    let (place, proxy) = (&board.place, board.place.switchboard());
    let mut phone = Phone::start(place, OPERATOR, codecs, Answer::AtOnce, &account, proxy);
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-shows-h263", "9000");
    let offer = desk.event("offer");
    caller.awaits_conversation();
    desk.does("take", json!({ "request": offer["request"] }));
    desk.phase("with-caller");
    phone.await_event("CALL_ESTABLISHED");
    let begun = wait::within(Duration::from_secs(5), || phone.recording());
    assert!(begun.is_some(), "the phone has not begun to record");
    let start = mark(&mut [&mut phone]);
    judge("with the caller", &start, &mut [&mut phone], &[Gets::Party(CALLER)]);
    // The only pictures that it can send, under their static number.
    let answer = String::from_utf8_lossy(&caller.message("<- 200").body).into_owned();
    assert!(answer.contains("RTP/AVP 34\r\n"), "{answer}");
    desk.does("hangup", json!({}));
    caller.ends_well();
}
