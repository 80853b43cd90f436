//! Opus (RFC 6716, RFC 7587). In calls mono, coded at the rate of the sound beside it: 8 kHz next to G.711
//! costs half of 48 kHz and loses nothing. In recordings two voices, each on its side.

// The library keeps the shape of its C ancestor: raw pointers to states that it allocates. They are
// made, used and freed in this file only, and every length it is told is that of a slice.
#![allow(unsafe_code)]

use std::ops::RangeInclusive;
use std::ptr::NonNull;
use unsafe_libopus::{
    OPUS_APPLICATION_RESTRICTED_LOWDELAY, OPUS_APPLICATION_VOIP, OPUS_GET_LOOKAHEAD_REQUEST,
    OPUS_OK, OPUS_SET_BITRATE_REQUEST, OPUS_SET_COMPLEXITY_REQUEST, OPUS_SET_INBAND_FEC_REQUEST,
    OPUS_SET_PACKET_LOSS_PERC_REQUEST, OPUS_SET_VBR_REQUEST, OpusDecoder, OpusEncoder,
};

/// bit/s where the far end asks for nothing: speech is transparent.
const BITRATE: i32 = 24_000;
/// Of 10. Measured at 8 kHz: 3 would take four fifths of the time of 5, and 1 little more than half.
const COMPLEXITY: i32 = 5;

/// In percent. Where it expects less, the encoder at 48 kHz tells no packet again in the next.
const LOSS_EXPECTED: i32 = 10;
/// bit/s between which a far end may ask for speech (RFC 7587 §6.1 names 6000 to 510000).
const BITRATES: RangeInclusive<i32> = 6000..=64_000;
/// What else `a=fmtp` says is not read.
const FMTP_PARAMETERS_MAX: usize = 16;

/// What the far end's `a=fmtp` asks of what it is sent (RFC 7587 §6.1). Whether it likes stereo is of no
/// matter, since all is mono.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Parameters {
    /// In bit/s.
    bitrate: i32,
    /// The highest rate in Hz that the far end plays.
    pub(super) playback_rate: u32,
    recoverable: bool,
    constant_rate: bool,
}

impl Default for Parameters {
    /// For a far end that is not known: far ends that lose packets recover the one before from the
    /// next, and all others skip what serves for it.
    fn default() -> Self {
        let playback_rate = 48_000;
        Self { bitrate: BITRATE, playback_rate, recoverable: true, constant_rate: false }
    }
}

impl Parameters {
    /// Reads the parameters of an `a=fmtp`; what is not understood is as if it were not there.
    pub(super) fn parse(fmtp: &str) -> Self {
        // §6.1: without `useinbandfec` the far end does not use it.
        let mut parameters = Self { recoverable: false, ..Self::default() };
        for pair in fmtp.split(';').take(FMTP_PARAMETERS_MAX) {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let Ok(value) = value.trim().parse::<u32>() else { continue };
            match name.trim().to_ascii_lowercase().as_str() {
                "maxaveragebitrate" => {
                    let asked = i32::try_from(value).unwrap_or(i32::MAX);
                    parameters.bitrate = asked.clamp(*BITRATES.start(), *BITRATES.end());
                }
                "maxplaybackrate" => parameters.playback_rate = value.clamp(8000, 48_000),
                "useinbandfec" => parameters.recoverable = value == 1,
                "cbr" => parameters.constant_rate = value == 1,
                _not_for_us => {}
            }
        }
        parameters
    }
}

/// The state of a sender.
#[derive(Debug)]
pub(super) struct Encoder {
    state: NonNull<OpusEncoder>,
    channels: usize,
}

/// Makes packets of two channels, for recordings.
#[derive(Debug)]
pub struct StereoEncoder {
    encoder: Encoder,
    sample_rate: u32,
}

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
    pub(super) fn new(sample_rate: u32, parameters: Parameters) -> Self {
        Self::with((1, OPUS_APPLICATION_VOIP), sample_rate, parameters)
    }

    /// For what the library calls a purpose, which decides how it codes.
    fn with((channels, purpose): (u8, i32), sample_rate: u32, parameters: Parameters) -> Self {
        let rate = sample_rate.cast_signed();
        let mut error = 0;
        // SAFETY: `error` outlives the call; the state is checked below.
        let state = unsafe {
            unsafe_libopus::opus_encoder_create(rate, channels.into(), purpose, &mut error)
        };
        let state = NonNull::new(state).filter(|_| error == OPUS_OK);
        let state = state.expect("Opus knows the rates that we ask for");
        let encoder = Self { state, channels: channels.into() };
        let settings = [
            (OPUS_SET_BITRATE_REQUEST, parameters.bitrate),
            (OPUS_SET_COMPLEXITY_REQUEST, COMPLEXITY),
            (OPUS_SET_VBR_REQUEST, i32::from(!parameters.constant_rate)),
            (OPUS_SET_INBAND_FEC_REQUEST, i32::from(parameters.recoverable)),
            (OPUS_SET_PACKET_LOSS_PERC_REQUEST, LOSS_EXPECTED),
        ];
        for (request, value) in settings {
            // SAFETY: each of these requests takes one 32-bit number.
            let result = unsafe {
                unsafe_libopus::opus_encoder_ctl!(encoder.state.as_ptr(), request, value)
            };
            assert_eq!(result, OPUS_OK, "Opus knows the setting {request}");
        }
        encoder
    }

    /// Codes one frame of 2.5 to 60 ms; none when the number of samples is no frame, or `out` too
    /// short.
    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Option<usize> {
        let samples = i32::try_from(pcm.len() / self.channels).ok()?;
        let room = i32::try_from(out.len()).ok()?;
        let (from, to) = (pcm.as_ptr(), out.as_mut_ptr());
        let state = self.state.as_ptr();
        // SAFETY: both pointers are those of slices of these lengths, `samples` for each channel.
        let len = unsafe { unsafe_libopus::opus_encode(state, from, samples, to, room) };
        usize::try_from(len).ok().filter(|len| *len > 0)
    }
}

impl StereoEncoder {
    /// An encoder of samples at one of the rates of Opus, for so many bit/s.
    ///
    /// # Panics
    /// When the rate is none of 8000, 12000, 16000, 24000 and 48000.
    #[must_use]
    pub fn new(sample_rate: u32, bitrate: u32) -> Self {
        // What codes speech for calls codes two voices as one and its difference from the other, and lets
        // each be heard faintly on the side of the other. A file loses no packets.
        let purpose = OPUS_APPLICATION_RESTRICTED_LOWDELAY;
        let bitrate = bitrate.cast_signed();
        let parameters = Parameters { bitrate, recoverable: false, ..Parameters::default() };
        let encoder = Encoder::with((2, purpose), sample_rate, parameters);
        Self { encoder, sample_rate }
    }

    /// Samples at 48 kHz that a decoder gives before the first one that went in (RFC 7845 §4.2).
    ///
    /// # Panics
    /// When the library does not know its own delay.
    #[must_use]
    pub fn pre_skip(&mut self) -> u16 {
        let mut samples: i32 = 0;
        // SAFETY: this request takes a place for one 32-bit number, which outlives the call.
        let result = unsafe {
            unsafe_libopus::opus_encoder_ctl!(
                self.encoder.state.as_ptr(),
                OPUS_GET_LOOKAHEAD_REQUEST,
                &mut samples
            )
        };
        assert_eq!(result, OPUS_OK, "Opus knows its delay");
        let samples = samples * 48_000 / self.sample_rate.cast_signed();
        u16::try_from(samples).expect("Opus looks ahead for some milliseconds")
    }

    /// Codes one frame of 2.5 to 60 ms, left and right by turns; none when the number of samples is no
    /// frame, or `out` too short.
    pub fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Option<usize> {
        self.encoder.encode(pcm, out)
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

    /// Fills the end of `out` with what `next` says of the packet before it, and returns the number of
    /// these samples; none when it says nothing.
    pub(super) fn recover(&mut self, next: &[u8], out: &mut [i16], rate: u32) -> Option<usize> {
        let frame = copied_frame(next)?.samples(rate);
        let start = out.len().checked_sub(frame)?;
        let len = i32::try_from(next.len()).ok()?;
        let (from, to) = (next.as_ptr(), out[start..].as_mut_ptr());
        let room = i32::try_from(frame).ok()?;
        // SAFETY: both pointers are those of slices of just these lengths; the state has one channel.
        let samples =
            unsafe { unsafe_libopus::opus_decode(self.0.as_ptr(), from, len, to, room, 1) };
        usize::try_from(samples).ok().filter(|samples| *samples == frame)
    }
}

/// The length of a frame that a packet tells again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum CopiedFrame {
    Ms10,
    Ms20,
}

impl CopiedFrame {
    fn samples(self, rate: u32) -> usize {
        match self {
            Self::Ms10 => rate as usize / 100,
            Self::Ms20 => rate as usize / 50,
        }
    }
}

/// Whether a packet of one frame tells the one before again (RFC 6716 §3.1, §4.2.3 and §4.2.4): its
/// voice-activity bit is followed by the bit that says so. Packets of several frames are not looked
/// into: speech comes in one.
fn copied_frame(packet: &[u8]) -> Option<CopiedFrame> {
    let [head, first, ..] = *packet else { return None };
    let (config, one_frame) = (head >> 3, head & 3 == 0);
    let frame = match config {
        // SILK in three bands, each with four lengths.
        0..=11 if config % 4 == 0 => CopiedFrame::Ms10,
        0..=11 if config % 4 == 1 => CopiedFrame::Ms20,
        // SILK and CELT together.
        12 | 14 => CopiedFrame::Ms10,
        13 | 15 => CopiedFrame::Ms20,
        // 40 and 60 ms, and CELT, which tells nothing again.
        _none => return None,
    };
    let stereo = head & 4 != 0;
    // The second channel's bits follow those of the first.
    let told = first & 0x40 != 0 || (stereo && first & 0x10 != 0);
    (one_frame && told).then_some(frame)
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_encoder_create`, and nobody else has it.
        unsafe { unsafe_libopus::opus_encoder_destroy(self.state.as_ptr()) }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_decoder_create`, and nobody else has it.
        unsafe { unsafe_libopus::opus_decoder_destroy(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::voice;
    use super::*;
    use crate::codec::tone::Sound;
    use proptest::prelude::*;

    #[test]
    fn the_far_end_says_what_it_wants_to_get() {
        let said =
            "maxplaybackrate=16000; sprop-stereo=1;MaxAverageBitrate=20000;useinbandfec=1;cbr=1";
        let wanted = Parameters {
            bitrate: 20_000,
            playback_rate: 16_000,
            recoverable: true,
            constant_rate: true,
        };
        assert_eq!(Parameters::parse(said), wanted);
        let silent = Parameters { recoverable: false, ..Parameters::default() };
        for nothing in ["", ";;;", "=", "cbr", "cbr=x;maxaveragebitrate=-1", "stereo=1"] {
            assert_eq!(Parameters::parse(nothing), silent, "{nothing}");
        }
    }

    #[test]
    fn absurd_wishes_are_brought_into_bounds() {
        let bitrate =
            |value: &str| Parameters::parse(&format!("maxaveragebitrate={value}")).bitrate;
        assert_eq!((bitrate("0"), bitrate("4294967295")), (6000, 64_000));
        assert_eq!(Parameters::parse("maxplaybackrate=1").playback_rate, 8000);
        let late = format!("{}cbr=1", "a=b;".repeat(FMTP_PARAMETERS_MAX));
        assert!(!Parameters::parse(&late).constant_rate, "beyond the limit");
    }

    /// Payloads of the melody at 16 kHz.
    fn payloads(parameters: Parameters) -> Vec<Vec<u8>> {
        let (mut encoder, pcm) =
            (Encoder::new(16_000, parameters), Sound::HoldMelody.samples(16_000));
        let coded = |frame: &[i16]| {
            let mut out = [0; 1000];
            let len = encoder.encode(frame, &mut out).unwrap();
            out[..len].to_vec()
        };
        pcm.chunks_exact(320).take(100).map(coded).collect()
    }

    #[test]
    fn the_bit_rate_is_what_was_asked_for() {
        for asked in [12_000, 24_000, 40_000] {
            let fmtp = format!("maxaveragebitrate={asked};cbr=1");
            let sent: usize = payloads(Parameters::parse(&fmtp)).iter().map(Vec::len).sum();
            assert!(
                (sent * 4).abs_diff(asked as usize) < asked as usize / 20,
                "{asked}: {}",
                sent * 4
            );
        }
    }

    #[test]
    fn a_packet_that_tells_the_one_before_again_is_known() {
        assert_eq!(copied_frame(&[]), None);
        assert_eq!(copied_frame(&[0x48]), None);
        assert_eq!(copied_frame(&[9 << 3, 0xc0]), Some(CopiedFrame::Ms20), "wide-band SILK");
        assert_eq!(copied_frame(&[8 << 3, 0x40]), Some(CopiedFrame::Ms10));
        assert_eq!(copied_frame(&[9 << 3, 0x80]), None, "it does not tell it");
        assert_eq!(copied_frame(&[9 << 3 | 1, 0xc0]), None, "two frames");
        assert_eq!(copied_frame(&[9 << 3 | 4, 0x10]), Some(CopiedFrame::Ms20), "stereo");
        assert_eq!(copied_frame(&[20 << 3, 0xff]), None, "CELT");
    }

    #[test]
    fn what_was_lost_is_heard_from_the_packet_that_follows() {
        for rate in [8000, 16_000, 48_000] {
            let frame = rate as usize / 50;
            let mut encoder = Encoder::new(rate, Parameters::default());
            let (mut intact, mut lossy) = (Decoder::new(rate), Decoder::new(rate));
            let code = |pcm: &[i16]| {
                let mut out = [0; 1000];
                let len = encoder.encode(pcm, &mut out).unwrap();
                out[..len].to_vec()
            };
            let packets: Vec<_> = voice::saying(rate, 8).chunks_exact(frame).map(code).collect();
            let (mut wanted, mut heard) = (Vec::new(), Vec::new());
            let (mut out, mut lost, mut told) = (vec![0; frame], 0, 0);
            for (at, packet) in packets.iter().enumerate() {
                intact.decode(packet, &mut out).unwrap();
                wanted.extend_from_slice(&out);
                if at % 10 == 5 {
                    lost += 1;
                    told += usize::from(lossy.recover(&packets[at + 1], &mut out, rate).is_some());
                } else {
                    lossy.decode(packet, &mut out).unwrap();
                }
                heard.extend_from_slice(&out);
            }
            let snr = voice::segmental_snr(&wanted, &heard, rate);
            println!("Opus at {rate} Hz, a tenth lost, {told} of {lost} told again: {snr:.1} dB");
            assert!(told * 4 >= lost * 3 && snr > 28.0, "{rate}: {told} of {lost}, {snr}");
        }
    }

    #[test]
    fn a_far_end_that_cannot_recover_is_told_nothing_twice() {
        let told = |fmtp| {
            let packets = payloads(Parameters::parse(fmtp));
            packets.iter().filter(|packet| copied_frame(packet).is_some()).count()
        };
        assert_eq!(told("useinbandfec=0"), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_that_follows_a_loss_makes_it_panic(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..6),
        ) {
            let (mut decoder, mut out) = (Decoder::new(16_000), [0; 5760]);
            for packet in &packets {
                let _ = decoder.recover(packet, &mut out[..640], 16_000);
                let _ = decoder.decode(packet, &mut out);
            }
        }
    }
}
