//! Reading a REGISTER and answering it (RFC 3261 §10.3).

use super::binding::Binding;
use super::bindings::ContactChange;
use super::contacts::{self, Unbelievable};
use super::settings::Settings;
use crate::ids::Number;
use crate::sip::{Contacts, Flow, HeaderName, NameAddr, Request, Response, Scheme, StatusCode};
use crate::text::{USER_AGENT_CHARS_MAX, cut};
use crate::time::{Now, UnixTime};

/// The longest contact with its parameters, in bytes.
pub const CONTACT_BYTES_MAX: usize = 2048;

/// The longest way to a contact, all proxies together, in bytes.
pub const PATH_BYTES_MAX: usize = 4096;

/// The options that a REGISTER may require of us.
const OPTIONS: [&str; 2] = ["path", "outbound"];

/// What a REGISTER asks for.
#[derive(Debug)]
pub(super) enum RegisterRequest {
    /// Which bindings are there?
    Query,
    /// `Contact: *`: forget them all.
    Clear { call_id: String, cseq: u32 },
    /// These come, stay or go.
    Update(Vec<ContactChange>),
}

/// Why a REGISTER is refused; the phone is at fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum RegisterFault {
    /// It requires options that we do not have.
    BadExtension(Vec<String>),
    /// It is malformed; the phrase says what.
    BadRequest(&'static str),
    /// The account may not register this address.
    NotYours,
    /// It names an address where it is not believed to be.
    Unbelievable(Unbelievable),
    /// A shorter time than the settings allow.
    TooBrief,
    /// A later request of the same phone has come before.
    OutOfOrder,
}

/// Refuses what requires more than we have (§10.3, step 2).
pub(super) fn check_extensions(request: &Request) -> Result<(), RegisterFault> {
    let known = |option: &&str| OPTIONS.iter().any(|ours| ours.eq_ignore_ascii_case(option));
    let unknown: Vec<_> = request.headers.list(HeaderName::Require).filter(|o| !known(o)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(RegisterFault::BadExtension(unknown.into_iter().map(str::to_owned).collect()))
}

/// Reads what `number`, which has proved itself, asks for.
pub(super) fn read(
    now: Now,
    settings: &Settings,
    number: &Number,
    flow: Flow,
    request: &Request,
    md5_alone: bool,
) -> Result<RegisterRequest, RegisterFault> {
    let headers = &request.headers;
    let to = headers.to().map_err(|_| RegisterFault::BadRequest("Bad To"))?;
    // The host is not compared: phones are set up with our name, our address, or a proxy's.
    if to.uri.number().as_deref() != Some(number.as_str()) {
        return Err(RegisterFault::NotYours);
    }
    let call_id = headers.call_id().map_err(|_| RegisterFault::BadRequest("Bad Call-ID"))?;
    let (cseq, _) = headers.cseq().map_err(|_| RegisterFault::BadRequest("Bad CSeq"))?;
    let contacts = headers.contacts().map_err(|_| RegisterFault::BadRequest("Bad Contact"))?;
    let general = headers.get(HeaderName::Expires);
    let contacts = match contacts {
        Contacts::Star if general == Some("0") => {
            return Ok(RegisterRequest::Clear { call_id: call_id.to_owned(), cseq });
        }
        Contacts::Star => return Err(RegisterFault::BadRequest("Contact * needs Expires 0")),
        Contacts::List(contacts) if contacts.is_empty() => return Ok(RegisterRequest::Query),
        Contacts::List(contacts) => contacts,
    };
    let path =
        headers.addresses(HeaderName::Path).map_err(|_| RegisterFault::BadRequest("Bad Path"))?;
    if path.iter().map(|proxy| proxy.to_string().len()).sum::<usize>() > PATH_BYTES_MAX {
        return Err(RegisterFault::BadRequest("Path too long"));
    }
    let user_agent = headers.get(HeaderName::UserAgent).unwrap_or("");
    let user_agent = cut(user_agent, USER_AGENT_CHARS_MAX).to_owned();
    let mut wishes = Vec::with_capacity(contacts.len());
    for contact in contacts {
        let secs = expires_of(settings, general, &contact)?;
        if contact.uri.scheme() == Scheme::Sips && !is_sealed(flow, &path) {
            return Err(RegisterFault::BadRequest("A sips: Contact needs TLS"));
        }
        if secs > 0 {
            contacts::check(settings, flow, &contact.uri, &path)
                .map_err(RegisterFault::Unbelievable)?;
        }
        let binding = Binding {
            number: number.clone(),
            contact: kept(contact)?,
            path: path.clone(),
            flow: Some(flow),
            call_id: call_id.to_owned(),
            cseq,
            since: Some(now.unix),
            expires: now.unix + std::time::Duration::from_secs(secs),
            user_agent: user_agent.clone(),
            md5_alone,
        };
        wishes.push(if secs == 0 {
            ContactChange::Drop(binding)
        } else {
            ContactChange::Put(binding)
        });
    }
    Ok(RegisterRequest::Update(wishes))
}

/// Whether each hop to a phone is sealed (RFC 5630 §5.2).
fn is_sealed(flow: Flow, path: &[NameAddr]) -> bool {
    let sealed = |proxy: &NameAddr| proxy.uri.scheme() == Scheme::Sips;
    flow.transport.is_secure() && path.iter().all(sealed)
}

/// The contact as it is kept: without display name and `expires`.
fn kept(mut contact: NameAddr) -> Result<NameAddr, RegisterFault> {
    if !matches!(contact.uri.scheme(), Scheme::Sip | Scheme::Sips) {
        return Err(RegisterFault::BadRequest("Contact is no SIP URI"));
    }
    contact.display = None;
    contact.params.remove("expires");
    if contact.to_string().len() > CONTACT_BYTES_MAX {
        return Err(RegisterFault::BadRequest("Contact too long"));
    }
    Ok(contact)
}

/// For how many seconds the contact is to be there; 0 removes it (§10.3, step 6).
fn expires_of(
    settings: &Settings,
    general: Option<&str>,
    contact: &NameAddr,
) -> Result<u64, RegisterFault> {
    let (min, max) = (settings.expires_min.as_secs(), settings.expires_max.as_secs());
    let wanted = match contact.params.raw("expires").or(general) {
        None => settings.expires_default.as_secs(),
        // RFC 3261 §20.19: malformed is 3600, and no number of seconds is too large.
        Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().unwrap_or(u64::MAX)
        }
        Some(_) => 3600,
    };
    if wanted > 0 && wanted < min {
        return Err(RegisterFault::TooBrief);
    }
    Ok(wanted.min(max))
}

/// The 200: all bindings of the number with their remaining time (§10.3, step 8).
pub(super) fn accepted<'a>(
    now: Now,
    request: &Request,
    bindings: impl Iterator<Item = &'a Binding>,
) -> Response {
    let mut response = request.response(StatusCode::OK);
    let headers = &mut response.headers;
    let mut outbound = false;
    for binding in bindings {
        let secs = binding.expires.since(now.unix).as_secs().to_string();
        let contact = binding.contact.clone().with_param("expires", Some(&secs));
        headers.push_address(HeaderName::Contact, &contact);
        outbound |= contact.params.contains("reg-id") && contact.params.contains("+sip.instance");
    }
    headers.push(HeaderName::Supported, "path, outbound");
    // RFC 5626 §6: so the phone knows that we keep its flow.
    if outbound && request.headers.supports("outbound") {
        headers.push(HeaderName::Require, "outbound");
    }
    // RFC 3327 §5.3: so the phone sees who stands on the way.
    headers.copy(&HeaderName::Path, &request.headers);
    headers.push(HeaderName::Date, date(now.unix));
    response
}

/// The response that tells a fault.
pub(super) fn refused(settings: &Settings, request: &Request, fault: &RegisterFault) -> Response {
    match fault {
        RegisterFault::BadExtension(options) => {
            let mut response = request.response(StatusCode::BAD_EXTENSION);
            response.headers.push(HeaderName::Unsupported, options.join(", "));
            response
        }
        RegisterFault::BadRequest(phrase) => {
            request.response(StatusCode::BAD_REQUEST).with_reason(phrase)
        }
        RegisterFault::NotYours => {
            request.response(StatusCode::FORBIDDEN).with_reason("Not your address")
        }
        RegisterFault::Unbelievable(why) => {
            request.response(StatusCode::FORBIDDEN).with_reason(&why.to_string())
        }
        RegisterFault::TooBrief => {
            let mut response = request.response(StatusCode::INTERVAL_TOO_BRIEF);
            let min = settings.expires_min.as_secs();
            response.headers.push(HeaderName::MinExpires, min);
            response
        }
        // §10.3, step 7: the update is aborted and the request fails.
        RegisterFault::OutOfOrder => {
            request.response(StatusCode::SERVER_INTERNAL_ERROR).with_reason("Out of order")
        }
    }
}

/// The Date header (RFC 3261 §20.17); phones without a clock of their own set theirs by it.
fn date(now: UnixTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day, hour, minute, second) = now.civil();
    let weekday = DAYS[(now.as_secs() / 86_400 % 7) as usize];
    let month = MONTHS[(month - 1) as usize];
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_written_as_http_does() {
        let date = |secs| date(UnixTime::from_secs(secs));
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(1_289_698_199), "Sun, 14 Nov 2010 01:29:59 GMT");
        assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
    }
}
