//! The queue: who waits, in which order, and which desks are told of whom.
//!
//! ```text
//!                 ┌──────────── PutBack ────────────┐
//!                 ▼                                 │
//! Arrive ──▶   Waiting ────────── Take ─────────▶ Taken ── Leave ──▶ (remembered 10 minutes)
//!   │             │ Leave, or too long,               ▲   (Free: without its operator, until either)
//!   │             │ or nobody present                 │ Take: it wins until the Leave
//!   ▼             ▼                                   │
//! Refused       Ending ───────────────────────────────┘
//! ```
//!
//! Every waiting request is offered to every idle desk of its queue. Only where none is idle do the
//! busy desks see it, without ringing; what they see stays in their lists when a desk becomes idle.
//!
//! The written rules for ties: requests go by priority, then by arrival; desks are told in the order
//! of their seats (whoever comes takes the foremost free one); alarms due together fire in queue order.
//!
//! This room knows no SIP, no phones and no leases: `presence` says the state of an operator, the
//! switchboard carries it here.
//!
//! ```text
//! layer 5  machine                    every input, one atomic step
//! layer 4  queue                      who waits, in order, and what each desk was told
//! layer 3  effect
//! layer 2  operators  reasons
//! layer 1  seat_set  shares  remembered   sets of seats, parts of a queue, late takes
//! ```

mod effect;
mod machine;
mod operators;
mod queue;
mod reasons;
mod remembered;
mod seat_set;
mod shares;

pub use effect::Effect;
pub use machine::{Arrival, Input, Machine, QueuePlace, Settings};
pub use operators::AgentState;
pub use queue::{Listed, QueueRules, Telling};
pub use reasons::{Denial, Ending, QueueRefusal, WithdrawalReason};
pub use shares::{QueueShares, Share};
