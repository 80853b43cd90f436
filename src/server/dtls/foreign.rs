//! The table against OpenSSL over real sockets: keys that another program has made out of the same handshake.

use super::identity::DtlsIdentity;
use super::keying;
use super::table::{HandshakeTable, TableOrder, TableOutcome};
use crate::dtls::{DtlsRole, HandshakeEvent, HandshakeFault};
use crate::ids::PortId;
use dimpl::SrtpProfile;
use std::io::Read as _;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PORT: PortId = PortId(16_000);

/// A pair that OpenSSL makes: its certificate and its key.
fn pair(directory: &Path, kind: &[&str]) -> [String; 2] {
    let [certificate, key] =
        ["crt", "key"].map(|end| directory.join(format!("peer.{end}")).display().to_string());
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-subj",
            "/CN=peer",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ])
        .args(kind)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    [certificate, key]
}

struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What comes of the handshake that `s_client` makes with these arguments, and what it says itself.
fn handshake(arguments: &[&str]) -> (HandshakeEvent, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let client = Command::new("openssl")
        .args(["s_client", "-dtls1_2", "-connect", &socket.local_addr().unwrap().to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut client = Client(client.expect("openssl is there"));
    let mut table = HandshakeTable::new(DtlsIdentity::fresh(1_700_000_000).unwrap());
    let role = DtlsRole::Passive;
    let _ = table.handle(Instant::now(), TableOrder::Begin { port: PORT, serial: 1, role });
    let mut peer = None;
    let mut buffer = [0; 4_096];
    let until = Instant::now() + Duration::from_secs(20);
    let mut event = None;
    while event.is_none() && Instant::now() < until {
        let mut outcomes = table.tick(Instant::now());
        if let Ok((len, from)) = socket.recv_from(&mut buffer) {
            peer = Some(from);
            let bytes = buffer[..len].to_vec();
            let order = TableOrder::Datagram { port: PORT, serial: 1, bytes };
            outcomes.extend(table.handle(Instant::now(), order));
        }
        for outcome in outcomes {
            match (outcome, peer) {
                (TableOutcome::Flight { datagrams, .. }, Some(peer)) => {
                    for datagram in datagrams {
                        socket.send_to(&datagram, peer).unwrap();
                    }
                }
                (TableOutcome::Flight { .. }, None) => panic!("nobody has asked"),
                (TableOutcome::Event { event: told, .. }, _) => event = event.or(Some(told)),
            }
        }
    }
    // It says what it has when there is nothing more to read; without keys it would go on trying.
    drop(client.0.stdin.take());
    if !matches!(event, Some(HandshakeEvent::Keyed { .. })) {
        let _ = client.0.kill();
    }
    let mut said = String::new();
    let _ = client.0.stdout.take().unwrap().read_to_string(&mut said);
    (event.expect("the handshake has an end"), said)
}

fn fault(event: &HandshakeEvent) -> HandshakeFault {
    match event {
        HandshakeEvent::Failed { fault, .. } => *fault,
        HandshakeEvent::Keyed { .. } | HandshakeEvent::Closed { .. } => panic!("{event:?}"),
    }
}

#[test]
fn openssl_has_the_same_keys_for_every_profile() {
    let directory = tempfile::tempdir().unwrap();
    let [certificate, key] =
        pair(directory.path(), &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    for profile in SrtpProfile::ALL {
        let name = profile.to_string();
        let (event, said) = handshake(&[
            "-use_srtp",
            &name,
            "-cert",
            &certificate,
            "-key",
            &key,
            "-keymatexport",
            "EXTRACTOR-dtls_srtp",
            "-keymatexportlen",
            &profile.keying_material_len().to_string(),
        ]);
        let HandshakeEvent::Keyed { keys, .. } = event else { panic!("{name}: {event:?}") };
        assert!(said.contains(&format!("profile={name}")), "{said}");
        let material = said.lines().find_map(|line| line.trim().strip_prefix("Keying material: "));
        let material = material.expect("it tells its keys");
        let pairs = material.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let material: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        let theirs = keying::keys(&material, *profile, DtlsRole::Active).unwrap();
        assert_eq!((&keys.sends, &keys.receives), (&theirs.receives, &theirs.sends), "{name}");
    }
}

#[test]
fn what_a_peer_lacks_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let srtp = ["-use_srtp", "SRTP_AES128_CM_SHA1_80"];
    let (event, _) = handshake(&srtp);
    assert_eq!(fault(&event), HandshakeFault::NoCertificate);
    let [certificate, key] = pair(directory.path(), &["-newkey", "rsa:2048"]);
    let (event, _) = handshake(&[&srtp[..], &["-cert", &certificate, "-key", &key]].concat());
    assert_eq!(
        fault(&event),
        HandshakeFault::NoCertificate,
        "it keeps one to itself that we did not ask for"
    );
    let [certificate, key] =
        pair(directory.path(), &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let with_pair = ["-cert", &certificate, "-key", &key];
    let (event, _) = handshake(&with_pair);
    assert_eq!(fault(&event), HandshakeFault::NoProfile);
    let other = ["-use_srtp", "SRTP_AES128_CM_SHA1_32"];
    let (event, _) = handshake(&[&other[..], &with_pair].concat());
    assert_eq!(fault(&event), HandshakeFault::NoProfile);
}
