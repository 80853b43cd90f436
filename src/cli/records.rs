//! `cordboard records`: the one record of each call.

use super::administration::Administration;
use super::table::{Listing, Table, print, warn};
use crate::ids::{Number, OperatorId};
use crate::switchboard::call_record::{CallRecord, Handover};
use crate::time::UnixTime;
use anyhow::Context as _;
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

const COLUMNS: [&str; 17] = [
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
    "phases",
    "health",
];

fn row(record: &CallRecord) -> [Value; 17] {
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
        json!(phases),
        json!(record.health),
    ]
}

/// A day or a second in UTC, as RFC 3339 writes it.
fn moment(text: &str) -> anyhow::Result<UnixTime> {
    read_moment(text).with_context(|| {
        format!("{text:?}: write it as 2026-11-22, or 2026-11-22T12:53:26Z, in UTC")
    })
}

fn read_moment(text: &str) -> Option<UnixTime> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let mut day = day.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, date) = (day.next()??, day.next()??, day.next()??);
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute) = (clock.next()??, clock.next()??);
    let second = clock.next().unwrap_or(Some(0))?;
    if !(1970..=9999).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Counting days by asking each year and month for its length needs no formula to get wrong.
    let leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1..=*lengths.get(month)?).contains(&date) {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = years + lengths[..month].iter().sum::<u64>() + date - 1;
    Some(UnixTime::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back() {
        for secs in [0, 951_782_400, 1_795_352_006, 4_107_542_399, 4_107_542_400] {
            let time = UnixTime::from_secs(secs);
            assert_eq!(read_moment(&time.to_string()), Some(time));
        }
        assert_eq!(read_moment("1970-01-02"), Some(UnixTime::from_secs(86_400)));
        assert_eq!(read_moment("1970-01-01T01:30"), Some(UnixTime::from_secs(5_400)));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for wrong in
            ["", "yesterday", "2026", "2026-13-01", "2026-02-29", "2026-11-22T25:00", "2026-11-00"]
        {
            assert_eq!(read_moment(wrong), None, "{wrong}");
        }
    }
}
