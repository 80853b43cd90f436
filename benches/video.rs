//! What stills of key frames cost; and what converted pictures cost beside the bare work of their codecs on the same frames, how many
//! calls that leaves room for on one core, and how long pictures wait for their turn under load.
//!
//! `cargo bench --bench video --features system-codecs`. Costs are measured in turn, by the time that
//! is computed; the ratio of the medians is what counts. A call is CIF at 15 pictures a
//! second in both directions. The wait is measured by the clock, through the relay and the workers of
//! the server, which leave one core to the event loop: whoever else computes on the machine shows in it.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::codec::video::{
    Colour, Converter, Image, Scaler, Settings, VideoDecoder, VideoEncoder, VideoTarget, still,
};
use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{
    self, BitrateFeedback, Channel, CodingOutcome, Command, Done, Event, Job, KeyFrameFeedback,
    Machine, MediaPath, Outgoing, PayloadFormat, PictureLimits, Plan, Protection, RecordingTap,
    Source, StreamPlan, TransportPlan, Trust,
};
use cordboard::random::Random;
use cordboard::rtp::RtpHeader;
use cordboard::rtp::video::{Packetiser, PictureFormat};
use cordboard::sdp::Direction;
use cordboard::server::CodecWorkers;
use cordboard::time::{self, Now, UnixTime};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const PICTURES: usize = 60;
const CIF: (usize, usize) = (352, 288);
const STILL_SIZES: [(usize, usize); 3] = [CIF, (640, 480), (1280, 720)];
const FRAME_RATE: u32 = 15;
/// What [`Converter`] takes for CIF by itself.
const BITRATE: u32 = 304_128;

fn main() {
    let known = [Codec::H264, Codec::Vp8, Codec::H265, Codec::H263, Codec::H263Plus, Codec::H261];
    let codecs: Vec<Codec> = known.into_iter().filter(Codec::can_transcode).collect();
    println!("stills                              ms each  bytes   of a key frame with");
    for (codec, size) in codecs.iter().flat_map(|codec| STILL_SIZES.map(|size| (codec, size))) {
        if let Some((ms, bytes, coded)) = stills(codec, size) {
            println!("{:35} {ms:7.3} {bytes:6} {coded:21}", format!("{codec} {size:?}"));
        }
    }
    println!("\nCIF, ms per picture                converted    bare   ratio");
    let mut costs = Vec::new();
    for from in &codecs {
        for to in codecs.iter().filter(|to| *to != from || codecs.len() == 1) {
            let (converted, bare) = pair(from, to);
            let name = format!("{from} to {to}");
            println!("{name:35} {converted:8.3} {bare:7.3} {:7.2}", converted / bare);
            costs.push((from, to, converted));
        }
    }
    println!("\nconverted calls per core");
    for (from, to, forth) in costs.iter().filter(|(from, to, _)| from <= to) {
        let back =
            costs.iter().find(|(other_from, other_to, _)| (other_from, other_to) == (to, from));
        let both = forth + back.map_or(*forth, |(_, _, back)| *back);
        let name = format!("{from} and {to}");
        println!("{name:35} {:8.1}", 1000.0 / (both * f64::from(FRAME_RATE)));
    }
    println!("\nscaling, ms per picture");
    for (from, to) in [((640, 480), CIF), ((1280, 720), CIF), (CIF, (176, 144)), ((320, 240), CIF)]
    {
        println!("{from:?} to {to:?}: {:.3}", scaling(from, to));
    }
    if Codec::Vp8.can_transcode() {
        println!(
            "\nwait for a worker, beyond the coding, in ms    median    99 %   longest   not sent"
        );
        for calls in CALLS_PER_WORKER {
            let Waits { mut spans, lost } = Load::new(calls).run();
            spans.sort_by(f64::total_cmp);
            let at = |percent| spans[(spans.len() - 1) * percent / 100];
            let (name, lost) = ("calls of H.264 and VP8 for each worker", 100.0 * lost);
            println!(
                "{calls:3} {name:42} {:7.2} {:7.2} {:9.2} {lost:8.1} %",
                at(50),
                at(99),
                at(100)
            );
        }
    }
}

/// The median in ms of a still, with its bytes and those of its key frame; none in a size that the codec has not.
fn stills(codec: &Codec, size: (usize, usize)) -> Option<(f64, usize, usize)> {
    let bitrate = (size.0 * size.1 * 3) as u32;
    let settings = Settings { width: size.0, height: size.1, bitrate, ..settings() };
    let (mut encoder, mut coded) = (VideoEncoder::new(codec, &settings)?, Vec::new());
    encoder.encode(&test_image(size, 0), true, &mut coded).ok()?;
    let round = |_| {
        let start = cpu_time();
        for _ in 0..PICTURES {
            black_box(still(codec, &coded));
        }
        cpu_time() - start
    };
    let bytes = still(codec, &coded)?.len();
    Some((median_ms((0..ROUNDS).map(round).collect()), bytes, coded.len()))
}

/// Medians in ms per picture: through the converter, and by the codecs alone.
fn pair(from: &Codec, to: &Codec) -> (f64, f64) {
    let coded = coded(from);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(converted(from, to, &coded));
        bare.push(bare_work(from, to, &coded));
    }
    (median_ms(ours), median_ms(bare))
}

fn median_ms(mut spans: Vec<Duration>) -> f64 {
    spans.sort();
    spans[spans.len() / 2].as_secs_f64() * 1000.0 / PICTURES as f64
}

fn settings() -> Settings {
    let (width, height) = CIF;
    Settings { width, height, frame_rate: FRAME_RATE, bitrate: BITRATE, slice_max: None }
}

/// A head before a wall, as far as an encoder can tell: texture that stands, texture that moves, and
/// the noise of a camera.
fn test_image((width, height): (usize, usize), at: usize) -> Image {
    let mut image = Image::new(width, height);
    image.fill(Colour { y: 0, cb: 110, cr: 150 });
    let mut noise = at as u32 + 1;
    let centre = (width / 2 + (at * 3) % (width / 8), height / 2 + at % 7);
    let [y, ..] = image.planes_mut();
    for (n, point) in y.iter_mut().enumerate() {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (column, row) = (n % width, n / width);
        let head = column.abs_diff(centre.0) < width / 6 && row.abs_diff(centre.1) < height / 4;
        let texture = match head {
            true => 120 + (((column - centre.0.min(column)) * 5) ^ (row * 3)) % 60,
            false => 40 + (column / 9 * 17 + row / 7 * 29) % 90,
        };
        *point = (texture + (noise >> 30) as usize) as u8;
    }
    image
}

fn coded(codec: &Codec) -> Vec<Vec<u8>> {
    let mut encoder = VideoEncoder::new(codec, &settings()).unwrap();
    let code = |at| {
        let mut coded = Vec::new();
        encoder.encode(&test_image(CIF, at), at == 0, &mut coded).unwrap();
        coded
    };
    (0..PICTURES).map(code).collect()
}

fn converted(from: &Codec, to: &Codec, coded: &[Vec<u8>]) -> Duration {
    let target = VideoTarget { frame_rate_max: FRAME_RATE, ..VideoTarget::any() };
    let mut converter = Converter::new(from, to, target).unwrap();
    let start = cpu_time();
    for (at, coded) in (0..).zip(coded) {
        black_box(converter.take(at * 6000, coded, true).unwrap());
    }
    cpu_time() - start
}

/// As the converter, with an encoder that is made on the way.
fn bare_work(from: &Codec, to: &Codec, coded: &[Vec<u8>]) -> Duration {
    let mut decoder = VideoDecoder::new(from).unwrap();
    let (mut image, mut out) = (Image::new(CIF.0, CIF.1), Vec::new());
    let start = cpu_time();
    let mut encoder = VideoEncoder::new(to, &settings()).unwrap();
    let mut key_frame_due = true;
    for coded in coded {
        if decoder.decode(coded, &mut image).unwrap() {
            out.clear();
            encoder.encode(&image, key_frame_due, &mut out).unwrap();
            key_frame_due = false;
            black_box(&out);
        }
    }
    cpu_time() - start
}

fn scaling(from: (usize, usize), to: (usize, usize)) -> f64 {
    let (from, mut to) = (test_image(from, 0), Image::new(to.0, to.1));
    let mut scaler = Scaler::default();
    let round = |_| {
        let start = cpu_time();
        for _ in 0..PICTURES {
            scaler.scale(&from, black_box(&mut to));
        }
        cpu_time() - start
    };
    median_ms((0..ROUNDS).map(round).collect())
}

/// What all threads that are still there have computed so far: libx265 has one of its own.
fn cpu_time() -> Duration {
    // The kernel brings the count of a thread up to date when it gives way, else at the next tick.
    thread::yield_now();
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let time = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    Duration::from_nanos(tasks.map(|task| time(task.unwrap())).sum())
}

// ---- the wait under load ----

/// Ten are to be had on a core with pictures that wait for less than one frame.
const CALLS_PER_WORKER: [usize; 3] = [5, 10, 20];
const LOAD_SECONDS: u64 = 15;
/// Calls do not all begin at once, since an encoder is not made in a moment.
const OPENING_MICROS: u64 = 3_000_000;
const CLOCK_RATE: u32 = 90_000;
const PAYLOAD_MAX: usize = 1200;
/// The phones' number for whichever codec.
const NUMBER: u8 = 96;

/// Calls whose parties send H.264 and VP8, through the relay and the workers of the server.
struct Load {
    machine: Machine,
    workers: CodecWorkers,
    sent_frames: [SentFrames; 2],
    phones: Vec<Phone>,
    wire: Wire,
    start: Instant,
}

/// What all phones of one codec send.
struct SentFrames {
    /// By the picture, its payloads.
    pictures: Vec<Vec<Vec<u8>>>,
    /// By the picture, how long it takes to convert it when nothing else is done.
    coding: Vec<Duration>,
}

/// One party, which sends a picture every 15th of a second, in step with nobody.
struct Phone {
    port: PortId,
    address: SocketAddr,
    /// When it sends its next picture.
    due: Duration,
    pictures: usize,
    sequence: u16,
    /// When the last packet of each picture under way was sent, by its timestamp.
    sent: BTreeMap<u32, (Instant, usize)>,
}

/// Between the relay, the phones and the workers.
#[derive(Default)]
struct Wire {
    jobs: Vec<Job>,
    /// When the first packet since it was last asked came out.
    out: Option<Instant>,
}

struct Waits {
    /// ms, of each picture.
    spans: Vec<f64>,
    /// The share of pictures that were not sent.
    lost: f64,
}

impl Outgoing for Wire {
    fn send(&mut self, _: PortId, channel: Channel, _: MediaPath, packet: &[u8]) {
        black_box(packet);
        if channel == Channel::Rtp {
            self.out.get_or_insert_with(Instant::now);
        }
    }

    fn report(&mut self, _: Event) {}

    fn job(&mut self, job: Job) {
        self.jobs.push(job);
    }

    fn tap(&mut self, _: RecordingTap) {}
}

impl Load {
    fn new(calls_per_worker: usize) -> Self {
        let workers = thread::available_parallelism().unwrap().get().saturating_sub(1).max(1);
        let mut random = Random::from_number(1);
        let mut machine = Machine::new(media::Settings::default(), random.fork());
        let mut wire = Wire::default();
        let mut phones = Vec::new();
        let parties = u16::try_from(2 * calls_per_worker * workers).unwrap();
        for party in 0..parties {
            let port = PortId(u64::from(20_000 + 4 * party));
            let address = SocketAddr::from(([192, 0, 2, 1], 4000 + 2 * party));
            let codec = if party % 2 == 0 { Codec::H264 } else { Codec::Vp8 };
            let plan = plan(address, codec);
            machine.handle(
                Now::default(),
                Command::Open { port, kind: Kind::Video, plan },
                &mut wire,
            );
            let due = Duration::from_micros(random.below(OPENING_MICROS));
            let sent = BTreeMap::new();
            phones.push(Phone { port, address, due, pictures: 0, sequence: 0, sent });
        }
        for pair in phones.chunks_exact(2) {
            let [one, other] = [pair[0].port, pair[1].port];
            let both = vec![(one, Source::Port(other)), (other, Source::Port(one))];
            machine.handle(Now::default(), Command::Patch(both), &mut wire);
        }
        let sent_frames = [
            SentFrames::new(&Codec::H264, &Codec::Vp8),
            SentFrames::new(&Codec::Vp8, &Codec::H264),
        ];
        let workers = CodecWorkers::start().unwrap();
        Self { machine, workers, sent_frames, phones, wire, start: Instant::now() }
    }

    /// As the event loop does it: sends what is due, and passes on what the workers have done.
    fn run(mut self) -> Waits {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let end = Duration::from_secs(LOAD_SECONDS);
        let mut spans = Vec::new();
        self.start = Instant::now();
        runtime.block_on(async {
            while self.start.elapsed() < end {
                let next = (0..self.phones.len()).min_by_key(|at| self.phones[*at].due).unwrap();
                let due = self.start + self.phones[next].due;
                tokio::select! {
                    biased;
                    Some(done) = self.workers.next() => spans.extend(self.done(done)),
                    () = tokio::time::sleep_until(due.into()) => self.speak(next),
                }
                let now = self.now();
                if self.machine.deadline().is_some_and(|at| at <= now.instant) {
                    self.machine.tick(now, &mut self.wire);
                }
                self.wire.jobs.drain(..).for_each(|job| self.workers.submit(job));
            }
        });
        let sent: usize = self.phones.iter().map(|phone| phone.pictures).sum();
        let under_way: usize = self.phones.iter().map(|phone| phone.sent.len()).sum();
        let lost = (sent - under_way - spans.len()) as f64 / sent as f64;
        Waits { spans, lost }
    }

    fn now(&self) -> Now {
        let micros = self.start.elapsed().as_micros() as u64;
        Now { instant: time::Instant::from_micros(micros), unix: UnixTime::from_micros(micros) }
    }

    /// A phone sends its next picture, all packets at once.
    fn speak(&mut self, party: usize) {
        let now = self.now();
        let Self { machine, sent_frames, phones, wire, .. } = self;
        let phone = &mut phones[party];
        let at = phone.pictures % PICTURES;
        let timestamp = phone.pictures as u32 * (CLOCK_RATE / FRAME_RATE);
        let payloads = &sent_frames[party % 2].pictures[at];
        for (n, payload) in payloads.iter().enumerate() {
            phone.sequence = phone.sequence.wrapping_add(1);
            let header = RtpHeader {
                payload_type: NUMBER,
                marker: n + 1 == payloads.len(),
                sequence: phone.sequence,
                timestamp,
                ssrc: party as u32,
            };
            let mut packet = [&header.to_bytes()[..], payload].concat();
            machine.rtp(now, phone.port, phone.address, &mut packet, wire);
        }
        phone.sent.insert(timestamp, (Instant::now(), at));
        phone.pictures += 1;
        phone.due += Duration::from_secs(1) / FRAME_RATE;
    }

    /// Passes on what a worker has done; gives the wait in ms where that was a picture to be sent.
    fn done(&mut self, done: Done) -> Option<f64> {
        let Done::Frame { conversion, outcome } = &done else { return None };
        let timestamp = match outcome {
            CodingOutcome::Coded { timestamp, .. } => Some(*timestamp),
            CodingOutcome::Nothing => None,
            CodingOutcome::Broken | CodingOutcome::Gone => panic!("a picture was broken"),
        };
        let receiver = self.phones.iter().position(|phone| phone.port == conversion.port).unwrap();
        let now = self.now();
        self.wire.out = None;
        self.machine.done(now, done, &mut self.wire);
        let out = self.wire.out?;
        let (since, at) = self.phones[receiver ^ 1].sent.remove(&timestamp?)?;
        // Pictures before it were not sent, and are not waited for.
        self.phones[receiver ^ 1].sent.retain(|_, (later, _)| *later > since);
        let coding = self.sent_frames[(receiver ^ 1) % 2].coding[at];
        Some(out.duration_since(since).saturating_sub(coding).as_secs_f64() * 1000.0)
    }
}

impl SentFrames {
    fn new(from: &Codec, to: &Codec) -> Self {
        let coded = coded(from);
        let target = VideoTarget { frame_rate_max: FRAME_RATE, ..VideoTarget::any() };
        let mut converter = Converter::new(from, to, target).unwrap();
        let coding = (0..).zip(&coded).map(|(at, coded)| {
            let start = cpu_time();
            black_box(converter.take(at * 6000, coded, true).unwrap());
            cpu_time() - start
        });
        let coding = coding.collect();
        let format = match from {
            Codec::Vp8 => PictureFormat::Vp8,
            _other => PictureFormat::H264 {
                mode: cordboard::rtp::h264::PacketizationMode::NonInterleaved,
            },
        };
        let mut packetiser = Packetiser::new(format, PAYLOAD_MAX);
        let pictures = coded.iter().map(|coded| {
            let mut payloads = Vec::new();
            packetiser.packetise(coded, &mut |payload, _| payloads.push(payload.to_vec()));
            payloads
        });
        Self { pictures: pictures.collect(), coding }
    }
}

fn plan(phone: SocketAddr, codec: Codec) -> Plan {
    let fmtp = match &codec {
        Codec::H264 => "profile-level-id=42e01f; packetization-mode=1",
        _other => "",
    };
    let format = PayloadFormat { codec, send_pt: NUMBER, recv_pt: NUMBER, fmtp: fmtp.to_owned() };
    let transport = TransportPlan {
        remote: Some(phone),
        remote_rtcp: None,
        latched: Some(phone),
        local: None,
        signalling_ip: phone.ip(),
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
        cname: phone.to_string(),
    };
    Plan { transport, stream, carrier: None }
}
