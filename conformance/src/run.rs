//! Runs a case and judges what came of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Step, Stop};
use crate::clause::Level;
use crate::log::{Direction, Entry};
use crate::world::{Suite, World};

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

/// Runs one case once.
#[must_use]
pub fn run(suite: &Arc<Suite>, case: &'static Case) -> Record {
    let mut world = World::new(suite, case);
    let log = world.log().clone();
    let ended = catch_unwind(AssertUnwindSafe(|| (case.run)(&mut world)));
    let step = ended.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().cloned();
        let what = what.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        let what = what.unwrap_or_default();
        Err(Stop::fail("that the suite itself holds", format!("a panic, please report: {what}")))
    });
    let ms = u64::try_from(log.elapsed().as_millis()).unwrap_or(u64::MAX);
    drop(world);
    let step = match suite.bury(case.clause().area()) {
        Some(obituary) => {
            log.add("target", Direction::Note, &obituary);
            Err(with_obituary(step, obituary))
        }
        None => step,
    };
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
        ms,
        log: log.entries(),
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

/// The instance that cases share has ended, which no case asks for.
fn with_obituary(step: Step, obituary: String) -> Stop {
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
