//! Our unit under the real systemd, in namespaces of its own: a call goes on over three kills and an upgrade.
//!
//! ```text
//!   unshare ─ PID 1: systemd ─ cordboard.service      /etc/systemd/system, /run, /srv and /var/lib are its own
//!      │                         │
//!      │ network and data are the machine's           3002 ══ TCP ══ switchboard ══ UDP ══ 3003
//! ```
//!
//! The unit is that of `conf/`, with every fence that it has; its account, program and configuration are those of the test.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::switchboard::{BINARY, Switchboard};
use crate::talker::{Heard, Talker, Voice};
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(10);

/// `$0` is the unit, `$1` the program, `$4` its configuration. What is to be the server's log is the standard error.
const BEGIN: &str = r#"
set -e
log=$(readlink /proc/self/fd/2)
mount -t proc proc /proc
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for own in /run /srv /var/lib /etc/systemd/system; do mount -t tmpfs -o mode=755 tmpfs $own; done
mkdir /run/systemd /var/lib/cordboard
touch /srv/cordboard
mount --bind "$1" /srv/cordboard
cp "$4" /srv/cordboard.toml
chmod 644 /srv/cordboard.toml
mount --bind "$(dirname "$4")/data" /var/lib/cordboard
cd /etc/systemd/system
sed -E -e 's!^(User|Group)=.*!\1=daemon!' \
    -e 's!^ExecStart=.*!ExecStart=/srv/cordboard serve --config /srv/cordboard.toml --data /var/lib/cordboard!' \
    "$0" >cordboard.service
mkdir cordboard.service.d
# Nothing else of the machine is started in here.
printf '[Unit]\nDefaultDependencies=no\n[Service]\nStandardError=append:%s\n' "$log" >cordboard.service.d/alone.conf
printf '[Unit]\nDefaultDependencies=no\n' >network-online.target
exec env container=lxc /lib/systemd/systemd --system --unit=cordboard.service
"#;

/// A switchboard that systemd runs.
struct Service {
    board: Switchboard,
}

impl Service {
    #[track_caller]
    fn open() -> Service {
        let board = Switchboard::open_by("", |_| {
            let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/cordboard.service");
            let mut command = Command::new("unshare");
            command.args(["--fork", "--pid", "--mount", "--cgroup", "--kill-child"]);
            command.args(["sh", "-c", BEGIN, unit, BINARY]);
            command
        });
        Service { board }
    }

    /// `systemctl …` in there; what it said.
    #[track_caller]
    fn systemctl(&self, line: &str) -> String {
        let id = self.board.pid();
        let inside = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let inside = inside.expect("systemd runs");
        let mut command = Command::new("nsenter");
        command.args(["--target", inside.trim(), "--pid", "--mount", "systemctl"]);
        let output = command.args(line.split(' ')).output().expect("util-linux is there");
        assert!(output.status.success(), "systemctl {line}: {output:?}\n{}", self.board.log());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn starts(&self) -> usize {
        self.board.log().matches("listening on UDP").count()
    }

    fn shows(&self, property: &str) -> String {
        self.systemctl(&format!("show cordboard --property {property} --value")).trim().to_owned()
    }
}

/// The first packet with the mark of `other` that `talker` hears after this moment.
#[track_caller]
fn hears(service: &Service, talker: &Talker, other: &Talker, from: Instant) -> Heard {
    let first = wait::within(PATIENCE, || {
        let mut heard = talker.heard_since(from).into_iter();
        heard.find(|heard| heard.voice == Voice::Of(other.mark))
    });
    first.unwrap_or_else(|| {
        panic!("{} hears nothing of {}:\n{}", talker.name, other.name, service.board.log())
    })
}

#[test]
fn a_call_over_tcp_goes_on_under_systemd_over_kills_and_an_upgrade() {
    let service = Service::open();
    let place = &service.board.place;
    let inside = Talker::over_tcp("3002", 0x22, place.next_address(), place.switchboard());
    let other = Talker::at("3003", 0x33, place.next_address(), place.switchboard());
    let pair = [(&inside, &other), (&other, &inside)];
    [&inside, &other].iter().for_each(|talker| talker.registers());
    assert_eq!(inside.calls("3003"), 200);
    let began = Instant::now();
    let mut last = pair.map(|(talker, heard)| hears(&service, talker, heard, began));
    let mut gaps = Vec::new();
    for (count, line) in ["kill", "kill", "kill", "restart"].iter().enumerate() {
        service.board.await_written();
        if *line == "restart" {
            assert_eq!(service.shows("NRestarts"), "3", "{}", service.board.log());
        }
        let ended = Instant::now();
        let line =
            if *line == "kill" { "kill --signal KILL cordboard" } else { "restart cordboard" };
        service.systemctl(line);
        wait::until("the next process", PATIENCE, || (service.starts() == count + 2).then_some(()));
        for ((talker, heard), last) in pair.iter().zip(&mut last) {
            let first = hears(&service, talker, heard, Instant::now());
            let heard_since = talker.heard_since(ended - Duration::from_millis(100));
            let silence = heard_since.windows(2).map(|two| two[1].at - two[0].at).max();
            assert_eq!(first.source, last.source, "{line}: the stream is the same");
            let ahead = first.sequence.wrapping_sub(last.sequence);
            assert!((1..3_000).contains(&ahead), "{line}: it goes on ahead, by {ahead}");
            gaps.extend(silence.map(|silence| silence.as_millis()));
            *last = first;
        }
        assert_eq!(inside.asks("OPTIONS"), 200, "{line}: its connection is open");
        let phones = service.board.cli("registrations");
        assert!(phones.contains("3002") && phones.contains("3003"), "{line}: {phones}");
    }
    println!("the longest silence of each of the two at each end: {gaps:?} ms");
    assert_eq!(service.shows("NRestarts"), "0", "who was told to restart begins to count anew");
    for talker in [&inside, &other] {
        assert_eq!((talker.offers("sendonly"), talker.offers("sendrecv")), (200, 200));
    }
    assert_eq!(other.hangs_up(), 200);
    wait::until("the end of the call over TCP", PATIENCE, || inside.is_over().then_some(()));
    assert_eq!(service.board.records(1).len(), 1);
    // With no call left, the service ends at once.
    service.systemctl("stop cordboard");
    assert_eq!(service.shows("Result"), "success", "{}", service.board.log());
}
