//! Transfer to a ringing phone: the operator does not talk to the wanted person, and has the caller again
//! when that one cannot be had. And the calls that come back for the next number.
//!
//! ```text
//!   with-caller, in-hand ── transfer ──▶ transferring ── 200 ──▶ settling ── both healthy ──▶ handed over
//!                                            │ nobody, busy, cancel     └─ 5 s: told, and goes on; callee gone ──┐
//!                                            ▼                                                                  │
//!      the operator has others in hand: in-hand, recalled;  free: its phone rings;  gone: queued at the front ◀─┘
//!
//!   serial: handed over ── callee gone ──▶ the same
//! ```

use super::call_record::{EndedBy, Handover};
use super::consultation::{not_placed, progress_of};
use super::context::CallContext;
use super::facts::WayBack;
use super::log_event::LogEvent;
use super::operator_call::OperatorCall;
use super::operator_state::{AnsweredCallee, Aside, OperatorCallState};
use super::ringing::{CallAttempt, ForkResult, Permission, RingingPhones};
use super::settings::HEALTH_WAIT;
use super::step::{CallStep, Owner};
use super::world::party;
use crate::acd;
use crate::cause::Cause;
use crate::desk::event::{CommandRefusal, DeskEvent};
use crate::ids::{Number, OperatorId};
use crate::leg::{Command, OfferedCodecs};
use crate::presence;

impl OperatorCall {
    /// The caller is left to the phones of a number.
    ///
    /// # Errors
    /// Why that cannot be; the caller is where it was.
    pub(super) fn transfer_to(
        &mut self,
        number: &Number,
        ctx: &mut CallContext<'_>,
    ) -> Result<(), CommandRefusal> {
        let (by, phone) = self.let_go()?;
        let (_, admitted) = self.admit_for(&by, number, ctx)?;
        let placing = CallAttempt {
            to: Permission::Admitted(&admitted),
            behalf: self.caller,
            caller: party(&self.identity),
            withheld: self.identity.number.is_none(),
            sips: false,
            offer: OfferedCodecs::For(self.caller),
            auto_answer: false,
            ring_time: ctx.facts.settings.consult_ring_time,
            owner: Owner::Call(self.id),
        };
        let at = ctx.steps.len();
        let callee = RingingPhones::place(placing, ctx).map_err(not_placed)?;
        let calls = ctx.steps.split_off(at);
        self.position = 0;
        self.record.callee = Some(number.clone());
        let state = OperatorCallState::Transferring { by: by.clone(), callee, rings: false };
        self.enter(state, ctx);
        ctx.tell(&by, self.progress(number, "trying", None));
        if let Some(seat) = phone {
            self.leave_phone(&seat, Cause::NormalClearing, ctx);
        }
        ctx.steps.extend(calls);
        // The caller may come back, the operator does not wait for it.
        ctx.queue(acd::Input::Free { request: self.request });
        Ok(())
    }

    /// What became of the phones to which the caller was left.
    pub(super) fn on_transferring(&mut self, rung: ForkResult, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Transferring { by, callee, rings } = &mut self.state else { return };
        let (by, number) = (by.clone(), callee.number.clone());
        match rung {
            ForkResult::Nothing => {}
            ForkResult::Ringing => {
                if !std::mem::replace(rings, true) {
                    ctx.tell(&by, self.progress(&number, "ringing", None));
                }
            }
            ForkResult::EarlyMedia(_) | ForkResult::Silenced => {
                ctx.leg(Command::Listen(self.sources()));
            }
            ForkResult::Answered(leg, _) => {
                let follow = callee.offers_all_codecs(leg);
                ctx.tell(&by, self.progress(&number, "answered", None));
                let callee = AnsweredCallee { number, leg };
                let until = Some(ctx.facts.now.instant + HEALTH_WAIT);
                self.enter(OperatorCallState::Settling { by, callee, until }, ctx);
                if follow {
                    ctx.leg(Command::Align { leg: self.caller, to: leg });
                }
            }
            ForkResult::Failed(cause, _) => {
                let (progress, reason) = progress_of(cause);
                ctx.tell(&by, self.progress(&number, progress, reason));
                self.come_back(by, progress, ctx);
            }
        }
    }

    /// The two hear and see each other: the hand-over counts (R5.4).
    pub(super) fn settle_if_healthy(&mut self, ctx: &mut CallContext<'_>) {
        if matches!(self.state, OperatorCallState::Settling { .. }) && self.checks.is_healthy() {
            self.settle(Handover::Checked, ctx);
        }
    }

    pub(super) fn settle(&mut self, handover: Handover, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Settling { by, callee, .. } = &self.state else { return };
        let (by, callee) = (by.clone(), callee.clone());
        self.record.handover = Some(handover);
        self.record.enter("handed-over", ctx.facts.now.unix, callee.number.as_str());
        self.among_themselves(&by, callee, ctx);
    }

    /// The five seconds are over. Both are together and may hang up; the operator may look after them.
    pub(super) fn not_settled(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Settling { by, callee, until, .. } = &mut self.state else { return };
        *until = None;
        let (by, number) = (by.clone(), callee.number.clone());
        let text = format!(
            "{} and {number} do not hear and see each other yet: release with force, or cancel",
            self.identity.shown()
        );
        ctx.tell(&by, DeskEvent::Notice { text });
    }

    /// The operator wants the caller back.
    pub(super) fn take_back(&mut self, reason: &'static str, ctx: &mut CallContext<'_>) {
        if let OperatorCallState::Transferring { by, callee, .. } = &mut self.state {
            let by = by.clone();
            callee.call_off(Cause::Abandoned, ctx);
            self.come_back(by, reason, ctx);
        } else if let OperatorCallState::Settling { by, callee, .. } = &self.state {
            let (by, callee) = (by.clone(), callee.clone());
            ctx.hang_up(callee.leg, Cause::NormalClearing);
            self.come_back(by, reason, ctx);
        }
    }

    /// A callee has hung up with whom no operator is on the line; whether it was one.
    pub(super) fn callee_gone_elsewhere(&mut self, ctx: &mut CallContext<'_>) -> bool {
        let (by, number, reason) = match &mut self.state {
            OperatorCallState::InHand { operator, aside, .. }
            | OperatorCallState::Rejoining { operator, aside, .. } => {
                let Some(callee) = aside.callee().cloned() else { return true };
                let (operator, was_connected) =
                    (operator.clone(), matches!(aside, Aside::Connected(_)));
                *aside = Aside::Caller;
                self.record.callee = None;
                ctx.leg(Command::Listen(self.sources()));
                ctx.tell(&operator, self.progress(&callee.number, "hung-up", None));
                ctx.tell(&operator, self.view(None));
                if was_connected {
                    self.recall(ctx);
                }
                return true;
            }
            OperatorCallState::Settling { by, callee, .. } => {
                (by.clone(), callee.number.clone(), "hung-up")
            }
            OperatorCallState::Serial { by, callee } if self.serial => {
                (by.clone(), callee.number.clone(), "serial")
            }
            OperatorCallState::Serial { .. } => {
                self.finish("callee-hung-up", Cause::NormalClearing, EndedBy::Callee, ctx);
                return true;
            }
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => return false,
        };
        ctx.leg(Command::Watch { leg: self.caller, on: false });
        ctx.tell(&by, self.progress(&number, "hung-up", None));
        self.come_back(by, reason, ctx);
        true
    }

    /// The caller is its operator's again: in its hand, or its phone rings; in the queue where it is gone.
    fn come_back(&mut self, by: OperatorId, reason: &str, ctx: &mut CallContext<'_>) {
        self.record.callee = None;
        let way = ctx.facts.way_back(&by);
        if way == WayBack::Gone {
            ctx.tell(&by, self.ended_view(None, reason));
            return self.back_in_queue(None, acd::QueuePlace::Front, ctx);
        }
        let (request, phone) = (self.request, ctx.facts.phone_of(&by));
        ctx.queue(acd::Input::HandOn { request, operator: by.clone() });
        ctx.steps.push(CallStep::Hold(by.clone(), self.id));
        ctx.presence(presence::Input::Engage { operator: by.clone(), phone });
        ctx.log(LogEvent::CameBack { call: self.id, operator: by.clone() });
        if way == WayBack::Phone {
            return self.ring(by, ctx);
        }
        self.hold_in_hand(by, Aside::Caller, ctx);
        self.recall(ctx);
    }

    /// The caller comes back to this operator each time that a callee hangs up, or does so no longer.
    ///
    /// # Errors
    /// When it has no operator.
    pub(super) fn be_serial(
        &mut self,
        on: bool,
        ctx: &mut CallContext<'_>,
    ) -> Result<(), CommandRefusal> {
        let is_settled = !matches!(
            self.state,
            OperatorCallState::Taken { .. }
                | OperatorCallState::RingingYou { .. }
                | OperatorCallState::Leaving { .. }
        );
        let operator = self.in_charge().filter(|_| is_settled).cloned();
        let operator = operator.ok_or_else(|| self.wrong_phase())?;
        self.serial = on;
        ctx.tell(&operator, self.view(None));
        Ok(())
    }

    /// Who has the call in hand, or let it go for a while.
    fn in_charge(&self) -> Option<&OperatorId> {
        if let OperatorCallState::Serial { by, .. } = &self.state {
            return Some(by);
        }
        self.operator()
    }

    /// Whether it is this operator's.
    pub fn is_of(&self, operator: &OperatorId) -> bool {
        self.in_charge() == Some(operator)
    }

    /// Whether this operator has left it to a phone from which it may come back.
    pub fn is_let_go_by(&self, operator: &OperatorId) -> bool {
        matches!(
            &self.state,
            OperatorCallState::Transferring { by, .. } | OperatorCallState::Settling { by, .. }
                if by == operator
        )
    }
}
