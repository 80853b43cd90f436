//! Columns of a terminal: what a text takes there, which is not the number of its characters (UAX #11).

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// As much of a text, from its beginning, as so many columns hold.
#[must_use]
pub fn fitting(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += c.width().unwrap_or(0);
        if taken > columns {
            return &text[..at];
        }
    }
    text
}

/// A text with blanks behind it up to so many columns.
#[must_use]
pub fn padded(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(width(text));
    format!("{text}{:blanks$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_take_one_column_or_two_and_marks_none() {
        for (text, columns) in [("", 0), ("Anna", 4), ("王小明", 6), ("e\u{301}", 1), ("●…", 2)]
        {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn a_text_fits_between_letters() {
        assert_eq!((fitting("王小明", 5), fitting("王小明", 6)), ("王小", "王小明"));
        assert_eq!((fitting("ab", 0), fitting("e\u{301}x", 1)), ("", "e\u{301}"));
        assert_eq!(padded("王", 4), "王  ");
        assert_eq!(padded("abc", 2), "abc");
    }
}
