//! Call records and the audit, for people and for the restart.

use super::database::Database;
use super::error::{StoreError, UnreadableRow};
use super::query::rows;
use super::rows::{PATHS, read_list, read_time, time, uint};
use crate::call::call_record::{CallPhase, CallRecord, Ended, EndedBy, Handover};
use crate::cause::Cause;
use crate::ids::{CallId, Number, QueueId, RequestId};
use crate::time::UnixTime;
use rusqlite::{Connection, Result, Row};
use std::borrow::Cow;

/// One line of the audit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditLine {
    /// When.
    pub at: UnixTime,
    /// Who.
    pub by: String,
    /// What was changed.
    pub what: String,
}

impl Database {
    /// The records of the calls that began in `from..to`, the oldest first, at most `max`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn records(
        &self,
        from: UnixTime,
        to: UnixTime,
        max: usize,
    ) -> std::result::Result<(Vec<CallRecord>, Vec<UnreadableRow>), StoreError> {
        let sql = format!(
            "SELECT * FROM calls WHERE began >= {} AND began < {} ORDER BY began, call LIMIT {max}",
            time(from),
            time(to)
        );
        let mut bad = Vec::new();
        let records = read_calls(&self.connection, &sql, &mut bad).map_err(|e| self.fault(e))?;
        Ok((records, bad))
    }

    /// The record of one call, if there is one; a row that cannot be read is named instead.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn record(
        &self,
        call: CallId,
    ) -> std::result::Result<(Option<CallRecord>, Vec<UnreadableRow>), StoreError> {
        let sql = format!("SELECT * FROM calls WHERE call = {}", super::rows::int(call.0));
        let mut bad = Vec::new();
        let records = read_calls(&self.connection, &sql, &mut bad).map_err(|e| self.fault(e))?;
        Ok((records.into_iter().next(), bad))
    }

    /// The last `max` changes of the directory, the latest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn audit(&self, max: usize) -> std::result::Result<Vec<AuditLine>, StoreError> {
        let sql = format!("SELECT at, by, what FROM audit ORDER BY entry DESC LIMIT {max}");
        let line = |row: &Row<'_>| {
            let at = read_time(row.get("at")?).unwrap_or_default();
            Ok(Some(AuditLine { at, by: row.get("by")?, what: row.get("what")? }))
        };
        rows(&self.connection, "audit", &sql, &mut Vec::new(), line).map_err(|e| self.fault(e))
    }
}

/// The calls that have no end yet.
pub(super) fn open_calls(db: &Connection, bad: &mut Vec<UnreadableRow>) -> Result<Vec<CallRecord>> {
    read_calls(db, "SELECT * FROM calls WHERE ended IS NULL ORDER BY call", bad)
}

/// The calls of a query, each with its phases.
pub(super) fn read_calls(
    db: &Connection,
    sql: &str,
    bad: &mut Vec<UnreadableRow>,
) -> Result<Vec<CallRecord>> {
    let mut records = rows(db, "calls", sql, bad, record)?;
    let mut phases =
        db.prepare("SELECT word, at, who FROM phases WHERE call = ?1 ORDER BY place")?;
    for record in &mut records {
        let phase = |row: &Row<'_>| {
            let word = Cow::Owned(row.get("word")?);
            let at = read_time(row.get("at")?).unwrap_or_default();
            Ok(CallPhase { word, at, who: row.get("who")? })
        };
        let found = phases.query_map([super::rows::int(record.call.0)], phase)?;
        record.phases = found.collect::<Result<_>>()?;
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> Result<Option<CallRecord>> {
    let request = row.get_ref("request")?.as_str_or_null()?;
    let handover = row.get_ref("handover")?.as_str_or_null()?;
    let (Some(call), Some(began), Some(ended)) =
        (uint(row.get("call")?), read_time(row.get("began")?), ended(row)?)
    else {
        return Ok(None);
    };
    let answered: Option<i64> = row.get("answered")?;
    Ok(Some(CallRecord {
        call: CallId(call),
        request: request.and_then(RequestId::parse),
        session: row.get("session")?,
        queue: row.get_ref("queue")?.as_str_or_null()?.map(QueueId::from),
        caller: row.get("caller")?,
        caller_name: row.get("caller_name")?,
        origin: row.get("origin")?,
        dialled: Number::from(row.get_ref("dialled")?.as_str()?),
        operators: read_list(row.get_ref("operators")?.as_str()?).collect(),
        callee: row.get_ref("callee")?.as_str_or_null()?.map(Number::from),
        began,
        answered: answered.and_then(read_time),
        phases: Vec::new(),
        handover: handover.and_then(Handover::from_word),
        ended,
        recordings: paths(row.get_ref("recordings")?.as_str()?),
        health: row.get("health")?,
    }))
}

fn paths(text: &str) -> Vec<String> {
    text.split(PATHS).filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

/// How the call ended: `Some(None)` when it has not, `None` when the row makes no sense.
fn ended(row: &Row<'_>) -> Result<Option<Option<Ended>>> {
    let Some(at) = row.get::<_, Option<i64>>("ended")? else { return Ok(Some(None)) };
    let cause = row.get_ref("cause")?.as_str_or_null()?.and_then(Cause::from_word);
    let by = row.get_ref("ended_by")?.as_str_or_null()?.and_then(EndedBy::from_word);
    let (Some(at), Some(cause), Some(by)) = (read_time(at), cause, by) else { return Ok(None) };
    Ok(Some(Some(Ended { at, cause, by })))
}
