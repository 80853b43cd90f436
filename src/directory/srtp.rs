//! Whether a phone or a trunk speaks under SRTP only.

/// Whether a phone or a trunk speaks under SRTP (RFC 4568) only.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Srtp {
    /// Where it offers it.
    #[default]
    Optional,
    /// Always: calls in clear are refused, and it is offered nothing else.
    Required,
}

impl Srtp {
    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }

    /// What people have written.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Optional, Self::Required].into_iter().find(|srtp| srtp.name() == name)
    }
}
