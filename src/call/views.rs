//! A call through an operator as its operator's desk is told of it.

use super::admission::CallerIdentity;
use super::operator_call::OperatorCall;
use super::operator_state::OperatorCallState;
use crate::desk::event::{Caller, DeskEvent};
use crate::ids::Number;

impl OperatorCall {
    pub fn caller_view(&self) -> Caller {
        let CallerIdentity { origin, name, .. } = &self.identity;
        Caller { number: self.identity.shown(), name: name.clone(), origin: origin.kind() }
    }

    /// The `call` event that ends an operator's part in this call.
    pub fn ended_view(&self, callee: Option<Number>, reason: &str) -> DeskEvent {
        DeskEvent::Call {
            request: self.request,
            phase: "ended",
            caller: self.caller_view(),
            callee,
            recording: false,
            serial: false,
            reason: Some(reason.to_owned()),
        }
    }

    /// The `call` event that says where this call stands.
    pub fn view(&self, reason: Option<String>) -> DeskEvent {
        DeskEvent::Call {
            request: self.request,
            phase: self.phase(),
            caller: self.caller_view(),
            callee: self.callee().cloned(),
            recording: self.is_recorded() && !self.is_over(),
            serial: self.serial,
            reason,
        }
    }

    /// What has become of the wanted person's phones, while they ring.
    pub fn callee_view(&self) -> Option<DeskEvent> {
        let (callee, rings) = if let OperatorCallState::Consulting { callee, rings, .. }
        | OperatorCallState::Transferring { callee, rings, .. } =
            &self.state
        {
            (callee, rings)
        } else if let OperatorCallState::Rejoining { consulted: Some(phones), .. } = &self.state {
            (&phones.callee, &phones.rings)
        } else {
            return None;
        };
        let progress = if *rings { "ringing" } else { "trying" };
        Some(self.progress(&callee.number, progress, None))
    }

    /// The phase as the desk protocol names it; callers in the queue have none there.
    pub fn phase(&self) -> &'static str {
        match &self.state {
            OperatorCallState::Arriving { .. } => "arriving",
            OperatorCallState::Queued => "queued",
            OperatorCallState::Announcing { .. } => "announcing",
            OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::Rejoining { .. } => "ringing-you",
            OperatorCallState::WithCaller { .. } => "with-caller",
            OperatorCallState::Consulting { .. } => "consulting",
            OperatorCallState::Entrusted { .. } => "entrusted",
            OperatorCallState::TalkingToCallee { .. } => "talking-to-callee",
            OperatorCallState::Alternated { .. } => "alternated",
            OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. } => "connected",
            OperatorCallState::InHand { .. } => "in-hand",
            OperatorCallState::Parked(_) => "parked",
            OperatorCallState::Transferring { .. } | OperatorCallState::Settling { .. } => {
                "handing-over"
            }
            OperatorCallState::Serial { .. } => "serial",
            OperatorCallState::HandedOver { .. } => "handed-over",
            OperatorCallState::Ended => "ended",
        }
    }
}
