//! `cordboard serve`: the parts put together, and run until a signal comes.

use super::reloading::Reloading;
use super::resuming;
use super::site::Site;
use crate::config::Config;
use crate::directory::{Directory, NumberingPlan};
use crate::exchange::{self, LeftBehind, journal::StoredState};
use crate::ids::PortId;
use crate::media::{self, LedgerSlot, LeftOut, RelayLedger};
use crate::random::Random;
use crate::server::admin_socket::{self, AdminSocket, Channels};
use crate::server::cameras::CameraConnections;
use crate::server::clock::Clock;
use crate::server::event_loop::{EventLoop, LoopParts, LoopSockets, REQUESTS_MAX};
use crate::server::fd_store::{FdStore, Inheritance};
use crate::server::ledger_file::LedgerFile;
use crate::server::memory;
use crate::server::notify::{self, ServiceNotice};
use crate::server::open_files;
use crate::server::passed_files::{self, PassedFile};
use crate::server::recordings::Recordings;
use crate::server::resolver::Resolver;
use crate::server::telemetry;
use crate::server::{CodecWorkers, Routes};
use crate::sip::Transport;
use crate::store::{self, Database, Lax, Lock, StoreWriter};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// So many files that others can read are named.
const LAX_SAID_MAX: usize = 5;

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
        telemetry::begin(std::io::stderr().is_terminal(), self.trace.is_some());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(site, &config, passed))
    }
}

async fn run(site: &Site, config: &Config, files: Vec<PassedFile>) -> anyhow::Result<()> {
    let data = &config.data;
    // First of all: a server that is told to reload while it starts must not end by it.
    let hangup = signal(SignalKind::hangup())?;
    let files_max = files_max()?;
    let lock = Lock::take(data)?;
    say_lax(lock.lax());
    let clock = Clock::start();
    let (database, mut state) = journal(config, clock)?;
    let resume = resuming::which(&database, data)?;
    let (ledger, slots) = ledger(data);
    let left = LeftBehind::take_from(clock.now(), &mut state, &slots);
    let used = slots.into_keys().chain(left.ports()).collect();
    // Before the network is listened to: whoever comes first must not take the last file.
    let path = admin_socket::path(data);
    let administration = AdminSocket::bind(data)
        .with_context(|| format!("{}: administration cannot listen there", path.display()))?;
    let listen = config.listen_addresses(files_max);
    let store = FdStore::of_the_manager().context("the service manager cannot be spoken with")?;
    let inheritance = Inheritance { files, store: store.clone(), boot: state.boot };
    let (sockets, ports) = LoopSockets::bind(&listen, inheritance, &left.ports()).await?;
    state.connections = sockets.connections().collect();
    let mut random = Random::from_seed(seed()?);
    let addresses: Vec<_> = sockets.addresses().collect();
    let mut routes = Routes::default();
    let known = routes.look(clock.now().instant).map(<[_]>::to_vec).unwrap_or_default();
    let boot = random.hex(16);
    let settings = config.exchange_settings(&addresses, known, &boot);
    let own = settings.transaction.own.all().into_iter().collect();
    let plan = NumberingPlan { addresses: own, ..config.numbering_plan() };
    for conflict in Directory::new(plan.clone(), state.accounts.clone()).conflicts() {
        tracing::warn!("{conflict}");
    }
    let (exchange, first) =
        exchange::Machine::new(clock.now(), settings, plan, state, random.fork());
    let media = media::Machine::new(config.media_settings(), random.fork());
    let workers = CodecWorkers::start().context("no thread for a codec worker")?;
    let recordings = Recordings::start(config.recordings_directory(), config.media.reserve)
        .context("no thread for a recorder")?;
    let (commits, committed) = mpsc::unbounded_channel();
    // The loop is gone only when the process ends.
    let writer = StoreWriter::start(database, move |outcome| drop(commits.send(outcome)))?;
    memory::give_back().context("no thread for giving memory back")?;
    let (requests, requested) = mpsc::channel(REQUESTS_MAX);
    let (asking, asked) = mpsc::channel(1);
    tokio::spawn(administration.serve(Channels { requests, reloads: asking }));
    let (reload, reloads) = mpsc::channel(1);
    let reloading = Reloading::new(site, config);
    tokio::spawn(reloading.run(hangup, reload, asked));
    say_what_is_there(&addresses, &exchange.status(), data);
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
        recordings,
        cameras,
        ports,
        left,
        resume,
        used,
        ledger,
        writer,
        resolver: Resolver::new(config.sip.nameservers.clone()),
        reloads,
    };
    let stopped = stopped()?;
    notify::tell(ServiceNotice::Ready);
    EventLoop::new(parts).run(committed, requested, stopped).await?;
    store.flush();
    tracing::info!("stopped");
    Ok(())
}

/// So many files may be open at once.
fn files_max() -> anyhow::Result<u64> {
    let max = open_files::raise().context("the limit of open files cannot be raised")?;
    if let Some(advice) = open_files::advice(max)? {
        tracing::warn!("{advice}");
    }
    Ok(max)
}

/// What whoever starts it wants to read first.
fn say_what_is_there(
    addresses: &[(Transport, SocketAddr)],
    status: &exchange::Status,
    data: &Path,
) {
    for (transport, address) in addresses {
        tracing::info!("listening on {transport} {address}");
    }
    let (terminals, phones) = (status.terminals, status.phones);
    tracing::info!(
        "{terminals} terminals, {phones} of them registered; data in {}",
        data.display()
    );
}

/// The database, and what it holds; says what of it cannot be used.
fn journal(config: &Config, clock: Clock) -> anyhow::Result<(Database, StoredState)> {
    let data = &config.data;
    let database = Database::open(data)?;
    if let Some(old) = database.adopt_realm(&config.sip.domain)? {
        tracing::warn!(
            "sip.domain was {old}: passwords were kept for that name; set every password anew"
        );
    }
    database.count_start()?;
    let (state, unreadable) = database.load(clock.now().unix)?;
    for row in unreadable {
        tracing::error!("in the journal, {}: {}", row.table, row.row);
    }
    store::check_beside(data, |error| tracing::error!("{error}"))
        .context("no thread to look at the database")?;
    Ok((database, state))
}

/// The ledger of the relay, and what the last process has written there of each port.
fn ledger(data: &Path) -> (LedgerFile, BTreeMap<PortId, LedgerSlot>) {
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
    (file, left.slots)
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

/// Done when SIGTERM or SIGINT comes; the service manager hears of it.
fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        notify::tell(ServiceNotice::Stopping);
    })
}

fn seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())
        .context("the system gives no random numbers")?;
    Ok(seed)
}
