//! Calls as values of plain data, to be put back later: here, where nobody notices, or in another process,
//! where they go on.
//!
//! ```text
//!   save_call, take_call ──▶ SavedCall ──▶ put_back ──▶ as if nothing had been
//!                                     └──▶ restore_calls ──▶ put back, and what the old process had of it
//!                                                            is set anew: music, files, what was decided
//! ```
//!
//! Operators are restored before their calls; a call puts its operator into it again. What of two calls
//! cannot both be true, a number or a leg that both name, holds for the first.

use super::api::Effect;
use super::machine::{Env, Machine, seat_of};
use super::views::CallView;
use crate::acd::{self, RestoredRequest, SavedPlace};
use crate::call::{
    AnyCall, CallInput, LogEvent, OperatorCall, OperatorCallInput, OperatorCallState, OperatorLine,
    Owner, RecordingState, SavedCall, SavedHand, SavedKind, SavedOperatorState, SwitchboardContext,
};
use crate::ids::{CallId, LegId, OperatorId};
use crate::leg;
use crate::presence;
use crate::time::Now;
use std::collections::BTreeSet;

impl Machine {
    /// A call as a value. None for one that is not there, or of which nothing is written down: a guest's, before
    /// it is let in.
    #[must_use]
    pub fn save_call(&self, now: Now, id: CallId) -> Option<SavedCall> {
        if self.unauthenticated.has(id) {
            return None;
        }
        let call = self.calls.get(&id)?;
        let mut saved = call.saved(now)?;
        match (&mut saved.kind, call) {
            (SavedKind::Operator(kind), AnyCall::Operator(call)) => {
                kind.place = kind.place.take().or_else(|| self.acd.save(now, call.request));
                kind.hand = self.saved_hand(call);
                let theirs = self.phone_in_hand(call);
                if let SavedOperatorState::Taken { phone, .. } = &mut kind.state {
                    // It is in another call of the same hand.
                    *phone = phone.filter(|leg| Some(*leg) != theirs);
                }
            }
            (SavedKind::Direct(kind), AnyCall::Direct(_)) => {
                kind.recorded = self.recordings.contains(&id);
            }
            (SavedKind::Operator(_), AnyCall::Direct(_))
            | (SavedKind::Direct(_), AnyCall::Operator(_)) => {}
        }
        Some(saved)
    }

    /// The calls that may be different since this was last asked, also those that are over.
    pub fn take_touched(&mut self) -> BTreeSet<CallId> {
        std::mem::take(&mut self.touched)
    }

    /// Saves a call and forgets it without a word. Its queue and its operator keep its place.
    #[must_use]
    pub fn take_call(&mut self, now: Now, id: CallId) -> Option<SavedCall> {
        let saved = self.save_call(now, id)?;
        let call = self.calls.remove(&id)?;
        if let Some(request) = call.request() {
            self.requests.remove(&request);
            self.parked.remove(&request);
        }
        self.forget_alarm(id);
        self.watching.remove(&id);
        self.recordings.remove(&id);
        for leg in saved.legs() {
            self.book.forget(leg);
        }
        let held = |position: &&mut crate::call::Position| position.calls().any(|held| held == id);
        if let Some(position) = self.positions.values_mut().find(held) {
            position.remove(|held, _| held == id);
            position.rejoining = position.rejoining.filter(|call| *call != id);
        }
        self.positions.retain(|_, position| position.len() > 0);
        Some(saved)
    }

    /// Puts calls back. Nobody is told anything of it.
    #[must_use]
    pub fn put_back(
        &mut self,
        now: Now,
        world: SwitchboardContext<'_>,
        calls: Vec<SavedCall>,
    ) -> Vec<Effect> {
        let mut out = Vec::new();
        let mut env = Env { now, world, out: &mut out };
        self.put_all_back(&mut env, &calls);
        out
    }

    /// Puts calls back in a new process, where they go on. A leg that is not there is reported afterwards, by
    /// an [`Ended`](leg::Event::Ended): its call goes on as if it had hung up. Those are named as well that cannot be
    /// put back: of two that name one leg, number or request the later.
    #[must_use]
    pub fn restore_calls(
        &mut self,
        now: Now,
        world: SwitchboardContext<'_>,
        calls: &[SavedCall],
    ) -> (Vec<Effect>, BTreeSet<CallId>) {
        let mut out = Vec::new();
        let mut env = Env { now, world, out: &mut out };
        let ids = self.put_all_back(&mut env, calls);
        let mut left_out: BTreeSet<CallId> = calls.iter().map(SavedCall::id).collect();
        left_out.retain(|id| !ids.contains(id));
        let views = self.calls().filter(|view| ids.contains(&view.call));
        let told = views.map(|view| {
            let CallView { call, phase, caller, dialled, .. } = view;
            Effect::Log(LogEvent::GoesOn { call, phase, caller, dialled })
        });
        env.out.extend(told);
        for leg in self.phones.keys.keys() {
            env.out.push(Effect::Leg(leg::Command::InterceptDtmf { leg: *leg, on: true }));
        }
        for id in &ids {
            let recorded = self.recordings.remove(id);
            self.with_call(&mut env, *id, CallInput::Resumed { recorded });
        }
        let operators: Vec<OperatorId> = self.positions.keys().cloned().collect();
        for operator in &operators {
            self.tell_phone(&mut env, operator);
        }
        // What was decided before the end of the old process, in the order in which it came.
        for id in ids {
            self.carry_out(&mut env, id);
        }
        self.pump(&mut env);
        (self.unauthenticated.sift(out), left_out)
    }

    // ---- to a value ----

    /// The place of a call in its operator's hand.
    fn saved_hand(&self, call: &OperatorCall) -> Option<SavedHand> {
        let operator = call.operator()?;
        let position = self.positions.get(operator)?;
        let turn = position.turn_of(call.id)?;
        let is_first = position.calls().next() == Some(call.id);
        let idle_phone = position.phone().filter(|leg| is_first && self.is_idle(operator, *leg));
        let phone = call.seat().map(|seat| seat.phone).or(idle_phone).or_else(|| answered(call));
        let at = self.presence.engaged_at(operator).cloned();
        Some(SavedHand {
            turn,
            at: at.unwrap_or_else(|| crate::ids::Number::from(operator.as_str())),
            idle_phone,
            keys: phone.is_some_and(|leg| self.phones.keys.contains_key(&leg)),
        })
    }

    fn is_idle(&self, operator: &OperatorId, leg: LegId) -> bool {
        matches!(self.book.owner(leg), Some(Owner::Position(owner)) if owner == operator)
    }

    /// The phone that its operator has on the line for all of its calls.
    fn phone_in_hand(&self, call: &OperatorCall) -> Option<LegId> {
        self.positions.get(call.operator()?)?.phone()
    }

    // ---- and back ----

    /// Puts calls back, and says which are there now, in the order in which operators got them.
    fn put_all_back(&mut self, env: &mut Env<'_>, calls: &[SavedCall]) -> Vec<CallId> {
        let mut ids = Vec::new();
        let mut waiting = Vec::new();
        for saved in calls {
            let doubled = saved.legs().into_iter().any(|leg| self.book.owner(leg).is_some());
            if doubled || self.calls.contains_key(&saved.id()) {
                continue;
            }
            let (call, _) = self.think(env, |ctx| AnyCall::restored(saved, ctx));
            let Some(call) = call else { continue };
            if call.request().is_some_and(|request| self.requests.contains_key(&request)) {
                continue;
            }
            waiting.extend(request_of(saved, &call));
            let turn = self.put_one_back(env, saved, call);
            ids.push((turn, saved.id()));
        }
        ids.sort();
        let ids: Vec<CallId> = ids.into_iter().map(|(_, id)| id).collect();
        for saved in calls {
            self.engage(env, saved);
        }
        for effect in self.acd.restore(env.now, waiting) {
            self.on_queue(env, effect);
        }
        let operators: Vec<OperatorId> = self.positions.keys().cloned().collect();
        for operator in operators {
            self.share_phone(&operator);
            self.weigh_hand(env, &operator);
        }
        ids
    }

    /// Puts one back, and says which of its operator's calls it is.
    fn put_one_back(&mut self, env: &Env<'_>, saved: &SavedCall, call: AnyCall) -> u64 {
        let id = saved.id();
        for leg in saved.legs() {
            self.book.own(leg, Owner::Call(id));
        }
        let mut turn = 0;
        let (seat, request) = (seat_of(&call).cloned(), call.request());
        if let (SavedKind::Operator(kind), AnyCall::Operator(call)) = (&saved.kind, &call) {
            if let (Some(hand), Some(operator)) = (&kind.hand, call.operator()) {
                turn = hand.turn;
                let position = self.positions.entry(operator.clone()).or_default();
                position.put_back(turn, id, call.request);
                if call.rejoining().is_some() {
                    (position.rejoining, position.line) = (Some(id), OperatorLine::Lost);
                }
                if let Some(leg) = hand.idle_phone {
                    position.line = OperatorLine::Up(leg);
                    self.book.own(leg, Owner::Position(operator.clone()));
                }
                if let Some(seat) = &seat {
                    position.at_ear = Some(id);
                    position.line = OperatorLine::Up(seat.phone);
                }
                let phone = seat.map(|seat| seat.phone).or(hand.idle_phone);
                if let Some(leg) = phone.or_else(|| answered(call)).filter(|_| hand.keys) {
                    self.phones.keys.entry(leg).or_default();
                }
            }
            if call.parked().is_some() {
                self.parked.insert(call.request);
            }
        }
        if is_recorded(saved) {
            self.recordings.insert(id);
        }
        if let Some(camera) = call.camera() {
            self.watching.insert(id, camera);
        }
        if let Some(request) = request {
            self.requests.insert(request, id);
        }
        self.set_alarm(id, &call);
        self.arriving.note(env.now.instant, id, &call);
        self.last_call = self.last_call.max(id.0);
        self.touched.insert(id);
        self.calls.insert(id, call);
        turn
    }

    /// Operators and phones are in their calls again.
    fn engage(&mut self, env: &mut Env<'_>, saved: &SavedCall) {
        let Some(call) = self.calls.get(&saved.id()) else { return };
        let phones = call.phones();
        if let (SavedKind::Operator(kind), AnyCall::Operator(call)) = (&saved.kind, call)
            && let (Some(hand), Some(operator)) = (&kind.hand, call.operator())
        {
            let (operator, phone) = (operator.clone(), hand.at.clone());
            self.on_presence(env, presence::Input::Engage { operator, phone });
        }
        self.set_engaged(env, saved.id(), phones);
        let ringing = self.calls.get(&saved.id()).and_then(|call| call.ringing_at().cloned());
        self.set_ringing(saved.id(), ringing.as_ref());
    }

    /// A call that an operator takes whose phone is on the line already is taken there.
    fn share_phone(&mut self, operator: &OperatorId) {
        let Some(position) = self.positions.get(operator) else { return };
        let (Some(leg), calls) = (position.phone(), position.calls().collect::<Vec<_>>()) else {
            return;
        };
        let spoken = self.spoken.get(operator).cloned().unwrap_or_default();
        for id in calls {
            if let Some(AnyCall::Operator(call)) = self.calls.get_mut(&id)
                && let OperatorCallState::Taken { phone: phone @ None, .. } = &mut call.state
            {
                *phone = Some((leg, spoken.clone()));
            }
        }
    }

    /// The journal has a take or a release of this call, and nobody has heard of it yet.
    fn carry_out(&mut self, env: &mut Env<'_>, id: CallId) {
        let waits = match self.calls.get(&id) {
            Some(AnyCall::Operator(call)) => matches!(
                call.state,
                OperatorCallState::Taken { .. } | OperatorCallState::Leaving { .. }
            ),
            Some(AnyCall::Direct(_)) | None => false,
        };
        if waits {
            self.with_call(env, id, CallInput::Operator(OperatorCallInput::TakeWritten));
            self.pump(env);
            self.clear_ear_for(env, id);
            self.with_call(env, id, CallInput::Operator(OperatorCallInput::Written));
        }
    }
}

/// The phone that answered before the take was in the journal.
fn answered(call: &OperatorCall) -> Option<LegId> {
    let OperatorCallState::Taken { phone, .. } = &call.state else { return None };
    phone.as_ref().map(|(leg, _)| *leg)
}

fn is_recorded(saved: &SavedCall) -> bool {
    match &saved.kind {
        SavedKind::Operator(kind) => kind.recording != RecordingState::Off,
        SavedKind::Direct(kind) => kind.recorded,
    }
}

/// A call as its queue is to have it.
fn request_of(saved: &SavedCall, call: &AnyCall) -> Option<RestoredRequest> {
    let (SavedKind::Operator(kind), AnyCall::Operator(call)) = (&saved.kind, call) else {
        return None;
    };
    let standing = call.restored_state()?;
    let place = match (&kind.place, &standing) {
        // Its queue refused it.
        (None, acd::RestoredState::Ending) => return None,
        (None, acd::RestoredState::Waiting | acd::RestoredState::Taken { .. }) => {
            SavedPlace::last()
        }
        (Some(place), _) => place.clone(),
    };
    let share = call.identity.share();
    Some(RestoredRequest {
        request: call.request,
        queue: call.queue.clone(),
        share,
        place,
        standing,
    })
}
