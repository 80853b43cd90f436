//! A party of a call as one value of plain data: its dialog, its offers and answers, its share of the relay, and
//! who it is. It can be taken out, and put back here or in another process; nobody notices.
//!
//! ```text
//!   leg::Machine    ── SavedLeg: SavedDialog, SavedNegotiation ─┐
//!   media::Machine  ── SavedPort, one for each stream ──────────┼── SavedParty
//!   transaction     ── SavedInvite: one without its end ────────┤
//!   exchange        ── LegPeer, SavedCredit ────────────────────┘
//! ```
//!
//! A moment is quiet for a party when it is up, or its INVITE open, and nothing else of it is under way: no
//! request in either direction, no later offer, no key that is down. All other transactions and their timers
//! are not saved. At other moments what is settled of it can be saved, for a process that goes on after a crash.
//! Whose the call is and what becomes of it is the switchboard's.

use super::rooms::{Machine, RoomEvent, world};
use crate::dialog::{ClientTx, SavedPhase, ServerTx};
use crate::ids::LegId;
use crate::leg;
use crate::live::{SavedInvite, SavedParty, Who};
use crate::media::{self, SavedPort};
use crate::time::Now;
use crate::transaction::{ClientId, InviteHead, ServerId};

impl Machine {
    /// The parties that there are, the quiet ones and all others.
    pub fn parties(&self) -> impl Iterator<Item = LegId> {
        self.legs.names()
    }

    /// A party as a value; none while anything of it is under way, here or in the relay.
    #[must_use]
    pub fn save(&self, now: Now, relay: &media::Machine, leg: LegId) -> Option<SavedParty> {
        let is_quiet = |port: &SavedPort| relay.save(now, port.port).is_some();
        let saved = self.save_settled(now, relay, leg).filter(|_| self.legs.is_quiet(now, leg))?;
        let has_invite = open_invite(&saved.leg.dialog.phase).is_none() || saved.invite.is_some();
        (has_invite && saved.ports.iter().all(is_quiet)).then_some(saved)
    }

    /// What is settled of a party, as a value: what was agreed holds, requests of ours are made once more or
    /// dropped, and those of theirs come again. None where what was saved before is all that there is.
    #[must_use]
    pub fn save_settled(&self, now: Now, relay: &media::Machine, leg: LegId) -> Option<SavedParty> {
        let mut saved = self.save_unproven(now, leg)?;
        let streams = [&saved.leg.audio, &saved.leg.video].into_iter();
        let open = streams.filter(|stream| stream.is_open).filter_map(|stream| stream.port);
        saved.ports = open.map(|port| relay.save_settled(now, port)).collect::<Option<_>>()?;
        Some(saved)
    }

    /// The same without the relay's part: from where its packets come is to be proven anew.
    pub(super) fn save_unproven(&self, now: Now, leg: LegId) -> Option<SavedParty> {
        let saved = self.legs.save_settled(now, leg)?;
        let peer = self.peers.get(leg).cloned();
        // Without its transaction an INVITE is as good as lost, and its dialog ends as it would have.
        let invite = open_invite(&saved.dialog.phase).and_then(|invite| match invite {
            OpenInvite::Theirs(id) => {
                Some(SavedInvite::Theirs(self.transactions.save_server(now, id)?))
            }
            OpenInvite::Ours(id) => {
                Some(SavedInvite::Ours(self.transactions.save_client(now, id)?))
            }
        });
        let credit = self.credit.saved(now, saved.dialog.dialog.hop);
        Some(SavedParty { leg: saved, ports: vec![], peer, invite, credit })
    }

    /// Saves a party and forgets it, without a word to it or to those who hear it.
    #[must_use]
    pub fn take(
        &mut self,
        now: Now,
        relay: &mut media::Machine,
        leg: LegId,
        out: &mut impl media::Outgoing,
    ) -> Option<SavedParty> {
        let saved = self.save(now, relay, leg)?;
        let _same = self.legs.take(now, leg);
        for port in &saved.ports {
            let _same = relay.take(now, port.port, out);
        }
        match open_invite(&saved.leg.dialog.phase) {
            None => {}
            Some(OpenInvite::Theirs(id)) => drop(self.transactions.take_server(now, id)),
            Some(OpenInvite::Ours(id)) => drop(self.transactions.take_client(now, id)),
        }
        self.peers.remove(leg);
        Some(saved)
    }

    /// Puts a party back that was saved, here or in another process. Parties that hear each other are put back
    /// one after the other, before anything else comes.
    ///
    /// # Panics
    /// When it is there: a party is there once.
    pub fn restore(
        &mut self,
        now: Now,
        relay: &mut media::Machine,
        saved: SavedParty,
        out: &mut impl media::Outgoing,
    ) {
        let SavedParty { leg: saved, ports, peer, invite, credit } = saved;
        if let Some(invite) = invite {
            self.restore_invite(now, invite, &saved.dialog.phase);
        }
        if let Some(credit) = credit {
            self.credit.restore(now, credit);
        }
        let (leg, called_us) = (saved.dialog.leg, saved.called_us);
        let trunk = saved.dialog.login.as_ref().map(|login| login.trunk.as_str());
        let world = world(&self.directory, &self.registrar, &self.locator, self.ledger.tickets());
        let login = trunk.and_then(|trunk| world.credentials(trunk));
        let restored = self.legs.restore(now, saved, login);
        relay.restore(now, ports, &restored.rows, out);
        for command in restored.commands {
            relay.handle(now, command, out);
        }
        let handshakes = restored.handshakes.into_iter().map(leg::Effect::Handshake);
        self.event_queue.extend(handshakes.map(RoomEvent::Leg));
        if let Some(peer) = peer {
            if called_us && matches!(peer.who, Who::Unauthenticated) {
                self.unauthenticated.opened(leg, peer.ip);
            }
            self.peers.all.insert(leg, peer);
        }
    }

    /// An INVITE that is known already stays as it is.
    pub(super) fn restore_invite(&mut self, now: Now, invite: SavedInvite, phase: &SavedPhase) {
        let _is_new = match (invite, phase) {
            (SavedInvite::Theirs(invite), SavedPhase::Ringing(ringing)) => {
                let (uri, headers) = (ringing.request.uri.as_str(), &ringing.request.headers);
                self.transactions.restore_server(now, invite, InviteHead { uri, headers })
            }
            (SavedInvite::Theirs(invite), SavedPhase::Answered(answer)) => {
                let head = InviteHead { uri: "", headers: &answer.response.headers };
                self.transactions.restore_server(now, invite, head)
            }
            (SavedInvite::Ours(invite), SavedPhase::Calling(calling)) => {
                self.transactions.restore_client(now, invite, calling.request.clone())
            }
            (SavedInvite::Theirs(_), SavedPhase::Established | SavedPhase::Calling(_))
            | (
                SavedInvite::Ours(_),
                SavedPhase::Established | SavedPhase::Ringing(_) | SavedPhase::Answered(_),
            ) => false,
        };
    }
}

/// An INVITE without its end, by name.
enum OpenInvite {
    Theirs(ServerId),
    Ours(ClientId),
}

fn open_invite(phase: &SavedPhase) -> Option<OpenInvite> {
    let theirs = |ServerTx(id): ServerTx| Some(OpenInvite::Theirs(ServerId(id)));
    match phase {
        SavedPhase::Established => None,
        SavedPhase::Answered(answer) => theirs(answer.invite),
        SavedPhase::Ringing(ringing) => theirs(ringing.invite),
        SavedPhase::Calling(calling) => {
            let ClientTx(id) = calling.invite;
            Some(OpenInvite::Ours(ClientId(id)))
        }
    }
}
