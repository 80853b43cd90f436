//! Who should get whose sound and picture (R5), and whether that is what arrived.

use super::party::DemoParty;
use super::senses::{HeardSound, Measured, SeenVideo};

/// A verdict needs this much of a phase.
const STRETCH_MS: usize = 1000;

/// What a phone should get.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gets {
    /// Voice and face of this party.
    Party(DemoParty),
    /// Hold media: a melody and a drawing.
    Hold,
    /// The sound of a ringing phone, no picture.
    RingBack,
    /// Nothing of anybody; the line is kept alive with silence, and a drawing may say so.
    Nothing,
    /// It is in no call: not one packet.
    NoCall,
}

impl Gets {
    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Party(party) => party.word(),
            Self::Hold => "hold media",
            Self::RingBack => "ring-back",
            Self::Nothing => "nothing",
            Self::NoCall => "no call",
        }
    }
}

/// What is wrong with what a phone got.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MediaVerdict {
    /// One sentence each; none when all is right.
    pub faults: Vec<String>,
}

impl MediaVerdict {
    /// Whether all is right.
    pub fn is_right(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Compares what should be with what was measured.
pub fn judge(gets: Gets, measured: &Measured) -> MediaVerdict {
    let mut faults = Vec::new();
    let mut need = |right: bool, fault: String| {
        if !right {
            faults.push(fault);
        }
    };
    let enough = measured.sound_ms >= STRETCH_MS;
    let too_short = format!("only {} ms of sound arrived", measured.sound_ms);
    match gets {
        Gets::Party(party) => {
            need(enough, too_short);
            need(
                measured.sound == HeardSound::Voice(party),
                format!("does not hear the {}", party.word()),
            );
            need(
                measured.sight == SeenVideo::Face(party),
                format!("does not see the {}", party.word()),
            );
        }
        Gets::Hold => {
            need(enough, too_short);
            need(measured.sound == HeardSound::Melody, "hears no melody".to_owned());
            need(measured.sight == SeenVideo::Drawing, "sees no drawing".to_owned());
        }
        Gets::RingBack => {
            need(enough, too_short);
            need(measured.sound == HeardSound::Melody, "hears no ringing".to_owned());
        }
        Gets::Nothing => {
            need(enough, too_short);
            need(measured.sound == HeardSound::Silence, "hears something".to_owned());
            let sees_nobody = matches!(measured.sight, SeenVideo::None | SeenVideo::Drawing);
            need(sees_nobody, "sees something".to_owned());
        }
        Gets::NoCall => {
            let count = measured.packets;
            need(count == 0, format!("{count} packets arrived without a call"));
        }
    }
    for other in DemoParty::ALL.into_iter().filter(|other| gets != Gets::Party(*other)) {
        let name = other.word();
        need(!measured.heard.contains(&other), format!("heard the {name} for a moment"));
        need(!measured.seen.contains(&other), format!("saw the {name} for a moment"));
    }
    MediaVerdict { faults }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(sound: HeardSound, sight: SeenVideo) -> Measured {
        Measured {
            sound,
            sight,
            heard: [].into(),
            seen: [].into(),
            packets: 100,
            sound_ms: 2000,
            pictures: 20,
            purity: 99,
        }
    }

    const ALL: [Gets; 7] = [
        Gets::Party(DemoParty::Caller),
        Gets::Party(DemoParty::Operator),
        Gets::Party(DemoParty::User),
        Gets::Hold,
        Gets::RingBack,
        Gets::Nothing,
        Gets::NoCall,
    ];

    #[test]
    fn each_state_of_the_line_is_right_for_one_expectation() {
        let caller = DemoParty::Caller;
        for (measured, right) in [
            (
                measured(HeardSound::Voice(caller), SeenVideo::Face(caller)),
                vec![Gets::Party(caller)],
            ),
            (measured(HeardSound::Melody, SeenVideo::Drawing), vec![Gets::Hold, Gets::RingBack]),
            (measured(HeardSound::Silence, SeenVideo::None), vec![Gets::Nothing]),
            (measured(HeardSound::Silence, SeenVideo::Drawing), vec![Gets::Nothing]),
        ] {
            let verdicts = ALL.into_iter().filter(|gets| judge(*gets, &measured).is_right());
            assert_eq!(verdicts.collect::<Vec<_>>(), right);
        }
    }

    #[test]
    fn what_was_not_measured_is_never_right() {
        let nothing = Measured {
            packets: 0,
            sound_ms: 0,
            pictures: 0,
            purity: 0,
            ..measured(HeardSound::None, SeenVideo::None)
        };
        let right = ALL.into_iter().filter(|gets| judge(*gets, &nothing).is_right());
        assert_eq!(right.collect::<Vec<_>>(), [Gets::NoCall]);
        let short = Measured { sound_ms: 300, ..measured(HeardSound::Silence, SeenVideo::None) };
        assert!(!judge(Gets::Nothing, &short).is_right());
    }

    #[test]
    fn a_stray_moment_of_another_is_wrong_whatever_came_after() {
        let caller = DemoParty::Caller;
        let good = measured(HeardSound::Voice(caller), SeenVideo::Face(caller));
        let heard = Measured { heard: [caller, DemoParty::User].into(), ..good.clone() };
        let seen = Measured { seen: [caller, DemoParty::User].into(), ..good };
        for measured in [heard, seen] {
            let verdict = judge(Gets::Party(caller), &measured);
            assert_eq!(verdict.faults.len(), 1, "{verdict:?}");
        }
    }
}
