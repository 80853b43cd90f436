//! Hand-over: the operator leaves only when both parties really hear and see each other (R5.3, R5.4).
//!
//! ```text
//!   connected ── release ──▶ both healthy? ──yes──▶ leaving ── committed ──▶ handed over
//!                              │no
//!                              ▼
//!                          releasing ── healthy within 5 s ──▶ leaving
//!                              └ 5 s over ──▶ connected, result `unhealthy` with the figures
//! ```

use super::call_record::Handover;
use super::context::CallContext;
use super::log_event::LogEvent;
use super::operator_call::OperatorCall;
use super::operator_state::{AnsweredCallee, OperatorCallState};
use super::settings::HEALTH_WAIT;
use super::step::{Accepted, CallStep, CommandSource, Keep};
use crate::acd;
use crate::cause::Cause;
use crate::desk::event::{CommandOutcome, CommandRefusal};
use crate::ids::OperatorId;
use crate::leg::Command;

impl OperatorCall {
    pub(super) fn release(
        &mut self,
        force: bool,
        asker: CommandSource,
        ctx: &mut CallContext<'_>,
    ) -> Result<Accepted, CommandRefusal> {
        if let (OperatorCallState::Settling { .. }, true) = (&self.state, force) {
            self.settle(Handover::Forced, ctx);
            return Ok(Accepted::Now);
        }
        // A forced release overtakes one that waits; the first is answered by the same hand-over.
        if let OperatorCallState::Releasing { seat, callee, asker: first, .. } = &self.state
            && force
        {
            let first = first.clone();
            self.state =
                OperatorCallState::Connected { seat: seat.clone(), callee: callee.clone() };
            ctx.answer(first, CommandOutcome::Ok);
        }
        if !matches!(self.state, OperatorCallState::Connected { .. }) {
            self.connect(ctx)?;
        }
        let OperatorCallState::Connected { seat, callee } = &self.state else {
            return Err(self.wrong_phase());
        };
        let (seat, callee) = (seat.clone(), callee.clone());
        let until = ctx.facts.now.instant + HEALTH_WAIT;
        let healthy = self.checks.is_healthy();
        self.state = OperatorCallState::Releasing { seat, callee, until, asker };
        if force {
            let handover = if healthy { Handover::Checked } else { Handover::Forced };
            self.record_release(handover, ctx);
        } else {
            self.release_if_healthy(ctx);
        }
        Ok(Accepted::Later)
    }

    pub(super) fn release_if_healthy(&mut self, ctx: &mut CallContext<'_>) {
        if matches!(self.state, OperatorCallState::Releasing { .. }) && self.checks.is_healthy() {
            self.record_release(Handover::Checked, ctx);
        }
    }

    /// The five seconds are over.
    pub(super) fn give_up_release(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Releasing { seat, callee, asker, .. } = &self.state else { return };
        let (seat, callee, asker) = (seat.clone(), callee.clone(), asker.clone());
        let report = self.checks.report();
        ctx.answer(asker, CommandOutcome::Refused(CommandRefusal::Unhealthy { report }));
        self.state = OperatorCallState::Connected { seat, callee };
    }

    /// The release is decided; the operator leaves when the journal has it.
    fn record_release(&mut self, handover: Handover, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Releasing { seat, callee, asker, .. } = &self.state else { return };
        let (seat, callee, asker) = (seat.clone(), callee.clone(), asker.clone());
        let ticket = ctx.facts.world.tickets.mint();
        self.record.handover = Some(handover);
        self.record.enter("handed-over", ctx.facts.now.unix, callee.number.as_str());
        let record = Box::new(self.record.clone());
        self.state = OperatorCallState::Leaving { seat, callee, ticket, asker, phone_gone: false };
        ctx.steps.push(CallStep::Keep(Keep::Call(record), Some(ticket)));
    }

    /// The journal has the release: the operator's leg ends, the queue reports it, then it is idle.
    pub(super) fn leave(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Leaving { seat, callee, asker, .. } = &self.state else { return };
        let (seat, callee, asker) = (seat.clone(), callee.clone(), asker.clone());
        // A phone that sent REFER hears of its outcome while it has a dialog.
        ctx.answer(asker, CommandOutcome::Ok);
        self.leave_phone(&seat, Cause::NormalClearing, ctx);
        self.among_themselves(&seat.operator, callee, ctx);
    }

    /// The journal does not have the release: the operator stays, unless its phone has hung up since.
    pub(super) fn stay(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Leaving { seat, callee, asker, phone_gone, .. } = &self.state else {
            return;
        };
        let (seat, callee, asker) = (seat.clone(), callee.clone(), asker.clone());
        let phone_gone = *phone_gone;
        ctx.answer(asker, CommandOutcome::Refused(CommandRefusal::Unwritten));
        let (operator, what) = (seat.operator.clone(), "release");
        ctx.log(LogEvent::Unwritten { call: self.id, operator, what });
        self.record.handover = None;
        self.enter(OperatorCallState::Connected { seat, callee }, ctx);
        if phone_gone {
            self.hand_over(Handover::Unchecked, ctx);
        }
    }

    /// The operator's phone hung up: the hand-over completes as it stands.
    pub(super) fn hand_over(&mut self, handover: Handover, ctx: &mut CallContext<'_>) {
        if let OperatorCallState::Releasing { asker, .. } = &self.state {
            ctx.answer(asker.clone(), CommandOutcome::Ok);
        }
        let (OperatorCallState::TalkingToCallee { seat, callee }
        | OperatorCallState::Alternated { seat, callee }
        | OperatorCallState::Connected { seat, callee, .. }
        | OperatorCallState::Releasing { seat, callee, .. }) = &self.state
        else {
            return;
        };
        let (seat, callee) = (seat.clone(), callee.clone());
        self.record.handover = Some(handover);
        self.record.enter("handed-over", ctx.facts.now.unix, callee.number.as_str());
        self.among_themselves(&seat.operator, callee, ctx);
    }

    pub(super) fn among_themselves(
        &mut self,
        operator: &OperatorId,
        callee: AnsweredCallee,
        ctx: &mut CallContext<'_>,
    ) {
        ctx.tell(operator, self.ended_view(None, "handed-over"));
        self.go_among_themselves(operator, callee, ctx);
    }

    /// The same when the operator has been told already.
    pub(super) fn go_among_themselves(
        &mut self,
        operator: &OperatorId,
        callee: AnsweredCallee,
        ctx: &mut CallContext<'_>,
    ) {
        let request = self.request;
        let (caller, wanted) = (self.caller, callee.leg);
        let other = ctx.facts.world.called(&callee.number);
        if self.serial {
            // The caller comes back, the operator does not wait for it.
            ctx.queue(acd::Input::Free { request });
            self.state = OperatorCallState::Serial { by: operator.clone(), callee };
        } else {
            ctx.queue(acd::Input::Leave { request });
            self.state = OperatorCallState::HandedOver { callee };
        }
        ctx.leg(Command::Listen(self.sources()));
        self.follow_recording(ctx);
        self.follow_watch(ctx);
        ctx.introduce((caller, &self.identity), (wanted, &other));
        ctx.log(LogEvent::HandedOver { call: self.id, operator: operator.clone() });
        ctx.keep(&self.record);
    }
}
