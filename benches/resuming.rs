//! How soon a house speaks again that was killed in the middle of the day, and what is heard of it.
//!
//! `cargo bench --bench resuming [ROUNDS [TERMINALS [CALLS [WAITING]]]]`: the real program with 10,000 registered
//! terminals, 200 calls of sound through it and 50 callers who wait is killed and started again, without a service manager:
//! its relay ports are bound again. From exec to the first packet that it forwards; and how long each phone of the calls
//! heard nothing, and each who waits no music. The phones are threads of this process, on the same machine.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::server::open_files;
use cordboard::sip::{self, HeaderName, Message, Request, Response, StatusCode};
use rusqlite::Connection;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fs::Timespec;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const HOUSE: SocketAddr = at(1);
const CALLERS: SocketAddr = at(2);
const PHONES: SocketAddr = at(3);
/// The media port of the first party; each has one of its own.
const SOUND: u16 = 20_000;
/// The number of the first terminal.
const FIRST: usize = 20_000;
/// Whatever comes sooner after exec was under way.
const NO_SOONER: Duration = Duration::from_millis(3);
const PACKET: Duration = Duration::from_millis(20);
const SAMPLES: u32 = 160;
/// After this all is as before the kill.
const SETTLED: Duration = Duration::from_secs(3);

const fn at(host: u8) -> SocketAddr {
    SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::new(127, 0, 79, host), 15_060))
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let number = |at: usize, or| numbers.get(at).copied().unwrap_or(or);
    let (rounds, terminals) = (number(0, 5), number(1, 10_000));
    let (calls, waiting) = (number(2, 200), number(3, 50));
    open_files::raise().unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let mut house = House::open(directory.path(), terminals);
    let parties = Arc::new(Parties::new(calls, waiting));
    let over = Arc::new(AtomicBool::new(false));
    let threads = [
        thread::spawn({
            let (parties, over) = (Arc::clone(&parties), Arc::clone(&over));
            move || answer(&parties, &over)
        }),
        thread::spawn({
            let (parties, over) = (Arc::clone(&parties), Arc::clone(&over));
            move || speak(&parties, &over)
        }),
        thread::spawn({
            let (parties, over) = (Arc::clone(&parties), Arc::clone(&over));
            move || hear(&parties, &over)
        }),
    ];
    parties.call();
    thread::sleep(SETTLED);
    print!("{}", house.says("status"));
    println!(
        "{:>18} {:>9} {:>31} {:>27}",
        "first packet", "CPU", "talking, silent for", "music away for"
    );
    println!(
        "{:>18} {:>9} {:>7} {:>7} {:>7} {:>7} {:>9} {:>9} {:>7}",
        "ms after exec", "ms", "p50 ms", "p99", "max", "never", "p50 ms", "max", "never"
    );
    for _ in 0..rounds {
        let round = house.round(&parties);
        let [talking, music] = [0..2 * calls, 2 * calls..parties.count()]
            .map(|range| Silence::of(range.map(|party| parties.gap(party, round.killed))));
        println!(
            "{:18.0} {:9.0} {:7} {:7} {:7} {:7} {:9} {:9} {:7}",
            round.first.as_secs_f64() * 1_000.0,
            round.cpu * 1_000.0,
            talking.part(50),
            talking.part(99),
            talking.part(100),
            talking.never,
            music.part(50),
            music.part(100),
            music.never
        );
    }
    print!("{}", house.says("status"));
    over.store(true, Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// How long each of some parties heard nothing.
struct Silence {
    millis: Vec<u64>,
    never: usize,
}

impl Silence {
    fn of(gaps: impl Iterator<Item = Option<Duration>>) -> Self {
        let (mut millis, mut never) = (Vec::new(), 0);
        for gap in gaps {
            match gap {
                Some(gap) => millis.push(gap.as_millis() as u64),
                None => never += 1,
            }
        }
        millis.sort_unstable();
        Self { millis, never }
    }

    fn part(&self, percent: usize) -> u64 {
        let at = (self.millis.len() * percent / 100).min(self.millis.len().saturating_sub(1));
        self.millis.get(at).copied().unwrap_or(0)
    }
}

// ---- the house ----

struct House {
    config: std::path::PathBuf,
    running: std::path::PathBuf,
    process: Child,
}

struct Round {
    killed: Instant,
    first: Duration,
    /// Seconds until its first packet.
    cpu: f64,
}

impl House {
    fn open(directory: &Path, terminals: usize) -> Self {
        let (config, data) = (directory.join("cordboard.toml"), directory.join("data"));
        let (ip, callers) = (HOUSE.ip(), CALLERS.ip());
        let text = format!(
            "data = \"{}\"\n[sip]\ndomain = \"resuming.test\"\nlisten = [\"udp:{HOUSE}\", \"tcp:{HOUSE}\"]\n\
             [media]\naddress = \"{ip}\"\nports = \"30000-39999\"\n[web]\nlisten = \"{ip}:8080\"\n\
             [queue.main]\nnumber = \"9000\"\n\
             [[trunk]]\nname = \"callers\"\naddress = [\"{callers}\"]\nlevel = \"A\"\n",
            data.display()
        );
        std::fs::write(&config, text).unwrap();
        let running = data.join("cordboard.running");
        for line in [
            "terminal add 3001 --level A --password secret",
            "operator add op1 --phone 3001 --mode phone --password secret",
        ] {
            let status = program(&config).args(line.split(' ')).status();
            assert!(status.unwrap().success(), "{line}");
        }
        register(&data.join("cordboard.db"), terminals);
        let process = serve(&config);
        let house = Self { config, running, process };
        let up = || std::net::TcpStream::connect(HOUSE).is_ok();
        while !up() {
            thread::sleep(Duration::from_millis(5));
        }
        house
    }

    fn says(&self, line: &str) -> String {
        let mut command = program(&self.config);
        let output = command.args(line.split(' ')).stdout(Stdio::piped()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let wanted = ["calls ", "waiting ", "operators ", "phones ", "legs ", "resumed "];
        let line = |line: &&str| wanted.iter().any(|name| line.starts_with(name));
        let words =
            text.lines().filter(line).map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "));
        words.collect::<Vec<_>>().join(", ") + "\n"
    }

    /// Kills it, and starts it again.
    fn round(&mut self, parties: &Parties) -> Round {
        self.process.kill().unwrap();
        let killed = Instant::now();
        self.process.wait().unwrap();
        // As if the kills were hours apart.
        std::fs::remove_file(&self.running).unwrap();
        parties.begin_round();
        let exec = Instant::now();
        self.process = serve(&self.config);
        while parties.first.load(Relaxed) == 0 && exec.elapsed() < SETTLED {
            thread::sleep(Duration::from_micros(200));
        }
        let cpu = self.cpu();
        let first = parties.start + Duration::from_micros(parties.first.load(Relaxed));
        thread::sleep(SETTLED);
        Round { killed, first: first.saturating_duration_since(exec), cpu }
    }

    /// In seconds.
    fn cpu(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let (_, numbers) = text.rsplit_once(") ").unwrap();
        let number = |at: usize| numbers.split(' ').nth(at).unwrap().parse::<f64>().unwrap();
        (number(11) + number(12)) / 100.0
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

fn program(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn serve(config: &Path) -> Child {
    program(config).arg("serve").env("RUST_LOG", "warn").stderr(Stdio::null()).spawn().unwrap()
}

/// So many terminals, each of which has registered; and the operator is logged in.
fn register(database: &Path, terminals: usize) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
    let database = Connection::open(database).unwrap();
    database.execute_batch("BEGIN").unwrap();
    database.execute("INSERT INTO operator_states VALUES ('op1', 1, 0, '3001')", []).unwrap();
    for number in std::iter::once(3001).chain(FIRST..FIRST + terminals) {
        if number != 3001 {
            let line = "INSERT INTO terminals SELECT ?1, name, level, secret, contact, srtp \
                        FROM terminals WHERE number = '3001'";
            database.execute(line, [number.to_string()]).unwrap();
        }
        let uri = format!("sip:{number}@{PHONES}");
        let flow = format!("UDP {HOUSE} {PHONES} 0");
        let line = "INSERT INTO bindings (number, key, contact, path, flow, call_id, cseq, expires, user_agent, since) \
                    VALUES (?1, ?2, ?3, '', ?4, ?1, 1, ?5, 'Phone 3.2', ?6)";
        let expires = now + 3_600_000_000;
        let row = (number.to_string(), &uri, format!("<{uri}>"), flow, expires, now);
        database.execute(line, row).unwrap();
    }
    database.execute_batch("COMMIT").unwrap();
}

// ---- the parties ----

/// Callers and callees of the calls, then who waits; each with a socket for its sound.
struct Parties {
    calls: usize,
    sockets: Vec<UdpSocket>,
    /// Where the house hears each of them.
    house: Vec<AtomicU16>,
    /// Microseconds after `start`: when each has heard something last, and first of a round's new process.
    last: Vec<AtomicU64>,
    again: Vec<AtomicU64>,
    first: AtomicU64,
    /// What comes after this moment is of the next process; 0 before the first kill.
    next: AtomicU64,
    start: Instant,
}

impl Parties {
    fn new(calls: usize, waiting: usize) -> Self {
        // One more is the call that the operator has in hand, and one the operator's phone.
        let count = 2 * calls + waiting + 2;
        let bind = |party: usize| {
            let ip = if party < calls { PHONES.ip() } else { CALLERS.ip() };
            let socket = UdpSocket::bind((ip, SOUND + 2 * party as u16)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let zeros = || (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            calls,
            sockets: (0..count).map(bind).collect(),
            house: (0..count).map(|_| AtomicU16::new(0)).collect(),
            last: zeros(),
            again: zeros(),
            first: AtomicU64::new(0),
            next: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    /// Without the two that the operator has to do with.
    fn count(&self) -> usize {
        self.sockets.len() - 2
    }

    fn begin_round(&self) {
        self.first.store(0, Relaxed);
        for (again, last) in self.again.iter().zip(&self.last) {
            if again.swap(0, Relaxed) > 0 {
                // It has heard something until just now.
                last.store(self.start.elapsed().as_micros() as u64, Relaxed);
            }
        }
        self.next.store((self.start.elapsed() + NO_SOONER).as_micros() as u64, Relaxed);
    }

    /// From the last packet before the kill to the first after it.
    fn gap(&self, party: usize, killed: Instant) -> Option<Duration> {
        let again = self.again[party].load(Relaxed);
        let last = Duration::from_micros(self.last[party].load(Relaxed));
        let silent_since = (self.start + last).min(killed);
        (again > 0).then(|| {
            (self.start + Duration::from_micros(again)).saturating_duration_since(silent_since)
        })
    }

    fn heard(&self, party: usize) {
        let now = self.start.elapsed().as_micros() as u64;
        let next = self.next.load(Relaxed);
        if self.again[party].load(Relaxed) == 0 && next > 0 && now >= next {
            self.again[party].store(now, Relaxed);
            let _ = self.first.compare_exchange(0, now, Relaxed, Relaxed);
        } else if self.again[party].load(Relaxed) == 0 {
            self.last[party].store(now, Relaxed);
        }
    }

    /// Begins all calls: the operator's first, who waits next, then those between two.
    fn call(&self) {
        let socket = UdpSocket::bind(CALLERS).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let waiting = std::iter::once(self.count()).chain(2 * self.calls..self.count());
        let queue = waiting.map(|party| (party, "9000".to_owned()));
        let direct = (0..self.calls).map(|call| (self.calls + call, (FIRST + call).to_string()));
        for (party, number) in queue.chain(direct) {
            socket.send_to(&request("INVITE", party, &number, ""), HOUSE).unwrap();
            let response = loop {
                let mut buffer = [0; 4096];
                let length = socket.recv(&mut buffer).unwrap();
                let Ok(Message::Response(response)) = sip::parse(&buffer[..length]) else {
                    continue;
                };
                if response.headers.call_id().unwrap() == call_id(party)
                    && !response.status.is_provisional()
                {
                    break response;
                }
            };
            assert!(response.status.is_success(), "{number}: {response:?}");
            self.house[party].store(audio_port(&response.body), Relaxed);
            let to = response.headers.get(HeaderName::To).unwrap();
            socket.send_to(&request("ACK", party, &number, to), HOUSE).unwrap();
            // As a trunk may.
            thread::sleep(Duration::from_millis(8));
        }
        thread::spawn(move || answer_all(&socket));
    }
}

/// A carrier says yes to all that it is asked in its calls.
fn answer_all(socket: &UdpSocket) {
    loop {
        let mut buffer = [0; 4096];
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        let Ok(Message::Request(request)) = sip::parse(&buffer[..length]) else { continue };
        if request.method.as_str() != "ACK" {
            let _full = socket.send_to(&printed(request.response(StatusCode::OK)), HOUSE);
        }
    }
}

fn call_id(party: usize) -> String {
    format!("{party}@carrier.test")
}

fn request(method: &str, party: usize, number: &str, to: &str) -> Vec<u8> {
    let body = if method == "INVITE" { sdp(CALLERS, party) } else { String::new() };
    let to = if to.is_empty() { format!("<sip:{number}@resuming.test>") } else { to.to_owned() };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let mut bytes = Vec::new();
    write!(
        bytes,
        "{method} sip:{number}@resuming.test SIP/2.0\r\nVia: SIP/2.0/UDP {CALLERS};rport;branch=z9hG4bK{party}{method}\r\n\
         From: <sip:9{party:05}@carrier.test>;tag=f{party}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: 1 {method}\r\n\
         Max-Forwards: 70\r\nContact: <sip:9{party:05}@{CALLERS}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}",
        id = call_id(party),
        length = body.len()
    )
    .unwrap();
    bytes
}

fn printed(response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    sip::print(&response.into(), &mut bytes);
    bytes
}

fn sdp(of: SocketAddr, party: usize) -> String {
    let (ip, port) = (of.ip(), SOUND + 2 * party as u16);
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=sendrecv\r\n"
    )
}

fn audio_port(body: &[u8]) -> u16 {
    let text = std::str::from_utf8(body).unwrap();
    let media = text.split("m=audio ").nth(1).unwrap();
    media.split(' ').next().unwrap().parse().unwrap()
}

/// All terminals: each call is answered at once, and every request in it.
fn answer(parties: &Parties, over: &AtomicBool) {
    let socket = UdpSocket::bind(PHONES).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = [0; 8192];
    while !over.load(Relaxed) {
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        let Ok(Message::Request(request)) = sip::parse(&buffer[..length]) else { continue };
        if request.method.as_str() == "ACK" {
            continue;
        }
        let mut response = request.response(StatusCode::OK);
        response.headers.set_to_tag("phone");
        if request.method.as_str() == "INVITE" {
            let party = party_called(&request, parties);
            parties.house[party].store(audio_port(&request.body), Relaxed);
            response.headers.push(HeaderName::Contact, format_args!("<sip:{party}@{PHONES}>"));
            response.headers.push(HeaderName::ContentType, "application/sdp");
            response.body = sdp(PHONES, party).into_bytes().into();
        }
        let _full = socket.send_to(&printed(response), HOUSE);
    }
}

/// The operator's phone is the last of all.
fn party_called(request: &Request, parties: &Parties) -> usize {
    let mut bytes = Vec::new();
    sip::print(&request.clone().into(), &mut bytes);
    let line = String::from_utf8_lossy(&bytes).into_owned();
    let number: Option<usize> =
        line.split("sip:").nth(1).and_then(|rest| rest.split('@').next()?.parse().ok());
    match number {
        Some(number) if number >= FIRST => number - FIRST,
        _ => parties.count() + 1,
    }
}

/// Everybody says something every 20 ms, not all at once.
fn speak(parties: &Parties, over: &AtomicBool) {
    let slots = PACKET.as_millis() as usize;
    let mut packet = [0x55; 12 + SAMPLES as usize];
    packet[..2].copy_from_slice(&[0x80, 0]);
    let mut next = Instant::now();
    for tick in 0_usize.. {
        if over.load(Relaxed) {
            return;
        }
        let number = (tick / slots) as u32;
        packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&number.wrapping_mul(SAMPLES).to_be_bytes());
        for party in (tick % slots..parties.sockets.len()).step_by(slots) {
            let port = parties.house[party].load(Relaxed);
            if port > 0 {
                packet[8..12].copy_from_slice(&(party as u32 + 1).to_be_bytes());
                // Refused while nobody has the port.
                let _ = parties.sockets[party].send_to(&packet, (HOUSE.ip(), port));
            }
        }
        next += Duration::from_millis(1);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn hear(parties: &Parties, over: &AtomicBool) {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (party, socket) in parties.sockets.iter().enumerate() {
        let data = epoll::EventData::new_u64(party as u64);
        epoll::add(&poll, socket, data, epoll::EventFlags::IN).unwrap();
    }
    let mut events = Vec::with_capacity(256);
    let mut buffer = [0; 2048];
    while !over.load(Relaxed) {
        let wait = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        events.clear();
        if epoll::wait(&poll, spare_capacity(&mut events), Some(&wait)).is_err() {
            continue;
        }
        for event in &events {
            let party = event.data.u64() as usize;
            // An error is that of a packet that was refused.
            while parties.sockets[party].recv(&mut buffer).is_ok() {
                parties.heard(party);
            }
        }
    }
}
