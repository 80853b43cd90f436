//! The filter and the jail that are shipped, as fail2ban itself reads them.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::registrar::WrongPassword;
use cordboard::sip::Transport;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/fail2ban").join(file)
}

fn run(command: &mut Command) -> String {
    let output = command.env("TZ", "UTC").output();
    let output =
        output.expect("fail2ban is there: run tests/run once, it installs what is missing");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The sources that the filter finds in a log.
fn found(lines: &[String]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, lines.join("\n") + "\n").unwrap();
    let mut regex = Command::new("fail2ban-regex");
    regex.args(["--out", "ip"]).arg(&log).arg(shipped("filter.d/cordboard.conf"));
    run(&mut regex).lines().map(str::to_owned).collect()
}

fn wrong(source: Option<&str>, account: &str) -> String {
    let source = source.map(|source| source.parse().unwrap());
    let account = account.to_owned();
    WrongPassword { source, transport: Transport::Udp, account, count: 1 }.to_string()
}

const DATE: &str = "2026-11-28T23:40:00.123456Z ";

#[test]
fn the_filter_finds_the_source_in_a_file_and_in_the_journal() {
    let v4 = wrong(Some("198.51.100.7"), "3001");
    let v6 = wrong(Some("2001:db8::7"), "3001");
    let lines = [
        format!("{DATE} WARN {v4}"),
        format!("{DATE} WARN {v6}"),
        format!("Nov 28 23:40:00 house cordboard[12]: {DATE} WARN {v4}"),
    ];
    assert_eq!(found(&lines), ["198.51.100.7", "2001:db8::7", "198.51.100.7"]);
}

#[test]
fn nobody_has_another_shut_out_by_his_choice_of_a_name() {
    let innocent = "WARN wrong password: source=192.0.2.9 transport=UDP count=1 account=\"3001\"";
    let names = [
        format!("\" {innocent}"),
        format!("\n{DATE} {innocent}"),
        "\\\" source=192.0.2.9 \\".to_owned(),
        "source=192.0.2.9\u{2028}".to_owned(),
    ];
    let lines = names.map(|name| format!("{DATE} WARN {}", wrong(Some("198.51.100.7"), &name)));
    assert_eq!(found(&lines), ["198.51.100.7"; 4]);
    let others = [
        format!("{DATE} WARN INVITE refused: 404 {innocent}"),
        format!("{DATE} INFO {innocent}"),
        format!("{DATE} WARN {}", wrong(None, "source=192.0.2.9")),
    ];
    assert_eq!(found(&others), [] as [&str; 0]);
}

#[test]
fn the_jail_is_one_that_fail2ban_can_start() {
    let dir = tempfile::tempdir().unwrap();
    let etc = dir.path().join("fail2ban");
    run(Command::new("cp").args(["-r", "/etc/fail2ban"]).arg(&etc));
    // The jails of this machine are its own affair.
    fs::remove_dir_all(etc.join("jail.d")).unwrap();
    fs::create_dir(etc.join("jail.d")).unwrap();
    for file in ["filter.d/cordboard.conf", "jail.d/cordboard.conf"] {
        fs::copy(shipped(file), etc.join(file)).unwrap();
    }
    let dumped = run(Command::new("fail2ban-client").arg("-c").arg(&etc).arg("-d"));
    assert!(dumped.contains("['add', 'cordboard', 'systemd']"), "{dumped}");
    assert!(dumped.contains("['set', 'cordboard', 'maxretry', 20]"), "{dumped}");
    assert!(dumped.contains("['start', 'cordboard']"), "{dumped}");
}
