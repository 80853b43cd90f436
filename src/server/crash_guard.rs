//! What is done about a crash that repeats: the call that was in hand is given up, and then all of them.
//!
//! A file beside the database stands there while the server runs, and is removed when it ends as it should. A start that
//! finds it comes after a crash; the file has a line for each of the last ones:
//!
//! ```text
//!   1794999000000000 17        when it was noticed, in microseconds of civil time, and the call that was in hand
//!   1794999004000000           none was
//! ```

use crate::exchange::journal::Resume;
use crate::ids::CallId;
use crate::time::{Duration, UnixTime};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Crashes count together when they come within so long.
pub const CRASHES_WITHIN: Duration = Duration::from_secs(30);
/// At the second one the call in hand is given up, after the third all calls are.
const GIVE_UP_ONE: usize = 2;
const GIVE_UP_ALL: usize = 3;
/// After more than this a start waits, so that nothing else on the machine suffers from it,
const PAUSE_AFTER: usize = 5;
/// for so long.
const PAUSE: Duration = Duration::from_secs(1);
/// So many are remembered.
const CRASHES_MAX: usize = 16;
/// More than this is no file of ours.
const FILE_BYTES_MAX: u64 = 4_096;
const FILE: &str = "cordboard.running";

/// A crash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Crash {
    /// When the next start noticed it.
    pub at: UnixTime,
    /// The call whose event was being handled.
    pub in_hand: Option<CallId>,
}

/// What goes on after these crashes, the last of which has just been noticed; none where the process before ended as it
/// should. Those of more than [`CRASHES_WITHIN`] before the last one, or as long after it by a clock that was set, are
/// another story.
#[must_use]
pub fn after_crash(crashes: &[Crash]) -> Resume {
    let Some(last) = crashes.last() else { return Resume::All };
    match (together(crashes), last.in_hand) {
        (GIVE_UP_ALL.., _) => Resume::None,
        (GIVE_UP_ONE, Some(call)) => Resume::Without(call),
        (_, _) => Resume::All,
    }
}

/// How many belong to the last one, itself included.
fn together(crashes: &[Crash]) -> usize {
    let Some(last) = crashes.last() else { return 0 };
    let apart = |crash: &Crash| last.at.as_micros().abs_diff(crash.at.as_micros());
    crashes.iter().filter(|crash| Duration::from_micros(apart(crash)) <= CRASHES_WITHIN).count()
}

/// Stands beside the database while the server runs.
#[derive(Debug)]
pub struct CrashGuard {
    path: PathBuf,
    crashes: Vec<Crash>,
}

impl CrashGuard {
    /// Says that the server runs, and looks whether the one before has ended as it should. `in_hand` is the call that was
    /// in hand at that one's last moment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin(data: &Path, now: UnixTime, in_hand: Option<CallId>) -> io::Result<Self> {
        let path = data.join(FILE);
        let mut crashes = match read(&path) {
            Ok(text) => {
                let mut crashes: Vec<Crash> = text.lines().filter_map(crash).collect();
                crashes.push(Crash { at: now, in_hand });
                crashes
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        crashes.drain(..crashes.len().saturating_sub(CRASHES_MAX));
        let mut text = String::new();
        for Crash { at, in_hand } in &crashes {
            let in_hand = in_hand.map(|call| call.0.to_string()).unwrap_or_default();
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
        if !std::thread::panicking() {
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
        "" => None,
        call => Some(CallId(call.parse().ok()?)),
    };
    Some(Crash { at: UnixTime::from_micros(at.parse().ok()?), in_hand })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashes(of: &[(u64, Option<u64>)]) -> Vec<Crash> {
        let crash = |(at, call): &(u64, Option<u64>)| Crash {
            at: UnixTime::from_secs(1_000 + at),
            in_hand: call.map(CallId),
        };
        of.iter().map(crash).collect()
    }

    #[test]
    fn the_second_crash_within_half_a_minute_costs_the_call_in_hand_and_the_third_all_calls() {
        for (of, expected) in [
            (&[][..], Resume::All),
            (&[(0, Some(7))], Resume::All),
            (&[(0, Some(7)), (30, Some(7))], Resume::Without(CallId(7))),
            (&[(0, Some(6)), (1, Some(7))], Resume::Without(CallId(7))),
            (&[(0, Some(7)), (1, None)], Resume::All),
            (&[(0, Some(7)), (31, Some(7))], Resume::All),
            (&[(0, Some(7)), (1, Some(7)), (2, Some(7))], Resume::None),
            (&[(0, None), (0, None), (0, None)], Resume::None),
            (&[(0, Some(7)), (29, Some(8)), (58, Some(8))], Resume::Without(CallId(8))),
            (&[(0, None), (15, None), (30, None), (61, Some(9))], Resume::All),
            // The clock was set back by an hour, and by a second.
            (&[(3_600, Some(7)), (3_601, Some(7)), (2, Some(7))], Resume::All),
            (&[(3, Some(7)), (2, Some(7))], Resume::Without(CallId(7))),
        ] {
            assert_eq!(after_crash(&crashes(of)), expected, "{of:?}");
        }
    }

    #[test]
    fn a_crash_is_what_has_not_ended_as_it_should() {
        let data = tempfile::tempdir().unwrap();
        let begin = |secs: u64, call: Option<u64>| {
            let now = UnixTime::from_secs(1_000 + secs);
            CrashGuard::begin(data.path(), now, call.map(CallId)).unwrap()
        };
        let guard = begin(0, Some(1));
        assert_eq!((guard.resume(), guard.crashes.len()), (Resume::All, 0));
        drop(guard);
        let guard = begin(1, Some(1));
        assert_eq!(guard.crashes.len(), 0, "the one before has ended");
        std::mem::forget(guard);
        let guard = begin(2, None);
        assert_eq!((guard.resume(), guard.crashes.len()), (Resume::All, 1));
        std::mem::forget(guard);
        let guard = begin(3, Some(17));
        assert_eq!(guard.resume(), Resume::Without(CallId(17)));
        assert_eq!(guard.pause(), None);
        std::mem::forget(guard);
        for at in 4..=7 {
            let guard = begin(at, Some(17));
            assert_eq!(guard.resume(), Resume::None);
            assert_eq!(guard.pause().is_some(), at == 7, "the sixth");
            let guard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _guard = guard;
                panic!("a crash of ours");
            }));
            assert!(guard.is_err());
        }
        for at in 8..40 {
            std::mem::forget(begin(at, Some(17)));
        }
        let guard = begin(100, None);
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
            (b"x y\n-1 2\n 3\n99999999999999999999 1\n1 x\n", 1),
            (torn.as_bytes(), 3),
            (&[b'1'; 5_000], 1),
        ] {
            fs::write(data.path().join(FILE), text).unwrap();
            let guard = CrashGuard::begin(data.path(), now, None).unwrap();
            assert_eq!(guard.crashes.len(), count, "{text:?}");
        }
        assert!(CrashGuard::begin(Path::new("/nowhere/at/all"), now, None).is_err());
    }
}
