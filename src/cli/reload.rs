//! `cordboard reload`: the running server reads its configuration again.

use super::administration::Administration;
use super::table::print;
use crate::wire::admin_rows::ReloadedRow;

/// Has it read again, and says what of it holds now and what does not yet.
///
/// # Errors
/// When no server runs, or it refuses the configuration: then the one of before still holds.
pub fn run(administration: &Administration) -> anyhow::Result<()> {
    Ok(print(&sentence(&administration.reload()?))?)
}

fn sentence(sections: &ReloadedRow) -> String {
    let trouble = sections.certificate_trouble.iter();
    let trouble = trouble.map(|fault| format!("the old certificate stays: {fault}\n"));
    trouble.chain([what_holds(sections)]).collect()
}

fn what_holds(sections: &ReloadedRow) -> String {
    let taken_over = match sections.taken_over.as_slice() {
        [] => "nothing is taken over".to_owned(),
        names => format!("taken over: what is new in {}", names.join(", ")),
    };
    match (sections.taken_over.as_slice(), sections.needs_restart.as_slice()) {
        ([], []) => "the configuration says nothing new\n".to_owned(),
        (_, []) => format!("{taken_over}\n"),
        (_, names) => {
            format!(
                "{taken_over}; holds only after a restart: what is new in {}\n",
                names.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_holds_and_what_does_not() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        for (taken_over, needs_restart, said) in [
            (&[][..], &[][..], "the configuration says nothing new\n"),
            (&["[desk]", "[records]"], &[], "taken over: what is new in [desk], [records]\n"),
            (
                &[],
                &["[web]"],
                "nothing is taken over; holds only after a restart: what is new in [web]\n",
            ),
        ] {
            let (taken_over, needs_restart) = (names(taken_over), names(needs_restart));
            let row = ReloadedRow { taken_over, needs_restart, certificate_trouble: None };
            assert_eq!(sentence(&row), said);
            let row = ReloadedRow { certificate_trouble: Some("a.key: why".to_owned()), ..row };
            assert_eq!(sentence(&row), format!("the old certificate stays: a.key: why\n{said}"));
        }
    }
}
