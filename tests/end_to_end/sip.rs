//! Just enough SIP for a desk of our own: messages, digest, and a dialog's bookkeeping.
//!
//! Written for the tests alone; it shares no line with the product, so that an error in the product's
//! reading of an RFC is not made twice.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::web_socket::{FrameSender, WebSocket};

/// An address that is to be free is so by then.
const FREED_WITHIN: Duration = Duration::from_secs(5);

/// A message: its first line, its headers in order, its body.
#[derive(Clone, Debug)]
pub struct Message {
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn request(method: &str, uri: &str) -> Message {
        Message { start: format!("{method} {uri} SIP/2.0"), headers: Vec::new(), body: Vec::new() }
    }

    /// A response to `self` with the headers that RFC 3261 §8.2.6.2 copies.
    pub fn response(&self, status: u16, reason: &str) -> Message {
        let copied = ["via", "from", "to", "call-id", "cseq"];
        let is_copied = |name: &str| copied.iter().any(|c| name.eq_ignore_ascii_case(c));
        let headers = self.headers.iter().filter(|(name, _)| is_copied(name)).cloned().collect();
        Message { start: format!("SIP/2.0 {status} {reason}"), headers, body: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Message {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Message {
        self.body = body.into();
        self.with("Content-Type", content_type)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| &**value).collect()
    }

    /// The status code of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&str> {
        match self.status() {
            Some(_) => None,
            None => self.start.split(' ').next(),
        }
    }

    /// The number of its CSeq.
    pub fn sequence(&self) -> u32 {
        let value = self.header("CSeq").unwrap_or("");
        value.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    pub fn parse(bytes: &[u8]) -> Option<Message> {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .map(|l| l.split_once(':').map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned())))
            .collect::<Option<Vec<_>>>()?;
        Some(Message { start, headers, body: bytes[end + 4..].to_vec() })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n", self.body.len());
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The Authorization value for a 401, by the first challenge whose algorithm we know (RFC 7616, 8760).
pub fn authorization(
    refusal: &Message,
    method: &str,
    uri: &str,
    user: &str,
    password: &str,
) -> String {
    for challenge in refusal.headers("WWW-Authenticate") {
        let get = |name: &str| parameter(challenge, name).unwrap_or_default();
        let algorithm = parameter(challenge, "algorithm").unwrap_or_else(|| "MD5".to_owned());
        let hash: fn(&str) -> String = match &*algorithm {
            "SHA-256" => |text| hex(&Sha256::digest(text)),
            "MD5" => |text| hex(&Md5::digest(text)),
            _ => continue,
        };
        let (realm, nonce) = (get("realm"), get("nonce"));
        let first = hash(&format!("{user}:{realm}:{password}"));
        let second = hash(&format!("{method}:{uri}"));
        let response = hash(&format!("{first}:{nonce}:00000001:0a4f113b:auth:{second}"));
        return format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             algorithm={algorithm}, qop=auth, nc=00000001, cnonce=\"0a4f113b\", \
             response=\"{response}\", opaque=\"{}\"",
            get("opaque")
        );
    }
    panic!("no challenge that we know in {refusal:?}");
}

fn parameter(challenge: &str, name: &str) -> Option<String> {
    challenge.trim_start_matches("Digest").split(',').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        (key == name).then(|| value.trim_matches('"').to_owned())
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The way to the switchboard.
pub enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
    /// As a browser speaks (RFC 7118), under TLS.
    Web(FrameSender, Arc<Mutex<WebSocket>>),
}

impl Wire {
    pub fn udp(from: SocketAddr, to: SocketAddr) -> Wire {
        // Whoever had it before may have left it to a program that is just being started, for a moment.
        let begun = Instant::now();
        let socket = loop {
            match UdpSocket::bind(from) {
                Ok(socket) => break socket,
                Err(error) => {
                    assert!(begun.elapsed() < FREED_WITHIN, "{from} is not free: {error}")
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        socket.connect(to).expect("loopback has a route");
        Wire::Udp(socket)
    }

    pub fn tcp(to: SocketAddr) -> Wire {
        Wire::Tcp(TcpStream::connect(to).expect("the switchboard listens on TCP"), Vec::new())
    }

    pub fn web(socket: WebSocket) -> Wire {
        Wire::Web(socket.sender(), Arc::new(Mutex::new(socket)))
    }

    /// The Via's transport.
    pub fn name(&self) -> &'static str {
        match self {
            Wire::Udp(_) => "UDP",
            Wire::Tcp(..) => "TCP",
            Wire::Web(..) => "WSS",
        }
    }

    pub fn local(&self) -> SocketAddr {
        match self {
            Wire::Udp(socket) => socket.local_addr(),
            Wire::Tcp(stream, _) => stream.local_addr(),
            // A page does not know it.
            Wire::Web(..) => Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        }
        .expect("a connected socket has an address")
    }

    /// What it calls itself in Via and Contact.
    pub fn host(&self) -> String {
        match self {
            Wire::Udp(_) | Wire::Tcp(..) => self.local().to_string(),
            Wire::Web(..) => "k1.invalid".to_owned(),
        }
    }

    pub fn another(&self) -> Wire {
        match self {
            Wire::Udp(socket) => socket.try_clone().map(Wire::Udp),
            Wire::Tcp(stream, _) => stream.try_clone().map(|s| Wire::Tcp(s, Vec::new())),
            Wire::Web(sender, socket) => Ok(Wire::Web(sender.clone(), Arc::clone(socket))),
        }
        .expect("a socket can be shared")
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // What is lost because the switchboard is being restarted shows as an unanswered request.
        let _ = match self {
            Wire::Udp(socket) => socket.send(bytes).map(|_| ()),
            Wire::Tcp(stream, _) => stream.write_all(bytes),
            Wire::Web(sender, _) => {
                sender.send(bytes);
                Ok(())
            }
        };
    }

    /// The next message, if one comes within a glance; `Err` when the peer has closed.
    pub fn receive(&mut self) -> Result<Option<Message>, ()> {
        let summary = Some(Duration::from_millis(20));
        let mut buffer = [0; 65536];
        match self {
            Wire::Udp(socket) => {
                socket.set_read_timeout(summary).expect("a timeout can be set");
                Ok(socket.recv(&mut buffer).ok().and_then(|n| Message::parse(&buffer[..n])))
            }
            Wire::Tcp(stream, inbox) => {
                stream.set_read_timeout(summary).expect("a timeout can be set");
                match stream.read(&mut buffer) {
                    Ok(0) => return Err(()),
                    Ok(n) => inbox.extend_from_slice(&buffer[..n]),
                    Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => return Err(()),
                }
                Ok(next_of_stream(inbox))
            }
            Wire::Web(_, socket) => {
                let mut socket = socket.lock().expect("no listener panicked");
                socket.message_within(Duration::from_millis(20))
            }
        }
    }
}

/// Takes one whole message from the front of a stream (RFC 3261 §18.3).
pub fn next_of_stream(inbox: &mut Vec<u8>) -> Option<Message> {
    let end = inbox.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let head = Message::parse(&inbox[..end])?;
    let length: usize = head.header("Content-Length")?.parse().ok()?;
    if inbox.len() < end + length {
        return None;
    }
    let rest = inbox.split_off(end + length);
    Message::parse(&std::mem::replace(inbox, rest))
}
