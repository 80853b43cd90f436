//! A phone of our own that talks: it says its mark in each of its packets, and knows whose marks it gets, and when.
//!
//! It shares no line with the product. What it asks it asks again until it is answered, as a phone does whose server is
//! just being started again. Sound is PCMU that nobody has to decode: 156 times the mark, and the number of the packet.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::sip::{Message, Wire, authorization};
use crate::switchboard::PASSWORD;
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(10);
/// What rings may ring for so long.
const RINGS: Duration = Duration::from_secs(180);
/// What is not answered is sent again after this time.
const RESEND: Duration = Duration::from_millis(500);
const PACKET: Duration = Duration::from_millis(20);
const SOUND_PORT: u16 = 40_000;
const SAMPLES: u32 = 160;
/// No silence and no music has packets of one byte of these.
const MARKS: std::ops::Range<u8> = 0x11..0x70;

/// Whose voice a talker hears.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Voice {
    /// That of the talker with this mark.
    Of(u8),
    /// Music, a tone, silence.
    Nobody,
}

/// A packet of sound that came.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub at: Instant,
    pub voice: Voice,
    /// Which packet of its speaker it was.
    pub number: u32,
    pub source: u32,
    pub sequence: u16,
}

/// Both ends of its call.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Dialog {
    call_id: String,
    own: String,
    other: String,
    target: String,
    sequence: u32,
}

/// What a talker in a call knows of it, for one that goes on in its place.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Memory {
    pub name: String,
    pub mark: u8,
    dialog: Dialog,
    sends_to: SocketAddr,
    /// Its address.
    pub at: SocketAddr,
}

#[derive(Default)]
struct State {
    dialog: Dialog,
    /// The INVITE that began the call, of ours or theirs.
    is_up: bool,
    is_over: bool,
    /// Their INVITE that it has not answered.
    rings: Option<Message>,
    answers: bool,
    /// Its last final answer to an INVITE, which is repeated until the ACK comes.
    unacknowledged: Option<(Message, Instant)>,
    /// Its last answer to each request, for a copy of that.
    answered: Vec<(String, Message)>,
    responses: Vec<Message>,
    /// Its last ACK, for a copy of the 200.
    ack: Option<Message>,
    sends_to: Option<SocketAddr>,
    direction: &'static str,
    heard: Vec<Heard>,
    closed: bool,
}

/// A running one.
pub struct Talker {
    pub name: String,
    pub mark: u8,
    own: SocketAddr,
    /// Where its sound is.
    ip: String,
    transport: &'static str,
    wire: Mutex<Wire>,
    state: Arc<Mutex<State>>,
    threads: Vec<JoinHandle<()>>,
}

impl Talker {
    /// A guest at that address, or a phone once it has registered. Each of a test has a name and a mark of its own.
    pub fn at(name: &str, mark: u8, from: SocketAddr, board: SocketAddr) -> Talker {
        Talker::over(Wire::udp(from, board), name, mark, from)
    }

    /// The same over TCP; its sound is at `from`.
    pub fn over_tcp(name: &str, mark: u8, from: SocketAddr, board: SocketAddr) -> Talker {
        Talker::over(Wire::tcp(board), name, mark, from)
    }

    /// One that is in a call already.
    pub fn remembering(memory: &Memory, board: SocketAddr) -> Talker {
        let talker = Talker::at(&memory.name, memory.mark, memory.at, board);
        {
            let mut state = talker.state();
            state.dialog = memory.dialog.clone();
            state.sends_to = Some(memory.sends_to);
            state.is_up = true;
        }
        talker
    }

    /// What it knows of its call.
    pub fn memory(&self) -> Memory {
        let state = self.state();
        Memory {
            name: self.name.clone(),
            mark: self.mark,
            dialog: state.dialog.clone(),
            sends_to: state.sends_to.expect("it is in a call"),
            at: self.own,
        }
    }

    fn over(wire: Wire, name: &str, mark: u8, from: SocketAddr) -> Talker {
        assert!(MARKS.contains(&mark), "{mark} is no mark");
        let state = State { answers: true, direction: "sendrecv", ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let sound = UdpSocket::bind((from.ip(), SOUND_PORT)).expect("its address is its own");
        let (own, transport, ip) = (wire.local(), wire.name(), from.ip().to_string());
        let listening = Listener {
            name: name.to_owned(),
            ip: ip.clone(),
            own,
            transport,
            wire: wire.another(),
            state: Arc::clone(&state),
        };
        let talking = Arc::clone(&state);
        let threads = vec![
            std::thread::spawn(move || listening.listen()),
            std::thread::spawn(move || talk(&sound, mark, &talking)),
        ];
        let (name, wire) = (name.to_owned(), Mutex::new(wire));
        Talker { name, mark, own, ip, transport, wire, state, threads }
    }

    #[track_caller]
    pub fn registers(&self) {
        let uri = "sip:cordboard.test";
        let register = |sequence: u32| {
            let address = format!("<sip:{}@cordboard.test>", self.name);
            self.stamped("REGISTER", uri, sequence)
                .with("From", format!("{address};tag=r"))
                .with("To", address)
                .with("Call-ID", format!("register-{}", self.own))
                .with("Contact", self.contact())
        };
        let challenge = self.exchange(&register(1));
        let login = authorization(&challenge, "REGISTER", uri, &self.name, PASSWORD);
        let answer = self.exchange(&register(2).with("Authorization", login));
        assert_eq!(answer.status(), Some(200), "{} registers", self.name);
    }

    /// Rings, and answers only when it is told to.
    pub fn waits_to_answer(&self) {
        self.state().answers = false;
    }

    /// Answers what rings, and whatever comes next.
    pub fn answers(&self) {
        self.state().answers = true;
    }

    pub fn is_ringing(&self) -> bool {
        self.state().rings.is_some()
    }

    /// It was in a call, which has ended.
    pub fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Calls; a user of the house proves who it is. The status of what came of it; 408 when nobody answers any more.
    pub fn calls(&self, number: &str) -> u16 {
        let uri = format!("sip:{number}@cordboard.test");
        let domain =
            if self.name.starts_with("guest") { "elsewhere.example" } else { "cordboard.test" };
        {
            let mut state = self.state();
            let call_id = format!("{}-{}", self.own, fresh());
            let own = format!("<sip:{}@{domain}>;tag={}", self.name, fresh());
            let other = format!("<{uri}>");
            state.dialog = Dialog { call_id, own, other, target: uri.clone(), sequence: 0 };
            (state.is_up, state.is_over, state.direction) = (false, false, "sendrecv");
        }
        let sdp = self.sdp();
        let invite = || self.request("INVITE").with("Contact", self.contact());
        let first = invite().with_body("application/sdp", sdp.clone());
        let mut answer = self.try_exchange(&first);
        if let Some(challenge) = answer.as_ref().filter(|answer| answer.status() == Some(401)) {
            let login = authorization(challenge, "INVITE", &uri, &self.name, PASSWORD);
            let invite = invite().with("Authorization", login);
            answer = self.try_exchange(&invite.with_body("application/sdp", sdp));
        }
        answer.map_or(408, |answer| answer.status().expect("it is a response"))
    }

    /// Asks within its call, and again until it is answered; the status of what came of it.
    #[track_caller]
    pub fn asks(&self, method: &str) -> u16 {
        let request = self.request(method).with("Contact", self.contact());
        self.exchange(&request).status().expect("it is a response")
    }

    /// A re-INVITE by which it holds its call, or is back (`sendonly`, `sendrecv`).
    #[track_caller]
    pub fn offers(&self, direction: &'static str) -> u16 {
        self.state().direction = direction;
        let request = self.request("INVITE").with("Contact", self.contact());
        let answer = self.exchange(&request.with_body("application/sdp", self.sdp()));
        answer.status().expect("it is a response")
    }

    /// Hangs up, whatever the other end knows of it.
    #[track_caller]
    pub fn hangs_up(&self) -> u16 {
        let status = self.asks("BYE");
        self.state().is_over = true;
        status
    }

    /// What it has heard since then.
    pub fn heard_since(&self, then: Instant) -> Vec<Heard> {
        let state = self.state();
        let from = state.heard.partition_point(|heard| heard.at < then);
        state.heard[from..].to_vec()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no talker panics")
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{};transport={}>", self.name, self.own, self.transport)
    }

    fn sdp(&self) -> String {
        let direction = self.state().direction;
        sdp(&self.ip, direction)
    }

    fn stamped(&self, method: &str, uri: &str, sequence: u32) -> Message {
        let branch = format!("z9hG4bK{}{sequence}", fresh());
        Message::request(method, uri)
            .with("Via", format!("SIP/2.0/{} {};branch={branch};rport", self.transport, self.own))
            .with("Max-Forwards", "70")
            .with("CSeq", format!("{sequence} {method}"))
    }

    fn request(&self, method: &str) -> Message {
        let dialog = {
            let mut state = self.state();
            state.dialog.sequence += 1;
            state.dialog.clone()
        };
        self.stamped(method, &dialog.target, dialog.sequence)
            .with("From", dialog.own)
            .with("To", dialog.other)
            .with("Call-ID", dialog.call_id)
    }

    /// Sends a request until its final response is there; the ACK that belongs to it is sent, too.
    #[track_caller]
    fn exchange(&self, request: &Message) -> Message {
        let answer = self.try_exchange(request);
        answer.unwrap_or_else(|| panic!("{}: nobody answers {}", self.name, request.start))
    }

    fn try_exchange(&self, request: &Message) -> Option<Message> {
        let [number, id] = ["CSeq", "Call-ID"].map(|name| request.header(name).map(str::to_owned));
        let bytes = request.to_bytes();
        let mut last: Option<Instant> = None;
        let is_invite = request.method() == Some("INVITE");
        let begun = Instant::now();
        let found = wait::within(RINGS, || {
            let mut state = self.state();
            let of_this = |response: &&Message| {
                response.header("CSeq").map(str::to_owned) == number
                    && response.header("Call-ID").map(str::to_owned) == id
            };
            let status = |response: &Message| response.status().unwrap_or(0);
            let answers = state.responses.iter().filter(of_this);
            let (mut is_there, mut rings, mut last_one) = (false, false, None);
            for answer in answers {
                is_there = true;
                rings |= status(answer) > 100;
                last_one = last_one.or_else(|| (status(answer) >= 200).then(|| answer.clone()));
            }
            let Some(answer) = last_one else {
                if !rings && begun.elapsed() > PATIENCE {
                    return Some(None);
                }
                // RFC 3261 §17.1.1.2: an INVITE is not repeated once anything has come of it.
                let is_due =
                    last.is_none_or(|at| at.elapsed() >= RESEND) && !(is_invite && is_there);
                drop(state);
                if is_due {
                    last = Some(Instant::now());
                    self.wire.lock().expect("no talker panics").send(&bytes);
                }
                return None;
            };
            if is_invite {
                let ack = self.acknowledge(&mut state, request, &answer);
                self.wire.lock().expect("no talker panics").send(&ack.to_bytes());
            }
            Some(Some(answer))
        });
        found.flatten()
    }

    fn acknowledge(&self, state: &mut State, request: &Message, answer: &Message) -> Message {
        let is_success = answer.status().is_some_and(|status| status < 300);
        let via = request.header("Via").expect("it has one").to_owned();
        if is_success {
            answer.header("To").expect("it has one").clone_into(&mut state.dialog.other);
            state.dialog.target = target(answer);
            state.is_up = true;
            state.sends_to = sound_of(answer).or(state.sends_to);
        }
        // RFC 3261 §13.2.2.4: the ACK to a 2xx is a transaction of its own.
        let via = if is_success { via.replace("branch=", "branch=z9hG4bKack") } else { via };
        let uri = if is_success { state.dialog.target.clone() } else { start_uri(request) };
        let ack = Message::request("ACK", &uri)
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", request.header("From").expect("it has one"))
            .with("To", answer.header("To").expect("it has one"))
            .with("Call-ID", request.header("Call-ID").expect("it has one"))
            .with("CSeq", format!("{} ACK", request.sequence()));
        state.ack = is_success.then(|| ack.clone());
        ack
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.lock() {
            state.closed = true;
        }
        for thread in self.threads.drain(..) {
            // One that panicked has failed the test through the poisoned state.
            let _ = thread.join();
        }
    }
}

/// What answers requests.
struct Listener {
    name: String,
    ip: String,
    own: SocketAddr,
    transport: &'static str,
    wire: Wire,
    state: Arc<Mutex<State>>,
}

impl Listener {
    fn listen(mut self) {
        loop {
            let received = self.wire.receive();
            let state = Arc::clone(&self.state);
            let mut state = state.lock().expect("no test panicked with the lock");
            if state.closed {
                return;
            }
            let Ok(received) = received else { return };
            let mut answers = Vec::new();
            match received {
                Some(message) if message.status().is_some() => {
                    let is_copy = state.ack.as_ref().is_some_and(|ack| {
                        message.header("CSeq") == Some(&format!("{} INVITE", ack.sequence()))
                            && message.header("Call-ID") == ack.header("Call-ID")
                            && message.status() == Some(200)
                    });
                    if is_copy {
                        answers.extend(state.ack.clone());
                    }
                    state.responses.push(message);
                }
                Some(request) => answers.extend(self.answer(&mut state, request)),
                None => {}
            }
            if state.answers
                && let Some(invite) = state.rings.take()
            {
                let ok = self.accept(&mut state, &invite);
                state.unacknowledged = Some((ok.clone(), Instant::now()));
                answers.push(ok);
            }
            if let Some((ok, since)) = &mut state.unacknowledged
                && since.elapsed() >= RESEND
            {
                *since = Instant::now();
                answers.push(ok.clone());
            }
            answers.iter().for_each(|answer| self.wire.send(&answer.to_bytes()));
        }
    }

    fn answer(&self, state: &mut State, request: Message) -> Option<Message> {
        let key = format!("{:?}{:?}", request.header("Call-ID"), request.header("CSeq"));
        if let Some((_, before)) = state.answered.iter().find(|(known, _)| *known == key) {
            return Some(before.clone());
        }
        let of_call = request.header("Call-ID") == Some(&state.dialog.call_id);
        let answer = match request.method() {
            Some("ACK") => {
                if of_call {
                    state.unacknowledged = None;
                    state.is_up = true;
                }
                return None;
            }
            Some("INVITE") if of_call && state.is_up && !state.is_over => {
                state.sends_to = sound_of(&request).or(state.sends_to);
                let ok = self.with_sdp(state, request.response(200, "OK"));
                state.unacknowledged = Some((ok.clone(), Instant::now()));
                ok
            }
            Some("INVITE") if state.is_up && !state.is_over => request.response(486, "Busy Here"),
            Some("INVITE") => {
                self.rings(state, &request);
                return Some(
                    tagged(request.response(180, "Ringing")).with("Contact", self.contact()),
                );
            }
            Some("CANCEL") => {
                if let Some(invite) = state.rings.take() {
                    let terminated = tagged(invite.response(487, "Request Terminated"));
                    state.unacknowledged = Some((terminated, Instant::now()));
                    state.is_over = true;
                }
                request.response(200, "OK")
            }
            Some("BYE") => {
                if of_call {
                    state.is_over = true;
                }
                request.response(200, "OK")
            }
            Some("UPDATE") if !request.body.is_empty() => {
                state.sends_to = sound_of(&request).or(state.sends_to);
                self.with_sdp(state, request.response(200, "OK"))
            }
            _ => request.response(200, "OK"),
        };
        state.answered.push((key, answer.clone()));
        Some(answer)
    }

    fn rings(&self, state: &mut State, invite: &Message) {
        // A copy of what rings.
        if state.rings.is_some() {
            return;
        }
        state.dialog = Dialog {
            call_id: invite.header("Call-ID").expect("it has one").to_owned(),
            own: tagged(invite.response(200, "OK")).header("To").expect("it has one").to_owned(),
            other: invite.header("From").expect("it has one").to_owned(),
            target: target(invite),
            sequence: 0,
        };
        (state.is_up, state.is_over, state.direction) = (false, false, "sendrecv");
        state.sends_to = sound_of(invite);
        state.rings = Some(invite.clone());
    }

    fn accept(&self, state: &mut State, invite: &Message) -> Message {
        let ok = self.with_sdp(state, tagged(invite.response(200, "OK")));
        let key = format!("{:?}{:?}", invite.header("Call-ID"), invite.header("CSeq"));
        state.answered.push((key, ok.clone()));
        state.is_up = true;
        ok
    }

    fn with_sdp(&self, state: &State, answer: Message) -> Message {
        answer
            .with("Contact", self.contact())
            .with_body("application/sdp", sdp(&self.ip, state.direction))
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{};transport={}>", self.name, self.own, self.transport)
    }
}

/// Sends its mark every 20 ms to whoever it is in a call with, and hears.
fn talk(socket: &UdpSocket, mark: u8, state: &Mutex<State>) {
    let mut number = 0_u32;
    let mut next = Instant::now();
    let mut buffer = [0; 2_000];
    loop {
        let left = next.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left)).expect("a timeout can be set");
        match socket.recv_from(&mut buffer) {
            Ok((length, _)) => {
                let heard = heard(&buffer[..length]);
                state.lock().expect("no test panicked with the lock").heard.extend(heard);
            }
            // A port that nobody has just now is refused; whoever has it next hears the next packet.
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
            Err(e) => {
                assert!(matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{e}")
            }
        }
        if Instant::now() < next {
            continue;
        }
        next += PACKET;
        let to = {
            let state = state.lock().expect("no test panicked with the lock");
            if state.closed {
                return;
            }
            state.sends_to.filter(|_| state.is_up && !state.is_over)
        };
        let Some(to) = to else { continue };
        number += 1;
        let mut packet = vec![0x80, 0];
        packet.extend((number as u16).to_be_bytes());
        packet.extend((number.wrapping_mul(SAMPLES)).to_be_bytes());
        packet.extend([0, 0, 0, mark]);
        packet.extend([mark; SAMPLES as usize - 4]);
        packet.extend(number.to_be_bytes());
        let _ = socket.send_to(&packet, to);
    }
}

fn heard(packet: &[u8]) -> Option<Heard> {
    let (header, payload) = packet.split_at_checked(12)?;
    let be32 = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes"));
    let first = *payload.first()?;
    let said = payload.split_at_checked(SAMPLES as usize - 4);
    let whose = said.filter(|(said, _)| MARKS.contains(&first) && said.iter().all(|b| *b == first));
    let (voice, number) = match whose {
        Some((_, number)) => (Voice::Of(first), be32(number.get(..4)?)),
        None => (Voice::Nobody, 0),
    };
    let sequence = u16::from_be_bytes([header[2], header[3]]);
    Some(Heard { at: Instant::now(), voice, number, source: be32(&header[8..12]), sequence })
}

fn sdp(ip: &str, direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {SOUND_PORT} RTP/AVP 0\r\na={direction}\r\n",
        version = fresh()
    )
}

/// Where its sender wants to have sound.
fn sound_of(message: &Message) -> Option<SocketAddr> {
    let body = String::from_utf8_lossy(&message.body).into_owned();
    let after = |mark: &str| body.split_once(mark).map(|(_, rest)| rest.to_owned());
    let ip = after("c=IN IP4 ")?.lines().next()?.trim().parse().ok()?;
    let port = after("m=audio ")?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

fn target(message: &Message) -> String {
    let contact = message.header("Contact").expect("it has a Contact");
    let inside = contact.split_once('<').map_or(contact, |(_, rest)| rest);
    inside.split('>').next().expect("it has a URI").to_owned()
}

fn start_uri(request: &Message) -> String {
    request.start.split(' ').nth(1).expect("a request has a URI").to_owned()
}

/// With our tag, which is made of the Call-ID, so that each answer has the same.
fn tagged(mut answer: Message) -> Message {
    let id = answer.header("Call-ID").expect("it has one").to_owned();
    let tag: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    let to = answer.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("to"));
    let (_, value) = to.expect("it has one");
    if !value.contains("tag=") {
        *value = format!("{value};tag=t{tag}");
    }
    answer
}

/// Another number each time.
fn fresh() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
