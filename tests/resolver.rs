//! The DNS as the locator asks it: one question, one answer, from a name server of the tests.

#![allow(clippy::unwrap_used)] // A test may panic.

mod name_server;

use cordboard::locator::{DnsAnswer, Naptr, Question, Records, Srv};
use cordboard::server::resolver::Resolver;
use cordboard::time::Duration;
use name_server::{Mood, NameServer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const TTL: Duration = Duration::from_secs(77);

/// What comes back for one question.
fn asked(server: SocketAddr, question: &Question) -> DnsAnswer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut resolver = Resolver::new(vec![server]);
        resolver.ask(question.clone());
        let (answered, answer) = resolver.next().await.unwrap();
        assert_eq!(answered, *question);
        answer
    })
}

fn found(records: Records) -> DnsAnswer {
    DnsAnswer::Found { records, ttl: TTL }
}

#[test]
fn a_domain_its_services_and_its_hosts_are_read_with_their_time_to_live() {
    let dns = NameServer::at(HERE);
    dns.has_domain("carrier.example", 77, &[(10, "SIP+D2U", "_sip._udp.Carrier.example.")]);
    let naptr = Naptr {
        order: 10,
        preference: 0,
        flags: "s".into(),
        service: "SIP+D2U".into(),
        replacement: "_sip._udp.carrier.example".into(),
    };
    let question = Question::Naptr("carrier.example".into());
    assert_eq!(asked(dns.address, &question), found(Records::Naptr(vec![naptr])));

    dns.has_service("_sip._udp.carrier.example", 77, &[(1, 2, 5070, "a.example"), (3, 4, 0, "")]);
    let server = |priority, weight, port, target: &str| Srv {
        priority,
        weight,
        port,
        target: target.into(),
    };
    let servers = vec![server(1, 2, 5070, "a.example"), server(3, 4, 0, "")];
    let question = Question::Srv("_sip._udp.carrier.example".into());
    assert_eq!(asked(dns.address, &question), found(Records::Srv(servers)));

    dns.has_host("a.example", 77, &[[192, 0, 2, 1].into(), [192, 0, 2, 2].into()]);
    let addresses = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
    let question = Question::Addresses("a.example".into());
    let DnsAnswer::Found { records, ttl } = asked(dns.address, &question) else { panic!() };
    assert_eq!(records, Records::Addresses(addresses.into()));
    // Rounded down: the resolver says until when.
    assert!(ttl == TTL || ttl == TTL - Duration::from_secs(1), "{ttl:?}");
}

#[test]
fn what_is_not_there_is_told_from_a_dns_that_cannot_say() {
    let dns = NameServer::at(HERE);
    dns.has_host("a.example", 60, &[Ipv4Addr::LOCALHOST]);
    let questions = [
        Question::Naptr("a.example".into()),
        Question::Srv("_sip._udp.a.example".into()),
        Question::Addresses("b.example".into()),
    ];
    for question in &questions {
        assert_eq!(asked(dns.address, question), DnsAnswer::Absent { ttl: None }, "{question}");
    }
    dns.is_in(Mood::Failing);
    for question in &questions {
        assert_eq!(asked(dns.address, question), DnsAnswer::Failed, "{question}");
    }
}

#[test]
fn a_dns_that_is_away_or_talks_nonsense_is_a_failure() {
    let away = UdpSocket::bind((HERE, 0)).unwrap().local_addr().unwrap();
    let question = Question::Addresses("a.example".into());
    assert_eq!(asked(away, &question), DnsAnswer::Failed);
    let dns = NameServer::at(HERE);
    dns.is_in(Mood::Babbling);
    assert_eq!(asked(dns.address, &question), DnsAnswer::Failed);
}

#[test]
fn the_hosts_file_is_known_without_any_dns() {
    let away = UdpSocket::bind((HERE, 0)).unwrap().local_addr().unwrap();
    let question = Question::Addresses("localhost".into());
    let DnsAnswer::Found { records: Records::Addresses(found), .. } = asked(away, &question) else {
        panic!("localhost is in /etc/hosts")
    };
    assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty(), "{found:?}");
}

/// A wildcard below the system's own domain would answer for everybody.
#[test]
fn a_name_with_a_dot_is_asked_as_it_is_written() {
    let dns = NameServer::at(HERE);
    let _ = asked(dns.address, &Question::Addresses("gw.example".into()));
    assert!(dns.asked().iter().all(|asked| asked.ends_with(" gw.example")), "{:?}", dns.asked());
}
