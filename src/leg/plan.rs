//! What is agreed for one stream, as the relay wants it.

use super::agreement::{AgreedCodec, NegotiatedStream};
use super::nat;
use super::state::Leg;
use crate::codec::Codec;
use crate::media::{
    BitrateFeedback, KeyFrameFeedback, PayloadFormat, Plan, StreamPlan, TransportPlan,
};

/// The plan of a stream of this leg.
#[must_use]
pub(super) fn plan(stream: &NegotiatedStream, leg: &Leg) -> Plan {
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
        signalling_ip: leg.signalling,
        behind_nat: leg.behind_nat
            || peer.rtp.is_some_and(|sdp| nat::shows_in_sdp(sdp.ip(), leg.signalling)),
        trust: leg.trust_in(peer.rtp),
        // Both must have said so (RFC 5761 §5.1.1).
        mux: ours.mux && peer.mux,
        protection: stream.protection(),
        ice: ours.ice.clone().filter(|_| peer.ice.is_some()),
        handshake: false,
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
    Plan { transport, stream }
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
