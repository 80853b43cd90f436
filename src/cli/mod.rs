//! The commands: administration, what goes on now, the desk in the terminal, the demonstration.
//!
//! ```text
//!   terminal level permit operator     a server runs?  yes ─▶ DATA/cordboard.sock, holds from the next call on
//!                                                      no  ─▶ straight to the database, by the same rules
//!   queue set                          the same
//!   status calls queue queues          only of a running server
//!   operators registrations reload
//!   explain records check backup       read, whether one runs or not
//!   restore                            only where none runs
//! ```
//!
//! Exit status: 0 done, 1 refused or failed with a sentence on stderr, 2 wrong usage.
//!
//! ```text
//! layer 5  records
//! layer 4  call_history  check  demo  terminal  queue
//! layer 3  serve  desk  explain  now  level  permit  operator  terminal_file  backup  reload  reference
//! layer 2  administration  reloading  resuming  table       to the server or the database; listings
//! layer 1  site  password  terminal_fields  moment  local_time  columns  csv  agent  picture
//! ```

mod administration;
mod agent;
mod backup;
mod call_history;
mod check;
mod columns;
mod csv;
mod demo;
mod desk;
mod explain;
mod level;
mod local_time;
mod moment;
mod now;
mod operator;
mod password;
mod permit;
#[cfg(test)]
mod picture;
mod queue;
mod records;
mod reference;
mod reload;
mod reloading;
mod resuming;
mod serve;
mod site;
mod table;
mod terminal;
mod terminal_fields;
mod terminal_file;

use administration::Administration;
use clap::{CommandFactory as _, Parser, Subcommand};
use site::Site;
use std::process::ExitCode;

/// A video telephone switchboard with human operators.
#[derive(Debug, Parser)]
#[command(name = "cordboard", version, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    site: Site,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the switchboard
    Serve(serve::Command),
    /// An operator's desk in the terminal
    Desk(desk::Command),
    /// Play a whole operator call with simulated phones, then keep running for your own. Configuration and
    /// database stay in --data DIR; without it they go when it ends
    Demo(demo::Command),
    /// Validate the configuration
    Check,
    /// Phones with a number
    #[command(subcommand)]
    Terminal(terminal::Command),
    /// Classes of service: who may call whom
    #[command(subcommand)]
    Level(level::Command),
    /// Single callers let in whatever the levels say
    #[command(subcommand)]
    Permit(permit::Command),
    /// Accounts that take calls at the operator numbers
    #[command(subcommand)]
    Operator(operator::Command),
    /// May this call be made, and by which rule? Status 0 when it is admitted, 1 when refused
    Explain(explain::Command),
    /// The figures of the running server
    Status(table::Listing),
    /// The calls that go on now
    Calls(table::Listing),
    /// The calls that wait for an operator now; `queue set` switches night service
    Queue(queue::Command),
    /// The queues: who takes callers now
    Queues(table::Listing),
    /// The operators as they are now
    Operators(table::Listing),
    /// Who is registered, from where and with what phone; the last refusals, and why
    Registrations(now::Registrations),
    /// Call records
    Records(records::Command),
    /// Have the running server read its configuration again, and take over what can hold at once
    Reload,
    /// Write the database to a file, also while the server runs
    Backup(backup::BackUp),
    /// A script that completes commands in a shell
    Completions(reference::Completions),
    /// The manual page, for `man -l -`
    Man(reference::Man),
    /// Put a backup in the place of the database, which is kept under another name
    Restore(backup::Command),
}

/// Runs the command line; the sentence of a failure goes to stderr.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.run() {
        Ok(status) => status,
        Err(error) => {
            table::warn(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn run(self) -> anyhow::Result<ExitCode> {
        let site = &self.site;
        let done = match self.command {
            Command::Serve(command) => command.run(site),
            Command::Desk(command) => return command.run(site),
            Command::Demo(command) => return command.run(site),
            Command::Check => check::run(site),
            Command::Terminal(command) => command.run(&Administration::open(site)?),
            Command::Level(command) => command.run(&Administration::open(site)?),
            Command::Permit(command) => command.run(&Administration::open(site)?),
            Command::Operator(command) => command.run(&Administration::open(site)?),
            Command::Explain(command) => return command.run(&Administration::open(site)?),
            Command::Status(listing) => now::status(&Administration::open(site)?, listing),
            Command::Calls(listing) => now::calls(&Administration::open(site)?, listing),
            Command::Queue(command) => command.run(&Administration::open(site)?),
            Command::Queues(listing) => queue::queues(&Administration::open(site)?, listing),
            Command::Operators(listing) => now::operators(&Administration::open(site)?, listing),
            Command::Registrations(wanted) => {
                now::registrations(&Administration::open(site)?, &wanted)
            }
            Command::Records(command) => command.run(&Administration::open(site)?),
            Command::Reload => reload::run(&Administration::open(site)?),
            Command::Backup(command) => command.run(site),
            Command::Completions(command) => command.run(Self::command()),
            Command::Man(command) => command.run(Self::command()),
            Command::Restore(command) => command.restore(site),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Arguments::command().debug_assert();
    }
}
