//! An established dialog in writing, so that a later process can end it (RFC 3261 §12.1, §15).

use super::identity::DialogIdentity;
use super::route_set::RouteSet;
use super::settings::Settings;
use crate::sip::{Destination, Flow, HeaderName, Method, NameAddr, Request, Response, Uri};

/// Requests of ours that were sent after the dialog was written down are not counted there; so many
/// there cannot have been.
const UNCOUNTED_MAX: u32 = 1 << 24;

/// What names a dialog on our side (RFC 3261 §12).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct DialogKey {
    /// Its Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
}

/// An established dialog, with all that a BYE in it needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredDialog {
    /// Call-ID and our tag.
    pub key: DialogKey,
    /// We, as in From or To, with our tag.
    pub local: NameAddr,
    /// The far end, as in To or From, with its tag.
    pub remote: NameAddr,
    /// Where requests go in the end.
    pub target: Uri,
    /// By which proxies, nearest first.
    pub routes: Vec<Uri>,
    /// Our last CSeq when this was written.
    pub local_cseq: u32,
    /// The first hop.
    pub hop: Destination,
}

impl StoredDialog {
    pub(super) fn of(dialog: &DialogIdentity) -> Self {
        let key = DialogKey {
            call_id: dialog.call_id().to_owned(),
            local_tag: dialog.local_tag().to_owned(),
        };
        Self {
            key,
            local: dialog.local().clone(),
            remote: dialog.remote().clone(),
            target: dialog.way.target().clone(),
            routes: dialog.way.routes().iter().map(|route| route.uri.clone()).collect(),
            local_cseq: dialog.local_seq(),
            hop: dialog.way.destination,
        }
    }

    /// The dialog that this 2xx to an INVITE of ours makes, with whoever sent it; none where it lacks what a
    /// dialog is made of.
    pub(super) fn of_success(response: &Response, flow: Flow) -> Option<Self> {
        let headers = &response.headers;
        let mut routes: Vec<_> = headers.record_routes().ok()?;
        routes.reverse();
        Some(Self {
            key: DialogKey {
                call_id: headers.call_id().ok()?.to_owned(),
                local_tag: headers.from_tag()?.to_owned(),
            },
            local: headers.from().ok()?,
            remote: headers.to().ok().filter(|remote| remote.tag().is_some())?,
            target: headers.contact().ok()?.uri,
            routes: routes.into_iter().map(|route| route.uri).collect(),
            local_cseq: headers.cseq().ok()?.0,
            hop: Destination::Flow(flow),
        })
    }

    /// The dialog, where this is the number of our last request.
    fn identity(self, local_seq: u32, settings: &Settings) -> DialogIdentity {
        let routes = self.routes.into_iter().map(NameAddr::new).collect();
        let way = RouteSet::of(self.target, routes, self.hop);
        let names = (self.local, self.remote);
        DialogIdentity::resumed(self.key.call_id, names, local_seq, way, settings)
    }

    /// The ACK of the 2xx to our last request, an INVITE.
    pub(super) fn ack(&self, settings: &Settings) -> (Destination, Request) {
        let seq = self.local_cseq;
        (self.hop, self.clone().identity(seq, settings).ack(seq, settings))
    }

    /// The BYE of a process that no longer has the dialog.
    pub(super) fn bye(self, reason: &str, settings: &Settings) -> (Destination, Request) {
        let (hop, seq) = (self.hop, self.local_cseq.saturating_add(UNCOUNTED_MAX));
        let mut bye = self.identity(seq, settings).request(Method::BYE, settings);
        bye.headers.push(HeaderName::Reason, reason);
        (hop, bye)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Transport;

    #[test]
    fn a_dialog_that_was_written_down_ends_as_its_peer_knows_it() {
        let address = |text| NameAddr::parse(text, &HeaderName::To).expect("an address");
        let uri = |text| Uri::parse(text).expect("a URI");
        let remote = "192.0.2.50:5060".parse().expect("an address");
        let stored = StoredDialog {
            key: DialogKey { call_id: "c1".into(), local_tag: "us".into() },
            local: address("<sip:desk@example.com>;tag=us"),
            remote: address("<sip:op1@example.com>;tag=them"),
            target: uri("sip:op1@192.0.2.9"),
            routes: vec![uri("sip:192.0.2.50;lr")],
            local_cseq: 7,
            hop: Destination::Address { transport: Transport::Udp, remote },
        };
        let (to, bye) = stored.bye("SIP;cause=503", &Settings::default());
        assert_eq!(to.remote(), remote);
        assert_eq!((bye.method.as_str(), bye.uri.to_string()), ("BYE", "sip:op1@192.0.2.9".into()));
        let header = |name| bye.headers.get(name).unwrap_or_default();
        assert_eq!(header(HeaderName::Route), "<sip:192.0.2.50;lr>");
        assert_eq!(header(HeaderName::Reason), "SIP;cause=503");
        assert_eq!(bye.headers.call_id(), Ok("c1"));
        assert_eq!((bye.headers.from_tag(), bye.headers.to_tag()), (Some("us"), Some("them")));
        let (seq, _) = bye.headers.cseq().expect("CSeq");
        assert!(seq > 1_000_000, "the desk has seen numbers above 7");
    }
}
