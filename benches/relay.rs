//! What a relayed packet costs: the arithmetic alone, and with sockets beside a bare forwarder.
//!
//! `cargo bench --bench relay [CALLS [SECONDS]]`; CPU is that of the forwarding thread. The bare
//! forwarder reads and sends and does nothing else: what is above it is ours. The relay carries
//! PCMU to phones that speak it too, and between phones of PCMU and of another codec.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{
    self, BitrateFeedback, Channel, Command, Event, Handling, Job, KeyFrameFeedback, LedgerHead,
    Machine, MediaPath, Outgoing, PayloadFormat, PictureLimits, Plan, Protection, RecordingTap,
    Source, StreamPlan, TransportPlan, Trust,
};
use cordboard::random::Random;
use cordboard::rtp::RtpHeader;
use cordboard::sdp::Direction;
use cordboard::server::media_sockets::{self, MediaSockets};
use cordboard::server::open_files;
use cordboard::time::{Instant, Now, UnixTime};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fs::Timespec;
use std::hint::black_box;
use std::io::{Seek as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ALL_OF_IPV4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const ALL: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
const ROUNDS: usize = 3;
const LEDGER_PORTS: u16 = 10_000;
const LEDGER_ROUNDS: u32 = 1_000;
/// Phones are not in step: a fraction of them sends every so often.
const SLOT_MICROS: u64 = 250;

fn main() {
    let number = |at, or| {
        let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
        numbers.get(at).copied().unwrap_or(or)
    };
    open_files::raise().unwrap();
    let (calls, seconds) = (number(0, 200) as usize, number(1, 4));
    println!("relay arithmetic, per packet of 172 bytes:   {:6.0} ns", audio_alone());
    println!("relay arithmetic, per packet of VP8, 1100:   {:6.0} ns", video_alone());
    let (print, file) = ledger();
    println!(
        "the ledger of {LEDGER_PORTS} ports:                {print:6.0} µs, in the file after {file:.0} µs"
    );
    println!(
        "{calls} calls, {} packets/s, CPU per packet, and beside plain relaying:",
        calls * 100
    );
    let plain = Way::To(Codec::Pcmu);
    let ways = [
        Way::Bare,
        plain,
        Way::OnAll(ALL_OF_IPV4),
        Way::OnAll(ALL),
        Way::To(Codec::Pcma),
        Way::To(Codec::G722),
    ];
    let mut figures = [const { Vec::new() }; 6];
    for _ in 0..ROUNDS {
        for (way, figures) in ways.iter().zip(&mut figures) {
            figures.push(measure(calls, seconds, way));
        }
    }
    let median = |figures: &Vec<f64>| {
        let mut sorted = figures.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[ROUNDS / 2]
    };
    let plain = &figures[1];
    for (way, figures) in ways.iter().zip(&figures) {
        let beside = figures.iter().zip(plain).map(|(one, plain)| one / plain).collect();
        let (name, micros, ratio) = (way.name(), median(figures), median(&beside));
        println!("  {name:28} {micros:6.2} µs {ratio:6.2}   (of {figures:.2?})");
    }
}

/// What is done with the packets on their way.
#[derive(Clone, Debug)]
enum Way {
    /// Read and sent.
    Bare,
    /// Relayed between phones of PCMU and phones of this codec.
    To(Codec),
    /// Relayed between phones of PCMU by sockets that are on all addresses.
    OnAll(IpAddr),
}

impl Way {
    fn name(&self) -> String {
        match self {
            Self::Bare => "bare forwarder".to_owned(),
            Self::To(Codec::Pcmu) => "relay".to_owned(),
            Self::To(codec) => format!("relay, PCMU and {}", codec.facts().name),
            Self::OnAll(bound) => format!("relay, its sockets on {bound}"),
        }
    }

    /// What the callers' and the callees' phones send; of both 160 bytes are 20 ms.
    fn codecs(&self) -> [(Codec, u8); 2] {
        let codec = match self {
            Self::Bare | Self::OnAll(_) => &Codec::Pcmu,
            Self::To(codec) => codec,
        };
        [Codec::Pcmu, codec.clone()].map(|codec| {
            let number = codec.facts().static_payload_type.unwrap();
            (codec, number)
        })
    }
}

struct Nowhere;

impl Outgoing for Nowhere {
    fn send(&mut self, _: PortId, _: Channel, _: MediaPath, packet: &[u8]) {
        black_box(packet);
    }

    fn report(&mut self, event: Event) {
        black_box(event);
    }

    fn job(&mut self, job: Job) {
        black_box(job);
    }
    fn tap(&mut self, tap: RecordingTap) {
        black_box(tap);
    }
}

fn plan(remote: SocketAddr, codec: Codec, payload_type: u8) -> Plan {
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
        formats: vec![PayloadFormat {
            codec,
            send_pt: payload_type,
            recv_pt: payload_type,
            fmtp: String::new(),
        }],
        direction: Direction::SendRecv,
        packet_ms: 20,
        feedback: KeyFrameFeedback::None,
        bitrate_feedback: BitrateFeedback::None,
        picture: PictureLimits::default(),
        cname: remote.to_string(),
    };
    Plan { transport, stream, carrier: None }
}

/// Ports in pairs that hear each other, the first and the second of each with these codecs.
fn patched(
    kind: Kind,
    codecs: &[(Codec, u8); 2],
    ports: &[PortId],
    phones: &[SocketAddr],
    out: &mut impl Outgoing,
) -> Machine {
    let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
    for ((port, phone), (codec, number)) in ports.iter().zip(phones).zip(codecs.iter().cycle()) {
        let open = Command::Open { port: *port, kind, plan: plan(*phone, codec.clone(), *number) };
        machine.handle(Now::default(), open, out);
    }
    for pair in ports.chunks_exact(2) {
        let both = vec![(pair[0], Source::Port(pair[1])), (pair[1], Source::Port(pair[0]))];
        machine.handle(Now::default(), Command::Patch(both), out);
    }
    machine
}

fn audio_alone() -> f64 {
    alone(Kind::Audio, &Codec::Pcmu, &[0x55; 160], 160)
}

fn video_alone() -> f64 {
    let mut payload = [0x55; 1088];
    payload[..5].copy_from_slice(&[0x90, 0x80, 0x80, 1, 0]);
    alone(Kind::Video, &Codec::Vp8, &payload, 3000)
}

/// Nanoseconds of one packet, over as many ports as 200 calls have.
fn alone(kind: Kind, codec: &Codec, payload: &[u8], step: u32) -> f64 {
    const PORTS: u16 = 400;
    const PACKETS: u32 = 2_000_000;
    let ports: Vec<_> = (0..PORTS).map(|n| PortId(u64::from(16_000 + 2 * n))).collect();
    let phones: Vec<_> = (0..PORTS).map(|n| SocketAddr::from(([192, 0, 2, 1], 4000 + n))).collect();
    let codecs = [(codec.clone(), 0), (codec.clone(), 0)];
    let mut machine = patched(kind, &codecs, &ports, &phones, &mut Nowhere);
    let mut packet = [&[0; 12][..], payload].concat();
    let start = cpu_time();
    for n in 0..PACKETS {
        let (which, count) = ((n % u32::from(PORTS)) as usize, n / u32::from(PORTS));
        let header = RtpHeader {
            payload_type: 0,
            marker: false,
            sequence: count as u16,
            timestamp: count.wrapping_mul(step),
            ssrc: which as u32,
        };
        packet[..12].copy_from_slice(&header.to_bytes());
        let instant = Instant::from_micros(u64::from(count) * 20_000);
        let now = Now { instant, unix: UnixTime::default() };
        machine.rtp(now, ports[which], phones[which], &mut packet, &mut Nowhere);
    }
    (cpu_time() - start).as_nanos() as f64 / f64::from(PACKETS)
}

/// Microseconds in which the ledger of so many ports is printed, and is in its file as well; the mean of many, since the
/// kernel counts what a thread has computed in steps of its own.
fn ledger() -> (f64, f64) {
    let ports: Vec<_> = (0..LEDGER_PORTS).map(|n| PortId(u64::from(16_000 + 2 * n))).collect();
    let phones: Vec<_> =
        (0..LEDGER_PORTS).map(|n| SocketAddr::from(([192, 0, 2, 1], 4000 + n))).collect();
    let codecs = [(Codec::Pcmu, 0), (Codec::Pcmu, 0)];
    let mut machine = patched(Kind::Audio, &codecs, &ports, &phones, &mut Nowhere);
    let (mut head, mut buffer) = (LedgerHead::new([7; 16]), Vec::new());
    let mut file = tempfile::tempfile().unwrap();
    let start = cpu_time();
    for _ in 0..LEDGER_ROUNDS {
        machine.write_ledger(Now::default(), &mut head, Handling::Nothing, &mut buffer);
        machine.ledger_written();
    }
    let printed = cpu_time();
    for _ in 0..LEDGER_ROUNDS {
        machine.write_ledger(Now::default(), &mut head, Handling::Nothing, &mut buffer);
        file.rewind().unwrap();
        file.write_all(&buffer).unwrap();
        machine.ledger_written();
    }
    let written = cpu_time();
    let each = |spent: Duration| spent.as_nanos() as f64 / 1000.0 / f64::from(LEDGER_ROUNDS);
    assert_eq!(buffer.len(), 64 * (usize::from(LEDGER_PORTS) + 2));
    (each(printed - start), each(written - printed))
}

/// What a forwarder gets: what its sockets are bound to, the phones' addresses and codecs, where to say its own addresses, and when
/// to stop.
struct Task {
    bound: IpAddr,
    codecs: [(Codec, u8); 2],
    phones: Vec<SocketAddr>,
    ports: std::sync::mpsc::Sender<Vec<u16>>,
    stop: Arc<AtomicBool>,
}

/// CPU µs per packet of a forwarder under a steady load.
fn measure(calls: usize, seconds: u64, way: &Way) -> f64 {
    let phones: Vec<_> = (0..calls * 2).map(|_| UdpSocket::bind((HERE, 0)).unwrap()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = std::sync::mpsc::channel();
    let forwarder = match way {
        Way::Bare => forward_barely,
        Way::To(_) | Way::OnAll(_) => forward_by_relay,
    };
    let task = Task {
        bound: if let Way::OnAll(bound) = way { *bound } else { HERE },
        codecs: way.codecs(),
        phones: phones.iter().map(|phone| phone.local_addr().unwrap()).collect(),
        ports: sender,
        stop: stop.clone(),
    };
    let forwarder = thread::spawn(move || forwarder(task));
    let ports = receiver.recv().unwrap();
    let numbers = way.codecs().map(|(_, number)| number);
    let (sent, relayed) = speak(&phones, &ports, numbers, seconds);
    stop.store(true, Ordering::Relaxed);
    // A last packet wakes a forwarder that waits.
    thread::sleep(Duration::from_millis(20));
    phones[0].send_to(&[0; 12], (HERE, ports[0])).unwrap();
    let cpu = forwarder.join().unwrap();
    assert!(relayed * 100 >= sent * 98, "{relayed} of {sent} packets were relayed");
    cpu.as_nanos() as f64 / 1000.0 / relayed as f64
}

/// Every phone sends a packet each 20 ms, evenly spread, and takes what comes; returns how many
/// were sent and how many came.
fn speak(phones: &[UdpSocket], ports: &[u16], numbers: [u8; 2], seconds: u64) -> (u64, u64) {
    let mut buffer = [0; 2048];
    let mut packet = [0x55; 172];
    let start = std::time::Instant::now();
    let slots = seconds * 1_000_000 / SLOT_MICROS;
    let round_slots = 20_000 / SLOT_MICROS;
    let (mut sent, mut heard) = (0, 0);
    phones.iter().for_each(|phone| phone.set_nonblocking(true).unwrap());
    for slot in 0..slots {
        let (turn, round) = ((slot % round_slots) as usize, slot / round_slots);
        for which in (turn..phones.len()).step_by(round_slots as usize) {
            let header = RtpHeader {
                payload_type: numbers[which % 2],
                marker: false,
                sequence: round as u16,
                timestamp: (round as u32).wrapping_mul(160),
                ssrc: which as u32,
            };
            packet[..12].copy_from_slice(&header.to_bytes());
            sent += u64::from(phones[which].send_to(&packet, (HERE, ports[which])).is_ok());
            while phones[which].recv_from(&mut buffer).is_ok() {
                heard += 1;
            }
        }
        let next = start + Duration::from_micros((slot + 1) * SLOT_MICROS);
        thread::sleep(next.saturating_duration_since(std::time::Instant::now()));
    }
    (sent, heard)
}

fn forward_barely(task: Task) -> Duration {
    let sockets: Vec<_> = task.phones.iter().map(|_| UdpSocket::bind((HERE, 0)).unwrap()).collect();
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (n, socket) in sockets.iter().enumerate() {
        socket.set_nonblocking(true).unwrap();
        let data = epoll::EventData::new_u64(n as u64);
        epoll::add(&poll, socket, data, epoll::EventFlags::IN).unwrap();
    }
    task.ports.send(sockets.iter().map(|s| s.local_addr().unwrap().port()).collect()).unwrap();
    let mut buffer = [0; 2048];
    let mut ready = Vec::with_capacity(512);
    let start = cpu_time();
    while !task.stop.load(Ordering::Relaxed) {
        ready.clear();
        let patience = Timespec { tv_sec: 1, tv_nsec: 0 };
        epoll::wait(&poll, spare_capacity(&mut ready), Some(&patience)).unwrap();
        for event in &ready {
            let which = event.data.u64() as usize;
            if let Ok((len, _)) = sockets[which].recv_from(&mut buffer) {
                let other = which ^ 1;
                let _lost = sockets[other].send_to(&buffer[..len], task.phones[other]);
            }
        }
    }
    cpu_time() - start
}

fn forward_by_relay(task: Task) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = media_sockets::Settings { address: task.bound, ports: 20_000..=59_999 };
        let mut sockets = MediaSockets::new(settings).unwrap();
        let ports = sockets.grow(task.phones.len()).unwrap();
        let mut machine =
            patched(Kind::Audio, &task.codecs, &ports, &task.phones, sockets.outgoing());
        task.ports.send(ports.iter().map(|port| port.0 as u16).collect()).unwrap();
        let began = std::time::Instant::now();
        let clock = || Now {
            instant: Instant::from_micros(began.elapsed().as_micros() as u64),
            unix: UnixTime::from_micros(began.elapsed().as_micros() as u64),
        };
        // Silence until the first packets is not what is measured; its share is small.
        let start = cpu_time();
        while !task.stop.load(Ordering::Relaxed) {
            let now = clock();
            let deadline = machine.deadline().unwrap_or(now.instant);
            if deadline <= now.instant {
                machine.tick(now, sockets.outgoing());
            }
            let wait = machine.deadline().unwrap_or(now.instant).since(now.instant);
            tokio::select! {
                ready = sockets.readable() => ready.unwrap(),
                () = tokio::time::sleep(wait) => {}
            }
            sockets.relay(&mut machine, clock).unwrap();
            sockets.take_events().for_each(drop);
        }
        cpu_time() - start
    })
}

/// What this thread has computed so far, system calls included.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}
