//! The newcomer's play, on real sockets: it ends well only when every phase was measured right.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::process::{Command, Stdio};

#[test]
fn the_play_measures_every_phase_right() {
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
