//! In which realms a far end is answered with its password.
//!
//! Whoever is called behind a carrier can ask, too: the carrier relays his 401 (RFC 3261 §22.2), and an
//! answer lets him try passwords at home. So a realm has to be the far end's own. Who knows that realm can
//! name it himself: against him only a password helps that is long and random.
//!
//! ```text
//!   one is configured     ── that, and no other
//!   named before, its host ─ answered
//!   401, 407 to REGISTER  ── the registrar's own: answered, and named from now on
//!   407                   ── a proxy's: answered and named; without qop only the first of all
//!   401 to a call         ── anybody's: answered and named only as the first of all, and with qop
//! ```

use super::digest::{Challenge, Qop};

/// The most realms of one far end; the first is kept, then the newest.
pub const NAMED_MAX: usize = 8;

/// The realms of one far end.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Realms {
    only: Option<String>,
    hosts: Vec<String>,
    named: Vec<String>,
}

/// What is asked for a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Challenger {
    /// The registrar at which we register, or what is before it.
    Registrar,
    /// A proxy on the way.
    Proxy,
    /// Whoever is called, as far as one can tell.
    Callee,
}

impl Realms {
    /// Only this realm, where one is given; else those of these hosts, and what it names.
    #[must_use]
    pub fn new(only: Option<String>, hosts: Vec<String>) -> Self {
        Self { only, hosts, named: Vec::new() }
    }

    /// Those of an earlier process: the only one, the hosts whose realms are its own, and what it has named.
    #[must_use]
    pub fn resumed(only: Option<String>, hosts: Vec<String>, mut named: Vec<String>) -> Self {
        named.truncate(NAMED_MAX);
        Self { only, hosts, named }
    }

    /// The only one, where one is configured.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }

    /// The hosts whose realms are its own.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// What it has named so far.
    #[must_use]
    pub fn named(&self) -> &[String] {
        &self.named
    }

    /// What is configured of it is as in `other`, and what that has named is named here, too.
    pub fn join(&mut self, other: &Self) {
        self.only.clone_from(&other.only);
        self.hosts.clone_from(&other.hosts);
        for realm in &other.named {
            self.name(realm);
        }
    }

    /// Whether this challenge is to be answered; its realm is known from then on.
    pub(super) fn admit(&mut self, challenge: &Challenge, asker: Challenger) -> bool {
        let realm = &challenge.realm;
        if let Some(only) = &self.only {
            return only == realm;
        }
        let (is_first, has_qop) = (self.named.is_empty(), challenge.qop == Qop::Auth);
        let is_own = self.named.contains(realm)
            || self.hosts.iter().any(|host| host.eq_ignore_ascii_case(realm));
        let is_answered = is_own
            || match asker {
                Challenger::Registrar => true,
                Challenger::Proxy => is_first || has_qop,
                Challenger::Callee => is_first && has_qop,
            };
        if is_answered {
            self.name(realm);
        }
        is_answered
    }

    fn name(&mut self, realm: &str) {
        if self.named.iter().any(|named| named == realm) {
            return;
        }
        if self.named.len() == NAMED_MAX {
            self.named.remove(1);
        }
        self.named.push(realm.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(realm: &str, qop: &str) -> Challenge {
        Challenge::parse(&format!("Digest realm=\"{realm}\", nonce=\"n\"{qop}")).unwrap()
    }

    /// Who asks in which realm, with qop or without, and whether he is answered, one after the other.
    #[track_caller]
    fn asks(realms: &mut Realms, rows: &[(Challenger, &str, bool, bool)]) {
        for (at, (asker, realm, qop, expected)) in rows.iter().enumerate() {
            let qop = if *qop { ", qop=\"auth\"" } else { "" };
            let is_answered = realms.admit(&challenge(realm, qop), *asker);
            assert_eq!(is_answered, *expected, "{at}: {asker:?} in {realm}");
        }
    }

    #[test]
    fn a_callee_is_answered_only_in_a_realm_of_the_trunk() {
        use Challenger::{Callee, Proxy, Registrar};
        let plain = || Realms::new(None, vec!["gw.example".into()]);
        let first_call = [
            (Callee, "a", false, false),
            (Callee, "carrier", true, true),
            (Callee, "evil", true, false),
            (Callee, "carrier", false, true),
            (Callee, "GW.example", false, true),
            (Proxy, "edge", false, false),
            (Proxy, "edge", true, true),
            (Callee, "edge", false, true),
        ];
        asks(&mut plain(), &first_call);
        let proxy_first = [
            (Proxy, "carrier", false, true),
            (Callee, "evil", true, false),
            (Proxy, "x", false, false),
        ];
        asks(&mut plain(), &proxy_first);
        let mut registered = plain();
        asks(&mut registered, &[(Registrar, "r", false, true), (Registrar, "s", false, true)]);
        let mut calls = Realms::default();
        calls.join(&registered);
        asks(&mut calls, &[(Callee, "s", false, true), (Callee, "evil", true, false)]);
    }

    #[test]
    fn a_configured_realm_is_the_only_one() {
        use Challenger::{Callee, Proxy, Registrar};
        let mut realms = Realms::new(Some("mine".into()), vec!["gw".into()]);
        for asker in [Callee, Proxy, Registrar] {
            asks(&mut realms, &[(asker, "gw", true, false), (asker, "mine", false, true)]);
        }
    }

    #[test]
    fn the_first_realm_outlives_any_number_of_others() {
        let mut realms = Realms::default();
        asks(&mut realms, &[(Challenger::Callee, "carrier", true, true)]);
        for at in 0..3 * NAMED_MAX {
            asks(&mut realms, &[(Challenger::Proxy, &format!("p{at}"), true, true)]);
        }
        assert_eq!(realms.named.len(), NAMED_MAX);
        asks(
            &mut realms,
            &[
                (Challenger::Callee, "carrier", false, true),
                (Challenger::Callee, "p0", true, false),
            ],
        );
    }
}
