//! Who is in a call through an operator.

use super::operator_call::OperatorCall;
use super::operator_state::{AnsweredCallee, AnsweredOperator, OperatorCallState};
use crate::ids::{LegId, Number, OperatorId};

impl OperatorCall {
    /// The operator who has this call, if one has.
    pub fn operator(&self) -> Option<&OperatorId> {
        if let OperatorCallState::Taken { operator, .. }
        | OperatorCallState::RingingYou { operator, .. }
        | OperatorCallState::InHand { operator, .. }
        | OperatorCallState::Rejoining { operator, .. }
        | OperatorCallState::Transferring { by: operator, .. }
        | OperatorCallState::Settling { by: operator, .. } = &self.state
        {
            return Some(operator);
        }
        self.seat().map(|seat| &seat.operator)
    }

    /// The number that was consulted, while it matters.
    pub fn callee(&self) -> Option<&Number> {
        match &self.state {
            OperatorCallState::Consulting { callee, .. }
            | OperatorCallState::Transferring { callee, .. }
            | OperatorCallState::Entrusted { callee, .. } => Some(&callee.number),
            OperatorCallState::Rejoining { consulted: Some(phones), .. } => {
                Some(&phones.callee.number)
            }
            OperatorCallState::InHand { aside, .. }
            | OperatorCallState::Rejoining { aside, .. } => {
                aside.callee().map(|callee| &callee.number)
            }
            OperatorCallState::TalkingToCallee { callee, .. }
            | OperatorCallState::Alternated { callee, .. }
            | OperatorCallState::Connected { callee, .. }
            | OperatorCallState::Releasing { callee, .. }
            | OperatorCallState::Leaving { callee, .. }
            | OperatorCallState::Settling { callee, .. }
            | OperatorCallState::Serial { callee, .. }
            | OperatorCallState::HandedOver { callee } => Some(&callee.number),
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Ended => None,
        }
    }

    /// The number that was consulted and has answered, while it is on the line.
    pub fn answered_callee(&self) -> Option<&Number> {
        let rings = matches!(
            self.state,
            OperatorCallState::Consulting { .. }
                | OperatorCallState::Rejoining { consulted: Some(_), .. }
                | OperatorCallState::Entrusted { .. }
                | OperatorCallState::Transferring { .. }
        );
        self.callee().filter(|_| !rings)
    }

    /// The number whose phones ring for it.
    pub fn ringing_at(&self) -> Option<&Number> {
        match &self.state {
            OperatorCallState::RingingYou { phone: ringing, .. }
            | OperatorCallState::Rejoining { consulted: None, phone: Some(ringing), .. }
            | OperatorCallState::Consulting { callee: ringing, .. }
            | OperatorCallState::Entrusted { callee: ringing, .. }
            | OperatorCallState::Transferring { callee: ringing, .. } => Some(&ringing.number),
            OperatorCallState::Rejoining { consulted: Some(phones), .. } => {
                Some(&phones.callee.number)
            }
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { consulted: None, phone: None, .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => None,
        }
    }

    /// The callee, once the two are among themselves; nothing is left for this call to do then.
    pub fn handed_over_to(&self) -> Option<&AnsweredCallee> {
        if let OperatorCallState::HandedOver { callee } = &self.state { Some(callee) } else { None }
    }

    /// The operator who is on the line, and its phone.
    pub fn seat(&self) -> Option<&AnsweredOperator> {
        match &self.state {
            OperatorCallState::WithCaller { seat }
            | OperatorCallState::Consulting { seat, .. }
            | OperatorCallState::TalkingToCallee { seat, .. }
            | OperatorCallState::Alternated { seat, .. }
            | OperatorCallState::Connected { seat, .. }
            | OperatorCallState::Releasing { seat, .. }
            | OperatorCallState::Leaving { seat, .. } => Some(seat),
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => None,
        }
    }

    /// The operator whose lost phone is called again for this call.
    pub fn rejoining(&self) -> Option<&OperatorId> {
        if let OperatorCallState::Rejoining { operator, .. } = &self.state {
            Some(operator)
        } else {
            None
        }
    }

    /// The operator whose phone this leg is, answered or about to be.
    pub fn operator_at(&self, leg: LegId) -> Option<&OperatorId> {
        if let OperatorCallState::RingingYou { operator, phone }
        | OperatorCallState::Rejoining { operator, phone: Some(phone), .. } = &self.state
        {
            return phone.has(leg).then_some(operator);
        }
        self.seat().filter(|seat| seat.phone == leg).map(|seat| &seat.operator)
    }
}
