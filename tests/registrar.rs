//! Phones register, are challenged, move, and are forgotten: RFC 3261 §10.3 and its kin.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::directory::{
    Accounts, Directory, DirectoryChange, DraftField, NumberingPlan, OperatorDraft, Secret,
    TerminalDraft, patent_levels,
};
use cordboard::ids::{ConnectionId, LevelId, Number, OperatorId};
use cordboard::random::Random;
use cordboard::registrar::{
    ACCOUNT, ACCOUNT_AND_SOURCE, AuthRefusal, AuthVerdict, Binding, BindingChange, CONTACTS_MAX,
    Challenged, DigestOrder, Effect, HOSTS_MAX, Input, Machine, NextHop, Settings,
};
use cordboard::sip::digest::{Algorithm, Challenge, Chance, DigestLogin, Protected};
use cordboard::sip::{
    Destination, Flow, HeaderName, Message, Request, Response, Transport, Uri, parse,
};
use cordboard::time::{Duration, Now, UnixTime};
use std::collections::BTreeMap;

const REALM: &str = "cordboard.local";
const SERVER: &str = "192.0.2.1:5060";

fn number(text: &str) -> Number {
    Number::from(text)
}

fn directory() -> Directory {
    let plan = NumberingPlan {
        realm: REALM.to_owned(),
        addresses: vec![],
        queues: BTreeMap::new(),
        trunks: vec![],
        cameras: vec![],
        external: LevelId::from("B"),
    };
    let levels = patent_levels().to_vec();
    let mut directory = Directory::new(plan, Accounts { levels, ..Accounts::default() });
    for name in ["3001", "3002"] {
        let secret = Secret::from_password(name, REALM, "geheim").ok();
        let draft = TerminalDraft { secret, ..TerminalDraft::new(number(name)) };
        directory.apply(&DirectoryChange::AddTerminal(draft)).unwrap();
    }
    let draft = OperatorDraft {
        phone: Some(number("3001")),
        secret: Secret::from_password("op1", REALM, "geheim").ok(),
        ..OperatorDraft::new(OperatorId::from("op1"))
    };
    directory.apply(&DirectoryChange::AddOperator(draft)).unwrap();
    directory
}

fn flow(transport: Transport, remote: &str, connection: u64) -> Flow {
    let (local, remote) = (SERVER.parse().unwrap(), remote.parse().unwrap());
    Flow { transport, local, remote, connection: ConnectionId(connection) }
}

/// A registrar with its clock and its directory.
struct Testbed {
    machine: Machine,
    directory: Directory,
    now: Now,
    /// The name of the last transaction.
    last: u64,
}

impl Testbed {
    fn new() -> Self {
        Self::behind_edges(&[])
    }

    fn behind_edges(edges: &[&str]) -> Self {
        let own = [SERVER, "203.0.113.1:5060"];
        let settings = Settings {
            addresses: own.map(|own| own.parse().unwrap()).to_vec(),
            edges: edges.iter().map(|edge| edge.parse().unwrap()).collect(),
            ..Settings::default()
        };
        let machine = Machine::new(settings, Random::from_number(7));
        let start = Now { unix: UnixTime::from_secs(1_795_352_006), ..Now::default() };
        Self { machine, directory: directory(), now: start, last: 16 }
    }

    fn wait(&mut self, secs: u64) -> Vec<Effect> {
        self.now = self.now + Duration::from_secs(secs);
        self.machine.tick(self.now.instant)
    }

    fn give(&mut self, input: Input) -> Vec<Effect> {
        self.machine.handle(self.now, &self.directory, input)
    }

    fn send(&mut self, phone: &Phone, request: Request) -> (Response, Vec<Effect>) {
        self.last += 1;
        let name = self.last;
        let input = Input::Register { transaction: name, flow: phone.flow, request };
        let mut effects = self.give(input);
        let place = effects.iter().position(|e| matches!(e, Effect::Respond { .. })).unwrap();
        let stored = effects[..place].iter().all(|e| matches!(e, Effect::Store(_)));
        assert!(stored, "what is stored stands before the answer");
        let Effect::Respond { transaction, response, after_commit } = effects.remove(place) else {
            panic!("it is an answer");
        };
        assert_eq!(transaction, name, "the answer names its transaction");
        assert_eq!(after_commit, place > 0, "the answer waits exactly for what is stored");
        (response, effects)
    }

    /// Registers as a phone does: again with credentials after the 401.
    fn register(&mut self, phone: &mut Phone, lines: &str) -> (Response, Vec<Effect>) {
        let first = phone.request(lines);
        let (response, effects) = self.send(phone, first);
        if response.status.as_u16() != 401 {
            return (response, effects);
        }
        assert_eq!(effects, []);
        phone.hear(&response);
        let second = phone.request(lines);
        self.send(phone, second)
    }

    fn targets(&self, name: &str) -> Vec<String> {
        let targets = self.machine.contacts(&self.directory, &number(name));
        targets.iter().map(|target| target.uri.to_string()).collect()
    }
}

/// A phone with an account.
#[derive(Clone)]
struct Phone {
    user: &'static str,
    password: &'static str,
    flow: Flow,
    call_id: &'static str,
    cseq: u32,
    challenge: Option<(Challenge, u32)>,
}

impl Phone {
    fn new(user: &'static str, flow: Flow) -> Self {
        let (password, call_id) = ("geheim", "call-1@phone");
        Self { user, password, flow, call_id, cseq: 0, challenge: None }
    }

    fn udp(user: &'static str) -> Self {
        Self::new(user, flow(Transport::Udp, "192.0.2.7:5060", 0))
    }

    fn hear(&mut self, response: &Response) {
        let values = response.headers.all(HeaderName::WwwAuthenticate);
        self.challenge = Challenge::strongest(values).map(|challenge| (challenge, 0));
    }

    /// A REGISTER with further header lines, and credentials when there was a challenge.
    fn request(&mut self, lines: &str) -> Request {
        match parse(self.text(lines).as_bytes()) {
            Ok(Message::Request(request)) => request,
            other => panic!("not a request: {other:?}"),
        }
    }

    fn text(&mut self, lines: &str) -> String {
        self.cseq += 1;
        let uri = format!("sip:{REALM}");
        let mut text = format!(
            "REGISTER {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{} 192.0.2.7:5060;branch=z9hG4bK{};rport\r\n\
             From: <sip:{user}@{REALM}>;tag=a\r\nTo: <sip:{user}@{REALM}>\r\n\
             Call-ID: {}\r\nCSeq: {} REGISTER\r\nMax-Forwards: 70\r\n",
            self.flow.transport,
            self.cseq,
            self.call_id,
            self.cseq,
            user = self.user,
        );
        if let Some((challenge, count)) = &mut self.challenge {
            *count += 1;
            let login = DigestLogin { user: self.user, password: self.password };
            let protected = Protected { method: "REGISTER", uri: &uri };
            let chance = Chance { cnonce: "c", count: *count };
            let credentials = challenge.answer(&login, &protected, &chance);
            text += &format!("Authorization: {credentials}\r\n");
        }
        for line in lines.lines() {
            text += &format!("{}\r\n", line.trim());
        }
        text + "\r\n"
    }
}

fn status(response: &Response) -> u16 {
    response.status.as_u16()
}

fn contacts(response: &Response) -> Vec<&str> {
    response.headers.all(HeaderName::Contact).collect()
}

#[test]
fn a_phone_is_challenged_proves_itself_and_is_reachable_once_that_is_stored() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    let request = phone.request("Contact: <sip:3001@192.0.2.7>");
    let (response, effects) = testbed.send(&phone, request);
    assert_eq!((status(&response), effects), (401, vec![]));
    let challenges: Vec<_> = response.headers.all(HeaderName::WwwAuthenticate).collect();
    assert!(challenges[0].contains("algorithm=SHA-256"), "the stronger stands first");
    assert!(challenges[1].contains("algorithm=MD5") && challenges.len() == 2);
    assert!(response.headers.to_tag().is_some());
    assert_eq!(testbed.targets("3001"), Vec::<String>::new());

    phone.hear(&response);
    let request = phone.request("Contact: <sip:3001@192.0.2.7>");
    let input = Input::Register { transaction: 5, flow: phone.flow, request };
    let effects = testbed.give(input);
    let [
        Effect::Store(BindingChange::Put(binding)),
        Effect::Respond { transaction: 5, response, after_commit: true },
        Effect::Registered(registered),
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!((registered, binding.flow), (&number("3001"), Some(phone.flow)));
    assert_eq!(binding.expires, testbed.now.unix + Duration::from_secs(3600));
    assert_eq!(contacts(response), ["<sip:3001@192.0.2.7>;expires=3600"]);
    assert_eq!(response.headers.get(HeaderName::Date), Some("Sun, 22 Nov 2026 12:53:26 GMT"));
    assert!(testbed.machine.is_reachable(&testbed.directory, &number("3001")));
}

#[test]
fn an_old_phone_answers_with_md5() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    let request = phone.request("");
    let (response, _) = testbed.send(&phone, request);
    let values = response.headers.all(HeaderName::WwwAuthenticate);
    let md5 =
        values.filter_map(|v| Challenge::parse(v).ok()).find(|c| c.algorithm == Algorithm::Md5);
    phone.challenge = md5.map(|challenge| (challenge, 0));
    let request = phone.request("Contact: <sip:3001@192.0.2.7>");
    assert_eq!(status(&testbed.send(&phone, request).0), 200);
}

fn algorithms(response: &Response) -> Vec<Algorithm> {
    let values = response.headers.all(HeaderName::WwwAuthenticate);
    values.map(|value| Challenge::parse(value).unwrap().algorithm).collect()
}

/// RFC 8760 §2.4 asks phones to take the first challenge that they understand; not all do.
#[test]
fn a_phone_that_does_not_answer_is_asked_otherwise_when_it_comes_again() {
    use Algorithm::{Md5, Sha256};
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    let line = "Contact: <sip:3001@192.0.2.7>";
    let asks = |testbed: &mut Testbed, phone: &mut Phone| {
        let request = phone.request(line);
        algorithms(&testbed.send(phone, request).0)
    };
    let first = phone.request(line);
    for _ in 0..3 {
        let (response, _) = testbed.send(&phone, first.clone());
        assert_eq!(algorithms(&response), [Sha256, Md5], "a copy is asked the same");
    }
    assert_eq!(asks(&mut testbed, &mut phone), [Md5], "it gave up");
    assert_eq!(asks(&mut testbed, &mut phone), [Sha256, Md5], "nor is it that");
    let request = phone.request(line);
    let (response, _) = testbed.send(&phone, request);
    assert_eq!(algorithms(&response), [Md5]);
    phone.hear(&response);
    let request = phone.request(line);
    assert_eq!(status(&testbed.send(&phone, request).0), 200);
    // It is known now, also when it asks several things at once; and so is nobody else.
    testbed.wait(3_000);
    for _ in 0..3 {
        phone.challenge = None;
        assert_eq!(asks(&mut testbed, &mut phone), [Md5]);
    }
    assert_eq!(asks(&mut testbed, &mut Phone::udp("3002")), [Sha256, Md5]);
    let mut elsewhere = Phone::udp("3001");
    elsewhere.flow.remote = "198.51.100.9:5060".parse().unwrap();
    assert_eq!(asks(&mut testbed, &mut elsewhere), [Sha256, Md5]);
}

#[test]
fn after_a_restart_a_phone_that_knows_md5_alone_is_asked_for_that() {
    let line = "Contact: <sip:3001@192.0.2.7>";
    for (asked_before, expected) in
        [(1, &[Algorithm::Md5][..]), (0, &[Algorithm::Sha256, Algorithm::Md5])]
    {
        let mut testbed = Testbed::new();
        let mut phone = Phone::udp("3001");
        for _ in 0..asked_before {
            let request = phone.request(line);
            let _ = testbed.send(&phone, request);
        }
        let request = phone.request(line);
        let (response, _) = testbed.send(&phone, request);
        phone.hear(&response);
        let request = phone.request(line);
        let (response, effects) = testbed.send(&phone, request);
        assert_eq!(status(&response), 200);
        let mut stored = put(effects);
        let mut restarted = Testbed::new();
        if stored.is_empty() {
            phone.challenge = None;
            stored = put(testbed.register(&mut phone, line).1);
        }
        let _ = restarted.machine.restore(restarted.now, stored, &[]);
        phone.challenge = None;
        let request = phone.request(line);
        assert_eq!(algorithms(&restarted.send(&phone, request).0), expected);
    }
}

/// Whoever answers by SHA-256 is asked for it, whatever was thought of it before.
#[test]
fn a_phone_that_knows_sha_256_is_not_taken_for_one_that_does_not() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    for _ in 0..3 {
        phone.challenge = None;
        let request = phone.request("");
        let (response, _) = testbed.send(&phone, request);
        assert_eq!(algorithms(&response), [Algorithm::Sha256, Algorithm::Md5]);
        phone.hear(&response);
        let request = phone.request("Contact: <sip:3001@192.0.2.7>");
        assert_eq!(status(&testbed.send(&phone, request).0), 200);
    }
}

/// Whoever is behind a phone's NAT can ask in its name; it is not asked for less because of that. An older
/// phone of the same number beside it is another one.
#[test]
fn a_phone_that_has_answered_by_sha_256_is_never_asked_for_md5_alone() {
    use Algorithm::{Md5, Sha256};
    let line = "Contact: <sip:3001@192.0.2.7>";
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    let (response, _) = testbed.register(&mut phone, line);
    assert_eq!(status(&response), 200);
    let mut neighbour = Phone::udp("3001");
    (neighbour.flow.remote, neighbour.call_id) = ("192.0.2.7:4444".parse().unwrap(), "other");
    for _ in 0..12 {
        let request = neighbour.request(line);
        assert_eq!(algorithms(&testbed.send(&neighbour, request).0), [Sha256, Md5]);
    }
    phone.challenge = None;
    let request = phone.request(line);
    assert_eq!(algorithms(&testbed.send(&phone, request).0), [Sha256, Md5]);
    let mut asks = [[].as_slice(); 2];
    for asked in &mut asks {
        let mut request = neighbour.request(line);
        request.headers.set(HeaderName::UserAgent, "Antique/1");
        *asked = match algorithms(&testbed.send(&neighbour, request).0)[..] {
            [Md5] => &[Md5],
            _ => &[Sha256, Md5],
        };
    }
    assert_eq!(asks, [&[Sha256, Md5][..], &[Md5]]);
}

#[test]
fn a_browser_is_asked_for_md5_alone() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    phone.flow.transport = Transport::Ws;
    for _ in 0..2 {
        let request = phone.request("");
        let (response, _) = testbed.send(&phone, request);
        assert_eq!(algorithms(&response), [Algorithm::Md5]);
    }
}

#[test]
fn a_house_may_fix_what_it_asks_for() {
    for (digest, expected) in [
        (DigestOrder::Md5, &[Algorithm::Md5][..]),
        (DigestOrder::Sha256, &[Algorithm::Sha256, Algorithm::Md5][..]),
    ] {
        let settings = Settings { digest, ..Settings::default() };
        let mut testbed = Testbed::new();
        testbed.machine = Machine::new(settings, Random::from_number(1));
        let mut phone = Phone::udp("3001");
        for _ in 0..2 {
            let request = phone.request("");
            assert_eq!(algorithms(&testbed.send(&phone, request).0), expected);
        }
    }
}

#[test]
fn an_account_imported_with_one_hash_is_asked_for_that_one() {
    let mut testbed = Testbed::new();
    let whole = Secret::from_password("3001", REALM, "geheim").unwrap();
    let half = format!("ha1:{}", whole.ha1(Algorithm::Md5).unwrap()).parse().ok();
    let draft = TerminalDraft { secret: half, ..TerminalDraft::new(number("3001")) };
    testbed.directory.apply(&DirectoryChange::SetTerminal(draft)).unwrap();
    let mut phone = Phone::udp("3001");
    let (response, _) = testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>");
    assert_eq!(status(&response), 401);
    assert_eq!(response.headers.all(HeaderName::WwwAuthenticate).count(), 1);
    phone.hear(&response);
    let request = phone.request("Contact: <sip:3001@192.0.2.7>");
    assert_eq!(status(&testbed.send(&phone, request).0), 200);
}

#[test]
fn who_asks_without_contacts_is_told_what_there_is() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>;q=0.5;expires=600");
    testbed.wait(100);
    let (response, effects) = testbed.register(&mut phone, "");
    assert_eq!(contacts(&response), ["<sip:3001@192.0.2.7>;q=0.5;expires=500"]);
    assert_eq!(effects, [], "a question changes nothing");
}

#[test]
fn a_wrong_password_an_unknown_account_and_a_foreign_name_stay_outside() {
    let mut testbed = Testbed::new();
    let line = "Contact: <sip:3001@192.0.2.7>";
    let mut wrong = Phone { password: "falsch", ..Phone::udp("3001") };
    let (response, _) = testbed.register(&mut wrong, line);
    assert_eq!(status(&response), 401);
    let again = response.headers.get(HeaderName::WwwAuthenticate).unwrap();
    assert!(!again.contains("stale"), "the phone is to ask its human");

    assert_eq!(status(&testbed.register(&mut Phone::udp("3999"), line).0), 401);
    assert_eq!(
        status(&testbed.register(&mut Phone::udp("op1"), line).0),
        403,
        "a desk is no phone"
    );

    let mut thief = Phone::udp("3002");
    let request = thief.request("");
    thief.hear(&testbed.send(&thief, request).0);
    let mut request = thief.request(line);
    request.headers.set(HeaderName::To, "<sip:3001@cordboard.local>");
    assert_eq!(status(&testbed.send(&thief, request).0), 403);
    assert_eq!(testbed.targets("3001"), Vec::<String>::new());
}

/// RFC 7616 §3.4.6: a proof is for one request, however its proxies write our name.
#[test]
fn credentials_for_another_uri_are_for_another_request() {
    for (hashed, asked, expected) in [
        ("sip:9000@cordboard.local", "sip:9000@cordboard.local", true),
        ("sip:9000@CORDBOARD.local.", "sip:9000@192.0.2.1:5060", true),
        ("sip:9000@192.0.2.1", "sip:9000@cordboard.local;transport=udp", true),
        ("sip:192.0.2.1:5060", "sip:9000@cordboard.local", true),
        ("sip:9000@cordboard.local", "sip:0900@cordboard.local", false),
        ("sip:9000@cordboard.local", "sip:cordboard.local", false),
        ("sip:9000@evil.example", "sip:9000@cordboard.local", false),
        ("sip:evil.example", "sip:9000@cordboard.local", false),
        ("sip:9000@alias.example", "sip:9000@alias.example:5060", true),
        ("", "sip:9000@cordboard.local", false),
        ("nonsense", "sip:9000@cordboard.local", false),
    ] {
        let mut testbed = Testbed::new();
        let mut phone = Phone::udp("3001");
        let request = phone.request("");
        phone.hear(&testbed.send(&phone, request).0);
        let mut request = phone.request("");
        let (challenge, _) = phone.challenge.clone().unwrap();
        let login = DigestLogin { user: "3001", password: "geheim" };
        let protected = Protected { method: "REGISTER", uri: hashed };
        let chance = Chance { cnonce: "c", count: 1 };
        let credentials = challenge.answer(&login, &protected, &chance);
        request.headers.set(HeaderName::Authorization, credentials);
        request.uri = Uri::parse(asked).unwrap();
        let verdict =
            testbed.machine.authenticate(testbed.now, &testbed.directory, phone.flow, &request);
        let is_for = verdict == AuthVerdict::Terminal(number("3001"));
        assert_eq!(is_for, expected, "{hashed} for {asked}: {verdict:?}");
        assert!(is_for || verdict == AuthVerdict::Refused(AuthRefusal::BadCredentials));
    }
}

#[test]
fn a_replayed_request_is_stale() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>");
    let request = phone.request("Contact: <sip:3001@192.0.2.7>;expires=0");
    assert_eq!(status(&testbed.send(&phone, request.clone()).0), 200);
    let (response, effects) = testbed.send(&phone, request);
    let challenge = response.headers.get(HeaderName::WwwAuthenticate).unwrap();
    assert!(status(&response) == 401 && challenge.contains("stale=true"));
    assert_eq!(effects, []);
}

#[test]
fn an_old_nonce_is_stale_and_the_fresh_one_serves() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>");
    testbed.wait(300);
    let request = phone.request("Contact: <sip:3001@192.0.2.7>");
    let (response, _) = testbed.send(&phone, request);
    assert!(response.headers.get(HeaderName::WwwAuthenticate).unwrap().contains("stale=true"));
    phone.hear(&response);
    let request = phone.request("Contact: <sip:3001@192.0.2.7>");
    assert_eq!(status(&testbed.send(&phone, request).0), 200);
}

/// A phone at this address, with a port of its own, as many stand behind one router.
fn behind(router: &str, port: u16, user: &'static str) -> Phone {
    Phone::new(user, flow(Transport::Udp, &format!("{router}:{port}"), 0))
}

/// Guesses until it is not listened to; how often it was.
fn guess(testbed: &mut Testbed, guesser: &mut Phone) -> u32 {
    guesser.password = "falsch";
    for guess in 0..1_000 {
        guesser.challenge = None;
        match status(&testbed.register(guesser, "").0) {
            401 => {}
            503 => return guess,
            other => panic!("{other} to a guess"),
        }
    }
    1_000
}

#[test]
fn who_guesses_on_is_not_listened_to_not_even_when_right() {
    let mut testbed = Testbed::new();
    let mut guesser = behind("192.0.2.7", 40_000, "3001");
    assert_eq!(guess(&mut testbed, &mut guesser), ACCOUNT_AND_SOURCE.at_once);
    let mut right = behind("192.0.2.7", 40_001, "3001");
    let (response, _) = testbed.register(&mut right, "");
    assert_eq!(status(&response), 503, "else the limit would be no limit");
    assert_eq!(response.headers.get(HeaderName::RetryAfter), Some("7"));
    assert_eq!(status(&testbed.register(&mut behind("192.0.2.8", 5060, "3001"), "").0), 200);
    testbed.wait(7);
    right.challenge = None;
    assert_eq!(status(&testbed.register(&mut right, "").0), 200);
}

/// An impatient phone tries ten times in four seconds.
#[test]
fn a_newcomer_who_mends_a_typo_registers_at_once() {
    let mut testbed = Testbed::new();
    let mut phone = Phone { password: "falsch", ..Phone::udp("3001") };
    for _ in 0..10 {
        phone.challenge = None;
        assert_eq!(status(&testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>").0), 401);
    }
    phone = Phone { password: "geheim", challenge: None, ..phone };
    assert_eq!(status(&testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>").0), 200);
}

#[test]
fn a_hundred_phones_beside_one_who_guesses_all_register() {
    let mut testbed = Testbed::new();
    let users: Vec<&'static str> =
        (5000..5100).map(|n| &*Box::leak(n.to_string().into_boxed_str())).collect();
    for user in &users {
        let secret = Secret::from_password(user, REALM, "geheim").ok();
        let draft = TerminalDraft { secret, ..TerminalDraft::new(number(user)) };
        testbed.directory.apply(&DirectoryChange::AddTerminal(draft)).unwrap();
    }
    let mut phones: Vec<Phone> =
        (1_024..).zip(&users).map(|(port, user)| behind("198.51.100.7", port, user)).collect();
    // Half of them are there, the others come while somebody guesses through all accounts.
    let (there, to_come) = phones.split_at_mut(50);
    let line = "Contact: <sip:x@10.0.0.5>";
    for phone in there.iter_mut() {
        assert_eq!(status(&testbed.register(phone, line).0), 200);
    }
    for name in 4000..4400 {
        let user = &*Box::leak(name.to_string().into_boxed_str());
        guess(&mut testbed, &mut behind("198.51.100.7", 40_000, user));
    }
    for phone in there.iter_mut() {
        guess(&mut testbed, &mut behind("198.51.100.7", 40_000, phone.user));
    }
    for phone in there.iter_mut().chain(to_come) {
        phone.challenge = None;
        assert_eq!(status(&testbed.register(phone, line).0), 200, "{}", phone.user);
    }
}

#[test]
fn guesses_from_everywhere_at_one_account_are_slow_and_its_phone_stays() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    let line = "Contact: <sip:3001@192.0.2.7>";
    assert_eq!(status(&testbed.register(&mut phone, line).0), 200);
    let machines = |testbed: &mut Testbed| -> u32 {
        let machines = (1..=100).map(|n| behind(&format!("203.0.113.{n}"), 5060, "3001"));
        machines.map(|mut machine| guess(testbed, &mut machine)).sum()
    };
    assert_eq!(machines(&mut testbed), ACCOUNT.at_once);
    let mut guesses = 0;
    for _ in 0..60 {
        testbed.wait(1);
        guesses += machines(&mut testbed);
    }
    assert_eq!(guesses, 60, "one a second");
    for _ in 0..3 {
        phone.challenge = None;
        assert_eq!(status(&testbed.register(&mut phone, line).0), 200);
    }
    // Behind its own router it may also come from another port, as after a new start.
    assert_eq!(status(&testbed.register(&mut behind("192.0.2.7", 5099, "3001"), "").0), 200);
}

#[test]
fn after_a_restart_a_phone_at_its_place_is_still_known() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    let effects = testbed.register_and_keep(&mut phone, "Contact: <sip:3001@192.0.2.7>");
    let mut restarted = Testbed::new();
    let _ = restarted.machine.restore(restarted.now, put(effects), &[]);
    assert_eq!(guess(&mut restarted, &mut behind("192.0.2.7", 40_000, "3001")), 20);
    phone.challenge = None;
    assert_eq!(status(&restarted.register(&mut phone, "").0), 200);
}

#[test]
fn each_wrong_password_is_told_with_account_and_source() {
    let mut testbed = Testbed::new();
    let mut phone = Phone { password: "falsch", ..Phone::udp("3001") };
    testbed.register(&mut phone, "");
    let told = testbed.machine.wrong_passwords();
    let lines: Vec<_> = told.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["wrong password: source=192.0.2.7 transport=UDP count=1 account=\"3001\""]);
    assert_eq!(testbed.machine.wrong_passwords(), []);
    testbed.register(&mut Phone::udp("3002"), "");
    assert_eq!(testbed.machine.wrong_passwords(), [], "a right one is no news");
    guess(&mut testbed, &mut phone);
    let singly = testbed.machine.wrong_passwords().len();
    testbed.wait(10);
    let told = testbed.machine.wrong_passwords();
    assert_eq!((singly, told.len(), told[0].count), (9, 1, 10), "20 in all");
}

#[test]
fn who_cannot_hear_our_answers_cannot_bar_a_phone() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>");
    let mut liar = Phone {
        password: "falsch",
        ..Phone::new("3001", flow(Transport::Udp, "203.0.113.9:5060", 0))
    };
    let request = liar.request("");
    liar.hear(&testbed.send(&liar, request).0);
    liar.flow = phone.flow; // A forged source address, with a nonce got elsewhere.
    for _ in 0..3 * ACCOUNT_AND_SOURCE.at_once {
        let request = liar.request("");
        assert_eq!(status(&testbed.send(&liar, request).0), 401);
    }
    let request = phone.request("Contact: <sip:3001@192.0.2.7>");
    assert_eq!(status(&testbed.send(&phone, request).0), 200);
}

#[test]
fn a_call_is_authenticated_like_a_registration() {
    let mut testbed = Testbed::new();
    let mut desk = Phone::udp("op1");
    let request = desk.request("");
    let Testbed { machine, directory, now, .. } = &mut testbed;
    let verdict = machine.authenticate(*now, directory, desk.flow, &request);
    let AuthVerdict::Refused(refusal) = verdict else { panic!("{verdict:?}") };
    assert!(matches!(refusal, AuthRefusal::Challenge { why: Challenged::NoCredentials, .. }));
    desk.hear(&refusal.response(&request));
    let request = desk.request("");
    let verdict = machine.authenticate(*now, directory, desk.flow, &request);
    assert_eq!(verdict, AuthVerdict::Operator(OperatorId::from("op1")));
}

#[test]
fn several_phones_of_one_number_are_all_called_the_preferred_first() {
    let mut testbed = Testbed::new();
    for (port, q) in [(5061, ";q=0.3"), (5062, ""), (5063, ";q=0.75"), (5064, ";q=7")] {
        let mut phone = Phone::new("3001", flow(Transport::Udp, &format!("192.0.2.7:{port}"), 0));
        testbed.register(&mut phone, &format!("Contact: <sip:3001@192.0.2.7:{port}>{q}"));
    }
    assert_eq!(
        testbed.targets("3001"),
        [
            "sip:3001@192.0.2.7:5064",
            "sip:3001@192.0.2.7:5062",
            "sip:3001@192.0.2.7:5063",
            "sip:3001@192.0.2.7:5061"
        ]
    );
}

#[test]
fn times_that_are_too_short_are_refused_and_too_long_ones_cut() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    let (response, effects) =
        testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>\nExpires: 59");
    assert_eq!((status(&response), effects), (423, vec![]));
    assert_eq!(response.headers.get(HeaderName::MinExpires), Some("60"));
    for (lines, secs) in [
        ("Contact: <sip:3001@192.0.2.7>\nExpires: 60", 60),
        ("Contact: <sip:3001@192.0.2.7>;expires=90\nExpires: 600", 90),
        ("Contact: <sip:3001@192.0.2.7>;expires=99999999999999999999", 7200),
        ("Contact: <sip:3001@192.0.2.7>\nExpires: Thu", 3600),
    ] {
        let (response, _) = testbed.register(&mut phone, lines);
        let expected = format!("<sip:3001@192.0.2.7>;expires={secs}");
        assert_eq!(contacts(&response), [expected], "{lines}");
    }
}

#[test]
fn a_phone_takes_itself_away_and_the_number_is_gone_with_the_last() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>, <sip:3001@192.0.2.7:5070>");
    let (response, effects) =
        testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>;expires=0");
    assert_eq!(contacts(&response), ["<sip:3001@192.0.2.7:5070>;expires=3600"]);
    assert_eq!(effects.len(), 1, "one is forgotten, the number is still there: {effects:?}");
    let (response, effects) = testbed.register(&mut phone, "Contact: *\nExpires: 0");
    assert_eq!(contacts(&response), Vec::<&str>::new());
    assert_eq!(effects.last(), Some(&Effect::Unregistered(number("3001"))));
    assert_eq!(testbed.machine.deadline(), None);
}

#[test]
fn a_star_wants_expires_0_and_no_company() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    for lines in
        ["Contact: *", "Contact: *\nExpires: 60", "Contact: *, <sip:1@192.0.2.7>\nExpires: 0"]
    {
        assert_eq!(status(&testbed.register(&mut phone, lines).0), 400, "{lines}");
    }
}

#[test]
fn a_request_that_was_overtaken_changes_nothing() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>");
    let mut late = phone.clone();
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>;expires=600");
    late.cseq -= 1;
    for lines in
        ["Contact: <sip:3001@192.0.2.9>, <sip:3001@192.0.2.7>;expires=0", "Contact: *\nExpires: 0"]
    {
        late.challenge = None;
        late.cseq = phone.cseq - 2;
        let (response, effects) = testbed.register(&mut late, lines);
        assert_eq!((status(&response), effects), (500, vec![]), "{lines}");
        assert_eq!(testbed.targets("3001"), ["sip:3001@192.0.2.7"]);
    }
    let mut restarted = Phone { call_id: "call-2@phone", ..Phone::udp("3001") };
    let (response, _) = testbed.register(&mut restarted, "Contact: <sip:3001@192.0.2.7>");
    assert_eq!(contacts(&response).len(), 1, "after a restart the phone counts anew");
}

#[test]
fn equivalent_contacts_are_one_binding() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@PHONE.example;ob>");
    let (response, _) = testbed.register(&mut phone, "Contact: <sip:3001@phone.example;ob>");
    assert_eq!(contacts(&response), ["<sip:3001@phone.example;ob>;expires=3600"]);
    let (response, _) = testbed.register(&mut phone, "Contact: <sip:3001@phone.example:5060;ob>");
    assert_eq!(
        contacts(&response).len(),
        2,
        "a written port is not a default one (RFC 3261 §19.1.4)"
    );
}

#[test]
fn the_eleventh_contact_pushes_the_oldest_out() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    for port in 1..=CONTACTS_MAX {
        testbed.register(&mut phone, &format!("Contact: <sip:3001@192.0.2.7:{port}>"));
    }
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7:1>");
    let (response, effects) = testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7:11>");
    assert_eq!(contacts(&response).len(), CONTACTS_MAX);
    assert!(!testbed.targets("3001").contains(&"sip:3001@192.0.2.7:2".to_owned()), "{effects:?}");
    assert!(testbed.targets("3001").contains(&"sip:3001@192.0.2.7:1".to_owned()), "it came again");
}

#[test]
fn what_cannot_be_called_is_refused() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    let long = format!("Contact: <sip:3001@192.0.2.7>;x={}", "y".repeat(2048));
    let proxies = format!("Path: <sip:edge.example;x={}>\n", "y".repeat(900)).repeat(5);
    let far = format!("{proxies}Contact: <sip:3001@192.0.2.7>");
    for lines in ["Contact: <mailto:a@b.example>", "Contact: <tel:+4930>", &long, &far] {
        assert_eq!(status(&testbed.register(&mut phone, lines).0), 400, "{lines}");
    }
    let (response, _) =
        testbed.register(&mut phone, "Require: path, gruu\nContact: <sip:1@192.0.2.7>");
    assert_eq!(status(&response), 420);
    assert_eq!(response.headers.get(HeaderName::Unsupported), Some("gruu"));
}

#[test]
fn bindings_end_by_themselves() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>;expires=60, <sip:3001@192.0.2.8>");
    assert_eq!(testbed.machine.deadline(), Some(testbed.now.instant + Duration::from_secs(60)));
    assert_eq!(testbed.wait(59), []);
    let key = "sip:3001@192.0.2.7".to_owned();
    let drop = Effect::Store(BindingChange::Drop { number: number("3001"), key });
    assert_eq!(testbed.wait(1), [drop], "the other is still there");
    let effects = testbed.wait(3540);
    assert_eq!(effects.last(), Some(&Effect::Unregistered(number("3001"))));
    assert_eq!(testbed.targets("3001"), Vec::<String>::new());
}

/// The CSeq of the REGISTER that each binding of 3001 comes from.
fn cseqs(testbed: &Testbed) -> Vec<u32> {
    testbed.machine.bindings().map(|binding| binding.cseq).collect()
}

/// RFC 3261 §10.3, step 7: all tentative binding updates are removed.
#[test]
fn what_the_journal_does_not_have_is_taken_back() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>");
    let effects = testbed.give(Input::Unwritten { transaction: testbed.last });
    let key = "sip:3001@192.0.2.7".to_owned();
    let drop = Effect::Store(BindingChange::Drop { number: number("3001"), key });
    assert_eq!(effects, [drop, Effect::Unregistered(number("3001"))]);
    assert_eq!(testbed.targets("3001"), Vec::<String>::new());
    assert_eq!(testbed.machine.deadline(), None);
    let again = testbed.give(Input::Unwritten { transaction: testbed.last });
    assert_eq!(again, [], "once");
}

#[test]
fn a_contact_that_could_not_be_removed_is_there_again() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3001");
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>");
    testbed.machine.committed(testbed.last);
    testbed.register(&mut phone, "Contact: *\nExpires: 0");
    assert_eq!(testbed.targets("3001"), Vec::<String>::new());
    let effects = testbed.give(Input::Unwritten { transaction: testbed.last });
    assert!(matches!(&effects[..], [Effect::Store(BindingChange::Put(_)), Effect::Registered(_)]));
    assert_eq!(testbed.targets("3001"), ["sip:3001@192.0.2.7"]);
}

#[test]
fn of_two_registrations_under_way_each_is_taken_back_for_itself() {
    for (first, second, left) in
        [(true, true, 4), (true, false, 3), (false, true, 4), (false, false, 2)]
    {
        let mut testbed = Testbed::new();
        let mut phone = Phone::udp("3001");
        testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7>");
        testbed.machine.committed(testbed.last);
        for _ in 0..2 {
            let request = phone.request("Contact: <sip:3001@192.0.2.7>");
            testbed.send(&phone, request);
        }
        for (transaction, written) in [(testbed.last - 1, first), (testbed.last, second)] {
            match written {
                true => testbed.machine.committed(transaction),
                false => drop(testbed.give(Input::Unwritten { transaction })),
            }
        }
        assert_eq!(cseqs(&testbed), [left], "{first} {second}");
    }
}

#[test]
fn nothing_is_taken_back_to_a_closed_connection_a_removed_terminal_or_the_past() {
    let contact = "Contact: <sip:x7@abc.invalid;transport=ws>;expires=60";
    for end in ["closed", "removed", "expired"] {
        let mut testbed = Testbed::new();
        let mut browser = Phone::new("3001", flow(Transport::Ws, "192.0.2.7:40000", 5));
        testbed.register(&mut browser, contact);
        testbed.machine.committed(testbed.last);
        browser.flow = flow(Transport::Ws, "192.0.2.7:40001", 6);
        let request = browser.request(contact);
        testbed.send(&browser, request);
        match end {
            "closed" => drop(testbed.give(Input::Closed(ConnectionId(5)))),
            "removed" => drop(testbed.give(Input::Removed(number("3001")))),
            _ => testbed.now = testbed.now + Duration::from_secs(60),
        }
        testbed.give(Input::Unwritten { transaction: testbed.last });
        assert_eq!(testbed.targets("3001"), Vec::<String>::new(), "{end}");
    }
}

#[test]
fn a_browser_is_gone_with_its_connection() {
    let mut testbed = Testbed::new();
    let mut browser = Phone::new("3001", flow(Transport::Ws, "192.0.2.7:40000", 5));
    testbed.register(&mut browser, "Contact: <sip:x7@abc.invalid;transport=ws>");
    let target = &testbed.machine.contacts(&testbed.directory, &number("3001"))[0];
    assert_eq!(target.way, NextHop::Known(Destination::Flow(browser.flow)));
    assert_eq!(testbed.give(Input::Closed(ConnectionId(4))), []);
    let effects = testbed.give(Input::Closed(ConnectionId(5)));
    assert_eq!(effects.last(), Some(&Effect::Unregistered(number("3001"))));
    assert_eq!(testbed.give(Input::Closed(ConnectionId(5))), []);
}

#[test]
fn a_phone_that_closes_its_connection_is_called_at_its_address() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::new("3001", flow(Transport::Tcp, "192.0.2.7:40000", 5));
    testbed.register(&mut phone, "Contact: <sip:3001@192.0.2.7;transport=tcp>");
    let effects = testbed.give(Input::Closed(ConnectionId(5)));
    assert!(matches!(&effects[..], [Effect::Store(BindingChange::Put(b))] if b.flow.is_none()));
    let target = &testbed.machine.contacts(&testbed.directory, &number("3001"))[0];
    let (transport, remote) = (Transport::Tcp, "192.0.2.7:5060".parse().unwrap());
    assert_eq!(target.way, NextHop::Known(Destination::Address { transport, remote }));
}

#[test]
fn two_flows_of_one_phone_are_called_one_at_a_time() {
    let mut testbed = Testbed::new();
    let instance = r#"+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>""#;
    for (reg_id, connection) in [(1, 5), (2, 6)] {
        let mut phone = Phone::new("3001", flow(Transport::Tcp, "192.0.2.7:40000", connection));
        let line = format!(
            "Supported: outbound\nContact: <sip:3001@10.0.0.5;transport=tcp>;reg-id={reg_id};{instance}"
        );
        let (response, _) = testbed.register(&mut phone, &line);
        assert_eq!(response.headers.get(HeaderName::Require), Some("outbound"));
        assert_eq!(contacts(&response).len(), reg_id);
    }
    let way = |testbed: &Testbed| {
        let targets = testbed.machine.contacts(&testbed.directory, &number("3001"));
        match &targets[..] {
            [target] => match target.way {
                NextHop::Known(Destination::Flow(flow)) => flow.connection.0,
                _ => panic!("{target:?}"),
            },
            _ => panic!("{targets:?}"),
        }
    };
    assert_eq!(way(&testbed), 6);
    let effects = testbed.give(Input::Closed(ConnectionId(6)));
    assert_eq!(effects.len(), 1, "forgotten at once, the number stays: {effects:?}");
    assert_eq!(way(&testbed), 5);

    let mut moved = Phone::new("3001", flow(Transport::Tcp, "192.0.2.7:40001", 7));
    moved.call_id = "call-3@phone";
    let line = format!("Contact: <sip:3001@10.0.0.6;transport=tcp>;reg-id=1;{instance}");
    let (response, _) = testbed.register(&mut moved, &line);
    assert_eq!(contacts(&response).len(), 1, "the same flow, another address");
}

#[test]
fn a_path_of_an_edge_is_kept_shown_and_used() {
    let mut testbed = Testbed::behind_edges(&["192.0.2.7", "192.0.2.96/28"]);
    let mut phone = Phone::udp("3001");
    let contact = "Contact: <sip:3001@10.0.0.5>\nSupported: path\n";
    let lines = format!("{contact}Path: <sip:192.0.2.99;lr>\nPath: <sip:edge.example;lr>");
    let (response, _) = testbed.register(&mut phone, &lines);
    assert_eq!(response.headers.all(HeaderName::Path).count(), 2);
    let target = &testbed.machine.contacts(&testbed.directory, &number("3001"))[0];
    let (transport, remote) = (Transport::Udp, "192.0.2.99:5060".parse().unwrap());
    assert_eq!(target.way, NextHop::Known(Destination::Address { transport, remote }));
    let edge = |text| Uri::parse(text).unwrap();
    assert_eq!(target.route, [edge("sip:192.0.2.99;lr"), edge("sip:edge.example;lr")]);
    // An edge that goes by a name is reached where it came from.
    let (response, _) =
        testbed.register(&mut phone, &format!("{contact}Path: <sip:edge.example;lr>"));
    assert_eq!(status(&response), 200);
    let target = &testbed.machine.contacts(&testbed.directory, &number("3001"))[0];
    assert_eq!(target.way, NextHop::Known(Destination::Flow(phone.flow)));
}

#[test]
fn a_path_of_anybody_else_is_refused_and_forgotten_when_the_edges_change() {
    let line = |edge: &str| format!("Contact: <sip:3001@10.0.0.5>\nPath: <sip:{edge};lr>");
    let refused = |edges: &[&str], edge: &str| {
        let mut testbed = Testbed::behind_edges(edges);
        let (response, effects) = testbed.register(&mut Phone::udp("3001"), &line(edge));
        assert_eq!((status(&response), effects), (403, vec![]));
        assert_eq!(testbed.targets("3001"), [] as [&str; 0]);
        response.reason
    };
    assert_eq!(refused(&[], "192.0.2.99"), "Path by 192.0.2.99, which is not in sip.edges");
    let unknown_edge = "Path by 192.0.2.7, which is not in sip.edges";
    assert_eq!(refused(&["192.0.2.99"], "192.0.2.99"), unknown_edge);
    let victim = "Path by 203.0.113.5, which is not in sip.edges";
    assert_eq!(refused(&["192.0.2.7"], "203.0.113.5"), victim);

    // A proxy at the address that the phone itself comes from reaches nobody else.
    let (own, _) = Testbed::new().register(&mut Phone::udp("3001"), &line("192.0.2.7:5070"));
    assert_eq!(status(&own), 200);

    let mut testbed = Testbed::behind_edges(&["192.0.2.7", "192.0.2.99"]);
    let effects = testbed.register_and_keep(&mut Phone::udp("3001"), &line("192.0.2.99"));
    let mut restarted = Testbed::new();
    let effects = restarted.machine.restore(restarted.now, put(effects), &[]);
    assert!(matches!(&effects[..], [Effect::Store(BindingChange::Drop { .. })]), "{effects:?}");
    assert_eq!(restarted.targets("3001"), [] as [&str; 0]);
}

/// No call may be sent to a machine that is not the phone's.
#[test]
fn a_contact_that_no_phone_has_is_refused_by_its_name() {
    let mut testbed = Testbed::new();
    let refused = |testbed: &mut Testbed, contact: &str| {
        let line = format!("Contact: <sip:3001@{contact}>");
        let (response, effects) = testbed.register(&mut Phone::udp("3001"), &line);
        assert_eq!((status(&response), effects), (403, vec![]), "{contact}");
        response.reason
    };
    for (contact, ip) in [
        ("224.0.1.75", "224.0.1.75"),
        ("[ff02::1]:5060", "ff02::1"),
        ("[::ffff:239.1.2.3]", "239.1.2.3"),
        ("255.255.255.255", "255.255.255.255"),
        ("0.0.0.0:5070", "0.0.0.0"),
        ("[::]", "::"),
        ("239.1.2.3;transport=sctp", "239.1.2.3"),
    ] {
        let why = format!("{ip} is the address of no phone");
        assert_eq!(refused(&mut testbed, contact), why);
    }
    for (contact, ip) in [("127.0.0.1:5070", "127.0.0.1"), ("[::1]", "::1")] {
        let why = format!("{ip} is not the address of a phone at 192.0.2.7");
        assert_eq!(refused(&mut testbed, contact), why);
    }
    for own in ["192.0.2.1", "192.0.2.1:5060;transport=tcp", "[::ffff:192.0.2.1]", "203.0.113.1"] {
        assert!(refused(&mut testbed, own).ends_with(":5060 is the switchboard itself"), "{own}");
    }
    // What is taken away may be anything.
    let line = "Contact: <sip:3001@224.0.1.75>;expires=0";
    assert_eq!(status(&testbed.register(&mut Phone::udp("3001"), line).0), 200);
}

#[test]
fn phones_on_this_machine_and_behind_routers_register_as_ever() {
    let mut testbed = Testbed::new();
    let local = |port| Phone::new("3001", flow(Transport::Udp, &format!("127.0.0.1:{port}"), 0));
    let line = "Contact: <sip:3001@127.0.0.1:5070>";
    assert_eq!(status(&testbed.register(&mut local(5070), line).0), 200);
    // A softphone beside the switchboard has its address, and another port.
    let mut beside = Phone::new("3001", flow(Transport::Udp, "192.0.2.1:5070", 0));
    let line = "Contact: <sip:3001@192.0.2.1:5070>";
    assert_eq!(status(&testbed.register(&mut beside, line).0), 200);
    for contact in ["10.0.0.5", "192.168.1.2:5070", "[fd00::5]", "203.0.113.77", "phone.local"] {
        let mut phone = Phone::udp("3002");
        let line = format!("Contact: <sip:3002@{contact}>");
        assert_eq!(status(&testbed.register(&mut phone, &line).0), 200, "{contact}");
        for target in testbed.machine.contacts(&testbed.directory, &number("3002")) {
            assert_eq!(target.way, NextHop::Known(Destination::Flow(phone.flow)), "{contact}");
        }
    }
}

/// A connection of the last process is closed, and what its phone wrote may be anybody's address.
#[test]
fn after_a_restart_nobody_is_called_at_an_address_that_is_not_his() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::new("3001", flow(Transport::Tcp, "192.0.2.7:40000", 5));
    let line = "Contact: <sip:3001@203.0.113.5;transport=tcp>";
    let effects = testbed.register_and_keep(&mut phone, line);
    let mut restarted = Testbed::new();
    let effects = restarted.machine.restore(restarted.now, put(effects), &[]);
    assert!(matches!(&effects[..], [Effect::Store(BindingChange::Drop { .. })]), "{effects:?}");
    assert_eq!(restarted.targets("3001"), [] as [&str; 0]);
}

/// One that stayed open is the phone's as before; of another with its number or its address nobody knows whose it is.
#[test]
fn after_a_restart_a_phone_is_called_over_the_connection_that_stayed_open() {
    let mut testbed = Testbed::new();
    let kept = flow(Transport::Tcp, "192.0.2.7:40000", 5);
    let mut phone = Phone::new("3001", kept);
    let line = "Contact: <sip:3001@203.0.113.5;transport=tcp>";
    let stored = put(testbed.register_and_keep(&mut phone, line));
    for (open, is_called) in [
        (kept, true),
        (flow(Transport::Tcp, "192.0.2.7:40000", 6), false),
        (flow(Transport::Tcp, "192.0.2.7:40001", 5), false),
    ] {
        let mut restarted = Testbed::new();
        let effects = restarted.machine.restore(restarted.now, stored.clone(), &[open]);
        assert_eq!(effects.is_empty(), is_called, "{effects:?}");
        assert_eq!(restarted.targets("3001").len(), usize::from(is_called));
        assert_eq!(restarted.machine.is_over(open.connection), is_called);
    }
    let mut restarted = Testbed::new();
    let _ = restarted.machine.restore(restarted.now, stored, &[kept]);
    let effects = restarted.give(Input::Closed(kept.connection));
    assert!(matches!(&effects[..], [Effect::Store(BindingChange::Drop { .. }), ..]), "{effects:?}");
}

#[test]
fn a_terminal_is_at_so_many_machines_and_the_oldest_gives_way() {
    let mut testbed = Testbed::new();
    for host in 1..=HOSTS_MAX + 1 {
        let flow = flow(Transport::Udp, &format!("198.51.100.{host}:5060"), 0);
        for contact in ["10.0.0.5", "10.0.0.6"] {
            let mut phone = Phone::new("3001", flow);
            testbed.register(&mut phone, &format!("Contact: <sip:{host}@{contact}>"));
        }
    }
    let targets = testbed.targets("3001");
    assert_eq!(targets.len(), 2 * HOSTS_MAX, "each machine has two: {targets:?}");
    assert!(!targets.iter().any(|target| target.starts_with("sip:1@")), "{targets:?}");
}

/// The bindings that are to be written down.
fn put(effects: Vec<Effect>) -> Vec<Binding> {
    let put = effects.into_iter().filter_map(|effect| match effect {
        Effect::Store(BindingChange::Put(binding)) => Some(*binding),
        _ => None,
    });
    put.collect()
}

#[test]
fn a_fixed_contact_needs_no_registration() {
    let mut testbed = Testbed::new();
    let contact = DraftField::Set(Uri::parse("sip:door@192.0.2.50").unwrap());
    let door = TerminalDraft { contact, ..TerminalDraft::new(number("3100")) };
    testbed.directory.apply(&DirectoryChange::AddTerminal(door)).unwrap();
    assert_eq!(testbed.targets("3100"), ["sip:door@192.0.2.50"]);
    assert!(testbed.machine.is_reachable(&testbed.directory, &number("3100")));
}

#[test]
fn a_removed_terminal_leaves_no_binding() {
    let mut testbed = Testbed::new();
    let mut phone = Phone::udp("3002");
    testbed.register(&mut phone, "Contact: <sip:3002@192.0.2.7>");
    testbed.directory.apply(&DirectoryChange::RemoveTerminal(number("3002"))).unwrap();
    let effects = testbed.give(Input::Removed(number("3002")));
    assert_eq!(effects.last(), Some(&Effect::Unregistered(number("3002"))));
    let request = phone.request("Contact: <sip:3002@192.0.2.7>");
    assert_eq!(status(&testbed.send(&phone, request).0), 401, "the account is gone");
}

#[test]
fn after_a_restart_phones_are_reachable_and_browsers_are_not() {
    let mut testbed = Testbed::new();
    let mut stored: Vec<Binding> = Vec::new();
    for (transport, contact, connection) in [
        (Transport::Udp, "sip:3001@10.0.0.5", 0),
        (Transport::Tcp, "sip:3001@192.0.2.7;transport=tcp", 5),
        (Transport::Ws, "sip:x7@abc.invalid;transport=ws", 6),
        (Transport::Udp, "sip:3001@10.0.0.6;expired", 0),
    ] {
        let mut phone = Phone::new("3001", flow(transport, "192.0.2.7:40000", connection));
        let secs = if contact.ends_with("expired") { 60 } else { 600 };
        let line = format!("Contact: <{contact}>;expires={secs}");
        let request = phone.request("");
        phone.hear(&testbed.send(&phone, request).0);
        let request = phone.request(&line);
        let input = Input::Register { transaction: 1, flow: phone.flow, request };
        for effect in testbed.give(input) {
            if let Effect::Store(BindingChange::Put(binding)) = effect {
                stored.push(*binding);
            }
        }
    }
    let mut restarted = Testbed::new();
    restarted.now.unix = testbed.now.unix + Duration::from_secs(100);
    let effects = restarted.machine.restore(restarted.now, stored, &[]);
    assert_eq!(effects.len(), 2, "the browser and the expired one are forgotten: {effects:?}");
    let targets = restarted.machine.contacts(&restarted.directory, &number("3001"));
    let ways: Vec<_> = targets.iter().map(|target| target.way.clone()).collect();
    let (transport, remote) = (Transport::Tcp, "192.0.2.7:5060".parse().unwrap());
    let behind_nat = flow(Transport::Udp, "192.0.2.7:40000", 0);
    assert_eq!(
        ways,
        [
            NextHop::Known(Destination::Address { transport, remote }),
            NextHop::Known(Destination::Flow(behind_nat)),
        ]
    );
    let end = restarted.now.instant + Duration::from_secs(500);
    assert_eq!(restarted.machine.deadline(), Some(end), "the time that was left");
}

/// Whatever comes from the network, with the right password even: an answer and never a panic.
#[test]
fn mangled_registrations_are_answered() {
    let good = "Contact: \"A, B\" <sip:3001@192.0.2.7:5060;ob?x=y>;q=0.5;expires=600;\
                reg-id=1;+sip.instance=\"<urn:uuid:1>\"\nExpires: 60\nRequire: path\n\
                Path: <sip:192.0.2.9;lr>\nSupported: path, outbound\nUser-Agent: X/1";
    for seed in 0..400 {
        let mut random = Random::from_number(seed);
        let mut testbed = Testbed::behind_edges(&["192.0.2.0/24"]);
        let mut phone = Phone::udp("3001");
        let request = phone.request("");
        phone.hear(&testbed.send(&phone, request).0);
        let mut lines: Vec<u8> = good.bytes().collect();
        for _ in 0..=random.below(4) {
            let place = random.below(lines.len() as u64) as usize;
            match random.below(3) {
                0 => drop(lines.remove(place)),
                1 => lines[place] = b"\"<>;,=*0%@: "[random.below(12) as usize],
                _ => lines.insert(place, b'9'),
            }
        }
        let text = phone.text(&String::from_utf8(lines).unwrap());
        let Ok(Message::Request(request)) = parse(text.as_bytes()) else { continue };
        let (response, _) = testbed.send(&phone, request);
        assert!(
            [200, 400, 401, 403, 420, 423].contains(&status(&response)),
            "seed {seed}: {response:?}"
        );
        let known = testbed.machine.bindings().count();
        assert!(known <= CONTACTS_MAX && testbed.targets("3001").len() <= known, "seed {seed}");
    }
}

/// Whatever phones send: the effects alone rebuild what the machine knows, no number has more
/// contacts than the limit, and nothing is left when the last time is over.
#[test]
fn the_journal_always_knows_what_the_machine_knows() {
    for seed in 0..10 {
        let mut random = Random::from_number(seed);
        let mut testbed = Testbed::new();
        let mut journal: BTreeMap<(Number, String), Binding> = BTreeMap::new();
        let mut phones: Vec<Phone> = [(Transport::Udp, 0), (Transport::Tcp, 1), (Transport::Ws, 2)]
            .into_iter()
            .flat_map(|(transport, connection)| {
                ["3001", "3002"]
                    .map(|user| Phone::new(user, flow(transport, "192.0.2.7:40000", connection)))
            })
            .collect();
        for _ in 0..200 {
            let place = random.below(phones.len() as u64) as usize;
            let mut pick = |of: &[&str]| of[random.below(of.len() as u64) as usize].to_owned();
            let expires = pick(&["0", "60", "600", "7200", "10"]);
            let host = pick(&["192.0.2.7", "10.0.0.5", "phone.example", "PHONE.example"]);
            let port = pick(&["", ":5060", ":5070", ":1", ":2", ":3", ":4", ":5"]);
            let extra = pick(&["", ";q=0.5", ";reg-id=1;+sip.instance=\"<urn:x>\""]);
            let lines = format!("Contact: <sip:a@{host}{port}>{extra}\nExpires: {expires}");
            let effects = match pick(&[
                "register", "register", "register", "clear", "wait", "close",
            ])
            .as_str()
            {
                "register" => testbed.register_and_keep(&mut phones[place], &lines),
                "clear" => testbed.register_and_keep(&mut phones[place], "Contact: *\nExpires: 0"),
                "wait" => testbed.wait(45),
                _ => {
                    let connection = random.below(3);
                    testbed.give(Input::Closed(ConnectionId(connection)))
                }
            };
            for effect in effects {
                match effect {
                    Effect::Store(BindingChange::Put(b)) => {
                        journal.insert((b.number.clone(), b.key()), *b);
                    }
                    Effect::Store(BindingChange::Drop { number, key }) => {
                        assert!(journal.remove(&(number, key)).is_some(), "seed {seed}");
                    }
                    Effect::Unregistered(number) => {
                        assert!(!testbed.machine.is_reachable(&testbed.directory, &number));
                    }
                    Effect::Registered(_) | Effect::Respond { .. } => {}
                }
            }
            let known: BTreeMap<_, _> = testbed
                .machine
                .bindings()
                .map(|b| ((b.number.clone(), b.key()), b.clone()))
                .collect();
            assert_eq!(known, journal, "seed {seed}");
            assert!(phones.iter().all(|p| testbed.targets(p.user).len() <= CONTACTS_MAX));
        }
        testbed.wait(7200);
        assert_eq!((testbed.machine.bindings().count(), testbed.machine.deadline()), (0, None));
    }
}

impl Testbed {
    fn register_and_keep(&mut self, phone: &mut Phone, lines: &str) -> Vec<Effect> {
        phone.challenge = None;
        let request = phone.request(lines);
        phone.hear(&self.send(phone, request).0);
        let request = phone.request(lines);
        self.give(Input::Register { transaction: 1, flow: phone.flow, request })
    }
}
