//! How the switchboard ends, by each signal and in each order; and what stays open when a service manager starts it
//! again.

use std::fs;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::sip::{Message, Wire, authorization};
use crate::switchboard::{BINARY, PASSWORD, Switchboard};
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(10);
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";

/// A caller, or a phone that registers.
struct Peer {
    wire: Wire,
    sequence: u32,
}

impl Peer {
    fn udp(board: &Switchboard) -> Peer {
        Peer { wire: Wire::udp(board.place.next_address(), board.place.switchboard()), sequence: 0 }
    }

    fn tcp(board: &Switchboard) -> Peer {
        Peer { wire: Wire::tcp(board.place.switchboard()), sequence: 0 }
    }

    /// A request that begins something, or belongs to what it began when `to_tag` says so.
    fn request(
        &mut self,
        board: &Switchboard,
        method: &str,
        number: &str,
        to_tag: &str,
    ) -> Message {
        self.sequence += 1;
        let (own, transport) = (self.wire.local(), self.wire.name());
        let uri = format!("sip:{number}@{}", board.place.switchboard());
        let branch = format!("z9hG4bK{method}{}{}", own.port(), self.sequence);
        let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        Message::request(method, &uri)
            .with("Via", format!("SIP/2.0/{transport} {own};branch={branch}"))
            .with("From", format!("<sip:{number}@cordboard.test>;tag=a"))
            .with("To", format!("<sip:{number}@cordboard.test>{tag}"))
            .with("Call-ID", format!("{own}"))
            .with("CSeq", format!("{} {method}", self.sequence))
            .with("Max-Forwards", "70")
            .with("Contact", format!("<sip:{number}@{own};transport={transport}>"))
    }

    fn send(&mut self, message: &Message) {
        self.wire.send(&message.to_bytes());
    }

    /// The next final response.
    #[track_caller]
    fn final_response(&mut self) -> Message {
        wait::until("a final response", PATIENCE, || {
            let message = self.wire.receive().expect("the connection is open")?;
            message.status().is_some_and(|status| status >= 200).then_some(message)
        })
    }

    #[track_caller]
    fn asks(&mut self, board: &Switchboard) -> u16 {
        let options = self.request(board, "OPTIONS", "9000", "");
        self.send(&options);
        self.final_response().status().expect("it is a response")
    }

    #[track_caller]
    fn registers(&mut self, board: &Switchboard, number: &str) {
        let first = self.request(board, "REGISTER", number, "");
        self.send(&first);
        let challenge = self.final_response();
        assert_eq!(challenge.status(), Some(401));
        let uri = format!("sip:{number}@{}", board.place.switchboard());
        let login = authorization(&challenge, "REGISTER", &uri, number, PASSWORD);
        let second = self.request(board, "REGISTER", number, "").with("Authorization", login);
        self.send(&second);
        assert_eq!(self.final_response().status(), Some(200));
    }

    /// Calls the queue as a guest and waits in it; the tag of the switchboard.
    #[track_caller]
    fn calls(&mut self, board: &Switchboard) -> Result<String, Message> {
        let invite = self.request(board, "INVITE", "9000", "");
        let invite = replaced(invite, "From", "<sip:eve@elsewhere.example>;tag=a");
        self.send(&invite.with_body("application/sdp", SDP));
        let response = self.final_response();
        let to = response.header("To").expect("it has one").to_owned();
        let tag = to.split_once("tag=").expect("it has a tag").1.to_owned();
        self.sequence -= 1;
        let ack = self.request(board, "ACK", "9000", &tag);
        self.send(&replaced(ack, "From", "<sip:eve@elsewhere.example>;tag=a"));
        match response.status() {
            Some(200) => Ok(tag),
            _ => Err(response),
        }
    }

    #[track_caller]
    fn hangs_up(&mut self, board: &Switchboard, tag: &str) {
        let bye = self.request(board, "BYE", "9000", tag);
        self.send(&replaced(bye, "From", "<sip:eve@elsewhere.example>;tag=a"));
        assert_eq!(self.final_response().status(), Some(200));
    }

    /// Whether it is hung up on, with a reason, within a while.
    fn is_hung_up(&mut self, patience: Duration) -> bool {
        let bye = wait::within(patience, || {
            let message = self.wire.receive().ok()??;
            (message.method() == Some("BYE")).then_some(message)
        });
        bye.is_some_and(|bye| {
            assert!(bye.header("Reason").is_some(), "{bye:?}");
            self.send(&bye.response(200, "OK"));
            true
        })
    }
}

fn replaced(mut message: Message, name: &str, value: &str) -> Message {
    let line = message.headers.iter_mut().find(|(n, _)| n == name).expect("it has one");
    line.1 = value.to_owned();
    message
}

#[track_caller]
fn ends(board: &mut Switchboard) {
    let status = wait::until("the end", PATIENCE, || board.ended());
    assert_eq!(status, 0, "{}", board.last_words());
}

fn state(board: &Switchboard) -> String {
    let status = board.cli("status");
    let line = status.lines().find(|line| line.starts_with("state")).expect("status has it");
    line.split_whitespace().nth(1).expect("it has a value").to_owned()
}

#[test]
fn who_is_told_to_stop_refuses_new_calls_and_waits_for_those_that_are_there() {
    let mut board = Switchboard::open();
    let _desk = board.desk("op1");
    let mut caller = Peer::udp(&board);
    let tag = caller.calls(&board).expect("it waits");
    assert_eq!(state(&board), "serving");
    board.terminate();
    wait::until("draining", PATIENCE, || (state(&board) == "draining").then_some(()));
    let refusal = Peer::udp(&board).calls(&board).expect_err("no new call");
    assert_eq!((refusal.status(), refusal.header("Retry-After")), (Some(503), Some("30")));
    Peer::tcp(&board).registers(&board, "3002");
    assert_eq!(board.ended(), None);
    caller.hangs_up(&board, &tag);
    ends(&mut board);
}

#[test]
fn a_second_signal_and_the_end_of_the_time_end_the_calls_with_a_reason() {
    for (drain, signals) in [
        ("", &["TERM", "TERM"][..]),
        ("", &["TERM", "INT"]),
        ("", &["INT"]),
        ("drain = \"1s\"\n", &["TERM"]),
    ] {
        let mut board = Switchboard::open_with(drain);
        let _desk = board.desk("op1");
        let mut caller = Peer::udp(&board);
        caller.calls(&board).expect("it waits");
        for (at, signal) in signals.iter().enumerate() {
            // Two signals of one kind that come at once are one.
            if at > 0 {
                wait::until("draining", PATIENCE, || (state(&board) == "draining").then_some(()));
            }
            board.signal(signal);
        }
        assert!(caller.is_hung_up(PATIENCE), "{signals:?}");
        ends(&mut board);
    }
}

#[test]
fn who_leaves_for_the_next_process_tells_nobody() {
    for signals in [&["USR1"][..], &["TERM", "USR1"], &["USR1", "TERM", "INT"]] {
        let mut board = Switchboard::open();
        let _desk = board.desk("op1");
        let mut caller = Peer::udp(&board);
        caller.calls(&board).expect("it waits");
        for signal in signals {
            if *signal == "USR1" && signals[0] == "TERM" {
                wait::until("draining", PATIENCE, || (state(&board) == "draining").then_some(()));
            }
            // Whoever has ended hears nothing more.
            let _ = board.try_signal(signal);
        }
        ends(&mut board);
        assert!(!caller.is_hung_up(Duration::from_millis(100)), "{signals:?}");
        assert!(!board.data().join("cordboard.running").exists(), "it is no crash");
    }
}

/// Only what ends the process from within, again and again, costs a call.
#[test]
fn who_is_killed_again_and_again_while_it_sleeps_or_starts_loses_no_call() {
    let mut board = Switchboard::open();
    let _desk = board.desk("op1");
    let mut caller = Peer::udp(&board);
    let tag = caller.calls(&board).expect("it waits");
    board.await_written();
    for _ in 0..5 {
        board.crash_and_restart();
    }
    assert!(!caller.is_hung_up(Duration::from_millis(100)));
    caller.hangs_up(&board, &tag);
}

#[test]
fn a_signal_during_the_start_is_no_crash() {
    for signal in ["TERM", "INT", "USR1"] {
        let mut board = Switchboard::open();
        board.crash();
        let running = board.data().join("cordboard.running");
        fs::remove_file(&running).expect("it was killed");
        board.start_again();
        // It hears signals from before it says that it runs.
        wait::until("the start", PATIENCE, || running.exists().then_some(()));
        board.signal(signal);
        ends(&mut board);
        assert!(!running.exists());
    }
}

// ---- with a service manager ----

/// What a service manager of the tests keeps in its directory.
pub struct Kept(PathBuf);

impl Kept {
    pub fn open() -> (Kept, Switchboard) {
        let mut kept = None;
        let board = Switchboard::open_by("", |place| {
            let directory = place.directory("manager");
            let script =
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/end_to_end/service_manager.py");
            let mut command = Command::new("/usr/bin/python3");
            command.arg(script).arg(&directory).arg("1").arg(BINARY);
            kept = Some(Kept(directory));
            command
        });
        (kept.expect("it was made"), board)
    }

    pub fn pid(&self) -> String {
        fs::read_to_string(self.0.join("pid")).expect("the program was started")
    }

    pub fn store(&self) -> Vec<String> {
        let names = fs::read_to_string(self.0.join("store")).unwrap_or_default();
        names.lines().map(str::to_owned).collect()
    }

    fn signal(&self, name: &str) {
        let pid = self.pid();
        let killed = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(killed.is_ok_and(|status| status.success()), "it runs");
    }

    /// Ends the program by a signal; returns once it has ended and nobody has started it again.
    pub fn end_by(&self, name: &str) {
        let proc = PathBuf::from(format!("/proc/{}", self.pid()));
        self.signal(name);
        wait::until("the end", PATIENCE, || (!proc.exists()).then_some(()));
    }
}

#[test]
fn sockets_outlive_every_end_of_the_process() {
    let (kept, board) = Kept::open();
    let (mut phone, mut caller) = (Peer::tcp(&board), Peer::udp(&board));
    phone.registers(&board, "3002");
    wait::until("the phone's connection in the store", PATIENCE, || {
        kept.store().iter().any(|name| name.starts_with("flow-")).then_some(())
    });
    let mut store = kept.store();
    store.sort();
    let relay = (board.place.switchboard().ip(), 14_000);
    let other = UdpSocket::bind((relay.0, 0)).expect("there is a free port");
    other.connect(relay).expect("loopback has a route");
    for signal in ["KILL", "USR1", "KILL", "ABRT"] {
        let before = kept.pid();
        // Half of what the phone asks comes before the end, and half after it.
        let options = phone.request(&board, "OPTIONS", "9000", "").to_bytes();
        phone.wire.send(&options[..60]);
        kept.end_by(signal);
        phone.wire.send(&options[60..]);
        let asked = caller.request(&board, "OPTIONS", "9000", "");
        caller.send(&asked);
        other.send(b"not refused").expect("it is sent");
        assert_eq!(kept.pid(), before, "nobody runs now");
        assert_eq!(caller.final_response().status(), Some(200), "{signal}");
        assert_eq!(phone.final_response().status(), Some(200), "{signal}");
        other.set_nonblocking(true).expect("it can be");
        let refused = other.recv(&mut [0; 8]).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::WouldBlock), "the relay's port is bound");
        assert_ne!(kept.pid(), before);
        assert_eq!((phone.asks(&board), caller.asks(&board)), (200, 200));
        assert!(board.cli("registrations").contains("3002"), "it need not register again");
        let mut now = kept.store();
        now.sort();
        assert_eq!(now, store, "nothing is stored twice");
    }
    // What the phone leaves is gone from the store, too.
    drop(phone);
    wait::until("the end of the connection", PATIENCE, || {
        kept.store().iter().all(|name| !name.starts_with("flow-")).then_some(())
    });
}
