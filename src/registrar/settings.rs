//! What is configured of the registrar.

use super::preferences::DigestOrder;
use crate::sip::Network;
use crate::time::Duration;
use std::net::SocketAddr;

/// For how long phones may register, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Shorter wishes are answered 423.
    pub expires_min: Duration,
    /// For those who do not say.
    pub expires_default: Duration,
    /// Longer wishes are cut to this.
    pub expires_max: Duration,
    /// Our own sockets, where no phone can be.
    pub addresses: Vec<SocketAddr>,
    /// The proxies that may register phones behind them with a Path.
    pub edges: Vec<Network>,
    /// Which challenges are made, and in which order.
    pub digest: DigestOrder,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            expires_min: Duration::from_secs(60),
            expires_default: Duration::from_secs(3600),
            expires_max: Duration::from_secs(7200),
            addresses: Vec::new(),
            edges: Vec::new(),
            digest: DigestOrder::default(),
        }
    }
}
