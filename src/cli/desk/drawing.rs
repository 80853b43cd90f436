//! The picture of a desk: who we are, who waits, the call in hand, what was said, what can be typed.
//!
//! ```text
//!   op1 · phone 3001 · FREE                          14:03:22      reversed; brighter when a caller waits
//!   WAITING 2
//!   ● 1  4001 Bob                     main         0:12
//!   TALK   you talk to 3002 Ada; 4001 Bob waits    0:41
//!   14:03:01  take: op2 was first
//!   k connect · a other · x drop · h hang up · ? help
//! ```

use super::calls::{InHand, WaitingCall};
use super::input::COMMANDS;
use super::view::{DeskView, Notice};
use crate::cli::columns::{fitting, padded, width};
use crate::cli::local_time::LocalTime;
use crate::cli::moment::span;
use crate::text::harmless;
use crate::time::{Duration, UnixTime};
use std::fmt::Write as _;

/// A sentence is bright for so long; then it fades.
const FRESH: Duration = Duration::from_secs(10);
/// With fewer rows there are no empty ones.
const ROWS_AIRY: usize = 20;

/// How a line is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// As it is.
    Plain,
    /// The heading.
    Reversed,
    /// The heading while a caller waits.
    Alarm,
    /// What matters now.
    Bold,
    /// What is passing.
    Faint,
}

/// One line, and how it is set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScreenLine {
    /// The text.
    pub text: String,
    /// How.
    pub style: Style,
}

impl ScreenLine {
    fn new(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }

    fn plain(text: impl Into<String>) -> Self {
        Self::new(Style::Plain, text)
    }

    /// For a terminal of so many columns.
    #[must_use]
    pub fn set(&self, columns: usize) -> String {
        let text = harmless(&self.text);
        let text = fitting(&text, columns);
        match self.style {
            Style::Plain => text.to_owned(),
            Style::Reversed => format!("\u{1b}[7m{}\u{1b}[0m", padded(text, columns)),
            Style::Alarm => format!("\u{1b}[1;7;33m{}\u{1b}[0m", padded(text, columns)),
            Style::Bold => format!("\u{1b}[1m{text}\u{1b}[0m"),
            Style::Faint => format!("\u{1b}[2m{text}\u{1b}[0m"),
        }
    }
}

/// The title of the terminal: what an operator who looks elsewhere must see.
#[must_use]
pub fn title(view: &DeskView) -> String {
    let offered = view.waiting.iter().filter(|waiting| waiting.offered).count();
    let title = match offered {
        0 => format!("{} · {}", view.operator, state(view).to_lowercase()),
        _ if view.is_wanted() => format!("(!) {offered} waiting · {}", view.operator),
        _ => format!("{offered} waiting · {}", view.operator),
    };
    harmless(&title)
}

/// The desk as lines, no more than there is room for.
#[must_use]
pub fn lines(
    view: &DeskView,
    typed: Option<&str>,
    clock: &LocalTime,
    (columns, rows): (usize, usize),
) -> Vec<ScreenLine> {
    let mut lines = vec![heading(view, clock, columns)];
    if view.helping {
        lines.extend(help(columns));
        // What is typed, and what is asked before it is done, is seen whatever is shown.
        if typed.is_some() {
            lines.truncate(rows.saturating_sub(1));
            lines.push(foot(view, typed));
        }
        lines.truncate(rows);
        return lines;
    }
    let call = call(view);
    let foot = foot(view, typed);
    let said_max = if rows < ROWS_AIRY { 2 } else { 4 };
    let said: Vec<&Notice> = view.said.iter().rev().take(said_max).rev().collect();
    let mut airs = if rows < ROWS_AIRY { 0 } else { 4 };
    let air = |lines: &mut Vec<ScreenLine>, airs: &mut usize| {
        if *airs > 0 {
            *airs -= 1;
            lines.push(ScreenLine::plain(""));
        }
    };
    // The heading, the number of those who wait, that more do, and the foot.
    let taken = 4 + call.len() + said.len() + airs;
    let room = rows.saturating_sub(taken);
    air(&mut lines, &mut airs);
    lines.push(ScreenLine::plain(format!(" WAITING {}", view.waiting.len())));
    lines.extend(waiting(view, room));
    air(&mut lines, &mut airs);
    lines.extend(call);
    air(&mut lines, &mut airs);
    lines.extend(said.into_iter().map(|said| sentence(said, view.now, clock)));
    air(&mut lines, &mut airs);
    lines.push(foot);
    // The foot is kept whatever happens.
    while lines.len() > rows.max(2) {
        lines.remove(lines.len() - 2);
    }
    lines
}

fn heading(view: &DeskView, clock: &LocalTime, columns: usize) -> ScreenLine {
    let time = clock.clock(view.now);
    let phone = if view.phone.is_empty() { "-".to_owned() } else { phone(&view.phone) };
    let mut left = format!(" {} · phone {phone} · {}", view.operator, state(view));
    if !view.nights.is_empty() {
        let nights = view.nights.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let _ = write!(left, " · night: {nights}");
    }
    let room = columns.saturating_sub(time.len() + 1);
    let left = padded(fitting(&left, room), room);
    let style = if view.is_wanted() { Style::Alarm } else { Style::Reversed };
    ScreenLine::new(style, format!("{left}{time} "))
}

/// A phone and how it is, as the events say it: `3001 ok`.
fn phone(phone: &str) -> String {
    let (number, state) = phone.split_once(' ').unwrap_or((phone, "ok"));
    match state {
        "ok" | "" => number.to_owned(),
        "unregistered" => format!("{number} (not registered)"),
        "unreachable" => format!("{number} (does not answer)"),
        "refusing" => format!("{number} (refuses)"),
        other => format!("{number} ({other})"),
    }
}

fn state(view: &DeskView) -> &str {
    match view.state.as_str() {
        "idle" => "FREE",
        "busy" => "IN A CALL",
        "dnd" => "DO NOT DISTURB",
        "no switchboard" => "NO SWITCHBOARD",
        "out" => "LOGGED OUT",
        other => other,
    }
}

fn waiting(view: &DeskView, room: usize) -> Vec<ScreenLine> {
    let shown = room.min(view.waiting.len());
    let row = |(n, waiting): (usize, &WaitingCall)| {
        let waited = waiting.since.map_or(Duration::ZERO, |since| view.now.since(since));
        let mark = if waiting.offered { '●' } else { '○' };
        let cell = |text: &str, columns| padded(fitting(text, columns), columns);
        let (caller, queue) = (cell(&waiting.caller, 28), cell(&waiting.queue, 10));
        let text = format!(" {mark} {:2}  {caller} {queue} {:>6}", n + 1, span(waited));
        let style = if n == 0 && view.is_wanted() { Style::Bold } else { Style::Plain };
        ScreenLine::new(style, text)
    };
    let mut lines: Vec<ScreenLine> = view.waiting.iter().take(shown).enumerate().map(row).collect();
    if view.waiting.len() > shown {
        lines.push(ScreenLine::plain(format!("      and {} more", view.waiting.len() - shown)));
    }
    lines
}

fn call(view: &DeskView) -> Vec<ScreenLine> {
    let mut lines = at_ear(view);
    let cell = |text: &str, columns| padded(fitting(text, columns), columns);
    for (n, held) in (1..).zip(&view.held) {
        let callee = held.callee.as_ref().map(|(number, _)| format!(" and {}", view.named(number)));
        let who = cell(&(held.caller.clone() + &callee.unwrap_or_default()), 34);
        let since = span(view.now.since(held.since));
        let what = match (held.phase.as_str(), &held.callee) {
            ("handing-over", Some((_, progress))) => progress_of(progress),
            _ => "waits in hand",
        };
        lines.push(ScreenLine::plain(format!("   {n}  {who} {what:17} {since:>8}")));
    }
    for (n, parked) in (1..).zip(&view.parked) {
        let who = cell(&parked.caller, 18);
        let wanted = match parked.wanted.as_str() {
            "" => String::new(),
            number => format!("for {number}, "),
        };
        let how = cell(&format!("{wanted}parked by {}", parked.by), 28);
        let since = parked.since.map_or(Duration::ZERO, |since| view.now.since(since));
        lines.push(ScreenLine::plain(format!(" P {n}  {who} {how} {:>8}", span(since))));
    }
    lines
}

fn at_ear(view: &DeskView) -> Vec<ScreenLine> {
    let Some(call) = &view.call else { return vec![ScreenLine::plain(" NO CALL")] };
    let since = span(view.now.since(call.since));
    let mut lines =
        vec![ScreenLine::new(Style::Bold, format!(" {}   {since}", situation(view, call)))];
    let mut more = format!("   in hand for {}", span(view.now.since(call.began)));
    if call.recording {
        more += "   ● recording";
    }
    if call.serial {
        more += "   comes back";
    }
    if let Some(until) = call.leaving {
        let left = until.since(view.now).as_secs();
        let _ = write!(more, "   leaving when both are heard and seen: {left} s");
    }
    lines.push(ScreenLine::plain(more));
    if !call.senses.is_empty() {
        lines.push(ScreenLine::plain(format!("   {}", call.senses)));
    }
    lines.extend(call.health.iter().map(|health| ScreenLine::plain(format!("   {health}"))));
    lines
}

/// Who talks to whom.
fn situation(view: &DeskView, call: &InHand) -> String {
    let caller = &call.caller;
    let (callee, progress) = match &call.callee {
        Some((number, progress)) => (view.named(number), progress.as_str()),
        None => (String::new(), ""),
    };
    match call.phase.as_str() {
        "ringing-you" => format!("your phone rings: pick up to talk to {caller}"),
        "with-caller" if !progress.is_empty() => {
            format!("you talk to {caller}; {callee} {}", progress_of(progress))
        }
        "with-caller" => format!("you talk to {caller}"),
        "consulting" => format!("{callee} {}; {caller} waits", progress_of(progress)),
        "talking-to-callee" => format!("you talk to {callee}; {caller} waits"),
        "alternated" => format!("you talk to {caller}; {callee} waits"),
        "connected" => format!("{caller} and {callee} talk; you listen to nobody"),
        other => format!("{caller}: {}", other.replace('-', " ")),
    }
}

fn progress_of(progress: &str) -> &str {
    match progress {
        "" | "trying" => "is called",
        "ringing" => "rings",
        "answered" => "is there",
        "busy" => "is busy",
        "no-answer" => "does not answer",
        "refused" => "refuses",
        "unreachable" => "cannot be reached",
        "hung-up" => "has hung up",
        other => other,
    }
}

fn sentence(said: &Notice, now: UnixTime, clock: &LocalTime) -> ScreenLine {
    let style = if now.since(said.at) < FRESH { Style::Bold } else { Style::Faint };
    ScreenLine::new(style, format!(" {}  {}", clock.clock(said.at), said.text))
}

/// What is being typed, or what may be useful now.
fn foot(view: &DeskView, typed: Option<&str>) -> ScreenLine {
    if let Some(typed) = typed {
        return ScreenLine::new(Style::Bold, format!(" > {typed}▏"));
    }
    let phase = view.call.as_ref().map_or("", |call| call.phase.as_str());
    let useful = match phase {
        "" if !view.held.is_empty() => "s [N] to the call in hand · x take back · t [N] take",
        "" if !view.parked.is_empty() => "g [N] get a parked call · t [N] take",
        "with-caller" if !view.held.is_empty() => {
            "s [N] to the other · c NUMBER consult · b NUMBER leave"
        }
        "" if view.waiting.is_empty() => "d do not disturb · y ready · q quit",
        "" => "t [N] take · n [N] leave to others",
        "ringing-you" => "x give back",
        "with-caller" => "c NUMBER consult · h hang up",
        "consulting" => "x drop · r leave",
        "talking-to-callee" => "k connect · a other · x drop · r leave",
        "alternated" => "k connect · a other · x drop",
        _ => "r leave · a talk to them",
    };
    ScreenLine::new(Style::Faint, format!(" {useful} · ? help"))
}

/// All commands, in two columns where there is room.
fn help(columns: usize) -> Vec<ScreenLine> {
    let entry = |(command, what): &(&str, &str)| format!(" {command:10} {what}");
    let entries: Vec<String> = COMMANDS.iter().map(entry).collect();
    let width = entries.iter().map(|entry| width(entry)).max().unwrap_or(0);
    let mut lines = match columns >= 2 * width {
        false => entries.into_iter().map(ScreenLine::plain).collect(),
        true => {
            let half = entries.len().div_ceil(2);
            let right = |n: usize| entries.get(half + n).map_or("", String::as_str);
            let pair = |n: usize| ScreenLine::plain(format!("{:width$}{}", entries[n], right(n)));
            (0..half).map(pair).collect::<Vec<_>>()
        }
    };
    lines.push(ScreenLine::new(
        Style::Faint,
        " ? goes back · each with Enter · Escape forgets the line",
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn drawn(view: &DeskView, typed: Option<&str>, size: (usize, usize)) -> String {
        let lines = lines(view, typed, &LocalTime::of_this_machine(), size);
        assert!(lines.len() <= size.1, "{lines:?}");
        for line in &lines {
            let plain = ScreenLine::plain(line.text.clone()).set(size.0);
            assert!(width(&plain) <= size.0);
        }
        let texts: Vec<_> =
            lines.into_iter().map(|line| fitting(&line.text, size.0).to_owned()).collect();
        texts.join("\n")
    }

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn crowd() -> DeskView {
        let mut view = DeskView::new("op1");
        view.look(at(75));
        view.take(&json!({"event": "welcome", "operator": "op1", "phone": "3001"}));
        view.take(&json!({"event": "state", "state": "idle", "phone": "ok"}));
        for position in 1..200 {
            view.take(&json!({"event": "offer", "request": format!("r-{position}"), "queue": "main",
                "position": position, "caller": {"number": "4001", "name": ""}, "since": "1970-01-01"}));
        }
        view
    }

    #[test]
    fn a_closed_queue_stands_in_the_heading() {
        let mut view = crowd();
        view.take(&json!({"event": "queue", "queue": "main", "night": true}));
        let text = drawn(&view, None, (80, 24));
        assert!(text.starts_with(" op1 · phone 3001 · FREE · night: main"), "{text}");
    }

    #[test]
    fn a_name_in_wide_letters_moves_no_column() {
        let mut view = crowd();
        view.take(&json!({"event": "offer", "request": "r-2", "queue": "main", "position": 2,
            "caller": {"number": "4002", "name": "王小明"}, "since": "1970-01-01"}));
        let text = drawn(&view, None, (80, 24));
        let queue_at = |line: &str| width(line.split_once(" main").unwrap().0);
        let waiting: Vec<_> = text.lines().filter(|line| line.contains(" main")).collect();
        assert!(waiting[1].contains("王小明"), "{text}");
        assert_eq!(queue_at(waiting[0]), queue_at(waiting[1]), "{text}");
    }

    fn phase(view: &mut DeskView, phase: &str) {
        view.take(&json!({"event": "call", "request": "r-1", "phase": phase,
            "caller": {"number": "4001", "name": "Bob"}, "callee": {"number": "3002"}}));
    }

    #[test]
    fn the_desk_fits_a_small_terminal_whatever_waits() {
        let mut view = crowd();
        for size in [(80, 24), (60, 15), (40, 8), (20, 3)] {
            drawn(&view, None, size);
        }
        let text = drawn(&view, None, (60, 15));
        assert!(text.contains("op1 · phone 3001 · FREE"), "{text}");
        assert!(text.contains("WAITING 199") && text.contains("  1:15"), "{text}");
        assert!(text.contains("t [N] take") && text.contains("? help"), "{text}");
        for n in 0..9 {
            view.say(format!("sentence {n}"));
        }
        phase(&mut view, "connected");
        view.take(&json!({"event": "health", "request": "r-1", "ok": true}));
        let text = drawn(&view, Some("c 30"), (60, 15));
        assert!(text.contains("> c 30") && text.contains("sentence 8"), "{text}");
        assert!(text.contains("4001 Bob and 3002 talk"), "{text}");
    }

    #[test]
    fn the_call_is_told_in_words_with_its_times() {
        let mut view = crowd();
        phase(&mut view, "ringing-you");
        assert!(
            drawn(&view, None, (80, 24)).contains("your phone rings: pick up to talk to 4001 Bob")
        );
        view.look(at(80));
        phase(&mut view, "consulting");
        view.take(
            &json!({"event": "callee", "request": "r-1", "number": "3002", "progress": "ringing"}),
        );
        assert_eq!(view.nameless().as_deref(), Some("3002"));
        view.ask_name("3002".to_owned());
        assert_eq!(view.nameless(), None);
        view.name("30021", "Adam");
        view.name("3002", "Ada");
        view.look(at(110));
        let text = drawn(&view, None, (80, 24));
        assert!(text.contains("3002 Ada rings; 4001 Bob waits   0:30"), "{text}");
        assert!(text.contains("in hand for 0:35"), "{text}");
        phase(&mut view, "talking-to-callee");
        view.leave();
        view.look(at(112));
        let text = drawn(&view, None, (80, 24));
        assert!(text.contains("leaving when both are heard and seen: 3 s"), "{text}");
        view.stay();
        assert!(!drawn(&view, None, (80, 24)).contains("leaving"));
    }

    #[test]
    fn the_calls_in_hand_and_the_parked_ones_are_shown_each_with_its_time() {
        let mut view = DeskView::new("op1");
        view.look(at(100));
        phase(&mut view, "in-hand");
        view.take(&json!({"event": "call", "request": "r-2", "phase": "with-caller",
            "caller": {"number": "4017", "name": "Eve"}}));
        view.take(&json!({"event": "parked", "request": "r-3", "by": "op2", "number": "3003",
            "caller": {"number": "4002", "name": "Max"}, "since": "1970-01-01T00:01:00Z"}));
        view.look(at(165));
        let text = drawn(&view, None, (80, 24));
        assert!(text.contains("you talk to 4017 Eve   1:05"), "{text}");
        assert!(text.contains("1  4001 Bob and 3002"), "{text}");
        assert!(text.contains("waits in hand         1:05"), "{text}");
        assert!(text.contains("P 1  4002 Max           for 3003, parked by op2"), "{text}");
        assert!(text.contains("     1:45"), "{text}");
        assert!(text.contains("s [N] to the other"), "{text}");
    }

    #[test]
    fn who_is_wanted_sees_it_from_afar() {
        let mut view = crowd();
        let first =
            |view: &DeskView| lines(view, None, &LocalTime::of_this_machine(), (60, 15))[0].style;
        assert!(view.has_news() && !view.has_news(), "once for each caller");
        assert_eq!((first(&view), title(&view).as_str()), (Style::Alarm, "(!) 199 waiting · op1"));
        phase(&mut view, "with-caller");
        assert_eq!((first(&view), title(&view).as_str()), (Style::Reversed, "198 waiting · op1"));
        assert_eq!(title(&DeskView::new("op1")), "op1 · no switchboard");
    }

    #[test]
    fn what_was_said_has_its_time_fades_and_goes() {
        let mut view = DeskView::new("op1");
        view.look(at(100));
        view.say("take: op2 was first".to_owned());
        let style = |view: &DeskView| {
            let lines = lines(view, None, &LocalTime::of_this_machine(), (60, 15));
            lines.into_iter().find(|line| line.text.contains("op2")).map(|line| line.style)
        };
        assert!(drawn(&view, None, (60, 15)).contains(":40  take: op2 was first"));
        assert_eq!(style(&view), Some(Style::Bold));
        view.look(at(111));
        assert_eq!(style(&view), Some(Style::Faint));
        view.look(at(131));
        assert_eq!(style(&view), None);
    }

    #[test]
    fn the_help_shows_every_command_also_in_a_small_terminal() {
        let mut view = crowd();
        view.helping = true;
        for size in [(60, 15), (100, 15), (50, 22)] {
            let text = drawn(&view, None, size);
            for (command, what) in COMMANDS {
                assert!(text.contains(command) && text.contains(what), "{command}: {text}");
            }
            assert!(text.contains(" ? goes back"), "{text}");
            let asked = drawn(&view, Some("hang up the whole call? y or n"), size);
            assert!(asked.ends_with(" > hang up the whole call? y or n▏"), "{asked}");
        }
    }

    #[test]
    fn the_readme_shows_the_desk_as_it_is() {
        let mut view = DeskView::new("op1");
        view.look(at(1_795_874_400));
        for event in [
            json!({"event": "welcome", "operator": "op1", "phone": "3001"}),
            json!({"event": "state", "state": "busy", "phone": "ok"}),
            json!({"event": "waiting", "request": "r-2", "queue": "main", "position": 1,
                "caller": {"number": "4017", "name": "Eve"}, "since": "2026-11-28T13:59:48Z"}),
            json!({"event": "waiting", "request": "r-3", "queue": "main", "position": 2,
                "caller": {"number": "+4930123456", "origin": "trunk"}, "since": "2026-11-28T14:00:20Z"}),
        ] {
            view.take(&event);
        }
        phase(&mut view, "with-caller");
        view.look(at(1_795_874_412));
        view.say("find: 3002 Ada idle".to_owned());
        phase(&mut view, "talking-to-callee");
        view.ask_name("3002".to_owned());
        view.name("3002", "Ada");
        view.look(at(1_795_874_431));
        let party = |lost: f64, fps: f64| json!({"audio": "ok", "video": "ok", "loss_percent": lost, "jitter_ms": 3.0, "fps": fps});
        view.take(&json!({"event": "health", "request": "r-1", "ok": true,
            "caller": party(0.0, 25.0), "callee": party(1.0, 30.0)}));
        let set = |line: &ScreenLine| line.set(80) + "\n";
        let lines = lines(&view, Some("k"), &LocalTime::utc(), (80, 20));
        crate::cli::picture::is_shown("desk.svg", &lines.iter().map(set).collect::<String>());
    }

    #[test]
    fn a_style_cannot_be_broken_by_a_name() {
        let line = ScreenLine::new(Style::Alarm, "\u{1b}[2Jx");
        assert_eq!(line.set(8), "\u{1b}[1;7;33m\u{fffd}[2Jx   \u{1b}[0m");
    }
}
