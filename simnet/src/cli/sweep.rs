//! `simnet sweep`: many seeds, on several threads, each world on one.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;
use simnet::run::{Keep, Outcome, run};
use simnet::scenario::builtin;
use simnet::{trace, world};

use super::failures::{replay_command, told};
use super::out::{self, Words, create};
use super::progress::{Clock, Progress};
use super::target::Target;
use super::{Engine, Failure, bug};

/// Run a scenario, all of them, or random worlds, with many seeds.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A built-in scenario, `all` of them, `random`, or a file.
    target: String,

    /// How many seeds.
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    seeds: NonZero<u64>,

    /// The first seed; the others follow it.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first: u64,

    /// Worlds that run at once, each on a thread. By default as many as there are cores.
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<NonZero<usize>>,

    /// What to run them on.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,

    /// Run each world twice, and fail if the two differ in anything.
    #[arg(long)]
    twice: bool,

    /// Stop after so many worlds that failed.
    #[arg(long, value_name = "NUMBER", default_value = "20")]
    stop_after: NonZero<usize>,

    /// Write the results as JSON, with the digest of each run; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[command(flatten)]
    bug: bug::Planted,
}

/// The worlds to run: each target with each seed, counted.
#[derive(Debug)]
struct Cases {
    targets: Vec<(String, Target)>,
    first: u64,
    number: u64,
}

impl Cases {
    fn new(args: &Args) -> Result<Self, Failure> {
        let names = match args.target.as_str() {
            ALL => builtin().iter().map(|scenario| scenario.name).collect(),
            name => vec![name],
        };
        let find = |name: &str| Target::find(name).map(|target| (name.to_owned(), target));
        let targets = names.into_iter().map(find).collect::<Result<Vec<_>, _>>()?;
        let seeds = args.seeds.get();
        let number = seeds.checked_mul(targets.len() as u64);
        let last = args.first.checked_add(seeds - 1);
        let (Some(number), Some(_)) = (number, last) else {
            let first = args.first;
            return Err(Failure::Wrong(format!("there are not {seeds} seeds from {first} on")));
        };
        Ok(Self { targets, first: args.first, number })
    }

    /// A target's name, itself, and a seed.
    fn get(&self, nth: u64) -> Option<(&str, &Target, u64)> {
        let targets = self.targets.len() as u64;
        let (name, target) = &self.targets[(nth % targets) as usize];
        (nth < self.number).then(|| (name.as_str(), target, self.first + nth / targets))
    }
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

/// The target that is every built-in scenario.
const ALL: &str = "all";

/// The check that a world is the same when it is run again.
const SAME_TWICE: &str = "same-twice";

/// Runs all of them, and tells which failed.
pub(super) fn sweep(args: &Args) -> Result<(), Failure> {
    let cases = Cases::new(args)?;
    let mut results = Results::open(args)?;
    let words = Words::beside([&args.json, &args.junit].map(|file| file.as_deref()));
    let progress = Progress::new(cases.number, &args.target);
    let clock = Clock::start();
    let verdicts = run_all(args, &cases, &progress, words)?;
    progress.done();
    results.write(&verdicts)?;
    words.say(&summary(args, &cases, &verdicts, clock.seconds()))?;
    match verdicts.iter().all(|verdict| verdict.failures.is_empty()) {
        true => Ok(()),
        false => Err(Failure::Told),
    }
}

fn summary(args: &Args, cases: &Cases, verdicts: &[Verdict], seconds: f64) -> String {
    let (target, ran, all) = (&args.target, verdicts.len(), cases.number);
    let failed = verdicts.iter().filter(|verdict| !verdict.failures.is_empty()).count();
    let simulated: Duration = verdicts.iter().map(|verdict| verdict.simulated).sum();
    let hours = simulated.as_secs_f64() / 3600.0;
    let (first, last) = (cases.first, cases.first + (args.seeds.get() - 1));
    let rate = ran as f64 / seconds.max(0.001);
    let of = if ran as u64 == all { String::new() } else { format!(" of {all}") };
    format!(
        "{target}   seeds {first} to {last}   {ran}{of} worlds, {failed} failed   {hours:.1} \
         simulated hours in {seconds:.0} s, {rate:.1} worlds a second"
    )
}

fn run_all(
    args: &Args,
    cases: &Cases,
    progress: &Progress,
    words: Words,
) -> Result<Vec<Verdict>, Failure> {
    let cores = || std::thread::available_parallelism().ok();
    let jobs = args.jobs.or_else(cores).map_or(1, NonZero::get) as u64;
    let (next, failed) = (AtomicU64::new(0), AtomicUsize::new(0));
    let (sender, results) = mpsc::channel();
    let enough = args.stop_after.get();
    let mut verdicts = std::thread::scope(|scope| {
        for _ in 0..jobs.min(cases.number) {
            let (sender, next, failed) = (sender.clone(), &next, &failed);
            scope.spawn(move || {
                args.bug.plant();
                while failed.load(Ordering::Relaxed) < enough
                    && let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let verdict = run_case(args, case);
                    let bad = match &verdict {
                        Ok(verdict) => usize::from(!verdict.failures.is_empty()),
                        // The others would go the same way.
                        Err(_) => enough,
                    };
                    failed.fetch_add(bad, Ordering::Relaxed);
                    // The receiver is there until all senders are gone, or one has failed.
                    let _ = sender.send(verdict);
                }
            });
        }
        drop(sender);
        let tell = |verdict: Verdict| {
            progress.ran(!verdict.failures.is_empty(), || words.say(&verdict.told()))?;
            Ok(verdict)
        };
        results.into_iter().map(|verdict| verdict.and_then(tell)).collect::<Result<Vec<_>, _>>()
    })?;
    verdicts.sort_by(|a, b| (a.seed, &a.target).cmp(&(b.seed, &b.target)));
    Ok(verdicts)
}

/// Runs one world; if it fails, once more, to keep what led to it.
fn run_case(args: &Args, (name, target, seed): (&str, &Target, u64)) -> Result<Verdict, Failure> {
    let plan = target.plan(seed)?;
    let engine: world::Engine = args.engine.into();
    let replay = replay_command(name, seed, engine, args.bug);
    let digest = args.twice || args.json.is_some();
    let go = |before| run(&plan, engine, &replay, Keep { digest, before, ..Keep::default() });
    let mut outcome = go(false).map_err(Failure::wrong)?;
    if args.twice || !outcome.is_sound() {
        let first = outcome.digest;
        outcome = go(!outcome.is_sound()).map_err(Failure::wrong)?;
        if args.twice && outcome.digest != first {
            outcome.fail(SAME_TWICE, "it ran otherwise the second time".to_owned());
        }
    }
    Ok(Verdict {
        target: name.to_owned(),
        seed,
        digest: outcome.digest.map(|digest| digest.to_string()),
        simulated: outcome.simulated,
        simulated_seconds: outcome.simulated.as_secs_f64(),
        failures: outcome.failures,
        more_failures: outcome.more_failures,
        replay,
    })
}

impl Verdict {
    fn told(&self) -> String {
        let (failures, more_failures) = (self.failures.clone(), self.more_failures);
        let outcome = Outcome { failures, more_failures, ..Outcome::default() };
        format!("{} seed {}\n{}", self.target, self.seed, told(&outcome, &self.replay))
    }
}

/// The files that results go to.
struct Results<'a> {
    json: Option<(&'a Path, Box<dyn Write>)>,
    junit: Option<(&'a Path, Box<dyn Write>)>,
}

impl<'a> Results<'a> {
    fn open(args: &'a Args) -> Result<Self, Failure> {
        let open = |path: &'a Option<PathBuf>| {
            path.as_deref().map(|path| Ok((path, create(path)?))).transpose()
        };
        Ok(Self { json: open(&args.json)?, junit: open(&args.junit)? })
    }

    fn write(&mut self, verdicts: &[Verdict]) -> Result<(), Failure> {
        if let Some((path, to)) = &mut self.json {
            let json = serde_json::to_string_pretty(verdicts).map_err(Failure::failed)?;
            out::write(path, to, &json)?;
        }
        if let Some((path, to)) = &mut self.junit {
            out::write(path, to, &junit(verdicts).map_err(Failure::failed)?)?;
        }
        Ok(())
    }
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
