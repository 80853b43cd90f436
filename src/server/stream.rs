//! Connections of SIP: listeners, connections, and the messages cut out of their streams.
//!
//! ```text
//!   accept or connect ─▶ a task that reads and writes ── Event ─▶ the loop
//!   the loop ── bytes ─▶ bounded queue ─▶ that task        (a full queue closes the peer)
//! ```
//!
//! With the service manager's store, a TCP connection that something of ours is on stays open over a restart, and keeps
//! its id. What has keys or frames ends with the process.
//!
//! A connection that nothing of ours is on, no registration, call or desk, is closed when no message
//! has come for two minutes; one that begins no message at all, or does not end one, within 20 s.

use super::connecting::{self, SharedConnections, StreamThread};
use super::connection_limiter::{self, ConnectionLimiter};
use super::connection_task::{ConnectionTask, Greeted, serve_tcp};
use super::fd_store::{self, FdStore, Inheritance};
use super::handshakes::{HANDSHAKE_MAX, Handshakes};
use super::page_places::{PAGE_CONNECTIONS_MAX, PagePlaces};
use super::passed_files::PassedFile;
use super::stream_event::{ConnectionEnds, OpenedBy, StreamEvent, Unsendable, WAITING_MAX};
use super::tls::Tls;
use super::websocket::Origins;
use crate::ids::ConnectionId;
use crate::sip::{Destination, Flow, Transport};
use crate::time::{Duration, Instant, earliest};
use crate::wire::{PageService, SipDoor};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the names of listeners begin with in the store,
const LISTENER_PREFIX: &str = "tcp-";
/// and those of connections, before their id.
const CONNECTION_PREFIX: &str = "flow-";
/// Events that may wait for the loop.
const EVENTS_MAX: usize = 4_096;
/// A connection that nothing is on is closed when no message has come for so long.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// How often it is looked for idle connections.
const SWEEP: Duration = Duration::from_secs(10);
/// How soon it is looked whether something of ours is on a new one, where it could outlive this process.
const SOON: Duration = Duration::from_secs(1);
/// Connections that the system may hold for us until they are accepted.
const BACKLOG: i32 = 1_024;
/// At the end what is to be sent gets so long.
const SETTLE_MAX: Duration = Duration::from_millis(200);
/// So many failures are remembered, so that each is said once.
const FAILURES_MAX: usize = 256;

/// The listeners, and who may come by them.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    /// Where, and how: no UDP.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// How many there may be.
    pub limiter: connection_limiter::Settings,
    /// Whose pages may connect.
    pub origins: Origins,
    /// Where pages are served.
    pub pages: Vec<PageListener>,
    /// So many connections for pages may one address have; none: as many as there may be at all, since a proxy before us
    /// speaks for all.
    pub pages_per_source: Option<usize>,
}

/// Where pages are served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageListener {
    /// Our address.
    pub address: SocketAddr,
    /// By TLS.
    pub sealed: bool,
}

/// An address that cannot be had, and why.
#[derive(Debug)]
pub enum ListenFault {
    /// One of SIP.
    Sip(Transport, SocketAddr, io::Error),
    /// One of pages.
    Page(SocketAddr, io::Error),
}

/// How many connections there are, and what became of others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StreamFigures {
    /// Open, handshakes included.
    pub open: usize,
    /// Refused since the start.
    pub refused: usize,
    /// Handshakes of TLS and WebSocket that came to nothing since the start.
    pub failed: usize,
}

/// All connections.
#[derive(Debug)]
pub struct StreamConnections {
    incoming: mpsc::Receiver<StreamEvent>,
    open: BTreeMap<ConnectionId, OpenConnection>,
    by_remote: BTreeMap<(Transport, SocketAddr), ConnectionId>,
    /// Those that are being made.
    connecting: BTreeMap<(Transport, SocketAddr), Wanted>,
    /// Where connections stay open over a restart that something of ours is on, and those that are there.
    store: FdStore,
    stored: BTreeSet<ConnectionId>,
    shared: Arc<SharedConnections>,
    thread: StreamThread,
    addresses: Vec<(Transport, SocketAddr)>,
    /// Those of pages, until somebody serves them.
    pages: Vec<(PageListener, TcpListener)>,
    next_sweep: Option<Instant>,
    /// As many were refused, and as many handshakes had failed, when it was last said.
    refusals_said: usize,
    failures_said: usize,
    /// Why peers cannot be connected to, as it was said.
    unreachable: BTreeMap<(Transport, SocketAddr), String>,
}

/// One that is being made.
#[derive(Debug)]
struct Wanted {
    /// What waits for it.
    waiting: Vec<Vec<u8>>,
    names: BTreeSet<String>,
}

/// One that is open.
#[derive(Debug)]
struct OpenConnection {
    flow: Flow,
    ends: ConnectionEnds,
    /// When the last message came, or it was opened, or something of ours was last on it.
    used: Instant,
    by: OpenedBy,
    /// What its certificate has proven to be for.
    names: BTreeSet<String>,
}

impl StreamConnections {
    /// Binds all listeners, and takes over those and the connections that the last process has left open; must run
    /// within the runtime.
    ///
    /// # Errors
    /// The address that cannot be bound, and why.
    pub async fn bind(
        settings: &StreamSettings,
        tls: Arc<Tls>,
        inheritance: &mut Inheritance,
    ) -> Result<Self, ListenFault> {
        let (events, incoming) = mpsc::channel(EVENTS_MAX);
        let StreamSettings { listeners, limiter, origins, pages, pages_per_source } = settings;
        let any = SocketAddr::from(([0; 4], 0));
        let no_thread = |error| ListenFault::Sip(Transport::Tls, any, error);
        let mut streams = Self {
            incoming,
            open: BTreeMap::new(),
            by_remote: BTreeMap::new(),
            connecting: BTreeMap::new(),
            store: inheritance.store.clone(),
            stored: BTreeSet::new(),
            shared: Arc::new(SharedConnections {
                events,
                limiter: Mutex::new(ConnectionLimiter::new(limiter.clone())),
                pages: Arc::new(PagePlaces::new(pages_per_source.unwrap_or(PAGE_CONNECTIONS_MAX))),
                handshakes: Handshakes::new(HANDSHAKE_MAX),
                tls,
                origins: origins.clone(),
                boot: inheritance.boot,
                minted: AtomicU64::new(0),
            }),
            thread: StreamThread::start().map_err(no_thread)?,
            addresses: Vec::new(),
            pages: Vec::new(),
            next_sweep: None,
            refusals_said: 0,
            failures_said: 0,
            unreachable: BTreeMap::new(),
        };
        for page in pages {
            let fault = |error| ListenFault::Page(page.address, error);
            streams.listen_for_pages(*page, inheritance).map_err(fault)?;
        }
        for (transport, address) in listeners {
            let fault = |error| ListenFault::Sip(*transport, *address, error);
            streams.listen(*transport, *address, inheritance).map_err(fault)?;
        }
        let watched = Arc::downgrade(&streams.shared.tls);
        streams.thread.spawn(connecting::watch_certificate(watched));
        streams.inherit(inheritance);
        Ok(streams)
    }

    fn listen(
        &mut self,
        transport: Transport,
        address: SocketAddr,
        inheritance: &mut Inheritance,
    ) -> io::Result<()> {
        let listener = self.listener(address, inheritance)?;
        let own = listener.local_addr()?;
        self.addresses.push((transport, own));
        let shared = Arc::clone(&self.shared);
        if transport == Transport::Tcp {
            tokio::spawn(shared.accept(TcpListener::from_std(listener)?, transport));
        } else {
            let listener = self.thread.listener(listener)?;
            self.thread.spawn(shared.accept(listener, transport));
        }
        Ok(())
    }

    /// That of the last process, or a new one.
    fn listener(
        &self,
        address: SocketAddr,
        inheritance: &mut Inheritance,
    ) -> io::Result<std::net::TcpListener> {
        let left = inheritance.take_listener(LISTENER_PREFIX, address);
        let is_new = left.is_none();
        let listener: std::net::TcpListener = match left {
            Some(left) => left.file.into(),
            None => listen(address)?,
        };
        listener.set_nonblocking(true)?;
        if is_new {
            let name = fd_store::name_of(LISTENER_PREFIX, listener.local_addr()?);
            self.store.put(&name, listener.as_fd());
        }
        Ok(listener)
    }

    fn listen_for_pages(
        &mut self,
        page: PageListener,
        inheritance: &mut Inheritance,
    ) -> io::Result<()> {
        let listener = self.listener(page.address, inheritance)?;
        let page = PageListener { address: listener.local_addr()?, ..page };
        let listener = self.thread.listener(listener)?;
        self.pages.push((page, listener));
        Ok(())
    }

    /// Where pages are served, or will be.
    pub fn pages(&self) -> impl Iterator<Item = PageListener> {
        self.pages.iter().map(|(page, _)| *page)
    }

    /// Who speaks SIP with pages.
    pub fn sip_door(&self) -> SipDoor {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |visit| shared.admit(visit))
    }

    /// From now on pages are served so.
    pub fn serve_pages(&mut self, service: &PageService) {
        for (page, listener) in std::mem::take(&mut self.pages) {
            let service = (page.sealed, Arc::clone(service));
            self.thread.spawn(Arc::clone(&self.shared).accept_pages(listener, service));
        }
    }

    /// Closes a connection, once what waits there has been written.
    pub fn close(&mut self, connection: ConnectionId) {
        self.open.remove(&connection);
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
        let is_of = |(_, listener): &(Transport, SocketAddr)| {
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
        let source = (by == OpenedBy::Them).then_some(remote.ip());
        self.shared.limiter().opened(connection, source);
        let (ends, queue) = ConnectionEnds::new(Arc::downgrade(&stream));
        self.stored.insert(connection);
        self.open(Instant::START, flow, by, ends);
        let (greeted, events) = (Greeted::Already, self.shared.events.clone());
        tokio::spawn(serve_tcp(stream, ConnectionTask { flow, greeted, queue, events }));
        Ok(())
    }

    /// Waits until all that is to be sent has been given to the system, for a moment at most.
    pub async fn settle(&self) {
        for _ in 0..SETTLE_MAX.as_millis() {
            tokio::task::yield_now().await;
            if self.open.values().all(|open| open.ends.is_settled()) {
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
    pub fn addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.addresses
    }

    /// Our certificate, and whom we believe.
    #[must_use]
    pub fn tls(&self) -> &Arc<Tls> {
        &self.shared.tls
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
                self.open(now, *flow, *by, ends.clone());
                if *by == OpenedBy::Us {
                    self.arrive(flow, ends);
                }
            }
            StreamEvent::Closed(flow) => {
                self.shared.limiter().closed(flow.connection);
                self.open.remove(&flow.connection);
                if self.stored.remove(&flow.connection) {
                    self.store.remove(&stored_name(flow.connection));
                }
                let there = (flow.transport, flow.remote);
                if self.by_remote.get(&there) == Some(&flow.connection) {
                    self.by_remote.remove(&there);
                }
            }
            StreamEvent::Failed(transport, remote, why) => {
                self.connecting.remove(&(*transport, *remote));
                self.tell_failure((*transport, *remote), why);
            }
            StreamEvent::Message(flow, _) => {
                if let Some(connection) = self.open.get_mut(&flow.connection) {
                    connection.used = now;
                }
            }
        }
    }

    fn open(&mut self, now: Instant, flow: Flow, by: OpenedBy, ends: ConnectionEnds) {
        let names = BTreeSet::new();
        self.open.insert(flow.connection, OpenConnection { flow, ends, used: now, by, names });
        self.by_remote.insert((flow.transport, flow.remote), flow.connection);
        let soon = now + if self.store.is_there() { SOON } else { SWEEP };
        self.next_sweep = earliest(self.next_sweep, Some(soon));
    }

    /// One that we have made is up: what has waited for it goes out.
    fn arrive(&mut self, flow: &Flow, ends: &ConnectionEnds) {
        let there = (flow.transport, flow.remote);
        self.unreachable.remove(&there);
        if let Some(Wanted { waiting, names }) = self.connecting.remove(&there) {
            for bytes in waiting {
                // A fresh queue has room for all that may wait for a connection.
                let _ = ends.send(bytes);
            }
            if let Some(open) = self.open.get_mut(&flow.connection) {
                open.names = names;
            }
        }
        self.keep(flow.connection);
    }

    /// Says why somebody cannot be reached, once.
    fn tell_failure(&mut self, there: (Transport, SocketAddr), why: &str) {
        if there.0 == Transport::Tcp || self.unreachable.get(&there).is_some_and(|said| said == why)
        {
            return;
        }
        tracing::warn!("{} {} cannot be reached: {why}", there.0, there.1);
        if self.unreachable.len() < FAILURES_MAX {
            self.unreachable.insert(there, why.to_owned());
        }
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
        self.shared.limiter().be_known(connection);
        self.keep(connection);
    }

    /// When [`sweep`](Self::sweep) has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// Closes what nothing has been on for too long. `is_used` says on which something is.
    pub fn sweep(&mut self, now: Instant, is_used: impl Fn(&Flow) -> bool) {
        self.next_sweep = (!self.open.is_empty()).then_some(now + SWEEP);
        let (mut connection_limiter, mut kept) = (self.shared.limiter(), Vec::new());
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
            tracing::warn!("{more} connections refused: too many from one address, or at all");
            self.refusals_said = refused;
        }
        let (failed, last) = self.shared.handshakes.failed();
        if failed > self.failures_said {
            let (more, why) = (failed - self.failures_said, last.unwrap_or_default());
            tracing::warn!(
                "{more} connections by TLS or WebSocket came to nothing; the last: {why}"
            );
            self.failures_said = failed;
        }
        drop(connection_limiter);
        kept.into_iter().for_each(|connection| self.keep(connection));
    }

    /// How many connections there are.
    pub fn figures(&self) -> StreamFigures {
        let (open, refused) = self.shared.limiter().figures();
        StreamFigures { open, refused, failed: self.shared.handshakes.failed().0 }
    }

    /// Sends over a connection, the one that is open to that address, or a new one. `names` are those that the
    /// certificate of whoever is there has to be for.
    ///
    /// # Errors
    /// When the connection is closed, or its peer does not keep up (it is closed then).
    pub fn send(
        &mut self,
        to: &Destination,
        bytes: Vec<u8>,
        names: impl FnOnce() -> BTreeSet<String>,
    ) -> Result<(), Unsendable> {
        let (connection, names) = match to {
            Destination::Flow(flow) => (Some(flow.connection), BTreeSet::new()),
            Destination::Address { transport, remote } => {
                let names = if transport.is_secure() { names() } else { BTreeSet::new() };
                let known = self.by_remote.get(&(*transport, *remote));
                // What was not proven to it is not believed of it.
                let fits = |known: &&ConnectionId| {
                    self.open.get(known).is_some_and(|open| names.is_subset(&open.names))
                };
                (known.filter(fits).copied(), names)
            }
        };
        let open = connection.and_then(|connection| self.open.get(&connection));
        match (open, to) {
            (Some(OpenConnection { flow, ends, .. }), _) => {
                if ends.send(bytes).is_ok() {
                    return Ok(());
                }
                // Dropping the queue ends the task, which closes the connection.
                let connection = flow.connection;
                self.open.remove(&connection);
                Err(Unsendable)
            }
            (None, Destination::Address { transport, remote }) => match transport {
                Transport::Tcp | Transport::Tls => {
                    self.connect((*transport, *remote), bytes, names)
                }
                // Nobody connects to a browser.
                Transport::Ws | Transport::Wss | Transport::Udp => Err(Unsendable),
            },
            (None, Destination::Flow(_)) => Err(Unsendable),
        }
    }

    fn connect(
        &mut self,
        there: (Transport, SocketAddr),
        bytes: Vec<u8>,
        names: BTreeSet<String>,
    ) -> Result<(), Unsendable> {
        if let Some(wanted) = self.connecting.get_mut(&there) {
            if wanted.waiting.len() >= WAITING_MAX || !names.is_subset(&wanted.names) {
                return Err(Unsendable);
            }
            wanted.waiting.push(bytes);
            return Ok(());
        }
        if !self.shared.limiter().has_room() {
            return Err(Unsendable);
        }
        let wanted = Wanted { waiting: vec![bytes], names: names.clone() };
        self.connecting.insert(there, wanted);
        let (transport, remote) = there;
        let connect = Arc::clone(&self.shared).connect(transport, remote, names);
        if transport == Transport::Tcp {
            tokio::spawn(connect);
        } else {
            self.thread.spawn(connect);
        }
        Ok(())
    }
}

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

/// What a connection is called in the store.
fn stored_name(connection: ConnectionId) -> String {
    format!("{CONNECTION_PREFIX}{}", connection.0)
}

#[cfg(test)]
mod tests {
    use super::super::fd_store::tests::TestManager;
    use super::super::tls;
    use super::*;
    use crate::ids::BootNumber;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream as Peer;

    fn at(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    fn settings(address: &str) -> StreamSettings {
        StreamSettings {
            listeners: vec![(Transport::Tcp, address.parse().unwrap())],
            limiter: connection_limiter::Settings { per_source: 64, trusted: vec![] },
            origins: Origins::default(),
            pages: vec![],
            pages_per_source: None,
        }
    }

    /// Without a certificate.
    fn no_tls() -> Arc<Tls> {
        let nowhere = std::path::Path::new("nowhere");
        Arc::new(Tls::rehearse(tls::tests::settings(nowhere)).unwrap())
    }

    async fn bind(address: &str) -> Result<StreamConnections, ListenFault> {
        StreamConnections::bind(&settings(address), no_tls(), &mut Inheritance::default()).await
    }

    /// A listener, and so many who have connected to it at second 0.
    async fn with_peers(count: usize) -> (StreamConnections, Vec<Peer>, Vec<Flow>) {
        let mut streams = bind("127.0.0.1:0").await.unwrap();
        let (mut peers, mut flows) = (Vec::new(), Vec::new());
        for _ in 0..count {
            peers.push(Peer::connect(streams.addresses()[0].1).unwrap());
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
        let four = bind("0.0.0.0:0").await.unwrap();
        let port = four.addresses()[0].1.port();
        let six = bind(&format!("[::]:{port}")).await;
        // A machine without IPv6 has nothing to share.
        let none = |error: &io::Error| {
            error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
        };
        assert!(
            six.is_ok()
                || six.is_err_and(
                    |fault| matches!(fault, ListenFault::Sip(_, _, error) if none(&error))
                )
        );
    }

    #[tokio::test]
    async fn who_is_over_the_limit_is_closed_at_once_and_counted() {
        let (mut streams, _peers, flows) = with_peers(64).await;
        let address = streams.addresses()[0].1;
        let mut refused = Peer::connect(address).unwrap();
        // The listener's task runs while we wait, and says nothing.
        let event = tokio::time::timeout(Duration::from_millis(200), streams.next()).await;
        assert!(event.is_err(), "{event:?}");
        assert_eq!(refused.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(streams.figures(), StreamFigures { open: 64, refused: 1, failed: 0 });
        // A phone that registers makes room for the next unauthenticated one.
        streams.be_known(flows[0].connection);
        let _next = Peer::connect(address).unwrap();
        let event = streams.next().await.unwrap();
        assert!(matches!(event, StreamEvent::Opened(..)), "{event:?}");
    }

    #[test]
    fn a_connection_that_a_phone_has_registered_over_outlives_the_process_with_its_name() {
        let mut manager = TestManager::new();
        let any = settings("127.0.0.1:0");
        let process =
            || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bye = b"BYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";

        let first = process();
        let mut inheritance = manager.inheritance();
        let (streams, mut registered, mut idle, flow) = first.block_on(async {
            let bound = StreamConnections::bind(&any, no_tls(), &mut inheritance);
            let mut streams = bound.await.unwrap();
            let mut accepted = Vec::new();
            for _ in 0..2 {
                let peer = Peer::connect(streams.addresses()[0].1).unwrap();
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
        let listener = fd_store::name_of(LISTENER_PREFIX, streams.addresses()[0].1);
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
            let bound = StreamConnections::bind(&any, no_tls(), &mut inheritance);
            let mut streams = bound.await.unwrap();
            assert_eq!(streams.flows().collect::<Vec<_>>(), [flow]);
            assert_eq!(streams.figures(), StreamFigures { open: 1, refused: 0, failed: 0 });
            let event = streams.next().await.unwrap();
            assert!(
                matches!(&event, StreamEvent::Message(from, bytes) if *from == flow && bytes == bye)
            );
            streams.send(&Destination::Flow(flow), b"well".to_vec(), BTreeSet::new).unwrap();
            tokio::task::yield_now().await;
            let mut answer = [0; 4];
            registered.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"well");
            let _other = Peer::connect(streams.addresses()[0].1).unwrap();
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
