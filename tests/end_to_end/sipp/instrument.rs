//! SIPp and its runner, proved without the switchboard: one SIPp calls the other.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Role, Sipp, Who, assert_ladder};
use crate::desk;
use crate::place::Place;

#[test]
fn one_sipp_calls_another_and_the_ladder_is_read_back() {
    let place = Place::new();
    let (from, to) = (place.next_address(), place.next_address());
    let role = |scenario| Role {
        scenario,
        who: Who::Guest("guest"),
        number: "3002",
        extra: "",
        tcp: false,
    };
    let mut phone = Sipp::start(&place, to, from, &role("phone-answers"));
    let mut caller = Sipp::start(&place, from, to, &role("gateway-calls"));
    caller.awaits_conversation();
    caller.nudge();
    let ladder = caller.ends_well();
    assert_ladder(
        &ladder,
        "
        -> INVITE
        <- 180
        <- 200
        -> ACK
        <- MESSAGE      # from the test
        -> BYE
        <- 200",
    );
    phone.ends_well();
}

#[test]
#[should_panic(expected = "did not go as written")]
fn a_scenario_that_goes_otherwise_is_noticed() {
    let place = Place::new();
    let (from, to) = (place.next_address(), place.next_address());
    let role = |scenario| Role {
        scenario,
        who: Who::Guest("guest"),
        number: "3002",
        extra: "",
        tcp: false,
    };
    let _phone = Sipp::start(&place, to, from, &role("phone-is-busy"));
    let mut caller = Sipp::start(&place, from, to, &role("gateway-calls"));
    caller.ends_well();
}

/// The tests' own desk, against a SIPp in the switchboard's place.
#[test]
fn our_desk_logs_in_gives_commands_and_reads_events() {
    let place = Place::new();
    let (here, there) = (place.next_address(), place.next_address());
    let role = Role {
        scenario: "instrument-switchboard",
        who: Who::Guest("switchboard"),
        number: "",
        extra: "",
        tcp: false,
    };
    let mut switchboard = Sipp::start(&place, there, here, &role);
    let mut desk = desk::over_udp("op1", here, there);
    assert_eq!(desk.messages().len(), 3);
    assert_eq!(desk.hang_up().status(), Some(200));
    switchboard.ends_well();
}

/// A scenario that nobody plays proves nothing.
#[test]
fn every_scenario_is_played_by_a_test_and_says_what_it_shows() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end");
    let rooms = ["sipp", "real_phones"].map(|room| files(&tests.join(room)));
    let sources: String = rooms.iter().flatten().map(|path| read(path)).collect();
    for path in files(&super::scenarios()) {
        if path.extension().is_some_and(|e| e == "xml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            assert!(sources.contains(&format!("\"{name}\"")), "{name} is played by no test");
            assert!(read(&path).contains(" >|"), "{name} opens with its ladder");
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the sources are there");
    entries.map(|e| e.expect("the sources can be listed").path()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the sources can be read")
}
