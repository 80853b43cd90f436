//! `cordboard backup` and `restore`: the database as one file, and back.

use super::table::print;
use crate::config::Config;
use crate::server::account::own_account;
use crate::server::clock::Clock;
use crate::store::backup::{self, Restored};
use std::path::{Path, PathBuf};

/// Which backup.
#[derive(Debug, clap::Args)]
pub struct Command {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The directory of the database, in place of the configuration's
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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
    pub fn run(self, config: Option<&Path>) -> anyhow::Result<()> {
        Ok(backup::back_up(&self.which.data(config)?, &self.which.file, self.force)?)
    }
}

impl Command {
    /// Puts the backup in the place of the database, and says where that one is now.
    ///
    /// # Errors
    /// When a server runs, or the backup cannot be used.
    pub fn restore(self, config: Option<&Path>) -> anyhow::Result<()> {
        let (data, now) = (self.data(config)?, Clock::start().now().unix);
        let Restored { path, replaced } = backup::restore(&data, &self.file, &own_account(), now)?;
        let (path, file) = (path.display(), self.file.display());
        let kept = match replaced {
            Some(replaced) => format!("; the one before is kept as {}", replaced.display()),
            None => String::new(),
        };
        Ok(print(&format!("{path} is {file} now{kept}\n"))?)
    }

    fn data(&self, config: Option<&Path>) -> anyhow::Result<PathBuf> {
        Ok(match &self.data {
            Some(data) => data.clone(),
            None => Config::load(config)?.data,
        })
    }
}
