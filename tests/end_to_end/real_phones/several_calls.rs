//! Several calls in one operator's hand: five people, and at every step who of them hears and sees whom.
//!
//! ```text
//!   A, B   the callers                    hold   music and a picture, nobody's
//!   O      the operator's phone           ring   ring-back
//!   U, V   the wanted persons             -      nothing; O sees how many wait in its hand
//! ```

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::phone::{
    Account, Answer, CALLER, OPERATOR, PLAIN, Party, Phone, SECOND_CALLER, SECOND_USER, USER,
};
use crate::stage::terminal;
use crate::switchboard::Switchboard;
use crate::witness::{Gets, judge, mark};

/// Park, pick, swap, consult, connect, transfer that comes back, transfer that stays, serial.
#[test]
fn of_five_people_each_hears_and_sees_whom_it_should() {
    let mut five = Five::open();
    let [a, b, o, u, v] = [0, 1, 2, 3, 4];
    five.dials(a);
    let ada = five.takes(a);
    five.phones[o].await_event("CALL_ESTABLISHED");
    five.dials(b);
    five.judge("A is taken, B waits", "O hold A - -");
    let bob = five.takes(b);
    five.judge("B is taken, A waits in hand", "hold O B - -");
    five.does("swap", &ada, json!({}), "with-caller");
    five.judge("swapped", "O hold A - -");

    five.does("park", &ada, json!({ "number": "3002" }), "parked");
    five.judge("A is parked", "hold hold - - -");
    five.does("pick", &ada, json!({}), "with-caller");
    five.judge("A is picked", "O hold A - -");

    five.does("consult", &ada, json!({ "number": "3002" }), "talking-to-callee");
    five.phones[u].await_event("CALL_ESTABLISHED");
    five.judge("U is consulted", "hold hold U O -");
    five.does("swap", &bob, json!({}), "with-caller");
    five.judge("A and U wait in hand", "hold O B hold -");
    five.does("swap", &ada, json!({}), "talking-to-callee");
    five.judge("back with U", "hold hold U O -");
    five.does("connect", &ada, json!({}), "connected");
    five.judge("A and U are connected", "U hold - A -");
    five.does("swap", &bob, json!({}), "with-caller");
    five.judge("two conversations", "U O B A -");

    five.does("transfer", &bob, json!({ "number": "4001" }), "handing-over");
    five.phones[v].await_event("CALL_INCOMING");
    five.judge("V rings", "U ring - A -");
    five.phones[v].hang_up();
    five.awaits(&bob, "in-hand");
    five.judge("V has refused", "U hold - A -");

    five.does("serial", &bob, json!({}), "in-hand");
    five.does("transfer", &bob, json!({ "number": "4001" }), "handing-over");
    five.phones[v].await_event("CALL_INCOMING");
    five.phones[v].accept();
    five.awaits(&bob, "ended");
    five.does("swap", &ada, json!({}), "connected");
    five.desk.healthy_where(|health| health["request"] == ada);
    five.does("release", &ada, json!({}), "ended");
    five.phones[o].await_event("CALL_CLOSED");
    five.judge("both are handed over", "U V - A B");

    five.phones[v].hang_up();
    five.awaits(&bob, "with-caller");
    five.phones[o].await_event("CALL_ESTABLISHED");
    five.judge("B is back from V", "U O B A -");
}

/// A, B, O, U and V.
struct Five {
    phones: [Phone; 5],
    desk: Desk,
    _board: Switchboard,
}

impl Five {
    fn open() -> Five {
        let board = Switchboard::open();
        board.cli("operator set op1 --max-calls 2");
        let phones = std::thread::scope(|scope| {
            let board = &board;
            let starts = [
                (CALLER, Answer::WhenTold, Account::Guest { name: "ada" }),
                (SECOND_CALLER, Answer::WhenTold, Account::Guest { name: "bob" }),
                (OPERATOR, Answer::AtOnce, terminal("3001")),
                (USER, Answer::AtOnce, terminal("3002")),
                (SECOND_USER, Answer::WhenTold, terminal("4001")),
            ];
            let starts = starts.map(|(party, answer, account)| {
                scope.spawn(move || board.phone(party, PLAIN, answer, &account))
            });
            starts.map(|phone| phone.join().expect("the phone starts"))
        });
        let desk = board.desk("op1");
        Five { phones, desk, _board: board }
    }

    fn dials(&mut self, caller: usize) {
        self.phones[caller].dial("sip:9000@cordboard.test");
        self.phones[caller].await_event("CALL_ESTABLISHED");
    }

    /// The desk takes who is offered; its request.
    #[track_caller]
    fn takes(&mut self, caller: usize) -> Value {
        let name = ["ada", "bob"][caller];
        let offer = self.desk.event("offer");
        assert_eq!(offer["caller"]["number"], format!("{name}@elsewhere.example"), "{offer}");
        let request = offer["request"].clone();
        self.does("take", &request, json!({}), "with-caller");
        request
    }

    /// A command for one call, after which that is in this phase.
    #[track_caller]
    fn does(&mut self, verb: &str, request: &Value, mut fields: Value, phase: &str) {
        fields["request"] = request.clone();
        self.desk.does(verb, fields);
        self.awaits(request, phase);
    }

    #[track_caller]
    fn awaits(&mut self, request: &Value, phase: &str) {
        let is_it = |call: &Value| call["request"] == *request && call["phase"] == phase;
        self.desk.event_where("call", is_it);
    }

    /// Judges what A, B, O, U and V get.
    #[track_caller]
    fn judge(&mut self, step: &str, gets: &str) {
        let gets: Vec<Gets> = gets.split(' ').map(gets_of).collect();
        let mut phones: Vec<&mut Phone> = self.phones.iter_mut().collect();
        let start = mark(&mut phones);
        judge(step, &start, &mut phones, &gets);
    }
}

fn gets_of(word: &str) -> Gets {
    let party = |party: Party| Gets::Party(party);
    match word {
        "A" => party(CALLER),
        "B" => party(SECOND_CALLER),
        "O" => party(OPERATOR),
        "U" => party(USER),
        "V" => party(SECOND_USER),
        "hold" => Gets::Hold,
        "ring" => Gets::Melody,
        "-" => Gets::Nothing,
        _ => panic!("nobody gets {word}"),
    }
}
