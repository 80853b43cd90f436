//! A caller and a callee over TCP whose connections are cut, in each phase of a call: it goes on, and ends for both.
//!
//! ```text
//!   caller, callee ══ TCP ══ cable ══ TCP ══ switchboard       The switchboard names the cable's near end as its
//!         ▲                    │                 │             own address, so that all that the two send goes by
//!         │                   cut                │             it. What it has to tell them afterwards goes over
//!         └──────────────── TCP, anew ───────────┘             another connection.
//! ```
//!
//! baresip 1.0 names the port of its connection as its Contact where it answers a call, and nobody listens there once
//! that is cut: it is told that the call is over where it has registered that it listens. The operator's phone has a
//! cable of its own.

use std::time::Duration;

use serde_json::json;

use crate::cable::Cable;
use crate::phone::{Account, Answer, CALLER, Codecs, OPERATOR, PLAIN, Phone, USER};
use crate::stage::terminal;
use crate::switchboard::Switchboard;
use crate::wait;
use crate::witness::{Gets, judge, mark};

const BY_TCP: Codecs = Codecs { video: "", tcp: true, ..PLAIN };
/// The host at which caller and callee find the switchboard.
const NEAR: u8 = 98;
/// The operator's phone finds it here.
const UNCUT: u8 = 97;
const ADVERTISED: &str = "[sip]\nadvertise = \"NETWORK.98\"\n[media]\naddress = \"NETWORK.98\"\n";

/// Where a call stands when the connections are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    WithCaller,
    Ringing,
    TalkingToCallee,
    Connected,
    HandedOver,
}

/// Who hangs up in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Caller,
    Callee,
    /// At its desk, before it connects the two.
    Operator,
}

#[test]
fn cut_while_the_caller_waits() {
    whole_call(Phase::Waiting, Ends::Caller);
}

#[test]
fn cut_while_caller_and_operator_talk() {
    whole_call(Phase::WithCaller, Ends::Caller);
}

#[test]
fn cut_while_the_callee_rings() {
    whole_call(Phase::Ringing, Ends::Callee);
}

#[test]
fn cut_while_operator_and_callee_talk() {
    whole_call(Phase::TalkingToCallee, Ends::Operator);
}

#[test]
fn cut_after_connect() {
    whole_call(Phase::Connected, Ends::Caller);
}

#[test]
fn cut_after_release() {
    whole_call(Phase::HandedOver, Ends::Caller);
}

fn whole_call(cut_in: Phase, ends: Ends) {
    let board = Switchboard::open_with(ADVERTISED);
    let mut lines = Lines::at(&board, cut_in);
    let mut desk = board.desk("op1");
    lines.phones[0].dial("sip:9000@cordboard.test");
    lines.phones[0].await_event("CALL_ESTABLISHED");
    let offer = desk.event("offer");
    lines.reach(Phase::Waiting, &[Gets::Melody]);
    desk.does("take", json!({ "request": offer["request"] }));
    desk.phase("with-caller");
    lines.phones[1].await_event("CALL_ESTABLISHED");
    lines.reach(Phase::WithCaller, &[Gets::Voice(OPERATOR), Gets::Voice(CALLER)]);
    desk.does("consult", json!({ "number": "3002" }));
    desk.callee("ringing");
    lines.phones[2].await_event("CALL_INCOMING");
    lines.reach(Phase::Ringing, &[Gets::Melody, Gets::Melody]);
    lines.phones[2].accept();
    desk.phase("talking-to-callee");
    let gets = [Gets::Melody, Gets::Voice(USER), Gets::Voice(OPERATOR)];
    lines.reach(Phase::TalkingToCallee, &gets);
    if ends == Ends::Operator {
        desk.does("hangup", json!({}));
        return lines.are_over(&board);
    }
    desk.does("connect", json!({}));
    desk.phase("connected");
    let gets = [Gets::Voice(USER), Gets::Nothing, Gets::Voice(CALLER)];
    lines.reach(Phase::Connected, &gets);
    desk.healthy();
    desk.does("release", json!({}));
    lines.phones[1].await_event("CALL_CLOSED");
    desk.event_where("state", |s| s["state"] == "idle");
    lines.reach(Phase::HandedOver, &gets);
    let [caller, _, user] = &mut lines.phones;
    match ends {
        Ends::Caller => caller.hang_up(),
        Ends::Callee => user.hang_up(),
        Ends::Operator => unreachable!("it has hung up before"),
    }
    lines.are_over(&board);
}

/// Caller, operator and user behind their cables.
struct Lines {
    phones: [Phone; 3],
    cable: Cable,
    _uncut: Cable,
    cut_in: Phase,
}

impl Lines {
    fn at(board: &Switchboard, cut_in: Phase) -> Lines {
        let near = board.place.host(NEAR);
        let uncut = board.place.host(UNCUT);
        let cables = [near, uncut].map(|end| Cable::between(end, board.place.switchboard()));
        let start = |party, answer, account: &Account, proxy| {
            Phone::start(&board.place, party, BY_TCP, answer, account, proxy)
        };
        let phones = [
            start(CALLER, Answer::WhenTold, &Account::Guest { name: "guest" }, near),
            start(OPERATOR, Answer::AtOnce, &terminal("3001"), uncut),
            start(USER, Answer::WhenTold, &terminal("3002"), near),
        ];
        let [cable, uncut] = cables;
        Lines { phones, cable, _uncut: uncut, cut_in }
    }

    /// Caller and callee have heard of the end.
    #[track_caller]
    fn are_over(&mut self, board: &Switchboard) {
        let [caller, _, user] = &mut self.phones;
        caller.await_event("CALL_CLOSED");
        user.await_event("CALL_CLOSED");
        let records = board.records(1);
        assert_eq!(records.len(), 1, "a call has exactly one record: {records:?}");
    }

    /// In the phase of the cut: cuts, and the first phones, in their order, go on to get what they should.
    #[track_caller]
    fn reach(&mut self, phase: Phase, gets: &[Gets]) {
        if phase != self.cut_in {
            return;
        }
        assert_eq!(self.cable.cut(), 2, "caller and callee have a connection each");
        let [caller, operator, user] = &mut self.phones;
        let mut phones = vec![caller, operator, user];
        phones.truncate(gets.len());
        let recorded = wait::within(Duration::from_secs(5), || {
            phones.iter().all(|phone| phone.recording().is_some()).then_some(())
        });
        assert!(recorded.is_some(), "a phone has not begun to record");
        let start = mark(&mut phones);
        judge(&format!("{phase:?}, cut"), &start, &mut phones, gets);
    }
}
