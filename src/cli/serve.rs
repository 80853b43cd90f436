//! `cordboard serve`: the parts put together, and run until a signal comes.

use super::reloading::Reloading;
use super::resuming;
use super::site::Site;
use crate::config::Config;
use crate::directory::NumberingPlan;
use crate::exchange::journal::{Resume, StoredState};
use crate::exchange::{self, LeftBehind};
use crate::ids::PortId;
use crate::media::{self, Handling, LedgerSlot, LeftOut, RelayLedger};
use crate::random::Random;
use crate::server::admin_socket::{self, AdminSocket, Channels};
use crate::server::cameras::CameraConnections;
use crate::server::clock::Clock;
use crate::server::connecting::unix_now;
use crate::server::course::StopSignal;
use crate::server::crash_guard::CrashGuard;
use crate::server::dtls::{DtlsIdentity, HandshakeWorker};
use crate::server::event_loop::EventLoop;
use crate::server::fd_store::{FdStore, Inheritance};
use crate::server::host;
use crate::server::ledger_file::LedgerFile;
use crate::server::loop_parts::{LoopParts, WhatWasLeft};
use crate::server::loop_sockets::LoopSockets;
use crate::server::memory;
use crate::server::notify::{self, ServiceNotice};
use crate::server::open_files;
use crate::server::passed_files::{self, PassedFile};
use crate::server::recordings::Recordings;
use crate::server::resolver::Resolver;
use crate::server::telemetry;
use crate::server::tls::{Tls, TlsStatus};
use crate::server::{CodecWorkers, PageListener, Routes, own_address_towards};
use crate::sip::Transport;
use crate::store::{self, Database, Lax, Lock, StoreWriter};
use crate::web::{self, WebParts};
use crate::wire::{PendingRequest, REQUESTS_MAX};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// So many files that others can read are named.
const LAX_SAID_MAX: usize = 5;

/// Under a service manager a start that is refused takes so long.
const REFUSED_EVERY: Duration = Duration::from_secs(1);
/// Signals that may wait until the loop hears them.
const SIGNALS_MAX: usize = 16;

/// Run the switchboard.
#[derive(Debug, clap::Args)]
pub(super) struct Command {
    /// Log all messages, without what is secret in them
    #[arg(long, value_enum, value_name = "WHAT", ignore_case = true)]
    trace: Option<Trace>,
}

/// What can be logged in full.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Trace {
    /// SIP messages
    Sip,
}

impl Command {
    /// Runs until a signal comes.
    ///
    /// # Errors
    /// What keeps it from starting or going on, and what to do about it.
    pub fn run(self, site: &Site) -> anyhow::Result<()> {
        // Before anything is opened that could have one of their numbers.
        let passed = passed_files::take();
        let config = site.config()?;
        Config::judge_certificates(site.file().as_deref())?;
        telemetry::begin(std::io::stderr().is_terminal(), self.trace.is_some());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let began = Instant::now();
        let result = runtime.block_on(run(site, &config, passed));
        // A service manager tries again at once what is refused; once a second is enough.
        if result.is_err() && FdStore::is_offered() {
            std::thread::sleep(REFUSED_EVERY.saturating_sub(began.elapsed()));
        }
        result
    }
}

async fn run(site: &Site, config: &Config, files: Vec<PassedFile>) -> anyhow::Result<()> {
    let data = &config.data;
    // First of all: a server that is told to reload while it starts must not end by it, and one that is told to stop
    // then does so as it has to.
    let hangup = signal(SignalKind::hangup())?;
    let signals = signals()?;
    let files_max = files_max()?;
    let lock = Lock::take(data)?;
    say_lax(lock.lax());
    let clock = Clock::start();
    let (database, mut state, left, _guard) = what_was_left(config, clock)?;
    // Before the network is listened to: whoever comes first must not take the last file.
    let administration = AdminSocket::bind(data).with_context(|| {
        format!("{}: administration cannot listen there", admin_socket::path(data).display())
    })?;
    let listen = config.listen_addresses(files_max);
    let store = FdStore::of_the_manager().context("the service manager cannot be spoken with")?;
    let inheritance = Inheritance { files, store: store.clone(), boot: state.boot };
    let tls = Arc::new(Tls::open(config.tls_settings(&host::addresses()), unix_now())?);
    let dtls = DtlsIdentity::open(&config.dtls_files(), unix_now())?;
    let (mut sockets, ports) =
        LoopSockets::bind(&listen, Arc::clone(&tls), inheritance, &left.behind.ports()).await?;
    state.connections = sockets.connections().collect();
    let mut random = Random::from_seed(seed()?);
    let addresses: Vec<_> = sockets.addresses().collect();
    let mut routes = Routes::default();
    let known = routes.look(clock.now().instant).map(<[_]>::to_vec).unwrap_or_default();
    let mut settings = config.exchange_settings(&addresses, known, &random.hex(16));
    settings.leg.fingerprint = Some(dtls.fingerprint());
    let own = settings.transaction.own.all().into_iter().collect();
    let plan = NumberingPlan { addresses: own, ..config.numbering_plan() };
    let (exchange, first) =
        exchange::Machine::new(clock.now(), settings, plan, state, random.fork());
    // Numbers that mean two things.
    exchange.conflicts().iter().for_each(|conflict| tracing::warn!("{conflict}"));
    let media = media::Machine::new(config.media_settings(), random.fork());
    let (workers, handshakes, recordings) = threads(config, dtls, clock)?;
    let (commits, committed) = mpsc::unbounded_channel();
    // The loop is gone only when the process ends.
    let writer = StoreWriter::start(database, move |outcome| drop(commits.send(outcome)))?;
    memory::give_back().context("no thread for giving memory back")?;
    let (requests, requested) = mpsc::channel(REQUESTS_MAX);
    let (asking, asked) = mpsc::channel(1);
    open_pages(&mut sockets, &requests, config);
    tokio::spawn(administration.serve(Channels { requests, reloads: asking }));
    let (reload, reloads) = mpsc::channel(1);
    say_what_is_there(&addresses, &exchange.status(), data, &tls);
    tokio::spawn(Reloading::new(site, config, tls).run(hangup, reload, asked));
    let cameras = CameraConnections::new(
        config.camera_urls().map(|(camera, url)| (camera.id, camera.name.clone(), url.clone())),
    );
    let parts = LoopParts {
        clock,
        exchange,
        first,
        media,
        sockets,
        routes,
        workers,
        handshakes,
        recordings,
        cameras,
        ports,
        left,
        writer,
        resolver: Resolver::new(config.sip.nameservers.clone()),
        reloads,
        drain: config.drain,
    };
    notify::tell(ServiceNotice::Ready);
    EventLoop::new(parts).run(committed, requested, signals).await?;
    store.flush();
    tracing::info!("stopped");
    Ok(())
}

/// Those who work beside the loop.
fn threads(
    config: &Config,
    dtls: DtlsIdentity,
    clock: Clock,
) -> anyhow::Result<(CodecWorkers, HandshakeWorker, Recordings)> {
    let workers = CodecWorkers::start().context("no thread for a codec worker")?;
    let handshakes =
        HandshakeWorker::start(dtls, clock).context("no thread for the handshakes of DTLS")?;
    let recordings = Recordings::start(config.recordings_directory(), config.media.reserve)
        .context("no thread for a recorder")?;
    Ok((workers, handshakes, recordings))
}

/// The database, what it holds, and what goes on of the last process; until the last of these is dropped the end of this
/// one counts as a crash.
fn what_was_left(
    config: &Config,
    clock: Clock,
) -> anyhow::Result<(Database, StoredState, WhatWasLeft, CrashGuard)> {
    let data = &config.data;
    let (ledger, slots, in_hand) = ledger(data);
    let guard = crash_guard(data, clock, in_hand)?;
    let (database, mut state) = journal(config, clock, &guard)?;
    let resume = state.resume;
    let behind = LeftBehind::take_from(clock.now(), &mut state, &slots);
    let used = slots.into_keys().chain(behind.ports()).collect();
    Ok((database, state, WhatWasLeft { behind, resume, used, ledger }, guard))
}

/// So many files may be open at once.
fn files_max() -> anyhow::Result<u64> {
    let max = open_files::raise().context("the limit of open files cannot be raised")?;
    if let Some(advice) = open_files::advice(max)? {
        tracing::warn!("{advice}");
    }
    Ok(max)
}

/// Stands for the process until it ends as it should; says so when the one before did not.
fn crash_guard(data: &Path, clock: Clock, in_hand: Handling) -> anyhow::Result<CrashGuard> {
    let guard = CrashGuard::begin(data, clock.now().unix, in_hand)
        .with_context(|| format!("{}: cannot be written", data.display()))?;
    if guard.last().is_some() {
        tracing::warn!(
            "the last process did not end as it should; calls that go on: {}",
            guard.resume()
        );
    }
    if let Some(pause) = guard.pause() {
        std::thread::sleep(pause);
    }
    Ok(guard)
}

/// What whoever starts it wants to read first.
fn say_what_is_there(
    addresses: &[(Transport, SocketAddr)],
    status: &exchange::Status,
    data: &Path,
    tls: &Tls,
) {
    for (transport, address) in addresses {
        tracing::info!("listening on {transport} {address}");
    }
    say_certificate(tls);
    let (terminals, phones) = (status.terminals, status.phones);
    tracing::info!(
        "{terminals} terminals, {phones} of them registered; data in {}",
        data.display()
    );
}

/// Serves pages, and says where browsers find them.
fn open_pages(sockets: &mut LoopSockets, requests: &mpsc::Sender<PendingRequest>, config: &Config) {
    for PageListener { address, sealed } in sockets.pages() {
        let address = reached(address);
        match (sealed, config.web.proxy) {
            (true, _) => tracing::info!("desk page at https://{address}/"),
            (false, true) => tracing::info!("desk page at {address}, for the proxy before it"),
            (false, false) => {
                tracing::info!("desk page at http://{address}/, on this machine alone");
            }
        }
    }
    let parts = WebParts {
        requests: requests.clone(),
        sip: sockets.sip_door(),
        data: config.data.clone(),
        proxy: config.web.proxy,
    };
    sockets.serve_pages(&web::serve(parts));
}

/// Where others find a listener: of one on all addresses that from which this machine speaks to the world.
fn reached(address: SocketAddr) -> SocketAddr {
    // RFC 5737, RFC 3849: addresses that nobody has; nothing is sent there.
    let world = match address {
        SocketAddr::V4(_) => SocketAddr::from(([192, 0, 2, 1], 9)),
        SocketAddr::V6(_) => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9)),
    };
    let own = || own_address_towards(world);
    let ip = if address.ip().is_unspecified() { own() } else { None };
    SocketAddr::new(ip.unwrap_or(address.ip()), address.port())
}

/// By what phones and browsers know us.
fn say_certificate(tls: &Tls) {
    let TlsStatus { fingerprint, is_own, trouble } = tls.status(unix_now());
    if let Some(fingerprint) = fingerprint {
        let whose = if is_own {
            "our own certificate, which nobody knows: browsers warn of it until it is accepted there"
        } else {
            "certificate"
        };
        tracing::info!("{whose}: SHA-256 {fingerprint}");
    }
    let missing = tls.missing_names();
    if !missing.is_empty() {
        tracing::info!(
            "our own certificate is not for {}: for one that is, remove tls.crt and start again",
            missing.join(", ")
        );
    }
    if let Some(trouble) = trouble {
        tracing::warn!("{trouble}");
    }
}

/// The database, and what it holds; says what of it cannot be used.
fn journal(
    config: &Config,
    clock: Clock,
    guard: &CrashGuard,
) -> anyhow::Result<(Database, StoredState)> {
    let data = &config.data;
    let database = Database::open(data)?;
    if let Some(old) = database.adopt_realm(&config.sip.domain)? {
        tracing::warn!(
            "sip.domain was {old}: passwords were kept for that name; set every password anew"
        );
    }
    database.count_start()?;
    let (mut state, unreadable) = database.load(clock.now().unix)?;
    if guard.last().is_some() {
        state.skip_numbers();
    }
    state.resume = match resuming::which(&database, data)? {
        Resume::All => guard.resume(),
        other => other,
    };
    for row in unreadable {
        tracing::error!("in the journal, {}: {}", row.table, row.row);
    }
    store::check_beside(data, |error| tracing::error!("{error}"))
        .context("no thread to look at the database")?;
    Ok((database, state))
}

/// The ledger of the relay, and what the last process has written there of each port.
fn ledger(data: &Path) -> (LedgerFile, BTreeMap<PortId, LedgerSlot>, Handling) {
    let (file, left) = LedgerFile::open(data);
    let left = left.unwrap_or_else(|fault| {
        tracing::warn!("the ledger of the relay is left out: {fault}");
        RelayLedger::default()
    });
    let out = left.left_out;
    if out.total() > 0 {
        let LeftOut { torn, doubled, broken } = out;
        tracing::warn!(
            "of the ledger of the relay {} ports are left out: torn {torn}, doubled {doubled}, broken \
             {broken}",
            out.total()
        );
    }
    (file, left.slots, left.in_hand)
}

/// Says once that passwords may have been read.
fn say_lax(lax: &Lax) {
    if let Some(first) = lax.tightened.first() {
        tracing::warn!(
            "{} and {} more files could be read by other accounts of this machine, and are their \
             owner's alone now",
            first.display(),
            lax.tightened.len() - 1
        );
    }
    for (path, error) in lax.left.iter().take(LAX_SAID_MAX) {
        let path = path.display();
        tracing::warn!(
            "{path} can be read by other accounts, and what passwords are kept as with it: take that \
             from them (chmod go-rwx {path}): {error}"
        );
    }
}

/// What comes of SIGTERM, SIGINT and SIGUSR1. The system keeps no order among signals that wait at once: the gentlest
/// goes first, since no call comes back from the others.
fn signals() -> anyhow::Result<mpsc::Receiver<StopSignal>> {
    let (say, signals) = mpsc::channel(SIGNALS_MAX);
    let mut restart = signal(SignalKind::user_defined1())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            let heard = tokio::select! {
                biased;
                Some(()) = restart.recv() => StopSignal::Restart,
                Some(()) = terminate.recv() => StopSignal::Terminate,
                Some(()) = interrupt.recv() => StopSignal::Interrupt,
                else => return,
            };
            if say.send(heard).await.is_err() {
                return;
            }
        }
    });
    Ok(signals)
}

fn seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())
        .context("the system gives no random numbers")?;
    Ok(seed)
}
