//! A Binding request, read in its place.

use super::credentials::IceCredentials;
use super::message::{
    self, Attributes, COOKIE, FINGERPRINT_LEN, HEADER_LEN, INTEGRITY_LEN, TRANSACTION_AT,
    attribute, kind,
};
use subtle::ConstantTimeEq;

/// The longest message that is read, in bytes: a check has about 100.
const MESSAGE_MAX: usize = 1_280;
/// Attributes of one message.
const ATTRIBUTES_MAX: usize = 32;
/// Attributes that nobody here knows, of which the answer tells.
pub(super) const UNKNOWN_MAX: usize = 8;

/// Why a packet is no check.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StunFault {
    /// A response, an indication, another method: nobody here waits for one.
    #[error("no Binding request")]
    Kind,
    /// Cut off, of another length than it says, or too long.
    #[error("no whole message of STUN")]
    Form,
    /// The checksum is another one (RFC 8489 §14.7).
    #[error("the fingerprint is wrong")]
    Fingerprint,
    /// A check has a name and a proof (RFC 8445 §7.2.2).
    #[error("a check without user name or integrity")]
    Unproven,
}

/// A check, of which nothing is proven yet.
#[derive(Clone, Copy, Debug)]
pub struct BindingRequest<'a> {
    message: &'a [u8],
    username: &'a [u8],
    integrity: &'a [u8],
    /// Where the integrity begins.
    proven: usize,
    nominates: bool,
    is_controlled: bool,
    unknown: ([u16; UNKNOWN_MAX], usize),
}

impl<'a> BindingRequest<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// When it is none, or nothing could prove it.
    pub fn parse(packet: &'a [u8]) -> Result<Self, StunFault> {
        let header = packet.get(..HEADER_LEN).ok_or(StunFault::Form)?;
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let is_whole = packet.len() == HEADER_LEN + len && len.is_multiple_of(4);
        if header[4..TRANSACTION_AT] != COOKIE.to_be_bytes() || packet.len() > MESSAGE_MAX {
            return Err(StunFault::Form);
        }
        if u16::from_be_bytes([header[0], header[1]]) != kind::BINDING_REQUEST {
            return Err(StunFault::Kind);
        }
        if !is_whole {
            return Err(StunFault::Form);
        }
        let (mut username, mut integrity) = (None, None);
        let (mut nominates, mut is_controlled) = (false, false);
        let mut unknown = ([0; UNKNOWN_MAX], 0);
        let attributes = Attributes { message: packet, at: HEADER_LEN };
        for (count, found) in attributes.enumerate() {
            let (at, kind, value) =
                found.filter(|_| count < ATTRIBUTES_MAX).ok_or(StunFault::Form)?;
            match kind {
                attribute::FINGERPRINT => {
                    let is_last = packet.len() == at + 4 + FINGERPRINT_LEN;
                    if !is_last || message::fingerprint(&packet[..at]) != *value {
                        return Err(StunFault::Fingerprint);
                    }
                }
                // What follows the proof is not proven (§14.5).
                _ if integrity.is_some() => {}
                attribute::MESSAGE_INTEGRITY => integrity = Some((at, value)),
                attribute::USERNAME => username = username.or(Some(value)),
                attribute::USE_CANDIDATE => nominates = true,
                attribute::ICE_CONTROLLED => is_controlled = true,
                attribute::PRIORITY | attribute::OPTIONAL.. => {}
                other => {
                    let (all, len) = &mut unknown;
                    if *len < UNKNOWN_MAX {
                        all[*len] = other;
                        *len += 1;
                    }
                }
            }
        }
        let ((proven, integrity), username) = integrity.zip(username).ok_or(StunFault::Unproven)?;
        if integrity.len() != INTEGRITY_LEN {
            return Err(StunFault::Form);
        }
        Ok(Self { message: packet, username, integrity, proven, nominates, is_controlled, unknown })
    }

    /// Whether it is for this agent, whose name stands before the colon (RFC 8445 §7.2.2), and under its password.
    #[must_use]
    pub fn is_for(&self, agent: &IceCredentials) -> bool {
        let IceCredentials { ufrag, password } = agent;
        let is_named = self
            .username
            .strip_prefix(ufrag.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&b':'));
        let integrity = message::integrity(&self.message[..self.proven], password);
        is_named && bool::from(integrity.ct_eq(self.integrity))
    }

    /// By what it is told from all others of its sender (RFC 8489 §5): 96 random bits.
    #[must_use]
    pub fn id(&self) -> [u8; 12] {
        let mut id = [0; 12];
        id.copy_from_slice(&self.message[TRANSACTION_AT..HEADER_LEN]);
        id
    }

    /// Whether the address that it comes from is to be used from now on (RFC 8445 §7.3.1.5).
    #[must_use]
    pub fn nominates(&self) -> bool {
        self.nominates
    }

    /// Whether it thinks that we are in control, which a lite agent never is (RFC 8445 §6.1.1).
    #[must_use]
    pub fn is_controlled(&self) -> bool {
        self.is_controlled
    }

    /// What has to be understood and is not.
    #[must_use]
    pub fn unknown(&self) -> &[u16] {
        &self.unknown.0[..self.unknown.1]
    }

    pub(super) fn transaction(&self) -> &'a [u8] {
        &self.message[4..HEADER_LEN]
    }
}
