//! SIP over WebSocket (RFC 7118, RFC 6455): the upgrade, and one message in each frame.
//!
//! ```text
//!   GET ── path, subprotocol and origin are right ──▶ 101 ──▶ messages, pings, CRLF
//!     └─── else 400, 403, 404 with a sentence
//!   more than 64 KiB ──▶ close 1009     no text ──▶ 1007     no WebSocket ──▶ 1002
//! ```
//!
//! A page of another site may open a connection to us in the name of whoever looks at it: only pages of our own, and
//! of the sites that the configuration names, may. A program that is no browser says nothing of an origin.

use super::connection_task::{ConnectionTask, FAREWELL_MAX, Inlet, WRITE_MAX};
use super::tls::Tls;
use crate::sip::{FramedInput, MESSAGE_BYTES_MAX};
use futures_util::{SinkExt as _, StreamExt as _};
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse as _;
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Where SIP is spoken: what browsers' libraries have in their examples.
const PATHS: [&str; 3] = ["/", "/sip", "/ws"];
/// The name of SIP among subprotocols (RFC 7118 §4.1).
const SUBPROTOCOL: &str = "sip";
/// The longest request for an upgrade.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A browser that is refused reads why before the connection is closed.
const REFUSAL_READ: Duration = Duration::from_millis(200);

/// Whose pages may connect.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origins {
    /// Of other sites: `https://desk.example.com`, in small letters.
    pub others: Vec<String>,
    /// Our own names and addresses, beside those of the certificate.
    pub own: Vec<String>,
}

impl Origins {
    /// Whether a page of this origin may connect to our address `local`; none where a proxy of ours is connected to.
    pub(super) fn admit(&self, origin: &str, local: Option<IpAddr>, tls: &Tls) -> bool {
        let origin = origin.to_ascii_lowercase();
        if self.others.contains(&origin) {
            return true;
        }
        let Some(host) = host_of(&origin) else { return false };
        let (ip, local) = (host.parse::<IpAddr>().ok(), local.map(|local| local.to_canonical()));
        // Whatever runs on the machine of who looks at the page is no page of ours.
        if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
            let local = local.filter(IpAddr::is_loopback);
            return local.is_some_and(|local| ip.is_none_or(|ip| ip == local));
        }
        ip.is_some_and(|ip| local == Some(ip))
            || self.own.iter().any(|own| own == host)
            || tls.is_for(host)
    }
}

/// The host of an origin (RFC 6454 §6.1).
fn host_of(origin: &str) -> Option<&str> {
    let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
    match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, _)| host),
        None => rest.split(':').next().filter(|host| !host.is_empty() && !host.contains('/')),
    }
}

/// What becomes of a request for an upgrade.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Refusal {
    status: StatusCode,
    why: &'static str,
}

/// Answers a request for an upgrade.
///
/// # Errors
/// What was wrong with it; the peer has been told.
pub(super) async fn accept<S>(
    mut stream: S,
    (origins, local, tls): (&Origins, IpAddr, &Tls),
) -> Result<WebSocketStream<S>, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = match read_head(&mut stream).await.map_err(|error| error.to_string())? {
        Ok((request, rest)) => judge(&request, |origin| origins.admit(origin, Some(local), tls))
            .and_then(|()| upgrade(&request))
            .map(|answer| (answer, rest)),
        Err(refusal) => Err(refusal),
    };
    let (bytes, why) = match &answer {
        Ok((bytes, _)) => (bytes.clone(), None),
        Err(refusal) => (refusal.bytes(), Some(refusal.why)),
    };
    let written = async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    };
    written.await.map_err(|error| error.to_string())?;
    match answer {
        Ok((_, rest)) => {
            let role = Role::Server;
            Ok(WebSocketStream::from_partially_read(stream, rest, role, Some(config())).await)
        }
        Err(_) => {
            let _ = stream.shutdown().await;
            let _ = timeout(REFUSAL_READ, drain(&mut stream)).await;
            Err(why.unwrap_or_default().to_owned())
        }
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4_096)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

/// What another has upgraded.
pub(super) async fn upgraded<S>(stream: S) -> WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await
}

/// The request, and what was read beyond it.
async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Result<(Request, Vec<u8>), Refusal>> {
    let (mut head, mut piece) = (Vec::new(), [0; 1_024]);
    loop {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&piece[..length]);
        let why = "This is SIP over WebSocket (RFC 7118): ask for it with GET and an Upgrade.";
        match Request::try_parse(&head) {
            Ok(Some((size, request))) => return Ok(Ok((request, head.split_off(size)))),
            Ok(None) if head.len() < HEAD_BYTES_MAX => {}
            Ok(None) => {
                let why = "The request is too long.";
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                return Ok(Err(Refusal { status, why }));
            }
            Err(_) => return Ok(Err(Refusal { status: StatusCode::BAD_REQUEST, why })),
        }
    }
}

/// Whether it may become SIP.
fn judge(request: &Request, admits: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    let refuse = |status, why| Err(Refusal { status, why });
    if !PATHS.contains(&request.uri().path()) {
        return refuse(StatusCode::NOT_FOUND, "Nothing is here: SIP is spoken at / and at /sip.");
    }
    if subprotocol(request).is_none() {
        let why = "Only the subprotocol sip is spoken here (RFC 7118): new WebSocket(url, 'sip').";
        return refuse(StatusCode::BAD_REQUEST, why);
    }
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    if !origins.all(|origin| origin.to_str().is_ok_and(&admits)) {
        let why = "Pages of this site may not connect: the switchboard's web.origins names those that may.";
        return refuse(StatusCode::FORBIDDEN, why);
    }
    Ok(())
}

/// SIP among the subprotocols that are asked for, as it is written there: browsers take no other spelling.
fn subprotocol(request: &Request) -> Option<HeaderValue> {
    let all = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let all = all.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let mut named = all.map(str::trim).filter(|name| name.eq_ignore_ascii_case(SUBPROTOCOL));
    HeaderValue::from_str(named.next()?).ok()
}

fn upgrade(request: &Request) -> Result<Vec<u8>, Refusal> {
    let why = "This is SIP over WebSocket (RFC 7118), no page.";
    let refusal = Refusal { status: StatusCode::UPGRADE_REQUIRED, why };
    let mut response = create_response(request).map_err(|_| refusal)?;
    if let Some(subprotocol) = subprotocol(request) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    let mut bytes = Vec::new();
    write_response(&mut bytes, &response).map_err(|_| refusal)?;
    Ok(bytes)
}

impl Refusal {
    fn bytes(self) -> Vec<u8> {
        let Self { status, why } = self;
        let more = match status {
            // RFC 9110 §15.5.22, RFC 6455 §4.4
            StatusCode::UPGRADE_REQUIRED => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "",
        };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n{why}\n",
            why.len() + 1
        )
        .into_bytes()
    }
}

/// Carries messages until the connection is over.
pub(super) async fn serve<S>(mut socket: WebSocketStream<S>, mut task: ConnectionTask)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut inlet = Inlet::of(&task);
    let code = loop {
        tokio::select! {
            read = timeout_at(inlet.until(), socket.next()) => {
                let message = match read {
                    Ok(Some(Ok(message))) => message,
                    Ok(Some(Err(error))) => break closing(&error),
                    Ok(None) => break None,
                    Err(_) => break Some(CloseCode::Away),
                };
                let (Message::Text(_) | Message::Binary(_)) = message else { continue };
                let bytes = message.into_data();
                if let Some(frame) = frame(&bytes)
                    && inlet.take(frame).await.is_err()
                {
                    break None;
                }
            }
            bytes = task.queue.next() => {
                let Some(bytes) = bytes else { break Some(CloseCode::Away) };
                // RFC 7118 §5: UTF-8 may go as text, and nothing else.
                let message = String::from_utf8(bytes)
                    .map_or_else(|error| Message::binary(error.into_bytes()), Message::text);
                if !matches!(timeout(WRITE_MAX, socket.send(message)).await, Ok(Ok(()))) {
                    break None;
                }
                task.queue.written();
            }
        }
    };
    let farewell = async {
        if let Some(code) = code {
            let _ = socket.close(Some(CloseFrame { code, reason: "".into() })).await;
            // Until the peer has said so, too; what it still sends is not read.
            while let Some(Ok(_)) = socket.next().await {}
        }
        let stream = socket.get_mut();
        let _ = stream.shutdown().await;
        drain(stream).await;
    };
    let _ = timeout(FAREWELL_MAX, farewell).await;
    task.end().await;
}

/// Reads what the peer still sends: what is closed with something unread takes our last word with it.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) {
    let mut unread = [0; 1_024];
    while stream.read(&mut unread).await.is_ok_and(|some| some > 0) {}
}

/// How a connection is closed on which this came.
fn closing(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(_) => Some(CloseCode::Size),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Protocol(_) => Some(CloseCode::Protocol),
        _ => None,
    }
}

/// What a message of WebSocket holds: one of SIP, which may say nothing of its length (RFC 7118 §5), or line ends
/// alone (§6); two of them want an answer.
fn frame(bytes: &[u8]) -> Option<FramedInput<'_>> {
    let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    match begin {
        Some(begin) => Some(FramedInput::Message(&bytes[begin..])),
        None => (bytes.len() >= 4).then_some(FramedInput::Ping),
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection_task::Greeted;
    use super::super::stream_event::{ConnectionEnds, StreamEvent};
    use super::super::tls::tests::settings;
    use super::*;
    use crate::ids::ConnectionId;
    use crate::random::Random;
    use crate::sip::{Flow, Transport};
    use std::sync::{Arc, Weak};
    use tokio::io::DuplexStream;
    use tokio::sync::mpsc;
    use tokio_tungstenite::client_async;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

    const LOCAL: [u8; 4] = [192, 0, 2, 1];

    fn origins() -> Origins {
        Origins {
            others: vec!["https://desk.example.com:8443".to_owned()],
            own: vec!["house.example".to_owned()],
        }
    }

    /// What a request with these headers gets, and what the server makes of it.
    async fn answer(request: &str) -> (String, Result<(), String>) {
        let directory = tempfile::tempdir().unwrap();
        let tls = Tls::open(settings(directory.path()), 1).unwrap();
        let (mut ours, theirs) = tokio::io::duplex(1 << 16);
        let accepting = tokio::spawn(async move {
            accept(theirs, (&origins(), LOCAL.into(), &tls)).await.map(drop)
        });
        ours.write_all(request.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        ours.read_to_end(&mut said).await.unwrap();
        (String::from_utf8(said).unwrap(), accepting.await.unwrap())
    }

    fn request(path: &str, headers: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        )
    }

    #[tokio::test]
    async fn only_sip_of_pages_that_may_is_upgraded() {
        let sip = "Sec-WebSocket-Protocol: chat, SIP\r\n";
        let with = |origin: &str| format!("{sip}Origin: {origin}\r\n");
        for (path, headers, status) in [
            ("/", sip.to_owned(), "101"),
            (
                "/sip?x=1",
                "sec-websocket-protocol: chat\r\nSEC-WebSocket-Protocol: sip,x\r\n".to_owned(),
                "101",
            ),
            ("/ws", with("https://192.0.2.1:8080"), "101"),
            ("/", with("http://house.example"), "101"),
            ("/", with("https://phones.example"), "101"),
            ("/", with("https://Desk.Example.com:8443"), "101"),
            ("/", with("https://desk.example.com"), "403"),
            ("/", with("https://192.0.2.2"), "403"),
            ("/", with("https://house.example.evil"), "403"),
            ("/", with("https://localhost"), "403"),
            ("/", with("null"), "403"),
            ("/", with("https://"), "403"),
            (
                "/",
                format!("{}Origin: https://evil.example\r\n", with("http://house.example")),
                "403",
            ),
            ("/", String::new(), "400"),
            ("/", "Sec-WebSocket-Protocol: sipx\r\n".to_owned(), "400"),
            ("/etc/passwd", sip.to_owned(), "404"),
        ] {
            let (said, made) = answer(&request(path, &headers)).await;
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {headers}: {said}");
            assert_eq!(made.is_ok(), status == "101", "{path} {headers}");
            let answered = if headers.contains("SIP") { "SIP" } else { "sip" };
            let answered = format!("sec-websocket-protocol: {answered}\r\n");
            assert_eq!(said.contains(&answered), status == "101", "{said}");
        }
    }

    #[tokio::test]
    async fn what_is_no_request_for_an_upgrade_is_told_so() {
        let page = "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
        let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(HEAD_BYTES_MAX));
        for (request, status) in [
            (page, "426"),
            ("POST / HTTP/1.1\r\n\r\n", "400"),
            ("REGISTER sip:a SIP/2.0\r\n\r\n", "400"),
            ("\x16\x03\x01\x02\x00\x01\x00\x01", "400"),
            (&endless, "431"),
        ] {
            let (said, made) = answer(request).await;
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {said}");
            assert!(made.is_err());
            assert_eq!(said.contains("Sec-WebSocket-Version: 13\r\n"), status == "426", "{said}");
        }
    }

    /// A browser, and what the server has of it.
    async fn browser()
    -> (WebSocketStream<DuplexStream>, ConnectionEnds, mpsc::Receiver<StreamEvent>) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (send, events) = mpsc::channel(16);
        let (ends, queue) = ConnectionEnds::new(Weak::new());
        let flow = Flow {
            transport: Transport::Ws,
            local: (LOCAL, 80).into(),
            remote: ([192, 0, 2, 7], 40_000).into(),
            connection: ConnectionId(1),
        };
        tokio::spawn(async move {
            let directory = tempfile::tempdir().unwrap();
            let tls = Tls::rehearse(settings(directory.path())).unwrap();
            let socket = accept(theirs, (&origins(), LOCAL.into(), &tls)).await.unwrap();
            let task = ConnectionTask { flow, greeted: Greeted::NotYet, queue, events: send };
            serve(socket, task).await;
        });
        let mut request = "ws://192.0.2.1/".into_client_request().unwrap();
        let sip = HeaderValue::from_static("sip");
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, sip);
        let (socket, _) = client_async(request, ours).await.unwrap();
        (socket, ends, events)
    }

    async fn message(events: &mut mpsc::Receiver<StreamEvent>) -> String {
        match events.recv().await.unwrap() {
            StreamEvent::Message(_, bytes) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn fragment(text: &'static str, code: Data, is_final: bool) -> Message {
        Message::Frame(Frame::message(text.as_bytes(), OpCode::Data(code), is_final))
    }

    #[tokio::test]
    async fn a_message_is_a_frame_however_it_comes_and_needs_no_length() {
        let (mut socket, ends, mut events) = browser().await;
        let bye = "BYE sip:a SIP/2.0\r\n\r\n";
        socket.send(Message::text(bye)).await.unwrap();
        assert_eq!(message(&mut events).await, bye);
        socket.send(Message::binary(format!("\r\n{bye}").into_bytes())).await.unwrap();
        assert_eq!(message(&mut events).await, bye);
        for (text, code, is_final) in [
            ("BYE sip:a ", Data::Text, false),
            ("SIP/2.0\r\n", Data::Continue, false),
            ("\r\n", Data::Continue, true),
        ] {
            socket.send(fragment(text, code, is_final)).await.unwrap();
        }
        assert_eq!(message(&mut events).await, bye);
        // Keep-alives, of either kind; half of one is none.
        socket.send(Message::text("\r\n")).await.unwrap();
        socket.send(Message::text("\r\n\r\n")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("\r\n"));
        socket.send(Message::Ping("now".into())).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("now".into()));
        for bytes in [&b"SIP/2.0 200 OK\r\n\r\n"[..], b"\xff\xfe"] {
            ends.send(bytes.to_vec()).unwrap();
            let came = socket.next().await.unwrap().unwrap();
            assert_eq!(came.is_text(), bytes[0] == b'S');
            assert_eq!(came.into_data(), bytes);
        }
        // The loop lets go of it.
        drop(ends);
        let closed = socket.next().await.unwrap().unwrap();
        assert!(matches!(closed, Message::Close(Some(frame)) if frame.code == CloseCode::Away));
        assert!(socket.next().await.is_none());
        assert!(matches!(events.recv().await, Some(StreamEvent::Closed(_))));
    }

    #[tokio::test]
    async fn what_is_too_long_or_broken_closes_the_connection_with_its_code() {
        let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
        let half = &long[..MESSAGE_BYTES_MAX / 2 + 1];
        let whole = |message: Message| vec![message];
        let fragments = |text: &str| {
            let frame = |code, is_final| {
                Message::Frame(Frame::message(
                    text.as_bytes().to_vec(),
                    OpCode::Data(code),
                    is_final,
                ))
            };
            vec![frame(Data::Text, false), frame(Data::Continue, true)]
        };
        let binary = Frame::message(b"\xff".to_vec(), OpCode::Data(Data::Text), true);
        for (messages, code) in [
            (whole(Message::text(&*long)), CloseCode::Size),
            (fragments(half), CloseCode::Size),
            (whole(Message::Frame(binary)), CloseCode::Invalid),
            (whole(fragment("x", Data::Continue, true)), CloseCode::Protocol),
            (whole(fragment("x", Data::Reserved(5), true)), CloseCode::Protocol),
        ] {
            let (mut socket, _ends, mut events) = browser().await;
            for message in messages {
                socket.send(message).await.unwrap();
            }
            let closed = socket.next().await.unwrap().unwrap();
            assert!(
                matches!(&closed, Message::Close(Some(frame)) if frame.code == code),
                "{closed:?} {code}"
            );
            drop(socket);
            assert!(matches!(events.recv().await, Some(StreamEvent::Closed(_))), "{code}");
        }
        let (mut socket, _ends, mut events) = browser().await;
        socket.send(Message::text(&long[..MESSAGE_BYTES_MAX])).await.unwrap();
        assert_eq!(message(&mut events).await.len(), MESSAGE_BYTES_MAX);
    }

    /// Who is in the midst of a message that is too long may end it, and reads why nobody takes it.
    #[tokio::test]
    async fn who_still_sends_is_read_until_it_has_done() {
        let (mut socket, _ends, mut events) = browser().await;
        let length = u64::try_from(MESSAGE_BYTES_MAX).unwrap() + 1;
        let head = [&[0x81, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat();
        socket.get_mut().write_all(&head).await.unwrap();
        let closed = socket.next().await.unwrap().unwrap();
        assert!(matches!(closed, Message::Close(Some(frame)) if frame.code == CloseCode::Size));
        // What the server does next it has done by then.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        for _ in 0..=MESSAGE_BYTES_MAX / 1_024 {
            socket.get_mut().write_all(&[b'x'; 1_024]).await.unwrap();
        }
        drop(socket);
        assert!(matches!(events.recv().await, Some(StreamEvent::Closed(_))));
    }

    /// Frames as browsers send them, changed at random.
    fn frames(random: &mut Random) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..=random.below(4) {
            // Text, binary, a fragment, ping, close; the bits of an extension, too.
            let first = [0x81, 0x82, 0x01, 0x80, 0x89, 0x88, 0xc1][random.below(7) as usize];
            let payload = b"BYE sip:a SIP/2.0\r\nVia: SIP/2.0/WS x.invalid\r\n\r\n";
            let length = random.below(payload.len() as u64 + 1) as usize;
            let mask = random.u32().to_be_bytes();
            bytes.extend([first, 0x80 | u8::try_from(length).unwrap_or_default()]);
            bytes.extend(mask);
            let masked = payload[..length].iter().zip(mask.iter().cycle());
            bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
        }
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(3) {
                0 => bytes[at] = random.u32() as u8,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, [0x7e, 0x7f, 0xff, 0xfe][random.below(4) as usize]),
            }
        }
        bytes
    }

    /// Whatever comes, the connection ends in order, and what is handed on is a message within its limit.
    #[tokio::test]
    async fn no_frames_break_a_connection() {
        let directory = tempfile::tempdir().unwrap();
        let tls = Arc::new(Tls::rehearse(settings(directory.path())).unwrap());
        let flow = Flow {
            transport: Transport::Ws,
            local: (LOCAL, 80).into(),
            remote: ([192, 0, 2, 7], 40_000).into(),
            connection: ConnectionId(1),
        };
        for number in 0..3_000 {
            let (mut ours, theirs) = tokio::io::duplex(1 << 20);
            let (send, mut events) = mpsc::channel(16);
            let (_ends, queue) = ConnectionEnds::new(Weak::new());
            let tls = Arc::clone(&tls);
            let serving = tokio::spawn(async move {
                let socket = accept(theirs, (&origins(), LOCAL.into(), &tls)).await.unwrap();
                let task = ConnectionTask { flow, greeted: Greeted::NotYet, queue, events: send };
                serve(socket, task).await;
            });
            let upgrade = request("/", "Sec-WebSocket-Protocol: sip\r\n");
            let frames = frames(&mut Random::from_number(number));
            ours.write_all(&[upgrade.as_bytes(), &frames].concat()).await.unwrap();
            ours.shutdown().await.unwrap();
            let mut said = Vec::new();
            let reading = tokio::spawn(async move { ours.read_to_end(&mut said).await });
            let mut is_closed = false;
            while let Some(event) = events.recv().await {
                match event {
                    StreamEvent::Message(_, bytes) => {
                        assert!(!bytes.is_empty() && bytes.len() <= MESSAGE_BYTES_MAX, "{number}");
                    }
                    StreamEvent::Closed(_) => is_closed = true,
                    other => panic!("{number}: {other:?}"),
                }
            }
            assert!(is_closed, "{number}");
            serving.await.unwrap();
            reading.await.unwrap().unwrap();
        }
    }
}
