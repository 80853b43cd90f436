//! `cordboard level`: classes of service.

use super::administration::Administration;
use super::table::{Listing, Table, print};
use crate::directory::{DirectoryChange, Level};
use crate::ids::LevelId;
use anyhow::Context as _;
use serde_json::json;
use std::collections::BTreeSet;

/// What to do with levels.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add a level
    Add(LevelArgs),
    /// Change whom a level admits
    Set(LevelArgs),
    /// Remove a level that nothing uses
    Remove {
        /// Its name
        name: String,
    },
    /// Show one level
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// List all levels
    List(Listing),
}

/// What is said of a level.
#[derive(Debug, clap::Args)]
pub struct LevelArgs {
    /// Its name
    name: String,
    /// The levels of callers that may call terminals of this one
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    admits: Vec<String>,
}

impl Command {
    /// Carries it out.
    ///
    /// # Errors
    /// When it is refused.
    pub fn run(self, administration: &Administration) -> anyhow::Result<()> {
        match self {
            Self::Add(draft) => administration.change(&DirectoryChange::AddLevel(draft.read())),
            Self::Set(draft) => administration.change(&DirectoryChange::SetLevel(draft.read())),
            Self::Remove { name } => {
                administration.change(&DirectoryChange::RemoveLevel(LevelId::from(name.as_str())))
            }
            Self::Show { name, listing } => {
                let directory = administration.directory()?;
                let level = directory.level(&LevelId::from(name.as_str())).with_context(|| {
                    format!("level {name}: there is none: see `cordboard level list`")
                })?;
                Ok(print(&table([level]).single(listing.format))?)
            }
            Self::List(listing) => {
                let directory = administration.directory()?;
                Ok(print(&table(directory.levels()).listing(listing.format))?)
            }
        }
    }
}

impl LevelArgs {
    fn read(&self) -> Level {
        // `--admits ""` admits nobody.
        let admits: BTreeSet<_> = self
            .admits
            .iter()
            .filter(|name| !name.is_empty())
            .map(|name| name.as_str().into())
            .collect();
        Level { name: self.name.as_str().into(), admits }
    }
}

fn table<'a>(levels: impl IntoIterator<Item = &'a Level>) -> Table {
    let mut table = Table::new(&["name", "admits"]);
    for level in levels {
        let admits: Vec<_> = level.admits.iter().map(LevelId::as_str).collect();
        table.push([json!(level.name.as_str()), json!(admits)]);
    }
    table
}
