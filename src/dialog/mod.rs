//! Dialogs: INVITE sessions from the first INVITE to the last BYE (RFC 3261 §12 to §15, 3262, 3311,
//! 3515, 4028, 6086).
//!
//! One [`Machine`] keeps all of them, each under the name of its leg, in either role. It knows no
//! SDP: bodies are bytes, and only who owes an answer to whose offer matters here. It knows no
//! transactions either, only their names. Nothing of the peer's headers goes up that is not in
//! [`Event`], so Answer-Mode, answer-after and Alert-Info of a phone reach nobody.

mod calling;
mod change;
mod context;
mod effect;
mod identity;
mod input;
mod machine;
mod refer;
mod reliable;
mod requests;
mod ringing;
mod route_set;
mod session;
mod session_timer;
mod stored;

pub use effect::{Effect, EndingSide, Event};
pub use input::{
    Body, CallTarget, ClientTx, Command, HeaderLines, IncomingInvite, Input, OutgoingCall,
    RequestFailure, ServerTx, TrunkCredentials,
};
pub use machine::{Machine, Settings};
pub use stored::{DialogKey, StoredDialog};
