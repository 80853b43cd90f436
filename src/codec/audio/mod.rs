//! Sound: plain calls between samples and payloads, one instance for each stream and direction.

mod concealment;
mod encoded_loop;
mod g711;
mod g722;
mod g729;
mod opus;
mod stream;
mod wave;

pub use encoded_loop::{EncodedLoop, encode_loop, encode_wave};
pub use g711::{A_TO_MU, MU_TO_A};
pub use stream::{AudioDecoder, AudioEncoder, Error, PAYLOAD_MAX, SAMPLES_MAX};
pub use wave::{WAVE_FILE_MAX, WAVE_SECONDS_MAX, Wave, WaveError};
