//! The adaptive codebook: the excitation of a pitch period ago (§3.4, §3.7, §4.1.3; A.3.4, A.3.7).

use super::filter::{self, dot};
use super::tables::INTERPOLATION;
use super::{FRAME, Half, SUBFRAME};
use std::ops::RangeInclusive;

/// The shortest and the longest period that is looked for.
pub(super) const LAG_MIN: usize = 20;
pub(super) const LAG_MAX: usize = 143;
/// Excitation that is remembered: the longest period and half of the interpolation filter.
pub(super) const PAST: usize = LAG_MAX + 11;
/// The excitation that went before, and that of the frame.
pub(super) type Excitation = [f32; PAST + FRAME];

/// The lag from which on the first half of a frame has no thirds.
const WHOLE_FROM: usize = 85;
/// The code of the first such lag.
const WHOLE_CODE: u8 = 197;
/// Samples on each side that interpolation looks at.
const REACH: usize = 10;

/// A pitch period.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Lag {
    /// Samples.
    pub(super) whole: usize,
    /// Thirds of a sample on top: -1, 0 or 1.
    pub(super) third: i8,
}

impl Lag {
    /// Of the first half of a frame, P1: 19⅓ to 143.
    pub(super) fn decode_first(code: u8) -> Self {
        if code >= WHOLE_CODE {
            return Self { whole: usize::from(code) - 112, third: 0 };
        }
        let whole = usize::from(code).div_ceil(3) + 19;
        Self { whole, third: third(usize::from(code) + 58, whole) }
    }

    /// Of the second half, P2, near the lag of the first.
    pub(super) fn decode_second(code: u8, first: usize) -> Self {
        let code = usize::from(code & 31);
        let steps = code.div_ceil(3);
        let whole = *around(first).start() + steps - 1;
        Self { whole, third: third(code + 1, steps) }
    }

    pub(super) fn encode_first(self) -> u8 {
        if self.whole > WHOLE_FROM {
            (self.whole + 112) as u8
        } else {
            (self.whole as i16 * 3 - 58 + i16::from(self.third)) as u8
        }
    }

    pub(super) fn encode_second(self, first: usize) -> u8 {
        let steps = self.whole as i16 - *around(first).start() as i16;
        (steps * 3 + 2 + i16::from(self.third)) as u8
    }
}

/// How many thirds `code` is beyond three times the whole.
fn third(code: usize, whole: usize) -> i8 {
    (code as i16 - 3 * whole as i16) as i8
}

/// The ten lags that the second half of a frame may have.
pub(super) fn around(first: usize) -> RangeInclusive<usize> {
    let from = first.saturating_sub(5).clamp(LAG_MIN, LAG_MAX - 9);
    from..=from + 9
}

/// The seven lags that are tried in the first half of a frame.
fn around_open_loop(lag: usize) -> RangeInclusive<usize> {
    let from = lag.saturating_sub(3).clamp(LAG_MIN, LAG_MAX - 6);
    from..=from + 6
}

/// Repeats the excitation of a lag ago at `start`, for half a frame.
pub(super) fn repeat(excitation: &mut Excitation, start: usize, lag: Lag) {
    // Between samples, that is a third or two later than the sample before.
    let (phase, back) = match lag.third {
        1 => (2, lag.whole + 1),
        0 => (0, lag.whole),
        _ => (1, lag.whole),
    };
    for n in start..start + SUBFRAME {
        let at = n - back;
        let before = excitation[at + 1 - REACH..=at].iter().rev();
        let behind = &excitation[at + 1..=at + REACH];
        let left = before.zip(INTERPOLATION[phase..].iter().step_by(3));
        let right = behind.iter().zip(INTERPOLATION[3 - phase..].iter().step_by(3));
        excitation[n] = left.chain(right).map(|(sample, weight)| sample * weight).sum();
    }
}

/// The lag of a whole frame, of the weighted sound with [`LAG_MAX`] samples before it (A.3.4).
pub(super) fn open_loop(weighted: &[f32; LAG_MAX + FRAME]) -> usize {
    let product = |lag: usize| every_other(weighted, LAG_MAX, LAG_MAX - lag);
    let section = |lags: &mut dyn Iterator<Item = usize>| {
        let first = (0, f32::MIN);
        lags.map(|lag| (lag, product(lag))).fold(first, |a, b| if b.1 > a.1 { b } else { a })
    };
    let normal = |(lag, product): (usize, f32)| {
        let power = every_other(weighted, LAG_MAX - lag, LAG_MAX - lag);
        (lag, product / (power + 0.01).sqrt())
    };
    let (short, mut short_peak) = normal(section(&mut (20..40)));
    let (middle, mut middle_peak) = normal(section(&mut (40..80)));
    let coarse = section(&mut (80..LAG_MAX).step_by(2));
    let fine = section(&mut [coarse.0, coarse.0 + 1, coarse.0 - 1].into_iter());
    let (long, long_peak) = normal(fine);
    // Where one lag is a multiple of another, the shorter is the pitch.
    for (times, tolerance) in [(2, 5), (3, 7)] {
        if (middle * times).abs_diff(long) < tolerance {
            middle_peak += 0.25 * long_peak;
        }
    }
    for (times, tolerance) in [(2, 5), (3, 7)] {
        if (short * times).abs_diff(middle) < tolerance {
            short_peak += 0.2 * middle_peak;
        }
    }
    let (lag, peak) =
        if short_peak < middle_peak { (middle, middle_peak) } else { (short, short_peak) };
    if peak < long_peak { long } else { lag }
}

/// The product of two stretches of a frame's length, of every other sample.
fn every_other(sound: &[f32; LAG_MAX + FRAME], a: usize, b: usize) -> f32 {
    let (a, b) = (&sound[a..a + FRAME], &sound[b..b + FRAME]);
    a.chunks_exact(2).zip(b.chunks_exact(2)).map(|(a, b)| a[0] * b[0]).sum()
}

/// Which half of a frame a lag is looked for in, and near which lag.
#[derive(Clone, Copy, Debug)]
pub(super) enum Near {
    /// The first half: near the open-loop lag.
    OpenLoop(usize),
    /// The second half: near the first's.
    First(usize),
}

/// Finds the lag whose excitation is heard most in the target, and leaves that excitation at `start`
/// (A.3.7). Before, the residual stands there.
pub(super) fn closed_loop(
    excitation: &mut Excitation,
    start: usize,
    target: &Half,
    response: &Half,
    near: Near,
) -> Lag {
    let wanted = filter::backward(target, response);
    let lags = match near {
        Near::OpenLoop(lag) => around_open_loop(lag),
        Near::First(lag) => around(lag),
    };
    let mut whole = (*lags.start(), f32::MIN);
    for lag in lags {
        let likeness = dot(&wanted, &excitation[start - lag..]);
        if likeness > whole.1 {
            whole = (lag, likeness);
        }
    }
    let mut best = (Lag { whole: whole.0, third: 0 }, f32::MIN);
    let thirds: &[i8] = match near {
        Near::OpenLoop(_) if whole.0 >= WHOLE_FROM => &[0],
        Near::OpenLoop(_) | Near::First(_) => &[0, -1, 1],
    };
    for third in thirds {
        let lag = Lag { whole: whole.0, third: *third };
        repeat(excitation, start, lag);
        let likeness = dot(&wanted, &excitation[start..]);
        if likeness > best.1 {
            best = (lag, likeness);
        }
    }
    repeat(excitation, start, best.0);
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_a_lag_comes_back() {
        for code in 0..=255 {
            let lag = Lag::decode_first(code);
            assert!((19..=143).contains(&lag.whole) && lag.third.abs() <= 1, "{lag:?}");
            assert_eq!(lag.encode_first(), code);
        }
        for first in 19..=144 {
            for code in 0..32 {
                let lag = Lag::decode_second(code, first);
                assert!((19..=144).contains(&lag.whole) && lag.third.abs() <= 1, "{lag:?}");
                assert_eq!(lag.encode_second(first), code);
            }
        }
        assert_eq!(Lag::decode_first(0), Lag { whole: 19, third: 1 });
        assert_eq!(Lag::decode_first(197), Lag { whole: 85, third: 0 });
        assert_eq!(Lag::decode_second(0, 60), Lag { whole: 54, third: 1 });
    }

    #[test]
    fn the_longest_lags_stay_within_what_is_remembered() {
        for third in [-1, 0, 1] {
            let mut excitation: Excitation = [1.0; PAST + FRAME];
            repeat(&mut excitation, PAST, Lag { whole: 143, third });
            repeat(&mut excitation, PAST + SUBFRAME, Lag { whole: 19, third });
            assert!(excitation.iter().all(|e| (e - 1.0).abs() < 0.05), "{excitation:?}");
        }
        let mut excitation = [1.0; PAST + FRAME];
        repeat(&mut excitation, PAST, Lag { whole: 144, third: -1 });
    }

    #[test]
    fn a_period_is_found_and_not_its_multiple() {
        for period in [23, 36, 52, 77, 90, 139] {
            let weighted = std::array::from_fn(|n| {
                let turn = n as f32 * std::f32::consts::TAU / period as f32;
                (1..6).map(|k| 500.0 * (k as f32 * turn).cos()).sum()
            });
            let lag = open_loop(&weighted);
            // The closed loop looks three samples around.
            assert!(lag.abs_diff(period) <= 3, "{period}: {lag}");
        }
    }

    #[test]
    fn a_fraction_is_found_again() {
        let mut response = [0.0; SUBFRAME];
        response[0] = 1.0;
        for third in [-1, 0, 1] {
            let mut excitation: Excitation =
                std::array::from_fn(|n| 1000.0 * (n as f32 * 0.9).sin() * (n as f32 * 0.07).cos());
            let lag = Lag { whole: 61, third };
            repeat(&mut excitation, PAST, lag);
            let target = std::array::from_fn(|n| excitation[PAST + n]);
            let near = Near::First(60);
            assert_eq!(closed_loop(&mut excitation, PAST, &target, &response, near), lag);
        }
    }
}
