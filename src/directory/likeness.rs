//! Names that could be taken for those of people in the house. Nobody vouches for the name that a
//! guest gives itself, so it must not look like a colleague's.

use std::collections::BTreeMap;

/// How often each name occurs, written as [`folded`] writes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Likenesses(BTreeMap<String, usize>);

impl Likenesses {
    pub fn add(&mut self, name: &str) {
        *self.0.entry(folded(name)).or_default() += 1;
    }

    pub fn remove(&mut self, name: &str) {
        let name = folded(name);
        if let Some(count) = self.0.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&name);
            }
        }
    }

    /// Whether a display name reads like one of these, or like a number that `is_number` knows.
    pub fn reads_like(&self, display: &str, is_number: impl Fn(&str) -> bool) -> bool {
        if display.contains('@') || display.contains(is_disguise) {
            return true;
        }
        let name = folded(display);
        !name.is_empty() && (self.0.contains_key(&name) || is_number(&name))
    }
}

/// Whether a character shows a plain letter or digit, or an accent on one, in another form: loose accents,
/// superscripts, in circles, mathematical, in full width.
fn is_disguise(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '\u{300}'..='\u{36f}' | '\u{1d2c}'..='\u{1dbf}' | '\u{2070}'..='\u{209c}'
        | '\u{2460}'..='\u{24ff}' | '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f100}'..='\u{1f189}')
}

/// Letters and digits alone, in small letters.
fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Accounts, Directory, DirectoryChange, NumberingPlan, TerminalDraft};
    use crate::ids::{LevelId, Number};

    fn house() -> Directory {
        let plan = NumberingPlan {
            realm: "cordboard.local".to_owned(),
            addresses: vec![],
            queues: BTreeMap::new(),
            trunks: vec![],
            cameras: vec![],
            external: LevelId::from("B"),
        };
        let levels = crate::directory::patent_levels().to_vec();
        Directory::new(plan, Accounts { levels, ..Accounts::default() })
    }

    fn named(number: &str, name: &str) -> TerminalDraft {
        TerminalDraft { name: Some(name.to_owned()), ..TerminalDraft::new(Number::from(number)) }
    }

    #[test]
    fn a_name_is_known_again_however_it_is_written() {
        let mut house = house();
        house.apply(&DirectoryChange::AddTerminal(named("3001", "Zoë Boss"))).unwrap();
        for like in ["Zoë Boss", "zoë  boss", "ZOË-BOSS.", "3001", "\"3001\"", "x@cordboard.local"]
        {
            assert!(house.reads_like_ours(like), "{like}");
        }
        for other in ["Zoë", "Boss of Zoë", "3002", "", " "] {
            assert!(!house.reads_like_ours(other), "{other}");
        }
    }

    #[test]
    fn nobody_comes_in_disguise() {
        let mut house = house();
        house.apply(&DirectoryChange::AddTerminal(named("3001", "Zoë Boss"))).unwrap();
        for disguised in ["Zoe\u{308} Boss", "３００１", "𝟑𝟎𝟎𝟏", "③⓪⓪①", "Ｂoss", "³⁰⁰¹"]
        {
            assert!(house.reads_like_ours(disguised), "{disguised}");
        }
        for plain in ["Ángel Núñez", "王小明", "Đặng", "Ольга", "José & Co", "👩‍💻"]
        {
            assert!(!house.reads_like_ours(plain), "{plain}");
        }
    }

    #[test]
    fn a_name_is_free_again_when_nobody_bears_it() {
        let mut house = house();
        house.apply(&DirectoryChange::AddTerminal(named("3001", "Boss"))).unwrap();
        house.apply(&DirectoryChange::AddTerminal(named("3002", "boss"))).unwrap();
        house.apply(&DirectoryChange::RemoveTerminal(Number::from("3001"))).unwrap();
        assert!(house.reads_like_ours("Boss"), "3002 bears it");
        house.apply(&DirectoryChange::SetTerminal(named("3002", "Deputy"))).unwrap();
        assert!(!house.reads_like_ours("Boss"));
        assert!(house.reads_like_ours("deputy"));
    }
}
