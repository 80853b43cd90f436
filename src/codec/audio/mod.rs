//! Sound: plain calls between samples and payloads, one instance for each stream and direction.

mod comfort_noise;
mod concealment;
mod encoded_loop;
#[cfg(feature = "system-codecs")]
mod ffmpeg;
mod g711;
mod g722;
mod g729;
mod opus;
#[cfg(feature = "system-codecs")]
mod packing;
#[cfg(test)]
mod proof;
#[cfg(feature = "system-codecs")]
#[cfg(test)]
mod reference;
mod stream;
#[cfg(test)]
mod voice;
mod wave;

pub use comfort_noise::{ComfortNoise, NoiseGenerator};
pub use encoded_loop::{EncodedLoop, encode_loop, encode_wave};
pub use g711::{A_TO_MU, MU_TO_A};
pub use opus::StereoEncoder;
pub use stream::{AudioDecoder, AudioEncoder, Error, PAYLOAD_MAX, SAMPLES_MAX};
pub use wave::{WAVE_FILE_MAX, WAVE_SECONDS_MAX, Wave, WaveError};
