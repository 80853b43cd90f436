//! Night service: whether a queue takes new callers now, and where they go if not.
//!
//! ```text
//!   switch   on ──▶ night     off ──▶ day     auto ──▶ by the opening hours; without any, day
//! ```
//!
//! Callers that wait when the night begins wait on, and are served while operators are there.

use super::hours::NightRules;
use super::queue::QueueRules;
use crate::directory::NightSwitch;
use crate::ids::{Number, QueueId};
use crate::time::{Duration, Instant, Now, UnixTime};
use std::collections::BTreeMap;

/// The hours are looked at again after so long, whatever they say: clocks are set, and machines sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Night has begun in a queue, or day.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NightChange {
    /// Where.
    pub queue: QueueId,
    /// Which of the two.
    pub is_night: bool,
}

/// The night service of all queues.
#[derive(Debug)]
pub struct NightService {
    queues: BTreeMap<QueueId, QueueNight>,
}

#[derive(Debug)]
struct QueueNight {
    rules: NightRules,
    switch: NightSwitch,
    /// As last said.
    is_night: bool,
    look_at: Option<Instant>,
}

impl NightService {
    /// It is day everywhere until somebody looks.
    #[must_use]
    pub fn new(queues: &[QueueRules]) -> Self {
        let queue = |queue: &QueueRules| (queue.id.clone(), QueueNight::new(queue.night.clone()));
        Self { queues: queues.iter().map(queue).collect() }
    }

    /// Other hours, or another number, for a queue that is there.
    pub fn adjust(&mut self, id: &QueueId, rules: NightRules) {
        if let Some(queue) = self.queues.get_mut(id) {
            queue.rules = rules;
            queue.look_at = Some(Instant::START);
        }
    }

    /// Takes over how each switch stands, and returns what that changes.
    #[must_use]
    pub fn set(&mut self, now: Now, switch: impl Fn(&QueueId) -> NightSwitch) -> Vec<NightChange> {
        for (id, queue) in &mut self.queues {
            queue.switch = switch(id);
        }
        self.look(now, |_| true)
    }

    /// Whether it is night in a queue.
    #[must_use]
    pub fn is_night(&self, now: UnixTime, queue: &QueueId) -> bool {
        self.queues.get(queue).is_some_and(|queue| queue.is_night_at(now))
    }

    /// How the switch of a queue stands.
    #[must_use]
    pub fn switch(&self, queue: &QueueId) -> NightSwitch {
        self.queues.get(queue).map(|queue| queue.switch).unwrap_or_default()
    }

    /// How the switch has to stand for night or day: left to the hours where they say the same.
    #[must_use]
    pub fn switch_for(&self, now: UnixTime, queue: &QueueId, is_night: bool) -> NightSwitch {
        match self.queues.get(queue).is_some_and(|queue| queue.is_night_by_hours(now)) {
            by_hours if by_hours == is_night => NightSwitch::Auto,
            _ if is_night => NightSwitch::On,
            _ => NightSwitch::Off,
        }
    }

    /// Where calls go at night.
    #[must_use]
    pub fn number(&self, queue: &QueueId) -> Option<&Number> {
        self.queues.get(queue)?.rules.to.as_ref()
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.queues.values().filter_map(|queue| queue.look_at).min()
    }

    /// Looks at the clock where it is time.
    #[must_use]
    pub fn tick(&mut self, now: Now) -> Vec<NightChange> {
        self.look(now, |queue| queue.look_at.is_some_and(|at| at <= now.instant))
    }

    fn look(&mut self, now: Now, which: impl Fn(&QueueNight) -> bool) -> Vec<NightChange> {
        let mut changes = Vec::new();
        for (id, queue) in self.queues.iter_mut().filter(|(_, queue)| which(queue)) {
            let is_night = queue.look(now);
            if is_night != std::mem::replace(&mut queue.is_night, is_night) {
                changes.push(NightChange { queue: id.clone(), is_night });
            }
        }
        changes
    }
}

impl QueueNight {
    fn new(rules: NightRules) -> Self {
        let look_at = rules.hours.is_some().then_some(Instant::START);
        Self { rules, switch: NightSwitch::Auto, is_night: false, look_at }
    }

    fn is_night_by_hours(&self, now: UnixTime) -> bool {
        self.rules.hours.as_ref().is_some_and(|hours| !hours.is_open(now))
    }

    fn is_night_at(&self, now: UnixTime) -> bool {
        match self.switch {
            NightSwitch::On => true,
            NightSwitch::Off => false,
            NightSwitch::Auto => self.is_night_by_hours(now),
        }
    }

    /// Whether it is night, and when to look next.
    fn look(&mut self, now: Now) -> bool {
        let hours = self.rules.hours.as_ref().filter(|_| self.switch == NightSwitch::Auto);
        self.look_at = hours.map(|hours| {
            let next = now.instant_of(hours.next_look(now.unix));
            // Never at once again, however odd the clock.
            next.min(now.instant + LOOK_AGAIN).max(now.instant + Duration::from_micros(1))
        });
        self.is_night_at(now.unix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acd::hours::{OpenSpan, OpeningHours};
    use crate::acd::shares::QueueShares;
    use crate::zone::TimeZone;

    fn main() -> QueueId {
        QueueId::from("main")
    }

    fn rules(hours: Option<OpeningHours>) -> NightRules {
        NightRules { hours, to: None }
    }

    /// By day from eight to five, in UTC.
    fn eight_to_five() -> OpeningHours {
        let week = std::array::from_fn(|_| vec![OpenSpan::new(480, 1020).unwrap()]);
        let (holidays, yearly) = (BTreeMap::new(), BTreeMap::new());
        OpeningHours { zone: TimeZone::utc(), week, holidays, yearly }
    }

    fn service(hours: Option<OpeningHours>) -> NightService {
        let queue = QueueRules {
            id: main(),
            waiting_max: 1,
            shares: QueueShares::ALL,
            wait_max: None,
            grace: Duration::ZERO,
            overflow: None,
            exit_key: None,
            priorities: crate::acd::QueuePriorities::default(),
            night: rules(hours),
        };
        NightService::new(&[queue])
    }

    /// So long after midnight, and after a start an hour before that.
    fn at(hour: u64, minute: u64) -> Now {
        let since = Duration::from_secs((hour * 60 + minute) * 60);
        let midnight = UnixTime::from_secs(1_795_046_400);
        let start = Instant::START + Duration::from_secs(3600);
        Now { instant: start + since, unix: midnight + since }
    }

    fn change(is_night: bool) -> Vec<NightChange> {
        vec![NightChange { queue: main(), is_night }]
    }

    #[test]
    fn the_hours_are_kept_to_the_second() {
        let mut service = service(Some(eight_to_five()));
        assert_eq!(service.deadline(), Some(Instant::START), "at the start somebody looks");
        assert_eq!(service.tick(at(7, 55)), change(true));
        assert_eq!(service.deadline(), Some(at(8, 0).instant));
        assert_eq!(service.tick(at(7, 59)), []);
        assert_eq!(service.tick(at(8, 0)), change(false));
        assert_eq!(service.deadline(), Some(at(8, 10).instant), "in case the clock is set");
        assert_eq!(service.tick(at(16, 58)), []);
        assert_eq!(service.deadline(), Some(at(17, 0).instant));
        assert!(!service.is_night(at(16, 59).unix, &main()));
        assert!(service.is_night(at(17, 0).unix, &main()), "a caller need not wait for the look");
        assert_eq!(service.tick(at(17, 0)), change(true));
    }

    #[test]
    fn the_switch_goes_before_the_hours() {
        let mut service = service(Some(eight_to_five()));
        assert_eq!(service.set(at(12, 0), |_| NightSwitch::On), change(true));
        assert_eq!(service.deadline(), None);
        assert_eq!(service.set(at(12, 1), |_| NightSwitch::On), [], "set twice");
        assert_eq!(service.set(at(18, 0), |_| NightSwitch::Off), change(false));
        assert_eq!(service.set(at(18, 1), |_| NightSwitch::Auto), change(true));
        assert_eq!(service.deadline(), Some(at(18, 11).instant));
    }

    #[test]
    fn the_switch_is_left_to_the_hours_where_they_say_the_same() {
        let service = service(Some(eight_to_five()));
        let [noon, evening] = [at(12, 0).unix, at(20, 0).unix];
        assert_eq!(service.switch_for(noon, &main(), true), NightSwitch::On);
        assert_eq!(service.switch_for(evening, &main(), true), NightSwitch::Auto);
        assert_eq!(service.switch_for(evening, &main(), false), NightSwitch::Off);
        assert_eq!(service.switch_for(noon, &main(), false), NightSwitch::Auto);
    }

    #[test]
    fn without_hours_it_is_day_until_somebody_says_otherwise() {
        let mut service = service(None);
        assert_eq!((service.deadline(), service.tick(at(3, 0))), (None, vec![]));
        assert!(!service.is_night(at(3, 0).unix, &main()));
        assert_eq!(service.set(at(3, 0), |_| NightSwitch::On), change(true));
        assert_eq!((service.deadline(), service.number(&main())), (None, None));
        assert!(!service.is_night(at(3, 0).unix, &QueueId::from("other")));
    }

    #[test]
    fn other_hours_hold_at_the_next_look() {
        let mut service = service(None);
        assert_eq!(service.tick(at(12, 0)), []);
        let closed = OpeningHours { week: Default::default(), ..eight_to_five() };
        service.adjust(&main(), rules(Some(closed)));
        assert_eq!(service.deadline(), Some(Instant::START));
        assert_eq!(service.tick(at(12, 1)), change(true));
        service.adjust(&main(), rules(None));
        assert_eq!(service.tick(at(12, 2)), change(false));
        assert_eq!(service.deadline(), None);
    }

    #[test]
    fn a_clock_at_the_end_of_all_calendars_makes_no_haste() {
        let mut service = service(Some(eight_to_five()));
        let now = Now { instant: Instant::START, unix: UnixTime::from_micros(u64::MAX) };
        let _ = service.tick(now);
        assert!(service.deadline().is_some_and(|at| at > now.instant));
    }
}
