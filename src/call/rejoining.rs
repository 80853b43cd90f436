//! An operator's phone that is lost in a call, not hung up: it is called again and put in its old place, in whatever phase,
//! while the parties have hold media (R5.5 holds when the lease is over).
//!
//! ```text
//!   with-caller, consulting, talking-to-callee, alternated, connected; in-hand, where no call is at the ear
//!        │ the phone is lost, and the operator has its desk, or the lease of it
//!        ▼
//!   rejoining ── called at once, when it registers, when the desk says hello ── 200 ──▶ as before
//!        │  ▲
//!        │  └── the wanted person rings on, answers and has hold media, or is gone
//!        │ lease over, cancel, declined at the phone, logged out
//!        ▼
//!   the front of the queue, or handed over unchecked, with all else that waits in the operator's hand
//! ```
//!
//! One call of a hand rejoins, for all; where it is over before, the next one does.

use super::admission::Callee;
use super::context::CallContext;
use super::operator_call::OperatorCall;
use super::operator_state::{Aside, ConsultedPhones, OperatorCallState, Then};
use super::ringing::{CallAttempt, ForkResult, Permission, RingingPhones};
use super::step::{CallStep, Owner};
use super::world::party;
use crate::cause::Cause;
use crate::ids::{LegId, OperatorId};
use crate::leg::{Command, OfferedCodecs};
use crate::time::UnixTime;

impl OperatorCall {
    /// The operator's phone is lost: it is waited for, if the operator is; whether it is.
    pub(super) fn wait_for_phone(&mut self, ctx: &mut CallContext<'_>) -> bool {
        let Some(operator) = self.seat().map(|seat| seat.operator.clone()) else { return false };
        if !ctx.facts.keeps_its_calls(&operator) {
            return false;
        }
        let mut consulted = None;
        let aside = match &self.state {
            OperatorCallState::WithCaller { .. } => Aside::Caller,
            OperatorCallState::Consulting { callee, rings, then: Then::Talk, .. } => {
                let mut callee = callee.clone();
                callee.on_behalf(self.caller);
                consulted = Some(Box::new(ConsultedPhones { callee, rings: *rings }));
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
        self.rejoin(operator, (aside, consulted), None, ctx);
        true
    }

    /// The phone at which its operator would come back to it is lost, and no call was at the ear.
    pub(super) fn wait_with_phone(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::InHand { operator, aside, since, .. } = &self.state else { return };
        if ctx.facts.keeps_its_calls(operator) {
            self.rejoin(operator.clone(), (aside.clone(), None), Some(*since), ctx);
        }
    }

    fn rejoin(
        &mut self,
        operator: OperatorId,
        (aside, consulted): (Aside, Option<Box<ConsultedPhones>>),
        since: Option<UnixTime>,
        ctx: &mut CallContext<'_>,
    ) {
        let until = ctx.facts.now.instant + ctx.facts.settings.lease;
        let phone = None;
        self.enter(
            OperatorCallState::Rejoining { operator, aside, since, phone, until, consulted },
            ctx,
        );
        self.phone_back(ctx);
    }

    /// Calls the phone that is waited for, wherever it is registered and is not being called yet.
    pub(super) fn phone_back(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Rejoining { operator, phone, until, .. } = &mut self.state else {
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
            sips: false,
            ring_time: until.since(ctx.facts.now.instant),
            owner: Owner::Call(self.id),
        };
        match phone {
            Some(phone) => phone.call_others(&placing, ctx),
            None => *phone = RingingPhones::place(placing, ctx).ok(),
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
                self.rejoined(leg, ctx);
                if follow {
                    ctx.leg(Command::Align { leg: self.caller, to: leg });
                }
            }
            ForkResult::Failed(cause, _) => {
                *phone = None;
                // Else it is called when it registers.
                if cause == Cause::Interrupted {
                    // Of a process before this one nothing is known.
                    self.phone_back(ctx);
                } else if cause == Cause::Declined {
                    // Somebody is there, and wants no call.
                    self.not_rejoined(ctx);
                }
            }
        }
    }

    /// The phone is on the line again.
    fn rejoined(&mut self, leg: LegId, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Rejoining { operator, aside, since, .. } = &self.state else {
            return;
        };
        let Some(since) = *since else { return self.come_to_ear(leg, ctx) };
        let (operator, aside) = (operator.clone(), aside.clone());
        let recall_at = ctx.facts.now.instant + ctx.facts.settings.recall;
        let state =
            OperatorCallState::InHand { operator: operator.clone(), aside, since, recall_at };
        self.enter(state, ctx);
        ctx.steps.push(CallStep::AtHand(operator, leg));
    }

    /// It has been waited for long enough, or rung at the wanted person's.
    pub(super) fn tick_rejoining(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Rejoining { until, consulted, .. } = &mut self.state else { return };
        match consulted {
            Some(phones) if ctx.facts.now.instant < *until => {
                phones.callee.call_off(Cause::NoAnswer, ctx);
                self.on_consulted(ForkResult::Failed(Cause::NoAnswer, vec![]), ctx);
            }
            Some(_) | None => self.not_rejoined(ctx),
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
