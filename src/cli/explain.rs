//! `cordboard explain`: may this call be made, and by which rule?

use super::administration::Administration;
use super::table::print;
use crate::call::admission;
use crate::directory::Directory;
use crate::exchange::AdminRequest;
use crate::ids::{Number, OperatorId, QueueId};
use crate::wire::admin_wire::AdminAnswer;
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
        let directory = administration.directory()?;
        let rule = admission::explain(&directory, &caller, &callee);
        let (verdict, status) = match rule.admits() {
            true => ("admitted", ExitCode::SUCCESS),
            false => ("refused", ExitCode::FAILURE),
        };
        let mut text = format!("{caller} calls {callee}: {verdict}: {rule}\n");
        if let Some(queue) = directory.queue_of(&callee) {
            text += &who_takes_it(administration, &directory, queue)?;
        }
        print(&text)?;
        Ok(status)
    }
}

/// Of each operator of a queue whether it would be offered the call, and why not.
fn who_takes_it(
    administration: &Administration,
    directory: &Directory,
    queue: &QueueId,
) -> anyhow::Result<String> {
    let of_queue = |name: &str| {
        let account = directory.operator(&OperatorId::from(name));
        account.is_some_and(|account| account.serves(queue))
    };
    if !directory.operators().any(|operator| operator.serves(queue)) {
        return Ok(format!("queue {queue}: no operator serves it: see `cordboard operator add`\n"));
    }
    let answer = administration.ask_if_it_runs(&AdminRequest::Operators)?;
    let Some(AdminAnswer::Operators(rows)) = answer else {
        return Ok("no server runs on this data: nobody is offered calls\n".to_owned());
    };
    let lines = rows.iter().filter(|row| of_queue(&row.operator)).map(|row| {
        let offers = row
            .no_offers
            .as_ref()
            .map_or("is offered calls".into(), |why| format!("is offered none: {why}"));
        format!("{}: {offers}\n", row.operator)
    });
    Ok(lines.collect())
}
