//! What the machine and the net can do to a running switchboard: it says what is wrong, goes on with what it
//! can, and is whole again afterwards.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::sip::Message;
use crate::sipp::{Sipp, TRUNK, TRUNK_HOST};
use crate::switchboard::Switchboard;
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(10);

fn options(from: SocketAddr, transport: &str, number: u32) -> Message {
    Message::request("OPTIONS", "sip:cordboard.test")
        .with("Via", format!("SIP/2.0/{transport} {from};branch=z9hG4bKfault{number};rport"))
        .with("Max-Forwards", "70")
        .with("From", format!("<sip:probe@{from}>;tag=p"))
        .with("To", "<sip:cordboard.test>")
        .with("Call-ID", format!("fault-{number}"))
        .with("CSeq", format!("{number} OPTIONS"))
}

/// A connection from `from`, which may have been refused already.
fn connect(from: SocketAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from.ip(), 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Whether OPTIONS is answered over this connection.
fn is_answered(mut stream: &TcpStream, number: u32) -> bool {
    let Ok(from) = stream.local_addr() else { return false };
    if stream.write_all(&options(from, "TCP", number).to_bytes()).is_err() {
        return false;
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).is_ok() && answer == *b"SIP/2.0 200 "
}

#[test]
fn with_few_files_it_says_what_to_raise_and_goes_on() {
    let board = Switchboard::open_under("", "ulimit -n 200");
    let ours = board.place.switchboard();
    assert!(board.log().contains("only 200 files may be open at once"), "{}", board.last_words());

    // Connections from many addresses until nothing more can be opened.
    let mut crowd = Vec::new();
    let addresses: Vec<_> = (0..25).map(|_| board.place.next_address()).collect();
    let mut addresses = addresses.into_iter().cycle();
    wait::until("the end of all files", PATIENCE, || {
        let from = addresses.next()?;
        crowd.extend((0..10).filter_map(|_| connect(from, ours).ok()));
        board.log().contains("no connection can be accepted").then_some(())
    });
    // Administration and datagrams are served all the same, again and again.
    for number in 1..4 {
        assert!(board.cli("status").contains("terminals"));
        let probe = UdpSocket::bind(board.place.next_address()).expect("an address is free");
        probe.set_read_timeout(Some(PATIENCE)).expect("a socket has timeouts");
        let from = probe.local_addr().expect("it is bound");
        probe.send_to(&options(from, "UDP", number).to_bytes(), ours).expect("it is sent");
        let mut answer = [0; 2048];
        let len = probe.recv(&mut answer).expect("an answer comes");
        assert!(answer[..len].starts_with(b"SIP/2.0 200 "));
    }
    // Nobody is kept out for good.
    drop(crowd);
    let from = board.place.next_address();
    wait::until("a connection that is served", PATIENCE, || {
        connect(from, ours).ok().filter(|stream| is_answered(stream, 9))
    });
}

#[test]
fn with_too_few_files_it_does_not_begin() {
    let board = Switchboard::open();
    let (status, said) = board.try_serve_under("ulimit -n 100");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("only 100 files may be open at once, at least 128 are needed"), "{said}");
    assert!(said.contains("LimitNOFILE="), "{said}");
}

/// More than there are ports in stock, before the house has come round to any of them.
#[test]
fn a_burst_of_calls_waits_for_its_ports() {
    const BURST: u32 = 65;
    const AGAIN_MAX: u32 = 10 * BURST;
    let queue = "[queue.main]\nwaiting_max = 200\n[limits]\ntrunk_waiting = \"90%\"\n";
    let more = format!("{queue}{TRUNK}level = \"B\"\n");
    let board = Switchboard::open_with(&more);
    let _desk = board.desk("op1");
    let (from, ours) = (board.place.host(TRUNK_HOST), board.place.switchboard());
    let carrier = UdpSocket::bind(from).expect("the trunk's address is free");
    carrier.set_read_timeout(Some(PATIENCE)).expect("a socket has timeouts");
    for number in 1..=BURST {
        carrier.send_to(&invite(from, number).to_bytes(), ours).expect("it is sent");
    }
    let (mut answered, mut again) = (BTreeSet::new(), 0);
    let mut buffer = [0; 4096];
    while answered.len() < BURST as usize {
        let len = carrier.recv(&mut buffer).expect("every call is answered");
        let Some(message) = Message::parse(&buffer[..len]) else { continue };
        match message.status() {
            Some(200) => {
                answered.insert(message.header("Call-ID").map(str::to_owned));
            }
            // A machine that has no time to read so many says so, and would be asked again.
            Some(503) if message.start.ends_with(" Service Unavailable") => {
                again += 1;
                assert!(again < AGAIN_MAX, "it has no time: {} calls answered", answered.len());
                std::thread::sleep(Duration::from_millis(10));
                let invite = invite(from, BURST + again);
                carrier.send_to(&invite.to_bytes(), ours).expect("it is sent");
            }
            Some(status) if status >= 300 => panic!("{}", message.start),
            _ => {}
        }
    }
}

fn invite(from: SocketAddr, number: u32) -> Message {
    let ip = from.ip();
    let port = 20_000 + 2 * number;
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
    );
    Message::request("INVITE", "sip:9000@cordboard.test")
        .with("Via", format!("SIP/2.0/UDP {from};branch=z9hG4bKburst{number};rport"))
        .with("Max-Forwards", "70")
        .with("From", format!("<sip:{number}@{from}>;tag=b{number}"))
        .with("To", "<sip:9000@cordboard.test>")
        .with("Call-ID", format!("burst-{number}"))
        .with("CSeq", "1 INVITE")
        .with("Contact", format!("<sip:{number}@{from}>"))
        .with_body("application/sdp", offer)
}

/// Where our relay takes in the sound of whoever is called.
fn sound_port(user: &Sipp) -> u16 {
    let invite = user.message("<- INVITE");
    let body = String::from_utf8_lossy(&invite.body).into_owned();
    let (_, after) = body.split_once("m=audio ").expect("it offers sound");
    after.split(' ').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// A phone that does not know that its call has ended still sends: nobody else may hear it.
#[test]
fn ports_that_a_crash_has_left_are_given_to_nobody_for_a_while() {
    let mut board = Switchboard::open();
    let mut user = board.phone_at("3002", "phone-answers");
    let _caller = board.terminal("terminal-calls", "3001", "3002");
    user.awaits("<- ACK");
    let before = sound_port(&user);
    let ledger = board.data().join("cordboard.ledger");
    wait::until("the ledger to name the ports", PATIENCE, || {
        std::fs::metadata(&ledger).is_ok_and(|file| file.len() >= 64 * 4).then_some(())
    });
    board.crash_and_restart();
    let mut other = board.phone_at("3003", "phone-answers");
    let _caller = board.terminal("terminal-calls", "3001", "3003");
    other.awaits("<- ACK");
    let pairs = [before - 2, before, before + 2];
    assert!(!pairs.contains(&sound_port(&other)), "both ports of the first call rest");
}
