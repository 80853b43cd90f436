//! How the play is shown: a ladder of messages, and per phase a table of who should get whom and who
//! did.

use super::apparatus::DrawnMessage;
use super::judge::{Gets, MediaVerdict};
use super::party::DemoParty;
use super::senses::{HeardSound, Measured, SeenVideo};

/// The lines of the ladder, from left to right.
const LINES: [&str; 5] = ["caller 4001", "cordboard", "phone 3001", "desk op1", "user 3002"];
const WIDTH: usize = 17;
const BOARD: usize = 1;

/// Whose line an arrow has at its other end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ArrowEnd {
    /// A phone.
    Phone(DemoParty),
    /// The operator's desk.
    Desk,
}

/// The heading of the ladder.
pub fn heading() -> String {
    LINES.map(|name| format!("{name:^WIDTH$}")).concat().trim_end().to_owned() + "\n"
}

/// A message of a phone.
pub fn step(step: &DrawnMessage) -> String {
    arrow(ArrowEnd::Phone(step.party), step.from_board, &step.what)
}

/// One arrow between the switchboard and an end.
pub fn arrow(end: ArrowEnd, from_board: bool, what: &str) -> String {
    let column = match end {
        ArrowEnd::Phone(DemoParty::Caller) => 0,
        ArrowEnd::Phone(DemoParty::Operator) => 2,
        ArrowEnd::Desk => 3,
        ArrowEnd::Phone(DemoParty::User) => 4,
    };
    let (left, right) = (BOARD.min(column), BOARD.max(column));
    let to_right = from_board == (column == right);
    let centre = |column: usize| column * WIDTH + WIDTH / 2;
    let mut line: Vec<char> = vec![' '; WIDTH * LINES.len()];
    for column in 0..LINES.len() {
        line[centre(column)] = '│';
    }
    for place in &mut line[centre(left) + 1..centre(right)] {
        *place = '─';
    }
    match to_right {
        true => line[centre(right) - 1] = '▶',
        false => line[centre(left) + 1] = '◀',
    }
    // The head of the arrow, a piece of its shaft at each end, and two blanks.
    let room = centre(right) - centre(left) - 4;
    let label: Vec<char> =
        format!(" {} ", shortened(what, room.saturating_sub(2))).chars().collect();
    let start = centre(left) + 1 + (centre(right) - centre(left) - label.len()) / 2;
    line[start..start + label.len()].copy_from_slice(&label);
    line.into_iter().collect::<String>().trim_end().to_owned() + "\n"
}

fn shortened(what: &str, room: usize) -> String {
    match what.chars().count() > room {
        true => what.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
        false => what.to_owned(),
    }
}

/// The heading of a phase, with the patch as it should be.
pub fn phase(number: usize, title: &str, expected: &[(DemoParty, Gets)]) -> String {
    let mut text = format!("\n══ {number}  {title} ");
    text += &"═".repeat(78_usize.saturating_sub(text.chars().count()));
    text.push('\n');
    for (party, gets) in expected {
        if let Gets::Party(other) = gets {
            text += &format!("   {} ◀━━━ {}\n", party.word(), other.word());
        }
    }
    text
}

/// One party's row: what it should get, what arrived, and the verdict.
pub fn row(party: DemoParty, gets: Gets, measured: &Measured, verdict: &MediaVerdict) -> String {
    let mark = if verdict.is_right() { '✓' } else { '✗' };
    let mut text = format!(
        " {mark} {:9} should get {:11} heard {:23} saw {}\n",
        party.word(),
        gets.word(),
        sound(measured),
        sight(measured),
    );
    for fault in &verdict.faults {
        text += &format!("             ✗ {fault}\n");
    }
    text
}

fn sound(measured: &Measured) -> String {
    match measured.sound {
        HeardSound::None => "nothing".to_owned(),
        HeardSound::Silence => "silence".to_owned(),
        HeardSound::Voice(party) => {
            format!("{} ({} Hz {} %)", party.word(), party.tone(), measured.purity)
        }
        HeardSound::Melody => "nobody, a melody".to_owned(),
        HeardSound::Mixed => "a mixture".to_owned(),
    }
}

fn sight(measured: &Measured) -> String {
    match measured.sight {
        SeenVideo::None => "nothing".to_owned(),
        SeenVideo::Face(party) => format!("{} ({} pictures)", party.word(), measured.pictures),
        SeenVideo::Drawing => format!("nobody, a drawing ({} pictures)", measured.pictures),
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::judge;
    use super::*;

    /// As it was measured once.
    #[test]
    fn the_readme_shows_a_phase_as_the_demo_draws_it() {
        let (caller, operator, user) = (DemoParty::Caller, DemoParty::Operator, DemoParty::User);
        let expected =
            [(caller, Gets::Hold), (operator, Gets::Party(user)), (user, Gets::Party(operator))];
        let measured = |sound, sight, of: &[DemoParty], pictures, purity| Measured {
            sound,
            sight,
            heard: of.iter().copied().collect(),
            seen: of.iter().copied().collect(),
            packets: 100,
            sound_ms: 2000,
            pictures,
            purity,
        };
        let arrived = [
            measured(HeardSound::Melody, SeenVideo::Drawing, &[], 8, 0),
            measured(HeardSound::Voice(user), SeenVideo::Face(user), &[user], 14, 99),
            measured(HeardSound::Voice(operator), SeenVideo::Face(operator), &[operator], 13, 98),
        ];
        let mut text = heading();
        text += &arrow(ArrowEnd::Desk, false, "consult");
        text += &arrow(ArrowEnd::Phone(user), true, "INVITE");
        text += &arrow(ArrowEnd::Phone(user), false, "180 Ringing");
        text += &arrow(ArrowEnd::Phone(user), false, "200 OK");
        text += &arrow(ArrowEnd::Desk, true, "call: talking-to-callee");
        text += &phase(5, "The operator talks to the user", &expected);
        for ((party, gets), measured) in expected.iter().zip(&arrived) {
            text += &row(*party, *gets, measured, &judge(*gets, measured));
        }
        assert!(!text.contains('✗'), "{text}");
        crate::cli::picture::is_shown("demo.svg", &text);
    }

    #[test]
    fn an_arrow_points_at_who_gets_the_message() {
        let to_board = arrow(ArrowEnd::Phone(DemoParty::Caller), false, "INVITE");
        assert!(to_board.starts_with("        │──── INVITE ───▶│"), "{to_board}");
        let to_caller = arrow(ArrowEnd::Phone(DemoParty::Caller), true, "182 Queued, and more");
        assert!(to_caller.starts_with("        │◀"), "{to_caller}");
        let to_desk = arrow(ArrowEnd::Desk, true, "offer");
        assert!(to_desk.trim_end().contains("▶│"), "{to_desk}");
    }
}
