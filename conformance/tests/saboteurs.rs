//! The tester, tested: `cargo test -p conformance --test saboteurs [FILTER]`.
//!
//! Each saboteur is our proxy with one fault, which breaks one clause (`saboteurs/`). The cases of
//! that clause must catch it: at least one of them fails. And every case must pass the sound proxy
//! that stands behind the same wrapper.

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use conformance::case::{self, Case};
use conformance::lan;
use conformance::run::{Record, Verdict, run};
use conformance::target::{Source, Target, build};
use conformance::wire::in_haste;
use conformance::world::Suite;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde::Deserialize;

/// Saboteurs at work side by side. What a fault holds back is waited for, which costs no work.
const JOBS: usize = 32;

/// Neighbours in the list are alike, and some flood their proxy: side by side they would starve each
/// other, so each eighth is taken, then the others.
const APART: usize = 8;

/// How long a wrong proxy is waited for: most of the time in vain. The sound one has all the time
/// that it has in the suite.
const HASTE: Duration = Duration::from_secs(8);

/// One row of `saboteur --list --json`.
#[derive(Deserialize)]
struct Fault {
    name: String,
    clause: String,
    what: String,
}

fn main() -> ExitCode {
    lan::enter_sandbox();
    if !Source::from_environment().is_silent() {
        println!("skipped: the environment names a target, and these test the suite itself");
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(JOBS);
    match trials() {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn trials() -> Result<Vec<Trial>, Box<dyn Error>> {
    let binary = build("saboteurs", "saboteur")?;
    let list = Command::new(&binary).args(["--list", "--json"]).output()?;
    if !list.status.success() {
        return Err(format!("{} cannot list its faults", binary.display()).into());
    }
    let mut trials = Vec::new();
    let rows = String::from_utf8(list.stdout)?;
    for row in (0..APART).flat_map(|first| rows.lines().skip(first).step_by(APART)) {
        let fault: Fault = serde_json::from_str(row)?;
        let suite = suite(&binary, &fault.name)?;
        let name = format!("{}/{}", fault.clause, fault.name);
        trials.push(Trial::ignorable_test(name, move || is_caught(&suite, &fault)));
    }
    let sound = suite(&binary, "none")?;
    trials.extend(case::all().map(|case| {
        let sound = Arc::clone(&sound);
        Trial::ignorable_test(format!("none/{}", case.id), move || passes(&sound, case))
    }));
    Ok(trials)
}

/// The suite against the saboteur with this fault.
fn suite(binary: &Path, fault: &str) -> Result<Arc<Suite>, Box<dyn Error>> {
    let mut file = Target::reference(binary)?.file().clone();
    let path = binary.to_string_lossy();
    let command = format!("{} --fault {fault}", shell_words::quote(&path));
    file.command = Some(format!("{command} --port {{port}}"));
    file.default_command = Some(command);
    Ok(Suite::new(Target::new(file)?))
}

/// Whether a case of the fault's clause fails.
fn is_caught(suite: &Arc<Suite>, fault: &Fault) -> Result<Completion, Failed> {
    let mut missed = Vec::new();
    for case in case::all().filter(|case| case.clause == fault.clause) {
        let record = in_haste(HASTE, || run(suite, case));
        // A clause that is a SHOULD is not failed but not met strictly.
        if matches!(record.verdict, Verdict::Fail | Verdict::NotStrict) {
            return Ok(Completion::Completed);
        }
        missed.push(line(&record));
    }
    let (Fault { clause, what, .. }, missed) = (fault, missed.join("\n  "));
    let why = format!("a proxy that {what} is not caught by any case of {clause}:\n  {missed}");
    // On a developer's machine there may be no hosts; then not all can be caught.
    match lan::unavailable() {
        Some(no_hosts) if !hosts_are_required() => Ok(Completion::ignored_with(no_hosts)),
        _ => Err(why.into()),
    }
}

/// Whether the sound proxy passes.
fn passes(suite: &Arc<Suite>, case: &'static Case) -> Result<Completion, Failed> {
    let record = run(suite, case);
    match record.verdict {
        Verdict::Pass => Ok(Completion::Completed),
        // What the target's file says of the reference proxy holds here too.
        _ if record.deviation.is_some() && !record.fails_the_run() => Ok(Completion::Completed),
        Verdict::Skipped if lan::unavailable().is_some() && hosts_are_required() => {
            Err(line(&record).into())
        }
        Verdict::Skipped => Ok(Completion::ignored_with(line(&record))),
        Verdict::Fail | Verdict::NotStrict => Err(line(&record).into()),
    }
}

/// Where hosts must be there, nothing is left out for want of them.
fn hosts_are_required() -> bool {
    std::env::var_os("NWS_REQUIRE_NETNS").is_some()
}

fn line(record: &Record) -> String {
    format!("{}: {} {}", record.case, record.verdict, record.summary())
}
