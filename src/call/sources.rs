//! Who hears and sees whom in each state of a call through an operator: the table of R5. Nothing else
//! decides it.

use super::operator_call::OperatorCall;
use super::operator_state::{Aside, OperatorCallState};
use super::refusal::announcement;
use crate::ids::LegId;
use crate::leg::LegSource;
use crate::media::PromptMessage;

impl OperatorCall {
    /// Who gets whose voice and picture (R5, normative).
    pub fn sources(&self) -> Vec<(LegId, LegSource)> {
        let c = self.caller;
        let asking = self.wait_with(PromptMessage::Asking, None);
        match &self.state {
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. } => {
                vec![(c, self.waiting_source())]
            }
            OperatorCallState::Announcing { cause, .. } => {
                vec![(c, LegSource::Farewell(self.waiting_profile, announcement(*cause)))]
            }
            OperatorCallState::WithCaller { seat: o } => {
                vec![(c, LegSource::Leg(o.phone)), (o.phone, LegSource::Leg(c))]
            }
            OperatorCallState::Consulting { seat: o, callee, .. } => {
                vec![(c, asking), (o.phone, callee.sound())]
            }
            OperatorCallState::Entrusted { callee, .. }
            | OperatorCallState::Transferring { callee, .. } => vec![(c, callee.sound())],
            OperatorCallState::TalkingToCallee { seat: o, callee: u } => {
                vec![
                    (c, asking),
                    (o.phone, LegSource::Leg(u.leg)),
                    (u.leg, LegSource::Leg(o.phone)),
                ]
            }
            OperatorCallState::Alternated { seat: o, callee: u } => {
                let hold = LegSource::Wait(self.prompt(PromptMessage::Hold), None);
                vec![(c, LegSource::Leg(o.phone)), (o.phone, LegSource::Leg(c)), (u.leg, hold)]
            }
            OperatorCallState::Connected { seat: o, callee: u, .. }
            | OperatorCallState::Releasing { seat: o, callee: u, .. }
            | OperatorCallState::Leaving { seat: o, callee: u, .. } => {
                // Else the last face would stand there.
                let told = LegSource::Told(self.prompt(PromptMessage::Connected));
                vec![(c, LegSource::Leg(u.leg)), (o.phone, told), (u.leg, LegSource::Leg(c))]
            }
            // Nothing has changed for it.
            OperatorCallState::Rejoining { consulted: Some(_), .. } => vec![(c, asking)],
            OperatorCallState::InHand { aside, .. }
            | OperatorCallState::Rejoining { aside, .. } => self.aside_sources(aside),
            OperatorCallState::Parked(_) => vec![(c, self.held())],
            OperatorCallState::HandedOver { callee: u }
            | OperatorCallState::Settling { callee: u, .. }
            | OperatorCallState::Serial { callee: u, .. } => {
                vec![(c, LegSource::Leg(u.leg)), (u.leg, LegSource::Leg(c))]
            }
            OperatorCallState::Ended => vec![],
        }
    }

    /// The operator is with another call: nobody here hears it, nor it them.
    fn aside_sources(&self, aside: &Aside) -> Vec<(LegId, LegSource)> {
        let c = self.caller;
        match aside {
            Aside::Caller => vec![(c, self.held())],
            Aside::TalkingToCallee(u) | Aside::Alternated(u) => {
                let hold = LegSource::Wait(self.prompt(PromptMessage::Hold), None);
                vec![(c, self.held()), (u.leg, hold)]
            }
            Aside::Connected(u) => vec![(c, LegSource::Leg(u.leg)), (u.leg, LegSource::Leg(c))],
        }
    }

    /// What a caller has who waits for its operator.
    fn held(&self) -> LegSource {
        self.wait_with(PromptMessage::Hold, None)
    }
}
