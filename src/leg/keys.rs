//! Keys that a phone reports in two ways, as packets (RFC 4733) and by INFO: each press counts once,
//! whichever report is first, and also where a quick finger is two keys ahead of the slower way.

use crate::media::KEY_ECHO;
use crate::time::Instant;
use std::collections::VecDeque;

/// Presses that wait for their other report; who types more within [`KEY_ECHO`] is no human.
const PRESSES_MAX: usize = 32;

/// How a press was reported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeyWay {
    Packet,
    Request,
}

/// The keys of one phone.
#[derive(Debug, Default)]
pub(super) struct ReceivedDigits {
    /// Presses of which one report has come, the oldest first.
    waiting: VecDeque<ReceivedDigit>,
}

#[derive(Clone, Copy, Debug)]
struct ReceivedDigit {
    digit: char,
    way: KeyWay,
    at: Instant,
}

impl ReceivedDigits {
    /// Whether no press waits for its other report any more.
    pub fn is_quiet(&self, now: Instant) -> bool {
        self.waiting.iter().all(|press| now.since(press.at) >= KEY_ECHO)
    }

    /// Notes a report; false when it is the other one of a press that counts already.
    pub fn press(&mut self, digit: char, way: KeyWay, at: Instant) -> bool {
        self.waiting.retain(|press| at.since(press.at) < KEY_ECHO);
        let is_other = |press: &ReceivedDigit| press.digit == digit && press.way != way;
        if let Some(first) = self.waiting.iter().position(is_other) {
            self.waiting.remove(first);
            return false;
        }
        if self.waiting.len() == PRESSES_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(ReceivedDigit { digit, way, at });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::KeyWay::{Packet, Request};
    use super::*;
    use crate::time::Duration;

    /// What counts of these reports, which come within no time.
    fn counted(reports: &[(char, KeyWay)]) -> String {
        let mut keys = ReceivedDigits::default();
        let counts = reports.iter().filter(|(digit, way)| keys.press(*digit, *way, Instant::START));
        counts.map(|(digit, _)| *digit).collect()
    }

    #[test]
    fn a_press_counts_once_whichever_report_is_first() {
        assert_eq!(counted(&[('5', Packet), ('5', Request)]), "5");
        assert_eq!(counted(&[('5', Request), ('5', Packet)]), "5");
    }

    #[test]
    fn reports_that_fall_behind_are_told_from_new_presses() {
        let ahead = [('*', Packet), ('2', Packet), ('*', Request), ('2', Request)];
        assert_eq!(counted(&ahead), "*2");
        let twice = [('1', Packet), ('1', Packet), ('1', Request), ('1', Request), ('1', Request)];
        assert_eq!(counted(&twice), "111", "the third INFO is the first report of a third press");
    }

    #[test]
    fn a_phone_with_one_way_presses_as_often_as_it_says() {
        assert_eq!(counted(&[('7', Request); 3]), "777");
        assert_eq!(counted(&[('7', Packet); 3]), "777");
    }

    #[test]
    fn what_comes_too_late_is_another_press() {
        let mut keys = ReceivedDigits::default();
        assert!(keys.press('5', Packet, Instant::START));
        let almost = Instant::START + (KEY_ECHO - Duration::from_micros(1));
        assert!(!keys.press('5', Request, almost));
        assert!(keys.press('5', Packet, Instant::START));
        assert!(keys.press('5', Request, Instant::START + KEY_ECHO));
    }

    #[test]
    fn a_phone_that_presses_without_end_is_remembered_so_far() {
        let mut keys = ReceivedDigits::default();
        for _ in 0..10 * PRESSES_MAX {
            assert!(keys.press('5', Request, Instant::START));
        }
        assert_eq!(keys.waiting.len(), PRESSES_MAX);
    }
}
