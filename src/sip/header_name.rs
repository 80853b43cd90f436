//! Header names: the known ones as variants, others as they were written.

use super::lexer;
use std::fmt;

/// The name of a header. Case does not matter; compact forms (RFC 3261 §7.3.3) are read as the
/// long form, which is always printed.
#[derive(Clone, Debug)]
pub enum HeaderName {
    /// Accept
    Accept,
    /// Accept-Contact
    AcceptContact,
    /// Accept-Encoding
    AcceptEncoding,
    /// Accept-Language
    AcceptLanguage,
    /// Alert-Info
    AlertInfo,
    /// Allow
    Allow,
    /// Allow-Events
    AllowEvents,
    /// Answer-Mode
    AnswerMode,
    /// Authentication-Info
    AuthenticationInfo,
    /// Authorization
    Authorization,
    /// Call-ID
    CallId,
    /// Call-Info
    CallInfo,
    /// Contact
    Contact,
    /// Content-Disposition
    ContentDisposition,
    /// Content-Encoding
    ContentEncoding,
    /// Content-Language
    ContentLanguage,
    /// Content-Length
    ContentLength,
    /// Content-Type
    ContentType,
    /// CSeq
    CSeq,
    /// Date
    Date,
    /// Diversion
    Diversion,
    /// Error-Info
    ErrorInfo,
    /// Event
    Event,
    /// Expires
    Expires,
    /// Flow-Timer
    FlowTimer,
    /// From
    From,
    /// History-Info
    HistoryInfo,
    /// Identity
    Identity,
    /// In-Reply-To
    InReplyTo,
    /// Info-Package
    InfoPackage,
    /// Join
    Join,
    /// Max-Forwards
    MaxForwards,
    /// MIME-Version
    MimeVersion,
    /// Min-Expires
    MinExpires,
    /// Min-SE
    MinSe,
    /// Organization
    Organization,
    /// P-Access-Network-Info
    PAccessNetworkInfo,
    /// P-Asserted-Identity
    PAssertedIdentity,
    /// P-Called-Party-ID
    PCalledPartyId,
    /// P-Early-Media
    PEarlyMedia,
    /// P-Preferred-Identity
    PPreferredIdentity,
    /// Path
    Path,
    /// Priority
    Priority,
    /// Priv-Answer-Mode
    PrivAnswerMode,
    /// Privacy
    Privacy,
    /// Proxy-Authenticate
    ProxyAuthenticate,
    /// Proxy-Authorization
    ProxyAuthorization,
    /// Proxy-Require
    ProxyRequire,
    /// RAck
    RAck,
    /// RSeq
    RSeq,
    /// Reason
    Reason,
    /// Record-Route
    RecordRoute,
    /// Recv-Info
    RecvInfo,
    /// Refer-Sub
    ReferSub,
    /// Refer-To
    ReferTo,
    /// Referred-By
    ReferredBy,
    /// Reject-Contact
    RejectContact,
    /// Remote-Party-ID
    RemotePartyId,
    /// Replaces
    Replaces,
    /// Reply-To
    ReplyTo,
    /// Request-Disposition
    RequestDisposition,
    /// Require
    Require,
    /// Retry-After
    RetryAfter,
    /// Route
    Route,
    /// Server
    Server,
    /// Service-Route
    ServiceRoute,
    /// Session-Expires
    SessionExpires,
    /// Session-ID
    SessionId,
    /// SIP-ETag
    SipEtag,
    /// SIP-If-Match
    SipIfMatch,
    /// Subject
    Subject,
    /// Subscription-State
    SubscriptionState,
    /// Supported
    Supported,
    /// Target-Dialog
    TargetDialog,
    /// Timestamp
    Timestamp,
    /// To
    To,
    /// Unsupported
    Unsupported,
    /// User-Agent
    UserAgent,
    /// Via
    Via,
    /// Warning
    Warning,
    /// WWW-Authenticate
    WwwAuthenticate,
    /// A name that is not in this list.
    Other(OtherName),
}

/// A header name that [`HeaderName`] has no variant for; always a token.
#[derive(Clone, Debug)]
pub struct OtherName(Box<str>);

macro_rules! header_names {
    ($($variant:ident = $long:literal $(, $compact:literal)?;)+) => {
        /// The header names that have a variant, as they are printed.
        const KNOWN: &[(HeaderName, &str)] = &[$((HeaderName::$variant, $long)),+];

        impl HeaderName {
            /// The long form, capitalised as the RFCs do; an unknown name as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $long,)+
                    Self::Other(name) => &name.0,
                }
            }

            /// The place in [`KNOWN`], and a place of their own for all others.
            pub(super) fn index(&self) -> usize {
                #[derive(Clone, Copy)]
                enum Place { $($variant,)+ Other }
                (match self {
                    $(Self::$variant => Place::$variant,)+
                    Self::Other(_) => Place::Other,
                }) as usize
            }

            fn from_compact(letter: u8) -> Option<Self> {
                match letter.to_ascii_lowercase() {
                    $($($compact => Some(Self::$variant),)?)+
                    _ => None,
                }
            }
        }
    };
}

header_names! {
    Accept = "Accept";
    AcceptContact = "Accept-Contact", b'a';
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AlertInfo = "Alert-Info";
    Allow = "Allow";
    AllowEvents = "Allow-Events", b'u';
    AnswerMode = "Answer-Mode";
    AuthenticationInfo = "Authentication-Info";
    Authorization = "Authorization";
    CallId = "Call-ID", b'i';
    CallInfo = "Call-Info";
    Contact = "Contact", b'm';
    ContentDisposition = "Content-Disposition";
    ContentEncoding = "Content-Encoding", b'e';
    ContentLanguage = "Content-Language";
    ContentLength = "Content-Length", b'l';
    ContentType = "Content-Type", b'c';
    CSeq = "CSeq";
    Date = "Date";
    Diversion = "Diversion";
    ErrorInfo = "Error-Info";
    Event = "Event", b'o';
    Expires = "Expires";
    FlowTimer = "Flow-Timer";
    From = "From", b'f';
    HistoryInfo = "History-Info";
    Identity = "Identity", b'y';
    InReplyTo = "In-Reply-To";
    InfoPackage = "Info-Package";
    Join = "Join";
    MaxForwards = "Max-Forwards";
    MimeVersion = "MIME-Version";
    MinExpires = "Min-Expires";
    MinSe = "Min-SE";
    Organization = "Organization";
    PAccessNetworkInfo = "P-Access-Network-Info";
    PAssertedIdentity = "P-Asserted-Identity";
    PCalledPartyId = "P-Called-Party-ID";
    PEarlyMedia = "P-Early-Media";
    PPreferredIdentity = "P-Preferred-Identity";
    Path = "Path";
    Priority = "Priority";
    PrivAnswerMode = "Priv-Answer-Mode";
    Privacy = "Privacy";
    ProxyAuthenticate = "Proxy-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyRequire = "Proxy-Require";
    RAck = "RAck";
    RSeq = "RSeq";
    Reason = "Reason";
    RecordRoute = "Record-Route";
    RecvInfo = "Recv-Info";
    ReferSub = "Refer-Sub";
    ReferTo = "Refer-To", b'r';
    ReferredBy = "Referred-By", b'b';
    RejectContact = "Reject-Contact", b'j';
    RemotePartyId = "Remote-Party-ID";
    Replaces = "Replaces";
    ReplyTo = "Reply-To";
    RequestDisposition = "Request-Disposition", b'd';
    Require = "Require";
    RetryAfter = "Retry-After";
    Route = "Route";
    Server = "Server";
    ServiceRoute = "Service-Route";
    SessionExpires = "Session-Expires", b'x';
    SessionId = "Session-ID";
    SipEtag = "SIP-ETag";
    SipIfMatch = "SIP-If-Match";
    Subject = "Subject", b's';
    SubscriptionState = "Subscription-State";
    Supported = "Supported", b'k';
    TargetDialog = "Target-Dialog";
    Timestamp = "Timestamp";
    To = "To", b't';
    Unsupported = "Unsupported";
    UserAgent = "User-Agent";
    Via = "Via", b'v';
    Warning = "Warning";
    WwwAuthenticate = "WWW-Authenticate";
}

/// Slots of the table that finds a known name: a power of two well above their number.
const SLOTS: usize = 512;
/// Each known name's place in [`KNOWN`] plus one, at its hash or the next free slot.
static TABLE: [u8; SLOTS] = table();

const fn slot_of(name: &[u8]) -> usize {
    let last = name.len() - 1;
    // Lower case by setting one bit: good enough for letters and '-', and the same on both sides.
    let (first, middle, last) = (name[0] | 32, name[last / 2] | 32, name[last] | 32);
    (first as usize * 7 + middle as usize * 31 + last as usize * 101 + name.len() * 37) % SLOTS
}

const fn table() -> [u8; SLOTS] {
    let mut table = [0; SLOTS];
    let mut place = 0;
    while place < KNOWN.len() {
        let mut slot = slot_of(KNOWN[place].1.as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = place as u8 + 1;
        place += 1;
    }
    table
}

impl HeaderName {
    /// Reads a name in any case, long or compact; `None` when it is no token.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.as_bytes() {
            [] => return None,
            [letter] => {
                if let Some(known) = Self::from_compact(*letter) {
                    return Some(known);
                }
            }
            bytes => {
                let mut slot = slot_of(bytes);
                while TABLE[slot] != 0 {
                    let (known, long) = &KNOWN[usize::from(TABLE[slot]) - 1];
                    if long.eq_ignore_ascii_case(name) {
                        return Some(known.clone());
                    }
                    slot = (slot + 1) % SLOTS;
                }
            }
        }
        lexer::is_token(name).then(|| Self::Other(OtherName(name.into())))
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(one), Self::Other(two)) => one.0.eq_ignore_ascii_case(&two.0),
            (one, two) => one.index() == two.index(),
        }
    }
}

impl Eq for HeaderName {}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_reads_back_in_any_case() {
        for (name, long) in KNOWN {
            assert_eq!(HeaderName::parse(long).as_ref(), Some(name));
            assert_eq!(HeaderName::parse(&long.to_lowercase()).as_ref(), Some(name));
            assert_eq!(HeaderName::parse(&long.to_uppercase()).as_ref(), Some(name));
        }
    }

    #[test]
    fn compact_forms_are_the_long_ones() {
        for (compact, long) in [("v", "Via"), ("I", "Call-ID"), ("x", "Session-Expires")] {
            assert_eq!(HeaderName::parse(compact).unwrap().as_str(), long);
        }
        assert_eq!(HeaderName::parse("z").unwrap().as_str(), "z");
    }

    #[test]
    fn unknown_names_keep_their_spelling_and_ignore_case() {
        let name = HeaderName::parse("X-cordBoard").unwrap();
        assert_eq!(name.as_str(), "X-cordBoard");
        assert_eq!(name, HeaderName::parse("x-CORDBOARD").unwrap());
        assert_ne!(name, HeaderName::parse("X-Cardboard").unwrap());
    }

    #[test]
    fn only_tokens_are_names() {
        for wrong in ["", "Via ", "Via:", "X\r\nY", "X Y", "\u{e9}t\u{e9}"] {
            assert_eq!(HeaderName::parse(wrong), None, "{wrong:?}");
        }
    }
}
