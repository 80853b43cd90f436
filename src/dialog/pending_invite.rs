//! An INVITE of the peer that waits for our final response.

use super::handshake::OfferOwner;
use super::message::{Body, HeaderLines};
use super::reliable::Reliable;
use super::transactions::ServerTx;
use crate::sip::{Request, Response};
use crate::time::{Instant, earliest};

/// An INVITE that waits for our final response.
#[derive(Debug)]
pub struct PendingInvite {
    pub(super) invite: ServerTx,
    pub(super) request: Request,
    pub(super) reliability: Reliability,
    pub(super) reliable: Reliable,
    pub(super) offer: OfferOwner,
    /// What the floor above answered while a reliable session description was unacknowledged.
    pub(super) accept: Option<(Option<Body>, HeaderLines)>,
    pub(super) again: Option<Retransmission>,
}

/// The last 1xx, to be said again.
#[derive(Debug)]
pub(super) struct Retransmission {
    pub(super) at: Instant,
    pub(super) response: Response,
}

/// Which 1xx go reliably.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reliability {
    /// None: the peer does not know 100rel.
    None,
    /// Those with a session description: the peer supports 100rel.
    Bodies,
    /// All: the peer requires it.
    All,
}

impl Reliability {
    /// What this INVITE asks for.
    pub(super) fn of(invite: &Request) -> Self {
        if invite.headers.requires("100rel") {
            Self::All
        } else if invite.headers.supports("100rel") {
            Self::Bodies
        } else {
            Self::None
        }
    }
}

impl PendingInvite {
    /// Whether the peer has heard our tag, so that there is an early dialog.
    pub fn has_spoken(&self) -> bool {
        self.again.is_some()
    }

    /// A reliable 1xx goes out: its description counts from now on, and not while it waits behind another.
    pub fn note_said(&mut self, response: &Response) {
        if !response.body.is_empty() {
            self.offer = match self.offer {
                OfferOwner::Theirs => OfferOwner::Settled,
                OfferOwner::Wanted => OfferOwner::Ours,
                known @ (OfferOwner::Ours | OfferOwner::Settled) => known,
            };
        }
    }

    /// The next moment at which something is due.
    pub fn deadline(&self) -> Option<Instant> {
        earliest(self.reliable.deadline(), self.again.as_ref().map(|again| again.at))
    }
}
