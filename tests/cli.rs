//! The commands as users type them, without a running server and with one.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::fs;
use std::io::Write as _;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ports::free_address;

mod ports;

/// A configuration and a data directory of its own.
struct Testbed {
    directory: tempfile::TempDir,
}

impl Testbed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let testbed = Self { directory };
        let data = testbed.path("data");
        fs::write(testbed.path("cordboard.toml"), format!("data = {data:?}\n")).unwrap();
        testbed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
        command.args(line.split_whitespace().map(|word| word.trim_matches('\'')));
        command.arg("--config").arg(self.path("cordboard.toml"));
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command that must succeed; what it printed.
    #[track_caller]
    fn does(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
        assert!(output.stderr.is_empty(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail with this status; what it said.
    #[track_caller]
    fn fails(&self, line: &str, status: i32) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(status), "{line}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    #[track_caller]
    fn is_refused(&self, line: &str, said: &str) {
        let sentence = self.fails(line, 1);
        assert!(sentence.contains(said), "{line}: {sentence}");
    }
}

#[test]
fn a_terminal_is_added_shown_changed_and_removed() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001 --name Ada --level A --password geheim");
    testbed.does("terminal add 3002 --contact sip:3002@192.0.2.7");
    let list = "number,name,level,password,contact,srtp\r\n\
                3001,Ada,A,true,,optional\r\n3002,,B,false,sip:3002@192.0.2.7,optional\r\n";
    assert_eq!(testbed.does("terminal list --format csv"), list);
    testbed.does("terminal set 3002 --level A --contact ''");
    assert!(testbed.does("terminal show 3002").contains("level     A"));
    assert!(testbed.does("terminal show 3002 --format json").contains("\"contact\": null"));
    testbed.does("terminal remove 3001");
    assert!(!testbed.does("terminal list").contains("3001"));
}

#[test]
fn what_breaks_a_rule_is_refused_with_what_to_do() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001");
    testbed.is_refused("terminal add 3001", "it is there already");
    testbed.is_refused("terminal add 9000", "this is already an operator number");
    testbed.is_refused("terminal set 3009 --name X", "there is none of that name");
    testbed.is_refused("terminal show 3009", "cordboard terminal list");
    testbed.is_refused("terminal set 3001 --contact nowhere", "sip:3001@192.0.2.7");
    testbed.is_refused("operator add op1", "--phone NUMBER");
    testbed.is_refused("level remove B", "levels.external");
    testbed.is_refused("level set A --admits Z", "level Z");
    testbed.is_refused("permit remove 3001 4001", "there is none");
}

#[test]
fn wrong_usage_ends_with_two() {
    let testbed = Testbed::new();
    for line in
        ["", "terminal", "terminal add", "operator add op1 --mode sofa", "records --from now"]
    {
        testbed.fails(line, 2);
    }
    testbed.fails("terminal add 1 --password a --password-stdin", 2);
}

#[test]
fn a_password_can_come_by_stdin() {
    let testbed = Testbed::new();
    let secret = |line: &str| {
        let text = testbed.does("terminal export");
        text.lines()
            .find(|row| row.starts_with(line))
            .unwrap()
            .split(',')
            .nth(3)
            .unwrap()
            .to_owned()
    };
    testbed.does("terminal add 3001 --password geheim");
    let by_option = secret("3001");
    assert!(by_option.starts_with("ha1:"), "a secret is never the password: {by_option}");
    testbed.does("terminal set 3001 --password other");
    let mut child = testbed
        .command("terminal set 3001 --password-stdin")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"geheim\nnot this\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(secret("3001"), by_option);
    testbed.is_refused("terminal set 3001 --password-stdin", "the password is empty");
}

#[test]
fn terminals_leave_in_a_file_and_come_back() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001 --name Ada --level A --password geheim");
    testbed.does("terminal add 3002 --contact sip:3002@192.0.2.7");
    let exported = testbed.does("terminal export");
    let other = Testbed::new();
    let file = other.path("terminals.csv");
    fs::write(&file, &exported).unwrap();
    assert_eq!(other.does(&format!("terminal import {}", file.display())), "2 terminals\n");
    assert_eq!(other.does("terminal export"), exported);
}

#[test]
fn an_import_happens_wholly_or_not_at_all() {
    let testbed = Testbed::new();
    let file = testbed.path("terminals.csv");
    fs::write(&file, "number,level\n3001,A\n3002,nowhere\n").unwrap();
    testbed.is_refused(&format!("terminal import {}", file.display()), "row 2");
    assert_eq!(testbed.does("terminal list --format json"), "[]\n");
    testbed.is_refused("terminal import missing.csv", "missing.csv: it cannot be read");
}

#[test]
fn operators_levels_and_permits_are_listed() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001 --level A");
    testbed.does("level add C --admits A,B");
    testbed.does("permit add 3001 0123");
    testbed.does("operator add op1 --phone 3001 --password p --queue main --mode phone");
    let operators =
        "name,phone,phones,queues,mode,max_calls,password\r\nop1,3001,,main,phone,1,true\r\n";
    assert_eq!(testbed.does("operator list --format csv"), operators);
    assert_eq!(
        testbed.does("level show C --format json"),
        "{\"name\": \"C\", \"admits\": [\"A\",\"B\"]}\n"
    );
    assert_eq!(testbed.does("permit list 3001 --format csv"), "callee,caller\r\n3001,0123\r\n");
    assert_eq!(testbed.does("permit list 3002 --format json"), "[]\n");
    testbed.does("operator set op1 --mode desk --queue ''");
    assert!(testbed.does("operator show op1").contains("mode       desk"));
    testbed.is_refused("terminal remove 3001", "a phone of operator op1");
    testbed.does("operator remove op1");
    testbed.does("terminal remove 3001");
}

#[test]
fn an_operator_may_have_one_to_nine_calls() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001");
    testbed.does("operator add op1 --phone 3001 --max-calls 3");
    let is_allowed = |max: &str| {
        assert!(testbed.does("operator show op1").contains(&format!("max_calls  {max}\n")));
    };
    is_allowed("3");
    for given in ["0", "10", "255"] {
        let said = format!("operator op1: max-calls {given}: give 1 to 9");
        testbed.is_refused(&format!("operator set op1 --max-calls {given}"), &said);
        let add = format!("operator add op2 --phone 3001 --max-calls {given}");
        testbed.is_refused(&add, "give 1 to 9");
    }
    for given in ["many", "256", "1.5", "-1"] {
        testbed.fails(&format!("operator set op1 --max-calls {given}"), 2);
    }
    is_allowed("3");
    for max in ["9", "1"] {
        testbed.does(&format!("operator set op1 --max-calls {max}"));
        is_allowed(max);
    }
    let server = Server::start(&testbed);
    testbed.is_refused("operator set op1 --max-calls 10", "give 1 to 9");
    testbed.does("operator set op1 --max-calls 2");
    drop(server);
    is_allowed("2");
}

#[test]
fn records_of_an_empty_house_are_an_empty_list() {
    let testbed = Testbed::new();
    testbed.is_refused("records show call-17", "call-17: there is no record of it");
    testbed.fails("records show yesterday", 2);
    testbed.fails("records show", 2);
    assert_eq!(testbed.does("records --format json"), "[]\n");
    testbed.does("terminal add 3001");
    assert_eq!(testbed.does("records --from 2026-01-01 --format json"), "[]\n");
    testbed.is_refused("records show 17 --format json", "call-17: there is no record of it");
}

#[test]
fn a_configuration_is_checked_line_by_line() {
    let testbed = Testbed::new();
    fs::write(testbed.path("cordboard.toml"), "[queue.main]\nwait_max = \"0s\"\nring = 1\n")
        .unwrap();
    let sentence = testbed.fails("check", 1);
    assert!(sentence.contains(":2: queue.main.wait_max = \"0s\""), "{sentence}");
    assert!(sentence.contains(":3: "), "all faults come at once: {sentence}");
    testbed.is_refused("terminal list", "queue.main.wait_max");
    fs::remove_file(testbed.path("cordboard.toml")).unwrap();
    testbed.is_refused("check", "cordboard.toml");
}

/// What `serve` refuses, `check` does not call good.
#[test]
fn a_configuration_is_good_when_the_server_would_start_with_it() {
    let testbed = Testbed::new();
    let data = testbed.path("data");
    let configure = |data: &PathBuf, listen: &str| {
        let config = format!(
            "data = {data:?}\n[sip]\nlisten = [\"{listen}\"]\n[media]\naddress = \"127.0.0.1\"\n\
             ports = \"20000-20999\"\n"
        );
        fs::write(testbed.path("cordboard.toml"), config).unwrap();
    };
    let both_refuse = |said: &str| {
        testbed.is_refused("check", said);
        testbed.is_refused("serve", said);
    };
    let address = free_address();
    let taken = UdpSocket::bind(address).unwrap();
    configure(&data, &format!("udp:{address}"));
    both_refuse("stop the program that has it");
    let sentence = testbed.fails("check", 1);
    assert!(sentence.contains("cordboard.toml:3: sip.listen = [\"udp:127"), "{sentence}");
    drop(taken);
    let output = testbed.run("check");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("queue main: no operator serves it"), "{said}");
    configure(&data, "udp:192.0.2.1:5060");
    both_refuse("give an address of this machine");
    let file = testbed.path("file");
    fs::write(&file, "").unwrap();
    configure(&file.join("data"), &format!("udp:{address}"));
    both_refuse("name another with --data");
    configure(&testbed.path(&"x".repeat(100)), &format!("udp:{address}"));
    both_refuse("administration cannot listen there");
}

/// A desk whose orders come by a pipe does them in order, and quits when it is told to or at their end.
#[test]
fn a_desk_does_what_is_piped_into_it() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001 --contact sip:3001@192.0.2.7");
    testbed.does("operator add op1 --phone 3001 --password geheim");
    let server = Server::start(&testbed);
    let tell = |orders: &str| {
        let mut desk = testbed.command("desk --operator op1");
        desk.env("CORDBOARD_PASSWORD", "geheim").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut desk = desk.spawn().unwrap();
        desk.stdin.take().unwrap().write_all(orders.as_bytes()).unwrap();
        let output = desk.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        let results = said.lines().filter(|line| line.contains(": "));
        results.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(tell("dnd\nquit\nready\n"), ["hello: ok", "dnd: ok"]);
    let told = tell("find 3001\nfly\nready\n");
    let expected = [
        "hello: ok",
        "find: 3001  idle",
        "find: ok",
        "fly: not understood: type ? for help",
        "ready: ok",
    ];
    assert_eq!(told, expected);
    assert!(testbed.does("operators --format csv").contains("op1,out,"));
    drop(server);
}

#[test]
fn what_is_in_another_encoding_or_separated_otherwise_is_refused_with_what_to_do() {
    let testbed = Testbed::new();
    fs::write(testbed.path("cordboard.toml"), b"data = \"x\"\n# \xfc\n").unwrap();
    testbed.is_refused("check", ":2: this is not UTF-8");
    let testbed = Testbed::new();
    let file = testbed.path("people.csv");
    let import = format!("terminal import {}", file.display());
    fs::write(&file, "number;name\n3001;Ada\n").unwrap();
    testbed.is_refused(&import, "line 1: its cells are separated by ';'");
    fs::write(&file, b"number,name\n3001,M\xfcller\n").unwrap();
    testbed.is_refused(&import, "this is not UTF-8");
    fs::write(&file, "\u{feff}number,name\n3001,Müller\n").unwrap();
    testbed.does(&import);
    assert!(testbed.does("terminal list").contains("Müller"));
}

#[test]
fn a_hangup_takes_over_what_can_hold_and_names_what_cannot() {
    let testbed = Testbed::new();
    let server = Server::start(&testbed);
    let hang_up = || {
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    };
    let file = testbed.path("cordboard.toml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{config}[desk]\nlease = \"x\"\n")).unwrap();
    hang_up();
    server.says(&testbed, "the configuration of before still holds");
    fs::write(
        &file,
        format!(
            "{config}[desk]\nlease = \"9s\"\n[[trunk]]\nname = \"t\"\naddress = [\"192.0.2.1\"]\n"
        ),
    )
    .unwrap();
    hang_up();
    let said = server.says(&testbed, "holds only after a restart");
    assert!(said.ends_with("[[trunk]]"), "{said}");
    server.says(&testbed, "the configuration was read again");
    testbed.does("status");
}

#[test]
fn a_reload_says_what_holds_and_what_waits_and_refuses_a_fault() {
    let testbed = Testbed::new();
    testbed.is_refused("reload", "cordboard serve");
    let server = Server::start(&testbed);
    let (file, other) = (testbed.path("cordboard.toml"), testbed.path("other.toml"));
    let config = fs::read_to_string(&file).unwrap();
    assert_eq!(testbed.does("reload"), "the configuration says nothing new\n");
    let new = "[desk]\nlease = \"9s\"\n[[trunk]]\nname = \"t\"\naddress = [\"192.0.2.1\"]\n";
    fs::write(&file, format!("{config}{new}")).unwrap();
    let waits = "holds only after a restart: what is new in [[trunk]]\n";
    let said = testbed.does("reload");
    assert_eq!(said, format!("taken over: what is new in [desk]; {waits}"));
    server.says(&testbed, "the configuration was read again");
    assert_eq!(testbed.does("reload"), format!("nothing is taken over; {waits}"));
    // The server refuses the file itself, whatever the one who asks has.
    fs::write(&other, &config).unwrap();
    fs::write(&file, format!("{config}[desk]\nlease = \"x\"\n")).unwrap();
    testbed.is_refused("reload", "lease");
    let mut ask = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    let output = ask.arg("reload").arg("--config").arg(&other).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("lease") && said.contains("of before still holds"), "{said}");
    server.says(&testbed, "of before still holds");
    fs::write(&file, format!("{config}[desk]\nlease = \"9s\"\n")).unwrap();
    assert_eq!(testbed.does("reload"), "the configuration says nothing new\n");
    // The server is found by its data: where these move, it is told in another way.
    let moved = config.replacen("data = ", "data = \"elsewhere\" #", 1);
    fs::write(&file, moved).unwrap();
    testbed.is_refused("reload", "SIGHUP");
}

#[test]
fn a_message_is_traced_without_its_secrets() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001 --contact sip:3001@192.0.2.7");
    testbed.does("operator add op1 --phone 3001 --password geheim");
    let server = Server::start_as(&testbed, "serve --trace SIP", "");
    let mut desk = testbed.command("desk --operator op1");
    let output = desk.env("CORDBOARD_PASSWORD", "geheim").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    server.says(&testbed, "INVITE sip:desk@");
    server.says(&testbed, "Authorization: (left out)");
    let log = fs::read_to_string(testbed.path("log")).unwrap();
    assert!(!log.contains("response=\"") && log.contains("SIP/2.0 200"), "{log}");
    assert_eq!(testbed.does("registrations --format json"), "[]\n");
}

#[test]
fn the_commands_are_there_for_shells_and_readers() {
    let testbed = Testbed::new();
    for (shell, word) in
        [("bash", "complete -F"), ("zsh", "#compdef cordboard"), ("fish", "complete -c")]
    {
        let script = testbed.does(&format!("completions {shell}"));
        assert!(script.contains(word) && script.contains("terminal"), "{shell}");
    }
    assert!(testbed.does("man").contains(".TH cordboard"));
    let page = testbed.does("man terminal add");
    assert!(page.contains("cordboard") && page.contains("password\\-stdin"), "{page}");
    testbed.is_refused("man terminal fly", "fly: there is no such command");
}

#[test]
fn an_operator_without_offers_is_explained() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001");
    testbed.does("terminal add 3002 --contact sip:3002@192.0.2.7");
    assert!(testbed.does("explain 3001 9000").contains("queue main: no operator serves it"));
    testbed.does("operator add op1 --phone 3001 --password geheim");
    testbed.does("operator add op2 --phone 3001 --mode phone");
    testbed.does("operator add op3 --phone 3002 --mode phone");
    assert!(testbed.does("explain 3001 9000").contains("no server runs"));
    let server = Server::start(&testbed);
    testbed.does("operator set op2 --state ready");
    testbed.does("operator set op3 --state ready");
    let explained = testbed.does("explain 3001 9000");
    for line in [
        "op1: is offered none: logged out, and op2 sits at its phone 3001: ",
        "op2: is offered none: its phone 3001 is not registered: see `registrations 3001`",
        "op3: is offered calls\n",
    ] {
        assert!(explained.contains(line), "{explained}");
    }
    testbed.does("operator set op3 --state dnd");
    assert!(testbed.does("operators").contains("do-not-disturb"));
    let output = testbed.run("check");
    assert!(output.status.success(), "its ports are its own: {output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("operators op1 and op2 have one phone, 3001"), "{said}");
    drop(server);
}

#[test]
fn every_command_finds_the_house_that_it_is_told_of() {
    let (testbed, other) = (Testbed::new(), Testbed::new());
    testbed.does("terminal add 3001");
    let data = testbed.path("data").display().to_string();
    other.is_refused("terminal show 3001", "there is none");
    other.does(&format!("--data {data} terminal show 3001"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command
        .args(["terminal", "show", "3001"])
        .env("CORDBOARD_CONFIG", testbed.path("cordboard.toml"));
    assert!(command.output().unwrap().status.success());
    command.arg("--config").arg(other.path("cordboard.toml"));
    assert!(!command.output().unwrap().status.success(), "what is typed comes first");
    let _server = Server::start_as(&testbed, &format!("serve --data {data}"), "");
    other.is_refused("status", "no server runs");
    for line in [
        "status",
        "calls",
        "queue",
        "queues",
        "operators",
        "registrations",
        "records",
        "check",
        "level list",
        "permit list",
        "operator list",
        "terminal export",
        "reload",
    ] {
        let output = other.run(&format!("{line} --data {data}"));
        assert!(output.status.success(), "{line}: {output:?}");
    }
    // It goes on where it was told to, whatever its file says of that now.
    let file = testbed.path("cordboard.toml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replacen("data = ", "data = \"elsewhere\" #", 1)).unwrap();
    let said = testbed.does(&format!("reload --data {data}"));
    assert_eq!(said, "the configuration says nothing new\n");
}

/// A running server on the house's data; ends with the test.
struct Server {
    child: Child,
}

impl Server {
    fn start(testbed: &Testbed) -> Self {
        Self::start_with(testbed, "")
    }

    /// With more in `[media]`.
    fn start_with(testbed: &Testbed, media: &str) -> Self {
        Self::start_as(testbed, "serve", media)
    }

    fn start_as(testbed: &Testbed, line: &str, media: &str) -> Self {
        let free = free_address();
        let data = testbed.path("data");
        let config = format!(
            "data = {data:?}\n[sip]\nlisten = [\"udp:{free}\", \"tcp:{free}\"]\n\
             [media]\naddress = \"127.0.0.1\"\nports = \"20000-20999\"\n{media}"
        );
        fs::write(testbed.path("cordboard.toml"), config).unwrap();
        let log = fs::File::create(testbed.path("log")).unwrap();
        // One that was killed has left it behind.
        let _ = fs::remove_file(data.join("cordboard.sock"));
        let child = testbed.command(line).stdin(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Self { child };
        // The last that it says when it starts: it listens everywhere.
        server.says(testbed, "; data in ");
        server
    }

    /// Waits for a line of its log.
    fn says(&self, testbed: &Testbed, what: &str) -> String {
        let line = |log: &str| log.lines().find(|line| line.contains(what)).map(str::to_owned);
        self.awaits(testbed, what, line)
    }

    /// Looks, at its log or elsewhere, until something is found.
    fn awaits<T>(&self, testbed: &Testbed, what: &str, probe: impl Fn(&str) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            let log = fs::read_to_string(testbed.path("log")).unwrap();
            if let Some(found) = probe(&log) {
                return found;
            }
            assert!(Instant::now() < end, "waited in vain for {what:?}: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_running_server_is_asked_and_the_journal_has_it() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001 --level A");
    testbed.is_refused("status", "no server runs");
    testbed.is_refused("operator set op1 --state out", "no server runs");
    let server = Server::start(&testbed);
    testbed.does("terminal add 3002 --name Ada --level A --password geheim");
    testbed.does("operator add op1 --phone 3001 --password geheim");
    testbed.is_refused("terminal add 3002", "it is there already");
    testbed.is_refused("operator set op9 --state out", "there is none of that name");
    testbed.is_refused("operator set op1 --state ready", "not logged in");
    testbed.does("operator set op1 --state out");
    assert!(testbed.does("terminal show 3002").contains("Ada"));
    let operators = testbed.does("operators --format csv");
    assert!(operators.contains("op1,out,false,"), "{operators}");
    assert!(testbed.does("status").contains("terminals            2"));
    assert_eq!(testbed.does("calls --format json"), "[]\n");
    assert_eq!(
        testbed.does("queue --format csv"),
        "queue,position,request,caller,origin,since,priority\r\n"
    );
    let queues = "queue,number,waiting,night,switch\r\nmain,9000,0,";
    testbed.does("queue set main --night on");
    assert_eq!(testbed.does("queues --format csv"), format!("{queues}true,on\r\n"));
    testbed.is_refused("queue set sales --night on", "queue sales: there is none of that name");
    drop(server);
    // Killed, it has left its socket behind; what was done is there.
    assert!(testbed.path("data/cordboard.sock").exists());
    testbed.does("terminal set 3002 --name Eve");
    assert!(testbed.does("terminal show 3002").contains("Eve"));
    testbed.is_refused("queue set sales --night on", "queue sales: there is none of that name");
    testbed.is_refused("queues", "no server runs");
    testbed.does("queue set main --night off");
    let _server = Server::start(&testbed);
    assert_eq!(testbed.does("queues --format csv"), format!("{queues}false,off\r\n"));
}

#[test]
fn a_house_is_backed_up_while_it_runs_and_restored_when_it_does_not() {
    let testbed = Testbed::new();
    let file = testbed.path("monday").display().to_string();
    testbed.is_refused(&format!("backup {file}"), "there is no database yet");
    testbed.does("terminal add 3001 --level A");
    let server = Server::start(&testbed);
    testbed.does("terminal add 3002");
    assert_eq!(testbed.does(&format!("backup {file}")), "");
    testbed.is_refused(&format!("backup {file}"), "add --force to replace it");
    testbed.does("terminal remove 3001");
    testbed.is_refused(&format!("restore {file}"), "a running cordboard holds it");
    drop(server);
    let said = testbed.does(&format!("restore {file}"));
    assert!(
        said.contains(&format!("cordboard.db is {file} now; the one before is kept")),
        "{said}"
    );
    assert!(testbed.does("terminal list").contains("3001"));
    testbed.does(&format!("backup {file} --force"));
    let elsewhere = testbed.path("elsewhere").display().to_string();
    let said = testbed.does(&format!("restore {file} --data {elsewhere}"));
    assert_eq!(said, format!("{elsewhere}/cordboard.db is {file} now\n"));
}

#[test]
fn an_emptied_database_is_refused_by_every_command_with_the_one_that_helps() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001");
    fs::write(testbed.path("data/cordboard.db"), "").unwrap();
    for line in ["serve", "terminal list", "terminal add 3002", "records", "backup monday"] {
        testbed.is_refused(line, "`cordboard restore FILE`");
    }
    assert_eq!(fs::metadata(testbed.path("data/cordboard.db")).unwrap().len(), 0);
}

#[test]
fn a_server_says_when_recordings_would_fill_the_disk() {
    let testbed = Testbed::new();
    let server = Server::start_with(&testbed, "reserve = \"1000000TB\"\n");
    let said = server.says(&testbed, "nothing is recorded any more: ");
    assert!(said.contains("keeps 1000000000000 MB"), "{said}");
}

#[test]
fn a_server_says_once_whose_eyes_the_data_was_open_to() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001");
    let data = testbed.path("data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let start = || {
        drop(Server::start(&testbed));
        fs::read_to_string(testbed.path("log")).unwrap()
    };
    let said = start();
    assert!(said.contains(&format!("{} and 0 more files could be read", data.display())), "{said}");
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!start().contains("could be read"));
}

#[test]
fn a_desk_in_lines_hears_events_and_gives_commands() {
    let testbed = Testbed::new();
    testbed.does("terminal add 3001 --name Ada --level A --password geheim");
    testbed.does("operator add op1 --phone 3001 --password geheim");
    let _server = Server::start(&testbed);
    let desk = |password: &str, typed: &str| {
        let mut command = testbed.command("desk --operator op1 --password-stdin");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{password}").unwrap();
        for line in typed.lines() {
            // A desk that was refused is gone.
            let _ = writeln!(stdin, "{line}");
        }
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (status, said, faults) = desk("geheim", "f ada\nt\nk\nfly\nd\nf ada\nq\n");
    assert_eq!((status, faults.as_str()), (Some(0), ""), "{said}");
    for line in [
        "welcome op1 at phone 3001",
        "snapshot-end",
        "hello: ok",
        "find: 3001 Ada",
        "take: nobody waits at place 1",
        "connect: wrong-phase",
        "fly: not understood",
        "dnd: ok",
        "state dnd",
    ] {
        assert!(said.contains(line), "{line} is missing in:\n{said}");
    }
    let (status, _, sentence) = desk("wrong", "");
    assert_eq!(status, Some(1));
    assert!(sentence.contains("the password is wrong"), "{sentence}");
}
