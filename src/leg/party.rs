//! Who calls whom, as headers: From, To, P-Asserted-Identity, Privacy, and the headers that ask a
//! phone to pick up by itself.

use crate::sip::{HeaderName, Host, NameAddr, Uri};

/// One side of a call as people see it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Party {
    /// The number, `3001`; empty when it is withheld.
    pub number: String,
    /// The parameters of the number, `;cpc=ordinary`; may be empty.
    pub params: String,
    /// The name that a phone may show.
    pub display: Option<String>,
    /// The domain of the number; `None` for ours.
    pub domain: Option<Domain>,
}

/// How much of the caller's identity goes out (RFC 3323, RFC 3325).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IdentityPrivacy {
    /// In From alone.
    Shown,
    /// In From, and asserted: the peer trusts us.
    Asserted,
    /// From is anonymous; `Privacy: id`.
    Withheld,
    /// From is anonymous; the number is asserted to a trusted peer, with `Privacy: id`.
    WithheldAsserted,
}

/// A header of a message of ours.
pub type OwnHeader = (HeaderName, String);

/// A domain of numbers: ours, or that of a guest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Domain(Uri);

impl Domain {
    /// The domain `name`.
    ///
    /// # Panics
    /// When it is no host: the configuration is checked before it gets here.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::of(Host::parse(name).expect("the configured domain is a host"))
    }

    /// The domain of this host.
    #[must_use]
    pub fn of(host: Host<'_>) -> Self {
        Self(Uri::sip(None, host, None))
    }

    /// Its host.
    ///
    /// # Panics
    /// Never: it was made of one.
    #[must_use]
    pub fn host(&self) -> Host<'_> {
        self.0.host().expect("a SIP URI has a host")
    }

    /// The address of a party, in this domain unless the party is of another.
    #[must_use]
    pub fn address(&self, party: &Party) -> NameAddr {
        let host = party.domain.as_ref().unwrap_or(self).host();
        NameAddr::new(Uri::numbered(&party.number, &party.params, host, None))
            .with_display(party.display.as_deref().unwrap_or(""))
    }

    /// The From of a call by this party.
    #[must_use]
    pub fn from(&self, caller: &Party, identity: IdentityPrivacy) -> NameAddr {
        let withheld =
            matches!(identity, IdentityPrivacy::Withheld | IdentityPrivacy::WithheldAsserted);
        if withheld || caller.number.is_empty() { anonymous() } else { self.address(caller) }
    }

    /// The headers that go with that From.
    #[must_use]
    pub fn identity(&self, caller: &Party, identity: IdentityPrivacy) -> Vec<OwnHeader> {
        let asserted = || (HeaderName::PAssertedIdentity, self.address(caller).to_string());
        // What a guest says of itself nobody can assert (RFC 3325 §5).
        let unknown = caller.number.is_empty() || caller.domain.is_some();
        let private = || (HeaderName::Privacy, "id".to_owned());
        match identity {
            IdentityPrivacy::Shown => vec![],
            IdentityPrivacy::Asserted if unknown => vec![],
            IdentityPrivacy::Asserted => vec![asserted()],
            IdentityPrivacy::Withheld => vec![private()],
            IdentityPrivacy::WithheldAsserted if unknown => vec![private()],
            IdentityPrivacy::WithheldAsserted => vec![asserted(), private()],
        }
    }

    /// What asks a phone to pick up by itself: RFC 5373, and the two headers that more phones know.
    #[must_use]
    pub fn auto_answer(&self) -> Vec<OwnHeader> {
        vec![
            (HeaderName::AnswerMode, "Auto".to_owned()),
            (HeaderName::CallInfo, format!("<{}>;answer-after=0", self.0)),
            (HeaderName::AlertInfo, "<urn:alert:service:auto-answer>".to_owned()),
        ]
    }
}

/// RFC 3323 §4.1.1.3.
fn anonymous() -> NameAddr {
    let host = Host::parse("anonymous.invalid").expect("the name is well-formed");
    NameAddr::new(Uri::sip(Some("anonymous"), host, None)).with_display("Anonymous")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Party {
        let display = Some("Anna \"A\"".to_owned());
        Party {
            number: "3001".to_owned(),
            params: ";cpc=ordinary".to_owned(),
            display,
            domain: None,
        }
    }

    #[test]
    fn a_guest_keeps_its_own_domain_and_is_asserted_by_nobody() {
        let domain = Domain::new("example.com");
        let guest = Party { domain: Some(Domain::new("evil.example")), ..anna() };
        let from = domain.from(&guest, IdentityPrivacy::Asserted).to_string();
        assert_eq!(from, r#""Anna \"A\"" <sip:3001;cpc=ordinary@evil.example>"#);
        assert!(domain.identity(&guest, IdentityPrivacy::Asserted).is_empty());
        let withheld = domain.identity(&guest, IdentityPrivacy::WithheldAsserted);
        assert!(matches!(withheld[..], [(HeaderName::Privacy, _)]));
    }

    #[test]
    fn a_shown_caller_stands_in_from() {
        let domain = Domain::new("example.com");
        let from = domain.from(&anna(), IdentityPrivacy::Shown).to_string();
        assert_eq!(from, r#""Anna \"A\"" <sip:3001;cpc=ordinary@example.com>"#);
        assert!(domain.identity(&anna(), IdentityPrivacy::Shown).is_empty());
    }

    #[test]
    fn a_withheld_number_leaves_in_no_header_of_an_untrusted_peer() {
        let domain = Domain::new("example.com");
        let from = domain.from(&anna(), IdentityPrivacy::Withheld).to_string();
        assert_eq!(from, r#""Anonymous" <sip:anonymous@anonymous.invalid>"#);
        let headers = domain.identity(&anna(), IdentityPrivacy::Withheld);
        assert!(headers.iter().all(|(_, value)| !value.contains("3001")));
        assert!(matches!(headers[..], [(HeaderName::Privacy, _)]));
    }

    #[test]
    fn a_caller_without_a_number_is_asserted_as_nobody() {
        let domain = Domain::new("example.com");
        assert!(domain.identity(&Party::default(), IdentityPrivacy::Asserted).is_empty());
        let from = domain.from(&Party::default(), IdentityPrivacy::Asserted);
        assert_eq!(from.uri.user().as_deref(), Some("anonymous"));
    }

    #[test]
    fn digits_that_are_no_digits_are_escaped() {
        let party = Party { number: "a>b\r\nX: y".to_owned(), ..Party::default() };
        let to = Domain::new("example.com").address(&party).to_string();
        assert!(!to.contains('\n') && to.matches('>').count() == 1, "{to}");
    }
}
