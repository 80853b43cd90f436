//! `cordboard serve`: the parts put together, and run until a signal comes.

use super::reloading::Reloading;
use super::site::Site;
use crate::acd;
use crate::config::{self, AnswerMode, Config};
use crate::dialog;
use crate::directory::{Directory, NumberingPlan, TrunkHost};
use crate::exchange::{self, journal::StoredState};
use crate::leg;
use crate::locator;
use crate::media::{self, Announcement, WaitingProfileId};
use crate::presence;
use crate::random::Random;
use crate::registrar;
use crate::server::admin_socket::{self, AdminSocket, Channels};
use crate::server::cameras::CameraConnections;
use crate::server::clock::Clock;
use crate::server::event_loop::{EventLoop, ListenAddresses, LoopParts, LoopSockets, REQUESTS_MAX};
use crate::server::media_sockets;
use crate::server::memory;
use crate::server::notify::{self, ServiceNotice};
use crate::server::open_files;
use crate::server::recordings::Recordings;
use crate::server::resolver::Resolver;
use crate::server::telemetry;
use crate::server::{CodecWorkers, ConnectionLimiterSettings, Routes};
use crate::sip::{Network, OwnAddresses, Transport};
use crate::store::{self, Database, Lax, Lock, StoreWriter};
use crate::switchboard::{self, AnsweredBy, OnRefusal, QueueSettings};
use crate::time::Duration;
use crate::transaction;
use anyhow::Context as _;
use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// A declined offer is not repeated to the same operator for so long.
const DECLINE_PAUSE: Duration = Duration::from_secs(30);
/// A desk phone that failed gets no offers for so long.
const PHONE_PAUSE: Duration = Duration::from_secs(60);
/// A phone rings for so long in a direct call or a consultation.
const RING_TIME: Duration = Duration::from_secs(30);
/// A relay port rests for so long before another call gets it.
const PORT_REST: Duration = Duration::from_secs(5);
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
        let config = site.config()?;
        telemetry::begin(std::io::stderr().is_terminal(), self.trace.is_some());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(site, &config))
    }
}

async fn run(site: &Site, config: &Config) -> anyhow::Result<()> {
    let data = &config.data;
    // First of all: a server that is told to reload while it starts must not end by it.
    let hangup = signal(SignalKind::hangup())?;
    let files = open_files::raise().context("the limit of open files cannot be raised")?;
    if let Some(advice) = open_files::advice(files)? {
        tracing::warn!("{advice}");
    }
    let lock = Lock::take(data)?;
    say_lax(lock.lax());
    let clock = Clock::start();
    let (database, state) = journal(config, clock)?;
    // Before the network is listened to: whoever comes first must not take the last file.
    let path = admin_socket::path(data);
    let administration = AdminSocket::bind(data)
        .with_context(|| format!("{}: administration cannot listen there", path.display()))?;
    let listen = listen(config, files);
    let (sockets, ports) = LoopSockets::bind(&listen).await?;
    let mut random = Random::from_seed(seed()?);
    let addresses: Vec<_> = sockets.addresses().collect();
    let mut routes = Routes::default();
    let known = routes.look(clock.now().instant).map(<[_]>::to_vec).unwrap_or_default();
    let settings = settings(config, &addresses, known, &mut random);
    let own = settings.transaction.own.all().into_iter().collect();
    let plan = NumberingPlan { addresses: own, ..config.numbering_plan() };
    for conflict in Directory::new(plan.clone(), state.accounts.clone()).conflicts() {
        tracing::warn!("{conflict}");
    }
    let (exchange, first) =
        exchange::Machine::new(clock.now(), settings, plan, state, random.fork());
    let media = relay(config, random.fork());
    let workers = CodecWorkers::start().context("no thread for a codec worker")?;
    let recordings = Recordings::start(data.join(&config.media.recordings), config.media.reserve)
        .context("no thread for a recorder")?;
    let (commits, committed) = mpsc::unbounded_channel();
    // The loop is gone only when the process ends.
    let writer = StoreWriter::start(database, move |outcome| drop(commits.send(outcome)))?;
    memory::give_back().context("no thread for giving memory back")?;
    let (requests, requested) = mpsc::channel(REQUESTS_MAX);
    let (asking, asked) = mpsc::channel(1);
    tokio::spawn(administration.serve(Channels { requests, reloads: asking }));
    let (reload, reloads) = mpsc::channel(1);
    let reloading = Reloading::new(site, config, random.fork());
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
        writer,
        resolver: Resolver::new(config.sip.nameservers.clone()),
        reloads,
    };
    let stopped = stopped()?;
    notify::tell(ServiceNotice::Ready);
    EventLoop::new(parts).run(committed, requested, stopped).await?;
    tracing::info!("stopped");
    Ok(())
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
    let (state, unreadable) = database.load(clock.now().unix)?;
    for row in unreadable {
        tracing::error!("in the journal, {}: {}", row.table, row.row);
    }
    store::check_beside(data, |error| tracing::error!("{error}"))
        .context("no thread to look at the database")?;
    Ok((database, state))
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

/// The relay, with what the house shows and plays to those who wait.
fn relay(config: &Config, random: Random) -> media::Machine {
    let waiting_profiles = std::iter::once(&config.media.waiting_profile)
        .chain(config.queues.values().map(|queue| &queue.waiting_profile))
        .map(|waiting_profile| Arc::new(waiting_profile.clone()));
    let settings = media::Settings {
        waiting_profiles: waiting_profiles.collect(),
        ..media::Settings::default()
    };
    media::Machine::new(settings, random)
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

/// What is listened to under this limit of open files.
pub(super) fn listen(config: &Config, files: u64) -> ListenAddresses {
    let of = |transport| {
        let listen = config.sip.listen.iter().filter(move |listen| listen.transport == transport);
        listen.map(|listen| listen.address).collect()
    };
    let media = media_sockets::Settings {
        address: config.media.address,
        ports: open_files::ports_within(files, &config.media.ports),
    };
    // Trunks that go by a name are known by what comes over their connections.
    let trunks = config.trunks.iter().flat_map(|trunk| &trunk.addresses);
    let trunks = trunks.filter_map(|address| match address.host {
        TrunkHost::Address(ip) => Some(Network::from(ip)),
        TrunkHost::Name { .. } => None,
    });
    let trusted = trunks.chain(config.sip.edges.clone());
    let connection_limiter = ConnectionLimiterSettings {
        per_source: config.limits.connections,
        trusted: trusted.collect(),
    };
    ListenAddresses { udp: of(Transport::Udp), tcp: of(Transport::Tcp), media, connection_limiter }
}

/// Every room's settings from the configuration.
fn settings(
    config: &Config,
    addresses: &[(Transport, SocketAddr)],
    routes: Vec<(Network, IpAddr)>,
    random: &mut Random,
) -> exchange::Settings {
    let mut own = OwnAddresses::new(addresses.to_vec(), config.sip.advertise.clone());
    own.set_routes(routes);
    let advertised = config.sip.advertise.iter().flat_map(|(_, ip)| {
        addresses.iter().map(|(_, listener)| SocketAddr::new(*ip, listener.port()))
    });
    let known: Vec<SocketAddr> =
        addresses.iter().map(|(_, address)| *address).chain(advertised).collect();
    exchange::Settings {
        guests: config.sip.guests,
        retention: config.records,
        guest_calls_max: config.limits.guest_calls,
        addresses: known.clone(),
        transaction: transaction::Settings { own: own.clone(), ..transaction::Settings::default() },
        registrar: registrar::Settings {
            addresses: known,
            edges: config.sip.edges.clone(),
            digest: config.sip.digest,
            ..registrar::Settings::default()
        },
        leg: leg::Settings {
            domain: config.sip.domain.clone(),
            media_addresses: vec![config.media.address],
            port_rest: PORT_REST,
            rtp_timeout: config.sip.rtp_timeout,
            dialog: dialog::Settings {
                own,
                user_agent: concat!("cordboard/", env!("CARGO_PKG_VERSION")).to_owned(),
                ..dialog::Settings::default()
            },
        },
        locator: locator::Settings {
            transports: [Transport::Udp, Transport::Tcp]
                .into_iter()
                .filter(|own| addresses.iter().any(|(transport, _)| transport == own))
                .collect(),
        },
        switchboard: switchboard_settings(config, random),
    }
}

/// The switchboard's settings from the configuration.
pub(super) fn switchboard_settings(config: &Config, random: &mut Random) -> switchboard::Settings {
    let queues = (1..).zip(&config.queues).map(|(waiting_profile, (id, queue))| {
        let answer = match queue.answer {
            AnswerMode::Queue => AnsweredBy::Queue,
            AnswerMode::Operator => AnsweredBy::Operator,
        };
        let number = queue.number.clone();
        let said =
            [Announcement::Busy, Announcement::Nobody, Announcement::Full, Announcement::TooLong];
        let length =
            |announcement| (announcement, queue.waiting_profile.voices.length(announcement));
        let announcements = said.map(length).into();
        let (waiting_profile, ring_time, camera) =
            (WaitingProfileId(waiting_profile), queue.ring_time, queue.camera);
        let settings = QueueSettings {
            number,
            answer,
            ring_time,
            ring: queue.ring,
            camera,
            record: queue.record,
            record_pauses: queue.record_pauses,
            waiting_profile,
            announcements,
        };
        (id.clone(), settings)
    });
    let waiting = config.queues.iter().map(|(id, queue)| acd::QueueRules {
        id: id.clone(),
        waiting_max: queue.waiting_max,
        shares: config.limits.shares(queue.waiting_max),
        wait_max: queue.wait_max,
        overflow: queue.overflow.clone(),
        grace: queue.grace,
    });
    switchboard::Settings {
        queues: queues.collect(),
        acd: acd::Settings { queues: waiting.collect(), decline_pause: DECLINE_PAUSE },
        presence: presence::Settings { lease: config.desk.lease, phone_pause: PHONE_PAUSE },
        on_refusal: match config.levels.on_refusal {
            config::RefusalPolicy::Refuse => OnRefusal::Refuse,
            config::RefusalPolicy::Operator => OnRefusal::Operator,
        },
        secure_only: config.desk.secure_only,
        ring_time: RING_TIME,
        recordings: config.data.join(&config.media.recordings).display().to_string(),
        boot: random.hex(16),
    }
}
