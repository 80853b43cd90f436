//! An INVITE without its end as a row: the INVITE whole, and what was said to it, in SIP's own words.

use super::fault::{PartyFault, few, need};
use super::saved_invite::{SavedCredit, SavedInvite};
use super::words::{self, CSEQ_MAX, FORKS_MAX, is_default};
use crate::dialog::{
    Body, ClientTx, DialogKey, OfferOwner, SavedAnswer, SavedCalling, SavedFork, SavedPhase,
    SavedProvisional, SavedRepeat, SavedRingingInvite, ServerTx, StoredDialog,
};
use crate::sip::{
    self, AnsweredChallenges, HeaderName, Message, Method, NameAddr, Request, Response,
};
use crate::transaction::{
    ClientId, SavedClientInvite, SavedClientState, SavedServerInvite, SavedServerState, ServerId,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// So often an INVITE is sent anew.
const RETRIES_MAX: u32 = 3;
/// The most 1xx that wait behind another.
const QUEUED_MAX: usize = 8;
/// The name of a transaction is no higher.
const TRANSACTION_MAX: u64 = 1 << 62;
/// The number of a branch is no higher: each is one response.
const FORK_MAX: usize = 1 << 31;
/// What is asked of ourselves has its Via from the transport.
const VIA: &str = "Via: SIP/2.0/UDP cordboard.invalid\r\n";

/// How far a dialog is.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseRow<'a> {
    /// All is answered and acknowledged.
    #[default]
    Established,
    /// Our 2xx waits for its ACK.
    Answered(#[serde(borrow)] AnsweredRow<'a>),
    /// Their INVITE waits.
    Ringing(Box<RingingInviteRow<'a>>),
    /// Our INVITE waits.
    Calling(Box<CallingRow<'a>>),
}

/// A 2xx of ours that waits for its ACK.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct AnsweredRow<'a> {
    invite: u64,
    response: Cow<'a, str>,
    repeat: RepeatRow,
    #[serde(skip_serializing_if = "is_default")]
    wants_answer: bool,
    #[serde(skip_serializing_if = "is_default")]
    first: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct RepeatRow {
    at: u64,
    until: u64,
}

/// An INVITE that came.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct RingingInviteRow<'a> {
    invite: u64,
    request: Cow<'a, str>,
    next_rseq: u32,
    /// The reliable 1xx that waits for its PRACK.
    #[serde(skip_serializing_if = "is_default")]
    reliable: Option<ReliableRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    queue: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    said: Option<ProvisionalRow<'a>>,
    offer: OfferRow,
    #[serde(skip_serializing_if = "is_default")]
    accept: Option<AcceptRow<'a>>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct ReliableRow<'a> {
    response: Cow<'a, str>,
    repeat: RepeatRow,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct ProvisionalRow<'a> {
    /// Where it is another than the reliable one, or that as it would go unreliably.
    #[serde(skip_serializing_if = "is_default")]
    response: Option<Cow<'a, str>>,
    again: u64,
}

/// What goes into the 2xx, once the PRACK is there.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct AcceptRow<'a> {
    #[serde(skip_serializing_if = "is_default")]
    body: Option<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(skip_serializing_if = "is_default")]
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OfferRow {
    #[default]
    Wanted,
    Ours,
    Theirs,
    Settled,
}

/// An INVITE of ours.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct CallingRow<'a> {
    invite: u64,
    request: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    retries: u32,
    #[serde(skip_serializing_if = "is_default")]
    answered: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(skip_serializing_if = "is_default")]
    silent_until: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    forks: Vec<ForkRow<'a>>,
    next_fork: usize,
    offer: OfferRow,
}

/// An early dialog; Call-ID and our address are those of the INVITE.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct ForkRow<'a> {
    number: usize,
    remote: Cow<'a, str>,
    target: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    routes: Vec<Cow<'a, str>>,
    hop: Cow<'a, str>,
    /// No request of ours has had a higher one.
    local_cseq: u32,
    #[serde(skip_serializing_if = "is_default")]
    remote_cseq: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    spoke: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    allows_update: bool,
    #[serde(skip_serializing_if = "is_default")]
    rseq: Option<u32>,
}

/// An INVITE without its end, below its dialog.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InviteRow<'a> {
    /// It came.
    Theirs {
        /// Where its responses go.
        #[serde(borrow)]
        to: Cow<'a, str>,
        /// What it has got.
        state: ServerStateRow<'a>,
    },
    /// It was sent.
    Ours {
        /// Where to.
        to: Cow<'a, str>,
        /// Its Via.
        via: Cow<'a, str>,
        /// When it is given up.
        silent_until: u64,
        /// Nothing was said to it.
        #[serde(default, skip_serializing_if = "is_default")]
        unheard: bool,
        /// When it is sent again, while that is so.
        #[serde(default, skip_serializing_if = "is_default")]
        again: Option<u64>,
        /// Where it goes when no stream comes about.
        #[serde(default, skip_serializing_if = "is_default")]
        fallback: Option<Cow<'a, str>>,
    },
}

/// What an INVITE that came has got.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerStateRow<'a> {
    /// Nothing; a 100 at this moment.
    Unsaid(u64),
    /// The last 1xx of its dialog.
    Said,
    /// Another.
    SaidOther(#[serde(borrow)] Cow<'a, str>),
    /// A 2xx; copies come until then.
    Accepted(u64),
}

/// What may be sent to who has proved nothing.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct CreditRow<'a> {
    remote: Cow<'a, str>,
    received: usize,
    sent: usize,
    room: usize,
    until: u64,
}

impl<'a> PhaseRow<'a> {
    /// Of this phase.
    #[must_use]
    pub fn of(saved: &'a SavedPhase) -> Self {
        match saved {
            SavedPhase::Established => Self::Established,
            SavedPhase::Answered(answer) => {
                let SavedAnswer { invite, response, repeat, wants_answer, first } = &**answer;
                Self::Answered(AnsweredRow {
                    invite: invite.0,
                    response: response_text(response),
                    repeat: RepeatRow::of(*repeat),
                    wants_answer: *wants_answer,
                    first: *first,
                })
            }
            SavedPhase::Ringing(ringing) => Self::Ringing(Box::new(RingingInviteRow::of(ringing))),
            SavedPhase::Calling(calling) => Self::Calling(Box::new(CallingRow::of(calling))),
        }
    }

    /// The phase of a dialog in which this is our address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self, local: &NameAddr, call_id: &str) -> Result<SavedPhase, PartyFault> {
        Ok(match self {
            Self::Established => SavedPhase::Established,
            Self::Answered(row) => SavedPhase::Answered(Box::new(SavedAnswer {
                invite: read_server(row.invite)?,
                response: read_response(&row.response)?,
                repeat: row.repeat.read(),
                wants_answer: row.wants_answer,
                first: row.first,
            })),
            Self::Ringing(row) => SavedPhase::Ringing(Box::new(row.read()?)),
            Self::Calling(row) => SavedPhase::Calling(Box::new(row.read(local, call_id)?)),
        })
    }
}

impl RepeatRow {
    fn of(SavedRepeat { at, until }: SavedRepeat) -> Self {
        Self { at: words::moment(at), until: words::moment(until) }
    }

    fn read(self) -> SavedRepeat {
        let Self { at, until } = self;
        SavedRepeat { at: words::read_moment(at), until: words::read_moment(until) }
    }
}

impl OfferRow {
    fn of(offer: OfferOwner) -> Self {
        match offer {
            OfferOwner::Wanted => Self::Wanted,
            OfferOwner::Ours => Self::Ours,
            OfferOwner::Theirs => Self::Theirs,
            OfferOwner::Settled => Self::Settled,
        }
    }

    fn read(self) -> OfferOwner {
        match self {
            Self::Wanted => OfferOwner::Wanted,
            Self::Ours => OfferOwner::Ours,
            Self::Theirs => OfferOwner::Theirs,
            Self::Settled => OfferOwner::Settled,
        }
    }
}

impl<'a> RingingInviteRow<'a> {
    fn of(saved: &'a SavedRingingInvite) -> Self {
        let reliable = saved.unacknowledged.as_ref();
        let plain = reliable.map(|(response, _)| unreliable(response));
        let said = saved.said.as_ref().map(|SavedProvisional { response, again }| ProvisionalRow {
            response: (plain.as_ref() != Some(response)).then(|| response_text(response)),
            again: words::moment(*again),
        });
        let reliable = reliable.map(|(response, repeat)| ReliableRow {
            response: response_text(response),
            repeat: RepeatRow::of(*repeat),
        });
        let accept = saved.accept.as_ref().map(|(body, headers)| AcceptRow {
            body: body
                .as_ref()
                .map(|body| ((*body.content_type).into(), String::from_utf8_lossy(&body.bytes))),
            headers: words::lines(headers),
        });
        Self {
            invite: saved.invite.0,
            request: request_text(&saved.request),
            next_rseq: saved.next_rseq,
            reliable,
            queue: saved.queue.iter().map(response_text).collect(),
            said,
            offer: OfferRow::of(saved.offer),
            accept,
        }
    }

    fn read(self) -> Result<SavedRingingInvite, PartyFault> {
        let request = match sip::parse(self.request.as_bytes()) {
            Ok(Message::Request(request)) if request.method == Method::INVITE => Some(request),
            Ok(Message::Request(_) | Message::Response(_)) | Err(_) => None,
        };
        let reliable = |row: ReliableRow<'_>| -> Result<_, PartyFault> {
            Ok((read_response(&row.response)?, row.repeat.read()))
        };
        let unacknowledged = self.reliable.map(reliable).transpose()?;
        let said = |row: ProvisionalRow<'_>| -> Result<_, PartyFault> {
            let response = match (row.response, &unacknowledged) {
                (Some(text), _) => Some(read_response(&text)?),
                (None, Some((response, _))) => Some(unreliable(response)),
                (None, None) => None,
            };
            Ok(SavedProvisional {
                response: need("dialog.phase.said", "a response", response)?,
                again: words::read_moment(row.again),
            })
        };
        let accept = |row: AcceptRow<'_>| -> Result<_, PartyFault> {
            let body = |(content_type, text): (Cow<'_, str>, Cow<'_, str>)| {
                let content_type = words::read_line("dialog.phase.accept", content_type)?.into();
                Ok(Body { content_type, bytes: text.as_bytes().into() })
            };
            Ok((
                row.body.map(body).transpose()?,
                words::read_lines("dialog.phase.accept", row.headers)?,
            ))
        };
        let queue = few("dialog.phase.queue", self.queue, QUEUED_MAX)?;
        Ok(SavedRingingInvite {
            invite: read_server(self.invite)?,
            request: need("dialog.phase.request", "an INVITE", request)?,
            said: self.said.map(said).transpose()?,
            next_rseq: self.next_rseq,
            unacknowledged,
            queue: queue.iter().map(|text| read_response(text)).collect::<Result<_, _>>()?,
            offer: self.offer.read(),
            accept: self.accept.map(accept).transpose()?,
        })
    }
}

impl<'a> CallingRow<'a> {
    fn of(saved: &'a SavedCalling) -> Self {
        let answered = saved.answered.all().iter();
        Self {
            invite: saved.invite.0,
            request: request_text(&saved.request),
            retries: saved.retries,
            answered: answered.map(|(name, realm)| (name.as_str().into(), realm.into())).collect(),
            silent_until: saved.silent_until.map(words::moment),
            forks: saved.forks.iter().map(ForkRow::of).collect(),
            next_fork: saved.next_fork,
            offer: OfferRow::of(saved.offer),
        }
    }

    fn read(self, local: &NameAddr, call_id: &str) -> Result<SavedCalling, PartyFault> {
        let invite = Some(ClientTx(self.invite)).filter(|invite| invite.0 <= TRANSACTION_MAX);
        let forks = few("dialog.phase.forks", self.forks, FORKS_MAX)?;
        let forks = forks.into_iter().map(|fork| fork.read(local, call_id));
        let next_fork = Some(self.next_fork).filter(|next| *next <= FORK_MAX);
        let answered = words::read_lines("dialog.phase.answered", self.answered)?;
        Ok(SavedCalling {
            invite: need("dialog.phase.invite", "below 2^62", invite)?,
            request: need("dialog.phase.request", "an INVITE", read_ours(&self.request))?,
            retries: self.retries.min(RETRIES_MAX),
            answered: AnsweredChallenges::of(answered),
            silent_until: self.silent_until.map(words::read_moment),
            forks: forks.collect::<Result<_, _>>()?,
            next_fork: need("dialog.phase.next_fork", "below 2^31", next_fork)?,
            offer: self.offer.read(),
        })
    }
}

impl<'a> ForkRow<'a> {
    fn of(saved: &'a SavedFork) -> Self {
        let StoredDialog { remote, target, routes, local_cseq, hop, .. } = &saved.dialog;
        Self {
            number: saved.number,
            remote: remote.to_string().into(),
            target: target.as_str().into(),
            routes: routes.iter().map(|route| route.as_str().into()).collect(),
            hop: words::hop(hop).into(),
            local_cseq: words::ahead(*local_cseq).min(CSEQ_MAX),
            remote_cseq: saved.remote_cseq,
            spoke: saved.spoke.as_ref().map(|flow| words::flow(flow).into()),
            allows_update: saved.allows_update,
            rseq: saved.rseq,
        }
    }

    fn read(self, local: &NameAddr, call_id: &str) -> Result<SavedFork, PartyFault> {
        let flow = |text: Cow<'_, str>| words::read_flow("dialog.phase.forks.spoke", &text);
        let key = DialogKey {
            call_id: call_id.to_owned(),
            local_tag: local.tag().unwrap_or_default().to_owned(),
        };
        let number = Some(self.number).filter(|number| *number <= FORK_MAX);
        let cseq = words::read_cseq("dialog.phase.forks.local_cseq", self.local_cseq)?;
        Ok(SavedFork {
            number: need("dialog.phase.forks.number", "below 2^31", number)?,
            dialog: StoredDialog {
                key,
                local: local.clone(),
                remote: words::read_address("dialog.phase.forks.remote", &self.remote)?,
                target: words::read_uri("dialog.phase.forks.target", &self.target)?,
                routes: words::read_uris("dialog.phase.forks.routes", self.routes)?,
                local_cseq: cseq,
                hop: words::read_hop("dialog.phase.forks.hop", &self.hop)?,
            },
            remote_cseq: self.remote_cseq,
            spoke: self.spoke.map(flow).transpose()?,
            allows_update: self.allows_update,
            rseq: self.rseq,
        })
    }
}

impl<'a> InviteRow<'a> {
    /// Of this INVITE, whose dialog is so far.
    #[must_use]
    pub fn of(saved: &'a SavedInvite, phase: &SavedPhase) -> Self {
        match saved {
            SavedInvite::Theirs(SavedServerInvite { to, state, .. }) => {
                let state = match state {
                    SavedServerState::Unsaid { trying_at, .. } => {
                        ServerStateRow::Unsaid(words::moment(*trying_at))
                    }
                    SavedServerState::Said(response) if last_said(phase) == Some(response) => {
                        ServerStateRow::Said
                    }
                    SavedServerState::Said(response) => {
                        ServerStateRow::SaidOther(response_text(response))
                    }
                    SavedServerState::Accepted { until } => {
                        ServerStateRow::Accepted(words::moment(*until))
                    }
                };
                Self::Theirs { to: words::hop(to).into(), state }
            }
            SavedInvite::Ours(SavedClientInvite { via, to, fallback, state, .. }) => {
                let (to, via) = (words::hop(to).into(), via.into());
                let (silent_until, unheard, again) = match *state {
                    SavedClientState::Unheard { again, until } => (until, true, again),
                    SavedClientState::Proceeding { silent_until } => (silent_until, false, None),
                };
                let silent_until = words::moment(silent_until);
                let fallback = fallback.as_ref().map(|to| words::hop(to).into());
                let again = again.map(words::moment);
                Self::Ours { to, via, silent_until, unheard, again, fallback }
            }
        }
    }

    /// The INVITE of a dialog that is so far.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self, phase: &SavedPhase) -> Result<SavedInvite, PartyFault> {
        let invite = match (self, phase) {
            (Self::Theirs { to, state }, SavedPhase::Ringing(ringing)) => {
                let state = match state {
                    ServerStateRow::Unsaid(at) => {
                        let invite = Box::new(ringing.request.clone());
                        let trying_at = words::read_moment(at);
                        Some(SavedServerState::Unsaid { invite, trying_at })
                    }
                    ServerStateRow::Said => last_said(phase)
                        .map(|response| SavedServerState::Said(Box::new(response.clone()))),
                    ServerStateRow::SaidOther(text) => {
                        Some(SavedServerState::Said(Box::new(read_response(&text)?)))
                    }
                    ServerStateRow::Accepted(_) => None,
                };
                let to = words::read_hop("invite.to", &to)?;
                let id = ServerId(ringing.invite.0);
                state.map(|state| SavedInvite::Theirs(SavedServerInvite { id, to, state }))
            }
            (
                Self::Theirs { to, state: ServerStateRow::Accepted(until) },
                SavedPhase::Answered(answer),
            ) => {
                let to = words::read_hop("invite.to", &to)?;
                let state = SavedServerState::Accepted { until: words::read_moment(until) };
                let id = ServerId(answer.invite.0);
                Some(SavedInvite::Theirs(SavedServerInvite { id, to, state }))
            }
            (
                Self::Ours { to, via, silent_until, unheard, again, fallback },
                SavedPhase::Calling(calling),
            ) => {
                let silent_until = words::read_moment(silent_until);
                let state = if unheard {
                    let again = again.map(words::read_moment);
                    SavedClientState::Unheard { again, until: silent_until }
                } else {
                    SavedClientState::Proceeding { silent_until }
                };
                Some(SavedInvite::Ours(SavedClientInvite {
                    id: ClientId(calling.invite.0),
                    via: words::read_line("invite.via", via)?,
                    to: words::read_hop("invite.to", &to)?,
                    fallback: fallback
                        .map(|to| words::read_hop("invite.fallback", &to))
                        .transpose()?,
                    state,
                }))
            }
            (Self::Theirs { .. }, SavedPhase::Answered(_))
            | (Self::Theirs { .. }, SavedPhase::Established | SavedPhase::Calling(_))
            | (
                Self::Ours { .. },
                SavedPhase::Established | SavedPhase::Answered(_) | SavedPhase::Ringing(_),
            ) => None,
        };
        need("invite", "that of the dialog", invite)
    }
}

impl<'a> CreditRow<'a> {
    /// Of this account.
    #[must_use]
    pub fn of(saved: &SavedCredit) -> Self {
        let SavedCredit { remote, received, sent, room, until } = *saved;
        let (remote, until) = (remote.to_string().into(), words::moment(until));
        Self { remote, received, sent, room, until }
    }

    /// The account.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self) -> Result<SavedCredit, PartyFault> {
        let Self { remote, received, sent, room, until } = self;
        let remote = need("credit.remote", "an address and a port", remote.parse().ok())?;
        Ok(SavedCredit { remote, received, sent, room, until: words::read_moment(until) })
    }
}

/// What was said last to an INVITE that rings: to its dialog's knowledge.
fn last_said(phase: &SavedPhase) -> Option<&Response> {
    let SavedPhase::Ringing(ringing) = phase else { return None };
    let reliable = ringing.unacknowledged.as_ref().map(|(response, _)| response);
    reliable.or_else(|| ringing.said.as_ref().map(|said| &said.response))
}

/// A reliable 1xx as it would be sent unreliably.
fn unreliable(response: &Response) -> Response {
    let mut response = response.clone();
    response.headers.remove(HeaderName::RSeq);
    if response.headers.get(HeaderName::Require) == Some("100rel") {
        response.headers.remove(HeaderName::Require);
    }
    response
}

fn read_server(invite: u64) -> Result<ServerTx, PartyFault> {
    let invite = Some(ServerTx(invite)).filter(|invite| invite.0 <= TRANSACTION_MAX);
    need("dialog.phase.invite", "below 2^62", invite)
}

/// A message as text: what is no UTF-8 in its body is replaced, and its length is that of the text.
fn text(message: Message) -> Cow<'static, str> {
    let mut text = Vec::new();
    sip::print(&message, &mut text);
    String::from_utf8_lossy(&text).into_owned().into()
}

fn request_text(request: &Request) -> Cow<'static, str> {
    let mut request = request.clone();
    if let Cow::Owned(body) = String::from_utf8_lossy(&request.body) {
        request.body = body.as_bytes().into();
    }
    text(Message::Request(request))
}

fn response_text(response: &Response) -> Cow<'static, str> {
    let mut response = response.clone();
    if let Cow::Owned(body) = String::from_utf8_lossy(&response.body) {
        response.body = body.as_bytes().into();
    }
    text(Message::Response(response))
}

fn read_response(text: &str) -> Result<Response, PartyFault> {
    let response = match sip::parse(text.as_bytes()) {
        Ok(Message::Response(response)) => Some(response),
        Ok(Message::Request(_)) | Err(_) => None,
    };
    need("dialog.phase", "a response", response)
}

/// An INVITE of ours, that has no Via yet.
fn read_ours(text: &str) -> Option<Request> {
    let (start, rest) = text.split_at(text.find('\n')? + 1);
    match sip::parse(format!("{start}{VIA}{rest}").as_bytes()).ok()? {
        Message::Request(mut invite) if invite.method == Method::INVITE => {
            invite.headers.remove(HeaderName::Via);
            Some(invite)
        }
        Message::Request(_) | Message::Response(_) => None,
    }
}
