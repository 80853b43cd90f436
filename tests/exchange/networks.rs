//! A house on several networks, that listens on all addresses: each peer is told the one that it can reach.

use super::*;
use cordboard::sip::{Network, Request};

/// On the first network the world, on the second 10.8.0.0/16; 4001's door station is at 10.8.3.9.
fn testbed(advertised: &[(&str, &str)]) -> Testbed {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(Network, std::net::IpAddr)> {
        pairs.iter().map(|(of, own)| (of.parse().unwrap(), own.parse().unwrap())).collect()
    };
    let listeners = [Transport::Udp, Transport::Tcp].map(|t| (t, address("0.0.0.0:5060")));
    let mut own = OwnAddresses::new(listeners.to_vec(), pairs(advertised));
    own.set_routes(pairs(&[("0.0.0.0/0", "192.0.2.1"), ("10.8.0.0/16", "10.8.0.1")]));
    let mut settings = settings();
    settings.addresses = vec![address("0.0.0.0:5060")];
    settings.transaction.own = own.clone();
    settings.leg.dialog.own = own;
    settings.leg.media_addresses = vec!["0.0.0.0".parse().unwrap()];
    Testbed::of(settings, "sip:4001@10.8.3.9:5060")
}

/// What a guest at 198.51.100.7 hears who calls the operator.
fn answered(testbed: &mut Testbed) -> String {
    let effects = repeats_until_it_is_answered(testbed, "198.51.100.7:5060", &invite_with_sound(1));
    let with_media = sent(&effects).into_iter().find_map(|(_, message)| match message {
        Message::Response(response) if !response.body.is_empty() => Some(response),
        _ => None,
    });
    shown(&with_media.expect("a response with SDP").into())
}

/// What the door station hears whom that guest calls.
fn called(testbed: &mut Testbed) -> String {
    let invite = invite_with_sound(2).replace("9000", "4001");
    let effects = testbed.hears("198.51.100.7:5060", &invite);
    let (.., message) = invited(&effects);
    shown(&message)
}

/// Via, Contact, and the address of the media.
fn shown(message: &Message) -> String {
    let (headers, body) = match message {
        Message::Request(Request { headers, body, .. }) => (headers, body),
        Message::Response(response) => (&response.headers, &response.body),
    };
    let sdp = String::from_utf8_lossy(body).into_owned();
    let media = sdp.lines().find_map(|line| line.strip_prefix("c=IN IP4 ")).unwrap_or("nothing");
    let contact = headers.contact().unwrap();
    let via = match message {
        Message::Request(_) => headers.via().unwrap().host().to_string() + " ",
        Message::Response(_) => String::new(),
    };
    format!("{via}{} {media}", contact.uri.host().unwrap())
}

#[test]
fn each_peer_is_told_the_address_on_its_own_network() {
    let mut testbed = testbed(&[]);
    assert_eq!(answered(&mut testbed), "192.0.2.1 192.0.2.1");
    assert_eq!(called(&mut testbed), "10.8.0.1 10.8.0.1 10.8.0.1");
}

/// The routing table has 192.0.2.1 for packets to all of them.
#[test]
fn media_are_told_the_address_that_the_signalling_came_by() {
    let mut testbed = testbed(&[]);
    let second = |remote| Flow {
        transport: Transport::Udp,
        local: address("192.0.2.9:5060"),
        remote: address(remote),
        connection: ConnectionId(0),
    };
    testbed.over = Some(second("198.51.100.7:5060"));
    assert_eq!(answered(&mut testbed), "192.0.2.9 192.0.2.9", "a caller");
    testbed.over = Some(second("192.0.2.8:5060"));
    registered(&mut testbed);
    let invite = invite_with_sound(2).replace("9000", "3001");
    let effects = testbed.hears("198.51.100.7:5060", &invite);
    let (.., message) = invited(&effects);
    assert_eq!(shown(&message), "192.0.2.9 192.0.2.9 192.0.2.9", "whom we call");
}

#[test]
fn a_house_behind_a_nat_advertises_to_the_world_what_the_nat_has() {
    let mut testbed = testbed(&[("0.0.0.0/0", "203.0.113.77"), ("10.8.0.0/16", "10.8.0.2")]);
    assert_eq!(answered(&mut testbed), "203.0.113.77 203.0.113.77");
    assert_eq!(called(&mut testbed), "10.8.0.2 10.8.0.2 10.8.0.2");
}

#[test]
fn a_network_that_comes_later_is_served_as_one_that_was_there() {
    let mut testbed = testbed(&[]);
    let routes = vec![
        (Network::IPV4, "192.0.2.1".parse().unwrap()),
        ("10.8.3.0/24".parse().unwrap(), "10.8.3.1".parse().unwrap()),
    ];
    let _ = testbed.give(Input::Routes(routes));
    assert_eq!(called(&mut testbed), "10.8.3.1 10.8.3.1 10.8.3.1");
    // Who names us by that address means us: it is challenged as one of our own.
    let invite = invite(3, "4001", CONTACT).replace("eve@elsewhere.example", "3001@10.8.3.1");
    assert_eq!(status(&testbed.hears("198.51.100.7:5060", &invite)), Some(401));
}
