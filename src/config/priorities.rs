//! `[queue.NAME.priority]`: who goes before others.

use super::reader::{Reader, Section};
use super::values;
use crate::acd::{PRIORITY_MAX, QueuePriorities};
use crate::ids::{LevelId, Number};
use std::collections::BTreeMap;

pub(super) fn priorities<'a>(
    reader: &mut Reader<'_>,
    queue: &Section<'a>,
    trunks: &[&str],
) -> QueuePriorities {
    let Some(section) = reader.section(queue, "priority") else {
        return QueuePriorities::default();
    };
    reader.allow(&section, &["level", "trunk", "number"]);
    let unknown = |name: &str| {
        let is_there = trunks.contains(&name);
        (!is_there).then_some("there is no [[trunk]] of this name: name one that is there")
    };
    let all = |_: &str| None;
    QueuePriorities {
        levels: named(reader, &section, "level", |name| LevelId::from(name), all),
        trunks: named(reader, &section, "trunk", str::to_owned, unknown),
        numbers: named(reader, &section, "number", |name| Number::from(name), all),
    }
}

/// The priorities of one kind; `fault` says what is wrong with a name that could be one.
fn named<'a, T: Ord>(
    reader: &mut Reader<'_>,
    section: &Section<'a>,
    kind: &str,
    of: impl Fn(&str) -> T,
    fault: impl Fn(&str) -> Option<&'static str>,
) -> BTreeMap<T, u8> {
    let mut found = BTreeMap::new();
    let Some(section) = reader.section(section, kind) else { return found };
    for name in section.names() {
        if found.len() == values::LIST_MAX {
            let remedy = format!("give at most {}", values::LIST_MAX);
            reader.refuse_section(&section, remedy.into());
            break;
        }
        let priority = reader.value(&section, &name, |value| {
            let known = values::name(&name)?;
            if let Some(remedy) = fault(known) {
                return Err(remedy.into());
            }
            values::count(value, 0..=usize::from(PRIORITY_MAX))
        });
        if let Some(priority) = priority.and_then(|priority| u8::try_from(priority).ok()) {
            found.insert(of(&name), priority);
        }
    }
    found
}
