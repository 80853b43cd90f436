//! Trunks: gateways, carriers and fixed groups of callers, trusted by their address.

use super::terminal::Srtp;
use crate::ids::LevelId;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The port of SIP over UDP and TCP (RFC 3261 §19.1.2).
const SIP_PORT: u16 = 5060;

/// Where requests of a trunk come from, and where calls to it go.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TrunkAddress {
    /// The address of the far end.
    pub ip: IpAddr,
    /// Its port; `None` trusts every port of the address and calls 5060.
    pub port: Option<u16>,
}

impl TrunkAddress {
    /// Where calls to this trunk are sent.
    #[must_use]
    pub fn socket(self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(SIP_PORT))
    }
}

/// `192.0.2.10`, `192.0.2.10:5060`, `2001:db8::1`, `[2001:db8::1]:5060`.
impl FromStr for TrunkAddress {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: socket.ip(), port: Some(socket.port()) });
        }
        Ok(Self { ip: text.parse()?, port: None })
    }
}

impl fmt::Display for TrunkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}", SocketAddr::new(self.ip, port)),
            None => write!(f, "{}", self.ip),
        }
    }
}

/// One trunk of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trunk {
    /// Its name, for people.
    pub name: String,
    /// The addresses whose requests are trusted without digest; calls go to the first.
    pub addresses: Vec<TrunkAddress>,
    /// The level of its callers, and its level as callee.
    pub level: LevelId,
    /// Numbers that begin so are sent there, the prefix kept.
    pub prefixes: Vec<String>,
    /// Whether it speaks under SRTP only.
    pub srtp: Srtp,
}

impl Trunk {
    /// How well `source` fits: 2 by address and port, 1 by address alone, 0 not at all.
    pub(super) fn fits(&self, source: SocketAddr) -> u8 {
        // A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d.
        let ip = source.ip().to_canonical();
        let fit = |address: &TrunkAddress| match address.port {
            _ if address.ip.to_canonical() != ip => 0,
            Some(port) if port == source.port() => 2,
            Some(_) => 0,
            None => 1,
        };
        self.addresses.iter().map(fit).max().unwrap_or(0)
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
        for text in ["192.0.2.10", "192.0.2.10:5060", "2001:db8::1", "[2001:db8::1]:5070"] {
            let address: TrunkAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for wrong in ["", "gateway.example", "192.0.2.10:", "192.0.2.10:70000", "192.0.2"] {
            assert!(wrong.parse::<TrunkAddress>().is_err(), "{wrong}");
        }
        let bare: TrunkAddress = "192.0.2.10".parse().unwrap();
        assert_eq!(bare.socket().port(), 5060);
    }
}
