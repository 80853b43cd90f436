//! The algebraic codebook: four pulses of height one in 40 samples (§3.8, §4.1.4; A.3.8).
//!
//! ```text
//!   track   places                  bits
//!     0     0, 5, 10 … 35           3
//!     1     1, 6, 11 … 36           3
//!     2     2, 7, 12 … 37           3
//!     3     3, 8 … 38, 4, 9 … 39    4
//! ```

use super::{Half, SUBFRAME, filter};

/// The distance between places of a track.
const STEP: usize = 5;

/// Four pulses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Pulses {
    /// One on each track.
    places: [usize; 4],
    /// 1 or -1.
    heights: [i8; 4],
}

impl Pulses {
    /// Of C and S.
    pub(super) fn decode(places: u16, signs: u8) -> Self {
        let step = |shift: u16| usize::from(places >> shift & 7) * STEP;
        let last = step(10) + 3 + usize::from(places >> 9 & 1);
        let heights = std::array::from_fn(|at| if signs >> at & 1 == 1 { 1 } else { -1 });
        Self { places: [step(0), step(3) + 1, step(6) + 2, last], heights }
    }

    /// C and S.
    pub(super) fn encode(&self) -> (u16, u8) {
        let [a, b, c, d] = self.places.map(|place| (place / STEP) as u16);
        let fifth = (self.places[3] % STEP - 3) as u16;
        let signs = self.heights.iter().rev().fold(0, |s, h| s << 1 | u8::from(*h > 0));
        (a | b << 3 | c << 6 | fifth << 9 | d << 10, signs)
    }

    /// The pulses as sound, with the pitch put into them (§3.8, equation 48).
    pub(super) fn sound(&self, lag: usize, sharpness: f32) -> Half {
        let mut sound = [0.0; SUBFRAME];
        for (place, height) in self.places.iter().zip(self.heights) {
            sound[*place] += f32::from(height);
        }
        sharpen(&mut sound, lag, sharpness);
        sound
    }
}

/// Repeats half a frame within itself, at a lag shorter than that.
fn sharpen(sound: &mut Half, lag: usize, sharpness: f32) {
    for n in lag..SUBFRAME {
        sound[n] += sharpness * sound[n - lag];
    }
}

/// Finds the pulses that come nearest to the target when heard through the response.
pub(super) fn search(target: &Half, response: &Half, lag: usize, sharpness: f32) -> Pulses {
    let mut response = *response;
    sharpen(&mut response, lag, sharpness);
    let mut wanted = filter::backward(target, &response);
    // Each pulse has the sign of what is wanted at its place (§3.8.1).
    let heights = wanted.map(|wanted| if wanted >= 0.0 { 1_i8 } else { -1 });
    wanted.iter_mut().for_each(|wanted| *wanted = wanted.abs());
    let field = PulseField { wanted, overlap: overlap(&response, &heights) };
    let mut best = None;
    for track in [3, 4] {
        let first = field.pair(field.two_best(2), track);
        best = field.two_more(best, first, (places(0), places(1)));
        let second = field.pair(field.two_best(track), 0);
        best = field.two_more(best, second, (field.two_best(1), places(2)));
    }
    let mut sorted = best.expect("every track has places").places;
    sorted.sort_unstable_by_key(|place| place % STEP);
    Pulses { places: sorted, heights: sorted.map(|place| heights[place]) }
}

fn places(track: usize) -> impl Iterator<Item = usize> + Clone {
    (track..SUBFRAME).step_by(STEP)
}

/// How much of each pulse is wanted, and how much two of them are alike.
struct PulseField {
    wanted: Half,
    overlap: [Half; SUBFRAME],
}

/// Some pulses, of which the best have the most of the target for their power.
#[derive(Clone, Copy)]
struct PulseChoice {
    places: [usize; 4],
    wanted: f32,
    /// Half of the power; never nothing.
    power: f32,
}

impl PulseChoice {
    /// The better of what there is and another.
    fn or(best: Option<Self>, other: Self) -> Option<Self> {
        let is_worse = |best: &Self| {
            other.wanted * other.wanted * best.power <= best.wanted * best.wanted * other.power
        };
        best.filter(is_worse).or(Some(other))
    }
}

impl PulseField {
    /// The two places of a track that are wanted most.
    fn two_best(&self, track: usize) -> impl Iterator<Item = usize> + Clone {
        let best = |not: Option<usize>| {
            let others = places(track).filter(move |place| Some(*place) != not);
            others.reduce(|a, b| if self.wanted[b] > self.wanted[a] { b } else { a })
        };
        let first = best(None);
        [first, best(first)].into_iter().flatten()
    }

    /// The best pulses at one of these places and on a track.
    fn pair(&self, some: impl Iterator<Item = usize>, track: usize) -> PulseChoice {
        let mut best = None;
        for a in some {
            for b in places(track) {
                let own = self.overlap[a][a] / 2.0 + self.overlap[b][b] / 2.0;
                let power = own + self.overlap[a][b] + 0.01;
                let wanted = self.wanted[a] + self.wanted[b];
                // The others are not yet chosen.
                best = PulseChoice::or(best, PulseChoice { places: [a, b, a, b], wanted, power });
            }
        }
        best.expect("every track has places")
    }

    /// The best so far, or better: the pair with two more pulses, one of each.
    fn two_more(
        &self,
        mut best: Option<PulseChoice>,
        pair: PulseChoice,
        (third, fourth): (impl Iterator<Item = usize>, impl Iterator<Item = usize> + Clone),
    ) -> Option<PulseChoice> {
        let [a, b, ..] = pair.places;
        let beside = |place: usize| {
            let row = &self.overlap[place];
            row[place] / 2.0 + row[a] + row[b]
        };
        for c in third {
            let (power, wanted) = (pair.power + beside(c), pair.wanted + self.wanted[c]);
            for d in fourth.clone() {
                let power = power + beside(d) + self.overlap[c][d];
                let wanted = wanted + self.wanted[d];
                best = PulseChoice::or(best, PulseChoice { places: [a, b, c, d], wanted, power });
            }
        }
        best
    }
}

/// The products of the response with itself, each shifted, with the signs of both pulses.
fn overlap(response: &Half, heights: &[i8; SUBFRAME]) -> [Half; SUBFRAME] {
    let mut overlap = [[0.0; SUBFRAME]; SUBFRAME];
    for distance in 0..SUBFRAME {
        let mut sum = 0.0;
        for n in 0..SUBFRAME - distance {
            sum += response[n] * response[n + distance];
            let (j, i) = (SUBFRAME - 1 - n, SUBFRAME - 1 - n - distance);
            let signed = sum * f32::from(heights[i] * heights[j]);
            overlap[i][j] = signed;
            overlap[j][i] = signed;
        }
    }
    overlap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_comes_back() {
        for places in 0..1 << 13 {
            let signs = (places % 16) as u8;
            let pulses = Pulses::decode(places, signs);
            assert_eq!(pulses.encode(), (places, signs));
            let tracks = pulses.places.map(|place| (place % STEP).min(3));
            assert_eq!(tracks, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn pulses_are_found_again() {
        let response = std::array::from_fn(|n| 0.6_f32.powi(n as i32));
        for (places, signs) in [(0x0123, 5), (0x1fff, 0), (0x0000, 15), (0x0a5a, 9)] {
            let pulses = Pulses::decode(places, signs);
            let target = filter::convolve(&pulses.sound(60, 0.5), &response);
            assert_eq!(search(&target, &response, 60, 0.5), pulses);
        }
    }

    #[test]
    fn a_target_of_nothing_still_has_pulses() {
        let pulses = search(&[0.0; SUBFRAME], &[0.0; SUBFRAME], 20, 0.2);
        assert_eq!(pulses.places, [0, 1, 2, 3]);
    }

    #[test]
    fn a_short_pitch_repeats_the_pulses() {
        let sound = Pulses::decode(0, 15).sound(20, 0.5);
        assert_eq!((sound[0], sound[20], sound[22], sound[39]), (1.0, 0.5, 0.5, 0.0));
    }
}
