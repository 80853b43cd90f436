//! A day in a machine's life: a line goes in, the indented lines under it must come out.
//!
//! ```text
//! 1s   r1 arrives                  # a remark
//!          queued r1, 1 of 1
//!          offer r1 to op1, 1 of 1
//! 31s  alarm                       # nothing goes in: the machine's own deadline
//!          repeat r1
//! ```

use cordboard::time::{Duration, Instant};
use std::fmt::Write as _;

/// A machine that understands the lines of its script.
pub trait Machine {
    /// Plays one line, and returns the lines that come out.
    fn play(&mut self, now: Instant, words: &[&str]) -> Vec<String>;
    /// When it wants to be woken.
    fn deadline(&self) -> Option<Instant>;
    /// Wakes it.
    fn tick(&mut self, now: Instant) -> Vec<String>;
}

/// Plays the script, and fails with what really happened where it differs.
#[track_caller]
pub fn day(machine: &mut impl Machine, script: &str) {
    let (happened, expected) = played(machine, script);
    assert!(happened == expected, "\n--- expected:\n{expected}\n--- what happened:\n{happened}");
}

/// Plays the script, and says what really happened.
#[allow(dead_code)] // Not every test program asks.
pub fn happened(machine: &mut impl Machine, script: &str) -> String {
    played(machine, script).0
}

fn played(machine: &mut impl Machine, script: &str) -> (String, String) {
    let (mut happened, mut expected) = (String::new(), String::new());
    for line in script.lines().map(|line| line.split('#').next().unwrap_or("")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(now) = words.first().and_then(|word| moment(word)) else {
            if !words.is_empty() {
                let _ = writeln!(expected, "         {}", words.join(" "));
            }
            continue;
        };
        let _ = writeln!(expected, "{:<4} {}", words[0], words[1..].join(" "));
        while let Some(at) = machine.deadline().filter(|at| *at <= now) {
            let came = machine.tick(at);
            assert!(
                machine.deadline().is_none_or(|next| next > at),
                "the alarm at {at:?} rings for ever"
            );
            if !came.is_empty() {
                let time = format!("{}s", at.as_micros() as f64 / 1e6);
                note(&mut happened, &format!("{time:<4} alarm"), &came);
            }
        }
        if words[1..] != ["alarm"] {
            let came = machine.play(now, &words[1..]);
            note(&mut happened, &format!("{:<4} {}", words[0], words[1..].join(" ")), &came);
        }
    }
    (happened, expected)
}

fn note(happened: &mut String, line: &str, came: &[String]) {
    let _ = writeln!(happened, "{line}");
    for effect in came {
        let _ = writeln!(happened, "         {effect}");
    }
}

/// `90s` or `0.5s` after the start.
fn moment(word: &str) -> Option<Instant> {
    let seconds: f64 = word.strip_suffix('s')?.parse().ok()?;
    Some(Instant::START + Duration::from_secs_f64(seconds))
}
