//! A dialog as a row: what names it, and where its requests go (RFC 3261 §12).

use super::early::PhaseRow;
use super::fault::{PartyFault, few, need};
use super::words::{self, CSEQ_MAX, is_default};
use crate::dialog::{
    Body, ClientTx, DialogKey, DialogRole, RefreshingSide, SavedAck, SavedChange, SavedDialog,
    SavedLogin, SavedTimer, StoredDialog, Why,
};
use crate::ids::LegId;
use crate::sip::digest::Challenge;
use crate::sip::{self, HeaderName, KnownChallenge, Message, Method, Realms, Request};
use crate::time::UnixTime;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// The most names of realms or hosts, of challenges, of ACKs and of header lines.
const LIST_MAX: usize = 32;
/// The name of a transaction is no higher.
const TRANSACTION_MAX: u64 = 1 << 62;

/// A dialog.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct DialogRow<'a> {
    #[serde(borrow)]
    call_id: Cow<'a, str>,
    role: RoleRow,
    #[serde(skip_serializing_if = "is_default")]
    phase: PhaseRow<'a>,
    local: Cow<'a, str>,
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
    contact: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    allows_update: bool,
    #[serde(skip_serializing_if = "is_default")]
    recv_info: Option<Cow<'a, str>>,
    session_timer: TimerRow,
    #[serde(skip_serializing_if = "is_default")]
    is_reported_to: bool,
    #[serde(skip_serializing_if = "is_default")]
    late_prack: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    last_body: Option<BodyRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    changes: Vec<ChangeRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    acks: Vec<AckRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    login: Option<LoginRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    ack_credentials: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum RoleRow {
    #[default]
    Callee,
    Caller,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct TimerRow {
    secs: u32,
    min_se: u32,
    #[serde(skip_serializing_if = "is_default")]
    refresher: Option<RefresherRow>,
    #[serde(skip_serializing_if = "is_default")]
    refresh_at: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    ends: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum RefresherRow {
    Us,
    Peer,
}

/// What a re-INVITE that changes nothing repeats.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum BodyRow<'a> {
    /// The description that we said last.
    Said,
    /// Another body, of this type.
    Other(Cow<'a, str>, Cow<'a, str>),
}

/// What we ask for once more.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct ChangeRow<'a> {
    why: WhyRow,
    #[serde(borrow, skip_serializing_if = "is_default")]
    body: Option<BodyRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(skip_serializing_if = "is_default")]
    reinvite: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum WhyRow {
    Reinvite,
    Update,
    Inform,
    #[default]
    Refresh,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct AckRow<'a> {
    invite: u64,
    tag: Cow<'a, str>,
    to: Cow<'a, str>,
    until: u64,
    ack: Cow<'a, str>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct LoginRow<'a> {
    trunk: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    only: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    hosts: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    named: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    known: Vec<ChallengeRow<'a>>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct ChallengeRow<'a> {
    #[serde(skip_serializing_if = "is_default")]
    proxy: bool,
    challenge: Cow<'a, str>,
    /// The nonce was not used more often.
    count: u32,
}

impl<'a> DialogRow<'a> {
    /// Of this dialog, whose leg said this last.
    #[must_use]
    pub fn of(saved: &'a SavedDialog, said: Option<&Arc<str>>) -> Self {
        let SavedDialog { dialog, ack_credentials, .. } = saved;
        Self {
            call_id: (&dialog.key.call_id).into(),
            role: match saved.role {
                DialogRole::Caller => RoleRow::Caller,
                DialogRole::Callee => RoleRow::Callee,
            },
            phase: PhaseRow::of(&saved.phase),
            local: dialog.local.to_string().into(),
            remote: dialog.remote.to_string().into(),
            target: dialog.target.as_str().into(),
            routes: dialog.routes.iter().map(|route| route.as_str().into()).collect(),
            hop: words::hop(&dialog.hop).into(),
            local_cseq: words::ahead(dialog.local_cseq).min(CSEQ_MAX),
            remote_cseq: saved.remote_cseq,
            spoke: saved.spoke.as_ref().map(|flow| words::flow(flow).into()),
            contact: (&saved.contact).into(),
            allows_update: saved.allows_update,
            recv_info: saved.recv_info.as_deref().map(Cow::from),
            session_timer: TimerRow::of(saved.timer),
            is_reported_to: saved.is_reported_to,
            late_prack: saved.late_prack,
            last_body: saved.last_body.as_ref().map(|body| BodyRow::of(body, said)),
            changes: saved.changes.iter().map(|change| ChangeRow::of(change, said)).collect(),
            acks: saved.acks.iter().map(AckRow::of).collect(),
            login: saved.login.as_ref().map(LoginRow::of),
            ack_credentials: words::lines(ack_credentials),
        }
    }

    /// The dialog of this leg, which said this last.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self, leg: LegId, said: Option<&Arc<str>>) -> Result<SavedDialog, PartyFault> {
        let local = words::read_name_addr("dialog.local", &self.local)?;
        let key = DialogKey {
            call_id: words::read_line("dialog.call_id", self.call_id)?,
            local_tag: local.tag().unwrap_or_default().to_owned(),
        };
        let phase = self.phase.read(&local, &key.call_id)?;
        let dialog = StoredDialog {
            key,
            local,
            remote: words::read_address("dialog.remote", &self.remote)?,
            target: words::read_uri("dialog.target", &self.target)?,
            routes: words::read_uris("dialog.routes", self.routes)?,
            local_cseq: words::read_cseq("dialog.local_cseq", self.local_cseq)?,
            hop: words::read_hop("dialog.hop", &self.hop)?,
        };
        let flow = |text: Cow<'_, str>| words::read_flow("dialog.spoke", &text);
        let line = |text: Cow<'_, str>| words::read_line("dialog.recv_info", text);
        let acks = few("dialog.acks", self.acks, LIST_MAX)?;
        let changes = few("dialog.changes", self.changes, LIST_MAX)?;
        Ok(SavedDialog {
            leg,
            dialog,
            phase,
            role: match self.role {
                RoleRow::Caller => DialogRole::Caller,
                RoleRow::Callee => DialogRole::Callee,
            },
            remote_cseq: self.remote_cseq,
            spoke: self.spoke.map(flow).transpose()?,
            contact: words::read_line("dialog.contact", self.contact)?,
            allows_update: self.allows_update,
            recv_info: self.recv_info.map(line).transpose()?,
            timer: self.session_timer.read(),
            is_reported_to: self.is_reported_to,
            late_prack: self.late_prack,
            last_body: self.last_body.map(|body| body.read(said)).transpose()?,
            changes: changes.into_iter().map(|row| row.read(said)).collect::<Result<_, _>>()?,
            acks: acks.into_iter().map(AckRow::read).collect::<Result<_, _>>()?,
            login: self.login.map(LoginRow::read).transpose()?,
            ack_credentials: words::read_lines("dialog.ack_credentials", self.ack_credentials)?,
        })
    }
}

impl TimerRow {
    fn of(saved: SavedTimer) -> Self {
        let SavedTimer { seconds, min_se, refresher, refresh_at, ends } = saved;
        let refresher = refresher.map(|side| match side {
            RefreshingSide::Us => RefresherRow::Us,
            RefreshingSide::Peer => RefresherRow::Peer,
        });
        let moment = |at: Option<UnixTime>| at.map(words::moment);
        let (refresh_at, ends) = (moment(refresh_at), moment(ends));
        Self { secs: seconds, min_se, refresher, refresh_at, ends }
    }

    fn read(self) -> SavedTimer {
        let Self { secs, min_se, refresher, refresh_at, ends } = self;
        let refresher = refresher.map(|side| match side {
            RefresherRow::Us => RefreshingSide::Us,
            RefresherRow::Peer => RefreshingSide::Peer,
        });
        let moment = |at: Option<u64>| at.map(words::read_moment);
        let (refresh_at, ends) = (moment(refresh_at), moment(ends));
        SavedTimer { seconds: secs, min_se, refresher, refresh_at, ends }
    }
}

impl<'a> ChangeRow<'a> {
    fn of(saved: &'a SavedChange, said: Option<&Arc<str>>) -> Self {
        let SavedChange { why, body, headers, reinvite } = saved;
        Self {
            why: match why {
                Why::Reinvite => WhyRow::Reinvite,
                Why::Update => WhyRow::Update,
                Why::Inform => WhyRow::Inform,
                Why::Refresh => WhyRow::Refresh,
            },
            body: body.as_ref().map(|body| BodyRow::of(body, said)),
            headers: words::lines(headers),
            reinvite: *reinvite,
        }
    }

    fn read(self, said: Option<&Arc<str>>) -> Result<SavedChange, PartyFault> {
        Ok(SavedChange {
            why: match self.why {
                WhyRow::Reinvite => Why::Reinvite,
                WhyRow::Update => Why::Update,
                WhyRow::Inform => Why::Inform,
                WhyRow::Refresh => Why::Refresh,
            },
            body: self.body.map(|body| body.read(said)).transpose()?,
            headers: words::read_lines("dialog.changes.headers", self.headers)?,
            reinvite: self.reinvite,
        })
    }
}

impl<'a> BodyRow<'a> {
    fn of(body: &'a Body, said: Option<&Arc<str>>) -> Self {
        if said.is_some_and(|said| *body == Body::sdp(Arc::clone(said))) {
            return Self::Said;
        }
        Self::Other((*body.content_type).into(), String::from_utf8_lossy(&body.bytes))
    }

    fn read(self, said: Option<&Arc<str>>) -> Result<Body, PartyFault> {
        match self {
            Self::Said => {
                let said = need("dialog.last_body", "what was said", said)?;
                Ok(Body::sdp(Arc::clone(said)))
            }
            Self::Other(content_type, text) => Ok(Body {
                content_type: words::read_line("dialog.last_body", content_type)?.into(),
                bytes: text.as_bytes().into(),
            }),
        }
    }
}

impl<'a> AckRow<'a> {
    fn of(saved: &'a SavedAck) -> Self {
        let SavedAck { invite, tag, ack, to, until } = saved;
        let mut text = Vec::new();
        sip::print(&Message::Request(Request::clone(ack)), &mut text);
        Self {
            invite: invite.0,
            tag: tag.into(),
            to: words::hop(to).into(),
            until: words::moment(*until),
            ack: String::from_utf8_lossy(&text).into_owned().into(),
        }
    }

    fn read(self) -> Result<SavedAck, PartyFault> {
        let Self { invite, tag, to, until, ack } = self;
        let invite = Some(ClientTx(invite)).filter(|invite| invite.0 <= TRANSACTION_MAX);
        Ok(SavedAck {
            invite: need("dialog.acks.invite", "below 2^62", invite)?,
            tag: tag.into_owned(),
            ack: need("dialog.acks.ack", "an ACK", read_ack(&ack))?,
            to: words::read_hop("dialog.acks.to", &to)?,
            until: words::read_moment(until),
        })
    }
}

/// An ACK that has no Via yet: the transport puts it on.
fn read_ack(text: &str) -> Option<Request> {
    const VIA: &str = "Via: SIP/2.0/UDP cordboard.invalid\r\n";
    let (start, rest) = text.split_at(text.find('\n')? + 1);
    match sip::parse(format!("{start}{VIA}{rest}").as_bytes()).ok()? {
        Message::Request(mut ack) if ack.method == Method::ACK => {
            ack.headers.remove(HeaderName::Via);
            Some(ack)
        }
        Message::Request(_) | Message::Response(_) => None,
    }
}

impl<'a> LoginRow<'a> {
    fn of(saved: &'a SavedLogin) -> Self {
        let SavedLogin { trunk, realms, known } = saved;
        let list = |list: &'a [String]| list.iter().map(Cow::from).collect();
        let known = known.iter().map(|known| ChallengeRow {
            proxy: known.answers == HeaderName::ProxyAuthorization,
            challenge: known.challenge.to_string().into(),
            count: words::ahead(known.count).min(CSEQ_MAX),
        });
        Self {
            trunk: trunk.into(),
            only: realms.only().map(Cow::from),
            hosts: list(realms.hosts()),
            named: list(realms.named()),
            known: known.collect(),
        }
    }

    fn read(self) -> Result<SavedLogin, PartyFault> {
        let list = |list: Vec<Cow<'_, str>>| {
            let list = few("dialog.login", list, LIST_MAX)?;
            Ok(list.into_iter().map(Cow::into_owned).collect::<Vec<_>>())
        };
        let only = self.only.map(Cow::into_owned);
        let known = few("dialog.login.known", self.known, LIST_MAX)?;
        let read = |row: ChallengeRow<'_>| {
            let challenge = Challenge::parse(&row.challenge).ok();
            let count = Some(row.count).filter(|count| *count <= CSEQ_MAX);
            Ok(KnownChallenge {
                answers: match row.proxy {
                    true => HeaderName::ProxyAuthorization,
                    false => HeaderName::Authorization,
                },
                challenge: need("dialog.login.known.challenge", "a challenge", challenge)?,
                count: need("dialog.login.known.count", "below 2^31", count)?,
            })
        };
        Ok(SavedLogin {
            trunk: words::read_line("dialog.login.trunk", self.trunk)?,
            realms: Realms::resumed(only, list(self.hosts)?, list(self.named)?),
            known: known.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}
