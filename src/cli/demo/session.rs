//! The session descriptions of a simulated phone: G.711 and H.264 both ways.

use crate::sdp::{Attribute, MediaDescription, MediaKind, RtpMap, SessionDescription};
use std::net::{IpAddr, SocketAddr};

const PCMU: u8 = 0;
const FMTP: &str = "profile-level-id=42e01f;packetization-mode=1";

/// Where a phone receives, and under which numbers it offers pictures.
#[derive(Clone, Copy, Debug)]
pub struct PhonePorts {
    /// Our address.
    pub ip: IpAddr,
    /// The port of sound.
    pub audio: u16,
    /// The port of pictures.
    pub video: u16,
    /// The payload type of our offers' H.264; each phone has another, as real ones do.
    pub h264: u8,
}

/// A stream as both sides agreed on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AgreedStream {
    /// Where to send.
    pub remote: SocketAddr,
    /// The payload type that the peer wants.
    pub send_as: u8,
    /// The payload type that comes.
    pub receive_as: u8,
}

/// Sound and pictures as agreed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Agreement {
    /// Sound.
    pub audio: Option<AgreedStream>,
    /// Pictures.
    pub video: Option<AgreedStream>,
}

/// Our offer.
pub fn offer(ports: PhonePorts) -> SessionDescription {
    let mut session = SessionDescription::new(1, 1, ports.ip);
    session.media = vec![audio(ports), video(ports, ports.h264)];
    session
}

/// Our answer to an offer: one format a stream, everything else refused.
pub fn answer(ports: PhonePorts, offer: &SessionDescription) -> (SessionDescription, Agreement) {
    let mut session = SessionDescription::new(1, 1, ports.ip);
    let mut agreement = Agreement::default();
    for media in &offer.media {
        let number = chosen(media);
        let (slot, own) = match (&media.kind, number) {
            (MediaKind::Audio, Some(_)) if agreement.audio.is_none() => {
                (&mut agreement.audio, audio(ports))
            }
            (MediaKind::Video, Some(number)) if agreement.video.is_none() => {
                (&mut agreement.video, video(ports, number))
            }
            _ => {
                session.media.push(media.refusal());
                continue;
            }
        };
        *slot = agreed(offer, media, number, number);
        session.media.push(MediaDescription { protocol: media.protocol.clone(), ..own });
    }
    (session, agreement)
}

/// What an answer to our offer agrees to.
pub fn agreement(ports: PhonePorts, answer: &SessionDescription) -> Agreement {
    let find = |kind: &MediaKind| answer.media.iter().find(|m| m.kind == *kind && m.port != 0);
    let stream = |kind, own| {
        let media = find(kind)?;
        agreed(answer, media, chosen(media), Some(own))
    };
    Agreement {
        audio: stream(&MediaKind::Audio, PCMU),
        video: stream(&MediaKind::Video, ports.h264),
    }
}

fn agreed(
    session: &SessionDescription,
    media: &MediaDescription,
    send_as: Option<u8>,
    receive_as: Option<u8>,
) -> Option<AgreedStream> {
    Some(AgreedStream {
        remote: media.rtp_address(session)?,
        send_as: send_as?,
        receive_as: receive_as?,
    })
}

/// The format of a section that we speak.
fn chosen(media: &MediaDescription) -> Option<u8> {
    let wanted = match media.kind {
        MediaKind::Audio => "PCMU",
        MediaKind::Video => "H264",
        MediaKind::Text | MediaKind::Application | MediaKind::Image | MediaKind::Other(_) => {
            return None;
        }
    };
    let spoken = |map: &RtpMap<'_>| map.encoding.eq_ignore_ascii_case(wanted);
    media.rtpmaps().find(spoken).map(|map| map.payload_type).filter(|_| !media.is_refused())
}

fn audio(ports: PhonePorts) -> MediaDescription {
    let mut media = MediaDescription::new(MediaKind::Audio, ports.audio, "RTP/AVP");
    let map = RtpMap { payload_type: PCMU, encoding: "PCMU", clock_rate: 8000, channels: 1 };
    media.add_format(&map, None);
    media.attributes.push(Attribute::new("ptime", "20"));
    media
}

fn video(ports: PhonePorts, payload_type: u8) -> MediaDescription {
    let mut media = MediaDescription::new(MediaKind::Video, ports.video, "RTP/AVP");
    let map = RtpMap { payload_type, encoding: "H264", clock_rate: 90_000, channels: 1 };
    media.add_format(&map, Some(FMTP));
    media.attributes.push(Attribute::new("rtcp-fb", format!("{payload_type} nack pli")));
    media
}
