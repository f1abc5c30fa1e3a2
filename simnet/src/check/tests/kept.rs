//! How many violations are kept.

use super::Checkers;
use super::bugs::last_heard;
use super::history::History;
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
