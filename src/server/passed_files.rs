//! The files that the service manager passes to a process that it starts (sd_listen_fds(3)).

// A number from the environment becomes a file that is owned, and variables are taken out of the environment: no
// library does either without it.
#![allow(unsafe_code)]

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The first of them.
const FIRST: RawFd = 3;
/// More than this are not looked at: the connections, and the relay's sockets in packets.
const PASSED_MAX: usize = 16_384;
/// What a file is called that has no name.
const NAMELESS: &str = "stored";
const VARIABLES: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// A file that the service manager has passed.
#[derive(Debug)]
pub struct PassedFile {
    /// What it was stored as.
    pub name: String,
    /// It.
    pub file: OwnedFd,
}

/// All of them, and takes them out of the environment: who asks again gets none. To be called first of all, before
/// this process has opened a file or started a thread.
#[must_use]
pub fn take() -> Vec<PassedFile> {
    let [pid, count, names] = VARIABLES.map(|name| std::env::var(name).unwrap_or_default());
    for name in VARIABLES {
        // SAFETY: there is no other thread yet that could look into the environment.
        unsafe { std::env::remove_var(name) };
    }
    let names = names_of(std::process::id(), &pid, &count, &names);
    (FIRST..)
        .zip(names)
        .filter_map(|(number, name)| Some(PassedFile { name, file: own(number)? }))
        .collect()
}

/// What each of the files is called, the first of them first; none where they are not for this process.
fn names_of(own_pid: u32, pid: &str, count: &str, names: &str) -> Vec<String> {
    if pid.parse() != Ok(own_pid) {
        return Vec::new();
    }
    let count = count.parse().unwrap_or(0).min(PASSED_MAX);
    let mut names = names.split(':');
    let mut next = || names.next().filter(|name| !name.is_empty()).unwrap_or(NAMELESS).to_owned();
    (0..count).map(|_| next()).collect()
}

/// A file by its number, if there is one; no program that we start gets it.
fn own(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: a number that is no open file is only asked about, and refused by the system.
    let there = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_getfd(there).ok()?;
    // SAFETY: it is open, the manager has passed it to this process, and nobody else has taken it: this is done once.
    let file = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl_setfd(&file, FdFlags::CLOEXEC).ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_for_the_process_that_is_meant_and_each_has_its_name() {
        assert_eq!(names_of(7, "7", "3", "udp:tcp:flow-1"), ["udp", "tcp", "flow-1"]);
        assert_eq!(names_of(7, "7", "3", "udp"), ["udp", NAMELESS, NAMELESS]);
        assert_eq!(names_of(7, "7", "2", ":tcp:more"), [NAMELESS, "tcp"]);
        for (pid, count) in [("8", "3"), ("", "3"), ("7", ""), ("7", "-1"), ("7", "0"), ("x", "1")]
        {
            assert_eq!(names_of(7, pid, count, "udp").len(), 0, "{pid:?} {count:?}");
        }
        assert_eq!(names_of(7, "7", "99999999", "").len(), PASSED_MAX);
    }
}
