//! The switchboard: an operator's work made out of calls, and calls out of what comes in.
//!
//! Knows no SIP message, no SDP and no packet; speaks to phones through `call` and `leg`, to the queue through
//! `acd`, to the operators' states through `presence`, and to desks through `desk`.
//!
//! ```text
//! layer 6  saved           calls as values, and back
//! layer 5  operators       what presence says of them
//! layer 5  views           what goes on now
//! layer 4  dispatch        what a new call is
//! layer 4  replacing transfer   an INVITE that takes a place in a call; two calls of one party are joined
//! layer 4  arriving        answered callers without ACK
//! layer 4  night leaving        closed queues; callers that go on to another number
//! layer 4  queueing taking      what the queue says; what waits for the journal
//! layer 4  commands phones      what desks ask for; operators with only a phone
//! layer 4  legs            what they say, and whose affair it is
//! layer 4  recording       which calls have a file
//! layer 4  hands           several calls of one operator
//! layer 4  terminals       how they stand, for desks that watch them
//! layer 4  offering        why an operator is offered nothing
//! layer 4  adjusting       settings while calls go on
//! layer 3  machine         what it has; calls think, and their steps are carried out
//! layer 2  desks phone_offers   control dialogs; what rings at phones
//! layer 2  unauthenticated      guests before they are let in
//! layer 1  api             what goes in, what comes out
//! layer 1  estimate        how long a caller will wait
//! layer 1  keys            what phone-only operators press
//! layer 1  leg_book settings    whose a leg is; what is configured
//! layer 1  watched_terminals    on which desks keep an eye
//! layer 1  unacknowledged       callers without ACK, and those who are told why before
//! ```

mod adjusting;
mod api;
mod arriving;
mod commands;
mod desks;
mod dispatch;
mod estimate;
mod hands;
mod keys;
mod leaving;
mod leg_book;
mod legs;
mod machine;
mod night;
mod offering;
mod operators;
mod phone_offers;
mod phones;
mod queueing;
mod recording;
mod replacing;
mod saved;
mod settings;
mod taking;
mod terminals;
mod transfer;
mod unacknowledged;
mod unauthenticated;
mod views;
mod watched_terminals;

pub use api::{Effect, IncomingCall, Input, Offered, SetState};
pub use machine::Machine;
pub use offering::NoOffers;
pub use settings::{OnRefusal, Settings};
pub use views::{CallView, OperatorView, QueueView, WaitingView};
