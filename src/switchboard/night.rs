//! Night service: new callers of a queue that is closed go elsewhere, and its operators see that it is.
//!
//! ```text
//!   new caller ── night ──▶ the night number, or told that the house is closed
//!   hours, `queue set --night`, *54 ──▶ night or day ──▶ desks of the queue
//!   callers that wait ──▶ wait on
//! ```

use super::api::Effect;
use super::machine::{Env, Machine};
use crate::acd::NightChange;
use crate::call::LogEvent;
use crate::cause::Cause;
use crate::desk::event::DeskEvent;
use crate::desk::outbox::DeskMessage;
use crate::directory::{DirectoryChange, Operator};
use crate::ids::{Number, OperatorId, QueueId, RequestId};

impl Machine {
    /// Whether a new caller finds its queue closed; it is sent on, or told.
    pub(super) fn finds_night(&mut self, env: &mut Env<'_>, request: RequestId) -> bool {
        let Some(queue) = self.operator_call(request).map(|call| call.queue.clone()) else {
            return false;
        };
        if !self.night.is_night(env.now.unix, &queue) {
            return false;
        }
        match self.night.number(&queue).cloned() {
            Some(to) => self.send_on(env, request, to, "night service"),
            None => self.tell_why(env, request, Cause::Closed),
        }
        true
    }

    /// Takes over how the administrators' switches stand.
    pub(super) fn set_nights(&mut self, env: &mut Env<'_>) {
        let changes = self.night.set(env.now, |queue| env.world.directory.night(queue));
        self.tell_nights(env, changes);
    }

    pub(super) fn tell_nights(&mut self, env: &mut Env<'_>, changes: Vec<NightChange>) {
        for NightChange { queue, is_night } in changes {
            for account in env.world.directory.operators() {
                if account.serves(&queue) {
                    let event = DeskEvent::Queue { queue: queue.clone(), is_night };
                    self.desks.tell(&account.name, event);
                }
            }
            env.out.push(Effect::Log(LogEvent::Night { queue, is_night }));
        }
    }

    /// The queues of a desk that are closed, for its snapshot; that the others are open goes without saying.
    pub(super) fn say_nights(&mut self, env: &Env<'_>, operator: &OperatorId) {
        let Some(account) = env.world.directory.operator(operator) else { return };
        for queue in self.closed(env, account) {
            let event = DeskEvent::Queue { queue, is_night: true };
            self.desks.say(operator, DeskMessage::Snapshot(event));
        }
    }

    fn closed(&self, env: &Env<'_>, account: &Operator) -> Vec<QueueId> {
        let queues = self.settings.queues.keys().filter(|queue| account.serves(queue));
        queues.filter(|queue| self.night.is_night(env.now.unix, queue)).cloned().collect()
    }

    /// The operator whose own phone this is, at a desk or without one: who sits there before others.
    pub(super) fn operator_with_phone<'d>(
        &self,
        env: &Env<'d>,
        phone: &Number,
    ) -> Option<&'d Operator> {
        let directory = env.world.directory;
        let seated = self.presence.at_phone(phone).and_then(|name| directory.operator(name));
        seated.or_else(|| directory.operators().find(|account| account.phone == *phone))
    }

    /// Turns all queues of an operator to night, where one of them has day, else to day; says whether it has any.
    pub(super) fn turn_night(
        &mut self,
        env: &mut Env<'_>,
        account: &Operator,
        phone: &Number,
    ) -> bool {
        let queues: Vec<QueueId> =
            self.settings.queues.keys().filter(|queue| account.serves(queue)).cloned().collect();
        let is_night = self.closed(env, account).len() < queues.len();
        let has_any = !queues.is_empty();
        for queue in queues {
            let switch = self.night.switch_for(env.now.unix, &queue, is_night);
            if self.night.switch(&queue) != switch {
                let by = format!("operator {} at phone {phone}", account.name);
                let change = DirectoryChange::SetNight { queue, switch };
                env.out.push(Effect::Change { change, by });
            }
        }
        has_any
    }
}
