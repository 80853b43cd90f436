//! What a handshake of DTLS costs the thread that makes them: `cargo bench --bench handshakes`.
//!
//! For each version and role: the time of our side alone, the best and the mean of many, with the peer's beside it
//! as a yardstick; then what stays in memory of a thousand that are done.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // The table is the purpose; a bench may panic.

use cordboard::dtls::{DtlsRole, HandshakeEvent};
use cordboard::ids::PortId;
use cordboard::server::dtls::{DtlsIdentity, HandshakeTable, TableOrder, TableOutcome};
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 300;
const KEPT: u64 = 1_000;

struct LibraryPeer {
    dtls: Dtls,
    outbox: Vec<Vec<u8>>,
    spent: Duration,
}

impl LibraryPeer {
    fn new(is_new: bool, role: DtlsRole, certificate: &DtlsCertificate) -> Self {
        let began = Instant::now();
        let config = Arc::new(Config::builder().build().unwrap());
        let (make, own) = (if is_new { Dtls::new_13 } else { Dtls::new_12 }, certificate.clone());
        let mut dtls = make(config, own, began);
        dtls.set_active(role == DtlsRole::Active);
        dtls.handle_timeout(began).unwrap();
        let mut peer = Self { dtls, outbox: Vec::new(), spent: Duration::ZERO };
        peer.drain();
        peer.spent = began.elapsed();
        peer
    }

    fn hear(&mut self, datagram: &[u8]) {
        let began = Instant::now();
        self.dtls.handle_timeout(began).unwrap();
        self.drain();
        self.dtls.handle_packet(datagram).unwrap();
        self.drain();
        self.spent += began.elapsed();
    }

    fn drain(&mut self) {
        let mut buffer = [0; 4_096];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Timeout(_) => return,
                Output::Packet(packet) => self.outbox.push(packet.to_vec()),
                _others => {}
            }
        }
    }
}

/// One handshake on a port; what it cost us, and what the peer.
fn handshake(
    table: &mut HandshakeTable,
    port: PortId,
    (is_new, role): (bool, DtlsRole),
    certificate: &DtlsCertificate,
) -> (Duration, Duration) {
    let theirs = if role == DtlsRole::Active { DtlsRole::Passive } else { DtlsRole::Active };
    let mut peer = LibraryPeer::new(is_new, theirs, certificate);
    let (mut ours, mut is_keyed, serial) = (Duration::ZERO, false, 1);
    let mut orders = vec![TableOrder::Begin { port, serial, role }];
    while !is_keyed {
        let began = Instant::now();
        let outcomes: Vec<_> =
            orders.drain(..).flat_map(|order| table.handle(Instant::now(), order)).collect();
        ours += began.elapsed();
        for outcome in outcomes {
            match outcome {
                TableOutcome::Flight { datagrams, .. } => {
                    datagrams.iter().for_each(|datagram| peer.hear(datagram));
                }
                TableOutcome::Event { event, .. } => {
                    assert!(matches!(event, HandshakeEvent::Keyed { .. }), "{event:?}");
                    is_keyed = true;
                }
            }
        }
        let said = peer.outbox.drain(..);
        orders.extend(said.map(|bytes| TableOrder::Datagram { port, serial, bytes }));
    }
    (ours, peer.spent)
}

/// What the process has in memory, in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

fn main() {
    let certificate = {
        let pair = rcgen::generate_simple_self_signed(["peer".to_owned()]).unwrap();
        DtlsCertificate {
            certificate: pair.cert.der().to_vec(),
            private_key: pair.signing_key.serialize_der(),
        }
    };
    let table = || HandshakeTable::new(DtlsIdentity::fresh(1_700_000_000).unwrap());
    println!(
        "{:28} {:>10} {:>10} {:>10}",
        "a handshake, in µs", "ours best", "ours mean", "peer mean"
    );
    for (is_new, version) in [(false, "1.2"), (true, "1.3")] {
        for role in [DtlsRole::Passive, DtlsRole::Active] {
            let mut table = table();
            let costs: Vec<_> = (0..ROUNDS)
                .map(|_| handshake(&mut table, PortId(16_000), (is_new, role), &certificate))
                .collect();
            let us = |cost: Duration| cost.as_nanos() as f64 / 1_000.0;
            let mean = |of: fn(&(Duration, Duration)) -> Duration| {
                us(costs.iter().map(of).sum::<Duration>()) / ROUNDS as f64
            };
            let best = us(costs.iter().map(|(ours, _)| *ours).min().unwrap());
            let name = format!("DTLS {version}, we are {role:?}");
            let (ours, peer) = (mean(|cost| cost.0), mean(|cost| cost.1));
            println!("{name:28} {best:10.0} {ours:10.0} {peer:10.0}");
        }
    }
    for (is_new, version) in [(false, "1.2"), (true, "1.3")] {
        let mut table = table();
        let before = resident();
        for number in 0..KEPT {
            let port = PortId(20_000 + 2 * number);
            let _ = handshake(&mut table, port, (is_new, DtlsRole::Passive), &certificate);
        }
        let each = (resident().saturating_sub(before)) as f64 / KEPT as f64;
        println!("{:28} {each:10.1} kB", format!("kept of one, DTLS {version}"));
    }
}
