//! VP8 by libvpx (RFC 6386), for telephony: no delay, no pictures left out, key frames on demand.

// The library is C. The contexts are made, used and freed in this file only, each behind `&mut`, and
// every pointer that is handed over is that of a live slice or struct of just the length that is told.
#![allow(unsafe_code)]

use super::coder::{Error, Settings};
use super::image::{IMAGE_SIDE_MAX, Image};
use std::fmt;
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_long, c_uint, c_ulong};
use std::ptr::{null, null_mut};
use vpx_sys::{
    VPX_DECODER_ABI_VERSION, VPX_DL_REALTIME, VPX_EFLAG_FORCE_KF, VPX_ENCODER_ABI_VERSION,
    VPX_ERROR_RESILIENT_DEFAULT, VPX_FRAME_IS_KEY, vp8e_enc_control_id, vpx_codec_control_,
    vpx_codec_ctx, vpx_codec_cx_pkt_kind, vpx_codec_dec_init_ver, vpx_codec_decode,
    vpx_codec_destroy, vpx_codec_enc_cfg, vpx_codec_enc_config_default, vpx_codec_enc_config_set,
    vpx_codec_enc_init_ver, vpx_codec_encode, vpx_codec_err_t, vpx_codec_get_cx_data,
    vpx_codec_get_frame, vpx_codec_vp8_cx, vpx_codec_vp8_dx, vpx_image_t, vpx_img_fmt,
    vpx_img_wrap, vpx_kf_mode, vpx_rc_mode,
};

/// Of 16: the fastest that still looks well.
const CPU_USED: c_int = 8;
/// A key frame takes at most so many times the bytes of a usual picture, in percent.
const KEY_FRAME_PERCENT: c_int = 900;
/// kbit/s below this make mud of any picture.
const KILOBITS_MIN: c_uint = 16;
/// The ticks in which pictures are placed.
const CLOCK_RATE: c_int = 90_000;

/// Makes pictures for one receiver.
pub(super) struct Encoder {
    context: Box<vpx_codec_ctx>,
    configuration: Box<vpx_codec_enc_cfg>,
    /// How long a picture is shown, at [`CLOCK_RATE`].
    step: u32,
    /// When the next one is.
    shown: i64,
}

/// Takes the pictures of one sender.
pub(super) struct Decoder(Box<vpx_codec_ctx>);

// SAFETY: the contexts hold no thread-local data; `&mut self` guards every use.
unsafe impl Send for Encoder {}
// SAFETY: as above.
unsafe impl Send for Decoder {}

impl Encoder {
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let mut configuration = Box::new(MaybeUninit::zeroed());
        // SAFETY: the interface is the library's own and lives for ever.
        let result = unsafe {
            vpx_codec_enc_config_default(vpx_codec_vp8_cx(), configuration.as_mut_ptr(), 0)
        };
        if result != vpx_codec_err_t::VPX_CODEC_OK {
            return None;
        }
        // SAFETY: the library has filled it.
        let mut configuration = unsafe { configuration.assume_init() };
        let context = context();
        configuration.g_w = settings.width as c_uint;
        configuration.g_h = settings.height as c_uint;
        configuration.g_timebase.num = 1;
        configuration.g_timebase.den = CLOCK_RATE;
        configuration.g_threads = 1;
        configuration.g_lag_in_frames = 0;
        configuration.g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
        configuration.rc_end_usage = vpx_rc_mode::VPX_CBR;
        configuration.rc_target_bitrate = kilobits(settings.bitrate);
        configuration.rc_dropframe_thresh = 0;
        configuration.rc_resize_allowed = 0;
        configuration.rc_min_quantizer = 4;
        configuration.rc_max_quantizer = 56;
        configuration.rc_buf_sz = 1000;
        configuration.rc_buf_initial_sz = 500;
        configuration.rc_buf_optimal_sz = 600;
        configuration.kf_mode = vpx_kf_mode::VPX_KF_DISABLED;
        let step = step(settings.frame_rate);
        let mut encoder = Self { context, configuration, step, shown: 0 };
        // SAFETY: context and configuration live as long as the encoder.
        let result = unsafe {
            vpx_codec_enc_init_ver(
                &raw mut *encoder.context,
                vpx_codec_vp8_cx(),
                &raw const *encoder.configuration,
                0,
                VPX_ENCODER_ABI_VERSION as c_int,
            )
        };
        if result != vpx_codec_err_t::VPX_CODEC_OK {
            return None;
        }
        for (setting, value) in [
            (vp8e_enc_control_id::VP8E_SET_CPUUSED, CPU_USED),
            (vp8e_enc_control_id::VP8E_SET_STATIC_THRESHOLD, 1),
            (vp8e_enc_control_id::VP8E_SET_NOISE_SENSITIVITY, 0),
            (vp8e_enc_control_id::VP8E_SET_MAX_INTRA_BITRATE_PCT, KEY_FRAME_PERCENT),
        ] {
            // SAFETY: each of these settings takes one number.
            unsafe { vpx_codec_control_(&raw mut *encoder.context, setting as c_int, value) };
        }
        Some(encoder)
    }

    pub(super) fn encode(
        &mut self,
        image: &Image,
        key_frame: bool,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let (width, height) = (image.width() as c_uint, image.height() as c_uint);
        if (width, height) != (self.configuration.g_w, self.configuration.g_h) {
            return Err(Error::Encoder);
        }
        let points = image.planes()[0].as_ptr().cast_mut();
        let mut picture = MaybeUninit::<vpx_image_t>::zeroed();
        // SAFETY: the library fills the struct. The planes of an image lie one after another, which is
        // its own layout for an alignment of 1, and they are only read.
        let picture = unsafe {
            let format = vpx_img_fmt::VPX_IMG_FMT_I420;
            vpx_img_wrap(picture.as_mut_ptr(), format, width, height, 1, points);
            picture.assume_init()
        };
        let flags = if key_frame { i64::from(VPX_EFLAG_FORCE_KF) } else { 0 };
        // SAFETY: the picture outlives the call.
        let result = unsafe {
            vpx_codec_encode(
                &raw mut *self.context,
                &raw const picture,
                self.shown,
                c_ulong::from(self.step),
                flags,
                c_ulong::from(VPX_DL_REALTIME),
            )
        };
        self.shown += i64::from(self.step);
        if result != vpx_codec_err_t::VPX_CODEC_OK {
            return Err(Error::Encoder);
        }
        self.collect(out)
    }

    fn collect(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let (mut iterator, mut key_frame, mut any) = (null(), false, false);
        // SAFETY: the packets and their bytes live until the next call of `encode`.
        while let Some(packet) =
            unsafe { vpx_codec_get_cx_data(&raw mut *self.context, &raw mut iterator).as_ref() }
        {
            if packet.kind != vpx_codec_cx_pkt_kind::VPX_CODEC_CX_FRAME_PKT {
                continue;
            }
            // SAFETY: a packet of this kind has this side of the union, with so many bytes.
            let bytes = unsafe {
                let frame = packet.data.frame;
                key_frame |= frame.flags & VPX_FRAME_IS_KEY != 0;
                std::slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz as usize)
            };
            any = true;
            out.extend_from_slice(bytes);
        }
        if any { Ok(key_frame) } else { Err(Error::Encoder) }
    }

    pub(super) fn set_bitrate(&mut self, bitrate: u32) {
        self.configuration.rc_target_bitrate = kilobits(bitrate);
        // SAFETY: as when the encoder was made.
        unsafe {
            vpx_codec_enc_config_set(&raw mut *self.context, &raw const *self.configuration);
        }
    }

    pub(super) fn set_frame_rate(&mut self, frame_rate: u32) {
        self.step = step(frame_rate);
    }
}

/// Ticks from picture to picture.
fn step(frame_rate: u32) -> u32 {
    CLOCK_RATE.unsigned_abs() / frame_rate.clamp(1, 60)
}

/// A context that the library has not filled yet.
fn context() -> Box<vpx_codec_ctx> {
    // SAFETY: a plain C struct of numbers and pointers, for which zeros are valid.
    unsafe { Box::new(MaybeUninit::zeroed().assume_init()) }
}

fn kilobits(bitrate: u32) -> c_uint {
    (bitrate / 1000).max(KILOBITS_MIN)
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by `vpx_codec_enc_init_ver`, or still zero, which is refused.
        unsafe { vpx_codec_destroy(&raw mut *self.context) };
    }
}

impl Decoder {
    pub(super) fn new() -> Option<Self> {
        let mut context = context();
        // SAFETY: the context lives as long as the decoder; no configuration is the default one.
        let result = unsafe {
            vpx_codec_dec_init_ver(
                &raw mut *context,
                vpx_codec_vp8_dx(),
                null(),
                0,
                VPX_DECODER_ABI_VERSION as c_int,
            )
        };
        (result == vpx_codec_err_t::VPX_CODEC_OK).then(|| Self(context))
    }

    pub(super) fn decode(&mut self, coded: &[u8], out: &mut Image) -> Result<bool, Error> {
        let len = c_uint::try_from(coded.len()).map_err(|_| Error::Broken)?;
        if coded.is_empty() || is_too_large(coded) {
            return Err(Error::Broken);
        }
        // SAFETY: so many bytes.
        let result = unsafe {
            let no_data = null_mut();
            vpx_codec_decode(&raw mut *self.0, coded.as_ptr(), len, no_data, 0 as c_long)
        };
        if result != vpx_codec_err_t::VPX_CODEC_OK {
            return Err(Error::Broken);
        }
        let mut iterator = null();
        // SAFETY: the picture lives until the next call.
        let picture = unsafe { vpx_codec_get_frame(&raw mut *self.0, &raw mut iterator).as_ref() };
        picture.map_or(Ok(false), |picture| copy(picture, out))
    }
}

/// Whether a key frame announces a side that is not taken in (RFC 6386 §9.1).
fn is_too_large(coded: &[u8]) -> bool {
    match coded {
        [first, _, _, 0x9d, 0x01, 0x2a, w, w_high, h, h_high, ..] if first & 1 == 0 => {
            let side = |low: u8, high: u8| usize::from(u16::from_le_bytes([low, high & 0x3f]));
            let fits = |side| (2..=IMAGE_SIDE_MAX).contains(&side);
            !fits(side(*w, *w_high)) || !fits(side(*h, *h_high))
        }
        _no_key_frame => false,
    }
}

fn copy(picture: &vpx_image_t, out: &mut Image) -> Result<bool, Error> {
    let (width, height) = (picture.d_w as usize & !1, picture.d_h as usize & !1);
    let fits = |side: usize| (2..=IMAGE_SIDE_MAX).contains(&side);
    if !fits(width) || !fits(height) || picture.fmt != vpx_img_fmt::VPX_IMG_FMT_I420 {
        return Err(Error::Broken);
    }
    out.resize(width, height);
    for (n, to) in out.planes_mut().into_iter().enumerate() {
        let (width, height) = if n == 0 { (width, height) } else { (width / 2, height / 2) };
        let stride = usize::try_from(picture.stride[n]).unwrap_or(0);
        if stride < width || picture.planes[n].is_null() {
            return Err(Error::Broken);
        }
        // SAFETY: the library's plane has at least so many rows of this stride, until the next call.
        let from =
            unsafe { std::slice::from_raw_parts(picture.planes[n], stride * (height - 1) + width) };
        for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
            to.copy_from_slice(&from[..width]);
        }
    }
    Ok(true)
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by `vpx_codec_dec_init_ver`.
        unsafe { vpx_codec_destroy(&raw mut *self.0) };
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("shown", &self.shown).finish_non_exhaustive()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}
