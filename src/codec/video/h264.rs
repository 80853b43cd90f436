//! H.264 by OpenH264: constrained baseline out, what phones and cameras send in.

// The library is C++ behind tables of function pointers. The instances are made, used and freed in
// this file only, each behind `&mut`, and every pointer that is handed over is that of a live slice
// or struct of just the length that is told.
#![allow(unsafe_code)]

use super::coder::{Error, Settings};
use super::h264_sequence::is_too_large;
use super::image::{IMAGE_SIDE_MAX, Image};
use openh264_sys2::source::APILoader;
use openh264_sys2::{
    API as _, CAMERA_VIDEO_REAL_TIME, CONSTANT_ID, DECODER_OPTION_ERROR_CON_IDC,
    DECODER_OPTION_TRACE_LEVEL, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE,
    ENCODER_OPTION_TRACE_LEVEL, ERROR_CON_SLICE_MV_COPY_CROSS_IDR, ISVCDecoder, ISVCEncoder,
    LEVEL_UNKNOWN, LOW_COMPLEXITY, PRO_BASELINE, RC_BITRATE_MODE, SBitrateInfo, SBufferInfo,
    SDecodingParam, SEncParamExt, SFrameBSInfo, SM_SINGLE_SLICE, SM_SIZELIMITED_SLICE,
    SPATIAL_LAYER_ALL, SSourcePicture, VIDEO_BITSTREAM_AVC, WELS_LOG_QUIET, videoFormatI420,
    videoFrameTypeIDR,
};
use std::os::raw::{c_int, c_void};
use std::ptr::{NonNull, null_mut};

/// The longest NAL unit that a payload carries whole; slices end before it.
const SLICE_MARGIN: usize = 50;
/// A bit rate below this makes mud of any picture.
const BITRATE_MIN: u32 = 16_000;

/// Makes pictures for one receiver.
#[derive(Debug)]
pub(super) struct Encoder {
    state: NonNull<ISVCEncoder>,
    width: c_int,
    height: c_int,
    frame_ms: i64,
    /// When the next picture is shown.
    shown_ms: i64,
}

/// Takes the pictures of one sender.
#[derive(Debug)]
pub(super) struct Decoder(NonNull<ISVCDecoder>);

// SAFETY: the instances hold no thread-local data; `&mut self` guards every use.
unsafe impl Send for Encoder {}
// SAFETY: as above.
unsafe impl Send for Decoder {}

/// A function of the library's table.
macro_rules! call {
    ($state:expr, $function:ident $(, $argument:expr)*) => {{
        let state = $state.as_ptr();
        // SAFETY: the instance lives, its table is complete, and the arguments outlive the call.
        unsafe {
            let function = (**state).$function;
            function.expect("OpenH264 fills its table")(state $(, $argument)*)
        }
    }};
}

impl Encoder {
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let mut state: *mut ISVCEncoder = null_mut();
        // SAFETY: `state` outlives the call.
        let failed = unsafe { APILoader::new().WelsCreateSVCEncoder(&mut state) };
        let state = NonNull::new(state).filter(|_| failed == 0)?;
        let (width, height) = (settings.width as c_int, settings.height as c_int);
        let frame_ms = 1000 / i64::from(settings.frame_rate.clamp(1, 60));
        let encoder = Self { state, width, height, frame_ms, shown_ms: 0 };
        let mut quiet = WELS_LOG_QUIET;
        let level: *mut c_void = (&raw mut quiet).cast();
        call!(encoder.state, SetOption, ENCODER_OPTION_TRACE_LEVEL, level);
        let parameters = parameters(&encoder, settings)?;
        (call!(encoder.state, InitializeExt, &raw const parameters) == 0).then_some(encoder)
    }

    pub(super) fn encode(
        &mut self,
        image: &Image,
        key_frame: bool,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        if (image.width() as c_int, image.height() as c_int) != (self.width, self.height) {
            return Err(Error::Encoder);
        }
        if key_frame {
            call!(self.state, ForceIntraFrame, true);
        }
        let [y, cb, cr] = image.planes().map(|plane| plane.as_ptr().cast_mut());
        let picture = SSourcePicture {
            iColorFormat: videoFormatI420,
            iStride: [self.width, self.width / 2, self.width / 2, 0],
            pData: [y, cb, cr, null_mut()],
            iPicWidth: self.width,
            iPicHeight: self.height,
            uiTimeStamp: self.shown_ms,
            ..SSourcePicture::default()
        };
        self.shown_ms += self.frame_ms;
        let mut coded = SFrameBSInfo::default();
        if call!(self.state, EncodeFrame, &raw const picture, &raw mut coded) != 0 {
            return Err(Error::Encoder);
        }
        collect(&coded, out);
        Ok(coded.eFrameType == videoFrameTypeIDR)
    }

    pub(super) fn set_bitrate(&mut self, bitrate: u32) {
        let mut info = SBitrateInfo {
            iLayer: SPATIAL_LAYER_ALL,
            iBitrate: bitrate.max(BITRATE_MIN).cast_signed(),
        };
        let option: *mut c_void = (&raw mut info).cast();
        call!(self.state, SetOption, ENCODER_OPTION_BITRATE, option);
    }

    pub(super) fn set_frame_rate(&mut self, frame_rate: u32) {
        let frame_rate = frame_rate.clamp(1, 60);
        self.frame_ms = 1000 / i64::from(frame_rate);
        let mut rate = frame_rate as f32;
        let option: *mut c_void = (&raw mut rate).cast();
        call!(self.state, SetOption, ENCODER_OPTION_FRAME_RATE, option);
    }
}

/// Appends what the library made.
fn collect(coded: &SFrameBSInfo, out: &mut Vec<u8>) {
    let layers = usize::try_from(coded.iLayerNum).unwrap_or(0).min(coded.sLayerInfo.len());
    for layer in &coded.sLayerInfo[..layers] {
        let nals = usize::try_from(layer.iNalCount).unwrap_or(0);
        if nals == 0 || layer.pNalLengthInByte.is_null() || layer.pBsBuf.is_null() {
            continue;
        }
        // SAFETY: the library tells so many lengths, and the buffer holds their sum, until the
        // next call.
        let bytes = unsafe {
            let lengths = std::slice::from_raw_parts(layer.pNalLengthInByte, nals);
            let sum = lengths.iter().map(|len| usize::try_from(*len).unwrap_or(0)).sum();
            std::slice::from_raw_parts(layer.pBsBuf, sum)
        };
        out.extend_from_slice(bytes);
    }
}

/// Constrained baseline, one thread, key frames on demand only, and no picture left out: the worker
/// decides that.
fn parameters(encoder: &Encoder, settings: &Settings) -> Option<SEncParamExt> {
    let mut parameters = SEncParamExt::default();
    if call!(encoder.state, GetDefaultParams, &raw mut parameters) != 0 {
        return None;
    }
    let bitrate = settings.bitrate.clamp(BITRATE_MIN, i32::MAX as u32).cast_signed();
    parameters.iUsageType = CAMERA_VIDEO_REAL_TIME;
    parameters.iPicWidth = encoder.width;
    parameters.iPicHeight = encoder.height;
    parameters.iTargetBitrate = bitrate;
    parameters.iRCMode = RC_BITRATE_MODE;
    parameters.fMaxFrameRate = settings.frame_rate.clamp(1, 60) as f32;
    parameters.iComplexityMode = LOW_COMPLEXITY;
    parameters.iMultipleThreadIdc = 1;
    parameters.uiIntraPeriod = 0;
    // A file names its parameter sets once, so that they may not be numbered anew at each key frame.
    parameters.eSpsPpsIdStrategy = CONSTANT_ID;
    parameters.bEnableFrameSkip = false;
    parameters.bEnableSceneChangeDetect = false;
    parameters.iEntropyCodingModeFlag = 0;
    let layer = &mut parameters.sSpatialLayers[0];
    layer.iVideoWidth = encoder.width;
    layer.iVideoHeight = encoder.height;
    layer.fFrameRate = parameters.fMaxFrameRate;
    layer.iSpatialBitrate = bitrate;
    layer.uiProfileIdc = PRO_BASELINE;
    layer.uiLevelIdc = LEVEL_UNKNOWN;
    match settings.slice_max {
        Some(slice_max) => {
            layer.sSliceArgument.uiSliceMode = SM_SIZELIMITED_SLICE;
            let limit = slice_max.saturating_sub(SLICE_MARGIN).max(200) as u32;
            layer.sSliceArgument.uiSliceSizeConstraint = limit;
            parameters.uiMaxNalSize = slice_max as u32;
        }
        None => layer.sSliceArgument.uiSliceMode = SM_SINGLE_SLICE,
    }
    Some(parameters)
}

impl Drop for Encoder {
    fn drop(&mut self) {
        call!(self.state, Uninitialize);
        // SAFETY: made by `WelsCreateSVCEncoder`, and nobody else has it.
        unsafe { APILoader::new().WelsDestroySVCEncoder(self.state.as_ptr()) }
    }
}

impl Decoder {
    pub(super) fn new() -> Option<Self> {
        let mut state: *mut ISVCDecoder = null_mut();
        // SAFETY: `state` outlives the call.
        let failed = unsafe { APILoader::new().WelsCreateDecoder(&mut state) };
        let state = NonNull::new(state).filter(|_| failed == 0)?;
        let decoder = Self(state);
        let mut quiet = WELS_LOG_QUIET;
        let level: *mut c_void = (&raw mut quiet).cast();
        call!(decoder.0, SetOption, DECODER_OPTION_TRACE_LEVEL, level);
        let mut parameters = SDecodingParam::default();
        parameters.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
        parameters.eEcActiveIdc = ERROR_CON_SLICE_MV_COPY_CROSS_IDR;
        if call!(decoder.0, Initialize, &raw const parameters) != 0 {
            return None;
        }
        let mut concealment = ERROR_CON_SLICE_MV_COPY_CROSS_IDR;
        let option: *mut c_void = (&raw mut concealment).cast();
        call!(decoder.0, SetOption, DECODER_OPTION_ERROR_CON_IDC, option);
        Some(decoder)
    }

    pub(super) fn decode(&mut self, coded: &[u8], out: &mut Image) -> Result<bool, Error> {
        let len = c_int::try_from(coded.len()).map_err(|_| Error::Broken)?;
        // The library would allocate up to the largest level's pictures, some twenty of them.
        if is_too_large(coded) {
            return Err(Error::Broken);
        }
        let mut planes = [null_mut(); 3];
        let mut info = SBufferInfo::default();
        let (from, to) = (coded.as_ptr(), planes.as_mut_ptr());
        let state = call!(self.0, DecodeFrameNoDelay, from, len, to, &raw mut info);
        if info.iBufferStatus != 1 {
            return if state == 0 { Ok(false) } else { Err(Error::Broken) };
        }
        // SAFETY: a buffer that is ready has this side of the union.
        let buffer = unsafe { info.UsrData.sSystemBuffer };
        let side = |side: c_int| usize::try_from(side).unwrap_or(0) & !1;
        let (width, height) = (side(buffer.iWidth), side(buffer.iHeight));
        let fits = |side: usize| (2..=IMAGE_SIDE_MAX).contains(&side);
        let strides = buffer.iStride.map(|stride| usize::try_from(stride).unwrap_or(0));
        let sound = strides[0] >= width && strides[1] >= width / 2;
        if !fits(width) || !fits(height) || !sound || planes.iter().any(|plane| plane.is_null()) {
            return Err(Error::Broken);
        }
        out.resize(width, height);
        let sizes = [(width, height, strides[0]), (width / 2, height / 2, strides[1])];
        for (n, to) in out.planes_mut().into_iter().enumerate() {
            let (width, height, stride) = sizes[n.min(1)];
            // SAFETY: the library's plane has so many rows of this stride, until the next call.
            let from =
                unsafe { std::slice::from_raw_parts(planes[n], stride * (height - 1) + width) };
            for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
                to.copy_from_slice(&from[..width]);
            }
        }
        Ok(true)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        call!(self.0, Uninitialize);
        // SAFETY: made by `WelsCreateDecoder`, and nobody else has it.
        unsafe { APILoader::new().WelsDestroyDecoder(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "system-codecs")]
    use super::super::trial::psnr;
    use super::*;

    /// Test patterns of 24 pictures with a key frame in the middle, by another encoder: without and
    /// with B frames, CABAC and 8x8 transforms.
    const STREAMS: [(&str, &[u8]); 3] = [
        ("baseline", include_bytes!("../../../tests/fixtures/h264/baseline.264")),
        ("main", include_bytes!("../../../tests/fixtures/h264/main.264")),
        ("high", include_bytes!("../../../tests/fixtures/h264/high.264")),
    ];

    /// The pictures of a byte stream, which begin with an access unit delimiter each.
    fn units(stream: &[u8]) -> Vec<&[u8]> {
        let delimiter = |at: &usize| stream[*at..].starts_with(&[0, 0, 0, 1, 9]);
        let starts: Vec<usize> =
            (0..stream.len()).filter(delimiter).chain([stream.len()]).collect();
        starts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
    }

    fn decoded(units: &[&[u8]]) -> Vec<Image> {
        let mut decoder = Decoder::new().unwrap();
        let mut image = Image::new(2, 2);
        let decode = |unit: &&[u8]| {
            let shown = decoder.decode(unit, &mut image);
            shown.unwrap_or(false).then(|| image.clone())
        };
        units.iter().filter_map(decode).collect()
    }

    #[test]
    fn another_encoders_pictures_come_out_with_one_held_back_for_b_frames() {
        for (name, stream) in STREAMS {
            let held_back = usize::from(name != "baseline");
            assert_eq!(decoded(&units(stream)).len(), 24 - held_back, "{name}");
        }
    }

    #[test]
    fn what_is_lost_is_concealed_until_the_next_key_frame() {
        let all = units(STREAMS[0].1);
        let whole = decoded(&all);
        let some: Vec<&[u8]> = [&all[..4], &all[5..7], &all[8..]].concat();
        let concealed = decoded(&some);
        assert!(concealed.len() >= 21, "{} of 22 pictures", concealed.len());
        let (last, expected) = (concealed.iter().rev(), whole.iter().rev());
        assert!(last.zip(expected).take(12).all(|(one, other)| one == other));
        assert_ne!(concealed[7], whole[9]);
    }

    #[test]
    fn a_stream_of_pictures_too_large_is_refused() {
        let (mut out, mut decoder) = (Image::new(2, 2), Decoder::new().unwrap());
        let settings =
            Settings { width: 2048, height: 64, frame_rate: 5, bitrate: 500_000, slice_max: None };
        let mut encoder = Encoder::new(&settings).unwrap();
        let mut coded = SFrameBSInfo::default();
        let mut stream = Vec::new();
        // An image of ours cannot be so large; the parameter sets alone are.
        assert_eq!(call!(encoder.state, EncodeParameterSets, &raw mut coded), 0);
        collect(&coded, &mut stream);
        assert!(stream.len() > 10);
        assert_eq!(decoder.decode(&stream, &mut out), Err(Error::Broken));
        let fits = encoder.encode(&out, true, &mut stream);
        assert_eq!(fits, Err(Error::Encoder), "a picture of another size");
    }

    #[cfg(feature = "system-codecs")]
    #[test]
    fn another_encoders_pictures_are_those_of_another_decoder_in_the_same_order() {
        for (name, stream) in STREAMS {
            let mut other = super::super::ffmpeg::Decoder::h264().unwrap();
            let (mut image, mut expected) = (Image::new(2, 2), Vec::new());
            for unit in units(stream) {
                if other.decode(unit, &mut image).unwrap() {
                    expected.push(image.clone());
                }
            }
            let seen = decoded(&units(stream));
            let pairs = expected.iter().zip(&seen);
            let worst = pairs.map(|(one, other)| psnr(one, other)).fold(f64::MAX, f64::min);
            println!("{name}: {} pictures, {worst:.1} dB at least", seen.len());
            // FFmpeg holds two back where there are B frames.
            assert!(expected.len() >= 22 && worst > 60.0, "{name}: {worst:.1} dB");
        }
    }
}
