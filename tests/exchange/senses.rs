//! Who hears and sees an operator: what its desk is told, from the relay's own table, with real legs between.

use super::third_parties::{
    CALLER, DESK, DOOR, GUEST, NOBODY, OPERATOR, Side, answers, begins, ip_of, picks_up, request,
    sdp,
};
use super::*;
use cordboard::sip::Method;
use serde_json::{Value, json};

const PHONE: &str = CALLER;

/// An operator's desk in its control dialog.
pub(super) struct Desk {
    side: Side,
    /// What it has been told and nobody has looked at yet.
    pub(super) told: Vec<Value>,
}

impl Desk {
    pub(super) fn open(testbed: &mut Testbed) -> Self {
        let side = begins(testbed, DESK, OPERATOR, "desk", |_, effects| effects);
        let mut desk = Self { side, told: vec![] };
        let effects = desk.says(testbed, json!({"do": "hello"}));
        desk.hears(testbed, effects);
        desk
    }

    fn says(&mut self, testbed: &mut Testbed, mut command: Value) -> Vec<Effect> {
        self.side.seq += 1;
        command["id"] = self.side.seq.to_string().into();
        let text = self.side.asks("INFO", self.side.seq, "Info-Package: operator-desk\n", "");
        let body = command.to_string();
        let length = format!(
            "Content-Type: application/vnd.cordboard.desk+json\nContent-Length: {}\n\n{body}",
            body.len()
        );
        testbed.told(DESK, &text.replace("Content-Length: 0\n\n", &length))
    }

    /// Answers each message that comes, until no more does; what else goes out. The relay's reports come in between.
    pub(super) fn hears(&mut self, testbed: &mut Testbed, effects: Vec<Effect>) -> Vec<Effect> {
        let mut effects = effects;
        let mut at = 0;
        loop {
            for report in std::mem::take(&mut testbed.reported) {
                let more = testbed.give(Input::Media(report));
                effects.extend(testbed.kept(more));
            }
            let Some(effect) = effects.get(at) else { return effects };
            at += 1;
            let Some((_, Message::Request(info))) = sent(std::slice::from_ref(effect)).pop() else {
                continue;
            };
            if info.method == Method::INFO && info.headers.to_tag() == Some("theirs") {
                self.told.push(serde_json::from_slice(&info.body).unwrap());
                effects.extend(testbed.told(DESK, &answers(&info, &self.side, DESK, 200, "")));
            }
        }
    }

    /// Gives a command; what it causes but for the messages to the desk.
    pub(super) fn does(&mut self, testbed: &mut Testbed, command: Value) -> Vec<Effect> {
        let effects = self.says(testbed, command);
        self.hears(testbed, effects)
    }

    /// What was said last of who hears and sees whom, since this was asked before; and nothing else was said of it meanwhile.
    #[track_caller]
    fn senses(&mut self) -> Option<[String; 4]> {
        let told = std::mem::take(&mut self.told);
        let last = told.iter().rfind(|event| event["event"] == "senses")?;
        let list = |name: &str| {
            let list = last[name].as_array().unwrap().iter();
            list.map(|party| party.as_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        Some(["hears_you", "you_hear", "sees_you", "you_see"].map(list))
    }
}

fn only_sound(party: &str) -> Option<[String; 4]> {
    Some([party, party, "", ""].map(str::to_owned))
}

/// The phone's own description of itself, changed.
fn changes(testbed: &mut Testbed, desk: &mut Desk, phone: &mut Side, direction: &str) {
    phone.seq += 1;
    let contact = format!("Contact: <sip:x@{}>\n", phone.at);
    let version = format!("o=- 1 {} ", phone.seq);
    let body = format!("{}a={direction}\n", sdp(ip_of(phone.at)).replace("o=- 1 1 ", &version));
    let effects = testbed.told(phone.at, &phone.asks("INVITE", phone.seq, &contact, &body));
    assert_eq!(status(&effects), Some(200));
    desk.hears(testbed, effects);
    let effects = testbed.told(phone.at, &phone.asks("ACK", phone.seq, "", ""));
    desk.hears(testbed, effects);
}

#[test]
fn a_desk_is_told_who_hears_its_operator_as_the_relay_has_it() {
    let (mut testbed, _) = Testbed::new(StoredState::default());
    testbed.is_left_alone = true;
    let effects = registered(&mut testbed);
    testbed.kept(effects);
    let mut desk = Desk::open(&mut testbed);
    begins(&mut testbed, GUEST, NOBODY, "9000", |_, effects| effects);
    // What came with the ACK is said again.
    let effects = testbed.later(1);
    desk.hears(&mut testbed, effects);
    let offer = desk.told.iter().find(|event| event["event"] == "offer").expect("an offer");
    let take = json!({"do": "take", "request": offer["request"]});
    let effects = desk.does(&mut testbed, take);
    assert_eq!(desk.senses(), None, "nobody is there yet");

    let (mut phone, effects) = picks_up(&mut testbed, PHONE, &effects);
    desk.hears(&mut testbed, effects);
    assert_eq!(desk.senses(), only_sound("caller"));

    let effects = desk.does(&mut testbed, json!({"do": "consult", "number": "4001"}));
    assert_eq!(desk.senses(), only_sound(""));
    let (_, effects) = picks_up(&mut testbed, DOOR, &effects);
    desk.hears(&mut testbed, effects);
    assert_eq!(desk.senses(), only_sound("callee"));

    desk.does(&mut testbed, json!({"do": "alternate", "party": "caller"}));
    assert_eq!(desk.senses(), only_sound("caller"));
    changes(&mut testbed, &mut desk, &mut phone, "inactive");
    assert_eq!(desk.senses(), only_sound(""), "its own phone is on hold");
    changes(&mut testbed, &mut desk, &mut phone, "sendonly");
    assert_eq!(
        desk.senses(),
        None,
        "its hold is its own: the caller has hold media (media rule 11)"
    );
    changes(&mut testbed, &mut desk, &mut phone, "sendrecv");
    assert_eq!(desk.senses(), only_sound("caller"));

    desk.does(&mut testbed, json!({"do": "connect"}));
    assert_eq!(desk.senses(), only_sound(""), "the two are among themselves");
    desk.does(&mut testbed, json!({"do": "retrieve", "party": "callee"}));
    assert_eq!(desk.senses(), only_sound("callee"));

    // The phone was started anew: at the desk's hello it is asked, does not know its call, and is called again.
    let effects = desk.does(&mut testbed, json!({"do": "hello"}));
    let asked = request(&effects, Method::UPDATE).or_else(|| request(&effects, Method::INVITE));
    let (to, probe) = asked.expect("the phone is asked");
    assert_eq!(to.remote(), address(PHONE));
    let effects = testbed.told(PHONE, &answers(&probe, &phone, PHONE, 481, ""));
    let effects = desk.hears(&mut testbed, effects);
    assert_eq!(desk.senses(), only_sound(""));
    let (_, effects) = picks_up(&mut testbed, PHONE, &effects);
    desk.hears(&mut testbed, effects);
    assert_eq!(desk.senses(), only_sound("callee"), "in its old place");
}
