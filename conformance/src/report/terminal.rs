//! For a person at a terminal.

use std::fmt::Write;

use crate::clause;
use crate::log::Direction;
use crate::run::Record;

/// All that helps with one case that fails the run: the clause, what was expected and received, what
/// went over the wire, and how to run just it.
#[must_use]
pub fn failure(record: &Record) -> String {
    let mut text = String::new();
    let clause = clause::find(&record.clause);
    let requirement = clause.map_or("", |clause| &clause.text);
    let _ = writeln!(text, "{} ({}): {requirement}", record.clause, record.verdict);
    let _ = writeln!(text, "  {}", record.summary());
    let _ = writeln!(text, "  on the wire, in milliseconds from the start:");
    for entry in &record.log {
        let arrow = match entry.direction {
            Direction::Sent => "->",
            Direction::Received => "<-",
            Direction::Note => "  ",
        };
        let mut lines = entry.what.lines();
        let first = lines.next().unwrap_or("");
        let _ = writeln!(text, "  {:>7}  {:<10} {arrow} {first}", entry.at_ms, entry.who);
        for line in lines {
            let _ = writeln!(text, "  {:>7}  {:<10}    {line}", "", "");
        }
    }
    let _ = writeln!(text, "  rerun: cargo test -p conformance -- --exact {}", record.case);
    text
}
