//! The relay's sockets, parked for the next process.
//!
//! ```text
//!   250 sockets ──▶ one message (SCM_RIGHTS) ──▶ a socket pair, where it lies unread
//!                                                   └─ its end ──▶ the service manager's store
//!   the next process looks at the message and leaves it there (MSG_PEEK), so that it is there for the one after, too
//! ```
//!
//! The store compares each new file with all that it has: thousands would keep the manager busy for seconds.

use super::fd_store::FdStore;
use super::passed_files::PassedFile;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::collections::BTreeMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// Sockets of one packet, both of each pair: the system takes 253 files in one message.
pub const SOCKETS_MAX: usize = 250;
const MESSAGE_FILES_MAX: usize = 253;
/// What the names of packets begin with.
pub const PREFIX: &str = "relay-";
/// A message without a byte has no files either.
const BODY: &[u8] = b"relay";

/// The packets of the store.
#[derive(Debug, Default)]
pub(super) struct ParkedSockets {
    store: FdStore,
    /// The last may have room for more.
    packets: Vec<ParkedPacket>,
    minted: u64,
}

#[derive(Debug)]
struct ParkedPacket {
    name: String,
    ports: Vec<u16>,
}

impl ParkedSockets {
    /// Takes the sockets out of the packets of the last process; those of which `fits` names no port are closed.
    /// Packets that have such sockets, or one that is without its pair, are made anew without them.
    pub fn take(
        store: FdStore,
        passed: Vec<PassedFile>,
        fits: impl Fn(&UdpSocket) -> Option<u16>,
    ) -> (Self, BTreeMap<u16, UdpSocket>) {
        let (mut sockets, mut packets, mut minted) = (BTreeMap::new(), Vec::new(), 0);
        let number = |passed: &PassedFile| {
            passed.name.strip_prefix(PREFIX).and_then(|number| number.parse::<u64>().ok())
        };
        let mut passed: Vec<_> =
            passed.into_iter().map(|it| (number(&it).unwrap_or(0), it)).collect();
        passed.sort_by_key(|(number, _)| *number);
        for (number, PassedFile { name, file }) in passed {
            minted = minted.max(number);
            let files = unpack(file.as_fd()).unwrap_or_else(|error| {
                tracing::warn!("{name}: what the last process has parked cannot be read: {error}");
                Vec::new()
            });
            let (count, mut ports) = (files.len(), Vec::new());
            for socket in files.into_iter().map(UdpSocket::from) {
                if let Some(port) = fits(&socket)
                    && !sockets.contains_key(&port)
                {
                    sockets.insert(port, socket);
                    ports.push(port);
                }
            }
            packets.push((ParkedPacket { name, ports }, count));
        }
        let alone: Vec<u16> =
            sockets.keys().copied().filter(|port| !sockets.contains_key(&(port ^ 1))).collect();
        alone.iter().for_each(|port| drop(sockets.remove(port)));
        let whole = |(packet, count): &mut (ParkedPacket, usize)| {
            *count == packet.ports.len()
                && *count > 0
                && !packet.ports.iter().any(|port| alone.contains(port))
        };
        let kept = packets.extract_if(.., whole).map(|(packet, _)| packet).collect();
        let mut parked = Self { store, packets: kept, minted };
        let loose = packets.iter().flat_map(|(packet, _)| &packet.ports);
        let loose = loose.copied().filter(|port| sockets.contains_key(port)).collect();
        parked.add(loose, |port| sockets.get(&port).map(UdpSocket::as_fd));
        // Not before: a socket in two packets is the same one, and a socket in none is lost.
        packets.iter().for_each(|(packet, _)| parked.store.remove(&packet.name));
        (parked, sockets)
    }

    /// Parks sockets that are new, the two of a pair side by side. The last packet is made anew while it has room.
    pub fn add<'a>(&mut self, mut ports: Vec<u16>, socket: impl Fn(u16) -> Option<BorrowedFd<'a>>) {
        if !self.store.is_there() || ports.is_empty() {
            return;
        }
        let replaced = self.packets.pop_if(|last| last.ports.len() < SOCKETS_MAX);
        if let Some(last) = &replaced {
            ports.splice(0..0, last.ports.iter().copied());
        }
        for ports in ports.chunks(SOCKETS_MAX) {
            let files: Vec<BorrowedFd<'_>> =
                ports.iter().filter_map(|port| socket(*port)).collect();
            match pack(&files) {
                Ok(end) => {
                    self.minted += 1;
                    let name = format!("{PREFIX}{}", self.minted);
                    self.store.put(&name, end.as_fd());
                    self.packets.push(ParkedPacket { name, ports: ports.to_vec() });
                }
                Err(error) => {
                    tracing::warn!("relay ports will not stay bound over a restart: {error}");
                }
            }
        }
        if let Some(last) = replaced {
            self.store.remove(&last.name);
        }
    }
}

/// The end of a socket pair where a message with these files lies unread. The other end is closed: what was sent before
/// stays there.
fn pack(files: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    let (from, to) = socketpair(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MESSAGE_FILES_MAX))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !beside.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(&from, &[IoSlice::new(BODY)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(to)
}

/// The files of the message that lies there, and goes on lying there.
fn unpack(end: BorrowedFd<'_>) -> io::Result<Vec<OwnedFd>> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MESSAGE_FILES_MAX))];
    let (mut beside, mut body) = (RecvAncillaryBuffer::new(&mut space), [0; BODY.len()]);
    let flags = RecvFlags::PEEK | RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    recvmsg(end, &mut [IoSliceMut::new(&mut body)], &mut beside, flags)?;
    let mut files = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            files.extend(passed);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::fd_store::tests::TestManager;
    use super::*;

    /// So many sockets, by invented even and odd numbers from 0 on.
    fn sockets(count: u16) -> BTreeMap<u16, UdpSocket> {
        (0..count).map(|port| (port, UdpSocket::bind("127.0.0.1:0").unwrap())).collect()
    }

    fn park(
        parked: &mut ParkedSockets,
        sockets: &BTreeMap<u16, UdpSocket>,
        ports: std::ops::Range<u16>,
    ) {
        parked.add(ports.collect(), |port| sockets.get(&port).map(UdpSocket::as_fd));
    }

    #[test]
    fn a_packet_lies_unread_whoever_looks_and_keeps_its_sockets_bound() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let end = pack(&[socket.as_fd()]).unwrap();
        drop(socket);
        assert_eq!(UdpSocket::bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        for number in 0..3 {
            peer.send_to(&[number], address).unwrap();
            let found: Vec<UdpSocket> =
                unpack(end.as_fd()).unwrap().into_iter().map(UdpSocket::from).collect();
            let [socket] = &found[..] else { panic!("{found:?}") };
            let mut buffer = [0; 8];
            assert_eq!(socket.recv_from(&mut buffer).unwrap(), (1, peer.local_addr().unwrap()));
            assert_eq!(buffer[0], number);
        }
        drop(end);
        assert!(UdpSocket::bind(address).is_ok(), "with the packet they are closed");
        assert!(unpack(UdpSocket::bind("127.0.0.1:0").unwrap().as_fd()).is_err());
    }

    #[test]
    fn sockets_are_parked_as_the_pool_grows_and_found_after_any_number_of_kills() {
        let mut manager = TestManager::new();
        let all = sockets(600);
        let names: BTreeMap<_, u16> =
            all.iter().map(|(port, socket)| (socket.local_addr().unwrap(), *port)).collect();
        let (mut parked, found) = ParkedSockets::take(manager.store.clone(), vec![], |_| None);
        assert_eq!(found.len(), 0);
        park(&mut parked, &all, 0..128);
        assert_eq!(manager.stored().len(), 1);
        park(&mut parked, &all, 128..256);
        assert_eq!(manager.stored().len(), 2, "one is full, and replaces the first");
        park(&mut parked, &all, 256..384);
        park(&mut parked, &all, 384..600);
        assert_eq!(manager.stored().len(), 3);
        drop(all);
        let fits = |socket: &UdpSocket| names.get(&socket.local_addr().unwrap()).copied();
        for _ in 0..3 {
            let files = manager.inheritance().files;
            let (_, found) = ParkedSockets::take(manager.store.clone(), files, fits);
            assert!(found.keys().copied().eq(0..600));
            assert_eq!(manager.stored().len(), 3);
        }
        // A narrower range of ports, and a pair of which one socket is gone.
        let files = manager.inheritance().files;
        let fits = |socket: &UdpSocket| fits(socket).filter(|port| *port >= 300 && *port != 311);
        let (mut parked, found) = ParkedSockets::take(manager.store.clone(), files, fits);
        assert!(found.keys().copied().eq((300..310).chain(312..600)));
        let kept = manager.inheritance().files;
        let kept: usize = kept.iter().map(|one| unpack(one.file.as_fd()).unwrap().len()).sum();
        assert_eq!(kept, found.len(), "what does not fit is closed");
        let more = sockets(2);
        park(&mut parked, &more, 0..2);
        let names: Vec<String> = manager.stored().keys().cloned().collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn who_was_killed_while_a_packet_was_made_anew_has_left_each_socket_twice() {
        let mut manager = TestManager::new();
        let all = sockets(4);
        let names: BTreeMap<_, u16> =
            all.iter().map(|(port, socket)| (socket.local_addr().unwrap(), *port)).collect();
        for ports in [0..2, 0..4] {
            let files: Vec<_> = ports.clone().map(|port| all[&port].as_fd()).collect();
            manager.store.put(&format!("{PREFIX}{}", ports.end), pack(&files).unwrap().as_fd());
        }
        drop(all);
        let files = manager.inheritance().files;
        let fits = |socket: &UdpSocket| names.get(&socket.local_addr().unwrap()).copied();
        let (_, found) = ParkedSockets::take(manager.store.clone(), files, fits);
        assert_eq!(found.len(), 4);
        assert!(!manager.stored().is_empty());
        let files = manager.inheritance().files;
        let (_, found) = ParkedSockets::take(manager.store.clone(), files, fits);
        assert_eq!(found.len(), 4);
    }
}
