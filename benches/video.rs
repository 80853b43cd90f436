//! What converted pictures cost beside the bare work of their codecs on the same frames, and how many
//! calls that leaves room for on one core.
//!
//! `cargo bench --bench video --features system-codecs`. Both are measured in turn, by the time that
//! is computed; the ratio of the medians is what counts. A call is CIF at 15 pictures a
//! second in both directions.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.

use cordboard::codec::Codec;
use cordboard::codec::video::{
    Colour, Converter, Image, Scaler, Settings, Target, VideoDecoder, VideoEncoder,
};
use std::hint::black_box;
use std::time::Duration;

const ROUNDS: usize = 5;
const PICTURES: usize = 60;
const CIF: (usize, usize) = (352, 288);
const FRAME_RATE: u32 = 15;
/// What [`Converter`] takes for CIF by itself.
const BITRATE: u32 = 304_128;

fn main() {
    let known = [Codec::H264, Codec::Vp8, Codec::H265, Codec::H263, Codec::H263Plus, Codec::H261];
    let codecs: Vec<Codec> = known.into_iter().filter(Codec::can_transcode).collect();
    println!("CIF, ms per picture                converted    bare   ratio");
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
fn scene((width, height): (usize, usize), at: usize) -> Image {
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
        encoder.encode(&scene(CIF, at), at == 0, &mut coded).unwrap();
        coded
    };
    (0..PICTURES).map(code).collect()
}

fn converted(from: &Codec, to: &Codec, coded: &[Vec<u8>]) -> Duration {
    let target = Target { frame_rate_max: FRAME_RATE, ..Target::any() };
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
    let (from, mut to) = (scene(from, 0), Image::new(to.0, to.1));
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
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let time = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    Duration::from_nanos(tasks.map(|task| time(task.unwrap())).sum())
}
