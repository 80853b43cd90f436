//! `[web]`: where pages are served, and whose pages may speak with us.

use super::reader::{Reader, Remedy, Section};
use super::tls::origin;
use super::values::{self, ListenSocket, list, truth};
use crate::server::PageListener;
use crate::sip::Transport;
use std::net::SocketAddr;
use toml::de::DeValue;

/// The most sockets of pages.
pub const PAGES_MAX: usize = 16;

/// `[web]`
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WebSection {
    /// Where pages are served; nowhere unless the file says so.
    pub listen: Vec<PageSocket>,
    /// Other sites whose pages may speak SIP with us over ws and wss, in small letters.
    pub origins: Vec<String>,
    /// A proxy is before us, which speaks TLS with browsers and says whom it speaks for.
    pub proxy: bool,
}

/// A socket that pages are served on.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PageSocket {
    /// Where.
    pub address: SocketAddr,
    /// By TLS.
    pub sealed: bool,
}

impl PageSocket {
    pub(super) fn listener(&self) -> PageListener {
        PageListener { address: self.address, sealed: self.sealed }
    }
}

/// How an address is written.
#[derive(Clone, Copy, Eq, PartialEq)]
enum PageScheme {
    Http,
    Https,
    /// What its address is for.
    Unsaid,
}

pub(super) fn web<'a>(
    reader: &mut Reader<'_>,
    section: &Section<'a>,
    sip: &[ListenSocket],
) -> WebSection {
    reader.allow(section, &["listen", "origins", "proxy"]);
    let proxy = reader.value(section, "proxy", truth).unwrap_or_default();
    let origins = |value: &DeValue<'_>| list(value, values::LIST_MAX, origin);
    let origins = reader.value(section, "origins", origins).unwrap_or_default();
    let listen = |value: &DeValue<'_>| {
        let sockets = match value.as_str() {
            Some(one) => vec![page_socket(one, proxy)?],
            None => list(value, PAGES_MAX, |text| page_socket(text, proxy))?,
        };
        for (place, page) in sockets.iter().enumerate() {
            let others = sockets[..place].iter().map(|other| other.address);
            let mut others = others.filter(|other| overlap(*other, page.address));
            if let Some(other) = others.next() {
                return Err(format!("{other} and {} are one: keep one", page.address).into());
            }
            let by_stream = |socket: &&ListenSocket| {
                socket.transport != Transport::Udp && overlap(socket.address, page.address)
            };
            if let Some(taken) = sip.iter().find(by_stream) {
                let ListenSocket { transport, address } = taken;
                let token = transport.uri_token();
                let remedy = format!(
                    "\"{token}:{address}\" of sip.listen has this address: give another port"
                );
                return Err(remedy.into());
            }
        }
        Ok(sockets)
    };
    let listen = reader.value(section, "listen", listen).unwrap_or_default();
    WebSection { listen, origins, proxy }
}

/// `127.0.0.1:8088`, `https:192.0.2.7:8443`.
fn page_socket(text: &str, proxy: bool) -> Result<PageSocket, Remedy> {
    let (scheme, rest) = match (text.strip_prefix("http:"), text.strip_prefix("https:")) {
        (Some(rest), _) => (PageScheme::Http, rest),
        (None, Some(rest)) => (PageScheme::Https, rest),
        (None, None) => (PageScheme::Unsaid, text),
    };
    let no_address = || format!("{text:?} is no address and port: write \"127.0.0.1:8088\"");
    let address: SocketAddr = rest.parse().map_err(|_| no_address())?;
    let is_loopback = address.ip().to_canonical().is_loopback();
    let sealed = match scheme {
        PageScheme::Https => true,
        PageScheme::Http if !is_loopback && !proxy => {
            return Err(format!(
                "browsers give no camera and no microphone to a page in clear from another machine: write \
                 \"https:{address}\", or proxy = true where a proxy before it speaks TLS"
            )
            .into());
        }
        PageScheme::Http => false,
        PageScheme::Unsaid => !is_loopback && !proxy,
    };
    Ok(PageSocket { address, sealed })
}

/// Whether no two listeners can have both; port 0 is any that is free.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0
        && one.port() == other.port()
        && one.is_ipv4() == other.is_ipv4()
        && (one.ip() == other.ip() || any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_loopback_is_sealed_unless_a_proxy_does_that() {
        let sealed = |text, proxy| page_socket(text, proxy).map(|page| page.sealed).ok();
        for (text, alone, behind) in [
            ("127.0.0.1:8088", Some(false), Some(false)),
            ("[::1]:8088", Some(false), Some(false)),
            ("[::ffff:127.0.0.1]:8088", Some(false), Some(false)),
            ("0.0.0.0:8088", Some(true), Some(false)),
            ("192.0.2.7:8088", Some(true), Some(false)),
            ("https:127.0.0.1:8088", Some(true), Some(true)),
            ("http:127.0.0.1:8088", Some(false), Some(false)),
            ("http:192.0.2.7:8088", None, Some(false)),
            ("http:[::]:8088", None, Some(false)),
            ("localhost:8088", None, None),
        ] {
            assert_eq!((sealed(text, false), sealed(text, true)), (alone, behind), "{text}");
        }
    }

    #[test]
    fn two_that_cannot_be_had_together_overlap() {
        let overlaps =
            |one: &str, other: &str| overlap(one.parse().unwrap(), other.parse().unwrap());
        assert!(overlaps("0.0.0.0:80", "127.0.0.1:80") && overlaps("[::]:80", "[::1]:80"));
        assert!(!overlaps("0.0.0.0:80", "[::]:80"), "a listener is for its own family alone");
        assert!(!overlaps("127.0.0.1:80", "127.0.0.2:80") && !overlaps("[::]:0", "[::]:0"));
    }
}
