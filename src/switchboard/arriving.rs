//! A caller that we answer waits only when its ACK has come: until then anybody may have written its
//! address, and no operator shall hear of it. It is answered at once, and takes no place.
//!
//! ```text
//!   INVITE ──▶ arriving ── ACK ──▶ queued, or told why not
//!                 └ no ACK in time, or too many of its kind arrive: ended
//! ```
//!
//! Those that cannot wait are told why before they are answered, while there are not too many of them,
//! either: each of them has relay ports meanwhile.

use super::machine::{Env, Machine};
use crate::acd;
use crate::call::{CallInput, OperatorCallInput};
use crate::cause::Cause;
use crate::ids::RequestId;
use crate::time::Duration;

/// One that arrives for so long gives way when too many do: an honest phone's ACK takes a fraction of it.
pub const GIVES_WAY_AFTER: Duration = Duration::from_secs(1);

impl Machine {
    /// A caller is answered that waits from its ACK on.
    pub(super) fn let_arrive(&mut self, env: &mut Env<'_>, arrival: acd::Arrival, position: usize) {
        let request = arrival.request;
        let max = self.acd.share_of(&arrival.queue, &arrival.share);
        if self.arriving.arrive.of(&arrival.share).count() >= max {
            let oldest = self.arriving.arrive.of(&arrival.share).min_by_key(|(_, since)| *since);
            let stale =
                oldest.filter(|(_, since)| env.now.instant.since(*since) >= GIVES_WAY_AFTER);
            let Some((stale, _)) = stale else {
                return self.end_request(env, request, "overloaded", Cause::Overloaded);
            };
            let gives_way = CallInput::Operator(OperatorCallInput::Unacknowledged);
            self.with_call(env, stale, gives_way);
        }
        let minutes = self.minutes(request, position);
        let input = OperatorCallInput::Arrive { arrival, position, minutes };
        self.with_request(env, request, input);
    }

    /// A caller that cannot wait is told why; where too many of its kind are told at the moment, by the
    /// status alone.
    pub(super) fn tell_why(&mut self, env: &mut Env<'_>, request: RequestId, cause: Cause) {
        let Some(call) = self.operator_call(request) else { return };
        let share = call.identity.share();
        let max = self.acd.share_of(&call.queue, &share);
        let is_told = call.answered || self.arriving.are_told.of(&share).count() < max;
        match is_told {
            true => self.with_request(env, request, OperatorCallInput::Announce(cause)),
            false => self.end_request(env, request, "refused", cause),
        }
    }
}
