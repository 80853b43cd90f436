//! What many waiting callers cost: music and a picture of their own position for each.
//!
//! `cargo bench --bench waiting [CALLERS [SECONDS]]`. The relay's packets are really sent, each to a
//! socket that drops them; CPU is that of the relay's thread, the coding of the pictures is told apart.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{
    self, BitrateFeedback, Channel, Command, Event, Job, KeyFrameFeedback, Machine, MediaPath,
    Outgoing, PayloadFormat, PictureLimits, Plan, PromptMessage, Protection, RecordingTap, Source,
    StreamPlan, TransportPlan, Trust, VideoPrompt, WaitingProfileId, WorkerConversions,
};
use cordboard::random::Random;
use cordboard::sdp::Direction;
use cordboard::time::{Instant, Now, UnixTime};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// As phones are: most see by H.264, some by another codec, some not at all.
const VOICES: [(Codec, u8); 4] =
    [(Codec::Pcmu, 0), (Codec::Pcma, 8), (Codec::G722, 9), (Codec::Opus, 96)];

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let callers = numbers.first().copied().unwrap_or(500);
    let seconds = numbers.get(1).copied().unwrap_or(10);
    let before = resident_kb();
    let mut hall = Hall::of(callers);
    let coding = hall.settle();
    let kb = (resident_kb() - before) / callers;
    let start = (cpu_time(), hall.wire.sent, hall.wire.bytes);
    hall.wait(seconds);
    let cpu = (cpu_time() - start.0).as_secs_f64() / seconds as f64;
    let (packets, bytes) = (hall.wire.sent - start.1, hall.wire.bytes - start.2);
    println!("{callers} callers with music and a picture of their position:");
    println!("  relay           {:5.1} % of a core", cpu * 100.0);
    println!(
        "  packets         {:7} /s, {} kbit/s a caller",
        packets / seconds,
        bytes * 8 / 1000 / seconds / callers
    );
    println!(
        "  coding, once    {:7.0} ms for all pictures and music",
        coding.as_secs_f64() * 1000.0
    );
    println!("  memory          {kb:7} kB a caller, the shared pictures included");
}

/// All who wait.
struct Hall {
    machine: Machine,
    wire: Wire,
    workshop: WorkerConversions,
    now: Now,
}

struct Wire {
    socket: UdpSocket,
    sink: SocketAddr,
    jobs: Vec<Job>,
    sent: u64,
    bytes: u64,
}

impl Outgoing for Wire {
    fn send(&mut self, _: PortId, _: Channel, _: MediaPath, packet: &[u8]) {
        let _full = self.socket.send_to(packet, self.sink);
        self.sent += 1;
        self.bytes += packet.len() as u64;
    }

    fn report(&mut self, _: Event) {}

    fn job(&mut self, job: Job) {
        self.jobs.push(job);
    }
    fn tap(&mut self, _: RecordingTap) {}
}

impl Hall {
    fn of(callers: u64) -> Self {
        let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let sink = bind();
        let wire = Wire {
            socket: bind(),
            sink: sink.local_addr().unwrap(),
            jobs: vec![],
            sent: 0,
            bytes: 0,
        };
        // Nobody reads it; what it cannot hold the kernel drops.
        std::mem::forget(sink);
        let machine = Machine::new(media::Settings::default(), Random::from_number(1));
        let now = Now { instant: Instant::START, unix: UnixTime::from_secs(1_800_000_000) };
        let mut hall = Self { machine, wire, workshop: WorkerConversions::default(), now };
        hall.machine.prepare(&mut hall.wire);
        for caller in 0..callers {
            hall.enter(caller);
        }
        hall
    }

    fn enter(&mut self, caller: u64) {
        let (voice, number) = VOICES[(caller % 4) as usize].clone();
        let picture = match caller % 10 {
            0..7 => Some((Codec::H264, "profile-level-id=42e01f;packetization-mode=1")),
            7 => Some((Codec::H264, "profile-level-id=42e00a")),
            8 if Codec::Vp8.can_transcode() => Some((Codec::Vp8, "")),
            _blind => None,
        };
        let port = PortId(16_000 + 4 * caller);
        let message =
            PromptMessage::Position { number: caller as u32 + 1, minutes: None, crowded: false };
        let waiting_profile = WaitingProfileId::DEFAULT;
        self.open(port, Kind::Audio, voice, number, "");
        let mut rows = vec![(port, Source::Hold(waiting_profile))];
        if let Some((codec, fmtp)) = picture {
            let port = PortId(port.0 + 2);
            self.open(port, Kind::Video, codec, 97, fmtp);
            rows.push((port, Source::Prompt(VideoPrompt { waiting_profile, message })));
        }
        self.machine.handle(self.now, Command::Patch(rows), &mut self.wire);
    }

    fn open(&mut self, port: PortId, kind: Kind, codec: Codec, number: u8, fmtp: &str) {
        let format = PayloadFormat { codec, send_pt: number, recv_pt: number, fmtp: fmtp.into() };
        let remote = SocketAddr::from(([127, 0, 0, 1], 4000));
        let transport = TransportPlan {
            remote: Some(remote),
            remote_rtcp: None,
            latched: None,
            local: None,
            signalling_ip: remote.ip(),
            behind_nat: false,
            trust: Trust::Full,
            mux: false,
            protection: Protection::Clear,
            ice: None,
            handshake: false,
        };
        let stream = StreamPlan {
            formats: vec![format],
            direction: Direction::SendRecv,
            packet_ms: 20,
            feedback: KeyFrameFeedback::Pli,
            bitrate_feedback: BitrateFeedback::None,
            picture: PictureLimits::default(),
            cname: port.to_string(),
        };
        let plan = Plan { transport, stream, carrier: None };
        self.machine.handle(self.now, Command::Open { port, kind, plan }, &mut self.wire);
    }

    /// Until every picture is coded; how long the coding took.
    fn settle(&mut self) -> Duration {
        let mut coding = Duration::ZERO;
        while !self.wire.jobs.is_empty() {
            for job in std::mem::take(&mut self.wire.jobs) {
                let start = cpu_time();
                let done = self.workshop.perform(job);
                coding += cpu_time() - start;
                if let Some(done) = done {
                    self.machine.done(self.now, done, &mut self.wire);
                }
            }
        }
        coding
    }

    fn wait(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.machine.deadline().filter(|at| *at <= end.instant) {
            self.now = self.now + at.since(self.now.instant);
            self.machine.tick(self.now, &mut self.wire);
        }
        self.now = end;
    }
}

/// What this thread has computed so far, system calls included.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
