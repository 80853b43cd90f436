//! By what we are known in handshakes: a certificate of our own, apart from that of TLS, so that a new one there never
//! changes the fingerprint that descriptions carry.

use crate::dtls::Fingerprint;
use crate::server::certificate::{Certificate, CertificateFault, CertificateFiles, passing_pair};
use dimpl::{Config, DtlsCertificate};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The largest datagram that we send: what every path of a browser carries.
const MTU: usize = 1_200;
/// A flight is sent anew after so long at first, then after twice as long each time.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// Flights that are sent anew; the time of all ends it before.
const RETRIES: usize = 20;
/// From the ClientHello to the keys.
pub(super) const HANDSHAKE_TIME: Duration = Duration::from_secs(30);

/// A certificate, its key, and how handshakes are made with them.
#[derive(Clone)]
pub struct DtlsIdentity {
    pub(super) certificate: DtlsCertificate,
    pub(super) config: Arc<Config>,
    fingerprint: Fingerprint,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum DtlsIdentityFault {
    /// The pair of files.
    #[error("{}: {fault}", path.display())]
    Pair {
        /// Which of the two.
        path: PathBuf,
        /// Why.
        fault: CertificateFault,
    },
    /// Browsers and we agree on this one alone.
    #[error("{}: this is no key of ECDSA (P-256): remove it and its certificate, and a pair is made", .0.display())]
    WrongKey(PathBuf),
    /// None can be made.
    #[error("{0}")]
    NotMade(CertificateFault),
    /// The library's own fault.
    #[error("DTLS cannot be used: {0}")]
    Library(String),
}

impl DtlsIdentity {
    /// The pair of these files; made where there is none yet, or it has ended at `now`, in seconds of Unix.
    ///
    /// # Errors
    /// Which file cannot be used, why, and what to do.
    pub fn open(files: &CertificateFiles, now: u64) -> Result<Self, DtlsIdentityFault> {
        let fault = |fault: CertificateFault| {
            let path = if fault.is_of_key() { &files.key } else { &files.certificate };
            DtlsIdentityFault::Pair { path: path.clone(), fault }
        };
        let is_there = files.certificate.exists() && files.key.exists();
        let known = is_there.then(|| Certificate::load(files)).transpose().map_err(fault)?;
        let known = known.filter(|known| known.ends > now);
        let made = || Certificate::make_lasting(files, now);
        let pair = known.map_or_else(made, Ok).map_err(fault)?;
        let key = Certificate::key(files).map_err(fault)?;
        Self::of(pair.der(), &key).map_err(|why| match why {
            DtlsIdentityFault::WrongKey(_) => DtlsIdentityFault::WrongKey(files.key.clone()),
            other => other,
        })
    }

    /// One that is kept nowhere, made at `now`, in seconds of Unix.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fresh(now: u64) -> Result<Self, DtlsIdentityFault> {
        let (certificate, key) = passing_pair(now).map_err(DtlsIdentityFault::NotMade)?;
        Self::of(&certificate, &key)
    }

    fn of(certificate: &[u8], key: &[u8]) -> Result<Self, DtlsIdentityFault> {
        let config = Config::builder()
            .mtu(MTU)
            .flight_start_rto(RETRY_AFTER)
            .flight_retries(RETRIES)
            .handshake_timeout(HANDSHAKE_TIME)
            // A check under our password has proven the address already.
            .use_server_cookie(false)
            .build();
        let config = config.map_err(|error| DtlsIdentityFault::Library(error.to_string()))?;
        let provider = config.crypto_provider().key_provider;
        let is_usable = provider.load_private_key(key).is_ok();
        if !is_usable {
            return Err(DtlsIdentityFault::WrongKey(PathBuf::new()));
        }
        Ok(Self {
            fingerprint: Fingerprint::of(certificate),
            certificate: DtlsCertificate {
                certificate: certificate.to_vec(),
                private_key: key.to_vec(),
            },
            config: Arc::new(config),
        })
    }

    /// What our descriptions carry.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// The key is for no log.
impl fmt::Debug for DtlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DtlsIdentity({}, …)", self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::certificate::tests::{files, now};

    #[test]
    fn it_is_made_once_and_kept_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path(), "dtls");
        let made = DtlsIdentity::open(&files, now()).unwrap();
        let again = DtlsIdentity::open(&files, now()).unwrap();
        assert_eq!(made.fingerprint(), again.fingerprint());
        assert!(made.fingerprint().is_of(&again.certificate.certificate));
        let years = |count: u64| count * 365 * 24 * 3_600;
        let later = DtlsIdentity::open(&files, now() + years(10)).unwrap();
        assert_eq!(made.fingerprint(), later.fingerprint());
        let last = DtlsIdentity::open(&files, now() + years(40)).unwrap();
        assert_ne!(made.fingerprint(), last.fingerprint());
        assert!(!format!("{made:?}").contains("private"));
    }

    #[test]
    fn a_pair_that_cannot_be_used_is_named_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path(), "dtls");
        DtlsIdentity::open(&files, now()).unwrap();
        std::fs::write(&files.key, "no key").unwrap();
        let said = DtlsIdentity::open(&files, now()).unwrap_err().to_string();
        assert!(said.contains("dtls.key") && said.contains("no key in it"), "{said}");
        assert_eq!(std::fs::read_to_string(&files.key).unwrap(), "no key");
        let said = DtlsIdentity::of(&[0; 10], &[1; 40]).unwrap_err().to_string();
        assert!(said.contains("P-256"), "{said}");
    }
}
