//! The DNS, asked beside the loop: one question, one answer. What to ask, and when again, is the
//! locator's to say.

use crate::locator::{DnsAnswer, Naptr, Question, Records, Srv};
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// Answers that may wait for the loop.
const ANSWERS_MAX: usize = 256;
/// A name server that says nothing for so long is asked once more, or the next one is.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// So often a question is repeated.
const REPEATED: usize = 2;
/// How long a name in the hosts file holds: as a rule it is there for good.
const HOSTS_TTL: crate::time::Duration = crate::time::Duration::from_secs(300);
/// What tells where the name servers are, and which names need none.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// The way to the DNS.
pub struct Resolver {
    name_servers: Vec<SocketAddr>,
    /// Of [`FILES`], when the system was last looked at.
    written: [Option<SystemTime>; 2],
    system: Option<System>,
    answers: mpsc::Sender<(Question, DnsAnswer)>,
    incoming: mpsc::Receiver<(Question, DnsAnswer)>,
}

/// How the system has it at the moment.
#[derive(Clone)]
struct System {
    dns: Option<TokioResolver>,
    hosts: Arc<Hosts>,
}

impl Resolver {
    /// Nothing is being asked. Without name servers of our own the system's are asked.
    #[must_use]
    pub fn new(name_servers: Vec<SocketAddr>) -> Self {
        let (answers, incoming) = mpsc::channel(ANSWERS_MAX);
        Self { name_servers, written: [None; 2], system: None, answers, incoming }
    }

    /// Asks, in its own time; exactly one answer comes.
    pub fn ask(&mut self, question: Question) {
        let (system, answers) = (self.system(), self.answers.clone());
        tokio::spawn(async move {
            let answer = system.ask(&question).await;
            // Whoever asked may have gone.
            let _ = answers.send((question, answer)).await;
        });
    }

    /// The next answer.
    pub async fn next(&mut self) -> Option<(Question, DnsAnswer)> {
        self.incoming.recv().await
    }

    /// The system as its files have it now: a network that comes up after us brings its name servers
    /// with it.
    fn system(&mut self) -> System {
        let written = FILES.map(|file| fs::metadata(file).and_then(|data| data.modified()).ok());
        let known = self.system.clone().filter(|_| written == self.written);
        known.unwrap_or_else(|| {
            let system = System::look(&self.name_servers);
            self.written = written;
            self.system = Some(system.clone());
            system
        })
    }
}

impl System {
    fn look(name_servers: &[SocketAddr]) -> Self {
        let hosts = Hosts::from_system().unwrap_or_else(|error| {
            tracing::warn!("{}: {error}: its names are not known", FILES[1]);
            Hosts::default()
        });
        let dns = dns(name_servers)
            .inspect_err(|error| tracing::warn!("the DNS cannot be asked: {error}"))
            .ok();
        Self { dns, hosts: Arc::new(hosts) }
    }

    async fn ask(&self, question: &Question) -> DnsAnswer {
        let hosts = match question {
            Question::Addresses(name) => self.in_hosts(name),
            Question::Naptr(_) | Question::Srv(_) => Vec::new(),
        };
        if !hosts.is_empty() {
            return DnsAnswer::Found { records: Records::Addresses(hosts), ttl: HOSTS_TTL };
        }
        let Some(dns) = &self.dns else { return DnsAnswer::Failed };
        let found = match question {
            Question::Naptr(name) => records(dns, name, RecordType::NAPTR).await,
            Question::Srv(name) => records(dns, name, RecordType::SRV).await,
            Question::Addresses(name) => return addresses(dns, name).await,
        };
        match found {
            Ok(records) => answer(question, &records),
            Err(error) => refusal(&error),
        }
    }

    fn in_hosts(&self, name: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_utf8(name) else { return Vec::new() };
        let kinds = [RecordType::A, RecordType::AAAA];
        let found = kinds.map(|kind| {
            let query = hickory_resolver::proto::op::Query::query(name.clone(), kind);
            self.hosts.lookup_static_host(&query)
        });
        let records = found.iter().flatten().flat_map(|lookup| lookup.answers());
        records.filter_map(|record| record.data.ip_addr()).collect()
    }
}

/// The DNS of our own name servers, or else of the system's.
fn dns(name_servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let provider = TokioRuntimeProvider::default();
    let mut builder = if name_servers.is_empty() {
        TokioResolver::builder(provider)?
    } else {
        let servers = name_servers.iter().map(|server| {
            let mut ways = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            ways.iter_mut().for_each(|way| way.port = server.port());
            NameServerConfig::new(server.ip(), true, ways)
        });
        let config = ResolverConfig::from_parts(None, vec![], servers.collect());
        TokioResolver::builder_with_config(config, provider)
    };
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = SILENCE_MAX;
    options.attempts = REPEATED;
    // Both kinds: a trunk's requests may come from either.
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // The hosts file is looked at before, and what is known is remembered by the locator.
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = 0;
    builder.build()
}

/// A name with a dot is meant as it is written, not as one below the system's own domain: a wildcard
/// there would answer for everybody.
fn full(name: &str) -> String {
    if name.contains('.') { format!("{name}.") } else { name.to_owned() }
}

async fn records(
    dns: &TokioResolver,
    name: &str,
    kind: RecordType,
) -> Result<Vec<Record>, NetError> {
    let lookup = dns.lookup(full(name), kind).await?;
    Ok(lookup.answers().to_vec())
}

async fn addresses(dns: &TokioResolver, name: &str) -> DnsAnswer {
    match dns.lookup_ip(full(name)).await {
        Ok(found) => {
            let left = found.valid_until().saturating_duration_since(std::time::Instant::now());
            let records = Records::Addresses(found.iter().collect());
            DnsAnswer::Found { records, ttl: crate::time::Duration::from_secs(left.as_secs()) }
        }
        Err(error) => refusal(&error),
    }
}

fn answer(question: &Question, records: &[Record]) -> DnsAnswer {
    // Aliases on the way are none of the records, but limit how long they hold.
    let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
    let ttl = crate::time::Duration::from_secs(u64::from(ttl));
    let records = match question {
        Question::Naptr(_) => Records::Naptr(records.iter().filter_map(naptr).collect()),
        Question::Srv(_) => Records::Srv(records.iter().filter_map(srv).collect()),
        Question::Addresses(_) => {
            Records::Addresses(records.iter().filter_map(|record| record.data.ip_addr()).collect())
        }
    };
    DnsAnswer::Found { records, ttl }
}

fn naptr(record: &Record) -> Option<Naptr> {
    let RData::NAPTR(found) = &record.data else { return None };
    Some(Naptr {
        order: found.order,
        preference: found.preference,
        flags: String::from_utf8_lossy(&found.flags).into_owned(),
        service: String::from_utf8_lossy(&found.services).into_owned(),
        replacement: plain(&found.replacement),
    })
}

fn srv(record: &Record) -> Option<Srv> {
    let RData::SRV(found) = &record.data else { return None };
    Some(Srv {
        priority: found.priority,
        weight: found.weight,
        port: found.port,
        target: plain(&found.target),
    })
}

/// As the locator writes names: small letters, no dot at the end; the root is empty.
fn plain(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').map(str::to_owned).unwrap_or(text)
}

/// Why there are no records: the DNS knows of none, or cannot be asked.
fn refusal(error: &NetError) -> DnsAnswer {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let ttl = none.negative_ttl.map(|ttl| crate::time::Duration::from_secs(ttl.into()));
            DnsAnswer::Absent { ttl }
        }
        _ => {
            tracing::debug!("the DNS does not answer: {error}");
            DnsAnswer::Failed
        }
    }
}
