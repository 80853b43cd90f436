//! How connections come to be: accepted or made, with the handshakes that they begin with.
//!
//! ```text
//!   accept ── TCP ───────────────────────────▶ up          on the loop's thread
//!   accept ── TLS ──▶ up                                   on a thread of their own:
//!         └── WS, or WSS after TLS ──▶ upgrade ──▶ up      handshakes cost half a millisecond each
//!   connect ── TCP, or TLS: whose certificate is verified ──▶ up
//! ```
//!
//! What has had a handshake stays on that thread: whatever its peers do, they keep each other waiting, and neither the
//! loop nor the relay. At most 256 handshakes are under way there, for 10 s each.

mod visits;

use super::connection_limiter::ConnectionLimiter;
use super::connection_task::{ConnectionTask, Greeted, serve_tcp, serve_tls};
use super::handshakes::Handshakes;
use super::liveness;
use super::open_files::{self, Rest};
use super::page_places::PagePlaces;
use super::stream_event::{ConnectionEnds, OpenedBy, StreamEvent};
use super::tls::{self, CertificateNews, Tls, TlsPeer};
use super::websocket::{self, Origins};
use crate::ids::{BootNumber, ConnectionId};
use crate::sip::{Flow, Transport};
use crate::wire::{ByteStream, PageConnection, PageService};
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::{TlsStream, server};
use tokio_tungstenite::WebSocketStream;

/// A connection that is not up by then has failed.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// What the tasks share.
#[derive(Debug)]
pub(super) struct SharedConnections {
    pub events: mpsc::Sender<StreamEvent>,
    pub limiter: Mutex<ConnectionLimiter>,
    /// Those of pages, as long as they are HTTP.
    pub pages: Arc<PagePlaces>,
    pub handshakes: Handshakes,
    pub tls: Arc<Tls>,
    pub origins: Origins,
    pub boot: BootNumber,
    pub minted: AtomicU64,
}

/// The thread of all that has handshakes; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct StreamThread {
    handle: Handle,
    _end: oneshot::Sender<()>,
}

/// One whose handshakes are done.
enum Begun {
    Tls(Box<TlsStream<TcpStream>>),
    Ws(Box<WebSocketStream<TcpStream>>),
    Wss(Box<WebSocketStream<server::TlsStream<TcpStream>>>),
}

impl StreamThread {
    /// Begins it.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let run = move || drop(runtime.block_on(ended));
        thread::Builder::new().name("streams".to_owned()).spawn(run)?;
        Ok(Self { handle, _end: end })
    }

    /// Has something done there.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }

    /// Makes a listener one of this thread's.
    pub fn listener(&self, listener: std::net::TcpListener) -> io::Result<TcpListener> {
        let _within = self.handle.enter();
        TcpListener::from_std(listener)
    }
}

/// Looks at the files of the certificate each minute, for as long as somebody uses it.
pub(super) async fn watch_certificate(tls: Weak<Tls>) {
    loop {
        tokio::time::sleep(tls::LOOK_EVERY).await;
        let Some(tls) = tls.upgrade() else { return };
        look_at_certificate(&tls);
    }
}

/// Looks whether the files of the certificate are others, and says so; returns why they cannot be used, if they cannot.
pub fn look_at_certificate(tls: &Tls) -> Option<String> {
    let before = tls.status(unix_now()).trouble;
    match tls.look(unix_now()) {
        CertificateNews::Same => None,
        CertificateNews::New(fingerprint) => {
            tracing::info!(
                "another certificate from the next connection on: SHA-256 {fingerprint}"
            );
            None
        }
        CertificateNews::Kept(fault) => {
            // Once, and not each minute.
            if before.is_none_or(|before| !before.contains(&fault)) {
                tracing::error!("the old certificate stays: {fault}");
            }
            Some(fault)
        }
    }
}

/// The second of Unix that certificates are judged by.
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl SharedConnections {
    pub fn limiter(&self) -> MutexGuard<'_, ConnectionLimiter> {
        // Counters are whole whoever has let go of them.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts connections for as long as somebody wants them.
    pub async fn accept(self: Arc<Self>, listener: TcpListener, transport: Transport) {
        let mut rest = Rest::default();
        loop {
            let accepted = listener.accept().await;
            match accepted.and_then(|accepted| open_files::leave_some().map(|()| accepted)) {
                Ok((stream, remote)) => {
                    rest.over();
                    if self.limiter().admits(remote.ip())
                        && let Ok(flow) = self.open(&stream, transport, remote, OpenedBy::Them)
                    {
                        Arc::clone(&self).begin(stream, flow).await;
                    }
                }
                // Out of files, or a connection that died in the queue: others may come.
                Err(error) => rest.after("no connection can be accepted", &error).await,
            }
            if self.events.is_closed() {
                return;
            }
        }
    }

    /// Counts a connection, and gives it a name.
    fn open(
        &self,
        stream: &TcpStream,
        transport: Transport,
        remote: SocketAddr,
        by: OpenedBy,
    ) -> io::Result<Flow> {
        let _ = stream.set_nodelay(true);
        // Where the system cannot, a loss is noticed by who writes next.
        let _ = liveness::watch(stream);
        let local = stream.local_addr()?;
        let connection = self.mint();
        self.limiter().opened(connection, (by == OpenedBy::Them).then_some(remote.ip()));
        Ok(Flow { transport, local, remote, connection })
    }

    /// Begins a connection that was accepted.
    async fn begin(self: Arc<Self>, stream: TcpStream, flow: Flow) {
        match flow.transport {
            Transport::Udp | Transport::Tcp => self.serve_tcp(stream, flow, OpenedBy::Them).await,
            Transport::Tls | Transport::Ws | Transport::Wss => {
                tokio::spawn(async move {
                    match self.handshakes.run(flow.remote.ip(), self.greet(stream, flow)).await {
                        Ok(begun) => self.serve(begun, flow, OpenedBy::Them).await,
                        Err(fault) => {
                            self.limiter().closed(flow.connection);
                            tracing::debug!("{} from {}: {fault}", flow.transport, flow.remote);
                        }
                    }
                });
            }
        }
    }

    /// Goes through the handshakes of who connects.
    async fn greet(&self, stream: TcpStream, flow: Flow) -> Result<Begun, String> {
        let seal = async |peer, stream| {
            let acceptor = self.tls.acceptor(peer).ok_or("there is no certificate")?;
            acceptor.accept(stream).await.map_err(|error| tls::why(&error))
        };
        let rules = (&self.origins, flow.local.ip(), &*self.tls);
        Ok(match flow.transport {
            Transport::Ws => Begun::Ws(Box::new(websocket::accept(stream, rules).await?)),
            Transport::Wss => {
                let sealed = seal(TlsPeer::Browser, stream).await?;
                Begun::Wss(Box::new(websocket::accept(sealed, rules).await?))
            }
            Transport::Udp | Transport::Tcp | Transport::Tls => {
                Begun::Tls(Box::new(seal(TlsPeer::Phone, stream).await?.into()))
            }
        })
    }

    /// Accepts connections of browsers for pages, for as long as somebody wants them.
    pub async fn accept_pages(
        self: Arc<Self>,
        listener: TcpListener,
        (sealed, service): (bool, PageService),
    ) {
        let mut rest = Rest::default();
        loop {
            let accepted = listener.accept().await;
            match accepted.and_then(|accepted| open_files::leave_some().map(|()| accepted)) {
                Ok((stream, remote)) => {
                    rest.over();
                    if let Some(place) = self.pages.place(remote.ip()) {
                        let (shared, service) = (Arc::clone(&self), Arc::clone(&service));
                        tokio::spawn(async move {
                            shared.serve_page(stream, remote, (sealed, service)).await;
                            drop(place);
                        });
                    }
                }
                Err(error) => rest.after("no page can be served", &error).await,
            }
            if self.events.is_closed() {
                return;
            }
        }
    }

    async fn serve_page(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
        (sealed, service): (bool, PageService),
    ) {
        let _ = stream.set_nodelay(true);
        let _ = liveness::watch(&stream);
        let Ok(local) = stream.local_addr() else { return };
        let stream: Box<dyn ByteStream> = match sealed {
            false => Box::new(stream),
            true => {
                let seal = async {
                    let acceptor =
                        self.tls.acceptor(TlsPeer::Browser).ok_or("there is no certificate")?;
                    acceptor.accept(stream).await.map_err(|error| tls::why(&error))
                };
                match self.handshakes.run(remote.ip(), seal).await {
                    Ok(stream) => Box::new(stream),
                    Err(fault) => return tracing::debug!("page from {remote}: {fault}"),
                }
            }
        };
        service(PageConnection { stream, local, remote, sealed }).await;
    }

    fn mint(&self) -> ConnectionId {
        let count = self.minted.fetch_add(1, Ordering::Relaxed) + 1;
        ConnectionId::new(self.boot, count)
    }

    /// Connects to a peer whose certificate has to be for all of these names, where it is to have one.
    pub async fn connect(
        self: Arc<Self>,
        transport: Transport,
        remote: SocketAddr,
        names: BTreeSet<String>,
    ) {
        let why =
            match tokio::time::timeout(CONNECT_MAX, self.reach(transport, remote, &names)).await {
                Ok(Ok(reached)) => return self.go_on(reached, transport, remote).await,
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {} s", CONNECT_MAX.as_secs()),
            };
        let _ = self.events.send(StreamEvent::Failed(transport, remote, why)).await;
    }

    async fn reach(
        &self,
        transport: Transport,
        remote: SocketAddr,
        names: &BTreeSet<String>,
    ) -> Result<Reached, String> {
        let connect = async || TcpStream::connect(remote).await.map_err(|error| error.to_string());
        if transport == Transport::Tcp {
            return Ok(Reached::Tcp(connect().await?));
        }
        let (connector, name) = self.tls.connector(names)?;
        let sealed = connector.connect(name, connect().await?).await;
        Ok(Reached::Tls(Box::new(sealed.map_err(|error| tls::why(&error))?.into())))
    }

    async fn go_on(self: Arc<Self>, reached: Reached, transport: Transport, remote: SocketAddr) {
        let flow = match &reached {
            Reached::Tcp(stream) => self.open(stream, transport, remote, OpenedBy::Us),
            Reached::Tls(stream) => self.open(stream.get_ref().0, transport, remote, OpenedBy::Us),
        };
        match (flow, reached) {
            (Err(error), _) => {
                let failed = StreamEvent::Failed(transport, remote, error.to_string());
                let _ = self.events.send(failed).await;
            }
            (Ok(flow), Reached::Tcp(stream)) => self.serve_tcp(stream, flow, OpenedBy::Us).await,
            (Ok(flow), Reached::Tls(stream)) => {
                self.serve(Begun::Tls(stream), flow, OpenedBy::Us).await;
            }
        }
    }

    async fn serve_tcp(&self, stream: TcpStream, flow: Flow, by: OpenedBy) {
        let stream = Arc::new(stream);
        if let Some(task) = self.announce(flow, by, Arc::downgrade(&stream)).await {
            tokio::spawn(serve_tcp(stream, task));
        }
    }

    async fn serve(&self, begun: Begun, flow: Flow, by: OpenedBy) {
        let Some(task) = self.announce(flow, by, Weak::new()).await else { return };
        match begun {
            Begun::Tls(stream) => serve_tls(stream, task).await,
            Begun::Ws(socket) => websocket::serve(*socket, task).await,
            Begun::Wss(socket) => websocket::serve(*socket, task).await,
        }
    }

    /// Tells the loop of a connection that is up.
    async fn announce(
        &self,
        flow: Flow,
        by: OpenedBy,
        stream: Weak<TcpStream>,
    ) -> Option<ConnectionTask> {
        let greeted = match by {
            OpenedBy::Us | OpenedBy::Page(_) => Greeted::Already,
            OpenedBy::Them => Greeted::NotYet,
        };
        let (ends, queue) = ConnectionEnds::new(stream);
        self.events.send(StreamEvent::Opened(flow, by, ends)).await.ok()?;
        Some(ConnectionTask { flow, greeted, queue, events: self.events.clone() })
    }
}

/// One that we have connected to.
enum Reached {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

#[cfg(test)]
mod tests {
    use super::super::certificate::tests::{files, now};
    use super::super::certificate::{Certificate, CertificateFiles};
    use super::super::connection_limiter::Settings;
    use super::super::handshakes::{HANDSHAKE_MAX, HANDSHAKES_MAX};
    use super::super::tls::TlsSettings;
    use super::super::tls::tests::settings;
    use super::*;
    use crate::wire::{SipEntry, SipRefusal, SipVisit, SipVisitor};
    use std::path::Path;
    use tokio::io::AsyncReadExt as _;

    const BYE: &[u8] = b"BYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";

    fn shared(tls: TlsSettings) -> (Arc<SharedConnections>, mpsc::Receiver<StreamEvent>) {
        let (events, incoming) = mpsc::channel(64);
        let limiter = Settings { per_source: 1_024, trusted: vec![] };
        let shared = SharedConnections {
            events,
            limiter: Mutex::new(ConnectionLimiter::new(limiter)),
            pages: Arc::new(PagePlaces::new(64)),
            handshakes: Handshakes::new(HANDSHAKE_MAX),
            tls: Arc::new(Tls::open(tls, now()).unwrap()),
            origins: Origins::default(),
            boot: BootNumber::new(1),
            minted: AtomicU64::new(0),
        };
        (Arc::new(shared), incoming)
    }

    /// Listens by TLS.
    async fn server(
        tls: TlsSettings,
    ) -> (SocketAddr, Arc<SharedConnections>, mpsc::Receiver<StreamEvent>) {
        let (shared, events) = shared(tls);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Arc::clone(&shared).accept(listener, Transport::Tls));
        (address, shared, events)
    }

    /// A pair for these names that has been made then.
    fn pair(directory: &Path, name: &str, names: &[&str], made: u64) -> CertificateFiles {
        let files = files(directory, name);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Certificate::make(&files, &names, made).unwrap();
        files
    }

    /// What comes of connecting there under these names.
    async fn reach(tls: TlsSettings, there: SocketAddr, names: &[&str]) -> Result<(), String> {
        let (shared, mut events) = shared(tls);
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        tokio::spawn(shared.connect(Transport::Tls, there, names));
        match events.recv().await.unwrap() {
            StreamEvent::Opened(_, OpenedBy::Us, ends) => {
                ends.send(BYE.to_vec()).unwrap();
                // In TLS 1.3 a certificate of ours that is refused is heard of later.
                tokio::time::sleep(Duration::from_millis(50)).await;
                match ends.is_settled() && events.try_recv().is_err() {
                    true => Ok(()),
                    false => Err("closed again".to_owned()),
                }
            }
            StreamEvent::Failed(Transport::Tls, _, why) => Err(why),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn whoever_is_connected_to_has_to_have_the_certificate_of_all_names_that_lead_there() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let long_ago = now() - 1_000 * 86_400;
        let good = pair(directory, "good", &["carrier.example", "127.0.0.1"], now());
        let old = pair(directory, "old", &["carrier.example"], long_ago);
        let unknown = pair(directory, "unknown", &["carrier.example"], now());
        let trusting = |ca: &CertificateFiles| TlsSettings {
            ca: Some(ca.certificate.clone()),
            is_wanted: false,
            ..settings(directory)
        };
        let showing = |pair: &CertificateFiles| TlsSettings {
            certificate: Some(pair.clone()),
            ..settings(directory)
        };
        let (there, _shared, mut events) = server(showing(&good)).await;
        assert_eq!(reach(trusting(&good), there, &["carrier.example"]).await, Ok(()));
        let StreamEvent::Opened(flow, OpenedBy::Them, _ends) = events.recv().await.unwrap() else {
            panic!("a connection")
        };
        assert_eq!(flow.transport, Transport::Tls);
        let came = events.recv().await.unwrap();
        assert!(matches!(&came, StreamEvent::Message(_, bytes) if bytes == BYE), "{came:?}");
        assert_eq!(reach(trusting(&good), there, &["127.0.0.1", "carrier.example"]).await, Ok(()));
        for (ca, names, said) in [
            (&good, &["other.example"][..], "not for other.example but for"),
            (&good, &["carrier.example", "other.example"], "not for other.example"),
            (&unknown, &["carrier.example"], "signed by nobody whom we trust"),
        ] {
            let why = reach(trusting(ca), there, names).await.unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        let (there, _shared, _events) = server(showing(&old)).await;
        let why = reach(trusting(&old), there, &["carrier.example"]).await.unwrap_err();
        assert_eq!(why, "its certificate has ended");
        let nobody = TlsSettings { ca: Some(directory.join("missing")), ..settings(directory) };
        let why = reach(nobody, there, &["carrier.example"]).await.unwrap_err();
        assert!(why.contains("tls.ca") && why.contains("missing"), "{why}");
    }

    #[tokio::test]
    async fn with_client_ca_only_whose_certificate_it_has_signed_may_connect() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let house = pair(directory, "house", &["127.0.0.1"], now());
        let trunk = pair(directory, "trunk", &["trunk.example"], now());
        let unknown = pair(directory, "unknown", &["trunk.example"], now());
        let (there, shared, _events) = server(TlsSettings {
            certificate: Some(house.clone()),
            client_ca: Some(trunk.certificate.clone()),
            ..settings(directory)
        })
        .await;
        let with = |certificate: Option<CertificateFiles>| TlsSettings {
            certificate,
            ca: Some(house.certificate.clone()),
            is_wanted: false,
            ..settings(directory)
        };
        assert_eq!(reach(with(Some(trunk)), there, &["127.0.0.1"]).await, Ok(()));
        for wrong in [None, Some(unknown)] {
            assert!(reach(with(wrong), there, &["127.0.0.1"]).await.is_err());
        }
        let (failed, last) = shared.handshakes.failed();
        assert_eq!(failed, 2, "{last:?}");
    }

    #[tokio::test]
    async fn who_begins_handshakes_and_ends_none_keeps_nobody_out() {
        let directory = tempfile::tempdir().unwrap();
        let (there, shared, _events) = server(settings(directory.path())).await;
        let mut waiting = Vec::new();
        for _ in 0..HANDSHAKES_MAX {
            waiting.push(TcpStream::connect(there).await.unwrap());
        }
        let trusting = TlsSettings {
            ca: Some(settings(directory.path()).own.certificate),
            is_wanted: false,
            ..settings(directory.path())
        };
        assert_eq!(reach(trusting, there, &["127.0.0.1"]).await, Ok(()));
        let mut nothing = [0; 8];
        assert_eq!(waiting[0].read(&mut nothing).await.unwrap_or(0), 0, "the oldest is closed");
        let failed = shared.handshakes.failed();
        assert_eq!(failed.0, 1, "{failed:?}");
        assert_eq!(shared.limiter().figures().0, HANDSHAKES_MAX, "it is counted no more");
        // What is no TLS at all.
        let plain = TcpStream::connect(there).await.unwrap();
        plain.writable().await.unwrap();
        plain.try_write(BYE).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(shared.handshakes.failed().0, 2, "it is told so");
    }

    #[tokio::test]
    async fn without_a_session_the_rules_of_a_listener_hold_where_pages_are_served() {
        let directory = tempfile::tempdir().unwrap();
        let (shared, mut events) = shared(settings(directory.path()));
        let limiter = Settings { per_source: 2, trusted: vec![] };
        *shared.limiter() = ConnectionLimiter::new(limiter);
        let ask = |origin: Option<&str>, is_direct| {
            let (local, remote) = ("127.0.0.1:8080", "198.51.100.7:4000");
            let origins = origin.into_iter().map(str::to_owned).collect();
            shared.admit(SipVisit {
                local: local.parse().unwrap(),
                remote: remote.parse().unwrap(),
                secure: true,
                by: SipVisitor::Unauthenticated { origins, is_direct },
            })
        };
        let refused = |entry: Result<SipEntry, SipRefusal>| entry.map(drop);
        let here = Some("http://127.0.0.1:3000");
        assert_eq!(refused(ask(Some("https://evil.example"), true)), Err(SipRefusal::Origin));
        assert_eq!(refused(ask(here, false)), Err(SipRefusal::Origin), "a page of its own machine");
        let places = [ask(here, true).unwrap(), ask(None, true).unwrap()];
        assert_eq!(refused(ask(None, true)), Err(SipRefusal::Full));
        drop(places);
        assert_eq!(shared.limiter().figures(), (0, 1), "who has gone before the answer");
        let (theirs, ours) = tokio::io::duplex(1_024);
        let place = tokio::spawn(ask(None, true).unwrap()(Box::new(ours)));
        let opened = events.recv().await.unwrap();
        let StreamEvent::Opened(flow, OpenedBy::Them, _ends) = opened else { panic!("{opened:?}") };
        assert_eq!(flow.transport, Transport::Wss);
        drop(theirs);
        place.await.unwrap();
        let closed = events.recv().await.unwrap();
        assert!(matches!(closed, StreamEvent::Closed(gone) if gone == flow), "{closed:?}");
        assert_eq!(shared.limiter().figures().0, 1, "until the loop has heard of its end");
    }
}
