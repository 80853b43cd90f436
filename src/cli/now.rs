//! `cordboard status`, `calls`, `queue`, `operators`: what goes on in the running server.

use super::administration::Administration;
use super::table::{Listing, Table, print};
use crate::exchange::AdminRequest;
use crate::wire::admin_rows::DroppedRow;
use crate::wire::admin_wire::AdminAnswer;
use anyhow::bail;
use serde_json::{Map, Value, json};

/// Prints the figures.
///
/// # Errors
/// When no server runs.
pub fn status(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let AdminAnswer::Status(now) = administration.ask(&AdminRequest::Status)? else { bail!(ODD) };
    let mut table = Table::new(&[
        "state",
        "resumed",
        "calls",
        "waiting",
        "operators",
        "terminals",
        "phones",
        "bindings",
        "sessions",
        "pages",
        "legs",
        "client_transactions",
        "server_transactions",
        "connections",
        "refused_connections",
        "failed_handshakes",
        "certificate",
        "certificate_trouble",
        "unresolved",
        "trunks",
        "journal",
        "unwritten",
        "unwritten_refused",
        "unwritten_lost",
        "ledger",
        "refused",
        "refused_sources",
    ]);
    table.push([
        json!(now.state),
        json!(now.resumed),
        json!(now.calls),
        json!(now.waiting),
        json!(now.operators),
        json!(now.terminals),
        json!(now.phones),
        json!(now.bindings),
        json!(now.sessions),
        json!(now.pages),
        json!(now.legs),
        json!(now.client_transactions),
        json!(now.server_transactions),
        json!(now.connections),
        json!(now.refused_connections),
        json!(now.failed_handshakes),
        json!(now.certificate),
        json!(now.certificate_trouble),
        json!(now.unresolved.join(", ")),
        json!(
            now.trunks
                .iter()
                .map(|(name, state)| format!("{name}: {state}"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        json!(now.journal),
        json!(now.unwritten),
        json!(now.unwritten_refused),
        json!(now.unwritten_lost),
        json!(now.ledger),
        counts(now.refused),
        counts(now.refused_sources),
    ]);
    Ok(print(&table.single(listing.format))?)
}

/// What was counted by name; nothing where there was nothing.
fn counts(counts: impl IntoIterator<Item = (String, u64)>) -> Value {
    let counts: Map<String, Value> =
        counts.into_iter().map(|(name, count)| (name, json!(count))).collect();
    if counts.is_empty() { Value::Null } else { Value::Object(counts) }
}

/// Lists the calls.
///
/// # Errors
/// When no server runs.
pub fn calls(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let AdminAnswer::Calls(rows) = administration.ask(&AdminRequest::Calls)? else { bail!(ODD) };
    let mut table = Table::new(&[
        "call",
        "phase",
        "caller",
        "origin",
        "dialled",
        "operator",
        "callee",
        "began",
        "recording",
        "dropped",
    ]);
    for row in rows {
        table.push([
            json!(row.call),
            json!(row.phase),
            json!(row.caller),
            json!(row.origin),
            json!(row.dialled),
            json!(row.operator),
            json!(row.callee),
            json!(row.began),
            json!(row.recording),
            reasons(&row.dropped),
        ]);
    }
    Ok(print(&table.listing(listing.format))?)
}

/// The reasons that there were, with their counts; nothing when there were none.
fn reasons(dropped: &DroppedRow) -> Value {
    let DroppedRow {
        malformed,
        unknown_type,
        wrong_source,
        unsealed,
        undecodable,
        stun,
        held_back,
    } = *dropped;
    let reasons = [
        ("malformed", malformed),
        ("unknown_type", unknown_type),
        ("stranger", wrong_source),
        ("unsealed", unsealed),
        ("undecodable", undecodable),
        ("stun", stun),
        ("held_back", held_back),
    ];
    let reasons: Map<String, Value> = reasons
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| (reason.to_owned(), json!(count)))
        .collect();
    if reasons.is_empty() { Value::Null } else { Value::Object(reasons) }
}

/// Lists the operators as they are now.
///
/// # Errors
/// When no server runs.
pub fn operators(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let AdminAnswer::Operators(rows) = administration.ask(&AdminRequest::Operators)? else {
        bail!(ODD)
    };
    let mut table = Table::new(&[
        "operator",
        "state",
        "dnd",
        "phone",
        "phone_state",
        "desk",
        "call",
        "in_hand",
        "max_calls",
        "no_offers",
    ]);
    for row in rows {
        table.push([
            json!(row.operator),
            json!(row.state),
            json!(row.dnd),
            json!(row.phone),
            json!(row.phone_state),
            json!(row.desk),
            json!(row.call),
            json!(row.in_hand),
            json!(row.max_calls),
            json!(row.no_offers),
        ]);
    }
    Ok(print(&table.listing(listing.format))?)
}

/// Which registrations.
#[derive(Debug, clap::Args)]
pub struct Registrations {
    /// Of this number only
    number: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

/// Lists who is registered, from where and with what phone, and who was refused last, and why.
///
/// # Errors
/// When no server runs.
pub fn registrations(
    administration: &Administration,
    wanted: &Registrations,
) -> anyhow::Result<()> {
    let AdminAnswer::Registrations(rows) = administration.ask(&AdminRequest::Registrations)? else {
        bail!(ODD)
    };
    let mut table = Table::new(&[
        "number",
        "phone",
        "from",
        "transport",
        "contact",
        "since",
        "until",
        "refused",
    ]);
    let is_wanted = |number: &str| wanted.number.as_deref().is_none_or(|wanted| wanted == number);
    for row in rows.into_iter().filter(|row| is_wanted(&row.number)) {
        table.push([
            json!(row.number),
            json!(row.phone),
            json!(row.from),
            json!(row.transport),
            json!(row.contact),
            json!(row.since),
            json!(row.until),
            json!(row.refused),
        ]);
    }
    Ok(print(&table.listing(wanted.listing.format))?)
}

pub(super) const ODD: &str =
    "the server answers something else: is it of the same version of cordboard?";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_dropped_is_not_mentioned() {
        assert_eq!(reasons(&DroppedRow::default()), Value::Null);
        let dropped = DroppedRow { malformed: 3, wrong_source: 12, ..DroppedRow::default() };
        assert_eq!(reasons(&dropped), json!({"malformed": 3, "stranger": 12}));
    }
}
