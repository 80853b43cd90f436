//! Which machine this is, and which boot of it.

use crate::media::MachineBoot;
use std::fs;

/// The kernel's name for this boot; empty where it gives none.
#[must_use]
pub fn boot_id() -> String {
    read("/proc/sys/kernel/random/boot_id")
}

/// The same as bytes.
#[must_use]
pub fn boot() -> Option<MachineBoot> {
    let text = boot_id();
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.try_into().ok()
}

/// The machine's id (machine-id(5)); empty where it has none.
#[must_use]
pub fn machine_id() -> String {
    read("/etc/machine-id")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_is_the_same_in_both_forms() {
        let hex: String = boot().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, boot_id().replace('-', ""));
    }
}
