//! What a third host can do that has seen the packets of a dialog go by: nothing (R1.6); and what a
//! phone or desk has to do whose address has changed: prove itself once.

use super::*;
use cordboard::sip::{Method, Request, Response};

pub(super) const CALLER: &str = "192.0.2.8:5060";
pub(super) const DOOR: &str = "192.0.2.9:5060";
const GATEWAY: &str = "203.0.113.5:5060";
pub(super) const DESK: &str = "192.0.2.20:5060";
pub(super) const GUEST: &str = "198.51.100.7:5060";
/// The third host.
const ELSEWHERE: &str = "198.51.100.66:5060";

/// One end of a dialog, as a phone knows it.
pub(super) struct Side {
    /// Where it is.
    pub(super) at: &'static str,
    /// Under which name and password.
    pub(super) login: DigestLogin<'static>,
    pub(super) call_id: String,
    pub(super) own: String,
    pub(super) other: String,
    pub(super) target: String,
    pub(super) seq: u32,
}

/// How a phone that speaks by TCP ends its Contact.
pub(super) const BY_TCP: &str = ";transport=tcp";

pub(super) fn sdp(ip: &str) -> String {
    format!("v=0\no=- 1 1 IN IP4 {ip}\ns=-\nc=IN IP4 {ip}\nt=0 0\nm=audio 4000 RTP/AVP 0\n")
}

/// A whole message: `headers` end with a line end, and so does a body.
fn message(start: &str, headers: &str, body: &str) -> String {
    let length = body.len() + body.matches('\n').count();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\n" };
    format!("{start}\n{headers}{kind}Content-Length: {length}\n\n{body}")
}

pub(super) fn ip_of(at: &str) -> &str {
    at.split(':').next().unwrap()
}

impl Side {
    /// A request of this end. `branch` tells transactions apart.
    pub(super) fn asks(&self, method: &str, seq: u32, extra: &str, body: &str) -> String {
        let Self { call_id, own, other, target, at, .. } = self;
        let headers = format!(
            "Via: SIP/2.0/UDP {at};rport;branch=z9hG4bK{call_id}-{seq}-{method}
From: {own}
To: {other}
Call-ID: {call_id}
CSeq: {seq} {method}
Max-Forwards: 70
{extra}"
        );
        message(&format!("{method} {target} SIP/2.0"), &headers, body)
    }

    /// The same with the password, in answer to a challenge.
    fn proves(
        &self,
        login: &DigestLogin<'_>,
        method: &str,
        seq: u32,
        challenge: &Response,
    ) -> String {
        let authorization = authorization(login, method, &self.target, challenge);
        self.asks(method, seq, &format!("{authorization}{}", self.contact(self.at)), "")
    }

    fn contact(&self, at: &str) -> String {
        format!("Contact: <sip:x@{at}>\n")
    }
}

impl Testbed {
    /// Hears this; the journal has all that is to be kept of it at once.
    pub(super) fn told(&mut self, from: &str, text: &str) -> Vec<Effect> {
        let effects = self.hears(from, text);
        self.kept(effects)
    }

    /// What is left of it once all is committed that is to be written, with what follows.
    pub(super) fn kept(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        while let Some(at) = effects.iter().position(|effect| matches!(effect, Effect::Write(_))) {
            let Effect::Write(batch) = effects.remove(at) else { unreachable!("it was found") };
            effects.extend(self.commits(batch));
        }
        effects
    }
}

pub(super) fn authorization(
    login: &DigestLogin<'_>,
    method: &str,
    uri: &str,
    challenge: &Response,
) -> String {
    let challenges = challenge.headers.all(HeaderName::WwwAuthenticate);
    let challenge = Challenge::strongest(challenges).expect("a challenge");
    let chance = Chance { cnonce: "c", count: 1 };
    let credentials = challenge.answer(login, &Protected { method, uri }, &chance);
    format!("Authorization: {credentials}\n")
}

pub(super) fn response(effects: &[Effect]) -> Response {
    let found = sent(effects).into_iter().find_map(|(_, message)| match message {
        Message::Response(response) if response.status.as_u16() > 100 => Some(response),
        Message::Response(_) | Message::Request(_) => None,
    });
    found.unwrap_or_else(|| panic!("no response: {effects:?}"))
}

pub(super) fn request(effects: &[Effect], method: Method) -> Option<(Destination, Request)> {
    sent(effects).into_iter().find_map(|(to, message)| match message {
        Message::Request(request) if request.method == method => Some((to, request)),
        Message::Request(_) | Message::Response(_) => None,
    })
}

/// A dialog that `at` begins with an INVITE to `to`, answered and acknowledged; and what was sent on
/// until the answer, such as the INVITE to the callee.
pub(super) fn begins(
    testbed: &mut Testbed,
    at: &'static str,
    login: DigestLogin<'static>,
    to: &str,
    answer: impl FnOnce(&mut Testbed, Vec<Effect>) -> Vec<Effect>,
) -> Side {
    let host = if login.user.is_empty() { "elsewhere.example" } else { DOMAIN };
    let user = if login.user.is_empty() { "eve" } else { login.user };
    let mut side = Side {
        at,
        login,
        call_id: format!("{user}-{to}"),
        own: format!("<sip:{user}@{host}>;tag=theirs"),
        other: format!("<sip:{to}@{DOMAIN}>"),
        target: format!("sip:{to}@{DOMAIN}"),
        seq: 1,
    };
    let by_tcp = testbed.over.is_some() && at == CALLER;
    let contact = format!("Contact: <sip:x@{at}{}>\n", if by_tcp { BY_TCP } else { "" });
    let extra = format!("{contact}Recv-Info: operator-desk\n");
    let body = sdp(ip_of(at));
    let mut effects = testbed.told(at, &side.asks("INVITE", 1, &extra, &body));
    if status(&effects) == Some(401) {
        side.seq = 2;
        let target = side.target.clone();
        let proof = authorization(&side.login, "INVITE", &target, &response(&effects));
        effects = testbed.told(at, &side.asks("INVITE", 2, &format!("{extra}{proof}"), &body));
    }
    let effects = answer(testbed, effects);
    let accepted = response(&effects);
    assert_eq!(accepted.status.as_u16(), 200, "{accepted:?}");
    side.other = accepted.headers.get(HeaderName::To).unwrap().to_owned();
    side.target = accepted.headers.contact().unwrap().uri.to_string();
    testbed.told(at, &side.asks("ACK", side.seq, "", ""));
    side
}

/// The callee at `at` picks up; its end of the dialog, and what follows.
pub(super) fn picks_up(
    testbed: &mut Testbed,
    at: &'static str,
    effects: &[Effect],
) -> (Side, Vec<Effect>) {
    let (_, invite) = request(effects, Method::INVITE).expect("the callee is called");
    let header = |name| invite.headers.get(name).unwrap().to_owned();
    let side = Side {
        at,
        login: DigestLogin { user: "4001", password: "" },
        call_id: header(HeaderName::CallId),
        own: format!("{};tag=callee", header(HeaderName::To)),
        other: header(HeaderName::From),
        target: invite.headers.contact().unwrap().uri.to_string(),
        seq: 1,
    };
    let text = answers(&invite, &side, at, 200, &sdp(ip_of(at)));
    let effects = testbed.told(at, &text);
    (side, effects)
}

pub(super) fn answers(asked: &Request, side: &Side, at: &str, status: u16, body: &str) -> String {
    let header = |name| asked.headers.get(name).unwrap();
    let headers = format!(
        "Via: {}\nFrom: {}\nTo: {}\nCall-ID: {}\nCSeq: {}\n{}",
        header(HeaderName::Via),
        header(HeaderName::From),
        side.own,
        header(HeaderName::CallId),
        header(HeaderName::CSeq),
        side.contact(at),
    );
    message(&format!("SIP/2.0 {status} Whatever"), &headers, body)
}

pub(super) const ANNA: DigestLogin<'_> = DigestLogin { user: "3001", password: "secret" };
pub(super) const NOBODY: DigestLogin<'_> = DigestLogin { user: "", password: "" };
pub(super) const OPERATOR: DigestLogin<'_> = DigestLogin { user: "op1", password: "secret" };

/// 3001 talks to the door station.
pub(super) fn talking(testbed: &mut Testbed) -> (Side, Side) {
    let mut callee = None;
    let caller = begins(testbed, CALLER, ANNA, "4001", |testbed, effects| {
        let (side, effects) = picks_up(testbed, DOOR, &effects);
        callee = Some(side);
        effects
    });
    assert!(testbed.put_back >= 2, "nothing is under way once the call is answered");
    (caller, callee.unwrap())
}

/// The status of the answer, when nothing else goes out but words for the log.
fn only_response(effects: &[Effect]) -> u16 {
    let logged =
        |effect: &Effect| matches!(effect, Effect::Complaint { .. } | Effect::WrongPassword(_));
    let loud = |effect: &&Effect| !logged(effect);
    let [Effect::Send { .. }] = effects.iter().filter(loud).collect::<Vec<_>>()[..] else {
        panic!("more than an answer: {effects:?}")
    };
    status(effects).unwrap()
}

#[test]
fn what_a_third_host_sends_within_a_dialog_is_challenged_and_touches_nothing() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let (caller, callee) = talking(&mut testbed);
    let moved = "Contact: <sip:evil@198.51.100.66>\nSession-Expires: 90;refresher=uas\n";
    let evil = sdp("198.51.100.66");
    for (method, extra, body) in [
        ("BYE", "", ""),
        ("INVITE", moved, evil.as_str()),
        ("UPDATE", moved, evil.as_str()),
        ("UPDATE", "Require: evil\n", ""),
        ("REFER", "Refer-To: <sip:0900@cordboard.local>\n", ""),
        ("INFO", "", ""),
        ("PRACK", "RAck: 1 1 INVITE\n", ""),
        ("OPTIONS", "", ""),
        ("MESSAGE", "", ""),
    ] {
        // From the caller, who has a password; from the callee, who has none.
        let text = caller.asks(method, 1_000_000, extra, body);
        assert_eq!(only_response(&testbed.told(ELSEWHERE, &text)), 401, "{method}");
        let text = callee.asks(method, 1_000_000, extra, body);
        assert_eq!(only_response(&testbed.told(ELSEWHERE, &text)), 403, "{method}");
    }
    // Nor is a number in their order used up: the next of the phone's own is good.
    let offer = caller.asks("INVITE", caller.seq + 1, &caller.contact(CALLER), &sdp("192.0.2.8"));
    assert_eq!(status(&testbed.told(CALLER, &offer)), Some(200));
    testbed.told(CALLER, &caller.asks("ACK", caller.seq + 1, "", ""));
    let effects = testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    assert_eq!(status(&effects), Some(200));
    let (to, _) = request(&effects, Method::BYE).expect("the call is over");
    assert_eq!(to.remote(), address(CALLER), "nobody has moved the caller");
}

#[test]
fn a_phone_that_moved_proves_itself_once_and_goes_on() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let (caller, callee) = talking(&mut testbed);
    let moved = "192.0.2.8:6000";
    let asked = testbed.told(moved, &caller.asks("OPTIONS", 10, "", ""));
    assert_eq!(only_response(&asked), 401);
    let challenge = response(&asked);
    let text = caller.proves(&ANNA, "OPTIONS", 11, &challenge);
    assert_eq!(status(&testbed.told(moved, &text)), Some(200));
    assert_eq!(status(&testbed.told(moved, &caller.asks("OPTIONS", 12, "", ""))), Some(200));
    let effects = testbed.told(DOOR, &callee.asks("BYE", 1, "", ""));
    let (to, _) = request(&effects, Method::BYE).expect("the call is over");
    assert_eq!(to.remote(), address(moved), "it is where it proved to be");
}

#[test]
fn another_accounts_password_opens_no_dialog() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let (caller, _) = talking(&mut testbed);
    let colleague = DigestLogin { user: "3002", password: "secret" };
    let guess = DigestLogin { user: "3001", password: "guess" };
    for (seq, login, expected) in [(10, colleague, 403), (20, OPERATOR, 403), (30, guess, 401)] {
        let challenge = response(&testbed.told(ELSEWHERE, &caller.asks("BYE", seq, "", "")));
        let text = caller.proves(&login, "BYE", seq + 1, &challenge);
        assert_eq!(only_response(&testbed.told(ELSEWHERE, &text)), expected, "{}", login.user);
    }
    assert_eq!(status(&testbed.told(CALLER, &caller.asks("OPTIONS", 3, "", ""))), Some(200));
}

/// A phone whose router gave it another port, or whose connection was renewed, has registered by it.
#[test]
fn the_flow_by_which_a_phone_is_registered_is_as_good_as_its_dialogs() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let (caller, _) = talking(&mut testbed);
    let other = "192.0.2.8:7000";
    assert_eq!(status(&testbed.told(other, &caller.asks("OPTIONS", 10, "", ""))), Some(401));
    let challenge = response(&testbed.told(other, &register(1, "")));
    let uri = format!("sip:{DOMAIN}");
    let proof = authorization(&ANNA, "REGISTER", &uri, &challenge);
    assert_eq!(status(&testbed.told(other, &register(2, &proof))), Some(200));
    assert_eq!(status(&testbed.told(other, &caller.asks("OPTIONS", 11, "", ""))), Some(200));
}

#[test]
fn guests_and_phones_without_a_password_are_known_by_their_ip() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let mut door = None;
    let guest = begins(&mut testbed, GUEST, NOBODY, "4001", |testbed, effects| {
        let (side, effects) = picks_up(testbed, DOOR, &effects);
        door = Some(side);
        effects
    });
    let door = door.unwrap();
    assert_eq!(only_response(&testbed.told(ELSEWHERE, &guest.asks("BYE", 10, "", ""))), 403);
    assert_eq!(only_response(&testbed.told(ELSEWHERE, &door.asks("BYE", 10, "", ""))), 403);
    let other_port = testbed.told("192.0.2.9:9999", &door.asks("OPTIONS", 11, "", ""));
    assert_eq!(status(&other_port), Some(200));
    let effects = testbed.told("198.51.100.7:9999", &guest.asks("BYE", 11, "", ""));
    assert_eq!(status(&effects), Some(200));
    assert!(request(&effects, Method::BYE).is_some());
}

/// The password is good once, so that a copy would be challenged and the refusal never be heard.
#[test]
fn a_refusal_after_a_right_password_is_the_same_for_each_copy() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let text = invite(1, "desk", CONTACT);
    let challenge = response(&testbed.told(CALLER, &text));
    let proof = authorization(&ANNA, "INVITE", "sip:desk@cordboard.local", &challenge);
    let text = invite(2, "desk", &format!("{CONTACT}{proof}"));
    for _ in 0..2 {
        let effects = testbed.told(CALLER, &text);
        assert_eq!(only_response(&effects), 403, "a phone is no desk");
    }
    assert_eq!(testbed.machine.status().transactions, (0, 1));
}

/// A call with us is no licence to fill the table of transactions.
#[test]
fn a_guest_in_a_call_has_a_share_of_the_transactions_and_no_more() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let guest = begins(&mut testbed, GUEST, NOBODY, "4001", |testbed, effects| {
        picks_up(testbed, DOOR, &effects).1
    });
    let mut seq = 10;
    for _ in 0..20 {
        for _ in 0..150 {
            seq += 1;
            let _ = testbed.hears(GUEST, &guest.asks("OPTIONS", seq, "", ""));
        }
        let _ = testbed.later(1);
    }
    let most = transaction::Settings::default().server_transactions_max / 50;
    assert_eq!(testbed.machine.status().transactions.1, most);
}

#[test]
fn a_trunk_is_known_by_its_configured_addresses() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let mut far = None;
    begins(&mut testbed, CALLER, ANNA, "0123", |testbed, effects| {
        let (side, effects) = picks_up(testbed, GATEWAY, &effects);
        far = Some(side);
        effects
    });
    let far = far.unwrap();
    assert_eq!(only_response(&testbed.told(ELSEWHERE, &far.asks("BYE", 10, "", ""))), 403);
    let second = testbed.told("203.0.113.6:5060", &far.asks("OPTIONS", 10, "", ""));
    assert_eq!(status(&second), Some(200));
    let effects = testbed.told("203.0.113.6:5060", &far.asks("BYE", 11, "", ""));
    assert!(request(&effects, Method::BYE).is_some());
}

/// operator-desk.md: from elsewhere a desk is challenged once, and on success the flow moves.
#[test]
fn a_desk_is_commanded_by_its_operator_alone() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let desk = begins(&mut testbed, DESK, OPERATOR, "desk", |_, effects| effects);
    let info = "Info-Package: operator-desk\n";
    let forged = testbed.told(ELSEWHERE, &desk.asks("INFO", 10, info, "{}\n"));
    assert_eq!(only_response(&forged), 401);
    let challenge = response(&forged);
    let as_phone = desk.proves(&ANNA, "BYE", 11, &challenge);
    assert_eq!(only_response(&testbed.told(ELSEWHERE, &as_phone)), 403);
    let moved = "192.0.2.21:5060";
    let challenge = response(&testbed.told(moved, &desk.asks("OPTIONS", 12, "", "")));
    let proof = desk.proves(&OPERATOR, "OPTIONS", 13, &challenge);
    let effects = testbed.hears(moved, &proof);
    assert_eq!(status(&effects), Some(200));
    let stored = entries(&effects).find_map(|entry| match entry {
        JournalEntry::PutDesk(desk) => Some(desk.dialog.hop.remote()),
        _ => None,
    });
    assert_eq!(stored, Some(address(moved)), "after a restart its BYE goes there");
}

#[test]
fn a_call_that_rings_is_cancelled_by_nobody_else() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let text = invite(1, "4001", CONTACT);
    let effects = testbed.told(GUEST, &text);
    assert!(request(&effects, Method::INVITE).is_some());
    let cancel = invite(1, "4001", "").replace("INVITE", "CANCEL");
    assert_eq!(only_response(&testbed.told(ELSEWHERE, &cancel)), 481);
    let effects = testbed.told(GUEST, &cancel);
    assert!(sent(&effects).iter().any(|(_, message)| match message {
        Message::Response(response) => response.status.as_u16() == 487,
        Message::Request(_) => false,
    }));
}

/// Who has seen our INVITE has its branch, and could answer in the callee's place.
#[test]
fn an_answer_comes_from_the_host_that_was_asked() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let effects = testbed.told(GUEST, &invite_with(1, "4001", SDP));
    let (_, called) = request(&effects, Method::INVITE).unwrap();
    let side = Side {
        at: ELSEWHERE,
        login: NOBODY,
        call_id: String::new(),
        own: "<sip:4001@cordboard.local>;tag=evil".into(),
        other: String::new(),
        target: String::new(),
        seq: 1,
    };
    let forged = answers(&called, &side, ELSEWHERE, 200, &sdp("198.51.100.66"));
    let effects = testbed.told(ELSEWHERE, &forged);
    assert!(sent(&effects).is_empty(), "{effects:?}");
    let true_one = answers(&called, &side, DOOR, 200, &sdp("192.0.2.9"));
    assert_eq!(status(&testbed.told("192.0.2.9:5062", &true_one)), Some(200));
}

/// The guest has to earn the answer (see the credit of guests), and its network to carry it whole.
#[test]
fn an_offer_of_all_our_codecs_fits_one_datagram() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let late = invite(1, "4001", CONTACT);
    let effects = testbed.told(GUEST, &late);
    let (_, called) = request(&effects, Method::INVITE).unwrap();
    for _ in 0..20 {
        testbed.told(GUEST, &late);
    }
    let side = Side {
        at: DOOR,
        login: NOBODY,
        call_id: String::new(),
        own: "<sip:4001@cordboard.local>;tag=door".into(),
        other: String::new(),
        target: String::new(),
        seq: 1,
    };
    let effects = testbed.told(DOOR, &answers(&called, &side, DOOR, 200, &sdp("192.0.2.9")));
    let length = effects.iter().find_map(|effect| match effect {
        Effect::Send { bytes, .. } if bytes.starts_with(b"SIP/2.0 200") => Some(bytes.len()),
        _ => None,
    });
    assert!(length.is_some_and(|bytes| bytes > 500 && bytes <= 1_472), "{length:?}");
}

#[test]
fn a_trunk_may_answer_from_any_of_its_addresses() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    begins(&mut testbed, CALLER, ANNA, "0123", |testbed, effects| {
        let (_, invite) = request(&effects, Method::INVITE).unwrap();
        let header = |name| invite.headers.get(name).unwrap().to_owned();
        let side = Side {
            at: "203.0.113.6:5060",
            login: NOBODY,
            call_id: header(HeaderName::CallId),
            own: format!("{};tag=far", header(HeaderName::To)),
            other: header(HeaderName::From),
            target: String::new(),
            seq: 1,
        };
        testbed.told(side.at, &answers(&invite, &side, side.at, 200, &sdp("203.0.113.6")))
    });
}

/// A phone whose connection has died comes by another one; who else is at its address has none that
/// was cut off.
#[test]
fn a_phone_whose_connection_is_closed_goes_on_by_a_new_one_from_its_address() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let by = |connection, remote: &str| Flow {
        transport: Transport::Tcp,
        local: us(),
        remote: address(remote),
        connection: ConnectionId(connection),
    };
    let (first, second) = (by(1, "192.0.2.8:40001"), by(2, "192.0.2.8:40002"));
    testbed.over = Some(first);
    let (caller, _) = talking(&mut testbed);
    testbed.over = Some(second);
    assert_eq!(status(&testbed.told(CALLER, &caller.asks("OPTIONS", 10, "", ""))), Some(401));
    let _ = testbed.machine.handle(testbed.now, Input::FlowClosed(first));
    testbed.over = Some(by(3, "192.0.2.66:40001"));
    assert_eq!(status(&testbed.told(CALLER, &caller.asks("OPTIONS", 11, "", ""))), Some(401));
    testbed.over = Some(second);
    assert_eq!(status(&testbed.told(CALLER, &caller.asks("OPTIONS", 12, "", ""))), Some(200));
    testbed.over = Some(by(4, "192.0.2.8:40004"));
    assert_eq!(status(&testbed.told(CALLER, &caller.asks("OPTIONS", 13, "", ""))), Some(401));
}
