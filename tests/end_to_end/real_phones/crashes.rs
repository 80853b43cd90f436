//! The server is killed in the midst of an operator call: it goes on where it was, and whoever hears and sees whom does so
//! again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::phone::{Answer, CALLER, Codecs, OPERATOR, PLAIN, USER};
use crate::restarts::Kept;
use crate::stage::{Share, Stage, party, terminal};
use crate::switchboard::Switchboard;
use crate::wait;
use crate::witness::{Gets, judge, mark};

const PATIENCE: Duration = Duration::from_secs(10);

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

/// As `systemctl restart` does, with a new program.
#[test]
fn a_call_goes_on_over_an_upgrade() {
    let mut stage = Stage::open([PLAIN; 3]);
    stage.take();
    stage.board.leave_and_restart();
    stage.desk = stage.board.desk("op1");
    stage.with_caller();
    stage.caller.hang_up();
    stage.operator.await_event("CALL_CLOSED");
    stage.ends_with_one_record();
}

/// The connections die with the process: each phone is found again where it has registered, or by what it sends next.
#[test]
fn a_call_over_tcp_goes_on_after_a_kill_that_has_cut_its_connections() {
    for ends in [Ends::Caller, Ends::Callee] {
        let mut board = Switchboard::open();
        call_over_tcp(&mut board, ends, |board| {
            board.crash_and_restart();
        });
    }
}

/// The service manager keeps the connections, and each phone hears of the end by its own.
#[test]
fn a_call_over_tcp_goes_on_after_a_kill_over_the_connections_that_it_had() {
    for ends in [Ends::Caller, Ends::Callee] {
        let (kept, mut board) = Kept::open();
        call_over_tcp(&mut board, ends, |board| {
            let before = connections(&kept);
            assert_eq!(before, 2, "{:?}", kept.store());
            let process = kept.pid();
            kept.end_by("KILL");
            wait::until("the next process", PATIENCE, || (kept.pid() != process).then_some(()));
            wait::until("it serves", PATIENCE, || {
                board.try_cli("status").0.filter(|code| *code == 0)
            });
            assert_eq!(connections(&kept), before, "they are the same");
        });
    }
}

fn connections(kept: &Kept) -> usize {
    kept.store().iter().filter(|name| name.starts_with("flow-")).count()
}

/// Who hangs up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ends {
    Caller,
    Callee,
}

/// 3001 calls 3002, the server is killed, they talk on, and one of them hangs up.
fn call_over_tcp(board: &mut Switchboard, ends: Ends, kill: impl FnOnce(&mut Switchboard)) {
    let by_tcp = Codecs { video: "", tcp: true, ..PLAIN };
    let phone = |board: &Switchboard, party, answer, number| {
        board.phone(party, by_tcp, answer, &terminal(number))
    };
    let mut caller = phone(board, OPERATOR, Answer::WhenTold, "3001");
    let mut callee = phone(board, USER, Answer::AtOnce, "3002");
    caller.dial("3002");
    caller.await_event("CALL_ESTABLISHED");
    board.await_written();
    kill(board);
    let phones = &mut [&mut caller, &mut callee];
    let start = mark(phones);
    judge("over TCP, after a kill", &start, phones, &[Gets::Voice(USER), Gets::Voice(OPERATOR)]);
    let [ended, told] = match ends {
        Ends::Caller => [&mut caller, &mut callee],
        Ends::Callee => [&mut callee, &mut caller],
    };
    ended.hang_up();
    told.await_event("CALL_CLOSED");
    one_record_tells_it(board);
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
    stage.desk.does("alternate", json!({ "party": "caller" }));
    stage.desk.phase("alternated");
    stage.kill();
    stage.check("alternated, after a kill", [party(OPERATOR), party(CALLER), Share::Hold]);
    stage.desk.does("connect", json!({}));
    stage.desk.phase("connected");
    stage.kill();
    stage.check("connected, after a kill", [party(USER), Share::Nothing, party(CALLER)]);
    stage.desk.does("release", json!({ "force": true }));
    stage.operator.await_event("CALL_CLOSED");
    stage.kill();
    stage.user.hang_up();
    stage.caller.await_event("CALL_CLOSED");
    stage.ends_with_one_record();
}

fn one_record_tells_it(board: &Switchboard) {
    let is_over = |record: &Value| record["cause"] == "normal-clearing";
    let ended = wait::within(Duration::from_secs(5), || {
        Some(board.records(1)).filter(|records| records.iter().all(is_over))
    });
    assert_eq!(ended.map(|records| records.len()), Some(1), "{:?}", board.records(1));
}

impl Stage {
    /// Kills the server, starts it again, and lets the desk call again.
    fn kill(&mut self) {
        self.board.await_written();
        let begun = Instant::now();
        self.board.crash_and_restart();
        assert!(begun.elapsed() < Duration::from_secs(10), "it is there again soon");
        self.desk = self.board.desk("op1");
    }

    fn ends_with_one_record(&self) {
        one_record_tells_it(&self.board);
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
}
