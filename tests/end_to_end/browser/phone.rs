//! A phone that is a page in a browser: ours (`phone.html`), or JsSIP as it comes (`jssip.html`).

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::pages::{Pages, Shared};
use super::{Browser, Kind, Page};
use crate::phone::{Host, Party};
use crate::picture::Colour;
use crate::place::Place;
use crate::switchboard::PASSWORD;
use crate::tone::Recording;
use crate::wait;

/// Starting and loading are over by then; what comes next is soon there, on a machine that is busy as well.
const PATIENCE: Duration = Duration::from_secs(15);

/// A page that is a phone, in a browser of its own.
pub struct BrowserPhone {
    pub party: Party,
    pub browser: Browser,
    pub page: Page,
    reports: Shared,
    /// Its page's settings.
    settings: Value,
    /// The picture before that was asked for.
    awaited: Option<u64>,
}

impl BrowserPhone {
    /// Registers this number at `url` (`ws://…` or `wss://…`). Other settings of `phone.js` stand in `more`.
    #[track_caller]
    pub fn start(
        kind: Kind,
        place: &Place,
        party: Party,
        number: &str,
        url: &str,
        more: &Value,
    ) -> BrowserPhone {
        let own = json!({ "url": url, "number": number, "password": PASSWORD });
        let mut phone = BrowserPhone::open(Host::Ours, kind, place, party, merged(own, more));
        let answer = phone.await_event("REGISTER_OK");
        assert_eq!(answer["status"], 200, "{} registers", party.name);
        phone
    }

    /// Opens the page with these settings and the party's tone and colour.
    #[track_caller]
    pub fn open(
        host: Host,
        kind: Kind,
        place: &Place,
        party: Party,
        settings: Value,
    ) -> BrowserPhone {
        let directory = place.directory(party.name);
        let (url, reports) = Pages::get().reader(party.name, &directory);
        let own = json!({ "reports": url, "domain": "cordboard.test", "tone": party.tone,
            "colour": party.colour.0 });
        let settings = merged(own, &settings);
        let mut browser = Browser::start_at(host, kind, place);
        let page = browser.open(&address(&settings));
        BrowserPhone { party, browser, page, reports, settings, awaited: None }
    }

    /// Opens the page anew, with these settings in place of what it had.
    #[track_caller]
    pub fn load(&mut self, more: &Value) {
        self.settings = merged(self.settings.take(), more);
        // Another fragment alone would be the same page.
        self.browser.go(&self.page, "about:blank#");
        self.browser.go(&self.page, &address(&self.settings));
    }

    /// Dials a number or an address.
    pub fn dial(&mut self, whom: &str) {
        self.does(&format!("phone.dial({whom:?})"));
    }

    /// Answers the call that rings.
    pub fn accept(&mut self) {
        self.does("phone.accept()");
    }

    pub fn hang_up(&mut self) {
        self.does("phone.hangUp()");
    }

    /// Presses keys during a call (RFC 4733 events).
    pub fn press(&mut self, keys: &str) {
        self.does(&format!("phone.press({keys:?})"));
    }

    /// What its connection says of streams, transports and pairs.
    #[track_caller]
    pub fn statistics(&mut self) -> Value {
        self.does("phone.statistics()")
    }

    /// What an expression in its page comes to.
    #[track_caller]
    pub fn does(&mut self, expression: &str) -> Value {
        self.browser.evaluate(&self.page, expression)
    }

    /// Waits for an event such as `CALL_RINGING`, `CALL_ESTABLISHED` or `CALL_CLOSED`; events before it
    /// are forgotten.
    #[track_caller]
    pub fn await_event(&mut self, kind: &str) -> Value {
        let mut others = Vec::new();
        let found = wait::within(PATIENCE, || {
            let mut reports = self.reports.lock().expect("no reader panicked");
            while let Some(event) = reports.events.pop_front() {
                if event["type"] == kind {
                    return Some(event);
                }
                others.push(event.to_string());
            }
            None
        });
        found.unwrap_or_else(|| {
            let (name, words) = (self.party.name, self.browser.last_words());
            panic!("{name} never reported {kind}, but {others:#?}\n{words}")
        })
    }

    /// The recording of what it hears, in a call and between calls.
    pub fn recording(&self) -> Option<Recording> {
        let path: PathBuf = self.reports.lock().expect("no reader panicked").recording.clone()?;
        Some(Recording::new(&path))
    }

    /// Has it look at the next picture that comes.
    pub fn aim(&mut self) {
        if self.awaited.is_none() {
            self.awaited = Some(self.reports.lock().expect("no reader panicked").seen.0);
        }
    }

    /// Looks at the next picture, if one comes within `limit`.
    pub fn look(&mut self, limit: Duration) -> Option<Colour> {
        self.aim();
        let before = self.awaited?;
        let colour = wait::within(limit, || {
            let (count, colour) = self.reports.lock().expect("no reader panicked").seen;
            colour.filter(|_| count > before)
        });
        if colour.is_some() {
            self.awaited = None;
        }
        colour
    }

    /// Forgets the pictures that have come.
    pub fn look_afresh(&mut self) {
        self.awaited = None;
    }
}

/// Its page, with its settings behind the `#`.
fn address(settings: &Value) -> String {
    let file = settings["page"].as_str().unwrap_or("phone.html");
    let escaped: String = settings.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("{}/{file}#{escaped}", Pages::get().origin())
}

fn merged(mut settings: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}
