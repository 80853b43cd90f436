//! What a peer's SDP says of the pictures that it can take in: sizes, rates, bits.
//!
//! Each codec says it in its own parameters (RFC 6184 §8.1, RFC 7741 §6.1, RFC 4629 §8.1, RFC 4587 §6.1);
//! `a=imageattr` (RFC 6236), `a=framerate` and `b=` (RFC 8866, RFC 3890) say it for all. The strictest
//! counts. Figures that no phone can mean are taken for the nearest that one could.

use super::formats::PeerFormat;
use crate::codec::Codec;
use crate::codec::video::H264Parameters;
use crate::media::PictureLimits;
use crate::sdp::{Bandwidth, MediaDescription};

/// Sides of pictures that are believed.
const SIDES: (usize, usize) = (64, 1920);
/// Rates of pictures that are believed, a second.
const FRAME_RATES: (u32, u32) = (1, 60);
/// Rates of bits that are believed, a second.
const BITRATES: (u64, u64) = (32_000, 20_000_000);
/// Of each second `b=AS` counts headers, too (RFC 3890 §1): what they take at 25 packets a second.
const HEADERS: u64 = 8_000;
/// The names of the old codecs' sizes.
const SIZES: [(&str, (usize, usize)); 2] = [("QCIF", (176, 144)), ("CIF", (352, 288))];

/// What a section says of this format.
#[must_use]
pub fn read(media: &MediaDescription, format: &PeerFormat) -> PictureLimits {
    let mut limits = of_codec(format);
    let mut frame_rate = |rate: Option<u32>| {
        let rate = rate.map(|rate| rate.clamp(FRAME_RATES.0, FRAME_RATES.1));
        limits.frame_rate_max = strictest(limits.frame_rate_max, rate);
    };
    // 12.5 is legal; a fraction more or less is not seen.
    frame_rate(
        media.attribute("framerate").and_then(|rate| rate.trim().split('.').next()?.parse().ok()),
    );
    limits.sides_max = sides(media, format.number).or(limits.sides_max);
    limits.bitrate_max = strictest(limits.bitrate_max, bitrate(&media.bandwidth));
    limits
}

fn of_codec(format: &PeerFormat) -> PictureLimits {
    let number = |name: &str| parameter(&format.parameters, name)?.parse::<usize>().ok();
    match &format.codec {
        Codec::H264 => {
            let level = H264Parameters::parse(&format.parameters).level.bounds();
            let macroblocks = level.macroblocks.max(number("max-fs").unwrap_or(0));
            let speed = level.macroblocks_per_second.max(number("max-mbps").unwrap_or(0));
            // In units of 1000 bit/s.
            let kilobits = number("max-br").and_then(|br| u32::try_from(br).ok()).unwrap_or(0);
            PictureLimits {
                macroblocks_max: Some(macroblocks),
                frame_rate_max: Some(((speed / macroblocks) as u32).max(1)),
                bitrate_max: Some(level.bitrate.max(kilobits.saturating_mul(1000))),
                ..PictureLimits::default()
            }
        }
        Codec::Vp8 | Codec::Vp9 => PictureLimits {
            macroblocks_max: number("max-fs").filter(|macroblocks| *macroblocks > 0),
            frame_rate_max: number("max-fr").and_then(|rate| u32::try_from(rate).ok()),
            ..PictureLimits::default()
        },
        Codec::H263 | Codec::H263Plus | Codec::H261 => old_sizes(format),
        _others => PictureLimits::default(),
    }
}

/// `CIF=2;QCIF=1`: the sizes, each with the least time between two pictures, in 1/29.97 s. Without any
/// it is QCIF, which all have.
fn old_sizes(format: &PeerFormat) -> PictureLimits {
    let stated = SIZES.iter().filter_map(|(name, size)| {
        let interval: u32 = parameter(&format.parameters, name)?.parse().ok()?;
        (1..=32).contains(&interval).then(|| (*size, 30 / interval))
    });
    let stated: Vec<_> = stated.collect();
    let rate = stated.iter().map(|(_, rate)| *rate).min();
    let sizes: Vec<_> = stated.into_iter().map(|(size, _)| size).collect();
    PictureLimits {
        sizes: if sizes.is_empty() { vec![SIZES[0].1] } else { sizes },
        frame_rate_max: rate.map(|rate| rate.max(1)),
        ..PictureLimits::default()
    }
}

/// The largest size of `a=imageattr` that the peer receives.
fn sides(media: &MediaDescription, number: u8) -> Option<(usize, usize)> {
    let mut named = media.attributes_named("imageattr").filter_map(|value| {
        let (payload_type, attributes) = value.trim().split_once(' ')?;
        (payload_type == "*" || payload_type.parse() == Ok(number)).then_some(attributes)
    });
    let attributes = named.next()?;
    let received = attributes.split("recv").nth(1)?.split("send").next()?;
    let side = |name: &str| {
        let values = received.split(name).skip(1).filter_map(largest);
        values.max().map(|side| side.clamp(SIDES.0, SIDES.1) & !1)
    };
    Some((side("x=")?, side("y=")?))
}

/// The largest figure in front of the next name: `800`, `[320,640]`, `[320:16:640]`.
fn largest(text: &str) -> Option<usize> {
    let text = text.split(['=', ' ']).next()?;
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|figure| figure.parse().ok()).max()
}

fn bitrate(bandwidth: &[Bandwidth]) -> Option<u32> {
    let of = |kind: &str| bandwidth.iter().find(|b| b.kind.eq_ignore_ascii_case(kind));
    let stated = match (of("TIAS"), of("AS")) {
        (Some(bits), _) => bits.value,
        (None, Some(kilobits)) => kilobits.value.saturating_mul(1000).saturating_sub(HEADERS),
        (None, None) => return None,
    };
    // b=AS:0 is how some switch a stream off; others mean nothing by it.
    Some(stated.clamp(BITRATES.0, BITRATES.1) as u32).filter(|_| stated > 0)
}

fn strictest(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    one.into_iter().chain(other).min()
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = parameters.split([';', ' ']).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::{Attribute, MediaKind};

    fn limits(codec: Codec, fmtp: &str, attributes: &[(&str, &str)]) -> PictureLimits {
        let mut media = MediaDescription::new(MediaKind::Video, 4000, "RTP/AVP");
        for (name, value) in attributes {
            match name.strip_prefix("b:") {
                Some(kind) => media
                    .bandwidth
                    .push(Bandwidth { kind: kind.to_owned(), value: value.parse().unwrap() }),
                None => media.attributes.push(Attribute::new((*name).to_owned(), *value)),
            }
        }
        read(&media, &PeerFormat::new(codec, 97, fmtp.to_owned()))
    }

    #[test]
    fn a_level_of_h264_bounds_size_rate_and_bits() {
        let low = limits(Codec::H264, "profile-level-id=42e00c", &[]);
        assert_eq!((low.macroblocks_max, low.frame_rate_max), (Some(396), Some(15)));
        assert_eq!(low.bitrate_max, Some(384_000));
        let raised = limits(
            Codec::H264,
            "profile-level-id=42e00c;max-fs=3600;max-mbps=108000;max-br=2000",
            &[],
        );
        assert_eq!((raised.macroblocks_max, raised.frame_rate_max), (Some(3600), Some(30)));
        assert_eq!(raised.bitrate_max, Some(2_000_000));
        let huge = limits(Codec::H264, "profile-level-id=42e00c;max-fs=99999999999", &[]);
        assert_eq!(huge.frame_rate_max, Some(1));
    }

    #[test]
    fn the_old_codecs_name_their_sizes() {
        let both = limits(Codec::H263, "CIF=2;QCIF=1", &[]);
        assert_eq!((both.sizes, both.frame_rate_max), (vec![(176, 144), (352, 288)], Some(15)));
        assert_eq!(limits(Codec::H261, "", &[]).sizes, [(176, 144)]);
        assert_eq!(limits(Codec::H263Plus, "CIF=0;SQCIF=1", &[]).sizes, [(176, 144)]);
    }

    #[test]
    fn vp8_says_squares_and_rate() {
        let vp8 = limits(Codec::Vp8, "max-fs=1200; max-fr=25", &[]);
        assert_eq!((vp8.macroblocks_max, vp8.frame_rate_max), (Some(1200), Some(25)));
    }

    #[test]
    fn the_strictest_figure_counts() {
        let bits = limits(
            Codec::H264,
            "profile-level-id=42e01f",
            &[("b:AS", "256"), ("framerate", "12.5")],
        );
        assert_eq!((bits.bitrate_max, bits.frame_rate_max), (Some(248_000), Some(12)));
        let exact = limits(Codec::Vp8, "", &[("b:AS", "256"), ("b:TIAS", "100000")]);
        assert_eq!(exact.bitrate_max, Some(100_000));
    }

    #[test]
    fn image_attributes_of_the_receiving_side_bound_the_sides() {
        let sides = |value| limits(Codec::Vp8, "", &[("imageattr", value)]).sides_max;
        assert_eq!(sides("97 send [x=1280,y=720] recv [x=640,y=480]"), Some((640, 480)));
        assert_eq!(sides("* recv [x=[320:16:800],y=[240:16:600]] send *"), Some((800, 600)));
        assert_eq!(sides("97 recv [x=[176,352],y=[144,288],q=0.5]"), Some((352, 288)));
        assert_eq!(sides("98 recv [x=640,y=480]"), None);
        assert_eq!(sides("97 recv *"), None);
    }

    #[test]
    fn absurd_figures_are_brought_back() {
        let absurd = limits(
            Codec::Vp8,
            "max-fs=0;max-fr=-4",
            &[
                ("b:AS", "18446744073709551615"),
                ("framerate", "0"),
                ("imageattr", "97 recv [x=99999999999999999999,y=1]"),
            ],
        );
        assert_eq!((absurd.macroblocks_max, absurd.frame_rate_max), (None, Some(1)));
        assert_eq!(absurd.bitrate_max, Some(20_000_000));
        assert_eq!(absurd.sides_max, None);
        assert_eq!(limits(Codec::Vp8, "", &[("b:AS", "0")]).bitrate_max, None);
    }
}
