//! The operator's phone has hung up after its REFER: the caller is left to the phones that ring
//! (RFC 5589 §6; the phone need not wait for the outcome).
//!
//! ```text
//!   consulting, to hand over ── operator's phone BYE ──▶ entrusted ── 200 ──▶ handed over
//!                                                            └ callee fails ──▶ queued, at the front
//! ```

use super::call_record::Handover;
use super::context::CallContext;
use super::log_event::LogEvent;
use super::operator_call::OperatorCall;
use super::operator_state::{AnsweredCallee, OperatorCallState};
use super::ringing::{ForkResult, RingingPhones};
use crate::acd;
use crate::ids::OperatorId;
use crate::leg::Command;

impl OperatorCall {
    /// The operator leaves; the consultation goes on without it.
    pub(super) fn entrust(
        &mut self,
        operator: OperatorId,
        mut callee: RingingPhones,
        ctx: &mut CallContext<'_>,
    ) {
        callee.on_behalf(self.caller);
        self.state = OperatorCallState::Entrusted { operator: operator.clone(), callee };
        ctx.leg(Command::Listen(self.sources()));
        self.follow_recording(ctx);
        let number = self.callee().map(ToString::to_string).unwrap_or_default();
        self.record.enter("entrusted", ctx.facts.now.unix, &number);
        ctx.keep(&self.record);
        ctx.tell(&operator, self.ended_view(self.callee().cloned(), "handed-over"));
        // The caller may come back, the operator does not wait for it.
        ctx.queue(acd::Input::Free { request: self.request });
    }

    /// What became of the phones to which the caller was left.
    pub(super) fn on_entrusted(&mut self, rung: ForkResult, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Entrusted { operator, callee } = &mut self.state else { return };
        match rung {
            ForkResult::Nothing | ForkResult::Ringing => {}
            ForkResult::EarlyMedia(_) | ForkResult::Silenced => {
                ctx.leg(Command::Listen(self.sources()));
            }
            ForkResult::Answered(leg, _) => {
                let (operator, number) = (operator.clone(), callee.number.clone());
                let follow = callee.offers_all_codecs(leg);
                self.record.handover = Some(Handover::Unchecked);
                self.record.enter("handed-over", ctx.facts.now.unix, number.as_str());
                self.go_among_themselves(&operator, AnsweredCallee { number, leg }, ctx);
                if follow {
                    ctx.leg(Command::Align { leg: self.caller, to: leg });
                }
            }
            ForkResult::Failed(cause, _) => {
                let (call, operator) = (self.id, operator.clone());
                ctx.log(LogEvent::NotHandedOver { call, operator, cause });
                self.record.callee = None;
                self.back_in_queue(None, acd::QueuePlace::Front, ctx);
            }
        }
    }
}
