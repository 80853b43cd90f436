//! `cordboard explain`: may this call be made, and by which rule?

use super::administration::Administration;
use super::table::print;
use crate::ids::Number;
use crate::switchboard::admission;
use std::process::ExitCode;

/// A call to explain.
#[derive(Debug, clap::Args)]
pub struct Command {
    /// The number that calls
    caller: String,
    /// The number that is called
    callee: String,
}

impl Command {
    /// Prints the rule; the status is the verdict.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn run(self, administration: &Administration) -> anyhow::Result<ExitCode> {
        let (caller, callee) = (Number::from(&*self.caller), Number::from(&*self.callee));
        let rule = admission::explain(&administration.directory()?, &caller, &callee);
        let (verdict, status) = match rule.admits() {
            true => ("admitted", ExitCode::SUCCESS),
            false => ("refused", ExitCode::FAILURE),
        };
        print(&format!("{caller} calls {callee}: {verdict}: {rule}\n"))?;
        Ok(status)
    }
}
