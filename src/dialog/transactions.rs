//! Transactions by name, and whose they are.

use crate::ids::LegId;
use crate::random::{KeyedMap, Random};
use std::collections::HashMap;

/// A request of ours on its way, in the room's own numbering.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientTx(pub u64);

/// A request that waits for our answer, in the numbering of whoever brings it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerTx(pub u64);

/// So many bits of room there are above the first name of a request of ours.
const FRESH_BITS: u32 = 8;

/// Whose our requests, and the INVITEs that wait for an answer, are.
#[derive(Debug)]
pub struct Owners {
    last_client: u64,
    /// Requests of ours that may still be answered.
    pub clients: KeyedMap<ClientTx, LegId>,
    /// INVITEs without a final response.
    pub invites: KeyedMap<ServerTx, LegId>,
}

impl Owners {
    /// Nothing on its way.
    pub fn new(random: &mut Random) -> Self {
        let keys = random.map_keys();
        Self {
            // Anywhere, so that what an earlier process has sent and what this one sends have not one name.
            last_client: (keys.fingerprint("client transactions") as u64) >> FRESH_BITS,
            clients: HashMap::with_hasher(keys),
            invites: HashMap::with_hasher(random.map_keys()),
        }
    }

    /// A request of ours that an earlier process may have sent; no fresh one has its name.
    pub fn resume(&mut self, transaction: ClientTx, leg: LegId) {
        self.last_client = self.last_client.max(transaction.0);
        self.clients.insert(transaction, leg);
    }

    /// This leg has no dialog any more.
    pub fn forget(&mut self, leg: LegId) {
        self.clients.retain(|_, owner| *owner != leg);
        self.invites.retain(|_, owner| *owner != leg);
    }

    /// A fresh name for a request of ours.
    pub fn mint(&mut self) -> ClientTx {
        self.last_client += 1;
        ClientTx(self.last_client)
    }
}
