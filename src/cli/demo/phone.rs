//! A simulated phone: registers, calls and answers over real SIP, sends and measures real RTP.

use super::apparatus::{Apparatus, Command, DrawnMessage, Shows};
use super::party::DemoParty;
use super::senses::Measured;
use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

/// A switchboard that takes longer has failed.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// It registers again after so long; ten minutes are the end of a registration.
const RENEW: Duration = Duration::from_secs(300);
/// Nobody picks up sooner.
const REACH: Duration = Duration::from_secs(2);

/// Whoever calls again takes so long to it.
const CALLS_AGAIN: Duration = Duration::from_secs(5);

/// What a phone does at the moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DemoPhoneState {
    /// No call.
    Idle,
    /// Somebody calls.
    Ringing,
    /// It has called and is not answered.
    Calling,
    /// In a call.
    Talking,
}

/// The way to a running phone.
pub struct DemoPhone {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<DemoPhoneState>,
    party: DemoParty,
}

impl DemoPhone {
    /// Registers and switches on.
    ///
    /// # Errors
    /// When it cannot register.
    pub async fn start(
        party: DemoParty,
        password: &str,
        server: SocketAddr,
        steps: mpsc::UnboundedSender<DrawnMessage>,
    ) -> anyhow::Result<Self> {
        let (shown, state) = watch::channel(DemoPhoneState::Idle);
        let (commands, orders) = mpsc::channel(8);
        let switched_on = Apparatus::switch_on(party, password, server, Shows { shown, steps });
        let apparatus = timeout(ANSWER_MAX, switched_on)
            .await
            .context("the switchboard does not answer a registration")?
            .with_context(|| format!("phone {}", party.number()))?;
        tokio::spawn(apparatus.run(orders));
        Ok(Self { commands, state, party })
    }

    /// Dials.
    ///
    /// # Errors
    /// When the phone has broken.
    pub async fn call(&self, number: &str) -> anyhow::Result<()> {
        self.order(Command::Call(number.to_owned())).await
    }

    /// Picks up.
    ///
    /// # Errors
    /// When the phone has broken.
    pub async fn answer(&self) -> anyhow::Result<()> {
        self.order(Command::Answer).await
    }

    /// Puts the receiver down.
    ///
    /// # Errors
    /// When the phone has broken.
    pub async fn hang_up(&self) -> anyhow::Result<()> {
        self.order(Command::HangUp).await
    }

    /// Answers whoever calls, one after the other, for as long as the switchboard is there.
    pub async fn attend(mut self) {
        while self.awaits(DemoPhoneState::Ringing).await {
            sleep(REACH).await;
            // Who has hung up meanwhile is not answered.
            if self.state() == DemoPhoneState::Ringing && self.answer().await.is_err() {
                return;
            }
            if !self.awaits(DemoPhoneState::Idle).await {
                return;
            }
        }
    }

    /// Calls this number, and again whenever the call is over, for as long as the switchboard is there.
    pub async fn keep_calling(mut self, number: &str) {
        while self.call(number).await.is_ok() {
            let begun = self.state.wait_for(|state| *state != DemoPhoneState::Idle);
            if matches!(timeout(ANSWER_MAX, begun).await, Ok(Err(_))) {
                return;
            }
            if !self.awaits(DemoPhoneState::Idle).await {
                return;
            }
            sleep(CALLS_AGAIN).await;
        }
    }

    /// Waits for a state, however long, and stays registered; false when the phone has broken.
    async fn awaits(&mut self, wanted: DemoPhoneState) -> bool {
        loop {
            let reached = timeout(RENEW, self.state.wait_for(|state| *state == wanted)).await;
            match reached.map(|reached| reached.is_ok()) {
                Ok(reached) => return reached,
                Err(_) if self.order(Command::Renew).await.is_ok() => {}
                Err(_) => return false,
            }
        }
    }

    /// Begins to measure afresh.
    ///
    /// # Errors
    /// When the phone has broken.
    pub async fn begin(&self) -> anyhow::Result<()> {
        self.order(Command::Begin).await
    }

    /// What it has got since [`begin`](Self::begin).
    ///
    /// # Errors
    /// When the phone has broken.
    pub async fn measure(&self) -> anyhow::Result<Measured> {
        let (reply, measured) = oneshot::channel();
        self.order(Command::Measure(reply)).await?;
        measured.await.with_context(|| self.broken())
    }

    /// Takes its registration back and switches off.
    ///
    /// # Errors
    /// When the phone has broken.
    pub async fn leave(self) -> anyhow::Result<()> {
        let (reply, left) = oneshot::channel();
        self.order(Command::Leave(reply)).await?;
        left.await.with_context(|| self.broken())
    }

    /// Waits until it is in this state.
    ///
    /// # Errors
    /// When that does not come.
    pub async fn becomes(&mut self, wanted: DemoPhoneState) -> anyhow::Result<()> {
        let number = self.party.number();
        let waiting = timeout(ANSWER_MAX, self.state.wait_for(|state| *state == wanted));
        let reached = waiting.await.map(|waited| waited.is_ok());
        match reached {
            Ok(true) => Ok(()),
            Ok(false) => bail!(self.broken()),
            Err(_) => {
                let state = self.state();
                bail!("phone {number} is {state:?} and not {wanted:?} after 5 s")
            }
        }
    }

    /// What it does at the moment.
    pub fn state(&self) -> DemoPhoneState {
        *self.state.borrow()
    }

    async fn order(&self, command: Command) -> anyhow::Result<()> {
        self.commands.send(command).await.with_context(|| self.broken())
    }

    fn broken(&self) -> String {
        format!("phone {} has lost its switchboard", self.party.number())
    }
}
