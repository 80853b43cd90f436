//! `[queue.NAME]`: whom a queue takes, how its callers wait, and where they go.

use super::reader::{Reader, Remedy, Section};
use super::{
    AnswerMode, DAY, HOUR, QUEUES_MAX, QueueSection, SECOND, cameras, hours, priorities, ring_time,
    set, values, waiting_profiles,
};
use crate::call::Recorded;
use crate::directory::DESK;
use crate::ids::{Number, QueueId};
use crate::media::WaitingProfile;
use crate::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeValue;

/// What of other sections a queue may name, and what it has unless it says otherwise.
pub(super) struct OtherSections<'c> {
    /// The names of the cameras.
    pub cameras: &'c [&'c str],
    /// The names of the trunks.
    pub trunks: &'c [&'c str],
    /// What the house shows and plays.
    pub house: &'c WaitingProfile,
}

/// The queues of the file; they replace the built-in one.
pub(super) fn queues<'a>(
    reader: &mut Reader<'_>,
    section: &Section<'a>,
    others: &OtherSections<'_>,
) -> BTreeMap<QueueId, QueueSection> {
    let mut queues = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    for (name, section) in reader.named(section) {
        if queues.len() == QUEUES_MAX {
            reader.refuse_section(&section, format!("give at most {QUEUES_MAX} queues").into());
            break;
        }
        if let Err(remedy) = values::name(name) {
            reader.refuse_section(&section, remedy);
        }
        if let Some(queue) = queue(reader, name, &section, (&mut numbers, others)) {
            queues.insert(QueueId::from(name), queue);
        }
    }
    queues
}

fn queue<'a>(
    reader: &mut Reader<'_>,
    name: &str,
    section: &Section<'a>,
    (numbers, others): (&mut BTreeSet<Number>, &OtherSections<'_>),
) -> Option<QueueSection> {
    let times = ["ring_time", "wait_max", "grace"];
    let keys = [
        "number",
        "answer",
        "ring",
        "waiting_max",
        "overflow",
        "exit_key",
        "night",
        "hours",
        "priority",
        "camera",
    ];
    let seen = ["record", "record_pauses", "preview"];
    reader.allow(section, &[&times[..], &keys, &seen, &waiting_profiles::KEYS].concat());
    let number = |value: &DeValue<'_>| {
        let number = Number::from(values::name(values::text(value)?)?);
        if number.as_str().eq_ignore_ascii_case(DESK) {
            return Err("desks call this address: choose another number".into());
        }
        Ok(number)
    };
    // The main queue has a number of its own, so that a file may change the rest only.
    let number = match name {
        "main" => reader.value(section, "number", number).or(Some(Number::from("9000"))),
        _ => reader.needed(section, "number", "give the number that callers dial", number),
    };
    let mut queue = QueueSection::at(number?);
    if !numbers.insert(queue.number.clone()) {
        let remedy = format!("another queue has the number {}: choose another", queue.number);
        reader.refuse_section(section, remedy.into());
    }
    let words = [("queue", AnswerMode::Queue), ("operator", AnswerMode::Operator)];
    let word = |value: &DeValue<'_>| values::word(value, &words);
    set(&mut queue.answer, reader.value(section, "answer", word));
    set(&mut queue.ring_time, reader.value(section, "ring_time", ring_time));
    set(&mut queue.ring, reader.value(section, "ring", values::truth));
    let waiting_max = |value: &DeValue<'_>| values::count(value, 1..=10_000);
    set(&mut queue.waiting_max, reader.value(section, "waiting_max", waiting_max));
    let wait_max = |value: &DeValue<'_>| values::limit(value, SECOND..=DAY);
    set(&mut queue.wait_max, reader.value(section, "wait_max", wait_max));
    let elsewhere = |value: &DeValue<'_>| elsewhere(value, &queue.number);
    let (overflow, night) =
        (reader.value(section, "overflow", elsewhere), reader.value(section, "night", elsewhere));
    set(&mut queue.overflow, overflow);
    set(&mut queue.night.to, night);
    let has_overflow = queue.overflow.is_some();
    set(&mut queue.exit_key, reader.value(section, "exit_key", |v| exit_key(v, has_overflow)));
    queue.night.hours = hours::hours(reader, section);
    queue.priorities = priorities::priorities(reader, section, others.trunks);
    let grace = |value: &DeValue<'_>| values::duration(value, Duration::ZERO..=HOUR);
    set(&mut queue.grace, reader.value(section, "grace", grace));
    let camera = |value: &DeValue<'_>| cameras::named(value, others.cameras);
    set(&mut queue.camera, reader.value(section, "camera", camera));
    let words =
        [("no", Recorded::Never), ("always", Recorded::Always), ("on-demand", Recorded::OnDemand)];
    let word = |value: &DeValue<'_>| values::word(value, &words);
    set(&mut queue.record, reader.value(section, "record", word));
    let pauses = reader.value(section, "record_pauses", values::truth);
    set(&mut queue.record_pauses, pauses);
    set(&mut queue.preview, reader.value(section, "preview", values::truth));
    queue.waiting_profile.clone_from(others.house);
    waiting_profiles::waiting_profile(reader, section, &mut queue.waiting_profile);
    Some(queue)
}

/// The number of somebody else; empty: nobody's.
fn elsewhere(value: &DeValue<'_>, own: &Number) -> Result<Option<Number>, Remedy> {
    match values::text(value)? {
        "" => Ok(None),
        number if number == own.as_str() => {
            Err("this is the queue's own number: choose another, or leave it out".into())
        }
        number => values::name(number).map(|number| Some(Number::from(number))),
    }
}

/// One key of a telephone; empty: none.
fn exit_key(value: &DeValue<'_>, has_overflow: bool) -> Result<Option<char>, Remedy> {
    let mut keys = values::text(value)?.chars();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some('0'..='9' | '*' | '#'), None) if !has_overflow => {
            Err("say where the caller goes: give `overflow`, too".into())
        }
        (Some(key @ ('0'..='9' | '*' | '#')), None) => Ok(Some(key)),
        (Some(_), _) => Err("write one key: \"0\" to \"9\", \"*\" or \"#\"".into()),
    }
}
