//! Runs a case and judges what came of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Step, Stop};
use crate::clause::Level;
use crate::log::{Direction, Entry, Log};
use crate::world::{Death, Suite, World};

/// What a case says of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does what the clause asks for.
    Pass,
    /// It does not do what a MUST asks for.
    Fail,
    /// It does not do what a SHOULD asks for.
    NotStrict,
    /// It was not tried; the reason is given.
    Skipped,
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The case.
    pub case: String,
    /// The clause that it judges.
    pub clause: String,
    /// What the case says.
    pub verdict: Verdict,
    /// What was expected, of a case that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was received, or why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
    /// What the target's file says of this case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<Expectation>,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What went over the wire.
    pub log: Vec<Entry>,
}

/// What the target's file says of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The verdict that it expects.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

impl Record {
    /// Whether the run fails because of it: a failure that was not expected, or an expected
    /// deviation that is none any more. A case that was skipped says nothing of a deviation.
    #[must_use]
    pub fn fails_the_run(&self) -> bool {
        match &self.deviation {
            None => self.verdict == Verdict::Fail,
            Some(_) if self.verdict == Verdict::Skipped => false,
            Some(expected) => self.verdict != expected.verdict,
        }
    }

    /// One line: what is wrong, or why it was not tried.
    #[must_use]
    pub fn summary(&self) -> String {
        let received = self.received.as_deref().unwrap_or_default();
        let found = match &self.expected {
            Some(expected) => format!("expected {expected}; received {received}"),
            None => received.to_owned(),
        };
        match &self.deviation {
            Some(Expectation { verdict, reason }) if self.fails_the_run() => {
                let now = match self.verdict {
                    Verdict::Pass => "now it passes: remove it from the file",
                    _ => found.as_str(),
                };
                format!("the target's file expects {verdict} ({reason}); {now}")
            }
            Some(Expectation { reason, .. }) => format!("{found} (known: {reason})"),
            None => found,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotStrict => "not strict",
            Self::Skipped => "skipped",
        })
    }
}

/// Runs one case.
///
/// If the instance that cases share ends meanwhile, that may be another case's doing: this one is
/// tried again on an instance of its own, so that what it says is its own.
#[must_use]
pub fn run(suite: &Arc<Suite>, case: &'static Case) -> Record {
    if let Some(reason) = suite.target().file().lacks(case) {
        let reason = format!("the target's file says that it lacks this: {reason}");
        return record(suite, case, Err(Stop::Skip(reason)), &Log::new());
    }
    let mut attempt = Attempt::new(World::new(suite, case), case);
    if let Some(death) = attempt.death.take() {
        attempt = Attempt::new(World::alone(suite, case), case);
        attempt.log.add("target", Direction::Note, ANEW);
        if let Some(again) = &attempt.death {
            attempt.step = Err(with_obituary(attempt.step, &again.obituary));
        }
        suite.remember(death, case, attempt.death.is_some());
    }
    record(suite, case, attempt.step, &attempt.log)
}

fn record(suite: &Suite, case: &Case, step: Step, log: &Log) -> Record {
    let (verdict, expected, received) = judge(case, step);
    let deviations = &suite.target().file().deviations;
    let deviation = deviations.iter().find(|deviation| deviation.case == case.id);
    Record {
        case: case.id.to_owned(),
        clause: case.clause.to_owned(),
        verdict,
        expected,
        received,
        deviation: deviation
            .map(|known| Expectation { verdict: known.verdict, reason: known.reason.clone() }),
        ms: u64::try_from(log.elapsed().as_millis()).unwrap_or(u64::MAX),
        log: log.entries(),
    }
}

/// Said in the log of a case that was tried again.
const ANEW: &str = "tried again with a target of its own: the one that cases share had ended";

/// A case's body, run once.
struct Attempt {
    step: Step,
    /// Of the instance that it shared.
    death: Option<Death>,
    log: Log,
}

impl Attempt {
    fn new(mut world: World, case: &'static Case) -> Self {
        let ended = catch_unwind(AssertUnwindSafe(|| (case.run)(&mut world)));
        let step = ended.unwrap_or_else(|panic| {
            let what = panic.downcast_ref::<String>().cloned();
            let what = what.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let what = what.unwrap_or_default();
            let received = format!("a panic, please report: {what}");
            Err(Stop::fail("that the suite itself holds", received))
        });
        let death = world.death();
        let log = world.log().clone();
        if let Some(death) = &death {
            log.add("target", Direction::Note, &death.obituary);
        }
        Self { step, death, log }
    }
}

fn judge(case: &Case, step: Step) -> (Verdict, Option<String>, Option<String>) {
    match step {
        Ok(()) => (Verdict::Pass, None, None),
        Err(Stop::Skip(reason)) => (Verdict::Skipped, None, Some(reason)),
        Err(Stop::Fail { expected, received }) => {
            let verdict = match case.clause().level {
                Level::Must => Verdict::Fail,
                Level::Should => Verdict::NotStrict,
            };
            (verdict, Some(expected), Some(received))
        }
    }
}

/// The instance has ended, which no case asks of one that it did not start itself.
fn with_obituary(step: Step, obituary: &str) -> Stop {
    match step {
        Err(Stop::Fail { expected, received }) => {
            Stop::fail(expected, format!("{received}; {obituary}"))
        }
        _ => Stop::fail("that the target goes on running", obituary),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(verdict: Verdict, expects: Option<Verdict>) -> Record {
        Record {
            case: "a/b".into(),
            clause: "a.b".into(),
            verdict,
            expected: None,
            received: None,
            deviation: expects.map(|verdict| Expectation { verdict, reason: "known".into() }),
            ms: 0,
            log: Vec::new(),
        }
    }

    #[test]
    fn a_run_fails_for_what_nobody_expected() {
        use Verdict::{Fail, NotStrict, Pass, Skipped};
        for (verdict, expects, fails) in [
            (Pass, None, false),
            (Fail, None, true),
            (NotStrict, None, false),
            (Skipped, None, false),
            (Fail, Some(Fail), false),
            (Pass, Some(Fail), true),
            (Pass, Some(NotStrict), true),
            (NotStrict, Some(NotStrict), false),
            (Skipped, Some(Fail), false),
            (Fail, Some(Skipped), true),
        ] {
            assert_eq!(record(verdict, expects).fails_the_run(), fails, "{verdict} {expects:?}");
        }
        assert!(record(Pass, Some(Fail)).summary().contains("remove it"));
    }
}
