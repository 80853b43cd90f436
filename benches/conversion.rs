//! What a converted voice costs beside the bare work of its codecs on the same frames, and how long
//! it is held up.
//!
//! `cargo bench --bench conversion --features system-codecs`. Both are measured in turn, in many short
//! rounds; what counts is the median of the ratios of neighbouring rounds, since a busy machine slows
//! both of two neighbours, but seldom all rounds of one kind alike.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::codec::audio::{AudioDecoder, AudioEncoder, PAYLOAD_MAX, SAMPLES_MAX};
use cordboard::codec::resample::Resampler;
use cordboard::codec::tone::Sound;
use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{
    self, BitrateFeedback, Channel, Command, Event, Job, KeyFrameFeedback, Machine, MediaPath,
    Outgoing, PayloadFormat, PictureLimits, Plan, Protection, RecordingTap, Source, StreamPlan,
    TransportPlan, Trust,
};
use cordboard::random::Random;
use cordboard::rtp::{HEADER_LEN, RtpHeader};
use cordboard::sdp::Direction;
use cordboard::time::{self, Now, UnixTime};
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const ROUNDS: usize = 21;
const PACKETS: usize = 1000;
const FROM: PortId = PortId(16_000);
const TO: PortId = PortId(16_004);

fn main() {
    println!("one direction, per packet of 20 ms     converted      bare   ratio   added delay");
    let codecs = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus, Codec::G729, Codec::Gsm];
    let codecs: Vec<Codec> = codecs.into_iter().filter(Codec::can_transcode).collect();
    for from in &codecs {
        for to in codecs.iter().filter(|to| *to != from) {
            let frames = frames(from);
            let (mut ours, mut bare) = (Vec::new(), Vec::new());
            for round in 0..ROUNDS {
                // Neither of them always comes first.
                if round % 2 == 0 {
                    ours.push(converted(from, to, &frames));
                    bare.push(bare_work(from, to, &frames));
                } else {
                    bare.push(bare_work(from, to, &frames));
                    ours.push(converted(from, to, &frames));
                }
            }
            let ratio = median(ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect());
            let (ours, bare) = (median(ours), median(bare));
            let pair = format!("{from} to {to}");
            let delay = delay_ms(from, to);
            println!("{pair:35} {ours:9.2} µs {bare:6.2} µs {ratio:7.2} {delay:10.1} ms");
        }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// µs for each packet.
fn each(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6 / PACKETS as f64
}

/// Two seconds of a melody in the codec, as payloads.
fn frames(codec: &Codec) -> Vec<Vec<u8>> {
    let mut encoder = AudioEncoder::new(codec, 16_000).unwrap();
    let rate = encoder.sample_rate() as usize;
    let pcm = Sound::HoldMelody.samples(rate as u32);
    let code = |frame: &[i16]| {
        let mut payload = [0; PAYLOAD_MAX];
        let len = encoder.encode(frame, &mut payload).unwrap();
        payload[..len].to_vec()
    };
    pcm.chunks_exact(rate / 50).take(100).map(code).collect()
}

struct Nowhere;

impl Outgoing for Nowhere {
    fn send(&mut self, _: PortId, _: Channel, _: MediaPath, packet: &[u8]) {
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

fn relay(from: &Codec, to: &Codec, out: &mut impl Outgoing) -> (Machine, SocketAddr) {
    let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
    let phone = SocketAddr::from(([192, 0, 2, 1], 4000));
    for (port, codec) in [(FROM, from), (TO, to)] {
        let format =
            PayloadFormat { codec: codec.clone(), send_pt: 100, recv_pt: 100, fmtp: String::new() };
        let transport = TransportPlan {
            remote: Some(phone),
            remote_rtcp: None,
            latched: None,
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
            feedback: KeyFrameFeedback::None,
            bitrate_feedback: BitrateFeedback::None,
            picture: PictureLimits::default(),
            cname: port.to_string(),
        };
        let plan = Plan { transport, stream, carrier: None };
        machine.handle(Now::default(), Command::Open { port, kind: Kind::Audio, plan }, out);
    }
    machine.handle(Now::default(), Command::Patch(vec![(TO, Source::Port(FROM))]), out);
    (machine, phone)
}

fn packet(codec: &Codec, n: usize, payload: &[u8]) -> Vec<u8> {
    let step = codec.clock_rate() / 50;
    let timestamp = (n as u32).wrapping_mul(step);
    let header =
        RtpHeader { payload_type: 100, marker: false, sequence: n as u16, timestamp, ssrc: 7 };
    [&header.to_bytes()[..], payload].concat()
}

fn at(n: usize) -> Now {
    Now { instant: time::Instant::from_micros(n as u64 * 20_000), unix: UnixTime::default() }
}

/// Through the whole relay, in µs for each packet.
fn converted(from: &Codec, to: &Codec, frames: &[Vec<u8>]) -> f64 {
    let (mut machine, phone) = relay(from, to, &mut Nowhere);
    let mut packets: Vec<_> =
        (0..PACKETS).map(|n| packet(from, n, &frames[n % frames.len()])).collect();
    let start = Instant::now();
    for (n, packet) in packets.iter_mut().enumerate() {
        machine.rtp(at(n), FROM, phone, packet, &mut Nowhere);
    }
    each(start.elapsed())
}

/// The codecs' work on the same frames, and nothing else.
fn bare_work(from: &Codec, to: &Codec, frames: &[Vec<u8>]) -> f64 {
    let mut decoder = AudioDecoder::new(from, to.facts().sample_rate).unwrap();
    let mut encoder = AudioEncoder::with_parameters(to, decoder.sample_rate(), "").unwrap();
    let mut resampler = Resampler::new(decoder.sample_rate(), encoder.sample_rate());
    let (mut decoded, mut payload) = ([0; SAMPLES_MAX], [0; PAYLOAD_MAX]);
    let mut samples = Vec::new();
    let start = Instant::now();
    for n in 0..PACKETS {
        let len = decoder.decode(&frames[n % frames.len()], &mut decoded).unwrap();
        samples.clear();
        match &mut resampler {
            Some(resampler) => resampler.run(&decoded[..len], &mut samples),
            None => samples.extend_from_slice(&decoded[..len]),
        }
        black_box(encoder.encode(&samples, &mut payload).unwrap());
    }
    each(start.elapsed())
}

#[derive(Default)]
struct Kept(Vec<Vec<u8>>);

impl Outgoing for Kept {
    fn send(&mut self, port: PortId, channel: Channel, _: MediaPath, packet: &[u8]) {
        if port == TO && channel == Channel::Rtp {
            self.0.push(packet[HEADER_LEN..].to_vec());
        }
    }

    fn report(&mut self, _: Event) {}

    fn job(&mut self, _: Job) {}
    fn tap(&mut self, _: RecordingTap) {}
}

/// How much later a sudden tone is heard than where it is not converted, beyond the packet time:
/// the filters of the resampler and of the codecs, and what waits for a packet to be full.
fn delay_ms(from: &Codec, to: &Codec) -> f64 {
    let direct = onset(from, from);
    (onset(from, to) - direct).max(0.0)
}

/// When the tone is heard, in ms of what the listener decodes.
fn onset(from: &Codec, to: &Codec) -> f64 {
    let mut encoder = AudioEncoder::new(from, 16_000).unwrap();
    let rate = encoder.sample_rate() as usize;
    let mut pcm = vec![0; rate / 2];
    pcm.extend(Sound::Sine { hz: 1000 }.samples(rate as u32).iter().take(rate / 2));
    let mut kept = Kept::default();
    let (mut machine, phone) = relay(from, to, &mut kept);
    kept.0.clear();
    for (n, frame) in pcm.chunks_exact(rate / 50).enumerate() {
        let mut payload = [0; PAYLOAD_MAX];
        let len = encoder.encode(frame, &mut payload).unwrap();
        machine.rtp(at(n), FROM, phone, &mut packet(from, n, &payload[..len]), &mut kept);
    }
    let mut decoder = AudioDecoder::new(to, 16_000).unwrap();
    let (mut heard, mut out) = (Vec::new(), [0; SAMPLES_MAX]);
    for payload in &kept.0 {
        let len = decoder.decode(payload, &mut out).unwrap_or(0);
        heard.extend_from_slice(&out[..len]);
    }
    let loud = heard.iter().position(|sample| sample.unsigned_abs() > 2000).unwrap_or(0);
    loud as f64 * 1000.0 / f64::from(decoder.sample_rate())
}
