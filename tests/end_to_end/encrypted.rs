//! TLS and WebSocket: OpenSSL and a browser of our own making, and baresip by TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::desk::Desk;
use crate::phone::{Account, Answer, CALLER, Codecs, Host, PLAIN, Phone, USER};
use crate::place::Place;
use crate::sip::{self, Message, Wire};
use crate::switchboard::{PASSWORD, Switchboard};
use crate::web_socket::{Pipe, WebSocket};
use crate::witness::{Gets, judge, mark};

const SOUND: Codecs = Codecs { video: "", ..PLAIN };
const SIP: &str = "Sec-WebSocket-Protocol: sip\r\n";
/// What a browser writes in place of an address that it does not know.
const INVALID: &str = "df7jal23ls0d.invalid";

/// A switchboard that listens by everything, with more lines of configuration.
#[track_caller]
pub fn open(more: &str) -> Switchboard {
    Switchboard::open_with(&format!(
        "[sip]\nlisten = [\"udp:NETWORK.1:15060\", \"tcp:NETWORK.1:15060\", \"tls:NETWORK.1:15061\", \
         \"ws:NETWORK.1:15062\", \"wss:NETWORK.1:15063\"]\n{more}"
    ))
}

/// A desk by WebSocket under TLS.
pub fn desk_by_wss(board: &Switchboard, operator: &str) -> Desk {
    let pipe = Pipe::tls(at(board, 15063), &[], &board.place.directory("openssl"));
    let socket = WebSocket::open(pipe, SIP).unwrap_or_else(|said| panic!("{said}"));
    Desk::open(operator, PASSWORD, Wire::web(socket))
}

fn at(board: &Switchboard, port: u16) -> SocketAddr {
    SocketAddr::new(board.place.switchboard().ip(), port)
}

fn tls(board: &Switchboard, more: &[&str]) -> Pipe {
    Pipe::tls(at(board, 15061), more, &board.place.directory("openssl"))
}

fn options(branch: &str) -> Vec<u8> {
    Message::request("OPTIONS", "sip:cordboard.test")
        .with("Via", format!("SIP/2.0/TLS a.invalid;branch=z9hG4bK{branch}"))
        .with("Max-Forwards", "70")
        .with("From", "<sip:a@a.invalid>;tag=a")
        .with("To", "<sip:cordboard.test>")
        .with("Call-ID", branch)
        .with("CSeq", "1 OPTIONS")
        .to_bytes()
}

fn is_answered(pipe: &mut Pipe, branch: &str) -> bool {
    pipe.write(&options(branch));
    pipe.message().is_some_and(|answer| answer.status() == Some(200))
}

/// A certificate and its key, made by OpenSSL for this address.
fn pair(directory: &Path, name: &str, address: SocketAddr) -> (PathBuf, PathBuf) {
    let path = |end: &str| directory.join(format!("{name}.{end}"));
    let (certificate, key) = (path("crt"), path("key"));
    // Without the extensions of an authority, which the system's configuration has.
    let config = path("cnf");
    std::fs::write(&config, "[req]\ndistinguished_name = dn\n[dn]\n").expect("it is writable");
    let mut command = Command::new("openssl");
    command.args(["req", "-config"]).arg(&config).args([
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "60",
    ]);
    command.args(["-subj", &format!("/CN={name}"), "-out"]).arg(&certificate).arg("-keyout");
    command.arg(&key).args(["-addext", &format!("subjectAltName=IP:{}", address.ip())]);
    let made = command.output().expect("openssl is there: tests/run installs it");
    assert!(made.status.success(), "{made:?}");
    (certificate, key)
}

fn fingerprint(certificate: &Path) -> String {
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(certificate);
    let said = command.output().expect("openssl is there").stdout;
    let said = String::from_utf8(said).expect("it is text");
    said.trim().split_once('=').expect("`sha256 Fingerprint=…`").1.to_owned()
}

#[test]
fn a_certificate_is_made_and_shown_and_kept() {
    let mut board = open("");
    let own = board.data().join("tls.crt");
    let known = fingerprint(&own);
    // The sockets listen a moment before.
    crate::wait::until("its fingerprint in the log", std::time::Duration::from_secs(10), || {
        board.log().contains(&known).then_some(())
    });
    assert!(board.cli("status --format json").contains(&known));
    let ca = own.display().to_string();
    let ip = board.place.switchboard().ip().to_string();
    let verified = ["-verify_return_error", "-CAfile", &ca, "-verify_ip", &ip];
    for version in ["-tls1_2", "-tls1_3"] {
        let mut pipe = tls(&board, &[&verified[..], &[version]].concat());
        assert!(is_answered(&mut pipe, version), "{}", pipe.log());
    }
    // What is older, and what wants to negotiate anew.
    assert!(!is_answered(&mut tls(&board, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]), "old"));
    board.crash_and_restart();
    assert_eq!(fingerprint(&own), known);
    assert!(is_answered(&mut tls(&board, &verified), "again"));
}

/// Says that it is over, however it ends.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn new_files_hold_from_the_next_connection_on_and_none_is_lost() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let directory = place.path();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let (certificate, key) = pair(directory, "house", anywhere);
    let (second, second_key) = pair(directory, "second", anywhere);
    let first = fingerprint(&certificate);
    let board = open(&format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n"));
    let mut held: Vec<Pipe> = (0..8).map(|_| tls(&board, &[])).collect();
    assert!(held.iter_mut().all(|pipe| is_answered(pipe, "before")));
    let (over, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let log = board.place.directory("load");
    std::thread::scope(|scope| {
        let _over = OnDrop(&over);
        for worker in 0..2 {
            let (over, made, board, log) = (&over, &made, &board, &log);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let branch = format!("{worker}-{}", made.fetch_add(1, Ordering::Relaxed));
                    let directory = log.join(&branch);
                    std::fs::create_dir_all(&directory).expect("it is writable");
                    let mut pipe = Pipe::tls(at(board, 15061), &[], &directory);
                    assert!(is_answered(&mut pipe, &branch), "{branch}: {}", pipe.log());
                }
            });
        }
        let swap = |from: &Path, to: &Path| {
            std::fs::copy(from, to).expect("it is writable");
        };
        // Half of a pair: the old one stays.
        swap(&second, &certificate);
        let said = board.cli("reload");
        assert!(
            said.contains("the old certificate stays: ") && said.contains("house.key"),
            "{said}"
        );
        let (status, said) = board.try_cli("check");
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(": tls.key = ") && said.contains("not the key"), "{said}");
        let status = board.cli("status");
        assert!(
            status.contains(&first) && status.contains("the old certificate stays"),
            "{status}"
        );
        swap(&second_key, &key);
        board.cli("reload");
        let status = board.cli("status");
        assert!(status.contains(&fingerprint(&second)) && !status.contains("stays"), "{status}");
        let before = made.load(Ordering::Relaxed);
        crate::wait::until("some more connections", std::time::Duration::from_secs(10), || {
            (made.load(Ordering::Relaxed) > before + 4).then_some(())
        });
    });
    let ca = second.display().to_string();
    let mut new = tls(&board, &["-verify_return_error", "-CAfile", &ca]);
    assert!(is_answered(&mut new, "new"), "{}", new.log());
    assert!(held.iter_mut().all(|pipe| is_answered(pipe, "after")), "all go on as they began");
}

#[test]
fn with_client_ca_only_those_come_in_whom_it_has_signed() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let (certificate, key) = pair(place.path(), "phone", anywhere);
    let (other, other_key) = pair(place.path(), "other", anywhere);
    let board = open(&format!("[tls]\nclient_ca = {certificate:?}\n"));
    let show = |certificate: &Path, key: &Path| {
        let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
        is_answered(&mut tls(&board, &["-cert", &certificate, "-key", &key]), "x")
    };
    assert!(show(&certificate, &key));
    assert!(!show(&other, &other_key));
    assert!(!is_answered(&mut tls(&board, &[]), "y"));
    let status = board.cli("status");
    let failed = status.lines().find(|line| line.starts_with("failed_handshakes"));
    assert!(failed.is_some_and(|line| line.ends_with(" 2")), "{status}");
    // Browsers are not asked.
    let wss = Pipe::tls(at(&board, 15063), &[], &board.place.directory("openssl"));
    assert!(WebSocket::open(wss, SIP).is_ok());
}

#[test]
fn what_is_no_sip_of_ours_is_not_upgraded() {
    let board = open("[web]\norigins = [\"https://desk.example.com\"]\n");
    let ws = |headers: &str| WebSocket::open(Pipe::tcp(at(&board, 15062)), headers);
    let refused = |headers: &str| ws(headers).err().unwrap_or_default();
    assert!(refused("").starts_with("HTTP/1.1 400 "));
    assert!(refused("Sec-WebSocket-Protocol: xmpp\r\n").starts_with("HTTP/1.1 400 "));
    let from = |origin: &str| format!("{SIP}Origin: {origin}\r\n");
    assert!(refused(&from("https://evil.example")).starts_with("HTTP/1.1 403 "));
    assert!(ws(&from("https://desk.example.com")).is_ok());
    let mut socket = ws(&from("http://cordboard.test")).unwrap_or_else(|said| panic!("{said}"));
    socket.frame(0x89, b"there?");
    assert_eq!(socket.next_frame(), Some((0x0a, b"there?".to_vec())));
    socket.frame(0x81, b"\r\n\r\n");
    assert_eq!(socket.next_frame(), Some((1, b"\r\n".to_vec())));
    socket.frame(0x81, &[b'x'; 65_537]);
    let (opcode, payload) = socket.next_frame().expect("it is closed in order");
    assert_eq!((opcode, &payload[..2]), (8, &1009_u16.to_be_bytes()[..]));
}

/// A carrier at host 9 that OpenSSL is, with a certificate for this host; the switchboard registers there, and believes
/// whose certificate `ca` is.
fn carrier(ours_is_for: u8, ca: impl Fn(&Path) -> PathBuf) -> (Switchboard, Pipe, Place) {
    let place = Place::new();
    let (directory, there) = (place.directory("carrier"), place.host(9));
    let host = place.host(ours_is_for);
    let (certificate, key) = pair(&directory, "carrier", host);
    let [shown, with] = [&certificate, &key].map(|path| path.display().to_string());
    let server = Pipe::tls_server(there, &["-cert", &shown, "-key", &with], &directory);
    let ca = ca(&certificate);
    let board = open(&format!(
        "[tls]\nca = {ca:?}\n[[trunk]]\nname = \"carrier\"\naddress = [\"tls:{there}\"]\nuser = \"house\"\n\
         password = \"se.cret\"\nregister = true\n"
    ));
    (board, server, place)
}

#[test]
fn a_trunk_is_reached_by_tls() {
    let (board, mut carrier, _place) = carrier(9, Path::to_path_buf);
    let register = carrier.message().unwrap_or_else(|| panic!("{}", board.log()));
    assert!(register.start.starts_with("REGISTER sip:127."), "{register:?}");
    assert!(register.header("Via").is_some_and(|via| via.starts_with("SIP/2.0/TLS ")));
    assert!(register.header("Contact").is_some_and(|uri| uri.contains(";transport=tls")));
    let contact = register.header("Contact").unwrap_or_default().to_owned();
    let granted = register.response(200, "OK").with("Contact", contact).with("Expires", "600");
    carrier.write(&granted.to_bytes());
    crate::wait::until("its registration", std::time::Duration::from_secs(10), || {
        board.cli("status").contains("carrier: registered").then_some(())
    });
}

#[test]
fn a_trunk_whose_certificate_is_not_right_gets_nothing() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let (unknown, _) = pair(place.path(), "unknown", SocketAddr::from(([127, 0, 0, 1], 0)));
    for (ours_is_for, ca, said) in [
        (8, None, "its certificate is not for 127."),
        (9, Some(&unknown), "its certificate is signed by nobody whom we trust"),
    ] {
        let (board, _carrier, _place) =
            carrier(ours_is_for, |own| ca.cloned().unwrap_or_else(|| own.to_path_buf()));
        crate::wait::until(said, std::time::Duration::from_secs(10), || {
            board.log().contains(said).then_some(())
        });
        assert!(board.cli("status").contains("carrier: unreachable"), "{}", board.cli("status"));
    }
}

/// A browser's phone: it registers, and is called.
struct Browser {
    socket: WebSocket,
    sequence: u32,
    call_id: String,
}

impl Browser {
    fn open(board: &Switchboard) -> Browser {
        let pipe = Pipe::tls(at(board, 15063), &[], &board.place.directory("openssl"));
        let socket = WebSocket::open(pipe, SIP).unwrap_or_else(|said| panic!("{said}"));
        static PAGES: AtomicUsize = AtomicUsize::new(0);
        let call_id = format!("register-{}", PAGES.fetch_add(1, Ordering::Relaxed));
        let mut browser = Browser { socket, sequence: 0, call_id };
        browser.register();
        browser
    }

    fn register(&mut self) {
        let uri = "sip:cordboard.test";
        let mut credentials = None;
        loop {
            self.sequence += 1;
            let mut request = Message::request("REGISTER", uri)
                .with("Via", format!("SIP/2.0/WSS {INVALID};branch=z9hG4bKr{}", self.sequence))
                .with("Max-Forwards", "70")
                .with("From", "<sip:3002@cordboard.test>;tag=b")
                .with("To", "<sip:3002@cordboard.test>")
                .with("Call-ID", self.call_id.clone())
                .with("CSeq", format!("{} REGISTER", self.sequence))
                .with("Supported", "path, outbound")
                .with(
                    "Contact",
                    format!(
                        "<sip:k1@{INVALID};transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:8f1fa16a-1165-4a96-8341-785b1ef24f12>\""
                    ),
                );
            if let Some(credentials) = credentials.take() {
                request = request.with("Authorization", credentials);
            }
            self.socket.send(&request);
            let answer = self.socket.response();
            match answer.status() {
                Some(200) => return,
                Some(401) if self.sequence % 2 == 1 => {
                    // JsSIP knows MD5 alone, and the last challenge of several.
                    let challenges = answer.headers("WWW-Authenticate");
                    assert!(challenges.iter().all(|one| one.contains("algorithm=MD5")));
                    let proof = sip::authorization(&answer, "REGISTER", uri, "3002", PASSWORD);
                    credentials = Some(proof);
                }
                _ => panic!("{answer:?}"),
            }
        }
    }

    /// Answers the call that comes, with sound; its INVITE.
    fn answer(&mut self) -> Message {
        let invite = self.socket.request("INVITE");
        assert!(invite.start.contains(&format!("@{INVALID};transport=ws")), "{}", invite.start);
        let tagged = |mut response: Message| {
            let to = response.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("To"));
            to.expect("it is copied").1.push_str(";tag=callee");
            response.with("Contact", format!("<sip:k1@{INVALID};transport=ws>"))
        };
        self.socket.send(&tagged(invite.response(180, "Ringing")));
        // As a browser whose handshake is still to come.
        let fingerprint = [":42"; 32].concat();
        let body = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=mid:0\r\na=setup:active\r\n\
             a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
             a=fingerprint:sha-256 {}\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n",
            &fingerprint[1..]
        );
        self.socket.send(&tagged(invite.response(200, "OK")).with_body("application/sdp", body));
        let ack = self.socket.request("ACK");
        assert!(ack.start.contains(INVALID), "{}", ack.start);
        invite
    }

    /// It is told that the call is over.
    fn is_over(&mut self) {
        let bye = self.socket.request("BYE");
        self.socket.send(&bye.response(200, "OK"));
    }
}

#[test]
fn a_browser_registers_and_is_called_by_its_connection_or_the_next() {
    let board = open("");
    let mut browser = Browser::open(&board);
    let rows = board.cli("registrations --format json");
    assert!(rows.contains("WSS") && rows.contains(INVALID), "{rows}");
    let account = Account::Terminal { number: "3003", password: PASSWORD };
    let proxy = board.place.switchboard();
    let mut phone = Phone::start(&board.place, CALLER, SOUND, Answer::AtOnce, &account, proxy);
    phone.dial("sip:3002@cordboard.test");
    browser.answer();
    phone.await_event("CALL_ESTABLISHED");
    phone.hang_up();
    browser.is_over();
    // Again, and its page is loaded anew in the middle of the call.
    phone.dial("sip:3002@cordboard.test");
    browser.answer();
    phone.await_event("CALL_ESTABLISHED");
    let Browser { socket, .. } = browser;
    socket.close();
    let mut browser = Browser::open(&board);
    phone.hang_up();
    browser.is_over();
}

#[test]
fn a_phone_by_tls_calls_and_is_called() {
    let board = open("");
    let sealed = format!("{};transport=tls", at(&board, 15061));
    let plain = board.place.switchboard().to_string();
    let start = |party, number, proxy: &str| {
        let account = Account::Terminal { number, password: PASSWORD };
        Phone::start_at(Host::Ours, &board.place, party, SOUND, Answer::AtOnce, &account, &proxy)
    };
    let mut phones = [start(CALLER, "3003", &sealed), start(USER, "3002", &plain)];
    assert!(board.cli("registrations --format json").contains("\"TLS\""));
    for (calls, number) in [(0, "3002"), (1, "3003")] {
        phones[calls].dial(&format!("sip:{number}@cordboard.test"));
        for phone in &mut phones {
            phone.await_event("CALL_ESTABLISHED");
        }
        let mut both = phones.each_mut();
        let start = mark(&mut both);
        judge("talking", &start, &mut both, &[Gets::Voice(USER), Gets::Voice(CALLER)]);
        phones[calls].hang_up();
        phones[1 - calls].await_event("CALL_CLOSED");
    }
}
