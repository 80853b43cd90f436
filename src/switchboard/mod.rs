//! The switchboard: all that makes a telephone call out of legs, and an operator's work out of calls.
//!
//! Knows no SIP message, no SDP and no packet; speaks to phones through `leg`, to the queue through
//! `acd`, to the operators' states through `presence`, and to desks through `desk`.
//!
//! ```text
//!   dispatch   what a new call is            admission  who may call whom, and why
//!   call       through an operator: states, who hears whom, how it ends
//!     waiting        182, answer, announcement, overflow
//!     consultation   the wanted person is called, and talked to unheard
//!     handover       the health gate, the release
//!   direct     between two parties           transfer   REFER with Replaces
//!     camera         one party, and a place to look at
//!   ringing    phones that ring in parallel
//!   arriving   answered callers without ACK     unauthenticated  guests before they are let in
//!   legs       what legs say, and whose affair it is
//!   desks      control dialogs               desk       their protocol
//!   commands   what desks ask for            phones     operators with only a phone
//!   offering   why an operator is offered nothing    adjusting  settings while calls go on
//! ```

mod adjusting;
pub mod admission;
mod arriving;
mod call;
pub mod call_record;
mod calls;
mod camera;
mod commands;
mod consultation;
mod context;
pub mod desk;
mod desks;
mod direct;
mod dispatch;
mod ending;
mod entrusting;
mod estimate;
mod handover;
mod keys;
mod legs;
mod log_event;
mod machine;
mod offering;
mod phones;
mod recording;
mod refusal;
mod replacing;
mod ringing;
mod settings;
mod taking;
mod transfer;
mod unauthenticated;
mod views;
mod waiting;

pub use context::{Keep, SwitchboardContext};
pub use dispatch::{IncomingCall, Offered};
pub use log_event::LogEvent;
pub use machine::{Effect, Input, Machine, SetState};
pub use offering::NoOffers;
pub use recording::{Recorded, RecordingCommand};
pub use settings::{AnsweredBy, OnRefusal, QueueSettings, Settings};
pub use views::{CallView, OperatorView, WaitingView};
