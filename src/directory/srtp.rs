//! Whether a phone or a trunk speaks under SRTP only.

/// Whether a phone or a trunk speaks under SRTP only.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Srtp {
    /// Where it offers it; who is reached over WebSocket is offered it by DTLS.
    #[default]
    Optional,
    /// Always: calls in clear are refused, and it is offered nothing else, under keys of the SDP (RFC 4568).
    Required,
    /// The same, with keys that are agreed by DTLS (RFC 5763).
    Dtls,
}

impl Srtp {
    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
            Self::Dtls => "dtls",
        }
    }

    /// What people have written.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Optional, Self::Required, Self::Dtls].into_iter().find(|srtp| srtp.name() == name)
    }
}
