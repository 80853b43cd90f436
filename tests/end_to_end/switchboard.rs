//! The real binary with a configuration, a data directory and an address of its own.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::desk::{self, Desk};
use crate::place::Place;
use crate::program::Program;
use crate::wait;

/// The password of every account in the tests.
pub const PASSWORD: &str = "se.cret";
pub const BINARY: &str = env!("CARGO_BIN_EXE_cordboard");
const PATIENCE: Duration = Duration::from_secs(10);
/// As [`PATIENCE`], for a program that has yet to start, and what it starts.
const START: Duration = Duration::from_secs(40);

/// What makes the accounts of the tests.
const ACCOUNTS: [&str; 7] = [
    "level list",
    "terminal add 3001 --name Desk --level A --password se.cret",
    "terminal add 3002 --name User --level A --password se.cret",
    "terminal add 3003 --name Desk2 --level A --password se.cret",
    "terminal add 4001 --name Outside --level B --password se.cret",
    "operator add op1 --phone 3001 --password se.cret",
    "operator add op2 --phone 3003 --password se.cret",
];

/// A call that is older is on its way to the disk.
const WRITTEN_WITHIN: Duration = Duration::from_millis(50);

/// A running switchboard.
///
/// Levels as shipped: A (inside) may call A and B, B (outside) may call nobody. Terminals of level A: 3001
/// and 3003 (the operators' phones), 3002 (an internal user); of level B: 4001. Operators op1 at 3001 and
/// op2 at 3003.
pub struct Switchboard {
    // Dropped before its place: its last words are in there.
    program: Program,
    config: PathBuf,
    data: PathBuf,
    /// The process whose disks commands see, too.
    inside: Option<u32>,
    pub place: Place,
}

impl Switchboard {
    pub fn open() -> Switchboard {
        Switchboard::open_with("")
    }

    /// Starts with more configuration: tables, or more lines for `[sip]`, `[queue.main]` and the others
    /// that the tests have. `NETWORK` stands for the test's network, as in `NETWORK.99`.
    #[track_caller]
    pub fn open_with(tables: &str) -> Switchboard {
        Switchboard::open_under(tables, "")
    }

    /// As [`open_with`](Self::open_with), after a command of the shell such as `ulimit -n 200`.
    #[track_caller]
    pub fn open_under(tables: &str, limits: &str) -> Switchboard {
        Switchboard::open_by(tables, |_| shell(limits))
    }

    /// As [`open_with`](Self::open_with), by a command that is given the program and its arguments.
    #[track_caller]
    pub fn open_by(tables: &str, command: impl FnOnce(&Place) -> Command) -> Switchboard {
        let place = Place::new();
        let config = place.path().join("cordboard.toml");
        fs::write(&config, configuration(&place, tables)).expect("the directory is writable");
        let data = place.path().join("data");
        let board = |place: Place, program| Switchboard {
            place,
            config: config.clone(),
            data,
            inside: None,
            program,
        };
        for line in ACCOUNTS {
            let output = command_line(&config, None, line);
            assert!(output.status.success(), "cordboard {line}: {output:?}");
        }
        let program = serve_by(command(&place), &place, &config);
        let mut board = board(place, program);
        board.await_start();
        board
    }

    /// Starts on data that were left behind; `leave` is given the directory.
    #[track_caller]
    pub fn open_on(leave: impl FnOnce(&Place, &Path)) -> Switchboard {
        let place = Place::new();
        let (config, data) = (place.path().join("cordboard.toml"), place.path().join("data"));
        fs::create_dir(&data).expect("the directory is writable");
        fs::write(&config, configuration(&place, "")).expect("the directory is writable");
        leave(&place, &data);
        let program = serve(&place, &config);
        let mut board = Switchboard { program, config, data, inside: None, place };
        board.await_start();
        board
    }

    /// Starts with its data on a disk of one megabyte that only it has.
    #[track_caller]
    pub fn open_on_a_small_disk() -> Switchboard {
        Switchboard::open_on_a_disk_of("1m", "")
    }

    /// Starts with more configuration and its data on a disk of this size (as for tmpfs) that only it has.
    #[track_caller]
    pub fn open_on_a_disk_of(size: &str, tables: &str) -> Switchboard {
        let place = Place::new();
        let (config, data) = (place.path().join("cordboard.toml"), place.path().join("data"));
        fs::create_dir(&data).expect("the directory is writable");
        fs::write(&config, configuration(&place, tables)).expect("the directory is writable");
        let mount = format!("mount -t tmpfs -o size={size},mode=0700 tmpfs \"$0\" && exec \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &mount]).arg(&data).arg(BINARY);
        let program = serve_by(command, &place, &config);
        let pid = program.id();
        // Others see that disk as the process does that has it.
        let seen = PathBuf::from(format!("/proc/{pid}/root{}", data.display()));
        let mut board = Switchboard { program, config, data: seen, inside: Some(pid), place };
        board.await_start();
        for line in ACCOUNTS {
            board.cli(line);
        }
        board
    }

    /// Its configuration.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Where its database is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its log goes to a disk that is full.
    #[track_caller]
    pub fn open_without_a_log() -> Switchboard {
        let mut board = Switchboard::open();
        board.program.kill();
        let mut command = Command::new(BINARY);
        command.arg("serve").arg("--config").arg(&board.config);
        board.program = Program::start("cordboard", &mut command, Path::new("/dev/full"));
        board.await_listening();
        board
    }

    /// `kill -9`, and up again on the same data; when it was killed.
    pub fn crash_and_restart(&mut self) -> Instant {
        self.program.kill();
        let killed = Instant::now();
        self.program = serve(&self.place, &self.config);
        self.await_start();
        killed
    }

    /// The same as if it were hours after the last time: who ends in the midst of something again and again is started
    /// without calls.
    pub fn crash_and_restart_hours_later(&mut self) -> Instant {
        let counted = self.data.join("cordboard.running");
        fs::remove_file(&counted).expect("it runs");
        self.crash_and_restart()
    }

    /// Has it leave for another process (SIGUSR1), and starts that on the same data.
    pub fn leave_and_restart(&mut self) {
        let id = self.program.id().to_string();
        let status = Command::new("kill").args(["-USR1", &id]).status();
        assert!(status.is_ok_and(|status| status.success()), "it runs");
        let ended = crate::wait::within(PATIENCE, || self.program.ended());
        assert_eq!(ended, Some(0), "it leaves: {}", self.program.log());
        self.program = serve(&self.place, &self.config);
        self.await_start();
    }

    /// Asks it to stop in order.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        assert!(self.try_signal(name), "it runs");
    }

    /// Sends it a signal; false when it has ended.
    pub fn try_signal(&self, name: &str) -> bool {
        let pid = self.program.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        status.is_ok_and(|status| status.success())
    }

    /// Its process, or that of what runs it.
    pub fn pid(&self) -> u32 {
        self.program.id()
    }

    /// `kill -9`.
    pub fn crash(&mut self) {
        self.program.kill();
    }

    /// Starts it on the same data, and does not wait until it serves.
    pub fn start_again(&mut self) {
        self.program = serve(&self.place, &self.config);
    }

    /// The exit status, once it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.program.ended()
    }

    /// A desk over UDP that has said hello.
    #[track_caller]
    pub fn desk(&self, operator: &str) -> Desk {
        desk::over_udp(operator, self.place.next_address(), self.place.switchboard())
    }

    /// Runs `cordboard …` with this switchboard's configuration; it must succeed.
    #[track_caller]
    pub fn cli(&self, line: &str) -> String {
        let output = command_line(&self.config, self.inside, line);
        assert!(output.status.success(), "cordboard {line}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `cordboard …`; the exit status and everything it said.
    pub fn try_cli(&self, line: &str) -> (Option<i32>, String) {
        let output = command_line(&self.config, self.inside, line);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Another start on the same configuration that is to fail; the exit status and everything it said.
    pub fn try_serve_under(&self, limits: &str) -> (Option<i32>, String) {
        let mut command = shell(limits);
        let output = command.arg("serve").arg("--config").arg(&self.config).output();
        let output = output.expect("there is a shell");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// The call records, oldest first; waits until there are `count`.
    #[track_caller]
    pub fn records(&self, count: usize) -> Vec<Value> {
        wait::until("the call records", PATIENCE, || {
            let text = self.cli("records --format json");
            let records: Vec<Value> = serde_json::from_str(&text).expect("records come as JSON");
            (records.len() >= count).then_some(records)
        })
    }

    /// Waits until all that is so is written down: a call that is younger than 50 ms is not, and a change that is
    /// confirmed stands behind all that is.
    #[track_caller]
    pub fn await_written(&self) {
        std::thread::sleep(WRITTEN_WITHIN);
        let name = std::time::UNIX_EPOCH.elapsed().expect("it is later").as_nanos();
        self.cli(&format!("terminal set 4001 --name N{name}"));
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// What it has logged lately.
    pub fn last_words(&self) -> String {
        self.program.last_words()
    }

    #[track_caller]
    fn await_listening(&mut self) {
        let address = self.place.switchboard();
        let up = wait::within(START, || match self.program.ended() {
            Some(status) => Some(Err(status)),
            None => TcpStream::connect(address).ok().map(Ok),
        });
        assert!(matches!(up, Some(Ok(_))), "cordboard does not listen:\n{}", self.last_words());
    }

    /// Listens at all its addresses, of which that of TCP is one of the first, and has said so.
    #[track_caller]
    fn await_start(&mut self) {
        self.await_listening();
        wait::until("that it has said where it listens", START, || {
            self.log().contains(" of them registered; data in ").then_some(())
        });
    }
}

fn serve(place: &Place, config: &PathBuf) -> Program {
    serve_by(Command::new(BINARY), place, config)
}

/// `command` is the binary, with what goes before it.
fn serve_by(mut command: Command, place: &Place, config: &PathBuf) -> Program {
    command.arg("serve").arg("--config").arg(config).env("RUST_LOG", "info,cordboard=trace");
    Program::start("cordboard", &mut command, &place.directory("switchboard").join("log"))
}

/// The binary behind a command of the shell.
fn shell(limits: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits}\nexec \"$0\" \"$@\""), BINARY]);
    command
}

fn command_line(config: &PathBuf, inside: Option<u32>, line: &str) -> Output {
    let mut command = match inside {
        Some(pid) => {
            let mut command = Command::new("nsenter");
            command.args(["--target", &pid.to_string(), "--mount", BINARY]);
            command
        }
        None => Command::new(BINARY),
    };
    command.args(line.split_whitespace()).arg("--config").arg(config);
    command.output().expect("cordboard was built")
}

/// The tests' configuration: its own tables, each followed by what `more` has for it, then the rest of
/// `more`.
fn configuration(place: &Place, more: &str) -> String {
    let (listen, address) = (place.switchboard(), place.switchboard().ip());
    let network = address.to_string();
    let network = network.strip_suffix(".1").expect("it is host 1");
    let more = more.replace("NETWORK", network);
    let mut tables: Vec<(String, String)> = Vec::new();
    // SIPp 3.6 and baresip 1.0 know MD5 alone; a test may have them found out.
    let digest = if more.contains("digest = ") { "" } else { "digest = \"md5\"\n" };
    // One that advertises another address has its media there.
    let own_media = format!("address = \"{address}\"\n");
    let media = if more.contains("[media]\naddress = ") { "" } else { &own_media };
    let lease = if more.contains("\nlease = ") { "" } else { "lease = \"3s\"\n" };
    // Who picks up by itself does so late on a busy machine.
    let rings =
        if more.contains("[queue.main]\nring_time = ") { "" } else { "ring_time = \"20s\"\n" };
    let own_pages = format!("[web]\nlisten = \"{address}:8080\"\n");
    let pages = if more.contains("[web]\nlisten = ") { "" } else { &own_pages };
    let own_listen = format!("listen = [\"udp:{listen}\", \"tcp:{listen}\"]\n");
    let sockets = if more.contains("[sip]\nlisten = ") { "" } else { &own_listen };
    let own = format!(
        "[sip]\ndomain = \"cordboard.test\"\n{sockets}{digest}\
         [media]\n{media}ports = \"14000-14999\"\n\
         {pages}\
         [desk]\n{lease}\
         [queue.main]\nnumber = \"9000\"\n{rings}grace = \"2s\"\n"
    );
    // What stands before the first table belongs to none.
    let (root, more) = more.split_at(more.find('[').unwrap_or(more.len()));
    for line in own.lines().chain(more.lines()) {
        if line.starts_with('[') {
            if !tables.iter().any(|(name, _)| name == line) {
                tables.push((line.to_owned(), String::new()));
            }
            let at = tables.iter().position(|(name, _)| name == line).expect("it was just added");
            // The table that grows is the last one.
            let table = tables.remove(at);
            tables.push(table);
        } else if let Some((_, lines)) = tables.last_mut() {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    let data = place.path().join("data");
    let tables: String = tables.iter().map(|(name, lines)| format!("{name}\n{lines}\n")).collect();
    format!("data = \"{}\"\n{root}\n{tables}", data.display())
}
