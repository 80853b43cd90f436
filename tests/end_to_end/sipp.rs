//! SIPp as caller, phone and desk: the flows of `sipp-scenarios/`, message by message.
//!
//! A scenario enforces its own order of messages; what passed is read back from SIPp's log as a ladder,
//! so that a test can also say what must *not* have come. A scenario that waits for "now" gets it as a
//! MESSAGE from the test ([`Sipp::nudge`]): no fixed pauses.

mod consulting;
mod desk_program;
mod desks;
mod direct_calls;
mod h263_caller;
mod hands;
mod instrument;
mod queueing;
mod taking;
mod trunks_and_codes;

use std::collections::HashSet;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::place::Place;
use crate::program::Program;
use crate::sip::Message;
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;

/// Longer than the 30 s for which a consulted number rings.
const PATIENCE: Duration = Duration::from_secs(40);
/// A trunk in the test's own network, whose section goes on behind it.
pub const TRUNK: &str = "[[trunk]]\nname = \"carrier\"\naddress = [\"NETWORK.99:15060\"]\n";
/// Its host there.
pub const TRUNK_HOST: u8 = 99;
/// G.711 silence is 0xff; this is a coarse square wave of 500 Hz, audible and cheap.
const TONE: [u8; 16] =
    [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 16, 16, 16, 16, 16, 16, 16, 16];

/// Who SIPp plays.
#[derive(Clone, Copy)]
pub enum Who<'a> {
    /// A terminal or an operator of the switchboard.
    Account { name: &'a str, password: &'a str },
    /// Somebody from another domain.
    Guest(&'a str),
}

pub fn account(name: &str) -> Who<'_> {
    Who::Account { name, password: PASSWORD }
}

/// How one SIPp is started.
pub struct Role<'a> {
    pub scenario: &'a str,
    pub who: Who<'a>,
    /// Fields 2 and 3 of the scenario, its comment says what for.
    pub number: &'a str,
    pub extra: &'a str,
    pub tcp: bool,
}

/// A running SIPp.
pub struct Sipp {
    scenario: String,
    address: SocketAddr,
    program: Program,
    log: PathBuf,
}

impl Switchboard {
    /// Somebody of the other domain plays a scenario, calling `number`.
    #[track_caller]
    pub fn guest(&self, scenario: &str, number: &str) -> Sipp {
        self.play(&Role { scenario, who: Who::Guest("guest"), number, extra: "", tcp: false })
    }

    /// A terminal or an operator plays a scenario, calling (or registering) `number`.
    #[track_caller]
    pub fn terminal(&self, scenario: &str, own: &str, number: &str) -> Sipp {
        self.play(&Role { scenario, who: account(own), number, extra: "", tcp: false })
    }

    /// A phone registers as `number` and plays a scenario for the calls that come.
    #[track_caller]
    pub fn phone_at(&self, number: &str, scenario: &str) -> Sipp {
        let (address, peer) = (self.place.next_address(), self.place.switchboard());
        let role =
            |scenario| Role { scenario, who: account(number), number, extra: "", tcp: false };
        Sipp::start(&self.place, address, peer, &role("phone-registers")).ends_well();
        Sipp::start(&self.place, address, peer, &role(scenario))
    }

    /// Anybody plays anything.
    #[track_caller]
    pub fn play(&self, role: &Role) -> Sipp {
        Sipp::start(&self.place, self.place.next_address(), self.place.switchboard(), role)
    }
}

impl Sipp {
    #[track_caller]
    pub fn start(place: &Place, address: SocketAddr, peer: SocketAddr, role: &Role) -> Sipp {
        let sipp = Sipp::start_by(Command::new("sipp"), place, address, peer, role);
        sipp.await_socket(role.tcp);
        sipp
    }

    /// As [`start`](Self::start), by a command that ends with the program, such as one that brings it
    /// into another network.
    #[track_caller]
    pub fn start_by(
        mut command: Command,
        place: &Place,
        address: SocketAddr,
        peer: SocketAddr,
        role: &Role,
    ) -> Sipp {
        let directory = place.directory(role.scenario);
        let file = scenarios().join(format!("{}.xml", role.scenario));
        let (log, fields) = (directory.join("messages.log"), directory.join("fields.csv"));
        // Ten seconds of tone, played again and again.
        write(&directory.join("tone.ulaw"), &TONE.repeat(5000));
        for recording in ["ulaw", "pcap"].map(|kind| file.with_extension(kind)) {
            if let (true, Some(name)) = (recording.exists(), recording.file_name()) {
                fs::copy(&recording, directory.join(name)).expect("a recording can be copied");
            }
        }
        let (own, authentication) = match role.who {
            Who::Account { name, password } => (
                format!("{name}@cordboard.test"),
                format!("[authentication username={name} password={password}]"),
            ),
            Who::Guest(name) => (format!("{name}@elsewhere.example"), String::new()),
        };
        let line = format!("{own};{authentication};{};{};", role.number, role.extra);
        write(&fields, format!("SEQUENTIAL\n{line}\n").as_bytes());
        command
            .arg(peer.to_string())
            .arg("-sf")
            .arg(&file)
            .arg("-inf")
            .arg(&fields)
            .args(["-i", &address.ip().to_string(), "-p", &address.port().to_string()])
            .args(["-mi", &address.ip().to_string(), "-mp", "6000"])
            .args(["-m", "1", "-nostdin", "-timeout", "180s", "-timeout_error"])
            .args(["-trace_msg", "-message_file"])
            .arg(&log)
            .args(["-trace_err", "-error_file"])
            .arg(directory.join("errors.log"))
            .args(["-t", if role.tcp { "t1" } else { "u1" }])
            .current_dir(&directory);
        if role.scenario.starts_with("desk-") {
            // Events come when they come; one for which the scenario is not ready comes again.
            command.args(["-default_behaviors", "all,-abortunexp"]);
        }
        let program = Program::start(role.scenario, &mut command, &directory.join("log"));
        Sipp { scenario: role.scenario.to_owned(), address, program, log }
    }

    /// Waits until the scenario is through; it must have gone as written.
    ///
    /// # Panics
    /// With the ladder that really happened.
    #[track_caller]
    pub fn ends_well(&mut self) -> String {
        let status = wait::within(PATIENCE, || self.program.ended());
        let ladder = self.ladder();
        let errors = fs::read_to_string(self.log.with_file_name("errors.log")).unwrap_or_default();
        assert_eq!(
            status,
            Some(0),
            "{} did not go as written; there passed:\n{ladder}\n{errors}",
            self.scenario
        );
        ladder
    }

    /// Waits until a line of the ladder begins so, such as `<- 182`.
    #[track_caller]
    pub fn awaits(&mut self, rung: &str) {
        let found = wait::within(PATIENCE, || self.has(rung).then_some(()));
        let ladder = self.ladder();
        assert!(
            found.is_some(),
            "{} waited in vain for {rung}; there passed:\n{ladder}",
            self.scenario
        );
    }

    /// Waits until the call stands: a 200 to an INVITE has passed, and its ACK.
    #[track_caller]
    pub fn awaits_conversation(&mut self) {
        let stands = |messages: &[(String, Message)]| {
            let acked =
                |n| messages.iter().any(|(_, m)| m.header("CSeq") == Some(&format!("{n} ACK")));
            messages.iter().any(|(_, m)| is_answer(m) && acked(m.sequence()))
        };
        let found = wait::within(PATIENCE, || stands(&self.messages()).then_some(()));
        assert!(found.is_some(), "{} has no conversation:\n{}", self.scenario, self.ladder());
    }

    /// Has a message passed whose line in the ladder begins so?
    pub fn has(&self, rung: &str) -> bool {
        self.ladder().lines().any(|line| line.starts_with(rung))
    }

    /// The first message, in or out, whose line in the ladder begins so.
    #[track_caller]
    pub fn message(&self, rung: &str) -> Message {
        let mut messages = self.messages().into_iter();
        let found = messages.find(|(line, _)| line.starts_with(rung));
        found.unwrap_or_else(|| panic!("no {rung} in\n{}", self.ladder())).1
    }

    /// Tells the scenario that it is time: a MESSAGE with its Call-ID.
    #[track_caller]
    pub fn nudge(&mut self) {
        self.nudge_with("now");
    }

    /// Tells the scenario that it is time, and what for. A call that was answered is nudged once it
    /// stands: SIPp takes what it does not yet expect for an error.
    #[track_caller]
    pub fn nudge_with(&mut self, text: &str) {
        if self.messages().iter().any(|(_, m)| is_answer(m)) {
            self.awaits_conversation();
        }
        let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
        socket.send_to(&self.nudge_of(text), self.address).expect("loopback has a route");
    }

    /// As [`nudge`](Self::nudge), from within another network, by a shell there.
    #[track_caller]
    pub fn nudge_by(&mut self, mut shell: Command) {
        let file = self.log.with_file_name("nudge");
        write(&file, &self.nudge_of("now"));
        let way = format!("/dev/udp/{}/{}", self.address.ip(), self.address.port());
        let done = shell.args(["-c", "cat \"$0\" > \"$1\""]).arg(&file).arg(way).status();
        assert!(done.is_ok_and(|status| status.success()), "a shell can send a datagram");
    }

    /// What it has received, message by message.
    pub fn heard(&self) -> Vec<String> {
        let all = self.messages().into_iter().filter(|(line, _)| line.starts_with("<-"));
        all.map(|(_, m)| String::from_utf8_lossy(&m.to_bytes()).replace('\r', "")).collect()
    }

    #[track_caller]
    fn nudge_of(&self, text: &str) -> Vec<u8> {
        let messages = self.messages();
        let call_id = messages.iter().find_map(|(_, m)| m.header("Call-ID"));
        let call_id = call_id.expect("a scenario is nudged in the middle of a call").to_owned();
        let nudge = Message::request("MESSAGE", &format!("sip:{}", self.address))
            .with("Via", format!("SIP/2.0/UDP {};branch=z9hG4bK-nudge", self.address))
            .with("From", "<sip:test@localhost>;tag=nudge")
            .with("To", "<sip:test@localhost>")
            .with("Call-ID", call_id)
            .with("CSeq", "1 MESSAGE")
            .with_body("text/plain", text);
        nudge.to_bytes()
    }

    /// What has passed so far: one line per message, without repetitions and without 100.
    pub fn ladder(&self) -> String {
        let lines = self.messages().into_iter().map(|(line, _)| line);
        lines.filter(|line| !line.starts_with("<- 100")).map(|line| line + "\n").collect()
    }

    /// Every message with its line in the ladder; a repeated one counts once.
    fn messages(&self) -> Vec<(String, Message)> {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut seen = HashSet::new();
        let mut messages = Vec::new();
        for entry in text.split("-----------------------------------------------").skip(1) {
            let Some((head, rest)) = entry.split_once("\n\n") else { continue };
            let arrow = if head.contains("message received") { "<-" } else { "->" };
            // SIPp logs line ends as they are; a stray one-byte line ends the entry.
            let Some(message) = Message::parse(rest.trim_start().as_bytes()) else { continue };
            if !seen.insert((arrow, rest.to_owned())) {
                continue;
            }
            let what = match message.status() {
                Some(_) => message.start.trim_start_matches("SIP/2.0 ").to_owned(),
                None => message.method().unwrap_or_default().to_owned(),
            };
            messages.push((format!("{arrow} {what}"), message));
        }
        messages
    }

    /// Waits until SIPp has opened its socket: the kernel's table names it.
    #[track_caller]
    fn await_socket(&self, tcp: bool) {
        if tcp {
            return; // A caller over TCP listens nowhere.
        }
        let SocketAddr::V4(v4) = self.address else { panic!("the tests live in IPv4") };
        let key = format!("{:08X}:{:04X}", u32::from_le_bytes(v4.ip().octets()), v4.port());
        let up = wait::within(PATIENCE, || {
            let table = fs::read_to_string("/proc/net/udp").expect("Linux has /proc");
            (table.contains(&key) || self.log.exists()).then_some(())
        });
        assert!(up.is_some(), "SIPp does not start: {}", self.program.last_words());
    }
}

/// The scenario went exactly so: the whole ladder, a `#` begins a remark, a line may stop early.
#[track_caller]
pub fn assert_ladder(really: &str, expected: &str) {
    let lines = expected.lines().map(|l| l.split('#').next().unwrap_or("").trim());
    let expected: Vec<&str> = lines.filter(|l| !l.is_empty()).collect();
    let rungs: Vec<&str> = really.lines().collect();
    let same = rungs.len() == expected.len()
        && rungs.iter().zip(&expected).all(|(rung, line)| rung.starts_with(line));
    assert!(same, "expected\n{}\nbut there passed\n{really}", expected.join("\n"));
}

/// Is it the 200 to an INVITE?
fn is_answer(message: &Message) -> bool {
    let to_invite = message.header("CSeq").is_some_and(|c| c.ends_with("INVITE"));
    message.status() == Some(200) && to_invite
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios")
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("the test's directory is writable");
}
