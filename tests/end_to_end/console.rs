//! The desk page in Chromium and Firefox: an operator's whole call by the keyboard, with real phones as caller and user. What the page
//! plays and shows is judged by tone and colour, and at the same time it has to say the same in words.

mod figures;
mod modules;
mod walks;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Browser, Kind, Page};
use crate::phone::{Account, Answer, CALLER, OPERATOR, PLAIN, Party, Phone, USER};
use crate::picture::Colour;
use crate::switchboard::{PASSWORD, Switchboard};
use crate::wait;
use crate::witness::{Gets, judge, mark};

/// What comes by signalling alone is on the page within this time, on a machine that is busy.
const SOON: Duration = Duration::from_secs(15);
/// Sound and picture are there within this time.
const SETTLE: Duration = Duration::from_secs(15);
/// So long a player may drop what it should play.
const GAP: Duration = Duration::from_secs(2);
/// A tone that is nearer is the same.
const HERTZ: f64 = 20.0;
/// What is louder, in dB, is a tone.
const LOUD: f64 = -60.0;

const PROBE: &str = include_str!("browser/probe.js");
const AXE: &str = include_str!("browser/axe.js");

/// A desk page in a browser of its own.
struct DeskPage {
    browser: Browser,
    page: Page,
    kind: Kind,
    /// Pictures are kept under this name.
    name: String,
}

/// How the page is looked at.
struct Look {
    name: &'static str,
    language: &'static str,
    is_dark: bool,
    window: (u32, u32),
}

const ENGLISH: Look = Look { name: "english", language: "en", is_dark: false, window: (1366, 768) };
const GERMAN: Look = Look { name: "german", language: "de", is_dark: true, window: (1366, 768) };
const CHINESE: Look =
    Look { name: "chinese", language: "zh", is_dark: false, window: (1920, 1080) };
/// Of the tests that are about something else.
const ANY: Look = Look { name: "other", language: "en", is_dark: false, window: (1366, 768) };
/// As long as names may be, and with few places to break it.
const LONG_NAME: &str = "Maximiliane-Mustermann-Oberhuber-Sonnenfels";
const LONG_GUEST: &str = "Maximiliane-Mustermann";
/// 1280 points at 200 %.
const NARROW: Look = Look { name: "narrow", language: "en", is_dark: false, window: (640, 400) };

/// From a small telephone to 1280 points at 200 %, in CSS points.
const NARROWEST: [u32; 3] = [320, 400, 640];

impl DeskPage {
    /// The page in a browser of its own, as it is before anybody has logged in.
    #[track_caller]
    fn open(board: &Switchboard, look: &Look) -> DeskPage {
        DeskPage::open_in(Kind::Chromium, board, look)
    }

    /// As [`open`](Self::open), in that browser.
    #[track_caller]
    fn open_in(kind: Kind, board: &Switchboard, look: &Look) -> DeskPage {
        DeskPage::open_at(kind, board, look, pages_of(board))
    }

    /// As [`open_in`](Self::open_in), with the pages at that address.
    #[track_caller]
    fn open_at(kind: Kind, board: &Switchboard, look: &Look, pages: SocketAddr) -> DeskPage {
        let mut browser = Browser::start(kind, &board.place);
        let page = browser.open("data:,");
        let mut desk = DeskPage { browser, page, kind, name: look.name.to_owned() };
        desk.load(pages, look);
        desk
    }

    /// Another tab of the same browser.
    #[track_caller]
    fn another(&mut self, board: &Switchboard, look: &Look) -> Page {
        let page = self.browser.open("data:,");
        let before = std::mem::replace(&mut self.page, page);
        self.load(pages_of(board), look);
        before
    }

    fn load(&mut self, pages: SocketAddr, look: &Look) {
        let settings = json!({ "tone": OPERATOR.tone, "colour": OPERATOR.colour.0 });
        let language = format!(
            "try {{ localStorage.setItem('cordboard.language', '{:?}') }} catch {{}}",
            look.language
        );
        let script = format!("{language}\n{}", PROBE.replace("SETTINGS", &settings.to_string()));
        if self.kind == Kind::Chromium {
            self.browser.resize(&self.page, look.window, look.is_dark);
        }
        self.browser.prepare(&self.page, &script);
        self.browser.go(&self.page, &format!("http://{pages}/"));
    }

    /// Logs in by the keyboard.
    #[track_caller]
    fn log_in(&mut self) {
        self.await_true("document.querySelector('input[name=operator]')");
        self.photograph("1-login");
        self.is_accessible("login");
        self.press("\t");
        self.press("op1");
        self.press("\t");
        self.press(&format!("{PASSWORD}\n"));
        self.await_true("document.querySelector('.start button.main')");
        self.await_true("document.querySelector('.preview video')?.videoWidth > 0");
        self.photograph("2-prepare");
        self.is_accessible("prepare");
    }

    /// Starts work by the keyboard: the button is found by Tab.
    #[track_caller]
    fn start_work(&mut self) {
        for _ in 0..20 {
            if self.evaluate("document.activeElement.matches('.start button.main')") == json!(true)
            {
                break;
            }
            self.press("\t");
        }
        self.press("\n");
        self.await_true("document.querySelector('.own.free')");
    }

    #[track_caller]
    fn press(&mut self, keys: &str) {
        self.browser.press(&self.page, keys);
    }

    #[track_caller]
    fn evaluate(&mut self, expression: &str) -> Value {
        self.browser.evaluate(&self.page, expression)
    }

    #[track_caller]
    fn await_true(&mut self, expression: &str) {
        self.browser.await_true(&self.page, expression, SOON);
    }

    /// The text of what this selector finds.
    #[track_caller]
    fn text(&mut self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({selector:?})?.innerText"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the sentence about who hears and sees the operator has this in it.
    #[track_caller]
    fn says(&mut self, words: &str) {
        let expression =
            format!("document.querySelector('.sentence')?.innerText.includes({words:?})");
        let is_said = wait::within(SOON, || {
            let said = self.browser.try_evaluate(&self.page, &expression);
            (said == Ok(json!(true))).then_some(())
        });
        assert!(is_said.is_some(), "not {words:?} but {:?}", self.text("body"));
    }

    /// The colour of the frame around the own picture, in a word.
    #[track_caller]
    fn frame(&mut self, selector: &str) -> String {
        let word = format!(
            "['both', 'part', 'none'].find(word => document.querySelector({selector:?})?.classList.contains(word)) ?? ''"
        );
        self.evaluate(&word).as_str().unwrap_or_default().to_owned()
    }

    /// Judges what the page plays and shows: this party's tone and colour, and keeps so.
    #[track_caller]
    fn gets(&mut self, phase: &str, party: Party) {
        let mut last = (Value::Null, Value::Null);
        // What a player that this machine keeps waiting drops comes again at once.
        for patience in [SETTLE, GAP, GAP, GAP] {
            let found = wait::within(patience, || {
                last = (self.evaluate("probe.hears(300)"), self.evaluate("probe.sees()"));
                let others =
                    [CALLER, USER, OPERATOR].into_iter().filter(|one| one.name != party.name);
                let stray = others.into_iter().find(|other| is_of(&last, *other));
                assert!(
                    patience == SETTLE || stray.is_none(),
                    "{phase}: the page gets another: {last:?}"
                );
                is_of(&last, party).then_some(())
            });
            assert!(
                found.is_some(),
                "{phase}: the page gets not the {}: {last:?}\n{}",
                party.name,
                self.browser.last_words()
            );
        }
    }

    /// The first who waits is seen in the list.
    #[track_caller]
    fn sees_who_waits(&mut self, party: Party) {
        self.await_true("document.querySelector('.still img[alt]')?.naturalWidth === 160");
        let middle = self.evaluate(
            "(() => { const context = new OffscreenCanvas(1, 1).getContext('2d');\
             context.drawImage(document.querySelector('.still img'), 80, 60, 1, 1, 0, 0, 1, 1);\
             return [...context.getImageData(0, 0, 1, 1).data]; })()",
        );
        assert!(is_colour(&middle, party), "who waits looks like {middle}");
    }

    /// Both parties are well: the operator may leave them.
    #[track_caller]
    fn may_release(&mut self) {
        self.await_true(
            "document.querySelector('button[data-verb=release]')?.getAttribute('aria-disabled') === 'false'",
        );
    }

    /// Judges that the page plays nobody's tone.
    #[track_caller]
    fn hears_nobody(&mut self, phase: &str) {
        let mut last = Value::Null;
        let parties = [CALLER, USER, OPERATOR];
        let is_nobody = |heard: &Value| {
            heard["loudness"].as_f64().is_some_and(|loudness| loudness < LOUD)
                || !parties.iter().any(|party| is_tone(heard, *party))
        };
        let found = wait::within(SETTLE, || {
            last = self.evaluate("probe.hears(300)");
            is_nobody(&last).then_some(())
        });
        assert!(found.is_some(), "{phase}: the page hears somebody: {last}");
        for _ in 0..3 {
            let now = self.evaluate("probe.hears(300)");
            assert!(is_nobody(&now), "{phase}: the page hears somebody again: {now}");
        }
    }

    /// Judges that the page plays something: a ring-back sounds for a second of five.
    #[track_caller]
    fn hears_something(&mut self, phase: &str) {
        let found = wait::within(SETTLE, || {
            let heard = self.evaluate("probe.hears(300)");
            heard["loudness"].as_f64().is_some_and(|loudness| loudness > LOUD).then_some(())
        });
        assert!(found.is_some(), "{phase}: the page plays nothing");
    }

    /// Keeps what the page looks like, in `target/screenshots`.
    #[track_caller]
    fn photograph(&mut self, phase: &str) {
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        fs::create_dir_all(&directory).expect("the target's directory is writable");
        let path = directory.join(format!("{}-{phase}.png", self.name));
        self.browser.photograph(&self.page, &path);
    }

    /// In narrow windows nothing stands beyond the edge, where the look is of one; what they look like is kept.
    #[track_caller]
    fn fits_narrow_windows(&mut self, look: &Look, phase: &str) {
        if look.name != NARROW.name {
            return;
        }
        for width in NARROWEST {
            self.browser.resize(&self.page, (width, look.window.1), look.is_dark);
            let beyond = self.evaluate(
                "new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(() => resolve(\
                 document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]\
                 .filter(one => one.getBoundingClientRect().right > innerWidth).map(one => one.outerHTML.slice(0, 200))))))",
            );
            assert_eq!(beyond, json!([]), "{phase}, {width} points");
            self.photograph(&format!("{phase}-{width}"));
        }
        self.browser.resize(&self.page, look.window, look.is_dark);
    }

    /// axe-core finds nothing that is serious.
    #[track_caller]
    fn is_accessible(&mut self, phase: &str) {
        self.evaluate(&format!("(() => {{ if (!window.axe) {{ {AXE} }} return true }})()"));
        let found = self.evaluate(
            "axe.run().then(({ violations }) => violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))\
             .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' ')))",
        );
        assert_eq!(found, json!([]), "{phase}");
    }
}

/// Where its pages are.
fn pages_of(board: &Switchboard) -> SocketAddr {
    SocketAddr::new(board.place.switchboard().ip(), 8080)
}

fn is_tone(heard: &Value, party: Party) -> bool {
    heard["hertz"].as_f64().is_some_and(|hertz| (hertz - party.tone).abs() < HERTZ)
}

fn is_colour(seen: &Value, party: Party) -> bool {
    let channel = |n: usize| seen[n].as_u64().and_then(|value| u8::try_from(value).ok());
    let colour = (channel(0), channel(1), channel(2));
    let (Some(red), Some(green), Some(blue)) = colour else { return false };
    Colour([red, green, blue]).looks_like(party.colour)
}

fn is_of((heard, seen): &(Value, Value), party: Party) -> bool {
    let is_loud = heard["loudness"].as_f64().is_some_and(|loudness| loudness > LOUD);
    is_loud && is_tone(heard, party) && is_colour(seen, party)
}

fn caller(board: &Switchboard) -> Phone {
    let mut caller = guest(board, CALLER, "guest");
    dial(&mut caller);
    caller
}

/// A phone of nobody whom the house knows.
fn guest(board: &Switchboard, party: Party, name: &str) -> Phone {
    let guest = Account::Guest { name };
    let proxy = board.place.switchboard();
    Phone::start(&board.place, party, PLAIN, Answer::WhenTold, &guest, proxy)
}

/// Calls the operators, and waits.
#[track_caller]
fn dial(caller: &mut Phone) {
    caller.dial("sip:9000@cordboard.test");
    caller.await_event("CALL_ESTABLISHED");
}

fn user(board: &Switchboard) -> Phone {
    let account = Account::Terminal { number: "3002", password: PASSWORD };
    let proxy = board.place.switchboard();
    Phone::start(&board.place, USER, PLAIN, Answer::WhenTold, &account, proxy)
}

/// The whole call by keys alone; what is heard and seen, and what the page says of it.
fn whole_call(look: &Look, words: &Words) {
    let board = Switchboard::open_with("[queue.main]\npreview = true\n");
    let is_narrow = look.name == NARROW.name;
    if is_narrow {
        board.cli(&format!("terminal set 3002 --name {LONG_NAME}"));
    }
    let mut user = user(&board);
    let mut desk = DeskPage::open(&board, look);
    desk.log_in();
    desk.start_work();
    desk.says(words.nobody);
    desk.photograph("3-free");
    let mut caller = guest(&board, CALLER, if is_narrow { LONG_GUEST } else { "guest" });
    dial(&mut caller);
    desk.await_true("document.querySelector('.scroller li.offered')");
    desk.await_true("document.title.startsWith('(!)')");
    desk.sees_who_waits(CALLER);
    desk.photograph("4-offer");
    desk.fits_narrow_windows(look, "4-offer");
    desk.is_accessible("offer");

    desk.press("1");
    desk.says(words.caller);
    desk.gets("with the caller", CALLER);
    assert_eq!(desk.frame(".frame.me"), "both");
    let start = mark(&mut [&mut caller]);
    judge("with the caller", &start, &mut [&mut caller], &[Gets::Party(OPERATOR)]);
    desk.photograph("5-with-caller");
    desk.fits_narrow_windows(look, "5-with-caller");
    desk.is_accessible("with the caller");

    desk.press("c");
    desk.press(words.search);
    desk.await_true("document.querySelector('.entry.chosen')?.innerText.includes('3002')");
    desk.photograph("6-search");
    desk.press("\n");
    user.await_event("CALL_INCOMING");
    desk.says(words.nobody);
    desk.photograph("7-consulting");
    desk.fits_narrow_windows(look, "7-consulting");
    user.accept();
    desk.says(words.user);
    desk.gets("talking to the user", USER);
    let start = mark(&mut [&mut caller, &mut user]);
    judge(
        "talking to the user",
        &start,
        &mut [&mut caller, &mut user],
        &[Gets::Hold, Gets::Party(OPERATOR)],
    );
    desk.photograph("8-talking");
    desk.fits_narrow_windows(look, "8-talking");

    desk.press("a");
    desk.says(words.caller);
    desk.gets("alternated", CALLER);
    desk.photograph("9-alternated");

    desk.press("k");
    desk.says(words.nobody);
    desk.hears_nobody("connected");
    let start = mark(&mut [&mut caller, &mut user]);
    judge(
        "connected",
        &start,
        &mut [&mut caller, &mut user],
        &[Gets::Party(USER), Gets::Party(CALLER)],
    );
    desk.may_release();
    desk.photograph("10-connected");
    desk.is_accessible("connected");

    desk.press("r");
    desk.await_true("document.querySelector('.own.free')");
    desk.photograph("11-released");
    let start = mark(&mut [&mut caller, &mut user]);
    judge(
        "handed over",
        &start,
        &mut [&mut caller, &mut user],
        &[Gets::Party(USER), Gets::Party(CALLER)],
    );
    caller.hang_up();
    user.await_event("CALL_CLOSED");
    desk.press("?");
    desk.await_true("document.querySelector('dialog[open] .keys')");
    desk.photograph("12-keys");
    desk.is_accessible("keys");
    desk.press("?");
    desk.press("q");
    desk.await_true("document.querySelector('dialog[open] .grave')");
    desk.press("y");
    desk.await_true("document.querySelector('input[name=operator]')");
    let rows = board.cli("operators");
    assert!(rows.contains("op1"), "{rows}");
}

/// What the page says in a language.
struct Words {
    /// What the user is searched by.
    search: &'static str,
    nobody: &'static str,
    caller: &'static str,
    user: &'static str,
}

const IN_ENGLISH: Words = Words {
    search: "use",
    nobody: "Nobody hears or sees you",
    caller: "guest@elsewhere.example hears and sees you",
    user: "User hears and sees you",
};

#[test]
fn the_whole_operator_call_by_keys() {
    whole_call(&ENGLISH, &IN_ENGLISH);
}

#[test]
fn the_whole_operator_call_at_twice_the_size() {
    let words = Words {
        search: "maximiliane",
        caller: "Maximiliane-Mustermann@elsewhere.example hears and sees you",
        user: "Maximiliane-Mustermann-Oberhuber-Sonnenfels hears and sees you",
        ..IN_ENGLISH
    };
    whole_call(&NARROW, &words);
}

#[test]
fn the_whole_operator_call_in_german() {
    let words = Words {
        search: "use",
        nobody: "Niemand hört oder sieht Sie",
        caller: "guest@elsewhere.example hört und sieht Sie",
        user: "User hört und sieht Sie",
    };
    whole_call(&GERMAN, &words);
}

#[test]
fn the_whole_operator_call_in_chinese() {
    let words = Words {
        search: "use",
        nobody: "没有人能听到或看到您",
        caller: "guest@elsewhere.example 能听到并看到您",
        user: "User 能听到并看到您",
    };
    whole_call(&CHINESE, &words);
}

#[test]
fn f5_loses_no_call() {
    let board = Switchboard::open();
    let mut desk = DeskPage::open(&board, &ANY);
    desk.log_in();
    desk.start_work();
    let _caller = caller(&board);
    desk.await_true("document.querySelector('.scroller li.offered')");
    desk.press("t");
    desk.gets("before", CALLER);
    desk.browser.reload(&desk.page);
    desk.await_true("document.querySelector('.situation')");
    desk.gets("after", CALLER);
    desk.says("guest@elsewhere.example hears and sees you");
    desk.photograph("f5");
}

#[test]
fn a_desk_that_is_evicted_says_so_and_stays_away() {
    let board = Switchboard::open();
    let mut desk = DeskPage::open(&board, &ANY);
    desk.log_in();
    desk.start_work();
    let old = desk.another(&board, &ANY);
    // It is the same browser: whoever is logged in need not do so again.
    desk.await_true("document.querySelector('.start button.main')");
    desk.start_work();
    let is_evicted = "document.querySelector('h1')?.innerText.includes('has taken over')";
    desk.browser.await_true(&old, is_evicted, SOON);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(desk.browser.evaluate(&old, is_evicted), json!(true));
    assert_eq!(desk.text(".own .word"), "Free");
    let new = std::mem::replace(&mut desk.page, old);
    desk.photograph("evicted");
    desk.page = new;
    let _caller = caller(&board);
    desk.await_true("document.querySelector('.scroller li.offered')");
}

#[test]
fn a_wrong_password_is_told_and_the_page_stays() {
    let board = Switchboard::open();
    let mut desk = DeskPage::open(&board, &ANY);
    desk.await_true("document.querySelector('input[name=operator]')");
    desk.press("\t");
    desk.press("op1\twrong\n");
    desk.await_true("document.querySelector('.trouble')?.innerText.includes('wrong')");
    desk.photograph("wrong-password");
    desk.is_accessible("wrong password");
}

/// The operator's phone is one of its own: the page has no pictures, and says the same.
#[test]
fn a_page_beside_a_desk_phone() {
    let board = Switchboard::open();
    let account = Account::Terminal { number: "3001", password: PASSWORD };
    let proxy = board.place.switchboard();
    let mut phone = Phone::start(&board.place, OPERATOR, PLAIN, Answer::AtOnce, &account, proxy);
    let mut user = user(&board);
    let mut desk = DeskPage::open(&board, &ANY);
    desk.log_in();
    desk.browser.click(&desk.page, "input[value=desk]");
    desk.start_work();
    let mut caller = caller(&board);
    desk.await_true("document.querySelector('.scroller li.offered')");
    desk.press("1");
    desk.says("guest@elsewhere.example hears and sees you");
    let mut both = [&mut caller, &mut phone];
    let start = mark(&mut both);
    judge("with the caller", &start, &mut both, &[Gets::Party(OPERATOR), Gets::Party(CALLER)]);
    assert_eq!(desk.evaluate("document.querySelector('video')"), Value::Null);
    desk.photograph("desk-phone");
    desk.press("h");
    desk.await_true("document.querySelector('dialog[open]')");
    desk.press("n");
    desk.says("guest@elsewhere.example hears and sees you");
    desk.press("hy");
    desk.await_true("document.querySelector('.own.free')");
    phone.await_event("CALL_CLOSED");
    // A call of its own, which no desk has to do with: the same question, and the same answer.
    phone.dial("3002");
    user.await_event("CALL_INCOMING");
    user.accept();
    desk.says("User hears and sees you");
    assert_eq!(desk.text("#call-title"), "User 3002");
    desk.photograph("desk-phone-direct");
    phone.hang_up();
    desk.await_true("document.querySelector('.sentence').innerText === ''");
}

/// What an operator keeps is there again after F5, and for whoever takes the same caller's next call.
#[test]
fn favourites_and_notes_are_kept() {
    let board = Switchboard::open();
    let mut user = user(&board);
    let mut desk = DeskPage::open(&board, &ANY);
    desk.log_in();
    desk.start_work();
    desk.press("/");
    desk.press("user");
    desk.await_true("document.querySelector('.entry.chosen')?.innerText.includes('free')");
    desk.browser.click(&desk.page, ".entry .star");
    desk.await_true(
        "document.querySelector('.entry .star').getAttribute('aria-pressed') === 'true'",
    );
    desk.browser.reload(&desk.page);
    desk.await_true("document.querySelector('.own.free')");
    desk.await_true("/User\\s+3002\\s+free/.test(document.querySelector('.entry')?.innerText)");
    // One of them calls the operator's own phone: who hears and sees is told of that call, too.
    user.dial("3001");
    desk.await_true("document.querySelector('.ringing button.main')");
    desk.browser.click(&desk.page, ".ringing button.main");
    desk.says("User hears and sees you");
    assert_eq!(
        (desk.frame(".frame.me"), desk.frame(".frame.them")),
        ("both".into(), "both".into())
    );
    desk.photograph("direct");
    user.hang_up();
    desk.says("Nobody hears or sees you");
    let _caller = caller(&board);
    desk.await_true("document.querySelector('.scroller li.offered')");
    desk.press("1");
    desk.await_true("document.querySelector('.notes form input')");
    desk.browser.click(&desk.page, ".notes form input");
    // No letter of it is a command.
    desk.press("Has a cat, hears badly.\n");
    desk.await_true(
        "document.querySelector('.notes li p')?.innerText === 'Has a cat, hears badly.'",
    );
    assert_eq!(desk.text("dialog"), "");
    desk.browser.reload(&desk.page);
    desk.await_true(
        "document.querySelector('.notes li p')?.innerText === 'Has a cat, hears badly.'",
    );
    desk.photograph("notes");
}

/// The connection for signalling is cut by a restart of the switchboard, which dies in the middle of the call.
#[test]
fn a_crash_of_the_switchboard_loses_no_call() {
    let mut board = Switchboard::open();
    let mut desk = DeskPage::open(&board, &ANY);
    desk.log_in();
    desk.start_work();
    let _caller = caller(&board);
    desk.await_true("document.querySelector('.scroller li.offered')");
    desk.press("1");
    desk.gets("before", CALLER);
    board.crash();
    desk.await_true("document.querySelector('.own.noSwitchboard')");
    assert_eq!(desk.text(".sentence"), "", "nobody knows now who hears and sees whom");
    desk.photograph("no-switchboard");
    board.start_again();
    desk.await_true("document.querySelector('.own.busy')");
    desk.says("guest@elsewhere.example hears and sees you");
    desk.gets("after", CALLER);
}

/// The operator's own phone is a page of Firefox.
#[test]
fn firefox_is_a_desk_with_a_phone_too() {
    let board = Switchboard::open();
    let look = Look { name: "firefox", ..ANY };
    let mut user = user(&board);
    let mut desk = DeskPage::open_in(Kind::Firefox, &board, &look);
    desk.log_in();
    desk.start_work();
    desk.says("Nobody hears or sees you");
    let mut caller = caller(&board);
    desk.await_true("document.querySelector('.scroller li.offered')");
    desk.photograph("offer");
    // It is left to the others, and may be taken all the same.
    desk.press("n");
    desk.await_true("!document.querySelector('.scroller li.offered')");
    desk.press("1");
    desk.says("guest@elsewhere.example hears and sees you");
    desk.gets("with the caller", CALLER);
    let start = mark(&mut [&mut caller]);
    judge("with the caller", &start, &mut [&mut caller], &[Gets::Party(OPERATOR)]);
    desk.photograph("with-caller");
    desk.press("c3002\n");
    user.await_event("CALL_INCOMING");
    user.accept();
    desk.says("User hears and sees you");
    desk.gets("talking to the user", USER);
    let mut both = [&mut caller, &mut user];
    let start = mark(&mut both);
    judge("talking to the user", &start, &mut both, &[Gets::Hold, Gets::Party(OPERATOR)]);
    desk.photograph("talking");
    desk.press("k");
    desk.says("Nobody hears or sees you");
    desk.hears_nobody("connected");
    desk.may_release();
    desk.press("r");
    desk.await_true("document.querySelector('.own.free')");
    let start = mark(&mut both);
    judge("handed over", &start, &mut both, &[Gets::Party(USER), Gets::Party(CALLER)]);
}
