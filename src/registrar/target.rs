//! Where to call a number: the Request-URI, the route, and the first hop.

use crate::sip::{Destination, Flow, Transport, Uri, UriTransport};
use std::net::SocketAddr;

/// One place where a number can be called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContactTarget {
    /// The Request-URI.
    pub uri: Uri,
    /// The Route headers in order (RFC 3327 §5.2); mostly none.
    pub route: Vec<Uri>,
    /// The first hop.
    pub way: NextHop,
    /// Preference in thousandths, 1000 the highest (RFC 3261 §10.2.1.2).
    pub q: u16,
}

/// The first hop to a target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NextHop {
    /// An address that we know.
    Known(Destination),
    /// A URI with a host name, still to be resolved (RFC 3263).
    Resolve(Uri),
}

impl NextHop {
    /// The way that the URI itself names.
    #[must_use]
    pub fn to(uri: &Uri) -> Self {
        match address_of(uri) {
            Some((transport, remote)) => Self::Known(Destination::Address { transport, remote }),
            None => Self::Resolve(uri.clone()),
        }
    }

    /// The way by a proxy whose Path came over `flow`: at the address that it gives, else back over
    /// the flow.
    pub(super) fn by(proxy: &Uri, flow: Option<Flow>) -> Self {
        match (address_of(proxy), flow) {
            (None, Some(flow)) => Self::Known(Destination::Flow(flow)),
            (Some(_), _) | (None, None) => Self::to(proxy),
        }
    }

    /// The way to a contact that was registered over `flow`.
    ///
    /// A stream is its own way back. Over UDP the contact's own port and transport are taken when
    /// its address is that of the sender: some phones send from another port than they listen at.
    /// Behind a NAT the addresses differ, and the flow is the only way in.
    pub(super) fn over(flow: Flow, contact: &Uri) -> Self {
        match address_of(contact) {
            Some((transport, remote))
                if flow.transport == Transport::Udp
                    && remote.ip() == flow.remote.ip()
                    && (transport, remote) != (Transport::Udp, flow.remote) =>
            {
                Self::Known(Destination::Address { transport, remote })
            }
            Some(_) | None => Self::Known(Destination::Flow(flow)),
        }
    }
}

/// Whether a contact can be called although the connection that registered it is closed: it is not
/// a browser's, and names the address that the connection came from.
pub(super) fn reaches_by_itself(flow: Flow, contact: &Uri) -> bool {
    matches!(flow.transport, Transport::Udp | Transport::Tcp | Transport::Tls)
        && address_of(contact).is_some_and(|(transport, remote)| {
            // What came sealed is never called in clear.
            let unseals = flow.transport.is_secure() && !transport.is_secure();
            remote.ip() == flow.remote.ip() && !unseals
        })
}

/// The transport and address that a URI with a literal address names (RFC 3263 §4.1, §4.2).
pub(super) fn address_of(uri: &Uri) -> Option<(Transport, SocketAddr)> {
    let transport = match uri.transport() {
        UriTransport::Open => Transport::Udp,
        UriTransport::Only(transport) => transport,
        UriTransport::Unusable => return None,
    };
    let ip = uri.host()?.address()?;
    let port = uri.port().unwrap_or(transport.default_port());
    Some((transport, SocketAddr::new(ip, port)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    fn flow(transport: Transport, remote: &str) -> Flow {
        let connection = ConnectionId(u64::from(transport.is_reliable()));
        let local = "192.0.2.1:5060".parse().unwrap();
        Flow { transport, local, remote: remote.parse().unwrap(), connection }
    }

    fn way(way: &NextHop) -> String {
        match way {
            NextHop::Known(Destination::Flow(flow)) => format!("flow {}", flow.remote),
            NextHop::Known(Destination::Address { transport, remote }) => {
                format!("{transport} {remote}")
            }
            NextHop::Resolve(uri) => format!("resolve {uri}"),
        }
    }

    #[test]
    fn a_uri_with_an_address_names_its_way() {
        for (text, expected) in [
            ("sip:1@192.0.2.7", "UDP 192.0.2.7:5060"),
            ("sip:1@192.0.2.7:5070;transport=TCP", "TCP 192.0.2.7:5070"),
            ("sips:1@[2001:db8::7]", "TLS [2001:db8::7]:5061"),
            ("sips:1@192.0.2.7;transport=tcp", "TLS 192.0.2.7:5061"),
            ("sip:1@192.0.2.7;transport=tls", "TLS 192.0.2.7:5061"),
            ("sip:1@192.0.2.7;transport=ws", "WS 192.0.2.7:80"),
            ("sip:1@192.0.2.7;transport=wss", "WSS 192.0.2.7:443"),
            ("sips:1@192.0.2.7;transport=ws", "WSS 192.0.2.7:443"),
            ("sips:1@192.0.2.7;transport=udp", "resolve sips:1@192.0.2.7;transport=udp"),
            ("sip:1@phone.example", "resolve sip:1@phone.example"),
            ("sip:1@192.0.2.7;transport=sctp", "resolve sip:1@192.0.2.7;transport=sctp"),
        ] {
            assert_eq!(way(&NextHop::to(&uri(text))), expected);
        }
    }

    #[test]
    fn a_phone_behind_a_nat_is_called_over_its_flow() {
        let udp = flow(Transport::Udp, "198.51.100.7:40000");
        for (contact, expected) in [
            ("sip:1@10.0.0.5:5060", "flow 198.51.100.7:40000"),
            ("sip:1@198.51.100.7:40000", "flow 198.51.100.7:40000"),
            ("sip:1@phone.local", "flow 198.51.100.7:40000"),
            ("sip:1@198.51.100.7:5080", "UDP 198.51.100.7:5080"),
            ("sip:1@198.51.100.7:40000;transport=tcp", "TCP 198.51.100.7:40000"),
        ] {
            assert_eq!(way(&NextHop::over(udp, &uri(contact))), expected);
        }
        let tcp = flow(Transport::Tcp, "198.51.100.7:40000");
        let contact = uri("sip:1@198.51.100.7:5080;transport=tcp");
        assert_eq!(way(&NextHop::over(tcp, &contact)), "flow 198.51.100.7:40000");
    }

    #[test]
    fn a_closed_connection_leaves_only_honest_addresses() {
        let tcp = flow(Transport::Tcp, "198.51.100.7:40000");
        let ws = flow(Transport::Ws, "198.51.100.7:40000");
        assert!(reaches_by_itself(tcp, &uri("sip:1@198.51.100.7:5060;transport=tcp")));
        assert!(!reaches_by_itself(tcp, &uri("sip:1@10.0.0.5:5060;transport=tcp")));
        assert!(!reaches_by_itself(tcp, &uri("sip:1@phone.example;transport=tcp")));
        let tls = flow(Transport::Tls, "198.51.100.7:40000");
        assert!(reaches_by_itself(tls, &uri("sip:1@198.51.100.7:5061;transport=tls")));
        assert!(!reaches_by_itself(tls, &uri("sip:1@198.51.100.7:5060;transport=tcp")));
        assert!(!reaches_by_itself(ws, &uri("sip:1@198.51.100.7;transport=ws")));
    }
}
