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
mod tests {
    use super::super::fd_store::tests::TestManager;
    use super::*;
    use crate::codec::{Codec, Kind};
    use crate::media::{
        BitrateFeedback, Command, KeyFrameFeedback, PayloadFormat, PictureLimits, Plan, Protection,
        Source, StreamPlan, TransportPlan, Trust,
    };
    use crate::random::Random;
    use crate::rtp::RtpHeader;
    use crate::sdp::Direction;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    /// One socket of a house with both families reaches peers of each, and hears them by their own form.
    #[test]
    fn a_socket_on_all_addresses_speaks_both_families() {
        let runtime = runtime();
        let _entered = runtime.enter();
        let all = "::".parse().unwrap();
        let settings = Settings { address: all, ports: 24_700..=24_707 };
        let mut relay = MediaSockets::new(settings).unwrap();
        let port = relay.grow(1).unwrap()[0];
        for peer in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(peer) = UdpSocket::bind(peer) else { continue };
            peer.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
            let to = peer.local_addr().unwrap();
            relay.outgoing().send(port, Channel::Rtp, to.into(), b"hello");
            let mut buffer = [0; 16];
            let (length, from) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from.ip()), (&b"hello"[..], to.ip()));
        }
        assert_eq!(relay.unsent(), 0);
    }

    /// A packet leaves from the address that it is to leave from, as long as that is ours.
    #[test]
    fn of_all_addresses_each_packet_leaves_from_its_own() {
        let runtime = runtime();
        let _entered = runtime.enter();
        for (bound, ports) in [("0.0.0.0", 24_710..=24_717), ("::", 24_720..=24_727)] {
            let settings = Settings { address: bound.parse().unwrap(), ports };
            let mut relay = MediaSockets::new(settings).unwrap();
            let port = relay.grow(1).unwrap()[0];
            let phone = UdpSocket::bind((HERE, 0)).unwrap();
            phone.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
            let remote = phone.local_addr().unwrap();
            for (local, expected) in [
                (None, "127.0.0.1"),
                (Some("127.0.0.2"), "127.0.0.2"),
                (Some("127.0.0.3"), "127.0.0.3"),
                (None, "127.0.0.1"),
                (Some("192.0.2.1"), "127.0.0.1"),
                (Some("::1"), "127.0.0.1"),
            ] {
                let local = local.map(|local| local.parse().unwrap());
                let path = MediaPath { local, remote };
                relay.outgoing().send(port, Channel::Rtp, path, b"hello");
                let (_, from) = phone.recv_from(&mut [0; 16]).unwrap();
                assert_eq!(from.ip().to_string(), expected, "{bound} {local:?}");
            }
            assert_eq!(relay.unsent(), 0);
        }
    }

    /// Two phones at sockets on all addresses: each is spoken to from where it speaks to, and what it says to whoever read
    /// late counts as well.
    #[test]
    fn of_all_addresses_packets_leave_from_the_one_that_the_peers_come_to() {
        runtime().block_on(async {
            let settings = Settings { address: "::".parse().unwrap(), ports: 24_730..=24_737 };
            let mut sockets = MediaSockets::new(settings).unwrap();
            let ports = sockets.grow(2).unwrap();
            let phones = [(); 2].map(|()| UdpSocket::bind((HERE, 0)).unwrap());
            let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
            for (port, phone) in ports.iter().zip(&phones) {
                phone.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
                let mut plan = plan(phone.local_addr().unwrap());
                plan.transport.local = Some([127, 0, 0, 9].into());
                let open = Command::Open { port: *port, kind: Kind::Audio, plan };
                machine.handle(Now::default(), open, sockets.outgoing());
            }
            let both = vec![(ports[0], Source::Port(ports[1])), (ports[1], Source::Port(ports[0]))];
            machine.handle(Now::default(), Command::Patch(both), sockets.outgoing());
            let say = |who: usize, to: [u8; 4], sequence| {
                let header =
                    RtpHeader { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc: 1 };
                let packet = [&header.to_bytes()[..], &[0xff; 160]].concat();
                let port = u16::try_from(ports[who].0).unwrap();
                phones[who].send_to(&packet, (IpAddr::from(to), port)).unwrap();
            };
            let heard_from = |who: usize| phones[who].recv_from(&mut [0; 1500]).unwrap().1.ip();
            say(0, [127, 0, 0, 2], 1);
            sockets.readable().await.unwrap();
            sockets.relay(&mut machine, Now::default).unwrap();
            assert_eq!(heard_from(1), IpAddr::from([127, 0, 0, 9]), "what it was told");
            say(1, [127, 0, 0, 3], 1);
            sockets.readable().await.unwrap();
            sockets.relay(&mut machine, Now::default).unwrap();
            assert_eq!(heard_from(0), IpAddr::from([127, 0, 0, 2]));
            say(0, [127, 0, 0, 4], 2);
            sockets.catch_up(&mut machine, Now::default);
            assert_eq!(heard_from(1), IpAddr::from([127, 0, 0, 3]));
            say(1, [127, 0, 0, 3], 2);
            sockets.catch_up(&mut machine, Now::default);
            assert_eq!(heard_from(0), IpAddr::from([127, 0, 0, 4]));
        });
    }

    fn sockets(ports: RangeInclusive<u16>) -> MediaSockets {
        MediaSockets::new(Settings { address: HERE, ports }).unwrap()
    }

    fn plan(remote: SocketAddr) -> Plan {
        let format =
            PayloadFormat { codec: Codec::Pcmu, send_pt: 0, recv_pt: 0, fmtp: String::new() };
        let transport = TransportPlan {
            remote: Some(remote),
            remote_rtcp: None,
            latched: None,
            local: None,
            signalling_ip: remote.ip(),
            behind_nat: false,
            trust: Trust::Full,
            mux: false,
            protection: Protection::Clear,
            ice: None,
            handshake: false,
        };
        let stream = StreamPlan {
            formats: vec![format],
            direction: Direction::SendRecv,
            packet_ms: 20,
            feedback: KeyFrameFeedback::None,
            bitrate_feedback: BitrateFeedback::None,
            picture: PictureLimits::default(),
            cname: "leg".into(),
        };
        Plan { transport, stream, carrier: None }
    }

    #[test]
    fn packets_come_in_at_one_socket_and_go_out_at_another() {
        runtime().block_on(async {
            let mut sockets = sockets(11_000..=11_999);
            let ports = sockets.grow(2).unwrap();
            let phones = [(); 2].map(|()| UdpSocket::bind((HERE, 0)).unwrap());
            let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
            for (port, phone) in ports.iter().zip(&phones) {
                let plan = plan(phone.local_addr().unwrap());
                let open = Command::Open { port: *port, kind: Kind::Audio, plan };
                machine.handle(Now::default(), open, sockets.outgoing());
            }
            let both = vec![(ports[0], Source::Port(ports[1])), (ports[1], Source::Port(ports[0]))];
            machine.handle(Now::default(), Command::Patch(both), sockets.outgoing());

            // More packets than one round reads, so that none may be forgotten between two wakes.
            for sequence in 0..10 {
                let header =
                    RtpHeader { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc: 1 };
                let port = u16::try_from(ports[0].0).unwrap();
                let packet = [&header.to_bytes()[..], &[0xff; 160]].concat();
                phones[0].send_to(&packet, (HERE, port)).unwrap();
            }
            let mut buffer = [0; 1500];
            let mut heard = 0;
            phones[1].set_nonblocking(true).unwrap();
            while heard < 10 {
                sockets.readable().await.unwrap();
                sockets.relay(&mut machine, Now::default).unwrap();
                while phones[1].recv_from(&mut buffer).is_ok() {
                    heard += 1;
                }
            }
            let nothing_more = tokio::time::timeout(Duration::from_millis(1), sockets.readable());
            assert!(nothing_more.await.is_err(), "woken for nothing");
            assert_eq!(sockets.unsent(), 0);
            let latched = |event| matches!(event, media::Event::Latched { .. });
            assert!(sockets.take_events().any(latched));
        });
    }

    #[test]
    fn what_waited_is_read_with_its_age_and_nobody_gets_it_late() {
        runtime().block_on(async {
            let mut sockets = sockets(15_000..=15_099);
            let ports = sockets.grow(2).unwrap();
            let phones = [(); 2].map(|()| UdpSocket::bind((HERE, 0)).unwrap());
            let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
            let clock = crate::server::clock::Clock::start();
            for (port, phone) in ports.iter().zip(&phones) {
                let plan = plan(phone.local_addr().unwrap());
                let open = Command::Open { port: *port, kind: Kind::Audio, plan };
                machine.handle(clock.now(), open, sockets.outgoing());
            }
            let row = vec![(ports[1], Source::Port(ports[0]))];
            machine.handle(clock.now(), Command::Patch(row), sockets.outgoing());
            let say = |sequence| {
                let header =
                    RtpHeader { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc: 1 };
                let port = u16::try_from(ports[0].0).unwrap();
                let packet = [&header.to_bytes()[..], &[0xff; 160]].concat();
                phones[0].send_to(&packet, (HERE, port)).unwrap();
            };
            // The kernel begins to note a moment after the first socket wants it.
            std::thread::sleep(Duration::from_millis(50));
            (0..5).for_each(say);
            std::thread::sleep(Duration::from_millis(150));
            (5..8).for_each(say);
            sockets.catch_up(&mut machine, || clock.now());
            phones[1].set_nonblocking(true).unwrap();
            let mut buffer = [0; 1500];
            let heard = std::iter::from_fn(|| phones[1].recv_from(&mut buffer).ok()).count();
            assert_eq!(heard, 3, "those that have just come");
            let slot = machine.slot(clock.now(), ports[0]).unwrap();
            assert_eq!(slot.peer.unwrap().highest, 7);
            sockets.catch_up(&mut machine, || clock.now());
            assert!(phones[1].recv_from(&mut buffer).is_err(), "once");
        });
    }

    #[test]
    fn numbers_that_are_taken_are_passed_over_and_the_range_has_an_end() {
        runtime().block_on(async {
            let mut sockets = sockets(12_001..=12_008);
            let taken = UdpSocket::bind((HERE, 12_005)).unwrap();
            assert_eq!(sockets.grow(2).unwrap(), [PortId(12_002), PortId(12_006)]);
            assert_eq!(sockets.grow(2).unwrap(), [], "12008 has no odd number above it");
            assert!(!sockets.is_full());
            drop(taken);
            assert_eq!(sockets.grow(2).unwrap(), [PortId(12_004)], "it is tried again");
            assert!(sockets.is_full());
        });
    }

    #[test]
    fn ports_stay_bound_over_a_kill_and_others_are_bound_by_number() {
        runtime().block_on(async {
            let mut manager = TestManager::new();
            let mut first = sockets(14_000..=14_099);
            assert_eq!(first.inherit(&mut manager.inheritance()).unwrap(), []);
            let ports = first.grow(3).unwrap();
            assert_eq!(ports, [14_000, 14_002, 14_004].map(PortId));
            let _ = manager.stored();
            drop(first);
            let phone = UdpSocket::bind((HERE, 0)).unwrap();
            phone.send_to(b"in the gap", (HERE, 14_002)).unwrap();

            let mut next = sockets(14_000..=14_099);
            let mut inheritance = manager.inheritance();
            assert_eq!(next.inherit(&mut inheritance).unwrap(), ports);
            assert_eq!(inheritance.files.len(), 0);
            next.readable().await.unwrap();
            let wanted = [14_004, 14_050, 14_051, 14_100].map(PortId);
            let (had, refused) = next.bind_ports(&wanted);
            assert_eq!(had, [14_004, 14_050].map(PortId));
            let refused: Vec<u64> = refused.iter().map(|(port, _)| port.0).collect();
            assert_eq!(refused, [14_051, 14_100]);
            assert_eq!(next.grow(1).unwrap(), [PortId(14_006)]);
            let _ = manager.stored();
            drop(next);
            let mut last = sockets(14_000..=14_099);
            let found = last.inherit(&mut manager.inheritance()).unwrap();
            assert_eq!(found, [14_000, 14_002, 14_004, 14_006, 14_050].map(PortId));
        });
    }

    #[test]
    fn the_highest_port_is_no_trap() {
        runtime().block_on(async {
            let mut sockets = sockets(65_534..=u16::MAX);
            assert!(sockets.grow(3).unwrap().len() <= 1);
        });
    }

    #[test]
    fn an_address_that_is_not_ours_is_refused() {
        runtime().block_on(async {
            let address = [192, 0, 2, 1].into();
            let mut sockets =
                MediaSockets::new(Settings { address, ports: 13_000..=13_999 }).unwrap();
            let error = sockets.grow(1).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        });
    }

    #[test]
    fn a_range_without_a_pair_has_no_ports() {
        runtime().block_on(async {
            for ports in [12_101..=12_102, u16::MAX..=u16::MAX] {
                assert_eq!(sockets(ports).grow(1).unwrap(), []);
            }
        });
    }
}
