//! A small DNS for the tests, over UDP: what it has been told, and nothing else.
//!
//! Written for the tests alone; it shares no line with the product or its resolver.

#![allow(clippy::unwrap_used)] // A test may panic.
#![allow(dead_code)] // Not every test asks everything.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

const A: u16 = 1;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// How it behaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mood {
    /// It answers.
    #[default]
    Well,
    /// It reads, and says nothing.
    Silent,
    /// It says that it cannot.
    Failing,
    /// It answers with noise.
    Babbling,
}

/// A running name server; it ends with this value.
pub struct NameServer {
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

/// A time to live, and the data of each record.
type Records = (u32, Vec<Vec<u8>>);

#[derive(Default)]
struct Zone {
    records: BTreeMap<(String, u16), Records>,
    mood: Mood,
    asked: Vec<String>,
}

impl NameServer {
    /// Listens at this address, at a port that nobody has.
    pub fn at(ip: IpAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone::default()));
        let weak = Arc::downgrade(&zone);
        std::thread::spawn(move || serve(&socket, &weak));
        Self { address, zone }
    }

    /// A host and its addresses; none: it is no longer there.
    pub fn has_host(&self, name: &str, ttl: u32, addresses: &[Ipv4Addr]) {
        let data = addresses.iter().map(|address| address.octets().to_vec());
        self.has(name, A, ttl, data.collect());
    }

    /// A service: priority, weight, port and host of each server.
    pub fn has_service(&self, name: &str, ttl: u32, servers: &[(u16, u16, u16, &str)]) {
        let data = servers.iter().map(|(priority, weight, port, host)| {
            let numbers = [priority, weight, port].map(|number| number.to_be_bytes()).concat();
            [numbers, encoded(host)].concat()
        });
        self.has(name, SRV, ttl, data.collect());
    }

    /// A domain and its services: order, service, and the name to ask for.
    pub fn has_domain(&self, name: &str, ttl: u32, services: &[(u16, &str, &str)]) {
        let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        let data = services.iter().map(|(order, service, replacement)| {
            let numbers = [*order, 0].map(u16::to_be_bytes).concat();
            [numbers, text("s"), text(service), text(""), encoded(replacement)].concat()
        });
        self.has(name, NAPTR, ttl, data.collect());
    }

    pub fn is_in(&self, mood: Mood) {
        self.zone.lock().unwrap().mood = mood;
    }

    /// All that was asked so far: `A gw.example`.
    pub fn asked(&self) -> Vec<String> {
        self.zone.lock().unwrap().asked.clone()
    }

    fn has(&self, name: &str, kind: u16, ttl: u32, data: Vec<Vec<u8>>) {
        self.zone.lock().unwrap().records.insert((name.to_owned(), kind), (ttl, data));
    }
}

fn serve(socket: &UdpSocket, zone: &Weak<Mutex<Zone>>) {
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut buffer = [0; 2048];
    while let Some(zone) = zone.upgrade() {
        let Ok((len, peer)) = socket.recv_from(&mut buffer) else { continue };
        let answer = zone.lock().unwrap().answer(&buffer[..len]);
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, peer);
        }
    }
}

impl Zone {
    fn answer(&mut self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = decoded(query)?;
        let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
        let word = match kind {
            A => "A",
            AAAA => "AAAA",
            SRV => "SRV",
            NAPTR => "NAPTR",
            _ => "?",
        };
        self.asked.push(format!("{word} {name}"));
        let records = self.records.get(&(name.clone(), kind));
        let is_known = self.records.keys().any(|(known, _)| *known == name);
        // RFC 1035 §4.1.1: no error, server failure, name error.
        let code = match self.mood {
            Mood::Silent => return None,
            Mood::Babbling => return Some([&query[..2], &[0x81, 0x80, 0xff, 0xc0, 0x0c]].concat()),
            Mood::Failing => 2,
            Mood::Well if is_known => 0,
            Mood::Well => 3,
        };
        let (ttl, data) = records.filter(|_| code == 0).cloned().unwrap_or_default();
        let mut answer = query[..2].to_vec();
        answer.extend([0x81, 0x80 | code, 0, 1]);
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend([0; 4]);
        answer.extend(&query[12..end + 4]);
        for data in data {
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1]);
            answer.extend(ttl.to_be_bytes());
            answer.extend((data.len() as u16).to_be_bytes());
            answer.extend(data);
        }
        Some(answer)
    }
}

/// The name of the question, and where it ends.
fn decoded(query: &[u8]) -> Option<(String, usize)> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let len = usize::from(*query.get(at)?);
        at += 1;
        if len == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + len)?).to_ascii_lowercase());
        at += len;
    }
}

fn encoded(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}
