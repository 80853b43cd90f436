//! The crypto suites (RFC 4568 §6.2, RFC 6188 §7, RFC 7714 §14).

use std::fmt;

/// What seals and proves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// AES in counter mode, and HMAC-SHA1.
    Counter,
    /// AES in Galois/counter mode.
    Gcm,
}

/// How packets are sealed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Suite {
    /// AES in counter mode with 128 bits, a tag of 80 bits: what all phones have.
    AesCm128Sha1_80,
    /// The same with a tag of 32 bits on RTP.
    AesCm128Sha1_32,
    /// 256 bits, a tag of 80 bits.
    AesCm256Sha1_80,
    /// AES in Galois/counter mode with 128 bits.
    AeadAes128Gcm,
    /// The same with 256 bits.
    AeadAes256Gcm,
}

impl Suite {
    /// All that we speak.
    pub const ALL: [Self; 5] = [
        Self::AesCm128Sha1_80,
        Self::AesCm128Sha1_32,
        Self::AesCm256Sha1_80,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// The suite of this name; none for those that we do not speak.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// As `a=crypto` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256Sha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Bytes of the master key.
    #[must_use]
    pub fn key_len(self) -> usize {
        match self {
            Self::AesCm128Sha1_80 | Self::AesCm128Sha1_32 | Self::AeadAes128Gcm => 16,
            Self::AesCm256Sha1_80 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    #[must_use]
    pub fn salt_len(self) -> usize {
        match self.mode() {
            Mode::Counter => 14,
            Mode::Gcm => 12,
        }
    }

    /// Bytes of master key and salt.
    pub(super) fn master_len(self) -> usize {
        self.key_len() + self.salt_len()
    }

    pub(super) fn mode(self) -> Mode {
        match self {
            Self::AesCm128Sha1_80 | Self::AesCm128Sha1_32 | Self::AesCm256Sha1_80 => Mode::Counter,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => Mode::Gcm,
        }
    }

    /// Bytes of the tag of a packet of RTP; that of RTCP has ten in counter mode, and 16 in the other.
    #[must_use]
    pub fn tag_len(self) -> usize {
        match self {
            Self::AesCm128Sha1_32 => 4,
            Self::AesCm128Sha1_80 | Self::AesCm256Sha1_80 => 10,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
