//! What the flows are played into: one machine, a scripted peer, and a user.

use super::ladder;
use cordboard::dialog::{
    Body, CallTarget, ClientTx, Command, Effect, Event, HeaderLines, IncomingInvite, Input,
    Machine, OutgoingCall, RequestFailure, ServerTx, Settings, TrunkCredentials,
};
use cordboard::ids::{ConnectionId, LegId};
use cordboard::random::Random;
use cordboard::sip::{
    Destination, DigestClient, Flow, HeaderName, Method, NameAddr, OwnAddresses, Realms, Request,
    Response, StatusCode, Transport, Uri, digest,
};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use std::collections::BTreeSet;
use std::net::SocketAddr;

pub const TALKING: &str = "
        user -> us    call sdp:a
        us -> peer    INVITE sdp:a
        peer -> us    200 sdp:b
        us -> peer    ACK
        us -> user    answered sdp:b
";

/// Plays a ladder; and once more where the dialog is saved, and put back into another machine, at each quiet
/// moment: nobody may notice.
#[track_caller]
pub fn play(script: &str) {
    ladder::play(&mut Testbed::new(), script);
    ladder::play(&mut Testbed::that_saves(), script);
}

/// After a call of ours was answered.
#[track_caller]
pub fn talking(script: &str) {
    let script = format!("{TALKING}{script}");
    ladder::play(&mut Testbed::new(), &script);
    let mut testbed = Testbed::that_saves();
    ladder::play(&mut testbed, &script);
    assert!(testbed.restored > 0, "nothing was under way when the call was answered");
}

pub fn fork(place: usize) -> String {
    if place == 0 { String::new() } else { format!(" fork {place}") }
}

pub fn settings() -> Settings {
    let ours = SocketAddr::from(([192, 0, 2, 1], 5060));
    Settings { own: OwnAddresses::new(vec![(Transport::Udp, ours)], vec![]), ..Settings::default() }
}

fn credentials() -> TrunkCredentials {
    TrunkCredentials {
        digest: DigestClient::new("us".to_owned(), "secret".to_owned()),
        trunk: "trunk".to_owned(),
        realms: Realms::new(None, vec!["192.0.2.7".to_owned()]),
    }
}

pub struct Testbed {
    pub machine: Machine,
    leg: LegId,
    flow: Flow,
    /// Our requests, and the last INVITE, so that the peer can answer and address us.
    pub asked: Vec<(ClientTx, Request)>,
    /// The peer's requests by name, and its first INVITE.
    served: Vec<(ServerTx, Request)>,
    peer_seq: u32,
    /// To and From of the dialog as the peer writes them.
    names: Option<(String, String, String)>,
    rseq: u32,
    /// The dialog is put into another machine whenever it is quiet.
    saves: bool,
    /// How often it was.
    restored: u64,
}

impl Testbed {
    pub fn new() -> Self {
        let flow = Flow {
            transport: Transport::Udp,
            local: SocketAddr::from(([192, 0, 2, 1], 5060)),
            remote: SocketAddr::from(([192, 0, 2, 7], 5062)),
            connection: ConnectionId(0),
        };
        let machine = Machine::new(settings(), Random::from_number(5));
        let (asked, served) = (Vec::new(), Vec::new());
        let (names, saves) = (None, false);
        let (leg, peer_seq, rseq, restored) = (LegId(1), 100, 0, 0);
        Self { machine, leg, flow, asked, served, peer_seq, names, rseq, saves, restored }
    }

    pub fn that_saves() -> Self {
        Self { saves: true, ..Self::new() }
    }

    /// Another machine goes on with the dialog, where that is all there is and it is quiet.
    fn put_back(&mut self, now: Instant) {
        if !self.saves || self.machine.count() != 1 {
            return;
        }
        let since = now.since(Instant::START);
        let now = Now { instant: now, unix: UnixTime::from_secs(1_700_000_000) + since };
        let Some(saved) = self.machine.save(now, self.leg) else { return };
        self.restored += 1;
        let mut other = Machine::new(settings(), Random::from_number(self.restored));
        let login = saved.login.as_ref().map(|_| credentials());
        other.restore(now, saved.clone(), login);
        assert_eq!(other.save(now, self.leg), Some(saved));
        assert_eq!(other.deadline(), self.machine.deadline());
        self.machine = other;
    }

    /// What follows is of another call.
    pub fn next_leg(&mut self) {
        self.leg = LegId(self.leg.0 + 1);
        self.names = None;
    }

    /// The last request of the peer.
    pub fn last_served(&self) -> &Request {
        &self.served.last().expect("something was asked").1
    }

    /// By which it comes.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// A call of the peer, without an offer.
    pub fn target(&self) -> OutgoingCall {
        OutgoingCall {
            target: CallTarget {
                uri: uri("sip:peer@192.0.2.7:5062"),
                route: vec![],
                destination: Destination::Flow(self.flow),
            },
            from: address("<sip:9000@example.com>"),
            to: address("<sip:peer@example.com>"),
            body: None,
            headers: HeaderLines::new(),
            max_forwards: 70,
            patience: None,
            credentials: None,
        }
    }

    pub fn command(&mut self, now: Instant, command: Command) -> Vec<Effect> {
        self.machine.handle(now, Input::Command { leg: self.leg, command })
    }

    fn user(&mut self, now: Instant, what: &str) -> Vec<Effect> {
        let words: Vec<&str> = what.split(' ').collect();
        let body = body_in(&words);
        let wanted = || body.clone().expect("the rung has a body");
        let reason = String::new();
        let headers = HeaderLines::new();
        let last_served = || self.served.last().expect("something was asked").0;
        let command = match words[..] {
            ["call", ..] => Command::Call(Box::new(OutgoingCall {
                body,
                patience: words.contains(&"patient").then(|| Duration::from_secs(4)),
                credentials: words.contains(&"password").then(credentials),
                ..self.target()
            })),
            ["accept", ..] => Command::Accept { body, headers },
            ["reject", status] => {
                Command::Reject { status: status.parse().unwrap(), reason, headers }
            }
            ["ack", ..] => Command::Ack { body: wanted() },
            ["answer", "prack", ..] => Command::AnswerPrack { body: wanted() },
            ["end"] => Command::End { reason: Some("Q.850;cause=16".to_owned()) },
            ["reoffer", ..] => Command::Reoffer { body },
            ["tell"] => {
                let identity = (HeaderName::PAssertedIdentity, "<sip:3001@example.com>".to_owned());
                Command::Update { body: None, headers: vec![identity] }
            }
            ["offer", "by", "update", ..] => Command::Update { body, headers },
            ["answer", ..] => Command::Answer { body: wanted() },
            ["refuse", status] => Command::Refuse { status: status.parse().unwrap() },
            ["info", tag] => Command::Info { tag: tag.parse().unwrap(), headers, body },
            ["refer"] => Command::Refer { refer_to: address("<sip:3002@example.com>"), headers },
            ["notify"] => Command::Notify {
                event: "refer".to_owned(),
                state: "terminated".to_owned(),
                body: Some(Body {
                    content_type: "message/sipfrag".into(),
                    bytes: b"SIP/2.0 200 OK"[..].into(),
                }),
            },
            ["respond", status] => {
                let (transaction, status) = (last_served(), status.parse().unwrap());
                Command::Respond { transaction, status, reason, headers }
            }
            [status, ..] => {
                let status = status.parse().unwrap();
                Command::Provisional { status, reason, body, headers }
            }
            [] => panic!("an empty rung"),
        };
        self.command(now, command)
    }

    /// The peer answers our last request, or the one that `for` names.
    fn peer_answers(&mut self, now: Instant, status: u16, words: &[&str]) -> Vec<Effect> {
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let method =
            words.iter().position(|word| *word == "for").map_or("INVITE", |at| words[at + 1]);
        let asked = self.asked.iter().rev().find(|(_, request)| request.method.as_str() == method);
        let (transaction, request) =
            asked.unwrap_or_else(|| panic!("no {method} was sent")).clone();
        let mut response = request.response(StatusCode::new(status).unwrap());
        let headers = &mut response.headers;
        headers.set_to_tag(option("tag=").unwrap_or("peer"));
        headers.push(HeaderName::Contact, "<sip:peer@192.0.2.7:5062>");
        if !words.contains(&"update") {
            headers.push(HeaderName::Allow, "INVITE, UPDATE");
        }
        if let Some(rseq) = option("rseq=") {
            headers.push(HeaderName::RSeq, rseq);
            headers.push(HeaderName::Require, "100rel");
        }
        if let Some(timer) = option("timer=") {
            headers.push(HeaderName::SessionExpires, timer);
        }
        if let Some(min) = option("min=") {
            headers.push(HeaderName::MinSe, min);
        }
        if status == 401 || status == 407 {
            let nonce = option("nonce=").unwrap_or("n");
            let stale = if words.contains(&"stale") { ", stale=true" } else { "" };
            let realm = option("realm=").unwrap_or("trunk");
            let challenge =
                format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\"{stale}");
            let asks = match status {
                401 => HeaderName::WwwAuthenticate,
                _ => HeaderName::ProxyAuthenticate,
            };
            headers.push(asks, challenge);
        }
        if let Some(body) = body_in(words) {
            headers.push(HeaderName::ContentType, &body.content_type);
            response.body = body.bytes;
        }
        if method == "INVITE" && self.names.is_none() {
            let name = |name| response.headers.get(name).unwrap().to_owned();
            let names = (name(HeaderName::To), name(HeaderName::From), name(HeaderName::CallId));
            self.names = Some(names);
        }
        self.machine.handle(now, Input::Response { transaction, response })
    }

    fn peer_asks(&mut self, now: Instant, method: &str, words: &[&str]) -> Vec<Effect> {
        let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let first = self.names.is_none();
        let fresh = ("<sip:peer@example.com>;tag=peer", "<sip:9000@example.com>", "call-1");
        let (from, to, call_id) = self
            .names
            .clone()
            .unwrap_or_else(|| (fresh.0.to_owned(), fresh.1.to_owned(), fresh.2.to_owned()));
        let method = Method::parse(method).unwrap();
        let mut request = Request::new(method.clone(), uri("sip:9000@192.0.2.1"));
        if method != Method::ACK {
            self.peer_seq += 1;
        }
        let seq = option("cseq=").map_or(self.peer_seq, |seq| seq.parse().unwrap());
        let headers = &mut request.headers;
        headers.push(HeaderName::Via, "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1");
        headers.push(HeaderName::From, from);
        if let Some(tag) = option("tag=") {
            headers.set(HeaderName::From, format_args!("<sip:peer@example.com>;tag={tag}"));
        }
        headers.push(HeaderName::To, to);
        headers.push(HeaderName::CallId, call_id);
        headers.push(HeaderName::CSeq, format_args!("{seq} {method}"));
        if !words.contains(&"contact") {
            headers.push(HeaderName::Contact, "<sip:peer@192.0.2.7:5062>");
        }
        headers.push(HeaderName::Allow, "INVITE, UPDATE");
        if words.contains(&"100rel") {
            headers.push(HeaderName::Supported, "100rel");
        }
        if let Some(require) = option("require=") {
            headers.push(HeaderName::Require, require);
        }
        if let Some(timer) = option("timer=") {
            headers.push(HeaderName::Supported, "timer");
            headers.push(HeaderName::SessionExpires, timer);
        }
        if let Some(state) = option("state=") {
            headers.push(HeaderName::SubscriptionState, state);
        }
        if method == Method::NOTIFY {
            headers.push(HeaderName::Event, option("event=").unwrap_or("refer"));
        }
        let refer_to = words.iter().position(|word| *word == "to" && method == Method::REFER);
        if let Some(wanted) = refer_to.map(|at| words[at + 1]).filter(|uri| *uri != "nothing") {
            headers.push(HeaderName::ReferTo, format_args!("<{wanted}>"));
        }
        if method == Method::PRACK {
            let rseq = if words.contains(&"wrong") { self.rseq + 1 } else { self.rseq };
            headers.push(HeaderName::RAck, format_args!("{rseq} {} INVITE", self.invite_seq()));
        }
        if let Some(body) = body_in(words) {
            headers.push(HeaderName::ContentType, &body.content_type);
            request.body = body.bytes;
        }
        let mut flow = self.flow;
        if words.contains(&"9999") {
            flow.remote.set_port(9999);
        }
        if method == Method::ACK {
            let seq = option("cseq=").map_or(self.invite_seq(), |seq| seq.parse().unwrap());
            request.headers.set(HeaderName::CSeq, format_args!("{seq} ACK"));
            let believed = !words.contains(&"elsewhere");
            return self.machine.handle(now, Input::Ack { believed, request });
        }
        let transaction = ServerTx(self.served.len() as u64);
        self.served.push((transaction, request.clone()));
        let input = if first {
            let credentials = words.contains(&"password").then(|| Box::new(credentials()));
            let leg = self.leg;
            Input::Incoming(IncomingInvite { leg, transaction, flow, request, credentials })
        } else {
            Input::Request { transaction, flow, request }
        };
        self.machine.handle(now, input)
    }

    /// The number of the peer's last INVITE.
    fn invite_seq(&self) -> u32 {
        self.last_invite().1.headers.cseq().unwrap().0
    }

    fn last_invite(&self) -> &(ServerTx, Request) {
        let invite = |(_, request): &&(ServerTx, Request)| request.method == Method::INVITE;
        self.served.iter().rev().find(invite).expect("the peer sent an INVITE")
    }

    fn told(&mut self, effects: Vec<Effect>) -> Vec<String> {
        effects.into_iter().map(|effect| self.tell(effect)).collect()
    }

    fn tell(&mut self, effect: Effect) -> String {
        match effect {
            Effect::Request { transaction, to, request } => {
                check_request(&request);
                let fresh =
                    |(_, asked): &(_, Request)| counts(asked).is_disjoint(&counts(&request));
                assert!(self.asked.iter().all(fresh), "a nonce is counted on with each request");
                let mut told = format!("us -> peer {}", request.method);
                let headers = &request.headers;
                if let Ok(Some(rack)) = headers.rack() {
                    told += &format!(" rack={}", rack.rseq);
                }
                told += &body_word(&request.body);
                for (name, word) in [
                    (HeaderName::Reason, " reason"),
                    (HeaderName::PAssertedIdentity, " with identity"),
                    (HeaderName::Authorization, " with credentials"),
                    (HeaderName::ProxyAuthorization, " with credentials"),
                ] {
                    told += if headers.contains(&name) { word } else { "" };
                }
                if let Some(tag) = headers.to_tag().filter(|tag| *tag != "peer") {
                    told += &format!(" to {tag}");
                }
                if to.remote() != self.flow.remote {
                    told += &format!(" at port {}", to.remote().port());
                }
                self.asked.push((transaction, request));
                told
            }
            Effect::Respond { response, .. } => self.tell_response(&response),
            Effect::Cancel { .. } => "us -> peer CANCEL".to_owned(),
            Effect::Forward { request, .. } => {
                check_request(&request);
                let proved = request.headers.contains(HeaderName::ProxyAuthorization);
                let proved = if proved { " with credentials" } else { "" };
                format!("us -> peer {}{}{proved}", request.method, body_word(&request.body))
            }
            Effect::Event { event, .. } => format!("us -> user {}", event_words(event)),
        }
    }

    fn tell_response(&mut self, response: &Response) -> String {
        let headers = &response.headers;
        assert!(headers.to_tag().is_some(), "each response of a dialog has a tag");
        let (_, method) = headers.cseq().unwrap();
        if method == Method::INVITE && self.names.is_none() {
            let name = |name| headers.get(name).unwrap().to_owned();
            let names = (name(HeaderName::From), name(HeaderName::To), name(HeaderName::CallId));
            self.names = Some(names);
        }
        let mut told = format!("us -> peer {}", response.status);
        if method != Method::INVITE {
            told += &format!(" for {method}");
        }
        told += &body_word(&response.body);
        if let Ok(Some(rseq)) = headers.rseq() {
            assert!(headers.requires("100rel"));
            self.rseq = rseq;
            told += " reliable";
        }
        if let Some(unsupported) = headers.get(HeaderName::Unsupported) {
            told += &format!(" unsupported {unsupported}");
        }
        if let Ok(Some(min)) = headers.min_se() {
            told += &format!(" min {min}");
        }
        told += if headers.contains(HeaderName::RetryAfter) { " retry" } else { "" };
        told += if headers.contains(HeaderName::Reason) { " reason" } else { "" };
        if method == Method::INVITE && response.status.is_success() {
            assert!(headers.contact().is_ok() && headers.contains(HeaderName::SessionExpires));
        }
        told
    }
}

fn check_request(request: &Request) {
    let headers = &request.headers;
    assert_eq!(headers.max_forwards(), Ok(Some(70)));
    assert!(headers.from_tag().is_some() && headers.call_id().is_ok());
    assert_eq!(headers.cseq().unwrap().1, request.method);
    if request.method == Method::INVITE {
        let first = headers.to_tag().is_none();
        assert_eq!(headers.supports("100rel"), first, "nobody awaits a 1xx of a re-INVITE");
        assert!(headers.supports("timer") && headers.session_expires().unwrap().is_some());
    }
    assert_eq!(headers.contains(HeaderName::Contact), {
        let method = &request.method;
        [Method::INVITE, Method::UPDATE, Method::REFER, Method::NOTIFY].contains(method)
    });
}

/// Of which nonce which use it is, within its call.
fn counts(request: &Request) -> BTreeSet<(String, String, String, u32)> {
    let both = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
    let values = both.into_iter().flat_map(|header| request.headers.all(header));
    let call_id = request.headers.call_id().unwrap();
    let counts = values.map(|value| {
        let proof = digest::Credentials::parse(value).unwrap().unwrap();
        (call_id.to_owned(), proof.realm, proof.nonce, proof.auth.expect("with qop").count)
    });
    counts.collect()
}

fn event_words(event: Event) -> String {
    let body_of = |body: Option<Body>| body.map_or(String::new(), |b| body_word(&b.bytes));
    let wants = |wants| if wants { " wants answer" } else { "" };
    match event {
        Event::Invited { body } => format!("invited{}", body_of(body)),
        Event::Provisional { status, body, fork: place, wants_answer, .. } => {
            format!("{status}{}{}{}", body_of(body), fork(place), wants(wants_answer))
        }
        Event::Answered { body, fork: place, wants_answer, contact } => {
            assert!(contact.is_some());
            format!("answered{}{}{}", body_of(body), fork(place), wants(wants_answer))
        }
        Event::ProvisionalAnswered { body } => {
            format!("provisional answered{}", body_word(&body.bytes))
        }
        Event::Confirmed { body } => format!("confirmed{}", body_of(body)),
        Event::Refused { status, contacts, .. } => {
            let contacts = contacts.iter().map(|contact| format!(" to {}", contact.uri));
            format!("refused {status}{}", contacts.collect::<String>())
        }
        Event::Ended { cause, by, .. } => format!("ended {cause} by {by:?}"),
        Event::Reoffered { body, fork: place } => {
            format!("reoffered{}{}", body_of(body), place.map_or(String::new(), fork))
        }
        Event::ForkGone { fork } => format!("fork {fork} gone"),
        Event::ReofferAnswered { body } => format!("reoffer answered{}", body_word(&body.bytes)),
        Event::ReofferRefused { status } => format!("reoffer refused {status}"),
        Event::ReofferConfirmed { body } => format!("reoffer confirmed{}", body_word(&body.bytes)),
        Event::Refreshed => "refreshed".to_owned(),
        Event::WantsNoInfo => "wants no info".to_owned(),
        Event::Moved { flow } => format!("moved to {}", flow.remote.port()),
        Event::Info { .. } => "info".to_owned(),
        Event::InfoAnswered { tag, status } => format!("info {tag} answered {status}"),
        Event::Referred { refer_to, replaces, .. } => {
            let replaces = replaces.map_or(String::new(), |r| format!(" replacing {}", r.call_id));
            format!("referred to {}{replaces}", refer_to.uri.without_headers())
        }
        Event::ReferAnswered { status } => format!("refer answered {status}"),
        Event::Notified { line, last } => {
            format!("notified {line}{}", if last { ", the last" } else { "" })
        }
    }
}

impl ladder::Testbed for Testbed {
    fn play(&mut self, now: Instant, rung: &str) -> Option<Vec<String>> {
        let words: Vec<&str> = rung.split(' ').collect();
        let effects = match words[..] {
            ["next", "leg"] => {
                self.next_leg();
                return Some(Vec::new());
            }
            ["over"] => return (self.machine.count() == 0).then(Vec::new),
            ["timeout", "of", method] => self.fails(now, method, RequestFailure::Timeout),
            ["no", "transport", "for", method] => {
                self.fails(now, method, RequestFailure::Transport)
            }
            ["no", "transport", "to", "answer"] => {
                let transaction = self.last_invite().0;
                self.machine.handle(now, Input::NoAck { transaction })
            }
            ["user", "->", "us", ..] => {
                let what = rung.strip_prefix("user -> us ").unwrap();
                self.user(now, what)
            }
            ["peer", "->", "us", "CANCEL", ..] => {
                let transaction = self.last_invite().0;
                let reason = words.contains(&"elsewhere").then(|| "SIP;cause=200".to_owned());
                self.machine.handle(now, Input::Cancelled { transaction, reason })
            }
            ["peer", "->", "us", what, ..] => match what.parse() {
                Ok(status) => self.peer_answers(now, status, &words[4..]),
                Err(_) => self.peer_asks(now, what, &words[4..]),
            },
            _ => return None,
        };
        let told = self.told(effects);
        self.put_back(now);
        Some(told)
    }

    fn deadline(&self) -> Option<Instant> {
        self.machine.deadline()
    }

    fn tick(&mut self, now: Instant) -> Vec<String> {
        let effects = self.machine.tick(now);
        let told = self.told(effects);
        self.put_back(now);
        told
    }
}

impl Testbed {
    fn fails(&mut self, now: Instant, method: &str, why: RequestFailure) -> Vec<Effect> {
        let asked = self.asked.iter().rev().find(|(_, r)| r.method.as_str() == method);
        let transaction = asked.expect("it was asked").0;
        self.machine.handle(now, Input::Failed { transaction, why })
    }
}

pub fn body_in(words: &[&str]) -> Option<Body> {
    words.iter().find_map(|word| word.strip_prefix("sdp:")).map(Body::sdp)
}

fn body_word(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.split(' ')
        .next()
        .filter(|word| !word.is_empty())
        .map_or(String::new(), |w| format!(" sdp:{w}"))
}

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

fn address(text: &str) -> NameAddr {
    NameAddr::parse(text, &HeaderName::To).unwrap()
}
