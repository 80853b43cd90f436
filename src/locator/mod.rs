//! Where the servers of a name are: NAPTR, SRV and addresses (RFC 3263), asked again by their TTL.
//!
//! The machine decides what to ask the DNS and when; who performs the asking sees one question and
//! brings one answer. While the DNS is away the last good answer holds.
//!
//! ```text
//!   port given ─────────────────────────────▶ addresses of the name
//!   transport given ───────▶ SRV ── none ───▶ addresses of the name
//!   neither ──▶ NAPTR ─────▶ SRV of each transport that both sides know
//!                 └─ none ─▶ SRV of each of ours ── none ──▶ addresses of the name, UDP
//! ```
//!
//! ```text
//! layer 3  machine
//! layer 2  procedure
//! layer 1  question  sought
//! ```

mod machine;
mod procedure;
mod question;
mod sought;

pub use machine::{
    ABSENT_MAX, ASKED_MAX, Effect, Input, Machine, PATIENCE, RETRY_FIRST, RETRY_MAX, SOUGHT_MAX,
    STALE_MAX, Settings, TTL_MAX, TTL_MIN,
};
pub use procedure::DESTINATIONS_MAX;
pub use question::{DnsAnswer, Naptr, Question, RECORDS_MAX, Records, Srv};
pub use sought::Sought;
