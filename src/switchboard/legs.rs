//! What legs say, and whose affair it is: a call's, a desk's, or a ringing phone's.

use super::api::Effect;
use super::machine::{Env, Machine};
use crate::call::{AnyCall, CallInput, LogEvent, Owner, is_lost};
use crate::cause::Cause;
use crate::desk::outbox::InfoOutcome;
use crate::ids::{CallId, LegId, OperatorId};
use crate::leg;
use crate::presence;

impl Machine {
    /// Whether a leg is a party of a call, and of which; of none in particular where it is the phone of an operator
    /// whose calls all wait in hand.
    #[must_use]
    pub fn in_call(&self, leg: LegId) -> Option<Option<CallId>> {
        match self.book.owner(leg)? {
            Owner::Call(call) => Some(Some(*call)),
            Owner::Position(_) => Some(None),
            Owner::Desk(_) | Owner::PhoneOffer(_) | Owner::FeatureCode => None,
        }
    }

    pub(super) fn on_leg(&mut self, env: &mut Env<'_>, event: &leg::Event) {
        let leg = event.leg();
        let Some(owner) = self.book.owner(leg).cloned() else { return };
        if let leg::Event::Ended { .. } = event {
            self.book.forget(leg);
        }
        self.remember_spoken(&owner, event);
        let mut without_phone = None;
        if let leg::Event::Ended { cause, by, .. } = event
            && let Some(operator) = self.operator_on(&owner, leg)
        {
            self.phone_ended(&operator, leg, is_lost(*cause, *by));
            without_phone = Some(operator);
        }
        match owner {
            Owner::Call(id) => self.on_call_leg(env, id, event),
            Owner::Position(operator) => self.on_waiting_phone(env, &operator, event),
            Owner::Desk(operator) => self.on_desk_leg(env, &operator, event),
            Owner::PhoneOffer(operator) => self.on_offered_phone(env, &operator, event),
            Owner::FeatureCode => self.on_feature_code_leg(leg, event),
        }
        if let Some(operator) = without_phone {
            self.without_phone(env, &operator);
        }
    }

    /// Notes what an operator's phone speaks, for the answer to those who call next.
    fn remember_spoken(&mut self, owner: &Owner, event: &leg::Event) {
        let (leg::Event::Answered { leg, spoken }
        | leg::Event::Changed { leg, spoken }
        | leg::Event::Aligned { leg, spoken }) = event
        else {
            return;
        };
        let operator = match owner {
            Owner::Call(id) => match self.calls.get(id) {
                Some(AnyCall::Operator(call)) => call.operator_at(*leg).cloned(),
                Some(AnyCall::Direct(_)) | None => None,
            },
            Owner::PhoneOffer(operator) | Owner::Position(operator) => Some(operator.clone()),
            Owner::Desk(_) | Owner::FeatureCode => None,
        };
        let is_in = |operator: &OperatorId| {
            let view = self.presence.view(operator);
            view.is_some_and(|view| view.state != presence::OperatorState::Out)
        };
        if let Some(operator) = operator.filter(is_in) {
            self.spoken.insert(operator, spoken.clone());
        }
    }

    fn on_call_leg(&mut self, env: &mut Env<'_>, id: CallId, event: &leg::Event) {
        if let leg::Event::Dtmf { leg, digit } = event {
            return self.on_key(env, id, *leg, *digit);
        }
        if let leg::Event::Dropped { dropped, .. } = event {
            *self.dropped.entry(id).or_default() += *dropped;
            return;
        }
        if let leg::Event::Silent { leg, .. } = event {
            // A phone may be mute, or on hold: only one that does not answer either is lost.
            return env.out.push(Effect::Leg(leg::Command::Probe { leg: *leg }));
        }
        if let leg::Event::Referred { leg, transaction, replaces: Some(replaced), .. } = event {
            return self.attended_transfer(env, id, *leg, *transaction, *replaced);
        }
        self.with_call(env, id, CallInput::Leg(event));
    }

    /// The phone of an operator whose calls all wait in hand.
    fn on_waiting_phone(&mut self, env: &mut Env<'_>, operator: &OperatorId, event: &leg::Event) {
        match event {
            leg::Event::Dtmf { leg, digit } => self.on_idle_key(env, operator, *leg, *digit),
            leg::Event::Silent { leg, .. } => {
                env.out.push(Effect::Leg(leg::Command::Probe { leg: *leg }));
            }
            leg::Event::Referred { leg, transaction, .. } => {
                let ((), steps) = self.think(env, |ctx| ctx.refuse_refer(*leg, *transaction));
                self.perform(env, steps);
            }
            leg::Event::Offered { .. }
            | leg::Event::Ringing { .. }
            | leg::Event::EarlyMedia { .. }
            | leg::Event::EarlyMediaOver { .. }
            | leg::Event::Answered { .. }
            | leg::Event::Confirmed { .. }
            | leg::Event::Refused { .. }
            | leg::Event::Ended { .. }
            | leg::Event::Held { .. }
            | leg::Event::Changed { .. }
            | leg::Event::Aligned { .. }
            | leg::Event::Health { .. }
            | leg::Event::Senses { .. }
            | leg::Event::Dropped { .. }
            | leg::Event::Info { .. }
            | leg::Event::InfoAnswered { .. }
            | leg::Event::Moved { .. } => {}
        }
    }

    fn on_desk_leg(&mut self, env: &mut Env<'_>, operator: &OperatorId, event: &leg::Event) {
        match event {
            leg::Event::Confirmed { leg, .. } => self.desks.confirm(operator, *leg),
            leg::Event::Info { leg, transaction, package, body } => {
                self.on_info(env, operator, *leg, *transaction, package, body);
            }
            leg::Event::InfoAnswered { leg, tag, status } => {
                match self.desks.answered(operator, *leg, *tag, *status) {
                    Some(InfoOutcome::Delivered { recovered: true }) => {
                        let operator = operator.clone();
                        self.on_presence(env, presence::Input::DeskResponsive { operator });
                    }
                    Some(InfoOutcome::Lost) => {
                        self.desks.close(operator, env.now.instant, Cause::Lost);
                        self.desk_gone(env, operator, "its messages are not answered");
                    }
                    Some(InfoOutcome::Delivered { recovered: false } | InfoOutcome::Stray)
                    | None => {}
                }
            }
            leg::Event::Ended { leg, .. } if self.desks.gone(operator, *leg) => {
                self.desk_gone(env, operator, "its dialog ended");
            }
            leg::Event::Referred { leg, transaction, .. } => {
                let ((), steps) = self.think(env, |ctx| ctx.refuse_refer(*leg, *transaction));
                self.perform(env, steps);
            }
            leg::Event::Offered { .. }
            | leg::Event::Ringing { .. }
            | leg::Event::EarlyMedia { .. }
            | leg::Event::EarlyMediaOver { .. }
            | leg::Event::Answered { .. }
            | leg::Event::Refused { .. }
            | leg::Event::Ended { .. }
            | leg::Event::Held { .. }
            | leg::Event::Changed { .. }
            | leg::Event::Aligned { .. }
            | leg::Event::Dtmf { .. }
            | leg::Event::Health { .. }
            | leg::Event::Senses { .. }
            | leg::Event::Dropped { .. }
            | leg::Event::Silent { .. }
            | leg::Event::Moved { .. } => {}
        }
    }

    pub(super) fn desk_gone(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        why: &'static str,
    ) {
        env.out.push(Effect::Log(LogEvent::DeskGone { operator: operator.clone(), why }));
        let operator = operator.clone();
        self.on_presence(env, presence::Input::DeskLost { operator });
    }
}
