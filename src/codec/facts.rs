//! One row of facts for each codec.

use std::fmt;
use std::sync::Arc;

/// The longest encoding name that is passed on.
pub const NAME_MAX: usize = 32;

/// Sound or pictures.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Sound, and what travels with it.
    Audio,
    /// Moving pictures.
    Video,
}

/// An encoding that two parties may share. Cheap to clone.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 7587).
    Opus,
    /// G.729 and its annex A.
    G729,
    /// G.723.1.
    G723,
    /// GSM full rate.
    Gsm,
    /// iLBC (RFC 3952).
    Ilbc,
    /// Speex (RFC 5574): narrow, wide or ultra-wide band.
    Speex {
        /// 8000, 16000 or 32000 Hz.
        clock_rate: u32,
    },
    /// Comfort noise (RFC 3389).
    ComfortNoise {
        /// The clock of the audio that it stands in for.
        clock_rate: u32,
    },
    /// Keys (RFC 4733).
    TelephoneEvent {
        /// The clock of the audio beside it.
        clock_rate: u32,
    },
    /// H.264 (RFC 6184).
    H264,
    /// H.265 (RFC 7798).
    H265,
    /// H.263 of 1996 (RFC 2190).
    H263,
    /// H.263 of 1998 and 2000 (RFC 4629).
    H263Plus,
    /// H.261 (RFC 4587).
    H261,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// Passed through only.
    Other(Arc<OtherCodec>),
}

/// A codec of which nothing is known but its name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OtherCodec {
    kind: Kind,
    /// In capitals, so that names compare without regard to case.
    name: Box<str>,
    clock_rate: u32,
    channels: u8,
}

/// What is known of a codec.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Facts<'a> {
    /// The encoding name of `a=rtpmap`.
    pub name: &'a str,
    /// Sound or pictures.
    pub kind: Kind,
    /// The RTP clock in Hz.
    pub clock_rate: u32,
    /// Samples a second; for pictures the RTP clock. G.722 has 16000 on a clock of 8000.
    pub sample_rate: u32,
    /// Channels as `a=rtpmap` counts them.
    pub channels: u8,
    /// The payload type of RFC 3551 that needs no `a=rtpmap`.
    pub static_payload_type: Option<u8>,
    /// The packet time to use where none is asked for, in ms; 0 for pictures.
    pub frame_ms: u32,
}

/// The table. Codecs with a clock to choose stand in it with their usual one.
const TABLE: &[(Codec, Facts<'static>)] = &[
    (Codec::Pcmu, audio("PCMU", 8000, 8000, 1, Some(0), 20)),
    (Codec::Pcma, audio("PCMA", 8000, 8000, 1, Some(8), 20)),
    (Codec::G722, audio("G722", 8000, 16000, 1, Some(9), 20)),
    (Codec::Opus, audio("opus", 48000, 48000, 2, None, 20)),
    (Codec::G729, audio("G729", 8000, 8000, 1, Some(18), 20)),
    (Codec::G723, audio("G723", 8000, 8000, 1, Some(4), 30)),
    (Codec::Gsm, audio("GSM", 8000, 8000, 1, Some(3), 20)),
    (Codec::Ilbc, audio("iLBC", 8000, 8000, 1, None, 30)),
    (Codec::Speex { clock_rate: 8000 }, audio("speex", 8000, 8000, 1, None, 20)),
    (Codec::Speex { clock_rate: 16000 }, audio("speex", 16000, 16000, 1, None, 20)),
    (Codec::Speex { clock_rate: 32000 }, audio("speex", 32000, 32000, 1, None, 20)),
    (Codec::ComfortNoise { clock_rate: 8000 }, audio("CN", 8000, 8000, 1, Some(13), 20)),
    (Codec::TelephoneEvent { clock_rate: 8000 }, audio("telephone-event", 8000, 8000, 1, None, 20)),
    (Codec::H264, video("H264", None)),
    (Codec::H265, video("H265", None)),
    (Codec::H263, video("H263", Some(34))),
    (Codec::H263Plus, video("H263-1998", None)),
    (Codec::H261, video("H261", Some(31))),
    (Codec::Vp8, video("VP8", None)),
    (Codec::Vp9, video("VP9", None)),
];

/// Their payloads name other payload types or packets, so that a relay cannot pass them between
/// legs that number differently.
const WRAPPERS: &[&str] = &["RED", "ULPFEC", "FLEXFEC-03", "FLEXFEC", "RTX", "PARITYFEC"];

const fn audio(
    name: &'static str,
    clock_rate: u32,
    sample_rate: u32,
    channels: u8,
    static_payload_type: Option<u8>,
    frame_ms: u32,
) -> Facts<'static> {
    let kind = Kind::Audio;
    Facts { name, kind, clock_rate, sample_rate, channels, static_payload_type, frame_ms }
}

const fn video(name: &'static str, static_payload_type: Option<u8>) -> Facts<'static> {
    Facts {
        name,
        kind: Kind::Video,
        clock_rate: 90_000,
        sample_rate: 90_000,
        channels: 1,
        static_payload_type,
        frame_ms: 0,
    }
}

impl Codec {
    /// The codec that an `a=rtpmap` or a static payload type names; none for names that are no
    /// token or too long ([`NAME_MAX`]), and for redundancy and resending, which no relay can pass on.
    #[must_use]
    pub fn from_rtpmap(kind: Kind, name: &str, clock_rate: u32, channels: u8) -> Option<Self> {
        let token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&c);
        if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(token) || clock_rate == 0 {
            return None;
        }
        let named = |other: &str| name.eq_ignore_ascii_case(other);
        if WRAPPERS.iter().any(|wrapper| named(wrapper)) {
            return None;
        }
        let (channels, kind_is_audio) = (channels.max(1), kind == Kind::Audio);
        if kind_is_audio && channels == 1 && named("telephone-event") {
            return Some(Self::TelephoneEvent { clock_rate });
        }
        if kind_is_audio && channels == 1 && named("CN") {
            return Some(Self::ComfortNoise { clock_rate });
        }
        let fits = |facts: &Facts<'_>| {
            // Opus is always written with two channels (RFC 7587 §7), and some phones forget it;
            // H263-2000 has the payload format of H263-1998.
            let also_named = facts.name == "H263-1998" && named("H263-2000");
            let also_counted = facts.name == "opus" && channels == 1;
            facts.kind == kind
                && (named(facts.name) || also_named)
                && facts.clock_rate == clock_rate
                && (facts.channels == channels || also_counted || !kind_is_audio)
        };
        let known = TABLE.iter().find(|(_, facts)| fits(facts)).map(|(codec, _)| codec.clone());
        let name = name.to_ascii_uppercase().into();
        let other = || Self::Other(Arc::new(OtherCodec { kind, name, clock_rate, channels }));
        Some(known.unwrap_or_else(other))
    }

    /// The codec of a static payload type (RFC 3551 §6) that is still met.
    #[must_use]
    pub fn from_static(payload_type: u8) -> Option<Self> {
        let is_it = |facts: &Facts<'_>| facts.static_payload_type == Some(payload_type);
        TABLE.iter().find(|(_, facts)| is_it(facts)).map(|(codec, _)| codec.clone())
    }

    /// What is known of it.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        match self {
            Self::TelephoneEvent { clock_rate } => {
                audio("telephone-event", *clock_rate, *clock_rate, 1, None, 20)
            }
            Self::ComfortNoise { clock_rate } => {
                let static_payload_type = (*clock_rate == 8000).then_some(13);
                audio("CN", *clock_rate, *clock_rate, 1, static_payload_type, 20)
            }
            Self::Speex { clock_rate } => audio("speex", *clock_rate, *clock_rate, 1, None, 20),
            Self::Other(other) => Facts {
                name: &other.name,
                kind: other.kind,
                clock_rate: other.clock_rate,
                sample_rate: other.clock_rate,
                channels: other.channels,
                static_payload_type: None,
                frame_ms: if other.kind == Kind::Audio { 20 } else { 0 },
            },
            known => {
                let row = TABLE.iter().find(|(codec, _)| codec == known);
                row.expect("every codec without a clock to choose has its row in TABLE").1
            }
        }
    }

    /// Sound or pictures.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.facts().kind
    }

    /// The RTP clock in Hz.
    #[must_use]
    pub fn clock_rate(&self) -> u32 {
        self.facts().clock_rate
    }

    /// Whether it is heard or seen by itself; keys and comfort noise only travel beside one that is.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        !matches!(self, Self::TelephoneEvent { .. } | Self::ComfortNoise { .. })
    }

    /// Whether it can be coded and decoded here.
    #[must_use]
    pub fn can_transcode(&self) -> bool {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 | Self::G729 | Self::Opus | Self::H264 => true,
            Self::Gsm | Self::G723 | Self::Speex { .. } => cfg!(feature = "system-codecs"),
            Self::Vp8 | Self::H265 | Self::H263 | Self::H263Plus | Self::H261 => {
                cfg!(feature = "system-codecs")
            }
            _passed_through => false,
        }
    }
}

/// As `a=rtpmap` writes it behind the payload type: `opus/48000/2`.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts();
        write!(f, "{}/{}", facts.name, facts.clock_rate)?;
        if facts.channels > 1 { write!(f, "/{}", facts.channels) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_own_name_and_payload_type() {
        for (codec, facts) in TABLE {
            assert_eq!(codec.facts(), *facts);
            let name = facts.name.to_ascii_lowercase();
            let found = Codec::from_rtpmap(facts.kind, &name, facts.clock_rate, facts.channels);
            assert_eq!(found.as_ref(), Some(codec));
            if let Some(payload_type) = facts.static_payload_type {
                assert_eq!(Codec::from_static(payload_type).as_ref(), Some(codec));
            }
        }
    }

    #[test]
    fn an_unknown_codec_is_carried_by_name_clock_and_channels() {
        let find = |name, rate, channels| Codec::from_rtpmap(Kind::Audio, name, rate, channels);
        let amr = find("AMR-wb", 16000, 1).unwrap();
        assert_eq!(Some(&amr), find("amr-WB", 16000, 1).as_ref());
        assert_ne!(Some(&amr), find("AMR-WB", 16000, 2).as_ref());
        assert_eq!(amr.to_string(), "AMR-WB/16000");
        assert!(amr.is_primary() && !amr.can_transcode());
        let odd = find("PCMU", 16000, 1).unwrap();
        assert!(matches!(odd, Codec::Other(_)), "wide-band µ-law is not G.711");
    }

    #[test]
    fn a_name_means_nothing_in_the_wrong_kind_of_stream() {
        let codec = Codec::from_rtpmap(Kind::Video, "PCMU", 8000, 1).unwrap();
        assert!(matches!(codec, Codec::Other(_)));
        assert_eq!(codec.kind(), Kind::Video);
    }

    #[test]
    fn what_a_relay_cannot_carry_is_no_codec() {
        let long = "x".repeat(NAME_MAX + 1);
        for name in ["rtx", "red", "ulpfec", "", "a b", "a\r\nm=x", "é", long.as_str()] {
            assert_eq!(Codec::from_rtpmap(Kind::Video, name, 90_000, 1), None, "{name}");
        }
        assert_eq!(Codec::from_rtpmap(Kind::Audio, "PCMU", 0, 1), None);
        assert!(Codec::from_rtpmap(Kind::Audio, &long[1..], 8000, 1).is_some());
    }

    #[test]
    fn keys_take_the_clock_of_their_audio() {
        let keys = Codec::from_rtpmap(Kind::Audio, "telephone-event", 48000, 1).unwrap();
        assert_eq!(keys, Codec::TelephoneEvent { clock_rate: 48000 });
        assert!(!keys.is_primary());
        assert_eq!(keys.to_string(), "telephone-event/48000");
    }

    #[test]
    fn opus_without_its_channels_is_still_opus() {
        assert_eq!(Codec::from_rtpmap(Kind::Audio, "OPUS", 48000, 1), Some(Codec::Opus));
        assert_eq!(Codec::Opus.to_string(), "opus/48000/2");
    }
}
