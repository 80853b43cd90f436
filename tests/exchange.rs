//! The whole exchange, bytes in and bytes out: what restarts, unauthenticated sources and a failing journal meet.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::acd;
use cordboard::call::call_record::{CallRecord, EndedBy};
use cordboard::call::{AnsweredBy, QueueSettings, Recorded};
use cordboard::cause::Cause;
use cordboard::dialog::{self, DialogKey, StoredDialog};
use cordboard::directory::{
    self, Accounts, DirectoryChange, NumberingPlan, Operator, OperatorMode, Secret, Srtp, Terminal,
    TerminalDraft, Trunk, patent_levels,
};
use cordboard::exchange::journal::{Batch, JournalEntry, StoredDesk, StoredState, WriteFault};
use cordboard::exchange::{
    AdminRequest, CALLS_PER_SECOND_MAX, CHANGES_WAITING_MAX, COMMIT_MAX, Effect, Input, Machine,
    PHONES_PACE, PRUNE_INTERVAL, REFUSALS_PACE, RETRY_AFTER, RETRY_AFTER_UNWRITTEN, Reply,
    Retention, Settings, TRUNK_CALLS_PER_SECOND_MAX, UNAUTHENTICATED_PACE,
};
use cordboard::ids::{
    BootNumber, CallId, ConnectionId, LevelId, Number, OperatorId, PortId, QueueId,
};
use cordboard::leg;
use cordboard::locator::{DnsAnswer, Question, Records, Srv};
use cordboard::media::{self, WaitingProfileId};
use cordboard::presence;
use cordboard::random::Random;
use cordboard::registrar::{self, BindingChange};
use cordboard::sip::digest::{Challenge, Chance, DigestLogin, Protected};
use cordboard::sip::{
    self, Destination, Flow, HeaderName, Message, NameAddr, OwnAddresses, Transport, Uri,
};
use cordboard::switchboard::{self, OnRefusal};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use cordboard::transaction;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

#[path = "exchange/browsers.rs"]
mod browsers;
#[path = "exchange/draining.rs"]
mod draining;
#[path = "journal/mod.rs"]
mod journal_model;
#[path = "exchange/names.rs"]
mod names;
#[path = "exchange/networks.rs"]
mod networks;
#[path = "exchange/next_hops.rs"]
mod next_hops;
#[path = "exchange/numbers.rs"]
mod numbers;
#[path = "exchange/open_invites.rs"]
mod open_invites;
#[path = "exchange/operators.rs"]
mod operators;
#[path = "exchange/pages.rs"]
mod pages;
#[path = "exchange/registration_log.rs"]
mod registration_log;
#[path = "exchange/registrations.rs"]
mod registrations;
#[path = "exchange/resuming.rs"]
mod resuming;
#[path = "exchange/senses.rs"]
mod senses;
#[path = "exchange/sips.rs"]
mod sips;
#[path = "exchange/third_parties.rs"]
mod third_parties;
mod written;

use journal_model::JournalModel;

const GUEST_CALLS_MAX: usize = 5;
const DOMAIN: &str = "cordboard.local";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn us() -> SocketAddr {
    address("192.0.2.1:5060")
}

fn settings() -> Settings {
    let own = OwnAddresses::new(vec![(Transport::Udp, us()), (Transport::Tcp, us())], vec![]);
    let queue = QueueSettings {
        number: Number::from("9000"),
        answer: AnsweredBy::Queue,
        ring_time: Duration::from_secs(20),
        ring: false,
        camera: None,
        record: Recorded::Never,
        record_pauses: true,
        preview: false,
        waiting_profile: WaitingProfileId::DEFAULT,
        announcements: BTreeMap::new(),
    };
    let waiting = acd::QueueRules {
        id: QueueId::from("main"),
        waiting_max: 100,
        shares: acd::QueueShares { terminal: 3, trunk: 60, guests: 20, reserve: 10 },
        wait_max: None,
        overflow: None,
        grace: Duration::from_secs(10),
        exit_key: None,
        priorities: acd::QueuePriorities::default(),
        night: acd::NightRules::default(),
    };
    Settings {
        guests: true,
        guest_calls_max: GUEST_CALLS_MAX,
        addresses: vec![us()],
        retention: Retention::default(),
        transaction: transaction::Settings { own: own.clone(), ..Default::default() },
        registrar: registrar::Settings::default(),
        leg: leg::Settings {
            domain: DOMAIN.into(),
            media_addresses: vec![us().ip()],
            port_rest: Duration::from_secs(5),
            rtp_timeout: Duration::from_secs(60),
            fingerprint: None,
            dialog: dialog::Settings { own, ..Default::default() },
        },
        locator: Default::default(),
        switchboard: switchboard::Settings {
            queues: [(QueueId::from("main"), queue)].into(),
            acd: acd::Settings { queues: vec![waiting], decline_pause: Duration::from_secs(30) },
            presence: presence::Settings {
                lease: Duration::from_secs(30),
                phone_pause: Duration::from_secs(60),
            },
            on_refusal: OnRefusal::Refuse,
            secure_only: false,
            ring_time: Duration::from_secs(30),
            consult_ring_time: Duration::from_secs(30),
            recall: Duration::from_secs(60),
            recordings: "recordings".into(),
            boot: "b1".into(),
        },
    }
}

fn accounts() -> Accounts {
    let terminal = Terminal {
        number: Number::from("3001"),
        name: "Boss".into(),
        level: LevelId::from("B"),
        secret: Some(Secret::from_password("3001", DOMAIN, "secret").unwrap()),
        contact: None,
        srtp: Srtp::Optional,
    };
    let door = Terminal {
        number: Number::from("4001"),
        name: "Door".into(),
        secret: None,
        contact: Some(Uri::parse("sip:4001@192.0.2.9:5060").unwrap()),
        ..terminal.clone()
    };
    let colleague = Terminal {
        number: Number::from("3002"),
        secret: Some(Secret::from_password("3002", DOMAIN, "secret").unwrap()),
        ..terminal.clone()
    };
    let operator = Operator {
        name: OperatorId::from("op1"),
        phone: Number::from("3001"),
        phones: [].into(),
        queues: [QueueId::from("main")].into(),
        mode: OperatorMode::Desk,
        max_calls: 1,
        secret: Some(Secret::from_password("op1", DOMAIN, "secret").unwrap()),
    };
    let mut levels = patent_levels();
    for level in &mut levels {
        level.admits.insert(LevelId::from("B"));
    }
    Accounts {
        terminals: vec![terminal, colleague, door],
        levels: levels.into(),
        permits: vec![],
        operators: vec![operator],
        nights: vec![],
    }
}

struct Testbed {
    machine: Machine,
    relay: media::Machine,
    /// What was committed.
    journal: JournalModel,
    /// How often a party was taken out and put back.
    put_back: u64,
    /// How often something came.
    turns: u64,
    now: Now,
    /// No party is put back: what the relay has said of it is not written down.
    is_left_alone: bool,
    /// What the relay has said and nobody has heard.
    reported: Vec<media::Event>,
    /// By which connection 3001's phone speaks; `None` for UDP.
    over: Option<Flow>,
}

/// What the relay has to say is kept, and what it sends goes nowhere.
struct Reports(Vec<media::Event>);

impl media::Outgoing for Reports {
    fn send(&mut self, _: PortId, _: media::Channel, _: media::MediaPath, _: &[u8]) {}
    fn report(&mut self, event: media::Event) {
        self.0.push(event);
    }
    fn job(&mut self, _: media::Job) {}
    fn tap(&mut self, _: media::RecordingTap) {}
}

struct Nowhere;

impl media::Outgoing for Nowhere {
    fn send(&mut self, _: PortId, _: media::Channel, _: media::MediaPath, _: &[u8]) {}
    fn report(&mut self, _: media::Event) {}
    fn job(&mut self, _: media::Job) {}
    fn tap(&mut self, _: media::RecordingTap) {}
}

/// A gateway.
fn trunk(name: &str, addresses: &[&str]) -> Trunk {
    Trunk {
        name: name.into(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        level: LevelId::from("B"),
        prefixes: vec!["0".into()],
        srtp: Srtp::Optional,
        login: None,
        register: false,
    }
}

impl Testbed {
    fn new(state: StoredState) -> (Self, Vec<Effect>) {
        Self::with(state, vec![trunk("carrier", &["203.0.113.5", "203.0.113.6"])])
    }

    fn with(state: StoredState, trunks: Vec<Trunk>) -> (Self, Vec<Effect>) {
        let now = Now { instant: Instant::START, unix: UnixTime::from_secs(1_795_000_000) };
        let plan = NumberingPlan {
            realm: DOMAIN.into(),
            addresses: vec![us().ip()],
            queues: [(Number::from("9000"), QueueId::from("main"))].into(),
            trunks,
            cameras: vec![],
            external: LevelId::from("B"),
        };
        let state = StoredState { accounts: accounts(), ..state };
        let random = Random::from_number(1);
        let (machine, first) = Machine::new(now, settings(), plan, state, random);
        let relay = media::Machine::new(media::Settings::default(), Random::from_number(2));
        let mut testbed = Self {
            machine,
            relay,
            journal: JournalModel::default(),
            put_back: 0,
            turns: 0,
            now,
            is_left_alone: false,
            reported: vec![],
            over: None,
        };
        let ports = (20_000..21_000).step_by(2).map(PortId).collect();
        let _ = testbed.machine.handle(now, Input::Ports(ports));
        (testbed, first)
    }

    /// With other settings, and 4001's door station elsewhere.
    fn of(settings: Settings, door: &str) -> Self {
        let (testbed, _) = Self::new(StoredState::default());
        let plan = testbed.machine.directory().plan().clone();
        let mut accounts = accounts();
        accounts.terminals[2].contact = Some(Uri::parse(door).unwrap());
        let state = StoredState { accounts, ..StoredState::default() };
        let (machine, _) = Machine::new(testbed.now, settings, plan, state, Random::from_number(1));
        let mut testbed = Self { machine, ..testbed };
        let ports = (20_000..21_000).step_by(2).map(PortId).collect();
        let _ = testbed.give(Input::Ports(ports));
        testbed
    }

    fn hears(&mut self, from: &str, text: &str) -> Vec<Effect> {
        let remote = address(from);
        let connection = ConnectionId(0);
        let udp = Flow { transport: Transport::Udp, local: us(), remote, connection };
        let flow = self
            .over
            .filter(|over| from == "192.0.2.8:5060" || over.remote == remote)
            .unwrap_or(udp);
        let bytes = text.replace('\n', "\r\n");
        let effects = self.machine.hear(self.now, flow, bytes.as_bytes());
        self.followed(effects)
    }

    fn later(&mut self, seconds: u64) -> Vec<Effect> {
        self.now = self.now + Duration::from_secs(seconds);
        let effects = self.machine.tick(self.now);
        self.followed(effects)
    }

    fn give(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.machine.handle(self.now, input);
        self.followed(effects)
    }

    /// The relay does what it is told. Then every party of which nothing is under way is taken out, written
    /// down, read and put back: nobody may notice.
    fn followed(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut reports = Reports(vec![]);
        for effect in &effects {
            if let Effect::Media(command) = effect {
                self.relay.handle(self.now, command.clone(), &mut reports);
            }
        }
        self.reported.append(&mut reports.0);
        let out = &mut Nowhere;
        // Of very many, some at a time; and of a flood, each hundredth message.
        self.turns += 1;
        if self.is_left_alone || (self.turns > 500 && !self.turns.is_multiple_of(100)) {
            return effects;
        }
        let parties = self.machine.parties().collect::<Vec<_>>();
        let first = self.put_back as usize % parties.len().max(1);
        for leg in parties.iter().cycle().skip(first).take(parties.len().min(16)).copied() {
            if let Some(settled) = self.machine.save_settled(self.now, &self.relay, leg) {
                let _read = written::through_text(self.now, &settled);
            }
            let taken = self.machine.take(self.now, &mut self.relay, leg, out);
            let Some(saved) = taken else { continue };
            let read = written::through_text(self.now, &saved);
            self.machine.restore(self.now, &mut self.relay, read, out);
            assert_eq!(self.machine.save(self.now, &self.relay, leg), Some(saved));
            self.put_back += 1;
        }
        effects
    }

    fn commits(&mut self, batch: Batch) -> Vec<Effect> {
        batch.entries.iter().for_each(|entry| self.journal.keep(entry));
        self.give(Input::Committed(batch))
    }

    fn fails(&mut self, batch: Batch) -> Vec<Effect> {
        self.give(Input::Unwritten { batch, fault: full() })
    }

    fn asks(&mut self, id: u64, change: DirectoryChange) -> Vec<Effect> {
        let request = AdminRequest::Change(change);
        self.give(Input::Admin { id, by: "root".into(), request })
    }

    fn has(&self, terminal: &str) -> bool {
        self.machine.directory().terminal(&Number::from(terminal)).is_some()
    }
}

fn sent(effects: &[Effect]) -> Vec<(Destination, Message)> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, bytes } => Some((*to, sip::parse(bytes).unwrap())),
        _ => None,
    });
    sent.collect()
}

/// The status of the only response among the effects.
fn status(effects: &[Effect]) -> Option<u16> {
    sent(effects).iter().find_map(|(_, message)| match message {
        Message::Response(response) => Some(response.status.as_u16()),
        Message::Request(_) => None,
    })
}

/// What goes to the journal.
fn batches(effects: &[Effect]) -> Vec<&Batch> {
    let batches = effects.iter().filter_map(|effect| match effect {
        Effect::Write(batch) => Some(batch),
        _ => None,
    });
    batches.collect()
}

/// The only batch whose commit somebody waits for.
fn awaited(effects: &[Effect]) -> Batch {
    let all = batches(effects);
    let mut awaited = all.iter().filter(|batch| batch.awaited);
    let (Some(batch), None) = (awaited.next(), awaited.next()) else {
        panic!("somebody waits: {effects:?}");
    };
    Batch::clone(batch)
}

fn entries(effects: &[Effect]) -> impl Iterator<Item = &JournalEntry> {
    batches(effects).into_iter().flat_map(|batch| &batch.entries)
}

fn full() -> WriteFault {
    WriteFault::OfJournal("database or disk is full".into())
}

fn open_record(call: u64) -> CallRecord {
    CallRecord {
        call: CallId(call),
        request: None,
        session: "0".repeat(32),
        queue: None,
        caller: "3001".into(),
        caller_name: String::new(),
        origin: "terminal".into(),
        dialled: Number::from("9000"),
        operators: vec![],
        callee: None,
        began: UnixTime::from_secs(1_794_999_000),
        answered: None,
        phases: vec![],
        handover: None,
        ended: None,
        recordings: vec![],
        health: String::new(),
    }
}

/// What waits for a commit of one process is not taken for what waits in the next.
#[test]
fn no_batch_of_a_start_has_the_name_of_one_before() {
    let tickets = [1, 2].map(|boot| {
        let state = StoredState { boot: BootNumber::new(boot), ..StoredState::default() };
        let (mut testbed, _) = Testbed::new(state);
        let written = [registers(&mut testbed, 1, ""), registers(&mut testbed, 10, "")];
        let mut tickets = Vec::new();
        for batch in written.iter().flat_map(|effects| batches(effects)) {
            tickets.push(batch.ticket);
        }
        assert_eq!(tickets.len(), 2);
        tickets
    });
    assert!(tickets.concat().is_sorted_by(|one, next| one < next), "{tickets:?}");
}

/// operator-desk.md: after a restart each stored control dialog gets BYE with Reason.
/// However quiet the house is; what is old by then is the journal's affair.
#[test]
fn every_minute_the_journal_is_told_what_has_been_kept_long_enough() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let Retention { keep, keep_max } = Retention::default();
    for _ in 0..3 {
        testbed.now = testbed.now + PRUNE_INTERVAL;
        assert_eq!(testbed.machine.deadline(), Some(testbed.now.instant));
        let effects = testbed.machine.tick(testbed.now);
        let [Effect::Write(batch)] = &effects[..] else { panic!("{effects:?}") };
        let [JournalEntry::Prune(prune)] = &batch.entries[..] else { panic!("{batch:?}") };
        assert_eq!((prune.before, prune.keep_max), (testbed.now.unix - keep, keep_max));
        assert_eq!(prune.results_before, testbed.now.unix - Duration::from_secs(600));
        let _ = testbed.commits(batch.clone());
    }
}

#[test]
fn after_a_restart_desks_get_bye_and_cut_calls_their_one_record() {
    let name = |text| NameAddr::parse(text, &HeaderName::To).unwrap();
    let key = DialogKey { call_id: "c1".into(), local_tag: "us".into() };
    let hop = Destination::Address { transport: Transport::Udp, remote: address("192.0.2.7:5070") };
    let dialog = StoredDialog {
        key: key.clone(),
        local: name("<sip:desk@cordboard.local>;tag=us"),
        remote: name("<sip:op1@cordboard.local>;tag=them"),
        target: Uri::parse("sip:op1@192.0.2.7:5070").unwrap(),
        routes: vec![],
        local_cseq: 3,
        hop,
    };
    let desk = StoredDesk { operator: OperatorId::from("op1"), dialog };
    let calls = vec![open_record(7), open_record(8)];
    let (mut testbed, first) = Testbed::new(StoredState {
        desks: vec![desk],
        calls,
        next_call: 9,
        ..StoredState::default()
    });
    let sent = sent(&first);
    let [(to, Message::Request(bye))] = &sent[..] else { panic!("one BYE: {sent:?}") };
    assert_eq!((*to, bye.method.as_str(), bye.headers.call_id()), (hop, "BYE", Ok("c1")));
    assert!(bye.headers.get(HeaderName::Reason).unwrap().contains("restart"));
    let dropped =
        |entry: &&JournalEntry| matches!(entry, JournalEntry::DropDesk(dropped) if *dropped == key);
    assert_eq!(entries(&first).filter(dropped).count(), 1);
    let ended = entries(&first).filter_map(|entry| match entry {
        JournalEntry::Call(record) => {
            Some((record.call.0, record.ended.unwrap().cause, record.ended.unwrap().by))
        }
        _ => None,
    });
    let interrupted = |call| (call, Cause::Interrupted, EndedBy::Server);
    assert_eq!(ended.collect::<Vec<_>>(), [interrupted(7), interrupted(8)]);
    // Nobody waits for the answer, and nothing is left when none comes.
    let _ = testbed.later(40);
    assert!(testbed.machine.is_quiet());
}

fn invite(call: u64, to: &str, extra: &str) -> String {
    format!(
        "INVITE sip:{to}@cordboard.local SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{call}
From: <sip:eve@elsewhere.example>;tag=a{call}
To: <sip:{to}@cordboard.local>
Call-ID: {call}
CSeq: 1 INVITE
Max-Forwards: 70
{extra}Content-Length: 0

"
    )
}

const CONTACT: &str = "Contact: <sip:eve@198.51.100.7>\n";

/// R1.5: who says to be of our domain, in whatever spelling, proves it.
#[test]
fn a_caller_from_our_own_domain_is_challenged_however_it_is_written() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let ours =
        ["cordboard.local", "CordBoard.LOCAL", "cordboard.local.", "192.0.2.1", "192.0.2.1:5070"];
    let others = ["elsewhere.example", "cordboard.local.evil", "192.0.2.2"];
    for (call, host) in (1..).zip(ours.iter().chain(&others)) {
        let text =
            invite(call, "4001", CONTACT).replace("eve@elsewhere.example", &format!("3001@{host}"));
        let challenged = status(&testbed.hears("198.51.100.7:5060", &text)) == Some(401);
        assert_eq!(challenged, ours.contains(host), "{host}");
    }
}

/// Behind a NAT or an alias we are called by names that we do not know ourselves.
#[test]
fn a_call_that_comes_here_is_for_us_by_whatever_name() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let text =
        invite(1, "4001", CONTACT).replace("4001@cordboard.local SIP", "4001@203.0.113.99 SIP");
    let effects = testbed.hears("198.51.100.7:5060", &text);
    assert_ne!(status(&effects), Some(404));
}

/// RFC 5039: before any phone rings.
#[test]
fn an_unauthenticated_source_in_a_hurry_gets_503_and_no_phone_rings() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    for call in 0..u64::from(CALLS_PER_SECOND_MAX) {
        // Nobody has this number, so that none stays open.
        let effects = testbed.hears("198.51.100.7:5060", &invite(call, "4999", CONTACT));
        assert_eq!(status(&effects), Some(404));
    }
    let effects = testbed.hears("198.51.100.7:5060", &invite(1_000, "4001", CONTACT));
    let sent = sent(&effects);
    let [(_, Message::Response(refusal))] = &sent[..] else { panic!("only a refusal: {sent:?}") };
    assert_eq!(refusal.status.as_u16(), 503);
    let retry = RETRY_AFTER.to_string();
    assert_eq!(refusal.headers.get(HeaderName::RetryAfter), Some(retry.as_str()));
    let effects = testbed.hears("198.51.100.8:5060", &invite(1_001, "4001", CONTACT));
    assert_ne!(status(&effects), Some(503), "its neighbour is innocent");
}

/// What 4001's phone is told of a guest with this From (R1.5).
fn shown_at_the_phone(from: &str) -> NameAddr {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let invite = invite(1, "4001", CONTACT);
    let invite = invite.replace("<sip:eve@elsewhere.example>", from);
    let effects = testbed.hears("198.51.100.7:5060", &invite);
    let mut onward = sent(&effects).into_iter().filter_map(|(_, message)| match message {
        Message::Request(request) => Some(request),
        Message::Response(_) => None,
    });
    let onward = onward.next().unwrap_or_else(|| panic!("{from}: no phone rings: {effects:?}"));
    assert!(!onward.headers.contains(HeaderName::PAssertedIdentity), "nobody vouches for {from}");
    onward.headers.from().unwrap()
}

#[test]
fn a_guest_rings_under_its_own_address_and_never_under_ours() {
    for (from, display, uri) in [
        ("Eve <sip:eve@evil.example>", "Eve", "sip:eve@evil.example"),
        // Phones that show the user part alone would show a colleague's number.
        ("Eve <sip:3001@evil.example>", "3001@evil.example", "sip:3001@evil.example"),
        // 3001 is called Boss.
        ("Boss <sip:eve@evil.example>", "eve@evil.example", "sip:eve@evil.example"),
        ("\" B.O.S.S \" <sip:eve@evil.example>", "eve@evil.example", "sip:eve@evil.example"),
        ("\"3001\" <sip:eve@evil.example>", "eve@evil.example", "sip:eve@evil.example"),
        ("\"op1\" <sip:eve@evil.example>", "eve@evil.example", "sip:eve@evil.example"),
        (
            "\"3001@cordboard.local\" <sip:eve@evil.example>",
            "eve@evil.example",
            "sip:eve@evil.example",
        ),
        ("Eve <tel:+4930123456>", "Anonymous", "sip:anonymous@anonymous.invalid"),
    ] {
        let shown = shown_at_the_phone(from);
        assert_eq!(shown.display.as_deref(), Some(display), "{from}");
        assert_eq!(shown.uri.to_string(), uri, "{from}");
    }
}

#[test]
fn half_a_guests_address_is_never_shown() {
    let long = format!("<sip:3001@cordboard.local.{}.example>", "x".repeat(40));
    let shown = shown_at_the_phone(&long);
    assert_eq!(shown.uri.to_string(), "sip:anonymous@anonymous.invalid");
}

#[test]
fn an_unauthenticated_source_has_so_many_calls_open_and_no_more() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let mut refused = 0;
    for call in 0..GUEST_CALLS_MAX as u64 + 3 {
        let effects = testbed.hears("198.51.100.7:5060", &invite(call, "4001", CONTACT));
        refused += u32::from(status(&effects) == Some(503));
    }
    assert_eq!(refused, 3);
    // All ring in vain, and are over.
    testbed.later(31);
    testbed.later(1);
    let effects = testbed.hears("198.51.100.7:5060", &invite(1_000, "4001", CONTACT));
    assert_ne!(status(&effects), Some(503));
}

const SDP: &str = "v=0\no=- 1 1 IN IP4 198.51.100.7\ns=-\nc=IN IP4 198.51.100.7\nt=0 0\n\
                   m=audio 4000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n";

/// An INVITE with sound, to the operator.
fn invite_with_sound(call: u64) -> String {
    invite_with(call, "9000", SDP)
}

/// An INVITE with this SDP, to this number.
fn invite_with(call: u64, to: &str, sdp: &str) -> String {
    let length = sdp.replace('\n', "\r\n").len();
    let extra = format!("{CONTACT}Content-Type: application/sdp\n");
    let text = invite(call, to, &extra);
    text.replace("Content-Length: 0\n\n", &format!("Content-Length: {length}\n\n{sdp}"))
}

#[test]
fn what_can_never_be_answered_rings_nobody_and_its_record_says_why() {
    let codec = Cause::NoCommonCodec;
    for (call, (to, from, into, cause)) in (1..).zip([
        ("9000", "audio 4000", "audio 0", Cause::NoMedia),
        ("4001", "audio 4000", "audio 0", Cause::NoMedia),
        ("9000", "RTP/AVP", "UDP/TLS/RTP/SAVPF", Cause::NoCommonTransport),
        ("4001", "RTP/AVP", "RTP/SAVP", Cause::NoCommonKeys),
        ("4001", "c=IN IP4 198.51.100.7", "c=IN IP6 2001:db8::7", Cause::NoCommonAddress),
        ("9000", "c=IN IP4 198.51.100.7", "c=IN IP6 2001:db8::7", Cause::NoCommonAddress),
        ("4001", " 0\na=rtpmap:0 PCMU/8000", " 98", codec),
        // A callee might have it, who waits hears nothing.
        ("9000", "0\na=rtpmap:0 PCMU", "98\na=rtpmap:98 EVS", codec),
    ]) {
        let (mut testbed, _) = Testbed::new(StoredState::default());
        let invite = invite_with(call, to, &SDP.replace(from, into));
        let effects = testbed.hears("203.0.113.5:5060", &invite);
        let mut finals = Vec::new();
        for (_, message) in sent(&effects) {
            let Message::Response(response) = message else { panic!("{into}: {message:?}") };
            finals.extend((response.status.as_u16() >= 200).then_some(response));
        }
        let [refusal] = &finals[..] else { panic!("{into}: one final response: {finals:?}") };
        assert_eq!(refusal.status.as_u16(), 488, "{into}");
        let warning = refusal.headers.get(HeaderName::Warning);
        assert_eq!(warning, cause.warning().as_deref(), "{into}");
        let ended = entries(&effects).find_map(|entry| match entry {
            JournalEntry::Call(record) => record.ended.map(|ended| (ended.cause, ended.by)),
            _ => None,
        });
        assert_eq!(ended, Some((cause, EndedBy::Server)), "{into}");
    }
}

/// Lets everything happen that time brings; all that is sent.
fn wait(testbed: &mut Testbed, seconds: u64) -> Vec<Effect> {
    let end = testbed.now.instant + Duration::from_secs(seconds);
    let mut all = Vec::new();
    while let Some(at) = testbed.machine.deadline().filter(|at| *at <= end) {
        testbed.now = testbed.now + at.since(testbed.now.instant);
        all.extend(testbed.machine.tick(testbed.now));
    }
    all
}

fn bytes_sent(effects: &[Effect]) -> usize {
    let bytes = effects.iter().map(|effect| match effect {
        Effect::Send { bytes, .. } => bytes.len(),
        _ => 0,
    });
    bytes.sum()
}

#[test]
fn an_address_that_proves_nothing_gets_less_than_three_times_what_came_from_it() {
    let text = invite_with_sound(1);
    let length = text.replace('\n', "\r\n").len();
    for repeated in [1, 4] {
        let (mut testbed, _) = Testbed::new(StoredState::default());
        let mut all = Vec::new();
        for _ in 0..repeated {
            all.extend(testbed.hears("198.51.100.7:5060", &text));
        }
        all.extend(wait(&mut testbed, 60));
        let (sent, received) = (bytes_sent(&all), repeated * length);
        assert!(sent < 3 * received, "{sent} for {received}");
        assert!(sent > received, "an answer was among it: {sent} for {received}");
        assert!(testbed.machine.is_quiet(), "the call is over for want of an ACK");
    }
}

/// As phones repeat an INVITE that is left without any response: seven times at most (RFC 3261 §17.1.1.2).
fn repeats_until_it_is_answered(testbed: &mut Testbed, from: &str, text: &str) -> Vec<Effect> {
    let mut answers = (0..7).map(|_| testbed.hears(from, text));
    answers.find(|effects| status(effects).is_some()).expect("an answer")
}

#[test]
fn a_guest_that_has_read_our_response_is_told_all() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let text = invite_with_sound(1);
    let first = testbed.hears("198.51.100.7:5060", &text);
    assert_eq!(status(&first), None, "183 would leave no room for 200");
    let farewell = repeats_until_it_is_answered(&mut testbed, "198.51.100.7:5060", &text);
    assert_eq!(status(&farewell), Some(183));
    let tag = to_tag(&farewell).unwrap();
    let info = invite(1, "9000", CONTACT).replace("INVITE", "INFO").replace("K1\n", "K1i\n");
    let info = info.replace("CSeq: 1", "CSeq: 2").replace(
        "To: <sip:9000@cordboard.local>",
        &format!("To: <sip:9000@cordboard.local>;tag={tag}"),
    );
    assert!(status(&testbed.hears("198.51.100.7:5060", &info)).is_some());
    let options = invite(1, "9000", "").replace("INVITE", "OPTIONS");
    let told = (2..20).filter(|branch| {
        let text = options.replace("K1\n", &format!("K{branch}\n"));
        bytes_sent(&testbed.hears("198.51.100.7:5060", &text)) > 0
    });
    assert_eq!(told.count(), 18);
}

/// A guest knows the tag of its own call, and says it in the name of an address that it has called from, too.
#[test]
fn nobody_proves_the_address_of_another() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let (own, victim) = ("198.51.100.7:5060", "198.51.100.99:5060");
    let again = repeats_until_it_is_answered(&mut testbed, own, &invite_with_sound(1));
    let tag = to_tag(&again).unwrap();
    let within = |method: &str| {
        let text = invite(1, "9000", CONTACT).replace("INVITE", method);
        let to = "To: <sip:9000@cordboard.local>";
        text.replace("K1\n", &format!("K1{method}\n")).replace(to, &format!("{to};tag={tag}"))
    };
    let (mut received, mut all) = (0, Vec::new());
    for text in [invite_with_sound(2), within("INFO"), within("ACK")] {
        received += text.replace('\n', "\r\n").len();
        all.extend(testbed.hears(victim, &text));
    }
    all.extend(wait(&mut testbed, 60));
    all.retain(|effect| match effect {
        Effect::Send { to, .. } => to.remote() == address(victim),
        _ => false,
    });
    let sent = bytes_sent(&all);
    assert!(sent > 0 && sent < 3 * received, "{sent} for {received}");
}

/// Credentials that nobody has looked at are no reason to repeat an answer.
#[test]
fn credentials_that_prove_nothing_leave_nothing_behind() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let stale = "Authorization: Digest username=\"3001\", realm=\"cordboard.local\", nonce=\"0\", \
                 uri=\"sip:9000@cordboard.local\", response=\"0\"\n";
    for (n, extra) in
        ["Authorization: Digest x\n", "Authorization: Basic x\n", stale].iter().enumerate()
    {
        let text = invite(10 + n as u64, "9000", &format!("{CONTACT}{extra}"));
        let nobody = text.replace("sip:9000@cordboard.local SIP", "sip:cordboard.local SIP");
        for (text, method) in
            [(&text, "INVITE"), (&nobody, "INVITE"), (&text, "OPTIONS"), (&text, "MESSAGE")]
        {
            let text = text.replace("INVITE", method).replace("bK", &format!("bK{method}"));
            let effects = testbed.hears("198.51.100.7:5060", &text);
            assert!(status(&effects).is_some(), "{text}");
            assert_eq!(testbed.machine.status().transactions, (0, 0), "{text}");
        }
    }
}

#[test]
fn an_invite_that_is_refused_unseen_leaves_nothing_behind() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = testbed.hears("198.51.100.7:5060", &invite(1, "4001", ""));
    assert_eq!(status(&effects), Some(400));
    assert!(testbed.machine.is_quiet());
}

fn register(seq: u32, credentials: &str) -> String {
    format!(
        "REGISTER sip:cordboard.local SIP/2.0
Via: SIP/2.0/UDP 192.0.2.8:5060;branch=z9hG4bKr{seq}
From: <sip:3001@cordboard.local>;tag=r
To: <sip:3001@cordboard.local>
Call-ID: r
CSeq: {seq} REGISTER
Contact: <sip:3001@192.0.2.8>
{credentials}Content-Length: 0

"
    )
}

fn registered(testbed: &mut Testbed) -> Vec<Effect> {
    registers(testbed, 1, "")
}

/// A phone registers, for the first time or again.
fn registers(testbed: &mut Testbed, seq: u32, lines: &str) -> Vec<Effect> {
    let effects = testbed.hears("192.0.2.8:5060", &register(seq, lines));
    let lines = format!("{lines}{}", credentials(&effects));
    testbed.hears("192.0.2.8:5060", &register(seq + 1, &lines))
}

/// The line that answers the challenge to a REGISTER.
fn credentials(challenged: &[Effect]) -> String {
    let sent = sent(challenged);
    let [(_, Message::Response(challenge))] = &sent[..] else { panic!("a challenge: {sent:?}") };
    let challenge = challenge.headers.all(HeaderName::WwwAuthenticate);
    let challenge = Challenge::strongest(challenge).unwrap();
    let login = DigestLogin { user: "3001", password: "secret" };
    let protected = Protected { method: "REGISTER", uri: "sip:cordboard.local" };
    let chance = Chance { cnonce: "c", count: 1 };
    format!("Authorization: {}\n", challenge.answer(&login, &protected, &chance))
}

// ---- floods ----

fn options(call: u64) -> String {
    invite(call, "9000", "").replace("INVITE", "OPTIONS")
}

fn to_tag(effects: &[Effect]) -> Option<String> {
    let sent = sent(effects);
    sent.first().and_then(|(_, message)| message.headers().to_tag().map(str::to_owned))
}

/// RFC 3261 §8.2.7, §26.3.2.4: nothing is remembered of who asks, and a copy gets the same tag.
#[test]
fn what_the_unauthenticated_get_leaves_nothing_behind() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let ours = |text: String| text.replace("eve@elsewhere.example", "3001@cordboard.local");
    let unknown = invite(4, "9000", "").replace("\nCall-ID", ";tag=no\nCall-ID");
    for (text, expected) in [
        (options(1), 200),
        (register(1, ""), 401),
        (ours(invite(2, "9000", CONTACT)), 401),
        (invite(3, "desk", CONTACT), 401),
        (unknown, 481),
        (invite(5, "9000", "").replace("INVITE", "MESSAGE"), 405),
        (invite(6, "9000", "").replace("INVITE", "BYE"), 481),
        (
            invite(7, "9000", "")
                .replace("sip:9000@cordboard.local SIP", "sip:cordboard.local SIP"),
            404,
        ),
    ] {
        let first = testbed.hears("198.51.100.7:5060", &text);
        assert_eq!(status(&first), Some(expected), "{text}");
        let copy = testbed.hears("198.51.100.7:5060", &text);
        assert_eq!((status(&copy), to_tag(&copy)), (Some(expected), to_tag(&first)), "{text}");
        assert_eq!(testbed.machine.status().transactions, (0, 0), "{text}");
        let ack = text.replace("INVITE", "ACK");
        if ack != text {
            let tag = to_tag(&first).unwrap();
            let ack = ack.replace("\nCall-ID", &format!(";tag={tag}\nCall-ID"));
            assert!(testbed.hears("198.51.100.7:5060", &ack).is_empty(), "no noise");
        }
    }
}

/// Who brought a right password gets the same answer to each copy: the password is good once.
#[test]
fn who_has_proved_himself_is_remembered_until_the_answer_has_come() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let _ = registered(&mut testbed);
    assert_eq!(testbed.machine.status().transactions, (0, 1));
}

#[test]
fn an_unauthenticated_flood_is_neither_read_nor_answered_beyond_its_pace() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let mut answers = BTreeMap::new();
    for call in 0..20_000 {
        let effects = testbed.hears("198.51.100.7:5060", &options(call));
        *answers.entry(status(&effects)).or_insert(0_u32) += 1;
    }
    let expected = [(Some(200), UNAUTHENTICATED_PACE), (Some(503), REFUSALS_PACE)];
    assert_eq!(answers.remove(&None), Some(20_000 - UNAUTHENTICATED_PACE - REFUSALS_PACE));
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), expected);
    let other = testbed.hears("198.51.100.8:5060", &options(1));
    assert_eq!(status(&other), Some(200), "its neighbour is innocent");
    testbed.later(1);
    let again = testbed.hears("198.51.100.7:5060", &options(1));
    assert_eq!(status(&again), Some(200), "the next second");
}

/// The 503 is made without reading: from Via, From, To, Call-ID and CSeq as they came.
#[test]
fn a_refusal_unread_is_a_whole_response() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    for call in 0..u64::from(UNAUTHENTICATED_PACE) {
        let _ = testbed.hears("198.51.100.7:5060", &options(call));
    }
    let first = testbed.hears("198.51.100.7:5060", &invite(9_000, "9000", ""));
    let copy = testbed.hears("198.51.100.7:5060", &invite(9_000, "9000", ""));
    let refusals = [sent(&first), sent(&copy)];
    let [(to, Message::Response(refusal))] = &refusals[0][..] else { panic!("{refusals:?}") };
    assert_eq!(to.remote(), address("198.51.100.7:5060"));
    assert_eq!(refusal.status.as_u16(), 503);
    let header = |name| refusal.headers.get(name).unwrap();
    assert!(header(HeaderName::Via).ends_with("z9hG4bK9000"));
    assert_eq!((header(HeaderName::CallId), header(HeaderName::CSeq)), ("9000", "1 INVITE"));
    assert!((1..=10).contains(&header(HeaderName::RetryAfter).parse::<u32>().unwrap()));
    assert_eq!(to_tag(&copy).as_deref(), refusal.headers.to_tag(), "one tag for all copies");
    let ack = invite(9_000, "9000", "").replace("INVITE", "ACK");
    assert!(testbed.hears("198.51.100.7:5060", &ack).is_empty(), "nobody answers an ACK");
}

/// From the address of a flood, what belongs to a call goes through; so it does behind one NAT.
#[test]
fn calls_go_on_behind_the_address_of_a_flood() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let call = invite(1, "4001", CONTACT);
    let effects = testbed.hears("198.51.100.7:5060", &call);
    let asked = sent(&effects).into_iter().find_map(|(_, message)| match message {
        Message::Request(request) => Some(request),
        Message::Response(_) => None,
    });
    let asked = asked.unwrap();
    let header = |name| asked.headers.get(name).unwrap();
    let ringing = format!(
        "SIP/2.0 180 Ringing
Via: {}
From: {}
To: <sip:4001@cordboard.local>;tag=t
Call-ID: {}
CSeq: {}
Contact: <sip:4001@192.0.2.9>
Content-Length: 0

",
        header(HeaderName::Via),
        header(HeaderName::From),
        header(HeaderName::CallId),
        header(HeaderName::CSeq),
    );
    for flood in 0..20_000 {
        let _ = testbed.hears("198.51.100.7:5060", &options(10 + flood));
        let _ = testbed.hears("192.0.2.9:5060", &options(10 + flood));
    }
    // Whom we ask much may answer much.
    for _ in 0..1_000 {
        let _ = testbed.hears("192.0.2.9:5060", &ringing.replace("180 Ringing", "100 Trying"));
    }
    let effects = testbed.hears("192.0.2.9:5060", &ringing);
    assert_eq!(status(&effects), Some(180), "an answer that is awaited");
    let tag = to_tag(&effects).unwrap();
    let stray = ringing.replace("branch=z9hG4bK", "branch=z9hG4bKno");
    assert!(testbed.hears("192.0.2.9:5060", &stray).is_empty());
    let info = call.replace("INVITE", "INFO").replace("bK1", "bK2").replace("CSeq: 1", "CSeq: 2");
    let to = "To: <sip:4001@cordboard.local>";
    let within = info.replace(to, &format!("{to};tag={tag}"));
    let effects = testbed.hears("198.51.100.7:5060", &within);
    assert!(status(&effects).is_some_and(|status| status != 503), "{effects:?}");
    let guessed = info.replace("bK2", "bK3").replace(to, &format!("{to};tag=guessed"));
    assert!(testbed.hears("198.51.100.7:5060", &guessed).is_empty(), "a guess does not help");
    let effects = testbed.hears("198.51.100.7:5060", &call.replace("INVITE", "CANCEL"));
    assert_eq!(status(&effects), Some(200), "{effects:?}");
}

/// A phone that has proved itself speaks for its address, and has another queue than the unauthenticated.
#[test]
fn where_a_phone_has_proved_itself_the_pace_is_higher() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let _ = registered(&mut testbed);
    let answered = |effects: Vec<Effect>| status(&effects) == Some(200);
    let from = "192.0.2.8:5060";
    let read = (0..20_000).filter(|call| answered(testbed.hears(from, &options(*call)))).count();
    assert!(read > UNAUTHENTICATED_PACE as usize && read <= PHONES_PACE as usize, "{read}");
}

/// What the loop does: it takes in all that has come, and reads when there is time.
#[test]
fn what_waits_is_read_in_the_order_of_its_standing() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let _ = registered(&mut testbed);
    let mut arrive = |from: &str, text: &str| {
        let (remote, connection) = (address(from), ConnectionId(0));
        let flow = Flow { transport: Transport::Udp, local: us(), remote, connection };
        let bytes = text.replace('\n', "\r\n");
        testbed.machine.arrive(testbed.now, flow, bytes.as_bytes())
    };
    for call in 0..3 {
        assert!(arrive("198.51.100.7:5060", &options(call)).is_empty());
    }
    assert!(arrive("198.51.100.8:5060", &options(8)).is_empty());
    assert!(arrive("192.0.2.8:5060", &options(9)).is_empty());
    assert!(testbed.machine.is_waited_for());
    let mut order = Vec::new();
    while let Some(effects) = testbed.machine.serve(testbed.now) {
        order.extend(sent(&effects).iter().map(|(to, _)| to.remote().ip().to_string()));
    }
    let unauthenticated = ["198.51.100.7", "198.51.100.8", "198.51.100.7", "198.51.100.7"];
    assert_eq!(order[0], "192.0.2.8");
    assert_eq!(order[1..], unauthenticated);
    assert!(!testbed.machine.is_waited_for());
}

#[test]
fn a_registration_is_confirmed_when_the_journal_has_it() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = registered(&mut testbed);
    assert_eq!(status(&effects), None);
    let effects = testbed.commits(awaited(&effects));
    assert_eq!(status(&effects), Some(200));
    assert_eq!(testbed.machine.status().bindings, 1);
}

/// RFC 3261 §10.3, step 7: 500, and all tentative updates are removed.
#[test]
fn a_registration_that_cannot_be_written_is_answered_500_and_taken_back() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let batch = awaited(&registered(&mut testbed));
    let effects = testbed.fails(batch.clone());
    let sent = sent(&effects);
    let [(_, Message::Response(refusal))] = &sent[..] else { panic!("a refusal: {sent:?}") };
    assert_eq!(refusal.status.as_u16(), 500);
    let after = RETRY_AFTER_UNWRITTEN.to_string();
    assert_eq!(refusal.headers.get(HeaderName::RetryAfter), Some(after.as_str()));
    assert_eq!(refusal.headers.get(HeaderName::Contact), None);
    assert_eq!(testbed.machine.status().bindings, 0);
    let effects = testbed.commits(batch);
    assert_eq!(status(&effects), None, "one answer is enough");
}

#[test]
fn a_registration_that_takes_too_long_is_refused_and_undone_should_it_be_written_after_all() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let batch = awaited(&registered(&mut testbed));
    assert!(testbed.machine.deadline().is_some_and(|at| at <= testbed.now.instant + COMMIT_MAX));
    let effects = testbed.later(COMMIT_MAX.as_secs());
    let statuses = sent(&effects).into_iter().map(|(_, message)| match message {
        Message::Response(response) => response.status.as_u16(),
        Message::Request(request) => panic!("nobody is asked: {request:?}"),
    });
    // RFC 4320 §4.1: what takes long is told so first.
    assert_eq!(statuses.collect::<Vec<_>>(), [100, 500]);
    assert_eq!(testbed.machine.status().bindings, 0);
    let undone =
        |entry: &&JournalEntry| matches!(entry, JournalEntry::Binding(BindingChange::Drop { .. }));
    assert_eq!(entries(&effects).filter(undone).count(), 1, "{effects:?}");
    assert!(batches(&effects)[0].ticket > batch.ticket, "it follows what it undoes");
    assert_eq!(status(&testbed.commits(batch)), None);
}

#[test]
fn a_refresh_that_cannot_be_written_leaves_the_registration_as_it_was() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let batch = awaited(&registered(&mut testbed));
    assert_eq!(status(&testbed.commits(batch)), Some(200));
    let _ = testbed.later(60);
    for (seq, lines) in [(10, "Expires: 7200\n"), (20, "Expires: 0\n")] {
        let batch = awaited(&registers(&mut testbed, seq, lines));
        let effects = testbed.fails(batch);
        assert_eq!(status(&effects), Some(500));
        let seq = |entry: &JournalEntry| match entry {
            JournalEntry::Binding(BindingChange::Put(binding)) => Some(binding.cseq),
            _ => None,
        };
        assert_eq!(entries(&effects).map(seq).collect::<Vec<_>>(), [Some(2)], "as before");
        assert_eq!(testbed.machine.status().bindings, 1);
    }
}

fn reply(effects: &[Effect]) -> Option<(u64, String)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Reply { id, reply } => Some((*id, format!("{reply:?}"))),
        _ => None,
    })
}

fn says(id: u64, word: &str) -> Option<(u64, String)> {
    Some((id, word.to_owned()))
}

fn add(number: &str) -> DirectoryChange {
    DirectoryChange::AddTerminal(TerminalDraft::new(Number::from(number)))
}

#[test]
fn a_change_holds_when_the_journal_has_it_and_not_before() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = testbed.asks(7, add("5001"));
    assert_eq!((reply(&effects), testbed.has("5001")), (None, false));
    let effects = testbed.commits(awaited(&effects));
    assert_eq!((reply(&effects), testbed.has("5001")), (says(7, "Done"), true));
}

#[test]
fn a_change_that_cannot_be_written_is_not_made() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let batch = awaited(&testbed.asks(7, add("5001")));
    let effects = testbed.fails(batch);
    assert_eq!((reply(&effects), testbed.has("5001")), (says(7, "Unwritten"), false));
    // The same again is no second terminal of that number.
    let batch = awaited(&testbed.asks(8, add("5001")));
    assert_eq!(reply(&testbed.commits(batch)), says(8, "Done"));
}

#[test]
fn changes_are_made_one_after_the_other() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let first = awaited(&testbed.asks(1, add("5001")));
    let effects = testbed.asks(2, add("5001"));
    assert!(batches(&effects).is_empty(), "it waits");
    let effects = testbed.commits(first);
    assert_eq!(reply(&effects), says(1, "Done"));
    let refused = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Reply { id: 2, reply: Reply::Refused(_) }));
    assert!(refused, "the second finds what the first has made: {effects:?}");
}

#[test]
fn the_time_that_a_change_waited_for_its_turn_counts() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let first = awaited(&testbed.asks(1, add("5001")));
    let _ = testbed.asks(2, add("5002"));
    let _ = testbed.later(4);
    let effects = testbed.commits(first);
    assert_eq!((reply(&effects), batches(&effects).len()), (says(1, "Done"), 1));
    assert_eq!(reply(&testbed.later(1)), says(2, "Unwritten"));
}

#[test]
fn no_more_than_so_many_changes_wait() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    for id in 0..=CHANGES_WAITING_MAX as u64 {
        assert_eq!(reply(&testbed.asks(id, add(&format!("{}", 5000 + id)))), None);
    }
    assert_eq!(reply(&testbed.asks(99, add("6000"))), says(99, "Unwritten"));
}

#[test]
fn a_change_that_is_written_after_it_was_refused_is_taken_back() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let batch = awaited(&testbed.asks(7, add("5001")));
    let effects = testbed.asks(8, add("5002"));
    assert_eq!(reply(&effects), None);
    let effects = testbed.later(5);
    let replies: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Reply { id, reply: Reply::Unwritten } => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(replies, [7, 8], "nobody waits for ever");
    let effects = testbed.commits(batch);
    let back = awaited(&effects);
    let [JournalEntry::Directory(audited)] = &back.entries[..] else { panic!("{back:?}") };
    assert!(audited.what.starts_with("taken back: terminal add 5001"), "{}", audited.what);
    assert_eq!(audited.effects, [directory::Effect::DropTerminal(Number::from("5001"))]);
    assert_eq!((reply(&effects), testbed.has("5001")), (None, false));
    // Until that is written nothing else is changed, or the order would be another.
    assert!(batches(&testbed.asks(9, add("5001"))).is_empty());
    let _ = testbed.fails(back);
    let back = awaited(&testbed.later(1));
    let next = awaited(&testbed.commits(back));
    assert_eq!(reply(&testbed.commits(next)), says(9, "Done"));
    assert!(testbed.has("5001"));
}

#[test]
fn the_log_hears_of_a_journal_that_fails_once_a_minute_and_status_says_it() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let told = |effects: &[Effect]| {
        let told = effects.iter().filter(|effect| matches!(effect, Effect::Journal(_)));
        told.count()
    };
    let batch = awaited(&registered(&mut testbed));
    let mut effects = testbed.fails(batch);
    assert_eq!(told(&effects), 1);
    for second in 1..=60 {
        for batch in batches(&effects) {
            assert_eq!(told(&testbed.fails(batch.clone())), 0);
        }
        effects = testbed.later(1);
        assert_eq!(told(&effects), usize::from(second == 60), "after {second} s");
    }
    let health = testbed.machine.status().journal;
    assert!(health.trouble.is_some(), "{health:?}");
    assert_eq!((health.refused, health.owed), (1, 1));
    let told: usize =
        batches(&effects).into_iter().map(|batch| told(&testbed.commits(batch.clone()))).sum();
    assert_eq!(told, 1, "it is over");
    let health = testbed.machine.status().journal;
    assert_eq!((health.trouble, health.owed, health.under_way), (None, 0, 0));
}

#[test]
fn what_is_owed_is_tried_once_more_at_the_end() {
    let (mut testbed, first) =
        Testbed::new(StoredState { calls: vec![open_record(7)], ..StoredState::default() });
    let batch = batches(&first)[0].clone();
    let _ = testbed.fails(batch);
    assert_eq!(testbed.machine.status().journal.owed, 1);
    let effects = testbed.machine.shut_down(testbed.now);
    assert!(
        entries(&effects)
            .any(|entry| matches!(entry, JournalEntry::Call(record) if record.call.0 == 7))
    );
}

/// A call tells of a wrong password as a registration does.
#[test]
fn a_caller_with_a_wrong_password_is_told_to_the_log() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let from = "198.51.100.7:5060";
    let effects =
        testbed.hears(from, &invite(1, "4001", CONTACT).replace("elsewhere.example", DOMAIN));
    let sent = sent(&effects);
    let [(_, Message::Response(challenge))] = &sent[..] else { panic!("a challenge: {sent:?}") };
    let challenge = challenge.headers.all(HeaderName::WwwAuthenticate);
    let challenge = Challenge::strongest(challenge).unwrap();
    let login = DigestLogin { user: "3001", password: "guess" };
    let protected = Protected { method: "INVITE", uri: "sip:4001@cordboard.local" };
    let credentials = challenge.answer(&login, &protected, &Chance { cnonce: "c", count: 1 });
    let lines = format!("{CONTACT}Authorization: {credentials}\n");
    let effects = testbed.hears(from, &invite(2, "4001", &lines));
    assert_eq!(status(&effects), Some(401));
    let told: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::WrongPassword(wrong) => Some(wrong.to_string()),
            _ => None,
        })
        .collect();
    let line = "wrong password: source=198.51.100.7 transport=UDP count=1 account=\"3001\"";
    assert_eq!(told, [line]);
}

/// The server closes a connection that nothing is on.
#[test]
fn a_registration_or_a_call_is_on_its_connection() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let flow = |port, connection| Flow {
        transport: Transport::Tcp,
        local: us(),
        remote: address(&format!("192.0.2.8:{port}")),
        connection: ConnectionId(connection),
    };
    let (phone, caller, idle) = (flow(40_001, 1), flow(40_002, 2), flow(40_003, 3));
    let hears = |testbed: &mut Testbed, flow: Flow, text: &str| {
        let bytes = text.replace("SIP/2.0/UDP", "SIP/2.0/TCP").replace('\n', "\r\n");
        testbed.machine.hear(testbed.now, flow, bytes.as_bytes())
    };
    let used = |testbed: &Testbed| {
        let is_used = testbed.machine.connections_in_use();
        [phone, caller, idle].map(|flow| is_used(&flow))
    };
    assert_eq!(used(&testbed), [false; 3]);

    let effects = hears(&mut testbed, phone, &register(1, ""));
    assert!(
        !testbed.machine.is_registered_over(phone.connection),
        "a challenge is no registration"
    );
    let credentials = credentials(&effects);
    let _ = hears(&mut testbed, phone, &register(2, &credentials));
    assert!(testbed.machine.is_registered_over(phone.connection));
    let effects = hears(&mut testbed, caller, &invite(1, "4001", CONTACT));
    assert_ne!(status(&effects), Some(503));
    assert_eq!(used(&testbed), [true, true, false]);

    let _ = testbed.machine.handle(testbed.now, Input::FlowClosed(phone));
    assert_eq!(used(&testbed), [false, true, false]);
    // The call rings in vain, and is over.
    testbed.later(31);
    testbed.later(40);
    assert_eq!(used(&testbed), [false; 3]);
}

/// RFC 3891: who knows the name of a call does not get a place in it.
#[test]
fn nobody_takes_a_place_in_a_call_by_replaces() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = testbed.hears("198.51.100.7:5060", &invite(1, "4001", CONTACT));
    let sent = sent(&effects);
    let call = sent.iter().find_map(|(_, message)| match message {
        Message::Request(request) => Some(request),
        Message::Response(_) => None,
    });
    let call = call.unwrap();
    let header = |name| call.headers.get(name).unwrap();
    let (from, call_id) = (header(HeaderName::From), header(HeaderName::CallId));
    let tag = call.headers.from_tag().unwrap();
    let ringing = format!(
        "SIP/2.0 180 Ringing
Via: {}
From: {from}
To: <sip:4001@cordboard.local>;tag=t
Call-ID: {call_id}
CSeq: {}
Contact: <sip:4001@192.0.2.9>
Content-Length: 0

",
        header(HeaderName::Via),
        header(HeaderName::CSeq),
    );
    let _ = testbed.hears("192.0.2.9:5060", &ringing);
    let replaces = format!("{CONTACT}Replaces: {call_id};to-tag={tag};from-tag=t\n");
    let effects = testbed.hears("198.51.100.8:5060", &invite(2, "4001", &replaces));
    assert_eq!(status(&effects), Some(603));
    let unknown = format!("{CONTACT}Replaces: nothing;to-tag={tag};from-tag=t\n");
    let effects = testbed.hears("198.51.100.8:5060", &invite(3, "4001", &unknown));
    assert_eq!(status(&effects), Some(481));
    // RFC 3891 §3: a name that is not whole, and two of them.
    let twice = format!("Replaces: {call_id};to-tag={tag};from-tag=t, x;to-tag=1;from-tag=2\n");
    for (call, wrong) in [(4, format!("Replaces: {call_id}\n")), (5, twice)] {
        let text = invite(call, "4001", &format!("{CONTACT}{wrong}"));
        assert_eq!(status(&testbed.hears("198.51.100.8:5060", &text)), Some(400), "{wrong}");
    }
}

/// A method that means nothing here is answered once for all, so that phones do not ask again.
#[test]
fn what_no_dialog_knows_gets_an_honest_answer() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let mut ask = |call: u64, method: &str, extra: &str| {
        let text = invite(call, "4001", extra).replace("INVITE", method);
        let sent = sent(&testbed.hears("198.51.100.8:5060", &text));
        let [(_, Message::Response(response))] = &sent[..] else { panic!("{method}: {sent:?}") };
        let header = |name| response.headers.get(name).unwrap_or_default().to_owned();
        let said = [HeaderName::AllowEvents, HeaderName::Unsupported].map(header).concat();
        (response.status.as_u16(), said)
    };
    let says = |status: u16, said: &str| (status, said.to_owned());
    for (call, event) in (1..).zip(["message-summary", "reg", "dialog", "presence", "ua-profile"]) {
        let event = format!("Event: {event}\nExpires: 3600\n{CONTACT}");
        assert_eq!(ask(call, "SUBSCRIBE", &event), says(489, "refer"));
    }
    assert_eq!(ask(11, "PUBLISH", "Event: presence\n"), says(489, "refer"));
    assert_eq!(ask(12, "NOTIFY", "Event: keep-alive\n"), says(481, ""));
    assert_eq!(ask(13, "REFER", "Refer-To: <sip:4001@cordboard.local>\n"), says(603, ""));
    assert_eq!(ask(14, "OPTIONS", ""), says(200, "refer"));
    assert_eq!(ask(15, "OPTIONS", "Require: replaces, Path\n"), says(200, "refer"));
    let lacks = "Require: 100rel, sec-agree\nRequire: x-nonsense\n";
    assert_eq!(ask(16, "OPTIONS", lacks), says(420, "sec-agree, x-nonsense"));
    assert_eq!(ask(17, "MESSAGE", ""), says(405, ""));
}

// ---- hops ----

fn hops_of(message: &Message) -> Option<u8> {
    message.headers().max_forwards().unwrap()
}

/// RFC 3261 §16.3 step 3: whatever it asks, it has come too far.
#[test]
fn what_has_come_too_far_gets_483() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    for (n, method) in ["INVITE", "OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE"].iter().enumerate()
    {
        let request = |hops| {
            let text = invite(n as u64, "4001", CONTACT).replace("INVITE", method);
            text.replace("Max-Forwards: 70", hops)
        };
        let effects = testbed.hears("198.51.100.7:5060", &request("Max-Forwards: 0"));
        assert_eq!(status(&effects), Some(483), "{method}");
        assert!(testbed.machine.is_quiet(), "{method}");
    }
    let options = invite(9, "4001", CONTACT).replace("INVITE", "OPTIONS");
    let effects = testbed.hears("198.51.100.7:5060", &options.replace("wards: 70", "wards: 1"));
    assert_eq!(status(&effects), Some(200), "it has just arrived");
}

#[test]
fn an_invite_goes_on_with_one_hop_less() {
    for (incoming, outgoing) in [
        ("Max-Forwards: 70\n", 69),
        ("Max-Forwards: 7\n", 6),
        ("Max-Forwards: 1\n", 0),
        ("Max-Forwards: 255\n", 69),
        ("", 69),
    ] {
        let (mut testbed, _) = Testbed::new(StoredState::default());
        let invite = invite(1, "4001", CONTACT).replace("Max-Forwards: 70\n", incoming);
        let effects = testbed.hears("198.51.100.7:5060", &invite);
        let onward = sent(&effects).into_iter().find_map(|(_, message)| match message {
            Message::Request(_) => hops_of(&message),
            Message::Response(_) => None,
        });
        assert_eq!(onward, Some(outgoing), "{incoming:?}");
    }
}

/// The CPU time of this thread, in milliseconds.
fn cpu_ms() -> i64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    used.tv_sec * 1_000 + used.tv_nsec / 1_000_000
}

/// Two switchboards that have each other as their trunk for the same numbers: the call that nobody
/// takes ends, and at once.
#[test]
fn a_circle_of_two_trunks_ends_within_70_hops() {
    let (one, other) = ("192.0.2.1:5060", "192.0.2.77:5060");
    // To each the other is at the address of its trunk.
    let mut houses =
        [0, 1].map(|_| Testbed::with(StoredState::default(), vec![trunk("other", &[other])]).0);
    let first = invite(1, "0123", CONTACT);
    let mut wire = VecDeque::from([(0, "198.51.100.7:5060".to_owned(), first.into_bytes())]);
    let (mut invites, mut answers) = (vec![], vec![]);
    let before = cpu_ms();
    while let Some((to, from, bytes)) = wire.pop_front() {
        let flow = Flow {
            transport: Transport::Udp,
            local: address(one),
            remote: address(&from),
            connection: ConnectionId(0),
        };
        let testbed: &mut Testbed = &mut houses[to];
        for effect in testbed.machine.hear(testbed.now, flow, &bytes) {
            let Effect::Send { to: destination, bytes } = effect else { continue };
            let message = sip::parse(&bytes).unwrap();
            if destination.remote() == address(other) {
                if matches!(&message, Message::Request(request) if request.method.as_str() == "INVITE")
                {
                    invites.extend(hops_of(&message));
                }
                wire.push_back((1 - to, other.to_owned(), bytes));
            } else if let Message::Response(response) = message {
                answers.push(response.status.as_u16());
            }
        }
    }
    let spent = cpu_ms() - before;
    let counted_down: Vec<u8> = (0..70).rev().collect();
    assert_eq!(invites, counted_down);
    assert_eq!(answers, [482], "the caller hears that it is a circle");
    for testbed in &mut houses {
        testbed.later(40);
        assert!(testbed.machine.is_quiet(), "nothing is left of 70 calls");
    }
    // Measured: 60 ms in a debug build.
    assert!(spent <= if cfg!(debug_assertions) { 500 } else { 100 }, "{spent} ms of CPU");
}

// ---- names ----

fn questions(effects: &[Effect]) -> Vec<String> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Resolve(question) => Some(question.to_string()),
        _ => None,
    });
    asked.collect()
}

impl Testbed {
    fn learns(&mut self, question: Question, records: Option<Records>) -> Vec<Effect> {
        let answer = match records {
            Some(records) => DnsAnswer::Found { records, ttl: Duration::from_secs(60) },
            None => DnsAnswer::Absent { ttl: None },
        };
        self.machine.handle(self.now, Input::Resolved { question, answer })
    }

    fn learns_addresses(&mut self, name: &str, addresses: &[&str]) -> Vec<Effect> {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.learns(Question::Addresses(name.into()), Some(Records::Addresses(addresses)))
    }

    /// Nothing can be carried there: neither over TCP, which a long INVITE asks for, nor over UDP.
    fn is_away(&mut self, server: &str) -> Vec<Effect> {
        let remote = address(server);
        let fails = |transport| Input::TransportFailed(Destination::Address { transport, remote });
        let _ = self.machine.handle(self.now, fails(Transport::Tcp));
        self.machine.handle(self.now, fails(Transport::Udp))
    }

    fn trusts(&self, source: &str) -> bool {
        self.machine.directory().plan().trunk_from(address(source), Transport::Udp).is_some()
    }
}

/// Where the only INVITE among the effects goes, and its Request-URI.
fn invited(effects: &[Effect]) -> (String, String, Message) {
    let sent = sent(effects);
    let mut invites = sent.into_iter().filter_map(|(to, message)| match &message {
        Message::Request(request) if request.method.as_str() == "INVITE" => {
            let way = format!("{} {}", to.transport(), to.remote());
            Some((way, request.uri.to_string(), message))
        }
        _ => None,
    });
    let invite = invites.next().unwrap();
    assert_eq!(invites.next(), None);
    invite
}

#[test]
fn a_trunk_is_trusted_where_its_name_leads_and_nowhere_else() {
    let (mut testbed, first) = Testbed::with(
        StoredState::default(),
        vec![trunk("carrier", &["sip.carrier.example:5060"])],
    );
    assert_eq!(questions(&first), ["A sip.carrier.example"]);
    assert_eq!(testbed.machine.status().unresolved, [] as [&str; 0], "the answer is on its way");
    assert!(!testbed.trusts("192.0.2.50:5060"));
    let effects = testbed.learns_addresses("sip.carrier.example", &["192.0.2.50"]);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Located { .. })));
    assert!(testbed.trusts("192.0.2.50:5060") && !testbed.trusts("192.0.2.50:5061"));
    testbed.now = testbed.now + Duration::from_secs(60);
    let effects = testbed.machine.tick(testbed.now);
    assert_eq!(questions(&effects), ["A sip.carrier.example"]);
    let _ = testbed.learns_addresses("sip.carrier.example", &["192.0.2.51"]);
    assert!(!testbed.trusts("192.0.2.50:5060") && testbed.trusts("192.0.2.51:5060"));
}

#[test]
fn a_name_that_leads_nowhere_is_shown_and_its_trunk_cannot_be_called() {
    let (mut testbed, _) = Testbed::with(
        StoredState::default(),
        vec![trunk("carrier", &["sip.carrier.example:5060"])],
    );
    let _ = testbed.learns(Question::Addresses("sip.carrier.example".into()), None);
    let unresolved = testbed.machine.status().unresolved;
    assert_eq!(unresolved, ["trunk carrier: sip.carrier.example:5060"]);
    let effects = testbed.hears("198.51.100.7:5060", &invite(1, "0551", CONTACT));
    assert_eq!(status(&effects), Some(480));
}

/// RFC 3263 §4.3: before anybody has answered, the next server is tried.
#[test]
fn a_server_that_cannot_be_reached_or_has_no_room_is_not_the_last_word() {
    let (mut testbed, _) =
        Testbed::with(StoredState::default(), vec![trunk("carrier", &["carrier.example"])]);
    let _ = testbed.learns(Question::Naptr("carrier.example".into()), None);
    let server = |priority: u16| Srv {
        priority,
        weight: 0,
        port: 5060 + priority,
        target: format!("s{priority}.carrier.example"),
    };
    let servers = Records::Srv([1, 2, 3].map(server).into());
    let _ = testbed.learns(Question::Srv("_sip._tcp.carrier.example".into()), None);
    let _ = testbed.learns(Question::Srv("_sip._udp.carrier.example".into()), Some(servers));
    for (name, ip) in [("s1", "192.0.2.51"), ("s2", "192.0.2.52"), ("s3", "192.0.2.53")] {
        let _ = testbed.learns_addresses(&format!("{name}.carrier.example"), &[ip]);
    }
    let effects = testbed.hears("198.51.100.7:5060", &invite(1, "0551", CONTACT));
    let (to, uri, _) = invited(&effects);
    assert_eq!((to.as_str(), uri.as_str()), ("TCP 192.0.2.51:5061", "sip:0551@carrier.example"));
    let (to, _, second) = invited(&testbed.is_away("192.0.2.51:5061"));
    assert_eq!(to, "TCP 192.0.2.52:5062");
    let Message::Request(request) = second else { panic!("it is an INVITE") };
    let full = request.response(sip::StatusCode::SERVICE_UNAVAILABLE);
    let mut bytes = Vec::new();
    sip::print(&full.into(), &mut bytes);
    let full = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    let effects = testbed.hears("192.0.2.52:5062", &full);
    assert_eq!(status(&effects), None, "the caller waits");
    let (to, ..) = invited(&effects);
    assert_eq!(to, "TCP 192.0.2.53:5063");
    // The last one is the last word.
    assert_eq!(status(&testbed.is_away("192.0.2.53:5063")), Some(480));
}

/// A server that says nothing at all is away, too: the caller need not wait for timer B.
#[test]
fn a_server_that_is_silent_gives_way_to_the_next() {
    let addresses = ["203.0.113.5", "203.0.113.6"];
    let (mut testbed, _) =
        Testbed::with(StoredState::default(), vec![trunk("carrier", &addresses)]);
    let effects = testbed.hears("198.51.100.7:5060", &invite(1, "0551", CONTACT));
    let (to, ..) = invited(&effects);
    assert_eq!(to, "TCP 203.0.113.5:5060");
    for _ in 0..3 {
        let copies = sent(&testbed.later(1));
        assert!(copies.iter().all(|(to, _)| to.remote().to_string() == "203.0.113.5:5060"));
    }
    let mut asked = Vec::new();
    for _ in 0..2 {
        let invites = sent(&testbed.later(1)).into_iter().filter(|(_, message)| {
            matches!(message, Message::Request(request) if request.method == sip::Method::INVITE)
        });
        asked.extend(invites.map(|(to, _)| to.remote().to_string()));
    }
    assert!(asked.contains(&"203.0.113.6:5060".to_owned()), "{asked:?}");
}

// ---- unauthenticated calls are counted ----

fn records(effects: &[Effect]) -> usize {
    entries(effects).filter(|entry| matches!(entry, JournalEntry::Call(_))).count()
}

/// What nobody vouches for leaves two figures, and no byte on the disk.
#[test]
fn refused_unauthenticated_calls_are_counted_by_cause_and_source() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    for call in 0..30 {
        let effects = testbed.hears("198.51.100.7:5060", &invite(call, "4999", CONTACT));
        assert_eq!(records(&effects), 0);
    }
    // No Contact, so nobody could hang up.
    let _ = testbed.hears("198.51.100.8:5060", &invite(40, "4001", ""));
    // Nobody is at a desk: it hears so, and then it is over.
    let mut effects = testbed.hears("198.51.100.8:5060", &invite(31, "9000", CONTACT));
    testbed.now = testbed.now + Duration::from_secs(5);
    effects.extend(testbed.machine.tick(testbed.now));
    assert_eq!(records(&effects), 0);
    let statuses: Vec<_> = sent(&effects)
        .iter()
        .filter_map(|(_, message)| match message {
            Message::Response(response) => Some(response.status.as_u16()),
            Message::Request(_) => None,
        })
        .collect();
    assert_eq!(statuses.last(), Some(&480));
    let refused = testbed.machine.status().refused;
    let causes = [("503", 10), ("no-operator", 1), ("unanswerable", 1), ("unknown-number", 20)];
    assert_eq!(refused.causes, causes.map(|(cause, count)| (cause.to_owned(), count)).into());
    let sources = [("198.51.100.7", 30), ("198.51.100.8", 2)];
    assert_eq!(refused.sources, sources.map(|(ip, count)| (ip.parse().unwrap(), count)));
}

#[test]
fn a_trunks_refused_call_has_its_record() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = testbed.hears("203.0.113.5:5060", &invite(1, "4999", CONTACT));
    assert_eq!((status(&effects), records(&effects)), (Some(404), 1));
    assert_eq!(testbed.machine.status().refused, Default::default());
}

/// A circle that something of ours runs in, or an autodialler gone wild.
#[test]
fn calls_of_one_trunk_have_a_rate() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    for call in 0..u64::from(TRUNK_CALLS_PER_SECOND_MAX) {
        let effects = testbed.hears("203.0.113.5:5060", &invite(call, "4999", CONTACT));
        assert_eq!(status(&effects), Some(404));
    }
    let effects = testbed.hears("203.0.113.5:5060", &invite(1_000, "4999", CONTACT));
    let sent = sent(&effects);
    let [(_, Message::Response(refusal))] = &sent[..] else { panic!("only a refusal: {sent:?}") };
    assert_eq!(refusal.status.as_u16(), 503);
    assert!(refusal.headers.contains(HeaderName::RetryAfter));
    testbed.later(1);
    let effects = testbed.hears("203.0.113.5:5060", &invite(1_001, "4999", CONTACT));
    assert_eq!(status(&effects), Some(404));
}

// ---- texts ----

/// What a caller calls itself goes onward, is kept and shown no longer than its limit.
#[test]
fn a_long_display_name_is_cut_and_a_long_number_is_nobodys() {
    let display = "\u{e4}".repeat(300);
    for (from, number, name) in [
        (format!("\"{display}\" <sip:0123@gw.example>"), "0123", "\u{e4}".repeat(64)),
        (format!("<sip:{}@gw.example>", "1".repeat(32)), &"1".repeat(32), String::new()),
        (format!("<sip:{}@gw.example>", "1".repeat(33)), "anonymous", String::new()),
    ] {
        let (mut testbed, _) = Testbed::new(StoredState::default());
        let invite = invite(1, "4001", CONTACT).replace("<sip:eve@elsewhere.example>", &from);
        let effects = testbed.hears("203.0.113.5:5060", &invite);
        let onward = sent(&effects).into_iter().find_map(|(_, message)| match message {
            Message::Request(request) => Some(request.headers.from().unwrap()),
            Message::Response(_) => None,
        });
        let onward = onward.expect("the phone is called");
        assert_eq!(onward.uri.user().as_deref(), Some(number), "{from}");
        if number != "anonymous" {
            assert_eq!(onward.display.unwrap_or_default(), name);
        }
        let kept = entries(&effects).filter_map(|entry| match entry {
            JournalEntry::Call(record) => Some(record),
            _ => None,
        });
        let kept = kept.last();
        let kept = kept.expect("a trunk's call is kept");
        assert_eq!((kept.caller.as_str(), kept.caller_name.as_str()), (number, name.as_str()));
    }
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let long = "1".repeat(33);
    let effects = testbed.hears("203.0.113.5:5060", &invite(1, &long, CONTACT));
    assert_eq!((status(&effects), records(&effects)), (Some(404), 0), "that is no number");
}
