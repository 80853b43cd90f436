//! A terminal for a program that draws: keys go in, and what it shows is read back.
//!
//! It understands what `cordboard desk` writes: a title, then the picture from the first line to the last,
//! again and again, and bells.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::program::Program;

const SIZE: Winsize = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
const TITLE: &str = "\u{1b}]2;";
const BELL: char = '\u{7}';
const TOP: &str = "\u{1b}[H";
const END: &str = "\u{1b}[J";

/// A terminal of 80 columns and 24 rows with a program on it.
pub struct Terminal {
    keyboard: File,
    program: Program,
    shown: Vec<u8>,
}

impl Terminal {
    /// Starts a program on a terminal of its own; what it complains of goes to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Terminal {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are ptys");
        grantpt(&keyboard).expect("a terminal can be given away");
        unlockpt(&keyboard).expect("a terminal can be unlocked");
        tcsetwinsize(&keyboard, SIZE).expect("a terminal has a size");
        rustix::io::ioctl_fionbio(&keyboard, true).expect("a terminal can be non-blocking");
        let screen = ptsname(&keyboard, Vec::new()).expect("a terminal has a name");
        let screen = rustix::fs::open(screen, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        let screen = File::from(screen.expect("it is unlocked"));
        let input = screen.try_clone().expect("a file can be opened twice");
        let complaints = File::create(log).expect("the test's directory is writable");
        command.stdin(input).stdout(screen).stderr(complaints);
        let program = Program::spawn(name, command, log);
        Terminal { keyboard: keyboard.into(), program, shown: Vec::new() }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the program reads its keys");
    }

    /// The lines of the picture that stands there now.
    pub fn lines(&mut self) -> Vec<String> {
        let text = self.text();
        // One that is being drawn is not there yet.
        let picture = text.rsplit(TOP).find_map(|picture| picture.split_once(END));
        let picture = picture.map_or("", |(picture, _)| picture);
        picture.lines().map(|line| plain(line).trim_end().to_owned()).collect()
    }

    /// How often it has rung so far.
    pub fn bells(&mut self) -> usize {
        let text = self.text();
        let titles = text.split(TITLE).skip(1).filter(|title| title.contains(BELL));
        text.matches(BELL).count() - titles.count()
    }

    /// The exit status, once the program has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.program.ended()
    }

    fn text(&mut self) -> String {
        let mut buffer = [0; 4096];
        loop {
            match self.keyboard.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.shown.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nothing more for now, or for ever: the program has ended.
                Err(_) => break,
            }
        }
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}

/// A line without what sets it.
fn plain(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let after = piece.split_once(|end: char| end.is_ascii_alphabetic());
        text + after.map_or("", |(_, after)| after)
    })
}
