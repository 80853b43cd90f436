//! Sounds of our own as workers are asked to code them: each is coded once for all who hear the same.

use super::prompt::{Announcement, Voices, WaitingProfileId};
use super::stock::SharedMedia;
use crate::codec::Codec;
use crate::codec::audio::{EncodedLoop, Wave, encode_loop, encode_wave};
use crate::codec::tone::Sound;

/// Something to be heard.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Tune {
    /// Computed.
    BuiltIn(Sound),
    /// The administrator's.
    Music(WaitingProfileId),
    /// Said by a voice.
    Voice(WaitingProfileId, Announcement),
}

/// What makes two coded sounds the same.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SoundKey {
    /// In which codec.
    pub codec: Codec,
    /// What is heard.
    pub tune: Tune,
    /// How much of it one packet carries.
    pub packet_ms: u32,
}

/// What a worker needs to know to code a sound.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SoundOrder {
    /// Which.
    pub key: SoundKey,
    /// The administrator's sound; none when it is built in.
    pub wave: Option<Wave>,
}

impl SoundOrder {
    /// Codes it, which takes up to seconds for long music.
    #[must_use]
    pub fn code(&self) -> Option<EncodedLoop> {
        let SoundKey { codec, tune, packet_ms } = &self.key;
        match (tune, &self.wave) {
            (Tune::BuiltIn(sound), _) => encode_loop(codec, *sound, *packet_ms),
            (Tune::Music(_) | Tune::Voice(..), Some(wave)) => encode_wave(codec, wave, *packet_ms),
            (Tune::Voice(_, announcement), None) => {
                encode_wave(codec, &Voices::built_in(*announcement), *packet_ms)
            }
            (Tune::Music(_), None) => None,
        }
    }
}

impl SharedMedia for EncodedLoop {
    fn is_used(&self) -> bool {
        self.is_shared()
    }
}
