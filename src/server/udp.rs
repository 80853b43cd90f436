//! SIP over UDP: the listeners, and which of our addresses a peer sees.
//!
//! What comes in at a listener on all addresses says to which of them it was sent, and what answers it leaves
//! from there (RFC 3581 §4): a phone that has been told of one, and the NAT before it, drop what comes from another.

use super::fd_store::{self, Inheritance};
use super::packet_info::{self, LeavingBy, is_of_address, reached};
use crate::ids::ConnectionId;
use crate::sip::{Flow, Transport};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::in6_pktinfo;
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg, sendmsg};
use rustix::net::{SendFlags, sendto};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, AsRawFd};
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// What the names of listeners begin with in the store.
const PREFIX: &str = "udp-";
/// The longest datagram.
const DATAGRAM_MAX: usize = 65_535;
/// Datagrams that are taken from one listener at a time, those included that nobody reads: at a few
/// microseconds each, so that what belongs to calls does not stand in the socket behind a flood until
/// that is full.
const DATAGRAMS_MAX: usize = 2_048;
/// What a socket may hold that nobody has read yet, in bytes: a burst of a thousand calls, or what
/// comes in a tenth of a second of a flood.
const UNREAD_MAX: usize = 4 << 20;

/// All UDP listeners.
#[derive(Debug)]
pub struct Udp {
    sockets: Vec<UdpListener>,
    buffer: Vec<u8>,
    /// What the kernel says beside a datagram.
    beside: Vec<u8>,
}

#[derive(Debug)]
struct UdpListener {
    socket: UdpSocket,
    bound: SocketAddr,
}

impl Udp {
    /// Binds all listeners that the last process has not left open, and stores them for the next one.
    ///
    /// # Errors
    /// The address that cannot be bound, and why.
    pub fn bind(
        addresses: &[SocketAddr],
        inheritance: &mut Inheritance,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let mut sockets = Vec::new();
        for address in addresses {
            let fault = |error| (*address, error);
            let left = inheritance.take_listener(PREFIX, *address);
            let listener = match left {
                Some(left) => UdpListener::of(left.file.into()).map_err(fault)?,
                None => {
                    let listener = UdpListener::bind(*address).map_err(fault)?;
                    let name = fd_store::name_of(PREFIX, listener.bound);
                    inheritance.store.put(&name, listener.socket.as_fd());
                    listener
                }
            };
            sockets.push(listener);
        }
        Ok(Self { sockets, buffer: vec![0; DATAGRAM_MAX], beside: cmsg_space!(in6_pktinfo) })
    }

    /// The addresses that are bound, with the ports that the system chose.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|listener| listener.bound)
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
    /// [`DATAGRAMS_MAX`] of each listener, and `burst_max` with consequences; returns whether there
    /// may be more.
    pub fn drain(&mut self, burst_max: usize, mut each: impl FnMut(Flow, &[u8]) -> bool) -> bool {
        let mut more = false;
        for listener in &self.sockets {
            let (mut left, mut burst) = (DATAGRAMS_MAX, burst_max);
            while left > 0 && burst > 0 {
                left -= 1;
                match listener.receive(&mut self.buffer, &mut self.beside) {
                    Ok((length, flow)) => {
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

    /// Sends a datagram: from the listener of the flow, at the address that its peer has reached, or else from the
    /// one that the routing table leads by, or the first of that family.
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
        match listener.send(from.map(|from| from.ip()), to, bytes) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_full(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn towards(&self, to: SocketAddr) -> Option<&UdpListener> {
        let family = || self.sockets.iter().filter(|l| l.bound.is_ipv4() == to.is_ipv4());
        if family().nth(1).is_none() {
            return family().next();
        }
        let own = own_address_towards(to);
        let fits =
            |l: &&UdpListener| own.is_some_and(|own| l.is(SocketAddr::new(own, l.bound.port())));
        family().find(fits).or_else(|| family().next())
    }
}

fn is_full(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error())
}

impl UdpListener {
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
        socket.bind(&address.into())?;
        Self::of(socket.into())
    }

    fn of(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        packet_info::want(&socket, socket.local_addr()?.ip())?;
        let socket = UdpSocket::from_std(socket)?;
        let bound = socket.local_addr()?;
        Ok(Self { socket, bound })
    }

    fn is(&self, local: SocketAddr) -> bool {
        let all = self.bound.ip().is_unspecified() && self.bound.is_ipv4() == local.is_ipv4();
        self.bound.port() == local.port() && (all || self.bound.ip() == local.ip())
    }

    /// The next datagram, how long it is, and between which addresses it went.
    fn receive(&self, buffer: &mut [u8], beside: &mut [u8]) -> io::Result<(usize, Flow)> {
        let (length, remote, reached) = self.socket.try_io(Interest::READABLE, || {
            let mut parts = [IoSliceMut::new(buffer)];
            let socket = self.socket.as_raw_fd();
            let message = recvmsg(socket, &mut parts, Some(beside), MsgFlags::empty())?;
            let remote = message.address.as_ref().and_then(address_of).ok_or(Errno::EINVAL)?;
            Ok((message.bytes, remote, message.cmsgs()?.find_map(reached)))
        })?;
        let own = match self.bound.ip().is_unspecified() {
            // The kernel always says it; what was sent to many is answered from where the routes lead.
            true => reached.or_else(|| own_address_towards(remote)),
            false => None,
        };
        let local = SocketAddr::new(own.unwrap_or(self.bound.ip()), self.bound.port());
        Ok((length, Flow { transport: Transport::Udp, local, remote, connection: ConnectionId(0) }))
    }

    fn send(&self, from: Option<IpAddr>, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let from = from.filter(|from| self.bound.ip().is_unspecified() && !from.is_unspecified());
        // Not by the runtime, which takes no socket for writable before it has turned once: what a start has to say would be
        // lost.
        let plainly = || Ok(sendto(&self.socket, bytes, SendFlags::empty(), &to).map(|_| ())?);
        let Some(from) = from else { return plainly() };
        let leaving = LeavingBy::of(from);
        let (socket, parts) = (self.socket.as_raw_fd(), [IoSlice::new(bytes)]);
        let name = SockaddrStorage::from(to);
        let sent = sendmsg(socket, &parts, &[leaving.message()], MsgFlags::empty(), Some(&name));
        match sent.map_err(io::Error::from) {
            // The address is ours no more, as in a registration of an earlier time.
            Err(error) if is_of_address(&error) => plainly(),
            sent => sent.map(|_| ()),
        }
    }
}

fn address_of(name: &SockaddrStorage) -> Option<SocketAddr> {
    let four = name.as_sockaddr_in().map(|name| SocketAddr::V4((*name).into()));
    four.or_else(|| name.as_sockaddr_in6().map(|name| SocketAddr::V6((*name).into())))
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

#[cfg(test)]
mod tests {
    use super::super::fd_store::tests::TestManager;
    use super::*;
    use std::time::Duration;

    /// What comes to any of our addresses, as the flow that it goes by; and the answer, from where it came.
    async fn exchange(udp: &mut Udp, from: &str, to: IpAddr) -> (Flow, SocketAddr) {
        let peer = std::net::UdpSocket::bind((from, 0)).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let family = |own: &SocketAddr| own.is_ipv4() == to.is_ipv4();
        let port = udp.addresses().find(family).unwrap().port();
        peer.send_to(b"hello", (to, port)).unwrap();
        let mut heard = None;
        while heard.is_none() {
            std::future::poll_fn(|cx| udp.poll_ready(cx)).await;
            udp.drain(1, |flow, bytes| {
                assert_eq!(bytes, b"hello");
                heard = Some(flow);
                true
            });
        }
        let flow = heard.unwrap();
        assert_eq!(flow.remote, peer.local_addr().unwrap());
        udp.send(Some(flow.local), flow.remote, b"well").unwrap();
        let (length, answered) = peer.recv_from(&mut [0; 16]).unwrap();
        assert_eq!(length, 4);
        (flow, answered)
    }

    #[tokio::test]
    async fn an_answer_leaves_from_the_address_that_was_asked() {
        let mut addresses: Vec<SocketAddr> = vec![([0, 0, 0, 0], 0).into()];
        if std::net::UdpSocket::bind("[::1]:0").is_ok() {
            addresses.push(([0u16; 8], 0).into());
        }
        let has_ipv6 = addresses.len() > 1;
        let mut udp = Udp::bind(&addresses, &mut Inheritance::default()).unwrap();
        let ports: Vec<u16> = udp.addresses().map(|own| own.port()).collect();
        for own in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
            let ip = own.parse().unwrap();
            let (flow, answered) = exchange(&mut udp, "127.0.0.1", ip).await;
            assert_eq!([flow.local, answered], [SocketAddr::new(ip, ports[0]); 2]);
        }
        if has_ipv6 {
            let ip = "::1".parse().unwrap();
            let (flow, answered) = exchange(&mut udp, "::1", ip).await;
            assert_eq!([flow.local, answered], [SocketAddr::new(ip, ports[1]); 2]);
        }
    }

    #[tokio::test]
    async fn what_came_in_the_gap_is_answered_by_the_next_process_from_where_it_was_asked() {
        let mut manager = TestManager::new();
        let any = [([0, 0, 0, 0], 0).into()];
        let first = Udp::bind(&any, &mut manager.inheritance()).unwrap();
        let port = first.addresses().next().unwrap().port();
        assert_eq!(manager.stored().len(), 1);
        drop(first);
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.send_to(b"in the gap", ("127.0.0.3", port)).unwrap();
        let mut inheritance = manager.inheritance();
        let mut udp = Udp::bind(&any, &mut inheritance).unwrap();
        assert_eq!((inheritance.files.len(), manager.stored().len()), (0, 1));
        let mut local = None;
        std::future::poll_fn(|cx| udp.poll_ready(cx)).await;
        udp.drain(1, |flow, _| {
            local = Some(flow.local);
            true
        });
        assert_eq!(local, Some(([127, 0, 0, 3], port).into()));
        let (_, answered) = exchange(&mut udp, "127.0.0.1", [127, 0, 0, 2].into()).await;
        assert_eq!(answered, ([127, 0, 0, 2], port).into());
    }

    #[tokio::test]
    async fn what_was_our_address_once_keeps_no_answer_back() {
        let udp = Udp::bind(&[([0, 0, 0, 0], 0).into()], &mut Inheritance::default()).unwrap();
        let port = udp.addresses().next().unwrap().port();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let to = peer.local_addr().unwrap();
        udp.send(Some(([192, 0, 2, 1], port).into()), to, b"well").unwrap();
        let (_, answered) = peer.recv_from(&mut [0; 16]).unwrap();
        assert_eq!(answered, ([127, 0, 0, 1], port).into());
    }
    #[tokio::test]
    async fn what_a_start_has_to_say_leaves_before_the_runtime_has_turned() {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let to = peer.local_addr().unwrap();
        for own in [[127, 0, 0, 1], [0, 0, 0, 0]] {
            let udp = Udp::bind(&[(own, 0).into()], &mut Inheritance::default()).unwrap();
            let port = udp.addresses().next().unwrap().port();
            udp.send(Some(([127, 0, 0, 1], port).into()), to, b"over").unwrap();
            let (_, from) = peer.recv_from(&mut [0; 16]).unwrap();
            assert_eq!(from, ([127, 0, 0, 1], port).into());
        }
    }
}
