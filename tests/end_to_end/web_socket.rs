//! A browser's connection (RFC 7118): WebSocket in clear, or within `openssl s_client`. Written for the tests alone; it
//! shares no line with the product.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::program::Program;
use crate::sip::Message;

const PATIENCE: Duration = Duration::from_secs(10);

/// Where bytes go to; several may write.
type Writer = Arc<Mutex<Box<dyn Write + Send>>>;

/// A stream of bytes to a server.
pub struct Pipe {
    writer: Writer,
    reader: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// What holds it open.
    socket: Option<TcpStream>,
    program: Option<Program>,
}

impl Pipe {
    /// In clear.
    pub fn tcp(to: SocketAddr) -> Pipe {
        let socket = TcpStream::connect(to).expect("the switchboard listens there");
        let reading = socket.try_clone().expect("a socket can be shared");
        let writer = socket.try_clone().expect("a socket can be shared");
        Pipe::of(reading, writer, Some(socket), None)
    }

    /// Under TLS, by OpenSSL with more arguments; what that says goes to a file in `directory`.
    pub fn tls(to: SocketAddr, more: &[&str], directory: &Path) -> Pipe {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-connect", &to.to_string()]).args(more);
        Pipe::program(command, directory)
    }

    /// OpenSSL as a server that one connection comes to.
    pub fn tls_server(at: SocketAddr, more: &[&str], directory: &Path) -> Pipe {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-accept", &at.to_string()]).args(more);
        Pipe::program(command, directory)
    }

    fn program(mut command: Command, directory: &Path) -> Pipe {
        let log = directory.join("openssl.log");
        let said = std::fs::File::create(&log).expect("the test's directory is writable");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said);
        let mut child = command.spawn().expect("openssl is there: tests/run installs it");
        let writer = child.stdin.take().expect("it is piped");
        let reader = child.stdout.take().expect("it is piped");
        Pipe::of(reader, writer, None, Some(Program::of("openssl", child, &log)))
    }

    fn of(
        mut reading: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        socket: Option<TcpStream>,
        program: Option<Program>,
    ) -> Pipe {
        let (send, reader) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reading.read(&mut buffer) {
                if send.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer: Writer = Arc::new(Mutex::new(Box::new(writer)));
        Pipe { writer, reader, seen: Vec::new(), socket, program }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        write(&self.writer, bytes);
    }

    /// Reads until `cut` finds something at the front; nothing when the connection is closed before, or takes too long.
    pub fn read<T>(&mut self, cut: impl FnMut(&mut Vec<u8>) -> Option<T>) -> Option<T> {
        self.read_within(PATIENCE, cut).ok()?
    }

    /// The same for so long; `Err` when the connection is closed.
    fn read_within<T>(
        &mut self,
        limit: Duration,
        mut cut: impl FnMut(&mut Vec<u8>) -> Option<T>,
    ) -> Result<Option<T>, ()> {
        let end = Instant::now() + limit;
        loop {
            if let Some(found) = cut(&mut self.seen) {
                return Ok(Some(found));
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.reader.recv_timeout(left) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(()),
            }
        }
    }

    /// A whole SIP message that says how long it is.
    pub fn message(&mut self) -> Option<Message> {
        self.read(crate::sip::next_of_stream)
    }

    /// What s_client has said.
    pub fn log(&self) -> String {
        self.program.as_ref().map(Program::log).unwrap_or_default()
    }

    pub fn close(self) {
        if let Some(socket) = self.socket {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn write(writer: &Writer, bytes: &[u8]) {
    let mut writer = writer.lock().expect("no writer panicked");
    let _ = writer.write_all(bytes).and_then(|()| writer.flush());
}

/// Sends whole messages while somebody else reads.
#[derive(Clone)]
pub struct FrameSender(Writer);

impl FrameSender {
    pub fn send(&self, message: &[u8]) {
        write(&self.0, &framed(0x81, message));
    }
}

/// A WebSocket.
pub struct WebSocket {
    pipe: Pipe,
}

impl WebSocket {
    /// Asks for an upgrade with these headers; the status where it is refused.
    pub fn open(pipe: Pipe, headers: &str) -> Result<WebSocket, String> {
        WebSocket::open_at(pipe, "/", "cordboard.test", headers)
    }

    /// The same at another path of this host.
    pub fn open_at(
        mut pipe: Pipe,
        path: &str,
        host: &str,
        headers: &str,
    ) -> Result<WebSocket, String> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
        );
        pipe.write(request.as_bytes());
        let head = pipe.read(|seen| {
            let end = seen.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
            let rest = seen.split_off(end);
            Some(String::from_utf8_lossy(&std::mem::replace(seen, rest)).into_owned())
        });
        let head = head.unwrap_or_default();
        match head.starts_with("HTTP/1.1 101 ") {
            // RFC 6455 §1.3 has this pair.
            true if head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") => Ok(WebSocket { pipe }),
            _ => Err(head.lines().next().unwrap_or_default().to_owned()),
        }
    }

    /// Sends a message without its length, in two fragments.
    pub fn send(&mut self, message: &Message) {
        let text = String::from_utf8(message.to_bytes()).expect("it is text");
        let text = text.replace("Content-Length: ", "X-Length: ");
        let (first, rest) = text.as_bytes().split_at(text.len() / 2);
        self.frame(0x01, first);
        self.frame(0x80, rest);
    }

    pub fn frame(&mut self, opcode: u8, payload: &[u8]) {
        self.pipe.write(&framed(opcode, payload));
    }

    pub fn sender(&self) -> FrameSender {
        FrameSender(Arc::clone(&self.pipe.writer))
    }

    /// The next message of SIP, if one comes so soon; `Err` when the connection is closed.
    pub fn message_within(&mut self, limit: Duration) -> Result<Option<Message>, ()> {
        let frame = self.pipe.read_within(limit, next_frame)?;
        let message = frame.filter(|(opcode, _)| matches!(opcode, 1 | 2));
        Ok(message.and_then(|(_, payload)| Message::parse(&payload)))
    }

    /// The opcode and the payload of the next frame.
    pub fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        self.pipe.read(next_frame)
    }

    /// The next message of SIP.
    pub fn message(&mut self) -> Option<Message> {
        loop {
            let (opcode, payload) = self.next_frame()?;
            if opcode == 1 || opcode == 2 {
                return Message::parse(&payload);
            }
        }
    }

    /// The next request of this method.
    pub fn request(&mut self, method: &str) -> Message {
        loop {
            let message = self.message().unwrap_or_else(|| panic!("no {method} comes"));
            if message.method() == Some(method) {
                return message;
            }
        }
    }

    /// The next response.
    pub fn response(&mut self) -> Message {
        loop {
            let message = self.message().expect("a response comes");
            if message.status().is_some() {
                return message;
            }
        }
    }

    pub fn close(self) {
        self.pipe.close();
    }
}

/// A frame as browsers send it.
fn framed(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(0x80 | u8::try_from(length).unwrap_or_default()),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Takes a whole frame from the front.
fn next_frame(seen: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (opcode, short) = (seen.first()? & 0x0f, usize::from(*seen.get(1)?));
    let (begin, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes([*seen.get(2)?, *seen.get(3)?]))),
        short => (2, short),
    };
    let payload = seen.get(begin..begin + length)?.to_vec();
    seen.drain(..begin + length);
    Some((opcode, payload))
}
