//! What a handshake exports for SRTP, as our master keys.

use crate::dtls::{DtlsRole, HandshakeKeys};
use crate::srtp::{MasterKey, Suite};
use dimpl::SrtpProfile;

/// The suite of a profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
fn suite(profile: SrtpProfile) -> Option<Suite> {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Some(Suite::AesCm128Sha1_80),
        SrtpProfile::AEAD_AES_128_GCM => Some(Suite::AeadAes128Gcm),
        SrtpProfile::AEAD_AES_256_GCM => Some(Suite::AeadAes256Gcm),
        // The library may learn others.
        _others => None,
    }
}

/// The keys of both directions out of `client key || server key || client salt || server salt` (RFC 5764 §4.2); none
/// where the profile is none of ours, or the material has another length.
pub(super) fn keys(
    material: &[u8],
    profile: SrtpProfile,
    ours: DtlsRole,
) -> Option<Box<HandshakeKeys>> {
    let suite = suite(profile)?;
    let (keys, salts) = material.split_at_checked(2 * suite.key_len())?;
    let (client_key, server_key) = keys.split_at(suite.key_len());
    let (client_salt, server_salt) = salts.split_at_checked(suite.salt_len())?;
    let client = MasterKey::of_parts(suite, client_key, client_salt)?;
    let server = MasterKey::of_parts(suite, server_key, server_salt)?;
    let (sends, receives) = match ours {
        DtlsRole::Active => (client, server),
        DtlsRole::Passive => (server, client),
    };
    Some(Box::new(HandshakeKeys { sends, receives }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_sends_with_its_own_half() {
        for profile in SrtpProfile::ALL {
            let suite = suite(*profile).unwrap();
            let parts = [(1, suite.key_len()), (2, suite.key_len()), (3, suite.salt_len())];
            let parts = parts.into_iter().chain([(4, suite.salt_len())]);
            let material: Vec<u8> = parts.flat_map(|(byte, len)| vec![byte; len]).collect();
            let of = |key, salt| {
                MasterKey::of_parts(
                    suite,
                    &vec![key; suite.key_len()],
                    &vec![salt; suite.salt_len()],
                )
            };
            let (client, server) = (of(1, 3).unwrap(), of(2, 4).unwrap());
            let passive = keys(&material, *profile, DtlsRole::Passive).unwrap();
            assert_eq!((&passive.sends, &passive.receives), (&server, &client), "{profile}");
            let active = keys(&material, *profile, DtlsRole::Active).unwrap();
            assert_eq!((&active.sends, &active.receives), (&client, &server), "{profile}");
            for wrong in [&material[1..], &[], &[&material[..], &[0]].concat()] {
                assert!(keys(wrong, *profile, DtlsRole::Active).is_none(), "{profile}");
            }
        }
    }
}
