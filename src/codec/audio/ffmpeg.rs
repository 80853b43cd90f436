//! Old phones' codecs by the system's FFmpeg: GSM full rate, G.723.1 and Speex, mono.
//!
//! FFmpeg 5.1 as Debian builds it codes GSM with libgsm and Speex with libspeex, and has the rest of
//! its own. Its decoder of Speex is taken, since that of libspeex writes to stderr of broken payloads.

// The library is C: contexts, frames and packets behind raw pointers. They are made, used and freed
// in this file only, and every length that they name is checked against the slice behind it.
#![allow(unsafe_code)]

use super::packing::{self, Octaves, SpeexJoiner};
use ffmpeg_sys_next::{
    AVCodec, AVCodecContext, AVFrame, AVPacket, AVSampleFormat, av_channel_layout_default,
    av_frame_alloc, av_frame_free, av_frame_get_buffer, av_frame_make_writable, av_packet_alloc,
    av_packet_free, av_packet_unref, avcodec_alloc_context3, avcodec_find_decoder_by_name,
    avcodec_find_encoder_by_name, avcodec_free_context, avcodec_open2, avcodec_receive_frame,
    avcodec_receive_packet, avcodec_send_frame, avcodec_send_packet,
};
use std::ffi::CStr;
use std::ptr::{self, NonNull};

/// Added to the level of each message, so that none is important enough for stderr. The library reads
/// the lowest byte of the sum only.
const SILENT: i32 = 100;
/// G.723.1 at the only rate that FFmpeg codes, in bit/s.
const G723_BITRATE: i64 = 6300;

/// More than the longest frame of Speex has, in bytes: 492 bits and twice 352.
const SPEEX_FRAME_MAX: usize = 150;

/// Which codec.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FfmpegFormat {
    Gsm,
    G723,
    /// Speex in the narrow band, or with one or two octaves above.
    Speex(Octaves),
    /// What the codecs of other libraries are measured against.
    #[cfg(test)]
    Reference(Reference),
}

/// Coders of FFmpeg that no call uses, by name; a payload is one frame.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Reference {
    pub(super) encoder: &'static CStr,
    pub(super) decoder: &'static CStr,
    pub(super) sample_rate: u32,
    pub(super) frame_samples: usize,
}

/// The state of a sender.
#[derive(Debug)]
pub(super) struct Encoder {
    format: FfmpegFormat,
    context: AudioCodecContext,
    frame: SampleFrame,
    packet: CodedPacket,
}

/// The state of a receiver.
#[derive(Debug)]
pub(super) struct Decoder {
    format: FfmpegFormat,
    context: AudioCodecContext,
    frame: SampleFrame,
    packet: CodedPacket,
}

impl FfmpegFormat {
    /// Samples a second.
    pub(super) fn sample_rate(self) -> u32 {
        match self {
            Self::Gsm | Self::G723 => 8000,
            Self::Speex(Octaves(octaves)) => 8000 << octaves,
            #[cfg(test)]
            Self::Reference(reference) => reference.sample_rate,
        }
    }

    /// Samples of one frame.
    pub(super) fn frame_samples(self) -> usize {
        match self {
            Self::Gsm => 160,
            Self::G723 => 240,
            Self::Speex(Octaves(octaves)) => 160 << octaves,
            #[cfg(test)]
            Self::Reference(reference) => reference.frame_samples,
        }
    }

    fn encoder(self) -> &'static CStr {
        match self {
            Self::Gsm => c"libgsm",
            Self::G723 => c"g723_1",
            Self::Speex(_) => c"libspeex",
            #[cfg(test)]
            Self::Reference(reference) => reference.encoder,
        }
    }

    fn decoder(self) -> &'static CStr {
        match self {
            Self::Gsm => c"gsm",
            Self::G723 => c"g723_1",
            Self::Speex(_) => c"speex",
            #[cfg(test)]
            Self::Reference(reference) => reference.decoder,
        }
    }
}

impl Encoder {
    /// None when the system's FFmpeg was built without it.
    pub(super) fn new(format: FfmpegFormat) -> Option<Self> {
        // SAFETY: the name ends with a zero; the answer is a constant of the library or null.
        let codec = unsafe { avcodec_find_encoder_by_name(format.encoder().as_ptr()) };
        let context = AudioCodecContext::open(codec, format)?;
        let frame = SampleFrame::new()?;
        // SAFETY: the frame is ours and empty; the library allocates what its fields demand.
        let error = unsafe {
            let raw = &mut *frame.0.as_ptr();
            raw.format = AVSampleFormat::AV_SAMPLE_FMT_S16 as i32;
            raw.nb_samples = i32::try_from(format.frame_samples()).ok()?;
            raw.sample_rate = format.sample_rate().cast_signed();
            av_channel_layout_default(&mut raw.ch_layout, 1);
            av_frame_get_buffer(raw, 0)
        };
        (error == 0).then_some(())?;
        Some(Self { format, context, frame, packet: CodedPacket::new()? })
    }

    pub(super) fn format(&self) -> FfmpegFormat {
        self.format
    }

    /// Codes whole frames to one payload; none when the samples are none, or `out` too short.
    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Option<usize> {
        let frame_len = self.format.frame_samples();
        if pcm.is_empty() || !pcm.len().is_multiple_of(frame_len) {
            return None;
        }
        match self.format {
            FfmpegFormat::Gsm | FfmpegFormat::G723 => {
                let mut len = 0;
                for frame in pcm.chunks_exact(frame_len) {
                    let coded = self.encode_frame(frame)?;
                    out.get_mut(len..len + coded.len())?.copy_from_slice(coded);
                    len += coded.len();
                }
                Some(len)
            }
            FfmpegFormat::Speex(octaves) => {
                let mut joiner = SpeexJoiner::new(out);
                for frame in pcm.chunks_exact(frame_len) {
                    let coded = self.encode_frame(frame)?;
                    joiner.push(coded, packing::speex(coded, octaves).next()?)?;
                }
                Some(joiner.finish())
            }
            #[cfg(test)]
            FfmpegFormat::Reference(_) => {
                let coded = self.encode_frame(pcm)?;
                out.get_mut(..coded.len())?.copy_from_slice(coded);
                Some(coded.len())
            }
        }
    }

    /// Codes the samples of just one frame.
    fn encode_frame(&mut self, pcm: &[i16]) -> Option<&[u8]> {
        assert_eq!(pcm.len(), self.format.frame_samples(), "the buffer has the room of one frame");
        let (context, frame) = (self.context.0.as_ptr(), self.frame.0.as_ptr());
        // SAFETY: all three are live and ours. Once writable, the frame's one plane has room for the
        // samples of a frame, which `new` asked for and the assertion above holds `pcm` to.
        unsafe {
            if av_frame_make_writable(frame) < 0 {
                return None;
            }
            ptr::copy_nonoverlapping(pcm.as_ptr(), (*frame).data[0].cast(), pcm.len());
            if avcodec_send_frame(context, frame) < 0 {
                return None;
            }
        }
        self.packet.receive(&self.context)
    }
}

impl Decoder {
    /// None when the system's FFmpeg was built without it.
    pub(super) fn new(format: FfmpegFormat) -> Option<Self> {
        // SAFETY: the name ends with a zero; the answer is a constant of the library or null.
        let codec = unsafe { avcodec_find_decoder_by_name(format.decoder().as_ptr()) };
        let context = AudioCodecContext::open(codec, format)?;
        Some(Self { format, context, frame: SampleFrame::new()?, packet: CodedPacket::new()? })
    }

    /// Decodes a payload; none when no frame in it can be decoded, or `out` is too short.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Option<usize> {
        let mut len = 0;
        match self.format {
            FfmpegFormat::Gsm => {
                for frame in packing::gsm(payload) {
                    len += self.decode_frame(frame, out.get_mut(len..)?)?;
                }
            }
            FfmpegFormat::G723 => {
                for frame in packing::g723(payload) {
                    len += self.decode_frame(frame, out.get_mut(len..)?)?;
                }
            }
            FfmpegFormat::Speex(octaves) => {
                for bits in packing::speex(payload, octaves) {
                    // The decoder takes the first frame of a payload only.
                    let mut frame = [0; SPEEX_FRAME_MAX];
                    let mut joiner = SpeexJoiner::new(&mut frame);
                    joiner.push(payload, bits)?;
                    let frame_len = joiner.finish();
                    len += self.decode_frame(&frame[..frame_len], out.get_mut(len..)?)?;
                }
            }
            #[cfg(test)]
            FfmpegFormat::Reference(_) => len = self.decode_frame(payload, out)?,
        }
        (len > 0).then_some(len)
    }

    /// Decodes what the library takes for one packet.
    fn decode_frame(&mut self, coded: &[u8], out: &mut [i16]) -> Option<usize> {
        let size = i32::try_from(coded.len()).ok()?;
        let (context, frame) = (self.context.0.as_ptr(), self.frame.0.as_ptr());
        // SAFETY: a packet without a buffer of its own is copied by the library, with the room behind
        // it that decoders read over; it is not written to, and forgotten before `coded` ends.
        let sent = unsafe {
            let packet = self.packet.0.as_ptr();
            ((*packet).data, (*packet).size) = (coded.as_ptr().cast_mut(), size);
            let sent = avcodec_send_packet(context, packet);
            ((*packet).data, (*packet).size) = (ptr::null_mut(), 0);
            sent
        };
        let mut len = None;
        // SAFETY: both are live and ours.
        while sent >= 0 && unsafe { avcodec_receive_frame(context, frame) } >= 0 {
            let at = len.unwrap_or(0);
            len = Some(at + self.frame.copy_to(out.get_mut(at..)?)?);
        }
        len
    }
}

/// An open codec.
#[derive(Debug)]
struct AudioCodecContext(NonNull<AVCodecContext>);

impl AudioCodecContext {
    fn open(codec: *const AVCodec, format: FfmpegFormat) -> Option<Self> {
        if codec.is_null() {
            return None;
        }
        // SAFETY: the codec is a constant of the library.
        let context = Self(NonNull::new(unsafe { avcodec_alloc_context3(codec) })?);
        // SAFETY: the context is ours and not yet open, when its settings may be written.
        let error = unsafe {
            let raw = &mut *context.0.as_ptr();
            raw.log_level_offset = SILENT;
            raw.thread_count = 1;
            raw.sample_rate = format.sample_rate().cast_signed();
            raw.sample_fmt = AVSampleFormat::AV_SAMPLE_FMT_S16;
            av_channel_layout_default(&mut raw.ch_layout, 1);
            if format == FfmpegFormat::G723 {
                raw.bit_rate = G723_BITRATE;
            }
            avcodec_open2(raw, codec, ptr::null_mut())
        };
        (error == 0).then_some(context)
    }
}

/// Samples that the library holds.
#[derive(Debug)]
struct SampleFrame(NonNull<AVFrame>);

impl SampleFrame {
    fn new() -> Option<Self> {
        // SAFETY: allocates, and nothing else.
        NonNull::new(unsafe { av_frame_alloc() }).map(Self)
    }

    /// Copies the samples of one channel; none when they are of another kind or too many.
    fn copy_to(&self, out: &mut [i16]) -> Option<usize> {
        // SAFETY: a live frame that the library has filled.
        let raw = unsafe { self.0.as_ref() };
        let len = usize::try_from(raw.nb_samples).ok()?;
        let out = out.get_mut(..len)?;
        let from = NonNull::new(raw.data[0]).filter(|_| raw.ch_layout.nb_channels == 1)?;
        const S16: i32 = AVSampleFormat::AV_SAMPLE_FMT_S16 as i32;
        const S16_PLANES: i32 = AVSampleFormat::AV_SAMPLE_FMT_S16P as i32;
        const FLOAT: i32 = AVSampleFormat::AV_SAMPLE_FMT_FLT as i32;
        const FLOAT_PLANES: i32 = AVSampleFormat::AV_SAMPLE_FMT_FLTP as i32;
        match raw.format {
            S16 | S16_PLANES => {
                // SAFETY: the plane of one channel holds `nb_samples` numbers of this format.
                let pcm = unsafe { std::slice::from_raw_parts(from.cast::<i16>().as_ptr(), len) };
                out.copy_from_slice(pcm);
            }
            FLOAT | FLOAT_PLANES => {
                // SAFETY: as above.
                let pcm = unsafe { std::slice::from_raw_parts(from.cast::<f32>().as_ptr(), len) };
                // What is no number becomes 0, and what is too loud the loudest.
                out.iter_mut().zip(pcm).for_each(|(to, s)| *to = (s * 32768.0).round() as i16);
            }
            _other => return None,
        }
        Some(len)
    }
}

/// Bytes that the library holds.
#[derive(Debug)]
struct CodedPacket(NonNull<AVPacket>);

impl CodedPacket {
    fn new() -> Option<Self> {
        // SAFETY: allocates, and nothing else.
        NonNull::new(unsafe { av_packet_alloc() }).map(Self)
    }

    /// What the encoder has made of the last frame.
    fn receive(&mut self, context: &AudioCodecContext) -> Option<&[u8]> {
        // SAFETY: both are live and ours; the bytes stay until the packet is received into again.
        unsafe {
            av_packet_unref(self.0.as_ptr());
            if avcodec_receive_packet(context.0.as_ptr(), self.0.as_ptr()) < 0 {
                return None;
            }
            let raw = self.0.as_ref();
            let len = usize::try_from(raw.size).ok()?;
            Some(std::slice::from_raw_parts(NonNull::new(raw.data)?.as_ptr(), len))
        }
    }
}

// SAFETY: none of the three is tied to a thread; `&mut self` guards every use.
unsafe impl Send for AudioCodecContext {}
// SAFETY: as above.
unsafe impl Send for SampleFrame {}
// SAFETY: as above.
unsafe impl Send for CodedPacket {}

impl Drop for AudioCodecContext {
    fn drop(&mut self) {
        // SAFETY: made by the library for us, and nobody else has it.
        unsafe { avcodec_free_context(&mut self.0.as_ptr()) }
    }
}

impl Drop for SampleFrame {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { av_frame_free(&mut self.0.as_ptr()) }
    }
}

impl Drop for CodedPacket {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { av_packet_free(&mut self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_the_system_is_there_and_keeps_its_payload_length() {
        for (format, len) in [
            (FfmpegFormat::Gsm, 33),
            (FfmpegFormat::G723, 24),
            (FfmpegFormat::Speex(Octaves(0)), 38),
            (FfmpegFormat::Speex(Octaves(1)), 70),
            (FfmpegFormat::Speex(Octaves(2)), 74),
        ] {
            let mut encoder = Encoder::new(format).unwrap();
            let (pcm, mut payload) = (vec![0; format.frame_samples()], [0; 200]);
            assert_eq!(encoder.encode(&pcm, &mut payload), Some(len), "{format:?}");
            assert_eq!(encoder.encode(&pcm[1..], &mut payload), None, "{format:?}: no frame");
            assert_eq!(encoder.encode(&[], &mut payload), None, "{format:?}: nothing");
            assert_eq!(encoder.encode(&pcm, &mut payload[..len - 1]), None, "{format:?}: no room");
        }
    }

    #[test]
    fn a_payload_of_many_frames_is_decoded_whole() {
        for format in [
            FfmpegFormat::Gsm,
            FfmpegFormat::G723,
            FfmpegFormat::Speex(Octaves(0)),
            FfmpegFormat::Speex(Octaves(1)),
            FfmpegFormat::Speex(Octaves(2)),
        ] {
            let pcm = vec![0; format.frame_samples() * 4];
            let (mut payload, mut out) = ([0; 400], vec![0; pcm.len()]);
            let len = Encoder::new(format).unwrap().encode(&pcm, &mut payload).unwrap();
            let mut decoder = Decoder::new(format).unwrap();
            assert_eq!(decoder.decode(&payload[..len], &mut out), Some(pcm.len()), "{format:?}");
            let short = &mut out[1..];
            assert_eq!(decoder.decode(&payload[..len], short), None, "{format:?}: no room");
            assert_eq!(decoder.decode(&[], short), None, "{format:?}: nothing");
        }
    }

    #[test]
    fn comfort_noise_of_g723_is_heard_for_a_frame() {
        let mut decoder = Decoder::new(FfmpegFormat::G723).unwrap();
        assert_eq!(decoder.decode(&[2, 0, 0, 0], &mut [0; 240]), Some(240));
    }
}
