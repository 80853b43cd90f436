//! Requests of ours within a dialog that are not answered yet.

use crate::sip::{AnsweredChallenges, Destination, Request};

/// A request of ours within the dialog.
#[derive(Debug)]
pub struct Sent {
    /// What its answer means.
    pub purpose: Purpose,
    /// To be asked again when it is challenged; kept only where we have credentials.
    pub(super) again: Option<RepeatableRequest>,
}

#[derive(Debug)]
pub(super) struct RepeatableRequest {
    pub(super) to: Destination,
    pub(super) request: Request,
    pub(super) answered: AnsweredChallenges,
}

/// What the answer to a request of ours means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Nothing: BYE, NOTIFY.
    Nothing,
    /// Nothing; it says that a reliable 1xx came.
    Prack {
        /// Of which branch.
        fork: usize,
        /// The RSeq of the 1xx.
        rseq: u32,
        /// It has the answer to the offer in that.
        answers: bool,
    },
    /// Goes up.
    Info {
        /// In the numbering of the floor above.
        tag: u64,
    },
    /// Goes up.
    Refer,
    /// Decides what [`SessionChanges`] asked.
    Change,
}
