//! What a switchboard of version 1 of the rows left behind when it was killed: its calls go on under the present one, or
//! are ended with a word.
//!
//! `tests/fixtures/left_behind/v1/` is the data directory of such a switchboard in the middle of three calls, and what its
//! phones knew of them. It was made by `CORDBOARD_LEAVE_BEHIND=DIRECTORY cargo test --test end_to_end upgrade::`, which
//! makes another. A fixture is of another network, machine and time: the test brings it here and now.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cordboard::media::{LedgerHead, LedgerSlot, RelayLedger};
use cordboard::time::UnixTime;
use rusqlite::Connection;
use rusqlite::types::Value as Column;
use serde_json::{Value, json};

use crate::switchboard::Switchboard;
use crate::talker::{Memory, Talker, Voice};
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(8);
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
const DATABASE: &str = "cordboard.db";
const LEDGER: &str = "cordboard.ledger";
const PHONES: &str = "phones.json";

#[test]
fn calls_that_an_earlier_version_has_left_go_on() {
    if let Some(directory) = std::env::var_os("CORDBOARD_LEAVE_BEHIND") {
        return leave_behind(Path::new(&directory));
    }
    let mut memories = Vec::new();
    let board = Switchboard::open_on(|place, data| {
        memories = bring_here(place.switchboard(), data, Boot::Same);
    });
    let talkers: Vec<Talker> = memories
        .iter()
        .map(|memory| Talker::remembering(memory, board.place.switchboard()))
        .collect();
    let of = |name: &str| talkers.iter().find(|talker| talker.name == name).expect("it was left");
    wait::until("what goes on", PATIENCE, || {
        board.log().contains("3 calls with 5 parties go on").then_some(())
    });
    let mut phases: Vec<(String, String)> = listing(&board, "calls")
        .iter()
        .map(|row| (text(&row["caller"]), text(&row["phase"])))
        .collect();
    phases.sort();
    let is = |caller: &str, phase: &str| (caller.to_owned(), phase.to_owned());
    let guest = |name: &str| format!("{name}@elsewhere.example");
    let expected = [
        is("3002", "talking"),
        is(&guest("guest-taken"), "with-caller"),
        is(&guest("guest-waits"), "queued"),
    ];
    assert_eq!(phases, expected);
    assert_eq!(listing(&board, "registrations").len(), 3);
    let began = Instant::now();
    for (one, other) in [("3002", "3003"), ("guest-taken", "3001")] {
        for (hearer, speaker) in [(one, other), (other, one)] {
            let voice = Voice::Of(of(speaker).mark);
            let heard = wait::within(PATIENCE, || {
                of(hearer).heard_since(began).iter().any(|heard| heard.voice == voice).then_some(())
            });
            assert!(heard.is_some(), "{hearer} hears {speaker}: {}", board.log());
        }
    }
    for talker in &talkers {
        assert_eq!(
            (talker.offers("sendonly"), talker.offers("sendrecv")),
            (200, 200),
            "{}",
            talker.name
        );
    }
    for (ends, told) in [("3003", "3002"), ("guest-taken", "3001")] {
        assert_eq!(of(ends).hangs_up(), 200);
        wait::until("the end of the call", PATIENCE, || of(told).is_over().then_some(()));
    }
    assert_eq!(of("guest-waits").hangs_up(), 200);
    are_ended(&board, "normal-clearing");
}

#[test]
fn calls_that_an_earlier_version_has_left_before_the_machine_was_started_anew_are_ended_with_a_word()
 {
    // The phones are there before the server, which tells them at once.
    let mut memories = Vec::new();
    let mut talkers = Vec::new();
    let board = Switchboard::open_on(|place, data| {
        memories = bring_here(place.switchboard(), data, Boot::Earlier);
        let remember = |memory| Talker::remembering(memory, place.switchboard());
        talkers = memories.iter().map(remember).collect();
    });
    for talker in &talkers {
        let told = wait::within(PATIENCE, || talker.is_over().then_some(()));
        assert!(told.is_some(), "{}: {}", talker.name, board.log());
    }
    assert_eq!(listing(&board, "calls"), [] as [Value; 0]);
    are_ended(&board, "interrupted");
}

#[test]
fn what_a_newer_version_has_left_is_refused_by_the_number_of_its_version() {
    let mut board = Switchboard::open();
    board.terminate();
    wait::until("the end", PATIENCE, || board.ended());
    let database = Connection::open(board.data().join(DATABASE)).expect("it is a database");
    let version: i64 =
        database.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("it has one");
    database.pragma_update(None, "user_version", version + 1).expect("it is writable");
    drop(database);
    let (status, said) = board.try_serve_under("");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&(version + 1).to_string()), "it names the version: {said}");
    assert!(said.contains(DATABASE), "and the file: {said}");
}

/// Each of the three calls has one record, which has ended.
#[track_caller]
fn are_ended(board: &Switchboard, cause: &str) {
    let ended = wait::within(PATIENCE, || {
        let records = board.records(3);
        let is_over = records.iter().all(|record| !record["cause"].is_null());
        is_over.then_some(records)
    });
    let records = ended.unwrap_or_else(|| panic!("{:?}", board.records(3)));
    assert_eq!(records.len(), 3, "{records:?}");
    assert!(records.iter().any(|record| record["cause"] == cause), "{records:?}");
}

fn listing(board: &Switchboard, line: &str) -> Vec<Value> {
    let text = board.cli(&format!("{line} --format json"));
    serde_json::from_str(&text).expect("listings come as JSON")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/left_behind/v1")
}

/// Which boot of the machine a fixture is taken to be of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Boot {
    Same,
    Earlier,
}

/// Puts what was left into this directory, as if that had been on this machine and network, a moment ago.
fn bring_here(board: SocketAddr, data: &Path, boot: Boot) -> Vec<Memory> {
    let read = |name: &str| fs::read(fixture().join(name)).expect("it is a fixture");
    let phones: Value = serde_json::from_slice(&read(PHONES)).expect("it is JSON");
    let left_at = phones["left_at"].as_i64().expect("it says when");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    let now = i64::try_from(now.as_micros()).expect("a moment fits");
    let bring = Bring {
        from: phones["network"].as_str().expect("it says where").to_owned(),
        to: network(board),
        left_at,
        later: now - left_at,
    };
    fs::write(data.join(DATABASE), read(DATABASE)).expect("the directory is writable");
    let database = Connection::open(data.join(DATABASE)).expect("it is a database");
    bring.database(&database);
    let (machine, booted) = host();
    let booted = if boot == Boot::Same { booted } else { "an earlier boot".to_owned() };
    for (name, value) in [("machine", machine), ("boot", booted)] {
        let changed =
            database.execute("UPDATE facts SET value = ?2 WHERE name = ?1", (name, value));
        assert_eq!(changed.expect("it has facts"), 1);
    }
    if boot == Boot::Same {
        fs::write(data.join(LEDGER), bring.ledger(&read(LEDGER)))
            .expect("the directory is writable");
    }
    let memories = bring.text(&phones["phones"].to_string());
    serde_json::from_str(&memories).expect("phones were left")
}

/// From where and when to here and now.
struct Bring {
    from: String,
    to: String,
    left_at: i64,
    later: i64,
}

impl Bring {
    /// Every text and every moment of it.
    fn database(&self, database: &Connection) {
        let tables =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        for table in names(database, tables, 0) {
            for column in names(database, &format!("PRAGMA table_info({table})"), 1) {
                let values: Vec<Column> = database
                    .prepare(&format!("SELECT DISTINCT {column} FROM {table}"))
                    .and_then(|mut rows| rows.query_map([], |row| row.get(0))?.collect())
                    .expect("it can be read");
                for value in values {
                    let brought = match &value {
                        Column::Text(text) => Column::Text(self.text(text)),
                        Column::Integer(number) => Column::Integer(self.number(*number)),
                        Column::Null | Column::Real(_) | Column::Blob(_) => continue,
                    };
                    if brought != value {
                        let line = format!("UPDATE {table} SET {column} = ?2 WHERE {column} = ?1");
                        database.execute(&line, (value, brought)).expect("it can be written");
                    }
                }
            }
        }
    }

    fn text(&self, text: &str) -> String {
        let text = text.replace(&self.from, &self.to);
        let mut brought = String::new();
        for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let digits = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            match digits.parse::<i64>().map(|number| (number, self.number(number))) {
                Ok((number, moved)) if moved != number => {
                    brought += &moved.to_string();
                    brought += &part[digits.len()..];
                }
                _ => brought += part,
            }
        }
        brought
    }

    /// A moment of about then, in seconds, milliseconds or microseconds; any other number stays.
    fn number(&self, number: i64) -> i64 {
        for unit in [1, 1_000, 1_000_000] {
            if (number - self.left_at / unit).abs() < DAY_MICROS / unit {
                return number + self.later / unit;
            }
        }
        number
    }

    /// The same slots, under this boot.
    fn ledger(&self, bytes: &[u8]) -> Vec<u8> {
        let boot = bytes[16..32].try_into().expect("sixteen bytes");
        let ledger = RelayLedger::parse(bytes, &boot).expect("it is whole");
        assert!(!ledger.slots.is_empty(), "ports were in use");
        let moved = |at: UnixTime| {
            UnixTime::from_micros(self.number(at.as_micros().cast_signed()).cast_unsigned())
        };
        let here = u128::from_str_radix(&host().1.replace('-', ""), 16).expect("it is hexadecimal");
        let mut head = LedgerHead::new(here.to_be_bytes());
        let mut written = Vec::new();
        head.begin(&mut written);
        for slot in ledger.slots.values() {
            let sent = slot.sent.map(moved);
            let slot = LedgerSlot { written: moved(slot.written), sent, ..*slot };
            head.add(&slot, &mut written);
        }
        head.end(moved(ledger.written), ledger.in_hand, &mut written);
        written
    }
}

fn names(database: &Connection, line: &str, column: usize) -> Vec<String> {
    database
        .prepare(line)
        .and_then(|mut rows| rows.query_map([], |row| row.get(column))?.collect())
        .expect("it can be read")
}

/// The machine and its boot.
fn host() -> (String, String) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    (read("/etc/machine-id"), read("/proc/sys/kernel/random/boot_id"))
}

/// The first three numbers of an address, with their dots.
fn network(address: SocketAddr) -> String {
    let ip = address.ip().to_string();
    let (network, _) = ip.rsplit_once('.').expect("it has dots");
    format!("{network}.")
}

/// Makes a fixture: a call that waits, one that an operator has taken, and a direct one, killed in the midst of them.
fn leave_behind(directory: &Path) {
    let mut board = Switchboard::open();
    let at = |name: &str, mark| {
        Talker::at(name, mark, board.place.next_address(), board.place.switchboard())
    };
    let phones = [at("3001", 0x21), at("3002", 0x22), at("3003", 0x23)];
    phones.iter().for_each(Talker::registers);
    let guests = [at("guest-taken", 0x24), at("guest-waits", 0x25)];
    let mut desk = board.desk("op1");
    assert_eq!(guests[0].calls("9000"), 200);
    let offer = desk.event("offer");
    desk.does("take", json!({ "request": offer["request"] }));
    desk.phase("with-caller");
    assert_eq!(guests[1].calls("9000"), 200);
    assert_eq!(phones[1].calls("3003"), 200);
    // Until the ledger has seen all of them talk.
    std::thread::sleep(Duration::from_secs(1));
    board.crash();
    let left_at = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    let memories: Vec<Memory> = phones.iter().chain(&guests).map(Talker::memory).collect();
    fs::create_dir_all(directory).expect("it can be made");
    let database = Connection::open(board.data().join(DATABASE)).expect("it is a database");
    // All in one file.
    let line = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE; VACUUM;\
                UPDATE facts SET value = '' WHERE name IN ('machine', 'boot');";
    database.execute_batch(line).expect("nobody else has it open");
    for name in [DATABASE, LEDGER] {
        fs::copy(board.data().join(name), directory.join(name)).expect("it can be copied");
    }
    let phones = json!({
        "network": network(board.place.switchboard()),
        "left_at": u64::try_from(left_at.as_micros()).expect("a moment fits"),
        "phones": memories,
    });
    let text = serde_json::to_string_pretty(&phones).expect("it is JSON");
    fs::write(directory.join(PHONES), text + "\n").expect("the directory is writable");
}
