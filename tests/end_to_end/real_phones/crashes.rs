//! The server is killed in each phase of the operator call: it goes on where it was, and whoever hears and sees
//! whom does so again.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Share, Stage, party};
use crate::phone::{CALLER, Codecs, OPERATOR, PLAIN, USER};
use crate::witness::{judge, mark};

/// What is so for so long outlives the process.
const WRITTEN_WITHIN: Duration = Duration::from_millis(200);

#[test]
fn a_call_goes_on_where_it_was_after_a_kill_in_each_of_its_phases() {
    outlive_kills(Stage::open([PLAIN; 3]));
}

/// Each leg under keys of its own, or in clear, and no two with a codec in common.
#[test]
fn a_sealed_and_converted_call_goes_on_after_a_kill_in_each_of_its_phases() {
    let sealed = |audio, video| Codecs { audio, video, sealed: true, ..PLAIN };
    let user_is_sealed = ["terminal set 3002 --srtp required"];
    let in_clear = Codecs { audio: "G722", video: "H264", ..PLAIN };
    let codecs = [sealed("PCMU", "VP8"), in_clear, sealed("opus", "H264")];
    outlive_kills(Stage::launch("", &user_is_sealed, codecs));
}

fn outlive_kills(mut stage: Stage) {
    stage.kill();
    stage.check("waiting, after a kill", [Share::Hold]);
    stage.take_from_snapshot();
    stage.kill();
    stage.with_caller();
    stage.consult();
    stage.kill();
    stage.check("talking to the user, after a kill", [Share::Hold, party(USER), party(OPERATOR)]);
    stage.alternate();
    stage.kill();
    stage.desk.does("alternate", json!({ "party": "caller" }));
    stage.desk.phase("alternated");
    stage.kill();
    stage.check("alternated, after a kill", [party(OPERATOR), party(CALLER), Share::Hold]);
    stage.connect();
    stage.kill();
    stage.check("connected, after a kill", [party(USER), Share::Nothing, party(CALLER)]);
    stage.hand_over_and_kill();
}

impl Stage {
    /// Kills the server, starts it again, and lets the desk call again.
    fn kill(&mut self) {
        std::thread::sleep(WRITTEN_WITHIN);
        let begun = Instant::now();
        self.board.crash_and_restart();
        assert!(begun.elapsed() < Duration::from_secs(10), "it is there again soon");
        self.desk = self.board.desk("op1");
    }

    /// Takes what the desk was offered when it came back.
    fn take_from_snapshot(&mut self) {
        let messages = self.desk.messages();
        let offer = messages.iter().find(|said| said["event"] == "offer");
        let offer = offer.unwrap_or_else(|| panic!("the caller waits: {messages:?}"));
        self.desk.does("take", json!({ "request": offer["request"] }));
        self.desk.phase("with-caller");
        self.operator.await_event("CALL_ESTABLISHED");
    }

    /// As [`hand_over`](Self::hand_over), with a kill before the end.
    fn hand_over_and_kill(&mut self) {
        self.desk.does("release", json!({}));
        self.operator.await_event("CALL_CLOSED");
        self.board.crash_and_restart();
        let start = mark(&mut [&mut self.caller, &mut self.user]);
        let gets = [self.gets(0, party(USER)), self.gets(2, party(CALLER))];
        let phones = &mut [&mut self.caller, &mut self.user];
        judge("handed over, after a kill", &start, phones, &gets);
        self.user.hang_up();
        self.caller.await_event("CALL_CLOSED");
        let records = self.board.records(1);
        assert_eq!(records.len(), 1, "a call has exactly one record: {records:?}");
        assert_eq!(records[0]["cause"], "normal-clearing", "{records:?}");
    }
}
