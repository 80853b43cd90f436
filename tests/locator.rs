//! Names, as days in the life of a DNS: what is asked, and when again.

#![allow(clippy::unwrap_used)] // A test may panic.

mod day;

use cordboard::locator::{
    ASKED_MAX, DESTINATIONS_MAX, DnsAnswer, Effect, Input, Machine, Naptr, PATIENCE, Question,
    RECORDS_MAX, Records, SOUGHT_MAX, STALE_MAX, Settings, Sought, Srv, TTL_MAX,
};
use cordboard::sip::Destination;
use cordboard::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// RFC 3263 §4.1, §4.2: the domain says which transports it has, and where.
#[test]
fn a_domain_leads_over_naptr_and_srv_to_addresses() {
    play(
        "
        0s   seek carrier.example
                 ask NAPTR carrier.example
        0s   NAPTR carrier.example 1 SIPS+D2T _sips._tcp.carrier.example, 2 SIP+D2T _sip._tcp.carrier.example
                 ask SRV _sip._tcp.carrier.example
        0s   SRV _sip._tcp.carrier.example 20/0 b.carrier.example:5070, 10/0 a.carrier.example:5060
                 ask A a.carrier.example
                 ask A b.carrier.example
        0s   A b.carrier.example 192.0.2.2
                 moved carrier.example 192.0.2.2
        0s   A a.carrier.example 192.0.2.1 2001:db8::1
                 moved carrier.example 192.0.2.1 192.0.2.2 2001:db8::1
        0s   where carrier.example
                 TCP 192.0.2.1:5060
                 TCP [2001:db8::1]:5060
                 TCP 192.0.2.2:5070
    ",
    );
}

#[test]
fn a_domain_without_naptr_is_asked_for_each_of_our_transports() {
    play(
        "
        0s   seek carrier.example
                 ask NAPTR carrier.example
        0s   NAPTR carrier.example absent
                 ask SRV _sip._tcp.carrier.example
                 ask SRV _sip._udp.carrier.example
        0s   SRV _sip._udp.carrier.example absent
        0s   SRV _sip._tcp.carrier.example 1/0 a.carrier.example:5060
                 ask A a.carrier.example
        0s   A a.carrier.example 192.0.2.1
                 moved carrier.example 192.0.2.1
        0s   where carrier.example
                 TCP 192.0.2.1:5060
    ",
    );
}

/// A name server that knows nothing of NAPTR is common; the rest of the way goes on.
#[test]
fn a_name_with_nothing_but_addresses_is_reached_over_udp() {
    play(
        "
        0s   seek gw.example
                 ask NAPTR gw.example
        0s   NAPTR gw.example failed
                 ask SRV _sip._tcp.gw.example
                 ask SRV _sip._udp.gw.example
        0s   SRV _sip._udp.gw.example absent
        0s   SRV _sip._tcp.gw.example absent
                 ask A gw.example
        0s   A gw.example 192.0.2.1
                 moved gw.example 192.0.2.1
        0s   where gw.example
                 UDP 192.0.2.1:5060
    ",
    );
}

/// Where SRV may be, the domain's own address may be a web server's: it is not called, and not trusted.
#[test]
fn a_domain_whose_srv_cannot_be_asked_has_no_servers() {
    play(
        "
        0s   seek carrier.example
                 ask NAPTR carrier.example
        0s   NAPTR carrier.example absent
                 ask SRV _sip._tcp.carrier.example
                 ask SRV _sip._udp.carrier.example
        0s   SRV _sip._udp.carrier.example failed
        0s   SRV _sip._tcp.carrier.example failed
                 unresolved carrier.example
        5s   alarm
                 ask SRV _sip._tcp.carrier.example
                 ask SRV _sip._udp.carrier.example
    ",
    );
}

/// RFC 2782: the target `.` means that the service is decidedly not there.
#[test]
fn a_service_that_is_decidedly_not_there_is_not_looked_for_elsewhere() {
    play(
        "
        0s   seek gw.example over udp
                 ask SRV _sip._udp.gw.example
        0s   SRV _sip._udp.gw.example 0/0 :0
                 unresolved gw.example
    ",
    );
}

#[test]
fn a_port_leaves_nothing_to_ask_but_addresses() {
    play(
        "
        0s   seek gw.example:5070
                 ask A gw.example
        0s   A gw.example 192.0.2.1
                 moved gw.example:5070 192.0.2.1
        0s   where gw.example:5070
                 UDP 192.0.2.1:5070
        0s   where other.example:5070
    ",
    );
}

/// A trunk that moves is called, and trusted, at its new place.
#[test]
fn what_is_known_is_asked_again_when_its_time_is_over() {
    play(
        "
        0s   seek gw.example:5060
                 ask A gw.example
        0s   A gw.example 192.0.2.1 for 60
                 moved gw.example:5060 192.0.2.1
        60s  alarm
                 ask A gw.example
        60s  where gw.example:5060              # while it is asked, the old answer holds
                 UDP 192.0.2.1:5060
        61s  A gw.example 192.0.2.2 for 60
                 moved gw.example:5060 192.0.2.2
        121s alarm
                 ask A gw.example
        121s A gw.example 192.0.2.2 for 60      # no news
        181s alarm
                 ask A gw.example
        181s A gw.example absent                # the domain's own word: it is gone
                 moved gw.example:5060
                 unresolved gw.example:5060
        182s where gw.example:5060
    ",
    );
}

#[test]
fn while_the_dns_is_away_its_last_word_holds() {
    play(
        "
        0s   seek gw.example:5060
                 ask A gw.example
        0s   A gw.example 192.0.2.1 for 60
                 moved gw.example:5060 192.0.2.1
        60s  alarm
                 ask A gw.example
        66s  A gw.example failed
        71s  alarm
                 ask A gw.example
        71s  A gw.example failed
        80s  where gw.example:5060
                 UDP 192.0.2.1:5060
        81s  alarm
                 ask A gw.example
        81s  A gw.example 192.0.2.1
    ",
    );
}

#[test]
fn a_name_that_cannot_be_asked_at_the_start_is_asked_again_ever_more_slowly() {
    play(
        "
        0s   seek gw.example:5060
                 ask A gw.example
        0s   A gw.example failed
                 unresolved gw.example:5060
        5s   alarm
                 ask A gw.example
        5s   A gw.example failed                # said once
        15s  alarm
                 ask A gw.example
        15s  A gw.example failed
        35s  alarm
                 ask A gw.example
        35s  A gw.example 192.0.2.1 for 60
                 moved gw.example:5060 192.0.2.1
        95s  alarm
                 ask A gw.example
        95s  A gw.example failed
        100s alarm                              # and from the beginning again
                 ask A gw.example
    ",
    );
}

#[test]
fn an_answer_that_never_comes_counts_as_none() {
    let mut dns = Dns::new();
    let [Effect::Ask(question)] = &dns.seek(0, &["gw.example:5060"])[..] else { panic!() };
    assert_eq!(dns.0.deadline(), Some(at(0) + PATIENCE));
    let effects = dns.0.tick(at(60));
    assert_eq!(effects, [Effect::Unresolved(Sought::new("gw.example", Some(5060)))]);
    // The late answer is nobody's; the next one is awaited.
    let found =
        DnsAnswer::Found { records: addresses(["192.0.2.1"]), ttl: Duration::from_secs(60) };
    assert_eq!(dns.answer(61, question.clone(), found.clone()), []);
    assert_eq!(dns.0.tick(at(65)), [Effect::Ask(question.clone())]);
    assert_eq!(dns.answer(65, question.clone(), found).len(), 1);
}

#[test]
fn the_last_word_of_the_dns_does_not_hold_for_ever() {
    let mut dns = Dns::new();
    let [Effect::Ask(question)] = &dns.seek(0, &["gw.example:5060"])[..] else { panic!() };
    let ttl = Duration::from_secs(60);
    let _ = dns.answer(
        0,
        question.clone(),
        DnsAnswer::Found { records: addresses(["192.0.2.1"]), ttl },
    );
    let last = at(0) + ttl + STALE_MAX;
    let mut lost_at = None;
    while lost_at.is_none() {
        let now = dns.0.deadline().unwrap();
        assert_eq!(dns.0.tick(now), [Effect::Ask(question.clone())]);
        let input = Input::Answered { question: question.clone(), answer: DnsAnswer::Failed };
        let effects = dns.0.handle(now, input);
        lost_at = (!effects.is_empty()).then_some(now);
    }
    assert!(
        lost_at.is_some_and(|lost| lost >= last && lost.since(last) < Duration::from_secs(300))
    );
    assert_eq!(dns.0.unresolved().count(), 1);
}

#[test]
fn no_time_to_live_makes_us_ask_without_end_or_never_again() {
    for (ttl, next) in [(0, 10), (30, 30), (u32::MAX.into(), TTL_MAX.as_secs())] {
        let mut dns = Dns::new();
        let [Effect::Ask(question)] = &dns.seek(0, &["gw.example:5060"])[..] else { panic!() };
        let ttl = Duration::from_secs(ttl);
        let found = DnsAnswer::Found { records: addresses(["192.0.2.1"]), ttl };
        let _ = dns.answer(0, question.clone(), found);
        assert_eq!(dns.0.deadline(), Some(at(next)));
    }
}

/// What an answer may hold at most, and what nobody may make us send to.
#[test]
fn an_answer_has_bounds_and_leads_to_no_crowd() {
    play(
        "
        0s   seek gw.example:5060
                 ask A gw.example
        0s   A gw.example 0.0.0.0 255.255.255.255 224.0.0.1 ff02::1 :: 127.0.0.1
                 moved gw.example:5060 127.0.0.1
    ",
    );
    let mut dns = Dns::new();
    let [Effect::Ask(question)] = &dns.seek(0, &["gw.example:5060"])[..] else { panic!() };
    let many = (1..=200).map(|n| format!("192.0.2.{n}"));
    let records = Records::Addresses(many.map(|text| text.parse().unwrap()).collect());
    let found = DnsAnswer::Found { records, ttl: Duration::from_secs(60) };
    let effects = dns.answer(0, question.clone(), found);
    let [Effect::Moved { addresses, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(addresses.len(), RECORDS_MAX);
    let sought = Sought::new("gw.example", Some(5060));
    assert_eq!(dns.0.destinations(&sought, 1).len(), DESTINATIONS_MAX);
}

#[test]
fn answers_that_nobody_asked_for_teach_nothing() {
    let mut dns = Dns::new();
    let question = Question::Addresses("gw.example".into());
    let found =
        DnsAnswer::Found { records: addresses(["192.0.2.1"]), ttl: Duration::from_secs(60) };
    assert_eq!(dns.answer(0, question.clone(), found.clone()), []);
    let _ = dns.seek(0, &["gw.example:5060"]);
    assert_eq!(dns.answer(0, question.clone(), found.clone()).len(), 1);
    let moved =
        DnsAnswer::Found { records: addresses(["192.0.2.9"]), ttl: Duration::from_secs(60) };
    assert_eq!(dns.answer(1, question, moved), [], "it was answered already");
    // An answer of another kind than the question is as good as none.
    let _ = dns.seek(2, &["other.example"]);
    let naptr = Question::Naptr("other.example".into());
    let effects = dns.answer(2, naptr, found);
    assert!(effects.iter().all(|effect| matches!(effect, Effect::Ask(Question::Srv(_)))));
}

/// RFC 2782: within one priority by weight.
#[test]
fn servers_of_one_priority_take_turns_by_their_weights() {
    let mut dns = Dns::new();
    let _ = dns.seek(0, &["gw.example over udp"]);
    let ttl = Duration::from_secs(60);
    let server = |weight, port| Srv { priority: 1, weight, port, target: "a.example".into() };
    let records = Records::Srv(vec![server(30, 1), server(10, 2), server(0, 3)]);
    let srv = Question::Srv("_sip._udp.gw.example".into());
    let _ = dns.answer(0, srv, DnsAnswer::Found { records, ttl });
    let a = Question::Addresses("a.example".into());
    let _ = dns.answer(0, a, DnsAnswer::Found { records: addresses(["192.0.2.1"]), ttl });
    let mut first = BTreeMap::new();
    for turn in 0..1000 {
        let all = dns.0.destinations(&sought("gw.example over udp"), turn);
        assert_eq!(all.len(), 3, "the others stand by");
        *first.entry(all[0].remote().port()).or_insert(0) += 1;
    }
    assert!((700..800).contains(&first[&1]) && (200..300).contains(&first[&2]), "{first:?}");
    assert_eq!(first.get(&3), None);
}

#[test]
fn the_questions_on_their_way_are_limited_and_so_are_the_names() {
    let mut dns = Dns::new();
    let names: BTreeSet<Sought> =
        (0..SOUGHT_MAX + 10).map(|n| Sought::new(&format!("p{n}.example"), Some(5060))).collect();
    let mut waiting: Vec<Question> =
        dns.0.handle(at(0), Input::Seek(names)).into_iter().map(asked).collect();
    assert_eq!(waiting.len(), ASKED_MAX);
    let mut answered = 0;
    while let Some(question) = waiting.pop() {
        answered += 1;
        let effects = dns.answer(0, question, DnsAnswer::Absent { ttl: None });
        waiting.extend(effects.into_iter().filter(|e| matches!(e, Effect::Ask(_))).map(asked));
        assert!(waiting.len() <= ASKED_MAX);
    }
    assert_eq!(answered, SOUGHT_MAX);
}

#[test]
fn a_name_that_is_sought_no_more_is_forgotten() {
    let mut dns = Dns::new();
    let _ = dns.seek(0, &["gw.example:5060"]);
    assert_eq!(dns.seek(1, &[]), []);
    assert_eq!(dns.0.deadline(), None);
    let found =
        DnsAnswer::Found { records: addresses(["192.0.2.1"]), ttl: Duration::from_secs(60) };
    assert_eq!(dns.answer(2, Question::Addresses("gw.example".into()), found), []);
    // Its place on the way is free again.
    let many: Vec<String> = (0..ASKED_MAX).map(|n| format!("p{n}.example:1")).collect();
    assert_eq!(dns.seek(3, &many.iter().map(String::as_str).collect::<Vec<_>>()).len(), ASKED_MAX);
}

// ---- how days are played ----

#[track_caller]
fn play(script: &str) {
    day::day(&mut Dns::new(), script);
}

fn at(seconds: u64) -> Instant {
    Instant::START + Duration::from_secs(seconds)
}

struct Dns(Machine);

impl Dns {
    fn new() -> Self {
        Self(Machine::new(Settings::default()))
    }

    fn seek(&mut self, seconds: u64, names: &[&str]) -> Vec<Effect> {
        self.0.handle(at(seconds), Input::Seek(names.iter().map(|name| sought(name)).collect()))
    }

    fn answer(&mut self, seconds: u64, question: Question, answer: DnsAnswer) -> Vec<Effect> {
        self.0.handle(at(seconds), Input::Answered { question, answer })
    }
}

fn asked(effect: Effect) -> Question {
    let Effect::Ask(question) = effect else { panic!("{effect:?}") };
    question
}

fn addresses<const N: usize>(texts: [&str; N]) -> Records {
    Records::Addresses(texts.map(|text| text.parse().unwrap()).into())
}

/// `gw.example`, `gw.example:5060`, `gw.example over udp`.
fn sought(text: &str) -> Sought {
    let (name, transport) = text.split_once(" over ").map_or((text, None), |(n, t)| (n, Some(t)));
    let (host, port) = name.split_once(':').map_or((name, None), |(h, p)| (h, p.parse().ok()));
    let transport = transport.and_then(cordboard::sip::Transport::from_token);
    Sought { transport, ..Sought::new(host, port) }
}

impl day::Machine for Dns {
    fn play(&mut self, now: Instant, words: &[&str]) -> Vec<String> {
        match words {
            ["seek", name @ ..] => {
                let names = [sought(&name.join(" "))].into();
                self.0.handle(now, Input::Seek(names)).iter().map(print).collect()
            }
            ["where", name] => {
                let found = self.0.destinations(&sought(name), 0);
                let shown =
                    |found: &Destination| format!("{} {}", found.transport(), found.remote());
                found.iter().map(shown).collect()
            }
            [kind, name, said @ ..] => {
                let input = Input::Answered {
                    question: question(kind, name),
                    answer: answer(kind, &said.join(" ")),
                };
                self.0.handle(now, input).iter().map(print).collect()
            }
            _ => panic!("nobody understands {words:?}"),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn tick(&mut self, now: Instant) -> Vec<String> {
        self.0.tick(now).iter().map(print).collect()
    }
}

fn question(kind: &str, name: &str) -> Question {
    match kind {
        "NAPTR" => Question::Naptr(name.into()),
        "SRV" => Question::Srv(name.into()),
        "A" => Question::Addresses(name.into()),
        _ => panic!("no such question: {kind}"),
    }
}

/// `absent`, `failed`, or records, with `for 60` for their time to live.
fn answer(kind: &str, said: &str) -> DnsAnswer {
    let (said, ttl) = said.split_once(" for ").unwrap_or((said, "3600"));
    let ttl = Duration::from_secs(ttl.parse().unwrap());
    let each = said.split(", ").map(|one| one.split(' ').collect::<Vec<_>>());
    let records = match (kind, said) {
        (_, "absent") => return DnsAnswer::Absent { ttl: None },
        (_, "failed") => return DnsAnswer::Failed,
        ("NAPTR", _) => Records::Naptr(
            each.map(|record| Naptr {
                order: record[0].parse().unwrap(),
                preference: 0,
                flags: "s".into(),
                service: record[1].into(),
                replacement: record[2].into(),
            })
            .collect(),
        ),
        ("SRV", _) => Records::Srv(
            each.map(|record| {
                let (priority, weight) = record[0].split_once('/').unwrap();
                let (target, port) = record[1].split_once(':').unwrap();
                Srv {
                    priority: priority.parse().unwrap(),
                    weight: weight.parse().unwrap(),
                    port: port.parse().unwrap(),
                    target: target.into(),
                }
            })
            .collect(),
        ),
        _ => Records::Addresses(said.split(' ').map(|text| text.parse().unwrap()).collect()),
    };
    DnsAnswer::Found { records, ttl }
}

fn print(effect: &Effect) -> String {
    match effect {
        Effect::Ask(question) => format!("ask {question}"),
        Effect::Moved { sought, addresses } => {
            let each: String = addresses.iter().map(|address| format!(" {address}")).collect();
            format!("moved {sought}{each}")
        }
        Effect::Unresolved(sought) => format!("unresolved {sought}"),
    }
}
