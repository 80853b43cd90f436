//! The queue: who waits, in which order, and which desks are told of whom.
//!
//! ```text
//!                 ┌──────────── PutBack ────────────┐
//!                 ▼                                 │
//! Arrive ──▶   Waiting ────────── Take ─────────▶ Taken ── Leave ──▶ (remembered 10 minutes)
//!   │             │ Leave, or too long, a key,        ▲   (Free: without its operator, until either)
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
//! At night a queue takes no new callers; that is no affair of those who wait, and so stands beside.
//!
//! This room knows no SIP, no phones and no leases: `presence` says the state of an operator, the
//! switchboard carries it here.
//!
//! ```text
//! layer 6  saved                      a request as a value, and back
//! layer 5  machine  night             every input, one atomic step; whether it is night
//! layer 4  queue                      who waits, in order, and what each desk was told
//! layer 3  effect
//! layer 2  operators  reasons
//! layer 1  seat_set  shares  remembered   sets of seats, parts of a queue, late takes
//! layer 1  priority  hours            who goes before others; when a queue is served
//! ```

mod effect;
mod hours;
mod machine;
mod night;
mod operators;
mod priority;
mod queue;
mod reasons;
mod remembered;
mod saved;
mod seat_set;
mod shares;

pub use effect::Effect;
pub use hours::{NightRules, OpenSpan, OpeningHours};
pub use machine::{Arrival, Input, Machine, QueuePlace, Settings};
pub use night::{NightChange, NightService};
pub use operators::AgentState;
pub use priority::{PRIORITY_MAX, QueuePriorities};
pub use queue::{Listed, QueueRules, Telling};
pub use reasons::{Denial, Ending, QueueRefusal, WithdrawalReason};
pub use saved::{RestoredRequest, RestoredState, SavedPlace, SavedWait};
pub use shares::{QueueShares, Share};
