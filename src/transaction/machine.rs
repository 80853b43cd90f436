//! All transactions: where an input belongs, and what is due when.
//!
//! ```text
//!   wire ── requests ──▶ copy? CANCEL? merged? full? ──▶ Servers ──▶ transaction user
//!        ── responses ─▶ branch and method of CSeq ────▶ Clients ──▶ transaction user
//! ```

use super::clients::{Clients, StrandedRequest};
use super::effect::Effect;
use super::id::{ClientId, ServerId};
use super::saved::{InviteHead, SavedClientInvite, SavedServerInvite};
use super::servers::Servers;
use super::settings::Settings;
use super::shares::SourceTrust;
use crate::random::Random;
use crate::sip::{Destination, Flow, Message, Network, Request, Response, Via};
use crate::time::{Instant, Now, earliest};
use std::net::IpAddr;

/// What reaches the transactions.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message came.
    Received {
        /// How it came.
        flow: Flow,
        /// What speaks for it.
        standing: SourceTrust,
        /// What came.
        message: Message,
    },
    /// The transaction user wants this asked. Its Via is put on here.
    Request {
        /// The name of the new transaction.
        id: ClientId,
        /// Where to.
        to: Destination,
        /// Anything but ACK and CANCEL.
        request: Request,
    },
    /// The transaction user answers.
    Respond {
        /// The request that is answered.
        id: ServerId,
        /// The answer, with its To tag.
        response: Response,
    },
    /// The transaction user answers, and a copy of the request may ask it again (§8.2.7): nothing is
    /// kept and nothing repeated. The To tag is the same for each copy.
    RespondStateless {
        /// The request that is answered.
        id: ServerId,
        /// The final answer, with its To tag.
        response: Response,
    },
    /// The transaction user no longer wants the answer to its INVITE.
    Cancel {
        /// The INVITE.
        id: ClientId,
        /// The value of a Reason header (RFC 3326).
        reason: Option<String>,
    },
    /// The ACK for a 2xx goes out; nothing is awaited.
    Forward {
        /// Where to.
        to: Destination,
        /// The ACK; its Via is put on here.
        request: Request,
    },
    /// An INVITE of an earlier process goes out once more, where nothing was said to it: it may not have left.
    Repeat(ClientId),
    /// Nothing can be carried to this destination.
    TransportFailed {
        /// As it stood in [`Effect::Send`].
        destination: Destination,
    },
    /// A stranded request goes by another way.
    Resume {
        /// Which.
        stranded: StrandedRequest,
        /// Where to.
        to: Destination,
    },
    /// The answers to a stranded INVITE go by another way.
    Redirect {
        /// Which.
        id: ServerId,
        /// Where to.
        to: Destination,
    },
    /// There is no other way for the answers to a stranded INVITE.
    Abandon(ServerId),
}

/// All transactions.
#[derive(Debug)]
pub struct Machine {
    clients: Clients,
    servers: Servers,
}

impl Machine {
    /// A house without transactions.
    #[must_use]
    pub fn new(settings: Settings, mut random: Random) -> Self {
        let servers = Servers::new(settings.server_transactions_max, random.fork());
        Self { clients: Clients::new(settings, random), servers }
    }

    /// Packets leave from other addresses of ours from now on.
    pub fn set_routes(&mut self, routes: Vec<(Network, IpAddr)>) {
        self.clients.set_routes(routes);
    }

    /// How many transactions there are: clients and servers.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        (self.clients.count(), self.servers.count())
    }

    /// Whether a response with this branch in its topmost Via is awaited.
    #[must_use]
    pub fn is_awaited(&self, branch: &str) -> bool {
        self.clients.is_awaited(branch)
    }

    /// Whether an ACK or a CANCEL with this topmost Via belongs to an INVITE that is known here.
    #[must_use]
    pub fn has_invite(&self, via: &Via) -> bool {
        self.servers.has_invite(via)
    }

    /// Where the request went that this response answers; `None` when it answers none of ours.
    #[must_use]
    pub fn asked(&self, response: &Response) -> Option<Destination> {
        self.clients.asked(response)
    }

    /// Takes what outlives a way by which nothing can be carried any more: the requests of ours within
    /// dialogs, and the INVITEs that wait for their answer, each with what it was told last.
    #[must_use]
    pub fn strand(
        &mut self,
        destination: Destination,
    ) -> (Vec<StrandedRequest>, Vec<(ServerId, Response)>) {
        if !destination.transport().is_reliable() {
            return (vec![], vec![]);
        }
        (self.clients.strand(destination), self.servers.strand(destination))
    }

    /// An INVITE that came and waits for our final response, or for the ACK of our 2xx, as a value.
    #[must_use]
    pub fn save_server(&self, now: Now, id: ServerId) -> Option<SavedServerInvite> {
        self.servers.saved(now, id)
    }

    /// Saves an INVITE that came and forgets it, without a word.
    #[must_use]
    pub fn take_server(&mut self, now: Now, id: ServerId) -> Option<SavedServerInvite> {
        let saved = self.servers.saved(now, id)?;
        self.servers.close(id);
        Some(saved)
    }

    /// Puts an INVITE back that came, here or in another process; false where there is one of this name, or
    /// the same INVITE under another.
    #[must_use]
    pub fn restore_server(
        &mut self,
        now: Now,
        saved: SavedServerInvite,
        invite: InviteHead<'_>,
    ) -> bool {
        self.servers.restore(now, saved, invite)
    }

    /// An INVITE of ours to which something was said, and not the last word, as a value.
    #[must_use]
    pub fn save_client(&self, now: Now, id: ClientId) -> Option<SavedClientInvite> {
        self.clients.saved(now, id)
    }

    /// Saves an INVITE of ours and forgets it, without a word.
    #[must_use]
    pub fn take_client(&mut self, now: Now, id: ClientId) -> Option<SavedClientInvite> {
        let saved = self.clients.saved(now, id)?;
        self.clients.close(id);
        Some(saved)
    }

    /// Puts an INVITE of ours back that was sent, here or in another process; it is given without Via. False
    /// where there is one of this name or branch, or no branch of ours.
    #[must_use]
    pub fn restore_client(&mut self, now: Now, saved: SavedClientInvite, request: Request) -> bool {
        self.clients.restore(now, saved, request)
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let out = &mut effects;
        match input {
            Input::Received { flow, standing, message: Message::Request(request) } => {
                self.servers.receive(now, flow, standing, request, out);
            }
            Input::Received { message: Message::Response(response), .. } => {
                self.clients.receive(now, response, out);
            }
            Input::Request { id, to, request } => self.clients.send(now, id, to, request, out),
            Input::Respond { id, response } => self.servers.respond(now, id, response, out),
            Input::RespondStateless { id, response } => {
                self.servers.respond_stateless(id, response, out);
            }
            Input::Cancel { id, reason } => self.clients.cancel(now, id, reason, out),
            Input::Repeat(id) => self.clients.repeat(id, out),
            Input::Forward { to, request } => self.clients.forward(to, request, out),
            Input::TransportFailed { destination } => {
                self.clients.transport_failed(now, destination, out);
                self.servers.transport_failed(now, destination, out);
            }
            Input::Resume { stranded, to } => self.clients.resume(now, stranded, to, out),
            Input::Redirect { id, to } => self.servers.redirect(id, to, out),
            Input::Abandon(id) => self.servers.abandon(now, id, out),
        }
        effects
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earliest(self.clients.deadline(), self.servers.deadline())
    }

    /// Fires the timers that are due at `now`.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.clients.tick(now, &mut effects);
        self.servers.tick(now, &mut effects);
        effects
    }
}
