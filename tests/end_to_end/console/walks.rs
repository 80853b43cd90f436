//! One call through all of its phases, and something happens to the page in each: F5, its connection is cut, the switchboard
//! dies. Each time the page shows the same as before, and everybody hears and sees whom they should.
//!
//! ```text
//!   free ─▶ offered ─▶ with ada ─▶ max rings ─▶ talking to max ─▶ alternated ─▶ bob, ada and max wait in hand
//!                                                                                         │
//!                        bob is picked ◀─ released ◀─ connected ◀─ alternated, bob is parked ◀─┘
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ANY, DeskPage, Look, SOON, dial, guest, pages_of, user};
use crate::browser::Kind;
use crate::cable::Cable;
use crate::phone::{CALLER, OPERATOR, Party, Phone, SECOND_CALLER, USER};
use crate::switchboard::Switchboard;
use crate::wait;
use crate::witness::{Gets, Mark, judge, mark};

/// What happens to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// F5.
    Reload,
    /// All of its connections are cut.
    Cut,
    /// The switchboard is killed and started again.
    Kill,
}

/// What the page gets.
#[derive(Clone, Copy, Debug)]
enum PageGets {
    Party(Party),
    /// Neither voice nor picture of anybody.
    Nobody,
    /// The same, and the tone of a phone that rings.
    RingBack,
}

#[test]
fn f5_in_every_phase() {
    Walk::open(Blow::Reload, "f5").goes();
}

#[test]
fn a_cut_connection_in_every_phase() {
    Walk::open(Blow::Cut, "cut").goes();
}

#[test]
fn a_killed_switchboard_in_every_phase() {
    Walk::open(Blow::Kill, "killed").goes();
}

/// Two callers, a user, and the page.
struct Walk {
    blow: Blow,
    desk: DeskPage,
    ada: Phone,
    bob: Phone,
    max: Phone,
    cable: Cable,
    board: Switchboard,
    /// How long it took until the desk was back, and the picture, in ms.
    desks: Vec<u64>,
    pictures: Vec<u64>,
}

impl Walk {
    #[track_caller]
    fn open(blow: Blow, name: &'static str) -> Walk {
        let board = Switchboard::open_with("[desk]\nlease = \"30s\"\n");
        board.cli("operator set op1 --max-calls 2");
        let near = SocketAddr::new(board.place.switchboard().ip(), 8081);
        let cable = Cable::between(near, pages_of(&board));
        let look = Look { name, ..ANY };
        let (desk, ada, bob, max) = std::thread::scope(|scope| {
            let board = &board;
            let ada = scope.spawn(move || guest(board, CALLER, "ada"));
            let bob = scope.spawn(move || guest(board, SECOND_CALLER, "bob"));
            let max = scope.spawn(move || user(board));
            let desk = DeskPage::open_at(Kind::Chromium, board, &look, near);
            let [ada, bob, max] = [ada, bob, max].map(|phone| phone.join().expect("it starts"));
            (desk, ada, bob, max)
        });
        let (desks, pictures) = (Vec::new(), Vec::new());
        let mut walk = Walk { blow, desk, ada, bob, max, cable, board, desks, pictures };
        walk.desk.log_in();
        walk.desk.start_work();
        walk
    }

    fn goes(mut self) {
        use PageGets::{Nobody, Party as Of, RingBack};
        let o = Gets::Party(OPERATOR);
        self.desk.says("Nobody hears or sees you");
        self.suffers("free", Nobody, []);
        dial(&mut self.ada);
        self.desk.await_true("document.title.startsWith('(!)')");
        self.suffers("offered", Nobody, [Gets::Hold]);
        self.desk.press("1");
        self.desk.says("ada@elsewhere.example hears and sees you");
        self.suffers("with-caller", Of(CALLER), [o]);

        self.desk.press("c3002\n");
        self.max.await_event("CALL_INCOMING");
        self.desk.says("Nobody hears or sees you");
        self.suffers("consulting", RingBack, [Gets::Hold]);
        self.max.accept();
        self.max.await_event("CALL_ESTABLISHED");
        self.desk.says("User hears and sees you");
        self.suffers("talking", Of(USER), [Gets::Hold, o]);
        self.desk.press("a");
        self.desk.says("ada@elsewhere.example hears and sees you");
        self.suffers("alternated", Of(CALLER), [o, Gets::Hold]);

        dial(&mut self.bob);
        self.desk.await_true("document.querySelector('.scroller li')");
        self.desk.press("1");
        self.desk.says("bob@elsewhere.example hears and sees you");
        self.suffers("two-in-hand", Of(SECOND_CALLER), [Gets::Hold, Gets::Hold, o]);
        self.desk.press("p");
        self.desk.await_true("document.querySelector('.hands')?.innerText.includes('bob')");
        self.desk.await_true("!document.querySelector('.situation')");
        self.suffers("parked", Nobody, [Gets::Hold, Gets::Hold, Gets::Hold]);
        self.desk.press("s");
        self.desk.says("ada@elsewhere.example hears and sees you");
        self.suffers("resumed", Of(CALLER), [o, Gets::Hold, Gets::Hold]);

        self.desk.press("k");
        self.desk.says("Nobody hears or sees you");
        let conversation = [Gets::Party(USER), Gets::Party(CALLER), Gets::Hold];
        // Until both are known to be well, it is refused.
        self.desk.may_release();
        self.suffers("connected", Nobody, conversation);
        self.desk.may_release();
        self.desk.press("r");
        self.desk.await_true("document.querySelector('.own.free')");
        self.desk.press("g");
        self.desk.says("bob@elsewhere.example hears and sees you");
        let start = self.mark(3);
        self.is_right(
            "handed over",
            &start,
            Of(SECOND_CALLER),
            &[conversation[0], conversation[1], o],
        );
        self.desk.press("hy");
        self.desk.await_true("document.querySelector('.own.free')");
        self.tells();
    }

    /// The blow in this phase, and whether all is as before: what the page shows, and who hears and sees whom. The phones are
    /// Ada's, Max's and Bob's, as many as are in a call.
    #[track_caller]
    fn suffers<const N: usize>(&mut self, phase: &str, page: PageGets, phones: [Gets; N]) {
        eprintln!("{:?} {phase}", self.blow);
        // Sound and picture of this phase, before anything is compared.
        self.page_gets(phase, page);
        self.desk.photograph(&format!("{phase}-before"));
        let before = self.settled();
        let gone_on = self.with_you();
        self.desk.evaluate("probe.times.lost = 0");
        let start = self.mark(N);
        let struck = Instant::now();
        let start = match self.blow {
            Blow::Reload => {
                self.awaits_after_reload(page);
                self.desk.browser.reload(&self.desk.page);
                start
            }
            Blow::Cut => {
                assert!(self.cable.cut() > 0, "{phase}: there was nothing to cut");
                // What it knows without a connection is not what is compared.
                self.desk.await_true("probe.times.lost");
                self.hurries();
                start
            }
            Blow::Kill => {
                self.board.crash();
                self.desk.await_true("probe.times.lost");
                self.board.crash_and_restart_hours_later();
                self.hurries();
                // What stops and begins in the midst of a tone is heard as another.
                self.mark(N)
            }
        };
        self.desk.await_true("document.querySelector('.own.free, .own.busy')");
        let desk = struck.elapsed();
        let mut now = Value::Null;
        let same = wait::within(SOON, || {
            now = self.shows();
            (now == before).then_some(())
        });
        assert!(same.is_some(), "{phase}: the page shows\n{now}\nand showed before\n{before}");
        self.is_right(phase, &start, page, &phones);
        assert!(self.with_you() >= gone_on, "{phase}: the call begins anew after {gone_on:?}");
        self.note(page, desk);
        self.desk.photograph(phase);
    }

    /// The page tells after F5 when it shows this again.
    fn awaits_after_reload(&mut self, page: PageGets) {
        let script = match page {
            PageGets::Party(Party { colour, .. }) => {
                format!("sessionStorage.setItem('probe', '{}')", json!(colour.0))
            }
            PageGets::Nobody | PageGets::RingBack => {
                "sessionStorage.removeItem('probe')".to_owned()
            }
        };
        self.desk.evaluate(&script);
    }

    /// A connection that is cut again and again is tried for seldom: but for the first time, the network says that it is back.
    fn hurries(&mut self) {
        if !self.desks.is_empty() {
            self.desk.evaluate("dispatchEvent(new Event('online'))");
        }
    }

    /// What the page shows, once it shows the same for a moment.
    fn settled(&mut self) -> Value {
        let mut last = (Instant::now(), Value::Null);
        let found = wait::within(SOON, || {
            let now = self.shows();
            if now != last.1 {
                last = (Instant::now(), now);
            }
            (last.0.elapsed() > Duration::from_millis(300)).then_some(())
        });
        assert!(found.is_some(), "the page is never at rest: {}", last.1);
        last.1
    }

    /// For how many seconds the call at the ear has gone on, as the page has it.
    fn with_you(&mut self) -> Option<u64> {
        let text = self.desk.text("#call-title .time");
        let (minutes, seconds) = text.split_once(':')?;
        Some(minutes.parse::<u64>().ok()? * 60 + seconds.parse::<u64>().ok()?)
    }

    fn shows(&mut self) -> Value {
        self.desk.browser.try_evaluate(&self.desk.page, "probe.shows()").unwrap_or_default()
    }

    fn mark(&mut self, phones: usize) -> Mark {
        let mut all = [&mut self.ada, &mut self.max, &mut self.bob];
        mark(&mut all[..phones])
    }

    /// Page and phones are judged at the same time.
    #[track_caller]
    fn is_right(&mut self, phase: &str, start: &Mark, page: PageGets, gets: &[Gets]) {
        let Walk { ada, max, bob, desk, .. } = self;
        std::thread::scope(|scope| {
            let judged = scope.spawn(move || {
                let mut all = [ada, max, bob];
                judge(phase, start, &mut all[..gets.len()], gets);
            });
            match page {
                PageGets::Party(party) => desk.gets(phase, party),
                PageGets::Nobody => desk.hears_nobody(phase),
                PageGets::RingBack => {
                    desk.hears_nobody(phase);
                    desk.hears_something(phase);
                }
            }
            if let Err(fault) = judged.join() {
                std::panic::resume_unwind(fault);
            }
        });
    }

    #[track_caller]
    fn page_gets(&mut self, phase: &str, page: PageGets) {
        match page {
            PageGets::Party(party) => self.desk.gets(phase, party),
            PageGets::Nobody | PageGets::RingBack => self.desk.hears_nobody(phase),
        }
    }

    fn note(&mut self, page: PageGets, desk: Duration) {
        let times = self.desk.evaluate("probe.times");
        let desk = u64::try_from(desk.as_millis()).unwrap_or(u64::MAX);
        self.desks.push(if self.blow == Blow::Reload {
            times["desk"].as_u64().unwrap_or(desk)
        } else {
            desk
        });
        if let (Blow::Reload, PageGets::Party(_), Some(picture)) =
            (self.blow, page, times["picture"].as_u64())
        {
            self.pictures.push(picture);
        }
    }

    /// The figures.
    fn tells(&mut self) {
        eprintln!("{:?}: the desk is back after {} ms", self.blow, spread(&mut self.desks));
        if !self.pictures.is_empty() {
            eprintln!(
                "{:?}: the picture is back after {} ms",
                self.blow,
                spread(&mut self.pictures)
            );
        }
    }
}

/// p50, and the most.
fn spread(values: &mut [u64]) -> String {
    values.sort_unstable();
    let most = values.last().copied().unwrap_or_default();
    format!("{} (p50), {most} (most), of {}", values[values.len() / 2], values.len())
}
