//! The cases as tests of `cargo test`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::case::{self, Case};
use crate::filter;
use crate::report::{Report, ReportError, html, junit, terminal, write};
use crate::run::{Record, Verdict};
use crate::runner::{self, Event};
use crate::target::Source;
use crate::world::Suite;

/// The folder that reports are written to, if it is set.
const REPORT_DIR: &str = "NWS_REPORT_DIR";

/// Set where the cases of our own proxy must all run, and none be skipped for want of something.
const REQUIRE: &str = "NWS_REQUIRE_NETNS";

/// What the runner found out, for the tests that wait for it.
#[derive(Debug, Default)]
struct Board {
    records: Mutex<BTreeMap<String, Record>>,
    news: Condvar,
}

impl Board {
    fn put(&self, record: Record) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.insert(record.case.clone(), record);
        self.news.notify_all();
    }

    fn wait(&self, case: &Case) -> Record {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = |records: &mut BTreeMap<_, _>| !records.contains_key(case.id);
        let records =
            self.news.wait_while(records, missing).unwrap_or_else(PoisonError::into_inner);
        records[case.id].clone()
    }
}

/// Runs what the arguments of the program name, against what the environment names.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let empty = |case: &Case| Trial::test(case.id, || Ok(()));
    let chosen: Vec<_> =
        case::all().filter(|case| !arguments.is_filtered_out(&empty(case))).collect();
    if chosen.is_empty() {
        let word = arguments.filter.as_deref().unwrap_or_default();
        eprintln!("error: {}", filter::no_match("case", word));
        return ExitCode::from(2);
    }
    if arguments.list {
        return libtest_mimic::run(&arguments, case::all().map(empty).collect()).exit_code();
    }
    let source = Source::from_environment();
    let suite = match source.target() {
        Ok(target) => Suite::new(target),
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = runner::check(&suite) {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    let rerun =
        format!("{}cargo test -p conformance --test suite -- --exact {{case}}", source.shell());
    let strict = source.is_silent() && std::env::var_os(REQUIRE).is_some();
    let jobs = arguments.test_threads.replace(1).unwrap_or(runner::JOBS);
    let report = Report::begin(suite.target(), rerun);
    let (report, has_failed) = judge(&suite, &chosen, &arguments, jobs, strict, report);
    finish(report, has_failed)
}

/// Runs all, tells each case as a test, in the order of the document, and completes the report.
fn judge(
    suite: &Arc<Suite>,
    chosen: &[&'static Case],
    arguments: &Arguments,
    jobs: usize,
    strict: bool,
    mut report: Report,
) -> (Report, bool) {
    let started = Instant::now();
    let board = Arc::<Board>::default();
    let conclusion = thread::scope(|scope| {
        scope.spawn(|| {
            runner::run_all(suite, chosen, jobs, |event| {
                if let Event::Ended(_, record) = event {
                    board.put(record);
                }
            });
        });
        let rerun = &report.rerun;
        let trials = case::all().map(|case| {
            let (board, rerun) = (Arc::clone(&board), rerun.replace("{case}", case.id));
            Trial::ignorable_test(case.id, move || completion(&board.wait(case), &rerun, strict))
        });
        libtest_mimic::run(arguments, trials.collect())
    });
    report.records = chosen.iter().map(|case| board.wait(case)).collect();
    report.troubles = suite.troubles();
    report.took(started.elapsed());
    (report, conclusion.has_failed())
}

fn completion(record: &Record, rerun: &str, strict: bool) -> Result<Completion, Failed> {
    let is_missed = strict && record.verdict == Verdict::Skipped;
    if record.fails_the_run() || is_missed {
        let failure = terminal::failure(record, rerun, usize::MAX);
        return Err(anstream::adapter::strip_str(&failure).to_string().into());
    }
    Ok(match record.verdict {
        Verdict::Pass => Completion::Completed,
        Verdict::Fail | Verdict::NotStrict | Verdict::Skipped => {
            Completion::ignored_with(format!("{}: {}", record.verdict, record.summary()))
        }
    })
}

/// Writes the files that were asked for, and says how it ends.
fn finish(report: Report, has_failed: bool) -> ExitCode {
    for trouble in &report.troubles {
        eprintln!("error: {trouble}");
    }
    let as_expected = report.is_as_expected() && !has_failed;
    if let Some(folder) = std::env::var_os(REPORT_DIR).filter(|folder| !folder.is_empty())
        && let Err(error) = write_all(&crate::target::from_shell(&folder.to_string_lossy()), report)
    {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    // 101 is what `cargo test` knows as a failed test.
    if as_expected { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn write_all(folder: &Path, report: Report) -> Result<(), ReportError> {
    write(&folder.join("conformance.json"), &report.to_json())?;
    write(&folder.join("conformance.xml"), &junit::junit(&report)?)?;
    write(&folder.join("conformance.html"), &html::page(&[report]))
}
