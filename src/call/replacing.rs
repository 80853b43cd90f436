//! Somebody takes a place in an ordinary call: a person goes on at another phone, or picks up a call that
//! rings elsewhere (RFC 3891).

use super::context::CallContext;
use super::direct::{DirectCall, DirectCallState};
use super::log_event::LogEvent;
use super::operator_state::AnsweredCallee;
use super::world::party;
use crate::cause::Cause;
use crate::ids::{LegId, Number};
use crate::leg::{CodecChoice, Command};

impl DirectCall {
    /// The party of leg `replaced` goes on at `leg`.
    pub fn go_on_at(&mut self, replaced: LegId, leg: LegId, ctx: &mut CallContext<'_>) {
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
        let (call, to) = (self.id, self.identity_of(leg, ctx.facts.world).shown());
        self.record.moved(ctx.facts.now.unix, &to);
        ctx.log(LogEvent::Transferred { call, to: Number::from(to.as_str()), by: to });
        ctx.keep(&self.record);
    }

    /// Somebody else answers while phones ring.
    pub fn pick_up(&mut self, by: AnsweredCallee, ctx: &mut CallContext<'_>) {
        let DirectCallState::Ringing { callee, .. } = &mut self.state else { return };
        callee.call_off(Cause::AnsweredElsewhere, ctx);
        let (leg, number) = (by.leg, by.number.clone());
        self.record.callee = Some(number.clone());
        self.answer_in_place(leg, self.caller, ctx);
        self.talk(by, ctx);
        let other = ctx.facts.world.called(&number);
        ctx.introduce((self.caller, &self.identity), (leg, &other));
    }

    /// The 200 to who takes a place, with whom it talks from now on.
    fn answer_in_place(&self, leg: LegId, partner: LegId, ctx: &mut CallContext<'_>) {
        let other = self.identity_of(partner, ctx.facts.world);
        let identify = other.number.is_some().then(|| party(&other));
        let choice = CodecChoice { like: Some(partner), prefer: vec![] };
        ctx.leg(Command::Answer { leg, choice, identify });
    }
}
