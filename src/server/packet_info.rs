//! Which of the machine's addresses a datagram came to, and leaves from, where a socket is on all of them: what the
//! kernel says and is told beside it (`IP_PKTINFO`; RFC 3542 §6).

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg,
    setsockopt,
};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _};

/// Has the kernel say of each datagram where it came to, if this socket is on all addresses.
///
/// # Errors
/// When it cannot.
pub fn want(socket: &impl AsFd, bound: IpAddr) -> io::Result<()> {
    match bound {
        IpAddr::V4(ip) if ip.is_unspecified() => setsockopt(socket, Ipv4PacketInfo, &true)?,
        IpAddr::V6(ip) if ip.is_unspecified() => setsockopt(socket, Ipv6RecvPacketInfo, &true)?,
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    Ok(())
}

/// The address of ours that a datagram came to, unless that is everybody's.
#[must_use]
pub fn reached(beside: ControlMessageOwned) -> Option<IpAddr> {
    let ip: IpAddr = match beside {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr)).into()
        }
        // Of a socket for both families it is one of IPv4 in the form of the other.
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical()
        }
        _ => return None,
    };
    (!ip.is_multicast() && !ip.is_unspecified()).then_some(ip)
}

/// What the kernel is told beside a datagram that is to leave from an address of ours; by a socket for both families
/// addresses of IPv4 go in the form of the other.
#[derive(Clone, Copy, Debug)]
pub enum LeavingBy {
    /// By a socket of IPv4.
    V4(in_pktinfo),
    /// By one of IPv6, or of both.
    V6(in6_pktinfo),
}

impl LeavingBy {
    /// From this address.
    #[must_use]
    pub fn of(from: IpAddr) -> Self {
        match from {
            IpAddr::V4(from) => {
                let any = in_addr { s_addr: 0 };
                let from = in_addr { s_addr: u32::from(from).to_be() };
                Self::V4(in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: from, ipi_addr: any })
            }
            IpAddr::V6(from) => {
                let from = in6_addr { s6_addr: from.octets() };
                Self::V6(in6_pktinfo { ipi6_addr: from, ipi6_ifindex: 0 })
            }
        }
    }

    /// As the kernel takes it.
    #[must_use]
    pub fn message(&self) -> ControlMessage<'_> {
        match self {
            Self::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Self::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        }
    }
}

/// Whether it is because of the address that something was to leave from: it is ours no more, or leads not there.
#[must_use]
pub fn is_of_address(error: &io::Error) -> bool {
    [Errno::EINVAL, Errno::EADDRNOTAVAIL, Errno::ENETUNREACH]
        .iter()
        .any(|errno| error.raw_os_error() == Some(*errno as i32))
}

/// Sends datagrams from addresses of ours, in reused memory.
#[derive(Debug)]
pub struct AddressedSender(MultiHeaders<SockaddrStorage>);

impl AddressedSender {
    /// For sockets that are bound to this, if it is all addresses.
    #[must_use]
    pub fn of(bound: IpAddr) -> Option<Self> {
        // Enough for either: the library writes without looking.
        let room = || Some(cmsg_space!(in6_pktinfo));
        bound.is_unspecified().then(|| Self(MultiHeaders::preallocate(1, room())))
    }

    /// Sends one, or from what the routing table has when that address is ours no more. The addresses are both of the
    /// socket's family.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn send(
        &mut self,
        socket: &UdpSocket,
        from: IpAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> io::Result<()> {
        let leaving = LeavingBy::of(from);
        let parts = [[IoSlice::new(bytes)]];
        let names = [Some(SockaddrStorage::from(to))];
        let (own, flags) = (socket.as_raw_fd(), MsgFlags::empty());
        match sendmmsg(own, &mut self.0, &parts, names, [leaving.message()], flags) {
            Ok(_) => Ok(()),
            Err(error) if is_of_address(&error.into()) => socket.send_to(bytes, to).map(drop),
            Err(error) => Err(error.into()),
        }
    }
}
