//! Whether caller and callee hear and see each other: what an operator waits for before it leaves.

use crate::leg::{LegHealth, Quality};
use serde_json::{Value, json};

/// What the two parties' media reported since they were connected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    pub caller: Option<LegHealth>,
    pub callee: Option<LegHealth>,
    /// One of the two is newer than what the desk was told.
    pub fresh: (bool, bool),
}

impl Checks {
    /// What keeps the operator from leaving, as the desk protocol names it.
    fn blocking(&self) -> Vec<String> {
        let mut blocking = Vec::new();
        let pair = [("caller", &self.caller, &self.callee), ("callee", &self.callee, &self.caller)];
        for (name, health, other) in pair {
            let health = health.clone().unwrap_or_default();
            // Nobody asks a camera for a key frame that nobody looks at, and who speaks with the hands
            // hears nothing.
            let is_watched = other.as_ref().is_some_and(|other| other.video != Quality::Absent);
            let is_heard = other.as_ref().is_none_or(|other| !other.is_soundless());
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

    pub fn is_healthy(&self) -> bool {
        self.caller.is_some() && self.callee.is_some() && self.blocking().is_empty()
    }

    /// The report's fields, as `health` events and `unhealthy` results carry them.
    pub fn report(&self) -> Value {
        let blocking = self.blocking();
        json!({
            "ok": self.is_healthy(), "blocking": blocking,
            "caller": view(self.caller.as_ref()), "callee": view(self.callee.as_ref()),
        })
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

    /// What blocks the release when the callee's camera brings nothing, by what the caller has.
    fn blocking(callers_picture: Quality) -> Vec<String> {
        let party = |video| {
            Some(LegHealth { dialog: true, audio: Quality::Ok, video, ..LegHealth::default() })
        };
        let (caller, callee) = (party(callers_picture), party(Quality::None));
        Checks { caller, callee, ..Checks::default() }.blocking()
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
        let blocking = |callee| {
            let caller = party(false, absent, ok);
            Checks { caller, callee, ..Checks::default() }.blocking()
        };
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
}
