//! What was answered to which command: a repetition gets the same answer and has no second effect.

use crate::ids::OperatorId;
use crate::time::{Duration, UnixTime};
use std::collections::{BTreeMap, VecDeque};

/// For so long a repeated id gets the same result.
pub const REMEMBERED: Duration = Duration::from_secs(600);
/// More results than this per operator push the oldest out: 20 commands a second for ten minutes.
pub const PER_OPERATOR_MAX: usize = 12_000;
/// A desk may send so many commands a second; more get 503.
pub const COMMANDS_PER_SECOND: usize = 20;

/// A result as it is kept, in memory and in the journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredResult {
    /// The command in canonical form.
    pub content: String,
    /// The result message as JSON; `None` until the command has its outcome.
    pub result: Option<String>,
    /// When the command came.
    pub at: UnixTime,
}

/// Whether a command came before.
#[derive(Debug, Eq, PartialEq)]
pub enum PreviousResult<'a> {
    /// It is new.
    New,
    /// The same command, already answered.
    Answered(&'a str),
    /// The same command, its outcome still to come.
    Pending,
    /// Another command under the same id.
    OtherContent,
}

/// The results of all operators.
#[derive(Debug, Default)]
pub struct Results {
    kept: BTreeMap<(OperatorId, String), StoredResult>,
    ages: BTreeMap<OperatorId, VecDeque<(UnixTime, String)>>,
}

impl Results {
    /// Looks a command up.
    pub fn seen(
        &mut self,
        now: UnixTime,
        operator: &OperatorId,
        id: &str,
        content: &str,
    ) -> PreviousResult<'_> {
        self.forget_old(now, operator);
        match self.kept.get(&(operator.clone(), id.to_owned())) {
            None => PreviousResult::New,
            Some(kept) if kept.content != content => PreviousResult::OtherContent,
            Some(StoredResult { result: Some(result), .. }) => PreviousResult::Answered(result),
            Some(StoredResult { result: None, .. }) => PreviousResult::Pending,
        }
    }

    /// Keeps a command, or its outcome, or what the journal kept.
    pub fn keep(&mut self, operator: &OperatorId, id: &str, kept: StoredResult) {
        let ages = self.ages.entry(operator.clone()).or_default();
        let at = kept.at;
        if self.kept.insert((operator.clone(), id.to_owned()), kept).is_none() {
            ages.push_back((at, id.to_owned()));
        }
        while ages.len() > PER_OPERATOR_MAX
            && let Some((_, oldest)) = ages.pop_front()
        {
            self.kept.remove(&(operator.clone(), oldest));
        }
    }

    fn forget_old(&mut self, now: UnixTime, operator: &OperatorId) {
        let Some(ages) = self.ages.get_mut(operator) else { return };
        while let Some((at, id)) = ages.front() {
            if now.since(*at) < REMEMBERED {
                break;
            }
            self.kept.remove(&(operator.clone(), id.clone()));
            ages.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(secs: u64, result: Option<&str>) -> StoredResult {
        let at = UnixTime::from_secs(secs);
        StoredResult { content: "take".into(), result: result.map(str::to_owned), at }
    }

    #[test]
    fn a_repetition_gets_the_same_result_for_ten_minutes() {
        let (op1, op2) = (OperatorId::from("op1"), OperatorId::from("op2"));
        let mut results = Results::default();
        let at = UnixTime::from_secs;
        assert_eq!(results.seen(at(0), &op1, "1", "take"), PreviousResult::New);
        results.keep(&op1, "1", kept(0, None));
        assert_eq!(results.seen(at(0), &op1, "1", "take"), PreviousResult::Pending);
        results.keep(&op1, "1", kept(0, Some("ok")));
        assert_eq!(results.seen(at(599), &op1, "1", "take"), PreviousResult::Answered("ok"));
        assert_eq!(results.seen(at(599), &op1, "1", "consult"), PreviousResult::OtherContent);
        assert_eq!(results.seen(at(599), &op2, "1", "take"), PreviousResult::New);
        assert_eq!(results.seen(at(600), &op1, "1", "take"), PreviousResult::New);
    }

    #[test]
    fn memory_is_bounded() {
        let op1 = OperatorId::from("op1");
        let mut results = Results::default();
        for n in 0..PER_OPERATOR_MAX + 10 {
            results.keep(&op1, &n.to_string(), kept(0, Some("ok")));
        }
        assert_eq!(results.kept.len(), PER_OPERATOR_MAX);
        assert_eq!(results.seen(UnixTime::from_secs(0), &op1, "0", "take"), PreviousResult::New);
    }
}
