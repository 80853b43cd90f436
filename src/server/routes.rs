//! Which of this machine's addresses packets leave from, by the network that they go to: the system's
//! routing tables, each network of which is asked for the address that it has. Nothing is sent.

use super::udp::own_address_towards;
use crate::sip::Network;
use crate::time::{Duration, Instant};
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How often it is looked whether they have changed: networks come and go, and so do addresses.
const LOOK: Duration = Duration::from_secs(10);
/// More networks than a machine has that is no router on the Internet; the rest go by the wider ones. They
/// are few because it is the event loop that looks.
const NETWORKS_MAX: usize = 64;
/// So many bytes of a table are read: some 500 networks.
const TABLE_MAX: u64 = 1 << 16;
/// The flag of a route that is there (RTF_UP).
const UP: u32 = 1;
/// The flag of one that leads nowhere (RTF_REJECT).
const REJECT: u32 = 0x200;

/// What was found last.
#[derive(Debug, Default)]
pub struct Routes {
    last: Vec<(Network, IpAddr)>,
    next: Option<Instant>,
}

impl Routes {
    /// When they are to be looked at.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// The routes, when they are others than at the last time.
    pub fn look(&mut self, now: Instant) -> Option<&[(Network, IpAddr)]> {
        self.next = Some(now + LOOK);
        let found = read();
        if found == self.last {
            return None;
        }
        self.last = found;
        Some(&self.last)
    }
}

fn read() -> Vec<(Network, IpAddr)> {
    let table = |path| {
        let mut bytes = Vec::new();
        // What cannot be read names no network.
        let _ = File::open(path).and_then(|file| file.take(TABLE_MAX).read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let mut networks = ipv4(&table("/proc/net/route"));
    networks.extend(ipv6(&table("/proc/net/ipv6_route")));
    // The widest first: they are those that must not be missing.
    networks.sort_by_key(|network| (network.bits(), network.ip()));
    networks.dedup();
    networks.truncate(NETWORKS_MAX);
    let own = |network: &Network| {
        let probe = SocketAddr::new(inside(network, &networks), 9);
        Some((*network, own_address_towards(probe)?))
    };
    networks.iter().filter_map(own).collect()
}

/// An address of a network that belongs to no narrower one.
fn inside(network: &Network, networks: &[Network]) -> IpAddr {
    let candidates = (1..=16u8).map(|n| match network.ip() {
        // RFC 5737 and RFC 3849: addresses that nobody has stand for all the world.
        IpAddr::V4(_) if network.bits() == 0 => {
            [[192, 0, 2, n], [203, 0, 113, n]][usize::from(n % 2)].into()
        }
        IpAddr::V6(_) if network.bits() == 0 => {
            Ipv6Addr::new([0x2001, 0x2a00][usize::from(n % 2)], 0xdb8, 0, 0, 0, 0, 0, n.into())
                .into()
        }
        IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) | u32::from(n)).into(),
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) | u128::from(n)).into(),
    });
    let is_free = |ip: &IpAddr| {
        let narrower = |other: &&Network| other.bits() > network.bits() && other.contains(*ip);
        network.contains(*ip) && !networks.iter().any(|other| narrower(&other))
    };
    candidates.into_iter().find(is_free).unwrap_or(network.ip())
}

/// The lines of `/proc/net/route`: interface, network, gateway, flags, …, mask; hexadecimal in the
/// machine's own order of bytes.
fn ipv4(table: &str) -> Vec<Network> {
    let line = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let network = u32::from_str_radix(fields.next()?, 16).ok()?;
        let flags = u32::from_str_radix(fields.nth(1)?, 16).ok()?;
        let mask = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        let network = Ipv4Addr::from(network.to_ne_bytes());
        let bits = u32::from_be_bytes(mask.to_ne_bytes()).leading_ones();
        is_usable(flags).then(|| Network::new(network.into(), bits))?
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// The lines of `/proc/net/ipv6_route`: network, its bits, source, its bits, next hop, metric, two
/// counters, flags, interface.
fn ipv6(table: &str) -> Vec<Network> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let network = Ipv6Addr::from(u128::from_str_radix(fields.first()?, 16).ok()?);
        let bits = u32::from_str_radix(fields.get(1)?, 16).ok()?;
        let flags = u32::from_str_radix(fields.get(8)?, 16).ok()?;
        let is_of_many = network.is_multicast() || network.is_unicast_link_local();
        let is_of_peers = *fields.get(9)? != "lo" && !is_of_many && is_usable(flags);
        is_of_peers.then(|| Network::new(network.into(), bits))?
    };
    table.lines().filter_map(line).collect()
}

fn is_usable(flags: u32) -> bool {
    flags & UP != 0 && flags & REJECT == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_system_are_read() {
        let four = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                    eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
                    wg0\t0000080A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                    eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n\
                    *\t0000A00A\t00000000\t0200\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                    eth0\tnonsense\n\n";
        let written = |networks: Vec<Network>| -> Vec<String> {
            networks.iter().map(ToString::to_string).collect()
        };
        if cfg!(target_endian = "little") {
            assert_eq!(written(ipv4(four)), ["0.0.0.0/0", "10.8.0.0/16", "192.168.1.0/24"]);
        }
        let hop = "00000000000000000000000000000000";
        let six = format!(
            "20010db8000000000000000000000000 20 {hop} 00 {hop} 00000100 00000001 00000000 00000001 eth0\n\
             fe800000000000000000000000000000 40 {hop} 00 {hop} 00000100 00000001 00000000 00000001 eth0\n\
             ff000000000000000000000000000000 08 {hop} 00 {hop} 00000100 00000001 00000000 00000001 eth0\n\
             {hop} 00 {hop} 00 {hop} ffffffff 00000001 00000000 00200200 lo\n\
             {hop} 00 {hop} 00 fe800000000000000000000000000001 00000400 1 0 00000003 eth0\n"
        );
        assert_eq!(written(ipv6(&six)), ["2001:db8::/32", "::/0"]);
    }

    #[test]
    fn a_network_is_asked_for_where_no_narrower_one_is() {
        let networks = ["0.0.0.0/0", "203.0.113.0/24", "10.8.0.0/16", "10.8.0.0/30", "10.9.0.7"];
        let networks = networks.map(|network| network.parse().unwrap());
        let probe = |of: usize| inside(&networks[of], &networks).to_string();
        assert_eq!(
            [probe(0), probe(2), probe(3), probe(4)],
            ["192.0.2.2", "10.8.0.4", "10.8.0.1", "10.9.0.7"]
        );
    }

    #[test]
    fn this_machine_has_what_it_has() {
        let mut routes = Routes::default();
        let first = routes.look(Instant::START).map(<[_]>::to_vec);
        assert_eq!(routes.look(Instant::START), None, "nothing has changed since");
        assert_eq!(routes.deadline(), Some(Instant::START + LOOK));
        for (network, own) in first.unwrap_or_default() {
            assert_eq!(network.ip().is_ipv4(), own.is_ipv4());
        }
    }
}
