//! Between which addresses a packet goes.

use std::net::{IpAddr, SocketAddr};

/// An address of ours and one of a peer's: where a packet came to and from, or is to leave from and go to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct MediaPath {
    /// Ours, where the socket is on all addresses of the machine: the routing table may have another one for packets
    /// to this peer, and who was told of ours takes none from there (RFC 8445 §7.2.5.2.1, RFC 4961). None: the
    /// socket has but one, or it does not matter.
    pub local: Option<IpAddr>,
    /// The peer's.
    pub remote: SocketAddr,
}

impl From<SocketAddr> for MediaPath {
    /// By a socket that has but one address.
    fn from(remote: SocketAddr) -> Self {
        Self { local: None, remote }
    }
}
