//! The house rules that a compiler cannot see.
//!
//! Floors: a file may import from its own folder and from any lower floor,
//! never sideways and never up.  Cores: no sockets, no clock, no runtime.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, iter};

/// From the ground up.  To add a room, add its name here: that is the review.
const FLOORS: &[&[&str]] = &[
    &["time", "random", "ids", "cause"],
    &["sip", "sdp", "rtp", "codec"],
    &["directory"],
    &["transaction", "dialog", "registrar", "media", "acd", "presence"],
    &["leg"],
    &["switchboard"],
    &["exchange"],
    // ---- below this line no tokio, no socket, no file, no clock ----
    &["store", "web"],
    &["server"],
    &["config"],
    &["cli"],
    &["main"],
];
const PURE_FLOORS: usize = 7;
const FORBIDDEN_IN_PURE: &[&str] = &[
    "tokio",
    "async fn",
    ".await",
    "rusqlite",
    "axum",
    "Instant::now",
    "SystemTime::now",
    "std::fs",
    "std::thread",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "static mut",
    "OnceLock",
    "LazyLock",
    "Mutex<",
    "RwLock<",
    "rand::rng",
    "thread_rng",
    "println!",
    "HashMap::new",
    "HashMap::default",
    "HashSet::new",
    "DefaultHasher",
    "RandomState",
];
const FILE_LINES_MAX: usize = 600;

#[test]
fn every_import_goes_down() {
    check(|file, faults| {
        for (line, room) in file.rooms_named() {
            if room != file.room && floor(&room) >= floor(&file.room) {
                let _ = writeln!(
                    faults,
                    "{}:{line}: {} (floor {}) imports {room} (floor {})",
                    file.path,
                    file.room,
                    floor(&file.room),
                    floor(&room)
                );
            }
        }
    });
}

/// So that the test above can read every import: one room per `use`, named in full.
#[test]
fn every_import_names_its_room() {
    check(|file, faults| {
        for (line, text) in file.code_lines() {
            for way in
                ["crate::{", "super::super::", "crate::*"].iter().filter(|w| text.contains(**w))
            {
                let _ = writeln!(faults, "{}:{line}: `{way}` hides which room is meant", file.path);
            }
        }
    });
}

#[test]
fn cores_touch_no_outside_world() {
    check(|file, faults| {
        if floor(&file.room) >= PURE_FLOORS {
            return;
        }
        for (line, text) in file.code_lines() {
            for word in FORBIDDEN_IN_PURE.iter().filter(|w| text.contains(**w)) {
                let _ = writeln!(
                    faults,
                    "{}:{line}: `{word}` in a core; make it an input or an effect",
                    file.path
                );
            }
        }
    });
}

#[test]
fn every_file_opens_with_its_purpose_and_stays_short() {
    check(|file, faults| {
        if !file.text.starts_with("//! ") {
            let _ = writeln!(faults, "{}:1: says nothing of its purpose", file.path);
        }
        let code = file.code_lines().count();
        if code > FILE_LINES_MAX {
            let _ =
                writeln!(faults, "{}: {code} lines of code, at most {FILE_LINES_MAX}", file.path);
        }
    });
}

struct SourceFile {
    path: String,
    room: String,
    text: String,
}

impl SourceFile {
    /// The lines of code, numbered from 1; comments and `#[cfg(test)]` tails left out.
    fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let code = self.text.split("#[cfg(test)]").next().unwrap_or("");
        (1..)
            .zip(code.lines())
            .filter(|(_, l)| !l.trim_start().starts_with("//") && !l.trim().is_empty())
    }

    /// Each room that the code names as `crate::ROOM`.
    fn rooms_named(&self) -> impl Iterator<Item = (usize, String)> {
        self.code_lines().flat_map(|(n, l)| {
            l.match_indices("crate::").map(move |(at, _)| {
                let room: String =
                    l[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                (n, room)
            })
        })
    }
}

#[track_caller]
fn check(rule: impl Fn(&SourceFile, &mut String)) {
    let mut faults = String::new();
    for path in rust_files(Path::new("src")) {
        let name = path.display().to_string();
        let room = name["src/".len()..].split(['/', '.']).next().unwrap_or("").to_owned();
        if room == "lib" {
            continue; // The map names every room.
        }
        let text = fs::read_to_string(&path).unwrap();
        rule(&SourceFile { path: name, room, text }, &mut faults);
    }
    assert!(faults.is_empty(), "\n{faults}");
}

fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|rooms| rooms.contains(&room))
        .unwrap_or_else(|| panic!("`{room}` stands on no floor: add it to FLOORS"))
}

fn rust_files(dir: &Path) -> Box<dyn Iterator<Item = PathBuf>> {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    Box::new(entries.into_iter().flat_map(|p| -> Box<dyn Iterator<Item = PathBuf>> {
        if p.is_dir() {
            rust_files(&p)
        } else if p.extension().is_some_and(|e| e == "rs") {
            Box::new(iter::once(p))
        } else {
            Box::new(iter::empty())
        }
    }))
}
