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
//!
//! ```text
//! layer 7  machine                                              one input, and all that follows
//! layer 6  registrations                                        ours at trunks
//! layer 5  arrivals  requests  peers  desks  next_hops  names   what the machine does with what it has
//! layer 5  promises  changes  admin  web  views  reload  retention  saved
//! layer 5  live                                                 what goes on, in writing, and back
//! layer 5  unremembered                                         answers of calls that nobody knows
//! layer 4  rooms                                                all that it has, and how a room is told
//! layer 3  api                                                  what goes in and what comes out
//! layer 3  awaiting                                             what waits for the journal
//! layer 2  ledger  admin_request  web_request  unauthenticated  what is written, and what is asked
//! layer 2  live_rows  left_behind  resuming                     what of it is to be written when; what was left
//! layer 1  journal  intake  credit  pace  turned_away           values that know of no other
//! layer 1  invite_source  leg_peers  desk_dialog  stranded
//! layer 1  settings                                             what is configured
//! ```

mod admin;
mod admin_request;
mod api;
mod arrivals;
mod awaiting;
mod changes;
mod credit;
mod desk_dialog;
mod desks;
mod intake;
mod invite_source;
pub mod journal;
mod ledger;
mod left_behind;
mod leg_peers;
mod live;
mod live_rows;
mod machine;
mod names;
mod next_hops;
mod pace;
mod peers;
mod promises;
mod registrations;
mod reload;
mod requests;
mod resuming;
mod retention;
mod rooms;
mod saved;
mod settings;
mod stranded;
mod turned_away;
mod unauthenticated;
mod unremembered;
mod views;
mod web;
mod web_request;

pub use admin_request::{AdminRequest, Reply, Status};
pub use api::{Complaint, Effect, Input};
pub use changes::CHANGES_WAITING_MAX;
pub use intake::{DIALOGS_PACE, PHONES_PACE, REFUSALS_PACE, UNAUTHENTICATED_PACE};
pub use ledger::{COMMIT_MAX, OWED_MAX};
pub use left_behind::LeftBehind;
pub use live_rows::{CALL_UNWRITTEN_MAX, WRITTEN_WITHIN};
pub use next_hops::{TRY_AGAIN, WAY_MAX};
pub use promises::RETRY_AFTER_UNWRITTEN;
pub use requests::{TERMINAL_CALLS_PER_SECOND_MAX, TRUNK_CALLS_PER_SECOND_MAX};
pub use resuming::{ResumeReport, Resumption};
pub use retention::PRUNE_INTERVAL;
pub use rooms::Machine;
pub use settings::{Reload, Retention, Settings};
pub use stranded::{TRIED_MAX, WITHOUT_WAY_MAX};
pub use turned_away::{COUNTED_SOURCES_MAX, Refusals, SHOWN_SOURCES_MAX};
pub use unauthenticated::{CALLS_PER_SECOND_MAX, RETRY_AFTER, SOURCES_MAX};
pub use unremembered::UNREMEMBERED_PER_SECOND_MAX;
pub use web_request::{
    FAVOURITES_MAX, LoginSource, NOTE_CHARS_MAX, SessionView, TypedSecret, WebReply, WebRequest,
};
