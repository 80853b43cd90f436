//! The operators: who is logged in, at which phone, and how each stands.
//!
//! ```text
//!             Login                      desk lost             lease over, or Logout
//!   out ────────────────▶ in (idle) ◀──────────────▶ in (lease) ─────────────────▶ out
//!                           │  ▲           Login
//!         operator call, or │  │ both are over
//!  call on the desk phone   ▼  │
//!                           busy
//! ```
//!
//! `idle` and `busy` are set by what happens, do-not-disturb by the human, at any time and
//! independently of them; the desk phone may fail for a while; the desk may fall silent. What follows
//! from all of it for the queue is the [`AgentAvailability`].
//!
//! This room knows no requests and no SIP: the switchboard carries the standing to `acd`, and says here
//! when a call engages an operator.
//!
//! ```text
//! layer 2  machine     all operators: logins, leases, phones, engagements
//! layer 1  operator    one of them, and what others see of it
//! ```

mod machine;
mod operator;

pub use machine::{Effect, Input, LoginRefusal, Machine, Settings};
pub use operator::{
    AgentAvailability, ControlDialogState, DeskPhone, LogoutCause, OperatorState, PhoneFailure,
    PhoneState, PresenceView, Stored, WorkMode,
};
