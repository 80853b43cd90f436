//! `cordboard completions` and `cordboard man`: the commands, for shells and for readers.

use super::table::print;
use anyhow::Context as _;

/// What a shell is to complete.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// For which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints the script.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn run(self, mut cordboard: clap::Command) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cordboard, "cordboard", &mut script);
        Ok(print(&String::from_utf8(script)?)?)
    }
}

/// Which page.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Of this command: `terminal`, `terminal add`; without one, of all
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

impl Man {
    /// Prints the page as troff.
    ///
    /// # Errors
    /// When there is no such command.
    pub fn run(self, mut cordboard: clap::Command) -> anyhow::Result<()> {
        // Each command learns its whole name, and the options of all.
        cordboard.build();
        let mut page = &cordboard;
        for word in &self.command {
            let found = page.find_subcommand(word);
            page = found.with_context(|| {
                format!("{word}: there is no such command: see `cordboard --help`")
            })?;
        }
        let mut troff = Vec::new();
        clap_mangen::Man::new(page.clone()).render(&mut troff)?;
        Ok(print(&String::from_utf8(troff)?)?)
    }
}
