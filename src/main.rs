//! Picks a command.

use std::process::ExitCode;

/// Gives back what a flood has taken, which glibc does not.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cordboard::cli::run()
}
