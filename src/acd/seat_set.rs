//! A set of desks, one bit per seat, so that a thousand requests are compared with all desks at once.

/// Where an operator sits: the number of its bit.
pub(super) type SeatNumber = usize;

const SEATS_PER_WORD: usize = 64;

/// A set of seats.
#[derive(Clone, Debug, Default)]
pub(super) struct SeatSet(Vec<u64>);

impl SeatSet {
    pub fn set(&mut self, seat: SeatNumber, present: bool) {
        let (word, bit) = place(seat);
        let old = self.word(word);
        self.set_word(word, if present { old | bit } else { old & !bit });
    }

    pub fn contains(&self, seat: SeatNumber) -> bool {
        let (word, bit) = place(seat);
        self.word(word) & bit != 0
    }

    /// Whether nobody but perhaps `barred` is in the set.
    pub fn is_empty_but(&self, barred: Option<SeatNumber>) -> bool {
        (0..self.words()).all(|word| self.word(word) & !mask(barred, word) == 0)
    }

    /// How many words have to be looked at.
    pub fn words(&self) -> usize {
        self.0.len()
    }

    /// The `word`th 64 seats; those that were never set are not there.
    pub fn word(&self, word: usize) -> u64 {
        self.0.get(word).copied().unwrap_or(0)
    }

    pub fn set_word(&mut self, word: usize, bits: u64) {
        if word >= self.0.len() {
            if bits == 0 {
                return;
            }
            self.0.resize(word + 1, 0);
        }
        self.0[word] = bits;
    }
}

/// The bit of `seat` within the `word`th 64 seats, if it is there.
pub(super) fn mask(seat: Option<SeatNumber>, word: usize) -> u64 {
    seat.map(place).filter(|(at, _)| *at == word).map_or(0, |(_, bit)| bit)
}

/// The seats whose bits are set, in order.
pub(super) fn seats(word: usize, mut bits: u64) -> impl Iterator<Item = SeatNumber> {
    std::iter::from_fn(move || {
        (bits != 0).then(|| {
            let seat = word * SEATS_PER_WORD + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            seat
        })
    })
}

fn place(seat: SeatNumber) -> (usize, u64) {
    (seat / SEATS_PER_WORD, 1 << (seat % SEATS_PER_WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_come_back_in_order_beyond_the_first_word() {
        let mut desks = SeatSet::default();
        for seat in [200, 3, 64, 63] {
            desks.set(seat, true);
        }
        let all = (0..desks.words()).flat_map(|word| seats(word, desks.word(word)));
        assert_eq!(all.collect::<Vec<_>>(), [3, 63, 64, 200]);
        desks.set(64, false);
        assert!(!desks.contains(64) && desks.contains(200) && !desks.contains(100_000));
    }

    #[test]
    fn a_barred_desk_does_not_count_as_somebody() {
        let mut desks = SeatSet::default();
        assert!(desks.is_empty_but(None));
        desks.set(70, true);
        assert!(desks.is_empty_but(Some(70)));
        assert!(!desks.is_empty_but(Some(6)) && !desks.is_empty_but(None));
    }
}
