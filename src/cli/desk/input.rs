//! What the operator types: single keys on a terminal, lines from anywhere else.

/// The longest text that is typed behind a key.
const TEXT_MAX: usize = 64;

/// What the operator wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Order {
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

/// What can be typed, in short.
pub const HELP: &str = "t [N] take · n [N] decline · c NUMBER consult · a alternate · k connect · \
                        r release · R force · x cancel · o record [on|off] · h hang up · d dnd · y ready · f TEXT find · q quit";

impl Order {
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
pub struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// The orders that are complete with these bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Order> {
        let mut orders = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = String::from_utf8_lossy(&self.line).into_owned();
                    orders.extend(Order::read(&line));
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

/// Turns keys into orders; `c` and `f` want a text and Enter.
#[derive(Debug, Default)]
pub struct Keys {
    typed: Option<String>,
}

impl Keys {
    /// The line that is being typed.
    #[must_use]
    pub fn typed(&self) -> Option<&str> {
        self.typed.as_deref()
    }

    /// The orders that are complete with these keys.
    pub fn take(&mut self, text: &str) -> Vec<Order> {
        let mut orders = Vec::new();
        for key in text.chars() {
            match (&mut self.typed, key) {
                (Some(typed), '\r' | '\n') => {
                    orders.extend(Order::read(typed));
                    self.typed = None;
                }
                (Some(_), '\u{1b}') => self.typed = None,
                (Some(typed), '\u{7f}' | '\u{8}') => {
                    typed.pop();
                    if typed.is_empty() {
                        self.typed = None;
                    }
                }
                (Some(typed), key) if !key.is_control() && typed.len() < TEXT_MAX => {
                    typed.push(key)
                }
                (None, 'c' | 'f') => self.typed = Some(format!("{key} ")),
                (None, '1'..='9') => {
                    orders.extend(key.to_digit(10).map(|digit| Order::Take(digit as usize)));
                }
                // Ctrl-C and Ctrl-D, which a raw terminal leaves to us.
                (None | Some(_), '\u{3}' | '\u{4}') => orders.push(Order::Quit),
                (None, key) if !key.is_control() => orders.extend(Order::read(&key.to_string())),
                (None | Some(_), _) => {}
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
            ("t", Order::Take(1)),
            ("take 3", Order::Take(3)),
            (" c  3002 ", Order::Consult("3002".into())),
            ("r", Order::Release { force: false }),
            ("R", Order::Release { force: true }),
            ("o", Order::Record(None)),
            ("record off", Order::Record(Some(false))),
            ("record it", Order::Unknown("record it".into())),
            ("f Ada Berg", Order::Find("Ada Berg".into())),
            ("c", Order::Unknown("c".into())),
            ("t 0", Order::Unknown("t 0".into())),
            ("k now", Order::Unknown("k now".into())),
        ] {
            assert_eq!(Order::read(line), Some(order), "{line}");
        }
        assert_eq!(Order::read("  "), None);
    }

    #[test]
    fn a_line_may_come_in_pieces_and_never_grows_for_ever() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"con"), []);
        assert_eq!(lines.take(b"nect\nq\n"), [Order::Connect, Order::Quit]);
        lines.take(&[b'x'; 100_000]);
        assert!(lines.line.len() < 1_000);
    }

    #[test]
    fn keys_act_at_once_but_for_those_that_want_a_text() {
        let mut keys = Keys::default();
        assert_eq!(keys.take("t2"), [Order::Take(1), Order::Take(2)]);
        assert_eq!(keys.take("c30x"), []);
        assert_eq!(keys.typed(), Some("c 30x"));
        assert_eq!(keys.take("\u{7f}02\r"), [Order::Consult("3002".into())]);
        assert_eq!(keys.take("cq\u{1b}q"), [Order::Quit]);
        assert_eq!(keys.take("f\u{3}"), [Order::Quit]);
    }
}
