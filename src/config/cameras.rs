//! `[[camera]]`: what callers may see in place of a person, and where its pictures come from.

use super::reader::{Reader, Remedy, Section};
use super::{Config, HOUR, MINUTE, QueueSection, values};
use crate::directory::{self, DESK, check_display_name};
use crate::ids::{CameraId, LevelId, Number, QueueId};
use crate::server::CameraUrl;
use crate::time::Duration;
use std::collections::BTreeMap;
use toml::de::DeValue;

/// The most cameras.
pub const CAMERAS_MAX: usize = 100;
/// The most calls that may see one camera at once.
const VIEWERS_MAX: usize = 1_000;
/// So many may unless the file says otherwise.
const VIEWERS: usize = 20;
/// So long a call may look unless the file says otherwise.
const WATCH: Duration = Duration::from_secs(2 * 3_600);

/// `[[camera]]`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CameraSection {
    /// As callers meet it.
    pub camera: directory::Camera,
    /// Where its pictures come from.
    pub url: CameraUrl,
}

/// The cameras of the file. A number that a queue has already is refused.
pub(super) fn cameras<'a>(
    reader: &mut Reader<'_>,
    sections: &[Section<'a>],
    external: &LevelId,
    queues: &BTreeMap<QueueId, QueueSection>,
) -> Vec<CameraSection> {
    let mut cameras: Vec<CameraSection> = Vec::new();
    for (id, section) in (0..).zip(sections) {
        if cameras.len() == CAMERAS_MAX {
            reader.refuse_section(section, format!("give at most {CAMERAS_MAX} cameras").into());
            break;
        }
        cameras.extend(camera(reader, section, CameraId(id), (external, queues), &cameras));
    }
    cameras
}

fn camera<'a>(
    reader: &mut Reader<'_>,
    section: &Section<'a>,
    id: CameraId,
    (external, queues): (&LevelId, &BTreeMap<QueueId, QueueSection>),
    others: &[CameraSection],
) -> Option<CameraSection> {
    let keys = ["name", "number", "url", "level", "display", "viewers_max", "watch_max"];
    reader.allow(section, &keys);
    let name = |value: &DeValue<'_>| {
        let name = values::name(values::text(value)?)?.to_owned();
        if others.iter().any(|other| other.camera.name == name) {
            return Err("another camera has this name: choose another".into());
        }
        Ok(name)
    };
    let name = reader.needed(section, "name", "give it one, for people and queues", name);
    let number = |value: &DeValue<'_>| match values::text(value)? {
        "" => Ok(None),
        number => free(values::name(number)?, queues, others).map(Some),
    };
    let number = reader.value(section, "number", number).flatten();
    let remedy = "give the address of its stream: \"rtsp://user:password@192.0.2.20/stream1\"";
    // What is wrong with it is said without it: a password stands in it.
    let url = |value: &DeValue<'_>| {
        CameraUrl::parse(values::text(value)?).map_err(|fault| Remedy::from(fault.to_string()))
    };
    let url = reader.needed_secret(section, "url", remedy, url);
    let level = |value: &DeValue<'_>| values::name(values::text(value)?).map(LevelId::from);
    let level = reader.value(section, "level", level);
    let display = |value: &DeValue<'_>| {
        let display = values::text(value)?;
        check_display_name(display).map_err(|fault| Remedy::from(fault.to_string()))?;
        Ok(display.to_owned())
    };
    let display = reader.value(section, "display", display).unwrap_or_default();
    let viewers_max = |value: &DeValue<'_>| values::count(value, 1..=VIEWERS_MAX);
    let viewers_max = reader.value(section, "viewers_max", viewers_max).unwrap_or(VIEWERS);
    let watch_max = |value: &DeValue<'_>| values::duration(value, MINUTE..=24 * HOUR);
    let watch_max = reader.value(section, "watch_max", watch_max).unwrap_or(WATCH);
    let level = level.unwrap_or_else(|| external.clone());
    let name = name?;
    let camera = directory::Camera { id, name, number, level, display, viewers_max, watch_max };
    Some(CameraSection { camera, url: url? })
}

/// A number that nobody else of the configuration has.
fn free(
    number: &str,
    queues: &BTreeMap<QueueId, QueueSection>,
    others: &[CameraSection],
) -> Result<Number, Remedy> {
    if number.eq_ignore_ascii_case(DESK) {
        return Err("desks call this address: choose another number".into());
    }
    let number = Number::from(number);
    if queues.values().any(|queue| queue.number == number) {
        return Err("this is an operator number: choose another".into());
    }
    if others.iter().any(|other| other.camera.number.as_ref() == Some(&number)) {
        return Err("another camera has this number: choose another".into());
    }
    Ok(number)
}

/// Which camera a queue shows.
pub(super) fn named(value: &DeValue<'_>, names: &[&str]) -> Result<Option<CameraId>, Remedy> {
    match values::text(value)? {
        "" => Ok(None),
        name => {
            let known = (0..).zip(names).find(|(_, known)| **known == name);
            let id = known.map(|(at, _)| CameraId(at));
            id.map(Some).ok_or("no [[camera]] has this name: add one, or name another".into())
        }
    }
}

impl Config {
    /// Where each camera's pictures come from.
    pub fn camera_urls(&self) -> impl Iterator<Item = (&directory::Camera, &CameraUrl)> {
        self.cameras.iter().map(|camera| (&camera.camera, &camera.url))
    }
}
