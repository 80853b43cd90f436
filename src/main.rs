//! Picks a command.

fn main() {}
