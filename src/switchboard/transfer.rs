//! Attended transfers (RFC 3891, RFC 5589): one party brings the other two of its two calls together.

use super::api::Effect;
use super::machine::{Env, Machine};
use crate::call::{
    AnsweredCallee, AnyCall, CallInput, DirectCallInput, OperatorCallInput, OperatorCallState,
    Owner, admission,
};
use crate::dialog::ServerTx;
use crate::ids::{CallId, LegId};
use crate::leg::Command;

/// The two calls of an operator's phone that are to be joined.
struct JoinedCalls {
    /// The call through the operator, and the phone's leg in it.
    operator: (CallId, LegId),
    /// The phone's call of its own, and its leg there.
    own: (CallId, LegId),
}

impl Machine {
    /// `referrer` of call `id` wants its other party to take its place in the call of `replaced`.
    pub(super) fn attended_transfer(
        &mut self,
        env: &mut Env<'_>,
        id: CallId,
        referrer: LegId,
        transaction: ServerTx,
        replaced: LegId,
    ) {
        if let Some(pair) = self.operators_pair(id, referrer, replaced) {
            return self.operators_transfer(env, &pair, referrer, transaction);
        }
        let status = self.join(env, id, referrer, replaced);
        let respond = Command::Respond {
            leg: referrer,
            transaction,
            status: status.err().unwrap_or(202),
            phrase: String::new(),
            retry_after: None,
        };
        env.out.push(Effect::Leg(respond));
        let Ok(target) = status else { return };
        let Some(target) = self.yielded(env, target, replaced) else { return };
        let join = DirectCallInput::Join { referrer, target };
        self.with_call(env, id, CallInput::Direct(join));
    }

    /// Ends an ordinary call, whose party opposite this leg goes over to another.
    fn yielded(&mut self, env: &mut Env<'_>, id: CallId, leg: LegId) -> Option<AnsweredCallee> {
        let Some(AnyCall::Direct(call)) = self.calls.get(&id) else { return None };
        let other = call.opposite(leg)?;
        self.with_call(env, id, CallInput::Direct(DirectCallInput::Yield { leg }));
        Some(other)
    }

    /// The calls that an operator's phone wants to join, whichever of its dialogs the REFER came in.
    fn operators_pair(&self, id: CallId, referrer: LegId, replaced: LegId) -> Option<JoinedCalls> {
        let Some(Owner::Call(target)) = self.book.owner(replaced).cloned() else { return None };
        let (one, other) = ((id, referrer), (target, replaced));
        match (self.calls.get(&id)?, self.calls.get(&target)?) {
            (AnyCall::Operator(_), AnyCall::Direct(_)) => {
                Some(JoinedCalls { operator: one, own: other })
            }
            (AnyCall::Direct(_), AnyCall::Operator(_)) => {
                Some(JoinedCalls { operator: other, own: one })
            }
            (AnyCall::Operator(_), AnyCall::Operator(_))
            | (AnyCall::Direct(_), AnyCall::Direct(_)) => None,
        }
    }

    fn operators_transfer(
        &mut self,
        env: &mut Env<'_>,
        pair: &JoinedCalls,
        referrer: LegId,
        transaction: ServerTx,
    ) {
        let (phrase, retry_after) = (String::new(), None);
        let status = if self.is_operators(pair) { 202 } else { 603 };
        let leg = referrer;
        let respond = Command::Respond { leg, transaction, status, phrase, retry_after };
        env.out.push(Effect::Leg(respond));
        if status != 202 {
            return;
        }
        // The phone's own call ends with the transfer: the one NOTIFY that it needs goes before.
        if referrer == pair.own.1 {
            env.out.push(Effect::Leg(Command::ReferProgress { leg, status: 200 }));
        }
        let Some(callee) = self.yielded(env, pair.own.0, pair.own.1) else { return };
        let join = OperatorCallInput::Join { callee, referrer };
        self.with_call(env, pair.operator.0, CallInput::Operator(join));
    }

    /// Whether both calls are the same operator's, who is with the caller and talks to the other.
    fn is_operators(&self, pair: &JoinedCalls) -> bool {
        let (Some(AnyCall::Operator(call)), Some(AnyCall::Direct(own))) =
            (self.calls.get(&pair.operator.0), self.calls.get(&pair.own.0))
        else {
            return false;
        };
        let OperatorCallState::WithCaller { seat } = &call.state else { return false };
        let phone = self.presence.view(&seat.operator).and_then(|view| view.phone);
        let far = own.far_number(pair.own.1);
        seat.phone == pair.operator.1
            && far.is_some_and(|far| !call.identity.is(&far))
            && phone.is_some_and(|phone| own.number_of_leg(pair.own.1) == Some(&phone))
    }

    /// The call to join, when both are ordinary calls of the same phone, and both who transfers and who is
    /// transferred may call the third.
    ///
    /// # Errors
    /// The status that refuses it.
    fn join(
        &mut self,
        env: &Env<'_>,
        id: CallId,
        referrer: LegId,
        replaced: LegId,
    ) -> Result<CallId, u16> {
        let Some(Owner::Call(target)) = self.book.owner(replaced).cloned() else {
            return Err(481);
        };
        let (Some(AnyCall::Direct(call)), Some(AnyCall::Direct(other))) =
            (self.calls.get(&id), self.calls.get(&target))
        else {
            return Err(603);
        };
        // Whoever transfers must be in both calls with the same phone; else anyone could pull calls apart.
        let who =
            call.number_of_leg(referrer).filter(|who| other.number_of_leg(replaced) == Some(who));
        let far = other.far_number(replaced);
        let (Some(_), Some(far), true) = (who, far, target != id) else { return Err(603) };
        let transferee = call.transferee_of(referrer, env.world).ok_or(603_u16)?;
        let asker = call.identity_of(referrer, env.world);
        match admission::admit_moved(env.world.directory, &asker, &transferee, &far) {
            Ok(_) => Ok(target),
            Err((_, rule)) => Err(rule.cause().status()),
        }
    }
}
