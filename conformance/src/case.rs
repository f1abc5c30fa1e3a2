//! What a case is, and how its body says that something is wrong.

use std::panic::resume_unwind;
use std::thread::ScopedJoinHandle;

use crate::cases;
use crate::clause::{self, Clause};
use crate::world::World;

/// One thing that a proxy is asked to do.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// `area/words`; never renumbered, never given to another case.
    pub id: &'static str,
    /// The clause that it judges.
    pub clause: &'static str,
    /// What a sound proxy does, in a sentence.
    pub what: &'static str,
    /// The body: sends, and expects.
    pub run: fn(&mut World) -> Step,
}

impl Case {
    /// The clause that it judges.
    ///
    /// # Panics
    ///
    /// If there is no such clause; a test sees to it that there is.
    #[must_use]
    pub fn clause(&self) -> &'static Clause {
        clause::find(self.clause).expect("a test checks that cases cite clauses that exist")
    }
}

/// The result of one step of a case.
pub type Step<T = ()> = Result<T, Stop>;

/// Why a case goes no further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The target did something else than the clause asks for.
    #[error("expected {expected}; received {received}")]
    Fail {
        /// What was expected, as in "expected a close with 1002".
        expected: String,
        /// What came instead.
        received: String,
    },
    /// The case cannot be tried with this target, or here.
    #[error("{0}")]
    Skip(String),
}

impl Stop {
    /// The target did not do what is expected.
    pub fn fail(expected: impl Into<String>, received: impl Into<String>) -> Self {
        Self::Fail { expected: expected.into(), received: received.into() }
    }

    /// The case cannot be tried.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::Skip(reason.into())
    }
}

/// Fails unless `met`.
///
/// # Errors
///
/// The failure, with what was expected and what was received.
pub fn expect(met: bool, expected: impl Into<String>, received: impl Into<String>) -> Step {
    if met { Ok(()) } else { Err(Stop::fail(expected, received)) }
}

/// What a part of a case that ran on a thread of its own came to.
///
/// # Errors
///
/// As of that part; a panic goes on here.
pub fn joined<T>(thread: ScopedJoinHandle<'_, Step<T>>) -> Step<T> {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// All cases, area by area.
pub fn all() -> impl Iterator<Item = &'static Case> {
    cases::ALL.iter().copied().flatten().copied().flatten()
}
