//! We register at carriers: RFC 3261 §10.2, with digest, refreshes and failures.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::directory::TrunkLogin;
use cordboard::random::Random;
use cordboard::registration::{Account, Effect, Machine, RETRY_MAX, State, WANTED, World};
use cordboard::sip::digest::{Algorithm, Credentials, ha1};
use cordboard::sip::{
    Destination, HeaderName, Network, OwnAddresses, Realms, Request, Response, StatusCode,
    Transport,
};
use cordboard::time::{Duration, Instant};

const CHALLENGE: &str = "Digest realm=\"carrier\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"";

/// The machine, its clock, the servers of its one trunk, and the request that waits for an answer.
struct House {
    machine: Machine,
    now: Instant,
    own: OwnAddresses,
    servers: Vec<Destination>,
    asked: Option<(u64, Destination, Request)>,
    changes: Vec<State>,
    realms: Realms,
}

impl House {
    fn new(servers: &[&str]) -> Self {
        let account = Account {
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

    fn with(&mut self, act: impl FnOnce(&mut Machine, &World<'_>, Instant) -> Vec<Effect>) {
        let servers = self.servers.clone();
        let world = World { own: &self.own, servers: &|_| servers.clone() };
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
    let mut house = House::new(&["203.0.113.5:5060"]);
    house.tick();
    let request = house.asked();
    assert_eq!(request.uri.as_str(), "sip:carrier.example:5070");
    let header = |name| request.headers.get(name).unwrap();
    assert_eq!(header(HeaderName::To), "<sip:house@carrier.example>");
    assert_eq!(header(HeaderName::Contact), "<sip:house@192.0.2.1:5060>");
    assert_eq!(header(HeaderName::Expires), WANTED.to_string());
    assert!(!request.headers.contains(HeaderName::Authorization));
    house.hears(100, &[]);
    assert!(house.asked.is_none() && house.machine.deadline().is_none(), "100 is no answer yet");
}

#[test]
fn a_password_is_proved_and_the_time_that_was_granted_is_kept() {
    let mut house = House::new(&["203.0.113.5:5060"]);
    house.tick();
    let first = house.asked().clone();
    house.hears(401, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
    assert_ne!(house.realms, Realms::default(), "calls may be answered in it, too");
    let request = house.asked();
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
    house.hears(200, &[(HeaderName::Contact, contacts), (HeaderName::Expires, "3600")]);
    assert_eq!(house.changes, [State::Registered]);
    assert_eq!(house.sleeps(), 80, "a fifth is left");
    let credentials = house.asked().headers.get(HeaderName::Authorization).unwrap();
    assert!(credentials.contains("nc=00000002"), "the nonce is counted on: {credentials}");
    house.hears(200, &[(HeaderName::Expires, "3600")]);
    assert_eq!(house.sleeps(), 2_880);
    house.hears(200, &[]);
    assert_eq!(house.sleeps(), u64::from(WANTED) * 4 / 5);
    house.hears(200, &[(HeaderName::Expires, "1")]);
    assert_eq!(house.sleeps(), 10, "it does not run in circles");
    assert_eq!(house.changes, [State::Registered]);
}

#[test]
fn a_wrong_password_is_said_and_tried_again_ever_more_seldom() {
    let mut house = House::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
    let mut pauses = Vec::new();
    house.tick();
    for round in 0..8 {
        let mut answers = 0;
        while house.asked.is_some() {
            // Another nonce each time.
            let challenge =
                format!("Digest realm=\"carrier\", nonce=\"{round}-{answers}\", qop=\"auth\"");
            house.hears(401, &[(HeaderName::WwwAuthenticate, &challenge)]);
            answers += 1;
        }
        assert_eq!(answers, 2, "asked once more and no more");
        pauses.push(house.sleeps());
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900, 900]);
    assert_eq!(Duration::from_secs(900), RETRY_MAX);
    assert_eq!(house.changes, [State::Refused(401)]);
    let known = "<sip:house@192.0.2.1:5060>;expires=100";
    house.hears(200, &[(HeaderName::Contact, known)]);
    assert_eq!(house.changes, [State::Refused(401), State::Registered]);
    house.sleeps();
    house.hears(403, &[]);
    assert_eq!(house.sleeps(), 30, "it begins anew");
    assert_eq!(house.changes.last(), Some(&State::Refused(403)));
}

#[test]
fn the_next_server_is_tried_where_one_is_away_or_full() {
    let mut house = House::new(&["203.0.113.5:5060", "203.0.113.6:5060", "203.0.113.7:5060"]);
    house.tick();
    assert_eq!(house.asked_at(), "203.0.113.5:5060");
    house.hears_nothing();
    assert_eq!(house.asked_at(), "203.0.113.6:5060");
    house.hears(503, &[(HeaderName::RetryAfter, "120")]);
    assert_eq!(house.asked_at(), "203.0.113.7:5060");
    house.hears(200, &[(HeaderName::Expires, "60")]);
    assert_eq!(house.changes, [State::Registered]);
    assert_eq!(house.sleeps(), 48);
    assert_eq!(house.asked_at(), "203.0.113.5:5060", "the first may be there again");
    house.hears_nothing();
    house.hears_nothing();
    house.hears(503, &[(HeaderName::RetryAfter, "120")]);
    assert_eq!(house.changes.last(), Some(&State::Refused(503)));
    assert_eq!(house.sleeps(), 120, "as it has asked for");
    house.hears_nothing();
    house.hears_nothing();
    house.hears_nothing();
    assert_eq!(house.changes.last(), Some(&State::Unreachable));
    // Nobody knows where it is.
    house.servers.clear();
    assert_eq!(house.sleeps(), 60);
    assert!(house.asked.is_none());
    assert_eq!(house.changes.last(), Some(&State::Unreachable));
    house.is_located(&[]);
    assert_eq!(house.sleeps(), 30);
    house.is_located(&["203.0.113.5:5060"]);
    assert_eq!(house.sleeps(), 0, "it is tried where it is now");
    assert_eq!(house.asked_at(), "203.0.113.5:5060");
    house.is_located(&["203.0.113.7:5060"]);
    house.hears(403, &[]);
    house.is_located(&["203.0.113.5:5060"]);
    assert!(house.sleeps() > 30, "a refusal is not undone by the DNS");
}

#[test]
fn a_longer_time_that_is_wanted_is_given_once() {
    let mut house = House::new(&["203.0.113.5:5060"]);
    house.tick();
    house.hears(423, &[(HeaderName::MinExpires, "1800")]);
    assert_eq!(house.asked().headers.get(HeaderName::Expires), Some("1800"));
    house.hears(423, &[(HeaderName::MinExpires, "1800")]);
    assert!(house.asked.is_none());
    assert_eq!(house.changes, [State::Refused(423)]);
    house.sleeps();
    house.hears(423, &[(HeaderName::MinExpires, "4000000000")]);
    assert!(house.asked.is_none(), "nobody wants half a century");
}

#[test]
fn what_was_not_asked_is_not_heard() {
    let mut house = House::new(&["203.0.113.5:5060"]);
    house.tick();
    let (_, _, request) = house.asked.take().unwrap();
    let response = request.response(StatusCode::OK);
    house.with(|machine, world, now| machine.answered(now, 7, &response, world));
    house.with(|machine, world, now| machine.unanswered(now, 7, world));
    assert!(house.changes.is_empty() && house.asked.is_none());
}

#[test]
fn nobody_reads_the_password_in_what_is_written_down() {
    let house = House::new(&["203.0.113.5:5060"]);
    let text = format!("{:?}", house.machine);
    assert!(text.contains("house") && !text.contains("sesame"), "{text}");
}

#[test]
fn another_server_is_not_answered_what_the_last_one_asked() {
    let mut house = House::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
    house.tick();
    house.hears(401, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
    assert!(house.asked().headers.contains(HeaderName::Authorization));
    house.hears(503, &[]);
    assert_eq!(house.asked_at(), "203.0.113.6:5060");
    assert!(!house.asked().headers.contains(HeaderName::Authorization));
}

#[test]
fn a_longer_time_is_asked_for_twice_in_a_round_and_a_pause_is_kept() {
    let mut house = House::new(&["203.0.113.5:5060"]);
    house.tick();
    let mut least = WANTED;
    let mut asked = 0;
    while house.asked.is_some() {
        least += 100;
        house.hears(423, &[(HeaderName::MinExpires, &least.to_string())]);
        asked += 1;
    }
    assert_eq!((asked, &house.changes[..]), (3, &[State::Refused(423)][..]));
    house.sleeps();
    assert_eq!(house.asked().headers.get(HeaderName::Expires), Some("900"), "as it wants it");
    for (wanted, slept) in [("1800", 1_800), ("7200", 3_600)] {
        house.hears(403, &[(HeaderName::RetryAfter, wanted)]);
        assert_eq!(house.sleeps(), slept);
    }
}

/// At our start the DNS has not answered yet.
#[test]
fn a_carrier_whose_name_is_not_known_yet_is_asked_as_soon_as_it_is() {
    let mut house = House::new(&[]);
    house.tick();
    assert!(house.asked.is_none());
    assert_eq!(house.sleeps(), 30);
    house.is_located(&["203.0.113.5:5060"]);
    assert_eq!(house.sleeps(), 0);
    assert_eq!(house.asked_at(), "203.0.113.5:5060");
    house.hears(200, &[(HeaderName::Contact, "<sip:house@192.0.2.1:5060>;expires=600")]);
    assert_eq!(house.changes, [State::Registered], "nothing was said of a failure");
}

#[test]
fn a_carrier_whose_name_is_nobodys_is_unreachable() {
    let mut house = House::new(&[]);
    house.tick();
    assert!(house.changes.is_empty(), "the answer is on its way");
    house.is_located(&[]);
    assert_eq!(house.changes, [State::Unreachable]);
}

#[test]
fn at_the_end_a_carrier_is_asked_to_forget_us_and_proved_who_asks() {
    let mut house = House::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
    house.tick();
    house.hears_nothing();
    house.hears(200, &[(HeaderName::Expires, "100")]);
    let before = house.machine.is_quiet();
    house.ends();
    let last = house.asked().clone();
    let header = |name| last.headers.get(name);
    assert_eq!(header(HeaderName::Expires), Some("0"));
    assert_eq!(header(HeaderName::Contact), Some("<sip:house@192.0.2.1:5060>"), "ours alone");
    assert_eq!(house.asked_at(), "203.0.113.6:5060", "it is the one that knows us");
    assert!(before && !house.machine.is_quiet(), "its answer is awaited");
    house.hears(401, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
    assert!(house.asked().headers.contains(HeaderName::Authorization));
    assert_eq!(house.asked().headers.get(HeaderName::Expires), Some("0"));
    house.hears(200, &[]);
    assert_eq!(house.changes, [State::Registered, State::Ended]);
    assert!(house.asked.is_none() && house.machine.is_quiet());
    assert_eq!(house.machine.deadline(), None, "nobody registers again");
    house.is_located(&["203.0.113.5:5060"]);
    assert_eq!(house.machine.deadline(), None);
}

#[test]
fn at_the_end_what_is_under_way_is_awaited_and_undone() {
    for (known, status) in [(false, 200), (true, 200), (true, 401)] {
        let mut house = House::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
        house.tick();
        if known {
            house.hears(200, &[(HeaderName::Expires, "100")]);
            house.sleeps();
        }
        house.ends();
        assert_eq!(house.asked().headers.get(HeaderName::Expires), Some("600"), "one at a time");
        house.hears(status, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
        assert_eq!(house.asked().headers.get(HeaderName::Expires), Some("0"));
        house.hears(200, &[]);
        assert_eq!(house.changes, [State::Registered, State::Ended]);
        assert!(house.machine.is_quiet());
    }
}

#[test]
fn at_the_end_nobody_is_asked_who_does_not_know_us_and_no_one_twice() {
    // Nobody has answered yet, or a registration is over by itself.
    for answers in [0, 1] {
        let mut house = House::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
        house.tick();
        for _ in 0..answers {
            house.hears(200, &[(HeaderName::Expires, "100")]);
            house.sleeps();
            house.now = house.now + Duration::from_secs(20);
        }
        house.ends();
        house.hears(401, &[(HeaderName::WwwAuthenticate, CHALLENGE)]);
        assert!(house.asked.is_none() && house.machine.is_quiet());
    }
    // It refuses, or is away: its time will be over.
    for status in [None, Some(403), Some(423), Some(503)] {
        let mut house = House::new(&["203.0.113.5:5060", "203.0.113.6:5060"]);
        house.tick();
        house.hears(200, &[(HeaderName::Expires, "100")]);
        house.ends();
        match status {
            Some(status) => house.hears(status, &[(HeaderName::MinExpires, "1800")]),
            None => house.hears_nothing(),
        }
        assert!(house.asked.is_none() && house.machine.is_quiet(), "{status:?}");
        assert_eq!(house.changes, [State::Registered]);
    }
}
