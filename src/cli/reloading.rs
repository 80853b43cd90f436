//! SIGHUP and `cordboard reload`: the configuration is read again, and what can hold at once does.

use super::site::Site;
use crate::config::{Config, DeskSection, Levels, Limits, QueueSection, Sip};
use crate::exchange::{Reload, Retention};
use crate::ids::QueueId;
use crate::server::connecting;
use crate::server::tls::Tls;
use crate::wire::admin_rows::ReloadedRow;
use crate::wire::admin_wire::AdminAnswer;
use std::sync::Arc;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};

/// After a file with a fault.
const UNCHANGED: &str = "the configuration of before still holds";

/// The configuration of a running server, and where it came from.
#[derive(Debug)]
pub(super) struct Reloading {
    site: Site,
    running: Config,
    tls: Arc<Tls>,
}

impl Reloading {
    /// Of a server that runs by `running`.
    pub fn new(site: &Site, running: &Config, tls: Arc<Tls>) -> Self {
        Self { site: site.clone(), running: running.clone(), tls }
    }

    /// Reads the file at each SIGHUP, and whenever an administrator asks for it, for as long as somebody
    /// takes what it says.
    pub async fn run(
        mut self,
        mut hangup: Signal,
        reloads: mpsc::Sender<Reload>,
        mut asked: mpsc::Receiver<oneshot::Sender<AdminAnswer>>,
    ) {
        loop {
            let reply = tokio::select! {
                Some(()) = hangup.recv() => None,
                Some(reply) = asked.recv() => Some(reply),
                else => return,
            };
            // Whatever the file says: what is in those that it names may be new.
            let fault = connecting::look_at_certificate(&self.tls);
            let answer = match self.read() {
                Ok((reload, mut sections)) => {
                    sections.certificate_trouble = fault;
                    if reloads.send(reload).await.is_err() {
                        return;
                    }
                    // There is room for one: when there is again, the loop has taken it over.
                    if reloads.reserve().await.is_err() {
                        return;
                    }
                    AdminAnswer::Reloaded(sections)
                }
                Err(why) => AdminAnswer::Refused(why),
            };
            if let Some(reply) = reply {
                // Whoever has gone needs no answer.
                let _ = reply.send(answer);
            }
        }
    }

    /// What holds from now on, and in which sections something is new; else why nothing does.
    fn read(&mut self) -> Result<(Reload, ReloadedRow), String> {
        let new = match self.site.config() {
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
            certificate_trouble: None,
        };
        self.running = held;
        let reload = Reload {
            guests: self.running.sip.guests,
            guest_calls_max: self.running.limits.guest_calls,
            drain: self.running.drain,
            retention: self.running.records,
            // This start stays the one that it is.
            switchboard: self.running.switchboard_settings(""),
        };
        Ok((reload, sections))
    }
}

/// What holds then: of the new one what can, else the running one. A key that is not named here waits for a
/// restart, and is said to.
fn held(running: &Config, new: &Config) -> Config {
    let queue = |(id, running): (&QueueId, &QueueSection)| {
        let new = new.queues.get(id).filter(|new| new.number == running.number);
        (id.clone(), new.map_or_else(|| running.clone(), |new| held_of_queue(running, new)))
    };
    Config {
        data: running.data.clone(),
        drain: new.drain,
        sip: Sip { guests: new.sip.guests, ring_time: new.sip.ring_time, ..running.sip.clone() },
        media: running.media.clone(),
        tls: running.tls.clone(),
        web: running.web.clone(),
        records: Retention { keep: new.records.keep, keep_max: new.records.keep_max },
        levels: Levels { on_refusal: new.levels.on_refusal, ..running.levels.clone() },
        limits: Limits {
            connections: running.limits.connections,
            guest_calls: new.limits.guest_calls,
            guests_waiting: new.limits.guests_waiting,
            terminal_waiting: new.limits.terminal_waiting,
            trunk_waiting: new.limits.trunk_waiting,
            terminals_reserve: new.limits.terminals_reserve,
        },
        desk: DeskSection {
            lease: new.desk.lease,
            secure_only: new.desk.secure_only,
            ring_time: new.desk.ring_time,
            recall: new.desk.recall,
        },
        queues: running.queues.iter().map(queue).collect(),
        trunks: running.trunks.clone(),
        cameras: running.cameras.clone(),
    }
}

fn held_of_queue(running: &QueueSection, new: &QueueSection) -> QueueSection {
    QueueSection {
        number: running.number.clone(),
        answer: new.answer,
        ring_time: new.ring_time,
        ring: new.ring,
        waiting_max: new.waiting_max,
        wait_max: new.wait_max,
        overflow: new.overflow.clone(),
        exit_key: new.exit_key,
        priorities: new.priorities.clone(),
        night: new.night.clone(),
        grace: new.grace,
        camera: running.camera,
        record: new.record,
        record_pauses: new.record_pauses,
        preview: new.preview,
        waiting_profile: running.waiting_profile.clone(),
    }
}

/// The sections that say something that does not hold yet.
fn needs_restart(running: &Config, new: &Config) -> Vec<&'static str> {
    differing(&held(running, new), new)
}

/// The sections in which they are not the same.
fn differing(one: &Config, other: &Config) -> Vec<&'static str> {
    // By name, so that no section can be forgotten.
    let Config {
        data,
        drain,
        sip,
        media,
        tls,
        web,
        records,
        levels,
        limits,
        desk,
        queues,
        trunks,
        cameras,
    } = one;
    let sections = [
        ("data", *data == other.data),
        ("drain", *drain == other.drain),
        ("[sip]", *sip == other.sip),
        ("[media]", *media == other.media),
        ("[tls]", *tls == other.tls),
        ("[web]", *web == other.web),
        ("[levels]", *levels == other.levels),
        ("[limits]", *limits == other.limits),
        ("[desk]", *desk == other.desk),
        ("[records]", *records == other.records),
        ("[queue]", *queues == other.queues),
        ("[[trunk]]", *trunks == other.trunks),
        ("[[camera]]", *cameras == other.cameras),
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
            "[sip]\nguests = false\nring_time = \"7s\"\nlisten = [\"udp:127.0.0.1:5099\"]\n[records]\nkeep = \"9d\"\n\
             [desk]\nlease = \"9s\"\nring_time = \"8s\"\n[queue.main]\nnumber = \"9000\"\nwaiting_max = 3\n[queue.new]\nnumber = \"9001\"\n",
        );
        assert_eq!(needs_restart(&running, &new), ["[sip]", "[queue]"]);
        let held = held(&running, &new);
        assert_eq!(differing(&running, &held), ["[sip]", "[desk]", "[records]", "[queue]"]);
        assert!(!held.sip.guests && held.sip.listen == running.sip.listen);
        assert_eq!(held.sip.ring_time, new.sip.ring_time);
        assert_eq!((held.records, held.desk), (new.records, new.desk));
        let waiting: Vec<_> = held.queues.values().map(|queue| queue.waiting_max).collect();
        assert_eq!(waiting, [3]);
        assert_eq!(needs_restart(&running, &running), [] as [&str; 0]);
    }
}
