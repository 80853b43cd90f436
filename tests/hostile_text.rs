//! Hostile text at every way in: SIP, SDP, parties in writing, the desks' commands, administration, the configuration. Real
//! ones of `fuzz/corpus/`, changed at random, some ten thousand in a run. The same functions run under
//! libFuzzer for as long as one likes: `fuzz/README.md`.

#![allow(clippy::unwrap_used)] // A test may panic.

#[path = "fuzz/feed.rs"]
mod feed;
#[path = "fuzz/targets.rs"]
mod targets;

use feed::{corpus, feed};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn no_text_breaks_the_reading_of_sip() {
    feed(targets::message, &corpus("message"), 20_000);
}

#[test]
fn no_text_breaks_the_reading_of_sdp() {
    feed(targets::description, &corpus("description"), 6000);
}

#[test]
fn no_text_is_a_party_that_breaks_us() {
    let mut files: Vec<_> =
        fs::read_dir("tests/fixtures/live").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    feed(targets::party, &seeds, 6000);
}

#[test]
fn no_text_breaks_the_reading_of_a_desks_command() {
    feed(targets::desk, &corpus("desk"), 40_000);
}

#[test]
fn no_text_breaks_the_reading_of_administration() {
    feed(targets::administration, &corpus("administration"), 40_000);
}

#[test]
fn no_text_breaks_the_reading_of_the_configuration() {
    feed(targets::configuration, &corpus("configuration"), 4000);
}

/// A way in that is fuzzed for hours once is fed in every run, too.
#[test]
fn every_fuzz_target_is_fed() {
    let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let files = fs::read_dir("tests/fuzz/fuzz_targets").unwrap();
    let targets: BTreeSet<String> = files.map(|entry| stem(entry.unwrap().path())).collect();
    let manifest = fs::read_to_string("tests/fuzz/Cargo.toml").unwrap();
    let tests = ["tests/hostile_media.rs", "tests/hostile_text.rs"];
    let tests: String = tests.iter().map(|test| fs::read_to_string(test).unwrap()).collect();
    for target in &targets {
        assert!(tests.contains(&format!("feed(targets::{target}, ")), "{target} is not fed");
        assert!(manifest.contains(&format!("name = \"{target}\"\n")), "{target} is not built");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
}
