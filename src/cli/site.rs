//! Where a command finds the house that it is about: its configuration and its data.

use crate::config::{Config, Unusable};
use std::path::{Path, PathBuf};

/// The configuration of a machine that has one house.
const USUAL: &str = "/etc/cordboard/cordboard.toml";
/// Names another one.
const VARIABLE: &str = "CORDBOARD_CONFIG";

/// The options of every command.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Site {
    /// The configuration, in place of CORDBOARD_CONFIG and /etc/cordboard/cordboard.toml; without
    /// any the built-in defaults hold
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of the database, in place of the configuration's
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Site {
    /// The house of this configuration.
    #[must_use]
    pub fn of(config: PathBuf) -> Self {
        Self { config: Some(config), data: None }
    }

    /// The file of the configuration, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let named = || std::env::var_os(VARIABLE).filter(|name| !name.is_empty());
        let usual = || Some(PathBuf::from(USUAL)).filter(|path| path.exists());
        self.config.clone().or_else(|| named().map(PathBuf::from)).or_else(usual)
    }

    /// The directory that was asked for.
    #[must_use]
    pub fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// The configuration as it is in the file now, with the directory that was asked for.
    ///
    /// # Errors
    /// When the file cannot be read or used.
    pub fn config(&self) -> Result<Config, Unusable> {
        let mut config = Config::load(self.file().as_deref())?;
        if let Some(data) = &self.data {
            config.data.clone_from(data);
        }
        Ok(config)
    }
}
