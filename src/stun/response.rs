//! What is said to a check.

use super::message::{self, COOKIE, attribute, kind};
use super::request::{BindingRequest, UNKNOWN_MAX};
use std::net::{IpAddr, SocketAddr};

/// Why a check that is proven is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CheckRefusal {
    /// 420: it has to be understood, and is not (RFC 8489 §6.3.1).
    UnknownAttribute,
    /// 487: both think that the other is in control (RFC 8445 §7.3.1.1).
    RoleConflict,
}

/// Says where the check comes from, in place of what is in `response`.
pub fn accept(
    request: &BindingRequest<'_>,
    from: SocketAddr,
    password: &str,
    response: &mut Vec<u8>,
) {
    begin(kind::BINDING_SUCCESS, request, response);
    let (value, len) = crossed(from, request.transaction());
    message::push(response, attribute::XOR_MAPPED_ADDRESS, &value[..len]);
    end(password, response);
}

/// Says why it is not taken, in place of what is in `response`.
pub fn refuse(
    request: &BindingRequest<'_>,
    refusal: CheckRefusal,
    password: &str,
    response: &mut Vec<u8>,
) {
    begin(kind::BINDING_ERROR, request, response);
    // Two zeros, hundreds, and the rest (RFC 8489 §14.8).
    let (code, words): ([u8; 4], &[u8]) = match refusal {
        CheckRefusal::UnknownAttribute => ([0, 0, 4, 20], b"Unknown Attribute"),
        CheckRefusal::RoleConflict => ([0, 0, 4, 87], b"Role Conflict"),
    };
    let mut reason = [0; 32];
    reason[..4].copy_from_slice(&code);
    reason[4..][..words.len()].copy_from_slice(words);
    message::push(response, attribute::ERROR_CODE, &reason[..4 + words.len()]);
    if refusal == CheckRefusal::UnknownAttribute {
        let mut kinds = [0; 2 * UNKNOWN_MAX];
        let unknown = request.unknown();
        for (place, kind) in kinds.chunks_exact_mut(2).zip(unknown) {
            place.copy_from_slice(&kind.to_be_bytes());
        }
        message::push(response, attribute::UNKNOWN_ATTRIBUTES, &kinds[..2 * unknown.len()]);
    }
    end(password, response);
}

fn begin(kind: u16, request: &BindingRequest<'_>, response: &mut Vec<u8>) {
    response.clear();
    response.extend_from_slice(&kind.to_be_bytes());
    response.extend_from_slice(&[0, 0]);
    response.extend_from_slice(request.transaction());
}

fn end(password: &str, response: &mut Vec<u8>) {
    let integrity = message::integrity(response, password);
    message::push(response, attribute::MESSAGE_INTEGRITY, &integrity);
    let fingerprint = message::fingerprint(response);
    message::push(response, attribute::FINGERPRINT, &fingerprint);
    let len = u16::try_from(response.len() - message::HEADER_LEN).unwrap_or(u16::MAX);
    response[2..4].copy_from_slice(&len.to_be_bytes());
}

/// An address crossed with cookie and transaction, so that no router takes it for one to rewrite (RFC 8489 §14.2); and
/// how long that is.
fn crossed(address: SocketAddr, cookie_and_transaction: &[u8]) -> ([u8; 20], usize) {
    let mut value = [0; 20];
    let port = address.port() ^ (COOKIE >> 16) as u16;
    value[2..4].copy_from_slice(&port.to_be_bytes());
    let (family, len) = match address.ip() {
        IpAddr::V4(ip) => {
            value[4..8].copy_from_slice(&ip.octets());
            (1, 8)
        }
        IpAddr::V6(ip) => {
            value[4..20].copy_from_slice(&ip.octets());
            (2, 20)
        }
    };
    value[1] = family;
    value[4..len].iter_mut().zip(cookie_and_transaction).for_each(|(byte, mask)| *byte ^= mask);
    (value, len)
}
