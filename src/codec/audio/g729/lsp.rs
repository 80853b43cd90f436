//! Line spectral frequencies: how the spectrum is said in 18 bits (§3.2.4), and back.

use super::bits::LspCode;
use super::tables::{LSF_FIRST, LSF_PREDICTORS, LSF_SECOND};
use super::{Filter, ORDER};
use std::f32::consts::PI;

/// The frequencies in radians, rising.
pub(super) type Lsf = [f32; ORDER];
/// Their cosines, falling.
pub(super) type Lsp = [f32; ORDER];

/// Where frequencies must lie for the filter to be stable, and how far apart.
const LSF_MIN: f32 = 0.005;
const LSF_MAX: f32 = 3.135;
const LSF_DISTANCE: f32 = 0.0392;
/// How far apart the two stages are pushed, first and second.
const STAGE_DISTANCES: [f32; 2] = [0.0012, 0.0006];

/// Before the first frame.
pub(super) const LSP_START: Lsp =
    [0.9595, 0.8413, 0.6549, 0.4154, 0.1423, -0.1423, -0.4154, -0.6549, -0.8413, -0.9595];

/// Predicts a frame's frequencies from the codewords of four frames before. Both sides keep one.
#[derive(Clone, Debug)]
pub(super) struct LspPredictor {
    /// The latest first.
    past: [Lsf; 4],
}

/// A predictor's coefficients: each of the past, and what is left for the present.
struct Weights {
    past: [Lsf; 4],
    present: Lsf,
}

impl Weights {
    /// Those of L0.
    fn speech(predictor: u8) -> Self {
        Self::of(LSF_PREDICTORS[usize::from(predictor & 1)])
    }

    /// Those of comfort noise: the first, or three parts of it to two of the second (B.4.2.2).
    fn noise(predictor: u8) -> Self {
        let [first, second] = LSF_PREDICTORS;
        if predictor == 0 {
            return Self::of(*first);
        }
        Self::of(std::array::from_fn(|k| {
            std::array::from_fn(|j| 0.6 * first[k][j] + 0.4 * second[k][j])
        }))
    }

    fn of(past: [Lsf; 4]) -> Self {
        Self {
            past,
            present: std::array::from_fn(|j| 1.0 - past.iter().map(|p| p[j]).sum::<f32>()),
        }
    }
}

impl LspPredictor {
    pub(super) fn new() -> Self {
        let flat = std::array::from_fn(|j| PI * (j + 1) as f32 / (ORDER + 1) as f32);
        Self { past: [flat; 4] }
    }

    /// The frequencies that a frame of speech says.
    pub(super) fn decode(&mut self, code: &LspCode) -> Lsf {
        self.compose(codeword(code), &Weights::speech(code.predictor))
    }

    /// The frequencies of comfort noise, whose rows the caller has looked up.
    pub(super) fn decode_noise(&mut self, predictor: u8, mut word: Lsf) -> Lsf {
        spread(&mut word, STAGE_DISTANCES[0]);
        self.compose(word, &Weights::noise(predictor))
    }

    /// After a lost frame: the codeword that would have repeated the frequencies (§4.4.1).
    pub(super) fn repeat(&mut self, lsf: &Lsf, predictor: u8) {
        // Solving for the present amplifies what is not exact; over a long loss it would run away.
        let word = self.extract(lsf, &Weights::speech(predictor)).map(|f| f.clamp(0.0, PI));
        self.push(word);
    }

    /// The nearest code to these frequencies, and what it decodes to.
    pub(super) fn quantise(&mut self, lsf: &Lsf) -> (LspCode, Lsf) {
        let importance = importance(lsf);
        let [first, second] = [0, 1].map(|predictor| {
            let weights = Weights::speech(predictor);
            let target = self.extract(lsf, &weights);
            let code = nearest(&target, &importance, predictor);
            let word = codeword(&code);
            let error =
                |j: usize| importance[j] * ((word[j] - target[j]) * weights.present[j]).powi(2);
            (code, (0..ORDER).map(error).sum::<f32>())
        });
        let code = if second.1 < first.1 { second.0 } else { first.0 };
        (code, self.decode(&code))
    }

    fn compose(&mut self, word: Lsf, weights: &Weights) -> Lsf {
        let mut lsf =
            std::array::from_fn(|j| word[j] * weights.present[j] + self.expected(j, weights));
        self.push(word);
        settle(&mut lsf);
        lsf
    }

    fn extract(&self, lsf: &Lsf, weights: &Weights) -> Lsf {
        std::array::from_fn(|j| (lsf[j] - self.expected(j, weights)) / weights.present[j])
    }

    fn expected(&self, j: usize, weights: &Weights) -> f32 {
        self.past.iter().zip(&weights.past).map(|(past, weight)| past[j] * weight[j]).sum()
    }

    fn push(&mut self, word: Lsf) {
        self.past.rotate_right(1);
        self.past[0] = word;
    }
}

/// The sum of the two stages.
fn codeword(code: &LspCode) -> Lsf {
    let first = &LSF_FIRST[usize::from(code.first & 127)];
    let low = &LSF_SECOND[usize::from(code.low & 31)];
    let high = &LSF_SECOND[usize::from(code.high & 31)];
    let mut word = std::array::from_fn(|j| first[j] + if j < ORDER / 2 { low[j] } else { high[j] });
    for distance in STAGE_DISTANCES {
        spread(&mut word, distance);
    }
    word
}

/// Pushes neighbours apart that are closer than this.
fn spread(word: &mut Lsf, distance: f32) {
    for j in 1..ORDER {
        let push = (word[j - 1] - word[j] + distance) / 2.0;
        if push > 0.0 {
            word[j - 1] -= push;
            word[j] += push;
        }
    }
}

/// Orders the frequencies and keeps them apart, so that the filter is stable (§3.2.4).
fn settle(lsf: &mut Lsf) {
    for j in 1..ORDER {
        if lsf[j] < lsf[j - 1] {
            lsf.swap(j - 1, j);
        }
    }
    lsf[0] = lsf[0].max(LSF_MIN);
    for j in 1..ORDER {
        lsf[j] = lsf[j].max(lsf[j - 1] + LSF_DISTANCE);
    }
    lsf[ORDER - 1] = lsf[ORDER - 1].min(LSF_MAX);
}

/// How much an error at each frequency would be heard: most where they stand close (§3.2.4).
fn importance(lsf: &Lsf) -> Lsf {
    std::array::from_fn(|j| {
        let below = if j == 0 { 0.04 * PI } else { lsf[j - 1] };
        let above = if j == ORDER - 1 { 0.92 * PI } else { lsf[j + 1] };
        let gap = (above - below - 1.0).min(0.0);
        let middle = if j == 4 || j == 5 { 1.2 } else { 1.0 };
        (10.0 * gap * gap + 1.0) * middle
    })
}

/// The codeword nearest to the target, stage by stage.
fn nearest(target: &Lsf, importance: &Lsf, predictor: u8) -> LspCode {
    let first = best(LSF_FIRST, |row| {
        row.iter().zip(target).map(|(row, target)| (target - row).powi(2)).sum()
    });
    let rest: Lsf = std::array::from_fn(|j| target[j] - LSF_FIRST[usize::from(first)][j]);
    let half = |range: std::ops::Range<usize>| {
        best(LSF_SECOND, |row| {
            range.clone().map(|j| importance[j] * (rest[j] - row[j]).powi(2)).sum()
        })
    };
    LspCode { predictor, first, low: half(0..ORDER / 2), high: half(ORDER / 2..ORDER) }
}

/// The row of least error.
fn best(rows: &[Lsf], error: impl Fn(&Lsf) -> f32) -> u8 {
    let mut best = (0, f32::MAX);
    for (index, row) in rows.iter().enumerate() {
        let error = error(row);
        if error < best.1 {
            best = (index as u8, error);
        }
    }
    best.0
}

/// The filters of both halves of a frame: the first half has the mean of the frames around it
/// (§3.2.5).
pub(super) fn interpolate(before: &Lsp, now: &Lsp) -> [Filter; 2] {
    let mean = std::array::from_fn(|j| (before[j] + now[j]) / 2.0);
    [to_filter(&mean), to_filter(now)]
}

/// The prediction filter with these line spectral pairs (§3.2.6).
fn to_filter(lsp: &Lsp) -> Filter {
    let (mut sum, mut difference) = (polynomial(lsp, 0), polynomial(lsp, 1));
    for j in (1..=ORDER / 2).rev() {
        sum[j] += sum[j - 1];
        difference[j] -= difference[j - 1];
    }
    let mut a = [1.0; ORDER + 1];
    for j in 1..=ORDER / 2 {
        a[j] = (sum[j] + difference[j]) / 2.0;
        a[ORDER + 1 - j] = (sum[j] - difference[j]) / 2.0;
    }
    a
}

/// The first half of the polynomial that has every other pair, from `start`, as its roots.
fn polynomial(lsp: &Lsp, start: usize) -> [f32; ORDER / 2 + 1] {
    let mut f = [0.0; ORDER / 2 + 1];
    f[0] = 1.0;
    for (degree, q) in lsp[start..].iter().step_by(2).enumerate() {
        // Times 1 - 2qz + z², of which the symmetric half is kept.
        let last = if degree == 0 { 0.0 } else { f[degree - 1] };
        f[degree + 1] = 2.0 * last - 2.0 * q * f[degree];
        for j in (1..=degree).rev() {
            let older = if j >= 2 { f[j - 2] } else { 0.0 };
            f[j] += older - 2.0 * q * f[j - 1];
        }
    }
    f
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(bits: u32) -> LspCode {
        let part = |shift: u32, mask: u32| (bits >> shift & mask) as u8;
        LspCode { predictor: part(0, 1), first: part(1, 127), low: part(8, 31), high: part(13, 31) }
    }

    proptest! {
        #[test]
        fn every_code_says_rising_frequencies(codes in prop::collection::vec(any::<u32>(), 1..12)) {
            let mut predictor = LspPredictor::new();
            for bits in codes {
                let lsf = predictor.decode(&code(bits));
                prop_assert!(lsf.is_sorted() && lsf[0] >= LSF_MIN && lsf[9] <= LSF_MAX, "{:?}", lsf);
            }
        }
    }

    #[test]
    fn both_sides_say_the_same_and_little_is_lost() {
        let (mut ours, mut theirs) = (LspPredictor::new(), LspPredictor::new());
        let wanted = [0.25, 0.41, 0.78, 1.01, 1.35, 1.62, 1.98, 2.24, 2.51, 2.80];
        for round in 0..20 {
            let (code, said) = ours.quantise(&wanted);
            assert_eq!(theirs.decode(&code), said);
            let worst = (0..ORDER).map(|j| (said[j] - wanted[j]).abs()).fold(0.0, f32::max);
            assert!(round < 4 || worst < 0.12, "{worst}");
        }
    }

    #[test]
    fn a_long_loss_does_not_run_away() {
        let mut predictor = LspPredictor::new();
        let lsf = predictor.decode(&code(0x2_1f3b));
        for _ in 0..10_000 {
            predictor.repeat(&lsf, 0);
        }
        let next = predictor.decode(&code(0x2_1f3b));
        assert!(next.is_sorted() && next.iter().all(|f| f.is_finite()));
    }

    #[test]
    fn an_even_spectrum_is_a_flat_filter() {
        let even: Lsf = LspPredictor::new().past[0];
        let a = to_filter(&even.map(f32::cos));
        assert!(a[1..].iter().all(|a| a.abs() < 1e-5), "{a:?}");
    }
}
