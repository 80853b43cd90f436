//! Connectivity checks: the vectors of RFC 5769, what a lite agent says, and what it says nothing to.

#![allow(clippy::unwrap_used)] // A test may panic.

mod checks;

use checks::{crc32, hmac_sha1, made};
use cordboard::stun::{BindingRequest, CheckRefusal, IceCredentials, StunFault, accept, refuse};
use proptest::prelude::*;
use std::net::SocketAddr;

/// RFC 5769 §2.1, under the password of §2.
const CHECK: &str = "000100582112a442b7e7a701bc34d686fa87dfae\
    802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36\
    000600096576746a3a68367659202020\
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fn hex(text: &str) -> Vec<u8> {
    let bytes = (0..text.len()).step_by(2);
    bytes.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn check() -> Vec<u8> {
    hex(CHECK)
}

fn from() -> SocketAddr {
    "192.0.2.1:32853".parse().unwrap()
}

#[test]
fn the_check_of_the_rfc_is_for_its_agent_alone() {
    let packet = check();
    let request = BindingRequest::parse(&packet).unwrap();
    let is_for = |ufrag: &str, password: &str| {
        request.is_for(&IceCredentials { ufrag: ufrag.into(), password: password.into() })
    };
    assert!(is_for("evtj", PASSWORD));
    for (ufrag, password) in
        [("evt", PASSWORD), ("evtj:", PASSWORD), ("h6vY", PASSWORD), ("evtj", "")]
    {
        assert!(!is_for(ufrag, password), "{ufrag} {password}");
    }
    assert!(request.is_controlled() && !request.nominates());
    assert!(request.unknown().is_empty());
}

#[test]
fn the_answer_says_where_the_check_came_from() {
    let packet = check();
    let request = BindingRequest::parse(&packet).unwrap();
    let mut response = vec![7; 40];
    accept(&request, from(), PASSWORD, &mut response);
    assert_eq!(response[..2], [1, 1]);
    assert_eq!(response[4..20], packet[4..20]);
    // RFC 5769 §2.2.
    assert_eq!(response[20..32], hex("002000080001a147e112a643"));
    assert_eq!(usize::from(u16::from_be_bytes([response[2], response[3]])), response.len() - 20);
    // §2.3.
    let from = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
    accept(&request, from, PASSWORD, &mut response);
    let mapped = "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9";
    assert_eq!(response[20..44], hex(mapped));
}

fn us() -> IceCredentials {
    IceCredentials { ufrag: "us".into(), password: "secret".into() }
}

#[test]
fn credentials_are_as_long_as_proves_something() {
    let password = "x".repeat(22);
    assert!(IceCredentials::new("abc+", &password).is_some());
    for (ufrag, password) in [
        ("abc", &*password),
        ("ab:c", &password),
        ("abcd", &password[1..]),
        (&"u".repeat(257), &password),
    ] {
        assert_eq!(IceCredentials::new(ufrag, password), None, "{ufrag} {password}");
    }
    let (one, other) = (IceCredentials::fresh(&[1; 46]), IceCredentials::fresh(&[2; 46]));
    assert_eq!((one.ufrag.len(), one.password.len()), (8, 24));
    assert_eq!(IceCredentials::new(&one.ufrag, &one.password).as_ref(), Some(&one));
    assert!(one.ufrag != other.ufrag && one.password != other.password);
    assert!(!format!("{one:?}").contains(&*one.password));
}

#[test]
fn a_nomination_is_one_and_an_unknown_attribute_is_told() {
    let name: (u16, &[u8]) = (6, b"us:them");
    let packet = made(&[name, (0x24, &[1, 2, 3, 4]), (0x25, &[])], "secret");
    let request = BindingRequest::parse(&packet).unwrap();
    assert!(request.is_for(&us()) && request.nominates() && !request.is_controlled());

    let packet = made(&[name, (0x7777, &[]), (0x8777, &[])], "secret");
    let request = BindingRequest::parse(&packet).unwrap();
    assert_eq!(request.unknown(), [0x7777]);
    let mut response = vec![];
    refuse(&request, CheckRefusal::UnknownAttribute, "secret", &mut response);
    let told = [&hex("00090015")[..], &[0, 0, 4, 20], b"Unknown Attribute", &[0; 3]].concat();
    assert_eq!(response[20..48], told);
    assert_eq!(response[48..56], hex("000a000277770000"));
    refuse(&request, CheckRefusal::RoleConflict, "secret", &mut response);
    assert_eq!(response[..2], [1, 0x11]);
    assert_eq!(response[24..28], [0, 0, 4, 87]);
}

#[test]
fn our_answer_is_proven_under_the_same_password() {
    let packet = made(&[(6, b"us:them")], "secret");
    let request = BindingRequest::parse(&packet).unwrap();
    let mut response = vec![];
    accept(&request, from(), "secret", &mut response);
    // Made a request of, it is one that the other side would accept.
    let (proven, rest) = response.split_at(response.len() - 32);
    let mut before = proven.to_vec();
    before[2..4].copy_from_slice(&((proven.len() - 20 + 24) as u16).to_be_bytes());
    assert_eq!(rest[4..24], hmac_sha1(b"secret", &before));
    let (before, sum) = response.split_at(response.len() - 8);
    assert_eq!(sum[4..], (crc32(before) ^ 0x5354_554e).to_be_bytes());
}

#[test]
fn what_is_no_check_is_none() {
    let packet = check();
    let fault = |packet: &[u8]| BindingRequest::parse(packet).unwrap_err();
    for len in 0..packet.len() {
        assert_eq!(fault(&packet[..len]), StunFault::Form, "{len}");
    }
    assert_eq!(fault(&[&packet[..], &[0; 4]].concat()), StunFault::Form);
    for (at, byte, expected) in [
        (0, 1, StunFault::Kind),
        (1, 0x11, StunFault::Kind),
        (4, 0, StunFault::Form),
        (66, 0, StunFault::Fingerprint),
        (packet.len() - 1, 0, StunFault::Fingerprint),
    ] {
        let mut other = packet.clone();
        other[at] = byte;
        assert_eq!(fault(&other), expected, "byte {at}");
    }
    assert_eq!(fault(&hex("000100002112a442b7e7a701bc34d686fa87dfae")), StunFault::Unproven);
    let long = made(&[(6, &[b'u'; 1_280])], "secret");
    assert_eq!(fault(&long), StunFault::Form);
    let many: Vec<(u16, &[u8])> = vec![(0x24, &[]); 40];
    assert_eq!(fault(&made(&many, "secret")), StunFault::Form);
}

#[test]
fn what_follows_the_proof_proves_nothing() {
    let mut packet = made(&[(6, b"us:them")], "secret");
    // A nomination slipped in behind the proof, with a fingerprint that is right.
    packet.truncate(packet.len() - 8);
    packet.extend(hex("00250000"));
    let len = (packet.len() - 20 + 8) as u16;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    let sum = crc32(&packet) ^ 0x5354_554e;
    packet.extend(hex("80280004"));
    packet.extend(sum.to_be_bytes());
    let request = BindingRequest::parse(&packet).unwrap();
    assert!(request.is_for(&us()) && !request.nominates());
}

proptest! {
    #[test]
    fn no_bytes_whatever_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), flip in 0..100_usize) {
        let _ = BindingRequest::parse(&bytes);
        if bytes.len() >= 8 {
            bytes[..2].copy_from_slice(&[0, 1]);
            bytes[4..8].copy_from_slice(&hex("2112a442"));
            if let Some(len) = bytes.len().checked_sub(20) {
                bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            }
            let _ = BindingRequest::parse(&bytes);
        }
        let evtj = IceCredentials::new("evtj", PASSWORD).unwrap();
        let mut changed = check();
        // Up to the fingerprint, which is not proven, and may be missing.
        changed[flip] ^= 0x40;
        if let Ok(request) = BindingRequest::parse(&changed) {
            prop_assert!(!request.is_for(&evtj));
        }
    }
}
