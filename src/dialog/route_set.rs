//! The way to the peer: route set, remote target and next hop (RFC 3261 §12.1, §12.2.1.1).

use crate::sip::{
    Contacts, Destination, Flow, HeaderName, NameAddr, Request, Response, Scheme, Transport, Uri,
    UriTransport, is_private,
};
use std::net::SocketAddr;

/// Whom to call; names were resolved before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallTarget {
    /// The Request-URI.
    pub uri: Uri,
    /// The route set to begin with, such as the Path of a binding.
    pub route: Vec<NameAddr>,
    /// The next hop.
    pub destination: Destination,
}

/// Where the requests of one dialog go.
#[derive(Clone, Debug)]
pub struct RouteSet {
    /// The remote target.
    target: Uri,
    routes: Vec<NameAddr>,
    /// The next hop, resolved.
    pub destination: Destination,
    /// By which the peer's last request came that was believed.
    spoke: Option<Flow>,
}

/// The request lacks a usable Contact or Record-Route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoWay;

impl RouteSet {
    /// The way of a first INVITE (§8.1.2).
    pub fn to(target: &CallTarget) -> Self {
        Self {
            target: target.uri.clone(),
            routes: target.route.clone(),
            destination: target.destination,
            spoke: None,
        }
    }

    /// The way of a dialog that was written down.
    pub fn of(target: Uri, routes: Vec<NameAddr>, destination: Destination) -> Self {
        Self { target, routes, destination, spoke: None }
    }

    /// The same, with the flow by which the peer was heard last.
    pub fn heard_by(self, spoke: Option<Flow>) -> Self {
        Self { spoke, ..self }
    }

    /// By which flow the peer was heard last.
    pub fn spoke(&self) -> Option<Flow> {
        self.spoke
    }

    /// The remote target.
    pub fn target(&self) -> &Uri {
        &self.target
    }

    /// Whether it is one of `sips:`, and our Contact in it has to be, too (§8.1.1.8, §12.1.1).
    pub fn is_sips(&self) -> bool {
        let first = self.routes.first().map_or(&self.target, |route| &route.uri);
        [first, &self.target].iter().any(|uri| uri.scheme() == Scheme::Sips)
    }

    /// The route set, nearest first.
    pub fn routes(&self) -> &[NameAddr] {
        &self.routes
    }

    /// The way back to who sent this INVITE (§12.1.1).
    ///
    /// # Errors
    /// When Contact or Record-Route cannot be used.
    pub fn back(invite: &Request, flow: Flow) -> Result<Self, NoWay> {
        let target = invite.headers.contact().map_err(|_| NoWay)?.uri;
        let routes = invite.headers.record_routes().map_err(|_| NoWay)?;
        let (destination, spoke) = (Destination::Flow(flow), Some(flow));
        let mut way = Self { target, routes, destination, spoke };
        // A proxy that does not record its route wants to be left out.
        let proxied = invite.headers.list(HeaderName::Via).count() > 1;
        if proxied && way.routes.is_empty() && flow.transport == Transport::Udp {
            way.destination = way.target_address().unwrap_or(way.destination);
        }
        Ok(way)
    }

    /// Learns from a response that makes a dialog (§12.1.2); one without Contact teaches nothing.
    pub fn learn(&mut self, response: &Response) {
        let (Ok(contact), Ok(mut routes)) =
            (response.headers.contact(), response.headers.record_routes())
        else {
            return;
        };
        routes.reverse();
        self.routes = routes;
        let same =
            contact.uri.host() == self.target.host() && contact.uri.port() == self.target.port();
        self.target = contact.uri;
        if !same {
            self.retarget();
        }
    }

    /// Takes the Contact of a target refresh (§12.2.1.2, §12.2.2).
    pub fn refresh(&mut self, contacts: Contacts) {
        if let Contacts::List(list) = contacts
            && let Some(contact) = list.into_iter().next()
            && contact.uri != self.target
        {
            self.target = contact.uri;
            self.retarget();
        }
    }

    /// Whether the peer is known to speak by this flow: it is where our requests go, or where its last
    /// one came from.
    pub fn is_known(&self, flow: &Flow) -> bool {
        self.destination.is_source_of(flow)
            || self.spoke.is_some_and(|known| known.is_from_peer_of(flow))
    }

    /// The peer, and nobody else, speaks from `flow`: a phone behind a router is reached there and nowhere
    /// else. Behind a proxy the way is the proxy's. True when this is news.
    pub fn follow(&mut self, flow: Flow) -> bool {
        self.spoke = Some(flow);
        match self.destination {
            Destination::Flow(known) if known != flow && self.routes.is_empty() => {
                self.destination = Destination::Flow(flow);
                true
            }
            Destination::Flow(_) | Destination::Address { .. } => false,
        }
    }

    /// Without routes the next hop is the target itself; but neither is a flow left, nor a public
    /// next hop for a private address, which a phone behind a router writes in ignorance.
    fn retarget(&mut self) {
        if let (Destination::Address { remote, .. }, true) =
            (self.destination, self.routes.is_empty())
            && let Some(address) = self.target_address()
            && (is_private(remote.ip()) || !is_private(address.remote().ip()))
        {
            self.destination = address;
        }
    }

    fn target_address(&self) -> Option<Destination> {
        let transport = match self.target.transport() {
            UriTransport::Open => Transport::Udp,
            UriTransport::Only(transport) => transport,
            UriTransport::Unusable => return None,
        };
        let port = self.target.port().unwrap_or(transport.default_port());
        let remote = SocketAddr::new(self.target.host()?.address()?, port);
        Some(Destination::Address { transport, remote })
    }

    /// Puts Request-URI and Route into a new request (§12.2.1.1).
    pub fn apply(&self, request: &mut Request) {
        let mut routes = self.routes.iter();
        let strict = self.routes.first().filter(|first| !first.uri.is_loose_router());
        match strict {
            None => request.uri = self.target.without_headers(),
            Some(first) => {
                request.uri = first.uri.without_headers();
                routes.next();
            }
        }
        for route in routes {
            request.headers.push_address(HeaderName::Route, route);
        }
        if strict.is_some() {
            request.headers.push_uri(HeaderName::Route, &self.target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;
    use crate::sip::{HeaderName, Method, StatusCode};

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    fn address(text: &str) -> Destination {
        Destination::Address { transport: Transport::Udp, remote: text.parse().unwrap() }
    }

    fn flow() -> Flow {
        Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "198.51.100.7:4711".parse().unwrap(),
            connection: ConnectionId(0),
        }
    }

    fn way(destination: Destination) -> RouteSet {
        RouteSet::to(&CallTarget { uri: uri("sip:3001@192.0.2.7"), route: vec![], destination })
    }

    fn applied(way: &RouteSet) -> String {
        let mut request = Request::new(Method::BYE, uri("sip:nobody@example.com"));
        way.apply(&mut request);
        let routes: Vec<_> = request.headers.all(HeaderName::Route).collect();
        format!("{} via {}", request.uri, routes.join(" "))
    }

    fn answer(contact: &str, record_route: &[&str]) -> Response {
        let mut response = Response::new(StatusCode::OK);
        response.headers.push(HeaderName::Contact, contact);
        for route in record_route {
            response.headers.push(HeaderName::RecordRoute, route);
        }
        response
    }

    /// RFC 3665 §3.3: the caller's route set is the Record-Route from behind.
    #[test]
    fn loose_routes_stand_before_the_target() {
        let mut way = way(address("192.0.2.7:5060"));
        way.learn(&answer("<sip:bob@10.0.0.9>", &["<sip:p2;lr>, <sip:p1;lr>"]));
        assert_eq!(applied(&way), "sip:bob@10.0.0.9 via <sip:p1;lr> <sip:p2;lr>");
        assert_eq!(way.destination, address("192.0.2.7:5060"));
    }

    #[test]
    fn a_strict_router_takes_the_place_of_the_target() {
        let mut way = way(address("192.0.2.7:5060"));
        way.learn(&answer("<sip:bob@10.0.0.9>", &["<sip:p2;lr>, <sip:p1>"]));
        assert_eq!(applied(&way), "sip:p1 via <sip:p2;lr> <sip:bob@10.0.0.9>");
    }

    #[test]
    fn a_trunk_that_answers_from_elsewhere_is_asked_there() {
        let mut way = way(address("192.0.2.7:5060"));
        way.learn(&answer("<sip:bob@192.0.2.9:5070>", &[]));
        assert_eq!(way.destination, address("192.0.2.9:5070"));
    }

    #[test]
    fn a_private_contact_does_not_lead_away_from_a_public_hop() {
        let mut way = way(address("192.0.2.7:5060"));
        way.learn(&answer("<sip:bob@10.0.0.9>", &[]));
        assert_eq!(way.destination, address("192.0.2.7:5060"));
    }

    #[test]
    fn a_flow_is_kept_and_followed() {
        let mut way = way(Destination::Flow(flow()));
        way.learn(&answer("<sip:bob@192.0.2.9>", &[]));
        assert_eq!(way.destination, Destination::Flow(flow()));
        let moved = Flow { remote: "198.51.100.7:4712".parse().unwrap(), ..flow() };
        assert!(way.is_known(&flow()) && !way.is_known(&moved));
        assert!(!way.follow(flow()) && way.follow(moved));
        assert_eq!(way.destination, Destination::Flow(moved));
        assert!(way.is_known(&moved) && !way.is_known(&flow()));
    }

    /// A phone that listens at another port than it speaks from is known by both.
    #[test]
    fn who_has_proved_to_be_the_peer_is_known_from_then_on() {
        let mut way = way(address("198.51.100.7:5080"));
        let listens = Flow { remote: "198.51.100.7:5080".parse().unwrap(), ..flow() };
        assert!(way.is_known(&listens) && !way.is_known(&flow()));
        assert!(!way.follow(flow()), "it is called where it listens");
        assert!(way.is_known(&listens) && way.is_known(&flow()));
    }

    #[test]
    fn a_proxy_without_record_route_is_left_out() {
        let mut invite = Request::new(Method::INVITE, uri("sip:9000@example.com"));
        invite.headers.push(HeaderName::Via, "SIP/2.0/UDP p, SIP/2.0/UDP a");
        assert_eq!(RouteSet::back(&invite, flow()).err(), Some(NoWay));
        invite.headers.push(HeaderName::Contact, "<sip:3001@192.0.2.9>");
        let back = RouteSet::back(&invite, flow()).unwrap();
        assert_eq!(back.destination, address("192.0.2.9:5060"));
        invite.headers.push(HeaderName::RecordRoute, "<sip:p;lr>");
        let back = RouteSet::back(&invite, flow()).unwrap();
        assert_eq!(back.destination, Destination::Flow(flow()));
    }
}
