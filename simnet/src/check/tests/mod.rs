//! Right histories that no check objects to, and the same with one bug planted, that one does.

mod bugs;
mod history;
mod kept;
mod random;

use std::collections::BTreeSet;

use super::{Checkers, Violation};
use crate::event::Record;
use crate::scenario::Plan;

/// What all checks say of these records.
fn judge(plan: &Plan, records: &[Record]) -> Vec<Violation> {
    let mut checkers = Checkers::new(plan);
    for record in records {
        checkers.record(record);
    }
    checkers.finish().to_vec()
}

/// The names of the checks that object.
fn objecting(plan: &Plan, records: &[Record]) -> BTreeSet<&'static str> {
    judge(plan, records).iter().map(|violation| violation.check).collect()
}
