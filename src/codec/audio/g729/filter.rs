//! Filters over half a frame, and the two that frame the whole.

use super::{FRAME, Filter, Half, LOUDEST, ORDER, SUBFRAME};

/// The last outputs of a synthesis filter, from old to new.
pub(super) type FilterMemory = [f32; ORDER];

/// The sum of the products.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A(z/γ): each formant a little wider.
pub(super) fn bandwidth_expanded(a: &Filter, gamma: f32) -> Filter {
    let mut factor = 1.0;
    a.map(|a| {
        let wide = a * factor;
        factor *= gamma;
        wide
    })
}

/// What A(z) leaves of the last 40 samples; `signal` has the [`ORDER`] ones before them in front.
pub(super) fn residual(a: &Filter, signal: &[f32]) -> Half {
    std::array::from_fn(|n| {
        let past = &signal[n..=n + ORDER];
        a.iter().zip(past.iter().rev()).map(|(a, s)| a * s).sum()
    })
}

/// 1/A(z) on half a frame, kept within bounds. The memory moves on.
pub(super) fn synthesis(a: &Filter, excitation: &Half, memory: &mut FilterMemory) -> Half {
    let mut all = [0.0; ORDER + SUBFRAME];
    all[..ORDER].copy_from_slice(memory);
    for (n, excitation) in excitation.iter().enumerate() {
        let past = all[n..n + ORDER].iter().rev();
        let sum = a[1..].iter().zip(past).fold(*excitation, |sum, (a, s)| sum - a * s);
        all[ORDER + n] = sum.clamp(-LOUDEST, LOUDEST);
    }
    memory.copy_from_slice(&all[SUBFRAME..]);
    std::array::from_fn(|n| all[ORDER + n])
}

/// The answer of numerator/A(z) to one pulse.
pub(super) fn impulse_response(numerator: &[f32], a: &Filter) -> Half {
    let pulse = std::array::from_fn(|n| numerator.get(n).copied().unwrap_or(0.0));
    synthesis(a, &pulse, &mut [0.0; ORDER])
}

/// `signal` heard through the impulse response.
pub(super) fn convolve(signal: &Half, response: &Half) -> Half {
    let mut out = [0.0; SUBFRAME];
    for (n, sample) in signal.iter().enumerate().filter(|(_, sample)| **sample != 0.0) {
        for (out, response) in out[n..].iter_mut().zip(response) {
            *out += sample * response;
        }
    }
    out
}

/// How much of each delayed impulse response there is in `target` (§3.8.1).
pub(super) fn backward(target: &Half, response: &Half) -> Half {
    std::array::from_fn(|n| dot(&target[n..], response))
}

/// A filter of the second order that takes away hum and offset.
#[derive(Clone, Debug)]
pub(super) struct HighPass {
    b: [f32; 3],
    a: [f32; 2],
    inputs: [f32; 2],
    outputs: [f32; 2],
}

impl HighPass {
    /// Before the encoder, 140 Hz (§3.1). That it halves the sound is for integers only.
    pub(super) fn before() -> Self {
        Self::new([0.927_274_35, -1.854_494_1, 0.927_274_35], [1.905_946_5, -0.911_402_4])
    }

    /// Behind the decoder, 100 Hz (§4.2.5). That it doubles the sound is for integers only.
    pub(super) fn behind() -> Self {
        Self::new([0.939_805_8, -1.879_583_4, 0.939_805_8], [1.933_073_5, -0.935_892])
    }

    fn new(b: [f32; 3], a: [f32; 2]) -> Self {
        Self { b, a, inputs: [0.0; 2], outputs: [0.0; 2] }
    }

    pub(super) fn run(&mut self, samples: &mut [f32; FRAME]) {
        for sample in samples {
            let [x1, x2] = self.inputs;
            let [y1, y2] = self.outputs;
            let x = *sample;
            let y =
                self.b[0] * x + self.b[1] * x1 + self.b[2] * x2 + self.a[0] * y1 + self.a[1] * y2;
            self.inputs = [x, x1];
            self.outputs = [y, y1];
            *sample = y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Filter = [1.0, -1.2, 0.6, -0.1, 0.05, 0.0, 0.1, -0.05, 0.0, 0.02, -0.01];

    #[test]
    fn synthesis_undoes_the_residual() {
        let signal: [f32; ORDER + SUBFRAME] =
            std::array::from_fn(|n| ((n * n * 37) % 2000) as f32 - 1000.0);
        let mut memory: FilterMemory = std::array::from_fn(|n| signal[n]);
        let back = synthesis(&A, &residual(&A, &signal), &mut memory);
        for (back, signal) in back.iter().zip(&signal[ORDER..]) {
            assert!((back - signal).abs() < 0.1, "{back} {signal}");
        }
    }

    #[test]
    fn a_filter_that_runs_away_stays_within_bounds() {
        let wild: Filter = [1.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let out = synthesis(&wild, &[1000.0; SUBFRAME], &mut [0.0; ORDER]);
        assert!(out.iter().all(|s| s.is_finite() && s.abs() <= LOUDEST));
    }

    #[test]
    fn what_is_looked_for_backward_is_what_was_sent_forward() {
        let response = impulse_response(&[1.0], &A);
        let mut pulse = [0.0; SUBFRAME];
        pulse[7] = 2.0;
        let heard = convolve(&pulse, &response);
        let found = backward(&heard, &response);
        let best = (0..SUBFRAME).max_by(|a, b| found[*a].total_cmp(&found[*b]));
        assert_eq!(best, Some(7));
    }

    #[test]
    fn an_offset_does_not_pass() {
        let mut filter = HighPass::before();
        let mut samples = [0.0; FRAME];
        for _ in 0..20 {
            samples = [8000.0; FRAME];
            filter.run(&mut samples);
        }
        assert!(samples.iter().all(|s| s.abs() < 100.0), "{samples:?}");
    }
}
