//! Sound whose every packet says who speaks.

use super::network::Event;
use super::phone::State;
use super::world::World;
use cordboard::rtp::{HEADER_LEN, Packet, RtpHeader};
use cordboard::time::Duration;
use std::net::SocketAddr;

/// Stands before the number of the dialog that speaks.
const MARK: &[u8; 8] = b"I speak ";
/// Packets in a row; a relay believes nobody who sends only one.
const BURST: u16 = 3;
const FRAME: Duration = Duration::from_millis(20);

/// Whether somebody speaks in this packet.
pub fn is_speech(packet: &[u8]) -> bool {
    packet.get(HEADER_LEN..HEADER_LEN + MARK.len()).is_some_and(|mark| mark == MARK)
}

/// The dialog that speaks.
pub fn speaker(packet: &[u8]) -> Option<u32> {
    let packet = Packet::parse(packet).ok()?;
    let id = packet.payload().strip_prefix(MARK)?.first_chunk()?;
    Some(u32::from_be_bytes(*id))
}

impl World {
    /// A party says three packets' worth, and again after a while.
    pub fn speak(&mut self, id: u32) {
        let dialog = &self.dialogs[id as usize];
        let silent = dialog.state == State::Over;
        let Some(relay) = dialog.relay.filter(|_| !silent) else {
            self.dialog(id).speaking = false;
            return;
        };
        let from = SocketAddr::new(self.phones[dialog.phone].address.ip(), dialog.port);
        self.keep_transport(id, from, relay.port());
        for place in 0..BURST {
            let sequence = self.dialogs[id as usize].sequence.wrapping_add(place);
            let header = RtpHeader {
                payload_type: 0,
                marker: false,
                sequence,
                timestamp: u32::from(sequence) * 160,
                ssrc: 0x5000_0000 + id,
            };
            let mut packet = header.to_bytes().to_vec();
            packet.extend(MARK);
            packet.extend(id.to_be_bytes());
            if let Some(packet) = self.sealed(id, packet) {
                self.send_sound(FRAME * u32::from(place), from, relay.port(), &packet);
            }
        }
        let dialog = self.dialog(id);
        dialog.sequence = dialog.sequence.wrapping_add(BURST);
        self.after(150, 2_500, Event::Speak(id));
    }
}
