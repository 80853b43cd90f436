//! Who is at the other end of a connection, and of the proxy before it.

use axum::http::HeaderMap;
use std::net::{IpAddr, SocketAddr};

/// What proxies say of whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

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
        let said = || {
            let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
            let last = last.rsplit(',').next()?.trim();
            let ip = last.parse::<IpAddr>().ok();
            ip.or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
        };
        match said().filter(|_| self.is_proxy) {
            Some(ip) => SocketAddr::new(ip, self.remote.port()),
            None => self.remote,
        }
    }
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
        headers.append(FORWARDED_FOR, "unknown".parse().unwrap());
        assert_eq!(peer(true).browser(&headers), remote);
    }
}
