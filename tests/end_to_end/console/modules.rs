//! The tests of the page's modules, in Chromium: `tests/console/` says by the title of its page how they went.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::browser::{Browser, Kind};
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
