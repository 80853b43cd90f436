//! A real phone: baresip 1.0.0 without a screen, driven over its ctrl_tcp module.
//!
//! Its microphone is a WAV file with the party's tone, its camera a film of the party's colour. What it
//! receives is recorded by the sndfile filter and photographed by the snapshot filter, both after
//! decoding. RTP leaves from 127.0.0.1 whatever address SIP uses, so all phones live there and differ
//! by port, but for those that have a network of their own.

use std::collections::VecDeque;
use std::fmt::Display;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::namespace::Namespace;
use crate::picture::{self, Colour};
use crate::place::Place;
use crate::ports::free_address;
use crate::program::Program;
use crate::tone::{self, Recording};
use crate::wait;

const MODULES: &str = "/usr/lib/baresip/modules";
const PATIENCE: Duration = Duration::from_secs(10);
/// baresip tries to register again 30 to 60 s after a challenge that it cannot answer.
const REGISTRATION: Duration = Duration::from_secs(65);
const TONE_SECONDS: u32 = 180; // A call that outlives its microphone is torn down by baresip.
/// Longer than any call: after it has rewound the film, baresip 1.0.0 sends nothing for as long as that was.
const CLIP_SECONDS: u32 = 180;

/// Who is heard and seen as what.
#[derive(Clone, Copy, Debug)]
pub struct Party {
    pub name: &'static str,
    pub tone: f64,
    pub colour: Colour,
}

// Tones above any melody and no multiples of each other, all within G.711's band.
pub const CALLER: Party = Party { name: "caller", tone: 1930.0, colour: Colour([220, 30, 30]) };
pub const OPERATOR: Party = Party { name: "operator", tone: 2410.0, colour: Colour([30, 200, 30]) };
pub const USER: Party = Party { name: "user", tone: 2890.0, colour: Colour([30, 30, 220]) };
pub const SECOND_CALLER: Party =
    Party { name: "second-caller", tone: 2170.0, colour: Colour([220, 30, 220]) };
pub const SECOND_USER: Party =
    Party { name: "second-user", tone: 2650.0, colour: Colour([30, 200, 220]) };
pub const PARTIES: [Party; 5] = [CALLER, OPERATOR, USER, SECOND_CALLER, SECOND_USER];

/// What the phone can do; empty video means a phone without a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codecs {
    pub audio: &'static str,
    pub video: &'static str,
    pub size: &'static str,
    /// It speaks under SRTP only.
    pub sealed: bool,
    /// Its signalling goes by TCP.
    pub tcp: bool,
    /// It checks its ways to whom it talks to (ICE).
    pub checks: bool,
    /// It speaks under keys that a handshake gives (DTLS), as browsers do.
    pub handshakes: bool,
}

pub const PLAIN: Codecs = Codecs {
    audio: "PCMU",
    video: "H264",
    size: "352x288",
    sealed: false,
    tcp: false,
    checks: false,
    handshakes: false,
};

/// How the phone meets a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    AtOnce,
    WhenTold,
}

/// An account: a number with its password, or nobody the switchboard knows.
pub enum Account<'a> {
    Terminal {
        number: &'a str,
        password: &'a str,
    },
    Guest {
        name: &'a str,
    },
    /// No registrar and no proxy: calls go straight to the address dialled.
    Direct {
        name: &'a str,
    },
}

/// The machine that a phone runs on.
#[derive(Clone, Copy)]
pub enum Host<'a> {
    Ours,
    /// One of another network, and its address there.
    Apart(&'a Namespace, IpAddr),
}

impl Host<'_> {
    pub fn command(self, program: &str) -> Command {
        match self {
            Host::Ours => Command::new(program),
            Host::Apart(namespace, _) => namespace.command(program),
        }
    }

    pub fn reach(self, address: SocketAddr) -> Option<TcpStream> {
        match self {
            Host::Ours => TcpStream::connect(address).ok(),
            Host::Apart(namespace, _) => namespace.reach(address),
        }
    }

    fn free_address(self) -> SocketAddr {
        let free = free_address();
        match self {
            Host::Ours => free,
            Host::Apart(_, address) => SocketAddr::new(address, free.port()),
        }
    }
}

/// A running phone.
pub struct Phone {
    pub party: Party,
    pub sip: SocketAddr,
    has_screen: bool,
    program: Program,
    control: TcpStream,
    inbox: Vec<u8>,
    events: VecDeque<Value>,
    directory: PathBuf,
    pictures: u32,
    /// A picture that was asked for but whose frame has not come.
    awaited: Option<PathBuf>,
}

impl Phone {
    /// Starts a phone whose account lives at `proxy`.
    pub fn start(
        place: &Place,
        party: Party,
        codecs: Codecs,
        answer: Answer,
        account: &Account,
        proxy: SocketAddr,
    ) -> Phone {
        Phone::start_at(Host::Ours, place, party, codecs, answer, account, &proxy)
    }

    /// As [`start`](Self::start), on that machine; parameters such as `;transport=tcp` may follow the address.
    pub fn start_at(
        host: Host,
        place: &Place,
        party: Party,
        codecs: Codecs,
        answer: Answer,
        account: &Account,
        proxy: &dyn Display,
    ) -> Phone {
        let directory = place.directory(party.name);
        let (sip, control) = (host.free_address(), free_address());
        tone::write_wav(&directory.join("tone.wav"), party.tone, TONE_SECONDS);
        if !codecs.video.is_empty() {
            let clip = directory.join("film.avi");
            picture::write_clip(&clip, party.colour, codecs.size, CLIP_SECONDS);
        }
        write(&directory.join("config"), &config(&directory, sip, control, codecs));
        write(&directory.join("accounts"), &account_line(account, answer, codecs, sip, proxy));
        write(&directory.join("contacts"), "");
        let mut command = host.command("baresip");
        command.arg("-s").arg("-v").arg("-f").arg(&directory).current_dir(&directory);
        let program = Program::start(party.name, &mut command, &directory.join("log"));
        let control = wait::until("baresip's control port", PATIENCE, || host.reach(control));
        control.set_nonblocking(true).expect("a socket can be made non-blocking");
        let mut phone = Phone {
            party,
            sip,
            has_screen: !codecs.video.is_empty(),
            program,
            control,
            inbox: Vec::new(),
            events: VecDeque::new(),
            directory,
            pictures: 0,
            awaited: None,
        };
        if let Account::Terminal { .. } = account {
            phone.await_registration();
        }
        phone
    }

    /// Dials a number or an address.
    pub fn dial(&mut self, whom: &str) {
        self.command("dial", whom);
    }

    /// Answers the call that rings.
    pub fn accept(&mut self) {
        self.command("accept", "");
    }

    pub fn hang_up(&mut self) {
        self.command("hangup", "");
    }

    /// Presses keys during a call (RFC 4733 events).
    pub fn press(&mut self, keys: &str) {
        self.command("sndcode", keys);
    }

    /// Waits for an event such as `CALL_RINGING`, `CALL_ESTABLISHED` or `CALL_CLOSED`; events before it
    /// are forgotten.
    #[track_caller]
    pub fn await_event(&mut self, kind: &str) -> Value {
        let found = wait::within(PATIENCE, || {
            self.read_events();
            while let Some(event) = self.events.pop_front() {
                if event["type"] == kind {
                    return Some(event);
                }
            }
            None
        });
        found.unwrap_or_else(|| {
            panic!("{} never reported {kind}\n{}", self.party.name, self.program.last_words())
        })
    }

    /// Has such an event come since the last one that was awaited?
    pub fn has_reported(&mut self, kind: &str) -> bool {
        self.read_events();
        self.events.iter().any(|event| event["type"] == kind)
    }

    /// The recording of what it hears in its current call, once there is one.
    pub fn recording(&self) -> Option<Recording> {
        let entries = fs::read_dir(&self.directory).expect("the phone's directory is there");
        let mut files: Vec<PathBuf> = entries
            .map(|e| e.expect("the phone's directory can be listed").path())
            .filter(|p| p.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        files.sort();
        files.last().map(|path| Recording::new(path))
    }

    /// Takes a picture of the next frame it decodes, if one comes within `limit`.
    pub fn look(&mut self, limit: Duration) -> Option<Colour> {
        self.aim();
        let path = self.awaited.take()?;
        let colour = wait::within(limit, || picture::colour(&path));
        if colour.is_none() {
            self.awaited = Some(path);
        }
        colour
    }

    /// Has it take a picture of the next frame that it decodes, for the next look at it.
    pub fn aim(&mut self) {
        if !self.has_screen || self.awaited.is_some() {
            return;
        }
        self.pictures += 1;
        let path = self.directory.join(format!("seen-{}.png", self.pictures));
        self.command("snapshot_recv", &path.to_string_lossy());
        self.awaited = Some(path);
    }

    /// Every point of the next frame that it decodes.
    #[track_caller]
    pub fn photograph(&mut self) -> Vec<[u8; 3]> {
        self.pictures += 1;
        let path = self.directory.join(format!("photo-{}.png", self.pictures));
        self.command("snapshot_recv", &path.to_string_lossy());
        wait::until("a picture", PATIENCE, || picture::points(&path))
    }

    /// Forgets a picture that was asked for earlier and has meanwhile been taken.
    pub fn look_afresh(&mut self) {
        if let Some(path) = self.awaited.take()
            && !path.exists()
        {
            self.awaited = Some(path);
        }
    }

    /// Everything it printed of SIP, for assertions about headers.
    pub fn trace(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.join("log")).unwrap_or_default())
            .into_owned()
    }

    #[track_caller]
    fn await_registration(&mut self) {
        let done = wait::within(REGISTRATION, || {
            let trace = self.trace();
            // The status line of its -v output: "3001@cordboard.test: {0/UDP/v4} 200 OK () [1 binding]".
            trace.contains("200 OK () [").then_some(())
        });
        assert!(
            done.is_some(),
            "{} cannot register\n{}",
            self.party.name,
            self.program.last_words()
        );
    }

    fn command(&mut self, name: &str, parameters: &str) {
        let text = serde_json::json!({ "command": name, "params": parameters }).to_string();
        let frame = format!("{}:{text},", text.len());
        self.control.write_all(frame.as_bytes()).expect("baresip listens");
    }

    /// Reads what came over the control connection: netstrings of JSON.
    fn read_events(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.control.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.inbox.extend_from_slice(&buffer[..length]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => panic!("{} is gone: {e}\n{}", self.party.name, self.program.last_words()),
            }
        }
        while let Some(colon) = self.inbox.iter().position(|b| *b == b':') {
            let length: usize = std::str::from_utf8(&self.inbox[..colon])
                .ok()
                .and_then(|text| text.trim_start_matches([',', '\n']).parse().ok())
                .expect("baresip frames its messages as netstrings");
            let end = colon + 1 + length;
            if self.inbox.len() <= end {
                break;
            }
            let text = &self.inbox[colon + 1..end];
            let message: Value = serde_json::from_slice(text).expect("baresip speaks JSON");
            self.inbox.drain(..=end);
            if message["event"] == true && message["type"] != "CALL_RTCP" {
                self.events.push_back(message);
            }
        }
    }
}

fn config(directory: &Path, sip: SocketAddr, control: SocketAddr, codecs: Codecs) -> String {
    let here = directory.display();
    let mut modules = vec!["aufile", "aubridge", "sndfile", "ctrl_tcp"];
    let wants = |names: &str, name: &str| names.split(',').any(|n| n.eq_ignore_ascii_case(name));
    for (codec, module) in [("PCMU", "g711"), ("PCMA", "g711"), ("G722", "g722"), ("opus", "opus")]
    {
        if wants(codecs.audio, codec) && !modules.contains(&module) {
            modules.push(module);
        }
    }
    for (codec, module) in [("H264", "avcodec"), ("H263", "avcodec"), ("VP8", "vp8")] {
        if wants(codecs.video, codec) {
            modules.push(module);
        }
    }
    if codecs.sealed {
        modules.push("srtp");
    }
    if codecs.handshakes {
        modules.push("dtls_srtp");
    }
    if codecs.checks || codecs.handshakes {
        modules.push("ice");
    }
    let mux = if codecs.handshakes { "rtcp_mux yes\n" } else { "" };
    if !codecs.video.is_empty() {
        modules.extend(["avformat", "fakevideo", "snapshot"]);
    }
    let modules: String = modules.iter().map(|m| format!("module {m}.so\n")).collect();
    format!(
        "poll_method epoll\n\
         sip_listen {sip}\n\
         sip_trans_def udp\n\
         net_interface {address}\n\
         audio_source aufile,{here}/tone.wav\n\
         audio_player aubridge,nobody\n\
         audio_alert aubridge,nobody\n\
         ausrc_srate {rate}\n\
         ausrc_channels 1\n\
         rtp_ports 30000-39999\n\
         jitter_buffer_delay 0-0\n\
         video_source avformat,{here}/film.avi\n\
         video_display fakevideo,nobody\n\
         video_size {size}\n\
         video_fps 10\n\
         video_bitrate 200000\n\
         snd_path {here}\n\
         ctrl_tcp_listen {control}\n\
         module_path {MODULES}\n\
         {mux}{modules}\
         module_app account.so\n\
         module_app menu.so\n",
        address = sip.ip(),
        rate = tone::PLAYED_HZ,
        size = codecs.size,
    )
}

fn account_line(
    account: &Account,
    answer: Answer,
    codecs: Codecs,
    sip: SocketAddr,
    proxy: &dyn Display,
) -> String {
    let mode = match answer {
        Answer::AtOnce => "auto",
        Answer::WhenTold => "manual",
    };
    let proxy = if codecs.tcp { format!("{proxy};transport=tcp") } else { proxy.to_string() };
    let (who, rest) = match account {
        Account::Terminal { number, password } => (
            format!("{number}@cordboard.test"),
            format!(";auth_user={number};auth_pass={password};regint=60;outbound=\"sip:{proxy}\""),
        ),
        Account::Guest { name } => {
            (format!("{name}@elsewhere.example"), format!(";regint=0;outbound=\"sip:{proxy}\""))
        }
        Account::Direct { name } => (format!("{name}@{sip}"), ";regint=0".to_owned()),
    };
    // The module that brings H.263 brings H.264, too.
    let only = if codecs.video == "H263" { ";video_codecs=H263" } else { "" };
    let sealed = match (codecs.sealed, codecs.handshakes) {
        (_, true) => ";mediaenc=dtls_srtp",
        (true, false) => ";mediaenc=srtp-mand",
        (false, false) => "",
    };
    let checks = if codecs.checks || codecs.handshakes { ";medianat=ice" } else { "" };
    format!("<sip:{who}>;answermode={mode}{only}{sealed}{checks}{rest}\n")
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the phone's directory is writable");
}
