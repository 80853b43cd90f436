//! The configuration file: the one we ship, and every way of getting one wrong.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::acd::{NightRules, QueuePriorities};
use cordboard::call::Recorded;
use cordboard::config::{AnswerMode, Config, Limits, PageSocket, QueueSection, RefusalPolicy};
use cordboard::exchange::Retention;
use cordboard::ids::{CameraId, LevelId, Number, QueueId};
use cordboard::media::{Announcement, WaitingProfile};
use cordboard::random::Random;
use cordboard::registrar::DigestOrder;
use cordboard::server::Reserve;
use cordboard::server::certificate::{Certificate, CertificateFiles};
use cordboard::sip::{Network, Transport};
use cordboard::time::Duration;
use std::path::Path;

const FILE: &str = "conf/cordboard.toml";

fn shipped() -> String {
    std::fs::read_to_string(FILE).unwrap()
}

fn read(text: &str) -> Config {
    Config::read(FILE, text).unwrap_or_else(|refusals| panic!("{refusals:?}"))
}

/// Expects these refusals and no others, the file name left out.
#[track_caller]
fn refused(text: &str, sentences: &[&str]) {
    let refusals = Config::read("f", text).unwrap_err();
    let found: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    let expected: Vec<_> = sentences.iter().map(|sentence| format!("f:{sentence}")).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn each_network_may_have_an_address_of_ours() {
    let expected: Vec<(Network, std::net::IpAddr)> = vec![
        (Network::IPV4, "203.0.113.5".parse().unwrap()),
        ("10.8.0.0/16".parse().unwrap(), "10.8.0.1".parse().unwrap()),
        (Network::IPV6, "2001:db8::5".parse().unwrap()),
    ];
    for list in [
        "[\"0.0.0.0/0=203.0.113.5\", \"10.8.0.0/16 = 10.8.0.1\", \"::/0=2001:db8::5\"]",
        "[\"0.0.0.0/0=203.0.113.5\", { network = \"10.8.0.0/16\", address = \"10.8.0.1\" },
          { address = \"2001:db8::5\", network = \"::/0\" }]",
    ] {
        let config = Config::read("f", &format!("[sip]\nadvertise = {list}\n")).unwrap();
        assert_eq!(config.sip.advertise, expected, "{list}");
    }
}

#[test]
fn the_shipped_file_is_the_built_in_configuration() {
    assert_eq!(read(&shipped()), Config::default());
    assert_eq!(read(""), Config::default());
}

#[test]
fn the_shipped_file_has_hours_priorities_a_trunk_and_a_camera_to_be_uncommented() {
    let text = shipped();
    let is_table = |line: &str| line.starts_with('[') && line.ends_with(']');
    let open = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if is_table(rest) || rest.contains(" = ") => rest.to_owned(),
        _ => line.to_owned(),
    };
    let text: Vec<_> = text.lines().map(open).collect();
    let config = read(&text.join("\n"));
    let trunk = &config.trunks[0];
    assert_eq!((trunk.name.as_str(), &trunk.level), ("carrier", &LevelId::from("B")));
    assert_eq!(trunk.addresses, ["192.0.2.10:5060".parse().unwrap()]);
    assert_eq!(trunk.prefixes, ["0"]);
    let (gate, url) = config.camera_urls().next().unwrap();
    assert_eq!((gate.name.as_str(), &gate.level), ("gate", &LevelId::from("A")));
    assert_eq!(gate.number, Some(Number::from("7001")));
    assert_eq!(url.to_string(), "rtsp://192.0.2.20/stream1");
    let main = &config.queues[&QueueId::from("main")];
    let hours = main.night.hours.as_ref().unwrap();
    assert_eq!((hours.week[0].len(), hours.week[6].len(), hours.yearly.len()), (2, 0, 3));
    assert_eq!(main.priorities.trunks["carrier"], 5);
}

#[test]
fn every_key_is_heard() {
    let config = read(
        r#"
        data = "/var/lib/cordboard"
        drain = "90s"
        [sip]
        domain = "phones.example.com"
        listen = ["udp:[::]:5061", "tcp:192.0.2.1:443", "tls:[::]:5061", "ws:127.0.0.1:80", "WSS:0.0.0.0:443"]
        advertise = "203.0.113.1"
        guests = false
        nameservers = ["192.0.2.53", "[2001:db8::53]:5353"]
        rtp_timeout = "90s"
        ring_time = "45s"
        digest = "md5"
        [media]
        address = "192.0.2.1"
        ports = "10000-10099"
        recordings = "/var/spool/calls"
        reserve = "2GB"
        [records]
        keep = "30d"
        keep_max = 500
        [web]
        listen = ["[::1]:81", "192.0.2.1:8443", "http:192.0.2.1:8080"]
        proxy = true
        origins = ["https://Desk.Example.com", "http://[2001:db8::7]:8080"]
        [levels]
        external = "guest"
        on_refusal = "operator"
        [desk]
        lease = "2m"
        secure_only = true
        ring_time = "3m"
        [limits]
        guest_calls = 7
        guests_waiting = "30%"
        terminal_waiting = 4
        trunk_waiting = "50%"
        terminals_reserve = "0%"
        [queue.night]
        number = "9001"
        answer = "operator"
        ring_time = "1500ms"
        ring = true
        waiting_max = 1_000
        wait_max = "1h"
        overflow = "3001"
        exit_key = "*"
        night = "3002"
        grace = "0s"
        record = "on-demand"
        record_pauses = false
        preview = true
        [[trunk]]
        name = "a"
        address = ["192.0.2.10", "2001:db8::1"]
        [[trunk]]
        name = "b"
        address = ["192.0.2.11", "sip.example.com"]
        level = "A"
        prefixes = ["0", "+"]
        "#,
    );
    assert_eq!(config.data, Path::new("/var/lib/cordboard"));
    assert_eq!(config.drain, Duration::from_secs(90));
    assert_eq!((config.sip.domain.as_str(), config.sip.guests), ("phones.example.com", false));
    let transports: Vec<_> = config.sip.listen.iter().map(|listen| listen.transport).collect();
    assert_eq!(transports, Transport::ALL);
    let nameservers = ["192.0.2.53:53", "[2001:db8::53]:5353"].map(|text| text.parse().unwrap());
    assert_eq!(config.sip.nameservers, nameservers);
    assert_eq!(config.sip.rtp_timeout, Duration::from_secs(90));
    assert_eq!(config.sip.ring_time, Duration::from_secs(45));
    assert_eq!(config.desk.ring_time, Duration::from_secs(180));
    assert_eq!(config.sip.digest, DigestOrder::Md5);
    assert_eq!(config.sip.advertise, [(Network::IPV4, "203.0.113.1".parse().unwrap())]);
    assert_eq!(config.media.ports, 10_000..=10_099);
    assert_eq!(config.media.recordings, Path::new("/var/spool/calls"));
    assert_eq!(config.media.reserve, Reserve::Bytes(2_000_000_000));
    let keep = Duration::from_secs(30 * 24 * 3600);
    assert_eq!(config.records, Retention { keep, keep_max: 500 });
    let page = |address: &str| PageSocket { address: address.parse().unwrap(), sealed: false };
    let pages = ["[::1]:81", "192.0.2.1:8443", "192.0.2.1:8080"].map(page);
    assert_eq!((config.web.listen.as_slice(), config.web.proxy), (&pages[..], true));
    let origins = ["https://desk.example.com", "http://[2001:db8::7]:8080"];
    assert_eq!(config.web.origins, origins);
    assert!(config.tls_settings(&[]).is_wanted);
    let streams = config.listen_addresses(10_000).streams;
    assert_eq!(streams.listeners.len(), 4);
    assert_eq!(streams.origins.own, ["phones.example.com", "203.0.113.1"]);
    assert_eq!(config.levels.on_refusal, RefusalPolicy::Operator);
    assert_eq!((config.desk.lease, config.desk.secure_only), (Duration::from_secs(120), true));
    let limits = Limits {
        connections: 64,
        guest_calls: 7,
        guests_waiting: 30,
        terminal_waiting: 4,
        trunk_waiting: 50,
        terminals_reserve: 0,
    };
    assert_eq!(config.limits, limits);
    let night = QueueSection {
        number: Number::from("9001"),
        answer: AnswerMode::Operator,
        ring_time: Duration::from_millis(1500),
        ring: true,
        waiting_max: 1000,
        wait_max: Some(Duration::from_secs(3600)),
        overflow: Some(Number::from("3001")),
        exit_key: Some('*'),
        priorities: QueuePriorities::default(),
        night: NightRules { hours: None, to: Some(Number::from("3002")) },
        grace: Duration::ZERO,
        camera: None,
        record: Recorded::OnDemand,
        record_pauses: false,
        preview: true,
        waiting_profile: WaitingProfile::default(),
    };
    assert_eq!(config.queues.into_iter().collect::<Vec<_>>(), [(QueueId::from("night"), night)]);
    let levels: Vec<_> = config.trunks.iter().map(|trunk| trunk.level.as_str()).collect();
    assert_eq!(levels, ["guest", "A"], "without a level a trunk is external");
}

#[test]
fn a_queue_without_a_number_is_refused_unless_it_is_the_main_one() {
    let config = read("[queue.main]\nring_time = \"5s\"");
    assert_eq!(config.queues[&QueueId::from("main")].number, Number::from("9000"));
    assert_eq!(read("[queue]").queues, Config::default().queues);
    refused(
        "[queue.night]\ngrace = \"1s\"",
        &["1: queue.night.number: it is missing: give the number that callers dial"],
    );
}

#[test]
fn a_queue_has_its_hours_its_night_and_its_priorities() {
    let config = read(
        r#"
        [[trunk]]
        name = "carrier"
        address = ["192.0.2.10"]
        [queue.main]
        overflow = "3001"
        exit_key = "*"
        night = "3002"
        [queue.main.hours]
        mon = "08:00-12:00 13:00-17:30"
        sat = ""
        holidays = ["2026-12-24 08:00-12:00", "12-25"]
        time_zone = "Europe/Berlin"
        [queue.main.priority]
        level.A = 2
        trunk.carrier = 5
        number."+49301234" = 9
        "#,
    );
    let main = &config.queues[&QueueId::from("main")];
    assert_eq!((main.exit_key, &main.night.to), (Some('*'), &Some(Number::from("3002"))));
    let hours = main.night.hours.as_ref().unwrap();
    assert_eq!(hours.zone, cordboard::config::zone("Europe/Berlin").unwrap());
    let counts: Vec<_> = hours.week.iter().map(Vec::len).collect();
    assert_eq!(counts, [2, 0, 0, 0, 0, 0, 0]);
    assert_eq!((hours.holidays.len(), hours.yearly.len()), (1, 1));
    let (given, level) = (&main.priorities, LevelId::from("A"));
    let number = Number::from("+49301234");
    assert_eq!(given.of(Some(&number), Some("carrier"), &level), 9);
    assert_eq!(given.of(None, Some("carrier"), &level), 5);
    assert_eq!(given.of(None, None, &level), 2);
    let without = read("[queue.main]\nnight = \"3002\"");
    assert_eq!(without.queues[&QueueId::from("main")].night.hours, None, "always open");
}

#[test]
fn hours_and_priorities_are_refused_with_their_line() {
    refused(
        "[queue.main.hours]\nmon = \"8-12\"\nmonday = \"\"\nholidays = [\"12-25\", \"12-25\"]\n\
         time_zone = \"Berlin\"\n[queue.main.priority]\nlevel.A = 10\ntrunk.carrier = 1\n\
         numbers.\"1\" = 1\n",
        &[
            "2: queue.main.hours.mon = \"8-12\": \"8-12\": write from when to when, 00:00 to 24:00, such as \
             \"08:00-12:00 13:00-17:30\", or \"\" for closed",
            "3: queue.main.hours.monday: there is no such key: leave it out",
            "4: queue.main.hours.holidays = [\"12-25\", \"12-25\"]: 12-25 stands there twice: keep one",
            "5: queue.main.hours.time_zone = \"Berlin\": nobody knows this time zone: write it as \
             \"Europe/Berlin\", or leave it out for the machine's own",
            "7: queue.main.priority.level.A = 10: give a whole number from 0 to 9",
            "8: queue.main.priority.trunk.carrier = 1: there is no [[trunk]] of this name: name one that is there",
            "9: queue.main.priority.numbers: there is no such key: write `queue.main.priority.number`, or leave it out",
        ],
    );
    refused(
        "[queue.main]\nhours = {}\npriority = 3\n",
        &[
            "2: queue.main.hours = {…}: give the hours of at least one weekday, mon to sun, or leave it out",
            "3: queue.main.priority = 3: make it a table",
        ],
    );
}

#[test]
fn a_queue_has_the_houses_waiting_profile_but_for_what_it_has_of_its_own() {
    let config = read(
        r#"
        [media]
        house = "Stadtwerke"
        announcement_nobody = "conf/announcements/full.wav"
        [texts]
        position = "Sie sind Nummer {}"
        [queue.main]
        house = "Störungsdienst"
        music = "conf/announcements/busy.wav"
        "#,
    );
    let (house, queue) =
        (&config.media.waiting_profile, &config.queues[&QueueId::from("main")].waiting_profile);
    assert_eq!((house.name.as_str(), queue.name.as_str()), ("Stadtwerke", "Störungsdienst"));
    assert_eq!(queue.texts.position, "Sie sind Nummer {}");
    assert_eq!((house.music.is_none(), queue.music.is_some()), (true, true));
    assert!(queue.voices.own(Announcement::Nobody).is_some());
    assert!(queue.voices.own(Announcement::Busy).is_none());
    let alone = read("[media]\nhouse = \"Stadtwerke\"");
    assert_eq!(alone.queues[&QueueId::from("main")].waiting_profile.name, "Stadtwerke");
}

#[test]
fn files_and_texts_that_cannot_be_used_are_refused() {
    refused(
        "[media]\nmusic = \"nowhere.wav\"\npicture = \"conf\"\n[texts]\nposition = \"Nummer\"\n\
         busy = \"忙\"\n[queue.main]\nannouncement_busy = \"conf/cordboard.toml\"",
        &[
            "2: media.music = \"nowhere.wav\": No such file or directory (os error 2): name a file that is there and may be read",
            "3: media.picture = \"conf\": this is no file: name one",
            "5: texts.position = \"Nummer\": put {} once where the number comes",
            "6: texts.busy = \"忙\": there is no letter '忙' to draw: write it in latin letters, or show a picture file",
            "8: queue.main.announcement_busy = \"conf/cordboard.toml\": this is no WAV file, or it is broken: give another file",
        ],
    );
}

#[test]
fn a_slip_in_a_key_is_answered_with_the_key_that_was_meant() {
    refused(
        "dta = \"data\"\n\n[sip]\ndomian = \"a\"\n[queue.main]\nring-time = \"5s\"\n[telephone]\n",
        &[
            "1: dta: there is no such key: write `data`, or leave it out",
            "4: sip.domian: there is no such key: write `sip.domain`, or leave it out",
            "6: queue.main.ring-time: there is no such key: write `queue.main.ring_time`, or leave it out",
            "7: telephone: there is no such key: leave it out",
        ],
    );
}

#[test]
fn what_is_no_toml_is_refused_with_its_line() {
    let refusals = Config::read("f", "[sip]\ndomain = \n").unwrap_err();
    assert_eq!((refusals.len(), refusals[0].line), (1, 2));
    assert!(refusals[0].to_string().starts_with("f:2: this is no TOML: "), "{}", refusals[0]);
}

/// Each key with values it refuses, and what it says.
#[test]
fn every_key_refuses_what_it_cannot_use() {
    let (quotes, table) = ("put it in quotes", "make it a table");
    let truth = "write true or false, without quotes";
    let ip = "write an address without a port: \"192.0.2.1\" or \"2001:db8::1\"";
    let page = "is no address and port: write \"127.0.0.1:8088\"";
    let clear = "browsers give no camera and no microphone to a page in clear from another machine: \
                 write \"https:192.0.2.7:8088\", or proxy = true where a proxy before it speaks TLS";
    let domain = "write a domain name or an address: \"phones.example.com\"";
    let ports = "write the first and the last port, 1024 to 65535: \"20000-29999\"";
    let unit = "write a number and its unit: \"500ms\", \"30s\", \"5m\", \"2h\", \"7d\"";
    let reserve = "write a share of the disk, 1% to 90%, or a size: \"5%\", \"500MB\", \"2GB\"";
    let list = "make it a list: [\"…\", \"…\"]";
    let udp = "is no transport and address: write \"udp:0.0.0.0:5060\"";
    let origin = "is no origin: write \"https://desk.example.com\", with its port if it has one, and no path";
    let one_key = "write one key: \"0\" to \"9\", \"*\" or \"#\"";
    let pair = "write \"10.8.0.0/16=10.8.0.1\": a network and our address there";
    for (section, key, value, remedy) in [
        ("", "data", "7", quotes),
        ("", "data", "\"\"", "name a directory"),
        ("", "sip", "1", table),
        ("sip", "domain", "true", quotes),
        ("sip", "domain", "\"a b\"", domain),
        ("sip", "domain", "\"\"", domain),
        ("sip", "listen", "\"udp:0.0.0.0:5060\"", list),
        ("sip", "listen", "[5060]", quotes),
        ("sip", "listen", "[]", "give at least one, or leave it out"),
        ("sip", "listen", "[\"udp:localhost:5060\"]", &format!("\"udp:localhost:5060\" {udp}")),
        ("sip", "listen", "[\"sctp:0.0.0.0:5060\"]", &format!("\"sctp:0.0.0.0:5060\" {udp}")),
        (
            "sip",
            "listen",
            "[\"tls:phones.example:5061\"]",
            &format!("\"tls:phones.example:5061\" {udp}"),
        ),
        ("tls", "certificate", "7", quotes),
        ("tls", "certificate", "\"a.crt\"", "give its `key`, too, or leave both out"),
        ("tls", "key", "\"a.key\"", "give its `certificate`, too, or leave both out"),
        ("tls", "ca", "true", quotes),
        ("web", "origins", "\"*\"", list),
        ("web", "origins", "[\"*\"]", &format!("\"*\" {origin}")),
        ("web", "origins", "[\"https://a/b\"]", &format!("\"https://a/b\" {origin}")),
        (
            "sip",
            "listen",
            "[\"udp:0.0.0.0:5060\", \"UDP:0.0.0.0:5060\"]",
            "one of them stands there twice: keep one",
        ),
        ("sip", "advertise", "\"gateway\"", ip),
        ("sip", "advertise", "[\"10.8.0.1\"]", pair),
        ("sip", "advertise", "[{ network = \"10.8.0.0/16\" }]", pair),
        ("sip", "advertise", "[\"10.8.0.0/16=::1\"]", "10.8.0.0/16: ::1 is of the other family"),
        (
            "sip",
            "advertise",
            "[\"10.8.0.0/16=10.8.0.1\", \"10.8.0.0/16=10.8.0.2\"]",
            "10.8.0.0/16 stands there twice: keep one",
        ),
        ("sip", "guests", "\"yes\"", truth),
        (
            "sip",
            "nameservers",
            "[\"dns.example\"]",
            "\"dns.example\" is no address: write \"192.0.2.53\" or \"192.0.2.53:53\"",
        ),
        ("sip", "nameservers", "[\"::1\", \"::2\", \"::3\", \"::4\"]", "give at most 3"),
        (
            "sip",
            "edges",
            "[\"edge.example\"]",
            "\"edge.example\" is no network: write \"192.0.2.10\" or \"192.0.2.0/24\"",
        ),
        ("sip", "rtp_timeout", "\"9s\"", "give at least 20 s"),
        ("sip", "rtp_timeout", "\"25h\"", "give at most 24 h"),
        ("sip", "ring_time", "30", unit),
        ("sip", "ring_time", "\"999ms\"", "give at least 1 s"),
        ("sip", "ring_time", "\"181s\"", "give at most 3 min"),
        ("sip", "digest", "\"sha1\"", "write \"auto\", \"md5\" or \"sha256\""),
        ("limits", "connections", "0", "give a whole number from 1 to 4000"),
        ("media", "address", "\"0.0.0.0:5\"", ip),
        ("media", "ports", "20000", ports),
        ("media", "ports", "\"20000\"", ports),
        ("media", "ports", "\"20000-70000\"", ports),
        ("media", "ports", "\"80-90\"", ports),
        ("media", "ports", "\"20000-20006\"", "give at least 8 ports, the smaller number first"),
        ("media", "ports", "\"20010-20000\"", "give at least 8 ports, the smaller number first"),
        ("media", "recordings", "\"\"", "name a directory"),
        ("media", "reserve", "5", reserve),
        ("media", "reserve", "\"5\"", reserve),
        ("media", "reserve", "\"0%\"", reserve),
        ("media", "reserve", "\"91%\"", reserve),
        ("media", "reserve", "\"-2GB\"", reserve),
        ("media", "reserve", "\"99999999TB\"", reserve),
        ("media", "reserve", "\"63MB\"", "give at least 64MB"),
        ("", "records", "true", table),
        ("records", "keep", "400", unit),
        ("records", "keep", "\"23h\"", "give at least 24 h"),
        ("records", "keep", "\"36501d\"", "give at most 36500 days"),
        ("records", "keep_max", "99", "give a whole number from 100 to 10000000"),
        ("records", "keep_max", "\"1000\"", "give a whole number from 100 to 10000000"),
        ("queue.main", "record", "true", "write \"no\" or \"always\" or \"on-demand\""),
        ("queue.main", "record", "\"yes\"", "write \"no\" or \"always\" or \"on-demand\""),
        ("queue.main", "record_pauses", "\"no\"", truth),
        ("queue.main", "preview", "\"2s\"", truth),
        ("queue.main", "ring", "\"yes\"", truth),
        ("web", "listen", "\"8080\"", &format!("\"8080\" {page}")),
        ("web", "listen", "[\"wss:[::1]:80\"]", &format!("\"wss:[::1]:80\" {page}")),
        ("web", "listen", "7", list),
        ("web", "listen", "\"http:192.0.2.7:8088\"", clear),
        (
            "web",
            "listen",
            "[\"0.0.0.0:8088\", \"127.0.0.1:8088\"]",
            "0.0.0.0:8088 and 127.0.0.1:8088 are one: keep one",
        ),
        (
            "web",
            "listen",
            "[\"127.0.0.1:5060\"]",
            "\"tcp:0.0.0.0:5060\" of sip.listen has this address: give another port",
        ),
        ("web", "proxy", "\"yes\"", truth),
        (
            "levels",
            "external",
            "\"a b\"",
            "\"a b\": the character ' ' may not stand in it: choose another",
        ),
        ("levels", "on_refusal", "\"queue\"", "write \"refuse\" or \"operator\""),
        ("desk", "lease", "30", unit),
        ("desk", "lease", "\"30\"", unit),
        ("desk", "lease", "\"-1s\"", unit),
        ("desk", "lease", "\"999999999999999999h\"", unit),
        ("desk", "lease", "\"500ms\"", "give at least 1 s"),
        ("desk", "lease", "\"61m\"", "give at most 1 h"),
        ("desk", "secure_only", "1", truth),
        ("desk", "ring_time", "true", unit),
        ("desk", "ring_time", "\"0s\"", "give at least 1 s"),
        ("desk", "ring_time", "\"4m\"", "give at most 3 min"),
        ("desk", "recall", "60", unit),
        ("desk", "recall", "\"4s\"", "give at least 5 s"),
        ("desk", "recall", "\"61m\"", "give at most 1 h"),
        ("limits", "guest_calls", "0", "give a whole number from 1 to 10000"),
        ("limits", "terminal_waiting", "\"3\"", "give a whole number from 1 to 10000"),
        ("limits", "guests_waiting", "\"0%\"", "write a part in percent, from \"1%\" to \"100%\""),
        ("limits", "guests_waiting", "20", "write a part in percent, from \"1%\" to \"100%\""),
        ("limits", "trunk_waiting", "\"+60%\"", "write a part in percent, from \"1%\" to \"100%\""),
        (
            "limits",
            "terminals_reserve",
            "\"91%\"",
            "write a part in percent, from \"0%\" to \"90%\"",
        ),
        ("queue", "main", "\"9000\"", table),
        ("queue.main", "number", "9000", quotes),
        (
            "queue.main",
            "number",
            "\"*9\"",
            "\"*9\": names with `*` are feature codes: choose another",
        ),
        ("queue.main", "number", "\"desk\"", "desks call this address: choose another number"),
        ("queue.main", "answer", "\"caller\"", "write \"queue\" or \"operator\""),
        ("queue.main", "ring_time", "\"4m\"", "give at most 3 min"),
        ("queue.main", "waiting_max", "\"5\"", "give a whole number from 1 to 10000"),
        ("queue.main", "waiting_max", "0", "give a whole number from 1 to 10000"),
        ("queue.main", "waiting_max", "0x10", "give a whole number from 1 to 10000"),
        ("queue.main", "wait_max", "\"0s\"", "give at least 1 s, or leave it out to wait for ever"),
        (
            "queue.main",
            "overflow",
            "\"9000\"",
            "this is the queue's own number: choose another, or leave it out",
        ),
        ("queue.main", "overflow", "9001", quotes),
        (
            "queue.main",
            "night",
            "\"a b\"",
            "\"a b\": the character ' ' may not stand in it: choose another",
        ),
        ("queue.main", "exit_key", "0", quotes),
        ("queue.main", "exit_key", "\"00\"", one_key),
        ("queue.main", "exit_key", "\"A\"", one_key),
        ("queue.main", "exit_key", "\"0\"", "say where the caller goes: give `overflow`, too"),
        ("queue.main", "grace", "\"2h\"", "give at most 1 h"),
        ("", "trunk", "\"carrier\"", "write each as a table of its own, [[trunk]]"),
    ] {
        let head = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        let line = if section.is_empty() { 1 } else { 2 };
        let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        let shown: String = value.chars().take(60).collect();
        let sentence = format!("{line}: {path} = {shown}: {remedy}");
        refused(&format!("{head}{key} = {value}\n"), &[&sentence]);
    }
}

#[test]
fn the_password_of_a_trunk_stands_in_the_file_or_in_one_of_its_own_and_is_never_shown() {
    let trunk = "[[trunk]]\nname = \"t\"\naddress = [\"192.0.2.1\"]\nuser = \"house\"\n";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "open sesame\nmore\n").unwrap();
    let (given, from_file) =
        ("password = \"open sesame\"\n".to_owned(), format!("password_file = {file:?}\n"));
    for password in [&given, &from_file] {
        let config = read(&format!("{trunk}{password}register = true\n"));
        let login = config.trunks[0].login.as_ref().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("house", "open sesame"));
        assert!(config.trunks[0].register);
        assert_eq!(login.realm, None);
        let config = read(&format!("{trunk}{password}realm = \"carrier\"\n"));
        let login = config.trunks[0].login.as_ref().unwrap();
        assert_eq!(login.realm.as_deref(), Some("carrier"));
        assert!(!format!("{config:?}").contains("sesame"));
    }
    let refusals = Config::read("f", &format!("{trunk}{given}{from_file}")).unwrap_err();
    assert!(refusals[0].to_string().contains("there is a `password`, too: keep one of them"));
    std::fs::write(&file, [b'x'; 5_000]).unwrap();
    let refusals = Config::read("f", &format!("{trunk}{from_file}")).unwrap_err();
    let larger = "it is larger than 4096 bytes: give a smaller one";
    assert!(refusals.len() == 1 && refusals[0].to_string().ends_with(larger), "{refusals:?}");
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let from_pipe = format!("{trunk}password_file = {pipe:?}\nregister = true\n");
    let refusals = Config::read("f", &from_pipe).unwrap_err();
    let none = "this is no file: name one";
    assert!(refusals.len() == 1 && refusals[0].to_string().ends_with(none), "{refusals:?}");
    let nobody = trunk.replace("user = \"house\"\n", &given);
    let refusals = Config::read("f", &nobody).unwrap_err();
    assert!(refusals[0].to_string().ends_with("whose? give `user`, too, or leave it out"));
    assert!(!refusals[0].to_string().contains("sesame"), "{}", refusals[0]);
}

#[test]
fn every_key_of_a_trunk_refuses_what_it_cannot_use() {
    let good = [("name", "\"t\""), ("address", "[\"192.0.2.1\"]")];
    for (key, value, remedy) in [
        ("name", "1", "put it in quotes"),
        ("address", "\"192.0.2.1\"", "make it a list: [\"…\", \"…\"]"),
        ("address", "[]", "give at least one"),
        (
            "address",
            "[\"gw_1:\"]",
            "\"gw_1:\" is no address: write \"192.0.2.10\", \"192.0.2.10:5060\" or a host name",
        ),
        ("level", "\"\"", "\"\": it is empty: give at least one character"),
        ("realm", "\"a\\nb\"", "at most 128 bytes, all of one line"),
        ("user", "\"house\"", "give its `password` or `password_file`, too"),
        (
            "password_file",
            "\"/dev/null/x\"",
            "Not a directory (os error 20): name a file that is there and may be read",
        ),
        ("password_file", "\"/dev/zero\"", "this is no file: name one"),
        ("register", "true", "say as whom: give `user` and `password`, too"),
        ("prefixes", "[\"0 0\"]", "\"0 0\": the character ' ' may not stand in it: choose another"),
    ] {
        let mut text = format!("[[trunk]]\n{key} = {value}\n");
        for (other, usable) in good.iter().filter(|(other, _)| *other != key) {
            text += &format!("{other} = {usable}\n");
        }
        refused(&text, &[&format!("2: trunk.{key} = {value}: {remedy}")]);
    }
    refused(
        "[[trunk]]\n[[trunk]]\nname = \"t\"\naddress = [\"192.0.2.1\"]\n[[trunk]]\nname = \"t\"\naddress = [\"192.0.2.2\"]\n",
        &[
            "1: trunk.name: it is missing: give it one, for people",
            "1: trunk.address: it is missing: give the addresses of the far end",
            "6: trunk.name = \"t\": another trunk has this name: choose another",
        ],
    );
}

#[test]
fn every_key_of_a_camera_refuses_what_it_cannot_use() {
    let good = [("name", "\"gate\""), ("url", "\"rtsp://192.0.2.20/\"")];
    for (key, value, remedy) in [
        (
            "name",
            "\"the gate\"",
            "\"the gate\": the character ' ' may not stand in it: choose another",
        ),
        ("number", "7001", "put it in quotes"),
        ("number", "\"desk\"", "desks call this address: choose another number"),
        ("number", "\"9000\"", "this is an operator number: choose another"),
        ("level", "\"\"", "\"\": it is empty: give at least one character"),
        ("viewers_max", "0", "give a whole number from 1 to 1000"),
        ("watch_max", "\"2s\"", "give at least 1 min"),
    ] {
        let mut text = format!("[[camera]]\n{key} = {value}\n");
        for (other, usable) in good.iter().filter(|(other, _)| *other != key) {
            text += &format!("{other} = {usable}\n");
        }
        refused(&text, &[&format!("2: camera.{key} = {value}: {remedy}")]);
    }
    refused(
        "[[camera]]\n[[camera]]\nname = \"a\"\nnumber = \"7001\"\nurl = \"rtsp://192.0.2.20/\"\n\
         [[camera]]\nname = \"a\"\nnumber = \"7001\"\nurl = \"rtsp://192.0.2.20/\"\n",
        &[
            "1: camera.name: it is missing: give it one, for people and queues",
            "1: camera.url: it is missing: give the address of its stream: \
             \"rtsp://user:password@192.0.2.20/stream1\"",
            "7: camera.name = \"a\": another camera has this name: choose another",
            "8: camera.number = \"7001\": another camera has this number: choose another",
        ],
    );
}

#[test]
fn calls_may_go_on_for_an_hour_at_most() {
    assert_eq!(read("").drain, Duration::from_secs(600));
    refused("drain = \"0s\"\n", &["1: drain = \"0s\": give at least 1 s"]);
    refused("drain = \"61m\"\n", &["1: drain = \"61m\": give at most 1 h"]);
}

#[test]
fn no_refusal_repeats_the_password_of_a_camera() {
    for (url, remedy) in [
        (
            "rtsps://user:secret@192.0.2.20/",
            "only rtsp:// is spoken: write the camera's RTSP address",
        ),
        ("user:secret@192.0.2.20", "only rtsp:// is spoken: write the camera's RTSP address"),
        (
            "//user:secret@192.0.2.20",
            "this is no address: write \"rtsp://user:password@192.0.2.20/stream1\"",
        ),
    ] {
        let text = format!("[[camera]]\nname = \"gate\"\nurl = \"{url}\"\n");
        refused(&text, &[&format!("3: camera.url = \"…\": {remedy}")]);
    }
    refused(
        "camera = \"rtsp://user:secret@192.0.2.20/\"\n",
        &["1: camera = \"…\": write each as a table of its own, [[camera]]"],
    );
    let config = read("[[camera]]\nname = \"gate\"\nurl = \"rtsp://u:secret@192.0.2.20/\"\n");
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn a_queue_shows_a_camera_that_is_there() {
    let gate = "[[camera]]\nname = \"gate\"\nurl = \"rtsp://192.0.2.20/\"\n";
    let config = read(&format!("[queue.main]\ncamera = \"gate\"\n{gate}"));
    assert_eq!(config.queues[&QueueId::from("main")].camera, Some(CameraId(0)));
    refused(
        &format!("[queue.main]\ncamera = \"gaet\"\n{gate}"),
        &["2: queue.main.camera = \"gaet\": no [[camera]] has this name: add one, or name another"],
    );
}

#[test]
fn a_file_that_is_not_there_is_refused_and_none_at_all_is_not() {
    assert_eq!(Config::load(None).unwrap(), Config::default());
    assert_eq!(Config::load(Some(Path::new(FILE))).unwrap(), Config::default());
    let error = Config::load(Some(Path::new("conf/nowhere.toml"))).unwrap_err().to_string();
    assert!(error.starts_with("conf/nowhere.toml: "), "{error}");
    assert!(error.ends_with(": name a file that is there, or leave --config out"), "{error}");
}

#[test]
fn two_queues_cannot_have_one_number() {
    refused(
        "[queue.main]\nanswer = \"queue\"\n[queue.night]\nnumber = \"9000\"\n",
        &["3: queue.night = {…}: another queue has the number 9000: choose another"],
    );
}

#[test]
fn a_call_that_is_refused_goes_to_the_queue_main_or_to_the_only_one() {
    let queues = "[queue.a]\nnumber = \"1\"\n[queue.b]\nnumber = \"2\"\n";
    refused(
        &format!("[levels]\non_refusal = \"operator\"\n{queues}"),
        &[
            "2: levels.on_refusal = \"operator\": of several queues the one called main takes these \
            calls: call one so",
        ],
    );
    read(&format!("[levels]\non_refusal = \"operator\"\n{queues}[queue.main]\nnumber = \"3\"\n"));
    read("[levels]\non_refusal = \"operator\"\n[queue.a]\nnumber = \"1\"\n");
    read(&format!("[levels]\non_refusal = \"refuse\"\n{queues}"));
}

#[test]
fn limits_hold() {
    let many = |head: &str, n: usize, line: &dyn Fn(usize) -> String| {
        (0..n).fold(head.to_owned(), |text, n| text + &line(n))
    };
    let queues = |n| many("", n, &|n| format!("[queue.q{n}]\nnumber = \"8{n}\"\n"));
    assert_eq!(read(&queues(100)).queues.len(), 100);
    assert!(Config::read("f", &queues(101)).is_err());
    let trunks =
        |n| many("", n, &|n| format!("[[trunk]]\nname = \"t{n}\"\naddress = [\"192.0.2.1\"]\n"));
    assert_eq!(read(&trunks(100)).trunks.len(), 100);
    assert!(Config::read("f", &trunks(101)).is_err());
    let sockets = |n: usize| {
        let list: Vec<_> = (0..n).map(|n| format!("\"udp:127.0.0.1:{}\"", 5060 + n)).collect();
        format!("[sip]\nlisten = [{}]", list.join(", "))
    };
    assert_eq!(read(&sockets(16)).sip.listen.len(), 16);
    assert!(Config::read("f", &sockets(17)).is_err());
}

/// Whatever is typed: an answer, never a panic, and every refusal points into the file.
#[test]
fn a_mangled_file_is_refused_with_a_line_of_its_own() {
    let good = shipped().replace("\n# ", "\n");
    let lines = good.lines().count();
    for seed in 0..500 {
        let mut random = Random::from_number(seed);
        let mut text: Vec<char> = good.chars().collect();
        for _ in 0..=random.below(5) {
            let place = random.below(text.len() as u64) as usize;
            match random.below(3) {
                0 => drop(text.remove(place)),
                1 => {
                    text[place] =
                        ['"', '[', ']', '=', '.', '\n', '9', 'é'][random.below(8) as usize]
                }
                _ => text.swap(place, 0),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(refusals) = Config::read("f", &text) {
            assert!(!refusals.is_empty(), "seed {seed}");
            for refusal in refusals {
                assert!((1..=lines + 6).contains(&refusal.line), "seed {seed}: {refusal}");
            }
        }
    }
}

#[test]
fn a_certificate_has_to_fit_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let [one, two] = ["one", "two"].map(|name| {
        let (certificate, key) = (path(&format!("{name}.crt")), path(&format!("{name}.key")));
        let files = CertificateFiles { certificate, key };
        Certificate::make(&files, &["phones.example".to_owned()], 1_700_000_000).unwrap();
        files
    });
    let text = |certificate: &Path, key: &Path| {
        format!(
            "[tls]\ncertificate = {certificate:?}\nkey = {key:?}\nclient_ca = {certificate:?}\nca = \"\"\n"
        )
    };
    let config = read(&text(&one.certificate, &one.key));
    assert_eq!((config.tls.certificate.as_ref(), config.tls.ca.as_ref()), (Some(&one), None));
    assert_eq!(config.tls.client_ca.as_ref(), Some(&one.certificate));
    assert!(!config.tls_settings(&[]).is_wanted);
    let file = path("cordboard.toml");
    let judged = |text: &str| {
        std::fs::write(&file, text).unwrap();
        // Whoever only asks a running server is not kept from it.
        Config::load(Some(&file)).unwrap();
        Config::judge_certificates(Some(&file)).map_err(|error| error.to_string())
    };
    assert_eq!(judged(&text(&one.certificate, &one.key)), Ok(()));
    let [wrong_key, wrong_certificate] =
        ["3: tls.key", "2: tls.certificate"].map(|what| format!("{}:{what}", file.display()));
    for (certificate, key, refused) in [
        (&one.certificate, &two.key, &wrong_key),
        (&one.certificate, &one.certificate, &wrong_key),
        (&one.certificate, &path("none"), &wrong_key),
        (&path("none"), &one.key, &wrong_certificate),
    ] {
        let said = judged(&text(certificate, key)).unwrap_err();
        assert!(said.starts_with(refused), "{said}");
    }
    let said = judged(&text(&one.certificate, &two.key)).unwrap_err();
    let what =
        "this is not the key of the certificate: give the key that the certificate was made for";
    assert!(said.ends_with(what), "{said}");
    for key in ["client_ca", "ca"] {
        let said = judged(&format!("[tls]\n{key} = {:?}\n", path("none"))).unwrap_err();
        let what = format!("2: tls.{key} = ");
        assert!(said.contains(&what) && said.contains("No such file"), "{said}");
    }
}

#[test]
fn our_own_certificate_is_for_every_address_that_leads_to_us() {
    let machine = ["10.8.0.1", "192.0.2.7", "2001:db8::7"].map(|ip| ip.parse().unwrap());
    let house = "[sip]\ndomain = \"phones.example\"\nadvertise = \"203.0.113.5\"\n";
    let ours = ["localhost", "127.0.0.1", "::1"];
    for (listen, page, expected) in [
        ("udp:0.0.0.0:5060", "0.0.0.0:8443", &["10.8.0.1", "192.0.2.7"][..]),
        ("wss:[::]:8443", "192.0.2.9:8443", &["2001:db8::7", "192.0.2.9"]),
        ("udp:192.0.2.7:5060", "127.0.0.1:80", &["192.0.2.7"]),
    ] {
        let text = format!("{house}listen = [{listen:?}]\n[web]\nlisten = [{page:?}]\n");
        let config = Config::read("f", &text).unwrap();
        let expected = [&["phones.example", "203.0.113.5"], expected, &ours].concat();
        assert_eq!(config.tls_settings(&machine).names, expected, "{listen} {page}");
    }
}
