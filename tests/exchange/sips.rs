//! `sips:` URIs (RFC 3261 §26.2.2, RFC 5630): by sealed ways alone, and under a Contact of the same kind.
//!
//! ```text
//!   sips: in clear ──▶ 416        by TLS ──▶ our Contact is sips:, too
//!     └─ to a phone ── registered by TLS or WSS ──▶ by its flow
//!                   └─ in clear alone ──▶ 480, Warning: 380
//!   REGISTER of a sips: Contact in clear ──▶ 400
//! ```

use super::third_parties::{CALLER, GUEST, request, response};
use super::*;
use cordboard::sip::{Method, Request};

/// A connection of the caller's phone.
fn sealed() -> Flow {
    Flow {
        transport: Transport::Tls,
        local: address("192.0.2.1:5061"),
        remote: address("192.0.2.8:40001"),
        connection: ConnectionId(1),
    }
}

/// A connection of a guest.
fn guest() -> Flow {
    Flow { remote: address("198.51.100.7:41000"), connection: ConnectionId(2), ..sealed() }
}

fn by_sips(call: u64, to: &str) -> String {
    invite(call, to, CONTACT).replace(&format!("INVITE sip:{to}@"), &format!("INVITE sips:{to}@"))
}

impl Testbed {
    fn guest_says(&mut self, text: &str) -> Vec<Effect> {
        let bytes = text.replace('\n', "\r\n");
        let effects = self.machine.hear(self.now, guest(), bytes.as_bytes());
        let effects = self.followed(effects);
        self.kept(effects)
    }

    /// 3001's phone registers; the status of the answer.
    fn registers_at(&mut self, over: Option<Flow>, contact: &str) -> Option<u16> {
        self.over = over;
        let text = |seq, lines: &str| {
            register(seq, lines).replace("<sip:3001@192.0.2.8>", &format!("<{contact}>"))
        };
        let challenged = self.told(CALLER, &text(1, ""));
        let credentials = super::credentials(&challenged);
        status(&self.told(CALLER, &text(2, &credentials)))
    }
}

fn called(effects: &[Effect]) -> Option<(Destination, Request)> {
    request(effects, Method::INVITE)
}

#[test]
fn what_is_sealed_goes_no_hop_in_clear() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let refused = response(&testbed.hears(GUEST, &by_sips(1, "9000")));
    assert_eq!(refused.status.as_u16(), 416);
    assert!(refused.reason.contains("TLS"), "{refused:?}");
    let register = register(1, "").replace("REGISTER sip:", "REGISTER sips:");
    assert_eq!(status(&testbed.hears(CALLER, &register)), Some(416));
}

#[test]
fn our_contact_is_as_sealed_as_what_was_called() {
    for (text, expected) in [
        (by_sips(1, "9000"), "sips:9000@192.0.2.1:5061"),
        (invite(1, "9000", CONTACT), "sip:9000@192.0.2.1:5061;transport=tls"),
        // §12.1.1: its Contact says that it wants to be called so, too.
        (invite(1, "9000", &CONTACT.replace("sip:", "sips:")), "sips:9000@192.0.2.1:5061"),
    ] {
        let (mut testbed, _) = Testbed::new(StoredState::default());
        let answer = response(&testbed.guest_says(&text));
        assert!(answer.status.as_u16() < 300, "{answer:?}");
        assert_eq!(answer.headers.contact().unwrap().uri.as_str(), expected);
    }
}

#[test]
fn a_phone_in_clear_is_not_called_by_sips() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    assert_eq!(testbed.registers_at(None, "sip:3001@192.0.2.8"), Some(200));
    let effects = testbed.guest_says(&by_sips(1, "3001"));
    assert!(called(&effects).is_none(), "{effects:?}");
    let refused = response(&effects);
    assert_eq!(refused.status.as_u16(), 480);
    let warning = refused.headers.get(HeaderName::Warning).unwrap_or_default();
    assert!(warning.starts_with("380 "), "{warning}");
    // By sip: it is.
    let effects = testbed.guest_says(&invite(2, "3001", CONTACT));
    assert!(called(&effects).is_some(), "{effects:?}");
}

#[test]
fn a_phone_by_tls_is_called_by_either() {
    for (contact, ours) in [
        ("sip:3001@192.0.2.8:5061;transport=tls", "sip:eve@192.0.2.1:5061;transport=tls"),
        ("sips:3001@192.0.2.8:5061", "sips:eve@192.0.2.1:5061"),
    ] {
        let (mut testbed, _) = Testbed::new(StoredState::default());
        assert_eq!(testbed.registers_at(Some(sealed()), contact), Some(200));
        for (call, text) in [(1, by_sips(1, "3001")), (2, invite(2, "3001", CONTACT))] {
            let effects = testbed.guest_says(&text);
            let (to, invite) = called(&effects).unwrap_or_else(|| panic!("{call}: {effects:?}"));
            assert_eq!(to, Destination::Flow(sealed()));
            assert_eq!(invite.uri.as_str(), contact);
            assert_eq!(invite.headers.contact().unwrap().uri.as_str(), ours);
            testbed.later(64);
        }
    }
}

#[test]
fn a_sips_contact_is_registered_by_tls_alone() {
    for (over, contact, expected) in [
        (None, "sips:3001@192.0.2.8", 400),
        (Some(Flow { transport: Transport::Tcp, ..sealed() }), "sips:3001@192.0.2.8", 400),
        (Some(sealed()), "sips:3001@192.0.2.8", 200),
        (Some(sealed()), "sip:3001@192.0.2.8;transport=tls", 200),
    ] {
        let (mut testbed, _) = Testbed::new(StoredState::default());
        assert_eq!(testbed.registers_at(over, contact), Some(expected), "{over:?} {contact}");
    }
}
