//! What passes between a connection and the loop.

use crate::session::SessionKey;
use crate::sip::{Flow, Transport};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Messages that may wait for one peer.
pub(super) const WAITING_MAX: usize = 256;

/// What a connection has to report.
#[derive(Debug)]
pub enum StreamEvent {
    /// A connection is up, whoever opened it.
    Opened(Flow, OpenedBy, ConnectionEnds),
    /// One whole message.
    Message(Flow, Vec<u8>),
    /// A connection is closed.
    Closed(Flow),
    /// A connection could not be made, and why.
    Failed(Transport, SocketAddr, String),
}

/// Who has opened a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OpenedBy {
    /// The switchboard.
    Us,
    /// The peer.
    Them,
    /// A page of ours, under this session.
    Page(SessionKey),
}

/// What the loop has of a connection. Dropping it ends the connection, once what waits has been written.
#[derive(Clone, Debug)]
pub struct ConnectionEnds {
    /// What is to be sent.
    writer: mpsc::Sender<Vec<u8>>,
    /// So many messages are not written yet.
    unwritten: Arc<AtomicUsize>,
    /// That of a connection without handshakes, which another process could go on with; its task owns it.
    pub(super) stream: Weak<TcpStream>,
}

/// Nothing can be sent there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unsendable;

impl ConnectionEnds {
    /// The ends of a connection, and what its task has of it.
    pub(super) fn new(stream: Weak<TcpStream>) -> (Self, ConnectionQueue) {
        let (writer, waiting) = mpsc::channel(WAITING_MAX);
        let unwritten = Arc::new(AtomicUsize::new(0));
        let pongs = writer.downgrade();
        let queue = ConnectionQueue { waiting, pongs, unwritten: Arc::clone(&unwritten) };
        (Self { writer, unwritten, stream }, queue)
    }

    /// Has a message sent.
    ///
    /// # Errors
    /// When the connection is closed, or its peer does not keep up.
    pub(super) fn send(&self, bytes: Vec<u8>) -> Result<(), Unsendable> {
        offer(&self.writer, &self.unwritten, bytes)
    }

    /// Whether all has been given to the system.
    pub(super) fn is_settled(&self) -> bool {
        self.unwritten.load(Ordering::Acquire) == 0
    }
}

/// What waits to be written.
#[derive(Debug)]
pub(super) struct ConnectionQueue {
    waiting: mpsc::Receiver<Vec<u8>>,
    /// The pong of a keep-alive goes the same way as messages (RFC 5626 §4.4.1).
    pongs: mpsc::WeakSender<Vec<u8>>,
    unwritten: Arc<AtomicUsize>,
}

impl ConnectionQueue {
    /// The next message; nothing when the loop has let go of the connection.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.waiting.recv().await
    }

    /// One that was taken is written.
    pub fn written(&self) {
        self.unwritten.fetch_sub(1, Ordering::AcqRel);
    }

    /// The way for pongs.
    pub fn pongs(&self) -> Pongs {
        Pongs { writer: self.pongs.clone(), unwritten: Arc::clone(&self.unwritten) }
    }
}

impl Drop for ConnectionQueue {
    fn drop(&mut self) {
        self.unwritten.store(0, Ordering::Release);
    }
}

/// The way of what answers a keep-alive.
#[derive(Clone, Debug)]
pub(super) struct Pongs {
    writer: mpsc::WeakSender<Vec<u8>>,
    unwritten: Arc<AtomicUsize>,
}

impl Pongs {
    /// Answers a keep-alive (RFC 5626 §4.4.1), unless the peer does not keep up.
    pub fn send(&self) {
        if let Some(writer) = self.writer.upgrade() {
            let _ = offer(&writer, &self.unwritten, b"\r\n".to_vec());
        }
    }
}

fn offer(
    writer: &mpsc::Sender<Vec<u8>>,
    unwritten: &AtomicUsize,
    bytes: Vec<u8>,
) -> Result<(), Unsendable> {
    // Counted before: it may be written before we return.
    unwritten.fetch_add(1, Ordering::AcqRel);
    writer.try_send(bytes).map_err(|_| {
        unwritten.fetch_sub(1, Ordering::AcqRel);
        Unsendable
    })
}
