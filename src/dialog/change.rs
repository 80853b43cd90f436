//! Changes of a session: re-INVITE and UPDATE, in both directions (RFC 3261 §14, RFC 3311).
//!
//! ```text
//!   ours:    Idle ── queue ──▶ Asked ── 2xx: ACK ──▶ Idle
//!              ▲                 │ ├── 491 ──▶ BackingOff ── 2.1 to 4 s, or 0 to 2 s ──▶ Asked
//!              │                 │ ├── another process goes on ──▶ BackingOff ── 2xx after all ──▶ Idle
//!              │                 │ ├── 408, 481, nothing ──▶ BYE
//!              │                 │ ├── not carried ──▶ as refused; a refresh is tried again
//!              │                 │ └── asked before the answer: 408, 481, nothing ──▶ as refused
//!              └── any other: what was agreed before holds (RFC 6141)
//!   theirs:  Idle ── INVITE, UPDATE with offer ──▶ Reoffered ── Answer, Refuse ──▶ Idle
//!              491 while ours is asked, 500 and Retry-After while another of theirs waits
//! ```

use super::context::DialogContext;
use super::effect::{EndingSide, Event};
use super::handshake::{Handshake, OfferOwner};
use super::message::{
    Body, HeaderLines, body_of, description_of, put_body, put_body_back, put_lines,
};
use super::refusal::refusal_by_headers;
use super::sent::Purpose;
use super::session::{DialogRole, InviteSession, SessionState};
use super::session_changes::{
    Carries, EarlyBranch, Ours, SessionChange, SessionChanges, Theirs, Why,
};
use super::settings::GIVE_UP;
use super::transactions::{ClientTx, ServerTx};
use crate::cause::Cause;
use crate::sip::{HeaderName, Method, Request, Response, StatusCode};
use crate::time::Duration;

/// The most changes of ours that wait for their turn; one more is refused with 491.
pub const QUEUED_MAX: usize = 8;

/// Who has an unanswered offer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Pending {
    Nobody,
    Us,
    Peer,
}

impl InviteSession {
    pub(super) fn reoffer(&mut self, cx: &mut DialogContext<'_>, body: Option<Body>) {
        self.queue_change(
            cx,
            SessionChange { why: Why::Reinvite, body, headers: HeaderLines::new() },
        );
    }

    pub(super) fn update(
        &mut self,
        cx: &mut DialogContext<'_>,
        body: Option<Body>,
        headers: HeaderLines,
    ) {
        let why = if body.is_some() { Why::Update } else { Why::Inform };
        self.queue_change(cx, SessionChange { why, body, headers });
    }

    pub(super) fn refresh(&mut self, cx: &mut DialogContext<'_>) {
        let change = SessionChange { why: Why::Refresh, body: None, headers: HeaderLines::new() };
        self.queue_change(cx, change);
    }

    fn queue_change(&mut self, cx: &mut DialogContext<'_>, change: SessionChange) {
        if self.is_over() {
            return;
        }
        if self.changes.queue.len() < QUEUED_MAX {
            self.changes.queue.push_back(change);
            self.next_change(cx);
        } else {
            self.change_refused(cx, &change, 491);
        }
    }

    /// Sends the next change when nothing is in its way (§14.1).
    pub(super) fn next_change(&mut self, cx: &mut DialogContext<'_>) {
        let idle = matches!(self.changes.ours, Ours::Idle) && self.changes.theirs.is_none();
        if !idle || !matches!(self.handshake, Handshake::Done) {
            return;
        }
        let Some(next) = self.changes.queue.front() else {
            return;
        };
        let early_offer = match &self.state {
            SessionState::Established => None,
            SessionState::Calling(calling) => Some(calling.offer),
            SessionState::Ringing(ringing) if ringing.has_spoken() => Some(ringing.offer),
            SessionState::Ringing(_) | SessionState::Over { .. } => return,
        };
        let why = next.why;
        let Some(dialog) = self.active() else {
            return; // No early dialog yet.
        };
        let by_update = dialog.allows_update && why != Why::Reinvite;
        let fits = match early_offer {
            None => true,
            // RFC 3311 §5.1: before the answer only UPDATE, and an offer only when none is open.
            Some(offer) => by_update && (why == Why::Inform || offer == OfferOwner::Settled),
        };
        if fits && let Some(change) = self.changes.queue.pop_front() {
            self.ask_change(cx, change, by_update);
        }
    }

    fn ask_change(&mut self, cx: &mut DialogContext<'_>, change: SessionChange, by_update: bool) {
        let settings = cx.settings;
        let established = matches!(self.state, SessionState::Established);
        let repeated = self.last_body.clone();
        let (expires, min_se) = (self.timer.ask(), self.timer.min_se());
        let Some(dialog) = self.active() else {
            return;
        };
        let early = (!established).then(|| EarlyBranch { tag: dialog.remote_tag().to_owned() });
        let method = if by_update { Method::UPDATE } else { Method::INVITE };
        let mut request = dialog.request(method, settings);
        let to = dialog.way.destination;
        if !by_update {
            // A re-INVITE is not to be answered by reliable 1xx, which nobody awaits here.
            request.headers.set(HeaderName::Supported, "timer, replaces");
        }
        if established {
            request.headers.push(HeaderName::SessionExpires, expires);
            request.headers.push(HeaderName::MinSe, min_se);
        }
        put_lines(&mut request.headers, &change.headers);
        let body = match change.why {
            Why::Reinvite | Why::Update => change.body.clone(),
            Why::Inform | Why::Refresh if by_update => None,
            // A re-INVITE that changes nothing says the same again.
            Why::Inform | Why::Refresh => repeated,
        };
        put_body(&mut request, body.as_ref());
        let carries = match (&body, by_update) {
            (Some(_), _) => Carries::Offer,
            (None, false) => Carries::Question,
            (None, true) => Carries::Nothing,
        };
        if body.is_some() {
            self.last_body = body;
        }
        let reinvite = request.headers.cseq().ok().filter(|_| !by_update).map(|(seq, _)| seq);
        let transaction = self.send_request(cx, to, request, Purpose::Change);
        self.changes.ours = Ours::Asked { transaction, change, carries, early, reinvite };
    }

    /// A challenge was answered: the change goes on under another name.
    pub(super) fn rename_change(&mut self, old: ClientTx, new: ClientTx) {
        if let Ours::Asked { transaction, .. } = &mut self.changes.ours
            && *transaction == old
        {
            *transaction = new;
        }
    }

    pub(super) fn on_change_answer(
        &mut self,
        cx: &mut DialogContext<'_>,
        asked: ClientTx,
        response: &Response,
    ) {
        let Ok((seq, method)) = response.headers.cseq() else {
            return;
        };
        let (change, carries, early) = match std::mem::take(&mut self.changes.ours) {
            Ours::Asked { transaction, change, carries, early, .. } if transaction == asked => {
                (change, carries, early)
            }
            other => {
                self.changes.ours = other;
                if response.status.is_success() && method == Method::INVITE {
                    // The session ended meanwhile; the ACK is due all the same.
                    self.acknowledge(cx, asked, seq, None);
                }
                return;
            }
        };
        if early.as_ref().is_some_and(|early| !self.speaks_with(early)) {
            return self.change_of_another(cx, change);
        }
        match response.status.as_u16() {
            200..=299 => self.change_done(cx, asked, carries, &change, response),
            491 => {
                let until = cx.now + self.back_off(cx);
                self.changes.ours = Ours::BackingOff { until, change, reinvite: None };
                return;
            }
            422 if self.timer.raise(response.headers.min_se().ok().flatten()) => {
                self.changes.queue.push_front(change);
            }
            405 | 501 if method == Method::UPDATE => {
                if let Some(dialog) = self.active() {
                    dialog.allows_update = false;
                }
                self.changes.queue.push_front(change);
            }
            // §14.1, §12.2.1.2: the peer has lost the dialog. The call has not, while it rings.
            408 | 481 if early.is_none() => return self.give_up(cx, Cause::Lost, EndingSide::Peer),
            status => self.change_refused(cx, &change, status),
        }
        self.next_change(cx);
    }

    /// A 2xx to a re-INVITE that the process before has sent. What is known to have been asked for is answered by
    /// it. Where nothing is, the peer has agreed to what nobody remembers: what holds is said once more.
    pub(super) fn on_unremembered_success(
        &mut self,
        cx: &mut DialogContext<'_>,
        seq: u32,
        response: &Response,
    ) {
        let is_free = matches!(self.state, SessionState::Established)
            && matches!(self.handshake, Handshake::Done)
            && self.resumed_at.is_some_and(|at| cx.now.since(at) < GIVE_UP);
        if !is_free {
            return;
        }
        let invite = cx.owners.mint();
        match std::mem::take(&mut self.changes.ours) {
            Ours::BackingOff { change, reinvite: Some(asked), .. } if asked == seq => {
                let says = match change.why {
                    Why::Reinvite | Why::Update => change.body.is_some(),
                    Why::Inform | Why::Refresh => self.last_body.is_some(),
                };
                let carries = if says { Carries::Offer } else { Carries::Question };
                self.change_done(cx, invite, carries, &change, response);
                self.next_change(cx);
            }
            Ours::Idle if self.changes.are_idle() => {
                self.acknowledge(cx, invite, seq, None);
                let (why, body) = (Why::Reinvite, self.last_body.clone());
                self.queue_change(cx, SessionChange { why, body, headers: HeaderLines::new() });
            }
            other => {
                self.changes.ours = other;
                self.acknowledge(cx, invite, seq, None);
            }
        }
    }

    /// A change could not be carried: what was agreed before holds, and a refresh is tried again.
    pub(super) fn change_not_carried(&mut self, cx: &mut DialogContext<'_>, asked: ClientTx) {
        match std::mem::take(&mut self.changes.ours) {
            Ours::Asked { transaction, change, .. } if transaction == asked => match change.why {
                Why::Refresh => self.timer.unreached(cx.now),
                Why::Reinvite | Why::Update | Why::Inform => {
                    let unavailable = StatusCode::SERVICE_UNAVAILABLE.as_u16();
                    self.change_refused(cx, &change, unavailable);
                }
            },
            other => self.changes.ours = other,
        }
        self.next_change(cx);
    }

    /// Nothing comes to what was asked before the answer: the INVITE has a fate of its own.
    pub(super) fn early_change_unanswered(
        &mut self,
        cx: &mut DialogContext<'_>,
        asked: ClientTx,
    ) -> bool {
        match std::mem::take(&mut self.changes.ours) {
            Ours::Asked { transaction, change, early: Some(early), .. } if transaction == asked => {
                if self.speaks_with(&early) {
                    let timeout = StatusCode::REQUEST_TIMEOUT.as_u16();
                    self.change_refused(cx, &change, timeout);
                    self.next_change(cx);
                } else {
                    self.change_of_another(cx, change);
                }
                true
            }
            other => {
                self.changes.ours = other;
                false
            }
        }
    }

    /// Whether the branch is still one that we speak with.
    fn speaks_with(&self, early: &EarlyBranch) -> bool {
        match &self.state {
            SessionState::Calling(calling) => calling.has_fork(&early.tag),
            SessionState::Ringing(_) | SessionState::Established | SessionState::Over { .. } => {
                self.dialog.remote_tag() == early.tag
            }
        }
    }

    /// A branch was asked that is none of ours any more: whoever answered has not heard of it.
    fn change_of_another(&mut self, cx: &mut DialogContext<'_>, change: SessionChange) {
        self.changes.queue.push_front(change);
        self.next_change(cx);
    }

    fn change_done(
        &mut self,
        cx: &mut DialogContext<'_>,
        asked: ClientTx,
        carries: Carries,
        change: &SessionChange,
        response: &Response,
    ) {
        let Ok((seq, method)) = response.headers.cseq() else {
            return;
        };
        if let (Some(dialog), Ok(contacts)) = (self.active(), response.headers.contacts()) {
            dialog.way.refresh(contacts);
        }
        if matches!(self.state, SessionState::Established) {
            self.timer.answered(cx.now, response.headers.session_expires().ok().flatten());
        }
        let mut body = description_of(&response.headers, &response.body);
        if method == Method::INVITE {
            let offer_came = body.is_some() && carries == Carries::Question;
            if offer_came && change.why == Why::Reinvite {
                self.handshake = Handshake::AnswerDue { invite: asked, seq };
            } else {
                self.acknowledge(cx, asked, seq, None);
                // A refresh without anything to repeat: nobody above asked for this offer.
                body = body.filter(|_| !offer_came);
            }
        }
        if change.why == Why::Refresh {
            cx.tell(Event::Refreshed);
        }
        match (body, change.why) {
            (Some(body), _) => cx.tell(Event::ReofferAnswered { body }),
            // An offer without its answer is as good as refused.
            (None, Why::Reinvite | Why::Update) => {
                cx.tell(Event::ReofferRefused { status: response.status.as_u16() });
            }
            (None, Why::Inform | Why::Refresh) => {}
        }
    }

    fn change_refused(&mut self, cx: &mut DialogContext<'_>, change: &SessionChange, status: u16) {
        match change.why {
            Why::Reinvite | Why::Update => cx.tell(Event::ReofferRefused { status }),
            Why::Refresh => self.timer.refused(cx.now),
            Why::Inform => {}
        }
    }

    /// §14.1: who owns the Call-ID waits longer, so that the other comes first.
    fn back_off(&self, cx: &mut DialogContext<'_>) -> Duration {
        let steps = match self.role {
            DialogRole::Caller => 210 + cx.random.below(191),
            DialogRole::Callee => cx.random.below(201),
        };
        Duration::from_millis(10 * steps)
    }

    pub(super) fn tick_changes(&mut self, cx: &mut DialogContext<'_>) {
        if self.changes.deadline().is_some_and(|at| at <= cx.now)
            && let Ours::BackingOff { change, .. } = std::mem::take(&mut self.changes.ours)
        {
            self.changes.queue.push_front(change);
            self.next_change(cx);
        }
    }

    fn pending_offer(&self) -> Pending {
        let by_offer = |offer| match offer {
            OfferOwner::Ours => Pending::Us,
            OfferOwner::Theirs => Pending::Peer,
            OfferOwner::Wanted | OfferOwner::Settled => Pending::Nobody,
        };
        if self.changes.theirs.is_some() {
            return Pending::Peer;
        }
        if let Ours::Asked { carries: Carries::Offer | Carries::Question, .. } = self.changes.ours {
            return Pending::Us;
        }
        match (&self.state, &self.handshake) {
            (SessionState::Calling(calling), _) => by_offer(calling.offer),
            (SessionState::Ringing(ringing), _) => by_offer(ringing.offer),
            (_, Handshake::AckDue(due)) if due.wants_answer => Pending::Us,
            (_, Handshake::AnswerDue { .. }) => Pending::Peer,
            (_, Handshake::AckDue(_) | Handshake::Done) => Pending::Nobody,
        }
    }

    /// A re-INVITE (§14.2).
    pub(super) fn on_reinvite(
        &mut self,
        cx: &mut DialogContext<'_>,
        tx: ServerTx,
        request: Request,
    ) {
        let unanswered =
            matches!(self.state, SessionState::Ringing(_)) || self.changes.theirs.is_some();
        let asked = matches!(self.state, SessionState::Calling(_));
        match self.pending_offer() {
            _ if unanswered => self.reply_later(cx, tx, &request),
            Pending::Us | Pending::Peer => self.reply(cx, tx, &request, 491),
            Pending::Nobody if asked => self.reply(cx, tx, &request, 491),
            Pending::Nobody => {
                // RFC 5407 §3.1.5: the re-INVITE overtook the ACK, which it proves.
                self.acked_by_peer(cx, None);
                self.reoffered(cx, tx, request);
            }
        }
    }

    /// An UPDATE (RFC 3311 §5.2).
    pub(super) fn on_update(&mut self, cx: &mut DialogContext<'_>, tx: ServerTx, request: Request) {
        if let Some(mut response) = refusal_by_headers(cx, &request) {
            self.dialog.sign(&mut response, cx.settings);
            return cx.respond(tx, response);
        }
        match self.pending_offer() {
            _ if body_of(&request).is_none() => {
                self.take_target(&request);
                let response = self.success(cx, &request, None, &HeaderLines::new());
                cx.respond(tx, response);
                cx.tell(Event::Refreshed);
            }
            Pending::Us => self.reply(cx, tx, &request, 491),
            Pending::Peer => self.reply_later(cx, tx, &request),
            Pending::Nobody => self.reoffered(cx, tx, request),
        }
    }

    /// An offer of the peer goes up.
    pub(super) fn reoffered(&mut self, cx: &mut DialogContext<'_>, tx: ServerTx, request: Request) {
        if let Some(mut response) = refusal_by_headers(cx, &request) {
            self.dialog.sign(&mut response, cx.settings);
            return cx.respond(tx, response);
        }
        let body = body_of(&request);
        let fork = match &self.state {
            SessionState::Calling(calling) => {
                request.headers.from_tag().and_then(|t| calling.fork_number(t))
            }
            SessionState::Ringing(_) | SessionState::Established | SessionState::Over { .. } => {
                None
            }
        };
        if request.method == Method::INVITE {
            cx.owners.invites.insert(tx, cx.leg);
        }
        self.changes.theirs = Some(Theirs { transaction: tx, request });
        cx.tell(Event::Reoffered { body, fork });
    }

    /// §12.2.2: a target refresh counts when it is answered with 2xx.
    fn take_target(&mut self, request: &Request) {
        let tag = request.headers.from_tag().unwrap_or_default();
        let dialog = match &mut self.state {
            SessionState::Calling(calling) => calling.dialog(tag),
            SessionState::Ringing(_) | SessionState::Established | SessionState::Over { .. } => {
                Some(&mut self.dialog)
            }
        };
        if let (Some(dialog), Ok(contacts)) = (dialog, request.headers.contacts()) {
            dialog.way.refresh(contacts);
            if request.headers.contains(HeaderName::Allow) {
                dialog.allows_update = request.headers.allows(&Method::UPDATE);
            }
        }
    }

    pub(super) fn answer_change(&mut self, cx: &mut DialogContext<'_>, body: Body) {
        let Some(Theirs { transaction, request }) = self.changes.theirs.take() else {
            return;
        };
        if request.method == Method::PRACK {
            let mut response = self.response(cx, &request, 200);
            put_body_back(&mut response, Some(&body));
            cx.respond(transaction, response);
            self.last_body = Some(body);
            return self.after_prack(cx);
        }
        self.take_target(&request);
        let response = self.success(cx, &request, Some(&body), &HeaderLines::new());
        self.last_body = Some(body);
        if request.method == Method::INVITE {
            self.repeat_until_ack(cx, transaction, response, body_of(&request).is_none(), false);
        } else {
            cx.respond(transaction, response);
            self.next_change(cx);
        }
    }

    pub(super) fn refuse_change(&mut self, cx: &mut DialogContext<'_>, status: u16) {
        let Some(Theirs { transaction, request }) = self.changes.theirs.take() else {
            return;
        };
        self.reply(cx, transaction, &request, status.clamp(400, 699));
        if request.method == Method::PRACK {
            self.after_prack(cx);
        }
        self.next_change(cx);
    }

    /// The peer cancelled its re-INVITE; the session stays.
    pub(super) fn drop_change(&mut self, cx: &mut DialogContext<'_>, invite: ServerTx) {
        let cancelled = self.changes.theirs.take_if(|theirs| theirs.transaction == invite);
        if let Some(Theirs { transaction, request }) = cancelled {
            self.reply(cx, transaction, &request, 487);
            self.next_change(cx);
        }
    }

    /// The session ends: what waits is refused (§15.1.2), what we wanted is forgotten.
    pub(super) fn drop_changes(&mut self, cx: &mut DialogContext<'_>) {
        if let Some(Theirs { transaction, request }) = self.changes.theirs.take() {
            let status = if request.method == Method::INVITE { 487 } else { 481 };
            self.reply(cx, transaction, &request, status);
        }
        self.changes = SessionChanges::default();
    }
}
