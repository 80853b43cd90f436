//! Pages: sessions that the journal has, and connections that are their operator's.

use super::senses::Desk;
use super::third_parties::{CALLER, GUEST, NOBODY, begins, picks_up, talking};
use super::*;
use cordboard::directory::OperatorDraft;
use cordboard::exchange::{LoginSource, TypedSecret, WebReply, WebRequest};
use cordboard::session::{LINK_LIFETIME, SESSION_LIFETIME, SessionToken};
use cordboard::switchboard::SetState;
use serde_json::json;

fn source(ip: &str) -> LoginSource {
    let remote = address(&format!("{ip}:50000"));
    LoginSource { remote, local: us(), transport: Transport::Wss }
}

fn by(connection: u64) -> Flow {
    Flow {
        transport: Transport::Wss,
        local: us(),
        remote: address("192.0.2.8:5060"),
        connection: ConnectionId(connection),
    }
}

fn answer(effects: &[Effect]) -> Option<WebReply> {
    effects.iter().find_map(|effect| match effect {
        Effect::WebReply { id: 1, reply } => Some(reply.clone()),
        _ => None,
    })
}

fn closed(effects: &[Effect]) -> Vec<u64> {
    let connection = |effect: &Effect| match effect {
        Effect::CloseFlow(connection) => Some(connection.0),
        _ => None,
    };
    effects.iter().filter_map(connection).collect()
}

impl Testbed {
    fn asks_by_web(&mut self, request: WebRequest) -> Vec<Effect> {
        self.give(Input::Web { id: 1, request })
    }

    fn types(&mut self, operator: &str, password: &str, ip: &str) -> Vec<Effect> {
        let (operator, password) = (operator.to_owned(), TypedSecret(password.to_owned()));
        self.asks_by_web(WebRequest::LogIn { operator, password, source: source(ip) })
    }

    fn logs_in(&mut self) -> SessionToken {
        let batch = awaited(&self.types("op1", "secret", "192.0.2.8"));
        match answer(&self.commits(batch)) {
            Some(WebReply::LoggedIn { token, .. }) => token,
            other => panic!("{other:?}"),
        }
    }

    fn holds(&mut self, token: SessionToken) -> bool {
        matches!(answer(&self.asks_by_web(WebRequest::Session(token))), Some(WebReply::Session(_)))
    }

    fn comes(&mut self, connection: u64, token: SessionToken) -> Vec<Effect> {
        self.give(Input::PageCame { flow: by(connection), session: token.key() })
    }

    /// 3001's page registers by a connection, with its name or another.
    fn page_registers(&mut self, connection: u64, number: &str) -> Option<u16> {
        self.over = Some(by(connection));
        let seq = 1 + self.turns as u32;
        let text = register(seq, "").replace("3001", number);
        let effects = self.hears("192.0.2.8:5060", &text.replace("UDP", "WSS"));
        self.over = None;
        status(&effects).or_else(|| status(&self.commits(awaited(&effects))))
    }
}

fn testbed() -> Testbed {
    Testbed::new(StoredState::default()).0
}

#[test]
fn a_session_is_told_of_when_the_journal_has_it() {
    let mut testbed = testbed();
    let effects = testbed.types("op1", "secret", "192.0.2.8");
    assert!(answer(&effects).is_none(), "not yet");
    let effects = testbed.commits(awaited(&effects));
    let Some(WebReply::LoggedIn { token, session }) = answer(&effects) else {
        panic!("{effects:?}")
    };
    assert_eq!((session.operator.as_str(), session.phone.as_str()), ("op1", "3001"));
    assert!(testbed.holds(token));
    // Another process goes on with it, where the operator still has this password.
    let (mut next, _) = Testbed::new(testbed.journal.state(2));
    assert!(next.holds(token));
    let effects = next.asks_by_web(WebRequest::LogOut(token));
    assert!(entries(&effects).any(|entry| matches!(entry, JournalEntry::DropSession(_))));
    assert!(answer(&effects).is_none(), "nor is its end before");
    let effects = next.commits(awaited(&effects));
    assert!(matches!(answer(&effects), Some(WebReply::Done)), "{effects:?}");
    assert!(!next.holds(token));
}

#[test]
fn a_session_that_cannot_be_written_is_none() {
    let mut testbed = testbed();
    let batch = awaited(&testbed.types("op1", "secret", "192.0.2.8"));
    let effects = testbed.fails(batch.clone());
    assert!(matches!(answer(&effects), Some(WebReply::Unwritten)), "{effects:?}");
    let gone = |entry: &JournalEntry| matches!(entry, JournalEntry::DropSession(_));
    assert!(entries(&effects).any(gone), "{effects:?}");
    // A note is not to come later, either.
    let token = testbed.logs_in();
    let note = WebRequest::Note { session: token, number: "4001".into(), text: "x".into() };
    let batch = awaited(&testbed.asks_by_web(note));
    let effects = testbed.fails(batch);
    assert!(matches!(answer(&effects), Some(WebReply::Unwritten)), "{effects:?}");
    assert!(entries(&effects).any(|entry| matches!(entry, JournalEntry::DropNote { id: 1, .. })));
}

#[test]
fn guesses_at_pages_and_of_phones_stand_in_one_book() {
    let mut testbed = testbed();
    for _ in 0..20 {
        let effects = testbed.types("op1", "wrong", "198.51.100.7");
        assert!(matches!(answer(&effects), Some(WebReply::WrongPassword)), "{effects:?}");
    }
    let effects = testbed.types("op1", "secret", "198.51.100.7");
    assert!(matches!(answer(&effects), Some(WebReply::Limited { .. })), "{effects:?}");
    // Who guesses by digest is not listened to at the page.
    let wrong = |testbed: &mut Testbed, seq| {
        let challenged = testbed.hears("203.0.113.77:5060", &register(seq, ""));
        // The right answer of somebody else.
        let wrong = credentials(&challenged).replace("3001", "op1");
        testbed.hears("203.0.113.77:5060", &register(seq + 1, &wrong))
    };
    for guess in 0..20 {
        let effects = wrong(&mut testbed, 2 * guess + 1);
        assert_eq!(status(&effects), Some(401), "{effects:?}");
    }
    let effects = testbed.types("op1", "secret", "203.0.113.77");
    assert!(matches!(answer(&effects), Some(WebReply::Limited { .. })), "{effects:?}");
    let told = testbed.types("3001", "secret", "198.51.100.8");
    assert!(matches!(answer(&told), Some(WebReply::WrongPassword)), "a phone has no page");
    let line = told.iter().find_map(|effect| match effect {
        Effect::WrongPassword(wrong) => Some(wrong.to_string()),
        _ => None,
    });
    let line = line.unwrap();
    assert_eq!(line, "wrong password: source=198.51.100.8 transport=WSS count=1 account=\"3001\"");
}

#[test]
fn a_connection_is_its_operators_as_long_as_the_session_holds() {
    let mut testbed = testbed();
    let token = testbed.logs_in();
    assert_eq!(closed(&testbed.comes(7, token)), [] as [u64; 0]);
    assert_eq!(testbed.page_registers(7, "3001"), Some(200));
    assert_eq!(testbed.page_registers(7, "3002"), Some(403));
    assert_eq!(testbed.page_registers(8, "3001"), Some(401), "another connection");
    let flow = by(7);
    assert!(testbed.machine.connections_in_use()(&flow));
    // Its time is over.
    let hours = SESSION_LIFETIME.as_secs();
    let _ = testbed.later(hours - 1);
    assert!(testbed.holds(token));
    assert!(
        testbed
            .machine
            .deadline()
            .is_some_and(|at| at <= testbed.now.instant + Duration::from_secs(1))
    );
    assert_eq!(closed(&testbed.later(1)), [7]);
    assert!(!testbed.holds(token));
    assert_eq!(testbed.page_registers(7, "3001"), Some(401), "until it is closed it is nobody's");
    assert_eq!(closed(&testbed.comes(9, token)), [9]);
}

#[test]
fn a_clock_that_is_put_back_is_waited_for_in_peace() {
    let mut testbed = testbed();
    let token = testbed.logs_in();
    let _ = testbed.comes(7, token);
    let hour = 3_600;
    testbed.now.unix = testbed.now.unix - Duration::from_secs(hour);
    assert_eq!(closed(&testbed.later(SESSION_LIFETIME.as_secs())), [] as [u64; 0]);
    let (now, due) = (testbed.now.instant, testbed.machine.deadline().expect("it ends"));
    assert!(due > now, "{due:?} is over at {now:?}: it would be looked at again and again");
    assert_eq!(closed(&testbed.later(hour)), [7]);
}

/// Logs in, and lets the session's time pass but for two seconds.
fn nearly_over(testbed: &mut Testbed) -> SessionToken {
    let token = testbed.logs_in();
    let _ = testbed.comes(7, token);
    let _ = testbed.later(SESSION_LIFETIME.as_secs() - 2);
    token
}

#[test]
fn a_call_at_the_pages_phone_is_not_lost_by_the_clock() {
    let mut testbed = testbed();
    let token = nearly_over(&mut testbed);
    let (mut caller, _) = talking(&mut testbed);
    assert_eq!(closed(&testbed.later(2)), [] as [u64; 0]);
    assert!(testbed.holds(token), "a page that is loaded anew finds its session");
    assert_eq!(closed(&testbed.comes(8, token)), [] as [u64; 0]);
    caller.seq += 1;
    let bye = caller.asks("BYE", caller.seq, "", "");
    assert_eq!(status(&testbed.told(caller.at, &bye)), Some(200));
    assert_eq!(closed(&testbed.later(30)), [7, 8], "the call is over");
    assert!(!testbed.holds(token));
}

#[test]
fn a_call_in_an_operators_hand_is_not_lost_by_the_clock() {
    let mut testbed = testbed();
    testbed.is_left_alone = true;
    let token = nearly_over(&mut testbed);
    let effects = registered(&mut testbed);
    testbed.kept(effects);
    let mut desk = Desk::open(&mut testbed);
    let mut guest = begins(&mut testbed, GUEST, NOBODY, "9000", |_, effects| effects);
    let effects = testbed.later(1);
    desk.hears(&mut testbed, effects);
    let offer = desk.told.iter().find(|event| event["event"] == "offer").expect("an offer");
    let take = json!({"do": "take", "request": offer["request"]});
    let effects = desk.does(&mut testbed, take);
    let (_, effects) = picks_up(&mut testbed, CALLER, &effects);
    desk.hears(&mut testbed, effects);
    assert_eq!(closed(&testbed.later(1)), [] as [u64; 0]);
    assert!(testbed.holds(token));
    guest.seq += 1;
    let bye = guest.asks("BYE", guest.seq, "", "");
    let effects = testbed.told(GUEST, &bye);
    desk.hears(&mut testbed, effects);
    assert_eq!(closed(&testbed.later(30)), [7]);
}

#[test]
fn a_phone_at_which_another_operator_sits_is_not_the_pages() {
    let mut testbed = testbed();
    let token = testbed.logs_in();
    let _ = testbed.comes(7, token);
    let phones = Some([Number::from("3002")].into());
    let draft = OperatorDraft { phones, ..OperatorDraft::new("op1".into()) };
    testbed.changes(DirectoryChange::SetOperator(draft));
    assert_eq!(testbed.page_registers(7, "3002"), Some(200), "nobody sits there");
    let mut draft = OperatorDraft::new("op2".into());
    draft.phone = Some(Number::from("3002"));
    draft.mode = Some(OperatorMode::Phone);
    testbed.changes(DirectoryChange::AddOperator(draft));
    assert_eq!(testbed.set("op2", SetState::Ready), "Done");
    assert_eq!(testbed.page_registers(7, "3002"), Some(403));
    assert_eq!(testbed.page_registers(7, "3001"), Some(200), "its own");
    assert_eq!(testbed.set("op2", SetState::Out), "Done");
    assert_eq!(testbed.page_registers(7, "3002"), Some(200), "it has gone");
}

#[test]
fn with_another_password_or_without_its_operator_a_session_is_over() {
    let mut testbed = testbed();
    let token = testbed.logs_in();
    let _ = testbed.comes(7, token);
    // Something else of it is changed.
    let phones = Some([Number::from("3002")].into());
    let draft = OperatorDraft { phones, ..OperatorDraft::new("op1".into()) };
    let batch = awaited(&testbed.asks(1, DirectoryChange::SetOperator(draft)));
    assert_eq!(closed(&testbed.commits(batch)), [] as [u64; 0]);
    assert_eq!(testbed.page_registers(7, "3002"), Some(200), "a phone that it may use");
    let secret = Some(Secret::from_password("op1", DOMAIN, "other").unwrap());
    let draft = OperatorDraft { secret, ..OperatorDraft::new("op1".into()) };
    let batch = awaited(&testbed.asks(2, DirectoryChange::SetOperator(draft)));
    assert_eq!(closed(&testbed.commits(batch)), [7]);
    assert!(!testbed.holds(token));
    let batch = awaited(&testbed.types("op1", "other", "192.0.2.8"));
    let Some(WebReply::LoggedIn { token, .. }) = answer(&testbed.commits(batch)) else { panic!() };
    let _ = testbed.comes(8, token);
    let batch = awaited(&testbed.asks(3, DirectoryChange::RemoveOperator("op1".into())));
    assert_eq!(closed(&testbed.commits(batch)), [8]);
}

#[test]
fn a_link_logs_in_once() {
    let mut testbed = testbed();
    let link = |testbed: &mut Testbed| {
        let request = AdminRequest::LoginLink("op1".into());
        let effects = testbed.give(Input::Admin { id: 1, by: "root".into(), request });
        effects.into_iter().find_map(|effect| match effect {
            Effect::Reply { reply: Reply::LoginLink(link), .. } => Some(link),
            _ => None,
        })
    };
    let first = link(&mut testbed).unwrap();
    let redeem = WebRequest::Redeem { link: first, source: source("192.0.2.8") };
    let batch = awaited(&testbed.asks_by_web(redeem.clone()));
    assert!(matches!(answer(&testbed.commits(batch)), Some(WebReply::LoggedIn { .. })));
    assert!(matches!(answer(&testbed.asks_by_web(redeem)), Some(WebReply::WrongLink)));
    assert!(!testbed.holds(first), "it is no session");
    let late = link(&mut testbed).unwrap();
    let _ = testbed.later(LINK_LIFETIME.as_secs());
    let redeem = WebRequest::Redeem { link: late, source: source("192.0.2.8") };
    assert!(matches!(answer(&testbed.asks_by_web(redeem)), Some(WebReply::WrongLink)));
}
