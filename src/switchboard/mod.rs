//! The switchboard: an operator's work made out of calls, and calls out of what comes in.
//!
//! Knows no SIP message, no SDP and no packet; speaks to phones through `call` and `leg`, to the queue through
//! `acd`, to the operators' states through `presence`, and to desks through `desk`.
//!
//! ```text
//!   dispatch   what a new call is              replacing  an INVITE that takes a place in a call
//!   transfer   two calls of one party are joined
//!   arriving   answered callers without ACK    unauthenticated  guests before they are let in
//!   taking     what waits for the journal      recording  which calls have a file
//!   legs       what legs say, and whose affair it is; leg_book knows
//!   desks      control dialogs                 commands   what desks ask for
//!   phones     operators with only a phone     keys       what they press
//!   offering   why an operator is offered nothing    adjusting  settings while calls go on
//!   estimate   how long a caller will wait     views      what goes on now
//! ```

mod adjusting;
mod arriving;
mod commands;
mod desks;
mod dispatch;
mod estimate;
mod keys;
mod leg_book;
mod legs;
mod machine;
mod offering;
mod phones;
mod recording;
mod replacing;
mod settings;
mod taking;
mod transfer;
mod unauthenticated;
mod views;

pub use dispatch::{IncomingCall, Offered};
pub use machine::{Effect, Input, Machine, SetState};
pub use offering::NoOffers;
pub use settings::{OnRefusal, Settings};
pub use views::{CallView, OperatorView, WaitingView};

// What the rooms above know of calls, they know from here.
pub use crate::call::{
    AnsweredBy, Keep, LogEvent, QueueSettings, Recorded, RecordingCommand, SwitchboardContext,
    admission, call_record,
};
pub use crate::desk;
