//! The terminal: raw keys in, one calm picture out.

use super::drawing::{lines, title};
use super::view::DeskView;
use crate::cli::local_time::LocalTime;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::fmt::Write as _;
use std::io::{self, Write as _, stdin, stdout};

/// Another screen and title, without a cursor; and back.
const ENTER: &str = "\u{1b}[22;2t\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l\u{1b}[23;2t";
const BELL: &str = "\u{7}";

/// A terminal in raw mode; dropping it gives it back as it was.
#[derive(Debug)]
pub struct TerminalScreen {
    before: Termios,
    clock: LocalTime,
}

impl TerminalScreen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When stdin is none.
    pub fn take() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        write(ENTER)?;
        Ok(Self { before, clock: LocalTime::of_this_machine() })
    }

    /// Shows the desk.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn show(&self, view: &DeskView, typed: Option<&str>) -> io::Result<()> {
        let (columns, rows) = match tcgetwinsize(stdout()) {
            Ok(size) if size.ws_col > 0 => (usize::from(size.ws_col), usize::from(size.ws_row)),
            Ok(_) | Err(_) => (80, 24),
        };
        let lines = lines(view, typed, &self.clock, (columns, rows));
        let mut text = format!("\u{1b}]2;{}\u{7}\u{1b}[H", title(view));
        for (n, line) in lines.iter().take(rows).enumerate() {
            let end = if n + 1 == rows { "" } else { "\r\n" };
            let _ = write!(text, "{}\u{1b}[K{end}", line.set(columns));
        }
        text += "\u{1b}[J";
        write(&text)
    }

    /// Rings the terminal's bell.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn ring(&self) -> io::Result<()> {
        write(BELL)
    }
}

impl Drop for TerminalScreen {
    fn drop(&mut self) {
        // The terminal may have gone; there is nobody left to tell.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
        let _ = write(LEAVE);
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
