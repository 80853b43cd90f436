//! Sealed RTP and RTCP (RFC 3711, RFC 7714) under keys that SDP carries (RFC 4568): arithmetic in place.
//!
//! A [`ProtectContext`] belongs to what one leg sends, an [`UnprotectContext`] to what its peer sends; nothing is
//! allocated for a packet. Keys show themselves in no log: their `Debug` is an ellipsis.
//!
//! ```text
//! layer 6  protect  unprotect
//! layer 5  session            the keys of one direction, and where in a packet what stands
//! layer 4  counter_mode  gcm  what seals and proves
//! layer 3  key_stream
//! layer 2  keys
//! layer 1  suite  mki
//! ```

mod counter_mode;
mod gcm;
mod key_stream;
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
pub const GROWTH_MAX: usize = 20 + MKI_MAX;
