//! A phone's own SIP, written for this simulation: it shares the vocabulary of messages with the
//! house and nothing else, since it is the judge of what the house says.
//!
//! ```text
//!   Calling ── 2xx: ACK ──▶ Up ── BYE ──▶ Closing ── answer ──▶ Over
//!      └─ hang up: CANCEL ─▶ GivenUp ── 487 ──▶ Over,  2xx ──▶ ACK, BYE
//!   Ringing ── 2xx sent ──▶ Answered ── ACK ──▶ Up
//!      └─ CANCEL or refused ──▶ Over
//! ```

use super::browser::{self, BrowserTransport};
use super::network::Event;
use super::testbed::{DOMAIN, IP, PORT};
use super::world::World;
use cordboard::sdp::{Direction, SessionDescription};
use cordboard::sip::{self, Message, Method, Request};
use cordboard::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub const T1: Duration = Duration::from_millis(500);
pub const T2: Duration = Duration::from_secs(4);
/// 64 T1: whoever has said nothing until then says nothing.
pub const TIMEOUT: Duration = Duration::from_secs(32);
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY";

/// Who sits at a phone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Person {
    /// Calls from outside, as a guest.
    Caller,
    /// Has a number in the house.
    User,
    /// The desk phone of the operator with this place among the desks.
    DeskPhone,
    /// An operator without a desk.
    PhoneOperator,
    /// Not a phone: the desk of this place.
    Desk(usize),
}

pub struct Phone {
    pub name: String,
    pub person: Person,
    pub address: SocketAddr,
    pub next_port: u16,
    pub is_browser: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    Call,
    Desk,
    Registration,
    FeatureCode,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    Calling,
    GivenUp,
    Ringing,
    Answered,
    Up,
    Closing,
    Over,
}

/// One dialog, or a registration.
pub struct Dialog {
    pub phone: usize,
    pub purpose: Purpose,
    pub state: State,
    pub call_id: String,
    pub local: String,
    pub remote: String,
    pub target: String,
    pub cseq: u32,
    /// The transaction of the INVITE that made this dialog.
    pub invite: String,
    pub acks: BTreeMap<u32, Vec<u8>>,
    pub last_rseq: u32,
    /// An offer of ours, in an INVITE, is open.
    pub offering: bool,
    pub direction: Direction,
    pub sdp: bool,
    pub version: u64,
    pub port: u16,
    pub relay: Option<SocketAddr>,
    /// Of a browser.
    pub transport: Option<BrowserTransport>,
    pub speaking: bool,
    pub sequence: u16,
    pub hang_up_on_ack: bool,
    /// Nobody sits here any more: nothing is answered.
    pub silent: bool,
    /// Credentials were sent.
    pub tried: bool,
    /// The answer of ours to an INVITE that waits for its ACK.
    pub unacknowledged: String,
    /// The body and extra lines of the first INVITE, for its repetition with credentials.
    pub extra: String,
}

/// A request of a phone.
pub struct Client {
    pub phone: usize,
    pub dialog: u32,
    pub request: Request,
    pub bytes: Vec<u8>,
    pub interval: Duration,
    pub until: Instant,
    pub provisional: bool,
    pub answered: Option<u16>,
    /// When.
    pub answered_at: Option<Instant>,
    pub ack: Option<Vec<u8>>,
    pub cancelled: bool,
}

/// A request to a phone.
pub struct Server {
    pub phone: usize,
    pub dialog: u32,
    pub request: Request,
    pub response: Option<Vec<u8>>,
    pub repeating: bool,
    pub interval: Duration,
    pub until: Instant,
}

impl World {
    // ---- dialogs ----

    pub fn new_dialog(
        &mut self,
        phone: usize,
        purpose: Purpose,
        state: State,
        call_id: String,
    ) -> u32 {
        let id = u32::try_from(self.dialogs.len()).expect("dialogs are few");
        let transport = self.transport_of(phone, purpose);
        let own = &mut self.phones[phone];
        own.next_port = if own.next_port > 60_000 { 10_000 } else { own.next_port + 2 };
        let port = own.next_port;
        self.places.insert(SocketAddr::new(own.address.ip(), port), id);
        self.by_call.insert(call_id.clone(), id);
        self.dialogs.push(Dialog {
            phone,
            purpose,
            state,
            call_id,
            local: String::new(),
            remote: String::new(),
            target: String::new(),
            cseq: 0,
            invite: String::new(),
            acks: BTreeMap::new(),
            last_rseq: 0,
            offering: false,
            direction: Direction::SendRecv,
            sdp: true,
            version: 1,
            port,
            relay: None,
            transport,
            speaking: false,
            sequence: 0,
            hang_up_on_ack: false,
            silent: false,
            tried: false,
            unacknowledged: String::new(),
            extra: String::new(),
        });
        id
    }

    pub fn dialog(&mut self, id: u32) -> &mut Dialog {
        &mut self.dialogs[id as usize]
    }

    /// Calls a number; `extra` are header lines of its own.
    pub fn call(&mut self, phone: usize, purpose: Purpose, to: &str, extra: &str) -> u32 {
        let number = self.dialogs.len();
        let call_id = format!("c{number}.{}", self.chance.hex(8));
        let id = self.new_dialog(phone, purpose, State::Calling, call_id);
        let tag = self.chance.hex(10);
        let own = &self.phones[phone];
        let from = match own.person {
            Person::Caller => format!("sip:g{id}@elsewhere.example"),
            _ => format!("sip:{}@{DOMAIN}", own.name),
        };
        let dialog = &mut self.dialogs[id as usize];
        dialog.local = format!("\"c{id}\" <{from}>;tag={tag}");
        dialog.remote = format!("<sip:{to}@{DOMAIN}>");
        dialog.target = format!("sip:{to}@{DOMAIN}");
        dialog.extra = extra.to_owned();
        dialog.offering = true;
        if purpose == Purpose::Registration {
            dialog.remote = format!("<{from}>");
            dialog.target = format!("sip:{DOMAIN}");
            self.request(id, Method::REGISTER, extra, "");
            return id;
        }
        let is_late = purpose == Purpose::Call && self.chance.below(20) == 0;
        dialog.sdp = !is_late || dialog.transport.is_some();
        let body = if dialog.sdp { self.describe(id) } else { String::new() };
        self.dialogs[id as usize].invite = self.request(id, Method::INVITE, extra, &body);
        id
    }

    /// What this phone wants of sound.
    pub fn describe(&mut self, id: u32) -> String {
        let ip = self.phones[self.dialogs[id as usize].phone].address.ip();
        let dialog = self.dialog(id);
        let media = match dialog.purpose {
            Purpose::Desk => String::new(),
            _ => {
                let (profile, lines) = match dialog.transport {
                    Some(_) => ("UDP/TLS/RTP/SAVPF", browser::lines(dialog.offering)),
                    None => ("RTP/AVP", String::new()),
                };
                format!(
                    "m=audio {} {profile} 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
                     a=rtpmap:101 telephone-event/8000\r\na={}\r\n{lines}",
                    dialog.port,
                    dialog.direction.word(),
                )
            }
        };
        let version = dialog.version;
        dialog.version += 1;
        format!("v=0\r\no=- {id} {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n{media}")
    }

    pub fn read(&mut self, id: u32, body: &[u8]) {
        if body.is_empty() || self.dialog(id).purpose == Purpose::Desk {
            return;
        }
        let Ok(session) = SessionDescription::parse(body) else {
            return self.fail(format!("c{id}: an SDP that cannot be read"), &[id]);
        };
        let Some(media) = session.media.first().filter(|media| !media.is_refused()) else {
            return self.fail(format!("c{id}: sound was refused"), &[id]);
        };
        let relay = media.rtp_address(&session);
        if relay.is_none_or(|relay| relay.ip() != IP) {
            return self.fail(format!("c{id}: the address of another leg, {relay:?}"), &[id]);
        }
        self.dialog(id).relay = relay;
        self.read_agent(id, body);
        if !std::mem::replace(&mut self.dialog(id).speaking, true) {
            self.after(10, 200, Event::Speak(id));
        }
    }

    // ---- requests of a phone ----

    /// Sends a request in a dialog and returns its key.
    pub fn request(&mut self, id: u32, method: Method, extra: &str, body: &str) -> String {
        let dialog = &mut self.dialogs[id as usize];
        dialog.cseq += 1;
        let cseq = dialog.cseq;
        let phone = dialog.phone;
        let bytes = self.write(id, &method, cseq, extra, body);
        let Ok(Message::Request(request)) = sip::parse(&bytes) else {
            panic!("the phone wrote what cannot be read: {}", String::from_utf8_lossy(&bytes));
        };
        self.begin(phone, id, request, bytes)
    }

    fn begin(&mut self, phone: usize, dialog: u32, request: Request, bytes: Vec<u8>) -> String {
        let branch = request.headers.via().ok().and_then(|via| via.branch().map(str::to_owned));
        let key = format!("{} {}", branch.expect("phones write branches"), request.method);
        let now = self.now.instant;
        let client = Client {
            phone,
            dialog,
            request,
            bytes: bytes.clone(),
            interval: T1,
            until: now + TIMEOUT,
            provisional: false,
            answered: None,
            answered_at: None,
            ack: None,
            cancelled: false,
        };
        self.clients.insert(key.clone(), client);
        self.agenda.add(now + T1, Event::Repeat(key.clone()));
        self.send(phone, bytes);
        key
    }

    pub fn write(
        &mut self,
        id: u32,
        method: &Method,
        cseq: u32,
        extra: &str,
        body: &str,
    ) -> Vec<u8> {
        let branch = self.chance.hex(16);
        let dialog = &self.dialogs[id as usize];
        let own = &self.phones[dialog.phone];
        let kind = match body.as_bytes().first() {
            Some(b'v') => "Content-Type: application/sdp\r\n",
            _ => "",
        };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{}@{}>\r\nAllow: {ALLOW}\r\n{extra}{kind}Content-Length: {}\r\n\r\n{body}",
            dialog.target,
            own.address,
            dialog.local,
            dialog.remote,
            dialog.call_id,
            own.name,
            own.address,
            body.len(),
        )
        .into_bytes()
    }

    pub fn repeat(&mut self, key: &str) {
        let now = self.now.instant;
        let Some(client) = self.clients.get_mut(key) else { return };
        let is_invite = client.request.method == Method::INVITE;
        if client.answered.is_some() || (is_invite && client.provisional) {
            return;
        }
        if now >= client.until {
            // The far end has hung up while the answer was lost.
            if self.dialogs[client.dialog as usize].state == State::Over {
                client.answered = Some(481);
                return;
            }
            let (id, what) = (client.dialog, client.request.method.to_string());
            return self.fail(format!("c{id}: {what} was never answered"), &[id]);
        }
        client.interval = match client.provisional {
            true => T2,
            false if is_invite => client.interval * 2,
            false => (client.interval * 2).min(T2),
        };
        let (at, bytes, phone) = (now + client.interval, client.bytes.clone(), client.phone);
        self.agenda.add(at, Event::Repeat(key.to_owned()));
        self.send(phone, bytes);
    }

    /// Hangs up, in whatever state the dialog is.
    pub fn hang_up(&mut self, id: u32) {
        match self.dialog(id).state {
            State::Calling => {
                self.dialog(id).state = State::GivenUp;
                self.cancel(id);
            }
            State::Ringing => self.refuse(id, 603),
            State::Answered => self.dialog(id).hang_up_on_ack = true,
            State::Up => {
                self.dialog(id).state = State::Closing;
                self.request(id, Method::BYE, "", "");
            }
            State::GivenUp | State::Closing | State::Over => {}
        }
    }

    /// Cancels as soon as something was heard (RFC 3261 §9.1).
    pub fn cancel(&mut self, id: u32) {
        let key = self.dialog(id).invite.clone();
        let Some(client) = self.clients.get_mut(&key) else { return };
        if client.provisional && client.answered.is_none() && !client.cancelled {
            client.cancelled = true;
            let (phone, cancel) = (client.phone, client.request.cancel());
            let mut bytes = Vec::new();
            sip::print(&Message::Request(cancel.clone()), &mut bytes);
            self.begin(phone, id, cancel, bytes);
        }
    }
}

/// The address of the house.
pub fn testbed() -> SocketAddr {
    SocketAddr::new(IP, PORT)
}
