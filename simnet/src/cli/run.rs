//! `simnet run`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use simnet::run::{Keep, Outcome};
use simnet::scenario::Plan;

use super::failures::{headline, replay_command, tell};
use super::target::Target;
use super::{Engine, Failure};

/// Run one world and print its figures.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A built-in scenario, `random`, a scenario's .toml file, or a world's .json file.
    pub(super) target: String,

    /// Decides everything that the scenario leaves to chance. By default 1, or the file's own.
    #[arg(long)]
    pub(super) seed: Option<u64>,

    /// What to run it on.
    #[arg(long, value_enum, default_value_t)]
    pub(super) engine: Engine,

    /// Write every event as a line of JSON; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,

    /// Write every packet as pcapng, which Wireshark and tshark read. On the fabric only.
    #[arg(long, value_name = "FILE")]
    pub(super) pcap: Option<PathBuf>,

    /// Write a page that shows the run: the network in time, messages, faults, failures.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,

    /// Write the world itself as JSON, to be run or shrunk later.
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,

    /// Print the outcome and figures as JSON.
    #[arg(long)]
    pub(super) json: bool,

    #[cfg(feature = "planted-bugs")]
    #[command(flatten)]
    pub(super) bug: super::bug::Args,
}

/// Runs it, and says what came of it.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (plan, replay, outcome) = perform(args)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcome).map_err(Failure::failed)?);
    } else {
        println!("{}", headline(&plan));
        print_figures(&outcome);
        tell(&outcome, &replay);
    }
    finish(&outcome)
}

/// Runs it, and gives the world, the command that runs it again, and what came of it.
pub(super) fn perform(args: &Args) -> Result<(Plan, String, Outcome), Failure> {
    let target = Target::find(&args.target)?;
    let seed = args.seed.unwrap_or_else(|| target.seed());
    let plan = target.plan(seed)?;
    #[cfg(feature = "planted-bugs")]
    args.bug.plant();
    let engine = args.engine.into();
    if let Some(path) = &args.save {
        std::fs::write(path, plan.to_json()).map_err(|error| cannot_write(path, &error))?;
    }
    let keep = Keep {
        digest: true,
        figures: true,
        before: true,
        trace: args.trace.as_deref().map(create).transpose()?,
        packets: args.pcap.as_deref().map(create).transpose()?,
        report: args.report.as_deref().map(create).transpose()?,
    };
    let replay = replay_command(&args.target, seed, engine);
    let outcome = simnet::run::run(&plan, engine, &replay, keep).map_err(Failure::wrong)?;
    Ok((plan, replay, outcome))
}

fn print_figures(outcome: &Outcome) {
    if let Some(figures) = &outcome.figures {
        println!("{figures}");
    }
    if let Some(digest) = &outcome.digest {
        println!("trace hash {digest}");
    }
}

pub(super) fn finish(outcome: &Outcome) -> Result<(), Failure> {
    for error in &outcome.unwritten {
        eprintln!("error: not everything could be written: {error}");
    }
    if outcome.is_sound() && outcome.unwritten.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

/// Opens a file for what is written to it piece by piece.
fn create(path: &Path) -> Result<Box<dyn Write>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
    Ok(Box::new(file))
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}", path.display()))
}
