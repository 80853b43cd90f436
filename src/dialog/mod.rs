//! Dialogs: INVITE sessions from the first INVITE to the last BYE (RFC 3261 §12 to §15, 3262, 3311,
//! 3515, 4028, 6086).
//!
//! One [`Machine`] keeps all of them, each under the name of its leg, in either role. It knows no
//! SDP: bodies are bytes, and only who owes an answer to whose offer matters here. It knows no
//! transactions either, only their names. Nothing of the peer's headers goes up that is not in
//! [`Event`], so Answer-Mode, answer-after and Alert-Info of a phone reach nobody.
//!
//! ```text
//! layer 7  machine                                        whose an input is, and what is due when
//! layer 6  commands  requests  calling  ringing  change   what a session does
//! layer 6  refer  sending  acks  ending  saved
//! layer 5  session  input  saved_early                    one leg, and all that may reach it; an open INVITE
//! layer 4  forks  pending_invite  session_changes         what a leg is made of
//! layer 4  sent  sent_acks  credentials  refusal
//! layer 3  context  stored  handshake                     with what an input is met; who waits for whom
//! layer 2  identity  reliable  session_timer  effect      one dialog and its timers; what goes out
//! layer 1  settings  message  transactions  route_set     what all of them speak in
//! ```

mod acks;
mod calling;
mod change;
mod commands;
mod context;
mod credentials;
mod effect;
mod ending;
mod forks;
mod handshake;
mod identity;
mod input;
mod machine;
mod message;
mod pending_invite;
mod refer;
mod refusal;
mod reliable;
mod requests;
mod ringing;
mod route_set;
mod saved;
mod saved_early;
mod sending;
mod sent;
mod sent_acks;
mod session;
mod session_changes;
mod session_timer;
mod settings;
mod stored;
mod transactions;

pub use credentials::{SavedLogin, TrunkCredentials};
pub use effect::{Effect, EndingSide, Event};
pub use handshake::OfferOwner;
pub use input::{Command, IncomingInvite, Input, OutgoingCall, RequestFailure};
pub use machine::Machine;
pub use message::{Body, HeaderLines};
pub use route_set::CallTarget;
pub use saved::SavedDialog;
pub use saved_early::{
    SavedAnswer, SavedCalling, SavedFork, SavedPhase, SavedProvisional, SavedRepeat,
    SavedRingingInvite,
};
pub use sent_acks::SavedAck;
pub use session::DialogRole;
pub use session_changes::{SavedChange, Why};
pub use session_timer::{RefreshingSide, SavedTimer};
pub use settings::Settings;
pub use stored::{DialogKey, StoredDialog};
pub use transactions::{ClientTx, ServerTx};
