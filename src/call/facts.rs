//! What holds outside of a call while it takes one step.

use super::position::Position;
use super::settings::QueueSettings;
use super::world::SwitchboardContext;
use crate::ids::{CallId, CameraId, Number, OperatorId, QueueId};
use crate::leg;
use crate::presence;
use crate::time::{Duration, Now};
use std::collections::BTreeMap;

/// What holds outside of a call while it takes one step.
#[derive(Clone, Copy)]
pub(crate) struct CallFacts<'a> {
    pub now: Now,
    /// Who there is, and where they are.
    pub world: SwitchboardContext<'a>,
    pub settings: CallSettings<'a>,
    pub positions: Positions<'a>,
    /// The camera that each call looks at.
    pub watching: &'a BTreeMap<CallId, CameraId>,
    /// Whether the disk has room for recordings.
    pub recording_room: bool,
}

/// What is configured, as far as calls go by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallSettings<'a> {
    /// By queue.
    pub queues: &'a BTreeMap<QueueId, QueueSettings>,
    /// How long a phone rings for a direct call.
    pub ring_time: Duration,
    /// How long a consulted phone rings for an operator.
    pub consult_ring_time: Duration,
    /// How long an operator's phone that is lost is waited for.
    pub lease: Duration,
    /// A call that is set aside is recalled each time that so long has passed.
    pub recall: Duration,
    /// The directory of the recordings.
    pub recordings: &'a str,
}

/// Where the operators are, and with whom.
#[derive(Clone, Copy)]
pub(crate) struct Positions<'a> {
    pub presence: &'a presence::Machine,
    /// What each operator has in hand.
    pub positions: &'a BTreeMap<OperatorId, Position>,
    /// What the phone of each operator used last.
    pub spoken: &'a BTreeMap<OperatorId, leg::Spoken>,
}

impl CallFacts<'_> {
    /// The phone at which an operator sits, or would.
    pub fn phone_of(&self, operator: &OperatorId) -> Number {
        let seat = self.positions.presence.view(operator).and_then(|view| view.phone);
        let own = || self.world.directory.operator(operator).map(|found| found.phone.clone());
        seat.or_else(own).unwrap_or_else(|| Number::from(operator.as_str()))
    }

    /// The codecs to answer a waiting caller with, if it offers them: what the phones of the
    /// queue's idle operators used last (media-rules 1).
    pub fn choice_for(&self, queue: &QueueId) -> leg::CodecChoice {
        let serves = |operator: &OperatorId| {
            let account = self.world.directory.operator(operator);
            account.is_some_and(|account| account.queues.contains(queue))
        };
        let is_idle = |operator: &OperatorId| {
            let view = self.positions.presence.view(operator);
            view.is_some_and(|view| view.availability == presence::AgentAvailability::Idle)
        };
        let idle = self
            .positions
            .spoken
            .iter()
            .filter(|(operator, _)| serves(operator) && is_idle(operator));
        let mut prefer = Vec::new();
        for codec in idle.flat_map(|(_, spoken)| [&spoken.audio, &spoken.video]).flatten() {
            if !prefer.contains(codec) {
                prefer.push(codec.clone());
            }
        }
        leg::CodecChoice { like: None, prefer }
    }

    /// Whether the operator at this phone has a call in hand (R4.5).
    pub fn is_in_operator_call(&self, phone: &Number) -> bool {
        let operator = self.positions.presence.at_phone(phone);
        operator.is_some_and(|operator| self.position(operator).is_some())
    }

    /// What an operator has in hand; nothing where it has no call.
    pub fn position(&self, operator: &OperatorId) -> Option<&Position> {
        self.positions.positions.get(operator)
    }

    /// How a call comes back to an operator that has let it go.
    pub fn way_back(&self, operator: &OperatorId) -> WayBack {
        let Some(view) = self.positions.presence.view(operator) else { return WayBack::Gone };
        let is_there = match view.desk {
            presence::ControlDialogState::None | presence::ControlDialogState::Up => {
                view.availability != presence::AgentAvailability::Absent
            }
            presence::ControlDialogState::Unresponsive
            | presence::ControlDialogState::Lost { .. } => false,
        };
        let is_ok = view.phone_state == presence::PhoneState::Ok;
        match (is_there, self.position(operator)) {
            (true, Some(_)) => WayBack::Hand,
            (true, None) if view.state == presence::OperatorState::Idle && is_ok => WayBack::Phone,
            (true | false, _) => WayBack::Gone,
        }
    }

    /// Whether an operator whose phone is lost keeps its calls until the phone is back: it is at its desk, or may come back to
    /// it within the lease, and is not about to be logged out.
    pub fn keeps_its_calls(&self, operator: &OperatorId) -> bool {
        let view = self.positions.presence.view(operator);
        view.is_some_and(|view| match view.desk {
            presence::ControlDialogState::Up
            | presence::ControlDialogState::Unresponsive
            | presence::ControlDialogState::Lost { .. } => {
                view.availability != presence::AgentAvailability::Absent
            }
            presence::ControlDialogState::None => false,
        })
    }

    /// How many calls look at a camera.
    pub fn viewers(&self, camera: CameraId) -> usize {
        self.watching.values().filter(|seen| **seen == camera).count()
    }
}

/// How a call comes back to the operator who let it go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WayBack {
    /// It has other calls in hand, and gets this one beside them.
    Hand,
    /// It is free: its phone rings.
    Phone,
    /// It is not there any more, or in a call of its own.
    Gone,
}
