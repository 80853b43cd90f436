//! Where a test lives: loopback addresses and a directory of its own, so that tests run side by side.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// Everybody's SIP port in the tests; not 5060, where a switchboard in use may hold every address.
pub const SIP_PORT: u16 = 15060;

/// 127.A.B.0/24 and a directory; host 1 is the switchboard's.
pub struct Place {
    net: [u8; 3],
    dir: TempDir,
    next_host: AtomicU32,
    /// Holds a port of host 1, so that no other test process chooses the same network.
    _claim: UdpSocket,
}

impl Place {
    pub fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let start = std::process::id().wrapping_mul(61);
        loop {
            let n = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let net = [127, 16 + (n >> 8) as u8 % 200, n as u8];
            let Ok(claim) = UdpSocket::bind((Ipv4Addr::new(127, net[1], net[2], 1), SIP_PORT - 1))
            else {
                continue;
            };
            let dir = TempDir::new().expect("a temporary directory can be made");
            return Place { net, dir, next_host: AtomicU32::new(2), _claim: claim };
        }
    }

    /// Where the switchboard listens, UDP and TCP.
    pub fn switchboard(&self) -> SocketAddr {
        self.host(1)
    }

    /// The SIP port of a host of this network.
    pub fn host(&self, host: u8) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(127, self.net[1], self.net[2], host), SIP_PORT))
    }

    /// The SIP port of an address that no other phone of this test has.
    pub fn next_address(&self) -> SocketAddr {
        let host = self.next_host.fetch_add(1, Ordering::Relaxed);
        self.host(u8::try_from(host).expect("a test has fewer than 250 phones"))
    }

    /// A new directory for one program.
    pub fn directory(&self, name: &str) -> PathBuf {
        let host = self.next_host.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.path().join(format!("{name}-{host}"));
        std::fs::create_dir_all(&path).expect("the test's directory is writable");
        path
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}
