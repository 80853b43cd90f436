//! Waiting for what other programs do: always with a deadline, never for a fixed time.

use std::time::{Duration, Instant};

/// How often something is looked at that cannot tell us by itself (a file that grows, a process).
const GLANCE: Duration = Duration::from_millis(5);

/// Looks until `probe` finds something.
///
/// # Panics
/// When `limit` has passed; the message names `what` was awaited.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, probe: impl FnMut() -> Option<T>) -> T {
    within(limit, probe).unwrap_or_else(|| panic!("waited {limit:?} in vain for {what}"))
}

/// As [`until`], for what may fail to come.
pub fn within<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(GLANCE);
    }
}
