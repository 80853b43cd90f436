//! What of a leg's place in the relay does not follow from its descriptions, as rows.

use super::fault::{PartyFault, need};
use super::words::{self, is_default};
use crate::codec::Kind;
use crate::dtls::HandshakeKeys;
use crate::ids::PortId;
use crate::leg::{HandshakeOutcome, SavedStreamPort};
use crate::media::{PortFacts, SavedPort};
use crate::srtp::{MasterKey, Suite};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::SocketAddr;

/// The place of a stream in the relay.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct StreamRow<'a> {
    #[serde(skip_serializing_if = "is_default")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "is_default")]
    is_open: bool,
    #[serde(skip_serializing_if = "is_default")]
    is_heard: bool,
    #[serde(skip_serializing_if = "is_default")]
    lifeless_since: Option<u64>,
    /// Where its RTP is proven to come from.
    #[serde(borrow, skip_serializing_if = "is_default")]
    latched_rtp: Option<Cow<'a, str>>,
    /// And its RTCP.
    #[serde(skip_serializing_if = "is_default")]
    latched_rtcp: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    intercepted: bool,
    #[serde(skip_serializing_if = "is_default")]
    watched: bool,
    #[serde(skip_serializing_if = "is_default")]
    keyed: Option<KeyedRow<'a>>,
}

/// What has come of a handshake (RFC 5763).
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct KeyedRow<'a> {
    /// By the name that SDP has for it (RFC 4568 §6.2).
    #[serde(borrow)]
    suite: Cow<'a, str>,
    /// Key and salt of what we send, in base64.
    sends: Cow<'a, str>,
    /// Of what the peer sends.
    receives: Cow<'a, str>,
    /// The peer's certificate, DER in hexadecimal digits.
    certificate: Cow<'a, str>,
}

/// What is proven at a place, and what the relay does there.
#[derive(Clone, Copy, Debug)]
pub struct ProvenPort {
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    intercepted: bool,
    watched: bool,
}

impl ProvenPort {
    /// The same of this port.
    #[must_use]
    pub fn facts(self, port: PortId, kind: Kind) -> PortFacts {
        let Self { rtp: latched, rtcp: report_latched, intercepted, watched } = self;
        PortFacts { port, kind, latched, report_latched, intercepted, watched }
    }
}

impl<'a> StreamRow<'a> {
    /// Of this place, where the relay has it so.
    #[must_use]
    pub fn of(saved: &'a SavedStreamPort, ports: &[SavedPort]) -> Self {
        let SavedStreamPort { port, is_open, is_heard, lifeless_since, keyed } = saved;
        let facts = ports.iter().find(|saved| Some(saved.port) == *port).map(SavedPort::facts);
        let address = |address: Option<SocketAddr>| address.map(|at| at.to_string().into());
        Self {
            port: port.and_then(|port| u16::try_from(port.0).ok()),
            is_open: *is_open,
            is_heard: *is_heard,
            lifeless_since: lifeless_since.map(words::moment),
            latched_rtp: address(facts.and_then(|facts| facts.latched)),
            latched_rtcp: address(facts.and_then(|facts| facts.report_latched)),
            intercepted: facts.is_some_and(|facts| facts.intercepted),
            watched: facts.is_some_and(|facts| facts.watched),
            keyed: keyed.as_ref().map(KeyedRow::of),
        }
    }

    /// The place, and what is proven there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self) -> Result<(SavedStreamPort, ProvenPort), PartyFault> {
        const ADDRESS: &str = "an address and a port";
        let port = |number: u16| {
            let port = Some(PortId(number.into())).filter(|_| number > 0 && number < u16::MAX);
            need("port", "the port of RTP", port)
        };
        let address = |field, text: Cow<'_, str>| need(field, ADDRESS, text.parse().ok());
        let rtp = self.latched_rtp.map(|text| address("latched_rtp", text)).transpose()?;
        let rtcp = self.latched_rtcp.map(|text| address("latched_rtcp", text)).transpose()?;
        let place = SavedStreamPort {
            port: self.port.map(port).transpose()?,
            is_open: self.is_open,
            is_heard: self.is_heard,
            lifeless_since: self.lifeless_since.map(words::read_moment),
            keyed: self.keyed.map(KeyedRow::read).transpose()?,
        };
        let Self { intercepted, watched, .. } = self;
        Ok((place, ProvenPort { rtp, rtcp, intercepted, watched }))
    }
}

impl KeyedRow<'_> {
    fn of(keyed: &HandshakeOutcome) -> Self {
        let HandshakeOutcome { certificate, keys: HandshakeKeys { sends, receives } } = keyed;
        Self {
            suite: sends.suite().name().into(),
            sends: sends.to_inline().into(),
            receives: receives.to_inline().into(),
            certificate: words::hex(certificate).into(),
        }
    }

    fn read(self) -> Result<HandshakeOutcome, PartyFault> {
        let suite = need("keyed.suite", "the name of a suite", Suite::named(&self.suite))?;
        let key = |field, text: &str| need(field, "a key", MasterKey::parse(suite, text));
        let keys = HandshakeKeys {
            sends: key("keyed.sends", &self.sends)?,
            receives: key("keyed.receives", &self.receives)?,
        };
        let certificate = words::read_hex("keyed.certificate", &self.certificate)?;
        Ok(HandshakeOutcome { certificate: certificate.into(), keys })
    }
}
