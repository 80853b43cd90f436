//! Sealed RTP and RTCP (RFC 3711) under keys that SDP carries (RFC 4568): arithmetic in place.
//!
//! A [`Sealer`] belongs to what one leg sends, an [`Opener`] to what its peer sends; nothing is
//! allocated for a packet. Keys show themselves in no log: their `Debug` is an ellipsis.

mod keys;
mod mki;
mod opener;
mod sealer;
mod session;
mod suite;

pub use keys::{Keys, Seed};
pub use mki::{MKI_MAX, Mki};
pub use opener::{Opener, SOURCES_MAX};
pub use sealer::Sealer;
pub use suite::Suite;

/// What a packet may grow by: the tag, with RTCP the index, and the name of the key.
pub const GROWTH_MAX: usize = 14 + MKI_MAX;
