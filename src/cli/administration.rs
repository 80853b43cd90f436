//! The way of an administrator's wish: to the running server, or straight to the database.

use crate::config::Config;
use crate::directory::{Change, Directory};
use crate::server::account::own_account;
use crate::server::clock::Clock;
use crate::store::{self, Database, StoreError, admin::AdminError};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// For so long another command may hold the database.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);

/// The configuration under which a command works.
#[derive(Debug)]
pub struct Administration {
    config: Config,
}

impl Administration {
    /// With the configuration of `file`, or the built-in one.
    ///
    /// # Errors
    /// When the file cannot be read or used.
    pub fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self { config: Config::load(file)? })
    }

    /// The realm of all accounts, which their secrets are made for.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.config.sip.domain
    }

    /// Who there is, as of the last commit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn directory(&self) -> anyhow::Result<Directory> {
        Ok(store::admin::directory(&self.config.data, self.config.numbering_plan())?)
    }

    /// The database for reading; `None` when there is none yet.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn database(&self) -> anyhow::Result<Option<Database>> {
        Ok(Database::open_to_read(&self.config.data)?)
    }

    /// Carries out a change.
    ///
    /// # Errors
    /// When it is refused, or nobody can carry it out.
    pub fn change(&self, change: &Change) -> anyhow::Result<()> {
        let data = &self.config.data;
        let mut waited = Duration::ZERO;
        loop {
            let (plan, now) = (self.config.numbering_plan(), Clock::start().now().unix);
            match store::admin::apply(data, plan, change, &own_account(), now) {
                Err(AdminError::Store(StoreError::Locked { .. })) if waited < PATIENCE => {
                    thread::sleep(PAUSE);
                    waited += PAUSE;
                }
                done => return Ok(done?),
            }
        }
    }
}
