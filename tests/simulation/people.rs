//! People: what they do, and when. Nothing here is wise.

use super::network::{Deed, Event};
use super::phone::{Person, Purpose, State};
use super::world::World;
use cordboard::sdp::Direction;
use cordboard::sip::Method;

/// Numbers that people inside call.
const INSIDE: [&str; 14] = [
    "2001", "2002", "2003", "2004", "2005", "2006", "2007", "2008", "2009", "2010", "3001", "3004",
    "3005", "2999",
];
/// How a phone says no.
const REFUSALS: [u16; 7] = [480, 486, 486, 488, 500, 600, 603];

impl World {
    /// Somebody who is in no call does something.
    pub fn live(&mut self, phone: usize) {
        let person = self.phones[phone].person;
        // At the end of the day only desks that were lost come back.
        if self.closing.is_some() && !matches!(person, Person::Desk(_)) {
            return;
        }
        match person {
            Person::Caller => {
                let to = match self.chance.below(20) {
                    0..12 => "9000",
                    12..17 => "9001",
                    17 => "2003",
                    18 => "2999",
                    _ => "desk2",
                };
                self.place_call(phone, to);
            }
            Person::User => match self.chance.below(20) {
                0..3 => self.register(phone),
                3 => self.place_call(phone, "9000"),
                4 => self.place_call(phone, "9001"),
                _ => {
                    let to = INSIDE[self.chance.below(INSIDE.len() as u64) as usize];
                    self.place_call(phone, to);
                }
            },
            Person::DeskPhone => {
                self.register(phone);
                self.after(5_000, 60_000, Event::Live(phone));
            }
            Person::PhoneOperator => self.phone_operator_lives(phone),
            Person::Desk(desk) => self.desk_calls(desk, phone),
        }
    }

    pub fn place_call(&mut self, phone: usize, to: &str) {
        self.calls += 1;
        let extra = if self.percent(40) { "Supported: 100rel\r\n" } else { "" };
        let id = self.call(phone, Purpose::Call, to, extra);
        let patience = match self.chance.below(10) {
            0 => 300,
            1..3 => 3_000,
            3..6 => 20_000,
            _ => 90_000,
        };
        self.soon(20, patience, id, Deed::HangUp);
        // Some do not want to wait, and some press at any time whatever they hear.
        if self.percent(15) {
            self.soon(500, 20_000, id, Deed::Key('0'));
        }
    }

    /// Registers, or takes the registration back.
    pub fn register(&mut self, phone: usize) {
        let expires = if self.percent(8) { 0 } else { 600 };
        let id = self.call(phone, Purpose::Registration, "", &format!("Expires: {expires}\r\n"));
        self.note(format!("c{id} registers for {expires} s"));
    }

    pub fn act(&mut self, id: u32, deed: Deed) {
        let state = self.dialog(id).state;
        match (deed, state) {
            (Deed::HangUp, _) => self.hang_up(id),
            (Deed::Ring, _) => self.ring(id),
            (Deed::Pick, _) => self.pick(id),
            (Deed::Refuse(status), _) => self.refuse(id, status),
            (Deed::Key(key), State::Up) => {
                let body = format!("Signal={key}\r\nDuration=160\r\n");
                self.request(id, Method::INFO, "Content-Type: application/dtmf-relay\r\n", &body);
            }
            (Deed::Hold | Deed::Resume, State::Up) if self.dialog(id).offering => {
                self.soon(500, 2_000, id, deed);
            }
            (Deed::Hold | Deed::Resume, State::Up) => {
                let holds = deed == Deed::Hold && self.dialog(id).direction == Direction::SendRecv;
                let direction = match holds {
                    true if self.percent(30) => Direction::Inactive,
                    true => Direction::SendOnly,
                    false => Direction::SendRecv,
                };
                self.dialog(id).direction = direction;
                self.dialog(id).offering = true;
                let body = self.describe(id);
                self.request(id, Method::INVITE, "", &body);
                if holds {
                    self.soon(300, 4_000, id, Deed::Resume);
                }
            }
            (Deed::Refresh, State::Up) => {
                self.request(id, Method::UPDATE, "", "");
            }
            (Deed::Transfer, State::Up) => {
                let to = INSIDE[self.chance.below(INSIDE.len() as u64) as usize];
                let extra = format!("Refer-To: <sip:{to}@cordboard.local>\r\n");
                self.request(id, Method::REFER, &extra, "");
                self.judge.transferred(id);
            }
            (
                Deed::Key(_) | Deed::Hold | Deed::Resume | Deed::Refresh | Deed::Transfer,
                State::Calling
                | State::GivenUp
                | State::Ringing
                | State::Answered
                | State::Closing
                | State::Over,
            ) => {}
        }
    }

    /// A phone rings.
    pub fn on_rung(&mut self, id: u32) {
        let dice = self.chance.below(100);
        let patience = match self.phones[self.dialogs[id as usize].phone].person {
            Person::DeskPhone | Person::PhoneOperator => 2_000,
            Person::Caller | Person::User | Person::Desk(_) => 5_000,
        };
        match dice {
            0..6 => {
                let which = self.chance.below(REFUSALS.len() as u64) as usize;
                let status = REFUSALS[which];
                self.soon(0, patience, id, Deed::Refuse(status));
            }
            6..10 => self.soon(0, 500, id, Deed::Ring),
            10..20 => self.soon(0, 300, id, Deed::Pick),
            _ => {
                self.soon(0, 300, id, Deed::Ring);
                self.soon(300, patience, id, Deed::Pick);
            }
        }
    }

    /// A call is answered, by either side.
    pub fn on_up(&mut self, id: u32) {
        if self.dialog(id).purpose != Purpose::Call {
            return self.on_up_elsewhere(id);
        }
        let person = self.phones[self.dialogs[id as usize].phone].person;
        if self.percent(15) {
            self.soon(100, 6_000, id, Deed::Hold);
        }
        if self.percent(5) {
            self.soon(100, 6_000, id, Deed::Refresh);
        }
        match person {
            Person::Caller | Person::User => {
                self.soon(500, 60_000, id, Deed::HangUp);
                if self.percent(20) {
                    self.soon(100, 5_000, id, Deed::Key('5'));
                }
                if self.percent(4) {
                    self.soon(100, 5_000, id, Deed::Transfer);
                }
            }
            Person::DeskPhone => {
                if self.percent(20) {
                    self.soon(200, 15_000, id, Deed::HangUp);
                }
                // Nobody sits at a desk phone for ever.
                self.soon(60_000, 90_000, id, Deed::HangUp);
            }
            Person::PhoneOperator => self.phone_operator_talks(id),
            Person::Desk(_) => {}
        }
    }

    fn on_up_elsewhere(&mut self, id: u32) {
        match self.dialog(id).purpose {
            Purpose::Desk => self.on_desk_up(id),
            // The house hangs up after its tone; if it does not, the person does.
            Purpose::FeatureCode => self.soon(10_000, 11_000, id, Deed::HangUp),
            Purpose::Call | Purpose::Registration => {}
        }
    }

    /// A call of one's own came to nothing.
    pub fn on_refused(&mut self, id: u32, status: u16) {
        self.judge.refused(status);
        self.on_over(id);
    }

    /// A dialog is over: its person goes on living.
    pub fn on_over(&mut self, id: u32) {
        let dialog = &self.dialogs[id as usize];
        let (phone, purpose) = (dialog.phone, dialog.purpose);
        let own = dialog.call_id.starts_with(&format!("c{id}."));
        match (self.phones[phone].person, purpose) {
            (Person::Caller | Person::User, _) if own => self.after(50, 4_000, Event::Live(phone)),
            (Person::PhoneOperator, Purpose::FeatureCode) => {
                self.after(5_000, 90_000, Event::Live(phone));
            }
            (Person::Desk(_), _) => self.on_desk_over(id),
            (Person::Caller | Person::User | Person::DeskPhone | Person::PhoneOperator, _) => {}
        }
    }
}
