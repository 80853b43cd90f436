//! The changes of a session that are under way or wait for their turn.

use super::message::{Body, HeaderLines};
use super::transactions::{ClientTx, ServerTx};
use crate::sip::Request;
use crate::time::Instant;
use std::collections::VecDeque;

/// The changes of one session.
#[derive(Debug, Default)]
pub struct SessionChanges {
    pub(super) ours: Ours,
    pub(super) theirs: Option<Theirs>,
    pub(super) queue: VecDeque<SessionChange>,
}

#[derive(Debug, Default)]
pub(super) enum Ours {
    #[default]
    Idle,
    Asked {
        transaction: ClientTx,
        change: SessionChange,
        carries: Carries,
        early: Option<EarlyBranch>,
    },
    BackingOff {
        until: Instant,
        change: SessionChange,
    },
}

/// The branch in whose early dialog something was asked. Whatever it answers, or fails to, says nothing of
/// the dialog of the branch that answers the INVITE.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct EarlyBranch {
    /// The tag of the branch.
    pub(super) tag: String,
}

/// What our request says of offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Carries {
    /// An offer.
    Offer,
    /// An INVITE without one: the peer's 2xx makes it.
    Question,
    /// An UPDATE without one, which stands in nobody's way.
    Nothing,
}

/// A request of the peer that waits for [`Command::Answer`](super::Command::Answer).
#[derive(Debug)]
pub(super) struct Theirs {
    pub(super) transaction: ServerTx,
    pub(super) request: Request,
}

#[derive(Clone, Debug)]
pub(super) struct SessionChange {
    pub(super) why: Why,
    pub(super) body: Option<Body>,
    pub(super) headers: HeaderLines,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Why {
    /// A new offer, or the wish for one, by re-INVITE.
    Reinvite,
    /// A new offer, by UPDATE where the peer allows it.
    Update,
    /// Headers for the peer.
    Inform,
    /// The session timer.
    Refresh,
}

impl SessionChanges {
    /// Whether nothing is under way, and nothing waits.
    pub fn are_idle(&self) -> bool {
        matches!(self.ours, Ours::Idle) && self.theirs.is_none() && self.queue.is_empty()
    }

    /// The next moment at which something is due.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.ours {
            Ours::BackingOff { until, .. } => Some(*until),
            Ours::Idle | Ours::Asked { .. } => None,
        }
    }
}
