//! What the transactions want done.

use super::id::{ClientId, ServerId};
use crate::sip::{Destination, Flow, Message, Request, Response};

/// What the transactions want done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Put this on the wire.
    Send {
        /// Where to.
        to: Destination,
        /// What.
        message: Message,
    },
    /// A new request came, stamped with its source (RFC 3581 §4). It wants an answer.
    Request {
        /// The name of its transaction.
        id: ServerId,
        /// How it came.
        flow: Flow,
        /// Anything but ACK and CANCEL.
        request: Request,
    },
    /// An ACK came that belongs to a 2xx, or to nothing.
    Ack {
        /// How it came.
        flow: Flow,
        /// The ACK.
        request: Request,
    },
    /// The INVITE was cancelled. The CANCEL is answered already; the INVITE wants its 487.
    Cancelled {
        /// The INVITE.
        id: ServerId,
        /// The value of the first Reason header.
        reason: Option<String>,
    },
    /// A response to our request: each provisional one, one final one, and each 2xx to INVITE.
    Response {
        /// The request.
        id: ClientId,
        /// The response.
        response: Response,
    },
    /// No final response will come.
    Failed {
        /// The request.
        id: ClientId,
        /// Why not.
        why: TransactionFailure,
    },
    /// The final response to an INVITE was not acknowledged, or no answer can be carried any more.
    NoAck {
        /// The INVITE.
        id: ServerId,
    },
}

/// Why no response comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TransactionFailure {
    /// Timer B or F; to be treated as 408 (§8.1.3.1).
    Timeout,
    /// The transport failed; to be treated as 503.
    Transport,
}
