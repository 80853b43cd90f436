//! Entries as statements; each runs inside a transaction of its caller.

use super::retention;
use super::rows::{PATHS, addresses, flow, hop, int, list, time, uris};
use crate::call::call_record::CallRecord;
use crate::desk::results::{REMEMBERED, StoredResult};
use crate::dialog::DialogKey;
use crate::directory::{Effect, Level, NightSwitch, Operator, Terminal};
use crate::exchange::journal::{Audited, JournalEntry, LiveRow, StoredDesk, StoredNote};
use crate::ids::{Number, OperatorId, QueueId};
use crate::presence;
use crate::registrar::{Binding, BindingChange};
use crate::session::LoginSession;
use rusqlite::{Connection, Result, ToSql, params};

/// So many notes are kept on one number; beyond, the oldest go.
pub const NOTES_OF_A_NUMBER_MAX: i64 = 50;
/// Notes that are older than so many are forgotten.
const NOTES_MAX: i64 = 100_000;

/// Writes one entry.
pub(super) fn put(connection: &Connection, entry: &JournalEntry) -> Result<()> {
    match entry {
        JournalEntry::Directory(audited) => put_audited(connection, audited),
        JournalEntry::Binding(BindingChange::Put(binding)) => put_binding(connection, binding),
        JournalEntry::Binding(BindingChange::Drop { number, key }) => run(
            connection,
            "DELETE FROM bindings WHERE number = ?1 AND key = ?2",
            params![number.as_str(), key],
        ),
        JournalEntry::Operator(stored) => put_operator_state(connection, stored),
        JournalEntry::PutDesk(desk) => put_desk(connection, desk),
        JournalEntry::DropDesk(key) => drop_desk(connection, key),
        JournalEntry::DeskResult { operator, id, kept } => {
            put_result(connection, operator, id, kept)
        }
        JournalEntry::Call(record) => put_call(connection, record),
        JournalEntry::PutLive { row, text } => put_live(connection, *row, text),
        JournalEntry::DropLive(row) => drop_live(connection, *row),
        JournalEntry::PutSession(session) => put_session(connection, session),
        JournalEntry::DropSession(key) => {
            run(connection, "DELETE FROM sessions WHERE key = ?1", params![key.to_string()])
        }
        JournalEntry::Favourites { operator, numbers } => {
            put_favourites(connection, operator, numbers)
        }
        JournalEntry::PutNote(note) => put_note(connection, note),
        JournalEntry::DropNote { number, id } => run(
            connection,
            "DELETE FROM notes WHERE number = ?1 AND id = ?2",
            params![number.as_str(), int(*id)],
        ),
        JournalEntry::Prune(prune) => retention::prune(connection, prune),
    }
}

/// Writes what nobody reads: who writes nothing asks whether anything can be written.
pub(super) fn try_out(connection: &Connection) -> Result<()> {
    run(
        connection,
        "INSERT INTO facts (name, value) VALUES ('tried', 1)
         ON CONFLICT (name) DO UPDATE SET value = value + 1",
        params![],
    )
}

fn run(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<()> {
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Writes what a change of the directory has made, and who made it.
pub(super) fn put_audited(connection: &Connection, audited: &Audited) -> Result<()> {
    for effect in &audited.effects {
        put_effect(connection, effect)?;
    }
    run(
        connection,
        "INSERT INTO audit (at, by, what) VALUES (?1, ?2, ?3)",
        params![time(audited.at), audited.by, audited.what],
    )
}

fn put_effect(connection: &Connection, effect: &Effect) -> Result<()> {
    match effect {
        Effect::PutTerminal(terminal) => put_terminal(connection, terminal),
        Effect::DropTerminal(number) => {
            run(connection, "DELETE FROM terminals WHERE number = ?1", params![number.as_str()])
        }
        Effect::PutLevel(level) => put_level(connection, level),
        Effect::DropLevel(name) => {
            run(connection, "DELETE FROM admits WHERE level = ?1", params![name.as_str()])?;
            run(connection, "DELETE FROM levels WHERE name = ?1", params![name.as_str()])
        }
        Effect::PutPermit(permit) => run(
            connection,
            "INSERT OR REPLACE INTO permits (callee, caller) VALUES (?1, ?2)",
            params![permit.callee.as_str(), permit.caller.as_str()],
        ),
        Effect::DropPermit(permit) => run(
            connection,
            "DELETE FROM permits WHERE callee = ?1 AND caller = ?2",
            params![permit.callee.as_str(), permit.caller.as_str()],
        ),
        Effect::PutOperator(operator) => put_operator(connection, operator),
        Effect::DropOperator(name) => {
            put_favourites(connection, name, &[])?;
            run(connection, "DELETE FROM operators WHERE name = ?1", params![name.as_str()])
        }
        Effect::PutNight(queue, NightSwitch::Auto) => {
            run(connection, "DELETE FROM nights WHERE queue = ?1", params![queue.as_str()])
        }
        Effect::PutNight(queue, switch) => run(
            connection,
            "INSERT OR REPLACE INTO nights (queue, switch) VALUES (?1, ?2)",
            params![queue.as_str(), switch.word()],
        ),
    }
}

fn put_terminal(connection: &Connection, terminal: &Terminal) -> Result<()> {
    run(
        connection,
        "INSERT OR REPLACE INTO terminals (number, name, level, secret, contact, srtp)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            terminal.number.as_str(),
            terminal.name,
            terminal.level.as_str(),
            terminal.secret.as_ref().map(|secret| secret.export()),
            terminal.contact.as_ref().map(|uri| uri.as_str()),
            terminal.srtp.name(),
        ],
    )
}

/// Writes a level and whom it admits.
pub(super) fn put_level(connection: &Connection, level: &Level) -> Result<()> {
    let name = level.name.as_str();
    run(connection, "INSERT OR REPLACE INTO levels (name) VALUES (?1)", params![name])?;
    run(connection, "DELETE FROM admits WHERE level = ?1", params![name])?;
    for caller in &level.admits {
        run(
            connection,
            "INSERT INTO admits (level, caller) VALUES (?1, ?2)",
            params![name, caller.as_str()],
        )?;
    }
    Ok(())
}

fn put_operator(connection: &Connection, operator: &Operator) -> Result<()> {
    run(
        connection,
        "INSERT OR REPLACE INTO operators (name, phone, phones, queues, mode, max_calls, secret)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            operator.name.as_str(),
            operator.phone.as_str(),
            list(operator.phones.iter().map(Number::as_str)),
            list(operator.queues.iter().map(QueueId::as_str)),
            operator.mode.to_string(),
            operator.max_calls,
            operator.secret.as_ref().map(|secret| secret.export()),
        ],
    )
}

fn put_binding(connection: &Connection, binding: &Binding) -> Result<()> {
    run(
        connection,
        "INSERT OR REPLACE INTO bindings
             (number, key, contact, path, flow, call_id, cseq, expires, user_agent, md5_alone,
              since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            binding.number.as_str(),
            binding.key(),
            binding.contact.to_string(),
            addresses(&binding.path),
            binding.flow.as_ref().map(flow),
            binding.call_id,
            binding.cseq,
            time(binding.expires),
            binding.user_agent,
            binding.md5_alone,
            binding.since.map(time),
        ],
    )
}

fn put_operator_state(connection: &Connection, stored: &presence::Stored) -> Result<()> {
    run(
        connection,
        "INSERT OR REPLACE INTO operator_states (operator, logged_in, dnd, phone)
         VALUES (?1, ?2, ?3, ?4)",
        params![
            stored.operator.as_str(),
            stored.logged_in,
            stored.dnd,
            stored.phone.as_ref().map(Number::as_str),
        ],
    )
}

fn put_desk(connection: &Connection, StoredDesk { operator, dialog }: &StoredDesk) -> Result<()> {
    run(
        connection,
        "INSERT OR REPLACE INTO desks
             (call_id, local_tag, operator, local, remote, target, routes, local_cseq, hop)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            dialog.key.call_id,
            dialog.key.local_tag,
            operator.as_str(),
            dialog.local.to_string(),
            dialog.remote.to_string(),
            dialog.target.as_str(),
            uris(&dialog.routes),
            dialog.local_cseq,
            hop(&dialog.hop),
        ],
    )
}

fn drop_desk(connection: &Connection, key: &DialogKey) -> Result<()> {
    run(
        connection,
        "DELETE FROM desks WHERE call_id = ?1 AND local_tag = ?2",
        params![key.call_id, key.local_tag],
    )
}

fn put_result(
    connection: &Connection,
    operator: &OperatorId,
    id: &str,
    kept: &StoredResult,
) -> Result<()> {
    // Two for one, so that they never become more, however long the next step is away.
    retention::forget_results(connection, kept.at - REMEMBERED, 2)?;
    run(
        connection,
        "INSERT OR REPLACE INTO desk_results (operator, id, content, result, at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![operator.as_str(), id, kept.content, kept.result, time(kept.at)],
    )
}

fn put_session(connection: &Connection, session: &LoginSession) -> Result<()> {
    run(
        connection,
        "INSERT OR REPLACE INTO sessions (key, operator, secret, began, expires)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            session.key.to_string(),
            session.operator.as_str(),
            session.secret.to_string(),
            time(session.began),
            time(session.expires),
        ],
    )
}

fn put_favourites(
    connection: &Connection,
    operator: &OperatorId,
    numbers: &[Number],
) -> Result<()> {
    let operator = operator.as_str();
    run(connection, "DELETE FROM favourites WHERE operator = ?1", params![operator])?;
    for (place, number) in (0_i64..).zip(numbers) {
        run(
            connection,
            "INSERT INTO favourites (operator, place, number) VALUES (?1, ?2, ?3)",
            params![operator, place, number.as_str()],
        )?;
    }
    Ok(())
}

fn put_note(connection: &Connection, note: &StoredNote) -> Result<()> {
    run(
        connection,
        "INSERT OR REPLACE INTO notes (id, number, text, by, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![int(note.id), note.number.as_str(), note.text, note.by.as_str(), time(note.at)],
    )?;
    // Two for one, so that they never become more.
    run(
        connection,
        "DELETE FROM notes WHERE id IN
         (SELECT id FROM notes WHERE number = ?1 ORDER BY id DESC LIMIT 2 OFFSET ?2)",
        params![note.number.as_str(), NOTES_OF_A_NUMBER_MAX],
    )?;
    run(
        connection,
        "DELETE FROM notes WHERE id IN (SELECT id FROM notes ORDER BY id LIMIT 2)
         AND id <= ?1 - ?2",
        params![int(note.id), NOTES_MAX],
    )
}

fn put_live(connection: &Connection, row: LiveRow, text: &str) -> Result<()> {
    let (sql, id) = match row {
        LiveRow::Call(call) => {
            ("INSERT OR REPLACE INTO live_calls (call, text) VALUES (?1, ?2)", call.0)
        }
        LiveRow::Party(leg) => {
            ("INSERT OR REPLACE INTO live_parties (leg, text) VALUES (?1, ?2)", leg.0)
        }
    };
    run(connection, sql, params![int(id), text])
}

fn drop_live(connection: &Connection, row: LiveRow) -> Result<()> {
    let (sql, id) = match row {
        LiveRow::Call(call) => ("DELETE FROM live_calls WHERE call = ?1", call.0),
        LiveRow::Party(leg) => ("DELETE FROM live_parties WHERE leg = ?1", leg.0),
    };
    run(connection, sql, params![int(id)])
}

/// Nothing goes on any more.
pub(super) fn drop_all_live(connection: &Connection) -> Result<()> {
    run(connection, "DELETE FROM live_calls", params![])?;
    run(connection, "DELETE FROM live_parties", params![])
}

fn put_call(connection: &Connection, record: &CallRecord) -> Result<()> {
    let call = int(record.call.0);
    run(
        connection,
        "INSERT OR REPLACE INTO calls
             (call, request, session, queue, caller, caller_name, origin, dialled, operators,
              callee, began, answered, handover, ended, cause, ended_by, recordings,
              health)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
              ?18)",
        params![
            call,
            record.request.map(|request| request.to_string()),
            record.session,
            record.queue.as_ref().map(QueueId::as_str),
            record.caller,
            record.caller_name,
            record.origin,
            record.dialled.as_str(),
            list(record.operators.iter().map(OperatorId::as_str)),
            record.callee.as_ref().map(Number::as_str),
            time(record.began),
            record.answered.map(time),
            record.handover.map(|handover| handover.word()),
            record.ended.map(|ended| time(ended.at)),
            record.ended.map(|ended| ended.cause.word()),
            record.ended.map(|ended| ended.by.word()),
            record.recordings.join(PATHS),
            record.health,
        ],
    )?;
    // Phases are only ever appended, so those that are there are right.
    let written: i64 = connection
        .prepare_cached("SELECT count(*) FROM phases WHERE call = ?1")?
        .query_row([call], |row| row.get(0))?;
    let new = record.phases.iter().skip(written as usize);
    for (place, phase) in (written..).zip(new) {
        run(
            connection,
            "INSERT INTO phases (call, place, word, at, who) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![call, place, phase.word, time(phase.at), phase.who],
        )?;
    }
    run(
        connection,
        "INSERT INTO facts (name, value) VALUES ('next_call', ?1)
         ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        params![call.saturating_add(1)],
    )
}
