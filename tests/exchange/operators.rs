//! What an administrator makes of operators and their phones, while they work.

use super::*;
use cordboard::directory::{DraftField, OperatorDraft};
use cordboard::switchboard::SetState;

const CALLER: &str = "203.0.113.5:5060";
const PHONE: &str = "192.0.2.9:5060";

impl Testbed {
    /// Asks for a change, which the journal has at once.
    pub(super) fn changes(&mut self, change: DirectoryChange) {
        let batch = awaited(&self.asks(1, change));
        assert_eq!(reply(&self.commits(batch)), says(1, "Done"));
    }

    pub(super) fn set(&mut self, operator: &str, state: SetState) -> String {
        let request = AdminRequest::SetState { operator: OperatorId::from(operator), state };
        let effects = self.give(Input::Admin { id: 2, by: "root".into(), request });
        let refusal = effects.iter().find_map(|effect| match effect {
            Effect::Reply { reply: Reply::Refused(refusal), .. } => Some(refusal.to_string()),
            _ => None,
        });
        refusal.unwrap_or_else(|| reply(&effects).unwrap().1)
    }

    fn phone_of(&mut self, operator: &str) -> &'static str {
        let request = AdminRequest::Operators;
        let effects = self.give(Input::Admin { id: 3, by: "root".into(), request });
        let Some(Effect::Reply { reply: Reply::Operators(views), .. }) = effects.last() else {
            panic!("operators: {effects:?}");
        };
        views.iter().find(|view| view.operator.as_str() == operator).unwrap().phone_state
    }
}

/// A house where op2 works by the phone of 4001 alone, and is ready.
fn testbed() -> Testbed {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    let mut draft = OperatorDraft::new(OperatorId::from("op2"));
    draft.phone = Some(Number::from("4001"));
    draft.mode = Some(OperatorMode::Phone);
    testbed.changes(DirectoryChange::AddOperator(draft));
    assert_eq!(testbed.set("op2", SetState::Ready), "Done");
    testbed
}

fn answered(message: &Message, status: sip::StatusCode) -> String {
    let Message::Request(request) = message else { panic!("a request: {message:?}") };
    let mut bytes = Vec::new();
    sip::print(&request.response(status).into(), &mut bytes);
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_phone_that_refuses_is_not_forgiven_for_another_name() {
    let mut testbed = testbed();
    let text = invite_with_sound(1);
    let mut effects = testbed.hears(CALLER, &text);
    let ok = sent(&effects).into_iter().find_map(|(_, message)| match message {
        Message::Response(response) if response.status.as_u16() == 200 => Some(response),
        _ => None,
    });
    let tag = ok.unwrap().headers.to_tag().unwrap().to_owned();
    let ack = invite(1, "9000", "").replace("INVITE", "ACK");
    let ack = ack.replace(
        "To: <sip:9000@cordboard.local>",
        &format!("To: <sip:9000@cordboard.local>;tag={tag}"),
    );
    effects.extend(testbed.hears(CALLER, &ack));
    let (to, _, ring) = invited(&effects);
    assert!(to.ends_with(PHONE), "{to}");
    let _ = testbed.hears(PHONE, &answered(&ring, sip::StatusCode::BUSY_HERE));
    assert_eq!(testbed.phone_of("op2"), "refusing");

    let draft = || TerminalDraft::new(Number::from("4001"));
    testbed.changes(DirectoryChange::SetTerminal(TerminalDraft {
        name: Some("Gate".into()),
        ..draft()
    }));
    assert_eq!(testbed.phone_of("op2"), "refusing");
    let third_parties = DraftField::Set(Uri::parse("sip:4001@192.0.2.10").unwrap());
    testbed
        .changes(DirectoryChange::SetTerminal(TerminalDraft { contact: third_parties, ..draft() }));
    assert_eq!(testbed.phone_of("op2"), "ok");
}

#[test]
fn an_operator_with_a_desk_is_not_made_ready_without_it() {
    let mut testbed = testbed();
    assert!(testbed.set("op1", SetState::Ready).contains("op1"));
    assert!(testbed.set("op1", SetState::Dnd).contains("op1"));
    assert_eq!(testbed.set("op2", SetState::Out), "Done");
    assert!(testbed.set("op2", SetState::Dnd).contains("op2"), "it is out");
    assert_eq!(testbed.set("op2", SetState::Ready), "Done");
}
