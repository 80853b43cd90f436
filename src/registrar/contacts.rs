//! Which contacts are believed: a call must never be sent to a machine that is not the phone's.
//!
//! A phone is called over the flow that it registered by, or at the address that it registered from,
//! whatever its Contact says: behind a NAT that is an address we cannot reach, and it does no harm. An
//! address that no phone can have is refused, so that its owner learns of it. Another machine may
//! stand between us and the phone only where the house names it as an edge (RFC 3327), or where it is at
//! the very address that the phone registers from.

use super::binding::Binding;
use super::settings::Settings;
use super::target::address_of;
use crate::sip::{Flow, NameAddr, Transport, Uri};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// An address that is not believed, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Unbelievable {
    /// Nobody can be called there.
    NoPhone(IpAddr),
    /// It means whoever says it.
    Loopback { contact: IpAddr, source: IpAddr },
    /// It is ours.
    Ours(SocketAddr),
    /// The house does not know this machine as an edge.
    NoEdge(IpAddr),
}

impl fmt::Display for Unbelievable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPhone(ip) => write!(f, "{ip} is the address of no phone"),
            Self::Loopback { contact, source } => {
                write!(f, "{contact} is not the address of a phone at {source}")
            }
            Self::Ours(address) => write!(f, "{address} is the switchboard itself"),
            Self::NoEdge(ip) => write!(f, "Path by {ip}, which is not in sip.edges"),
        }
    }
}

/// Checks what a phone at the other end of `flow` says of its contact and the way there.
pub(super) fn check(
    settings: &Settings,
    flow: Flow,
    contact: &Uri,
    path: &[NameAddr],
) -> Result<(), Unbelievable> {
    let source = flow.remote.ip().to_canonical();
    for uri in path.iter().map(|proxy| &proxy.uri).chain([contact]) {
        let Some(ip) = uri.host().and_then(|host| host.address()) else { continue };
        let ip = ip.to_canonical();
        let is_broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
        if ip.is_multicast() || ip.is_unspecified() || is_broadcast {
            return Err(Unbelievable::NoPhone(ip));
        }
        if ip.is_loopback() && !source.is_loopback() {
            return Err(Unbelievable::Loopback { contact: ip, source });
        }
        let port = uri.port().unwrap_or(Transport::Udp.default_port());
        let address = address_of(uri).map_or(SocketAddr::new(ip, port), |(_, address)| address);
        if is_ours(settings, flow, address) {
            return Err(Unbelievable::Ours(SocketAddr::new(ip, address.port())));
        }
    }
    let Some(proxy) = path.first() else { return Ok(()) };
    let first = address_of(&proxy.uri).map(|(_, address)| address.ip().to_canonical());
    // A proxy at the very address that this came from is its own.
    if first == Some(source) {
        return Ok(());
    }
    match first.into_iter().chain([source]).find(|ip| !is_edge(settings, *ip)) {
        Some(ip) => Err(Unbelievable::NoEdge(ip)),
        None => Ok(()),
    }
}

/// Whether a binding of the last process may still be called: the edges may be others now.
pub(super) fn is_believed(settings: &Settings, binding: &Binding) -> bool {
    match (binding.path.first(), binding.flow) {
        (Some(proxy), flow) => match address_of(&proxy.uri) {
            Some((_, first)) => {
                let ip = first.ip().to_canonical();
                is_edge(settings, ip)
                    || flow.is_some_and(|flow| flow.remote.ip().to_canonical() == ip)
            }
            None => flow.is_some_and(|flow| is_edge(settings, flow.remote.ip())),
        },
        (None, _) => true,
    }
}

fn is_edge(settings: &Settings, ip: IpAddr) -> bool {
    settings.edges.iter().any(|edge| edge.contains(ip))
}

/// A socket of ours; where we listen on all addresses, the one that the phone has reached us at is ours.
fn is_ours(settings: &Settings, flow: Flow, address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    settings.addresses.iter().any(|own| {
        let reached = own.ip().is_unspecified() && flow.local.ip().to_canonical() == ip;
        own.port() == address.port() && (own.ip().to_canonical() == ip || reached)
    })
}
