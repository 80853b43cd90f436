//! A browser's phone (RFC 7118): it has no address, and names one of `.invalid`; all that goes to it goes by its flow.
//!
//! ```text
//!   INVITE, ACK, BYE … ──▶ the flow that it was heard by last ── closed ──▶ the flow of its instance since
//!                                                                     └──▶ else it waits, and connects to nobody
//! ```

use super::third_parties::*;
use super::*;
use cordboard::exchange::WAY_MAX;
use cordboard::sip::{Method, Request};

const INVALID: &str = "x7k2.invalid";
const INSTANCE: &str = "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";

/// A connection of the browser.
fn by(connection: u64) -> Flow {
    Flow {
        transport: Transport::Wss,
        local: us(),
        remote: address(&format!("192.0.2.8:{}", 40_000 + connection)),
        connection: ConnectionId(connection),
    }
}

impl Testbed {
    /// 3001's browser says this by a connection.
    fn browser_says(&mut self, connection: u64, text: &str) -> Vec<Effect> {
        let before = self.over.replace(by(connection));
        let text = text.replace("SIP/2.0/UDP 192.0.2.8:5060", &format!("SIP/2.0/WSS {INVALID}"));
        // RFC 7118 §5: what is in one frame has no length.
        let lines = text.lines().filter(|line| !line.starts_with("Content-Length"));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let effects = self.told(CALLER, &text);
        self.over = before;
        effects
    }

    fn browser_registers(&mut self, connection: u64) -> Vec<Effect> {
        let contact =
            format!("<sip:x7@{INVALID};transport=ws>;reg-id=1;+sip.instance=\"{INSTANCE}\"");
        let text = |seq: u32, lines: &str| {
            register(seq, &format!("Supported: path, outbound\n{lines}"))
                .replace("<sip:3001@192.0.2.8>", &contact)
        };
        let seq = 10 * connection as u32;
        let challenged = self.browser_says(connection, &text(seq, ""));
        let credentials = super::credentials(&challenged);
        let effects = self.browser_says(connection, &text(seq + 1, &credentials));
        assert_eq!(status(&effects), Some(200));
        effects
    }
}

fn testbed() -> Testbed {
    let (testbed, _) = Testbed::new(StoredState::default());
    testbed
}

/// Requests that go to the browser, and where they go.
fn asked(effects: &[Effect], method: Method) -> Option<(Destination, Request)> {
    request(effects, method)
}

/// A guest talks to 3001 at its browser, by the first connection.
fn talking_to_a_browser(testbed: &mut Testbed) -> Side {
    testbed.browser_registers(1);
    let mut acked = None;
    let caller = begins(testbed, GUEST, NOBODY, "3001", |testbed, effects| {
        let (to, called) = asked(&effects, Method::INVITE).expect("its browser is called");
        assert_eq!(to, Destination::Flow(by(1)));
        assert_eq!(called.uri.to_string(), format!("sip:x7@{INVALID};transport=ws"));
        let via = called.headers.via().unwrap().to_string();
        assert!(via.starts_with("SIP/2.0/WSS 192.0.2.1:"), "{via}");
        let contact = called.headers.contact().unwrap().uri.to_string();
        assert!(contact.ends_with(";transport=wss"), "{contact}");
        let header = |name| called.headers.get(name).unwrap().to_owned();
        let side = Side {
            at: CALLER,
            login: ANNA,
            call_id: header(HeaderName::CallId),
            own: format!("{};tag=callee", header(HeaderName::To)),
            other: header(HeaderName::From),
            target: String::new(),
            seq: 1,
        };
        let answer = answers(&called, &side, INVALID, 200, &sdp("192.0.2.8"));
        let effects = testbed.browser_says(1, &answer);
        acked = asked(&effects, Method::ACK);
        effects
    });
    let (to, ack) = acked.expect("its answer is acknowledged at once");
    assert_eq!(to, Destination::Flow(by(1)));
    assert_eq!(ack.uri.to_string(), format!("sip:x@{INVALID}"));
    caller
}

fn bye(effects: &[Effect]) -> Option<Destination> {
    asked(effects, Method::BYE).map(|(to, _)| to)
}

fn is_resolved(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Resolve(_)))
}

#[test]
fn all_goes_by_its_flow() {
    let mut testbed = testbed();
    let caller = talking_to_a_browser(&mut testbed);
    let effects = testbed.told(GUEST, &caller.asks("BYE", 2, "", ""));
    assert_eq!(bye(&effects), Some(Destination::Flow(by(1))));
    assert!(!is_resolved(&effects));
}

#[test]
fn with_a_new_flow_of_the_same_instance_by_that() {
    let mut testbed = testbed();
    let caller = talking_to_a_browser(&mut testbed);
    assert!(sent(&testbed.give(Input::FlowClosed(by(1)))).is_empty(), "the call goes on");
    testbed.browser_registers(2);
    let effects = testbed.told(GUEST, &caller.asks("BYE", 2, "", ""));
    assert_eq!(bye(&effects), Some(Destination::Flow(by(2))));
}

#[test]
fn without_one_it_waits_and_connects_to_nobody() {
    let mut testbed = testbed();
    let caller = talking_to_a_browser(&mut testbed);
    testbed.give(Input::FlowClosed(by(1)));
    let mut effects = testbed.told(GUEST, &caller.asks("BYE", 2, "", ""));
    assert_eq!(bye(&effects), None);
    for _ in 1..WAY_MAX.as_secs() - 1 {
        effects.extend(testbed.later(1));
    }
    assert_eq!(bye(&effects), None);
    assert!(!is_resolved(&effects), "nobody is asked for what is .invalid");
    // In time: the request of before goes out.
    let effects = testbed.browser_registers(2);
    assert_eq!(bye(&effects), Some(Destination::Flow(by(2))));
}

#[test]
fn a_browser_that_is_gone_is_not_called() {
    let mut testbed = testbed();
    testbed.browser_registers(1);
    testbed.give(Input::FlowClosed(by(1)));
    let effects = testbed.told(GUEST, &invite(1, "3001", CONTACT));
    assert!(asked(&effects, Method::INVITE).is_none(), "{effects:?}");
    assert!(!is_resolved(&effects));
}

#[test]
fn the_only_challenge_is_the_one_that_browsers_know() {
    let mut testbed = testbed();
    let challenged = testbed.browser_says(1, &register(1, ""));
    let response = response(&challenged);
    let challenges: Vec<&str> = response.headers.all(HeaderName::WwwAuthenticate).collect();
    assert_eq!(challenges.len(), 1);
    assert!(challenges[0].contains("algorithm=MD5"), "{challenges:?}");
}
