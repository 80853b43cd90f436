//! The changes of a session that are under way or wait for their turn.
//!
//! What was asked when a process ended is asked once more by the next. A re-INVITE may have been answered
//! meanwhile: its 2xx comes again until the ACK, and who waits a moment for it need not ask.

use super::message::{Body, HeaderLines};
use super::settings::T2;
use super::transactions::{ClientTx, ServerTx};
use crate::sip::Request;
use crate::time::{Instant, Now};
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
        /// Its number, where it is a re-INVITE.
        reinvite: Option<u32>,
    },
    BackingOff {
        until: Instant,
        change: SessionChange,
        /// The number of the re-INVITE by which an earlier process has asked for it.
        reinvite: Option<u32>,
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

/// What a change of ours is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// A new offer, or the wish for one, by re-INVITE.
    Reinvite,
    /// A new offer, by UPDATE where the peer allows it.
    Update,
    /// Headers for the peer.
    Inform,
    /// The session timer.
    Refresh,
}

/// A change of ours that was asked for and is not answered, or waits for its turn, as a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedChange {
    /// What for.
    pub why: Why,
    /// Its offer.
    pub body: Option<Body>,
    /// What it says beside that.
    pub headers: HeaderLines,
    /// The number of the re-INVITE by which it was asked for: its 2xx may still come.
    pub reinvite: Option<u32>,
}

impl SavedChange {
    fn of(change: &SessionChange, reinvite: Option<u32>) -> Self {
        let SessionChange { why, body, headers } = change.clone();
        Self { why, body, headers, reinvite }
    }

    fn restored(self) -> SessionChange {
        let Self { why, body, headers, reinvite: _ } = self;
        SessionChange { why, body, headers }
    }
}

impl SessionChanges {
    /// Ours, in the order in which they were asked for.
    pub fn saved(&self) -> Vec<SavedChange> {
        let first = match &self.ours {
            Ours::Idle => None,
            Ours::Asked { change, reinvite, .. } | Ours::BackingOff { change, reinvite, .. } => {
                Some(SavedChange::of(change, *reinvite))
            }
        };
        let waiting = self.queue.iter().map(|change| SavedChange::of(change, None));
        first.into_iter().chain(waiting).collect()
    }

    /// Those that were saved: the first is asked for once more, and then the others.
    pub fn restored(now: Now, saved: Vec<SavedChange>) -> Self {
        let mut saved = saved.into_iter();
        let ours = saved.next().map_or(Ours::Idle, |first| {
            let reinvite = first.reinvite;
            let until = if reinvite.is_some() { now.instant + T2 } else { now.instant };
            Ours::BackingOff { until, change: first.restored(), reinvite }
        });
        Self { ours, theirs: None, queue: saved.map(SavedChange::restored).collect() }
    }

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
