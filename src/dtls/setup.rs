//! Who sends the ClientHello (RFC 4145 §4, RFC 8842 §5.2).

/// What we are in a handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DtlsRole {
    /// The client: we send the ClientHello.
    Active,
    /// The server: we wait for it.
    Passive,
}

/// The value of `a=setup`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DtlsSetup {
    /// It will send the ClientHello.
    Active,
    /// It will wait for it.
    Passive,
    /// Either: who answers chooses.
    ActPass,
    /// Nothing is to be set up now.
    HoldConn,
}

impl DtlsSetup {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Active, Self::Passive, Self::ActPass, Self::HoldConn];

    /// That of an attribute's value; none where it is no such word.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        Self::ALL.into_iter().find(|setup| value.eq_ignore_ascii_case(setup.as_str()))
    }

    /// As the attribute has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_comes_back_from_its_word_and_others_are_none() {
        for setup in DtlsSetup::ALL {
            assert_eq!(DtlsSetup::parse(setup.as_str()), Some(setup));
        }
        assert_eq!(DtlsSetup::parse(" ActPass\r"), Some(DtlsSetup::ActPass));
        for value in ["", "act", "activepassive", "active passive", "аctive", &"a".repeat(10_000)]
        {
            assert_eq!(DtlsSetup::parse(value), None, "{value}");
        }
    }
}
