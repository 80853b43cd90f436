//! Opus (RFC 6716, RFC 7587), mono, coded at the rate of the sound beside it: 8 kHz next to G.711
//! costs half of 48 kHz and loses nothing.

// The library keeps the shape of its C ancestor: raw pointers to states that it allocates. They are
// made, used and freed in this file only, and every length it is told is that of a slice.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use unsafe_libopus::{
    OPUS_APPLICATION_VOIP, OPUS_OK, OPUS_SET_BITRATE_REQUEST, OPUS_SET_COMPLEXITY_REQUEST,
    OPUS_SET_INBAND_FEC_REQUEST, OPUS_SET_PACKET_LOSS_PERC_REQUEST, OpusDecoder, OpusEncoder,
};

/// bit/s where the far end asks for nothing: speech is transparent.
const BITRATE: i32 = 24_000;
/// Of 10. Measured at 8 kHz: 3 would take four fifths of the time of 5, and 1 little more than half.
const COMPLEXITY: i32 = 5;

/// The state of a sender.
#[derive(Debug)]
pub(super) struct Encoder(NonNull<OpusEncoder>);

/// The state of a receiver.
#[derive(Debug)]
pub(super) struct Decoder(NonNull<OpusDecoder>);

// SAFETY: the states hold no reference to thread-local data; `&mut self` guards every use.
unsafe impl Send for Encoder {}
// SAFETY: as above.
unsafe impl Send for Decoder {}

impl Encoder {
    /// # Panics
    /// When the rate is none of 8000, 12000, 16000, 24000 and 48000.
    pub(super) fn new(sample_rate: u32) -> Self {
        let rate = sample_rate.cast_signed();
        let mut error = 0;
        // SAFETY: `error` outlives the call; the state is checked below.
        let state = unsafe {
            unsafe_libopus::opus_encoder_create(rate, 1, OPUS_APPLICATION_VOIP, &mut error)
        };
        let state = NonNull::new(state).filter(|_| error == OPUS_OK);
        let encoder = Self(state.expect("Opus knows the rates that we ask for"));
        let settings = [
            (OPUS_SET_BITRATE_REQUEST, BITRATE),
            (OPUS_SET_COMPLEXITY_REQUEST, COMPLEXITY),
            // Far ends that lose packets recover the one before from the next.
            (OPUS_SET_INBAND_FEC_REQUEST, 1),
            (OPUS_SET_PACKET_LOSS_PERC_REQUEST, 1),
        ];
        for (request, value) in settings {
            // SAFETY: each of these requests takes one 32-bit number.
            let result =
                unsafe { unsafe_libopus::opus_encoder_ctl!(encoder.0.as_ptr(), request, value) };
            assert_eq!(result, OPUS_OK, "Opus knows the setting {request}");
        }
        encoder
    }

    /// Codes one frame of 2.5 to 60 ms; none when the number of samples is no frame, or `out` too
    /// short.
    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Option<usize> {
        let samples = i32::try_from(pcm.len()).ok()?;
        let room = i32::try_from(out.len()).ok()?;
        let (from, to) = (pcm.as_ptr(), out.as_mut_ptr());
        // SAFETY: both pointers are those of slices of just these lengths.
        let len = unsafe { unsafe_libopus::opus_encode(self.0.as_ptr(), from, samples, to, room) };
        usize::try_from(len).ok().filter(|len| *len > 0)
    }
}

impl Decoder {
    /// # Panics
    /// When the rate is none of 8000, 12000, 16000, 24000 and 48000.
    pub(super) fn new(sample_rate: u32) -> Self {
        let mut error = 0;
        // SAFETY: `error` outlives the call; the state is checked below.
        let state = unsafe {
            unsafe_libopus::opus_decoder_create(sample_rate.cast_signed(), 1, &mut error)
        };
        let state = NonNull::new(state).filter(|_| error == OPUS_OK);
        Self(state.expect("Opus knows the rates that we ask for"))
    }

    /// Decodes a payload, stereo mixed to mono; none when it is broken or `out` too short.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Option<usize> {
        // No bytes at all would ask for concealment.
        let len = i32::try_from(payload.len()).ok().filter(|len| *len > 0)?;
        let room = i32::try_from(out.len()).ok().filter(|room| *room > 0)?;
        let (from, to) = (payload.as_ptr(), out.as_mut_ptr());
        // SAFETY: both pointers are those of slices of just these lengths; the state has one channel.
        let samples =
            unsafe { unsafe_libopus::opus_decode(self.0.as_ptr(), from, len, to, room, 0) };
        usize::try_from(samples).ok()
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_encoder_create`, and nobody else has it.
        unsafe { unsafe_libopus::opus_encoder_destroy(self.0.as_ptr()) }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_decoder_create`, and nobody else has it.
        unsafe { unsafe_libopus::opus_decoder_destroy(self.0.as_ptr()) }
    }
}
