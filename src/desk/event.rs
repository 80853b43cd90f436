//! What a desk is told: views of results and events as JSON objects.

use crate::ids::{CallId, Number, OperatorId, QueueId, RequestId};
use crate::time::UnixTime;
use serde_json::{Value, json};

/// The longest display name that is passed on, in characters: a message must fit a datagram.
pub const NAME_MAX: usize = 48;

/// The longest number or address that is passed on, in characters; callers have none that is longer.
const NUMBER_MAX: usize = 64;

/// One event. `seq` is given when it is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskEvent {
    /// First answer to `hello`.
    Welcome {
        /// Who this desk is.
        operator: OperatorId,
        /// Its desk phone.
        phone: Number,
        /// Changes at each start of the server.
        boot: String,
    },
    /// The operator's own state.
    State {
        /// `busy`, `dnd` or `idle`.
        state: &'static str,
        /// Do-not-disturb is set.
        dnd: bool,
        /// `ok`, `unregistered`, `unreachable` or `refusing`.
        phone: &'static str,
    },
    /// A call that this desk may take; it rings.
    Offer(OfferedCall),
    /// A call in the list of a busy desk; it does not ring.
    Waiting(OfferedCall),
    /// A call that this desk may no longer take.
    Withdrawn {
        /// Which.
        request: RequestId,
        /// `taken`, `abandoned`, `timeout`, `overflow` or `not-eligible`; of a parked call one of the first
        /// three.
        reason: &'static str,
    },
    /// The phase of the call in hand.
    Call {
        /// Which.
        request: RequestId,
        /// The phase, as `call-states` names it.
        phase: &'static str,
        /// Who called.
        caller: Caller,
        /// Who is wanted, once consulted.
        callee: Option<Number>,
        /// It is being recorded.
        recording: bool,
        /// When the callee hangs up, the caller comes back for the next number.
        serial: bool,
        /// Why it ended.
        reason: Option<String>,
    },
    /// A call on the list that all operators of its queue see, there to be picked; `withdrawn` takes it off.
    /// Only operators who may have several calls are told.
    Parked(ListedCall),
    /// A call waits in this operator's hand, or where it parked it, for so long.
    Recall {
        /// Which.
        request: RequestId,
        /// For so many seconds.
        seconds: u64,
    },
    /// How far the consulted person has come.
    Callee {
        /// Which call.
        request: RequestId,
        /// Who is called.
        number: Number,
        /// `trying`, `ringing`, `answered`, `busy`, …
        progress: &'static str,
        /// Why, where the word alone does not say.
        reason: Option<&'static str>,
    },
    /// Who hears and sees the operator, and whom it hears and sees, as the relay's table has it: at each change. Each a list of
    /// `caller` and `callee`.
    Senses {
        /// Which call.
        request: RequestId,
        /// Who is given the operator's voice.
        hears_you: Vec<&'static str>,
        /// Whose voice the operator is given.
        you_hear: Vec<&'static str>,
        /// Who is given its picture.
        sees_you: Vec<&'static str>,
        /// Whose picture it is given.
        you_see: Vec<&'static str>,
    },
    /// The same of an ordinary call of the operator's phone, as an event of the same name.
    DirectSenses {
        /// Which call.
        call: CallId,
        /// With whom; none once the two talk no more.
        partner: Option<Partner>,
        /// Who is given the operator's voice.
        hears_you: Vec<&'static str>,
        /// Whose voice the operator is given.
        you_hear: Vec<&'static str>,
        /// Who is given its picture.
        sees_you: Vec<&'static str>,
        /// Whose picture it is given.
        you_see: Vec<&'static str>,
    },
    /// How a terminal on the desk's list stands, at each change.
    Terminal {
        /// Its number.
        number: Number,
        /// `free`, `ringing`, `talking` or `away`.
        state: &'static str,
    },
    /// All parties' media, once a second while the operator is on the line.
    Health {
        /// Which call.
        request: RequestId,
        /// The fields `ok`, `blocking`, `caller`, `callee` and `operator`.
        report: Value,
    },
    /// A queue of this operator is closed, or open again.
    Queue {
        /// Which.
        queue: QueueId,
        /// New callers are not taken.
        is_night: bool,
    },
    /// A sentence for the human.
    Notice {
        /// The sentence.
        text: String,
    },
    /// The snapshot is complete.
    SnapshotEnd {
        /// How many calls were offered or shown in it.
        offers: usize,
    },
    /// Another desk of the same operator took over.
    Evicted,
}

/// Whom the operator's phone has in an ordinary call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Partner {
    /// The number, or `anonymous`.
    pub number: String,
    /// The display name, may be empty.
    pub name: String,
}

impl Partner {
    fn json(&self) -> Value {
        json!({
            "number": shortened(&self.number, NUMBER_MAX), "name": shortened(&self.name, NAME_MAX),
        })
    }
}

/// Who called, as a desk sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The number, or `anonymous`.
    pub number: String,
    /// The display name, may be empty.
    pub name: String,
    /// How the caller came: `terminal`, `trunk`, `guest`.
    pub origin: &'static str,
}

impl Caller {
    fn json(&self) -> Value {
        json!({
            "number": shortened(&self.number, NUMBER_MAX), "name": shortened(&self.name, NAME_MAX),
            "origin": self.origin,
        })
    }
}

/// A waiting call, as a desk sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OfferedCall {
    /// Which.
    pub request: RequestId,
    /// Where it waits.
    pub queue: QueueId,
    /// Who called.
    pub caller: Caller,
    /// Since when.
    pub since: UnixTime,
    /// From 1.
    pub position: usize,
    /// How many wait in this queue.
    pub waiting: usize,
    /// From 0; the higher goes first.
    pub priority: u8,
    /// Stills are made of the caller's picture.
    pub stills: bool,
}

impl DeskEvent {
    /// The message, under its number in this control dialog.
    #[must_use]
    pub fn json(&self, seq: u64) -> Value {
        let mut value = self.fields();
        value["seq"] = seq.into();
        value
    }

    fn fields(&self) -> Value {
        match self {
            Self::Welcome { operator, phone, boot } => json!({
                "event": "welcome", "operator": operator.as_str(), "phone": phone.as_str(),
                "server": concat!("cordboard/", env!("CARGO_PKG_VERSION")), "boot": boot,
            }),
            Self::State { state, dnd, phone } => {
                json!({"event": "state", "state": state, "dnd": dnd, "phone": phone})
            }
            Self::Offer(waiting) => waiting.json("offer"),
            Self::Waiting(waiting) => waiting.json("waiting"),
            Self::Withdrawn { request, reason } => {
                json!({"event": "withdrawn", "request": request.to_string(), "reason": reason})
            }
            Self::Parked(parked) => parked.json(),
            Self::Recall { request, seconds } => {
                json!({"event": "recall", "request": request.to_string(), "seconds": seconds})
            }
            Self::Call { request, phase, caller, callee, recording, serial, reason } => {
                let mut value = json!({
                    "event": "call", "request": request.to_string(), "phase": phase,
                    "caller": caller.json(),
                });
                if let Some(callee) = callee {
                    value["callee"] = json!({"number": callee.as_str()});
                }
                if *recording {
                    value["recording"] = true.into();
                }
                if *serial {
                    value["serial"] = true.into();
                }
                if let Some(reason) = reason {
                    value["reason"] = reason.as_str().into();
                }
                value
            }
            Self::Callee { request, number, progress, reason } => {
                callee(*request, number, progress, *reason)
            }
            Self::Senses { request, hears_you, you_hear, sees_you, you_see } => json!({
                "event": "senses", "request": request.to_string(), "hears_you": hears_you,
                "you_hear": you_hear, "sees_you": sees_you, "you_see": you_see,
            }),
            Self::DirectSenses { call, partner, hears_you, you_hear, sees_you, you_see } => {
                let mut value = json!({
                    "event": "senses", "direct": call.to_string(), "hears_you": hears_you,
                    "you_hear": you_hear, "sees_you": sees_you, "you_see": you_see,
                });
                if let Some(partner) = partner {
                    value["partner"] = partner.json();
                }
                value
            }
            Self::Terminal { number, state } => json!({
                "event": "terminal", "number": shortened(number.as_str(), NUMBER_MAX),
                "state": state,
            }),
            Self::Health { request, report } => health(*request, report),
            Self::Queue { queue, is_night } => {
                json!({"event": "queue", "queue": queue.as_str(), "night": is_night})
            }
            Self::Notice { text } => json!({"event": "notice", "text": text}),
            Self::SnapshotEnd { offers } => json!({"event": "snapshot-end", "offers": offers}),
            Self::Evicted => json!({"event": "evicted"}),
        }
    }
}

/// A parked call, as a desk sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedCall {
    /// Which.
    pub request: RequestId,
    /// Of which queue.
    pub queue: QueueId,
    /// Who called.
    pub caller: Caller,
    /// Who parked it.
    pub by: OperatorId,
    /// Whom the caller wants, as far as was said.
    pub number: Option<Number>,
    /// Since when.
    pub since: UnixTime,
    /// After so many seconds who parked it is told, and after as many again the call is in the queue.
    pub recall: u64,
}

impl ListedCall {
    fn json(&self) -> Value {
        let mut value = json!({
            "event": "parked", "request": self.request.to_string(), "queue": self.queue.as_str(),
            "caller": self.caller.json(), "by": self.by.as_str(), "since": self.since.to_string(),
            "recall": self.recall,
        });
        if let Some(number) = &self.number {
            value["number"] = shortened(number.as_str(), NUMBER_MAX).into();
        }
        value
    }
}

impl OfferedCall {
    fn json(&self, event: &str) -> Value {
        let mut value = json!({
            "event": event, "request": self.request.to_string(), "queue": self.queue.as_str(),
            "caller": self.caller.json(), "since": self.since.to_string(),
            "position": self.position, "waiting": self.waiting,
        });
        if self.priority > 0 {
            value["priority"] = self.priority.into();
        }
        if self.stills {
            value["stills"] = true.into();
        }
        value
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandOutcome {
    /// Accepted.
    Ok,
    /// `find`: the terminals, and whether there are more.
    Found {
        /// Objects with `number`, `name` and `state`.
        found: Vec<Value>,
        /// More match than were sent.
        more: bool,
    },
    /// Not accepted.
    Refused(CommandRefusal),
}

/// Why a command was not accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandRefusal {
    /// Another operator was first, or oneself was.
    AlreadyTaken {
        /// Who took it.
        by: OperatorId,
    },
    /// It does not wait, and never did or no longer does.
    NoSuchRequest,
    /// It waits, but was never offered or shown here.
    NotOffered,
    /// Not in this phase.
    WrongPhase {
        /// The phase there is.
        phase: &'static str,
    },
    /// Nobody has this number.
    NoSuchNumber,
    /// This number may not be called so.
    Refused {
        /// Why, for the human.
        text: &'static str,
    },
    /// The number has no phone at the moment.
    Unreachable,
    /// The desk phone's level does not allow it.
    RefusedByLevel {
        /// The rule, for the human.
        text: String,
    },
    /// The two do not hear or see each other.
    Unhealthy {
        /// The fields `ok`, `blocking`, `caller` and `callee`.
        report: Value,
    },
    /// The desk phone has no binding.
    PhoneUnregistered,
    /// No such verb.
    UnknownCommand,
    /// A field is missing or of the wrong type.
    BadField {
        /// Which.
        field: &'static str,
    },
    /// A crash came between the record and the result.
    Interrupted,
    /// It could not be written down, and so is not to be.
    Unwritten,
}

impl CommandRefusal {
    /// The word in `error`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::AlreadyTaken { .. } => "already-taken",
            Self::NoSuchRequest => "no-such-request",
            Self::NotOffered => "not-offered",
            Self::WrongPhase { .. } => "wrong-phase",
            Self::NoSuchNumber => "no-such-number",
            Self::Refused { .. } => "refused",
            Self::Unreachable => "unreachable",
            Self::RefusedByLevel { .. } => "refused-by-level",
            Self::Unhealthy { .. } => "unhealthy",
            Self::PhoneUnregistered => "phone-unregistered",
            Self::UnknownCommand => "unknown-command",
            Self::BadField { .. } => "bad-field",
            Self::Interrupted => "interrupted",
            Self::Unwritten => "internal",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::AlreadyTaken { by } => format!("operator {by} took it"),
            Self::NoSuchRequest => "this call does not wait any more".into(),
            Self::NotOffered => "this call was not offered to you".into(),
            Self::WrongPhase { phase } => format!("not possible while {phase}"),
            Self::NoSuchNumber => "nobody has this number".into(),
            Self::Refused { text } => (*text).into(),
            Self::Unreachable => "no phone is registered there".into(),
            Self::RefusedByLevel { text } => text.clone(),
            Self::Unhealthy { .. } => {
                "the two do not hear and see each other yet; release with force to leave anyway"
                    .into()
            }
            Self::PhoneUnregistered => "your desk phone is not registered".into(),
            Self::UnknownCommand => "no such command".into(),
            Self::BadField { field } => format!("{field} is missing or of the wrong type"),
            Self::Interrupted => "the server was restarted before it could answer".into(),
            Self::Unwritten => {
                "the server cannot write it down at the moment, so nothing was changed: try again"
                    .into()
            }
        }
    }
}

impl CommandOutcome {
    /// The result message that answers command `id`.
    #[must_use]
    pub fn json(&self, id: &str) -> Value {
        match self {
            Self::Ok => json!({"re": id, "ok": true}),
            Self::Found { found, more } => {
                let mut value = json!({"re": id, "ok": true, "found": found});
                if *more {
                    value["more"] = true.into();
                }
                value
            }
            Self::Refused(refusal) => {
                let mut value = match refusal {
                    CommandRefusal::Unhealthy { report } => report.clone(),
                    _ => json!({}),
                };
                value["re"] = id.into();
                value["ok"] = false.into();
                value["error"] = refusal.word().into();
                value["text"] = refusal.text().into();
                match refusal {
                    CommandRefusal::WrongPhase { phase } => value["phase"] = (*phase).into(),
                    CommandRefusal::BadField { field } => value["field"] = (*field).into(),
                    _ => {}
                }
                value
            }
        }
    }
}

fn callee(
    request: RequestId,
    number: &Number,
    progress: &str,
    reason: Option<&'static str>,
) -> Value {
    let mut value = json!({
        "event": "callee", "request": request.to_string(),
        "number": shortened(number.as_str(), NUMBER_MAX), "progress": progress,
    });
    if let Some(reason) = reason {
        value["reason"] = reason.into();
    }
    value
}

fn health(request: RequestId, report: &Value) -> Value {
    let mut value = report.clone();
    value["event"] = "health".into();
    value["request"] = request.to_string().into();
    value
}

fn shortened(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_says_which_command_it_answers() {
        assert_eq!(CommandOutcome::Ok.json("17"), json!({"re": "17", "ok": true}));
        let taken = CommandRefusal::AlreadyTaken { by: OperatorId::from("op2") };
        assert_eq!(
            CommandOutcome::Refused(taken).json("17"),
            json!({"re": "17", "ok": false, "error": "already-taken", "text": "operator op2 took it"})
        );
    }

    #[test]
    fn the_longest_offer_fits_a_datagram() {
        let waiting = OfferedCall {
            request: RequestId(u64::MAX),
            queue: QueueId::from("q".repeat(32).as_str()),
            caller: Caller { number: "ü".repeat(500), name: "\"".repeat(500), origin: "terminal" },
            since: UnixTime::from_secs(2_000_000_000),
            position: 100_000,
            waiting: 100_000,
            priority: 9,
            stills: true,
        };
        let parked = ListedCall {
            request: waiting.request,
            queue: waiting.queue.clone(),
            caller: waiting.caller.clone(),
            by: OperatorId::from("o".repeat(64).as_str()),
            number: Some(Number::from("9".repeat(500).as_str())),
            since: waiting.since,
            recall: 3600,
        };
        for event in [DeskEvent::Offer(waiting), DeskEvent::Parked(parked)] {
            let printed = event.json(u64::MAX).to_string();
            assert!(printed.len() <= 900, "{} bytes", printed.len());
        }
    }
}
