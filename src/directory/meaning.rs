//! What a dialled number means before anyone is asked.

use super::accounts::Directory;
use super::camera::Camera;
use super::numbering_plan::DESK;
use super::terminal::Terminal;
use super::trunk::Trunk;
use crate::ids::{Number, QueueId};
use crate::sip::{self, Uri};
use crate::text::{NUMBER_CHARS_MAX, is_within};

/// What a dialled number stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning<'a> {
    /// The address of the control dialogs.
    Desk,
    /// `*50` and its kin.
    FeatureCode,
    /// An operator number.
    Queue(&'a QueueId),
    /// A camera.
    Camera(&'a Camera),
    /// A phone of ours.
    Terminal(&'a Terminal),
    /// A number beyond a trunk.
    Trunk(&'a Trunk),
    /// Nothing we know.
    Unknown,
}

impl Directory {
    /// The number that a URI names: what stands before its parameters; `None` where that is longer than
    /// a number can be.
    #[must_use]
    pub fn number_in(&self, uri: &Uri) -> Option<Number> {
        let written = uri.number().filter(|number| is_within(number, NUMBER_CHARS_MAX))?;
        Some(self.number_of(&written))
    }

    /// A telephone number is known by its digits, however it is written (RFC 3966 §5.1.1), unless somebody
    /// here is called just as it stands.
    #[must_use]
    pub fn number_of(&self, written: &str) -> Number {
        let number = Number::from(written);
        match (self.meaning(&number), sip::without_separators(written)) {
            (Meaning::Trunk(_) | Meaning::Unknown | Meaning::FeatureCode, Some(digits)) => {
                Number::from(digits.as_str())
            }
            (_, Some(_) | None) => number,
        }
    }

    /// What `number` stands for. An operator number always wins (R1.1), then what else the
    /// configuration says; a terminal is nearer than a trunk.
    #[must_use]
    pub fn meaning(&self, number: &Number) -> Meaning<'_> {
        if number.as_str() == DESK {
            return Meaning::Desk;
        }
        if number.as_str().starts_with('*') {
            return Meaning::FeatureCode;
        }
        if let Some(queue) = self.queue_of(number) {
            return Meaning::Queue(queue);
        }
        if let Some(camera) = self.plan().camera_at(number) {
            return Meaning::Camera(camera);
        }
        if let Some(terminal) = self.terminal(number) {
            return Meaning::Terminal(terminal);
        }
        self.plan().trunk_for(number.as_str()).map_or(Meaning::Unknown, Meaning::Trunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{
        Accounts, DirectoryChange, NumberingPlan, Srtp, TerminalDraft, patent_levels,
    };
    use crate::ids::LevelId;
    use std::collections::BTreeMap;

    fn plan() -> NumberingPlan {
        let trunk = Trunk {
            name: "carrier".to_owned(),
            addresses: vec!["192.0.2.10".parse().unwrap()],
            level: LevelId::from("B"),
            prefixes: vec!["0".to_owned(), "+".to_owned()],
            srtp: Srtp::Optional,
            login: None,
            register: false,
        };
        NumberingPlan {
            realm: "cordboard.local".to_owned(),
            addresses: vec![],
            queues: BTreeMap::new(),
            trunks: vec![trunk],
            cameras: vec![],
            external: LevelId::from("B"),
        }
    }

    #[test]
    fn a_telephone_number_is_known_by_its_digits_unless_somebody_has_it_as_written() {
        let levels = patent_levels().into();
        let accounts = Accounts { levels, ..Default::default() };
        let mut directory = Directory::new(plan(), accounts);
        let draft = TerminalDraft {
            level: Some(LevelId::from("B")),
            ..TerminalDraft::new(Number::from("30-1"))
        };
        directory.apply(&DirectoryChange::AddTerminal(draft)).unwrap();
        for (uri, number) in [
            ("sip:+49-30.1234;cpc=ordinary@carrier.example", Some("+49301234")),
            ("tel:030-1234;phone-context=+49", Some("0301234")),
            ("sip:30-1;x@house.example", Some("30-1")),
            ("sip:30-2@house.example", Some("302")),
            ("sip:anna-lena@house.example", Some("anna-lena")),
            ("sip:house.example", None),
            ("sip:123456789012345678901234567890123@house.example", None),
        ] {
            let found = directory.number_in(&Uri::parse(uri).unwrap());
            assert_eq!(found.as_ref().map(Number::as_str), number, "{uri}");
        }
    }
}
