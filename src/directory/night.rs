//! The switch of a queue's night service.

use std::fmt;
use std::str::FromStr;

/// How an administrator, or an operator at the phone, has set the night service of a queue.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum NightSwitch {
    /// The opening hours decide; without any it is always day.
    #[default]
    Auto,
    /// It is night.
    On,
    /// It is day.
    Off,
}

impl NightSwitch {
    /// `auto`, `on`, `off`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for NightSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for NightSwitch {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let all = [Self::Auto, Self::On, Self::Off];
        all.into_iter().find(|switch| switch.word() == word).ok_or(())
    }
}
