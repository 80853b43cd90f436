//! The analysis of the spectrum: from a window of sound to line spectral pairs (§3.2.1 to §3.2.3).

use super::filter::dot;
use super::lsp::Lsp;
use super::{Filter, ORDER};
use std::f32::consts::PI;

/// Samples of the window: 15 ms before the frame, the frame, and 5 ms after it.
pub(super) const WINDOW: usize = 240;
/// Where its cosine falls.
const WINDOW_PEAK: usize = 200;
/// Places where the polynomials are looked at for a change of sign (A.3.2.3).
const GRID: usize = 50;
/// How often the place of a change is halved.
const HALVINGS: usize = 2;

/// The window, which is half a Hamming window and a quarter of a cosine, and the lag window.
#[derive(Clone, Debug)]
pub(super) struct Analysis {
    window: [f32; WINDOW],
    lags: [f32; ORDER + 1],
}

impl Analysis {
    pub(super) fn new() -> Self {
        let window = std::array::from_fn(|n| {
            if n < WINDOW_PEAK {
                0.54 - 0.46 * (2.0 * PI * n as f32 / 399.0).cos()
            } else {
                (2.0 * PI * (n - WINDOW_PEAK) as f32 / 159.0).cos()
            }
        });
        // 60 Hz of widening, and a floor of noise 40 dB down.
        let lags = std::array::from_fn(|k| {
            let lag = (-0.5 * (2.0 * PI * 60.0 * k as f32 / 8000.0).powi(2)).exp();
            if k == 0 { 1.0001 } else { lag }
        });
        Self { window, lags }
    }

    /// The filter that predicts the sound best.
    pub(super) fn run(&self, sound: &[f32; WINDOW]) -> Filter {
        let windowed: [f32; WINDOW] = std::array::from_fn(|n| sound[n] * self.window[n]);
        let correlation = std::array::from_fn(|k| {
            let sum = dot(&windowed[k..], &windowed);
            // Silence predicts nothing.
            (if k == 0 { sum.max(1.0) } else { sum }) * self.lags[k]
        });
        levinson(&correlation)
    }
}

/// The recursion of Levinson and Durbin. It stops where rounding would make the filter unstable.
fn levinson(correlation: &[f32; ORDER + 1]) -> Filter {
    let mut a = [0.0; ORDER + 1];
    a[0] = 1.0;
    let mut error = correlation[0];
    for i in 1..=ORDER {
        let sum: f32 = (0..i).map(|j| a[j] * correlation[i - j]).sum();
        let reflection = -sum / error;
        if reflection.is_nan() || reflection.abs() >= 0.9999 {
            break;
        }
        let before = a;
        for j in 1..i {
            a[j] = before[j] + reflection * before[i - j];
        }
        a[i] = reflection;
        error *= 1.0 - reflection * reflection;
    }
    a
}

/// The line spectral pairs of the filter; none when not all of them are found.
pub(super) fn to_lsp(a: &Filter) -> Option<Lsp> {
    let (mut sum, mut difference) = ([1.0; ORDER / 2 + 1], [1.0; ORDER / 2 + 1]);
    for j in 0..ORDER / 2 {
        sum[j + 1] = a[j + 1] + a[ORDER - j] - sum[j];
        difference[j + 1] = a[j + 1] - a[ORDER - j] + difference[j];
    }
    let (mut lsp, mut found) = ([0.0; ORDER], 0);
    // The roots of the two alternate.
    let mut polynomials = [&sum, &difference];
    let mut left = 1.0;
    let mut value = chebyshev(left, polynomials[0]);
    for step in 1..=GRID {
        let right = (PI * step as f32 / GRID as f32).cos();
        let mut at_right = chebyshev(right, polynomials[0]);
        while value * at_right <= 0.0 {
            let root = refine(polynomials[0], (left, value), (right, at_right));
            lsp[found] = root;
            found += 1;
            if found == ORDER {
                return Some(lsp);
            }
            // The next may lie in what is left of this step.
            polynomials.swap(0, 1);
            (left, value) = (root, chebyshev(root, polynomials[0]));
            at_right = chebyshev(right, polynomials[0]);
        }
        (left, value) = (right, at_right);
    }
    None
}

/// The root between two places with values of different sign.
fn refine(polynomial: &[f32], mut left: (f32, f32), mut right: (f32, f32)) -> f32 {
    for _ in 0..HALVINGS {
        let middle = (left.0 + right.0) / 2.0;
        let value = chebyshev(middle, polynomial);
        if left.1 * value <= 0.0 {
            right = (middle, value);
        } else {
            left = (middle, value);
        }
    }
    let rise = right.1 - left.1;
    if rise == 0.0 { left.0 } else { left.0 - left.1 * (right.0 - left.0) / rise }
}

/// The value of the polynomial, a series of Chebyshev polynomials, at the cosine `x`.
fn chebyshev(x: f32, f: &[f32]) -> f32 {
    let (mut before, mut last) = (1.0, 2.0 * x + f[1]);
    for f in &f[2..ORDER / 2] {
        (before, last) = (last, 2.0 * x * last - before + f);
    }
    x * last - before + f[ORDER / 2] / 2.0
}

#[cfg(test)]
mod tests {
    use super::super::lsp;
    use super::*;

    #[test]
    fn pairs_come_back_from_their_filter() {
        let lsf = [0.24_f32, 0.36, 0.66, 1.01, 1.35, 1.62, 1.99, 2.24, 2.51, 2.86];
        let lsp = lsf.map(f32::cos);
        let [_, filter] = lsp::interpolate(&lsp, &lsp);
        let found = to_lsp(&filter).unwrap();
        for (found, lsp) in found.iter().zip(lsp) {
            assert!((found - lsp).abs() < 0.003, "{found} {lsp}");
        }
    }

    #[test]
    fn a_tone_is_predicted() {
        let sound = std::array::from_fn(|n| 8000.0 * (0.5 * n as f32).sin());
        let a = Analysis::new().run(&sound);
        let left = super::super::filter::residual(&a, &sound[100..150]);
        let share = dot(&left, &left) / dot(&sound[110..150], &sound[110..150]);
        assert!(share < 0.001, "{share}");
        assert!(to_lsp(&a).is_some());
    }

    #[test]
    fn silence_and_the_loudest_noise_have_a_filter() {
        let analysis = Analysis::new();
        assert_eq!(analysis.run(&[0.0; WINDOW])[1..], [0.0; ORDER]);
        let loud = std::array::from_fn(|n| if n * n % 7 < 3 { 32_767.0 } else { -32_768.0 });
        assert!(analysis.run(&loud).iter().all(|a| a.is_finite()));
    }
}
