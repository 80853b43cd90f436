//! Which machine this is, which boot of it, and the addresses that it has.

use crate::media::MachineBoot;
use nix::ifaddrs::getifaddrs;
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

/// More addresses than a machine has that is no router of many networks; the rest are left out.
const ADDRESSES_MAX: usize = 64;

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

/// The addresses by which others may reach this machine, as it has them now; none where the system does not say.
#[must_use]
pub fn addresses() -> Vec<IpAddr> {
    let all = getifaddrs().into_iter().flatten().filter_map(|interface| interface.address);
    let ips = all.filter_map(|address| {
        let four = address.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
        four.or_else(|| address.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
    });
    let found: BTreeSet<IpAddr> = ips.filter(is_for_others).collect();
    found.into_iter().take(ADDRESSES_MAX).collect()
}

/// That of one cable alone is none: with it goes the cable's name, which no address of a page has.
fn is_for_others(ip: &IpAddr) -> bool {
    let is_of_a_cable = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !is_of_a_cable
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_others_can_name_are_told_from_those_that_they_cannot() {
        let is = |text: &str| is_for_others(&text.parse().unwrap());
        assert!(is("10.8.0.1") && is("203.0.113.7") && is("fd00:77::1"));
        assert!(!is("127.0.0.1") && !is("::1") && !is("169.254.3.4") && !is("fe80::1"));
        assert!(addresses().iter().all(is_for_others));
    }

    #[test]
    fn the_boot_is_the_same_in_both_forms() {
        let hex: String = boot().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, boot_id().replace('-', ""));
    }
}
