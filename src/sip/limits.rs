//! What a SIP message may weigh. Each limit has its test beside the code that keeps it.

/// The longest message: 64 KiB, also on a stream.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// The longest start line and header block together, blank line included.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The most header lines of one message, folded ones counted once.
pub const HEADER_LINES_MAX: usize = 128;
/// The longest header line, folds included.
pub const HEADER_LINE_BYTES_MAX: usize = 8 * 1024;
/// The longest URI: 1 KiB; a longer Request-URI is answered 414.
pub const URI_BYTES_MAX: usize = 1024;
/// The most Via elements: Max-Forwards starts at 70, so an honest path is no longer.
pub const VIAS_MAX: usize = 70;
/// The most addresses in Contact, Route, Record-Route, Path and their kin.
pub const ADDRESSES_MAX: usize = 32;
/// The longest Call-ID, tag or branch. Border controllers that hide their network write whole
/// headers of the far side into them.
pub const IDENTIFIER_BYTES_MAX: usize = 1024;
