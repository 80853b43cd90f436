//! The exchange: all cores wired into one machine.
//!
//! One input comes in, all that follows from it goes out; there is one deadline. The rooms below
//! speak to each other only through here, in the order in which they spoke.
//!
//! ```text
//!   Sip ─▶ sip::parse ─▶ transaction ─┬─ REGISTER ─▶ registrar ─▶ answer after the commit
//!                                     ├─ in a dialog ─▶ leg ─┐
//!                                     └─ INVITE ─▶ identify ─▶ leg ─┴─ events ─▶ switchboard
//!   Send ◀─ sip::print ◀─ transaction ◀─ leg ◀──────────── commands ◀──────────────┘
//! ```

mod admin;
mod desks;
mod doorway;
pub mod journal;
mod machine;
mod names;
mod requests;
mod retention;
mod strangers;
mod views;

pub use admin::{Reply, Request as AdminRequest};
pub use doorway::{Effect, Grievance, Input, Settings};
pub use machine::Machine;
pub use retention::{PRUNE_INTERVAL, Retention};
pub use strangers::{CALLS_PER_SECOND_MAX, OPEN_CALLS_MAX, RETRY_AFTER, SOURCES_MAX};
pub use views::Status;
