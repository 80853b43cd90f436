//! The pool of bound RTP and RTCP sockets, and one reading place for all of them.
//!
//! ```text
//!   400 sockets ──▶ one epoll of our own ──▶ one AsyncFd in the event loop
//!                   a wake reads every ready socket, one packet each and round, into one buffer,
//!                   and media::Machine sends it on from there: no task, channel, lock or
//!                   allocation for a packet
//! ```
//!
//! Sockets stay bound and registered when a call ends, since opening four of them costs more than
//! the rest of a call; what comes for a port that nobody uses is read and forgotten.

use super::fd_store::Inheritance;
use super::packet_info::{self, AddressedSender};
use super::parked_sockets::{self, ParkedSockets};
use super::waiting_packets::{self, ReceiveBuffer, ReceivedPacket};
use crate::ids::PortId;
use crate::media::{self, Channel, Machine, MediaPath, Outgoing};
use crate::time::{Duration, Now};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fs::Timespec;
use socket2::{Domain, SockRef, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd as _, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The longest packet: what UDP can carry.
const PACKET_MAX: usize = 1 << 16;
/// Ready sockets of one round.
const READY_MAX: usize = 512;
/// Rounds of one wake, so that signalling gets its turn under a flood.
const ROUNDS_MAX: usize = 64;
/// Packets that may wait in one socket, and more than the kernel holds.
const WAITING_MAX: usize = 1_000;

/// What can be set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The address that they are bound to.
    pub address: IpAddr,
    /// The ports to use, RTP on the even ones.
    pub ports: RangeInclusive<u16>,
}

/// All media sockets.
pub struct MediaSockets {
    poll: AsyncFd<OwnedFd>,
    ready: Vec<epoll::Event>,
    buffer: ReceiveBuffer,
    pool: Pool,
    parked: ParkedSockets,
}

/// The sockets by number; where the relay's packets go out.
#[derive(Debug)]
struct Pool {
    settings: Settings,
    /// Where they are on all addresses: what sends each packet from the one that its peer knows.
    addressed: Option<AddressedSender>,
    /// The first even number, and how many pairs there are from it on.
    first: u16,
    pairs: u16,
    /// Which pair to try next.
    next: u16,
    /// By number, counted from the beginning of the range.
    sockets: Vec<Option<UdpSocket>>,
    events: Vec<media::Event>,
    jobs: Vec<media::Job>,
    taps: Vec<media::RecordingTap>,
    handshakes: Vec<(PortId, Vec<u8>)>,
    unsent: u64,
    ledger_wanted: bool,
}

impl MediaSockets {
    /// A pool without sockets, in the runtime that will read them.
    ///
    /// # Errors
    /// When the kernel gives no epoll.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // Its successor is `unsafe` for descriptors that close behind its back; an OwnedFd does not.
        #[allow(deprecated)]
        let poll = AsyncFd::with_interest(poll, Interest::READABLE)?;
        let first = settings.ports.start().checked_next_multiple_of(2);
        let last = settings.ports.end();
        let pairs =
            first.map_or(0, |first| (u32::from(*last) + 1).saturating_sub(first.into()) / 2);
        Ok(Self {
            poll,
            ready: Vec::with_capacity(READY_MAX),
            buffer: ReceiveBuffer::new(PACKET_MAX),
            pool: Pool {
                addressed: AddressedSender::of(settings.address),
                settings,
                first: first.unwrap_or(u16::MAX - 1),
                pairs: u16::try_from(pairs).unwrap_or(u16::MAX),
                next: 0,
                sockets: Vec::new(),
                events: Vec::new(),
                jobs: Vec::new(),
                taps: Vec::new(),
                handshakes: Vec::new(),
                unsent: 0,
                ledger_wanted: false,
            },
            parked: ParkedSockets::default(),
        })
    }

    /// Takes over the pairs that the last process has parked, and names their RTP ports; parks all that are bound from
    /// now on. Those that the settings do not have are closed.
    ///
    /// # Errors
    /// When they cannot be waited for.
    pub fn inherit(&mut self, inheritance: &mut Inheritance) -> io::Result<Vec<PortId>> {
        let passed = inheritance.take(parked_sockets::PREFIX);
        let store = inheritance.store.clone();
        let (parked, sockets) = ParkedSockets::take(store, passed, |socket| self.pool.port(socket));
        self.parked = parked;
        let mut ports = Vec::new();
        for (port, socket) in sockets {
            socket.set_nonblocking(true)?;
            // An earlier release did not ask.
            packet_info::want(&socket, self.pool.settings.address)?;
            self.watch(port, &socket)?;
            self.pool.keep(port, socket);
            ports.extend(port.is_multiple_of(2).then_some(PortId(port.into())));
        }
        Ok(ports)
    }

    /// Has these pairs, bound now unless they were parked; names those that it has, and says why it has not the others.
    pub fn bind_ports(&mut self, ports: &[PortId]) -> (Vec<PortId>, Vec<(PortId, io::Error)>) {
        let (mut had, mut bound, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for port in ports {
            let result = match self.pool.number(*port) {
                None => Err(io::ErrorKind::AddrNotAvailable.into()),
                Some(_) if self.pool.socket(port.0).is_some() => {
                    had.push(*port);
                    continue;
                }
                Some(number) => self.bind_pair(number),
            };
            match result {
                Ok(()) => bound.push(*port),
                Err(error) => refused.push((*port, error)),
            }
        }
        self.park(&bound);
        had.extend(bound);
        (had, refused)
    }

    /// Keeps pairs that are new for the next process.
    fn park(&mut self, pairs: &[PortId]) {
        let numbers = pairs.iter().filter_map(|port| self.pool.number(*port));
        let numbers = numbers.flat_map(|rtp| [rtp, rtp + 1]).collect();
        let pool = &self.pool;
        self.parked.add(numbers, |port| pool.socket(port.into()).map(UdpSocket::as_fd));
    }

    /// Binds so many more pairs and names their RTP ports; fewer when the range is used up. Numbers
    /// that another program holds are passed over, and tried again once the others are in use.
    ///
    /// # Errors
    /// When not one could be bound, since the address is not ours or no more files may be open.
    pub fn grow(&mut self, pairs: usize) -> io::Result<Vec<PortId>> {
        let mut bound = Vec::new();
        for _ in 0..self.pool.pairs {
            if bound.len() == pairs {
                break;
            }
            let port = self.pool.first + 2 * self.pool.next;
            self.pool.next = (self.pool.next + 1) % self.pool.pairs;
            if self.pool.socket(port.into()).is_some() {
                continue;
            }
            match self.bind_pair(port) {
                Ok(()) => bound.push(PortId(port.into())),
                Err(error) if is_of_one_port(&error) => {}
                Err(error) if bound.is_empty() => return Err(error),
                // The rest is asked for again.
                Err(_) => break,
            }
        }
        self.park(&bound);
        Ok(bound)
    }

    /// Whether every pair of the range is bound.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let mut pairs = (0..self.pool.pairs).map(|pair| self.pool.first + 2 * pair);
        pairs.all(|port| self.pool.socket(port.into()).is_some())
    }

    /// Both sockets of a pair, or none.
    fn bind_pair(&mut self, rtp: u16) -> io::Result<()> {
        let pair = [rtp, rtp + 1];
        let [one, other] = pair.map(|port| {
            let socket = self.pool.bind(port)?;
            self.watch(port, &socket)?;
            io::Result::Ok(socket)
        });
        let sockets = [one?, other?];
        pair.into_iter().zip(sockets).for_each(|(port, socket)| self.pool.keep(port, socket));
        Ok(())
    }

    fn watch(&self, port: u16, socket: &UdpSocket) -> io::Result<()> {
        let data = epoll::EventData::new_u64(port.into());
        Ok(epoll::add(self.poll.get_ref(), socket, data, epoll::EventFlags::IN)?)
    }

    /// Waits until a packet has come.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub async fn readable(&self) -> io::Result<()> {
        self.poll.readable().await?.retain_ready();
        Ok(())
    }

    /// Reads every packet that has come and lets the relay send it on.
    ///
    /// # Errors
    /// When the kernel refuses to say what has come, which is our bug.
    pub fn relay(&mut self, machine: &mut Machine, clock: impl Fn() -> Now) -> io::Result<()> {
        for _ in 0..ROUNDS_MAX {
            self.ready.clear();
            let ready = self.poll.try_io(Interest::READABLE, |poll| {
                let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
                match epoll::wait(poll, spare_capacity(&mut self.ready), Some(&at_once))? {
                    // The runtime looks again; what has come meanwhile shows itself by a new edge.
                    0 => Err(io::ErrorKind::WouldBlock.into()),
                    ready => Ok(ready),
                }
            });
            match ready {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            let now = clock();
            for event in &self.ready {
                self.pool.read(event.data.u64(), now, &mut self.buffer, machine);
            }
        }
        Ok(())
    }

    /// Reads every packet that came while nobody read, with its age: what is old counts, and is played to nobody.
    pub fn catch_up(&mut self, machine: &mut Machine, clock: impl Fn() -> Now) {
        let first = u64::from(*self.pool.settings.ports.start());
        for number in (first..).take(self.pool.sockets.len()) {
            self.pool.catch_up(number, &clock, &mut self.buffer, machine);
        }
    }

    /// Whether the relay's ledger is wanted, since this was last asked.
    pub fn take_ledger_wanted(&mut self) -> bool {
        std::mem::take(&mut self.pool.ledger_wanted)
    }

    /// The way out for what the relay sends on command or by its clock.
    pub fn outgoing(&mut self) -> &mut impl Outgoing {
        &mut self.pool
    }

    /// What the relay has told since it was last asked.
    pub fn take_events(&mut self) -> std::vec::Drain<'_, media::Event> {
        self.pool.events.drain(..)
    }

    /// What the relay wants of the codec workers since it was last asked.
    pub fn take_jobs(&mut self) -> std::vec::Drain<'_, media::Job> {
        self.pool.jobs.drain(..)
    }

    /// What the relay has for the recorders since it was last asked.
    pub fn take_taps(&mut self) -> std::vec::Drain<'_, media::RecordingTap> {
        self.pool.taps.drain(..)
    }

    /// Datagrams of DTLS that have come since it was last asked, and for which transports.
    pub fn take_handshakes(&mut self) -> std::vec::Drain<'_, (PortId, Vec<u8>)> {
        self.pool.handshakes.drain(..)
    }

    /// Packets that the kernel did not take, since the start.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        self.pool.unsent
    }
}

impl Pool {
    fn bind(&self, port: u16) -> io::Result<UdpSocket> {
        let address = SocketAddr::new(self.settings.address, port);
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = socket.into();
        // For the process after this one: whoever reads at once does not ask.
        waiting_packets::stamp(&socket)?;
        packet_info::want(&socket, self.settings.address)?;
        Ok(socket)
    }

    /// The number of an RTP port of the range.
    fn number(&self, port: PortId) -> Option<u16> {
        let number = u16::try_from(port.0).ok()?;
        let last = u32::from(self.first) + 2 * u32::from(self.pairs);
        let is_ours = number.is_multiple_of(2) && number >= self.first && u32::from(number) < last;
        is_ours.then_some(number)
    }

    /// Which port of the range a socket of another process has.
    fn port(&self, socket: &UdpSocket) -> Option<u16> {
        let own = socket.local_addr().ok().filter(|own| own.ip() == self.settings.address)?;
        let is_udp = SockRef::from(socket).r#type().is_ok_and(|kind| kind == Type::DGRAM);
        let rtp = self.number(PortId(u64::from(own.port() & !1)))?;
        is_udp.then_some(rtp + (own.port() & 1))
    }

    fn keep(&mut self, port: u16, socket: UdpSocket) {
        let at = usize::from(port - self.settings.ports.start());
        if self.sockets.len() <= at {
            self.sockets.resize_with(at + 1, || None);
        }
        self.sockets[at] = Some(socket);
    }

    fn socket(&self, number: u64) -> Option<&UdpSocket> {
        self.sockets.get(self.place(number)?)?.as_ref()
    }

    fn place(&self, number: u64) -> Option<usize> {
        let at = number.checked_sub(u64::from(*self.settings.ports.start()))?;
        usize::try_from(at).ok()
    }

    /// All packets that wait in one socket, but no more than it can hold.
    fn catch_up(
        &mut self,
        number: u64,
        clock: impl Fn() -> Now,
        buffer: &mut ReceiveBuffer,
        machine: &mut Machine,
    ) {
        for _ in 0..WAITING_MAX {
            let Some(socket) = self.socket(number) else { return };
            match waiting_packets::receive(socket, buffer) {
                Ok(ReceivedPacket { len, path, came }) => {
                    let now = clock();
                    let age = came.map_or(Duration::ZERO, |came| now.unix.since(came));
                    self.hand_over((number, path, age), now, &mut buffer.packet[..len], machine);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A port unreachable of an earlier packet.
                Err(_) => {}
            }
        }
    }

    /// One packet of one ready socket.
    fn read(&mut self, number: u64, now: Now, buffer: &mut ReceiveBuffer, machine: &mut Machine) {
        let Some(socket) = self.socket(number) else { return };
        let received = if self.addressed.is_some() {
            waiting_packets::receive(socket, buffer).map(|received| (received.len, received.path))
        } else {
            socket.recv_from(&mut buffer.packet).map(|(len, from)| (len, from.into()))
        };
        // An error is a port unreachable of an earlier packet, or a packet with a bad checksum.
        let Ok((len, path)) = received else { return };
        self.hand_over((number, path, Duration::ZERO), now, &mut buffer.packet[..len], machine);
    }

    fn hand_over(
        &mut self,
        (number, path, age): (u64, MediaPath, Duration),
        now: Now,
        packet: &mut [u8],
        machine: &mut Machine,
    ) {
        let MediaPath { local, remote } = path;
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let path = MediaPath { local, remote };
        let port = PortId(number & !1);
        if number == port.0 {
            machine.rtp_of_age(now, age, port, path, packet, self);
        } else {
            machine.rtcp(now, port, path, packet, self);
        }
    }
}

impl Outgoing for Pool {
    fn send(&mut self, port: PortId, channel: Channel, path: MediaPath, packet: &[u8]) {
        let number = match channel {
            Channel::Rtp => port.0,
            Channel::Rtcp => port.0 + 1,
        };
        let MediaPath { local, remote } = path;
        let local = local.filter(|local| local.is_ipv4() == remote.is_ipv4());
        // One socket for both families knows addresses of IPv4 in this form (RFC 4291 §2.5.5.2).
        let mapped = |ip: IpAddr| match (ip, self.settings.address) {
            (IpAddr::V4(v4), IpAddr::V6(_)) => v4.to_ipv6_mapped().into(),
            (ip, _) => ip,
        };
        let to = SocketAddr::new(mapped(remote.ip()), remote.port());
        let place = self.place(number);
        let socket = place.and_then(|at| self.sockets.get(at)?.as_ref());
        let sent = socket.is_some_and(|socket| match (&mut self.addressed, local) {
            (Some(addressed), Some(from)) => {
                addressed.send(socket, mapped(from), to, packet).is_ok()
            }
            (Some(_), None) | (None, _) => socket.send_to(packet, to).is_ok(),
        });
        // A full buffer or an unreachable peer costs this packet, as the network might have.
        self.unsent += u64::from(!sent);
    }

    fn report(&mut self, event: media::Event) {
        self.events.push(event);
    }

    fn job(&mut self, job: media::Job) {
        self.jobs.push(job);
    }

    fn tap(&mut self, tap: media::RecordingTap) {
        self.taps.push(tap);
    }

    fn handshake(&mut self, port: PortId, datagram: &[u8]) {
        // One wake reads no more of them than wait in the sockets.
        self.handshakes.push((port, datagram.to_vec()));
    }

    fn want_ledger(&mut self) {
        self.ledger_wanted = true;
    }
}

/// Whether another port may be had where this one may not.
fn is_of_one_port(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests;
