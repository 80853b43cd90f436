//! An INVITE of ours without a final response, and the branches that have answered it.

use super::handshake::OfferOwner;
use super::identity::DialogIdentity;
use super::transactions::ClientTx;
use crate::sip::{AnsweredChallenges, Flow, Request};
use crate::time::Instant;

/// The most branches of one downstream fork; what a further one says before its 2xx is ignored.
pub const FORKS_MAX: usize = 16;

/// An INVITE of ours without a final response.
#[derive(Debug)]
pub struct Calling {
    pub(super) invite: ClientTx,
    pub(super) request: Request,
    pub(super) seq: u32,
    pub(super) retries: u32,
    /// When a next hop that has not said a word is given up.
    pub(super) silent_until: Option<Instant>,
    pub(super) answered: AnsweredChallenges,
    pub(super) forks: Vec<Fork>,
    /// The number of the next branch. It only rises, so that none is taken for another.
    pub(super) next_fork: usize,
    pub(super) offer: OfferOwner,
}

/// One early dialog.
#[derive(Debug)]
pub(super) struct Fork {
    pub(super) number: usize,
    pub(super) dialog: DialogIdentity,
    /// Of its last reliable 1xx.
    pub(super) rseq: Option<u32>,
    /// The reliable 1xx whose offer waits for the answer of the floor above.
    pub(super) answer_due: Option<u32>,
}

impl Calling {
    /// The INVITE.
    pub fn invite(&self) -> ClientTx {
        self.invite
    }

    /// Whether a branch has this tag.
    pub fn has_fork(&self, tag: &str) -> bool {
        self.fork(tag).is_some()
    }

    /// Whether this branch is known to speak by this flow.
    pub fn is_known(&self, tag: &str, flow: &Flow) -> bool {
        self.fork(tag).is_some_and(|place| self.forks[place].dialog.way.is_known(flow))
    }

    /// When a next hop that has not said a word is given up.
    pub fn deadline(&self) -> Option<Instant> {
        self.silent_until
    }

    pub(super) fn fork(&self, tag: &str) -> Option<usize> {
        self.forks.iter().position(|fork| fork.dialog.remote_tag() == tag)
    }

    /// The dialog of the branch that spoke last for the first time.
    pub fn latest_dialog(&mut self) -> Option<&mut DialogIdentity> {
        self.forks.last_mut().map(|fork| &mut fork.dialog)
    }

    /// The dialog of the branch with this tag.
    pub fn dialog(&mut self, tag: &str) -> Option<&mut DialogIdentity> {
        let place = self.fork(tag)?;
        Some(&mut self.forks[place].dialog)
    }

    /// The number of the branch with this tag.
    pub fn fork_number(&self, tag: &str) -> Option<usize> {
        self.fork(tag).map(|place| self.forks[place].number)
    }

    /// A branch is gone; true when it was the only one.
    pub fn drop_fork(&mut self, tag: &str) -> bool {
        self.forks.retain(|fork| fork.dialog.remote_tag() != tag);
        self.forks.is_empty()
    }
}
