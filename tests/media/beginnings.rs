//! Where pictures begin and end at a receiver: with a whole one, whatever a switch or a pause falls into.

use super::relay::*;
use super::{VP8_DELTA, VP8_KEY};
use cordboard::codec::Codec;
use cordboard::ids::PortId;
use cordboard::media::Source;
use cordboard::time::Duration;

impl Relay {
    /// A camera sends one picture, a packet for each of these payloads, the last one marked.
    fn send_picture(&mut self, port: PortId, payloads: &[&[u8]]) {
        let timestamp = self.phone(port).timestamp;
        for (n, payload) in payloads.iter().enumerate() {
            let number = self.phone(port).payload_type;
            let mut packet = self.phone(port).packet_of(number, timestamp, payload);
            packet[1] |= if n + 1 == payloads.len() { 0x80 } else { 0 };
            self.arrives(port, &packet);
        }
        self.phone(port).timestamp = timestamp.wrapping_add(3000);
        self.pass(40);
    }

    /// The payloads that a phone has got.
    fn payloads_to(&self, port: PortId) -> Vec<Vec<u8>> {
        self.rtp_to(port).iter().map(|sent| sent.payload().to_vec()).collect()
    }
}

/// The event loop was held up while the answer to a switch lay in the socket: it came, and nobody saw it.
#[test]
fn a_key_frame_that_waited_too_long_is_asked_for_again() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(C, Source::Port(U))]);
    relay.send_picture(U, &[&VP8_DELTA]);
    let (from, mut packet) = (relay.phone(U).address, relay.phone(U).packet(&VP8_KEY));
    let age = Duration::from_millis(150);
    relay.machine.rtp_of_age(relay.now, age, U, from.into(), &mut packet, &mut relay.wire);
    relay.wire.sent.clear();
    (0..25).for_each(|_| relay.send_picture(U, &[&VP8_DELTA]));
    assert!(!relay.key_frame_requests().is_empty());
    relay.send_picture(U, &[&VP8_KEY]);
    assert_eq!(relay.payloads_to(C).len(), 1);
    relay.pass(1000);
}
