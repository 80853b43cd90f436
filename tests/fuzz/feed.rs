//! Inputs for the functions of `targets.rs` without libFuzzer: real ones, changed at random.
//!
//! A failure names its seed; `mutated` with it gives the bytes again.

#![allow(dead_code)] // Media have their recordings in place of a corpus.

use cordboard::random::Random;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The longest input, about.
const INPUT_MAX: usize = 8192;

/// The inputs that are kept for a target, in `corpus/`.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(format!("tests/fuzz/corpus/{target}"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Feeds a target so many inputs, each one of `seeds` that was changed at a few places.
#[track_caller]
pub fn feed(target: fn(&[u8]), seeds: &[Vec<u8>], inputs: u64) {
    // Unchanged, they have to be taken without complaint.
    seeds.iter().for_each(|seed| target(seed));
    for number in 0..inputs {
        let input = mutated(seeds, number);
        let held = catch_unwind(AssertUnwindSafe(|| target(&input)));
        assert!(held.is_ok(), "seed {number}: {input:02x?}");
    }
}

fn mutated(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut random = Random::from_number(number);
    let mut input = seeds[random.below(seeds.len() as u64) as usize].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() as u64 + 1) as usize;
        let end = (at + 1 + random.below(40) as usize).min(input.len());
        let kind = random.below(8);
        let extreme = [0, 1, 0x7f, 0x80, 0xfe, 0xff, b'\r', b'"'][random.below(8) as usize];
        match (kind, input.get_mut(at)) {
            (0 | 1, Some(byte)) => *byte ^= 1 << random.below(8),
            (2, Some(byte)) => *byte = extreme,
            (3, _) => input.truncate(at),
            (4, _) => drop(input.drain(at..end)),
            (5, _) => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            (6, _) => {
                let other = &seeds[random.below(seeds.len() as u64) as usize];
                let from = random.below(other.len() as u64 + 1) as usize;
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            (_, _) => drop(input.splice(at..at, [extreme, random.u32() as u8])),
        }
        input.truncate(INPUT_MAX);
    }
    input
}
