//! Ports of 127.0.0.1 for programs that cannot choose one themselves.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the system gives to whoever asks (from 32768 on): between the moment that a port is seen to
/// be free and the program's start nobody gets it by chance. Apart from those that phones and the relay use for
/// media.
const PORTS: Range<u16> = 16_000..20_000;

/// An address that nobody has, by UDP and by TCP, and that no other program of this test process is given;
/// nor is the port above it, where baresip listens for TLS.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another test process begins elsewhere.
    let start = std::process::id().wrapping_mul(61) as u16;
    let pairs = PORTS.len() as u16 / 2;
    let is_free = |address: SocketAddr| {
        UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
    };
    (0..pairs)
        .map(|_| start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % pairs * 2)
        .map(|number| [number, number + 1].map(|number| PORTS.start + number))
        .map(|pair| pair.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
        .find(|pair| pair.iter().all(|address| is_free(*address)))
        .expect("there is a free port")[0]
}
