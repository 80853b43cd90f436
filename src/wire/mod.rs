//! What passes between the doors of the house and its loop: administration in words, and what pages bring.
//!
//! The socket of administration, the command line and the pages speak it; none of them knows another.
//!
//! ```text
//! layer 2  admin_wire                                 requests and answers as lines of JSON
//! layer 1  admin_rows  pending_request  page_stream   rows in words; what waits for the loop; connections of pages
//! ```

pub mod admin_rows;
pub mod admin_wire;
mod page_stream;
mod pending_request;

pub use page_stream::{
    ByteStream, PageConnection, PageService, Served, SipDoor, SipEntry, SipRefusal, SipVisit,
    SipVisitor,
};
pub use pending_request::{PendingRequest, REQUESTS_MAX};
