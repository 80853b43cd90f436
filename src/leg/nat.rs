//! Whether a phone's signalling shows that a NAT rewrites its addresses: only then may its packets come
//! from another port than its SDP names.

use crate::dialog::CallTarget;
use crate::sip::{Flow, Request, Transport, is_private};
use std::net::{IpAddr, SocketAddr};

/// Whether a request came from elsewhere than its Via says: what RFC 3261 §18.2.1 and RFC 3581 §4 answer
/// with `received` and `rport`.
#[must_use]
pub fn shows_in_request(request: &Request, flow: Flow) -> bool {
    let Ok(via) = request.headers.via() else { return false };
    let port = via.port().unwrap_or(flow.transport.default_port());
    differs((via.host().address(), port), flow.remote, flow.transport)
}

/// Whether a phone is reached elsewhere than its Contact says. Behind a proxy nobody can tell.
#[must_use]
pub fn shows_in_target(target: &CallTarget) -> bool {
    let transport = target.destination.transport();
    let port = target.uri.port().unwrap_or(transport.default_port());
    let host = target.uri.host().and_then(|host| host.address());
    target.route.is_empty() && differs((host, port), target.destination.remote(), transport)
}

/// Whether a private address in SDP cannot be where the phone of this signalling is seen.
#[must_use]
pub fn shows_in_sdp(sdp: IpAddr, signalling: IpAddr) -> bool {
    is_private(sdp) && !is_private(signalling)
}

/// A name says nothing, and a stream's port is fresh with each connection.
fn differs((host, port): (Option<IpAddr>, u16), seen: SocketAddr, transport: Transport) -> bool {
    let Some(host) = host else { return false };
    host != seen.ip() || transport == Transport::Udp && port != seen.port()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;
    use crate::sip::{self, Destination, Message, NameAddr, Uri};

    fn via(transport: Transport, sent_by: &str, remote: &str) -> bool {
        let token = transport.via_token();
        let text = format!(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/{token} {sent_by};branch=z9hG4bKx\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let Ok(Message::Request(request)) = sip::parse(text.as_bytes()) else { panic!("{text}") };
        let local = "192.0.2.1:5060".parse().unwrap();
        let remote = remote.parse().unwrap();
        shows_in_request(&request, Flow { transport, local, remote, connection: ConnectionId(0) })
    }

    #[test]
    fn a_via_that_names_another_address_or_port_shows_it() {
        use Transport::{Tcp, Udp};
        assert!(!via(Udp, "203.0.113.7:5062", "203.0.113.7:5062"));
        assert!(!via(Udp, "203.0.113.7", "203.0.113.7:5060"), "5060 where none is written");
        assert!(via(Udp, "203.0.113.7:5062", "203.0.113.7:31000"), "rport");
        assert!(via(Udp, "192.168.1.5:5060", "203.0.113.7:5060"), "received");
        assert!(via(Tcp, "192.168.1.5:5060", "203.0.113.7:31000"));
        assert!(
            !via(Tcp, "203.0.113.7:5060", "203.0.113.7:31000"),
            "every connection has its port"
        );
        assert!(!via(Udp, "phone.example.com:5060", "203.0.113.7:31000"), "a name is no address");
    }

    #[test]
    fn a_contact_that_is_reached_elsewhere_shows_it_unless_a_proxy_leads_there() {
        let target = |uri: &str, route: Vec<NameAddr>| CallTarget {
            uri: Uri::parse(uri).unwrap(),
            route,
            destination: Destination::Address {
                transport: Transport::Udp,
                remote: "203.0.113.7:31000".parse().unwrap(),
            },
        };
        assert!(!shows_in_target(&target("sip:3001@203.0.113.7:31000", vec![])));
        assert!(shows_in_target(&target("sip:3001@203.0.113.7", vec![])));
        assert!(shows_in_target(&target("sip:3001@192.168.1.5:31000", vec![])));
        let edge = NameAddr::new(Uri::parse("sip:203.0.113.7:31000;lr").unwrap());
        assert!(!shows_in_target(&target("sip:3001@192.168.1.5", vec![edge])));
    }

    #[test]
    fn a_private_address_seen_from_a_public_one_shows_it() {
        let shows =
            |sdp: &str, seen: &str| shows_in_sdp(sdp.parse().unwrap(), seen.parse().unwrap());
        assert!(shows("192.168.1.5", "203.0.113.7"));
        assert!(shows("fd00::5", "2001:db8::7"));
        assert!(!shows("192.168.1.5", "10.0.0.1"), "one house, two networks");
        assert!(!shows("203.0.113.9", "203.0.113.7"));
    }
}
