//! We call: from the INVITE to its 2xx or refusal (RFC 3261 §13.2, RFC 3262 §4).
//!
//! ```text
//!   INVITE ──▶ Calling ── 1xx: an early dialog per To tag; reliable: PRACK ──┐
//!                │  ▲                                                       │
//!                │  └── 401, 407, 422: once more, with what was asked for ──┘
//!                ├── 2xx: ACK, now or with the answer to a late offer ──▶ Established
//!                ├── 300-699, timeout, transport ──▶ Over (Refused, Ended)
//!                └── End: CANCEL ──▶ Over { invite } ── 2xx after all: ACK, BYE
//! ```

use super::context::DialogContext;
use super::effect::{Effect, EndingSide, Event};
use super::forks::{Calling, FORKS_MAX, Fork};
use super::handshake::{Handshake, OfferOwner};
use super::identity::DialogIdentity;
use super::input::{OutgoingCall, RequestFailure};
use super::message::{Body, description_of, put_body, put_lines, reason_of};
use super::sent::Purpose;
use super::session::{InviteSession, SessionState};
use super::transactions::ClientTx;
use crate::cause::Cause;
use crate::sip::{AnsweredChallenges, Contacts, HeaderName, Method, RAck, Response, StatusCode};
/// How often one INVITE is sent anew because of 401, 407 and 422.
pub const RETRIES_MAX: u32 = 3;

impl InviteSession {
    /// Sends the INVITE.
    pub(super) fn calling(cx: &mut DialogContext<'_>, call: OutgoingCall) -> Self {
        let OutgoingCall { target, from, to, body, headers, credentials, patience, max_forwards } =
            call;
        let mut dialog = DialogIdentity::of_call(&target, from, to, cx.settings, cx.random);
        let mut request = dialog.request(Method::INVITE, cx.settings);
        request.headers.set(HeaderName::MaxForwards, max_forwards);
        put_lines(&mut request.headers, &headers);
        put_body(&mut request, body.as_ref());
        let offer = OfferOwner::of_call(body.as_ref());
        let seq = dialog.local_seq();
        let calling = Calling {
            invite: ClientTx(0),
            request,
            seq,
            retries: 0,
            silent_until: patience.map(|patience| cx.now + patience),
            answered: AnsweredChallenges::default(),
            forks: Vec::new(),
            next_fork: 0,
            offer,
        };
        let mut session = Self::new(cx, dialog, SessionState::Calling(Box::new(calling)));
        session.last_body = body;
        if let Some(credentials) = credentials {
            session.credentials.take(cx, credentials);
        }
        session.invite(cx);
        session
    }

    /// Sends the INVITE as it is now.
    fn invite(&mut self, cx: &mut DialogContext<'_>) {
        let to = self.dialog.way.destination;
        let (expires, min_se) = (self.timer.ask(), self.timer.min_se());
        if let SessionState::Calling(calling) = &mut self.state {
            let headers = &mut calling.request.headers;
            headers.set(HeaderName::SessionExpires, expires);
            headers.set(HeaderName::MinSe, min_se);
            headers.set(HeaderName::CSeq, format_args!("{} INVITE", calling.seq));
            calling.invite = cx.ask(to, calling.request.clone());
        }
    }

    /// A response to any request of ours.
    pub fn on_response(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ClientTx,
        response: &Response,
    ) {
        if self.sent.contains_key(&transaction) {
            if response.status.is_final()
                && let Some(sent) = self.take_sent(cx, transaction)
            {
                self.on_answer(cx, transaction, sent, response);
            }
            return;
        }
        match &mut self.state {
            SessionState::Calling(calling) if calling.invite == transaction => {
                calling.silent_until = None;
                if response.status.is_provisional() {
                    self.on_provisional(cx, response);
                } else if response.status.is_success() {
                    self.on_success(cx, response);
                } else {
                    self.on_refusal(cx, transaction, response);
                }
            }
            SessionState::Over { invite, .. } if *invite == Some(transaction) => {
                if response.status.is_final() {
                    *invite = None;
                    if response.status.is_success() {
                        // The 2xx crossed our CANCEL.
                        self.on_late_success(cx, transaction, response);
                    } else {
                        cx.forget(transaction);
                    }
                }
            }
            SessionState::Calling(_)
            | SessionState::Ringing(_)
            | SessionState::Established
            | SessionState::Over { .. } => {
                if response.status.is_success() {
                    self.on_late_success(cx, transaction, response);
                }
            }
        }
    }

    /// No answer comes to a request of ours.
    pub fn on_failure(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ClientTx,
        why: RequestFailure,
    ) {
        let (status, cause, by) = match why {
            RequestFailure::Timeout => {
                (StatusCode::REQUEST_TIMEOUT, Cause::NoAnswer, EndingSide::Timer)
            }
            RequestFailure::Transport => {
                (StatusCode::SERVICE_UNAVAILABLE, Cause::Unreachable, EndingSide::Transport)
            }
        };
        if let Some(sent) = self.take_sent(cx, transaction) {
            return self.on_no_answer(cx, transaction, sent, (status.as_u16(), by));
        }
        match &mut self.state {
            SessionState::Calling(calling) if calling.invite == transaction => {
                cx.tell(Event::Refused {
                    status: status.as_u16(),
                    reason: status.reason_phrase().to_owned(),
                    contacts: Vec::new(),
                    retry_after: None,
                });
                self.finish(cx, cause, by, None);
            }
            SessionState::Over { invite, .. } if *invite == Some(transaction) => *invite = None,
            SessionState::Calling(_)
            | SessionState::Ringing(_)
            | SessionState::Established
            | SessionState::Over { .. } => {}
        }
    }

    /// Gives up a next hop that has not said a word: as good as 503, for another may be there (RFC 3263
    /// §4.3). What it says after all is met as after any end.
    pub(super) fn tick_calling(&mut self, cx: &mut DialogContext<'_>) {
        let SessionState::Calling(calling) = &self.state else { return };
        if calling.silent_until.is_none_or(|until| until > cx.now) {
            return;
        }
        let invite = calling.invite;
        let status = StatusCode::SERVICE_UNAVAILABLE;
        cx.out.push(Effect::Cancel { transaction: invite, reason: None });
        cx.tell(Event::Refused {
            status: status.as_u16(),
            reason: status.reason_phrase().to_owned(),
            contacts: Vec::new(),
            retry_after: None,
        });
        self.finish(cx, Cause::Unreachable, EndingSide::Timer, None);
        self.state = SessionState::Over { invite: Some(invite), bye: None };
    }

    fn on_provisional(&mut self, cx: &mut DialogContext<'_>, response: &Response) {
        let SessionState::Calling(calling) = &mut self.state else {
            return;
        };
        if response.status == StatusCode::TRYING {
            return;
        }
        let tag = response.headers.to_tag().unwrap_or_default();
        let place = match calling.fork(tag) {
            Some(place) => {
                calling.forks[place].dialog.learn(response);
                place
            }
            None if calling.forks.len() == FORKS_MAX => return,
            None => {
                let dialog = self.dialog.with_response(response);
                let number = calling.next_fork;
                calling.next_fork += 1;
                calling.forks.push(Fork { number, dialog, rseq: None, answer_due: None });
                calling.forks.len() - 1
            }
        };
        let body = description_of(&response.headers, &response.body);
        let fork = &mut calling.forks[place];
        let number = fork.number;
        let rseq = response.headers.rseq().ok().flatten();
        let reliable = rseq.filter(|_| response.headers.requires("100rel") && !tag.is_empty());
        let mut wants_answer = false;
        if let Some(rseq) = reliable {
            // RFC 3262 §4: a copy, or one that overtook another, which comes again.
            if fork.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) {
                return;
            }
            fork.rseq = Some(rseq);
            wants_answer = body.is_some() && calling.offer == OfferOwner::Wanted;
            if wants_answer {
                calling.offer = OfferOwner::Theirs;
                fork.answer_due = Some(rseq);
            } else {
                if body.is_some() {
                    calling.offer = OfferOwner::Settled;
                }
                self.prack(cx, place, rseq, None);
            }
        }
        let (status, reason) = (response.status.as_u16(), response.reason.to_string());
        cx.tell(Event::Provisional { status, reason, body, fork: number, wants_answer });
        self.next_change(cx);
    }

    fn prack(&mut self, cx: &mut DialogContext<'_>, place: usize, rseq: u32, body: Option<&Body>) {
        let SessionState::Calling(calling) = &mut self.state else {
            return;
        };
        let rack = RAck { rseq, cseq: calling.seq, method: Method::INVITE };
        let Fork { number, dialog, .. } = &mut calling.forks[place];
        let purpose = Purpose::Prack { fork: *number, rseq, answers: body.is_some() };
        let mut prack = dialog.request(Method::PRACK, cx.settings);
        prack.headers.push(HeaderName::RAck, rack);
        put_body(&mut prack, body);
        let to = dialog.way.destination;
        self.send_request(cx, to, prack, purpose);
    }

    /// The floor above answers the offer in a reliable 1xx.
    pub(super) fn answer_prack(&mut self, cx: &mut DialogContext<'_>, body: Body) {
        let SessionState::Calling(calling) = &mut self.state else {
            return;
        };
        let due = calling.forks.iter().position(|fork| fork.answer_due.is_some());
        let Some((place, rseq)) =
            due.and_then(|at| Some((at, calling.forks[at].answer_due.take()?)))
        else {
            return;
        };
        calling.offer = OfferOwner::Settled;
        self.prack(cx, place, rseq, Some(&body));
        self.last_body = Some(body);
    }

    fn on_success(&mut self, cx: &mut DialogContext<'_>, response: &Response) {
        let SessionState::Calling(mut calling) =
            std::mem::replace(&mut self.state, SessionState::Established)
        else {
            return;
        };
        let tag = response.headers.to_tag().unwrap_or_default();
        let numbers = calling.forks.iter().map(|fork| fork.dialog.local_seq());
        let last_seq = numbers.max().unwrap_or(calling.seq).max(calling.seq);
        let (fork, dialog) = match calling.fork(tag) {
            Some(place) => {
                // §13.2.2.4: the route set of the 2xx counts.
                let Fork { number, mut dialog, .. } = calling.forks.swap_remove(place);
                dialog.learn(response);
                (number, dialog)
            }
            None => (calling.next_fork, self.dialog.with_response(response)),
        };
        self.dialog = dialog;
        self.dialog.raise_local_seq(last_seq);
        self.timer.answered(cx.now, response.headers.session_expires().ok().flatten());
        let body = description_of(&response.headers, &response.body);
        let wants_answer = body.is_some() && calling.offer == OfferOwner::Wanted;
        let (invite, seq) = (calling.invite, calling.seq);
        if wants_answer {
            self.handshake = Handshake::AnswerDue { invite, seq };
        } else {
            self.acknowledge(cx, invite, seq, None);
        }
        let contact = response.headers.contact().ok();
        cx.tell(Event::Answered { body, fork, wants_answer, contact });
        self.next_change(cx);
    }

    fn on_refusal(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ClientTx,
        response: &Response,
    ) {
        cx.forget(transaction);
        if self.try_again(cx, response) {
            return;
        }
        let status = response.status.as_u16();
        let contacts = match response.headers.contacts() {
            Ok(Contacts::List(list)) if (300..400).contains(&status) => list,
            Ok(Contacts::List(_) | Contacts::Star) | Err(_) => Vec::new(),
        };
        cx.tell(Event::Refused {
            status,
            reason: response.reason.to_string(),
            contacts,
            retry_after: response.headers.retry_after().ok().flatten(),
        });
        let reason = reason_of(&response.headers);
        self.finish(cx, Cause::from_status(status), EndingSide::Peer, reason);
    }

    /// Sends the INVITE anew when the refusal says what is missing: credentials (§22.2), a longer
    /// session interval (RFC 4028 §7.3). The Call-ID stays, the number rises.
    fn try_again(&mut self, cx: &mut DialogContext<'_>, response: &Response) -> bool {
        let SessionState::Calling(calling) = &self.state else {
            return false;
        };
        if calling.retries == RETRIES_MAX {
            return false;
        }
        let (mut request, mut answered) = (calling.request.clone(), calling.answered.clone());
        let mended = match response.status {
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                self.credentials.learn(cx, &request, response, &mut answered)
            }
            StatusCode::SESSION_INTERVAL_TOO_SMALL => {
                self.timer.raise(response.headers.min_se().ok().flatten())
            }
            _ => false,
        };
        if mended {
            // The nonce is counted on, whatever was amiss.
            self.credentials.authorise(cx, &mut request);
        }
        let SessionState::Calling(calling) = &mut self.state else {
            return false;
        };
        if mended {
            let last = calling.forks.iter().map(|fork| fork.dialog.local_seq()).max();
            calling.forks.drain(..).for_each(|fork| cx.tell(Event::ForkGone { fork: fork.number }));
            (calling.request, calling.answered) = (request, answered);
            calling.retries += 1;
            calling.seq = last.unwrap_or(calling.seq).max(calling.seq) + 1;
            calling.offer = OfferOwner::of_call(self.last_body.as_ref());
            self.dialog.raise_local_seq(calling.seq);
            self.invite(cx);
        }
        mended
    }
}
