//! What the queue says, and who takes a call from it.

use super::machine::{Env, Machine};
use crate::acd;
use crate::call::{CommandSource, OperatorCallInput};
use crate::cause::Cause;
use crate::desk::event::DeskEvent;
use crate::ids::{CallId, LegId, OperatorId, RequestId, Ticket};
use crate::leg;
use crate::time::UnixTime;

impl Machine {
    pub(super) fn on_queue(&mut self, env: &mut Env<'_>, effect: acd::Effect) {
        use acd::Effect as Q;
        match effect {
            Q::Queued { request, position, .. } => {
                self.let_in(env, request);
                let minutes = self.minutes(request, position);
                let input = OperatorCallInput::Queued { position, minutes };
                self.with_request(env, request, input);
            }
            Q::Position { request, position, place, waiting } => {
                let minutes = self.minutes(request, position);
                let input = OperatorCallInput::Moved { position, minutes };
                self.with_request(env, request, input);
                self.tell_position(request, place, waiting);
            }
            Q::Repeat { request } => {
                self.with_request(env, request, OperatorCallInput::Repeat);
            }
            Q::Refused { request, why } => self.on_refused(env, request, why),
            Q::Ended { request, why } => self.on_wait_over(env, request, why),
            Q::Offer { operator, request, position, waiting } => {
                let by_phone = self.is_phone_operator(env, &operator);
                if !by_phone && let Some(view) = self.waiting_view(request, position, waiting) {
                    self.desks.tell(&operator, DeskEvent::Offer(view));
                }
                if by_phone || self.rings_desk_phones(request) {
                    self.offer_to_phone(env, operator, request);
                }
            }
            Q::Show { operator, request, position, waiting } => {
                self.withdraw_from_phone(env, &operator, request, Cause::Abandoned);
                if !self.is_phone_operator(env, &operator)
                    && let Some(view) = self.waiting_view(request, position, waiting)
                {
                    self.desks.tell(&operator, DeskEvent::Waiting(view));
                }
            }
            Q::Withdraw { operator, request, reason } => {
                self.withdraw(env, &operator, request, reason);
            }
            Q::Released { operator, request } => self.free_of(env, operator, request),
            // The answers to takes and declines are read where those are made.
            Q::Taken { .. }
            | Q::TakeRefused { .. }
            | Q::Declined { .. }
            | Q::DeclineRefused { .. } => {}
        }
    }

    fn withdraw(
        &mut self,
        env: &mut Env<'_>,
        operator: &OperatorId,
        request: RequestId,
        reason: acd::WithdrawalReason,
    ) {
        let (word, cause) = match reason {
            acd::WithdrawalReason::Taken => ("taken", Cause::AnsweredElsewhere),
            acd::WithdrawalReason::Abandoned => ("abandoned", Cause::Abandoned),
            acd::WithdrawalReason::Timeout => ("timeout", Cause::WaitedTooLong),
            acd::WithdrawalReason::Overflow => ("overflow", Cause::WaitedTooLong),
            acd::WithdrawalReason::NotEligible => ("not-eligible", Cause::Abandoned),
        };
        self.withdraw_from_phone(env, operator, request, cause);
        if !self.is_phone_operator(env, operator) {
            self.desks.tell(operator, DeskEvent::Withdrawn { request, reason: word });
        }
    }

    /// An operator takes a request, by its desk or by answering its phone. The withdrawals at the
    /// other desks wait until the journal has the take (R4.2).
    ///
    /// # Errors
    /// Why the queue does not give it.
    pub(super) fn take(
        &mut self,
        env: &mut Env<'_>,
        request: RequestId,
        operator: &OperatorId,
        asker: CommandSource,
        phone: Option<(LegId, leg::Spoken)>,
    ) -> Result<(), acd::Denial> {
        let is_last = self.in_hand(operator) + 1 >= Self::max_calls(env.world.directory, operator);
        let own = operator.clone();
        let input = match is_last {
            true => acd::Input::Take { request, operator: own },
            false => acd::Input::TakeOneMore { request, operator: own },
        };
        let mut effects = self.acd.handle(env.now.instant, input).into_iter();
        match effects.next() {
            Some(acd::Effect::Taken { .. }) => {}
            Some(acd::Effect::TakeRefused { why, .. }) => return Err(why),
            other => unreachable!("a take is answered first: {other:?}"),
        }
        self.learn_pace(env.now.unix, request);
        let phone = phone.or_else(|| self.phone_on_line(operator));
        let is_by_desk = matches!(asker, CommandSource::Desk { .. });
        let id = self.requests.get(&request).copied();
        let ticket = id.map(|id| self.win(env, operator, id, request, is_by_desk));
        if !is_last {
            self.quiet_phone(env, operator);
        }
        if let Some(ticket) = ticket {
            let operator = operator.clone();
            let taken = OperatorCallInput::Taken { operator, asker, phone, ticket };
            self.with_request(env, request, taken);
        }
        // Where it rings for this call it is called anew, to pick up by itself.
        self.withdraw_from_phone(env, operator, request, Cause::AnsweredElsewhere);
        let of_this = |e: &acd::Effect| matches!(e, acd::Effect::Withdraw { request: r, .. } if *r == request);
        let (held, at_once): (Vec<_>, Vec<_>) = effects.partition(of_this);
        if let Some(ticket) = ticket {
            self.held.insert(ticket, held);
        }
        at_once.into_iter().for_each(|effect| self.on_queue(env, effect));
        Ok(())
    }

    /// An operator has won a call: the journal is asked to say so. A desk hears its result before all else.
    pub(super) fn win(
        &mut self,
        env: &Env<'_>,
        operator: &OperatorId,
        id: CallId,
        request: RequestId,
        is_by_desk: bool,
    ) -> Ticket {
        self.put_in_hand(operator.clone(), id, request);
        if is_by_desk {
            self.desks.cork(operator);
        }
        env.world.tickets.mint()
    }

    /// The phone of an operator that is on the line already, with what it speaks.
    pub(super) fn phone_on_line(&self, operator: &OperatorId) -> Option<(LegId, leg::Spoken)> {
        let leg = self.positions.get(operator)?.phone()?;
        Some((leg, self.spoken.get(operator).cloned().unwrap_or_default()))
    }

    // ---- how fast it moves ----

    /// How long a caller at this position of its queue will wait, in minutes; none when nobody can tell.
    pub(super) fn minutes(&self, request: RequestId, position: usize) -> Option<u32> {
        let queue = &self.operator_call(request)?.queue;
        self.estimates.get(queue)?.minutes(position)
    }

    /// Notes how long a caller has waited that is taken for the first time.
    pub(super) fn learn_pace(&mut self, now: UnixTime, request: RequestId) {
        let Some(call) = self.operator_call(request) else { return };
        if let (Some((since, position)), true) = (call.joined, call.record.operators.is_empty()) {
            let queue = call.queue.clone();
            self.estimates.entry(queue).or_default().taken(now.since(since), position);
        }
    }

    // ---- guests ----

    /// A request waits in its queue: a guest is let in with it.
    pub(super) fn let_in(&mut self, env: &mut Env<'_>, request: RequestId) {
        let Some(call) = self.requests.get(&request).copied() else { return };
        if self.unauthenticated.has(call) {
            self.unauthenticated.waits(call);
            self.with_request(env, request, OperatorCallInput::LetIn);
        }
    }
}
