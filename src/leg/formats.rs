//! Codecs as an SDP names them: which formats a peer knows, which of them are the same, and which
//! one is chosen.

use crate::codec::video::{H264Parameters, Profile};
use crate::codec::{Codec, Kind};
use crate::sdp::{MediaDescription, RtpMap};
use std::borrow::Cow;

/// One payload type of a peer: a codec that we can pass on, under the peer's number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerFormat {
    /// Which codec it is.
    pub codec: Codec,
    /// The payload type, 0 to 127.
    pub number: u8,
    /// What its writer can receive (`a=fmtp`), empty where nothing is said. Parameters that
    /// describe what it sends are left out.
    pub parameters: Cow<'static, str>,
    /// The name under which its writer knows it, where there are two for one.
    pub alias: Option<&'static str>,
}

/// What a peer's SDP says that it can, in its order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// Audio codecs.
    pub audio: Vec<PeerFormat>,
    /// What travels beside audio: telephone-event and comfort noise, per clock rate.
    pub beside: Vec<PeerFormat>,
    /// Video codecs.
    pub video: Vec<PeerFormat>,
}

/// Parameters that speak of the sender's stream; after a switch they would be another sender's.
const SENDER_PARAMETERS: &[&str] =
    &["sprop-parameter-sets", "sprop-stereo", "sprop-maxcapturerate"];

/// The other name of [`Codec::H263Plus`].
const H263_2000: &str = "H263-2000";

/// The digits and the flash that are passed on (RFC 4733 §3.2).
const EVENTS: &str = "0-16";

/// Longer parameters count as none; real ones have at most some 150 bytes.
pub const PARAMETERS_BYTES_MAX: usize = 512;

/// The first number for payload types that have none of their own (RFC 3551 §6).
const DYNAMIC_FIRST: u8 = 96;
const DYNAMIC_LAST: u8 = 127;

impl PeerFormat {
    /// A format under a number of ours.
    #[must_use]
    pub fn new(codec: Codec, number: u8, parameters: impl Into<Cow<'static, str>>) -> Self {
        Self { codec, number, parameters: parameters.into(), alias: None }
    }

    /// H.263 of 1998 under its later name, which some phones alone know (RFC 4629 §8.1.2).
    #[must_use]
    pub fn h263_2000(number: u8, parameters: &'static str) -> Self {
        Self { alias: Some(H263_2000), ..Self::new(Codec::H263Plus, number, parameters) }
    }

    /// telephone-event at a clock rate.
    #[must_use]
    pub fn event(clock_rate: u32, number: u8) -> Self {
        Self::new(Codec::TelephoneEvent { clock_rate }, number, EVENTS)
    }

    /// The formats of a section that can be passed on, in its order.
    pub fn all_of(media: &MediaDescription, kind: Kind) -> impl Iterator<Item = Self> {
        media.rtpmaps().filter_map(move |map| {
            Self::of_map(&map, kind, media.fmtp(map.payload_type).unwrap_or(""))
        })
    }

    /// The format of an `a=rtpmap` with the parameters of its `a=fmtp`, if it can be passed on.
    #[must_use]
    pub fn of_map(map: &RtpMap<'_>, kind: Kind, parameters: &str) -> Option<Self> {
        let codec = Codec::from_rtpmap(kind, map.encoding, map.clock_rate, map.channels)?;
        let parameters = for_receivers(parameters);
        let parameters = Some(parameters).filter(|text| text.len() <= PARAMETERS_BYTES_MAX);
        let parameters = parameters.unwrap_or_default().into();
        let alias = Some(H263_2000).filter(|name| map.encoding.eq_ignore_ascii_case(name));
        Some(Self { codec, number: map.payload_type, parameters, alias })
    }

    /// The `a=rtpmap` of this format.
    #[must_use]
    pub fn rtpmap(&self) -> RtpMap<'_> {
        let facts = self.codec.facts();
        RtpMap {
            payload_type: self.number,
            encoding: self.alias.unwrap_or(facts.name),
            clock_rate: facts.clock_rate,
            channels: facts.channels,
        }
    }

    /// Whether packets of one may be sent as the other, H.264 packetization aside.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let family = |format: &Self| format.h264().map(|h264| family(h264.profile));
        self.codec == other.codec && family(self) == family(other)
    }

    /// Whether what a peer sends in this format can be received in the other, packetization aside.
    #[must_use]
    pub fn passes_to(&self, receiver: &Self) -> bool {
        let profile = |format: &Self| format.h264().map(|h264| family(h264.profile));
        let decodes = match (profile(self), profile(receiver)) {
            (Some(from), Some(to)) => to.decodes(from),
            (Some(_) | None, _) => true,
        };
        self.codec == receiver.codec && decodes
    }

    /// Whether the relay can carry one to the other, converted or as it is.
    #[must_use]
    pub fn reaches(&self, partner: &Self) -> bool {
        self.same(partner) || (self.codec.can_transcode() && partner.codec.can_transcode())
    }

    /// Whether the two are the same in every point: an answer's format and the offered one.
    #[must_use]
    pub fn answers(&self, offered: &Self) -> bool {
        let mode = |format: &Self| format.h264().map(|h264| h264.packetization_mode);
        self.same(offered) && mode(self) == mode(offered) && self.alias == offered.alias
    }

    /// The meaning of the parameters, for H.264.
    fn h264(&self) -> Option<H264Parameters> {
        (self.codec == Codec::H264).then(|| H264Parameters::parse(&self.parameters))
    }

    /// This format as our answer to an offer of it repeats it. `receiver` is the partner's format,
    /// if it is known, whose limits the answer then states.
    #[must_use]
    pub fn answered_for(&self, receiver: Option<&Self>) -> Self {
        let receiver = receiver.filter(|receiver| receiver.same(self));
        let parameters = match (self.h264(), &self.codec) {
            (Some(offered), _) => {
                let receiver = receiver.and_then(Self::h264).unwrap_or(offered);
                h264_answer(offered, receiver).to_string().into()
            }
            (None, Codec::TelephoneEvent { .. }) => EVENTS.into(),
            (None, _) => receiver.map(|receiver| receiver.parameters.clone()).unwrap_or_default(),
        };
        Self { parameters, ..self.clone() }
    }
}

/// The parameters without those of [`SENDER_PARAMETERS`].
fn for_receivers(parameters: &str) -> String {
    let name = |pair: &str| pair.split('=').next().unwrap_or("").trim().to_ascii_lowercase();
    let pairs = parameters.split(';').map(str::trim).filter(|pair| !pair.is_empty());
    let kept: Vec<_> = pairs.filter(|p| !SENDER_PARAMETERS.contains(&&*name(p))).collect();
    kept.join(";")
}

/// H.264 as offered, at the level of the one who will get the pictures. Unless both sides allow
/// each direction a level of its own, the answer may only lower it (RFC 6184 §8.2.2).
fn h264_answer(offered: H264Parameters, receiver: H264Parameters) -> H264Parameters {
    let level_asymmetry_allowed =
        offered.level_asymmetry_allowed && receiver.level_asymmetry_allowed;
    let may = level_asymmetry_allowed || receiver.level < offered.level;
    let level = if may { receiver.level } else { offered.level };
    let mut answer = offered.at_level(level);
    answer.level_asymmetry_allowed = level_asymmetry_allowed;
    answer
}

/// Baseline and constrained baseline count as one: phones that write plain baseline use none of
/// the tools that the constrained one lacks.
fn family(profile: Profile) -> Profile {
    match profile {
        Profile::Baseline => Profile::ConstrainedBaseline,
        Profile::ConstrainedBaseline
        | Profile::Main
        | Profile::Extended
        | Profile::High
        | Profile::ConstrainedHigh
        | Profile::Other(..) => profile,
    }
}

/// The telephone-event that goes with an audio format: of its clock rate (RFC 4733 §2.1), else the
/// one at 8000, which Linphone and others use beside Opus.
#[must_use]
pub fn event_for<'a>(beside: &'a [PeerFormat], audio: &Codec) -> Option<&'a PeerFormat> {
    let at = |clock_rate| {
        let event = Codec::TelephoneEvent { clock_rate };
        beside.iter().find(|format| format.codec == event)
    };
    at(audio.clock_rate()).or_else(|| at(8000))
}

/// The comfort noise that goes with an audio format.
#[must_use]
pub fn noise_for<'a>(beside: &'a [PeerFormat], audio: &Codec) -> Option<&'a PeerFormat> {
    let noise = Codec::ComfortNoise { clock_rate: audio.clock_rate() };
    beside.iter().find(|format| format.codec == noise)
}

/// The audio format to answer with (media-rules 1): the one like `partner`'s, else the first in
/// the offer's order that `prefer` names, else the first G.711, else the first, and of all these one
/// that we can code where there is one: who waits is to hear something.
#[must_use]
pub fn choose_audio<'a>(
    offered: &'a [PeerFormat],
    partner: Option<&PeerFormat>,
    prefer: &[Codec],
) -> Option<&'a PeerFormat> {
    let like = partner.and_then(|partner| offered.iter().find(|format| format.same(partner)));
    let g711 = |format: &&PeerFormat| matches!(format.codec, Codec::Pcma | Codec::Pcmu);
    like.or_else(|| preferred(offered, prefer))
        .or_else(|| offered.iter().find(g711))
        .or_else(|| offered.iter().find(|format| format.codec.can_transcode()))
        .or_else(|| offered.first())
}

/// The first that `prefer` names, of those that we can code if there are any.
fn preferred<'a>(offered: &'a [PeerFormat], prefer: &[Codec]) -> Option<&'a PeerFormat> {
    let any = offered.iter().any(|format| format.codec.can_transcode());
    let waits = |format: &&PeerFormat| !any || format.codec.can_transcode();
    offered.iter().filter(waits).find(|format| prefer.contains(&format.codec))
}

/// The video format to answer with: as [`choose_audio`], with H.264 before VP8. Of several H.264
/// formats the first baseline one, which every partner decodes.
#[must_use]
pub fn choose_video<'a>(
    offered: &'a [PeerFormat],
    partner: Option<&PeerFormat>,
    prefer: &[Codec],
) -> Option<&'a PeerFormat> {
    let like = partner.and_then(|partner| {
        let exact = offered.iter().find(|format| format.answers(partner));
        exact.or_else(|| offered.iter().find(|format| format.same(partner)))
    });
    let baseline = |format: &&PeerFormat| {
        format.h264().is_some_and(|h264| family(h264.profile) == Profile::ConstrainedBaseline)
    };
    let of = |codec: &Codec| {
        let h264 = || offered.iter().find(baseline).filter(|_| *codec == Codec::H264);
        h264().or_else(|| offered.iter().find(|format| format.codec == *codec))
    };
    like.or_else(|| preferred(offered, prefer).and_then(|format| of(&format.codec)))
        .or_else(|| of(&Codec::H264))
        .or_else(|| of(&Codec::Vp8))
        .or_else(|| offered.iter().find(|format| format.codec.can_transcode()))
        .or_else(|| offered.first())
}

/// Gives each format of one section a payload type of its own. One that this leg has named before
/// keeps its number, and its number names no other (RFC 3264 §8.3.2); else the number is kept that
/// it comes with, so that partners often have the same. None of these has one that is `taken` elsewhere.
pub fn number(formats: &mut [PeerFormat], named: &[PeerFormat], taken: &[u8]) {
    let used = named.iter().map(|format| &format.number).chain(taken);
    let mut used = used.fold(0_u128, |used, number| used | (1 << number));
    for format in formats {
        if let Some(known) = named.iter().find(|known| known.answers(format)) {
            format.number = known.number;
            continue;
        }
        let wanted = format.codec.facts().static_payload_type.unwrap_or(format.number);
        let free = |number: &u8| used & (1_u128 << number) == 0;
        // Where everything is taken, the last dynamic number is as good as any.
        format.number = Some(wanted)
            .filter(free)
            .or_else(|| (DYNAMIC_FIRST..=DYNAMIC_LAST).find(free))
            .unwrap_or(DYNAMIC_LAST);
        used |= 1_u128 << format.number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h264(parameters: &str) -> PeerFormat {
        PeerFormat::new(Codec::H264, 97, parameters.to_owned())
    }

    fn answer(offered: &str, receiver: &str) -> String {
        let offered = h264(&format!("profile-level-id={offered}"));
        offered
            .answered_for(Some(&h264(&format!("profile-level-id={receiver}"))))
            .parameters
            .into_owned()
    }

    #[test]
    fn h264_is_the_same_by_meaning() {
        let id = |id: &str| h264(&format!("profile-level-id={id}"));
        assert!(id("42e01f").same(&id("42801F")) && id("4d801f").same(&id("42001f")));
        assert!(!id("64001f").same(&id("42e01f")));
        let mode_1 = h264("profile-level-id=42e01f;packetization-mode=1");
        assert!(mode_1.same(&id("42e01f")) && !mode_1.answers(&id("42e01f")));
    }

    #[test]
    fn an_answer_lowers_the_level_and_raises_it_only_where_both_allow_that() {
        assert_eq!(answer("42e015", "42e01f"), "profile-level-id=42e015;packetization-mode=0");
        assert_eq!(answer("42e015", "42800c"), "profile-level-id=42e00c;packetization-mode=0");
        let free = |id: &str| format!("{id};level-asymmetry-allowed=1");
        assert!(answer(&free("42e015"), &free("42e01f")).starts_with("profile-level-id=42e01f"));
        assert!(answer(&free("42e015"), "42e01f").starts_with("profile-level-id=42e015"));
        assert!(
            answer("42e015", "64000c").starts_with("profile-level-id=42e015"),
            "another profile"
        );
    }

    #[test]
    fn of_several_h264_the_one_that_all_decode_is_chosen() {
        let high =
            PeerFormat { number: 98, ..h264("profile-level-id=64001f;packetization-mode=1") };
        let (baseline, vp8) =
            (h264("profile-level-id=42e01f"), PeerFormat::new(Codec::Vp8, 99, ""));
        let all = [vp8.clone(), high.clone(), baseline.clone()];
        assert_eq!(choose_video(&all, None, &[]), Some(&baseline));
        assert_eq!(choose_video(&all, Some(&high), &[]), Some(&high), "the partner speaks it");
        assert_eq!(choose_video(&all, None, &[Codec::Vp8]), Some(&vp8));
        assert_eq!(choose_video(&all[1..2], None, &[]), Some(&high));
        assert_eq!(choose_video(&[], None, &[]), None);
    }

    #[test]
    fn without_g711_what_can_be_converted_is_chosen() {
        let of = |codec: &Codec| PeerFormat::new(codec.clone(), 96, "");
        let all = [of(&Codec::Ilbc), of(&Codec::Opus)];
        assert_eq!(choose_audio(&all, None, &[]), Some(&all[1]));
        assert_eq!(choose_audio(&all[..1], None, &[]), Some(&all[0]));
        assert_eq!(choose_audio(&all, None, &[Codec::Ilbc, Codec::Opus]), Some(&all[1]));
        assert_eq!(choose_audio(&all, None, &[Codec::Ilbc]), Some(&all[1]));
        assert_eq!(choose_audio(&all[..1], None, &[Codec::Ilbc]), Some(&all[0]));
        assert_eq!(choose_audio(&all, Some(&all[0]), &[]), Some(&all[0]), "the partner speaks it");
    }

    #[test]
    fn of_pictures_too_what_can_be_converted_is_chosen() {
        let of = |codec: &Codec| PeerFormat::new(codec.clone(), 96, "");
        let all = [of(&Codec::Vp9), of(&Codec::H263)];
        assert_eq!(choose_video(&all, None, &[]), Some(&all[1]));
        assert_eq!(choose_video(&all, None, &[Codec::Vp9]), Some(&all[1]));
        assert_eq!(choose_video(&all[..1], None, &[]), Some(&all[0]));
    }

    #[test]
    fn h263_of_1998_keeps_the_name_under_which_its_phone_knows_it() {
        let mut media = MediaDescription::new(crate::sdp::MediaKind::Video, 4000, "RTP/AVP");
        media.add_format(&PeerFormat::h263_2000(115, "").rtpmap(), None);
        let formats: Vec<_> = PeerFormat::all_of(&media, Kind::Video).collect();
        assert_eq!(formats, [PeerFormat::h263_2000(115, "")]);
        assert_eq!(formats[0].answered_for(None).rtpmap().encoding, "H263-2000");
    }

    #[test]
    fn opus_may_have_its_keys_on_the_clock_of_8000() {
        let narrow = [PeerFormat::event(8000, 101)];
        assert_eq!(event_for(&narrow, &Codec::Opus), Some(&narrow[0]));
        assert_eq!(event_for(&[PeerFormat::event(16000, 101)], &Codec::Pcmu), None);
    }

    #[test]
    fn a_number_never_changes_its_meaning() {
        let mut all = [PeerFormat::new(Codec::G729, 96, ""), PeerFormat::new(Codec::Opus, 100, "")];
        number(
            &mut all,
            &[PeerFormat::new(Codec::Opus, 96, ""), PeerFormat::new(Codec::Pcmu, 0, "")],
            &[],
        );
        assert_eq!(all.map(|format| format.number), [18, 96]);
        let mut all = [PeerFormat::new(Codec::Ilbc, 96, ""), PeerFormat::new(Codec::Pcma, 96, "")];
        number(&mut all, &[PeerFormat::new(Codec::Opus, 96, "")], &[]);
        assert_eq!(all.map(|format| format.number), [97, 8]);
        let mut all = [PeerFormat::new(Codec::H264, 97, ""), PeerFormat::new(Codec::Vp8, 99, "")];
        number(&mut all, &[], &[97]);
        assert_eq!(all.map(|format| format.number), [96, 99], "97 is somebody else's");
    }

    #[test]
    fn what_describes_a_sender_is_left_out() {
        let parameters = "Sprop-Parameter-Sets=Z0LAHg==,aM4= ; packetization-mode=1;;cbr";
        assert_eq!(for_receivers(parameters), "packetization-mode=1;cbr");
        assert_eq!(for_receivers("0-16"), "0-16");
    }

    #[test]
    fn long_parameters_count_as_none() {
        let mut media = MediaDescription::new(crate::sdp::MediaKind::Video, 4000, "RTP/AVP");
        let vp8 = PeerFormat::new(Codec::Vp8, 96, "");
        media.add_format(
            &vp8.rtpmap(),
            Some(&format!("max-fs={}", "1".repeat(PARAMETERS_BYTES_MAX))),
        );
        let formats: Vec<_> = PeerFormat::all_of(&media, Kind::Video).collect();
        assert_eq!(formats, [vp8]);
    }
}
