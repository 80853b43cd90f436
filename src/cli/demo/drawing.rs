//! How the play is shown: a ladder of messages, and per phase a table of who should get whom and who
//! did.

use super::apparatus::Step;
use super::judge::{Gets, Verdict};
use super::party::Party;
use super::senses::{Measured, Sight, Sound};

/// The lines of the ladder, from left to right.
const LINES: [&str; 5] = ["caller 4001", "cordboard", "phone 3001", "desk op1", "user 3002"];
const WIDTH: usize = 17;
const BOARD: usize = 1;

/// Whose line an arrow has at its other end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// A phone.
    Phone(Party),
    /// The operator's desk.
    Desk,
}

/// The heading of the ladder.
pub fn heading() -> String {
    LINES.map(|name| format!("{name:^WIDTH$}")).concat().trim_end().to_owned() + "\n"
}

/// A message of a phone.
pub fn step(step: &Step) -> String {
    arrow(End::Phone(step.party), step.from_board, &step.what)
}

/// One arrow between the switchboard and an end.
pub fn arrow(end: End, from_board: bool, what: &str) -> String {
    let column = match end {
        End::Phone(Party::Caller) => 0,
        End::Phone(Party::Operator) => 2,
        End::Desk => 3,
        End::Phone(Party::User) => 4,
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
pub fn phase(number: usize, title: &str, expected: &[(Party, Gets)]) -> String {
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
pub fn row(party: Party, gets: Gets, measured: &Measured, verdict: &Verdict) -> String {
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
        Sound::None => "nothing".to_owned(),
        Sound::Silence => "silence".to_owned(),
        Sound::Voice(party) => {
            format!("{} ({} Hz {} %)", party.word(), party.tone(), measured.purity)
        }
        Sound::Melody => "nobody, a melody".to_owned(),
        Sound::Mixed => "a mixture".to_owned(),
    }
}

fn sight(measured: &Measured) -> String {
    match measured.sight {
        Sight::None => "nothing".to_owned(),
        Sight::Face(party) => format!("{} ({} pictures)", party.word(), measured.pictures),
        Sight::Drawing => format!("nobody, a drawing ({} pictures)", measured.pictures),
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::judge;
    use super::*;

    /// As it was measured once.
    #[test]
    fn the_readme_shows_a_phase_as_the_demo_draws_it() {
        let (caller, operator, user) = (Party::Caller, Party::Operator, Party::User);
        let expected =
            [(caller, Gets::Hold), (operator, Gets::Party(user)), (user, Gets::Party(operator))];
        let measured = |sound, sight, of: &[Party], pictures, purity| Measured {
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
            measured(Sound::Melody, Sight::Drawing, &[], 8, 0),
            measured(Sound::Voice(user), Sight::Face(user), &[user], 14, 99),
            measured(Sound::Voice(operator), Sight::Face(operator), &[operator], 13, 98),
        ];
        let mut text = heading();
        text += &arrow(End::Desk, false, "consult");
        text += &arrow(End::Phone(user), true, "INVITE");
        text += &arrow(End::Phone(user), false, "180 Ringing");
        text += &arrow(End::Phone(user), false, "200 OK");
        text += &arrow(End::Desk, true, "call: talking-to-callee");
        text += &phase(5, "The operator talks to the user", &expected);
        for ((party, gets), measured) in expected.iter().zip(&arrived) {
            text += &row(*party, *gets, measured, &judge(*gets, measured));
        }
        assert!(!text.contains('✗'), "{text}");
        crate::cli::picture::is_shown("demo.svg", &text);
    }

    #[test]
    fn an_arrow_points_at_who_gets_the_message() {
        let to_board = arrow(End::Phone(Party::Caller), false, "INVITE");
        assert!(to_board.starts_with("        │──── INVITE ───▶│"), "{to_board}");
        let to_caller = arrow(End::Phone(Party::Caller), true, "182 Queued, and more");
        assert!(to_caller.starts_with("        │◀"), "{to_caller}");
        let to_desk = arrow(End::Desk, true, "offer");
        assert!(to_desk.trim_end().contains("▶│"), "{to_desk}");
    }
}
