//! Work on pictures, which takes milliseconds and is done beside the event loop: jobs go out as
//! values, and what came of them comes back as one.
//!
//! ```text
//!   media machine ── Job ──▶ a codec worker's queue ──▶ Workshop ── Done ──▶ media machine
//! ```
//!
//! A conversion stays with one worker, whose workshop holds its decoder and encoder. The machine
//! counts what is under way for each and stops asking in time, so that no queue grows without bound.

use super::encoded_prompts::{EncodedPrompt, PromptKey, PromptOrder};
use super::preview::KeyFrame;
use super::sounds::{SoundKey, SoundOrder};
use crate::codec::Codec;
use crate::codec::audio::EncodedLoop;
use crate::codec::video::{Converted, Converter, VideoTarget, still};
use crate::ids::{CameraId, PortId};
use std::collections::BTreeMap;
use std::fmt;

/// One more than the highest UDP port: cameras' conversions are named from here on.
const BEYOND_PORTS: u64 = 1 << 16;

/// One conversion of pictures: whose, and the how manyth.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConversionId {
    /// The receiver.
    pub port: PortId,
    /// Rises with each conversion of this process.
    pub serial: u64,
}

/// What a worker is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Begins a conversion.
    Open {
        /// Its name.
        conversion: ConversionId,
        /// What the source sends.
        from: Codec,
        /// What the receiver takes.
        to: Codec,
        /// Within which bounds.
        target: VideoTarget,
    },
    /// Tells the decoder what the source says in its SDP alone: H.264 parameter sets.
    Learn {
        /// Which conversion.
        conversion: ConversionId,
        /// A byte stream with start codes.
        sets: Vec<u8>,
    },
    /// Converts one picture; answered by one [`Done`].
    Frame {
        /// Which conversion.
        conversion: ConversionId,
        /// The source's, at 90 kHz.
        timestamp: u32,
        /// The picture as the codec room takes it.
        coded: Vec<u8>,
        /// Whether it is wanted, or decoded only for the sake of the next one.
        wanted: bool,
    },
    /// The next picture is a key frame.
    KeyFrame {
        /// Which conversion.
        conversion: ConversionId,
    },
    /// The receiver takes so much.
    Bitrate {
        /// Which conversion.
        conversion: ConversionId,
        /// bit/s.
        bitrate: u64,
    },
    /// Ends a conversion.
    Close {
        /// Which.
        conversion: ConversionId,
    },
    /// Encodes a prompt; answered by one [`Done`].
    Prompt(Box<PromptOrder>),
    /// Codes a sound; answered by one [`Done`].
    Sound(Box<SoundOrder>),
    /// Makes a still of a key frame; answered by one [`Done`].
    Still(Box<StillOrder>),
}

/// A key frame of which a still is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct StillOrder {
    /// Where it came.
    pub port: PortId,
    /// Given once.
    pub number: u64,
    /// The key frame.
    pub key_frame: KeyFrame,
}

/// What came of a [`Job`].
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// Of a [`Job::Frame`].
    Frame {
        /// Which conversion.
        conversion: ConversionId,
        /// What came of it.
        outcome: CodingOutcome,
    },
    /// Of a [`Job::Prompt`]; none when it cannot be coded.
    Prompt(PromptKey, Option<EncodedPrompt>),
    /// Of a [`Job::Sound`]; none when it cannot be coded.
    Sound(SoundKey, Option<EncodedLoop>),
    /// Of a [`Job::Still`].
    Still {
        /// As in the order.
        port: PortId,
        /// As in the order.
        number: u64,
        /// None when the key frame cannot be decoded.
        jpeg: Option<Vec<u8>>,
    },
}

/// What came of one picture.
#[derive(Clone, Debug, PartialEq)]
pub enum CodingOutcome {
    /// Another one, coded anew.
    Coded {
        /// The source's timestamp.
        timestamp: u32,
        /// As the codec room gives it.
        coded: Vec<u8>,
    },
    /// Nothing to be sent.
    Nothing,
    /// It could not be decoded: the source has to begin anew.
    Broken,
    /// There is no such conversion, or no more: it never began, or its codec broke down. It has to be
    /// opened anew, under another name.
    Gone,
}

/// A conversion whose codec has broken down so often is not begun again for the same source.
pub const BREAKDOWNS_MAX: u8 = 3;
/// With so many pictures under way, further ones are decoded and not sent.
pub const BEHIND: usize = 2;
/// With so many pictures under way, nothing more is asked before the next key frame.
pub const UNDER_WAY_MAX: usize = 8;

/// The conversions of one worker.
#[derive(Debug, Default)]
pub struct WorkerConversions(BTreeMap<ConversionId, Converter>);

impl Job {
    /// Jobs of equal numbers go to one worker, in order.
    #[must_use]
    pub fn worker(&self) -> u64 {
        match self {
            Self::Open { conversion, .. }
            | Self::Learn { conversion, .. }
            | Self::Frame { conversion, .. }
            | Self::KeyFrame { conversion }
            | Self::Bitrate { conversion, .. }
            | Self::Close { conversion } => spread(conversion),
            // They come one at a time.
            Self::Prompt(_) => 0,
            Self::Sound(_) => 1,
            Self::Still(order) => order.number,
        }
    }

    /// In a word, for the log.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Self::Open { .. } => "its beginning",
            Self::Learn { .. } => "parameter sets",
            Self::Frame { .. } => "a picture",
            Self::KeyFrame { .. } => "a key frame",
            Self::Bitrate { .. } => "another bit rate",
            Self::Close { .. } => "its end",
            Self::Prompt(_) => "a wait picture",
            Self::Sound(_) => "a sound of the wait",
            Self::Still(_) => "a still",
        }
    }

    /// The conversion that it belongs to.
    #[must_use]
    pub fn conversion(&self) -> Option<ConversionId> {
        match self {
            Self::Open { conversion, .. }
            | Self::Learn { conversion, .. }
            | Self::Frame { conversion, .. }
            | Self::KeyFrame { conversion }
            | Self::Bitrate { conversion, .. }
            | Self::Close { conversion } => Some(*conversion),
            Self::Prompt(_) | Self::Sound(_) | Self::Still(_) => None,
        }
    }

    /// What is answered where doing it has failed, so that nobody waits for it; none where nobody
    /// does.
    #[must_use]
    pub fn forfeit(&self) -> Option<Done> {
        match self {
            Self::Frame { conversion, .. } => {
                Some(Done::Frame { conversion: *conversion, outcome: CodingOutcome::Gone })
            }
            Self::Prompt(order) => Some(Done::Prompt(order.key.clone(), None)),
            Self::Sound(order) => Some(Done::Sound(order.key.clone(), None)),
            Self::Still(order) => {
                Some(Done::Still { port: order.port, number: order.number, jpeg: None })
            }
            Self::Open { .. }
            | Self::Learn { .. }
            | Self::KeyFrame { .. }
            | Self::Bitrate { .. }
            | Self::Close { .. } => None,
        }
    }
}

impl ConversionId {
    /// The name of a camera's conversion.
    #[must_use]
    pub fn of_camera(camera: CameraId, serial: u64) -> Self {
        Self { port: PortId(BEYOND_PORTS + camera.0), serial }
    }

    /// Whose conversion it is, if it is a camera's.
    #[must_use]
    pub fn camera(self) -> Option<CameraId> {
        self.port.0.checked_sub(BEYOND_PORTS).map(CameraId)
    }
}

impl fmt::Display for ConversionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.camera() {
            Some(CameraId(camera)) => write!(f, "conversion {} of camera {camera}", self.serial),
            None => write!(f, "conversion {} for port {}", self.serial, self.port),
        }
    }
}

impl WorkerConversions {
    /// Lets a conversion go whose codec has broken down.
    pub fn abandon(&mut self, conversion: ConversionId) {
        self.0.remove(&conversion);
    }

    /// Does one job.
    pub fn perform(&mut self, job: Job) -> Option<Done> {
        match job {
            Job::Open { conversion, from, to, target } => {
                if let Some(converter) = Converter::new(&from, &to, target) {
                    self.0.insert(conversion, converter);
                }
            }
            Job::Learn { conversion, sets } => {
                if let Some(converter) = self.0.get_mut(&conversion) {
                    converter.learn(&sets);
                }
            }
            Job::Frame { conversion, timestamp, coded, wanted } => {
                let outcome = match self.0.get_mut(&conversion) {
                    Some(converter) => convert(converter, timestamp, &coded, wanted),
                    None => CodingOutcome::Gone,
                };
                return Some(Done::Frame { conversion, outcome });
            }
            Job::KeyFrame { conversion } => {
                if let Some(converter) = self.0.get_mut(&conversion) {
                    converter.want_key_frame();
                }
            }
            Job::Bitrate { conversion, bitrate } => {
                if let Some(converter) = self.0.get_mut(&conversion) {
                    converter.set_bitrate(u32::try_from(bitrate).unwrap_or(u32::MAX));
                }
            }
            Job::Close { conversion } => {
                self.0.remove(&conversion);
            }
            Job::Prompt(order) => {
                let encoded_prompt = order.code();
                return Some(Done::Prompt(order.key, encoded_prompt));
            }
            Job::Sound(order) => {
                let sound = order.code();
                return Some(Done::Sound(order.key, sound));
            }
            Job::Still(order) => {
                let StillOrder { port, number, key_frame } = *order;
                let jpeg = still(&key_frame.codec, &key_frame.coded);
                return Some(Done::Still { port, number, jpeg });
            }
        }
        None
    }
}

fn spread(conversion: &ConversionId) -> u64 {
    (conversion.port.0 / 2).wrapping_add(conversion.serial)
}

fn convert(converter: &mut Converter, timestamp: u32, coded: &[u8], wanted: bool) -> CodingOutcome {
    match converter.take(timestamp, coded, wanted) {
        Ok(Some(Converted { coded, .. })) => {
            CodingOutcome::Coded { timestamp, coded: coded.to_vec() }
        }
        Ok(None) => CodingOutcome::Nothing,
        Err(_) => CodingOutcome::Broken,
    }
}
