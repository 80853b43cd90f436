//! The operator call on a stage: three phones, a switchboard and a desk; who hears and sees whom in every phase.

use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::phone::{Account, Answer, CALLER, Codecs, OPERATOR, Party, Phone, USER};
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;
use crate::witness::{Gets, Telephone, judge, mark};

/// Three phones, a switchboard and a desk.
pub struct Stage<C = Phone, O = Phone, U = Phone> {
    pub desk: Desk,
    pub caller: C,
    pub number: &'static str,
    pub operator: O,
    pub user: U,
    pub pictures: [bool; 3],
    pub board: Switchboard,
}

/// What a phone of the stage gets; video only where both have it.
#[derive(Clone, Copy)]
pub enum Share {
    Of(Party),
    Hold,
    Melody,
    Nothing,
}

pub fn party(party: Party) -> Share {
    Share::Of(party)
}

impl Stage {
    /// A guest calls 9000 and waits: it hears and sees that it waits.
    pub fn open(codecs: [Codecs; 3]) -> Stage {
        Self::launch("", &[], codecs)
    }

    /// The same, with more configuration, and once the administrator has said so.
    pub fn launch(tables: &str, commands: &[&str], codecs: [Codecs; 3]) -> Stage {
        let board = Switchboard::open_with(tables);
        commands.iter().for_each(|command| drop(board.cli(command)));
        let guest = Account::Guest { name: "guest" };
        let operator = board.phone(OPERATOR, codecs[1], Answer::AtOnce, &terminal("3001"));
        let user = board.phone(USER, codecs[2], Answer::WhenTold, &terminal("3002"));
        let caller = board.phone(CALLER, codecs[0], Answer::WhenTold, &guest);
        let pictures = codecs.map(|c| !c.video.is_empty());
        Stage::begin(board, (caller, "guest@elsewhere.example"), operator, user, pictures)
    }
}

impl<C: Telephone, O: Telephone, U: Telephone> Stage<C, O, U> {
    /// The caller, whom the desk sees by this number, calls 9000 and waits.
    pub fn begin(
        board: Switchboard,
        (caller, number): (C, &'static str),
        operator: O,
        user: U,
        pictures: [bool; 3],
    ) -> Self {
        let desk = board.desk("op1");
        Stage::begin_at(desk, board, (caller, number), operator, user, pictures)
    }

    /// The same, with a desk that is there.
    pub fn begin_at(
        desk: Desk,
        board: Switchboard,
        (mut caller, number): (C, &'static str),
        operator: O,
        user: U,
        pictures: [bool; 3],
    ) -> Self {
        caller.dial("sip:9000@cordboard.test");
        caller.await_event("CALL_ESTABLISHED");
        let mut stage = Stage { desk, caller, number, operator, user, pictures, board };
        stage.check("waiting", [Share::Hold]);
        stage
    }

    pub fn take(&mut self) {
        let offer = self.desk.event("offer");
        assert_eq!(offer["caller"]["number"], self.number, "{offer}");
        self.desk.does("take", json!({ "request": offer["request"] }));
        self.desk.phase("with-caller");
        self.operator.await_event("CALL_ESTABLISHED");
    }

    pub fn with_caller(&mut self) {
        self.check("with the caller", [party(OPERATOR), party(CALLER)]);
    }

    pub fn consult(&mut self) {
        self.desk.does("consult", json!({ "number": "3002" }));
        self.desk.callee("ringing");
        self.user.await_event("CALL_INCOMING");
        self.check("consulting, ringing", [Share::Hold, Share::Melody]);
        self.user.accept();
        self.desk.phase("talking-to-callee");
        self.check("talking to the user", [Share::Hold, party(USER), party(OPERATOR)]);
    }

    pub fn alternate(&mut self) {
        self.desk.does("alternate", json!({ "party": "caller" }));
        self.desk.phase("alternated");
        self.check("alternated", [party(OPERATOR), party(CALLER), Share::Hold]);
        self.desk.does("alternate", json!({ "party": "callee" }));
        self.desk.phase("talking-to-callee");
        self.check("back with the user", [Share::Hold, party(USER), party(OPERATOR)]);
    }

    pub fn connect(&mut self) {
        self.desk.does("connect", json!({}));
        self.desk.phase("connected");
        self.check("connected", [party(USER), Share::Nothing, party(CALLER)]);
        let health = self.desk.healthy();
        assert_eq!(health["caller"]["audio"], "ok", "{health}");
        assert_eq!(health["callee"]["audio"], "ok", "{health}");
    }

    /// The operator leaves; the two talk on, until one hangs up; one record tells it all.
    pub fn hand_over(&mut self) {
        self.desk.does("release", json!({}));
        self.operator.await_event("CALL_CLOSED");
        self.desk.event_where("state", |s| s["state"] == "idle");
        let gets = [self.gets(0, party(USER)), self.gets(2, party(CALLER))];
        let mut both = [self.caller.observer(), self.user.observer()];
        let start = mark(&mut both);
        judge("handed over", &start, &mut both, &gets);
        self.caller.hang_up();
        self.user.await_event("CALL_CLOSED");
        let records = self.board.records(1);
        assert_eq!(records.len(), 1, "a call has exactly one record: {records:?}");
    }

    /// Judges the first phones in the order caller, operator, user.
    #[track_caller]
    pub fn check<const N: usize>(&mut self, phase: &str, shares: [Share; N]) {
        let gets: Vec<Gets> = shares.iter().enumerate().map(|(n, s)| self.gets(n, *s)).collect();
        let mut phones =
            vec![self.caller.observer(), self.operator.observer(), self.user.observer()];
        phones.truncate(N);
        let recorded = wait::within(Duration::from_secs(5), || {
            phones.iter().all(|p| p.recording().is_some()).then_some(())
        });
        assert!(recorded.is_some(), "a phone has not begun to record");
        let start = mark(&mut phones);
        judge(phase, &start, &mut phones, &gets);
    }

    fn gets(&self, receiver: usize, share: Share) -> Gets {
        let screen = self.pictures[receiver];
        match share {
            Share::Of(party) if screen && self.has_camera(party) => Gets::Party(party),
            Share::Of(party) => Gets::Voice(party),
            Share::Hold if screen => Gets::Hold,
            Share::Hold | Share::Melody => Gets::Melody,
            Share::Nothing => Gets::Nothing,
        }
    }

    fn has_camera(&self, party: Party) -> bool {
        [CALLER.name, OPERATOR.name, USER.name]
            .iter()
            .zip(self.pictures)
            .any(|(name, camera)| camera && *name == party.name)
    }
}

pub fn terminal(number: &str) -> Account<'_> {
    Account::Terminal { number, password: PASSWORD }
}

impl Switchboard {
    /// A phone with an account here.
    pub fn phone(&self, party: Party, codecs: Codecs, answer: Answer, account: &Account) -> Phone {
        Phone::start(&self.place, party, codecs, answer, account, self.place.switchboard())
    }
}
