//! The journal: what was committed is there after a crash, and nothing is there by half.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::call::call_record::{CallRecord, EndedBy, Handover};
use cordboard::cause::Cause;
use cordboard::desk::results::StoredResult;
use cordboard::dialog::{DialogKey, StoredDialog};
use cordboard::directory::{
    ChangeRefusal, Directory, DirectoryChange, DraftField, Level, NightSwitch, NumberingPlan,
    OperatorDraft, Permit, Secret, TerminalDraft, patent_levels,
};
use cordboard::exchange::journal::{
    Audited, Batch, JournalEntry, LiveRow, Prune, StoredDesk, WriteFault,
};
use cordboard::ids::{
    BootNumber, CallId, ConnectionId, LegId, LevelId, Number, OperatorId, QueueId, RequestId,
    Ticket,
};
use cordboard::presence;
use cordboard::registrar::{Binding, BindingChange};
use cordboard::sip::{Destination, Flow, HeaderName, NameAddr, Transport, Uri};
use cordboard::store::backup::{BackupError, back_up, restore};
use cordboard::store::{
    BatchOutcome, Database, HostBoot, Journal, Lock, STEP_MAX, StoreError, StoreWriter,
    UnreadableRow, WAITING_MAX, WriteRefused, admin, check_beside,
};
use cordboard::time::{Duration, UnixTime};
use rusqlite::Connection;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

const NOW: UnixTime = UnixTime::from_secs(1_795_352_006);

fn number(text: &str) -> Number {
    Number::from(text)
}

fn plan() -> NumberingPlan {
    NumberingPlan {
        realm: "cordboard.local".to_owned(),
        addresses: vec![],
        queues: BTreeMap::from([(number("9000"), QueueId::from("main"))]),
        trunks: vec![],
        cameras: vec![],
        external: LevelId::from("B"),
    }
}

fn after(secs: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() + secs)
}

fn address(text: &str) -> NameAddr {
    NameAddr::parse(text, &HeaderName::Contact).unwrap()
}

fn binding(port: u16) -> Binding {
    Binding {
        number: number("3001"),
        contact: address(&format!("<sip:3001@192.0.2.7:{port}>;q=0.5;video")),
        path: vec![address("<sip:edge.example;lr>")],
        flow: Some(Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "[2001:db8::7]:5060".parse().unwrap(),
            connection: ConnectionId(0),
        }),
        call_id: "a@b".to_owned(),
        cseq: (1 << 31) - 1,
        since: Some(after(u64::from(port))),
        expires: after(3600),
        user_agent: "Gerät 1.0".to_owned(),
        md5_alone: true,
    }
}

fn dialog(call_id: &str) -> StoredDialog {
    StoredDialog {
        key: DialogKey { call_id: call_id.to_owned(), local_tag: "us".to_owned() },
        local: address("<sip:desk@cordboard.local>;tag=us"),
        remote: address("\"Anna, O.\" <sip:op1@cordboard.local>;tag=them"),
        target: Uri::parse("sip:op1@192.0.2.9:5080;transport=tcp").unwrap(),
        routes: vec![Uri::parse("sip:192.0.2.50;lr").unwrap(), Uri::parse("sip:e;lr").unwrap()],
        local_cseq: 7,
        hop: Destination::Address {
            transport: Transport::Tcp,
            remote: "192.0.2.50:5060".parse().unwrap(),
        },
    }
}

fn record(call: u64) -> CallRecord {
    let mut record = CallRecord {
        call: CallId(call),
        request: Some(RequestId(u64::MAX)),
        session: "0123456789abcdef0123456789abcdef".to_owned(),
        queue: Some(QueueId::from("main")),
        caller: "4001".to_owned(),
        caller_name: "Anna \"O\"".to_owned(),
        origin: "terminal".to_owned(),
        dialled: number("9000"),
        operators: vec![OperatorId::from("op1"), OperatorId::from("op2")],
        callee: Some(number("3001")),
        began: after(call),
        answered: None,
        phases: vec![],
        handover: None,
        ended: None,
        recordings: vec![format!("a, b/call-{call}.mkv"), format!("a, b/call-{call}-2.mkv")],
        health: String::new(),
    };
    record.enter("queued", after(call), "");
    record
}

/// No two starts of one database have the same number, whatever stands there.
#[test]
fn each_start_is_counted() {
    let data = tempfile::tempdir().unwrap();
    let start = || {
        let database = Database::open(data.path()).unwrap();
        database.count_start().unwrap();
        database.load(NOW).unwrap().0.boot
    };
    assert_eq!([start(), start(), start()], [1, 2, 3].map(BootNumber::new));
    for (odd, next) in [("'x'", 1), ("-5", 1), ("8388607", 1), ("9223372036854775807", 131_072)] {
        let sql = format!("UPDATE facts SET value = {odd} WHERE name = 'starts'");
        raw(data.path()).execute(&sql, []).unwrap();
        assert_eq!(start(), BootNumber::new(next), "{odd}");
    }
}

/// The file, past the rules of the house.
fn raw(data: &Path) -> Connection {
    Connection::open(data.join("cordboard.db")).unwrap()
}

/// What nobody waits for.
fn put(entries: Vec<JournalEntry>) -> Batch {
    Batch { ticket: Ticket(0), entries, awaited: false }
}

fn awaited(ticket: u64, entries: Vec<JournalEntry>) -> Batch {
    Batch { ticket: Ticket(ticket), entries, awaited: true }
}

/// Writes batches, waits for all of them, and closes the database.
fn write(data: &Path, batches: Vec<Batch>) {
    let count = batches.len();
    let (writer, outcomes) = writer(data);
    for batch in batches {
        writer.write(batch).unwrap();
    }
    for _ in 0..count {
        assert!(matches!(outcomes.recv().unwrap(), BatchOutcome::Committed(_)));
    }
}

fn writer(data: &Path) -> (StoreWriter, Receiver<BatchOutcome>) {
    let (report, outcomes) = channel();
    let database = Database::open(data).unwrap();
    let writer = StoreWriter::start(database, move |outcome| {
        let _ = report.send(outcome); // The test may have seen enough.
    });
    (writer.unwrap(), outcomes)
}

fn ticket(outcome: &BatchOutcome) -> u64 {
    match outcome {
        BatchOutcome::Committed(batch) | BatchOutcome::Failed { batch, .. } => batch.ticket.0,
    }
}

fn committed(outcome: &BatchOutcome) -> Option<u64> {
    match outcome {
        BatchOutcome::Committed(batch) => Some(batch.ticket.0),
        BatchOutcome::Failed { .. } => None,
    }
}

#[test]
fn a_new_database_has_the_patents_levels_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let (state, unreadable) = Database::open(data.path()).unwrap().load(NOW).unwrap();
    assert_eq!(state.accounts.levels, patent_levels());
    assert_eq!((state.accounts.terminals.len(), state.bindings.len(), state.next_call), (0, 0, 1));
    assert_eq!(unreadable, []);
}

#[test]
fn everything_reads_back_as_it_was_written() {
    let data = tempfile::tempdir().unwrap();
    let operator = presence::Stored {
        operator: OperatorId::from("op1"),
        logged_in: true,
        dnd: false,
        phone: Some(number("3001")),
    };
    let desk = StoredDesk { operator: OperatorId::from("op1"), dialog: dialog("desk") };
    let kept = StoredResult { content: "take".to_owned(), result: None, at: NOW };
    let open = record(17);
    let mut closed = record(18);
    closed.answer(after(20));
    closed.handover = Some(Handover::Forced);
    closed.enter("connected", after(21), "3001");
    closed.end(after(30), Cause::NormalClearing, EndedBy::Callee);
    write(
        data.path(),
        vec![put(vec![
            JournalEntry::Binding(BindingChange::Put(Box::new(binding(5060)))),
            JournalEntry::Operator(operator.clone()),
            JournalEntry::PutDesk(Box::new(desk.clone())),
            JournalEntry::DeskResult {
                operator: OperatorId::from("op1"),
                id: "17".to_owned(),
                kept: kept.clone(),
            },
            JournalEntry::Call(Box::new(open.clone())),
            JournalEntry::Call(Box::new(closed.clone())),
        ])],
    );
    let database = Database::open(data.path()).unwrap();
    let (state, unreadable) = database.load(after(599)).unwrap();
    assert_eq!(unreadable, []);
    assert_eq!(state.bindings, [binding(5060)]);
    assert_eq!(state.operators, [operator]);
    assert_eq!(state.desks, [desk]);
    assert_eq!(state.results, [(OperatorId::from("op1"), "17".to_owned(), kept)]);
    assert_eq!(state.calls, std::slice::from_ref(&open), "a call without an end is still open");
    assert_eq!(state.next_call, 19);
    assert_eq!(database.load(after(600)).unwrap().0.results, [], "ten minutes are over");
    assert_eq!(database.record(closed.call).unwrap(), (Some(closed.clone()), vec![]));
    assert_eq!(database.record(CallId(u64::MAX)).unwrap(), (None, vec![]));
    assert_eq!(database.records(after(17), after(19), 10).unwrap().0, [open, closed]);
    assert_eq!(database.records(after(18), after(18), 10).unwrap().0, []);
}

#[test]
fn what_is_dropped_is_gone() {
    let data = tempfile::tempdir().unwrap();
    let desk = StoredDesk { operator: OperatorId::from("op1"), dialog: dialog("desk") };
    let drop = BindingChange::Drop { number: number("3001"), key: binding(5060).key() };
    write(
        data.path(),
        vec![
            put(vec![
                JournalEntry::Binding(BindingChange::Put(Box::new(binding(5060)))),
                JournalEntry::PutDesk(Box::new(desk.clone())),
            ]),
            put(vec![JournalEntry::Binding(drop), JournalEntry::DropDesk(desk.dialog.key)]),
        ],
    );
    let (state, _) = Database::open(data.path()).unwrap().load(NOW).unwrap();
    assert_eq!((state.bindings.len(), state.desks.len()), (0, 0));
}

fn live(row: LiveRow, text: &str) -> JournalEntry {
    JournalEntry::PutLive { row, text: text.to_owned() }
}

#[test]
fn what_goes_on_reads_back_as_it_was_written_last_and_is_in_no_backup_that_is_restored() {
    let data = tempfile::tempdir().unwrap();
    let (call, legs) = (CallId(7), [LegId(1 << 40), LegId((1 << 40) + 1), LegId(3)]);
    let mut batches: Vec<_> = legs
        .iter()
        .map(|leg| put(vec![live(LiveRow::Call(call), "one"), live(LiveRow::Party(*leg), "he")]))
        .collect();
    batches.push(put(vec![
        live(LiveRow::Call(call), "other"),
        JournalEntry::DropLive(LiveRow::Party(legs[2])),
        live(LiveRow::Call(CallId(8)), "short"),
        JournalEntry::DropLive(LiveRow::Call(CallId(8))),
    ]));
    assert!(!batches.iter().any(Batch::is_durable));
    write(data.path(), batches);
    let load = |data: &Path| Database::open(data).unwrap().load(NOW).unwrap();
    let (state, unreadable) = load(data.path());
    assert_eq!(unreadable, []);
    assert_eq!(state.live.calls, [(call, "other".to_owned())]);
    assert_eq!(state.live.parties, [legs[0], legs[1]].map(|leg| (leg, "he".to_owned())));

    let (copy, file) = (tempfile::tempdir().unwrap(), data.path().join("backup"));
    back_up(data.path(), &file, false).unwrap();
    restore(copy.path(), &file, "root", NOW).unwrap();
    assert_eq!(load(copy.path()).0.live, Default::default());
}

#[test]
fn a_batch_is_flushed_unless_all_of_it_is_of_no_use_without_the_process() {
    let call = JournalEntry::Call(Box::new(record(1)));
    let row = LiveRow::Call(CallId(1));
    assert!(!put(vec![live(row, ""), JournalEntry::DropLive(row)]).is_durable());
    assert!(put(vec![live(row, ""), call]).is_durable());
    assert!(awaited(1, vec![live(row, "")]).is_durable());
    assert!(put(vec![]).is_durable(), "it tells whether the disk takes anything");
}

#[test]
fn another_machine_and_another_boot_are_noticed() {
    let data = tempfile::tempdir().unwrap();
    let host = |machine: &str, boot: &str| HostBoot { machine: machine.into(), boot: boot.into() };
    let adopt = |now: &HostBoot| Database::open(data.path()).unwrap().adopt_host(now).unwrap();
    assert_eq!(adopt(&host("a", "1")), None);
    assert_eq!(adopt(&host("a", "2")), Some(host("a", "1")));
    assert_eq!(adopt(&host("b", "2")), Some(host("a", "2")));
}

#[test]
fn a_call_has_one_record_however_often_it_is_written() {
    let data = tempfile::tempdir().unwrap();
    let mut growing = record(5);
    let mut batches = Vec::new();
    for second in 1..20 {
        batches.push(put(vec![JournalEntry::Call(Box::new(growing.clone()))]));
        growing.enter("alternated", after(second), "3001");
    }
    growing.end(after(30), Cause::Interrupted, EndedBy::Server);
    batches.push(put(vec![JournalEntry::Call(Box::new(growing.clone()))]));
    write(data.path(), batches);
    let database = Database::open(data.path()).unwrap();
    assert_eq!(database.records(NOW, after(100), 10).unwrap().0, [growing]);
    assert_eq!(database.load(NOW).unwrap().0.calls, []);
}

#[test]
fn old_desk_results_leave_with_the_next() {
    let data = tempfile::tempdir().unwrap();
    let result = |id: &str, at| JournalEntry::DeskResult {
        operator: OperatorId::from("op1"),
        id: id.to_owned(),
        kept: StoredResult { content: "take".to_owned(), result: Some("{}".to_owned()), at },
    };
    write(data.path(), vec![put(vec![result("1", NOW), result("2", after(1))])]);
    write(data.path(), vec![put(vec![result("3", after(600))])]);
    let (state, _) = Database::open(data.path()).unwrap().load(NOW).unwrap();
    let ids: Vec<_> = state.results.iter().map(|(_, id, _)| id.as_str()).collect();
    assert_eq!(ids, ["2", "3"]);
}

/// A call that was over after a minute.
fn over(call: u64, began: UnixTime) -> JournalEntry {
    let mut record = CallRecord { began, ..record(call) };
    record.enter("connected", began, "3001");
    record.end(began + Duration::from_secs(60), Cause::NormalClearing, EndedBy::Callee);
    JournalEntry::Call(Box::new(record))
}

fn prune(before: UnixTime, keep_max: usize) -> Batch {
    put(vec![JournalEntry::Prune(Prune { before, keep_max, results_before: before })])
}

fn count(data: &Path, table: &str) -> usize {
    let sql = format!("SELECT count(*) FROM {table}");
    let rows: i64 = raw(data).query_row(&sql, [], |row| row.get(0)).unwrap();
    usize::try_from(rows).unwrap()
}

#[test]
fn calls_that_are_old_and_over_go_with_their_phases_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let entries = vec![
        over(1, after(1)),
        JournalEntry::Call(Box::new(record(2))), // Still goes on.
        over(3, after(100)),
        over(4, after(101)),
    ];
    write(data.path(), vec![put(entries)]);
    write(data.path(), vec![prune(after(101), 1000)]);
    let database = Database::open(data.path()).unwrap();
    let left = database.records(NOW, after(1000), 10).unwrap().0;
    assert_eq!(left.iter().map(|record| record.call.0).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(count(data.path(), "phases"), 3);
    assert_eq!(database.load(NOW).unwrap().0.next_call, 5, "no number comes twice");
}

#[test]
fn a_step_of_pruning_is_bounded_and_the_next_one_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let step = STEP_MAX as usize;
    let calls = (0..2 * step as u64 + 10).map(|call| over(call, after(call))).collect();
    write(data.path(), vec![put(calls)]);
    for left in [step + 10, 10, 0, 0] {
        write(data.path(), vec![prune(after(100_000), 1000)]);
        assert_eq!((count(data.path(), "calls"), count(data.path(), "phases")), (left, 2 * left));
    }
}

#[test]
fn beyond_the_most_that_are_kept_the_oldest_go() {
    let data = tempfile::tempdir().unwrap();
    // Numbers that are far apart are not many calls.
    let calls = (0..130).map(|n| over(n * 1000, after(n))).collect();
    write(data.path(), vec![put(calls)]);
    for _ in 0..3 {
        write(data.path(), vec![prune(NOW, 100)]);
    }
    let left = Database::open(data.path()).unwrap().records(NOW, after(1000), 1000).unwrap().0;
    assert_eq!((left.len(), left[0].call.0, left[99].call.0), (100, 30_000, 129_000));
    write(data.path(), vec![prune(NOW, 101)]);
    assert_eq!(count(data.path(), "calls"), 100);
}

#[test]
fn the_audit_and_desk_results_go_the_same_way() {
    let data = tempfile::tempdir().unwrap();
    let line = |at| {
        let (by, what) = ("root".to_owned(), "level set A".to_owned());
        JournalEntry::Directory(Audited { at, by, what, effects: vec![] })
    };
    let result = |n: u64| JournalEntry::DeskResult {
        operator: OperatorId::from("op1"),
        id: n.to_string(),
        kept: StoredResult { content: "take".to_owned(), result: None, at: after(n / 2) },
    };
    let many = 2 * STEP_MAX as u64;
    write(data.path(), vec![put((0..many).map(|n| line(after(n))).collect())]);
    write(data.path(), vec![put((0..1050).map(result).collect())]);
    write(data.path(), vec![prune(after(10), many as usize)]);
    assert_eq!(count(data.path(), "audit"), many as usize - 10);
    assert_eq!(count(data.path(), "desk_results"), 1050 - 22);
    let audit = || Database::open(data.path()).unwrap().audit(10_000).unwrap();
    assert_eq!((audit().len(), audit().last().unwrap().at), (many as usize - 10, after(10)));
    for left in [many as usize - 10 - STEP_MAX as usize, 200, 200] {
        write(data.path(), vec![prune(after(10), 200)]);
        assert_eq!(audit().len(), left);
    }
    assert_eq!(audit()[0].at, after(many - 1), "the latest stay");
    write(data.path(), vec![prune(after(1050), 200)]);
    assert_eq!(count(data.path(), "desk_results"), 28, "one step");
}

#[test]
fn tickets_come_back_in_order_once_committed() {
    let data = tempfile::tempdir().unwrap();
    let (writer, outcomes) = writer(data.path());
    for ticket in 0..1000 {
        let entries = vec![JournalEntry::Call(Box::new(record(ticket)))];
        writer.write(awaited(ticket, entries)).unwrap();
    }
    for (expected, outcome) in (0..1000).zip(outcomes.iter()) {
        assert_eq!(committed(&outcome), Some(expected));
    }
    drop(writer);
    let database = Database::open(data.path()).unwrap();
    assert_eq!(database.records(NOW, after(2000), 2000).unwrap().0.len(), 1000);
}

#[test]
fn a_batch_that_fails_leaves_nothing_and_spoils_no_other() {
    let data = tempfile::tempdir().unwrap();
    {
        let database = Database::open(data.path()).unwrap();
        let raw = rusqlite::Connection::open(database.path()).unwrap();
        let sql = "CREATE TRIGGER full BEFORE INSERT ON operator_states
                   BEGIN SELECT RAISE(ABORT, 'disk full'); END";
        raw.execute_batch(sql).unwrap();
    }
    let (writer, outcomes) = writer(data.path());
    let operator = presence::Stored {
        operator: OperatorId::from("op1"),
        logged_in: true,
        dnd: false,
        phone: None,
    };
    for (ticket, entries) in [
        (1, vec![JournalEntry::Call(Box::new(record(1)))]),
        (2, vec![JournalEntry::Call(Box::new(record(2))), JournalEntry::Operator(operator)]),
        (3, vec![JournalEntry::Call(Box::new(record(3)))]),
    ] {
        writer.write(awaited(ticket, entries)).unwrap();
    }
    let mut reported: Vec<_> = outcomes.iter().take(3).collect();
    // What failed is told sooner than what is flushed.
    reported.sort_by_key(ticket);
    assert_eq!((committed(&reported[0]), committed(&reported[2])), (Some(1), Some(3)));
    let BatchOutcome::Failed { batch, fault: WriteFault::OfBatch(why) } = &reported[1] else {
        panic!("{reported:?}");
    };
    assert_eq!((batch.ticket, batch.entries.len()), (Ticket(2), 2), "as it came");
    assert!(why.ends_with("disk full"), "{why}");
    drop(writer);
    let records = Database::open(data.path()).unwrap().records(NOW, after(100), 10).unwrap().0;
    assert_eq!(records.iter().map(|r| r.call.0).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_writer_that_falls_behind_refuses_instead_of_waiting() {
    let data = tempfile::tempdir().unwrap();
    let (writer, outcomes) = writer(data.path());
    let raw = rusqlite::Connection::open(data.path().join("cordboard.db")).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap(); // Someone else holds the file.
    let drop_one = || put(vec![JournalEntry::DropDesk(dialog("gone").key)]);
    let refused = (0..2 * WAITING_MAX).find_map(|_| writer.write(drop_one()).err());
    assert!(matches!(refused, Some((_, WriteRefused::Full))));
    raw.execute_batch("ROLLBACK").unwrap();
    drop(writer);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, BatchOutcome::Committed(_))));
}

#[test]
fn an_empty_batch_is_written_too_and_so_tells_whether_anything_can_be() {
    let data = tempfile::tempdir().unwrap();
    write(data.path(), vec![put(vec![])]);
    write(data.path(), vec![put(vec![])]);
    let sql = "SELECT value FROM facts WHERE name = 'tried'";
    let tried: i64 = raw(data.path()).query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(tried, 2);
}

/// A journal that fails as the test says.
struct Faulty<F>(F);

impl<F: FnMut(&[Batch]) -> Result<(), StoreError> + Send + 'static> Journal for Faulty<F> {
    fn write(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        (self.0)(batches)
    }

    fn flusher(&self) -> impl FnMut() -> Result<(), StoreError> + Send + 'static {
        || Ok(())
    }
}

/// A disk that takes its time: each flush waits until the test lets it go.
struct SlowDisk {
    begun: Sender<()>,
    gate: Arc<Mutex<Receiver<Result<(), StoreError>>>>,
}

impl Journal for SlowDisk {
    fn write(&mut self, _: &[Batch]) -> Result<(), StoreError> {
        Ok(())
    }

    fn flusher(&self) -> impl FnMut() -> Result<(), StoreError> + Send + 'static {
        let (begun, gate) = (self.begun.clone(), Arc::clone(&self.gate));
        move || {
            begun.send(()).unwrap();
            gate.lock().unwrap().recv().unwrap()
        }
    }
}

#[test]
fn what_goes_on_is_written_while_a_slow_disk_flushes() {
    let (go, gate) = channel();
    let (begun, flushes) = channel();
    let (report, outcomes) = channel();
    let disk = SlowDisk { begun, gate: Arc::new(Mutex::new(gate)) };
    let writer = StoreWriter::start(disk, move |outcome| report.send(outcome).unwrap()).unwrap();
    let live = |ticket, row| Batch {
        ticket: Ticket(ticket),
        entries: vec![JournalEntry::DropLive(LiveRow::Call(CallId(row)))],
        awaited: false,
    };
    let patience = std::time::Duration::from_secs(10);
    let next = || committed(&outcomes.recv_timeout(patience).unwrap());
    writer.write(awaited(1, vec![])).unwrap();
    writer.write(live(2, 7)).unwrap();
    assert_eq!(next(), Some(2), "it needs no flush");
    flushes.recv_timeout(patience).unwrap();
    writer.write(awaited(3, vec![])).unwrap();
    writer.write(live(4, 8)).unwrap();
    assert_eq!(next(), Some(4));
    assert!(outcomes.try_recv().is_err(), "nothing is confirmed before its flush");
    go.send(Ok(())).unwrap();
    assert_eq!(next(), Some(1));
    go.send(Err(sqlite(rusqlite::ffi::SQLITE_IOERR_FSYNC))).unwrap();
    assert_eq!(next(), None, "what is not flushed is not confirmed");
    drop(writer);
    assert_eq!(outcomes.iter().count(), 0);
}

fn sqlite(code: i32) -> StoreError {
    let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
    StoreError::Sqlite { path: "cordboard.db".into(), error }
}

/// The first batch holds the thread until the rest waits behind it; returns which of the rest were
/// written, and in how many attempts.
fn written_by(
    mut write: impl FnMut(&[Batch]) -> Result<(), StoreError> + Send + 'static,
) -> (Vec<bool>, usize) {
    let (go, gate) = channel();
    let (report, outcomes) = channel();
    let (attempted, attempts) = channel();
    let mut held = true;
    let faulty = Faulty(move |batches: &[Batch]| {
        if std::mem::replace(&mut held, false) {
            gate.recv().unwrap();
            return Ok(());
        }
        attempted.send(()).unwrap();
        write(batches)
    });
    let writer = StoreWriter::start(faulty, move |outcome| report.send(outcome).unwrap()).unwrap();
    for ticket in 0..=5 {
        writer.write(awaited(ticket, vec![])).unwrap();
        if ticket == 0 {
            // Not to be of one group with the others.
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    go.send(()).unwrap();
    drop(writer);
    let mut written: Vec<_> =
        outcomes.iter().map(|o| (ticket(&o), committed(&o).is_some())).collect();
    written.sort_unstable();
    let written = written.into_iter().map(|(_, written)| written).skip(1).collect();
    (written, attempts.iter().count())
}

fn has(batches: &[Batch], ticket: u64) -> bool {
    batches.iter().any(|batch| batch.ticket == Ticket(ticket))
}

#[test]
fn what_holds_the_file_is_waited_for_once_and_not_for_each_batch() {
    let (written, attempts) = written_by(|_| Err(sqlite(rusqlite::ffi::SQLITE_BUSY)));
    assert_eq!((written, attempts), (vec![false; 5], 1));
    // Nor when it comes in the midst of it.
    let mut first = true;
    let (written, attempts) = written_by(move |_| {
        let code = match std::mem::replace(&mut first, false) {
            true => rusqlite::ffi::SQLITE_FULL,
            false => rusqlite::ffi::SQLITE_BUSY,
        };
        Err(sqlite(code))
    });
    assert_eq!((written, attempts), (vec![false; 5], 2));
}

#[test]
fn what_a_full_disk_still_takes_is_written() {
    let (written, attempts) = written_by(|batches| match batches.len() == 1 && !has(batches, 3) {
        true => Ok(()),
        false => Err(sqlite(rusqlite::ffi::SQLITE_FULL)),
    });
    assert_eq!((written, attempts), (vec![true, true, false, true, true], 6));
}

#[test]
fn a_slow_disk_that_fails_is_not_asked_for_each_batch() {
    let (written, attempts) = written_by(|_| {
        std::thread::sleep(std::time::Duration::from_millis(600));
        Err(sqlite(rusqlite::ffi::SQLITE_IOERR))
    });
    assert_eq!((written, attempts), (vec![false; 5], 3), "for a second, then no more");
}

#[test]
fn a_batch_that_makes_a_library_panic_costs_itself_and_not_the_thread() {
    let (written, _) = written_by(|batches| {
        assert!(!has(batches, 2), "a panic on purpose");
        Ok(())
    });
    assert_eq!(written, [true, false, true, true, true]);
}

#[test]
fn whose_fault_it_is_is_known_by_the_code() {
    use rusqlite::ffi;
    let is_of_batch = |code| matches!(sqlite(code).fault(), WriteFault::OfBatch(_));
    for code in [
        ffi::SQLITE_BUSY,
        ffi::SQLITE_BUSY_SNAPSHOT,
        ffi::SQLITE_LOCKED,
        ffi::SQLITE_FULL,
        ffi::SQLITE_IOERR,
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_READONLY,
        ffi::SQLITE_READONLY_DBMOVED,
        ffi::SQLITE_CORRUPT,
        ffi::SQLITE_NOTADB,
        ffi::SQLITE_CANTOPEN,
        ffi::SQLITE_NOMEM,
        ffi::SQLITE_PERM,
    ] {
        assert!(!is_of_batch(code), "{code}");
    }
    for code in
        [ffi::SQLITE_CONSTRAINT, ffi::SQLITE_TOOBIG, ffi::SQLITE_MISMATCH, ffi::SQLITE_ERROR]
    {
        assert!(is_of_batch(code), "{code}");
    }
}

#[test]
fn at_the_end_a_database_that_is_held_is_not_waited_for_again_and_again() {
    let (report, outcomes) = channel();
    let faulty = Faulty(|_: &[Batch]| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        Err(sqlite(rusqlite::ffi::SQLITE_BUSY))
    });
    let writer = StoreWriter::start(faulty, move |outcome| report.send(outcome).unwrap()).unwrap();
    for ticket in 0..5_000 {
        writer.write(awaited(ticket, vec![])).unwrap();
    }
    let began = std::time::Instant::now();
    drop(writer);
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(outcomes.iter().count() < 5_000);
}

#[test]
fn a_row_that_makes_no_sense_is_named_and_left_out() {
    let data = tempfile::tempdir().unwrap();
    let good = BindingChange::Put(Box::new(binding(5061)));
    let bad = BindingChange::Put(Box::new(binding(5062)));
    write(data.path(), vec![put(vec![JournalEntry::Binding(good), JournalEntry::Binding(bad)])]);
    let raw = rusqlite::Connection::open(data.path().join("cordboard.db")).unwrap();
    raw.execute_batch("UPDATE bindings SET flow = 'pigeon' WHERE key LIKE '%5062'").unwrap();
    write(data.path(), vec![put(vec![JournalEntry::Call(Box::new(record(7)))])]);
    raw.execute_batch("UPDATE calls SET began = -1").unwrap();
    let (state, unreadable) = Database::open(data.path()).unwrap().load(NOW).unwrap();
    assert_eq!((state.bindings, state.calls), (vec![binding(5061)], vec![]));
    let named = |table, row: &str| UnreadableRow { table, row: row.to_owned() };
    assert_eq!(unreadable, [named("bindings", "3001"), named("calls", "7")]);
    let (record, unreadable) = Database::open(data.path()).unwrap().record(CallId(7)).unwrap();
    assert_eq!((record, unreadable), (None, vec![named("calls", "7")]));
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    drop(Database::open(data.path()).unwrap());
    let raw = rusqlite::Connection::open(data.path().join("cordboard.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    for error in
        [Database::open(data.path()).unwrap_err(), Database::open_to_read(data.path()).unwrap_err()]
    {
        assert!(matches!(error, StoreError::TooNew { found: 99, .. }));
    }
}

#[test]
fn a_file_of_an_earlier_version_is_brought_up_to_date_by_whoever_writes() {
    let data = tempfile::tempdir().unwrap();
    drop(Database::open(data.path()).unwrap());
    let raw = raw(data.path());
    take_back_to_version_3(&raw);
    let error = Database::open_to_read(data.path()).unwrap_err();
    assert!(matches!(error, StoreError::Outdated { .. }));
    drop(Database::open(data.path()).unwrap());
    assert!(Database::open_to_read(data.path()).unwrap().is_some());
    let mark = |raw: &Connection| raw.pragma_query_value(None, "application_id", |row| row.get(0));
    assert_eq!(mark(&raw).ok(), Some(i32::from_be_bytes(*b"cord")));
}

/// An operator of before may have one call in hand, whatever it could have since.
#[test]
fn an_operator_of_an_earlier_version_has_one_call_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let max_calls = || {
        let (accounts, unreadable) =
            Database::open_to_read(data.path()).unwrap().unwrap().accounts().unwrap();
        assert_eq!(unreadable, []);
        accounts.operators.iter().map(|operator| operator.max_calls).collect::<Vec<_>>()
    };
    add_terminal(data.path(), "3001");
    let op1 = OperatorDraft {
        phone: Some(number("3001")),
        max_calls: Some(3),
        ..OperatorDraft::new(OperatorId::from("op1"))
    };
    let add = DirectoryChange::AddOperator(op1.clone());
    admin::apply(data.path(), plan(), &add, "root", NOW).unwrap();
    assert_eq!(max_calls(), [3]);
    take_back_to_version_3(&raw(data.path()));
    drop(Database::open(data.path()).unwrap());
    assert_eq!(max_calls(), [1]);
    let set = DirectoryChange::SetOperator(op1);
    admin::apply(data.path(), plan(), &set, "root", NOW).unwrap();
    assert_eq!(max_calls(), [3]);
}

/// Without what came later; then, files were not marked as ours.
fn take_back_to_version_3(raw: &Connection) {
    raw.execute("ALTER TABLE bindings DROP COLUMN md5_alone", []).unwrap();
    raw.execute("ALTER TABLE bindings DROP COLUMN since", []).unwrap();
    raw.execute("DROP TABLE nights", []).unwrap();
    raw.execute("ALTER TABLE operators DROP COLUMN max_calls", []).unwrap();
    raw.execute_batch("DROP TABLE live_calls; DROP TABLE live_parties;").unwrap();
    raw.execute_batch("DROP TABLE sessions; DROP TABLE favourites; DROP TABLE notes;").unwrap();
    raw.execute_batch(
        "DROP INDEX calls_caller; DROP INDEX calls_callee; DROP INDEX calls_dialled;",
    )
    .unwrap();
    raw.pragma_update(None, "user_version", 3).unwrap();
    raw.pragma_update(None, "application_id", 0).unwrap();
}

/// The same for whoever writes and whoever reads.
fn refused(data: &Path) -> StoreError {
    let read = Database::open_to_read(data).unwrap_err();
    let written = Database::open(data).unwrap_err();
    assert_eq!(read.to_string(), written.to_string());
    written
}

#[test]
fn what_is_no_database_is_refused_and_left_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("cordboard.db");
    let text = "a shopping list, long enough to be taken for a header of SQLite".repeat(20);
    std::fs::write(&path, &text).unwrap();
    let error = refused(data.path());
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("`cordboard restore FILE`"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    for mark in [0, 17, i32::from_be_bytes(*b"cord")] {
        let data = tempfile::tempdir().unwrap();
        let raw = raw(data.path());
        raw.execute_batch("CREATE TABLE calls (facts TEXT)").unwrap();
        raw.pragma_update(None, "application_id", mark).unwrap();
        for version in [0, 1, 3] {
            if mark > 17 && version > 0 {
                continue; // It says that it is ours.
            }
            raw.pragma_update(None, "user_version", version).unwrap();
            let error = refused(data.path());
            assert!(matches!(error, StoreError::Foreign { .. }), "{mark} {version}: {error}");
        }
        let mode: String = raw.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "delete");
    }
}

#[test]
fn a_database_that_has_become_empty_is_no_new_house() {
    let data = tempfile::tempdir().unwrap();
    drop(Database::open(data.path()).unwrap());
    let path = data.path().join("cordboard.db");
    std::fs::write(&path, "").unwrap();
    let error = refused(data.path());
    assert!(matches!(error, StoreError::Emptied { .. }), "{error}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    std::fs::remove_file(&path).unwrap();
    raw(data.path()).pragma_update(None, "journal_mode", "WAL").unwrap(); // One page, no table.
    let error = refused(data.path());
    assert!(matches!(error, StoreError::Emptied { .. }), "{error}");
}

#[test]
fn a_database_that_is_missing_beside_its_journal_or_a_backup_is_no_new_house() {
    let data = tempfile::tempdir().unwrap();
    let path = |name: &str| data.path().join(name);
    std::fs::write(path("cordboard.db-wal"), "").unwrap();
    std::fs::write(path("music.wav"), "RIFF, and so on: long enough for a header".repeat(9))
        .unwrap();
    std::fs::write(path("cordboard.db.new"), "half of one").unwrap();
    assert!(Database::open_to_read(data.path()).unwrap().is_none());
    drop(Database::open(data.path()).unwrap());
    assert!(!path("cordboard.db.new").exists());

    std::fs::rename(path("cordboard.db"), path("cordboard.db.new")).unwrap();
    assert!(Database::open_to_read(data.path()).unwrap().is_none(), "it never had its name");
    std::fs::rename(path("cordboard.db.new"), path("monday.backup")).unwrap();
    let error = refused(data.path());
    assert!(matches!(&error, StoreError::Gone { rest, .. } if *rest == path("monday.backup")));
    assert!(!path("cordboard.db").exists());

    std::fs::remove_file(path("monday.backup")).unwrap();
    std::os::unix::fs::symlink(path("not mounted"), path("cordboard.db")).unwrap();
    let error = refused(data.path());
    assert!(matches!(error, StoreError::Directory { .. }), "{error}");
    std::fs::remove_file(path("cordboard.db")).unwrap();
    std::fs::write(path("cordboard.db-wal"), "some").unwrap();
    let error = refused(data.path());
    assert!(matches!(&error, StoreError::Gone { rest, .. } if *rest == path("cordboard.db-wal")));
    assert!(error.to_string().contains("`cordboard restore FILE`"), "{error}");
}

#[test]
fn a_truncated_or_mangled_database_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let entry = |call| JournalEntry::Call(Box::new(record(call)));
    write(data.path(), vec![put((0..1000).map(entry).collect())]);
    let path = data.path().join("cordboard.db");
    let whole = std::fs::read(&path).unwrap();
    for len in [50, 700, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..len]).unwrap();
        let error = refused(data.path());
        assert!(matches!(error, StoreError::Damaged { .. }), "{len}: {error}");
    }
    // All but the first page and the tables' names: what is loaded is not what was written.
    let mut mangled = whole.clone();
    mangled[8192..].fill(0x5a);
    std::fs::write(&path, mangled).unwrap();
    let loaded = Database::open(data.path()).and_then(|database| database.load(NOW));
    assert!(matches!(loaded, Err(StoreError::Damaged { .. })), "{loaded:?}");
    std::fs::write(&path, whole).unwrap();
    assert!(Database::open(data.path()).unwrap().load(NOW).is_ok());
}

#[test]
fn a_database_that_lacks_a_table_is_refused_and_no_backup_either() {
    let parent = tempfile::tempdir().unwrap();
    let (data, file) = (parent.path().join("data"), parent.path().join("monday"));
    add_terminal(&data, "3001");
    raw(&data).execute_batch("ALTER TABLE phases DROP COLUMN who").unwrap();
    let refused = Database::open(&data).unwrap_err().to_string();
    assert!(refused.contains("it is damaged (it lacks phases.who)"), "{refused}");
    back_up(&data, &file, false).unwrap();
    let refused = restore(&data, &file, "root", NOW).unwrap_err().to_string();
    assert!(refused.contains("it lacks phases.who"), "{refused}");
}

/// What a start does not load.
#[test]
fn the_rest_is_looked_at_beside_the_loop() {
    let data = tempfile::tempdir().unwrap();
    let look = || {
        let (report, reported) = channel();
        check_beside(data.path(), move |error| report.send(error.to_string()).unwrap()).unwrap();
        reported.recv() // Or the thread has ended.
    };
    assert!(look().is_err(), "there is no database");
    write(data.path(), vec![put((0..1000).map(|call| over(call, after(call))).collect())]);
    assert!(look().is_err(), "nothing is wrong");
    let root: i64 = raw(data.path())
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'phases'", [], |row| row.get(0))
        .unwrap();
    let path = data.path().join("cordboard.db");
    let mut mangled = std::fs::read(&path).unwrap();
    let page = (root as usize - 1) * 4096;
    mangled[page + 8..page + 4096].fill(0x5a);
    std::fs::write(&path, mangled).unwrap();
    let loaded = Database::open(data.path()).unwrap().load(NOW);
    assert!(loaded.is_ok(), "nothing of it is loaded: {loaded:?}");
    let said = look().unwrap();
    assert!(said.starts_with(&format!("{}: it is damaged (", path.display())), "{said}");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn nobody_else_reads_the_data_from_the_first_byte_on() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("var/data");
    let lock = Lock::take(&data).unwrap();
    assert_eq!(lock.lax().tightened, Vec::<PathBuf>::new());
    let (writer, outcomes) = writer(&data);
    writer.write(put(vec![JournalEntry::Call(Box::new(record(1)))])).unwrap();
    outcomes.recv().unwrap();
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = std::fs::read_dir(&data).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "database, -wal, -shm and lock: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn data_that_others_could_read_is_theirs_no_more_and_that_is_said_once() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    drop(Lock::take(&data).unwrap());
    drop(Database::open(&data).unwrap());
    let path = |name: &str| data.join(name);
    std::fs::copy(path("cordboard.db"), path("monday.backup")).unwrap();
    std::fs::write(path("music.wav"), "RIFF").unwrap();
    let lax = ["cordboard.db", "cordboard.lock", "monday.backup"].map(path);
    let elsewhere = parent.path().join("elsewhere");
    std::fs::write(&elsewhere, "somebody's").unwrap();
    std::os::unix::fs::symlink(&elsewhere, path("cordboard.db-link")).unwrap();
    set_mode(&elsewhere, 0o644);
    set_mode(&data, 0o2755);
    lax.iter().chain([&path("music.wav")]).for_each(|file| set_mode(file, 0o644));
    let lock = Lock::take(&data).unwrap();
    assert_eq!(lock.lax().tightened, [&[data.clone()][..], &lax].concat());
    assert!(lock.lax().left.is_empty());
    assert_eq!((mode(&data), mode(&path("music.wav"))), (0o2700, 0o644));
    assert_eq!(mode(&elsewhere), 0o644, "a link leads to what is somebody else's");
    assert!(lax.iter().all(|file| mode(file) == 0o600));
    drop(lock);
    assert!(Lock::take(&data).unwrap().lax().tightened.is_empty());
}

/// Administrators come by `sudo`, and the server has an account of its own.
#[test]
fn what_root_makes_belongs_to_the_account_of_the_server() {
    const SERVER: u32 = 65_534;
    let parent = tempfile::tempdir().unwrap();
    let (data, file) = (parent.path().join("data"), parent.path().join("monday"));
    std::fs::create_dir(&data).unwrap();
    if chown(&data, Some(SERVER), Some(SERVER)).is_err() {
        return; // Only root can give away.
    }
    add_terminal(&data, "3001");
    back_up(&data, &file, false).unwrap();
    restore(&data, &file, "root", NOW).unwrap();
    let (writer, outcomes) = writer(&data);
    writer.write(put(vec![JournalEntry::Call(Box::new(record(1)))])).unwrap();
    outcomes.recv().unwrap();
    let owner = |path: &Path| std::fs::metadata(path).unwrap().uid();
    let names = files(&data);
    assert_eq!(names.len(), 5, "database, -wal, -shm, lock, and the one before: {names:?}");
    for name in names {
        assert_eq!(owner(&data.join(&name)), SERVER, "{name}");
    }
    assert_ne!(owner(&file), SERVER, "a backup is whose it was made by");
}

#[test]
fn a_directory_of_everybody_is_not_taken_from_them() {
    let data = tempfile::tempdir().unwrap();
    set_mode(data.path(), 0o1777);
    assert!(Lock::take(data.path()).unwrap().lax().tightened.is_empty());
    assert_eq!(mode(data.path()), 0o1777);
}

/// A house with this terminal, whose server runs or does not.
fn add_terminal(data: &Path, name: &str) {
    let change = DirectoryChange::AddTerminal(TerminalDraft::new(number(name)));
    admin::apply(data, plan(), &change, "root", NOW).unwrap();
}

fn terminals(data: &Path) -> Vec<String> {
    let (accounts, _) = Database::open_to_read(data).unwrap().unwrap().accounts().unwrap();
    accounts.terminals.iter().map(|terminal| terminal.number.to_string()).collect()
}

fn files(directory: &Path) -> Vec<String> {
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_the_committed_state_also_while_a_server_writes() {
    let parent = tempfile::tempdir().unwrap();
    let path = |name: &str| parent.path().join(name);
    let (data, file) = (path("data"), path("monday"));
    add_terminal(&data, "3001");
    let (writer, outcomes) = writer(&data);
    writer.write(put(vec![JournalEntry::Call(Box::new(record(1)))])).unwrap();
    outcomes.recv().unwrap();
    let raw = raw(&data);
    raw.execute_batch("BEGIN IMMEDIATE; DELETE FROM terminals").unwrap(); // Not committed.
    back_up(&data, &file, false).unwrap();
    raw.execute_batch("ROLLBACK").unwrap();
    assert_eq!(mode(&file), 0o600);
    assert_eq!(files(parent.path()), ["data", "monday"]);

    let refused = back_up(&data, &file, false).unwrap_err();
    assert!(matches!(refused, BackupError::Exists { .. }), "{refused}");
    writer.write(put(vec![JournalEntry::Call(Box::new(record(2)))])).unwrap();
    outcomes.recv().unwrap();
    back_up(&data, &file, true).unwrap();
    assert_eq!(files(parent.path()), ["data", "monday"]);

    let elsewhere = path("elsewhere");
    restore(&elsewhere, &file, "root", NOW).unwrap();
    assert_eq!(terminals(&elsewhere), ["3001"]);
    let (state, _) = Database::open(&elsewhere).unwrap().load(NOW).unwrap();
    assert_eq!((state.calls, state.next_call), (vec![record(1), record(2)], 3));
}

#[test]
fn what_cannot_be_backed_up_leaves_no_file() {
    let parent = tempfile::tempdir().unwrap();
    let (data, file) = (parent.path().join("data"), parent.path().join("monday"));
    let refused = back_up(&data, &file, false).unwrap_err();
    assert!(matches!(refused, BackupError::Nothing { .. }), "{refused}");
    assert!(!data.exists());
    drop(Database::open(Path::new(parent.path())).unwrap());
    let own = parent.path().join("cordboard.db");
    let refused = back_up(parent.path(), &own, true).unwrap_err();
    assert!(matches!(refused, BackupError::Itself { .. }), "{refused}");
    let nowhere = parent.path().join("nowhere/monday");
    assert!(matches!(back_up(parent.path(), &nowhere, false), Err(BackupError::File { .. })));

    write(
        parent.path(),
        vec![put((0..500).map(|n| JournalEntry::Call(Box::new(record(n)))).collect())],
    );
    let mut mangled = std::fs::read(&own).unwrap();
    let half = mangled.len() / 2;
    mangled[half..].fill(0x5a);
    std::fs::write(&own, mangled).unwrap();
    let refused = back_up(parent.path(), &file, false).unwrap_err();
    assert!(
        matches!(&refused, BackupError::Store(StoreError::Damaged { path, .. }) if *path == own),
        "{refused}"
    );
    assert_eq!(files(parent.path()), ["cordboard.db"]);
}

/// Nor is it waited for until somebody writes.
#[test]
fn a_pipe_is_no_backup() {
    let parent = tempfile::tempdir().unwrap();
    let (data, pipe) = (parent.path().join("data"), parent.path().join("pipe"));
    // No child makes it: that would hold the locks of the tests beside it for a moment.
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let refused = restore(&data, &pipe, "root", NOW).unwrap_err().to_string();
    assert!(refused.ends_with("this is no file: name one") && !data.exists(), "{refused}");
}

#[test]
fn a_backup_takes_the_place_of_the_database_which_is_kept() {
    let parent = tempfile::tempdir().unwrap();
    let path = |name: &str| parent.path().join(name);
    let (data, file) = (path("data"), path("monday"));
    add_terminal(&data, "3001");
    back_up(&data, &file, false).unwrap();
    let backup = std::fs::read(&file).unwrap();
    add_terminal(&data, "3002");
    let restored = restore(&data, &file, "root", NOW).unwrap();
    assert_eq!(terminals(&data), ["3001"]);
    let replaced = restored.replaced.unwrap();
    assert_eq!(replaced, data.join("cordboard.db.replaced-2026-11-22-125326"));
    assert_eq!((mode(&replaced), mode(&restored.path)), (0o600, 0o600));
    assert_eq!(std::fs::read(&file).unwrap(), backup, "it stays as it is");
    assert_eq!(files(parent.path()), ["data", "monday"]);
    let audit = Database::open_to_read(&data).unwrap().unwrap().audit(1).unwrap();
    assert_eq!((audit[0].by.as_str(), audit[0].at), ("root", NOW));
    assert_eq!(audit[0].what, format!("restore {}", file.display()));

    // And back, within the same second.
    let restored = restore(&data, &replaced, "root", NOW).unwrap();
    assert_eq!(terminals(&data), ["3001", "3002"]);
    let expected = data.join("cordboard.db.replaced-2026-11-22-125326-2");
    assert_eq!(restored.replaced, Some(expected));
}

#[test]
fn a_damaged_or_missing_database_is_replaced_with_what_belongs_to_it() {
    let parent = tempfile::tempdir().unwrap();
    let (data, file) = (parent.path().join("data"), parent.path().join("monday"));
    add_terminal(&data, "3001");
    back_up(&data, &file, false).unwrap();
    for left in ["cordboard.db", "cordboard.db-wal"] {
        std::fs::remove_file(data.join("cordboard.db")).unwrap();
        std::fs::write(data.join(left), "neither database nor journal").unwrap();
        assert!(Database::open(&data).is_err());
        let replaced = restore(&data, &file, "root", NOW).unwrap().replaced.unwrap();
        let suffix = left.trim_start_matches("cordboard.db");
        let kept = PathBuf::from(format!("{}{suffix}", replaced.display()));
        assert_eq!(std::fs::read(kept).unwrap(), b"neither database nor journal");
        assert!(!data.join("cordboard.db-wal").exists(), "it would spoil the new one");
        assert_eq!(terminals(&data), ["3001"]);
    }
}

#[test]
fn a_copy_of_a_running_database_is_restored_with_its_journal() {
    let parent = tempfile::tempdir().unwrap();
    let path = |name: &str| parent.path().join(name);
    let data = path("data");
    let (writer, outcomes) = writer(&{
        std::fs::create_dir(&data).unwrap();
        data.clone()
    });
    writer.write(put(vec![JournalEntry::Call(Box::new(record(1)))])).unwrap();
    outcomes.recv().unwrap();
    std::fs::copy(data.join("cordboard.db"), path("monday")).unwrap();
    std::fs::copy(data.join("cordboard.db-wal"), path("monday-wal")).unwrap();
    restore(&path("other"), &path("monday"), "root", NOW).unwrap();
    let (state, _) = Database::open(&path("other")).unwrap().load(NOW).unwrap();
    assert_eq!(state.calls, [record(1)]);
    assert_eq!(files(parent.path()), ["data", "monday", "monday-wal", "other"]);
}

#[test]
fn what_is_no_backup_replaces_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let path = |name: &str| parent.path().join(name);
    let (data, file) = (path("data"), path("monday"));
    add_terminal(&data, "3001");
    write(&data, vec![put((0..500).map(|n| JournalEntry::Call(Box::new(record(n)))).collect())]);
    back_up(&data, &file, false).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let before = files(&data);
    let refuses = |why: &str| {
        let refused = restore(&data, &file, "root", NOW).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("{}: ", file.display())), "{refused}");
        assert!(refused.contains(why), "{refused}");
        assert_eq!(files(&data), before);
        assert_eq!(terminals(&data), ["3001"]);
    };
    std::fs::write(&file, "").unwrap();
    refuses("this is no database of cordboard");
    std::fs::write(&file, "a shopping list".repeat(100)).unwrap();
    refuses("it is damaged");
    std::fs::write(&file, &whole[..whole.len() - 4096]).unwrap();
    refuses("it is damaged");
    let mut mangled = whole.clone();
    let half = whole.len() / 2;
    mangled[half..half + 4096].fill(0x5a);
    std::fs::write(&file, mangled).unwrap();
    refuses("take another backup");
    std::fs::write(&file, &whole).unwrap();
    let open = || Connection::open(&file).unwrap();
    open().pragma_update(None, "user_version", 99).unwrap();
    refuses("use the newer program");
    open().pragma_update(None, "application_id", 17).unwrap();
    refuses("this is no database of cordboard");
    std::fs::remove_file(&file).unwrap();
    refuses("No such file");

    std::fs::write(&file, &whole).unwrap();
    let refused = restore(&data, &data.join("cordboard.db"), "root", NOW).unwrap_err();
    assert!(matches!(refused, BackupError::Itself { .. }), "{refused}");
    let lock = Lock::take(&data).unwrap();
    let refused = restore(&data, &file, "root", NOW).unwrap_err();
    assert!(matches!(refused, BackupError::Store(StoreError::Locked { .. })), "{refused}");
    drop(lock);
    restore(&data, &file, "root", NOW).unwrap();
}

#[test]
fn a_backup_of_an_earlier_version_is_brought_up_to_date() {
    let parent = tempfile::tempdir().unwrap();
    let (data, file) = (parent.path().join("data"), parent.path().join("monday"));
    add_terminal(&data, "3001");
    take_back_to_version_3(&raw(&data));
    back_up(&data, &file, false).unwrap();
    restore(&data, &file, "root", NOW).unwrap();
    assert_eq!(terminals(&data), ["3001"]);
}

#[test]
fn administration_without_a_server_keeps_the_same_rules_and_is_audited() {
    let data = tempfile::tempdir().unwrap();
    let apply = |change: &DirectoryChange| admin::apply(data.path(), plan(), change, "root", NOW);
    let draft = TerminalDraft {
        name: Some("Tür".to_owned()),
        secret: Secret::from_password("3001", "cordboard.local", "geheim").ok(),
        contact: DraftField::Set(Uri::parse("sip:3001@192.0.2.7").unwrap()),
        ..TerminalDraft::new(number("3001"))
    };
    let operator = OperatorDraft {
        phone: Some(number("3001")),
        queues: Some(BTreeSet::from([QueueId::from("main")])),
        ..OperatorDraft::new(OperatorId::from("op1"))
    };
    let visitors = Level {
        name: LevelId::from("C"),
        admits: BTreeSet::from([LevelId::from("A"), LevelId::from("C")]),
    };
    let permit = Permit { callee: number("3001"), caller: number("0123") };
    let mut expected = admin::directory(data.path(), plan()).unwrap();
    for change in [
        DirectoryChange::AddTerminal(draft.clone()),
        DirectoryChange::AddOperator(operator),
        DirectoryChange::AddLevel(visitors),
        DirectoryChange::AddPermit(permit),
    ] {
        apply(&change).unwrap();
        expected.apply(&change).unwrap();
    }
    let refused = apply(&DirectoryChange::AddTerminal(draft)).unwrap_err();
    assert!(matches!(refused, admin::AdminError::Refused(ChangeRefusal::Exists { .. })));
    assert_eq!(admin::directory(data.path(), plan()).unwrap(), expected);

    let database = Database::open_to_read(data.path()).unwrap().unwrap();
    let audit = database.audit(10).unwrap();
    assert_eq!(audit.len(), 4, "what was refused is not there");
    assert_eq!(
        (audit[3].by.as_str(), audit[3].what.as_str()),
        ("root", "terminal add 3001 name=\"Tür\" password=(set) contact=sip:3001@192.0.2.7")
    );
}

/// Also where no server runs; `auto` leaves nothing behind.
#[test]
fn the_switch_of_a_night_service_is_kept_and_audited() {
    let data = tempfile::tempdir().unwrap();
    let switched = |switch| {
        let change = DirectoryChange::SetNight { queue: QueueId::from("main"), switch };
        admin::apply(data.path(), plan(), &change, "root", NOW).unwrap();
        admin::directory(data.path(), plan()).unwrap().night(&QueueId::from("main"))
    };
    for switch in [NightSwitch::On, NightSwitch::Off, NightSwitch::On, NightSwitch::Auto] {
        assert_eq!(switched(switch), switch);
    }
    let audit = Database::open_to_read(data.path()).unwrap().unwrap().audit(10).unwrap();
    let last = audit.last().unwrap();
    assert_eq!((last.by.as_str(), last.what.as_str()), ("root", "queue set main --night on"));
    assert_eq!(raw(data.path()).query_row("SELECT count(*) FROM nights", [], |r| r.get(0)), Ok(0));

    raw(data.path()).execute("INSERT INTO nights VALUES ('main', 'dusk')", []).unwrap();
    let (state, unreadable) = Database::open(data.path()).unwrap().load(NOW).unwrap();
    assert_eq!((state.accounts.nights, unreadable[0].table), (vec![], "nights"));
}

#[test]
fn passwords_of_another_realm_are_noticed_once() {
    let data = tempfile::tempdir().unwrap();
    let adopt = |realm| Database::open(data.path()).unwrap().adopt_realm(realm).unwrap();
    assert_eq!((adopt("a.example"), adopt("b.example")), (None, None), "there are no passwords");
    let secret = Secret::from_password("3001", "cordboard.local", "geheim").ok();
    let draft = TerminalDraft { secret, ..TerminalDraft::new(number("3001")) };
    adopt("cordboard.local");
    admin::apply(data.path(), plan(), &DirectoryChange::AddTerminal(draft), "root", NOW).unwrap();
    assert_eq!(adopt("cordboard.local"), None);
    let elsewhere = NumberingPlan { realm: "b.example".to_owned(), ..plan() };
    let change = DirectoryChange::SetTerminal(TerminalDraft::new(number("3001")));
    admin::apply(data.path(), elsewhere, &change, "root", NOW).unwrap();
    assert_eq!(adopt("b.example").as_deref(), Some("cordboard.local"));
    assert_eq!(adopt("b.example"), None);
}

#[test]
fn while_a_server_runs_only_it_writes() {
    let data = tempfile::tempdir().unwrap();
    let lock = Lock::take(data.path()).unwrap();
    let change = DirectoryChange::RemoveTerminal(number("3001"));
    let error = admin::apply(data.path(), plan(), &change, "root", NOW).unwrap_err();
    assert!(matches!(error, admin::AdminError::Store(StoreError::Locked { .. })));
    drop(lock);
    let error = admin::apply(data.path(), plan(), &change, "root", NOW).unwrap_err();
    assert!(matches!(error, admin::AdminError::Refused(_)));
}

/// The child of the test below: writes until it is killed.
#[test]
fn the_one_who_is_killed() {
    let Some(data) = std::env::var_os("CORDBOARD_TEST_KILLED") else { return };
    let data = Path::new(&data);
    let _lock = Lock::take(data).unwrap();
    let (writer, outcomes) = writer(data);
    let is_live = std::env::var_os("CORDBOARD_TEST_KILLED_LIVE").is_some();
    for n in 0.. {
        if is_live {
            let entries = vec![live(LiveRow::Call(CallId(n)), "it goes on")];
            let batch = Batch { ticket: Ticket(n), entries, awaited: false };
            let _full = writer.write(batch);
            std::thread::sleep(std::time::Duration::from_micros(50));
            report_committed(&outcomes);
            continue;
        }
        // What goes together: a call's record and what an operator's desk was told of it.
        let kept = StoredResult { content: String::new(), result: None, at: NOW };
        let (operator, id) = (OperatorId::from("op1"), n.to_string());
        let entries = vec![
            JournalEntry::Call(Box::new(record(n))),
            JournalEntry::DeskResult { operator, id, kept },
        ];
        if writer.write(awaited(n, entries)).is_err() {
            std::thread::yield_now();
        }
        report_committed(&outcomes);
    }
}

#[allow(clippy::print_stdout)] // Whoever kills it reads that.
fn report_committed(outcomes: &Receiver<BatchOutcome>) {
    for outcome in outcomes.try_iter() {
        if let BatchOutcome::Committed(batch) = outcome {
            println!("committed {}", batch.ticket.0);
        }
    }
}

/// Kills the one who writes once so much was reported as committed; returns all that was.
fn kill_after(committed_before: usize, mut child: Command) -> BTreeSet<u64> {
    use std::io::{BufRead as _, BufReader};
    let mut child = child.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut committed = BTreeSet::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.by_ref().map_while(Result::ok) {
        if let Some(n) = line.split("committed ").nth(1) {
            committed.insert(n.trim().parse::<u64>().unwrap());
        }
        if committed.len() == committed_before {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    committed
}

fn the_one_who_writes(data: &Path) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "the_one_who_is_killed", "--nocapture"]);
    child.env("CORDBOARD_TEST_KILLED", data);
    child
}

#[test]
fn after_a_kill_what_went_on_is_there_though_it_was_never_flushed() {
    let data = tempfile::tempdir().unwrap();
    let mut child = the_one_who_writes(data.path());
    child.env("CORDBOARD_TEST_KILLED_LIVE", "1");
    let committed = kill_after(2000, child);
    let (state, unreadable) = Database::open(data.path()).unwrap().load(NOW).unwrap();
    assert_eq!(unreadable, []);
    let calls: BTreeSet<u64> = state.live.calls.iter().map(|(call, _)| call.0).collect();
    assert!(committed.is_subset(&calls), "a commit that was reported is lost");
}

#[test]
fn after_a_kill_all_that_was_committed_is_there_and_nothing_by_half() {
    for committed_before_the_kill in [1, 700, 3000] {
        let data = tempfile::tempdir().unwrap();
        let committed = kill_after(committed_before_the_kill, the_one_who_writes(data.path()));
        let _lock = Lock::take(data.path()).unwrap();
        let (state, unreadable) = Database::open(data.path()).unwrap().load(NOW).unwrap();
        assert_eq!(unreadable, []);
        let calls: BTreeSet<u64> = state.calls.iter().map(|record| record.call.0).collect();
        let told: BTreeSet<u64> =
            state.results.iter().map(|(_, id, _)| id.parse().unwrap()).collect();
        assert_eq!(calls, told, "both or neither");
        assert!(committed.is_subset(&calls), "a commit that was reported is lost");
        assert!(state.calls.iter().all(|record| record.phases.len() == 1));
        assert!(state.next_call > *calls.last().unwrap());
    }
}

#[test]
fn a_directory_reads_back_whatever_was_done_to_it() {
    let data = tempfile::tempdir().unwrap();
    let mut directory = Directory::new(plan(), Default::default());
    let changes = [
        DirectoryChange::ImportTerminals(
            (0..500).map(|n| TerminalDraft::new(number(&n.to_string()))).collect(),
        ),
        DirectoryChange::RemoveTerminal(number("17")),
        DirectoryChange::SetLevel(Level { name: LevelId::from("B"), admits: BTreeSet::new() }),
    ];
    directory.apply(&DirectoryChange::AddLevel(patent_levels()[0].clone())).unwrap();
    directory.apply(&DirectoryChange::AddLevel(patent_levels()[1].clone())).unwrap();
    for change in changes {
        directory.apply(&change).unwrap();
        admin::apply(data.path(), plan(), &change, "root", NOW).unwrap();
    }
    assert_eq!(admin::directory(data.path(), plan()).unwrap(), directory);
}
