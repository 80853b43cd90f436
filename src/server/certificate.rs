//! The certificate that we show, and its key: a pair of PEM files, given or made by us.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The largest file of certificates or of a key, in bytes.
pub const PEM_BYTES_MAX: u64 = 1 << 20;
/// A certificate of our own holds for so long: browsers that trust it by hand take no longer ones.
const OWN_HOLDS: Duration = Duration::from_secs(730 * 24 * 3_600);
/// One that is known by its fingerprint alone holds for as long as anybody runs it.
const OWN_LASTS: Duration = Duration::from_secs(20 * 365 * 24 * 3_600);
/// Clocks of phones go wrong: it holds since so long.
const OWN_SINCE: Duration = Duration::from_secs(24 * 3_600);

/// Where a pair is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFiles {
    /// The certificate, and those up to the one that it is trusted by, in PEM.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// Why there is no certificate; the files are named by whoever says so.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// The file of the certificate.
    #[error("{0}: name a file that is there and may be read")]
    CertificateUnreadable(io::Error),
    /// It holds none.
    #[error(
        "there is no certificate in it: give one in PEM, that begins with `-----BEGIN CERTIFICATE-----`"
    )]
    NoCertificate,
    /// It holds what is none.
    #[error("this certificate cannot be used ({0}): give one of version 3 for a server")]
    BadCertificate(String),
    /// The file of the key.
    #[error("{0}: name a file that is there and may be read")]
    KeyUnreadable(io::Error),
    /// It holds none.
    #[error(
        "there is no key in it: give one in PEM without a passphrase, that begins with `-----BEGIN PRIVATE KEY-----`"
    )]
    NoKey,
    /// It holds one that we cannot use.
    #[error(
        "this key cannot be used ({0}): give one of RSA (2048 bits at least), ECDSA (P-256 or P-384) or Ed25519 (which no browser takes)"
    )]
    BadKey(String),
    /// They are of two pairs.
    #[error(
        "this is not the key of the certificate: give the key that the certificate was made for"
    )]
    Mismatch,
    /// Our own cannot be made or kept.
    #[error("no certificate can be made: {0}")]
    NotMade(String),
}

impl CertificateFault {
    /// Whether one of the two files is not there.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::CertificateUnreadable(error) | Self::KeyUnreadable(error) => {
                error.kind() == io::ErrorKind::NotFound
            }
            Self::NoCertificate
            | Self::BadCertificate(_)
            | Self::NoKey
            | Self::BadKey(_)
            | Self::Mismatch
            | Self::NotMade(_) => false,
        }
    }

    /// Whether the key is at fault, and not the certificate.
    #[must_use]
    pub fn is_of_key(&self) -> bool {
        match self {
            Self::KeyUnreadable(_) | Self::NoKey | Self::BadKey(_) | Self::Mismatch => true,
            Self::CertificateUnreadable(_)
            | Self::NoCertificate
            | Self::BadCertificate(_)
            | Self::NotMade(_) => false,
        }
    }
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// What handshakes are made with.
    pub(super) pair: Arc<CertifiedKey>,
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` writes it.
    pub fingerprint: String,
    /// Since when it holds, in seconds of Unix.
    pub begins: u64,
    /// When it ends, in seconds of Unix.
    pub ends: u64,
}

impl Certificate {
    /// Reads a pair, and whether its halves belong together.
    ///
    /// # Errors
    /// Which of the two cannot be used, why, and what to do.
    pub fn load(files: &CertificateFiles) -> Result<Self, CertificateFault> {
        let certificates =
            read(&files.certificate).map_err(CertificateFault::CertificateUnreadable)?;
        let key = read(&files.key).map_err(CertificateFault::KeyUnreadable)?;
        Self::of(&certificates, &key)
    }

    fn of(certificates: &[u8], key: &[u8]) -> Result<Self, CertificateFault> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|_| CertificateFault::NoCertificate)?;
        let first = chain.first().ok_or(CertificateFault::NoCertificate)?;
        let fingerprint = fingerprint(first);
        let bad = |why: &dyn std::fmt::Display| CertificateFault::BadCertificate(why.to_string());
        let validity = validity_of(first);
        let (begins, ends) = validity.ok_or_else(|| bad(&"it does not say when it holds"))?;
        ParsedCertificate::try_from(first).map_err(|error| bad(&error))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateFault::NoKey)?;
        let pair =
            CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => CertificateFault::Mismatch,
                other => CertificateFault::BadKey(other.to_string()),
            })?;
        Ok(Self { pair: Arc::new(pair), fingerprint, begins, ends })
    }

    /// Makes a pair for these names and addresses, from `now` on, in seconds of Unix; nobody but us has signed it.
    ///
    /// # Errors
    /// When it cannot be made or kept.
    pub fn make(
        files: &CertificateFiles,
        names: &[String],
        now: u64,
    ) -> Result<Self, CertificateFault> {
        Self::make_for(files, names, OWN_HOLDS, now)
    }

    /// The same for one that is known by its fingerprint alone, and never looked at for its end.
    ///
    /// # Errors
    /// When it cannot be made or kept.
    pub fn make_lasting(files: &CertificateFiles, now: u64) -> Result<Self, CertificateFault> {
        Self::make_for(files, &[], OWN_LASTS, now)
    }

    fn make_for(
        files: &CertificateFiles,
        names: &[String],
        holds: Duration,
        now: u64,
    ) -> Result<Self, CertificateFault> {
        let fault = |why: &dyn std::fmt::Display| CertificateFault::NotMade(why.to_string());
        let (made, key) = signed(names, holds, now).map_err(|error| fault(&error))?;
        write(&files.key, &key.serialize_pem()).map_err(|error| fault(&error))?;
        write(&files.certificate, &made.pem()).map_err(|error| fault(&error))?;
        Self::load(files)
    }

    /// The certificate itself, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.pair.cert.first().map_or(&[], |first| first.as_ref())
    }

    /// The private key of these files, DER.
    ///
    /// # Errors
    /// Why it cannot be read, and what to do.
    pub(super) fn key(files: &CertificateFiles) -> Result<Vec<u8>, CertificateFault> {
        let key = read(&files.key).map_err(CertificateFault::KeyUnreadable)?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| CertificateFault::NoKey)?;
        Ok(key.secret_der().to_vec())
    }

    /// Whether it is for this host.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let parsed = self.pair.end_entity_cert().and_then(ParsedCertificate::try_from);
        let (Ok(parsed), Ok(name)) = (parsed, ServerName::try_from(host)) else { return false };
        rustls::client::verify_server_name(&parsed, &name).is_ok()
    }
}

/// A new pair that nobody but us has signed.
fn signed(
    names: &[String],
    holds: Duration,
    now: u64,
) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, names.first().map_or("cordboard", String::as_str));
    params.distinguished_name = subject;
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now);
    (params.not_before, params.not_after) = (now - OWN_SINCE, now + holds);
    let made = params.self_signed(&key)?;
    Ok((made, key))
}

/// A lasting pair that is kept nowhere, DER.
///
/// # Errors
/// When it cannot be made.
pub(super) fn passing_pair(now: u64) -> Result<(Vec<u8>, Vec<u8>), CertificateFault> {
    let pair = signed(&[], OWN_LASTS, now);
    let (made, key) = pair.map_err(|error| CertificateFault::NotMade(error.to_string()))?;
    Ok((made.der().to_vec(), key.serialize_der()))
}

/// The cryptography of all handshakes.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a file by which others are trusted.
///
/// # Errors
/// When it cannot be read, or holds none.
pub fn load_authorities(path: &Path) -> Result<rustls::RootCertStore, CertificateFault> {
    let bytes = read(path).map_err(CertificateFault::CertificateUnreadable)?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|_| CertificateFault::NoCertificate)?;
        roots
            .add(certificate)
            .map_err(|error| CertificateFault::BadCertificate(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(CertificateFault::NoCertificate);
    }
    Ok(roots)
}

/// The bytes of a file that is not too large; a pipe is none, since it would wait for somebody who writes.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("this is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Nobody else may read what we write, and nobody reads half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    // Whatever is left of a start that was cut short.
    let _ = std::fs::remove_file(&beside);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(certificate) {
        let colon = if text.is_empty() { "" } else { ":" };
        let _ = write!(text, "{colon}{byte:02X}");
    }
    text
}

/// From when to when it holds. RFC 5280 §4.1: `TBSCertificate ::= [0] version, serialNumber, signature, issuer, validity, …`.
fn validity_of(certificate: &CertificateDer<'_>) -> Option<(u64, u64)> {
    let read = yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|certificate| {
            let validity = certificate.next().read_sequence(|tbs| {
                tbs.read_optional(|version| {
                    version.read_tagged(yasna::Tag::context(0), |it| it.read_u8())
                })?;
                for _ in ["serialNumber", "signature", "issuer"] {
                    tbs.next().read_der()?;
                }
                let validity = tbs.next().read_sequence(|validity| {
                    Ok((time(validity.next())?, time(validity.next())?))
                })?;
                rest(tbs)?;
                Ok(validity)
            })?;
            rest(certificate)?;
            Ok(validity)
        })
    });
    let (begins, ends) = read.ok()?;
    Some((u64::try_from(begins).unwrap_or(0), u64::try_from(ends).ok()?))
}

/// A moment in either of its two forms, in seconds of Unix.
fn time(reader: yasna::BERReader<'_, '_>) -> yasna::ASN1Result<i64> {
    Ok(match reader.lookahead_tag()? {
        yasna::tags::TAG_UTCTIME => reader.read_utctime()?.datetime().unix_timestamp(),
        _ => reader.read_generalized_time()?.datetime().unix_timestamp(),
    })
}

/// Passes over what else a sequence holds.
fn rest(sequence: &mut yasna::BERReaderSeq<'_, '_>) -> yasna::ASN1Result<()> {
    while sequence.read_optional(|reader| reader.read_der())?.is_some() {}
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// Seconds of Unix now.
    pub fn now() -> u64 {
        std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
    }

    pub fn files(directory: &Path, name: &str) -> CertificateFiles {
        let path = |end: &str| directory.join(format!("{name}.{end}"));
        CertificateFiles { certificate: path("crt"), key: path("key") }
    }

    #[test]
    fn a_certificate_that_is_made_reads_back_and_is_ours_alone() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path(), "own");
        let names = ["phones.example", "192.0.2.1"].map(str::to_owned);
        let made = Certificate::make(&files, &names, 1_700_000_000).unwrap();
        let (since, until) = (OWN_SINCE.as_secs(), OWN_HOLDS.as_secs());
        let holds = (1_700_000_000 - since, 1_700_000_000 + until);
        assert_eq!((made.begins, made.ends), holds);
        assert_eq!(made.fingerprint.len(), 32 * 3 - 1);
        assert!(made.is_for("phones.example") && made.is_for("192.0.2.1"));
        assert!(!made.is_for("other.example") && !made.is_for("192.0.2.2") && !made.is_for("*"));
        let again = Certificate::load(&files).unwrap();
        assert_eq!(again.fingerprint, made.fingerprint);
        for path in [&files.certificate, &files.key] {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let other = Certificate::make(&files, &names, 1_700_000_000).unwrap();
        assert_ne!(other.fingerprint, made.fingerprint);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (files(directory.path(), "one"), files(directory.path(), "two"));
        for files in [&one, &two] {
            Certificate::make(files, &["a.example".to_owned()], now()).unwrap();
        }
        let empty = directory.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        let garbage = directory.path().join("garbage");
        let text = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
        std::fs::write(&garbage, text).unwrap();
        let missing = directory.path().join("missing");
        for (certificate, key, is_of_key, said) in [
            (&one.certificate, &two.key, true, "not the key of the certificate"),
            (&one.certificate, &empty, true, "no key in it"),
            (&one.certificate, &one.certificate, true, "no key in it"),
            (&one.certificate, &missing, true, "No such file"),
            (&empty, &one.key, false, "no certificate in it"),
            (&garbage, &one.key, false, "cannot be used"),
            (&missing, &one.key, false, "No such file"),
            (&directory.path().to_owned(), &one.key, false, "no file"),
        ] {
            let pair = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
            let fault = Certificate::load(&pair).unwrap_err();
            assert!(fault.to_string().contains(said), "{fault}");
            assert_eq!(fault.is_of_key(), is_of_key, "{fault}");
        }
        assert!(load_authorities(&empty).is_err() && load_authorities(&garbage).is_err());
        assert_eq!(load_authorities(&one.certificate).unwrap().len(), 1);
    }
}
