//! A third host, at an address of its own next to phones and desks, that has seen their packets go by;
//! and a router that gives a phone another address in the middle of a call.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::place::Place;
use crate::sip::{Message, Wire};
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(5);

/// Somebody who speaks in others' names.
pub struct Attacker {
    wire: Wire,
}

impl Attacker {
    pub fn at(place: &Place) -> Attacker {
        Attacker { wire: Wire::udp(place.next_address(), place.switchboard()) }
    }

    /// Sends a forged request and returns the status that answers it.
    #[track_caller]
    pub fn forges(&mut self, request: &Message) -> u16 {
        let name =
            |message: &Message| ["Call-ID", "CSeq"].map(|n| message.header(n).map(str::to_owned));
        self.wire.send(&request.to_bytes());
        wait::until("an answer to a forged request", PATIENCE, || {
            let answer = self.wire.receive().ok()??;
            answer.status().filter(|_| name(&answer) == name(request))
        })
    }

    pub fn local(&self) -> SocketAddr {
        self.wire.local()
    }
}

/// A dialog as somebody knows it who has read one packet of it.
pub struct Overheard {
    call_id: String,
    own: String,
    other: String,
    target: String,
}

impl Overheard {
    /// The dialog of the last call that a phone has answered, or that was answered to it, from the text of
    /// its trace.
    #[track_caller]
    pub fn in_trace(trace: &str, phone_called: bool) -> Overheard {
        let header = |message: &Message, name| {
            message.header(name).unwrap_or_else(|| panic!("no {name} in {message:?}")).to_owned()
        };
        let is_answer = |message: &Message| {
            let method = message.header("CSeq").unwrap_or("").ends_with("INVITE");
            method && message.header("Contact").is_some()
        };
        let answer = messages(trace, "SIP/2.0 200 ").into_iter().rfind(is_answer);
        let answer = answer.expect("the trace has the answer to an INVITE");
        let call_id = header(&answer, "Call-ID");
        let of_call = |message: &Message| message.header("Call-ID") == Some(&call_id);
        let (own, other, contact) = if phone_called {
            (header(&answer, "From"), header(&answer, "To"), header(&answer, "Contact"))
        } else {
            let invite = messages(trace, "INVITE sip:").into_iter().find(of_call);
            let invite = invite.expect("the trace has the INVITE");
            (header(&answer, "To"), header(&answer, "From"), header(&invite, "Contact"))
        };
        let target = contact.trim_start_matches('<').split('>').next().unwrap_or("").to_owned();
        Overheard { call_id, own, other, target }
    }

    /// A request as if the phone had sent it.
    pub fn request(&self, method: &str, from: SocketAddr) -> Message {
        let branch = format!("z9hG4bK{}{method}", self.call_id);
        Message::request(method, &self.target)
            .with("Via", format!("SIP/2.0/UDP {from};branch={branch};rport"))
            .with("Max-Forwards", "70")
            .with("From", self.own.clone())
            .with("To", self.other.clone())
            .with("Call-ID", self.call_id.clone())
            .with("CSeq", format!("1000000 {method}"))
            .with("Contact", format!("<sip:evil@{from}>"))
    }
}

/// The messages in a trace that begin so, without their bodies.
fn messages(trace: &str, start: &str) -> Vec<Message> {
    let read = |(at, _): (usize, &str)| {
        let end = trace[at..].find("\r\n\r\n").or_else(|| trace[at..].find("\n\n"))?;
        let head = trace[at..at + end].replace("\r\n", "\n").replace('\n', "\r\n");
        Message::parse(format!("{head}\r\n\r\n").as_bytes())
    };
    trace.match_indices(start).filter_map(read).collect()
}

/// Carries a phone's datagrams to the switchboard from an address of its own, and back.
pub struct Router {
    /// Where the phone finds it.
    pub inner: SocketAddr,
    stopped: Arc<AtomicBool>,
    carrier: Option<JoinHandle<()>>,
}

impl Router {
    pub fn before(place: &Place) -> Router {
        Self::that_renames(place, b"", b"")
    }

    /// It writes one text for another of the same length in what the phone sends.
    pub fn that_renames(place: &Place, from: &[u8], to: &[u8]) -> Router {
        assert_eq!(from.len(), to.len(), "no length in a message changes");
        let (name, new_name) = (from.to_vec(), to.to_vec());
        let inner = UdpSocket::bind(place.next_address()).expect("the router's address is free");
        let outer = UdpSocket::bind(place.next_address()).expect("the router's address is free");
        outer.connect(place.switchboard()).expect("loopback has a route");
        let summary = Some(Duration::from_millis(5));
        for socket in [&inner, &outer] {
            socket.set_read_timeout(summary).expect("a timeout can be set");
        }
        let address = inner.local_addr().expect("a bound socket has an address");
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        let carrier = std::thread::spawn(move || {
            let (mut phone, mut buffer) = (None, [0; 65536]);
            while !flag.load(Ordering::Relaxed) {
                if let Ok((length, from)) = inner.recv_from(&mut buffer) {
                    phone = Some(from);
                    let mut places = 0..length.saturating_sub(name.len());
                    let place = |at: &usize| buffer[*at..].starts_with(&name);
                    if let (false, Some(at)) = (name.is_empty(), places.find(place)) {
                        buffer[at..at + name.len()].copy_from_slice(&new_name);
                    }
                    // What is lost is sent again.
                    let _ = outer.send(&buffer[..length]);
                }
                if let (Ok(length), Some(phone)) = (outer.recv(&mut buffer), phone) {
                    let _ = inner.send_to(&buffer[..length], phone);
                }
            }
        });
        Router { inner: address, stopped, carrier: Some(carrier) }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(carrier) = self.carrier.take() {
            // One that panicked has failed the test by its silence.
            let _ = carrier.join();
        }
    }
}
