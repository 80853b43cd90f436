//! What leaves the relay: packets for peers, events for the leg, jobs for workers, lots for a recorder.

use super::dropped::Dropped;
use super::health::PortHealth;
use super::path::MediaPath;
use super::tap::RecordingTap;
use super::work::Job;
use crate::ids::PortId;
use crate::time::Duration;
use std::net::SocketAddr;

/// What has happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The first packet, and the first after [`Event::Silent`].
    FirstPacket {
        /// Where.
        port: PortId,
    },
    /// The peer's address is proven; to be kept for a restart.
    Latched {
        /// Where.
        port: PortId,
        /// The address.
        remote: SocketAddr,
    },
    /// The peer pressed a key.
    Dtmf {
        /// Where.
        port: PortId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// The peer has to be asked for a key frame by INFO (RFC 5168).
    KeyFrameWanted {
        /// Who.
        port: PortId,
    },
    /// No packet has come for a while; told again after each further while.
    Silent {
        /// Where.
        port: PortId,
        /// For how long.
        span: Duration,
        /// For how long there was no report either.
        lifeless: Duration,
    },
    /// Something that came was not taken; at most with each report of the port.
    Dropped {
        /// Where.
        port: PortId,
        /// How much since the last event.
        dropped: Dropped,
    },
    /// The peer agrees no longer to get packets (RFC 7675): nothing more is sent.
    ConsentLost {
        /// The transport.
        port: PortId,
    },
    /// Whose packets the peer of a watched port is given from now on.
    Fed {
        /// Whose row.
        port: PortId,
        /// The port that they come to; none: something that is made here, or nothing.
        source: Option<PortId>,
    },
    /// The health of a watched port.
    Health {
        /// Where.
        port: PortId,
        /// How it is.
        health: PortHealth,
    },
}

/// Which of the two sockets of a port.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Channel {
    /// The even one; RTCP too where it is muxed.
    Rtp,
    /// The one above.
    Rtcp,
}

/// Where packets and events go; the sockets, or a test.
pub trait Outgoing {
    /// Sends a packet from a port.
    fn send(&mut self, port: PortId, channel: Channel, path: MediaPath, packet: &[u8]);
    /// Tells the leg.
    fn report(&mut self, event: Event);
    /// Gives work on pictures to a worker; what comes of it goes to [`Machine::done`](super::Machine::done).
    fn job(&mut self, job: Job);
    /// Gives what is recorded to a recorder.
    fn tap(&mut self, tap: RecordingTap);
    /// Gives a datagram of DTLS to the handshakes: it is from where a check of the peer was. What comes of it goes to
    /// [`Machine::flight`](super::Machine::flight).
    fn handshake(&mut self, _port: PortId, _datagram: &[u8]) {}
    /// The ledger has to be written now ([`Machine::write_ledger`](super::Machine::write_ledger)): sealed
    /// packets go no further without it.
    fn want_ledger(&mut self) {}
}

/// The way out for packets that are written here, in a reused buffer.
#[derive(Debug)]
pub struct Exit<'a, O> {
    /// The buffer.
    pub scratch: &'a mut Vec<u8>,
    /// The way out.
    pub out: &'a mut O,
}
