//! Callers that leave their queue for another number: by a key, because it is full or closed, or after the
//! longest wait.

use super::api::Effect;
use super::machine::{Env, Machine};
use crate::acd;
use crate::call::{AnyCall, CallStep, LogEvent, OperatorCallInput, OperatorCallState};
use crate::ids::{CallId, LegId, Number, RequestId};

impl Machine {
    /// A key of a caller that waits, and of nobody else: its queue knows what it means.
    pub(super) fn on_waiting_key(
        &mut self,
        env: &mut Env<'_>,
        call: CallId,
        leg: LegId,
        key: char,
    ) -> bool {
        let Some(AnyCall::Operator(call)) = self.calls.get(&call) else { return false };
        if call.caller != leg || !matches!(call.state, OperatorCallState::Queued) {
            return false;
        }
        let request = call.request;
        self.perform(env, vec![CallStep::Queue(acd::Input::Key { request, key })]);
        true
    }

    /// The caller goes on to another number; its record says why.
    pub(super) fn send_on(&mut self, env: &mut Env<'_>, request: RequestId, to: Number, why: &str) {
        let onward = self.operator_call(request).map(|call| call.onward(to));
        self.with_request(env, request, OperatorCallInput::GoneOn);
        self.perform(env, vec![CallStep::Queue(acd::Input::Leave { request })]);
        if let Some(mut onward) = onward {
            onward.record.moved(env.now.unix, why);
            let (call, to, why) = (onward.call, onward.to.clone(), why.to_owned());
            env.out.push(Effect::Log(LogEvent::SentOn { call, to, why }));
            self.go_onward(env, onward);
        }
    }
}
