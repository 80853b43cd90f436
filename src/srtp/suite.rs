//! The crypto suites (RFC 4568 §6.2, RFC 6188 §7).

use std::fmt;

/// How packets are sealed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Suite {
    /// AES in counter mode with 128 bits, a tag of 80 bits: what all phones have.
    AesCm128Sha1_80,
    /// The same with a tag of 32 bits on RTP.
    AesCm128Sha1_32,
    /// 256 bits, a tag of 80 bits.
    AesCm256Sha1_80,
}

const ALL: [Suite; 3] = [Suite::AesCm128Sha1_80, Suite::AesCm128Sha1_32, Suite::AesCm256Sha1_80];

impl Suite {
    /// The suite of this name; none for those that we do not speak.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// As `a=crypto` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256Sha1_80 => "AES_256_CM_HMAC_SHA1_80",
        }
    }

    /// Bytes of the master key.
    #[must_use]
    pub fn key_len(self) -> usize {
        match self {
            Self::AesCm128Sha1_80 | Self::AesCm128Sha1_32 => 16,
            Self::AesCm256Sha1_80 => 32,
        }
    }

    /// Bytes of the tag behind a packet of RTP; behind RTCP there are always ten.
    #[must_use]
    pub fn tag_len(self) -> usize {
        match self {
            Self::AesCm128Sha1_32 => 4,
            Self::AesCm128Sha1_80 | Self::AesCm256Sha1_80 => 10,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
