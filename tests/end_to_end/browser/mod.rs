//! Browsers that nobody sees: Chromium by the DevTools protocol, Firefox by WebDriver BiDi, both over a WebSocket.
//!
//! ```text
//!   test ── evaluate, press, click, photograph ──▶ Browser ── JSON ──▶ chromium, firefox-esr
//!   test ◀── events, sound, colours ── Pages ◀── WebSocket, HTTP ── the page of this directory
//! ```
//!
//! A browser has pages; whatever it is told to do is done, or has failed, when the call returns.

pub mod pages;
pub mod phone;
mod wire;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::phone::Host;
use crate::place::Place;
use crate::program::Program;
use crate::wait;
use wire::Wire;

/// A browser starts in 1 to 4 s on a machine that is busy.
const START: Duration = Duration::from_secs(40);

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Chromium,
    Firefox,
}

pub const KINDS: [Kind; 2] = [Kind::Chromium, Kind::Firefox];

/// A running browser; it ends with the test.
pub struct Browser {
    kind: Kind,
    program: Program,
    wire: Wire,
    /// What takes its sound.
    _sound: Option<Program>,
}

/// A page of a browser: a tab. Chromium names it by a session, Firefox by a browsing context.
#[derive(Clone, Debug)]
pub struct Page(String);

impl Browser {
    /// Starts one without a screen, whose devices are the pages' own; certificates of nobody are taken.
    #[track_caller]
    pub fn start(kind: Kind, place: &Place) -> Browser {
        Browser::start_at(Host::Ours, kind, place)
    }

    /// As [`start`](Self::start), on that machine.
    #[track_caller]
    pub fn start_at(host: Host, kind: Kind, place: &Place) -> Browser {
        let directory = place.directory(match kind {
            Kind::Chromium => "chromium",
            Kind::Firefox => "firefox",
        });
        let mut command = match kind {
            Kind::Chromium => chromium(host, &directory),
            Kind::Firefox => firefox(host, &directory),
        };
        // Firefox's clock of sound is that of a device, and where there is none, it stands still.
        let sound = (kind == Kind::Firefox).then(|| sound(&directory));
        if sound.is_some() {
            command.env("PULSE_SERVER", format!("unix:{}", socket(&directory).display()));
        }
        // What it writes down of itself goes where the test's files go.
        command.env("HOME", &directory);
        let mut program = Program::start("the browser", &mut command, &directory.join("log"));
        let url = wait::within(START, || match program.ended() {
            Some(_) => Some(None),
            None => address(kind, &directory, &program).map(Some),
        });
        let Some(Some(url)) = url else {
            panic!("the browser does not start:\n{}", program.last_words())
        };
        let wire = Wire::open(host, &url);
        let mut browser = Browser { kind, program, wire, _sound: sound };
        if kind == Kind::Firefox {
            let trusting = json!({ "alwaysMatch": { "acceptInsecureCerts": true } });
            browser.tell("session.new", json!({ "capabilities": trusting }));
        }
        browser
    }

    /// A new page at this address, once it has been loaded.
    #[track_caller]
    pub fn open(&mut self, url: &str) -> Page {
        let page = match self.kind {
            Kind::Chromium => {
                let target = self.tell("Target.createTarget", json!({ "url": "about:blank" }));
                let attach = json!({ "targetId": target["targetId"], "flatten": true });
                text(&self.tell("Target.attachToTarget", attach)["sessionId"])
            }
            Kind::Firefox => {
                text(&self.tell("browsingContext.create", json!({ "type": "tab" }))["context"])
            }
        };
        let page = Page(page);
        self.go(&page, url);
        page
    }

    /// Has this script run before those of whatever the page loads next.
    #[track_caller]
    pub fn prepare(&mut self, page: &Page, script: &str) {
        match self.kind {
            Kind::Chromium => {
                self.ask(page, "Page.enable", json!({}));
                let source = json!({ "source": script });
                self.ask(page, "Page.addScriptToEvaluateOnNewDocument", source);
            }
            Kind::Firefox => {
                let how = json!({ "functionDeclaration": format!("() => {{ {script} }}"), "contexts": [page.0] });
                self.tell("script.addPreloadScript", how);
            }
        }
    }

    /// The size of the page's window, and whether it is a dark one; of Chromium.
    #[track_caller]
    pub fn resize(&mut self, page: &Page, (width, height): (u32, u32), is_dark: bool) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask(page, "Emulation.setDeviceMetricsOverride", size);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask(page, "Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Has the page go to another address.
    #[track_caller]
    pub fn go(&mut self, page: &Page, url: &str) {
        match self.kind {
            Kind::Chromium => {
                self.ask(page, "Page.navigate", json!({ "url": url }));
                self.await_loaded(page);
            }
            Kind::Firefox => {
                let to = json!({ "url": url, "wait": "complete" });
                self.ask(page, "browsingContext.navigate", to);
            }
        }
    }

    /// F5.
    #[track_caller]
    pub fn reload(&mut self, page: &Page) {
        match self.kind {
            Kind::Chromium => {
                self.evaluate(page, "window.isOld = true");
                self.ask(page, "Page.reload", json!({}));
                self.await_loaded(page);
            }
            Kind::Firefox => {
                self.ask(page, "browsingContext.reload", json!({ "wait": "complete" }));
            }
        }
    }

    /// The tab is closed.
    #[track_caller]
    pub fn close(&mut self, page: &Page) {
        match self.kind {
            Kind::Chromium => self.ask(page, "Page.close", json!({})),
            Kind::Firefox => self.ask(page, "browsingContext.close", json!({})),
        };
    }

    /// What this expression comes to, awaited where it is a promise, as JSON.
    #[track_caller]
    pub fn evaluate(&mut self, page: &Page, expression: &str) -> Value {
        self.try_evaluate(page, expression)
            .unwrap_or_else(|fault| panic!("{expression}: {fault}\n{}", self.program.last_words()))
    }

    /// As [`evaluate`](Self::evaluate), or what the page threw.
    pub fn try_evaluate(&mut self, page: &Page, expression: &str) -> Result<Value, String> {
        let expression = format!("(async () => JSON.stringify(await ({expression}) ?? null))()");
        let answer = match self.kind {
            Kind::Chromium => {
                let how =
                    json!({ "expression": expression, "awaitPromise": true, "userGesture": true });
                self.wire.command("Runtime.evaluate", how, Some(&page.0))?
            }
            Kind::Firefox => {
                let how = json!({ "expression": expression, "awaitPromise": true, "userActivation": true,
                    "target": { "context": page.0 } });
                self.wire.command("script.evaluate", how, None)?
            }
        };
        let said = answer["result"]["value"].as_str();
        let said = said.ok_or_else(|| answer["exceptionDetails"].to_string())?;
        serde_json::from_str(said).map_err(|fault| fault.to_string())
    }

    /// Waits until this expression is true.
    #[track_caller]
    pub fn await_true(&mut self, page: &Page, expression: &str, limit: Duration) {
        let found = wait::within(limit, || {
            let is_so = self.try_evaluate(page, &format!("Boolean({expression})"));
            (is_so == Ok(Value::Bool(true))).then_some(())
        });
        assert!(
            found.is_some(),
            "{limit:?} in vain for {expression}\n{}",
            self.program.last_words()
        );
    }

    /// Types this, each letter a key; `\n` is Enter, `\u{1b}` Escape, `\t` Tab.
    #[track_caller]
    pub fn press(&mut self, page: &Page, keys: &str) {
        for key in keys.chars() {
            match self.kind {
                Kind::Chromium => {
                    let (name, text) = match key {
                        '\n' => ("Enter".to_owned(), "\r".to_owned()),
                        '\t' => ("Tab".to_owned(), String::new()),
                        '\u{1b}' => ("Escape".to_owned(), String::new()),
                        key => (key.to_string(), key.to_string()),
                    };
                    let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
                    let code = i64::from(u32::from(key.to_ascii_uppercase()));
                    // The codes of other signs are those of other keys: that of a full stop is Delete.
                    let code = match key {
                        '\n' => 13,
                        '\t' => 9,
                        '\u{1b}' => 27,
                        key if key.is_ascii_alphanumeric() => code,
                        _ => 0,
                    };
                    for kind in [kind, "keyUp"] {
                        let event = json!({ "type": kind, "key": name, "text": text, "windowsVirtualKeyCode": code });
                        self.ask(page, "Input.dispatchKeyEvent", event);
                    }
                }
                Kind::Firefox => {
                    let value = match key {
                        '\n' => '\u{e007}',
                        '\t' => '\u{e004}',
                        '\u{1b}' => '\u{e00c}',
                        key => key,
                    };
                    let actions = json!([{ "type": "keyDown", "value": value }, { "type": "keyUp", "value": value }]);
                    self.act(page, "key", &actions);
                }
            }
        }
    }

    /// Clicks into the middle of what this selector finds.
    #[track_caller]
    pub fn click(&mut self, page: &Page, selector: &str) {
        let middle = format!(
            "(box => [box.x + box.width / 2, box.y + box.height / 2].map(Math.round))\
             (document.querySelector({selector:?}).getBoundingClientRect())"
        );
        let middle = self.evaluate(page, &middle);
        let (x, y) = (&middle[0], &middle[1]);
        match self.kind {
            Kind::Chromium => {
                for kind in ["mousePressed", "mouseReleased"] {
                    let event =
                        json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
                    self.ask(page, "Input.dispatchMouseEvent", event);
                }
            }
            Kind::Firefox => {
                let actions = json!([{ "type": "pointerMove", "x": x, "y": y },
                    { "type": "pointerDown", "button": 0 }, { "type": "pointerUp", "button": 0 }]);
                self.act(page, "pointer", &actions);
            }
        }
    }

    /// What the page looks like, as a PNG file.
    #[track_caller]
    pub fn photograph(&mut self, page: &Page, path: &Path) {
        let picture = match self.kind {
            Kind::Chromium => self.ask(page, "Page.captureScreenshot", json!({ "format": "png" })),
            Kind::Firefox => self.ask(page, "browsingContext.captureScreenshot", json!({})),
        };
        let picture = BASE64.decode(text(&picture["data"])).expect("it is a picture");
        fs::write(path, picture).expect("the test's directory is writable");
    }

    /// What it has complained of, for the message of a failed test.
    pub fn last_words(&self) -> String {
        self.program.last_words()
    }

    #[track_caller]
    fn act(&mut self, page: &Page, device: &str, actions: &Value) {
        let source = json!([{ "type": device, "id": device, "actions": actions }]);
        self.ask(page, "input.performActions", json!({ "actions": source }));
    }

    #[track_caller]
    fn await_loaded(&mut self, page: &Page) {
        let loaded = "document.readyState === 'complete' && location.href !== 'about:blank' && !window.isOld";
        self.await_true(page, loaded, START);
    }

    /// A command to a page.
    #[track_caller]
    fn ask(&mut self, page: &Page, method: &str, mut parameters: Value) -> Value {
        let answer = match self.kind {
            Kind::Chromium => self.wire.command(method, parameters, Some(&page.0)),
            Kind::Firefox => {
                parameters["context"] = page.0.clone().into();
                self.wire.command(method, parameters, None)
            }
        };
        answer.unwrap_or_else(|fault| panic!("{method}: {fault}\n{}", self.program.last_words()))
    }

    /// A command to the browser.
    #[track_caller]
    fn tell(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.wire.command(method, parameters, None);
        answer.unwrap_or_else(|fault| panic!("{method}: {fault}\n{}", self.program.last_words()))
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("the browser says so").to_owned()
}

fn chromium(host: Host, directory: &Path) -> Command {
    let mut command = host.command("chromium");
    command.args([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        "--disable-dev-shm-usage",
        "--disable-renderer-backgrounding",
        "--disable-background-timer-throttling",
        "--disable-backgrounding-occluded-windows",
        "--disable-audio-output",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
        "--allow-loopback-in-peer-connection",
        "--ignore-certificate-errors",
        "--enable-logging=stderr",
        "--remote-debugging-port=0",
    ]);
    command.arg(format!("--user-data-dir={}", directory.join("profile").display()));
    command.arg("about:blank");
    command
}

fn firefox(host: Host, directory: &Path) -> Command {
    let profile = directory.join("profile");
    fs::create_dir_all(&profile).expect("the test's directory is writable");
    let settings = [
        ("media.navigator.streams.fake", "true"),
        // It shows its address on the loopback only to who may use its devices.
        ("permissions.default.microphone", "1"),
        ("permissions.default.camera", "1"),
        ("media.navigator.permission.disabled", "true"),
        ("media.autoplay.default", "0"),
        ("media.autoplay.blocking_policy", "0"),
        // The switchboard of the tests is on this machine.
        ("media.peerconnection.ice.loopback", "true"),
        // Another process for plug-ins and updates: nothing of that.
        ("media.gmp-manager.updateEnabled", "false"),
        ("app.update.enabled", "false"),
        ("browser.shell.checkDefaultBrowser", "false"),
        ("browser.startup.page", "0"),
        ("datareporting.policy.dataSubmissionEnabled", "false"),
        ("toolkit.telemetry.enabled", "false"),
        ("network.captive-portal-service.enabled", "false"),
        ("network.connectivity-service.enabled", "false"),
        ("devtools.console.stdout.content", "true"),
        ("dom.min_background_timeout_value", "10"),
        ("remote.prefs.recommended", "true"),
    ];
    let mut text = String::new();
    for (name, value) in settings {
        let _ = writeln!(text, "user_pref(\"{name}\", {value});");
    }
    fs::write(profile.join("user.js"), text).expect("the test's directory is writable");
    let mut command = host.command("firefox-esr");
    command.args(["--headless", "--no-remote", "--remote-debugging-port=0", "--profile"]);
    command.arg(profile);
    command
}

/// A device of sound that leads nowhere.
fn sound(directory: &Path) -> Program {
    let socket = socket(directory);
    let door = format!(
        "module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket={}",
        socket.display()
    );
    let mut command = Command::new("pulseaudio");
    command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]);
    command.args(["--disable-shm=yes", "--log-target=stderr", "-L", "module-null-sink rate=48000"]);
    command.args(["-L", &door]).env("HOME", directory).env("XDG_RUNTIME_DIR", directory);
    let program = Program::start("pulseaudio", &mut command, &directory.join("sound.log"));
    wait::until("a device of sound", START, || socket.exists().then_some(()));
    program
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("sound")
}

/// Where it is driven from, once it says so.
fn address(kind: Kind, directory: &Path, program: &Program) -> Option<String> {
    match kind {
        Kind::Chromium => {
            let file: PathBuf = directory.join("profile/DevToolsActivePort");
            let file = fs::read_to_string(file).ok()?;
            let (port, path) = file.split_once('\n')?;
            path.starts_with('/').then(|| format!("ws://127.0.0.1:{port}{path}"))
        }
        Kind::Firefox => {
            let log = program.log();
            let said = log.split_once("WebDriver BiDi listening on ")?.1;
            let (url, _) = said.split_once('\n')?;
            Some(format!("{url}/session"))
        }
    }
}
