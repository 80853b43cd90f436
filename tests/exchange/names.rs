//! For which names the certificate of a peer has to be (RFC 5922 §7.3): those by which the configuration knows whoever
//! is there, and nobody else's.

use super::*;

fn tls(remote: &str) -> Destination {
    Destination::Address { transport: Transport::Tls, remote: address(remote) }
}

fn names(testbed: &Testbed, remote: &str) -> Vec<String> {
    testbed.machine.names_at(&tls(remote)).into_iter().collect()
}

fn testbed(trunks: Vec<Trunk>) -> Testbed {
    let (mut testbed, _) = Testbed::with(StoredState::default(), trunks);
    for (name, ip) in [("sip.carrier.example", "192.0.2.50"), ("sip.rival.example", "192.0.2.60")] {
        let _ = testbed.learns_addresses(name, &[ip]);
    }
    testbed
}

#[test]
fn a_peer_is_known_by_the_names_of_its_trunk_and_by_no_other() {
    let carrier = trunk("carrier", &["tls:sip.carrier.example:5061"]);
    let rival = trunk("rival", &["tls:sip.rival.example:5061"]);
    let testbed = testbed(vec![carrier, rival]);
    assert_eq!(names(&testbed, "192.0.2.50:5061"), ["sip.carrier.example"]);
    assert_eq!(names(&testbed, "192.0.2.60:5061"), ["sip.rival.example"]);
    // A port at which no trunk is: by its address.
    assert_eq!(names(&testbed, "192.0.2.50:5071"), ["192.0.2.50"]);
}

#[test]
fn two_trunks_at_one_server_are_both_believed_there() {
    let carrier = trunk("carrier", &["tls:sip.carrier.example:5061"]);
    let mut testbed = testbed(vec![carrier, trunk("rival", &["tls:sip.rival.example:5061"])]);
    testbed.now = testbed.now + Duration::from_secs(60);
    let _ = testbed.machine.tick(testbed.now);
    let _ = testbed.learns_addresses("sip.rival.example", &["192.0.2.50"]);
    let both = ["sip.carrier.example", "sip.rival.example"];
    assert_eq!(names(&testbed, "192.0.2.50:5061"), both);
    // Nobody whom the configuration knows is where the rival was.
    assert_eq!(names(&testbed, "192.0.2.60:5061"), ["192.0.2.60"]);
}

#[test]
fn a_trunk_that_is_given_as_an_address_is_known_by_that() {
    let carrier = trunk("carrier", &["tls:203.0.113.5", "tls:sip.carrier.example:5061"]);
    let testbed = testbed(vec![carrier]);
    assert_eq!(names(&testbed, "203.0.113.5:5061"), ["203.0.113.5"]);
    assert_eq!(names(&testbed, "[::ffff:203.0.113.5]:5061"), ["203.0.113.5"]);
    assert_eq!(names(&testbed, "192.0.2.50:5061"), ["sip.carrier.example"]);
}

/// By name and by address: either will do.
#[test]
fn a_name_beside_the_address_that_it_leads_to_is_as_good() {
    let carrier = trunk("carrier", &["tls:192.0.2.50", "tls:sip.carrier.example:5061"]);
    let testbed = testbed(vec![carrier]);
    assert_eq!(names(&testbed, "192.0.2.50:5061"), ["192.0.2.50", "sip.carrier.example"]);
}

/// A phone with a fixed contact, by its name.
#[test]
fn a_fixed_contact_is_known_by_its_name() {
    let mut testbed = Testbed::of(settings(), "sips:4001@door.example:5061");
    let _ = testbed.learns_addresses("door.example", &["192.0.2.9"]);
    assert_eq!(names(&testbed, "192.0.2.9:5061"), ["door.example"]);
    let clear =
        Destination::Address { transport: Transport::Tcp, remote: address("192.0.2.9:5061") };
    let names: Vec<_> = testbed.machine.names_at(&clear).into_iter().collect();
    assert_eq!(names, ["192.0.2.9"], "the name leads there by TLS alone");
}
