//! The hold picture: plain, or with a caller's position in the queue; coded once for all who see it.
//!
//! ```text
//!   key ── 9 times the same ── key ── 9 times the same ──▶ from the start     5 pictures a second
//!    ▲                          │
//!    └── the receiver asks: leap to the next key frame ──┘
//! ```
//!
//! It is H.264 as every phone decodes it: constrained baseline, NAL units shorter than a packet. Who
//! sees by another codec sees nothing while it waits: VP8 and H.263 are not drawn here.

use super::hold::{Beat, Pace};
use super::patchbay::Source;
use super::plan::Plan;
use crate::codec::Codec;
use crate::codec::video::{Colour, H264Parameters, Level, Mosaic, Stream};
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Between two pictures.
const PICTURE_TIME: Duration = Duration::from_millis(200);
/// Pictures from one key frame to the next, 2 s.
const KEY_FRAME_EVERY: usize = 10;
/// Two key frames in a row are numbered apart, so that a film has two.
const FILM_LEN: usize = 2 * KEY_FRAME_EVERY;
/// Films that are kept; before one more, all are forgotten, and live on with those who see them.
const FILMS_MAX: usize = 256;
const CLOCK_RATE: u32 = 90_000;
/// Ticks between two pictures.
const STEP: u32 = CLOCK_RATE / 5;

/// A calm blue-grey, and what is written on it.
const GROUND: (u8, u8, u8) = (64, 80, 100);
const INK: (u8, u8, u8) = (230, 230, 220);

/// What a receiver of a picture can take in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Size {
    Qcif,
    Cif,
}

impl Size {
    fn of(fmtp: &str) -> Self {
        // Table A-1: CIF needs level 1.2, QCIF is within all levels.
        if H264Parameters::parse(fmtp).level >= Level::of(12) { Self::Cif } else { Self::Qcif }
    }

    /// In squares.
    fn sides(self) -> (usize, usize) {
        match self {
            Self::Qcif => (11, 9),
            Self::Cif => (22, 18),
        }
    }
}

/// The pictures of one loop, each as its NAL units. Cheap to clone.
#[derive(Clone, Debug)]
struct Film(Arc<[Vec<Vec<u8>>]>);

impl Film {
    fn of(size: Size, number: Option<u32>) -> Self {
        let colour = |(red, green, blue)| Colour::from_rgb(red, green, blue);
        let (width, height) = size.sides();
        let ground = Mosaic::plain(width, height, colour(GROUND));
        let mosaic = match number {
            Some(number) => ground.with_number(number, colour(INK)),
            None => ground,
        };
        let mut stream = Stream::new(mosaic);
        let pictures = (0..FILM_LEN).map(|at| {
            if at.is_multiple_of(KEY_FRAME_EVERY) {
                stream.request_key_frame();
            }
            stream.next_picture()
        });
        Self(pictures.collect())
    }
}

/// The films that were asked for so far.
#[derive(Debug, Default)]
pub struct Films(BTreeMap<(Size, Option<u32>), Film>);

impl Films {
    fn get(&mut self, size: Size, number: Option<u32>) -> Film {
        let key = (size, number);
        if self.0.len() >= FILMS_MAX && !self.0.contains_key(&key) {
            self.0.clear();
        }
        self.0.entry(key).or_insert_with(|| Film::of(size, number)).clone()
    }
}

/// A film on its way to one receiver.
#[derive(Debug)]
pub struct Projector {
    payload_type: u8,
    film: Film,
    next: usize,
    pace: Pace,
}

/// One picture of a film.
#[derive(Clone, Copy, Debug)]
pub struct Still<'a> {
    /// Ticks in a second.
    pub clock_rate: u32,
    /// Ticks since the picture before.
    pub step: u32,
    /// One packet each, all of one timestamp.
    pub nals: &'a [Vec<u8>],
    /// Whether pictures before it were left out.
    pub late: bool,
}

impl Projector {
    /// What a receiver with this plan is to see of this source; none where the source is no picture
    /// of ours, or the receiver has no H.264.
    #[must_use]
    pub fn new(films: &mut Films, plan: &Plan, source: Source, due: Instant) -> Option<Self> {
        let number = match source {
            Source::Hold | Source::Camera(_) => None,
            Source::Position(position) => Some(position),
            Source::Port(_)
            | Source::RingBack
            | Source::Tone(_)
            | Source::Silence
            | Source::Nothing => return None,
        };
        let format = plan.formats().find(|format| format.codec == Codec::H264)?;
        Some(Self {
            payload_type: format.send_pt & 0x7f,
            film: films.get(Size::of(&format.fmtp), number),
            next: 0,
            pace: Pace::new(PICTURE_TIME, due),
        })
    }

    /// Another film for the same receiver; its first key frame is not numbered like the last one.
    #[must_use]
    pub fn follow(
        mut self,
        films: &mut Films,
        plan: &Plan,
        source: Source,
        due: Instant,
    ) -> Option<Self> {
        self.leap();
        Self::new(films, plan, source, due).map(|new| Self { next: self.next, ..new })
    }

    /// The receiver's number.
    #[must_use]
    pub fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// The next picture is a key frame.
    pub fn leap(&mut self) {
        self.next = self.next.next_multiple_of(KEY_FRAME_EVERY) % FILM_LEN;
    }

    /// The next picture, when it is time for it.
    pub fn next(&mut self, now: Instant) -> Option<Still<'_>> {
        let beat = self.pace.beat(now);
        match beat {
            Beat::Early => return None,
            Beat::Now => {}
            Beat::Late => self.leap(),
        }
        let at = self.next;
        self.next = (at + 1) % FILM_LEN;
        let nals = self.film.0.get(at)?;
        Some(Still { clock_rate: CLOCK_RATE, step: STEP, nals, late: beat == Beat::Late })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::video::read_plain_colour;
    use crate::media::{BitrateFeedback, Feedback, PayloadFormat, PictureLimits};
    use crate::sdp::Direction;

    fn plan(codecs: &[(Codec, &str)]) -> Plan {
        let format = |(codec, fmtp): &(Codec, &str)| PayloadFormat {
            codec: codec.clone(),
            send_pt: 97,
            recv_pt: 99,
            fmtp: (*fmtp).to_owned(),
        };
        Plan {
            remote: None,
            remote_rtcp: None,
            latched: None,
            signalling_ip: [192, 0, 2, 1].into(),
            formats: codecs.iter().map(format).collect(),
            direction: Direction::SendRecv,
            mux: false,
            packet_ms: 0,
            feedback: Feedback::None,
            bitrate_feedback: BitrateFeedback::None,
            picture: PictureLimits::default(),
            protection: None,
            cname: "leg".into(),
        }
    }

    fn projector(source: Source) -> Option<Projector> {
        let plan = plan(&[(Codec::H264, "profile-level-id=42e01f")]);
        Projector::new(&mut Films::default(), &plan, source, Instant::START)
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    /// Which of the pictures until `until_ms` are key frames.
    fn shown(projector: &mut Projector, from_ms: u64, until_ms: u64) -> Vec<bool> {
        let beats = (from_ms..until_ms).step_by(20);
        beats.filter_map(|at| projector.next(ms(at)).map(|still| still.nals.len() > 1)).collect()
    }

    fn key_picture(film: &Film) -> &[Vec<u8>] {
        &film.0[0][2..]
    }

    #[test]
    fn five_pictures_a_second_and_a_key_frame_every_two_seconds() {
        let mut projector = projector(Source::Hold).unwrap();
        let keys = shown(&mut projector, 0, 6000);
        assert_eq!(keys.len(), 30);
        assert!(keys.iter().enumerate().all(|(n, key)| *key == n.is_multiple_of(10)));
    }

    #[test]
    fn who_asks_gets_a_key_frame_next_but_not_more_pictures() {
        let mut projector = projector(Source::Position(3)).unwrap();
        assert_eq!(shown(&mut projector, 0, 600), [true, false, false]);
        projector.leap();
        projector.leap();
        assert_eq!(shown(&mut projector, 600, 1200), [true, false, false]);
        projector.leap();
        assert_eq!(shown(&mut projector, 1200, 9000)[..2], [true, false]);
    }

    #[test]
    fn after_a_pause_of_ours_a_key_frame_comes() {
        let mut projector = projector(Source::Hold).unwrap();
        assert_eq!(shown(&mut projector, 0, 400), [true, false]);
        let still = projector.next(ms(3000)).unwrap();
        assert!(still.late && still.nals.len() > 1);
    }

    #[test]
    fn key_frames_in_a_row_are_numbered_apart_whatever_they_show() {
        let mut before = projector(Source::Position(2)).unwrap();
        let last = before.next(ms(0)).unwrap().nals[2].clone();
        let plan = plan(&[(Codec::H264, "profile-level-id=42e01f")]);
        let films = &mut Films::default();
        let mut after = before.follow(films, &plan, Source::Position(2), ms(20)).unwrap();
        let first = &after.next(ms(20)).unwrap().nals[2];
        assert_eq!((first[0], last[0]), (0x65, 0x65));
        assert_ne!(*first, last);
    }

    #[test]
    fn each_number_is_another_picture_on_the_same_ground() {
        let numbers = [None, Some(1), Some(2), Some(42), Some(888)];
        for size in [Size::Qcif, Size::Cif] {
            let films = numbers.map(|number| Film::of(size, number));
            for (n, film) in films.iter().enumerate() {
                let slices = key_picture(film);
                let ground = Colour::from_rgb(GROUND.0, GROUND.1, GROUND.2);
                assert_eq!(read_plain_colour(&slices[0]), Some(ground));
                assert!(films[..n].iter().all(|other| key_picture(other) != slices));
            }
        }
    }

    #[test]
    fn the_picture_fits_the_receivers_level() {
        for (fmtp, size, level) in [
            ("", Size::Qcif, 10),
            ("profile-level-id=42800b", Size::Qcif, 10),
            ("profile-level-id=42900b", Size::Qcif, 10),
            ("profile-level-id=42e00c", Size::Cif, 12),
            ("profile-level-id=64001f;packetization-mode=1", Size::Cif, 12),
        ] {
            assert_eq!(Size::of(fmtp), size, "{fmtp}");
            let film = Film::of(size, None);
            assert_eq!(film.0[0][0][1..4], [66, 0xc0, level], "{fmtp}");
        }
    }

    #[test]
    fn whoever_has_no_h264_sees_nothing() {
        let mut films = Films::default();
        let mut get = |plan: &Plan, source| Projector::new(&mut films, plan, source, ms(0));
        let old = plan(&[(Codec::Vp8, ""), (Codec::H263, "")]);
        assert!(get(&old, Source::Position(1)).is_none());
        let both = plan(&[(Codec::Vp8, ""), (Codec::H264, "")]);
        assert!(get(&both, Source::Position(1)).is_some());
        for source in [Source::Silence, Source::Nothing, Source::RingBack] {
            assert!(get(&both, source).is_none());
        }
    }

    #[test]
    fn a_queue_without_end_fills_no_memory() {
        let mut films = Films::default();
        for number in 0..10_000 {
            films.get(Size::Qcif, Some(number));
        }
        assert!(films.0.len() <= FILMS_MAX);
        let film = films.get(Size::Qcif, Some(9999));
        assert!(Arc::ptr_eq(&film.0, &films.get(Size::Qcif, Some(9999)).0), "coded once");
    }
}
