//! Keys that a phone-only operator presses in a call: `*2NUMBER#` and its kin.
//!
//! A `*` is held back while a feature code may follow; what turns out to be none goes on to the
//! other party.

use crate::desk::command::Verb;
use crate::time::{Duration, Instant};

/// A code that is not finished within this time after its last key is none.
pub const KEY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// The longest number that can be keyed.
pub const DIGITS_MAX: usize = 24;

/// The feature code that turns night to day and day to night.
pub(super) const NIGHT_CODE: &str = "*54";

/// What the keys mean.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Keyed {
    /// Nothing yet.
    Held,
    /// These go on to the other party.
    Pass(String),
    /// A command.
    Command(Verb),
    /// `*3`: the other of the two, whoever that is now.
    Alternate,
    /// `*7`: records the call, or no longer, whichever it is not now.
    Record,
    /// `*8`: parks the call.
    Park,
    /// `*9`: the next call in hand, or else the one that is offered.
    Swap,
    /// `*5`: release; the second time in a row it forces.
    Release,
}

impl Keyed {
    /// Whether the keys ask for something, and are not on their way to it or to the other party.
    pub fn is_code(&self) -> bool {
        !matches!(self, Self::Held | Self::Pass(_))
    }
}

/// The keys of one operator's phone in one call.
#[derive(Clone, Debug, Default)]
pub(super) struct FeatureCodeDigits {
    held: String,
    since: Option<Instant>,
    /// `*8` and `*9` are codes.
    pub several: bool,
}

impl FeatureCodeDigits {
    pub fn press(&mut self, now: Instant, key: char) -> Keyed {
        if self.held.is_empty() && key != '*' {
            return Keyed::Pass(key.to_string());
        }
        self.held.push(key);
        self.since = Some(now);
        let done = match self.held.as_str() {
            "*3" => Keyed::Alternate,
            "*4" => Keyed::Command(Verb::Connect),
            "*5" => Keyed::Release,
            "*6" => Keyed::Command(Verb::Cancel),
            "*7" => Keyed::Record,
            "*8" if self.several => Keyed::Park,
            "*9" if self.several => Keyed::Swap,
            "*" | "*2" => return Keyed::Held,
            held => match held.strip_prefix("*2") {
                Some(number) => match number.strip_suffix('#') {
                    Some("") => Keyed::Pass(held.to_owned()),
                    Some(number) => Keyed::Command(Verb::Consult { number: number.to_owned() }),
                    None if number.len() <= DIGITS_MAX && key.is_ascii_digit() => {
                        return Keyed::Held;
                    }
                    None => Keyed::Pass(held.to_owned()),
                },
                None => Keyed::Pass(held.to_owned()),
            },
        };
        self.held.clear();
        self.since = None;
        done
    }

    /// When [`tick`](Self::tick) gives up waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + KEY_PAUSE_MAX)
    }

    /// The keys that were held back in vain.
    pub fn tick(&mut self, now: Instant) -> Option<String> {
        if self.deadline().is_none_or(|at| now < at) {
            return None;
        }
        self.since = None;
        Some(std::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keys: &mut FeatureCodeDigits, text: &str) -> Vec<Keyed> {
        let all = text.chars().map(|key| keys.press(Instant::START, key));
        all.filter(|keyed| *keyed != Keyed::Held).collect()
    }

    fn pass(text: &str) -> Keyed {
        Keyed::Pass(text.to_owned())
    }

    #[test]
    fn codes_become_commands() {
        let mut keys = FeatureCodeDigits::default();
        let consult = Keyed::Command(Verb::Consult { number: "3002".into() });
        assert_eq!(press(&mut keys, "*23002#"), [consult]);
        let cancel = Keyed::Command(Verb::Cancel);
        let connect = Keyed::Command(Verb::Connect);
        assert_eq!(
            press(&mut keys, "*3*4*5*6"),
            [Keyed::Alternate, connect, Keyed::Release, cancel]
        );
    }

    #[test]
    fn who_may_have_several_calls_parks_and_swaps_by_keys() {
        let mut keys = FeatureCodeDigits { several: true, ..FeatureCodeDigits::default() };
        assert_eq!(press(&mut keys, "*8*9"), [Keyed::Park, Keyed::Swap]);
    }

    #[test]
    fn what_is_no_code_goes_on_to_the_other_party() {
        let mut keys = FeatureCodeDigits::default();
        assert_eq!(press(&mut keys, "1#*9*2#"), [pass("1"), pass("#"), pass("*9"), pass("*2#")]);
        assert_eq!(press(&mut keys, "*23*"), [pass("*23*")]);
    }

    #[test]
    fn a_star_that_nothing_follows_is_released() {
        let mut keys = FeatureCodeDigits::default();
        assert_eq!(keys.press(Instant::START, '*'), Keyed::Held);
        assert_eq!(keys.tick(Instant::START), None);
        assert_eq!(keys.tick(Instant::START + KEY_PAUSE_MAX), Some("*".into()));
        assert_eq!(keys.deadline(), None);
    }

    #[test]
    fn an_endless_number_is_let_go() {
        let mut keys = FeatureCodeDigits::default();
        let keyed = press(&mut keys, &format!("*2{}", "7".repeat(DIGITS_MAX + 1)));
        assert_eq!(keyed, [pass(&format!("*2{}", "7".repeat(DIGITS_MAX + 1)))]);
    }
}
