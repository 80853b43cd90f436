//! One registration for each trunk that wants it.
//!
//! ```text
//!            due                          2xx
//!   Waiting ─────▶ Asked ──────────────────────────────▶ Waiting, until a fifth of the time is left
//!      ▲             │ ▲ 401, 407, 423: again, as it is asked for
//!      │             │ └ no answer, 5xx: the next of its servers
//!      └─────────────┘ refused, or no server is left: after a pause, longer each time,
//!                      or as soon as the DNS says where an unreachable one is
//!
//!   the process stops, and a carrier knows us ──▶ Asked to forget us ── any answer, or none ──▶ Ended
//! ```

use crate::directory::TrunkLogin;
use crate::random::Random;
use crate::sip::{
    AnsweredChallenges, Contacts, Destination, DigestClient, HeaderName, Host, MAX_FORWARDS,
    Method, NameAddr, OwnAddresses, Realms, Request, Response, Scheme, StatusCode, Transport, Uri,
};
use crate::time::{Duration, Instant, earliest};
use std::collections::VecDeque;
use std::fmt;

/// For so many seconds we ask: short enough for a NAT on the way to be opened again.
pub const WANTED: u32 = 600;
/// The most that a carrier may want us to ask for.
const WANTED_MAX: u32 = 86_400;
/// The shortest pause between two registrations.
const PAUSE_MIN: Duration = Duration::from_secs(10);
/// After the first failure it is tried again after so long, then twice as long.
pub const RETRY_MIN: Duration = Duration::from_secs(30);
/// And never later than this.
pub const RETRY_MAX: Duration = Duration::from_secs(900);
/// A carrier's Retry-After holds for no longer.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// How often in one round a carrier may want us to ask for longer.
const RAISES_MAX: u32 = 2;
/// Client transactions from this number on are this room's.
pub const TRANSACTIONS: u64 = 1 << 63;
/// The most servers that one round tries.
const SERVERS_MAX: usize = 16;

/// As whom to register where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrunkAccount {
    /// The trunk, for people.
    pub trunk: String,
    /// Its domain: a name or an address, with a port where one is given.
    pub domain: String,
    /// As whom it knows us.
    pub login: TrunkLogin,
    /// In which realms the password may be proved, as far as is configured.
    pub realms: Realms,
}

/// How a registration stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RegistrationState {
    /// The first answer has not come yet.
    Trying,
    /// The carrier knows where we are.
    Registered,
    /// It does not want to: the status of its answer.
    Refused(u16),
    /// It does not answer, or nobody knows where it is.
    Unreachable,
    /// It has forgotten us, as we have asked it to.
    Ended,
}

/// For people.
impl fmt::Display for RegistrationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trying => f.write_str("trying"),
            Self::Registered => f.write_str("registered"),
            Self::Refused(status) => write!(f, "refused with {status}"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

/// What is wanted done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Send this in a transaction of this number.
    Request {
        /// From [`TRANSACTIONS`] on.
        transaction: u64,
        /// Where.
        to: Destination,
        /// What.
        request: Request,
    },
    /// It has asked for the password in realms that it had not named before: they are its own.
    Named {
        /// Whose.
        trunk: String,
        /// All of its realms.
        realms: Realms,
    },
    /// It stands otherwise than before.
    Changed {
        /// Whose.
        trunk: String,
        /// How.
        state: RegistrationState,
    },
}

/// What is known of the world at the moment.
pub struct RegistrationContext<'a> {
    /// Our own addresses.
    pub own: &'a OwnAddresses,
    /// The servers of a trunk, the first to be tried first.
    pub servers: &'a dyn Fn(&str) -> Vec<Destination>,
}

/// All registrations.
#[derive(Debug)]
pub struct Machine {
    random: Random,
    last: u64,
    all: Vec<TrunkRegistration>,
    user_agent: String,
    /// The process stops: whoever knows us is to forget us.
    ending: bool,
}

#[derive(Debug)]
struct TrunkRegistration {
    account: TrunkAccount,
    /// `sip:` and the domain; the name at the domain.
    registrar: Uri,
    address: Uri,
    digest: DigestClient,
    realms: Realms,
    call_id: String,
    tag: String,
    seq: u32,
    wanted: u32,
    state: RegistrationState,
    /// How often in a row it has failed.
    failures: u32,
    /// How often in this round it has wanted us to ask for longer.
    raises: u32,
    /// Whom the digest knows.
    server: Option<Destination>,
    /// Who knows where we are, and until when.
    held: Option<(Destination, Instant)>,
    phase: RegisterPhase,
}

#[derive(Debug)]
enum RegisterPhase {
    Waiting {
        until: Instant,
    },
    Asked {
        transaction: u64,
        to: Destination,
        request: Box<Request>,
        answered: AnsweredChallenges,
        rest: VecDeque<Destination>,
    },
    Ended,
}

impl Machine {
    /// Nobody was asked yet. An account whose domain is none is left out.
    #[must_use]
    pub fn new(
        now: Instant,
        accounts: Vec<TrunkAccount>,
        user_agent: String,
        mut random: Random,
    ) -> Self {
        let registration = |account: TrunkAccount| {
            let registrar = Uri::parse(&format!("sip:{}", account.domain)).ok()?;
            let host = registrar.host()?.to_string();
            let address = Uri::sip(Some(&account.login.user), Host::parse(&host).ok()?, None);
            let TrunkLogin { user, password, .. } = account.login.clone();
            let digest = DigestClient::new(user, password);
            let realms = account.realms.clone();
            let (call_id, tag) = (random.hex(32), random.hex(16));
            let (state, phase) = (RegistrationState::Trying, RegisterPhase::Waiting { until: now });
            let (seq, wanted, failures) = (0, WANTED, 0);
            Some(TrunkRegistration {
                account,
                registrar,
                address,
                digest,
                realms,
                call_id,
                tag,
                seq,
                wanted,
                state,
                failures,
                raises: 0,
                server: None,
                held: None,
                phase,
            })
        };
        let all = accounts.into_iter().filter_map(registration).collect();
        Self { random, last: TRANSACTIONS, all, user_agent, ending: false }
    }

    /// How each stands, by trunk.
    pub fn states(&self) -> impl Iterator<Item = (&str, RegistrationState)> {
        self.all.iter().map(|one| (one.account.trunk.as_str(), one.state))
    }

    /// When [`tick`](Self::tick) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let due = self.all.iter().map(|one| match one.phase {
            RegisterPhase::Waiting { until } => Some(until),
            RegisterPhase::Asked { .. } | RegisterPhase::Ended => None,
        });
        due.fold(None, earliest)
    }

    /// Whether no answer is awaited.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.all.iter().all(|one| match one.phase {
            RegisterPhase::Waiting { .. } | RegisterPhase::Ended => true,
            RegisterPhase::Asked { .. } => false,
        })
    }

    /// Ends all registrations: the process is about to stop, and nobody would answer at our contact. Where an
    /// answer is awaited it follows that (RFC 3261 §10.2: one request at a time).
    #[must_use]
    pub fn end(&mut self, now: Instant, world: &RegistrationContext<'_>) -> Vec<Effect> {
        let mut out = Vec::new();
        self.ending = true;
        for at in 0..self.all.len() {
            match self.all[at].phase {
                RegisterPhase::Waiting { .. } => {
                    self.leave(now, at, AnsweredChallenges::default(), world, &mut out)
                }
                RegisterPhase::Asked { .. } | RegisterPhase::Ended => {}
            }
        }
        out
    }

    /// Asks whoever knows us to forget us.
    fn leave(
        &mut self,
        now: Instant,
        at: usize,
        answered: AnsweredChallenges,
        world: &RegistrationContext<'_>,
        out: &mut Vec<Effect>,
    ) {
        match self.all[at].held {
            Some((to, until)) if now < until => {
                self.ask(at, to, answered, VecDeque::new(), world, out);
            }
            Some(_) | None => self.all[at].phase = RegisterPhase::Ended,
        }
    }

    /// Registers whoever is due.
    #[must_use]
    pub fn tick(&mut self, now: Instant, world: &RegistrationContext<'_>) -> Vec<Effect> {
        let mut out = Vec::new();
        for at in 0..self.all.len() {
            if matches!(self.all[at].phase, RegisterPhase::Waiting { until } if until <= now) {
                let servers = (world.servers)(&self.all[at].account.trunk);
                let servers: VecDeque<_> = servers.into_iter().take(SERVERS_MAX).collect();
                self.all[at].raises = 0;
                if servers.is_empty() {
                    out.extend(self.all[at].has_no_server(now));
                    continue;
                }
                self.next_server(now, at, servers, None, world, &mut out);
            }
        }
        out
    }

    /// The DNS has said where the servers of a trunk are now, or that nobody knows.
    #[must_use]
    pub fn located(
        &mut self,
        now: Instant,
        trunk: &str,
        world: &RegistrationContext<'_>,
    ) -> Vec<Effect> {
        let mut all = self.all.iter_mut();
        let Some(one) = all.find(|one| one.account.trunk == trunk) else { return vec![] };
        match (&one.phase, one.state) {
            (
                RegisterPhase::Waiting { .. },
                RegistrationState::Trying | RegistrationState::Unreachable,
            ) => {}
            (RegisterPhase::Asked { .. } | RegisterPhase::Ended, _)
            | (
                RegisterPhase::Waiting { .. },
                RegistrationState::Registered
                | RegistrationState::Refused(_)
                | RegistrationState::Ended,
            ) => {
                return vec![];
            }
        }
        if (world.servers)(trunk).is_empty() {
            return one.change(RegistrationState::Unreachable).into_iter().collect();
        }
        one.phase = RegisterPhase::Waiting { until: now };
        vec![]
    }

    /// The answer to a request of this room.
    #[must_use]
    pub fn answered(
        &mut self,
        now: Instant,
        transaction: u64,
        response: &Response,
        world: &RegistrationContext<'_>,
    ) -> Vec<Effect> {
        let mut out = Vec::new();
        if !response.status.is_final() {
            return out;
        }
        let Some((at, asked)) = self.take(now, transaction) else { return out };
        let PendingRegister { to, request, mut answered, rest } = asked;
        let one = &mut self.all[at];
        let status = response.status;
        if status.is_success() && self.ending && request.headers.expires() == Ok(Some(0)) {
            (one.held, one.phase) = (None, RegisterPhase::Ended);
            return one.change(RegistrationState::Ended).into_iter().collect();
        }
        if status.is_success() {
            let secs = granted(response, &request).unwrap_or(one.wanted);
            // A carrier that grants no time does not want us.
            if secs == 0 {
                return self.failed(now, at, RegistrationState::Refused(status.as_u16()), None);
            }
            one.failures = 0;
            let granted = Duration::from_secs(u64::from(secs.min(WANTED_MAX)));
            one.held = Some((to, now + granted));
            one.phase = RegisterPhase::Waiting { until: now + (granted * 4 / 5).max(PAUSE_MIN) };
            out.extend(one.change(RegistrationState::Registered));
            if self.ending {
                self.leave(now, at, AnsweredChallenges::default(), world, &mut out);
            }
            return out;
        }
        let again = match status {
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                let before = one.realms.clone();
                let again = one.digest.learn(&request, response, &mut answered, &mut one.realms);
                if one.realms != before {
                    let trunk = one.account.trunk.clone();
                    out.push(Effect::Named { trunk, realms: one.realms.clone() });
                }
                again
            }
            StatusCode::INTERVAL_TOO_BRIEF if !self.ending => {
                let least = response.headers.min_expires().ok().flatten().unwrap_or_default();
                let is_more = one.wanted < least && least <= WANTED_MAX;
                one.wanted = one.wanted.max(least.min(WANTED_MAX));
                one.raises += 1;
                is_more && one.raises <= RAISES_MAX
            }
            _ => false,
        };
        if again && self.ending {
            self.leave(now, at, answered, world, &mut out);
            return out;
        }
        if again {
            self.ask(at, to, answered, rest, world, &mut out);
            return out;
        }
        let pause = response.headers.retry_after().ok().flatten();
        if status.as_u16() / 100 == 5 || status == StatusCode::REQUEST_TIMEOUT {
            let last = (RegistrationState::Refused(status.as_u16()), pause);
            self.next_server(now, at, rest, Some(last), world, &mut out);
            return out;
        }
        out.extend(self.failed(now, at, RegistrationState::Refused(status.as_u16()), pause));
        out
    }

    /// No answer comes to a request of this room.
    #[must_use]
    pub fn unanswered(
        &mut self,
        now: Instant,
        transaction: u64,
        world: &RegistrationContext<'_>,
    ) -> Vec<Effect> {
        let mut out = Vec::new();
        if let Some((at, asked)) = self.take(now, transaction) {
            self.next_server(now, at, asked.rest, None, world, &mut out);
        }
        out
    }

    fn next_server(
        &mut self,
        now: Instant,
        at: usize,
        mut rest: VecDeque<Destination>,
        last: Option<(RegistrationState, Option<u32>)>,
        world: &RegistrationContext<'_>,
        out: &mut Vec<Effect>,
    ) {
        match rest.pop_front().filter(|_| !self.ending) {
            Some(to) => self.ask(at, to, AnsweredChallenges::default(), rest, world, out),
            None => {
                let (state, pause) = last.unwrap_or((RegistrationState::Unreachable, None));
                out.extend(self.failed(now, at, state, pause));
            }
        }
    }

    fn failed(
        &mut self,
        now: Instant,
        at: usize,
        state: RegistrationState,
        pause: Option<u32>,
    ) -> Vec<Effect> {
        let ending = self.ending;
        let one = &mut self.all[at];
        if ending {
            one.phase = RegisterPhase::Ended;
            return vec![];
        }
        let doubled = RETRY_MIN.as_secs() << one.failures.min(5);
        one.failures += 1;
        let wanted = Duration::from_secs(u64::from(pause.unwrap_or_default()));
        let pause = Duration::from_secs(doubled).min(RETRY_MAX).max(wanted.min(RETRY_AFTER_MAX));
        one.phase = RegisterPhase::Waiting { until: now + pause };
        one.change(state).into_iter().collect()
    }

    fn ask(
        &mut self,
        at: usize,
        to: Destination,
        answered: AnsweredChallenges,
        rest: VecDeque<Destination>,
        world: &RegistrationContext<'_>,
        out: &mut Vec<Effect>,
    ) {
        self.last += 1;
        let transaction = self.last;
        let one = &mut self.all[at];
        one.seq += 1;
        if one.server.replace(to) != Some(to) {
            one.digest.forget();
        }
        let wanted = if self.ending { 0 } else { one.wanted };
        let mut request = one.request(world.own, &to, wanted, &self.user_agent);
        one.digest.authorise(&mut request, &mut self.random);
        let kept = Box::new(request.clone());
        one.phase = RegisterPhase::Asked { transaction, to, request: kept, answered, rest };
        out.push(Effect::Request { transaction, to, request });
    }

    fn take(&mut self, now: Instant, transaction: u64) -> Option<(usize, PendingRegister)> {
        let is_it = |one: &TrunkRegistration| match one.phase {
            RegisterPhase::Asked { transaction: asked, .. } => asked == transaction,
            RegisterPhase::Waiting { .. } | RegisterPhase::Ended => false,
        };
        let at = self.all.iter().position(is_it)?;
        let waiting = RegisterPhase::Waiting { until: now + RETRY_MIN };
        match std::mem::replace(&mut self.all[at].phase, waiting) {
            RegisterPhase::Asked { to, request, answered, rest, .. } => {
                Some((at, PendingRegister { to, request, answered, rest }))
            }
            RegisterPhase::Waiting { .. } | RegisterPhase::Ended => None,
        }
    }
}

struct PendingRegister {
    to: Destination,
    request: Box<Request>,
    answered: AnsweredChallenges,
    rest: VecDeque<Destination>,
}

impl TrunkRegistration {
    /// The DNS has not said yet where the carrier is, or says so no more: no failure of the carrier's. What
    /// it says is heard by [`Machine::located`].
    fn has_no_server(&mut self, now: Instant) -> Option<Effect> {
        self.phase = RegisterPhase::Waiting { until: now + RETRY_MIN };
        match self.state {
            RegistrationState::Trying => None,
            RegistrationState::Registered
            | RegistrationState::Refused(_)
            | RegistrationState::Unreachable
            | RegistrationState::Ended => self.change(RegistrationState::Unreachable),
        }
    }

    fn change(&mut self, state: RegistrationState) -> Option<Effect> {
        let is_news = self.state != state;
        self.state = state;
        is_news.then(|| Effect::Changed { trunk: self.account.trunk.clone(), state })
    }

    /// The REGISTER as it goes to this server.
    fn request(
        &self,
        own: &OwnAddresses,
        to: &Destination,
        wanted: u32,
        user_agent: &str,
    ) -> Request {
        let mut request = Request::new(Method::REGISTER, self.registrar.clone());
        let ours = own.socket(to);
        let mut contact =
            Uri::sip(Some(&self.account.login.user), ours.ip().into(), Some(ours.port()));
        if to.transport() != Transport::Udp {
            contact = contact.with_param("transport", Some(to.transport().uri_token()));
        }
        let address = NameAddr::new(self.address.clone());
        let headers = &mut request.headers;
        headers.push(HeaderName::MaxForwards, MAX_FORWARDS);
        headers.push_address(HeaderName::From, &address.clone().with_tag(&self.tag));
        headers.push_address(HeaderName::To, &address);
        headers.push(HeaderName::CallId, &self.call_id);
        headers.push(HeaderName::CSeq, format_args!("{} REGISTER", self.seq));
        headers.push_address(HeaderName::Contact, &NameAddr::new(contact));
        headers.push(HeaderName::Expires, wanted);
        headers.push(HeaderName::UserAgent, user_agent);
        request
    }
}

/// For how many seconds our contact is known: its own parameter, else the header (§10.2.4).
fn granted(response: &Response, request: &Request) -> Option<u32> {
    let ours = request.headers.contact().ok()?.uri;
    let contacts = match response.headers.contacts() {
        Ok(Contacts::List(contacts)) => contacts,
        Ok(Contacts::Star) | Err(_) => Vec::new(),
    };
    let sip = |contact: &&NameAddr| contact.uri.scheme() == Scheme::Sip;
    let mine = contacts.iter().filter(sip).find(|contact| contact.uri.equivalent(&ours));
    // A NAT or a proxy may have rewritten it: where there is one, it is ours.
    let only = contacts.first().filter(|_| contacts.len() == 1);
    let own = mine.or(only).and_then(|contact| contact.params.raw("expires")?.parse().ok());
    own.or_else(|| response.headers.expires().ok().flatten())
}
