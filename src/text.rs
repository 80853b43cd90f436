//! Texts that come from the network: how much of each is kept, and what of it people may see.
//!
//! The parsers refuse what breaks the protocol; these limits are for what is kept, shown or passed on.
//! They are applied where a text enters a core. What a terminal, a log or a spreadsheet could take for a
//! command is replaced where a text leaves, by [`harmless`].

use std::fmt;

/// The longest display name, in characters; what is beyond is cut off.
pub const DISPLAY_CHARS_MAX: usize = 64;
/// The longest number, in characters. A longer one is nobody's: cut off it would be another number.
pub const NUMBER_CHARS_MAX: usize = 32;
/// The longest address that stands for a guest's number, `3001@example.com`, in characters. A longer one is
/// not shown: half an address is another one.
pub const ADDRESS_CHARS_MAX: usize = 64;
/// The longest reason phrase or Reason text, in characters; what is beyond is cut off.
pub const REASON_CHARS_MAX: usize = 128;
/// As much of a User-Agent as is kept, in characters.
pub const USER_AGENT_CHARS_MAX: usize = 100;

/// What stands in place of a character that people must not be shown.
const REPLACED: char = '\u{fffd}';

/// The first `max` characters of a text.
#[must_use]
pub fn cut(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end])
}

/// Whether a text has no more than `max` characters.
#[must_use]
pub fn is_within(text: &str, max: usize) -> bool {
    text.chars().nth(max).is_none()
}

/// Whether a character says something to a machine that shows it, or turns the text around it: C0, DEL,
/// C1, the separators of lines and paragraphs, and the controls of the writing direction (Unicode
/// UAX #9).
#[must_use]
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text in one line that can be shown anywhere.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.chars().map(shown).collect()
}

fn shown(c: char) -> char {
    if is_harmful(c) { REPLACED } else { c }
}

/// Writes what is harmless, and what is not as [`harmless`] does.
#[derive(Debug)]
pub struct Harmless<W>(pub W);

impl<W: fmt::Write> fmt::Write for Harmless<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.contains(is_harmful) {
            return text.chars().try_for_each(|c| self.0.write_char(shown(c)));
        }
        self.0.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 2), "äö");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 0), "");
        assert_eq!(cut("", 5), "");
        assert!(is_within("äöü", 3) && !is_within("äöü", 2) && is_within("", 0));
    }

    #[test]
    fn nothing_that_is_shown_commands() {
        let hostile =
            "a\0\t\r\n\u{1b}[31m\u{7f}\u{9b}2J\u{85}\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}b";
        let shown = harmless(hostile);
        assert!(!shown.contains(is_harmful), "{shown:?}");
        assert!(shown.starts_with('a') && shown.ends_with('b'));
        assert_eq!(shown.chars().count(), hostile.chars().count());
        let mut written = String::new();
        write!(Harmless(&mut written), "{hostile}").unwrap();
        assert_eq!(written, shown);
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["Anna Müller", "王小明", "عمر", "דנה", "Zoë & Söhne — \"GmbH\"", "👩‍💻"]
        {
            assert_eq!(harmless(text), text);
        }
    }
}
