//! Who sprays the relay from a phone's own address, and who lets it send to somebody else's.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::phone::{Account, Answer, OPERATOR, PLAIN, Phone, USER};
use crate::sip::Message;
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;
use crate::witness::{Gets, judge, mark};

/// What comes at all comes within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Packets that a phone which this machine keeps waiting may miss before its first word.
const FEW: usize = 100;
/// The relay's ports in the tests.
const RELAY: std::ops::Range<u16> = 14_000..14_400;

/// A neighbour on the phones' own IP: every 20 ms to every port, as RTP and as RTCP.
#[test]
fn a_neighbour_that_sprays_the_relay_neither_hears_nor_is_heard() {
    let board = Switchboard::open();
    let account = |number| Account::Terminal { number, password: PASSWORD };
    let phone = |party, answer, number| {
        Phone::start(
            &board.place,
            party,
            PLAIN,
            answer,
            &account(number),
            board.place.switchboard(),
        )
    };
    let mut inside = phone(OPERATOR, Answer::WhenTold, "3001");
    let mut user = phone(USER, Answer::AtOnce, "3002");
    let relay = board.place.switchboard().ip();
    let (over, heard) = (AtomicBool::new(false), AtomicUsize::new(0));
    let spray = || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.set_nonblocking(true).expect("it is a socket");
        for sequence in 0_u16.. {
            let mut packet = vec![0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
            packet.extend([0x55; 160]);
            let report = [0x80, 201, 0, 1, 1, 2, 3, 4];
            for port in RELAY {
                let bytes = if port % 2 == 0 { &packet[..] } else { &report[..] };
                let _ = socket.send_to(bytes, (relay, port));
            }
            let mut buffer = [0; 2_000];
            while socket.recv_from(&mut buffer).is_ok() {
                heard.fetch_add(1, Ordering::Relaxed);
            }
            if over.load(Ordering::Relaxed) {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
    };
    thread::scope(|scope| {
        scope.spawn(spray);
        // Also when the phones are judged to have heard it.
        let end = AtEnd(&over);
        inside.dial("3002");
        inside.await_event("CALL_ESTABLISHED");
        let phones = &mut [&mut inside, &mut user];
        let expected = [Gets::Party(USER), Gets::Party(OPERATOR)];
        let start = mark(phones);
        judge("sprayed", &start, phones, &expected);
        // Who has spoken for 200 ms before a phone that this machine has kept waiting may be that phone, until it speaks.
        let before = heard.load(Ordering::Relaxed);
        assert!(before < FEW, "{before} packets went to the attacker before the phones spoke");
        let start = mark(phones);
        judge("sprayed on", &start, phones, &expected);
        drop(end);
        assert_eq!(heard.load(Ordering::Relaxed), before, "more of them since");
    });
    user.hang_up();
    inside.await_event("CALL_CLOSED");
}

struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An address in whose name an INVITE comes, with sockets where its media would go.
struct Victim {
    sip: UdpSocket,
    media: Vec<UdpSocket>,
    received: usize,
    packets: usize,
    sent: usize,
}

impl Victim {
    fn new(address: SocketAddr) -> Victim {
        let bind = |port| {
            let socket = UdpSocket::bind((address.ip(), port)).expect("the address is the test's");
            socket.set_nonblocking(true).expect("it is a socket");
            socket
        };
        let media = (20_500..20_504).map(bind).collect();
        Victim { sip: bind(address.port()), media, received: 0, packets: 0, sent: 0 }
    }

    fn invite(&mut self, to: SocketAddr) -> Message {
        let ip = self.address().ip();
        let port = self.address().port();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio 20500 RTP/AVP 0\r\nm=video 20502 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
        );
        let invite = Message::request("INVITE", "sip:9000@cordboard.test")
            .with("Via", format!("SIP/2.0/UDP {ip}:{port};branch=z9hG4bKforged"))
            .with("From", "<sip:eve@elsewhere.example>;tag=eve")
            .with("To", "<sip:9000@cordboard.test>")
            .with("Call-ID", "forged")
            .with("CSeq", "1 INVITE")
            .with("Contact", format!("<sip:eve@{ip}:{port}>"))
            .with("Max-Forwards", "70")
            .with_body("application/sdp", sdp);
        self.send(&invite, to);
        invite
    }

    fn address(&self) -> SocketAddr {
        self.sip.local_addr().expect("it is bound")
    }

    fn send(&mut self, message: &Message, to: SocketAddr) {
        let bytes = message.to_bytes();
        self.sent += bytes.len();
        self.sip.send_to(&bytes, to).expect("the switchboard listens");
    }

    /// Takes what comes for so long; the answer, if one is among it.
    fn receive(&mut self, span: Duration) -> Option<Message> {
        let end = Instant::now() + span;
        let mut answer = None;
        let mut buffer = [0; 65_536];
        while Instant::now() < end {
            while let Ok((len, _)) = self.sip.recv_from(&mut buffer) {
                self.received += len;
                let message = Message::parse(&buffer[..len]);
                answer = message.filter(|message| message.status() == Some(200)).or(answer);
            }
            for socket in &self.media {
                while let Ok((len, _)) = socket.recv_from(&mut buffer) {
                    self.received += len;
                    self.packets += 1;
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        answer
    }
}

#[test]
fn an_address_in_whose_name_somebody_calls_gets_less_than_three_times_as_much() {
    let board = Switchboard::open();
    let _desk = board.desk("op1");
    let house = board.place.switchboard();
    let mut victim = Victim::new(board.place.next_address());
    victim.invite(house);
    let answer = victim.receive(Duration::from_secs(12));
    println!("{} bytes for {}, {} packets", victim.received, victim.sent, victim.packets);
    assert!(answer.is_some(), "it was answered");
    assert!(victim.received < 3 * victim.sent, "{} for {}", victim.received, victim.sent);
    assert_eq!(victim.packets, 0, "packets of sound and pictures");
}

#[test]
fn a_guest_that_acknowledges_hears_and_sees_the_wait() {
    let board = Switchboard::open();
    let _desk = board.desk("op1");
    let house = board.place.switchboard();
    let mut guest = Victim::new(board.place.next_address());
    let invite = guest.invite(house);
    let glance = Duration::from_millis(100);
    let answer = wait::within(PATIENCE, || guest.receive(glance)).expect("it was answered");
    let mut ack = Message::request("ACK", &format!("sip:9000@{house}"));
    for (name, value) in &invite.headers {
        ack = match name.as_str() {
            "To" => ack.with("To", answer.header("To").expect("a response has one")),
            "CSeq" => ack.with("CSeq", "1 ACK"),
            "Via" => ack.with("Via", value.replace("forged", "acknowledged")),
            "Content-Type" => ack,
            _ => ack.with(name, value),
        };
    }
    guest.send(&ack, house);
    wait::within(PATIENCE, || {
        guest.receive(glance);
        (guest.packets > 100).then_some(())
    });
    assert!(guest.packets > 100, "{} packets in {PATIENCE:?}", guest.packets);
}
