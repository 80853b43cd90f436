//! Who sends a request: digest authentication (RFC 7616 with RFC 8760), for all methods alike.
//!
//! ```text
//!   by a connection that a page's session names ─▶ its operator, or that operator's phone; else 403
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
use crate::directory::{Account, DESK, Directory, NAME_MAX, NumberingPlan, PASSWORD_MAX, Secret};
use crate::ids::{ConnectionId, Number, OperatorId};
use crate::random::Random;
use crate::sip::digest::{self, Algorithm, Challenge, Credentials, Qop};
use crate::sip::{Flow, HeaderName, Host, Method, Request, Response, SipFault, StatusCode, Uri};
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;
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
    /// 403: a page's connection speaks for its operator, and for nobody else.
    OthersName,
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
            Self::OthersName => {
                request.response(StatusCode::FORBIDDEN).with_reason("Not Your Name")
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
    /// The connections that a page's session names (RFC 7118 §7), and whose they are.
    named: BTreeMap<ConnectionId, OperatorId>,
}

/// A password as it was typed into a page.
#[derive(Clone, Copy)]
pub struct TypedPassword<'a> {
    /// For this account.
    pub user: &'a str,
    /// The password itself.
    pub password: &'a str,
    /// As a message of SIP would come from there.
    pub flow: Flow,
}

/// What a typed password is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PasswordVerdict {
    /// This operator's.
    Right(OperatorId),
    /// Not that of an operator of this name.
    Wrong,
    /// Nobody has looked at it: too many wrong ones came from there.
    Limited {
        /// When the next is looked at.
        retry_after: Duration,
    },
}

impl Authenticator {
    pub fn new(order: DigestOrder, random: Random) -> Self {
        let (attempts, wrong) = (Attempts::default(), WrongPasswords::default());
        let preferences = Preferences::new(order);
        let nonces = Nonces::new(random);
        Self { nonces, attempts, wrong, preferences, named: BTreeMap::new() }
    }

    /// Who sends `request`.
    pub fn check(
        &mut self,
        now: Instant,
        directory: &Directory,
        flow: Flow,
        request: &Request,
    ) -> AuthVerdict {
        if let Some(operator) = self.named.get(&flow.connection) {
            return named_account(directory, operator, flow, request);
        }
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

    /// Whether a password is an operator's; a wrong one counts as one of digest does.
    pub fn judge_password(
        &mut self,
        now: Instant,
        directory: &Directory,
        typed: TypedPassword<'_>,
    ) -> PasswordVerdict {
        let TypedPassword { user, password, flow } = typed;
        if let Some(retry_after) = self.attempts.barred(now, flow.remote, user) {
            return PasswordVerdict::Limited { retry_after };
        }
        let account = match directory.account(user) {
            Some(Account::Operator(operator)) => Some(operator),
            Some(Account::Terminal(_)) | None => None,
        };
        let secret = account.and_then(|operator| operator.secret.as_ref());
        let realm = directory.plan().realm.as_str();
        // An account that is not there takes as long as one that is.
        let is_right = matches_secret(secret, user, realm, password);
        match account.filter(|_| is_right) {
            Some(operator) => {
                // A browser's next connection has another port: it is near there, and pushes no phone out.
                self.attempts.proved(SocketAddr::new(flow.remote.ip(), 0), user);
                PasswordVerdict::Right(operator.name.clone())
            }
            None => {
                self.attempts.failed(now, flow.remote, user);
                self.wrong.note(now, flow, user);
                PasswordVerdict::Wrong
            }
        }
    }

    /// From now on a connection is this operator's: what comes by it is not challenged.
    pub fn name_connection(&mut self, connection: ConnectionId, operator: OperatorId) {
        self.named.insert(connection, operator);
    }

    /// The connection is closed, or the session over.
    pub fn forget_connection(&mut self, connection: ConnectionId) {
        self.named.remove(&connection);
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

/// Who speaks by a connection that is this operator's: the operator itself, or one of the phones that it may use; with
/// `desk` in any case the operator.
fn named_account(
    directory: &Directory,
    operator: &OperatorId,
    flow: Flow,
    request: &Request,
) -> AuthVerdict {
    let refused = AuthVerdict::Refused(AuthRefusal::OthersName);
    let claimed = match request.method == Method::REGISTER {
        true => request.headers.to(),
        false => request.headers.from(),
    };
    let (Ok(claimed), Some(operator)) = (claimed, directory.operator(operator)) else {
        return refused;
    };
    let reached = Host::from(flow.local.ip());
    let is_here = |host: Host<'_>| host.matches(reached) || directory.plan().is_ours(host);
    if !claimed.uri.host().is_some_and(is_here) {
        return refused;
    }
    let is_operator = claimed.uri.user().as_deref() == Some(operator.name.as_str());
    let phone = directory.number_in(&claimed.uri).filter(|number| operator.may_use(number));
    let is_to_desk = directory.number_in(&request.uri).is_some_and(|to| to.as_str() == DESK);
    match phone {
        _ if is_operator => AuthVerdict::Operator(operator.name.clone()),
        Some(_) if is_to_desk => AuthVerdict::Operator(operator.name.clone()),
        Some(phone) => AuthVerdict::Terminal(phone),
        None => refused,
    }
}

/// Whether this is the password that the secret was made from; takes the same time wherever the first difference is.
fn matches_secret(secret: Option<&Secret>, user: &str, realm: &str, password: &str) -> bool {
    let known = |algorithm| secret.and_then(|secret| secret.ha1(algorithm));
    // Imported with the hash of one algorithm only.
    let algorithm = match known(Algorithm::Sha256) {
        None if known(Algorithm::Md5).is_some() => Algorithm::Md5,
        Some(_) | None => Algorithm::Sha256,
    };
    if password.is_empty() || password.len() > PASSWORD_MAX {
        return false;
    }
    let given = digest::ha1(user, realm, password, algorithm);
    let kept = known(algorithm).unwrap_or_default();
    let differences = given.bytes().zip(kept.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == kept.len() && differences == 0
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
