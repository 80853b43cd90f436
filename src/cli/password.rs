//! Passwords: given, piped or asked for; only their hashes go further.

use crate::directory::Secret;
use anyhow::{Context as _, bail};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin};

/// Where a password comes from.
#[derive(Debug, Default, clap::Args)]
pub struct Password {
    /// The password; others on this machine can see it in the list of processes
    #[arg(long, value_name = "P", conflicts_with = "password_stdin")]
    password: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
}

impl Password {
    /// The secret of account `user`, when a password was given.
    ///
    /// # Errors
    /// When it cannot be read, or cannot be one.
    pub fn secret(&self, user: &str, realm: &str) -> anyhow::Result<Option<Secret>> {
        let given = match &self.password {
            Some(password) => Some(password.clone()),
            None if self.password_stdin => Some(read_line()?),
            None => None,
        };
        given
            .map(|password| Secret::from_password(user, realm, &password))
            .transpose()
            .with_context(|| user.to_owned())
    }
}

/// The first line of standard input, without its end.
///
/// # Errors
/// When there is none.
pub fn read_line() -> anyhow::Result<String> {
    let mut line = String::new();
    let read = stdin().lock().read_line(&mut line);
    read.context("standard input: the password cannot be read from there: pipe it in")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks for a password at the terminal, which does not show it.
///
/// # Errors
/// When there is no terminal.
pub fn ask(question: &str) -> anyhow::Result<String> {
    if !stdin().is_terminal() {
        bail!("no password: set CORDBOARD_PASSWORD, or give --password-stdin");
    }
    write!(stderr(), "{question}")?;
    let before = tcgetattr(stdin())?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(stdin(), OptionalActions::Flush, &silent)?;
    let line = read_line();
    tcsetattr(stdin(), OptionalActions::Now, &before)?;
    writeln!(stderr())?;
    line
}
