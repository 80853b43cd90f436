//! An operator's phone that is lost in a call, not hung up: it is called again and put in its old place, in whatever phase,
//! while the parties have hold media (R5.5 holds when the lease is over).
//!
//! ```text
//!   with-caller, consulting, talking-to-callee, alternated, connected
//!        │ the phone is lost, and the operator has its desk, or the lease of it
//!        ▼
//!   rejoining ── called at once, and whenever it registers ── 200 ──▶ as before; a consultation that rang is over
//!        │ lease over, cancel
//!        ▼
//!   the front of the queue, or handed over unchecked
//! ```

use super::admission::Callee;
use super::context::CallContext;
use super::operator_call::OperatorCall;
use super::operator_state::{Aside, OperatorCallState, Then};
use super::ringing::{CallAttempt, ForkResult, Permission, RingingPhones};
use super::step::{CallStep, Owner};
use super::world::party;
use crate::cause::Cause;
use crate::leg::{Command, OfferedCodecs};

impl OperatorCall {
    /// The operator's phone is lost: it is waited for, if the operator is; whether it is.
    pub(super) fn wait_for_phone(&mut self, ctx: &mut CallContext<'_>) -> bool {
        let Some(operator) = self.seat().map(|seat| seat.operator.clone()) else { return false };
        if !ctx.facts.keeps_its_calls(&operator) {
            return false;
        }
        let aside = match &mut self.state {
            OperatorCallState::WithCaller { .. } => Aside::Caller,
            OperatorCallState::Consulting { callee, then: Then::Talk, .. } => {
                callee.call_off(Cause::Abandoned, ctx);
                let number = callee.number.clone();
                self.record.callee = None;
                ctx.tell(&operator, self.progress(&number, "hung-up", None));
                Aside::Caller
            }
            OperatorCallState::TalkingToCallee { callee, .. } => {
                Aside::TalkingToCallee(callee.clone())
            }
            OperatorCallState::Alternated { callee, .. } => Aside::Alternated(callee.clone()),
            OperatorCallState::Connected { callee, .. } => Aside::Connected(callee.clone()),
            // It wanted to leave.
            OperatorCallState::Consulting { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => return false,
        };
        let until = ctx.facts.now.instant + ctx.facts.settings.lease;
        self.enter(OperatorCallState::Rejoining { operator, aside, phone: None, until }, ctx);
        self.phone_back(ctx);
        true
    }

    /// Calls the phone that is waited for, if it is not being called.
    pub(super) fn phone_back(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Rejoining { operator, phone: None, until, .. } = &self.state else {
            return;
        };
        let callee = Callee::Terminal(ctx.facts.phone_of(operator));
        let placing = CallAttempt {
            to: Permission::Appointed(&callee),
            behalf: self.caller,
            caller: party(&self.identity),
            withheld: self.identity.number.is_none(),
            offer: OfferedCodecs::WithPictures(self.caller),
            auto_answer: true,
            ring_time: until.since(ctx.facts.now.instant),
            owner: Owner::Call(self.id),
        };
        if let Ok(ringing) = RingingPhones::place(placing, ctx)
            && let OperatorCallState::Rejoining { phone, .. } = &mut self.state
        {
            *phone = Some(ringing);
        }
    }

    /// What became of the phone that is called again.
    pub(super) fn on_rejoining(&mut self, rung: ForkResult, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Rejoining { phone, .. } = &mut self.state else { return };
        match rung {
            ForkResult::Nothing
            | ForkResult::Ringing
            | ForkResult::EarlyMedia(_)
            | ForkResult::Silenced => {}
            ForkResult::Answered(leg, _) => {
                let follow = phone.as_ref().is_some_and(|phone| phone.offers_all_codecs(leg));
                self.come_to_ear(leg, ctx);
                if follow {
                    ctx.leg(Command::Align { leg: self.caller, to: leg });
                }
            }
            ForkResult::Failed(cause, _) => {
                *phone = None;
                // Of a process before this one nothing is known; else it is called when it registers.
                if cause == Cause::Interrupted {
                    self.phone_back(ctx);
                }
            }
        }
    }

    /// It is not waited for any longer.
    pub(super) fn not_rejoined(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Rejoining { operator, until, .. } = &mut self.state else { return };
        // What follows finds it here, with all that is in this operator's hand.
        *until = ctx.facts.now.instant + ctx.facts.settings.lease;
        ctx.steps.push(CallStep::DropHand(operator.clone()));
    }
}
