//! How far a sweep is, on a terminal.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;

/// Real time, for speeds.
pub(super) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "how fast worlds run, not what they do")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// A bar with failures so far and worlds a second. Nothing where there is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    failed: std::cell::Cell<usize>,
}

impl Progress {
    pub(super) fn new(worlds: u64, what: &str) -> Self {
        let bar = ProgressBar::new(worlds);
        let form = "{prefix} {bar:30} {pos}/{len}  {msg}  {per_sec}  {eta} left";
        bar.set_style(ProgressStyle::with_template(form).expect("a sound template"));
        bar.set_prefix(what.to_owned());
        bar.set_message("0 failed");
        Self { bar, failed: std::cell::Cell::default() }
    }

    /// One more has run. If it failed, `tell` says how.
    pub(super) fn ran(
        &self,
        failed: bool,
        tell: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.bar.inc(1);
        if !failed {
            return Ok(());
        }
        self.failed.set(self.failed.get() + 1);
        self.bar.set_message(format!("{} failed", self.failed.get()));
        self.bar.suspend(tell)
    }

    pub(super) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar for work of which only the steps are counted.
pub(super) struct Steps(ProgressBar);

impl Steps {
    pub(super) fn new(steps: u64, what: &str) -> Self {
        let bar = ProgressBar::new(steps);
        let form = "{prefix} {bar:30} {pos}/{len}  {msg}";
        bar.set_style(ProgressStyle::with_template(form).expect("a sound template"));
        bar.set_prefix(what.to_owned());
        Self(bar)
    }

    pub(super) fn tried(&self, steps: usize, now: &str) {
        self.0.set_position(steps as u64);
        self.0.set_message(now.to_owned());
    }

    pub(super) fn done(&self) {
        self.0.finish_and_clear();
    }
}
