//! What is asked of the DNS, and what comes back.

use crate::time::Duration;
use std::fmt;
use std::net::IpAddr;

/// Of one answer so many records are looked at.
pub const RECORDS_MAX: usize = 16;

/// One question; names are in small letters, without a dot at the end.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Question {
    /// Which transports a domain has, and where (RFC 3403).
    Naptr(String),
    /// Which hosts and ports serve one transport (RFC 2782): `_sip._udp.example.com`.
    Srv(String),
    /// The addresses of a host, IPv4 and IPv6; the hosts file knows them, too.
    Addresses(String),
}

impl Question {
    /// The name that is asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Naptr(name) | Self::Srv(name) | Self::Addresses(name) => name,
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Naptr(name) => write!(f, "NAPTR {name}"),
            Self::Srv(name) => write!(f, "SRV {name}"),
            Self::Addresses(name) => write!(f, "A {name}"),
        }
    }
}

/// What came back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DnsAnswer {
    /// There are records, to be asked for again after their time to live.
    Found {
        /// The records.
        records: Records,
        /// The shortest time to live.
        ttl: Duration,
    },
    /// The DNS knows that there are none.
    Absent {
        /// For so long that holds, as far as it says (RFC 2308).
        ttl: Option<Duration>,
    },
    /// The DNS did not answer, or only that it cannot.
    Failed,
}

/// The records of one answer, of the kind that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Records {
    /// Of [`Question::Naptr`].
    Naptr(Vec<Naptr>),
    /// Of [`Question::Srv`].
    Srv(Vec<Srv>),
    /// Of [`Question::Addresses`].
    Addresses(Vec<IpAddr>),
}

/// A transport of a domain (RFC 3263 §4.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Naptr {
    /// The lower the earlier.
    pub order: u16,
    /// Within the order, the lower the earlier.
    pub preference: u16,
    /// `s`: the replacement is to be asked for SRV.
    pub flags: String,
    /// `SIP+D2U` and its kin.
    pub service: String,
    /// The next name.
    pub replacement: String,
}

/// A host and port that serve a transport (RFC 2782).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Srv {
    /// The lower the earlier.
    pub priority: u16,
    /// Its share among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; empty when the service is decidedly not there.
    pub target: String,
}
