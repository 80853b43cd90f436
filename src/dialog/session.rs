//! One leg's session: what it is made of, and how it answers.

use super::context::DialogContext;
use super::credentials::SessionCredentials;
use super::forks::Calling;
use super::handshake::Handshake;
use super::identity::DialogIdentity;
use super::message::{Body, HeaderLines};
use super::pending_invite::PendingInvite;
use super::reliable::Reliable;
use super::sent::Sent;
use super::sent_acks::SentAcks;
use super::session_changes::SessionChanges;
use super::session_timer::SessionTimer;
use super::stored::StoredDialog;
use super::transactions::{ClientTx, ServerTx};
use crate::ids::LegId;
use crate::sip::{Destination, Flow, HeaderName, Request, Response, StatusCode, multipart};
use crate::time::Instant;
use std::collections::BTreeMap;

/// The most INFOs and REFERs of one dialog that wait for the floor above; one more gets 503.
pub const SERVED_MAX: usize = 16;

/// One leg.
#[derive(Debug)]
pub struct InviteSession {
    pub(super) leg: LegId,
    /// The dialog; while we call, what all its branches share.
    pub(super) dialog: DialogIdentity,
    pub(super) role: DialogRole,
    pub(super) state: SessionState,
    pub(super) handshake: Handshake,
    pub(super) changes: SessionChanges,
    pub(super) timer: SessionTimer,
    pub(super) referral: Referral,
    /// Reliable 1xx that our 2xx has overtaken; their PRACK may still come.
    pub(super) late_pracks: Option<Reliable>,
    /// Requests of ours within the dialog.
    pub(super) sent: BTreeMap<ClientTx, Sent>,
    /// Requests that wait for the floor above.
    pub(super) served: Vec<(ServerTx, Request)>,
    /// What copies of a 2xx are answered with.
    pub(super) acks: SentAcks,
    /// Our last session description, repeated by a re-INVITE that changes nothing.
    pub(super) last_body: Option<Body>,
    /// For a peer that challenges us.
    pub(super) credentials: SessionCredentials,
    /// When this process went on with it, where another has begun it.
    pub(super) resumed_at: Option<Instant>,
}

/// Who made the call, and so owns its Call-ID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DialogRole {
    /// We.
    Caller,
    /// The peer.
    Callee,
}

/// The implicit subscription of a REFER of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Referral {
    /// None.
    None,
    /// The peer reports by NOTIFY.
    Reporting,
}

/// How far the session is.
#[derive(Debug)]
pub enum SessionState {
    /// We called, and nobody has answered.
    Calling(Box<Calling>),
    /// We are called, and have not answered.
    Ringing(Box<PendingInvite>),
    /// A 2xx was sent or came.
    Established,
    /// The floor above was told. Late messages are still met as they deserve.
    Over {
        /// Our INVITE may still be answered.
        invite: Option<ClientTx>,
        /// RFC 3261 §15: a callee sends no BYE before the ACK; this one waits, with its Reason.
        bye: Option<HeaderLines>,
    },
}

impl InviteSession {
    pub(super) fn new(cx: &DialogContext<'_>, dialog: DialogIdentity, state: SessionState) -> Self {
        Self {
            leg: cx.leg,
            dialog,
            role: if matches!(state, SessionState::Calling(_)) {
                DialogRole::Caller
            } else {
                DialogRole::Callee
            },
            state,
            handshake: Handshake::Done,
            changes: SessionChanges::default(),
            timer: SessionTimer::new(cx.settings.wishes()),
            referral: Referral::None,
            late_pracks: None,
            sent: BTreeMap::new(),
            served: Vec::new(),
            acks: SentAcks::default(),
            last_body: None,
            credentials: SessionCredentials::default(),
            resumed_at: None,
        }
    }

    /// Its leg.
    pub fn leg(&self) -> LegId {
        self.leg
    }

    /// Our tag.
    pub fn local_tag(&self) -> &str {
        self.dialog.local_tag()
    }

    /// Where its requests go.
    pub fn destination(&self) -> Destination {
        self.dialog.way.destination
    }

    /// The dialog in writing, once it is established.
    pub fn stored(&self) -> Option<StoredDialog> {
        matches!(self.state, SessionState::Established).then(|| StoredDialog::of(&self.dialog))
    }

    /// Whether a BYE waits for the ACK.
    pub fn owes_bye(&self) -> bool {
        matches!(self.state, SessionState::Over { bye: Some(_), .. })
    }

    /// Whether the floor above has been told of the end.
    pub fn is_over(&self) -> bool {
        matches!(self.state, SessionState::Over { .. })
    }

    /// Whether nothing can come any more that would need this session.
    pub fn is_finished(&self) -> bool {
        let over = match &self.state {
            SessionState::Over { invite, bye } => invite.is_none() && bye.is_none(),
            SessionState::Calling(_) | SessionState::Ringing(_) | SessionState::Established => {
                false
            }
        };
        over && self.sent.is_empty() && self.acks.is_empty()
    }

    /// Whether a request with this Call-ID and From tag belongs to it.
    pub fn is_named(&self, call_id: &str, remote_tag: &str) -> bool {
        let tag_fits = match &self.state {
            SessionState::Calling(calling) => calling.has_fork(remote_tag),
            SessionState::Ringing(_) | SessionState::Established | SessionState::Over { .. } => {
                self.dialog.remote_tag() == remote_tag
            }
        };
        tag_fits && self.dialog.call_id() == call_id
    }

    /// Whether the peer of the branch with this tag is known to speak by this flow.
    pub fn is_known(&self, remote_tag: &str, flow: &Flow) -> bool {
        match &self.state {
            SessionState::Calling(calling) => calling.is_known(remote_tag, flow),
            SessionState::Ringing(_) | SessionState::Established | SessionState::Over { .. } => {
                self.dialog.way.is_known(flow)
            }
        }
    }

    /// The dialog in which we can ask something now.
    pub(super) fn active(&mut self) -> Option<&mut DialogIdentity> {
        match &mut self.state {
            SessionState::Calling(calling) => calling.latest_dialog(),
            SessionState::Ringing(_) | SessionState::Established => Some(&mut self.dialog),
            SessionState::Over { .. } => None,
        }
    }

    /// A response to `request`, with our tag.
    pub(super) fn response(
        &self,
        cx: &DialogContext<'_>,
        request: &Request,
        status: u16,
    ) -> Response {
        let status = StatusCode::new(status).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR);
        let mut response = request.response(status);
        self.dialog.sign(&mut response, cx.settings);
        response
    }

    /// Answers `request` with nothing but a status.
    pub(super) fn reply(
        &self,
        cx: &mut DialogContext<'_>,
        transaction: ServerTx,
        request: &Request,
        status: u16,
    ) {
        let mut response = self.response(cx, request, status);
        if status == 415 {
            response.headers.push(HeaderName::Accept, multipart::ACCEPTED);
            response.headers.push(HeaderName::AcceptEncoding, "identity");
        }
        cx.respond(transaction, response);
    }

    /// §14.2, RFC 3311 §5.2: 500, and when to try again.
    pub(super) fn reply_later(
        &self,
        cx: &mut DialogContext<'_>,
        transaction: ServerTx,
        request: &Request,
    ) {
        let mut response = self.response(cx, request, 500);
        let seconds = cx.random.below(11);
        response.headers.push(HeaderName::RetryAfter, seconds);
        cx.respond(transaction, response);
    }
}
