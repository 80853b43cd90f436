//! The play: one operator call from the queue to the hand-over, every phase measured.

use super::apparatus::DrawnMessage;
use super::drawing::{self, ArrowEnd};
use super::judge::{Gets, judge};
use super::party::DemoParty;
use super::phone::{DemoPhone, DemoPhoneState};
use super::switchboard::{DemoSwitchboard, OPERATOR, PASSWORD, QUEUE};
use crate::cli::desk::{Link, LinkEvent, LinkInput};
use crate::cli::table::print;
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// Something that the switchboard owes comes within this time.
const EVENT_MAX: Duration = Duration::from_secs(8);
/// A phase is measured for at least this long.
const LOOK: Duration = Duration::from_millis(1500);
/// What is not there by then does not come. Ring-back may pause for 4 s.
const LOOK_MAX: Duration = Duration::from_secs(7);
const PAUSE: Duration = Duration::from_millis(100);

const CALLER: Gets = Gets::Party(DemoParty::Caller);
const OPERATOR_HERSELF: Gets = Gets::Party(DemoParty::Operator);
const USER: Gets = Gets::Party(DemoParty::User);

/// Everyone on the stage.
pub struct Play {
    caller: DemoPhone,
    operator: DemoPhone,
    user: DemoPhone,
    desk: Link,
    steps: mpsc::UnboundedReceiver<DrawnMessage>,
    request: String,
    phases: usize,
    wrong: usize,
}

impl Play {
    /// Switches the phones on and opens the desk.
    ///
    /// # Errors
    /// When one of them is not let in.
    pub async fn prepare(switchboard: &DemoSwitchboard) -> anyhow::Result<Self> {
        let (sender, steps) = mpsc::unbounded_channel();
        let server = switchboard.server();
        let phone = |party| DemoPhone::start(party, PASSWORD, server, sender.clone());
        print(&drawing::heading())?;
        let mut play = Self {
            caller: phone(DemoParty::Caller).await?,
            operator: phone(DemoParty::Operator).await?,
            user: phone(DemoParty::User).await?,
            desk: Link::open(server, OPERATOR, PASSWORD).await?,
            steps,
            request: String::new(),
            phases: 0,
            wrong: 0,
        };
        play.say("hello", json!({})).await?;
        play.event("the desk's snapshot", |event| event["event"] == "snapshot-end").await?;
        Ok(play)
    }

    /// Plays; returns how many phases there were and how many were measured wrong.
    ///
    /// # Errors
    /// When something does not come that the play cannot go on without.
    pub async fn perform(&mut self) -> anyhow::Result<(usize, usize)> {
        self.queue().await?;
        self.take().await?;
        self.consult().await?;
        self.alternate().await?;
        self.hand_over().await?;
        Ok((self.phases, self.wrong))
    }

    /// The operator goes home; the caller stays to call again, and the user for calls of others.
    ///
    /// # Errors
    /// When the switchboard has gone before.
    pub async fn close(self) -> anyhow::Result<[DemoPhone; 2]> {
        self.desk.close().await?;
        self.operator.leave().await?;
        Ok([self.caller, self.user])
    }

    // ---- the acts ----

    async fn queue(&mut self) -> anyhow::Result<()> {
        self.caller.call(QUEUE).await?;
        let offer = self.event("an offer", |event| event["event"] == "offer").await?;
        self.request = offer["request"].as_str().context("the offer names no request")?.to_owned();
        self.caller.becomes(DemoPhoneState::Talking).await?;
        self.look(
            "The caller waits, the desk has the offer",
            [Gets::Hold, Gets::NoCall, Gets::NoCall],
        )
        .await
    }

    async fn take(&mut self) -> anyhow::Result<()> {
        self.command("take", json!({"request": self.request})).await?;
        self.operator.becomes(DemoPhoneState::Ringing).await?;
        self.look("Taken, the desk phone rings", [Gets::Hold, Gets::NoCall, Gets::NoCall]).await?;
        self.operator.answer().await?;
        self.phase("with-caller").await?;
        self.look("The operator talks to the caller", [OPERATOR_HERSELF, CALLER, Gets::NoCall])
            .await
    }

    async fn consult(&mut self) -> anyhow::Result<()> {
        self.command("consult", json!({"number": DemoParty::User.number()})).await?;
        self.user.becomes(DemoPhoneState::Ringing).await?;
        self.phase("consulting").await?;
        self.look(
            "The caller is isolated, the user rings",
            [Gets::Hold, Gets::RingBack, Gets::NoCall],
        )
        .await?;
        self.user.answer().await?;
        self.phase("talking-to-callee").await?;
        self.look("The operator talks to the user", [Gets::Hold, USER, OPERATOR_HERSELF]).await
    }

    async fn alternate(&mut self) -> anyhow::Result<()> {
        self.command("alternate", json!({"party": "caller"})).await?;
        self.phase("alternated").await?;
        self.look(
            "Back to the caller, the user is isolated",
            [OPERATOR_HERSELF, CALLER, Gets::Hold],
        )
        .await?;
        self.command("alternate", json!({"party": "callee"})).await?;
        self.phase("talking-to-callee").await?;
        self.look("And to the user again", [Gets::Hold, USER, OPERATOR_HERSELF]).await
    }

    async fn hand_over(&mut self) -> anyhow::Result<()> {
        self.command("connect", json!({})).await?;
        self.phase("connected").await?;
        self.look(
            "Caller and user are connected, the operator hears neither",
            [USER, Gets::Nothing, CALLER],
        )
        .await?;
        let health = self
            .event("a good health report", |event| {
                let is_of_both = event["caller"].is_object() && event["callee"].is_object();
                event["event"] == "health" && event["ok"] == true && is_of_both
            })
            .await?;
        print(&format!(
            "   health: caller audio {} video {}, callee audio {} video {}\n",
            word(&health["caller"]["audio"]),
            word(&health["caller"]["video"]),
            word(&health["callee"]["audio"]),
            word(&health["callee"]["video"]),
        ))?;
        self.command("release", json!({})).await?;
        self.operator.becomes(DemoPhoneState::Idle).await?;
        self.look("Handed over, the operator is free", [USER, Gets::NoCall, CALLER]).await?;
        self.caller.hang_up().await?;
        self.user.becomes(DemoPhoneState::Idle).await?;
        self.look("Hung up", [Gets::NoCall, Gets::NoCall, Gets::NoCall]).await
    }

    // ---- looking ----

    /// Measures a phase: caller, operator, user.
    async fn look(&mut self, title: &str, expected: [Gets; 3]) -> anyhow::Result<()> {
        for phone in [&self.caller, &self.operator, &self.user] {
            phone.begin().await?;
        }
        let expected =
            [DemoParty::Caller, DemoParty::Operator, DemoParty::User].into_iter().zip(expected);
        let expected: Vec<_> = expected.collect();
        self.phases += 1;
        self.draw_steps()?;
        print(&drawing::phase(self.phases, title, &expected))?;
        let start = Instant::now();
        let rows = loop {
            self.idle_for(PAUSE).await?;
            let mut rows = Vec::new();
            for ((party, gets), phone) in
                expected.iter().zip([&self.caller, &self.operator, &self.user])
            {
                let measured = phone.measure().await?;
                let verdict = judge(*gets, &measured);
                rows.push((*party, *gets, measured, verdict));
            }
            let right = rows.iter().all(|(.., verdict)| verdict.is_right());
            let looked = start.elapsed();
            if (right && looked >= LOOK) || looked >= LOOK_MAX {
                break rows;
            }
        };
        for (party, gets, measured, verdict) in &rows {
            print(&drawing::row(*party, *gets, measured, verdict))?;
        }
        if !rows.iter().all(|(.., verdict)| verdict.is_right()) {
            self.wrong += 1;
        }
        print("\n")?;
        Ok(())
    }

    fn draw_steps(&mut self) -> anyhow::Result<()> {
        while let Ok(step) = self.steps.try_recv() {
            print(&drawing::step(&step))?;
        }
        Ok(())
    }

    // ---- the desk ----

    /// Lets time pass; the desk goes on answering.
    async fn idle_for(&mut self, span: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + span;
        while let Ok(incoming) = timeout_at(end, self.desk.wait()).await {
            self.hear(incoming?).await?;
        }
        self.draw_steps()
    }

    async fn hear(&mut self, incoming: LinkInput) -> anyhow::Result<Option<Value>> {
        match self.desk.take(incoming).await? {
            None => Ok(None),
            Some(LinkEvent::Over(why)) => bail!("the desk's call has ended: {why}"),
            Some(LinkEvent::Message(message)) => {
                self.draw_steps()?;
                if let Some(what) = told(&message) {
                    print(&drawing::arrow(ArrowEnd::Desk, true, &what))?;
                }
                Ok(Some(message))
            }
        }
    }

    /// Waits for a message of the switchboard.
    async fn event(
        &mut self,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let end = Instant::now() + EVENT_MAX;
        loop {
            let Ok(incoming) = timeout_at(end, self.desk.wait()).await else {
                bail!("{what} does not come within {} s", EVENT_MAX.as_secs());
            };
            if let Some(message) = self.hear(incoming?).await?
                && wanted(&message)
            {
                return Ok(message);
            }
        }
    }

    async fn say(&mut self, verb: &str, fields: Value) -> anyhow::Result<String> {
        self.draw_steps()?;
        print(&drawing::arrow(ArrowEnd::Desk, false, verb))?;
        let saying = timeout(EVENT_MAX, self.desk.say(verb, fields));
        saying.await.context("the switchboard takes no command")?
    }

    /// Gives a command that must succeed.
    async fn command(&mut self, verb: &str, fields: Value) -> anyhow::Result<()> {
        let id = self.say(verb, fields).await?;
        let result =
            self.event(&format!("the result of {verb}"), |m| m["re"] == id.as_str()).await?;
        if result["ok"] != true {
            bail!("{verb} is refused: {result}");
        }
        Ok(())
    }

    async fn phase(&mut self, wanted: &str) -> anyhow::Result<()> {
        let is_it = |event: &Value| event["event"] == "call" && event["phase"] == wanted;
        self.event(&format!("the phase {wanted}"), is_it).await.map(drop)
    }
}

/// A message of the switchboard in two words; health comes each second and is not drawn, nor is what the phones measure
/// themselves.
fn told(message: &Value) -> Option<String> {
    let event = message["event"].as_str();
    match event {
        Some("health" | "senses") => None,
        Some("call") => Some(format!("call: {}", word(&message["phase"]))),
        Some("callee") => Some(format!("callee: {}", word(&message["progress"]))),
        Some("state") => Some(format!("state: {}", word(&message["state"]))),
        Some(event) => Some(event.to_owned()),
        None if message["ok"] == true => Some("ok".to_owned()),
        None => Some(word(&message["error"]).to_owned()),
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}
