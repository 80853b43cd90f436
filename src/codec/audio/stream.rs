//! One encoder or decoder of whichever codec.

use super::concealment::Concealment;
#[cfg(feature = "system-codecs")]
use super::ffmpeg;
use super::g711::Law;
#[cfg(feature = "system-codecs")]
use super::packing::Octaves;
use super::{g722, g729, opus};
use crate::codec::Codec;

/// The longest payload that is decoded or made, in bytes.
pub const PAYLOAD_MAX: usize = 1500;
/// The most samples that one payload may hold: 120 ms at 48 kHz (RFC 6716 §2.1.4).
pub const SAMPLES_MAX: usize = 5760;

/// Why nothing was coded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The peer's payload is broken or longer than the room for it.
    #[error("a payload that cannot be decoded")]
    Payload,
    /// The samples are no frame of this codec, or the room for its bytes is too small.
    #[error("samples that are no frame of the codec, or no room for their bytes")]
    Frame,
}

/// Makes payloads of samples, mono.
#[derive(Debug)]
pub struct AudioEncoder(AudioEncoding);

#[derive(Debug)]
enum AudioEncoding {
    G711(Law),
    G722(Box<g722::Encoder>),
    G729(Box<g729::Encoder>),
    Opus(opus::Encoder, u32),
    #[cfg(feature = "system-codecs")]
    System(Box<ffmpeg::Encoder>),
}

/// Makes samples of payloads, mono.
#[derive(Debug)]
pub struct AudioDecoder {
    decoding: AudioDecoding,
    sample_rate: u32,
    concealment: Concealment,
}

#[derive(Debug)]
enum AudioDecoding {
    G711(Law),
    G722(Box<g722::Decoder>),
    G729(Box<g729::Decoder>),
    Opus(opus::Decoder),
    #[cfg(feature = "system-codecs")]
    System(Box<ffmpeg::Decoder>),
}

impl AudioEncoder {
    /// An encoder for samples at, if the codec leaves a choice, about `wanted_rate`; ask
    /// [`sample_rate`](Self::sample_rate). None when the codec can only be passed through.
    #[must_use]
    pub fn new(codec: &Codec, wanted_rate: u32) -> Option<Self> {
        Self::with(codec, wanted_rate, opus::Parameters::default())
    }

    /// The same for a far end whose `a=fmtp` is known; what it does not say or what is not understood
    /// has the default of the codec's RFC. Opus: bit rate, playback rate, recovery, constant rate.
    #[must_use]
    pub fn with_parameters(codec: &Codec, wanted_rate: u32, fmtp: &str) -> Option<Self> {
        Self::with(codec, wanted_rate, opus::Parameters::parse(fmtp))
    }

    fn with(codec: &Codec, wanted_rate: u32, parameters: opus::Parameters) -> Option<Self> {
        let rate = opus_rate(wanted_rate.min(parameters.playback_rate));
        Some(Self(match codec {
            Codec::Pcmu => AudioEncoding::G711(Law::Mu),
            Codec::Pcma => AudioEncoding::G711(Law::A),
            Codec::G722 => AudioEncoding::G722(Box::new(g722::Encoder::new())),
            Codec::G729 => AudioEncoding::G729(Box::new(g729::Encoder::new())),
            Codec::Opus => AudioEncoding::Opus(opus::Encoder::new(rate, parameters), rate),
            #[cfg(feature = "system-codecs")]
            Codec::Gsm | Codec::G723 | Codec::Speex { .. } => {
                AudioEncoding::System(Box::new(ffmpeg::Encoder::new(system_format(codec)?)?))
            }
            _passed_through => return None,
        }))
    }

    /// The rate of the samples that [`encode`](Self::encode) takes.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        match &self.0 {
            AudioEncoding::G711(_) | AudioEncoding::G729(_) => 8000,
            AudioEncoding::G722(_) => 16000,
            AudioEncoding::Opus(_, rate) => *rate,
            #[cfg(feature = "system-codecs")]
            AudioEncoding::System(encoder) => encoder.format().sample_rate(),
        }
    }

    /// Samples of the shortest frame that is worth a payload: [`encode`](Self::encode) takes any
    /// whole number of them. 1 ms for G.711 and G.722, 10 for
    /// G.729, 20 for Opus, GSM and Speex, 30 for G.723.1.
    #[must_use]
    pub fn frame_samples(&self) -> usize {
        match &self.0 {
            AudioEncoding::G711(_) => 8,
            AudioEncoding::G722(_) => 16,
            AudioEncoding::G729(_) => 80,
            AudioEncoding::Opus(_, rate) => *rate as usize / 50,
            #[cfg(feature = "system-codecs")]
            AudioEncoding::System(encoder) => encoder.format().frame_samples(),
        }
    }

    /// Codes one payload into `out` and returns its length: a whole number of
    /// [frames](Self::frame_samples), at most 120 ms.
    ///
    /// # Errors
    /// When `out` is too small, or the samples are no frames of a codec that has frames; of Opus 2.5,
    /// 5 and 10 ms will do, too.
    pub fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, Error> {
        match &mut self.0 {
            AudioEncoding::G711(law) => {
                let out = out.get_mut(..pcm.len()).ok_or(Error::Frame)?;
                law.encode(pcm, out);
                Ok(out.len())
            }
            AudioEncoding::G722(encoder) => encoder.encode(pcm, out).ok_or(Error::Frame),
            AudioEncoding::G729(encoder) => encoder.encode(pcm, out).ok_or(Error::Frame),
            AudioEncoding::Opus(encoder, _) => encoder.encode(pcm, out).ok_or(Error::Frame),
            #[cfg(feature = "system-codecs")]
            AudioEncoding::System(encoder) => encoder.encode(pcm, out).ok_or(Error::Frame),
        }
    }
}

impl AudioDecoder {
    /// A decoder to samples at, if the codec leaves a choice, about `wanted_rate`; ask
    /// [`sample_rate`](Self::sample_rate). None when the codec can only be passed through.
    #[must_use]
    pub fn new(codec: &Codec, wanted_rate: u32) -> Option<Self> {
        let rate = opus_rate(wanted_rate);
        let (decoding, sample_rate) = match codec {
            Codec::Pcmu => (AudioDecoding::G711(Law::Mu), 8000),
            Codec::Pcma => (AudioDecoding::G711(Law::A), 8000),
            Codec::G722 => (AudioDecoding::G722(Box::new(g722::Decoder::new())), 16_000),
            Codec::G729 => (AudioDecoding::G729(Box::new(g729::Decoder::new())), 8000),
            Codec::Opus => (AudioDecoding::Opus(opus::Decoder::new(rate)), rate),
            #[cfg(feature = "system-codecs")]
            Codec::Gsm | Codec::G723 | Codec::Speex { .. } => {
                let format = system_format(codec)?;
                let decoder = ffmpeg::Decoder::new(format)?;
                (AudioDecoding::System(Box::new(decoder)), format.sample_rate())
            }
            _passed_through => return None,
        };
        Some(Self { decoding, sample_rate, concealment: Concealment::new(sample_rate) })
    }

    /// The rate of the samples that [`decode`](Self::decode) gives.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Decodes one payload into `out`, which [`SAMPLES_MAX`] always suffice for, and returns the
    /// number of samples.
    ///
    /// # Errors
    /// When the payload is broken, longer than [`PAYLOAD_MAX`], or does not fit `out`.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, Error> {
        if payload.len() > PAYLOAD_MAX {
            return Err(Error::Payload);
        }
        let samples = match &mut self.decoding {
            AudioDecoding::G711(law) => {
                let out = out.get_mut(..payload.len()).ok_or(Error::Payload)?;
                law.decode(payload, out);
                out.len()
            }
            AudioDecoding::G722(decoder) => decoder.decode(payload, out).ok_or(Error::Payload)?,
            AudioDecoding::G729(decoder) => decoder.decode(payload, out).ok_or(Error::Payload)?,
            AudioDecoding::Opus(decoder) => decoder.decode(payload, out).ok_or(Error::Payload)?,
            #[cfg(feature = "system-codecs")]
            AudioDecoding::System(decoder) => decoder.decode(payload, out).ok_or(Error::Payload)?,
        };
        self.concealment.remember(&out[..samples]);
        Ok(samples)
    }

    /// Fills `out`, the length of the lost packet, with what is least heard in its place.
    pub fn conceal(&mut self, out: &mut [i16]) {
        match &mut self.decoding {
            // It has its own, and makes comfort noise while the far end is silent.
            AudioDecoding::G729(decoder) => decoder.conceal(out),
            // For Opus too: the concealment of unsafe-libopus 0.2 runs away to full scale with the first
            // lost packet of a tone or of music, at every rate, and takes some packets to recover.
            AudioDecoding::G711(_) | AudioDecoding::G722(_) | AudioDecoding::Opus(_) => {
                self.concealment.fill(out)
            }
            #[cfg(feature = "system-codecs")]
            AudioDecoding::System(_) => self.concealment.fill(out),
        }
    }

    /// The same where the payload that follows the gap is at hand: Opus may tell in it what the end of
    /// the gap held. Decode it next.
    pub fn conceal_before(&mut self, next: &[u8], out: &mut [i16]) {
        let told = match &mut self.decoding {
            AudioDecoding::Opus(decoder) if next.len() <= PAYLOAD_MAX => {
                decoder.recover(next, out, self.sample_rate)
            }
            _tells_nothing => None,
        };
        let Some(told) = told else { return self.conceal(out) };
        let (guessed, known) = out.split_at_mut(out.len() - told);
        self.concealment.fill(guessed);
        self.concealment.remember(known);
    }
}

/// The rate among ours that Opus is coded at for sound of about this rate.
fn opus_rate(wanted: u32) -> u32 {
    match wanted {
        0..=8000 => 8000,
        8001..=16000 => 16000,
        16001.. => 48000,
    }
}

/// Which of the system's codecs it is.
#[cfg(feature = "system-codecs")]
fn system_format(codec: &Codec) -> Option<ffmpeg::FfmpegFormat> {
    match codec {
        Codec::Gsm => Some(ffmpeg::FfmpegFormat::Gsm),
        Codec::G723 => Some(ffmpeg::FfmpegFormat::G723),
        Codec::Speex { clock_rate: 8000 } => Some(ffmpeg::FfmpegFormat::Speex(Octaves(0))),
        Codec::Speex { clock_rate: 16_000 } => Some(ffmpeg::FfmpegFormat::Speex(Octaves(1))),
        Codec::Speex { clock_rate: 32_000 } => Some(ffmpeg::FfmpegFormat::Speex(Octaves(2))),
        _not_of_the_system => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode_loop;
    use super::*;
    use crate::codec::goertzel;
    use crate::codec::tone::Sound;
    use proptest::prelude::*;

    /// All that this build can code.
    fn codecs() -> impl Iterator<Item = Codec> {
        let all = [
            Codec::Pcmu,
            Codec::Pcma,
            Codec::G722,
            Codec::G729,
            Codec::Opus,
            Codec::Gsm,
            Codec::G723,
            Codec::Speex { clock_rate: 8000 },
            Codec::Speex { clock_rate: 16_000 },
            Codec::Speex { clock_rate: 32_000 },
        ];
        all.into_iter().filter(Codec::can_transcode)
    }

    #[test]
    fn a_tone_survives_every_codec_at_every_rate() {
        for codec in codecs() {
            for wanted in [8000, 16000, 48000] {
                let mut encoder = AudioEncoder::new(&codec, wanted).unwrap();
                let mut decoder = AudioDecoder::new(&codec, wanted).unwrap();
                let rate = encoder.sample_rate();
                assert_eq!(decoder.sample_rate(), rate);
                let pcm = &Sound::Sine { hz: 700 }.samples(rate)[..rate as usize / 25 * 6];
                let (mut heard, mut out) = (Vec::new(), [0; SAMPLES_MAX]);
                for frame in pcm.chunks_exact(encoder.frame_samples()) {
                    let mut payload = [0; PAYLOAD_MAX];
                    let len = encoder.encode(frame, &mut payload).unwrap();
                    let samples = decoder.decode(&payload[..len], &mut out).unwrap();
                    assert_eq!(samples, frame.len());
                    heard.extend_from_slice(&out[..samples]);
                }
                let heard = &heard[heard.len() / 2..];
                let share = goertzel::share(heard, rate, 700);
                assert!(share > 0.9, "{codec} at {rate}: {share}");
            }
        }
    }

    #[test]
    fn a_codec_can_be_coded_just_where_it_says_so() {
        let codecs = [Codec::Pcmu, Codec::G729, Codec::Gsm, Codec::G723, Codec::Ilbc];
        let speex = [8000, 16_000, 32_000, 44_100].map(|clock_rate| Codec::Speex { clock_rate });
        for codec in codecs.iter().chain(&speex[..3]) {
            let coders = (AudioEncoder::new(codec, 8000), AudioDecoder::new(codec, 8000));
            assert_eq!(coders.0.is_some(), codec.can_transcode(), "{codec}");
            assert_eq!(coders.1.is_some(), codec.can_transcode(), "{codec}");
        }
        assert!(AudioEncoder::new(&speex[3], 8000).is_none(), "no band of Speex");
    }

    #[test]
    fn a_codec_that_is_only_passed_through_has_no_coder() {
        assert!(AudioEncoder::new(&Codec::Ilbc, 8000).is_none());
        assert!(AudioDecoder::new(&Codec::H264, 8000).is_none());
    }

    #[test]
    fn too_little_room_is_refused() {
        for codec in codecs() {
            let mut encoder = AudioEncoder::new(&codec, 8000).unwrap();
            let pcm = vec![1000; encoder.frame_samples() * 20];
            assert_eq!(encoder.encode(&pcm, &mut []), Err(Error::Frame), "{codec}");
            let mut decoder = AudioDecoder::new(&codec, 8000).unwrap();
            let some = encode_loop(&codec, Sound::Silence, 60).unwrap();
            assert_eq!(decoder.decode(some.frame(0), &mut [0; 1]), Err(Error::Payload), "{codec}");
            let long = [0; PAYLOAD_MAX + 1];
            assert_eq!(decoder.decode(&long, &mut [0; 9000]), Err(Error::Payload), "{codec}");
        }
        let mut opus = AudioEncoder::new(&Codec::Opus, 8000).unwrap();
        assert_eq!(opus.encode(&[0; 161], &mut [0; 99]), Err(Error::Frame), "no frame of Opus");
    }

    #[test]
    fn a_lost_packet_fades_instead_of_clicking() {
        for codec in codecs() {
            let tone = encode_loop(&codec, Sound::Sine { hz: 500 }, 60).unwrap();
            let mut decoder = AudioDecoder::new(&codec, 8000).unwrap();
            let mut out = vec![0; decoder.sample_rate() as usize / 50 * 3];
            for index in 0..10 {
                decoder.decode(tone.frame(index), &mut out).unwrap();
            }
            let last = out[out.len() - 1];
            decoder.conceal(&mut out);
            assert!(out[0].abs_diff(last) < 3000, "{codec}: {last} {}", out[0]);
            for _ in 0..25 {
                decoder.conceal(&mut out);
            }
            assert!(out.iter().all(|s| s.unsigned_abs() < 100), "{codec}: {out:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn no_payload_makes_a_decoder_panic(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4),
        ) {
            for codec in codecs() {
                let mut decoder = AudioDecoder::new(&codec, 16000).unwrap();
                for payload in &payloads {
                    let mut out = [0; SAMPLES_MAX];
                    let _ = decoder.decode(payload, &mut out);
                    decoder.conceal(&mut out[..320]);
                }
            }
        }

        #[test]
        fn no_samples_make_an_encoder_panic(pcm in prop::collection::vec(any::<i16>(), 0..400)) {
            for codec in codecs() {
                let mut encoder = AudioEncoder::new(&codec, 16000).unwrap();
                let mut out = [0; PAYLOAD_MAX];
                let _ = encoder.encode(&pcm, &mut out);
                let _ = encoder.encode(&pcm[..pcm.len() / 320 * 320], &mut out);
            }
        }
    }
}
