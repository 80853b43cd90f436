//! What a recorded call costs: two voices, and two pictures in CIF at 15 a second, each moving.
//!
//! `cargo bench --bench recording --features system-codecs`. Beside it stands the bare work of the codecs
//! on the same packets: decoding both sides, scaling them and coding one picture of both.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::codec::Codec;
use cordboard::codec::audio::{AudioDecoder, AudioEncoder, SAMPLES_MAX, StereoEncoder};
use cordboard::codec::video::{Colour, Image, Settings, VideoDecoder, VideoEncoder};
use cordboard::ids::CallId;
use cordboard::media::{RecordingTap, Side, TapEntry, TappedPacket};
use cordboard::recording::{FRAME_RATE, Recorder, SIDE};
use cordboard::rtp::h264::PacketizationMode;
use cordboard::rtp::video::{Packetiser, PictureFormat};
use cordboard::time;
use std::hint::black_box;
use std::time::Instant;

const SECONDS: u64 = 20;
const ROUNDS: usize = 5;
const PICTURES_PER_SECOND: u64 = 15;

fn main() {
    println!("{SECONDS} s of a call, ms of one core a second of the call");
    for (name, voice, video) in [
        ("PCMU", Codec::Pcmu, false),
        ("Opus", Codec::Opus, false),
        ("PCMU and H.264, CIF at 15/s", Codec::Pcmu, true),
        ("Opus and H.264, CIF at 15/s", Codec::Opus, true),
    ] {
        let call = Recorded::new(&voice, video);
        let (mut recorded, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            recorded.push(timed(|| call.record()));
            bare.push(timed(|| call.code(&voice)));
        }
        let (recorded, bare) = (median(recorded), median(bare));
        let bytes = call.bytes() as u64 / SECONDS / 1000;
        println!("{name:30} {recorded:7.2}   bare {bare:7.2}   {bytes:4} kB/s");
    }
}

/// Milliseconds a second of the call.
fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1000.0 / SECONDS as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What the relay taped, and the same as codecs take it.
struct Recorded {
    taps: Vec<RecordingTap>,
    voices: Vec<Vec<u8>>,
    pictures: Vec<Vec<u8>>,
}

impl Recorded {
    fn new(voice: &Codec, video: bool) -> Self {
        let mut encoder = AudioEncoder::new(voice, 16_000).unwrap();
        let samples = encoder.sample_rate() as usize / 50;
        let mut payload = vec![0; 1500];
        let mut voices = Vec::new();
        for n in 0..SECONDS * 50 {
            let wave = |at: usize| ((at * (n as usize % 7 + 3)) % 200) as i16 * 40 - 4000;
            let pcm: Vec<i16> = (0..samples).map(wave).collect();
            let len = encoder.encode(&pcm, &mut payload).unwrap();
            voices.push(payload[..len].to_vec());
        }
        let pictures = if video { test_frames() } else { Vec::new() };
        let mut taps = Vec::new();
        let mut packets = Numbers::default();
        for ms in (0..SECONDS * 1000).step_by(20) {
            let mut tap = RecordingTap { call: CallId(1), entries: Vec::new(), bytes: Vec::new() };
            if ms == 0 {
                tap.entries.push(TapEntry::Resume(at(0)));
            }
            for side in [Side::Left, Side::Right] {
                packets.write(&mut tap, ms, (side, voice), false, &voices[ms as usize / 20]);
                let before = (ms * PICTURES_PER_SECOND).div_ceil(1000) as usize;
                let until = ((ms + 20) * PICTURES_PER_SECOND).div_ceil(1000) as usize;
                for picture in pictures.get(before..until).into_iter().flatten() {
                    let format = PictureFormat::H264 { mode: PacketizationMode::NonInterleaved };
                    Packetiser::new(format, 1200).packetise(picture, &mut |payload, last| {
                        packets.write(&mut tap, ms, (side, &Codec::H264), last, payload);
                    });
                }
            }
            taps.push(tap);
        }
        Self { taps, voices, pictures }
    }

    fn bytes(&self) -> usize {
        let mut ink = Vec::new();
        let (mut recorder, _) = Recorder::new("call-1");
        self.taps.iter().for_each(|tap| recorder.take(tap, &mut ink));
        recorder.finish(&mut ink);
        let len = |ink: &cordboard::recording::FileWrite| match ink {
            cordboard::recording::FileWrite::Append(bytes) => bytes.len(),
            cordboard::recording::FileWrite::Patch { .. } => 0,
        };
        ink.iter().map(len).sum()
    }

    fn record(&self) {
        let (mut recorder, _) = Recorder::new("call-1");
        let mut ink = Vec::new();
        for tap in &self.taps {
            recorder.take(tap, &mut ink);
            black_box(&ink);
            ink.clear();
        }
        recorder.finish(&mut ink);
    }

    /// The codecs alone.
    fn code(&self, voice: &Codec) {
        let mut out = vec![0; SAMPLES_MAX];
        let mut decoders = [0, 1].map(|_| AudioDecoder::new(voice, 16_000).unwrap());
        let mut encoder = StereoEncoder::new(16_000, 64_000);
        let (both, mut packet) = (vec![0; 640], vec![0; 1500]);
        for payload in &self.voices {
            for decoder in &mut decoders {
                black_box(decoder.decode(payload, &mut out).unwrap());
            }
            black_box(encoder.encode(&both, &mut packet));
        }
        let mut decoders = [0, 1].map(|_| VideoDecoder::new(&Codec::H264).unwrap());
        let size = (SIDE.0 * 2, SIDE.1);
        let mut encoder = VideoEncoder::new(&Codec::H264, &settings(size, FRAME_RATE)).unwrap();
        let (mut decoded, mut coded) = (Image::new(2, 2), Vec::new());
        for (n, picture) in self.pictures.iter().enumerate() {
            for decoder in &mut decoders {
                decoder.decode(picture, &mut decoded).unwrap();
            }
            if n % 3 < 2 {
                coded.clear();
                encoder.encode(&test_image(size, n), n % 30 == 0, &mut coded).unwrap();
            }
        }
    }
}

/// Numbers packets by side and kind.
#[derive(Default)]
struct Numbers([u16; 4]);

impl Numbers {
    fn write(
        &mut self,
        tap: &mut RecordingTap,
        ms: u64,
        (side, codec): (Side, &Codec),
        marker: bool,
        payload: &[u8],
    ) {
        let lane = side as usize * 2 + usize::from(*codec == Codec::H264);
        self.0[lane] = self.0[lane].wrapping_add(1);
        tap.entries.push(TapEntry::Packet(TappedPacket {
            at: at(ms),
            side,
            codec: codec.clone(),
            ssrc: lane as u32,
            sequence: self.0[lane],
            timestamp: ms as u32 * (codec.clock_rate() / 1000),
            marker,
            len: payload.len(),
        }));
        tap.bytes.extend_from_slice(payload);
    }
}

fn at(ms: u64) -> time::Instant {
    time::Instant::from_micros(ms * 1000)
}

fn test_frames() -> Vec<Vec<u8>> {
    let size = (352, 288);
    let mut encoder = VideoEncoder::new(&Codec::H264, &settings(size, 15)).unwrap();
    let code = |n: u64| {
        let mut coded = Vec::new();
        encoder.encode(&test_image(size, n as usize), n.is_multiple_of(60), &mut coded).unwrap();
        coded
    };
    (0..SECONDS * PICTURES_PER_SECOND).map(code).collect()
}

fn settings((width, height): (usize, usize), frame_rate: u32) -> Settings {
    Settings { width, height, frame_rate, bitrate: 500_000, slice_max: None }
}

/// A pattern that wanders.
fn test_image((width, height): (usize, usize), n: usize) -> Image {
    let mut image = Image::new(width, height);
    image.fill(Colour::from_rgb(90, 120, 60));
    let [y, ..] = image.planes_mut();
    for (row, points) in y.chunks_exact_mut(width).enumerate() {
        for (column, point) in points.iter_mut().enumerate() {
            *point = ((row + n * 2) / 3 * 7 + (column + n * 3) / 5 * 11) as u8 / 2 + 60;
        }
    }
    image
}
