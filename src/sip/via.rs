//! The Via header (RFC 3261 §20.42, RFC 3581).

use super::error::{Error, SipFault};
use super::flow::Transport;
use super::header_name::HeaderName;
use super::host::{self, Host};
use super::lexer;
use super::params::{self, Params};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// The start of a branch made by RFC 3261's rules (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One Via element.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Via {
    /// The transport as written, in capitals: `UDP`, and names that we do not speak.
    protocol: Box<str>,
    sent_by: Box<str>,
    /// `branch`, `received`, `rport`, …
    pub params: Params,
}

impl Via {
    /// A Via of ours.
    #[must_use]
    pub fn new(transport: Transport, host: Host<'_>, port: Option<u16>, branch: &str) -> Self {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let mut params = Params::default();
        params.set("branch", Some(branch));
        Self {
            protocol: transport.via_token().into(),
            sent_by: format!("{host}{port}").into(),
            params,
        }
    }

    /// Reads one element.
    ///
    /// # Errors
    /// [`SipFault::Header`] naming Via; [`SipFault::Version`] for another protocol than SIP/2.0.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let split = split(value)?;
        let params_start = value.len() - split.params.len();
        let fault = |at| SipFault::Header(HeaderName::Via).at(params_start + at);
        let params = Params::parse(split.params, fault)?;
        let protocol = split.protocol.to_ascii_uppercase().into();
        Ok(Self { protocol, sent_by: split.sent_by.into(), params })
    }

    /// Whether [`parse`](Self::parse) would take `value`; without its allocations.
    pub(super) fn check(value: &str) -> Result<(), Error> {
        let split = split(value)?;
        let params_start = value.len() - split.params.len();
        let failed = lexer::check_params(split.params, "branch");
        failed.map_or(Ok(()), |at| Err(SipFault::Header(HeaderName::Via).at(params_start + at)))
    }

    /// The transport, when it is one that we speak.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        Transport::from_token(&self.protocol)
    }

    /// Host and port as written: one part of a server transaction's key (RFC 3261 §17.2.3).
    #[must_use]
    pub fn sent_by(&self) -> &str {
        &self.sent_by
    }

    /// The host of sent-by.
    ///
    /// # Panics
    /// Never: it was checked when it was made.
    #[must_use]
    pub fn host(&self) -> Host<'_> {
        host::parse_host_port(&self.sent_by).expect("sent-by was checked when it was made").0
    }

    /// The port of sent-by, where it is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        host::parse_host_port(&self.sent_by).ok().and_then(|(_, port)| port)
    }

    /// The branch; `None` from elements older than RFC 3261, also when it is the bare cookie.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params.raw("branch").filter(|branch| is_unique(branch))
    }

    /// The address that the next element saw; bare or in brackets for IPv6 (RFC 5118 §4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let value = self.params.raw("received")?;
        value.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// The port that the next element saw; `None` while it is only asked for (RFC 3581 §3).
    #[must_use]
    pub fn rport(&self) -> Option<u16> {
        self.params.raw("rport").and_then(host::parse_digits).and_then(|p| u16::try_from(p).ok())
    }

    /// Whether the sender asks for answers to its source port (RFC 3581 §3).
    #[must_use]
    pub fn asks_for_rport(&self) -> bool {
        self.params.contains("rport")
    }
}

/// The parts of an element, checked but for the parameters.
/// The branch of an element as it is written, where it is one by RFC 3261's rules.
pub(super) fn branch(element: &str) -> Option<&str> {
    let params = split(element).ok()?.params;
    params::find(params, "branch").filter(|branch| is_unique(branch))
}

/// Whether the magic cookie and something more says that this branch is unique (§8.1.1.7).
fn is_unique(branch: &str) -> bool {
    let cookie = branch.get(..MAGIC_COOKIE.len());
    cookie.is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC_COOKIE))
        && branch.len() > MAGIC_COOKIE.len()
}

struct ViaParts<'a> {
    protocol: &'a str,
    /// Without blanks.
    sent_by: Cow<'a, str>,
    params: &'a str,
}

fn split(value: &str) -> Result<ViaParts<'_>, Error> {
    let wrong = || SipFault::Header(HeaderName::Via).at(0);
    let params_start = value.find(';').unwrap_or(value.len());
    let (head, params) = value.split_at(params_start);
    let mut parts = head.splitn(3, '/');
    let mut part = || parts.next().map(lexer::trim).ok_or_else(wrong);
    let (name, version, rest) = (part()?, part()?, part()?);
    if !name.eq_ignore_ascii_case("SIP") || version != "2.0" {
        return Err(SipFault::Version.at(0));
    }
    let protocol = &rest[..lexer::find_any(rest, b" \t").ok_or_else(wrong)?];
    if !lexer::is_token(protocol) {
        return Err(wrong());
    }
    let written = lexer::trim(&rest[protocol.len()..]);
    // Blanks may stand around the colon of the port; they are no part of the meaning.
    let sent_by = match lexer::find_any(written, b" \t") {
        None => Cow::Borrowed(written),
        Some(_) => Cow::Owned(without_blanks_at_colon(written)),
    };
    host::parse_host_port(&sent_by).map_err(|_| wrong())?;
    Ok(ViaParts { protocol, sent_by, params })
}

fn without_blanks_at_colon(text: &str) -> String {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    format!("{}:{}", lexer::trim(host), lexer::trim(port))
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}{}", self.protocol, self.sent_by, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read() {
        let text = "SIP/2.0/udp 192.0.2.1:5060 ; branch=z9hG4bKa ;rport=9; received=[2001:db8::9]";
        let via = Via::parse(text).unwrap();
        assert_eq!(via.transport(), Some(Transport::Udp));
        assert_eq!((via.sent_by(), via.port()), ("192.0.2.1:5060", Some(5060)));
        assert_eq!(via.branch(), Some("z9hG4bKa"));
        assert_eq!((via.rport(), via.asks_for_rport()), (Some(9), true));
        assert_eq!(via.received(), "2001:db8::9".parse().ok());
        let printed = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport=9;received=[2001:db8::9]";
        assert_eq!(via.to_string(), printed);
    }

    #[test]
    fn blanks_and_unknown_transports_are_fine() {
        let via = Via::parse("SIP  / 2.0  / TLS-SCTP     [::1] : 5061  ;\tbranch = x").unwrap();
        assert_eq!((via.transport(), via.sent_by()), (None, "[::1]:5061"));
        assert_eq!(via.branch(), None, "no cookie");
    }

    #[test]
    fn a_bare_cookie_is_no_branch() {
        let branch = |text: &str| Via::parse(text).unwrap().branch().map(str::to_owned);
        assert_eq!(branch("SIP/2.0/UDP a;branch=z9hG4bK"), None);
        assert_eq!(branch("SIP/2.0/UDP a"), None);
        assert_eq!(branch("SIP/2.0/UDP a;branch=Z9HG4BKx").as_deref(), Some("Z9HG4BKx"));
    }

    #[test]
    fn malformed_elements_are_refused() {
        for wrong in [
            "",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/3.0/UDP a",
            "HTTP/2.0/UDP a",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDP a;;",
            "SIP/2.0/UDP a:x",
            "SIP/2.0/UDP 2001:db8::1",
            "SIP/2.0/UDP  ;x=y",
        ] {
            assert!(Via::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_made_element_reads_back() {
        let host = Host::parse("[2001:db8::1]").unwrap();
        let via = Via::new(Transport::Wss, host, Some(443), "z9hG4bK7");
        assert_eq!(via.to_string(), "SIP/2.0/WSS [2001:db8::1]:443;branch=z9hG4bK7");
        assert_eq!(Via::parse(&via.to_string()), Ok(via));
    }
}
