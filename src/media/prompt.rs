//! What a waiting party is to see and hear, as values: a waiting profile for the look and the sound, a message
//! for what is to be said.
//!
//! ```text
//!   waiting profile 0: the house's name or logo, texts, music, announcements     of every call
//!   waiting profile 1…: the same with what a queue has of its own                of that queue's callers
//! ```

use crate::codec::audio::Wave;
use crate::codec::video::Picture;
use crate::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest text of a wait picture, in characters.
pub const TEXT_MAX: usize = 80;
/// Stands in a text where a number comes.
pub const PLACEHOLDER: &str = "{}";

/// Which of the waiting profiles of [`Settings`](super::Settings).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WaitingProfileId(pub u16);

impl WaitingProfileId {
    /// The house's own, for parties that wait in no queue.
    pub const DEFAULT: Self = Self(0);
}

/// Why a caller has to wait, or cannot be served.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Announcement {
    /// All operators are busy; the caller waits.
    Busy,
    /// No operator is there.
    Nobody,
    /// No callers are taken at this hour.
    Closed,
    /// Too many wait already.
    Full,
    /// The caller has waited as long as it may.
    TooLong,
}

impl Announcement {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Busy, Self::Nobody, Self::Closed, Self::Full, Self::TooLong];
}

/// What a picture tells.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PromptMessage {
    /// Somebody holds the call.
    Hold,
    /// The party's place in a queue.
    Position {
        /// From 1.
        number: u32,
        /// For about so long; none when nobody can tell.
        minutes: Option<u32>,
        /// Whether every operator was busy when it came.
        crowded: bool,
    },
    /// The operator speaks with the wanted person.
    Asking,
    /// The call cannot go on.
    Sorry(Announcement),
    /// A camera that should be seen is away.
    CameraLost,
    /// The other party is heard and shows no picture.
    SoundOnly,
    /// The other party's picture does not come.
    NoPicture,
    /// The operator has connected the two, and sees neither.
    Connected,
    /// The operator talks with nobody, and so many calls wait in its hand.
    InHand {
        /// How many.
        number: u32,
    },
}

/// One picture: whose, and what it tells.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VideoPrompt {
    /// The look.
    pub waiting_profile: WaitingProfileId,
    /// The text.
    pub message: PromptMessage,
}

/// The words of wait pictures; `{}` stands for a number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Texts {
    /// For [`PromptMessage::Hold`].
    pub hold: String,
    /// Before and after the place in the queue.
    pub position: String,
    /// The estimated wait in minutes, above one.
    pub minutes: String,
    /// An estimated wait of a minute or less.
    pub minute: String,
    /// For [`PromptMessage::Asking`].
    pub asking: String,
    /// For [`Announcement::Busy`].
    pub busy: String,
    /// For [`Announcement::Nobody`].
    pub nobody: String,
    /// For [`Announcement::Closed`].
    pub closed: String,
    /// For [`Announcement::Full`].
    pub full: String,
    /// For [`Announcement::TooLong`].
    pub too_long: String,
    /// For [`PromptMessage::CameraLost`].
    pub camera_lost: String,
    /// For [`PromptMessage::SoundOnly`].
    pub sound_only: String,
    /// For [`PromptMessage::NoPicture`].
    pub no_picture: String,
    /// For [`PromptMessage::Connected`].
    pub connected: String,
    /// Before and after the figure of [`PromptMessage::InHand`].
    pub in_hand: String,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            hold: "Please hold the line".into(),
            position: "You are number {}".into(),
            minutes: "about {} minutes".into(),
            minute: "about a minute".into(),
            asking: "The operator is asking for your party".into(),
            busy: "All operators are busy".into(),
            nobody: "Nobody is available".into(),
            closed: "We are closed at the moment".into(),
            full: "Too many callers are waiting".into(),
            too_long: "Please call again later".into(),
            camera_lost: "The camera is away, please wait".into(),
            sound_only: "Sound only".into(),
            no_picture: "No picture at the moment".into(),
            connected: "Both are connected with each other".into(),
            in_hand: "In your hand: {}".into(),
        }
    }
}

/// The voices of the announcements: the administrator's, else the English ones that we bring along.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Voices(BTreeMap<Announcement, Wave>);

impl Voices {
    /// Puts another voice in place of the built-in one.
    pub fn replace(&mut self, announcement: Announcement, wave: Wave) {
        self.0.insert(announcement, wave);
    }

    /// The voice in place of the built-in one, if there is one.
    #[must_use]
    pub fn own(&self, announcement: Announcement) -> Option<&Wave> {
        self.0.get(&announcement)
    }

    /// How long it takes to say it.
    #[must_use]
    pub fn length(&self, announcement: Announcement) -> Duration {
        let millis = match self.own(announcement) {
            Some(wave) => wave.millis(),
            None => Wave::millis_of(file(announcement)).expect(BUILT_IN),
        };
        Duration::from_millis(millis)
    }

    /// The English voice, which takes some ms to read.
    #[must_use]
    pub fn built_in(announcement: Announcement) -> Wave {
        Wave::read(file(announcement)).expect(BUILT_IN)
    }
}

const BUILT_IN: &str = "the built-in announcements are WAV files";

fn file(announcement: Announcement) -> &'static [u8] {
    match announcement {
        Announcement::Busy => include_bytes!("../../conf/announcements/busy.wav"),
        Announcement::Nobody => include_bytes!("../../conf/announcements/nobody.wav"),
        Announcement::Closed => include_bytes!("../../conf/announcements/closed.wav"),
        Announcement::Full => include_bytes!("../../conf/announcements/full.wav"),
        Announcement::TooLong => include_bytes!("../../conf/announcements/too_long.wav"),
    }
}

/// The look and the sound of a wait.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WaitingProfile {
    /// The house's name, above the message; may be empty.
    pub name: String,
    /// In place of the name.
    pub picture: Option<Arc<Picture>>,
    /// The words.
    pub texts: Texts,
    /// In place of the built-in melody.
    pub music: Option<Wave>,
    /// The announcements.
    pub voices: Voices,
}

/// The words of one picture.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wording {
    /// Above the figure, or the whole message where there is none.
    pub headline: String,
    /// To be read across a room.
    pub figure: String,
    /// Below the figure.
    pub after: String,
    /// What matters less.
    pub remark: String,
}

impl Texts {
    /// What a picture with this message says.
    #[must_use]
    pub fn wording(&self, message: PromptMessage) -> Wording {
        let plain = |text: &str| Wording { headline: text.to_owned(), ..Wording::default() };
        match message {
            PromptMessage::Hold => plain(&self.hold),
            PromptMessage::Asking => plain(&self.asking),
            PromptMessage::CameraLost => plain(&self.camera_lost),
            PromptMessage::SoundOnly => plain(&self.sound_only),
            PromptMessage::NoPicture => plain(&self.no_picture),
            PromptMessage::Connected => plain(&self.connected),
            PromptMessage::Sorry(Announcement::Busy) => plain(&self.busy),
            PromptMessage::Sorry(Announcement::Nobody) => plain(&self.nobody),
            PromptMessage::Sorry(Announcement::Closed) => plain(&self.closed),
            PromptMessage::Sorry(Announcement::Full) => plain(&self.full),
            PromptMessage::Sorry(Announcement::TooLong) => plain(&self.too_long),
            PromptMessage::Position { number, minutes, crowded } => {
                let remark = match minutes {
                    Some(0 | 1) => self.minute.clone(),
                    Some(minutes) => self.minutes.replacen(PLACEHOLDER, &minutes.to_string(), 1),
                    None if crowded => self.busy.clone(),
                    None => String::new(),
                };
                Wording { remark, ..around(&self.position, number) }
            }
            PromptMessage::InHand { number } => around(&self.in_hand, number),
        }
    }
}

/// A figure, with what a text has before and after it.
fn around(text: &str, figure: u32) -> Wording {
    let (before, after) = text.split_once(PLACEHOLDER).unwrap_or((text, ""));
    Wording {
        headline: before.trim().to_owned(),
        figure: figure.to_string(),
        after: after.trim().to_owned(),
        remark: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_voices_are_short_and_audible() {
        let voices = Voices::default();
        for announcement in Announcement::ALL {
            let length = voices.length(announcement).as_millis();
            assert!((2000..5000).contains(&length), "{announcement:?}: {length} ms");
            let voice = Voices::built_in(announcement);
            assert!(u128::from(voice.millis()).abs_diff(length) <= 1, "{}", voice.millis());
            let samples = voice.samples(8000);
            assert!(samples.iter().any(|sample| sample.unsigned_abs() > 10_000));
        }
    }

    #[test]
    fn a_position_is_told_in_the_words_of_any_language() {
        let texts = Texts { position: "Sie sind Nummer {} von vielen".into(), ..Texts::default() };
        let message = PromptMessage::Position { number: 3, minutes: Some(4), crowded: false };
        let wording = texts.wording(message);
        assert_eq!(wording.headline, "Sie sind Nummer");
        assert_eq!((wording.figure.as_str(), wording.after.as_str()), ("3", "von vielen"));
        assert_eq!(wording.remark, "about 4 minutes");
        let without = Texts { position: "Nummer".into(), ..texts };
        assert_eq!(without.wording(message).figure, "3", "the number is never left out");
    }

    #[test]
    fn a_wait_that_nobody_can_tell_is_not_told() {
        let wording = |minutes, crowded| {
            let message = PromptMessage::Position { number: 1, minutes, crowded };
            Texts::default().wording(message).remark
        };
        assert_eq!(wording(None, false), "");
        assert_eq!(wording(None, true), "All operators are busy");
        assert_eq!(wording(Some(1), true), "about a minute");
    }
}
