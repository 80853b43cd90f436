//! Phones that are browsers: their transport is proven by checks and sealed under keys of a handshake (RFC 8445,
//! RFC 5764).
//!
//! The handshake is played: a record of the browser reaches the house, and a moment later both have the same keys, or
//! nobody has any in time.

use super::checks::{USE_CANDIDATE, check_for};
use super::network::Event;
use super::phone::{Purpose, State};
use super::world::World;
use cordboard::dtls::{
    Fingerprint, HandshakeCommand, HandshakeEvent, HandshakeFault, HandshakeKeys,
};
use cordboard::exchange::Input;
use cordboard::ids::PortId;
use cordboard::rtp::HEADER_LEN;
use cordboard::srtp::{MasterKey, ProtectContext, Seed, Suite, UnprotectContext};
use cordboard::time::Duration;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;

/// What all browsers and the house show each other.
pub const CERTIFICATE: &[u8] = b"the certificate of everybody";
/// A handshake that has come to no end by then never does.
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);
/// Before the number of a dialog, a record of a handshake.
const RECORD: [u8; 13] = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4];

/// The transport of a browser in a dialog.
#[derive(Default)]
pub struct BrowserTransport {
    /// Name and password of the house's agent.
    agent: Option<(String, String)>,
    /// What it sends and hears with.
    keys: Option<(ProtectContext, UnprotectContext)>,
}

/// The handshakes of the house, by their transports, with the number of each.
#[derive(Debug, Default)]
pub struct Handshakes {
    all: BTreeMap<PortId, (u64, Handshake)>,
    begun: u64,
    /// How many came to keys.
    pub done: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Handshake {
    UnderWay,
    Done,
}

impl Handshakes {
    /// The process that made them is gone.
    pub fn forget(&mut self) {
        self.all.clear();
    }
}

/// The lines of a description by which a browser is known, after its `m=` line.
pub fn lines(is_offer: bool) -> String {
    let setup = if is_offer { "actpass" } else { "active" };
    format!(
        "a=ice-ufrag:them\r\na=ice-pwd:themselvesthemselvesthem\r\na=fingerprint:{}\r\n\
         a=setup:{setup}\r\na=rtcp-mux\r\n",
        Fingerprint::of(CERTIFICATE)
    )
}

/// The dialog whose handshake a record is of.
pub fn shaker(datagram: &[u8]) -> Option<u32> {
    let id = datagram.strip_prefix(&RECORD)?.first_chunk()?;
    Some(u32::from_be_bytes(*id))
}

impl World {
    /// What a description of the house says of its agent.
    pub fn read_agent(&mut self, id: u32, body: &[u8]) {
        let Some(transport) = &mut self.dialog(id).transport else { return };
        let text = String::from_utf8_lossy(body);
        let value = |name| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        transport.agent = value("a=ice-ufrag:").zip(value("a=ice-pwd:"));
        if transport.agent.is_none() {
            self.fail(format!("c{id}: a browser is told of no agent"), &[id]);
        }
    }

    /// A browser proves its address, and asks for keys while it has none.
    pub fn keep_transport(&mut self, id: u32, from: SocketAddr, port: u16) {
        let Some(transport) = &self.dialogs[id as usize].transport else { return };
        let Some((ufrag, password)) = &transport.agent else { return };
        let is_keyed = transport.keys.is_some();
        let check = check_for(ufrag, password, &[USE_CANDIDATE]);
        self.send_sound(Duration::ZERO, from, port, &check);
        if !is_keyed {
            let record = [&RECORD[..], &id.to_be_bytes()].concat();
            self.send_sound(Duration::from_millis(20), from, port, &record);
        }
    }

    /// As it leaves a phone: nothing of a browser before it has keys.
    pub fn sealed(&mut self, id: u32, mut packet: Vec<u8>) -> Option<Vec<u8>> {
        if let Some(transport) = &mut self.dialog(id).transport {
            let (protect, _) = transport.keys.as_mut()?;
            protect.protect_rtp(&mut packet);
        }
        Some(packet)
    }

    /// As the phone of a dialog hears it.
    pub fn opened(&mut self, id: u32, packet: &[u8]) -> Option<Vec<u8>> {
        let mut packet = packet.to_vec();
        let Some(transport) = &mut self.dialog(id).transport else { return Some(packet) };
        let opened = transport.keys.as_mut().and_then(|(_, unprotect)| {
            let len = unprotect.unprotect_rtp(&mut packet)?;
            Some(packet[..len].to_vec())
        });
        if opened.is_none() {
            self.fail(format!("c{id} hears what its keys do not open"), &[id]);
        }
        opened
    }

    // ---- the handshakes of the house ----

    pub fn shake_hands(&mut self, command: HandshakeCommand) {
        match command {
            HandshakeCommand::Begin { port, .. } => {
                let Handshakes { all, begun, .. } = &mut self.handshakes;
                if let Entry::Vacant(place) = all.entry(port) {
                    *begun += 1;
                    place.insert((*begun, Handshake::UnderWay));
                    let at = self.now.instant + HANDSHAKE_MAX;
                    self.agenda.add(at, Event::HandshakeOver(port, *begun));
                }
            }
            HandshakeCommand::End { port } => drop(self.handshakes.all.remove(&port)),
        }
    }

    /// A record has reached the house.
    pub fn record_heard(&mut self, port: PortId, id: u32) {
        self.after(20, 300, Event::Keyed(port, id));
    }

    /// Both have keys, if both still want them.
    pub fn keyed(&mut self, port: PortId, id: u32) {
        let is_there = !matches!(self.dialog(id).state, State::Over);
        let Some((_, handshake)) = self.handshakes.all.get_mut(&port) else { return };
        let Some(transport) = &mut self.dialogs[id as usize].transport else { return };
        if !is_there || *handshake == Handshake::Done {
            return;
        }
        *handshake = Handshake::Done;
        self.handshakes.done += 1;
        let suite = [Suite::AesCm128Sha1_80, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm];
        let suite = suite[self.chance.below(3) as usize];
        let mut seed = || Seed(std::array::from_fn(|_| self.chance.below(256) as u8));
        let (sends, receives) = (MasterKey::fresh(suite, seed()), MasterKey::fresh(suite, seed()));
        transport.keys = Some((ProtectContext::new(&receives), UnprotectContext::new(&sends)));
        let keys = Box::new(HandshakeKeys { sends, receives });
        let event = HandshakeEvent::Keyed { port, certificate: Arc::from(CERTIFICATE), keys };
        self.shaken(event);
    }

    /// The time for it is over.
    pub fn handshake_over(&mut self, port: PortId, number: u64) {
        if self.handshakes.all.get(&port) == Some(&(number, Handshake::UnderWay)) {
            self.handshakes.all.remove(&port);
            self.shaken(HandshakeEvent::Failed { port, fault: HandshakeFault::TimedOut });
        }
    }

    fn shaken(&mut self, event: HandshakeEvent) {
        let effects = self.testbed.exchange.handle(self.now, Input::Handshake(event));
        self.perform(effects);
    }

    /// Whether a dialog of this phone is sealed.
    pub fn transport_of(&self, phone: usize, purpose: Purpose) -> Option<BrowserTransport> {
        let talks = matches!(purpose, Purpose::Call | Purpose::FeatureCode);
        (talks && self.phones[phone].is_browser).then(BrowserTransport::default)
    }
}

/// Whether a packet that leaves the house may be speech: it is no report (RFC 5761 §4), and shorter than a frame of music.
pub fn is_short(packet: &[u8]) -> bool {
    let is_rtp = packet.first().is_some_and(|first| (128..192).contains(first));
    let is_report = packet.get(1).is_some_and(|kind| (192..224).contains(kind));
    is_rtp && !is_report && packet.len() < HEADER_LEN + 100
}
