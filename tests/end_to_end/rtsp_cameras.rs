//! Cameras: a real RTSP server with a film of one colour, seen by a real phone; lost, and back again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::phone::{Account, Answer, CALLER, Codecs, OPERATOR, PLAIN, Phone, USER};
use crate::picture::{self, Colour};
use crate::place::Place;
use crate::ports::free_address;
use crate::program::Program;
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;

/// No party's colour, and not the ground of the pictures that the switchboard draws.
const GATE: Colour = Colour([210, 200, 40]);
/// The ground of a picture that the switchboard draws.
const DRAWN: Colour = Colour([64, 80, 100]);
/// Debian's, which has GStreamer's bindings.
const PYTHON: &str = "/usr/bin/python3";
const USER_NAME: &str = "viewer";
/// Nothing may ever print this.
const CAMERA_PASSWORD: &str = "gate-keepers";
const CLIP_SECONDS: u32 = 60;
/// Connecting again waits a few seconds; a loaded machine needs some more.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a camera sends.
#[derive(Clone, Copy, Debug)]
enum Clip {
    /// As phones send it, so that it passes.
    Plain,
    /// As most cameras send it: a profile that phones do not take, and larger than they want it.
    High,
    /// H.265.
    #[cfg(feature = "system-codecs")]
    H265,
}

impl Clip {
    fn write(self, directory: &Path) -> PathBuf {
        const H264: [&str; 6] = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"];
        let (name, size, codec) = match self {
            Self::Plain => {
                ("h264.mp4", "352x288", [&H264[..], &["-profile:v", "baseline"]].concat())
            }
            Self::High => {
                let high = ["-profile:v", "high", "-x264-params", "8x8dct=1:level=4.0"];
                ("h264.mp4", "1280x720", [&H264[..], &high].concat())
            }
            #[cfg(feature = "system-codecs")]
            Self::H265 => {
                // Tagged so that GStreamer finds the parameter sets in its head.
                let x265 = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"];
                let quiet = ["-x265-params", "log-level=0"];
                ("h265.mp4", "352x288", [&x265[..], &quiet].concat())
            }
        };
        let path = directory.join(name);
        picture::write_camera_clip(&path, GATE, size, &codec, CLIP_SECONDS);
        path
    }
}

/// A camera that can be switched off and on.
struct Camera {
    program: Program,
    clip: PathBuf,
    address: SocketAddr,
    directory: PathBuf,
}

impl Camera {
    fn start(directory: PathBuf, address: SocketAddr, clip: Clip) -> Camera {
        let path = clip.write(&directory);
        let program = Camera::serve(&directory, address, &path);
        Camera { program, clip: path, address, directory }
    }

    fn serve(directory: &Path, address: SocketAddr, clip: &Path) -> Program {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/end_to_end/rtsp_camera.py");
        let mut command = Command::new(PYTHON);
        command.args([script, &address.ip().to_string(), &address.port().to_string()]);
        command.arg(clip).args([USER_NAME, CAMERA_PASSWORD]);
        Program::start("camera", &mut command, &directory.join("log"))
    }

    fn switch_off(&mut self) {
        self.program.kill();
    }

    fn switch_on(&mut self) {
        self.program = Camera::serve(&self.directory, self.address, &self.clip);
    }
}

#[test]
fn a_camera_is_seen_by_its_number_lost_and_seen_again() {
    let (board, mut camera) = house(Clip::Plain, "");
    let mut phone = phone(&board, PLAIN, Answer::WhenTold, "3001");
    phone.dial("7001");
    phone.await_event("CALL_ESTABLISHED");
    sees(&mut phone, GATE, "the camera");
    camera.switch_off();
    sees(&mut phone, DRAWN, "that the camera is gone");
    camera.switch_on();
    sees(&mut phone, GATE, "the camera again");
    phone.hang_up();
    let record = &board.records(1)[0];
    assert_eq!(record["callee"], "7001", "{record}");
    let said = board.last_words();
    for word in ["camera gate: connected", "tried again in 1 s"] {
        assert!(said.contains(word), "{word:?} is not in the log:\n{said}");
    }
    assert!(!said.contains(CAMERA_PASSWORD), "the log tells the password:\n{said}");
}

#[test]
fn who_may_not_or_cannot_see_a_camera_is_told_so() {
    let (board, _camera) = house(Clip::Plain, "");
    let blind = Codecs { video: "", ..PLAIN };
    let mut outside = phone(&board, PLAIN, Answer::WhenTold, "4001");
    outside.dial("7001");
    let closed = outside.await_event("CALL_CLOSED").to_string();
    assert!(closed.contains("403"), "refused by level: {closed}");
    let mut blind = phone(&board, blind, Answer::WhenTold, "3002");
    blind.dial("7001");
    let closed = blind.await_event("CALL_CLOSED").to_string();
    assert!(closed.contains("488"), "refused without video: {closed}");
    assert!(board.cli("explain 3001 7001").contains("admits"));
    assert_eq!(board.try_cli("explain 4001 7001").0, board.try_cli("explain 4001 3001").0);
}

#[test]
fn who_waits_sees_the_camera_of_the_queue() {
    let (board, _camera) = house(Clip::Plain, "[queue.main]\ncamera = \"gate\"\n");
    let _desk = board.desk("op1");
    let _operator = phone(&board, PLAIN, Answer::WhenTold, "3001");
    let mut caller = phone(&board, PLAIN, Answer::WhenTold, "4001");
    caller.dial("9000");
    caller.await_event("CALL_ESTABLISHED");
    sees(&mut caller, GATE, "the camera of the queue");
}

#[test]
fn what_a_phone_cannot_take_is_converted_for_it() {
    sees_converted(Clip::High);
    #[cfg(feature = "system-codecs")]
    sees_converted(Clip::H265);
}

fn sees_converted(clip: Clip) {
    let (board, _camera) = house(clip, "");
    let mut phone = phone(&board, PLAIN, Answer::WhenTold, "3001");
    phone.dial("7001");
    phone.await_event("CALL_ESTABLISHED");
    sees(&mut phone, GATE, "the camera");
}

/// A switchboard with a camera at 7001.
fn house(clip: Clip, more: &str) -> (Switchboard, Camera) {
    let address = free_address();
    let camera = format!(
        "[[camera]]\nname = \"gate\"\nnumber = \"7001\"\nlevel = \"A\"\n\
         url = \"rtsp://{USER_NAME}:{CAMERA_PASSWORD}@{address}/gate\"\n"
    );
    let board = Switchboard::open_with(&format!("{camera}{more}"));
    let camera = Camera::start(board.place.directory("camera"), address, clip);
    (board, camera)
}

fn phone(board: &Switchboard, codecs: Codecs, answer: Answer, number: &str) -> Phone {
    let party = match number {
        "3001" => OPERATOR,
        "4001" => CALLER,
        _others => USER,
    };
    let account = Account::Terminal { number, password: PASSWORD };
    let place: &Place = &board.place;
    Phone::start(place, party, codecs, answer, &account, place.switchboard())
}

#[track_caller]
fn sees(phone: &mut Phone, colour: Colour, what: &str) {
    let mut last = None;
    let seen = wait::within(PATIENCE, || {
        last = phone.look(Duration::from_secs(1)).or(last);
        last.filter(|seen| seen.looks_like(colour))
    });
    assert!(seen.is_some(), "{} does not see {what}, but {last:?}", phone.party.name);
}
