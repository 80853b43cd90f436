//! SIGHUP and `cordboard reload`: the configuration is read again, and what can hold at once does.

use super::serve::switchboard_settings;
use crate::config::Config;
use crate::exchange::Reload;
use crate::random::Random;
use crate::server::admin_wire::{Answer, ReloadedRow};
use std::path::{Path, PathBuf};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// After a file with a fault.
const UNCHANGED: &str = "the configuration of before still holds";

/// The configuration of a running server, and where it came from.
#[derive(Debug)]
pub(super) struct Reloading {
    file: Option<PathBuf>,
    data: PathBuf,
    running: Config,
    random: Random,
    hangup: Signal,
}

impl Reloading {
    /// Takes SIGHUP from here on.
    ///
    /// # Errors
    /// When the system gives no signals.
    pub fn new(
        file: Option<&Path>,
        data: &Path,
        running: &Config,
        random: Random,
    ) -> std::io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let (file, data) = (file.map(Path::to_owned), data.to_owned());
        Ok(Self { file, data, running: running.clone(), random, hangup })
    }

    /// Reads the file at each signal, and whenever an administrator asks for it, for as long as somebody
    /// takes what it says.
    pub async fn run(
        mut self,
        reloads: mpsc::Sender<Reload>,
        mut asked: mpsc::Receiver<oneshot::Sender<Answer>>,
    ) {
        loop {
            let reply = tokio::select! {
                Some(()) = self.hangup.recv() => None,
                Some(reply) = asked.recv() => Some(reply),
                else => return,
            };
            let answer = match self.read() {
                Ok((reload, sections)) => {
                    if reloads.send(reload).await.is_err() {
                        return;
                    }
                    // There is room for one: when there is again, the loop has taken it over.
                    if reloads.reserve().await.is_err() {
                        return;
                    }
                    Answer::Reloaded(sections)
                }
                Err(why) => Answer::Refused(why),
            };
            if let Some(reply) = reply {
                // Whoever has gone needs no answer.
                let _ = reply.send(answer);
            }
        }
    }

    /// What holds from now on, and in which sections something is new; else why nothing does.
    fn read(&mut self) -> Result<(Reload, ReloadedRow), String> {
        let new = match Config::load(self.file.as_deref()) {
            Ok(new) => new,
            Err(error) => {
                let error = error.to_string();
                error.lines().for_each(|line| tracing::error!("{line}"));
                tracing::error!("{UNCHANGED}");
                return Err(format!("{error}\n{UNCHANGED}"));
            }
        };
        let waiting = needs_restart(&self.running, &new);
        if !waiting.is_empty() {
            tracing::warn!("holds only after a restart: what is new in {}", waiting.join(", "));
        }
        tracing::info!("the configuration was read again");
        let held = held(&self.running, &new);
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let sections = ReloadedRow {
            taken_over: owned(differing(&self.running, &held)),
            needs_restart: owned(waiting),
        };
        self.running = held;
        let reload = Reload {
            guests: self.running.sip.guests,
            guest_calls_max: self.running.limits.guest_calls,
            retention: self.running.records,
            switchboard: switchboard_settings(&self.running, &self.data, &mut self.random),
        };
        Ok((reload, sections))
    }
}

/// What holds then: of the new one what can, else the running one.
fn held(running: &Config, new: &Config) -> Config {
    let mut held = running.clone();
    held.sip.guests = new.sip.guests;
    held.records = new.records;
    held.levels.on_refusal = new.levels.on_refusal;
    held.limits = crate::config::Limits { connections: running.limits.connections, ..new.limits };
    held.desk = new.desk;
    for (id, queue) in &mut held.queues {
        let Some(new) = new.queues.get(id).filter(|new| new.number == queue.number) else {
            continue;
        };
        let camera = queue.camera;
        let lobby = queue.lobby.clone();
        *queue = crate::config::Queue { camera, lobby, ..new.clone() };
    }
    held
}

/// The sections that say something that does not hold yet.
fn needs_restart(running: &Config, new: &Config) -> Vec<&'static str> {
    differing(&held(running, new), new)
}

/// The sections in which they are not the same.
fn differing(one: &Config, other: &Config) -> Vec<&'static str> {
    let sections = [
        ("data", one.data == other.data),
        ("[sip]", one.sip == other.sip),
        ("[media]", one.media == other.media),
        ("[web]", one.web == other.web),
        ("[levels]", one.levels == other.levels),
        ("[limits]", one.limits == other.limits),
        ("[desk]", one.desk == other.desk),
        ("[records]", one.records == other.records),
        ("[queue]", one.queues == other.queues),
        ("[[trunk]]", one.trunks == other.trunks),
        ("[[camera]]", one.cameras == other.cameras),
    ];
    sections.into_iter().filter(|(_, holds)| !holds).map(|(section, _)| section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::read("f", text).unwrap()
    }

    #[test]
    fn what_can_hold_at_once_holds_and_the_rest_is_named() {
        let running = Config::default();
        let new = config(
            "[sip]\nguests = false\nlisten = [\"udp:127.0.0.1:5099\"]\n[records]\nkeep = \"9d\"\n\
             [desk]\nlease = \"9s\"\n[queue.main]\nnumber = \"9000\"\nwaiting_max = 3\n[queue.new]\nnumber = \"9001\"\n",
        );
        assert_eq!(needs_restart(&running, &new), ["[sip]", "[queue]"]);
        let held = held(&running, &new);
        assert_eq!(differing(&running, &held), ["[sip]", "[desk]", "[records]", "[queue]"]);
        assert!(!held.sip.guests && held.sip.listen == running.sip.listen);
        assert_eq!((held.records, held.desk), (new.records, new.desk));
        let waiting: Vec<_> = held.queues.values().map(|queue| queue.waiting_max).collect();
        assert_eq!(waiting, [3]);
        assert_eq!(needs_restart(&running, &running), [] as [&str; 0]);
    }
}
