//! We register at carriers: RFC 3261 §10.2, with digest, refreshes and failures.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::directory::TrunkLogin;
use cordboard::random::Random;
use cordboard::registration::{
    Effect, Machine, RETRY_MAX, RegistrationContext, RegistrationState, TrunkAccount, WANTED,
};
use cordboard::sip::digest::{Algorithm, Credentials, ha1};
use cordboard::sip::{
    Destination, HeaderName, Network, OwnAddresses, Realms, Request, Response, StatusCode,
    Transport,
};
use cordboard::time::{Duration, Instant};

const CHALLENGE: &str = "Digest realm=\"carrier\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"";

/// The machine, its clock, the servers of its one trunk, and the request that waits for an answer.
struct Testbed {
    machine: Machine,
    now: Instant,
    own: OwnAddresses,
    servers: Vec<Destination>,
    asked: Option<(u64, Destination, Request)>,
    changes: Vec<RegistrationState>,
    realms: Realms,
}

impl Testbed {
    fn new(servers: &[&str]) -> Self {
        let account = TrunkAccount {
            trunk: "carrier".into(),
            domain: "carrier.example:5070".into(),
            login: TrunkLogin { user: "house".into(), password: "open sesame".into(), realm: None },
            realms: Realms::default(),
        };
        let listeners = vec![(Transport::Udp, "0.0.0.0:5060".parse().unwrap())];
        let mut own = OwnAddresses::new(listeners, vec![]);
        own.set_routes(vec![(Network::IPV4, "192.0.2.1".parse().unwrap())]);
        let at = |server: &&str| Destination::Address {
            transport: Transport::Udp,
            remote: server.parse().unwrap(),
        };
        let (now, random) = (Instant::START, Random::from_number(1));
        let machine = Machine::new(now, vec![account], "cordboard".into(), random);
        let servers = servers.iter().map(at).collect();
        Self { machine, now, own, servers, asked: None, changes: vec![], realms: Realms::default() }
    }

    fn with(
        &mut self,
        act: impl FnOnce(&mut Machine, &RegistrationContext<'_>, Instant) -> Vec<Effect>,
    ) {
        let servers = self.servers.clone();
        let world = RegistrationContext { own: &self.own, servers: &|_| servers.clone() };
        for effect in act(&mut self.machine, &world, self.now) {
            match effect {
                Effect::Request { transaction, to, request } => {
                    assert!(self.asked.is_none(), "one at a time");
                    self.asked = Some((transaction, to, request));
                }
                Effect::Named { realms, .. } => self.realms = realms,
                Effect::Changed { state, .. } => self.changes.push(state),
            }
        }
    }

    fn tick(&mut self) {
        self.with(|machine, world, now| machine.tick(now, world));
    }

    fn ends(&mut self) {
        self.with(|machine, world, now| machine.end(now, world));
    }

    /// The DNS says where it is now.
    fn is_located(&mut self, servers: &[&str]) {
        self.servers = Self::new(servers).servers;
        self.with(|machine, world, now| machine.located(now, "carrier", world));
    }

    /// Lets the clock run until it has something to do; for how many seconds that was.
    fn sleeps(&mut self) -> u64 {
        let until = self.machine.deadline().unwrap();
        let slept = until.since(self.now).as_secs();
        self.now = until;
        self.tick();
        slept
    }

    fn asked(&self) -> &Request {
        &self.asked.as_ref().unwrap().2
    }

    fn asked_at(&self) -> String {
        self.asked.as_ref().unwrap().1.remote().to_string()
    }

    fn hears(&mut self, status: u16, lines: &[(HeaderName, &str)]) {
        let (transaction, _, request) = self.asked.take().unwrap();
        let mut response: Response = request.response(StatusCode::new(status).unwrap());
        for (name, value) in lines {
            response.headers.push(name.clone(), value);
        }
        self.with(|machine, world, now| machine.answered(now, transaction, &response, world));
    }

    fn hears_nothing(&mut self) {
        let (transaction, ..) = self.asked.take().unwrap();
        self.with(|machine, world, now| machine.unanswered(now, transaction, world));
    }
}

#[test]
fn it_registers_as_it_is_asked_and_again_before_its_time_is_up() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060"]);
    testbed.tick();
    let request = testbed.asked();
    assert_eq!(request.uri.as_str(), "sip:carrier.example:5070");
    let header = |name| request.headers.get(name).unwrap();
    assert_eq!(header(HeaderName::To), "<sip:house@carrier.example>");
    assert_eq!(header(HeaderName::Contact), "<sip:house@192.0.2.1:5060>");
    assert_eq!(header(HeaderName::Expires), WANTED.to_string());
    assert!(!request.headers.contains(HeaderName::Authorization));
    testbed.hears(100, &[]);
    assert!(
        testbed.asked.is_none() && testbed.machine.deadline().is_none(),
        "100 is no answer yet"
    );
}

#[test]
fn a_password_is_proved_and_the_time_that_was_granted_is_kept() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060"]);
    testbed.tick();
    let first = testbed.asked().clone();
    testbed.hears(401, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
    assert_ne!(testbed.realms, Realms::default(), "calls may be answered in it, too");
    let request = testbed.asked();
    let credentials = request.headers.get(HeaderName::Authorization).unwrap();
    let credentials = Credentials::parse(credentials).unwrap().unwrap();
    let ha1 = ha1("house", "carrier", "open sesame", Algorithm::Sha256);
    assert!(credentials.verify(&ha1, "REGISTER"));
    let of = |request: &Request, name| request.headers.get(name).unwrap().to_owned();
    assert_eq!(of(request, HeaderName::CallId), of(&first, HeaderName::CallId));
    assert_eq!(
        (of(&first, HeaderName::CSeq), of(request, HeaderName::CSeq)),
        ("1 REGISTER".into(), "2 REGISTER".into())
    );
    // Two contacts: ours has its own time.
    let contacts = "<sip:other@192.0.2.9>;expires=30, <sip:house@192.0.2.1:5060>;expires=100";
    testbed.hears(200, &[(HeaderName::Contact, contacts), (HeaderName::Expires, "3600")]);
    assert_eq!(testbed.changes, [RegistrationState::Registered]);
    assert_eq!(testbed.sleeps(), 80, "a fifth is left");
    let credentials = testbed.asked().headers.get(HeaderName::Authorization).unwrap();
    assert!(credentials.contains("nc=00000002"), "the nonce is counted on: {credentials}");
    testbed.hears(200, &[(HeaderName::Expires, "3600")]);
    assert_eq!(testbed.sleeps(), 2_880);
    testbed.hears(200, &[]);
    assert_eq!(testbed.sleeps(), u64::from(WANTED) * 4 / 5);
    testbed.hears(200, &[(HeaderName::Expires, "1")]);
    assert_eq!(testbed.sleeps(), 10, "it does not run in circles");
    assert_eq!(testbed.changes, [RegistrationState::Registered]);
}

#[test]
fn a_wrong_password_is_said_and_tried_again_ever_more_seldom() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
    let mut pauses = Vec::new();
    testbed.tick();
    for round in 0..8 {
        let mut answers = 0;
        while testbed.asked.is_some() {
            // Another nonce each time.
            let challenge =
                format!("Digest realm=\"carrier\", nonce=\"{round}-{answers}\", qop=\"auth\"");
            testbed.hears(401, &[(HeaderName::WwwAuthenticate, &challenge)]);
            answers += 1;
        }
        assert_eq!(answers, 2, "asked once more and no more");
        pauses.push(testbed.sleeps());
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900, 900]);
    assert_eq!(Duration::from_secs(900), RETRY_MAX);
    assert_eq!(testbed.changes, [RegistrationState::Refused(401)]);
    let known = "<sip:house@192.0.2.1:5060>;expires=100";
    testbed.hears(200, &[(HeaderName::Contact, known)]);
    assert_eq!(testbed.changes, [RegistrationState::Refused(401), RegistrationState::Registered]);
    testbed.sleeps();
    testbed.hears(403, &[]);
    assert_eq!(testbed.sleeps(), 30, "it begins anew");
    assert_eq!(testbed.changes.last(), Some(&RegistrationState::Refused(403)));
}

#[test]
fn the_next_server_is_tried_where_one_is_away_or_full() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060", "203.0.113.6:5060", "203.0.113.7:5060"]);
    testbed.tick();
    assert_eq!(testbed.asked_at(), "203.0.113.5:5060");
    testbed.hears_nothing();
    assert_eq!(testbed.asked_at(), "203.0.113.6:5060");
    testbed.hears(503, &[(HeaderName::RetryAfter, "120")]);
    assert_eq!(testbed.asked_at(), "203.0.113.7:5060");
    testbed.hears(200, &[(HeaderName::Expires, "60")]);
    assert_eq!(testbed.changes, [RegistrationState::Registered]);
    assert_eq!(testbed.sleeps(), 48);
    assert_eq!(testbed.asked_at(), "203.0.113.5:5060", "the first may be there again");
    testbed.hears_nothing();
    testbed.hears_nothing();
    testbed.hears(503, &[(HeaderName::RetryAfter, "120")]);
    assert_eq!(testbed.changes.last(), Some(&RegistrationState::Refused(503)));
    assert_eq!(testbed.sleeps(), 120, "as it has asked for");
    testbed.hears_nothing();
    testbed.hears_nothing();
    testbed.hears_nothing();
    assert_eq!(testbed.changes.last(), Some(&RegistrationState::Unreachable));
    // Nobody knows where it is.
    testbed.servers.clear();
    assert_eq!(testbed.sleeps(), 60);
    assert!(testbed.asked.is_none());
    assert_eq!(testbed.changes.last(), Some(&RegistrationState::Unreachable));
    testbed.is_located(&[]);
    assert_eq!(testbed.sleeps(), 30);
    testbed.is_located(&["203.0.113.5:5060"]);
    assert_eq!(testbed.sleeps(), 0, "it is tried where it is now");
    assert_eq!(testbed.asked_at(), "203.0.113.5:5060");
    testbed.is_located(&["203.0.113.7:5060"]);
    testbed.hears(403, &[]);
    testbed.is_located(&["203.0.113.5:5060"]);
    assert!(testbed.sleeps() > 30, "a refusal is not undone by the DNS");
}

#[test]
fn a_longer_time_that_is_wanted_is_given_once() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060"]);
    testbed.tick();
    testbed.hears(423, &[(HeaderName::MinExpires, "1800")]);
    assert_eq!(testbed.asked().headers.get(HeaderName::Expires), Some("1800"));
    testbed.hears(423, &[(HeaderName::MinExpires, "1800")]);
    assert!(testbed.asked.is_none());
    assert_eq!(testbed.changes, [RegistrationState::Refused(423)]);
    testbed.sleeps();
    testbed.hears(423, &[(HeaderName::MinExpires, "4000000000")]);
    assert!(testbed.asked.is_none(), "nobody wants half a century");
}

#[test]
fn what_was_not_asked_is_not_heard() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060"]);
    testbed.tick();
    let (_, _, request) = testbed.asked.take().unwrap();
    let response = request.response(StatusCode::OK);
    testbed.with(|machine, world, now| machine.answered(now, 7, &response, world));
    testbed.with(|machine, world, now| machine.unanswered(now, 7, world));
    assert!(testbed.changes.is_empty() && testbed.asked.is_none());
}

#[test]
fn nobody_reads_the_password_in_what_is_written_down() {
    let testbed = Testbed::new(&["203.0.113.5:5060"]);
    let text = format!("{:?}", testbed.machine);
    assert!(text.contains("house") && !text.contains("sesame"), "{text}");
}

#[test]
fn another_server_is_not_answered_what_the_last_one_asked() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
    testbed.tick();
    testbed.hears(401, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
    assert!(testbed.asked().headers.contains(HeaderName::Authorization));
    testbed.hears(503, &[]);
    assert_eq!(testbed.asked_at(), "203.0.113.6:5060");
    assert!(!testbed.asked().headers.contains(HeaderName::Authorization));
}

#[test]
fn a_longer_time_is_asked_for_twice_in_a_round_and_a_pause_is_kept() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060"]);
    testbed.tick();
    let mut least = WANTED;
    let mut asked = 0;
    while testbed.asked.is_some() {
        least += 100;
        testbed.hears(423, &[(HeaderName::MinExpires, &least.to_string())]);
        asked += 1;
    }
    assert_eq!((asked, &testbed.changes[..]), (3, &[RegistrationState::Refused(423)][..]));
    testbed.sleeps();
    assert_eq!(testbed.asked().headers.get(HeaderName::Expires), Some("900"), "as it wants it");
    for (wanted, slept) in [("1800", 1_800), ("7200", 3_600)] {
        testbed.hears(403, &[(HeaderName::RetryAfter, wanted)]);
        assert_eq!(testbed.sleeps(), slept);
    }
}

/// At our start the DNS has not answered yet.
#[test]
fn a_carrier_whose_name_is_not_known_yet_is_asked_as_soon_as_it_is() {
    let mut testbed = Testbed::new(&[]);
    testbed.tick();
    assert!(testbed.asked.is_none());
    assert_eq!(testbed.sleeps(), 30);
    testbed.is_located(&["203.0.113.5:5060"]);
    assert_eq!(testbed.sleeps(), 0);
    assert_eq!(testbed.asked_at(), "203.0.113.5:5060");
    testbed.hears(200, &[(HeaderName::Contact, "<sip:house@192.0.2.1:5060>;expires=600")]);
    assert_eq!(testbed.changes, [RegistrationState::Registered], "nothing was said of a failure");
}

#[test]
fn a_carrier_whose_name_is_nobodys_is_unreachable() {
    let mut testbed = Testbed::new(&[]);
    testbed.tick();
    assert!(testbed.changes.is_empty(), "the answer is on its way");
    testbed.is_located(&[]);
    assert_eq!(testbed.changes, [RegistrationState::Unreachable]);
}

#[test]
fn at_the_end_a_carrier_is_asked_to_forget_us_and_proved_who_asks() {
    let mut testbed = Testbed::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
    testbed.tick();
    testbed.hears_nothing();
    testbed.hears(200, &[(HeaderName::Expires, "100")]);
    let before = testbed.machine.is_quiet();
    testbed.ends();
    let last = testbed.asked().clone();
    let header = |name| last.headers.get(name);
    assert_eq!(header(HeaderName::Expires), Some("0"));
    assert_eq!(header(HeaderName::Contact), Some("<sip:house@192.0.2.1:5060>"), "ours alone");
    assert_eq!(testbed.asked_at(), "203.0.113.6:5060", "it is the one that knows us");
    assert!(before && !testbed.machine.is_quiet(), "its answer is awaited");
    testbed.hears(401, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
    assert!(testbed.asked().headers.contains(HeaderName::Authorization));
    assert_eq!(testbed.asked().headers.get(HeaderName::Expires), Some("0"));
    testbed.hears(200, &[]);
    assert_eq!(testbed.changes, [RegistrationState::Registered, RegistrationState::Ended]);
    assert!(testbed.asked.is_none() && testbed.machine.is_quiet());
    assert_eq!(testbed.machine.deadline(), None, "nobody registers again");
    testbed.is_located(&["203.0.113.5:5060"]);
    assert_eq!(testbed.machine.deadline(), None);
}

#[test]
fn at_the_end_what_is_under_way_is_awaited_and_undone() {
    for (known, status) in [(false, 200), (true, 200), (true, 401)] {
        let mut testbed = Testbed::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
        testbed.tick();
        if known {
            testbed.hears(200, &[(HeaderName::Expires, "100")]);
            testbed.sleeps();
        }
        testbed.ends();
        assert_eq!(testbed.asked().headers.get(HeaderName::Expires), Some("600"), "one at a time");
        testbed.hears(status, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
        assert_eq!(testbed.asked().headers.get(HeaderName::Expires), Some("0"));
        testbed.hears(200, &[]);
        assert_eq!(testbed.changes, [RegistrationState::Registered, RegistrationState::Ended]);
        assert!(testbed.machine.is_quiet());
    }
}

#[test]
fn at_the_end_nobody_is_asked_who_does_not_know_us_and_no_one_twice() {
    // Nobody has answered yet, or a registration is over by itself.
    for answers in [0, 1] {
        let mut testbed = Testbed::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
        testbed.tick();
        for _ in 0..answers {
            testbed.hears(200, &[(HeaderName::Expires, "100")]);
            testbed.sleeps();
            testbed.now = testbed.now + Duration::from_secs(20);
        }
        testbed.ends();
        testbed.hears(401, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
        assert!(testbed.asked.is_none() && testbed.machine.is_quiet());
    }
    // It refuses, or is away: its time will be over.
    for status in [None, Some(403), Some(423), Some(503)] {
        let mut testbed = Testbed::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
        testbed.tick();
        testbed.hears(200, &[(HeaderName::Expires, "100")]);
        testbed.ends();
        match status {
            Some(status) => testbed.hears(status, &[(HeaderName::MinExpires, "1800")]),
            None => testbed.hears_nothing(),
        }
        assert!(testbed.asked.is_none() && testbed.machine.is_quiet(), "{status:?}");
        assert_eq!(testbed.changes, [RegistrationState::Registered]);
    }
}
