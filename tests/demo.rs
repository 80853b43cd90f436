//! The newcomer's play, on real sockets: it ends well only when every phase was measured right.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One demonstration at a time: two at once would find the same port free.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn the_play_measures_every_phase_right() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut demo = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    let output = demo.args(["demo", "--once"]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let faults = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}\n{faults}");
    assert!(said.contains("All 10 phases measured right."), "{said}");
    // Ten phases of three phones, each with its verdict.
    assert_eq!(said.matches(" ✓ ").count(), 30, "{said}");
    assert!(!said.contains('✗'), "{said}");
}

/// Ends the demonstration, and with it its server.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let _ = self.0.wait();
    }
}

/// Asks the page's server once; status line, headers and body.
fn ask(host: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_link_logs_in_once_and_a_caller_waits_there() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    demo.arg("demo").arg("--data").arg(directory.path());
    let child = demo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut demo = Running(child);
    let mut said = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let link = said.find_map(|line| {
        let line = line.unwrap();
        line.trim().strip_prefix("http://").map(str::to_owned)
    });
    let link = link.unwrap();
    let (host, token) = link.split_once("/#token=").unwrap();
    let form = format!("{{\"token\":\"{token}\"}}");
    let request = format!(
        "POST /api/session HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = ask(host, &request);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"op1\""), "{answer}");
    let again = ask(host, &request);
    assert!(again.starts_with("HTTP/1.1 401 ") && again.contains("wrong-link"), "{again}");
    let config = directory.path().join("demo.toml");
    let end = Instant::now() + Duration::from_secs(15);
    loop {
        let mut queue = Command::new(env!("CARGO_BIN_EXE_cordboard"));
        let output = queue.args(["queue", "--format", "json", "--config"]).arg(&config).output();
        let waiting = String::from_utf8(output.unwrap().stdout).unwrap();
        if waiting.contains("4001") {
            break;
        }
        assert!(Instant::now() < end, "{waiting}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
