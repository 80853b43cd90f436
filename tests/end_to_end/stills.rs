//! Stills of who waits, over HTTP: whose picture it is, who may see it, and until when.

use std::net::SocketAddr;
use std::time::Duration;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use crate::http_client::{Answer, HttpClient};
use crate::phone::{self, Account, CALLER, OPERATOR, PLAIN, Phone};
use crate::picture::Colour;
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;

/// A phone has sent a key frame within this time, on a machine that is busy.
const SOON: Duration = Duration::from_secs(20);

fn browser(board: &Switchboard, operator: &str) -> HttpClient {
    let address = SocketAddr::new(board.place.switchboard().ip(), 8080);
    let mut browser = HttpClient::new(address);
    assert_eq!(browser.log_in(operator, PASSWORD).status, 200);
    browser
}

/// The still, as soon as there is another than that of the tag.
#[track_caller]
fn still(browser: &HttpClient, path: &str, tag: &str) -> Answer {
    let seen = wait::within(SOON, || {
        let answer = browser.get(path);
        (answer.status == 200 && answer.header("ETag") != Some(tag)).then_some(answer)
    });
    seen.unwrap_or_else(|| panic!("no still: {:?}", browser.get(path)))
}

#[track_caller]
fn is_gone(browser: &HttpClient, path: &str) {
    let gone = wait::within(SOON, || (browser.get(path).status == 404).then_some(()));
    assert!(gone.is_some(), "{:?}", browser.get(path));
}

/// The colour of its middle.
#[track_caller]
fn colour(still: &Answer) -> Colour {
    let mut decoder = JpegDecoder::new(ZCursor::new(&still.body[..]));
    let points = decoder.decode().expect("it is a JPEG");
    let (width, height) = decoder.dimensions().expect("it has a size");
    assert_eq!(width, 160);
    let at = (height / 2 * width + width / 2) * 3;
    Colour([points[at], points[at + 1], points[at + 2]])
}

#[test]
fn who_waits_is_seen_by_whose_desk_shows_it_while_it_waits() {
    let mut board = Switchboard::open_with("[queue.main]\npreview = true\n");
    let proxy = board.place.switchboard();
    let account = Account::Terminal { number: "3001", password: PASSWORD };
    let _phone =
        Phone::start(&board.place, OPERATOR, PLAIN, phone::Answer::WhenTold, &account, proxy);
    let mut desk = board.desk("op1");
    let guest = Account::Guest { name: "guest" };
    let mut caller =
        Phone::start(&board.place, CALLER, PLAIN, phone::Answer::WhenTold, &guest, proxy);
    caller.dial("sip:9000@cordboard.test");
    let offer = desk.event("offer");
    assert_eq!(offer["stills"], true, "{offer}");
    let path = format!("/api/stills/{}", offer["request"].as_str().expect("it has a name"));

    let (mine, other) = (browser(&board, "op1"), browser(&board, "op2"));
    let first = still(&mine, &path, "");
    assert_eq!(first.header("Content-Type"), Some("image/jpeg"));
    assert_eq!(first.header("Cache-Control"), Some("no-store"));
    assert!(first.body.len() < 20_000, "{} bytes", first.body.len());
    assert!(colour(&first).looks_like(CALLER.colour), "{:?}", colour(&first));
    // No other desk shows it, and nobody else is anybody.
    assert_eq!(other.get(&path).status, 404);
    let nobody = HttpClient { cookie: None, ..mine.tab() };
    assert_eq!(nobody.get(&path).refusal(), (401, "no-session".into()));
    // The phone is asked for more, and what is there already is not sent again.
    let tag = first.header("ETag").expect("it has one").to_owned();
    let second = still(&mine, &path, &tag);
    let tag = second.header("ETag").expect("it has one");
    let cookie = mine.cookie.as_deref().unwrap_or_default();
    let again =
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\nIf-None-Match: {tag}\r\n");
    let again = mine.raw(&again, b"");
    // A newer one may have come meanwhile.
    assert!(again.status == 304 && again.body.is_empty() || again.header("ETag") != Some(tag));

    board.crash_and_restart();
    let mut desk = board.desk("op1");
    let after = still(&mine, &path, tag);
    assert!(colour(&after).looks_like(CALLER.colour), "{:?}", colour(&after));

    caller.hang_up();
    desk.event("withdrawn");
    is_gone(&mine, &path);
}
