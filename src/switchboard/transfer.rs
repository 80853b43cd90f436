//! Attended transfer: one party brings the other two of its two calls together (RFC 3891, RFC 5589).

use super::admission;
use super::context::Owner;
use super::machine::{Call, Effect, Env, Machine};
use crate::dialog::ServerTx;
use crate::ids::{CallId, LegId};
use crate::leg::Command;

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
        let mut yielded = None;
        self.with_call(env, target, |call, ctx| {
            if let Call::Direct(call) = call {
                yielded = call.yield_other(replaced, ctx);
            }
        });
        self.with_call(env, id, |call, ctx| {
            if let (Call::Direct(call), Some(other)) = (call, yielded) {
                call.join(referrer, other, ctx);
            }
        });
    }

    /// The call to join, when both are ordinary calls of the same phone and the transferred party may
    /// call the third.
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
        let (Some(Call::Direct(call)), Some(Call::Direct(other))) =
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
        match admission::admit(env.world.directory, &transferee, &far) {
            Ok(_) => Ok(target),
            Err(rule) => Err(rule.cause().status()),
        }
    }
}
