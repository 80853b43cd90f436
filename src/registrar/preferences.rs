//! Which algorithm a phone is asked for (RFC 8760 §2.4).
//!
//! ```text
//!   auto:  SHA-256, MD5 ── comes back without an answer that we could use ──▶ MD5 alone
//!             ▲                                                                │
//!             └──────────────── comes back again without one ──────────────────┘
//!   ── a right answer by SHA-256 ──▶ SHA-256, MD5, however it comes back
//! ```
//!
//! A phone ought to take the first challenge that it understands. Some that know MD5 only give up at one in
//! SHA-256, be it first or second, and say nothing of it: they come again without credentials. So what a
//! phone has answered, or not, is remembered for each account, source and User-Agent, a right answer for a
//! day: anybody behind its NAT can ask in the name of a phone, and must not get it a weaker challenge. A copy
//! of a request gets what the request got. Browsers are asked for MD5 alone: nothing in them knows more.

use crate::directory::NAME_MAX;
use crate::sip::digest::Algorithm;
use crate::sip::{Flow, HeaderName, Request, Transport, network};
use crate::text::{USER_AGENT_CHARS_MAX, cut};
use crate::time::{Duration, Fading, Instant};
use std::net::IpAddr;

/// The most phones that are remembered of each kind: those that know SHA-256, and the others. Beyond, those
/// that would be forgotten first give way.
pub const PREFERENCES_MAX: usize = 20_000;
/// For so long it is remembered that a challenge was not answered: phones wait a while before they try again.
pub const UNANSWERED: Duration = Duration::from_secs(1_800);
/// So many requests a phone may have under way that wait for a challenge.
const AT_ONCE: u32 = 4;
/// The characters of a Call-ID by which requests are told apart.
const CALL_ID_CHARS: usize = 32;

/// Which challenges are made, and in which order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DigestOrder {
    /// SHA-256 and MD5; MD5 alone for phones that do not answer that.
    #[default]
    Auto,
    /// MD5 alone.
    Md5,
    /// SHA-256 and MD5.
    Sha256,
}

const BOTH: &[Algorithm] = &Algorithm::OFFERED;
const MD5_ALONE: &[Algorithm] = &[Algorithm::Md5];

/// Its source, its account and what it calls itself.
type PreferenceKey = (IpAddr, String, String);

/// What is known of phones that were challenged.
#[derive(Debug)]
pub(super) struct Preferences {
    order: DigestOrder,
    /// Who has not answered a challenge of both, and what became of that.
    phones: Fading<PreferenceKey, DigestSupport>,
    /// Who has answered by SHA-256.
    proven: Fading<PreferenceKey, ()>,
}

#[derive(Clone, Debug, Default)]
struct DigestSupport {
    shown: ProvenDigest,
    /// Since its last right answer so many requests were challenged in vain.
    in_vain: u32,
    /// The last request that was challenged and has not been answered.
    asked: Option<(String, u32)>,
}

/// What a phone has shown of itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum ProvenDigest {
    /// Nothing: it is asked for both.
    #[default]
    Nothing,
    /// It gave up at both: it is asked for MD5 alone.
    GaveUp,
    /// It has given a right answer to that.
    Md5,
}

impl ProvenDigest {
    fn asks(self) -> &'static [Algorithm] {
        match self {
            Self::Nothing => BOTH,
            Self::GaveUp | Self::Md5 => MD5_ALONE,
        }
    }

    /// After so many requests that were challenged in vain.
    fn after(self, in_vain: u32) -> Self {
        match self {
            Self::Nothing if in_vain > 0 => Self::GaveUp,
            Self::GaveUp if in_vain > 0 => Self::Nothing,
            // It may ask several things at once.
            Self::Md5 if in_vain > AT_ONCE => Self::Nothing,
            Self::Nothing | Self::GaveUp | Self::Md5 => self,
        }
    }
}

impl Preferences {
    pub const fn new(order: DigestOrder) -> Self {
        Self { order, phones: Fading::new(PREFERENCES_MAX), proven: Fading::new(PREFERENCES_MAX) }
    }

    /// What to ask the sender of a request for that brings no credentials that we can use.
    pub fn unanswered(
        &mut self,
        now: Instant,
        flow: Flow,
        request: &Request,
    ) -> &'static [Algorithm] {
        if let Some(fixed) = self.fixed(flow) {
            return fixed;
        }
        let (Some(key), Some(asked)) = (key(flow, request), name(request)) else { return BOTH };
        self.phones.forget(now);
        self.proven.forget(now);
        if self.proven.get(&key).is_some() {
            return BOTH;
        }
        let before = self.phones.get(&key).map(|(end, phone)| (end, phone.clone()));
        let (end, mut phone) = before.unwrap_or((now, DigestSupport::default()));
        if phone.asked.as_ref() != Some(&asked) {
            phone.in_vain += u32::from(phone.asked.is_some());
            let shown = phone.shown.after(phone.in_vain);
            if shown != phone.shown {
                (phone.shown, phone.in_vain) = (shown, 0);
            }
            phone.asked = Some(asked);
            self.phones.put(key, phone.clone(), end.max(now + UNANSWERED));
        }
        phone.shown.asks()
    }

    /// What to ask the sender of a request for whose credentials are too old or wrong.
    pub fn answered_before(&self, flow: Flow, request: &Request) -> &'static [Algorithm] {
        if let Some(fixed) = self.fixed(flow) {
            return fixed;
        }
        self.shown(flow, request).asks()
    }

    /// A right answer by this algorithm, of a phone that will be heard of until then.
    pub fn right(&mut self, flow: Flow, request: &Request, algorithm: Algorithm, until: Instant) {
        if self.order != DigestOrder::Auto || is_browser(flow) {
            return;
        }
        let Some(key) = key(flow, request) else { return };
        match algorithm {
            Algorithm::Sha256 => {
                self.phones.remove(&key);
                self.proven.put(key, (), until);
            }
            Algorithm::Md5 => match self.phones.get(&key).map(|(_, phone)| phone.shown) {
                Some(ProvenDigest::GaveUp | ProvenDigest::Md5) => {
                    let phone =
                        DigestSupport { shown: ProvenDigest::Md5, ..DigestSupport::default() };
                    self.phones.put(key, phone, until);
                }
                // It took MD5 out of both, as it may.
                Some(ProvenDigest::Nothing) | None => {
                    self.phones.remove(&key);
                }
            },
        }
    }

    /// Whether this phone has proved itself when it was asked for MD5 alone.
    pub fn is_md5_alone(&self, flow: Flow, request: &Request) -> bool {
        self.shown(flow, request) == ProvenDigest::Md5
    }

    /// What the journal held of a phone that knows MD5 alone.
    pub fn restore(&mut self, flow: Flow, account: &str, user_agent: &str, until: Instant) {
        if self.order == DigestOrder::Auto {
            let phone = DigestSupport { shown: ProvenDigest::Md5, ..DigestSupport::default() };
            self.phones.put(key_of(flow, account, user_agent), phone, until);
        }
    }

    fn shown(&self, flow: Flow, request: &Request) -> ProvenDigest {
        let phone = key(flow, request).and_then(|key| self.phones.get(&key));
        phone.map(|(_, phone)| phone.shown).unwrap_or_default()
    }

    fn fixed(&self, flow: Flow) -> Option<&'static [Algorithm]> {
        match self.order {
            DigestOrder::Md5 => Some(MD5_ALONE),
            DigestOrder::Sha256 => Some(BOTH),
            // The libraries of browsers keep one challenge of several (JsSIP 3.13.8 the last), and know MD5 alone.
            DigestOrder::Auto => is_browser(flow).then_some(MD5_ALONE),
        }
    }
}

fn is_browser(flow: Flow) -> bool {
    matches!(flow.transport, Transport::Ws | Transport::Wss)
}

/// The account that a request claims, where it comes from, and what the phone calls itself. Whether there is
/// such an account makes no difference: who guesses learns nothing.
fn key(flow: Flow, request: &Request) -> Option<PreferenceKey> {
    let from = request.headers.from().ok()?;
    let account = from.uri.user()?;
    let user_agent = request.headers.get(HeaderName::UserAgent).unwrap_or("");
    Some(key_of(flow, &account, user_agent))
}

fn key_of(flow: Flow, account: &str, user_agent: &str) -> PreferenceKey {
    let (account, user_agent) = (cut(account, NAME_MAX), cut(user_agent, USER_AGENT_CHARS_MAX));
    (network(flow.remote.ip()), account.to_owned(), user_agent.to_owned())
}

/// What tells one request from another, and not from its copy.
fn name(request: &Request) -> Option<(String, u32)> {
    let call_id = request.headers.call_id().ok()?.chars().take(CALL_ID_CHARS).collect();
    Some((call_id, request.headers.cseq().ok()?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;
    use crate::sip::{Method, Uri};

    fn flow() -> Flow {
        let (local, remote) = (([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 7], 5060).into());
        Flow { transport: Transport::Udp, local, remote, connection: ConnectionId(0) }
    }

    fn request(account: &str, user_agent: &str, seq: u32) -> Request {
        let uri = Uri::parse("sip:cordboard.test").expect("it is one");
        let mut request = Request::new(Method::REGISTER, uri);
        for (name, value) in [
            (HeaderName::From, format!("<sip:{account}@cordboard.test>;tag=a")),
            (HeaderName::CallId, "c".into()),
            (HeaderName::CSeq, format!("{seq} REGISTER")),
            (HeaderName::UserAgent, user_agent.into()),
        ] {
            request.headers.push(name, value);
        }
        request
    }

    /// A house of any size has some phones that know MD5 alone.
    #[test]
    fn phones_that_know_sha_256_push_out_none_that_do_not() {
        let at = |secs| Instant::START + Duration::from_secs(secs);
        let mut preferences = Preferences::new(DigestOrder::Auto);
        let old = |seq| request("3001", "Antique/1", seq);
        for (seq, asked) in [(1, BOTH), (2, MD5_ALONE)] {
            assert_eq!(preferences.unanswered(at(0), flow(), &old(seq)), asked);
        }
        preferences.right(flow(), &old(2), Algorithm::Md5, at(86_400));
        for number in 0..=PREFERENCES_MAX {
            let request = request(&number.to_string(), "New/2", 1);
            preferences.right(flow(), &request, Algorithm::Sha256, at(90_000));
        }
        assert_eq!((preferences.phones.len(), preferences.proven.len()), (1, PREFERENCES_MAX));
        assert_eq!(preferences.unanswered(at(86_399), flow(), &old(3)), MD5_ALONE);
        assert_eq!(preferences.unanswered(at(90_000), flow(), &old(4)), BOTH, "it is forgotten");
        assert!(preferences.proven.is_empty());
    }
}
