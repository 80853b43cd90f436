//! What reaches the dialogs: requests and responses from below, wishes from above.

use super::credentials::TrunkCredentials;
use super::message::{Body, HeaderLines};
use super::route_set::CallTarget;
use super::stored::StoredDialog;
use super::transactions::{ClientTx, ServerTx};
use crate::ids::LegId;
use crate::sip::{Flow, NameAddr, Realms, Request, Response};
use crate::time::Duration;

/// Why a request of ours has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestFailure {
    /// Nothing came in time: as good as 408.
    Timeout,
    /// It could not be carried: as good as 503.
    Transport,
}

/// What reaches the dialogs.
#[derive(Clone, Debug)]
pub enum Input {
    /// An INVITE without To tag.
    Incoming(IncomingInvite),
    /// A request whose tags [`Machine::find`](super::Machine::find) knows, or nobody's. It is the peer's: it
    /// came by a flow that [`Machine::is_known`](super::Machine::is_known), or its sender has proved
    /// who he is, and the dialog moves to where he is now.
    Request {
        /// To be answered.
        transaction: ServerTx,
        /// How it came.
        flow: Flow,
        /// Anything but ACK and CANCEL.
        request: Request,
    },
    /// The ACK of a 2xx.
    Ack {
        /// It came from where the peer is; else it may be anybody's.
        believed: bool,
        /// The ACK.
        request: Request,
    },
    /// An INVITE was cancelled and wants its 487.
    Cancelled {
        /// The INVITE.
        transaction: ServerTx,
        /// The value of its Reason header.
        reason: Option<String>,
    },
    /// An answer to our request.
    Response {
        /// The request.
        transaction: ClientTx,
        /// The answer.
        response: Response,
    },
    /// A 2xx to an INVITE of which no transaction is known. Where it belongs to a dialog it is a copy, else it
    /// is ended: nobody is left who would talk to its sender.
    Unremembered {
        /// The 2xx.
        response: Response,
        /// How it came; ACK and BYE go back there and nowhere else.
        flow: Flow,
        /// Value of the Reason header.
        reason: String,
    },
    /// No answer will come.
    Failed {
        /// The request.
        transaction: ClientTx,
        /// Why not.
        why: RequestFailure,
    },
    /// An INVITE cannot be answered any more, or its refusal was not acknowledged.
    NoAck {
        /// The INVITE.
        transaction: ServerTx,
    },
    /// The realms that a trunk has named elsewhere, such as at our registration.
    Realms {
        /// Its name.
        trunk: String,
        /// All of them.
        realms: Realms,
    },
    /// End a dialog of an earlier process; nobody waits for the answer.
    Farewell {
        /// The dialog as it was written down.
        dialog: Box<StoredDialog>,
        /// Value of the Reason header.
        reason: String,
    },
    /// The floor above wants something of a leg.
    Command {
        /// Which leg.
        leg: LegId,
        /// What.
        command: Command,
    },
}

/// What the floor above may want of a leg. What its state does not allow is ignored, because the
/// peer's doings may cross it.
#[derive(Clone, Debug)]
pub enum Command {
    /// Call somebody; the leg is new.
    Call(Box<OutgoingCall>),
    /// Answer the INVITE with a 1xx; reliably where the peer wants that, or supports it and there
    /// is a body.
    Provisional {
        /// 101 to 199.
        status: u16,
        /// The phrase; empty for the usual one.
        reason: String,
        /// An answer, or an offer when the INVITE had none.
        body: Option<Body>,
        /// More headers.
        headers: HeaderLines,
    },
    /// Answer the INVITE with 200.
    Accept {
        /// An answer, or an offer when the INVITE had none.
        body: Option<Body>,
        /// More headers.
        headers: HeaderLines,
    },
    /// Refuse the INVITE; the leg ends.
    Reject {
        /// 300 to 699.
        status: u16,
        /// The phrase; empty for the usual one.
        reason: String,
        /// More headers.
        headers: HeaderLines,
    },
    /// The answer to the offer in a 2xx; it goes into the ACK.
    Ack {
        /// The answer.
        body: Body,
    },
    /// The answer to the offer in a reliable 1xx; it goes into the PRACK.
    AnswerPrack {
        /// The answer.
        body: Body,
    },
    /// End the leg, whatever its state demands: CANCEL, BYE, or a refusal.
    End {
        /// The value of a Reason header.
        reason: Option<String>,
    },
    /// Offer anew by re-INVITE; without a body, ask for an offer.
    Reoffer {
        /// The offer.
        body: Option<Body>,
    },
    /// Tell the peer something in headers: by UPDATE where it allows that, else by a re-INVITE that
    /// repeats the last session description.
    Update {
        /// A new offer, in an UPDATE.
        body: Option<Body>,
        /// What to tell.
        headers: HeaderLines,
    },
    /// Answer [`Event::Reoffered`](super::Event::Reoffered).
    Answer {
        /// The answer, or the offer that was asked for.
        body: Body,
    },
    /// Refuse [`Event::Reoffered`](super::Event::Reoffered); the session stays as it is.
    Refuse {
        /// 400 to 699, usually 488.
        status: u16,
    },
    /// Send an INFO.
    Info {
        /// Comes back in [`Event::InfoAnswered`](super::Event::InfoAnswered).
        tag: u64,
        /// Info-Package and others.
        headers: HeaderLines,
        /// What to say.
        body: Option<Body>,
    },
    /// Send a NOTIFY of the implicit subscription of a REFER (RFC 3515 §2.4.4).
    Notify {
        /// The value of Event: `refer`, perhaps with an id.
        event: String,
        /// The value of Subscription-State.
        state: String,
        /// A `message/sipfrag`.
        body: Option<Body>,
    },
    /// Send a REFER.
    Refer {
        /// To whom the peer shall turn.
        refer_to: NameAddr,
        /// Referred-By and others.
        headers: HeaderLines,
    },
    /// Answer [`Event::Info`](super::Event::Info) or [`Event::Referred`](super::Event::Referred).
    Respond {
        /// The request.
        transaction: ServerTx,
        /// 200 to 699.
        status: u16,
        /// The phrase; empty for the usual one.
        reason: String,
        /// More headers.
        headers: HeaderLines,
    },
}

/// A call that comes.
#[derive(Clone, Debug)]
pub struct IncomingInvite {
    /// The new leg, which was minted for it.
    pub leg: LegId,
    /// To be answered.
    pub transaction: ServerTx,
    /// How it came.
    pub flow: Flow,
    /// The INVITE.
    pub request: Request,
    /// For a caller that challenges what we ask within the dialog.
    pub credentials: Option<Box<TrunkCredentials>>,
}

/// A call to make.
#[derive(Clone, Debug)]
pub struct OutgoingCall {
    /// Whom.
    pub target: CallTarget,
    /// As whom.
    pub from: NameAddr,
    /// The To header.
    pub to: NameAddr,
    /// The offer; without one the peer makes it.
    pub body: Option<Body>,
    /// More headers.
    pub headers: HeaderLines,
    /// For a peer that challenges us.
    pub credentials: Option<TrunkCredentials>,
    /// After so long without a word, not even 100, the next hop is taken for unavailable: 503.
    pub patience: Option<Duration>,
    /// Over how many hops it may still go (RFC 3261 §8.1.1.6).
    pub max_forwards: u8,
}
