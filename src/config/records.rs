//! `[records]`, and how much of a disk recordings leave free.

use super::reader::{Reader, Remedy, Section};
use super::{DAY, set, values};
use crate::exchange::Retention;
use crate::server::{RESERVE_MIN, Reserve};
use crate::time::Duration;
use std::ops::RangeInclusive;
use toml::de::DeValue;

/// How many call records may be kept: with more, a step of pruning would no longer be short.
pub const KEEP_MAX: RangeInclusive<usize> = 100..=10_000_000;
const KEEP: RangeInclusive<Duration> = DAY..=Duration::from_secs(36_500 * 24 * 3_600);
const PERCENT: RangeInclusive<u8> = 1..=90;

pub(super) fn records<'a>(
    retention: &mut Retention,
    reader: &mut Reader<'_>,
    section: &Section<'a>,
) {
    reader.allow(section, &["keep", "keep_max"]);
    let keep = |value: &DeValue<'_>| values::duration(value, KEEP);
    set(&mut retention.keep, reader.value(section, "keep", keep));
    let keep_max = |value: &DeValue<'_>| values::count(value, KEEP_MAX);
    set(&mut retention.keep_max, reader.value(section, "keep_max", keep_max));
}

/// `5%`, `500MB`, `2GB`.
pub(super) fn reserve(value: &DeValue<'_>) -> Result<Reserve, Remedy> {
    let remedy = "write a share of the disk, 1% to 90%, or a size: \"5%\", \"500MB\", \"2GB\"";
    let text = value.as_str().ok_or(remedy)?;
    if let Some(percent) = text.strip_suffix('%') {
        let percent = percent.parse().ok().filter(|percent| PERCENT.contains(percent));
        return percent.map(Reserve::Percent).ok_or_else(|| remedy.into());
    }
    let units = [("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)];
    let bytes = units.into_iter().find_map(|(unit, bytes)| {
        let count = text.strip_suffix(unit).filter(|n| n.bytes().all(|b| b.is_ascii_digit()))?;
        count.parse::<u64>().ok()?.checked_mul(bytes)
    });
    match bytes.ok_or(remedy)? {
        bytes if bytes < RESERVE_MIN => {
            Err(format!("give at least {}MB", RESERVE_MIN / 1_000_000).into())
        }
        bytes => Ok(Reserve::Bytes(bytes)),
    }
}
