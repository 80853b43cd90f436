//! `cordboard permit`: single callers let in whatever the levels say.

use super::administration::Administration;
use super::table::{Listing, Table, print};
use crate::directory::{DirectoryChange, Permit};
use serde_json::json;

/// What to do with permits.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Let a caller in
    Add(PermitPair),
    /// Let the levels decide again
    Remove(PermitPair),
    /// List the permits of one callee, or all
    List {
        /// The number that is called
        callee: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
}

/// Who may call whom.
#[derive(Debug, clap::Args)]
pub struct PermitPair {
    /// The terminal that is called
    callee: String,
    /// The number of the caller
    caller: String,
}

impl Command {
    /// Carries it out.
    ///
    /// # Errors
    /// When it is refused.
    pub fn run(self, administration: &Administration) -> anyhow::Result<()> {
        match self {
            Self::Add(pair) => administration.change(&DirectoryChange::AddPermit(pair.read())),
            Self::Remove(pair) => {
                administration.change(&DirectoryChange::RemovePermit(pair.read()))
            }
            Self::List { callee, listing } => {
                let directory = administration.directory()?;
                let mut table = Table::new(&["callee", "caller"]);
                let wanted = |permit: &&Permit| {
                    callee.as_deref().is_none_or(|callee| callee == permit.callee.as_str())
                };
                for permit in directory.all_permits().filter(wanted) {
                    table.push([json!(permit.callee.as_str()), json!(permit.caller.as_str())]);
                }
                Ok(print(&table.listing(listing.format))?)
            }
        }
    }
}

impl PermitPair {
    fn read(&self) -> Permit {
        Permit { callee: self.callee.as_str().into(), caller: self.caller.as_str().into() }
    }
}
