//! `cordboard status`, `calls`, `queue`, `operators`: what goes on in the running server.

use super::administration::Administration;
use super::table::{Listing, Table, print};
use crate::exchange::AdminRequest;
use crate::server::admin_wire::Answer;
use anyhow::bail;
use serde_json::json;

/// Prints the figures.
///
/// # Errors
/// When no server runs.
pub fn status(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let Answer::Status(now) = administration.ask(&AdminRequest::Status)? else { bail!(ODD) };
    let mut table = Table::new(&[
        "calls",
        "waiting",
        "operators",
        "terminals",
        "bindings",
        "legs",
        "client_transactions",
        "server_transactions",
    ]);
    let figures = [
        now.calls,
        now.waiting,
        now.operators,
        now.terminals,
        now.bindings,
        now.legs,
        now.client_transactions,
        now.server_transactions,
    ];
    table.push(figures.map(|figure| json!(figure)));
    Ok(print(&table.single(listing.format))?)
}

/// Lists the calls.
///
/// # Errors
/// When no server runs.
pub fn calls(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let Answer::Calls(rows) = administration.ask(&AdminRequest::Calls)? else { bail!(ODD) };
    let mut table =
        Table::new(&["call", "phase", "caller", "dialled", "operator", "callee", "began"]);
    for row in rows {
        table.push([
            json!(row.call),
            json!(row.phase),
            json!(row.caller),
            json!(row.dialled),
            json!(row.operator),
            json!(row.callee),
            json!(row.began),
        ]);
    }
    Ok(print(&table.listing(listing.format))?)
}

/// Lists the waiting calls.
///
/// # Errors
/// When no server runs.
pub fn queue(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let Answer::Queue(rows) = administration.ask(&AdminRequest::Queue)? else { bail!(ODD) };
    let mut table = Table::new(&["queue", "position", "request", "caller", "since"]);
    for row in rows {
        table.push([
            json!(row.queue),
            json!(row.position),
            json!(row.request),
            json!(row.caller),
            json!(row.since),
        ]);
    }
    Ok(print(&table.listing(listing.format))?)
}

/// Lists the operators as they are now.
///
/// # Errors
/// When no server runs.
pub fn operators(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let Answer::Operators(rows) = administration.ask(&AdminRequest::Operators)? else { bail!(ODD) };
    let mut table =
        Table::new(&["operator", "state", "dnd", "phone", "phone_state", "desk", "call"]);
    for row in rows {
        table.push([
            json!(row.operator),
            json!(row.state),
            json!(row.dnd),
            json!(row.phone),
            json!(row.phone_state),
            json!(row.desk),
            json!(row.call),
        ]);
    }
    Ok(print(&table.listing(listing.format))?)
}

const ODD: &str = "the server answers something else: is it of the same version of cordboard?";
