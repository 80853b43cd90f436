//! We are called: from the INVITE to our 2xx or refusal (RFC 3261 §13.3, RFC 3262 §3).
//!
//! ```text
//!   INVITE ──▶ Ringing ── 1xx, reliably where the peer wants it; again every minute
//!                ├── Accept: when no reliable session description waits for its PRACK
//!                │           200, repeated until its ACK ──▶ Established
//!                ├── Reject, CANCEL: 487, BYE: 487, no PRACK: 500 ──▶ Over
//!                └── 420, 422, 400: refused before anybody is told
//! ```

use super::context::DialogContext;
use super::effect::{EndingSide, Event};
use super::handshake::OfferOwner;
use super::identity::DialogIdentity;
use super::input::IncomingInvite;
use super::message::{Body, HeaderLines, body_of, put_body_back, put_lines};
use super::pending_invite::{PendingInvite, Reliability, Retransmission};
use super::refusal::refusal_by_headers;
use super::reliable::{Reliable, ReliableDue};
use super::session::{InviteSession, SessionState};
use super::session_timer::{self, TimerRequest};
use super::transactions::ServerTx;
use crate::cause::Cause;
use crate::sip::{Destination, HeaderName, Headers, Refresher, Request, Response, StatusCode};
use crate::time::Duration;

/// §13.3.1.1: proxies give up a call that says nothing for three minutes.
const AGAIN: Duration = Duration::from_secs(60);

impl InviteSession {
    /// Takes a new INVITE, or refuses what nobody needs to see.
    pub(super) fn ringing(cx: &mut DialogContext<'_>, incoming: IncomingInvite) -> Option<Self> {
        let IncomingInvite { transaction, flow, request, credentials, .. } = incoming;
        let identity = DialogIdentity::of_invite(&request, flow, cx.settings, cx.random);
        let refusal = match &identity {
            None => {
                Some(request.response(StatusCode::BAD_REQUEST).with_reason("No usable Contact"))
            }
            Some(_) => refusal_by_headers(cx, &request),
        };
        if let Some(mut response) = refusal {
            response.headers.set_to_tag(&cx.random.hex(16));
            response.headers.push(HeaderName::Server, &cx.settings.user_agent);
            cx.respond(transaction, response);
            cx.tell(Event::Ended { cause: Cause::ProtocolError, by: EndingSide::Us, reason: None });
            return None;
        }
        let body = body_of(&request);
        let ringing = PendingInvite {
            invite: transaction,
            reliability: Reliability::of(&request),
            reliable: Reliable::new(cx.random),
            offer: if body.is_some() { OfferOwner::Theirs } else { OfferOwner::Wanted },
            accept: None,
            again: None,
            request,
        };
        let mut session = Self::new(cx, identity?, SessionState::Ringing(Box::new(ringing)));
        // Whom a Contact names past the caller is told nothing that follows from the password.
        let is_direct = session.destination() == Destination::Flow(flow);
        if let Some(credentials) = credentials.filter(|_| is_direct) {
            session.credentials.take(cx, *credentials);
        }
        cx.tell(Event::Invited { body });
        Some(session)
    }

    pub(super) fn provisional(
        &mut self,
        cx: &mut DialogContext<'_>,
        status: u16,
        reason: &str,
        body: Option<&Body>,
        headers: &HeaderLines,
    ) {
        let SessionState::Ringing(ringing) = &self.state else {
            return;
        };
        if ringing.accept.is_some() || !(101..=199).contains(&status) {
            return;
        }
        let mut response = self.response(cx, &ringing.request, status).said_as(reason);
        self.dialog.introduce(&mut response);
        put_lines(&mut response.headers, headers);
        put_body_back(&mut response, body);
        if body.is_some() {
            self.last_body = body.cloned();
        }
        self.send_provisional(cx, response);
    }

    fn send_provisional(&mut self, cx: &mut DialogContext<'_>, response: Response) {
        let SessionState::Ringing(ringing) = &mut self.state else {
            return;
        };
        ringing.again = Some(Retransmission { at: cx.now + AGAIN, response: response.clone() });
        let reliably = match ringing.reliability {
            Reliability::None => false,
            Reliability::Bodies => !response.body.is_empty(),
            Reliability::All => true,
        };
        let invite = ringing.invite;
        if !reliably {
            return cx.respond(invite, response);
        }
        if let Some(response) = ringing.reliable.send(cx.now, response) {
            ringing.note_said(&response);
            cx.respond(invite, response);
        }
    }

    pub(super) fn accept(
        &mut self,
        cx: &mut DialogContext<'_>,
        body: Option<Body>,
        headers: HeaderLines,
    ) {
        let SessionState::Ringing(ringing) = &mut self.state else {
            return;
        };
        // RFC 3262 §3: no 2xx while a session description is unacknowledged.
        if ringing.reliable.holds_back_answer() {
            ringing.accept = Some((body, headers));
            ringing.reliable.keep_descriptions();
            return;
        }
        ringing.reliable.fall_silent();
        let request = ringing.request.clone();
        let (invite, wanted) = (ringing.invite, ringing.offer == OfferOwner::Wanted);
        let wants_answer = wanted && body.is_some();
        let response = self.success(cx, &request, body.as_ref(), &headers);
        if body.is_some() {
            self.last_body = body;
        }
        let established = std::mem::replace(&mut self.state, SessionState::Established);
        if let SessionState::Ringing(ringing) = established {
            self.late_pracks = Some(ringing.reliable);
        }
        self.repeat_until_ack(cx, invite, response, wants_answer, true);
    }

    /// A 200 to INVITE or UPDATE, which starts the session timer anew.
    pub(super) fn success(
        &mut self,
        cx: &mut DialogContext<'_>,
        request: &Request,
        body: Option<&Body>,
        headers: &HeaderLines,
    ) -> Response {
        let mut response = self.response(cx, request, 200);
        self.dialog.introduce(&mut response);
        let asked = TimerRequest::of(&request.headers);
        if let Ok(granted) = session_timer::grant(cx.settings.wishes(), asked) {
            response.headers.push(HeaderName::SessionExpires, granted);
            if granted.refresher == Some(Refresher::Uac) {
                response.headers.push(HeaderName::Require, "timer");
            }
            self.timer.granted(cx.now, granted, asked.supported);
        }
        put_lines(&mut response.headers, headers);
        match (response.headers.get(HeaderName::RecvInfo), &self.dialog.recv_info) {
            (Some(packages), _) => self.dialog.recv_info = Some(packages.to_owned()),
            (None, Some(packages)) => response.headers.push(HeaderName::RecvInfo, packages),
            (None, None) => {}
        }
        put_body_back(&mut response, body);
        response
    }

    pub(super) fn reject(
        &mut self,
        cx: &mut DialogContext<'_>,
        status: u16,
        reason: &str,
        headers: &HeaderLines,
    ) {
        let SessionState::Ringing(ringing) = &self.state else {
            return;
        };
        let (invite, status) = (ringing.invite, status.clamp(300, 699));
        let mut response = self.response(cx, &ringing.request, status).said_as(reason);
        put_lines(&mut response.headers, headers);
        cx.respond(invite, response);
        self.finish(cx, Cause::from_status(status), EndingSide::Us, None);
    }

    /// The peer's INVITE ends without our answer: 487 and the end (§9.2, §15.1.2).
    pub(super) fn abandoned(&mut self, cx: &mut DialogContext<'_>, reason: Option<String>) {
        let SessionState::Ringing(ringing) = &self.state else {
            return;
        };
        let invite = ringing.invite;
        let response = self.response(cx, &ringing.request, 487);
        cx.respond(invite, response);
        self.finish(cx, abandonment(reason.as_deref()), EndingSide::Peer, reason);
    }

    /// An INVITE of the peer was cancelled.
    pub fn on_cancel(
        &mut self,
        cx: &mut DialogContext<'_>,
        invite: ServerTx,
        reason: Option<String>,
    ) {
        match &self.state {
            SessionState::Ringing(ringing) if ringing.invite == invite => {
                self.abandoned(cx, reason)
            }
            SessionState::Ringing(_)
            | SessionState::Established
            | SessionState::Calling(_)
            | SessionState::Over { .. } => {
                self.drop_change(cx, invite);
            }
        }
    }

    /// The peer of an INVITE cannot be reached any more.
    pub fn on_lost(&mut self, cx: &mut DialogContext<'_>, invite: ServerTx) {
        match &self.state {
            SessionState::Ringing(ringing) if ringing.invite == invite => {
                self.finish(cx, Cause::Lost, EndingSide::Transport, None);
            }
            SessionState::Ringing(_)
            | SessionState::Established
            | SessionState::Calling(_)
            | SessionState::Over { .. } => {}
        }
    }

    /// A PRACK arrived for a reliable 1xx; what waited for it goes out.
    pub(super) fn after_prack(&mut self, cx: &mut DialogContext<'_>) {
        let SessionState::Ringing(ringing) = &mut self.state else {
            return;
        };
        let invite = ringing.invite;
        if let Some((body, headers)) =
            ringing.accept.take_if(|_| !ringing.reliable.holds_back_answer())
        {
            return self.accept(cx, body, headers);
        }
        if let Some(response) = ringing.reliable.next(cx.now) {
            ringing.note_said(&response);
            cx.respond(invite, response);
        }
    }

    pub(super) fn tick_ringing(&mut self, cx: &mut DialogContext<'_>) {
        let SessionState::Ringing(ringing) = &mut self.state else {
            return;
        };
        let invite = ringing.invite;
        match ringing.reliable.tick(cx.now) {
            Some(ReliableDue::Again(response)) => cx.respond(invite, *response),
            Some(ReliableDue::GivenUp) => {
                // RFC 3262 §3: a 5xx, for the peer does not hear us.
                let request = ringing.request.clone();
                self.reply(cx, invite, &request, 500);
                return self.finish(cx, Cause::Lost, EndingSide::Timer, None);
            }
            None => {}
        }
        if let SessionState::Ringing(ringing) = &mut self.state
            && let Some(again) = ringing.again.take_if(|again| again.at <= cx.now)
        {
            self.send_provisional(cx, again.response);
        }
    }
}

/// Somebody else answered, says the Reason of the caller's proxy; else the caller gave up.
fn abandonment(reason: Option<&str>) -> Cause {
    let elsewhere = reason.is_some_and(|reason| {
        let mut headers = Headers::new();
        headers.push(HeaderName::Reason, reason);
        headers.reasons().any(|reason| reason.protocol == "SIP" && reason.cause == Some(200))
    });
    if elsewhere { Cause::AnsweredElsewhere } else { Cause::Abandoned }
}
