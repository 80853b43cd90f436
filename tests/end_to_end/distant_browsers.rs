//! Browsers that are not on the switchboard's machine, each on a network of its own: they are given a camera by TLS alone,
//! under the certificate that the switchboard has made, and are told the address of the relay that they have reached. That is
//! the second one of the switchboard on each network, which packets would not leave from by themselves; the first one does not
//! reach them. Of the other family they are told the one that leads out, which a browser goes by whose datagrams get through
//! there alone.
//!
//! ```text
//!   10.8.3.4 (desk page) ── 10.8.0.2 ┐            ┌ fd00:77::3   ── fd00:77::2   (the caller's page)
//!                           10.8.0.1 │            │ fd00:77::1
//!                                    └ switchboard┼ 192.168.77.3 ── 203.0.113.5 ── 192.168.77.2 (the same, from outside)
//!                                                 └ 192.168.77.1
//! ```

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::pages::Pages;
use crate::browser::phone::BrowserPhone;
use crate::browser::{Browser, Kind, Page};
use crate::namespace::Namespace;
use crate::phone::{CALLER, Host, OPERATOR, Party};
use crate::picture::Colour;
use crate::place::Place;
use crate::program::Program;
use crate::switchboard::{BINARY, PASSWORD};
use crate::wait;
use crate::witness::{Gets, judge, mark};

/// What comes by signalling alone is there within this time, on a machine that is busy; so are sound and picture.
const SOON: Duration = Duration::from_secs(15);
const PROBE: &str = include_str!("browser/probe.js");

/// A switchboard on all addresses of a machine, of both families.
fn serve(house: &Namespace, place: &Place) -> Program {
    let config = place.path().join("cordboard.toml");
    let (data, origin) = (place.path().join("data"), Pages::get().origin());
    let text = format!(
        "data = {data:?}\n[sip]\ndomain = \"cordboard.test\"\ndigest = \"md5\"\n\
         listen = [\"udp:0.0.0.0:5060\", \"tcp:0.0.0.0:5060\", \"wss:0.0.0.0:5063\", \"wss:[::]:5063\"]\n\
         advertise = [\"192.168.77.0/24=203.0.113.5\"]\n[media]\naddress = \"::\"\n\
         [web]\nlisten = [\"0.0.0.0:8443\"]\norigins = [{origin:?}]\n"
    );
    fs::write(&config, text).expect("the directory is writable");
    for line in [
        format!("terminal add 3001 --level A --password {PASSWORD}"),
        format!("terminal add 4001 --level B --password {PASSWORD}"),
        format!("operator add op1 --phone 3001 --password {PASSWORD}"),
    ] {
        cli(&config, &line);
    }
    let mut command = house.command(BINARY);
    command.arg("serve").arg("--config").arg(&config).env("RUST_LOG", "info,cordboard=debug");
    let log = place.directory("switchboard").join("log");
    let board = Program::start("cordboard", &mut command, &log);
    let up = || board.log().contains("listening on TCP").then_some(());
    wait::until("the switchboard", Duration::from_secs(10), up);
    board
}

fn cli(config: &Path, line: &str) -> String {
    let mut command = Command::new(BINARY);
    let output = command.args(line.split(' ')).arg("--config").arg(config).output();
    let output = output.expect("cordboard was built");
    assert!(output.status.success(), "cordboard {line}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The certificate that was made is for these addresses.
#[track_caller]
fn is_for(place: &Place, addresses: &[&str]) {
    let certificate = place.path().join("data/tls.crt");
    for address in addresses {
        let mut command = Command::new("openssl");
        command.args(["x509", "-noout", "-checkip", address, "-in"]).arg(&certificate);
        let said = command.output().expect("openssl is there").stdout;
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("does match certificate"), "{said}");
    }
}

/// The desk page under the switchboard's own certificate; it works.
#[track_caller]
fn desk(host: Host, place: &Place, url: &str) -> (Browser, Page) {
    let mut browser = Browser::start_at(host, Kind::Chromium, place);
    let page = browser.open("data:,");
    let settings = json!({ "tone": OPERATOR.tone, "colour": OPERATOR.colour.0 });
    // What the browser itself gives, and the addresses that each connection is told.
    let own = "window.devices = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);\
         window.told = [];\
         const take = RTCPeerConnection.prototype.setRemoteDescription;\
         RTCPeerConnection.prototype.setRemoteDescription = function (description) {\
           told.push(description.sdp); return take.call(this, description); };";
    browser.prepare(&page, &format!("{own}\n{}", PROBE.replace("SETTINGS", &settings.to_string())));
    browser.go(&page, url);
    browser.await_true(&page, "document.querySelector('input[name=operator]')", SOON);
    let given = "isSecureContext && devices({ audio: true, video: true }).then(stream => stream.getTracks().map(({ kind }) => kind).sort())";
    assert_eq!(browser.evaluate(&page, given), json!(["audio", "video"]));
    browser.press(&page, &format!("\top1\t{PASSWORD}\n"));
    browser.await_true(&page, "document.querySelector('.preview video')?.videoWidth > 0", SOON);
    browser.click(&page, ".start button.main");
    browser.await_true(&page, "document.querySelector('.own.free')", SOON);
    (browser, page)
}

/// The desk page plays this party's tone and shows its colour.
#[track_caller]
fn gets(browser: &mut Browser, page: &Page, party: Party) {
    let mut last = (Value::Null, Value::Null);
    let found = wait::within(SOON, || {
        last = (browser.evaluate(page, "probe.hears(300)"), browser.evaluate(page, "probe.sees()"));
        let (heard, seen) = &last;
        let is_its_tone = (heard["hertz"].as_f64()? - party.tone).abs() < 20.0;
        let channel = |n: usize| u8::try_from(seen[n].as_u64()?).ok();
        let colour = Colour([channel(0)?, channel(1)?, channel(2)?]);
        (is_its_tone && colour.looks_like(party.colour)).then_some(())
    });
    assert!(found.is_some(), "the desk page gets not the {}: {last:?}", party.name);
}

/// The addresses of the candidates in a description, each once.
fn candidates(sdp: &str) -> Vec<IpAddr> {
    let lines = sdp.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
    let address = |line: &str| line.split(' ').nth(4).and_then(|ip| ip.parse().ok());
    let mut all = Vec::new();
    for ip in lines.filter_map(address) {
        if !all.contains(&ip) {
            all.push(ip);
        }
    }
    all
}

#[test]
fn browsers_elsewhere_have_a_camera_and_find_the_relay_on_their_network() {
    let [house, near, far] = &["h", "n", "f"].map(Namespace::new);
    house.connect("10.8.0.1/16", near, "10.8.3.4/16", "n");
    house.has_also("10.8.0.2/16", "n");
    near.never_reaches("10.8.0.1");
    house.connect("192.168.77.1/24", far, "192.168.77.2/24", "f");
    house.has_also("192.168.77.3/24", "f");
    house.is_known_as("203.0.113.5", "192.168.77.3");
    far.leads_by("192.168.77.1");
    house.connect("fd00:77::1/64", far, "fd00:77::2/64", "s");
    house.has_also("fd00:77::3/64", "s");
    far.never_reaches("fd00:77::1");
    house.leads_out_by("fd00:77::2", "fd00:77::3");
    let place = Place::new();
    let _board = serve(house, &place);
    is_for(&place, &["10.8.0.2", "192.168.77.3", "203.0.113.5", "fd00:77::3"]);
    Pages::get().also_in(far);
    let at = |namespace, text: &str| Host::Apart(namespace, text.parse().expect("an address"));
    let (mut desk, page) = desk(at(near, "10.8.3.4"), &place, "https://10.8.0.2:8443/");

    let settings = |server: &str| {
        let url = format!("wss://{server}:5063");
        json!({ "url": url, "number": "4001", "password": PASSWORD })
    };
    let host = at(far, "192.168.77.2");
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let both = ["203.0.113.5", "fd00:77::3"];
    let ways = [
        ("[fd00:77::3]", &both[1..], both[1]),
        ("203.0.113.5", &both[..], both[0]),
        // As it is where a firewall lets no datagrams of this family through.
        ("203.0.113.5", &both[..], both[1]),
    ];
    let mut caller = BrowserPhone::open(host, Kind::Chromium, &place, CALLER, settings(ways[0].0));
    for (nth, (server, told, media)) in ways.into_iter().enumerate() {
        if nth == 2 {
            far.loses_datagrams_to(server);
        }
        if nth > 0 {
            caller.load(&settings(server));
        }
        assert_eq!(caller.await_event("REGISTER_OK")["status"], 200);
        caller.dial("9000");
        caller.await_event("CALL_ESTABLISHED");
        let descriptions = caller.does("phone.descriptions()");
        let sdp = descriptions["remote"].as_str().expect("it was answered");
        let named: Vec<_> = told.iter().map(|told| address(told)).collect();
        assert_eq!(candidates(sdp), named, "{sdp}");
        desk.await_true(&page, "document.querySelector('.scroller li.offered')", SOON);
        desk.press(&page, "1");
        gets(&mut desk, &page, CALLER);
        let start = mark(&mut [&mut caller]);
        judge(server, &start, &mut [&mut caller], &[Gets::Party(OPERATOR)]);
        let said = caller.statistics();
        let pairs = said["pairs"].as_array().expect("it has checked some");
        let chosen = pairs.iter().find(|pair| pair["nominated"] == true);
        assert_eq!(chosen.map(|pair| &pair["remote"]), Some(&json!(media)), "{said}");
        caller.hang_up();
        caller.await_event("CALL_CLOSED");
        desk.await_true(&page, "document.querySelector('.own.free')", SOON);
    }
    let sdp = desk.evaluate(&page, "told");
    for sdp in sdp.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let found = candidates(sdp);
        assert!(found.is_empty() || found == ["10.8.0.2", "fd00:77::3"].map(address), "{sdp}");
    }
}
