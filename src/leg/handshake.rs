//! DTLS in a description (RFC 5763, RFC 8842): by which certificates a side is known, and who begins the handshake.

use crate::dtls::{DtlsRole, DtlsSetup, Fingerprint};
use crate::sdp::{Attribute, MediaDescription, SessionDescription};

/// The most fingerprints of one side; browsers have one.
pub const FINGERPRINTS_MAX: usize = 8;

/// What a peer says of its side of a handshake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerHandshake {
    /// Of its certificates; it will show one of them (RFC 8122 §5). There is at least one.
    pub fingerprints: Vec<Fingerprint>,
    /// What it is ready to be; none where it does not say.
    pub setup: Option<DtlsSetup>,
}

/// What we say of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OurHandshake {
    /// Of our certificate.
    pub fingerprint: Fingerprint,
    /// In an offer either, in an answer what we are.
    pub setup: DtlsSetup,
}

impl PeerHandshake {
    /// That of a section, or of all; none where there is no fingerprint that proves anything.
    #[must_use]
    pub fn of(session: &SessionDescription, media: &MediaDescription) -> Option<Self> {
        let own = media.attributes_named("fingerprint");
        let all = session.attributes.iter().filter(|a| a.is("fingerprint")).map(Attribute::text);
        let read = own.filter_map(Fingerprint::parse).take(FINGERPRINTS_MAX);
        let mut fingerprints: Vec<_> = read.collect();
        if fingerprints.is_empty() {
            fingerprints.extend(all.filter_map(Fingerprint::parse).take(FINGERPRINTS_MAX));
        }
        let setup = media.attribute("setup").or_else(|| session.attribute("setup"));
        let setup = setup.and_then(DtlsSetup::parse);
        (!fingerprints.is_empty()).then_some(Self { fingerprints, setup })
    }

    /// Whether this certificate, in DER, is one of its.
    #[must_use]
    pub fn knows(&self, certificate: &[u8]) -> bool {
        self.fingerprints.iter().any(|fingerprint| fingerprint.is_of(certificate))
    }
}

impl OurHandshake {
    /// Our side in an offer: the peer chooses.
    #[must_use]
    pub fn offered(fingerprint: Fingerprint) -> Self {
        Self { fingerprint, setup: DtlsSetup::ActPass }
    }

    /// Our side in answer to an offer: passive, since the peer's packets open its NAT, unless it is; what was chosen
    /// before stays (RFC 8842 §5.3).
    #[must_use]
    pub fn answering(
        fingerprint: Fingerprint,
        theirs: &PeerHandshake,
        before: Option<DtlsRole>,
    ) -> Self {
        let setup = match (theirs.setup, before) {
            (Some(DtlsSetup::Passive), _) | (Some(DtlsSetup::ActPass), Some(DtlsRole::Active)) => {
                DtlsSetup::Active
            }
            (Some(DtlsSetup::Active | DtlsSetup::ActPass | DtlsSetup::HoldConn) | None, _) => {
                DtlsSetup::Passive
            }
        };
        Self { fingerprint, setup }
    }

    /// Our side of a section of ours.
    #[must_use]
    pub fn of(media: &MediaDescription) -> Option<Self> {
        let fingerprint = Fingerprint::parse(media.attribute("fingerprint")?)?;
        let setup = DtlsSetup::parse(media.attribute("setup")?)?;
        Some(Self { fingerprint, setup })
    }

    /// What we are, beside a peer that says this; one that says nothing of an offer of ours waits (RFC 4145 §4).
    #[must_use]
    pub fn role(&self, theirs: &PeerHandshake) -> DtlsRole {
        match (self.setup, theirs.setup) {
            (DtlsSetup::Active, _) | (DtlsSetup::ActPass, Some(DtlsSetup::Passive) | None) => {
                DtlsRole::Active
            }
            (DtlsSetup::Passive | DtlsSetup::HoldConn, _)
            | (
                DtlsSetup::ActPass,
                Some(DtlsSetup::Active | DtlsSetup::ActPass | DtlsSetup::HoldConn),
            ) => DtlsRole::Passive,
        }
    }
}
