//! One association: the library's state machine, and what of its output concerns us.

use super::identity::{DtlsIdentity, HANDSHAKE_TIME};
use super::keying;
use crate::dtls::{DtlsRole, HandshakeFault, HandshakeKeys};
use dimpl::{CertificateError, CryptoError, Dtls, Error, Output, SecurityError};
use std::sync::Arc;
use std::time::Instant;

/// Bytes of the buffer that the library writes into at first, and at most; it says when it needs more.
const BUFFER: usize = 2_048;
const BUFFER_MAX: usize = 1 << 17;
/// Output of one step; a step that has no end is a fault.
const OUTPUTS_MAX: usize = 256;
/// The longest certificate that is handed on, DER.
const CERTIFICATE_MAX: usize = 16_384;

/// Content types of records (RFC 5246 §6.2.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// Types of handshake messages (RFC 6347 §4.2.2).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// Bytes before the type of a handshake message: the header of a record of epoch 0.
const RECORD_HEADER: usize = 13;

/// What one step has brought about.
#[derive(Debug)]
pub(super) enum AssociationNews {
    /// It is done.
    Keyed(Arc<[u8]>, Box<HandshakeKeys>),
    /// The peer goes.
    Closed,
}

/// An association that is under way or done.
pub(super) struct Association {
    dtls: Dtls,
    role: DtlsRole,
    /// When the library wants to be asked again.
    wake: Instant,
    /// When it has to be done. The library counts from a whole ClientHello on, which may never come.
    ends: Instant,
    certificate: Option<Arc<[u8]>>,
    keys: Option<Box<HandshakeKeys>>,
    is_connected: bool,
    is_told: bool,
    is_closed: bool,
}

/// Whether a datagram begins a handshake: the first part of a ClientHello, in clear.
pub(super) fn begins_handshake(datagram: &[u8]) -> bool {
    handshake_type(datagram) == Some(CLIENT_HELLO)
}

/// The type of the handshake message whose beginning a datagram begins with, in epoch 0.
fn handshake_type(datagram: &[u8]) -> Option<u8> {
    let is_clear = datagram.first() == Some(&HANDSHAKE) && datagram.get(3..5)? == [0; 2];
    // `msg_type, length (3), message_seq (2), fragment_offset (3), fragment_length (3)`.
    let message = datagram.get(RECORD_HEADER..RECORD_HEADER + 12)?;
    (is_clear && message[6..9] == [0; 3]).then_some(message[0])
}

/// Whether a datagram is a fatal alert in clear.
fn is_fatal_alert(datagram: &[u8]) -> bool {
    datagram.first() == Some(&ALERT) && datagram.get(3..5) == Some(&[0; 2]) && {
        datagram.get(RECORD_HEADER) == Some(&2)
    }
}

impl Association {
    /// One that begins now; what it sends first is in `flight`.
    ///
    /// # Errors
    /// When it cannot even begin.
    pub fn begin(
        identity: &DtlsIdentity,
        role: DtlsRole,
        now: Instant,
        flight: &mut Vec<Vec<u8>>,
    ) -> Result<Self, HandshakeFault> {
        let config = Arc::clone(&identity.config);
        let mut dtls = Dtls::new_auto(config, identity.certificate.clone(), now);
        dtls.set_active(role == DtlsRole::Active);
        let mut this = Self {
            dtls,
            role,
            wake: now,
            ends: now + HANDSHAKE_TIME,
            certificate: None,
            keys: None,
            is_connected: false,
            is_told: false,
            is_closed: false,
        };
        // The library takes no datagram before it knows the time.
        this.step(now, None, flight)?;
        Ok(this)
    }

    /// When [`Association::step`] is due without a datagram.
    pub fn wake(&self) -> Instant {
        if self.is_connected { self.wake } else { self.wake.min(self.ends) }
    }

    /// Whether there are keys, or there was a whole handshake without.
    pub fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Takes in a datagram, or that time has passed; what is to be sent is added to the flight.
    ///
    /// # Errors
    /// Why it is over. What it still has to say is in the flight.
    pub fn step(
        &mut self,
        now: Instant,
        datagram: Option<&[u8]>,
        flight: &mut Vec<Vec<u8>>,
    ) -> Result<Option<AssociationNews>, HandshakeFault> {
        self.advance(now, None, flight)?;
        if !self.is_connected && now >= self.ends {
            return Err(HandshakeFault::TimedOut);
        }
        if let Some(datagram) = datagram
            && self.is_for_us(datagram)?
        {
            self.advance(now, Some(datagram), flight)?;
        }
        self.news()
    }

    fn advance(
        &mut self,
        now: Instant,
        datagram: Option<&[u8]>,
        flight: &mut Vec<Vec<u8>>,
    ) -> Result<(), HandshakeFault> {
        let result = match datagram {
            Some(datagram) => self.dtls.handle_packet(datagram),
            None => self.dtls.handle_timeout(now),
        };
        // After an error there may be an alert to send.
        let drained = self.drain(now, flight);
        match result {
            Ok(()) => drained,
            // Keys are there: nobody waits for anything but the end, and this is one.
            Err(Error::SecurityError(SecurityError::FatalAlert { .. })) if self.is_connected => {
                self.is_closed = true;
                Ok(())
            }
            Err(error) => {
                tracing::debug!("a DTLS association ends: {error:?}");
                Err(fault(&error))
            }
        }
    }

    /// Until a server has said its version the library takes everything else for the end.
    fn is_for_us(&self, datagram: &[u8]) -> Result<bool, HandshakeFault> {
        if self.role == DtlsRole::Passive || self.dtls.protocol_version().is_some() {
            return Ok(true);
        }
        if is_fatal_alert(datagram) {
            return Err(HandshakeFault::BrokenOff);
        }
        Ok(matches!(handshake_type(datagram), Some(SERVER_HELLO | HELLO_VERIFY_REQUEST)))
    }

    fn drain(&mut self, now: Instant, flight: &mut Vec<Vec<u8>>) -> Result<(), HandshakeFault> {
        let mut buffer = [0; BUFFER];
        let mut larger = Vec::new();
        for _ in 0..OUTPUTS_MAX {
            let room = if larger.is_empty() { &mut buffer[..] } else { &mut larger[..] };
            match self.dtls.poll_output(room) {
                Output::Packet(packet) => flight.push(packet.to_vec()),
                Output::BufferTooSmall { needed } if needed <= BUFFER_MAX => {
                    larger.resize(needed.max(BUFFER), 0);
                }
                Output::BufferTooSmall { .. } => return Err(HandshakeFault::Impossible),
                Output::Timeout(at) => {
                    self.wake = at.max(now);
                    return Ok(());
                }
                Output::Connected => self.is_connected = true,
                Output::PeerCert(der) if der.len() <= CERTIFICATE_MAX => {
                    self.certificate = Some(Arc::from(der));
                }
                Output::KeyingMaterial(material, profile) => {
                    self.keys = keying::keys(&material, profile, self.role);
                }
                Output::CloseNotify => self.is_closed = true,
                // Whoever sends data over it sends it to nobody; of a certificate that is too long we know none.
                Output::ApplicationData(_) | Output::PeerCert(_) => {}
                // The library may learn to say more.
                _others => {}
            }
        }
        Err(HandshakeFault::Internal)
    }

    fn news(&mut self) -> Result<Option<AssociationNews>, HandshakeFault> {
        if self.is_connected && !std::mem::replace(&mut self.is_told, self.is_connected) {
            let certificate = self.certificate.take().ok_or(HandshakeFault::NoCertificate)?;
            let keys = self.keys.take().ok_or(HandshakeFault::NoProfile)?;
            return Ok(Some(AssociationNews::Keyed(certificate, keys)));
        }
        Ok(self.is_closed.then_some(AssociationNews::Closed))
    }
}

/// What people are told of an error of the library.
fn fault(error: &Error) -> HandshakeFault {
    match error {
        Error::Timeout(_) => HandshakeFault::TimedOut,
        Error::SecurityError(SecurityError::FatalAlert { .. }) | Error::ConnectionClosed => {
            HandshakeFault::BrokenOff
        }
        Error::CertificateError(
            CertificateError::NoClientCertificateReceived
            | CertificateError::NoServerCertificateReceived
            | CertificateError::NoClientCertificateForVerification
            | CertificateError::NoServerCertificateForVerification,
        ) => HandshakeFault::NoCertificate,
        Error::CertificateError(_)
        | Error::CryptoError(
            CryptoError::UnsupportedPublicKeyAlgorithm
            | CryptoError::UnsupportedEcCurve
            | CryptoError::CertificateParseFailed
            | CryptoError::MissingEcCurveParameter
            | CryptoError::InvalidEcCurveParameter
            | CryptoError::InvalidSubjectPublicKey,
        ) => HandshakeFault::BadCertificate,
        Error::InvalidState(_) | Error::ConfigError(_) => HandshakeFault::Internal,
        // Of the rest people could do nothing with the difference; the log has it.
        _others => HandshakeFault::Impossible,
    }
}
