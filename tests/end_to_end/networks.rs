//! A switchboard on two networks without a default route, each phone on one of them alone.
//!
//! ```text
//!   10.8.3.4 (caller) ── 10.8.0.1 ┐            ┌ 192.168.77.1 ── 192.168.77.2 (phone)
//!                                 └ switchboard┘
//! ```

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::place::Place;
use crate::program::Program;
use crate::sipp::{Role, Sipp, account};
use crate::switchboard::{BINARY, PASSWORD};
use crate::wait;

/// A network namespace of the test's own, gone with it.
struct Namespace(String);

impl Namespace {
    fn new(name: &str) -> Namespace {
        let namespace = Namespace(format!("cord{}{name}", std::process::id()));
        ip(&format!("netns add {}", namespace.0));
        ip(&format!("-n {} link set lo up", namespace.0));
        namespace
    }

    /// A cable between two of them, and the address at each end.
    fn connect(&self, own: &str, other: &Namespace, theirs: &str, cable: &str) {
        let ends = [(self, own, "a"), (other, theirs, "b")];
        let [one, two] = ends.map(|(_, _, end)| format!("c{}{cable}{end}", std::process::id()));
        ip(&format!("link add {one} type veth peer name {two}"));
        for (name, (end, address, _)) in [one, two].iter().zip(ends) {
            ip(&format!("link set {name} netns {}", end.0));
            ip(&format!("-n {} addr add {address} dev {name}", end.0));
            ip(&format!("-n {} link set {name} up", end.0));
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn ip(line: &str) {
    let status = Command::new("ip").args(line.split(' ')).status();
    let done = status.expect("run tests/run once, it installs iproute2").success();
    assert!(done, "ip {line}: the tests of networks run as root");
}

fn cli(config: &Path, line: &str) {
    let mut command = Command::new(BINARY);
    let output = command.args(line.split(' ')).arg("--config").arg(config).output();
    let output = output.expect("cordboard was built");
    assert!(output.status.success(), "cordboard {line}: {output:?}");
}

#[test]
fn phones_on_two_networks_reach_the_switchboard_and_its_relay() {
    let (house, near, far) = (Namespace::new("h"), Namespace::new("n"), Namespace::new("f"));
    house.connect("10.8.0.1/16", &near, "10.8.3.4/16", "n");
    house.connect("192.168.77.1/24", &far, "192.168.77.2/24", "f");
    let place = Place::new();
    let config = place.path().join("cordboard.toml");
    let data = place.path().join("data");
    let text = format!(
        "data = {data:?}\n[sip]\ndomain = \"cordboard.test\"\ndigest = \"md5\"\n\
         listen = [\"udp:0.0.0.0:5060\", \"tcp:0.0.0.0:5060\"]\n"
    );
    fs::write(&config, text).expect("the directory is writable");
    cli(&config, &format!("terminal add 3001 --level A --password {PASSWORD}"));
    cli(&config, "terminal add 3002 --level A --contact sip:3002@192.168.77.2:5060");
    let mut command = house.command(BINARY);
    command.arg("serve").arg("--config").arg(&config).env("RUST_LOG", "info");
    let log = place.directory("switchboard").join("log");
    let board = Program::start("cordboard", &mut command, &log);
    let up = || board.log().contains("listening on TCP").then_some(());
    wait::until("the switchboard", Duration::from_secs(10), up);

    let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let role =
        |scenario, number| Role { scenario, who: account("3001"), number, extra: "", tcp: false };
    let phone = role("phone-answers-and-hangs-up", "3002");
    let (there, here) = (at("192.168.77.2:5060"), at("192.168.77.1:5060"));
    let mut phone = Sipp::start_by(far.command("sipp"), &place, there, here, &phone);
    let caller = role("terminal-calls-and-is-hung-up", "3002");
    let (there, here) = (at("10.8.3.4:5060"), at("10.8.0.1:5060"));
    let mut caller = Sipp::start_by(near.command("sipp"), &place, there, here, &caller);
    caller.awaits_conversation();
    phone.awaits_conversation();
    phone.nudge_by(far.command("bash"));
    // Its BYE goes to our Contact, and the caller's ACK has.
    phone.ends_well();
    caller.ends_well();
    for (sipp, own, other) in [(&phone, "192.168.77.1", "10.8."), (&caller, "10.8.0.1", "192.168.")]
    {
        let heard = sipp.heard();
        for place in ["\nContact: <sip:", "\nc=IN IP4 "] {
            assert!(heard.iter().any(|text| contains(text, place, own)), "{place}{own}: {heard:?}");
            assert!(!heard.iter().any(|text| contains(text, place, other)), "{heard:?}");
        }
    }
}

/// Whether a line that begins so has this.
fn contains(text: &str, line: &str, what: &str) -> bool {
    let lines = text.split(line).skip(1).filter_map(|rest| rest.lines().next());
    lines.into_iter().any(|rest| rest.contains(what))
}
