//! INVITEs without their end when the process ends: those that another process goes on with, and those that
//! nobody remembers.

use super::third_parties::{
    DOOR, GUEST, NOBODY, Side, answers, begins, ip_of, picks_up, request, sdp,
};
use super::*;
use cordboard::exchange::{Complaint, UNREMEMBERED_PER_SECOND_MAX};
use cordboard::sip::{Method, Request};

pub(super) const GATEWAY: &str = "203.0.113.5:5060";

/// The gateway's INVITE.
pub(super) fn of_gateway() -> String {
    let moved = |text: &str| text.replace("198.51.100.7", ip_of(GATEWAY));
    moved(&invite_with(1, "4001", &moved(SDP)))
}

/// The door station, which was asked this.
pub(super) fn callee_of(asked: &Request) -> Side {
    let header = |name| asked.headers.get(name).unwrap().to_owned();
    Side {
        at: DOOR,
        login: NOBODY,
        call_id: header(HeaderName::CallId),
        own: format!("{};tag=callee", header(HeaderName::To)),
        other: header(HeaderName::From),
        target: asked.headers.contact().unwrap().uri.to_string(),
        seq: 1,
    }
}

/// The gateway calls the door station, which rings; the INVITE that it got.
pub(super) fn rings(testbed: &mut Testbed) -> (Side, Request) {
    let effects = testbed.told(GATEWAY, &of_gateway());
    let (_, asked) = request(&effects, Method::INVITE).expect("the callee is called");
    let callee = callee_of(&asked);
    let effects = testbed.told(DOOR, &answers(&asked, &callee, DOOR, 180, ""));
    assert_eq!(status(&effects), Some(180));
    (callee, asked)
}

/// Another process, which goes on with all parties that can be saved; it knows nothing of their calls.
fn another(testbed: &mut Testbed, parties: usize) -> Testbed {
    let (mut other, _) = Testbed::new(StoredState::default());
    other.now = testbed.now + Duration::from_millis(300);
    let legs: Vec<_> = testbed.machine.parties().collect();
    assert_eq!(legs.len(), parties);
    for leg in legs {
        let saved = testbed.machine.save(testbed.now, &testbed.relay, leg);
        let saved = saved.expect("nothing else is under way");
        let read = written::through_text(testbed.now, &saved);
        other.machine.restore(other.now, &mut other.relay, read, &mut Nowhere);
    }
    other
}

pub(super) fn cancel() -> String {
    let invite = invite(1, "4001", "").replace("198.51.100.7", ip_of(GATEWAY));
    invite.replace("INVITE", "CANCEL")
}

#[test]
fn a_copy_of_an_invite_gets_the_last_answer_again_and_its_cancel_is_known_in_another_process() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let _ = rings(&mut testbed);
    let mut later = another(&mut testbed, 2);
    let effects = later.hears(GATEWAY, &of_gateway());
    let [(to, Message::Response(said))] = &sent(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((to.remote(), said.status.as_u16()), (address(GATEWAY), 180));
    let effects = later.hears(GATEWAY, &cancel());
    let said: Vec<_> = sent(&effects)
        .into_iter()
        .filter_map(|(_, message)| match message {
            Message::Response(response) => Some(response.status.as_u16()),
            Message::Request(_) => None,
        })
        .collect();
    assert_eq!(said, [200, 487], "of the CANCEL and of the INVITE");
}

#[test]
fn who_rang_and_answers_another_process_gets_its_ack() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let (callee, asked) = rings(&mut testbed);
    let mut later = another(&mut testbed, 2);
    let effects = later.hears(DOOR, &answers(&asked, &callee, DOOR, 200, &sdp(ip_of(DOOR))));
    let (to, ack) = request(&effects, Method::ACK).expect("an ACK");
    assert_eq!((to.remote(), ack.headers.to_tag()), (address(DOOR), Some("callee")));
    assert!(request(&effects, Method::BYE).is_none(), "it is wanted: {effects:?}");
    assert_eq!(ack.headers.cseq().unwrap().0, asked.headers.cseq().unwrap().0);
}

#[test]
fn an_answer_whose_ack_was_lost_gets_it_again_from_another_process() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let mut answer = None;
    let _caller = begins(&mut testbed, GUEST, NOBODY, "4001", |testbed, effects| {
        let (_, asked) = request(&effects, Method::INVITE).expect("the callee is called");
        let (side, effects) = picks_up(testbed, DOOR, &effects);
        answer = Some(answers(&asked, &side, DOOR, 200, &sdp(ip_of(DOOR))));
        effects
    });
    let mut later = another(&mut testbed, 2);
    let effects = later.hears(DOOR, &answer.unwrap());
    let [(to, Message::Request(ack))] = &sent(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((to.remote(), &ack.method), (address(DOOR), &Method::ACK));
}

/// By the process that comes after one that has left nothing.
fn forgotten() -> (Testbed, String) {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let (callee, asked) = rings(&mut testbed);
    let text = answers(&asked, &callee, DOOR, 200, &sdp(ip_of(DOOR)));
    let text = text.replace("Call-ID:", "Record-Route: <sip:192.0.2.50;lr>\nCall-ID:");
    (another(&mut testbed, 2).emptied(), text)
}

impl Testbed {
    fn emptied(self) -> Self {
        let (empty, _) = Self::new(StoredState::default());
        Self { now: self.now, ..empty }
    }
}

#[test]
fn an_answer_to_an_invite_that_nobody_remembers_is_ended_where_it_came_from() {
    let (mut later, answer) = forgotten();
    let effects = later.hears(DOOR, &answer);
    let [(first, Message::Request(ack)), (second, Message::Request(bye))] = &sent(&effects)[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!([first.remote(), second.remote()], [address(DOOR); 2], "and no route is followed");
    assert_eq!([&ack.method, &bye.method], [&Method::ACK, &Method::BYE]);
    for asked in [ack, bye] {
        assert_eq!(asked.uri.to_string(), format!("sip:x@{DOOR}"));
        assert_eq!(asked.headers.get(HeaderName::Route), Some("<sip:192.0.2.50;lr>"));
        assert_eq!(asked.headers.to_tag(), Some("callee"));
    }
    assert!(bye.headers.cseq().unwrap().0 > ack.headers.cseq().unwrap().0);
    assert!(bye.headers.contains(HeaderName::Reason));
    let told = |effect: &Effect| match effect {
        Effect::Complaint { about, .. } => *about == Complaint::Unremembered,
        _ => false,
    };
    assert!(effects.iter().any(told), "the log knows: {effects:?}");
    assert_eq!(later.machine.status().refused.causes.get("unremembered"), Some(&1));
}

#[test]
fn nobody_has_others_called_off_by_an_answer_to_what_cannot_have_been_ours() {
    let (mut later, answer) = forgotten();
    let line = |name: &str| {
        let line = answer.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
    };
    let (from, call_id, via) = (line("From:"), line("Call-ID:"), line("Via:"));
    let tag = from.split("tag=").nth(1).unwrap();
    for (was, is) in [
        (tag, "eve"),
        (&call_id, "Call-ID: eve"),
        (&via, "Via: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK0123456789abcdef"),
        (&via, "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKeve"),
        (";tag=callee", ""),
        ("INVITE", "OPTIONS"),
        (" 200 ", " 486 "),
    ] {
        let text = answer.replace(was, is);
        assert_ne!(text, answer, "{was}");
        let effects = later.hears(DOOR, &text);
        assert!(sent(&effects).is_empty(), "{is}: {effects:?}");
    }
    assert_eq!(sent(&later.hears(DOOR, &answer)).len(), 2, "the true one");
}

#[test]
fn so_many_forgotten_answers_are_ended_in_a_second_and_each_sender_gets_less_than_three_times_its_own()
 {
    let (mut later, answer) = forgotten();
    let answer = |n: u32| answer.replace(";tag=callee", &format!(";tag=callee{n}"));
    let mut ended = 0;
    for n in 0..2 * UNREMEMBERED_PER_SECOND_MAX {
        ended += sent(&later.hears(DOOR, &answer(n))).len() / 2;
    }
    assert_eq!(ended, UNREMEMBERED_PER_SECOND_MAX as usize);
    let _ = later.later(1);
    let (text, elsewhere) = (answer(1_000), "198.51.100.66:5060");
    let there = |effects: Vec<Effect>| -> usize {
        let bytes = effects.iter().map(|effect| match effect {
            Effect::Send { to, bytes } if to.remote() == address(elsewhere) => bytes.len(),
            _ => 0,
        });
        bytes.sum()
    };
    let mut out = there(later.hears(elsewhere, &text));
    for _ in 0..40 {
        out += there(later.later(1));
    }
    assert!(out > 0 && out < 3 * text.len(), "{out} for {}", text.len());
}
