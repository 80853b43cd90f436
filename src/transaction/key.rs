//! How a message finds its transaction (RFC 3261 §17.1.3, §17.2.3, §8.2.2.2).
//!
//! What has to be the same is not kept but hashed under keys of our own: clients choose these texts, and there are
//! as many as there are requests.

use crate::random::{KeyedState, Random};
use crate::sip::{Headers, Method, Request, Via};
use std::borrow::Cow;

/// What a request and its copies have in common.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ServerKey(u128);

/// What the copies of a request that was forked upstream have in common (§8.2.2.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct MergeKey(u128);

/// Makes the keys.
#[derive(Debug)]
pub struct TransactionKeys(KeyedState);

impl TransactionKeys {
    /// Under keys of their own.
    pub fn new(random: &mut Random) -> Self {
        Self(random.map_keys())
    }

    /// The key of `request` as a copy or an ACK of what it belongs to.
    #[must_use]
    pub fn of(&self, request: &Request, via: &Via) -> ServerKey {
        let method = match &request.method {
            method if *method == Method::ACK => Method::INVITE,
            method => method.clone(),
        };
        self.with_method(request, via, &method)
    }

    /// The key of the INVITE that this CANCEL means (§9.2).
    #[must_use]
    pub fn of_cancelled(&self, cancel: &Request, via: &Via) -> ServerKey {
        self.with_method(cancel, via, &Method::INVITE)
    }

    /// The key of the INVITE under this Via; `None` when its client is older than RFC 3261.
    #[must_use]
    pub fn of_invite(&self, via: &Via) -> Option<ServerKey> {
        via.branch().map(|branch| self.by_branch(branch, via, &Method::INVITE))
    }

    /// The branch is unique by RFC 3261's rules, but two clients may choose the same: sent-by is looked at, too.
    fn by_branch(&self, branch: &str, via: &Via, method: &Method) -> ServerKey {
        let mut sent_by = Cow::Borrowed(via.sent_by());
        if sent_by.bytes().any(|byte| byte.is_ascii_uppercase()) {
            sent_by.to_mut().make_ascii_lowercase();
        }
        ServerKey(self.0.fingerprint((branch, sent_by, method)))
    }

    /// The keys of an INVITE outside of dialogs that has this Request-URI and these headers, its responses' as
    /// well as its own; `None` without Via.
    #[must_use]
    pub fn of_headers(&self, uri: &str, headers: &Headers) -> Option<(ServerKey, MergeKey)> {
        let via = headers.via().ok()?;
        let key = self.of_parts((uri, headers), &via, &Method::INVITE);
        Some((key, MergeKey(self.0.fingerprint((names(headers), &Method::INVITE)))))
    }

    fn with_method(&self, request: &Request, via: &Via, method: &Method) -> ServerKey {
        self.of_parts((request.uri.as_str(), &request.headers), via, method)
    }

    fn of_parts(&self, (uri, headers): (&str, &Headers), via: &Via, method: &Method) -> ServerKey {
        if let Some(branch) = via.branch() {
            return self.by_branch(branch, via, method);
        }
        // The client is older than RFC 3261. The To tag is left out: that of an ACK is the one of our
        // response, and whoever knows the rest is the client itself.
        ServerKey(self.0.fingerprint((uri, names(headers), via.to_string(), method)))
    }

    /// The key of a request outside of dialogs; within one (a tag in To) nothing is merged.
    #[must_use]
    pub fn of_merged(&self, request: &Request) -> Option<MergeKey> {
        let is_outside = request.headers.to_tag().is_none();
        is_outside.then(|| MergeKey(self.0.fingerprint((names(&request.headers), &request.method))))
    }
}

/// The tag of From, the Call-ID and the number of CSeq. A message without the last two does not leave the
/// parser.
fn names(headers: &Headers) -> (&str, &str, u32) {
    let number = headers.cseq().map_or(0, |(number, _)| number);
    (headers.from_tag().unwrap_or_default(), headers.call_id().unwrap_or_default(), number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{HeaderName, Uri};

    fn request(method: Method, via: &str) -> (Request, Via) {
        let uri = Uri::parse("sip:9000@example.com").expect("a URI");
        let mut request = Request::new(method.clone(), uri);
        request.headers.push(HeaderName::Via, format_args!("SIP/2.0/UDP {via}"));
        request.headers.push(HeaderName::From, "<sip:a@example.com>;tag=f");
        request.headers.push(HeaderName::To, "<sip:9000@example.com>");
        request.headers.push(HeaderName::CallId, "c1");
        request.headers.push(HeaderName::CSeq, format_args!("7 {method}"));
        let via = request.headers.via().expect("its Via");
        (request, via)
    }

    #[test]
    fn an_ack_and_a_cancel_find_their_invite_by_branch_and_by_what_old_clients_repeat() {
        let keys = TransactionKeys::new(&mut Random::from_number(1));
        for via in ["192.0.2.7;branch=z9hG4bK1", "192.0.2.7"] {
            let key = |method| {
                let (request, via) = request(method, via);
                keys.of(&request, &via)
            };
            let (cancel, same) = request(Method::CANCEL, via);
            assert_eq!(key(Method::ACK), key(Method::INVITE), "{via}");
            assert_eq!(keys.of_cancelled(&cancel, &same), key(Method::INVITE), "{via}");
            assert_ne!(key(Method::CANCEL), key(Method::INVITE), "{via}");
        }
    }

    #[test]
    fn the_branch_and_whoever_chose_it_are_looked_at_and_case_only_where_it_counts() {
        let keys = TransactionKeys::new(&mut Random::from_number(1));
        let key = |via: &str| {
            let (request, via) = request(Method::INVITE, via);
            keys.of(&request, &via)
        };
        let one = key("pc.example.com;branch=z9hG4bK1");
        assert_eq!(key("PC.example.com;branch=z9hG4bK1"), one);
        for other in ["pc.example.com;branch=z9hG4bK2", "pc.example.net;branch=z9hG4bK1"] {
            assert_ne!(key(other), one, "{other}");
        }
    }

    #[test]
    fn only_outside_of_dialogs_a_request_is_merged() {
        let keys = TransactionKeys::new(&mut Random::from_number(1));
        let (mut first, _) = request(Method::INVITE, "192.0.2.7;branch=z9hG4bK1");
        let (second, _) = request(Method::INVITE, "192.0.2.8;branch=z9hG4bK2");
        assert!(keys.of_merged(&first).is_some());
        assert_eq!(keys.of_merged(&first), keys.of_merged(&second));
        first.headers.set(HeaderName::CallId, "c2");
        assert_ne!(keys.of_merged(&first), keys.of_merged(&second));
        first.headers.set_to_tag("t");
        assert_eq!(keys.of_merged(&first), None);
    }
}
