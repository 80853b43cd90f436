//! What desks ask for, given its meaning: hello, take, consult and their kin.

use super::api::Effect;
use super::desks::Received;
use super::machine::{Env, Machine};
use super::watched_terminals::TerminalState;
use crate::acd;
use crate::call::{
    AnyCall, CallInput, CallStep, CommandSource, DirectCallInput, Keep, LogEvent,
    OperatorCallInput, Owner, refusal,
};
use crate::cause::Cause;
use crate::desk::command::{BadCommand, Command, Verb, WhichCall};
use crate::desk::event::{CommandOutcome, CommandRefusal, DeskEvent};
use crate::desk::outbox::DeskMessage;
use crate::desk::results::StoredResult;
use crate::dialog::{Body, ServerTx};
use crate::directory::OperatorMode;
use crate::ids::{LegId, Number, OperatorId, QueueId, RequestId};
use crate::leg;
use crate::presence::{self, DeskPhone, PhoneState, PresenceView};
use serde_json::{Value, json};

/// `find` answers with at most so many terminals.
pub const FOUND_MAX: usize = 20;
/// The longest list of found terminals over UDP, in bytes of JSON.
const FOUND_BYTES_OVER_UDP: usize = 700;

impl Machine {
    pub(super) fn open_desk(
        &mut self,
        env: &mut Env<'_>,
        leg: LegId,
        operator: OperatorId,
        over_udp: bool,
        secure: bool,
    ) {
        let account = env.world.directory.operator(&operator);
        // Whoever sits there is told it in these words.
        let why = match account.map(|account| account.mode) {
            Some(OperatorMode::Desk) if self.settings.secure_only && !secure => {
                Some("Desks come by TLS or WSS alone")
            }
            Some(OperatorMode::Desk) => None,
            Some(OperatorMode::Phone) => Some("This operator works by phone alone"),
            None => Some(Cause::NotPermitted.text()),
        };
        if let Some(why) = why {
            let refusal =
                leg::InviteRefusal { phrase: why.to_owned(), ..refusal(Cause::NotPermitted) };
            env.out.push(Effect::Leg(leg::Command::Refuse { leg, refusal }));
            return;
        }
        env.out.push(Effect::Leg(leg::Command::AcceptDesk { leg }));
        self.book.own(leg, Owner::Desk(operator.clone()));
        self.desks.open(&operator, leg, over_udp, env.now.instant);
        env.out.push(Effect::Log(LogEvent::DeskUp { operator }));
    }

    pub(super) fn on_info(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        leg: LegId,
        transaction: ServerTx,
        package: &str,
        body: &Body,
    ) {
        let received = self.desks.receive(env.now, operator, leg, package, body);
        let (status, phrase, retry_after, command) = match received {
            Received::Refused { status, phrase, retry_after } => {
                (status, phrase, retry_after, None)
            }
            Received::Command(command) => (200, String::new(), None, Some(command)),
            Received::Repeated => (200, String::new(), None, None),
        };
        let respond = leg::Command::Respond { leg, transaction, status, phrase, retry_after };
        env.out.push(Effect::Leg(respond));
        if let Some(command) = command {
            self.command(env, operator, command);
        }
    }

    fn command(&mut self, env: &mut Env<'_>, operator: &OperatorId, command: Command) {
        let Command { id, content, which, verb } = command;
        let asker = CommandSource::Desk {
            operator: operator.clone(),
            id: id.clone(),
            content: content.clone(),
        };
        let verb = match verb {
            Ok(verb) => verb,
            Err(wrong) => {
                let refusal = match wrong {
                    BadCommand::UnknownCommand => CommandRefusal::UnknownCommand,
                    BadCommand::BadField(field) => CommandRefusal::BadField { field },
                };
                return self.reply(env, operator, &asker, &CommandOutcome::Refused(refusal), true);
            }
        };
        let keep = !verb.is_harmless();
        if keep {
            // Kept before it acts: a repetition has no second effect.
            let kept = StoredResult { content, result: None, at: env.now.unix };
            self.desks.results.keep(operator, &id, kept.clone());
            let keep = Keep::DeskResult { operator: operator.clone(), id, kept };
            env.out.push(Effect::Keep { keep, ticket: None });
        }
        let mut steps = Vec::new();
        match self.obey(env, operator, (&verb, which), &asker, &mut steps) {
            Ok(Some(outcome)) => self.reply(env, operator, &asker, &outcome, keep),
            Ok(None) => {}
            Err(refusal) => {
                self.reply(env, operator, &asker, &CommandOutcome::Refused(refusal), keep);
            }
        }
        self.perform(env, steps);
    }

    fn reply(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        asker: &CommandSource,
        outcome: &CommandOutcome,
        keep: bool,
    ) {
        let CommandSource::Desk { id, content, .. } = asker else { return };
        let kept = self.desks.answer(env.now.unix, operator, (id, content), outcome);
        if keep {
            self.desks.results.keep(operator, id, kept.clone());
            let keep = Keep::DeskResult { operator: operator.clone(), id: id.clone(), kept };
            env.out.push(Effect::Keep { keep, ticket: None });
        }
    }

    /// Carries out one command. What it causes goes into `steps`, behind its result; `None` when the
    /// result comes later.
    fn obey(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        (verb, which): (&Verb, WhichCall),
        asker: &CommandSource,
        steps: &mut Vec<CallStep>,
    ) -> Result<Option<CommandOutcome>, CommandRefusal> {
        if !self.desks.is_up(operator) && !matches!(verb, Verb::Hello { .. } | Verb::Ping) {
            return Err(CommandRefusal::WrongPhase { phase: "before-hello" });
        }
        let own = operator.clone();
        match verb {
            Verb::Ping => {}
            Verb::Hello { phone } => {
                return self.hello(env, operator, phone.as_ref(), asker).map(|()| None);
            }
            Verb::Ready => steps.push(CallStep::Presence(presence::Input::Ready { operator: own })),
            Verb::Dnd => steps.push(CallStep::Presence(presence::Input::Dnd { operator: own })),
            Verb::Logout => {
                steps.push(CallStep::Presence(presence::Input::Logout { operator: own }))
            }
            Verb::Watch { numbers } => self.terminals.watch(operator, numbers.clone()),
            Verb::Find { text } => return Ok(Some(self.find(env, operator, text))),
            Verb::Take { request } => {
                return self.take_by_desk(env, operator, *request, asker).map(|()| None);
            }
            Verb::Decline { request } => self.decline(env, operator, *request)?,
            Verb::Consult { .. }
            | Verb::Alternate { .. }
            | Verb::Cancel
            | Verb::Connect
            | Verb::Release { .. }
            | Verb::Retrieve { .. }
            | Verb::Record { .. }
            | Verb::Park { .. }
            | Verb::Transfer { .. }
            | Verb::Serial { .. }
            | Verb::Hangup => return self.command_call(env, operator, (verb, which), asker),
            Verb::Swap => {
                return self.swap(env, operator, which, asker.clone()).map(|()| None);
            }
            Verb::Pick => return self.pick(env, operator, which, asker).map(|()| None),
        }
        Ok(Some(CommandOutcome::Ok))
    }

    /// A command to a call in hand. Its result goes before the events that it causes.
    fn command_call(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        (verb, which): (&Verb, WhichCall),
        asker: &CommandSource,
    ) -> Result<Option<CommandOutcome>, CommandRefusal> {
        if matches!(verb, Verb::Park { .. } | Verb::Serial { .. }) {
            self.works_with_several(env.world.directory, operator)?;
        }
        let id = self.find_call(operator, which)?;
        let (verb, asker) = (verb.clone(), asker.clone());
        let command = CallInput::Operator(OperatorCallInput::Command { verb, asker });
        self.with_call(env, id, command);
        // It has had its result among the steps, or gets it later.
        Ok(None)
    }

    fn take_by_desk(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        request: Option<RequestId>,
        asker: &CommandSource,
    ) -> Result<(), CommandRefusal> {
        let phase = self.phase_of(operator);
        let view = self.presence.view(operator);
        let view = view.filter(|view| view.state != presence::OperatorState::Out);
        let Some(view) = view else { return Err(CommandRefusal::WrongPhase { phase: "out" }) };
        let is_busy = view.state == presence::OperatorState::Busy;
        if is_busy && !self.has_room(env.world.directory, operator) {
            return Err(CommandRefusal::WrongPhase { phase });
        }
        let request = request.ok_or(CommandRefusal::NoSuchRequest)?;
        if view.phone_state == PhoneState::Unregistered && !is_busy {
            return Err(CommandRefusal::PhoneUnregistered);
        }
        self.ear_can_be_had(operator)?;
        self.take(env, request, operator, asker.clone(), None).map_err(|why| denied(why, phase))
    }

    fn decline(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        request: Option<RequestId>,
    ) -> Result<(), CommandRefusal> {
        let request = request.ok_or(CommandRefusal::NoSuchRequest)?;
        let phase = self.phase_of(operator);
        let input = acd::Input::Decline { request, operator: operator.clone() };
        let mut refused = None;
        for effect in self.acd.handle(env.now.instant, input) {
            match effect {
                acd::Effect::DeclineRefused { why, .. } => refused = Some(why),
                effect => self.on_queue(env, effect),
            }
        }
        if let Some(why) = refused {
            return Err(denied(why, phase));
        }
        self.withdraw_from_phone(env, operator, request, Cause::Declined);
        Ok(())
    }

    pub(super) fn phase_of(&self, operator: &OperatorId) -> &'static str {
        let main = self.positions.get(operator).and_then(|position| position.main());
        match main.and_then(|id| self.calls.get(&id)) {
            Some(AnyCall::Operator(call)) => call.phase(),
            Some(AnyCall::Direct(_)) | None => match self.presence.view(operator) {
                Some(view) if view.state == presence::OperatorState::Busy => "busy",
                Some(_) | None => "idle",
            },
        }
    }

    // ---- hello ----

    fn hello(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        wanted: Option<&Number>,
        asker: &CommandSource,
    ) -> Result<(), CommandRefusal> {
        let phone = self.desk_phone(env, operator, wanted)?;
        let boot = self.settings.boot.clone();
        let welcome =
            DeskEvent::Welcome { operator: operator.clone(), phone: phone.number.clone(), boot };
        self.on_presence(env, presence::Input::Login { operator: operator.clone(), phone });
        self.reply(env, operator, asker, &CommandOutcome::Ok, false);
        self.desks.greet(operator);
        self.terminals.forget(operator);
        self.desks.say(operator, DeskMessage::Snapshot(welcome));
        if let Some(view) = self.presence.view(operator) {
            self.desks.say(operator, DeskMessage::Snapshot(state_event(&view)));
        }
        self.say_nights(env, operator);
        let mut offers = 0;
        for listed in self.acd.list(operator) {
            let view = self.waiting_view(listed.request, listed.position, listed.waiting);
            let Some(view) = view else { continue };
            offers += 1;
            self.desks.say(
                operator,
                DeskMessage::Snapshot(match listed.telling {
                    acd::Telling::Offered => DeskEvent::Offer(view),
                    acd::Telling::Shown => DeskEvent::Waiting(view),
                }),
            );
        }
        let held = self.positions.get(operator).into_iter().flat_map(|position| position.calls());
        for id in held.collect::<Vec<_>>() {
            if let Some(AnyCall::Operator(call)) = self.calls.get(&id) {
                self.desks.say(operator, DeskMessage::Snapshot(call.view(None)));
                if let Some(callee) = call.callee_view() {
                    self.desks.say(operator, DeskMessage::Snapshot(callee));
                }
                if call.seat().is_some() {
                    self.desks.say(operator, DeskMessage::Event(call.senses_view()));
                }
            }
        }
        for event in self.let_go_by(operator) {
            self.desks.say(operator, DeskMessage::Snapshot(event));
        }
        for parked in self.parked_for(env.world.directory, operator) {
            self.desks.say(operator, DeskMessage::Snapshot(DeskEvent::Parked(parked)));
        }
        self.desks.say(operator, DeskMessage::Snapshot(DeskEvent::SnapshotEnd { offers }));
        for id in self.direct_calls_of(operator) {
            let greet = DirectCallInput::Greet { operator: operator.clone() };
            self.with_call(env, id, CallInput::Direct(greet));
        }
        // A phone that began anew with its desk does not know its call any more.
        let phone = self.positions.get(operator).and_then(|position| position.phone());
        env.out.extend(phone.map(|leg| Effect::Leg(leg::Command::Probe { leg })));
        self.call_lost_phone(env, operator);
        Ok(())
    }

    /// The phone at which an operator may sit down, as it is now.
    fn desk_phone(
        &self,
        env: &Env<'_>,
        operator: &OperatorId,
        wanted: Option<&Number>,
    ) -> Result<DeskPhone, CommandRefusal> {
        let directory = env.world.directory;
        let account = directory.operator(operator);
        let account =
            account.ok_or(CommandRefusal::Refused { text: "this account was removed" })?;
        let seat = self.presence.view(operator).and_then(|view| view.phone);
        let number = wanted.or(seat.as_ref()).unwrap_or(&account.phone).clone();
        if wanted.is_some() && directory.terminal(&number).is_none() {
            return Err(CommandRefusal::NoSuchNumber);
        }
        if !account.may_use(&number) {
            return Err(CommandRefusal::Refused { text: "this phone is not one of yours" });
        }
        if self.presence.at_phone(&number).is_some_and(|by| by != operator) {
            return Err(CommandRefusal::Refused { text: "another operator sits at this phone" });
        }
        let phase = self.phase_of(operator);
        if phase != "idle" && seat.as_ref().is_some_and(|seat| *seat != number) {
            return Err(CommandRefusal::WrongPhase { phase });
        }
        Ok(self.seat_at(env, number))
    }

    pub(super) fn seat_at(&self, env: &Env<'_>, number: Number) -> DeskPhone {
        let registered = env.world.registrar.is_reachable(env.world.directory, &number);
        let calls = self.calls_at(&number);
        DeskPhone { number, registered, calls }
    }

    /// Whether it is out, and its phone alone is enough for it to be in.
    pub(super) fn may_be_logged_in(&self, env: &Env<'_>, operator: &OperatorId) -> bool {
        let view = self.presence.view(operator);
        let is_out = view.is_some_and(|view| view.state == presence::OperatorState::Out);
        is_out && self.is_phone_operator(env, operator)
    }

    /// The login at its own phone.
    pub(super) fn login_by_phone(&self, env: &Env<'_>, operator: OperatorId) -> presence::Input {
        let account = env.world.directory.operator(&operator);
        let number = account.map_or_else(|| Number::from(operator.as_str()), |a| a.phone.clone());
        presence::Input::Login { operator, phone: self.seat_at(env, number) }
    }

    // ---- find ----

    fn find(&self, env: &Env<'_>, operator: &OperatorId, text: &str) -> CommandOutcome {
        let bytes_max = match self.desks.is_over_udp(operator) {
            true => FOUND_BYTES_OVER_UDP,
            false => usize::MAX,
        };
        let (mut found, mut bytes, mut more) = (Vec::new(), 0, false);
        for terminal in env.world.directory.find(text) {
            let name: String = terminal.name.chars().take(crate::desk::event::NAME_MAX).collect();
            let state = match self.terminal_state(env, &terminal.number) {
                TerminalState::Free => "idle",
                TerminalState::Ringing | TerminalState::Talking => "busy",
                TerminalState::Away => "unregistered",
            };
            let value = json!({"number": terminal.number.as_str(), "name": name, "state": state});
            bytes += value.to_string().len() + 1;
            if found.len() == FOUND_MAX || bytes > bytes_max {
                more = true;
                break;
            }
            found.push(value);
        }
        let found: Vec<Value> = found;
        CommandOutcome::Found { found, more }
    }

    // ---- administration ----

    pub(super) fn directory_changed(&mut self, env: &mut Env<'_>) {
        self.set_nights(env);
        let known: Vec<OperatorId> =
            self.presence.views().map(|(operator, _)| operator.clone()).collect();
        for operator in known {
            if env.world.directory.operator(&operator).is_none() {
                self.on_presence(env, presence::Input::Remove { operator });
            }
        }
        for account in env.world.directory.operators() {
            let (operator, mode) = (account.name.clone(), mode(account.mode));
            // Who works otherwise from now on logs in anew: a desk has no feature codes, a phone no desk.
            if self.presence.mode(&operator).is_some_and(|before| before != mode) {
                let operator = operator.clone();
                self.on_presence(env, presence::Input::Dismiss { operator });
            }
            self.on_presence(env, presence::Input::Add { operator: operator.clone(), mode });
            // Perhaps it serves other queues now.
            if let Some(view) = self.presence.view(&operator) {
                self.set_agent_state(env, operator, view.availability);
            }
        }
    }

    /// Tells the queue how an operator stands; one that names no queues serves them all.
    pub(super) fn set_agent_state(
        &mut self,
        env: &mut Env<'_>,
        operator: OperatorId,
        availability: presence::AgentAvailability,
    ) {
        let account = env.world.directory.operator(&operator);
        let serves = |queue: &&QueueId| account.is_some_and(|account| account.serves(queue));
        let queues = self.settings.queues.keys().filter(serves).cloned().collect();
        let agent_state = match agent_state(availability) {
            acd::AgentState::Busy if self.has_room(env.world.directory, &operator) => {
                acd::AgentState::Idle
            }
            state => state,
        };
        let input = acd::Input::AgentState { operator, queues, agent_state };
        self.perform(env, vec![CallStep::Queue(input)]);
    }

    pub(super) fn restore_operator(&mut self, env: &mut Env<'_>, stored: presence::Stored) {
        let presence::Stored { operator, logged_in, dnd, phone } = stored;
        let Some(number) = phone.filter(|_| logged_in) else { return };
        let phone = self.seat_at(env, number);
        self.on_presence(env, presence::Input::Restore { operator, dnd, phone });
    }

    pub(super) fn tell_position(&mut self, request: RequestId, place: usize, waiting: usize) {
        for operator in self.desks.listing(request) {
            let Some(telling) = self.acd.telling(&operator, request) else { continue };
            let Some(view) = self.waiting_view(request, place, waiting) else { continue };
            self.desks.say(
                &operator,
                DeskMessage::Position(match telling {
                    acd::Telling::Offered => DeskEvent::Offer(view),
                    acd::Telling::Shown => DeskEvent::Waiting(view),
                }),
            );
        }
    }
}

fn denied(why: acd::Denial, phase: &'static str) -> CommandRefusal {
    match why {
        acd::Denial::AlreadyTaken { by } => CommandRefusal::AlreadyTaken { by },
        acd::Denial::NoSuchRequest => CommandRefusal::NoSuchRequest,
        acd::Denial::NotOffered => CommandRefusal::NotOffered,
        acd::Denial::Busy => CommandRefusal::WrongPhase { phase },
    }
}

/// The `state` event for an operator's own desk.
pub(super) fn state_event(view: &PresenceView) -> DeskEvent {
    let state = match view.state {
        presence::OperatorState::Busy => "busy",
        presence::OperatorState::Out | presence::OperatorState::Idle if view.dnd => "dnd",
        presence::OperatorState::Idle => "idle",
        presence::OperatorState::Out => "out",
    };
    DeskEvent::State { state, dnd: view.dnd, phone: phone_word(view.phone_state) }
}

/// `ok`, `unregistered`, `unreachable`, `refusing`.
pub(super) fn phone_word(state: PhoneState) -> &'static str {
    match state {
        PhoneState::Ok => "ok",
        PhoneState::Unregistered => "unregistered",
        PhoneState::Unreachable => "unreachable",
        PhoneState::Refusing => "refusing",
    }
}

pub(super) fn mode(mode: OperatorMode) -> presence::WorkMode {
    match mode {
        OperatorMode::Desk => presence::WorkMode::Desk,
        OperatorMode::Phone => presence::WorkMode::Phone,
    }
}

fn agent_state(availability: presence::AgentAvailability) -> acd::AgentState {
    match availability {
        presence::AgentAvailability::Idle => acd::AgentState::Idle,
        presence::AgentAvailability::Busy => acd::AgentState::Busy,
        presence::AgentAvailability::Away => acd::AgentState::Away,
        presence::AgentAvailability::DoNotDisturb => acd::AgentState::DoNotDisturb,
        presence::AgentAvailability::Absent => acd::AgentState::Absent,
    }
}
