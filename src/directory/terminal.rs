//! Terminals: SIP phones with a number.

use super::draft_field::DraftField;
use super::secret::Secret;
use super::srtp::Srtp;
use crate::ids::{LevelId, Number};
use crate::sip::Uri;
use std::fmt;

/// One phone with a number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terminal {
    /// Its number, which is its user name too.
    pub number: Number,
    /// The name that others see; may be empty.
    pub name: String,
    /// Its class of service.
    pub level: LevelId,
    /// What it proves itself with; without one it can neither register nor call.
    pub secret: Option<Secret>,
    /// A fixed SIP URI that needs no registration: gateways, door stations.
    pub contact: Option<Uri>,
    /// Whether it speaks under SRTP only.
    pub srtp: Srtp,
}

/// What an administrator says of a terminal; what is left out stays, or is empty in a new one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TerminalDraft {
    /// Which terminal.
    pub number: Number,
    /// The name that others see.
    pub name: Option<String>,
    /// Left out of a new terminal: the external level.
    pub level: Option<LevelId>,
    /// Hashes made with [`Secret::from_password`] for this number and the directory's realm.
    pub secret: Option<Secret>,
    /// The fixed contact.
    pub contact: DraftField<Uri>,
    /// Whether it speaks under SRTP only.
    pub srtp: Option<Srtp>,
}

impl TerminalDraft {
    /// A draft that says nothing but the number.
    #[must_use]
    pub fn new(number: Number) -> Self {
        Self {
            number,
            name: None,
            level: None,
            secret: None,
            contact: DraftField::Keep,
            srtp: None,
        }
    }
}

impl fmt::Display for TerminalDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        if let Some(name) = &self.name {
            write!(f, " name={name:?}")?;
        }
        if let Some(level) = &self.level {
            write!(f, " level={level}")?;
        }
        if self.secret.is_some() {
            f.write_str(" password=(set)")?;
        }
        match &self.contact {
            DraftField::Keep => {}
            DraftField::Clear => f.write_str(" contact=")?,
            DraftField::Set(contact) => write!(f, " contact={contact}")?,
        }
        self.srtp.map_or(Ok(()), |srtp| write!(f, " srtp={}", srtp.name()))
    }
}
