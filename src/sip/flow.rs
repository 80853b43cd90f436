//! Where a message came from and where one goes.

use crate::ids::ConnectionId;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A transport that we speak.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// RFC 3261 §18
    Udp,
    /// RFC 3261 §18
    Tcp,
    /// RFC 3261 §26.2
    Tls,
    /// RFC 7118
    Ws,
    /// RFC 7118, over TLS
    Wss,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// The transport of the vocabulary that this is.
    fn known(self) -> rsip::Transport {
        match self {
            Self::Udp => rsip::Transport::Udp,
            Self::Tcp => rsip::Transport::Tcp,
            Self::Tls => rsip::Transport::Tls,
            Self::Ws => rsip::Transport::Ws,
            Self::Wss => rsip::Transport::Wss,
        }
    }

    /// Delivers by itself, so that transactions repeat nothing.
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Encrypted.
    #[must_use]
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The name in a Via header.
    #[must_use]
    pub fn via_token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The value of a URI's `transport` parameter.
    #[must_use]
    pub fn uri_token(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The transport that either token names, in any case.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.uri_token().eq_ignore_ascii_case(token))
    }

    /// The port that is meant where none is written (RFC 3261 §19.1.2, RFC 7118 §8).
    #[must_use]
    pub fn default_port(self) -> u16 {
        *self.known().default_port().value()
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_token())
    }
}

/// The way a message came: its answer goes back the same way.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Flow {
    /// How.
    pub transport: Transport,
    /// Our socket.
    pub local: SocketAddr,
    /// The peer's socket.
    pub remote: SocketAddr,
    /// Which connection; 0 for UDP.
    pub connection: ConnectionId,
}

impl Flow {
    /// Whether the same socket of the peer speaks: the same connection, or by UDP the same address and
    /// port, whichever of our addresses it speaks to.
    #[must_use]
    pub fn is_from_peer_of(&self, other: &Self) -> bool {
        let by_stream = self.transport.is_reliable();
        self.transport == other.transport
            && if by_stream {
                self.connection == other.connection
            } else {
                self.remote == other.remote
            }
    }
}

/// Where to send a message.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Destination {
    /// On this flow and no other: it is the peer's only way in.
    Flow(Flow),
    /// To this address, over an open connection or a new one.
    Address {
        /// How.
        transport: Transport,
        /// The peer's socket.
        remote: SocketAddr,
    },
}

impl Destination {
    /// How.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self {
            Self::Flow(flow) => flow.transport,
            Self::Address { transport, .. } => *transport,
        }
    }

    /// Whether what comes by this flow comes from there.
    #[must_use]
    pub fn is_source_of(&self, flow: &Flow) -> bool {
        match self {
            Self::Flow(known) => known.is_from_peer_of(flow),
            Self::Address { transport, remote } => {
                *transport == flow.transport && *remote == flow.remote
            }
        }
    }

    /// The peer's socket.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        match self {
            Self::Flow(flow) => flow.remote,
            Self::Address { remote, .. } => *remote,
        }
    }
}

/// What counts as one source: an IPv4 address, or the /64 that one IPv6 subscriber has.
#[must_use]
pub fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_its_socket_by_udp_and_its_connection_by_streams() {
        let flow = |transport, remote: &str, connection| Flow {
            transport,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: remote.parse().unwrap(),
            connection: ConnectionId(connection),
        };
        let udp = flow(Transport::Udp, "198.51.100.7:4711", 0);
        let tcp = flow(Transport::Tcp, "198.51.100.7:4711", 3);
        let elsewhere = Flow { local: "192.0.2.2:5060".parse().unwrap(), ..udp };
        assert!(elsewhere.is_from_peer_of(&udp), "by another of our addresses");
        assert!(!flow(Transport::Udp, "198.51.100.7:4712", 0).is_from_peer_of(&udp));
        assert!(!flow(Transport::Udp, "198.51.100.8:4711", 0).is_from_peer_of(&udp));
        assert!(!tcp.is_from_peer_of(&udp));
        assert!(!flow(Transport::Tcp, "198.51.100.7:4711", 4).is_from_peer_of(&tcp));
        let address = |transport| Destination::Address { transport, remote: udp.remote };
        assert!(address(Transport::Udp).is_source_of(&udp));
        assert!(address(Transport::Tcp).is_source_of(&tcp), "the connection that we opened");
        assert!(!address(Transport::Tcp).is_source_of(&udp));
        assert!(Destination::Flow(tcp).is_source_of(&tcp));
    }

    #[test]
    fn tokens_read_back() {
        for transport in Transport::ALL {
            assert_eq!(Transport::from_token(transport.via_token()), Some(transport));
            assert_eq!(Transport::from_token(transport.uri_token()), Some(transport));
            assert_eq!(transport.known().to_string(), transport.via_token());
        }
        assert_eq!(Transport::from_token("SCTP"), None);
    }
}
