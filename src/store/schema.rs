//! The tables, as a list of steps; `user_version` counts the steps that a file has behind it.

use crate::directory::patent_levels;
use rusqlite::{Connection, Transaction};
use std::collections::BTreeSet;

/// The steps in their order. A step that was ever released is never changed; the next one changes it.
const STEPS: [fn(&Transaction<'_>) -> rusqlite::Result<()>; 10] =
    [first, srtp, recordings, mark, digest, since, nights, max_calls, live, pages];

/// The version that a file has after all steps.
pub(super) const VERSION: u32 = STEPS.len() as u32;

/// Marks a file of SQLite as ours: "cord".
pub(super) const APPLICATION: i32 = 0x636f_7264;
/// The versions that were not marked yet.
const UNMARKED: std::ops::RangeInclusive<u32> = 1..=3;

/// Whose a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SchemaOwner {
    /// Ours, of this version, which we know.
    Ours(u32),
    /// Ours, of a later version.
    Newer(u32),
    /// It has no tables.
    Blank,
    /// Another program's.
    Foreign,
}

/// Whose the file is; reads only.
pub(super) fn identify(connection: &Connection) -> rusqlite::Result<SchemaOwner> {
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = version(connection)?;
    let tables = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let is_unmarked = application == 0 && UNMARKED.contains(&version);
    Ok(match application {
        APPLICATION if version > VERSION => SchemaOwner::Newer(version),
        APPLICATION if version > 0 => SchemaOwner::Ours(version),
        _ if tables("SELECT count(*) FROM sqlite_schema")? == 0 => SchemaOwner::Blank,
        _ if is_unmarked
            && tables(
                "SELECT count(*) FROM sqlite_schema WHERE name IN ('facts', 'calls', 'admits')",
            )? == 3 =>
        {
            SchemaOwner::Ours(version)
        }
        _ => SchemaOwner::Foreign,
    })
}

/// How long the file of a database is that has no journal.
pub(super) fn len(connection: &Connection) -> rusqlite::Result<u64> {
    let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let size: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(u64::from(pages) * u64::from(size))
}

/// The version of a file.
fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes the steps that are missing, each wholly or not at all.
pub(super) fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    let done = version(connection)?;
    for (number, step) in (1..).zip(STEPS).skip(done as usize) {
        let transaction = connection.transaction()?;
        step(&transaction)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// A column that a database of this version has to have, and this one has not.
pub(super) fn missing(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut whole = Connection::open_in_memory()?;
    upgrade(&mut whole)?;
    let columns = |connection: &Connection| -> rusqlite::Result<BTreeSet<String>> {
        let sql = "SELECT tables.name || '.' || columns.name
                   FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                   WHERE tables.type = 'table'";
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    let found = columns(connection)?;
    Ok(columns(&whole)?.into_iter().find(|column| !found.contains(column)))
}

/// The file says whose it is.
fn mark(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.pragma_update(None, "application_id", APPLICATION)
}

/// Phones that know MD5 alone.
fn digest(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction
        .execute_batch("ALTER TABLE bindings ADD COLUMN md5_alone INTEGER NOT NULL DEFAULT 0;")
}

/// Operators with several calls in hand.
fn max_calls(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction
        .execute_batch("ALTER TABLE operators ADD COLUMN max_calls INTEGER NOT NULL DEFAULT 1;")
}

/// What goes on: calls and their parties, for the process after this one.
fn live(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE live_calls (call INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
         CREATE TABLE live_parties (leg INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;",
    )
}

/// What pages keep, and what they look up of calls.
fn pages(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE sessions (
             key TEXT PRIMARY KEY, operator TEXT NOT NULL, secret TEXT NOT NULL, began INTEGER NOT NULL,
             expires INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE favourites (
             operator TEXT NOT NULL, place INTEGER NOT NULL, number TEXT NOT NULL,
             PRIMARY KEY (operator, place)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE notes (
             id INTEGER PRIMARY KEY, number TEXT NOT NULL, text TEXT NOT NULL, by TEXT NOT NULL,
             at INTEGER NOT NULL
         ) STRICT;
         CREATE INDEX notes_number ON notes (number, id);
         CREATE INDEX calls_caller ON calls (caller, began);
         CREATE INDEX calls_callee ON calls (callee, began);
         CREATE INDEX calls_dialled ON calls (dialled, began);",
    )
}

/// Since when each phone has been there.
fn since(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("ALTER TABLE bindings ADD COLUMN since INTEGER;")
}

/// Queues whose night service is switched on or off.
fn nights(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE nights (queue TEXT PRIMARY KEY, switch TEXT NOT NULL) STRICT, WITHOUT ROWID;",
    )
}

/// Calls that were recorded, and where to.
fn recordings(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("ALTER TABLE calls ADD COLUMN recordings TEXT NOT NULL DEFAULT '';")
}

/// Terminals that speak under SRTP only.
fn srtp(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction
        .execute_batch("ALTER TABLE terminals ADD COLUMN srtp TEXT NOT NULL DEFAULT 'optional';")
}

fn first(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TABLE terminals (
             number TEXT PRIMARY KEY, name TEXT NOT NULL, level TEXT NOT NULL,
             secret TEXT, contact TEXT
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE levels (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
         CREATE TABLE admits (
             level TEXT NOT NULL, caller TEXT NOT NULL, PRIMARY KEY (level, caller)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE permits (
             callee TEXT NOT NULL, caller TEXT NOT NULL, PRIMARY KEY (callee, caller)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE operators (
             name TEXT PRIMARY KEY, phone TEXT NOT NULL, phones TEXT NOT NULL,
             queues TEXT NOT NULL, mode TEXT NOT NULL, secret TEXT
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE audit (
             entry INTEGER PRIMARY KEY, at INTEGER NOT NULL, by TEXT NOT NULL, what TEXT NOT NULL
         ) STRICT;
         CREATE TABLE bindings (
             number TEXT NOT NULL, key TEXT NOT NULL, contact TEXT NOT NULL, path TEXT NOT NULL,
             flow TEXT, call_id TEXT NOT NULL, cseq INTEGER NOT NULL, expires INTEGER NOT NULL,
             user_agent TEXT NOT NULL, PRIMARY KEY (number, key)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE operator_states (
             operator TEXT PRIMARY KEY, logged_in INTEGER NOT NULL, dnd INTEGER NOT NULL, phone TEXT
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE desks (
             call_id TEXT NOT NULL, local_tag TEXT NOT NULL, operator TEXT NOT NULL,
             local TEXT NOT NULL, remote TEXT NOT NULL, target TEXT NOT NULL, routes TEXT NOT NULL,
             local_cseq INTEGER NOT NULL, hop TEXT NOT NULL, PRIMARY KEY (call_id, local_tag)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE desk_results (
             operator TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL, result TEXT,
             at INTEGER NOT NULL, PRIMARY KEY (operator, id)
         ) STRICT, WITHOUT ROWID;
         CREATE INDEX desk_results_at ON desk_results (at);
         CREATE TABLE calls (
             call INTEGER PRIMARY KEY, request TEXT, session TEXT NOT NULL, queue TEXT,
             caller TEXT NOT NULL, caller_name TEXT NOT NULL, origin TEXT NOT NULL,
             dialled TEXT NOT NULL, operators TEXT NOT NULL, callee TEXT, began INTEGER NOT NULL,
             answered INTEGER, handover TEXT, ended INTEGER, cause TEXT, ended_by TEXT,
             health TEXT NOT NULL
         ) STRICT;
         CREATE INDEX calls_began ON calls (began);
         CREATE INDEX calls_open ON calls (call) WHERE ended IS NULL;
         CREATE TABLE phases (
             call INTEGER NOT NULL, place INTEGER NOT NULL, word TEXT NOT NULL,
             at INTEGER NOT NULL, who TEXT NOT NULL, PRIMARY KEY (call, place)
         ) STRICT, WITHOUT ROWID;",
    )?;
    for level in patent_levels() {
        super::write::put_level(transaction, &level)?;
    }
    Ok(())
}
