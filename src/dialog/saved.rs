//! A dialog as one value of plain data, to be put back later: here, or in another process.
//!
//! Moments are of civil time, because each process has a monotonic clock of its own. A dialog can be
//! saved while nothing of it is under way but an INVITE that is open: no other request in either direction.
//! What is put back then meets all that comes as the dialog would have that was saved.

use super::context::DialogContext;
use super::credentials::{SavedLogin, SessionCredentials, TrunkCredentials};
use super::handshake::Handshake;
use super::identity::DialogIdentity;
use super::message::{Body, HeaderLines};
use super::reliable::Reliable;
use super::route_set::RouteSet;
use super::saved_early::SavedPhase;
use super::sent_acks::{SavedAck, SentAcks};
use super::session::{DialogRole, InviteSession, Referral, SessionState};
use super::session_changes::SessionChanges;
use super::session_timer::{SavedTimer, SessionTimer};
use super::stored::StoredDialog;
use crate::ids::LegId;
use crate::sip::{Flow, NameAddr, Realms};
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
    /// The ACKs that are sent again when their 2xx comes again.
    pub acks: Vec<SavedAck>,
    /// For a peer that challenges us, a trunk: by its name the password is found when the dialog is put back.
    pub login: Option<SavedLogin>,
    /// What the next ACK says of who we are.
    pub ack_credentials: HeaderLines,
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

    fn saved_phase(&self, now: Now) -> SavedPhase {
        match (&self.state, &self.handshake) {
            (SessionState::Ringing(ringing), _) => {
                SavedPhase::Ringing(Box::new(ringing.saved(now)))
            }
            (SessionState::Calling(calling), _) => {
                SavedPhase::Calling(Box::new(calling.saved(now)))
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
        self.is_quiet().then(|| SavedDialog {
            leg: self.leg,
            dialog: StoredDialog::of(&self.dialog),
            phase: self.saved_phase(now),
            role: self.role,
            remote_cseq: self.dialog.remote_seq(),
            spoke: self.dialog.way.spoke(),
            contact: self.dialog.contact().to_owned(),
            allows_update: self.dialog.allows_update,
            recv_info: self.dialog.recv_info.clone(),
            timer: self.timer.saved(now),
            is_reported_to: self.referral == Referral::Reporting,
            late_prack: self.late_pracks.as_ref().and_then(Reliable::unacknowledged),
            last_body: self.last_body.clone(),
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
            changes: SessionChanges::default(),
            timer: SessionTimer::restored(now, timer),
            referral: if saved.is_reported_to { Referral::Reporting } else { Referral::None },
            late_pracks: saved.late_prack.map(Reliable::overtaken),
            sent: BTreeMap::new(),
            served: Vec::new(),
            acks: SentAcks::restored(cx, now, acks),
            last_body: saved.last_body,
            credentials: SessionCredentials::restored(cx, (saved.login, login), ack_credentials),
        }
    }
}
