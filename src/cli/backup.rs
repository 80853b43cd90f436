//! `cordboard backup` and `restore`: the database as one file, and back.

use super::site::Site;
use super::table::print;
use crate::server::account::own_account;
use crate::server::clock::Clock;
use crate::store::backup::{self, Restored};
use std::path::PathBuf;

/// Which backup.
#[derive(Debug, clap::Args)]
pub struct Command {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What is backed up, and where to.
#[derive(Debug, clap::Args)]
pub struct BackUp {
    #[command(flatten)]
    which: Command,
    /// Replace FILE when it is there
    #[arg(long)]
    force: bool,
}

impl BackUp {
    /// Writes the database to the file, whether a server runs or not.
    ///
    /// # Errors
    /// When there is no database, it is damaged, or the file is there or cannot be written.
    pub fn run(self, site: &Site) -> anyhow::Result<()> {
        Ok(backup::back_up(&site.config()?.data, &self.which.file, self.force)?)
    }
}

impl Command {
    /// Puts the backup in the place of the database, and says where that one is now.
    ///
    /// # Errors
    /// When a server runs, or the backup cannot be used.
    pub fn restore(self, site: &Site) -> anyhow::Result<()> {
        let (data, now) = (site.config()?.data, Clock::start().now().unix);
        let Restored { path, replaced } = backup::restore(&data, &self.file, &own_account(), now)?;
        let (path, file) = (path.display(), self.file.display());
        let kept = match replaced {
            Some(replaced) => format!("; the one before is kept as {}", replaced.display()),
            None => String::new(),
        };
        Ok(print(&format!("{path} is {file} now{kept}\n"))?)
    }
}
