//! `cordboard records`: the one record of each call.

use super::administration::Administration;
use super::call_history::call_history;
use super::columns::{fitting, width};
use super::local_time::LocalTime;
use super::moment::{moment, span};
use super::table::{Listing, ListingFormat, Table, print, warn};
use crate::call::call_record::{CallRecord, Handover};
use crate::ids::{CallId, Number, OperatorId};
use crate::time::UnixTime;
use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// The most records of one listing.
const RECORDS_MAX: usize = 1_000_000;

/// Which records.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Command {
    #[command(subcommand)]
    one: Option<One>,
    /// Calls that began at this time or later: 2026-11-22 or 2026-11-22T12:53:26, local time, or with Z UTC
    #[arg(long, value_name = "T", value_parser = moment)]
    from: Option<UnixTime>,
    /// Calls that began before this time
    #[arg(long, value_name = "T", value_parser = moment)]
    to: Option<UnixTime>,
    /// Tables with all columns, as csv and json have them
    #[arg(long)]
    wide: bool,
    #[command(flatten)]
    listing: Listing,
}

/// One of them.
#[derive(Debug, clap::Subcommand)]
enum One {
    /// One call whole: each phase with its time, and who was with whom
    Show {
        /// As the listing names it: call-17, or 17
        #[arg(value_parser = call)]
        call: CallId,
        #[command(flatten)]
        listing: Listing,
    },
}

fn call(text: &str) -> anyhow::Result<CallId> {
    let digits = text.strip_prefix("call-").unwrap_or(text);
    let number = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    number.map(CallId).with_context(|| format!("{text:?}: write it as call-17, or 17"))
}

impl Command {
    /// Lists them, the oldest first, or shows one.
    ///
    /// # Errors
    /// When the database cannot be read, or does not have the one.
    pub fn run(self, administration: &Administration) -> anyhow::Result<()> {
        if let Some(One::Show { call, listing }) = self.one {
            return show(administration, call, listing.format);
        }
        let from = self.from.unwrap_or_default();
        // The database counts in signed numbers.
        let to = self.to.unwrap_or(UnixTime::from_micros(i64::MAX as u64));
        let is_narrow = self.listing.format == ListingFormat::Table && !self.wide;
        let clock = LocalTime::of_this_machine();
        let mut table = Table::new(if is_narrow { &NARROW } else { &COLUMNS });
        if let Some(database) = administration.database()? {
            let (records, unreadable) = database.records(from, to, RECORDS_MAX)?;
            for record in &records {
                match is_narrow {
                    true => table.push(narrow(record, &clock)),
                    false => table.push(row(record)),
                }
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

fn show(
    administration: &Administration,
    call: CallId,
    format: ListingFormat,
) -> anyhow::Result<()> {
    let found = administration.database()?.map(|database| database.record(call)).transpose()?;
    let (record, unreadable) = found.unwrap_or_default();
    if !unreadable.is_empty() {
        bail!("{call}: its record cannot be read");
    }
    let record = record
        .with_context(|| format!("{call}: there is no record of it: see `cordboard records`"))?;
    let text = match format {
        ListingFormat::Table => call_history(&record, &LocalTime::of_this_machine()),
        ListingFormat::Csv | ListingFormat::Json => {
            let mut table = Table::new(&COLUMNS);
            table.push(row(&record));
            table.single(format)
        }
    };
    Ok(print(&text)?)
}

const COLUMNS: [&str; 19] = [
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
    "session",
];

/// What fits a terminal of 100 columns.
const NARROW: [&str; 7] = ["call", "began", "caller", "callee", "operators", "talked", "cause"];

/// A record in so many columns: whom the caller talked to, for how long, and how it ended.
fn narrow(record: &CallRecord, clock: &LocalTime) -> [Value; 7] {
    let callee = record.callee.as_ref().unwrap_or(&record.dialled);
    let operators: Vec<_> = record.operators.iter().map(OperatorId::as_str).collect();
    let talked = record.answered.zip(record.ended).map(|(from, to)| span(to.at.since(from)));
    let cell = |text: &str, columns| match width(text) <= columns {
        true => json!(text),
        false => json!(format!("{}…", fitting(text, columns - 1))),
    };
    [
        json!(record.call.to_string()),
        json!(clock.day_and_clock(record.began)),
        cell(&record.caller, 12),
        cell(callee.as_str(), 10),
        cell(&operators.join(","), 10),
        json!(talked),
        json!(record.ended.map(|ended| ended.cause.word())),
    ]
}

fn row(record: &CallRecord) -> [Value; 19] {
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
        json!(record.session),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::call_record::{Ended, EndedBy};
    use crate::cause::Cause;
    use crate::ids::CallId;

    #[test]
    fn a_table_fits_a_hundred_columns() {
        let at = UnixTime::from_secs(1_795_000_000);
        let longest = Cause::NoCommonTransport;
        let record = CallRecord {
            call: CallId(999_999),
            request: None,
            session: String::new(),
            queue: None,
            caller: "a-guest-with-a-long-name@elsewhere.example".into(),
            caller_name: String::new(),
            origin: "guest".into(),
            dialled: Number::from("9000"),
            operators: (0..9).map(|n| OperatorId::from(format!("op{n}").as_str())).collect(),
            callee: Some(Number::from("004930123456789012")),
            began: at,
            answered: Some(at),
            phases: vec![],
            handover: None,
            ended: Some(Ended {
                at: UnixTime::from_secs(1_795_006_000),
                cause: longest,
                by: EndedBy::Caller,
            }),
            recordings: vec![],
            health: String::new(),
        };
        let mut table = Table::new(&NARROW);
        table.push(narrow(&record, &LocalTime::utc()));
        let text = table.listing(ListingFormat::Table);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.contains("2026-11-18 11:06:40") && text.contains("1:40:00"), "{text}");
    }
}
