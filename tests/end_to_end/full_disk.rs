//! A disk that is full, and a database that somebody else holds: no call ends of it, who waits for a
//! promise is refused, and all that is still true is written when it can be (R8.1).

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::sip::{self, Message, Wire};
use crate::sipp::Sipp;
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(20);

/// op1 talks to a caller, and another waits, offered to op2.
struct Evening {
    talking: Sipp,
    waiting: Sipp,
    first: Desk,
    second: Desk,
    request: Value,
    _phones: [Sipp; 2],
}

impl Evening {
    /// The second caller comes when `trouble` has begun.
    #[track_caller]
    fn begin(board: &Switchboard, trouble: impl FnOnce()) -> Evening {
        let phones = ["3001", "3003"].map(|number| board.phone_at(number, "phone-answers"));
        let (mut first, mut second) = (board.desk("op1"), board.desk("op2"));
        let mut talking = board.guest("caller-hangs-up", "9000");
        let request = first.event("offer")["request"].clone();
        first.does("take", json!({ "request": request }));
        first.phase("with-caller");
        talking.awaits_conversation();
        trouble();
        let mut waiting = board.guest("caller-hangs-up", "9000");
        waiting.awaits_conversation();
        let offer = second.event_where("offer", |offer| offer["request"] != request);
        let request = offer["request"].clone();
        Evening { talking, waiting, first, second, request, _phones: phones }
    }

    /// Whoever waits for a promise is refused; the calls go on.
    #[track_caller]
    fn nothing_is_promised(&mut self, board: &Switchboard) {
        let refusal = self.second.command("take", json!({ "request": self.request }));
        assert_eq!((&refusal["ok"], &refusal["error"]), (&json!(false), &json!("internal")));
        let text = refusal["text"].as_str().unwrap_or_default();
        assert!(text.contains("cannot write it down"), "{refusal}");
        let request = self.request.clone();
        self.second.event_where("offer", |offer| offer["request"] == request);
        let answer = register(board, "4001");
        assert_eq!(answer.status(), Some(500), "{answer:?}");
        assert!(answer.header("Retry-After").is_some(), "{answer:?}");
        let (status, said) = board.try_cli("terminal add 5001");
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("the journal cannot be written"), "{said}");
        let journal = status_of(board);
        let why = journal["journal"].as_str().unwrap_or_default();
        assert!(why.starts_with("failing since") && journal["unwritten"] != 0, "{journal}");
        for caller in [&self.talking, &self.waiting] {
            assert!(!caller.has("<- BYE"), "a call has ended:\n{}", caller.ladder());
        }
    }

    /// Everything is as if nothing had been.
    #[track_caller]
    fn ends_well(mut self, board: &Switchboard) {
        wait::until("the journal to be written again", PATIENCE, || {
            let journal = status_of(board);
            (journal["journal"] == "ok" && journal["unwritten"] == 0).then_some(())
        });
        assert_eq!(register(board, "4001").status(), Some(200));
        board.cli("terminal add 5001");
        self.second.does("take", json!({ "request": self.request }));
        self.second.phase("with-caller");
        for caller in [&mut self.talking, &mut self.waiting] {
            caller.nudge();
            caller.ends_well();
        }
        self.first.phase("ended");
        self.second.phase("ended");
        let records = wait::until("the ends of both calls", PATIENCE, || {
            let records = board.records(2);
            records.iter().all(|record| !record["ended"].is_null()).then_some(records)
        });
        let operators: Vec<String> =
            records.iter().map(|record| record["operators"].to_string()).collect();
        assert!(operators[0].contains("op1") && operators[1].contains("op2"), "{records:?}");
        assert_eq!(records.len(), 2, "one call, one record");
        assert_eq!(status_of(board)["unwritten_lost"], 0);
    }
}

#[track_caller]
fn status_of(board: &Switchboard) -> Value {
    let text = board.cli("status --format json");
    serde_json::from_str(&text).expect("the status comes as JSON")
}

/// A phone registers; the final answer.
#[track_caller]
fn register(board: &Switchboard, number: &str) -> Message {
    let mut wire = Wire::udp(board.place.next_address(), board.place.switchboard());
    let local = wire.local();
    let uri = "sip:cordboard.test";
    let request = |sequence: u32| {
        let branch = format!("z9hG4bK-{local}-{sequence}");
        Message::request("REGISTER", uri)
            .with("Via", format!("SIP/2.0/UDP {local};branch={branch};rport"))
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:{number}@cordboard.test>;tag={}", local.port()))
            .with("To", format!("<sip:{number}@cordboard.test>"))
            .with("Call-ID", format!("register-{local}"))
            .with("CSeq", format!("{sequence} REGISTER"))
            .with("Contact", format!("<sip:{number}@{local}>"))
    };
    let mut ask = |request: Message, sequence: u32| {
        wire.send(&request.to_bytes());
        wait::until("the answer to REGISTER", PATIENCE, || {
            let answer = wire.receive().ok().flatten()?;
            (answer.sequence() == sequence && answer.status()? >= 200).then_some(answer)
        })
    };
    let challenge = ask(request(1), 1);
    assert_eq!(challenge.status(), Some(401), "{challenge:?}");
    let value = sip::authorization(&challenge, "REGISTER", uri, number, PASSWORD);
    ask(request(2).with("Authorization", value), 2)
}

/// Writes until there is no room left.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("the disk is there");
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_ends_no_call() {
    let board = Switchboard::open_on_a_small_disk();
    let ballast = board.data().join("ballast");
    let mut evening = Evening::begin(&board, || fill(&ballast));
    evening.nothing_is_promised(&board);
    fs::remove_file(&ballast).expect("the ballast is there");
    evening.ends_well(&board);
}

/// Recordings leave the disk its reserve; the desk is told, the calls go on.
#[test]
fn a_disk_that_is_nearly_full_ends_a_recording_and_no_call() {
    let board = Switchboard::open_on_a_disk_of("100m", "[queue.main]\nrecord = \"always\"\n");
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-hangs-up", "9000");
    let request = desk.event("offer")["request"].clone();
    desk.does("take", json!({ "request": request }));
    let call = desk.phase("with-caller");
    assert_eq!(call["recording"], true, "{call}");

    let ballast = board.data().join("ballast");
    fs::write(&ballast, vec![0; 50_000_000]).expect("there are 100 MB");
    let notice = desk.event("notice");
    assert!(notice["text"].as_str().is_some_and(|text| text.contains("record")), "{notice}");
    let call = desk.phase("with-caller");
    assert_ne!(call["recording"], true, "{call}");
    desk.is_refused("record", json!({ "on": true }), "refused");

    fs::remove_file(&ballast).expect("the ballast is there");
    wait::until("room for recordings", PATIENCE, || {
        board.log().contains("recording goes on").then_some(())
    });
    // The event loop hears of it a moment after the log.
    wait::until("a recording that is let begin", PATIENCE, || {
        (desk.command("record", json!({ "on": true }))["ok"] == true).then_some(())
    });
    caller.nudge();
    caller.ends_well();
    desk.phase("ended");
    let record = wait::until("the end of the record", PATIENCE, || {
        board.records(1).into_iter().next().filter(|record| !record["ended"].is_null())
    });
    let files = record["recordings"].as_array().map_or(0, Vec::len);
    assert_eq!(files, 2, "what was recorded before and after");
}

#[test]
fn a_database_that_another_process_holds_ends_no_call() {
    let board = Switchboard::open();
    // This process is another one.
    let held = rusqlite::Connection::open(board.data().join("cordboard.db"));
    let held = held.expect("the database is there");
    let mut evening = Evening::begin(&board, || {
        held.execute_batch("BEGIN EXCLUSIVE").expect("nobody else holds it");
    });
    evening.nothing_is_promised(&board);
    held.execute_batch("ROLLBACK").expect("it was begun");
    evening.ends_well(&board);
}

/// A log often stands on the disk that is full.
#[test]
fn a_log_that_cannot_be_written_ends_no_call() {
    let board = Switchboard::open_without_a_log();
    let evening = Evening::begin(&board, || ());
    evening.ends_well(&board);
}
