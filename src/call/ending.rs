//! How a call through an operator ends: everybody is told, and the record says why.

use super::call_record::EndedBy;
use super::context::CallContext;
use super::log_event::LogEvent;
use super::operator_call::OperatorCall;
use super::operator_state::{AnsweredOperator, OperatorCallState};
use super::step::CallStep;
use crate::acd;
use crate::cause::Cause;
use crate::desk::event::{CommandOutcome, CommandRefusal};

impl OperatorCall {
    /// Ends the whole call.
    pub fn finish(&mut self, reason: &str, cause: Cause, by: EndedBy, ctx: &mut CallContext<'_>) {
        let operator = self.operator().cloned();
        match std::mem::replace(&mut self.state, OperatorCallState::Ended) {
            OperatorCallState::RingingYou { mut phone, .. } => phone.call_off(cause, ctx),
            OperatorCallState::WithCaller { seat } => self.leave_phone(&seat, cause, ctx),
            OperatorCallState::Entrusted { mut callee, .. }
            | OperatorCallState::Transferring { mut callee, .. } => callee.call_off(cause, ctx),
            OperatorCallState::InHand { aside, .. } => {
                if let Some(callee) = aside.callee() {
                    ctx.hang_up(callee.leg, cause);
                }
            }
            OperatorCallState::Rejoining { aside, phone, consulted, .. } => {
                let consulted = consulted.map(|phones| phones.callee);
                for mut phones in phone.into_iter().chain(consulted) {
                    phones.call_off(cause, ctx);
                }
                if let Some(callee) = aside.callee() {
                    ctx.hang_up(callee.leg, cause);
                }
            }
            OperatorCallState::Consulting { seat, mut callee, then, .. } => {
                callee.call_off(cause, ctx);
                // The phone hears what became of its REFER while it has a dialog.
                then.report(&seat, Cause::Abandoned.status(), ctx);
                self.leave_phone(&seat, cause, ctx);
            }
            OperatorCallState::TalkingToCallee { seat, callee }
            | OperatorCallState::Alternated { seat, callee }
            | OperatorCallState::Connected { seat, callee, .. } => {
                ctx.hang_up(callee.leg, cause);
                self.leave_phone(&seat, cause, ctx);
            }
            OperatorCallState::Releasing { seat, callee, asker, .. } => {
                let phase = "connected";
                ctx.answer(asker, CommandOutcome::Refused(CommandRefusal::WrongPhase { phase }));
                ctx.hang_up(callee.leg, cause);
                self.leave_phone(&seat, cause, ctx);
            }
            OperatorCallState::Leaving { seat, callee, asker, .. } => {
                ctx.answer(asker, CommandOutcome::Ok);
                ctx.hang_up(callee.leg, cause);
                self.leave_phone(&seat, cause, ctx);
            }
            OperatorCallState::Taken { phone, asker, .. } => {
                ctx.answer(asker, CommandOutcome::Refused(CommandRefusal::Unwritten));
                if let (Some((phone, _)), Some(operator)) = (phone, operator.clone()) {
                    self.leave_phone(&AnsweredOperator { operator, phone }, cause, ctx);
                }
            }
            OperatorCallState::HandedOver { callee }
            | OperatorCallState::Settling { callee, .. }
            | OperatorCallState::Serial { callee, .. } => ctx.hang_up(callee.leg, cause),
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Ended => {}
        }
        self.follow_watch(ctx);
        self.end_caller(cause, ctx);
        self.record.end(ctx.facts.now.unix, cause, by);
        ctx.log(LogEvent::Ended { call: self.id, cause, by });
        ctx.keep(&self.record);
        if let Some(operator) = operator {
            ctx.tell(&operator, self.ended_view(None, reason));
        }
        // The queue's report of the release makes the operator idle (R4.5).
        ctx.queue(acd::Input::Leave { request: self.request });
    }

    /// This call is done with its operator's phone.
    pub(super) fn leave_phone(
        &self,
        seat: &AnsweredOperator,
        cause: Cause,
        ctx: &mut CallContext<'_>,
    ) {
        let AnsweredOperator { operator, phone } = seat.clone();
        ctx.steps.push(CallStep::LeavePhone { call: self.id, operator, phone, cause });
    }

    fn end_caller(&mut self, cause: Cause, ctx: &mut CallContext<'_>) {
        let leg = self.caller;
        if self.answered {
            ctx.hang_up(leg, cause);
        } else {
            ctx.refuse(leg, cause);
        }
    }
}
