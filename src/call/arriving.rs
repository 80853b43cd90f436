//! A caller that we answer waits only when its ACK has come: until then anybody may have written its
//! address, and no operator shall hear of it.
//!
//! ```text
//!   INVITE ──▶ arriving ── ACK ──▶ queued, or told why not
//!                 └ no ACK in time: ended
//! ```

use super::call_record::EndedBy;
use super::context::CallContext;
use super::operator_call::OperatorCall;
use super::operator_state::OperatorCallState;
use super::step::CallStep;
use crate::acd;
use crate::cause::Cause;
use crate::time::Duration;

/// For so long a call may arrive: our 200 is sent five times in it (RFC 3261 §13.3.1.4).
pub const ARRIVING_MAX: Duration = Duration::from_secs(8);
impl OperatorCall {
    pub fn begin_arriving(
        &mut self,
        arrival: acd::Arrival,
        position: usize,
        minutes: Option<u32>,
        ctx: &mut CallContext<'_>,
    ) {
        let until = ctx.facts.now.instant + ARRIVING_MAX;
        let arrival = Box::new(acd::Arrival { told: Some(position), ..arrival });
        self.enter(OperatorCallState::Arriving { until, arrival }, ctx);
        self.wait(position, minutes, ctx);
    }

    /// Its ACK has come.
    pub(super) fn acknowledged(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Arriving { arrival, .. } = &self.state else { return };
        let arrival = (**arrival).clone();
        // The phone has heard and seen where it is to wait since our answer.
        self.state = OperatorCallState::Queued;
        self.record.enter(self.phase(), ctx.facts.now.unix, "");
        ctx.keep(&self.record);
        ctx.steps.push(CallStep::Queue(acd::Input::Arrive(arrival)));
    }

    /// Nobody is there who acknowledges.
    pub fn not_acknowledged(&mut self, ctx: &mut CallContext<'_>) {
        self.finish("unacknowledged", Cause::Unacknowledged, EndedBy::Server, ctx);
    }

    /// Whether it arrives, and whether it is told before it is answered why it cannot wait.
    pub fn on_the_doorstep(&self) -> (bool, bool) {
        match &self.state {
            OperatorCallState::Arriving { .. } => (true, false),
            OperatorCallState::Announcing { .. } => (false, !self.answered),
            OperatorCallState::Queued
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => (false, false),
        }
    }
}
