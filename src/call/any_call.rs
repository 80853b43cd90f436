//! A call as the switchboard sees it, whether through an operator or direct: what goes in, what comes out.

use super::call_record::EndedBy;
use super::context::CallContext;
use super::direct::DirectCall;
use super::input::{CallInput, DirectCallInput, OperatorCallInput};
use super::log_event::LogEvent;
use super::operator_call::OperatorCall;
use super::ringing::Permission;
use super::step::{Accepted, CommandSource};
use crate::desk::command::Verb;
use crate::desk::event::CommandOutcome;
use crate::ids::{CameraId, Number, RequestId};
use crate::leg::Command;
use crate::time::Instant;
use std::collections::BTreeSet;

/// A call of either kind.
#[derive(Debug)]
pub(crate) enum AnyCall {
    Operator(Box<OperatorCall>),
    Direct(Box<DirectCall>),
}

impl AnyCall {
    /// Takes one input; what it wants done is in the steps.
    pub fn handle(&mut self, input: CallInput<'_>, ctx: &mut CallContext<'_>) {
        self.take(input, ctx);
        match self {
            Self::Operator(call) => call.follow_preview(ctx),
            Self::Direct(call) => call.follow_desks(ctx),
        }
    }

    fn take(&mut self, input: CallInput<'_>, ctx: &mut CallContext<'_>) {
        match (self, input) {
            (Self::Operator(_) | Self::Direct(_), CallInput::Begun) => {}
            (Self::Operator(call), CallInput::Leg(event)) => call.on_leg(event, ctx),
            (Self::Direct(call), CallInput::Leg(event)) => call.on_leg(event, ctx),
            (Self::Operator(call), CallInput::Tick) => call.tick(ctx),
            (Self::Direct(call), CallInput::Tick) => call.tick(ctx),
            (Self::Operator(call), CallInput::End { reason, cause }) => {
                call.finish(reason, cause, EndedBy::Server, ctx);
            }
            (Self::Direct(call), CallInput::End { reason: _, cause }) => {
                call.finish(cause, EndedBy::Server, ctx);
            }
            (Self::Operator(call), CallInput::RecordingFailed { text }) => {
                call.recording_failed(text, ctx);
            }
            (Self::Direct(call), CallInput::RecordingFailed { text: _ }) => {
                ctx.leg(Command::Record { leg: call.caller, recording: None });
            }
            (Self::Operator(call), CallInput::Resumed { .. }) => call.resume(ctx),
            (Self::Direct(call), CallInput::Resumed { recorded }) => call.resume(recorded, ctx),
            (Self::Operator(call), CallInput::Operator(input)) => call.handle(input, ctx),
            (Self::Direct(call), CallInput::Direct(input)) => call.handle(input, ctx),
            // It was the other kind when the input was made, and has been handed over since.
            (Self::Direct(_), CallInput::Operator(_))
            | (Self::Operator(_), CallInput::Direct(_)) => {}
        }
    }

    pub fn is_over(&self) -> bool {
        match self {
            Self::Operator(call) => call.is_over(),
            Self::Direct(call) => call.is_over(),
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Operator(call) => call.deadline(),
            Self::Direct(call) => call.deadline(),
        }
    }

    pub fn camera(&self) -> Option<CameraId> {
        match self {
            Self::Operator(_) => None,
            Self::Direct(call) => call.camera(),
        }
    }

    pub fn request(&self) -> Option<RequestId> {
        match self {
            Self::Operator(call) => Some(call.request),
            Self::Direct(_) => None,
        }
    }

    /// The number whose phones ring for this call.
    pub fn ringing_at(&self) -> Option<&Number> {
        match self {
            Self::Operator(call) => call.ringing_at(),
            Self::Direct(call) => call.ringing_at(),
        }
    }

    /// The terminals that are in this call as in any other; an operator's own phone in an operator
    /// call is not, that is presence's `Engage`.
    pub fn phones(&self) -> BTreeSet<Number> {
        let (identity, callee, over) = match self {
            Self::Operator(call) => (&call.identity, call.answered_callee(), call.is_over()),
            Self::Direct(call) => (&call.identity, call.answered_callee(), call.is_over()),
        };
        if over {
            return BTreeSet::new();
        }
        identity.terminal().into_iter().chain(callee).cloned().collect()
    }
}

impl OperatorCall {
    fn handle(&mut self, input: OperatorCallInput, ctx: &mut CallContext<'_>) {
        match input {
            OperatorCallInput::Arrive { arrival, position, minutes } => {
                self.begin_arriving(arrival, position, minutes, ctx);
            }
            OperatorCallInput::Unacknowledged => self.not_acknowledged(ctx),
            OperatorCallInput::QueueUp => self.queue_up(ctx),
            OperatorCallInput::Queued { position, minutes } => {
                ctx.log(LogEvent::Queued { call: self.id, request: self.request, position });
                self.wait(position, minutes, ctx);
            }
            OperatorCallInput::Moved { position, minutes } => self.wait(position, minutes, ctx),
            OperatorCallInput::Repeat => self.wait_on(ctx),
            OperatorCallInput::LetIn => ctx.keep(&self.record),
            OperatorCallInput::Announce(cause) => self.announce(cause, ctx),
            OperatorCallInput::GoneOn => self.go_on(),
            OperatorCallInput::Taken { operator, asker, phone, ticket } => {
                self.taken(operator, asker, phone, ticket, ctx);
            }
            OperatorCallInput::TakeWritten => self.confirm_take(ctx),
            OperatorCallInput::Written => self.committed(ctx),
            OperatorCallInput::Unwritten => self.unwritten(ctx),
            OperatorCallInput::LeaseOver => self.lease_over(ctx),
            OperatorCallInput::SetAside => self.set_aside(ctx),
            OperatorCallInput::ToEar { phone } => self.come_to_ear(phone, ctx),
            OperatorCallInput::PhoneLost => self.wait_with_phone(ctx),
            OperatorCallInput::PhoneBack => self.phone_back(ctx),
            OperatorCallInput::GivenUp { reason } => self.given_up(reason, ctx),
            OperatorCallInput::Command { verb, asker } => self.obey(&verb, asker, ctx),
            OperatorCallInput::Join { callee, referrer } => self.join(callee, referrer, ctx),
        }
    }

    /// Carries out a command. Its result goes before what it causes, where it is known at once.
    fn obey(&mut self, verb: &Verb, asker: CommandSource, ctx: &mut CallContext<'_>) {
        let at = ctx.steps.len();
        let outcome = match self.command(verb, &asker, ctx) {
            Ok(Accepted::Now) => Some(CommandOutcome::Ok),
            Ok(Accepted::Later) => None,
            Err(refusal) => Some(CommandOutcome::Refused(refusal)),
        };
        let caused = ctx.steps.split_off(at);
        if let Some(outcome) = outcome {
            ctx.answer(asker, outcome);
        }
        ctx.steps.extend(caused);
    }
}

impl DirectCall {
    fn handle(&mut self, input: DirectCallInput, ctx: &mut CallContext<'_>) {
        match input {
            DirectCallInput::Place(admitted) => self.place(Permission::Admitted(&admitted), ctx),
            DirectCallInput::Appoint(callee) => self.place(Permission::Appointed(&callee), ctx),
            DirectCallInput::Yield { leg } => self.yield_other(leg, ctx),
            DirectCallInput::Join { referrer, target } => self.join(referrer, target, ctx),
            DirectCallInput::GoOnAt { replaced, leg } => self.go_on_at(replaced, leg, ctx),
            DirectCallInput::PickUp(by) => self.pick_up(by, ctx),
            DirectCallInput::Greet { operator } => self.greet_desk(&operator, ctx),
        }
    }
}
