//! SIP over UDP: the listeners, and which of our addresses a peer sees.

use super::event_loop::BURST_MAX;
use crate::ids::ConnectionId;
use crate::sip::{Flow, Transport};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use tokio::net::UdpSocket;

/// The longest datagram.
const DATAGRAM_MAX: usize = 65_535;
/// Datagrams that are taken from one listener at a time, those included that nobody reads: at a few
/// microseconds each, so that what belongs to calls does not stand in the socket behind a flood until
/// that is full.
const DATAGRAMS_MAX: usize = 2_048;
/// What a socket may hold that nobody has read yet, in bytes: a burst of a thousand calls, or what
/// comes in a tenth of a second of a flood.
const UNREAD_MAX: usize = 4 << 20;
/// Of so many peers the own address is remembered.
const PEERS_MAX: usize = 16_384;

/// All UDP listeners.
#[derive(Debug)]
pub struct Udp {
    sockets: Vec<Listener>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Listener {
    socket: UdpSocket,
    bound: SocketAddr,
    /// When bound to all addresses: the one that each peer reaches us at.
    own: BTreeMap<IpAddr, IpAddr>,
}

impl Udp {
    /// Binds all listeners.
    ///
    /// # Errors
    /// The address that cannot be bound, and why.
    pub fn bind(addresses: &[SocketAddr]) -> Result<Self, (SocketAddr, io::Error)> {
        let mut sockets = Vec::new();
        for address in addresses {
            let listener = Listener::bind(*address).map_err(|error| (*address, error))?;
            sockets.push(listener);
        }
        Ok(Self { sockets, buffer: vec![0; DATAGRAM_MAX] })
    }

    /// The addresses that are bound, with the ports that the system chose.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|listener| listener.bound)
    }

    /// The routing table is another: which of our addresses a peer sees is asked anew.
    pub fn forget_routes(&mut self) {
        self.sockets.iter_mut().for_each(|listener| listener.own.clear());
    }

    /// Ready when any listener has a datagram.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ready = Poll::Pending;
        for listener in &self.sockets {
            if listener.socket.poll_recv_ready(cx).is_ready() {
                ready = Poll::Ready(());
            }
        }
        ready
    }

    /// Hands over what has come; `each` says whether something followed from it. At most
    /// [`DATAGRAMS_MAX`] of each listener, and [`BURST_MAX`] with consequences; returns whether there
    /// may be more.
    pub fn drain(&mut self, mut each: impl FnMut(Flow, &[u8]) -> bool) -> bool {
        let mut more = false;
        for listener in &mut self.sockets {
            let (mut left, mut burst) = (DATAGRAMS_MAX, BURST_MAX);
            while left > 0 && burst > 0 {
                left -= 1;
                match listener.socket.try_recv_from(&mut self.buffer) {
                    Ok((length, remote)) => {
                        let flow = listener.flow(remote);
                        burst -= usize::from(each(flow, &self.buffer[..length]));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // An ICMP error of an earlier datagram; the next one may be whole.
                    Err(_) => {}
                }
            }
            more |= left == 0 || burst == 0;
        }
        more
    }

    /// Sends a datagram: from the listener of the flow, or else from the one that the routing table leads by, or
    /// the first of that family.
    ///
    /// # Errors
    /// What the system says, or that there is no listener of that family. A full buffer, of ours or of
    /// the network card, is no error: SIP repeats itself.
    pub fn send(&self, from: Option<SocketAddr>, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let listener = match from {
            Some(from) => self.sockets.iter().find(|listener| listener.is(from)),
            None => self.towards(to),
        };
        let listener = listener.ok_or(io::ErrorKind::AddrNotAvailable)?;
        match listener.socket.try_send_to(bytes, to) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_full(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn towards(&self, to: SocketAddr) -> Option<&Listener> {
        let family = || self.sockets.iter().filter(|l| l.bound.is_ipv4() == to.is_ipv4());
        if family().nth(1).is_none() {
            return family().next();
        }
        let own = own_address_towards(to);
        let fits =
            |l: &&Listener| own.is_some_and(|own| l.is(SocketAddr::new(own, l.bound.port())));
        family().find(fits).or_else(|| family().next())
    }
}

fn is_full(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error())
}

impl Listener {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Beyond what the system allows to everybody, where we may; else what it allows is taken.
        if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, UNREAD_MAX).is_err() {
            let _ = socket.set_recv_buffer_size(UNREAD_MAX);
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let bound = socket.local_addr()?;
        Ok(Self { socket, bound, own: BTreeMap::new() })
    }

    fn is(&self, local: SocketAddr) -> bool {
        let all = self.bound.ip().is_unspecified() && self.bound.is_ipv4() == local.is_ipv4();
        self.bound.port() == local.port() && (all || self.bound.ip() == local.ip())
    }

    fn flow(&mut self, remote: SocketAddr) -> Flow {
        let local = if self.bound.ip().is_unspecified() {
            SocketAddr::new(self.own_address(remote), self.bound.port())
        } else {
            self.bound
        };
        Flow { transport: Transport::Udp, local, remote, connection: ConnectionId(0) }
    }

    /// The address that packets to this peer leave from, as the routing table has it.
    fn own_address(&mut self, remote: SocketAddr) -> IpAddr {
        if let Some(own) = self.own.get(&remote.ip()) {
            return *own;
        }
        // Without a route, or out of files: it is asked again with the next packet.
        let Some(own) = own_address_towards(remote) else { return self.bound.ip() };
        if self.own.len() >= PEERS_MAX {
            self.own.clear();
        }
        self.own.insert(remote.ip(), own);
        own
    }
}

/// The address of this machine that a peer sees; nothing is sent to find out.
#[must_use]
pub fn own_address_towards(remote: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = match remote {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let probe = std::net::UdpSocket::bind(any).ok()?;
    probe.connect(remote).ok()?;
    Some(probe.local_addr().ok()?.ip())
}
