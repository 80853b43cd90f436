//! What goes into the exchange and what comes out.

use super::admin_request::{AdminRequest, Reply};
use super::journal::{Batch, JournalNotice, WriteFault};
use super::resuming::ResumeReport;
use super::settings::Reload;
use super::web_request::{WebReply, WebRequest};
use crate::call::{LogEvent, RecordingCommand};
use crate::dtls::{HandshakeCommand, HandshakeEvent};
use crate::ids::{CallId, ConnectionId, PortId};
use crate::locator;
use crate::media;
use crate::registrar;
use crate::registration;
use crate::session::SessionKey;
use crate::sip::{Destination, Flow, Network};
use std::fmt;
use std::net::IpAddr;

/// What reaches the exchange beside messages, which come by [`arrive`](super::Machine::arrive).
#[derive(Debug)]
pub enum Input {
    /// Nothing can be carried to this destination.
    TransportFailed(Destination),
    /// A connection is closed, by whomever.
    FlowClosed(Flow),
    /// The relay has something to report.
    Media(media::Event),
    /// What came of a handshake on a port of the relay.
    Handshake(HandshakeEvent),
    /// Relay ports that are bound and free; none when there are no more to be had.
    Ports(Vec<PortId>),
    /// The journal has a batch.
    Committed(Batch),
    /// The journal does not have a batch, and will not.
    Unwritten {
        /// Which.
        batch: Batch,
        /// Why.
        fault: WriteFault,
    },
    /// A recording could not be made, or not to its end.
    RecordingFailed {
        /// Of which call.
        call: CallId,
        /// What is wrong, for people.
        text: String,
    },
    /// Whether the disk of the recordings has room; it has until this is said.
    RecordingRoom(bool),
    /// The DNS was asked, in vain or not.
    Resolved {
        /// What.
        question: locator::Question,
        /// What came.
        answer: locator::DnsAnswer,
    },
    /// Which of our addresses packets to which network leave from: others than before.
    Routes(Vec<(Network, IpAddr)>),
    /// Another configuration, as far as it holds without a restart.
    Reload(Box<Reload>),
    /// From now on no new call is taken, but for those that replace one that goes on.
    Drain,
    /// An administrator wants something.
    Admin {
        /// For the reply.
        id: u64,
        /// Who: an account of the system, or where the request came from.
        by: String,
        /// What.
        request: AdminRequest,
    },
    /// A page wants something.
    Web {
        /// For the reply.
        id: u64,
        /// What.
        request: WebRequest,
    },
    /// A page has opened a connection for SIP, and shown this session.
    PageCame {
        /// The connection.
        flow: Flow,
        /// The session.
        session: SessionKey,
    },
}

/// What the exchange wants done, in this order.
// Effects are performed as soon as they are made: a box for each would cost more than it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Effect {
    /// Put these bytes on the wire.
    Send {
        /// Where to.
        to: Destination,
        /// One message.
        bytes: Vec<u8>,
    },
    /// For the relay.
    Media(media::Command),
    /// For those who do the handshakes.
    Handshake(HandshakeCommand),
    /// Bind so many more relay ports, to be answered by [`Input::Ports`].
    PortsWanted(usize),
    /// For the journal, in this order; [`Input::Committed`] or [`Input::Unwritten`] brings it back.
    Write(Batch),
    /// How the journal fares, for the log.
    Journal(JournalNotice),
    /// For the recorder.
    Recording(RecordingCommand),
    /// Ask the DNS; the answer is awaited, also that there is none.
    Resolve(locator::Question),
    /// A name leads elsewhere from now on; for the log.
    Located {
        /// Which.
        name: String,
        /// Where to; nowhere, when nobody can tell.
        addresses: Vec<IpAddr>,
    },
    /// A trunk knows of us, or does not; for the log.
    RegisteredAt {
        /// Its name.
        trunk: String,
        /// How it stands.
        state: registration::RegistrationState,
    },
    /// An administrator's answer.
    Reply {
        /// As it came.
        id: u64,
        /// The answer.
        reply: Reply,
    },
    /// A page's answer.
    WebReply {
        /// As it came.
        id: u64,
        /// The answer.
        reply: WebReply,
    },
    /// A page's answer, which the relay has: the last still of what comes in at this port.
    WebStill {
        /// As it came.
        id: u64,
        /// The port.
        port: PortId,
    },
    /// Close this connection; [`Input::FlowClosed`] follows.
    CloseFlow(ConnectionId),
    /// For the log.
    Log(LogEvent),
    /// What became of what the last process has left; for the log.
    Resumed(ResumeReport),
    /// A phone has come; for the log.
    Visit(registrar::RegistrationEvent),
    /// Somebody does not know a password; for the log.
    WrongPassword(registrar::WrongPassword),
    /// A message was not understood, or not believed; for the log, with its source.
    Complaint {
        /// Who sent it.
        flow: Flow,
        /// Of which kind; the log counts those of one kind.
        about: Complaint,
        /// What is wrong.
        what: String,
    },
}

/// The kinds of complaints.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Complaint {
    /// It could not be read.
    Malformed,
    /// It was read, and refused with this status.
    Refused(u16),
    /// It speaks in a dialog or to a request of others.
    Elsewhere,
    /// It answers an INVITE that nobody here remembers.
    Unremembered,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("malformed"),
            Self::Refused(status) => write!(f, "refused with {status}"),
            Self::Elsewhere => f.write_str("from elsewhere"),
            Self::Unremembered => f.write_str("unremembered"),
        }
    }
}
