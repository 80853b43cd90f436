//! The pictures of one sender in the codec and the size of one receiver: what a codec worker owns.

use super::coder::{CODED_MAX, Error, Settings, VideoDecoder, VideoEncoder};
use super::image::Image;
use super::scale::{Scaler, fitted};
use crate::codec::Codec;

/// What the receiver can take in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VideoTarget {
    /// The only sizes that there are (H.261, H.263); empty: any.
    pub sizes: Vec<(usize, usize)>,
    /// The longest row and column.
    pub sides_max: (usize, usize),
    /// The most macroblocks.
    pub macroblocks_max: usize,
    /// Pictures a second.
    pub frame_rate_max: u32,
    /// bit/s; `None`: what suits the size.
    pub bitrate_max: Option<u32>,
    /// As in [`Settings::slice_max`].
    pub slice_max: Option<usize>,
}

/// A picture that was coded anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Converted<'a> {
    /// Whether a decoder can begin here.
    pub key_frame: bool,
    /// As [`VideoEncoder::encode`] gives it.
    pub coded: &'a [u8],
}

/// A decoder, an encoder, and what lies between.
#[derive(Debug)]
pub struct Converter {
    to: Codec,
    target: VideoTarget,
    decoder: VideoDecoder,
    decoded: Image,
    scaler: Scaler,
    scaled: Image,
    encoder: Option<(VideoEncoder, Settings)>,
    key_frame_due: bool,
    /// What the receiver said it can take by now.
    bitrate_told: Option<u32>,
    /// The timestamp of the last picture that was coded.
    last: Option<u32>,
    pace: FramePace,
    coded: Vec<u8>,
}

/// How often pictures are coded, which no sender tells.
#[derive(Debug)]
struct FramePace {
    /// Pictures a second, as far as is known.
    frame_rate: u32,
    /// Steps from picture to picture since it was last found out, and their sum in ticks.
    steps: u32,
    ticks: u32,
}

/// The pace is found out from so many pictures.
const PACE_STEPS: u32 = 16;
/// A pace that lies between these percentages of the one before is the same: old codecs' encoders have
/// to begin anew for another one.
const SAME_PACE_PERCENT: (u32, u32) = (70, 140);
/// A picture may come this much early of the receiver's rate: cameras are not exact.
const EARLY_PERCENT: u32 = 25;
/// QCIF and CIF, which H.261 has alone, and H.263 beside rare ones.
const COMMON_SIZES: [(usize, usize); 2] = [(176, 144), (352, 288)];
/// Ticks a second.
const CLOCK_RATE: u32 = 90_000;

impl VideoTarget {
    /// No bounds but our own.
    #[must_use]
    pub fn any() -> Self {
        Self {
            sizes: Vec::new(),
            sides_max: (1280, 1280),
            macroblocks_max: 3600,
            frame_rate_max: 30,
            bitrate_max: None,
            slice_max: None,
        }
    }

    /// The size in which a picture of this size is coded: never larger than it is, unless there is
    /// no other.
    #[must_use]
    pub fn size_for(&self, (width, height): (usize, usize)) -> (usize, usize) {
        if !self.sizes.is_empty() {
            return self.fixed_size_for((width, height));
        }
        let even = |side: usize| (side & !1).max(2);
        let within = |sides: (usize, usize)| {
            let (max_width, max_height) =
                (self.sides_max.0.min(width), self.sides_max.1.min(height));
            fitted(sides, (even(max_width), even(max_height)))
        };
        let (mut w, mut h) = within((width, height));
        let macroblocks = |w: usize, h: usize| w.div_ceil(16) * h.div_ceil(16);
        while macroblocks(w, h) > self.macroblocks_max && w > 16 && h > 16 {
            // Whole macroblocks waste nothing.
            w = (w - 1) & !15;
            h = even(w * height / width);
        }
        (w, h)
    }

    /// The smallest that holds the whole picture, else the largest that there is.
    fn fixed_size_for(&self, (width, height): (usize, usize)) -> (usize, usize) {
        let area = |(w, h): &(usize, usize)| w * h;
        let holds = self.sizes.iter().filter(|(w, h)| *w >= width && *h >= height);
        let (smallest, largest) =
            (holds.min_by_key(|s| area(s)), self.sizes.iter().max_by_key(|s| area(s)));
        smallest.or(largest).copied().unwrap_or((176, 144))
    }
}

impl Converter {
    /// From one codec to another; none where one of them can only be passed through.
    #[must_use]
    pub fn new(from: &Codec, to: &Codec, mut target: VideoTarget) -> Option<Self> {
        let fixed = matches!(to, Codec::H263 | Codec::H261);
        target.sizes.retain(|size| !fixed || COMMON_SIZES.contains(size));
        if fixed && target.sizes.is_empty() {
            target.sizes = COMMON_SIZES.to_vec();
        }
        let frame_rate_max = target.frame_rate_max;
        Some(Self {
            to: to.clone(),
            target,
            decoder: VideoDecoder::new(from)?,
            decoded: Image::new(2, 2),
            scaler: Scaler::default(),
            scaled: Image::new(2, 2),
            encoder: None,
            key_frame_due: true,
            bitrate_told: None,
            last: None,
            pace: FramePace::new(frame_rate_max),
            coded: Vec::new(),
        })
    }

    /// Tells the decoder what stands outside of the stream: parameter sets, with start codes.
    pub fn learn(&mut self, sets: &[u8]) {
        // They make no picture; broken ones make none later.
        let _ = self.decoder.decode(sets, &mut self.decoded);
    }

    /// Takes a picture of the sender, at its timestamp of 90 kHz. None where nothing is to be sent:
    /// it is not `wanted`, comes too soon for the receiver, or shows only with the next one.
    ///
    /// # Errors
    /// [`Error::Broken`]: the sender should begin anew; what comes next is taken all the same.
    pub fn take(
        &mut self,
        timestamp: u32,
        coded: &[u8],
        wanted: bool,
    ) -> Result<Option<Converted<'_>>, Error> {
        if !self.decoder.decode(coded, &mut self.decoded)? || !wanted || !self.is_time(timestamp) {
            return Ok(None);
        }
        let last = self.last.replace(timestamp);
        let new_pace = last.and_then(|last| self.pace.step(timestamp.wrapping_sub(last)));
        let size = self.target.size_for((self.decoded.width(), self.decoded.height()));
        self.prepare(size)?;
        let image = if size == (self.decoded.width(), self.decoded.height()) {
            &self.decoded
        } else {
            self.scaled.resize(size.0, size.1);
            self.scaler.scale(&self.decoded, &mut self.scaled);
            &self.scaled
        };
        self.coded.clear();
        let (encoder, settings) = self.encoder.as_mut().ok_or(Error::Encoder)?;
        if let Some(frame_rate) = new_pace {
            settings.frame_rate = frame_rate;
            encoder.set_frame_rate(frame_rate);
        }
        let key_frame = encoder.encode(image, self.key_frame_due, &mut self.coded)?;
        self.key_frame_due &= !key_frame;
        if self.coded.is_empty() || self.coded.len() > CODED_MAX {
            return Ok(None);
        }
        Ok(Some(Converted { key_frame, coded: &self.coded }))
    }

    /// The receiver cannot go on without a key frame.
    pub fn want_key_frame(&mut self) {
        self.key_frame_due = true;
    }

    /// The receiver takes so many bit/s now.
    pub fn set_bitrate(&mut self, bitrate: u32) {
        self.bitrate_told = Some(bitrate);
        let wanted = self.encoder.as_ref().map(|(_, settings)| self.bitrate(settings));
        if let (Some((encoder, settings)), Some(wanted)) = (&mut self.encoder, wanted)
            && settings.bitrate != wanted
        {
            settings.bitrate = wanted;
            encoder.set_bitrate(wanted);
        }
    }

    fn is_time(&self, timestamp: u32) -> bool {
        let Some(last) = self.last.filter(|_| !self.key_frame_due) else { return true };
        let interval = CLOCK_RATE / self.target.frame_rate_max.max(1);
        timestamp.wrapping_sub(last) >= interval - interval * EARLY_PERCENT / 100
    }

    /// Has an encoder for this size.
    fn prepare(&mut self, (width, height): (usize, usize)) -> Result<(), Error> {
        let fits = |settings: &Settings| (settings.width, settings.height) == (width, height);
        if self.encoder.as_ref().is_some_and(|(_, settings)| fits(settings)) {
            return Ok(());
        }
        let mut settings = Settings {
            width,
            height,
            frame_rate: self.pace.frame_rate,
            bitrate: 0,
            slice_max: self.target.slice_max,
        };
        settings.bitrate = self.bitrate(&settings);
        let encoder = VideoEncoder::new(&self.to, &settings).ok_or(Error::Encoder)?;
        self.encoder = Some((encoder, settings));
        self.key_frame_due = true;
        Ok(())
    }

    /// What suits the size, within what the receiver takes: 300 kbit/s for CIF, 900 for VGA.
    fn bitrate(&self, settings: &Settings) -> u32 {
        let suits = (settings.width * settings.height * 3) as u32;
        let limits = [self.target.bitrate_max, self.bitrate_told];
        limits.into_iter().flatten().fold(suits, u32::min)
    }
}

impl FramePace {
    fn new(frame_rate_max: u32) -> Self {
        Self { frame_rate: frame_rate_max.clamp(1, 30), steps: 0, ticks: 0 }
    }

    /// Counts one more picture; another pace where it turns out so.
    fn step(&mut self, ticks: u32) -> Option<u32> {
        // A pause is no pace.
        self.steps += 1;
        self.ticks += ticks.min(CLOCK_RATE);
        if self.steps < PACE_STEPS {
            return None;
        }
        let frame_rate = (self.steps * CLOCK_RATE / self.ticks.max(1)).clamp(1, 60);
        (self.steps, self.ticks) = (0, 0);
        let percent = frame_rate * 100 / self.frame_rate;
        if (SAME_PACE_PERCENT.0..=SAME_PACE_PERCENT.1).contains(&percent) {
            return None;
        }
        self.frame_rate = frame_rate;
        Some(frame_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{codecs, psnr, test_image};
    use super::*;

    fn target(codec: &Codec) -> VideoTarget {
        let sizes = match codec {
            Codec::H263 | Codec::H261 => vec![(176, 144), (352, 288)],
            _any => vec![],
        };
        VideoTarget { sizes, ..VideoTarget::any() }
    }

    fn pictures(codec: &Codec, count: usize) -> Vec<Vec<u8>> {
        let settings =
            Settings { width: 352, height: 288, frame_rate: 15, bitrate: 300_000, slice_max: None };
        let mut encoder = VideoEncoder::new(codec, &settings).unwrap();
        let code = |at| {
            let mut coded = Vec::new();
            encoder.encode(&test_image(352, 288, at), at == 0, &mut coded).unwrap();
            coded
        };
        (0..count).map(code).collect()
    }

    #[test]
    fn every_pair_of_codecs_shows_the_same_pictures() {
        for from in codecs() {
            for to in codecs() {
                let mut converter = Converter::new(&from, &to, target(&to)).unwrap();
                let mut decoder = VideoDecoder::new(&to).unwrap();
                let (mut seen, mut shown, mut worst) = (Image::new(2, 2), 0, f64::MAX);
                for (at, coded) in pictures(&from, 15).iter().enumerate() {
                    let converted = converter.take(at as u32 * 6000, coded, true).unwrap();
                    let converted = converted.expect("no codec holds a picture back");
                    assert!(converted.key_frame || shown > 0, "{from} to {to}");
                    shown += usize::from(decoder.decode(converted.coded, &mut seen).unwrap());
                    worst = worst.min(psnr(&test_image(352, 288, at), &seen));
                }
                println!("{from} to {to}: {shown} of 15 pictures, {worst:.1} dB at least");
                assert!(shown == 15 && worst > 30.0, "{from} to {to}: {shown}, {worst:.1} dB");
            }
        }
    }

    #[test]
    fn pictures_of_every_size_come_through_every_codec() {
        for to in codecs() {
            for (width, height) in [(16, 16), (320, 180), (640, 480), (288, 352), (1280, 720)] {
                let coder =
                    Settings { width, height, frame_rate: 15, bitrate: 1_000_000, slice_max: None };
                let mut coded = Vec::new();
                let mut encoder = VideoEncoder::new(&Codec::H264, &coder).unwrap();
                encoder.encode(&test_image(width, height, 0), true, &mut coded).unwrap();
                let mut converter = Converter::new(&Codec::H264, &to, target(&to)).unwrap();
                let converted = converter.take(0, &coded, true).unwrap().unwrap();
                let mut seen = Image::new(2, 2);
                let mut decoder = VideoDecoder::new(&to).unwrap();
                assert_eq!(decoder.decode(converted.coded, &mut seen), Ok(true), "{to}");
                let wanted = converter.target.size_for((width, height));
                assert_eq!((seen.width(), seen.height()), wanted, "{to}");
                let mut reference = Image::new(wanted.0, wanted.1);
                Scaler::default().scale(&test_image(width, height, 0), &mut reference);
                let likeness = psnr(&reference, &seen);
                println!("{width}x{height} to {to} {wanted:?}: {likeness:.1} dB");
                assert!(likeness > 28.0, "{width}x{height} to {to}: {likeness:.1} dB");
            }
        }
    }

    #[test]
    fn a_picture_keeps_within_what_the_receiver_declared() {
        let any = VideoTarget::any();
        assert_eq!(any.size_for((640, 480)), (640, 480), "never larger, nor smaller without need");
        let small = VideoTarget { macroblocks_max: 99, ..VideoTarget::any() };
        let (width, height) = small.size_for((640, 480));
        assert!(width.div_ceil(16) * height.div_ceil(16) <= 99 && width >= 160, "{width}x{height}");
        let narrow = VideoTarget { sides_max: (320, 240), ..VideoTarget::any() };
        assert_eq!(narrow.size_for((1280, 720)), (320, 180));
        let old = target(&Codec::H261);
        assert_eq!(old.size_for((320, 240)), (352, 288));
        assert_eq!(old.size_for((1280, 720)), (352, 288));
        assert_eq!(old.size_for((128, 96)), (176, 144));
    }

    #[test]
    fn pictures_come_no_faster_than_the_receiver_takes_them() {
        let slow = VideoTarget { frame_rate_max: 5, ..VideoTarget::any() };
        let mut converter = Converter::new(&Codec::H264, &Codec::H264, slow).unwrap();
        let mut sent = 0;
        for (at, coded) in (0..).zip(pictures(&Codec::H264, 31)) {
            sent += usize::from(converter.take(at * 3000, &coded, true).unwrap().is_some());
        }
        assert!((5..=7).contains(&sent), "{sent} pictures in a second");
    }

    #[test]
    fn the_pace_of_the_source_is_found_out_and_small_changes_are_none() {
        let mut converter = Converter::new(&Codec::H264, &Codec::H264, VideoTarget::any()).unwrap();
        let mut rate_at = |ticks: u32, at: u32, coded: &[u8]| {
            converter.take(at * ticks, coded, true).unwrap();
            converter.encoder.as_ref().map_or(0, |(_, settings)| settings.frame_rate)
        };
        let all = pictures(&Codec::H264, 40);
        assert_eq!(rate_at(6000, 0, &all[0]), 30, "what the receiver takes at most");
        let rates: Vec<u32> =
            (1..).zip(&all[1..]).map(|(at, coded)| rate_at(6000, at, coded)).collect();
        assert_eq!((rates[0], rates[38]), (30, 15));
        let mut pace = FramePace::new(15);
        assert!((0..100).all(|_| pace.step(7000).is_none()), "13 is still 15");
        let mut pace = FramePace::new(30);
        assert!((0..96).all(|_| pace.step(u32::MAX) != Some(0)), "a pause is no pace");
        assert!((0..100).filter_map(|_| pace.step(0)).all(|rate| rate == 60));
    }

    #[test]
    fn what_is_not_wanted_is_decoded_all_the_same() {
        let mut converter = Converter::new(&Codec::H264, &Codec::H264, VideoTarget::any()).unwrap();
        let all = pictures(&Codec::H264, 10);
        for (at, coded) in (0..).zip(&all[..9]) {
            assert_eq!(converter.take(at * 6000, coded, false), Ok(None));
        }
        let last = converter.take(54_000, &all[9], true).unwrap().unwrap();
        assert!(last.key_frame, "the first that is sent");
    }

    #[test]
    fn a_key_frame_is_made_when_it_is_wanted() {
        let mut converter = Converter::new(&Codec::H264, &Codec::H264, VideoTarget::any()).unwrap();
        for (at, coded) in (0..).zip(pictures(&Codec::H264, 10)) {
            if at == 5 {
                converter.want_key_frame();
            }
            let converted = converter.take(at * 6000, &coded, true).unwrap().unwrap();
            assert_eq!(converted.key_frame, at == 0 || at == 5);
        }
    }

    #[test]
    fn after_broken_pictures_it_goes_on() {
        let mut converter = Converter::new(&Codec::H264, &Codec::H264, VideoTarget::any()).unwrap();
        assert_eq!(converter.take(0, &[0, 0, 0, 1, 0x65, 1, 2, 3], true), Err(Error::Broken));
        for (at, coded) in (1..).zip(pictures(&Codec::H264, 3)) {
            assert!(converter.take(at * 6000, &coded, true).unwrap().is_some());
        }
    }
}
