//! A phone whose packets of sound carry all that RTP allows beside the sound (RFC 3550 §5.1, §5.3.1).
//!
//! ```text
//!   header │ two CSRC │ header extension │ 160 bytes of PCMA │ padding, as loud as can be │ its length
//! ```

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::phone::{Answer, CALLER, Codecs, OPERATOR, PLAIN};
use crate::playback::Playback;
use crate::ports::free_address;
use crate::program;
use crate::sip::{Message, Wire};
use crate::stage::terminal;
use crate::switchboard::Switchboard;
use crate::wait;
use crate::witness::{Gets, judge, mark};

const PATIENCE: Duration = Duration::from_secs(10);
const FRAME: usize = 160;
const PADDING: u8 = 80;
/// The loudest sample of G.711 A.
const LOUD: u8 = 0xAA;

/// Converted for the operator, and recorded: the tone, and nothing beside it.
#[test]
fn what_is_no_sound_in_a_packet_is_not_heard() {
    let board = Switchboard::open_with("[queue.main]\nrecord = \"always\"\n");
    let codecs = Codecs { audio: "G722", video: "", ..PLAIN };
    let mut operator = board.phone(OPERATOR, codecs, Answer::AtOnce, &terminal("3001"));
    let mut desk = board.desk("op1");
    let caller = PaddedCaller::calls("9000", board.place.switchboard());
    let offer = desk.event("offer");
    desk.does("take", json!({ "request": offer["request"] }));
    desk.phase("with-caller");
    operator.await_event("CALL_ESTABLISHED");
    let begun = wait::within(PATIENCE, || operator.recording());
    let heard = begun.expect("the phone begins to record");
    let start = mark(&mut [&mut operator]);
    judge("with the caller", &start, &mut [&mut operator], &[Gets::Voice(CALLER)]);
    let from = heard.length();
    let sound = wait::until("a second of sound", PATIENCE, || {
        let sound = heard.since(from);
        (sound.millis() >= 1000).then_some(sound)
    });
    let pure = sound.share_pure(CALLER.tone);
    assert!(pure > 0.9, "the operator hears the tone alone in {pure:.2} of the time");
    desk.does("hangup", json!({}));
    operator.await_event("CALL_CLOSED");
    drop(caller);
    let records = board.records(1);
    let path = PathBuf::from(records[0]["recordings"][0].as_str().expect("it was recorded"));
    let played = wait::until("the end of the recording", PATIENCE, || Playback::of(&path));
    let [left, right] = played.sounds(played.seconds() - 1.5);
    let pure = [left.share_pure(CALLER.tone), right.share_pure(OPERATOR.tone)];
    assert!(pure.iter().all(|share| *share > 0.9), "in the recording: {pure:.2?}");
}

/// A guest who sends such packets from the beginning of its call on.
struct PaddedCaller {
    /// Its call is over when this is closed.
    _wire: Wire,
    stopped: Arc<AtomicBool>,
    sender: Option<JoinHandle<()>>,
}

impl PaddedCaller {
    #[track_caller]
    fn calls(number: &str, board: SocketAddr) -> PaddedCaller {
        let media = UdpSocket::bind(free_address()).expect("the port was free just now");
        let own = media.local_addr().expect("it is bound");
        let mut wire = Wire::tcp(board);
        let (local, uri) = (wire.local(), format!("sip:{number}@cordboard.test"));
        let request = |method: &str, to: String| {
            Message::request(method, &uri)
                .with("Via", format!("SIP/2.0/TCP {local};branch=z9hG4bKpadded{method};rport"))
                .with("Max-Forwards", "70")
                .with("From", "<sip:padded@elsewhere.example>;tag=padded")
                .with("To", to)
                .with("Call-ID", format!("padded-{local}"))
                .with("CSeq", format!("1 {method}"))
                .with("Contact", format!("<sip:padded@{local};transport=tcp>"))
        };
        let (ip, port) = (own.ip(), own.port());
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
        );
        let invite = request("INVITE", format!("<{uri}>")).with_body("application/sdp", offer);
        wire.send(&invite.to_bytes());
        let answer = wait::until("an answer to the padded caller", PATIENCE, || {
            let message = wire.receive().expect("the connection stands")?;
            message.status().is_some_and(|status| status >= 200).then_some(message)
        });
        assert_eq!(answer.status(), Some(200), "{answer:?}");
        let to = answer.header("To").expect("a response has a To").to_owned();
        wire.send(&request("ACK", to).to_bytes());
        media.connect(sound_of(&answer)).expect("loopback has a route");
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        let sender = std::thread::spawn(move || send(&media, &flag));
        PaddedCaller { _wire: wire, stopped, sender: Some(sender) }
    }
}

impl Drop for PaddedCaller {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender.take() {
            // One that panicked has failed the test by its silence.
            let _ = sender.join();
        }
    }
}

/// Where the answer wants the sound.
fn sound_of(answer: &Message) -> SocketAddr {
    let sdp = String::from_utf8_lossy(&answer.body);
    let after = |start: &str| sdp.split(start).nth(1)?.split([' ', '\r']).next();
    let (ip, port) = (after("c=IN IP4 "), after("m=audio "));
    let address = ip.zip(port).map(|(ip, port)| format!("{ip}:{port}"));
    address.and_then(|text| text.parse().ok()).expect("the answer names an address")
}

/// A packet every 20 ms, until told.
fn send(media: &UdpSocket, stopped: &AtomicBool) {
    // Whole hertz: each second is as the first.
    let tone = format!("sine=frequency={}:sample_rate=8000:duration=1", CALLER.tone);
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "lavfi", "-i", &tone, "-af", "volume=4"]);
    let second = program::run(command.args(["-f", "alaw", "-"]));
    let began = Instant::now();
    for (n, frame) in second.chunks_exact(FRAME).cycle().enumerate() {
        if stopped.load(Ordering::Relaxed) {
            return;
        }
        // What nobody receives any more is lost, as on any net.
        let _ = media.send(&packet(n as u32, frame));
        let next = began + Duration::from_millis(20) * (n as u32 + 1);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn packet(n: u32, frame: &[u8]) -> Vec<u8> {
    // Version 2, padding, extension, two CSRC; PCMA.
    let mut packet = vec![0xB2, 8];
    packet.extend((n as u16).to_be_bytes());
    packet.extend((n * FRAME as u32).to_be_bytes());
    packet.extend(*b"padd");
    packet.extend(*b"onceagain");
    packet.truncate(20);
    // RFC 8285 §4.2: one-byte headers, two words of them.
    packet.extend([0xBE, 0xDE, 0, 2, 0x10, LOUD, 0x22, LOUD, LOUD, LOUD, 0, 0]);
    packet.extend(frame);
    packet.extend([LOUD; PADDING as usize - 1]);
    packet.push(PADDING);
    packet
}
