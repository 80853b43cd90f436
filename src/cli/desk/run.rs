//! The desk at work: orders to the switchboard, events to the operator, and a new call when the
//! connection is lost.

use super::input::{DeskOrder, KeyInput, LineReader, help};
use super::link::{Link, LinkEvent};
use super::screen::TerminalScreen;
use super::view::DeskView;
use crate::cli::password::{ask, read_line};
use crate::cli::site::Site;
use crate::cli::table::print;
use crate::config::Config;
use crate::server::clock::Clock;
use crate::sip::Transport;
use crate::text::harmless;
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{IsTerminal as _, Read as _, stdin, stdout};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep};

/// Between two calls of a lost switchboard; a lease is 30 s.
const REDIAL: Duration = Duration::from_secs(1);
const REDIAL_MAX: Duration = Duration::from_secs(8);
/// Orders that were typed ahead.
const TYPED_MAX: usize = 64;
/// A command whose result does not come for so long keeps no other from being given.
const RESULT_MAX: Duration = Duration::from_secs(10);
/// The clock of the screen.
const SECOND: Duration = Duration::from_secs(1);
/// Between two bells for a caller who waits.
const BELLS: u64 = 5;

/// An operator's desk in the terminal.
#[derive(Debug, clap::Args)]
pub struct Command {
    /// The operator's name
    #[arg(long, value_name = "NAME")]
    operator: String,
    /// The switchboard, over TCP; without it the first TCP address of the configuration
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<String>,
    /// Read the password from the first line of standard input; else it is taken from
    /// CORDBOARD_PASSWORD or asked for
    #[arg(long)]
    password_stdin: bool,
}

impl Command {
    /// Works until the operator quits.
    ///
    /// # Errors
    /// When the switchboard refuses this operator.
    pub fn run(self, site: &Site) -> anyhow::Result<ExitCode> {
        let server = match &self.server {
            Some(text) => resolve(text)?,
            None => configured(&site.config()?)?,
        };
        let password = match std::env::var("CORDBOARD_PASSWORD") {
            _ if self.password_stdin => read_line()?,
            Ok(password) => password,
            Err(_) => ask(&format!("password of {}: ", self.operator))?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(DeskProgram::new(self.operator, password, server)?.work())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn resolve(text: &str) -> anyhow::Result<SocketAddr> {
    let with_port = match text.contains(':') {
        true => text.to_owned(),
        false => format!("{text}:{}", Transport::Tcp.default_port()),
    };
    let addresses = with_port.to_socket_addrs();
    let first = addresses.ok().and_then(|mut addresses| addresses.next());
    first.with_context(|| format!("{text}: there is no such host: write it as 192.0.2.1:5060"))
}

fn configured(config: &Config) -> anyhow::Result<SocketAddr> {
    let tcp = config.sip.listen.iter().find(|listen| listen.transport == Transport::Tcp);
    let mut address =
        tcp.context("the configuration has no TCP address: name one with --server")?.address;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Ok(address)
}

/// Where orders come from and events go to.
enum Console {
    Lines(LineReader),
    Screen(TerminalScreen, KeyInput),
}

struct DeskProgram {
    password: String,
    server: SocketAddr,
    console: Console,
    view: DeskView,
    clock: Clock,
    /// What was asked, by the id under which the result comes, and until when it is waited for.
    asked: BTreeMap<String, (&'static str, Instant)>,
    /// What is still to be done, in order.
    orders: VecDeque<DeskOrder>,
    typed: mpsc::Receiver<Vec<u8>>,
}

/// What became of the orders that were given.
enum OrdersDone {
    All,
    Quit,
}

/// How a connection came to its end.
enum ConnectionEnd {
    Quit,
    Lost(String),
}

impl DeskProgram {
    fn new(operator: String, password: String, server: SocketAddr) -> anyhow::Result<Self> {
        let console = match stdin().is_terminal() && stdout().is_terminal() {
            true => Console::Screen(TerminalScreen::take()?, KeyInput::default()),
            false => Console::Lines(LineReader::default()),
        };
        let (sender, typed) = mpsc::channel(TYPED_MAX);
        // It ends with the process: nothing else ends a read.
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(len @ 1..) = stdin().read(&mut buffer) {
                if sender.blocking_send(buffer[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        let view = DeskView::new(&operator);
        let asked = BTreeMap::new();
        let orders = VecDeque::new();
        Ok(Self { password, server, console, view, clock: Clock::start(), asked, orders, typed })
    }

    async fn work(mut self) -> anyhow::Result<()> {
        let mut pause = REDIAL;
        let mut was_up = false;
        loop {
            self.show()?;
            let Some(dialled) = self.dial().await? else { return Ok(()) };
            match dialled {
                Ok(link) => {
                    (pause, was_up) = (REDIAL, true);
                    match self.converse(link).await? {
                        ConnectionEnd::Quit => return Ok(()),
                        ConnectionEnd::Lost(_) if self.view.evicted => {
                            bail!("another desk of {} has taken over", self.view.operator)
                        }
                        ConnectionEnd::Lost(why) => self.lose(&why)?,
                    }
                    if self.orders.contains(&DeskOrder::Quit) {
                        return Ok(());
                    }
                }
                // What is wrong from the start does not get better by itself.
                Err(error) if !was_up => return Err(error),
                Err(error) => self.lose(&format!("{error:#}"))?,
            }
            if self.rest(pause).await? {
                return Ok(());
            }
            pause = (pause * 2).min(REDIAL_MAX);
        }
    }

    /// Calls the switchboard; `None` when the operator has enough. Lines wait for it, keys are read.
    async fn dial(&mut self) -> anyhow::Result<Option<anyhow::Result<Link>>> {
        let (operator, password) = (self.view.operator.clone(), self.password.clone());
        let link = Link::open(self.server, &operator, &password);
        tokio::pin!(link);
        let mut seconds = interval(SECOND);
        let is_screen = matches!(self.console, Console::Screen(..));
        loop {
            tokio::select! {
                link = &mut link => return Ok(Some(link)),
                _ = seconds.tick() => self.pass()?,
                typed = self.typed.recv(), if is_screen => if self.has_enough(typed)? {
                    return Ok(None);
                },
            }
        }
    }

    /// Waits before the next call; true when the operator has enough.
    async fn rest(&mut self, pause: Duration) -> anyhow::Result<bool> {
        let over = sleep(pause);
        tokio::pin!(over);
        let mut seconds = interval(SECOND);
        loop {
            tokio::select! {
                () = &mut over => return Ok(false),
                _ = seconds.tick() => self.pass()?,
                typed = self.typed.recv() => if self.has_enough(typed)? {
                    return Ok(true);
                },
            }
        }
    }

    /// Whether somebody who has no switchboard says quit, or nothing any more.
    fn has_enough(&mut self, typed: Option<Vec<u8>>) -> anyhow::Result<bool> {
        let Some(bytes) = typed else { return Ok(true) };
        let orders = self.read(&bytes);
        if orders.contains(&DeskOrder::Quit) {
            return Ok(true);
        }
        if !orders.is_empty() {
            self.tell("no switchboard at the moment".to_owned())?;
        }
        self.show()?;
        Ok(false)
    }

    /// The clock goes on, and what was said fades.
    fn pass(&mut self) -> anyhow::Result<()> {
        self.view.look(self.clock.now().unix);
        self.show()
    }

    async fn converse(&mut self, mut link: Link) -> anyhow::Result<ConnectionEnd> {
        if let Err(error) = self.ask(&mut link, "hello", json!({})).await {
            return Ok(ConnectionEnd::Lost(format!("{error:#}")));
        }
        let mut seconds = interval(SECOND);
        loop {
            self.view.look(self.clock.now().unix);
            match self.obey(&mut link).await {
                Ok(OrdersDone::Quit) => {
                    // The lease is given back; when that fails it runs out by itself.
                    let _ = link.say("logout", json!({})).await;
                    let _ = link.close().await;
                    return Ok(ConnectionEnd::Quit);
                }
                Ok(OrdersDone::All) => {}
                Err(error) => return Ok(ConnectionEnd::Lost(format!("{error:#}"))),
            }
            self.show()?;
            let done = tokio::select! {
                incoming = link.wait() => match incoming {
                    Ok(incoming) => match link.take(incoming).await {
                        Ok(Some(LinkEvent::Message(message))) => {
                            self.on_message(&message)?;
                            Ok(())
                        }
                        Ok(Some(LinkEvent::Over(why))) => return Ok(ConnectionEnd::Lost(why)),
                        Ok(None) => Ok(()),
                        Err(error) => Err(error),
                    },
                    Err(error) => Err(error),
                },
                typed = self.typed.recv(), if !self.orders.contains(&DeskOrder::Quit) => {
                    let orders = match typed {
                        Some(bytes) => self.read(&bytes),
                        // Nobody is there to say more.
                        None => vec![DeskOrder::Quit],
                    };
                    self.orders.extend(orders);
                    Ok(())
                }
                _ = seconds.tick() => self.ring(),
            };
            if let Err(error) = done {
                return Ok(ConnectionEnd::Lost(format!("{error:#}")));
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Vec<DeskOrder> {
        match &mut self.console {
            Console::Lines(lines) => lines.take(bytes),
            Console::Screen(_, keys) => keys.take(&String::from_utf8_lossy(bytes)),
        }
    }

    /// Whether the next order may be given: lines are done one after the other, since each may need
    /// what came of the one before; whoever types sees that.
    fn may_go_on(&mut self) -> bool {
        let now = Instant::now();
        self.asked.retain(|_, (_, until)| *until > now);
        match self.console {
            Console::Lines(_) => self.view.is_complete && self.asked.is_empty(),
            Console::Screen(..) => true,
        }
    }

    async fn obey(&mut self, link: &mut Link) -> anyhow::Result<OrdersDone> {
        while self.may_go_on()
            && let Some(order) = self.orders.pop_front()
        {
            if self.view.helping && order != DeskOrder::Quit {
                self.view.helping = false;
                if order == DeskOrder::Help {
                    continue;
                }
            }
            match order {
                DeskOrder::Take(place) => self.ask_for(link, "take", place).await?,
                DeskOrder::Pick(place) => self.ask_for_parked(link, place).await?,
                DeskOrder::Swap(place) => self.swap(link, place).await?,
                DeskOrder::Park(wanted) => self.park(link, wanted).await?,
                DeskOrder::Transfer(number) => {
                    self.command(link, "transfer", json!({"number": number})).await?;
                }
                DeskOrder::Serial(wanted) => self.be_serial(link, wanted).await?,
                DeskOrder::Decline(place) => self.ask_for(link, "decline", place).await?,
                DeskOrder::Consult(number) => {
                    self.command(link, "consult", json!({"number": number})).await?;
                }
                DeskOrder::Alternate => {
                    let party = self.other_party();
                    self.command(link, "alternate", json!({"party": party})).await?;
                }
                DeskOrder::Connect => self.command(link, "connect", json!({})).await?,
                DeskOrder::Release { force: false } => {
                    self.command(link, "release", json!({})).await?;
                    self.view.leave();
                }
                DeskOrder::Release { force: true } => {
                    self.command(link, "release", json!({"force": true})).await?;
                }
                DeskOrder::Cancel => self.command(link, "cancel", json!({})).await?,
                DeskOrder::Record(wanted) => {
                    let on = wanted.unwrap_or(!self.view.is_recording());
                    self.command(link, "record", json!({"on": on})).await?;
                }
                DeskOrder::HangUp => self.command(link, "hangup", json!({})).await?,
                DeskOrder::Dnd => self.ask(link, "dnd", json!({})).await?,
                DeskOrder::Ready => self.ask(link, "ready", json!({})).await?,
                DeskOrder::Find(text) => self.ask(link, "find", json!({"text": text})).await?,
                DeskOrder::Help => match self.console {
                    Console::Lines(_) => self.tell(help())?,
                    Console::Screen(..) => self.view.helping = true,
                },
                DeskOrder::Quit => return Ok(OrdersDone::Quit),
                DeskOrder::Unknown(line) => {
                    self.tell(format!("{}: not understood: type ? for help", harmless(&line)))?;
                }
            }
        }
        if let Some(number) = self.view.nameless()
            && let Console::Screen(..) = self.console
        {
            // Asked once; the answer fills it in.
            self.view.ask_name(number.clone());
            self.ask(link, "name", json!({"text": number})).await?;
        }
        Ok(OrdersDone::All)
    }

    /// Calls the operator to a caller who waits, again and again.
    fn ring(&mut self) -> anyhow::Result<()> {
        let is_due = self.clock.now().unix.as_secs().is_multiple_of(BELLS);
        match &self.console {
            Console::Screen(screen, _) if is_due && self.view.is_wanted() => Ok(screen.ring()?),
            Console::Screen(..) | Console::Lines(_) => Ok(()),
        }
    }

    async fn ask_for(
        &mut self,
        link: &mut Link,
        verb: &'static str,
        place: usize,
    ) -> anyhow::Result<()> {
        match self.view.waiting.get(place - 1) {
            Some(waiting) => {
                let request = waiting.request.clone();
                self.ask(link, verb, json!({"request": request})).await
            }
            None => self.tell(format!("{verb}: nobody waits at place {place}")),
        }
    }

    /// To whom the operator talks who goes from one of the two to the other.
    fn other_party(&self) -> &'static str {
        let phase = self.view.call.as_ref().map_or("", |call| call.phase.as_str());
        if phase == "alternated" { "callee" } else { "caller" }
    }

    async fn park(&mut self, link: &mut Link, wanted: Option<String>) -> anyhow::Result<()> {
        let number = wanted.map_or(json!({}), |number| json!({"number": number}));
        self.command(link, "park", number).await
    }

    async fn be_serial(&mut self, link: &mut Link, wanted: Option<bool>) -> anyhow::Result<()> {
        let serial = self.view.call.as_ref().is_some_and(|call| call.serial);
        let on = wanted.unwrap_or(!serial);
        self.command(link, "serial", json!({"on": on})).await
    }

    async fn ask_for_parked(&mut self, link: &mut Link, place: usize) -> anyhow::Result<()> {
        match self.view.parked.get(place - 1) {
            Some(parked) => {
                let request = parked.request.clone();
                self.ask(link, "pick", json!({"request": request})).await
            }
            None => self.tell(format!("pick: nobody is parked at place {place}")),
        }
    }

    async fn swap(&mut self, link: &mut Link, place: Option<usize>) -> anyhow::Result<()> {
        let Some(place) = place else { return self.ask(link, "swap", json!({})).await };
        match self.view.held.get(place - 1) {
            Some(held) => {
                let request = held.request.clone();
                self.ask(link, "swap", json!({"request": request})).await
            }
            None => self.tell(format!("swap: no call waits in hand at place {place}")),
        }
    }

    /// A command to the call at the ear, which is named where others are in hand.
    async fn command(
        &mut self,
        link: &mut Link,
        verb: &'static str,
        mut fields: Value,
    ) -> anyhow::Result<()> {
        if let Some(request) = self.view.current() {
            fields["request"] = request.into();
        }
        self.ask(link, verb, fields).await
    }

    async fn ask(
        &mut self,
        link: &mut Link,
        verb: &'static str,
        fields: Value,
    ) -> anyhow::Result<()> {
        // The name of a number is what a search finds.
        let id = link.say(if verb == "name" { "find" } else { verb }, fields).await?;
        self.asked.insert(id, (verb, Instant::now() + RESULT_MAX));
        Ok(())
    }

    fn on_message(&mut self, message: &Value) -> anyhow::Result<()> {
        let Some(id) = message["re"].as_str() else {
            let line = self.view.take(message);
            let has_recall = self.view.has_recall();
            let has_news = (self.view.has_news() && self.view.is_wanted()) || has_recall;
            return match (line, &self.console) {
                (Some(line), Console::Lines(_)) => Ok(print(&format!("{line}\n"))?),
                (_, Console::Screen(screen, _)) if has_news => Ok(screen.ring()?),
                (_, Console::Lines(_) | Console::Screen(..)) => Ok(()),
            };
        };
        let Some((verb, _)) = self.asked.remove(id) else { return Ok(()) };
        match verb {
            "name" => {
                self.learn_name(message);
                return Ok(());
            }
            "release" => self.view.stay(),
            _ => {}
        }
        if message["ok"] != true {
            let error = harmless(message["error"].as_str().unwrap_or("refused"));
            let text = harmless(message["text"].as_str().unwrap_or(""));
            return match self.console {
                Console::Lines(_) => self.tell(format!("{verb}: {error}: {text}")),
                Console::Screen(..) => {
                    let why = if text.is_empty() { error.replace('-', " ") } else { text };
                    self.tell(format!("{verb}: {why}"))
                }
            };
        }
        if let Some(found) = message["found"].as_array() {
            if found.is_empty() {
                self.tell("find: nobody".to_owned())?;
            }
            for terminal in found {
                let word = |name: &str| harmless(terminal[name].as_str().unwrap_or(""));
                self.tell(format!("find: {} {} {}", word("number"), word("name"), word("state")))?;
            }
        }
        match self.console {
            Console::Lines(_) => Ok(print(&format!("{verb}: ok\n"))?),
            Console::Screen(..) => Ok(()),
        }
    }

    /// What a search for the number of the callee has found.
    fn learn_name(&mut self, message: &Value) {
        for terminal in message["found"].as_array().into_iter().flatten() {
            let word = |name: &str| harmless(terminal[name].as_str().unwrap_or(""));
            self.view.name(&word("number"), &word("name"));
        }
    }

    fn lose(&mut self, why: &str) -> anyhow::Result<()> {
        self.asked.clear();
        self.orders.retain(|order| *order == DeskOrder::Quit);
        self.view.lose(why);
        match self.console {
            Console::Lines(_) => Ok(print(&format!("lost: {}\n", harmless(why)))?),
            Console::Screen(..) => Ok(()),
        }
    }

    /// A sentence for the operator.
    fn tell(&mut self, sentence: String) -> anyhow::Result<()> {
        match self.console {
            Console::Lines(_) => Ok(print(&format!("{}\n", harmless(&sentence)))?),
            Console::Screen(..) => {
                self.view.say(sentence);
                Ok(())
            }
        }
    }

    fn show(&self) -> anyhow::Result<()> {
        match &self.console {
            Console::Screen(screen, keys) => Ok(screen.show(&self.view, keys.typed().as_deref())?),
            Console::Lines(_) => Ok(()),
        }
    }
}
