//! How a call through an operator ends: everybody is told, and the record says why.

use super::call::{OperatorCall, State};
use super::call_record::EndedBy;
use super::context::Context;
use super::desk::event::{Outcome, Refusal};
use super::refusal::refusal;
use super::story::Story;
use crate::acd;
use crate::cause::Cause;
use crate::leg::Command;

impl OperatorCall {
    /// Ends the whole call.
    pub fn finish(&mut self, reason: &str, cause: Cause, by: EndedBy, ctx: &mut Context<'_>) {
        let operator = self.operator().cloned();
        match std::mem::replace(&mut self.state, State::Ended) {
            State::RingingYou { mut phone, .. } => phone.call_off(cause, ctx),
            State::WithCaller { seat } => ctx.hang_up(seat.phone, cause),
            State::Entrusted { mut callee, .. } => callee.call_off(cause, ctx),
            State::Consulting { seat, mut callee, then, .. } => {
                callee.call_off(cause, ctx);
                // The phone hears what became of its REFER while it has a dialog.
                then.report(&seat, Cause::Abandoned.status(), ctx);
                ctx.hang_up(seat.phone, cause);
            }
            State::TalkingToCallee { seat, callee }
            | State::Alternated { seat, callee }
            | State::Connected { seat, callee, .. } => {
                ctx.hang_up(callee.leg, cause);
                ctx.hang_up(seat.phone, cause);
            }
            State::Releasing { seat, callee, asker, .. } => {
                let phase = "connected";
                ctx.answer(asker, Outcome::Refused(Refusal::WrongPhase { phase }));
                ctx.hang_up(callee.leg, cause);
                ctx.hang_up(seat.phone, cause);
            }
            State::Leaving { seat, callee, asker, .. } => {
                ctx.answer(asker, Outcome::Ok);
                ctx.hang_up(callee.leg, cause);
                ctx.hang_up(seat.phone, cause);
            }
            State::Taken { phone, asker, .. } => {
                ctx.answer(asker, Outcome::Refused(Refusal::Unwritten));
                if let Some((leg, _)) = phone {
                    ctx.hang_up(leg, cause);
                }
            }
            State::HandedOver { callee } => ctx.hang_up(callee.leg, cause),
            State::Arriving { .. } | State::Queued | State::Announcing { .. } | State::Ended => {}
        }
        self.end_caller(cause, ctx);
        self.record.end(ctx.now.unix, cause, by);
        ctx.log(Story::Ended { call: self.id, cause, by });
        ctx.keep(&self.record);
        if let Some(operator) = operator {
            ctx.tell(&operator, self.view(Some(reason.to_owned())));
        }
        // The queue's report of the release makes the operator idle (R4.5).
        ctx.queue(acd::Input::Leave { request: self.request });
    }

    fn end_caller(&mut self, cause: Cause, ctx: &mut Context<'_>) {
        let leg = self.caller;
        if self.answered {
            ctx.hang_up(leg, cause);
        } else if ctx.book.forget(leg) {
            ctx.leg(Command::Refuse { leg, refusal: refusal(cause) });
        }
    }
}
