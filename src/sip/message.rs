//! Requests and responses, and those that follow from a request by the letter of RFC 3261.

use super::header_name::HeaderName;
use super::headers::Headers;
use super::method::Method;
use super::params::Params;
use super::status::StatusCode;
use super::uri::Uri;
use super::via::Via;
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Max-Forwards of every request that we make (RFC 3261 §8.1.1.6).
pub const MAX_FORWARDS: u8 = 70;

/// A message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// Somebody wants something.
    Request(Request),
    /// The answer to a request.
    Response(Response),
}

/// A request.
#[derive(Clone, Eq, PartialEq)]
pub struct Request {
    /// What is wanted.
    pub method: Method,
    /// From whom.
    pub uri: Uri,
    /// The header lines.
    pub headers: Headers,
    /// The body, as long as Content-Length says; whoever passes it on or keeps it shares it.
    pub body: Arc<[u8]>,
}

/// A response.
#[derive(Clone, Eq, PartialEq)]
pub struct Response {
    /// The code.
    pub status: StatusCode,
    /// The phrase, for people only.
    pub reason: Cow<'static, str>,
    /// The header lines.
    pub headers: Headers,
    /// The body, as long as Content-Length says; whoever passes it on or keeps it shares it.
    pub body: Arc<[u8]>,
}

impl Message {
    /// The header lines.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The header lines.
    pub fn headers_mut(&mut self) -> &mut Headers {
        match self {
            Self::Request(request) => &mut request.headers,
            Self::Response(response) => &mut response.headers,
        }
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::new(), body: Arc::default() }
    }

    /// The response `status` to this request (RFC 3261 §8.2.6.2): Via, From, To, Call-ID and CSeq
    /// as they came, Timestamp in a 100, Record-Route where a dialog may come of it (§12.1.1).
    ///
    /// The To tag is the transaction user's affair: [`Headers::set_to_tag`].
    #[must_use]
    pub fn response(&self, status: StatusCode) -> Response {
        let mut response = Response::new(status);
        let headers = &mut response.headers;
        for name in [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ] {
            headers.copy(&name, &self.headers);
        }
        if status == StatusCode::TRYING {
            headers.copy(&HeaderName::Timestamp, &self.headers);
        } else if self.method.makes_dialog() && !status.is_failure() {
            headers.copy(&HeaderName::RecordRoute, &self.headers);
        }
        response
    }

    /// The ACK for a final response of 300 or more, which belongs to the INVITE's transaction
    /// (RFC 3261 §17.1.1.3).
    #[must_use]
    pub fn ack_for_failure(&self, response: &Response) -> Request {
        let mut ack = self.follow_up(Method::ACK);
        ack.headers.copy(&HeaderName::To, &response.headers);
        ack
    }

    /// The CANCEL of this request (RFC 3261 §9.1).
    #[must_use]
    pub fn cancel(&self) -> Request {
        let mut cancel = self.follow_up(Method::CANCEL);
        cancel.headers.copy(&HeaderName::To, &self.headers);
        cancel
    }

    /// What ACK and CANCEL have in common: the Request-URI, only the topmost Via, Route, From,
    /// Call-ID, and the number of CSeq.
    fn follow_up(&self, method: Method) -> Request {
        let number = self.headers.cseq().map_or(0, |(number, _)| number);
        let mut request = Request::new(method.clone(), self.uri.clone());
        let headers = &mut request.headers;
        if let Some(via) = self.headers.list(HeaderName::Via).next() {
            headers.push(HeaderName::Via, via);
        }
        headers.push(HeaderName::MaxForwards, MAX_FORWARDS);
        for name in [HeaderName::Route, HeaderName::From, HeaderName::CallId] {
            headers.copy(&name, &self.headers);
        }
        headers.push(HeaderName::CSeq, format_args!("{number} {method}"));
        request
    }

    /// Notes in the topmost Via where the request came from: `received` when sent-by says otherwise
    /// (RFC 3261 §18.2.1), both `received` and `rport` when it asks for rport (RFC 3581 §4).
    ///
    /// What the sender wrote into `received` itself is replaced: only the receiver may set it.
    ///
    /// Returns that Via; `None` when it is missing or malformed, so that nobody could be answered.
    pub fn stamp_source(&mut self, remote: SocketAddr) -> Option<Via> {
        let mut via = self.headers.via().ok()?;
        let address = remote.ip();
        let differs = via.host().address() != Some(address);
        stamp(&mut via, remote, differs);
        self.headers.pop_front_element(HeaderName::Via);
        self.headers.push_front(HeaderName::Via, &via);
        Some(via)
    }
}

fn stamp(via: &mut Via, remote: SocketAddr, differs: bool) {
    let params: &mut Params = &mut via.params;
    params.remove("received");
    let asks = params.contains("rport");
    if asks {
        params.set("rport", Some(&remote.port().to_string()));
    }
    if asks || differs {
        params.set("received", Some(&remote.ip().to_string()));
    }
}

impl Response {
    /// A response without headers and body, its phrase the one that the RFCs give.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: Cow::Borrowed(status.reason_phrase()),
            headers: Headers::new(),
            body: Arc::default(),
        }
    }

    /// This response with another phrase, unless that is empty.
    #[must_use]
    pub fn said_as(self, reason: &str) -> Self {
        if reason.is_empty() { self } else { self.with_reason(reason) }
    }

    /// This response with another phrase.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Self {
        if self.reason != reason {
            self.reason = Cow::Owned(reason.to_owned());
        }
        self
    }
}

/// Without people's addresses and the body's content.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.method, self.uri, self.headers)?;
        write!(f, " + {} bytes", self.body.len())
    }
}

/// Without people's addresses and the body's content.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.status, self.reason, self.headers)?;
        write!(f, " + {} bytes", self.body.len())
    }
}
