//! Pictures of old videophones and of new cameras by FFmpeg's libavcodec: H.263, H.261, H.265.

// The library is C. The contexts are made, used and freed in this file only, each behind `&mut`, and
// every pointer that is handed over is that of a live slice or struct of just the length that is told.
#![allow(unsafe_code)]

use super::coder::{Error, Settings};
use super::image::{IMAGE_SIDE_MAX, Image};
use crate::codec::Codec;
use ffmpeg_sys_next::{
    AV_CODEC_FLAG_LOW_DELAY, AV_CODEC_FLAG2_FAST, AV_INPUT_BUFFER_PADDING_SIZE, AV_LOG_QUIET,
    AV_PKT_FLAG_KEY, AVCodec, AVCodecContext, AVCodecID, AVFrame, AVPacket, AVPictureType,
    AVPixelFormat, AVRational, av_frame_alloc, av_frame_free, av_frame_get_buffer,
    av_frame_make_writable, av_log_set_level, av_opt_set, av_packet_alloc, av_packet_free,
    av_packet_unref, avcodec_alloc_context3, avcodec_find_decoder, avcodec_find_encoder,
    avcodec_find_encoder_by_name, avcodec_free_context, avcodec_open2, avcodec_receive_frame,
    avcodec_receive_packet, avcodec_send_frame, avcodec_send_packet,
};
use std::ffi::CStr;
use std::os::raw::c_int;
use std::ptr::{NonNull, null_mut};

/// Sizes that H.263 of 1996 has beside those of H.261 (ITU-T H.263, table 4).
const H263_SIZES: [(usize, usize); 5] =
    [(128, 96), (176, 144), (352, 288), (704, 576), (1408, 1152)];
const H261_SIZES: [(usize, usize); 2] = [(176, 144), (352, 288)];

/// Pictures from one key frame to the next.
const GROUP_MAX: c_int = 600;

/// A rate that lies between these percentages of the present one is not worth a key frame.
const NEAR_PERCENT: (u64, u64) = (90, 125);

/// A context with the frame and the packet that it works on.
#[derive(Debug)]
struct VideoCodecContext {
    codec: NonNull<AVCodecContext>,
    frame: NonNull<AVFrame>,
    packet: NonNull<AVPacket>,
}

/// Makes pictures for one receiver.
#[derive(Debug)]
pub(super) struct Encoder {
    context: VideoCodecContext,
    codec: Codec,
    settings: Settings,
    made: i64,
}

/// Takes the pictures of one sender.
#[derive(Debug)]
pub(super) struct Decoder {
    context: VideoCodecContext,
    /// The coded picture, with the zeros behind it that the library wants.
    coded: Vec<u8>,
}

// SAFETY: the contexts hold no thread-local data; `&mut self` guards every use.
unsafe impl Send for Encoder {}
// SAFETY: as above.
unsafe impl Send for Decoder {}

fn id(codec: &Codec) -> Option<AVCodecID> {
    Some(match codec {
        Codec::H263 => AVCodecID::AV_CODEC_ID_H263,
        Codec::H263Plus => AVCodecID::AV_CODEC_ID_H263P,
        Codec::H261 => AVCodecID::AV_CODEC_ID_H261,
        Codec::H265 => AVCodecID::AV_CODEC_ID_HEVC,
        _others => return None,
    })
}

impl VideoCodecContext {
    fn new(codec: *const AVCodec) -> Option<Self> {
        let codec = NonNull::new(codec.cast_mut())?;
        // SAFETY: the library's own codec; what it allocates is freed on drop.
        unsafe {
            av_log_set_level(AV_LOG_QUIET);
            let context = NonNull::new(avcodec_alloc_context3(codec.as_ptr()))?;
            let frame = NonNull::new(av_frame_alloc());
            let packet = NonNull::new(av_packet_alloc());
            let (Some(frame), Some(packet)) = (frame, packet) else {
                avcodec_free_context(&mut context.as_ptr());
                return None;
            };
            Some(Self { codec: context, frame, packet })
        }
    }

    fn settings(&mut self) -> &mut AVCodecContext {
        // SAFETY: allocated in `new`, and only borrowed through `self`.
        unsafe { self.codec.as_mut() }
    }

    fn open(&mut self, codec: *const AVCodec) -> bool {
        // SAFETY: as above; no options.
        unsafe { avcodec_open2(self.codec.as_ptr(), codec, null_mut()) == 0 }
    }
}

impl Drop for VideoCodecContext {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, and nobody else has them.
        unsafe {
            avcodec_free_context(&mut self.codec.as_ptr());
            av_frame_free(&mut self.frame.as_ptr());
            av_packet_free(&mut self.packet.as_ptr());
        }
    }
}

impl Encoder {
    pub(super) fn new(codec: &Codec, settings: &Settings) -> Option<Self> {
        let size = (settings.width, settings.height);
        match codec {
            Codec::H263 if !H263_SIZES.contains(&size) => return None,
            Codec::H261 if !H261_SIZES.contains(&size) => return None,
            _any_size => {}
        }
        let id = id(codec)?;
        // SAFETY: a search in a table; a name that ends with its zero.
        let found = unsafe {
            match codec {
                Codec::H265 => avcodec_find_encoder_by_name(c"libx265".as_ptr()),
                _old => avcodec_find_encoder(id),
            }
        };
        let mut context = VideoCodecContext::new(found)?;
        let rate = settings.frame_rate.clamp(1, 60).cast_signed();
        let bitrate = i64::from(settings.bitrate.max(16_000));
        let fields = context.settings();
        fields.width = settings.width as c_int;
        fields.height = settings.height as c_int;
        fields.pix_fmt = AVPixelFormat::AV_PIX_FMT_YUV420P;
        fields.time_base = AVRational { num: 1, den: rate };
        fields.framerate = AVRational { num: rate, den: 1 };
        fields.bit_rate = bitrate;
        fields.rc_max_rate = bitrate * 3 / 2;
        fields.rc_buffer_size = settings.bitrate.max(16_000).cast_signed();
        // Key frames on demand, and one as seldom as the library allows, which nobody sees.
        fields.gop_size = GROUP_MAX;
        fields.max_b_frames = 0;
        fields.thread_count = 1;
        for (name, value) in options(codec) {
            // SAFETY: both end with their zero; unknown options are refused without harm.
            unsafe {
                av_opt_set((*context.codec.as_ptr()).priv_data, name.as_ptr(), value.as_ptr(), 0)
            };
        }
        if !context.open(found) {
            return None;
        }
        let mut encoder = Self { context, codec: codec.clone(), settings: *settings, made: 0 };
        encoder.allocate().then_some(encoder)
    }

    fn allocate(&mut self) -> bool {
        let frame = self.context.frame.as_ptr();
        // SAFETY: the frame is ours and empty.
        unsafe {
            (*frame).format = AVPixelFormat::AV_PIX_FMT_YUV420P as c_int;
            (*frame).width = self.settings.width as c_int;
            (*frame).height = self.settings.height as c_int;
            av_frame_get_buffer(frame, 0) == 0
        }
    }

    pub(super) fn encode(
        &mut self,
        image: &Image,
        key_frame: bool,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let Settings { width, height, .. } = self.settings;
        if (image.width(), image.height()) != (width, height) {
            return Err(Error::Encoder);
        }
        let frame = self.context.frame.as_ptr();
        // SAFETY: the frame has planes of just this size, in rows of its own length.
        unsafe {
            if av_frame_make_writable(frame) != 0 {
                return Err(Error::Encoder);
            }
            for (n, plane) in image.planes().into_iter().enumerate() {
                let width = if n == 0 { width } else { width / 2 };
                let stride = usize::try_from((*frame).linesize[n]).map_err(|_| Error::Encoder)?;
                for (row, from) in plane.chunks_exact(width).enumerate() {
                    let to = (*frame).data[n].add(row * stride);
                    std::ptr::copy_nonoverlapping(from.as_ptr(), to, width);
                }
            }
            (*frame).pts = self.made;
            (*frame).pict_type = match key_frame {
                true => AVPictureType::AV_PICTURE_TYPE_I,
                false => AVPictureType::AV_PICTURE_TYPE_NONE,
            };
            self.made += 1;
            if avcodec_send_frame(self.context.codec.as_ptr(), frame) != 0 {
                return Err(Error::Encoder);
            }
        }
        self.collect(out)
    }

    fn collect(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let (mut key_frame, mut any) = (false, false);
        let packet = self.context.packet.as_ptr();
        // SAFETY: the packet is ours; what it holds lives until it is given back.
        unsafe {
            while avcodec_receive_packet(self.context.codec.as_ptr(), packet) == 0 {
                let len = usize::try_from((*packet).size).unwrap_or(0);
                out.extend_from_slice(std::slice::from_raw_parts((*packet).data, len));
                key_frame |= (*packet).flags & AV_PKT_FLAG_KEY as c_int != 0;
                any = true;
                av_packet_unref(packet);
            }
        }
        if any { Ok(key_frame) } else { Err(Error::Encoder) }
    }

    /// Begins anew with a key frame where the rate changes by enough: neither libx265 nor the rate
    /// control of the old codecs takes another one on the way.
    pub(super) fn set_bitrate(&mut self, bitrate: u32) {
        let percent = u64::from(bitrate) * 100 / u64::from(self.settings.bitrate.max(1));
        if (NEAR_PERCENT.0..=NEAR_PERCENT.1).contains(&percent) {
            return;
        }
        self.begin_anew(Settings { bitrate, ..self.settings });
    }

    /// Begins anew with a key frame, as for another bit rate.
    pub(super) fn set_frame_rate(&mut self, frame_rate: u32) {
        if frame_rate != self.settings.frame_rate {
            self.begin_anew(Settings { frame_rate, ..self.settings });
        }
    }

    fn begin_anew(&mut self, settings: Settings) {
        if let Some(encoder) = Self::new(&self.codec, &settings) {
            *self = encoder;
        }
    }
}

fn options(codec: &Codec) -> Vec<(&'static CStr, &'static CStr)> {
    match codec {
        Codec::H265 => vec![
            (c"preset", c"ultrafast"),
            (c"tune", c"zerolatency"),
            (c"forced-idr", c"1"),
            (
                c"x265-params",
                c"log-level=none:pools=none:frame-threads=1:repeat-headers=1:scenecut=0",
            ),
        ],
        // A header for each group of blocks, so that packets can begin there (RFC 2190 §3.1).
        Codec::H263 | Codec::H263Plus => vec![(c"ps", c"1")],
        _none => vec![],
    }
}

impl Decoder {
    pub(super) fn new(codec: &Codec) -> Option<Self> {
        Self::of(id(codec)?)
    }

    /// The decoder that OpenH264's is measured against.
    #[cfg(test)]
    pub(super) fn h264() -> Option<Self> {
        Self::of(AVCodecID::AV_CODEC_ID_H264)
    }

    fn of(id: AVCodecID) -> Option<Self> {
        // SAFETY: a search in a table.
        let found = unsafe { avcodec_find_decoder(id) };
        let mut context = VideoCodecContext::new(found)?;
        let fields = context.settings();
        fields.thread_count = 1;
        fields.flags |= AV_CODEC_FLAG_LOW_DELAY as c_int;
        fields.flags2 |= AV_CODEC_FLAG2_FAST as c_int;
        fields.max_pixels = (IMAGE_SIDE_MAX * IMAGE_SIDE_MAX) as i64;
        context.open(found).then(|| Self { context, coded: Vec::new() })
    }

    pub(super) fn decode(&mut self, coded: &[u8], out: &mut Image) -> Result<bool, Error> {
        let len = c_int::try_from(coded.len()).map_err(|_| Error::Broken)?;
        if coded.is_empty() {
            return Err(Error::Broken);
        }
        self.coded.clear();
        self.coded.extend_from_slice(coded);
        self.coded.resize(coded.len() + AV_INPUT_BUFFER_PADDING_SIZE as usize, 0);
        let (context, packet) = (self.context.codec.as_ptr(), self.context.packet.as_ptr());
        // SAFETY: the packet lends bytes that outlive it; the library copies what it keeps.
        let sent = unsafe {
            (*packet).data = self.coded.as_mut_ptr();
            (*packet).size = len;
            let sent = avcodec_send_packet(context, packet);
            (*packet).data = null_mut();
            (*packet).size = 0;
            sent
        };
        let mut any = false;
        // SAFETY: the frame is ours; each picture takes the place of the one before.
        while unsafe { avcodec_receive_frame(context, self.context.frame.as_ptr()) } == 0 {
            // SAFETY: as above.
            copy(unsafe { self.context.frame.as_ref() }, out)?;
            any = true;
        }
        if sent < 0 && !any { Err(Error::Broken) } else { Ok(any) }
    }
}

fn copy(frame: &AVFrame, out: &mut Image) -> Result<(), Error> {
    let side = |side: c_int| usize::try_from(side).unwrap_or(0) & !1;
    let (width, height) = (side(frame.width), side(frame.height));
    let fits = |side: usize| (2..=IMAGE_SIDE_MAX).contains(&side);
    let formats = [AVPixelFormat::AV_PIX_FMT_YUV420P, AVPixelFormat::AV_PIX_FMT_YUVJ420P];
    let known = formats.iter().any(|format| *format as c_int == frame.format);
    if !fits(width) || !fits(height) || !known {
        return Err(Error::Broken);
    }
    out.resize(width, height);
    for (n, to) in out.planes_mut().into_iter().enumerate() {
        let (width, height) = if n == 0 { (width, height) } else { (width / 2, height / 2) };
        let stride = usize::try_from(frame.linesize[n]).map_err(|_| Error::Broken)?;
        if stride < width || frame.data[n].is_null() {
            return Err(Error::Broken);
        }
        // SAFETY: the frame's plane has at least so many rows of this length.
        let from =
            unsafe { std::slice::from_raw_parts(frame.data[n], stride * (height - 1) + width) };
        for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
            to.copy_from_slice(&from[..width]);
        }
    }
    Ok(())
}
