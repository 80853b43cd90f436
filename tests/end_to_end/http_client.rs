//! A browser of our own making, as far as HTTP/1.1 and cookies go. It shares no line with the product.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::web_socket::{Pipe, WebSocket};

/// A browser with a page of `origin` open.
pub struct HttpClient {
    /// Where it connects to.
    pub to: SocketAddr,
    /// What it says of the page that asks.
    pub origin: String,
    /// `name=value`, as it was set.
    pub cookie: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let of_name = |line: &&str| {
            line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        let line = self.head.split("\r\n").find(of_name)?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The word of a refusal.
    #[track_caller]
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and word.
    #[track_caller]
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.error())
    }
}

impl HttpClient {
    /// In clear.
    pub fn new(to: SocketAddr) -> HttpClient {
        HttpClient { to, origin: format!("http://{to}"), cookie: None }
    }

    /// One that has the same cookies.
    pub fn tab(&self) -> HttpClient {
        HttpClient { to: self.to, origin: self.origin.clone(), cookie: self.cookie.clone() }
    }

    fn head(&self, method: &str, path: &str) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.to);
        if !self.origin.is_empty() {
            head += &format!("Origin: {}\r\n", self.origin);
        }
        if let Some(cookie) = &self.cookie {
            head += &format!("Cookie: theme=dark; {cookie}\r\n");
        }
        head
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&mut Pipe::tcp(self.to), &self.head("GET", path), b"")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.ask(&mut Pipe::tcp(self.to), &self.head("DELETE", path), b"")
    }

    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let kind = "Content-Type: application/json\r\n";
        let head = format!("{}{kind}", self.head(method, path));
        self.ask(&mut Pipe::tcp(self.to), &head, body.as_bytes())
    }

    /// With headers of its own, in place of what a browser says.
    pub fn raw(&self, head: &str, body: &[u8]) -> Answer {
        self.ask(&mut Pipe::tcp(self.to), head, body)
    }

    fn ask(&self, pipe: &mut Pipe, head: &str, body: &[u8]) -> Answer {
        let length = match head.contains("Content-Length") {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", body.len()),
        };
        pipe.write(format!("{head}{length}Connection: close\r\n\r\n").as_bytes());
        pipe.write(body);
        read(pipe)
    }

    /// Logs in by name and password, and keeps the cookie.
    pub fn log_in(&mut self, operator: &str, secret: &str) -> Answer {
        let form = serde_json::json!({"operator": operator, "secret": secret});
        let answer = self.send("POST", "/api/session", &form);
        self.keep(&answer);
        answer
    }

    /// Keeps the cookie of an answer.
    pub fn keep(&mut self, answer: &Answer) {
        if let Some(set) = answer.header("Set-Cookie") {
            self.cookie = set.split(';').next().map(str::to_owned);
        }
    }

    /// SIP over WebSocket; the status line where it is refused.
    pub fn sip(&self) -> Result<WebSocket, String> {
        self.sip_at("/sip")
    }

    /// The same at that path.
    pub fn sip_at(&self, path: &str) -> Result<WebSocket, String> {
        let mut headers = "Sec-WebSocket-Protocol: sip\r\n".to_owned();
        if !self.origin.is_empty() {
            headers += &format!("Origin: {}\r\n", self.origin);
        }
        if let Some(cookie) = &self.cookie {
            headers += &format!("Cookie: {cookie}\r\n");
        }
        WebSocket::open_at(Pipe::tcp(self.to), path, &self.to.to_string(), &headers)
    }
}

/// Reads one answer to its end.
pub fn read(pipe: &mut Pipe) -> Answer {
    let head = pipe.read(|seen| {
        let end = seen.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let rest = seen.split_off(end);
        Some(String::from_utf8_lossy(&std::mem::replace(seen, rest)).into_owned())
    });
    let head = head.unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut answer = Answer { status, head, body: Vec::new() };
    let length = answer.header("Content-Length").and_then(|length| length.parse().ok());
    if let Some(length) = length.filter(|_| status != 304) {
        let cut = |seen: &mut Vec<u8>| {
            (seen.len() >= length).then(|| seen.drain(..length).collect::<Vec<u8>>())
        };
        answer.body = pipe.read(cut).unwrap_or_default();
    }
    answer
}

/// By TLS: an answer to one request.
pub fn over_tls(to: SocketAddr, request: &str, directory: &Path) -> Answer {
    let mut pipe = Pipe::tls(to, &[], directory);
    pipe.write(request.as_bytes());
    read(&mut pipe)
}

/// Whether the other end closes this within so long.
pub fn is_closed(socket: &mut WebSocket, within: Duration) -> bool {
    let began = std::time::Instant::now();
    while let Some((opcode, _)) = socket.next_frame() {
        if opcode == 8 {
            return began.elapsed() < within;
        }
    }
    began.elapsed() < within
}
