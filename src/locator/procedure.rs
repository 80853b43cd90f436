//! The procedure of RFC 3263 §4, over what is known so far: which servers there are, and what is still
//! to be asked.

use super::question::{Naptr, Question, Records};
use super::sought::Sought;
use crate::random::Random;
use crate::sip::{Destination, Transport};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// So many addresses of one name are tried.
pub const DESTINATIONS_MAX: usize = 8;

/// What is known about one question.
#[derive(Clone, Copy, Debug)]
pub enum KnownAnswer<'a> {
    /// Nothing yet.
    Nothing,
    /// Nothing, and the DNS was asked in vain.
    Unanswered,
    /// That there are no records.
    Absent,
    /// The records.
    Records(&'a Records),
}

/// One server: the addresses of a host, at a port.
#[derive(Clone, Debug)]
struct Server {
    /// The lower the earlier: the transport's, then the record's.
    rank: (usize, u16),
    weight: u16,
    transport: Transport,
    port: u16,
    addresses: Vec<IpAddr>,
}

/// One walk along the procedure.
pub struct Procedure<'a, K> {
    known: K,
    /// Our transports, the best first.
    transports: &'a [Transport],
    /// What was looked up on the way, known or not.
    pub questions: Vec<Question>,
    servers: Vec<Server>,
}

impl<'a, K: Fn(&Question) -> KnownAnswer<'a>> Procedure<'a, K> {
    /// Follows the procedure for one name.
    pub fn of(sought: &Sought, transports: &'a [Transport], known: K) -> Self {
        let mut walk = Self { known, transports, questions: vec![], servers: vec![] };
        let host = &sought.host;
        match (sought.port, sought.transport) {
            (Some(port), transport) => {
                // §4.1: a port without a transport means UDP.
                walk.host(host, transport.unwrap_or(Transport::Udp), port);
            }
            (None, Some(transport)) => {
                if walk.service(&service_name(host, transport), transport, 0) == LookupStep::Absent
                {
                    walk.host(host, transport, transport.default_port());
                }
            }
            (None, None) => walk.domain(host),
        }
        walk
    }

    /// Neither port nor transport is fixed.
    fn domain(&mut self, host: &str) {
        let services = match self.look_up(Question::Naptr(host.to_owned())) {
            KnownAnswer::Nothing => return,
            // There are name servers that do not know of NAPTR.
            KnownAnswer::Unanswered | KnownAnswer::Absent => vec![],
            KnownAnswer::Records(Records::Naptr(records)) => self.usable(records),
            KnownAnswer::Records(Records::Srv(_) | Records::Addresses(_)) => vec![],
        };
        if !services.is_empty() {
            for (rank, (name, transport)) in services.iter().enumerate() {
                self.service(name, *transport, rank);
            }
            return;
        }
        let mut absent = true;
        for (rank, transport) in self.transports.iter().enumerate() {
            let step = self.service(&service_name(host, *transport), *transport, rank);
            absent &= step == LookupStep::Absent;
        }
        if absent {
            self.host(host, Transport::Udp, Transport::Udp.default_port());
        }
    }

    /// The services of a domain that we can use, the first first (RFC 3403 §4.1: order before
    /// preference).
    fn usable(&self, records: &[Naptr]) -> Vec<(String, Transport)> {
        let transport = |record: &Naptr| {
            let named = match record.service.to_ascii_uppercase().as_str() {
                "SIP+D2U" => Some(Transport::Udp),
                "SIP+D2T" => Some(Transport::Tcp),
                "SIPS+D2T" => Some(Transport::Tls),
                _ => None,
            };
            let is_srv = record.flags.eq_ignore_ascii_case("s") && !record.replacement.is_empty();
            named.filter(|named| is_srv && self.transports.contains(named))
        };
        let mut usable: Vec<_> = records.iter().filter_map(|r| Some((r, transport(r)?))).collect();
        usable.sort_by_key(|(record, _)| (record.order, record.preference));
        usable.into_iter().map(|(record, named)| (record.replacement.clone(), named)).collect()
    }

    /// The servers of one transport (§4.2).
    fn service(&mut self, name: &str, transport: Transport, rank: usize) -> LookupStep {
        let records = match self.look_up(Question::Srv(name.to_owned())) {
            // Where SRV may be, an address of the domain itself may be anybody's.
            KnownAnswer::Nothing | KnownAnswer::Unanswered => return LookupStep::Open,
            KnownAnswer::Absent => return LookupStep::Absent,
            KnownAnswer::Records(Records::Srv(records)) => records,
            KnownAnswer::Records(Records::Naptr(_) | Records::Addresses(_)) => {
                return LookupStep::Absent;
            }
        };
        for record in records.iter().filter(|record| !record.target.is_empty()) {
            let before = self.servers.len();
            self.host(&record.target, transport, record.port);
            for server in &mut self.servers[before..] {
                (server.rank, server.weight) = ((rank, record.priority), record.weight);
            }
        }
        LookupStep::Done
    }

    fn host(&mut self, name: &str, transport: Transport, port: u16) {
        let known = self.look_up(Question::Addresses(name.to_owned()));
        if let KnownAnswer::Records(Records::Addresses(found)) = known {
            let addresses = found.iter().copied().filter(|address| is_usable(*address)).collect();
            self.servers.push(Server { rank: (0, 0), weight: 0, transport, port, addresses });
        }
    }

    fn look_up(&mut self, question: Question) -> KnownAnswer<'a> {
        let known = (self.known)(&question);
        self.questions.push(question);
        known
    }

    /// The addresses of all servers.
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        self.servers.iter().flat_map(|server| &server.addresses).copied().collect()
    }

    /// Where to send to, the first first: by rank, and within a rank by chance, each server by its
    /// weight (RFC 2782).
    pub fn destinations(mut self, random: &mut Random) -> Vec<Destination> {
        self.servers.sort_by_key(|server| server.rank);
        let mut ordered = Vec::with_capacity(self.servers.len());
        let mut rest = self.servers;
        while let Some(first) = rest.first() {
            let group = rest.partition_point(|server| server.rank == first.rank);
            ordered.push(rest.remove(draw(&rest[..group], random)));
        }
        let each = ordered.into_iter().flat_map(|server| {
            let Server { transport, port, addresses, .. } = server;
            addresses.into_iter().map(move |address| Destination::Address {
                transport,
                remote: SocketAddr::new(address, port),
            })
        });
        let mut destinations = Vec::new();
        for destination in each {
            if destinations.len() < DESTINATIONS_MAX && !destinations.contains(&destination) {
                destinations.push(destination);
            }
        }
        destinations
    }
}

/// One of several servers, each by its weight; those of weight 0 only among themselves.
fn draw(servers: &[Server], random: &mut Random) -> usize {
    let total: u64 = servers.iter().map(|server| u64::from(server.weight)).sum();
    if total == 0 {
        return random.below(servers.len() as u64) as usize;
    }
    let drawn = random.below(total);
    let mut passed = 0;
    let chosen = servers.iter().position(|server| {
        passed += u64::from(server.weight);
        drawn < passed
    });
    chosen.expect("what is drawn is below the sum of all")
}

/// How far the services of a transport are known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LookupStep {
    Open,
    Absent,
    Done,
}

fn service_name(host: &str, transport: Transport) -> String {
    let service = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        // RFC 7118 §5.6 leaves these to the web's own ways: only addresses are asked.
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    };
    format!("{service}.{host}")
}

/// No answer of the DNS makes us speak to all, to many, or to nobody.
fn is_usable(address: IpAddr) -> bool {
    let is_broadcast = address.to_canonical() == IpAddr::V4(Ipv4Addr::BROADCAST);
    !address.is_unspecified() && !address.to_canonical().is_multicast() && !is_broadcast
}
