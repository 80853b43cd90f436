//! What the dialogs want done below, and what they tell above.

use super::message::Body;
use super::transactions::{ClientTx, ServerTx};
use crate::cause::Cause;
use crate::ids::LegId;
use crate::sip::{Destination, Flow, NameAddr, Replaces, Request, Response};
use std::sync::Arc;

/// What the dialogs want done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Ask this, in a transaction of its own.
    Request {
        /// The transaction's name.
        transaction: ClientTx,
        /// Where to.
        to: Destination,
        /// What; without Via.
        request: Request,
    },
    /// Answer a request.
    Respond {
        /// The request.
        transaction: ServerTx,
        /// The answer.
        response: Response,
    },
    /// Cancel our INVITE.
    Cancel {
        /// The INVITE.
        transaction: ClientTx,
        /// The value of a Reason header.
        reason: Option<String>,
    },
    /// Send the ACK of a 2xx.
    Forward {
        /// Where to.
        to: Destination,
        /// The ACK; without Via.
        request: Request,
    },
    /// Tell the floor above about a leg.
    Event {
        /// Which leg.
        leg: LegId,
        /// What happened.
        event: Event,
    },
}

/// Who ended a leg.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EndingSide {
    /// The other side.
    Peer,
    /// The floor above.
    Us,
    /// A timer ran out.
    Timer,
    /// The transport failed.
    Transport,
}

/// What happened to a leg.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The INVITE can be answered.
    Invited {
        /// The offer; without one the peer waits for ours.
        body: Option<Body>,
    },
    /// Our INVITE got a 1xx other than 100.
    Provisional {
        /// The code.
        status: u16,
        /// The phrase.
        reason: String,
        /// An answer (a mere preview when the 1xx is not reliable), or an offer.
        body: Option<Body>,
        /// Which branch of a downstream fork speaks, counted from 0; no number comes twice.
        fork: usize,
        /// The body is an offer that [`AnswerPrack`](super::Command::AnswerPrack) must answer.
        wants_answer: bool,
    },
    /// A branch of the fork is gone: what it said counts no more.
    ForkGone {
        /// As in [`Provisional`](Self::Provisional).
        fork: usize,
    },
    /// Our INVITE was answered with a 2xx.
    Answered {
        /// The answer; or an offer for [`Ack`](super::Command::Ack), when our INVITE had none.
        body: Option<Body>,
        /// As in [`Provisional`](Self::Provisional).
        fork: usize,
        /// The body is an offer that [`Ack`](super::Command::Ack) must answer.
        wants_answer: bool,
        /// Where the peer says it is, with its features.
        contact: Option<NameAddr>,
    },
    /// The PRACK of our reliable 1xx brought the answer to the offer in it.
    ProvisionalAnswered {
        /// The answer.
        body: Body,
    },
    /// Our 200 was acknowledged.
    Confirmed {
        /// The answer, where the 200 had an offer.
        body: Option<Body>,
    },
    /// Our INVITE was refused. [`Ended`](Self::Ended) follows.
    Refused {
        /// The code; 408 when nobody answered, 503 when nothing could be carried.
        status: u16,
        /// The phrase.
        reason: String,
        /// Where a 3xx points.
        contacts: Vec<NameAddr>,
        /// In seconds.
        retry_after: Option<u32>,
    },
    /// The leg is over; nothing follows.
    Ended {
        /// Why.
        cause: Cause,
        /// Who.
        by: EndingSide,
        /// The value of the peer's Reason header.
        reason: Option<String>,
    },
    /// The peer offers anew; [`Answer`](super::Command::Answer) or
    /// [`Refuse`](super::Command::Refuse).
    Reoffered {
        /// The offer; without one the peer asks for ours.
        body: Option<Body>,
        /// Before the answer, which branch offers, as in [`Provisional`](Self::Provisional).
        fork: Option<usize>,
    },
    /// The peer answered our new offer. Without one of ours this is an offer, to be answered by
    /// [`Ack`](super::Command::Ack).
    ReofferAnswered {
        /// The answer.
        body: Body,
    },
    /// The peer refused our new offer; what was agreed before holds (RFC 6141).
    ReofferRefused {
        /// The code.
        status: u16,
    },
    /// The peer's answer to [`Reoffered`](Self::Reoffered) was acknowledged with an answer to our
    /// offer.
    ReofferConfirmed {
        /// The answer.
        body: Body,
    },
    /// A refresh came or was answered.
    Refreshed,
    /// A refresh came in which the peer says that it receives no INFO any more (RFC 6086 §5.2.2).
    WantsNoInfo,
    /// The peer speaks from another flow now.
    Moved {
        /// This one.
        flow: Flow,
    },
    /// An INFO came; [`Respond`](super::Command::Respond).
    Info {
        /// The request.
        transaction: ServerTx,
        /// Info-Package.
        package: Option<String>,
        /// Content-Type.
        content_type: Option<String>,
        /// The body.
        body: Arc<[u8]>,
    },
    /// Our INFO was answered.
    InfoAnswered {
        /// Of our INFO.
        tag: u64,
        /// The code; 408 or 503 when none came.
        status: u16,
    },
    /// A REFER came; [`Respond`](super::Command::Respond).
    Referred {
        /// The request.
        transaction: ServerTx,
        /// To whom we shall turn.
        refer_to: NameAddr,
        /// Who says so.
        referred_by: Option<NameAddr>,
        /// The dialog that the new call shall replace.
        replaces: Option<Replaces>,
        /// The value of Event for the NOTIFYs that follow: `refer;id=…`.
        event: String,
    },
    /// Our REFER was answered.
    ReferAnswered {
        /// The code; 408 or 503 when none came.
        status: u16,
    },
    /// A NOTIFY about our REFER came; it was answered 200.
    Notified {
        /// The first line of the `message/sipfrag`.
        line: String,
        /// No more will come.
        last: bool,
    },
}
