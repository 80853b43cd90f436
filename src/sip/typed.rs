//! Typed views of headers, read when they are asked for.
//!
//! What [`parse`](super::parse()) returned has Via, From, To, Call-ID and CSeq, and these are well
//! formed; their accessors fail only on messages put together by hand.

use super::error::{Error, SipFault};
use super::header_name::HeaderName;
use super::headers::Headers;
use super::host::parse_digits;
use super::lexer;
use super::limits::{ADDRESSES_MAX, IDENTIFIER_BYTES_MAX, VIAS_MAX};
use super::method::Method;
use super::name_addr::{self, NameAddr};
use super::params;
use super::uri::Uri;
use super::values::{
    Contacts, EventPackage, MediaType, RAck, Reason, Replaces, SessionExpires, SubscriptionState,
};
use super::via::{self, Via};

/// Sequence numbers stay below 2^31 (RFC 3261 §8.1.1.5).
const CSEQ_MAX: u32 = (1 << 31) - 1;

impl Headers {
    /// The value of a header that must be there.
    fn required(&self, name: HeaderName) -> Result<&str, Error> {
        self.get(&name).ok_or(SipFault::Missing(name).at(0))
    }

    /// A header that may be missing, read by `read`.
    fn optional<T>(
        &self,
        name: HeaderName,
        read: impl Fn(&str) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.get(name).map(read).transpose()
    }

    fn number(&self, name: HeaderName) -> Result<Option<u32>, Error> {
        self.optional(name.clone(), |value| {
            parse_digits(value).ok_or(SipFault::Header(name.clone()).at(0))
        })
    }

    /// The topmost Via.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn via(&self) -> Result<Via, Error> {
        let missing = SipFault::Missing(HeaderName::Via).at(0);
        Via::parse(self.list(HeaderName::Via).next().ok_or(missing)?)
    }

    /// The branch of the topmost Via, read without the rest; `None` where [`Via::branch`] has none.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        via::branch(self.list(HeaderName::Via).next()?)
    }

    /// The From header.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn from(&self) -> Result<NameAddr, Error> {
        NameAddr::parse(self.required(HeaderName::From)?, &HeaderName::From)
    }

    /// The To header.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn to(&self) -> Result<NameAddr, Error> {
        NameAddr::parse(self.required(HeaderName::To)?, &HeaderName::To)
    }

    /// The tag of From, read without the rest.
    #[must_use]
    pub fn from_tag(&self) -> Option<&str> {
        self.tag(&HeaderName::From)
    }

    /// The tag of To, read without the rest.
    #[must_use]
    pub fn to_tag(&self) -> Option<&str> {
        self.tag(&HeaderName::To)
    }

    fn tag(&self, name: &HeaderName) -> Option<&str> {
        let split = name_addr::split(self.get(name)?, name).ok()?;
        params::find(split.params, "tag").filter(|tag| !tag.is_empty())
    }

    /// Adds `tag` to To, unless it has one.
    pub fn set_to_tag(&mut self, tag: &str) {
        if let Some(to) = self.get(HeaderName::To).filter(|_| self.to_tag().is_none()) {
            let value = format!("{to};tag={tag}");
            self.set(HeaderName::To, value);
        }
    }

    /// The addresses of Contact, or its star.
    ///
    /// # Errors
    /// When one is malformed, there are more than [`ADDRESSES_MAX`], or a star is not alone.
    pub fn contacts(&self) -> Result<Contacts, Error> {
        let mut elements = self.list(HeaderName::Contact);
        if elements.next() == Some("*") {
            return match elements.next() {
                None => Ok(Contacts::Star),
                Some(_) => Err(SipFault::Header(HeaderName::Contact).at(0)),
            };
        }
        self.addresses(HeaderName::Contact).map(Contacts::List)
    }

    /// The first address of Contact: a dialog's remote target.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn contact(&self) -> Result<NameAddr, Error> {
        let missing = SipFault::Missing(HeaderName::Contact).at(0);
        let first = self.list(HeaderName::Contact).next().ok_or(missing)?;
        NameAddr::parse(first, &HeaderName::Contact)
    }

    /// All addresses of a list header: Route, Record-Route, Path, P-Asserted-Identity, …
    ///
    /// # Errors
    /// When one is malformed, or there are more than [`ADDRESSES_MAX`].
    pub fn addresses(&self, name: HeaderName) -> Result<Vec<NameAddr>, Error> {
        let mut addresses = Vec::new();
        for element in self.list(&name) {
            if addresses.len() == ADDRESSES_MAX {
                return Err(SipFault::TooMany(name.clone()).at(0));
            }
            addresses.push(NameAddr::parse(element, &name)?);
        }
        Ok(addresses)
    }

    /// The Route headers, topmost first.
    ///
    /// # Errors
    /// As [`addresses`](Self::addresses).
    pub fn routes(&self) -> Result<Vec<NameAddr>, Error> {
        self.addresses(HeaderName::Route)
    }

    /// The Record-Route headers, topmost first.
    ///
    /// # Errors
    /// As [`addresses`](Self::addresses).
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, Error> {
        self.addresses(HeaderName::RecordRoute)
    }

    /// Who a trusted network says this is (RFC 3325 §9.1).
    ///
    /// # Errors
    /// As [`addresses`](Self::addresses).
    pub fn asserted_identities(&self) -> Result<Vec<NameAddr>, Error> {
        self.addresses(HeaderName::PAssertedIdentity)
    }

    /// Number and method of CSeq.
    ///
    /// # Errors
    /// When it is missing, malformed, or 2^31 or more.
    pub fn cseq(&self) -> Result<(u32, Method), Error> {
        let wrong = || SipFault::Header(HeaderName::CSeq).at(0);
        let value = self.required(HeaderName::CSeq)?;
        let blank = lexer::find_any(value, b" \t").ok_or_else(wrong)?;
        let (number, method) = value.split_at(blank);
        let number = parse_digits(number).filter(|n| *n <= CSEQ_MAX).ok_or_else(wrong)?;
        Ok((number, Method::parse(lexer::trim(method)).map_err(|_| wrong())?))
    }

    /// What every transaction needs is there and can be read (RFC 3261 §8.1.1).
    ///
    /// # Errors
    /// The first fault of Via, From, To, Call-ID, CSeq and Max-Forwards; more Via than
    /// [`VIAS_MAX`].
    pub(super) fn check_required(&self) -> Result<(), Error> {
        let missing = SipFault::Missing(HeaderName::Via).at(0);
        Via::check(self.list(HeaderName::Via).next().ok_or(missing)?)?;
        NameAddr::check(self.required(HeaderName::From)?, &HeaderName::From)?;
        NameAddr::check(self.required(HeaderName::To)?, &HeaderName::To)?;
        self.call_id()?;
        self.max_forwards()?;
        let commas = |value: &str| memchr::memchr_iter(b',', value.as_bytes()).count();
        let vias_at_most: usize = self.all(HeaderName::Via).map(|value| 1 + commas(value)).sum();
        if vias_at_most > VIAS_MAX && self.list(HeaderName::Via).nth(VIAS_MAX).is_some() {
            return Err(SipFault::TooMany(HeaderName::Via).at(0));
        }
        Ok(())
    }

    /// Call-ID, at most [`IDENTIFIER_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn call_id(&self) -> Result<&str, Error> {
        let value = self.required(HeaderName::CallId)?;
        let valid = value.bytes().all(|b| b.is_ascii_graphic());
        if valid && (1..=IDENTIFIER_BYTES_MAX).contains(&value.len()) {
            Ok(value)
        } else {
            Err(SipFault::Header(HeaderName::CallId).at(0))
        }
    }

    /// Max-Forwards; `None` from elements older than RFC 3261.
    ///
    /// # Errors
    /// When it is no number up to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, Error> {
        let wrong = |_| SipFault::Header(HeaderName::MaxForwards).at(0);
        self.number(HeaderName::MaxForwards)?.map(u8::try_from).transpose().map_err(wrong)
    }

    /// Expires in seconds; a number beyond 32 bits counts as the largest (RFC 4475 §3.1.2.4).
    ///
    /// # Errors
    /// When it is no number.
    pub fn expires(&self) -> Result<Option<u32>, Error> {
        self.optional(HeaderName::Expires, |value| {
            if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
                return Err(SipFault::Header(HeaderName::Expires).at(0));
            }
            Ok(value.parse().unwrap_or(u32::MAX))
        })
    }

    /// Min-Expires in seconds.
    ///
    /// # Errors
    /// When it is no number.
    pub fn min_expires(&self) -> Result<Option<u32>, Error> {
        self.number(HeaderName::MinExpires)
    }

    /// Session-Expires (RFC 4028 §4).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, Error> {
        self.optional(HeaderName::SessionExpires, SessionExpires::parse)
    }

    /// Min-SE in seconds (RFC 4028 §5).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn min_se(&self) -> Result<Option<u32>, Error> {
        self.optional(HeaderName::MinSe, |value| {
            let secs = lexer::trim(value.split(';').next().unwrap_or(""));
            parse_digits(secs).ok_or(SipFault::Header(HeaderName::MinSe).at(0))
        })
    }

    /// Retry-After in seconds, its comment and parameters left out.
    ///
    /// # Errors
    /// When it does not begin with a number.
    pub fn retry_after(&self) -> Result<Option<u32>, Error> {
        self.optional(HeaderName::RetryAfter, |value| {
            let secs = value.split([';', '(', ' ']).next().unwrap_or("");
            parse_digits(secs).ok_or(SipFault::Header(HeaderName::RetryAfter).at(0))
        })
    }

    /// RSeq (RFC 3262 §7.1).
    ///
    /// # Errors
    /// When it is no number.
    pub fn rseq(&self) -> Result<Option<u32>, Error> {
        self.number(HeaderName::RSeq)
    }

    /// RAck (RFC 3262 §7.2).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn rack(&self) -> Result<Option<RAck>, Error> {
        self.optional(HeaderName::RAck, RAck::parse)
    }

    /// Replaces (RFC 3891 §6.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn replaces(&self) -> Result<Option<Replaces>, Error> {
        self.optional(HeaderName::Replaces, Replaces::parse)
    }

    /// Refer-To (RFC 3515 §2.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn refer_to(&self) -> Result<Option<NameAddr>, Error> {
        let header = HeaderName::ReferTo;
        self.optional(header.clone(), |value| NameAddr::parse(value, &header))
    }

    /// Referred-By (RFC 3892 §3).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn referred_by(&self) -> Result<Option<NameAddr>, Error> {
        let header = HeaderName::ReferredBy;
        self.optional(header.clone(), |value| NameAddr::parse(value, &header))
    }

    /// The elements of Reason (RFC 3326 §2); malformed ones are left out, for they decide nothing.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> {
        self.list(HeaderName::Reason).filter_map(|element| Reason::parse(element).ok())
    }

    /// Event (RFC 6665 §8.2.1).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn event(&self) -> Result<Option<EventPackage>, Error> {
        self.optional(HeaderName::Event, EventPackage::parse)
    }

    /// Subscription-State (RFC 6665 §8.2.3).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn subscription_state(&self) -> Result<Option<SubscriptionState>, Error> {
        self.optional(HeaderName::SubscriptionState, SubscriptionState::parse)
    }

    /// Content-Type.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn content_type(&self) -> Result<Option<MediaType>, Error> {
        self.optional(HeaderName::ContentType, MediaType::parse)
    }

    /// Whether Allow names `method`; case decides.
    #[must_use]
    pub fn allows(&self, method: &Method) -> bool {
        self.list(HeaderName::Allow).any(|name| name == method.as_str())
    }

    /// Whether Supported or Require names `option`.
    #[must_use]
    pub fn supports(&self, option: &str) -> bool {
        self.has_token(HeaderName::Supported, option) || self.requires(option)
    }

    /// Whether Require names `option`.
    #[must_use]
    pub fn requires(&self, option: &str) -> bool {
        self.has_token(HeaderName::Require, option)
    }

    /// What Require names beside `ours`: a 420 says so in Unsupported (RFC 3261 §8.2.2.3).
    #[must_use]
    pub fn unsupported(&self, ours: &[&str]) -> Vec<&str> {
        let known = |option: &str| ours.iter().any(|own| own.eq_ignore_ascii_case(option));
        self.list(HeaderName::Require).filter(|option| !known(option)).collect()
    }

    /// Whether Privacy asks for `kind`: `id`, `header`, `session`, … (RFC 3323 §4.2). Its elements
    /// are separated by semicolons; some peers use commas.
    #[must_use]
    pub fn wants_privacy(&self, kind: &str) -> bool {
        self.all(HeaderName::Privacy)
            .flat_map(|value| value.split([';', ',']))
            .any(|word| lexer::trim(word).eq_ignore_ascii_case(kind))
    }

    /// Appends an address.
    pub fn push_address(&mut self, name: HeaderName, address: &NameAddr) {
        self.push(name, address);
    }

    /// Appends a URI in angle brackets, as Route and Contact want it.
    pub fn push_uri(&mut self, name: HeaderName, uri: &Uri) {
        self.push(name, format_args!("<{uri}>"));
    }
}
