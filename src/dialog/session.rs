//! One leg's session: what its states share, how requests go out, and how it ends.

use super::calling::Calling;
use super::change::SessionChanges;
use super::context::DialogContext;
use super::effect::{Effect, EndingSide, Event};
use super::identity::{DialogIdentity, description_of, put_body, put_lines};
use super::input::{Body, ClientTx, Command, HeaderLines, ServerTx, TrunkCredentials};
use super::machine::{GIVE_UP, T1, T2};
use super::refer::Referral;
use super::reliable::Reliable;
use super::ringing::PendingInvite;
use super::session_timer::{SessionTimer, TimerDue};
use super::stored::StoredDialog;
use crate::cause::Cause;
use crate::ids::LegId;
use crate::sip::{
    AnsweredChallenges, Destination, DigestClient, Flow, HeaderName, Headers, Method, Request,
    Response, StatusCode, multipart,
};
use crate::time::{Instant, Repeat, earliest};
use std::collections::BTreeMap;

/// The most INFOs and REFERs of one dialog that wait for the floor above; one more gets 503.
pub const SERVED_MAX: usize = 16;
/// The most 2xx of one INVITE, by their tags, whose ACK is repeated.
const ACKED_MAX: usize = 16;

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
    acked: Vec<Acked>,
    /// Our last session description, repeated by a re-INVITE that changes nothing.
    pub(super) last_body: Option<Body>,
    /// For a peer that challenges us.
    pub(super) digest: Option<DigestClient>,
    /// Whose realms [`digest`](Self::digest) answers in.
    trunk: String,
    /// The credentials of the last INVITE: its ACK has the same (§22.1).
    acks_with: HeaderLines,
}

/// Who made the call, and so owns its Call-ID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DialogRole {
    /// We.
    Caller,
    /// The peer.
    Callee,
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

/// A request of ours within the dialog.
#[derive(Debug)]
pub struct Sent {
    /// What its answer means.
    pub purpose: Purpose,
    /// To be asked again when it is challenged; kept only where we have credentials.
    again: Option<RepeatableRequest>,
}

#[derive(Debug)]
struct RepeatableRequest {
    to: Destination,
    request: Request,
    answered: AnsweredChallenges,
}

/// What the answer to a request of ours means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Nothing: PRACK, BYE, NOTIFY.
    Nothing,
    /// Goes up.
    Info {
        /// In the numbering of the floor above.
        tag: u64,
    },
    /// Goes up.
    Refer,
    /// Decides what [`SessionChanges`] asked.
    Change,
}

/// An ACK that goes out again with each copy of its 2xx.
#[derive(Debug)]
struct Acked {
    invite: ClientTx,
    tag: String,
    ack: Request,
    to: Destination,
    until: Instant,
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
            acked: Vec::new(),
            last_body: None,
            digest: None,
            trunk: String::new(),
            acks_with: HeaderLines::default(),
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
        over && self.sent.is_empty() && self.acked.is_empty()
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

    /// What the floor above wants; after the end nothing, for its wish crossed our event.
    pub fn command(&mut self, cx: &mut DialogContext<'_>, command: Command) {
        if self.is_over() {
            return;
        }
        match command {
            // A call has a session of its own: Machine::command.
            Command::Call(_) => {}
            Command::Provisional { status, reason, body, headers } => {
                self.provisional(cx, status, &reason, body.as_ref(), &headers);
            }
            Command::Accept { body, headers } => self.accept(cx, body, headers),
            Command::Reject { status, reason, headers } => {
                self.reject(cx, status, &reason, &headers);
            }
            Command::Ack { body } => self.answer_due(cx, Some(body)),
            Command::AnswerPrack { body } => self.answer_prack(cx, body),
            Command::End { reason } => self.end(cx, reason),
            Command::Reoffer { body } => self.reoffer(cx, body),
            Command::Update { body, headers } => self.update(cx, body, headers),
            Command::Answer { body } => self.answer_change(cx, body),
            Command::Refuse { status } => self.refuse_change(cx, status),
            Command::Info { tag, headers, body } => {
                let purpose = Purpose::Info { tag };
                if !self.send(cx, Method::INFO, &headers, body.as_ref(), purpose) {
                    cx.tell(Event::InfoAnswered { tag, status: 481 });
                }
            }
            Command::Notify { event, state, body } => {
                let headers =
                    vec![(HeaderName::Event, event), (HeaderName::SubscriptionState, state)];
                self.send(cx, Method::NOTIFY, &headers, body.as_ref(), Purpose::Nothing);
            }
            Command::Refer { refer_to, headers } => self.refer(cx, &refer_to, headers),
            Command::Respond { transaction, status, reason, headers } => {
                self.respond_served(cx, transaction, status, &reason, &headers);
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

    /// Sends a request within the dialog; false when there is none.
    pub(super) fn send(
        &mut self,
        cx: &mut DialogContext<'_>,
        method: Method,
        headers: &HeaderLines,
        body: Option<&Body>,
        purpose: Purpose,
    ) -> bool {
        let settings = cx.settings;
        let Some(dialog) = self.active() else {
            return false;
        };
        let (to, mut request) = (dialog.way.destination, dialog.request(method, settings));
        put_lines(&mut request.headers, headers);
        put_body(&mut request, body);
        self.send_request(cx, to, request, purpose);
        true
    }

    pub(super) fn send_request(
        &mut self,
        cx: &mut DialogContext<'_>,
        to: Destination,
        request: Request,
        purpose: Purpose,
    ) -> ClientTx {
        self.send_kept(cx, to, request, purpose, AnsweredChallenges::default())
    }

    fn send_kept(
        &mut self,
        cx: &mut DialogContext<'_>,
        to: Destination,
        mut request: Request,
        purpose: Purpose,
        answered: AnsweredChallenges,
    ) -> ClientTx {
        self.authorise(cx, &mut request);
        let again = self.digest.is_some().then(|| RepeatableRequest {
            to,
            request: request.clone(),
            answered,
        });
        let transaction = cx.ask(to, request);
        self.sent.insert(transaction, Sent { purpose, again });
        transaction
    }

    pub(super) fn send_bye(&mut self, cx: &mut DialogContext<'_>, headers: &HeaderLines) {
        let mut bye = self.dialog.request(Method::BYE, cx.settings);
        put_lines(&mut bye.headers, headers);
        self.send_request(cx, self.dialog.way.destination, bye, Purpose::Nothing);
    }

    /// Asks a challenged request again with credentials (§22.2); `None` when that is in vain.
    pub(super) fn ask_again_with_credentials(
        &mut self,
        cx: &mut DialogContext<'_>,
        sent: &mut Sent,
        response: &Response,
    ) -> Option<ClientTx> {
        let RepeatableRequest { to, mut request, mut answered } = sent.again.take()?;
        if !self.learn(cx, &request, response, &mut answered) {
            return None;
        }
        let tag = request.headers.to_tag().unwrap_or_default().to_owned();
        let dialog = match &mut self.state {
            SessionState::Calling(calling) => calling.dialog(&tag)?,
            SessionState::Ringing(_) | SessionState::Established | SessionState::Over { .. } => {
                &mut self.dialog
            }
        };
        let seq = dialog.local_seq() + 1;
        dialog.raise_local_seq(seq);
        let cseq = format!("{seq} {}", request.method);
        request.headers.set(HeaderName::CSeq, &cseq);
        Some(self.send_kept(cx, to, request, sent.purpose.clone(), answered))
    }

    /// The peer is a trunk that knows us as this.
    pub(super) fn known_as(&mut self, cx: &mut DialogContext<'_>, credentials: TrunkCredentials) {
        let TrunkCredentials { digest, trunk, realms } = credentials;
        cx.realms.entry(trunk.clone()).or_default().join(&realms);
        (self.digest, self.trunk) = (Some(digest), trunk);
    }

    /// Takes in a challenge; true when it is worth asking again.
    pub(super) fn learn(
        &mut self,
        cx: &mut DialogContext<'_>,
        request: &Request,
        response: &Response,
        answered: &mut AnsweredChallenges,
    ) -> bool {
        let (Some(digest), Some(realms)) = (&mut self.digest, cx.realms.get_mut(&self.trunk))
        else {
            return false;
        };
        digest.learn(request, response, answered, realms)
    }

    /// Puts onto a request what the peer has asked for before; an INVITE's is kept for its ACK.
    pub(super) fn authorise(&mut self, cx: &mut DialogContext<'_>, request: &mut Request) {
        let Some(digest) = &mut self.digest else { return };
        digest.authorise(request, cx.random);
        if request.method == Method::INVITE {
            let both = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
            let values = |name: HeaderName| {
                let values: Vec<_> = request.headers.all(name.clone()).map(str::to_owned).collect();
                values.into_iter().map(move |value| (name.clone(), value))
            };
            self.acks_with = both.into_iter().flat_map(values).collect();
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
        response.headers.push(HeaderName::RetryAfter, &seconds.to_string());
        cx.respond(transaction, response);
    }

    /// Sends the ACK of a 2xx and keeps it for the copies of the 2xx.
    pub(super) fn acknowledge(
        &mut self,
        cx: &mut DialogContext<'_>,
        dialog: &DialogIdentity,
        invite: ClientTx,
        seq: u32,
        body: Option<&Body>,
    ) {
        let mut ack = dialog.ack(seq, cx.settings);
        put_lines(&mut ack.headers, &self.acks_with);
        put_body(&mut ack, body);
        let to = dialog.way.destination;
        cx.out.push(Effect::Forward { to, request: ack.clone() });
        if self.acked.len() == ACKED_MAX {
            let oldest = self.acked.remove(0);
            if !self.acked.iter().any(|acked| acked.invite == oldest.invite) {
                cx.forget(oldest.invite);
            }
        }
        cx.owners.clients.insert(invite, cx.leg);
        let (tag, until) = (dialog.remote_tag().to_owned(), cx.now + GIVE_UP);
        self.acked.push(Acked { invite, tag, ack, to, until });
    }

    /// A 2xx to an INVITE that was answered already: a copy gets its ACK again; what another
    /// branch of the fork says gets ACK and BYE (§13.2.2.4).
    pub(super) fn on_late_success(
        &mut self,
        cx: &mut DialogContext<'_>,
        invite: ClientTx,
        response: &Response,
    ) {
        let tag = response.headers.to_tag().unwrap_or_default();
        let same = self.acked.iter().find(|acked| acked.invite == invite && acked.tag == tag);
        if let Some(acked) = same {
            cx.out.push(Effect::Forward { to: acked.to, request: acked.ack.clone() });
            return;
        }
        if let Handshake::AnswerDue { invite: due, .. } = &self.handshake
            && *due == invite
            && self.dialog.remote_tag() == tag
        {
            return; // The answer is on its way from the floor above.
        }
        let Ok((seq, _)) = response.headers.cseq() else {
            return;
        };
        let mut other = self.dialog.with_response(response);
        self.acknowledge(cx, &other, invite, seq, None);
        let bye = other.request(Method::BYE, cx.settings);
        self.send_request(cx, other.way.destination, bye, Purpose::Nothing);
    }

    /// What was asked under this name, once its final answer is here.
    pub(super) fn take_sent(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ClientTx,
    ) -> Option<Sent> {
        cx.forget(transaction);
        self.sent.remove(&transaction)
    }

    /// The floor above answers the offer in a 2xx, or ends the leg without.
    pub(super) fn answer_due(&mut self, cx: &mut DialogContext<'_>, body: Option<Body>) {
        if let Handshake::AnswerDue { invite, seq } = self.handshake {
            self.handshake = Handshake::Done;
            let dialog = self.dialog.clone();
            self.acknowledge(cx, &dialog, invite, seq, body.as_ref());
            if body.is_some() {
                self.last_body = body;
            }
            self.next_change(cx);
        }
    }

    /// The ACK of our 2xx. Nobody can be asked to prove one (§22.1). One from elsewhere counts, for it may
    /// come past a proxy that stays out of the way; but not where it has to bring an answer, which says
    /// where sound and picture go.
    pub fn on_ack(&mut self, cx: &mut DialogContext<'_>, believed: bool, ack: &Request) {
        let seq = ack.headers.cseq().map(|(number, _)| number).ok();
        match &self.handshake {
            Handshake::AckDue(due) if due.wants_answer && !believed => {}
            Handshake::AckDue(due) if Some(due.seq) == seq => {
                let body = description_of(&ack.headers, &ack.body);
                self.acked_by_peer(cx, body);
            }
            Handshake::AckDue(_) | Handshake::AnswerDue { .. } | Handshake::Done => {}
        }
    }

    /// The peer has our 2xx: its ACK came, or something that it sends only after it.
    pub(super) fn acked_by_peer(&mut self, cx: &mut DialogContext<'_>, body: Option<Body>) {
        let Handshake::AckDue(due) = std::mem::replace(&mut self.handshake, Handshake::Done) else {
            return;
        };
        let body = body.filter(|_| due.wants_answer);
        match &mut self.state {
            SessionState::Over { bye, .. } => {
                if let Some(headers) = bye.take() {
                    self.send_bye(cx, &headers);
                }
            }
            SessionState::Established | SessionState::Calling(_) | SessionState::Ringing(_) => {
                match body {
                    body if due.first => cx.tell(Event::Confirmed { body }),
                    Some(body) => cx.tell(Event::ReofferConfirmed { body }),
                    None => {}
                }
                self.next_change(cx);
            }
        }
    }

    /// Ends the leg, whatever its state demands.
    fn end(&mut self, cx: &mut DialogContext<'_>, reason: Option<String>) {
        match &self.state {
            SessionState::Calling(calling) => {
                let invite = calling.invite();
                cx.out.push(Effect::Cancel { transaction: invite, reason });
                self.finish(cx, Cause::NormalClearing, EndingSide::Us, None);
                self.state = SessionState::Over { invite: Some(invite), bye: None };
            }
            SessionState::Ringing(_) => {
                let headers = reason.map(|reason| (HeaderName::Reason, reason));
                self.reject(cx, Cause::NormalClearing.status(), "", &headers.into_iter().collect());
            }
            SessionState::Established => {
                self.hang_up(cx, reason);
                self.finish(cx, Cause::NormalClearing, EndingSide::Us, None);
            }
            SessionState::Over { .. } => {}
        }
    }

    /// BYE, now or after the ACK; the caller of this finishes.
    fn hang_up(&mut self, cx: &mut DialogContext<'_>, reason: Option<String>) {
        let headers: HeaderLines =
            reason.map(|reason| (HeaderName::Reason, reason)).into_iter().collect();
        self.drop_changes(cx);
        // §13.2.2.4: a 2xx gets its ACK even when the session is unwanted.
        self.answer_due(cx, None);
        match &self.handshake {
            Handshake::AckDue(due) if due.first => {
                self.state = SessionState::Over { invite: None, bye: Some(headers) };
            }
            Handshake::AckDue(_) | Handshake::Done | Handshake::AnswerDue { .. } => {
                self.handshake = Handshake::Done;
                self.send_bye(cx, &headers);
            }
        }
    }

    /// The session ends by a timer, or because the peer does not know it: BYE in any case (RFC
    /// 3261 §12.2.1.2, RFC 4028 §10).
    pub(super) fn give_up(&mut self, cx: &mut DialogContext<'_>, cause: Cause, by: EndingSide) {
        if matches!(self.state, SessionState::Established) {
            self.handshake = Handshake::Done;
            let headers = vec![(HeaderName::Reason, cause.reason())];
            self.send_bye(cx, &headers);
            self.finish(cx, cause, by, None);
        }
    }

    /// Tells the floor above, refuses what is unanswered, and stops all that only a living session
    /// needs.
    pub(super) fn finish(
        &mut self,
        cx: &mut DialogContext<'_>,
        cause: Cause,
        by: EndingSide,
        reason: Option<String>,
    ) {
        for (transaction, request) in std::mem::take(&mut self.served) {
            self.reply(cx, transaction, &request, 481);
        }
        self.drop_changes(cx);
        self.timer.stop();
        if !self.is_over() {
            self.state = SessionState::Over { invite: None, bye: None };
        }
        cx.tell(Event::Ended { cause, by, reason });
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    pub fn deadline(&self) -> Option<Instant> {
        let changes = self.changes.deadline();
        let state = match &self.state {
            SessionState::Ringing(ringing) => earliest(ringing.deadline(), changes),
            SessionState::Established => earliest(self.timer.deadline(), changes),
            SessionState::Calling(calling) => earliest(calling.deadline(), changes),
            SessionState::Over { .. } => None,
        };
        let handshake = match &self.handshake {
            Handshake::AckDue(due) => Some(due.repeat.at().min(due.give_up)),
            Handshake::Done | Handshake::AnswerDue { .. } => None,
        };
        let acked = self.acked.iter().map(|acked| acked.until).min();
        earliest(earliest(state, handshake), acked)
    }

    /// Does what is due.
    pub fn tick(&mut self, cx: &mut DialogContext<'_>) {
        self.forget_acks(cx);
        self.tick_handshake(cx);
        match &self.state {
            SessionState::Ringing(_) => {
                self.tick_ringing(cx);
                self.tick_changes(cx);
            }
            SessionState::Established => {
                match self.timer.tick(cx.now) {
                    Some(TimerDue::Refresh) => self.refresh(cx),
                    Some(TimerDue::Expired) => self.give_up(cx, Cause::Lost, EndingSide::Timer),
                    None => {}
                }
                self.tick_changes(cx);
            }
            SessionState::Calling(_) => {
                self.tick_calling(cx);
                self.tick_changes(cx);
            }
            SessionState::Over { .. } => {}
        }
    }

    fn forget_acks(&mut self, cx: &mut DialogContext<'_>) {
        let now = cx.now;
        for gone in self.acked.extract_if(.., |acked| acked.until <= now) {
            cx.forget(gone.invite);
        }
    }

    fn tick_handshake(&mut self, cx: &mut DialogContext<'_>) {
        let Handshake::AckDue(due) = &mut self.handshake else {
            return;
        };
        if cx.now >= due.give_up {
            self.handshake = Handshake::Done;
            match &mut self.state {
                // §13.3.1.4: no ACK, so BYE.
                SessionState::Over { bye, .. } => {
                    if let Some(headers) = bye.take() {
                        self.send_bye(cx, &headers);
                    }
                }
                SessionState::Established | SessionState::Calling(_) | SessionState::Ringing(_) => {
                    self.give_up(cx, Cause::Lost, EndingSide::Timer);
                }
            }
        } else if cx.now >= due.repeat.at() {
            due.repeat = due.repeat.next();
            let (transaction, response) = (due.transaction, due.response.clone());
            cx.out.push(Effect::Respond { transaction, response });
        }
    }

    /// Starts to repeat a 2xx of ours.
    pub(super) fn repeat_until_ack(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ServerTx,
        response: Response,
        wants_answer: bool,
        first: bool,
    ) {
        let seq = response.headers.cseq().map_or(0, |(number, _)| number);
        let repeat = Repeat::new(cx.now, T1, T2);
        let give_up = cx.now + GIVE_UP;
        cx.respond(transaction, response.clone());
        let due = AckDue { transaction, seq, response, repeat, give_up, wants_answer, first };
        self.handshake = Handshake::AckDue(Box::new(due));
    }
}

/// The value of the peer's Reason header.
pub fn reason_of(headers: &Headers) -> Option<String> {
    headers.get(HeaderName::Reason).map(str::to_owned)
}
