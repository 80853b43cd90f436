//! What the leg has negotiated for one port, and which payload type becomes which.

use crate::codec::Codec;
use crate::ids::PortId;
use crate::sdp::Direction;
use crate::srtp::MasterKey;
use crate::stun::IceCredentials;
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
pub enum KeyFrameFeedback {
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

/// What a peer can take in of pictures. What it does not state has no bound but ours.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PictureLimits {
    /// The only sizes that there are, with the old codecs; empty: any.
    pub sizes: Vec<(usize, usize)>,
    /// The longest row and the longest column, in points.
    pub sides_max: Option<(usize, usize)>,
    /// The most macroblocks.
    pub macroblocks_max: Option<usize>,
    /// Pictures a second.
    pub frame_rate_max: Option<u32>,
    /// bit/s.
    pub bitrate_max: Option<u32>,
}

/// Whether packets are sealed (RFC 3711).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Protection {
    /// They are in clear.
    Clear,
    /// They are, under keys that are agreed on the transport itself (RFC 5763 §5) and are still to come: until
    /// then nothing is sent, and what comes is counted and not heard.
    Awaited,
    /// They are, under these.
    Keyed(Box<SrtpKeys>),
}

/// The keys of both directions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SrtpKeys {
    /// Of what we send.
    pub sends: MasterKey,
    /// Of what the peer sends.
    pub receives: MasterKey,
}

/// How much is sent to an address from which no packet has come yet. One packet from there earns
/// everything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Everything: an account, a trunk or its own signalling vouches for it.
    Full,
    /// A few packets of sound, so that the peer begins to speak. It has named a place that is not its own:
    /// whoever sits there may never have asked for anything.
    Sparing,
    /// Nothing: who named it may have sent under a false address.
    None,
}

/// What the leg has negotiated for one port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Between which addresses, under which keys.
    pub transport: TransportPlan,
    /// What goes there.
    pub stream: StreamPlan,
    /// The port whose transport carries it, where a peer bundles two streams (RFC 9143): its own number is the one above,
    /// and what is said of the transport here is said there, too, and heard there alone.
    pub carrier: Option<PortId>,
}

/// Where the peer's packets come from and ours go: what the streams on one transport have in common.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransportPlan {
    /// Where the peer's SDP wants RTP; `None` before its SDP is known.
    pub remote: Option<SocketAddr>,
    /// Where it wants RTCP; `None` is one port above.
    pub remote_rtcp: Option<SocketAddr>,
    /// Where it sent RTP from before a restart.
    pub latched: Option<SocketAddr>,
    /// The address of ours that it was told, where the sockets are on all of them: packets leave from there until one of
    /// the peer's has come to another. None: from the only one, or from what the routing table has.
    pub local: Option<IpAddr>,
    /// Where its SIP comes from.
    pub signalling_ip: IpAddr,
    /// Its SIP shows that a NAT rewrites its addresses.
    pub behind_nat: bool,
    /// What is sent before a packet has come.
    pub trust: Trust,
    /// RTCP on the RTP port (RFC 5761).
    pub mux: bool,
    /// Whether packets are sealed, and under which keys.
    pub protection: Protection,
    /// Our name and password, where the peer checks its ways to us (ICE, RFC 8445).
    pub ice: Option<IceCredentials>,
    /// DTLS records on it are the handshake's that makes its keys (RFC 5764); elsewhere they are counted.
    pub handshake: bool,
}

/// What one stream carries, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StreamPlan {
    /// In order of preference; at most [`FORMATS_MAX`].
    pub formats: Vec<PayloadFormat>,
    /// As the relay sees it.
    pub direction: Direction,
    /// The time that one packet of audio carries, in ms.
    pub packet_ms: u32,
    /// For key frames.
    pub feedback: KeyFrameFeedback,
    /// For the bit rate.
    pub bitrate_feedback: BitrateFeedback,
    /// For pictures that are coded for it.
    pub picture: PictureLimits,
    /// The lasting name of the leg; the same for its audio and its video.
    pub cname: String,
}

impl StreamPlan {
    /// The packet time for what the relay makes itself, in ms.
    #[must_use]
    pub fn own_packet_ms(&self) -> u32 {
        self.packet_ms.clamp(PACKET_MS.0, PACKET_MS.1)
    }

    /// The formats that count.
    pub fn formats(&self) -> std::slice::Iter<'_, PayloadFormat> {
        self.formats[..self.formats.len().min(FORMATS_MAX)].iter()
    }

    /// What it is sent of the relay's own: the first codec that can be coded here, else the first.
    #[must_use]
    pub fn own_format(&self) -> Option<&PayloadFormat> {
        let mut voices = self.formats().filter(|format| format.codec.is_primary());
        let made = voices.clone().find(|format| format.codec.can_transcode());
        made.or_else(|| voices.next())
    }

    /// Ticks in a second of what it is sent.
    #[must_use]
    pub fn clock_rate(&self) -> u32 {
        self.own_format().map_or(8000, |format| format.codec.clock_rate())
    }

    /// By received payload type, the place among [`StreamPlan::formats`]. A peer that answers our offer under
    /// numbers of its own has to send under ours (RFC 3264 §6.1), and many send under their own all the
    /// same; where ours mean nothing else by them, they are understood.
    #[must_use]
    pub fn reception(&self) -> [u8; 128] {
        let mut table = [UNMAPPED; 128];
        let places = || (0..).zip(self.formats());
        let ours = places().map(|(at, format)| (at, format.recv_pt));
        let theirs = places().map(|(at, format)| (at, format.send_pt));
        for (at, number) in ours.chain(theirs) {
            if let Some(entry @ &mut UNMAPPED) = table.get_mut(usize::from(number)) {
                *entry = at;
            }
        }
        table
    }

    /// How the peer takes keys: its format for them at this clock, else at any (some phones have
    /// theirs at 8000 beside Opus).
    #[must_use]
    pub fn event_format(&self, clock_rate: u32) -> Option<&PayloadFormat> {
        let wanted = Codec::TelephoneEvent { clock_rate };
        let mut any = self.formats().filter(|f| matches!(f.codec, Codec::TelephoneEvent { .. }));
        self.formats().find(|format| format.codec == wanted).or_else(|| any.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(formats: Vec<PayloadFormat>) -> StreamPlan {
        StreamPlan {
            formats,
            direction: Direction::SendRecv,
            packet_ms: 20,
            feedback: KeyFrameFeedback::None,
            bitrate_feedback: BitrateFeedback::None,
            picture: PictureLimits::default(),
            cname: "leg".into(),
        }
    }

    fn format(codec: Codec, send_pt: u8, recv_pt: u8) -> PayloadFormat {
        PayloadFormat { codec, send_pt, recv_pt, fmtp: String::new() }
    }

    #[test]
    fn the_peers_own_numbers_are_understood_beside_ours() {
        let event = Codec::TelephoneEvent { clock_rate: 8000 };
        let formats =
            vec![format(Codec::Opus, 101, 96), format(event, 97, 101), format(Codec::Pcmu, 0, 0)];
        let table = plan(formats).reception();
        let of = |number: usize| table[number];
        assert_eq!((of(96), of(101), of(0)), (0, 1, 2), "ours first");
        assert_eq!(of(97), 1, "its own");
        assert_eq!(table.iter().filter(|at| **at != UNMAPPED).count(), 4);
    }

    #[test]
    fn a_peer_that_lists_too_much_or_nonsense_is_cut_short() {
        let plan = plan(vec![format(Codec::Pcmu, 255, 200); 1000]);
        assert_eq!(plan.formats().count(), FORMATS_MAX);
        assert!(plan.reception().iter().all(|at| *at == UNMAPPED));
    }
}
