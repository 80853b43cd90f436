//! What it costs to save the parties of an operator's call: `cargo bench --bench saved`.
//!
//! A caller, an operator and a wanted person, with sound and pictures, who speak; all of them in clear, then all
//! of them sealed. Best of several rounds, so that a busy machine spoils some of them only.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)] // The table is the purpose; a bench may panic.

use cordboard::dialog::{self, ServerTx};
use cordboard::ids::{ConnectionId, LegId, PortId};
use cordboard::leg::{
    self, CodecChoice, Command, Effect, IdentityPrivacy, Input, LegSource, OfferedCodecs,
    OfferedSecurity, OutgoingLeg, Party, SavedLeg,
};
use cordboard::media::{self, Channel, Job, RecordingTap, SavedPort};
use cordboard::random::Random;
use cordboard::rtp::RtpHeader;
use cordboard::sip::{
    self, Destination, Flow, HeaderName, Message, Request, StatusCode, Transport, Uri,
};
use cordboard::srtp::{MasterKey, ProtectContext, Seed, Suite};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use std::hint::black_box;
use std::net::SocketAddr;
use std::time;

const PARTIES: [LegId; 3] = [LegId(1), LegId(2), LegId(3)];
const ROUNDS: usize = 200;
const CALLS: u32 = 100;
/// So many calls are kept, to see what they need.
const KEPT: usize = 4_000;

fn main() {
    // Nothing is given back before all is measured.
    let mut all = Vec::new();
    for sealed in [false, true] {
        let call = Call::of_three(sealed);
        let saved = call.save();
        assert_eq!(saved.iter().map(|(_, ports)| ports.len()).sum::<usize>(), 6);
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let start = time::Instant::now();
            (0..CALLS).for_each(|_| drop(black_box(call.save())));
            best = best.min(start.elapsed().as_nanos() as f64 / f64::from(CALLS));
        }
        let before = resident_bytes();
        all.extend((0..KEPT).map(|_| call.save()));
        let bytes = resident_bytes().saturating_sub(before) / KEPT;
        let how = if sealed { "sealed" } else { "in clear" };
        println!("an operator's call of three, {how:8}  {:6.2} µs  {bytes:6} bytes", best / 1000.0);
    }
}

/// The memory that this process has.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Legs and relay of one call.
struct Call {
    legs: leg::Machine,
    relay: media::Machine,
    now: Now,
}

struct Nowhere;

impl media::Outgoing for Nowhere {
    fn send(&mut self, _: PortId, _: Channel, _: media::MediaPath, _: &[u8]) {}
    fn report(&mut self, _: media::Event) {}
    fn job(&mut self, _: Job) {}
    fn tap(&mut self, _: RecordingTap) {}
}

impl Call {
    fn of_three(sealed: bool) -> Self {
        let settings = leg::Settings {
            domain: "example.com".to_owned(),
            media_addresses: vec![],
            port_rest: Duration::from_secs(10),
            rtp_timeout: Duration::from_secs(60),
            fingerprint: None,
            dialog: dialog::Settings::default(),
        };
        let mut call = Self {
            legs: leg::Machine::new(settings, Random::from_number(1)),
            relay: media::Machine::new(media::Settings::default(), Random::from_number(2)),
            now: Now { instant: Instant::START, unix: UnixTime::from_secs(1_800_000_000) },
        };
        let ports = (0..50).map(|n| PortId(20_000 + 2 * n)).collect();
        call.input(Input::Ports(ports));
        call.calls_in(PARTIES[0], sealed);
        call.is_called(PARTIES[1], PARTIES[0], sealed);
        call.is_called(PARTIES[2], PARTIES[0], sealed);
        let [caller, operator, wanted] = PARTIES;
        call.command(Command::Listen(vec![
            (caller, LegSource::Leg(wanted)),
            (operator, LegSource::Silence),
            (wanted, LegSource::Leg(caller)),
        ]));
        PARTIES.into_iter().for_each(|leg| call.command(Command::Watch { leg, on: true }));
        call.speak(sealed);
        call
    }

    fn save(&self) -> Vec<(SavedLeg, Vec<SavedPort>)> {
        let party = |leg: &LegId| {
            let saved = self.legs.save(self.now, *leg).unwrap();
            let ports = [saved.audio.port, saved.video.port].into_iter().flatten();
            let ports = ports.map(|port| self.relay.save(self.now, port).unwrap()).collect();
            (saved, ports)
        };
        PARTIES.iter().map(party).collect()
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.legs.handle(self.now.instant, input);
        for effect in &effects {
            if let Effect::Media(command) = effect {
                self.relay.handle(self.now, command.clone(), &mut Nowhere);
            }
        }
        effects
    }

    fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    /// A phone calls, with several codecs of each kind.
    fn calls_in(&mut self, leg: LegId, sealed: bool) {
        let (flow, body) = (flow(leg), offer(leg, sealed));
        let (transaction, ip) = (ServerTx(leg.0), flow.remote.ip());
        let request = written("INVITE", ip, "", &body);
        let invite = dialog::IncomingInvite { leg, transaction, flow, request, credentials: None };
        self.input(Input::Dialog(dialog::Input::Incoming(invite)));
        let choice = CodecChoice::default();
        let answer = Command::Answer { leg, choice, identify: None };
        let effects = self.input(Input::Command(answer));
        let tag = effects.iter().find_map(|effect| match effect {
            Effect::Respond { response, .. } => response.headers.to_tag().map(str::to_owned),
            _ => None,
        });
        let request = written("ACK", ip, &format!(";tag={}", tag.unwrap()), "");
        self.input(Input::Dialog(dialog::Input::Ack { believed: true, request }));
    }

    /// A phone is called for another, and answers with one codec of each kind.
    fn is_called(&mut self, leg: LegId, other: LegId, sealed: bool) {
        let flow = flow(leg);
        let call = OutgoingLeg {
            target: dialog::CallTarget {
                uri: Uri::parse(&format!("sip:b@{}", flow.remote)).unwrap(),
                route: vec![],
                destination: Destination::Flow(flow),
            },
            behalf: other,
            caller: Party { number: "3001".to_owned(), ..Party::default() },
            callee: Party { number: "3002".to_owned(), ..Party::default() },
            offer: OfferedCodecs::For(other),
            identity: IdentityPrivacy::Shown,
            auto_answer: false,
            security: if sealed { OfferedSecurity::Keys } else { OfferedSecurity::None },
            patience: None,
            credentials: None,
        };
        let effects = self.input(Input::Command(Command::Call { leg, call: Box::new(call) }));
        let asked = effects.into_iter().find_map(|effect| match effect {
            Effect::Request { transaction, request, .. } => Some((transaction, request)),
            _ => None,
        });
        let (transaction, request) = asked.unwrap();
        let mut response = request.response(StatusCode::OK);
        response.headers.set_to_tag("b");
        let contact = format!("<sip:b@{}>", flow.remote);
        response.headers.push(HeaderName::Contact, &contact);
        response.headers.push(HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, UPDATE, INFO");
        response.headers.push(HeaderName::ContentType, "application/sdp");
        response.body = answer(leg, sealed).into_bytes().into();
        self.input(Input::Dialog(dialog::Input::Response { transaction, response }));
    }

    /// Everybody sends a minute of sound and pictures; by then no copy of an answer can come any more.
    fn speak(&mut self, sealed: bool) {
        let mut phones: Vec<Phone> = Vec::new();
        for leg in PARTIES {
            let saved = self.legs.save(self.now, leg).unwrap();
            let ports = [(saved.audio.port, 0), (saved.video.port, 97)];
            for (port, payload_type) in ports {
                let port = port.unwrap();
                let ssrc = port.0 as u32;
                let context = sealed.then(|| ProtectContext::new(&key(leg)));
                let remote = SocketAddr::new(flow(leg).remote.ip(), media_port(payload_type));
                phones.push(Phone { port, ssrc, payload_type, remote, context });
            }
        }
        for sequence in 0..3_000 {
            self.now = self.now + Duration::from_millis(20);
            for phone in &mut phones {
                let header = RtpHeader {
                    payload_type: phone.payload_type,
                    marker: false,
                    sequence,
                    timestamp: u32::from(sequence) * 160,
                    ssrc: phone.ssrc,
                };
                let mut packet = [&header.to_bytes()[..], &[0x65; 160]].concat();
                if let Some(context) = &mut phone.context {
                    context.protect_rtp(&mut packet);
                }
                self.relay.rtp(self.now, phone.port, phone.remote, &mut packet, &mut Nowhere);
            }
            if self.legs.deadline().is_some_and(|at| at <= self.now.instant) {
                let _ = self.legs.tick(self.now.instant);
            }
            while self.relay.deadline().is_some_and(|at| at <= self.now.instant) {
                self.relay.tick(self.now, &mut Nowhere);
            }
        }
    }
}

struct Phone {
    port: PortId,
    ssrc: u32,
    payload_type: u8,
    remote: SocketAddr,
    context: Option<ProtectContext>,
}

fn media_port(payload_type: u8) -> u16 {
    if payload_type == 97 { 4002 } else { 4000 }
}

fn flow(leg: LegId) -> Flow {
    Flow {
        transport: Transport::Udp,
        local: SocketAddr::from(([192, 0, 2, 1], 5060)),
        remote: SocketAddr::from(([192, 0, 2, 10 + leg.0 as u8], 5060)),
        connection: ConnectionId(0),
    }
}

fn key(leg: LegId) -> MasterKey {
    MasterKey::fresh(Suite::AesCm128Sha1_80, Seed([leg.0 as u8; 46]))
}

fn written(method: &str, ip: std::net::IpAddr, to_tag: &str, body: &str) -> Request {
    let text = format!(
        "{method} sip:9000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:5060;branch=z9hG4bK{method}\r\n\
         From: \"Anna\" <sip:3001@example.com>;tag=a\r\nTo: <sip:9000@example.com>{to_tag}\r\n\
         Call-ID: 3848276298220188511@192.0.2.11\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:3001@{ip}:5060>\r\nMax-Forwards: 70\r\n\
         Allow: INVITE, ACK, BYE, CANCEL, UPDATE, INFO\r\n{}Content-Length: {}\r\n\r\n{body}",
        if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" },
        body.len()
    );
    match sip::parse(text.as_bytes()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request was written"),
    }
}

/// An SDP with these sections.
fn sdp(leg: LegId, sealed: bool, sections: [(&str, u16, &str, &str); 2]) -> String {
    let ip = flow(leg).remote.ip();
    let mut text = format!("v=0\r\no=- 7 7 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n");
    let (profile, crypto) = if sealed {
        let inline = key(leg).to_inline();
        ("RTP/SAVP", format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{inline}\r\n"))
    } else {
        ("RTP/AVP", String::new())
    };
    for (kind, port, numbers, attributes) in sections {
        text += &format!("m={kind} {port} {profile} {numbers}\r\n{attributes}{crypto}");
    }
    text
}

fn offer(leg: LegId, sealed: bool) -> String {
    let audio = "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n";
    let video = "a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\na=rtpmap:98 VP8/90000\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n";
    sdp(leg, sealed, [("audio", 4000, "96 9 0 8 101", audio), ("video", 4002, "97 98", video)])
}

fn answer(leg: LegId, sealed: bool) -> String {
    let audio = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n";
    let video = "a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\na=rtcp-fb:* nack pli\r\n";
    sdp(leg, sealed, [("audio", 4000, "0 101", audio), ("video", 4002, "97", video)])
}
