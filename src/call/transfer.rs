//! Transfers that phones ask for (RFC 3515, RFC 3891, RFC 5589): one party brings the other two of
//! its two calls together; an operator's phone consults, connects and releases so.
//!
//! ```text
//!   operator's phone ── REFER to N ──▶ consult N ── N answers ──▶ release: both healthy, NOTIFY 200
//!                    ── REFER, Replaces its own call to N ──────▶ release
//! ```

use super::context::CallContext;
use super::operator_call::OperatorCall;
use super::operator_state::{AnsweredCallee, AnsweredOperator, OperatorCallState, Then};
use super::step::{Accepted, CallStep, CommandSource, Owner};
use crate::desk::event::{CommandOutcome, CommandRefusal};
use crate::dialog::ServerTx;
use crate::ids::LegId;
use crate::leg::Command;
use crate::sip::NameAddr;

impl Then {
    /// Tells the phone that asked for the transfer how it goes.
    pub(crate) fn report(self, seat: &AnsweredOperator, status: u16, ctx: &mut CallContext<'_>) {
        match self {
            Self::Talk => {}
            Self::HandOver => ctx.leg(Command::ReferProgress { leg: seat.phone, status }),
        }
    }
}

/// What a NOTIFY says of the outcome of a transfer.
pub(crate) fn status_of(outcome: &CommandOutcome) -> u16 {
    match outcome {
        CommandOutcome::Ok | CommandOutcome::Found { .. } => 200,
        CommandOutcome::Refused(refusal) => match refusal {
            CommandRefusal::NoSuchNumber => 404,
            CommandRefusal::RefusedByLevel { .. } => 403,
            CommandRefusal::Unreachable | CommandRefusal::PhoneUnregistered => 480,
            CommandRefusal::Unhealthy { .. } => 503,
            CommandRefusal::AlreadyTaken { .. }
            | CommandRefusal::NoSuchRequest
            | CommandRefusal::NotOffered
            | CommandRefusal::WrongPhase { .. }
            | CommandRefusal::Refused { .. }
            | CommandRefusal::UnknownCommand
            | CommandRefusal::BadField { .. }
            | CommandRefusal::Interrupted => 603,
            CommandRefusal::Unwritten => 500,
        },
    }
}

impl OperatorCall {
    /// The operator's phone sends REFER: it wants the number called and the caller left to it.
    pub(super) fn on_refer(
        &mut self,
        transaction: ServerTx,
        refer_to: &NameAddr,
        ctx: &mut CallContext<'_>,
    ) {
        let Some(phone) = self.seat().map(|seat| seat.phone) else { return };
        let Some(number) = ctx.facts.world.number_of(refer_to) else {
            return ctx.refuse_refer(phone, transaction);
        };
        let at = ctx.steps.len();
        let consulted = self.consult((&number, refer_to.uri.number_params()), Then::HandOver, ctx);
        // The answer to the REFER goes before what it causes.
        let caused = ctx.steps.split_off(at);
        match consulted {
            Ok(()) => {
                ctx.respond(phone, transaction, 202);
                ctx.leg(Command::ReferProgress { leg: phone, status: 100 });
            }
            Err(refusal) => {
                ctx.respond(phone, transaction, status_of(&CommandOutcome::Refused(refusal)));
            }
        }
        ctx.steps.extend(caused);
    }

    /// The wanted person is there: the operator leaves as soon as the two hear and see each other.
    pub(super) fn complete_transfer(&mut self, phone: LegId, ctx: &mut CallContext<'_>) {
        let asker = CommandSource::Refer { leg: phone };
        match self.release(false, asker.clone(), ctx) {
            Ok(Accepted::Later) => {}
            Ok(Accepted::Now) => ctx.answer(asker, CommandOutcome::Ok),
            Err(refusal) => ctx.answer(asker, CommandOutcome::Refused(refusal)),
        }
    }

    /// The operator has called the wanted person from its phone itself, in a call of its own.
    pub fn join(&mut self, callee: AnsweredCallee, referrer: LegId, ctx: &mut CallContext<'_>) {
        let OperatorCallState::WithCaller { seat } = &self.state else { return };
        let seat = seat.clone();
        ctx.steps.push(CallStep::Own(callee.leg, Owner::Call(self.id)));
        self.record.callee = Some(callee.number.clone());
        self.enter(OperatorCallState::TalkingToCallee { seat, callee }, ctx);
        self.complete_transfer(referrer, ctx);
    }
}
