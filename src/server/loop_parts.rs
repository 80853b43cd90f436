//! All that the loop is made of, before it runs.

use super::cameras::CameraConnections;
use super::clock::Clock;
use super::codec_workers::CodecWorkers;
use super::dtls::HandshakeWorker;
use super::ledger_file::LedgerFile;
use super::loop_sockets::LoopSockets;
use super::recordings::Recordings;
use super::resolver::Resolver;
use super::routes::Routes;
use crate::exchange::journal::Resume;
use crate::exchange::{self, Effect, LeftBehind, Reload};
use crate::ids::PortId;
use crate::media;
use crate::store::StoreWriter;
use crate::time::Duration;
use std::collections::BTreeSet;
use std::io;
use tokio::sync::mpsc;

/// Why the loop cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The relay's sockets are gone.
    #[error("the relay's sockets cannot be read: {0}")]
    Relay(#[from] io::Error),
}

/// What the last process has left.
pub struct WhatWasLeft {
    /// What went on in it.
    pub behind: LeftBehind,
    /// How much of that goes on.
    pub resume: Resume,
    /// The relay's ports that it has used.
    pub used: BTreeSet<PortId>,
    /// The ledger of the relay.
    pub ledger: LedgerFile,
}

/// Everything the loop is made of.
pub struct LoopParts {
    /// The clock by which the exchange was made.
    pub clock: Clock,
    /// The exchange.
    pub exchange: exchange::Machine,
    /// What it wanted done when it was made.
    pub first: Vec<Effect>,
    /// The relay.
    pub media: media::Machine,
    /// The sockets.
    pub sockets: LoopSockets,
    /// Which of our addresses packets leave from.
    pub routes: Routes,
    /// Who codes pictures.
    pub workers: CodecWorkers,
    /// Who makes handshakes on the relay's transports.
    pub handshakes: HandshakeWorker,
    /// Who makes files of recorded calls.
    pub recordings: Recordings,
    /// The cameras.
    pub cameras: CameraConnections,
    /// The relay ports of the sockets.
    pub ports: Vec<PortId>,
    /// What the last process has left.
    pub left: WhatWasLeft,
    /// The journal.
    pub writer: StoreWriter,
    /// The way to the DNS.
    pub resolver: Resolver,
    /// New settings.
    pub reloads: mpsc::Receiver<Reload>,
    /// How long calls may go on after SIGTERM.
    pub drain: Duration,
}
