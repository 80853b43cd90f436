//! Who hears and sees whom, phase by phase.
//!
//! A phase begins at a mark. First each phone must get what it should (within [`SETTLE`]); then the whole
//! stretch since the mark, and [`STRETCH`] more, must be free of what it should not get.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::browser::phone::BrowserPhone;
use crate::phone::{PARTIES, Party, Phone};
use crate::picture::Colour;
use crate::tone::{PIECE_MS, Recording, Sound};
use crate::wait;

/// Within this time after a switch the new party is heard and seen, and a ring-back has rung once.
const SETTLE: Duration = Duration::from_secs(15);
/// How long it then stays under observation.
const STRETCH: Duration = Duration::from_millis(1200);
/// So long a player may drop what it should play, at the end of a phase.
const GAP: Duration = Duration::from_secs(2);
/// For so long after the mark the old party may go on: packets on their way to a phone that this machine
/// has kept waiting. They arrive in order, so once the old party has ceased it must not come back.
///
/// A phone writes down what it takes: where that is more than time has passed since the mark, the rest had
/// come before, and is allowed on top.
const TAIL_MS: usize = 800;
/// The latest stretch of sound that tells what is heard now.
const NOW_MS: usize = 400;
/// For so long a frame is awaited; a camera makes one in 100 ms.
const LOOK: Duration = Duration::from_millis(150);

/// How much of a melody or a ring-back makes it one; between two rings there are seconds of silence.
const AUDIBLE_MS: f64 = 300.0;

/// What hears and sees, whoever made it.
pub trait Observer {
    /// Whose it is.
    fn party(&self) -> Party;
    /// What it hears, written down; a call may begin another one.
    fn recording(&self) -> Option<Recording>;
    /// Has it take a picture of the next frame that it decodes, for the next look at it.
    fn aim(&mut self);
    /// The picture of the next frame, if one comes within `limit`.
    fn look(&mut self, limit: Duration) -> Option<Colour>;
    /// Forgets what was asked for earlier and has meanwhile come.
    fn look_afresh(&mut self);
    /// So much of any tone may be in what its player makes of a melody, in milliseconds.
    fn artefact_ms(&self) -> usize;
}

/// What people telephone with, whoever made it.
pub trait Telephone: Observer {
    fn dial(&mut self, whom: &str);
    fn accept(&mut self);
    fn hang_up(&mut self);
    /// Waits for an event such as `CALL_ESTABLISHED`; events before it are forgotten.
    #[track_caller]
    fn await_event(&mut self, kind: &str) -> Value;
    /// Itself, as one that hears and sees.
    fn observer(&mut self) -> &mut dyn Observer;
}

macro_rules! observes {
    ($phone:ty, $artefact_ms:expr) => {
        impl Telephone for $phone {
            fn dial(&mut self, whom: &str) {
                self.dial(whom);
            }
            fn accept(&mut self) {
                self.accept();
            }
            fn hang_up(&mut self) {
                self.hang_up();
            }
            fn await_event(&mut self, kind: &str) -> Value {
                self.await_event(kind)
            }
            fn observer(&mut self) -> &mut dyn Observer {
                self
            }
        }

        impl Observer for $phone {
            fn party(&self) -> Party {
                self.party
            }
            fn recording(&self) -> Option<Recording> {
                self.recording()
            }
            fn aim(&mut self) {
                self.aim();
            }
            fn look(&mut self, limit: Duration) -> Option<Colour> {
                self.look(limit)
            }
            fn look_afresh(&mut self) {
                self.look_afresh();
            }
            fn artefact_ms(&self) -> usize {
                $artefact_ms
            }
        }
    };
}

observes!(Phone, 0);
// Once one piece of hold music was heard as the tone of somebody in no call at all; no packet of that tone was sent.
observes!(BrowserPhone, PIECE_MS);

/// What a phone should get.
#[derive(Clone, Copy, Debug)]
pub enum Gets {
    /// The voice of this party, and its picture.
    Party(Party),
    /// The voice of this party, no picture.
    Voice(Party),
    /// Something to hear and to see that is nobody's: hold media.
    Hold,
    /// Something to hear that is nobody's: ring-back, or hold media for a phone without a screen.
    Melody,
    /// Nothing of anybody; silence.
    Nothing,
}

/// The beginning of a phase: which recording each phone was making, and how long it was.
pub struct Mark {
    at: Instant,
    begun: Vec<Option<(Recording, u64)>>,
}

/// Marks the moment; call it when the switch has been confirmed.
pub fn mark<O: Observer + ?Sized>(phones: &mut [&mut O]) -> Mark {
    for phone in phones.iter_mut() {
        phone.look_afresh();
    }
    let begun = |recording: Recording| {
        let length = recording.length();
        (recording, length)
    };
    let at = Instant::now();
    Mark { at, begun: phones.iter().map(|phone| phone.recording().map(begun)).collect() }
}

/// Judges the phase that began at `mark`: one expectation per phone, in order.
///
/// # Panics
/// With a table of what every phone got, if anything differs.
#[track_caller]
pub fn judge<O: Observer + ?Sized>(
    phase: &str,
    mark: &Mark,
    phones: &mut [&mut O],
    expected: &[Gets],
) {
    assert_eq!(phones.len(), expected.len(), "one expectation per phone");
    let mut seen: Vec<Vec<Look>> = phones.iter().map(|_| Vec::new()).collect();
    let began = Instant::now();
    let is_right = |phones: &[&mut O], seen: &[Vec<Look>]| {
        (0..phones.len())
            .all(|n| gets_it(expected[n], &heard(&*phones[n], &mark.begun[n]), &seen[n]))
    };
    let settled = wait::within(SETTLE, || {
        photograph(began, phones, &mut seen);
        is_right(phones, &seen).then_some(())
    });
    let end = Instant::now() + STRETCH;
    // What a player that this machine keeps waiting drops comes again at once.
    while Instant::now() < end || !is_right(phones, &seen) && Instant::now() < end + GAP {
        photograph(began, phones, &mut seen);
    }
    let mut report = String::new();
    let mut faults = settled.is_none();
    for (n, phone) in phones.iter().enumerate() {
        let sound = heard(&**phone, &mark.begun[n]);
        let late = sound.millis().saturating_sub(mark.at.elapsed().as_millis() as usize);
        let now = gets_it(expected[n], &sound, &seen[n]);
        let artefact_ms = match expected[n] {
            Gets::Hold | Gets::Melody => phone.artefact_ms(),
            Gets::Party(_) | Gets::Voice(_) | Gets::Nothing => 0,
        };
        let spared = Spared { tail_ms: TAIL_MS + late, artefact_ms };
        let stray = strays(expected[n], &sound, &seen[n], spared);
        faults |= !now || !stray.is_empty();
        let verdict = match (now, stray.is_empty()) {
            (true, true) => "right".to_owned(),
            (false, true) => "does not get it".to_owned(),
            (_, false) => format!("must not get {}", stray.join(", ")),
        };
        let _ = writeln!(
            report,
            "{:13} should get {:16} {verdict}\n              {}",
            phone.party().name,
            name(expected[n]),
            describe(&sound, &seen[n])
        );
    }
    assert!(!faults, "in the phase \"{phase}\":\n{report}");
}

/// What a screen showed, and how long after the mark it was looked at.
struct Look {
    after: Duration,
    colour: Colour,
}

fn photograph<O: Observer + ?Sized>(began: Instant, phones: &mut [&mut O], seen: &mut [Vec<Look>]) {
    let after = began.elapsed();
    // The frames of all are awaited at the same time.
    phones.iter_mut().for_each(|phone| phone.aim());
    let end = Instant::now() + LOOK;
    for (phone, seen) in phones.iter_mut().zip(seen) {
        let colours = phone.look(end.saturating_duration_since(Instant::now()));
        seen.extend(colours.into_iter().map(|colour| Look { after, colour }));
    }
}

fn heard<O: Observer + ?Sized>(phone: &O, mark: &Option<(Recording, u64)>) -> Sound {
    match (phone.recording(), mark) {
        (Some(recording), Some((before, length))) if recording == *before => {
            recording.since(*length)
        }
        // Its call is a new one since the mark.
        (Some(recording), _) => recording.since(0),
        (None, _) => Sound { samples: Vec::new(), rate: crate::tone::PLAYED_HZ },
    }
}

/// Is what should come there now?
fn gets_it(gets: Gets, sound: &Sound, seen: &[Look]) -> bool {
    let now = sound.after(sound.millis().saturating_sub(NOW_MS));
    let long_enough = now.millis() >= NOW_MS;
    let hears = |party: Party| long_enough && now.share_of(party.tone) > 0.9;
    let is_nobody = |l: &Look| !PARTIES.iter().any(|p| l.colour.looks_like(p.colour));
    match gets {
        Gets::Party(party) => {
            hears(party) && seen.last().is_some_and(|l| l.colour.looks_like(party.colour))
        }
        Gets::Voice(party) => hears(party),
        Gets::Hold => has_melody(sound) && seen.last().is_some_and(is_nobody),
        Gets::Melody => has_melody(sound),
        Gets::Nothing => now.share_audible() < 0.05,
    }
}

/// Is something there beside what is left of the old party's voice?
pub fn has_melody(sound: &Sound) -> bool {
    let tails = PARTIES.iter().map(|party| sound.begins_with(party.tone));
    sound.after(tails.max().unwrap_or(0)).audible_ms() >= AUDIBLE_MS
}

/// What is held against nobody, in milliseconds.
#[derive(Clone, Copy)]
pub struct Spared {
    /// At the beginning, and without a gap from there.
    pub tail_ms: usize,
    /// Anywhere.
    pub artefact_ms: usize,
}

/// Is a voice heard beyond what is spared?
pub fn is_stray(sound: &Sound, hertz: f64, spared: Spared) -> bool {
    let rest = sound.after(sound.begins_with(hertz).min(spared.tail_ms));
    rest.heard_ms(hertz) > spared.artefact_ms
}

/// The parties that were heard or seen in the phase though they should not be.
fn strays(gets: Gets, sound: &Sound, seen: &[Look], spared: Spared) -> Vec<String> {
    let (may_hear, may_see) = match gets {
        Gets::Party(party) => (Some(party.name), Some(party.name)),
        Gets::Voice(party) => (Some(party.name), None),
        Gets::Hold | Gets::Melody | Gets::Nothing => (None, None),
    };
    let mut strays = Vec::new();
    for party in PARTIES {
        if may_hear != Some(party.name) && is_stray(sound, party.tone, spared) {
            strays.push(format!("the {}'s voice", party.name));
        }
        let is_party = |look: &&Look| look.colour.looks_like(party.colour);
        let tail = |look: &&Look| {
            is_party(look) && look.after < Duration::from_millis(spared.tail_ms as u64)
        };
        if may_see != Some(party.name) && seen.iter().skip_while(tail).any(|l| is_party(&l)) {
            strays.push(format!("the {}'s picture", party.name));
        }
    }
    strays
}

fn name(gets: Gets) -> String {
    match gets {
        Gets::Party(party) => format!("the {}", party.name),
        Gets::Voice(party) => format!("the {}'s voice", party.name),
        Gets::Hold => "hold media".to_owned(),
        Gets::Melody => "a melody".to_owned(),
        Gets::Nothing => "nothing".to_owned(),
    }
}

fn describe(sound: &Sound, seen: &[Look]) -> String {
    let mut text = format!("heard {} ms:", sound.millis());
    for party in PARTIES {
        let _ = write!(text, " {} {:.0} %,", party.name, 100.0 * sound.share_of(party.tone));
    }
    let _ = write!(text, " anything {:.0} %; saw", 100.0 * sound.share_audible());
    let mut last = None;
    for Look { after, colour } in seen {
        let who = PARTIES.iter().find(|p| colour.looks_like(p.colour));
        let label = who.map_or_else(|| format!("{:?}", colour.0), |p| p.name.to_owned());
        if last.as_ref() != Some(&label) {
            let _ = write!(text, " {label} from {} ms on", after.as_millis());
        }
        last = Some(label);
    }
    if seen.is_empty() {
        text.push_str(" nothing");
    }
    text
}
