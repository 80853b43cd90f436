//! One dialog (RFC 3261 §12), as its caller or its callee.

use super::account::AgentAccount;
use crate::sip::{HeaderName, MAX_FORWARDS, Method, NameAddr, Request, Response, StatusCode, Uri};

/// What names a dialog, and where its requests go.
#[derive(Clone, Debug)]
pub struct Dialog {
    call_id: String,
    local: NameAddr,
    remote: NameAddr,
    target: Uri,
    routes: Vec<NameAddr>,
    sequence: u32,
}

impl Dialog {
    /// The dialog that a 2xx to our request makes; `None` when it lacks what it must have.
    pub fn of_response(request: &Request, response: &Response) -> Option<Self> {
        let headers = &response.headers;
        let mut routes = headers.record_routes().ok()?;
        routes.reverse();
        Some(Self {
            call_id: headers.call_id().ok()?.to_owned(),
            local: headers.from().ok()?,
            remote: headers.to().ok()?,
            target: contact(response.headers.get(HeaderName::Contact)?)?,
            routes,
            sequence: request.headers.cseq().ok()?.0,
        })
    }

    /// The dialog that our answer with this tag to a request makes.
    pub fn of_request(request: &Request, tag: &str) -> Option<Self> {
        let headers = &request.headers;
        Some(Self {
            call_id: headers.call_id().ok()?.to_owned(),
            local: headers.to().ok()?.with_tag(tag),
            remote: headers.from().ok()?,
            target: contact(headers.get(HeaderName::Contact)?)?,
            routes: headers.record_routes().ok()?,
            sequence: 0,
        })
    }

    /// Whether a request belongs to it.
    pub fn has(&self, request: &Request) -> bool {
        request.headers.call_id().is_ok_and(|id| id == self.call_id)
            && request.headers.to_tag() == self.local.tag()
    }

    /// Our tag.
    pub fn tag(&self) -> &str {
        self.local.tag().unwrap_or("")
    }

    /// A new request within it.
    pub fn request(&mut self, account: &mut AgentAccount, method: Method) -> Request {
        self.sequence += 1;
        self.numbered(account, method, self.sequence)
    }

    /// The ACK of a 2xx to our INVITE.
    pub fn ack(&self, account: &mut AgentAccount, invite: &Request) -> Request {
        let number = invite.headers.cseq().map_or(self.sequence, |(number, _)| number);
        self.numbered(account, Method::ACK, number)
    }

    fn numbered(&self, account: &mut AgentAccount, method: Method, number: u32) -> Request {
        let mut request = Request::new(method.clone(), self.target.clone());
        let via = account.via();
        let headers = &mut request.headers;
        headers.push(HeaderName::Via, via);
        headers.push(HeaderName::MaxForwards, MAX_FORWARDS);
        for route in &self.routes {
            headers.push_address(HeaderName::Route, route);
        }
        headers.push_address(HeaderName::From, &self.local);
        headers.push_address(HeaderName::To, &self.remote);
        headers.push(HeaderName::CallId, &self.call_id);
        headers.push(HeaderName::CSeq, format_args!("{number} {method}"));
        headers.push_uri(HeaderName::Contact, &account.contact());
        request
    }
}

fn contact(value: &str) -> Option<Uri> {
    NameAddr::parse(value, &HeaderName::Contact).ok().map(|address| address.uri)
}

/// A response of ours, under our tag when the request has none.
pub fn respond(
    account: &AgentAccount,
    request: &Request,
    status: StatusCode,
    tag: &str,
) -> Response {
    let mut response = request.response(status);
    if request.headers.to_tag().is_none() && status != StatusCode::TRYING {
        response.headers.set_to_tag(tag);
    }
    response.headers.push_uri(HeaderName::Contact, &account.contact());
    response
}
