//! Who sends a request: digest authentication (RFC 7616 with RFC 8760), for all methods alike.
//!
//! ```text
//!   no credentials of our realm ──────────────▶ challenge
//!   hashed for another URI ───────────────────▶ 400
//!   nonce unknown, old or of another address ─▶ challenge, stale   (the password is not looked at)
//!   too many guesses of late ─────────────────▶ 503
//!   response wrong, or no such account ───────▶ challenge, one guess more
//!   count used before ────────────────────────▶ challenge, stale
//!   else the account
//! ```

use super::attempts::Attempts;
use super::binding::Binding;
use super::nonces::Nonces;
use super::preferences::{DigestOrder, Preferences};
use super::wrong_passwords::{WrongPassword, WrongPasswords};
use crate::directory::{Account, Directory, NAME_MAX, NumberingPlan};
use crate::ids::{Number, OperatorId};
use crate::random::Random;
use crate::sip::digest::{Algorithm, Challenge, Credentials, Qop};
use crate::sip::{Flow, HeaderName, Host, Request, Response, SipFault, StatusCode, Uri};
use crate::time::{Duration, Instant};
use std::net::{IpAddr, SocketAddr};

/// For so long it is remembered by which algorithm a phone proves itself: it registers again before the
/// longest registration ends.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// What is known of the sender of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuthVerdict {
    /// It is this terminal.
    Terminal(Number),
    /// It is this operator's desk.
    Operator(OperatorId),
    /// It has not proved who it is.
    Refused(AuthRefusal),
}

/// Why a request is not believed, with all that the answer needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuthRefusal {
    /// 401: it has to prove itself.
    Challenge {
        /// One value per WWW-Authenticate header, the preferred first.
        challenges: Vec<String>,
        /// For the log.
        why: Challenged,
    },
    /// 400: the credentials cannot be read, or are for another request.
    BadCredentials,
    /// 503: too many wrong passwords from there.
    Limited {
        /// When the next attempt is looked at.
        retry_after: Duration,
    },
}

/// Why a request is challenged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Challenged {
    /// It carries no credentials for us, as every first request.
    NoCredentials,
    /// The nonce is old, or its count was used before.
    Stale,
    /// The password is wrong, or there is no such account.
    Wrong {
        /// The account it claims, at most 32 characters.
        account: String,
    },
}

impl AuthRefusal {
    /// The response that says so; its To tag is the caller's affair.
    #[must_use]
    pub fn response(&self, request: &Request) -> Response {
        match self {
            Self::Challenge { challenges, .. } => {
                let mut response = request.response(StatusCode::UNAUTHORIZED);
                for challenge in challenges {
                    response.headers.push(HeaderName::WwwAuthenticate, challenge);
                }
                response
            }
            Self::BadCredentials => {
                request.response(StatusCode::BAD_REQUEST).with_reason("Bad Authorization")
            }
            Self::Limited { retry_after } => {
                let mut response = request.response(StatusCode::SERVICE_UNAVAILABLE);
                // Rounded up: who comes back at that second is let in.
                let secs = retry_after.as_secs() + 1;
                response.headers.push(HeaderName::RetryAfter, secs);
                response.with_reason("Too many wrong passwords")
            }
        }
    }
}

/// The one place where passwords are proved, for phones and desks.
#[derive(Debug)]
pub(super) struct Authenticator {
    nonces: Nonces,
    attempts: Attempts,
    wrong: WrongPasswords,
    preferences: Preferences,
}

impl Authenticator {
    pub fn new(order: DigestOrder, random: Random) -> Self {
        let (attempts, wrong) = (Attempts::default(), WrongPasswords::default());
        let preferences = Preferences::new(order);
        Self { nonces: Nonces::new(random), attempts, wrong, preferences }
    }

    /// Who sends `request`.
    pub fn check(
        &mut self,
        now: Instant,
        directory: &Directory,
        flow: Flow,
        request: &Request,
    ) -> AuthVerdict {
        let realm = directory.plan().realm.as_str();
        let source = flow.remote.ip();
        let credentials = match credentials_for(realm, request) {
            Ok(Some(credentials)) => credentials,
            Ok(None) => {
                let offered = self.preferences.unanswered(now, flow, request);
                let why = Challenged::NoCredentials;
                return self.challenge(now, realm, source, offered, why);
            }
            Err(BadCredentials) => return AuthVerdict::Refused(AuthRefusal::BadCredentials),
        };
        let offered = self.preferences.answered_before(flow, request);
        if !is_for(&credentials.uri, request, directory.plan(), flow) {
            return AuthVerdict::Refused(AuthRefusal::BadCredentials);
        }
        // The password is looked at only when the nonce is ours and was given to this address.
        // Else who cannot see our answers could bar a phone by failing in its name, and who can
        // would learn from `stale`, uncounted, whether a guess was right.
        let Ok(nonce) = self.nonces.read(now, &credentials.nonce, source) else {
            return self.challenge(now, realm, source, offered, Challenged::Stale);
        };
        if let Some(retry_after) = self.attempts.barred(now, flow.remote, &credentials.user) {
            return AuthVerdict::Refused(AuthRefusal::Limited { retry_after });
        }
        let account = directory.account(&credentials.user);
        let secret = account.and_then(Account::secret);
        let ha1 = secret.and_then(|secret| secret.ha1(credentials.algorithm));
        if let (Some(secret), None) = (secret, ha1) {
            // Imported with the hash of one algorithm only: ask for that one.
            let known: Vec<_> =
                Algorithm::OFFERED.into_iter().filter(|a| secret.ha1(*a).is_some()).collect();
            return self.challenge(now, realm, source, &known, Challenged::NoCredentials);
        }
        // An account that is not there takes as long as one that is.
        let right = credentials.verify(ha1.unwrap_or(""), request.method.as_str());
        let (Some(account), true) = (account, right && ha1.is_some()) else {
            self.attempts.failed(now, flow.remote, &credentials.user);
            self.wrong.note(now, flow, &credentials.user);
            let account = credentials.user.chars().take(NAME_MAX).collect();
            let why = Challenged::Wrong { account };
            return self.challenge(now, realm, source, offered, why);
        };
        let count = credentials.auth.as_ref().map(|auth| auth.count);
        if self.nonces.spend(now, nonce, count).is_err() {
            return self.challenge(now, realm, source, offered, Challenged::Stale);
        }
        self.attempts.proved(flow.remote, &credentials.user);
        self.preferences.right(flow, request, credentials.algorithm, now + REMEMBERED);
        match account {
            Account::Terminal(terminal) => AuthVerdict::Terminal(terminal.number.clone()),
            Account::Operator(operator) => AuthVerdict::Operator(operator.name.clone()),
        }
    }

    /// An account was at this address when the last process ended.
    pub fn was_at(&mut self, remote: SocketAddr, account: &str) {
        self.attempts.proved(remote, account);
    }

    /// Whether the sender of a request has proved itself after it was asked for MD5 alone.
    pub fn knows_md5_alone(&self, flow: Flow, request: &Request) -> bool {
        self.preferences.is_md5_alone(flow, request)
    }

    /// A phone was at the other end of this flow when the last process ended that knew MD5 alone.
    pub fn knew_md5_alone(&mut self, now: Instant, flow: Flow, phone: &Binding) {
        let (number, user_agent) = (phone.number.as_str(), phone.user_agent.as_str());
        self.preferences.restore(flow, number, user_agent, now + REMEMBERED);
    }

    /// An account is gone.
    pub fn removed(&mut self, account: &str) {
        self.attempts.removed(account);
    }

    /// What the log is to hear of wrong passwords.
    pub fn wrong_passwords(&mut self) -> Vec<WrongPassword> {
        self.wrong.take()
    }

    /// When [`tick`](Self::tick) has something to say.
    pub fn deadline(&self) -> Option<Instant> {
        self.wrong.deadline()
    }

    /// Counts what is to be said of floods.
    pub fn tick(&mut self, now: Instant) {
        self.wrong.tick(now);
    }

    fn challenge(
        &mut self,
        now: Instant,
        realm: &str,
        source: IpAddr,
        algorithms: &[Algorithm],
        why: Challenged,
    ) -> AuthVerdict {
        let nonce = self.nonces.mint(now, source);
        let challenge = |algorithm: &Algorithm| Challenge {
            realm: realm.to_owned(),
            nonce: nonce.clone(),
            opaque: None,
            algorithm: *algorithm,
            qop: Qop::Auth,
            stale: why == Challenged::Stale,
        };
        let challenges = algorithms.iter().map(challenge).map(|c| c.to_string()).collect();
        AuthVerdict::Refused(AuthRefusal::Challenge { challenges, why })
    }
}

/// Whether credentials that were hashed for `uri` are for this request (RFC 7616 §3.4.6). Proxies rewrite
/// the host of a Request-URI, so the same user at us, or at the host that the request names, is as
/// good. So is such a host without a user, because some clients hash nothing but the server that
/// they speak to; method and count bind them still.
fn is_for(uri: &str, request: &Request, plan: &NumberingPlan, flow: Flow) -> bool {
    if uri == request.uri.as_str() {
        return true;
    }
    let Ok(hashed) = Uri::parse(uri) else { return false };
    let reached = Host::from(flow.local.ip());
    let is_here = |host: Host<'_>| {
        let named = request.uri.host().is_some_and(|named| named.matches(host));
        named || host.matches(reached) || plan.is_ours(host)
    };
    let same_user = hashed.user().is_none() || hashed.user() == request.uri.user();
    same_user && hashed.host().is_some_and(is_here)
}

/// The credentials cannot be read.
struct BadCredentials;

/// The credentials that `request` carries for `realm`; those for others, and those hashed as we did
/// not ask for, count as none.
fn credentials_for(realm: &str, request: &Request) -> Result<Option<Credentials>, BadCredentials> {
    for value in request.headers.all(HeaderName::Authorization) {
        match Credentials::parse(value) {
            Ok(Some(credentials)) if credentials.realm == realm => return Ok(Some(credentials)),
            Ok(_) => {}
            Err(error) if error.what == SipFault::DigestAlgorithm => {}
            Err(_) => return Err(BadCredentials),
        }
    }
    Ok(None)
}
