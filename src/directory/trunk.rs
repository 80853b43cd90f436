//! Trunks: gateways, carriers and fixed groups of callers, trusted by their address.

use super::srtp::Srtp;
use crate::ids::LevelId;
use crate::sip::{Host, Realms, Transport};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The longest name of a host (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// Where requests of a trunk come from, and where calls to it go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrunkAddress {
    /// How it is reached, and the only way by which its requests are trusted; `None` is as the DNS says, or UDP, and
    /// trusts each.
    pub transport: Option<Transport>,
    /// The far end.
    pub host: TrunkHost,
    /// Its port; `None` trusts every port of the address and calls 5060, or where the DNS says.
    pub port: Option<u16>,
}

/// The far end of a trunk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TrunkHost {
    /// By its address.
    Address(IpAddr),
    /// By its name.
    Name {
        /// The name, in small letters.
        name: String,
        /// Its addresses, as far as the DNS has told them.
        found: BTreeSet<IpAddr>,
    },
}

impl TrunkAddress {
    /// Its host and port as they stand in a URI.
    #[must_use]
    pub fn authority(&self) -> String {
        Self { transport: None, ..self.clone() }.to_string()
    }

    /// Whether requests from this address may be the trunk's; IPv4 by its own form.
    fn has(&self, ip: IpAddr) -> bool {
        match &self.host {
            TrunkHost::Address(own) => own.to_canonical() == ip,
            TrunkHost::Name { found, .. } => found.iter().any(|own| own.to_canonical() == ip),
        }
    }
}

/// A text that is no address of a trunk.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("neither an address nor a host name, with a port or without")]
pub struct NoTrunkAddress;

/// `192.0.2.10`, `192.0.2.10:5060`, `2001:db8::1`, `[2001:db8::1]:5060`, `sip.example.com`,
/// `sip.example.com:5060`; each after `udp:`, `tcp:` or `tls:`, too.
impl FromStr for TrunkAddress {
    type Err = NoTrunkAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((transport, rest)) = text.split_once(':')
            && let Some(transport @ (Transport::Udp | Transport::Tcp | Transport::Tls)) =
                Transport::from_token(transport)
            // A host may be called so.
            && let Ok(Self { transport: None, host, port }) = rest.parse()
        {
            return Ok(Self { transport: Some(transport), host, port });
        }
        let transport = None;
        if let Ok(socket) = text.parse::<SocketAddr>() {
            let (host, port) = (TrunkHost::Address(socket.ip()), Some(socket.port()));
            return Ok(Self { transport, host, port });
        }
        if let Ok(ip) = text.parse() {
            return Ok(Self { transport, host: TrunkHost::Address(ip), port: None });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| NoTrunkAddress)?)),
            None => (text, None),
        };
        let Ok(Host::Name(name)) = Host::parse(name) else { return Err(NoTrunkAddress) };
        let name = name.as_str();
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if name.len() > NAME_BYTES_MAX || port == Some(0) {
            return Err(NoTrunkAddress);
        }
        Ok(Self { transport, host: TrunkHost::Name { name, found: BTreeSet::new() }, port })
    }
}

impl fmt::Display for TrunkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(transport) = self.transport {
            write!(f, "{}:", transport.uri_token())?;
        }
        match (&self.host, self.port) {
            (TrunkHost::Address(ip), Some(port)) => write!(f, "{}", SocketAddr::new(*ip, port)),
            (TrunkHost::Address(ip), None) => write!(f, "{ip}"),
            (TrunkHost::Name { name, .. }, Some(port)) => write!(f, "{name}:{port}"),
            (TrunkHost::Name { name, .. }, None) => f.write_str(name),
        }
    }
}

/// One trunk of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trunk {
    /// Its name, for people.
    pub name: String,
    /// The addresses whose requests are trusted without digest; calls go to the first that takes them.
    pub addresses: Vec<TrunkAddress>,
    /// The level of its callers, and its level as callee.
    pub level: LevelId,
    /// Numbers that begin so are sent there, the prefix kept.
    pub prefixes: Vec<String>,
    /// Whether it speaks under SRTP only.
    pub srtp: Srtp,
    /// As whom it knows us, where it asks.
    pub login: Option<TrunkLogin>,
    /// Whether we register there, so that it knows where to send its calls.
    pub register: bool,
}

/// The account that a carrier has for us.
#[derive(Clone, Eq, PartialEq)]
pub struct TrunkLogin {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The only realm in which the password is proved, where one is given.
    pub realm: Option<String>,
}

/// Without the password.
impl fmt::Debug for TrunkLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrunkLogin {{ user: {:?} }}", self.user)
    }
}

impl Trunk {
    /// Whether `source` is one of its addresses, and `by` the way by which it is reached there.
    #[must_use]
    pub fn is_at(&self, source: SocketAddr, by: Transport) -> bool {
        self.fits(source, by) > 0
    }

    /// In which realms its password may be proved: the one that is configured, else those of its hosts and
    /// what it names.
    #[must_use]
    pub fn realms(&self) -> Realms {
        let only = self.login.as_ref().and_then(|login| login.realm.clone());
        let host = |address: &TrunkAddress| match &address.host {
            TrunkHost::Address(ip) => ip.to_string(),
            TrunkHost::Name { name, .. } => name.clone(),
        };
        Realms::new(only, self.addresses.iter().map(host).collect())
    }

    /// How well `source` fits: 2 by address and port, 1 by address alone, 0 not at all.
    pub(super) fn fits(&self, source: SocketAddr, by: Transport) -> u8 {
        // A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d.
        let ip = source.ip().to_canonical();
        let fit = |address: &TrunkAddress| match address.port {
            _ if !address.has(ip) => 0,
            _ if address.transport.is_some_and(|only| only != by) => 0,
            // Its connections to us come from any port.
            _ if address.transport.is_some_and(Transport::is_reliable) => 2,
            Some(port) if port == source.port() => 2,
            Some(_) => 0,
            None => 1,
        };
        self.addresses.iter().map(fit).max().unwrap_or(0)
    }

    /// The DNS has told the addresses of one of its names.
    pub(super) fn locate(
        &mut self,
        host: &str,
        (port, transport): (Option<u16>, Option<Transport>),
        addresses: &BTreeSet<IpAddr>,
    ) {
        let is_meant =
            |address: &&mut TrunkAddress| address.port == port && address.transport == transport;
        for address in self.addresses.iter_mut().filter(is_meant) {
            if let TrunkHost::Name { name, found } = &mut address.host
                && name == host
            {
                found.clone_from(addresses);
            }
        }
    }

    /// The length of the longest prefix with which `number` begins.
    pub(super) fn prefix_of(&self, number: &str) -> Option<usize> {
        let begins = |prefix: &&String| number.starts_with(prefix.as_str());
        self.prefixes.iter().filter(begins).map(String::len).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_with_and_without_a_port() {
        for text in [
            "192.0.2.10",
            "192.0.2.10:5060",
            "2001:db8::1",
            "[2001:db8::1]:5070",
            "sip.example.com",
            "gateway:5070",
            "tls:sip.example.com",
            "tls:[2001:db8::1]:5071",
            "tls:2001:db8::1",
            "tcp:192.0.2.10:5060",
            "udp:192.0.2.10",
            "tls:5061",
        ] {
            let address: TrunkAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let long = format!("{}.example", "a".repeat(250));
        let named: TrunkAddress = "tls:5061".parse().unwrap();
        assert_eq!((named.transport, named.port), (None, Some(5061)), "a host of that name");
        let sealed: TrunkAddress = "TLS:sip.example.com:5071".parse().unwrap();
        assert_eq!((sealed.transport, sealed.port), (Some(Transport::Tls), Some(5071)));
        assert_eq!(sealed.authority(), "sip.example.com:5071");
        for wrong in [
            "ws:192.0.2.10",
            "tls:tls:gw",
            "",
            "192.0.2.10:",
            "192.0.2.10:70000",
            "192.0.2",
            "gw.example:",
            "gw:0",
            "a b",
            &long,
        ] {
            assert!(wrong.parse::<TrunkAddress>().is_err(), "{wrong}");
        }
        let name: TrunkAddress = "SIP.Example.COM.".parse().unwrap();
        assert_eq!(name.to_string(), "sip.example.com");
    }
}
