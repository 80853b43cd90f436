//! Several calls in one operator's hand, and its one phone for all of them (R4.5, R5.6).
//!
//! ```text
//!   take, pick ──▶ the call at the ear is set aside ──▶ the new one is at the ear
//!   swap ───────▶ the call at the ear is set aside ──▶ another of the hand is
//!   a call leaves the phone ── others are in hand ──▶ the phone stays, and tells how many
//!                           └─ none is ──▶ BYE
//!   the phone is gone, the operator is out ──▶ what waits in hand goes to the front of the queue, in its order
//! ```

use super::api::Effect;
use super::machine::{Env, Machine};
use crate::acd;
use crate::call::{
    AnsweredOperator, AnyCall, CallInput, CommandSource, OperatorCall, OperatorCallInput,
    OperatorCallState, OperatorLine, Owner,
};
use crate::cause::Cause;
use crate::desk::command::WhichCall;
use crate::desk::event::{CommandOutcome, CommandRefusal, DeskEvent, ListedCall};
use crate::directory::Directory;
use crate::ids::{CallId, LegId, Number, OperatorId, RequestId};
use crate::leg::{Command, LegSource};
use crate::media::{PromptMessage, VideoPrompt, WaitingProfileId};
use crate::presence;

/// What an operator hears who may have one call at a time.
const ONE_CALL: &str = "you may have one call at a time: this is for operators with more";

impl Machine {
    // ---- how many ----

    pub(super) fn max_calls(directory: &Directory, operator: &OperatorId) -> usize {
        directory.operator(operator).map_or(1, |account| account.max_calls.into())
    }

    /// How many calls an operator has in hand.
    pub(super) fn in_hand(&self, operator: &OperatorId) -> usize {
        self.positions.get(operator).map_or(0, |position| position.len())
    }

    /// Whether an operator works with several calls, or has several still, or one that waits in hand.
    pub(super) fn may_have_several(&self, directory: &Directory, operator: &OperatorId) -> bool {
        let waits = |id| {
            let call = self.call_of(id);
            call.is_some_and(|call| matches!(call.state, OperatorCallState::InHand { .. }))
        };
        Self::max_calls(directory, operator) > 1
            || self.in_hand(operator) > 1
            || self.positions.get(operator).is_some_and(|held| held.calls().any(waits))
    }

    /// Whether an operator in a call may have one more, beside it.
    pub(super) fn has_room(&self, directory: &Directory, operator: &OperatorId) -> bool {
        let held = self.in_hand(operator);
        let phone = self.presence.view(operator).and_then(|view| view.phone);
        let is_elsewhere = phone.is_some_and(|phone| self.calls_at(&phone) > 0);
        held > 0 && held < Self::max_calls(directory, operator) && !is_elsewhere
    }

    /// Tells the queue of an operator whose hand is fuller or emptier, and who is in a call all the same.
    pub(super) fn weigh_hand(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        if let Some(view) = self.presence.view(operator)
            && self.may_have_several(env.world.directory, operator)
        {
            self.set_agent_state(env, operator.clone(), view.availability);
        }
    }

    /// An ordinary call has begun or ended at a phone.
    pub(super) fn weigh_hand_at(&mut self, env: &mut Env<'_>, phone: &Number) {
        if let Some(operator) = self.presence.at_phone(phone).cloned()
            && self.in_hand(&operator) > 0
        {
            self.weigh_hand(env, &operator);
        }
    }

    fn call_of(&self, id: CallId) -> Option<&OperatorCall> {
        match self.calls.get(&id)? {
            AnyCall::Operator(call) => Some(call),
            AnyCall::Direct(_) => None,
        }
    }

    // ---- who has what ----

    /// A call has thought: who was at the phone in it, and who is now.
    pub(super) fn note_ear(
        &mut self,
        id: CallId,
        before: Option<AnsweredOperator>,
        now: Option<&AnsweredOperator>,
    ) {
        if before.as_ref() == now {
            return;
        }
        for seat in before.iter().chain(now) {
            self.touch_hand(&seat.operator);
        }
        if let Some(position) = before.and_then(|seat| self.positions.get_mut(&seat.operator)) {
            position.at_ear = position.at_ear.filter(|ear| *ear != id);
        }
        if let Some(seat) = now
            && let Some(position) = self.positions.get_mut(&seat.operator)
        {
            position.at_ear = Some(id);
            position.line = OperatorLine::Up(seat.phone);
        }
    }

    /// The same of the call for which its operator's lost phone is called again.
    pub(super) fn note_rejoining(
        &mut self,
        id: CallId,
        before: Option<&OperatorId>,
        now: Option<&OperatorId>,
    ) {
        if before == now {
            return;
        }
        if let Some(position) = before.and_then(|operator| self.positions.get_mut(operator)) {
            position.rejoining = position.rejoining.filter(|call| *call != id);
        }
        if let Some(position) = now.and_then(|operator| self.positions.get_mut(operator)) {
            (position.rejoining, position.line) = (Some(id), OperatorLine::Lost);
        }
    }

    /// A call comes into an operator's hand.
    pub(super) fn hold(&mut self, env: &mut Env<'_>, operator: OperatorId, call: CallId) {
        let Some(request) = self.call_of(call).map(|call| call.request) else { return };
        // Else its phone would be answered for what is offered there, beside the one that it has.
        self.quiet_phone(env, &operator);
        self.put_in_hand(operator.clone(), call, request);
        self.weigh_hand(env, &operator);
    }

    pub(super) fn put_in_hand(&mut self, operator: OperatorId, call: CallId, request: RequestId) {
        self.positions.entry(operator.clone()).or_default().add(call, request);
        self.touch_hand(&operator);
    }

    /// Another of its calls is the first, or carries its phone.
    pub(super) fn touch_hand(&mut self, operator: &OperatorId) {
        let calls = self.positions.get(operator).into_iter().flat_map(|position| position.calls());
        self.touched.extend(calls);
    }

    /// A call is not in its operator's hand any more.
    pub(super) fn free(&mut self, env: &mut Env<'_>, operator: OperatorId, call: CallId) {
        self.release_hand(env, operator, |held, _| held == call);
    }

    /// The same where the queue reports it.
    pub(super) fn free_of(&mut self, env: &mut Env<'_>, operator: OperatorId, request: RequestId) {
        self.release_hand(env, operator, |_, held| held == request);
    }

    fn release_hand(
        &mut self,
        env: &mut Env<'_>,
        operator: OperatorId,
        is_it: impl Fn(CallId, RequestId) -> bool,
    ) {
        self.touch_hand(&operator);
        if let Some(position) = self.positions.get_mut(&operator) {
            position.remove(is_it);
            if position.len() > 0 {
                return self.keep_hand(env, &operator);
            }
            let phone = position.phone();
            self.positions.remove(&operator);
            if let Some(leg) = phone
                && self.book.forget(leg)
            {
                let cause = Cause::NormalClearing;
                env.out.push(Effect::Leg(Command::End { leg, cause }));
            }
        }
        self.on_presence(env, presence::Input::Disengage { operator: operator.clone() });
        if self.may_have_several(env.world.directory, &operator) {
            // What waited for its phone to be free rings now.
            self.ring_next(env, &operator);
        }
    }

    /// Other calls are still in hand.
    fn keep_hand(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        self.without_phone(env, operator);
        if self.positions.get(operator).is_some_and(|position| !position.is_given_up) {
            self.tell_phone(env, operator);
            self.weigh_hand(env, operator);
        }
    }

    /// Where a hand has no phone on the line any more, what waits there waits until it is back, where it was lost; else
    /// nobody will be there to whom it could come back.
    pub(super) fn without_phone(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        if self.has_phone(operator) {
            return;
        }
        let position = self.positions.get(operator).filter(|position| !position.is_given_up);
        let Some(position) = position else { return };
        let waits = |id: &CallId| {
            let call = self.call_of(*id);
            call.is_some_and(|call| matches!(call.state, OperatorCallState::InHand { .. }))
        };
        let first = position.calls().find(waits);
        if let Some(id) = first.filter(|_| position.is_lost()) {
            self.with_call(env, id, CallInput::Operator(OperatorCallInput::PhoneLost));
        }
        if !self.has_phone(operator) {
            self.drop_hand(env, operator, "phone-gone");
        }
    }

    /// Whether a hand has a phone on the line or about to be.
    fn has_phone(&self, operator: &OperatorId) -> bool {
        let Some(position) = self.positions.get(operator) else { return false };
        let comes = |id: CallId| {
            self.call_of(id).is_some_and(|call| match &call.state {
                OperatorCallState::Taken { phone, .. } => {
                    phone.as_ref().is_none_or(|(leg, _)| self.book.owner(*leg).is_some())
                }
                state => matches!(
                    state,
                    OperatorCallState::RingingYou { .. } | OperatorCallState::Rejoining { .. }
                ),
            })
        };
        position.phone().is_some() || position.calls().any(comes)
    }

    /// What waits in this operator's hand goes to the queue: the one that came first to its very front.
    pub(super) fn drop_hand(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        reason: &'static str,
    ) {
        let Some(position) = self.positions.get_mut(operator) else { return };
        if std::mem::replace(&mut position.is_given_up, true) {
            return;
        }
        let at_ear = position.at_ear;
        let waiting: Vec<_> = position.calls().rev().filter(|id| Some(*id) != at_ear).collect();
        for id in waiting {
            let given_up = OperatorCallInput::GivenUp { reason };
            self.with_call(env, id, CallInput::Operator(given_up));
        }
        if let Some(position) = self.positions.get_mut(operator) {
            position.is_given_up = false;
        }
    }

    // ---- the phone ----

    /// A call is done with its operator's phone.
    pub(super) fn leave_phone(
        &mut self,
        env: &mut Env<'_>,
        call: CallId,
        operator: &OperatorId,
        (leg, cause): (LegId, Cause),
    ) {
        self.touch_hand(operator);
        if let Some(position) = self.positions.get_mut(operator)
            && position.phone() == Some(leg)
        {
            if position.at_ear.is_some_and(|ear| ear != call) {
                return;
            }
            position.at_ear = None;
            if position.has_other_than(call) {
                // What it hears and sees from now on it is told when the call has left the hand.
                self.book.own(leg, Owner::Position(operator.clone()));
                return;
            }
            position.line = OperatorLine::Idle;
        }
        if self.book.forget(leg) {
            env.out.push(Effect::Leg(Command::End { leg, cause }));
        }
    }

    /// What a phone hears and sees whose calls all wait in hand.
    pub(super) fn tell_phone(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        if let Some((leg, source)) = self.idle_ear(operator) {
            env.out.push(Effect::Leg(Command::Listen(vec![(leg, source)])));
        }
    }

    fn idle_ear(&self, operator: &OperatorId) -> Option<(LegId, LegSource)> {
        let position = self.positions.get(operator).filter(|position| position.at_ear.is_none())?;
        let leg = position.phone()?;
        let waits = |id: &CallId| {
            let call = self.call_of(*id);
            call.is_some_and(|call| matches!(call.state, OperatorCallState::InHand { .. }))
        };
        let number = u32::try_from(position.calls().filter(waits).count()).unwrap_or(u32::MAX);
        let first = position.calls().find_map(|id| self.call_of(id));
        let waiting_profile = first.map_or(WaitingProfileId::DEFAULT, |call| call.waiting_profile);
        let message = PromptMessage::InHand { number };
        Some((leg, LegSource::Told(VideoPrompt { waiting_profile, message })))
    }

    /// What a phone hears when a tone is over.
    pub(super) fn sources_of(&self, leg: LegId) -> Vec<(LegId, LegSource)> {
        match self.book.owner(leg) {
            Some(Owner::Call(id)) => self.call_of(*id).map_or(vec![], OperatorCall::sources),
            Some(Owner::Position(operator)) => self.idle_ear(operator).into_iter().collect(),
            Some(Owner::Desk(_) | Owner::PhoneOffer(_) | Owner::FeatureCode) | None => vec![],
        }
    }

    /// The operator whose phone this leg is, in a call or between its calls.
    pub(super) fn operator_on(&self, owner: &Owner, leg: LegId) -> Option<OperatorId> {
        match owner {
            Owner::Call(id) => {
                let seat = self.call_of(*id)?.seat().filter(|seat| seat.phone == leg)?;
                Some(seat.operator.clone())
            }
            Owner::Position(operator) => Some(operator.clone()),
            Owner::Desk(_) | Owner::PhoneOffer(_) | Owner::FeatureCode => None,
        }
    }

    /// A phone has registered: the operator who sits there and has lost it is called.
    pub(super) fn phone_is_back(&mut self, env: &mut Env<'_>, phone: &Number) {
        if let Some(operator) = self.presence.at_phone(phone).cloned() {
            self.call_lost_phone(env, &operator);
        }
    }

    /// An operator who has lost its phone is called there, if it is not being called.
    pub(super) fn call_lost_phone(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        let position = self.positions.get(operator);
        if let Some(id) = position.and_then(|position| position.rejoining) {
            self.with_call(env, id, CallInput::Operator(OperatorCallInput::PhoneBack));
        }
    }

    /// A lost phone is back, and all calls of its operator wait in hand.
    pub(super) fn phone_at_hand(&mut self, env: &mut Env<'_>, operator: &OperatorId, leg: LegId) {
        self.touch_hand(operator);
        if let Some(position) = self.positions.get_mut(operator) {
            position.line = OperatorLine::Up(leg);
            self.book.own(leg, Owner::Position(operator.clone()));
            self.tell_phone(env, operator);
        }
    }

    /// An operator's phone has hung up, or is lost.
    pub(super) fn phone_ended(&mut self, operator: &OperatorId, leg: LegId, is_lost: bool) {
        self.phones.keys.remove(&leg);
        self.touch_hand(operator);
        if let Some(position) = self.positions.get_mut(operator)
            && position.phone() == Some(leg)
        {
            position.line = if is_lost { OperatorLine::Lost } else { OperatorLine::Idle };
        }
    }

    // ---- which call ----

    /// The call that a command is for.
    ///
    /// # Errors
    /// When it is not clear, or not this operator's.
    pub(super) fn find_call(
        &self,
        operator: &OperatorId,
        which: WhichCall,
    ) -> Result<CallId, CommandRefusal> {
        match which {
            WhichCall::Only => {
                let position = self.positions.get(operator);
                let held = position.map_or(0, |position| position.len());
                match position.and_then(|position| position.calls().next()) {
                    Some(_) if held > 1 => Err(CommandRefusal::BadField { field: "request" }),
                    Some(id) if self.call_of(id).is_some() => Ok(id),
                    Some(_) | None => Err(CommandRefusal::WrongPhase { phase: "idle" }),
                }
            }
            WhichCall::Named(request) => {
                let request = request.ok_or(CommandRefusal::NoSuchRequest)?;
                let id = self.requests.get(&request).copied();
                let id = id.ok_or(CommandRefusal::NoSuchRequest)?;
                let call = self.call_of(id).ok_or(CommandRefusal::NoSuchRequest)?;
                match call.operator() {
                    _ if call.is_of(operator) => Ok(id),
                    Some(by) => Err(CommandRefusal::AlreadyTaken { by: by.clone() }),
                    None => Err(CommandRefusal::WrongPhase { phase: call.phase() }),
                }
            }
        }
    }

    /// Whether the call at an operator's ear, if there is one, can wait while it goes to another.
    ///
    /// # Errors
    /// When it cannot, or when a call is on its way to the ear.
    pub(super) fn ear_can_be_had(&self, operator: &OperatorId) -> Result<(), CommandRefusal> {
        let Some(position) = self.positions.get(operator) else { return Ok(()) };
        for call in position.calls().filter_map(|id| self.call_of(id)) {
            let waits = matches!(call.state, OperatorCallState::InHand { .. });
            if !waits && !call.can_be_set_aside() {
                return Err(CommandRefusal::WrongPhase { phase: call.phase() });
            }
        }
        Ok(())
    }

    /// The call at the ear waits from now on.
    fn clear_ear(&mut self, env: &mut Env<'_>, operator: &OperatorId) {
        if let Some(ear) = self.positions.get(operator).and_then(|position| position.at_ear) {
            self.with_call(env, ear, CallInput::Operator(OperatorCallInput::SetAside));
        }
    }

    /// A take is in the journal: where its operator talks to another, that one waits from now on.
    pub(super) fn clear_ear_for(&mut self, env: &mut Env<'_>, id: CallId) {
        let Some(OperatorCallState::Taken { operator, phone: Some(_), .. }) =
            self.call_of(id).map(|call| &call.state)
        else {
            return;
        };
        let operator = operator.clone();
        self.clear_ear(env, &operator);
    }

    // ---- commands ----

    /// `swap`: another call of the hand comes to the ear.
    ///
    /// # Errors
    /// When there is none, or what is at the ear cannot wait.
    pub(super) fn swap(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        which: WhichCall,
        asker: CommandSource,
    ) -> Result<(), CommandRefusal> {
        let idle = CommandRefusal::WrongPhase { phase: self.phase_of(operator) };
        self.works_with_several(env.world.directory, operator)?;
        let named = match which {
            WhichCall::Only => None,
            WhichCall::Named(_) => Some(self.find_call(operator, which)?),
        };
        let position = self.positions.get(operator).ok_or(idle.clone())?;
        let phone = position.phone();
        let id = named.or_else(|| position.next()).ok_or(idle.clone())?;
        if position.at_ear == Some(id) {
            self.answer(env, asker, &CommandOutcome::Ok);
            return Ok(());
        }
        let call = self.call_of(id).ok_or(idle)?;
        let OperatorCallState::InHand { .. } = call.state else {
            return Err(CommandRefusal::WrongPhase { phase: call.phase() });
        };
        self.ear_can_be_had(operator)?;
        let phone = phone.ok_or(CommandRefusal::PhoneUnregistered)?;
        self.answer(env, asker, &CommandOutcome::Ok);
        // First the cut, then the other conversation.
        self.clear_ear(env, operator);
        self.with_call(env, id, CallInput::Operator(OperatorCallInput::ToEar { phone }));
        Ok(())
    }

    /// `pick`: a parked call is taken off the list; of two who do, the first wins.
    ///
    /// # Errors
    /// When it is not there any more, or this operator cannot have it.
    pub(super) fn pick(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        which: WhichCall,
        asker: &CommandSource,
    ) -> Result<(), CommandRefusal> {
        let directory = env.world.directory;
        self.works_with_several(directory, operator)?;
        let WhichCall::Named(Some(request)) = which else {
            return Err(CommandRefusal::NoSuchRequest);
        };
        let call = self.operator_call(request).ok_or(CommandRefusal::NoSuchRequest)?;
        if let Some(by) = call.operator() {
            return Err(CommandRefusal::AlreadyTaken { by: by.clone() });
        }
        let serves = directory.operator(operator).is_some_and(|o| o.serves(&call.queue));
        if call.parked().is_none() || !serves {
            return Err(CommandRefusal::NotOffered);
        }
        let (id, phase) = (call.id, self.phase_of(operator));
        let view = self.presence.view(operator);
        let view = view.filter(|view| view.state != presence::OperatorState::Out);
        let view = view.ok_or(CommandRefusal::WrongPhase { phase: "out" })?;
        let is_busy = view.state == presence::OperatorState::Busy;
        if is_busy && !self.has_room(directory, operator) {
            return Err(CommandRefusal::WrongPhase { phase });
        }
        self.ear_can_be_had(operator)?;
        if view.phone_state == presence::PhoneState::Unregistered && !is_busy {
            return Err(CommandRefusal::PhoneUnregistered);
        }
        let hand_on = acd::Input::HandOn { request, operator: operator.clone() };
        for effect in self.acd.handle(env.now.instant, hand_on) {
            self.on_queue(env, effect);
        }
        let is_by_desk = matches!(asker, CommandSource::Desk { .. });
        let ticket = self.win(env, operator, id, request, is_by_desk);
        self.quiet_phone(env, operator);
        self.held.insert(ticket, vec![]);
        let phone = self.phone_on_line(operator);
        let (operator, asker) = (operator.clone(), asker.clone());
        let taken = OperatorCallInput::Taken { operator, asker, phone, ticket };
        self.with_call(env, id, CallInput::Operator(taken));
        Ok(())
    }

    /// Whether an operator may give commands that are for several calls.
    ///
    /// # Errors
    /// When it may not.
    pub(super) fn works_with_several(
        &self,
        directory: &Directory,
        operator: &OperatorId,
    ) -> Result<(), CommandRefusal> {
        let may = self.may_have_several(directory, operator);
        may.then_some(()).ok_or(CommandRefusal::Refused { text: ONE_CALL })
    }

    // ---- the list of parked calls ----

    /// A call has thought: whoever may pick it hears whether it is there.
    pub(super) fn list_parked(&mut self, env: &mut Env<'_>, request: RequestId, id: CallId) {
        let parked = self.parked_view(request);
        if parked.is_some() == self.parked.contains(&request) {
            return;
        }
        let now_with = self.call_of(id).and_then(|call| call.operator().cloned());
        let event = match parked {
            Some(parked) => {
                self.parked.insert(request);
                DeskEvent::Parked(parked)
            }
            None => {
                self.parked.remove(&request);
                let reason = match (self.calls.get(&id), &now_with) {
                    (None, _) => "abandoned",
                    (Some(_), Some(_)) => "taken",
                    (Some(_), None) => "timeout",
                };
                DeskEvent::Withdrawn { request, reason }
            }
        };
        let queue = self.call_of(id).map(|call| call.queue.clone());
        for account in env.world.directory.operators() {
            let serves = queue.as_ref().is_none_or(|queue| account.serves(queue));
            if serves && account.max_calls > 1 && now_with.as_ref() != Some(&account.name) {
                self.desks.tell(&account.name, event.clone());
            }
        }
    }

    /// The calls that an operator has left to a phone, and that may come back to it.
    pub(super) fn let_go_by(&self, operator: &OperatorId) -> Vec<DeskEvent> {
        let left = |call: &AnyCall| match call {
            AnyCall::Operator(call) => call.is_let_go_by(operator).then(|| call.view(None)),
            AnyCall::Direct(_) => None,
        };
        self.calls.values().filter_map(left).collect()
    }

    fn parked_view(&self, request: RequestId) -> Option<ListedCall> {
        let call = self.operator_call(request)?;
        let parked = call.parked()?;
        Some(ListedCall {
            request,
            queue: call.queue.clone(),
            caller: call.caller_view(),
            by: parked.by.clone(),
            number: parked.wanted.clone(),
            since: parked.since,
            recall: self.settings.recall.as_secs(),
        })
    }

    /// The parked calls that an operator may pick, for its snapshot.
    pub(super) fn parked_for(
        &self,
        directory: &Directory,
        operator: &OperatorId,
    ) -> Vec<ListedCall> {
        let account = directory.operator(operator).filter(|account| account.max_calls > 1);
        let Some(account) = account else { return vec![] };
        let views = self.parked.iter().filter_map(|request| self.parked_view(*request));
        views.filter(|parked| account.serves(&parked.queue)).collect()
    }
}
