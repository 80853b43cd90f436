//! How fast the page is, in figures that are printed: when it can be used, when an offer is on the screen, when a caller's
//! picture is there. Nothing is asked of them but that they come at all: other programs run on the machine of the tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{ANY, DeskPage, SOON, dial, guest, pages_of};
use crate::phone::CALLER;
use crate::switchboard::Switchboard;
use crate::talker::Talker;
use crate::wait;

const STOPWATCH: &str = include_str!("../browser/stopwatch.js");
const LOADS: usize = 5;
const OFFERS: usize = 20;
const TAKES: usize = 10;

#[test]
fn how_fast_the_desk_is() {
    let board = Switchboard::open_with("[desk]\nlease = \"30s\"\n");
    let mut desk = DeskPage::open(&board, &ANY);
    desk.browser.prepare(&desk.page, STOPWATCH);
    loads(&mut desk, &board, "login", "the login form");
    desk.log_in();
    desk.start_work();
    loads(&mut desk, &board, "desk", "the desk, back at work");
    offers(&mut desk, &board);
    takes(&mut desk, &board);
}

/// From the beginning of a navigation.
fn loads(desk: &mut DeskPage, board: &Switchboard, what: &str, name: &str) {
    let mut times = Vec::new();
    for _ in 0..LOADS {
        desk.browser.go(&desk.page, &format!("http://{}/?{}", pages_of(board), times.len()));
        desk.await_true(&format!("probe.times.{what}"));
        times.push(desk.evaluate(&format!("probe.times.{what}")).as_f64().expect("a figure"));
    }
    tells(name, &mut times);
}

/// From the INVITE, which leaves before its ACK does: nobody hears of a caller before that.
fn offers(desk: &mut DeskPage, board: &Switchboard) {
    let own = board.place.next_address();
    let talker = Talker::at("guest-of-figures", 0x21, own, board.place.switchboard());
    let mut times = Vec::new();
    for _ in 0..OFFERS {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        assert_eq!(talker.calls("9000"), 200);
        desk.await_true("stopwatch.offered > 0");
        let drawn = desk.evaluate("stopwatch.offered").as_f64().expect("a figure");
        times.push(drawn - now.as_secs_f64() * 1_000.0);
        talker.hangs_up();
        desk.await_true("!document.querySelector('.scroller li')");
    }
    tells("an offer on the screen after the INVITE", &mut times);
}

/// From the key to the first frame that is the caller's.
fn takes(desk: &mut DeskPage, board: &Switchboard) {
    let mut caller = guest(board, CALLER, "guest");
    let (mut times, mut middle) = (Vec::new(), Vec::new());
    for _ in 0..TAKES {
        dial(&mut caller);
        desk.await_true("document.querySelector('.scroller li.offered')");
        // One who waits is seen and heard by nobody: its own picture has to flow first.
        std::thread::sleep(Duration::from_millis(700));
        desk.press("1");
        let steps = desk.evaluate(&format!("stopwatch.shows({})", json!(CALLER.colour.0)));
        let last = steps.as_array().and_then(|steps| steps.last()).expect("it has steps");
        let time = last[1].as_f64().expect("a figure");
        times.push(time);
        middle.push((time, steps));
        desk.press("hy");
        caller.await_event("CALL_CLOSED");
        desk.await_true("document.querySelector('.own.free')");
    }
    tells("the caller's picture after the take", &mut times);
    middle.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (_, steps): &(f64, Value) = &middle[middle.len() / 2];
    eprintln!("of a take in the middle: {steps}");
    let is_there = wait::within(SOON, || board.try_cli("calls").0);
    assert_eq!(is_there, Some(0));
}

/// p50, p95 and the most.
pub fn tells(name: &str, times: &mut [f64]) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    eprintln!(
        "{name}: p50 {:.0} ms, p95 {:.0} ms, most {:.0} ms, of {}",
        at(0.5),
        at(0.95),
        at(1.0),
        times.len()
    );
}
