//! An INVITE without its end as a value of plain data, to be put back later: here, or in another process.
//!
//! Theirs while they wait for our final response, or for the ACK of our 2xx; ours until the final response comes
//! or we give it up: one to which nothing was said goes on to be repeated, by the same branch, so that it rings
//! once. All others are forgotten: a copy of a request that was answered finds a dialog that has counted on
//! (RFC 3261 §12.2.2), and a copy of a refusal nobody.
//!
//! The INVITE itself is not in the value: its dialog has it.

use super::client_invite::{ClientInvite, InviteWait};
use super::clients::{ClientEntry, ClientTransaction, Clients};
use super::id::{Branch, ClientId, ServerId};
use super::server_invite::{IstState, LastResponse, ServerInvite};
use super::servers::{ServerEntry, ServerTransaction, Servers};
use super::timers::{GIVE_UP, T1};
use crate::sip::{Destination, HeaderName, Headers, Request, Response, network};
use crate::time::{Now, Repeat, UnixTime};

/// An INVITE that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedServerInvite {
    /// Its name.
    pub id: ServerId,
    /// Where its responses go.
    pub to: Destination,
    /// How far it is.
    pub state: SavedServerState,
}

/// How far an INVITE is that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SavedServerState {
    /// Nothing was said to it.
    Unsaid {
        /// The INVITE.
        invite: Box<Request>,
        /// When it gets a 100.
        trying_at: UnixTime,
    },
    /// This was said last, and copies get it again.
    Said(Box<Response>),
    /// It got its 2xx.
    Accepted {
        /// Until when its copies are absorbed.
        until: UnixTime,
    },
}

/// By which an INVITE, its copies and its CANCEL are known: its own Request-URI and headers, or the headers of
/// its responses.
#[derive(Clone, Copy, Debug)]
pub struct InviteHead<'a> {
    /// Of clients older than RFC 3261 the Request-URI is looked at.
    pub uri: &'a str,
    /// With the source stamped into Via.
    pub headers: &'a Headers,
}

/// An INVITE of ours without its final response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedClientInvite {
    /// Its name.
    pub id: ClientId,
    /// The value of its Via: by the branch its responses are known, and its CANCEL has the same.
    pub via: String,
    /// Where it went.
    pub to: Destination,
    /// Where it goes when the stream that its length asks for does not come about.
    pub fallback: Option<Destination>,
    /// How far it is.
    pub state: SavedClientState,
}

/// How far an INVITE of ours is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SavedClientState {
    /// Nothing was said to it.
    Unheard {
        /// When it is sent again; never by a transport that delivers by itself.
        again: Option<UnixTime>,
        /// When it is given up (timer B).
        until: UnixTime,
    },
    /// A 1xx came.
    Proceeding {
        /// When it is given up, where nothing new is said to it (timer C).
        silent_until: UnixTime,
    },
}

impl Servers {
    /// An INVITE as a value, while it waits.
    pub fn saved(&self, now: Now, id: ServerId) -> Option<SavedServerInvite> {
        let entry = self.entries.get(&id).filter(|entry| !entry.cut)?;
        let ServerTransaction::Invite(invite) = &entry.transaction else { return None };
        let state = match &invite.state {
            IstState::Proceeding { last: LastResponse::Unsaid { invite, trying_at } } => {
                let trying_at = now.unix_of(*trying_at);
                SavedServerState::Unsaid { invite: Box::new(invite.clone()), trying_at }
            }
            IstState::Proceeding { last: LastResponse::Said(response) } => {
                SavedServerState::Said(Box::new(response.clone()))
            }
            IstState::Accepted { timer_l } => {
                SavedServerState::Accepted { until: now.unix_of(*timer_l) }
            }
            IstState::Completed { .. } | IstState::Confirmed { .. } | IstState::Terminated => {
                return None;
            }
        };
        Some(SavedServerInvite { id, to: entry.to, state })
    }

    /// The INVITE that was saved; false where it is there already.
    pub fn restore(
        &mut self,
        now: Now,
        saved: SavedServerInvite,
        InviteHead { uri, headers }: InviteHead<'_>,
    ) -> bool {
        let SavedServerInvite { id, to, state } = saved;
        let Some((key, merge_key)) = self.keys.of_headers(uri, headers) else { return false };
        if self.entries.contains_key(&id) || self.by_key.contains_key(&key) {
            return false;
        }
        let state = match state {
            SavedServerState::Unsaid { invite, trying_at } => {
                let trying_at = now.instant_of(trying_at);
                let last = LastResponse::Unsaid { invite: *invite, trying_at };
                IstState::Proceeding { last }
            }
            SavedServerState::Said(response) => {
                IstState::Proceeding { last: LastResponse::Said(*response) }
            }
            SavedServerState::Accepted { until } => {
                IstState::Accepted { timer_l: now.instant_of(until) }
            }
        };
        let (reliable, source) = (to.transport().is_reliable(), network(to.remote().ip()));
        let transaction = ServerTransaction::Invite(ServerInvite { state, reliable });
        self.last_id = self.last_id.max(id.0);
        self.by_key.insert(key, id);
        let merge_key = (!self.by_merge_key.contains_key(&merge_key)).then_some(merge_key);
        if let Some(merge_key) = merge_key {
            self.by_merge_key.insert(merge_key, id);
        }
        if reliable {
            self.by_destination.insert((to, id));
        }
        self.shares.take(source);
        let entry =
            ServerEntry { transaction, key, merge_key, to, cut: false, source, armed: None };
        self.entries.insert(id, Box::new(entry));
        self.arm(id);
        true
    }
}

impl Clients {
    /// An INVITE of ours as a value, while it waits for more.
    pub fn saved(&self, now: Now, id: ClientId) -> Option<SavedClientInvite> {
        let entry = self.entries.get(&id)?;
        let ClientTransaction::Invite { invite, cancel: None } = &entry.transaction else {
            return None;
        };
        let state = match invite.wait()? {
            InviteWait::Unheard { timer_a, timer_b } => SavedClientState::Unheard {
                again: timer_a.map(|again| now.unix_of(again.at())),
                until: now.unix_of(timer_b),
            },
            InviteWait::Proceeding { timer_c } => {
                SavedClientState::Proceeding { silent_until: now.unix_of(timer_c) }
            }
        };
        let via = entry.request.headers.get(HeaderName::Via)?.to_owned();
        Some(SavedClientInvite { id, via, to: entry.to, fallback: entry.fallback, state })
    }

    /// The INVITE of ours that was saved; false where it is there already.
    pub fn restore(&mut self, now: Now, saved: SavedClientInvite, mut request: Request) -> bool {
        let SavedClientInvite { id, via, to, fallback, state } = saved;
        request.headers.push_front(HeaderName::Via, via);
        let Some(branch) = request.headers.branch().and_then(Branch::of) else { return false };
        if self.entries.contains_key(&id) || self.by_branch.contains_key(&branch) {
            return false;
        }
        let reliable = to.transport().is_reliable();
        let invite = match state {
            SavedClientState::Unheard { again, until } => {
                let again = again.map(|again| {
                    let ran = again.since(until - GIVE_UP).min(GIVE_UP);
                    Repeat::resumed(now.instant_of(again), ran, T1, GIVE_UP)
                });
                ClientInvite::calling(again, now.instant_of(until), reliable)
            }
            SavedClientState::Proceeding { silent_until } => {
                ClientInvite::proceeding(now.instant_of(silent_until), reliable)
            }
        };
        let transaction = ClientTransaction::Invite { invite, cancel: None };
        self.by_branch.insert(branch, id);
        self.by_destination.insert((to, id));
        let entry =
            ClientEntry { transaction, request, branch, to, fallback, stuck: false, armed: None };
        self.entries.insert(id, Box::new(entry));
        self.arm(id);
        true
    }
}
