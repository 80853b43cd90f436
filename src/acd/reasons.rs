//! Why a request is refused, ended or withdrawn, and why an operator does not get it.

use super::shares::Share;
use crate::ids::{Number, OperatorId};

/// Why a request is not let in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum QueueRefusal {
    /// As many wait as may.
    QueueFull,
    /// As many wait as may, and there is a number for the others.
    Overflow {
        /// That number.
        to: Number,
    },
    /// As many of these callers wait as may, though there are places for others.
    ShareFull(Share),
    /// Nobody is logged in, or all are on do-not-disturb.
    NobodyPresent,
}

/// Why a wait is over without an operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Nobody was present for the whole grace time.
    NobodyPresent,
    /// The longest wait is over.
    WaitedTooLong,
    /// The longest wait is over, and there is a number to send the caller to.
    Overflow {
        /// That number.
        to: Number,
    },
    /// The caller has pressed the key with which it leaves for another number.
    Exit {
        /// The key.
        key: char,
        /// That number.
        to: Number,
    },
}

/// Why a desk forgets a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WithdrawalReason {
    /// Another operator has it.
    Taken,
    /// The caller is gone.
    Abandoned,
    /// The longest wait is over.
    Timeout,
    /// The caller goes to another number: the longest wait is over, or it does not want to wait.
    Overflow,
    /// The operator can no longer be told: it is busy, away, or on do-not-disturb.
    NotEligible,
}

/// Why an operator does not get what it wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Denial {
    /// Somebody has it, or had it until no more than ten minutes ago; perhaps the operator itself.
    AlreadyTaken {
        /// Who.
        by: OperatorId,
    },
    /// It never was, or is over.
    NoSuchRequest,
    /// The operator was never told of it; a decline: it does not ring there now.
    NotOffered,
    /// The operator is in a call.
    Busy,
}
