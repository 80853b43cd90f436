//! What goes on after this process: a party of a call as a value.
//!
//! ```text
//! layer 1  saved_party                 a party as a value
//! ```

mod saved_party;

pub use saved_party::{LegPeer, SavedParty, Who};
