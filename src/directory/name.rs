//! What a number, an operator's name, a level's name and a display name may look like.

use crate::text::{self, is_harmful};
use std::fmt;

/// The longest number, operator name or level name, in characters.
pub const NAME_MAX: usize = text::NUMBER_CHARS_MAX;

/// The longest name of a person or place, in characters.
pub const DISPLAY_NAME_MAX: usize = text::DISPLAY_CHARS_MAX;

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameFault {
    /// Nothing there.
    Empty,
    /// Longer than [`NAME_MAX`] or [`DISPLAY_NAME_MAX`].
    TooLong(usize),
    /// This character may not stand in it.
    Character(char),
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty: give at least one character"),
            Self::TooLong(max) => write!(f, "it is too long: give at most {max} characters"),
            Self::Character('*') => {
                write!(f, "names with `*` are feature codes: choose another")
            }
            Self::Character(wrong) => {
                write!(f, "the character {wrong:?} may not stand in it: choose another")
            }
        }
    }
}

/// Who holds a name already; terminals, operators, queues and the desk share one space of names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Holder {
    /// A terminal's number.
    Terminal,
    /// An operator's name.
    Operator,
    /// The number of a queue.
    Queue,
    /// The number of a camera.
    Camera,
    /// The address of the control dialogs.
    Desk,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminal => "the number of a terminal",
            Self::Operator => "the name of an operator",
            Self::Queue => "an operator number",
            Self::Camera => "the number of a camera",
            Self::Desk => "the address of the desks",
        })
    }
}

/// Checks a number, an operator's name or a level's name: what can be the user part of a SIP URI
/// without escapes, a CSV cell without quotes and a word of a command line.
///
/// # Errors
/// The first fault.
pub fn check_name(name: &str) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if let Some(wrong) =
        name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '_' | '.'))
    {
        return Err(NameFault::Character(wrong));
    }
    // Only ASCII is left, so bytes are characters.
    if name.len() > NAME_MAX {
        return Err(NameFault::TooLong(NAME_MAX));
    }
    Ok(())
}

/// Checks a name for people; it may be empty, but never breaks a line of SIP or CSV.
///
/// # Errors
/// The first fault.
pub fn check_display_name(name: &str) -> Result<(), NameFault> {
    if let Some(wrong) = name.chars().find(|c| is_harmful(*c)) {
        return Err(NameFault::Character(wrong));
    }
    if name.chars().count() > DISPLAY_NAME_MAX {
        return Err(NameFault::TooLong(DISPLAY_NAME_MAX));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_of_at_most_32_characters() {
        for right in ["3001", "op1", "+4930123", "front-desk.2", &"9".repeat(NAME_MAX)] {
            assert_eq!(check_name(right), Ok(()), "{right}");
        }
        assert_eq!(check_name(""), Err(NameFault::Empty));
        assert_eq!(check_name(&"9".repeat(33)), Err(NameFault::TooLong(32)));
        for (wrong, character) in [("*50", '*'), ("30 01", ' '), ("30@x", '@'), ("größe", 'ö')] {
            assert_eq!(check_name(wrong), Err(NameFault::Character(character)), "{wrong}");
        }
    }

    #[test]
    fn a_display_name_breaks_no_line() {
        assert_eq!(check_display_name("Anna Müller \"Empfang\""), Ok(()));
        assert_eq!(check_display_name(""), Ok(()));
        assert_eq!(check_display_name("a\r\nVia: b"), Err(NameFault::Character('\r')));
        let turned = NameFault::Character('\u{202e}');
        assert_eq!(check_display_name("a\u{202e}b"), Err(turned));
        assert_eq!(check_display_name(&"é".repeat(64)), Ok(()));
        assert_eq!(check_display_name(&"é".repeat(65)), Err(NameFault::TooLong(64)));
    }
}
