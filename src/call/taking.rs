//! Takes and releases wait for the journal: what it has holds, what it has not is not to be (R4.2).
//!
//! ```text
//!   take, release ──▶ Taken, Leaving ── committed ──▶ the phone rings, the two are left alone
//!                          └── unwritten ──▶ queued as before, connected as before
//! ```

use super::call_record::EndedBy;
use super::context::CallContext;
use super::log_event::LogEvent;
use super::operator_call::OperatorCall;
use super::operator_state::OperatorCallState;
use super::step::{CallStep, CommandSource, Keep};
use crate::acd;
use crate::cause::Cause;
use crate::desk::event::{CommandOutcome, CommandRefusal};
use crate::ids::{LegId, OperatorId, Ticket};
use crate::leg::{Command, Spoken};
use crate::presence;

impl OperatorCall {
    /// An operator has won this call; the journal is asked to remember it.
    pub fn taken(
        &mut self,
        operator: OperatorId,
        asker: CommandSource,
        phone: Option<(LegId, Spoken)>,
        ticket: Ticket,
        ctx: &mut CallContext<'_>,
    ) {
        let seat = ctx.facts.phone_of(&operator);
        ctx.presence(presence::Input::Engage { operator: operator.clone(), phone: seat });
        self.record.operators.push(operator.clone());
        self.record.enter("taken", ctx.facts.now.unix, operator.as_str());
        let waited = ctx.facts.now.unix.since(self.record.began);
        ctx.log(LogEvent::Taken { call: self.id, operator: operator.clone(), waited });
        if let Some((phone, _)) = phone {
            // The two see each other as soon as the journal has the take: what their cameras are asked for
            // comes while it writes.
            for leg in [self.caller, phone] {
                ctx.leg(Command::RequestKeyFrame { leg });
            }
        }
        let record = Box::new(self.record.clone());
        ctx.steps.push(CallStep::Keep(Keep::Call(record), Some(ticket)));
        let parked = self.parked().cloned().map(Box::new);
        self.state = OperatorCallState::Taken {
            operator,
            asker,
            ticket,
            phone,
            phone_gone: false,
            abandoned: false,
            parked,
        };
    }

    /// Whether this call waits for that commit.
    pub fn waits_for(&self, awaited: Ticket) -> bool {
        matches!(
            &self.state,
            OperatorCallState::Taken { ticket, .. } | OperatorCallState::Leaving { ticket, .. }
                if *ticket == awaited
        )
    }

    /// The journal has the take: the winner hears of it.
    pub fn confirm_take(&mut self, ctx: &mut CallContext<'_>) {
        if let OperatorCallState::Taken { asker, parked, .. } = &mut self.state {
            *parked = None;
            let asker = std::mem::replace(asker, CommandSource::Nobody);
            ctx.answer(asker, CommandOutcome::Ok);
        }
    }

    /// The journal has the take or the release, and all who had to hear of it have.
    pub fn committed(&mut self, ctx: &mut CallContext<'_>) {
        match &self.state {
            OperatorCallState::Taken { .. } => self.call_operator(ctx),
            OperatorCallState::Leaving { .. } => self.leave(ctx),
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
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

    /// The journal does not have the take or the release: neither is to be.
    pub fn unwritten(&mut self, ctx: &mut CallContext<'_>) {
        match &self.state {
            OperatorCallState::Taken { .. } => self.take_unwritten(ctx),
            OperatorCallState::Leaving { .. } => self.stay(ctx),
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
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

    /// The caller is back at its place before anyone but the taker notices.
    fn take_unwritten(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Taken { operator, asker, phone, abandoned, parked, .. } =
            &self.state
        else {
            return;
        };
        let (operator, asker, parked) = (operator.clone(), asker.clone(), parked.clone());
        let (phone, abandoned) = (phone.as_ref().map(|(leg, _)| *leg), *abandoned);
        // A phone that was in its hand's other calls before stays there, or is called again for those.
        let is_lost = ctx.facts.position(&operator).is_some_and(|position| position.is_lost());
        let phone =
            phone.filter(|leg| !is_lost && !self.is_phone_of_position(&operator, *leg, ctx));
        self.state = OperatorCallState::Queued;
        ctx.answer(asker, CommandOutcome::Refused(CommandRefusal::Unwritten));
        // It never had the call; the phases tell that it wanted it.
        self.record.operators.pop();
        let unwritten =
            LogEvent::Unwritten { call: self.id, operator: operator.clone(), what: "take" };
        ctx.log(unwritten);
        if let Some(leg) = phone {
            ctx.hang_up(leg, Cause::Internal);
            // Else it would ring again at once, be answered, and be hung up again.
            let failure = presence::PhoneFailure::Unreachable;
            ctx.presence(presence::Input::PhoneFailed { operator: operator.clone(), failure });
        }
        ctx.steps.push(CallStep::Free(operator, self.id));
        if abandoned {
            return self.finish("abandoned", Cause::Abandoned, EndedBy::Caller, ctx);
        }
        if let Some(parked) = parked {
            self.put_in_park(*parked, ctx);
            return ctx.queue(acd::Input::Free { request: self.request });
        }
        self.enter(OperatorCallState::Queued, ctx);
        let place = acd::QueuePlace::Original;
        ctx.queue(acd::Input::PutBack { request: self.request, place });
    }
}
