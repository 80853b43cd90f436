//! Numbers as carriers and phones write them: with parameters, separators and escapes (RFC 3261 §19.1.6,
//! RFC 3966).

use super::*;

const CARRIER: &str = "203.0.113.5:5060";

/// What the house sends on when the carrier calls `to` as `from`.
fn from_the_carrier(to: &str, from: &str, extra: &str) -> sip::Request {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let text = invite(1, "4001", &format!("{CONTACT}{extra}"))
        .replace("INVITE sip:4001@cordboard.local", &format!("INVITE {to}"))
        .replace("<sip:eve@elsewhere.example>", from);
    let (.., message) = invited(&testbed.hears(CARRIER, &text));
    let Message::Request(request) = message else { panic!("a request: {message:?}") };
    request
}

#[test]
fn the_number_that_is_called_ends_before_its_parameters() {
    for to in [
        "sip:4001;npdi;rn=+01234567890@192.0.2.1",
        "sip:4001;phone-context=cordboard.local@cordboard.local;user=phone",
        "sip:4001;tgrp=tg1;trunk-context=carrier.example@192.0.2.1",
        "sip:40-01@192.0.2.1;user=phone",
        "sip:%34001;isub=12@192.0.2.1",
        "tel:4001;phone-context=cordboard.local",
        "tel:40.01;isub=1",
    ] {
        let request = from_the_carrier(to, "<sip:5551@x.example>", "");
        assert_eq!(request.uri.as_str(), "sip:4001@192.0.2.9:5060", "{to}");
    }
}

#[test]
fn a_callers_number_is_shown_without_separators_and_its_parameters_go_on() {
    let asserted = "P-Asserted-Identity: <tel:+49-30-1234;cpc=operator>\n";
    for (from, extra, shown) in [
        ("<sip:+6583199881;cpc=ordinary@ims.example;user=phone>", "", "+6583199881;cpc=ordinary"),
        ("<tel:+49-30-1234>", "", "+49301234"),
        ("<sip:+49-30.1234@carrier.example>", "", "+49301234"),
        ("<sip:0@carrier.example>", asserted, "+49301234;cpc=operator"),
    ] {
        let request = from_the_carrier("sip:4001@192.0.2.1", from, extra);
        let from = request.headers.from().unwrap();
        assert_eq!(from.uri.to_string(), format!("sip:{shown}@cordboard.local"));
    }
}

#[test]
fn nothing_is_said_of_a_number_that_is_withheld() {
    let from = "<sip:+49301234;isub=12;cpc=police@carrier.example>";
    let request = from_the_carrier("sip:4001@192.0.2.1", from, "Privacy: id\n");
    let mut bytes = Vec::new();
    sip::print(&Message::Request(request), &mut bytes);
    let bytes = String::from_utf8(bytes).unwrap();
    assert!(!bytes.contains("1234;") && !bytes.contains("police"), "{bytes}");
}

#[test]
fn the_parameters_of_a_number_go_on_to_the_carrier() {
    for (to, number) in [
        ("sip:0123;npdi;rn=+01234567890@192.0.2.1", "0123;npdi;rn=+01234567890"),
        ("tel:0-123;phone-context=+49", "0123;phone-context=+49"),
        ("sip:0123@192.0.2.1;user=phone", "0123"),
    ] {
        let request = from_the_carrier(to, "<sip:5551@x.example>", "");
        assert_eq!(request.uri.to_string(), format!("sip:{number}@203.0.113.5:5060"));
        let to = request.headers.to().unwrap();
        assert_eq!(to.uri.to_string(), format!("sip:{number}@cordboard.local"));
    }
}
