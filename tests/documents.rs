//! What the documents say is so: their commands are typed, their paths looked up.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Every `console` block of the README, one after the other, in one fresh directory.
#[test]
fn the_readme_shows_what_the_commands_print() {
    let readme = fs::read_to_string("README.md").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (mut shown, mut printed) = (String::new(), String::new());
    for line in console_lines(&readme) {
        shown += &format!("{line}\n");
        if let Some(typed) = line.strip_prefix("$ ") {
            printed += &format!("{line}\n{}", type_in(directory.path(), typed));
        }
    }
    assert!(shown.contains("$ cordboard"), "the README has no `console` block");
    assert!(shown == printed, "\n--- README:\n{shown}\n--- printed:\n{printed}");
}

/// Commands that run on are not played; at least they must exist.
#[test]
fn the_readme_names_commands_that_exist() {
    let readme = fs::read_to_string("README.md").unwrap();
    for line in readme.lines().filter(|line| line.starts_with("cordboard ")) {
        let command = line.split_whitespace().nth(1).unwrap();
        let status = cordboard().args([command, "--help"]).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "README.md: `{line}`: there is no command `{command}`");
    }
}

#[test]
fn the_readme_names_files_that_are_there() {
    let readme = fs::read_to_string("README.md").unwrap();
    assert!(
        readme.contains("`conf/cordboard.toml`"),
        "README.md says nothing of the configuration"
    );
    let folders = ["src/", "conf/", "tests/", "benches/", "sipp-scenarios/"];
    let quoted = readme.split('`').skip(1).step_by(2);
    for path in quoted.filter(|text| folders.iter().any(|folder| text.starts_with(folder))) {
        assert!(Path::new(path).exists(), "README.md: `{path}` is not there");
    }
}

/// The tests beside the code that draws them say whether they are true.
#[test]
fn the_readme_shows_pictures_that_are_there_and_small() {
    let readme = fs::read_to_string("README.md").unwrap();
    let pictures: Vec<_> = readme.split("](").filter_map(|rest| rest.split_once(".svg)")).collect();
    assert_eq!(pictures.len(), 2, "the demo and the desk");
    for (name, _) in pictures {
        let picture = fs::read_to_string(format!("{name}.svg")).unwrap();
        assert!(picture.len() < 60_000 && picture.ends_with("</svg>\n"), "{name}");
    }
}

#[test]
fn the_changelog_has_this_version() {
    let changelog = fs::read_to_string("CHANGELOG.md").unwrap();
    let heading = concat!("## ", env!("CARGO_PKG_VERSION"));
    assert!(
        changelog.lines().any(|line| line == heading || line.starts_with(&format!("{heading} "))),
        "CHANGELOG.md has no `{heading}`"
    );
}

fn console_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split("```console\n").skip(1).flat_map(|block| block.split("```").next().unwrap().lines())
}

fn type_in(directory: &Path, typed: &str) -> String {
    let arguments = typed.strip_prefix("cordboard ").unwrap_or_else(|| panic!("`{typed}`"));
    let output =
        cordboard().args(arguments.split_whitespace()).current_dir(directory).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

fn cordboard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.env_remove("CORDBOARD_CONFIG");
    command
}
