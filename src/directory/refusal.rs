//! Why a change of the directory was refused: what, where, and what to do.

use super::name::{Holder, NameFault};
use crate::ids::{LevelId, Number, OperatorId, QueueId};
use std::fmt;

/// What an administrator works on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Thing {
    /// A phone with a number.
    Terminal,
    /// A class of service.
    Level,
    /// A caller let in whatever the levels say.
    Permit,
    /// An operator account.
    Operator,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminal => "terminal",
            Self::Level => "level",
            Self::Permit => "permit",
            Self::Operator => "operator",
        })
    }
}

/// A change that was refused; nothing of it has happened. The administrator is at fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChangeRefusal {
    /// What was named is not there.
    #[error("{thing} {name}: there is none of that name: see `cordboard {thing} list`")]
    NoSuch {
        /// What kind of thing.
        thing: Thing,
        /// The name that was given.
        name: String,
    },
    /// What was to be added is there already.
    #[error("{thing} {name}: it is there already: {}", remedy(*thing))]
    Exists {
        /// What kind of thing.
        thing: Thing,
        /// The name that was given.
        name: String,
    },
    /// A name that cannot be one.
    #[error("{thing} {name:?}: {fault}")]
    BadName {
        /// What kind of thing.
        thing: Thing,
        /// The name that was given.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// R1.4: terminals, operators, queues and the desk share one space of names.
    #[error("{thing} {name}: this is already {holder}: choose another")]
    NameTaken {
        /// What was to get the name.
        thing: Thing,
        /// The name.
        name: String,
        /// Who has it.
        holder: Holder,
    },
    /// A fixed contact that is no SIP URI.
    #[error(
        "terminal {number}: contact {contact:?} is no SIP URI: write it as `sip:3001@192.0.2.7`"
    )]
    BadContact {
        /// The terminal.
        number: Number,
        /// What was given.
        contact: String,
    },
    /// A queue that the configuration does not have.
    #[error(
        "operator {operator}: there is no queue {queue}: add [queue.{queue}] to the configuration, or name another"
    )]
    NoSuchQueue {
        /// The operator.
        operator: OperatorId,
        /// The queue that was given.
        queue: QueueId,
    },
    /// A queue that the configuration does not have.
    #[error("queue {0}: there is none of that name: see `cordboard queues`")]
    NotConfigured(QueueId),
    /// More calls at a time than a person can keep apart, or none.
    #[error("operator {operator}: max-calls {given}: give 1 to {max}")]
    MaxCalls {
        /// The operator.
        operator: OperatorId,
        /// What was given.
        given: u8,
        /// The most that one can have.
        max: u8,
    },
    /// A new operator without a desk phone.
    #[error("operator {0}: it has no desk phone: give one with --phone NUMBER")]
    NoPhone(OperatorId),
    /// A state was to be set of an operator who has none.
    #[error("operator {0}: not logged in: log in at the desk, or dial *50 at the phone, first")]
    LoggedOut(OperatorId),
    /// Two operators without desks at one phone could not be told apart by their feature codes.
    #[error(
        "operator {operator}: phone {phone} is that of {other}, who works by phone alone, too: give each a phone"
    )]
    PhoneShared {
        /// The operator.
        operator: OperatorId,
        /// The phone.
        phone: Number,
        /// Who has it.
        other: OperatorId,
    },
    /// The terminal is an operator's phone.
    #[error(
        "terminal {number}: it is a phone of operator {operator}: give that one another first (`cordboard operator set {operator}`)"
    )]
    PhoneInUse {
        /// The terminal.
        number: Number,
        /// Whose phone it is.
        operator: OperatorId,
    },
    /// The level has users.
    #[error("level {level}: {user} uses it: change that first")]
    LevelInUse {
        /// The level.
        level: LevelId,
        /// Who uses it.
        user: LevelUser,
    },
    /// The configuration names a level that is not there.
    #[error(
        "level {level}: {user} uses it and it is not there: `cordboard level add {level}`, or change the configuration"
    )]
    LevelMissing {
        /// The level.
        level: LevelId,
        /// Who uses it.
        user: LevelUser,
    },
    /// A limit of ours.
    #[error("{what}: there are {max} already, which is the limit: remove some first")]
    Limit {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// One row of an import; nothing of the import has happened.
    #[error("row {row}: {refusal}")]
    Row {
        /// Counted from 1, the heading left out.
        row: usize,
        /// What is wrong with it.
        refusal: Box<ChangeRefusal>,
    },
    /// One number twice in an import.
    #[error("terminal {0}: it stands in an earlier row, too: keep one of them")]
    Twice(Number),
}

/// Who uses a level.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LevelUser {
    /// `levels.external` of the configuration.
    External,
    /// A trunk of the configuration.
    Trunk(String),
    /// A camera of the configuration.
    Camera(String),
    /// A terminal.
    Terminal(Number),
    /// Another level admits it.
    Level(LevelId),
}

impl fmt::Display for LevelUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External => f.write_str("levels.external of the configuration"),
            Self::Trunk(name) => write!(f, "trunk {name} of the configuration"),
            Self::Camera(name) => write!(f, "camera {name} of the configuration"),
            Self::Terminal(number) => write!(f, "terminal {number}"),
            Self::Level(name) => write!(f, "the admits of level {name}"),
        }
    }
}

fn remedy(thing: Thing) -> &'static str {
    match thing {
        Thing::Terminal => "change it with `cordboard terminal set`, or choose another number",
        Thing::Level => "change it with `cordboard level set`, or choose another name",
        Thing::Permit => "nothing is left to do",
        Thing::Operator => "change it with `cordboard operator set`, or choose another name",
    }
}
