//! `cordboard check`: can the configuration be used?

use super::table::print;
use crate::config::Config;
use std::path::Path;

/// Reads the file, and says so when nothing is wrong.
///
/// # Errors
/// With all that is wrong.
pub fn run(file: Option<&Path>) -> anyhow::Result<()> {
    Config::load(file)?;
    let name = file.map_or("the built-in configuration".into(), Path::to_string_lossy);
    Ok(print(&format!("{name}: good\n"))?)
}
