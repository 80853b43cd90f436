//! One binding of a number to a contact: where it is reachable, and until when.
//!
//! A binding is the same as another of its number when both carry the same `+sip.instance` and
//! `reg-id` (RFC 5626 §6), else when their URIs are equivalent (RFC 3261 §10.3, step 7).

use super::target::{ContactTarget, NextHop, reaches_by_itself};
use crate::ids::Number;
use crate::sip::{Flow, NameAddr};
use crate::time::UnixTime;

/// One contact of a terminal, as the journal keeps it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binding {
    /// The terminal.
    pub number: Number,
    /// The contact with its parameters (`q`, `reg-id`, `+sip.instance`, `video`, …) but `expires`.
    pub contact: NameAddr,
    /// The proxies on the way to it (RFC 3327), nearest first.
    pub path: Vec<NameAddr>,
    /// The flow by which it was registered; `None` when that is gone and the contact's own address
    /// is the way.
    pub flow: Option<Flow>,
    /// Call-ID of the REGISTER.
    pub call_id: String,
    /// CSeq of the REGISTER.
    pub cseq: u32,
    /// Since when it has been there without a gap; unknown of one that an earlier version has kept.
    pub since: Option<UnixTime>,
    /// When it ends.
    pub expires: UnixTime,
    /// What the phone calls itself; may be empty.
    pub user_agent: String,
    /// It has proved itself by MD5 when it was asked for that alone, after a challenge that it did not answer.
    pub md5_alone: bool,
}

impl Binding {
    /// The `+sip.instance` and `reg-id` that name its flow, when both are there.
    pub(super) fn outbound(&self) -> Option<(&str, &str)> {
        Some((self.contact.params.raw("+sip.instance")?, self.contact.params.raw("reg-id")?))
    }

    /// The phone, whichever way it has registered by.
    pub(super) fn instance(&self) -> Option<&str> {
        self.contact.params.raw("+sip.instance")
    }

    /// Its name among the bindings of its number: the flow's, else the contact URI as written.
    #[must_use]
    pub fn key(&self) -> String {
        match self.outbound() {
            Some((instance, reg_id)) => format!("{instance};reg-id={reg_id}"),
            None => self.contact.uri.as_str().to_owned(),
        }
    }

    /// The machine at which it is: the one that has registered it, else the contact's own.
    pub(super) fn host(&self) -> String {
        match (self.flow, self.path.is_empty()) {
            (Some(flow), true) => flow.remote.ip().to_canonical().to_string(),
            _ => self.contact.uri.host().map(|host| host.to_string()).unwrap_or_default(),
        }
    }

    /// Whether the two are one binding, the later replacing the earlier.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self.outbound(), other.outbound()) {
            (Some(one), Some(two)) => one == two,
            (None, None) => self.contact.uri.equivalent(&other.contact.uri),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Whether it can still be called when the connection that registered it is closed.
    pub(super) fn is_reached_without(&self, flow: Flow) -> bool {
        self.outbound().is_none() && reaches_by_itself(flow, &self.contact.uri)
    }

    /// Preference in thousandths; 1000 where nothing or nonsense is written.
    fn q(&self) -> u16 {
        self.contact.params.raw("q").and_then(thousandths).unwrap_or(1000)
    }

    /// Where and how to call it.
    pub(super) fn target(&self) -> ContactTarget {
        let uri = self.contact.uri.without_headers();
        let way = match (self.path.first(), self.flow) {
            (Some(proxy), flow) => NextHop::by(&proxy.uri, flow),
            (None, Some(flow)) => NextHop::over(flow, &uri),
            (None, None) => NextHop::to(&uri),
        };
        let route = self.path.iter().map(|proxy| proxy.uri.clone()).collect();
        ContactTarget { uri, route, way, q: self.q() }
    }
}

/// `0.5` is 500 thousandths (RFC 3261 §25.1, `qvalue`).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

/// What the journal writes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BindingChange {
    /// The binding of this number and [`key`](Binding::key) is now so.
    Put(Box<Binding>),
    /// The binding is gone.
    Drop {
        /// The terminal.
        number: Number,
        /// Its [`key`](Binding::key).
        key: String,
    },
}
