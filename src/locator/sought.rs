//! A name whose servers are sought.

use crate::sip::{Host, Transport, Uri, UriTransport};
use std::fmt;

/// A host name with what the URI around it fixes already (RFC 3263 §4).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Sought {
    /// The name, in small letters.
    pub host: String,
    /// With a port there is nothing to be asked but addresses.
    pub port: Option<u16>,
    /// With a transport there is no NAPTR to be asked.
    pub transport: Option<Transport>,
}

impl Sought {
    /// A name and perhaps a port, reached as its domain says.
    #[must_use]
    pub fn new(host: &str, port: Option<u16>) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        Self { host, port, transport: None }
    }

    /// What a URI leads to; `None` when its host is an address, or nothing that we can reach: what a browser writes
    /// in place of an address that it does not know (RFC 7118 §5, RFC 2606 §2), nobody is asked for.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        let Host::Name(name) = uri.host()? else { return None };
        let host = Self::new(name.as_str(), uri.port());
        if host.host == "invalid" || host.host.ends_with(".invalid") {
            return None;
        }
        let transport = match uri.transport() {
            UriTransport::Open => None,
            UriTransport::Only(transport) => Some(transport),
            UriTransport::Unusable => return None,
        };
        Some(Self { transport, ..host })
    }
}

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_says_what_is_still_to_be_asked() {
        let sought = |text: &str| Sought::of(&Uri::parse(text).unwrap());
        let phone = Sought::new("phone.example", None);
        assert_eq!(sought("sip:1@Phone.Example."), Some(phone.clone()));
        let port = Sought { port: Some(5070), ..phone.clone() };
        assert_eq!(sought("sip:1@phone.example:5070"), Some(port));
        let over = |transport| Some(Sought { transport: Some(transport), ..phone.clone() });
        assert_eq!(sought("sip:1@phone.example;transport=TCP"), over(Transport::Tcp));
        assert_eq!(sought("sips:1@phone.example;transport=tcp"), over(Transport::Tls));
        assert_eq!(sought("sips:1@phone.example;transport=ws"), over(Transport::Wss));
        assert_eq!(sought("sips:1@phone.example;transport=udp"), None);
        assert_eq!(sought("sip:1@phone.example;transport=sctp"), None);
        assert_eq!(sought("sip:1@192.0.2.7"), None);
        assert_eq!(sought("tel:+49123"), None);
        for browser in
            ["sip:x@a1b2.invalid;transport=ws", "sip:x@A1b2.Invalid.", "sip:x@invalid:80"]
        {
            assert_eq!(sought(browser), None, "{browser}");
        }
        assert!(sought("sip:x@invalid.example").is_some());
    }
}
