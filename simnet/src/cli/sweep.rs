//! `simnet sweep`: many seeds, on several threads, each world on one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;
use simnet::run::{Keep, Outcome, run};
use simnet::scenario::builtin;
use simnet::{trace, world};

use super::failures::{replay_command, tell};
use super::progress::{Clock, Progress};
use super::run::cannot_write;
use super::target::Target;
use super::{Engine, Failure};

/// Run a scenario, all of them, or random worlds, with many seeds.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A built-in scenario, `all` of them, `random`, or a file.
    target: String,

    /// How many seeds.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    seeds: u64,

    /// The first seed; the others follow it.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first: u64,

    /// Worlds that run at once, each on a thread. By default as many as there are cores.
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,

    /// What to run them on.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,

    /// Run each world twice, and fail if the two differ in anything.
    #[arg(long)]
    twice: bool,

    /// Stop after so many worlds that failed.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    stop_after: usize,

    /// Write the results as JSON, with the digest of each run.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[cfg(feature = "planted-bugs")]
    #[command(flatten)]
    bug: super::bug::Args,
}

/// One world to run.
#[derive(Clone, Debug)]
struct Case {
    target: String,
    seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
struct Verdict {
    target: String,
    seed: u64,
    digest: Option<String>,
    #[serde(skip)]
    simulated: Duration,
    simulated_seconds: f64,
    failures: Vec<trace::Failure>,
    more_failures: usize,
    replay: String,
}

/// The check that a world is the same when it is run again.
const SAME_TWICE: &str = "same-twice";

/// Runs all of them, and tells which failed.
pub(super) fn sweep(args: &Args) -> Result<(), Failure> {
    let names: Vec<String> = match args.target.as_str() {
        "all" => builtin().iter().map(|scenario| scenario.name.to_owned()).collect(),
        name => vec![name.to_owned()],
    };
    let targets = names
        .into_iter()
        .map(|name| Target::find(&name).map(|target| (name, target)))
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    let cases: Vec<Case> = (args.first..args.first.saturating_add(args.seeds))
        .flat_map(|seed| targets.keys().map(move |target| Case { target: target.clone(), seed }))
        .collect();
    let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok().map(Into::into));
    let progress = Progress::new(cases.len(), &args.target);
    let clock = Clock::start();
    let verdicts = run_all(args, &targets, &cases, jobs.unwrap_or(1).max(1), &progress)?;
    progress.done();
    write_results(args, &verdicts)?;
    let failed = verdicts.iter().filter(|verdict| !verdict.failures.is_empty()).count();
    let simulated: Duration = verdicts.iter().map(|verdict| verdict.simulated).sum();
    let (seconds, hours) = (clock.seconds(), simulated.as_secs_f64() / 3600.0);
    let last = args.first + args.seeds.saturating_sub(1);
    println!(
        "{}   seeds {} to {last}   {} worlds, {failed} failed   {hours:.1} simulated hours in {seconds:.0} s, {:.1} worlds a second",
        args.target,
        args.first,
        verdicts.len(),
        verdicts.len() as f64 / seconds.max(0.001),
    );
    if failed == 0 { Ok(()) } else { Err(Failure::Told) }
}

fn run_all(
    args: &Args,
    targets: &BTreeMap<String, Target>,
    cases: &[Case],
    jobs: usize,
    progress: &Progress,
) -> Result<Vec<Verdict>, Failure> {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (sender, results) = mpsc::channel();
    let mut verdicts = std::thread::scope(|scope| {
        for _ in 0..jobs.min(cases.len()) {
            let (sender, next, failed) = (sender.clone(), &next, &failed);
            scope.spawn(move || {
                #[cfg(feature = "planted-bugs")]
                args.bug.plant();
                while failed.load(Ordering::Relaxed) < args.stop_after
                    && let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let verdict = run_case(args, &targets[&case.target], case);
                    let bad = verdict.as_ref().map_or(true, |verdict| !verdict.failures.is_empty());
                    failed.fetch_add(usize::from(bad), Ordering::Relaxed);
                    // The receiver is there until all senders are gone.
                    let _ = sender.send(verdict);
                }
            });
        }
        drop(sender);
        let told = |verdict: &Verdict| {
            progress.ran(!verdict.failures.is_empty(), || {
                println!("{} seed {}", verdict.target, verdict.seed);
                let (failures, more_failures) = (verdict.failures.clone(), verdict.more_failures);
                let outcome = Outcome { failures, more_failures, ..Outcome::default() };
                tell(&outcome, &verdict.replay);
            });
        };
        results.into_iter().map(|verdict| verdict.inspect(told)).collect::<Result<Vec<_>, _>>()
    })?;
    verdicts.sort_by(|a, b| (a.seed, &a.target).cmp(&(b.seed, &b.target)));
    Ok(verdicts)
}

/// Runs one world; if it fails, once more, to keep what led to it.
fn run_case(args: &Args, target: &Target, case: &Case) -> Result<Verdict, Failure> {
    let plan = target.plan(case.seed)?;
    let engine: world::Engine = args.engine.into();
    let replay = replay_command(&case.target, case.seed, engine);
    let digest = args.twice || args.json.is_some();
    let go = |before| run(&plan, engine, &replay, Keep { digest, before, ..Keep::default() });
    let mut outcome = go(false).map_err(Failure::wrong)?;
    if args.twice {
        let again = go(false).map_err(Failure::wrong)?;
        if again.digest != outcome.digest {
            outcome.fail(SAME_TWICE, "it ran otherwise the second time".to_owned());
        }
    } else if !outcome.is_sound() {
        outcome = go(true).map_err(Failure::wrong)?;
    }
    Ok(Verdict {
        target: case.target.clone(),
        seed: case.seed,
        digest: outcome.digest.map(|digest| digest.to_string()),
        simulated: outcome.simulated,
        simulated_seconds: outcome.simulated.as_secs_f64(),
        failures: outcome.failures,
        more_failures: outcome.more_failures,
        replay,
    })
}

fn write_results(args: &Args, verdicts: &[Verdict]) -> Result<(), Failure> {
    let write = |path: &Path, text: String| {
        std::fs::write(path, text).map_err(|error| cannot_write(path, &error))
    };
    if let Some(path) = &args.json {
        write(path, serde_json::to_string_pretty(verdicts).map_err(Failure::failed)?)?;
    }
    if let Some(path) = &args.junit {
        write(path, junit(verdicts).map_err(Failure::failed)?)?;
    }
    Ok(())
}

fn junit(verdicts: &[Verdict]) -> Result<String, quick_junit::SerializeError> {
    use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for verdict in verdicts {
        let mut status = TestCaseStatus::success();
        if let Some(first) = verdict.failures.first() {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(first.check.as_str());
            status.set_message(first.text.as_str());
            status.set_description(format!(
                "{}\nreplay: {}",
                first.before.join("\n"),
                verdict.replay
            ));
        }
        let suite =
            suites.entry(&verdict.target).or_insert_with(|| TestSuite::new(&verdict.target));
        suite.add_test_case(TestCase::new(format!("seed {}", verdict.seed), status));
    }
    let mut report = Report::new("simnet");
    report.add_test_suites(suites.into_values());
    report.to_string()
}
