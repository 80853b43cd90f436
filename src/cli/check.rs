//! `cordboard check`: would the server start with this configuration?

use super::administration::Administration;
use super::site::Site;
use super::table::{print, warn};
use crate::config::{Config, QueueSection};
use crate::directory::{Directory, Meaning};
use crate::exchange::AdminRequest;
use crate::ids::QueueId;
use crate::server::admin_socket;
use crate::server::connecting::unix_now;
use crate::server::fd_store::Inheritance;
use crate::server::loop_sockets::LoopSockets;
use crate::server::open_files;
use crate::server::tls::Tls;
use crate::store::{Database, StoreError};
use anyhow::{Context as _, anyhow};
use rustix::fs::{Access, access};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Reads the file, tries what a start needs, and says so when nothing is wrong.
///
/// # Errors
/// With all that is wrong in the file, or with what would keep the server from starting.
pub fn run(site: &Site) -> anyhow::Result<()> {
    let administration = Administration::open(site)?;
    let file = site.file();
    let file = file.as_deref();
    Config::judge_certificates(file)?;
    rehearse(&administration, file)?;
    let name = file.map_or("the built-in configuration".into(), Path::to_string_lossy);
    Ok(print(&format!("{name}: good\n"))?)
}

/// What `serve` does before it serves, as far as that leaves nothing behind.
fn rehearse(administration: &Administration, file: Option<&Path>) -> anyhow::Result<()> {
    let config = administration.config();
    let files = open_files::raise().context("the limit of open files cannot be raised")?;
    if let Some(advice) = open_files::advice(files)? {
        warn(&advice);
    }
    let socket = admin_socket::path(&config.data);
    SocketAddr::from_pathname(&socket)
        .with_context(|| format!("{}: administration cannot listen there", socket.display()))?;
    match Database::open_to_read(&config.data) {
        // A start brings it up to date.
        Ok(None) => may_be_made(&config.data)?,
        Ok(Some(_)) | Err(StoreError::Outdated { .. }) => may_be_written(&config.data)?,
        Err(error) => return Err(error.into()),
    }
    // One that runs has what it needs, and nobody else could have it.
    if administration.ask_if_it_runs(&AdminRequest::Status)?.is_none() {
        let listen = config.listen_addresses(files);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tls = Arc::new(Tls::rehearse(config.tls_settings(&[]))?);
        if let Some(trouble) = tls.status(unix_now()).trouble {
            warn(&trouble);
        }
        let bound = LoopSockets::bind(&listen, tls, Inheritance::default(), &[]);
        if let Err(fault) = runtime.block_on(bound) {
            let at = |file| Config::refusal_at(file, fault.key(), fault.to_string());
            let refusal = file.and_then(at).map(|refusal| anyhow!("{refusal}"));
            return Err(refusal.unwrap_or_else(|| fault.into()));
        }
    }
    warn_of_accounts(administration, config)
}

/// What `serve` warns of, and what may surprise beside it.
fn warn_of_accounts(administration: &Administration, config: &Config) -> anyhow::Result<()> {
    let directory = match administration.directory() {
        Ok(directory) => directory,
        // It was looked at before.
        Err(_) => return Ok(()),
    };
    for conflict in directory.conflicts() {
        warn(&conflict.to_string());
    }
    for (phone, operators) in directory.shared_phones() {
        let names: Vec<_> = operators.iter().map(|operator| operator.as_str()).collect();
        warn(&format!(
            "operators {} have one phone, {phone}: only one of them at a time can be logged in",
            names.join(" and ")
        ));
    }
    for (queue, section) in &config.queues {
        warn_of_queue(queue, section, &directory);
    }
    for queue in config.queues.keys() {
        if !directory.operators().any(|operator| operator.serves(queue)) {
            warn(&format!(
                "queue {queue}: no operator serves it, so that callers hear that nobody is there: \
                 see `cordboard operator add`"
            ));
        }
    }
    Ok(())
}

/// What a queue names and nobody has.
fn warn_of_queue(queue: &QueueId, section: &QueueSection, directory: &Directory) {
    for (key, number) in [("overflow", &section.overflow), ("night", &section.night.to)] {
        let Some(number) = number else { continue };
        if let Meaning::Unknown = directory.meaning(number) {
            warn(&format!(
                "queue {queue}: {key} = {number}: nobody has this number, so that callers are refused there: \
                 see `cordboard terminal add`"
            ));
        }
    }
    for level in section.priorities.levels.keys() {
        if directory.level(level).is_none() {
            warn(&format!(
                "queue {queue}: there is no level {level} that could have a priority: \
                 see `cordboard level list`"
            ));
        }
    }
}

fn may_be_written(data: &Path) -> Result<(), StoreError> {
    access(data, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| StoreError::Directory { path: data.to_owned(), error: error.into() })
}

/// Whether a directory that may be missing could be made.
fn may_be_made(data: &Path) -> Result<(), StoreError> {
    let there = data.ancestors().find(|path| path.exists());
    let there = there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let refused = |error| StoreError::Directory { path: data.to_owned(), error };
    if !there.is_dir() {
        return Err(refused(std::io::ErrorKind::NotADirectory.into()));
    }
    may_be_written(there).map_err(|error| match error {
        StoreError::Directory { error, .. } => refused(error),
        other => other,
    })
}
