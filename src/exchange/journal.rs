//! What outlives the process: the entries that are written, and the state that is read at start.
//!
//! Plain values. What they look like in the database is the store's affair; what becomes of entries
//! that could not be written is the ledger's.

use crate::call::call_record::CallRecord;
use crate::desk::results::StoredResult;
use crate::dialog::{DialogKey, StoredDialog};
use crate::directory::{self, Accounts};
use crate::ids::{BootNumber, CallId, LegId, Number, OperatorId, Ticket};
use crate::presence;
use crate::registrar::{Binding, BindingChange};
use crate::session::{LoginSession, SessionKey};
use crate::sip::Flow;
use crate::time::UnixTime;
use std::fmt;

/// What has to be true together: written wholly or not at all.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Names it when its outcome is reported; each is higher than the one before.
    pub ticket: Ticket,
    /// In this order.
    pub entries: Vec<JournalEntry>,
    /// Somebody waits for its commit.
    pub awaited: bool,
}

/// So many calls may have had numbers that were never written when a process ended in their midst: more than begin
/// in the time that a row may take to be written.
const NUMBERS_UNWRITTEN_MAX: u64 = 1_000;

impl StoredState {
    /// The process before did not end as it should: numbers that it may have given to calls of which nothing was
    /// written any more are not given again.
    pub fn skip_numbers(&mut self) {
        self.next_call += NUMBERS_UNWRITTEN_MAX;
    }
}

/// Why a batch was not written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WriteFault {
    /// It lies in what was to be written: no other time will be better.
    OfBatch(String),
    /// It lies in the disk, the file, or whoever holds it: another time may be better.
    OfJournal(String),
}

/// One thing to be written. What has to be true together is written together.
#[derive(Clone, Debug)]
pub enum JournalEntry {
    /// An administrator has changed the directory.
    Directory(Audited),
    /// A phone has moved.
    Binding(BindingChange),
    /// An operator is now so.
    Operator(presence::Stored),
    /// A control dialog is up.
    PutDesk(Box<StoredDesk>),
    /// A control dialog is over.
    DropDesk(DialogKey),
    /// A desk command and what came of it; forgotten after ten minutes.
    DeskResult {
        /// Whose.
        operator: OperatorId,
        /// The desk's id for it.
        id: String,
        /// What came of it.
        kept: StoredResult,
    },
    /// A call's record, whole; replaces what was kept of it.
    Call(Box<CallRecord>),
    /// What another process needs to go on with something that lasts, whole; replaces what was kept of it.
    PutLive {
        /// Of what.
        row: LiveRow,
        /// In writing.
        text: String,
    },
    /// It lasts no longer.
    DropLive(LiveRow),
    /// A session has begun.
    PutSession(LoginSession),
    /// A session is over.
    DropSession(SessionKey),
    /// An operator's favourites, all of them.
    Favourites {
        /// Whose.
        operator: OperatorId,
        /// In this order.
        numbers: Vec<Number>,
    },
    /// A note on a number; of too many the oldest go.
    PutNote(Box<StoredNote>),
    /// A note goes.
    DropNote {
        /// On which number.
        number: Number,
        /// Which.
        id: u64,
    },
    /// What has been kept long enough goes, a few rows at a time.
    Prune(Prune),
}

/// What lasts for a while and is to outlive the process, though not the machine's power. Each party of a call
/// has a row of its own: what changes at one leaves the others' alone, and one that is in the midst of
/// something keeps the row of its last quiet moment.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LiveRow {
    /// A call: where it stands, and with which parties.
    Call(CallId),
    /// A party of one.
    Party(LegId),
}

/// What the last process has left behind of what went on in it, in writing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LiveTexts {
    /// The calls.
    pub calls: Vec<(CallId, String)>,
    /// Their parties.
    pub parties: Vec<(LegId, String)>,
}

/// What has been kept long enough.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Prune {
    /// Calls that began before it and are over, and lines of the audit from before it.
    pub before: UnixTime,
    /// The oldest of either beyond so many.
    pub keep_max: usize,
    /// Desk results of then or earlier.
    pub results_before: UnixTime,
}

/// What an entry is about: of two entries about the same row only the later is true.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum JournalRow {
    /// A number's contact, by the key of its binding.
    Binding(Number, String),
    /// An operator's state.
    Operator(OperatorId),
    /// A control dialog.
    Desk(DialogKey),
    /// A desk command, by the desk's id for it.
    DeskResult(OperatorId, String),
    /// A call's record.
    Call(CallId),
    /// What goes on.
    Live(LiveRow),
    /// A session.
    Session(SessionKey),
    /// An operator's favourites.
    Favourites(OperatorId),
    /// A note.
    Note(u64),
}

impl Batch {
    /// Whether it has to outlive the machine's power, and not only the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        let Self { entries, awaited, .. } = self;
        *awaited || entries.is_empty() || !entries.iter().all(JournalEntry::is_live)
    }
}

impl JournalEntry {
    /// Whether it speaks of what goes on, and is of no use once that has ended.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self, Self::PutLive { .. } | Self::DropLive(_))
    }

    /// What it is about; `None` for what is a step and no state: a change of the directory, a row
    /// that goes because it is old.
    #[must_use]
    pub fn row(&self) -> Option<JournalRow> {
        Some(match self {
            Self::Directory(_) | Self::Prune(_) => return None,
            Self::Binding(BindingChange::Put(binding)) => {
                JournalRow::Binding(binding.number.clone(), binding.key())
            }
            Self::Binding(BindingChange::Drop { number, key }) => {
                JournalRow::Binding(number.clone(), key.clone())
            }
            Self::Operator(stored) => JournalRow::Operator(stored.operator.clone()),
            Self::PutDesk(desk) => JournalRow::Desk(desk.dialog.key.clone()),
            Self::DropDesk(key) => JournalRow::Desk(key.clone()),
            Self::DeskResult { operator, id, .. } => {
                JournalRow::DeskResult(operator.clone(), id.clone())
            }
            Self::Call(record) => JournalRow::Call(record.call),
            Self::PutLive { row, .. } | Self::DropLive(row) => JournalRow::Live(*row),
            Self::PutSession(session) => JournalRow::Session(session.key),
            Self::DropSession(key) => JournalRow::Session(*key),
            Self::Favourites { operator, .. } => JournalRow::Favourites(operator.clone()),
            Self::PutNote(note) => JournalRow::Note(note.id),
            Self::DropNote { id, .. } => JournalRow::Note(*id),
        })
    }
}

/// How the journal fares, for people.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Health {
    /// Since when something cannot be written, and why not; `None` while all is well.
    pub trouble: Option<(UnixTime, String)>,
    /// Batches that wait for the disk.
    pub under_way: usize,
    /// Rows that could not be written and will be when that is possible.
    pub owed: usize,
    /// Since the start: what waited for its commit and was refused.
    pub refused: u64,
    /// Since the start: rows that were given up.
    pub lost: u64,
}

/// What the log says of the journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JournalNotice {
    /// Something cannot be written; said at once, then once a minute.
    Failing(Health),
    /// All that was owed is written.
    Mended(Health),
}

impl fmt::Display for JournalNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failing(Health { trouble, owed, refused, lost, .. }) => {
                let (since, why) = trouble.clone().unwrap_or_default();
                write!(
                    f,
                    "the journal cannot be written since {since}: {why}; calls go on, {owed} rows \
                     wait to be written, {refused} wishes were refused and {lost} rows lost since \
                     the start: free the disk, or end what holds the database"
                )
            }
            Self::Mended(Health { refused, lost, .. }) => write!(
                f,
                "the journal is written again, and all that waited for it; {refused} wishes were \
                 refused and {lost} rows lost since the start"
            ),
        }
    }
}

/// A change of the directory, for the journal and for the audit.
#[derive(Clone, Debug)]
pub struct Audited {
    /// When.
    pub at: UnixTime,
    /// Who: an account of the system, or where the request came from.
    pub by: String,
    /// What, as the change prints itself.
    pub what: String,
    /// The rows that it changes.
    pub effects: Vec<directory::Effect>,
}

/// A control dialog. After a restart it gets BYE, so that the desk calls again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredDesk {
    /// Whose desk.
    pub operator: OperatorId,
    /// The dialog.
    pub dialog: StoredDialog,
}

/// Which calls of the process before go on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Resume {
    /// All.
    #[default]
    All,
    /// All but this one, whose event was in hand when the process crashed again: its legs are ended.
    Without(CallId),
    /// None: it has crashed three times. All legs are ended.
    None,
    /// None: the machine was started anew since. All legs are ended.
    AfterBoot,
    /// None, and nobody hears of it: they are another machine's, and may go on there.
    OfOtherMachine,
}

impl Resume {
    /// Whether this call goes on.
    #[must_use]
    pub fn includes(self, call: CallId) -> bool {
        match self {
            Self::All => true,
            Self::Without(other) => call != other,
            Self::None | Self::AfterBoot | Self::OfOtherMachine => false,
        }
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Without(call) => {
                write!(f, "all but {call}: it was in hand at the second crash within 30 s")
            }
            Self::None => f.write_str("none: it has crashed again and again"),
            Self::AfterBoot => f.write_str("none: the machine was started anew"),
            Self::OfOtherMachine => f.write_str("none: they were another machine's"),
        }
    }
}

/// All that the journal holds at a start.
#[derive(Clone, Debug, Default)]
pub struct StoredState {
    /// Terminals, levels, permits, operators.
    pub accounts: Accounts,
    /// Where the phones were.
    pub bindings: Vec<Binding>,
    /// How the operators were.
    pub operators: Vec<presence::Stored>,
    /// The control dialogs of the last process.
    pub desks: Vec<StoredDesk>,
    /// Desk commands of the last ten minutes, the oldest first.
    pub results: Vec<(OperatorId, String, StoredResult)>,
    /// Calls that have no end yet: they get the one record that says they were cut.
    pub calls: Vec<CallRecord>,
    /// The connections that stayed open since the last process; the journal does not know, whoever has them adds them.
    pub connections: Vec<Flow>,
    /// Which calls go on; the journal does not know, whoever counts crashes says it.
    pub resume: Resume,
    /// The id of the next call.
    pub next_call: u64,
    /// Which start of this database it is.
    pub boot: BootNumber,
    /// What went on when the last process ended.
    pub live: LiveTexts,
    /// The sessions of pages.
    pub sessions: Vec<LoginSession>,
    /// The highest number that a note has.
    pub last_note: u64,
}

/// A note on a number, for all operators.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredNote {
    /// Its number among all notes.
    pub id: u64,
    /// On which number.
    pub number: Number,
    /// The words.
    pub text: String,
    /// Who wrote it.
    pub by: OperatorId,
    /// When.
    pub at: UnixTime,
}
