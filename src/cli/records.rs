//! `cordboard records`: the one record of each call.

use super::administration::Administration;
use super::moment::moment;
use super::table::{Listing, Table, print, warn};
use crate::ids::{Number, OperatorId};
use crate::switchboard::call_record::{CallRecord, Handover};
use crate::time::UnixTime;
use serde_json::{Value, json};

/// The most records of one listing.
const RECORDS_MAX: usize = 1_000_000;

/// Which records.
#[derive(Debug, clap::Args)]
pub struct Command {
    /// Calls that began at this time or later: 2026-11-22 or 2026-11-22T12:53:26Z
    #[arg(long, value_name = "T", value_parser = moment)]
    from: Option<UnixTime>,
    /// Calls that began before this time
    #[arg(long, value_name = "T", value_parser = moment)]
    to: Option<UnixTime>,
    #[command(flatten)]
    listing: Listing,
}

impl Command {
    /// Lists them, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn run(self, administration: &Administration) -> anyhow::Result<()> {
        let from = self.from.unwrap_or_default();
        // The database counts in signed numbers.
        let to = self.to.unwrap_or(UnixTime::from_micros(i64::MAX as u64));
        let mut table = Table::new(&COLUMNS);
        if let Some(database) = administration.database()? {
            let (records, unreadable) = database.records(from, to, RECORDS_MAX)?;
            for record in &records {
                table.push(row(record));
            }
            if let Some(first) = unreadable.first() {
                let (count, table, row) = (unreadable.len(), first.table, &first.row);
                warn(&format!(
                    "{count} rows cannot be read and are left out, the first is {table} {row}"
                ));
            }
        }
        Ok(print(&table.listing(self.listing.format))?)
    }
}

const COLUMNS: [&str; 18] = [
    "call",
    "began",
    "caller",
    "caller_name",
    "origin",
    "dialled",
    "queue",
    "request",
    "operators",
    "callee",
    "answered",
    "handover",
    "ended",
    "cause",
    "ended_by",
    "recordings",
    "phases",
    "health",
];

fn row(record: &CallRecord) -> [Value; 18] {
    let operators: Vec<_> = record.operators.iter().map(OperatorId::as_str).collect();
    let phases: Vec<_> = record
        .phases
        .iter()
        .map(|phase| match phase.who.as_str() {
            "" => format!("{} {}", phase.at, phase.word),
            who => format!("{} {} {who}", phase.at, phase.word),
        })
        .collect();
    [
        json!(record.call.to_string()),
        json!(record.began.to_string()),
        json!(record.caller),
        json!(record.caller_name),
        json!(record.origin),
        json!(record.dialled.as_str()),
        json!(record.queue.as_ref().map(ToString::to_string)),
        json!(record.request.map(|request| request.to_string())),
        json!(operators),
        json!(record.callee.as_ref().map(Number::as_str)),
        json!(record.answered.map(|at| at.to_string())),
        json!(record.handover.map(Handover::word)),
        json!(record.ended.map(|ended| ended.at.to_string())),
        json!(record.ended.map(|ended| ended.cause.word())),
        json!(record.ended.map(|ended| ended.by.word())),
        json!(record.recordings),
        json!(phases),
        json!(record.health),
    ]
}
