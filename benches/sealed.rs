//! What a packet of a DTLS leg costs the relay beside a plain one: `cargo bench --bench sealed`.
//!
//! Through the whole machine, without sockets: opened, judged by the peer's consent, patched and sent in clear to the
//! other side; and the other way, sealed. All ways take turns with the same packets, 200 calls each. Of many turns the
//! median, and what a tenth of them stay below, which a neighbour on the machine spoils less.
//!
//! On a busy machine in November 2026, where plain packets took 0.2 to 0.4 µs, before and after AES-GCM was given to ring, both
//! programs in turn: AES-GCM 0.8 to 0.9 µs more than plain at 172 bytes before, 0.2 to 0.3 after; at 1,200 bytes 3.1 to 3.5
//! before, 0.4 to 0.5 after. AES_CM_128_HMAC_SHA1_80 takes 0.8 more at 172 bytes, and 1.5 to 2.0 at 1,200: of these 1.0 to 1.2
//! are HMAC-SHA1, which goes by the processor's own instructions and was as fast as OpenSSL's, and four times as fast as ring's.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

#[path = "../tests/checks/mod.rs"]
mod checks;

use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{
    self, BitrateFeedback, Channel, Command, Event, Job, KeyFrameFeedback, Machine, MediaPath,
    Outgoing, PayloadFormat, PictureLimits, Plan, Protection, RecordingTap, Source, SrtpKeys,
    StreamPlan, TransportPlan, Trust,
};
use cordboard::random::Random;
use cordboard::rtp::RtpHeader;
use cordboard::sdp::Direction;
use cordboard::srtp::{MasterKey, ProtectContext, Seed, Suite};
use cordboard::stun::IceCredentials;
use cordboard::time::{Instant, Now, UnixTime};
use std::hint::black_box;
use std::net::SocketAddr;

/// Ports that hear somebody, and as many that speak.
const PAIRS: u16 = 200;
/// Packets of each, 20 ms apart: shorter than a peer's consent lasts.
const TURNS: u16 = 1_200;
const PACKET: [(Kind, usize); 2] = [(Kind::Audio, 172), (Kind::Video, 1_200)];
/// What browsers agree to, by version of DTLS and maker.
const SUITES: [Suite; 3] = [Suite::AesCm128Sha1_80, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm];

fn main() {
    println!(
        "{:42} {:>8} {:>12} {:>8} {:>12}",
        "a packet, in ns", "a tenth", "above plain", "median", "above plain"
    );
    for (kind, len) in PACKET {
        let ends = SUITES.map(Some);
        let opened = ends.map(|suite| Way { speaker: suite, hearer: None });
        let sealed = ends.map(|suite| Way { speaker: None, hearer: suite });
        let plain = Way { speaker: None, hearer: None };
        let ways = [&[plain][..], &opened, &sealed].concat();
        let mut houses: Vec<_> = ways.iter().map(|way| House::new(*way, kind, len)).collect();
        let mut costs = vec![Vec::new(); houses.len()];
        for turn in 1..=TURNS {
            for (house, costs) in houses.iter_mut().zip(&mut costs) {
                costs.push(house.turn(turn));
            }
        }
        let figures: Vec<_> = costs.iter_mut().map(|costs| parts(costs)).collect();
        let [plain_tenth, plain_median] = figures[0];
        for (way, [tenth, median]) in ways.iter().zip(figures) {
            let name = format!("{len} bytes, {}", way.name());
            println!(
                "{name:42} {tenth:8.0} {:12.0} {median:8.0} {:12.0}",
                tenth - plain_tenth,
                median - plain_median
            );
        }
    }
}

/// What a tenth of them stay below, and half.
fn parts(costs: &mut [f64]) -> [f64; 2] {
    costs.sort_by(f64::total_cmp);
    [costs.len() / 10, costs.len() / 2].map(|at| costs[at])
}

/// Under what the two sides of a call are sealed, if they are.
#[derive(Clone, Copy)]
struct Way {
    speaker: Option<Suite>,
    hearer: Option<Suite>,
}

impl Way {
    fn name(self) -> String {
        let end = |suite: Option<Suite>| suite.map_or("plain", Suite::name);
        format!("{} to {}", end(self.speaker), end(self.hearer))
    }
}

/// A relay with its calls.
struct House {
    machine: Machine,
    len: usize,
    step: u32,
    /// What seals the speakers' packets, on their side.
    theirs: Vec<Option<ProtectContext>>,
    packets: Vec<Vec<u8>>,
}

impl House {
    fn new(way: Way, kind: Kind, len: usize) -> Self {
        let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
        let (codec, step) = match kind {
            Kind::Audio => (Codec::Pcmu, 160),
            Kind::Video => (Codec::Vp8, 1_800),
        };
        let out = &mut Sent(0);
        for pair in 0..PAIRS {
            for (number, suite) in [(2 * pair, way.speaker), (2 * pair + 1, way.hearer)] {
                let plan = plan(number, codec.clone(), suite);
                machine.handle(now(0), Command::Open { port: port(number), kind, plan }, out);
                if suite.is_some() {
                    let IceCredentials { ufrag, password } = credentials();
                    let nominated = [checks::USE_CANDIDATE];
                    let mut check = checks::check_for(&ufrag, &password, &nominated);
                    machine.rtp(now(0), port(number), phone(number), &mut check, out);
                }
            }
            let patch = vec![(port(2 * pair + 1), Source::Port(port(2 * pair)))];
            machine.handle(now(0), Command::Patch(patch), out);
        }
        let theirs = |pair| way.speaker.map(|suite| ProtectContext::new(&key(suite, 2 * pair, 1)));
        let theirs = (0..PAIRS).map(theirs).collect();
        Self { machine, len, step, theirs, packets: vec![Vec::new(); usize::from(PAIRS)] }
    }

    /// The cost of one packet, in ns, when each speaker sends one.
    fn turn(&mut self, turn: u16) -> f64 {
        for (pair, (packet, theirs)) in self.packets.iter_mut().zip(&mut self.theirs).enumerate() {
            let header = RtpHeader {
                payload_type: 0,
                marker: false,
                sequence: turn,
                timestamp: u32::from(turn) * self.step,
                ssrc: pair as u32,
            };
            packet.clear();
            packet.extend_from_slice(&header.to_bytes());
            // Of VP8 the beginning of a key frame, of sound anything.
            packet.extend_from_slice(&[0x90, 0x80, 0x80, 1, 0]);
            packet.resize(self.len, 0x55);
            if let Some(theirs) = theirs {
                theirs.protect_rtp(packet);
            }
        }
        let (now, out) = (now(turn), &mut Sent(0));
        let began = std::time::Instant::now();
        for (number, packet) in (0..).step_by(2).zip(&mut self.packets) {
            self.machine.rtp(now, port(number), phone(number), packet, out);
        }
        let cost = began.elapsed().as_nanos() as f64 / f64::from(PAIRS);
        assert!(turn < 3 || out.0 == PAIRS, "{} of {PAIRS} packets were relayed", out.0);
        cost
    }
}

fn now(turn: u16) -> Now {
    let micros = u64::from(turn) * 20_000;
    Now { instant: Instant::from_micros(micros), unix: UnixTime::from_micros(micros) }
}

fn port(number: u16) -> PortId {
    PortId(u64::from(16_000 + 2 * number))
}

fn phone(number: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4_000 + number))
}

fn credentials() -> IceCredentials {
    IceCredentials::fresh(&[7; 46])
}

fn key(suite: Suite, number: u16, direction: u8) -> MasterKey {
    let [high, low] = number.to_be_bytes();
    let mut seed = [direction; 46];
    (seed[0], seed[1]) = (high, low);
    MasterKey::fresh(suite, Seed(seed))
}

fn plan(number: u16, codec: Codec, suite: Option<Suite>) -> Plan {
    let remote = phone(number);
    let keys = |suite| SrtpKeys { sends: key(suite, number, 0), receives: key(suite, number, 1) };
    let transport = TransportPlan {
        // A browser's address is what its checks prove.
        remote: suite.is_none().then_some(remote),
        remote_rtcp: None,
        latched: None,
        local: None,
        signalling_ip: remote.ip(),
        behind_nat: false,
        trust: Trust::Full,
        mux: suite.is_some(),
        protection: suite
            .map_or(Protection::Clear, |suite| Protection::Keyed(Box::new(keys(suite)))),
        ice: suite.map(|_| credentials()),
        handshake: suite.is_some(),
    };
    let stream = StreamPlan {
        formats: vec![PayloadFormat { codec, send_pt: 0, recv_pt: 0, fmtp: String::new() }],
        direction: Direction::SendRecv,
        packet_ms: 20,
        feedback: KeyFrameFeedback::None,
        bitrate_feedback: BitrateFeedback::None,
        picture: PictureLimits::default(),
        cname: remote.to_string(),
    };
    Plan { transport, stream, carrier: None }
}

/// How many packets went to somebody.
struct Sent(u16);

impl Outgoing for Sent {
    fn send(&mut self, _: PortId, _: Channel, _: MediaPath, packet: &[u8]) {
        self.0 += 1;
        black_box(packet);
    }

    fn report(&mut self, event: Event) {
        black_box(event);
    }

    fn job(&mut self, job: Job) {
        black_box(job);
    }

    fn tap(&mut self, tap: RecordingTap) {
        black_box(tap);
    }
}
