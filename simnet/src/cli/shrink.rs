//! `simnet shrink`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use simnet::run::{Keep, run};
use simnet::scenario::Plan;
use simnet::shrink::shrink as smallest;

use super::failures::{headline, replay_command, told};
use super::out::{self, Words, create};
use super::progress::Steps;
use super::target::Target;
use super::{Engine, Failure, bug};

/// Find the smallest world that still fails as this one does.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A built-in scenario, `random`, a scenario's .toml file, or a world's .json file.
    target: String,

    /// The seed with which it fails. By default 1, or the file's own.
    #[arg(long)]
    seed: Option<u64>,

    /// What to run it on.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,

    /// The check that is to fail still. By default the first that does.
    #[arg(long, value_name = "NAME")]
    check: Option<String>,

    /// How many worlds to try at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 500)]
    budget: usize,

    /// Where to write the smallest world found.
    #[arg(long, value_name = "FILE", default_value = "shrunk.json")]
    out: PathBuf,

    #[command(flatten)]
    bug: bug::Planted,
}

/// Shrinks it, and says what is left and how that fails.
pub(super) fn shrink(args: &Args) -> Result<(), Failure> {
    let target = Target::find(&args.target)?;
    let plan = target.plan(args.seed.unwrap_or_else(|| target.seed()))?;
    args.bug.plant();
    let engine = args.engine.into();
    let keep = |before| Keep { before, ..Keep::default() };
    let failing = |plan: &Plan| -> Result<Vec<String>, Failure> {
        let outcome = run(plan, engine, "", keep(false)).map_err(Failure::wrong)?;
        Ok(outcome.failures.into_iter().map(|failure| failure.check).collect())
    };
    let found = failing(&plan)?;
    let check = match &args.check {
        _ if found.is_empty() => {
            return Err(Failure::wrong("this world does not fail: there is nothing to shrink"));
        }
        Some(check) if !found.contains(check) => {
            let found: BTreeSet<_> = found.into_iter().collect();
            let found = found.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Failure::Wrong(format!(
                "{check:?} does not fail here; what does: {found}"
            )));
        }
        Some(check) => check.clone(),
        None => found[0].clone(),
    };
    let steps = Steps::new(args.budget as u64, &check);
    let still_fails = |plan: &Plan| failing(plan).is_ok_and(|found| found.contains(&check));
    let small = smallest(&plan, still_fails, args.budget, |step| {
        steps.tried(step.tried, &headline(step.best));
    });
    steps.done();
    out::write(&args.out, &mut *create(&args.out)?, &small.to_json())?;
    let outcome = run(&small, engine, "", keep(true)).map_err(Failure::wrong)?;
    let replay = replay_command(&args.out.to_string_lossy(), small.seed, engine, args.bug);
    let words = Words::beside([Some(args.out.as_path())]);
    words.say(&format!("from  {}\nto    {}", headline(&plan), headline(&small)))?;
    words.say(&told(&outcome, &replay))
}
