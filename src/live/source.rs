//! What a party hears and sees, as a row.

use super::words::is_default;
use crate::ids::{CameraId, LegId};
use crate::leg::LegSource;
use crate::media::{Announcement, PromptMessage, Tone, VideoPrompt, WaitingProfileId};
use serde::{Deserialize, Serialize};

/// What a party hears and sees.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceRow {
    #[default]
    Silence,
    Leg(u64),
    Wait(WaitRow),
    WaitCamera(WaitRow),
    Farewell(WaitRow),
    Camera(u64),
    Told(WaitRow),
    RingBack,
    Tone(ToneRow),
}

/// A wait, of which each source has its parts.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct WaitRow {
    #[serde(skip_serializing_if = "is_default")]
    profile: u16,
    #[serde(skip_serializing_if = "is_default")]
    camera: u64,
    #[serde(skip_serializing_if = "is_default")]
    picture: PictureRow,
    #[serde(skip_serializing_if = "is_default")]
    announcement: Option<AnnouncementRow>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToneRow {
    Done,
    Refused,
    Warning,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum PictureRow {
    #[default]
    Hold,
    Position {
        number: u32,
        #[serde(default, skip_serializing_if = "is_default")]
        minutes: Option<u32>,
        #[serde(default, skip_serializing_if = "is_default")]
        crowded: bool,
    },
    Asking,
    Sorry(AnnouncementRow),
    CameraLost,
    SoundOnly,
    NoPicture,
    Connected,
    InHand(u32),
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum AnnouncementRow {
    Busy,
    Nobody,
    Closed,
    Full,
    TooLong,
}

impl SourceRow {
    /// Of this source.
    #[must_use]
    pub fn of(source: LegSource) -> Self {
        let prompt = |prompt: VideoPrompt| WaitRow {
            profile: prompt.waiting_profile.0,
            picture: PictureRow::of(prompt.message),
            ..WaitRow::default()
        };
        let said = |said: Option<Announcement>| said.map(AnnouncementRow::of);
        match source {
            LegSource::Leg(leg) => Self::Leg(leg.0),
            LegSource::Wait(shown, announcement) => {
                Self::Wait(WaitRow { announcement: said(announcement), ..prompt(shown) })
            }
            LegSource::WaitCamera(camera, profile, announcement) => Self::WaitCamera(WaitRow {
                profile: profile.0,
                camera: camera.0,
                announcement: said(announcement),
                ..WaitRow::default()
            }),
            LegSource::Farewell(profile, announcement) => Self::Farewell(WaitRow {
                profile: profile.0,
                announcement: said(Some(announcement)),
                ..WaitRow::default()
            }),
            LegSource::Camera(camera) => Self::Camera(camera.0),
            LegSource::Told(shown) => Self::Told(prompt(shown)),
            LegSource::RingBack => Self::RingBack,
            LegSource::Tone(tone) => Self::Tone(match tone {
                Tone::Done => ToneRow::Done,
                Tone::Refused => ToneRow::Refused,
                Tone::Warning => ToneRow::Warning,
            }),
            LegSource::Silence => Self::Silence,
        }
    }

    /// The source.
    #[must_use]
    pub fn read(self) -> LegSource {
        let prompt = |row: WaitRow| VideoPrompt {
            waiting_profile: WaitingProfileId(row.profile),
            message: row.picture.read(),
        };
        let said = |row: WaitRow| row.announcement.map(AnnouncementRow::read);
        match self {
            Self::Silence => LegSource::Silence,
            Self::Leg(leg) => LegSource::Leg(LegId(leg)),
            Self::Wait(row) => LegSource::Wait(prompt(row), said(row)),
            Self::WaitCamera(row) => LegSource::WaitCamera(
                CameraId(row.camera),
                WaitingProfileId(row.profile),
                said(row),
            ),
            Self::Farewell(row) => {
                let said = said(row).unwrap_or(Announcement::Nobody);
                LegSource::Farewell(WaitingProfileId(row.profile), said)
            }
            Self::Camera(camera) => LegSource::Camera(CameraId(camera)),
            Self::Told(row) => LegSource::Told(prompt(row)),
            Self::RingBack => LegSource::RingBack,
            Self::Tone(tone) => LegSource::Tone(match tone {
                ToneRow::Done => Tone::Done,
                ToneRow::Refused => Tone::Refused,
                ToneRow::Warning => Tone::Warning,
            }),
        }
    }
}

impl PictureRow {
    fn of(message: PromptMessage) -> Self {
        match message {
            PromptMessage::Hold => Self::Hold,
            PromptMessage::Position { number, minutes, crowded } => {
                Self::Position { number, minutes, crowded }
            }
            PromptMessage::Asking => Self::Asking,
            PromptMessage::Sorry(why) => Self::Sorry(AnnouncementRow::of(why)),
            PromptMessage::CameraLost => Self::CameraLost,
            PromptMessage::SoundOnly => Self::SoundOnly,
            PromptMessage::NoPicture => Self::NoPicture,
            PromptMessage::Connected => Self::Connected,
            PromptMessage::InHand { number } => Self::InHand(number),
        }
    }

    fn read(self) -> PromptMessage {
        match self {
            Self::Hold => PromptMessage::Hold,
            Self::Position { number, minutes, crowded } => {
                PromptMessage::Position { number, minutes, crowded }
            }
            Self::Asking => PromptMessage::Asking,
            Self::Sorry(why) => PromptMessage::Sorry(why.read()),
            Self::CameraLost => PromptMessage::CameraLost,
            Self::SoundOnly => PromptMessage::SoundOnly,
            Self::NoPicture => PromptMessage::NoPicture,
            Self::Connected => PromptMessage::Connected,
            Self::InHand(number) => PromptMessage::InHand { number },
        }
    }
}

impl AnnouncementRow {
    fn of(announcement: Announcement) -> Self {
        match announcement {
            Announcement::Busy => Self::Busy,
            Announcement::Nobody => Self::Nobody,
            Announcement::Closed => Self::Closed,
            Announcement::Full => Self::Full,
            Announcement::TooLong => Self::TooLong,
        }
    }

    fn read(self) -> Announcement {
        match self {
            Self::Busy => Announcement::Busy,
            Self::Nobody => Announcement::Nobody,
            Self::Closed => Announcement::Closed,
            Self::Full => Announcement::Full,
            Self::TooLong => Announcement::TooLong,
        }
    }
}
