//! A connection that is gone is not the end of a dialog (RFC 3261 §18.1.1, §18.2.2): by which other way
//! our requests and answers go, and how long they wait for one.

use super::third_parties::*;
use super::*;
use cordboard::exchange::{TRY_AGAIN, WAY_MAX};
use cordboard::sip::{Method, Request};

/// A connection of the caller's phone.
fn by(connection: u64) -> Flow {
    Flow {
        transport: Transport::Tcp,
        local: us(),
        remote: address(&format!("192.0.2.8:{}", 40_000 + connection)),
        connection: ConnectionId(connection),
    }
}

fn tcp(text: &str) -> Destination {
    Destination::Address { transport: Transport::Tcp, remote: address(text) }
}

fn testbed() -> Testbed {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    testbed.over = Some(by(1));
    testbed
}

impl Testbed {
    fn closes(&mut self, connection: u64) -> Vec<Effect> {
        self.give(Input::FlowClosed(by(connection)))
    }

    /// 3001's phone registers by this connection.
    fn registers_by(&mut self, connection: u64, contact: &str) -> Vec<Effect> {
        let text =
            |seq: u32, lines: &str| register(seq, lines).replace("<sip:3001@192.0.2.8>", contact);
        let before = self.over.replace(by(connection));
        let seq = 10 * connection as u32;
        let challenged = self.told(CALLER, &text(seq, ""));
        let lines = super::credentials(&challenged);
        let effects = self.told(CALLER, &text(seq + 1, &lines));
        self.over = before;
        effects
    }
}

fn bye(effects: &[Effect]) -> Option<(Destination, Request)> {
    request(effects, Method::BYE)
}

fn branch(request: &Request) -> String {
    request.headers.via().unwrap().branch().unwrap().to_owned()
}

#[test]
fn a_bye_goes_over_a_new_connection_to_the_contact() {
    let mut testbed = testbed();
    let (_, callee) = talking(&mut testbed);
    assert!(sent(&testbed.closes(1)).is_empty(), "the call goes on");
    let effects = testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    let (to, bye) = bye(&effects).expect("the caller is told");
    assert_eq!(to, tcp(CALLER));
    assert!(bye.headers.via().unwrap().to_string().starts_with("SIP/2.0/TCP"));
}

#[test]
fn so_does_a_refresh_of_the_session() {
    let mut testbed = testbed();
    talking(&mut testbed);
    testbed.closes(1);
    let mut went = None;
    for _ in 0..1_800 {
        let effects = testbed.later(1);
        went = went.or_else(|| {
            let refresh = [Method::INVITE, Method::UPDATE].map(|method| request(&effects, method));
            refresh.into_iter().flatten().find(|(to, _)| to.remote() == address(CALLER))
        });
    }
    let (to, refresh) = went.expect("the caller does not refresh");
    assert_eq!(to, tcp(CALLER), "{}", refresh.method);
}

const LISTENS: &str = "192.0.2.8:5062";
const AT_ITS_PORT: &str = "192.0.2.8:40001";

/// A guest talks to 3001, whose phone speaks by the first connection, names the port of that as its Contact
/// in the dialog, and has registered the port at which it listens.
fn talking_to_a_phone_that_names_its_connection(testbed: &mut Testbed) -> Side {
    testbed.registers_by(1, &format!("<sip:3001@{LISTENS};transport=tcp>"));
    begins(testbed, GUEST, NOBODY, "3001", |testbed, effects| {
        let (_, called) = request(&effects, Method::INVITE).expect("its phone is called");
        let header = |name| called.headers.get(name).unwrap().to_owned();
        let side = Side {
            at: AT_ITS_PORT,
            login: ANNA,
            call_id: header(HeaderName::CallId),
            own: format!("{};tag=callee", header(HeaderName::To)),
            other: header(HeaderName::From),
            target: String::new(),
            seq: 1,
        };
        let answer = answers(&called, &side, AT_ITS_PORT, 200, &sdp("192.0.2.8"));
        testbed.told(CALLER, &answer)
    })
}

#[test]
fn where_nobody_listens_at_the_contact_it_goes_to_that_of_the_registration() {
    let mut testbed = testbed();
    let caller = talking_to_a_phone_that_names_its_connection(&mut testbed);
    testbed.closes(1);
    let (to, first) =
        bye(&testbed.told(GUEST, &caller.asks("BYE", 2, "", ""))).expect("it is told");
    assert_eq!(to, tcp(AT_ITS_PORT), "the dialog's own Contact comes first");
    let failed = testbed.give(Input::TransportFailed(to));
    let (to, again) = bye(&failed).expect("at once to where it has registered");
    assert_eq!((to, branch(&again)), (tcp(LISTENS), branch(&first)), "a copy of the same request");
}

#[test]
fn where_nobody_listens_at_either_both_are_tried_again_until_it_comes_back() {
    let mut testbed = testbed();
    let caller = talking_to_a_phone_that_names_its_connection(&mut testbed);
    testbed.closes(1);
    testbed.told(GUEST, &caller.asks("BYE", 2, "", ""));
    for _ in 0..3 {
        let (to, _) =
            bye(&testbed.give(Input::TransportFailed(tcp(AT_ITS_PORT)))).expect("at once");
        assert_eq!(to, tcp(LISTENS));
        let failed = testbed.give(Input::TransportFailed(to));
        assert!(bye(&failed).is_none(), "not round and round: {failed:?}");
        testbed.now = testbed.now + TRY_AGAIN;
        let (to, _) = bye(&testbed.machine.tick(testbed.now)).expect("a little later");
        assert_eq!(to, tcp(AT_ITS_PORT));
    }
    testbed.give(Input::TransportFailed(tcp(AT_ITS_PORT)));
    testbed.give(Input::TransportFailed(tcp(LISTENS)));
    let effects = testbed.registers_by(2, &format!("<sip:3001@{LISTENS};transport=tcp>"));
    assert_eq!(bye(&effects).map(|(to, _)| to), Some(Destination::Flow(by(2))));
    testbed.later(64);
    assert!(testbed.machine.is_quiet());
}

#[test]
fn the_contact_of_a_registration_that_has_ended_is_not_tried() {
    let mut testbed = testbed();
    let caller = talking_to_a_phone_that_names_its_connection(&mut testbed);
    testbed.closes(1);
    testbed.later(3_601);
    testbed.told(GUEST, &caller.asks("BYE", 2, "", ""));
    let failed = testbed.give(Input::TransportFailed(tcp(AT_ITS_PORT)));
    assert!(bye(&failed).is_none(), "{failed:?}");
}

/// The 200 is repeated over the connection that the phone has now, and so is its ACK.
#[test]
fn an_ack_goes_where_the_phone_was_heard_last() {
    let mut testbed = testbed();
    testbed.registers_by(1, "<sip:3001@192.0.2.8;transport=tcp>");
    let effects = testbed.told(GUEST, &invite(1, "3001", CONTACT));
    let (to, called) = request(&effects, Method::INVITE).expect("its phone is called");
    assert_eq!(to, Destination::Flow(by(1)));
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
    let ringing = answers(&called, &side, CALLER, 180, "");
    testbed.told(CALLER, &ringing);
    assert!(sent(&testbed.closes(1)).is_empty(), "it rings on");
    testbed.over = Some(by(2));
    let answer = answers(&called, &side, CALLER, 200, &sdp("192.0.2.8"));
    for _ in 0..2 {
        let effects = testbed.told(CALLER, &answer);
        let (to, _) = request(&effects, Method::ACK).expect("each 200 has its ACK");
        assert_eq!(to, Destination::Flow(by(2)));
    }
}

#[test]
fn where_the_phone_has_registered_since_it_is_reached_by_that_flow() {
    let mut testbed = testbed();
    let (_, callee) = talking(&mut testbed);
    testbed.closes(1);
    testbed.registers_by(2, "<sip:3001@10.0.0.8;transport=tcp>");
    let effects = testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    let (to, _) = bye(&effects).expect("the caller is told");
    assert_eq!(to, Destination::Flow(by(2)));
}

#[test]
fn of_two_phones_of_a_number_it_is_the_one_that_was_in_the_call() {
    let mut testbed = testbed();
    let (_, callee) = talking(&mut testbed);
    testbed.closes(1);
    // A colleague's phone of the same number, at another host.
    let third_parties = Flow { remote: address("192.0.2.77:40000"), ..by(7) };
    let before = testbed.over.replace(third_parties);
    let text = |seq, lines: &str| register(seq, lines).replace("192.0.2.8>", "192.0.2.77>");
    let lines = super::credentials(&testbed.told(CALLER, &text(70, "")));
    assert_eq!(status(&testbed.told(CALLER, &text(71, &lines))), Some(200));
    testbed.over = before;
    let effects = testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    assert_eq!(bye(&effects).map(|(to, _)| to), Some(tcp(CALLER)));
}

#[test]
fn what_has_no_way_waits_for_one() {
    let mut testbed = testbed();
    let (_, callee) = talking(&mut testbed);
    testbed.closes(1);
    let effects = testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    let (contact, first) = bye(&effects).expect("its Contact is tried");
    let failed = testbed.give(Input::TransportFailed(contact));
    assert!(bye(&failed).is_none(), "not at once again: {failed:?}");
    testbed.now = testbed.now + TRY_AGAIN;
    let (to, again) = bye(&testbed.machine.tick(testbed.now)).expect("but a little later");
    assert_eq!((to, branch(&again)), (contact, branch(&first)), "a copy of the same request");
    testbed.give(Input::TransportFailed(contact));
    let effects = testbed.registers_by(2, "<sip:3001@10.0.0.8;transport=tcp>");
    let (to, _) = bye(&effects).expect("it has come back");
    assert_eq!(to, Destination::Flow(by(2)));
}

#[test]
fn nothing_waits_for_ever() {
    let mut testbed = testbed();
    let (_, callee) = talking(&mut testbed);
    testbed.closes(1);
    testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    let mut tries = 1;
    for _ in 0..(2 * WAY_MAX.as_secs()) {
        testbed.give(Input::TransportFailed(tcp(CALLER)));
        tries += usize::from(bye(&testbed.later(1)).is_some());
    }
    assert!((4..=8).contains(&tries), "{tries}");
    testbed.later(64);
    assert!(testbed.machine.is_quiet());
    assert_eq!(testbed.machine.status().transactions, (0, 0));
}

/// A firewall that says nothing: each try costs seconds, and the last one is under way when the time is over.
#[test]
fn nor_does_what_fails_late() {
    for slow in 1..=7 {
        let mut testbed = testbed();
        let (_, callee) = talking(&mut testbed);
        testbed.closes(1);
        testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
        let (mut tries, mut failing) = (1, Some(slow));
        for second in 1..=6 * WAY_MAX.as_secs() {
            tries += usize::from(bye(&testbed.later(1)).is_some_and(|(to, _)| {
                failing.get_or_insert(second + slow);
                to == tcp(CALLER)
            }));
            if failing == Some(second) {
                failing = None;
                testbed.give(Input::TransportFailed(tcp(CALLER)));
            }
        }
        assert!(tries <= 8, "after {slow} s each: {tries}");
        assert_eq!(testbed.machine.status().transactions, (0, 0));
    }
}

#[test]
fn what_was_on_its_way_when_the_connection_died_goes_again() {
    let mut testbed = testbed();
    let (_, callee) = talking(&mut testbed);
    let effects = testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    let (to, first) = bye(&effects).expect("the caller is told");
    assert_eq!(to, Destination::Flow(by(1)));
    let (to, again) = bye(&testbed.closes(1)).expect("it may not have got there");
    assert_eq!((to, branch(&again)), (tcp(CALLER), branch(&first)));
}

#[test]
fn a_caller_whose_connection_dies_while_it_rings_gets_its_answer() {
    let mut testbed = testbed();
    let mut callee = None;
    let caller = begins(&mut testbed, CALLER, ANNA, "4001", |testbed, effects| {
        let probe = testbed.closes(1);
        let provisional = sent(&probe).into_iter().find_map(|(to, message)| match message {
            Message::Response(response) => Some((to, response.status.as_u16())),
            Message::Request(_) => None,
        });
        assert_eq!(provisional, Some((tcp(CALLER), 100)), "whether there is anybody");
        let (side, effects) = picks_up(testbed, DOOR, &effects);
        callee = Some(side);
        let to = sent(&effects).into_iter().find_map(|(to, message)| match message {
            Message::Response(_) => Some(to),
            Message::Request(_) => None,
        });
        assert_eq!(to, Some(tcp(CALLER)));
        testbed.over = Some(by(2));
        effects
    });
    assert_eq!(status(&testbed.told(CALLER, &caller.asks("OPTIONS", 10, "", ""))), Some(200));
}

/// An unauthenticated Contact is only what it has written: we open no connection to where it likes.
#[test]
fn no_unauthenticated_source_has_us_connect_to_another_host() {
    let mut testbed = testbed();
    let mut callee = None;
    let flow = Flow { remote: address("198.51.100.7:40001"), ..by(5) };
    let bytes = |text: String| text.replace('\n', "\r\n").into_bytes();
    let contact = "Contact: <sip:x@203.0.113.99:80;transport=tcp>\n";
    let text = bytes(invite(1, "4001", contact));
    let effects = testbed.machine.hear(testbed.now, flow, &text);
    let (side, answered) = picks_up(&mut testbed, DOOR, &effects);
    callee.replace(side);
    assert!(!answered.is_empty());
    testbed.give(Input::FlowClosed(flow));
    let effects = testbed.told(DOOR, &callee.unwrap().asks("BYE", 1, "", ""));
    let strange = |(to, _): &(Destination, Message)| to.remote() == address("203.0.113.99:80");
    assert!(!sent(&effects).iter().any(strange), "{effects:?}");
    for _ in 0..40 {
        assert!(!sent(&testbed.later(1)).iter().any(strange));
    }
}

/// operator-desk: the end of a control dialog is told to the desk, wherever it is now.
#[test]
fn a_desk_of_a_process_before_is_told_over_a_new_connection() {
    let name = |text| NameAddr::parse(text, &HeaderName::To).unwrap();
    let dialog = StoredDialog {
        key: DialogKey { call_id: "c1".into(), local_tag: "us".into() },
        local: name("<sip:desk@cordboard.local>;tag=us"),
        remote: name("<sip:op1@cordboard.local>;tag=them"),
        target: Uri::parse("sip:op1@192.0.2.8:5070;transport=tcp").unwrap(),
        routes: vec![],
        local_cseq: 3,
        hop: Destination::Flow(by(1)),
    };
    let desk = StoredDesk { operator: OperatorId::from("op1"), dialog };
    let (_, first) = Testbed::new(StoredState { desks: vec![desk], ..StoredState::default() });
    assert_eq!(bye(&first).map(|(to, _)| to), Some(tcp("192.0.2.8:5070")));
}
