//! An INVITE without its end as part of a party, and what may be sent to a caller that has proved nothing.

use crate::time::UnixTime;
use crate::transaction::{ClientId, SavedClientInvite, SavedClientState, SavedServerInvite};
use std::net::SocketAddr;

/// An INVITE that is open, or whose 2xx waits for its ACK; the dialog has the INVITE itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SavedInvite {
    /// It came.
    Theirs(SavedServerInvite),
    /// It was sent.
    Ours(SavedClientInvite),
}

impl SavedInvite {
    /// One of ours to which nothing was said.
    #[must_use]
    pub fn unheard(&self) -> Option<ClientId> {
        match self {
            Self::Ours(SavedClientInvite {
                id, state: SavedClientState::Unheard { .. }, ..
            }) => Some(*id),
            Self::Ours(SavedClientInvite {
                state: SavedClientState::Proceeding { .. }, ..
            })
            | Self::Theirs(_) => None,
        }
    }
}

/// How many bytes went by UDP to and fro an address that has not shown yet that it is its caller's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SavedCredit {
    /// The address.
    pub remote: SocketAddr,
    /// What came from there.
    pub received: usize,
    /// What went there.
    pub sent: usize,
    /// What a provisional response leaves for final ones.
    pub room: usize,
    /// When it is forgotten, if nothing more comes or goes.
    pub until: UnixTime,
}
