//! What the queue wants done, in the order in which it is to be performed.

use super::reasons::{Denial, Ending, QueueRefusal, WithdrawalReason};
use crate::ids::{OperatorId, RequestId};

/// What the queue wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// The request waits: 182 with its position.
    Queued {
        /// Which.
        request: RequestId,
        /// From 1.
        position: usize,
        /// How many wait in its queue, itself counted.
        waiting: usize,
    },
    /// The caller's position has changed.
    Position {
        /// Which.
        request: RequestId,
        /// From 1; it never rises but by priority.
        position: usize,
        /// Where it stands for a desk, which may be further behind than the caller was told.
        place: usize,
        /// How many wait in its queue.
        waiting: usize,
    },
    /// Nothing was heard for a minute by a caller that is not answered: 182 again.
    Repeat {
        /// Which.
        request: RequestId,
    },
    /// The request is not let in, and not remembered.
    Refused {
        /// Which.
        request: RequestId,
        /// Why.
        why: QueueRefusal,
    },
    /// The wait is over: tell the caller, then [`Input::Leave`](super::Input::Leave). Until then a take wins.
    Ended {
        /// Which.
        request: RequestId,
        /// Why.
        why: Ending,
    },
    /// The desk may take the request, and rings.
    Offer {
        /// Who is told.
        operator: OperatorId,
        /// Of which request.
        request: RequestId,
        /// Its place in the queue, from 1.
        position: usize,
        /// How many wait in its queue.
        waiting: usize,
    },
    /// The busy desk has the request in its list, without ringing; in place of an offer, if it had one.
    Show {
        /// Who is told.
        operator: OperatorId,
        /// Of which request.
        request: RequestId,
        /// Its place in the queue, from 1.
        position: usize,
        /// How many wait in its queue.
        waiting: usize,
    },
    /// The desk forgets a request that it was offered or shown.
    Withdraw {
        /// Who is told.
        operator: OperatorId,
        /// Of which request.
        request: RequestId,
        /// Why.
        reason: WithdrawalReason,
    },
    /// The take has won; the operator is busy.
    Taken {
        /// Which.
        request: RequestId,
        /// Who has it.
        operator: OperatorId,
    },
    /// The take has lost.
    TakeRefused {
        /// Which.
        request: RequestId,
        /// Who wanted it.
        operator: OperatorId,
        /// Why.
        why: Denial,
    },
    /// The offer is not repeated to this operator for a while.
    Declined {
        /// Which.
        request: RequestId,
        /// Who.
        operator: OperatorId,
    },
    /// There was nothing to decline.
    DeclineRefused {
        /// Which.
        request: RequestId,
        /// Who.
        operator: OperatorId,
        /// Why.
        why: Denial,
    },
    /// The queue reports the release: the operator's request has left (R4.5).
    Released {
        /// Which.
        request: RequestId,
        /// Who had it.
        operator: OperatorId,
    },
}
