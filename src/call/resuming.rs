//! A call goes on in a new process: what it had of the old one is set anew. No phone is told anything by it,
//! but where something had been decided and not done yet.
//!
//! ```text
//!   waiting             ──▶ music and picture from their beginning; 182 where it is not answered
//!   an operator's take, release, committed ──▶ carried out, by the switchboard
//!   direct, transferring ──▶ the two talk on, and who asked hears that it has failed
//!   recorded            ──▶ a further file
//!   its queue is gone   ──▶ told that nobody is there
//!   a phone that rang, of which nothing is known ──▶ called anew, for its operator or the wanted person
//!   its operator is gone ──▶ as if that phone had been lost: the front of the queue, or handed over
//! ```

use super::call_record::EndedBy;
use super::context::CallContext;
use super::direct::{DirectCall, DirectCallState};
use super::operator_call::OperatorCall;
use super::operator_state::{AnsweredOperator, OperatorCallState, RecordingState};
use super::recording::next_file;
use super::ringing::ForkResult;
use super::step::{CallStep, RecordingCommand};
use crate::acd;
use crate::cause::Cause;
use crate::ids::{LegId, OperatorId};
use crate::leg::{self, Command, LegSource};

impl OperatorCall {
    /// Goes on in a new process.
    pub fn resume(&mut self, ctx: &mut CallContext<'_>) {
        self.go_on_recording(ctx);
        // The relay is to be told anew.
        self.previewed = false;
        let is_gone =
            |operator: &OperatorId| ctx.facts.world.directory.operator(operator).is_none();
        if let Some(operator) = self.operator().filter(|operator| is_gone(operator)).cloned()
            && self.without_operator(operator, ctx)
        {
            return;
        }
        ctx.listen_anew(self.sources());
        self.follow_watch(ctx);
        match &self.state {
            OperatorCallState::Arriving { .. } | OperatorCallState::Queued => {
                if !ctx.facts.settings.queues.contains_key(&self.queue) {
                    return self.announce(Cause::NoOperator, ctx);
                }
                if !self.answered {
                    self.wait_on(ctx);
                }
            }
            OperatorCallState::Announcing { cause, .. } => {
                // What it had heard of it is not known.
                let until = self.end_of_announcement(*cause, ctx);
                if let OperatorCallState::Announcing { until: end, .. } = &mut self.state {
                    *end = until;
                }
            }
            OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => {}
        }
    }

    /// The file of the old process has ended with it.
    fn go_on_recording(&mut self, ctx: &mut CallContext<'_>) {
        let was_running = self.is_recorded();
        self.recording = RecordingState::Off;
        if was_running && ctx.facts.recording_room {
            self.begin_recording(ctx);
        }
    }

    /// Its operator's account is gone; whether that has changed anything.
    fn without_operator(&mut self, operator: OperatorId, ctx: &mut CallContext<'_>) -> bool {
        let by = leg::EndingSide::Us;
        if let Some(AnsweredOperator { phone, .. }) = self.seat().cloned() {
            ctx.hang_up(phone, Cause::Administrative);
            self.operator_gone(Cause::Lost, by, ctx);
            // A release that is in the journal completes.
            return !matches!(self.state, OperatorCallState::Leaving { .. });
        }
        match &mut self.state {
            OperatorCallState::Taken { abandoned: true, .. } => {
                self.finish("abandoned", Cause::Abandoned, EndedBy::Caller, ctx);
            }
            OperatorCallState::Taken { phone, .. } => {
                if let Some((phone, _)) = phone {
                    ctx.hang_up(*phone, Cause::Administrative);
                }
                self.back_in_queue(Some(operator), acd::QueuePlace::Front, ctx);
            }
            OperatorCallState::RingingYou { phone, .. } => {
                phone.call_off(Cause::Administrative, ctx);
                self.back_in_queue(Some(operator), acd::QueuePlace::Front, ctx);
            }
            OperatorCallState::InHand { .. } | OperatorCallState::Rejoining { .. } => {
                self.given_up("logged-out", ctx);
            }
            // It comes back to nobody, should it come back.
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
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
            | OperatorCallState::Ended => return false,
        }
        true
    }
}

impl OperatorCall {
    /// The phones of its operator rang in the old process, and nothing more is known of them.
    pub(super) fn ring_anew(&mut self, ctx: &mut CallContext<'_>) {
        if let OperatorCallState::RingingYou { operator, .. } = &self.state {
            self.ring(operator.clone(), ctx);
        }
    }

    /// The same of the phones of the wanted person.
    pub(super) fn consult_anew(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Consulting { seat, callee, then, .. } = &self.state else { return };
        let (seat, number, then) = (seat.clone(), callee.number.clone(), *then);
        // Nobody hears a moment of it: they are called in the same step.
        let before = std::mem::replace(&mut self.state, OperatorCallState::WithCaller { seat });
        if self.consult((&number, ""), then, ctx).is_err() {
            self.state = before;
            self.on_ringing_callee(ForkResult::Failed(Cause::Unreachable, vec![]), ctx);
        }
    }
}

impl DirectCall {
    /// Goes on in a new process; whether it was being recorded.
    pub fn resume(&mut self, recorded: bool, ctx: &mut CallContext<'_>) {
        match &mut self.state {
            // What it looked at is not in the configuration any more.
            DirectCallState::Arrived => {
                return self.finish(Cause::UnknownNumber, EndedBy::Server, ctx);
            }
            DirectCallState::Transferring { transfer } if transfer.referrer.is_some() => {
                transfer.target.call_off(Cause::Interrupted, ctx);
                self.transfer_failed(Cause::Interrupted, ctx);
                ctx.keep(&self.record);
            }
            DirectCallState::Ringing { .. }
            | DirectCallState::Talking { .. }
            | DirectCallState::Transferring { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => {}
        }
        if recorded && ctx.facts.recording_room {
            let (call, path) = (self.id, next_file(&self.record, ctx));
            self.record.recordings.push(path.clone());
            ctx.keep(&self.record);
            ctx.steps.push(CallStep::Recording(RecordingCommand::Begin { call, path }));
            ctx.leg(Command::Record { leg: self.caller, recording: Some(call) });
        }
        if self.answered {
            ctx.listen_anew(self.sources());
        }
    }
}

impl CallContext<'_> {
    /// Each gets again what it had, and a picture that it can begin with.
    fn listen_anew(&mut self, sources: Vec<(LegId, LegSource)>) {
        let seen = |(_, source): &(LegId, LegSource)| match source {
            LegSource::Leg(leg) => Some(*leg),
            LegSource::Wait(..)
            | LegSource::Farewell(..)
            | LegSource::WaitCamera(..)
            | LegSource::Camera(_)
            | LegSource::Told(_)
            | LegSource::RingBack
            | LegSource::Tone(_)
            | LegSource::Silence => None,
        };
        let seen: Vec<LegId> = sources.iter().filter_map(seen).collect();
        self.leg(Command::Listen(sources));
        for leg in seen {
            self.leg(Command::RequestKeyFrame { leg });
        }
    }
}
