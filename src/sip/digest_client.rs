//! The client's side of digest over all requests to one far end (RFC 7616 §3.6, RFC 3261 §22).
//!
//! ```text
//!   request ── with what is known of earlier challenges, the nonce counted on ──▶ far end
//!      ▲                                                                            │
//!      └── 401, 407 of a realm, or a nonce, that this request has not answered yet ─┘
//!          anything else: in vain, and what was known of that realm is forgotten
//! ```
//!
//! The far end and each proxy before it may ask, so what is known stands by realm.

use super::digest::{Challenge, Chance, Credentials, DigestLogin, Protected};
use super::digest_realms::{Challenger, Realms};
use super::header_name::HeaderName;
use super::message::{Request, Response};
use super::method::Method;
use super::status::StatusCode;
use crate::random::Random;
use std::fmt;

/// The most realms on the way; a further one takes the place of the oldest.
pub const REALMS_MAX: usize = 4;
/// The most challenges that one request answers, of all realms together.
pub const ANSWERED_MAX: usize = 4;

/// A name, its password, and what the far end has asked for.
#[derive(Clone, Eq, PartialEq)]
pub struct DigestClient {
    user: String,
    password: String,
    known: Vec<KnownChallenge>,
}

/// What a realm has asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownChallenge {
    /// By which header it is answered.
    pub answers: HeaderName,
    /// The challenge.
    pub challenge: Challenge,
    /// How often its nonce was used.
    pub count: u32,
}

/// Which challenges a request has answered, over all the times that it was sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AnsweredChallenges(Vec<(HeaderName, String)>);

impl AnsweredChallenges {
    /// Those of these headers and realms.
    #[must_use]
    pub fn of(all: Vec<(HeaderName, String)>) -> Self {
        Self(all)
    }

    /// By which header each was answered, and in which realm.
    #[must_use]
    pub fn all(&self) -> &[(HeaderName, String)] {
        &self.0
    }
}

impl DigestClient {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(user: String, password: String) -> Self {
        Self { user, password, known: Vec::new() }
    }

    /// Puts the answers to all challenges that are known onto `request`, in place of those that it has.
    pub fn authorise(&mut self, request: &mut Request, random: &mut Random) {
        for header in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            request.headers.remove(&header);
        }
        let protected = (request.method.as_str().to_owned(), request.uri.as_str().to_owned());
        let protected = Protected { method: &protected.0, uri: &protected.1 };
        for known in &mut self.known {
            known.count += 1;
            let cnonce = random.hex(16);
            let login = DigestLogin { user: &self.user, password: &self.password };
            let chance = Chance { cnonce: &cnonce, count: known.count };
            let credentials = known.challenge.answer(&login, &protected, &chance);
            request.headers.push(known.answers.clone(), credentials);
        }
    }

    /// What the far end has asked for so far; no password is in it.
    #[must_use]
    pub fn known(&self) -> &[KnownChallenge] {
        &self.known
    }

    /// Goes on with what the far end had asked for before.
    pub fn resume(&mut self, known: Vec<KnownChallenge>) {
        self.known = known;
        self.known.truncate(REALMS_MAX);
    }

    /// Another far end is asked from now on: what this one wanted is forgotten.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Takes in the challenges that `response` to `request` has, those in `realms` of the far end; true when
    /// it is worth asking again, by [`authorise`](Self::authorise).
    pub fn learn(
        &mut self,
        request: &Request,
        response: &Response,
        answered: &mut AnsweredChallenges,
        realms: &mut Realms,
    ) -> bool {
        let (asks, answers) = match response.status {
            StatusCode::UNAUTHORIZED => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization)
            }
            _ => return false,
        };
        let asker = match (&request.method, response.status) {
            (&Method::REGISTER, _) => Challenger::Registrar,
            (_, StatusCode::UNAUTHORIZED) => Challenger::Callee,
            _ => Challenger::Proxy,
        };
        let challenges = Challenge::strongest_of_each(response.headers.all(asks));
        let mut is_worth_it = false;
        for challenge in challenges.into_iter().take(REALMS_MAX) {
            let realm = (answers.clone(), challenge.realm.clone());
            // Refused with this nonce, and not for its age: so are name and password.
            let is_refused = !challenge.stale && has_answered(request, &answers, &challenge);
            let is_repeated = !challenge.stale && answered.0.contains(&realm);
            self.known
                .retain(|known| (&known.answers, &known.challenge.realm) != (&realm.0, &realm.1));
            if is_refused
                || is_repeated
                || answered.0.len() == ANSWERED_MAX
                || !realms.admit(&challenge, asker)
            {
                continue;
            }
            if self.known.len() == REALMS_MAX {
                self.known.remove(0);
            }
            answered.0.push(realm);
            self.known.push(KnownChallenge { answers: answers.clone(), challenge, count: 0 });
            is_worth_it = true;
        }
        is_worth_it
    }
}

fn has_answered(request: &Request, answers: &HeaderName, challenge: &Challenge) -> bool {
    request.headers.all(answers.clone()).any(|value| {
        let credentials = Credentials::parse(value).ok().flatten();
        credentials.is_some_and(|c| c.realm == challenge.realm && c.nonce == challenge.nonce)
    })
}

/// Without the password and what follows from it.
impl fmt::Debug for DigestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DigestClient {{ user: {:?} }}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::digest::Algorithm;
    use crate::sip::{Method, Uri};

    fn request() -> Request {
        Request::new(Method::REGISTER, Uri::parse("sip:carrier.example").unwrap())
    }

    fn challenged(request: &Request, status: u16, challenges: &[&str]) -> Response {
        let mut response = request.response(StatusCode::new(status).unwrap());
        let header = match status {
            401 => HeaderName::WwwAuthenticate,
            _ => HeaderName::ProxyAuthenticate,
        };
        for challenge in challenges {
            response.headers.push(header.clone(), challenge);
        }
        response
    }

    /// Realm, nonce, algorithm and count of all answers.
    fn answers(request: &Request) -> Vec<String> {
        let both = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
        let values = both.into_iter().flat_map(|header| request.headers.all(header));
        let words = values.map(|value| {
            let c = Credentials::parse(value).unwrap().unwrap();
            let count = c.auth.map_or(0, |auth| auth.count);
            format!("{} {} {} {count}", c.realm, c.nonce, c.algorithm.as_str())
        });
        words.collect()
    }

    fn client() -> (DigestClient, Random) {
        (DigestClient::new("us".into(), "secret".into()), Random::from_number(1))
    }

    #[test]
    fn a_nonce_is_used_again_and_counted_until_it_is_stale() {
        let (mut client, mut random) = client();
        let mut request = request();
        client.authorise(&mut request, &mut random);
        assert!(answers(&request).is_empty());
        let both = [
            "Digest realm=\"r\", nonce=\"1\", algorithm=MD5, qop=\"auth\"",
            "Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"",
        ];
        let response = challenged(&request, 401, &both);
        assert!(client.learn(
            &request,
            &response,
            &mut AnsweredChallenges::default(),
            &mut Realms::default()
        ));
        for count in 1..3 {
            client.authorise(&mut request, &mut random);
            assert_eq!(answers(&request), [format!("r 1 SHA-256 {count}")]);
        }
        let stale = "Digest realm=\"r\", nonce=\"2\", algorithm=MD5, qop=\"auth\", stale=true";
        let mut answered = AnsweredChallenges::default();
        assert!(client.learn(
            &request,
            &challenged(&request, 401, &[stale]),
            &mut answered,
            &mut Realms::default()
        ));
        client.authorise(&mut request, &mut random);
        assert_eq!(answers(&request), ["r 2 MD5 1"]);
        let credentials = request.headers.get(HeaderName::Authorization).unwrap();
        let credentials = Credentials::parse(credentials).unwrap().unwrap();
        let ha1 = crate::sip::digest::ha1("us", "r", "secret", Algorithm::Md5);
        assert!(credentials.verify(&ha1, "REGISTER"));
    }

    #[test]
    fn a_new_nonce_without_a_word_of_age_is_answered_once() {
        let (mut client, mut random) = client();
        let mut request = request();
        let mut answered = AnsweredChallenges::default();
        for (nonce, is_worth_it) in [("1", true), ("2", false)] {
            let challenge = format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
            let response = challenged(&request, 401, &[&challenge]);
            assert_eq!(
                client.learn(&request, &response, &mut answered, &mut Realms::default()),
                is_worth_it,
                "{nonce}"
            );
            client.authorise(&mut request, &mut random);
        }
        assert!(answers(&request).is_empty(), "a wrong password is not said again unasked");
        // The next request may find another mood.
        let response = challenged(&request, 401, &["Digest realm=\"r\", nonce=\"3\""]);
        assert!(client.learn(
            &request,
            &response,
            &mut AnsweredChallenges::default(),
            &mut Realms::default()
        ));
        client.authorise(&mut request, &mut random);
        assert_eq!(answers(&request), ["r 3 MD5 0"], "the old form has no count");
        // The same nonce again: it was no good.
        assert!(!client.learn(
            &request,
            &response,
            &mut AnsweredChallenges::default(),
            &mut Realms::default()
        ));
    }

    #[test]
    fn proxies_and_the_far_end_are_answered_each() {
        let (mut client, mut random) = client();
        let (mut request, mut answered) = (request(), AnsweredChallenges::default());
        for (status, realm) in [(407, "edge"), (401, "home"), (407, "core")] {
            let challenge = format!("Digest realm=\"{realm}\", nonce=\"1\", qop=\"auth\"");
            let response = challenged(&request, status, &[&challenge]);
            assert!(
                client.learn(&request, &response, &mut answered, &mut Realms::default()),
                "{realm}"
            );
            client.authorise(&mut request, &mut random);
        }
        assert_eq!(
            answers(&request),
            ["home 1 MD5 2", "edge 1 MD5 3", "core 1 MD5 1"].map(String::from)
        );
    }

    #[test]
    fn nobody_is_answered_for_ever() {
        let (mut client, mut random) = client();
        let (mut request, mut answered) = (request(), AnsweredChallenges::default());
        let mut count = 0;
        loop {
            // Stale each time, or another realm each time.
            let challenge =
                format!("Digest realm=\"r{}\", nonce=\"{count}\", stale=true", count / 2);
            let response = challenged(&request, 401, &[&challenge]);
            if !client.learn(&request, &response, &mut answered, &mut Realms::default()) {
                break;
            }
            client.authorise(&mut request, &mut random);
            count += 1;
        }
        assert_eq!(count, ANSWERED_MAX);
        for garbage in
            ["", "Digest", "Basic realm=\"x\"", "Digest realm=\"r\", nonce=\"1\", algorithm=SHA-1"]
        {
            let response = challenged(&request, 401, &[garbage]);
            assert!(
                !client.learn(
                    &request,
                    &response,
                    &mut AnsweredChallenges::default(),
                    &mut Realms::default()
                ),
                "{garbage}"
            );
        }
    }

    #[test]
    fn a_callee_that_asks_in_a_realm_of_its_own_learns_nothing() {
        let (mut client, mut random) = client();
        let mut realms = Realms::default();
        let mut request =
            Request::new(Method::INVITE, Uri::parse("sip:1@carrier.example").unwrap());
        for (status, realm, is_worth_it) in
            [(407, "carrier", true), (401, "evil", false), (401, "carrier", true)]
        {
            let challenge = format!("Digest realm=\"{realm}\", nonce=\"1\", qop=\"auth\"");
            let response = challenged(&request, status, &[&challenge]);
            let answered = &mut AnsweredChallenges::default();
            let learnt = client.learn(&request, &response, answered, &mut realms);
            assert_eq!(learnt, is_worth_it, "{status} {realm}");
            client.authorise(&mut request, &mut random);
            assert!(!answers(&request).iter().any(|answer| answer.contains("evil")));
        }
    }

    #[test]
    fn the_newest_realms_are_known_until_the_server_changes() {
        let (mut client, mut random) = client();
        let mut request = request();
        for realm in 0..=REALMS_MAX {
            let challenge = format!("Digest realm=\"r{realm}\", nonce=\"1\", qop=\"auth\"");
            let response = challenged(&request, 401, &[&challenge]);
            let answered = &mut AnsweredChallenges::default();
            assert!(client.learn(&request, &response, answered, &mut Realms::default()), "{realm}");
        }
        client.authorise(&mut request, &mut random);
        assert_eq!(
            answers(&request),
            ["r1 1 MD5 1", "r2 1 MD5 1", "r3 1 MD5 1", "r4 1 MD5 1"].map(String::from)
        );
        client.forget();
        client.authorise(&mut request, &mut random);
        assert!(answers(&request).is_empty());
    }
}
