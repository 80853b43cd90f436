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

use super::admission::{self, CallOrigin, CallerIdentity};
use super::call::AnsweredCallee;
use super::context::{CallContext, Owner, party};
use super::direct::{DirectCall, DirectCallState};
use super::dispatch::IncomingCall;
use super::log_event::LogEvent;
use super::machine::{AnyCall, Effect, Env, Machine};
use super::refusal::refusal;
use crate::cause::Cause;
use crate::ids::{CallId, LegId, Number};
use crate::leg::{self, CodecChoice, Command};

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
        self.with_call(env, id, |call, ctx| {
            let AnyCall::Direct(call) = call else { return };
            match place {
                ReplaceableState::Talking => call.go_on_at(replaced, *leg, ctx),
                ReplaceableState::Ringing => {
                    call.pick_up(AnsweredCallee { number, leg: *leg }, ctx)
                }
            }
        });
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
            DirectCallState::Transferring { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => {
                return Err(declined());
            }
        };
        Ok((*id, number.clone(), place))
    }
}

impl DirectCall {
    /// The party of leg `replaced` goes on at `leg`.
    fn go_on_at(&mut self, replaced: LegId, leg: LegId, ctx: &mut CallContext<'_>) {
        let DirectCallState::Talking { callee } = &mut self.state else { return };
        let is_caller = replaced == self.caller;
        let partner = if is_caller { callee.leg } else { self.caller };
        if is_caller {
            self.caller = leg;
        } else {
            callee.leg = leg;
        }
        self.answer_in_place(leg, partner, ctx);
        ctx.leg(Command::Listen(self.sources()));
        ctx.hang_up(replaced, Cause::Transferred);
        let (call, to) = (self.id, self.identity_of(leg, ctx.world).shown());
        self.record.moved(ctx.now.unix, &to);
        ctx.log(LogEvent::Transferred { call, to: Number::from(to.as_str()), by: to });
        ctx.keep(&self.record);
    }

    /// Somebody else answers while phones ring.
    fn pick_up(&mut self, by: AnsweredCallee, ctx: &mut CallContext<'_>) {
        let DirectCallState::Ringing { callee, .. } = &mut self.state else { return };
        callee.call_off(Cause::AnsweredElsewhere, ctx);
        let (leg, number) = (by.leg, by.number.clone());
        self.record.callee = Some(number.clone());
        self.answer_in_place(leg, self.caller, ctx);
        self.talk(by, ctx);
        let other = ctx.world.called(&number);
        ctx.introduce((self.caller, &self.identity), (leg, &other));
    }

    /// The 200 to who takes a place, with whom it talks from now on.
    fn answer_in_place(&self, leg: LegId, partner: LegId, ctx: &mut CallContext<'_>) {
        let other = self.identity_of(partner, ctx.world);
        let identify = other.number.is_some().then(|| party(&other));
        let choice = CodecChoice { like: Some(partner), prefer: vec![] };
        ctx.leg(Command::Answer { leg, choice, identify });
    }
}
