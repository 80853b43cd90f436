//! What a receiver gets of a packet of its source: as it came, in another law or codec, or not at all.

use super::continuity::StreamPosition;
use super::conversion::ConversionPath;
use super::dtmf::{CarriedKey, OpenKey};
use super::frame::{FrameContents, ParameterSets};
use super::outgoing::{Exit, Outgoing};
use super::peer_packet::{PacketKind, PeerPacket};
use super::port::{Follows, Port};
use super::route::{Noise, PayloadMapping};
use super::stream::OpenFrame;
use crate::codec::Kind;
use crate::rtp::{HEADER_LEN, RtpHeader, TelephoneEvent, rewrite};
use crate::time::Instant;
use std::net::SocketAddr;
use std::sync::Arc;

impl Port<'_> {
    /// Sends on, under our numbers, what arrived at the source; the header of `bytes` is the
    /// receiver's afterwards.
    pub fn forward(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        bytes: &mut [u8],
        sets: &ParameterSets,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let Some(to) = self.target(now) else {
            self.withhold();
            return Follows::default();
        };
        let route = Arc::clone(&self.stream.outbound.route);
        let way = route.get(arrived.format).unwrap_or(&PayloadMapping::Closed);
        let withheld = matches!(arrived.what, PacketKind::Withheld);
        if withheld || arrived.is_empty() || self.stream.outbound.dtmf_generator.is_down() {
            return self.leave_out(now, arrived, exit);
        }
        if let PacketKind::Key { event, .. } = arrived.what
            && let PayloadMapping::Same(number) = way
        {
            let Follows { settle, .. } = self.pass_over(now, arrived, exit);
            // Of a source with several codecs some are converted and others pass: what counts is which of
            // them speaks.
            let converted = route.iter().any(|way| matches!(way, PayloadMapping::Converted(_)))
                && !self.stream.outbound.stream.is_passed(&arrived.numbers);
            let key = (arrived, event, converted);
            let carried = self.carry_key(now, key, *number, bytes, to, exit);
            return Follows::settling(settle | carried.settle);
        }
        let leaves = match way {
            PayloadMapping::Closed | PayloadMapping::Pressed | PayloadMapping::Noise(_) => false,
            PayloadMapping::Converted(_) if !self.may_convert(now, way) => {
                return self.leave_out(now, arrived, exit);
            }
            PayloadMapping::Same(_)
            | PayloadMapping::OtherLaw(..)
            | PayloadMapping::Repacked(_)
            | PayloadMapping::Converted(_) => self.leave_line(way, exit),
        };
        let mut follows = match way {
            PayloadMapping::Closed => self.leave_out(now, arrived, exit),
            PayloadMapping::Same(number) => {
                self.pass(now, arrived, *number, bytes, (to, sets), exit)
            }
            PayloadMapping::OtherLaw(number, table) => {
                self.translate(now, arrived, (*number, table), bytes, to, exit)
            }
            PayloadMapping::Repacked(number) => {
                self.repack(now, arrived, *number, bytes, (to, sets), exit)
            }
            PayloadMapping::Converted(formats) if self.stream.kind == Kind::Video => {
                self.convert_frame(now, arrived, formats, (bytes, sets), exit)
            }
            PayloadMapping::Converted(formats) => {
                Follows::settling(self.convert_voice(now, arrived, formats, bytes, exit))
            }
            PayloadMapping::Noise(noise) => self.hush(now, arrived, noise, bytes, (to, sets), exit),
            PayloadMapping::Pressed => {
                let mut follows = self.leave_out(now, arrived, exit);
                follows.settle |= self.press_again(arrived);
                follows
            }
        };
        follows.settle |= leaves;
        follows
    }

    /// A packet that this receiver does not get: no number is missing in its place.
    pub fn leave_out(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        self.stream.outbound.stream.skip(arrived.header.sequence);
        self.pass_over(now, arrived, exit)
    }

    /// A packet of a key that the receiver counts by the same clock. All packets of one key have one
    /// timestamp (RFC 4733 §2.5.1.2), whatever becomes of the voice that comes between them.
    fn carry_key(
        &mut self,
        now: Instant,
        (arrived, event, voice_is_made): (&PeerPacket, TelephoneEvent, bool),
        payload_type: u8,
        bytes: &[u8],
        to: SocketAddr,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let RtpHeader { ssrc, timestamp: said, marker, .. } = arrived.header;
        let known =
            self.stream.outbound.carried.and_then(|key| key.timestamp(ssrc, said, event.event));
        let stream = &mut self.stream.outbound.stream;
        let place = if voice_is_made {
            let timestamp = known.unwrap_or_else(|| stream.key_time(now));
            stream.append(timestamp)
        } else {
            let Some(place) = stream.pass(now, arrived.numbers) else { return Follows::default() };
            StreamPosition { timestamp: known.unwrap_or(place.timestamp), ..place }
        };
        let timestamp = place.timestamp;
        self.stream.outbound.carried =
            Some(CarriedKey { ssrc, said, event: event.event, timestamp });
        let open = OpenKey { event, timestamp, payload_type };
        self.stream.outbound.open_key = (!event.end).then_some(open);
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        self.send_own(payload_type, marker || place.first, place, payload, to, exit);
        Follows::settling(self.stream.goes_live(now))
    }

    /// A packet that needs no other payload.
    pub fn pass(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        payload_type: u8,
        bytes: &mut [u8],
        (to, sets): (SocketAddr, &ParameterSets),
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        if let PacketKind::Picture(picture) = arrived.what {
            let waited = self.stream.outbound.screen.is_waiting();
            if !self.stream.outbound.screen.admits(now, picture) {
                return Follows { settle: false, key_frame: waited };
            }
            if self.stream.outbound.screen.wants_sets(picture, arrived.header.timestamp) {
                self.send_sets(now, arrived, payload_type, to, sets, exit);
            }
        }
        let place = self.stream.outbound.stream.pass(now, arrived.numbers);
        let Some(place) = place else { return Follows::default() };
        let marker = arrived.header.marker || self.stream.kind == Kind::Audio && place.first;
        rewrite(bytes, &self.stream.header(payload_type, marker, place));
        match arrived.what {
            PacketKind::Picture(FrameContents::Vp8(_)) => {
                if let Some(payload) = bytes.get_mut(HEADER_LEN..) {
                    self.stream.outbound.screen.renumber(payload);
                }
            }
            PacketKind::Picture(FrameContents::H264(_)) => {
                let open = OpenFrame { payload_type, timestamp: place.timestamp };
                self.stream.outbound.open_frame = (!marker).then_some(open);
            }
            PacketKind::Sound
            | PacketKind::Key { .. }
            | PacketKind::Withheld
            | PacketKind::Picture(_) => {}
        }
        if self.transport.is_clear() {
            let ssrc = self.stream.outbound.stream.ssrc();
            self.stream.reports.sent(ssrc, bytes.len().saturating_sub(HEADER_LEN));
            self.transport.send_clear(to, bytes, exit.out);
        } else {
            // A seal makes it longer, and other receivers want it open.
            exit.scratch.clear();
            exit.scratch.extend_from_slice(bytes);
            self.transmit(to, exit);
        }
        Follows::settling(self.stream.goes_live(now))
    }

    /// A packet of G.711 in the other law. The source's bytes stay as they are for its other
    /// receivers.
    fn translate(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        (payload_type, table): (u8, &[u8; 256]),
        bytes: &[u8],
        to: SocketAddr,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let place = self.stream.outbound.stream.pass(now, arrived.numbers);
        let Some(place) = place else { return Follows::default() };
        let marker = arrived.header.marker || place.first;
        let header = self.stream.header(payload_type, marker, place);
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        exit.scratch.clear();
        exit.scratch.extend_from_slice(&header.to_bytes());
        exit.scratch.extend(payload.iter().map(|code| table[usize::from(*code)]));
        self.transmit(to, exit);
        Follows::settling(self.stream.goes_live(now))
    }

    /// A key for a receiver that counts it by another clock, or beside another codec.
    fn press_again(&mut self, arrived: &PeerPacket) -> bool {
        let PacketKind::Key { event, pressed: true } = arrived.what else { return false };
        self.stream.outbound.dtmf_generator.push(event.event)
    }

    /// Puts the source's parameter sets in front of a key frame that comes without.
    fn send_sets(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        payload_type: u8,
        to: SocketAddr,
        sets: &ParameterSets,
        exit: &mut Exit<'_, impl Outgoing>,
    ) {
        for set in sets.iter() {
            let Some(place) = self.stream.outbound.stream.insert_before(now, arrived.numbers)
            else {
                return;
            };
            self.send_own(payload_type, false, place, set, to, exit);
        }
    }

    /// Comfort noise goes the way of the voice that is heard: through its conversion, which stays as it is,
    /// or under the receiver's number.
    pub fn hush(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        noise: &Noise,
        bytes: &mut [u8],
        (to, sets): (SocketAddr, &ParameterSets),
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        if let Some(ConversionPath::Voice(voice)) = &self.stream.outbound.line {
            let formats = Arc::clone(voice.formats());
            return Follows::settling(self.convert_noise(now, arrived, &formats, bytes, exit));
        }
        let voice_passes = self.stream.outbound.stream.is_passed(&arrived.numbers);
        match (noise.passes, &noise.made) {
            (Some(number), made) if made.is_none() || voice_passes => {
                self.pass(now, arrived, number, bytes, (to, sets), exit)
            }
            (_, Some(formats)) if self.stream.outbound.openings.take(now) => {
                Follows::settling(self.convert_noise(now, arrived, formats, bytes, exit))
            }
            (_, None | Some(_)) => self.leave_out(now, arrived, exit),
        }
    }
}
