//! A dialog as one value of plain data, to be put back later: here, or in another process.
//!
//! Moments are of civil time, because each process has a monotonic clock of its own. A dialog is quiet while
//! nothing of it is under way but an INVITE that is open: no other request in either direction. What is put back
//! then meets all that comes as the dialog would have that was saved.
//!
//! At any other moment what is settled of it can be saved, for a process that goes on after a crash:
//!
//! ```text
//!   ours is open:    a change is asked for once more; an INFO, a NOTIFY is dropped; the 1xx of a PRACK comes again
//!   theirs is open:  as if it had not come, so that its copy is answered
//!   it owes an answer to their offer in a 2xx or a 1xx: nothing, for that comes again, and what was saved before holds
//! ```

use super::context::DialogContext;
use super::credentials::{SavedLogin, SessionCredentials, TrunkCredentials};
use super::forks::Calling;
use super::handshake::Handshake;
use super::identity::DialogIdentity;
use super::message::{Body, HeaderLines};
use super::reliable::Reliable;
use super::route_set::RouteSet;
use super::saved_early::{SavedCalling, SavedPhase};
use super::sent::Purpose;
use super::sent_acks::{SavedAck, SentAcks};
use super::session::{DialogRole, InviteSession, Referral, SessionState};
use super::session_changes::{SavedChange, SessionChanges, Theirs};
use super::session_timer::{SavedTimer, SessionTimer};
use super::stored::StoredDialog;
use crate::ids::LegId;
use crate::sip::{Flow, NameAddr, Realms, Request};
use crate::time::Now;
use std::collections::BTreeMap;

/// A dialog, with all that it needs to go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedDialog {
    /// Its leg.
    pub leg: LegId,
    /// What names it, and where its requests go; of an INVITE of ours, what its early dialogs share.
    pub dialog: StoredDialog,
    /// How far it is.
    pub phase: SavedPhase,
    /// Who made the call.
    pub role: DialogRole,
    /// The CSeq of the peer's last request, once there was one.
    pub remote_cseq: Option<u32>,
    /// By which flow the peer's last request came that was believed.
    pub spoke: Option<Flow>,
    /// The value of our Contact header.
    pub contact: String,
    /// The peer's Allow names UPDATE.
    pub allows_update: bool,
    /// Our Recv-Info.
    pub recv_info: Option<String>,
    /// How the loss of the peer is noticed.
    pub timer: SavedTimer,
    /// The peer still reports by NOTIFY what became of a REFER of ours.
    pub is_reported_to: bool,
    /// The RSeq of a reliable 1xx that our 2xx has overtaken: its PRACK may still come.
    pub late_prack: Option<u32>,
    /// Our last session description.
    pub last_body: Option<Body>,
    /// What we ask for once more, or have still to ask for.
    pub changes: Vec<SavedChange>,
    /// The ACKs that are sent again when their 2xx comes again.
    pub acks: Vec<SavedAck>,
    /// For a peer that challenges us, a trunk: by its name the password is found when the dialog is put back.
    pub login: Option<SavedLogin>,
    /// What the next ACK says of who we are.
    pub ack_credentials: HeaderLines,
}

impl SavedDialog {
    /// Whether an offer of ours in it waits for its answer, or is made once more, though it is established.
    #[must_use]
    pub fn offers(&self) -> bool {
        let wants_answer = match &self.phase {
            SavedPhase::Answered(answer) => answer.wants_answer,
            SavedPhase::Established | SavedPhase::Ringing(_) | SavedPhase::Calling(_) => false,
        };
        wants_answer || self.changes.iter().any(|change| change.body.is_some())
    }
}

impl InviteSession {
    /// Whether nothing of it is under way, but perhaps an INVITE that is open.
    pub(super) fn is_quiet(&self) -> bool {
        let is_waiting = match (&self.state, &self.handshake) {
            (SessionState::Established, Handshake::Done | Handshake::AckDue(_)) => true,
            (SessionState::Ringing(_), _) => true,
            (SessionState::Calling(calling), _) => calling.is_quiet(),
            (SessionState::Established, Handshake::AnswerDue { .. })
            | (SessionState::Over { .. }, _) => false,
        };
        is_waiting && self.changes.are_idle() && self.sent.is_empty() && self.served.is_empty()
    }

    /// Whether all that it needs can be saved: no offer of theirs waits for its answer, as a 2xx or a 1xx brings it.
    fn is_settled(&self) -> bool {
        let answers = |purpose: &Purpose| matches!(purpose, Purpose::Prack { answers: true, .. });
        match (&self.state, &self.handshake) {
            (SessionState::Established, Handshake::Done | Handshake::AckDue(_)) => true,
            (SessionState::Ringing(_), _) => true,
            (SessionState::Calling(calling), _) => {
                calling.is_quiet() && !self.sent.values().any(|sent| answers(&sent.purpose))
            }
            (SessionState::Established, Handshake::AnswerDue { .. })
            | (SessionState::Over { .. }, _) => false,
        }
    }

    /// Whether an offer of the peer waits for its answer, in a request that comes again.
    pub(super) fn is_reoffered(&self) -> bool {
        self.changes.theirs.is_some()
    }

    /// The number below all requests of the peer with this tag that wait for their answer: their copies are
    /// to be taken.
    fn settled_seq(&self, dialog: &DialogIdentity) -> Option<u32> {
        let served = self.served.iter().map(|(_, request)| request);
        let theirs = self.changes.theirs.iter().map(|Theirs { request, .. }| request);
        let is_of = |request: &&Request| request.headers.from_tag() == Some(dialog.remote_tag());
        let numbers = served.chain(theirs).filter(is_of);
        let open = numbers.filter_map(|request| request.headers.cseq().ok()).map(|(seq, _)| seq);
        match (dialog.remote_seq(), open.min()) {
            (Some(last), Some(open)) => open.checked_sub(1).map(|settled| settled.min(last)),
            (last, None) | (last @ None, Some(_)) => last,
        }
    }

    /// An INVITE of ours, with those reliable 1xx not acknowledged whose PRACK is not answered: they come again.
    fn saved_calling(&self, now: Now, calling: &Calling) -> SavedCalling {
        let mut saved = calling.saved(now);
        for (fork, saved) in calling.forks.iter().zip(&mut saved.forks) {
            saved.remote_cseq = self.settled_seq(&fork.dialog);
            let open = self.sent.values().filter_map(|sent| match sent.purpose {
                Purpose::Prack { fork, rseq, .. } => Some((fork, rseq)),
                Purpose::Nothing | Purpose::Info { .. } | Purpose::Refer | Purpose::Change => None,
            });
            let first = open.filter(|(of, _)| *of == fork.number).map(|(_, rseq)| rseq).min();
            if let Some(first) = first {
                saved.rseq = first.checked_sub(1).filter(|settled| *settled > 0);
            }
        }
        saved
    }

    fn saved_phase(&self, now: Now) -> SavedPhase {
        match (&self.state, &self.handshake) {
            (SessionState::Ringing(ringing), _) => {
                SavedPhase::Ringing(Box::new(ringing.saved(now)))
            }
            (SessionState::Calling(calling), _) => {
                SavedPhase::Calling(Box::new(self.saved_calling(now, calling)))
            }
            (SessionState::Established | SessionState::Over { .. }, Handshake::AckDue(due)) => {
                SavedPhase::Answered(Box::new(due.saved(now)))
            }
            (
                SessionState::Established | SessionState::Over { .. },
                Handshake::Done | Handshake::AnswerDue { .. },
            ) => SavedPhase::Established,
        }
    }

    /// The session as a value, while it is quiet.
    pub(super) fn saved(&self, now: Now, realms: &BTreeMap<String, Realms>) -> Option<SavedDialog> {
        self.settled(now, realms).filter(|_| self.is_quiet())
    }

    /// What is settled of the session, as a value.
    pub(super) fn settled(
        &self,
        now: Now,
        realms: &BTreeMap<String, Realms>,
    ) -> Option<SavedDialog> {
        self.is_settled().then(|| SavedDialog {
            leg: self.leg,
            dialog: StoredDialog::of(&self.dialog),
            phase: self.saved_phase(now),
            role: self.role,
            remote_cseq: self.settled_seq(&self.dialog),
            spoke: self.dialog.way.spoke(),
            contact: self.dialog.contact().to_owned(),
            allows_update: self.dialog.allows_update,
            recv_info: self.dialog.recv_info.clone(),
            timer: self.timer.saved(now),
            is_reported_to: self.referral == Referral::Reporting,
            late_prack: self.late_pracks.as_ref().and_then(Reliable::unacknowledged),
            last_body: self.last_body.clone(),
            changes: self.changes.saved(),
            acks: self.acks.saved(now),
            login: self.credentials.saved(realms),
            ack_credentials: self.credentials.of_ack().clone(),
        })
    }

    /// The session that was saved; its trunk knows us as this now.
    pub(super) fn restored(
        cx: &mut DialogContext<'_>,
        now: Now,
        saved: SavedDialog,
        login: Option<TrunkCredentials>,
    ) -> Self {
        let SavedDialog { dialog, phase, role, timer, acks, ack_credentials, .. } = saved;
        let routes = dialog.routes.into_iter().map(NameAddr::new).collect();
        let way = RouteSet::of(dialog.target, routes, dialog.hop).heard_by(saved.spoke);
        let mut identity = DialogIdentity::resumed(
            dialog.key.call_id,
            (dialog.local, dialog.remote),
            dialog.local_cseq,
            way,
            cx.settings,
        );
        identity.go_on(saved.remote_cseq, saved.contact);
        identity.allows_update = saved.allows_update;
        identity.recv_info = saved.recv_info;
        let (state, handshake) = match phase {
            SavedPhase::Established => (SessionState::Established, Handshake::Done),
            SavedPhase::Answered(answer) => (SessionState::Established, answer.restored(now)),
            SavedPhase::Ringing(ringing) => {
                (SessionState::Ringing(Box::new(ringing.restored(cx, now))), Handshake::Done)
            }
            SavedPhase::Calling(calling) => {
                let calling = calling.restored(cx, now, &identity);
                (SessionState::Calling(Box::new(calling)), Handshake::Done)
            }
        };
        Self {
            leg: saved.leg,
            dialog: identity,
            role,
            state,
            handshake,
            changes: SessionChanges::restored(now, saved.changes),
            timer: SessionTimer::restored(now, timer),
            referral: if saved.is_reported_to { Referral::Reporting } else { Referral::None },
            late_pracks: saved.late_prack.map(Reliable::overtaken),
            sent: BTreeMap::new(),
            served: Vec::new(),
            acks: SentAcks::restored(cx, now, acks),
            last_body: saved.last_body,
            credentials: SessionCredentials::restored(cx, (saved.login, login), ack_credentials),
            resumed_at: Some(now.instant),
        }
    }
}
