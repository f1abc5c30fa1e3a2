//! Which violations are kept, and how many.

use super::bugs::{BUGS, history_with, last_heard};
use super::history::History;
use super::{Checkers, judge};
use crate::event::Event;

#[test]
fn of_each_check_the_first_violations_are_kept_and_the_rest_counted() {
    let mut history = History::begun();
    let (session, message) = last_heard(&history);
    for _ in 0..1000 {
        history.tell(Event::Heard { session, message });
    }
    let mut checkers = Checkers::new(&history.plan);
    history.records.iter().for_each(|record| checkers.record(record));
    assert_eq!(checkers.violations().len(), 20);
    assert_eq!(checkers.counts().get("no-duplicates"), Some(&1000));
    let first = checkers.violations()[0].to_string();
    assert!(first.starts_with("no-duplicates at ") && first.contains("twice"), "{first}");
}

#[test]
fn a_waived_check_does_not_look() {
    let bug = BUGS.iter().find(|bug| bug.1 == ["no-duplicates"]).unwrap();
    let mut history = history_with(bug);
    history.plan.waived.push(crate::scenario::Waiver {
        check: "no-duplicates".to_owned(),
        reason: "for the test".to_owned(),
    });
    assert_eq!(judge(&history.plan, &history.records), vec![]);
}
