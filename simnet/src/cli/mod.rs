//! The program's commands.
#![allow(
    rustdoc::invalid_html_tags,
    reason = "what documents the arguments is shown by --help, as plain text"
)]

mod bug;
mod failures;
mod list;
mod out;
mod progress;
mod replay;
mod run;
mod shrink;
mod study;
mod sweep;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use simnet::world;

const EXAMPLES: &str = "\
Examples:
  simnet list                                    the scenarios that there are
  simnet run partition-heals --seed 42           one run, with its figures
  simnet run my.toml --report report.html        a scenario of your own, as a page
  simnet sweep random --seeds 1000               a thousand worlds drawn at random
  simnet shrink random --seed 7 --out small.json the smallest world that still fails
  simnet replay small.json                       that one again, with what led to the failure

Exit status:
  0  everything that must hold held
  1  something did not, or a file could not be written
  2  wrong arguments, or a scenario that contradicts itself";

/// Simulated local networks of real Named WebSockets proxies: the same run for the same seed.
#[derive(Debug, Parser)]
#[command(name = "simnet", version, after_help = EXAMPLES, help_expected = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the built-in scenarios.
    List(list::Args),
    /// Run one world and print its figures.
    Run(run::Args),
    /// Run a scenario, all of them, or random worlds, with many seeds.
    Sweep(sweep::Args),
    /// Run a world that failed again, and tell what led to it.
    Replay(replay::Args),
    /// Find the smallest world that still fails as this one does.
    Shrink(shrink::Args),
    /// Run a scenario for each value of a parameter, and plot a figure.
    Study(study::Args),
}

/// The engine to run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// Our own simulated network: everything that a scenario may say.
    #[default]
    Fabric,
    /// turmoil: up to 40 proxies, few kinds of faults.
    Turmoil,
    /// Real sockets of this machine, in real time; no faults of the network.
    Loopback,
}

impl From<Engine> for world::Engine {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Fabric => Self::Fabric,
            Engine::Turmoil => Self::Turmoil,
            Engine::Loopback => Self::Loopback,
        }
    }
}

/// Why a command did not do what it was to do.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The person can mend it: exit status 2.
    #[error("{0}")]
    Wrong(String),
    /// Something failed, and has been told: exit status 1.
    #[error("")]
    Told,
    /// Something failed: exit status 1.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
    fn wrong(error: impl ToString) -> Self {
        Self::Wrong(error.to_string())
    }

    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
    fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::List(args) => list::list(&args),
        Command::Run(args) => run::run(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Shrink(args) => shrink::shrink(&args),
        Command::Study(args) => study::study(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Failed(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        Err(Failure::Wrong(error)) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
