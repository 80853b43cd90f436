//! Packets through real sockets of this machine.

use super::{MediaSockets, Settings};
use crate::codec::{Codec, Kind};
use crate::ids::PortId;
use crate::media::{
    self, BitrateFeedback, Channel, Command, KeyFrameFeedback, Machine, MediaPath, Outgoing as _,
    PayloadFormat, PictureLimits, Plan, Protection, Source, StreamPlan, TransportPlan, Trust,
};
use crate::random::Random;
use crate::rtp::RtpHeader;
use crate::sdp::Direction;
use crate::server::fd_store::tests::TestManager;
use crate::time::{Duration, Now};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// One socket of a house with both families reaches peers of each, and hears them by their own form.
#[test]
fn a_socket_on_all_addresses_speaks_both_families() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let all = "::".parse().unwrap();
    let settings = Settings { address: all, ports: 24_700..=24_707 };
    let mut relay = MediaSockets::new(settings).unwrap();
    let port = relay.grow(1).unwrap()[0];
    for peer in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(peer) = UdpSocket::bind(peer) else { continue };
        peer.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        let to = peer.local_addr().unwrap();
        relay.outgoing().send(port, Channel::Rtp, to.into(), b"hello");
        let mut buffer = [0; 16];
        let (length, from) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from.ip()), (&b"hello"[..], to.ip()));
    }
    assert_eq!(relay.unsent(), 0);
}

/// A packet leaves from the address that it is to leave from, as long as that is ours.
#[test]
fn of_all_addresses_each_packet_leaves_from_its_own() {
    let runtime = runtime();
    let _entered = runtime.enter();
    for (bound, ports) in [("0.0.0.0", 24_710..=24_717), ("::", 24_720..=24_727)] {
        let settings = Settings { address: bound.parse().unwrap(), ports };
        let mut relay = MediaSockets::new(settings).unwrap();
        let port = relay.grow(1).unwrap()[0];
        let phone = UdpSocket::bind((HERE, 0)).unwrap();
        phone.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        let remote = phone.local_addr().unwrap();
        for (local, expected) in [
            (None, "127.0.0.1"),
            (Some("127.0.0.2"), "127.0.0.2"),
            (Some("127.0.0.3"), "127.0.0.3"),
            (None, "127.0.0.1"),
            (Some("192.0.2.1"), "127.0.0.1"),
            (Some("::1"), "127.0.0.1"),
        ] {
            let local = local.map(|local| local.parse().unwrap());
            let path = MediaPath { local, remote };
            relay.outgoing().send(port, Channel::Rtp, path, b"hello");
            let (_, from) = phone.recv_from(&mut [0; 16]).unwrap();
            assert_eq!(from.ip().to_string(), expected, "{bound} {local:?}");
        }
        assert_eq!(relay.unsent(), 0);
    }
}

/// Two phones at sockets on all addresses: each is spoken to from where it speaks to, and what it says to whoever read
/// late counts as well.
#[test]
fn of_all_addresses_packets_leave_from_the_one_that_the_peers_come_to() {
    runtime().block_on(async {
        let settings = Settings { address: "::".parse().unwrap(), ports: 24_730..=24_737 };
        let mut sockets = MediaSockets::new(settings).unwrap();
        let ports = sockets.grow(2).unwrap();
        let phones = [(); 2].map(|()| UdpSocket::bind((HERE, 0)).unwrap());
        let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
        for (port, phone) in ports.iter().zip(&phones) {
            phone.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
            let mut plan = plan(phone.local_addr().unwrap());
            plan.transport.local = Some([127, 0, 0, 9].into());
            let open = Command::Open { port: *port, kind: Kind::Audio, plan };
            machine.handle(Now::default(), open, sockets.outgoing());
        }
        let both = vec![(ports[0], Source::Port(ports[1])), (ports[1], Source::Port(ports[0]))];
        machine.handle(Now::default(), Command::Patch(both), sockets.outgoing());
        let say = |who: usize, to: [u8; 4], sequence| {
            let header =
                RtpHeader { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc: 1 };
            let packet = [&header.to_bytes()[..], &[0xff; 160]].concat();
            let port = u16::try_from(ports[who].0).unwrap();
            phones[who].send_to(&packet, (IpAddr::from(to), port)).unwrap();
        };
        let heard_from = |who: usize| phones[who].recv_from(&mut [0; 1500]).unwrap().1.ip();
        say(0, [127, 0, 0, 2], 1);
        sockets.readable().await.unwrap();
        sockets.relay(&mut machine, Now::default).unwrap();
        assert_eq!(heard_from(1), IpAddr::from([127, 0, 0, 9]), "what it was told");
        say(1, [127, 0, 0, 3], 1);
        sockets.readable().await.unwrap();
        sockets.relay(&mut machine, Now::default).unwrap();
        assert_eq!(heard_from(0), IpAddr::from([127, 0, 0, 2]));
        say(0, [127, 0, 0, 4], 2);
        sockets.catch_up(&mut machine, Now::default);
        assert_eq!(heard_from(1), IpAddr::from([127, 0, 0, 3]));
        say(1, [127, 0, 0, 3], 2);
        sockets.catch_up(&mut machine, Now::default);
        assert_eq!(heard_from(0), IpAddr::from([127, 0, 0, 4]));
    });
}

fn sockets(ports: RangeInclusive<u16>) -> MediaSockets {
    MediaSockets::new(Settings { address: HERE, ports }).unwrap()
}

fn plan(remote: SocketAddr) -> Plan {
    let format = PayloadFormat { codec: Codec::Pcmu, send_pt: 0, recv_pt: 0, fmtp: String::new() };
    let transport = TransportPlan {
        remote: Some(remote),
        remote_rtcp: None,
        latched: None,
        local: None,
        signalling_ip: remote.ip(),
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
        cname: "leg".into(),
    };
    Plan { transport, stream, carrier: None }
}

#[test]
fn packets_come_in_at_one_socket_and_go_out_at_another() {
    runtime().block_on(async {
        let mut sockets = sockets(11_000..=11_999);
        let ports = sockets.grow(2).unwrap();
        let phones = [(); 2].map(|()| UdpSocket::bind((HERE, 0)).unwrap());
        let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
        for (port, phone) in ports.iter().zip(&phones) {
            let plan = plan(phone.local_addr().unwrap());
            let open = Command::Open { port: *port, kind: Kind::Audio, plan };
            machine.handle(Now::default(), open, sockets.outgoing());
        }
        let both = vec![(ports[0], Source::Port(ports[1])), (ports[1], Source::Port(ports[0]))];
        machine.handle(Now::default(), Command::Patch(both), sockets.outgoing());

        // More packets than one round reads, so that none may be forgotten between two wakes.
        for sequence in 0..10 {
            let header =
                RtpHeader { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc: 1 };
            let port = u16::try_from(ports[0].0).unwrap();
            let packet = [&header.to_bytes()[..], &[0xff; 160]].concat();
            phones[0].send_to(&packet, (HERE, port)).unwrap();
        }
        let mut buffer = [0; 1500];
        let mut heard = 0;
        phones[1].set_nonblocking(true).unwrap();
        while heard < 10 {
            sockets.readable().await.unwrap();
            sockets.relay(&mut machine, Now::default).unwrap();
            while phones[1].recv_from(&mut buffer).is_ok() {
                heard += 1;
            }
        }
        let nothing_more = tokio::time::timeout(Duration::from_millis(1), sockets.readable());
        assert!(nothing_more.await.is_err(), "woken for nothing");
        assert_eq!(sockets.unsent(), 0);
        let latched = |event| matches!(event, media::Event::Latched { .. });
        assert!(sockets.take_events().any(latched));
    });
}

#[test]
fn what_waited_is_read_with_its_age_and_nobody_gets_it_late() {
    runtime().block_on(async {
        let mut sockets = sockets(15_000..=15_099);
        let ports = sockets.grow(2).unwrap();
        let phones = [(); 2].map(|()| UdpSocket::bind((HERE, 0)).unwrap());
        let mut machine = Machine::new(media::Settings::default(), Random::from_number(1));
        let clock = crate::server::clock::Clock::start();
        for (port, phone) in ports.iter().zip(&phones) {
            let plan = plan(phone.local_addr().unwrap());
            let open = Command::Open { port: *port, kind: Kind::Audio, plan };
            machine.handle(clock.now(), open, sockets.outgoing());
        }
        let row = vec![(ports[1], Source::Port(ports[0]))];
        machine.handle(clock.now(), Command::Patch(row), sockets.outgoing());
        let say = |sequence| {
            let header =
                RtpHeader { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc: 1 };
            let port = u16::try_from(ports[0].0).unwrap();
            let packet = [&header.to_bytes()[..], &[0xff; 160]].concat();
            phones[0].send_to(&packet, (HERE, port)).unwrap();
        };
        // The kernel begins to note a moment after the first socket wants it.
        std::thread::sleep(Duration::from_millis(50));
        (0..5).for_each(say);
        std::thread::sleep(Duration::from_millis(150));
        (5..8).for_each(say);
        sockets.catch_up(&mut machine, || clock.now());
        phones[1].set_nonblocking(true).unwrap();
        let mut buffer = [0; 1500];
        let heard = std::iter::from_fn(|| phones[1].recv_from(&mut buffer).ok()).count();
        assert_eq!(heard, 3, "those that have just come");
        let slot = machine.slot(clock.now(), ports[0]).unwrap();
        assert_eq!(slot.peer.unwrap().highest, 7);
        sockets.catch_up(&mut machine, || clock.now());
        assert!(phones[1].recv_from(&mut buffer).is_err(), "once");
    });
}

#[test]
fn numbers_that_are_taken_are_passed_over_and_the_range_has_an_end() {
    runtime().block_on(async {
        let mut sockets = sockets(12_001..=12_008);
        let taken = UdpSocket::bind((HERE, 12_005)).unwrap();
        assert_eq!(sockets.grow(2).unwrap(), [PortId(12_002), PortId(12_006)]);
        assert_eq!(sockets.grow(2).unwrap(), [], "12008 has no odd number above it");
        assert!(!sockets.is_full());
        drop(taken);
        assert_eq!(sockets.grow(2).unwrap(), [PortId(12_004)], "it is tried again");
        assert!(sockets.is_full());
    });
}

#[test]
fn ports_stay_bound_over_a_kill_and_others_are_bound_by_number() {
    runtime().block_on(async {
        let mut manager = TestManager::new();
        let mut first = sockets(14_000..=14_099);
        assert_eq!(first.inherit(&mut manager.inheritance()).unwrap(), []);
        let ports = first.grow(3).unwrap();
        assert_eq!(ports, [14_000, 14_002, 14_004].map(PortId));
        let _ = manager.stored();
        drop(first);
        let phone = UdpSocket::bind((HERE, 0)).unwrap();
        phone.send_to(b"in the gap", (HERE, 14_002)).unwrap();

        let mut next = sockets(14_000..=14_099);
        let mut inheritance = manager.inheritance();
        assert_eq!(next.inherit(&mut inheritance).unwrap(), ports);
        assert_eq!(inheritance.files.len(), 0);
        next.readable().await.unwrap();
        let wanted = [14_004, 14_050, 14_051, 14_100].map(PortId);
        let (had, refused) = next.bind_ports(&wanted);
        assert_eq!(had, [14_004, 14_050].map(PortId));
        let refused: Vec<u64> = refused.iter().map(|(port, _)| port.0).collect();
        assert_eq!(refused, [14_051, 14_100]);
        assert_eq!(next.grow(1).unwrap(), [PortId(14_006)]);
        let _ = manager.stored();
        drop(next);
        let mut last = sockets(14_000..=14_099);
        let found = last.inherit(&mut manager.inheritance()).unwrap();
        assert_eq!(found, [14_000, 14_002, 14_004, 14_006, 14_050].map(PortId));
    });
}

#[test]
fn the_highest_port_is_no_trap() {
    runtime().block_on(async {
        let mut sockets = sockets(65_534..=u16::MAX);
        assert!(sockets.grow(3).unwrap().len() <= 1);
    });
}

#[test]
fn an_address_that_is_not_ours_is_refused() {
    runtime().block_on(async {
        let address = [192, 0, 2, 1].into();
        let mut sockets = MediaSockets::new(Settings { address, ports: 13_000..=13_999 }).unwrap();
        let error = sockets.grow(1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn a_range_without_a_pair_has_no_ports() {
    runtime().block_on(async {
        for ports in [12_101..=12_102, u16::MAX..=u16::MAX] {
            assert_eq!(sockets(ports).grow(1).unwrap(), []);
        }
    });
}
