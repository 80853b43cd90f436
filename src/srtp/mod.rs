//! Sealed RTP and RTCP (RFC 3711) under keys that SDP carries (RFC 4568): arithmetic in place.
//!
//! A [`ProtectContext`] belongs to what one leg sends, an [`UnprotectContext`] to what its peer sends; nothing is
//! allocated for a packet. Keys show themselves in no log: their `Debug` is an ellipsis.
//!
//! ```text
//! layer 5  unprotect
//! layer 4  protect
//! layer 3  session        the key stream and the tag
//! layer 2  keys
//! layer 1  suite  mki
//! ```

mod keys;
mod mki;
mod protect;
mod session;
mod suite;
mod unprotect;

pub use keys::{MasterKey, Seed};
pub use mki::{MKI_MAX, Mki};
pub use protect::{INDICES_AHEAD, IndexBound, ProtectContext, SavedProtect};
pub use suite::Suite;
pub use unprotect::{SOURCES_MAX, SavedSource, SavedUnprotect, UnprotectContext};

/// What a packet may grow by: the tag, with RTCP the index, and the name of the key.
pub const GROWTH_MAX: usize = 14 + MKI_MAX;
