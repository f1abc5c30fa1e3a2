//! The cases as tests of `cargo test`.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::case::{self, Case};
use crate::report;
use crate::run::{Record, Verdict, run};
use crate::target::{Target, TargetError, TargetFile, build_reference};
use crate::world::Suite;

/// Cases that run side by side, unless `--test-threads` says otherwise. They wait more than they
/// work.
const THREADS: usize = 8;

/// Runs what the arguments of the program name, against what the environment names.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let trials = case::all().map(|case| (case, Trial::test(case.id, || Ok(()))));
    let chosen = trials.filter(|(_, trial)| !arguments.is_filtered_out(trial)).count();
    if chosen == 0 {
        eprintln!("error: no case matches; `cargo test -p conformance -- --list` shows them all");
        return ExitCode::from(2);
    }
    if arguments.list {
        let trials = case::all().map(|case| Trial::test(case.id, || Ok(()))).collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let target = match from_environment() {
        Ok(target) => target,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let suite = Suite::new(target);
    let trials = case::all().map(|case| trial(&suite, case)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_code()
}

fn trial(suite: &Arc<Suite>, case: &'static Case) -> Trial {
    let suite = Arc::clone(suite);
    Trial::ignorable_test(case.id, move || completion(&run(&suite, case)))
}

fn completion(record: &Record) -> Result<Completion, Failed> {
    if record.fails_the_run() {
        return Err(report::terminal::failure(record).into());
    }
    Ok(match record.verdict {
        Verdict::Pass => Completion::Completed,
        Verdict::Fail | Verdict::NotStrict | Verdict::Skipped => {
            Completion::ignored_with(format!("{}: {}", record.verdict, record.summary()))
        }
    })
}

/// The target that the environment names.
///
/// # Errors
///
/// It names more than one, or one that cannot be understood.
pub fn from_environment() -> Result<Target, TargetError> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    choose(value("NWS_TARGET_CMD"), value("NWS_TARGET_URL"), value("NWS_TARGET_FILE"))
}

/// The target by a command, a URL or a file; a file may go with either of the others, which then
/// says how it is started. Without any it is our own proxy, which is built.
///
/// # Errors
///
/// A target that cannot be understood.
pub fn choose(
    command: Option<String>,
    url: Option<String>,
    file: Option<String>,
) -> Result<Target, TargetError> {
    if command.is_none() && url.is_none() && file.is_none() {
        return Target::reference(&build_reference()?);
    }
    let mut target = match file {
        Some(path) => TargetFile::read(&crate::target::from_shell(&path))?,
        None => TargetFile {
            name: command.clone().or_else(|| url.clone()).unwrap_or_default(),
            ..TargetFile::default()
        },
    };
    if command.is_some() || url.is_some() {
        (target.command, target.url) = (command, url);
    }
    Target::new(target)
}
