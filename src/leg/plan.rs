//! What is agreed for one stream, as the relay wants it.

use super::agreement::{AgreedCodec, HandshakeOutcome, NegotiatedStream};
use super::formats::PeerFormat;
use super::nat;
use super::our_stream::OurStream;
use super::ports::carrier_of;
use super::state::Leg;
use crate::codec::{Codec, Kind};
use crate::media::{
    BitrateFeedback, KeyFrameFeedback, PayloadFormat, PictureLimits, Plan, Protection, StreamPlan,
    TransportPlan,
};
use crate::sdp::Direction;

impl Leg {
    /// The plan of a stream as it is agreed, or offered to one that may begin before it answers.
    pub(super) fn wanted_plan(&self, kind: Kind) -> Option<Plan> {
        let agreed = self.stream(kind).map(|stream| {
            // One transport has one handshake.
            let of = if stream.ours.is_carried() { Kind::Audio } else { kind };
            plan(stream, self.stream_port(of).keyed(), self)
        });
        agreed.or_else(|| self.offered_by_handshake(kind).map(|ours| plan_of_offer(ours, self)))
    }
}

/// The plan of a stream of this leg; `keyed` are the keys of its handshake.
fn plan(stream: &NegotiatedStream, keyed: Option<&HandshakeOutcome>, leg: &Leg) -> Plan {
    let NegotiatedStream { ours, peer, agreed, .. } = stream;
    let picture = stream
        .format()
        .and_then(|format| peer.pictures.iter().find(|(number, _)| *number == format.number))
        .map(|(_, limits)| limits);
    let feedback = match peer.feedback {
        wanted if wanted.pli => KeyFrameFeedback::Pli,
        wanted if wanted.fir => KeyFrameFeedback::Fir,
        _ => KeyFrameFeedback::None,
    };
    let transport = TransportPlan {
        remote: peer.rtp,
        remote_rtcp: peer.rtcp,
        latched: None,
        local: leg.negotiation.media.local,
        signalling_ip: leg.signalling,
        behind_nat: leg.behind_nat
            || peer.rtp.is_some_and(|sdp| nat::shows_in_sdp(sdp.ip(), leg.signalling)),
        trust: leg.trust_in(peer.rtp),
        // Both must have said so (RFC 5761 §5.1.1).
        mux: ours.mux && peer.mux,
        protection: stream.protection(keyed),
        ice: ours.ice.clone().filter(|_| peer.ice.is_some()),
        handshake: peer.handshake.is_some(),
    };
    let stream = StreamPlan {
        formats: agreed.iter().map(format).collect(),
        direction: ours.direction.intersection(peer.direction.reversed()),
        packet_ms: peer.packet_ms.unwrap_or_else(|| packet_ms(stream.codec())),
        feedback,
        bitrate_feedback: match peer.feedback {
            wanted if wanted.remb => BitrateFeedback::Remb,
            wanted if wanted.tmmbr => BitrateFeedback::Tmmbr,
            _ => BitrateFeedback::None,
        },
        picture: picture.cloned().unwrap_or_default(),
        cname: leg.cname.clone(),
    };
    Plan { transport, stream, carrier: carrier_of(ours.port) }
}

/// The plan of a stream that is offered and not answered yet: checks and the handshake may come before the answer, and
/// nothing else is heard or sent.
fn plan_of_offer(ours: &OurStream, leg: &Leg) -> Plan {
    let transport = TransportPlan {
        remote: None,
        remote_rtcp: None,
        latched: None,
        local: leg.negotiation.media.local,
        signalling_ip: leg.signalling,
        behind_nat: leg.behind_nat,
        trust: leg.trust_in(None),
        mux: ours.mux,
        protection: Protection::Awaited,
        ice: ours.ice.clone(),
        handshake: true,
    };
    let format = |format: &PeerFormat| PayloadFormat {
        codec: format.codec.clone(),
        send_pt: format.number,
        recv_pt: format.number,
        fmtp: format.parameters.to_string(),
    };
    let codec = ours.formats.first().map(|format| format.codec.clone());
    let stream = StreamPlan {
        formats: ours.formats.iter().map(format).collect(),
        direction: Direction::Inactive,
        packet_ms: packet_ms(codec),
        feedback: KeyFrameFeedback::None,
        bitrate_feedback: BitrateFeedback::None,
        picture: PictureLimits::default(),
        cname: leg.cname.clone(),
    };
    Plan { transport, stream, carrier: None }
}

fn format(agreed: &AgreedCodec) -> PayloadFormat {
    PayloadFormat {
        codec: agreed.sent.codec.clone(),
        send_pt: agreed.sent.number,
        recv_pt: agreed.received.number,
        fmtp: agreed.sent.parameters.to_string(),
    }
}

fn packet_ms(codec: Option<Codec>) -> u32 {
    codec.map_or(0, |codec| codec.facts().frame_ms)
}
