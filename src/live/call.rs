//! A call as text, and back: who, when, why and where it stands. Its parties are texts of their own.

use super::call_fault::{CALL_BYTES_MAX, CallFault, few, need};
use super::call_state::{
    DirectPhaseRow, ID_MAX, OperatorPhaseRow, RowText, is_default, moment, read_leg, read_moment,
};
use super::place::{HandRow, PlaceRow};
use crate::call::admission::{CallOrigin, CallerIdentity};
use crate::call::call_record::{CallPhase, CallRecord, Handover, PHASES_MAX};
use crate::call::{
    AnsweredBy, RecordingState, SavedCall, SavedDirectCall, SavedKind, SavedOperatorCall,
};
use crate::ids::{CallId, Number, OperatorId, QueueId, RequestId};
use crate::media::Announcement;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Of the texts that are written here.
const VERSION: u64 = 1;
/// The most operators who took one call, and the most files of it.
const ENTRIES_MAX: usize = 10_000;
/// What a text has room for at first.
const TEXT_BYTES: usize = 1024;

/// A call as it is written.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct LiveCallRow<'a> {
    v: u64,
    call: u64,
    #[serde(skip_serializing_if = "is_default")]
    request: Option<RowText<'a>>,
    session: RowText<'a>,
    #[serde(skip_serializing_if = "is_default")]
    queue: Option<RowText<'a>>,
    /// The caller's leg.
    leg: u64,
    from: CallerRow<'a>,
    /// As the record names the caller, where that is not who calls now.
    #[serde(skip_serializing_if = "is_default")]
    began_as: Option<(RowText<'a>, RowText<'a>, RowText<'a>)>,
    dialled: RowText<'a>,
    #[serde(skip_serializing_if = "is_default")]
    answered: bool,
    began: u64,
    #[serde(skip_serializing_if = "is_default")]
    answered_at: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    operators: Vec<RowText<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    callee: Option<RowText<'a>>,
    phases: Vec<(RowText<'a>, u64, RowText<'a>)>,
    #[serde(skip_serializing_if = "is_default")]
    handover: Option<RowText<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    recordings: Vec<RowText<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    health: RowText<'a>,
    #[serde(skip_serializing_if = "is_default")]
    operator: Option<ThroughOperatorRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    direct: Option<BetweenTwoRow<'a>>,
}

/// Who calls, as authenticated.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct CallerRow<'a> {
    origin: OriginRow<'a>,
    #[serde(skip_serializing_if = "is_default")]
    number: Option<RowText<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    name: RowText<'a>,
    #[serde(skip_serializing_if = "is_default")]
    params: RowText<'a>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OriginRow<'a> {
    Terminal(RowText<'a>),
    Trunk(RowText<'a>),
    Guest(RowText<'a>),
}

impl Default for OriginRow<'_> {
    fn default() -> Self {
        Self::Guest(Cow::default())
    }
}

/// What a call through an operator has.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct ThroughOperatorRow<'a> {
    state: OperatorPhaseRow<'a>,
    /// The caller waits unanswered for an operator.
    #[serde(default, skip_serializing_if = "is_default")]
    operator_answers: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    greeting: Option<RowText<'a>>,
    #[serde(default, skip_serializing_if = "is_default")]
    position: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    joined: Option<(u64, usize)>,
    #[serde(default, skip_serializing_if = "is_default")]
    recording: Option<RecordedRow>,
    #[serde(default, skip_serializing_if = "is_default")]
    serial: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    place: Option<PlaceRow<'a>>,
    #[serde(default, skip_serializing_if = "is_default")]
    hand: Option<HandRow<'a>>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum RecordedRow {
    Stopped,
    Leg(u64),
}

/// What a call between two parties has.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct BetweenTwoRow<'a> {
    state: DirectPhaseRow<'a>,
    #[serde(default, skip_serializing_if = "is_default")]
    sees: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    redirections: u8,
    #[serde(default, skip_serializing_if = "is_default")]
    recorded: bool,
}

/// A call as text.
///
/// # Panics
/// Never: what is written has no keys but words.
#[must_use]
pub fn print_call(call: &SavedCall) -> String {
    let mut text = Vec::with_capacity(TEXT_BYTES);
    let row = LiveCallRow::of(call);
    serde_json::to_writer(&mut text, &row).expect("rows are words and numbers");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// Reads what [`print_call`] wrote, this version or a later one of the same number.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn parse_call(text: &str) -> Result<SavedCall, CallFault> {
    if text.len() > CALL_BYTES_MAX {
        return Err(CallFault::TooLong);
    }
    let row: LiveCallRow<'_> = serde_json::from_str(text).map_err(|error| {
        /// The text of another version may be of another kind altogether.
        #[derive(Deserialize)]
        struct LiveVersionRow {
            v: u64,
        }
        match serde_json::from_str(text) {
            Ok(LiveVersionRow { v }) if v != VERSION => CallFault::Version(v),
            Ok(_) | Err(_) => CallFault::Json { line: error.line(), column: error.column() },
        }
    })?;
    row.read()
}

impl<'a> LiveCallRow<'a> {
    fn of(call: &'a SavedCall) -> Self {
        let SavedCall { record, caller, identity, answered, kind } = call;
        let phase = |phase: &'a CallPhase| {
            (Cow::from(&*phase.word), moment(phase.at), phase.who.as_str().into())
        };
        let is_same = record.caller == identity.shown()
            && record.caller_name == identity.name
            && record.origin == identity.origin_word();
        let began_as = || {
            let (caller, name, origin) = (&record.caller, &record.caller_name, &record.origin);
            (caller.into(), name.into(), origin.into())
        };
        let (operator, direct) = match kind {
            SavedKind::Operator(kind) => (Some(ThroughOperatorRow::of(kind)), None),
            SavedKind::Direct(kind) => (None, Some(BetweenTwoRow::of(kind))),
        };
        Self {
            v: VERSION,
            call: record.call.0,
            request: record.request.map(|request| request.to_string().into()),
            session: (&record.session).into(),
            queue: record.queue.as_ref().map(|queue| queue.as_str().into()),
            leg: caller.0,
            from: CallerRow::of(identity),
            began_as: (!is_same).then(began_as),
            dialled: record.dialled.as_str().into(),
            answered: *answered,
            began: moment(record.began),
            answered_at: record.answered.map(moment),
            operators: record.operators.iter().map(|operator| operator.as_str().into()).collect(),
            callee: record.callee.as_ref().map(|callee| callee.as_str().into()),
            phases: record.phases.iter().map(phase).collect(),
            handover: record.handover.map(|way| way.word().into()),
            recordings: record.recordings.iter().map(Cow::from).collect(),
            health: (&record.health).into(),
            operator,
            direct,
        }
    }

    fn read(self) -> Result<SavedCall, CallFault> {
        if self.v != VERSION {
            return Err(CallFault::Version(self.v));
        }
        let identity = self.from.read();
        let kind = match (self.operator, self.direct) {
            (Some(row), None) => {
                need("request", "there for a call through an operator", self.request.as_ref())?;
                need("queue", "there for a call through an operator", self.queue.as_ref())?;
                SavedKind::Operator(Box::new(row.read()?))
            }
            (None, Some(row)) => SavedKind::Direct(Box::new(row.read()?)),
            (Some(_), Some(_)) | (None, None) => {
                return need("operator", "one of `operator` and `direct`", None);
            }
        };
        let (caller, caller_name, origin) = match self.began_as {
            Some((caller, name, origin)) => {
                (caller.into_owned(), name.into_owned(), origin.into_owned())
            }
            None => (identity.shown(), identity.name.clone(), identity.origin_word()),
        };
        let call = Some(self.call).filter(|call| (1..=ID_MAX).contains(call));
        let request =
            |text: RowText<'_>| need("request", "the name of a request", RequestId::parse(&text));
        let handover =
            |word: RowText<'_>| need("handover", "a way to hand over", Handover::from_word(&word));
        let operators = few("operators", self.operators, ENTRIES_MAX)?;
        let phases = few("phases", self.phases, PHASES_MAX)?;
        let recordings = few("recordings", self.recordings, ENTRIES_MAX)?;
        let record = CallRecord {
            call: CallId(need("call", "the name of a call", call)?),
            request: self.request.map(request).transpose()?,
            session: self.session.into_owned(),
            queue: self.queue.map(|queue| QueueId::from(&*queue)),
            caller,
            caller_name,
            origin,
            dialled: Number::from(&*self.dialled),
            operators: operators.iter().map(|operator| OperatorId::from(&**operator)).collect(),
            callee: self.callee.map(|callee| Number::from(&*callee)),
            began: read_moment(self.began),
            answered: self.answered_at.map(read_moment),
            phases: phases.into_iter().map(read_phase).collect(),
            handover: self.handover.map(handover).transpose()?,
            ended: None,
            recordings: recordings.into_iter().map(Cow::into_owned).collect(),
            health: self.health.into_owned(),
        };
        let caller = read_leg("leg", self.leg)?;
        Ok(SavedCall { record, caller, identity, answered: self.answered, kind })
    }
}

fn read_phase((word, at, who): (RowText<'_>, u64, RowText<'_>)) -> CallPhase {
    let word = Cow::Owned(word.into_owned());
    CallPhase { word, at: read_moment(at), who: who.into_owned() }
}

impl<'a> CallerRow<'a> {
    fn of(identity: &'a CallerIdentity) -> Self {
        let CallerIdentity { origin, number, name, params } = identity;
        Self {
            origin: match origin {
                CallOrigin::Terminal(number) => OriginRow::Terminal(number.as_str().into()),
                CallOrigin::Trunk(name) => OriginRow::Trunk(name.into()),
                CallOrigin::Guest { domain } => OriginRow::Guest(domain.into()),
            },
            number: number.as_ref().map(|number| number.as_str().into()),
            name: name.into(),
            params: params.into(),
        }
    }

    fn read(self) -> CallerIdentity {
        CallerIdentity {
            origin: match self.origin {
                OriginRow::Terminal(number) => CallOrigin::Terminal(Number::from(&*number)),
                OriginRow::Trunk(name) => CallOrigin::Trunk(name.into_owned()),
                OriginRow::Guest(domain) => CallOrigin::Guest { domain: domain.into_owned() },
            },
            number: self.number.map(|number| Number::from(&*number)),
            name: self.name.into_owned(),
            params: self.params.into_owned(),
        }
    }
}

impl<'a> ThroughOperatorRow<'a> {
    fn of(call: &'a SavedOperatorCall) -> Self {
        Self {
            state: OperatorPhaseRow::of(&call.state),
            operator_answers: call.answered_by == AnsweredBy::Operator,
            greeting: call.greeting.map(|greeting| announcement(greeting).into()),
            position: call.position,
            minutes: call.minutes,
            joined: call.joined.map(|(at, position)| (moment(at), position)),
            recording: match call.recording {
                RecordingState::Off => None,
                RecordingState::Stopped => Some(RecordedRow::Stopped),
                RecordingState::Running { subject } => Some(RecordedRow::Leg(subject.0)),
            },
            serial: call.serial,
            place: call.place.as_ref().map(PlaceRow::of),
            hand: call.hand.as_ref().map(HandRow::of),
        }
    }

    fn read(self) -> Result<SavedOperatorCall, CallFault> {
        let greeting = |word: RowText<'_>| {
            let mut all = Announcement::ALL.into_iter();
            let known = all.find(|greeting| announcement(*greeting) == word);
            need("greeting", "the word of an announcement", known)
        };
        Ok(SavedOperatorCall {
            state: self.state.read()?,
            answered_by: match self.operator_answers {
                true => AnsweredBy::Operator,
                false => AnsweredBy::Queue,
            },
            greeting: self.greeting.map(greeting).transpose()?,
            position: self.position,
            minutes: self.minutes,
            joined: self.joined.map(|(at, position)| (read_moment(at), position)),
            recording: match self.recording {
                None => RecordingState::Off,
                Some(RecordedRow::Stopped) => RecordingState::Stopped,
                Some(RecordedRow::Leg(leg)) => {
                    RecordingState::Running { subject: read_leg("recording", leg)? }
                }
            },
            serial: self.serial,
            place: self.place.map(PlaceRow::read),
            hand: self.hand.map(HandRow::read).transpose()?,
        })
    }
}

impl<'a> BetweenTwoRow<'a> {
    fn of(call: &'a SavedDirectCall) -> Self {
        let SavedDirectCall { state, sees, redirections, recorded } = call;
        let state = DirectPhaseRow::of(state);
        Self { state, sees: *sees, redirections: *redirections, recorded: *recorded }
    }

    fn read(self) -> Result<SavedDirectCall, CallFault> {
        let Self { state, sees, redirections, recorded } = self;
        Ok(SavedDirectCall { state: state.read()?, sees, redirections, recorded })
    }
}

fn announcement(announcement: Announcement) -> &'static str {
    match announcement {
        Announcement::Busy => "busy",
        Announcement::Nobody => "nobody",
        Announcement::Closed => "closed",
        Announcement::Full => "full",
        Announcement::TooLong => "too-long",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: &str = r#"{"v":1,"call":17,"request":"r-00000000004f2c11","session":"1681033d46a1869fa496d0cc521d4f0b","queue":"main","leg":2,"from":{"origin":{"guest":"elsewhere.example"},"number":"ada"},"dialled":"9000","answered":true,"began":1795000001000000,"phases":[["arriving",1795000001000000,""],["queued",1795000001000000,""]],"operator":{"state":"queued","greeting":"busy","position":1,"joined":[1795000001000000,1],"place":{"turn":1,"told":1,"wait_until":1795000601000000}}}"#;
    const IN_HAND: &str = r#"{"v":1,"call":18,"request":"r-00000000004f2c12","session":"1681033d46a1869fa496d0cc521d4f0c","queue":"main","leg":4,"from":{"origin":{"terminal":"4001"},"number":"4001","name":"Ada"},"dialled":"9000","answered":true,"began":1795000001000000,"answered_at":1795000004000000,"operators":["op1"],"callee":"3002","phases":[["queued",1795000001000000,""],["taken",1795000003000000,"op1"],["ringing-you",1795000003000000,"op1"],["with-caller",1795000004000000,"op1"],["in-hand",1795000009000000,"3002"]],"recordings":["recordings/2026-11-18/114104-call-18.mkv"],"operator":{"state":{"in-hand":{"by":"op1","aside":{"connected":{"number":"3002","leg":7}},"since":1795000009000000,"recall":1795000069000000}},"operator_answers":true,"joined":[1795000001000000,1],"recording":{"leg":4},"place":{"turn":2,"told":1,"unanswered":true,"wait_left_us":597000000},"hand":{"turn":1,"at":"3001","idle_phone":5}}}"#;
    const REJOINING: &str = r#"{"v":1,"call":18,"request":"r-00000000004f2c12","session":"1681033d46a1869fa496d0cc521d4f0c","queue":"main","leg":4,"from":{"origin":{"terminal":"4001"},"number":"4001","name":"Ada"},"dialled":"9000","answered":true,"began":1795000001000000,"answered_at":1795000004000000,"operators":["op1"],"callee":"3002","phases":[["queued",1795000001000000,""],["taken",1795000003000000,"op1"],["ringing-you",1795000003000000,"op1"],["with-caller",1795000004000000,"op1"],["in-hand",1795000009000000,"3002"]],"recordings":["recordings/2026-11-18/114104-call-18.mkv"],"operator":{"state":{"rejoining":{"by":"op1","aside":{"connected":{"number":"3002","leg":7}},"since":1795000009000000,"until":1795000039000000}},"operator_answers":true,"joined":[1795000001000000,1],"recording":{"leg":4},"place":{"turn":2,"told":1,"unanswered":true,"wait_left_us":597000000},"hand":{"turn":1,"at":"3001"}}}"#;
    const TRANSFERRING: &str = r#"{"v":1,"call":19,"session":"1681033d46a1869fa496d0cc521d4f0d","leg":6,"from":{"origin":{"trunk":"carrier"}},"began_as":["4001","","terminal"],"dialled":"3002","answered":true,"began":1795000001000000,"phases":[["transferring",1795000009000000,"3003"]],"direct":{"state":{"transferring":{"callee":{"number":"3002","leg":9},"referrer":9,"by":"3002","transferee":6,"phones":{"number":"3003","until":1795000039000000,"legs":[11,13],"early_media":[13],"refusal":[302,"declined"],"contacts":["sip:3005@cordboard.local"]}}},"sees":true,"redirections":1}}"#;

    #[test]
    fn a_call_reads_back_word_for_word() {
        for text in [WAITING, IN_HAND, REJOINING, TRANSFERRING] {
            let call = parse_call(text).unwrap();
            assert_eq!(print_call(&call), text);
            assert!(text.len() < 1_100, "{}", text.len());
        }
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let (head, tail) = WAITING.split_at(1);
        let text = format!("{head}\"weather\":{{\"rain\":[true]}},{tail}");
        let text = text.replace("\"place\":{", "\"place\":{\"shade\":3,");
        let text = text.replace("\"from\":{", "\"from\":{\"age\":null,");
        assert_eq!(parse_call(&text), parse_call(WAITING));
    }

    #[test]
    fn a_fault_says_what_is_wrong_and_where() {
        let fault = |text: &str, old: &str, new: &str| {
            assert!(text.contains(old), "{old}");
            parse_call(&text.replace(old, new)).unwrap_err().to_string()
        };
        let wrong = fault(WAITING, "\"v\":1", "\"v\":2");
        assert_eq!(wrong, "of version 2, and only 1 is known here");
        let wrong = fault(WAITING, "\"call\":17", "\"call\":0");
        assert_eq!(wrong, "call: missing, or not the name of a call");
        let wrong = fault(WAITING, "r-0000", "r-zzzz");
        assert_eq!(wrong, "request: missing, or not the name of a request");
        let wrong = fault(WAITING, "\"queue\":\"main\",", "");
        assert_eq!(wrong, "queue: missing, or not there for a call through an operator");
        let wrong = fault(WAITING, "\"greeting\":\"busy\"", "\"greeting\":\"hello\"");
        assert_eq!(wrong, "greeting: missing, or not the word of an announcement");
        let wrong = fault(TRANSFERRING, "\"direct\"", "\"conference\"");
        assert_eq!(wrong, "operator: missing, or not one of `operator` and `direct`");
        let wrong = fault(TRANSFERRING, "\"declined\"", "\"who-knows\"");
        assert_eq!(wrong, "phones.refusal: missing, or not the word of a cause");
        let wrong = fault(IN_HAND, "\"leg\":7", "\"leg\":9223372036854775808");
        assert_eq!(wrong, "callee.leg: missing, or not the name of a leg");
        let many = vec!["7"; 65].join(",");
        let wrong = fault(TRANSFERRING, "[11,13]", &format!("[{many}]"));
        assert_eq!(wrong, "phones.legs: more than 64");
        let wrong = fault(WAITING, "\"queued\",\"greeting\"", "\"asleep\",\"greeting\"");
        assert!(wrong.starts_with("not the JSON of a call at line 1, column 3"), "{wrong}");
        let long = format!("{WAITING}{}", " ".repeat(CALL_BYTES_MAX));
        assert_eq!(parse_call(&long), Err(CallFault::TooLong));
    }

    #[test]
    fn a_torn_text_is_no_call_and_none_panics() {
        for text in [WAITING, IN_HAND, REJOINING, TRANSFERRING] {
            for end in 0..text.len() {
                assert!(parse_call(&text[..end]).is_err(), "{}", &text[..end]);
            }
            for at in 0..text.len() {
                for other in ["0", "9", "\"", "[", "}", ",", "-", "null", "\\"] {
                    let changed = [&text[..at], other, &text[at + 1..]].concat();
                    if let Ok(call) = parse_call(&changed) {
                        assert_eq!(parse_call(&print_call(&call)), Ok(call), "{changed}");
                    }
                }
            }
        }
    }
}
