//! For a person at a terminal. Colours are for those who see them: each verdict is also a word.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::{Counts, Report};
use crate::case;
use crate::clause::{self, Level};
use crate::log::{Direction, Entry};
use crate::run::{Record, Verdict};

/// Width that prose is broken at.
const WIDTH: usize = 100;

/// Entries of a wire log that a report of several failures shows of each, a line for each.
const LOG_SHOWN: usize = 16;

/// Cases that a list of skipped ones names.
const NAMED: usize = 4;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const SOSO: Style = AnsiColor::Yellow.on_default();

/// One line: an area, and what its cases say.
#[must_use]
pub fn area(name: &str, records: &[&Record]) -> String {
    format!("  {name:<14}{}", counts(Counts::of(records.iter().copied())))
}

/// Counts in words, with what is good first and what is not expected last.
fn counts(counts: Counts) -> String {
    let parts = [
        (counts.pass, "passed", GOOD),
        (counts.skipped, "skipped", DIM),
        (counts.known, "as known", SOSO),
        (counts.not_strict, "not strict", SOSO),
        (counts.unexpected, "FAILED", BAD),
    ];
    let parts = parts.iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<_> =
        parts.map(|(count, what, style)| format!("{style}{count} {what}{style:#}")).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// What comes after the areas: what was skipped, what is known, what is not strict, and last of
/// all what failed.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    skipped(&mut text, report);
    let known = |record: &&Record| {
        !record.fails_the_run() && record.deviation.is_some() && record.verdict != Verdict::Skipped
    };
    section(&mut text, "Known of this target", report, known, |record| {
        let deviation = record.deviation.as_ref();
        deviation.map(|known| known.reason.clone()).unwrap_or_default()
    });
    let not_strict =
        |record: &&Record| record.verdict == Verdict::NotStrict && record.deviation.is_none();
    section(
        &mut text,
        "Not strict: allowed, but not what is asked for",
        report,
        not_strict,
        Record::summary,
    );
    let failed: Vec<_> = report.records.iter().filter(|record| record.fails_the_run()).collect();
    let shown = if failed.len() == 1 { usize::MAX } else { LOG_SHOWN };
    for record in &failed {
        text += "\n";
        text += &failure(record, &report.rerun(&record.case), shown);
    }
    for trouble in &report.troubles {
        let _ = write!(text, "\n{BAD}Trouble{BAD:#}\n{}", indented(trouble, 2));
    }
    let seconds = report.elapsed_ms as f64 / 1000.0;
    let all = Counts::of(&report.records);
    let cases = if all.total() == 1 { "case" } else { "cases" };
    let _ = writeln!(text, "\n{} {cases} in {seconds:.1} s: {}", all.total(), counts(all));
    if failed.len() > 1 {
        let ids: Vec<_> = failed.iter().map(|record| record.case.as_str()).collect();
        let _ = write!(text, "{BAD}Failed{BAD:#}\n{}", indented(&ids.join(", "), 2));
    }
    text
}

/// The same reason once, with the cases that have it.
fn skipped(text: &mut String, report: &Report) {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for record in report.records.iter().filter(|record| record.verdict == Verdict::Skipped) {
        let reason = record.received.as_deref().unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, cases)) => cases.push(&record.case),
            None => reasons.push((reason, vec![&record.case])),
        }
    }
    if reasons.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{BOLD}Skipped{BOLD:#}");
    for (reason, cases) in reasons {
        let more = match cases.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = cases[..cases.len().min(NAMED)].join(", ");
        let _ = write!(text, "{:>4}  {}", cases.len(), indented(reason, 6).trim_start());
        let _ = write!(text, "{DIM}{}{DIM:#}", indented(&format!("{named}{more}"), 6));
    }
}

fn section(
    text: &mut String,
    title: &str,
    report: &Report,
    belongs: impl Fn(&&Record) -> bool,
    say: impl Fn(&Record) -> String,
) {
    let records: Vec<_> = report.records.iter().filter(belongs).collect();
    if records.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{BOLD}{title}{BOLD:#}");
    for record in records {
        let _ = writeln!(text, "  {} {DIM}({}){DIM:#}", record.case, record.verdict);
        text.push_str(&indented(&say(record), 6));
    }
}

/// All that helps with one case that fails the run: the clause, what was expected and received,
/// `log_shown` lines of what went over the wire, and how to run just it.
#[must_use]
pub fn failure(record: &Record, rerun: &str, log_shown: usize) -> String {
    let mut text = format!("{BAD}{}{BAD:#}\n", record.case);
    let mut row = |label: &str, value: &str| {
        let _ = write!(text, "  {BOLD}{label:<10}{BOLD:#}{}", indented(value, 12).trim_start());
    };
    if let Some(case) = case::all().find(|case| case.id == record.case) {
        row("case", case.what);
    }
    match clause::find(&record.clause) {
        Some(clause) => {
            row("clause", &format!("{} ({}): {}", clause.id, clause.level, clause.text));
        }
        None => row("clause", &record.clause),
    }
    if let Some(known) = &record.deviation {
        row("known as", &format!("{}: {}", known.verdict, known.reason));
    }
    match (&record.expected, &record.received, record.verdict) {
        (_, _, Verdict::Pass) => row("now", "it passes; remove it from the target's file"),
        (Some(expected), Some(received), _) => {
            row("expected", expected);
            row("received", received);
        }
        (_, received, verdict) => row(&verdict.to_string(), received.as_deref().unwrap_or("")),
    }
    // In one piece, to be copied.
    let _ = writeln!(text, "  {BOLD}{:<10}{BOLD:#}{rerun}", "rerun");
    if !record.log.is_empty() {
        let _ = writeln!(text, "  {BOLD}on the wire{BOLD:#}, in milliseconds from the start");
        text += &wire_log(&record.log, log_shown);
    }
    text
}

/// All entries, or of more than `shown` the first few and the last, and of each the first line.
fn wire_log(log: &[Entry], shown: usize) -> String {
    let mut text = String::new();
    let first = shown / 4;
    let left_out = log.len().saturating_sub(shown);
    for (n, entry) in log.iter().enumerate() {
        if (first..first + left_out).contains(&n) {
            if n == first {
                let _ = writeln!(
                    text,
                    "  {:>8}  … {left_out} more; a rerun of just this case shows all",
                    ""
                );
            }
            continue;
        }
        let arrow = match entry.direction {
            Direction::Sent => "->",
            Direction::Received => "<-",
            Direction::Note => "  ",
        };
        let what = printable(&entry.what);
        let mut lines = what.lines();
        let head = lines.next().unwrap_or("");
        let _ = writeln!(text, "  {:>8}  {:<10} {arrow} {head}", entry.at_ms, entry.who);
        let rest = if left_out == 0 { usize::MAX } else { 0 };
        for line in lines.take(rest) {
            let _ = writeln!(text, "  {:>8}  {:<10}    {line}", "", "");
        }
    }
    text
}

/// A clause or a case, with all that the document and the cases say of it.
#[must_use]
pub fn explanation(clause: &clause::Clause) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#} ({})\n", clause.id, clause.level);
    text += &indented(&clause.text, 2);
    if let Some(why) = &clause.why {
        let _ = write!(text, "\n  {BOLD}Why{BOLD:#}\n{}", indented(why, 2));
    }
    let _ = writeln!(text, "\n  {BOLD}Cases{BOLD:#}");
    for case in case::all().filter(|case| case.clause == clause.id) {
        let _ = write!(text, "  {}\n{}", case.id, indented(case.what, 6));
    }
    let consequence = match clause.level {
        Level::Must => "A proxy that does otherwise fails.",
        Level::Should => "A proxy that does otherwise is not strict; that fails nothing.",
    };
    text + "\n" + &indented(consequence, 2)
}

/// What a target says must not move the cursor or change colours.
fn printable(text: &str) -> String {
    let harmless = |c: char| c == '\n' || !c.is_control();
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if harmless(c) { c } else { char::REPLACEMENT_CHARACTER })
        .collect()
}

/// Prose, broken into lines of at most [`WIDTH`], each behind `margin` spaces; line ends stay.
fn indented(prose: &str, margin: usize) -> String {
    let mut text = String::new();
    for paragraph in printable(prose).lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let width = margin + line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && width > WIDTH {
                let _ = writeln!(text, "{:margin$}{line}", "");
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        let _ = writeln!(text, "{:margin$}{line}", "");
    }
    if text.is_empty() { "\n".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_broken_and_words_are_whole() {
        let long = "word ".repeat(40) + &"x".repeat(120);
        let lines = indented(&long, 4);
        assert_eq!(lines.split_whitespace().count(), 41);
        let (rest, last) = lines.trim_end().rsplit_once('\n').unwrap();
        assert!(rest.lines().all(|line| line.len() <= WIDTH && line.starts_with("    word")));
        assert_eq!(last, format!("    {}", "x".repeat(120)), "what has no gap stays whole");
    }

    #[test]
    fn a_long_log_shows_its_ends() {
        let entry = |n: u64| Entry {
            at_ms: n,
            who: "a".into(),
            direction: Direction::Sent,
            what: format!("m{n}"),
        };
        let log: Vec<_> = (0..30).map(entry).collect();
        let text = wire_log(&log, 8);
        assert_eq!(text.lines().count(), 9);
        assert!(text.contains("m1\n") && text.contains("… 22 more") && text.contains("m24\n"));
        assert_eq!(wire_log(&log, usize::MAX).lines().count(), 30);
    }
}
