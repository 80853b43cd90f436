//! The host part of URIs and Via: an address or a name.

use super::error::{Error, SipFault};
use super::lexer;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host, borrowed from the text it was read from.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub enum Host<'a> {
    /// `192.0.2.7`
    V4(Ipv4Addr),
    /// `[2001:db8::7]`
    V6(Ipv6Addr),
    /// `example.com`
    Name(HostName<'a>),
}

/// A host name: letters, digits, `-`, `.` and `_`; compared by [`Host::matches`] without case.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct HostName<'a>(&'a str);

impl<'a> HostName<'a> {
    /// The name as it was written.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// Whether an address means something within one network only (RFC 1918, RFC 6598, RFC 4193), so that
/// who sees a packet from it is in that network, too.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

impl<'a> Host<'a> {
    /// Reads a host; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// [`SipFault::Uri`] for anything else, such as `192.0.2.300`.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let wrong = || SipFault::Uri.at(0);
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(wrong)?;
            return inner.parse().map(Self::V6).map_err(|_| wrong());
        }
        if !lexer::is_host_text(text) {
            return Err(wrong());
        }
        if text.as_bytes()[0].is_ascii_digit()
            && let Ok(address) = text.parse()
        {
            return Ok(Self::V4(address));
        }
        if labels_are_valid(text.as_bytes()) {
            Ok(Self::Name(HostName(text)))
        } else {
            Err(wrong())
        }
    }

    /// The address, unless it is a name.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::V4(address) => Some(address.into()),
            Self::V6(address) => Some(address.into()),
            Self::Name(_) => None,
        }
    }

    /// Equality as RFC 3261 §19.1.4 and RFC 5118 §4.5 want it: names without case and with or without
    /// the dot of an absolute name (RFC 1034 §3.1), addresses by value, also where one is written as
    /// the IPv6 form of an IPv4 address.
    #[must_use]
    pub fn matches(self, other: Host<'_>) -> bool {
        let relative = |name: &'_ str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        match (self, other) {
            (Self::Name(one), Host::Name(two)) => relative(one.0) == relative(two.0),
            (one, two) => {
                let canonical = |host: Host<'_>| host.address().map(|ip| ip.to_canonical());
                canonical(one).is_some() && canonical(one) == canonical(two)
            }
        }
    }
}

impl From<IpAddr> for Host<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name.0),
        }
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// No label is empty, and the last is no number, so that no mistyped address passes for a name.
fn labels_are_valid(name: &[u8]) -> bool {
    let labels = name.strip_suffix(b".").unwrap_or(name);
    let mut label_len = 0;
    let mut all_digits = true;
    for byte in labels {
        if *byte == b'.' {
            if label_len == 0 {
                return false;
            }
            (label_len, all_digits) = (0, true);
        } else {
            label_len += 1;
            all_digits &= byte.is_ascii_digit();
        }
    }
    label_len > 0 && !all_digits
}

/// Splits `host:port` and reads both.
pub(super) fn parse_host_port(text: &str) -> Result<(Host<'_>, Option<u16>), Error> {
    let colon_or_end = || text.bytes().position(|b| b == b':').unwrap_or(text.len());
    let host_len = match text.as_bytes() {
        [b'[', ..] => text.find(']').map_or(text.len(), |bracket| bracket + 1),
        _ => colon_or_end(),
    };
    let (host, port) = text.split_at(host_len);
    let host = Host::parse(host)?;
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port.strip_prefix(':').unwrap_or("");
    match parse_digits(digits) {
        Some(port @ 1..=0xffff) => Ok((host, u16::try_from(port).ok())),
        Some(_) | None => Err(SipFault::Uri.at(host_len)),
    }
}

/// A decimal number without sign that fits 32 bits.
pub(super) fn parse_digits(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_addresses_or_names() {
        assert_eq!(Host::parse("192.0.2.7"), Ok(Host::V4(Ipv4Addr::new(192, 0, 2, 7))));
        assert_eq!(Host::parse("[::1]"), Ok(Host::V6(Ipv6Addr::LOCALHOST)));
        for name in ["example.com", "example.com.", "a_b-c", "4f3a", "1.2.3.4.example"] {
            assert_eq!(Host::parse(name), Ok(Host::Name(HostName(name))));
        }
        let wrong =
            ["", "192.0.2.300", "1.2.3", "[::1", "::1", "a b", "a..b", ".", "é", "[1.2.3.4]"];
        for wrong in wrong {
            assert_eq!(Host::parse(wrong), Err(SipFault::Uri.at(0)), "{wrong}");
        }
    }

    #[test]
    fn a_port_follows_its_colon() {
        let port = |text| parse_host_port(text).map(|(_, port)| port);
        assert_eq!(port("a:5060"), Ok(Some(5060)));
        assert_eq!(port("[::1]:5060"), Ok(Some(5060)));
        assert_eq!(port("[::1]"), Ok(None));
        for wrong in
            ["a:", "a:0", "a:65536", "a:+1", "[::1]5060", "a:99999999999", "a : 5060", "a:"]
        {
            assert!(port(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn equal_hosts_match() {
        let host = |text| Host::parse(text).unwrap();
        assert!(host("Example.COM").matches(host("example.com")));
        assert!(host("[2001:DB8:0::1]").matches(host("[2001:db8::1]")));
        assert!(host("example.com.").matches(host("EXAMPLE.com")));
        assert!(host("[::ffff:192.0.2.7]").matches(host("192.0.2.7")));
        assert!(!host("example.com").matches(host("example.com.evil")));
        assert!(!host("example.com").matches(host("192.0.2.7")));
        assert!(!host("192.0.2.8").matches(host("192.0.2.7")));
    }
}
