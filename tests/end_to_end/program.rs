//! Programs that the tests start: their output goes to a file, and they end with the test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running program; killed when dropped.
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command` with its output in `log`.
    ///
    /// # Panics
    /// When the program is not installed.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Program {
        let out = File::create(log).expect("the test's directory is writable");
        let err = out.try_clone().expect("a file can be opened twice");
        Program::spawn(name, command.stdin(Stdio::null()).stdout(out).stderr(err), log)
    }

    /// Starts `command`, whose output goes where that says; what it complains of goes to `log`.
    ///
    /// # Panics
    /// When the program is not installed.
    pub fn spawn(name: &str, command: &mut Command, log: &Path) -> Program {
        let child = command.spawn().unwrap_or_else(|e| {
            panic!("{name} does not start ({e}): run tests/run once, it installs what is missing")
        });
        Program::of(name, child, log)
    }

    /// One that runs already; what it complains of goes to `log`.
    pub fn of(name: &str, child: Child, log: &Path) -> Program {
        Program { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, once it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.child.try_wait().expect("a child can be waited for")?;
        Some(status.code().unwrap_or(-1))
    }

    /// Kills it without a warning, as a power failure would.
    pub fn kill(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// All of its output so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The end of its output, for the message of a failed test.
    pub fn last_words(&self) -> String {
        let text = self.log();
        // baresip redraws a status line for ever; SIPp a whole screen.
        let lines: Vec<&str> = text.lines().filter(|l| !l.contains("[0:0")).collect();
        let from = lines.len().saturating_sub(60);
        format!("--- {} ({})\n{}\n", self.name, self.log.display(), lines[from..].join("\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.last_words());
        }
    }
}

/// Runs a tool to its end and returns its standard output.
///
/// # Panics
/// When it is not installed or fails.
#[track_caller]
pub fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| {
        panic!("{command:?} does not start ({e}): run tests/run once, it installs what is missing")
    });
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
