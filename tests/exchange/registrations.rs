//! We register at a trunk; what it sends to our Contact is for whom it was dialled, and what we ask within
//! its calls is proved where it wants that.

use super::third_parties::{DOOR, GUEST, NOBODY, Side, begins, picks_up, request, sdp};
use super::*;
use cordboard::directory::TrunkLogin;
use cordboard::sip::Method;

const CARRIER: &str = "203.0.113.5:5060";

fn testbed() -> (Testbed, sip::Request) {
    let (user, password) = ("house".into(), "open sesame".into());
    let login = TrunkLogin { user, password, realm: None };
    let carrier =
        Trunk { login: Some(login), register: true, ..trunk("carrier", &["203.0.113.5"]) };
    let (mut testbed, _) = Testbed::with(StoredState::default(), vec![carrier]);
    let effects = testbed.later(0);
    (testbed, registers_at_the_carrier(&effects))
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

fn stands(testbed: &Testbed) -> String {
    let states: Vec<_> = testbed.machine.status().trunks;
    states.iter().map(|(trunk, state)| format!("{trunk}: {state}")).collect()
}

#[test]
fn it_registers_proves_itself_and_says_how_it_stands() {
    let (mut testbed, request) = testbed();
    assert_eq!(stands(&testbed), "carrier: trying");
    let asks = "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\", qop=\"auth\"\n";
    let effects = testbed.hears(CARRIER, &answer(&request, "401 Unauthorized", asks));
    let request = registers_at_the_carrier(&effects);
    assert!(request.headers.contains(HeaderName::Authorization));
    let effects = testbed.hears(CARRIER, &answer(&request, "200 OK", "Expires: 100\n"));
    let is_said = |effect: &Effect| matches!(effect, Effect::RegisteredAt { trunk, .. } if trunk == "carrier");
    assert!(effects.iter().any(is_said));
    assert_eq!(stands(&testbed), "carrier: registered");
    let again = registers_at_the_carrier(&testbed.later(80));
    assert_eq!(again.headers.get(HeaderName::CSeq), Some("3 REGISTER"));
    // It is away now.
    let effects = wait(&mut testbed, 33);
    assert!(effects.iter().any(is_said));
    assert_eq!(stands(&testbed), "carrier: unreachable");
}

#[test]
fn at_the_end_its_registration_is_ended_and_the_end_waits_for_that() {
    let (mut testbed, request) = testbed();
    testbed.hears(CARRIER, &answer(&request, "200 OK", "Expires: 100\n"));
    let effects = testbed.machine.shut_down(testbed.now);
    let last = registers_at_the_carrier(&effects);
    assert_eq!(last.headers.get(HeaderName::Expires), Some("0"));
    assert!(!testbed.machine.is_quiet());
    testbed.hears(CARRIER, &answer(&last, "200 OK", ""));
    assert!(testbed.machine.is_quiet());
    assert_eq!(stands(&testbed), "carrier: ended");
}

/// The DNS answers after our start.
#[test]
fn a_carrier_that_is_given_by_its_name_is_asked_when_the_name_is_known() {
    let (user, password) = ("house".into(), "open sesame".into());
    let login = Some(TrunkLogin { user, password, realm: None });
    let trunk = trunk("carrier", &["sip.carrier.example:5060"]);
    let (mut testbed, _) =
        Testbed::with(StoredState::default(), vec![Trunk { login, register: true, ..trunk }]);
    assert!(sent(&testbed.later(1)).is_empty());
    assert_eq!(stands(&testbed), "carrier: trying");
    let _ = testbed.learns(Question::Addresses("sip.carrier.example".into()), None);
    assert_eq!(stands(&testbed), "carrier: unreachable");
    testbed.later(300);
    let _ = testbed.learns_addresses("sip.carrier.example", &["203.0.113.5"]);
    registers_at_the_carrier(&testbed.later(0));
}

#[test]
fn a_call_to_our_contact_is_for_the_number_in_to() {
    let (mut testbed, _) = testbed();
    let call = invite(1, "4001", CONTACT);
    let call = call.replace("INVITE sip:4001@", "INVITE sip:house@");
    let (_, uri, _) = invited(&testbed.hears(CARRIER, &call));
    assert_eq!(uri, "sip:4001@192.0.2.9:5060");
    // From anybody else it is nobody.
    let call = call.replace("K1\n", "K2\n").replace("Call-ID: 1", "Call-ID: 2");
    assert_eq!(status(&testbed.hears("198.51.100.7:5060", &call)), Some(404));
}

const ASKS: &str = "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\", qop=\"auth\"\n";

/// The BYE to `caller`, whose callee has hung up, once it was challenged.
fn proved_bye(testbed: &mut Testbed, caller: &'static str) -> Option<(Destination, sip::Request)> {
    let mut callee = None;
    begins(testbed, caller, NOBODY, "4001", |testbed, effects| {
        let (side, effects) = picks_up(testbed, DOOR, &effects);
        callee = Some(side);
        effects
    });
    let effects = testbed.told(DOOR, &callee.unwrap().asks("BYE", 1, "", ""));
    let (_, bye) = request(&effects, Method::BYE).expect("the caller is told");
    assert!(!bye.headers.contains(HeaderName::Authorization));
    request(&testbed.told(caller, &answer(&bye, "401 Unauthorized", ASKS)), Method::BYE)
}

#[test]
fn a_trunk_that_called_us_is_told_the_password_and_nobody_else() {
    let (mut testbed, _) = testbed();
    let (to, bye) = proved_bye(&mut testbed, CARRIER).expect("it is asked again");
    assert_eq!(to.remote(), address(CARRIER));
    let proof = bye.headers.get(HeaderName::Authorization).expect("with the password");
    let proof = sip::digest::Credentials::parse(proof).unwrap().unwrap();
    assert!(proof.verify(&sip::digest::ha1("house", "c", "open sesame", proof.algorithm), "BYE"));
    assert!(proved_bye(&mut self::testbed().0, GUEST).is_none());
}

/// The address of a datagram is easily written, and a Contact leads anywhere behind a proxy that does not
/// record its route.
#[test]
fn whom_a_contact_names_beside_the_trunk_is_told_nothing() {
    let (mut testbed, _) = testbed();
    let side = Side {
        at: CARRIER,
        login: NOBODY,
        call_id: "proxied".into(),
        own: "<sip:eve@elsewhere.example>;tag=theirs".into(),
        other: format!("<sip:4001@{DOMAIN}>"),
        target: format!("sip:4001@{DOMAIN}"),
        seq: 1,
    };
    let lines = format!("Via: SIP/2.0/UDP {GUEST};branch=z9hG4bKp\nContact: <sip:eve@{GUEST}>\n");
    let effects = testbed.told(CARRIER, &side.asks("INVITE", 1, &lines, &sdp("203.0.113.5")));
    let (callee, effects) = picks_up(&mut testbed, DOOR, &effects);
    let side = Side {
        other: super::third_parties::response(&effects).headers.get(HeaderName::To).unwrap().into(),
        ..side
    };
    testbed.told(CARRIER, &side.asks("ACK", 1, "", ""));
    let effects = testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    let (to, bye) = request(&effects, Method::BYE).expect("the caller is told");
    assert_eq!(to.remote(), address(GUEST));
    let effects = testbed.told(GUEST, &answer(&bye, "401 Unauthorized", ASKS));
    assert!(request(&effects, Method::BYE).is_none());
}
