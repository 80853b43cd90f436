//! The configuration file: TOML in, the rooms' settings out; nobody below reads it.
//!
//! Every key has a default, so that a switchboard runs without a file. `conf/cordboard.toml` shows
//! them all. What cannot be used is refused with file, line, key, and what to write instead; all
//! refusals of a file come at once.
//!
//! ```text
//! layer 5  rooms                                                 what each room is told
//! layer 4  queues  web                                           one for each queue; pages
//! layer 3  cameras  limits  records  tls  trunks  waiting_profiles    one for each section
//! layer 3  hours  priorities                                     what a queue has more
//! layer 2  values  zones                                         what may be written; time zones
//! layer 1  reader                                                where it stands
//! ```

mod cameras;
mod hours;
mod limits;
mod priorities;
mod queues;
mod reader;
mod records;
mod rooms;
mod tls;
mod trunks;
mod values;
mod waiting_profiles;
mod web;
mod zones;

pub use cameras::{CAMERAS_MAX, CameraSection};
pub use limits::Limits;
pub use reader::{ConfigRefusal, KeyFault};
pub use records::KEEP_MAX;
pub use tls::TlsSection;
pub use values::ListenSocket;
pub use web::{PAGES_MAX, PageSocket, WebSection};
pub use zones::{zone, zone_of_this_machine};

use crate::acd::{NightRules, QueuePriorities};
use crate::call::Recorded;
use crate::directory::{NumberingPlan, Trunk};
use crate::exchange::Retention;
use crate::ids::{CameraId, LevelId, Number, QueueId};
use crate::media::WaitingProfile;
use crate::registrar::DigestOrder;
use crate::server::Reserve;
use crate::sip::{Network, Transport};
use crate::time::Duration;
use reader::{Reader, Remedy, Section};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The most sockets to listen on.
pub const LISTEN_MAX: usize = 16;
/// The most name servers.
pub const NAMESERVERS_MAX: usize = 3;
/// The most queues.
pub const QUEUES_MAX: usize = 100;
/// The most trunks.
pub const TRUNKS_MAX: usize = 100;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// A phone rings so long unless the file says otherwise.
const RING_TIME: Duration = Duration::from_secs(30);
/// Calls may go on for so long after SIGTERM unless the file says otherwise.
const DRAIN: Duration = Duration::from_secs(600);
const RECALL: Duration = Duration::from_secs(60);
const RECALL_MIN: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// All settings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// The directory of `cordboard.db`.
    pub data: PathBuf,
    /// How long calls may go on after SIGTERM.
    pub drain: Duration,
    /// `[sip]`
    pub sip: Sip,
    /// `[media]`
    pub media: MediaSection,
    /// `[tls]`
    pub tls: TlsSection,
    /// `[web]`
    pub web: WebSection,
    /// `[records]`
    pub records: Retention,
    /// `[levels]`
    pub levels: Levels,
    /// `[limits]`
    pub limits: Limits,
    /// `[desk]`
    pub desk: DeskSection,
    /// `[queue.NAME]`, at least one.
    pub queues: BTreeMap<QueueId, QueueSection>,
    /// `[[trunk]]`
    pub trunks: Vec<Trunk>,
    /// `[[camera]]`, in the order of their ids.
    pub cameras: Vec<CameraSection>,
}

/// `[sip]`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sip {
    /// Realm and domain of the numbers.
    pub domain: String,
    /// The sockets, at least one.
    pub listen: Vec<ListenSocket>,
    /// The addresses for Contact and SDP, each for the peers of a network, in place of our own.
    pub advertise: Vec<(Network, IpAddr)>,
    /// Callers of other domains may call.
    pub guests: bool,
    /// The name servers to ask; none: the system's.
    pub nameservers: Vec<SocketAddr>,
    /// The proxies that may register phones behind them.
    pub edges: Vec<Network>,
    /// A conversation of which no side has sent anything for so long is over.
    pub rtp_timeout: Duration,
    /// How long a phone rings for a direct call.
    pub ring_time: Duration,
    /// Which digest challenges are made, and in which order.
    pub digest: DigestOrder,
}

/// `[media]`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaSection {
    /// The address of the RTP sockets.
    pub address: IpAddr,
    /// Their ports.
    pub ports: RangeInclusive<u16>,
    /// The directory of recordings; below that of the database unless absolute.
    pub recordings: PathBuf,
    /// How much of their disk recordings leave free.
    pub reserve: Reserve,
    /// What waiting parties see and hear; the words are those of `[texts]`.
    pub waiting_profile: WaitingProfile,
}

/// `[levels]`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Levels {
    /// The level of callers that are no terminals.
    pub external: LevelId,
    /// What becomes of a call that levels and permits refuse.
    pub on_refusal: RefusalPolicy,
}

/// What becomes of a call that levels and permits refuse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefusalPolicy {
    /// 403.
    Refuse,
    /// It goes to the operator number.
    Operator,
}

/// `[desk]`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeskSection {
    /// For so long a lost desk may come back.
    pub lease: Duration,
    /// Refuse desks over UDP, TCP and WS.
    pub secure_only: bool,
    /// How long the phone of whom an operator calls rings.
    pub ring_time: Duration,
    /// A call that is set aside is recalled each time that so long has passed.
    pub recall: Duration,
}

/// When a waiting caller is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnswerMode {
    /// At once, with hold media.
    Queue,
    /// When the desk phone answers.
    Operator,
}

/// `[queue.NAME]`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QueueSection {
    /// The operator number.
    pub number: Number,
    /// When the caller is answered.
    pub answer: AnswerMode,
    /// How long a desk phone rings.
    pub ring_time: Duration,
    /// An offer rings the phones of operators at desks, too.
    pub ring: bool,
    /// How many may wait.
    pub waiting_max: usize,
    /// The longest wait; `None` for ever.
    pub wait_max: Option<Duration>,
    /// Where calls go that find no place or wait too long; `None` tells them and ends them.
    pub overflow: Option<Number>,
    /// With this key a waiting caller goes there.
    pub exit_key: Option<char>,
    /// Who goes before others.
    pub priorities: QueuePriorities,
    /// When it is closed, and where calls go then.
    pub night: NightRules,
    /// How long callers wait on while nobody is present.
    pub grace: Duration,
    /// The camera that callers see while they wait, in place of the picture.
    pub camera: Option<CameraId>,
    /// Which of its calls are recorded.
    pub record: Recorded,
    /// Nothing is recorded while the operator consults.
    pub record_pauses: bool,
    /// Operators at a desk in the browser see stills of those who wait.
    pub preview: bool,
    /// What its callers see and hear while they wait: the house's, with what the queue has of its own.
    pub waiting_profile: WaitingProfile,
}

impl QueueSection {
    /// A queue at `number` with all else as built in.
    #[must_use]
    pub fn at(number: Number) -> Self {
        Self {
            number,
            answer: AnswerMode::Queue,
            ring_time: Duration::from_secs(20),
            ring: false,
            waiting_max: 100,
            wait_max: None,
            overflow: None,
            exit_key: None,
            priorities: QueuePriorities::default(),
            night: NightRules::default(),
            grace: Duration::from_secs(10),
            camera: None,
            record: Recorded::Never,
            record_pauses: true,
            preview: false,
            waiting_profile: WaitingProfile::default(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let listen = [Transport::Udp, Transport::Tcp]
            .map(|transport| ListenSocket { transport, address: SocketAddr::new(any, 5060) });
        let main = (QueueId::from("main"), QueueSection::at(Number::from("9000")));
        Self {
            data: PathBuf::from("data"),
            drain: DRAIN,
            sip: Sip {
                domain: "cordboard.local".to_owned(),
                listen: listen.to_vec(),
                advertise: Vec::new(),
                guests: true,
                nameservers: Vec::new(),
                edges: Vec::new(),
                rtp_timeout: Duration::from_secs(60),
                ring_time: RING_TIME,
                digest: DigestOrder::Auto,
            },
            media: MediaSection {
                address: any,
                ports: 20_000..=29_999,
                recordings: PathBuf::from("recordings"),
                reserve: Reserve::default(),
                waiting_profile: WaitingProfile::default(),
            },
            tls: TlsSection::default(),
            web: WebSection::default(),
            records: Retention::default(),
            levels: Levels { external: LevelId::from("B"), on_refusal: RefusalPolicy::Refuse },
            desk: DeskSection {
                lease: Duration::from_secs(30),
                secure_only: false,
                ring_time: RING_TIME,
                recall: RECALL,
            },
            limits: Limits::default(),
            queues: BTreeMap::from([main]),
            trunks: Vec::new(),
            cameras: Vec::new(),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The file cannot be read.
    #[error("{}: {error}: name a file that is there, or leave --config out", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Its bytes are no text.
    #[error("{}:{line}: this is not UTF-8: save the file as UTF-8", path.display())]
    NoText {
        /// Which.
        path: PathBuf,
        /// Where it begins not to be, from 1.
        line: usize,
    },
    /// Some of its lines cannot stay so.
    #[error("{}", .0.iter().map(ConfigRefusal::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<ConfigRefusal>),
}

/// The text of a file.
fn text_of(path: &Path) -> Result<String, Unusable> {
    let unreadable = |error| Unusable::Unreadable { path: path.to_owned(), error };
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        Unusable::NoText { path: path.to_owned(), line }
    })
}

impl Config {
    /// The configuration of a file; the built-in one without a file.
    ///
    /// # Errors
    /// When the file cannot be read, or says what cannot be used.
    pub fn load(file: Option<&Path>) -> Result<Self, Unusable> {
        let Some(path) = file else { return Ok(Self::default()) };
        Self::read(&path.display().to_string(), &text_of(path)?).map_err(Unusable::Refused)
    }

    /// Judges the files of certificates and keys that a file names. Who only asks a running server has no use for it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn judge_certificates(file: Option<&Path>) -> Result<(), Unusable> {
        let Some(path) = file else { return Ok(()) };
        let (name, text) = (path.display().to_string(), text_of(path)?);
        let mut reader = Reader::new(&name, &text);
        if let Ok(table) = DeTable::parse(&text) {
            let root = reader.root(table.get_ref());
            if let Some(section) = reader.section(&root, "tls") {
                tls::judge_files(&mut reader, &section);
            }
        }
        match reader.refusals.is_empty() {
            true => Ok(()),
            false => Err(Unusable::Refused(reader.refusals)),
        }
    }

    /// What a start would not get that this key of a section asks for, said at its line of the file; nothing where it is not
    /// there.
    #[must_use]
    pub fn refusal_at(
        file: &Path,
        (section, key): (&str, &str),
        remedy: String,
    ) -> Option<ConfigRefusal> {
        let (name, text) = (file.display().to_string(), text_of(file).ok()?);
        let mut reader = Reader::new(&name, &text);
        let table = DeTable::parse(&text).ok()?;
        let root = reader.root(table.get_ref());
        let section = reader.section(&root, section)?;
        reader.value::<()>(&section, key, |_| Err(remedy.into()));
        reader.refusals.pop()
    }

    /// Reads the text of a file that people know as `file`.
    ///
    /// # Errors
    /// All that is wrong with it, in the order of its lines.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<ConfigRefusal>> {
        let mut reader = Reader::new(file, text);
        let config = match DeTable::parse(text) {
            Ok(table) => Self::of(&mut reader, table.get_ref()),
            Err(error) => {
                reader.no_toml(&error);
                Self::default()
            }
        };
        let mut refusals = reader.refusals;
        refusals.sort_by_key(|refusal| refusal.line);
        if refusals.is_empty() { Ok(config) } else { Err(refusals) }
    }

    fn of<'a>(reader: &mut Reader<'_>, table: &'a DeTable<'a>) -> Self {
        let root = reader.root(table);
        let sections = [
            "data", "drain", "sip", "tls", "media", "texts", "records", "web", "levels", "limits",
            "desk", "queue", "trunk", "camera",
        ];
        reader.allow(&root, &sections);
        let mut config = Self::default();
        set(&mut config.data, reader.value(&root, "data", directory));
        set(&mut config.drain, reader.value(&root, "drain", drain));
        if let Some(section) = reader.section(&root, "sip") {
            config.sip.read(reader, &section);
        }
        if let Some(section) = reader.section(&root, "texts") {
            waiting_profiles::texts(reader, &section, &mut config.media.waiting_profile.texts);
        }
        if let Some(section) = reader.section(&root, "media") {
            config.media.read(reader, &section);
        }
        if let Some(section) = reader.section(&root, "tls") {
            config.tls = tls::tls(reader, &section);
        }
        if let Some(section) = reader.section(&root, "web") {
            config.web = web::web(reader, &section, &config.sip.listen);
        }
        if let Some(section) = reader.section(&root, "records") {
            records::records(&mut config.records, reader, &section);
        }
        if let Some(section) = reader.section(&root, "levels") {
            config.levels.read(reader, &section);
        }
        if let Some(section) = reader.section(&root, "desk") {
            config.desk.read(reader, &section);
        }
        if let Some(section) = reader.section(&root, "limits") {
            config.limits.read(reader, &section);
        }
        // A camera's address, in whatever place it stands, has a password in it.
        let seen = reader.unrepeated(|reader| reader.each(&root, "camera"));
        let carriers = reader.each(&root, "trunk");
        if let Some(section) = reader.section(&root, "queue") {
            let cameras: Vec<&str> = seen.iter().map(|camera| camera.text("name")).collect();
            let trunks: Vec<&str> = carriers.iter().map(|trunk| trunk.text("name")).collect();
            let house = &config.media.waiting_profile;
            let others = queues::OtherSections { cameras: &cameras, trunks: &trunks, house };
            let given = queues::queues(reader, &section, &others);
            set(&mut config.queues, (!given.is_empty()).then_some(given));
        } else {
            let queues = config.queues.values_mut();
            queues
                .for_each(|queue| queue.waiting_profile.clone_from(&config.media.waiting_profile));
        }
        let has_main = config.queues.keys().any(|queue| queue.as_str() == "main");
        let is_unclear = config.queues.len() > 1 && !has_main;
        if config.levels.on_refusal == RefusalPolicy::Operator
            && is_unclear
            && let Some(section) = reader.section(&root, "levels")
        {
            let remedy = "of several queues the one called main takes these calls: call one so";
            reader.value::<()>(&section, "on_refusal", |_| Err(remedy.into()));
        }
        config.trunks = trunks::trunks(reader, &carriers, &config.levels.external);
        config.cameras = cameras::cameras(reader, &seen, &config.levels.external, &config.queues);
        config
    }

    /// What the directory has to know of it.
    #[must_use]
    pub fn numbering_plan(&self) -> NumberingPlan {
        let number = |(id, queue): (&QueueId, &QueueSection)| (queue.number.clone(), id.clone());
        NumberingPlan {
            realm: self.sip.domain.clone(),
            // Known when the sockets are bound.
            addresses: vec![],
            queues: self.queues.iter().map(number).collect(),
            trunks: self.trunks.clone(),
            cameras: self.cameras.iter().map(|camera| camera.camera.clone()).collect(),
            external: self.levels.external.clone(),
        }
    }
}

/// Replaces the built-in value by one that was given.
fn set<T>(built_in: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *built_in = given;
    }
}

/// How long calls may go on when the server is to stop. The unit of systemd waits for an hour and a little.
fn drain(value: &DeValue<'_>) -> Result<Duration, Remedy> {
    values::duration(value, SECOND..=HOUR)
}

/// How long a phone may ring.
fn ring_time(value: &DeValue<'_>) -> Result<Duration, Remedy> {
    values::duration(value, SECOND..=3 * MINUTE)
}

fn directory(value: &DeValue<'_>) -> Result<PathBuf, Remedy> {
    match values::text(value)? {
        "" => Err("name a directory".into()),
        path => Ok(PathBuf::from(path)),
    }
}

impl Sip {
    fn read<'a>(&mut self, reader: &mut Reader<'_>, section: &Section<'a>) {
        let keys = [
            "domain",
            "listen",
            "advertise",
            "guests",
            "nameservers",
            "edges",
            "rtp_timeout",
            "ring_time",
            "digest",
        ];
        reader.allow(section, &keys);
        set(&mut self.domain, reader.value(section, "domain", values::domain));
        let listen = |value: &DeValue<'_>| {
            let sockets = values::list(value, LISTEN_MAX, values::listen)?;
            if sockets.is_empty() {
                return Err("give at least one, or leave it out".into());
            }
            if sockets.iter().collect::<BTreeSet<_>>().len() < sockets.len() {
                return Err("one of them stands there twice: keep one".into());
            }
            Ok(sockets)
        };
        set(&mut self.listen, reader.value(section, "listen", listen));
        set(&mut self.advertise, reader.value(section, "advertise", values::advertise));
        set(&mut self.guests, reader.value(section, "guests", values::truth));
        let nameservers =
            |value: &DeValue<'_>| values::list(value, NAMESERVERS_MAX, values::nameserver);
        set(&mut self.nameservers, reader.value(section, "nameservers", nameservers));
        let edges = |value: &DeValue<'_>| values::list(value, values::LIST_MAX, values::network);
        set(&mut self.edges, reader.value(section, "edges", edges));
        let timeout = |value: &DeValue<'_>| values::duration(value, 20 * SECOND..=24 * HOUR);
        set(&mut self.rtp_timeout, reader.value(section, "rtp_timeout", timeout));
        set(&mut self.ring_time, reader.value(section, "ring_time", ring_time));
        let digest = |value: &DeValue<'_>| match values::text(value)? {
            "auto" => Ok(DigestOrder::Auto),
            "md5" => Ok(DigestOrder::Md5),
            "sha256" => Ok(DigestOrder::Sha256),
            _ => Err("write \"auto\", \"md5\" or \"sha256\"".into()),
        };
        set(&mut self.digest, reader.value(section, "digest", digest));
    }
}

impl MediaSection {
    fn read<'a>(&mut self, reader: &mut Reader<'_>, section: &Section<'a>) {
        let own = ["address", "ports", "recordings", "reserve"];
        reader.allow(section, &[&own, &waiting_profiles::KEYS[..]].concat());
        waiting_profiles::waiting_profile(reader, section, &mut self.waiting_profile);
        set(&mut self.address, reader.value(section, "address", values::ip));
        set(&mut self.ports, reader.value(section, "ports", values::ports));
        set(&mut self.recordings, reader.value(section, "recordings", directory));
        set(&mut self.reserve, reader.value(section, "reserve", records::reserve));
    }
}

impl Levels {
    fn read<'a>(&mut self, reader: &mut Reader<'_>, section: &Section<'a>) {
        reader.allow(section, &["external", "on_refusal"]);
        let level = |value: &DeValue<'_>| values::name(values::text(value)?).map(LevelId::from);
        set(&mut self.external, reader.value(section, "external", level));
        let words = [("refuse", RefusalPolicy::Refuse), ("operator", RefusalPolicy::Operator)];
        let word = |value: &DeValue<'_>| values::word(value, &words);
        set(&mut self.on_refusal, reader.value(section, "on_refusal", word));
    }
}

impl DeskSection {
    fn read<'a>(&mut self, reader: &mut Reader<'_>, section: &Section<'a>) {
        reader.allow(section, &["lease", "secure_only", "ring_time", "recall"]);
        let lease = |value: &DeValue<'_>| values::duration(value, SECOND..=HOUR);
        set(&mut self.lease, reader.value(section, "lease", lease));
        set(&mut self.secure_only, reader.value(section, "secure_only", values::truth));
        set(&mut self.ring_time, reader.value(section, "ring_time", ring_time));
        let recall = |value: &DeValue<'_>| values::duration(value, RECALL_MIN..=HOUR);
        set(&mut self.recall, reader.value(section, "recall", recall));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also those of a trunk and of a camera, which are comments in it.
    #[test]
    fn the_shipped_file_names_every_key() {
        let is_table = |line: &str| line.starts_with('[') && line.ends_with(']');
        let open = |line: &'static str| match line.strip_prefix("# ") {
            Some(rest) if is_table(rest) || rest.contains(" = ") => rest,
            _ => line,
        };
        let lines: Vec<_> = include_str!("../../conf/cordboard.toml").lines().map(open).collect();
        let text = lines.join("\n");
        let mut reader = Reader::new("f", &text);
        Config::of(&mut reader, DeTable::parse(&text).unwrap().get_ref());
        // Of these a sentence says that they may stand there, too.
        reader.unused.retain(|key| !key.starts_with("queue.main.announcement_"));
        assert_eq!(reader.unused, [] as [&str; 0]);
        assert_eq!(reader.refusals, []);
    }
}
