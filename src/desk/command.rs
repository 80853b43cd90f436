//! Commands from a desk: one JSON object, read into a type that cannot be wrong.

use crate::ids::{Number, RequestId};
use crate::text::{NUMBER_CHARS_MAX, is_within};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// The longest message body, in bytes; a longer one gets 413.
pub const BODY_MAX: usize = 16 * 1024;
/// The deepest nesting of a message; a deeper one gets 400.
pub const DEPTH_MAX: usize = 8;
/// The longest `id`, in bytes: it is kept for ten minutes.
pub const ID_MAX: usize = 128;
/// The longest text that `find` searches for, in characters.
pub const FIND_MAX: usize = 64;

/// The most terminals that a desk watches.
pub const WATCHED_MAX: usize = 200;

/// One command: the desk's own name for it, and what it wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    /// The desk's own id, unique per operator.
    pub id: String,
    /// The whole object in canonical form, to tell a repetition from another command under the same id.
    pub content: String,
    /// To which of the operator's calls, where the verb is for a call in hand.
    pub which: WhichCall,
    /// What is to be done, or the result that says why it cannot be read.
    pub verb: Result<Verb, BadCommand>,
}

/// Which of an operator's calls a command is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WhichCall {
    /// The only one.
    Only,
    /// The one of this name; `None` is an id that was never ours.
    Named(Option<RequestId>),
}

/// What a desk can ask for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verb {
    /// First message: logs in and asks for the snapshot.
    Hello {
        /// Another desk phone than the operator's own (hot desking).
        phone: Option<Number>,
    },
    /// Clears do-not-disturb.
    Ready,
    /// Sets do-not-disturb.
    Dnd,
    /// No more offers, no lease.
    Logout,
    /// Takes a waiting call.
    Take {
        /// Which one; `None` is an id that was never ours.
        request: Option<RequestId>,
    },
    /// Leaves an offer to the others.
    Decline {
        /// Which one; `None` is an id that was never ours.
        request: Option<RequestId>,
    },
    /// Calls the wanted person.
    Consult {
        /// The number as typed.
        number: String,
    },
    /// Talks to one of the two.
    Alternate {
        /// To whom.
        party: BridgedParty,
    },
    /// Steps back.
    Cancel,
    /// Connects caller and callee.
    Connect,
    /// Leaves the two alone.
    Release {
        /// Even when the health report says no.
        force: bool,
    },
    /// Takes one of the connected parties back.
    Retrieve {
        /// Whom.
        party: BridgedParty,
    },
    /// Records the call, or no longer.
    Record {
        /// Which of the two.
        on: bool,
    },
    /// Ends the whole call.
    Hangup,
    /// Puts the call on the list that all operators of its queue see.
    Park {
        /// Whom the caller wants.
        number: Option<Number>,
    },
    /// Takes a call off that list; the command names it.
    Pick,
    /// Brings a call in hand to the ear: the one that is named, else the next.
    Swap,
    /// Leaves the caller to a ringing phone; it comes back if nobody answers.
    Transfer {
        /// The number as typed.
        number: String,
    },
    /// Has the caller come back each time that a callee hangs up.
    Serial {
        /// Or no longer.
        on: bool,
    },
    /// Wants to know of these terminals how they stand, at every change; replaces the list before.
    Watch {
        /// At most [`WATCHED_MAX`].
        numbers: BTreeSet<Number>,
    },
    /// Looks terminals up.
    Find {
        /// A part of a number or name.
        text: String,
    },
    /// Nothing; a sign of life.
    Ping,
}

impl Verb {
    /// Whether a repetition may simply be carried out again.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        matches!(self, Self::Hello { .. } | Self::Ping | Self::Find { .. } | Self::Watch { .. })
    }
}

/// One of the two parties that an operator brings together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BridgedParty {
    /// C, who called in.
    Caller,
    /// U, who is wanted.
    Callee,
}

/// A command that has an id and a verb, yet makes no sense; it gets a result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BadCommand {
    /// No such verb.
    UnknownCommand,
    /// A field is missing or of the wrong type.
    BadField(&'static str),
}

/// A message that is no command at all; it gets 400 (or 413) with this reason phrase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadMessage {
    /// Longer than [`BODY_MAX`].
    TooLong,
    /// Not UTF-8, not JSON.
    NotJson,
    /// JSON, but no object.
    NoObject,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// An object has a key twice: which of the two values is meant is anybody's guess.
    KeyTwice,
    /// `id` is missing or no string.
    NoId,
    /// `id` is longer than [`ID_MAX`].
    LongId,
    /// `do` is missing or no string.
    NoDo,
}

impl BadMessage {
    /// The status that answers it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooLong => 413,
            Self::NotJson
            | Self::NoObject
            | Self::TooDeep
            | Self::KeyTwice
            | Self::NoId
            | Self::LongId
            | Self::NoDo => 400,
        }
    }
}

impl fmt::Display for BadMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "Message over 16 KiB",
            Self::NotJson => "Not UTF-8 JSON",
            Self::NoObject => "Not a JSON object",
            Self::TooDeep => "Nested deeper than 8",
            Self::KeyTwice => "A key twice",
            Self::NoId => "id missing or no string",
            Self::LongId => "id over 128 bytes",
            Self::NoDo => "do missing or no string",
        })
    }
}

/// Reads one message body.
///
/// # Errors
/// When it is no object with a string `id` and a string `do`; what is wrong beyond that is
/// [`Command::verb`]'s to say.
pub fn read(body: &[u8]) -> Result<Command, BadMessage> {
    if body.len() > BODY_MAX {
        return Err(BadMessage::TooLong);
    }
    let text = str::from_utf8(body).map_err(|_| BadMessage::NotJson)?;
    let value: Value = match depth(text) {
        0..=DEPTH_MAX => serde_json::from_str(text).map_err(|_| BadMessage::NotJson)?,
        _ => return Err(BadMessage::TooDeep),
    };
    let Value::Object(fields) = &value else { return Err(BadMessage::NoObject) };
    if has_a_key_twice(text) {
        return Err(BadMessage::KeyTwice);
    }
    let id = text_of(fields, "id").ok_or(BadMessage::NoId)?.to_owned();
    if id.len() > ID_MAX {
        return Err(BadMessage::LongId);
    }
    let word = text_of(fields, "do").ok_or(BadMessage::NoDo)?;
    let (which, verb) = match read_which(word, fields) {
        Ok(which) => (which, read_verb(word, fields)),
        Err(bad) => (WhichCall::Only, Err(bad)),
    };
    // serde_json keeps objects sorted by key, so the same command prints the same.
    Ok(Command { id, content: value.to_string(), which, verb })
}

fn read_verb(word: &str, fields: &Map<String, Value>) -> Result<Verb, BadCommand> {
    Ok(match word {
        "hello" => {
            let phone = optional_text(fields, "phone")?;
            Verb::Hello { phone: phone.map(|phone| number(phone, "phone")).transpose()? }
        }
        "ready" => Verb::Ready,
        "dnd" => Verb::Dnd,
        "logout" => Verb::Logout,
        "take" => Verb::Take { request: RequestId::parse(required_text(fields, "request")?) },
        "decline" => Verb::Decline { request: RequestId::parse(required_text(fields, "request")?) },
        "consult" => Verb::Consult {
            number: number(required_text(fields, "number")?, "number")?.to_string(),
        },
        "alternate" => Verb::Alternate { party: party(fields)? },
        "cancel" => Verb::Cancel,
        "connect" => Verb::Connect,
        "release" => Verb::Release { force: optional_bool(fields, "force")? },
        "retrieve" => Verb::Retrieve { party: party(fields)? },
        "record" => Verb::Record { on: required_bool(fields, "on")? },
        "hangup" => Verb::Hangup,
        "park" => {
            let wanted = optional_text(fields, "number")?;
            Verb::Park { number: wanted.map(|text| number(text, "number")).transpose()? }
        }
        "pick" => Verb::Pick,
        "swap" => Verb::Swap,
        "transfer" => Verb::Transfer {
            number: number(required_text(fields, "number")?, "number")?.to_string(),
        },
        "serial" => {
            let off = fields.contains_key("on") && !required_bool(fields, "on")?;
            Verb::Serial { on: !off }
        }
        "find" => {
            let text = required_text(fields, "text")?;
            Verb::Find { text: text.chars().take(FIND_MAX).collect() }
        }
        "watch" => Verb::Watch { numbers: numbers(fields)? },
        "ping" => Verb::Ping,
        _ => return Err(BadCommand::UnknownCommand),
    })
}

/// The call that is named; only commands to calls in hand name one so.
fn read_which(word: &str, fields: &Map<String, Value>) -> Result<WhichCall, BadCommand> {
    let named = match word {
        "pick" => Some(required_text(fields, "request")?),
        "consult" | "alternate" | "cancel" | "connect" | "release" | "retrieve" | "record"
        | "hangup" | "park" | "swap" | "transfer" | "serial" => optional_text(fields, "request")?,
        _ => None,
    };
    Ok(named.map_or(WhichCall::Only, |id| WhichCall::Named(RequestId::parse(id))))
}

fn text_of<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

fn required_text<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, BadCommand> {
    text_of(fields, name).ok_or(BadCommand::BadField(name))
}

fn optional_text<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, BadCommand> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(BadCommand::BadField(name)),
    }
}

fn required_bool(fields: &Map<String, Value>, name: &'static str) -> Result<bool, BadCommand> {
    fields.get(name).and_then(Value::as_bool).ok_or(BadCommand::BadField(name))
}

fn optional_bool(fields: &Map<String, Value>, name: &'static str) -> Result<bool, BadCommand> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(yes)) => Ok(*yes),
        Some(_) => Err(BadCommand::BadField(name)),
    }
}

/// A number that is not longer than any number is.
fn number(text: &str, field: &'static str) -> Result<Number, BadCommand> {
    match is_within(text, NUMBER_CHARS_MAX) {
        true => Ok(Number::from(text)),
        false => Err(BadCommand::BadField(field)),
    }
}

/// The numbers of a list; one that is named twice counts once.
fn numbers(fields: &Map<String, Value>) -> Result<BTreeSet<Number>, BadCommand> {
    let wrong = BadCommand::BadField("numbers");
    let list = fields.get("numbers").and_then(Value::as_array);
    let list = list.filter(|list| list.len() <= WATCHED_MAX).ok_or(wrong.clone())?;
    let texts = list.iter().map(|text| text.as_str().ok_or(wrong.clone()));
    texts.map(|text| number(text?, "numbers")).collect()
}

fn party(fields: &Map<String, Value>) -> Result<BridgedParty, BadCommand> {
    match required_text(fields, "party")? {
        "caller" => Ok(BridgedParty::Caller),
        "callee" => Ok(BridgedParty::Callee),
        _ => Err(BadCommand::BadField("party")),
    }
}

/// How deep the brackets of a JSON text nest, counted before a parser recurses into them.
fn depth(text: &str) -> usize {
    let (mut now, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Whether an object of this JSON text has a key twice (RFC 8259 §4), however it is escaped; the parser
/// takes the last one without a word.
fn has_a_key_twice(text: &str) -> bool {
    let mut objects: Vec<BTreeSet<String>> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '"']) {
        let length = match rest.as_bytes()[at] {
            b'"' => quoted_len(&rest[at..]),
            _ => 1,
        };
        let (token, after) = rest[at..].split_at(length);
        rest = after;
        match token {
            "{" => objects.push(BTreeSet::new()),
            "}" => drop(objects.pop()),
            // Of strings, only a key stands before a colon.
            name if after.trim_start().starts_with(':') => {
                let name = serde_json::from_str(name).unwrap_or_else(|_| name.to_owned());
                if objects.last_mut().is_some_and(|keys| !keys.insert(name)) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// The length of the string literal that `text` begins with, its quotes included.
fn quoted_len(text: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verb(text: &str) -> Result<Verb, BadCommand> {
        read(text.as_bytes()).expect("a command").verb
    }

    #[test]
    fn a_take_names_its_request() {
        let request = RequestId(0x4f2c);
        let text = format!(r#"{{"id":"17","do":"take","request":"{request}"}}"#);
        assert_eq!(verb(&text), Ok(Verb::Take { request: Some(request) }));
        let alien = r#"{"id":"17","do":"take","request":"r-4f2c"}"#;
        assert_eq!(verb(alien), Ok(Verb::Take { request: None }));
    }

    #[test]
    fn a_list_to_be_watched_is_bounded_and_of_numbers() {
        let of = |numbers: &str| verb(&format!(r#"{{"id":"1","do":"watch","numbers":{numbers}}}"#));
        let three = [Number::from("3002"), Number::from("3003")].into();
        assert_eq!(of(r#"["3003","3002","3002"]"#), Ok(Verb::Watch { numbers: three }));
        assert_eq!(of("[]"), Ok(Verb::Watch { numbers: BTreeSet::new() }));
        let many = |count: usize| serde_json::to_string(&vec!["1"; count]).expect("JSON");
        assert!(of(&many(WATCHED_MAX)).is_ok());
        for wrong in ["3002", "[3002]", r#""3002""#, "null", &many(WATCHED_MAX + 1)] {
            assert_eq!(of(wrong), Err(BadCommand::BadField("numbers")), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_command_is_told_why() {
        for (body, wrong) in [
            (&b"\xff"[..], BadMessage::NotJson),
            (b"", BadMessage::NotJson),
            (b"[]", BadMessage::NoObject),
            (b"{}", BadMessage::NoId),
            (br#"{"id":17,"do":"ping"}"#, BadMessage::NoId),
            (br#"{"id":"17"}"#, BadMessage::NoDo),
            (br#"{"id":"17","do":1}"#, BadMessage::NoDo),
            (br#"{"id":"1","do":"ping","x":[[[[[[[[[]]]]]]]]]}"#, BadMessage::TooDeep),
        ] {
            assert_eq!(read(body), Err(wrong), "{}", String::from_utf8_lossy(body));
        }
        let long = format!(r#"{{"id":"1","do":"ping","x":"{}"}}"#, "y".repeat(BODY_MAX));
        assert_eq!(read(long.as_bytes()), Err(BadMessage::TooLong));
        let long_id = format!(r#"{{"id":"{}","do":"ping"}}"#, "y".repeat(ID_MAX + 1));
        assert_eq!(read(long_id.as_bytes()), Err(BadMessage::LongId));
    }

    #[test]
    fn a_key_twice_in_one_object_is_no_command() {
        for body in [
            r#"{"id":"1","do":"ping","do":"hangup"}"#,
            r#"{"id":"1","d\u006f":"ping" , "do" :"hangup"}"#,
            r#"{"id":"1","do":"ping","x":[{"a":1,"b":[{}],"a":2}]}"#,
            r#"{"id":"1","\"{":1,"do":"ping","\u0022{":2}"#,
        ] {
            assert_eq!(read(body.as_bytes()), Err(BadMessage::KeyTwice), "{body}");
        }
        for body in [
            r#"{"id":"do","do":"ping","x":{"id":1,"do":[{"do":2},{"do":3}]},"y":"z\":"}"#,
            r#"{"id":"1","do":"ping","Do":1,"x":["do","do"],"y":"}{"}"#,
        ] {
            assert_eq!(verb(body), Ok(Verb::Ping), "{body}");
        }
    }

    #[test]
    fn a_readable_command_with_a_wrong_field_gets_a_result() {
        assert_eq!(verb(r#"{"id":"1","do":"dance"}"#), Err(BadCommand::UnknownCommand));
        assert_eq!(verb(r#"{"id":"1","do":"take"}"#), Err(BadCommand::BadField("request")));
        let long = "9".repeat(NUMBER_CHARS_MAX + 1);
        let consult = format!(r#"{{"id":"1","do":"consult","number":"{long}"}}"#);
        assert_eq!(verb(&consult), Err(BadCommand::BadField("number")));
        let hello = format!(r#"{{"id":"1","do":"hello","phone":"{long}"}}"#);
        assert_eq!(verb(&hello), Err(BadCommand::BadField("phone")));
        assert_eq!(
            verb(r#"{"id":"1","do":"alternate","party":"both"}"#),
            Err(BadCommand::BadField("party"))
        );
        assert_eq!(
            verb(r#"{"id":"1","do":"release","force":"yes"}"#),
            Err(BadCommand::BadField("force"))
        );
    }

    #[test]
    fn the_order_of_fields_does_not_make_another_command() {
        let one = read(br#"{"id":"1","do":"consult","number":"3002"}"#);
        let two = read(br#"{ "number":"3002", "do":"consult","id":"1" }"#);
        assert_eq!(one, two);
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(verb(r#"{"id":"[[[[[[[[[[\"[","do":"ping"}"#), Ok(Verb::Ping));
    }
}
