//! G.729 at 8 kbit/s with the searches of its Annex A, in floating point as in Annex C: the bit stream
//! is the standard's, the last bit of the sound is not.
//!
//! ```text
//!   Encoder: pcm ─▶ high-pass ─▶ lpc ─▶ lsp ─▶ pitch ─▶ codebook ─▶ gain ─▶ bits
//!   Decoder: bits ─▶ lsp, pitch, codebook, gain ─▶ synthesis ─▶ postfilter ─▶ high-pass ─▶ pcm
//!            or noise, from a frame of Annex B
//! ```
//!
//! Clauses with a section sign are those of Recommendation ITU-T G.729; A and B stand for its annexes.
//! Every number that the peer chooses is bounded before it is remembered, so that neither side ever
//! holds one that is not finite.

mod bits;
mod codebook;
mod decoder;
mod encoder;
mod filter;
mod gain;
mod lpc;
mod lsp;
mod noise;
mod pitch;
mod postfilter;
mod tables;

pub(super) use decoder::Decoder;
pub(super) use encoder::Encoder;

/// Samples of a frame: 10 ms.
const FRAME: usize = 80;
/// Samples of each of its halves.
const SUBFRAME: usize = 40;
/// Coefficients of the prediction filter.
const ORDER: usize = 10;
/// Bytes of a frame of speech.
const FRAME_BYTES: usize = 10;
/// Bytes of a frame of comfort noise, in whole octets (RFC 3551 §4.5.6).
const NOISE_BYTES: usize = 2;
/// The most frames of speech that a payload is decoded from: 120 ms.
const FRAMES_MAX: usize = 12;
/// What sound is kept within while it is made: twice what comes out, as in the standard.
const LOUDEST: f32 = 65_534.0;

/// A prediction filter A(z): the first coefficient is 1.
type Filter = [f32; ORDER + 1];
/// Half a frame of sound or excitation.
type Half = [f32; SUBFRAME];
