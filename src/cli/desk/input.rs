//! What the operator types: single keys on a terminal, lines from anywhere else.

/// The longest text that is typed behind a key.
const TEXT_MAX: usize = 64;

/// What the operator wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DeskOrder {
    /// Take the waiting call at this place of the list, from 1.
    Take(usize),
    /// Leave the offer at this place to the others.
    Decline(usize),
    /// Call a number while the caller waits.
    Consult(String),
    /// Talk to the other of the two.
    Alternate,
    /// Connect the two.
    Connect,
    /// Leave them.
    Release {
        /// Healthy or not.
        force: bool,
    },
    /// Drop the consulted person, or give the call back.
    Cancel,
    /// Record the call or no longer; without a word, whichever it is not now.
    Record(Option<bool>),
    /// Put the call on the list that all operators see, and whom the caller wants.
    Park(Option<String>),
    /// Take the parked call at this place of the list.
    Pick(usize),
    /// Go to the call in hand at this place; without one, to the next.
    Swap(Option<usize>),
    /// Leave the caller to a number that rings.
    Transfer(String),
    /// Have the caller come back after each callee or no longer; without a word, whichever it is not now.
    Serial(Option<bool>),
    /// End the whole call.
    HangUp,
    /// No more offers for now.
    Dnd,
    /// Offers again.
    Ready,
    /// Look a terminal up.
    Find(String),
    /// Log out and close.
    Quit,
    /// What can be typed.
    Help,
    /// Nothing that we know.
    Unknown(String),
}

/// What can be typed: the command, and what it does.
pub const COMMANDS: [(&str, &str); 20] = [
    ("t [N]", "take caller N"),
    ("n [N]", "leave N to others"),
    ("c NUMBER", "consult"),
    ("a", "talk to the other"),
    ("k", "connect the two"),
    ("r", "release: leave"),
    ("R", "leave, unheard too"),
    ("x", "drop the consulted"),
    ("o [on|off]", "record"),
    ("s [N]", "to call N in hand"),
    ("p [NUMBER]", "park the call"),
    ("g [N]", "get parked call N"),
    ("b NUMBER", "leave it to that"),
    ("e [on|off]", "has it come back"),
    ("h", "hang up all"),
    ("d", "do not disturb"),
    ("y", "ready for calls"),
    ("f TEXT", "find a terminal"),
    ("q", "log out and quit"),
    ("?", "this help"),
];

/// The same in one line.
#[must_use]
pub fn help() -> String {
    let commands = COMMANDS.map(|(command, what)| format!("{command} {what}"));
    commands.join(" · ")
}

impl DeskOrder {
    /// What is asked before it is done: it cannot be undone, and the others hear of it.
    fn question(&self) -> Option<&'static str> {
        match self {
            Self::HangUp => Some("hang up the whole call?"),
            Self::Release { force: true } => Some("leave them without sound or picture?"),
            _ => None,
        }
    }

    /// Reads one line; none for an empty one.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let place = match rest {
            "" => Some(1),
            text => text.parse().ok().filter(|place| *place > 0),
        };
        let unknown = || Self::Unknown(line.chars().take(TEXT_MAX).collect());
        Some(match (word, rest) {
            ("", _) => return None,
            (digits, "") if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let place = digits.parse().ok().filter(|place| *place > 0);
                place.map_or_else(unknown, Self::Take)
            }
            ("t" | "take", _) => place.map_or_else(unknown, Self::Take),
            ("n" | "decline", _) => place.map_or_else(unknown, Self::Decline),
            ("c" | "consult", number) if !number.is_empty() => Self::Consult(number.to_owned()),
            ("f" | "find", text) => Self::Find(text.to_owned()),
            ("a" | "alternate", "") => Self::Alternate,
            ("k" | "connect", "") => Self::Connect,
            ("r" | "release", "") => Self::Release { force: false },
            ("R", "") | ("r" | "release", "force") => Self::Release { force: true },
            ("x" | "cancel", "") => Self::Cancel,
            ("o" | "record", "") => Self::Record(None),
            ("o" | "record", "on") => Self::Record(Some(true)),
            ("o" | "record", "off") => Self::Record(Some(false)),
            ("s" | "swap", "") => Self::Swap(None),
            ("s" | "swap", _) => place.map_or_else(unknown, |place| Self::Swap(Some(place))),
            ("p" | "park", "") => Self::Park(None),
            ("p" | "park", number) => Self::Park(Some(number.to_owned())),
            ("g" | "pick", _) => place.map_or_else(unknown, Self::Pick),
            ("b" | "transfer", number) if !number.is_empty() => Self::Transfer(number.to_owned()),
            ("e" | "serial", "") => Self::Serial(None),
            ("e" | "serial", "on") => Self::Serial(Some(true)),
            ("e" | "serial", "off") => Self::Serial(Some(false)),
            ("h" | "hangup", "") => Self::HangUp,
            ("d" | "dnd", "") => Self::Dnd,
            ("y" | "ready", "") => Self::Ready,
            ("q" | "quit", "") => Self::Quit,
            ("?" | "help", "") => Self::Help,
            _ => unknown(),
        })
    }
}

/// Turns bytes into lines.
#[derive(Debug, Default)]
pub struct LineReader {
    line: Vec<u8>,
}

impl LineReader {
    /// The orders that are complete with these bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<DeskOrder> {
        let mut orders = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = String::from_utf8_lossy(&self.line).into_owned();
                    orders.extend(DeskOrder::read(&line));
                    self.line.clear();
                }
                // What is longer than any order is cut: it is none anyway.
                _ if self.line.len() > 4 * TEXT_MAX => {}
                byte => self.line.push(*byte),
            }
        }
        orders
    }
}

/// Turns keys into orders: a command is typed, and done at Enter. What cannot be undone is asked again.
#[derive(Debug, Default)]
pub struct KeyInput {
    typed: String,
    asked: Option<DeskOrder>,
}

impl KeyInput {
    /// The line that is being typed.
    #[must_use]
    pub fn typed(&self) -> Option<String> {
        match self.asked.as_ref().and_then(DeskOrder::question) {
            Some(question) => Some(format!("{question} y or n")),
            None => (!self.typed.is_empty()).then(|| self.typed.clone()),
        }
    }

    /// The orders that are complete with these keys.
    pub fn take(&mut self, text: &str) -> Vec<DeskOrder> {
        let mut orders = Vec::new();
        let mut keys = text.chars().peekable();
        while let Some(key) = keys.next() {
            match (self.asked.take(), key) {
                // Ctrl-C and Ctrl-D, which a raw terminal leaves to us.
                (_, '\u{3}' | '\u{4}') => orders.push(DeskOrder::Quit),
                (Some(order), 'y' | 'Y') => orders.push(order),
                (Some(_), _) => {}
                (None, '\r' | '\n') => {
                    let order = DeskOrder::read(&std::mem::take(&mut self.typed));
                    match order {
                        Some(order) if order.question().is_some() => self.asked = Some(order),
                        order => orders.extend(order),
                    }
                }
                (None, '\u{1b}') => {
                    self.typed.clear();
                    // An arrow or its like: what follows is no text.
                    if keys.next_if(|key| matches!(key, '[' | 'O')).is_some() {
                        while keys.next().is_some_and(|key| !matches!(key, '@'..='~')) {}
                    }
                }
                (None, '\u{7f}' | '\u{8}') => drop(self.typed.pop()),
                // It changes nothing, so that it needs no Enter.
                (None, '?') if self.typed.is_empty() => orders.push(DeskOrder::Help),
                (None, key) if !key.is_control() && self.typed.len() < TEXT_MAX => {
                    self.typed.push(key);
                }
                (None, _) => {}
            }
        }
        orders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_words_or_letters() {
        for (line, order) in [
            ("t", DeskOrder::Take(1)),
            ("take 3", DeskOrder::Take(3)),
            (" c  3002 ", DeskOrder::Consult("3002".into())),
            ("r", DeskOrder::Release { force: false }),
            ("R", DeskOrder::Release { force: true }),
            ("o", DeskOrder::Record(None)),
            ("record off", DeskOrder::Record(Some(false))),
            ("record it", DeskOrder::Unknown("record it".into())),
            ("s", DeskOrder::Swap(None)),
            ("swap 2", DeskOrder::Swap(Some(2))),
            ("s x", DeskOrder::Unknown("s x".into())),
            ("p 3002", DeskOrder::Park(Some("3002".into()))),
            ("g 2", DeskOrder::Pick(2)),
            ("b 3002", DeskOrder::Transfer("3002".into())),
            ("b", DeskOrder::Unknown("b".into())),
            ("e off", DeskOrder::Serial(Some(false))),
            ("f Ada Berg", DeskOrder::Find("Ada Berg".into())),
            ("c", DeskOrder::Unknown("c".into())),
            ("t 0", DeskOrder::Unknown("t 0".into())),
            ("0", DeskOrder::Unknown("0".into())),
            ("3", DeskOrder::Take(3)),
            ("k now", DeskOrder::Unknown("k now".into())),
        ] {
            assert_eq!(DeskOrder::read(line), Some(order), "{line}");
        }
        assert_eq!(DeskOrder::read("  "), None);
    }

    #[test]
    fn a_line_may_come_in_pieces_and_never_grows_for_ever() {
        let mut lines = LineReader::default();
        assert_eq!(lines.take(b"con"), []);
        assert_eq!(lines.take(b"nect\nq\n"), [DeskOrder::Connect, DeskOrder::Quit]);
        lines.take(&[b'x'; 100_000]);
        assert!(lines.line.len() < 1_000);
    }

    #[test]
    fn keys_act_at_enter() {
        let mut keys = KeyInput::default();
        assert_eq!(keys.take("n 2"), []);
        assert_eq!(keys.typed().as_deref(), Some("n 2"));
        assert_eq!(keys.take("\r2\r"), [DeskOrder::Decline(2), DeskOrder::Take(2)]);
        assert_eq!(keys.take("release"), [], "no letter of a word does anything");
        assert_eq!(keys.take("\r"), [DeskOrder::Release { force: false }]);
        assert_eq!(keys.take("c 30x\u{7f}02\r"), [DeskOrder::Consult("3002".into())]);
        assert_eq!(keys.take("c q\u{1b}q\r"), [DeskOrder::Quit]);
        assert_eq!(keys.take("\u{1b}[Aa\r"), [DeskOrder::Alternate], "an arrow is no text");
        assert_eq!(keys.take("?"), [DeskOrder::Help]);
        assert_eq!(keys.take("f\u{3}"), [DeskOrder::Quit]);
    }

    #[test]
    fn what_cannot_be_undone_is_asked_again() {
        let mut keys = KeyInput::default();
        assert_eq!(keys.take("h\r"), []);
        assert_eq!(keys.typed().as_deref(), Some("hang up the whole call? y or n"));
        assert_eq!(keys.take("n"), []);
        assert_eq!(keys.typed(), None);
        assert_eq!(keys.take("h\ry"), [DeskOrder::HangUp]);
        assert_eq!(keys.take("r force\r"), []);
        assert_eq!(keys.take("y"), [DeskOrder::Release { force: true }]);
        assert_eq!(keys.take("R\r\r"), [], "Enter is no yes");
    }

    #[test]
    fn the_help_names_every_command() {
        for (command, _) in COMMANDS {
            let word = command.split(' ').next().unwrap();
            let line = match command.ends_with(" NUMBER") || command.contains(" TEXT") {
                true => format!("{word} 1"),
                false => word.to_owned(),
            };
            assert!(
                !matches!(DeskOrder::read(&line), None | Some(DeskOrder::Unknown(_))),
                "{command}"
            );
        }
    }
}
