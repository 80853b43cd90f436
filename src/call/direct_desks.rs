//! The desks that are told who hears and sees their operators in an ordinary call.

use super::checks::{CallParty, Checks};
use crate::ids::OperatorId;

/// Whose desks are told, and what is known for them. It follows from who talks and who sits where, and is not saved.
#[derive(Debug, Default)]
pub(crate) struct DirectDesks {
    /// Of both parties, while somebody is to be told.
    pub checks: Checks,
    pub desks: Vec<DirectDesk>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct DirectDesk {
    pub operator: OperatorId,
    /// The party that it is.
    pub own: CallParty,
    /// It was told of this call; before somebody hears or sees it there is nothing to say.
    pub is_told: bool,
}
