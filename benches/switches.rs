//! How long after a switch the new picture and the new voice are there, and what receivers count as lost,
//! over real sockets.
//!
//! `cargo bench --features system-codecs --bench switches [SWITCHES]`; 200 take two minutes. The house is a process of its
//! own. Three operators at desks take calls, consult, alternate, connect, retrieve and release, each with a caller
//! and a wanted person; everybody has a camera and a voice, and no two of the three speak the same codecs
//! (without `system-codecs` all cameras are H.264's):
//!
//! ```text
//!   prudent   H.264, one key frame a second at the most, what is asked before is forgotten; PCMA
//!   prompt    VP8, a key frame when it is asked by RTCP; Opus
//!   old       H.263+, a key frame when it is asked by INFO; G.722
//! ```
//!
//! A voice is there with the first packet in which its tone is heard, a picture with the last packet of the
//! first one that a decoder shows in its colour. The time begins when the desk sends the command, or when the
//! phone that is called answers it.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)] // A benchmark may panic, and has to speak.

#[path = "../tests/end_to_end/desk.rs"]
#[allow(dead_code)] // The tests ask more of it.
mod desk;
#[path = "../tests/end_to_end/program.rs"]
#[allow(dead_code)] // The same.
mod program;
#[path = "../tests/end_to_end/sip.rs"]
#[allow(dead_code)] // The same.
mod sip;
#[path = "../tests/end_to_end/web_socket.rs"]
#[allow(dead_code)] // The same.
mod web_socket;
/// Of all accounts.
mod switchboard {
    pub const PASSWORD: &str = "se.cret";
}

use cordboard::codec::audio::{AudioDecoder, AudioEncoder, PAYLOAD_MAX, SAMPLES_MAX};
use cordboard::codec::tone::Sound;
use cordboard::codec::video::{Colour, Image, Settings, VideoDecoder, VideoEncoder};
use cordboard::codec::{Codec, goertzel};
use cordboard::rtp::h264::PacketizationMode;
use cordboard::rtp::video::{AccessUnit, Depacketiser, Packetiser, PictureFormat};
use cordboard::rtp::{Packet, Reception, RtpHeader, rtcp};
use desk::Desk;
use serde_json::{Value, json};
use sip::{Message, Wire};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use switchboard::PASSWORD;

const DOMAIN: &str = "switches.test";
const HOUSE: SocketAddr = at(1, 15_060);
/// Groups of a caller, an operator and a wanted person, side by side.
const TRIOS: u8 = 3;
/// Pictures and voices that have not come by then never do.
const PATIENCE: Duration = Duration::from_secs(4);
/// After the last picture and the last voice of a switch, so long and up to nine times as long: not in step
/// with anyone's camera, and often before a second since its last key frame is over.
const STAY: Duration = Duration::from_millis(100);
const FRAMES: u32 = 15;
const SIZE: (usize, usize) = (352, 288);
/// The rate at which voices are judged.
const RATE: u32 = 16_000;
const TONES: [u32; 3] = [500, 750, 1100];
const COLOURS: [Colour; 3] = [
    Colour { y: 80, cb: 90, cr: 240 },
    Colour { y: 145, cb: 54, cr: 34 },
    Colour { y: 41, cb: 240, cr: 110 },
];
/// The caller, the operator and the wanted person, as places in a trio.
const C: usize = 0;
const O: usize = 1;
const U: usize = 2;

const fn at(host: u8, port: u16) -> SocketAddr {
    SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::new(127, 0, 79, host), port))
}

fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let switches: usize = asked.unwrap_or(200);
    let _house = House::open();
    let trios: Vec<JoinHandle<Figures>> = (0..TRIOS)
        .map(|number| {
            let share = switches.div_ceil(usize::from(TRIOS));
            thread::spawn(move || Trio::gather(number).work(share))
        })
        .collect();
    let mut all = Figures::default();
    trios.into_iter().for_each(|trio| all.add(trio.join().unwrap()));
    println!("{} switches with three kinds of phones, in ms:", all.switches);
    row("pictures", &mut all.pictures, all.never[0]);
    row("voices", &mut all.voices, all.never[1]);
    println!(
        "packets that receivers expected: {}, and counted lost: {}; streams {} in {} calls of a phone; \
         pictures that were not whole: {}",
        all.expected, all.lost, all.streams, all.calls, all.broken
    );
}

fn row(name: &str, times: &mut [Duration], never: usize) {
    times.sort_unstable();
    let part = |percent: usize| {
        let last = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(last).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    };
    println!(
        "  {name:9} {:4} of {:4}   p50 {:6.0}   p90 {:6.0}   p99 {:6.0}   max {:6.0}",
        times.len(),
        times.len() + never,
        part(50),
        part(90),
        part(99),
        part(100)
    );
}

/// What came of all switches.
#[derive(Default)]
struct Figures {
    switches: usize,
    pictures: Vec<Duration>,
    voices: Vec<Duration>,
    /// Pictures and voices that did not come.
    never: [usize; 2],
    expected: u64,
    lost: i64,
    streams: usize,
    calls: usize,
    broken: usize,
}

impl Figures {
    fn add(&mut self, mut other: Self) {
        self.switches += other.switches;
        self.pictures.append(&mut other.pictures);
        self.voices.append(&mut other.voices);
        (0..2).for_each(|at| self.never[at] += other.never[at]);
        self.expected += other.expected;
        self.lost += other.lost;
        self.streams += other.streams;
        self.calls += other.calls;
        self.broken += other.broken;
    }
}

// ---- the house ----

struct House {
    process: Child,
    _directory: tempfile::TempDir,
}

impl House {
    fn open() -> Self {
        let directory = tempfile::TempDir::new().unwrap();
        let config = directory.path().join("cordboard.toml");
        let data = directory.path().join("data");
        let ip = HOUSE.ip();
        let text = format!(
            "data = \"{}\"\n[sip]\ndomain = \"{DOMAIN}\"\nlisten = [\"udp:{HOUSE}\"]\n\
             [media]\naddress = \"{ip}\"\nports = \"20000-20999\"\n[web]\nlisten = \"{ip}:8080\"\n",
            data.display(),
        );
        std::fs::write(&config, text).unwrap();
        let program = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
            command.arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::null());
            command
        };
        for trio in 0..TRIOS {
            let operator = format!("operator add op{trio} --phone 31{trio}1 --password {PASSWORD}");
            let terminal =
                |party| format!("terminal add 31{trio}{party} --level A --password {PASSWORD}");
            for line in [terminal(C), terminal(O), terminal(U), operator] {
                assert!(program().args(line.split(' ')).status().unwrap().success(), "{line}");
            }
        }
        let process = program().arg("serve").env("RUST_LOG", "warn").spawn().unwrap();
        thread::sleep(Duration::from_secs(2));
        Self { process, _directory: directory }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

// ---- a caller, an operator and a wanted person ----

struct Trio {
    number: u8,
    phones: [Phone; 3],
    desk: Desk,
    taken: Vec<Value>,
    figures: Figures,
}

/// From when the time of a switch counts.
enum From {
    Command,
    /// The answer of this phone.
    Answer(usize),
}

impl Trio {
    fn gather(number: u8) -> Self {
        let phones = [C, O, U].map(|party| Phone::register(number, party));
        let name = format!("op{number}");
        let wire = Wire::udp(at(100 + number, 15_060), HOUSE);
        let desk = Desk::open(&name, PASSWORD, wire);
        Self { number, phones, desk, taken: Vec::new(), figures: Figures::default() }
    }

    /// Calls, one after the other, until so many switches were made.
    fn work(mut self, switches: usize) -> Figures {
        // One after the other, so that each operator gets the caller of its own.
        thread::sleep(Duration::from_millis(700) * u32::from(self.number));
        while self.figures.switches < switches {
            self.call();
        }
        self.figures
    }

    fn call(&mut self) {
        self.phones[C].tell(Order::Call);
        let number = format!("31{}{C}", self.number);
        // An offer comes once more when its place changes.
        let taken = &self.taken;
        let offer = self.desk.event_where("offer", |offer| {
            offer["caller"]["number"] == *number && !taken.contains(&offer["request"])
        });
        self.taken.push(offer["request"].clone());
        self.phones[C].talks();
        thread::sleep(STAY * 10);
        let take = json!({ "request": offer["request"] });
        let (with_caller, with_callee) = ([(C, O), (O, C)], [(O, U), (U, O)]);
        let joined = [(C, U), (U, C)];
        let number = json!({ "number": format!("31{}{U}", self.number) });
        let party = |party: &str| json!({ "party": party });
        self.switch("take", take, From::Answer(O), &with_caller);
        self.switch("consult", number, From::Answer(U), &with_callee);
        for _ in 0..2 {
            self.switch("alternate", party("caller"), From::Command, &with_caller);
            self.switch("alternate", party("callee"), From::Command, &with_callee);
            self.switch("connect", json!({}), From::Command, &joined);
            self.switch("retrieve", party("caller"), From::Command, &with_caller);
        }
        self.switch("connect", json!({}), From::Command, &joined);
        // Its health has to be seen first.
        self.desk.does("release", json!({}));
        thread::sleep(STAY * 10);
        self.phones[C].tell(Order::HangUp);
        self.phones[U].is_idle();
        self.phones[O].is_idle();
        for phone in &mut self.phones {
            self.figures.add(phone.ear_and_eye().count());
        }
    }

    /// One command, after which each of these receivers gets this other party.
    fn switch(&mut self, verb: &str, fields: Value, from: From, gets: &[(usize, usize)]) {
        for (receiver, party) in gets {
            self.phones[*receiver].ear_and_eye().await_party(*party);
        }
        let mut since = Instant::now();
        self.desk.does(verb, fields);
        let end = Instant::now() + PATIENCE;
        let has_come = |phone: &Phone| {
            let senses = phone.ear_and_eye();
            senses.heard.is_some() && senses.seen.is_some()
        };
        while Instant::now() < end && !gets.iter().all(|(at, _)| has_come(&self.phones[*at])) {
            thread::sleep(Duration::from_millis(5));
        }
        let more = self.figures.switches as u64 * 310 % 800;
        thread::sleep(STAY + Duration::from_millis(more));
        if let From::Answer(phone) = from {
            since = self.phones[phone].talks();
        }
        self.figures.switches += 1;
        for (receiver, _) in gets {
            let senses = self.phones[*receiver].ear_and_eye();
            let times = [
                (senses.seen, &mut self.figures.pictures, 0),
                (senses.heard, &mut self.figures.voices, 1),
            ];
            for (came, times, kind) in times {
                match came {
                    Some(came) => times.push(came.saturating_duration_since(since)),
                    None => self.figures.never[kind] += 1,
                }
            }
        }
    }
}

// ---- phones ----

/// What kinds of phones there are.
#[derive(Clone)]
struct Model {
    voice: Codec,
    voice_number: u8,
    camera: Codec,
    packing: PictureFormat,
    video_lines: &'static str,
    /// It sends one key frame a second at the most, and forgets what it was asked in between.
    prudent: bool,
}

fn model(at: usize) -> Model {
    let h264 = Model {
        voice: Codec::Pcma,
        voice_number: 8,
        camera: Codec::H264,
        packing: PictureFormat::H264 { mode: PacketizationMode::NonInterleaved },
        video_lines: "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\na=rtcp-fb:97 nack pli\r\n",
        prudent: true,
    };
    let (vp8, old) = (
        Model {
            voice: Codec::Opus,
            voice_number: 96,
            camera: Codec::Vp8,
            packing: PictureFormat::Vp8,
            video_lines: "a=rtcp-fb:97 nack pli\r\n",
            prudent: false,
        },
        Model {
            voice: Codec::G722,
            voice_number: 9,
            camera: Codec::H263Plus,
            packing: PictureFormat::H263Plus,
            video_lines: "a=fmtp:97 CIF=1;QCIF=1\r\n",
            prudent: false,
        },
    );
    let model = [h264.clone(), vp8, old][at % 3].clone();
    let Model { camera, packing, video_lines, .. } = h264;
    if model.camera.can_transcode() {
        model
    } else {
        Model { camera, packing, video_lines, ..model }
    }
}

enum Order {
    Call,
    HangUp,
}

/// What signalling and media of a phone share.
#[derive(Default)]
struct Shared {
    /// Where sound and pictures go, and under which numbers; none while nobody talks.
    streams: Mutex<Option<[(SocketAddr, u8); 2]>>,
    answered: Mutex<Option<Instant>>,
    key_frame_wanted: AtomicBool,
    stop: AtomicBool,
}

struct Phone {
    shared: Arc<Shared>,
    senses: Arc<Mutex<Senses>>,
    orders: mpsc::Sender<Order>,
    threads: Vec<JoinHandle<()>>,
}

impl Phone {
    fn register(trio: u8, party: usize) -> Self {
        let host = 10 + trio * 10 + party as u8;
        let model = model(party + usize::from(trio));
        let (shared, senses) =
            (Arc::new(Shared::default()), Arc::new(Mutex::new(Senses::new(&model))));
        let mut signalling = Signalling::new(host, format!("31{trio}{party}"), model.clone());
        signalling.register();
        let (orders, given) = mpsc::channel();
        let (ours, theirs) = (Arc::clone(&shared), Arc::clone(&shared));
        let judge = Arc::clone(&senses);
        let threads = vec![
            thread::spawn(move || signalling.work(&ours, &given)),
            thread::spawn(move || Apparatus::new(host, party, &model).work(&theirs, &judge)),
        ];
        Self { shared, senses, orders, threads }
    }

    fn tell(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    fn ear_and_eye(&self) -> std::sync::MutexGuard<'_, Senses> {
        self.senses.lock().unwrap()
    }

    /// Since when; waits until it does.
    fn talks(&self) -> Instant {
        self.until("talks", || *self.shared.answered.lock().unwrap())
    }

    fn is_idle(&self) {
        self.until("is idle", || self.shared.answered.lock().unwrap().is_none().then_some(()));
    }

    fn until<T>(&self, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if let Some(found) = probe() {
                return found;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("a phone waited in vain until it {what}")
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

/// The SIP of a phone: it answers at once whoever calls.
struct Signalling {
    wire: Wire,
    host: u8,
    number: String,
    model: Model,
    sequence: u32,
    /// Call-ID, From and To of the call as this phone writes them, and where its requests go.
    dialog: Option<[String; 4]>,
    invite: Option<Message>,
}

impl Signalling {
    fn new(host: u8, number: String, model: Model) -> Self {
        let wire = Wire::udp(at(host, 15_060), HOUSE);
        Self { wire, host, number, model, sequence: 0, dialog: None, invite: None }
    }

    fn register(&mut self) {
        let uri = format!("sip:{DOMAIN}");
        let own = format!("<sip:{}@{DOMAIN}>", self.number);
        let names = [format!("reg{}", self.number), format!("{own};tag=r"), own, uri.clone()];
        let first = self.request("REGISTER", &names).with("Expires", "3600");
        let refusal = self.exchange(&first);
        let proof = sip::authorization(&refusal, "REGISTER", &uri, &self.number, PASSWORD);
        let second = self.request("REGISTER", &names).with("Expires", "3600");
        let answer = self.exchange(&second.with("Authorization", proof));
        assert_eq!(answer.status(), Some(200), "{answer:?}");
    }

    fn exchange(&mut self, request: &Message) -> Message {
        for glance in 0..200 {
            if glance % 25 == 0 {
                self.wire.send(&request.to_bytes());
            }
            if let Ok(Some(answer)) = self.wire.receive()
                && answer.sequence() == request.sequence()
                && answer.status().is_some_and(|status| status >= 200)
            {
                return answer;
            }
        }
        panic!("nobody answers {request:?}")
    }

    fn request(&mut self, method: &str, [call_id, from, to, target]: &[String; 4]) -> Message {
        if method != "ACK" {
            self.sequence += 1;
        }
        let (sequence, local) = (self.sequence, self.wire.local());
        let via = format!("SIP/2.0/UDP {local};rport;branch=z9hG4bK{call_id}{sequence}{method}");
        Message::request(method, target)
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", from.clone())
            .with("To", to.clone())
            .with("Call-ID", call_id.clone())
            .with("CSeq", format!("{sequence} {method}"))
            .with("Contact", format!("<sip:{}@{local}>", self.number))
    }

    fn work(mut self, shared: &Shared, orders: &mpsc::Receiver<Order>) {
        while !shared.stop.load(Ordering::Relaxed) {
            match orders.try_recv() {
                Ok(Order::Call) => self.call(None),
                Ok(Order::HangUp) => self.hang_up(shared),
                Err(_) => {}
            }
            let Ok(Some(message)) = self.wire.receive() else { continue };
            match message.method() {
                Some(_) => self.on_request(&message, shared),
                None => self.on_response(&message, shared),
            }
        }
    }

    fn call(&mut self, proof: Option<String>) {
        let target = format!("sip:9000@{DOMAIN}");
        let call_id = format!("{}-{}", self.number, self.sequence / 10);
        let from = format!("<sip:{}@{DOMAIN}>;tag={call_id}", self.number);
        let names = [call_id, from, format!("<{target}>"), target];
        let mut invite = self.request("INVITE", &names);
        if let Some(proof) = proof {
            invite = invite.with("Authorization", proof);
        }
        let numbers = [self.model.voice_number, 97];
        let invite = invite.with_body("application/sdp", self.description(numbers));
        self.wire.send(&invite.to_bytes());
        self.invite = Some(invite);
        self.dialog = Some(names);
    }

    fn hang_up(&mut self, shared: &Shared) {
        if let Some(names) = self.dialog.take() {
            let bye = self.request("BYE", &names);
            self.wire.send(&bye.to_bytes());
        }
        silence(shared);
    }

    fn on_response(&mut self, response: &Message, shared: &Shared) {
        let status = response.status().unwrap();
        let asked = self.invite.as_ref().and_then(|invite| invite.header("CSeq"));
        let is_invite = response.header("CSeq") == asked;
        let Some(mut names) = self.dialog.clone().filter(|_| is_invite && status >= 200) else {
            return;
        };
        response.header("To").unwrap().clone_into(&mut names[2]);
        if status == 200 {
            let contact = response.header("Contact").unwrap();
            contact.split(['<', '>']).nth(1).unwrap().clone_into(&mut names[3]);
        }
        let ack = self.request("ACK", &names);
        self.wire.send(&ack.to_bytes());
        match status {
            200 => {
                self.dialog = Some(names);
                speak(shared, &response.body, [self.model.voice_number, 97]);
            }
            401 => {
                let uri = format!("sip:9000@{DOMAIN}");
                let proof = sip::authorization(response, "INVITE", &uri, &self.number, PASSWORD);
                self.call(Some(proof));
            }
            _ => panic!("{response:?}"),
        }
    }

    fn on_request(&mut self, request: &Message, shared: &Shared) {
        let mut answer = request.response(200, "OK");
        match request.method() {
            Some("ACK") => return,
            Some("INVITE") => {
                let offer = String::from_utf8_lossy(&request.body).into_owned();
                let number = |codec: &Codec| {
                    let name = format!(" {}/", codec.facts().name.to_ascii_lowercase());
                    let lines = offer.to_ascii_lowercase();
                    let map = lines
                        .lines()
                        .find(|line| line.starts_with("a=rtpmap:") && line.contains(&name));
                    let map = map.unwrap_or_else(|| panic!("{name} is not offered: {offer}"));
                    map[9..].split(' ').next().unwrap().parse::<u8>().unwrap()
                };
                let numbers = [number(&self.model.voice), number(&self.model.camera)];
                let own = format!("{};tag=t{}", request.header("To").unwrap(), self.sequence);
                let to = answer.headers.iter_mut().find(|(name, _)| name == "To").unwrap();
                if !to.1.contains(";tag=") {
                    to.1.clone_from(&own);
                    self.sequence += 1;
                    let value = |name| request.header(name).unwrap().to_owned();
                    let target = value("Contact").split(['<', '>']).nth(1).unwrap().to_owned();
                    self.dialog = Some([value("Call-ID"), own, value("From"), target]);
                }
                answer = answer
                    .with("Contact", format!("<sip:{}@{}>", self.number, self.wire.local()))
                    .with_body("application/sdp", self.description(numbers));
                speak(shared, &request.body, numbers);
            }
            Some("BYE") => {
                self.dialog = None;
                silence(shared);
            }
            Some("INFO") => shared.key_frame_wanted.store(true, Ordering::Relaxed),
            Some(_) | None => {}
        }
        self.wire.send(&answer.to_bytes());
    }

    fn description(&self, [sound, picture]: [u8; 2]) -> String {
        let (ip, Model { voice, camera, video_lines, .. }) = (at(self.host, 0).ip(), &self.model);
        let map = |number: u8, codec: &Codec| {
            let facts = codec.facts();
            let channels = if *codec == Codec::Opus { "/2" } else { "" };
            format!("a=rtpmap:{number} {}/{}{channels}\r\n", facts.name, facts.clock_rate)
        };
        let (voice, camera) = (map(sound, voice), map(picture, camera));
        let lines = video_lines.replace(":97 ", &format!(":{picture} "));
        format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP {sound}\r\n{voice}m=video 4002 RTP/AVP {picture}\r\n{camera}{lines}"
        )
    }
}

fn speak(shared: &Shared, description: &[u8], numbers: [u8; 2]) {
    let text = String::from_utf8_lossy(description);
    let port =
        |kind: &str| text.split(kind).nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    let place = |kind| SocketAddr::new(HOUSE.ip(), port(kind).unwrap());
    let streams = [(place("m=audio "), numbers[0]), (place("m=video "), numbers[1])];
    *shared.streams.lock().unwrap() = Some(streams);
    shared.answered.lock().unwrap().get_or_insert_with(Instant::now);
}

fn silence(shared: &Shared) {
    *shared.streams.lock().unwrap() = None;
    *shared.answered.lock().unwrap() = None;
}

// ---- sound and pictures ----

/// What a phone is sent.
struct Senses {
    decoder: AudioDecoder,
    depacketiser: Depacketiser,
    screen: VideoDecoder,
    image: Image,
    awaited: Option<usize>,
    heard: Option<Instant>,
    seen: Option<Instant>,
    broken: usize,
    /// By SSRC.
    streams: BTreeMap<u32, Reception>,
    start: Instant,
    model: Model,
}

impl Senses {
    fn new(model: &Model) -> Self {
        Self {
            decoder: AudioDecoder::new(&model.voice, RATE).unwrap(),
            depacketiser: Depacketiser::new(model.packing),
            screen: VideoDecoder::new(&model.camera).unwrap(),
            image: Image::new(2, 2),
            awaited: None,
            heard: None,
            seen: None,
            broken: 0,
            streams: BTreeMap::new(),
            start: Instant::now(),
            model: model.clone(),
        }
    }

    fn await_party(&mut self, party: usize) {
        (self.awaited, self.heard, self.seen) = (Some(party), None, None);
    }

    /// The end of a call: what was counted in it, and all that belongs to its streams is gone.
    fn count(&mut self) -> Figures {
        let mut figures = Figures { calls: 1, broken: self.broken, ..Figures::default() };
        figures.streams = self.streams.len();
        for reception in self.streams.values_mut() {
            figures.expected += u64::from(reception.expected());
            figures.lost += reception.report().map_or(0, |loss| i64::from(loss.cumulative));
        }
        *self = Self::new(&self.model);
        figures
    }

    fn receive(&mut self, packet: &Packet<'_>, clock_rate: u32) {
        let micros = self.start.elapsed().as_micros() as u64;
        let now = cordboard::time::Instant::from_micros(micros);
        let stream =
            self.streams.entry(packet.ssrc()).or_insert_with(|| Reception::new(clock_rate));
        stream.receive(now, packet.sequence(), packet.timestamp());
    }

    fn hear(&mut self, packet: &Packet<'_>) {
        self.receive(packet, self.model.voice.clock_rate());
        let mut samples = [0; SAMPLES_MAX];
        let Ok(len) = self.decoder.decode(packet.payload(), &mut samples) else { return };
        let heard = goertzel::strongest(&samples[..len], self.decoder.sample_rate(), &TONES);
        let awaited = self.awaited.map(|party| TONES[party]);
        if self.heard.is_none() && heard.is_some() && heard == awaited {
            self.heard = Some(Instant::now());
        }
    }

    fn see(&mut self, packet: &Packet<'_>) {
        self.receive(packet, 90_000);
        let Self { depacketiser, screen, image, broken, .. } = self;
        let mut shown = false;
        let mut show = |unit: AccessUnit<'_>| {
            *broken += usize::from(!unit.intact);
            shown |= unit.intact && screen.decode(unit.bytes, image).is_ok_and(|shown| shown);
        };
        let RtpHeader { sequence, timestamp, marker, .. } = packet.header();
        depacketiser.take(sequence, timestamp, marker, packet.payload(), &mut show);
        if let Some(party) = self.awaited.filter(|_| shown && self.seen.is_none()) {
            let (seen, own) = (self.image.at(self.image.width() / 2, 2), COLOURS[party]);
            let near = |a: u8, b: u8| a.abs_diff(b) < 24;
            if near(seen.y, own.y) && near(seen.cb, own.cb) && near(seen.cr, own.cr) {
                self.seen = Some(Instant::now());
            }
        }
    }
}

/// One stream that a phone sends.
struct Sender {
    socket: UdpSocket,
    header: RtpHeader,
}

impl Sender {
    fn new(host: u8, port: u16) -> Self {
        let socket = UdpSocket::bind(at(host, port)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let ssrc = u32::from(host) << 16 | u32::from(port);
        let header = RtpHeader { payload_type: 0, marker: false, sequence: 0, timestamp: 0, ssrc };
        Self { socket, header }
    }

    fn send(&mut self, (to, number): (SocketAddr, u8), marker: bool, payload: &[u8]) {
        self.header = RtpHeader { payload_type: number, marker, ..self.header };
        let packet = [&self.header.to_bytes()[..], payload].concat();
        let _full = self.socket.send_to(&packet, to);
        self.header.sequence = self.header.sequence.wrapping_add(1);
    }
}

/// Microphone, camera, ear and eye of a phone.
struct Apparatus {
    sound: Sender,
    picture: Sender,
    reports: UdpSocket,
    model: Model,
    voice: Vec<Vec<u8>>,
    camera: VideoEncoder,
    packetiser: Packetiser,
    image: Image,
    key_frame_due: bool,
    key_frame_made: Option<Instant>,
}

impl Apparatus {
    fn new(host: u8, party: usize, model: &Model) -> Self {
        let mut encoder = AudioEncoder::new(&model.voice, RATE).unwrap();
        let rate = encoder.sample_rate();
        let pcm = Sound::Sine { hz: TONES[party] }.samples(rate);
        let pcm: Vec<i16> =
            pcm.iter().map(|sample| sample / 2).cycle().take(rate as usize * 2).collect();
        let voice = pcm.chunks_exact(rate as usize / 50).map(|frame| {
            let mut payload = [0; PAYLOAD_MAX];
            let len = encoder.encode(frame, &mut payload).unwrap();
            payload[..len].to_vec()
        });
        let (width, height) = SIZE;
        let settings =
            Settings { width, height, frame_rate: FRAMES, bitrate: 300_000, slice_max: None };
        let mut image = Image::new(width, height);
        image.fill(COLOURS[party]);
        Self {
            sound: Sender::new(host, 4000),
            picture: Sender::new(host, 4002),
            reports: Sender::new(host, 4003).socket,
            voice: voice.collect(),
            camera: VideoEncoder::new(&model.camera, &settings).unwrap(),
            packetiser: Packetiser::new(model.packing, 1_200),
            image,
            key_frame_due: true,
            key_frame_made: None,
            model: model.clone(),
        }
    }

    fn work(mut self, shared: &Shared, senses: &Mutex<Senses>) {
        let start = Instant::now();
        let (mut sounds, mut pictures) = (0_u32, 0_u32);
        while !shared.stop.load(Ordering::Relaxed) {
            self.listen(shared, senses);
            let streams = *shared.streams.lock().unwrap();
            if start.elapsed() >= Duration::from_millis(20) * sounds {
                sounds += 1;
                let step = self.model.voice.clock_rate() / 50;
                self.sound.header.timestamp = self.sound.header.timestamp.wrapping_add(step);
                if let Some([to, _]) = streams {
                    let payload = &self.voice[sounds as usize % self.voice.len()];
                    self.sound.send(to, false, payload);
                }
            }
            if start.elapsed() >= Duration::from_secs(1) * pictures / FRAMES {
                pictures += 1;
                if let Some([_, to]) = streams {
                    self.send_frames(pictures, to);
                }
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn listen(&mut self, shared: &Shared, senses: &Mutex<Senses>) {
        let mut bytes = [0; 2_048];
        while let Ok(len) = self.sound.socket.recv(&mut bytes) {
            if let Ok(packet) = Packet::parse(&bytes[..len]) {
                senses.lock().unwrap().hear(&packet);
            }
        }
        while let Ok(len) = self.picture.socket.recv(&mut bytes) {
            if let Ok(packet) = Packet::parse(&bytes[..len]) {
                senses.lock().unwrap().see(&packet);
            }
        }
        let mut asked = shared.key_frame_wanted.swap(false, Ordering::Relaxed);
        while let Ok(len) = self.reports.recv(&mut bytes) {
            let Ok(messages) = rtcp::parse(&bytes[..len]) else { continue };
            asked |= messages.into_iter().any(|message| {
                matches!(
                    message,
                    rtcp::RtcpPacket::PictureLoss { .. } | rtcp::RtcpPacket::FullIntra(..)
                )
            });
        }
        let second = Duration::from_secs(1);
        let rests = self.key_frame_made.is_some_and(|made| made.elapsed() < second);
        self.key_frame_due |= asked && !(self.model.prudent && rests);
    }

    /// The next picture: a moving bar in front of the party's colour.
    fn send_frames(&mut self, number: u32, to: (SocketAddr, u8)) {
        let (width, height) = SIZE;
        let column = number as usize * 4 % width;
        let [rows, ..] = self.image.planes_mut();
        for row in height / 2..height {
            rows[row * width + column] = rows[row * width + column].wrapping_add(40);
        }
        let due = std::mem::take(&mut self.key_frame_due);
        if due {
            self.key_frame_made = Some(Instant::now());
        }
        let mut coded = Vec::new();
        self.camera.encode(&self.image, due, &mut coded).unwrap();
        self.picture.header.timestamp = number.wrapping_mul(90_000 / FRAMES);
        let picture = &mut self.picture;
        self.packetiser.packetise(&coded, &mut |payload, last| picture.send(to, last, payload));
    }
}
