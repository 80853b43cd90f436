//! The handshakes of DTLS-SRTP (RFC 5763, 5764): on a thread of their own, since one costs as much as a thousand
//! packets, and by a library, whose values no other file sees.
//!
//! ```text
//!   relay ── datagrams of proven addresses ──▶ HandshakeWorker ══ queue ══▶ HandshakeTable
//!   exchange ── begin, end ───────────────────▶      │                        │ one association for each port;
//!   relay ◀── flights ──────────────────────────────┤ ◀═══ queue ════════════ │ a panic costs its own alone
//!   exchange ◀── keyed, closed, failed ─────────────┘                         └
//! ```

mod association;
#[cfg(test)]
mod foreign;
mod identity;
mod keying;
mod table;
#[cfg(test)]
mod tests;
mod worker;

pub use identity::{DtlsIdentity, DtlsIdentityFault};
pub use table::{HandshakeTable, TableOrder, TableOutcome, UNDER_WAY_MAX};
pub use worker::{HandshakeNews, HandshakeWorker, QUEUED_MAX};
