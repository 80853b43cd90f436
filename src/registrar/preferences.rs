//! Which algorithm a phone is asked for (RFC 8760 §2.4).
//!
//! ```text
//!   auto:  SHA-256, MD5 ── comes back without an answer that we could use ──▶ MD5 alone
//!             ▲                                                                │
//!             └──────────────── comes back again without one ──────────────────┘
//! ```
//!
//! A phone ought to take the first challenge that it understands. Some that know MD5 only give up at one in
//! SHA-256, be it first or second, and say nothing of it: they come again without credentials. So what a
//! phone has answered, or not, is remembered for each account and source; a right answer for as long as
//! its registration lasts. A copy of a request gets what the request got.

use crate::directory::NAME_MAX;
use crate::random::{KeyedMap, Random};
use crate::sip::digest::Algorithm;
use crate::sip::{Flow, Request, Transport, network};
use crate::time::{Duration, Instant};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// The most accounts and sources that are remembered; beyond, those that would be forgotten first give way.
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
const MD5_FIRST: &[Algorithm] = &[Algorithm::Md5, Algorithm::Sha256];
const MD5_ALONE: &[Algorithm] = &[Algorithm::Md5];

type Key = (IpAddr, String);

/// What is known of phones that were challenged.
#[derive(Debug)]
pub(super) struct Preferences {
    order: DigestOrder,
    phones: KeyedMap<Key, Phone>,
    by_end: BTreeSet<(Instant, Key)>,
}

#[derive(Clone, Debug)]
struct Phone {
    md5_alone: bool,
    /// It has given a right answer to that.
    proven: bool,
    /// Since its last right answer so many requests were challenged in vain.
    in_vain: u32,
    /// The last request that was challenged and has not been answered.
    asked: Option<(String, u32)>,
    until: Instant,
}

impl Preferences {
    pub fn new(order: DigestOrder, random: &mut Random) -> Self {
        let phones = HashMap::with_hasher(random.map_keys());
        Self { order, phones, by_end: BTreeSet::new() }
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
        self.forget(now);
        let before = self.phones.get(&key);
        if let Some(phone) = before.filter(|phone| phone.asked.as_ref() == Some(&asked)) {
            return offer(phone.md5_alone);
        }
        let mut phone = before.cloned().unwrap_or(Phone {
            md5_alone: false,
            proven: false,
            in_vain: 0,
            asked: None,
            until: now,
        });
        phone.in_vain += u32::from(phone.asked.is_some());
        // One that has proved itself may ask several things at once.
        if phone.in_vain > if phone.proven { AT_ONCE } else { 0 } {
            (phone.md5_alone, phone.proven, phone.in_vain) = (!phone.md5_alone, false, 0);
        }
        (phone.asked, phone.until) = (Some(asked), phone.until.max(now + UNANSWERED));
        let md5_alone = phone.md5_alone;
        self.put(key, phone);
        offer(md5_alone)
    }

    /// What to ask the sender of a request for whose credentials are too old or wrong.
    pub fn answered_before(&self, flow: Flow, request: &Request) -> &'static [Algorithm] {
        if let Some(fixed) = self.fixed(flow) {
            return fixed;
        }
        let phone = key(flow, request).and_then(|key| self.phones.get(&key));
        offer(phone.is_some_and(|phone| phone.md5_alone))
    }

    /// A right answer by this algorithm, of a phone that will be heard of until then.
    pub fn right(&mut self, flow: Flow, request: &Request, algorithm: Algorithm, until: Instant) {
        if self.order != DigestOrder::Auto || is_browser(flow) {
            return;
        }
        let Some(key) = key(flow, request) else { return };
        match algorithm {
            // What all are asked for needs no memory.
            Algorithm::Sha256 => self.drop(&key),
            Algorithm::Md5 => {
                if let Some(phone) = self.phones.get(&key) {
                    let (md5_alone, proven) = (phone.md5_alone, phone.md5_alone);
                    self.put(key, Phone { md5_alone, proven, in_vain: 0, asked: None, until });
                }
            }
        }
    }

    /// Whether this phone has proved itself when it was asked for MD5 alone.
    pub fn is_md5_alone(&self, flow: Flow, request: &Request) -> bool {
        let phone = key(flow, request).and_then(|key| self.phones.get(&key));
        phone.is_some_and(|phone| phone.md5_alone && phone.proven)
    }

    /// What the journal held of a phone that knows MD5 alone.
    pub fn restore(&mut self, flow: Flow, account: &str, until: Instant) {
        if self.order == DigestOrder::Auto {
            let phone = Phone { md5_alone: true, proven: true, in_vain: 0, asked: None, until };
            self.put(key_of(flow, account), phone);
        }
    }

    fn fixed(&self, flow: Flow) -> Option<&'static [Algorithm]> {
        match self.order {
            DigestOrder::Md5 => Some(MD5_ALONE),
            DigestOrder::Sha256 => Some(BOTH),
            // The libraries of browsers look at the first challenge, and many know MD5 only.
            DigestOrder::Auto => is_browser(flow).then_some(MD5_FIRST),
        }
    }

    fn put(&mut self, key: Key, phone: Phone) {
        self.drop(&key);
        if self.phones.len() >= PREFERENCES_MAX
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.phones.remove(&first);
        }
        self.by_end.insert((phone.until, key.clone()));
        self.phones.insert(key, phone);
    }

    fn drop(&mut self, key: &Key) {
        if let Some(phone) = self.phones.remove(key) {
            self.by_end.remove(&(phone.until, key.clone()));
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.by_end.first().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, key)) = self.by_end.pop_first() {
                self.phones.remove(&key);
            }
        }
    }
}

fn offer(md5_alone: bool) -> &'static [Algorithm] {
    if md5_alone { MD5_ALONE } else { BOTH }
}

fn is_browser(flow: Flow) -> bool {
    matches!(flow.transport, Transport::Ws | Transport::Wss)
}

/// The account that a request claims, and where it comes from. Whether there is such an account makes no
/// difference: who guesses learns nothing.
fn key(flow: Flow, request: &Request) -> Option<Key> {
    let from = request.headers.from().ok()?;
    let account = from.uri.user()?;
    Some(key_of(flow, &account))
}

fn key_of(flow: Flow, account: &str) -> Key {
    (network(flow.remote.ip()), account.chars().take(NAME_MAX).collect())
}

/// What tells one request from another, and not from its copy.
fn name(request: &Request) -> Option<(String, u32)> {
    let call_id = request.headers.call_id().ok()?.chars().take(CALL_ID_CHARS).collect();
    Some((call_id, request.headers.cseq().ok()?.0))
}
