//! Networks of a test's own: namespaces of the kernel, cables between them, and a router with NAT.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace of the test's own, gone with it.
pub struct Namespace(String);

impl Namespace {
    pub fn new(name: &str) -> Namespace {
        // Tests of one process run side by side.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let namespace = Namespace(format!("c{}{name}{number}", std::process::id()));
        ip(&format!("netns add {}", namespace.0));
        ip(&format!("-n {} link set lo up", namespace.0));
        namespace
    }

    /// A cable between two of them, and the address at each end.
    pub fn connect(&self, own: &str, other: &Namespace, theirs: &str, cable: &str) {
        let ends = [(self, own, "a"), (other, theirs, "b")];
        let [one, two] = ends.map(|(_, _, end)| format!("{}{cable}{end}", self.0));
        ip(&format!("link add {one} type veth peer name {two}"));
        for (name, (end, address, _)) in [one, two].iter().zip(ends) {
            ip(&format!("link set {name} netns {}", end.0));
            ip(&format!("-n {} addr add {address} dev {name}{}", end.0, at_once(address)));
            ip(&format!("-n {} link set {name} up", end.0));
        }
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    /// Another address at its end of a cable that it was connected by.
    pub fn has_also(&self, address: &str, cable: &str) {
        ip(&format!("-n {0} addr add {address} dev {0}{cable}a{1}", self.0, at_once(address)));
    }

    /// It carries what comes from this network on, in its own name and each flow from another port, and back
    /// what answers that, and nothing else.
    pub fn hides(&self, network: &str) {
        let rules = format!(
            "table ip nat {{ chain out {{ type nat hook postrouting priority srcnat; \
             ip saddr {network} masquerade fully-random; }}; }}"
        );
        self.keeps_rules("echo 1 > /proc/sys/net/ipv4/ip_forward", &rules);
    }

    /// It is known outside by this address, as if a router of its own sent what comes there on to it.
    pub fn is_known_as(&self, outer: &str, own: &str) {
        let rules = format!(
            "table ip nat {{ chain in {{ type nat hook prerouting priority dstnat; \
             ip daddr {outer} dnat to {own}; }}; }}"
        );
        self.keeps_rules("true", &rules);
    }

    fn keeps_rules(&self, before: &str, rules: &str) {
        let line = format!("{before} && nft \"$0\"");
        let status = self.command("sh").args(["-c", &line, rules]).status();
        let done = status.expect("there is a shell").success();
        assert!(done, "nft {rules}: run tests/run once, it installs nftables");
    }

    /// All that it has no cable to goes there.
    pub fn leads_by(&self, router: &str) {
        ip(&format!("-n {} route add default via {router}", self.0));
    }

    /// The same, and leaves from this address.
    pub fn leads_out_by(&self, router: &str, own: &str) {
        ip(&format!("-n {} route add default via {router} src {own}", self.0));
    }

    /// Datagrams that go there are lost on their way, and connections go through.
    pub fn loses_datagrams_to(&self, address: &str) {
        let rules = format!(
            "table ip lost {{ chain out {{ type filter hook output priority filter; \
             ip daddr {address} udp dport 1-65535 drop; }}; }}"
        );
        self.keeps_rules("true", &rules);
    }

    /// What goes there is lost on its way.
    pub fn never_reaches(&self, address: &str) {
        ip(&format!("-n {} route add blackhole {address}", self.0));
    }

    /// A connection of a program within it.
    pub fn reach(&self, address: SocketAddr) -> Option<TcpStream> {
        self.within(move || TcpStream::connect(address)).ok()
    }

    /// What listens there for programs within it.
    pub fn listen(&self, address: SocketAddr) -> TcpListener {
        self.within(move || TcpListener::bind(address)).expect("the port is free there")
    }

    /// A socket stays where it was made, whoever uses it.
    fn within<T: Send + 'static>(
        &self,
        make: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let network =
            File::open(format!("/run/netns/{}", self.0)).expect("iproute2 keeps it there");
        let there = move || {
            let moved =
                move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
            moved.expect("the tests of networks run as root");
            make()
        };
        thread::spawn(there).join().expect("the thread does not panic")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// An address of IPv6 is otherwise not used until the kernel has asked for a second whether anybody else has it.
fn at_once(address: &str) -> &'static str {
    if address.contains(':') { " nodad" } else { "" }
}

fn ip(line: &str) {
    let status = Command::new("ip").args(line.split(' ')).status();
    let done = status.expect("run tests/run once, it installs iproute2").success();
    assert!(done, "ip {line}: the tests of networks run as root");
}
