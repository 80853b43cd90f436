//! Header values with a shape of their own, small enough to stand together.

use super::error::{Error, SipFault};
use super::header_name::HeaderName;
use super::host::parse_digits;
use super::lexer;
use super::method::Method;
use super::name_addr::NameAddr;
use super::params::Params;
use std::fmt;

/// What the Contact headers of a message say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Contacts {
    /// `*`: all bindings (RFC 3261 §10.2.2).
    Star,
    /// Addresses, in their order; may be empty.
    List(Vec<NameAddr>),
}

/// Who refreshes a session (RFC 4028 §4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refresher {
    /// The client of the transaction that carries it.
    Uac,
    /// Its server.
    Uas,
}

/// The Session-Expires header (RFC 4028 §4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionExpires {
    /// The interval in seconds.
    pub secs: u32,
    /// Who refreshes, once that is settled.
    pub refresher: Option<Refresher>,
}

/// The RAck header (RFC 3262 §7.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RAck {
    /// The RSeq of the provisional response.
    pub rseq: u32,
    /// The number in its CSeq.
    pub cseq: u32,
    /// The method in its CSeq.
    pub method: Method,
}

/// The Replaces header (RFC 3891 §6.1): a dialog as its receiver sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replaces {
    /// The dialog's Call-ID.
    pub call_id: String,
    /// The tag of the side that receives the header.
    pub to_tag: String,
    /// The tag of the other side.
    pub from_tag: String,
    /// Only while the dialog is early.
    pub early_only: bool,
}

/// One element of the Reason header (RFC 3326 §2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reason {
    /// `SIP`, `Q.850`, …
    pub protocol: String,
    /// The cause, as the protocol numbers them.
    pub cause: Option<u16>,
    /// For people.
    pub text: Option<String>,
}

/// The Event header (RFC 6665 §8.2.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EventPackage {
    /// The package with its templates, in lower case.
    pub package: String,
    /// The id parameter.
    pub id: Option<String>,
}

/// The Subscription-State header (RFC 6665 §8.2.3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubscriptionState {
    /// `active`, `pending`, `terminated`; in lower case.
    pub state: String,
    /// `expires`, `reason`, `retry-after`.
    pub params: Params,
}

/// The Content-Type header: `application/sdp;charset=utf-8`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaType {
    /// Type and subtype in lower case: `application/sdp`.
    pub essence: String,
    /// `charset`, `boundary`, …
    pub params: Params,
}

/// Content-Disposition (RFC 3261 §20.11).
pub(super) struct Disposition {
    /// `session`, `render`, …, in lower case.
    pub kind: String,
    /// `handling`, …
    pub params: Params,
}

impl Disposition {
    pub(super) fn parse(value: &str) -> Result<Self, Error> {
        let (kind, params) = with_params(value, &HeaderName::ContentDisposition)?;
        Ok(Self { kind: kind.to_ascii_lowercase(), params })
    }
}

/// Splits `value;params`, both checked, the value trimmed.
fn with_params<'a>(value: &'a str, header: &HeaderName) -> Result<(&'a str, Params), Error> {
    let len = value.find(';').unwrap_or(value.len());
    let fault = |at| SipFault::Header(header.clone()).at(len + at);
    let params = Params::parse(&value[len..], fault)?;
    Ok((lexer::trim(&value[..len]), params))
}

fn wrong(header: HeaderName) -> Error {
    SipFault::Header(header).at(0)
}

impl SessionExpires {
    pub(super) fn parse(value: &str) -> Result<Self, Error> {
        let header = HeaderName::SessionExpires;
        let (secs, params) = with_params(value, &header)?;
        let secs = parse_digits(secs).ok_or(wrong(header))?;
        let refresher = match params.raw("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err(wrong(HeaderName::SessionExpires)),
            None => None,
        };
        Ok(Self { secs, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresher = match self.refresher {
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
            None => "",
        };
        write!(f, "{}{refresher}", self.secs)
    }
}

impl RAck {
    pub(super) fn parse(value: &str) -> Result<Self, Error> {
        let mut words = value.split_ascii_whitespace();
        let (rseq, cseq, method) = (words.next(), words.next(), words.next());
        let (Some(rseq), Some(cseq), Some(method), None) = (
            rseq.and_then(parse_digits),
            cseq.and_then(parse_digits),
            method.and_then(|name| Method::parse(name).ok()),
            words.next(),
        ) else {
            return Err(wrong(HeaderName::RAck));
        };
        Ok(Self { rseq, cseq, method })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}

impl Replaces {
    /// Reads the header's value; also for the `Replaces` header of a Refer-To URI.
    ///
    /// # Errors
    /// [`SipFault::Header`] naming Replaces, also when a tag is missing.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let (call_id, params) = with_params(value, &HeaderName::Replaces)?;
        let tag = |name| params.raw(name).filter(|tag| !tag.is_empty()).map(str::to_owned);
        match (tag("to-tag"), tag("from-tag")) {
            (Some(to_tag), Some(from_tag)) if !call_id.is_empty() => Ok(Self {
                call_id: call_id.to_owned(),
                to_tag,
                from_tag,
                early_only: params.contains("early-only"),
            }),
            (_, _) => Err(wrong(HeaderName::Replaces)),
        }
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let early = if self.early_only { ";early-only" } else { "" };
        write!(f, "{};to-tag={};from-tag={}{early}", self.call_id, self.to_tag, self.from_tag)
    }
}

impl Reason {
    pub(super) fn parse(element: &str) -> Result<Self, Error> {
        let (protocol, params) = with_params(element, &HeaderName::Reason)?;
        if !lexer::is_token(protocol) {
            return Err(wrong(HeaderName::Reason));
        }
        let cause = params.raw("cause").and_then(parse_digits);
        Ok(Self {
            protocol: protocol.to_owned(),
            cause: cause.and_then(|cause| u16::try_from(cause).ok()),
            text: params.get("text").map(|text| text.into_owned()),
        })
    }
}

impl EventPackage {
    pub(super) fn parse(value: &str) -> Result<Self, Error> {
        let (package, params) = with_params(value, &HeaderName::Event)?;
        if !lexer::is_token(package) {
            return Err(wrong(HeaderName::Event));
        }
        let id = params.get("id").map(|id| id.into_owned());
        Ok(Self { package: package.to_ascii_lowercase(), id })
    }
}

impl SubscriptionState {
    pub(super) fn parse(value: &str) -> Result<Self, Error> {
        let (state, params) = with_params(value, &HeaderName::SubscriptionState)?;
        if !lexer::is_token(state) {
            return Err(wrong(HeaderName::SubscriptionState));
        }
        Ok(Self { state: state.to_ascii_lowercase(), params })
    }
}

impl MediaType {
    pub(super) fn parse(value: &str) -> Result<Self, Error> {
        let (essence, params) = with_params(value, &HeaderName::ContentType)?;
        let (kind, subtype) = essence.split_once('/').unwrap_or(("", ""));
        let (kind, subtype) = (lexer::trim(kind), lexer::trim(subtype));
        if !lexer::is_token(kind) || !lexer::is_token(subtype) {
            return Err(wrong(HeaderName::ContentType));
        }
        let essence = format!("{kind}/{subtype}").to_ascii_lowercase();
        Ok(Self { essence, params })
    }

    /// The same, forgiving parameters that cannot be read.
    pub(super) fn parse_kindly(value: &str) -> Result<Self, Error> {
        let alone = || value.split(';').next().unwrap_or_default();
        Self::parse(value).or_else(|_| Self::parse(alone()))
    }

    /// Whether this is `essence`, written in lower case.
    #[must_use]
    pub fn is(&self, essence: &str) -> bool {
        self.essence == essence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_timers_read_back() {
        for text in ["90", "1800;refresher=uac", "4000000000;refresher=uas"] {
            assert_eq!(SessionExpires::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "x", "90;refresher=me", "-1", "90 90", "4294967296"] {
            assert!(SessionExpires::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn acknowledgements_of_provisionals_read_back() {
        assert_eq!(RAck::parse("7  3 INVITE").unwrap().to_string(), "7 3 INVITE");
        for wrong in ["", "7", "7 3", "7 3 INVITE x", "a 3 INVITE", "7 3 IN:VITE"] {
            assert!(RAck::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_replaced_dialog_has_both_tags() {
        let text = "c@h;to-tag=1;from-tag=2;early-only";
        assert_eq!(Replaces::parse(text).unwrap().to_string(), text);
        for wrong in ["c@h", "c@h;to-tag=1", "c@h;from-tag=2", ";to-tag=1;from-tag=2", "c;to-tag"] {
            assert!(Replaces::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reasons_keep_what_they_understand() {
        let reason = Reason::parse(r#"Q.850 ;cause=16 ;text="a; \"b\"""#).unwrap();
        assert_eq!((reason.protocol.as_str(), reason.cause), ("Q.850", Some(16)));
        assert_eq!(reason.text.as_deref(), Some("a; \"b\""));
        assert_eq!(Reason::parse("SIP;cause=x").unwrap().cause, None);
        assert!(Reason::parse(";cause=1").is_err());
    }

    #[test]
    fn small_values_ignore_case() {
        let media = MediaType::parse("Application / SDP;charset=UTF-8").unwrap();
        assert!(media.is("application/sdp") && !media.is("application/pidf+xml"));
        assert_eq!(media.params.get("charset").as_deref(), Some("UTF-8"));
        assert_eq!(EventPackage::parse("Dialog;id=3").unwrap().package, "dialog");
        let state = SubscriptionState::parse("Terminated;reason=noresource").unwrap();
        assert_eq!(state.state, "terminated");
        for wrong in ["", "a", "a/", "/b", "a/b/c", "a b/c"] {
            assert!(MediaType::parse(wrong).is_err(), "{wrong}");
        }
    }
}
