//! Makes a world that fails small enough to be understood.
//!
//! ```text
//!   plan ──▶ fewer faults ─▶ hosts ─▶ proxies ─▶ clients ─▶ stays ─▶ messages
//!     ▲      shorter, then plainer: usual qualities, options, clocks
//!     └───── again, until nothing more can go or the budget is spent
//! ```
//!
//! Of each sort first halves are left out, then quarters, down to single ones (delta debugging). Each
//! candidate is a sound plan, and is kept if it still fails. The same plan and the same answers give
//! the same result.
//!
//! The time in which a world settles is never less than its faults ask for: else a world would fail
//! because it was not given time, which is no bug.

mod cut;
mod simplify;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::scenario::Plan;

/// How far a shrink is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress<'a> {
    /// Candidates that were run.
    pub tried: usize,
    /// Candidates that may be run in all.
    pub budget: usize,
    /// The smallest plan that still fails.
    pub best: &'a Plan,
}

/// The smallest plan found that `still_fails`, after at most `budget` calls of it. `progress` is told
/// of each candidate, after it was run.
///
/// `still_fails` should ask for the very failure that is looked into, such as a violation of the
/// same check: another one would lead astray.
pub fn shrink(
    plan: &Plan,
    still_fails: impl FnMut(&Plan) -> bool,
    budget: usize,
    progress: impl FnMut(Progress<'_>),
) -> Plan {
    let mut shrinker = Shrinker { best: plan.clone(), still_fails, tried: 0, budget, progress };
    loop {
        let before = shrinker.best.clone();
        shrinker.drop_parts();
        shrinker.shorten();
        for simpler in simplify::ALL {
            shrinker.attempt(simpler);
        }
        if shrinker.best == before || shrinker.tried == budget {
            return shrinker.best;
        }
    }
}

struct Shrinker<F, P> {
    best: Plan,
    still_fails: F,
    tried: usize,
    budget: usize,
    progress: P,
}

/// A sort of parts that can be left out: how many there are, and the plan without some.
type Parts = (fn(&Plan) -> usize, fn(&Plan, &Range<usize>) -> Plan);

impl<F: FnMut(&Plan) -> bool, P: FnMut(Progress<'_>)> Shrinker<F, P> {
    /// Keeps what `change` makes of the best plan, if it is another, sound, and still fails.
    fn attempt(&mut self, change: impl Fn(&Plan) -> Plan) -> bool {
        let mut candidate = change(&self.best);
        simplify::settle(&mut candidate);
        if self.tried == self.budget || candidate == self.best || candidate.check().is_err() {
            return false;
        }
        self.tried += 1;
        let fails = (self.still_fails)(&candidate);
        if fails {
            self.best = candidate;
        }
        let (tried, budget) = (self.tried, self.budget);
        (self.progress)(Progress { tried, budget, best: &self.best });
        fails
    }

    fn drop_parts(&mut self) {
        let sorts: [Parts; 8] = [
            (|plan| plan.faults.len(), cut::faults),
            (|plan| plan.hosts.len(), cut::hosts),
            (|plan| plan.routers.len(), cut::routers),
            (|plan| plan.segments.len(), cut::segments),
            (|plan| plan.proxies.len(), cut::proxies),
            (|plan| plan.clients.len(), cut::clients),
            (cut::stay_count, cut::stays),
            (cut::send_count, cut::sends),
        ];
        for (count, without) in sorts {
            self.drop_some(count, without);
        }
    }

    /// Leaves out parts: as many at once as can be.
    fn drop_some(&mut self, count: fn(&Plan) -> usize, without: fn(&Plan, &Range<usize>) -> Plan) {
        let mut size = count(&self.best);
        while size > 0 {
            // From the end: what comes first is often what the rest builds on.
            let mut end = count(&self.best);
            while end > 0 {
                let range = end.saturating_sub(size)..end;
                self.attempt(|plan| without(plan, &range));
                end = range.start.min(count(&self.best));
            }
            size /= 2;
        }
    }

    /// Shortens the story, and halves what is sent in a row.
    fn shorten(&mut self) {
        self.attempt(|plan| cut::story(plan, cut::last_moment(plan)));
        while self.attempt(|plan| cut::story(plan, plan.times.story / 2)) {}
        while self.attempt(|plan| cut::story(plan, plan.times.story * 7 / 8)) {}
        for send in 0..cut::send_count(&self.best) {
            while self.attempt(|plan| cut::shorter_send(plan, send)) {}
        }
    }
}
