//! Who is at the other end of a connection, and of the proxy before it.

use axum::http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};

/// What proxies say of whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// And of the host that they were asked for, where they ask us for another.
const FORWARDED_HOST: &str = "x-forwarded-host";

/// The other end of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Peer {
    /// Our address.
    pub local: SocketAddr,
    /// The browser's, or the proxy's.
    pub remote: SocketAddr,
    /// The browser speaks TLS, with us or with the proxy.
    pub secure: bool,
    /// It is a proxy of ours.
    pub is_proxy: bool,
}

impl Peer {
    /// The browser: where a proxy of ours says who asks, that one, as the last of its list, which the proxy itself
    /// has written.
    pub fn browser(&self, headers: &HeaderMap) -> SocketAddr {
        let said = || last(headers, FORWARDED_FOR).and_then(address);
        match said().filter(|_| self.is_proxy) {
            Some(ip) => SocketAddr::new(ip, self.remote.port()),
            None => self.remote,
        }
    }

    /// The hosts that the browser may have asked for: ours as the request names it, and as a proxy of ours does.
    pub fn hosts<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let forwarded = if self.is_proxy { last(headers, FORWARDED_HOST) } else { None };
        asked.into_iter().chain(forwarded)
    }
}

/// The last of a list in a header.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim)
}

/// An address as proxies write it: with a port or without, one of IPv6 in brackets or without. One of IPv4 is that, also where
/// the proxy listens for both.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse::<IpAddr>().ok();
    let ip = ip.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    ip.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proxy_of_ours_is_believed_whom_it_speaks_for() {
        let remote = "192.0.2.1:4000".parse().unwrap();
        let local = "192.0.2.2:80".parse().unwrap();
        let peer = |is_proxy| Peer { local, remote, secure: true, is_proxy };
        let mut headers = HeaderMap::new();
        assert_eq!(peer(true).browser(&headers), remote);
        headers.append(FORWARDED_FOR, "203.0.113.9".parse().unwrap());
        headers.append(FORWARDED_FOR, "203.0.113.66, 198.51.100.7".parse().unwrap());
        assert_eq!(peer(true).browser(&headers), "198.51.100.7:4000".parse().unwrap());
        assert_eq!(peer(false).browser(&headers), remote);
        for (written, meant) in [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9:5000", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("198.51.100.7, [2001:db8::7]:5000", "2001:db8::7"),
        ] {
            headers.append(FORWARDED_FOR, written.parse().unwrap());
            assert_eq!(peer(true).browser(&headers).ip().to_string(), meant, "{written}");
        }
        headers.append(FORWARDED_FOR, "unknown".parse().unwrap());
        assert_eq!(peer(true).browser(&headers), remote);
    }
}
