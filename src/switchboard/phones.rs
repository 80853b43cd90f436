//! Operators with only a phone: offers ring there, feature codes and keys command (R7.1). Where a queue has
//! `ring`, its offers ring the phones of operators at desks, too: a bell, and another way to take.
//!
//! ```text
//!   offer ──▶ phone rings ── answered ──▶ take ── won ──▶ with the caller
//!                 │ ring time over: declined, so that it rings again after 30 s     └ lost ──▶ BYE
//!                 │         at a desk: the offer stands there
//!                 │ refused: the phone rests;  at a desk: declined, and said
//!                 └ withdrawn, or taken at the desk: CANCEL ──▶ the next offer rings
//! ```

use super::api::Effect;
use super::keys::{Keyed, NIGHT_CODE};
use super::machine::{Env, Machine};
use super::phone_offers::{Keypad, Offers};
use crate::acd;
use crate::call::admission::Callee;
use crate::call::{
    AnyCall, CallAttempt, CallInput, CallStep, CommandSource, ForkResult, OperatorCallInput,
    OperatorCallState as CallState, Owner, Permission, REFUSALS, RingingPhones, party, refusal,
};
use crate::cause::Cause;
use crate::desk::command::{BridgedParty, Verb, WhichCall};
use crate::desk::event::{CommandOutcome, CommandRefusal, DeskEvent};
use crate::directory::OperatorMode;
use crate::ids::{CallId, LegId, Number, OperatorId, RequestId};
use crate::leg::{self, CodecChoice, Command, LegSource, OfferedCodecs};
use crate::media::Tone;
use crate::presence;
use crate::time::Duration;

/// How long the tone sounds that answers a feature code or a key.
pub const TONE: Duration = Duration::from_millis(1_200);

impl Machine {
    pub(super) fn is_phone_operator(&self, env: &Env<'_>, operator: &OperatorId) -> bool {
        let account = env.world.directory.operator(operator);
        account.is_some_and(|account| account.mode == OperatorMode::Phone)
    }

    // ---- offers ----

    /// Whether an operator at a desk hears of this request at the phone, too.
    pub(super) fn rings_desk_phones(&self, request: RequestId) -> bool {
        let queue = self.operator_call(request).map(|call| &call.queue);
        queue.and_then(|queue| self.settings.queues.get(queue)).is_some_and(|queue| queue.ring)
    }

    pub(super) fn offer_to_phone(
        &mut self,
        env: &mut Env<'_>,
        operator: OperatorId,
        request: RequestId,
    ) {
        let offers = self.phones.offers.entry(operator.clone()).or_default();
        let is_new = !offers.waiting.contains(&request);
        if is_new {
            offers.waiting.push(request);
        }
        let phone = self.positions.get(&operator).and_then(|position| position.phone());
        if let (true, Some(leg)) = (is_new, phone) {
            // It talks already, and may take this one by a key.
            return self.play(env, leg, Tone::Warning);
        }
        self.ring_next(env, &operator);
    }

    /// Rings the phone for the first of its offers, unless it rings already or its operator has just
    /// got something else to do: then the other offers are about to be withdrawn.
    pub(super) fn ring_next(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        let view = self.presence.view(operator);
        if view.is_none_or(|view| view.availability != presence::AgentAvailability::Idle) {
            return;
        }
        let is_there = |request: &RequestId| self.requests.contains_key(request);
        let offers = self.phones.offers.get_mut(operator);
        let Some(offers) = offers.filter(|offers| offers.ringing.is_none()) else { return };
        // A call that is over rings nobody, and keeps no other from ringing.
        offers.waiting.retain(is_there);
        let Some(request) = offers.waiting.first().copied() else { return };
        let Some((caller, leg, withheld, queue)) = self.operator_call(request).map(|call| {
            let withheld = call.identity.number.is_none();
            (party(&call.identity), call.caller, withheld, call.queue.clone())
        }) else {
            return;
        };
        let ring_time = self.settings.queues.get(&queue).map(|queue| queue.ring_time);
        let ring_time = ring_time.unwrap_or(self.settings.ring_time);
        let (placed, steps) = self.think(env, |ctx| {
            let callee = Callee::Terminal(ctx.facts.phone_of(operator));
            let placing = CallAttempt {
                to: Permission::Appointed(&callee),
                behalf: leg,
                caller,
                withheld,
                sips: false,
                offer: OfferedCodecs::WithPictures(leg),
                auto_answer: false,
                ring_time,
                owner: Owner::PhoneOffer(operator.clone()),
            };
            RingingPhones::place(placing, ctx)
        });
        match placed {
            Ok(ringing) => {
                if let Some(offers) = self.phones.offers.get_mut(operator) {
                    offers.ringing = Some((request, ringing));
                }
                self.perform(env, steps);
            }
            // The bell is silent, and the desk says already what ails the phone.
            Err(_) if !self.is_phone_operator(env, operator) => {
                self.phones.offers.remove(operator);
            }
            Err(_) => {
                let failure = presence::PhoneFailure::Unreachable;
                let operator = operator.clone();
                self.on_presence(env, presence::Input::PhoneFailed { operator, failure });
            }
        }
    }

    pub(super) fn withdraw_from_phone(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        request: RequestId,
        cause: Cause,
    ) {
        let Some(offers) = self.phones.offers.get_mut(operator) else { return };
        offers.waiting.retain(|waiting| *waiting != request);
        if let Some((_, mut ringing)) = offers.ringing.take_if(|(rings, _)| *rings == request) {
            let ((), steps) = self.think(env, |ctx| ringing.call_off(cause, ctx));
            self.perform(env, steps);
        }
        self.ring_next(env, operator);
    }

    pub(super) fn forget_phone(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        let Some(Offers { ringing: Some((_, mut ringing)), .. }) =
            self.phones.offers.remove(operator)
        else {
            return;
        };
        let ((), steps) = self.think(env, |ctx| ringing.call_off(Cause::Abandoned, ctx));
        self.perform(env, steps);
    }

    pub(super) fn on_offered_phone(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        event: &leg::Event,
    ) {
        let offers = self.phones.offers.get_mut(operator);
        let Some((request, mut ringing)) = offers.and_then(|offers| offers.ringing.take()) else {
            return;
        };
        let (rung, steps) = self.think(env, |ctx| ringing.on(event, ctx));
        self.perform(env, steps);
        match rung {
            ForkResult::Nothing
            | ForkResult::Ringing
            | ForkResult::EarlyMedia(_)
            | ForkResult::Silenced => {
                if let Some(offers) = self.phones.offers.get_mut(operator) {
                    offers.ringing = Some((request, ringing));
                }
            }
            ForkResult::Answered(leg, spoken) => {
                let follow = ringing.offers_all_codecs(leg);
                self.take_by_phone(env, operator, request, leg, spoken);
                if let Some(caller) = self.operator_call(request).map(|call| call.caller)
                    && follow
                {
                    env.out.push(Effect::Leg(Command::Align { leg: caller, to: leg }));
                }
            }
            ForkResult::Failed(cause, _) if !self.is_phone_operator(env, operator) => {
                self.desk_phone_said_no(env, operator, request, cause);
            }
            ForkResult::Failed(cause, _) => {
                let refusing = REFUSALS.contains(&cause);
                let failure = match refusing {
                    true => presence::PhoneFailure::Refusing,
                    false => presence::PhoneFailure::Unreachable,
                };
                self.drop_offer(operator, request);
                let operator = operator.clone();
                self.on_presence(env, presence::Input::PhoneFailed { operator, failure });
            }
        }
    }

    /// What a person refuses at the phone is declined; any other failure takes nobody from the desk.
    fn desk_phone_said_no(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        request: RequestId,
        cause: Cause,
    ) {
        let caller = self.operator_call(request).map(|call| call.identity.shown());
        let mut steps = Vec::new();
        let text = if REFUSALS.contains(&cause) {
            self.drop_offer(operator, request);
            let operator = operator.clone();
            steps.push(CallStep::Queue(acd::Input::Decline { request, operator }));
            caller.map(|caller| format!("declined at your phone: {caller} is left to the others"))
        } else {
            // It would not ring for the others that wait either.
            self.phones.offers.remove(operator);
            caller.map(|caller| format!("your phone does not ring for {caller}: {cause}"))
        };
        let told = text.map(|text| CallStep::Tell(operator.clone(), DeskEvent::Notice { text }));
        steps.extend(told);
        self.perform(env, steps);
        self.ring_next(env, operator);
    }

    fn drop_offer(&mut self, operator: &OperatorId, request: RequestId) {
        if let Some(offers) = self.phones.offers.get_mut(operator) {
            offers.waiting.retain(|waiting| *waiting != request);
        }
    }

    fn take_by_phone(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        request: RequestId,
        leg: LegId,
        spoken: leg::Spoken,
    ) {
        self.drop_offer(operator, request);
        let taken = self.take(env, request, operator, CommandSource::Nobody, Some((leg, spoken)));
        let won = self.requests.get(&request).copied().filter(|_| taken.is_ok());
        match won {
            Some(call) => {
                self.book.own(leg, Owner::Call(call));
                // Who has a desk commands there; its keys are for the caller.
                if !self.is_phone_operator(env, operator) {
                    return;
                }
                self.phones.keys.insert(leg, Keypad::default());
                self.touched.insert(call);
                env.out.push(Effect::Leg(Command::InterceptDtmf { leg, on: true }));
            }
            None => {
                self.book.forget(leg);
                let cause = Cause::AnsweredElsewhere;
                env.out.push(Effect::Leg(Command::End { leg, cause }));
            }
        }
    }

    // ---- feature codes, dialled as calls ----

    pub(super) fn feature_code(
        &mut self,
        env: &mut Env<'_>,
        leg: LegId,
        phone: Option<&Number>,
        code: &Number,
    ) {
        let is_night = code.as_str() == NIGHT_CODE;
        let account = phone.and_then(|phone| match is_night {
            true => self.operator_with_phone(env, phone),
            false => env.world.directory.operator_by_phone(phone),
        });
        let (Some(account), Some(phone)) = (account, phone) else {
            let refusal = refusal(Cause::NotPermitted);
            env.out.push(Effect::Leg(Command::Refuse { leg, refusal }));
            return;
        };
        let operator = account.name.clone();
        let input = match code.as_str() {
            "*50" => {
                let phone = self.seat_at(env, phone.clone());
                Some(presence::Input::Login { operator: operator.clone(), phone })
            }
            "*51" => Some(presence::Input::Logout { operator: operator.clone() }),
            "*52" => Some(presence::Input::Dnd { operator: operator.clone() }),
            "*53" => Some(presence::Input::Ready { operator: operator.clone() }),
            _ => None,
        };
        let is_login = code.as_str() == "*50";
        let mut done = input.is_some() && (is_login || self.is_logged_in(&operator));
        if let Some(input) = input {
            self.on_presence(env, input);
        } else if is_night {
            done = self.turn_night(env, account, phone);
        }
        let done = done && (!is_login || self.is_logged_in(&operator));
        let tone = if done { Tone::Done } else { Tone::Refused };
        self.book.own(leg, Owner::FeatureCode);
        self.phones.codes.insert(leg, (tone, Some(env.now.instant + TONE)));
        let choice = CodecChoice::default();
        env.out.push(Effect::Leg(Command::Answer { leg, choice, identify: None }));
        env.out.push(Effect::Leg(Command::Listen(vec![(leg, LegSource::Tone(tone))])));
    }

    fn is_logged_in(&self, operator: &OperatorId) -> bool {
        let view = self.presence.view(operator);
        view.is_some_and(|view| view.state != presence::OperatorState::Out)
    }

    pub(super) fn on_feature_code_leg(&mut self, leg: LegId, event: &leg::Event) {
        if let leg::Event::Ended { .. } = event {
            self.phones.codes.remove(&leg);
        }
    }

    // ---- keys in a call ----

    pub(super) fn on_key(&mut self, env: &mut Env<'_>, id: CallId, leg: LegId, key: char) {
        if self.on_waiting_key(env, id, leg, key) {
            return;
        }
        let is_seat = match self.calls.get(&id) {
            Some(AnyCall::Operator(call)) => call.seat().is_some_and(|seat| seat.phone == leg),
            Some(AnyCall::Direct(_)) | None => false,
        };
        let several = self.has_codes_for_several(env, leg);
        let Some(pad) = self.phones.keys.get_mut(&leg) else { return };
        pad.keys.several = several;
        let keyed = pad.keys.press(env.now.instant, key);
        // Who has just answered may begin a code before it is written down that the caller is its own.
        if !is_seat {
            if keyed.is_code() {
                self.play(env, leg, Tone::Refused);
            }
            return;
        }
        if keyed != Keyed::Release {
            pad.warned &= keyed == Keyed::Held;
        }
        let verb = match keyed {
            Keyed::Held => return,
            Keyed::Pass(keys) => return self.pass_keys(env, id, &keys),
            Keyed::Command(verb) => verb,
            Keyed::Release => Verb::Release { force: std::mem::take(&mut pad.warned) },
            Keyed::Park => Verb::Park { number: None },
            Keyed::Swap => return self.swap_by_key(env, leg),
            Keyed::Record => match self.calls.get(&id) {
                Some(AnyCall::Operator(call)) => Verb::Record { on: !call.is_recorded() },
                Some(AnyCall::Direct(_)) | None => return,
            },
            Keyed::Alternate => match self.calls.get(&id) {
                Some(AnyCall::Operator(call)) => {
                    Verb::Alternate { party: other_party(&call.state) }
                }
                Some(AnyCall::Direct(_)) | None => return,
            },
        };
        let asker = CommandSource::Keys { leg };
        let wanted = if let Verb::Record { on } = verb { Some(on) } else { None };
        let command = OperatorCallInput::Command { verb, asker };
        self.with_call(env, id, CallInput::Operator(command));
        // Of all commands the only one whose effect nobody hears.
        if let (Some(on), Some(AnyCall::Operator(call))) = (wanted, self.calls.get(&id))
            && call.is_recorded() == on
        {
            self.play(env, leg, Tone::Done);
        }
    }

    fn has_codes_for_several(&self, env: &Env<'_>, leg: LegId) -> bool {
        let owner = self.book.owner(leg);
        let operator = owner.and_then(|owner| self.operator_on(owner, leg));
        operator.is_some_and(|operator| self.may_have_several(env.world.directory, &operator))
    }

    /// Keys at a phone whose calls all wait: one of them may come to the ear.
    pub(super) fn on_idle_key(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        leg: LegId,
        key: char,
    ) {
        let several = self.may_have_several(env.world.directory, operator);
        let Some(pad) = self.phones.keys.get_mut(&leg) else { return };
        pad.keys.several = several;
        match pad.keys.press(env.now.instant, key) {
            Keyed::Held => {}
            Keyed::Swap => self.swap_by_key(env, leg),
            Keyed::Pass(_)
            | Keyed::Command(_)
            | Keyed::Alternate
            | Keyed::Record
            | Keyed::Park
            | Keyed::Release => self.play(env, leg, Tone::Refused),
        }
    }

    /// `*9`: the next call in hand; where no other is in hand, the first that is offered is taken.
    fn swap_by_key(&mut self, env: &mut Env<'_>, leg: LegId) {
        let operator = self.book.owner(leg).and_then(|owner| self.operator_on(owner, leg));
        let Some(operator) = operator else { return };
        let asker = CommandSource::Keys { leg };
        let has_next = self.positions.get(&operator).is_some_and(|held| held.next().is_some());
        let offered = self.phones.offers.get(&operator);
        let offered = offered.and_then(|offers| offers.waiting.first().copied());
        let done = match offered.filter(|_| !has_next) {
            Some(request) => self.ear_can_be_had(&operator).and_then(|()| {
                self.drop_offer(&operator, request);
                let phase = self.phase_of(&operator);
                let taken = self.take(env, request, &operator, asker.clone(), None);
                taken.map_err(|_| CommandRefusal::WrongPhase { phase })
            }),
            None => self.swap(env, &operator, WhichCall::Only, asker.clone()),
        };
        if let Err(refusal) = done {
            self.answer_keys(env, leg, &CommandOutcome::Refused(refusal));
        }
    }

    /// The operator talks, or is about to: what else is offered does not ring at its phone meanwhile.
    pub(super) fn quiet_phone(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        let offers = self.phones.offers.get_mut(operator);
        if let Some((_, mut ringing)) = offers.and_then(|offers| offers.ringing.take()) {
            let ((), steps) = self.think(env, |ctx| ringing.call_off(Cause::Abandoned, ctx));
            self.perform(env, steps);
        }
    }

    /// A call waits in hand: a tone, where the phone's operator talks with nobody.
    pub(super) fn sound_recall(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        let position = self.positions.get(operator).filter(|held| held.at_ear.is_none());
        if let Some(leg) = position.and_then(|position| position.phone()) {
            self.play(env, leg, Tone::Warning);
        }
    }

    fn pass_keys(&mut self, env: &mut Env<'_>, id: CallId, keys: &str) {
        let Some(AnyCall::Operator(call)) = self.calls.get(&id) else { return };
        let to = match &call.state {
            CallState::WithCaller { .. } | CallState::Alternated { .. } => call.caller,
            CallState::TalkingToCallee { callee, .. } => callee.leg,
            CallState::Arriving { .. }
            | CallState::Queued
            | CallState::Announcing { .. }
            | CallState::Taken { .. }
            | CallState::RingingYou { .. }
            | CallState::Consulting { .. }
            | CallState::Entrusted { .. }
            | CallState::Connected { .. }
            | CallState::Releasing { .. }
            | CallState::Leaving { .. }
            | CallState::InHand { .. }
            | CallState::Parked(_)
            | CallState::Rejoining { .. }
            | CallState::Transferring { .. }
            | CallState::Settling { .. }
            | CallState::Serial { .. }
            | CallState::HandedOver { .. }
            | CallState::Ended => return,
        };
        for digit in keys.chars() {
            env.out.push(Effect::Leg(Command::SendDtmf { leg: to, digit }));
        }
    }

    /// The outcome of a key command is a tone at the operator's phone.
    pub(super) fn answer_keys(&mut self, env: &mut Env<'_>, leg: LegId, outcome: &CommandOutcome) {
        let tone = match outcome {
            CommandOutcome::Ok | CommandOutcome::Found { .. } => return,
            CommandOutcome::Refused(CommandRefusal::Unhealthy { .. }) => {
                if let Some(pad) = self.phones.keys.get_mut(&leg) {
                    pad.warned = true;
                }
                Tone::Warning
            }
            CommandOutcome::Refused(_) => Tone::Refused,
        };
        self.play(env, leg, tone);
    }

    /// A tone at the operator's phone, which hears what it heard before afterwards.
    fn play(&mut self, env: &mut Env<'_>, leg: LegId, tone: Tone) {
        if self.book.owner(leg).is_none() {
            return;
        }
        env.out.push(Effect::Leg(Command::Listen(vec![(leg, LegSource::Tone(tone))])));
        self.phones.tones.insert(leg, env.now.instant + TONE);
    }

    // ---- time ----

    pub(super) fn tick_phones(&mut self, env: &mut Env<'_>) {
        let now = env.now.instant;
        let over = |offers: &Offers| offers.ringing.as_ref().is_some_and(|(_, r)| r.until <= now);
        let unanswered: Vec<_> = self.phones.offers.iter().filter(|(_, o)| over(o)).collect();
        let unanswered: Vec<OperatorId> =
            unanswered.into_iter().map(|(id, _)| id.clone()).collect();
        for operator in unanswered {
            self.ring_time_over(env, &operator);
        }
        let legs: Vec<LegId> = self.phones.keys.keys().copied().collect();
        for leg in legs {
            let owner = self.book.owner(leg).cloned();
            if owner.is_none() {
                self.phones.keys.remove(&leg);
            } else if let Some(keys) =
                self.phones.keys.get_mut(&leg).and_then(|pad| pad.keys.tick(now))
                && let Some(Owner::Call(id)) = owner
            {
                self.pass_keys(env, id, &keys);
            }
        }
        self.phones.codes.retain(|leg, (_, until)| {
            let is_over = until.is_some_and(|until| until <= now);
            if is_over && self.book.forget(*leg) {
                let cause = Cause::NormalClearing;
                env.out.push(Effect::Leg(Command::End { leg: *leg, cause }));
            }
            !is_over
        });
        let due = self.phones.tones.iter().filter(|(_, until)| **until <= now);
        for leg in due.map(|(leg, _)| *leg).collect::<Vec<_>>() {
            self.phones.tones.remove(&leg);
            let sources = self.sources_of(leg);
            if !sources.is_empty() {
                env.out.push(Effect::Leg(Command::Listen(sources)));
            }
        }
    }

    /// It rang in vain: it rings again after the pause that a decline makes. At a desk the offer stands.
    fn ring_time_over(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        let Some(offers) = self.phones.offers.get_mut(operator) else { return };
        let Some((request, mut ringing)) = offers.ringing.take() else { return };
        self.drop_offer(operator, request);
        let ((), mut steps) = self.think(env, |ctx| ringing.call_off(Cause::NoAnswer, ctx));
        if self.is_phone_operator(env, operator) {
            let operator = operator.clone();
            steps.push(CallStep::Queue(acd::Input::Decline { request, operator }));
        }
        self.perform(env, steps);
        self.ring_next(env, operator);
    }
}

/// With whom the operator talks after `*3`.
fn other_party(state: &CallState) -> BridgedParty {
    match matches!(state, CallState::TalkingToCallee { .. }) {
        true => BridgedParty::Caller,
        false => BridgedParty::Callee,
    }
}
