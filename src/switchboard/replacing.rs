//! An INVITE that takes a place in a call (RFC 3891): a person goes on at another phone of the same
//! terminal, or picks up a call that rings elsewhere.
//!
//! ```text
//!   INVITE, Replaces ── a leg that talks, of the same terminal ──▶ that leg's place, BYE to it
//!                    ── a phone that rings, both levels admit ───▶ talking, CANCEL to all that ring
//!                    ── a caller that waits for an answer ───────▶ 481: it is not ours to replace (§3)
//!                    └─ anything else ───────────────────────────▶ 603
//! ```
//!
//! Knowing the name of a dialog gives no right to it; nor does anybody take a place in a call through an
//! operator.

use super::api::Effect;
use super::api::IncomingCall;
use super::machine::{Env, Machine};
use crate::call::admission::{CallOrigin, CallerIdentity};
use crate::call::{
    AnsweredCallee, AnyCall, CallInput, DirectCallInput, DirectCallState, Owner, admission, refusal,
};
use crate::cause::Cause;
use crate::ids::{CallId, LegId, Number};
use crate::leg::{self, Command};

/// What of a call may be taken.
enum ReplaceableState {
    /// That of a party that talks.
    Talking,
    /// That of the phones that ring.
    Ringing,
}

impl Machine {
    pub(super) fn replace(&mut self, env: &mut Env<'_>, incoming: &IncomingCall, replaced: LegId) {
        let IncomingCall { leg, identity, offer, .. } = incoming;
        let unmet = offer.unmet.map_or(Ok(()), |cause| Err(refusal(cause)));
        let found = unmet.and_then(|()| self.may_replace(env, identity, replaced));
        let (id, number, place) = match found {
            Ok(found) => found,
            Err(refusal) => {
                return env.out.push(Effect::Leg(Command::Refuse { leg: *leg, refusal }));
            }
        };
        self.book.own(*leg, Owner::Call(id));
        let leg = *leg;
        let input = match place {
            ReplaceableState::Talking => DirectCallInput::GoOnAt { replaced, leg },
            ReplaceableState::Ringing => DirectCallInput::PickUp(AnsweredCallee { number, leg }),
        };
        self.with_call(env, id, CallInput::Direct(input));
    }

    /// # Errors
    /// What refuses it.
    fn may_replace(
        &self,
        env: &Env<'_>,
        who: &CallerIdentity,
        replaced: LegId,
    ) -> Result<(CallId, Number, ReplaceableState), leg::InviteRefusal> {
        let declined = || refusal(Cause::Declined);
        let CallOrigin::Terminal(number) = &who.origin else { return Err(declined()) };
        let Some(Owner::Call(id)) = self.book.owner(replaced) else { return Err(declined()) };
        let Some(AnyCall::Direct(call)) = self.calls.get(id) else { return Err(declined()) };
        let place = match &call.state {
            DirectCallState::Talking { .. } => {
                let own = call.identity_of(replaced, env.world);
                if own.terminal() != Some(number) {
                    return Err(declined());
                }
                ReplaceableState::Talking
            }
            DirectCallState::Ringing { callee, .. } if callee.has(replaced) => {
                let directory = env.world.directory;
                let refused = |rule: admission::Rule| refusal(rule.cause());
                // The caller has to be let in to who picks up, and that one to the phone that rings.
                admission::admit(directory, &call.identity, number).map_err(refused)?;
                if *number != callee.number {
                    admission::admit(directory, who, &callee.number).map_err(refused)?;
                }
                ReplaceableState::Ringing
            }
            DirectCallState::Ringing { .. } => {
                let (phrase, reason, warning) = ("No such call".into(), None, None);
                let retry_after = None;
                return Err(leg::InviteRefusal {
                    status: 481,
                    phrase,
                    reason,
                    warning,
                    retry_after,
                });
            }
            DirectCallState::Arrived
            | DirectCallState::Transferring { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => {
                return Err(declined());
            }
        };
        Ok((*id, number.clone(), place))
    }
}
