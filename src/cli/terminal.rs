//! `cordboard terminal`: phones with a number.

use super::administration::Administration;
use super::password::Password;
use super::table::{Listing, Table, print};
use super::terminal_fields::{contact, srtp};
use super::terminal_file;
use crate::directory::{DirectoryChange, DraftField, Terminal, TerminalDraft};
use crate::ids::{LevelId, Number};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What to do with terminals.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add a terminal
    Add(TerminalArgs),
    /// Change a terminal; what is left out stays
    Set(TerminalArgs),
    /// Remove a terminal and its permits
    Remove {
        /// Its number
        number: String,
    },
    /// Show one terminal
    Show {
        /// Its number
        number: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// List all terminals
    List(Listing),
    /// Add and change many terminals at once, all or none
    Import {
        /// Columns number,name,level,password,contact,srtp; the password may be a secret that `export`
        /// wrote; an empty cell leaves things as they are
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
    },
    /// Print all terminals as `import` reads them, with hashes in place of passwords
    Export,
}

/// What is said of a terminal.
#[derive(Debug, clap::Args)]
pub struct TerminalArgs {
    /// Its number, which is its user name, too
    number: String,
    /// The name that others see
    #[arg(long, value_name = "N")]
    name: Option<String>,
    /// Its class of service; a new terminal gets the external level without one
    #[arg(long, value_name = "L")]
    level: Option<String>,
    #[command(flatten)]
    password: Password,
    /// A fixed address that needs no registration; an empty one takes it away
    #[arg(long, value_name = "URI")]
    contact: Option<String>,
    /// Speak with it under SRTP only (keys in SDP, or by DTLS), or where it offers it
    #[arg(long, value_name = "required|dtls|optional")]
    srtp: Option<String>,
}

impl Command {
    /// Carries it out.
    ///
    /// # Errors
    /// When it is refused.
    pub fn run(self, administration: &Administration) -> anyhow::Result<()> {
        match self {
            Self::Add(draft) => administration
                .change(&DirectoryChange::AddTerminal(draft.read(administration.realm())?)),
            Self::Set(draft) => administration
                .change(&DirectoryChange::SetTerminal(draft.read(administration.realm())?)),
            Self::Remove { number } => administration
                .change(&DirectoryChange::RemoveTerminal(Number::from(number.as_str()))),
            Self::Show { number, listing } => {
                let directory = administration.directory()?;
                let terminal = directory.terminal(&Number::from(number.as_str()));
                let terminal = terminal.with_context(|| {
                    format!("terminal {number}: there is none: see `cordboard terminal list`")
                })?;
                Ok(print(&table([terminal]).single(listing.format))?)
            }
            Self::List(listing) => {
                let directory = administration.directory()?;
                Ok(print(&table(directory.terminals()).listing(listing.format))?)
            }
            Self::Import { file } => terminal_file::import(administration, &file),
            Self::Export => terminal_file::export(administration),
        }
    }
}

impl TerminalArgs {
    fn read(&self, realm: &str) -> anyhow::Result<TerminalDraft> {
        let mut draft = TerminalDraft::new(Number::from(self.number.as_str()));
        draft.name.clone_from(&self.name);
        draft.level = self.level.as_deref().map(LevelId::from);
        draft.secret = self.password.secret(&self.number, realm)?;
        draft.contact = match self.contact.as_deref() {
            None => DraftField::Keep,
            Some("") => DraftField::Clear,
            Some(text) => DraftField::Set(contact(text)?),
        };
        draft.srtp = self.srtp.as_deref().map(srtp).transpose()?;
        Ok(draft)
    }
}

fn table<'a>(terminals: impl IntoIterator<Item = &'a Terminal>) -> Table {
    let mut table = Table::new(&["number", "name", "level", "password", "contact", "srtp"]);
    for terminal in terminals {
        table.push([
            json!(terminal.number.as_str()),
            json!(terminal.name),
            json!(terminal.level.as_str()),
            json!(terminal.secret.is_some()),
            terminal.contact.as_ref().map_or(Value::Null, |uri| json!(uri.as_str())),
            json!(terminal.srtp.name()),
        ]);
    }
    table
}
