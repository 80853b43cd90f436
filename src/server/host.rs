//! Which machine this is, and which boot of it.

use std::fs;

/// The kernel's name for this boot; empty where it gives none.
#[must_use]
pub fn boot_id() -> String {
    read("/proc/sys/kernel/random/boot_id")
}

/// The machine's id (machine-id(5)); empty where it has none.
#[must_use]
pub fn machine_id() -> String {
    read("/etc/machine-id")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
