//! Under which of our addresses a peer reaches us: for Contact, Via and SDP.
//!
//! ```text
//!   1. the address that the house advertises to the peer's network, the narrowest first
//!   2. the one that the peer has spoken to, or its connection goes by
//!   3. the one that we listen on there
//!   4. the one that the routing table has for packets to it
//! ```
//!
//! One address for all would be right for one network only: whoever is on another, or behind the other
//! side of a NAT, could call us and would never be heard again.

use super::flow::{Destination, Transport};
use super::host::is_private;
use super::network::Network;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// All of our addresses, and who is reached by which.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OwnAddresses {
    listeners: Vec<(Transport, SocketAddr)>,
    /// Narrow networks before wide ones.
    advertised: Vec<(Network, IpAddr)>,
    /// The same.
    routes: Vec<(Network, IpAddr)>,
}

/// Where the media of a peer reach the relay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MediaAddress {
    /// What the peer is told in SDP.
    pub told: IpAddr,
    /// The address of this machine that this leads to, as far as is known, where the relay is on all of them.
    pub local: Option<IpAddr>,
    /// One of the other family that may lead to it as well, for who tries more than one.
    pub beside: Option<IpAddr>,
}

impl OwnAddresses {
    /// Listeners, the preferred first, and what is advertised to whom in place of what we know ourselves.
    #[must_use]
    pub fn new(
        listeners: Vec<(Transport, SocketAddr)>,
        mut advertised: Vec<(Network, IpAddr)>,
    ) -> Self {
        advertised.sort_by_key(|(network, _)| std::cmp::Reverse(network.bits()));
        Self { listeners, advertised, routes: Vec::new() }
    }

    /// Which of our addresses packets to a network leave from, as the system has it now.
    pub fn set_routes(&mut self, mut routes: Vec<(Network, IpAddr)>) {
        routes.sort_by_key(|(network, _)| std::cmp::Reverse(network.bits()));
        self.routes = routes;
    }

    /// Whether anybody may come by this transport.
    #[must_use]
    pub fn listens(&self, transport: Transport) -> bool {
        self.listeners.iter().any(|(own, _)| *own == transport)
    }

    /// The socket at which the peer there reaches us.
    #[must_use]
    pub fn socket(&self, to: &Destination) -> SocketAddr {
        let (transport, remote) = (to.transport(), to.remote().ip().to_canonical());
        let local = match to {
            Destination::Flow(flow) => Some(flow.local),
            Destination::Address { .. } => None,
        };
        let heard = local.map(|local| local.ip()).filter(|ip| !ip.is_unspecified());
        let routed = heard.or_else(|| self.routed(remote));
        let fits = |own: &&(Transport, SocketAddr)| {
            own.0 == transport && own.1.is_ipv4() == remote.is_ipv4()
        };
        let listeners = || self.listeners.iter().filter(fits).map(|(_, own)| *own);
        // The port of a connection that we opened is nobody's to call.
        let by_port = local.and_then(|local| {
            let at = |own: &SocketAddr| own.port() == local.port() && is_at(own, routed);
            listeners().find(at)
        });
        let listener = by_port
            .or_else(|| listeners().find(|own| is_at(own, routed)))
            .or_else(|| listeners().next());
        let port = match (listener, local) {
            (Some(own), _) => own.port(),
            (None, Some(local)) => local.port(),
            (None, None) => transport.default_port(),
        };
        let bound = listener.map(|own| own.ip()).filter(|ip| !ip.is_unspecified());
        let ip = self.advertised(remote).or(bound).or(routed);
        SocketAddr::new(ip.unwrap_or_else(|| self.any(remote)), port)
    }

    /// The address at which media of the peer at `remote` reach the relay, whose sockets are bound to `bound`:
    /// `::` is both families, any other address its own. Where the relay is on all addresses it is `local`, the one
    /// that the peer's signalling has come to, since that is known to be reached; the routing table may have another
    /// one for packets to the peer. Of a family that the relay does not have it is an address of the other: no
    /// phone is told one where nobody listens.
    #[must_use]
    pub fn media(&self, remote: IpAddr, local: Option<IpAddr>, bound: &[IpAddr]) -> MediaAddress {
        let mut remote = remote.to_canonical();
        let is_everywhere = bound.iter().any(|own| own.is_ipv6() && own.is_unspecified());
        let beside = if is_everywhere { self.beside(remote) } else { None };
        let has = |own: &IpAddr| {
            let is_all = own.is_ipv6() && own.is_unspecified();
            is_all || own.is_ipv4() == remote.is_ipv4()
        };
        if !bound.is_empty() && !bound.iter().any(has) {
            // Anybody of the other family.
            remote = if remote.is_ipv4() {
                Ipv6Addr::UNSPECIFIED.into()
            } else {
                Ipv4Addr::UNSPECIFIED.into()
            };
        }
        let family = |ip: &IpAddr| ip.is_ipv4() == remote.is_ipv4();
        let bound = bound.iter().copied().filter(family).find(|ip| !ip.is_unspecified());
        // A proxy of this machine that keeps the peer's address speaks to us by the loopback; no peer does elsewhere.
        let reaches = |ip: &IpAddr| family(ip) && ip.is_loopback() == remote.is_loopback();
        let heard = local.map(|ip| ip.to_canonical());
        let heard = heard.filter(|ip| reaches(ip) && !ip.is_unspecified());
        let own = heard.or_else(|| self.routed(remote));
        let told = self.advertised(remote).or(bound).or(own);
        MediaAddress {
            told: told.unwrap_or_else(|| self.any(remote)),
            local: own.filter(|_| bound.is_none()),
            beside,
        }
    }

    /// Of the other family, what leads to us from everywhere: it is not known which network the peer has there, if any. Who
    /// comes from outside is not told an address of our network.
    fn beside(&self, remote: IpAddr) -> Option<IpAddr> {
        let from_everywhere = |networks: &[(Network, IpAddr)]| {
            let everywhere = |network: &Network| {
                network.bits() == 0 && network.ip().is_ipv4() != remote.is_ipv4()
            };
            networks.iter().find(|(network, _)| everywhere(network)).map(|(_, ip)| *ip)
        };
        let found = from_everywhere(&self.advertised).or_else(|| from_everywhere(&self.routes));
        let is_reached = |ip: &IpAddr| {
            let is_link_local = match ip {
                IpAddr::V4(ip) => ip.is_link_local(),
                IpAddr::V6(ip) => ip.is_unicast_link_local(),
            };
            !is_link_local && !ip.is_loopback() && (is_private(remote) || !is_private(*ip))
        };
        found.filter(|ip| is_reached(ip) && !remote.is_loopback())
    }

    /// Every address that is known to be ours: hosts of URIs that mean us.
    #[must_use]
    pub fn all(&self) -> BTreeSet<IpAddr> {
        let listeners = self.listeners.iter().map(|(_, own)| own.ip());
        let known = self.advertised.iter().chain(&self.routes).map(|(_, ip)| *ip);
        listeners.filter(|ip| !ip.is_unspecified()).chain(known).collect()
    }

    fn advertised(&self, remote: IpAddr) -> Option<IpAddr> {
        narrowest(&self.advertised, remote)
    }

    fn routed(&self, remote: IpAddr) -> Option<IpAddr> {
        // What the machine says to itself it says from the address that it speaks to.
        let own = |routes: &[(Network, IpAddr)]| routes.iter().any(|(_, ip)| *ip == remote);
        match remote.is_loopback() || own(&self.routes) {
            true => Some(remote),
            false => narrowest(&self.routes, remote),
        }
    }

    /// There is no route to the peer, so that it does not matter much.
    fn any(&self, remote: IpAddr) -> IpAddr {
        let family = |ip: &&(Network, IpAddr)| ip.1.is_ipv4() == remote.is_ipv4();
        match (self.routes.iter().find(family), remote) {
            (Some((_, ip)), _) => *ip,
            (None, IpAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
            (None, IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
        }
    }
}

fn narrowest(networks: &[(Network, IpAddr)], remote: IpAddr) -> Option<IpAddr> {
    networks.iter().find(|(network, _)| network.contains(remote)).map(|(_, ip)| *ip)
}

/// Whether a listener takes what is sent to an address of ours.
fn is_at(own: &SocketAddr, ip: Option<IpAddr>) -> bool {
    own.ip().is_unspecified() || ip.is_none_or(|ip| own.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;
    use crate::sip::Flow;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn networks(pairs: &[(&str, &str)]) -> Vec<(Network, IpAddr)> {
        pairs.iter().map(|(network, own)| (network.parse().unwrap(), ip(own))).collect()
    }

    /// A house on three networks, the world behind the first, that listens everywhere.
    fn house(advertised: &[(&str, &str)]) -> OwnAddresses {
        use Transport::{Tcp, Udp};
        let listeners =
            [(Udp, "0.0.0.0:5060"), (Tcp, "0.0.0.0:5060"), (Udp, "[::]:5070"), (Tcp, "[::]:5070")];
        let listeners = listeners.map(|(transport, own)| (transport, own.parse().unwrap()));
        let mut own = OwnAddresses::new(listeners.to_vec(), networks(advertised));
        own.set_routes(networks(&[
            ("0.0.0.0/0", "192.168.1.5"),
            ("192.168.1.0/24", "192.168.1.5"),
            ("10.8.0.0/16", "10.8.0.1"),
            ("2001:db8::/32", "2001:db8::5"),
        ]));
        own
    }

    fn to(transport: Transport, remote: &str) -> Destination {
        Destination::Address { transport, remote: remote.parse().unwrap() }
    }

    fn over(transport: Transport, local: &str, remote: &str) -> Destination {
        let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
        Destination::Flow(Flow { transport, local, remote, connection: ConnectionId(1) })
    }

    #[test]
    fn each_peer_is_told_the_address_on_its_own_network() {
        use Transport::{Tcp, Udp};
        let own = house(&[]);
        for (to, expected) in [
            (to(Udp, "192.168.1.77:5060"), "192.168.1.5:5060"),
            (to(Udp, "10.8.3.4:5062"), "10.8.0.1:5060"),
            (to(Tcp, "198.51.100.7:5060"), "192.168.1.5:5060"),
            (to(Udp, "[2001:db8::77]:5060"), "[2001:db8::5]:5070"),
            (to(Udp, "127.0.0.1:5099"), "127.0.0.1:5060"),
            (to(Udp, "10.8.0.1:5099"), "10.8.0.1:5060"),
            // It speaks to another of our addresses than packets to it would leave from.
            (over(Udp, "10.8.0.2:5060", "10.8.3.4:5062"), "10.8.0.2:5060"),
            // Where not even that is known.
            (over(Udp, "0.0.0.0:5060", "10.8.3.4:5062"), "10.8.0.1:5060"),
            // A connection that we opened.
            (over(Tcp, "10.8.0.1:40123", "10.8.3.4:5062"), "10.8.0.1:5060"),
            (over(Tcp, "[2001:db8::5]:40123", "[2001:db8::77]:5060"), "[2001:db8::5]:5070"),
        ] {
            assert_eq!(own.socket(&to).to_string(), expected, "{to:?}");
        }
    }

    #[test]
    fn media_are_told_where_the_signalling_came_by_as_far_as_the_relay_is_there() {
        let own = house(&[]);
        for (remote, local, bound, told, leaves) in [
            ("10.8.3.4", None, "0.0.0.0", "10.8.0.1", Some("10.8.0.1")),
            ("10.8.3.4", Some("10.8.0.2"), "0.0.0.0", "10.8.0.2", Some("10.8.0.2")),
            ("10.8.3.4", Some("10.8.0.2"), "::", "10.8.0.2", Some("10.8.0.2")),
            ("10.8.3.4", Some("::ffff:10.8.0.2"), "::", "10.8.0.2", Some("10.8.0.2")),
            ("10.8.3.4", Some("0.0.0.0"), "::", "10.8.0.1", Some("10.8.0.1")),
            ("2001:db8::77", Some("2001:db8::6"), "::", "2001:db8::6", Some("2001:db8::6")),
            ("127.0.0.1", Some("127.0.0.3"), "::", "127.0.0.3", Some("127.0.0.3")),
            // By a proxy of this machine that keeps the peer's address.
            ("10.8.3.4", Some("127.0.0.1"), "::", "10.8.0.1", Some("10.8.0.1")),
            // A socket that is bound to one address says all.
            ("10.8.3.4", Some("10.8.0.2"), "192.168.1.9", "192.168.1.9", None),
            // The relay has not the family of the signalling.
            ("2001:db8::77", Some("2001:db8::6"), "0.0.0.0", "192.168.1.5", Some("192.168.1.5")),
            ("2001:db8::77", Some("2001:db8::6"), "192.168.1.9", "192.168.1.9", None),
            ("10.8.3.4", Some("10.8.0.2"), "2001:db8::9", "2001:db8::9", None),
        ] {
            let media = own.media(ip(remote), local.map(ip), &[ip(bound)]);
            assert_eq!(
                (media.told, media.local),
                (ip(told), leaves.map(ip)),
                "{remote} {local:?} {bound}"
            );
        }
        // What a router outside is told is no address of ours: what it sends on to us comes as the signalling came.
        let own = house(&[("0.0.0.0/0", "203.0.113.5")]);
        let media = own.media(ip("198.51.100.7"), Some(ip("192.168.1.6")), &[ip("0.0.0.0")]);
        let expected =
            MediaAddress { told: ip("203.0.113.5"), local: Some(ip("192.168.1.6")), beside: None };
        assert_eq!(media, expected);
    }

    #[test]
    fn of_the_other_family_is_told_what_leads_to_us_from_everywhere() {
        let house = |advertised, everywhere| {
            let mut own = OwnAddresses::new(vec![], networks(advertised));
            let near = [("192.168.1.0/24", "192.168.1.5"), ("fd00:1::/64", "fd00:1::5")];
            own.set_routes(networks(&[&near[..], everywhere].concat()));
            own
        };
        let both = house(&[], &[("0.0.0.0/0", "192.168.1.5"), ("::/0", "2001:db8::5")]);
        let outside = house(&[("0.0.0.0/0", "203.0.113.5")], &[("::/0", "2001:db8::5")]);
        for (own, remote, bound, beside) in [
            (&both, "192.168.1.77", "::", Some("2001:db8::5")),
            (&both, "::ffff:198.51.100.7", "::", Some("2001:db8::5")),
            (&both, "fd00:1::77", "::", Some("192.168.1.5")),
            // It would lead to another machine there.
            (&both, "2001:db8::77", "::", None),
            (&outside, "2001:db8::77", "::", Some("203.0.113.5")),
            (&both, "127.0.0.1", "::", None),
            (&both, "192.168.1.77", "0.0.0.0", None),
            (&both, "192.168.1.77", "192.168.1.5", None),
            (&both, "fd00:1::77", "2001:db8::5", None),
            (&house(&[], &[]), "192.168.1.77", "::", None),
            (&house(&[], &[("::/0", "fe80::5")]), "192.168.1.77", "::", None),
        ] {
            let media = own.media(ip(remote), None, &[ip(bound)]);
            assert_eq!(media.beside, beside.map(ip), "{remote} {bound}");
        }
    }

    #[test]
    fn what_is_advertised_to_a_network_goes_first_and_the_narrowest_of_all() {
        use Transport::{Tcp, Udp};
        let own = house(&[
            ("0.0.0.0/0", "203.0.113.5"),
            ("10.8.0.0/16", "10.8.0.1"),
            ("192.168.0.0/16", "192.168.1.6"),
        ]);
        for (to, expected) in [
            (over(Udp, "192.168.1.5:5060", "198.51.100.7:31000"), "203.0.113.5:5060"),
            (over(Tcp, "192.168.1.5:40000", "198.51.100.7:5060"), "203.0.113.5:5060"),
            (over(Udp, "10.8.0.2:5060", "10.8.3.4:5062"), "10.8.0.1:5060"),
            (to(Udp, "192.168.1.77:5060"), "192.168.1.6:5060"),
            (to(Udp, "[2001:db8::77]:5060"), "[2001:db8::5]:5070"),
        ] {
            assert_eq!(own.socket(&to).to_string(), expected, "{to:?}");
        }
        let all: Vec<String> = own.all().iter().map(ToString::to_string).collect();
        let expected = ["10.8.0.1", "192.168.1.5", "192.168.1.6", "203.0.113.5", "2001:db8::5"];
        assert_eq!(all, expected);
    }

    #[test]
    fn of_listeners_at_single_addresses_the_one_on_the_way_is_named() {
        use Transport::Udp;
        let listeners = ["192.168.1.5:5060", "10.8.0.1:5062"];
        let listeners = listeners.map(|own| (Udp, own.parse().unwrap()));
        let mut own = OwnAddresses::new(listeners.to_vec(), vec![]);
        assert_eq!(own.socket(&to(Udp, "10.8.3.4:5060")).to_string(), "192.168.1.5:5060");
        own.set_routes(networks(&[("10.8.0.0/16", "10.8.0.1"), ("0.0.0.0/0", "192.168.1.5")]));
        assert_eq!(own.socket(&to(Udp, "10.8.3.4:5060")).to_string(), "10.8.0.1:5062");
        assert_eq!(own.socket(&to(Udp, "198.51.100.7:5060")).to_string(), "192.168.1.5:5060");
    }

    #[test]
    fn without_any_route_it_says_what_it_has() {
        let own = OwnAddresses::default();
        let heard = over(Transport::Udp, "192.0.2.1:5099", "192.0.2.7:5060");
        assert_eq!(own.socket(&heard).to_string(), "192.0.2.1:5099");
        assert_eq!(own.socket(&to(Transport::Udp, "192.0.2.7:5060")).to_string(), "127.0.0.1:5060");
        assert_eq!(own.media(ip("2001:db8::7"), None, &[]).told, ip("::1"));
    }
}
