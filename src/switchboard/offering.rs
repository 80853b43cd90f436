//! Why an operator is offered no calls at the moment, and what to do about it.

use super::machine::Machine;
use crate::directory::{Directory, OperatorMode};
use crate::ids::{Number, OperatorId};
use crate::presence::{
    AgentAvailability, ControlDialogState, OperatorState, PhoneState, PresenceView,
};
use std::fmt;

/// Why an operator is offered no calls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoOffers {
    /// It names queues, and none of them is in the configuration.
    NoQueue,
    /// Logged out, and works at a desk.
    NoDesk,
    /// Logged out, and works by this phone alone.
    NotLoggedIn(Number),
    /// Logged out, and another operator sits at its phone.
    PhoneTaken {
        /// Which phone.
        phone: Number,
        /// Who.
        by: OperatorId,
    },
    /// Logged in until the end of the call in hand.
    Leaving,
    /// Do-not-disturb.
    DoNotDisturb,
    /// The desk is gone, and may come back within its lease.
    DeskLost,
    /// The desk does not answer.
    DeskUnresponsive,
    /// In a call.
    InCall,
    /// The phone is not registered.
    PhoneUnregistered(Number),
    /// The phone did not answer the last call.
    PhoneUnreachable(Number),
    /// The phone refused the last call.
    PhoneRefusing(Number),
}

impl fmt::Display for NoOffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoQueue => f.write_str(
                "serves no queue of the configuration: name one with `operator set --queue`",
            ),
            Self::NoDesk => f.write_str("logged out: log in at the desk, see `cordboard desk`"),
            Self::NotLoggedIn(phone) => {
                write!(f, "logged out: dial *50 at phone {phone}, or `operator set --state ready`")
            }
            Self::PhoneTaken { phone, by } => {
                write!(
                    f,
                    "logged out, and {by} sits at its phone {phone}: log that one out, or give it another"
                )
            }
            Self::Leaving => f.write_str("is logged out when its call is over"),
            Self::DoNotDisturb => f.write_str("do-not-disturb"),
            Self::DeskLost => f.write_str("its desk is gone, and may come back"),
            Self::DeskUnresponsive => f.write_str("its desk does not answer"),
            Self::InCall => f.write_str("in a call"),
            Self::PhoneUnregistered(phone) => {
                write!(f, "its phone {phone} is not registered: see `registrations {phone}`")
            }
            Self::PhoneUnreachable(phone) => {
                write!(f, "its phone {phone} did not answer the last call, and rests for a minute")
            }
            Self::PhoneRefusing(phone) => {
                write!(f, "its phone {phone} refused the last call, and rests for a minute")
            }
        }
    }
}

impl Machine {
    /// Why an operator is offered no calls; `None` where nothing stands in the way.
    pub(super) fn no_offers(
        &self,
        directory: &Directory,
        operator: &OperatorId,
        view: &PresenceView,
    ) -> Option<NoOffers> {
        let account = directory.operator(operator);
        if account.is_some_and(|o| !self.settings.queues.keys().any(|queue| o.serves(queue))) {
            return Some(NoOffers::NoQueue);
        }
        let phone = || view.phone.clone().or_else(|| account.map(|account| account.phone.clone()));
        let phone = phone().unwrap_or_else(|| Number::from(""));
        if view.state == OperatorState::Out {
            let taken = self.presence.at_phone(&phone).filter(|by| *by != operator);
            let by_phone = account.is_some_and(|account| account.mode == OperatorMode::Phone);
            return Some(match (taken.cloned(), by_phone) {
                (Some(by), _) => NoOffers::PhoneTaken { phone, by },
                (None, true) => NoOffers::NotLoggedIn(phone),
                (None, false) => NoOffers::NoDesk,
            });
        }
        match view.availability {
            AgentAvailability::Idle => None,
            AgentAvailability::Absent => Some(NoOffers::Leaving),
            AgentAvailability::DoNotDisturb => Some(NoOffers::DoNotDisturb),
            AgentAvailability::Busy if self.has_room(directory, operator) => None,
            AgentAvailability::Busy => Some(NoOffers::InCall),
            AgentAvailability::Away => Some(match (view.desk, view.phone_state) {
                (ControlDialogState::Lost { .. }, _) => NoOffers::DeskLost,
                (ControlDialogState::Unresponsive, _) => NoOffers::DeskUnresponsive,
                (ControlDialogState::None | ControlDialogState::Up, PhoneState::Refusing) => {
                    NoOffers::PhoneRefusing(phone)
                }
                (ControlDialogState::None | ControlDialogState::Up, PhoneState::Unreachable) => {
                    NoOffers::PhoneUnreachable(phone)
                }
                (
                    ControlDialogState::None | ControlDialogState::Up,
                    PhoneState::Unregistered | PhoneState::Ok,
                ) => NoOffers::PhoneUnregistered(phone),
            }),
        }
    }
}
