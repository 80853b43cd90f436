//! The switchboard: queue, operators, desks and calls introduced to each other.
//!
//! ```text
//!   Incoming ─▶ dispatch ─┬─▶ OperatorCall ◀── commands ◀── desks ◀── INFO
//!                         └─▶ DirectCall              phones ◀── keys, feature codes
//!                                │ steps                 │
//!                                ▼                       ▼
//!               legs, journal, log        acd ◀──────▶ presence   (they speak through here only)
//! ```
//!
//! A call says what it wants as steps; [`Machine::perform`] carries each out, with all that follows
//! from it, before the next.

use super::api::{Effect, Input, SetState};
use super::desks::ControlDialogs;
use super::estimate::Estimate;
use super::leg_book::LegBook;
use super::phone_offers::Phones;
use super::settings::Settings;
use super::unacknowledged::Arriving;
use super::unauthenticated::UnauthenticatedCalls;
use super::watched_terminals::WatchedTerminals;
use crate::acd;
use crate::call::{
    AnsweredOperator, AnyCall, CallContext, CallFacts, CallInput, CallSettings, CallStep,
    CommandSource, DirectCall, Keep, OperatorCall, OperatorCallInput, Owner, Position, Positions,
    SwitchboardContext, status_of,
};
use crate::cause::Cause;
use crate::desk::event::CommandOutcome;
use crate::ids::{
    BootNumber, CallId, CameraId, LegId, LegIds, Number, OperatorId, QueueId, RequestId, Ticket,
};
use crate::leg;
use crate::media::Dropped;
use crate::presence;
use crate::random::Random;
use crate::time::{Instant, Now, earliest};
use std::collections::{BTreeMap, BTreeSet};

/// The switchboard.
#[derive(Debug)]
pub struct Machine {
    pub(super) settings: Settings,
    pub(super) random: Random,
    pub(super) acd: acd::Machine,
    pub(super) presence: presence::Machine,
    pub(super) calls: BTreeMap<CallId, AnyCall>,
    pub(super) requests: BTreeMap<RequestId, CallId>,
    /// What each operator has in hand; nothing of those who have no call.
    pub(super) positions: BTreeMap<OperatorId, Position>,
    /// The calls that are there to be picked.
    pub(super) parked: BTreeSet<RequestId>,
    /// The camera that each call looks at.
    pub(super) watching: BTreeMap<CallId, CameraId>,
    /// What came from the phones of each call and was not taken.
    pub(super) dropped: BTreeMap<CallId, Dropped>,
    /// The calls that have a recording.
    pub(super) recordings: BTreeSet<CallId>,
    /// Whether the disk has room for them.
    pub(super) recording_room: bool,
    /// The calls that are answered and not acknowledged, or told why before they are.
    pub(super) arriving: Arriving,
    /// The calls of guests that are not let in.
    pub(super) unauthenticated: UnauthenticatedCalls,
    pub(super) book: LegBook,
    pub(super) desks: ControlDialogs,
    pub(super) phones: Phones,
    /// How fast the queues move.
    pub(super) estimates: BTreeMap<QueueId, Estimate>,
    /// What the phone of each operator used last, until the operator is out.
    pub(super) spoken: BTreeMap<OperatorId, leg::Spoken>,
    /// Which queues are closed.
    pub(super) night: acd::NightService,
    /// Withdrawals that wait for the commit of the take that caused them.
    pub(super) held: BTreeMap<Ticket, Vec<acd::Effect>>,
    /// At which number each call rings.
    ringing: BTreeMap<CallId, Number>,
    pub(super) terminals: WatchedTerminals,
    /// The phones that are in a call of each call.
    engaged: BTreeMap<CallId, BTreeSet<Number>>,
    alarms: BTreeSet<(Instant, CallId)>,
    alarm_of: BTreeMap<CallId, Instant>,
    /// The calls that may be different since this was last asked.
    pub(super) touched: BTreeSet<CallId>,
    pub(super) last_call: u64,
    /// For the legs that go out.
    leg_ids: LegIds,
}

/// What one step into the switchboard is lent.
pub(super) struct Env<'a> {
    pub now: Now,
    pub world: SwitchboardContext<'a>,
    pub out: &'a mut Vec<Effect>,
}

impl Machine {
    /// A switchboard without calls, at this start; `last_call` is the highest number that the journal has seen.
    #[must_use]
    pub fn new(settings: Settings, random: Random, boot: BootNumber, last_call: u64) -> Self {
        Self {
            night: acd::NightService::new(&settings.acd.queues),
            acd: acd::Machine::new(settings.acd.clone()),
            presence: presence::Machine::new(settings.presence),
            settings,
            random,
            calls: BTreeMap::new(),
            requests: BTreeMap::new(),
            positions: BTreeMap::new(),
            parked: BTreeSet::new(),
            watching: BTreeMap::new(),
            dropped: BTreeMap::new(),
            recordings: BTreeSet::new(),
            recording_room: true,
            estimates: BTreeMap::new(),
            arriving: Arriving::default(),
            unauthenticated: UnauthenticatedCalls::default(),
            book: LegBook::default(),
            desks: ControlDialogs::default(),
            phones: Phones::default(),
            spoken: BTreeMap::new(),
            held: BTreeMap::new(),
            ringing: BTreeMap::new(),
            terminals: WatchedTerminals::default(),
            engaged: BTreeMap::new(),
            alarms: BTreeSet::new(),
            alarm_of: BTreeMap::new(),
            touched: BTreeSet::new(),
            last_call,
            leg_ids: LegIds::outgoing(boot),
        }
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Now, world: SwitchboardContext<'_>, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        let mut env = Env { now, world, out: &mut out };
        match input {
            Input::Incoming(incoming) => self.dispatch(&mut env, incoming),
            Input::Desk { leg, operator, over_udp, secure } => {
                self.open_desk(&mut env, leg, operator, over_udp, secure);
            }
            Input::Leg(event) => self.on_leg(&mut env, &event),
            Input::Registered(phone) => {
                self.terminals.touch(&phone);
                let number = phone.clone();
                self.on_presence(&mut env, presence::Input::PhoneRegistered { phone });
                self.phone_is_back(&mut env, &number);
            }
            Input::Unregistered(phone) => {
                self.terminals.touch(&phone);
                if !world.registrar.is_reachable(world.directory, &phone) {
                    self.on_presence(&mut env, presence::Input::PhoneUnregistered { phone });
                }
            }
            Input::Committed(ticket) => self.committed(&mut env, ticket),
            Input::Unwritten(ticket) => self.unwritten(&mut env, ticket),
            Input::RecordingFailed { call, text } => {
                self.recording_failed(&mut env, call, text);
            }
            Input::RecordingRoom(room) => self.recording_room(&mut env, room),
            Input::DirectoryChanged => self.directory_changed(&mut env),
            Input::SetState { operator, state } => {
                let input = match state {
                    SetState::Ready if self.may_be_logged_in(&env, &operator) => {
                        self.login_by_phone(&env, operator)
                    }
                    SetState::Ready => presence::Input::Ready { operator },
                    SetState::Dnd => presence::Input::Dnd { operator },
                    SetState::Out => presence::Input::Dismiss { operator },
                };
                self.on_presence(&mut env, input);
            }
            Input::ShutDown => self.shut_down(&mut env),
            Input::RestoreOperator(stored) => self.restore_operator(&mut env, stored),
            Input::RestoreResult { operator, id, kept } => {
                // Of a take or a release without an outcome the call says whether it was: else a repetition
                // is judged anew.
                if kept.result.is_some() {
                    self.desks.results.keep(&operator, &id, kept);
                }
            }
        }
        self.pump(&mut env);
        self.unauthenticated.sift(out)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let calls = self.alarms.first().map(|(at, _)| *at);
        let states = earliest(self.acd.deadline(), self.presence.deadline());
        let desks = earliest(self.desks.deadline(), self.phones.deadline());
        earliest(earliest(calls, self.night.deadline()), earliest(states, desks))
    }

    /// Does all that is due.
    #[must_use]
    pub fn tick(&mut self, now: Now, world: SwitchboardContext<'_>) -> Vec<Effect> {
        let mut out = Vec::new();
        let mut env = Env { now, world, out: &mut out };
        while let Some((_, id)) = self.alarms.first().copied().filter(|(at, _)| *at <= now.instant)
        {
            self.with_call(&mut env, id, CallInput::Tick);
        }
        let nights = self.night.tick(now);
        self.tell_nights(&mut env, nights);
        for effect in self.acd.tick(now.instant) {
            self.on_queue(&mut env, effect);
        }
        for effect in self.presence.tick(now.instant) {
            self.on_presence_effect(&mut env, effect);
        }
        let (unresponsive, silent) = self.desks.tick(now.instant);
        for operator in unresponsive {
            self.on_presence(&mut env, presence::Input::DeskUnresponsive { operator });
        }
        for operator in silent {
            self.desks.close(&operator, now.instant, Cause::Lost);
            self.desk_gone(&mut env, &operator, "it said nothing");
        }
        self.tick_phones(&mut env);
        self.pump(&mut env);
        self.unauthenticated.sift(out)
    }

    // ---- calls ----

    /// Lets a call think, then carries out what it wants. While it thinks nothing else happens; what
    /// follows finds it in its place, also where that leads back to it.
    pub(super) fn with_call(&mut self, env: &mut Env<'_>, id: CallId, input: CallInput<'_>) {
        let Some(mut call) = self.calls.remove(&id) else { return };
        self.touched.insert(id);
        let (seat, rejoining) = (seat_of(&call).cloned(), rejoining_of(&call).cloned());
        let ((), steps) = self.think(env, |ctx| call.handle(input, ctx));
        let was_through_operator = matches!(call, AnyCall::Operator(_));
        let call = self.settle(call);
        let is_handed_over = was_through_operator && matches!(call, AnyCall::Direct(_));
        self.set_alarm(id, &call);
        self.arriving.note(env.now.instant, id, &call);
        self.note_ear(id, seat, seat_of(&call));
        self.note_rejoining(id, rejoining.as_ref(), rejoining_of(&call));
        let (phones, request) = (call.phones(), call.request());
        self.set_ringing(id, call.ringing_at());
        match call.camera() {
            Some(camera) => self.watching.insert(id, camera),
            None => self.watching.remove(&id),
        };
        let is_over = call.is_over();
        if is_over {
            if let Some(request) = request {
                self.requests.remove(&request);
            }
        } else {
            self.calls.insert(id, call);
        }
        self.set_engaged(env, id, phones);
        self.perform(env, steps);
        if let Some(request) = request {
            self.list_parked(env, request, id);
        }
        if is_handed_over {
            // Its callee may be another operator.
            self.with_call(env, id, CallInput::Begun);
        }
        if is_over {
            self.dropped.remove(&id);
            self.end_recording(env, id);
        }
    }

    /// What comes of it when phones or calls think: with what they say, the steps that they want.
    pub(super) fn think<T>(
        &mut self,
        env: &Env<'_>,
        act: impl FnOnce(&mut CallContext<'_>) -> T,
    ) -> (T, Vec<CallStep>) {
        let facts = CallFacts {
            now: env.now,
            world: env.world,
            settings: CallSettings {
                queues: &self.settings.queues,
                ring_time: self.settings.ring_time,
                consult_ring_time: self.settings.consult_ring_time,
                lease: self.settings.presence.lease,
                recall: self.settings.recall,
                recordings: &self.settings.recordings,
            },
            positions: Positions {
                presence: &self.presence,
                positions: &self.positions,
                spoken: &self.spoken,
            },
            watching: &self.watching,
            recording_room: self.recording_room,
        };
        let mut ctx = CallContext::new(facts, &mut self.leg_ids);
        let said = act(&mut ctx);
        (said, ctx.steps)
    }

    /// A call that was handed over goes on as an ordinary one.
    fn settle(&mut self, call: AnyCall) -> AnyCall {
        let AnyCall::Operator(operator_call) = call else { return call };
        let Some(callee) = operator_call.handed_over_to().cloned() else {
            return AnyCall::Operator(operator_call);
        };
        self.requests.remove(&operator_call.request);
        let OperatorCall { id, caller, identity, record, .. } = *operator_call;
        AnyCall::Direct(Box::new(DirectCall::handed_over(id, caller, identity, record, callee)))
    }

    pub(super) fn set_alarm(&mut self, id: CallId, call: &AnyCall) {
        self.forget_alarm(id);
        if let Some(at) = call.deadline() {
            self.alarm_of.insert(id, at);
            self.alarms.insert((at, id));
        }
    }

    pub(super) fn forget_alarm(&mut self, id: CallId) {
        if let Some(at) = self.alarm_of.remove(&id) {
            self.alarms.remove(&(at, id));
        }
    }

    /// Tells presence which phones this call has made busy, and which it has freed.
    pub(super) fn set_engaged(&mut self, env: &mut Env<'_>, id: CallId, now: BTreeSet<Number>) {
        let before = self.engaged.get(&id).cloned().unwrap_or_default();
        if now == before {
            return;
        }
        if now.is_empty() {
            self.engaged.remove(&id);
        } else {
            self.engaged.insert(id, now.clone());
        }
        for phone in before.symmetric_difference(&now) {
            self.terminals.touch(phone);
        }
        for phone in before.difference(&now) {
            self.on_presence(env, presence::Input::CallOver { phone: phone.clone() });
            self.weigh_hand_at(env, phone);
        }
        for phone in now.difference(&before) {
            self.on_presence(env, presence::Input::CallBegun { phone: phone.clone() });
            self.weigh_hand_at(env, phone);
        }
    }

    /// Notes at which number this call rings now.
    pub(super) fn set_ringing(&mut self, id: CallId, now: Option<&Number>) {
        if self.ringing.get(&id) == now {
            return;
        }
        let before = match now {
            Some(number) => self.ringing.insert(id, number.clone()),
            None => self.ringing.remove(&id),
        };
        for number in before.iter().chain(now) {
            self.terminals.touch(number);
        }
    }

    /// Whether a call rings at this number.
    pub(super) fn rings_at(&self, number: &Number) -> bool {
        self.ringing.values().any(|ringing| ringing == number)
    }

    /// In how many ordinary calls a phone is.
    pub(super) fn calls_at(&self, phone: &Number) -> u32 {
        let count = self.engaged.values().filter(|phones| phones.contains(phone)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    pub(super) fn add_call(&mut self, env: &mut Env<'_>, id: CallId, call: AnyCall, leg: LegId) {
        self.book.own(leg, Owner::Call(id));
        if let Some(request) = call.request() {
            self.requests.insert(request, id);
        }
        self.calls.insert(id, call);
        self.with_call(env, id, CallInput::Begun);
    }

    pub(super) fn operator_call(&self, request: RequestId) -> Option<&OperatorCall> {
        match self.calls.get(self.requests.get(&request)?)? {
            AnyCall::Operator(call) => Some(call),
            AnyCall::Direct(_) => None,
        }
    }

    pub(super) fn with_request(
        &mut self,
        env: &mut Env<'_>,
        request: RequestId,
        input: OperatorCallInput,
    ) {
        let Some(id) = self.requests.get(&request).copied() else { return };
        self.with_call(env, id, CallInput::Operator(input));
    }

    /// The house ends a call through an operator.
    pub(super) fn end_request(
        &mut self,
        env: &mut Env<'_>,
        request: RequestId,
        reason: &'static str,
        cause: Cause,
    ) {
        let Some(id) = self.requests.get(&request).copied() else { return };
        self.with_call(env, id, CallInput::End { reason, cause });
    }

    // ---- steps ----

    pub(super) fn perform(&mut self, env: &mut Env<'_>, steps: Vec<CallStep>) {
        for step in steps {
            match step {
                CallStep::Leg(command) => env.out.push(Effect::Leg(command)),
                CallStep::Call(leg, owner, call) => {
                    self.book.own(leg, owner);
                    env.out.push(Effect::Leg(leg::Command::Call { leg, call }));
                }
                CallStep::Own(leg, owner) => self.book.own(leg, owner),
                CallStep::HangUp(leg, cause) => {
                    if self.book.forget(leg) {
                        env.out.push(Effect::Leg(leg::Command::End { leg, cause }));
                    }
                }
                CallStep::Refuse(leg, refusal) => {
                    if self.book.forget(leg) {
                        env.out.push(Effect::Leg(leg::Command::Refuse { leg, refusal }));
                    }
                }
                CallStep::Queue(input) => {
                    for effect in self.acd.handle(env.now.instant, input) {
                        self.on_queue(env, effect);
                    }
                }
                CallStep::Presence(input) => self.on_presence(env, input),
                CallStep::Free(operator, call) => self.free(env, operator, call),
                CallStep::Hold(operator, call) => self.hold(env, operator, call),
                CallStep::LeavePhone { call, operator, phone, cause } => {
                    self.leave_phone(env, call, &operator, (phone, cause));
                }
                CallStep::AtHand(operator, phone) => self.phone_at_hand(env, &operator, phone),
                CallStep::DropHand(operator) => self.drop_hand(env, &operator, "phone-gone"),
                CallStep::RecallTone(operator) => self.sound_recall(env, &operator),
                CallStep::Tell(operator, event) => self.desks.tell(&operator, event),
                CallStep::Answer(asker, outcome) => self.answer(env, asker, &outcome),
                CallStep::Keep(keep, ticket) => env.out.push(Effect::Keep { keep, ticket }),
                CallStep::Recording(recording) => self.on_recording(env, recording),
                CallStep::Log(log_event) => env.out.push(Effect::Log(log_event)),
                CallStep::Onward(onward) => self.go_onward(env, *onward),
            }
        }
    }

    pub(super) fn answer(
        &mut self,
        env: &mut Env<'_>,
        asker: CommandSource,
        outcome: &CommandOutcome,
    ) {
        match asker {
            CommandSource::Desk { operator, id, content } => {
                let now = env.now.unix;
                let kept = self.desks.answer(now, &operator, (&id, &content), outcome);
                self.desks.results.keep(&operator, &id, kept.clone());
                let keep = Keep::DeskResult { operator, id, kept };
                env.out.push(Effect::Keep { keep, ticket: None });
            }
            CommandSource::Keys { leg } => self.answer_keys(env, leg, outcome),
            CommandSource::Refer { leg } => {
                let status = status_of(outcome);
                env.out.push(Effect::Leg(leg::Command::ReferProgress { leg, status }));
            }
            CommandSource::Nobody => {}
        }
    }

    /// Sends what the desks still have to hear, as far as each can take it.
    pub(super) fn pump(&mut self, env: &mut Env<'_>) {
        self.tell_terminals(env);
        let mut commands = Vec::new();
        for leg in self.desks.pump(env.now.instant, &mut commands) {
            self.book.forget(leg);
        }
        env.out.extend(commands.into_iter().map(Effect::Leg));
    }

    fn shut_down(&mut self, env: &mut Env<'_>) {
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        let cause = Cause::Administrative;
        for id in calls {
            self.with_call(env, id, CallInput::End { reason: "shut-down", cause });
        }
        self.desks.close_all(env.now.instant, cause);
    }
}

/// The operator whose lost phone is called again for a call.
pub(super) fn rejoining_of(call: &AnyCall) -> Option<&OperatorId> {
    match call {
        AnyCall::Operator(call) => call.rejoining(),
        AnyCall::Direct(_) => None,
    }
}

/// The operator at the phone of a call, if one is on the line.
pub(super) fn seat_of(call: &AnyCall) -> Option<&AnsweredOperator> {
    match call {
        AnyCall::Operator(call) => call.seat(),
        AnyCall::Direct(_) => None,
    }
}
