//! The house: the real exchange and the real relay, its journal, its accounts.

use super::browser::CERTIFICATE;
use super::judge::CALLERS;
use cordboard::acd;
use cordboard::call::{AnsweredBy, QueueSettings, Recorded};
use cordboard::directory::{
    Accounts, NumberingPlan, Operator, OperatorMode, Secret, Srtp, Terminal, patent_levels,
};
use cordboard::dtls::Fingerprint;
use cordboard::exchange::{self, journal};
use cordboard::ids::{LevelId, Number, OperatorId, PortId, QueueId};
use cordboard::leg;
use cordboard::media::{self, WaitingProfileId};
use cordboard::presence;
use cordboard::random::Random;
use cordboard::registrar;
use cordboard::sip::{OwnAddresses, Transport, Uri};
use cordboard::switchboard::{self, OnRefusal};
use cordboard::time::{Duration, Now};
use cordboard::transaction;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub const DOMAIN: &str = "cordboard.local";
pub const IP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub const PORT: u16 = 5060;
/// Relay ports are bound in portions of so many.
const PORTS: u16 = 128;
const FIRST_PORT: u16 = 20_000;

/// A phone of the house and how it is reached.
pub struct Account {
    pub number: &'static str,
    pub level: &'static str,
    /// It has a fixed contact; else it registers.
    pub fixed: bool,
}

const fn account(number: &'static str, level: &'static str, fixed: bool) -> Account {
    Account { number, level, fixed }
}

/// 30xx are the operators' phones.
pub const TERMINALS: [Account; 19] = [
    account("3001", "A", true),
    account("3002", "A", false),
    account("3003", "A", true),
    account("3004", "A", false),
    account("3005", "A", true),
    account("3006", "A", true),
    account("3007", "A", true),
    account("3008", "A", true),
    account("3009", "A", false),
    account("2001", "A", true),
    account("2002", "A", false),
    account("2003", "A", true),
    account("2004", "A", false),
    account("2005", "A", true),
    account("2006", "A", true),
    account("2007", "B", true),
    account("2008", "B", false),
    account("2009", "A", true),
    account("2010", "A", false),
];

/// Phones of the house that are browsers: an operator's, and others.
pub const BROWSERS: [&str; 3] = ["3003", "2003", "2006"];

/// Operators with a desk, then those with only a phone; each at the phone of the same place.
pub const DESKS: [&str; 7] = ["op1", "op2", "op3", "op4", "op5", "op6", "op7"];
pub const PHONE_OPERATORS: [&str; 2] = ["op8", "op9"];

/// What the relay sends, as far as it is of interest, and what it reports.
#[derive(Debug, Default)]
pub struct Relayed {
    pub packets: Vec<(SocketAddr, Vec<u8>)>,
    pub events: Vec<media::Event>,
    /// Of handshakes: of which dialog, on which transport.
    pub records: Vec<(PortId, u32)>,
    /// Sounds to be coded.
    pub sounds: Vec<media::Job>,
    /// What is recorded.
    pub taps: Vec<media::RecordingTap>,
}

impl media::Outgoing for Relayed {
    fn send(&mut self, _: PortId, channel: media::Channel, to: media::MediaPath, packet: &[u8]) {
        if channel == media::Channel::Rtp && super::browser::is_short(packet) {
            self.packets.push((to.remote, packet.to_vec()));
        }
    }

    fn handshake(&mut self, port: PortId, datagram: &[u8]) {
        self.records.extend(super::browser::shaker(datagram).map(|dialog| (port, dialog)));
    }

    fn report(&mut self, event: media::Event) {
        self.events.push(event);
    }

    fn tap(&mut self, tap: media::RecordingTap) {
        self.taps.push(tap);
    }

    fn job(&mut self, job: media::Job) {
        // Nobody here has a picture.
        if let media::Job::Sound(_) = job {
            self.sounds.push(job);
        }
    }
}

pub struct Testbed {
    pub exchange: exchange::Machine,
    pub relay: media::Machine,
    next_port: u16,
}

impl Testbed {
    pub fn new(
        now: Now,
        addresses: &BTreeMap<&str, SocketAddr>,
        random: &mut Random,
    ) -> (Self, Vec<exchange::Effect>) {
        let state = journal::StoredState { next_call: 1, ..journal::StoredState::default() };
        Self::start(now, addresses, state, random)
    }

    /// A process that finds this in its journal.
    pub fn start(
        now: Now,
        addresses: &BTreeMap<&str, SocketAddr>,
        state: journal::StoredState,
        random: &mut Random,
    ) -> (Self, Vec<exchange::Effect>) {
        let queue = |name: &str| QueueId::from(name);
        let plan = NumberingPlan {
            realm: DOMAIN.into(),
            addresses: vec![],
            queues: BTreeMap::from([
                (Number::from("9000"), queue("main")),
                (Number::from("9001"), queue("early")),
            ]),
            trunks: vec![],
            cameras: vec![],
            external: LevelId::from("B"),
        };
        let state = journal::StoredState { accounts: accounts(addresses), ..state };
        let (exchange, effects) =
            exchange::Machine::new(now, settings(), plan, state, random.fork());
        let relay = media::Machine::new(media::Settings::default(), random.fork());
        (Self { exchange, relay, next_port: FIRST_PORT }, effects)
    }

    /// All relay ports that have been bound, and those that other processes had.
    pub fn ports(&self) -> impl Iterator<Item = PortId> + use<> {
        (FIRST_PORT..60_000).step_by(2).map(|port| PortId(u64::from(port)))
    }

    /// Binds more relay ports, if the range has any left.
    pub fn more_ports(&mut self) -> Vec<PortId> {
        let end = self.next_port.saturating_add(PORTS * 2).min(60_000);
        let ports = (self.next_port..end).step_by(2).map(|port| PortId(u64::from(port))).collect();
        self.next_port = end;
        ports
    }
}

fn accounts(addresses: &BTreeMap<&str, SocketAddr>) -> Accounts {
    let secret = |user: &str| {
        let password = password(user);
        Some(Secret::from_password(user, DOMAIN, &password).expect("the password is good"))
    };
    let terminals = TERMINALS.iter().map(|account| Terminal {
        number: Number::from(account.number),
        name: String::new(),
        level: LevelId::from(account.level),
        secret: secret(account.number),
        contact: account.fixed.then(|| {
            let address = addresses[account.number];
            Uri::parse(&format!("sip:{}@{address}", account.number)).expect("the URI is good")
        }),
        srtp: if BROWSERS.contains(&account.number) { Srtp::Dtls } else { Srtp::Optional },
    });
    let all = DESKS.iter().chain(&PHONE_OPERATORS);
    let operators = (0..).zip(all.zip(&TERMINALS)).map(|(at, (name, phone))| Operator {
        name: OperatorId::from(*name),
        phone: Number::from(phone.number),
        phones: BTreeSet::new(),
        queues: [QueueId::from("main"), QueueId::from("early")].into(),
        mode: if DESKS.contains(name) { OperatorMode::Desk } else { OperatorMode::Phone },
        // One, two or three calls in hand.
        max_calls: 1 + at % 3,
        secret: secret(name),
    });
    Accounts {
        terminals: terminals.collect(),
        levels: patent_levels().into(),
        permits: vec![],
        operators: operators.collect(),
        nights: vec![],
    }
}

pub fn password(user: &str) -> String {
    format!("secret of {user}")
}

fn settings() -> exchange::Settings {
    let address = SocketAddr::new(IP, PORT);
    let own = [(Transport::Udp, address), (Transport::Tcp, address)];
    let own = OwnAddresses::new(own.to_vec(), vec![]);
    let queue = |number: &str, answer, ring| QueueSettings {
        number: Number::from(number),
        answer,
        ring_time: Duration::from_secs(8),
        ring,
        camera: None,
        // Nothing of a recording may be left behind either.
        record: Recorded::Always,
        record_pauses: true,
        preview: false,
        waiting_profile: WaitingProfileId::DEFAULT,
        announcements: BTreeMap::new(),
    };
    let waiting = |name: &str, overflow: Option<&str>| acd::QueueRules {
        id: QueueId::from(name),
        waiting_max: CALLERS / 2,
        shares: acd::QueueShares { terminal: 3, trunk: CALLERS, guests: CALLERS, reserve: 1 },
        wait_max: Some(Duration::from_secs(60)),
        grace: Duration::from_secs(3),
        overflow: overflow.map(Number::from),
        exit_key: overflow.map(|_| '0'),
        priorities: acd::QueuePriorities {
            levels: [(LevelId::from("B"), 1)].into(),
            numbers: [(Number::from("2001"), 5), (Number::from("2002"), 9)].into(),
            ..Default::default()
        },
        night: acd::NightRules::default(),
    };
    exchange::Settings {
        guests: true,
        guest_calls_max: 100,
        addresses: vec![address],
        retention: exchange::Retention::default(),
        transaction: transaction::Settings { own: own.clone(), ..Default::default() },
        registrar: registrar::Settings::default(),
        leg: leg::Settings {
            domain: DOMAIN.into(),
            media_addresses: vec![IP],
            port_rest: Duration::from_secs(5),
            rtp_timeout: Duration::from_secs(60),
            fingerprint: Some(Fingerprint::of(CERTIFICATE)),
            dialog: cordboard::dialog::Settings { own, ..Default::default() },
        },
        locator: Default::default(),
        switchboard: switchboard::Settings {
            queues: BTreeMap::from([
                (QueueId::from("main"), queue("9000", AnsweredBy::Queue, false)),
                (QueueId::from("early"), queue("9001", AnsweredBy::Operator, true)),
            ]),
            acd: acd::Settings {
                queues: vec![waiting("main", None), waiting("early", Some("2005"))],
                decline_pause: Duration::from_secs(5),
            },
            presence: presence::Settings {
                lease: Duration::from_secs(10),
                phone_pause: Duration::from_secs(10),
            },
            on_refusal: OnRefusal::Refuse,
            secure_only: false,
            ring_time: Duration::from_secs(10),
            consult_ring_time: Duration::from_secs(10),
            recall: Duration::from_secs(8),
            recordings: "recordings".into(),
            boot: "b1".into(),
        },
    }
}
