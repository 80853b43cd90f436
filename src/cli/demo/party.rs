//! The three people of the demonstration, each with a tone and a colour of its own.

use crate::codec::video::Colour;

/// One of the people.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum DemoParty {
    /// Comes from outside.
    Caller,
    /// Sits at the desk; this is the desk phone.
    Operator,
    /// Works inside.
    User,
}

impl DemoParty {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Caller, Self::Operator, Self::User];

    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::User => "user",
        }
    }

    /// The number of its phone.
    pub fn number(self) -> &'static str {
        match self {
            Self::Caller => "4001",
            Self::Operator => "3001",
            Self::User => "3002",
        }
    }

    /// Its voice in Hz: above all notes of the hold melody and its overtones of note.
    pub fn tone(self) -> u32 {
        match self {
            Self::Caller => 1900,
            Self::Operator => 2400,
            Self::User => 2900,
        }
    }

    /// Its face.
    pub fn colour(self) -> Colour {
        match self {
            Self::Caller => Colour::from_rgb(220, 30, 30),
            Self::Operator => Colour::from_rgb(30, 200, 30),
            Self::User => Colour::from_rgb(30, 30, 220),
        }
    }

    /// The party whose face this is.
    pub fn of_colour(colour: Colour) -> Option<Self> {
        let near = |a: u8, b: u8| a.abs_diff(b) <= 12;
        Self::ALL.into_iter().find(|party| {
            let own = party.colour();
            near(own.y, colour.y) && near(own.cb, colour.cb) && near(own.cr, colour.cr)
        })
    }
}
