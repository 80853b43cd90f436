//! The operators as the queue sees them: how each stands, and in which seat.

use super::seat_set::SeatNumber;
use crate::ids::{OperatorId, QueueId};
use std::collections::BTreeMap;

/// The state of an operator towards the queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AgentState {
    /// Gets offers, ringing.
    Idle,
    /// In a call: sees the list while no desk is idle, and cannot take.
    Busy,
    /// Logged in or within its lease, but cannot be told of anything: desk lost, phone failing.
    Away,
    /// Logged in, on do-not-disturb: told of nothing, and not present for the grace rule.
    DoNotDisturb,
    /// Not logged in.
    Absent,
}

impl AgentState {
    /// Whether a caller may hope for this operator.
    pub(super) fn is_present(self) -> bool {
        match self {
            Self::Idle | Self::Busy | Self::Away => true,
            Self::DoNotDisturb | Self::Absent => false,
        }
    }
}

/// One operator who is logged in.
#[derive(Debug)]
pub(super) struct QueueAgent {
    pub seat: SeatNumber,
    pub agent_state: AgentState,
    pub queues: Vec<QueueId>,
}

/// All who are logged in.
#[derive(Debug, Default)]
pub(super) struct QueueAgents {
    by_id: BTreeMap<OperatorId, QueueAgent>,
    seats: Vec<Option<OperatorId>>,
}

impl QueueAgents {
    pub fn get(&self, operator: &OperatorId) -> Option<&QueueAgent> {
        self.by_id.get(operator)
    }

    pub fn seat_of(&self, operator: &OperatorId) -> Option<SeatNumber> {
        self.by_id.get(operator).map(|o| o.seat)
    }

    /// Who sits at `seat`.
    ///
    /// # Panics
    /// When the seat is free: a set of desks has kept a bit of one who left.
    pub fn at(&self, seat: SeatNumber) -> &OperatorId {
        self.seats[seat].as_ref().expect("a desk that is told of a request has its operator")
    }

    /// Notes the state of an operator, giving a newcomer the foremost free seat.
    pub fn set_state(
        &mut self,
        id: &OperatorId,
        agent_state: AgentState,
        queues: Vec<QueueId>,
    ) -> SeatNumber {
        if let Some(operator) = self.by_id.get_mut(id) {
            (operator.agent_state, operator.queues) = (agent_state, queues);
            return operator.seat;
        }
        let free = self.seats.iter().position(Option::is_none);
        let seat = free.unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        });
        self.seats[seat] = Some(id.clone());
        self.by_id.insert(id.clone(), QueueAgent { seat, agent_state, queues });
        seat
    }

    /// Frees the operator's seat; whoever calls this clears its bits first.
    pub fn leave(&mut self, id: &OperatorId) {
        if let Some(operator) = self.by_id.remove(id) {
            self.seats[operator.seat] = None;
        }
    }
}
