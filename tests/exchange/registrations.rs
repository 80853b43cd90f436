//! We register at a trunk, and what it sends to our Contact is for whom it was dialled.

use super::*;
use cordboard::directory::TrunkLogin;

const CARRIER: &str = "203.0.113.5:5060";

fn house() -> (House, sip::Request) {
    let login = TrunkLogin { user: "house".into(), password: "open sesame".into() };
    let carrier =
        Trunk { login: Some(login), register: true, ..trunk("carrier", &["203.0.113.5"]) };
    let (mut house, _) = House::with(State::default(), vec![carrier]);
    let effects = house.later(0);
    (house, registers_at_the_carrier(&effects))
}

fn registers_at_the_carrier(effects: &[Effect]) -> sip::Request {
    let mut sent = sent(effects).into_iter().filter_map(|(to, message)| match message {
        Message::Request(request) => Some((to.remote().to_string(), request)),
        Message::Response(_) => None,
    });
    let (to, request) = sent.next().expect("a request");
    assert_eq!((to.as_str(), request.method.as_str()), (CARRIER, "REGISTER"));
    request
}

fn answer(request: &sip::Request, status: &str, lines: &str) -> String {
    let copied =
        [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];
    let copied =
        copied.map(|name| format!("{name}: {}\n", request.headers.get(name.clone()).unwrap()));
    format!("SIP/2.0 {status}\n{}{lines}Content-Length: 0\n\n", copied.concat())
}

fn stands(house: &House) -> String {
    let states: Vec<_> = house.machine.status().trunks;
    states.iter().map(|(trunk, state)| format!("{trunk}: {state}")).collect()
}

#[test]
fn it_registers_proves_itself_and_says_how_it_stands() {
    let (mut house, request) = house();
    assert_eq!(stands(&house), "carrier: trying");
    let asks = "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\", qop=\"auth\"\n";
    let effects = house.hears(CARRIER, &answer(&request, "401 Unauthorized", asks));
    let request = registers_at_the_carrier(&effects);
    assert!(request.headers.contains(HeaderName::Authorization));
    let effects = house.hears(CARRIER, &answer(&request, "200 OK", "Expires: 100\n"));
    let is_said = |effect: &Effect| matches!(effect, Effect::RegisteredAt { trunk, .. } if trunk == "carrier");
    assert!(effects.iter().any(is_said));
    assert_eq!(stands(&house), "carrier: registered");
    let again = registers_at_the_carrier(&house.later(80));
    assert_eq!(again.headers.get(HeaderName::CSeq), Some("3 REGISTER"));
    // It is away now.
    let effects = wait(&mut house, 33);
    assert!(effects.iter().any(is_said));
    assert_eq!(stands(&house), "carrier: unreachable");
}

#[test]
fn a_call_to_our_contact_is_for_the_number_in_to() {
    let (mut house, _) = house();
    let call = invite(1, "4001", CONTACT);
    let call = call.replace("INVITE sip:4001@", "INVITE sip:house@");
    let (_, uri, _) = invited(&house.hears(CARRIER, &call));
    assert_eq!(uri, "sip:4001@192.0.2.9:5060");
    // From anybody else it is nobody.
    let call = call.replace("K1\n", "K2\n").replace("Call-ID: 1", "Call-ID: 2");
    assert_eq!(status(&house.hears("198.51.100.7:5060", &call)), Some(404));
}
