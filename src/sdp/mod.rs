//! Session descriptions (RFC 8866): a tolerant parser, a strict printer, and what media lines say.
//!
//! What a phone got slightly wrong is read as it was meant; what we print is always by the book.
//! Lines that no rule of ours asks for (`i= u= e= p= r= z= k=`) are dropped. Whether an answer
//! fits an offer is for the floors above.
//!
//! ```text
//! layer 3  parse  print  attributes  bundle
//! layer 2  session                     the parts as values
//! layer 1  direction
//! ```

mod attributes;
mod bundle;
mod direction;
mod parse;
mod print;
mod session;

pub use attributes::{Crypto, RtpMap};
pub use direction::Direction;
pub use parse::{
    ATTRIBUTES_MAX, BANDWIDTHS_MAX, BYTES_MAX, Error, FORMATS_MAX, LINE_MAX, MEDIA_MAX, SdpFault,
};
pub use session::{
    Attribute, Bandwidth, ConnectionData, ConnectionHost, MediaDescription, MediaKind, Origin,
    SessionDescription,
};
