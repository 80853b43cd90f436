//! Operators with only a phone: codes that they dial, keys that they press.

use super::network::{Deed, Event};
use super::phone::Purpose;
use super::world::World;

/// What such an operator dials; logging in more often than out.
const CODES: [&str; 8] = ["*50", "*50", "*53", "*50", "*52", "*53", "*51", "*50"];
/// What it presses in a call.
const KEYS: [&str; 14] = [
    "*22001#", "*22003#", "*22006#", "*22999#", "*3", "*3", "*4", "*5", "*5*5", "*6", "*9", "*9",
    "*8", "17",
];

impl World {
    pub fn phone_operator_lives(&mut self, phone: usize) {
        let first = self.dialogs.iter().all(|dialog| dialog.phone != phone);
        let code = CODES[self.chance.below(CODES.len() as u64) as usize];
        let code = if first { "*50" } else { code };
        self.call(phone, Purpose::FeatureCode, code, "");
    }

    pub fn phone_operator_talks(&mut self, id: u32) {
        let mut at = 0;
        for _ in 0..self.chance.below(8) {
            at += 300 + self.chance.below(4_000);
            let keys = KEYS[self.chance.below(KEYS.len() as u64) as usize];
            for key in keys.chars() {
                at += 120 + self.chance.below(200);
                self.after(at, at + 1, Event::Act(id, Deed::Key(key)));
            }
        }
        self.soon(at + 500, at + 30_000, id, Deed::HangUp);
    }
}
