//! A party of a call as one value of plain data: its dialog, its offers and answers, its share of the relay, and
//! who it is.

use super::saved_invite::{SavedCredit, SavedInvite};
use crate::ids::{Number, OperatorId};
use crate::leg::SavedLeg;
use crate::media::SavedPort;
use crate::sip::Flow;
use std::net::IpAddr;

/// A party, with all that it needs to go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedParty {
    /// Its leg.
    pub leg: SavedLeg,
    /// The streams that the relay carries for it: sound, then pictures.
    pub ports: Vec<SavedPort>,
    /// Who it is, and where.
    pub peer: Option<LegPeer>,
    /// Its INVITE, while that has no end.
    pub invite: Option<SavedInvite>,
    /// What may be sent to it, while it has proved nothing.
    pub credit: Option<SavedCredit>,
}

/// Who is at the other end of a leg.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LegPeer {
    /// As the directory has it.
    pub who: Who,
    /// Where the leg's first request came from or went to.
    pub ip: IpAddr,
    /// Which of the terminal's phones it is (RFC 5626 §4.1), where it says so.
    pub instance: Option<String>,
    /// By which connection it was heard last.
    pub spoke: Option<Flow>,
}

impl LegPeer {
    /// Whether it was at this address when the leg began.
    pub fn is_at(&self, ip: IpAddr) -> bool {
        self.ip.to_canonical() == ip.to_canonical()
    }
}

/// Who somebody is, as the directory has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Who {
    /// A phone of this terminal.
    Terminal(Number),
    /// The desk of this operator.
    Desk(OperatorId),
    /// The far end of the trunk of this name.
    Trunk(String),
    /// Nobody whom a password or the configuration knows.
    Unauthenticated,
}
