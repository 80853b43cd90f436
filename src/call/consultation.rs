//! Consultation: the operator calls the wanted person and talks to either, unheard by the other (R5).

use super::admission::{self, AdmittedCall, CallOrigin, CallerIdentity};
use super::call_record::EndedBy;
use super::context::CallContext;
use super::operator_call::OperatorCall;
use super::operator_state::{AnsweredCallee, AnsweredOperator, Aside, OperatorCallState, Then};
use super::ringing::{CallAttempt, ForkResult, Permission, RingingPhones};
use super::step::{Accepted, CommandSource, Owner};
use super::world::party;
use crate::acd;
use crate::cause::Cause;
use crate::desk::command::{BridgedParty, Verb};
use crate::desk::event::{CommandOutcome, CommandRefusal, DeskEvent};
use crate::directory::Meaning;
use crate::ids::{Number, OperatorId};
use crate::leg::{self, OfferedCodecs};

impl OperatorCall {
    /// Carries out a command of the operator who has this call.
    ///
    /// # Errors
    /// What the desk is told when it cannot be.
    pub fn command(
        &mut self,
        verb: &Verb,
        asker: &CommandSource,
        ctx: &mut CallContext<'_>,
    ) -> Result<Accepted, CommandRefusal> {
        match verb {
            Verb::Consult { number } => {
                let number = ctx.facts.world.directory.number_of(number);
                self.consult((&number, ""), Then::Talk, ctx)?;
            }
            Verb::Alternate { party } => self.alternate(*party, ctx)?,
            Verb::Retrieve { party } => self.retrieve(*party, ctx)?,
            Verb::Cancel => self.cancel(ctx)?,
            Verb::Connect => self.connect(ctx)?,
            Verb::Release { force } => return self.release(*force, asker.clone(), ctx),
            Verb::Record { on } => self.record(*on, ctx)?,
            Verb::Hangup => self.hang_up(ctx)?,
            Verb::Park { number } => self.park(number.clone(), ctx)?,
            Verb::Transfer { number } => {
                let number = ctx.facts.world.directory.number_of(number);
                self.transfer_to(&number, ctx)?;
            }
            Verb::Serial { on } => self.be_serial(*on, ctx)?,
            Verb::Hello { .. }
            | Verb::Ready
            | Verb::Dnd
            | Verb::Logout
            | Verb::Take { .. }
            | Verb::Decline { .. }
            | Verb::Find { .. }
            | Verb::Watch { .. }
            | Verb::Pick
            | Verb::Swap
            | Verb::Ping => return Err(self.wrong_phase()),
        }
        Ok(Accepted::Now)
    }

    pub(super) fn wrong_phase(&self) -> CommandRefusal {
        CommandRefusal::WrongPhase { phase: self.phase() }
    }

    pub(super) fn consult(
        &mut self,
        (number, params): (&Number, &str),
        then: Then,
        ctx: &mut CallContext<'_>,
    ) -> Result<(), CommandRefusal> {
        let OperatorCallState::WithCaller { seat } = &self.state else {
            return Err(self.wrong_phase());
        };
        let seat = seat.clone();
        let (operator, admitted) = self.admit_for(&seat.operator, number, ctx)?;
        let admitted = admitted.with_params(params);
        let placing = CallAttempt {
            to: Permission::Admitted(&admitted),
            behalf: seat.phone,
            caller: party(&operator),
            withheld: false,
            sips: false,
            offer: OfferedCodecs::For(seat.phone),
            auto_answer: false,
            ring_time: ctx.facts.settings.consult_ring_time,
            owner: Owner::Call(self.id),
        };
        let at = ctx.steps.len();
        let callee = RingingPhones::place(placing, ctx).map_err(not_placed)?;
        // The caller is on hold before the first packet towards the callee leaves.
        let calls = ctx.steps.split_off(at);
        let operator = seat.operator.clone();
        self.record.callee = Some(number.clone());
        self.enter(OperatorCallState::Consulting { seat, callee, rings: false, then }, ctx);
        ctx.tell(&operator, self.progress(number, "trying", None));
        ctx.steps.extend(calls);
        Ok(())
    }

    /// Who calls when this operator has a number called, and by which rule it may.
    ///
    /// # Errors
    /// Why it may not.
    pub(super) fn admit_for(
        &self,
        operator: &OperatorId,
        number: &Number,
        ctx: &CallContext<'_>,
    ) -> Result<(CallerIdentity, AdmittedCall), CommandRefusal> {
        let own = ctx.facts.phone_of(operator);
        self.may_be_consulted(number, &own, ctx)?;
        let operator = CallerIdentity {
            origin: CallOrigin::Terminal(own.clone()),
            number: Some(own.clone()),
            name: ctx.facts.world.name_of(&own),
            params: String::new(),
        };
        let admitted =
            admission::admit(ctx.facts.world.directory, &operator, number).map_err(|rule| {
                if rule.cause() == Cause::UnknownNumber {
                    CommandRefusal::NoSuchNumber
                } else {
                    CommandRefusal::RefusedByLevel { text: rule.to_string() }
                }
            })?;
        Ok((operator, admitted))
    }

    /// Numbers that make no sense to consult, whatever the levels say.
    fn may_be_consulted(
        &self,
        number: &Number,
        own: &Number,
        ctx: &CallContext<'_>,
    ) -> Result<(), CommandRefusal> {
        let text = match ctx.facts.world.directory.meaning(number) {
            Meaning::Queue(_) => "an operator number cannot be consulted",
            Meaning::Camera(_) => "a camera has nobody to talk to: call it from your phone",
            Meaning::FeatureCode | Meaning::Desk => "this is no telephone",
            Meaning::Unknown => return Err(CommandRefusal::NoSuchNumber),
            Meaning::Terminal(_) | Meaning::Trunk(_) => match () {
                () if number == own => "this is your own phone",
                () if self.identity.is(number) => "this is the caller",
                () => return Ok(()),
            },
        };
        Err(CommandRefusal::Refused { text })
    }

    fn alternate(
        &mut self,
        party: BridgedParty,
        ctx: &mut CallContext<'_>,
    ) -> Result<(), CommandRefusal> {
        match (&self.state, party) {
            (OperatorCallState::TalkingToCallee { .. }, BridgedParty::Callee)
            | (OperatorCallState::Alternated { .. }, BridgedParty::Caller) => Ok(()),
            (OperatorCallState::TalkingToCallee { .. }, BridgedParty::Caller)
            | (OperatorCallState::Alternated { .. }, BridgedParty::Callee)
            | (OperatorCallState::Connected { .. }, _) => {
                self.talk_to(party, ctx);
                Ok(())
            }
            (
                OperatorCallState::Arriving { .. }
                | OperatorCallState::Queued
                | OperatorCallState::Announcing { .. }
                | OperatorCallState::Taken { .. }
                | OperatorCallState::RingingYou { .. }
                | OperatorCallState::WithCaller { .. }
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
                | OperatorCallState::Ended,
                _,
            ) => Err(self.wrong_phase()),
        }
    }

    fn retrieve(
        &mut self,
        party: BridgedParty,
        ctx: &mut CallContext<'_>,
    ) -> Result<(), CommandRefusal> {
        if !matches!(self.state, OperatorCallState::Connected { .. }) {
            return Err(self.wrong_phase());
        }
        self.talk_to(party, ctx);
        Ok(())
    }

    /// Between the three states in which both parties are there.
    fn talk_to(&mut self, party: BridgedParty, ctx: &mut CallContext<'_>) {
        let (seat, callee) = self.both_there().expect("both parties were there");
        let state = match party {
            BridgedParty::Caller => OperatorCallState::Alternated { seat, callee },
            BridgedParty::Callee => OperatorCallState::TalkingToCallee { seat, callee },
        };
        self.enter(state, ctx);
    }

    /// Operator and callee, when the callee has answered and the operator has not begun to leave.
    pub(super) fn both_there(&self) -> Option<(AnsweredOperator, AnsweredCallee)> {
        let (OperatorCallState::TalkingToCallee { seat, callee }
        | OperatorCallState::Alternated { seat, callee }
        | OperatorCallState::Connected { seat, callee, .. }) = &self.state
        else {
            return None;
        };
        Some((seat.clone(), callee.clone()))
    }

    pub(super) fn connect(&mut self, ctx: &mut CallContext<'_>) -> Result<(), CommandRefusal> {
        let (OperatorCallState::TalkingToCallee { seat, callee }
        | OperatorCallState::Alternated { seat, callee }) = &self.state
        else {
            return Err(self.wrong_phase());
        };
        let (seat, callee) = (seat.clone(), callee.clone());
        self.enter(OperatorCallState::Connected { seat, callee }, ctx);
        Ok(())
    }

    fn cancel(&mut self, ctx: &mut CallContext<'_>) -> Result<(), CommandRefusal> {
        match &mut self.state {
            OperatorCallState::RingingYou { operator, phone } => {
                let operator = operator.clone();
                phone.call_off(Cause::Abandoned, ctx);
                self.give_back(operator, acd::QueuePlace::Original, "cancelled", ctx);
                Ok(())
            }
            OperatorCallState::Consulting { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. } => {
                self.drop_callee(Cause::NormalClearing, ctx);
                Ok(())
            }
            OperatorCallState::Rejoining { .. } => {
                self.not_rejoined(ctx);
                Ok(())
            }
            OperatorCallState::Transferring { .. } | OperatorCallState::Settling { .. } => {
                self.take_back("cancelled", ctx);
                Ok(())
            }
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => Err(self.wrong_phase()),
        }
    }

    /// Ends the callee's side, ringing or talking; the operator is back with the caller.
    pub(super) fn drop_callee(&mut self, cause: Cause, ctx: &mut CallContext<'_>) {
        match &mut self.state {
            OperatorCallState::Consulting { seat, callee, then, .. } => {
                let (seat, then) = (seat.clone(), *then);
                callee.call_off(cause, ctx);
                then.report(&seat, Cause::Abandoned.status(), ctx);
                self.back_with_caller(seat, ctx);
            }
            OperatorCallState::TalkingToCallee { seat, callee }
            | OperatorCallState::Alternated { seat, callee } => {
                let seat = seat.clone();
                ctx.hang_up(callee.leg, cause);
                self.back_with_caller(seat, ctx);
            }
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => {}
        }
    }

    fn back_with_caller(&mut self, seat: AnsweredOperator, ctx: &mut CallContext<'_>) {
        self.record.callee = None;
        self.enter(OperatorCallState::WithCaller { seat }, ctx);
    }

    fn hang_up(&mut self, ctx: &mut CallContext<'_>) -> Result<(), CommandRefusal> {
        match &mut self.state {
            OperatorCallState::RingingYou { operator, phone } => {
                let operator = operator.clone();
                phone.call_off(Cause::Abandoned, ctx);
                self.give_back(operator, acd::QueuePlace::Original, "cancelled", ctx);
                Ok(())
            }
            OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Releasing { .. } => {
                let by = EndedBy::Operator;
                self.finish("operator-hung-up", Cause::NormalClearing, by, ctx);
                Ok(())
            }
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => Err(self.wrong_phase()),
        }
    }

    /// What became of the consulted phones.
    pub(super) fn on_ringing_callee(&mut self, rung: ForkResult, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Consulting { seat, callee, rings, then } = &mut self.state else {
            return;
        };
        let (seat, number, then) = (seat.clone(), callee.number.clone(), *then);
        match rung {
            ForkResult::Nothing => {}
            ForkResult::Ringing => {
                if !std::mem::replace(rings, true) {
                    ctx.tell(&seat.operator, self.progress(&number, "ringing", None));
                    then.report(&seat, 180, ctx);
                }
            }
            ForkResult::EarlyMedia(_) | ForkResult::Silenced => {
                ctx.leg(leg::Command::Listen(self.sources()));
            }
            ForkResult::Answered(leg, _) => {
                let operator = seat.operator.clone();
                // All three are to speak alike, since the operator goes from one to the other.
                let follow = callee.offers_all_codecs(leg).then_some([self.caller, seat.phone]);
                let callee = AnsweredCallee { number: number.clone(), leg };
                ctx.tell(&operator, self.progress(&number, "answered", None));
                let phone = seat.phone;
                self.enter(OperatorCallState::TalkingToCallee { seat, callee }, ctx);
                for follower in follow.into_iter().flatten() {
                    ctx.leg(leg::Command::Align { leg: follower, to: leg });
                }
                if then == Then::HandOver {
                    self.complete_transfer(phone, ctx);
                }
            }
            ForkResult::Failed(Cause::Interrupted, _) => self.consult_anew(ctx),
            ForkResult::Failed(cause, _) => {
                let (progress, reason) = progress_of(cause);
                let operator = seat.operator.clone();
                ctx.tell(&operator, self.progress(&number, progress, reason));
                then.report(&seat, cause.status(), ctx);
                self.back_with_caller(seat, ctx);
            }
        }
    }

    /// What became of the consulted phones while the operator's own is called again.
    pub(super) fn on_consulted(&mut self, rung: ForkResult, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Rejoining { operator, aside, consulted, .. } = &mut self.state
        else {
            return;
        };
        let Some(phones) = consulted else { return };
        let (operator, number) = (operator.clone(), phones.callee.number.clone());
        match rung {
            // The caller hears nothing of them, and the operator is not there.
            ForkResult::Nothing | ForkResult::EarlyMedia(_) | ForkResult::Silenced => {}
            ForkResult::Ringing => {
                if !std::mem::replace(&mut phones.rings, true) {
                    ctx.tell(&operator, self.progress(&number, "ringing", None));
                }
            }
            ForkResult::Answered(leg, _) => {
                let follow = phones.callee.offers_all_codecs(leg);
                *aside = Aside::TalkingToCallee(AnsweredCallee { number: number.clone(), leg });
                *consulted = None;
                ctx.leg(leg::Command::Listen(self.sources()));
                ctx.tell(&operator, self.progress(&number, "answered", None));
                if follow {
                    ctx.leg(leg::Command::Align { leg: self.caller, to: leg });
                }
            }
            ForkResult::Failed(cause, _) => {
                *consulted = None;
                self.record.callee = None;
                let (progress, reason) = progress_of(cause);
                ctx.leg(leg::Command::Listen(self.sources()));
                ctx.tell(&operator, self.progress(&number, progress, reason));
                ctx.tell(&operator, self.view(None));
            }
        }
    }

    /// The callee's phone has hung up or was lost.
    pub(super) fn callee_gone(&mut self, cause: Cause, ctx: &mut CallContext<'_>) {
        if self.callee_gone_elsewhere(ctx) {
            return;
        }
        if let OperatorCallState::Leaving { .. } = self.state {
            let by = EndedBy::Callee;
            return self.finish("callee-hung-up", cause, by, ctx);
        }
        let before = self.phase();
        if let OperatorCallState::Releasing { seat, callee, asker, .. } = &self.state {
            let refusal = CommandRefusal::WrongPhase { phase: before };
            ctx.answer(asker.clone(), CommandOutcome::Refused(refusal));
            let (seat, callee) = (seat.clone(), callee.clone());
            self.state = OperatorCallState::Connected { seat, callee };
        }
        let Some((seat, callee)) = self.both_there() else { return };
        ctx.tell(&seat.operator, self.progress(&callee.number, "hung-up", None));
        self.back_with_caller(seat, ctx);
    }

    pub(super) fn progress(
        &self,
        number: &Number,
        progress: &'static str,
        reason: Option<&'static str>,
    ) -> DeskEvent {
        DeskEvent::Callee { request: self.request, number: number.clone(), progress, reason }
    }
}

/// What a desk is told of a number that cannot be called.
pub(super) fn not_placed(cause: Cause) -> CommandRefusal {
    if cause == Cause::Busy {
        CommandRefusal::Refused { text: "this operator is in a call" }
    } else {
        CommandRefusal::Unreachable
    }
}

/// The desk protocol's word for a callee that was not reached, and why where the word is not enough.
pub(super) fn progress_of(cause: Cause) -> (&'static str, Option<&'static str>) {
    match cause {
        Cause::Busy => ("busy", None),
        Cause::NoAnswer => ("no-answer", None),
        Cause::NoCommonCodec
        | Cause::NoMedia
        | Cause::NoCommonTransport
        | Cause::NoCommonAddress
        | Cause::NoCommonKeys => ("refused", Some("codec")),
        Cause::Declined | Cause::NotPermitted => ("refused", None),
        Cause::NormalClearing
        | Cause::AnsweredElsewhere
        | Cause::Abandoned
        | Cause::UnknownNumber
        | Cause::Unreachable
        | Cause::SipsNotAllowed
        | Cause::NoPicture
        | Cause::NoOperator
        | Cause::Closed
        | Cause::QueueFull
        | Cause::TooManyOwn
        | Cause::TooManyGuests
        | Cause::Unacknowledged
        | Cause::WaitedTooLong
        | Cause::Lost
        | Cause::MediaStopped
        | Cause::Interrupted
        | Cause::ForeignCertificate
        | Cause::HandshakeFailed
        | Cause::Overloaded
        | Cause::Loop
        | Cause::ProtocolError
        | Cause::Transferred
        | Cause::Administrative
        | Cause::Internal => ("unreachable", None),
    }
}
