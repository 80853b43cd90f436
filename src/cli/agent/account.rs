//! Who we are, and the requests that we begin.

use crate::random::Random;
use crate::sip::digest::{Challenge, Chance, DigestLogin, Protected};
use crate::sip::{HeaderName, Host, MAGIC_COOKIE, Method, NameAddr, Request, Response, Uri, Via};
use crate::sip::{MAX_FORWARDS, Transport};
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;

/// An account at a switchboard.
#[derive(Clone, Debug)]
pub struct AgentAccount {
    /// Its name: a number or an operator's name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The switchboard, which stands for its domain too.
    pub server: SocketAddr,
    /// Our end of the connection.
    pub local: SocketAddr,
    /// For tags and branches.
    pub random: Random,
}

impl AgentAccount {
    /// The URI of a user at the switchboard.
    pub fn uri(&self, user: Option<&str>) -> Uri {
        Uri::sip(user, Host::from(self.server.ip()), Some(self.server.port()))
    }

    /// Where we can be reached.
    pub fn contact(&self) -> Uri {
        let uri = Uri::sip(Some(&self.user), Host::from(self.local.ip()), Some(self.local.port()));
        uri.with_param("transport", Some("tcp"))
    }

    /// A Via for one more request.
    pub fn via(&mut self) -> String {
        let branch = format!("{MAGIC_COOKIE}{}", self.random.hex(16));
        let host = Host::from(self.local.ip());
        let mut via = Via::new(Transport::Tcp, host, Some(self.local.port()), &branch);
        via.params.set("rport", None);
        via.to_string()
    }

    /// A request outside of any dialog.
    pub fn request(&mut self, method: Method, to: &Uri) -> Request {
        let mut request = Request::new(method.clone(), to.clone());
        let from = NameAddr::new(self.uri(Some(&self.user))).with_tag(&self.random.hex(12));
        let address = match method {
            // RFC 3261 §10.2: the To of a registration is the account itself.
            Method::REGISTER => NameAddr::new(self.uri(Some(&self.user))),
            _ => NameAddr::new(to.clone()),
        };
        let (via, call_id) = (self.via(), self.random.hex(24));
        let headers = &mut request.headers;
        headers.push(HeaderName::Via, via);
        headers.push(HeaderName::MaxForwards, MAX_FORWARDS);
        headers.push_address(HeaderName::From, &from);
        headers.push_address(HeaderName::To, &address);
        headers.push(HeaderName::CallId, call_id);
        headers.push(HeaderName::CSeq, format_args!("1 {method}"));
        headers.push_uri(HeaderName::Contact, &self.contact());
        request
    }

    /// The same request once more, with the proof that `challenge` (a 401) asks for; `None` when it
    /// asks for what we cannot give, or has been given it already.
    pub fn prove(&mut self, request: &Request, challenge: &Response) -> Option<Request> {
        let asked = challenge.headers.all(HeaderName::WwwAuthenticate);
        let asked = Challenge::strongest(asked)?;
        if request.headers.contains(HeaderName::Authorization) && !asked.stale {
            return None;
        }
        let cnonce = self.random.hex(16);
        let login = DigestLogin { user: &self.user, password: &self.password };
        let protected = Protected { method: request.method.as_str(), uri: request.uri.as_str() };
        let proof = asked.answer(&login, &protected, &Chance { cnonce: &cnonce, count: 1 });
        let mut again = request.clone();
        let (number, method) = request.headers.cseq().ok()?;
        let via = self.via();
        again.headers.set(HeaderName::Via, via);
        again.headers.set(HeaderName::CSeq, format_args!("{} {method}", number + 1));
        again.headers.set(HeaderName::Authorization, proof);
        Some(again)
    }
}

/// Chance for tags and branches, seeded by the system.
///
/// # Errors
/// When the system gives none.
pub fn chance() -> io::Result<Random> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(Random::from_seed(seed))
}
