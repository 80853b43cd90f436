//! What `a=fmtp` says of an H.264 stream (RFC 6184 §8.1): profiles and levels by their meaning, of
//! which there are several spellings.

use std::fmt;

/// The parameters of one payload type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct H264Parameters {
    /// The tools that a stream may use.
    pub profile: Profile,
    /// The size and rate that a receiver keeps up with.
    pub level: H264Level,
    /// 0: whole NAL units; 1: fragments and aggregates too; 2: interleaved, which nobody speaks.
    pub packetization_mode: u8,
    /// Whether each side may send at the other's level.
    pub level_asymmetry_allowed: bool,
    /// `profile_idc` and `profile_iop` as they were spelt, for an answer in the same spelling.
    spelling: [u8; 2],
}

/// The profiles of RFC 6184, table 5.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Profile {
    /// What all phones decode.
    ConstrainedBaseline,
    /// With slice groups and redundant slices, which hardly any encoder uses.
    Baseline,
    /// With B frames and CABAC.
    Main,
    /// With data partitions.
    Extended,
    /// With 8x8 transforms.
    High,
    /// High without B frames.
    ConstrainedHigh,
    /// Any other: matched by its spelling only.
    Other(u8, u8),
}

/// A level times ten; 1b, which lies between 1 and 1.1, comes out in its place.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct H264Level {
    tenths: u8,
    above_1: bool,
}

/// What a decoder keeps up with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// Macroblocks (16 by 16 points) in a picture.
    pub macroblocks: usize,
    /// The same in a second.
    pub macroblocks_per_second: usize,
    /// bit/s.
    pub bitrate: u32,
}

impl H264Level {
    /// Level 1b.
    pub const ONE_B: Self = Self { tenths: 10, above_1: true };

    /// Level 3.1 is `H264Level::of(31)`.
    #[must_use]
    pub const fn of(tenths: u8) -> Self {
        Self { tenths, above_1: false }
    }

    /// What a decoder of this level keeps up with (ITU-T H.264, table A-1).
    #[must_use]
    pub fn bounds(self) -> Bounds {
        let (macroblocks, macroblocks_per_second, kilobits) = match (self.tenths, self.above_1) {
            (0..=10, false) => (99, 1485, 64),
            (0..=10, true) => (99, 1485, 128),
            (11, _) => (396, 3000, 192),
            (12, _) => (396, 6000, 384),
            (13, _) => (396, 11_880, 768),
            (14..=20, _) => (396, 11_880, 2000),
            (21, _) => (792, 19_800, 4000),
            (22, _) => (1620, 20_250, 4000),
            (23..=30, _) => (1620, 40_500, 10_000),
            (31, _) => (3600, 108_000, 14_000),
            (32, _) => (5120, 216_000, 20_000),
            (33..=42, _) => (8192, 245_760, 20_000),
            (43.., _) => (22_080, 589_824, 135_000),
        };
        Bounds { macroblocks, macroblocks_per_second, bitrate: kilobits * 1000 }
    }
}

impl Profile {
    fn of(idc: u8, iop: u8) -> Self {
        let set = |mask: u8, bits: u8| iop & mask == bits;
        match idc {
            0x42 if set(0x4f, 0x40) => Self::ConstrainedBaseline,
            0x4d if set(0x8f, 0x80) => Self::ConstrainedBaseline,
            0x58 if set(0xcf, 0xc0) => Self::ConstrainedBaseline,
            0x42 if set(0x4f, 0x00) => Self::Baseline,
            0x58 if set(0xcf, 0x80) => Self::Baseline,
            0x4d if set(0xaf, 0x00) => Self::Main,
            0x58 if set(0xcf, 0x00) => Self::Extended,
            0x64 if iop == 0x00 => Self::High,
            0x64 if iop == 0x0c => Self::ConstrainedHigh,
            _rare => Self::Other(idc, iop),
        }
    }

    /// Whether a receiver of this profile decodes a stream of the other one.
    #[must_use]
    pub fn decodes(self, sent: Self) -> bool {
        let subsets: &[Self] = match self {
            Self::ConstrainedBaseline | Self::Other(..) => &[],
            Self::Baseline | Self::Main | Self::ConstrainedHigh => &[Self::ConstrainedBaseline],
            Self::Extended => &[Self::ConstrainedBaseline, Self::Baseline],
            Self::High => &[Self::ConstrainedBaseline, Self::Main, Self::ConstrainedHigh],
        };
        self == sent || subsets.contains(&sent)
    }
}

impl H264Parameters {
    /// What the parameters mean; baseline at level 1 where they are silent (§8.1).
    #[must_use]
    pub fn parse(fmtp: &str) -> Self {
        let value = |name: &str| value(fmtp, name);
        let profile_level = value("profile-level-id").and_then(hexadecimal);
        let [_, idc, iop, level_idc] = profile_level.unwrap_or(0x0042_000a).to_be_bytes();
        // Table A-1: level 1b of the older profiles is spelt as 1.1 with constraint 3.
        let spelt_as_11 = level_idc == 11 && iop & 0x10 != 0 && [0x42, 0x4d, 0x58].contains(&idc);
        let level =
            if spelt_as_11 || level_idc == 9 { H264Level::ONE_B } else { H264Level::of(level_idc) };
        let mode = value("packetization-mode").and_then(|mode| mode.parse().ok());
        Self {
            profile: Profile::of(idc, iop),
            level,
            packetization_mode: mode.unwrap_or(0),
            level_asymmetry_allowed: value("level-asymmetry-allowed") == Some("1"),
            spelling: [idc, iop],
        }
    }

    /// Whether a level is stated at all: silence means level 1 by the letter (§8.1), and of those who
    /// keep it most can do more.
    #[must_use]
    pub fn states_level(fmtp: &str) -> bool {
        value(fmtp, "profile-level-id").and_then(hexadecimal).is_some()
    }

    /// The same with another level, in the same spelling.
    #[must_use]
    pub fn at_level(self, level: H264Level) -> Self {
        Self { level, ..self }
    }

    /// The same with another packetization mode.
    #[must_use]
    pub fn in_mode(self, packetization_mode: u8) -> Self {
        Self { packetization_mode, ..self }
    }

    /// Whether there is a profile that both parties can speak: the smaller of the two. Levels and
    /// packetization modes do not count, since encoders obey the one and a relay bridges the other.
    #[must_use]
    pub fn shares_profile_with(&self, other: &Self) -> bool {
        self.profile.decodes(other.profile) || other.profile.decodes(self.profile)
    }
}

fn value<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = fmtp.split(';').filter_map(|pair| pair.split_once('='));
    let named = pairs.find(|(n, _)| n.trim().eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim())
}

fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text.len() == 6 && text.bytes().all(|c| c.is_ascii_hexdigit());
    if digits { u32::from_str_radix(text, 16).ok() } else { None }
}

/// As the parameters of an `a=fmtp`.
impl fmt::Display for H264Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [idc, iop] = self.spelling;
        let older = [0x42, 0x4d, 0x58].contains(&idc);
        let (iop, level) = match self.level {
            H264Level::ONE_B if older => (iop | 0x10, 11),
            H264Level::ONE_B => (iop, 9),
            H264Level { tenths, .. } if older => (iop & !0x10, tenths),
            H264Level { tenths, .. } => (iop, tenths),
        };
        write!(f, "profile-level-id={idc:02x}{iop:02x}{level:02x}")?;
        write!(f, ";packetization-mode={}", self.packetization_mode)?;
        if self.level_asymmetry_allowed {
            f.write_str(";level-asymmetry-allowed=1")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(id: &str) -> Profile {
        H264Parameters::parse(&format!("profile-level-id={id}")).profile
    }

    #[test]
    fn different_spellings_mean_the_same_profile() {
        for id in ["42e01f", "42C01F", "42401f", "4d801f", "58c01f", "42f00b"] {
            assert_eq!(profile(id), Profile::ConstrainedBaseline, "{id}");
        }
        for (id, expected) in [
            ("42001f", Profile::Baseline),
            ("42801f", Profile::Baseline),
            ("4d001f", Profile::Main),
            ("4d401f", Profile::Main),
            ("64001f", Profile::High),
            ("640c1f", Profile::ConstrainedHigh),
            ("58001f", Profile::Extended),
            ("f4001f", Profile::Other(0xf4, 0)),
        ] {
            assert_eq!(profile(id), expected, "{id}");
        }
    }

    #[test]
    fn silence_and_nonsense_mean_baseline_at_level_1() {
        for fmtp in ["", "profile-level-id", "profile-level-id=+42e01", "profile-level-id=42e01f0"]
        {
            let parameters = H264Parameters::parse(fmtp);
            assert_eq!(
                (parameters.profile, parameters.level),
                (Profile::Baseline, H264Level::of(10))
            );
            assert_eq!(parameters.packetization_mode, 0);
            assert!(!H264Parameters::states_level(fmtp), "{fmtp}");
        }
    }

    #[test]
    fn parameters_print_in_their_own_spelling() {
        let text = "profile-level-id=4d801f;packetization-mode=1;level-asymmetry-allowed=1";
        let parameters = H264Parameters::parse(text);
        assert_eq!(parameters.to_string(), text);
        assert!(H264Parameters::states_level(text));
        let lower = parameters.at_level(H264Level::of(13)).in_mode(0).to_string();
        assert_eq!(lower, "profile-level-id=4d800d;packetization-mode=0;level-asymmetry-allowed=1");
    }

    #[test]
    fn level_1b_lies_between_1_and_1_1() {
        let level = |id: &str| H264Parameters::parse(&format!("profile-level-id={id}")).level;
        assert_eq!((level("42f00b"), level("640009")), (H264Level::ONE_B, H264Level::ONE_B));
        assert!(H264Level::of(10) < H264Level::ONE_B && H264Level::ONE_B < H264Level::of(11));
        let parameters =
            H264Parameters::parse("profile-level-id=42e01f").at_level(H264Level::ONE_B);
        assert_eq!(H264Parameters::parse(&parameters.to_string()), parameters_spelt(parameters));
    }

    fn parameters_spelt(parameters: H264Parameters) -> H264Parameters {
        H264Parameters { spelling: [0x42, 0xf0], ..parameters }
    }

    #[test]
    fn a_larger_profile_decodes_a_smaller_one_and_not_the_other_way_round() {
        assert!(Profile::High.decodes(Profile::ConstrainedBaseline));
        assert!(!Profile::ConstrainedBaseline.decodes(Profile::High));
        assert!(!Profile::Main.decodes(Profile::Baseline), "slice groups");
        let parse = |id: &str| H264Parameters::parse(&format!("profile-level-id={id}"));
        assert!(parse("42801f").shares_profile_with(&parse("42e00d")));
        assert!(!parse("4d001f").shares_profile_with(&parse("42001f")));
    }
}
