//! Videophones that know H.263+ (RFC 4629) and no other picture, as operator's phone and as callee.
//!
//! SIPp speaks for them, FFmpeg codes and packs what they send and shows what they get:
//!
//! ```text
//!   switchboard ◀── SIP ──▶ SIPp
//!        ▲                          ┌◀── ffmpeg: the party's tone and colour
//!        └──── RTP ──▶ splice ──────┤
//!                                   └──▶ ffmpeg: heard.wav, seen.png
//! ```

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use crate::phone::{Account, Answer, CALLER, OPERATOR, PLAIN, Party, USER};
use crate::picture;
use crate::ports::free_address;
use crate::program::Program;
use crate::sip::Message;
use crate::sipp::{Role, Sipp, account};
use crate::switchboard::Switchboard;
use crate::tone::Recording;
use crate::wait;
use crate::witness::{Gets, judge, mark};

const PATIENCE: Duration = Duration::from_secs(10);
/// Within this time after a switch the new party is heard and seen.
const SETTLE: Duration = Duration::from_secs(15);
/// The latest stretch of sound that tells what is heard now.
const NOW_MS: usize = 400;

#[test]
fn h263_plus_phones_as_operator_and_as_callee_see_and_are_seen_by_an_h264_caller() {
    let board = Switchboard::open();
    let mut operator = Videophone::registers(&board, "3001", OPERATOR);
    let mut user = Videophone::registers(&board, "3002", USER);
    let mut desk = board.desk("op1");
    let guest = Account::Guest { name: "guest" };
    let mut caller = board.phone(CALLER, PLAIN, Answer::WhenTold, &guest);
    caller.dial("sip:9000@cordboard.test");
    caller.await_event("CALL_ESTABLISHED");
    let offer = desk.event("offer");
    desk.does("take", json!({ "request": offer["request"] }));
    operator.answers();
    desk.phase("with-caller");
    operator.meets("with the caller", CALLER);
    let start = mark(&mut [&mut caller]);
    judge("with the caller", &start, &mut [&mut caller], &[Gets::Party(OPERATOR)]);
    desk.does("consult", json!({ "number": "3002" }));
    user.answers();
    desk.phase("talking-to-callee");
    operator.meets("consulting", USER);
    user.meets("consulting", OPERATOR);
    desk.does("connect", json!({}));
    desk.phase("connected");
    user.meets("connected", CALLER);
    let start = mark(&mut [&mut caller]);
    judge("connected", &start, &mut [&mut caller], &[Gets::Party(USER)]);
    desk.healthy();
    desk.does("release", json!({}));
    operator.sipp.ends_well();
    caller.hang_up();
    user.sipp.ends_well();
}

/// Such a phone; it answers when it is told.
struct Videophone {
    party: Party,
    sipp: Sipp,
    directory: PathBuf,
    sound: Splice,
    pictures: Splice,
    /// What sends and what shows, once it has answered.
    programs: Vec<Program>,
}

impl Videophone {
    #[track_caller]
    fn registers(board: &Switchboard, number: &str, party: Party) -> Videophone {
        let (place, peer) = (&board.place, board.place.switchboard());
        let (sip, who) = (place.next_address(), account(number));
        let role = |scenario, extra| Role { scenario, who, number, extra, tcp: false };
        Sipp::start(place, sip, peer, &role("phone-registers", "")).ends_well();
        let (sound, pictures) = (Splice::new(peer), Splice::new(peer));
        let (ip, ports) = (sound.own.ip(), [&sound, &pictures].map(|splice| splice.own.port()));
        let extra = format!("{ip};{};{}", ports[0], ports[1]);
        let sipp = Sipp::start(place, sip, peer, &role("phone-shows-h263-plus", &extra));
        let directory = place.directory(party.name);
        Videophone { party, sipp, directory, sound, pictures, programs: Vec::new() }
    }

    /// Takes the call that rings, or that will.
    #[track_caller]
    fn answers(&mut self) {
        self.sipp.awaits("<- INVITE");
        let number = offered_number(&self.sipp.message("<- INVITE"));
        self.programs = vec![self.hears(), self.sees(&number), self.sends(&number)];
        let screens = [&self.sound, &self.pictures].map(|splice| splice.screen);
        for screen in screens {
            let key = format!(":{:04X} ", screen.port());
            wait::until("FFmpeg to listen", PATIENCE, || {
                let table = fs::read_to_string("/proc/net/udp").expect("Linux has /proc");
                table.contains(&key).then_some(())
            });
        }
        self.sipp.nudge();
    }

    /// Waits until this party is heard and seen.
    #[track_caller]
    fn meets(&self, phase: &str, party: Party) {
        let (heard, seen) = (self.directory.join("heard.wav"), self.directory.join("seen.png"));
        let (mut share, mut colour) = (0.0, None);
        let met = wait::within(SETTLE, || {
            let sound = heard.exists().then(|| Recording::new(&heard).since(0))?;
            let now = sound.after(sound.millis().saturating_sub(NOW_MS));
            share = now.share_of(party.tone);
            colour = picture::colour(&seen).or(colour);
            (share > 0.9 && colour?.looks_like(party.colour)).then_some(())
        });
        let (own, other) = (self.party.name, party.name);
        assert!(
            met.is_some(),
            "{phase}: {own} hears {other} {share:.2} of the time, sees {colour:?}"
        );
    }

    fn hears(&self) -> Program {
        let mut command = self.receiver("sound", &self.sound, "audio", "0", "PCMU/8000");
        command.args(["-fflags", "+bitexact", "-flush_packets", "1", "heard.wav"]);
        self.start("hears", &mut command)
    }

    fn sees(&self, number: &str) -> Program {
        let splice = &self.pictures;
        let mut command = self.receiver("pictures", splice, "video", number, "H263-1998/90000");
        command.args(["-vf", "fps=10", "-f", "image2", "-update", "1"]);
        command.args(["-atomic_writing", "1", "seen.png"]);
        self.start("sees", &mut command)
    }

    fn receiver(
        &self,
        name: &str,
        splice: &Splice,
        kind: &str,
        number: &str,
        map: &str,
    ) -> Command {
        let (ip, port) = (splice.screen.ip(), splice.screen.port());
        let sdp = format!(
            "v=0\no=- 1 1 IN IP4 {ip}\ns=-\nc=IN IP4 {ip}\nt=0 0\nm={kind} {port} RTP/AVP {number}\n\
             a=rtpmap:{number} {map}\n"
        );
        let file = format!("{name}.sdp");
        fs::write(self.directory.join(&file), sdp).expect("the phone's directory is writable");
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y", "-protocol_whitelist", "file,udp,rtp"]);
        command.args(["-reorder_queue_size", "0", "-i", &file]);
        command
    }

    fn sends(&self, number: &str) -> Program {
        let [red, green, blue] = self.party.colour.0;
        let colour = format!("color=c=0x{red:02x}{green:02x}{blue:02x}:size=352x288:rate=10");
        let tone = format!("sine=frequency={}:sample_rate=8000", self.party.tone);
        let [sound, pictures] = [&self.sound, &self.pictures]
            .map(|splice| format!("rtp://{}?pkt_size=1200", splice.own));
        let mut command = Command::new("ffmpeg");
        command
            .args(["-v", "error", "-re", "-f", "lavfi", "-i", &tone])
            .args(["-re", "-f", "lavfi", "-i", &colour])
            // 20 ms a packet, as loud as the others are.
            .args(["-map", "0:a", "-af", "volume=4,asetnsamples=160", "-c:a", "pcm_mulaw"])
            .args(["-f", "rtp", &sound])
            .args(["-map", "1:v", "-vf", "noise=alls=6:allf=t", "-pix_fmt", "yuv420p"])
            .args(["-c:v", "h263p", "-g", "10", "-q:v", "8"])
            .args(["-f", "rtp", "-payload_type", number, &pictures]);
        self.start("sends", &mut command)
    }

    fn start(&self, name: &str, command: &mut Command) -> Program {
        command.current_dir(&self.directory);
        Program::start(name, command, &log(&self.directory, name))
    }
}

fn log(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.log"))
}

/// The payload number under which an offer has H.263+.
fn offered_number(invite: &Message) -> String {
    let sdp = String::from_utf8_lossy(&invite.body);
    let line = sdp.lines().find(|line| line.contains(" H263-1998/90000"));
    let number = line.and_then(|line| line.strip_prefix("a=rtpmap:")?.split(' ').next());
    number.expect("H263-1998 is offered").to_owned()
}

/// The port that a phone names for one kind of media, although two programs do the work behind it.
struct Splice {
    own: SocketAddr,
    /// Where what comes from the switchboard is played.
    screen: SocketAddr,
    stopped: Arc<AtomicBool>,
    carrier: Option<JoinHandle<()>>,
}

impl Splice {
    /// What the switchboard sends goes to the screen, what others send to where the switchboard's comes from.
    fn new(board: SocketAddr) -> Splice {
        let socket = UdpSocket::bind(free_address()).expect("the port was free just now");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout can be set");
        let (own, screen) = (socket.local_addr().expect("it is bound"), free_address());
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        let carrier = std::thread::spawn(move || {
            let (mut relay, mut buffer) = (None, [0; 65536]);
            while !flag.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let to = if from.ip() == board.ip() {
                    relay = Some(from);
                    Some(screen)
                } else {
                    relay
                };
                // What is lost is lost, as on any net.
                let _ = to.map(|to| socket.send_to(&buffer[..length], to));
            }
        });
        Splice { own, screen, stopped, carrier: Some(carrier) }
    }
}

impl Drop for Splice {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(carrier) = self.carrier.take() {
            // One that panicked has failed the test by its silence.
            let _ = carrier.join();
        }
    }
}
