//! Values as text in cells, and back. What does not read back is `None`, never a guess.

use crate::ids::ConnectionId;
use crate::sip::{Destination, Flow, HeaderName, Headers, NameAddr, Transport, Uri};
use crate::time::UnixTime;
use std::collections::BTreeSet;

/// SQLite's integers are signed; ours stay far below the sign.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn uint(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

pub(super) fn time(at: UnixTime) -> i64 {
    int(at.as_micros())
}

pub(super) fn read_time(micros: i64) -> Option<UnixTime> {
    uint(micros).map(UnixTime::from_micros)
}

/// Between two paths of files, which may have commas.
pub(super) const PATHS: &str = "\n";

/// Names joined by commas; no name holds one.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(",")
}

pub(super) fn read_list<T: for<'a> From<&'a str>>(text: &str) -> impl Iterator<Item = T> {
    text.split(',').filter(|name| !name.is_empty()).map(T::from)
}

pub(super) fn read_set<T: for<'a> From<&'a str> + Ord>(text: &str) -> BTreeSet<T> {
    read_list(text).collect()
}

/// Addresses as a header lists them.
pub(super) fn addresses(addresses: &[NameAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn read_address(text: &str) -> Option<NameAddr> {
    NameAddr::parse(text, &HeaderName::Contact).ok()
}

pub(super) fn read_addresses(text: &str) -> Option<Vec<NameAddr>> {
    let mut headers = Headers::new();
    headers.push(HeaderName::Route, text);
    headers.routes().ok()
}

/// URIs in angle brackets, as Route lists them.
pub(super) fn uris(uris: &[Uri]) -> String {
    uris.iter().map(|uri| format!("<{uri}>")).collect::<Vec<_>>().join(", ")
}

pub(super) fn read_uris(text: &str) -> Option<Vec<Uri>> {
    Some(read_addresses(text)?.into_iter().map(|address| address.uri).collect())
}

/// `UDP 192.0.2.1:5060 192.0.2.7:5060 0`: transport, our socket, the peer's, the connection.
pub(super) fn flow(flow: &Flow) -> String {
    format!("{} {} {} {}", flow.transport, flow.local, flow.remote, flow.connection.0)
}

pub(super) fn read_flow(text: &str) -> Option<Flow> {
    let mut words = text.split(' ');
    let flow = Flow {
        transport: Transport::from_token(words.next()?)?,
        local: words.next()?.parse().ok()?,
        remote: words.next()?.parse().ok()?,
        connection: ConnectionId(words.next()?.parse().ok()?),
    };
    words.next().is_none().then_some(flow)
}

/// As a flow, or only `TCP 192.0.2.7:5060`.
pub(super) fn hop(hop: &Destination) -> String {
    match hop {
        Destination::Flow(way) => flow(way),
        Destination::Address { transport, remote } => format!("{transport} {remote}"),
    }
}

pub(super) fn read_hop(text: &str) -> Option<Destination> {
    if let Some(flow) = read_flow(text) {
        return Some(Destination::Flow(flow));
    }
    let (transport, remote) = text.split_once(' ')?;
    let transport = Transport::from_token(transport)?;
    Some(Destination::Address { transport, remote: remote.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_read_back() {
        for text in [
            "UDP 192.0.2.1:5060 192.0.2.7:5060 0",
            "WSS [2001:db8::1]:443 [2001:db8::7]:40000 17",
            "TCP 192.0.2.7:5060",
        ] {
            assert_eq!(read_hop(text).map(|way| hop(&way)).as_deref(), Some(text));
        }
        for wrong in ["", "UDP", "UDP x", "SCTP 192.0.2.7:5060", "UDP 1.1.1.1:1 1.1.1.1:1 0 0"] {
            assert_eq!(read_hop(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lists_read_back() {
        let names: BTreeSet<crate::ids::Number> = read_set("3001,3002");
        assert_eq!(list(names.iter().map(crate::ids::Number::as_str)), "3001,3002");
        assert_eq!(read_set::<crate::ids::Number>("").len(), 0);
        let text = "\"A, B\" <sip:a@192.0.2.7>;q=0.5, <sip:b@192.0.2.8>";
        assert_eq!(read_addresses(text).map(|read| addresses(&read)).as_deref(), Some(text));
        assert_eq!(read_addresses("").map(|read| read.len()), Some(0));
        assert_eq!(read_addresses("<sip:a@192.0.2.7"), None);
        assert_eq!(
            read_uris("<sip:a;lr>, <sip:b;lr>").map(|r| uris(&r)).as_deref(),
            Some("<sip:a;lr>, <sip:b;lr>")
        );
    }
}
