//! Dispatch: what a new call is, and where it goes (R1.3).
//!
//! ```text
//!   no answer to its offer can ever be ──▶ 488
//!   operator number? ──▶ its queue, whatever the caller's level; 488 where its sound cannot be made
//!   feature code?    ──▶ its phone-only operator
//!   permit, level    ──▶ 403, or the operator where `on_refusal` says so
//!   number unknown   ──▶ 404
//!   desk phone in an operator call ──▶ 486
//!   no contact       ──▶ 480
//!   camera           ──▶ its picture, or 488 where the caller has no video
//!   else its phones ring
//! ```

use super::api::{Effect, IncomingCall, Offered};
use super::machine::{Env, Machine};
use super::settings::OnRefusal;
use crate::acd;
use crate::call::admission::{CallOrigin, Callee, CallerIdentity};
use crate::call::call_record::{CallRecord, EndedBy};
use crate::call::{
    AnsweredBy, AnyCall, ArrivedCall, CallInput, CallStep, DirectCall, DirectCallInput, Keep,
    LogEvent, Onward, OperatorCall, OperatorCallInput, Owner, admission, refusal,
};
use crate::cause::Cause;
use crate::desk::event::OfferedCall;
use crate::directory::Meaning;
use crate::ids::{CallId, LegId, Number, QueueId, RequestId};
use crate::leg::Command;
use crate::media::WaitingProfileId;

/// A call enters queues at most so often: full queues, and closed ones, may name each other.
const QUEUED_MAX: usize = 8;

impl Machine {
    pub(super) fn dispatch(&mut self, env: &mut Env<'_>, incoming: IncomingCall) {
        if let Some(replaced) = incoming.replaces {
            return self.replace(env, &incoming, replaced);
        }
        let IncomingCall { leg, flow, identity, dialled, params, no_queue, sips, offer, .. } =
            incoming;
        let directory = env.world.directory;
        self.last_call += 1;
        let call = CallId(self.last_call);
        let caller = identity.described();
        let record = self.new_record(env, call, &identity, &dialled);
        let (session, to) = (record.session.clone(), dialled.clone());
        env.out.push(Effect::Log(LogEvent::Arrived { call, session, caller, dialled: to }));
        let meaning = directory.meaning(&dialled);
        if let CallOrigin::Guest { .. } = identity.origin
            && !matches!(meaning, Meaning::FeatureCode)
        {
            self.unauthenticated.called(call, flow);
        }
        // What can never be answered rings nobody.
        let unmet = match meaning {
            Meaning::Queue(_) | Meaning::FeatureCode => offer.keeps_from_waiting(),
            Meaning::Desk
            | Meaning::Camera(_)
            | Meaning::Terminal(_)
            | Meaning::Trunk(_)
            | Meaning::Unknown => offer.unmet,
        };
        if let Some(cause) = unmet {
            return self.refuse(env, leg, record, cause);
        }
        match meaning {
            Meaning::Queue(_) if no_queue => {
                self.refuse(env, leg, record, Cause::NoOperator);
            }
            Meaning::Queue(queue) => {
                let queue = queue.clone();
                self.enter_queue(env, (call, leg), identity, record, queue, false);
            }
            Meaning::FeatureCode => {
                let phone = identity.terminal().cloned();
                self.feature_code(env, leg, phone.as_ref(), &dialled);
            }
            Meaning::Desk
            | Meaning::Camera(_)
            | Meaning::Terminal(_)
            | Meaning::Trunk(_)
            | Meaning::Unknown => {
                let wish = (&dialled, &*params, sips, offer);
                self.call_directly(env, (call, leg), identity, record, wish);
            }
        }
    }

    fn new_record(
        &mut self,
        env: &Env<'_>,
        call: CallId,
        identity: &CallerIdentity,
        dialled: &Number,
    ) -> CallRecord {
        CallRecord {
            call,
            request: None,
            session: self.random.hex(32),
            queue: None,
            caller: identity.shown(),
            caller_name: identity.name.clone(),
            origin: identity.origin_word(),
            dialled: dialled.clone(),
            operators: vec![],
            callee: None,
            began: env.now.unix,
            answered: None,
            phases: vec![],
            handover: None,
            ended: None,
            recordings: vec![],
            health: String::new(),
        }
    }

    fn refuse(&mut self, env: &mut Env<'_>, leg: LegId, mut record: CallRecord, cause: Cause) {
        record.end(env.now.unix, cause, EndedBy::Server);
        let call = record.call;
        let keep = Keep::Call(Box::new(record));
        env.out.push(Effect::Leg(Command::Refuse { leg, refusal: refusal(cause) }));
        env.out.push(Effect::Keep { keep, ticket: None });
        env.out.push(Effect::Log(LogEvent::Ended { call, cause, by: EndedBy::Server }));
    }

    // ---- to an operator ----

    pub(super) fn enter_queue(
        &mut self,
        env: &mut Env<'_>,
        (id, caller): (CallId, LegId),
        identity: CallerIdentity,
        mut record: CallRecord,
        queue: QueueId,
        answered: bool,
    ) {
        // The id is minted before any operator is told (R3.1).
        let request = RequestId(self.random.u64());
        record.request = Some(request);
        record.queue = Some(queue.clone());
        if !record.recordings.is_empty() {
            // What was recorded before ends here; this queue may record nothing.
            let command = Command::Record { leg: caller, recording: None };
            env.out.push(Effect::Leg(command));
        }
        let settings = self.settings.queues.get(&queue);
        let answered_by = match identity.origin {
            // Only its ACK shows that a guest is there. A gateway whose callers pay is a trunk.
            CallOrigin::Guest { .. } => AnsweredBy::Queue,
            CallOrigin::Terminal(_) | CallOrigin::Trunk(_) => {
                settings.map_or(AnsweredBy::Queue, |settings| settings.answer)
            }
        };
        let camera = settings.and_then(|settings| settings.camera);
        let waiting_profile =
            settings.map_or(WaitingProfileId::DEFAULT, |settings| settings.waiting_profile);
        let (share, directory) = (identity.share(), env.world.directory);
        let priorities = self.acd.priorities(&queue);
        let priority = priorities.map_or(0, |given| identity.priority(given, directory));
        let never_to = identity.terminal().and_then(|own| self.presence.at_phone(own)).cloned();
        let arrived = ArrivedCall {
            id,
            request,
            queue: queue.clone(),
            caller,
            identity,
            record,
            answered,
            answered_by,
            camera,
            waiting_profile,
            crowded: self.acd.is_crowded(&queue, never_to.as_ref()),
        };
        let call = AnyCall::Operator(Box::new(OperatorCall::new(arrived)));
        self.add_call(env, id, call, caller);
        if self.finds_night(env, request) {
            return;
        }
        let arrives = !answered && answered_by == AnsweredBy::Queue;
        let answered = answered || answered_by == AnsweredBy::Queue;
        let told = None;
        let arrival = acd::Arrival { request, share, queue, never_to, priority, answered, told };
        match self.acd.admits(&arrival) {
            Ok(position) if arrives => self.let_arrive(env, arrival, position),
            Ok(_) | Err(_) => {
                self.with_request(env, request, OperatorCallInput::QueueUp);
                self.perform(env, vec![CallStep::Queue(acd::Input::Arrive(arrival))]);
            }
        }
    }

    pub(super) fn on_refused(
        &mut self,
        env: &mut Env<'_>,
        request: RequestId,
        why: acd::QueueRefusal,
    ) {
        match why {
            acd::QueueRefusal::Overflow { to } => self.send_on(env, request, to, "a full queue"),
            acd::QueueRefusal::QueueFull => self.tell_why(env, request, Cause::QueueFull),
            acd::QueueRefusal::NobodyPresent => self.tell_why(env, request, Cause::NoOperator),
            acd::QueueRefusal::ShareFull(share) => {
                let cause = match share {
                    acd::Share::Terminal(_) => Cause::TooManyOwn,
                    acd::Share::Trunk(_) => Cause::QueueFull,
                    acd::Share::Guests => Cause::TooManyGuests,
                };
                match self.operator_call(request).is_some_and(|call| call.answered) {
                    true => {
                        let told = OperatorCallInput::Announce(Cause::QueueFull);
                        self.with_request(env, request, told);
                    }
                    // Who fills the house gets neither its voice nor its time.
                    false => self.end_request(env, request, "share-full", cause),
                }
            }
        }
    }

    pub(super) fn on_wait_over(&mut self, env: &mut Env<'_>, request: RequestId, why: acd::Ending) {
        match why {
            acd::Ending::Overflow { to } => self.send_on(env, request, to, "the longest wait"),
            acd::Ending::Exit { key, to } => {
                self.send_on(env, request, to, &format!("key {key}"));
            }
            acd::Ending::WaitedTooLong => {
                let told = OperatorCallInput::Announce(Cause::WaitedTooLong);
                self.with_request(env, request, told);
            }
            acd::Ending::NobodyPresent => {
                let told = OperatorCallInput::Announce(Cause::NoOperator);
                self.with_request(env, request, told);
            }
        }
    }

    /// A caller goes on to another number, by appointment of an administrator or to an operator: no
    /// admission.
    pub(super) fn go_onward(&mut self, env: &mut Env<'_>, onward: Onward) {
        let Onward { call, leg, identity, record, to, answered } = onward;
        let callee = match env.world.directory.meaning(&to) {
            Meaning::Queue(queue)
                if record.times_queued().max(record.times_moved()) < QUEUED_MAX =>
            {
                let queue = queue.clone();
                return self.enter_queue(env, (call, leg), identity, record, queue, answered);
            }
            Meaning::Terminal(terminal) => Some(Callee::Terminal(terminal.number.clone())),
            Meaning::Trunk(trunk) => {
                let (trunk, params) = (trunk.name.clone(), String::new());
                Some(Callee::Trunk { trunk, number: to.clone(), params })
            }
            Meaning::Queue(_)
            | Meaning::Camera(_)
            | Meaning::Desk
            | Meaning::FeatureCode
            | Meaning::Unknown => None,
        };
        let direct = DirectCall::new(call, leg, identity, record, answered);
        let begin = match callee {
            Some(callee) => CallInput::Direct(DirectCallInput::Appoint(callee)),
            None => CallInput::End { reason: "unreachable", cause: Cause::UnknownNumber },
        };
        self.begin_direct(env, direct, begin);
    }

    fn begin_direct(&mut self, env: &mut Env<'_>, direct: DirectCall, begin: CallInput<'_>) {
        let (id, leg) = (direct.id, direct.caller);
        self.book.own(leg, Owner::Call(id));
        self.calls.insert(id, AnyCall::Direct(Box::new(direct)));
        self.with_call(env, id, begin);
    }

    /// How a desk sees a waiting call.
    pub(super) fn waiting_view(
        &self,
        request: RequestId,
        position: usize,
        waiting: usize,
    ) -> Option<OfferedCall> {
        let call = self.operator_call(request)?;
        Some(OfferedCall {
            request,
            queue: call.queue.clone(),
            caller: call.caller_view(),
            since: call.record.began,
            position,
            waiting,
            priority: self.acd.priority(request),
            stills: call.previewed,
        })
    }

    // ---- directly ----

    fn call_directly(
        &mut self,
        env: &mut Env<'_>,
        (id, leg): (CallId, LegId),
        identity: CallerIdentity,
        record: CallRecord,
        (dialled, params, sips, offer): (&Number, &str, bool, Offered),
    ) {
        let admitted = match admission::admit(env.world.directory, &identity, dialled) {
            Ok(admitted) => admitted.with_params(params),
            Err(rule) => {
                let caller = identity.described();
                let (dialled, why) = (dialled.clone(), rule.to_string());
                env.out.push(Effect::Log(LogEvent::Refused { call: id, caller, dialled, why }));
                let queue = self.settings.for_the_refused().cloned();
                return match (self.settings.on_refusal, queue) {
                    (OnRefusal::Operator, Some(queue))
                        if rule.cause() == Cause::NotPermitted
                            && offer.keeps_from_waiting().is_none() =>
                    {
                        self.enter_queue(env, (id, leg), identity, record, queue, false);
                    }
                    (OnRefusal::Operator | OnRefusal::Refuse, Some(_) | None) => {
                        self.refuse(env, leg, record, rule.cause());
                    }
                };
            }
        };
        let mut direct = DirectCall::new(id, leg, identity, record, false);
        (direct.sees, direct.sips) = (offer.video, sips);
        let place = DirectCallInput::Place(Box::new(admitted));
        self.begin_direct(env, direct, CallInput::Direct(place));
    }
}
