//! TLS (RFC 8446, RFC 5246; RFC 3261 §26.2, RFC 5922): who we are, and whom we believe.
//!
//! ```text
//!   files ── looked at each minute, at SIGHUP, at `cordboard reload` ──▶ a pair that fits ──▶ the next handshakes
//!                                                                   └──▶ one that does not: said, the old one stays
//!   one of our own that ends within a month, at the start and at each look ──▶ another is made
//! ```
//!
//! What is open goes on as it began. Nothing is negotiated anew on a connection: there is no such thing in TLS 1.3,
//! and of TLS 1.2 we do not speak that part.

use super::certificate::{self, Certificate, CertificateFault, CertificateFiles};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme,
};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How often it is looked whether the files are others.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A certificate that ends within so long is spoken of.
pub const ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 3_600);
/// One of our own is made anew when it ends within so long.
const RENEWED: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What can be set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsSettings {
    /// The pair that is given.
    pub certificate: Option<CertificateFiles>,
    /// Who connects by `tls:` has to have a certificate of one of these.
    pub client_ca: Option<PathBuf>,
    /// Whom we connect to has to have a certificate of one of these; without it of one that the system trusts.
    pub ca: Option<PathBuf>,
    /// Where our own pair is, if none is given.
    pub own: CertificateFiles,
    /// What our own is for: names and addresses.
    pub names: Vec<String>,
    /// Somebody may connect to us.
    pub is_wanted: bool,
}

/// Why nobody could connect to us.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// The certificate or its key.
    #[error("{}: {fault}", path.display())]
    Pair {
        /// Which file.
        path: PathBuf,
        /// Why.
        fault: CertificateFault,
    },
    /// The authorities.
    #[error("{}: {fault}", path.display())]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// Why.
        fault: CertificateFault,
    },
    /// Something that should fit does not.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What is known of our certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsStatus {
    /// SHA-256 of the certificate; nothing where nobody can connect.
    pub fingerprint: Option<String>,
    /// Nobody but us has signed it.
    pub is_own: bool,
    /// What an administrator has to do.
    pub trouble: Option<String>,
}

/// What a look at the files has brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateNews {
    /// Nothing.
    Same,
    /// Another certificate holds from now on, of this fingerprint.
    New(String),
    /// The files cannot be used, for this reason: what held before still does.
    Kept(String),
}

/// Everybody's handshakes.
#[derive(Debug)]
pub struct Tls {
    settings: TlsSettings,
    state: Mutex<TlsState>,
}

#[derive(Debug, Default)]
struct TlsState {
    current: Option<CurrentCertificate>,
    fault: Option<String>,
    /// Of the system, when somebody was connected to last.
    authorities: Option<Arc<RootCertStore>>,
}

/// What holds.
#[derive(Debug)]
struct CurrentCertificate {
    certificate: Certificate,
    client_ca: Option<Vec<u8>>,
    /// By `tls:`, and by `wss:`, where nobody is asked for a certificate.
    phones: Arc<ServerConfig>,
    browsers: Arc<ServerConfig>,
}

/// Who connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TlsPeer {
    /// By `tls:`.
    Phone,
    /// By `wss:`.
    Browser,
}

impl Tls {
    /// Reads the pair that is given, or makes one of our own where that is wanted.
    ///
    /// # Errors
    /// Which file cannot be used, and what to do.
    pub fn open(settings: TlsSettings, now: u64) -> Result<Self, TlsFault> {
        let this = Self { settings, state: Mutex::default() };
        let current = this.load(now)?;
        this.state().current = current;
        Ok(this)
    }

    /// Reads what is given, and makes nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn rehearse(mut settings: TlsSettings) -> Result<Self, TlsFault> {
        settings.is_wanted &= settings.certificate.is_some();
        Self::open(settings, 0)
    }

    /// Looks whether the files are others.
    pub fn look(&self, now: u64) -> CertificateNews {
        let loaded = self.load(now);
        let mut state = self.state();
        state.authorities = None;
        match loaded {
            Err(fault) => {
                let fault = fault.to_string();
                state.fault = Some(fault.clone());
                CertificateNews::Kept(fault)
            }
            Ok(new) => {
                state.fault = None;
                let is_same = match (&state.current, &new) {
                    (Some(old), Some(new)) => {
                        old.certificate.pair.cert == new.certificate.pair.cert
                            && old.client_ca == new.client_ca
                    }
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                };
                if is_same {
                    return CertificateNews::Same;
                }
                state.current = new;
                let new = state.current.as_ref();
                new.map_or(CertificateNews::Same, |new| {
                    CertificateNews::New(new.certificate.fingerprint.clone())
                })
            }
        }
    }

    /// How our certificate is at this second of Unix.
    pub fn status(&self, now: u64) -> TlsStatus {
        let state = self.state();
        let certificate = state.current.as_ref().map(|current| &current.certificate);
        let fingerprint = certificate.map(|certificate| certificate.fingerprint.clone());
        let ending = certificate.and_then(|certificate| ending(certificate.ends, now));
        let trouble =
            state.fault.clone().map(|fault| format!("the old certificate stays: {fault}"));
        let is_own = self.settings.certificate.is_none();
        TlsStatus { fingerprint, is_own, trouble: trouble.or(ending) }
    }

    /// Whether our certificate is for this host.
    pub fn is_for(&self, host: &str) -> bool {
        self.state().current.as_ref().is_some_and(|current| current.certificate.is_for(host))
    }

    /// What our own certificate should be for, and is not: it was made before that was so, and people may have accepted
    /// it as it is.
    pub fn missing_names(&self) -> Vec<String> {
        let state = self.state();
        let own = state.current.as_ref().filter(|_| self.settings.certificate.is_none());
        let missing = |name: &&String| {
            let can_be = ServerName::try_from(name.as_str()).is_ok();
            can_be && own.is_some_and(|own| !own.certificate.is_for(name))
        };
        self.settings.names.iter().filter(missing).cloned().collect()
    }

    /// How the next handshake is made with who connects.
    pub(super) fn acceptor(&self, peer: TlsPeer) -> Option<TlsAcceptor> {
        let state = self.state();
        let current = state.current.as_ref()?;
        let config = match peer {
            TlsPeer::Phone => &current.phones,
            TlsPeer::Browser => &current.browsers,
        };
        Some(TlsAcceptor::from(Arc::clone(config)))
    }

    /// How a handshake is made with whom we connect to: its certificate has to be for all of these names, which are
    /// host names or addresses. With the name that is asked for.
    ///
    /// # Errors
    /// Why nobody can be believed.
    pub(super) fn connector(
        &self,
        names: &BTreeSet<String>,
    ) -> Result<(TlsConnector, ServerName<'static>), String> {
        let names: Result<Vec<_>, _> =
            names.iter().map(|name| ServerName::try_from(name.clone())).collect();
        let names = names.map_err(|error| error.to_string())?;
        let first = names.first().cloned().ok_or("it has no name")?;
        let provider = certificate::provider();
        let authorities = self.authorities()?;
        let inner = WebPkiServerVerifier::builder_with_provider(authorities, Arc::clone(&provider));
        let inner = inner.build().map_err(|error| error.to_string())?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NamesVerifier { inner, names }));
        // A certificate that nobody but us has signed proves nothing to anybody.
        let given = self.settings.certificate.as_ref();
        let state = self.state();
        let config = match state.current.as_ref().filter(|_| given.is_some()) {
            Some(current) => {
                let pair = Arc::clone(&current.certificate.pair);
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
            }
            None => config.with_no_client_auth(),
        };
        Ok((TlsConnector::from(Arc::new(config)), first))
    }

    fn authorities(&self) -> Result<Arc<RootCertStore>, String> {
        if let Some(known) = self.state().authorities.clone() {
            return Ok(known);
        }
        let found = match &self.settings.ca {
            Some(path) => certificate::load_authorities(path)
                .map_err(|fault| format!("tls.ca = {}: {fault}", path.display()))?,
            None => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(
                        "this system trusts nobody: install ca-certificates, or give tls.ca".into(),
                    );
                }
                roots
            }
        };
        let found = Arc::new(found);
        self.state().authorities = Some(Arc::clone(&found));
        Ok(found)
    }

    fn load(&self, now: u64) -> Result<Option<CurrentCertificate>, TlsFault> {
        let Some(certificate) = self.certificate(now)? else { return Ok(None) };
        let (client_ca, asked) = match &self.settings.client_ca {
            None => (None, WebPkiClientVerifier::no_client_auth()),
            Some(path) => {
                let fault = |fault| TlsFault::Authorities { path: path.clone(), fault };
                let roots = certificate::load_authorities(path).map_err(fault)?;
                let bytes = certificate::read(path);
                let unreadable = |error| fault(CertificateFault::CertificateUnreadable(error));
                let verifier = WebPkiClientVerifier::builder_with_provider(
                    Arc::new(roots),
                    certificate::provider(),
                );
                let verifier = verifier
                    .build()
                    .map_err(|error| fault(CertificateFault::BadCertificate(error.to_string())))?;
                (Some(bytes.map_err(unreadable)?), verifier)
            }
        };
        let config = |asked| -> Result<Arc<ServerConfig>, rustls::Error> {
            let config = ServerConfig::builder_with_provider(certificate::provider())
                .with_safe_default_protocol_versions()?
                .with_client_cert_verifier(asked)
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(
                    &certificate.pair,
                ))));
            Ok(Arc::new(config))
        };
        let (phones, browsers) = (config(asked)?, config(WebPkiClientVerifier::no_client_auth())?);
        Ok(Some(CurrentCertificate { certificate, client_ca, phones, browsers }))
    }

    /// The pair that is given; else our own where one is wanted.
    fn certificate(&self, now: u64) -> Result<Option<Certificate>, TlsFault> {
        let fault = |files: &CertificateFiles, fault: CertificateFault| {
            let path = if fault.is_of_key() { &files.key } else { &files.certificate };
            TlsFault::Pair { path: path.clone(), fault }
        };
        if let Some(given) = &self.settings.certificate {
            return Certificate::load(given).map(Some).map_err(|it| fault(given, it));
        }
        if !self.settings.is_wanted {
            return Ok(None);
        }
        let own = &self.settings.own;
        let known = match Certificate::load(own) {
            // One that begins later was made while the clock was wrong.
            Ok(known) => Some(known)
                .filter(|known| known.begins <= now && known.ends > now + RENEWED.as_secs()),
            // A start ended between the two files; what merely cannot be read is not replaced.
            Err(it) if it.is_missing() || matches!(it, CertificateFault::Mismatch) => None,
            Err(it) => return Err(fault(own, it)),
        };
        let made = || Certificate::make(own, &self.settings.names, now);
        known.map_or_else(made, Ok).map(Some).map_err(|it| fault(own, it))
    }

    fn state(&self) -> MutexGuard<'_, TlsState> {
        // It is whole whoever has let go of it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be said of a certificate that ends then.
fn ending(ends: u64, now: u64) -> Option<String> {
    let left = ends.saturating_sub(now);
    let days = left.div_ceil(24 * 3_600);
    match left {
        0 => Some("the certificate has ended: renew it".to_owned()),
        left if left <= ENDS_SOON.as_secs() => {
            Some(format!("the certificate ends within {days} days: renew it"))
        }
        _ => None,
    }
}

/// A certificate has to be for every name that leads to its address: what is sent there may be for any of them.
#[derive(Debug)]
struct NamesVerifier {
    inner: Arc<WebPkiServerVerifier>,
    names: Vec<ServerName<'static>>,
}

impl ServerCertVerifier for NamesVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        for name in &self.names {
            self.inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Why a handshake has failed, in words for whoever can do something about it.
pub(super) fn why(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(error) = inner else { return error.to_string() };
    match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has ended".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate does not hold yet: is this machine's clock right?".to_owned()
            }
            // An authority of the same name with another key has signed it.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is signed by nobody whom we trust".to_owned()
            }
            CertificateError::NotValidForName => "its certificate is another host's".to_owned(),
            CertificateError::NotValidForNameContext { expected, presented } => {
                let presented: Vec<_> = presented.iter().take(4).map(String::as_str).collect();
                format!(
                    "its certificate is not for {} but for {}",
                    expected.to_str(),
                    presented.join(", ")
                )
            }
            // What `openssl req -x509` makes says so unless it is told not to.
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                "its certificate is an authority's, no host's (basicConstraints CA:TRUE)".to_owned()
            }
            other => format!("its certificate is bad: {other:?}"),
        },
        rustls::Error::NoCertificatesPresented => "it has shown no certificate".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::certificate::tests::{files, now};
    use super::*;
    use std::path::Path;

    pub fn settings(directory: &Path) -> TlsSettings {
        TlsSettings {
            certificate: None,
            client_ca: None,
            ca: None,
            own: files(directory, "own"),
            names: vec!["phones.example".to_owned(), "127.0.0.1".to_owned()],
            is_wanted: true,
        }
    }

    fn given(directory: &Path, name: &str) -> TlsSettings {
        TlsSettings { certificate: Some(files(directory, name)), ..settings(directory) }
    }

    #[test]
    fn one_of_our_own_is_made_once_where_it_is_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let unwanted = TlsSettings { is_wanted: false, ..settings(directory.path()) };
        let tls = Tls::open(unwanted, now()).unwrap();
        assert!(tls.acceptor(TlsPeer::Phone).is_none());
        assert_eq!(tls.status(now()).fingerprint, None);
        let tls = Tls::rehearse(settings(directory.path())).unwrap();
        assert!(tls.acceptor(TlsPeer::Phone).is_none());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let fingerprint = |now| {
            Tls::open(settings(directory.path()), now).unwrap().status(now).fingerprint.unwrap()
        };
        let first = fingerprint(now());
        assert_eq!(fingerprint(now()), first, "it is kept");
        assert_ne!(fingerprint(now() + 701 * 86_400), first, "it would end");
    }

    #[test]
    fn our_own_is_made_anew_while_we_run_before_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let (start, day) = (now(), 86_400);
        let tls = Tls::open(settings(directory.path()), start).unwrap();
        let fingerprint = || tls.status(start).fingerprint.unwrap();
        let first = fingerprint();
        assert_eq!(tls.look(start + 699 * day), CertificateNews::Same);
        let CertificateNews::New(second) = tls.look(start + 701 * day) else { panic!("it ends") };
        assert!(second != first && fingerprint() == second);
        assert_eq!(tls.status(start + 701 * day).trouble, None);
        assert_eq!(tls.look(start + 1_399 * day), CertificateNews::Same);
        assert!(matches!(tls.look(start + 1_402 * day), CertificateNews::New(_)));
        // A clock that was wrong and has been put right: what it made does not hold yet.
        assert!(matches!(tls.look(start), CertificateNews::New(_)));
        assert_eq!(tls.look(start), CertificateNews::Same);
    }

    #[test]
    fn what_our_own_is_not_for_is_known_and_it_stays() {
        let directory = tempfile::tempdir().unwrap();
        let tls = Tls::open(settings(directory.path()), now()).unwrap();
        assert_eq!(tls.missing_names(), [] as [&str; 0]);
        let mut more = settings(directory.path());
        more.names.extend(["10.8.0.7", "fd00:77::1", "no name"].map(str::to_owned));
        let next = Tls::open(more.clone(), now()).unwrap();
        assert_eq!(next.status(now()).fingerprint, tls.status(now()).fingerprint);
        assert_eq!(next.missing_names(), ["10.8.0.7", "fd00:77::1"]);
        more.certificate = Some(more.own.clone());
        let given = Tls::open(more, now()).unwrap();
        assert_eq!(given.missing_names(), [] as [&str; 0], "it is its owner's affair");
    }

    #[test]
    fn new_files_hold_and_bad_ones_leave_what_was() {
        let directory = tempfile::tempdir().unwrap();
        let (here, there) = (files(directory.path(), "a"), files(directory.path(), "b"));
        let name = ["phones.example".to_owned()];
        let first = Certificate::make(&here, &name, now()).unwrap();
        let second = Certificate::make(&there, &name, now()).unwrap();
        let tls = Tls::open(given(directory.path(), "a"), now()).unwrap();
        assert_eq!(tls.look(now()), CertificateNews::Same);
        std::fs::copy(&there.certificate, &here.certificate).unwrap();
        let CertificateNews::Kept(why) = tls.look(now()) else { panic!("a pair of two") };
        assert!(why.contains("a.key") && why.contains("not the key"), "{why}");
        let status = tls.status(now());
        assert_eq!(status.fingerprint, Some(first.fingerprint));
        assert!(status.trouble.unwrap().contains("the old certificate stays"));
        std::fs::copy(&there.key, &here.key).unwrap();
        assert_eq!(tls.look(now()), CertificateNews::New(second.fingerprint));
        assert_eq!(tls.status(now()).trouble, None);
        std::fs::remove_file(&here.key).unwrap();
        assert!(matches!(tls.look(now()), CertificateNews::Kept(_)));
        assert!(tls.acceptor(TlsPeer::Browser).is_some());
    }

    #[test]
    fn a_certificate_that_ends_soon_is_spoken_of() {
        let day = 24 * 3_600;
        assert_eq!(ending(100 * day, 85 * day), None);
        assert_eq!(
            ending(100 * day, 86 * day).unwrap(),
            "the certificate ends within 14 days: renew it"
        );
        assert_eq!(ending(100 * day, 100 * day).unwrap(), "the certificate has ended: renew it");
    }

    #[test]
    fn authorities_are_read_again_and_have_to_be_some() {
        let directory = tempfile::tempdir().unwrap();
        let ca = directory.path().join("ca");
        let settings = TlsSettings { client_ca: Some(ca.clone()), ..settings(directory.path()) };
        let fault = Tls::open(settings.clone(), now()).unwrap_err();
        assert!(fault.to_string().contains("/ca: No such file"), "{fault}");
        std::fs::copy(&settings.own.certificate, &ca).unwrap();
        let tls = Tls::open(settings, now()).unwrap();
        assert_eq!(tls.look(now()), CertificateNews::Same);
        std::fs::write(&ca, "nobody").unwrap();
        assert!(matches!(tls.look(now()), CertificateNews::Kept(_)));
        let nobody = BTreeSet::from(["no name".to_owned()]);
        assert!(tls.connector(&nobody).is_err() && tls.connector(&BTreeSet::new()).is_err());
    }
}
