//! The table and its thread against the library as the peer, in time and a network that are made up.

use super::association::begins_handshake;
use super::identity::DtlsIdentity;
use super::keying;
use super::table::{HandshakeTable, TableOrder, TableOutcome, UNDER_WAY_MAX};
use super::worker::{HandshakeNews, HandshakeWorker};
use crate::dtls::{
    DtlsRole, Fingerprint, HandshakeCommand, HandshakeEvent, HandshakeFault, HandshakeKeys,
};
use crate::ids::PortId;
use crate::random::Random;
use crate::server::clock::Clock;
use dimpl::{Config, Dtls, DtlsCertificate, Output, ProtocolVersion};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PORT: PortId = PortId(16_000);
const STEP: Duration = Duration::from_millis(10);

fn identity() -> DtlsIdentity {
    DtlsIdentity::fresh(1_700_000_000).unwrap()
}

fn other_side(role: DtlsRole) -> DtlsRole {
    match role {
        DtlsRole::Active => DtlsRole::Passive,
        DtlsRole::Passive => DtlsRole::Active,
    }
}

/// The versions that a peer may have.
#[derive(Clone, Copy, Debug)]
enum PeerVersions {
    Old,
    New,
    Both,
}

struct LibraryPeer {
    dtls: Dtls,
    role: DtlsRole,
    certificate: DtlsCertificate,
    keys: Option<Box<HandshakeKeys>>,
    heard_of: Option<Vec<u8>>,
    is_connected: bool,
    is_closed: bool,
    outbox: VecDeque<Vec<u8>>,
}

impl LibraryPeer {
    fn new(versions: PeerVersions, role: DtlsRole, mtu: usize, now: Instant) -> Self {
        let certificate = identity().certificate;
        let config = Config::builder()
            .mtu(mtu)
            .flight_start_rto(Duration::from_millis(200))
            .flight_retries(20)
            .max_queue_rx(200)
            .max_queue_tx(100)
            .build();
        let (config, own) = (Arc::new(config.unwrap()), certificate.clone());
        let mut dtls = match versions {
            PeerVersions::Old => Dtls::new_12(config, own, now),
            PeerVersions::New => Dtls::new_13(config, own, now),
            PeerVersions::Both => Dtls::new_auto(config, own, now),
        };
        dtls.set_active(role == DtlsRole::Active);
        let mut peer = Self {
            dtls,
            role,
            certificate,
            keys: None,
            heard_of: None,
            is_connected: false,
            is_closed: false,
            outbox: VecDeque::new(),
        };
        peer.pass(now);
        peer
    }

    fn pass(&mut self, now: Instant) {
        self.dtls.handle_timeout(now).expect("time passes");
        self.drain();
    }

    fn hear(&mut self, now: Instant, datagram: &[u8]) {
        self.try_to_hear(now, datagram).expect("what we send is well-formed");
    }

    fn try_to_hear(&mut self, now: Instant, datagram: &[u8]) -> Result<(), dimpl::Error> {
        self.pass(now);
        let result = self.dtls.handle_packet(datagram);
        self.drain();
        result
    }

    fn drain(&mut self) {
        let mut buffer = [0; 4_096];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Timeout(_) => return,
                Output::Packet(packet) => self.outbox.push_back(packet.to_vec()),
                Output::Connected => self.is_connected = true,
                Output::PeerCert(der) => self.heard_of = Some(der.to_vec()),
                Output::KeyingMaterial(material, profile) => {
                    self.keys = keying::keys(&material, profile, self.role);
                }
                Output::CloseNotify => self.is_closed = true,
                other => panic!("{other:?}"),
            }
        }
    }
}

/// What the network does to datagrams.
struct Weather {
    random: Random,
    /// In a hundred.
    lost: u64,
    doubled: u64,
    swapped: u64,
}

impl Weather {
    fn fair() -> Self {
        Self { random: Random::from_number(1), lost: 0, doubled: 0, swapped: 0 }
    }

    fn bad(seed: u64) -> Self {
        Self { random: Random::from_number(seed), lost: 20, doubled: 20, swapped: 40 }
    }

    fn carry(&mut self, datagrams: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut arrived: Vec<Vec<u8>> = Vec::new();
        for datagram in datagrams {
            let mut happens = |percent| self.random.below(100) < percent;
            if happens(self.lost) {
                continue;
            }
            if happens(self.doubled) {
                arrived.push(datagram.clone());
            }
            if happens(self.swapped) {
                arrived.insert(0, datagram);
            } else {
                arrived.push(datagram);
            }
        }
        arrived
    }
}

/// Our side, and all that it has said.
struct House {
    table: HandshakeTable,
    identity: DtlsIdentity,
    began: Instant,
    now: Instant,
    outbox: Vec<Vec<u8>>,
    events: Vec<HandshakeEvent>,
}

impl House {
    fn new() -> Self {
        let identity = identity();
        let table = HandshakeTable::new(identity.clone());
        let (outbox, events, now) = (Vec::new(), Vec::new(), Instant::now());
        Self { table, identity, began: now, now, outbox, events }
    }

    fn order(&mut self, order: TableOrder) {
        let outcomes = self.table.handle(self.now, order);
        self.note(outcomes);
    }

    fn begin(&mut self, port: PortId, role: DtlsRole) {
        self.order(TableOrder::Begin { port, serial: 1, role });
    }

    fn hear(&mut self, port: PortId, bytes: &[u8]) {
        self.order(TableOrder::Datagram { port, serial: 1, bytes: bytes.to_vec() });
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        let outcomes = self.table.tick(self.now);
        self.note(outcomes);
    }

    fn note(&mut self, outcomes: Vec<TableOutcome>) {
        for outcome in outcomes {
            match outcome {
                TableOutcome::Flight { port, datagrams, .. } if port == PORT => {
                    self.outbox.extend(datagrams);
                }
                TableOutcome::Flight { .. } => {}
                TableOutcome::Event { event, .. } => self.events.push(event),
            }
        }
    }

    /// Lets both speak until both are done, or for so long.
    fn play(&mut self, peer: &mut LibraryPeer, weather: &mut Weather, time: Duration) {
        let until = self.now + time;
        while self.now < until && !(peer.is_connected && self.keys().is_some()) {
            let outbox = std::mem::take(&mut peer.outbox);
            for datagram in weather.carry(outbox.into()) {
                self.hear(PORT, &datagram);
            }
            let outbox = std::mem::take(&mut self.outbox);
            for datagram in weather.carry(outbox) {
                peer.hear(self.now, &datagram);
            }
            self.pass(STEP);
            peer.pass(self.now);
        }
    }

    fn keys(&self) -> Option<(&[u8], &HandshakeKeys)> {
        self.events.iter().find_map(|event| match event {
            HandshakeEvent::Keyed { certificate, keys, .. } => Some((&certificate[..], &**keys)),
            HandshakeEvent::Closed { .. } | HandshakeEvent::Failed { .. } => None,
        })
    }

    /// Both have the same keys, and know each other.
    fn agree(&self, peer: &LibraryPeer, what: &str) {
        let (certificate, keys) = self
            .keys()
            .unwrap_or_else(|| panic!("{what}: {:?}, peer {}", self.events, peer.is_connected));
        assert_eq!(self.events.len(), 1, "{what}: {:?}", self.events);
        assert!(Fingerprint::of(&peer.certificate.certificate).is_of(certificate), "{what}");
        let heard_of = peer.heard_of.as_ref().expect("we have shown ours");
        assert!(self.identity.fingerprint().is_of(heard_of), "{what}");
        let theirs = peer.keys.as_ref().expect("the peer has keys");
        assert_eq!((&keys.sends, &keys.receives), (&theirs.receives, &theirs.sends), "{what}");
        assert_ne!(keys.sends, keys.receives, "{what}");
        assert_eq!(self.table.under_way(), 0, "{what}");
    }
}

fn connected(versions: PeerVersions, role: DtlsRole) -> (House, LibraryPeer) {
    let mut house = House::new();
    house.begin(PORT, role);
    let mut peer = LibraryPeer::new(versions, other_side(role), 1_200, house.now);
    house.play(&mut peer, &mut Weather::fair(), Duration::from_secs(5));
    house.agree(&peer, &format!("{versions:?} {role:?}"));
    (house, peer)
}

#[test]
fn every_version_is_spoken_in_both_roles() {
    for (versions, spoken) in [
        (PeerVersions::Old, ProtocolVersion::DTLS1_2),
        (PeerVersions::New, ProtocolVersion::DTLS1_3),
        (PeerVersions::Both, ProtocolVersion::DTLS1_3),
    ] {
        for role in [DtlsRole::Active, DtlsRole::Passive] {
            let (house, peer) = connected(versions, role);
            assert_eq!(peer.dtls.protocol_version(), Some(spoken), "{versions:?} {role:?}");
            let flights = house.now.duration_since(house.began).as_millis() / STEP.as_millis();
            assert!(flights <= 4, "{versions:?} {role:?} took {flights} flights of ours");
        }
    }
}

/// Where a fifth is lost, with a dozen datagrams in a flight, not each is whole within half a minute; the library chooses its
/// own chance, so no seed says which.
#[test]
fn a_client_hello_in_parts_and_a_bad_network_only_take_longer() {
    let (mut played, mut late) = (0, Vec::new());
    for seed in 0..40 {
        for role in [DtlsRole::Active, DtlsRole::Passive] {
            for versions in [PeerVersions::Old, PeerVersions::New, PeerVersions::Both] {
                let what = format!("seed {seed}, {versions:?}, we are {role:?}");
                let mut house = House::new();
                // As a server the library does not always get through with records as short as that (0.9.0).
                let mtu = if role == DtlsRole::Passive { 100 } else { 600 };
                let mut peer = LibraryPeer::new(versions, other_side(role), mtu, house.now);
                if role == DtlsRole::Passive {
                    let parts = peer.outbox.len();
                    // One of both versions is a single record, however long.
                    assert!(parts > 1 || matches!(versions, PeerVersions::Both), "{what}: {parts}");
                }
                house.begin(PORT, role);
                house.play(&mut peer, &mut Weather::bad(seed), Duration::from_secs(30));
                played += 1;
                match house.events[..] {
                    [HandshakeEvent::Failed { fault: HandshakeFault::TimedOut, .. }] => {
                        late.push(what);
                    }
                    _ => house.agree(&peer, &what),
                }
            }
        }
    }
    assert!(late.len() * 20 < played, "of {played}: {late:?}");
}

#[test]
fn a_lost_last_flight_is_sent_again_to_a_peer_that_asks() {
    let mut house = House::new();
    house.begin(PORT, DtlsRole::Passive);
    let mut peer = LibraryPeer::new(PeerVersions::Old, DtlsRole::Active, 1_200, house.now);
    while house.keys().is_none() {
        peer.outbox.drain(..).for_each(|datagram| house.hear(PORT, &datagram));
        if house.keys().is_some() {
            break;
        }
        house.outbox.drain(..).for_each(|datagram| peer.hear(house.now, &datagram));
    }
    // Lost on its way.
    assert!(!std::mem::take(&mut house.outbox).is_empty());
    assert!(!peer.is_connected);
    house.play(&mut peer, &mut Weather::fair(), Duration::from_secs(5));
    house.agree(&peer, "after the last flight was lost");
}

#[test]
fn a_peer_that_goes_is_told_once_and_then_nothing_is_heard_of_it() {
    for versions in [PeerVersions::Old, PeerVersions::New] {
        for role in [DtlsRole::Active, DtlsRole::Passive] {
            let (mut house, mut peer) = connected(versions, role);
            peer.dtls.close().unwrap();
            peer.drain();
            let farewell: Vec<_> = peer.outbox.drain(..).collect();
            assert!(!farewell.is_empty());
            for datagram in farewell.iter().chain(&farewell) {
                house.hear(PORT, datagram);
            }
            assert_eq!(house.events[1..], [HandshakeEvent::Closed { port: PORT }], "{versions:?}");
            assert_eq!(house.table.deadline(), None);
        }
    }
}

#[test]
fn after_a_restart_a_fresh_client_hello_begins_and_nothing_else_does() {
    let (_, mut old) = connected(PeerVersions::New, DtlsRole::Passive);
    let mut house = House::new();
    old.dtls.send_application_data(b"for a house that is gone").unwrap();
    old.drain();
    for datagram in old.outbox.drain(..) {
        assert!(!begins_handshake(&datagram));
        house.hear(PORT, &datagram);
    }
    assert!(house.events.is_empty() && house.outbox.is_empty());
    assert_eq!((house.table.under_way(), house.table.deadline()), (0, None));
    let mut peer = LibraryPeer::new(PeerVersions::Both, DtlsRole::Active, 1_200, house.now);
    house.play(&mut peer, &mut Weather::fair(), Duration::from_secs(5));
    house.agree(&peer, "without having been begun");
}

#[test]
fn a_peer_that_says_nothing_fails_after_half_a_minute() {
    let mut house = House::new();
    house.begin(PORT, DtlsRole::Active);
    let first = house.outbox.len();
    house.pass(Duration::from_millis(130));
    assert_eq!(house.outbox.len(), 2 * first, "after 100 ms, a quarter more or less");
    (0..298).for_each(|_| house.pass(Duration::from_millis(100)));
    assert_eq!(house.events, []);
    assert!(house.outbox.len() < 12, "{}: ever less often", house.outbox.len());
    (0..5).for_each(|_| house.pass(Duration::from_millis(100)));
    let fault = HandshakeFault::TimedOut;
    assert_eq!(house.events, [HandshakeEvent::Failed { port: PORT, fault }]);
    assert_eq!((house.table.under_way(), house.table.deadline()), (0, None));
    // One that waits for a ClientHello waits as long as its leg.
    house.begin(PORT, DtlsRole::Passive);
    house.pass(Duration::from_secs(3_600));
    assert_eq!(house.events.len(), 1);
}

/// Who says goodbye in clear before it is connected leaves its place to others.
#[test]
fn a_goodbye_before_the_keys_gives_the_place_back() {
    const CLOSE_NOTIFY: [u8; 15] = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0];
    for versions in [PeerVersions::Old, PeerVersions::New, PeerVersions::Both] {
        let mut house = House::new();
        house.begin(PORT, DtlsRole::Passive);
        // The beginning of a ClientHello.
        let mut peer = LibraryPeer::new(versions, DtlsRole::Active, 100, house.now);
        let hello = peer.outbox.pop_front().expect("a datagram");
        house.hear(PORT, &hello);
        assert_eq!(house.table.under_way(), 1);
        house.hear(PORT, &CLOSE_NOTIFY);
        house.pass(Duration::from_secs(31));
        assert_eq!(house.table.under_way(), 0, "{versions:?}");
        house.order(TableOrder::End { port: PORT });
        assert_eq!(house.table.under_way(), 0, "{versions:?}");
    }
}

#[test]
fn another_role_begins_anew_and_an_end_is_the_end() {
    let mut house = House::new();
    house.begin(PORT, DtlsRole::Active);
    assert_eq!(house.table.under_way(), 1);
    house.begin(PORT, DtlsRole::Passive);
    assert_eq!(house.table.under_way(), 0);
    house.outbox.clear();
    let mut peer = LibraryPeer::new(PeerVersions::Both, DtlsRole::Active, 1_200, house.now);
    house.play(&mut peer, &mut Weather::fair(), Duration::from_secs(5));
    house.agree(&peer, "in the other role");
    house.begin(PORT, DtlsRole::Active);
    house.order(TableOrder::End { port: PORT });
    assert_eq!((house.table.under_way(), house.table.deadline()), (0, None));
    house.outbox.clear();
    house.pass(Duration::from_secs(60));
    assert!(house.outbox.is_empty() && house.events.len() == 1);
}

#[test]
fn more_than_a_thousand_at_once_are_refused_and_places_come_back() {
    let mut house = House::new();
    let port = |number: usize| PortId(20_000 + 2 * number as u64);
    (0..UNDER_WAY_MAX).for_each(|number| house.begin(port(number), DtlsRole::Active));
    assert_eq!((house.table.under_way(), house.events.len()), (UNDER_WAY_MAX, 0));
    house.begin(PORT, DtlsRole::Active);
    let fault = HandshakeFault::TooMany;
    assert_eq!(house.events, [HandshakeEvent::Failed { port: PORT, fault }]);
    house.order(TableOrder::End { port: port(0) });
    house.begin(PORT, DtlsRole::Active);
    assert_eq!((house.table.under_way(), house.events.len()), (UNDER_WAY_MAX, 1));
}

/// Whatever comes, nothing breaks down, and who is beside it is not kept waiting.
#[test]
fn broken_records_harm_nobody() {
    const BESIDE: PortId = PortId(16_002);
    let mut random = Random::from_number(12);
    let mut keyed = 0;
    for round in 0..300 {
        let role = [DtlsRole::Active, DtlsRole::Passive][round % 2];
        let versions = [PeerVersions::Old, PeerVersions::New, PeerVersions::Both][round % 3];
        let mut house = House::new();
        house.begin(PORT, role);
        house.begin(BESIDE, DtlsRole::Passive);
        let mut peer = LibraryPeer::new(versions, other_side(role), 600, house.now);
        for _ in 0..40 {
            let outbox = std::mem::take(&mut peer.outbox);
            for datagram in outbox {
                if random.below(3) == 0 {
                    house.hear(PORT, &broken(&datagram, &mut random));
                }
                if random.below(8) > 0 {
                    house.hear(PORT, &datagram);
                }
            }
            // What we have understood otherwise may not please the peer.
            let mut is_heard = |datagram: &Vec<u8>| peer.try_to_hear(house.now, datagram).is_ok();
            if !std::mem::take(&mut house.outbox).iter().all(&mut is_heard) {
                break;
            }
            house.pass(STEP * 5);
            peer.pass(house.now);
        }
        keyed += usize::from(house.keys().is_some());
        let internal = |event: &HandshakeEvent| {
            matches!(event, HandshakeEvent::Failed { fault: HandshakeFault::Internal, .. })
        };
        assert!(!house.events.iter().any(internal), "round {round}: {:?}", house.events);
        let failed = house.events.iter().any(|event| event.port() == BESIDE);
        assert!(!failed, "round {round}: {:?}", house.events);
    }
    assert!(keyed > 100, "most broken records are passed over: {keyed} of 300");
}

/// A datagram with something wrong in it.
fn broken(datagram: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = datagram.to_vec();
    let below = |random: &mut Random, len: usize| random.below(len.max(1) as u64) as usize;
    match random.below(6) {
        0 => bytes.truncate(below(random, datagram.len())),
        1 => bytes.extend_from_slice(datagram),
        2 => bytes = (0..below(random, 600)).map(|_| random.below(256) as u8).collect(),
        3 => {
            let at = below(random, bytes.len().min(30));
            bytes[at] = random.below(256) as u8;
        }
        _several => {
            for _ in 0..=random.below(8) {
                let at = below(random, bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
    }
    bytes
}

#[tokio::test]
async fn the_thread_makes_what_the_table_makes_and_forgets_earlier_users_of_a_port() {
    let identity = identity();
    let mut worker = HandshakeWorker::start(identity.clone(), Clock::start()).unwrap();
    let begin = |role| HandshakeCommand::Begin { port: PORT, role };
    worker.command(begin(DtlsRole::Active));
    worker.command(HandshakeCommand::End { port: PORT });
    worker.command(begin(DtlsRole::Passive));
    worker.command(begin(DtlsRole::Passive));
    let mut peer = LibraryPeer::new(PeerVersions::Both, DtlsRole::Active, 300, Instant::now());
    let mut events = Vec::new();
    while events.is_empty() {
        peer.pass(Instant::now());
        peer.outbox.drain(..).for_each(|datagram| worker.datagram(PORT, &datagram));
        let next = tokio::time::timeout(Duration::from_millis(50), worker.next());
        match next.await {
            Ok(Some(HandshakeNews::Flight { port, datagrams })) => {
                assert_eq!(port, PORT);
                let now = Instant::now();
                datagrams.iter().for_each(|datagram| {
                    assert!(!begins_handshake(datagram), "that of the first user");
                    peer.hear(now, datagram);
                });
            }
            Ok(Some(HandshakeNews::Event(event))) => events.push(event),
            Ok(None) => panic!("the thread has gone"),
            Err(_) => {}
        }
    }
    assert!(matches!(&events[0], HandshakeEvent::Keyed { port: PORT, .. }), "{events:?}");
    assert_eq!(worker.lost(), 0);
}

#[tokio::test]
async fn a_flood_costs_its_own_port_alone() {
    let mut worker = HandshakeWorker::start(identity(), Clock::start()).unwrap();
    // A whole ClientHello each, so that the thread has something to do.
    let hello =
        LibraryPeer::new(PeerVersions::Both, DtlsRole::Active, 1_200, Instant::now()).outbox;
    let other = PortId(16_002);
    worker.command(HandshakeCommand::Begin { port: other, role: DtlsRole::Passive });
    for _ in 0..20_000 {
        worker.datagram(PORT, &hello[0]);
    }
    assert!(worker.lost() > 1_000, "{}", worker.lost());
    let lost = worker.lost();
    worker.datagram(PORT, &[22; 5_000]);
    assert_eq!(worker.lost(), lost + 1, "it is longer than any datagram of DTLS");
    let lost = worker.lost();
    worker.datagram(other, &hello[0]);
    assert_eq!(worker.lost(), lost);
    let answered = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            if let Some(HandshakeNews::Flight { port, .. }) = worker.next().await
                && port == other
            {
                return;
            }
        }
    });
    assert!(answered.await.is_ok(), "the other port is served");
}
