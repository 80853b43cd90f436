//! What waiting parties see and hear: `[texts]`, and the keys of `[media]` and of each queue that name
//! files.

use super::reader::{Reader, Remedy, Section};
use super::{set, values};
use crate::codec::audio::{WAVE_FILE_MAX, Wave};
use crate::codec::video::{PICTURE_FILE_MAX, Picture, unknown_letter};
use crate::media::{Announcement, PLACEHOLDER, TEXT_MAX, Texts, WaitingProfile};
use std::sync::Arc;
use toml::de::DeValue;

/// The keys of a waiting profile, in `[media]` and in each queue.
pub(super) const KEYS: [&str; 8] = [
    "house",
    "picture",
    "music",
    "announcement_busy",
    "announcement_nobody",
    "announcement_closed",
    "announcement_full",
    "announcement_too_long",
];

const VOICES: [(&str, Announcement); 5] = [
    ("announcement_busy", Announcement::Busy),
    ("announcement_nobody", Announcement::Nobody),
    ("announcement_closed", Announcement::Closed),
    ("announcement_full", Announcement::Full),
    ("announcement_too_long", Announcement::TooLong),
];

/// Reads the waiting profile's keys of a section; what is left out or empty stays as it is.
pub(super) fn waiting_profile<'a>(
    reader: &mut Reader<'_>,
    section: &Section<'a>,
    waiting_profile: &mut WaitingProfile,
) {
    let name = |value: &DeValue<'_>| words(value);
    set(
        &mut waiting_profile.name,
        reader.value(section, "house", name).filter(|name| !name.is_empty()),
    );
    let picture = |value: &DeValue<'_>| match values::file(value, PICTURE_FILE_MAX)? {
        Some(bytes) => match Picture::read(&bytes) {
            Ok(picture) => Ok(Some(Arc::new(picture))),
            Err(fault) => Err(fault.to_string().into()),
        },
        None => Ok(None),
    };
    if let Some(Some(picture)) = reader.value(section, "picture", picture) {
        waiting_profile.picture = Some(picture);
    }
    if let Some(Some(music)) = reader.value(section, "music", wave) {
        waiting_profile.music = Some(music);
    }
    for (key, announcement) in VOICES {
        if let Some(Some(voice)) = reader.value(section, key, wave) {
            waiting_profile.voices.replace(announcement, voice);
        }
    }
}

/// `[texts]`
pub(super) fn texts<'a>(reader: &mut Reader<'_>, section: &Section<'a>, texts: &mut Texts) {
    let plain: [(&str, &mut String); 12] = [
        ("hold", &mut texts.hold),
        ("minute", &mut texts.minute),
        ("asking", &mut texts.asking),
        ("busy", &mut texts.busy),
        ("nobody", &mut texts.nobody),
        ("closed", &mut texts.closed),
        ("full", &mut texts.full),
        ("too_long", &mut texts.too_long),
        ("camera_lost", &mut texts.camera_lost),
        ("sound_only", &mut texts.sound_only),
        ("no_picture", &mut texts.no_picture),
        ("connected", &mut texts.connected),
    ];
    let numbered = [
        ("position", &mut texts.position),
        ("minutes", &mut texts.minutes),
        ("in_hand", &mut texts.in_hand),
    ];
    let names = plain.iter().map(|(name, _)| *name).chain(numbered.iter().map(|(name, _)| *name));
    reader.allow(section, &names.collect::<Vec<_>>());
    for (name, text) in plain {
        set(text, reader.value(section, name, words));
    }
    for (name, text) in numbered {
        let with_number = |value: &DeValue<'_>| match words(value)? {
            text if text.matches(PLACEHOLDER).count() == 1 => Ok(text),
            _none_or_two => Err(Remedy::from("put {} once where the number comes")),
        };
        set(text, reader.value(section, name, with_number));
    }
}

/// A text that can be drawn.
fn words(value: &DeValue<'_>) -> Result<String, Remedy> {
    let text = values::text(value)?;
    if text.chars().count() > TEXT_MAX {
        return Err(format!("write at most {TEXT_MAX} letters").into());
    }
    match unknown_letter(text) {
        Some(letter) => Err(format!(
            "there is no letter {letter:?} to draw: write it in latin letters, or show a picture file"
        )
        .into()),
        None => Ok(text.to_owned()),
    }
}

fn wave(value: &DeValue<'_>) -> Result<Option<Wave>, Remedy> {
    match values::file(value, WAVE_FILE_MAX)? {
        Some(bytes) => Wave::read(&bytes).map(Some).map_err(|fault| fault.to_string().into()),
        None => Ok(None),
    }
}
