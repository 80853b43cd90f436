//! What a session works with while it handles one input.

use super::effect::{Effect, Event};
use super::settings::Settings;
use super::transactions::{ClientTx, Owners, ServerTx};
use crate::ids::LegId;
use crate::random::{Random, take_out};
use crate::sip::{Destination, Realms, Request, Response};
use crate::time::Instant;
use std::collections::BTreeMap;

/// The moment, the world's arguments, and where effects go.
pub struct DialogContext<'a> {
    /// The leg at hand.
    pub leg: LegId,
    /// Now.
    pub now: Instant,
    /// The room's settings.
    pub settings: &'a Settings,
    /// Chance.
    pub random: &'a mut Random,
    /// Whose what is.
    pub owners: &'a mut Owners,
    /// In which realms trunks are answered, by name.
    pub realms: &'a mut BTreeMap<String, Realms>,
    /// Effects.
    pub out: &'a mut Vec<Effect>,
}

impl DialogContext<'_> {
    /// Tells the floor above.
    pub fn tell(&mut self, event: Event) {
        self.out.push(Effect::Event { leg: self.leg, event });
    }

    /// Sends a request in a transaction of its own.
    pub fn ask(&mut self, to: Destination, request: Request) -> ClientTx {
        let transaction = self.owners.mint();
        self.owners.clients.insert(transaction, self.leg);
        self.out.push(Effect::Request { transaction, to, request });
        transaction
    }

    /// No answer to this request is expected any more.
    pub fn forget(&mut self, transaction: ClientTx) {
        take_out(&mut self.owners.clients, &transaction);
    }

    /// Answers a request.
    pub fn respond(&mut self, transaction: ServerTx, response: Response) {
        if response.status.is_final() {
            take_out(&mut self.owners.invites, &transaction);
        }
        self.out.push(Effect::Respond { transaction, response });
    }
}
