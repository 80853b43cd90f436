//! SIP over TCP: listeners, connections, and the messages cut out of their streams.
//!
//! ```text
//!   accept or connect ─▶ one reading task, one writing task ── Event ─▶ the loop
//!   the loop ── bytes ─▶ bounded queue ─▶ writing task        (a full queue closes the peer)
//! ```

use super::liveness;
use super::open_files::{self, Rest};
use crate::ids::ConnectionId;
use crate::sip::{Destination, Flow, Frame, Framing, Transport};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Messages that may wait for one peer.
const WAITING_MAX: usize = 256;
/// Events that may wait for the loop.
const EVENTS_MAX: usize = 4_096;
/// Connections that may be open at once.
pub const CONNECTIONS_MAX: usize = 4_096;
/// A connection is closed on which nothing came for so long; phones keep theirs alive.
const IDLE_MAX: Duration = Duration::from_secs(2 * 3_600);
/// A connection that is not up by then has failed.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// One write that takes longer closes the connection.
const WRITE_MAX: Duration = Duration::from_secs(20);

/// What a connection has to report.
#[derive(Debug)]
pub enum Event {
    /// A connection is up, whoever opened it.
    Opened(Flow, mpsc::Sender<Vec<u8>>),
    /// One whole message.
    Message(Flow, Vec<u8>),
    /// A connection is closed.
    Closed(Flow),
    /// A connection could not be made.
    Failed(Transport, SocketAddr),
}

/// All connections.
#[derive(Debug)]
pub struct Streams {
    events: mpsc::Sender<Event>,
    incoming: mpsc::Receiver<Event>,
    open: BTreeMap<ConnectionId, (Flow, mpsc::Sender<Vec<u8>>)>,
    by_remote: BTreeMap<SocketAddr, ConnectionId>,
    /// What waits for a connection that is being made.
    connecting: BTreeMap<SocketAddr, Vec<Vec<u8>>>,
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
}

/// What the tasks share: only counters.
#[derive(Debug, Default)]
struct Shared {
    open: AtomicUsize,
    minted: AtomicUsize,
}

impl Streams {
    /// Binds all listeners; must run within the runtime.
    ///
    /// # Errors
    /// The address that cannot be bound, and why.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self, (SocketAddr, io::Error)> {
        let (events, incoming) = mpsc::channel(EVENTS_MAX);
        let mut streams = Self {
            events,
            incoming,
            open: BTreeMap::new(),
            by_remote: BTreeMap::new(),
            connecting: BTreeMap::new(),
            shared: Arc::default(),
            addresses: Vec::new(),
        };
        for address in addresses {
            let listener = TcpListener::bind(address).await.map_err(|error| (*address, error))?;
            streams.addresses.extend(listener.local_addr());
            let (events, shared) = (streams.events.clone(), Arc::clone(&streams.shared));
            tokio::spawn(accept(listener, events, shared));
        }
        Ok(streams)
    }

    /// The addresses that are bound.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The next event.
    pub async fn next(&mut self) -> Option<Event> {
        self.incoming.recv().await
    }

    /// The next event, if one has come already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.incoming.try_recv().ok()
    }

    /// Takes note of an event before the exchange hears of it.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Opened(flow, writer) => {
                for bytes in self.connecting.remove(&flow.remote).unwrap_or_default() {
                    // A fresh queue has room for all that may wait for a connection.
                    let _ = writer.try_send(bytes);
                }
                self.open.insert(flow.connection, (*flow, writer.clone()));
                self.by_remote.insert(flow.remote, flow.connection);
            }
            Event::Closed(flow) => {
                self.open.remove(&flow.connection);
                if self.by_remote.get(&flow.remote) == Some(&flow.connection) {
                    self.by_remote.remove(&flow.remote);
                }
            }
            Event::Failed(_, remote) => {
                self.connecting.remove(remote);
            }
            Event::Message(..) => {}
        }
    }

    /// Sends over a connection, the one that is open to that address, or a new one.
    ///
    /// # Errors
    /// When the connection is closed, or its peer does not keep up (it is closed then).
    pub fn send(&mut self, to: &Destination, bytes: Vec<u8>) -> Result<(), Unsendable> {
        let remote = to.remote();
        let connection = match to {
            Destination::Flow(flow) => Some(flow.connection),
            Destination::Address { .. } => self.by_remote.get(&remote).copied(),
        };
        let open = connection.and_then(|connection| self.open.get(&connection));
        match (open, to) {
            (Some((flow, writer)), _) => {
                if writer.try_send(bytes).is_ok() {
                    return Ok(());
                }
                // Dropping the queue ends the writing task, which closes the connection.
                let connection = flow.connection;
                self.open.remove(&connection);
                Err(Unsendable)
            }
            (None, Destination::Address { transport: Transport::Tcp, .. }) => {
                self.connect(remote, bytes)
            }
            (None, _) => Err(Unsendable),
        }
    }

    fn connect(&mut self, remote: SocketAddr, bytes: Vec<u8>) -> Result<(), Unsendable> {
        if let Some(waiting) = self.connecting.get_mut(&remote) {
            if waiting.len() >= WAITING_MAX {
                return Err(Unsendable);
            }
            waiting.push(bytes);
            return Ok(());
        }
        if self.shared.open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            return Err(Unsendable);
        }
        self.connecting.insert(remote, vec![bytes]);
        let (events, shared) = (self.events.clone(), Arc::clone(&self.shared));
        tokio::spawn(async move {
            let connected = tokio::time::timeout(CONNECT_MAX, TcpStream::connect(remote)).await;
            match connected {
                Ok(Ok(stream)) => start(stream, remote, &events, &shared).await,
                Ok(Err(_)) | Err(_) => {
                    let _ = events.send(Event::Failed(Transport::Tcp, remote)).await;
                }
            }
        });
        Ok(())
    }
}

/// Nothing can be sent there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unsendable;

async fn accept(listener: TcpListener, events: mpsc::Sender<Event>, shared: Arc<Shared>) {
    let mut rest = Rest::default();
    loop {
        let accepted = listener.accept().await;
        match accepted.and_then(|accepted| open_files::leave_some().map(|()| accepted)) {
            Ok((stream, remote)) if shared.open.load(Ordering::Relaxed) < CONNECTIONS_MAX => {
                rest.over();
                start(stream, remote, &events, &shared).await;
            }
            Ok((stream, _)) => drop(stream),
            // Out of files, or a connection that died in the queue: others may come.
            Err(error) => rest.after("no connection can be accepted", &error).await,
        }
        if events.is_closed() {
            return;
        }
    }
}

async fn start(
    stream: TcpStream,
    remote: SocketAddr,
    events: &mpsc::Sender<Event>,
    shared: &Arc<Shared>,
) {
    let _ = stream.set_nodelay(true);
    // Where the system cannot, a loss is noticed by who writes next.
    let _ = liveness::watch(&stream);
    let Ok(local) = stream.local_addr() else {
        let _ = events.send(Event::Failed(Transport::Tcp, remote)).await;
        return;
    };
    let number = shared.minted.fetch_add(1, Ordering::Relaxed) as u64 + 1;
    let flow = Flow { transport: Transport::Tcp, local, remote, connection: ConnectionId(number) };
    let (writer, queue) = mpsc::channel(WAITING_MAX);
    shared.open.fetch_add(1, Ordering::Relaxed);
    if events.send(Event::Opened(flow, writer.clone())).await.is_err() {
        return;
    }
    let (reading, writing) = stream.into_split();
    let (events, shared) = (events.clone(), Arc::clone(shared));
    tokio::spawn(async move {
        // The pong of a keep-alive goes the same way as messages (RFC 5626 §4.4.1).
        let pongs = writer.downgrade();
        drop(writer);
        tokio::select! {
            () = read(reading, flow, &events, &pongs) => {}
            () = write(writing, queue) => {}
        }
        shared.open.fetch_sub(1, Ordering::Relaxed);
        let _ = events.send(Event::Closed(flow)).await;
    });
}

async fn read(
    mut stream: OwnedReadHalf,
    flow: Flow,
    events: &mpsc::Sender<Event>,
    pongs: &mpsc::WeakSender<Vec<u8>>,
) {
    let mut framing = Framing::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::time::timeout(IDLE_MAX, stream.read(&mut buffer)).await;
        let Ok(Ok(length @ 1..)) = read else { return };
        framing.push(&buffer[..length]);
        loop {
            match framing.next_frame() {
                Ok(Some(Frame::Message(bytes))) => {
                    let message = Event::Message(flow, bytes.to_vec());
                    if events.send(message).await.is_err() {
                        return;
                    }
                }
                Ok(Some(Frame::Ping)) => {
                    if let Some(pongs) = pongs.upgrade() {
                        let _ = pongs.try_send(b"\r\n".to_vec());
                    }
                }
                Ok(None) => break,
                // Where the next message begins, nobody knows any more.
                Err(_) => return,
            }
        }
    }
}

async fn write(mut stream: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = queue.recv().await {
        let written = tokio::time::timeout(WRITE_MAX, stream.write_all(&bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
    let _ = stream.shutdown().await;
}
