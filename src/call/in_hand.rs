//! Several calls of one operator: one is at the ear, the others wait in its hand, or parked on a list that
//! all operators of the queue see.
//!
//! ```text
//!   with-caller, talking-to-callee, alternated, connected ── set aside ──▶ in-hand ── to the ear ──▶ the same
//!   in-hand ── recall time ──▶ in-hand, its operator is told each time
//!           └─ phone or operator gone ──▶ queued at the front; with a callee: handed over, unchecked
//!   with-caller, in-hand without callee ── park ──▶ parked ── pick ──▶ taken ──▶ …
//!   parked ── recall time ──▶ who parked it is told ── again, or who parked it is gone ──▶ queued at the front
//! ```
//!
//! What leaves the ear is cut at the relay before another call comes there.

use super::call_record::Handover;
use super::context::CallContext;
use super::log_event::LogEvent;
use super::operator_call::OperatorCall;
use super::operator_state::{
    AnsweredOperator, Aside, ConsultedPhones, OperatorCallState, ParkedCall, Then,
};
use super::step::{CallStep, Owner};
use crate::acd;
use crate::cause::Cause;
use crate::desk::event::{CommandRefusal, DeskEvent};
use crate::ids::{LegId, Number, OperatorId};
use crate::leg::{Command, LegSource};
use crate::presence;
use crate::time::Duration;

/// After so many recalls a parked call is in the queue again.
const RECALLS_MAX: u32 = 2;

impl OperatorCall {
    /// Whether its operator can go to another call, and this one waits meanwhile.
    pub fn can_be_set_aside(&self) -> bool {
        self.aside().is_some()
    }

    /// The operator at the phone, and to what it comes back.
    fn aside(&self) -> Option<(AnsweredOperator, Aside)> {
        let (seat, aside) = match &self.state {
            OperatorCallState::WithCaller { seat } => (seat, Aside::Caller),
            OperatorCallState::TalkingToCallee { seat, callee } => {
                (seat, Aside::TalkingToCallee(callee.clone()))
            }
            OperatorCallState::Alternated { seat, callee } => {
                (seat, Aside::Alternated(callee.clone()))
            }
            OperatorCallState::Connected { seat, callee, .. } => {
                (seat, Aside::Connected(callee.clone()))
            }
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => return None,
        };
        Some((seat.clone(), aside))
    }

    /// Its operator goes to another call.
    pub(super) fn set_aside(&mut self, ctx: &mut CallContext<'_>) {
        let Some((seat, aside)) = self.aside() else { return };
        ctx.steps.push(CallStep::Own(seat.phone, Owner::Position(seat.operator.clone())));
        ctx.leg(Command::Listen(vec![(seat.phone, LegSource::Silence)]));
        self.hold_in_hand(seat.operator, aside, ctx);
    }

    pub(super) fn hold_in_hand(
        &mut self,
        operator: OperatorId,
        aside: Aside,
        ctx: &mut CallContext<'_>,
    ) {
        self.position = 0;
        let since = ctx.facts.now.unix;
        let recall_at = ctx.facts.now.instant + ctx.facts.settings.recall;
        self.enter(OperatorCallState::InHand { operator, aside, since, recall_at }, ctx);
    }

    /// Its operator comes back to it.
    pub(super) fn come_to_ear(&mut self, phone: LegId, ctx: &mut CallContext<'_>) {
        let (OperatorCallState::InHand { operator, aside, .. }
        | OperatorCallState::Rejoining { operator, aside, .. }) = &self.state
        else {
            return;
        };
        let seat = AnsweredOperator { operator: operator.clone(), phone };
        let aside = aside.clone();
        ctx.steps.push(CallStep::Own(phone, Owner::Call(self.id)));
        if let OperatorCallState::Rejoining { consulted, .. } = &mut self.state
            && let Some(phones) = consulted.take()
        {
            let ConsultedPhones { mut callee, rings } = *phones;
            callee.on_behalf(phone);
            let then = Then::Talk;
            self.enter(OperatorCallState::Consulting { seat, callee, rings, then }, ctx);
            return self.tell_senses(ctx);
        }
        match aside {
            Aside::Caller => self.enter(OperatorCallState::WithCaller { seat }, ctx),
            Aside::TalkingToCallee(callee) => {
                self.enter(OperatorCallState::TalkingToCallee { seat, callee }, ctx);
            }
            Aside::Alternated(callee) => {
                self.enter(OperatorCallState::Alternated { seat, callee }, ctx);
            }
            Aside::Connected(callee) => {
                self.enter(OperatorCallState::Connected { seat, callee }, ctx);
                self.tell_senses(ctx);
            }
        }
    }

    /// The operator's phone was on the line already when it took this call.
    pub(super) fn at_the_phone(&mut self, seat: AnsweredOperator, ctx: &mut CallContext<'_>) {
        let at_ear = ctx.facts.position(&seat.operator).and_then(|position| position.at_ear);
        if at_ear.is_none_or(|call| call == self.id) {
            ctx.steps.push(CallStep::Own(seat.phone, Owner::Call(self.id)));
            return self.seated(seat, ctx);
        }
        // Between the take and its commit the call at the ear has got something that cannot wait.
        self.hold_taken(seat.operator, ctx);
    }

    /// It was taken, and waits in hand for its operator's ear.
    pub(super) fn hold_taken(&mut self, operator: OperatorId, ctx: &mut CallContext<'_>) {
        self.answer(ctx.facts.choice_for(&self.queue), ctx);
        self.record.answer(ctx.facts.now.unix);
        self.greeting = None;
        self.record_from_here(ctx);
        self.hold_in_hand(operator, Aside::Caller, ctx);
    }

    /// Whether a leg is the phone that an operator has for all of its calls.
    pub(super) fn is_phone_of_position(
        &self,
        operator: &OperatorId,
        leg: LegId,
        ctx: &CallContext<'_>,
    ) -> bool {
        let position = ctx.facts.position(operator);
        position.is_some_and(|position| position.phone() == Some(leg))
    }

    /// Its operator is gone, or the phone at which it would come back.
    pub(super) fn given_up(&mut self, reason: &'static str, ctx: &mut CallContext<'_>) {
        match &mut self.state {
            OperatorCallState::InHand { .. } | OperatorCallState::Rejoining { .. } => {
                if let OperatorCallState::Rejoining { phone, consulted, .. } = &mut self.state {
                    let consulted = consulted.take().map(|phones| phones.callee);
                    if consulted.is_some() {
                        self.record.callee = None;
                    }
                    for mut phones in phone.take().into_iter().chain(consulted) {
                        phones.call_off(Cause::Abandoned, ctx);
                    }
                }
                let (OperatorCallState::InHand { operator, aside, .. }
                | OperatorCallState::Rejoining { operator, aside, .. }) = &self.state
                else {
                    return;
                };
                let (operator, callee) = (operator.clone(), aside.callee().cloned());
                let Some(callee) = callee else {
                    return self.give_back(operator, acd::QueuePlace::Front, reason, ctx);
                };
                self.record.handover = Some(Handover::Unchecked);
                self.record.enter("handed-over", ctx.facts.now.unix, callee.number.as_str());
                self.among_themselves(&operator, callee, ctx);
            }
            OperatorCallState::Taken { phone: Some(_), phone_gone, .. } => *phone_gone = true,
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => {}
        }
    }

    // ---- the list of parked calls ----

    /// As all operators of the queue see it, while it is there to be picked.
    pub fn parked(&self) -> Option<&ParkedCall> {
        if let OperatorCallState::Parked(parked) = &self.state {
            return Some(parked);
        }
        // Until the journal has it.
        let OperatorCallState::Taken { parked, .. } = &self.state else { return None };
        parked.as_deref()
    }

    /// Hands the call to the list.
    ///
    /// # Errors
    /// When somebody is there whom it would part from the caller.
    pub(super) fn park(
        &mut self,
        wanted: Option<Number>,
        ctx: &mut CallContext<'_>,
    ) -> Result<(), CommandRefusal> {
        let (by, phone) = self.let_go()?;
        let parked = ParkedCall {
            by: by.clone(),
            wanted,
            since: ctx.facts.now.unix,
            recall_at: ctx.facts.now.instant + ctx.facts.settings.recall,
            recalls: 0,
        };
        self.put_in_park(parked, ctx);
        ctx.log(LogEvent::Parked { call: self.id, operator: by.clone() });
        ctx.tell(&by, self.view(None));
        if let Some(seat) = phone {
            self.leave_phone(&seat, Cause::NormalClearing, ctx);
        }
        ctx.queue(acd::Input::Free { request: self.request });
        Ok(())
    }

    pub(super) fn put_in_park(&mut self, parked: ParkedCall, ctx: &mut CallContext<'_>) {
        self.position = 0;
        let wanted = parked.wanted.as_ref().map(ToString::to_string).unwrap_or_default();
        self.state = OperatorCallState::Parked(parked);
        ctx.leg(Command::Listen(self.sources()));
        self.follow_recording(ctx);
        self.record.enter(self.phase(), ctx.facts.now.unix, &wanted);
        ctx.keep(&self.record);
    }

    /// Whose a call is that can leave its operator now, and the operator's phone where it is at the ear.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) fn let_go(&self) -> Result<(OperatorId, Option<AnsweredOperator>), CommandRefusal> {
        if let OperatorCallState::InHand { operator, aside: Aside::Caller, .. } = &self.state {
            return Ok((operator.clone(), None));
        }
        match self.aside() {
            Some((seat, Aside::Caller)) => Ok((seat.operator.clone(), Some(seat))),
            Some((_, Aside::TalkingToCallee(_) | Aside::Alternated(_) | Aside::Connected(_)))
            | None => Err(self.wrong_phase()),
        }
    }

    // ---- recall ----

    /// It has waited for the recall time, once more.
    pub(super) fn recall(&mut self, ctx: &mut CallContext<'_>) {
        let (now, time) = (ctx.facts.now, ctx.facts.settings.recall);
        match &mut self.state {
            OperatorCallState::InHand { operator, since, recall_at, .. } => {
                *recall_at = now.instant + time;
                let (operator, waited) = (operator.clone(), now.unix.since(*since));
                self.tell_recall(&operator, waited, "in your hand", ctx);
                ctx.steps.push(CallStep::RecallTone(operator));
            }
            OperatorCallState::Parked(parked) => {
                parked.recalls += 1;
                parked.recall_at = now.instant + time;
                let (by, waited) = (parked.by.clone(), now.unix.since(parked.since));
                let is_gone =
                    ctx.facts.positions.presence.view(&by).is_none_or(|view| {
                        view.availability == presence::AgentAvailability::Absent
                    });
                if is_gone || parked.recalls >= RECALLS_MAX {
                    return self.back_in_queue(None, acd::QueuePlace::Front, ctx);
                }
                self.tell_recall(&by, waited, "parked", ctx);
                ctx.steps.push(CallStep::RecallTone(by));
            }
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => {}
        }
    }

    fn tell_recall(
        &self,
        operator: &OperatorId,
        waited: Duration,
        place: &str,
        ctx: &mut CallContext<'_>,
    ) {
        let (request, seconds) = (self.request, waited.as_secs());
        ctx.tell(operator, DeskEvent::Recall { request, seconds });
        let text = format!("{} waits {place} for {seconds} s", self.identity.shown());
        ctx.tell(operator, DeskEvent::Notice { text });
    }
}
