//! All cores wired into one machine.

pub mod journal;
