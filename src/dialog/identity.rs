//! What a dialog is made of (RFC 3261 §12): tags, sequence numbers, the way to the peer; and the
//! requests made of that.

use super::route_set::{CallTarget, RouteSet};
use super::settings::Settings;
use crate::random::Random;
use crate::sip::{
    Destination, Flow, HeaderName, MAX_FORWARDS, Method, NameAddr, Request, Response, Scheme,
    Transport, Uri,
};
use crate::text::{DISPLAY_CHARS_MAX, cut};

/// The methods that a dialog takes.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY";
/// The extensions that this room, or the floors above it, speak.
pub const SUPPORTED: [&str; 3] = ["100rel", "timer", "replaces"];
/// The same as a header's value.
const SUPPORTED_VALUE: &str = "100rel, timer, replaces";

/// One dialog, early or confirmed.
#[derive(Clone, Debug)]
pub struct DialogIdentity {
    call_id: String,
    local: NameAddr,
    remote: NameAddr,
    local_seq: u32,
    remote_seq: Option<u32>,
    /// Where its requests go.
    pub way: RouteSet,
    contact: String,
    /// The peer's Allow names UPDATE.
    pub allows_update: bool,
    /// Our Recv-Info, which every 2xx to INVITE and UPDATE repeats (RFC 6086 §5.2.2).
    pub recv_info: Option<String>,
}

impl DialogIdentity {
    /// Before the first response, of a call that we make.
    pub fn of_call(
        target: &CallTarget,
        from: NameAddr,
        to: NameAddr,
        settings: &Settings,
        random: &mut Random,
    ) -> Self {
        let local = from.with_tag(&random.hex(16));
        let way = RouteSet::to(target);
        Self {
            call_id: random.hex(32),
            contact: settings.contact(&way.destination, local.uri.raw_user(), way.is_sips()),
            local,
            remote: to,
            // §8.1.1.5: any number below 2^31; low ones leave room for a long life.
            local_seq: u32::try_from(random.below(1 << 16)).unwrap_or_default(),
            remote_seq: None,
            way,
            allows_update: false,
            recv_info: None,
        }
    }

    /// Of an INVITE that came; `None` when it has no usable From, Contact or Record-Route.
    pub fn of_invite(
        invite: &Request,
        flow: Flow,
        settings: &Settings,
        random: &mut Random,
    ) -> Option<Self> {
        let local = shortened(invite.headers.to().ok()?).with_tag(&random.hex(16));
        let way = RouteSet::back(invite, flow).ok()?;
        let is_sips = way.is_sips() || invite.uri.scheme() == Scheme::Sips;
        Some(Self {
            call_id: invite.headers.call_id().ok()?.to_owned(),
            contact: settings.contact(&way.destination, local.uri.raw_user(), is_sips),
            local,
            remote: shortened(invite.headers.from().ok()?),
            local_seq: u32::try_from(random.below(1 << 16)).unwrap_or_default(),
            remote_seq: Some(invite.headers.cseq().ok()?.0),
            way,
            allows_update: invite.headers.allows(&Method::UPDATE),
            recv_info: None,
        })
    }

    /// The dialog that this response to our INVITE makes or belongs to.
    pub fn with_response(&self, response: &Response) -> Self {
        let mut dialog = self.clone();
        if let Ok(to) = response.headers.to() {
            dialog.remote = shortened(to);
        }
        dialog.learn(response);
        dialog
    }

    /// Takes route set, target and Allow from a response to our INVITE (§13.2.2.4).
    pub fn learn(&mut self, response: &Response) {
        self.way.learn(response);
        if response.headers.contains(HeaderName::Allow) {
            self.allows_update = response.headers.allows(&Method::UPDATE);
        }
    }

    /// A dialog that was written down.
    pub fn resumed(
        call_id: String,
        (local, remote): (NameAddr, NameAddr),
        local_seq: u32,
        way: RouteSet,
        settings: &Settings,
    ) -> Self {
        Self {
            contact: settings.contact(&way.destination, local.uri.raw_user(), way.is_sips()),
            call_id,
            local,
            remote,
            local_seq,
            remote_seq: None,
            way,
            allows_update: false,
            recv_info: None,
        }
    }

    /// We, with our tag.
    pub fn local(&self) -> &NameAddr {
        &self.local
    }

    /// The peer, with its tag once it has one.
    pub fn remote(&self) -> &NameAddr {
        &self.remote
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag.
    pub fn local_tag(&self) -> &str {
        self.local.tag().unwrap_or_default()
    }

    /// The peer's tag; empty before it has one, and of those older than RFC 3261.
    pub fn remote_tag(&self) -> &str {
        self.remote.tag().unwrap_or_default()
    }

    /// The number of the peer's last request.
    pub fn remote_seq(&self) -> Option<u32> {
        self.remote_seq
    }

    /// Goes on where it was left, under the Contact that the peer knows.
    pub fn go_on(&mut self, remote_seq: Option<u32>, contact: String) {
        (self.remote_seq, self.contact) = (remote_seq, contact);
    }

    /// The value of our Contact header.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// The number of our last request.
    pub fn local_seq(&self) -> u32 {
        self.local_seq
    }

    /// Goes on from another branch's numbers, so that no number is used twice.
    pub fn raise_local_seq(&mut self, seq: u32) {
        self.local_seq = self.local_seq.max(seq);
    }

    /// Takes the number of the peer's request (§12.2.2); false when it is out of order.
    pub fn takes_seq(&mut self, seq: u32) -> bool {
        let in_order = self.remote_seq.is_none_or(|last| last < seq);
        if in_order {
            self.remote_seq = Some(seq);
        }
        in_order
    }

    /// A request in this dialog, with the next number (§12.2.1.1).
    pub fn request(&mut self, method: Method, settings: &Settings) -> Request {
        self.local_seq += 1;
        self.numbered(method, self.local_seq, settings)
    }

    /// The ACK for a 2xx to the INVITE with the number `seq` (§13.2.2.4).
    pub fn ack(&self, seq: u32, settings: &Settings) -> Request {
        self.numbered(Method::ACK, seq, settings)
    }

    fn numbered(&self, method: Method, seq: u32, settings: &Settings) -> Request {
        let mut request = Request::new(method.clone(), self.remote.uri.clone());
        request.headers.push(HeaderName::MaxForwards, MAX_FORWARDS);
        self.way.apply(&mut request);
        let headers = &mut request.headers;
        headers.push_address(HeaderName::From, &self.local);
        headers.push_address(HeaderName::To, &self.remote);
        headers.push(HeaderName::CallId, &self.call_id);
        headers.push(HeaderName::CSeq, format_args!("{seq} {method}"));
        if [Method::INVITE, Method::UPDATE, Method::REFER, Method::NOTIFY].contains(&method) {
            headers.push(HeaderName::Contact, &self.contact);
        }
        if method == Method::INVITE || method == Method::UPDATE {
            headers.push(HeaderName::Allow, ALLOW);
            headers.push(HeaderName::Supported, SUPPORTED_VALUE);
        }
        headers.push(HeaderName::UserAgent, &settings.user_agent);
        request
    }

    /// Our tag, our Contact and who we are, in a response.
    pub fn sign(&self, response: &mut Response, settings: &Settings) {
        let headers = &mut response.headers;
        headers.set_to_tag(self.local_tag());
        headers.push(HeaderName::Server, &settings.user_agent);
    }

    /// Contact, Allow and Supported, as 1xx and 2xx to INVITE and UPDATE carry them.
    pub fn introduce(&self, response: &mut Response) {
        response.headers.push(HeaderName::Contact, &self.contact);
        response.headers.push(HeaderName::Allow, ALLOW);
        response.headers.push(HeaderName::Supported, SUPPORTED_VALUE);
    }
}

impl Settings {
    /// The Contact under which a peer at `destination` reaches us; one of `sips:` says nothing of TLS beside it
    /// (RFC 5630 §3.1.4).
    fn contact(&self, destination: &Destination, user: Option<&str>, is_sips: bool) -> String {
        let transport = destination.transport();
        let ours = self.own.socket(destination);
        let mut uri = Uri::sip(user, ours.ip().into(), Some(ours.port()));
        let is_sips = is_sips && transport.is_secure();
        let named = match (transport, is_sips) {
            (Transport::Udp, _) | (Transport::Tls, true) => None,
            (Transport::Wss, true) => Some(Transport::Ws),
            (Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss, _) => {
                Some(transport)
            }
        };
        if let Some(named) = named {
            uri = uri.with_param("transport", Some(named.uri_token()));
        }
        if is_sips {
            uri = uri.sealed();
        }
        format!("<{uri}>")
    }
}

/// An address with no longer a display name than is passed on; addresses are compared without it (RFC 3261
/// §12.2.1.1, §19.1.4).
fn shortened(mut address: NameAddr) -> NameAddr {
    if let Some(display) = &mut address.display {
        display.truncate(cut(display, DISPLAY_CHARS_MAX).len());
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extensions_are_the_same_in_a_header() {
        assert_eq!(SUPPORTED.join(", "), SUPPORTED_VALUE);
    }

    #[test]
    fn what_a_peer_calls_itself_is_kept_no_longer_than_it_is_shown() {
        let long = "\u{e4}".repeat(300);
        let address = format!("\"{long}\" <sip:a@example.com>;tag=1");
        let kept = shortened(NameAddr::parse(&address, &HeaderName::From).unwrap());
        assert_eq!(kept.display, Some("\u{e4}".repeat(DISPLAY_CHARS_MAX)));
        assert_eq!((kept.uri.as_str(), kept.tag()), ("sip:a@example.com", Some("1")));
    }
}
