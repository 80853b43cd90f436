//! What a peer is asked for by RTCP: a key frame, a lower rate.

use super::key_frames::{REQUEST_INTERVAL, Requests};
use super::outgoing::{Event, Outgoing};
use super::plan::{BitrateFeedback, KeyFrameFeedback};
use super::relay::Machine;
use super::stream::{LIMIT_INTERVAL, MediaStream};
use crate::codec::Kind;
use crate::ids::PortId;
use crate::rtp::rtcp::RtcpWriter;
use crate::time::{Instant, Now};

/// What a peer is let send while nobody sees it, in bit/s: whoever waits is ready to be seen, and costs little.
const BITRATE_UNSEEN: u64 = 256_000;

impl Machine {
    /// Tells a peer how much it may send, where that is due: what the last of those takes who see it.
    pub(super) fn tell_limit(&mut self, now: Instant, source: PortId, out: &mut impl Outgoing) {
        let receivers = self.patchbay.receivers(source).iter();
        let takes = receivers.filter_map(|receiver| self.ports.get(*receiver));
        let takes = takes.map(MediaStream::bitrate_taken).min().unwrap_or(BITRATE_UNSEEN);
        let Some(open) = self.ports.get_mut(source) else { return };
        let is_due = open.stream.inbound.limit_due.is_some_and(|due| due <= now);
        let Some(media) = open.stream.inbound.stream.as_ref().filter(|_| is_due) else { return };
        let (own, media) = (open.stream.outbound.stream.ssrc(), media.ssrc);
        open.stream.inbound.limit_due = Some(now + LIMIT_INTERVAL);
        self.send_feedback(source, out, |writer| {
            writer.max_bitrate(own, media, takes);
        });
    }

    pub(super) fn want_key_frame(&mut self, now: Now, source: PortId, out: &mut impl Outgoing) {
        self.require_key_frame(now, source, Requests::want, out);
    }

    /// The same for somebody who gets this source from now on.
    pub(super) fn want_first_key_frame(
        &mut self,
        now: Now,
        source: PortId,
        out: &mut impl Outgoing,
    ) {
        if let Some(open) = self.ports.get_mut(source) {
            // Who is seen by others may send more, or less.
            let due = &mut open.stream.inbound.limit_due;
            *due = due.map(|due| due.min(now.instant));
        }
        self.require_key_frame(now, source, Requests::switched, out);
    }

    fn require_key_frame(
        &mut self,
        now: Now,
        source: PortId,
        require: impl FnOnce(&mut Requests, Instant),
        out: &mut impl Outgoing,
    ) {
        if let Some(open) =
            self.ports.get_mut(source).filter(|open| open.stream.kind == Kind::Video)
        {
            require(&mut open.stream.inbound.requests, now.instant);
            self.ask_for_key_frame(now, source, out);
            self.settle(now.instant, source);
        }
    }

    pub(super) fn ask_for_key_frame(&mut self, now: Now, source: PortId, out: &mut impl Outgoing) {
        let Some(open) = self.ports.get_mut(source) else { return };
        if open.stream.inbound.stream.is_some()
            && let Some(number) = open.stream.inbound.requests.due(now.instant)
        {
            self.request_key_frame(source, number, out);
        }
    }

    /// A picture of the source has come whole; it is asked again now, where that is due.
    pub(super) fn ask_between_pictures(
        &mut self,
        now: Now,
        source: PortId,
        out: &mut impl Outgoing,
    ) {
        let Some(open) = self.ports.get_mut(source) else { return };
        if let Some(number) = open.stream.inbound.requests.due_between_pictures(now.instant) {
            self.request_key_frame(source, number, out);
        }
    }

    /// Asks for a key frame of which a still is made, where that is due: once, since nobody is blind without it.
    pub(super) fn ask_for_still(&mut self, now: Now, source: PortId, out: &mut impl Outgoing) {
        let Some(open) = self.ports.get_mut(source) else { return };
        if open.stream.still_due(now.instant).is_some_and(|due| due <= now.instant) {
            let number = open.stream.inbound.requests.ask(now.instant);
            self.request_key_frame(source, number, out);
        }
    }

    fn request_key_frame(&mut self, source: PortId, number: u8, out: &mut impl Outgoing) {
        let Some(open) = self.ports.get_mut(source) else { return };
        let Some(media) = open.stream.inbound.stream.as_ref().map(|stream| stream.ssrc) else {
            return;
        };
        let own = open.stream.outbound.stream.ssrc();
        match open.stream.plan.feedback {
            KeyFrameFeedback::Pli => self.send_feedback(source, out, |writer| {
                writer.picture_loss(own, media);
            }),
            KeyFrameFeedback::Fir => self.send_feedback(source, out, |writer| {
                writer.full_intra(own, media, number);
            }),
            KeyFrameFeedback::None => out.report(Event::KeyFrameWanted { port: source }),
        }
    }

    /// Passes on how much a receiver can take; held back to the same rate as requests.
    pub(super) fn limit_bitrate(
        &mut self,
        now: Now,
        source: PortId,
        bitrate: u64,
        out: &mut impl Outgoing,
    ) {
        let Some(open) = self.ports.get_mut(source) else { return };
        let Some(media) = open.stream.inbound.stream.as_ref().map(|stream| stream.ssrc) else {
            return;
        };
        let asked = open.stream.inbound.bitrate_asked;
        if asked.is_some_and(|at| now.instant.since(at) < REQUEST_INTERVAL) {
            return;
        }
        open.stream.inbound.bitrate_asked = Some(now.instant);
        let own = open.stream.outbound.stream.ssrc();
        match open.stream.plan.bitrate_feedback {
            BitrateFeedback::Remb => self.send_feedback(source, out, |writer| {
                writer.max_bitrate(own, media, bitrate);
            }),
            BitrateFeedback::Tmmbr => self.send_feedback(source, out, |writer| {
                writer.source_bitrate(own, media, bitrate);
            }),
            BitrateFeedback::None => {}
        }
    }

    /// Sends feedback, behind the report that has to lead every compound packet (RFC 4585 §3.1).
    fn send_feedback(
        &mut self,
        port: PortId,
        out: &mut impl Outgoing,
        write: impl FnOnce(&mut RtcpWriter<'_>),
    ) {
        let Some(open) = self.ports.get_mut(port) else { return };
        let ssrc = open.stream.outbound.stream.ssrc();
        let mut writer = RtcpWriter::new(&mut self.scratch);
        writer.receiver_report(ssrc, &[]).cname(ssrc, &open.stream.plan.cname);
        write(&mut writer);
        open.transport.send_report(port, &mut self.scratch, out);
    }
}
