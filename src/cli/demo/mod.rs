//! `cordboard demo`: the whole operator call on real SIP and RTP, drawn as it happens and measured.
//!
//! ```text
//!   caller 4001 ─┐                                    ┌─ phone 3001, the operator's
//!                ├─ SIP, RTP ─▶ cordboard serve ◀─────┤
//!   user 3002 ───┘               (a child process)    └─ desk op1
//! ```
//!
//! The phones share nothing with the switchboard but the reading of messages and packets: they are
//! its judges. Each has a tone and a colour; what counts is what arrived at their sockets.

mod apparatus;
mod drawing;
mod judge;
mod party;
mod phone;
mod script;
mod senses;
mod session;
mod sockets;
mod switchboard;
mod voice;

use super::site::Site;
use super::table::print;
use phone::DemoPhone;
use script::Play;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;
use switchboard::{DemoSwitchboard, QUEUE, introduction};
use tokio::signal::unix::{SignalKind, signal};

/// Play a whole operator call with simulated phones.
#[derive(Debug, clap::Args)]
pub struct Command {
    /// End after the play, with status 0 only if every phase measured right
    #[arg(long)]
    once: bool,
    /// Listen on the network, too, for phones on other machines: at this address, else at that of this
    /// machine towards the rest of the world
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "0.0.0.0")]
    listen: Option<IpAddr>,
}

impl Command {
    /// Plays, then leaves the switchboard to the newcomer until Ctrl-C.
    ///
    /// # Errors
    /// When the play cannot be played to its end.
    pub fn run(self, site: &Site) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.play(site))
    }

    async fn play(self, site: &Site) -> anyhow::Result<ExitCode> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // The terminal is closed.
        let mut hangup = signal(SignalKind::hangup())?;
        // The server is a child: whatever ends us has to end it.
        let interrupted = async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        };
        tokio::pin!(interrupted);
        let mut switchboard = DemoSwitchboard::open(site.data(), self.listen).await?;
        print(
            "A real switchboard runs; three simulated phones and a desk play one operator call.\n\n",
        )?;
        let verdict = tokio::select! {
            verdict = play(&switchboard) => verdict,
            () = &mut interrupted => return Ok(ExitCode::FAILURE),
        };
        let (status, [bob, ada]) = match verdict {
            Ok(played) => played,
            Err(error) => {
                let log = switchboard.last_words();
                return Err(
                    error.context(format!("the play stopped; the server's last words:\n{log}\n"))
                );
            }
        };
        if self.once {
            for phone in [bob, ada] {
                phone.leave().await?;
            }
            return Ok(status);
        }
        tokio::spawn(ada.attend());
        tokio::spawn(bob.keep_calling(QUEUE));
        print(&introduction(&switchboard, &switchboard.desk_link()?))?;
        loop {
            tokio::select! {
                () = &mut interrupted => return Ok(status),
                () = tokio::time::sleep(Duration::from_secs(1)) => {
                    if !switchboard.is_up()? {
                        anyhow::bail!("the server has ended:\n{}", switchboard.last_words());
                    }
                }
            }
        }
    }
}

/// Plays, and leaves the phones of caller and user on.
async fn play(switchboard: &DemoSwitchboard) -> anyhow::Result<(ExitCode, [DemoPhone; 2])> {
    let mut play = Play::prepare(switchboard).await?;
    let (phases, wrong) = play.perform().await?;
    let phones = play.close().await?;
    // No phase at all would be no proof.
    if wrong == 0 && phases > 0 {
        print(&format!("All {phases} phases measured right.\n"))?;
        return Ok((ExitCode::SUCCESS, phones));
    }
    print(&format!("{wrong} of {phases} phases measured wrong.\n"))?;
    Ok((ExitCode::FAILURE, phones))
}
