//! Transactions: a request, its copies, and its answers (RFC 3261 §17, 6026, 4320, 3581).
//!
//! One [`Machine`] keeps all transactions of the house. It repeats and absorbs, matches answers to
//! requests, cancels by §9, and knows nothing of dialogs: the copies of a 2xx to INVITE and their
//! ACK go through to the transaction user.
//!
//! ```text
//! layer 5  machine                   where an input belongs, and what is due when
//! layer 4  saved                     an INVITE without its end as a value
//! layer 3  clients  servers          all of a side
//! layer 2  client_invite  client_non_invite  server_invite  server_non_invite  effect
//! layer 1  id  key  timers  settings  shares
//! ```

mod client_invite;
mod client_non_invite;
mod clients;
mod effect;
mod id;
mod key;
mod machine;
mod saved;
mod server_invite;
mod server_non_invite;
mod servers;
mod settings;
mod shares;
mod timers;

pub use clients::StrandedRequest;
pub use effect::{Effect, TransactionFailure};
pub use id::{Branch, ClientId, ServerId};
pub use machine::{Input, Machine};
pub use saved::{
    InviteHead, SavedClientInvite, SavedClientState, SavedServerInvite, SavedServerState,
};
pub use settings::Settings;
pub use shares::SourceTrust;
