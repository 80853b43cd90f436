//! Trunks, and operators with only a phone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{PATIENCE, Role, Sipp, TRUNK, TRUNK_HOST, Who};
use crate::name_server::{Mood, NameServer};
use crate::sip::{Message, Wire};
use crate::switchboard::Switchboard;
use crate::wait;

/// A switchboard with a trunk, and the trunk's address.
fn with_trunk() -> (Switchboard, SocketAddr) {
    let board = Switchboard::open_with(&format!("{TRUNK}level = \"B\"\nprefixes = [\"0\"]\n"));
    let address = board.place.host(TRUNK_HOST);
    (board, address)
}

fn gateway<'a>(scenario: &'a str, number: &'a str) -> Role<'a> {
    Role {
        scenario,
        who: Who::Guest("gateway"),
        number,
        extra: "sip:0551234@carrier.example",
        tcp: false,
    }
}

/// Somebody at 3001 calls a number behind the trunk, and all goes as written.
fn talks_to(board: &Switchboard, carrier: &mut Sipp) {
    let mut caller = board.terminal("terminal-calls", "3001", "0559876");
    caller.awaits_conversation();
    caller.nudge();
    caller.ends_well();
    carrier.ends_well();
}

#[test]
fn a_trunk_is_trusted_by_its_address_and_names_its_caller() {
    let (board, address) = with_trunk();
    let _phone = board.phone_at("3001", "phone-answers");
    let mut desk = board.desk("op1");
    let role = gateway("gateway-calls", "9000");
    let mut caller = Sipp::start(&board.place, address, board.place.switchboard(), &role);
    let offer = desk.event("offer");
    assert_eq!(offer["caller"]["number"], "0551234", "{offer}");
    assert_eq!(offer["caller"]["origin"], "trunk", "{offer}");
    caller.awaits_conversation();
    caller.nudge();
    caller.ends_well();
}

#[test]
fn a_trunk_has_its_level() {
    let (board, address) = with_trunk();
    let _user = board.phone_at("3002", "phone-answers");
    let role = gateway("guest-is-refused", "3002");
    let role = Role { extra: "P-Asserted-Identity: <sip:0551234@carrier.example>", ..role };
    let mut caller = Sipp::start(&board.place, address, board.place.switchboard(), &role);
    caller.ends_well();
    assert!(caller.has("<- 403"), "{}", caller.ladder());
}

#[test]
fn a_number_with_the_trunks_prefix_goes_out_with_it() {
    let (board, address) = with_trunk();
    let role = gateway("phone-answers", "");
    let mut carrier = Sipp::start(&board.place, address, board.place.switchboard(), &role);
    talks_to(&board, &mut carrier);
    let invite = carrier.message("<- INVITE");
    assert!(invite.start.contains("0559876"), "the prefix is kept: {}", invite.start);
}

/// A carrier that asks for each request and forgets its nonces, behind one that is away.
#[test]
fn a_carrier_that_asks_for_a_password_gets_it_and_the_next_address_is_tried() {
    let trunk = TRUNK.replace("[\"NETWORK", "[\"NETWORK.98:15060\", \"NETWORK");
    let login = "user = \"house\"\npassword = \"open sesame\"\n";
    let board = Switchboard::open_with(&format!("{trunk}{login}prefixes = [\"0\"]\n"));
    let (first, address) = (board.place.host(98), board.place.host(TRUNK_HOST));
    let full = Sipp::start(
        &board.place,
        first,
        board.place.switchboard(),
        &gateway("carrier-is-full", ""),
    );
    let role = gateway("carrier-challenges", "");
    let mut carrier = Sipp::start(&board.place, address, board.place.switchboard(), &role);
    talks_to(&board, &mut carrier);
    assert!(full.has("<- INVITE"), "{}", full.ladder());
    assert!(!board.log().contains("open sesame"), "the log has the password");
}

#[test]
fn the_switchboard_registers_at_a_carrier_and_says_so() {
    let login = "user = \"house\"\npassword = \"open sesame\"\nregister = true\n";
    let board = Switchboard::open_with(&format!("{TRUNK}{login}"));
    let address = board.place.host(TRUNK_HOST);
    let role = gateway("carrier-is-registered-at", "");
    // It is repeated until the carrier is there.
    let mut carrier = Sipp::start(&board.place, address, board.place.switchboard(), &role);
    carrier.ends_well();
    let stands = || board.cli("status").contains("carrier: registered").then_some(());
    wait::until("the registration in `status`", PATIENCE, stands);
    let register = carrier.message("<- REGISTER");
    let contact = format!("<sip:house@{}>", board.place.switchboard());
    assert_eq!(register.header("Contact"), Some(contact.as_str()));
    assert!(board.log().contains("registered at trunk carrier"), "{}", board.log());
}

/// The next REGISTER that a carrier gets.
#[track_caller]
fn register(carrier: &mut Wire, last: u32) -> Message {
    wait::until("a REGISTER", PATIENCE, || {
        let message = carrier.receive().ok()??;
        (message.method() == Some("REGISTER") && message.sequence() > last).then_some(message)
    })
}

/// Else it would send calls to a house that is closed.
#[test]
fn a_carrier_is_asked_to_forget_the_switchboard_when_that_stops() {
    let login = "user = \"house\"\npassword = \"open sesame\"\nregister = true\n";
    let mut board = Switchboard::open_with(&format!("{TRUNK}{login}"));
    let mut carrier = Wire::udp(board.place.host(TRUNK_HOST), board.place.switchboard());
    let first = register(&mut carrier, 0);
    carrier.send(&first.response(200, "OK").with("Expires", "120").to_bytes());
    let stands = || board.log().contains("registered at trunk carrier").then_some(());
    wait::until("the registration", PATIENCE, stands);
    board.terminate();
    let last = register(&mut carrier, first.sequence());
    assert_eq!(last.header("Expires"), Some("0"));
    assert_eq!(last.header("Contact"), first.header("Contact"));
    let asks = "Digest realm=\"c\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
    carrier.send(&last.response(401, "Unauthorized").with("WWW-Authenticate", asks).to_bytes());
    let proved = register(&mut carrier, last.sequence());
    assert!(proved.header("Expires") == Some("0") && proved.header("Authorization").is_some());
    carrier.send(&proved.response(200, "OK").to_bytes());
    assert_eq!(wait::until("its end", PATIENCE, || board.ended()), 0);
    assert!(board.log().contains("no longer registered at trunk carrier"), "{}", board.log());
}

#[test]
fn an_operator_with_only_a_phone_logs_in_by_code_and_takes_by_answering() {
    let board = Switchboard::open();
    board.cli("operator set op1 --mode phone");
    let mut code = board.terminal("phone-dials-a-feature-code", "3001", "*50");
    code.ends_well();
    let mut phone = board.phone_at("3001", "phone-answers-and-hangs-up");
    let mut caller = board.guest("caller-waits-and-talks", "9000");
    phone.awaits("<- ACK");
    // A phone that hangs up before its take is in the journal has given the call back.
    let talks = || board.cli("calls").contains("with-caller").then_some(());
    wait::until("the two to talk", PATIENCE, talks);
    phone.nudge();
    phone.ends_well();
    caller.ends_well();
}

#[test]
fn a_phone_of_no_such_operator_may_not_dial_the_codes() {
    let board = Switchboard::open();
    let mut caller = board.terminal("terminal-is-refused", "3002", "*50");
    caller.ends_well();
    assert!(caller.has("<- 403"), "{}", caller.ladder());
}

/// A trunk known by a name: away with the DNS, found with it, followed when it moves.
#[test]
fn a_trunk_is_where_the_dns_has_it() {
    let dns = NameServer::at(Ipv4Addr::LOCALHOST.into());
    dns.is_in(Mood::Failing);
    let board = Switchboard::open_with(&format!(
        "[sip]\nnameservers = [\"{}\"]\n\
         [[trunk]]\nname = \"carrier\"\naddress = [\"carrier.test\"]\nlevel = \"B\"\nprefixes = [\"0\"]\n",
        dns.address
    ));
    let is_said = |said: &str| {
        wait::until(said, PATIENCE, || {
            board.try_cli("status --format json").1.contains(said).then_some(())
        });
    };
    is_said("trunk carrier: carrier.test");

    let [first, second] = [99, 98].map(|host| board.place.host(host));
    let at = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => dns.has_host("gw.carrier.test", 1, &[ip]),
        IpAddr::V6(_) => unreachable!("the tests' networks are IPv4"),
    };
    dns.has_service("_sip._udp.carrier.test", 1, &[(1, 1, first.port(), "gw.carrier.test")]);
    dns.has_host("carrier.test", 1, &[]);
    at(first);
    dns.is_in(Mood::Well);
    for address in [first, second] {
        at(address);
        let found = || board.log().contains(&format!("{}", address.ip())).then_some(());
        wait::until("the carrier's address", PATIENCE, found);
        let role = gateway("phone-answers", "");
        let mut carrier = Sipp::start(&board.place, address, board.place.switchboard(), &role);
        talks_to(&board, &mut carrier);
        let invite = carrier.message("<- INVITE");
        assert!(invite.start.contains("sip:0559876@carrier.test"), "{}", invite.start);
    }
    is_said("\"unresolved\": \"\"");
}
