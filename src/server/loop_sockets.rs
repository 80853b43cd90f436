//! The sockets that the loop reads: those that the last process has left open, and others.

use super::fd_store::Inheritance;
use super::media_sockets::{self, MediaSockets};
use super::stream::{ListenFault, PageListener, StreamConnections, StreamSettings};
use super::tls::Tls;
use super::udp::Udp;
use crate::ids::PortId;
use crate::sip::{Flow, Transport};
use crate::wire::{PageService, SipDoor};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Relay ports that are bound at the start: eight calls with pictures through an operator.
const PORTS_AT_START: usize = 64;

/// Where the loop listens.
#[derive(Clone, Debug)]
pub struct ListenAddresses {
    /// SIP over UDP.
    pub udp: Vec<SocketAddr>,
    /// SIP over everything else.
    pub streams: StreamSettings,
    /// The relay.
    pub media: media_sockets::Settings,
}

/// All that the loop touches.
pub struct LoopSockets {
    pub(super) udp: Udp,
    pub(super) streams: StreamConnections,
    pub(super) media: MediaSockets,
}

/// A listener that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address of SIP.
    #[error("cannot listen on {transport} {address}: {error}{}", remedy(error, "sip.listen"))]
    Sip {
        /// How.
        transport: Transport,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// An address of pages.
    #[error("cannot serve pages on {address}: {error}{}", remedy(error, "web.listen"))]
    Web {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The relay's ports.
    #[error("cannot bind relay ports on {address}: {error}{}", remedy(error, "media.address"))]
    Media {
        /// Where.
        address: std::net::IpAddr,
        /// What the system says.
        error: io::Error,
    },
}

impl ListenError {
    /// The section and the key of the configuration that ask for it.
    #[must_use]
    pub fn key(&self) -> (&'static str, &'static str) {
        match self {
            Self::Sip { .. } => ("sip", "listen"),
            Self::Web { .. } => ("web", "listen"),
            Self::Media { .. } => ("media", "address"),
        }
    }
}

/// What is to be done where an address of this key cannot be had.
fn remedy(error: &io::Error, key: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(": stop the program that has it (`ss -lptun` names it), or change {key}")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!(": give an address of this machine in {key}, or 0.0.0.0 for all")
        }
        io::ErrorKind::PermissionDenied => {
            format!(": ports below 1024 need CAP_NET_BIND_SERVICE; else change {key}")
        }
        _ => String::new(),
    }
}

impl LoopSockets {
    /// Takes over what the last process has left open, as far as it is wanted here, and binds all other listeners, the
    /// relay ports of calls that are to go on, and the first others. Returns the relay ports that are bound.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub async fn bind(
        listen: &ListenAddresses,
        tls: Arc<Tls>,
        mut inheritance: Inheritance,
        of_calls: &[PortId],
    ) -> Result<(Self, Vec<PortId>), ListenError> {
        let left = &mut inheritance;
        let sip = |(transport, address, error)| ListenError::Sip { transport, address, error };
        let udp = Udp::bind(&listen.udp, left)
            .map_err(|(address, error)| sip((Transport::Udp, address, error)))?;
        let streams = StreamConnections::bind(&listen.streams, tls, left).await;
        let streams = streams.map_err(|fault| match fault {
            ListenFault::Sip(transport, address, error) => sip((transport, address, error)),
            ListenFault::Page(address, error) => ListenError::Web { address, error },
        })?;
        let address = listen.media.address;
        let relay = |error| ListenError::Media { address, error };
        let mut media = MediaSockets::new(listen.media.clone()).map_err(relay)?;
        let mut ports = media.inherit(left).map_err(relay)?;
        left.discard();
        let again: Vec<_> = of_calls.iter().copied().filter(|port| !ports.contains(port)).collect();
        let (bound, taken) = media.bind_ports(&again);
        ports.extend(bound);
        for (port, error) in taken {
            tracing::warn!("{port}, of a call that went on, cannot be bound again: {error}");
        }
        let missing = PORTS_AT_START.saturating_sub(ports.len());
        ports.extend(media.grow(missing).map_err(relay)?);
        Ok((Self { udp, streams, media }, ports))
    }

    /// The connections that the last process has left open.
    pub fn connections(&self) -> impl Iterator<Item = Flow> {
        self.streams.flows()
    }

    /// Where pages are served, or will be, with the ports that the system chose.
    pub fn pages(&self) -> impl Iterator<Item = PageListener> {
        self.streams.pages()
    }

    /// Who speaks SIP with pages.
    #[must_use]
    pub fn sip_door(&self) -> SipDoor {
        self.streams.sip_door()
    }

    /// From now on pages are served so.
    pub fn serve_pages(&mut self, service: &PageService) {
        self.streams.serve_pages(service);
    }

    /// The addresses of SIP, with the ports that the system chose.
    pub fn addresses(&self) -> impl Iterator<Item = (Transport, SocketAddr)> {
        let udp = self.udp.addresses().map(|address| (Transport::Udp, address));
        udp.chain(self.streams.addresses().iter().copied())
    }
}
