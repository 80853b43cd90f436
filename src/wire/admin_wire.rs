//! What administration says over the socket: one JSON object per line, either way.
//!
//! The cores' values are not serialisable; these are their views.

use super::admin_rows::{
    CallRow, OperatorRow, QueueRow, RegistrationRow, ReloadedRow, StatusRow, WaitingRow,
};
use crate::directory::{
    DirectoryChange, DraftField, Level, NightSwitch, OperatorDraft, OperatorMode, Permit, Srtp,
    TerminalDraft,
};
use crate::exchange::{AdminRequest, Reply};
use crate::ids::{Number, OperatorId};
use crate::sip::Uri;
use crate::switchboard::SetState;
use serde::{Deserialize, Serialize};

/// The answer to a change that could not be written.
const UNWRITTEN: &str =
    "the journal cannot be written at the moment, so nothing was changed: see `cordboard status`";

/// A line that is no request or no answer of this version.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// It cannot be read.
    #[error("not understood: {0}: is it of the same version of cordboard?")]
    Json(#[from] serde_json::Error),
    /// A value is none of its kind.
    #[error("{what} {value:?} cannot be read")]
    Value {
        /// What kind.
        what: &'static str,
        /// As it came.
        value: String,
    },
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum AdminOrder {
    /// Something of the running switchboard.
    Exchange(AdminRequest),
    /// To read the configuration again, and to take over what can hold at once.
    Reload,
}

/// What comes back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminAnswer {
    /// It holds, and is in the journal.
    Done,
    /// It does not, and why.
    Refused(String),
    /// All calls.
    Calls(Vec<CallRow>),
    /// All waiting calls.
    Queue(Vec<WaitingRow>),
    /// All queues.
    Queues(Vec<QueueRow>),
    /// All operators.
    Operators(Vec<OperatorRow>),
    /// All registrations, and the numbers that were refused.
    Registrations(Vec<RegistrationRow>),
    /// The figures.
    Status(Box<StatusRow>),
    /// What a link has that logs in once.
    LoginLink(String),
    /// The configuration was read again.
    Reloaded(ReloadedRow),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum RequestView {
    AddTerminal(TerminalView),
    SetTerminal(TerminalView),
    RemoveTerminal { number: String },
    ImportTerminals { terminals: Vec<TerminalView> },
    AddLevel(LevelView),
    SetLevel(LevelView),
    RemoveLevel { name: String },
    AddPermit(PermitView),
    RemovePermit(PermitView),
    AddOperator(OperatorStateRow),
    SetOperator(OperatorStateRow),
    RemoveOperator { name: String },
    SetState { operator: String, state: StateView },
    SetNight { queue: String, switch: String },
    Calls,
    Queue,
    Queues,
    Operators,
    Registrations,
    Status,
    LoginLink { operator: String },
    Reload,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum StateView {
    Ready,
    Dnd,
    Out,
}

#[derive(Debug, Deserialize, Serialize)]
struct TerminalView {
    number: String,
    name: Option<String>,
    level: Option<String>,
    secret: Option<String>,
    /// Left out: as it was; empty: none.
    contact: Option<String>,
    srtp: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct LevelView {
    name: String,
    admits: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct PermitView {
    callee: String,
    caller: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct OperatorStateRow {
    name: String,
    phone: Option<String>,
    phones: Option<Vec<String>>,
    queues: Option<Vec<String>>,
    mode: Option<String>,
    max_calls: Option<u8>,
    secret: Option<String>,
}

/// A request as one line, without its end.
///
/// # Errors
/// Never in practice: the views hold nothing that JSON cannot say.
pub fn write_request(order: &AdminOrder) -> Result<String, Malformed> {
    let view = match order {
        AdminOrder::Exchange(request) => RequestView::of(request),
        AdminOrder::Reload => RequestView::Reload,
    };
    Ok(serde_json::to_string(&view)?)
}

/// The request of a line.
///
/// # Errors
/// When it is none.
pub fn read_request(line: &[u8]) -> Result<AdminOrder, Malformed> {
    serde_json::from_slice::<RequestView>(line)?.read()
}

/// An answer as one line, without its end.
///
/// # Errors
/// Never in practice: the views hold nothing that JSON cannot say.
pub fn write_answer(answer: &AdminAnswer) -> Result<String, Malformed> {
    Ok(serde_json::to_string(answer)?)
}

/// The answer of a line.
///
/// # Errors
/// When it is none.
pub fn read_answer(line: &str) -> Result<AdminAnswer, Malformed> {
    Ok(serde_json::from_str(line)?)
}

impl RequestView {
    fn of(request: &AdminRequest) -> Self {
        match request {
            AdminRequest::Change(change) => Self::of_change(change),
            AdminRequest::SetState { operator, state } => Self::SetState {
                operator: operator.to_string(),
                state: match state {
                    SetState::Ready => StateView::Ready,
                    SetState::Dnd => StateView::Dnd,
                    SetState::Out => StateView::Out,
                },
            },
            AdminRequest::Calls => Self::Calls,
            AdminRequest::Queue => Self::Queue,
            AdminRequest::Queues => Self::Queues,
            AdminRequest::Operators => Self::Operators,
            AdminRequest::Registrations => Self::Registrations,
            AdminRequest::Status => Self::Status,
            AdminRequest::LoginLink(operator) => Self::LoginLink { operator: operator.to_string() },
        }
    }

    fn of_change(change: &DirectoryChange) -> Self {
        match change {
            DirectoryChange::AddTerminal(draft) => Self::AddTerminal(TerminalView::of(draft)),
            DirectoryChange::SetTerminal(draft) => Self::SetTerminal(TerminalView::of(draft)),
            DirectoryChange::RemoveTerminal(number) => {
                Self::RemoveTerminal { number: number.to_string() }
            }
            DirectoryChange::ImportTerminals(drafts) => {
                Self::ImportTerminals { terminals: drafts.iter().map(TerminalView::of).collect() }
            }
            DirectoryChange::AddLevel(level) => Self::AddLevel(LevelView::of(level)),
            DirectoryChange::SetLevel(level) => Self::SetLevel(LevelView::of(level)),
            DirectoryChange::RemoveLevel(name) => Self::RemoveLevel { name: name.to_string() },
            DirectoryChange::AddPermit(permit) => Self::AddPermit(PermitView::of(permit)),
            DirectoryChange::RemovePermit(permit) => Self::RemovePermit(PermitView::of(permit)),
            DirectoryChange::AddOperator(draft) => Self::AddOperator(OperatorStateRow::of(draft)),
            DirectoryChange::SetOperator(draft) => Self::SetOperator(OperatorStateRow::of(draft)),
            DirectoryChange::RemoveOperator(name) => {
                Self::RemoveOperator { name: name.to_string() }
            }
            DirectoryChange::SetNight { queue, switch } => {
                Self::SetNight { queue: queue.to_string(), switch: switch.to_string() }
            }
        }
    }

    fn read(self) -> Result<AdminOrder, Malformed> {
        let asked = |request| Ok(AdminOrder::Exchange(request));
        let change = match self {
            Self::AddTerminal(view) => DirectoryChange::AddTerminal(view.read()?),
            Self::SetTerminal(view) => DirectoryChange::SetTerminal(view.read()?),
            Self::RemoveTerminal { number } => {
                DirectoryChange::RemoveTerminal(number.as_str().into())
            }
            Self::ImportTerminals { terminals } => {
                let drafts = terminals.into_iter().map(TerminalView::read);
                DirectoryChange::ImportTerminals(drafts.collect::<Result<_, _>>()?)
            }
            Self::AddLevel(view) => DirectoryChange::AddLevel(view.read()),
            Self::SetLevel(view) => DirectoryChange::SetLevel(view.read()),
            Self::RemoveLevel { name } => DirectoryChange::RemoveLevel(name.as_str().into()),
            Self::AddPermit(view) => DirectoryChange::AddPermit(view.read()),
            Self::RemovePermit(view) => DirectoryChange::RemovePermit(view.read()),
            Self::AddOperator(view) => DirectoryChange::AddOperator(view.read()?),
            Self::SetOperator(view) => DirectoryChange::SetOperator(view.read()?),
            Self::RemoveOperator { name } => DirectoryChange::RemoveOperator(name.as_str().into()),
            Self::SetNight { queue, switch } => DirectoryChange::SetNight {
                queue: queue.as_str().into(),
                switch: night_switch(switch)?,
            },
            Self::SetState { operator, state } => {
                let state = match state {
                    StateView::Ready => SetState::Ready,
                    StateView::Dnd => SetState::Dnd,
                    StateView::Out => SetState::Out,
                };
                let operator = OperatorId::from(operator.as_str());
                return asked(AdminRequest::SetState { operator, state });
            }
            Self::Calls => return asked(AdminRequest::Calls),
            Self::Queue => return asked(AdminRequest::Queue),
            Self::Queues => return asked(AdminRequest::Queues),
            Self::Operators => return asked(AdminRequest::Operators),
            Self::Registrations => return asked(AdminRequest::Registrations),
            Self::Status => return asked(AdminRequest::Status),
            Self::LoginLink { operator } => {
                return asked(AdminRequest::LoginLink(operator.as_str().into()));
            }
            Self::Reload => return Ok(AdminOrder::Reload),
        };
        asked(AdminRequest::Change(change))
    }
}

impl TerminalView {
    fn of(draft: &TerminalDraft) -> Self {
        Self {
            number: draft.number.to_string(),
            name: draft.name.clone(),
            level: draft.level.as_ref().map(ToString::to_string),
            secret: draft.secret.as_ref().map(|secret| secret.export()),
            contact: match &draft.contact {
                DraftField::Keep => None,
                DraftField::Clear => Some(String::new()),
                DraftField::Set(uri) => Some(uri.to_string()),
            },
            srtp: draft.srtp.map(|srtp| srtp.name().to_owned()),
        }
    }

    fn read(self) -> Result<TerminalDraft, Malformed> {
        let contact = match self.contact {
            None => DraftField::Keep,
            Some(text) if text.is_empty() => DraftField::Clear,
            Some(text) => match Uri::parse(&text) {
                Ok(uri) => DraftField::Set(uri),
                Err(_) => return Err(Malformed::Value { what: "contact", value: text }),
            },
        };
        let srtp =
            |text: String| Srtp::named(&text).ok_or(Malformed::Value { what: "srtp", value: text });
        Ok(TerminalDraft {
            srtp: self.srtp.map(srtp).transpose()?,
            number: Number::from(self.number.as_str()),
            name: self.name,
            level: self.level.as_deref().map(Into::into),
            secret: self.secret.map(secret).transpose()?,
            contact,
        })
    }
}

impl LevelView {
    fn of(level: &Level) -> Self {
        let admits = level.admits.iter().map(ToString::to_string).collect();
        Self { name: level.name.to_string(), admits }
    }

    fn read(self) -> Level {
        let admits = self.admits.iter().map(|name| name.as_str().into()).collect();
        Level { name: self.name.as_str().into(), admits }
    }
}

impl PermitView {
    fn of(permit: &Permit) -> Self {
        Self { callee: permit.callee.to_string(), caller: permit.caller.to_string() }
    }

    fn read(self) -> Permit {
        Permit { callee: self.callee.as_str().into(), caller: self.caller.as_str().into() }
    }
}

impl OperatorStateRow {
    fn of(draft: &OperatorDraft) -> Self {
        Self {
            name: draft.name.to_string(),
            phone: draft.phone.as_ref().map(ToString::to_string),
            phones: draft.phones.as_ref().map(|set| set.iter().map(ToString::to_string).collect()),
            queues: draft.queues.as_ref().map(|set| set.iter().map(ToString::to_string).collect()),
            mode: draft.mode.map(|mode| mode.to_string()),
            max_calls: draft.max_calls,
            secret: draft.secret.as_ref().map(|secret| secret.export()),
        }
    }

    fn read(self) -> Result<OperatorDraft, Malformed> {
        let mode = |word: String| {
            word.parse::<OperatorMode>()
                .map_err(|()| Malformed::Value { what: "mode", value: word })
        };
        Ok(OperatorDraft {
            name: OperatorId::from(self.name.as_str()),
            phone: self.phone.as_deref().map(Into::into),
            phones: self.phones.map(|names| names.iter().map(|n| n.as_str().into()).collect()),
            queues: self.queues.map(|names| names.iter().map(|n| n.as_str().into()).collect()),
            mode: self.mode.map(mode).transpose()?,
            max_calls: self.max_calls,
            secret: self.secret.map(secret).transpose()?,
        })
    }
}

fn night_switch(word: String) -> Result<NightSwitch, Malformed> {
    word.parse().map_err(|()| Malformed::Value { what: "switch", value: word })
}

fn secret(text: String) -> Result<crate::directory::Secret, Malformed> {
    // What could not be read is not repeated: it is a secret.
    text.parse().map_err(|_| Malformed::Value { what: "secret", value: String::new() })
}

impl From<Reply> for AdminAnswer {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Done => Self::Done,
            Reply::Refused(refusal) => Self::Refused(refusal.to_string()),
            Reply::Unwritten => Self::Refused(UNWRITTEN.to_owned()),
            Reply::Calls(views) => Self::Calls(views.into_iter().map(CallRow::from).collect()),
            Reply::Queue(views) => Self::Queue(views.into_iter().map(WaitingRow::from).collect()),
            Reply::Queues(views) => Self::Queues(views.into_iter().map(QueueRow::from).collect()),
            Reply::Operators(views) => {
                Self::Operators(views.into_iter().map(OperatorRow::from).collect())
            }
            Reply::Registrations(registrations) => {
                let rows = registrations.into_iter().map(RegistrationRow::from);
                Self::Registrations(rows.collect())
            }
            Reply::Status(status) => Self::Status(Box::new(StatusRow::from(*status))),
            Reply::LoginLink(link) => Self::LoginLink(link.reveal()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Secret;

    fn terminal() -> TerminalDraft {
        TerminalDraft {
            name: Some("Ada \"A\"\n".into()),
            level: Some("A".into()),
            secret: Some(Secret::from_password("3001", "r", "geheim").unwrap()),
            contact: DraftField::Set(Uri::parse("sip:3001@192.0.2.7").unwrap()),
            ..TerminalDraft::new("3001".into())
        }
    }

    #[test]
    fn every_request_reads_back() {
        let cleared =
            TerminalDraft { contact: DraftField::Clear, ..TerminalDraft::new("3002".into()) };
        let level = Level { name: "C".into(), admits: ["A".into(), "C".into()].into() };
        let permit = Permit { callee: "3001".into(), caller: "0123".into() };
        let operator = OperatorDraft {
            phone: Some("3001".into()),
            phones: Some([].into()),
            queues: Some(["main".into()].into()),
            mode: Some(OperatorMode::Phone),
            max_calls: Some(3),
            ..OperatorDraft::new("op1".into())
        };
        let changes = [
            DirectoryChange::AddTerminal(terminal()),
            DirectoryChange::SetTerminal(TerminalDraft::new("3001".into())),
            DirectoryChange::RemoveTerminal("3001".into()),
            DirectoryChange::ImportTerminals(vec![terminal(), cleared]),
            DirectoryChange::AddLevel(level.clone()),
            DirectoryChange::SetLevel(level),
            DirectoryChange::RemoveLevel("C".into()),
            DirectoryChange::AddPermit(permit.clone()),
            DirectoryChange::RemovePermit(permit),
            DirectoryChange::AddOperator(operator.clone()),
            DirectoryChange::SetOperator(operator),
            DirectoryChange::RemoveOperator("op1".into()),
            DirectoryChange::SetNight { queue: "main".into(), switch: NightSwitch::Off },
        ];
        let states = [SetState::Ready, SetState::Dnd, SetState::Out]
            .map(|state| AdminRequest::SetState { operator: "op1".into(), state });
        let asked = [
            AdminRequest::Calls,
            AdminRequest::Queue,
            AdminRequest::Queues,
            AdminRequest::Operators,
            AdminRequest::Registrations,
            AdminRequest::Status,
        ];
        let asked = changes.map(AdminRequest::Change).into_iter().chain(states).chain(asked);
        for request in asked.map(AdminOrder::Exchange).chain([AdminOrder::Reload]) {
            let line = write_request(&request).unwrap();
            assert!(!line.contains('\n'), "{line}");
            let read = read_request(line.as_bytes()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{request:?}"));
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for line in [
            "",
            "{}",
            "[]",
            "{\"do\":\"fly\"}",
            "{\"do\":\"add-terminal\"}",
            "{\"do\":\"add-terminal\",\"number\":\"1\",\"contact\":\"nowhere\"}",
            "{\"do\":\"add-terminal\",\"number\":\"1\",\"secret\":\"geheim\"}",
            "{\"do\":\"set-night\",\"queue\":\"main\",\"switch\":\"dusk\"}",
            "{\"do\":\"add-operator\",\"name\":\"op1\",\"mode\":\"sofa\"}",
        ] {
            let refused = read_request(line.as_bytes()).unwrap_err().to_string();
            assert!(!refused.contains("geheim"), "{refused}");
        }
    }

    #[test]
    fn an_answer_reads_back() {
        let row = OperatorRow {
            operator: "op1".into(),
            state: "idle".into(),
            dnd: false,
            phone: Some("3001".into()),
            phone_state: "ok".into(),
            desk: "up".into(),
            call: None,
            in_hand: 0,
            max_calls: 1,
            no_offers: Some("in a call".into()),
        };
        for answer in [
            AdminAnswer::Done,
            AdminAnswer::Refused("level C: no".into()),
            AdminAnswer::Operators(vec![row]),
            AdminAnswer::Queue(Vec::new()),
        ] {
            assert_eq!(read_answer(&write_answer(&answer).unwrap()).unwrap(), answer);
        }
    }
}
