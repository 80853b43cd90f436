//! Who owes whom an answer: to an offer, and to a 2xx.

use super::message::Body;
use super::transactions::{ClientTx, ServerTx};
use crate::sip::Response;
use crate::time::{Instant, Repeat};

/// Who owes an answer to whose offer, before the session is established.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OfferOwner {
    /// The caller made none; the callee will.
    Wanted,
    /// We made one.
    Ours,
    /// The peer made one.
    Theirs,
    /// It was answered.
    Settled,
}

impl OfferOwner {
    /// That of an INVITE that goes out.
    pub fn of_call(body: Option<&Body>) -> Self {
        body.map_or(Self::Wanted, |_| Self::Ours)
    }
}

/// Where the 2xx to the last INVITE, in either direction, is.
#[derive(Debug)]
pub enum Handshake {
    /// Acknowledged.
    Done,
    /// The peer's 2xx had an offer; our ACK waits for the answer.
    AnswerDue {
        /// Our INVITE.
        invite: ClientTx,
        /// Its number.
        seq: u32,
    },
    /// Our 2xx is repeated until the peer's ACK.
    AckDue(Box<AckDue>),
}

/// A 2xx of ours that waits for its ACK (§13.3.1.4).
#[derive(Debug)]
pub struct AckDue {
    /// The INVITE.
    pub transaction: ServerTx,
    /// Its number.
    pub seq: u32,
    /// The 2xx.
    pub response: Response,
    /// Over any transport: a proxy further on may lose it.
    pub repeat: Repeat,
    /// After this the session ends.
    pub give_up: Instant,
    /// The 2xx had an offer; the ACK brings the answer.
    pub wants_answer: bool,
    /// Not that of a re-INVITE.
    pub first: bool,
}
