//! Digest authentication (RFC 7616, RFC 8760): challenges, credentials, and the arithmetic.
//!
//! Both sides are here: the server's, which challenges and verifies, and the client's, which
//! answers. qop is `auth`; the legacy form without qop (RFC 2069) is spoken with old phones.

use super::error::{Error, SipFault};
use super::header_name::HeaderName;
use super::lexer::{self, Quoted};
use super::params::Params;
use md5::Md5;
use sha2::Sha256;
use std::fmt::{self, Write as _};

/// A hash algorithm, the weaker first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Algorithm {
    /// RFC 2617; for phones that know nothing else.
    Md5,
    /// RFC 7616.
    Sha256,
}

impl Algorithm {
    /// The order of challenges: the strongest first (RFC 8760 §2.4).
    pub const OFFERED: [Self; 2] = [Self::Sha256, Self::Md5];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The algorithm that `params` name; MD5 where they name none (RFC 7616 §3.3).
    fn of(params: &Params) -> Result<Self, Error> {
        let Some(name) = params.get("algorithm") else { return Ok(Self::Md5) };
        let known = Self::OFFERED.into_iter().find(|a| a.as_str().eq_ignore_ascii_case(&name));
        known.ok_or(SipFault::DigestAlgorithm.at(0))
    }

    /// The hash of `parts` joined by colons, in lower-case hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        match self {
            Self::Md5 => hash_hex::<Md5>(parts),
            Self::Sha256 => hash_hex::<Sha256>(parts),
        }
    }
}

fn hash_hex<H: sha2::Digest>(parts: &[&str]) -> String {
    let mut hasher = H::new();
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            hasher.update(b":");
        }
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The hash of name, realm and password, which is what a server stores (RFC 7616 §3.4.2).
#[must_use]
pub fn ha1(user: &str, realm: &str, password: &str, algorithm: Algorithm) -> String {
    algorithm.hash(&[user, realm, password])
}

/// Quality of protection, the one we speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Qop {
    /// `auth`, with cnonce and nonce count.
    Auth,
    /// No qop at all: RFC 2069.
    Legacy,
}

/// A Digest challenge: one WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// Who asks.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// To be sent back as it is.
    pub opaque: Option<String>,
    /// How to hash.
    pub algorithm: Algorithm,
    /// Whether cnonce and nonce count are wanted.
    pub qop: Qop,
    /// The credentials were right, only their nonce was too old.
    pub stale: bool,
}

impl Challenge {
    /// Reads one header value.
    ///
    /// # Errors
    /// [`SipFault::DigestAlgorithm`] for schemes, algorithms and qops that we do not speak;
    /// [`SipFault::Header`] naming WWW-Authenticate for what is malformed.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let params = digest_params(value, HeaderName::WwwAuthenticate)?;
        let text = |name| params.get(name).map(std::borrow::Cow::into_owned);
        let missing = || SipFault::Header(HeaderName::WwwAuthenticate).at(0);
        let qop = match params.get("qop") {
            None => Qop::Legacy,
            Some(offered) if offered.split(',').any(|q| is_auth(lexer::trim(q))) => Qop::Auth,
            Some(_) => return Err(SipFault::DigestAlgorithm.at(0)),
        };
        Ok(Self {
            realm: text("realm").ok_or_else(missing)?,
            nonce: text("nonce").ok_or_else(missing)?,
            opaque: text("opaque"),
            algorithm: Algorithm::of(&params)?,
            qop,
            stale: params.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The strongest challenge among `values` that we can answer (RFC 8760 §2.4); the first of
    /// equals.
    pub fn strongest<'a>(values: impl Iterator<Item = &'a str>) -> Option<Self> {
        let stronger = |best: Self, other: Self| match best.algorithm < other.algorithm {
            true => other,
            false => best,
        };
        Self::strongest_of_each(values).into_iter().reduce(stronger)
    }

    /// The strongest that we can answer of each realm, in the order of their first challenges.
    pub fn strongest_of_each<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Self> {
        let mut best: Vec<Self> = Vec::new();
        let challenges = values.flat_map(split_challenges);
        for challenge in challenges.filter_map(|value| Self::parse(&value).ok()) {
            match best.iter_mut().find(|best| best.realm == challenge.realm) {
                Some(best) if best.algorithm < challenge.algorithm => *best = challenge,
                Some(_) => {}
                None => best.push(challenge),
            }
        }
        best
    }

    /// The credentials that answer this challenge.
    ///
    /// `cnonce` is fresh chance; `count` is 1 at the first use of the nonce and rises by one.
    #[must_use]
    pub fn answer(
        &self,
        login: &DigestLogin<'_>,
        request: &Protected<'_>,
        chance: &Chance<'_>,
    ) -> Credentials {
        let ha1 = ha1(login.user, &self.realm, login.password, self.algorithm);
        let auth = match self.qop {
            Qop::Auth => Some(Auth::new(chance.cnonce, chance.count)),
            Qop::Legacy => None,
        };
        let mut credentials = Credentials {
            user: login.user.to_owned(),
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            uri: request.uri.to_owned(),
            response: String::new(),
            algorithm: self.algorithm,
            opaque: self.opaque.clone(),
            auth,
        };
        credentials.response = credentials.expected(&ha1, request.method);
        credentials
    }
}

/// A name and its password.
#[derive(Clone, Copy)]
pub struct DigestLogin<'a> {
    /// The name.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
}

/// What a request is protected by.
#[derive(Clone, Copy)]
pub struct Protected<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its Request-URI.
    pub uri: &'a str,
}

/// What a client adds of its own.
#[derive(Clone, Copy)]
pub struct Chance<'a> {
    /// Random text.
    pub cnonce: &'a str,
    /// How often this nonce was used, this time included.
    pub count: u32,
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", Quoted(&self.realm), Quoted(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        write!(f, ", algorithm={}", self.algorithm.as_str())?;
        match self.qop {
            Qop::Auth => f.write_str(", qop=\"auth\""),
            Qop::Legacy => Ok(()),
        }
    }
}

/// What qop=auth adds to credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Auth {
    /// The client's nonce.
    pub cnonce: String,
    /// How often the nonce was used; a repeated number is a replay.
    pub count: u32,
    /// The count as it was written and hashed: some phones write capitals.
    written: String,
}

impl Auth {
    fn new(cnonce: &str, count: u32) -> Self {
        Self { cnonce: cnonce.to_owned(), count, written: format!("{count:08x}") }
    }

    fn parse(cnonce: String, written: String) -> Option<Self> {
        // RFC 7616 §3.4.3: 8LHEX.
        let valid = written.len() == 8 && written.bytes().all(|digit| digit.is_ascii_hexdigit());
        let count = u32::from_str_radix(&written, 16).ok().filter(|_| valid)?;
        Some(Self { cnonce, count, written })
    }
}

/// Digest credentials: one Authorization or Proxy-Authorization.
#[derive(Clone, Eq, PartialEq)]
pub struct Credentials {
    /// Who says to be asking.
    pub user: String,
    /// The realm of the challenge.
    pub realm: String,
    /// The nonce of the challenge.
    pub nonce: String,
    /// The URI that was hashed; not always the Request-URI, which proxies change.
    pub uri: String,
    /// The proof.
    pub response: String,
    /// How it was hashed.
    pub algorithm: Algorithm,
    /// The opaque of the challenge.
    pub opaque: Option<String>,
    /// cnonce and count; `None` is the legacy form.
    pub auth: Option<Auth>,
}

impl Credentials {
    /// Reads one header value; `None` for another scheme than Digest (RFC 4475 §3.3.7).
    ///
    /// # Errors
    /// [`SipFault::UsernameEncoding`] for `username*` and `userhash`, [`SipFault::DigestAlgorithm`] for
    /// algorithms and qops that we do not speak, [`SipFault::Header`] naming Authorization for what
    /// is malformed.
    pub fn parse(value: &str) -> Result<Option<Self>, Error> {
        if !scheme_is_digest(value) {
            return Ok(None);
        }
        let params = digest_params(value, HeaderName::Authorization)?;
        let hashed = params.get("userhash").is_some_and(|hash| hash.eq_ignore_ascii_case("true"));
        if hashed || params.contains("username*") {
            return Err(SipFault::UsernameEncoding.at(0));
        }
        let missing = || SipFault::Header(HeaderName::Authorization).at(0);
        let optional = |name| params.get(name).map(std::borrow::Cow::into_owned);
        let text = |name| optional(name).ok_or_else(missing);
        let auth = match params.get("qop") {
            None => None,
            Some(qop) if is_auth(&qop) => {
                Some(Auth::parse(text("cnonce")?, text("nc")?).ok_or_else(missing)?)
            }
            Some(_) => return Err(SipFault::DigestAlgorithm.at(0)),
        };
        Ok(Some(Self {
            user: text("username")?,
            realm: text("realm")?,
            nonce: text("nonce")?,
            uri: text("uri")?,
            response: text("response")?,
            algorithm: Algorithm::of(&params)?,
            opaque: optional("opaque"),
            auth,
        }))
    }

    /// The response that these credentials should carry (RFC 7616 §3.4.1).
    fn expected(&self, ha1: &str, method: &str) -> String {
        let ha2 = self.algorithm.hash(&[method, &self.uri]);
        match &self.auth {
            Some(auth) => {
                let parts = [ha1, &self.nonce, &auth.written, &auth.cnonce, "auth", &ha2];
                self.algorithm.hash(&parts)
            }
            None => self.algorithm.hash(&[ha1, &self.nonce, &ha2]),
        }
    }

    /// Whether the proof is right for `method` and the stored [`ha1`] of the same algorithm.
    ///
    /// Takes the same time wherever the first difference is. Nonce, count, realm and URI are the
    /// registrar's to judge.
    #[must_use]
    pub fn verify(&self, ha1: &str, method: &str) -> bool {
        let expected = self.expected(ha1, method);
        let given = self.response.to_ascii_lowercase();
        let differences = expected.bytes().zip(given.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        expected.len() == given.len() && differences == 0
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest username={}, realm={}", Quoted(&self.user), Quoted(&self.realm))?;
        write!(f, ", nonce={}, uri={}", Quoted(&self.nonce), Quoted(&self.uri))?;
        write!(f, ", response={}", Quoted(&self.response))?;
        write!(f, ", algorithm={}", self.algorithm.as_str())?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", Quoted(opaque))?;
        }
        if let Some(auth) = &self.auth {
            write!(f, ", qop=auth, nc={}, cnonce={}", auth.written, Quoted(&auth.cnonce))?;
        }
        Ok(())
    }
}

/// Without the user and the proof.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest credentials ({}) for {}", self.algorithm.as_str(), self.realm)
    }
}

fn is_auth(qop: &str) -> bool {
    qop.eq_ignore_ascii_case("auth")
}

fn scheme_is_digest(value: &str) -> bool {
    value.split([' ', '\t']).next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("Digest"))
}

/// The challenges of one line, where a peer has joined several by commas (RFC 7235 §4.1): each
/// begins with a scheme, a blank, and its first parameter.
fn split_challenges(line: &str) -> Vec<String> {
    let mut challenges: Vec<String> = Vec::new();
    for element in lexer::ListElements::of(line) {
        let before_value = element.split('=').next().unwrap_or("");
        match challenges.last_mut() {
            Some(last) if !lexer::trim(before_value).contains(' ') => {
                last.push_str(", ");
                last.push_str(element);
            }
            Some(_) | None => challenges.push(element.to_owned()),
        }
    }
    challenges
}

/// The parameters behind `Digest`, which are separated by commas.
fn digest_params(value: &str, header: HeaderName) -> Result<Params, Error> {
    if !scheme_is_digest(value) {
        return Err(SipFault::DigestAlgorithm.at(0));
    }
    let list = value.split_once([' ', '\t']).map_or("", |(_, list)| list);
    let mut text = String::with_capacity(list.len() + 1);
    for element in lexer::ListElements::of(list) {
        text.push(';');
        text.push_str(element);
    }
    Params::parse(&text, |at| SipFault::Header(header.clone()).at(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: DigestLogin<'_> = DigestLogin { user: "Mufasa", password: "Circle of Life" };
    const GET: Protected<'_> = Protected { method: "GET", uri: "/dir/index.html" };
    const CHANCE: Chance<'_> =
        Chance { cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", count: 1 };

    fn challenge(algorithm: Algorithm) -> Challenge {
        Challenge {
            realm: "http-auth@example.org".to_owned(),
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v".to_owned(),
            opaque: Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS".to_owned()),
            algorithm,
            qop: Qop::Auth,
            stale: false,
        }
    }

    #[test]
    fn the_rfcs_own_examples_come_out() {
        // RFC 7616 §3.9.1.
        let md5 = challenge(Algorithm::Md5).answer(&LOGIN, &GET, &CHANCE);
        assert_eq!(md5.response, "8ca523f5e9506fed4657c9700eebdbec");
        let sha = challenge(Algorithm::Sha256).answer(&LOGIN, &GET, &CHANCE);
        let expected = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert_eq!(sha.response, expected);
    }

    #[test]
    fn old_phones_leave_qop_away() {
        // RFC 2617 §3.5's values, hashed as RFC 2069 does.
        let value = "Digest realm=\"testrealm@host.com\", \
                     nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let login = DigestLogin { user: "Mufasa", password: "Circle Of Life" };
        let answer = Challenge::parse(value).unwrap().answer(&login, &GET, &CHANCE);
        assert_eq!(answer.response, "670fd8c2df070c60b045671b8b24ff02");
        assert!(!answer.to_string().contains("cnonce"));
        let ha1 = ha1(login.user, "testrealm@host.com", login.password, Algorithm::Md5);
        assert!(answer.verify(&ha1, "GET"));
    }

    #[test]
    fn both_sides_read_back() {
        for algorithm in Algorithm::OFFERED {
            let challenge = challenge(algorithm);
            assert_eq!(Challenge::parse(&challenge.to_string()), Ok(challenge.clone()));
            let answer = challenge.answer(&LOGIN, &GET, &CHANCE);
            assert_eq!(Credentials::parse(&answer.to_string()), Ok(Some(answer)));
        }
    }

    #[test]
    fn only_the_right_password_and_method_are_verified() {
        let answer = challenge(Algorithm::Sha256).answer(&LOGIN, &GET, &CHANCE);
        let right = ha1(LOGIN.user, &answer.realm, LOGIN.password, Algorithm::Sha256);
        assert!(answer.verify(&right, "GET"));
        assert!(!answer.verify(&right, "PUT"));
        let wrong = ha1(LOGIN.user, &answer.realm, "circle of life", Algorithm::Sha256);
        assert!(!answer.verify(&wrong, "GET"));
        let short = Credentials { response: String::new(), ..answer.clone() };
        assert!(!short.verify(&right, "GET"));
        let replayed = Credentials { auth: None, ..answer };
        assert!(!replayed.verify(&right, "GET"));
    }

    #[test]
    fn phones_quote_what_they_should_not() {
        let value = "digest username=\"a\",realm=\"r\" ,nonce=\"n\", uri=\"sip:a,b@c\",response=\"x\",\
                     algorithm=\"sha-256\",qop=\"auth\",nc=0000000a,cnonce=\"c\"";
        let credentials = Credentials::parse(value).unwrap().unwrap();
        assert_eq!(credentials.uri, "sip:a,b@c");
        assert_eq!(credentials.algorithm, Algorithm::Sha256);
        assert_eq!(credentials.auth.map(|auth| auth.count), Some(10));
    }

    #[test]
    fn the_count_is_hashed_as_it_was_written() {
        let mut answer = challenge(Algorithm::Md5).answer(&LOGIN, &GET, &CHANCE);
        let ha1 = ha1(LOGIN.user, &answer.realm, LOGIN.password, Algorithm::Md5);
        answer.auth = Auth::parse("c".to_owned(), "0000000A".to_owned());
        answer.response = answer.expected(&ha1, "GET");
        let read = Credentials::parse(&answer.to_string()).unwrap().unwrap();
        assert!(read.verify(&ha1, "GET"));
        assert_eq!(read.auth.map(|auth| auth.count), Some(10));
        for wrong in ["", "1", "0000001", "+0000001", "0000000x", "000000001"] {
            assert_eq!(Auth::parse("c".to_owned(), wrong.to_owned()), None, "{wrong}");
        }
    }

    #[test]
    fn what_we_do_not_speak_is_refused_by_name() {
        let rest = "realm=\"r\", nonce=\"n\", uri=\"u\", response=\"x\"";
        for (value, fault) in [
            ("username*=UTF-8''J%C3%A4s", SipFault::UsernameEncoding),
            ("username=\"a\", userhash=true", SipFault::UsernameEncoding),
            ("username=\"a\", algorithm=MD5-sess", SipFault::DigestAlgorithm),
            ("username=\"a\", qop=auth-int, nc=00000001, cnonce=c", SipFault::DigestAlgorithm),
            ("username=\"a\", qop=auth, cnonce=c", SipFault::Header(HeaderName::Authorization)),
            ("username=\"a", SipFault::Header(HeaderName::Authorization)),
            ("user=\"a\"", SipFault::Header(HeaderName::Authorization)),
        ] {
            let refused = Credentials::parse(&format!("Digest {rest}, {value}"));
            assert_eq!(refused.map_err(|e| e.what), Err(fault), "{value}");
        }
        assert_eq!(Credentials::parse("NoOneKnowsThisScheme opaque-data=here"), Ok(None));
    }

    #[test]
    fn the_strongest_challenge_is_answered() {
        let values = [
            "Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"",
            "Digest realm=\"r\", nonce=\"2\", algorithm=MD5, qop=\"auth-int,auth\"",
            "Digest realm=\"r\", nonce=\"3\", algorithm=SHA-256, qop=\"auth\", stale=TRUE",
            "Basic realm=\"r\"",
        ];
        let best = Challenge::strongest(values.into_iter()).unwrap();
        assert_eq!((best.nonce.as_str(), best.stale), ("3", true));
        let best = Challenge::strongest(values.into_iter().take(2)).unwrap();
        assert_eq!((best.nonce.as_str(), best.qop), ("2", Qop::Auth));
        assert_eq!(Challenge::strongest(values.into_iter().take(1)), None);
        let joined = values.join(", ");
        assert_eq!(Challenge::strongest([joined.as_str()].into_iter()).unwrap().nonce, "3");
    }

    #[test]
    fn debug_tells_no_secrets() {
        let answer = challenge(Algorithm::Md5).answer(&LOGIN, &GET, &CHANCE);
        let debug = format!("{answer:?}");
        assert!(!debug.contains("Mufasa") && !debug.contains(&answer.response), "{debug}");
    }
}
