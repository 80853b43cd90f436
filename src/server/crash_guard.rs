//! What is done about a crash that repeats: the call that was in hand is given up, and then all of them.
//!
//! A file beside the database stands there while the server runs, and is removed when it ends as it should. A start that
//! finds it comes after a crash; the file has a line for each of the last ones:
//!
//! ```text
//!   1794999000000000 17        when it was noticed, in microseconds of civil time, and the call that was in hand
//!   1794999002000000 *         something else was: a timer, a registration; or it has panicked
//!   1794999003000000 +         it had just started
//!   1794999004000000           nothing was: somebody has killed it, or the machine had no memory for it
//!   panicked                   the last thing that a panic does
//! ```
//!
//! Whoever is killed while nothing is in hand has done nothing wrong, however often that is: it costs no call. Nor does it
//! during its start, but for one that ends there each time.

use crate::exchange::journal::Resume;
use crate::ids::CallId;
use crate::media::Handling;
use crate::time::{Duration, UnixTime};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Crashes count together when they come within so long.
pub const CRASHES_WITHIN: Duration = Duration::from_secs(30);
/// At the second one the call in hand is given up, after the third all calls are.
const GIVE_UP_ONE: usize = 2;
const GIVE_UP_ALL: usize = 3;
/// And after so many starts, one after the other, that have not come to their end.
const STARTS_MAX: usize = 6;
/// After more than this a start waits, so that nothing else on the machine suffers from it,
const PAUSE_AFTER: usize = 5;
/// for so long.
const PAUSE: Duration = Duration::from_secs(1);
/// So many are remembered.
const CRASHES_MAX: usize = 16;
/// More than this is no file of ours.
const FILE_BYTES_MAX: u64 = 4_096;
const FILE: &str = "cordboard.running";
/// What was in hand, where that was no call.
const SOMETHING: &str = "*";
const START: &str = "+";
const PANICKED: &str = "panicked";

/// A crash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Crash {
    /// When the next start noticed it.
    pub at: UnixTime,
    /// What was being looked after.
    pub in_hand: Handling,
}

impl Crash {
    /// Whether it can have been by what was in hand.
    fn counts(&self) -> bool {
        matches!(self.in_hand, Handling::Something | Handling::Call(_))
    }
}

/// What goes on after these crashes, the last of which has just been noticed; none where the process before ended as it
/// should. Those of more than [`CRASHES_WITHIN`] before the last one, or as long after it by a clock that was set, are
/// another story.
#[must_use]
pub fn after_crash(crashes: &[Crash]) -> Resume {
    let Some(last) = crashes.last() else { return Resume::All };
    let in_starts = crashes.iter().rev().take_while(|crash| crash.in_hand == Handling::Start);
    match (together(crashes), last.in_hand) {
        (GIVE_UP_ALL.., _) => Resume::None,
        _ if in_starts.count() >= STARTS_MAX => Resume::None,
        (GIVE_UP_ONE, Handling::Call(call)) => Resume::Without(call),
        (_, _) => Resume::All,
    }
}

/// How many belong to the last one, itself included, where something was in hand.
fn together(crashes: &[Crash]) -> usize {
    let Some(last) = crashes.last().filter(|last| last.counts()) else { return 0 };
    let apart = |crash: &Crash| last.at.as_micros().abs_diff(crash.at.as_micros());
    let is_near = |crash: &&Crash| Duration::from_micros(apart(crash)) <= CRASHES_WITHIN;
    crashes.iter().filter(|crash| crash.counts()).filter(is_near).count()
}

/// Stands beside the database while the server runs.
#[derive(Debug)]
pub struct CrashGuard {
    path: PathBuf,
    crashes: Vec<Crash>,
}

impl CrashGuard {
    /// Says that the server runs, and looks whether the one before has ended as it should. `in_hand` is what was in
    /// hand at that one's last moment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin(data: &Path, now: UnixTime, in_hand: Handling) -> io::Result<Self> {
        let path = data.join(FILE);
        let mut crashes = match read(&path) {
            Ok(text) => {
                let mut crashes: Vec<Crash> = text.lines().filter_map(crash).collect();
                let in_hand = match in_hand {
                    Handling::Nothing | Handling::Start
                        if text.lines().any(|line| line == PANICKED) =>
                    {
                        Handling::Something
                    }
                    other => other,
                };
                crashes.push(Crash { at: now, in_hand });
                crashes
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        crashes.drain(..crashes.len().saturating_sub(CRASHES_MAX));
        let mut text = String::new();
        for Crash { at, in_hand } in &crashes {
            let in_hand = match in_hand {
                Handling::Nothing => String::new(),
                Handling::Something => SOMETHING.to_owned(),
                Handling::Start => START.to_owned(),
                Handling::Call(call) => call.0.to_string(),
            };
            let _ = writeln!(text, "{} {in_hand}", at.as_micros());
        }
        // A process may crash at once, and a power failure is none: nothing has to be flushed for it.
        fs::write(&path, text)?;
        Ok(Self { path, crashes })
    }

    /// Which calls go on.
    #[must_use]
    pub fn resume(&self) -> Resume {
        after_crash(&self.crashes)
    }

    /// The crash before this start, if the process did not end as it should.
    #[must_use]
    pub fn last(&self) -> Option<Crash> {
        self.crashes.last().copied()
    }

    /// How long to wait before the start goes on.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        (together(&self.crashes) > PAUSE_AFTER).then_some(PAUSE)
    }
}

impl Drop for CrashGuard {
    /// The server ends as it should, or is refused its start; a panic is neither.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let file = fs::OpenOptions::new().append(true).open(&self.path);
            let _ = file.and_then(|mut file| file.write_all(format!("{PANICKED}\n").as_bytes()));
        } else {
            // Where it cannot be removed the next start takes this for a crash, the first.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    if fs::symlink_metadata(path)?.len() > FILE_BYTES_MAX {
        return Ok(String::new());
    }
    // What is no text has no lines of ours.
    Ok(String::from_utf8(fs::read(path)?).unwrap_or_default())
}

/// A line of the file, unless it is torn.
fn crash(line: &str) -> Option<Crash> {
    let (at, in_hand) = line.split_once(' ')?;
    let in_hand = match in_hand {
        "" => Handling::Nothing,
        SOMETHING => Handling::Something,
        START => Handling::Start,
        call => Handling::Call(CallId(call.parse().ok()?)),
    };
    Some(Crash { at: UnixTime::from_micros(at.parse().ok()?), in_hand })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: Handling = Handling::Something;
    const NONE: Handling = Handling::Nothing;
    const START: Handling = Handling::Start;

    fn call(id: u64) -> Handling {
        Handling::Call(CallId(id))
    }

    fn crashes(of: &[(u64, Handling)]) -> Vec<Crash> {
        let crash = |(at, in_hand): &(u64, Handling)| Crash {
            at: UnixTime::from_secs(1_000 + at),
            in_hand: *in_hand,
        };
        of.iter().map(crash).collect()
    }

    #[test]
    fn the_second_crash_within_half_a_minute_costs_the_call_in_hand_and_the_third_all_calls() {
        for (of, expected) in [
            (&[][..], Resume::All),
            (&[(0, call(7))], Resume::All),
            (&[(0, call(7)), (30, call(7))], Resume::Without(CallId(7))),
            (&[(0, call(6)), (1, call(7))], Resume::Without(CallId(7))),
            (&[(0, OTHER), (1, call(7))], Resume::Without(CallId(7))),
            (&[(0, call(7)), (1, OTHER)], Resume::All),
            (&[(0, call(7)), (31, call(7))], Resume::All),
            (&[(0, call(7)), (1, call(7)), (2, call(7))], Resume::None),
            (&[(0, OTHER), (0, OTHER), (0, OTHER)], Resume::None),
            (&[(0, call(7)), (29, call(8)), (58, call(8))], Resume::Without(CallId(8))),
            (&[(0, OTHER), (15, OTHER), (30, OTHER), (61, call(9))], Resume::All),
            // Somebody kills it, again and again.
            (&[(0, NONE), (1, NONE), (2, NONE), (3, NONE), (4, NONE)], Resume::All),
            (&[(0, call(7)), (1, call(7)), (2, NONE)], Resume::All),
            (&[(0, NONE), (1, NONE), (2, call(7))], Resume::All),
            (&[(0, call(7)), (1, NONE), (2, call(7))], Resume::Without(CallId(7))),
            (&[(0, START), (1, START), (2, START), (3, START), (4, START)], Resume::All),
            (&[(0, START); 6], Resume::None),
            (&[(0, START), (0, START), (0, START), (1, NONE), (2, START), (2, START)], Resume::All),
            // The clock was set back by an hour, and by a second.
            (&[(3_600, call(7)), (3_601, call(7)), (2, call(7))], Resume::All),
            (&[(3, call(7)), (2, call(7))], Resume::Without(CallId(7))),
        ] {
            assert_eq!(after_crash(&crashes(of)), expected, "{of:?}");
        }
    }

    #[test]
    fn a_crash_is_what_has_not_ended_as_it_should() {
        let data = tempfile::tempdir().unwrap();
        let begin = |secs: u64, in_hand: Handling| {
            let now = UnixTime::from_secs(1_000 + secs);
            CrashGuard::begin(data.path(), now, in_hand).unwrap()
        };
        let guard = begin(0, call(1));
        assert_eq!((guard.resume(), guard.crashes.len()), (Resume::All, 0));
        drop(guard);
        let guard = begin(1, call(1));
        assert_eq!(guard.crashes.len(), 0, "the one before has ended");
        std::mem::forget(guard);
        let guard = begin(2, OTHER);
        assert_eq!((guard.resume(), guard.crashes.len()), (Resume::All, 1));
        std::mem::forget(guard);
        let guard = begin(3, call(17));
        assert_eq!(guard.resume(), Resume::Without(CallId(17)));
        assert_eq!(guard.pause(), None);
        std::mem::forget(guard);
        for at in 4..=7 {
            // A panic counts, whatever passed meanwhile.
            let guard = begin(at, if at == 4 { call(17) } else { NONE });
            assert_eq!(guard.resume(), Resume::None);
            assert_eq!(guard.pause().is_some(), at == 7, "the sixth");
            let guard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _guard = guard;
                panic!("a crash of ours");
            }));
            assert!(guard.is_err());
        }
        for at in 8..40 {
            std::mem::forget(begin(at, call(17)));
        }
        let guard = begin(100, NONE);
        assert_eq!((guard.resume(), guard.crashes.len()), (Resume::All, CRASHES_MAX));
        drop(guard);
        assert!(!data.path().join(FILE).exists());
    }

    #[test]
    fn a_file_that_is_torn_or_of_somebody_else_is_a_crash_and_no_more() {
        let data = tempfile::tempdir().unwrap();
        let now = UnixTime::from_secs(1_000);
        let torn = format!("{} 1\n{} 1\n17", now.as_micros(), now.as_micros());
        for (text, count) in [
            (&b""[..], 1),
            (b"\xff\xfe", 1),
            (b"x y\n-1 2\n 3\n99999999999999999999 1\n1 x\n1 **\n", 1),
            (torn.as_bytes(), 3),
            (&[b'1'; 5_000], 1),
        ] {
            fs::write(data.path().join(FILE), text).unwrap();
            let guard = CrashGuard::begin(data.path(), now, Handling::Nothing).unwrap();
            assert_eq!(guard.crashes.len(), count, "{text:?}");
        }
        assert!(CrashGuard::begin(Path::new("/nowhere/at/all"), now, Handling::Nothing).is_err());
    }
}
