//! What the exchange is told of its house, and what of that can change while it runs.

use crate::leg;
use crate::locator;
use crate::registrar;
use crate::switchboard;
use crate::time::Duration;
use crate::transaction;
use std::net::SocketAddr;

/// What the exchange is told of its house.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Callers of other domains may call.
    pub guests: bool,
    /// So many calls one source of them may have open.
    pub guest_calls_max: usize,
    /// Our own addresses, as phones may write them in place of the domain; a request that comes from
    /// one of them, port and all, is one of ours that went in a circle.
    pub addresses: Vec<SocketAddr>,
    /// What the journal keeps of calls that are over and of the audit.
    pub retention: Retention,
    /// For the transactions.
    pub transaction: transaction::Settings,
    /// For the registrar.
    pub registrar: registrar::Settings,
    /// For the legs.
    pub leg: leg::Settings,
    /// For the locator.
    pub locator: locator::Settings,
    /// For the switchboard.
    pub switchboard: switchboard::Settings,
}

/// What is kept of calls that are over and of the audit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    /// For so long.
    pub keep: Duration,
    /// At most so many of each.
    pub keep_max: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep: Duration::from_secs(400 * 24 * 3600), keep_max: 1_000_000 }
    }
}

/// What of a new configuration holds without a restart.
#[derive(Clone, Debug)]
pub struct Reload {
    /// Callers of other domains may call.
    pub guests: bool,
    /// So many calls one source of them may have open.
    pub guest_calls_max: usize,
    /// How long calls may go on after SIGTERM; for whoever hears signals.
    pub drain: Duration,
    /// What the journal keeps of calls that are over and of the audit.
    pub retention: Retention,
    /// For the switchboard, as far as [`adjust`](switchboard::Machine::adjust) goes.
    pub switchboard: switchboard::Settings,
}
