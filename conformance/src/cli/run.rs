//! `conformance run`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

use conformance::case::Case;
use conformance::filter::choose;
use conformance::report::{Report, html, junit, terminal, write};
use conformance::run::Record;
use conformance::runner::{Event, check, run_all};
use conformance::target::Source;
use conformance::world::Suite;

use super::{Run, Trouble};

/// Erases the line that the cursor is in.
const ERASE: &str = "\r\x1b[2K";

/// Cases that the line of progress names.
const NAMED: usize = 3;

pub(super) fn run(task: &Run) -> Result<ExitCode, Trouble> {
    let cases = choose(&task.filters, task.exact)?;
    let source = source(task);
    let suite = Suite::new(source.target()?);
    check(&suite)?;
    let program = std::env::args().next().unwrap_or_else(|| "conformance".to_owned());
    let program = shell_words::quote(&program).into_owned();
    let rerun = format!("{program} run --exact {{case}}{}", source.flags());
    let mut report = Report::begin(suite.target(), rerun);
    // Who gave only a command has it for a name.
    match report.how.contains(&report.target) {
        true => anstream::println!("{}\n", report.how),
        false => anstream::println!("{}: {}\n", report.target, report.how),
    }
    let started = Instant::now();
    let mut progress = Progress::new(&cases);
    run_all(&suite, &cases, task.jobs, |event| progress.tell(event));
    report.records = progress.records();
    report.troubles = suite.troubles();
    report.took(started.elapsed());
    anstream::print!("{}", terminal::summary(&report));
    let as_expected = report.is_as_expected();
    files(task, report)?;
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The flags say what to test, or else the environment.
fn source(task: &Run) -> Source {
    let flags =
        Source { command: task.command.clone(), url: task.url.clone(), file: task.target.clone() };
    if flags.is_silent() { Source::from_environment() } else { flags }
}

fn files(task: &Run, report: Report) -> Result<(), Trouble> {
    if let Some(path) = &task.json {
        write(path, &report.to_json())?;
    }
    if let Some(path) = &task.junit {
        write(path, &junit::junit(&report)?)?;
    }
    if let Some(path) = &task.html {
        write(path, &html::page(&[report]))?;
    }
    Ok(())
}

/// Tells of each area as soon as it and those before it are done; at a terminal also what runs.
struct Progress {
    cases: Vec<&'static Case>,
    /// Cases of these areas have been told of.
    told: usize,
    records: BTreeMap<&'static str, Record>,
    running: BTreeSet<&'static str>,
    lively: bool,
}

impl Progress {
    fn new(cases: &[&'static Case]) -> Self {
        Self {
            cases: cases.to_vec(),
            told: 0,
            records: BTreeMap::new(),
            running: BTreeSet::new(),
            lively: std::io::stdout().is_terminal(),
        }
    }

    /// All records, in the order of the cases.
    fn records(mut self) -> Vec<Record> {
        self.cases.iter().filter_map(|case| self.records.remove(case.id)).collect()
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Started(case) => {
                self.running.insert(case.id);
            }
            Event::Ended(case, record) => {
                self.running.remove(case.id);
                self.records.insert(case.id, record);
            }
        }
        if self.lively {
            anstream::print!("{ERASE}");
        }
        while let Some(area) = self.next_area() {
            anstream::println!("{area}");
        }
        if self.lively && !self.running.is_empty() {
            let failed = self.records.values().filter(|record| record.fails_the_run()).count();
            let named: Vec<_> = self.running.iter().copied().take(NAMED).collect();
            anstream::print!(
                "  {} of {}, {failed} failed; now: {}",
                self.records.len(),
                self.cases.len(),
                named.join(", ")
            );
            let _ = std::io::stdout().flush();
        }
    }

    /// The line of the next area that is done.
    fn next_area(&mut self) -> Option<String> {
        let area = |case: &Case| case.clause().area();
        let name = area(self.cases.get(self.told)?);
        let members: Vec<_> =
            self.cases[self.told..].iter().take_while(|case| area(case) == name).collect();
        let records: Option<Vec<_>> =
            members.iter().map(|case| self.records.get(case.id)).collect();
        let line = terminal::area(name, &records?);
        self.told += members.len();
        Some(line)
    }
}
