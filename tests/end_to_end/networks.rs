//! A switchboard on two networks without a default route, each phone on one of them alone.
//!
//! ```text
//!   10.8.3.4 (caller) ── 10.8.0.1 ┐            ┌ 192.168.77.1 ── 192.168.77.2 (phone)
//!                                 └ switchboard┘
//! ```
//!
//! And phones whose only way to it is a router that hides them:
//!
//! ```text
//!   10.8.3.4 (phone) ── 10.8.0.1 ┐            ┌ 192.168.77.1 ── 192.168.77.2 ┐        ┌ 10.0.0.1 ── 10.0.0.2 (phones)
//!                                └ switchboard┘                              └ router ┘
//! ```

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::namespace::Namespace;
use crate::phone::{Account, Answer, CALLER, Codecs, Host, OPERATOR, PLAIN, Phone, USER};
use crate::place::Place;
use crate::program::Program;
use crate::sipp::{Role, Sipp, account};
use crate::switchboard::{BINARY, PASSWORD};
use crate::wait;
use crate::witness::{Gets, judge, mark};

fn cli(config: &Path, line: &str) -> String {
    let mut command = Command::new(BINARY);
    let output = command.args(line.split(' ')).arg("--config").arg(config).output();
    let output = output.expect("cordboard was built");
    assert!(output.status.success(), "cordboard {line}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A switchboard with these accounts on all addresses of a machine, and its configuration.
fn serve(house: &Namespace, place: &Place, accounts: &[&str]) -> (Program, PathBuf) {
    let config = place.path().join("cordboard.toml");
    let data = place.path().join("data");
    let text = format!(
        "data = {data:?}\n[sip]\ndomain = \"cordboard.test\"\ndigest = \"md5\"\n\
         listen = [\"udp:0.0.0.0:5060\", \"tcp:0.0.0.0:5060\"]\n"
    );
    fs::write(&config, text).expect("the directory is writable");
    for line in accounts {
        cli(&config, line);
    }
    let mut command = house.command(BINARY);
    command.arg("serve").arg("--config").arg(&config).env("RUST_LOG", "info");
    let log = place.directory("switchboard").join("log");
    let board = Program::start("cordboard", &mut command, &log);
    let up = || board.log().contains("listening on TCP").then_some(());
    wait::until("the switchboard", Duration::from_secs(10), up);
    (board, config)
}

fn account_of(number: &str) -> String {
    format!("terminal add {number} --level A --password {PASSWORD}")
}

#[test]
fn phones_on_two_networks_reach_the_switchboard_and_its_relay() {
    let (house, near, far) = (Namespace::new("h"), Namespace::new("n"), Namespace::new("f"));
    house.connect("10.8.0.1/16", &near, "10.8.3.4/16", "n");
    house.connect("192.168.77.1/24", &far, "192.168.77.2/24", "f");
    let place = Place::new();
    let phone = "terminal add 3002 --level A --contact sip:3002@192.168.77.2:5060";
    let (_board, _) = serve(&house, &place, &[&account_of("3001"), phone]);

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

/// The switchboard sees the router's address and a port that is another for each flow, and has no way to what
/// the phones name in Contact and SDP. They have its second address there, which its packets would not leave from
/// by themselves, and the router lets nothing else in; nor does anything reach the first one, sound as little as SIP.
#[test]
fn phones_behind_nat_call_and_are_called_by_udp_and_by_tcp() {
    let names = ["h", "n", "r", "b"].map(Namespace::new);
    let [house, near, router, behind] = &names;
    house.connect("10.8.0.1/16", near, "10.8.3.4/16", "n");
    house.connect("192.168.77.1/24", router, "192.168.77.2/24", "r");
    house.has_also("192.168.77.5/24", "r");
    router.never_reaches("192.168.77.1");
    router.connect("10.0.0.1/24", behind, "10.0.0.2/24", "b");
    router.hides("10.0.0.0/24");
    behind.leads_by("10.0.0.1");
    let place = Place::new();
    let accounts = ["3001", "3002", "3003"].map(account_of);
    let (_board, config) = serve(house, &place, &accounts.each_ref().map(String::as_str));

    let at = |namespace, text: &str| Host::Apart(namespace, text.parse().expect("an address"));
    let codecs = Codecs { video: "", ..PLAIN };
    let start = |host, party, number, proxy: &str| {
        let account = Account::Terminal { number, password: PASSWORD };
        Phone::start_at(host, &place, party, codecs, Answer::AtOnce, &account, &proxy)
    };
    let mut near = start(at(near, "10.8.3.4"), OPERATOR, "3001", "10.8.0.1:5060");
    let mut by_udp = start(at(behind, "10.0.0.2"), USER, "3002", "192.168.77.5:5060");
    let by_tcp = "192.168.77.5:5060;transport=tcp";
    let mut by_tcp = start(at(behind, "10.0.0.2"), CALLER, "3003", by_tcp);
    let seen = cli(&config, "registrations");
    println!("{seen}");
    for phone in [&by_udp, &by_tcp] {
        assert!(!seen.contains(&format!("192.168.77.2:{}", phone.sip.port())), "{seen}");
    }
    assert_eq!(seen.matches("192.168.77.2:").count(), 2, "{seen}");

    converse(&mut near, &mut by_udp, "3002", Ends::Caller);
    converse(&mut by_udp, &mut near, "3001", Ends::Caller);
    converse(&mut near, &mut by_tcp, "3003", Ends::Callee);
    converse(&mut by_tcp, &mut near, "3001", Ends::Callee);
    converse(&mut by_udp, &mut by_tcp, "3003", Ends::Caller);
}

/// What it names of its addresses leads nowhere, and no server tells it of others: its checks show us the way, also for
/// reports, and ours to it is the one that it has found.
#[test]
fn a_phone_behind_nat_that_checks_its_ways_finds_ours() {
    let names = ["h", "n", "r", "b"].map(Namespace::new);
    let [house, near, router, behind] = &names;
    house.connect("10.8.0.1/16", near, "10.8.3.4/16", "n");
    house.connect("192.168.77.1/24", router, "192.168.77.2/24", "r");
    router.connect("10.0.0.1/24", behind, "10.0.0.2/24", "b");
    router.hides("10.0.0.0/24");
    behind.leads_by("10.0.0.1");
    let place = Place::new();
    let (_board, _) =
        serve(house, &place, &["3001", "3002"].map(account_of).each_ref().map(String::as_str));

    let at = |namespace, text: &str| Host::Apart(namespace, text.parse().expect("an address"));
    let start = |host, party, number, codecs, proxy: &str| {
        let account = Account::Terminal { number, password: PASSWORD };
        Phone::start_at(host, &place, party, codecs, Answer::AtOnce, &account, &proxy)
    };
    let codecs = Codecs { video: "", ..PLAIN };
    let mut near = start(at(near, "10.8.3.4"), OPERATOR, "3001", codecs, "10.8.0.1:5060");
    let checking = Codecs { checks: true, sealed: true, ..codecs };
    let mut checking = start(at(behind, "10.0.0.2"), USER, "3002", checking, "192.168.77.1:5060");
    converse(&mut checking, &mut near, "3001", Ends::Caller);
    let told = checking.trace();
    for line in ["a=ice-lite", "a=ice-ufrag:", " 192.168.77.1 "] {
        assert!(told.contains(line), "{line}: {told}");
    }
}

/// Who hangs up.
#[derive(Clone, Copy)]
enum Ends {
    Caller,
    Callee,
}

/// One calls the other, both hear each other, and one hangs up.
#[track_caller]
fn converse(caller: &mut Phone, callee: &mut Phone, number: &str, ends: Ends) {
    caller.dial(number);
    for phone in [&mut *caller, &mut *callee] {
        phone.await_event("CALL_ESTABLISHED");
    }
    let start = mark(&mut [&mut *caller, &mut *callee]);
    let gets = [Gets::Voice(callee.party), Gets::Voice(caller.party)];
    judge(number, &start, &mut [&mut *caller, &mut *callee], &gets);
    match ends {
        Ends::Caller => caller.hang_up(),
        Ends::Callee => callee.hang_up(),
    }
    for phone in [caller, callee] {
        phone.await_event("CALL_CLOSED");
    }
}

/// Whether a line that begins so has this.
fn contains(text: &str, line: &str, what: &str) -> bool {
    let lines = text.split(line).skip(1).filter_map(|rest| rest.lines().next());
    lines.into_iter().any(|rest| rest.contains(what))
}
