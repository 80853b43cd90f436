//! Memory that a flood has left behind goes back to the system. glibc keeps what is free between pieces in
//! use for as long as the process lives; `malloc_trim(3)` hands it back.

// Nothing but libc asks the allocator for its free memory.
#![allow(unsafe_code)]

use std::io;
use std::thread;
use std::time::Duration;

/// Between two times.
const INTERVAL: Duration = Duration::from_secs(30);

/// Gives memory back again and again, for as long as the process lives.
pub fn give_back() -> io::Result<()> {
    let forever = || {
        loop {
            thread::sleep(INTERVAL);
            trim();
        }
    };
    thread::Builder::new().name("memory".to_owned()).spawn(forever).map(drop)
}

#[cfg(target_env = "gnu")]
fn trim() {
    let began = std::time::Instant::now();
    // SAFETY: may be called at any time from any thread (malloc_trim(3), "MT-Safe").
    let gave = unsafe { libc::malloc_trim(0) } != 0;
    tracing::debug!("memory trimmed in {:?}, some was free: {gave}", began.elapsed());
}

/// Other allocators do it by themselves, or cannot be asked.
#[cfg(not(target_env = "gnu"))]
fn trim() {}
