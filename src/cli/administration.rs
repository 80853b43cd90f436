//! The way of an administrator's wish: to the running server, or straight to the database.

use super::site::Site;
use crate::config::Config;
use crate::directory::{Directory, DirectoryChange};
use crate::exchange::AdminRequest;
use crate::server::account::own_account;
use crate::server::admin_socket;
use crate::server::clock::Clock;
use crate::store::{self, Database, StoreError, admin::AdminError};
use crate::wire::admin_rows::ReloadedRow;
use crate::wire::admin_wire::{self, AdminAnswer, AdminOrder};
use anyhow::{Context as _, anyhow};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

/// For so long another command may hold the database.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
/// For so long a server may think.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The configuration under which a command works.
#[derive(Debug)]
pub struct Administration {
    config: Config,
}

impl Administration {
    /// With the configuration of a house.
    ///
    /// # Errors
    /// When the file cannot be read or used.
    pub fn open(site: &Site) -> anyhow::Result<Self> {
        Ok(Self { config: site.config()? })
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

    /// Carries out a change: by the running server, or where none runs in the database.
    ///
    /// # Errors
    /// When it is refused, or nobody can carry it out.
    pub fn change(&self, change: &DirectoryChange) -> anyhow::Result<()> {
        let order = AdminOrder::Exchange(AdminRequest::Change(change.clone()));
        let mut waited = Duration::ZERO;
        loop {
            if let Some(mut server) = self.server()? {
                return match ask(&mut server, &order)? {
                    AdminAnswer::Refused(why) => Err(anyhow!(why)),
                    _ => Ok(()),
                };
            }
            let (plan, now) = (self.config.numbering_plan(), Clock::start().now().unix);
            match store::admin::apply(&self.config.data, plan, change, &own_account(), now) {
                // Another command has it, or a server that is about to open its socket.
                Err(AdminError::Store(StoreError::Locked { .. })) if waited < PATIENCE => {
                    thread::sleep(PAUSE);
                    waited += PAUSE;
                }
                done => return Ok(done?),
            }
        }
    }

    /// Asks the running server.
    ///
    /// # Errors
    /// When none runs, or it refuses.
    pub fn ask(&self, request: &AdminRequest) -> anyhow::Result<AdminAnswer> {
        self.order(&AdminOrder::Exchange(request.clone()))
    }

    /// Has the running server read its configuration again; what came of it.
    ///
    /// # Errors
    /// When none runs, or the configuration is refused.
    pub fn reload(&self) -> anyhow::Result<ReloadedRow> {
        match self.order(&AdminOrder::Reload)? {
            AdminAnswer::Reloaded(sections) => Ok(sections),
            _ => Err(anyhow!("the server answers something else: is it of another version?")),
        }
    }

    fn order(&self, order: &AdminOrder) -> anyhow::Result<AdminAnswer> {
        let server = self.server()?;
        let mut server = server.with_context(|| {
            let data = self.config.data.display();
            let other = match order {
                AdminOrder::Reload => ", or tell one that runs on other data by SIGHUP",
                AdminOrder::Exchange(_) => "",
            };
            format!("{data}: no server runs on this data: start one with `cordboard serve`{other}")
        })?;
        match ask(&mut server, order)? {
            AdminAnswer::Refused(why) => Err(anyhow!(why)),
            answer => Ok(answer),
        }
    }

    /// As [`ask`](Self::ask); `None` when no server runs.
    ///
    /// # Errors
    /// When it refuses.
    pub fn ask_if_it_runs(&self, request: &AdminRequest) -> anyhow::Result<Option<AdminAnswer>> {
        match self.server()? {
            Some(mut server) => match ask(&mut server, &AdminOrder::Exchange(request.clone()))? {
                AdminAnswer::Refused(why) => Err(anyhow!(why)),
                answer => Ok(Some(answer)),
            },
            None => Ok(None),
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The running server; `None` when none runs.
    fn server(&self) -> anyhow::Result<Option<UnixStream>> {
        let path = admin_socket::path(&self.config.data);
        match UnixStream::connect(&path) {
            Ok(stream) => {
                stream.set_read_timeout(Some(ANSWER_MAX))?;
                Ok(Some(stream))
            }
            Err(error) => match error.kind() {
                // A file without a server behind it was left by a crash.
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(error)
                    .with_context(|| format!("{}: the server cannot be asked", path.display())),
            },
        }
    }
}

fn ask(server: &mut UnixStream, order: &AdminOrder) -> anyhow::Result<AdminAnswer> {
    let talk = |server: &mut UnixStream| -> anyhow::Result<String> {
        let mut line = admin_wire::write_request(order)?;
        line.push('\n');
        server.write_all(line.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(server).read_line(&mut answer)?;
        Ok(answer)
    };
    let line = talk(server).context("the server does not answer")?;
    admin_wire::read_answer(&line).context("the server's answer")
}
