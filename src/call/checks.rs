//! What is known of the parties' media: whether the two who talk hear and see each other, which is what an operator waits
//! for before it leaves, and who hears and sees whom.

use crate::ids::LegId;
use crate::leg::{LegHealth, LegSenses, Quality};
use serde_json::{Value, json};

/// One of the three in a call through an operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CallParty {
    Caller,
    Callee,
    Operator,
}

impl CallParty {
    /// As the desk protocol names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Operator => "operator",
        }
    }
}

/// Whose media are looked at, and which two of them talk.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Watched {
    /// At most one of each.
    pub parties: Vec<(CallParty, LegId)>,
    pub talking: Option<(CallParty, CallParty)>,
}

/// What the parties' media reported since these two talk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    watched: Watched,
    parties: Vec<CheckedParty>,
}

#[derive(Clone, Debug)]
struct CheckedParty {
    party: CallParty,
    leg: LegId,
    health: Option<LegHealth>,
    /// It is newer than what the desk was told.
    is_fresh: bool,
    senses: LegSenses,
}

impl Checks {
    /// Of these, of whom nothing is known yet.
    pub fn new(watched: Watched) -> Self {
        let checked = |&(party, leg): &(CallParty, LegId)| CheckedParty {
            party,
            leg,
            health: None,
            is_fresh: false,
            senses: LegSenses::default(),
        };
        Self { parties: watched.parties.iter().map(checked).collect(), watched }
    }

    /// Those that follow when others talk: what a party hears and sees is known further on.
    pub fn followed_by(&self, watched: Watched) -> Self {
        let mut next = Self::new(watched);
        for party in &mut next.parties {
            let before = self.parties.iter().find(|before| before.leg == party.leg);
            party.senses = before.map(|before| before.senses).unwrap_or_default();
        }
        next
    }

    /// Who is looked at.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Takes a report; whether all of whom there are new ones, but of the operator, who does not wait for itself.
    pub fn take_health(&mut self, leg: LegId, health: &LegHealth) -> bool {
        let Some(party) = self.parties.iter_mut().find(|party| party.leg == leg) else {
            return false;
        };
        (party.health, party.is_fresh) = (Some(health.clone()), true);
        let is_fresh = |party: &CheckedParty| party.is_fresh || party.party == CallParty::Operator;
        let all_fresh = party.party != CallParty::Operator && self.parties.iter().all(is_fresh);
        if all_fresh {
            self.parties.iter_mut().for_each(|party| party.is_fresh = false);
        }
        all_fresh
    }

    /// Takes what a party hears and sees; whether it is news.
    pub fn take_senses(&mut self, leg: LegId, senses: LegSenses) -> bool {
        let party = self.parties.iter_mut().find(|party| party.leg == leg);
        party.is_some_and(|party| std::mem::replace(&mut party.senses, senses) != senses)
    }

    /// Who hears and sees the operator, and whom it hears and sees: the fields of `senses`.
    pub fn senses(&self) -> [Vec<&'static str>; 4] {
        self.senses_of(CallParty::Operator)
    }

    /// The same of a party that an operator is.
    pub fn senses_of(&self, own: CallParty) -> [Vec<&'static str>; 4] {
        let Some(operator) = self.party(own) else { return Default::default() };
        let others = || self.parties.iter().filter(|other| other.leg != operator.leg);
        let words = |holds: &dyn Fn(&CheckedParty) -> bool| {
            others().filter(|other| holds(other)).map(|other| other.party.word()).collect()
        };
        [
            words(&|other| other.senses.hears == Some(operator.leg)),
            words(&|other| operator.senses.hears == Some(other.leg)),
            words(&|other| other.senses.sees == Some(operator.leg)),
            words(&|other| operator.senses.sees == Some(other.leg)),
        ]
    }

    fn party(&self, party: CallParty) -> Option<&CheckedParty> {
        self.parties.iter().find(|checked| checked.party == party)
    }

    fn health(&self, party: CallParty) -> Option<&LegHealth> {
        self.party(party)?.health.as_ref()
    }

    /// What keeps the two from hearing and seeing each other, as the desk protocol names it.
    fn blocking(&self) -> Vec<String> {
        let mut blocking = Vec::new();
        let Some((one, two)) = self.watched.talking else { return blocking };
        for (party, other) in [(one, two), (two, one)] {
            if party == CallParty::Operator && self.health(party).is_none() {
                // Nobody waits for it, and nothing is known of it yet.
                continue;
            }
            let (name, other) = (party.word(), self.health(other));
            let health = self.health(party).cloned().unwrap_or_default();
            // Nobody asks a camera for a key frame that nobody looks at, and who speaks with the hands
            // hears nothing.
            let is_watched = other.is_some_and(|other| other.video != Quality::Absent);
            let is_heard = other.is_none_or(|other| !other.is_soundless());
            let mut block = |what: &str| blocking.push(format!("{name}.{what}"));
            if !health.dialog {
                block("dialog");
            }
            if health.hold {
                block("hold");
                continue;
            }
            if health.audio == Quality::None && is_heard {
                block("audio");
            }
            // Who hears nothing has nothing of a partner without a picture.
            if (health.video == Quality::None && is_watched)
                || (health.video == Quality::Absent && !is_heard)
            {
                block("video");
            }
        }
        blocking
    }

    /// Whether the two who talk, if two do, have both reported and lack nothing.
    pub fn is_healthy(&self) -> bool {
        let both = self
            .watched
            .talking
            .is_none_or(|(one, two)| self.health(one).is_some() && self.health(two).is_some());
        both && self.blocking().is_empty()
    }

    /// The report's fields, as `health` events and `unhealthy` results carry them.
    pub fn report(&self) -> Value {
        let mut report = json!({"ok": self.is_healthy(), "blocking": self.blocking()});
        for party in &self.parties {
            report[party.party.word()] = view(party.health.as_ref());
        }
        report
    }
}

fn view(health: Option<&LegHealth>) -> Value {
    let Some(health) = health else { return json!({"dialog": "none"}) };
    let mut value = json!({
        "dialog": if health.dialog { "ok" } else { "none" },
        "audio": word(health.audio), "video": word(health.video),
        "jitter_ms": health.jitter_ms, "transcoding": health.transcoding,
    });
    if let Some(loss) = health.loss_percent {
        value["loss_percent"] = loss.into();
    }
    if let Some(rtt) = health.rtt_ms {
        value["rtt_ms"] = rtt.into();
    }
    if let Some(fps) = health.fps {
        value["fps"] = fps.into();
    }
    if let Some(codec) = &health.spoken.audio {
        value["codec"] = codec.facts().name.into();
    }
    value
}

fn word(quality: Quality) -> &'static str {
    match quality {
        Quality::Ok => "ok",
        Quality::Poor => "poor",
        Quality::None => "none",
        Quality::Absent => "absent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::leg::Spoken;

    /// Caller and callee who talk, with these reports.
    fn checks(caller: Option<LegHealth>, callee: Option<LegHealth>) -> Checks {
        let (one, two) = (CallParty::Caller, CallParty::Callee);
        let parties = vec![(one, LegId(1)), (two, LegId(2))];
        let mut checks = Checks::new(Watched { parties, talking: Some((one, two)) });
        for (leg, health) in [(LegId(1), caller), (LegId(2), callee)] {
            if let Some(health) = health {
                checks.take_health(leg, &health);
            }
        }
        checks
    }

    /// What blocks the release when the callee's camera brings nothing, by what the caller has.
    fn blocking(callers_picture: Quality) -> Vec<String> {
        let party = |video| {
            Some(LegHealth { dialog: true, audio: Quality::Ok, video, ..LegHealth::default() })
        };
        checks(party(callers_picture), party(Quality::None)).blocking()
    }

    #[test]
    fn a_camera_that_nobody_can_see_holds_up_no_release() {
        assert_eq!(blocking(Quality::Absent), [] as [&str; 0]);
    }

    /// A party as its media are, with sound or without.
    fn party(sound: bool, audio: Quality, video: Quality) -> Option<LegHealth> {
        let codec = |there: bool, codec| there.then_some(codec);
        let picture = video != Quality::Absent;
        let spoken =
            Spoken { audio: codec(sound, Codec::Pcma), video: codec(picture, Codec::H264) };
        Some(LegHealth { dialog: true, audio, video, spoken, ..LegHealth::default() })
    }

    #[test]
    fn no_sound_is_waited_for_that_cannot_come_or_that_nobody_hears() {
        let (ok, none, absent) = (Quality::Ok, Quality::None, Quality::Absent);
        let blocking = |callee| checks(party(false, absent, ok), callee).blocking();
        assert_eq!(blocking(party(true, ok, ok)), [] as [&str; 0]);
        assert_eq!(blocking(party(true, none, ok)), [] as [&str; 0], "who hears it?");
        assert_eq!(blocking(party(false, absent, ok)), [] as [&str; 0], "both by hand");
        assert_eq!(blocking(party(true, ok, none)), ["callee.video"]);
        assert_eq!(blocking(party(true, ok, absent)), ["callee.video"], "nothing for the caller");
    }

    #[test]
    fn a_dark_camera_that_is_watched_holds_it_up() {
        assert_eq!(blocking(Quality::Ok), ["callee.video"]);
    }

    #[test]
    fn who_hears_and_sees_the_operator_is_said_by_their_own_rows() {
        let (caller, callee, operator) = (LegId(1), LegId(2), LegId(3));
        let parties = vec![
            (CallParty::Caller, caller),
            (CallParty::Callee, callee),
            (CallParty::Operator, operator),
        ];
        let mut checks = Checks::new(Watched { parties, talking: None });
        assert_eq!(checks.senses(), <[Vec<&str>; 4]>::default());
        let of = |hears, sees| LegSenses { hears, sees };
        assert!(checks.take_senses(operator, of(Some(callee), Some(callee))));
        assert!(checks.take_senses(callee, of(Some(operator), None)));
        assert!(!checks.take_senses(callee, of(Some(operator), None)), "no news");
        assert!(!checks.take_senses(caller, of(None, None)), "no news either");
        let [hears_you, you_hear, sees_you, you_see] = checks.senses();
        assert_eq!((hears_you, you_hear), (vec!["callee"], vec!["callee"]));
        assert_eq!((sees_you, you_see), (vec![], vec!["callee"]));
    }

    #[test]
    fn a_report_waits_for_all_but_the_operator() {
        let parties = vec![(CallParty::Caller, LegId(1)), (CallParty::Operator, LegId(3))];
        let mut checks = Checks::new(Watched { parties, talking: None });
        let well = LegHealth { dialog: true, ..LegHealth::default() };
        assert!(!checks.take_health(LegId(3), &well));
        assert!(checks.take_health(LegId(1), &well));
        assert!(checks.take_health(LegId(1), &well), "the operator is not waited for");
        assert!(!checks.take_health(LegId(9), &well), "somebody else");
    }
}
