//! The exchange: all cores wired into one machine.
//!
//! One input comes in, all that follows from it goes out; there is one deadline. The rooms below
//! speak to each other only through here, in the order in which they spoke.
//!
//! ```text
//!   Sip ─▶ intake ─▶ sip::parse ─▶ transaction ─┬─ REGISTER ─▶ registrar ─▶ answer after the commit
//!                                     ├─ in a dialog ─▶ leg ─┐
//!                                     └─ INVITE ─▶ identify ─▶ leg ─┴─ events ─▶ switchboard
//!   Send ◀─ sip::print ◀─ transaction ◀─ leg ◀──────────── commands ◀──────────────┘
//!
//!   Write ◀─ ledger ◀─ what has to outlive the process      Committed, Unwritten ─▶ ledger ─▶ who waits
//! ```
//!
//! No error of the journal ends anything that goes on. Who waits for a commit is refused after
//! [`COMMIT_MAX`], or as soon as it fails, and what was to be is not; all else holds here, is owed to
//! the journal, and is written when it can be.

mod admin;
mod api;
mod arrivals;
mod changes;
mod credit;
mod desks;
mod intake;
pub mod journal;
mod ledger;
mod machine;
mod names;
mod next_hops;
mod pace;
mod peers;
mod promises;
mod registrations;
mod reload;
mod requests;
mod retention;
mod turned_away;
mod unauthenticated;
mod views;

pub use admin::{AdminRequest, Reply};
pub use api::{Complaint, Effect, Input, Settings};
pub use changes::CHANGES_WAITING_MAX;
pub use intake::{DIALOGS_PACE, PHONES_PACE, REFUSALS_PACE, UNAUTHENTICATED_PACE};
pub use ledger::{COMMIT_MAX, OWED_MAX};
pub use machine::Machine;
pub use next_hops::{TRIED_MAX, TRY_AGAIN, WAY_MAX, WITHOUT_WAY_MAX};
pub use promises::RETRY_AFTER_UNWRITTEN;
pub use reload::Reload;
pub use requests::{TERMINAL_CALLS_PER_SECOND_MAX, TRUNK_CALLS_PER_SECOND_MAX};
pub use retention::{PRUNE_INTERVAL, Retention};
pub use turned_away::{COUNTED_SOURCES_MAX, Refusals, SHOWN_SOURCES_MAX};
pub use unauthenticated::{CALLS_PER_SECOND_MAX, RETRY_AFTER, SOURCES_MAX};
pub use views::Status;
