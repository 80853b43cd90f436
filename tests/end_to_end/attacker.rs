//! Somebody who knows no password and wants the house for himself, beside a phone that does.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::desk;
use crate::eavesdropper::Attacker;
use crate::sip::{self, Message, Wire};
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(5);
/// As in the switchboard: by then the first message is there.
const MESSAGE_MAX: Duration = Duration::from_secs(20);

/// A connection to the switchboard from any port of an address.
fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be had");
    socket.bind(&SocketAddr::new(from, 0).into()).expect("loopback has this address");
    socket.connect(&to.into()).expect("the switchboard listens on TCP");
    socket.into()
}

/// Whether the peer has closed the connection.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket can be told not to wait");
    match stream.read(&mut [0; 64]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

fn closed(streams: &[TcpStream]) -> usize {
    streams.iter().filter(|stream| is_closed(stream)).count()
}

/// A phone of this test's own.
struct Phone {
    wire: Wire,
    user: &'static str,
    cseq: u32,
}

impl Phone {
    fn over(stream: TcpStream, user: &'static str) -> Phone {
        Phone { wire: Wire::Tcp(stream, Vec::new()), user, cseq: 0 }
    }

    /// Registers with this password; the last status.
    fn register(&mut self, password: &str) -> u16 {
        let challenge = self.ask(None);
        let uri = "sip:cordboard.test";
        let credentials = sip::authorization(&challenge, "REGISTER", uri, self.user, password);
        self.ask(Some(credentials)).status().expect("it is a response")
    }

    fn ask(&mut self, credentials: Option<String>) -> Message {
        self.cseq += 1;
        let (user, cseq, local) = (self.user, self.cseq, self.wire.local());
        let address = format!("<sip:{user}@cordboard.test>");
        let via = format!("SIP/2.0/TCP {local};branch=z9hG4bK{user}{}x{cseq}", local.port());
        let mut request = Message::request("REGISTER", "sip:cordboard.test")
            .with("Via", via)
            .with("From", format!("{address};tag=a"))
            .with("To", address)
            .with("Call-ID", format!("{user}-{}", local.port()))
            .with("CSeq", format!("{cseq} REGISTER"))
            .with("Max-Forwards", "70")
            .with("Contact", format!("<sip:{user}@{local};transport=tcp>"));
        if let Some(credentials) = credentials {
            request = request.with("Authorization", credentials);
        }
        self.wire.send(&request.to_bytes());
        wait::until("an answer", PATIENCE, || {
            let answer = self.wire.receive().expect("the connection stays open")?;
            (answer.sequence() == cseq).then_some(answer)
        })
    }
}

fn figure(board: &Switchboard, name: &str) -> u64 {
    let status: Value = serde_json::from_str(&board.cli("status --format json")).expect("JSON");
    let row = status.get(0).unwrap_or(&status);
    row[name].as_u64().unwrap_or_else(|| panic!("no {name} in {status}"))
}

#[test]
fn who_opens_all_connections_gets_some_and_keeps_none() {
    let board = Switchboard::open();
    let house = board.place.switchboard();
    let (attacker, honest) = (board.place.next_address().ip(), board.place.next_address().ip());
    let began = Instant::now();
    let streams: Vec<TcpStream> = (0..200).map(|_| connect(attacker, house)).collect();
    wait::until("136 are refused", PATIENCE, || (closed(&streams) == 136).then_some(()));
    assert!(figure(&board, "refused_connections") >= 136);
    // Another one gets what he wants, and so does a second phone of his.
    let mut phone = Phone::over(connect(honest, house), "3002");
    assert_eq!(phone.register(PASSWORD), 200);
    // A message that never ends is no message.
    let mut slow = connect(honest, house);
    slow.write_all(b"OPTIONS sip:cordboard.test SIP/2.0\r\n").expect("it is open");
    // Nor is a ping.
    let mut quiet = connect(honest, house);
    let limit = MESSAGE_MAX + PATIENCE;
    wait::until("the silent ones are closed", limit, || {
        let _ = quiet.write_all(b"\r\n\r\n");
        let all = closed(&streams) == streams.len() && is_closed(&slow) && is_closed(&quiet);
        all.then_some(())
    });
    assert!(began.elapsed() >= MESSAGE_MAX, "they had {MESSAGE_MAX:?}");
    assert_eq!(phone.register(PASSWORD), 200, "on the connection that it has had all the time");
    assert_eq!(figure(&board, "connections"), 1);
}

#[test]
fn who_guesses_behind_a_phones_router_is_told_to_fail2ban_and_bars_no_phone() {
    let board = Switchboard::open();
    let house = board.place.switchboard();
    let router = board.place.next_address().ip();
    let mut phone = Phone::over(connect(router, house), "3002");
    assert_eq!(phone.register(PASSWORD), 200);
    for user in ["3001", "3002", "3003", "4001", "9999"] {
        let mut guesser = Phone::over(connect(router, house), user);
        let answers: Vec<u16> = (0..30).map(|_| guesser.register("guess")).collect();
        assert!(answers.iter().all(|status| [401, 503].contains(status)), "{answers:?}");
        assert_eq!(answers.last(), Some(&503), "{user}: {answers:?}");
    }
    assert_eq!(phone.register(PASSWORD), 200);

    let log = board.place.path().join("log");
    fs::write(&log, board.log()).expect("the test's directory is writable");
    let filter = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/fail2ban/filter.d/cordboard.conf");
    let found = Command::new("fail2ban-regex").args(["--out", "ip"]).arg(&log).arg(filter).output();
    let found = found.expect("fail2ban is there: run tests/run once, it installs what is missing");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let source = router.to_string();
    assert!(found.lines().count() >= 10, "{found}");
    assert!(found.lines().all(|line| line == source), "{found}");
}

/// One packet of the desk's dialog was read along: the tags are known, the password is not.
#[test]
fn who_has_read_along_takes_no_call_in_the_operators_name() {
    let board = Switchboard::open();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let mut caller = board.guest("caller-hangs-up", "9000");
    let request = desk.event("offer")["request"].clone();

    let mut third = Attacker::at(&board.place);
    let body = format!("{{\"id\":\"evil\",\"do\":\"take\",\"request\":{request}}}");
    for method in ["INFO", "BYE"] {
        let mut forged = desk.request(method);
        let via = format!("SIP/2.0/UDP {};branch=z9hG4bKevil{method};rport", third.local());
        for (name, value) in &mut forged.headers {
            if name == "Via" {
                value.clone_from(&via);
            }
        }
        if method == "INFO" {
            forged = forged.with("Info-Package", desk::PACKAGE).with_body(desk::JSON, &*body);
        }
        assert_eq!(third.forges(&forged), 401, "{method}");
    }
    // Nothing has happened, and the desk takes the call itself.
    assert!(desk.messages().iter().all(|message| message["re"] != "evil"));
    desk.does("take", json!({ "request": request }));
    desk.phase("with-caller");
    caller.nudge();
    caller.ends_well();
    desk.phase("ended");
}
