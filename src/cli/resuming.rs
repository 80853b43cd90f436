//! What a server may go on with of what the one before it has left.

use crate::exchange::journal::Resume;
use crate::server::host;
use crate::store::{Database, HostBoot};
use std::path::Path;

/// Decides by where the last server ran: with the machine's boot ended all that its calls had to do with.
pub(super) fn which(database: &Database, data: &Path) -> anyhow::Result<Resume> {
    let here = HostBoot { machine: host::machine_id(), boot: host::boot_id() };
    let before = database.adopt_host(&here)?;
    let which = decide(before.as_ref(), &here);
    if which == Resume::OfOtherMachine {
        tracing::warn!(
            "{} was in use on another machine: calls that went on there do not go on here, and nobody is told that \
             they have ended. If a switchboard still runs there, stop one of the two: phones would register with both",
            data.display()
        );
    }
    Ok(which)
}

fn decide(before: Option<&HostBoot>, here: &HostBoot) -> Resume {
    match before {
        None => Resume::All,
        Some(before) if is_other(&before.machine, &here.machine) => Resume::OfOtherMachine,
        Some(before) if before.boot != here.boot || here.boot.is_empty() => Resume::AfterBoot,
        Some(_) => Resume::All,
    }
}

/// A machine without an id, as a container may be, is taken for the same.
fn is_other(before: &str, here: &str) -> bool {
    before != here && !before.is_empty() && !here.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_on_under_the_same_boot_of_the_same_machine_alone() {
        let host =
            |machine: &str, boot: &str| HostBoot { machine: machine.into(), boot: boot.into() };
        let here = host("a", "1");
        for (before, which) in [
            (None, Resume::All),
            (Some(host("a", "1")), Resume::All),
            (Some(host("", "1")), Resume::All),
            (Some(host("a", "0")), Resume::AfterBoot),
            (Some(host("", "0")), Resume::AfterBoot),
            (Some(host("b", "1")), Resume::OfOtherMachine),
            (Some(host("b", "0")), Resume::OfOtherMachine),
        ] {
            assert_eq!(decide(before.as_ref(), &here), which, "{before:?}");
        }
        let nowhere = host("", "");
        assert_eq!(decide(Some(&nowhere), &nowhere), Resume::AfterBoot, "nobody knows");
    }
}
