//! What is heard in place of a lost packet: the last moment back and forth, dying away.

/// The longest moment remembered: 10 ms at 48 kHz.
const MOMENT_MAX: usize = 480;
/// After this many moments there is silence.
const FADE_MOMENTS: usize = 6;

/// The end of a stream so far.
#[derive(Clone, Debug)]
pub(super) struct Concealment {
    /// The last 10 ms, from old to new.
    moment: Vec<i16>,
    len: usize,
    /// Samples made since the last real one.
    made: usize,
}

impl Concealment {
    pub(super) fn new(sample_rate: u32) -> Self {
        let len = (sample_rate as usize / 100).clamp(1, MOMENT_MAX);
        Self { moment: vec![0; len], len, made: 0 }
    }

    /// Takes note of what was really received.
    pub(super) fn remember(&mut self, pcm: &[i16]) {
        self.made = 0;
        let new = &pcm[pcm.len().saturating_sub(self.len)..];
        self.moment.copy_within(new.len().., 0);
        self.moment[self.len - new.len()..].copy_from_slice(new);
    }

    /// Goes on from there. Played backwards first, the sound joins without a click.
    pub(super) fn fill(&mut self, out: &mut [i16]) {
        let end = self.len * FADE_MOMENTS;
        for sample in out {
            let (round, at) = (self.made / self.len, self.made % self.len);
            let at = if round.is_multiple_of(2) { self.len - 1 - at } else { at };
            let left = end.saturating_sub(self.made) as i64;
            *sample = (i64::from(self.moment[at]) * left / end as i64) as i16;
            self.made = (self.made + 1).min(end);
        }
    }
}
