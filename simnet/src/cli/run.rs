//! `simnet run`.

use std::path::PathBuf;

use simnet::run::{Keep, Outcome};
use simnet::scenario::Plan;

use super::failures::{headline, replay_command, told};
use super::out::{self, Words, create};
use super::target::Target;
use super::{Engine, Failure, bug};

/// Run one world and print its figures.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    world: World,

    /// Print the outcome and figures as JSON.
    #[arg(long)]
    json: bool,
}

/// A world to run, and what to keep of it.
#[derive(Debug, clap::Args)]
pub(super) struct World {
    /// A built-in scenario, `random`, a scenario's .toml file, or a world's .json file.
    target: String,

    /// Decides everything that the scenario leaves to chance. By default 1, or the file's own.
    #[arg(long)]
    seed: Option<u64>,

    /// What to run it on.
    #[arg(long, value_enum, default_value_t)]
    pub(super) engine: Engine,

    /// Write every event as a line of JSON; `-` is standard output, here as in all that follow.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Write every packet as pcapng, which Wireshark and tshark read. On the fabric only.
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,

    /// Write a page that shows the run: the network in time, messages, faults, failures.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Write the world itself as JSON, to be run or shrunk later.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    #[command(flatten)]
    bug: bug::Planted,
}

impl World {
    /// Where to say what came of it.
    pub(super) fn words(&self) -> Words {
        Words::beside([&self.trace, &self.pcap, &self.report, &self.save].map(|f| f.as_deref()))
    }
}

/// Runs it, and says what came of it.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let words = args.world.words();
    let (plan, replay, outcome) = perform(&args.world)?;
    if args.json {
        words.say(&serde_json::to_string_pretty(&outcome).map_err(Failure::failed)?)?;
    } else {
        words.say(&headline(&plan))?;
        if let Some(figures) = &outcome.figures {
            words.say(&figures.to_string())?;
        }
        if let Some(digest) = &outcome.digest {
            words.say(&format!("trace hash {digest}"))?;
        }
        if !outcome.is_sound() {
            words.say(&told(&outcome, &replay))?;
        }
    }
    finish(&outcome)
}

/// Runs it, and gives the world, the command that runs it again, and what came of it.
pub(super) fn perform(args: &World) -> Result<(Plan, String, Outcome), Failure> {
    let target = Target::find(&args.target)?;
    let seed = args.seed.unwrap_or_else(|| target.seed());
    let plan = target.plan(seed)?;
    args.bug.plant();
    let engine = args.engine.into();
    if let Some(path) = &args.save {
        out::write(path, &mut *create(path)?, &plan.to_json())?;
    }
    let keep = Keep {
        digest: true,
        figures: true,
        before: true,
        trace: args.trace.as_deref().map(create).transpose()?,
        packets: args.pcap.as_deref().map(create).transpose()?,
        report: args.report.as_deref().map(create).transpose()?,
    };
    let replay = replay_command(&args.target, seed, engine, args.bug);
    let outcome = simnet::run::run(&plan, engine, &replay, keep).map_err(Failure::wrong)?;
    Ok((plan, replay, outcome))
}

pub(super) fn finish(outcome: &Outcome) -> Result<(), Failure> {
    for error in &outcome.unwritten {
        eprintln!("error: not everything could be written: {error}");
    }
    if outcome.is_sound() && outcome.unwritten.is_empty() { Ok(()) } else { Err(Failure::Told) }
}
