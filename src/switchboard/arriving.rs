//! A caller that we answer waits only when its ACK has come: until then anybody may have written its
//! address, and no operator shall hear of it. It is answered at once, and takes no place.
//!
//! ```text
//!   INVITE ──▶ arriving ── ACK ──▶ queued, or told why not
//!                 └ no ACK in time, or too many of its kind arrive: ended
//! ```

use super::call::{OperatorCall, State};
use super::call_record::EndedBy;
use super::context::{Context, Step};
use super::machine::{Call, Env, Machine};
use crate::acd::{self, Share};
use crate::cause::Cause;
use crate::ids::CallId;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// For so long a call may arrive: our 200 is sent five times in it (RFC 3261 §13.3.1.4).
pub const ARRIVING_MAX: Duration = Duration::from_secs(8);
/// One that arrives for so long gives way when too many do: an honest phone's ACK takes a fraction of it.
pub const GIVES_WAY_AFTER: Duration = Duration::from_secs(1);

/// The calls that arrive, since when and of whom. As many of one share may as it has places in the
/// queue, beside those that wait.
#[derive(Debug, Default)]
pub(super) struct Arriving(BTreeMap<CallId, (Instant, Share)>);

impl Arriving {
    /// Notes that a call arrives, or no longer.
    pub fn note(&mut self, now: Instant, id: CallId, call: &Call) {
        let share = match call {
            Call::Operator(call) => call.arriving_share(),
            Call::Direct(_) => None,
        };
        match share {
            Some(share) => {
                self.0.entry(id).or_insert_with(|| (now, share.clone()));
            }
            None => drop(self.0.remove(&id)),
        }
    }

    fn of<'a>(&'a self, share: &'a Share) -> impl Iterator<Item = (CallId, Instant)> {
        self.0.iter().filter(move |(_, (_, of))| of == share).map(|(id, (since, _))| (*id, *since))
    }
}

impl Machine {
    /// A caller is answered that waits from its ACK on.
    pub(super) fn let_arrive(&mut self, env: &mut Env<'_>, arrival: acd::Arrival, position: usize) {
        let request = arrival.request;
        let max = self.acd.share_of(&arrival.queue, &arrival.share);
        if self.arriving.of(&arrival.share).count() >= max {
            let oldest = self.arriving.of(&arrival.share).min_by_key(|(_, since)| *since);
            let stale =
                oldest.filter(|(_, since)| env.now.instant.since(*since) >= GIVES_WAY_AFTER);
            let Some((stale, _)) = stale else {
                return self.with_request(env, request, |call, ctx| {
                    call.finish("overloaded", Cause::Overloaded, EndedBy::Server, ctx);
                });
            };
            self.with_call(env, stale, |call, ctx| {
                if let Call::Operator(call) = call {
                    call.not_acknowledged(ctx);
                }
            });
        }
        self.with_request(env, request, |call, ctx| call.begin_arriving(arrival, position, ctx));
    }
}

impl OperatorCall {
    fn begin_arriving(&mut self, arrival: acd::Arrival, position: usize, ctx: &mut Context<'_>) {
        let until = ctx.now.instant + ARRIVING_MAX;
        let arrival = Box::new(acd::Arrival { told: Some(position), ..arrival });
        self.enter(State::Arriving { until, arrival }, ctx);
        self.wait(position, ctx);
    }

    /// Its ACK has come.
    pub(super) fn acknowledged(&mut self, ctx: &mut Context<'_>) {
        let State::Arriving { arrival, .. } = &self.state else { return };
        let arrival = (**arrival).clone();
        // The phone has heard and seen where it is to wait since our answer.
        self.state = State::Queued;
        self.record.enter(self.phase(), ctx.now.unix, "");
        ctx.keep(&self.record);
        ctx.steps.push(Step::Queue(acd::Input::Arrive(arrival)));
    }

    /// Nobody is there who acknowledges.
    pub(super) fn not_acknowledged(&mut self, ctx: &mut Context<'_>) {
        self.finish("unacknowledged", Cause::Unacknowledged, EndedBy::Server, ctx);
    }

    fn arriving_share(&self) -> Option<&Share> {
        match &self.state {
            State::Arriving { arrival, .. } => Some(&arrival.share),
            State::Queued
            | State::Announcing { .. }
            | State::Taken { .. }
            | State::RingingYou { .. }
            | State::WithCaller { .. }
            | State::Consulting { .. }
            | State::TalkingToCallee { .. }
            | State::Alternated { .. }
            | State::Connected { .. }
            | State::Releasing { .. }
            | State::Leaving { .. }
            | State::HandedOver { .. }
            | State::Ended => None,
        }
    }
}
