//! What a desk sees of its parties' media in every phase: how well they do, once a second, and at once who hears and sees
//! whom, as the relay has it.
//!
//! ```text
//!   with-caller, alternated    caller ⇄ operator; the callee waits
//!   consulting                 the caller waits
//!   talking-to-callee          callee ⇄ operator; the caller waits
//!   connected, handing-over    caller ⇄ callee
//! ```

use super::checks::{CallParty, Watched};
use super::context::CallContext;
use super::operator_call::OperatorCall;
use super::operator_state::OperatorCallState;
use crate::desk::event::DeskEvent;
use crate::ids::LegId;
use crate::leg::{Command, LegHealth, LegSenses};

impl OperatorCall {
    /// Has the media of those looked at who are to be in this state, and of nobody else. Who talks with somebody else than
    /// before is judged anew.
    pub(super) fn follow_watch(&mut self, ctx: &mut CallContext<'_>) {
        let watched = self.to_be_watched();
        if watched == *self.checks.watched() {
            return;
        }
        let checks = self.checks.followed_by(watched);
        let before = std::mem::replace(&mut self.checks, checks);
        if before.senses() != self.checks.senses()
            && let Some(operator) = self.operator().cloned()
        {
            ctx.tell(&operator, self.senses_view());
        }
        for (_, leg) in &before.watched().parties {
            if !self.checks.watched().parties.iter().any(|(_, still)| still == leg) {
                ctx.leg(Command::Watch { leg: *leg, on: false });
            }
        }
        for (_, leg) in &self.checks.watched().parties {
            ctx.leg(Command::Watch { leg: *leg, on: true });
        }
    }

    fn to_be_watched(&self) -> Watched {
        use CallParty::{Callee, Caller, Operator};
        let caller = (Caller, self.caller);
        let (parties, talking) = match &self.state {
            OperatorCallState::WithCaller { seat } => {
                (vec![caller, (Operator, seat.phone)], Some((Caller, Operator)))
            }
            OperatorCallState::Consulting { seat, .. } => {
                (vec![caller, (Operator, seat.phone)], None)
            }
            OperatorCallState::TalkingToCallee { seat, callee } => (
                vec![caller, (Callee, callee.leg), (Operator, seat.phone)],
                Some((Callee, Operator)),
            ),
            OperatorCallState::Alternated { seat, callee } => (
                vec![caller, (Callee, callee.leg), (Operator, seat.phone)],
                Some((Caller, Operator)),
            ),
            OperatorCallState::Connected { seat, callee }
            | OperatorCallState::Releasing { seat, callee, .. }
            | OperatorCallState::Leaving { seat, callee, .. } => {
                (vec![caller, (Callee, callee.leg), (Operator, seat.phone)], Some((Caller, Callee)))
            }
            OperatorCallState::Settling { callee, .. } => {
                (vec![caller, (Callee, callee.leg)], Some((Caller, Callee)))
            }
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
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => (vec![], None),
        };
        Watched { parties, talking }
    }

    /// A party's figures. The desk is told once those of all are new: once a second, and never half of it.
    pub(super) fn on_health(&mut self, leg: LegId, health: &LegHealth, ctx: &mut CallContext<'_>) {
        if !self.checks.take_health(leg, health) {
            return;
        }
        let (request, report) = (self.request, self.checks.report());
        if self.checks.watched().talking == Some((CallParty::Caller, CallParty::Callee)) {
            self.record.health = report.to_string();
        }
        if let Some(operator) = self.operator().cloned() {
            ctx.tell(&operator, DeskEvent::Health { request, report });
        }
        self.release_if_healthy(ctx);
        self.settle_if_healthy(ctx);
    }

    /// The relay's table has changed for a party.
    pub(super) fn on_senses(&mut self, leg: LegId, senses: LegSenses, ctx: &mut CallContext<'_>) {
        if self.checks.take_senses(leg, senses)
            && let Some(operator) = self.seat().map(|seat| seat.operator.clone())
        {
            ctx.tell(&operator, self.senses_view());
        }
    }

    /// An operator comes to a state in which nobody hears or sees it: the relay's table has no news of that.
    pub(super) fn tell_senses(&self, ctx: &mut CallContext<'_>) {
        if let Some(seat) = self.seat() {
            ctx.tell(&seat.operator, self.senses_view());
        }
    }

    /// Who hears and sees the operator, and whom it does.
    pub fn senses_view(&self) -> DeskEvent {
        let [hears_you, you_hear, sees_you, you_see] = self.checks.senses();
        DeskEvent::Senses { request: self.request, hears_you, you_hear, sees_you, you_see }
    }
}
