//! What the leg has negotiated for one port, and which payload type becomes which.

use crate::codec::Codec;
use crate::sdp::Direction;
use std::net::{IpAddr, SocketAddr};

/// Payload types that a port knows; what a peer lists beyond is not heard.
pub const FORMATS_MAX: usize = 32;
/// A payload type that is not mapped.
pub const UNMAPPED: u8 = u8::MAX;
/// Packet times outside of this are the peer's mistake, in ms.
const PACKET_MS: (u32, u32) = (10, 60);

/// One payload type of one port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PayloadFormat {
    /// What it carries.
    pub codec: Codec,
    /// The number that the peer gave it: what we send.
    pub send_pt: u8,
    /// The number that we gave it: what the peer sends.
    pub recv_pt: u8,
    /// The peer's `a=fmtp`, without the number; may be empty.
    pub fmtp: String,
}

/// How a peer is asked for a key frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Feedback {
    /// `nack pli` (RFC 4585).
    Pli,
    /// `ccm fir` (RFC 5104).
    Fir,
    /// By INFO only (RFC 5168): the leg sends it.
    #[default]
    None,
}

/// How a peer is told to send less.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BitrateFeedback {
    /// `goog-remb`.
    Remb,
    /// `ccm tmmbr` (RFC 5104).
    Tmmbr,
    /// Not at all.
    #[default]
    None,
}

/// What the leg has negotiated for one port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Where the peer's SDP wants RTP; `None` before its SDP is known.
    pub remote: Option<SocketAddr>,
    /// Where it wants RTCP; `None` is one port above.
    pub remote_rtcp: Option<SocketAddr>,
    /// Where it sent RTP from before a restart.
    pub latched: Option<SocketAddr>,
    /// Where its SIP comes from.
    pub signalling_ip: IpAddr,
    /// In order of preference; at most [`FORMATS_MAX`].
    pub formats: Vec<PayloadFormat>,
    /// As the relay sees it.
    pub direction: Direction,
    /// RTCP on the RTP port (RFC 5761).
    pub mux: bool,
    /// The time that one packet of audio carries, in ms.
    pub packet_ms: u32,
    /// For key frames.
    pub feedback: Feedback,
    /// For the bit rate.
    pub bitrate_feedback: BitrateFeedback,
    /// The lasting name of the leg; the same for its audio and its video.
    pub cname: String,
}

impl Plan {
    /// The packet time for what the relay makes itself, in ms.
    #[must_use]
    pub fn own_packet_ms(&self) -> u32 {
        self.packet_ms.clamp(PACKET_MS.0, PACKET_MS.1)
    }

    /// The formats that count.
    pub fn formats(&self) -> std::slice::Iter<'_, PayloadFormat> {
        self.formats[..self.formats.len().min(FORMATS_MAX)].iter()
    }

    /// By received payload type, the place among [`Plan::formats`].
    #[must_use]
    pub fn reception(&self) -> [u8; 128] {
        let mut table = [UNMAPPED; 128];
        for (at, format) in (0..).zip(self.formats()) {
            if let Some(entry @ &mut UNMAPPED) = table.get_mut(usize::from(format.recv_pt)) {
                *entry = at;
            }
        }
        table
    }

    /// The number under which the peer takes keys beside audio of this clock.
    #[must_use]
    pub fn event_type(&self, clock_rate: u32) -> Option<u8> {
        let wanted = Codec::TelephoneEvent { clock_rate };
        self.formats().find(|format| format.codec == wanted).map(|format| format.send_pt)
    }
}

/// By the place among the source's formats, the payload type that the receiver gave the same thing.
#[must_use]
pub fn route(source: &Plan, receiver: &Plan) -> [u8; FORMATS_MAX] {
    let mut table = [UNMAPPED; FORMATS_MAX];
    for (entry, format) in table.iter_mut().zip(source.formats()) {
        let mut same = receiver.formats().filter(|other| carries(format, other));
        let best = same.clone().find(|other| mode(format) == mode(other)).or_else(|| same.next());
        *entry = best.map_or(UNMAPPED, |other| other.send_pt & 0x7f);
    }
    table
}

/// Whether what one peer sends in this format can be what the other receives in that one.
fn carries(from: &PayloadFormat, to: &PayloadFormat) -> bool {
    // RFC 6184 §6.2: aggregates and fragments are legal only in packetization-mode 1.
    from.codec == to.codec && (from.codec != Codec::H264 || mode(from) <= mode(to))
}

/// The packetization-mode of H.264; 0 for everything else.
fn mode(format: &PayloadFormat) -> u8 {
    parameter(&format.fmtp, "packetization-mode").and_then(|mode| mode.parse().ok()).unwrap_or(0)
}

/// The value of one parameter of an `a=fmtp`.
#[must_use]
pub fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(codec: Codec, send_pt: u8, recv_pt: u8, fmtp: &str) -> PayloadFormat {
        PayloadFormat { codec, send_pt, recv_pt, fmtp: fmtp.into() }
    }

    fn plan(formats: Vec<PayloadFormat>) -> Plan {
        Plan {
            remote: None,
            remote_rtcp: None,
            latched: None,
            signalling_ip: [192, 0, 2, 1].into(),
            formats,
            direction: Direction::SendRecv,
            mux: false,
            packet_ms: 20,
            feedback: Feedback::None,
            bitrate_feedback: BitrateFeedback::None,
            cname: "leg".into(),
        }
    }

    const EVENTS: Codec = Codec::TelephoneEvent { clock_rate: 8000 };

    #[test]
    fn the_receiver_gets_its_own_numbers() {
        let source = plan(vec![format(Codec::Opus, 96, 107, ""), format(EVENTS, 101, 101, "0-15")]);
        let receiver = plan(vec![format(EVENTS, 97, 101, ""), format(Codec::Opus, 120, 96, "")]);
        let route = route(&source, &receiver);
        assert_eq!(route[..3], [120, 97, UNMAPPED]);
        assert_eq!(source.reception()[107], 0);
        assert_eq!(source.reception()[96], UNMAPPED);
    }

    #[test]
    fn what_only_one_side_has_is_not_mapped() {
        let noise = Codec::ComfortNoise { clock_rate: 8000 };
        let wide = Codec::TelephoneEvent { clock_rate: 48_000 };
        let source = plan(vec![format(noise, 13, 13, ""), format(wide, 101, 101, "")]);
        let receiver = plan(vec![format(Codec::Pcmu, 0, 0, ""), format(EVENTS, 101, 101, "")]);
        assert!(route(&source, &receiver).iter().all(|pt| *pt == UNMAPPED));
    }

    #[test]
    fn h264_goes_to_a_receiver_of_the_same_mode_or_of_a_higher_one() {
        let modes = |numbers: [u8; 2]| {
            plan(vec![
                format(
                    Codec::H264,
                    numbers[0],
                    99,
                    "profile-level-id=42e01f; packetization-mode=1",
                ),
                format(Codec::H264, numbers[1], 98, "profile-level-id=42e01f"),
            ])
        };
        let (both, other) = (modes([99, 98]), modes([120, 121]));
        assert_eq!(route(&both, &other)[..2], [120, 121]);
        let old = plan(vec![format(Codec::H264, 34, 34, "")]);
        assert_eq!(route(&both, &old)[..2], [UNMAPPED, 34]);
        let new = plan(vec![format(Codec::H264, 35, 35, "packetization-mode=1")]);
        assert_eq!(route(&old, &new)[0], 35);
    }

    #[test]
    fn a_peer_that_lists_too_much_or_nonsense_is_cut_short() {
        let many = vec![format(Codec::Pcmu, 255, 200, ""); 1000];
        let plan = plan(many);
        assert_eq!(plan.formats().count(), FORMATS_MAX);
        assert!(plan.reception().iter().all(|at| *at == UNMAPPED));
        assert_eq!(route(&plan, &plan)[0], 127);
    }
}
