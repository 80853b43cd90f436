//! Requests within a dialog: in order, allowed, and each answered (RFC 3261 §12.2.2, §15, 3262,
//! 6086); and the answers to ours.

use super::context::DialogContext;
use super::effect::{Effect, EndingSide, Event};
use super::handshake::{Handshake, OfferOwner};
use super::identity::{ALLOW, SUPPORTED};
use super::message::{HeaderLines, body_of, put_lines, reason_of};
use super::sent::{Purpose, Sent};
use super::session::{InviteSession, SERVED_MAX, SessionState};
use super::transactions::{ClientTx, ServerTx};
use crate::cause::Cause;
use crate::sip::{Flow, HeaderName, Method, Request, Response, StatusCode, multipart};
use std::sync::Arc;

impl InviteSession {
    /// A request of the peer in this dialog.
    pub fn on_request(
        &mut self,
        cx: &mut DialogContext<'_>,
        tx: ServerTx,
        flow: Flow,
        request: Request,
    ) {
        if self.is_over() {
            // A BYE that crosses ours is answered (§15.1.2); the rest finds no dialog.
            let status = if request.method == Method::BYE { 200 } else { 481 };
            self.reply(cx, tx, &request, status);
            if request.method == Method::BYE {
                self.drop_late_bye();
            }
            return;
        }
        let (tag, seq) = (request.headers.from_tag(), request.headers.cseq());
        let (tag, Ok((seq, _))) = (tag.unwrap_or_default().to_owned(), seq) else {
            return self.reply(cx, tx, &request, 400);
        };
        let dialog = match &mut self.state {
            SessionState::Calling(calling) => calling.dialog(&tag),
            SessionState::Ringing(_) | SessionState::Established | SessionState::Over { .. } => {
                Some(&mut self.dialog)
            }
        };
        let Some(dialog) = dialog else {
            return self.reply(cx, tx, &request, 481);
        };
        if !dialog.takes_seq(seq) {
            return self.reply(cx, tx, &request, 500);
        }
        if dialog.way.follow(flow) {
            cx.tell(Event::Moved { flow });
        }
        let unknown = request.headers.list(HeaderName::Require);
        let unknown: Vec<_> = unknown.filter(|option| !is_supported(option)).collect();
        if !unknown.is_empty() && request.method != Method::BYE {
            let mut response = self.response(cx, &request, 420);
            response.headers.push(HeaderName::Unsupported, unknown.join(", "));
            return cx.respond(tx, response);
        }
        self.dispatch(cx, tx, request, &tag);
    }

    fn dispatch(&mut self, cx: &mut DialogContext<'_>, tx: ServerTx, request: Request, tag: &str) {
        let refresh = [Method::INVITE, Method::UPDATE].contains(&request.method);
        let wants_none = refresh && recv_info_is_empty(&request);
        self.serve(cx, tx, request, tag);
        if wants_none && !self.is_over() {
            cx.tell(Event::WantsNoInfo);
        }
    }

    fn serve(&mut self, cx: &mut DialogContext<'_>, tx: ServerTx, request: Request, tag: &str) {
        match request.method.as_str() {
            "BYE" => self.on_bye(cx, tx, &request, tag),
            "INVITE" => self.on_reinvite(cx, tx, request),
            "UPDATE" => self.on_update(cx, tx, request),
            "PRACK" => self.on_prack(cx, tx, request),
            "INFO" => self.on_info(cx, tx, request),
            "REFER" => self.on_refer(cx, tx, request),
            "NOTIFY" => self.on_notify(cx, tx, &request),
            "OPTIONS" => {
                let mut response = self.response(cx, &request, 200);
                self.dialog.introduce(&mut response);
                response.headers.push(HeaderName::Accept, multipart::ACCEPTED);
                cx.respond(tx, response);
            }
            _ => {
                let mut response = self.response(cx, &request, 405);
                response.headers.push(HeaderName::Allow, ALLOW);
                cx.respond(tx, response);
            }
        }
    }

    /// The peer has hung up too: no BYE after the ACK any more.
    fn drop_late_bye(&mut self) {
        if let SessionState::Over { bye, .. } = &mut self.state
            && bye.take().is_some()
        {
            self.handshake = Handshake::Done;
        }
    }

    fn on_bye(&mut self, cx: &mut DialogContext<'_>, tx: ServerTx, bye: &Request, tag: &str) {
        self.reply(cx, tx, bye, 200);
        let reason = reason_of(&bye.headers);
        match &mut self.state {
            SessionState::Ringing(_) => self.abandoned(cx, reason),
            SessionState::Calling(calling) => {
                // §15: a callee says BYE only after its 2xx, which this one has overtaken, or which
                // is lost; or one branch of a fork is gone.
                let gone = calling.fork_number(tag);
                if calling.drop_fork(tag) {
                    let invite = calling.invite();
                    cx.out.push(Effect::Cancel { transaction: invite, reason: None });
                    self.finish(cx, Cause::NormalClearing, EndingSide::Peer, reason);
                    self.state = SessionState::Over { invite: Some(invite), bye: None };
                } else if let Some(fork) = gone {
                    cx.tell(Event::ForkGone { fork });
                }
            }
            SessionState::Established => {
                // Whoever says BYE has our 2xx, and needs no answer to its offer.
                self.drop_changes(cx);
                self.answer_due(cx, None);
                self.handshake = Handshake::Done;
                self.finish(cx, Cause::NormalClearing, EndingSide::Peer, reason);
            }
            SessionState::Over { .. } => {}
        }
    }

    /// RFC 3262 §3.
    fn on_prack(&mut self, cx: &mut DialogContext<'_>, tx: ServerTx, prack: Request) {
        let rack = prack.headers.rack().ok().flatten();
        let body = body_of(&prack);
        let SessionState::Ringing(ringing) = &mut self.state else {
            let invite_seq = rack.as_ref().map(|rack| rack.cseq);
            let late = self.late_pracks.as_mut();
            let known = late.zip(rack).is_some_and(|(reliable, rack)| {
                reliable.acknowledge(&rack, invite_seq.unwrap_or_default())
            });
            return self.reply(cx, tx, &prack, if known { 200 } else { 481 });
        };
        let invite_seq = ringing.request.headers.cseq().map_or(0, |(number, _)| number);
        if !rack.is_some_and(|rack| ringing.reliable.acknowledge(&rack, invite_seq)) {
            return self.reply(cx, tx, &prack, 481);
        }
        match (body, ringing.offer) {
            (Some(body), OfferOwner::Ours) => {
                ringing.offer = OfferOwner::Settled;
                self.reply(cx, tx, &prack, 200);
                cx.tell(Event::ProvisionalAnswered { body });
                self.after_prack(cx);
            }
            // §5: a new offer, whose answer goes into the 200.
            (Some(_), OfferOwner::Settled) => self.reoffered(cx, tx, prack),
            (Some(_), OfferOwner::Theirs | OfferOwner::Wanted) => {
                self.reply(cx, tx, &prack, 400);
                self.after_prack(cx);
            }
            (None, _) => {
                self.reply(cx, tx, &prack, 200);
                self.after_prack(cx);
            }
        }
        self.next_change(cx);
    }

    fn on_info(&mut self, cx: &mut DialogContext<'_>, tx: ServerTx, request: Request) {
        if self.served.len() == SERVED_MAX {
            return self.reply(cx, tx, &request, 503);
        }
        let text = |name| request.headers.get(name).map(str::to_owned);
        let (package, content_type) =
            (text(HeaderName::InfoPackage), text(HeaderName::ContentType));
        let body = Arc::clone(&request.body);
        self.served.push((tx, request));
        cx.tell(Event::Info { transaction: tx, package, content_type, body });
    }

    /// The floor above answers an INFO or a REFER.
    pub(super) fn respond_served(
        &mut self,
        cx: &mut DialogContext<'_>,
        tx: ServerTx,
        status: u16,
        reason: &str,
        headers: &HeaderLines,
    ) {
        let Some(place) = self.served.iter().position(|(served, _)| *served == tx) else {
            return;
        };
        let (_, request) = self.served.swap_remove(place);
        let mut response = self.response(cx, &request, status.clamp(200, 699)).said_as(reason);
        if request.method == Method::REFER && response.status.is_success() {
            response.headers.push(HeaderName::Contact, self.dialog.contact());
        }
        put_lines(&mut response.headers, headers);
        cx.respond(tx, response);
    }

    /// The final answer to a request of ours within the dialog.
    pub(super) fn on_answer(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ClientTx,
        mut sent: Sent,
        response: &Response,
    ) {
        let status = response.status.as_u16();
        if (status == 401 || status == 407)
            && let Some(again) = self.ask_again_with_credentials(cx, &mut sent, response)
        {
            return self.rename_change(transaction, again);
        }
        let lost = status == 481;
        match sent.purpose {
            Purpose::Nothing | Purpose::Prack { .. } => {}
            Purpose::Change => self.on_change_answer(cx, transaction, response),
            Purpose::Info { tag } if !self.is_over() => {
                cx.tell(Event::InfoAnswered { tag, status });
                if lost {
                    self.give_up(cx, Cause::Lost, EndingSide::Peer);
                }
            }
            Purpose::Refer if !self.is_over() => {
                self.refer_answered(cx, status);
                if lost {
                    self.give_up(cx, Cause::Lost, EndingSide::Peer);
                }
            }
            Purpose::Info { .. } | Purpose::Refer => {}
        }
    }

    /// No answer comes to a request of ours within the dialog: the peer is gone (§12.2.1.2). One that
    /// could not be carried says nothing of the peer (§8.1.3.1): no fault of the net ends a session, but
    /// the session timer does when the peer stays out of reach.
    pub(super) fn on_no_answer(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ClientTx,
        sent: Sent,
        (status, by): (u16, EndingSide),
    ) {
        if self.is_over() {
            return;
        }
        match sent.purpose {
            Purpose::Nothing | Purpose::Prack { .. } => return,
            Purpose::Info { tag } => {
                let status = StatusCode::REQUEST_TIMEOUT.as_u16();
                cx.tell(Event::InfoAnswered { tag, status });
            }
            Purpose::Refer => self.refer_answered(cx, status),
            Purpose::Change if self.early_change_unanswered(cx, transaction) => return,
            Purpose::Change if by == EndingSide::Transport => {
                self.change_not_carried(cx, transaction)
            }
            Purpose::Change => {}
        }
        if by != EndingSide::Transport {
            self.give_up(cx, Cause::Lost, by);
        }
    }
}

/// RFC 6086 §5.2.2: a header without a package takes back what was wanted; no header changes nothing.
fn recv_info_is_empty(request: &Request) -> bool {
    let headers = &request.headers;
    headers.contains(HeaderName::RecvInfo) && headers.list(HeaderName::RecvInfo).next().is_none()
}

fn is_supported(option: &str) -> bool {
    SUPPORTED.iter().any(|ours| ours.eq_ignore_ascii_case(option))
}
