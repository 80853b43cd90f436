//! What running calls and desks feel of a flood, and how much of its work an overloaded house still does.
//!
//! `cargo bench --bench flood [overload|steady] [SECONDS [MESSAGES]]`, for so long each flood, of so many
//! messages a second; the load beyond what can be carried alone with `overload`, a thousand calls a second
//! with `steady`.
//! The house is a process of its own, at addresses of 127.0.77.0/24; the floods come from 127.0.78.0/24.
//! Ten calls with sound through it, a desk that asks, and calls that come and go, are measured: from
//! request to response, copies included, and packets from phone to phone.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::sip::digest::{Challenge, Chance, DigestLogin, Protected};
use cordboard::sip::{self, HeaderName, Message, Request, Response, StatusCode};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const HOUSE: SocketAddr = at(77, 1, 15_060);
const CALLERS: SocketAddr = at(77, 2, 15_060);
const CALLEE: SocketAddr = at(77, 3, 15_060);
const DESK: SocketAddr = at(77, 4, 15_060);
/// Trunks of the load beyond what can be carried: the calls of each have a rate of their own, and it is
/// all of them together that is too much.
const CROWD: u8 = 20;
/// Of each rate: all calls of one have ports of their own, which rest for 5 s after a call.
const CROWD_FOR: Duration = Duration::from_secs(2);
/// Calls with sound, up all the time.
const CALLS: usize = 10;
const MEDIA: &str = "m=audio PORT RTP/AVP 0\r\na=sendrecv\r\n";

const fn at(net: u8, host: u8, port: u16) -> SocketAddr {
    SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::new(127, 0, net, host), port))
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let seconds = Duration::from_secs(numbers.first().copied().unwrap_or(10));
    let rate = numbers.get(1).copied().unwrap_or(20_000);
    let testbed = Testbed::open();
    let callee = Callee::answer();
    let asked = |what: &str| std::env::args().any(|word| word == what);
    if asked("overload") {
        overload(&testbed);
        return callee.stop();
    }
    if asked("steady") {
        steady(&testbed, numbers.first().map_or(Duration::from_secs(60), |_| seconds));
        return callee.stop();
    }
    let felt = Arc::new(Felt::default());
    let calls = Calls::open(&felt);
    let desk = Desk::open(&felt);
    thread::sleep(Duration::from_secs(1));
    println!("{:26} {:>31} {:>23} {:>27}", "", "BYE, UPDATE, INVITE", "desk commands", "sound");
    println!(
        "{:26} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8} {:>8} {:>9} {:>6} {:>6} {:>9}",
        "",
        "p50 ms",
        "p99",
        "max",
        "refused",
        "p50 ms",
        "p99",
        "max",
        "p99 ms",
        "packets",
        "lost",
        "CPU %",
        "MB",
        "answers"
    );
    let one = || vec![at(78, 1, 0)];
    let many = || (1..=200).map(|host| at(78, host, 0)).collect::<Vec<_>>();
    let row = |name: &str, sources: Vec<SocketAddr>, kinds: &'static [&'static str]| {
        let flood = (!sources.is_empty()).then(|| Flood::begin(sources, kinds, rate));
        thread::sleep(Duration::from_millis(500));
        testbed.row(name, &felt, seconds);
        if let Some(flood) = flood {
            let (sent, answers) = flood.end();
            println!("{answers:>9}   ({sent} a second sent)");
        } else {
            println!();
        }
    };
    row("nothing else", vec![], &[]);
    row("OPTIONS from one source", one(), &["OPTIONS"]);
    row("INVITE from one source", one(), &["INVITE"]);
    row("REGISTER from one source", one(), &["REGISTER"]);
    row("OPTIONS from 200 sources", many(), &["OPTIONS"]);
    row("INVITE from 200 sources", many(), &["INVITE"]);
    row("all kinds from 200 sources", many(), &["OPTIONS", "INVITE", "REGISTER", "rubbish"]);
    row("nothing else", vec![], &[]);
    let full = testbed.megabytes();
    drop((calls, desk));
    thread::sleep(Duration::from_secs(60));
    println!(
        "memory: {full:.0} MB at the end of the floods, {:.0} MB 60 s later",
        testbed.megabytes()
    );
    overload(&testbed);
    callee.stop();
}

// ---- the house ----

struct Testbed {
    process: Child,
    _directory: tempfile::TempDir,
}

impl Testbed {
    fn open() -> Self {
        let directory = tempfile::TempDir::new().unwrap();
        let config = directory.path().join("cordboard.toml");
        let data = directory.path().join("data");
        let ip = HOUSE.ip();
        let trunk = |name: &str, address: SocketAddr| {
            format!("[[trunk]]\nname = \"{name}\"\naddress = [\"{address}\"]\nlevel = \"A\"\n")
        };
        let crowd =
            (0..CROWD).map(|number| trunk(&format!("crowd{number}"), crowd_address(number)));
        let text = format!(
            "data = \"{}\"\n[sip]\ndomain = \"flood.test\"\nlisten = [\"udp:{HOUSE}\"]\n\
             [media]\naddress = \"{ip}\"\nports = \"20000-38999\"\n[web]\nlisten = \"{ip}:8080\"\n{}{}",
            data.display(),
            trunk("callers", CALLERS),
            crowd.collect::<String>(),
        );
        std::fs::write(&config, text).unwrap();
        let program = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
            command.arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::null());
            command
        };
        for line in [
            "terminal add 4001 --level A --contact sip:4001@127.0.77.3:15060",
            "terminal add 3001 --level A --password secret",
            "operator add op1 --phone 3001 --password secret",
        ] {
            assert!(program().args(line.split(' ')).status().unwrap().success(), "{line}");
        }
        let process = program().arg("serve").env("RUST_LOG", "warn").spawn().unwrap();
        thread::sleep(Duration::from_secs(2));
        Self { process, _directory: directory }
    }

    fn row(&self, name: &str, felt: &Felt, seconds: Duration) {
        felt.clear();
        let cpu = self.cpu();
        let start = Instant::now();
        thread::sleep(seconds);
        let cpu = (self.cpu() - cpu) / start.elapsed().as_secs_f64() * 100.0;
        let megabytes = self.megabytes();
        // What was sent last may be under way.
        felt.closing.store(true, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(500));
        let [calls, desk, sound] = [&felt.calls, &felt.desk, &felt.sound].map(|times| {
            let mut times = times.lock().unwrap().clone();
            times.sort_unstable();
            let part = |percent: usize| {
                let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
                times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
            };
            [part(50), part(99), part(100)]
        });
        let sent = felt.sent.load(Ordering::Relaxed);
        let lost = sent.saturating_sub(felt.heard.load(Ordering::Relaxed));
        let refused = felt.refused.load(Ordering::Relaxed);
        print!(
            "{name:26} {:7.2} {:7.2} {:7.1} {refused:7} {:7.2} {:7.2} {:7.1} {:8.2} {sent:8} {lost:9} {cpu:6.0} {megabytes:6.0}",
            calls[0], calls[1], calls[2], desk[0], desk[1], desk[2], sound[1]
        );
    }

    fn megabytes(&self) -> f64 {
        let path = format!("/proc/{}/status", self.process.id());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// In seconds.
    fn cpu(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let (_, numbers) = text.rsplit_once(") ").unwrap();
        let number = |at: usize| numbers.split(' ').nth(at).unwrap().parse::<f64>().unwrap();
        (number(11) + number(12)) / 100.0
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// What those who are served feel.
#[derive(Default)]
struct Felt {
    calls: Mutex<Vec<Duration>>,
    desk: Mutex<Vec<Duration>>,
    sound: Mutex<Vec<Duration>>,
    sent: AtomicU64,
    heard: AtomicU64,
    /// Requests of calls that did not get their 2xx.
    refused: AtomicU64,
    /// Nothing new is counted.
    closing: AtomicBool,
}

impl Felt {
    fn clear(&self) {
        for times in [&self.calls, &self.desk, &self.sound] {
            times.lock().unwrap().clear();
        }
        self.sent.store(0, Ordering::Relaxed);
        self.heard.store(0, Ordering::Relaxed);
        self.refused.store(0, Ordering::Relaxed);
        self.closing.store(false, Ordering::Relaxed);
    }

    fn note(&self, times: &Mutex<Vec<Duration>>, time: Duration) {
        if !self.closing.load(Ordering::Relaxed) {
            times.lock().unwrap().push(time);
        }
    }
}

/// A thread that ends with its owner.
struct Worker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(work: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        Self { stop, thread: Some(thread::spawn(move || work(&seen))) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn socket(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Option<Message> {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    sip::parse(&buffer[..length]).ok()
}

fn printed(message: impl Into<Message>) -> Vec<u8> {
    let mut bytes = Vec::new();
    sip::print(&message.into(), &mut bytes);
    bytes
}

fn sdp(ip: std::net::IpAddr, port: u16) -> String {
    let media = MEDIA.replace("PORT", &port.to_string());
    format!("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n{media}")
}

// ---- who is called ----

struct Callee(Worker);

impl Callee {
    /// Answers every call at once and every request in it with 200.
    fn answer() -> Self {
        Self(Worker::start(|stop| {
            let socket = socket(CALLEE);
            while !stop.load(Ordering::Relaxed) {
                let Some(Message::Request(request)) = receive(&socket) else { continue };
                if request.method.as_str() == "ACK" {
                    continue;
                }
                let mut response = request.response(StatusCode::OK);
                response.headers.set_to_tag("callee");
                if request.method.as_str() == "INVITE" {
                    response.headers.push(HeaderName::Contact, "<sip:4001@127.0.77.3:15060>");
                    response.headers.push(HeaderName::ContentType, "application/sdp");
                    let number = number_of_call(&request);
                    if number < CALLS {
                        HOUSE_PORTS[1][number].store(audio_port(&request.body), Ordering::Relaxed);
                    }
                    response.body = sdp(CALLEE.ip(), 31_000 + number as u16).into_bytes().into();
                }
                let _full = socket.send_to(&printed(response), HOUSE);
            }
        }))
    }

    fn stop(self) {
        drop(self.0);
    }
}

/// The caller's number says which call it is; those without sound of their own are the last.
fn number_of_call(request: &Request) -> usize {
    let from = request.headers.get(HeaderName::From).unwrap_or_default();
    let number = from.split("sip:9").nth(1).and_then(|rest| rest.get(..2)?.parse().ok());
    number.unwrap_or(90)
}

/// Where the house hears each side of the calls with sound.
static HOUSE_PORTS: [[AtomicU16; CALLS]; 2] = [const { [const { AtomicU16::new(0) }; CALLS] }; 2];

fn audio_port(body: &[u8]) -> u16 {
    let text = std::str::from_utf8(body).unwrap();
    let media = text.split("m=audio ").nth(1).unwrap();
    media.split(' ').next().unwrap().parse().unwrap()
}

// ---- calls ----

/// A dialog as its caller has it.
struct Dialog {
    call_id: String,
    from: String,
    to: String,
    target: String,
    cseq: u32,
}

impl Dialog {
    fn new(call_id: String, user: &str, to: &str) -> Self {
        let from = format!("<sip:{user}@carrier.test>;tag=f{call_id}");
        let to_header = format!("<sip:{to}@flood.test>");
        Self { call_id, from, to: to_header, target: format!("sip:{to}@flood.test"), cseq: 0 }
    }

    fn request(&mut self, method: &str, local: SocketAddr, more: &str, body: &str) -> Vec<u8> {
        if method != "ACK" {
            self.cseq += 1;
        }
        let Self { call_id, from, to, target, cseq } = self;
        let length = body.len();
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{call_id}.{cseq}{method}\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:x@{local}>\r\n{more}Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn established(&mut self, response: &Response) {
        response.headers.get(HeaderName::To).unwrap().clone_into(&mut self.to);
        let contact = response.headers.get(HeaderName::Contact).unwrap();
        let target = contact.split(['<', '>']).nth(1).unwrap();
        target.clone_into(&mut self.target);
    }
}

/// What was asked and is not answered.
struct Asked {
    since: Instant,
    again: Instant,
    bytes: Vec<u8>,
}

const SDP: &str = "Content-Type: application/sdp\r\n";

struct Calls {
    _signalling: Worker,
    _sound: Worker,
}

impl Calls {
    fn open(felt: &Arc<Felt>) -> Self {
        let socket = socket(CALLERS);
        let mut dialogs = Vec::new();
        for (number, port) in HOUSE_PORTS[0].iter().enumerate() {
            let user = format!("9{number:02}");
            let mut dialog = Dialog::new(format!("long{number}"), &user, "4001");
            let body = sdp(CALLERS.ip(), 30_000 + number as u16);
            let invite = dialog.request("INVITE", CALLERS, SDP, &body);
            socket.send_to(&invite, HOUSE).unwrap();
            loop {
                let Some(Message::Response(response)) = receive(&socket) else { continue };
                if response.status.is_success() {
                    port.store(audio_port(&response.body), Ordering::Relaxed);
                    dialog.established(&response);
                    break;
                }
                assert!(response.status.is_provisional(), "{response:?}");
            }
            socket.send_to(&dialog.request("ACK", CALLERS, "", ""), HOUSE).unwrap();
            dialogs.push(dialog);
        }
        let (one, two) = (Arc::clone(felt), Arc::clone(felt));
        Self {
            _signalling: Worker::start(move |stop| signal(&socket, dialogs, &one, stop)),
            _sound: Worker::start(move |stop| speak(&two, stop)),
        }
    }
}

/// An UPDATE each 20 ms in one of the calls, and five calls a second that come and go.
fn signal(socket: &UdpSocket, mut dialogs: Vec<Dialog>, felt: &Felt, stop: &AtomicBool) {
    let mut asked: BTreeMap<String, Asked> = BTreeMap::new();
    let mut short: BTreeMap<String, Dialog> = BTreeMap::new();
    let ask =
        |asked: &mut BTreeMap<String, Asked>, dialog: &Dialog, method: &str, bytes: Vec<u8>| {
            let _full = socket.send_to(&bytes, HOUSE);
            let since = Instant::now();
            let again = since + Duration::from_millis(500);
            asked.insert(format!("{}{method}", dialog.call_id), Asked { since, again, bytes });
        };
    let mut next = Instant::now();
    for turn in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        while Instant::now() < next {
            let Some(Message::Response(response)) = receive(socket) else { continue };
            let call_id = response.headers.call_id().unwrap().to_owned();
            let (_, method) = response.headers.cseq().unwrap();
            if response.status.is_provisional() {
                continue;
            }
            if let Some(asked) = asked.remove(&format!("{call_id}{method}")) {
                felt.note(&felt.calls, asked.since.elapsed());
                felt.refused.fetch_add(u64::from(!response.status.is_success()), Ordering::Relaxed);
            }
            if method.as_str() == "INVITE"
                && response.status.is_success()
                && let Some(dialog) = short.get_mut(&call_id)
            {
                dialog.established(&response);
                let ack = dialog.request("ACK", CALLERS, "", "");
                let _full = socket.send_to(&ack, HOUSE);
                let bye = dialog.request("BYE", CALLERS, "", "");
                ask(&mut asked, dialog, "BYE", bye);
            }
        }
        next += Duration::from_millis(20);
        for asked in asked.values_mut().filter(|asked| Instant::now() >= asked.again) {
            asked.again += Duration::from_millis(500);
            let _full = socket.send_to(&asked.bytes, HOUSE);
        }
        let dialog = &mut dialogs[turn % CALLS];
        if !asked.contains_key(&format!("{}UPDATE", dialog.call_id)) {
            let update = dialog.request("UPDATE", CALLERS, "", "");
            ask(&mut asked, dialog, "UPDATE", update);
        }
        if turn.is_multiple_of(10) {
            let mut dialog = Dialog::new(format!("short{turn}"), "800", "4001");
            let invite = dialog.request("INVITE", CALLERS, SDP, &sdp(CALLERS.ip(), 30_090));
            ask(&mut asked, &dialog, "INVITE", invite);
            short.insert(dialog.call_id.clone(), dialog);
            short.retain(|call, _| asked.keys().any(|key| key.starts_with(call.as_str())));
        }
    }
}

/// A packet each 20 ms in both directions of each call; when it was sent stands in it.
fn speak(felt: &Felt, stop: &AtomicBool) {
    let bind = |base: u16, ip| {
        let sockets = (0..CALLS as u16).map(|number| {
            let socket = UdpSocket::bind(SocketAddr::new(ip, base + number)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        });
        sockets.collect::<Vec<_>>()
    };
    let sides = [bind(30_000, CALLERS.ip()), bind(31_000, CALLEE.ip())];
    let start = Instant::now();
    let mut next = start;
    let mut buffer = [0; 2_048];
    for sequence in 0_u16..u16::MAX {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let counts = !felt.closing.load(Ordering::Relaxed);
        for (side, sockets) in sides.iter().enumerate() {
            for (number, socket) in sockets.iter().enumerate() {
                let mut packet = vec![0x80, 0];
                packet.extend(sequence.to_be_bytes());
                packet.extend((u32::from(sequence) * 160).to_be_bytes());
                packet.extend((side as u32 * 100 + number as u32 + 1).to_be_bytes());
                packet.extend((start.elapsed().as_micros() as u64).to_be_bytes());
                packet.push(u8::from(counts));
                packet.resize(172, 0xff);
                let port = HOUSE_PORTS[side][number].load(Ordering::Relaxed);
                let target = SocketAddr::new(HOUSE.ip(), port);
                if socket.send_to(&packet, target).is_ok() && counts {
                    felt.sent.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        next += Duration::from_millis(20);
        while Instant::now() < next {
            for socket in sides.iter().flatten() {
                while let Ok(length) = socket.recv(&mut buffer) {
                    if length == 172 && buffer[20] == 1 {
                        felt.heard.fetch_add(1, Ordering::Relaxed);
                        let sent = u64::from_be_bytes(buffer[12..20].try_into().unwrap());
                        let time = start.elapsed().saturating_sub(Duration::from_micros(sent));
                        felt.note(&felt.sound, time);
                    }
                }
            }
            thread::sleep(Duration::from_micros(500));
        }
    }
}

// ---- the desk ----

struct Desk {
    _worker: Worker,
}

const DESK_JSON: &str =
    "Info-Package: operator-desk\r\nContent-Type: application/vnd.cordboard.desk+json\r\n";

impl Desk {
    fn open(felt: &Arc<Felt>) -> Self {
        let socket = socket(DESK);
        let mut dialog = Dialog::new("desk".into(), "op1", "desk");
        dialog.from = "<sip:op1@flood.test>;tag=op1".into();
        let no_media =
            "v=0\r\no=- 1 1 IN IP4 127.0.77.4\r\ns=-\r\nc=IN IP4 127.0.77.4\r\nt=0 0\r\n";
        let wishes = format!("Recv-Info: operator-desk\r\n{SDP}");
        let mut invite =
            |more: &str| dialog.request("INVITE", DESK, &format!("{wishes}{more}"), no_media);
        let first = invite("");
        let challenge = exchange(&socket, &first);
        let values = challenge.headers.all(HeaderName::WwwAuthenticate);
        let challenge = Challenge::strongest(values).expect("a desk is challenged");
        let login = DigestLogin { user: "op1", password: "secret" };
        let protected = Protected { method: "INVITE", uri: "sip:desk@flood.test" };
        let answer = challenge.answer(&login, &protected, &Chance { cnonce: "c", count: 1 });
        let second = invite(&format!("Authorization: {answer}\r\n"));
        let accepted = exchange(&socket, &second);
        assert!(accepted.status.is_success(), "{accepted:?}");
        dialog.established(&accepted);
        socket.send_to(&dialog.request("ACK", DESK, "", ""), HOUSE).unwrap();
        let felt = Arc::clone(felt);
        Self { _worker: Worker::start(move |stop| command(&socket, &mut dialog, &felt, stop)) }
    }
}

/// Sends until the final response comes.
fn exchange(socket: &UdpSocket, bytes: &[u8]) -> Response {
    loop {
        socket.send_to(bytes, HOUSE).unwrap();
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            match receive(socket) {
                Some(Message::Response(response)) if !response.status.is_provisional() => {
                    return response;
                }
                Some(_) | None => {}
            }
        }
    }
}

/// Says hello, and then asks something each 70 ms: the time to the result counts.
fn command(socket: &UdpSocket, dialog: &mut Dialog, felt: &Felt, stop: &AtomicBool) {
    let mut next = Instant::now();
    for turn in 0_u64.. {
        let id = format!("flood-{turn}");
        let what = if turn == 0 { "hello" } else { "ping" };
        let body = format!("{{\"id\":\"{id}\",\"do\":\"{what}\"}}");
        let info = dialog.request("INFO", DESK, DESK_JSON, &body);
        socket.send_to(&info, HOUSE).unwrap();
        let (since, mut again) = (Instant::now(), Instant::now() + Duration::from_millis(500));
        let mut done = false;
        next = next.max(since) + Duration::from_millis(70);
        while !done || Instant::now() < next {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if !done && Instant::now() >= again {
                again += Duration::from_millis(500);
                socket.send_to(&info, HOUSE).unwrap();
            }
            let Some(Message::Request(request)) = receive(socket) else { continue };
            let response = request.response(StatusCode::OK);
            socket.send_to(&printed(response), HOUSE).unwrap();
            let said = String::from_utf8_lossy(&request.body).into_owned();
            if !done && said.contains(&format!("\"re\":\"{id}\"")) {
                done = true;
                felt.note(&felt.desk, since.elapsed());
            }
        }
    }
}

// ---- floods ----

struct Flood {
    begun: Instant,
    worker: Worker,
    sent: Arc<AtomicU64>,
    answers: Arc<AtomicU64>,
}

impl Flood {
    fn begin(sources: Vec<SocketAddr>, kinds: &'static [&'static str], rate: u64) -> Self {
        let (sent, answers) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counts = (Arc::clone(&sent), Arc::clone(&answers));
        let worker = Worker::start(move |stop| {
            let sockets: Vec<_> = sources.iter().map(|source| socket(*source)).collect();
            sockets.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
            let start = Instant::now();
            let mut buffer = [0; 2_048];
            for number in 0.. {
                while start.elapsed().as_micros() as u64 * rate / 1_000_000 <= number {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    thread::sleep(Duration::from_micros(200));
                }
                let socket = &sockets[number as usize % sockets.len()];
                let bytes = unauthenticated_request(
                    socket,
                    kinds[number as usize / 7 % kinds.len()],
                    number,
                );
                if socket.send_to(&bytes, HOUSE).is_ok() {
                    counts.0.fetch_add(1, Ordering::Relaxed);
                }
                while socket.recv(&mut buffer).is_ok() {
                    counts.1.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { begun: Instant::now(), worker, sent, answers }
    }

    /// Per second.
    fn end(self) -> (u64, u64) {
        let time = self.begun.elapsed();
        drop(self.worker);
        let per_second =
            |count: &AtomicU64| (count.load(Ordering::Relaxed) as f64 / time.as_secs_f64()) as u64;
        (per_second(&self.sent), per_second(&self.answers))
    }
}

fn unauthenticated_request(socket: &UdpSocket, method: &str, number: u64) -> Vec<u8> {
    if method == "rubbish" {
        return format!("{number} what is this?\r\n\r\n").into_bytes();
    }
    let local = socket.local_addr().unwrap();
    let name = format!("{number}.{}", std::process::id());
    let mut dialog = Dialog::new(format!("s{name}"), "eve", "9000");
    if method != "INVITE" {
        return dialog.request(method, local, "", "");
    }
    dialog.request(method, local, SDP, &sdp(local.ip(), 20_000))
}

// ---- more calls than can be carried ----

/// Calls come at a rate that does not care how they fare: at more and more a second until no more are
/// carried, and then at ten times as many.
fn overload(testbed: &Testbed) {
    println!("\ncalls that are offered, and carried from INVITE to the 200 for BYE, a second:");
    let mut most = 0;
    for rate in [250, 500, 1_000, 1_500, 2_000] {
        let carried = crowd(testbed, rate);
        most = most.max(carried);
        if carried * 10 < rate * 9 {
            break;
        }
    }
    let carried = crowd(testbed, most * 10);
    println!("  goodput at ten times as many as can be carried: {} %", carried * 100 / most.max(1));
}

const fn crowd_address(number: u8) -> SocketAddr {
    at(77, 100 + number, 15_060)
}

fn crowd(testbed: &Testbed, rate: u64) -> u64 {
    let mut crowd = Crowd::new(rate);
    let cpu = testbed.cpu();
    while crowd.start.elapsed() < CROWD_FOR {
        crowd.call();
        if !crowd.hear() {
            thread::sleep(Duration::from_micros(100));
        }
    }
    let time = crowd.start.elapsed().as_secs_f64();
    let cpu = (testbed.cpu() - cpu) / time * 100.0;
    let [offered, carried, refused] =
        [crowd.offered, crowd.carried, crowd.refused].map(|n| (n as f64 / time) as u64);
    println!("  {offered:6} offered {carried:6} carried {refused:6} refused, {cpu:.0} % of a core");
    // What is still ringing ends before the next row, and ports have rested.
    thread::sleep(Duration::from_secs(6));
    carried
}

/// A thousand calls a second for so long: each has to be carried. What is not answered is sent again.
fn steady(testbed: &Testbed, seconds: Duration) {
    const RATE: u64 = 1_000;
    let mut crowd = Crowd::new(RATE);
    let cpu = testbed.cpu();
    while crowd.start.elapsed() < seconds {
        crowd.call();
        crowd.ask_again();
        if !crowd.hear() {
            thread::sleep(Duration::from_micros(100));
        }
    }
    let cpu = (testbed.cpu() - cpu) / crowd.start.elapsed().as_secs_f64() * 100.0;
    let end = Instant::now() + Duration::from_secs(32);
    while !crowd.dialogs.is_empty() && Instant::now() < end {
        crowd.ask_again();
        if !crowd.hear() {
            thread::sleep(Duration::from_millis(1));
        }
    }
    println!(
        "{RATE} calls a second for {} s: {} offered, {} carried, {} refused, {} unanswered, \
         {} requests sent again, {cpu:.0} % of a core",
        seconds.as_secs(),
        crowd.offered,
        crowd.carried,
        crowd.refused,
        crowd.dialogs.len(),
        crowd.again,
    );
    for (refusal, times) in &crowd.refusals {
        println!("  {times:6} times {refusal}");
    }
}

/// Trunks whose calls are answered and at once hung up.
struct Crowd {
    trunks: Vec<UdpSocket>,
    rate: u64,
    start: Instant,
    dialogs: BTreeMap<String, (Dialog, Asked)>,
    /// When it was looked for unanswered requests.
    looked: Instant,
    offered: u64,
    carried: u64,
    refused: u64,
    /// How often each refusal came.
    refusals: BTreeMap<String, u64>,
    again: u64,
}

impl Crowd {
    fn new(rate: u64) -> Self {
        let trunks: Vec<_> = (0..CROWD).map(|number| socket(crowd_address(number))).collect();
        trunks.iter().for_each(|trunk| trunk.set_nonblocking(true).unwrap());
        let start = Instant::now();
        Self {
            trunks,
            rate,
            start,
            dialogs: BTreeMap::new(),
            looked: start,
            offered: 0,
            carried: 0,
            refused: 0,
            refusals: BTreeMap::new(),
            again: 0,
        }
    }

    /// Begins the calls that are due, at most 16 before it is heard what came.
    fn call(&mut self) {
        while self.start.elapsed().as_micros() as u64 * self.rate / 1_000_000 > self.offered {
            self.offered += 1;
            let call_id = format!("c{}.{}", self.rate, self.offered);
            let mut dialog = Dialog::new(call_id.clone(), "700", "4001");
            let trunk = (self.offered % u64::from(CROWD)) as u8;
            let local = crowd_address(trunk);
            let invite = dialog.request("INVITE", local, SDP, &sdp(local.ip(), 20_000));
            let asked = self.ask(trunk, invite);
            self.dialogs.insert(call_id, (dialog, asked));
            if self.offered.is_multiple_of(16) {
                break;
            }
        }
    }

    fn ask(&self, trunk: u8, bytes: Vec<u8>) -> Asked {
        let _full = self.trunks[usize::from(trunk)].send_to(&bytes, HOUSE);
        let since = Instant::now();
        Asked { since, again: since + Duration::from_millis(500), bytes }
    }

    /// Ten times a second: what was not answered in time.
    fn ask_again(&mut self) {
        let now = Instant::now();
        if now < self.looked + Duration::from_millis(100) {
            return;
        }
        self.looked = now;
        for (call_id, (_, asked)) in &mut self.dialogs {
            if now < asked.again {
                continue;
            }
            let number: u64 = call_id.rsplit('.').next().unwrap().parse().unwrap();
            let trunk = (number % u64::from(CROWD)) as usize;
            let _full = self.trunks[trunk].send_to(&asked.bytes, HOUSE);
            asked.again = now + 2 * (asked.again - asked.since).min(Duration::from_secs(2));
            asked.since = now;
            self.again += 1;
        }
    }

    /// Whether anything came.
    fn hear(&mut self) -> bool {
        let mut any = false;
        for number in 0..CROWD {
            if let Some(message) = receive(&self.trunks[usize::from(number)]) {
                any = true;
                self.take(number, message);
            }
        }
        any
    }

    fn take(&mut self, trunk: u8, message: Message) {
        let Message::Response(response) = message else { return };
        if response.status.is_provisional() {
            return;
        }
        let call_id = response.headers.call_id().unwrap().to_owned();
        let (_, method) = response.headers.cseq().unwrap();
        if !response.status.is_success() {
            let is_ours = u64::from(self.dialogs.remove(&call_id).is_some());
            self.refused += is_ours;
            let refusal = format!("{} {}", response.status, response.reason);
            *self.refusals.entry(refusal).or_default() += is_ours;
        } else if method.as_str() == "BYE" {
            self.carried += u64::from(self.dialogs.remove(&call_id).is_some());
        } else if let Some((mut dialog, asked)) = self.dialogs.remove(&call_id) {
            let local = crowd_address(trunk);
            let asked = if dialog.cseq == 1 {
                dialog.established(&response);
                let _full = self.trunks[usize::from(trunk)]
                    .send_to(&dialog.request("ACK", local, "", ""), HOUSE);
                let bye = dialog.request("BYE", local, "", "");
                self.ask(trunk, bye)
            } else {
                asked
            };
            self.dialogs.insert(call_id, (dialog, asked));
        }
    }
}
