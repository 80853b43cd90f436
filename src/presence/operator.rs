//! One operator: what is known of it, and what follows from that.

use crate::ids::{Number, OperatorId};
use crate::time::{Instant, earliest};

/// How an operator works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WorkMode {
    /// With a control dialog.
    Desk,
    /// With only a phone: no desk, no lease.
    Phone,
}

/// Why an operator is logged in no longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogoutCause {
    /// The human said so.
    Command,
    /// The lost desk did not come back.
    Lease,
    /// An administrator set it `out`.
    Dismissed,
    /// An administrator removed the account.
    Removed,
}

/// What the console shows first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperatorState {
    /// Not logged in.
    Out,
    /// Logged in, in no call.
    Idle,
    /// In an operator call, or the desk phone is in an ordinary one.
    Busy,
}

/// The state of an operator towards the queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AgentAvailability {
    /// May be offered calls.
    Idle,
    /// May be shown the list.
    Busy,
    /// Logged in or within the lease, but neither: the desk or its phone fails.
    Away,
    /// Logged in, on do-not-disturb.
    DoNotDisturb,
    /// Not logged in, or only until the end of the call in hand.
    Absent,
}

/// How the desk phone does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PhoneState {
    /// It can be called.
    Ok,
    /// It has no binding.
    Unregistered,
    /// The last call found no answer.
    Unreachable,
    /// The last call was refused.
    Refusing,
}

/// How a call to the desk phone failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PhoneFailure {
    /// No answer, 408, 480, 5xx.
    Unreachable,
    /// 486, 600, 603.
    Refusing,
}

/// How the control dialog does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ControlDialogState {
    /// An operator with only a phone.
    None,
    /// It answers.
    Up,
    /// An INFO is unanswered for too long.
    Unresponsive,
    /// Gone; the operator is logged out at that moment.
    Lost {
        /// The end of the lease.
        until: Instant,
    },
}

/// The desk phone, as it is at the login.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeskPhone {
    /// Its number.
    pub number: Number,
    /// Whether it has a binding.
    pub registered: bool,
    /// In how many ordinary calls it is.
    pub calls: u32,
}

/// All that others see of an operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PresenceView {
    /// `out`, `idle` or `busy`.
    pub state: OperatorState,
    /// Do-not-disturb.
    pub dnd: bool,
    /// Where the operator sits; nowhere when out.
    pub phone: Option<Number>,
    /// How that phone does; [`PhoneState::Ok`] when out.
    pub phone_state: PhoneState,
    /// The control dialog; [`ControlDialogState::None`] when out.
    pub desk: ControlDialogState,
    /// What follows for the queue.
    pub availability: AgentAvailability,
}

/// What the journal keeps of an operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// Who.
    pub operator: OperatorId,
    /// Whether it is logged in, or within its lease.
    pub logged_in: bool,
    /// Do-not-disturb.
    pub dnd: bool,
    /// The phone where it sits.
    pub phone: Option<Number>,
}

/// A failure of the desk phone, and when it is forgiven.
#[derive(Clone, Copy, Debug)]
pub(super) struct PhoneTrouble {
    pub failure: PhoneFailure,
    pub until: Instant,
}

/// From the login to the logout.
#[derive(Debug)]
pub(super) struct OperatorSession {
    pub phone: DeskPhone,
    pub trouble: Option<PhoneTrouble>,
    pub dnd: bool,
    pub desk: ControlDialogState,
}

/// One operator account.
#[derive(Debug)]
pub(super) struct PresenceOperator {
    pub mode: WorkMode,
    pub session: Option<OperatorSession>,
    /// The phone at which the operator is in an operator call; this may outlive the session.
    pub engaged: Option<Number>,
    /// Why the operator will be logged out when that call is over, if an administrator wants it.
    pub leaving: Option<LogoutCause>,
    /// When the machine wakes for this operator.
    pub alarm: Option<Instant>,
}

impl PresenceOperator {
    pub fn new(mode: WorkMode) -> Self {
        Self { mode, session: None, engaged: None, leaving: None, alarm: None }
    }

    /// Whether the operator is in an operator call, or its phone in an ordinary one.
    pub fn is_in_call(&self) -> bool {
        self.engaged.is_some() || self.session.as_ref().is_some_and(|s| s.phone.calls > 0)
    }

    /// The phone that is this operator's and no other's: to the logout, and to the end of the call.
    pub fn seat(&self) -> Option<&Number> {
        self.session.as_ref().map(|s| &s.phone.number).or(self.engaged.as_ref())
    }

    pub fn view(&self) -> PresenceView {
        let Some(session) = &self.session else {
            return PresenceView {
                state: OperatorState::Out,
                dnd: false,
                phone: None,
                phone_state: PhoneState::Ok,
                desk: ControlDialogState::None,
                availability: AgentAvailability::Absent,
            };
        };
        let state = if self.is_in_call() { OperatorState::Busy } else { OperatorState::Idle };
        PresenceView {
            state,
            dnd: session.dnd,
            phone: Some(session.phone.number.clone()),
            phone_state: session.phone_state(),
            desk: session.desk,
            availability: match self.leaving {
                Some(_) => AgentAvailability::Absent,
                None => session.availability(state),
            },
        }
    }

    pub fn stored(&self, operator: &OperatorId) -> Stored {
        let session = self.session.as_ref();
        Stored {
            operator: operator.clone(),
            logged_in: session.is_some(),
            dnd: session.is_some_and(|s| s.dnd),
            phone: session.map(|s| s.phone.number.clone()),
        }
    }

    /// The earlier of the end of the lease and the forgiveness of the phone.
    pub fn deadline(&self) -> Option<Instant> {
        let session = self.session.as_ref()?;
        earliest(session.lease_until(), session.trouble.map(|t| t.until))
    }
}

impl ControlDialogState {
    /// Notes that the desk answers or not, which only one that is there can do.
    pub(super) fn turn(&mut self, to: Self) {
        match self {
            Self::Up | Self::Unresponsive => *self = to,
            Self::None | Self::Lost { .. } => {}
        }
    }
}

impl OperatorSession {
    pub fn lease_until(&self) -> Option<Instant> {
        match self.desk {
            ControlDialogState::Lost { until } => Some(until),
            ControlDialogState::None
            | ControlDialogState::Up
            | ControlDialogState::Unresponsive => None,
        }
    }

    fn phone_state(&self) -> PhoneState {
        match (self.phone.registered, self.trouble.map(|t| t.failure)) {
            (false, _) => PhoneState::Unregistered,
            (true, None) => PhoneState::Ok,
            (true, Some(PhoneFailure::Unreachable)) => PhoneState::Unreachable,
            (true, Some(PhoneFailure::Refusing)) => PhoneState::Refusing,
        }
    }

    /// R7.2: who is offered, who is shown the list.
    fn availability(&self, state: OperatorState) -> AgentAvailability {
        if self.dnd {
            return AgentAvailability::DoNotDisturb;
        }
        match (self.desk, state, self.phone_state()) {
            (ControlDialogState::Lost { .. } | ControlDialogState::Unresponsive, _, _) => {
                AgentAvailability::Away
            }
            (ControlDialogState::Up | ControlDialogState::None, OperatorState::Busy, _) => {
                AgentAvailability::Busy
            }
            (
                ControlDialogState::Up | ControlDialogState::None,
                OperatorState::Idle,
                PhoneState::Ok,
            ) => AgentAvailability::Idle,
            (
                ControlDialogState::Up | ControlDialogState::None,
                OperatorState::Idle,
                PhoneState::Unregistered | PhoneState::Unreachable | PhoneState::Refusing,
            ) => AgentAvailability::Away,
            (ControlDialogState::Up | ControlDialogState::None, OperatorState::Out, _) => {
                AgentAvailability::Absent
            }
        }
    }
}
