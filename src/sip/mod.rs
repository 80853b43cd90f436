//! SIP as values: messages are parsed, looked at, put together and printed here.
//!
//! The lexer, parser and printer are our own: they keep the order of lines and the bytes of values
//! and bodies, and read what RFC 4475 calls valid. rsip, which this room alone names, gives the
//! vocabulary of methods and transports. Nothing here knows transactions, dialogs or time.
//!
//! ```text
//! layer 9  typed  framing  multipart  summary    what is read of a message, and out of a stream
//! layer 8  parse  print  values  digest_client   bytes to messages, and back
//! layer 7  message  name_addr  number  digest_realms
//! layer 6  uri  via  digest  own_addresses
//! layer 5  host  method  params  tags
//! layer 4  headers  error
//! layer 3  header_name
//! layer 2  lexer
//! layer 1  limits  status  flow  network
//! ```

pub mod digest;
mod digest_client;
mod digest_realms;
mod error;
mod flow;
mod framing;
mod header_name;
mod headers;
mod host;
mod lexer;
pub mod limits;
mod message;
mod method;
pub mod multipart;
mod name_addr;
mod network;
mod number;
mod own_addresses;
mod params;
mod parse;
mod print;
mod status;
mod summary;
mod tags;
mod typed;
mod uri;
mod values;
mod via;

pub use digest_client::{
    ANSWERED_MAX, AnsweredChallenges, DigestClient, KnownChallenge, REALMS_MAX,
};
pub use digest_realms::{NAMED_MAX, Realms};
pub use error::{Error, SipFault};
pub use flow::{Destination, Flow, Transport, network};
pub use framing::{FramedInput, Framing};
pub use header_name::{HeaderName, OtherName};
pub use headers::Headers;
pub use host::{Host, HostName, is_private};
pub use limits::MESSAGE_BYTES_MAX;
pub use message::{MAX_FORWARDS, Message, Request, Response};
pub use method::Method;
pub use name_addr::NameAddr;
pub use network::{Network, NoNetwork};
pub use number::{NUMBER_PARAMS_BYTES_MAX, without_separators};
pub use own_addresses::{MediaAddress, OwnAddresses};
pub use params::Params;
pub use parse::{busy_response, parse, parse_failure_response};
pub use print::{print, printed_len};
pub use status::StatusCode;
pub use summary::{RequestSummary, summarize};
pub use tags::Tags;
pub use uri::{Scheme, Uri, UriTransport};
pub use values::{
    Contacts, EventPackage, MediaType, RAck, Reason, Refresher, Replaces, SessionExpires,
    SubscriptionState,
};
pub use via::{MAGIC_COOKIE, Via};
