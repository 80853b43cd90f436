//! The whole house on a bad network, among people who do anything at any moment: one number is the
//! seed of all chance, and a failure is that number.
//!
//! ```text
//!   callers ─┐   network.rs loses, doubles, delays      ┌─▶ exchange::Machine ──▶ journal, late
//!   users   ─┼──▶ and overtakes; one line of events ────┤          │ commands
//!   desks   ─┤    in the order of their moments         └─▶ media::Machine
//!   attackers ┘
//!    phone.rs people.rs desk.rs sound.rs browser.rs attackers.rs    journal.rs    judge.rs looks at every step
//! ```
//!
//! The phones know nothing of the house but its address: SIP is spoken by a small user agent of
//! their own. What must hold stands in `judge.rs`.
//!
//! `CORDBOARD_SEED=7` plays another day, `CORDBOARD_CALLS=100000` a longer one.

#![allow(clippy::print_stderr)] // Says which seed was played.

mod attackers;
mod browser;
#[path = "../checks/mod.rs"]
mod checks;
mod crash;
mod desk;
mod journal;
#[path = "../journal/mod.rs"]
mod journal_model;
mod judge;
mod network;
mod operators;
mod people;
mod phone;
mod requests;
mod responses;
mod sound;
mod testbed;
mod world;
#[path = "../written/mod.rs"]
mod written;

use world::{Day, World};

const SEED: u64 = 1;
const CALLS: u64 = 2_000;

fn setting(name: &str, usual: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(usual, |text| text.parse().expect("the setting is a number"))
}

fn play(day: Day) {
    let outcome = World::new(day).run();
    let told = outcome.unwrap_or_else(|failure| panic!("{failure}\nCORDBOARD_SEED={}", day.seed));
    eprintln!("seed {}: {told}", day.seed);
}

/// Lossy, slow, and full of people: two days side by side, half of the calls each.
#[test]
fn two_busy_days_keep_every_promise() {
    let (seed, calls) = (setting("CORDBOARD_SEED", SEED), setting("CORDBOARD_CALLS", CALLS) / 2);
    let day =
        |seed| Day { seed, calls, lost: 30, doubled: 20, late: 50, trouble: false, mortality: 0 };
    std::thread::scope(|days| {
        days.spawn(|| play(day(seed)));
        play(day(seed + 1_000_000));
    });
}

/// No packet is lost, so nobody can hide behind the network.
#[test]
fn a_perfect_network_keeps_every_promise_as_well() {
    let seed = setting("CORDBOARD_SEED", SEED);
    play(Day { seed, calls: 500, lost: 0, doubled: 0, late: 0, trouble: false, mortality: 0 });
}

/// Every seventh datagram is lost.
#[test]
fn a_network_that_hardly_works_breaks_no_promise() {
    let seed = setting("CORDBOARD_SEED", SEED);
    play(Day { seed, calls: 500, lost: 140, doubled: 80, late: 150, trouble: false, mortality: 0 });
}

/// The disk is full, held, slow or broken, again and again: no call ends of it, nothing that was
/// confirmed is lost, and each call has its record in the end.
#[test]
fn a_journal_that_fails_again_and_again_breaks_no_promise() {
    let seed = setting("CORDBOARD_SEED", SEED);
    let calls = setting("CORDBOARD_TROUBLED_CALLS", 1_000);
    play(Day { seed, calls, lost: 30, doubled: 20, late: 50, trouble: true, mortality: 0 });
}

/// The process is killed again and again, at any step, also while it goes on with what the one before has left.
#[test]
fn a_process_that_is_killed_again_and_again_breaks_no_promise() {
    let seed = setting("CORDBOARD_SEED", SEED);
    let calls = setting("CORDBOARD_KILLED_CALLS", 750);
    let mortality = setting("CORDBOARD_MORTALITY", 2_000);
    play(Day { seed, calls, lost: 30, doubled: 20, late: 50, trouble: false, mortality });
}

/// Both at once: what could not be written before the kill is lost with it, and nothing else is.
#[test]
fn a_process_that_is_killed_while_its_journal_fails_breaks_no_promise() {
    let seed = setting("CORDBOARD_SEED", SEED);
    let calls = setting("CORDBOARD_KILLED_CALLS", 750) / 4;
    let mortality = setting("CORDBOARD_MORTALITY", 2_000);
    play(Day { seed, calls, lost: 30, doubled: 20, late: 50, trouble: true, mortality });
}
