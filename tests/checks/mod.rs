//! Connectivity checks as an agent of the tests sends them, made by another hand than the product's.

#![allow(dead_code)] // Not every test makes its own.

use hmac::{KeyInit, Mac};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is nominated is to be used from now on (RFC 8445 §7.1.2).
pub const USE_CANDIDATE: (u16, &[u8]) = (0x25, &[]);

/// A check of the agent of this name.
pub fn check_for(ufrag: &str, password: &str, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    // Each is another one.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut id = [0x5a; 12];
    id[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let name = format!("{ufrag}:them");
    let all = [&[(6, name.as_bytes()), (0x24, &[0x6e, 0, 1, 0xff][..])], attributes].concat();
    numbered(id, &all, password)
}

/// A check with these attributes, then proof and fingerprint.
pub fn made(attributes: &[(u16, &[u8])], password: &str) -> Vec<u8> {
    numbered([0x5a; 12], attributes, password)
}

fn numbered(id: [u8; 12], attributes: &[(u16, &[u8])], password: &str) -> Vec<u8> {
    let mut packet = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &id].concat();
    let push = |packet: &mut Vec<u8>, kind: u16, value: &[u8]| {
        packet.extend(kind.to_be_bytes());
        packet.extend((value.len() as u16).to_be_bytes());
        packet.extend(value);
        while !packet.len().is_multiple_of(4) {
            packet.push(0);
        }
    };
    for (kind, value) in attributes {
        push(&mut packet, *kind, value);
    }
    let set_len = |packet: &mut Vec<u8>, more: usize| {
        let len = (packet.len() - 20 + more) as u16;
        packet[2..4].copy_from_slice(&len.to_be_bytes());
    };
    set_len(&mut packet, 24);
    let proof = hmac_sha1(password.as_bytes(), &packet);
    push(&mut packet, 8, &proof);
    set_len(&mut packet, 8);
    let sum = crc32(&packet) ^ 0x5354_554e;
    push(&mut packet, 0x8028, &sum.to_be_bytes());
    packet
}

pub fn hmac_sha1(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(key);
    let mut mac = mac.expect("HMAC takes keys of every length");
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}
