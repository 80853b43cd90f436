//! Operators: accounts that take calls, each with a desk phone.

use super::secret::Secret;
use crate::ids::{Number, OperatorId, QueueId};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The most further phones of one operator.
pub const PHONES_MAX: usize = 32;
/// The most calls that one operator can be allowed to have in hand.
pub const CALLS_MAX: u8 = 9;

/// What an operator works with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OperatorMode {
    /// A console controls, the phone talks.
    #[default]
    Desk,
    /// The phone alone: calls ring there, feature codes control.
    Phone,
}

impl fmt::Display for OperatorMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Desk => "desk",
            Self::Phone => "phone",
        })
    }
}

impl FromStr for OperatorMode {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "desk" => Ok(Self::Desk),
            "phone" => Ok(Self::Phone),
            _ => Err(()),
        }
    }
}

/// One operator account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operator {
    /// Its name, which is its user name too.
    pub name: OperatorId,
    /// The terminal it talks at unless it says otherwise.
    pub phone: Number,
    /// Further terminals it may log in with (hot desking); several operators may share them.
    pub phones: BTreeSet<Number>,
    /// The queues it serves; empty: every queue.
    pub queues: BTreeSet<QueueId>,
    /// With a desk or with the phone alone.
    pub mode: OperatorMode,
    /// How many calls it may have in hand at a time, from 1 to [`CALLS_MAX`].
    pub max_calls: u8,
    /// What its desk proves itself with.
    pub secret: Option<Secret>,
}

impl Operator {
    /// Whether it may log in with this terminal.
    #[must_use]
    pub fn may_use(&self, phone: &Number) -> bool {
        self.phone == *phone || self.phones.contains(phone)
    }

    /// Whether it takes calls of this queue.
    #[must_use]
    pub fn serves(&self, queue: &QueueId) -> bool {
        self.queues.is_empty() || self.queues.contains(queue)
    }
}

/// What an administrator says of an operator; what is left out stays, or is empty in a new one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperatorDraft {
    /// Which operator.
    pub name: OperatorId,
    /// The desk phone; a new operator needs one.
    pub phone: Option<Number>,
    /// Further phones.
    pub phones: Option<BTreeSet<Number>>,
    /// The queues it serves; empty: every queue.
    pub queues: Option<BTreeSet<QueueId>>,
    /// With a desk or with the phone alone.
    pub mode: Option<OperatorMode>,
    /// How many calls it may have in hand at a time; one for a new operator.
    pub max_calls: Option<u8>,
    /// Hashes made with [`Secret::from_password`] for this name and the directory's realm.
    pub secret: Option<Secret>,
}

impl OperatorDraft {
    /// A draft that says nothing but the name.
    #[must_use]
    pub fn new(name: OperatorId) -> Self {
        Self {
            name,
            phone: None,
            phones: None,
            queues: None,
            mode: None,
            max_calls: None,
            secret: None,
        }
    }
}

impl fmt::Display for OperatorDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(phone) = &self.phone {
            write!(f, " phone={phone}")?;
        }
        if let Some(phones) = &self.phones {
            let phones: Vec<_> = phones.iter().map(Number::as_str).collect();
            write!(f, " phones={}", phones.join(","))?;
        }
        if let Some(queues) = &self.queues {
            let queues: Vec<_> = queues.iter().map(QueueId::as_str).collect();
            write!(f, " queues={}", queues.join(","))?;
        }
        if let Some(mode) = &self.mode {
            write!(f, " mode={mode}")?;
        }
        if let Some(max) = &self.max_calls {
            write!(f, " max-calls={max}")?;
        }
        if self.secret.is_some() {
            f.write_str(" password=(set)")?;
        }
        Ok(())
    }
}
