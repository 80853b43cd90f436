//! Packets that came while nobody read: the kernel says when.

use crate::time::{Duration, UnixTime};
use nix::cmsg_space;
use nix::errno::Errno;
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

/// The next packet that waits: its length, where it is from, and when it came, as far as that was noted.
///
/// # Errors
/// When none waits, or one before it could not be sent.
pub fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
) -> io::Result<(usize, SocketAddr, Option<UnixTime>)> {
    let mut beside = cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(buffer)];
    let socket = socket.as_raw_fd();
    let message = recvmsg(socket, &mut parts, Some(&mut beside), MsgFlags::MSG_DONTWAIT)?;
    let from = message.address.as_ref().and_then(address_of).ok_or(Errno::EINVAL)?;
    let came = message.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(at) => moment(at),
        _ => None,
    });
    Ok((message.bytes, from, came))
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
        let mut buffer = [0; 16];
        let mut receive = || receive(&socket, &mut buffer);
        assert_eq!(receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        stamp(&socket).unwrap();
        // The kernel begins to note a moment after the first socket wants it.
        std::thread::sleep(Duration::from_millis(50));
        let before = clock.now().unix;
        phone.send_to(b"hello", socket.local_addr().unwrap()).unwrap();
        let after = clock.now().unix;
        std::thread::sleep(Duration::from_millis(30));
        let (len, from, came) = receive().unwrap();
        assert_eq!((len, from), (5, phone.local_addr().unwrap()));
        let came = came.unwrap();
        assert!(came >= before && came <= after + Duration::from_millis(5), "{came:?}");
        assert_eq!(receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
