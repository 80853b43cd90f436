//! What a dialog has beyond an established one while an INVITE of it is open, as plain data: the INVITE whole,
//! and what was said to it.
//!
//! ```text
//!   theirs:  Ringing ── 2xx ──▶ Answered ── ACK ──▶ Established
//!   ours:    Calling ── 2xx ───────────────────────▶ Established
//! ```
//!
//! An INVITE of ours whose callee waits for something of ours, such as a PRACK, is not saved.

use super::context::DialogContext;
use super::forks::{Calling, Fork};
use super::handshake::{AckDue, Handshake, OfferOwner};
use super::identity::DialogIdentity;
use super::message::{Body, HeaderLines};
use super::pending_invite::{PendingInvite, Reliability, Retransmission};
use super::reliable::{Reliable, ReliableState};
use super::route_set::RouteSet;
use super::settings::{GIVE_UP, T1, T2};
use super::stored::StoredDialog;
use super::transactions::{ClientTx, ServerTx};
use crate::sip::{AnsweredChallenges, Flow, NameAddr, Request, Response};
use crate::time::{Duration, Instant, Now, Repeat, UnixTime};

/// How far a dialog is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum SavedPhase {
    /// All that was asked is answered and acknowledged.
    #[default]
    Established,
    /// It is established, and our 2xx is repeated until its ACK.
    Answered(Box<SavedAnswer>),
    /// Their INVITE waits for our final response.
    Ringing(Box<SavedRingingInvite>),
    /// Our INVITE waits for theirs.
    Calling(Box<SavedCalling>),
}

/// What is sent again and again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SavedRepeat {
    /// When it is sent next.
    pub at: UnixTime,
    /// When it is given up.
    pub until: UnixTime,
}

/// A 2xx of ours that waits for its ACK.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedAnswer {
    /// The INVITE.
    pub invite: ServerTx,
    /// The 2xx.
    pub response: Response,
    /// Until the ACK.
    pub repeat: SavedRepeat,
    /// It has an offer; the ACK brings the answer.
    pub wants_answer: bool,
    /// Not that of a re-INVITE.
    pub first: bool,
}

/// An INVITE of the peer that waits for our final response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedRingingInvite {
    /// Its name.
    pub invite: ServerTx,
    /// The INVITE as it came, its source stamped into it.
    pub request: Request,
    /// The last 1xx.
    pub said: Option<SavedProvisional>,
    /// The number of the next reliable 1xx.
    pub next_rseq: u32,
    /// The reliable 1xx that waits for its PRACK.
    pub unacknowledged: Option<(Response, SavedRepeat)>,
    /// Those that wait behind it.
    pub queue: Vec<Response>,
    /// Who owes an answer to whose offer.
    pub offer: OfferOwner,
    /// What goes into the 2xx, once the PRACK is there.
    pub accept: Option<(Option<Body>, HeaderLines)>,
}

/// A 1xx that is said again every minute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedProvisional {
    /// As it would be sent unreliably.
    pub response: Response,
    /// When it is said again.
    pub again: UnixTime,
}

/// An INVITE of ours that was answered by 1xx only, or not at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedCalling {
    /// Its name.
    pub invite: ClientTx,
    /// The INVITE, without Via.
    pub request: Request,
    /// How often it was sent anew, as was asked for.
    pub retries: u32,
    /// Which challenges it has answered.
    pub answered: AnsweredChallenges,
    /// When a next hop that has not said a word is given up.
    pub silent_until: Option<UnixTime>,
    /// Its early dialogs.
    pub forks: Vec<SavedFork>,
    /// The number of the next.
    pub next_fork: usize,
    /// Who owes an answer to whose offer.
    pub offer: OfferOwner,
}

/// An early dialog of an INVITE of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedFork {
    /// Its number; none comes twice.
    pub number: usize,
    /// What names it, and where its requests go.
    pub dialog: StoredDialog,
    /// The CSeq of the peer's last request, once there was one.
    pub remote_cseq: Option<u32>,
    /// By which flow the peer's last request came that was believed.
    pub spoke: Option<Flow>,
    /// The peer's Allow names UPDATE.
    pub allows_update: bool,
    /// The RSeq of its last reliable 1xx, which is acknowledged.
    pub rseq: Option<u32>,
}

impl SavedRepeat {
    fn of(now: Now, repeat: Repeat, give_up: Instant) -> Self {
        Self { at: now.unix_of(repeat.at()), until: now.unix_of(give_up) }
    }

    /// How it goes on, where the longest interval is this.
    fn resumed(self, now: Now, longest: Duration) -> Repeat {
        let ran = self.at.since(self.until - GIVE_UP).min(GIVE_UP);
        Repeat::resumed(now.instant_of(self.at), ran, T1, longest)
    }
}

impl AckDue {
    pub(super) fn saved(&self, now: Now) -> SavedAnswer {
        SavedAnswer {
            invite: self.transaction,
            response: self.response.clone(),
            repeat: SavedRepeat::of(now, self.repeat, self.give_up),
            wants_answer: self.wants_answer,
            first: self.first,
        }
    }
}

impl SavedAnswer {
    pub(super) fn restored(self, now: Now) -> Handshake {
        let Self { invite, response, repeat, wants_answer, first } = self;
        let seq = response.headers.cseq().map_or(0, |(number, _)| number);
        let give_up = now.instant_of(repeat.until);
        let repeat = repeat.resumed(now, T2);
        Handshake::AckDue(Box::new(AckDue {
            transaction: invite,
            seq,
            response,
            repeat,
            give_up,
            wants_answer,
            first,
        }))
    }
}

impl PendingInvite {
    pub(super) fn saved(&self, now: Now) -> SavedRingingInvite {
        let unacknowledged = match &self.reliable.state {
            ReliableState::Repeating { response, repeat, give_up, .. } => {
                Some(((**response).clone(), SavedRepeat::of(now, *repeat, *give_up)))
            }
            ReliableState::Idle | ReliableState::Silent { .. } => None,
        };
        let said = self.again.as_ref().map(|Retransmission { at, response }| SavedProvisional {
            response: response.clone(),
            again: now.unix_of(*at),
        });
        SavedRingingInvite {
            invite: self.invite,
            request: self.request.clone(),
            said,
            next_rseq: self.reliable.next_rseq,
            unacknowledged,
            queue: self.reliable.queue.iter().cloned().collect(),
            offer: self.offer,
            accept: self.accept.clone(),
        }
    }
}

impl SavedRingingInvite {
    pub(super) fn restored(self, cx: &mut DialogContext<'_>, now: Now) -> PendingInvite {
        cx.owners.invites.insert(self.invite, cx.leg);
        let state = match self.unacknowledged {
            Some((response, repeat)) => ReliableState::Repeating {
                rseq: response.headers.rseq().ok().flatten().unwrap_or_default(),
                response: Box::new(response),
                repeat: repeat.resumed(now, GIVE_UP),
                give_up: now.instant_of(repeat.until),
            },
            None => ReliableState::Idle,
        };
        let again = self.said.map(|SavedProvisional { response, again }| Retransmission {
            at: now.instant_of(again),
            response,
        });
        PendingInvite {
            invite: self.invite,
            reliability: Reliability::of(&self.request),
            request: self.request,
            reliable: Reliable { next_rseq: self.next_rseq, state, queue: self.queue.into() },
            offer: self.offer,
            accept: self.accept,
            again,
        }
    }
}

impl Calling {
    /// Whether no branch waits for us.
    pub(super) fn is_quiet(&self) -> bool {
        self.forks.iter().all(|fork| fork.answer_due.is_none())
    }

    pub(super) fn saved(&self, now: Now) -> SavedCalling {
        SavedCalling {
            invite: self.invite,
            request: self.request.clone(),
            retries: self.retries,
            answered: self.answered.clone(),
            silent_until: self.silent_until.map(|until| now.unix_of(until)),
            forks: self.forks.iter().map(Fork::saved).collect(),
            next_fork: self.next_fork,
            offer: self.offer,
        }
    }
}

impl SavedCalling {
    /// As part of a session, of whose branches this is what they share.
    pub(super) fn restored(
        self,
        cx: &mut DialogContext<'_>,
        now: Now,
        shared: &DialogIdentity,
    ) -> Calling {
        cx.owners.resume(self.invite, cx.leg);
        let seq = self.request.headers.cseq().map_or(0, |(number, _)| number);
        let forks = self.forks.into_iter().map(|fork| fork.restored(cx, shared)).collect();
        Calling {
            invite: self.invite,
            request: self.request,
            seq,
            retries: self.retries,
            silent_until: self.silent_until.map(|until| now.instant_of(until)),
            answered: self.answered,
            forks,
            next_fork: self.next_fork,
            offer: self.offer,
        }
    }
}

impl Fork {
    fn saved(&self) -> SavedFork {
        SavedFork {
            number: self.number,
            dialog: StoredDialog::of(&self.dialog),
            remote_cseq: self.dialog.remote_seq(),
            spoke: self.dialog.way.spoke(),
            allows_update: self.dialog.allows_update,
            rseq: self.rseq,
        }
    }
}

impl SavedFork {
    fn restored(self, cx: &DialogContext<'_>, shared: &DialogIdentity) -> Fork {
        let StoredDialog { key, local, remote, target, routes, local_cseq, hop } = self.dialog;
        let routes = routes.into_iter().map(NameAddr::new).collect();
        let way = RouteSet::of(target, routes, hop).heard_by(self.spoke);
        let names = (local, remote);
        let mut dialog = DialogIdentity::resumed(key.call_id, names, local_cseq, way, cx.settings);
        dialog.go_on(self.remote_cseq, shared.contact().to_owned());
        dialog.allows_update = self.allows_update;
        dialog.recv_info.clone_from(&shared.recv_info);
        Fork { number: self.number, dialog, rseq: self.rseq, answer_due: None }
    }
}
