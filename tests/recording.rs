//! A recording as a player sees it: the file is made by the switchboard and read by FFmpeg.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::codec::audio::AudioEncoder;
use cordboard::codec::goertzel;
use cordboard::codec::video::{Colour, Image, Settings, VideoEncoder};
use cordboard::codec::{Codec, Kind};
use cordboard::ids::CallId;
use cordboard::media::{RecordingTap, Side, TapEntry, TappedPacket};
use cordboard::recording::{FileWrite, Recorder};
use cordboard::rtp::h264::PacketizationMode;
use cordboard::rtp::video::{Packetiser, PictureFormat};
use cordboard::server::Reserve;
use cordboard::server::recordings::{RecorderReport, Recordings};
use cordboard::time::{Duration, Instant};
use std::f64::consts::TAU;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const CALL: CallId = CallId(17);
const RED: (u8, u8, u8) = (200, 30, 30);
const BLUE: (u8, u8, u8) = (30, 30, 200);
const PATIENCE: Duration = Duration::from_secs(20);

/// Two phones whose packets are taped.
struct Phones {
    tap: RecordingTap,
    sequence: u16,
    left: AudioEncoder,
    right: AudioEncoder,
}

impl Phones {
    fn new() -> Self {
        let tap = RecordingTap { call: CALL, entries: Vec::new(), bytes: Vec::new() };
        let encoder = |codec| AudioEncoder::new(codec, 16_000).unwrap();
        let (left, right) = (encoder(&Codec::Pcmu), encoder(&Codec::G722));
        Self { tap, sequence: 0, left, right }
    }

    fn mark(&mut self, entry: TapEntry) {
        self.tap.entries.push(entry);
    }

    fn packet(&mut self, ms: u64, (side, codec): (Side, Codec), marker: bool, payload: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        let kind = u32::from(codec.kind() == Kind::Video);
        let ticks = ms as u32 * (codec.clock_rate() / 1000);
        self.mark(TapEntry::Packet(TappedPacket {
            at: Instant::from_micros(ms * 1000),
            side,
            ssrc: side as u32 * 2 + kind,
            codec,
            sequence: self.sequence,
            timestamp: ticks,
            marker,
            len: payload.len(),
        }));
        self.tap.bytes.extend_from_slice(payload);
    }

    /// The left one sounds at 440 Hz, the right one at 1000 Hz.
    fn speak(&mut self, from_ms: u64, to_ms: u64) {
        let mut payload = [0; 320];
        for ms in (from_ms..to_ms).step_by(20) {
            let len = self.left.encode(&tone(440.0, 8000, ms), &mut payload).unwrap();
            self.packet(ms, (Side::Left, Codec::Pcmu), false, &payload[..len]);
            let len = self.right.encode(&tone(1000.0, 16_000, ms), &mut payload).unwrap();
            self.packet(ms, (Side::Right, Codec::G722), false, &payload[..len]);
        }
    }

    /// One key frame of one colour.
    fn show(&mut self, ms: u64, side: Side, (red, green, blue): (u8, u8, u8)) {
        let settings =
            Settings { width: 352, height: 288, frame_rate: 15, bitrate: 400_000, slice_max: None };
        let mut encoder = VideoEncoder::new(&Codec::H264, &settings).unwrap();
        let (mut image, mut coded) = (Image::new(352, 288), Vec::new());
        image.fill(Colour::from_rgb(red, green, blue));
        encoder.encode(&image, true, &mut coded).unwrap();
        let mut packets =
            Packetiser::new(PictureFormat::H264 { mode: PacketizationMode::NonInterleaved }, 1200);
        packets.packetise(&coded, &mut |payload, last| {
            self.packet(ms, (side, Codec::H264), last, payload);
        });
    }
}

fn tone(hz: f64, rate: u32, ms: u64) -> Vec<i16> {
    let first = ms * u64::from(rate) / 1000;
    let sample = |n: u64| ((TAU * hz * n as f64 / f64::from(rate)).sin() * 8000.0) as i16;
    (first..first + u64::from(rate) / 50).map(sample).collect()
}

/// Records four seconds, two before and two behind a pause.
fn record(path: &Path) {
    let mut phones = Phones::new();
    phones.mark(TapEntry::Resume(Instant::from_micros(500_000)));
    phones.show(520, Side::Left, RED);
    phones.show(530, Side::Right, BLUE);
    phones.speak(540, 2500);
    phones.mark(TapEntry::Pause(Instant::from_micros(2_500_000)));
    phones.mark(TapEntry::Resume(Instant::from_micros(9_000_000)));
    phones.show(9010, Side::Left, RED);
    phones.speak(9020, 11_000);
    let mut recordings = Recordings::start(path.into(), Reserve::default()).unwrap();
    recordings.begin(CALL, path.to_owned());
    recordings.tap(phones.tap);
    recordings.end(CALL);
    recordings.finish(PATIENCE);
}

fn place(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recording").join(name);
    let _ = fs::remove_dir_all(&directory);
    directory.join("2026-11-24").join("call-17.mkv")
}

fn run(program: &str, path: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(["-v", "error"]).arg(if program == "ffmpeg" { "-i" } else { "-hide_banner" });
    let output = command.arg(path).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} (Debian: ffmpeg): {error}"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{program}: {errors}");
    output.stdout
}

/// Samples at 16 kHz of both channels.
fn voices(path: &Path) -> [Vec<i16>; 2] {
    let pcm = run("ffmpeg", path, &["-map", "0:a", "-ar", "16000", "-f", "s16le", "-"]);
    let samples: Vec<i16> =
        pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    [0, 1].map(|channel| samples.iter().skip(channel).step_by(2).copied().collect())
}

/// The colours in the middles of both halves, at a second.
fn colours(path: &Path, second: &str) -> [(u8, u8, u8); 2] {
    let pixels = run(
        "ffmpeg",
        path,
        &["-ss", second, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
    );
    assert_eq!(pixels.len(), 704 * 288 * 3);
    [176, 528].map(|column| {
        let at = (144 * 704 + column) * 3;
        (pixels[at], pixels[at + 1], pixels[at + 2])
    })
}

fn is_like(one: (u8, u8, u8), other: (u8, u8, u8)) -> bool {
    let near = |a: u8, b: u8| a.abs_diff(b) < 40;
    near(one.0, other.0) && near(one.1, other.1) && near(one.2, other.2)
}

fn seconds(path: &Path) -> f64 {
    let told = run("ffprobe", path, &["-show_entries", "format=duration", "-of", "csv=p=0"]);
    String::from_utf8(told).unwrap().trim().parse().unwrap()
}

#[test]
fn a_player_hears_each_on_its_side_and_sees_both_beside_each_other() {
    let path = place("both");
    record(&path);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let length = seconds(&path);
    assert!((3.8..4.2).contains(&length), "{length} s: the pause takes none");
    let [left, right] = voices(&path);
    for second in [0.5, 1.5, 2.5, 3.5] {
        let at = (second * 16_000.0) as usize;
        let share = |pcm: &[i16], hz| goertzel::share(&pcm[at..at + 3200], 16_000, hz);
        let shares =
            [share(&left, 440), share(&left, 1000), share(&right, 1000), share(&right, 440)];
        println!("at {second} s: {shares:.3?}");
        assert!(shares[0] > 0.9 && shares[2] > 0.9, "at {second} s: {shares:?}");
        assert!(shares[1] < 0.02 && shares[3] < 0.02, "at {second} s: {shares:?}");
    }
    let [left, right] = colours(&path, "1");
    assert!(is_like(left, RED) && is_like(right, BLUE), "{left:?} and {right:?}");
    let [left, right] = colours(&path, "2.5");
    assert!(is_like(left, RED), "{left:?}");
    assert!(!is_like(right, BLUE), "whoever was there before the pause is not shown behind it");
}

#[test]
fn a_file_whose_writer_was_cut_off_plays_up_to_there() {
    let path = place("cut");
    record(&path);
    let whole = fs::read(&path).unwrap();
    // As if neither the index nor the last second had been written.
    let cut = path.with_extension("cut.mkv");
    fs::write(&cut, &whole[..whole.len() * 3 / 5]).unwrap();
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "quiet", "-i"]).arg(&cut);
    command.args(["-map", "0:a", "-ar", "16000", "-f", "s16le", "-"]);
    let pcm = command.output().unwrap().stdout;
    let seconds = pcm.len() as f64 / 64_000.0;
    assert!(seconds > 1.0, "{seconds} s of 4");
}

/// As a kill leaves it: what was given out for the disk, and no end.
#[test]
fn what_is_said_is_in_the_file_within_two_seconds() {
    let mut phones = Phones::new();
    phones.mark(TapEntry::Resume(Instant::from_micros(0)));
    phones.speak(0, 8000);
    let (mut recorder, head) = Recorder::new("call-17");
    let mut ink = vec![head];
    recorder.take(&phones.tap, &mut ink);
    let path = place("killed");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file: Vec<u8> = Vec::new();
    for ink in ink {
        match ink {
            FileWrite::Append(bytes) => file.extend(bytes),
            FileWrite::Patch { at, bytes } => {
                file[at as usize..][..bytes.len()].copy_from_slice(&bytes)
            }
        }
    }
    fs::write(&path, file).unwrap();
    let [left, right] = voices(&path);
    let seconds = left.len() as f64 / 16_000.0;
    assert!((6.0..8.0).contains(&seconds), "{seconds} s of 8");
    assert!(goertzel::share(&right[80_000..83_200], 16_000, 1000) > 0.9);
}

#[test]
fn a_file_that_is_there_is_never_written_over() {
    let path = place("twice");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "somebody's").unwrap();
    record(&path);
    assert_eq!(fs::read(&path).unwrap(), b"somebody's");
}

#[tokio::test]
async fn a_disk_that_says_no_is_told() {
    let path = place("no").join("a").join("b");
    let mut recordings = Recordings::start(path.clone(), Reserve::default()).unwrap();
    fs::create_dir_all(path.parent().unwrap().parent().unwrap().parent().unwrap()).unwrap();
    // A file where a directory has to be.
    fs::write(path.parent().unwrap().parent().unwrap(), "").unwrap();
    recordings.begin(CALL, path);
    let Some(RecorderReport::Failed { call, text }) = recordings.next().await else {
        panic!("{CALL}")
    };
    assert_eq!(call, CALL);
    assert!(text.starts_with("cannot create the recording /"), "{text}");
    recordings.end(CALL);
    recordings.finish(PATIENCE);
}

#[tokio::test]
async fn a_disk_without_the_reserve_is_told_before_it_is_full() {
    let directory = place("full");
    let mut recordings = Recordings::start(directory, Reserve::Bytes(u64::MAX)).unwrap();
    assert!(matches!(recordings.next().await, Some(RecorderReport::Room(false))));
    recordings.finish(PATIENCE);
}
