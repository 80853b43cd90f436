//! `cordboard desk` in a terminal with several calls in hand: what its operator sees and hears, and its keys.

use std::process::Command;
use std::time::Duration;

use super::{Role, Sipp, Who};
use crate::switchboard::{BINARY, PASSWORD, Switchboard};
use crate::terminal::Terminal;
use crate::wait;

const PATIENCE: Duration = Duration::from_secs(15);

/// Take, swap, recall, park, pick, a transfer that comes back, serial.
#[test]
fn the_desk_program_shows_each_call_in_hand_with_its_time_and_commands_them_by_keys() {
    let board = Switchboard::open_with("[desk]\nrecall = \"5s\"\n");
    board.cli("operator set op1 --max-calls 3");
    let mut phone = board.phone_at("3001", "phone-answers");
    let mut desk = Screen::of("op1", &board);
    desk.shows(&["op1 · phone 3001 · FREE"]);
    desk.shows(&["NO CALL"]);
    let mut ada = calls("ada", &board);
    desk.shows(&["● ", " 1 ", "ada@elsewhere.example"]);
    desk.rings_after(0);
    desk.types("t");
    desk.shows(&["you talk to ada@elsewhere.example"]);
    let mut bob = calls("bob", &board);
    desk.shows(&["● ", " 1 ", "bob@elsewhere.example"]);
    desk.types("t");
    desk.shows(&["you talk to bob@elsewhere.example"]);
    // Both times go on.
    for call in [&["you talk to bob"][..], &[" 1 ", "ada@elsewhere", "waits in hand"]] {
        let began = seconds(&desk.shows(call));
        desk.shows_where(call, |line| seconds(line) >= began + 2);
    }

    desk.types("s");
    desk.shows(&["you talk to ada"]);
    let line = desk.shows(&[" 1 ", "bob@elsewhere", "waits in hand"]);
    assert!(seconds(&line) < 5, "its wait begins anew: {line}");
    let bells = desk.terminal.bells();
    desk.shows(&["bob@elsewhere.example waits in your hand for 5 s"]);
    desk.rings_after(bells);

    desk.types("p 3002");
    desk.shows(&[" P 1 ", "ada@elsewhere", "for 3002, parked by op1", "0:0"]);
    desk.shows(&["NO CALL"]);
    desk.types("g");
    desk.shows(&["you talk to ada"]);
    desk.shows_no("parked by op1");
    desk.shows(&[" 1 ", "bob@elsewhere", "waits in hand"]);

    let busy = board.phone_at("4001", "phone-is-busy");
    let bells = desk.terminal.bells();
    desk.types("b 4001");
    desk.shows(&[" 2 ", "ada@elsewhere", "waits in hand"]);
    desk.shows(&["ada@elsewhere.example waits in your hand for 0 s"]);
    desk.rings_after(bells);
    drop(busy);
    desk.types("s 2");
    desk.shows(&["you talk to ada"]);

    let mut user = board.phone_at("3002", "phone-answers-and-hangs-up");
    desk.types("e");
    desk.shows(&["in hand for", "comes back"]);
    desk.types("b 3002");
    desk.shows(&["handed over: the two go on without you"]);
    desk.shows_no("ada@elsewhere.example (");
    let bells = desk.terminal.bells();
    user.nudge();
    user.ends_well();
    desk.shows(&[" 2 ", "ada@elsewhere", "waits in hand"]);
    desk.rings_after(bells);

    desk.types("s 2");
    desk.shows(&["you talk to ada"]);
    desk.hangs_up();
    ada.ends_well();
    desk.shows(&["NO CALL"]);
    desk.shows(&[" 1 ", "bob@elsewhere", "waits in hand"]);
    desk.hangs_up();
    bob.ends_well();
    phone.ends_well();
    desk.shows_no("waits in hand");
    desk.types("q");
    let ended = wait::until("the end of the desk", PATIENCE, || desk.terminal.ended());
    assert_eq!(ended, 0);
}

fn calls(name: &str, board: &Switchboard) -> Sipp {
    board.play(&Role {
        scenario: "caller-waits-and-talks",
        who: Who::Guest(name),
        number: "9000",
        extra: "",
        tcp: false,
    })
}

/// The time at the end of a line, such as `1:05`.
fn seconds(line: &str) -> u64 {
    let time = line.rsplit(' ').next().and_then(|time| time.split_once(':'));
    let (minutes, seconds) = time.unwrap_or_else(|| panic!("no time in {line}"));
    let number = |text: &str| text.parse::<u64>().expect("a time is a number");
    60 * number(minutes) + number(seconds)
}

/// The desk as its operator sees it.
struct Screen {
    terminal: Terminal,
}

impl Screen {
    fn of(operator: &str, board: &Switchboard) -> Screen {
        let mut command = Command::new(BINARY);
        command.args(["desk", "--operator", operator, "--config"]).arg(board.config());
        command.env("CORDBOARD_PASSWORD", PASSWORD);
        let log = board.place.directory("desk").join("log");
        Screen { terminal: Terminal::start("cordboard desk", &mut command, &log) }
    }

    fn types(&mut self, line: &str) {
        self.terminal.press(&format!("{line}\r"));
    }

    /// The call at the ear, or the only one in hand; it is asked once more.
    #[track_caller]
    fn hangs_up(&mut self) {
        self.types("h");
        self.shows(&["hang up the whole call? y or n"]);
        self.terminal.press("y");
    }

    /// Waits for a line with all of these pieces, in their order.
    #[track_caller]
    fn shows(&mut self, pieces: &[&str]) -> String {
        self.shows_where(pieces, |_| true)
    }

    #[track_caller]
    fn shows_where(&mut self, pieces: &[&str], fits: impl Fn(&str) -> bool) -> String {
        let has_all = |line: &String| {
            let mut rest = line.as_str();
            pieces.iter().all(|piece| {
                let after = rest.split_once(piece);
                rest = after.map_or("", |(_, after)| after);
                after.is_some()
            })
        };
        let found = wait::within(PATIENCE, || {
            let lines = self.terminal.lines();
            lines.into_iter().find(|line| has_all(line) && fits(line))
        });
        found.unwrap_or_else(|| panic!("no line with {pieces:?} in\n{}", self.picture()))
    }

    /// Waits until no line has this.
    #[track_caller]
    fn shows_no(&mut self, piece: &str) {
        let gone = wait::within(PATIENCE, || {
            let lines = self.terminal.lines();
            let is_gone = !lines.is_empty() && lines.iter().all(|line| !line.contains(piece));
            is_gone.then_some(())
        });
        assert!(gone.is_some(), "still {piece} in\n{}", self.picture());
    }

    /// Waits for a bell after so many.
    #[track_caller]
    fn rings_after(&mut self, bells: usize) {
        let rung = wait::within(PATIENCE, || (self.terminal.bells() > bells).then_some(()));
        assert!(rung.is_some(), "no bell; there stands\n{}", self.picture());
    }

    fn picture(&mut self) -> String {
        self.terminal.lines().join("\n")
    }
}
