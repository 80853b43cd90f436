//! SIP over TCP: listeners, connections, and the messages cut out of their streams.
//!
//! ```text
//!   accept or connect ─▶ one reading task, one writing task ── Event ─▶ the loop
//!   the loop ── bytes ─▶ bounded queue ─▶ writing task        (a full queue closes the peer)
//! ```
//!
//! With the service manager's store, what something of ours is on stays open over a restart, and keeps its id.
//!
//! A connection that nothing of ours is on, no registration, call or desk, is closed when no message
//! has come for two minutes; one that begins no message at all, or does not end one, within 20 s.

use super::connection_limiter::{self, ConnectionLimiter};
use super::fd_store::{self, FdStore, Inheritance};
use super::liveness;
use super::message_reader::MessageReader;
use super::open_files::{self, Rest};
use super::passed_files::PassedFile;
use crate::ids::{BootNumber, ConnectionId};
use crate::sip::{Destination, Flow, FramedInput, Transport};
use crate::time::{Duration, Instant, earliest};
use socket2::SockRef;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the names of listeners begin with in the store,
const LISTENER_PREFIX: &str = "tcp-";
/// and those of connections, before their id.
const CONNECTION_PREFIX: &str = "flow-";
/// Messages that may wait for one peer.
const WAITING_MAX: usize = 256;
/// Events that may wait for the loop.
const EVENTS_MAX: usize = 4_096;
/// A connection is closed on which nothing came for so long; phones keep theirs alive.
const SILENT_MAX: Duration = Duration::from_secs(2 * 3_600);
/// A connection that nothing is on is closed when no message has come for so long.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// The first message of who connects to us has to be here by then, and each message so long after it
/// began.
const MESSAGE_MAX: Duration = Duration::from_secs(20);
/// How often it is looked for idle connections.
const SWEEP: Duration = Duration::from_secs(10);
/// How soon it is looked whether something of ours is on a new one, where it could outlive this process.
const SOON: Duration = Duration::from_secs(1);
/// A connection that is not up by then has failed.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Connections that the system may hold for us until they are accepted.
const BACKLOG: i32 = 1_024;
/// At the end what is to be sent gets so long.
const SETTLE_MAX: Duration = Duration::from_millis(200);
/// One write that takes longer closes the connection.
const WRITE_MAX: Duration = Duration::from_secs(20);

/// What a connection has to report.
#[derive(Debug)]
pub enum StreamEvent {
    /// A connection is up, whoever opened it.
    Opened(Flow, OpenedBy, ConnectionEnds),
    /// One whole message.
    Message(Flow, Vec<u8>),
    /// A connection is closed.
    Closed(Flow),
    /// A connection could not be made.
    Failed(Transport, SocketAddr),
}

/// What the loop has of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionEnds {
    /// What is to be sent.
    writer: mpsc::Sender<Vec<u8>>,
    /// Its task owns it.
    stream: Weak<TcpStream>,
}

/// All connections.
#[derive(Debug)]
pub struct StreamConnections {
    events: mpsc::Sender<StreamEvent>,
    incoming: mpsc::Receiver<StreamEvent>,
    open: BTreeMap<ConnectionId, OpenConnection>,
    by_remote: BTreeMap<SocketAddr, ConnectionId>,
    /// What waits for a connection that is being made.
    connecting: BTreeMap<SocketAddr, Vec<Vec<u8>>>,
    /// Where connections stay open over a restart that something of ours is on, and those that are there.
    store: FdStore,
    stored: BTreeSet<ConnectionId>,
    shared: Arc<SharedConnections>,
    addresses: Vec<SocketAddr>,
    next_sweep: Option<Instant>,
    /// As many were refused when it was last said.
    refusals_said: usize,
}

/// One that is open.
#[derive(Debug)]
struct OpenConnection {
    flow: Flow,
    ends: ConnectionEnds,
    /// When the last message came, or it was opened, or something of ours was last on it.
    used: Instant,
    by: OpenedBy,
}

/// What the tasks share.
#[derive(Debug)]
struct SharedConnections {
    connection_limiter: Mutex<ConnectionLimiter>,
    boot: BootNumber,
    minted: AtomicU64,
}

impl SharedConnections {
    fn connection_limiter(&self) -> MutexGuard<'_, ConnectionLimiter> {
        // Counters are whole whoever has let go of them.
        self.connection_limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who has opened a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OpenedBy {
    /// The switchboard.
    Us,
    /// The peer.
    Them,
}

impl StreamConnections {
    /// Binds all listeners, and takes over those and the connections that the last process has left open; must run
    /// within the runtime.
    ///
    /// # Errors
    /// The address that cannot be bound, and why.
    pub async fn bind(
        addresses: &[SocketAddr],
        settings: connection_limiter::Settings,
        inheritance: &mut Inheritance,
    ) -> Result<Self, (SocketAddr, io::Error)> {
        let (events, incoming) = mpsc::channel(EVENTS_MAX);
        let mut streams = Self {
            events,
            incoming,
            open: BTreeMap::new(),
            by_remote: BTreeMap::new(),
            connecting: BTreeMap::new(),
            store: inheritance.store.clone(),
            stored: BTreeSet::new(),
            shared: Arc::new(SharedConnections {
                connection_limiter: Mutex::new(ConnectionLimiter::new(settings)),
                boot: inheritance.boot,
                minted: AtomicU64::new(0),
            }),
            addresses: Vec::new(),
            next_sweep: None,
            refusals_said: 0,
        };
        for address in addresses {
            let fault = |error| (*address, error);
            let left = inheritance.take_listener(LISTENER_PREFIX, *address);
            let is_new = left.is_none();
            let listener = match left {
                Some(left) => left.file.into(),
                None => listen(*address).map_err(fault)?,
            };
            let listener = listener_of(listener).map_err(fault)?;
            let own = listener.local_addr().map_err(fault)?;
            if is_new {
                streams.store.put(&fd_store::name_of(LISTENER_PREFIX, own), listener.as_fd());
            }
            streams.addresses.push(own);
            let (events, shared) = (streams.events.clone(), Arc::clone(&streams.shared));
            tokio::spawn(accept(listener, events, shared));
        }
        streams.inherit(inheritance);
        Ok(streams)
    }

    /// Takes over the connections of the last process, under their old names.
    fn inherit(&mut self, inheritance: &mut Inheritance) {
        for PassedFile { name, file } in inheritance.take(CONNECTION_PREFIX) {
            let number = name.strip_prefix(CONNECTION_PREFIX).and_then(|id| id.parse().ok());
            let taken =
                number.and_then(|number| self.take_over(ConnectionId(number), file.into()).ok());
            if taken.is_none() {
                // Its peer has gone.
                self.store.remove(&name);
            }
        }
    }

    fn take_over(
        &mut self,
        connection: ConnectionId,
        stream: std::net::TcpStream,
    ) -> io::Result<()> {
        let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
        let is_of = |listener: &SocketAddr| {
            listener.port() == local.port()
                && (listener.ip() == local.ip() || listener.ip().is_unspecified())
        };
        let by = match self.addresses.iter().any(is_of) {
            true => OpenedBy::Them,
            false => OpenedBy::Us,
        };
        stream.set_nonblocking(true)?;
        let stream = Arc::new(TcpStream::from_std(stream)?);
        let flow = Flow { transport: Transport::Tcp, local, remote, connection };
        self.shared
            .connection_limiter()
            .opened(connection, (by == OpenedBy::Them).then_some(remote.ip()));
        let (writer, queue) = mpsc::channel(WAITING_MAX);
        let ends = ConnectionEnds { writer: writer.clone(), stream: Arc::downgrade(&stream) };
        self.stored.insert(connection);
        self.open(Instant::START, flow, by, ends);
        tokio::spawn(serve(stream, flow, Greeted::Already, (writer, queue), self.events.clone()));
        Ok(())
    }

    /// Waits until all that is to be sent has been given to the system, for a moment at most.
    pub async fn settle(&self) {
        let is_empty = |open: &OpenConnection| open.ends.writer.capacity() == WAITING_MAX;
        for _ in 0..SETTLE_MAX.as_millis() {
            tokio::task::yield_now().await;
            if self.open.values().all(is_empty) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The connections that are open.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        self.open.values().map(|connection| connection.flow)
    }

    /// The addresses that are bound.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The next event.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        self.incoming.recv().await
    }

    /// The next event, if one has come already.
    pub fn try_next(&mut self) -> Option<StreamEvent> {
        self.incoming.try_recv().ok()
    }

    /// Takes note of an event before the exchange hears of it.
    pub fn note(&mut self, now: Instant, event: &StreamEvent) {
        match event {
            StreamEvent::Opened(flow, by, ends) => {
                for bytes in self.connecting.remove(&flow.remote).unwrap_or_default() {
                    // A fresh queue has room for all that may wait for a connection.
                    let _ = ends.writer.try_send(bytes);
                }
                self.open(now, *flow, *by, ends.clone());
                if *by == OpenedBy::Us {
                    self.keep(flow.connection);
                }
            }
            StreamEvent::Closed(flow) => {
                self.shared.connection_limiter().closed(flow.connection);
                self.open.remove(&flow.connection);
                if self.stored.remove(&flow.connection) {
                    self.store.remove(&stored_name(flow.connection));
                }
                if self.by_remote.get(&flow.remote) == Some(&flow.connection) {
                    self.by_remote.remove(&flow.remote);
                }
            }
            StreamEvent::Failed(_, remote) => {
                self.connecting.remove(remote);
            }
            StreamEvent::Message(flow, _) => {
                if let Some(connection) = self.open.get_mut(&flow.connection) {
                    connection.used = now;
                }
            }
        }
    }

    fn open(&mut self, now: Instant, flow: Flow, by: OpenedBy, ends: ConnectionEnds) {
        self.open.insert(flow.connection, OpenConnection { flow, ends, used: now, by });
        self.by_remote.insert(flow.remote, flow.connection);
        let soon = now + if self.store.is_there() { SOON } else { SWEEP };
        self.next_sweep = earliest(self.next_sweep, Some(soon));
    }

    /// Something of ours is on it: the next process has it, too.
    fn keep(&mut self, connection: ConnectionId) {
        if !self.store.is_there() || self.stored.contains(&connection) {
            return;
        }
        let open = self.open.get(&connection);
        if let Some(stream) = open.and_then(|open| open.ends.stream.upgrade()) {
            self.store.put(&stored_name(connection), stream.as_fd());
            self.stored.insert(connection);
        }
    }

    /// A phone has registered over it.
    pub fn be_known(&mut self, connection: ConnectionId) {
        self.shared.connection_limiter().be_known(connection);
        self.keep(connection);
    }

    /// When [`sweep`](Self::sweep) has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// Closes what nothing has been on for too long. `is_used` says on which something is.
    pub fn sweep(&mut self, now: Instant, is_used: impl Fn(&Flow) -> bool) {
        self.next_sweep = (!self.open.is_empty()).then_some(now + SWEEP);
        let (mut connection_limiter, mut kept) = (self.shared.connection_limiter(), Vec::new());
        self.open.retain(|name, connection| {
            if is_used(&connection.flow) {
                connection.used = now;
                connection_limiter.be_known(*name);
                kept.push(*name);
                return true;
            }
            if connection.by == OpenedBy::Them {
                connection_limiter.mark_unauthenticated(*name, connection.flow.remote.ip());
            }
            // Dropping the queue ends the writing task, which closes the connection.
            now.since(connection.used) < IDLE_MAX
        });
        let (_, refused) = connection_limiter.figures();
        if refused > self.refusals_said {
            let more = refused - self.refusals_said;
            tracing::warn!("{more} TCP connections refused: too many from one address, or at all");
            self.refusals_said = refused;
        }
        drop(connection_limiter);
        kept.into_iter().for_each(|connection| self.keep(connection));
    }

    /// How many connections are open, and how many were refused since the start.
    pub fn figures(&self) -> (usize, usize) {
        self.shared.connection_limiter().figures()
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
            (Some(OpenConnection { flow, ends, .. }), _) => {
                if ends.writer.try_send(bytes).is_ok() {
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
        if !self.shared.connection_limiter().has_room() {
            return Err(Unsendable);
        }
        self.connecting.insert(remote, vec![bytes]);
        let (events, shared) = (self.events.clone(), Arc::clone(&self.shared));
        tokio::spawn(async move {
            let connected = tokio::time::timeout(CONNECT_MAX, TcpStream::connect(remote)).await;
            match connected {
                Ok(Ok(stream)) => start(stream, remote, OpenedBy::Us, &events, &shared).await,
                Ok(Err(_)) | Err(_) => {
                    let _ = events.send(StreamEvent::Failed(Transport::Tcp, remote)).await;
                }
            }
        });
        Ok(())
    }
}

/// Nothing can be sent there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unsendable;

/// A listener for its own family alone, as with UDP: `0.0.0.0` and `[::]` may have the same port.
fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // After a restart the last connections of before still have the port for a minute.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn listener_of(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// What a connection is called in the store.
fn stored_name(connection: ConnectionId) -> String {
    format!("{CONNECTION_PREFIX}{}", connection.0)
}

async fn accept(
    listener: TcpListener,
    events: mpsc::Sender<StreamEvent>,
    shared: Arc<SharedConnections>,
) {
    let mut rest = Rest::default();
    loop {
        let accepted = listener.accept().await;
        match accepted.and_then(|accepted| open_files::leave_some().map(|()| accepted)) {
            Ok((stream, remote)) => {
                rest.over();
                if shared.connection_limiter().admits(remote.ip()) {
                    start(stream, remote, OpenedBy::Them, &events, &shared).await;
                }
            }
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
    by: OpenedBy,
    events: &mpsc::Sender<StreamEvent>,
    shared: &Arc<SharedConnections>,
) {
    let _ = stream.set_nodelay(true);
    // Where the system cannot, a loss is noticed by who writes next.
    let _ = liveness::watch(&stream);
    let Ok(local) = stream.local_addr() else {
        let _ = events.send(StreamEvent::Failed(Transport::Tcp, remote)).await;
        return;
    };
    let count = shared.minted.fetch_add(1, Ordering::Relaxed) + 1;
    let connection = ConnectionId::new(shared.boot, count);
    let flow = Flow { transport: Transport::Tcp, local, remote, connection };
    shared.connection_limiter().opened(connection, (by == OpenedBy::Them).then_some(remote.ip()));
    let greeted = match by {
        OpenedBy::Us => Greeted::Already,
        OpenedBy::Them => Greeted::NotYet,
    };
    let (stream, (writer, queue)) = (Arc::new(stream), mpsc::channel(WAITING_MAX));
    let ends = ConnectionEnds { writer: writer.clone(), stream: Arc::downgrade(&stream) };
    if events.send(StreamEvent::Opened(flow, by, ends)).await.is_err() {
        return;
    }
    tokio::spawn(serve(stream, flow, greeted, (writer, queue), events.clone()));
}

/// Reads and writes until one of the two is over.
async fn serve(
    stream: Arc<TcpStream>,
    flow: Flow,
    greeted: Greeted,
    (writer, queue): (mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>),
    events: mpsc::Sender<StreamEvent>,
) {
    // The pong of a keep-alive goes the same way as messages (RFC 5626 §4.4.1).
    let pongs = writer.downgrade();
    drop(writer);
    tokio::select! {
        () = read(&stream, flow, greeted, &events, &pongs) => {}
        () = write(&stream, queue) => {}
    }
    // Whoever has it open as well, such as the manager's store: it is over.
    let _ = SockRef::from(&*stream).shutdown(Shutdown::Both);
    drop(stream);
    let _ = events.send(StreamEvent::Closed(flow)).await;
}

/// Whether its peer has sent a message yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Greeted {
    /// Or we are the one to begin.
    Already,
    NotYet,
}

async fn read(
    stream: &TcpStream,
    flow: Flow,
    greeted: Greeted,
    events: &mpsc::Sender<StreamEvent>,
    pongs: &mpsc::WeakSender<Vec<u8>>,
) {
    let mut reader = MessageReader::new();
    // By when the message that has begun, or is the first, has to be here.
    let mut whole_by =
        (greeted == Greeted::NotYet).then(|| tokio::time::Instant::now() + MESSAGE_MAX);
    loop {
        let until = whole_by.unwrap_or_else(|| tokio::time::Instant::now() + SILENT_MAX);
        let Ok(Ok(true)) = tokio::time::timeout_at(until, reader.look(stream)).await else { break };
        loop {
            match reader.next_frame() {
                Ok(Some(FramedInput::Message(bytes))) => {
                    whole_by = None;
                    let message = StreamEvent::Message(flow, bytes.to_vec());
                    if events.send(message).await.is_err() {
                        return;
                    }
                }
                Ok(Some(FramedInput::Ping)) => {
                    if let Some(pongs) = pongs.upgrade() {
                        let _ = pongs.try_send(b"\r\n".to_vec());
                    }
                }
                Ok(None) => break,
                // Where the next message begins, nobody knows any more.
                Err(_) => return reader.take_all(stream),
            }
        }
        if reader.take_handed_on(stream).is_err() {
            break;
        }
        if reader.is_midway() && whole_by.is_none() {
            whole_by = Some(tokio::time::Instant::now() + MESSAGE_MAX);
        }
    }
    reader.take_all(stream);
}

async fn write(stream: &TcpStream, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = queue.recv().await {
        let written = tokio::time::timeout(WRITE_MAX, write_all(stream, &bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fd_store::tests::TestManager;
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream as Peer;

    fn at(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    /// A listener, and so many who have connected to it at second 0.
    async fn with_peers(count: usize) -> (StreamConnections, Vec<Peer>, Vec<Flow>) {
        let settings = connection_limiter::Settings { per_source: 64, trusted: vec![] };
        let mut streams = StreamConnections::bind(
            &["127.0.0.1:0".parse().unwrap()],
            settings,
            &mut Inheritance::default(),
        )
        .await
        .unwrap();
        let (mut peers, mut flows) = (Vec::new(), Vec::new());
        for _ in 0..count {
            peers.push(Peer::connect(streams.addresses()[0]).unwrap());
            let event = streams.next().await.unwrap();
            streams.note(at(0), &event);
            let StreamEvent::Opened(flow, OpenedBy::Them, _) = event else { panic!("{event:?}") };
            flows.push(flow);
        }
        (streams, peers, flows)
    }

    #[tokio::test]
    async fn who_is_idle_is_closed_and_who_is_registered_stays() {
        let (mut streams, mut peers, flows) = with_peers(3).await;
        let [registered, talker, _] = flows[..] else { panic!("three") };
        assert_eq!(streams.deadline(), Some(at(10)));
        streams.note(at(100), &StreamEvent::Message(talker, vec![]));
        streams.sweep(at(119), |flow| *flow == registered);
        assert_eq!(streams.open.len(), 3);
        streams.sweep(at(120), |flow| *flow == registered);
        assert_eq!(streams.open.len(), 2);
        // The other end sees it.
        let event = streams.next().await.unwrap();
        streams.note(at(120), &event);
        assert!(matches!(event, StreamEvent::Closed(flow) if flow == flows[2]), "{event:?}");
        assert_eq!(peers[2].read(&mut [0; 8]).unwrap(), 0);
        streams.sweep(at(220), |flow| *flow == registered);
        assert_eq!(streams.open.keys().collect::<Vec<_>>(), [&registered.connection]);
        // When its registration is over it has two minutes.
        streams.sweep(at(339), |_| false);
        assert_eq!(streams.open.len(), 1);
        streams.sweep(at(340), |_| false);
        assert_eq!((streams.open.len(), streams.deadline()), (0, Some(at(350))));
        streams.sweep(at(350), |_| false);
        assert_eq!(streams.deadline(), None);
    }

    #[tokio::test]
    async fn both_families_may_have_one_port() {
        let settings = connection_limiter::Settings { per_source: 64, trusted: vec![] };
        let four = StreamConnections::bind(
            &["0.0.0.0:0".parse().unwrap()],
            settings.clone(),
            &mut Inheritance::default(),
        )
        .await
        .unwrap();
        let port = four.addresses()[0].port();
        let six = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port);
        let six = StreamConnections::bind(&[six], settings, &mut Inheritance::default()).await;
        // A machine without IPv6 has nothing to share.
        let none = |error: &io::Error| {
            error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
        };
        assert!(six.is_ok() || six.is_err_and(|(_, error)| none(&error)));
    }

    #[tokio::test]
    async fn who_is_over_the_limit_is_closed_at_once_and_counted() {
        let (mut streams, _peers, flows) = with_peers(64).await;
        let address = streams.addresses()[0];
        let mut refused = Peer::connect(address).unwrap();
        // The listener's task runs while we wait, and says nothing.
        let event = tokio::time::timeout(Duration::from_millis(200), streams.next()).await;
        assert!(event.is_err(), "{event:?}");
        assert_eq!(refused.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(streams.figures(), (64, 1));
        // A phone that registers makes room for the next unauthenticated one.
        streams.be_known(flows[0].connection);
        let _next = Peer::connect(address).unwrap();
        let event = streams.next().await.unwrap();
        assert!(matches!(event, StreamEvent::Opened(..)), "{event:?}");
    }

    #[test]
    fn a_connection_that_a_phone_has_registered_over_outlives_the_process_with_its_name() {
        let mut manager = TestManager::new();
        let settings = connection_limiter::Settings { per_source: 64, trusted: vec![] };
        let any = ["127.0.0.1:0".parse().unwrap()];
        let process =
            || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bye = b"BYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";

        let first = process();
        let mut inheritance = manager.inheritance();
        let (streams, mut registered, mut idle, flow) = first.block_on(async {
            let bound = StreamConnections::bind(&any, settings.clone(), &mut inheritance);
            let mut streams = bound.await.unwrap();
            let mut accepted = Vec::new();
            for _ in 0..2 {
                let peer = Peer::connect(streams.addresses()[0]).unwrap();
                let event = streams.next().await.unwrap();
                streams.note(at(0), &event);
                let StreamEvent::Opened(flow, _, _) = event else { panic!("{event:?}") };
                accepted.push((peer, flow));
            }
            assert_eq!(streams.deadline(), Some(at(1)), "soon, where it may matter");
            let (mut registered, flow) = accepted.remove(0);
            streams.be_known(flow.connection);
            streams.be_known(flow.connection);
            registered.write_all(bye).unwrap();
            registered.write_all(&bye[..20]).unwrap();
            let event = streams.next().await.unwrap();
            assert!(matches!(event, StreamEvent::Message(..)), "{event:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
            (streams, registered, accepted.remove(0).0, flow)
        });
        let listener = fd_store::name_of(LISTENER_PREFIX, streams.addresses()[0]);
        let stored: Vec<String> = manager.stored().keys().cloned().collect();
        assert_eq!(stored, [stored_name(flow.connection), listener.clone()]);
        // As a kill does: nobody says anything any more.
        drop(first);
        drop(streams);
        assert_eq!(idle.read(&mut [0; 8]).unwrap(), 0);

        registered.write_all(&bye[20..]).unwrap();
        let next = process();
        let mut inheritance = manager.inheritance();
        inheritance.boot = BootNumber::new(3);
        next.block_on(async {
            let bound = StreamConnections::bind(&any, settings, &mut inheritance);
            let mut streams = bound.await.unwrap();
            assert_eq!(streams.flows().collect::<Vec<_>>(), [flow]);
            assert_eq!(streams.figures(), (1, 0));
            let event = streams.next().await.unwrap();
            assert!(
                matches!(&event, StreamEvent::Message(from, bytes) if *from == flow && bytes == bye)
            );
            streams.send(&Destination::Flow(flow), b"well".to_vec()).unwrap();
            tokio::task::yield_now().await;
            let mut answer = [0; 4];
            registered.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"well");
            let _other = Peer::connect(streams.addresses()[0]).unwrap();
            let event = streams.next().await.unwrap();
            let StreamEvent::Opened(new, _, _) = event else { panic!("{event:?}") };
            assert_eq!(new.connection, ConnectionId::new(inheritance.boot, 1));
            drop(registered);
            let event = streams.next().await.unwrap();
            streams.note(at(0), &event);
            assert!(matches!(event, StreamEvent::Closed(closed) if closed == flow));
            assert!(manager.stored().keys().eq([&listener]), "nothing is left of it");
        });
    }
}
