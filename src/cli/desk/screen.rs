//! The terminal: raw keys in, one calm picture out.

use super::input::HELP;
use super::view::View;
use crate::text::{cut, harmless};
use crate::time::UnixTime;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::fmt::Write as _;
use std::io::{self, Write as _, stdin, stdout};

/// Another screen, without a cursor; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// A terminal in raw mode; dropping it gives it back as it was.
#[derive(Debug)]
pub struct Screen {
    before: Termios,
}

impl Screen {
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
        Ok(Self { before })
    }

    /// Shows the desk.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn show(&self, view: &View, typed: Option<&str>, now: UnixTime) -> io::Result<()> {
        let (columns, rows) = match tcgetwinsize(stdout()) {
            Ok(size) if size.ws_col > 0 => (usize::from(size.ws_col), usize::from(size.ws_row)),
            Ok(_) | Err(_) => (80, 24),
        };
        let lines = lines(view, typed, now, rows);
        let mut text = String::from("\u{1b}[H");
        for (n, line) in lines.iter().take(rows).enumerate() {
            let line = harmless(cut(line, columns));
            let end = if n + 1 == rows { "" } else { "\r\n" };
            let _ = write!(text, "{line}\u{1b}[K{end}");
        }
        text += "\u{1b}[J";
        write(&text)
    }
}

impl Drop for Screen {
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

/// The desk as lines: who we are, who waits, the call in hand, what was said, what can be typed.
fn lines(view: &View, typed: Option<&str>, now: UnixTime, rows: usize) -> Vec<String> {
    let (_, _, _, hour, minute, second) = now.civil();
    let mut lines = vec![
        format!(
            " {}   phone {}   {}   {hour:02}:{minute:02}:{second:02} UTC",
            view.operator,
            if view.phone.is_empty() { "-" } else { &view.phone },
            view.state.to_uppercase(),
        ),
        String::new(),
        format!(" WAITING {}", view.waiting.len()),
    ];
    // The call, what was said and the help want their place.
    let room = rows.saturating_sub(16).max(3);
    for (n, waiting) in view.waiting.iter().take(room).enumerate() {
        let waited = waiting.since.map_or(0, |since| now.since(since).as_secs());
        let mark = if waiting.offered { '●' } else { '○' };
        lines.push(format!(
            "  {mark} {:2}  {:28} {:10} {:3}:{:02}",
            n + 1,
            waiting.caller,
            waiting.queue,
            waited / 60,
            waited % 60
        ));
    }
    if view.waiting.len() > room {
        lines.push(format!("       and {} more", view.waiting.len() - room));
    }
    lines.push(String::new());
    match &view.call {
        None => lines.push(" NO CALL".to_owned()),
        Some(call) => {
            let recording = if call.recording { "   ● recording" } else { "" };
            let mut line = format!(" CALL  {}   {}{recording}", call.caller, call.phase);
            if let Some((callee, progress)) = &call.callee {
                let _ = write!(line, "   {callee} {progress}");
            }
            lines.push(line);
            lines.extend(call.health.iter().map(|health| format!("       {health}")));
        }
    }
    lines.push(String::new());
    lines.extend(view.said.iter().map(|sentence| format!(" {sentence}")));
    lines.push(String::new());
    match typed {
        Some(typed) => lines.push(format!(" > {typed}▏  (Enter, or Escape)")),
        None => lines.extend(folded(HELP, 78)),
    }
    lines
}

/// The help, cut at its dots.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in text.split(" · ") {
        let last = lines.last_mut().expect("there is always a line");
        if !last.is_empty() && last.chars().count() + part.chars().count() + 3 > width {
            lines.push(format!(" {part}"));
        } else {
            last.push_str(if last.is_empty() { " " } else { " · " });
            last.push_str(part);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_desk_fits_a_small_terminal_whatever_waits() {
        let mut view = View::new("op1");
        for position in 1..200 {
            view.take(&json!({"event": "offer", "request": format!("r-{position}"), "queue": "main",
                "position": position, "caller": {"number": "4001", "name": ""}, "since": "1970-01-01"}));
        }
        view.take(&json!({"event": "call", "request": "r-1", "phase": "connected", "caller": {"number": "4001"}}));
        let drawn = lines(&view, None, UnixTime::from_secs(75), 24);
        assert!(drawn.len() <= 24, "{}", drawn.join("\n"));
        let text = drawn.join("\n");
        assert!(text.contains("WAITING 198") && text.contains("  1:15"), "{text}");
        assert!(text.contains("CALL  4001   connected") && text.contains("q quit"), "{text}");
    }
}
