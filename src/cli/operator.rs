//! `cordboard operator`: accounts that take calls.

use super::administration::Administration;
use super::password::Password;
use super::table::{Listing, Table, print};
use crate::directory::{DirectoryChange, Operator, OperatorDraft, OperatorMode};
use crate::exchange::AdminRequest;
use crate::ids::{Number, OperatorId, QueueId};
use crate::switchboard::SetState;
use anyhow::Context as _;
use serde_json::json;
use std::collections::BTreeSet;

/// What to do with operators.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add an operator; it needs a desk phone
    Add(OperatorArgs),
    /// Change an operator; what is left out stays
    Set {
        #[command(flatten)]
        draft: OperatorArgs,
        /// What the operator is to be now; needs the running server
        #[arg(long, value_enum)]
        state: Option<StateArg>,
    },
    /// Remove an operator; a call in hand is finished first
    Remove {
        /// Its name
        name: String,
    },
    /// Show one operator's account
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// List all operators' accounts
    List(Listing),
}

/// What is said of an operator.
#[derive(Debug, clap::Args)]
pub struct OperatorArgs {
    /// Its name, which is its user name, too
    name: String,
    /// The terminal it talks at
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Further terminals it may log in with
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    phones: Option<Vec<String>>,
    /// A queue it serves, may be repeated; without one it serves every queue
    #[arg(long = "queue", value_name = "Q")]
    queues: Option<Vec<String>>,
    /// Whether a console controls, or the phone alone
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,
    /// How many calls it may have in hand at a time, 1 to 9; 1 for a new operator
    #[arg(long, value_name = "N")]
    max_calls: Option<u8>,
    #[command(flatten)]
    password: Password,
}

/// What an operator works with.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ModeArg {
    /// A console controls, the phone talks
    Desk,
    /// The phone alone
    Phone,
}

/// What an administrator can make of an operator.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum StateArg {
    /// Takes calls again
    Ready,
    /// Do-not-disturb
    Dnd,
    /// Logged out; a call in hand is finished first
    Out,
}

impl Command {
    /// Carries it out.
    ///
    /// # Errors
    /// When it is refused.
    pub fn run(self, administration: &Administration) -> anyhow::Result<()> {
        match self {
            Self::Add(draft) => administration
                .change(&DirectoryChange::AddOperator(draft.read(administration.realm())?)),
            Self::Set { draft, state } => set(administration, &draft, state),
            Self::Remove { name } => administration
                .change(&DirectoryChange::RemoveOperator(OperatorId::from(name.as_str()))),
            Self::Show { name, listing } => {
                let directory = administration.directory()?;
                let operator = directory.operator(&OperatorId::from(name.as_str()));
                let operator = operator.with_context(|| {
                    format!("operator {name}: there is none: see `cordboard operator list`")
                })?;
                Ok(print(&table([operator]).single(listing.format))?)
            }
            Self::List(listing) => {
                let directory = administration.directory()?;
                Ok(print(&table(directory.operators()).listing(listing.format))?)
            }
        }
    }
}

impl OperatorArgs {
    fn read(&self, realm: &str) -> anyhow::Result<OperatorDraft> {
        let mut draft = OperatorDraft::new(OperatorId::from(self.name.as_str()));
        draft.phone = self.phone.as_deref().map(Number::from);
        draft.phones = self.phones.as_deref().map(names);
        draft.queues = self.queues.as_deref().map(names);
        draft.mode = self.mode.map(|mode| match mode {
            ModeArg::Desk => OperatorMode::Desk,
            ModeArg::Phone => OperatorMode::Phone,
        });
        draft.max_calls = self.max_calls;
        draft.secret = self.password.secret(&self.name, realm)?;
        Ok(draft)
    }
}

fn set(
    administration: &Administration,
    draft: &OperatorArgs,
    state: Option<StateArg>,
) -> anyhow::Result<()> {
    let draft = draft.read(administration.realm())?;
    let operator = draft.name.clone();
    if draft != OperatorDraft::new(operator.clone()) || state.is_none() {
        administration.change(&DirectoryChange::SetOperator(draft))?;
    }
    let state = match state {
        None => return Ok(()),
        Some(StateArg::Ready) => SetState::Ready,
        Some(StateArg::Dnd) => SetState::Dnd,
        Some(StateArg::Out) => SetState::Out,
    };
    administration.ask(&AdminRequest::SetState { operator, state }).map(drop)
}

/// `--phones ""` and `--queue ""` stand for none.
fn names<T: for<'a> From<&'a str> + Ord>(given: &[String]) -> BTreeSet<T> {
    given.iter().filter(|name| !name.is_empty()).map(|name| T::from(name)).collect()
}

fn table<'a>(operators: impl IntoIterator<Item = &'a Operator>) -> Table {
    let mut table =
        Table::new(&["name", "phone", "phones", "queues", "mode", "max_calls", "password"]);
    for operator in operators {
        let phones: Vec<_> = operator.phones.iter().map(Number::as_str).collect();
        let queues: Vec<_> = operator.queues.iter().map(QueueId::as_str).collect();
        table.push([
            json!(operator.name.as_str()),
            json!(operator.phone.as_str()),
            json!(phones),
            json!(queues),
            json!(operator.mode.to_string()),
            json!(operator.max_calls),
            json!(operator.secret.is_some()),
        ]);
    }
    table
}
