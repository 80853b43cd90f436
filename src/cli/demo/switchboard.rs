//! The real switchboard of the demonstration: the same executable, as a child process.

use super::party::DemoParty;
use crate::cli::administration::Administration;
use crate::cli::site::Site;
use crate::directory::{DirectoryChange, OperatorDraft, Secret, TerminalDraft};
use crate::exchange::AdminRequest;
use crate::ids::{Number, OperatorId};
use crate::server::own_address_towards;
use crate::wire::admin_wire::AdminAnswer;
use anyhow::{Context as _, bail};
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The password of all example accounts.
pub const PASSWORD: &str = "cord";
/// The operator's account.
pub const OPERATOR: &str = "op1";
/// The operator number.
pub const QUEUE: &str = "9000";
/// Accounts beside those of the play, for the newcomer's own phones.
const SPARE: [(&str, &str, &str); 2] =
    [("3003", "Spare inside", "A"), ("4002", "Spare outside", "B")];

/// Softphones on this computer, Linphone among them, want 5060 for themselves.
const PORT: u16 = 5070;
/// Of the desk page.
const PAGE_PORT: u16 = 8088;

const START_MAX: Duration = Duration::from_secs(10);
const STOP_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// A running switchboard in a directory of its own.
pub struct DemoSwitchboard {
    directory: PathBuf,
    temporary: bool,
    server: SocketAddr,
    /// Where the desk page is.
    page: SocketAddr,
    child: Child,
}

impl DemoSwitchboard {
    /// Writes configuration and accounts, and starts the server.
    ///
    /// # Errors
    /// When it does not start; its last words are in the message.
    pub async fn open(data: Option<&Path>, listen: Option<IpAddr>) -> anyhow::Result<Self> {
        let temporary = data.is_none();
        let directory = match data {
            Some(data) => data.to_owned(),
            None => std::env::temp_dir().join(format!("cordboard-demo-{}", std::process::id())),
        };
        fs::create_dir_all(&directory)
            .with_context(|| format!("{}: it cannot be made", directory.display()))?;
        let server = free_address(listen, PORT)?;
        let page = free_address(Some(server.ip()), PAGE_PORT)?;
        let config = directory.join("demo.toml");
        fs::write(&config, configuration(&directory, server, page))?;
        add_accounts(&Administration::open(&Site::of(config.clone()))?)?;
        let log = File::create(directory.join("log"))?;
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log)
            .spawn()
            .context("the server does not start")?;
        let mut switchboard = Self { directory, temporary, server, page, child };
        switchboard.await_listening().await?;
        Ok(switchboard)
    }

    /// Where it listens.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Its configuration, for the other commands.
    pub fn config(&self) -> PathBuf {
        self.directory.join("demo.toml")
    }

    /// The address of the desk page, with what logs in there once.
    ///
    /// # Errors
    /// When the server gives none.
    pub fn desk_link(&self) -> anyhow::Result<String> {
        let administration = Administration::open(&Site::of(self.config()))?;
        let answer = administration.ask(&AdminRequest::LoginLink(OPERATOR.into()))?;
        let AdminAnswer::LoginLink(token) = answer else {
            bail!("the server answers something else: is it of another version?");
        };
        let scheme = if self.page.ip().is_loopback() { "http" } else { "https" };
        Ok(format!("{scheme}://{}/#token={token}", self.page))
    }

    /// Whether the server still runs.
    ///
    /// # Errors
    /// When the system does not know.
    pub fn is_up(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// The end of the server's log.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    async fn await_listening(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + START_MAX;
        while TcpStream::connect(self.server).is_err() {
            if !self.is_up()? || Instant::now() > end {
                bail!("the server does not start:\n{}", self.last_words());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            // An error means that it has ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let end = Instant::now() + STOP_MAX;
        while self.is_up()? {
            if Instant::now() > end {
                self.child.kill()?;
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for DemoSwitchboard {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.stop();
        if self.temporary {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// The port that is wanted, else any that is free.
fn free_address(listen: Option<IpAddr>, wanted: u16) -> anyhow::Result<SocketAddr> {
    // RFC 5737: an address that nobody has; nothing is sent there.
    let world = SocketAddr::from(([192, 0, 2, 1], 9));
    let ip = match listen {
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(ip) if ip.is_unspecified() => own_address_towards(world)
            .context("this machine is on no network: name an address with --listen ADDRESS")?,
        Some(ip) => ip,
    };
    let is_free =
        |port: u16| TcpListener::bind((ip, port)).is_ok() && UdpSocket::bind((ip, port)).is_ok();
    if is_free(wanted) {
        return Ok(SocketAddr::from((ip, wanted)));
    }
    let any = UdpSocket::bind((ip, 0))
        .with_context(|| format!("{ip}: is it an address of this machine?"))?;
    Ok(any.local_addr()?)
}

fn configuration(directory: &Path, server: SocketAddr, page: SocketAddr) -> String {
    let data = directory.join("data");
    let ip = server.ip();
    format!(
        "# The switchboard of `cordboard demo`.\n\
         data = {data:?}\n\n\
         [sip]\n\
         domain = \"{ip}\"\n\
         listen = [\"udp:{server}\", \"tcp:{server}\"]\n\n\
         [media]\n\
         address = \"{ip}\"\n\n\
         [web]\n\
         listen = [\"{page}\"]\n\n\
         # Whoever calls waits until somebody is there.\n\
         [queue.main]\n\
         number = \"{QUEUE}\"\n\
         grace = \"1h\"\n"
    )
}

fn add_accounts(administration: &Administration) -> anyhow::Result<()> {
    let directory = administration.directory()?;
    let names = [
        (DemoParty::Caller, "Outside", "B"),
        (DemoParty::Operator, "Desk", "A"),
        (DemoParty::User, "Ada", "A"),
    ];
    let play = names.map(|(party, name, level)| (party.number(), name, level));
    for (number, name, level) in play.into_iter().chain(SPARE) {
        let draft = TerminalDraft {
            name: Some(name.to_owned()),
            level: Some(level.into()),
            secret: Some(Secret::from_password(number, administration.realm(), PASSWORD)?),
            ..TerminalDraft::new(Number::from(number))
        };
        let known = directory.terminal(&draft.number).is_some();
        administration.change(&match known {
            true => DirectoryChange::SetTerminal(draft),
            false => DirectoryChange::AddTerminal(draft),
        })?;
    }
    let name = OperatorId::from(OPERATOR);
    let known = directory.operator(&name).is_some();
    let draft = OperatorDraft {
        phone: Some(DemoParty::Operator.number().into()),
        secret: Some(Secret::from_password(OPERATOR, administration.realm(), PASSWORD)?),
        ..OperatorDraft::new(name)
    };
    administration.change(&match known {
        true => DirectoryChange::SetOperator(draft),
        false => DirectoryChange::AddOperator(draft),
    })
}

/// What a newcomer can do with the running switchboard.
pub fn introduction(switchboard: &DemoSwitchboard, desk_link: &str) -> String {
    let server = switchboard.server();
    let config = switchboard.config();
    let config = config.display();
    let mut text = format!(
        "\nThe switchboard runs on at {server} (UDP and TCP); password of every account: {PASSWORD}\n\n"
    );
    let accounts = [
        ("3001", "inside, level A: the desk phone of op1"),
        ("3002", "Ada, inside, level A: a simulated phone, which answers"),
        ("3003", "inside, level A"),
        ("4001", "outside, level B: a simulated phone, which calls the operator again and again"),
        ("4002", "outside, level B: may call nobody but the operator"),
        (QUEUE, "the operator number"),
    ];
    for (number, what) in accounts {
        text += &format!("  {number}  {what}\n");
    }
    text += &format!(
        "\n  A desk in the browser, where 4001 waits; the link is good once, within ten minutes:\n\
         \x20   {desk_link}\n\n\
         \x20 Or register softphones as 3001 and 4002, with {server} as domain and proxy (on one computer each\n\
         \x20 needs a SIP port of its own), and open the desk in another terminal:\n\
         \x20   cordboard desk --operator {OPERATOR} --server {server}\n\
         \x20 Call {QUEUE} from 4002; at the desk, each with Enter: t takes, c 3002 consults Ada, k connects,\n\
         \x20 r releases.\n\
         \x20   cordboard registrations --config {config}\n\
         \x20   cordboard explain 4001 3002 --config {config}\n\
         \x20   cordboard calls --config {config}\n\n\
         Ctrl-C ends it.\n"
    );
    text
}
