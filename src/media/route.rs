//! Which way each of a source's formats takes to one receiver: as it is, or converted.

use super::plan::{PayloadFormat, StreamPlan};
use crate::codec::audio::{A_TO_MU, MU_TO_A};
use crate::codec::video::{H264Parameters, Profile};
use crate::codec::{Codec, Kind};
use std::sync::Arc;

/// What becomes of packets of one format.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum PayloadMapping {
    /// The receiver has nothing for them.
    #[default]
    Closed,
    /// They pass, under this payload type.
    Same(u8),
    /// G.711 of the other law: byte by byte, which costs no more than passing.
    OtherLaw(u8, &'static [u8; 256]),
    /// H.264 for a receiver that knows whole NAL units only (RFC 6184 §6.2).
    Repacked(u8),
    /// Decoded and coded anew.
    Converted(Arc<Conversion>),
    /// Keys, to a receiver that counts them by another clock: pressed anew.
    Pressed,
    /// Comfort noise: it goes the way of the voice that is heard.
    Noise(Noise),
}

/// What becomes of comfort noise where no voice is being converted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Noise {
    /// The receiver's number for it, if it has one.
    pub passes: Option<u8>,
    /// The conversion of the source's first voice, if that goes through one: it is made audible there, unless
    /// another voice is heard that passes.
    pub made: Option<Arc<Conversion>>,
}

/// From which format to which.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conversion {
    /// As the source sends it.
    pub from: PayloadFormat,
    /// As the receiver takes it.
    pub to: PayloadFormat,
}

/// By the place among the source's formats, the way to the receiver. `shown` are the macroblocks of the
/// largest H.264 picture that the source has announced, as far as one came.
///
/// Pictures too large for the receiver ([`is_beyond`]) are made smaller, where that can be done here.
#[must_use]
pub fn route(
    (source, shown): (&StreamPlan, Option<usize>),
    receiver: &StreamPlan,
) -> Vec<PayloadMapping> {
    let way = |format| {
        let way = way(format, Some(source), receiver);
        let beyond = || shown.is_some_and(|shown| is_beyond((format, source, shown), receiver));
        if beyond() { smaller(way, format, receiver) } else { way }
    };
    source.formats().map(way).collect()
}

/// Whether H.264 pictures of so many macroblocks, `shown`, are more than the receiver's level allows, although
/// they are within what the source was free to send.
///
/// A phone's level says what it takes, and by the symmetry of RFC 6184 §8.2.2 what it may send; most send
/// far less. To convert by the levels alone would cost a decoder and an encoder for pictures that
/// everyone can show, and to pass by them alone would show nothing where a phone uses what it declared. So
/// the sequence parameter set, which comes in front of the first picture, decides, and two more things
/// have to hold:
///
/// * The receiver states a level. Silence is level 1 by the letter, and of those who keep it most can do
///   more.
/// * The source declares more than the receiver, or may send at another level than its own
///   (level-asymmetry-allowed), or states none. Two phones of one level get along without us, too, and
///   some that declare CIF have always exchanged more.
///
/// Rates are no reason: what a level allows of pictures and bits a second is a bound on the average of a
/// stream, and a decoder that is behind drops pictures, while one that is given too large ones has nothing
/// to put them in. Bits are told to the source (REMB, TMMBR).
fn is_beyond(
    (format, source, shown): (&PayloadFormat, &StreamPlan, usize),
    receiver: &StreamPlan,
) -> bool {
    let same = receiver.formats().find(|other| other.codec == format.codec);
    let stated = |format: &PayloadFormat| H264Parameters::states_level(&format.fmtp);
    let limit = receiver.picture.macroblocks_max.filter(|_| same.is_some_and(stated));
    let Some(limit) = limit.filter(|_| format.codec == Codec::H264) else { return false };
    let declared = source.picture.macroblocks_max.filter(|_| stated(format));
    let symmetric = !H264Parameters::parse(&format.fmtp).level_asymmetry_allowed;
    let alike = symmetric && declared.is_some_and(|declared| declared <= limit);
    shown > limit && !alike
}

/// A conversion in place of passing; the way as it is where we cannot.
fn smaller(way: PayloadMapping, format: &PayloadFormat, receiver: &StreamPlan) -> PayloadMapping {
    if !matches!(way, PayloadMapping::Same(_) | PayloadMapping::Repacked(_)) {
        return way;
    }
    match converted(format, receiver) {
        PayloadMapping::Closed => way,
        smaller => smaller,
    }
}

/// The same for a camera, whose format says what it sends where a phone's says what it takes: pictures
/// beyond the receiver's level are made smaller, where that can be done here.
#[must_use]
pub fn route_of_camera(camera: &StreamPlan, receiver: &StreamPlan) -> Vec<PayloadMapping> {
    let way = |format: &PayloadFormat| {
        let level = |format: &PayloadFormat| H264Parameters::parse(&format.fmtp).level;
        let way = way(format, None, receiver);
        let same = receiver.formats().find(|other| other.codec == format.codec);
        let beyond = same.is_some_and(|other| level(format) > level(other));
        if beyond && format.codec == Codec::H264 { smaller(way, format, receiver) } else { way }
    };
    camera.formats().map(way).collect()
}

/// One format's way; `source` is what else its phone sends, for a camera nothing.
fn way(
    format: &PayloadFormat,
    source: Option<&StreamPlan>,
    receiver: &StreamPlan,
) -> PayloadMapping {
    let same = || receiver.formats().filter(|other| carries(format, other));
    let passes = same()
        .find(|other| mode(format) == mode(other))
        .or_else(|| same().find(|other| mode(format) <= mode(other)));
    let number = |other: &PayloadFormat| other.send_pt & 0x7f;
    match &format.codec {
        Codec::TelephoneEvent { .. } => match passes {
            Some(other) => PayloadMapping::Same(number(other)),
            None if receiver.event_format(0).is_some() => PayloadMapping::Pressed,
            None => PayloadMapping::Closed,
        },
        Codec::ComfortNoise { .. } => {
            let voice = source.and_then(|source| source.formats().find(|f| f.codec.is_primary()));
            let made = match voice.map(|voice| way(voice, source, receiver)) {
                Some(PayloadMapping::Converted(conversion)) => Some(conversion),
                Some(_) | None => None,
            };
            PayloadMapping::Noise(Noise { passes: passes.map(number), made })
        }
        _primary => {
            if let Some(other) = passes {
                return match converted(format, receiver) {
                    made @ (PayloadMapping::Converted(_) | PayloadMapping::OtherLaw(..))
                        if !is_kept(other, source, receiver) =>
                    {
                        made
                    }
                    _kept_or_cannot => PayloadMapping::Same(number(other)),
                };
            }
            same().next().map_or_else(
                || converted(format, receiver),
                |o| PayloadMapping::Repacked(number(o)),
            )
        }
    }
}

/// Whether sound in this codec of the receiver's passes, as it does where nothing is against it:
///
/// * RFC 7160: a phone that answered with codecs of two clocks gets one of them, under one SSRC, whoever
///   speaks.
/// * One that answered with several of one clock gets its first from everybody who has that, too, and may
///   send another: no switch between them changes its codec. Pictures are dearer to convert than a decoder
///   is to change.
fn is_kept(passes: &PayloadFormat, source: Option<&StreamPlan>, receiver: &StreamPlan) -> bool {
    let Some(own) = receiver.own_format() else { return true };
    let in_common = || {
        source.is_some_and(|source| source.formats().any(|format| format.codec == own.codec))
            && own.codec.kind() == Kind::Audio
    };
    passes.codec == own.codec
        || (passes.codec.clock_rate() == own.codec.clock_rate() && !in_common())
}

fn converted(from: &PayloadFormat, receiver: &StreamPlan) -> PayloadMapping {
    let can = |to: &&PayloadFormat| to.codec.is_primary() && to.codec.can_transcode();
    let Some(to) = receiver.formats().find(can).filter(|_| from.codec.can_transcode()) else {
        return PayloadMapping::Closed;
    };
    let number = to.send_pt & 0x7f;
    match (&from.codec, &to.codec) {
        (Codec::Pcmu, Codec::Pcma) => PayloadMapping::OtherLaw(number, MU_TO_A),
        (Codec::Pcma, Codec::Pcmu) => PayloadMapping::OtherLaw(number, A_TO_MU),
        _others => {
            PayloadMapping::Converted(Arc::new(Conversion { from: from.clone(), to: to.clone() }))
        }
    }
}

/// Whether what one peer sends in this format can be what the other receives in that one, packetization
/// aside.
fn carries(from: &PayloadFormat, to: &PayloadFormat) -> bool {
    let profile = |format: &PayloadFormat| match H264Parameters::parse(&format.fmtp).profile {
        // Phones that write plain baseline use none of the tools that the constrained one lacks.
        Profile::Baseline => Profile::ConstrainedBaseline,
        other => other,
    };
    from.codec == to.codec && (from.codec != Codec::H264 || profile(to).decodes(profile(from)))
}

/// The packetization-mode of H.264; 0 for everything else.
fn mode(format: &PayloadFormat) -> u8 {
    let parameters = || H264Parameters::parse(&format.fmtp);
    if format.codec == Codec::H264 { parameters().packetization_mode } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{BitrateFeedback, KeyFrameFeedback, PictureLimits};
    use super::*;
    use crate::sdp::Direction;

    fn format(codec: Codec, send_pt: u8, recv_pt: u8, fmtp: &str) -> PayloadFormat {
        PayloadFormat { codec, send_pt, recv_pt, fmtp: fmtp.into() }
    }

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

    fn ways(source: &StreamPlan, receiver: &StreamPlan) -> Vec<String> {
        ways_of((source, None), receiver)
    }

    /// What becomes of the source's formats, in a word each.
    fn ways_of(
        (source, shown): (&StreamPlan, Option<usize>),
        receiver: &StreamPlan,
    ) -> Vec<String> {
        let word = |way: PayloadMapping| match way {
            PayloadMapping::Closed => "closed".to_owned(),
            PayloadMapping::Same(number) => number.to_string(),
            PayloadMapping::OtherLaw(number, _) => format!("{number} by the other law"),
            PayloadMapping::Repacked(number) => format!("{number} repacked"),
            PayloadMapping::Converted(conversion) => {
                format!("converted to {}", conversion.to.codec)
            }
            PayloadMapping::Pressed => "pressed".to_owned(),
            PayloadMapping::Noise(Noise { made: Some(made), .. }) => {
                format!("noise in {}", made.to.codec)
            }
            PayloadMapping::Noise(Noise { passes: Some(number), .. }) => number.to_string(),
            PayloadMapping::Noise(Noise { passes: None, made: None }) => "closed".to_owned(),
        };
        route((source, shown), receiver).into_iter().map(word).collect()
    }

    const EVENTS: Codec = Codec::TelephoneEvent { clock_rate: 8000 };
    const WIDE_EVENTS: Codec = Codec::TelephoneEvent { clock_rate: 48_000 };
    const NOISE: Codec = Codec::ComfortNoise { clock_rate: 8000 };

    #[test]
    fn the_receiver_gets_its_own_numbers() {
        let source = plan(vec![format(Codec::Opus, 96, 107, ""), format(EVENTS, 101, 101, "0-15")]);
        let receiver = plan(vec![format(EVENTS, 97, 101, ""), format(Codec::Opus, 120, 96, "")]);
        assert_eq!(ways(&source, &receiver), ["120", "97"]);
    }

    #[test]
    fn what_only_one_side_has_is_converted_where_we_can() {
        let opus = plan(vec![format(Codec::Opus, 96, 96, ""), format(WIDE_EVENTS, 101, 101, "")]);
        let pcmu = plan(vec![
            format(Codec::Pcmu, 0, 0, ""),
            format(EVENTS, 101, 101, ""),
            format(NOISE, 13, 13, ""),
        ]);
        assert_eq!(ways(&opus, &pcmu), ["converted to PCMU/8000", "pressed"]);
        assert_eq!(
            ways(&pcmu, &opus),
            ["converted to opus/48000/2", "pressed", "noise in opus/48000/2"]
        );
        let pcma = plan(vec![format(Codec::Pcma, 8, 8, "")]);
        assert_eq!(ways(&pcmu, &pcma), ["8 by the other law", "closed", "closed"]);
        let odd = plan(vec![format(Codec::Ilbc, 97, 97, "")]);
        let nothing = plan(vec![]);
        assert_eq!(ways(&pcmu, &nothing), ["closed", "closed", "closed"]);
        if !Codec::Ilbc.can_transcode() {
            assert_eq!(ways(&odd, &pcma), ["closed"]);
        }
    }

    /// RFC 7160: whoever speaks, under one SSRC there is one clock.
    #[test]
    fn a_receiver_with_codecs_of_two_clocks_gets_those_of_its_first() {
        let opus = plan(vec![format(Codec::Opus, 96, 96, "")]);
        let g722 = plan(vec![format(Codec::G722, 9, 9, "")]);
        let both = plan(vec![
            format(Codec::Pcma, 8, 8, ""),
            format(Codec::Opus, 96, 96, ""),
            format(Codec::G722, 9, 9, ""),
        ]);
        assert_eq!(ways(&opus, &both), ["converted to PCMA/8000"]);
        assert_eq!(ways(&g722, &both), ["9"]);
        let wide = plan(vec![format(Codec::Opus, 96, 96, ""), format(Codec::Pcma, 8, 8, "")]);
        assert_eq!(ways(&opus, &wide), ["96"]);
        assert_eq!(
            ways(&plan(vec![format(Codec::Pcma, 8, 8, "")]), &wide),
            ["converted to opus/48000/2"]
        );
    }

    #[test]
    fn a_receiver_with_codecs_of_one_clock_gets_the_first_of_whoever_has_it_too() {
        let numbered = |codec: &Codec| {
            let number = codec.facts().static_payload_type.unwrap();
            format(codec.clone(), number, number, "")
        };
        let phone = |codecs: &[Codec]| plan(codecs.iter().map(numbered).collect());
        let receiver = phone(&[Codec::Pcma, Codec::Pcmu, Codec::G722]);
        assert_eq!(ways(&phone(&[Codec::Pcma]), &receiver), ["8"]);
        assert_eq!(ways(&phone(&[Codec::G722]), &receiver), ["9"], "nothing in common but this");
        assert_eq!(
            ways(&phone(&[Codec::Pcmu, Codec::G722, Codec::Pcma]), &receiver),
            ["8 by the other law", "converted to PCMA/8000", "8"]
        );
    }

    #[test]
    fn h264_of_the_same_mode_passes_and_whole_units_go_to_old_receivers() {
        let new = "profile-level-id=42e01f; packetization-mode=1";
        let old = "profile-level-id=42e01f";
        let both = |numbers: [u8; 2]| {
            plan(vec![
                format(Codec::H264, numbers[0], 99, new),
                format(Codec::H264, numbers[1], 98, old),
            ])
        };
        assert_eq!(ways(&both([99, 98]), &both([120, 121])), ["120", "121"]);
        let only_old = plan(vec![format(Codec::H264, 34, 34, old)]);
        assert_eq!(ways(&both([99, 98]), &only_old), ["34 repacked", "34"]);
        let only_new = plan(vec![format(Codec::H264, 35, 35, new)]);
        assert_eq!(ways(&only_old, &only_new), ["35"]);
    }

    #[test]
    fn a_profile_that_the_receiver_cannot_decode_does_not_pass() {
        let high = plan(vec![format(Codec::H264, 97, 97, "profile-level-id=64001f")]);
        let baseline = plan(vec![format(Codec::H264, 98, 98, "profile-level-id=42801f")]);
        assert_ne!(ways(&high, &baseline), ["98"]);
        assert_eq!(ways(&baseline, &high), ["97"], "a decoder of high knows baseline");
    }

    /// A phone that declares this, and its level's macroblocks.
    fn phone(fmtp: &str) -> StreamPlan {
        let macroblocks = H264Parameters::parse(fmtp).level.bounds().macroblocks;
        let picture =
            PictureLimits { macroblocks_max: Some(macroblocks), ..PictureLimits::default() };
        StreamPlan { picture, ..plan(vec![format(Codec::H264, 97, 97, fmtp)]) }
    }

    const QCIF: usize = 99;
    const CIF: usize = 396;
    const VGA: usize = 1200;
    const LARGE: &str = "profile-level-id=42e01f";
    const SMALL: &str = "profile-level-id=42e00c";

    #[test]
    fn pictures_beyond_the_receivers_level_are_made_smaller_once_they_are_seen() {
        let (large, small) = (phone(LARGE), phone(SMALL));
        assert_eq!(ways_of((&large, None), &small), ["97"], "nothing came, nothing is decoded");
        assert_eq!(ways_of((&large, Some(CIF)), &small), ["97"], "it sends below its level");
        assert_eq!(ways_of((&large, Some(VGA)), &small), ["converted to H264/90000"]);
        assert_eq!(ways_of((&large, Some(VGA)), &large), ["97"]);
        assert_eq!(ways_of((&small, Some(CIF)), &large), ["97"]);
        let whole_units = "profile-level-id=42e00c;packetization-mode=0";
        let fragments = phone("profile-level-id=42e01f;packetization-mode=1");
        assert_eq!(ways_of((&fragments, Some(CIF)), &phone(whole_units)), ["97 repacked"]);
        let made = ways_of((&fragments, Some(VGA)), &phone(whole_units));
        assert_eq!(made, ["converted to H264/90000"]);
    }

    #[test]
    fn phones_of_one_level_are_left_to_themselves() {
        assert_eq!(ways_of((&phone(SMALL), Some(VGA)), &phone("profile-level-id=42800c")), ["97"]);
        let asymmetric = phone("profile-level-id=42e00c;level-asymmetry-allowed=1");
        let made = ways_of((&asymmetric, Some(VGA)), &phone(SMALL));
        assert_eq!(made, ["converted to H264/90000"], "it never said what it sends");
    }

    #[test]
    fn a_receiver_that_states_no_level_gets_what_there_is() {
        assert_eq!(ways_of((&phone(LARGE), Some(VGA)), &phone("")), ["97"]);
        assert_eq!(ways_of((&phone(LARGE), Some(VGA)), &phone("profile-level-id=zz")), ["97"]);
        let made = ways_of((&phone(""), Some(CIF)), &phone("profile-level-id=42e00a"));
        assert_eq!(made, ["converted to H264/90000"], "level 1 is stated");
        assert_eq!(ways_of((&phone(""), Some(QCIF)), &phone("profile-level-id=42e00a")), ["97"]);
    }

    #[test]
    fn a_raised_bound_counts_as_well_as_a_level() {
        let mut raised = phone("profile-level-id=42e00c;max-fs=3600");
        raised.picture.macroblocks_max = Some(3600);
        assert_eq!(ways_of((&phone(LARGE), Some(VGA)), &raised), ["97"]);
        assert_eq!(ways_of((&raised, Some(VGA)), &phone(SMALL)), ["converted to H264/90000"]);
    }

    #[test]
    fn a_peer_that_numbers_nonsense_gets_seven_bits() {
        let plan = plan(vec![format(Codec::Pcmu, 255, 200, "")]);
        assert_eq!(ways(&plan, &plan), ["127"]);
    }
}
