//! The whole exchange, bytes in and bytes out: what restarts, strangers and a failing journal meet.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::acd;
use cordboard::cause::Cause;
use cordboard::dialog::{self, DialogKey, StoredDialog};
use cordboard::directory::{
    Accounts, NumberingPlan, Operator, OperatorMode, Secret, Srtp, Terminal, Trunk, patent_levels,
};
use cordboard::exchange::journal::{Entry, State, StoredDesk};
use cordboard::exchange::{
    CALLS_PER_SECOND_MAX, Effect, Input, Machine, OPEN_CALLS_MAX, PRUNE_INTERVAL, RETRY_AFTER,
    Retention, Settings,
};
use cordboard::ids::{CallId, ConnectionId, LevelId, Number, OperatorId, PortId, QueueId, Ticket};
use cordboard::leg;
use cordboard::locator::{Answer, Question, Records, Srv};
use cordboard::media::LobbyId;
use cordboard::presence;
use cordboard::random::Random;
use cordboard::registrar;
use cordboard::sip::digest::{Challenge, Chance, Login, Protected};
use cordboard::sip::{self, Destination, Flow, HeaderName, Message, NameAddr, Transport, Uri};
use cordboard::switchboard::call_record::{CallRecord, EndedBy};
use cordboard::switchboard::{self, AnsweredBy, OnRefusal, QueueSettings, Recorded};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use cordboard::transaction;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

const DOMAIN: &str = "cordboard.local";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn us() -> SocketAddr {
    address("192.0.2.1:5060")
}

fn settings() -> Settings {
    let advertise = BTreeMap::from([(Transport::Udp, us()), (Transport::Tcp, us())]);
    let queue = QueueSettings {
        number: Number::from("9000"),
        answer: AnsweredBy::Queue,
        ring_time: Duration::from_secs(20),
        camera: None,
        record: Recorded::Never,
        record_pauses: true,
        lobby: LobbyId::HOUSE,
        announcements: BTreeMap::new(),
    };
    let waiting = acd::QueueSettings {
        id: QueueId::from("main"),
        waiting_max: 100,
        wait_max: None,
        overflow: None,
        grace: Duration::from_secs(10),
    };
    Settings {
        guests: true,
        addresses: vec![us()],
        retention: Retention::default(),
        transaction: transaction::Settings { advertise: advertise.clone(), ..Default::default() },
        registrar: registrar::Settings::default(),
        leg: leg::Settings {
            domain: DOMAIN.into(),
            media_address: Some(us().ip()),
            own_address: us().ip(),
            port_rest: Duration::from_secs(5),
            dialog: dialog::Settings { advertise, ..Default::default() },
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
    let mut levels = patent_levels();
    for level in &mut levels {
        level.admits.insert(LevelId::from("B"));
    }
    Accounts {
        terminals: vec![terminal, door],
        levels: levels.into(),
        permits: vec![],
        operators: vec![Operator {
            name: OperatorId::from("op1"),
            phone: Number::from("3001"),
            phones: Default::default(),
            queues: Default::default(),
            mode: OperatorMode::Desk,
            secret: None,
        }],
    }
}

/// A gateway at 203.0.113.5.
struct House {
    machine: Machine,
    now: Now,
}

fn trunk(name: &str, address: &str) -> Trunk {
    Trunk {
        name: name.into(),
        addresses: vec![address.parse().unwrap()],
        level: LevelId::from("B"),
        prefixes: vec!["0".into()],
        srtp: Srtp::Optional,
    }
}

impl House {
    fn new(state: State) -> (Self, Vec<Effect>) {
        Self::with(state, vec![trunk("carrier", "203.0.113.5")])
    }

    fn with(state: State, trunks: Vec<Trunk>) -> (Self, Vec<Effect>) {
        let now = Now { instant: Instant::START, unix: UnixTime::from_secs(1_795_000_000) };
        let plan = NumberingPlan {
            realm: DOMAIN.into(),
            addresses: vec![us().ip()],
            queues: [(Number::from("9000"), QueueId::from("main"))].into(),
            trunks,
            cameras: vec![],
            external: LevelId::from("B"),
        };
        let state = State { accounts: accounts(), ..state };
        let random = Random::from_number(1);
        let (machine, first) = Machine::new(now, settings(), plan, state, random);
        let mut house = Self { machine, now };
        let ports = (20_000..21_000).step_by(2).map(PortId).collect();
        let _ = house.machine.handle(now, Input::Ports(ports));
        (house, first)
    }

    fn hears(&mut self, from: &str, text: &str) -> Vec<Effect> {
        let remote = address(from);
        let connection = ConnectionId(0);
        let flow = Flow { transport: Transport::Udp, local: us(), remote, connection };
        let bytes = text.replace('\n', "\r\n");
        self.machine.handle(self.now, Input::Sip { flow, bytes: bytes.as_bytes() })
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        let _ = self.machine.tick(self.now);
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

fn ticket(effects: &[Effect]) -> Option<Ticket> {
    effects.iter().find_map(|effect| match effect {
        Effect::Store { ticket, .. } => *ticket,
        _ => None,
    })
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

/// operator-desk.md: after a restart each stored control dialog gets BYE with Reason.
/// However quiet the house is; what is old by then is the journal's affair.
#[test]
fn every_minute_the_journal_is_told_what_has_been_kept_long_enough() {
    let (mut house, _) = House::new(State::default());
    let Retention { keep, keep_max } = Retention::default();
    for _ in 0..3 {
        house.now = house.now + PRUNE_INTERVAL;
        assert_eq!(house.machine.deadline(), Some(house.now.instant));
        let effects = house.machine.tick(house.now);
        let [Effect::Store { entry: Entry::Prune(prune), ticket: None }] = &effects[..] else {
            panic!("{effects:?}");
        };
        assert_eq!((prune.before, prune.keep_max), (house.now.unix - keep, keep_max));
        assert_eq!(prune.results_before, house.now.unix - Duration::from_secs(600));
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
    let (mut house, first) =
        House::new(State { desks: vec![desk], calls, next_call: 9, ..State::default() });
    let sent = sent(&first);
    let [(to, Message::Request(bye))] = &sent[..] else { panic!("one BYE: {sent:?}") };
    assert_eq!((*to, bye.method.as_str(), bye.headers.call_id()), (hop, "BYE", Ok("c1")));
    assert!(bye.headers.get(HeaderName::Reason).unwrap().contains("restart"));
    let dropped = |effect: &&Effect| matches!(effect, Effect::Store { entry: Entry::DropDesk(dropped), .. } if *dropped == key);
    assert_eq!(first.iter().filter(dropped).count(), 1);
    let ended = first.iter().filter_map(|effect| match effect {
        Effect::Store { entry: Entry::Call(record), .. } => {
            Some((record.call.0, record.ended.unwrap().cause, record.ended.unwrap().by))
        }
        _ => None,
    });
    let interrupted = |call| (call, Cause::Interrupted, EndedBy::Server);
    assert_eq!(ended.collect::<Vec<_>>(), [interrupted(7), interrupted(8)]);
    // Nobody waits for the answer, and nothing is left when none comes.
    house.later(40);
    assert!(house.machine.is_quiet());
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
    let (mut house, _) = House::new(State::default());
    let ours =
        ["cordboard.local", "CordBoard.LOCAL", "cordboard.local.", "192.0.2.1", "192.0.2.1:5070"];
    let others = ["elsewhere.example", "cordboard.local.evil", "192.0.2.2"];
    for (call, host) in (1..).zip(ours.iter().chain(&others)) {
        let text =
            invite(call, "4001", CONTACT).replace("eve@elsewhere.example", &format!("3001@{host}"));
        let challenged = status(&house.hears("198.51.100.7:5060", &text)) == Some(401);
        assert_eq!(challenged, ours.contains(host), "{host}");
    }
}

/// Behind a NAT or an alias we are called by names that we do not know ourselves.
#[test]
fn a_call_that_comes_here_is_for_us_by_whatever_name() {
    let (mut house, _) = House::new(State::default());
    let text =
        invite(1, "4001", CONTACT).replace("4001@cordboard.local SIP", "4001@203.0.113.99 SIP");
    let effects = house.hears("198.51.100.7:5060", &text);
    assert_ne!(status(&effects), Some(404));
}

/// RFC 5039: before any phone rings.
#[test]
fn a_stranger_in_a_hurry_gets_503_and_no_phone_rings() {
    let (mut house, _) = House::new(State::default());
    for call in 0..u64::from(CALLS_PER_SECOND_MAX) {
        let effects = house.hears("198.51.100.7:5060", &invite(call, "4001", CONTACT));
        assert_ne!(status(&effects), Some(503));
    }
    let effects = house.hears("198.51.100.7:5060", &invite(1_000, "4001", CONTACT));
    let sent = sent(&effects);
    let [(_, Message::Response(refusal))] = &sent[..] else { panic!("only a refusal: {sent:?}") };
    assert_eq!(refusal.status.as_u16(), 503);
    let retry = RETRY_AFTER.to_string();
    assert_eq!(refusal.headers.get(HeaderName::RetryAfter), Some(retry.as_str()));
    let effects = house.hears("198.51.100.8:5060", &invite(1_001, "4001", CONTACT));
    assert_ne!(status(&effects), Some(503), "its neighbour is innocent");
}

/// What 4001's phone is told of a guest with this From (R1.5).
fn shown_at_the_phone(from: &str) -> NameAddr {
    let (mut house, _) = House::new(State::default());
    let invite = invite(1, "4001", CONTACT);
    let invite = invite.replace("<sip:eve@elsewhere.example>", from);
    let effects = house.hears("198.51.100.7:5060", &invite);
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
fn a_stranger_has_so_many_calls_open_and_no_more() {
    let (mut house, _) = House::new(State::default());
    let mut refused = 0;
    for call in 0..OPEN_CALLS_MAX as u64 + 3 {
        if call.is_multiple_of(u64::from(CALLS_PER_SECOND_MAX)) {
            house.later(1);
        }
        let effects = house.hears("198.51.100.7:5060", &invite(call, "4001", CONTACT));
        refused += u32::from(status(&effects) == Some(503));
    }
    assert_eq!(refused, 3);
    // All ring in vain, and are over.
    house.later(31);
    house.later(1);
    let effects = house.hears("198.51.100.7:5060", &invite(1_000, "4001", CONTACT));
    assert_ne!(status(&effects), Some(503));
}

#[test]
fn an_invite_that_is_refused_unseen_leaves_nothing_behind() {
    let (mut house, _) = House::new(State::default());
    let effects = house.hears("198.51.100.7:5060", &invite(1, "4001", ""));
    assert_eq!(status(&effects), Some(400));
    assert!(house.machine.is_quiet());
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

fn registered(house: &mut House) -> Vec<Effect> {
    let effects = house.hears("192.0.2.8:5060", &register(1, ""));
    let sent = sent(&effects);
    let [(_, Message::Response(challenge))] = &sent[..] else { panic!("a challenge: {sent:?}") };
    let challenge = challenge.headers.all(HeaderName::WwwAuthenticate);
    let challenge = Challenge::strongest(challenge).unwrap();
    let login = Login { user: "3001", password: "secret" };
    let protected = Protected { method: "REGISTER", uri: "sip:cordboard.local" };
    let chance = Chance { cnonce: "c", count: 1 };
    let credentials = challenge.answer(&login, &protected, &chance);
    house.hears("192.0.2.8:5060", &register(2, &format!("Authorization: {credentials}\n")))
}

#[test]
fn a_registration_is_confirmed_when_the_journal_has_it() {
    let (mut house, _) = House::new(State::default());
    let effects = registered(&mut house);
    assert_eq!(status(&effects), None);
    let ticket = ticket(&effects).unwrap();
    let effects = house.machine.handle(house.now, Input::Committed(ticket));
    assert_eq!(status(&effects), Some(200));
}

#[test]
fn a_registration_that_cannot_be_written_is_answered_500() {
    let (mut house, _) = House::new(State::default());
    let effects = registered(&mut house);
    let ticket = ticket(&effects).unwrap();
    let effects = house.machine.excuse(house.now, ticket).unwrap();
    assert_eq!(status(&effects), Some(500));
    let effects = house.machine.handle(house.now, Input::Committed(ticket));
    assert_eq!(status(&effects), None, "one answer is enough");
}

/// A call tells of a wrong password as a registration does.
#[test]
fn a_caller_with_a_wrong_password_is_told_to_the_log() {
    let (mut house, _) = House::new(State::default());
    let from = "198.51.100.7:5060";
    let effects =
        house.hears(from, &invite(1, "4001", CONTACT).replace("elsewhere.example", DOMAIN));
    let sent = sent(&effects);
    let [(_, Message::Response(challenge))] = &sent[..] else { panic!("a challenge: {sent:?}") };
    let challenge = challenge.headers.all(HeaderName::WwwAuthenticate);
    let challenge = Challenge::strongest(challenge).unwrap();
    let login = Login { user: "3001", password: "guess" };
    let protected = Protected { method: "INVITE", uri: "sip:4001@cordboard.local" };
    let credentials = challenge.answer(&login, &protected, &Chance { cnonce: "c", count: 1 });
    let lines = format!("{CONTACT}Authorization: {credentials}\n");
    let effects = house.hears(from, &invite(2, "4001", &lines));
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

/// RFC 3891: who knows the name of a call does not get a place in it.
#[test]
fn nobody_takes_a_place_in_a_call_by_replaces() {
    let (mut house, _) = House::new(State::default());
    let effects = house.hears("198.51.100.7:5060", &invite(1, "4001", CONTACT));
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
    let _ = house.hears("192.0.2.9:5060", &ringing);
    let replaces = format!("{CONTACT}Replaces: {call_id};to-tag={tag};from-tag=t\n");
    let effects = house.hears("198.51.100.8:5060", &invite(2, "4001", &replaces));
    assert_eq!(status(&effects), Some(603));
    let unknown = format!("{CONTACT}Replaces: nothing;to-tag={tag};from-tag=t\n");
    let effects = house.hears("198.51.100.8:5060", &invite(3, "4001", &unknown));
    assert_eq!(status(&effects), Some(481));
}

// ---- hops ----

fn hops_of(message: &Message) -> Option<u8> {
    message.headers().max_forwards().unwrap()
}

/// RFC 3261 §16.3 step 3: whatever it asks, it has come too far.
#[test]
fn what_has_come_too_far_gets_483() {
    let (mut house, _) = House::new(State::default());
    for (n, method) in ["INVITE", "OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE"].iter().enumerate()
    {
        let request = |hops| {
            let text = invite(n as u64, "4001", CONTACT).replace("INVITE", method);
            text.replace("Max-Forwards: 70", hops)
        };
        let effects = house.hears("198.51.100.7:5060", &request("Max-Forwards: 0"));
        assert_eq!(status(&effects), Some(483), "{method}");
        assert!(house.machine.is_quiet(), "{method}");
    }
    let options = invite(9, "4001", CONTACT).replace("INVITE", "OPTIONS");
    let effects = house.hears("198.51.100.7:5060", &options.replace("wards: 70", "wards: 1"));
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
        let (mut house, _) = House::new(State::default());
        let invite = invite(1, "4001", CONTACT).replace("Max-Forwards: 70\n", incoming);
        let effects = house.hears("198.51.100.7:5060", &invite);
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
    let mut houses = [0, 1].map(|_| House::with(State::default(), vec![trunk("other", other)]).0);
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
        let house: &mut House = &mut houses[to];
        for effect in house.machine.handle(house.now, Input::Sip { flow, bytes: &bytes }) {
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
    for house in &mut houses {
        house.later(40);
        assert!(house.machine.is_quiet(), "nothing is left of 70 calls");
    }
    // A release build takes a tenth of this.
    assert!(spent <= if cfg!(debug_assertions) { 1_000 } else { 100 }, "{spent} ms of CPU");
}

// ---- names ----

fn questions(effects: &[Effect]) -> Vec<String> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Resolve(question) => Some(question.to_string()),
        _ => None,
    });
    asked.collect()
}

impl House {
    fn learns(&mut self, question: Question, records: Option<Records>) -> Vec<Effect> {
        let answer = match records {
            Some(records) => Answer::Found { records, ttl: Duration::from_secs(60) },
            None => Answer::Absent { ttl: None },
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
        self.machine.directory().plan().trunk_from(address(source)).is_some()
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
    let (mut house, first) =
        House::with(State::default(), vec![trunk("carrier", "sip.carrier.example:5060")]);
    assert_eq!(questions(&first), ["A sip.carrier.example"]);
    assert_eq!(house.machine.status().unresolved, [] as [&str; 0], "the answer is on its way");
    assert!(!house.trusts("192.0.2.50:5060"));
    let effects = house.learns_addresses("sip.carrier.example", &["192.0.2.50"]);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Located { .. })));
    assert!(house.trusts("192.0.2.50:5060") && !house.trusts("192.0.2.50:5061"));
    house.now = house.now + Duration::from_secs(60);
    let effects = house.machine.tick(house.now);
    assert_eq!(questions(&effects), ["A sip.carrier.example"]);
    let _ = house.learns_addresses("sip.carrier.example", &["192.0.2.51"]);
    assert!(!house.trusts("192.0.2.50:5060") && house.trusts("192.0.2.51:5060"));
}

#[test]
fn a_name_that_leads_nowhere_is_shown_and_its_trunk_cannot_be_called() {
    let (mut house, _) =
        House::with(State::default(), vec![trunk("carrier", "sip.carrier.example:5060")]);
    let _ = house.learns(Question::Addresses("sip.carrier.example".into()), None);
    let unresolved = house.machine.status().unresolved;
    assert_eq!(unresolved, ["trunk carrier: sip.carrier.example:5060"]);
    let effects = house.hears("198.51.100.7:5060", &invite(1, "0551", CONTACT));
    assert_eq!(status(&effects), Some(480));
}

/// RFC 3263 §4.3: before anybody has answered, the next server is tried.
#[test]
fn a_server_that_cannot_be_reached_or_has_no_room_is_not_the_last_word() {
    let (mut house, _) = House::with(State::default(), vec![trunk("carrier", "carrier.example")]);
    let _ = house.learns(Question::Naptr("carrier.example".into()), None);
    let server = |priority: u16| Srv {
        priority,
        weight: 0,
        port: 5060 + priority,
        target: format!("s{priority}.carrier.example"),
    };
    let servers = Records::Srv([1, 2, 3].map(server).into());
    let _ = house.learns(Question::Srv("_sip._tcp.carrier.example".into()), None);
    let _ = house.learns(Question::Srv("_sip._udp.carrier.example".into()), Some(servers));
    for (name, ip) in [("s1", "192.0.2.51"), ("s2", "192.0.2.52"), ("s3", "192.0.2.53")] {
        let _ = house.learns_addresses(&format!("{name}.carrier.example"), &[ip]);
    }
    let effects = house.hears("198.51.100.7:5060", &invite(1, "0551", CONTACT));
    let (to, uri, _) = invited(&effects);
    assert_eq!((to.as_str(), uri.as_str()), ("TCP 192.0.2.51:5061", "sip:0551@carrier.example"));
    let (to, _, second) = invited(&house.is_away("192.0.2.51:5061"));
    assert_eq!(to, "TCP 192.0.2.52:5062");
    let Message::Request(request) = second else { panic!("it is an INVITE") };
    let full = request.response(sip::StatusCode::SERVICE_UNAVAILABLE);
    let mut bytes = Vec::new();
    sip::print(&full.into(), &mut bytes);
    let full = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    let effects = house.hears("192.0.2.52:5062", &full);
    assert_eq!(status(&effects), None, "the caller waits");
    let (to, ..) = invited(&effects);
    assert_eq!(to, "TCP 192.0.2.53:5063");
    // The last one is the last word.
    assert_eq!(status(&house.is_away("192.0.2.53:5063")), Some(480));
}
