//! The hash by which a description names a certificate (RFC 8122 §5): `sha-256 12:DF:3E:…`.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;

/// The longest hash, in bytes.
const HASH_MAX: usize = 64;

/// The functions that a fingerprint may be made with. MD2 and MD5 prove nothing any more (RFC 8122 §5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FingerprintHash {
    /// 20 bytes. Old phones have nothing else.
    Sha1,
    /// 32 bytes: what everybody has.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl FingerprintHash {
    /// All that are taken.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// As the attribute names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// Bytes of its hashes.
    #[must_use]
    pub fn hash_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => HASH_MAX,
        }
    }

    fn of(self, bytes: &[u8]) -> [u8; HASH_MAX] {
        let mut hash = [0; HASH_MAX];
        let part = &mut hash[..self.hash_len()];
        match self {
            Self::Sha1 => part.copy_from_slice(&Sha1::digest(bytes)),
            Self::Sha256 => part.copy_from_slice(&Sha256::digest(bytes)),
            Self::Sha384 => part.copy_from_slice(&Sha384::digest(bytes)),
            Self::Sha512 => part.copy_from_slice(&Sha512::digest(bytes)),
        }
        hash
    }
}

/// One `a=fingerprint`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Fingerprint {
    function: FingerprintHash,
    /// Behind the function's own bytes there are zeros.
    hash: [u8; HASH_MAX],
}

impl Fingerprint {
    /// That of an attribute's value; none where the function is not taken, or the hash is not one of its. Small
    /// letters are taken, which the grammar has not and many write.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (name, digits) = value.trim().split_once(' ')?;
        let named = |function: &FingerprintHash| name.eq_ignore_ascii_case(function.name());
        let function = FingerprintHash::ALL.into_iter().find(named)?;
        let mut pairs = digits.trim().split(':');
        let mut hash = [0; HASH_MAX];
        for byte in &mut hash[..function.hash_len()] {
            let pair = pairs.next().filter(|pair| pair.len() == 2)?;
            // `from_str_radix` would take a sign.
            let is_hex = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_hex)?;
        }
        pairs.next().is_none().then_some(Self { function, hash })
    }

    /// That of a certificate, by SHA-256.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let function = FingerprintHash::Sha256;
        Self { function, hash: function.of(der) }
    }

    /// Whether it is that of this certificate. The bytes are no secret: they may be compared as they come.
    #[must_use]
    pub fn is_of(&self, der: &[u8]) -> bool {
        self.function.of(der) == self.hash
    }

    /// What it was made with.
    #[must_use]
    pub fn function(&self) -> FingerprintHash {
        self.function
    }
}

impl fmt::Display for Fingerprint {
    /// As the attribute has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name())?;
        let hash = &self.hash[..self.function.hash_len()];
        for (at, byte) in hash.iter().enumerate() {
            let before = if at == 0 { ' ' } else { ':' };
            write!(f, "{before}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The hashes of `abc`, of FIPS 180-4.
    const OF_ABC: [&str; 4] = [
        "sha-1 A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D",
        "sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD",
        "sha-384 CB:00:75:3F:45:A3:5E:8B:B5:A0:3D:69:9A:C6:50:07:27:2C:32:AB:0E:DE:D1:63:1A:8B:60:5A:43:FF:5B:ED:\
         80:86:07:2B:A1:E7:CC:23:58:BA:EC:A1:34:C8:25:A7",
        "sha-512 DD:AF:35:A1:93:61:7A:BA:CC:41:73:49:AE:20:41:31:12:E6:FA:4E:89:A9:7E:A2:0A:9E:EE:E6:4B:55:D3:9A:\
         21:92:99:2A:27:4F:C1:A8:36:BA:3C:23:A3:FE:EB:BD:45:4D:44:23:64:3C:E8:0E:2A:9A:C9:4F:A5:4C:A4:9F",
    ];

    #[test]
    fn a_fingerprint_of_each_function_is_its_certificates_alone() {
        for (text, function) in OF_ABC.into_iter().zip(FingerprintHash::ALL) {
            let fingerprint = Fingerprint::parse(text).unwrap();
            assert_eq!(fingerprint.function(), function);
            assert_eq!(fingerprint.to_string(), text);
            assert!(fingerprint.is_of(b"abc"), "{text}");
            assert!(!fingerprint.is_of(b"abd"), "{text}");
            assert!(!fingerprint.is_of(b""), "{text}");
        }
        assert_eq!(Fingerprint::of(b"abc").to_string(), OF_ABC[1]);
    }

    #[test]
    fn a_fingerprint_is_read_as_phones_write_it() {
        let written = OF_ABC[1].to_lowercase().replacen("sha-256 ", "SHA-256  ", 1);
        assert_eq!(Fingerprint::parse(&format!(" {written}\r")), Some(Fingerprint::of(b"abc")));
    }

    #[test]
    fn what_is_no_fingerprint_is_none() {
        let right = OF_ABC[0];
        let wrong = [
            String::new(),
            "sha-1".into(),
            "sha-1 ".into(),
            right.replace(':', ""),
            right.replace("sha-1", "sha-256"),
            right.replace("sha-1", "sha-224"),
            right.replace("sha-1", "md5"),
            right.replace("sha-1", "sha1"),
            format!("{right}:00"),
            format!("{right}:"),
            right.replacen("A9", "+9", 1),
            right.replacen("A9", "GG", 1),
            right.replacen("A9", "A", 1),
            right.replacen("A9", "ä", 1),
            right.replacen("A9", "0A9", 1),
            format!("sha-512 {}", "00:".repeat(100_000)),
        ];
        for text in wrong {
            assert_eq!(Fingerprint::parse(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(sha-(1|256|384|512) )?[0-9a-fA-F: +é]{0,200}") {
            if let Some(fingerprint) = Fingerprint::parse(&text) {
                prop_assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Some(fingerprint));
            }
        }
    }
}
