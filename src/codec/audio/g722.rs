//! G.722 at 64 kbit/s: two samples at 16 kHz in each byte.

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::{Decoder as _, Encoder as _};
use std::fmt;

/// The adaptive state of a sender.
pub(super) struct Encoder(G722Encoder);

/// The adaptive state of a receiver.
pub(super) struct Decoder(G722Decoder);

impl Encoder {
    pub(super) fn new() -> Self {
        Self(G722Encoder::new())
    }

    /// Codes pairs of samples; none when `out` is too short for all of them.
    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Option<usize> {
        self.0.encode_into(&pcm[..pcm.len() & !1], out).ok()
    }
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self(G722Decoder::new())
    }

    /// Decodes a payload; none when `out` is too short for all of it.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Option<usize> {
        self.0.decode_into(payload, out).ok()
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("g722::Encoder")
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("g722::Decoder")
    }
}
