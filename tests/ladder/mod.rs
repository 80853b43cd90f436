//! Reads and plays ladder diagrams, in the manner of RFC 3665.
//!
//! A line is a rung, `a -> b  words`; `+500ms` lets time pass; `# …` is a remark. Rungs that the
//! house knows as its inputs are played; all others must come out of it, in this order. What does
//! not match is printed as the ladder that really happened.

use cordboard::time::{Duration, Instant};

/// What is under test, with its rungs.
pub trait Testbed {
    /// Plays one rung, given as words with single blanks; `None` when it is one that comes out.
    fn play(&mut self, now: Instant, rung: &str) -> Option<Vec<String>>;
    /// The next moment at which something is due.
    fn deadline(&self) -> Option<Instant>;
    /// Plays what is due.
    fn tick(&mut self, now: Instant) -> Vec<String>;
}

/// Plays `script` and compares.
#[track_caller]
pub fn play(testbed: &mut impl Testbed, script: &str) {
    let mut now = Instant::START;
    let (mut happened, mut expected) = (Vec::new(), Vec::new());
    for line in script.lines() {
        let line = line.split(" #").next().expect("a split has a first part");
        let rung = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if rung.is_empty() || rung.starts_with('#') {
            continue;
        }
        expected.push(rung.clone());
        if let Some(span) = rung.strip_prefix('+') {
            happened.push(rung.clone());
            let end = now + duration(span);
            while let Some(at) = testbed.deadline().filter(|at| *at <= end) {
                now = now.max(at);
                happened.extend(testbed.tick(now));
            }
            now = end;
        } else if let Some(out) = testbed.play(now, &rung) {
            happened.push(rung);
            happened.extend(out);
        }
    }
    if happened != expected {
        let wrong = (0..).find(|at| happened.get(*at) != expected.get(*at)).unwrap_or(0);
        let mut picture = String::new();
        for (at, rung) in happened.iter().enumerate() {
            picture += &format!("{} {rung}\n", if at == wrong { "=>" } else { "  " });
        }
        let wanted = expected.get(wrong).map_or("the end", String::as_str);
        panic!("\nwhat happened:\n{picture}\nat => the ladder says: {wanted}\n");
    }
}

fn duration(text: &str) -> Duration {
    let number = |unit| text.strip_suffix(unit).and_then(|n| n.parse().ok());
    number("ms")
        .map(Duration::from_millis)
        .or_else(|| number("s").map(Duration::from_secs))
        .unwrap_or_else(|| panic!("`{text}` is no span of time"))
}
