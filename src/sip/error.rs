//! What is wrong with a message, where, and which status answers it.

use super::header_name::HeaderName;
use super::status::StatusCode;

/// A fault of the peer: what is wrong and where.
///
/// `offset` counts bytes from the start of the text that was given to the parser: of the datagram
/// for [`parse`](super::parse()), of the header value for typed values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct Error {
    /// What is wrong.
    pub what: SipFault,
    /// Where it was seen.
    pub offset: usize,
}

/// The kinds of fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SipFault {
    /// Nothing but line ends: a keep-alive (RFC 5626 §3.5.1), not a message and not answered.
    #[error("a keep-alive without a message")]
    KeepAlive,
    /// The blank line after the headers is missing.
    #[error("the header block has no end")]
    Truncated,
    /// Neither a request line nor a status line.
    #[error("malformed start line")]
    StartLine,
    /// A version other than SIP/2.0.
    #[error("unsupported SIP version")]
    Version,
    /// A method that is no token.
    #[error("malformed method")]
    Method,
    /// A status code outside 100 to 699.
    #[error("malformed status code")]
    Status,
    /// A URI that breaks its grammar.
    #[error("malformed URI")]
    Uri,
    /// A URI longer than [`URI_BYTES_MAX`](super::limits::URI_BYTES_MAX).
    #[error("URI too long")]
    UriTooLong,
    /// A Request-URI of a scheme other than sip, sips and tel.
    #[error("unsupported URI scheme")]
    Scheme,
    /// A header line without a name or a colon.
    #[error("malformed header line")]
    HeaderLine,
    /// A bare CR, or a NUL outside a quoted pair.
    #[error("forbidden control character")]
    ControlCharacter,
    /// A header that must be there is not.
    #[error("{0} is missing")]
    Missing(HeaderName),
    /// A header that may appear once appears again.
    #[error("{0} is there more than once")]
    Repeated(HeaderName),
    /// A header value that breaks its grammar.
    #[error("malformed {0}")]
    Header(HeaderName),
    /// The method in CSeq is not that of the request line.
    #[error("CSeq names another method")]
    CSeqMethod,
    /// Content-Length promises more than there is.
    #[error("body shorter than its Content-Length")]
    BodyTooShort,
    /// More than [`MESSAGE_BYTES_MAX`](super::limits::MESSAGE_BYTES_MAX).
    #[error("message too large")]
    MessageTooLarge,
    /// More than [`HEAD_BYTES_MAX`](super::limits::HEAD_BYTES_MAX),
    /// [`HEADER_LINES_MAX`](super::limits::HEADER_LINES_MAX) or
    /// [`HEADER_LINE_BYTES_MAX`](super::limits::HEADER_LINE_BYTES_MAX).
    #[error("headers too large")]
    HeadersTooLarge,
    /// More elements than [`VIAS_MAX`](super::limits::VIAS_MAX) or
    /// [`ADDRESSES_MAX`](super::limits::ADDRESSES_MAX).
    #[error("too many elements in {0}")]
    TooMany(HeaderName),
    /// A digest feature that we do not speak: `username*`, `userhash`.
    #[error("unsupported digest username encoding")]
    UsernameEncoding,
    /// A digest algorithm other than MD5 and SHA-256, or a qop other than auth.
    #[error("unsupported digest algorithm or qop")]
    DigestAlgorithm,
}

impl SipFault {
    /// This fault, seen at `offset`.
    pub(super) fn at(self, offset: usize) -> Error {
        Error { what: self, offset }
    }
}

impl Error {
    /// The final response that a request with this fault deserves.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.what {
            SipFault::KeepAlive
            | SipFault::Truncated
            | SipFault::StartLine
            | SipFault::Method
            | SipFault::Status
            | SipFault::Uri
            | SipFault::HeaderLine
            | SipFault::ControlCharacter
            | SipFault::Missing(_)
            | SipFault::Repeated(_)
            | SipFault::Header(_)
            | SipFault::CSeqMethod
            | SipFault::BodyTooShort
            | SipFault::UsernameEncoding
            | SipFault::DigestAlgorithm => StatusCode::BAD_REQUEST,
            SipFault::UriTooLong => StatusCode::REQUEST_URI_TOO_LONG,
            SipFault::Scheme => StatusCode::UNSUPPORTED_URI_SCHEME,
            SipFault::Version => StatusCode::VERSION_NOT_SUPPORTED,
            SipFault::MessageTooLarge | SipFault::HeadersTooLarge | SipFault::TooMany(_) => {
                StatusCode::MESSAGE_TOO_LARGE
            }
        }
    }

    /// This error, `by` bytes further on: from an offset in a part to one in the whole.
    pub(super) fn moved(mut self, by: usize) -> Self {
        self.offset += by;
        self
    }
}
