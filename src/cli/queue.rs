//! `cordboard queue`, `queues`: who waits, and which queues take callers.

use super::administration::Administration;
use super::now::ODD;
use super::table::{Listing, Table, print};
use crate::directory::{DirectoryChange, NightSwitch};
use crate::exchange::AdminRequest;
use crate::ids::QueueId;
use crate::wire::admin_wire::AdminAnswer;
use anyhow::bail;
use serde_json::json;

/// Who waits, or what is to become of a queue.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Command {
    #[command(subcommand)]
    change: Option<QueueChange>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, clap::Subcommand)]
enum QueueChange {
    /// Switch the night service of a queue
    Set {
        /// Its name: the main of [queue.main]
        name: String,
        /// Whether it is night; it stays so, also over a restart, until it is switched again
        #[arg(long, value_enum)]
        night: NightArg,
    },
}

/// How a night service is switched.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum NightArg {
    /// Night: new callers go to the night number, or are told that the house is closed
    On,
    /// Day, whatever the hours say
    Off,
    /// As the hours say
    Auto,
}

impl Command {
    /// Lists the waiting calls, or switches.
    ///
    /// # Errors
    /// When no server runs that could be asked, or the change is refused.
    pub fn run(self, administration: &Administration) -> anyhow::Result<()> {
        match self.change {
            None => waiting(administration, self.listing),
            Some(QueueChange::Set { name, night }) => {
                let switch = match night {
                    NightArg::On => NightSwitch::On,
                    NightArg::Off => NightSwitch::Off,
                    NightArg::Auto => NightSwitch::Auto,
                };
                let queue = QueueId::from(name.as_str());
                administration.change(&DirectoryChange::SetNight { queue, switch })
            }
        }
    }
}

fn waiting(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let AdminAnswer::Queue(rows) = administration.ask(&AdminRequest::Queue)? else { bail!(ODD) };
    let mut table =
        Table::new(&["queue", "position", "request", "caller", "origin", "since", "priority"]);
    for row in rows {
        table.push([
            json!(row.queue),
            json!(row.position),
            json!(row.request),
            json!(row.caller),
            json!(row.origin),
            json!(row.since),
            json!(row.priority),
        ]);
    }
    Ok(print(&table.listing(listing.format))?)
}

/// Lists the queues.
///
/// # Errors
/// When no server runs.
pub fn queues(administration: &Administration, listing: Listing) -> anyhow::Result<()> {
    let AdminAnswer::Queues(rows) = administration.ask(&AdminRequest::Queues)? else { bail!(ODD) };
    let mut table = Table::new(&["queue", "number", "waiting", "night", "switch"]);
    for row in rows {
        table.push([
            json!(row.queue),
            json!(row.number),
            json!(row.waiting),
            json!(row.night),
            json!(row.switch),
        ]);
    }
    Ok(print(&table.listing(listing.format))?)
}
