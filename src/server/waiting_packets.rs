//! Packets with what the kernel says beside them: when they came, for those that came while nobody read, and to
//! which of our addresses.

use super::packet_info;
use crate::media::MediaPath;
use crate::time::{Duration, UnixTime};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::in6_pktinfo;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

/// Has the kernel note when each packet comes.
///
/// # Errors
/// When it cannot.
pub fn stamp(socket: &UdpSocket) -> io::Result<()> {
    Ok(setsockopt(socket, ReceiveTimestampns, &true)?)
}

/// Where a packet is read to, and what is said beside it; reused.
#[derive(Debug)]
pub struct ReceiveBuffer {
    /// The packet.
    pub packet: Box<[u8]>,
    beside: Vec<u8>,
}

impl ReceiveBuffer {
    /// For packets of at most so many bytes.
    #[must_use]
    pub fn new(packet_max: usize) -> Self {
        let beside = cmsg_space!(TimeSpec, in6_pktinfo);
        Self { packet: vec![0; packet_max].into_boxed_slice(), beside }
    }
}

/// What is known of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReceivedPacket {
    /// Its length.
    pub len: usize,
    /// Where it is from, and to which of our addresses it came, as far as that was wanted of a socket on all of them.
    pub path: MediaPath,
    /// When it came, as far as that was noted.
    pub came: Option<UnixTime>,
}

/// The next packet that waits.
///
/// # Errors
/// When none waits, or one before it could not be sent.
pub fn receive(socket: &UdpSocket, buffer: &mut ReceiveBuffer) -> io::Result<ReceivedPacket> {
    let mut parts = [IoSliceMut::new(&mut buffer.packet)];
    let (socket, beside) = (socket.as_raw_fd(), Some(&mut buffer.beside[..]));
    let message = recvmsg(socket, &mut parts, beside, MsgFlags::MSG_DONTWAIT)?;
    let remote = message.address.as_ref().and_then(address_of).ok_or(Errno::EINVAL)?;
    let (mut local, mut came) = (None, None);
    for beside in message.cmsgs()? {
        match beside {
            ControlMessageOwned::ScmTimestampns(at) => came = moment(at),
            beside => local = local.or_else(|| packet_info::reached(beside)),
        }
    }
    Ok(ReceivedPacket { len: message.bytes, path: MediaPath { local, remote }, came })
}

fn moment(at: TimeSpec) -> Option<UnixTime> {
    let secs = UnixTime::from_secs(u64::try_from(at.tv_sec()).ok()?);
    Some(secs + Duration::from_nanos(u64::try_from(at.tv_nsec()).ok()?))
}

fn address_of(name: &SockaddrStorage) -> Option<SocketAddr> {
    let four = name.as_sockaddr_in().map(|name| SocketAddr::V4((*name).into()));
    four.or_else(|| name.as_sockaddr_in6().map(|name| SocketAddr::V6((*name).into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock::Clock;

    #[test]
    fn a_packet_that_has_waited_says_for_how_long() {
        let clock = Clock::start();
        let [socket, phone] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut buffer = ReceiveBuffer::new(16);
        let mut receive = || receive(&socket, &mut buffer);
        assert_eq!(receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        stamp(&socket).unwrap();
        // The kernel begins to note a moment after the first socket wants it.
        std::thread::sleep(Duration::from_millis(50));
        let before = clock.now().unix;
        phone.send_to(b"hello", socket.local_addr().unwrap()).unwrap();
        let after = clock.now().unix;
        std::thread::sleep(Duration::from_millis(30));
        let ReceivedPacket { len, path, came } = receive().unwrap();
        assert_eq!((len, path), (5, phone.local_addr().unwrap().into()));
        let came = came.unwrap();
        assert!(came >= before && came <= after + Duration::from_millis(5), "{came:?}");
        assert_eq!(receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
