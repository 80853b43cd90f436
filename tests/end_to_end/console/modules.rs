//! The tests of the page's modules, in Chromium: `tests/console/` says by the title of its page how they went.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::figures::tells;
use crate::browser::{Browser, Kind, Page};
use crate::place::Place;

/// All of them take about 3 s.
const TESTS: Duration = Duration::from_secs(120);

#[test]
fn the_modules_of_the_page_are_right() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream));
        }
    });
    let place = Place::new();
    let mut browser = Browser::start(Kind::Chromium, &place);
    let page = browser.open(&format!("http://{address}/tests/console/index.html"));
    browser.await_true(&page, "document.title !== 'running'", TESTS);
    let title = browser.evaluate(&page, "document.title");
    let said = browser.evaluate(&page, "document.body.innerText");
    let said = said.as_str().unwrap_or_default();
    assert!(title.as_str().is_some_and(|title| title.starts_with("passed: ")), "{title}\n{said}");
    println!("{said}");
    crowd(&mut browser, &page, &format!("http://{address}/tests/console/crowd.html"));
}

/// Of 500 who wait only those in sight are in the page, each with its place; how it scrolls is printed.
fn crowd(browser: &mut Browser, page: &Page, url: &str) {
    browser.go(page, url);
    browser.await_true(page, "document.title === 'ready'", TESTS);
    for part in [0.0, 0.37, 1.0] {
        let rows = browser.evaluate(page, &format!("crowd.rows({part})"));
        assert!(rows["count"].as_u64().is_some_and(|count| (8..40).contains(&count)), "{rows}");
        assert_eq!(
            (&rows["areNumbered"], &rows["areWhole"]),
            (&json!(true), &json!(true)),
            "{rows}"
        );
    }
    let draws = browser.evaluate(page, "crowd.draws()");
    assert_eq!(draws, 1, "each of 500 moves up, and the page is drawn once");
    let gaps = browser.evaluate(page, "crowd.scrolls(3000)");
    let mut gaps: Vec<f64> =
        gaps.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    tells("between two frames while 500 scroll", &mut gaps);
}

/// One request for a file of the console or of its tests.
fn serve(mut stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines();
    let Some(Ok(request)) = lines.next() else { return };
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, kind, body) = match file(path.trim_start_matches('/')) {
        Some((kind, body)) => ("200 OK", kind, body),
        None => ("404 Not Found", "text/plain", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

fn file(path: &str) -> Option<(&'static str, Vec<u8>)> {
    let path = Path::new(path);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let is_ours =
        ["tests/console", "src/web/console"].iter().any(|folder| path.starts_with(folder));
    let kind = match path.extension()?.to_str()? {
        "html" => "text/html",
        "js" => "text/javascript",
        "css" => "text/css",
        _ => return None,
    };
    let whole = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    (is_plain && is_ours).then(|| fs::read(whole).ok()).flatten().map(|body| (kind, body))
}
