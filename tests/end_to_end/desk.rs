//! An operator's desk of our own: one INVITE dialog, commands and events as INFO (RFC 6086).
//!
//! A thread answers what comes at once, as a console would while its human thinks; the test reads the
//! events in order of their arrival.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sip::{self, Message, Wire};

pub const JSON: &str = "application/vnd.cordboard.desk+json";
pub const PACKAGE: &str = "operator-desk";
const PATIENCE: Duration = Duration::from_secs(30);
/// A request that is not answered is sent again after this time, as timer E would.
const RESEND: Duration = Duration::from_millis(500);
const ADDRESS: &str = "sip:desk@cordboard.test";
const NO_MEDIA: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";

/// What has come in, and whether the desk should go on listening.
#[derive(Default)]
struct Inbox {
    responses: Vec<Message>,
    /// Messages of the switchboard: events and results.
    messages: Vec<Value>,
    /// The rest of the requests: BYE, UPDATE.
    requests: Vec<Message>,
    /// CSeq of the INFO requests seen, so that a repeated one is answered but not read twice.
    seen: Vec<u32>,
    closed: bool,
}

type Shared = Arc<(Mutex<Inbox>, Condvar)>;

/// A desk in a control dialog.
pub struct Desk {
    pub name: String,
    password: String,
    wire: Wire,
    shared: Shared,
    /// One for each address that it has had.
    listeners: Vec<JoinHandle<()>>,
    call_id: String,
    from: String,
    to: String,
    target: String,
    sequence: u32,
    commands: u32,
    /// Per kind of event, how many messages have been looked through.
    read: BTreeMap<String, usize>,
    /// What came before: the snapshot at login.
    snapshot: usize,
}

impl Desk {
    /// Calls the switchboard and says hello; returns when the snapshot is complete.
    #[track_caller]
    pub fn open(name: &str, password: &str, wire: Wire) -> Desk {
        let mut desk = Desk::closed(name, password, wire);
        let answer = desk.call();
        assert_eq!(answer.status(), Some(200), "{name} calls its desk: {answer:?}");
        let result = desk.command("hello", json!({}));
        assert_eq!(result["ok"], true, "{name} says hello: {result}");
        desk.event("snapshot-end");
        desk.snapshot = desk.messages().len();
        desk
    }

    /// A desk that has not called yet.
    pub fn closed(name: &str, password: &str, wire: Wire) -> Desk {
        let shared: Shared = Arc::default();
        let listener = listen(wire.another(), Arc::clone(&shared));
        // One that comes back to its address begins another dialog there.
        static DIALOGS: AtomicU32 = AtomicU32::new(1);
        let number = DIALOGS.fetch_add(1, Ordering::Relaxed);
        Desk {
            name: name.to_owned(),
            password: password.to_owned(),
            call_id: format!("{name}-{number}-{}", wire.local()),
            from: format!("<sip:{name}@cordboard.test>;tag={name}-{number}"),
            to: format!("<{ADDRESS}>"),
            target: ADDRESS.to_owned(),
            wire,
            shared,
            listeners: vec![listener],
            sequence: 0,
            commands: 0,
            read: BTreeMap::new(),
            snapshot: 0,
        }
    }

    /// The INVITE of the control dialog, with digest, up to the ACK; returns the final response.
    pub fn call(&mut self) -> Message {
        let invite = |desk: &mut Desk| {
            desk.request("INVITE")
                .with("Contact", desk.contact())
                .with("Recv-Info", PACKAGE)
                .with("Accept", format!("application/sdp, {JSON}"))
                .with("Allow", "INVITE, ACK, BYE, CANCEL, INFO, UPDATE, OPTIONS")
                .with_body("application/sdp", NO_MEDIA)
        };
        let first = invite(self);
        let mut answer = self.exchange(first);
        if answer.status() == Some(401) {
            self.acknowledge(&answer);
            let value = sip::authorization(&answer, "INVITE", ADDRESS, &self.name, &self.password);
            let second = invite(self).with("Authorization", value);
            answer = self.exchange(second);
        }
        if answer.status() == Some(200) {
            self.to = answer.header("To").expect("a response has a To").to_owned();
            let contact = answer.header("Contact").expect("a 200 to INVITE has a Contact");
            let uri = contact.trim_start_matches('<').split('>').next();
            self.target = uri.expect("a Contact has a URI").to_owned();
        }
        self.acknowledge(&answer);
        answer
    }

    /// Gives a command and returns its result.
    #[track_caller]
    pub fn command(&mut self, verb: &str, fields: Value) -> Value {
        self.commands += 1;
        let id = format!("{}-{}", self.wire.local(), self.commands);
        self.command_as(&id, verb, fields)
    }

    /// Gives a command under an id of the caller's choice.
    #[track_caller]
    pub fn command_as(&mut self, id: &str, verb: &str, mut fields: Value) -> Value {
        fields["id"] = id.into();
        fields["do"] = verb.into();
        let start = self.shared.0.lock().expect("no listener panicked").messages.len();
        let answer = self.info(&fields.to_string());
        assert_eq!(answer.status(), Some(200), "{} says {fields}: {answer:?}", self.name);
        let what = format!("the result of {fields}");
        self.find(&what, |inbox| inbox.messages[start..].iter().find(|m| m["re"] == id).cloned())
    }

    /// Sends a command once and waits for nothing.
    pub fn says(&mut self, id: &str, verb: &str, mut fields: Value) {
        fields["id"] = id.into();
        fields["do"] = verb.into();
        let request = self
            .request("INFO")
            .with("Info-Package", PACKAGE)
            .with("Content-Disposition", "Info-Package")
            .with_body(JSON, fields.to_string());
        self.wire.send(&request.to_bytes());
    }

    /// The result of the command of this id, if it has come.
    pub fn result(&self, id: &str) -> Option<Value> {
        self.messages().into_iter().find(|message| message["re"] == id)
    }

    /// Where it speaks from.
    pub fn local(&self) -> SocketAddr {
        self.wire.local()
    }

    /// Gives a command that must succeed.
    #[track_caller]
    pub fn does(&mut self, verb: &str, fields: Value) -> Value {
        let result = self.command(verb, fields);
        assert_eq!(result["ok"], true, "{} does {verb}: {result}", self.name);
        result
    }

    /// Gives a command that must be refused with this error.
    #[track_caller]
    pub fn is_refused(&mut self, verb: &str, fields: Value, error: &str) -> Value {
        let result = self.command(verb, fields);
        assert_eq!(result["error"], error, "{} does {verb}: {result}", self.name);
        result
    }

    /// Sends an INFO with any body and returns the SIP response.
    pub fn info(&mut self, body: &str) -> Message {
        let request = self
            .request("INFO")
            .with("Info-Package", PACKAGE)
            .with("Content-Disposition", "Info-Package")
            .with_body(JSON, body);
        let answer = self.exchange(request);
        if answer.status() != Some(401) {
            return answer;
        }
        // It is not where the switchboard knows it to be, and has to prove itself.
        let (name, password, uri) = (&self.name, &self.password, &self.target);
        let value = sip::authorization(&answer, "INFO", uri, name, password);
        let request = self
            .request("INFO")
            .with("Info-Package", PACKAGE)
            .with("Authorization", value)
            .with_body(JSON, body);
        self.exchange(request)
    }

    /// From now on it speaks from another address.
    pub fn moves(&mut self, wire: Wire) {
        self.listeners.push(listen(wire.another(), Arc::clone(&self.shared)));
        self.wire = wire;
    }

    /// A request within the dialog (or the one that begins it), its CSeq the next.
    pub fn request(&mut self, method: &str) -> Message {
        self.sequence += 1;
        let branch = format!("z9hG4bK-{}-{}", self.call_id, self.sequence);
        Message::request(method, &self.target)
            .with(
                "Via",
                format!("SIP/2.0/{} {};branch={branch};rport", self.wire.name(), self.wire.host()),
            )
            .with("Max-Forwards", "70")
            .with("From", self.from.clone())
            .with("To", self.to.clone())
            .with("Call-ID", self.call_id.clone())
            .with("CSeq", format!("{} {method}", self.sequence))
    }

    /// Sends a request and waits for its final response.
    #[track_caller]
    pub fn exchange(&mut self, request: Message) -> Message {
        let sequence = request.header("CSeq").expect("a request has a CSeq").to_owned();
        let bytes = request.to_bytes();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            self.wire.send(&bytes);
            let found = self.look(RESEND, |inbox| {
                let is_final = |m: &&Message| {
                    m.header("CSeq") == Some(&sequence) && m.status().is_some_and(|s| s >= 200)
                };
                inbox.responses.iter().find(is_final).cloned()
            });
            if let Some(answer) = found {
                return answer;
            }
        }
        panic!("{}: nobody answers {}", self.name, request.start);
    }

    /// Waits for the next event of this kind; the order between kinds is free.
    #[track_caller]
    pub fn event(&mut self, kind: &str) -> Value {
        self.event_where(kind, |_| true)
    }

    /// Waits for the next event of this kind that fits.
    #[track_caller]
    pub fn event_where(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let from = self.snapshot.max(self.read.get(kind).copied().unwrap_or(0));
        let (at, event) = self.find(kind, |inbox| {
            let later = inbox.messages.iter().enumerate().skip(from);
            later.clone().find(|(_, m)| m["event"] == kind && fits(m)).map(|(n, m)| (n, m.clone()))
        });
        self.read.insert(kind.to_owned(), at + 1);
        event
    }

    /// Waits until all is well with those who are in the call since the phase that was read last.
    #[track_caller]
    pub fn healthy(&mut self) -> Value {
        self.healthy_where(|_| true)
    }

    /// The same of a report that fits.
    #[track_caller]
    pub fn healthy_where(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let phase = self.read.get("call").copied().unwrap_or(0);
        let read = self.read.entry("health".to_owned()).or_insert(0);
        *read = phase.max(*read);
        self.event_where("health", |report| report["ok"] == true && fits(report))
    }

    /// Waits until the call in hand is in this phase.
    #[track_caller]
    pub fn phase(&mut self, phase: &str) -> Value {
        self.event_where("call", |m| m["phase"] == phase)
    }

    /// Waits until the called party is reported so.
    #[track_caller]
    pub fn callee(&mut self, progress: &str) -> Value {
        self.event_where("callee", |m| m["progress"] == progress)
    }

    /// Every message so far, for what must not have come.
    pub fn messages(&self) -> Vec<Value> {
        self.shared.0.lock().expect("no listener panicked").messages.clone()
    }

    /// Waits for a request of the switchboard that is no INFO.
    #[track_caller]
    pub fn receives(&mut self, method: &str) -> Message {
        self.find(method, |inbox| {
            inbox.requests.iter().find(|m| m.method() == Some(method)).cloned()
        })
    }

    /// Whether such a request of the switchboard comes in time.
    pub fn has_received(&self, method: &str, limit: Duration) -> bool {
        let found = self.look(limit, |inbox| {
            inbox.requests.iter().any(|request| request.method() == Some(method)).then_some(())
        });
        found.is_some()
    }

    /// Ends the dialog.
    pub fn hang_up(&mut self) -> Message {
        let bye = self.request("BYE");
        self.exchange(bye)
    }

    fn contact(&self) -> String {
        let transport = match self.wire.name() {
            // RFC 7118 §5.2.1: `ws` is the name in URIs.
            "WSS" => "ws".to_owned(),
            name => name.to_ascii_lowercase(),
        };
        format!("<sip:{}@{};transport={transport}>", self.name, self.wire.host())
    }

    fn acknowledge(&mut self, answer: &Message) {
        let sequence = answer.sequence();
        let is_success = answer.status() == Some(200);
        let via = if is_success {
            // RFC 3261 §13.2.2.4: the ACK to a 2xx is a transaction of its own.
            let branch = format!("z9hG4bK-{}-ack-{sequence}", self.call_id);
            format!("SIP/2.0/{} {};branch={branch};rport", self.wire.name(), self.wire.host())
        } else {
            let via = answer.header("Via").expect("a response has a Via");
            via.to_owned()
        };
        let ack = Message::request("ACK", &self.target)
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", self.from.clone())
            .with("To", answer.header("To").expect("a response has a To"))
            .with("Call-ID", self.call_id.clone())
            .with("CSeq", format!("{sequence} ACK"));
        self.wire.send(&ack.to_bytes());
    }

    #[track_caller]
    fn find<T>(&self, what: &str, probe: impl FnMut(&Inbox) -> Option<T>) -> T {
        let found = self.look(PATIENCE, probe);
        found.unwrap_or_else(|| {
            let all: Vec<String> = self.messages().iter().map(|m| format!("  {m}")).collect();
            panic!("{} waited in vain for {what}; there came:\n{}", self.name, all.join("\n"))
        })
    }

    fn look<T>(&self, limit: Duration, mut probe: impl FnMut(&Inbox) -> Option<T>) -> Option<T> {
        let (inbox, news) = &*self.shared;
        let mut found = None;
        let guard = inbox.lock().expect("no listener panicked");
        let _unused = news
            .wait_timeout_while(guard, limit, |inbox| {
                found = probe(inbox);
                found.is_none()
            })
            .expect("no listener panicked");
        found
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Ok(mut inbox) = self.shared.0.lock() {
            inbox.closed = true;
        }
        for listener in self.listeners.drain(..) {
            // A listener that panicked has already failed the test through the poisoned inbox.
            let _ = listener.join();
        }
    }
}

fn listen(mut wire: Wire, shared: Shared) -> JoinHandle<()> {
    std::thread::spawn(move || {
        loop {
            let received = wire.receive();
            let mut inbox = shared.0.lock().expect("no test panicked with the lock");
            if inbox.closed {
                return;
            }
            let Ok(message) = received else { return };
            let Some(message) = message else { continue };
            if let Some(answer) = inbox.take(message) {
                wire.send(&answer.to_bytes());
            }
            shared.1.notify_all();
        }
    })
}

impl Inbox {
    /// Keeps a message and says what to answer.
    fn take(&mut self, message: Message) -> Option<Message> {
        match message.method() {
            None => {
                self.responses.push(message);
                None
            }
            Some("ACK") => None,
            Some("INFO") => {
                let sequence = message.sequence();
                if !self.seen.contains(&sequence) {
                    self.seen.push(sequence);
                    let value = serde_json::from_slice(&message.body);
                    self.messages.push(value.expect("the switchboard speaks JSON"));
                }
                Some(message.response(200, "OK"))
            }
            Some(_) => {
                let answer = message.response(200, "OK").with("Recv-Info", PACKAGE);
                self.requests.push(message);
                Some(answer)
            }
        }
    }
}

/// A desk over UDP at an address of its own.
#[track_caller]
pub fn over_udp(name: &str, from: SocketAddr, switchboard: SocketAddr) -> Desk {
    Desk::open(name, crate::switchboard::PASSWORD, Wire::udp(from, switchboard))
}
