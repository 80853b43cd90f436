//! What pages look up: favourites, notes, and the calls of a number or of an operator. Nothing here writes.

use super::database::Database;
use super::error::StoreError;
use super::records::read_calls;
use super::rows::{read_time, uint};
use super::write::NOTES_OF_A_NUMBER_MAX;
use crate::call::call_record::CallRecord;
use crate::exchange::journal::StoredNote;
use crate::ids::{Number, OperatorId};
use rusqlite::{Row, params};

/// An operator's own calls are looked for among so many, the last: the journal does not list them by operator.
const LOOKED_THROUGH_MAX: i64 = 20_000;

impl Database {
    /// An operator's favourites, in its order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn favourites(&self, operator: &OperatorId) -> Result<Vec<Number>, StoreError> {
        let read = || {
            let sql = "SELECT number FROM favourites WHERE operator = ?1 ORDER BY place";
            let mut found = self.connection.prepare_cached(sql)?;
            let numbers = found.query_map([operator.as_str()], |row| {
                Ok(Number::from(row.get_ref(0)?.as_str()?))
            })?;
            numbers.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.fault(error))
    }

    /// The notes on a number, the newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn notes(&self, number: &Number) -> Result<Vec<StoredNote>, StoreError> {
        let note = |row: &Row<'_>| {
            Ok(StoredNote {
                id: uint(row.get(0)?).unwrap_or_default(),
                number: number.clone(),
                text: row.get(1)?,
                by: OperatorId::from(row.get_ref(2)?.as_str()?),
                at: read_time(row.get(3)?).unwrap_or_default(),
            })
        };
        let read = || {
            let sql =
                "SELECT id, text, by, at FROM notes WHERE number = ?1 ORDER BY id DESC LIMIT ?2";
            let mut found = self.connection.prepare_cached(sql)?;
            let notes = found.query_map(params![number.as_str(), NOTES_OF_A_NUMBER_MAX], note)?;
            notes.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.fault(error))
    }

    /// The last calls from a number or to it, the latest first, at most `max`; rows that cannot be read are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn calls_of_number(&self, number: &str, max: usize) -> Result<Vec<CallRecord>, StoreError> {
        let last = |column| {
            format!(
                "SELECT * FROM (SELECT call, began FROM calls WHERE {column} = ?1
                                ORDER BY began DESC LIMIT ?2)"
            )
        };
        let ids = format!(
            "SELECT call FROM ({} UNION {} UNION {}) ORDER BY began DESC, call DESC LIMIT ?2",
            last("caller"),
            last("callee"),
            last("dialled")
        );
        self.calls_by(&ids, number, max)
    }

    /// The last calls that an operator has taken, the latest first, at most `max`, of the last 20,000 of the house.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn calls_of_operator(
        &self,
        operator: &OperatorId,
        max: usize,
    ) -> Result<Vec<CallRecord>, StoreError> {
        let ids = format!(
            "SELECT call FROM (SELECT call, began, operators FROM calls
                               ORDER BY began DESC LIMIT {LOOKED_THROUGH_MAX})
             WHERE instr(',' || operators || ',', ',' || ?1 || ',') > 0
             ORDER BY began DESC, call DESC LIMIT ?2"
        );
        self.calls_by(&ids, operator.as_str(), max)
    }

    fn calls_by(&self, ids: &str, who: &str, max: usize) -> Result<Vec<CallRecord>, StoreError> {
        let read = || {
            let most = i64::try_from(max).unwrap_or(i64::MAX);
            let mut found = self.connection.prepare_cached(ids)?;
            let calls: Vec<i64> = found
                .query_map(params![who, most], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let calls: Vec<String> = calls.iter().map(i64::to_string).collect();
            let sql = format!(
                "SELECT * FROM calls WHERE call IN ({}) ORDER BY began DESC, call DESC",
                calls.join(",")
            );
            read_calls(&self.connection, &sql, &mut Vec::new())
        };
        read().map_err(|error| self.fault(error))
    }
}
